/* test_ratings_split.c: parts that are exact, disjoint and complete. */
#include "ratings_testing.h"

#include "base/random.h"
#include "ratings/split.h"

#include <math.h>

static mf_ratings *make_ratings(uint32_t n_users, uint32_t n_items)
{
    mf_error err = {0};
    FILE *file = fopen("r.csv", "wb");
    for (uint32_t u = 0; u < n_users; u++)
        for (uint32_t i = u % 3; i < n_items; i += 1 + u % 4)
            fprintf(file, "u%u,i%u,%u\n", u, i, u * n_items + i);
    fclose(file);
    mf_ratings *ratings = read_file("r.csv", NULL, &err);
    assert_ok(ratings != NULL, err);
    return ratings;
}

/* User u has u ratings (user 0 does not exist), many with equal times; read with
 * times kept, unless `keeps` is false. */
static mf_ratings *make_timed(uint32_t n_users, bool keeps)
{
    mf_error err = {0};
    const mf_ratings_options options = {.times = keeps ? MF_TIMES_KEPT : MF_TIMES_RANKED};
    FILE *file = fopen("r.csv", "wb");
    fputs("userId,movieId,rating,timestamp\n", file);
    for (uint32_t u = 1; u <= n_users; u++)
        for (uint32_t k = 0; k < u; k++)
            fprintf(file, "u%u,i%u,%u,%u\n", u, k * 37 % 101 + k / 101 * 101, u * 1000 + k,
                    (uint32_t)(mf_random_bits(5, u * 1000 + k) % (u % 3 == 0 ? 4 : 100000)));
    fclose(file);
    mf_ratings *ratings = read_file("r.csv", &options, &err);
    assert_ok(ratings != NULL, err);
    return ratings;
}

/* train and held_out together are the ratings of `all`, each once. */
static void assert_parts(const mf_ratings *all, const mf_ratings *train,
                         const mf_ratings_rows *held_out)
{
    uint64_t t = 0;
    uint64_t h = 0;
    assert_int_equal(train->n_ratings + held_out->n, all->n_ratings);
    assert_int_equal(train->n_users, all->n_users);
    assert_int_equal(train->n_items, all->n_items);
    for (uint32_t u = 0; u < all->n_users; u++) {
        assert_int_equal(train->user_start[u], t);
        for (uint64_t k = all->user_start[u]; k < all->user_start[u + 1]; k++) {
            if (h < held_out->n && held_out->user[h] == u && held_out->item[h] == all->item[k]) {
                assert_true(held_out->value[h] == all->value[k]);
                h++;
            } else {
                assert_int_equal(train->item[t], all->item[k]);
                assert_true(train->value[t] == all->value[k]);
                if (all->time != NULL)
                    assert_true(train->time[t] == all->time[k]);
                t++;
            }
        }
    }
    assert_int_equal(train->user_start[all->n_users], t);
    assert_int_equal(t, train->n_ratings);
    assert_int_equal(h, held_out->n);
    assert_int_equal(train->feedback, all->feedback);
    assert_int_equal(train->time_rank != NULL, all->time_rank != NULL);
    assert_int_equal(train->time != NULL, all->time != NULL);
    if (train->time != NULL)
        assert_ranks(train, train->time);
}

typedef struct parts {
    mf_ratings *train;
    mf_ratings_rows held_out;
} parts;

static parts split_ok(const mf_ratings *all, mf_split_kind kind, double fraction, uint64_t seed)
{
    mf_error err = {0};
    parts p;
    assert_ok(mf_ratings_split_by(all, kind, fraction, seed, &p.train, &p.held_out, &err), err);
    assert_parts(all, p.train, &p.held_out);
    return p;
}

static void parts_clear(parts *p)
{
    mf_ratings_destroy(p->train);
    mf_ratings_rows_clear(&p->held_out);
}

static bool same_parts(const parts *a, const parts *b)
{
    return a->held_out.n == b->held_out.n &&
           memcmp(a->held_out.user, b->held_out.user, a->held_out.n * sizeof(uint32_t)) == 0 &&
           memcmp(a->held_out.item, b->held_out.item, a->held_out.n * sizeof(uint32_t)) == 0;
}

static uint64_t n_of(const mf_ratings *ratings, uint32_t u)
{
    return ratings->user_start[u + 1] - ratings->user_start[u];
}

