/* test_recommend_fold_in.c: a visitor's factors are the minimum that recommender.h
 * promises. */
#include "recommend_testing.h"
#include "shuffle.h"

#include "recommend/ridge.h"

enum { ITEMS = 200, FACTORS = 20 };

typedef struct visit {
    world world;
    mf_recommender *recommender;
    mf_workspace *workspace;
    uint32_t items[ITEMS];
    float ratings[ITEMS];
} visit;

/* Distinct items in a random order, ratings in half stars. */
static visit visit_create(world_kind kind)
{
    visit v = {.world = world_create((world_shape){.kind = kind,
                                                   .n_users = 3,
                                                   .n_items = ITEMS,
                                                   .n_factors = FACTORS,
                                                   .rated_percent = 10,
                                                   .seed = 1})};
    v.recommender = recommender_with(v.world.model, SIZE_MAX);
    v.workspace = workspace_create();
    for (uint32_t j = 0; j < ITEMS; j++) {
        v.items[j] = j;
        v.ratings[j] = 0.5f + 0.5f * (float)mf_random_below(3, j, 10);
    }
    shuffle(4, v.items, ITEMS);
    return v;
}

static void visit_release(visit *v)
{
    mf_recommender_destroy(v->recommender);
    mf_workspace_destroy(v->workspace);
    world_release(&v->world);
}

/* x[0..FACTORS) is p, x[FACTORS] is b. */
static double loss(const visit *v, size_t n, const double *x)
{
    const mf_model_parts *p = v->world.parts;
    double sum = 0, norm = 0;
    for (size_t j = 0; j < n; j++) {
        const uint32_t item = v->items[j];
        double e = (double)v->ratings[j] - (double)p->global_mean - x[FACTORS] -
                   (double)p->item_bias[item];
        for (size_t f = 0; f < FACTORS; f++)
            e -= x[f] * (double)item_row(p, item)[f];
        sum += e * e;
    }
    for (size_t f = 0; f < FACTORS; f++)
        norm += x[f] * x[f];
    return sum + ((double)n + 40) * (double)p->regularization * norm +
           ((double)n * (double)p->bias_regularization + 4) * x[FACTORS] * x[FACTORS];
}

static void fold(visit *v, size_t n, double *x)
{
    mf_error err = {0};
    mf_profile profile;
    assert_ok(mf_fold_in(v->recommender, v->workspace,
                         &(mf_visitor){.items = v->items, .ratings = v->ratings, .n = n}, &profile,
                         &err),
              err);
    assert_true(profile.known);
    assert_int_equal(profile.n_rated, n);
    for (size_t j = 0; j < n; j++) {
        assert_true(is_among(v->items, n, profile.rated[j]));
        assert_true(j == 0 || profile.rated[j - 1] < profile.rated[j]);
    }
    assert_int_equal((uintptr_t)profile.factors % 64, 0);
    for (size_t f = FACTORS; f < mf_model_stride(FACTORS); f++)
        assert_true(profile.factors[f] == 0);
    for (size_t f = 0; f < FACTORS; f++)
        x[f] = (double)profile.factors[f];
    x[FACTORS] = (double)profile.bias;
}

/* The normal equations by Gauss and Jordan, straight from the loss. */
static void dense(const visit *v, size_t n, double *x)
{
    enum { M = FACTORS + 1 };
    const mf_model_parts *p = v->world.parts;
    double a[M][M + 1] = {{0}};
    for (size_t j = 0; j < n; j++) {
        double row[M];
        for (size_t f = 0; f < FACTORS; f++)
            row[f] = (double)item_row(p, v->items[j])[f];
        row[FACTORS] = 1;
        const double y =
            (double)v->ratings[j] - (double)p->global_mean - (double)p->item_bias[v->items[j]];
        for (size_t f = 0; f < M; f++) {
            for (size_t g = 0; g < M; g++)
                a[f][g] += row[f] * row[g];
            a[f][M] += row[f] * y;
        }
    }
    for (size_t f = 0; f < FACTORS; f++)
        a[f][f] += ((double)n + 40) * (double)p->regularization;
    a[FACTORS][FACTORS] += (double)n * (double)p->bias_regularization + 4;
    for (size_t k = 0; k < M; k++)
        for (size_t f = 0; f < M; f++)
            if (f != k) {
                const double factor = a[f][k] / a[k][k];
                for (size_t g = k; g <= M; g++)
                    a[f][g] -= factor * a[k][g];
            }
    for (size_t f = 0; f < M; f++)
        x[f] = a[f][M] / a[f][f];
}

