/* fuzz_ratings.c: any bytes as a ratings file.
 *
 * The property: cut into tiny blocks for three threads, the bytes read as they do
 * in one block on one thread, to the same ratings or the same error; and what is
 * read agrees with libcsv run over the whole text in one go, where that has no quotes. Rows, blank
 * rows, header rows and line ends in fields are all lines of the text. The ranks of a user's n
 * times are within 0 … 2 (n - 1), they order as the times do, and their sum is
 * n (n - 1). The first byte chooses the block size, how many bad rows are tolerated
 * and the kind of feedback. */
#include "base/memory.h"
#include "csv/rows.h"
#include "ratings/dialect.h"
#include "ratings/header.h"
#include "ratings/ratings.h"
#include "ratings/unpack.h"
#include "ratings/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static const char name[] = "fuzz";

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_ratings: %s\n", what);
    abort();
}

typedef struct outcome {
    mf_ratings *ratings;
    mf_error err;
} outcome;

static outcome read_bytes(int fd, const mf_ratings_options *options)
{
    outcome result = {0};
    require(lseek(fd, 0, SEEK_SET) == 0, "cannot rewind");
    mf_ratings_reader *reader = mf_ratings_reader_create(options, &result.err);
    require(reader != NULL, "no reader");
    if (mf_ratings_reader_add_stream(reader, fd, name, &result.err))
        result.ratings = mf_ratings_reader_finish(reader, &result.err);
    mf_ratings_reader_destroy(reader);
    require(result.ratings != NULL || result.err.code != MF_OK, "failed without an error");
    return result;
}

static void require_same(const outcome *a, const outcome *b)
{
    const mf_ratings *x = a->ratings;
    const mf_ratings *y = b->ratings;
    require((x == NULL) == (y == NULL), "one reads, the other does not");
    if (x == NULL) {
        require(a->err.code == b->err.code && strcmp(a->err.text, b->err.text) == 0,
                "two errors for one file");
        return;
    }
    require(x->n_users == y->n_users && x->n_items == y->n_items && x->n_ratings == y->n_ratings,
            "sizes differ");
    require(memcmp(x->user_start, y->user_start, (x->n_users + 1) * sizeof *x->user_start) == 0 &&
                memcmp(x->item, y->item, x->n_ratings * sizeof *x->item) == 0 &&
                memcmp(x->value, y->value, x->n_ratings * sizeof *x->value) == 0,
            "ratings differ");
    require(x->feedback == y->feedback && (x->time_rank == NULL) == (y->time_rank == NULL) &&
                (x->time == NULL) == (x->time_rank == NULL) &&
                (y->time == NULL) == (y->time_rank == NULL),
            "kinds differ");
    require(x->time_rank == NULL ||
                (memcmp(x->time_rank, y->time_rank, x->n_ratings * sizeof *x->time_rank) == 0 &&
                 memcmp(x->time, y->time, x->n_ratings * sizeof *x->time) == 0),
            "times differ");
    require(memcmp(x->users.start, y->users.start, (x->n_users + 1) * sizeof(uint64_t)) == 0 &&
                memcmp(x->items.start, y->items.start, (x->n_items + 1) * sizeof(uint64_t)) == 0 &&
                memcmp(x->users.bytes, y->users.bytes, x->users.start[x->n_users]) == 0 &&
                memcmp(x->items.bytes, y->items.bytes, x->items.start[x->n_items]) == 0,
            "ids differ");
    require(memcmp(&x->counts, &y->counts, sizeof x->counts) == 0, "counts differ");
}

static void require_ranks(const mf_ratings *ratings)
{
    if (ratings == NULL || ratings->time_rank == NULL)
        return;
    for (uint32_t u = 0; u < ratings->n_users; u++) {
        const uint64_t from = ratings->user_start[u];
        const uint64_t n = ratings->user_start[u + 1] - from;
        uint64_t sum = 0;
        for (uint64_t k = from; k < from + n; k++) {
            const uint32_t rank = ratings->time_rank[k];
            require(rank <= 2 * (n - 1), "a rank beyond the last");
            sum += rank + 1;
            if (k > from) {
                const double time = ratings->time[k];
                const double before = ratings->time[k - 1];
                const uint32_t rank_before = ratings->time_rank[k - 1];
                require((time > before) == (rank > rank_before) &&
                            (time < before) == (rank < rank_before),
                        "ranks in another order than the times");
            }
        }
        require(sum == n * n, "ranks that are no ranks");
    }
}

/* What libcsv makes of the whole text in one go. */
typedef struct plain {
    const mf_dialect *dialect;
    uint32_t n_fields;
    uint64_t n_rows;
    uint64_t n_good;
    uint64_t n_zero; /* weights, of the good rows */
    double sum;      /* of the good ratings or weights */
    mf_cell_copy copies[MF_ROLES];
    bool gap;
    bool full; /* a field has a byte */
} plain;

static void plain_field(void *bytes, size_t n_bytes, void *context)
{
    plain *p = context;
    const uint32_t field = p->n_fields++;
    p->gap |= p->dialect->form.is_double && field % 2 == 1 && n_bytes > 0;
    p->full |= n_bytes > 0;
    for (int role = 0; role < MF_ROLES; role++)
        if (p->dialect->column[role] == field)
            mf_cell_keep(&p->copies[role], bytes, n_bytes);
}

static bool is_id(const mf_cell_copy *copy)
{
    return copy->n_bytes <= MF_ID_BYTES_MAX && mf_id_valid(copy->bytes, copy->n_bytes);
}