static const mf_split_kind kinds[] = {MF_SPLIT_RANDOM, MF_SPLIT_USER_RANDOM, MF_SPLIT_TIME,
                                      MF_SPLIT_LEAVE_LAST, MF_SPLIT_GLOBAL_TIME};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void every_kind_sets_each_rating_aside_or_not_and_ranks_the_rest_anew(void **state)
{
    (void)state;
    mf_ratings *all = make_timed(60, true);
    for (int k = 0; k < N_KINDS; k++)
        for (double fraction = 0; fraction <= 1; fraction += 0.25) {
            parts p = split_ok(all, kinds[k], fraction, 7);
            parts_clear(&p);
        }
    for (uint32_t fold = 0; fold < 3; fold++) {
        mf_error err = {0};
        parts p;
        assert_ok(mf_ratings_split_fold(all, fold, 3, 7, &p.train, &p.held_out, &err), err);
        assert_parts(all, p.train, &p.held_out);
        parts_clear(&p);
    }
    mf_ratings_destroy(all);
}

static void splits_by_user_round_half_up_and_leave_everybody_one(void **state)
{
    static const double fractions[] = {0, 0.1, 0.2, 0.5, 0.9, 1};
    (void)state;
    mf_ratings *all = make_timed(40, false);
    for (size_t f = 0; f < sizeof fractions / sizeof fractions[0]; f++)
        for (int k = 1; k <= 2; k++) {
            parts p = split_ok(all, kinds[k], fractions[f], 1);
            for (uint32_t u = 0; u < all->n_users; u++) {
                const uint64_t n = n_of(all, u);
                uint64_t expected = (uint64_t)floor(fractions[f] * (double)n + 0.5);
                if (expected >= n)
                    expected = n - 1;
                assert_int_equal(n - n_of(p.train, u), expected);
            }
            parts_clear(&p);
        }
    mf_ratings_destroy(all);
}

static void a_random_split_by_user_depends_on_the_seed_alone(void **state)
{
    (void)state;
    mf_ratings *all = make_timed(40, true);
    parts a = split_ok(all, MF_SPLIT_USER_RANDOM, 0.5, 1);
    parts b = split_ok(all, MF_SPLIT_USER_RANDOM, 0.5, 1);
    parts c = split_ok(all, MF_SPLIT_USER_RANDOM, 0.5, 2);
    assert_true(same_parts(&a, &b));
    assert_false(same_parts(&a, &c));
    parts_clear(&a);
    parts_clear(&b);
    parts_clear(&c);
    mf_ratings_destroy(all);
}

/* Whatever is set aside is newer than whatever stays, or as new and of a later item. */
static void a_split_by_time_takes_each_users_newest(void **state)
{
    (void)state;
    mf_ratings *all = make_timed(60, true);
    for (int last = 0; last < 2; last++) {
        parts p = split_ok(all, last ? MF_SPLIT_LEAVE_LAST : MF_SPLIT_TIME, 0.3, 1);
        parts other = split_ok(all, last ? MF_SPLIT_LEAVE_LAST : MF_SPLIT_TIME, 0.3, 2);
        assert_true(same_parts(&p, &other)); /* nothing is drawn */
        uint64_t h = 0;
        for (uint32_t u = 0; u < all->n_users; u++) {
            const uint64_t n = n_of(all, u);
            if (last)
                assert_int_equal(n - n_of(p.train, u), n > 1);
            uint64_t k = all->user_start[u];
            for (; h < p.held_out.n && p.held_out.user[h] == u; h++) {
                while (all->item[k] != p.held_out.item[h])
                    k++;
                for (uint64_t t = p.train->user_start[u]; t < p.train->user_start[u + 1]; t++)
                    assert_true(
                        p.train->time[t] < all->time[k] ||
                        (p.train->time[t] == all->time[k] && p.train->item[t] < all->item[k]));
            }
        }
        assert_int_equal(h, p.held_out.n);
        parts_clear(&p);
        parts_clear(&other);
    }
    mf_ratings_destroy(all);
}

