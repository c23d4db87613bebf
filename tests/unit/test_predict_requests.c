/* test_predict_requests.c: predict/handler.h and predict/decode.h over bodies: requests that are
 * accepted, and the messages of those that are not. */
#include "predict_testing.h"

#include "base/base64.h"
#include "lambda/predict/decode.h"

enum { MIB = 1 << 20 };

static void the_model_is_sent_the_request_itself(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {RATING_REQUEST, MODEL_RESPONSE},
        {"{\"movieId\" : 2959,\n\"userId\":\"2\"}", MODEL_RESPONSE},
        {"{\"item_id\":\"1\",\"user\":-5}", MODEL_RESPONSE},
        {"{\"userId\":\"z\\u00fcri\",\"movieId\":2959.0}", MODEL_RESPONSE},
        {"{\"ratings\":[{\"rating\":0.1,\"movieId\":7,\"timestamp\":9007199254740993}],"
         "\"movieId\":8}",
         MODEL_RESPONSE},
        {"{\"similar\":2,\"movieId\":7}", "{\"similar\":[]}"},
        {"{\"top_n\":3,\"userId\":2,\"include_rated\":false}", "{\"recommendations\":[]}"},
        {"{\"limit\":3,\"userId\":2,\"where\":{\"genres\":{\"any\":[\"Comedy\"]},\"year\":1999},"
         "\"exclude\":[1,\"2\"],\"in\":\"in-stock\",\"diversity\":0.3,\"max_per\":{\"genres\":2},"
         "\"offset\":10,\"explain\":3}",
         "{\"recommendations\":[]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char framed[512];
        snprintf(framed, sizeof framed, "\xEF\xBB\xBF %s\r\n", cases[i][0]);
        on.model_response = cases[i][1];
        send_proxied(framed, "POST", "");
        proxied_body(200);
        assert_string_equal(on.instance, cases[i][0]);
        assert_true(send_event(on.instance));
        assert_string_equal(on.instance, cases[i][0]);
    }
}

static void no_audience_is_listed(void **state)
{
    (void)state;
    send_proxied("{\"movieId\":\"2959\",\"audience\":10}", "POST", "");
    assert_refused(400, "bad_request", "audience: not supported here");
    assert_int_equal(on.n_calls, 0);
}

/* OUTSIDERS=closed: what leaves this function about a stored user says nothing of what is rated. */
static void closed_a_list_for_a_user_contains_what_is_rated(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *instance;
    } cases[] = {
        {"{\"userId\":2,\"top_n\":3}",
         "{\"include_rated\":true,\"order\":\"rating\",\"userId\":2,\"top_n\":3}"},
        {"{ \"user\":2,\"item_ids\":[1]}",
         "{\"include_rated\":true,\"order\":\"rating\", \"user\":2,\"item_ids\":[1]}"},
        {"{\"userId\":2,\"limit\":2,\"order\":\"rating\",\"exclude\":[1],\"diversity\":1}",
         "{\"include_rated\":true,\"userId\":2,\"limit\":2,\"order\":\"rating\",\"exclude\":[1],"
         "\"diversity\":1}"},
        {"{\"userIds\":[2,3],\"top_n\":3}",
         "{\"include_rated\":true,\"order\":\"rating\",\"userIds\":[2,3],\"top_n\":3}"},
        {"{\"userId\":2,\"top_n\":3,\"include_rated\":true,\"order\":\"popularity\"}",
         "{\"userId\":2,\"top_n\":3,\"include_rated\":true,\"order\":\"popularity\"}"},
        /* The sender knows these ratings. */
        {"{\"ratings\":[{\"movieId\":7,\"rating\":5}],\"top_n\":3,\"include_rated\":false,"
         "\"explain\":1}",
         "{\"ratings\":[{\"movieId\":7,\"rating\":5}],\"top_n\":3,\"include_rated\":false,"
         "\"explain\":1}"},
    };
    on.settings.outsiders = MF_PREDICT_CLOSED;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        on.model_response = "{\"recommendations\":[]}";
        send_proxied(cases[i].body, "POST", "");
        proxied_body(200);
        assert_string_equal(on.instance, cases[i].instance);
        assert_true(send_event(on.instance));
        assert_string_equal(on.instance, cases[i].instance);
    }
    const unsigned n_calls = on.n_calls;
    send_proxied("{\"userId\":2,\"top_n\":3,\"include_rated\":false}", "POST", "");
    assert_refused(400, "bad_request", "include_rated: only true is accepted here for a userId");
    send_proxied("{\"userId\":2,\"movieIds\":[1],\"order\":\"ranking\"}", "POST", "");
    assert_refused(400, "bad_request", "order: only rating and popularity are accepted here");
    send_proxied("{\"userId\":2,\"top_n\":3,\"explain\":1}", "POST", "");
    assert_refused(400, "bad_request", "explain: not accepted here for a userId");
    send_proxied("{\"user_ids\":[2,3],\"top_n\":3,\"include_rated\":false}", "POST", "");
    assert_refused(400, "bad_request", "include_rated: only true is accepted here");
    assert_int_equal(on.n_calls, n_calls);
    on.settings.outsiders = MF_PREDICT_OPEN;
}

