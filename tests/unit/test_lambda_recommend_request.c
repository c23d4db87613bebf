#include "testing.h"

#include "base/memory.h"
#include "lambda/recommend/answered.h"
#include "lambda/recommend/wish.h"

#include <stdio.h>

static const mf_recommend_limits limits = {.usual_top_n = 20, .max_top_n = 1000};

static bool read_text(mf_recommend_request *request, const char *text, size_t n, mf_error *err)
{
    /* Views stay: the tests below look at them. */
    static mf_text kept;
    mf_text_clear(&kept, SIZE_MAX);
    assert_true(mf_text_reserve(&kept, n));
    return mf_recommend_request_read(request, &limits, text, n, &kept, err);
}

static void assert_id(const char *expected, mf_id id)
{
    assert_int_equal(id.n_bytes, strlen(expected));
    assert_memory_equal(id.bytes, expected, id.n_bytes);
}

static void a_request_has_a_user_an_id_and_perhaps_more(void **state)
{
    (void)state;
    static const struct {
        const char *text, *user, *request_id, *timestamp;
        uint32_t top_n;
    } good[] = {
        {"{\"user_id\":123,\"top_n\":5,\"request_id\":\"r\",\"timestamp\":\"now\"}", "123", "r",
         "now", 5},
        {"{\"user_id\":\"123\",\"request_id\":\"r\"}", "123", "r", "", 20},
        {" {\"request_id\" : \"a b\", \"user_id\":-7 }\n", "-7", "a b", "", 20},
        {"{\"user_id\":\"\\u00e9\\\"\",\"request_id\":\"\\n\",\"x\":{\"y\":[1]}}", NULL, NULL, NULL,
         0},
        {"{\"user_id\":\"\\u00e9\\\"\",\"request_id\":\"/\",\"x\":{\"y\":[1]}}", "\xc3\xa9\"", "/",
         "", 20},
        {"{\"user_id\":-0,\"request_id\":\"r\",\"top_n\":1000}", "0", "r", "", 1000},
        {"{\"user_id\":9223372036854775807,\"request_id\":\"r\"}", "9223372036854775807", "r", "",
         20},
        {"{\"user_id\":9223372036854775808,\"request_id\":\"r\"}", NULL, NULL, NULL, 0},
        {"{\"user_id\":1,\"request_id\":\"r\",\"trace\":18446744073709551616,\"t\":-1.5E+400}", "1",
         "r", "", 20},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        mf_error err = {.code = MF_OK};
        mf_recommend_request request;
        const bool ok = read_text(&request, good[i].text, strlen(good[i].text), &err);
        if (good[i].user == NULL) {
            assert_false(ok);
            assert_int_equal(err.code, MF_ERR_PARSE);
            continue;
        }
        assert_ok(ok, err);
        assert_id(good[i].user, request.user);
        assert_id(good[i].request_id, request.request_id);
        assert_id(good[i].timestamp, request.timestamp);
        assert_int_equal(request.top_n, good[i].top_n);
    }
}

static void what_is_no_request_says_why_and_quotes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "not JSON"},
        {"secret", "not JSON"},
        {"[\"secret\"]", "expected a JSON object"},
        {"{\"secret\":1,\"secret\":2}", "a member is there twice"},
        {"{\"user_id\":1,\"request_id\":\"\\u0072\",\"secret\":9223372036854775808}", "64 bits"},
        {"{\"user_id\":null,\"request_id\":\"secret\"}", "user_id: expected"},
        {"{\"user_id\":1,\"request_id\":null,\"secret\":1}", "request_id: expected"},
        {"{\"user_id\":-9223372036854775809,\"request_id\":\"r\"}", "user_id: an integer beyond"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":null}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"\\u0072\",\"top_n\":null}", "from 1 to 1000"},
        {"{\"user_id\":1e3,\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":\"\",\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1}", "request_id is missing"},
        {"{\"request_id\":\"secret\"}", "user_id is missing"},
        {"{\"user_id\":{\"secret\":1},\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":true,\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1.0,\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":\"se\\ncret\",\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1,\"request_id\":[\"secret\"]}", "request_id: expected"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":1001}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":-1}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":0}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":\"20\"}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":20.0}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":1e1}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":18446744073709551617}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":4294967297}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"timestamp\":\"\"}", "timestamp: expected"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"timestamp\":1769851800}", "timestamp: expected"},
        {"{\"user_id\":1,\"request_id\":17}", "request_id: expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_error err = {.code = MF_OK};
        mf_recommend_request request;
        assert_false(read_text(&request, bad[i].text, strlen(bad[i].text), &err));
        assert_int_equal(err.code, MF_ERR_PARSE);
        assert_non_null(strstr(err.text, bad[i].reason));
        assert_null(strstr(err.text, "secret"));
    }
    mf_error err = {.code = MF_OK};
    mf_recommend_request request;
    assert_false(read_text(&request, "{\"user_id\":1,\"request_id\":\"r\"}\0", 32, &err));
    mf_text none = MF_TEXT_EMPTY;
    mf_error_clear(&err);
    assert_false(mf_recommend_request_read(&request, &limits, "{}", 2, &none, &err));
    assert_int_equal(err.code, MF_ERR_MEMORY);
}

