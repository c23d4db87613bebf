/* test_evaluate_summary.c: all users in a row, and two settings compared (summary.h). */
#include "evaluate_testing.h"

#include "evaluate/summary.h"

#include <math.h>

/* An evaluation with nothing but users and their NDCG. */
static mf_evaluation evaluation_of(const uint32_t *user, const double *ndcg, uint32_t n)
{
    mf_evaluation e = {.k = 10, .n_users = n};
    e.user = made(n, sizeof *e.user);
    e.figures = made(n, sizeof *e.figures);
    for (uint32_t k = 0; k < n; k++) {
        e.user[k] = user[k];
        e.figures[k].at_k.ndcg = ndcg[k];
        e.figures[k].at_k.precision = ndcg[k] / 2;
        e.figures[k].at_k.recall = ndcg[k] / 4;
        e.figures[k].at_k.average_precision = ndcg[k] / 8;
        e.figures[k].at_k.reciprocal_rank = ndcg[k] / 16;
        e.figures[k].recall_20 = ndcg[k] / 32;
        e.figures[k].novelty = ndcg[k] / 64;
    }
    return e;
}

static void a_users_figure_is_his_mean_over_the_splits(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_evaluation e[] = {
        evaluation_of((uint32_t[]){0, 2, 5}, (double[]){0.25, 0.5, 1}, 3),
        evaluation_of((uint32_t[]){2, 3}, (double[]){1, 0}, 2),
    };
    e[0].coverage = 0.5;
    e[1].coverage = 0.25;
    mf_list_summary s;
    assert_ok(mf_list_summary_of(e, 2, 6, MF_RESAMPLES, 1, &s, &err), err);
    assert_int_equal(s.n_users, 4);
    assert_int_equal(s.k, 10);
    const double mean = (0.25 + 0.75 + 0 + 1) / 4;
    assert_true(fabs(s.ndcg.mean - mean) < 1e-15);
    assert_true(fabs(s.precision.mean - mean / 2) < 1e-15);
    assert_true(fabs(s.recall.mean - mean / 4) < 1e-15);
    assert_true(fabs(s.map.mean - mean / 8) < 1e-15);
    assert_true(fabs(s.mrr.mean - mean / 16) < 1e-15);
    assert_true(fabs(s.recall_20.mean - mean / 32) < 1e-15);
    assert_true(fabs(s.novelty - 2.75 / 64 / 5) < 1e-15);
    assert_true(s.coverage == 0.375);
    assert_true(s.ndcg.low < s.ndcg.mean && s.ndcg.mean < s.ndcg.high);
    assert_true(s.ndcg.low >= 0 && s.ndcg.high <= 1);
    mf_evaluation_clear(&e[0]);
    mf_evaluation_clear(&e[1]);
}

static void without_users_no_figure_is_not_a_number(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_evaluation e = evaluation_of(NULL, NULL, 0);
    mf_list_summary s;
    mf_list_comparison c;
    assert_ok(mf_list_summary_of(&e, 1, 6, MF_RESAMPLES, 1, &s, &err), err);
    assert_int_equal(s.n_users, 0);
    assert_true(s.ndcg.mean == 0 && s.ndcg.low == 0 && s.ndcg.high == 0 && s.novelty == 0);
    assert_ok(mf_list_compare(&e, &e, 1, 6, MF_RESAMPLES, 1, &c, &err), err);
    assert_int_equal(c.n_users, 0);
    assert_true(c.difference.mean == 0 && c.better == 0 && c.worse == 0);
    mf_evaluation_clear(&e);
}

static void two_settings_are_compared_user_by_user(void **state)
{
    (void)state;
    mf_error err = {0};
    const uint32_t users[] = {0, 1, 2, 3};
    mf_evaluation a[] = {evaluation_of(users, (double[]){0.5, 0.5, 0.5, 0.5}, 4),
                         evaluation_of(users, (double[]){0, 0, 0, 0}, 4)};
    mf_evaluation b[] = {evaluation_of(users, (double[]){1, 0.25, 0.5, 0.75}, 4),
                         evaluation_of(users, (double[]){0, 0, 0, 0.5}, 4)};
    mf_list_comparison c;
    assert_ok(mf_list_compare(a, b, 2, 4, MF_RESAMPLES, 1, &c, &err), err);
    assert_int_equal(c.n_users, 4);
    assert_true(fabs(c.difference.mean - (0.25 - 0.125 + 0 + 0.375) / 4) < 1e-15);
    assert_true(c.better == 0.5);
    assert_true(c.worse == 0.25);
    assert_true(c.difference.low < c.difference.mean && c.difference.mean < c.difference.high);
    for (int i = 0; i < 2; i++) {
        mf_evaluation_clear(&a[i]);
        mf_evaluation_clear(&b[i]);
    }
}

static void other_users_cannot_be_compared(void **state)
{
    (void)state;
    mf_evaluation a = evaluation_of((uint32_t[]){0, 1}, (double[]){1, 1}, 2);
    mf_evaluation b = evaluation_of((uint32_t[]){0, 2}, (double[]){1, 1}, 2);
    mf_evaluation fewer = evaluation_of((uint32_t[]){0}, (double[]){1}, 1);
    mf_list_comparison c;
    mf_error err = {0};
    assert_false(mf_list_compare(&a, &b, 1, 3, MF_RESAMPLES, 1, &c, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "different users");
    mf_error_clear(&err);
    assert_false(mf_list_compare(&a, &fewer, 1, 3, MF_RESAMPLES, 1, &c, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "different users");
    mf_evaluation_clear(&a);
    mf_evaluation_clear(&b);
    mf_evaluation_clear(&fewer);
}

static void without_resampling_an_interval_is_its_mean(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_evaluation e = evaluation_of((uint32_t[]){0, 1}, (double[]){1, 0}, 2);
    mf_list_summary s;
    assert_ok(mf_list_summary_of(&e, 1, 2, 0, 1, &s, &err), err);
    assert_true(s.ndcg.mean == 0.5 && s.ndcg.low == 0.5 && s.ndcg.high == 0.5);
    mf_evaluation_clear(&e);
}

static void each_failing_allocation_is_an_error(void **state)
{
    (void)state;
    mf_evaluation a = evaluation_of((uint32_t[]){0, 1}, (double[]){1, 1}, 2);
    bool ok = false;
    for (size_t n = 1; !ok; n++) {
        mf_error err = {0};
        mf_list_summary s;
        mf_list_comparison c;
        mf_memory_fail_nth(n);
        ok = mf_list_summary_of(&a, 1, 2, MF_RESAMPLES, 1, &s, &err) &&
             mf_list_compare(&a, &a, 1, 2, MF_RESAMPLES, 1, &c, &err);
        mf_memory_fail_nth(0);
        if (!ok)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        assert_true(n < 100);
    }
    mf_evaluation_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_users_figure_is_his_mean_over_the_splits),
        cmocka_unit_test(without_users_no_figure_is_not_a_number),
        cmocka_unit_test(two_settings_are_compared_user_by_user),
        cmocka_unit_test(other_users_cannot_be_compared),
        cmocka_unit_test(without_resampling_an_interval_is_its_mean),
        cmocka_unit_test(each_failing_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
