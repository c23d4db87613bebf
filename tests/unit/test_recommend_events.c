/* test_recommend_events.c: the profile of a user with fresh events is that of a user who has them in the history,
 * bit for bit. */
#include "recommend_testing.h"

#include "model/grade.h"

enum { USERS = 12, ITEMS = 60, DIRECTIONS = 20, EVENTS = 25, LISTED = 10 };

typedef struct place {
    mf_recommender *recommender;
    mf_workspace *workspace;
    world world;
} place;

static place place_create(bool no_ratings, bool no_times)
{
    place p = {.world = world_create((world_shape){.kind = KIND_NORMAL,
                                                   .n_users = USERS,
                                                   .n_items = ITEMS,
                                                   .n_factors = 8,
                                                   .rated_percent = 30,
                                                   .ranking_factors = DIRECTIONS,
                                                   .no_ratings = no_ratings,
                                                   .no_times = no_times,
                                                   .recency = 0.75f,
                                                   .prior = 0.5f,
                                                   .seed = 5})};
    p.recommender = recommender_with(p.world.model, SIZE_MAX);
    p.workspace = workspace_create();
    return p;
}

static void place_release(place *p)
{
    mf_recommender_destroy(p->recommender);
    mf_workspace_destroy(p->workspace);
    world_release(&p->world);
}

/* What is known of each item after the events, written down plainly. */
typedef struct plain {
    bool there[ITEMS];
    double time[ITEMS];
    uint8_t grade[ITEMS];
} plain;

static plain plain_of(const place *p, uint32_t user, const mf_visitor *events)
{
    const mf_model_parts *parts = p->world.parts;
    plain all = {.there = {false}};
    bool fresh[ITEMS] = {false};
    for (uint64_t r = parts->rated_start[user]; r < parts->rated_start[user + 1]; r++) {
        const uint32_t item = parts->rated_items[r];
        all.there[item] = true;
        all.time[item] = p->world.times[r];
        all.grade[item] = parts->ranking.grades[r];
    }
    for (size_t j = 0; j < events->n; j++) {
        const uint32_t item = events->items[j];
        if (item == MF_INDEX_NONE || (fresh[item] && events->times[j] < all.time[item]))
            continue;
        const float rating = events->ratings[j];
        const float clipped = fminf(fmaxf(rating, parts->rating_min), parts->rating_max);
        fresh[item] = all.there[item] = true;
        all.time[item] = events->times[j];
        all.grade[item] = isnan(rating) ? MF_GRADE_MAX
                                        : mf_grade_code(&parts->ranking.grading,
                                                        parts->n_factors > 0 ? clipped : rating);
    }
    return all;
}

static void check(const place *p, uint32_t user, const mf_visitor *events, bool ordered)
{
    const mf_model_parts *parts = p->world.parts;
    const plain all = plain_of(p, user, events);
    uint32_t items[ITEMS], ranks[ITEMS];
    uint8_t grades[ITEMS];
    double times[ITEMS];
    size_t n = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        if (all.there[i]) {
            items[n] = i;
            times[n] = all.time[i];
            grades[n++] = all.grade[i];
        }
    for (size_t j = 0; j < n; j++)
        ranks[j] = grades[j] > 0 ? plain_time_rank(times, grades, n, j) : 0;
    _Alignas(64) float vector[64];
    const mf_recommend_kernel *kernel = mf_recommend_kernel_choose();
    const mf_profiles profiles = mf_profiles_prepare(parts, kernel);
    const mf_history history = {items, grades, ordered ? ranks : NULL, n};
    mf_profile_compute(&profiles, &history, vector);

    mf_error err = {0};
    mf_profile profile;
    assert_ok(mf_add_events(p->recommender, p->workspace, user, events, &profile, &err), err);
    assert_true(profile.known);
    assert_int_equal(profile.user, user);
    assert_int_equal(profile.n_rated, n);
    assert_memory_equal(profile.rated, items, n * sizeof *items);
    assert_memory_equal(profile.grades, grades, n);
    assert_memory_equal(profile.vector, vector, mf_model_stride(DIRECTIONS) * sizeof *vector);

    /* Nothing of it is listed. */
    const mf_recommendation *best;
    size_t n_best;
    assert_ok(mf_top_n(p->recommender, p->workspace, &profile, &(mf_top_n_query){.n = LISTED},
                       &best, &n_best, &err),
              err);
    assert_true(n_best > 0);
    for (size_t i = 0; i < n_best; i++)
        assert_false(all.there[best[i].item]);
}

