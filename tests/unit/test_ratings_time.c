/* test_ratings_time.c: when a user rated what, as ranks and as times. */
#include "ratings_testing.h"

#include "base/random.h"
#include "ratings/extend.h"
#include "ratings/sort.h"
#include "ratings/time_rank.h"

#include <math.h>

#define HEADER "userId,movieId,rating,timestamp\n"

static const mf_ratings_options keep = {.times = MF_TIMES_KEPT};

/* "user item rank" of every rating, one per line. */
static char *ranks_text(const mf_ratings *ratings)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    for (uint32_t u = 0; u < ratings->n_users; u++)
        for (uint64_t k = ratings->user_start[u]; k < ratings->user_start[u + 1]; k++) {
            const mf_id user = mf_id_list_get(&ratings->users, u);
            const mf_id item = mf_id_list_get(&ratings->items, ratings->item[k]);
            fprintf(out, "%.*s %.*s %u\n", (int)user.n_bytes, user.bytes, (int)item.n_bytes,
                    item.bytes, ratings->time_rank[k]);
        }
    fclose(out);
    return text;
}

static void assert_ranked(const mf_ratings *ratings, const char *expected)
{
    char *got = ranks_text(ratings);
    assert_string_equal(got, expected);
    free(got);
}

static void assert_ranks_of(const char *text, const char *expected)
{
    mf_error err = {0};
    mf_ratings *ratings = read_text(text, NULL, &err);
    assert_ok(ratings != NULL, err);
    assert_non_null(ratings->time_rank);
    assert_null(ratings->time); /* MF_TIMES_KEPT was not given */
    assert_ranked(ratings, expected);
    mf_ratings_destroy(ratings);
}

static mf_ratings *read_two(const char *first, const char *second,
                            const mf_ratings_options *options)
{
    mf_error err = {0};
    mf_ratings_content content;
    write_text("first.csv", first);
    write_text("second.csv", second);
    mf_ratings_reader *reader = mf_ratings_reader_create(options, &err);
    assert_ok(mf_ratings_reader_add(reader, "first.csv", &content, NULL, &err), err);
    assert_int_equal(content, MF_RATINGS_READ);
    assert_ok(mf_ratings_reader_add(reader, "second.csv", &content, NULL, &err), err);
    assert_int_equal(content, MF_RATINGS_READ);
    mf_ratings *ratings = mf_ratings_reader_finish(reader, &err);
    assert_ok(ratings != NULL, err);
    mf_ratings_reader_destroy(reader);
    return ratings;
}

static void a_rank_is_twice_the_place_among_the_users_own_times(void **state)
{
    (void)state;
    assert_ranks_of(HEADER "1,a,5,30\n2,a,5,7\n1,b,5,10\n1,c,5,20\n2,c,5,9\n",
                    "1 a 4\n1 b 0\n1 c 2\n2 a 0\n2 c 2\n");
    assert_ranks_of(HEADER "1,a,5,30\n", "1 a 0\n");
}

static void equal_times_share_their_mean_rank(void **state)
{
    (void)state;
    assert_ranks_of(HEADER "1,a,5,7\n1,b,5,7\n1,c,5,7\n", "1 a 2\n1 b 2\n1 c 2\n");
    assert_ranks_of(HEADER "1,a,5,7\n1,b,5,9\n1,c,5,7\n1,d,5,8\n", "1 a 1\n1 b 6\n1 c 1\n1 d 4\n");
    assert_ranks_of(HEADER "1,a,5,0\n1,b,5,-0.0\n", "1 a 1\n1 b 1\n");
}

static void without_timestamps_there_are_no_ranks(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_ratings *ratings = read_text("1,a,5\n1,b,4\n", &keep, &err);
    assert_ok(ratings != NULL, err);
    assert_null(ratings->time_rank);
    assert_null(ratings->time);
    mf_ratings_destroy(ratings);
}

