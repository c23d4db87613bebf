/* test_recommend_group.c: a group's list is that of its members' own scores, blended (group.h). */
#include "recommend_testing.h"

#include "recommend/group.h"
#include "recommend/state.h"

enum { MEMBERS = 5 };

static float *plain_scores(const mf_recommender *r, mf_workspace *workspace,
                           const mf_profile *profile, mf_order order, float *ratings)
{
    const uint32_t n_items = r->parts->n_items;
    float *scores = testing_allocate(n_items, sizeof *scores);
    const mf_top_n_query query = {.n = SIZE_MAX, .order = order, .include_rated = true};
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    for (uint32_t item = 0; item < n_items; item++)
        scores[item] = NAN; /* no vector */
    assert_ok(mf_top_n(r, workspace, profile, &query, &best, &n_best, &err), err);
    for (size_t k = 0; k < n_best; k++) {
        scores[best[k].item] = best[k].score;
        ratings[best[k].item] = fminf(ratings[best[k].item], best[k].predicted_rating);
    }
    return scores;
}

/* All lists of a group of users, one of them anonymous, and a visitor. */
static void check_group(world_shape shape, mf_order order)
{
    world w = world_create(shape);
    mf_recommender *recommenders[] = {recommender_with(w.model, SIZE_MAX),
                                      recommender_with(w.model, 0)};
    mf_workspace *workspace = workspace_create(), *other = workspace_create();
    const uint32_t n_items = shape.n_items;
    float *scores[MEMBERS];
    float *ratings = testing_allocate(n_items, sizeof *ratings);
    bool *is_rated = testing_allocate(n_items, sizeof *is_rated);
    mf_recommendation *expected = testing_allocate(n_items, sizeof *expected);
    const uint32_t seen[] = {3, 5, 8};
    const float given[] = {5, 1, 4};
    mf_error err = {0};
    for (uint32_t item = 0; item < n_items; item++)
        ratings[item] = INFINITY;
    assert_ok(mf_group_begin(recommenders[0], workspace, &err), err);
    for (uint32_t m = 0; m < MEMBERS; m++) {
        mf_profile member = mf_profile_of_user(recommenders[0], m < 3 ? m : MF_INDEX_NONE);
        if (m == 3)
            assert_ok(mf_fold_in(recommenders[0], other, &(mf_visitor){seen, given, NULL, 3},
                                 &member, &err),
                      err);
        if (m == 4 && order == MF_ORDER_RATING)
            member = mf_profile_of_user(recommenders[0], 3);
        assert_ok(mf_group_add(recommenders[0], workspace, &member, &err), err);
        for (size_t k = 0; k < member.n_rated; k++)
            is_rated[member.rated[k]] = true;
        mf_workspace *third = workspace_create();
        scores[m] = plain_scores(recommenders[0], third, &member, order, ratings);
        mf_workspace_destroy(third);
    }
    mf_profile average, least;
    assert_ok(mf_group_profile(recommenders[0], workspace, MF_BLEND_LEAST_MISERY, &least, &err),
              err);
    assert_ok(mf_group_profile(recommenders[0], workspace, MF_BLEND_AVERAGE, &average, &err), err);
    for (int with_rated = 0; with_rated < 2; with_rated++) {
        size_t n = 0;
        for (uint32_t item = 0; item < n_items; item++) {
            float score = INFINITY;
            for (uint32_t m = 0; m < MEMBERS; m++)
                score = isnan(scores[m][item]) ? NAN : fminf(score, scores[m][item]);
            if (isnan(score) || (is_rated[item] && !with_rated))
                continue;
            expected[n++] =
                (mf_recommendation){item, score, w.parts->n_factors > 0 ? ratings[item] : NAN};
        }
        qsort(expected, n, sizeof *expected, better_first);
        const size_t ns[] = {1, 10, n_items / 9, SIZE_MAX};
        for (size_t k = 0; k < 8; k++) {
            const mf_recommendation *best;
            size_t n_best;
            const mf_top_n_query query = {
                .n = ns[k / 2], .order = order, .include_rated = with_rated == 1};
            assert_ok(
                mf_top_n(recommenders[k % 2], workspace, &least, &query, &best, &n_best, &err),
                err);
            assert_lists_equal(best, n_best, expected, n < query.n ? n : query.n);
            assert_ok(
                mf_top_n(recommenders[k % 2], workspace, &average, &query, &best, &n_best, &err),
                err);
            assert_int_equal(n_best, n < query.n ? n : query.n);
            float before = INFINITY;
            for (size_t at = 0; at < n_best; at++) {
                double mean = 0, size = 0;
                for (uint32_t m = 0; m < MEMBERS; m++) {
                    mean += (double)scores[m][best[at].item] / MEMBERS;
                    size += fabs((double)scores[m][best[at].item]);
                }
                assert_true(with_rated || !is_rated[best[at].item]);
                if (shape.kind != KIND_HUGE && shape.kind != KIND_HUGE_BIASES)
                    assert_true(fabs(mean - (double)best[at].score) <= 1e-3 * size + 1e-20);
                assert_true(best[at].score <= before);
                before = best[at].score;
            }
        }
    }
    for (uint32_t m = 0; m < MEMBERS; m++)
        mf_free(scores[m]);
    mf_free(ratings);
    mf_free(is_rated);
    mf_free(expected);
    mf_workspace_destroy(workspace);
    mf_workspace_destroy(other);
    mf_recommender_destroy(recommenders[0]);
    mf_recommender_destroy(recommenders[1]);
    world_release(&w);
}

