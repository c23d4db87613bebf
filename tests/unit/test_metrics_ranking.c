/* The figures of lists against sums written out. */
#include "testing.h"

#include "metrics/ranking_metrics.h"

#include <math.h>

#define N(array) (sizeof(array) / sizeof *(array))

static void assert_near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12))
        fail_msg("%.17g instead of %.17g", got, expected);
}

static void a_perfect_list_has_one_everywhere(void **state)
{
    (void)state;
    const uint32_t list[] = {7, 3, 9};
    const uint32_t relevant[] = {3, 7, 9, 11};
    const mf_list_metrics m = mf_list_metrics_of(list, 3, relevant, N(relevant), 3);
    assert_near(m.precision, 1);
    assert_near(m.recall, 1);
    assert_near(m.ndcg, 1);
    assert_near(m.average_precision, 1);
    assert_near(m.reciprocal_rank, 1);
}

static void a_list_with_hits_in_second_and_fourth_place(void **state)
{
    (void)state;
    const uint32_t list[] = {5, 2, 6, 0, 8};
    const uint32_t relevant[] = {0, 2, 30};
    const mf_list_metrics m = mf_list_metrics_of(list, N(list), relevant, N(relevant), 5);
    assert_near(m.precision, 2 / 5.0);
    assert_near(m.recall, 2 / 3.0);
    assert_near(m.ndcg, (1 / log2(3) + 1 / log2(5)) / (1 / log2(2) + 1 / log2(3) + 1 / log2(4)));
    assert_near(m.average_precision, (1 / 2.0 + 2 / 4.0) / 3);
    assert_near(m.reciprocal_rank, 1 / 2.0);
}

static void places_that_a_list_does_not_have_are_misses(void **state)
{
    (void)state;
    const uint32_t list[] = {4};
    const uint32_t relevant[] = {4, 5};
    const mf_list_metrics m = mf_list_metrics_of(list, 1, relevant, 2, 10);
    assert_near(m.precision, 1 / 10.0);
    assert_near(m.recall, 1 / 2.0);
    assert_near(m.ndcg, 1 / (1 + 1 / log2(3)));
    const mf_list_metrics none = mf_list_metrics_of(list, 0, relevant, 2, 10);
    assert_near(none.ndcg, 0);
    assert_near(none.reciprocal_rank, 0);
}

static void entries_after_k_do_not_count(void **state)
{
    (void)state;
    const uint32_t list[] = {1, 2, 3};
    const uint32_t relevant[] = {3};
    const mf_list_metrics m = mf_list_metrics_of(list, 3, relevant, 1, 2);
    assert_near(m.precision, 0);
    assert_near(m.ndcg, 0);
    assert_near(m.reciprocal_rank, 0);
}

static mf_interval interval_of(const double *values, size_t n, size_t resamples, uint64_t seed,
                               double *scratch)
{
    mf_interval interval;
    mf_intervals_of(values, n, 1, resamples, MF_INTERVAL_LEVEL, seed, scratch, &interval);
    return interval;
}

static void figures_that_are_drawn_together_are_as_if_drawn_one_by_one(void **state)
{
    (void)state;
    double one[50], other[50], both[100], scratch[400];
    for (size_t i = 0; i < N(one); i++) {
        both[2 * i] = one[i] = (double)i;
        both[2 * i + 1] = other[i] = (double)(i * i % 7);
    }
    const mf_interval of_one = interval_of(one, N(one), 200, 3, scratch);
    const mf_interval of_other = interval_of(other, N(other), 200, 3, scratch);
    mf_interval together[2];
    mf_intervals_of(both, N(one), 2, 200, MF_INTERVAL_LEVEL, 3, scratch, together);
    assert_memory_equal(&of_one, &together[0], sizeof of_one);
    assert_memory_equal(&of_other, &together[1], sizeof of_other);
    assert_true(of_other.low < of_other.mean && of_other.mean < of_other.high);
}

static void an_interval_holds_its_mean_and_shrinks_with_more_values(void **state)
{
    (void)state;
    double values[4000];
    double scratch[500];
    for (size_t i = 0; i < N(values); i++)
        values[i] = i % 2 == 0 ? 1 : 0;
    const mf_interval few = interval_of(values, 100, N(scratch), 1, scratch);
    const mf_interval many = interval_of(values, N(values), N(scratch), 1, scratch);
    assert_near(few.mean, 0.5);
    assert_true(few.low < few.mean && few.mean < few.high);
    /* 1.96 deviations of a mean of 100 values: 0.098. */
    assert_true(fabs(few.high - few.low - 2 * 0.098) < 0.04);
    assert_true(fabs(many.high - many.low - 2 * 0.0155) < 0.007);
    const mf_interval again = interval_of(values, 100, N(scratch), 1, scratch);
    assert_true(again.low == few.low && again.high == few.high);
    const mf_interval other = interval_of(values, 100, N(scratch), 2, scratch);
    assert_true(other.low != few.low || other.high != few.high);
}

static void an_interval_of_one_value_is_that_value(void **state)
{
    (void)state;
    const double value = 0.25;
    double scratch[10];
    const mf_interval interval = interval_of(&value, 1, 10, 1, scratch);
    assert_true(interval.mean == 0.25 && interval.low == 0.25 && interval.high == 0.25);
}

static void popularity_ranks_go_from_most_to_least_rated_and_ties_share(void **state)
{
    (void)state;
    const uint32_t count[] = {5, 9, 0, 5, 5};
    uint32_t order[5];
    float rank[5];
    mf_popularity_ranks(count, 5, order, rank);
    assert_true(rank[1] == 0);
    assert_true(rank[0] == 0.5f && rank[3] == 0.5f && rank[4] == 0.5f);
    assert_true(rank[2] == 1);
    mf_popularity_ranks(count, 1, order, rank);
    assert_true(rank[0] == 0.5f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_list_has_one_everywhere),
        cmocka_unit_test(a_list_with_hits_in_second_and_fourth_place),
        cmocka_unit_test(places_that_a_list_does_not_have_are_misses),
        cmocka_unit_test(entries_after_k_do_not_count),
        cmocka_unit_test(figures_that_are_drawn_together_are_as_if_drawn_one_by_one),
        cmocka_unit_test(an_interval_holds_its_mean_and_shrinks_with_more_values),
        cmocka_unit_test(an_interval_of_one_value_is_that_value),
        cmocka_unit_test(popularity_ranks_go_from_most_to_least_rated_and_ties_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
