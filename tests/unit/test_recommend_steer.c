/* test_recommend_steer.c: varied lists and lists with quotas are those of the definition
 * (steer.h), place by place and bit for bit. */
#include "recommend_testing.h"

#include "recommend/similar.h"
#include "recommend/state.h"
#include "recommend/steer.h"

enum { VALUES = 6 };

typedef struct quota_lists {
    uint32_t *start, *values;
} quota_lists;

/* Up to three values for each item. */
static quota_lists quota_create(uint32_t n_items, uint64_t key)
{
    quota_lists q = {testing_allocate(n_items + 1, sizeof(uint32_t)),
                     testing_allocate((size_t)3 * n_items, sizeof(uint32_t))};
    for (uint32_t item = 0; item < n_items; item++) {
        q.start[item + 1] = q.start[item];
        for (uint32_t v = 0; v < VALUES; v++)
            if (q.start[item + 1] - q.start[item] < 3 &&
                mf_random_below(key, (uint64_t)item * VALUES + v, 4) == 0)
                q.values[q.start[item + 1]++] = v;
    }
    return q;
}

static bool is_allowed(const mf_top_n_query *query, const mf_recommendation *list, size_t n,
                       uint32_t item)
{
    for (size_t q = 0; q < query->n_quotas; q++) {
        const mf_quota *quota = &query->quotas[q];
        for (uint32_t at = quota->start[item]; at < quota->start[item + 1]; at++) {
            uint32_t n_same = 0;
            for (size_t k = 0; k < n; k++)
                n_same += is_among(quota->values + quota->start[list[k].item],
                                   quota->start[list[k].item + 1] - quota->start[list[k].item],
                                   quota->values[at]);
            if (n_same >= quota->most)
                return false;
        }
    }
    return true;
}

static float plain_cosine(const mf_recommender *r, uint32_t listed, uint32_t item, float *row)
{
    const mf_space *space = mf_similar_space(r);
    const float count = (float)r->parts->item_count[item];
    const float damping = r->parts->ranking.n_factors > 0 ? 50 : 5;
    if (!mf_similarity_query(r->parts, space, listed, row))
        return 0;
    const float scale = count > 0 ? r->similarity_weight[item] * ((count + damping) / count) : 0;
    return mf_dot(row, space->rows + item * space->stride, space->stride) * scale;
}

/* Every place anew: the pool by a pass over the whole list in order, all cosines by pairs. */
static size_t plain_steer(const mf_recommender *r, const mf_profile *profile,
                          const mf_top_n_query *query, mf_recommendation *list)
{
    mf_top_n_query all = *query;
    const uint32_t n_items = r->parts->n_items;
    all.n = SIZE_MAX;
    all.offset = all.n_unknown = 0;
    mf_recommendation *order = testing_allocate(n_items, sizeof *order);
    bool *is_taken = testing_allocate(n_items, sizeof *is_taken);
    float *row = testing_allocate(mf_similar_space(r)->stride, sizeof *row);
    const size_t n_all = plain_top_n(r->parts, profile, &all, order);
    const size_t n_wanted =
        query->n < SIZE_MAX - query->offset ? query->n + query->offset : SIZE_MAX;
    const size_t n_first = n_all < MF_STEER_POOL ? n_all : MF_STEER_POOL;
    double mean = 0, square = 0;
    for (size_t k = 0; k < n_first; k++)
        mean += (double)order[k].score / (double)n_first;
    for (size_t k = 0; k < n_first; k++)
        square +=
            ((double)order[k].score - mean) * ((double)order[k].score - mean) / (double)n_first;
    const float per = (float)(1 / (9 * sqrt(square)));
    size_t n = 0;
    for (; n < n_wanted && n < n_all; n++) {
        size_t best = n_all, n_pool = 0;
        float most = -INFINITY;
        for (size_t k = 0; k < n_all && n_pool < (query->diversity > 0 ? MF_STEER_POOL : 1); k++) {
            if (is_taken[k] || !is_allowed(query, list, n, order[k].item))
                continue;
            n_pool++;
            float sum = 0;
            for (size_t before = 0; before < n && query->diversity > 0; before++)
                sum += plain_cosine(r, list[before].item, order[k].item, row);
            const float value = (1 - query->diversity) * ((order[k].score - order[0].score) *
                                                          (isfinite(per) ? per : 0)) -
                                query->diversity * (sum / (n > 10 ? (float)n : 10));
            if (best == n_all || value > most) {
                most = value;
                best = k;
            }
        }
        if (best == n_all)
            break;
        is_taken[best] = true;
        list[n] = order[best];
    }
    for (size_t u = 0; u < query->n_unknown && n < n_wanted; u++)
        list[n++] = (mf_recommendation){MF_INDEX_NONE, NAN, NAN};
    const size_t first = query->offset < n ? query->offset : n;
    memmove(list, list + first, (n - first) * sizeof *list);
    mf_free(order);
    mf_free(is_taken);
    mf_free(row);
    return n - first;
}