static void lists_are_those_of_the_blended_scores(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++)
        for (int ranked = 0; ranked < 2; ranked++) {
            setenv("MF_CPU", testing_cpus[k % TESTING_CPUS], 1);
            check_group((world_shape){.kind = (world_kind)k,
                                      .n_users = 4,
                                      .n_items = 900,
                                      .n_factors = 7,
                                      .rated_percent = 5,
                                      .ranking_factors = ranked ? 21 : 0,
                                      .prior = 0.5f,
                                      .seed = k},
                        ranked ? MF_ORDER_RANKING : MF_ORDER_RATING);
        }
    unsetenv("MF_CPU");
}

/* A group of one, of anonymous users, with every other condition of a query. */
static void a_group_of_one_has_its_members_list(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_NORMAL,
                                         .n_users = 2,
                                         .n_items = 500,
                                         .n_factors = 4,
                                         .rated_percent = 5,
                                         .ranking_factors = 9,
                                         .seed = 3});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create(), *other = workspace_create();
    for (uint32_t user = 0; user < 3; user++)
        for (int order = 0; order < MF_ORDERS; order++)
            for (int blend = 0; blend < 2; blend++) {
                const mf_profile one = mf_profile_of_user(r, user < 2 ? user : MF_INDEX_NONE);
                const uint32_t exclude[] = {1, 2, 3};
                const mf_top_n_query query = {.n = 10,
                                              .offset = user,
                                              .order = (mf_order)order,
                                              .diversity = user == 1 ? 0.5f : 0,
                                              .exclude = exclude,
                                              .n_exclude = 3};
                const mf_recommendation *a, *b;
                size_t n_a, n_b;
                mf_profile group;
                mf_error err = {0};
                assert_ok(mf_group_begin(r, workspace, &err), err);
                assert_ok(mf_group_add(r, workspace, &one, &err), err);
                assert_ok(mf_group_profile(r, workspace, (mf_blend)blend, &group, &err), err);
                assert_int_equal(group.known, one.known);
                assert_ok(mf_top_n(r, workspace, &group, &query, &a, &n_a, &err), err);
                assert_ok(mf_top_n(r, other, &one, &query, &b, &n_b, &err), err);
                assert_lists_equal(a, n_a, b, n_b);
            }
    mf_workspace_destroy(workspace);
    mf_workspace_destroy(other);
    mf_recommender_destroy(r);
    world_release(&w);
}

static void what_is_refused(void **state)
{
    (void)state;
    world w = world_create(
        (world_shape){.kind = KIND_NORMAL, .n_users = 1, .n_items = 90, .n_factors = 4, .seed = 3});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const mf_profile user = mf_profile_of_user(r, 0);
    mf_profile group;
    mf_error err = {0};
    assert_ok(mf_group_begin(r, workspace, &err), err);
    assert_false(mf_group_profile(r, workspace, MF_BLEND_AVERAGE, &group, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "a group without members");
    err = (mf_error){0};
    for (size_t m = 0; m < MF_GROUP_MAX; m++)
        assert_ok(mf_group_add(r, workspace, &user, &err), err);
    assert_false(mf_group_add(r, workspace, &user, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "a group has at most 100 members");
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_those_of_the_blended_scores),
        cmocka_unit_test(a_group_of_one_has_its_members_list),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