static void events_are_the_newest_part_of_a_history(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        place p = place_create(kind & 1, kind & 2);
        for (uint32_t user = 0; user < USERS; user++)
            for (size_t n = 1; n <= EVENTS; n += 4) {
                uint32_t items[EVENTS];
                float ratings[EVENTS];
                double times[EVENTS];
                for (size_t j = 0; j < n; j++) {
                    const uint64_t row = user * 1000 + n * 30 + j;
                    const uint64_t item = mf_random_below(1, row, ITEMS + 5);
                    items[j] = item < ITEMS ? (uint32_t)item : MF_INDEX_NONE;
                    ratings[j] = mf_random_below(2, row, 4) == 0
                                     ? NAN
                                     : (float)mf_random_below(3, row, 14) / 2 + 0.5f;
                    /* Some are equally old, all are newer than the model's. */
                    times[j] = 1e15 + (double)mf_random_below(4, row, 6);
                }
                const mf_visitor events = {items, ratings, times, n};
                bool is_known = false;
                for (size_t j = 0; j < n; j++)
                    is_known = is_known || items[j] != MF_INDEX_NONE;
                if (is_known)
                    check(&p, user, &events, !(kind & 2));
            }
        place_release(&p);
    }
}

static void a_visitor_may_have_events_without_ratings(void **state)
{
    (void)state;
    place p = place_create(false, false);
    const uint32_t items[] = {3, 7, MF_INDEX_NONE};
    const float ratings[] = {NAN, 2, 5};
    const double times[] = {2, 1, 3};
    const mf_visitor events = {items, ratings, times, 3};
    mf_error err = {0};
    mf_profile profile;
    assert_false(mf_fold_in(p.recommender, p.workspace, &events, &profile, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "ratings[0] is not a finite number");
    mf_error_clear(&err);
    assert_ok(mf_add_events(p.recommender, p.workspace, MF_INDEX_NONE, &events, &profile, &err),
              err);
    assert_true(profile.known);
    assert_int_equal(profile.n_rated, 2);
    assert_int_equal(profile.grades[0], MF_GRADE_MAX);
    assert_non_null(profile.factors);
    place_release(&p);
}

static void a_user_without_known_events_stays_as_he_is(void **state)
{
    (void)state;
    place p = place_create(false, false);
    const uint32_t none = MF_INDEX_NONE;
    const float rating = 5;
    const double time = 1;
    const mf_visitor events = {&none, &rating, &time, 1};
    mf_error err = {0};
    mf_profile profile;
    assert_ok(mf_add_events(p.recommender, p.workspace, 2, &events, &profile, &err), err);
    assert_ptr_equal(profile.rated, mf_profile_of_user(p.recommender, 2).rated);
    assert_null(profile.vector);
    assert_false(
        mf_add_events(p.recommender, p.workspace, 2, &(mf_visitor){.n = 0}, &profile, &err));
    place_release(&p);
}

static void ratings_outside_of_the_scale_are_counted(void **state)
{
    (void)state;
    const uint32_t items[] = {1, 2, 3, 4, MF_INDEX_NONE};
    place p = place_create(false, false);
    const float low = p.world.parts->rating_min, high = p.world.parts->rating_max;
    const float ratings[] = {low, high + 1, NAN, low - 1, high + 1e6f};
    const mf_visitor visitor = {items, ratings, NULL, 5};
    assert_int_equal(mf_visitor_count_clipped(p.recommender, &visitor), 3);
    assert_int_equal(mf_visitor_count_clipped(p.recommender, &(mf_visitor){items, NULL, NULL, 5}),
                     0);
    place_release(&p);
    p = place_create(true, false);
    assert_int_equal(mf_visitor_count_clipped(p.recommender, &visitor), 0);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_newest_part_of_a_history),
        cmocka_unit_test(a_visitor_may_have_events_without_ratings),
        cmocka_unit_test(a_user_without_known_events_stays_as_he_is),
        cmocka_unit_test(ratings_outside_of_the_scale_are_counted),
    };
    return cmocka_run_group_tests_name("recommend_events", tests, NULL, NULL);
}
