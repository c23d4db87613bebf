/* test_recommend_profile.c: the ranking vector of a user and that of a visitor are one sum
 * (profile.h). */
#include "recommend_testing.h"
#include "shuffle.h"

#include "recommend/state.h"

enum { ITEMS = 300, FACTORS = 37, STRIDE = 48 };

static world_shape shape_of(world_kind kind, uint64_t seed)
{
    return (world_shape){.kind = kind,
                         .n_users = 6,
                         .n_items = ITEMS,
                         .n_factors = 4,
                         .rated_percent = 30,
                         .ranking_factors = FACTORS,
                         .recency = 0.75f,
                         .prior = 0.25f,
                         .seed = seed};
}

/* What a user rated and has a grade for, in another order, as a visitor sends it. */
typedef struct sent {
    uint32_t items[ITEMS];
    float ratings[ITEMS];
    double times[ITEMS];
    size_t n;
} sent;

static sent sent_by(const world *w, uint32_t user)
{
    sent s = {.n = 0};
    const mf_model_parts *p = w->parts;
    uint32_t order[ITEMS];
    uint32_t n = 0;
    for (uint64_t j = p->rated_start[user]; j < p->rated_start[user + 1]; j++)
        if (p->ranking.grades[j] > 0)
            order[n++] = (uint32_t)j;
    shuffle(user, order, n);
    for (; s.n < n; s.n++) {
        s.items[s.n] = p->rated_items[order[s.n]];
        s.ratings[s.n] = w->ratings[order[s.n]];
        s.times[s.n] = w->times[order[s.n]];
    }
    return s;
}

static void user_vector(const mf_model_parts *parts, uint32_t user, float *vector)
{
    const mf_history history = mf_history_of_user(parts, user);
    const mf_profiles profiles = mf_profiles_prepare(parts, mf_recommend_kernel_choose());
    mf_profile_compute(&profiles, &history, vector);
}

static void fold(const world *w, const mf_visitor *visitor, float *vector)
{
    mf_error err = {0};
    mf_profile profile;
    mf_recommender *recommender = recommender_with(w->model, 0);
    mf_workspace *workspace = workspace_create();
    assert_ok(mf_fold_in(recommender, workspace, visitor, &profile, &err), err);
    assert_true(profile.known);
    assert_non_null(profile.vector);
    assert_int_equal((uintptr_t)profile.vector % 64, 0);
    memcpy(vector, profile.vector, STRIDE * sizeof *vector);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
}

static void a_visitor_who_sends_what_a_user_rated_has_the_users_vector(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        for (int mode = 0; mode < 3; mode++) {
            world_shape shape = shape_of((world_kind)k, (uint64_t)k);
            shape.rated_percent = k % 2 == 0 ? 30 : 95; /* so many that the first are old enough */
            shape.no_ratings = mode == 1;
            shape.no_times = mode == 2;
            world w = world_create(shape);
            for (uint32_t user = 0; user < shape.n_users; user++)
                for (size_t c = 0; c < TESTING_CPUS; c++) {
                    setenv("MF_CPU", testing_cpus[c], 1);
                    _Alignas(64) float expected[STRIDE], users[STRIDE], visitors[STRIDE];
                    const sent s = sent_by(&w, user);
                    const mf_history history = mf_history_of_user(w.parts, user);
                    plain_profile(w.parts, &history, expected);
                    user_vector(w.parts, user, users);
                    fold(&w, &(mf_visitor){s.items, s.ratings, s.times, s.n}, visitors);
                    for (size_t f = 0; f < STRIDE; f++) {
                        assert_true(same_bits(users[f], expected[f]));
                        assert_true(same_bits(visitors[f], users[f]));
                    }
                }
            unsetenv("MF_CPU");
            world_release(&w);
        }
}

