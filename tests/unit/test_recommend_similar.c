/* test_recommend_similar.c: the items most like an item are those of the plain scan. */
#include "recommend_testing.h"

#include "recommend/similar.h"

static mf_space space_of(const mf_model_parts *p)
{
    const bool has_ranking = p->ranking.n_factors > 0;
    const uint32_t n_factors = has_ranking ? p->ranking.n_factors : p->n_factors;
    return (mf_space){
        .rows = has_ranking ? p->ranking.item_vectors : p->item_factors,
        .n_factors = n_factors,
        .stride = mf_model_stride(n_factors),
    };
}

/* Σ scale_f · x_f · y_f of two items' rows: σ² of a ranking model, a quarter of it for the first,
 * else 1. */
static double inner(const mf_model_parts *p, uint32_t x, uint32_t y)
{
    const mf_space space = space_of(p);
    double sum = 0;
    for (size_t f = 0; f < space.n_factors; f++) {
        const double first = f == 0 ? 0.25 : 1;
        const double scale = p->ranking.n_factors > 0 ? first * (double)p->ranking.spectrum[f] : 1;
        sum += scale * (double)space.rows[x * space.stride + f] *
               (double)space.rows[y * space.stride + f];
    }
    return sum;
}

/* The equations of similar.h in double. */
static double similarity(const mf_model_parts *p, uint32_t a, uint32_t i)
{
    const double cosine = inner(p, a, i) / sqrt(inner(p, a, a) * inner(p, i, i));
    const double count = (double)p->item_count[i];
    return cosine * count / (count + (p->ranking.n_factors == 0 ? 5 : 50));
}

/* The same bits as documented: the query, the product, the weight. */
static size_t plain_similar(const mf_model_parts *p, uint32_t a, size_t n, mf_recommendation *list)
{
    const mf_space space = space_of(p);
    float *weight = testing_allocate(p->n_items, sizeof *weight);
    float *query = testing_allocate(space.stride, sizeof *query);
    size_t found = 0;
    mf_similarity_weights(p, &space, weight);
    const bool is_any = mf_similarity_query(p, &space, a, query);
    for (uint32_t item = 0; item < p->n_items && is_any; item++)
        if (item != a && weight[item] > 0) {
            const float *row = space.rows + item * space.stride;
            const float s = mf_dot(query, row, space.stride) * weight[item];
            list[found++] = (mf_recommendation){item, isnan(s) ? -INFINITY : s, NAN};
        }
    qsort(list, found, sizeof *list, better_first);
    if (found > n)
        found = n;
    for (size_t k = 0; k < found; k++)
        list[k].score = fmaxf(-1, fminf(1, list[k].score));
    mf_free(weight);
    mf_free(query);
    return found;
}

static void the_nearest_of_every_kind_of_model(void **state)
{
    (void)state;
    enum { ITEMS = 600 };
    mf_recommendation expected[ITEMS];
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        for (int k = 0; k < 2 * KINDS; k++) {
            world w = world_create((world_shape){.kind = (world_kind)(k % KINDS),
                                                 .ranking_factors = k < KINDS ? 0 : 75,
                                                 .n_users = 9,
                                                 .n_items = ITEMS,
                                                 .n_factors = 21,
                                                 .rated_percent = 20,
                                                 .seed = c});
            mf_error err = {0};
            mf_workspace *workspace = workspace_create();
            mf_recommender *recommenders[] = {recommender_with(w.model, SIZE_MAX),
                                              recommender_with(w.model, 0)};
            for (uint32_t item = 0; item < ITEMS; item += 71)
                for (size_t n = 0; n <= 2 * ITEMS; n = 3 * n + 7) {
                    const size_t n_expected = plain_similar(w.parts, item, n, expected);
                    for (size_t r = 0; r < 2; r++) {
                        const mf_recommendation *best;
                        size_t n_best;
                        assert_ok(
                            mf_similar(recommenders[r], workspace, item, n, &best, &n_best, &err),
                            err);
                        assert_lists_equal(best, n_best, expected, n_expected);
                    }
                }
            mf_recommender_destroy(recommenders[0]);
            mf_recommender_destroy(recommenders[1]);
            mf_workspace_destroy(workspace);
            world_release(&w);
        }
    }
    unsetenv("MF_CPU");
}

static void check_equation(uint32_t ranking_factors)
{
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .ranking_factors = ranking_factors,
                                         .n_users = 9,
                                         .n_items = 2000,
                                         .n_factors = 64,
                                         .rated_percent = 20,
                                         .seed = 5});
    mf_error err = {0};
    mf_workspace *workspace = workspace_create();
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    const mf_recommendation *best;
    size_t n_best;
    assert_ok(mf_similar(recommender, workspace, 77, 25, &best, &n_best, &err), err);
    assert_int_equal(n_best, 25);
    double least = 1;
    for (size_t k = 0; k < n_best; k++) {
        assert_int_not_equal(best[k].item, 77);
        least = similarity(w.parts, 77, best[k].item);
        assert_true(fabs((double)best[k].score - least) < 1e-6);
    }
    uint32_t better = 0;
    for (uint32_t item = 0; item < 2000; item++)
        better += item != 77 && w.parts->item_count[item] > 0 &&
                  similarity(w.parts, 77, item) > least + 1e-6;
    assert_true(better <= 24);
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

static void it_is_that_of_the_equation(void **state)
{
    (void)state;
    check_equation(0);
    check_equation(40);
}

static void check_without(uint32_t ranking_factors)
{
    world w = world_create((world_shape){.kind = KIND_SOME_ZERO,
                                         .ranking_factors = ranking_factors,
                                         .no_ratings = ranking_factors > 0,
                                         .n_users = 3,
                                         .n_items = 300,
                                         .n_factors = 8,
                                         .rated_percent = 30,
                                         .seed = 5});
    mf_error err = {0};
    mf_workspace *workspace = workspace_create();
    mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
    const mf_recommendation *best;
    size_t n_best;
    assert_ok(mf_similar(recommender, workspace, 3, 300, &best, &n_best, &err), err);
    assert_int_equal(n_best, 0); /* item 3 has none */
    assert_ok(mf_similar(recommender, workspace, 4, 300, &best, &n_best, &err), err);
    assert_true(n_best > 0 && n_best < 200);
    for (size_t k = 0; k < n_best; k++) {
        assert_true(best[k].item % 3 != 0);
        assert_true(w.parts->item_count[best[k].item] > 0);
    }
    static const uint32_t no_items[] = {300, MF_INDEX_NONE};
    for (size_t k = 0; k < 2; k++) {
        mf_error_clear(&err);
        assert_false(mf_similar(recommender, workspace, no_items[k], 5, &best, &n_best, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "of 300");
    }
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

static void without_factors_or_ratings_there_is_no_similarity(void **state)
{
    (void)state;
    check_without(0);
    check_without(8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_every_kind_of_model),
        cmocka_unit_test(it_is_that_of_the_equation),
        cmocka_unit_test(without_factors_or_ratings_there_is_no_similarity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
