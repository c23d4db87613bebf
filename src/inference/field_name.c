/* field_name.c: see field_name.h. */
#include "inference/field_name.h"

#include <stdbool.h>
#include <string.h>

const char *const mf_field_names[MF_FIELDS] = {
    [MF_FIELD_USER_ID] = "userId",
    [MF_FIELD_MOVIE_ID] = "movieId",
    [MF_FIELD_MOVIE_IDS] = "movieIds",
    [MF_FIELD_TOP_N] = "top_n",
    [MF_FIELD_INCLUDE_RATED] = "include_rated",
    [MF_FIELD_ORDER] = "order",
    [MF_FIELD_SIMILAR] = "similar",
    [MF_FIELD_RATINGS] = "ratings",
    [MF_FIELD_INSTANCES] = "instances",
    [MF_FIELD_RATING] = "rating",
    [MF_FIELD_TIMESTAMP] = "timestamp",
};

/* As others say it, in small letters without underscores. */
static const struct {
    const char *word;
    mf_field field;
} others[] = {
    {"user", MF_FIELD_USER_ID},
    {"users", MF_FIELD_USER_ID},
    {"movie", MF_FIELD_MOVIE_ID},
    {"item", MF_FIELD_MOVIE_ID},
    {"itemid", MF_FIELD_MOVIE_ID},
    {"movies", MF_FIELD_MOVIE_IDS},
    {"items", MF_FIELD_MOVIE_IDS},
    {"itemids", MF_FIELD_MOVIE_IDS},
    {"inputlist", MF_FIELD_MOVIE_IDS},
    {"candidates", MF_FIELD_MOVIE_IDS},
    {"n", MF_FIELD_TOP_N},
    {"k", MF_FIELD_TOP_N},
    {"topk", MF_FIELD_TOP_N},
    {"limit", MF_FIELD_TOP_N},
    {"count", MF_FIELD_TOP_N},
    {"numresults", MF_FIELD_TOP_N},
    {"orderby", MF_FIELD_ORDER},
    {"sort", MF_FIELD_ORDER},
    {"sortby", MF_FIELD_ORDER},
    {"rankby", MF_FIELD_ORDER},
    {"similaritems", MF_FIELD_SIMILAR},
    {"similarmovies", MF_FIELD_SIMILAR},
    {"history", MF_FIELD_RATINGS},
    {"inputs", MF_FIELD_INSTANCES},
    {"data", MF_FIELD_INSTANCES},
    {"value", MF_FIELD_RATING},
    {"score", MF_FIELD_RATING},
    {"stars", MF_FIELD_RATING},
    {"weight", MF_FIELD_RATING},
    {"time", MF_FIELD_TIMESTAMP},
    {"ts", MF_FIELD_TIMESTAMP},
    {"date", MF_FIELD_TIMESTAMP},
    {"ratedat", MF_FIELD_TIMESTAMP},
};

enum { WORD_BYTES = 32, SHORTEST_SLIP = 4 };

mf_field mf_field_find(const char *name, size_t n_bytes)
{
    for (mf_field field = 0; field < MF_FIELDS; field++)
        if (strlen(mf_field_names[field]) == n_bytes &&
            memcmp(mf_field_names[field], name, n_bytes) == 0)
            return field;
    return MF_FIELDS;
}

/* Small letters, no underscores; what does not fit is cut. Returns the length. */
static size_t simplify(char word[WORD_BYTES], const char *name, size_t n_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes && n < WORD_BYTES - 1; i++) {
        if (name[i] == '_' || name[i] == '-' || name[i] == ' ')
            continue;
        word[n++] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
    }
    word[n] = '\0';
    return n;
}

/* a becomes b by inserting, dropping or replacing a letter or by swapping two
 * neighbours. */
static bool is_one_slip(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t front = 0;
    while (front < n_a && front < n_b && a[front] == b[front])
        front++;
    size_t back = 0;
    while (back < n_a - front && back < n_b - front && a[n_a - 1 - back] == b[n_b - 1 - back])
        back++;
    const size_t rest_a = n_a - front - back, rest_b = n_b - front - back;
    if (rest_a <= 1 && rest_b <= 1)
        return true;
    return rest_a == 2 && rest_b == 2 && a[front] == b[front + 1] && a[front + 1] == b[front];
}

mf_field mf_field_guess(const char *name, size_t n_bytes, unsigned allowed)
{
    char word[WORD_BYTES];
    const size_t n = simplify(word, name, n_bytes);
    mf_field slip = MF_FIELDS;
    for (mf_field field = 0; field < MF_FIELDS; field++) {
        char known[WORD_BYTES];
        const size_t n_known =
            simplify(known, mf_field_names[field], strlen(mf_field_names[field]));
        if ((allowed >> field & 1) == 0)
            continue;
        if (strcmp(known, word) == 0)
            return field;
        if (slip == MF_FIELDS && n >= SHORTEST_SLIP && is_one_slip(word, n, known, n_known))
            slip = field;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if ((allowed >> others[i].field & 1) != 0 && strcmp(others[i].word, word) == 0)
            return others[i].field;
    return slip;
}