static void leave_last_needs_no_fraction(void **state)
{
    (void)state;
    mf_ratings *all = make_timed(3, false);
    parts p = split_ok(all, MF_SPLIT_LEAVE_LAST, NAN, 1);
    assert_int_equal(p.held_out.n, 2);
    parts_clear(&p);
    mf_ratings_destroy(all);
}

/* How many ratings are set aside from users with these times, each with one item of his own. */
static uint64_t n_after_the_moment(const char *times, double fraction)
{
    const mf_ratings_options options = {.times = MF_TIMES_KEPT};
    mf_error err = {0};
    char text[1024] = "user,item,rating,timestamp\n";
    for (uint32_t n = 0; *times != '\0'; n++, times++)
        sprintf(text + strlen(text), "u%u,i%u,1,%c\n", n / 2, n, *times);
    mf_ratings *all = read_text(text, &options, &err);
    assert_ok(all != NULL, err);
    parts p = split_ok(all, MF_SPLIT_GLOBAL_TIME, fraction, 1);
    const uint64_t n_aside = p.held_out.n;
    double oldest = (double)INFINITY;
    for (uint64_t h = 0; h < n_aside; h++) {
        uint64_t k = all->user_start[p.held_out.user[h]];
        while (all->item[k] != p.held_out.item[h])
            k++;
        oldest = all->time[k] < oldest ? all->time[k] : oldest;
    }
    for (uint64_t t = 0; t < p.train->n_ratings; t++)
        assert_true(p.train->time[t] < oldest);
    parts_clear(&p);
    mf_ratings_destroy(all);
    return n_aside;
}

static void a_moment_parts_old_from_new_about_as_wanted(void **state)
{
    (void)state;
    assert_int_equal(n_after_the_moment("3141592657", 0), 0);
    assert_int_equal(n_after_the_moment("0123456789", 0.2), 2);
    assert_int_equal(n_after_the_moment("9876543210", 0.5), 5);
    assert_int_equal(n_after_the_moment("0123456789", 1), 9); /* something stays */
    /* Of equal times all or none: what comes nearer, and of both the fewer. */
    assert_int_equal(n_after_the_moment("0000055599", 0.2), 2);
    assert_int_equal(n_after_the_moment("0000055599", 0.3), 2);
    assert_int_equal(n_after_the_moment("0000055599", 0.4), 5);
    assert_int_equal(n_after_the_moment("0000005599", 0.3), 2);
    assert_int_equal(n_after_the_moment("0000000999", 0.2), 3);
    assert_int_equal(n_after_the_moment("7777777777", 0.2), 0);
    assert_int_equal(n_after_the_moment("7777777777", 1), 0);
    assert_int_equal(n_after_the_moment("5", 1), 0);
}

static void a_moment_can_leave_users_and_items_without_ratings(void **state)
{
    const mf_ratings_options options = {.times = MF_TIMES_KEPT};
    mf_error err = {0};
    (void)state;
    mf_ratings *all = read_text(
        "user,item,rating,timestamp\n1,a,1,-5\n1,b,1,-1\n2,c,1,7\n3,a,1,8\n", &options, &err);
    assert_ok(all != NULL, err);
    parts p = split_ok(all, MF_SPLIT_GLOBAL_TIME, 0.5, 1);
    assert_int_equal(p.held_out.n, 2);
    assert_int_equal(n_of(p.train, 1), 0);
    assert_int_equal(n_of(p.train, 2), 0);
    parts_clear(&p);
    mf_ratings_destroy(all);
}

static void implicit_feedback_is_split_like_ratings(void **state)
{
    const mf_ratings_options options = {.feedback = MF_FEEDBACK_IMPLICIT};
    mf_error err = {0};
    (void)state;
    mf_ratings *all =
        read_text("user,item,timestamp\n1,a,3\n1,b,2\n1,b,1\n1,c,5\n", &options, &err);
    assert_ok(all != NULL, err);
    parts p = split_ok(all, MF_SPLIT_TIME, 0.3, 1);
    assert_int_equal(p.held_out.n, 1);
    assert_int_equal(p.held_out.item[0], 2);
    assert_int_equal(p.train->feedback, MF_FEEDBACK_IMPLICIT);
    assert_int_equal(p.train->time_rank[0], 2);
    assert_int_equal(p.train->time_rank[1], 0);
    parts_clear(&p);
    mf_ratings_destroy(all);
}