static void it_is_the_solution_of_the_equations(void **state)
{
    (void)state;
    visit v = visit_create(KIND_NORMAL);
    for (size_t n = 1; n <= ITEMS; n++) { /* both systems, and where they meet */
        double x[FACTORS + 1], expected[FACTORS + 1];
        fold(&v, n, x);
        dense(&v, n, expected);
        for (size_t f = 0; f <= FACTORS; f++)
            assert_true(fabs(x[f] - expected[f]) < 1e-6);
    }
    visit_release(&v);
}

static void the_gradient_is_zero(void **state)
{
    (void)state;
    visit v = visit_create(KIND_OUTLIERS);
    for (size_t n = 1; n <= ITEMS; n += 13) {
        double x[FACTORS + 1];
        fold(&v, n, x);
        for (size_t f = 0; f <= FACTORS; f++) {
            const double step = 1e-4, at = x[f];
            x[f] = at + step;
            const double up = loss(&v, n, x);
            x[f] = at - step;
            const double down = loss(&v, n, x);
            x[f] = at;
            assert_true(fabs(up - down) / (2 * step) < 2e-3);
            assert_true(up + down - 2 * loss(&v, n, x) > 0);
        }
    }
    visit_release(&v);
}

/* Ratings that the model explains without a rest lead to who gave them. */
static void a_user_is_found_again(void **state)
{
    (void)state;
    visit v = visit_create(KIND_NORMAL);
    mf_error err = {0};
    const mf_profile user = mf_profile_of_user(v.recommender, 1);
    mf_profile profile;
    for (size_t j = 0; j < ITEMS; j++)
        v.ratings[j] = mf_predict(v.recommender, &user, v.items[j]);
    assert_ok(mf_fold_in(v.recommender, v.workspace,
                         &(mf_visitor){.items = v.items, .ratings = v.ratings, .n = ITEMS},
                         &profile, &err),
              err);
    double square = 0, all = 0;
    for (uint32_t item = 0; item < ITEMS; item++) {
        const double e = (double)mf_predict(v.recommender, &profile, item) -
                         (double)mf_predict(v.recommender, &user, item);
        const double d = (double)mf_predict(v.recommender, &user, item) - 3.5;
        square += e * e;
        all += d * d;
    }
    assert_true(square < 0.1 * all); /* shrunken, but in that direction */
    visit_release(&v);
}

static void one_rating_moves_a_little(void **state)
{
    (void)state;
    visit v = visit_create(KIND_NORMAL);
    mf_error err = {0};
    const mf_profile anonymous = mf_profile_of_user(v.recommender, MF_INDEX_NONE);
    float before = -100;
    for (float rating = 0.5f; rating <= 5; rating += 0.5f) {
        mf_profile profile;
        assert_ok(mf_fold_in(v.recommender, v.workspace,
                             &(mf_visitor){.items = &v.items[7], .ratings = &rating, .n = 1},
                             &profile, &err),
                  err);
        const float predicted = mf_predict(v.recommender, &profile, v.items[7]);
        const float average = mf_predict(v.recommender, &anonymous, v.items[7]);
        assert_true(predicted > before);
        assert_true(fabsf(predicted - average) < 0.7f * fabsf(rating - average));
        before = predicted;
    }
    visit_release(&v);
}

