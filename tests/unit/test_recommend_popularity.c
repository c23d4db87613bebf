/* test_recommend_popularity.c: the list of an unknown user (popularity.h). */
#include "recommend_testing.h"

#include "recommend/popularity.h"

static size_t plain_popular(const mf_model_parts *p, const mf_profile *profile,
                            const mf_top_n_query *query, mf_recommendation *list)
{
    size_t n = 0;
    for (uint32_t item = 0; item < p->n_items; item++) {
        if (!query->include_rated && is_among(profile->rated, profile->n_rated, item))
            continue;
        if (query->candidates != NULL && !is_among(query->candidates, query->n_candidates, item))
            continue;
        list[n++] = (mf_recommendation){item, p->item_bias[item] * (float)p->item_count[item], NAN};
    }
    qsort(list, n, sizeof *list, better_first);
    if (n > query->n)
        n = query->n;
    for (size_t k = 0; k < n; k++)
        list[k].predicted_rating = testing_clip(p, p->global_mean + p->item_bias[list[k].item]);
    return n;
}

static void unknown_users_get_what_many_liked(void **state)
{
    (void)state;
    /* Fewer and more items than are kept sorted. */
    static const uint32_t n_items[] = {1, 50, MF_POPULAR_MAX, MF_POPULAR_MAX + 1000};
    for (size_t s = 0; s < sizeof n_items / sizeof n_items[0]; s++) {
        const uint32_t n = n_items[s];
        world w = world_create((world_shape){.kind = s == 1 ? KIND_ZERO : KIND_NORMAL,
                                             .n_users = 6,
                                             .n_items = n,
                                             .n_factors = 3,
                                             .rated_percent = 40,
                                             .seed = s});
        mf_error err = {0};
        mf_workspace *workspace = workspace_create();
        mf_recommender *recommender = recommender_with(w.model, SIZE_MAX);
        mf_recommendation *expected = testing_allocate(n, sizeof *expected);
        uint32_t *candidates = testing_allocate(n, sizeof *candidates);
        for (uint32_t k = 0; k < n; k++)
            candidates[k] = mf_random_below(s, k, n);
        const size_t wanted[] = {0, 1, 10, n / 2, n, (size_t)n + 10};
        const mf_profile profiles[] = {
            mf_profile_of_user(recommender, MF_INDEX_NONE),
            {.rated = w.parts->rated_items, .n_rated = (size_t)w.parts->rated_start[1]}};
        for (size_t t = 0; t < 2; t++)
            for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++)
                for (int mode = 0; mode < 4; mode++) {
                    if (n > 1000 && wanted[k] > 10 && mode > 1)
                        continue; /* the slow reference is too slow */
                    const mf_top_n_query query = {.n = wanted[k],
                                                  .include_rated = mode % 2 == 1,
                                                  .candidates = mode < 2 ? NULL : candidates,
                                                  .n_candidates = n};
                    const mf_recommendation *best;
                    size_t n_best;
                    const size_t n_expected =
                        plain_popular(w.parts, &profiles[t], &query, expected);
                    assert_ok(mf_top_n(recommender, workspace, &profiles[t], &query, &best, &n_best,
                                       &err),
                              err);
                    assert_lists_equal(best, n_best, expected, n_expected);
                }
        mf_free(expected);
        mf_free(candidates);
        mf_recommender_destroy(recommender);
        mf_workspace_destroy(workspace);
        world_release(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(unknown_users_get_what_many_liked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