static void a_row_without_a_timestamp_is_older_than_any_with_one(void **state)
{
    /* -1e300 is as old as a timestamp gets, in a reading of wide ones. */
    static const char *const with[] = {HEADER "1,a,5,-5\n1,b,4,0\n",
                                       HEADER "1,a,5,-1e300\n1,b,4,0.5\n"};
    static const double times[2][4] = {{-5, 0, -(double)INFINITY, -(double)INFINITY},
                                       {-1e300, 0.5, -(double)INFINITY, -(double)INFINITY}};
    (void)state;
    for (int wide = 0; wide < 2; wide++)
        for (int order = 0; order < 2; order++) {
            static const char without[] = "userId,movieId,rating\n1,c,3\n1,d,3\n";
            mf_ratings *ratings = order == 0 ? read_two(with[wide], without, &keep)
                                             : read_two(without, with[wide], &keep);
            assert_ranked(ratings, order == 0 ? "1 a 4\n1 b 6\n1 c 1\n1 d 1\n"
                                              : "1 c 1\n1 d 1\n1 a 4\n1 b 6\n");
            for (uint32_t k = 0; k < 4; k++)
                assert_true(ratings->time[k] == times[wide][order == 0 ? k : (k + 2) % 4]);
            mf_ratings_destroy(ratings);
        }
}

static void times_may_be_in_the_future_or_not_whole_or_far_apart(void **state)
{
    static const struct {
        const char *text;
        double time[4];
    } cases[] = {
        {"4102444800", {4102444800, 0}},
        {"99999999999999", {99999999999999.0, 0}},
        {"0.25,0.5,0.125", {0.25, 0.5, 0.125}},
        {"-3000000000,3000000000,0", {-3e9, 3e9, 0}},
        {"1e300,-1e300,5,5", {1e300, -1e300, 5, 5}},
        {"2147483647,-1,0", {2147483647, -1, 0}},
        {"2147483646,0,5", {2147483646, 0, 5}},
        {"1260759144.0,1260759143,1260759145.0", {1260759144, 1260759143, 1260759145}},
        {"9223372036854775807,-9223372036854775808", {0x1p63, -0x1p63}},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char text[512] = HEADER;
        char list[128];
        uint32_t n = 0;
        mf_error err = {0};
        strcpy(list, cases[c].text);
        for (char *save, *one = strtok_r(list, ",", &save); one != NULL;
             one = strtok_r(NULL, ",", &save))
            sprintf(text + strlen(text), "1,i%u,5,%s\n", n++, one);
        mf_ratings *ratings = read_text(text, &keep, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(ratings->n_ratings, n);
        for (uint32_t k = 0; k < n; k++)
            assert_true(ratings->time[k] == cases[c].time[k]);
        assert_ranks(ratings, ratings->time);
        mf_ratings_destroy(ratings);
    }
}

static void ranks_are_those_of_the_ratings_that_stay(void **state)
{
    (void)state;
    /* The pair 1, a keeps its newest time, which is the newest of all. */
    assert_ranks_of(HEADER "1,a,1,10\n1,b,2,20\n1,a,3,50\n1,c,4,40\n1,a,2,30\n",
                    "1 a 4\n1 b 0\n1 c 2\n");
    /* A time that only a repeated row had leaves no gap. */
    assert_ranks_of(HEADER "1,a,1,10\n1,a,1,11\n1,a,1,12\n2,a,1,5\n1,b,1,12\n2,b,2,6\n",
                    "1 a 1\n1 b 1\n2 a 0\n2 b 2\n");
}

static void repeated_pairs_without_a_time_give_way(void **state)
{
    (void)state;
    mf_ratings *ratings =
        read_two(HEADER "1,a,5,-7\n", "userId,movieId,rating\n1,a,3\n1,b,3\n", &keep);
    assert_int_equal(ratings->counts.n_repeated, 1);
    assert_true(ratings->value[0] == 5);
    assert_true(ratings->time[0] == -7);
    assert_ranked(ratings, "1 a 2\n1 b 0\n");
    mf_ratings_destroy(ratings);
}

/* Users of all sizes around those where the way of sorting changes, times of all
 * spans, many equal or none, against a count of older ones. */
static void ranks_are_those_of_a_slow_count(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 31, 32, 33, 300, 1000};
    (void)state;
    for (unsigned bits = 0; bits <= 64; bits += 4)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            const uint32_t n = sizes[s];
            const uint64_t key = mf_random_key(bits, s);
            uint32_t *low = calloc(n, sizeof *low);
            uint32_t *high = calloc(n, sizeof *high);
            uint64_t *time = calloc(n, sizeof *time);
            uint64_t *keys = malloc(2 * n * sizeof *keys);
            uint64_t sum = 0;
            for (uint32_t k = 0; k < n; k++) {
                time[k] = bits == 0 ? 77 : mf_random_bits(key, k) >> (64 - bits);
                low[k] = (uint32_t)time[k];
                high[k] = (uint32_t)(time[k] >> 32);
            }
            mf_time_rank(n, low, bits > 32 || s % 2 == 0 ? high : NULL, keys);
            for (uint32_t k = 0; k < n; k++) {
                uint32_t n_older = 0;
                uint32_t n_equal = 0;
                for (uint32_t j = 0; j < n; j++) {
                    n_older += time[j] < time[k];
                    n_equal += time[j] == time[k];
                }
                assert_int_equal(low[k], 2 * n_older + n_equal - 1);
                sum += low[k] + 1;
            }
            assert_int_equal(sum, (uint64_t)n * n);
            free(low);
            free(high);
            free(time);
            free(keys);
        }
}

