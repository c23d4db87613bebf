/* Requests that need no lookup, and the second stage: requests to distinct lookups. */
#include "testing.h"

#include "base/memory.h"
#include "lambda/recommend/lookup.h"

#include <stdio.h>

static mf_recommend_request request_of(const char *user, const char *request_id, uint32_t top_n)
{
    return (mf_recommend_request){.user = {user, strlen(user)},
                                  .request_id = {request_id, strlen(request_id)},
                                  .top_n = top_n};
}

static void recent_requests_are_remembered_and_old_ones_are_forgotten(void **state)
{
    (void)state;
    enum { MOST = 100, N = 1000 };
    mf_error err = {.code = MF_OK};
    mf_recommend_remembered *remembered = mf_recommend_remembered_create(MOST, &err);
    assert_ok(remembered != NULL, err);
    char id[16];
    for (size_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "r%zu", i);
        const mf_recommend_request request = request_of("u", id, 20);
        const mf_recommend_key key = mf_recommend_remembered_key(remembered, &request);
        assert_false(mf_recommend_remembered_has(remembered, key));
        mf_recommend_remembered_add(remembered, key);
        mf_recommend_remembered_add(remembered, key);
        for (size_t back = 0; back < MOST && back <= i; back++) {
            snprintf(id, sizeof id, "r%zu", i - back);
            const mf_recommend_request earlier = request_of("u", id, 20);
            assert_true(mf_recommend_remembered_has(
                remembered, mf_recommend_remembered_key(remembered, &earlier)));
        }
    }
    size_t n_known = 0;
    for (size_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "r%zu", i);
        const mf_recommend_request request = request_of("u", id, 20);
        n_known += mf_recommend_remembered_has(remembered,
                                               mf_recommend_remembered_key(remembered, &request));
    }
    assert_in_range(n_known, MOST, 2 * MOST);
    mf_recommend_remembered_destroy(remembered);
    mf_recommend_remembered_destroy(NULL);
}

static void another_user_id_or_top_n_is_another_request(void **state)
{
    (void)state;
    mf_error err = {.code = MF_OK};
    mf_recommend_remembered *remembered = mf_recommend_remembered_create(4, &err);
    assert_ok(remembered != NULL, err);
    const mf_recommend_request first = request_of("1", "23", 20);
    mf_recommend_request others[] = {request_of("12", "3", 20), request_of("1", "23", 21),
                                     request_of("2", "23", 20), request_of("1", "24", 20),
                                     request_of("1", "23", 20)};
    others[4].instance = (mf_id){"{}", 2};
    mf_recommend_remembered_add(remembered, mf_recommend_remembered_key(remembered, &first));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(mf_recommend_remembered_has(
            remembered, mf_recommend_remembered_key(remembered, &others[i])));
    mf_recommend_remembered_add(remembered, mf_recommend_remembered_key(remembered, &others[4]));
    others[4].instance = (mf_id){"[]", 2};
    assert_false(mf_recommend_remembered_has(remembered,
                                             mf_recommend_remembered_key(remembered, &others[4])));
    mf_recommend_remembered_destroy(remembered);
    remembered = mf_recommend_remembered_create(0, &err);
    assert_ok(remembered != NULL, err);
    mf_recommend_remembered_add(remembered, mf_recommend_remembered_key(remembered, &first));
    assert_false(
        mf_recommend_remembered_has(remembered, mf_recommend_remembered_key(remembered, &first)));
    mf_recommend_remembered_destroy(remembered);
}

static void without_memory_nothing_is_remembered(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        mf_error err = {.code = MF_OK};
        mf_memory_fail_nth(n);
        assert_null(mf_recommend_remembered_create(10, &err));
        assert_int_equal(err.code, MF_ERR_MEMORY);
    }
    mf_memory_fail_nth(0);
}