static void the_last_rating_of_an_item_counts(void **state)
{
    (void)state;
    visit v = visit_create(KIND_NORMAL);
    mf_error err = {0};
    const uint32_t items[] = {9, MF_INDEX_NONE, 4, 9, 30, MF_INDEX_NONE, 4, 9};
    const float ratings[] = {1, 5, 2, 2, 99, 1, 4.5f, 3};
    const uint32_t plain_items[] = {4, 9, 30};
    const float plain_ratings[] = {4.5f, 3, 5};
    mf_profile profile;
    float factors[FACTORS];
    assert_ok(mf_fold_in(v.recommender, v.workspace,
                         &(mf_visitor){.items = plain_items, .ratings = plain_ratings, .n = 3},
                         &profile, &err),
              err);
    memcpy(factors, profile.factors, sizeof factors);
    const float bias = profile.bias;
    assert_ok(mf_fold_in(v.recommender, v.workspace,
                         &(mf_visitor){.items = items, .ratings = ratings, .n = 8}, &profile, &err),
              err);
    assert_int_equal(profile.n_rated, 3);
    assert_memory_equal(profile.rated, plain_items, sizeof plain_items);
    assert_memory_equal(profile.factors, factors, sizeof factors);
    assert_memory_equal(&profile.bias, &bias, sizeof bias);
    /* What was rated is left out. */
    const mf_top_n_query query = {.n = ITEMS};
    const mf_recommendation *best;
    size_t n_best;
    assert_ok(mf_top_n(v.recommender, v.workspace, &profile, &query, &best, &n_best, &err), err);
    assert_int_equal(n_best, ITEMS - 3);
    visit_release(&v);
}

static void what_is_refused(void **state)
{
    (void)state;
    visit v = visit_create(KIND_NORMAL);
    mf_error err = {0};
    mf_profile profile = {.bias = 7};
    const uint32_t unknown[] = {MF_INDEX_NONE, MF_INDEX_NONE}, wrong[] = {3, ITEMS};
    const float ratings[] = {1, 5}, odd[] = {1, NAN}, endless[] = {INFINITY, 1};
    assert_false(mf_fold_in(v.recommender, v.workspace,
                            &(mf_visitor){.items = wrong, .ratings = ratings, .n = 2}, &profile,
                            &err));
    assert_error(&err, MF_ERR_ARGUMENT, "ratings[1] is of item 200 of 200");
    mf_error_clear(&err);
    assert_false(mf_fold_in(v.recommender, v.workspace,
                            &(mf_visitor){.items = v.items, .ratings = odd, .n = 2}, &profile,
                            &err));
    assert_error(&err, MF_ERR_ARGUMENT, "ratings[1] is not a finite number");
    mf_error_clear(&err);
    assert_false(mf_fold_in(v.recommender, v.workspace,
                            &(mf_visitor){.items = unknown, .ratings = endless, .n = 2}, &profile,
                            &err));
    assert_error(&err, MF_ERR_ARGUMENT, "ratings[0] is not a finite number");
    mf_error_clear(&err);
    assert_false(mf_fold_in(v.recommender, v.workspace,
                            &(mf_visitor){.items = v.items, .ratings = ratings, .n = 0}, &profile,
                            &err));
    assert_error(&err, MF_ERR_ARGUMENT, "0 ratings");
    mf_error_clear(&err);
    assert_true(profile.bias == 7);
    assert_ok(mf_fold_in(v.recommender, v.workspace,
                         &(mf_visitor){.items = unknown, .ratings = ratings, .n = 2}, &profile,
                         &err),
              err);
    assert_false(profile.known);
    assert_null(profile.factors);
    assert_int_equal(profile.n_rated, 0);
    visit_release(&v);
}

/* With any numbers in the model the result is finite and top-N takes it. */
static void every_kind_of_model(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        visit v = visit_create((world_kind)k);
        mf_error err = {0};
        for (size_t n = 1; n <= ITEMS; n = n * 3 + 1) {
            mf_profile profile;
            assert_ok(mf_fold_in(v.recommender, v.workspace,
                                 &(mf_visitor){.items = v.items, .ratings = v.ratings, .n = n},
                                 &profile, &err),
                      err);
            assert_true(isfinite(profile.bias));
            for (size_t f = 0; f < FACTORS; f++)
                assert_true(isfinite(profile.factors[f]));
            mf_recommendation expected[ITEMS];
            const mf_top_n_query query = {.n = 10};
            const size_t n_expected = plain_top_n(v.world.parts, &profile, &query, expected);
            const mf_recommendation *best;
            size_t n_best;
            assert_ok(mf_top_n(v.recommender, v.workspace, &profile, &query, &best, &n_best, &err),
                      err);
            assert_lists_equal(best, n_best, expected, n_expected);
        }
        visit_release(&v);
    }
}

