/* The third stage: lookups to recommendations, with a scorer of the test's own and no cache. */
#include "testing.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/recommend/score.h"

enum { N = 5 };

typedef struct world {
    mf_recommend_settings settings;
    mf_lambda_invocation invocation;
    mf_recommend_outcome outcome;
    mf_recommend_item items[N];
    mf_recommend_batch batch;
    mf_recommend_lookups lookups;
    mf_recommend_scorer scorer;
    mf_recommend_scoring scoring;
    size_t n_chosen;
    int64_t left_ms;
} world;

/* Users 'f' fail, 'r' are rejected. */
static void score(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                  mf_recommend_lookup *const *chosen, size_t n, int64_t deadline_ms)
{
    world *w = scorer->context;
    w->n_chosen += n;
    w->left_ms = deadline_ms - mf_clock_wall_ms();
    for (size_t i = 0; i < n; i++) {
        const char user = chosen[i]->user.bytes[0];
        mf_error why = {.code = MF_OK};
        assert_int_equal(chosen[i]->state, MF_LOOKUP_PENDING);
        mf_fail(&why, MF_ERR_IO, MF_NOWHERE, "user %c: not now", user);
        if (user == 'f')
            mf_recommend_lookup_fail(lookups, chosen[i], &why);
        else if (user == 'r')
            mf_recommend_lookup_reject(lookups, chosen[i], "user %c: never", user);
        else
            mf_recommend_lookup_resolve(chosen[i], lookups->text.n_bytes, 0, 0, true, "v1");
    }
}

/* A pending item for each letter of users, with its lookup. */
static void open_world(world *w, const char *users)
{
    mf_error err = {.code = MF_OK};
    *w = (world){.settings = {.margin_ms = 0}};
    w->invocation.deadline_ms = mf_clock_wall_ms() + 60000;
    w->batch = (mf_recommend_batch){.settings = &w->settings,
                                    .invocation = &w->invocation,
                                    .outcome = &w->outcome,
                                    .items = w->items,
                                    .n_items = strlen(users),
                                    .end = strlen(users)};
    w->scorer = (mf_recommend_scorer){.context = w, .score = score};
    w->scoring.scorer = &w->scorer;
    w->outcome.n_requests = strlen(users);
    assert_ok(mf_recommend_lookups_start(&w->lookups, N, &err), err);
    for (size_t i = 0; users[i] != '\0'; i++) {
        w->items[i].state = MF_RECOMMEND_PENDING;
        w->items[i].lookup = mf_recommend_lookups_add(
            &w->lookups, &(mf_recommend_request){.user = (mf_id){&users[i], 1}, .top_n = 20});
    }
}

static void close_world(world *w)
{
    mf_recommend_lookups_free(&w->lookups);
    mf_recommend_scoring_free(&w->scoring);
    mf_text_free(&w->batch.reasons);
}

static void each_lookup_is_scored_once_and_in_time_to_put_the_results(void **state)
{
    (void)state;
    world w;
    mf_error err = {.code = MF_OK};
    open_world(&w, "abaa");
    assert_ok(mf_recommend_score(&w.scoring, &w.lookups, &w.batch, &err), err);
    assert_int_equal(w.n_chosen, 2);
    assert_true(w.left_ms > 0 && w.left_ms <= 45000);
    assert_int_equal(w.batch.usable_end, 4);
    assert_true(w.outcome.called_scorer);
    assert_int_equal(w.outcome.failure.code, MF_OK);
    close_world(&w);

    open_world(&w, "");
    assert_ok(mf_recommend_score(&w.scoring, &w.lookups, &w.batch, &err), err);
    assert_false(w.outcome.called_scorer);
    close_world(&w);
}

static void the_first_lookup_that_failed_ends_the_part(void **state)
{
    (void)state;
    world w;
    mf_error err = {.code = MF_OK};
    open_world(&w, "arfrf");
    assert_ok(mf_recommend_score(&w.scoring, &w.lookups, &w.batch, &err), err);
    assert_int_equal(w.batch.usable_end, 2);
    assert_int_equal(w.items[0].state, MF_RECOMMEND_PENDING);
    assert_int_equal(w.items[1].state, MF_RECOMMEND_REJECTED);
    const char *reason = w.batch.reasons.bytes + w.items[1].reason_at;
    assert_memory_equal(reason, "user r: never", w.items[1].n_reason);
    assert_int_equal(w.items[3].state, MF_RECOMMEND_PENDING); /* it comes again */
    assert_int_equal(w.outcome.n_requests, 4);
    assert_int_equal(w.outcome.n_failed_lookups, 2);
    assert_string_equal(w.outcome.failure.text, "user f: not now");
    close_world(&w);
}

static void without_memory_the_scorer_is_not_called(void **state)
{
    (void)state;
    world w;
    mf_error err = {.code = MF_OK};
    open_world(&w, "a");
    mf_memory_fail_nth(1);
    assert_false(mf_recommend_score(&w.scoring, &w.lookups, &w.batch, &err));
    mf_memory_fail_nth(0);
    assert_int_equal(err.code, MF_ERR_MEMORY);
    assert_int_equal(w.n_chosen, 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lookup_is_scored_once_and_in_time_to_put_the_results),
        cmocka_unit_test(the_first_lookup_that_failed_ends_the_part),
        cmocka_unit_test(without_memory_the_scorer_is_not_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
