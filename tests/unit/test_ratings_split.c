/* test_ratings_split.c: parts that are exact, disjoint and complete. */
#include "ratings_testing.h"

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
                t++;
            }
        }
    }
    assert_int_equal(train->user_start[all->n_users], t);
    assert_int_equal(t, train->n_ratings);
    assert_int_equal(h, held_out->n);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