/* Nothing to hold it but the least regularization (ridge.h). */
static void without_regularization_there_is_still_one_solution(void **state)
{
    (void)state;
    enum { N = 12, K = 5 };
    _Alignas(64) float rows[N * 16] = {0};
    uint32_t items[N];
    float y[N], p[K], b;
    for (uint32_t j = 0; j < N; j++) {
        items[j] = j;
        for (size_t f = 0; f < K; f++)
            rows[j * 16 + f] = f < 2 ? mf_random_normal(1, j * 16 + f) : rows[j * 16 + f - 1];
        y[j] = 0.5f + 2 * rows[j * 16] - rows[j * 16 + 1];
    }
    for (uint32_t n = 1; n <= N; n++) {
        size_t n_doubles;
        assert_true(mf_ridge_doubles(n, K, &n_doubles));
        double *work = testing_allocate(n_doubles, sizeof *work);
        const mf_ridge ridge = {.n = n,
                                .n_factors = K,
                                .stride = 16,
                                .rows = rows,
                                .items = items,
                                .y = y,
                                .kernel = mf_recommend_kernel_choose()};
        mf_ridge_solve(&ridge, work, p, &b);
        for (uint32_t j = 0; j < n; j++) {
            double predicted = (double)b;
            for (size_t f = 0; f < K; f++)
                predicted += (double)p[f] * (double)rows[j * 16 + f];
            assert_true(fabs(predicted - (double)y[j]) < 1e-3);
        }
        mf_free(work);
    }
    size_t n_doubles;
    assert_false(mf_ridge_doubles(SIZE_MAX, UINT32_MAX, &n_doubles));
}

/* Many tiles, the last ones in part: the gradient in plain loops. From 1 rating to more
 * than unknowns. */
static void large_systems_have_a_gradient_of_zero(void **state)
{
    (void)state;
    enum { N = 150, K = 100, STRIDE = 112 };
    float *rows = testing_allocate(N * STRIDE, sizeof *rows);
    uint32_t items[N];
    float y[N], p[K], b, first_p[K], first_b = 0;
    for (uint32_t j = 0; j < N; j++) {
        items[j] = j;
        y[j] = mf_random_normal(1, j);
        for (size_t f = 0; f < K; f++)
            rows[j * STRIDE + f] = 0.3f * mf_random_normal(2, j * K + f);
    }
    for (uint32_t n = 1; n <= N; n += n == 97 ? 1 : n < 90 ? 16 : 3)
        for (int c = 0; c < TESTING_CPUS; c++) {
            setenv("MF_CPU", testing_cpus[c], 1);
            size_t n_doubles;
            assert_true(mf_ridge_doubles(n, K, &n_doubles));
            double *work = testing_allocate(n_doubles, sizeof *work);
            const mf_ridge ridge = {.n = n,
                                    .n_factors = K,
                                    .stride = STRIDE,
                                    .rows = rows,
                                    .items = items,
                                    .y = y,
                                    .regularization = 2,
                                    .bias_regularization = 3,
                                    .kernel = mf_recommend_kernel_choose()};
            mf_ridge_solve(&ridge, work, p, &b);
            mf_free(work);
            double slope[K + 1] = {0};
            for (size_t j = 0; j < n; j++) {
                double e = (double)b - (double)y[j];
                for (size_t f = 0; f < K; f++)
                    e += (double)p[f] * (double)rows[j * STRIDE + f];
                for (size_t f = 0; f < K; f++)
                    slope[f] += e * (double)rows[j * STRIDE + f];
                slope[K] += e;
            }
            for (size_t f = 0; f < K; f++)
                assert_true(fabs(slope[f] + 2 * (double)p[f]) < 1e-4);
            assert_true(fabs(slope[K] + 3 * (double)b) < 1e-4);
            /* The same bits on every CPU. */
            if (c > 0) {
                assert_memory_equal(p, first_p, sizeof p);
                assert_memory_equal(&b, &first_b, sizeof b);
            }
            memcpy(first_p, p, sizeof p);
            first_b = b;
        }
    unsetenv("MF_CPU");
    mf_free(rows);
}