static void one_user_and_top_n_is_one_lookup(void **state)
{
    (void)state;
    enum { N = 300 };
    mf_recommend_lookups lookups = {.n = 0};
    mf_error err = {.code = MF_OK};
    char users[N][8];
    for (size_t round = 0; round < 2; round++) {
        assert_ok(mf_recommend_lookups_start(&lookups, 2 * N, &err), err);
        for (size_t i = 0; i < 4 * N; i++) {
            char *user = users[i % N];
            snprintf(user, sizeof users[0], "u%zu", i % N);
            const size_t lookup = mf_recommend_lookups_add(
                &lookups, &(mf_recommend_request){.user = {user, strlen(user)},
                                                  .top_n = i / N % 2 == 0 ? 20 : 21});
            assert_int_equal(lookup, i % (2 * N));
        }
        assert_int_equal(lookups.n, 2 * N);
    }
    mf_recommend_lookups_free(&lookups);
    mf_memory_fail_nth(1);
    assert_false(mf_recommend_lookups_start(&lookups, 10, &err));
    assert_int_equal(err.code, MF_ERR_MEMORY);
    mf_memory_fail_nth(0);
    mf_recommend_lookups_free(&lookups);
}

/* The items of a batch, one for each of the users of "a b a"; "-" is rejected. A user and the number
 * of its request are one letter and one digit. */
static size_t make_items(mf_recommend_item *items, const char *users)
{
    size_t n = 0;
    for (const char *user = users; *user != '\0'; user += 3)
        items[n++] = (mf_recommend_item){
            .state = user[0] == '-' ? MF_RECOMMEND_REJECTED : MF_RECOMMEND_PENDING,
            .request = {.user = {user, 1}, .request_id = {user, 2}, .top_n = 20}};
    return n;
}

static void remembered_requests_and_duplicates_need_no_lookup(void **state)
{
    (void)state;
    enum { A, B, A_AGAIN, A_2, REJECTED, C, N };
    mf_error err = {.code = MF_OK};
    mf_recommend_settings settings = {.remembered = 10};
    mf_recommend_outcome outcome = {.n_records = 0};
    mf_recommend_item items[N];
    uint32_t slots[16] = {0};
    mf_recommend_batch batch = {.settings = &settings, .outcome = &outcome, .items = items};
    mf_recommend_lookups lookups = {.n = 0};
    mf_recommend_remembered *remembered = mf_recommend_remembered_create(10, &err);
    assert_ok(remembered != NULL, err);
    batch.n_items = batch.end = make_items(items, "a1 b1 a1 a2 -1 c1 ");
    batch.slots = slots;
    batch.n_slots = 16;
    mf_recommend_remembered_add(remembered,
                                mf_recommend_remembered_key(remembered, &items[C].request));
    assert_ok(mf_recommend_look_up(&lookups, &batch, remembered, &err), err);
    assert_int_equal(lookups.n, 2);
    assert_int_equal(items[A].lookup, items[A_2].lookup);
    assert_int_not_equal(items[A].lookup, items[B].lookup);
    assert_int_equal(items[A_AGAIN].state, MF_RECOMMEND_DUPLICATE);
    assert_int_equal(items[A_AGAIN].original, A);
    assert_false(items[A_AGAIN].is_done);
    assert_int_equal(items[C].state, MF_RECOMMEND_REMEMBERED);
    assert_true(items[C].is_done);
    assert_int_equal(items[REJECTED].state, MF_RECOMMEND_REJECTED);
    assert_int_equal(outcome.n_requests, 5);
    assert_int_equal(outcome.n_repeated, 2);

    /* In a test run each request is remembered. */
    settings.test_run = true;
    make_items(items, "a1 b1 a1 a2 -1 c1 ");
    assert_ok(mf_recommend_look_up(&lookups, &batch, remembered, &err), err);
    assert_int_equal(lookups.n, 3);
    assert_int_equal(items[A_AGAIN].state, MF_RECOMMEND_PENDING);
    assert_int_equal(items[C].state, MF_RECOMMEND_PENDING);
    mf_recommend_lookups_free(&lookups);
    mf_recommend_remembered_destroy(remembered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recent_requests_are_remembered_and_old_ones_are_forgotten),
        cmocka_unit_test(another_user_id_or_top_n_is_another_request),
        cmocka_unit_test(without_memory_nothing_is_remembered),
        cmocka_unit_test(one_user_and_top_n_is_one_lookup),
        cmocka_unit_test(remembered_requests_and_duplicates_need_no_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