static mf_recommend_request request_of(const char *user, const char *request_id, uint32_t top_n)
{
    return (mf_recommend_request){.user = {user, strlen(user)},
                                  .request_id = {request_id, strlen(request_id)},
                                  .top_n = top_n};
}

static void what_was_answered_lately_is_known_and_what_was_long_ago_is_not(void **state)
{
    (void)state;
    enum { MOST = 100, N = 1000 };
    mf_error err = {.code = MF_OK};
    mf_answered *answered = mf_answered_create(MOST, &err);
    assert_ok(answered != NULL, err);
    char id[16];
    for (size_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "r%zu", i);
        const mf_recommend_request request = request_of("u", id, 20);
        const mf_answered_key key = mf_answered_key_of(answered, &request);
        assert_false(mf_answered_has(answered, key));
        mf_answered_add(answered, key);
        mf_answered_add(answered, key);
        for (size_t back = 0; back < MOST && back <= i; back++) {
            snprintf(id, sizeof id, "r%zu", i - back);
            const mf_recommend_request earlier = request_of("u", id, 20);
            assert_true(mf_answered_has(answered, mf_answered_key_of(answered, &earlier)));
        }
    }
    size_t n_known = 0;
    for (size_t i = 0; i < N; i++) {
        snprintf(id, sizeof id, "r%zu", i);
        const mf_recommend_request request = request_of("u", id, 20);
        n_known += mf_answered_has(answered, mf_answered_key_of(answered, &request));
    }
    assert_in_range(n_known, MOST, 2 * MOST);
    mf_answered_destroy(answered);
    mf_answered_destroy(NULL);
}

static void another_user_id_or_top_n_is_another_request(void **state)
{
    (void)state;
    mf_error err = {.code = MF_OK};
    mf_answered *answered = mf_answered_create(4, &err);
    assert_ok(answered != NULL, err);
    const mf_recommend_request first = request_of("1", "23", 20);
    const mf_recommend_request others[] = {request_of("12", "3", 20), request_of("1", "23", 21),
                                           request_of("2", "23", 20), request_of("1", "24", 20)};
    mf_answered_add(answered, mf_answered_key_of(answered, &first));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(mf_answered_has(answered, mf_answered_key_of(answered, &others[i])));
    mf_answered_destroy(answered);
    answered = mf_answered_create(0, &err);
    assert_ok(answered != NULL, err);
    mf_answered_add(answered, mf_answered_key_of(answered, &first));
    assert_false(mf_answered_has(answered, mf_answered_key_of(answered, &first)));
    mf_answered_destroy(answered);
}

static void without_memory_nothing_is_remembered(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        mf_error err = {.code = MF_OK};
        mf_memory_fail_nth(n);
        assert_null(mf_answered_create(10, &err));
        assert_int_equal(err.code, MF_ERR_MEMORY);
    }
    mf_memory_fail_nth(0);
}

static void one_user_and_top_n_is_one_wish(void **state)
{
    (void)state;
    enum { N = 300 };
    mf_wishes wishes = {.n = 0};
    mf_error err = {.code = MF_OK};
    char users[N][8];
    for (size_t round = 0; round < 2; round++) {
        assert_ok(mf_wishes_start(&wishes, 2 * N, &err), err);
        for (size_t i = 0; i < 4 * N; i++) {
            char *user = users[i % N];
            snprintf(user, sizeof users[0], "u%zu", i % N);
            const size_t wish =
                mf_wishes_add(&wishes, (mf_id){user, strlen(user)}, i / N % 2 == 0 ? 20 : 21);
            assert_int_equal(wish, i % (2 * N));
        }
        assert_int_equal(wishes.n, 2 * N);
    }
    mf_wishes_free(&wishes);
    mf_memory_fail_nth(1);
    assert_false(mf_wishes_start(&wishes, 10, &err));
    assert_int_equal(err.code, MF_ERR_MEMORY);
    mf_memory_fail_nth(0);
    mf_wishes_free(&wishes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_a_user_an_id_and_perhaps_more),
        cmocka_unit_test(what_is_no_request_says_why_and_quotes_nothing),
        cmocka_unit_test(what_was_answered_lately_is_known_and_what_was_long_ago_is_not),
        cmocka_unit_test(another_user_id_or_top_n_is_another_request),
        cmocka_unit_test(without_memory_nothing_is_remembered),
        cmocka_unit_test(one_user_and_top_n_is_one_wish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