static void what_is_wrong_with_a_body_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } cases[] = {
        {"x", "not valid JSON at line 1, column 1"},
        {"{\"userId\":\"2\",}", "not valid JSON"},
        {"null", "expected an object"},
        {"[1]", "expected an object"},
        {"\"text\"", "expected an object"},
        {RATING_REQUEST "x", "something follows the JSON object"},
        {RATING_REQUEST RATING_REQUEST, "something follows the JSON object"},
        {"{\"userId\":\"2\"}", "add movieId"},
        {"{\"movieId\":\"2\"}", "add userId"},
        {"{\"userId\":null,\"movieId\":\"1\"}",
         "userId: expected a string or an integer, found null"},
        {"{\"userId\":\"2\",\"movieId\":{}}",
         "movieId: expected a string or an integer, found an object"},
        {"{\"userId\":[2],\"movieId\":1}",
         "userId: expected a string or an integer, found an array"},
        {"{\"userId\":2.5,\"movieId\":1}", "userId: expected a string or an integer"},
        {"{\"userId\":true,\"movieId\":1}", "userId: expected a string or an integer"},
        {"{\"userId\":\"\",\"movieId\":1}", "userId: expected an id of 1 to 255 bytes"},
        {"{\"userId\":\"a\\nb\",\"movieId\":1}", "userId: expected an id"},
        {"{\"userId\":99999999999999999999,\"movieId\":1}", "beyond 64 bits"},
        {"{\"userId\":\"2\",\"userId\":\"3\",\"movieId\":1}", "duplicate"},
        {"{\"userId\":\"2\",\"item_id\":\"1\",\"movieId\":\"1\"}",
         "item_id and movieId are names of one field"},
        {"{\"userId\":\"2\",\"movieId\":\"1\",\"secret\":1}", "unknown field \"secret\""},
        {"{\"userId\":\"2\",\"top_n\":0}", "top_n: expected a whole number from 1 to 1000"},
        {"{\"userId\":\"2\",\"top_n\":1001}", "top_n: expected a whole number from 1 to 1000"},
        {"{\"userId\":\"2\",\"top_n\":\"5\"}", "top_n: expected a whole number"},
        {"{\"userId\":\"2\",\"movieIds\":[]}", "movieIds: expected 1 or more ids, found 0"},
        {"{\"userId\":\"2\",\"movieIds\":[1,null]}", "movieIds[1]: "},
        {"{\"movieId\":\"2\",\"similar\":-1}", "similar: "},
        {"{\"movieId\":\"2\",\"similar\":1,\"userId\":\"2\"}",
         "similar goes with movieId and with"},
        {"{\"instances\":[" RATING_REQUEST "]}", "instances: one request at a time"},
        {"{\"userId\":\"2\",\"movieId\":\"1\",\"instances\":[]}",
         "instances: one request at a time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_proxied(cases[i].body, "POST", "");
        assert_refused(400, "bad_request", cases[i].says);
    }
    assert_int_equal(on.n_calls, 0);
}

static void limits_come_from_the_settings(void **state)
{
    (void)state;
    on.handler.limits.max_top_n = 3;
    send_proxied("{\"userId\":\"2\",\"top_n\":4}", "POST", "");
    assert_refused(400, "bad_request", "from 1 to 3");
    on.handler.limits = mf_predict_settings_limits(&on.settings);
}

/* {"userId":"xxx…","movieId":"1"} with n x, in a proxied or a bare event. */
static void send_long_id(size_t n, bool is_proxied)
{
    char *body = malloc(n + 64);
    assert_non_null(body);
    memcpy(body, "{\"userId\":\"", 11);
    memset(body + 11, 'x', n);
    strcpy(body + 11 + n, "\",\"movieId\":\"1\"}");
    if (is_proxied)
        send_proxied(body, "POST", "");
    else
        send_event(body);
    free(body);
}