static int compare_keys(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of all sizes around those where the way of sorting changes. Upper halves that differ in all bits,
 * in the lowest, in the highest, in both ends, in none; lower halves that tell their order. */
static void keys_are_sorted_stably_by_their_upper_halves(void **state)
{
    static const uint32_t sizes[] = {1, 2, 31, 32, 33, 100, 255, 256, 5000};
    static const uint32_t masks[] = {UINT32_MAX, 0xFF, 0xFFFF0000, 0x80000001, 0};
    (void)state;
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            const uint32_t n = sizes[s];
            uint64_t *keys = malloc(2 * n * sizeof *keys);
            uint64_t *sorted = malloc(n * sizeof *sorted);
            for (uint32_t k = 0; k < n; k++)
                keys[k] = sorted[k] = (mf_random_bits(s, k) & masks[m]) << 32 | k;
            mf_sort_keys(keys, n, keys + n);
            qsort(sorted, n, sizeof *sorted, compare_keys);
            assert_memory_equal(keys, sorted, n * sizeof *keys);
            free(keys);
            free(sorted);
        }
}

/* Items of a user out of order, so that ranks and times have to move with them. */
static mf_ratings *read_mixed(const mf_ratings_options *options)
{
    mf_error err = {0};
    FILE *file = fopen("r.csv", "wb");
    fputs(HEADER, file);
    for (uint32_t row = 0; row < 3000; row++) {
        const uint32_t user = row % 4 == 0 ? 0 : row % 40;
        const uint64_t bits = mf_random_bits(3, row);
        fprintf(file, "u%u,i%u,%u,%u\n", user, (uint32_t)(bits % 700), row, (uint32_t)(bits >> 59));
    }
    fclose(file);
    mf_ratings *ratings = read_file("r.csv", options, &err);
    assert_ok(ratings != NULL, err);
    return ratings;
}

/* Of the pair of ids of rating k. */
static uint64_t place_in(const mf_ratings *in, const mf_ratings *of, uint32_t user, uint64_t k)
{
    uint32_t u = 0;
    uint32_t i = 0;
    const mf_id user_id = mf_id_list_get(&of->users, user);
    const mf_id item_id = mf_id_list_get(&of->items, of->item[k]);
    for (;; u++) {
        const mf_id id = mf_id_list_get(&in->users, u);
        if (id.n_bytes == user_id.n_bytes && memcmp(id.bytes, user_id.bytes, id.n_bytes) == 0)
            break;
    }
    for (;; i++) {
        const mf_id id = mf_id_list_get(&in->items, i);
        if (id.n_bytes == item_id.n_bytes && memcmp(id.bytes, item_id.bytes, id.n_bytes) == 0)
            break;
    }
    uint64_t at = in->user_start[u];
    while (in->item[at] != i)
        at++;
    return at;
}

static void ranks_and_times_travel_with_their_ratings_into_other_indexes(void **state)
{
    static const uint64_t start[] = {0, 3, 5, 10};
    const mf_id_list first = {3, start, "u17u3other"};
    static const uint64_t item_start[] = {0, 4, 6, 10};
    const mf_id_list first_items = {3, item_start, "i123i7i699"};
    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        mf_error err = {0};
        mf_ratings *before = read_mixed(kept ? &keep : NULL);
        mf_ratings *after = read_mixed(kept ? &keep : NULL);
        assert_ok(mf_ratings_extend(after, &first, &first_items, &err), err);
        assert_int_equal(after->n_ratings, before->n_ratings);
        assert_int_equal(after->feedback, MF_FEEDBACK_EXPLICIT);
        assert_int_equal(after->time != NULL, kept);
        for (uint32_t u = 0; u < after->n_users; u++)
            for (uint64_t k = after->user_start[u]; k < after->user_start[u + 1]; k++) {
                const uint64_t old = place_in(before, after, u, k);
                assert_true(after->value[k] == before->value[old]);
                assert_int_equal(after->time_rank[k], before->time_rank[old]);
                if (kept)
                    assert_true(after->time[k] == before->time[old]);
            }
        mf_ratings_destroy(before);
        mf_ratings_destroy(after);
    }
}

