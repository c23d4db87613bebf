/* test_recommend_similar.c: the items most like an item are those of the plain scan. */
#include "recommend_testing.h"

#include "recommend/norm.h"
#include "recommend/similar.h"

static double norm_of(const mf_model_parts *p, uint32_t item)
{
    return mf_norm(item_row(p, item), mf_model_stride(p->n_factors));
}

/* The equation of similar.h in double. */
static double similarity(const mf_model_parts *p, uint32_t a, uint32_t i)
{
    double sum = 0;
    for (size_t f = 0; f < p->n_factors; f++)
        sum += (double)item_row(p, a)[f] * (double)item_row(p, i)[f];
    const double count = (double)p->item_count[i];
    return sum / norm_of(p, a) / norm_of(p, i) * count / (count + 5);
}

/* The same bits as documented: a's row at length 1, the product, the likeness. */
static size_t plain_similar(const mf_model_parts *p, uint32_t a, size_t n, mf_recommendation *list)
{
    const size_t stride = mf_model_stride(p->n_factors);
    float *likeness = testing_allocate(p->n_items, sizeof *likeness);
    float *query = testing_allocate(stride, sizeof *query);
    size_t found = 0;
    const mf_space space = {.rows = p->item_factors, .n_factors = p->n_factors, .stride = stride};
    mf_likeness_compute(p, &space, likeness);
    for (size_t f = 0; f < p->n_factors; f++)
        query[f] = (float)((double)item_row(p, a)[f] / norm_of(p, a));
    for (uint32_t item = 0; item < p->n_items; item++)
        if (item != a && likeness[item] > 0 && norm_of(p, a) > 1e-30) {
            const float s = mf_dot(query, item_row(p, item), stride) * likeness[item];
            list[found++] = (mf_recommendation){item, isnan(s) ? -INFINITY : s, NAN};
        }
    qsort(list, found, sizeof *list, better_first);
    if (found > n)
        found = n;
    for (size_t k = 0; k < found; k++)
        list[k].score = fmaxf(-1, fminf(1, list[k].score));
    mf_free(likeness);
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
        for (int k = 0; k < KINDS; k++) {
            world w = world_create((world_shape){.kind = (world_kind)k,
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

static void it_is_the_damped_cosine(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
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
        better += item != 77 && similarity(w.parts, 77, item) > least + 1e-6;
    assert_true(better <= 24);
    mf_recommender_destroy(recommender);
    mf_workspace_destroy(workspace);
    world_release(&w);
}

static void without_factors_or_ratings_there_is_no_likeness(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_SOME_ZERO,
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_of_every_kind_of_model),
        cmocka_unit_test(it_is_the_damped_cosine),
        cmocka_unit_test(without_factors_or_ratings_there_is_no_likeness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