static void check_list(mf_recommender *const *recommenders, mf_workspace *workspace,
                       const mf_profile *profile, const mf_top_n_query *query)
{
    const double past = 1e-9;
    const uint32_t n_items = recommenders[0]->parts->n_items;
    mf_recommendation *expected = testing_allocate(n_items + 3, sizeof *expected);
    const size_t n_expected = plain_steer(recommenders[0], profile, query, expected);
    for (size_t r = 0; r < 2; r++) {
        mf_error err = {0};
        const mf_recommendation *best;
        size_t n_best;
        for (int in_steps = 0; in_steps < 2; in_steps++) {
            assert_ok(mf_top_n_begin(recommenders[r], workspace, profile, query, &err), err);
            while (!mf_search_step(workspace, in_steps ? past : 0, &best, &n_best))
                assert_true(in_steps);
            assert_int_equal(n_best, n_expected);
            for (size_t k = 0; k < n_best; k++) {
                assert_int_equal(best[k].item, expected[k].item);
                if (best[k].item != MF_INDEX_NONE)
                    assert_true(same_bits(best[k].score, expected[k].score) &&
                                same_bits(best[k].predicted_rating, expected[k].predicted_rating));
            }
        }
    }
    mf_free(expected);
}

static void check_world(world_shape shape)
{
    world w = world_create(shape);
    mf_recommender *recommenders[] = {recommender_with(w.model, SIZE_MAX),
                                      recommender_with(w.model, 0)};
    mf_workspace *workspace = workspace_create();
    uint32_t *candidates = testing_allocate(shape.n_items, sizeof *candidates);
    uint64_t *allowed = testing_allocate(shape.n_items / 64 + 1, sizeof *allowed);
    quota_lists lists[] = {quota_create(shape.n_items, 1), quota_create(shape.n_items, 2)};
    const float diversities[] = {0, 0.3f, 0.7f, 1};
    for (uint32_t user = 0; user <= shape.n_users; user++) {
        const mf_profile profile =
            mf_profile_of_user(recommenders[0], user < shape.n_users ? user : MF_INDEX_NONE);
        for (uint32_t c = 0; c < 24; c++) {
            const uint64_t key = mf_random_key(shape.seed + 5, user * 24 + c);
            const mf_quota quotas[] = {
                {lists[0].start, lists[0].values, VALUES, mf_random_below(key, 0, 4)},
                {lists[1].start, lists[1].values, VALUES, 1 + mf_random_below(key, 1, 9)}};
            for (uint32_t k = 0; k < shape.n_items; k++)
                candidates[k] = mf_random_below(key + 1, k, shape.n_items);
            for (uint32_t k = 0; k <= shape.n_items / 64; k++)
                allowed[k] = mf_random_bits(key + 2, k);
            mf_top_n_query query = {
                .n = 1 + mf_random_below(key, 2, 15),
                .offset = c % 3 == 0 ? mf_random_below(key, 3, 20) : 0,
                .candidates = c % 4 == 3 ? candidates : NULL,
                .n_candidates = shape.n_items / 2,
                .allowed = c % 5 == 4 ? allowed : NULL,
                .exclude = candidates,
                .n_exclude = c % 7 == 6 ? 20 : 0,
                .n_unknown = c % 4 == 3 ? 2 : 0,
                .diversity = diversities[c % 4],
                .quotas = quotas,
                .n_quotas = c / 4 % 3,
            };
            for (int order = 0; order < MF_ORDERS; order++) {
                query.order = (mf_order)order;
                if (mf_steer_applies(&query) &&
                    mf_recommender_can_order(recommenders[0], query.order))
                    check_list(recommenders, workspace, &profile, &query);
            }
        }
    }
    for (size_t q = 0; q < 2; q++) {
        mf_free(lists[q].start);
        mf_free(lists[q].values);
    }
    mf_free(candidates);
    mf_free(allowed);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommenders[0]);
    mf_recommender_destroy(recommenders[1]);
    world_release(&w);
}

static void lists_are_those_of_the_definition(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++)
        check_world((world_shape){.kind = (world_kind)k,
                                  .n_users = 1,
                                  .n_items = k % 3 == 0 ? 60 : 350,
                                  .n_factors = 6,
                                  .rated_percent = 10,
                                  .ranking_factors = k % 3 == 1 ? 0 : 18,
                                  .prior = 0.5f,
                                  .seed = 7});
}