static void an_id_of_10_kb_is_refused(void **state)
{
    (void)state;
    send_long_id(255, true);
    proxied_body(200);
    send_long_id(256, true);
    assert_refused(400, "bad_request", "userId: expected an id of 1 to 255 bytes");
    send_long_id(10000, true);
    assert_refused(400, "bad_request", "userId: expected an id of 1 to 255 bytes");
}

static void an_event_of_6_mb_is_refused_as_too_large(void **state)
{
    (void)state;
    send_long_id(6 * MIB, true);
    assert_refused(413, "content_too_large", "");
    send_long_id(6 * MIB, false);
    assert_false(on.ok);
    assert_error(&on.err, MF_ERR_LIMIT, "413 content_too_large");
    assert_int_equal(on.n_calls, 0);
    assert_true(send_event(RATING_REQUEST));
}

static void six_mb_of_base64_are_decoded_and_refused(void **state)
{
    (void)state;
    char *body = malloc(6 * MIB + 1);
    assert_non_null(body);
    /* {"userId":"xxx… */
    for (size_t at = 0; at < 6 * MIB; at += 4)
        memcpy(body + at, "eHh4", 4);
    memcpy(body, "eyJ1c2VySWQiOiJ4", 16);
    body[6 * MIB] = '\0';
    send_proxied(body, "POST", ",\"isBase64Encoded\":true");
    assert_refused(413, "content_too_large", "");
    body[6 * MIB - 9] = '!';
    send_proxied(body, "POST", ",\"isBase64Encoded\":true");
    assert_refused(400, "bad_request", "not base64");
    free(body);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *body = malloc(2 * DEEP + 64);
    assert_non_null(body);
    strcpy(body, "{\"userId\":");
    memset(body + 10, '[', DEEP);
    memset(body + 10 + DEEP, ']', DEEP);
    strcpy(body + 10 + 2 * DEEP, "}");
    send_proxied(body, "POST", "");
    assert_refused(400, "bad_request", "");
    assert_false(send_event(body));
    assert_error(&on.err, MF_ERR_PARSE, "event:");
    free(body);
}

static void assert_decodes(const char *text, const char *bytes)
{
    mf_text decoded = MF_TEXT_EMPTY;
    const bool ok = mf_base64_decode(&decoded, text, strlen(text));
    if (bytes == NULL) {
        assert_false(ok);
    } else {
        assert_true(ok);
        assert_int_equal(decoded.n_bytes, strlen(bytes));
        if (decoded.n_bytes > 0)
            assert_memory_equal(decoded.bytes, bytes, decoded.n_bytes);
    }
    mf_text_free(&decoded);
}

/* RFC 4648, section 10. */
static void base64_is_decoded_by_the_book_and_nothing_else_is(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"", ""},
                                             {"Zg==", "f"},
                                             {"Zm8=", "fo"},
                                             {"Zm9v", "foo"},
                                             {"Zm9vYg==", "foob"},
                                             {"Zm9vYmE=", "fooba"},
                                             {"Zm9vYmFy", "foobar"},
                                             {"+/8=", "\xFB\xFF"}};
    static const char *const wrong[] = {
        "Z",        "Zg",    "Zg=",    "Zg===", "====",     "Z===", "Zh==",     "Zm9=",
        "Zg==Zg==", "Zm 9v", "Zm9v\n", "-_8=",  "Zm9vYm=y", "Z=9v", "Zm8=Zm8=", "!!\xC3\xA9"};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_decodes(vectors[i][0], vectors[i][1]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_decodes(wrong[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        predicting_test(the_model_is_sent_the_request_itself),
        predicting_test(no_audience_is_listed),
        predicting_test(closed_a_list_for_a_user_contains_what_is_rated),
        predicting_test(what_is_wrong_with_a_body_is_named),
        predicting_test(limits_come_from_the_settings),
        predicting_test(an_id_of_10_kb_is_refused),
        predicting_test(an_event_of_6_mb_is_refused_as_too_large),
        predicting_test(six_mb_of_base64_are_decoded_and_refused),
        predicting_test(deep_nesting_is_refused),
        predicting_test(base64_is_decoded_by_the_book_and_nothing_else_is),
    };
    return predicting_tests(tests);
}
