/* test_train_grading.c: ratings of any scale as grades (train/ranking.h, train/rated.h). */
#include "evaluate_testing.h"

#include "train/ranking.h"

#include <float.h>
#include <math.h>

static mf_ratings of(const float *values, size_t n)
{
    triple triples[16];
    assert_true(n <= 16);
    for (size_t k = 0; k < n; k++)
        triples[k] = (triple){0, (uint32_t)k, values[k]};
    mf_ratings r = ratings_of(1, 16, triples, n);
    r.feedback = MF_FEEDBACK_EXPLICIT;
    return r;
}

/* What mf_rated_create makes of all of them. */
static void fill(const mf_grading *grading, const mf_ratings *r, float relevant_rating,
                 uint8_t *grades, uint8_t *relevant)
{
    mf_error err = {0};
    mf_rated rated;
    assert_ok(mf_rated_create(&rated, NULL, r, r, grading, relevant_rating, 2, &err), err);
    memcpy(grades, rated.grades, r->n_ratings);
    memcpy(relevant, rated.relevant, r->n_ratings);
    mf_rated_release(&rated);
}

static void ratings_are_graded_by_their_distance_from_the_mean(void **state)
{
    (void)state;
    mf_ratings r = of((float[]){1, 2, 3, 4, 5}, 5);
    const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
    assert_int_equal(g.kind, MF_GRADING_LOGISTIC);
    assert_true(g.center == 3);
    assert_true(g.scale == (float)sqrt(2));
    assert_true(mf_ranking_relevant(&r) == 3);
    uint8_t grades[5];
    uint8_t relevant[5];
    fill(&g, &r, 3, grades, relevant);
    for (int k = 0; k < 5; k++) {
        const double y = 1 / (1 + exp(-2 * (k - 2) / (double)g.scale));
        assert_int_equal(grades[k], (int)floor(255 * y + 0.5));
    }
    assert_memory_equal(relevant, ((uint8_t[]){0, 0, 1, 1, 1}), 5);
    ratings_clear(&r);
}

static void the_scale_of_ratings_does_not_matter(void **state)
{
    (void)state;
    static const float scales[][2] = {{1, 0}, {10, 0}, {-1, 0}, {0.25f, -64}, {1e30f, 0}};
    uint8_t grades[4];
    uint8_t relevant[4];
    uint8_t first[4];
    for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++) {
        float values[4] = {1, 2, 4, 8};
        for (int k = 0; k < 4; k++)
            values[k] = values[k] * scales[s][0] + scales[s][1];
        mf_ratings r = of(values, 4);
        const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
        fill(&g, &r, mf_ranking_relevant(&r), grades, relevant);
        if (s == 0)
            memcpy(first, grades, 4);
        for (int k = 0; k < 4; k++) {
            /* The other way round, the other way round; else the same to rounding. */
            const int expected = scales[s][0] < 0 ? 255 - first[k] : first[k];
            assert_in_range(grades[k] + 1, (unsigned)expected, (unsigned)expected + 2);
        }
        ratings_clear(&r);
    }
}

static void equal_ratings_are_all_liked(void **state)
{
    (void)state;
    static const float values[] = {0, 3.3f, -7.1f, FLT_MAX, 1e-45f};
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        mf_ratings r = of((float[]){values[v], values[v], values[v]}, 3);
        const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
        uint8_t grades[3];
        uint8_t relevant[3];
        assert_true(g.scale == 0);
        fill(&g, &r, mf_ranking_relevant(&r), grades, relevant);
        assert_memory_equal(grades, ((uint8_t[]){255, 255, 255}), 3);
        assert_memory_equal(relevant, ((uint8_t[]){1, 1, 1}), 3);
        ratings_clear(&r);
    }
}

static void counts_are_graded_by_their_logarithm_and_all_relevant(void **state)
{
    (void)state;
    mf_ratings r = of((float[]){1, 3, 0, 1e30f, 1}, 5);
    r.feedback = MF_FEEDBACK_IMPLICIT;
    const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
    const double scale = 2 * (2 * log(2) + log(4) + log(1e30)) / 5;
    assert_int_equal(g.kind, MF_GRADING_LOG);
    assert_true(fabs((double)g.scale / scale - 1) < 1e-6);
    uint8_t grades[5];
    uint8_t relevant[5];
    fill(&g, &r, mf_ranking_relevant(&r), grades, relevant);
    assert_int_equal(grades[0], (int)floor(255 * log(2) / scale + 0.5));
    assert_int_equal(grades[1], (int)floor(255 * log(4) / scale + 0.5));
    assert_int_equal(grades[2], 1);
    assert_int_equal(grades[3], 255);
    assert_int_equal(grades[4], grades[0]);
    assert_memory_equal(relevant, ((uint8_t[]){1, 1, 1, 1, 1}), 5);
    ratings_clear(&r);
}

static void equal_counts_all_weigh_the_same(void **state)
{
    (void)state;
    mf_ratings r = of((float[]){7, 7}, 2);
    r.feedback = MF_FEEDBACK_IMPLICIT;
    const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
    uint8_t grades[2];
    uint8_t relevant[2];
    assert_int_equal(g.kind, MF_GRADING_ONE);
    fill(&g, &r, mf_ranking_relevant(&r), grades, relevant);
    assert_memory_equal(grades, ((uint8_t[]){255, 255}), 2);
    ratings_clear(&r);
}

static void many_different_values_are_graded_as_one_by_one(void **state)
{
    (void)state;
    mf_ratings r = random_ratings(60, 70, 50, 4);
    r.feedback = MF_FEEDBACK_EXPLICIT;
    for (uint64_t k = 0; k < r.n_ratings; k++)
        r.value[k] = mf_random_normal(3, k % 700);
    const mf_grading g = mf_ranking_grading(&r, MF_TRAIN_GRADING_AUTO);
    uint8_t *grades = made(r.n_ratings, 1);
    uint8_t *relevant = made(r.n_ratings, 1);
    fill(&g, &r, 0.5f, grades, relevant);
    for (uint64_t k = 0; k < r.n_ratings; k++) {
        assert_int_equal(grades[k], mf_grade_code(&g, r.value[k]));
        assert_int_equal(relevant[k], grades[k] >= mf_grade_code(&g, 0.5f));
    }
    mf_free(grades);
    mf_free(relevant);
    ratings_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratings_are_graded_by_their_distance_from_the_mean),
        cmocka_unit_test(the_scale_of_ratings_does_not_matter),
        cmocka_unit_test(equal_ratings_are_all_liked),
        cmocka_unit_test(counts_are_graded_by_their_logarithm_and_all_relevant),
        cmocka_unit_test(equal_counts_all_weigh_the_same),
        cmocka_unit_test(many_different_values_are_graded_as_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