static bool plain_value(const plain *p, float *value)
{
    const mf_cell cell = mf_cell_view(&p->copies[MF_ROLE_VALUE]);
    if (!p->dialect->has_value)
        return true;
    return p->dialect->feedback == MF_FEEDBACK_IMPLICIT ? mf_value_weight(cell, false, value)
                                                        : mf_value_rating(cell, false, value);
}

static void plain_row(int end, void *context)
{
    plain *p = context;
    float rating = 1;
    (void)end;
    p->n_rows += p->full;
    if (p->n_fields == p->dialect->n_fields && !p->gap && is_id(&p->copies[MF_ROLE_USER]) &&
        is_id(&p->copies[MF_ROLE_ITEM]) && plain_value(p, &rating)) {
        p->n_good++;
        p->n_zero += rating == 0;
        p->sum += (double)rating;
    }
    p->n_fields = 0;
    p->gap = p->full = false;
}

/* LF, CR and CRLF, and a last line without one. */
static uint64_t count_lines(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t n = 0;
    for (size_t at = 0; at < n_bytes; at++)
        n += bytes[at] == '\n' ||
             (bytes[at] == '\r' && !(at + 1 < n_bytes && bytes[at + 1] == '\n'));
    return n + (n_bytes > 0 && bytes[n_bytes - 1] != '\n' && bytes[n_bytes - 1] != '\r');
}

static void require_plain(const uint8_t *bytes, size_t n_bytes, const mf_ratings_options *options,
                          const mf_ratings *ratings)
{
    static mf_look look;
    plain p = {.dialect = &look.dialect};
    mf_error err = {0};
    const bool is_all = n_bytes < 65536;
    require(mf_dialect_detect((const char *)bytes, is_all ? n_bytes : 65536, is_all, options, &look,
                              &err),
            "no memory");
    require(look.content == MF_RATINGS_READ, "ratings without a dialect");
    const mf_ratings_counts *counts = &ratings->counts;
    const mf_dialect *dialect = &look.dialect;
    const bool is_implicit = dialect->feedback == MF_FEEDBACK_IMPLICIT;
    require(ratings->feedback == dialect->feedback, "another kind of feedback");
    require(ratings->n_ratings + counts->n_repeated + counts->n_zero_weights + counts->n_not_rated +
                    counts->n_tombstones + counts->n_forgotten ==
                counts->n_rows - counts->n_bad_rows,
            "rows were lost");
    if (dialect->text != MF_TEXT_CSV)
        return;
    require(counts->n_rows + counts->n_blank_rows + counts->n_header_rows + counts->n_in_fields ==
                count_lines(bytes, n_bytes),
            "lines were lost");
    if (dialect->form.is_run || memchr(bytes, '"', n_bytes) != NULL)
        return;
    mf_rows *rows = mf_rows_create(dialect->form.delimiter, &err);
    require(rows != NULL &&
                mf_rows_feed(rows, (const char *)bytes + dialect->head.n_bytes,
                             n_bytes - dialect->head.n_bytes, plain_field, plain_row, &p, &err),
            "no memory");
    mf_rows_end(rows, plain_field, plain_row, &p);
    mf_rows_destroy(rows);
    /* Without a number in it, a header that comes again looks like any row to libcsv. */
    const bool hides_headers = is_implicit && !dialect->has_value;
    require(hides_headers ? counts->n_rows - counts->n_bad_rows <= p.n_good
                          : counts->n_rows - counts->n_bad_rows == p.n_good,
            "libcsv alone finds other good rows");
    require(counts->n_zero_weights == (is_implicit ? p.n_zero : 0), "other weights of 0");
    require(counts->n_rows <= p.n_rows, "rows out of nothing");
    double sum = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        require(!is_implicit || ratings->value[k] > 0, "a weight that is none");
        sum += (double)ratings->value[k];
    }
    const double off = sum > p.sum ? sum - p.sum : p.sum - sum;
    require((counts->n_repeated > 0 && !is_implicit) || hides_headers ||
                off <= 1e-6 * (sum > 0 ? sum : -sum) + 1e30 || (is_implicit && sum > 1e38),
            "libcsv alone finds other ratings");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 1 || n_bytes > 100000)
        return 0;
    const mf_ratings_options whole = {.max_bad_rows = bytes[0] % 3 * 100,
                                      .max_row_bytes = 4096,
                                      .times = MF_TIMES_KEPT,
                                      .feedback = bytes[0] >= 250   ? MF_FEEDBACK_IMPLICIT
                                                  : bytes[0] >= 240 ? MF_FEEDBACK_EXPLICIT
                                                                    : MF_FEEDBACK_AUTO};
    mf_ratings_options pieces = whole;
    pieces.n_threads = 3;
    pieces.block_bytes = 1 + bytes[0] / 3;
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create(name, 0);
    require(fd >= 0 && ftruncate(fd, 0) == 0 &&
                pwrite(fd, bytes + 1, n_bytes - 1, 0) == (ssize_t)(n_bytes - 1),
            "cannot write");
    const outcome one = read_bytes(fd, &whole);
    const outcome many = read_bytes(fd, &pieces);
    require_same(&one, &many);
    require_ranks(one.ratings);
    if (one.ratings != NULL &&
        mf_packing_detect((const char *)bytes + 1, n_bytes - 1) == MF_PACKING_NONE &&
        mf_encoding_detect((const char *)bytes + 1, n_bytes - 1) == MF_ENCODING_UTF8)
        require_plain(bytes + 1, n_bytes - 1, &whole, one.ratings);
    mf_ratings_destroy(one.ratings);
    mf_ratings_destroy(many.ratings);
    return 0;
}