static void splits_by_time_without_times_name_the_missing_column(void **state)
{
    mf_ratings *train = NULL;
    mf_ratings_rows held_out = {0};
    (void)state;
    mf_ratings *all = make_ratings(4, 5);
    for (int k = 2; k < N_KINDS; k++) {
        mf_error err = {0};
        assert_false(mf_ratings_split_by(all, kinds[k], 0.2, 1, &train, &held_out, &err));
        assert_error(&err, MF_ERR_CONFIG,
                     "a split by time needs a column with timestamps, and no file has one");
    }
    mf_ratings_destroy(all);
    all = make_timed(4, false);
    mf_error err = {0};
    assert_false(mf_ratings_split_by(all, MF_SPLIT_GLOBAL_TIME, 0.2, 1, &train, &held_out, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "the times of ratings were not kept");
    mf_error_clear(&err);
    assert_false(mf_ratings_split_by(all, MF_SPLIT_TIME, 1.5, 1, &train, &held_out, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "a fraction of 1.5 is not within 0 … 1");
    assert_null(train);
    mf_ratings_destroy(all);
}

static void every_failing_allocation_of_any_kind_is_a_clean_error(void **state)
{
    (void)state;
    mf_ratings *all = make_timed(12, true);
    for (int k = 0; k < N_KINDS; k++) {
        bool ok = false;
        for (size_t nth = 1; !ok; nth++) {
            mf_error err = {0};
            mf_ratings *train = NULL;
            mf_ratings_rows held_out = {0};
            mf_memory_fail_nth(nth);
            ok = mf_ratings_split_by(all, kinds[k], 0.5, 1, &train, &held_out, &err);
            mf_memory_fail_nth(0);
            if (!ok) {
                assert_int_equal(err.code, MF_ERR_MEMORY);
                assert_null(train);
                assert_null(held_out.user);
            }
            mf_ratings_destroy(train);
            mf_ratings_rows_clear(&held_out);
            assert_true(ok || nth < 50);
        }
    }
    mf_ratings_destroy(all);
}

static void folds_are_exact_disjoint_and_complete(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_ratings *all = make_ratings(40, 50);
    for (uint32_t n_folds = 1; n_folds <= 7; n_folds += 2) {
        uint32_t *seen = calloc(all->n_ratings, sizeof *seen);
        for (uint32_t fold = 0; fold < n_folds; fold++) {
            mf_ratings *train;
            mf_ratings_rows held_out;
            assert_ok(mf_ratings_split_fold(all, fold, n_folds, 9, &train, &held_out, &err), err);
            assert_parts(all, train, &held_out);
            assert_true(held_out.n == all->n_ratings / n_folds ||
                        held_out.n == all->n_ratings / n_folds + 1);
            for (uint64_t k = 0; k < held_out.n; k++) /* values are distinct here */
                for (uint64_t a = 0; a < all->n_ratings; a++)
                    seen[a] += all->value[a] == held_out.value[k];
            mf_ratings_destroy(train);
            mf_ratings_rows_clear(&held_out);
        }
        for (uint64_t a = 0; a < all->n_ratings; a++)
            assert_int_equal(seen[a], 1);
        free(seen);
    }
    mf_ratings_destroy(all);
}

static void a_fraction_is_exact_and_depends_on_the_seed_alone(void **state)
{
    mf_error err = {0};
    uint64_t n_same = 0;
    (void)state;
    mf_ratings *all = make_ratings(40, 50);
    for (double fraction = 0; fraction <= 1; fraction += 0.125) {
        mf_ratings *train[3];
        mf_ratings_rows held_out[3];
        for (uint64_t s = 0; s < 3; s++) {
            assert_ok(mf_ratings_split(all, fraction, s / 2, &train[s], &held_out[s], &err), err);
            assert_parts(all, train[s], &held_out[s]);
            assert_int_equal(held_out[s].n, (uint64_t)(fraction * (double)all->n_ratings + 0.5));
        }
        assert_memory_equal(held_out[0].user, held_out[1].user, held_out[0].n * sizeof(uint32_t));
        assert_memory_equal(held_out[0].item, held_out[1].item, held_out[0].n * sizeof(uint32_t));
        if (fraction == 0.5)
            for (uint64_t k = 0; k < held_out[0].n; k++)
                n_same += held_out[0].user[k] == held_out[2].user[k] &&
                          held_out[0].item[k] == held_out[2].item[k];
        for (int s = 0; s < 3; s++) {
            mf_ratings_destroy(train[s]);
            mf_ratings_rows_clear(&held_out[s]);
        }
    }
    assert_true(n_same < all->n_ratings / 4);
    mf_ratings_destroy(all);
}

static void impossible_parts_are_refused(void **state)
{
    mf_error err = {0};
    mf_ratings *train = NULL;
    mf_ratings_rows held_out = {0};
    (void)state;
    mf_ratings *all = make_ratings(4, 5);
    assert_false(mf_ratings_split(all, -0.1, 1, &train, &held_out, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "a fraction of -0.1 is not within 0 … 1");
    mf_error_clear(&err);
    assert_false(mf_ratings_split(all, NAN, 1, &train, &held_out, &err));
    mf_error_clear(&err);
    assert_false(mf_ratings_split_fold(all, 5, 5, 1, &train, &held_out, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "there is no fold 5 of 5");
    assert_null(train);
    mf_ratings_destroy(all);
}

static void another_set_is_seen_in_the_training_indexes(void **state)
{
    mf_error err = {0};
    mf_ratings_rows rows;
    (void)state;
    mf_ratings *train = read_text("1,31,4\n2,32,5\n", NULL, &err);
    mf_ratings *other = read_text("2,31,1\n3,32,2\n2,33,3\n", NULL, &err);
    assert_ok(mf_ratings_align(other, &train->users, &train->items, &rows, &err), err);
    assert_int_equal(rows.n, 3);
    assert_int_equal(rows.user[0], 1);
    assert_int_equal(rows.item[0], 0);
    assert_true(rows.value[0] == 1);
    assert_int_equal(rows.user[1], 1);
    assert_int_equal(rows.item[1], MF_INDEX_NONE);
    assert_true(rows.value[1] == 3);
    assert_int_equal(rows.user[2], MF_INDEX_NONE);
    assert_int_equal(rows.item[2], 1);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(train);
    mf_ratings_destroy(other);
}

static void every_failing_allocation_of_a_split_is_a_clean_error(void **state)
{
    (void)state;
    mf_ratings *all = make_ratings(4, 5);
    for (size_t nth = 1;; nth++) {
        mf_error err = {0};
        mf_ratings *train = NULL;
        mf_ratings_rows held_out = {0};
        mf_ratings_rows aligned = {0};
        mf_memory_fail_nth(nth);
        const bool ok = mf_ratings_split(all, 0.5, 1, &train, &held_out, &err) &&
                        mf_ratings_align(all, &all->users, &all->items, &aligned, &err);
        mf_memory_fail_nth(0);
        if (!ok)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_ratings_destroy(train);
        mf_ratings_rows_clear(&held_out);
        mf_ratings_rows_clear(&aligned);
        if (ok)
            break;
    }
    mf_ratings_destroy(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(folds_are_exact_disjoint_and_complete),
        TEST_IN_FOLDER(a_fraction_is_exact_and_depends_on_the_seed_alone),
        TEST_IN_FOLDER(impossible_parts_are_refused),
        TEST_IN_FOLDER(another_set_is_seen_in_the_training_indexes),
        TEST_IN_FOLDER(every_failing_allocation_of_a_split_is_a_clean_error),
        TEST_IN_FOLDER(every_kind_sets_each_rating_aside_or_not_and_ranks_the_rest_anew),
        TEST_IN_FOLDER(splits_by_user_round_half_up_and_leave_everybody_one),
        TEST_IN_FOLDER(a_random_split_by_user_depends_on_the_seed_alone),
        TEST_IN_FOLDER(a_split_by_time_takes_each_users_newest),
        TEST_IN_FOLDER(leave_last_needs_no_fraction),
        TEST_IN_FOLDER(a_moment_parts_old_from_new_about_as_wanted),
        TEST_IN_FOLDER(a_moment_can_leave_users_and_items_without_ratings),
        TEST_IN_FOLDER(implicit_feedback_is_split_like_ratings),
        TEST_IN_FOLDER(splits_by_time_without_times_name_the_missing_column),
        TEST_IN_FOLDER(every_failing_allocation_of_any_kind_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
