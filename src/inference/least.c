/* least.c: the least size of the response to a batch of lists, by "top_n" in the body, so that a
 * batch whose response must exceed the limit is refused before its lists are computed.
 *
 * (1) It is never more than the response: what is not certain counts as nothing. That is a list that a
 *     field such as movieIds or where may shorten, and any list where a catalogue has hardly more items than
 *     one user has rated, or with `strict`.
 * (2) A body is read in pieces. An instance on the border of two may have its top_n in the one and
 *     where in the other, so the first and the last list of a piece do not count. Nor does a piece
 *     with a backslash, which may hide a name. */
#include "inference/state.h"

#include <string.h>

/* The fewest bytes of an item and of a list without items. */
#define ITEM      "{\"sku\":\"1\",\"score\":0.0},"
#define PREDICTED ",\"predicted_rating\":0.0"
#define LIST      "{\"recommendations\":[]}"

enum { PIECE_BYTES = 256 * 1024 };

/* The number after "top_n" at `at`, at most max; 0: there is none. The body ends in a zero. */
static size_t read_count(const char *at, size_t max)
{
    size_t n = 0;
    at += strspn(at, " \t\r\n");
    if (*at++ != ':')
        return 0;
    at += strspn(at, " \t\r\n");
    while (*at >= '0' && *at <= '9' && n <= max)
        n = n * 10 + (size_t)(*at++ - '0');
    return n <= max ? n : 0;
}

static size_t list_bytes(const mf_inference *inference, size_t n)
{
    const bool has_ratings = mf_recommender_has_ratings(inference->recommender);
    const size_t item = sizeof ITEM - 1 + (has_ratings ? sizeof PREDICTED - 1 : 0);
    return n > 0 ? sizeof LIST - 1 + n * item : 0;
}

/* Whether a key of the piece is of a field that may shorten a list. Those of items and users in the plural
 * have many names, which all end in s. */
static bool may_shorten(const char *piece, size_t n_bytes)
{
    static const char *const names[] = {"\"where\"", "\"exclude\"", "\"in\"", "\"max_per\"",
                                        "\"offset\""};
    static const char *const harmless[] = {"\"ratings", "\"instances"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (memmem(piece, n_bytes, names[i], strlen(names[i])) != NULL)
            return true;
    for (const char *at = piece, *end = piece + n_bytes;
         (at = memmem(at, (size_t)(end - at), "s\"", 2)) != NULL; at += 2) {
        const size_t n_blanks = strspn(at + 2, " \t\r\n");
        bool is_known = at[2 + n_blanks] != ':';
        for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
            const size_t n = strlen(harmless[i]);
            is_known = is_known ||
                       ((size_t)(at + 1 - piece) >= n && memcmp(at + 1 - n, harmless[i], n) == 0);
        }
        if (!is_known)
            return true;
    }
    return false;
}

static uint64_t least_of_piece(const mf_inference *inference, const char *piece, size_t n_bytes)
{
    static const char name[] = "\"top_n\"";
    const char *end = piece + n_bytes;
    uint64_t sum = 0;
    size_t last = 0;
    if (memchr(piece, '\\', n_bytes) != NULL || may_shorten(piece, n_bytes))
        return 0;
    for (bool is_first = true;
         (piece = memmem(piece, (size_t)(end - piece), name, sizeof name - 1)) != NULL;
         is_first = false) {
        piece += sizeof name - 1;
        sum += last;
        last =
            is_first ? 0 : list_bytes(inference, read_count(piece, inference->limits->max_top_n));
    }
    return sum;
}

void mf_least_step(mf_inference *inference)
{
    const mf_inference_limits *limits = inference->limits;
    const size_t left = inference->n_bytes - inference->least_at;
    const size_t n_bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
    if (limits->max_response_bytes == 0 || limits->strict || inference->single ||
        mf_recommender_least_list(inference->recommender, limits->max_fold_in) <
            limits->max_top_n) {
        inference->least_at = inference->n_bytes;
        return;
    }
    inference->least_bytes +=
        least_of_piece(inference, inference->body + inference->least_at, n_bytes);
    inference->least_at += n_bytes;
}