/* So that no request waits long for another. */
static void of_too_many_ratings_the_last_ones_count(void **state)
{
    (void)state;
    enum { ALL = 400, MANY_FACTORS = 1023, USED = 256, REPEATED = 3 };
    assert_int_equal(mf_ridge_n_max(1), 1 << 24);
    assert_int_equal(mf_ridge_n_max(128), 4032);
    assert_int_equal(mf_ridge_n_max(256), 1016);
    assert_int_equal(mf_ridge_n_max(258), 1000);
    assert_int_equal(mf_ridge_n_max(512), 361);
    assert_int_equal(mf_ridge_n_max(MANY_FACTORS), USED);
    assert_int_equal(mf_ridge_n_max(1024), 255);
    assert_int_equal(mf_ridge_n_max(4096), 127);
    assert_int_equal(mf_ridge_n_max(UINT32_MAX), 1);
    world w = world_create((world_shape){
        .kind = KIND_NORMAL, .n_users = 1, .n_items = ALL, .n_factors = MANY_FACTORS, .seed = 1});
    mf_recommender *recommender = recommender_with(w.model, 0);
    mf_workspace *workspace = workspace_create();
    uint32_t items[ALL + REPEATED];
    float ratings[ALL + REPEATED], last[MANY_FACTORS];
    for (uint32_t j = 0; j < ALL + REPEATED; j++) {
        items[j] = j % ALL;
        ratings[j] = 0.5f + 0.5f * (float)mf_random_below(3, j, 10);
    }
    shuffle(4, items, ALL);
    memcpy(items + ALL, items, REPEATED * sizeof *items); /* rated again: new ones */
    mf_error err = {0};
    mf_profile profile;
    const size_t n_old = ALL + REPEATED - USED;
    assert_ok(
        mf_fold_in(recommender, workspace,
                   &(mf_visitor){.items = items + n_old, .ratings = ratings + n_old, .n = USED},
                   &profile, &err),
        err);
    assert_int_equal(profile.n_rated, USED);
    const float bias = profile.bias;
    memcpy(last, profile.factors, sizeof last);
    assert_ok(mf_fold_in(recommender, workspace,
                         &(mf_visitor){.items = items, .ratings = ratings, .n = ALL + REPEATED},
                         &profile, &err),
              err);
    assert_memory_equal(profile.factors, last, sizeof last);
    assert_memory_equal(&profile.bias, &bias, sizeof bias);
    /* The newest by their times, wherever they are sent. */
    double times[ALL + REPEATED];
    for (uint32_t j = 0; j < ALL + REPEATED; j++) {
        const uint32_t k = ALL + REPEATED - 1 - j;
        times[j] = k;
        if (j < k) {
            const uint32_t item = items[j];
            const float rating = ratings[j];
            items[j] = items[k];
            ratings[j] = ratings[k];
            items[k] = item;
            ratings[k] = rating;
        }
    }
    const mf_visitor backwards = {items, ratings, times, ALL + REPEATED};
    assert_ok(mf_fold_in(recommender, workspace, &backwards, &profile, &err), err);
    assert_memory_equal(profile.factors, last, sizeof last);
    assert_memory_equal(&profile.bias, &bias, sizeof bias);
    /* All that was rated is left out of lists. */
    assert_int_equal(profile.n_rated, ALL);
    for (uint32_t j = 0; j < ALL; j++)
        assert_int_equal(profile.rated[j], j);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_solution_of_the_equations),
        cmocka_unit_test(the_gradient_is_zero),
        cmocka_unit_test(a_user_is_found_again),
        cmocka_unit_test(one_rating_moves_a_little),
        cmocka_unit_test(the_last_rating_of_an_item_counts),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(every_kind_of_model),
        cmocka_unit_test(without_regularization_there_is_still_one_solution),
        cmocka_unit_test(large_systems_have_a_gradient_of_zero),
        cmocka_unit_test(of_too_many_ratings_the_last_ones_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