static void every_cpu_has_the_same_list(void **state)
{
    (void)state;
    for (size_t c = 0; c < TESTING_CPUS; c++) {
        setenv("MF_CPU", testing_cpus[c], 1);
        check_world((world_shape){.kind = KIND_NORMAL,
                                  .n_users = 1,
                                  .n_items = 200,
                                  .n_factors = 6,
                                  .rated_percent = 10,
                                  .ranking_factors = 18,
                                  .seed = 1});
    }
    unsetenv("MF_CPU");
}

/* Of a list by one value for all there is one item; of one where the first value is that of
 * nearly all items, what is behind them is found. */
static void quotas_look_as_far_as_they_need(void **state)
{
    (void)state;
    enum { ITEMS = 5000 };
    world w = world_create((world_shape){
        .kind = KIND_NORMAL, .n_users = 1, .n_items = ITEMS, .n_factors = 6, .seed = 1});
    mf_recommender *recommenders[] = {recommender_with(w.model, SIZE_MAX),
                                      recommender_with(w.model, 0)};
    mf_workspace *workspace = workspace_create();
    uint32_t *start = testing_allocate(ITEMS + 1, sizeof *start);
    uint32_t *values = testing_allocate(ITEMS, sizeof *values);
    const mf_profile profile = mf_profile_of_user(recommenders[0], 0);
    for (uint32_t item = 0; item <= ITEMS; item++)
        start[item] = item;
    for (uint32_t rare = 0; rare < 20; rare += 4) {
        for (uint32_t item = 0; item < ITEMS; item++)
            values[item] = rare > 0 && item % (ITEMS / rare) == 0;
        const mf_quota quota = {start, values, 2, 3};
        const mf_top_n_query query = {.n = 10, .quotas = &quota, .n_quotas = 1};
        check_list(recommenders, workspace, &profile, &query);
    }
    mf_free(start);
    mf_free(values);
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommenders[0]);
    mf_recommender_destroy(recommenders[1]);
    world_release(&w);
}

static double mean_cosine(const mf_recommender *r, const mf_recommendation *list, size_t n)
{
    double sum = 0;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < a; b++)
            sum += mf_item_cosine(r, list[a].item, list[b].item);
    return sum / ((double)(n * (n - 1)) / 2);
}

static void more_diversity_is_less_alike(void **state)
{
    (void)state;
    world w = world_create((world_shape){.kind = KIND_SPECTRAL,
                                         .n_users = 5,
                                         .n_items = 3000,
                                         .n_factors = 4,
                                         .rated_percent = 5,
                                         .ranking_factors = 12,
                                         .seed = 1});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    double means[3] = {0};
    const float diversities[] = {0, 0.3f, 0.7f};
    for (uint32_t user = 0; user < 5; user++)
        for (size_t d = 0; d < 3; d++) {
            const mf_profile profile = mf_profile_of_user(r, user);
            const mf_top_n_query query = {.n = 10, .diversity = diversities[d]};
            const mf_recommendation *best;
            size_t n_best;
            mf_error err = {0};
            assert_ok(mf_top_n(r, workspace, &profile, &query, &best, &n_best, &err), err);
            assert_int_equal(n_best, 10);
            means[d] += mean_cosine(r, best, n_best) / 5;
        }
    assert_true(means[0] > means[1] && means[1] > means[2]);
    assert_true(fabs(mf_item_cosine(r, 3, 3) - 1) < 1e-6);
    assert_true(mf_item_cosine(r, 3, 4) == mf_item_cosine(r, 4, 3));
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

static void what_is_refused(void **state)
{
    (void)state;
    world w = world_create((world_shape){
        .kind = KIND_NORMAL, .n_users = 1, .n_items = 1500, .n_factors = 2, .seed = 1});
    mf_recommender *r = recommender_with(w.model, SIZE_MAX);
    mf_workspace *workspace = workspace_create();
    const mf_profile profile = mf_profile_of_user(r, 0);
    const struct {
        mf_top_n_query query;
        const char *message;
    } refused[] = {
        {{.n = 1, .diversity = -0.1f}, "a diversity of -0.1 is not from 0 to 1"},
        {{.n = 1, .diversity = 1.5f}, "a diversity of 1.5 is not from 0 to 1"},
        {{.n = 1, .diversity = NAN}, "is not from 0 to 1"},
        {{.n = 1, .offset = 1000, .diversity = 0.5f}, "have at most 1000 items"},
    };
    for (size_t k = 0; k < sizeof refused / sizeof refused[0]; k++) {
        const mf_recommendation *best;
        size_t n_best;
        mf_error err = {0};
        assert_false(mf_top_n(r, workspace, &profile, &refused[k].query, &best, &n_best, &err));
        assert_error(&err, MF_ERR_ARGUMENT, refused[k].message);
    }
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(r);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_those_of_the_definition),
        cmocka_unit_test(every_cpu_has_the_same_list),
        cmocka_unit_test(quotas_look_as_far_as_they_need),
        cmocka_unit_test(more_diversity_is_less_alike),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