static void lists_of_such_a_visitor_are_the_users(void **state)
{
    (void)state;
    world w = world_create(shape_of(KIND_NORMAL, 5));
    mf_error err = {0};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspaces[] = {workspace_create(), workspace_create()};
    const mf_top_n_query query = {.n = 25, .include_rated = true};
    for (uint32_t user = 0; user < 6; user++) {
        const sent s = sent_by(&w, user);
        const mf_visitor visitor = {s.items, s.ratings, s.times, s.n};
        const mf_profile of_user = mf_profile_of_user(recommender, user);
        const mf_recommendation *best[2];
        size_t n[2];
        mf_profile folded;
        assert_ok(mf_fold_in(recommender, workspaces[0], &visitor, &folded, &err), err);
        assert_ok(mf_top_n(recommender, workspaces[0], &folded, &query, &best[0], &n[0], &err),
                  err);
        assert_ok(mf_top_n(recommender, workspaces[1], &of_user, &query, &best[1], &n[1], &err),
                  err);
        assert_int_equal(n[0], 25);
        assert_int_equal(n[1], 25);
        for (size_t k = 0; k < 25; k++) {
            assert_int_equal(best[0][k].item, best[1][k].item);
            assert_true(same_bits(best[0][k].score, best[1][k].score));
        }
    }
    mf_workspace_destroy(workspaces[0]);
    mf_workspace_destroy(workspaces[1]);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

static void assert_equal_vectors(const float *a, const float *b)
{
    for (size_t f = 0; f < STRIDE; f++)
        assert_true(same_bits(a[f], b[f]));
}

static bool vectors_differ(const float *a, const float *b)
{
    return memcmp(a, b, STRIDE * sizeof *a) != 0;
}

static void without_times_the_order_sent_says_nothing(void **state)
{
    (void)state;
    world w = world_create(shape_of(KIND_NORMAL, 1));
    _Alignas(64) float first[STRIDE], second[STRIDE], timed[STRIDE], ones[STRIDE];
    const uint32_t items[] = {9, 4, 30}, reversed[] = {30, 4, 9};
    const float ratings[] = {1, 4, 5}, back[] = {5, 4, 1};
    const double times[] = {1, 2, 3};
    const uint32_t sorted[] = {4, 9, 30};
    const uint8_t grades[] = {mf_grade_code(&w.parts->ranking.grading, 4),
                              mf_grade_code(&w.parts->ranking.grading, 1),
                              mf_grade_code(&w.parts->ranking.grading, 5)};
    fold(&w, &(mf_visitor){items, ratings, NULL, 3}, first);
    fold(&w, &(mf_visitor){reversed, back, NULL, 3}, second);
    assert_equal_vectors(first, second);
    /* Each age weight is 1. */
    plain_profile(w.parts, &(mf_history){sorted, grades, NULL, 3}, ones);
    assert_equal_vectors(first, ones);
    fold(&w, &(mf_visitor){items, ratings, times, 3}, timed);
    assert_true(vectors_differ(first, timed));
    world_release(&w);
}

static void of_an_item_that_comes_twice_the_newest_rating_counts(void **state)
{
    (void)state;
    world w = world_create(shape_of(KIND_NORMAL, 1));
    _Alignas(64) float expected[STRIDE], twice[STRIDE];
    const uint32_t plain[] = {4, 9}, items[] = {9, MF_INDEX_NONE, 4, 9, 9};
    /* By time. A missing time is the oldest. */
    fold(&w, &(mf_visitor){plain, (const float[]){3, 5}, (const double[]){7, 8}, 2}, expected);
    fold(&w,
         &(mf_visitor){items, (const float[]){5, 1, 3, 1, 2},
                       (const double[]){8, 99, 7, 6, (double)NAN}, 5},
         twice);
    assert_equal_vectors(expected, twice);
    /* Equally new, or all without a time: the last sent. */
    fold(&w,
         &(mf_visitor){items, (const float[]){2, 1, 3, 1, 5}, (const double[]){8, 99, 7, 8, 8}, 5},
         twice);
    assert_equal_vectors(expected, twice);
    fold(&w, &(mf_visitor){plain, (const float[]){3, 5}, NULL, 2}, expected);
    fold(&w, &(mf_visitor){items, (const float[]){2, 1, 3, 1, 5}, NULL, 5}, twice);
    assert_equal_vectors(expected, twice);
    fold(&w,
         &(mf_visitor){plain, (const float[]){3, 5}, (const double[]){(double)NAN, (double)NAN}, 2},
         expected);
    fold(&w,
         &(mf_visitor){items, (const float[]){2, 1, 3, 1, 5},
                       (const double[]){(double)NAN, 1, (double)NAN, (double)NAN, (double)NAN}, 5},
         twice);
    assert_equal_vectors(expected, twice);
    world_release(&w);
}

static void ranks_are_those_of_counting(void **state)
{
    (void)state;
    enum { N = 40 };
    for (uint64_t round = 0; round < 200; round++) {
        const uint32_t n = 1 + mf_random_below(round, 0, N);
        const uint32_t levels = 1 + mf_random_below(round, 1, 12);
        double times[N];
        uint8_t grades[N];
        uint32_t order[N], ranks[N];
        for (uint32_t k = 0; k < n; k++) {
            const uint32_t level = mf_random_below(round, 10 + k, levels);
            times[k] = level == 0 ? (double)NAN : (double)level - 5;
            grades[k] = 1;
        }
        mf_time_ranks(times, n, order, ranks);
        for (uint32_t k = 0; k < n; k++)
            assert_int_equal(ranks[k], plain_time_rank(times, grades, n, k));
    }
}

/* The mean profile's part fades with the number of grades, and is all there is without one. */
static void the_mean_profile_is_the_prior(void **state)
{
    (void)state;
    world_shape shape = shape_of(KIND_SOME_ZERO, 1);
    world with = world_create(shape);
    shape.prior = 0;
    world without = world_create(shape);
    const mf_ranking_parts *r = &with.parts->ranking;
    const mf_profiles profiles = mf_profiles_prepare(without.parts, mf_recommend_kernel_choose());
    _Alignas(64) float a[STRIDE], b[STRIDE];
    for (uint32_t user = 0; user < 6; user++) {
        user_vector(with.parts, user, a);
        user_vector(without.parts, user, b);
        const mf_history history = mf_history_of_user(with.parts, user);
        size_t n = 0;
        for (size_t j = 0; j < history.n; j++)
            n += history.grades[j] > 0;
        const float weight = mf_prior_weight(0.25f, n);
        for (size_t f = 0; f < FACTORS; f++)
            assert_true(same_bits(a[f], b[f] + weight * r->mean_profile[f]));
    }
    const uint32_t zero_rows[] = {0, 3, 6};
    const uint8_t grades[] = {200, 255, 1}, none[] = {0, 0, 0};
    const mf_history histories[] = {
        {.n = 0}, {zero_rows, grades, NULL, 3}, {zero_rows, none, NULL, 3}};
    for (size_t k = 0; k < 3; k++) {
        mf_profile_compute(&profiles, &histories[k], b);
        assert_equal_vectors(b, r->mean_profile);
    }
    world_release(&with);
    world_release(&without);
}

/* A visitor of items without ratings has no factors, and likes them all. */
static void pairs_without_ratings(void **state)
{
    (void)state;
    world w = world_create(shape_of(KIND_NORMAL, 1));
    mf_error err = {0};
    mf_profile profile;
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const uint32_t items[] = {50, 4, 4};
    const mf_history history = {(const uint32_t[]){4, 50}, (const uint8_t[]){255, 255}, NULL, 2};
    _Alignas(64) float expected[STRIDE];
    assert_ok(
        mf_fold_in(recommender, workspace, &(mf_visitor){items, NULL, NULL, 3}, &profile, &err),
        err);
    assert_true(profile.known && profile.factors == NULL && profile.bias == 0);
    assert_int_equal(profile.n_rated, 2);
    plain_profile(w.parts, &history, expected);
    assert_equal_vectors(profile.vector, expected);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

static void what_is_refused(void **state)
{
    (void)state;
    world w = world_create(shape_of(KIND_NORMAL, 1));
    mf_error err = {0};
    mf_profile profile = {.bias = 7};
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const uint32_t items[] = {1, 2}, unknown[] = {MF_INDEX_NONE};
    const float ratings[] = {1, 2};
    const double endless[] = {1, INFINITY}, times[] = {1, 2};
    assert_false(mf_fold_in(recommender, workspace, &(mf_visitor){items, ratings, endless, 2},
                            &profile, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "times[1] is not a finite number");
    assert_true(profile.bias == 7);
    mf_error_clear(&err);
    assert_ok(mf_fold_in(recommender, workspace, &(mf_visitor){unknown, ratings, times, 1},
                         &profile, &err),
              err);
    assert_false(profile.known);
    assert_null(profile.vector);
    assert_int_equal(profile.user, MF_INDEX_NONE);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

/* Newer is never less; half of the weight's range is lost in the first seven. How wide the range
 * is was a choice (grade.h). */
static void age_weights(void **state)
{
    (void)state;
    const double least = (double)mf_age_weight(1, 0, 1000);
    assert_true(least > 0.2 && least < 0.6);
    assert_true(mf_age_weight(1, 0, 1) == 1);
    assert_true(mf_age_weight(0, 0, 1000) == 1);
    for (uint32_t n = 1; n < 700; n += 13) {
        assert_true(mf_age_weight(1, 2 * (n - 1), n) == 1);
        for (uint32_t rank = 1; rank <= 2 * (n - 1); rank++) {
            const float weight = mf_age_weight(1, rank, n), older = mf_age_weight(1, rank - 1, n);
            const double expected = least + (1 - least) * exp(-((n - 1) - rank / 2.0) / 10);
            assert_true(older <= weight);
            assert_true(fabs((double)weight - expected) < 1e-7);
        }
    }
}

static void the_prior_fades(void **state)
{
    (void)state;
    for (size_t n = 1; n < 100; n++)
        assert_true(fabs((double)mf_prior_weight(3, n) - 3 * exp(-(double)n / 15)) < 1e-6);
    assert_true(mf_prior_weight(3e38f, UINT32_MAX) == 0);
    assert_true(mf_prior_weight(0, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_who_sends_what_a_user_rated_has_the_users_vector),
        cmocka_unit_test(lists_of_such_a_visitor_are_the_users),
        cmocka_unit_test(without_times_the_order_sent_says_nothing),
        cmocka_unit_test(of_an_item_that_comes_twice_the_newest_rating_counts),
        cmocka_unit_test(ranks_are_those_of_counting),
        cmocka_unit_test(the_mean_profile_is_the_prior),
        cmocka_unit_test(the_prior_fades),
        cmocka_unit_test(pairs_without_ratings),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(age_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