static void extending_with_times_is_clean_when_any_allocation_fails(void **state)
{
    static const uint64_t start[] = {0, 3, 5, 10};
    const mf_id_list first = {3, start, "u17u3other"};
    bool done = false;
    (void)state;
    mf_ratings *before = read_mixed(&keep);
    mf_ratings *r = read_mixed(&keep);
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_ratings_extend(r, &first, &first, &err);
        mf_memory_fail_nth(0);
        if (!done) {
            assert_error(&err, MF_ERR_MEMORY, "no memory");
            assert_same_ratings(r, before);
        }
        assert_true(n < 100);
    }
    mf_ratings_destroy(r);
    mf_ratings_destroy(before);
}

typedef struct affix {
    const char *before, *after;
} affix;

/* 3,000 rows of 50 users in any order, of which a number of three digits is part of the time. */
static char *many_rows(affix time, uint32_t n_items)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&text, &n_bytes);
    fputs(HEADER, out);
    for (uint32_t row = 0; row < 3000; row++) {
        const uint64_t bits = mf_random_bits(5, row);
        fprintf(out, "%u,%u,%u.5,%s%03u%s\n", (unsigned)(bits % 50),
                (unsigned)(bits >> 8) % n_items, (unsigned)(bits >> 40) % 5, time.before,
                (unsigned)(bits >> 44) % 1000, time.after);
    }
    fclose(out);
    return text;
}

/* Times decide which row of a pair stays, wanted or not; then they are gone. */
static void without_ranks_the_same_ratings_are_read(void **state)
{
    static const affix forms[] = {
        {"", ""}, {"1455901", ""}, {"1455901", "000000"}, {"1.", "e300"}, {"x", ""}};
    static const mf_feedback kinds[] = {MF_FEEDBACK_EXPLICIT, MF_FEEDBACK_IMPLICIT};
    (void)state;
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++)
        for (uint32_t n_items = 100; n_items <= 1000000; n_items *= 10000)
            for (size_t kind = 0; kind < 2; kind++) {
                char *text = many_rows(forms[f], n_items);
                mf_error err = {0};
                mf_ratings_options options = {.feedback = kinds[kind], .block_bytes = 3000};
                mf_ratings *ranked = read_text(text, &options, &err);
                assert_ok(ranked != NULL, err);
                assert_int_equal(ranked->counts.n_repeated > 100, n_items == 100);
                options.times = MF_TIMES_UNUSED;
                for (options.n_threads = 1; options.n_threads < 4; options.n_threads++) {
                    mf_ratings *plain = read_text(text, &options, &err);
                    assert_ok(plain != NULL, err);
                    assert_null(plain->time_rank);
                    mf_free(ranked->time_rank);
                    ranked->time_rank = NULL;
                    assert_same_ratings(plain, ranked);
                    assert_int_equal(plain->counts.n_repeated, ranked->counts.n_repeated);
                    assert_int_equal(plain->counts.n_timeless, ranked->counts.n_timeless);
                    mf_ratings_destroy(plain);
                }
                mf_ratings_destroy(ranked);
                free(text);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(a_rank_is_twice_the_place_among_the_users_own_times),
        TEST_IN_FOLDER(equal_times_share_their_mean_rank),
        TEST_IN_FOLDER(without_timestamps_there_are_no_ranks),
        TEST_IN_FOLDER(a_row_without_a_timestamp_is_older_than_any_with_one),
        TEST_IN_FOLDER(times_may_be_in_the_future_or_not_whole_or_far_apart),
        TEST_IN_FOLDER(ranks_are_those_of_the_ratings_that_stay),
        TEST_IN_FOLDER(repeated_pairs_without_a_time_give_way),
        TEST_IN_FOLDER(without_ranks_the_same_ratings_are_read),
        cmocka_unit_test(ranks_are_those_of_a_slow_count),
        cmocka_unit_test(keys_are_sorted_stably_by_their_upper_halves),
        TEST_IN_FOLDER(ranks_and_times_travel_with_their_ratings_into_other_indexes),
        TEST_IN_FOLDER(extending_with_times_is_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
