/* test_ratings_parallel.c: the same ratings whatever the threads, the blocks and
 * the memory; and a slow, plain reader beside the real one. */
#include "ratings_testing.h"

#include "base/number.h"
#include "base/random.h"

#include <math.h>

enum { ROWS = 20000 };

/* Rows with repeated pairs, quotes, blank lines and ids of many kinds. */
/* Not inlined, or gcc 12 believes that open_memstream leaves the text dangling. */
__attribute__((noinline)) static char *make_text(uint64_t seed, uint32_t n_users, uint32_t n_items,
                                                 bool is_plain, bool is_wide, bool is_sorted)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    const uint64_t key = mf_random_key(seed, 1);
    fputs("userId,movieId,rating,timestamp\n", out);
    for (uint64_t row = 0; row < ROWS; row++) {
        const uint32_t user =
            is_sorted ? (uint32_t)(row * n_users / ROWS) : mf_random_below(key, 4 * row, n_users);
        const uint32_t item = mf_random_below(key, 4 * row + 1, n_items);
        const uint32_t half_stars = 1 + mf_random_below(key, 4 * row + 2, 10);
        const uint64_t kind = is_plain ? 0 : mf_random_bits(key, 4 * row + 3);
        const uint64_t when = (mf_random_bits(key, 4 * row + 3) >> 20) % (is_wide ? 1u << 31 : 100);
        fprintf(out,
                user % 3 == 2   ? "user-%u@example.org,"
                : user % 3 == 1 ? "\"%u\","
                                : "%u,",
                user * 17);
        if (kind % 5 == 1)
            fprintf(out, " \"%u\" , %.1f,", item, half_stars / 2.0);
        else
            fprintf(out, item % 7 == 0 ? "%u0000000,%.1f," : "%u,%.1f,", item, half_stars / 2.0);
        fprintf(out, is_wide ? "%llu000" : "%llu", (unsigned long long)when);
        fputs(kind % 7 == 1 ? "\r\n" : kind % 11 == 1 ? "\n\n" : "\n", out);
    }
    fclose(out);
    return text;
}

static void nothing_depends_on_threads_or_blocks(void **state)
{
    static const uint32_t threads[] = {1, 2, 3, 8};
    static const size_t blocks[] = {1u << 20, 100000, 4097, 300};
    (void)state;
    for (int kind = 0; kind < 8; kind++) {
        char *text = make_text((uint64_t)kind, 211, 97, kind & 1, kind & 2, kind & 4);
        mf_ratings *first = NULL;
        for (size_t t = 0; t < 4; t++)
            for (size_t b = 0; b < 4; b++) {
                const mf_ratings_options options = {
                    .n_threads = threads[t], .block_bytes = blocks[b], .times = MF_TIMES_KEPT};
                mf_error err = {0};
                mf_ratings *ratings = read_text(text, &options, &err);
                assert_ok(ratings != NULL, err);
                if (first != NULL) {
                    assert_same_ratings(first, ratings);
                    mf_ratings_destroy(ratings);
                } else {
                    first = ratings;
                }
            }
        assert_true(first->counts.n_repeated > 100);
        mf_ratings_destroy(first);
        free(text);
    }
}

/* The slow reader: one row after the other, each searched for linearly. */
typedef struct plain_row {
    uint32_t user, item;
    float value;
    double when;
} plain_row;

static uint32_t plain_index(char names[][32], uint32_t *n, const char *name)
{
    for (uint32_t i = 0; i < *n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    strcpy(names[*n], name);
    return (*n)++;
}

static void the_result_is_that_of_a_slow_and_plain_reader(void **state)
{
    static char users[512][32];
    static char items[512][32];
    static plain_row rows[ROWS];
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        uint32_t n_users = 0;
        uint32_t n_items = 0;
        uint32_t n_rows = 0;
        char *text =
            make_text(100 + (uint64_t)kind, 150, kind & 1 ? 400 : 20, true, kind & 2, false);
        const mf_ratings_options options = {
            .n_threads = 2, .block_bytes = 5000, .times = MF_TIMES_KEPT};
        mf_error err = {0};
        mf_ratings *ratings = read_text(text, &options, &err);
        assert_ok(ratings != NULL, err);
        for (char *line = strchr(text, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
            char user[32];
            char item[32];
            float value;
            double when;
            assert_int_equal(
                sscanf(*line == '"' ? line + 1 : line,
                       *line == '"' ? "%31[^\"]\",%31[^,],%f,%lf" : "%31[^,],%31[^,],%f,%lf", user,
                       item, &value, &when),
                4);
            const plain_row row = {plain_index(users, &n_users, user),
                                   plain_index(items, &n_items, item), value, when};
            uint32_t r = 0;
            while (r < n_rows && (rows[r].user != row.user || rows[r].item != row.item))
                r++;
            if (r == n_rows)
                rows[n_rows++] = row;
            else if (row.when >= rows[r].when)
                rows[r] = row;
        }
        assert_int_equal(ratings->n_users, n_users);
        assert_int_equal(ratings->n_items, n_items);
        assert_int_equal(ratings->n_ratings, n_rows);
        for (uint32_t u = 0; u < n_users; u++)
            for (uint64_t k = ratings->user_start[u]; k + 1 < ratings->user_start[u + 1]; k++)
                assert_true(ratings->item[k] < ratings->item[k + 1]);
        for (uint32_t r = 0; r < n_rows; r++) {
            uint64_t k = ratings->user_start[rows[r].user];
            while (ratings->item[k] != rows[r].item)
                k++;
            assert_true(k < ratings->user_start[rows[r].user + 1]);
            assert_true(ratings->value[k] == rows[r].value);
            assert_true(ratings->time[k] == rows[r].when);
        }
        assert_ranks(ratings, ratings->time);
        mf_ratings_destroy(ratings);
        free(text);
    }
}

/* What row r of make_packings says: few values, then hundreds, then any. */
static double packing_value(uint32_t row)
{
    return row % 5000 < 2000   ? row % 10 / 2.0
           : row % 5000 < 4000 ? row % 400 / 8.0
                               : row / 1048576.0;
}

/* n rows of as many items, so that blocks differ in how their rows are packed
 * (store.h): users in runs or not, items above 2^16 or not, values of all kinds. */
__attribute__((noinline)) static char *make_packings(uint32_t n)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    fputs("userId,movieId,rating\n", out);
    for (uint32_t row = 0; row < n; row++)
        fprintf(out, "%u,%u,%.7g\n", row % 9000 < 5000 ? row / 30 : row * 7 % 1000, row,
                packing_value(row));
    fclose(out);
    return text;
}

static void rows_come_back_however_they_were_packed(void **state)
{
    enum { N = 150000 };
    (void)state;
    char *text = make_packings(N);
    for (uint32_t n_threads = 1; n_threads <= 2; n_threads++)
        for (size_t block_bytes = 3000; block_bytes <= 3000000; block_bytes *= 10) {
            const mf_ratings_options options = {.n_threads = n_threads, .block_bytes = block_bytes};
            mf_error err = {0};
            mf_ratings *ratings = read_text(text, &options, &err);
            assert_ok(ratings != NULL, err);
            assert_int_equal(ratings->n_ratings, N);
            for (uint32_t u = 0; u < ratings->n_users; u++) {
                const mf_id id = mf_id_list_get(&ratings->users, u);
                int64_t user;
                assert_true(mf_parse_int64(id.bytes, id.n_bytes, &user));
                for (uint64_t k = ratings->user_start[u]; k < ratings->user_start[u + 1]; k++) {
                    const uint32_t row = ratings->item[k];
                    assert_int_equal(user, row % 9000 < 5000 ? row / 30 : row * 7 % 1000);
                    assert_true(fabs((double)ratings->value[k] - packing_value(row)) < 1e-6);
                }
            }
            mf_ratings_destroy(ratings);
        }
    free(text);
}

static void fail_each_allocation(const char *text, uint32_t n_threads)
{
    size_t nth = 1;
    for (;; nth++) {
        const mf_ratings_options options = {
            .n_threads = n_threads, .block_bytes = 7000, .max_bad_rows = 3, .times = MF_TIMES_KEPT};
        mf_error err = {0};
        write_text("r.csv", text);
        mf_memory_fail_nth(nth);
        mf_ratings *ratings = read_file("r.csv", &options, &err);
        const size_t made = mf_memory_fail_nth(0);
        if (ratings == NULL)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_ratings_destroy(ratings);
        if (made < nth)
            break;
    }
    assert_true(nth > 40);
}

static void every_failing_allocation_is_a_clean_error(void **state)
{
    (void)state;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2) {
        char *text = make_text(5, 500, 300, false, true, false);
        text[60000] = '\0'; /* enough for everything to grow */
        strrchr(text, '\n')[1] = '\0';
        fail_each_allocation(text, n_threads);
        free(text);
        text = make_packings(6000);
        fail_each_allocation(text, n_threads);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(nothing_depends_on_threads_or_blocks),
        TEST_IN_FOLDER(the_result_is_that_of_a_slow_and_plain_reader),
        TEST_IN_FOLDER(rows_come_back_however_they_were_packed),
        TEST_IN_FOLDER(every_failing_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
