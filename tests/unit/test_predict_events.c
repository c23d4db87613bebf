/* test_predict_events.c: predict/handler.h over every kind of event. The numbers are
 * lines of the checklist in the Lambda contract. */
#include "predict_testing.h"

static const char *const proxied[] = {
    "rest_proxy", "rest_proxy_base64", "rest_proxy_nulls", "rest_get",
    "http_api_1", "http_api_2",        "http_api_2_get",   "function_url",
};

/* 35 */
static void the_same_request_through_every_wiring_has_the_same_body(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof proxied / sizeof proxied[0]; i++) {
        send_fixture(proxied[i]);
        assert_string_equal(proxied_body(200), RATING_RESPONSE);
        assert_string_equal(on.instance, RATING_REQUEST);
    }
    assert_true(send_fixture("bare"));
    assert_string_equal(on.response.bytes, RATING_RESPONSE);
    assert_int_equal(on.n_calls, sizeof proxied / sizeof proxied[0] + 1);
}

/* 36 */
static void ids_are_texts_or_numbers(void **state)
{
    (void)state;
    assert_true(send_fixture("bare_numbers"));
    assert_string_equal(on.response.bytes, RATING_RESPONSE);
    assert_string_equal(on.instance, "{\"userId\":2,\"movieId\":2959}");
    send_proxied("{\"movieId\":2959,\"userId\":\"2\"}", "POST", "");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    assert_string_equal(on.instance, "{\"movieId\":2959,\"userId\":\"2\"}");
}

/* 37 */
static void a_body_that_is_none_is_a_400_and_no_function_error(void **state)
{
    (void)state;
    send_proxied(NULL, "POST", "");
    assert_refused(400, "bad_request", "there is no body");
    send_fixture("rest_proxy_no_body");
    assert_refused(400, "bad_request", "there is no body");
    send_event("{\"version\":\"2.0\",\"requestContext\":{\"http\":{\"method\":\"POST\"}}}");
    assert_refused(400, "bad_request", "there is no body");
    send_proxied("", "POST", "");
    assert_refused(400, "bad_request", "the body is empty");
    send_proxied(" \n\t", "POST", ",\"isBase64Encoded\":null");
    assert_refused(400, "bad_request", "the body is empty");
    send_proxied("{}", "POST", "");
    assert_refused(400, "bad_request", "the request is incomplete");
    send_fixture("bad_base64");
    assert_refused(400, "bad_request", "not base64");
    send_fixture("body_object");
    assert_refused(400, "bad_request", "body: expected a text");
    send_proxied(RATING_REQUEST, "POST", ",\"isBase64Encoded\":\"yes\"");
    assert_refused(400, "bad_request", "isBase64Encoded: expected true or false");
    assert_int_equal(on.n_calls, 0);
}

/* 39, 40 */
static void other_fields_and_headers_of_any_case_change_nothing(void **state)
{
    (void)state;
    send_proxied(RATING_REQUEST, "POST",
                 ",\"headers\":{\"CONTENT-type\":\"text/csv\",\"x\":null},\"new\":[1,{\"a\":2}],"
                 "\"pathParameters\":null,\"stageVariables\":{\"a\":\"b\"}");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    send_event("{\"httpMethod\":\"POST\",\"requestContext\":{\"elb\":{},\"new\":{}},"
               "\"body\":\"{\\\"userId\\\":2,\\\"movieId\\\":2959}\"}");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
}

static void an_event_without_a_context_is_the_request_itself(void **state)
{
    (void)state;
    assert_true(send_event(" \n" RATING_REQUEST "\n"));
    assert_string_equal(on.response.bytes, RATING_RESPONSE);
    assert_false(send_event("{\"version\":\"2.0\",\"body\":\"{}\"}"));
    assert_error(&on.err, MF_ERR_PARSE, "400 bad_request: unknown field \"");
}

/* 43 */
static void a_failure_of_a_bare_event_is_an_error_of_the_function(void **state)
{
    (void)state;
    static const struct {
        mf_predict_problem_kind kind;
        mf_error_code code;
        const char *begins;
    } cases[] = {
        {MF_PREDICT_PROBLEM_BAD_REQUEST, MF_ERR_PARSE, "400 bad_request: "},
        {MF_PREDICT_PROBLEM_NOT_FOUND, MF_ERR_UNKNOWN, "404 not_found: "},
        {MF_PREDICT_PROBLEM_TOO_LARGE, MF_ERR_LIMIT, "413 content_too_large: "},
        {MF_PREDICT_PROBLEM_MEDIA_TYPE, MF_ERR_PARSE, "415 unsupported_media_type: "},
        {MF_PREDICT_PROBLEM_THROTTLED, MF_ERR_LIMIT, "429 too_many_requests: "},
        {MF_PREDICT_PROBLEM_INTERNAL, MF_ERR_ARGUMENT, "500 internal_error: "},
        {MF_PREDICT_PROBLEM_MODEL, MF_ERR_IO, "502 bad_gateway: "},
        {MF_PREDICT_PROBLEM_TIMEOUT, MF_ERR_IO, "504 gateway_timeout: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_predict_problem problem = {0};
        mf_predict_problem_hide(&problem, cases[i].kind, "endpoint movies-prod at https://secret");
        on.fails = &problem;
        assert_false(send_fixture("bare"));
        assert_error(&on.err, cases[i].code, cases[i].begins);
        assert_null(strstr(on.err.text, "movies-prod"));
        assert_int_equal(on.response.n_bytes, 0);
        assert_int_equal(on.outcome.problem.kind, cases[i].kind);
    }
}

static void what_is_no_event_is_a_function_error_with_the_place(void **state)
{
    (void)state;
    static const char *const events[] = {"",           "null", "[]",  "[" RATING_REQUEST "]",
                                         "\"text\"",   "17",   "{",   "{\"userId\":",
                                         "{\"a\":1}}", "\xFF", "true"};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_false(send_event(events[i]));
        assert_error(&on.err, MF_ERR_PARSE, "400 bad_request: event:");
    }
    assert_false(send_bytes("{\"userId\":\"\0\"}", 14));
    assert_error(&on.err, MF_ERR_PARSE, "NUL byte");
    assert_int_equal(on.n_calls, 0);
}

static void a_null_character_that_a_user_sent_is_the_users_mistake(void **state)
{
    (void)state;
    send_fixture("null_character");
    assert_refused(400, "bad_request", "");
    send_event("{\"version\":\"2.0\",\"requestContext\":{\"http\":{\"method\":\"GET\"}},"
               "\"queryStringParameters\":{\"userId\":\"\\u0000\",\"movieId\":\"1\"}}");
    assert_refused(400, "bad_request", "");
    assert_false(send_event("{\"userId\":\"\\u0000\",\"movieId\":\"1\"}"));
    assert_error(&on.err, MF_ERR_PARSE, "event:");
}

static void paths_that_are_not_ours_are_404(void **state)
{
    (void)state;
    static const char *const ours[] = {"", "/", "/predict", "/predict/", "/v1/predict"};
    static const char *const others[] = {"/predict2", "/xpredict", "/predict/2", "/health",
                                         "predict",   "/PREDICT",  "//x"};
    char more[64];
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        snprintf(more, sizeof more, ",\"rawPath\":\"%s\"", ours[i]);
        send_proxied(RATING_REQUEST, "POST", more);
        assert_string_equal(proxied_body(200), RATING_RESPONSE);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(more, sizeof more, ",\"rawPath\":\"%s\"", others[i]);
        send_proxied(RATING_REQUEST, "POST", more);
        assert_refused(404, "not_found", "/predict");
    }
    snprintf(on.settings.route, sizeof on.settings.route, "recommend");
    send_proxied(RATING_REQUEST, "POST", ",\"rawPath\":\"/predict\"");
    assert_refused(404, "not_found", "/recommend");
    send_proxied(RATING_REQUEST, "POST", ",\"rawPath\":\"/recommend\"");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    snprintf(on.settings.route, sizeof on.settings.route, "predict");
}

static void the_stage_before_the_path_does_not_count(void **state)
{
    (void)state;
    send_event("{\"version\":\"2.0\",\"rawPath\":\"/prod/\",\"requestContext\":{\"stage\":\"prod\","
               "\"http\":{\"method\":\"POST\"}},\"body\":\"{}\"}");
    assert_refused(400, "bad_request", "the request is incomplete");
    send_event("{\"version\":\"2.0\",\"rawPath\":\"/production\",\"requestContext\":{\"stage\":"
               "\"prod\",\"http\":{\"method\":\"POST\"}},\"body\":\"{}\"}");
    assert_refused(404, "not_found", "");
}

static void other_methods_are_405_and_name_those_that_are_allowed(void **state)
{
    (void)state;
    static const char *const methods[] = {"PUT", "DELETE", "HEAD", "PATCH", "post", "X"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        send_proxied(RATING_REQUEST, methods[i], "");
        assert_refused(405, "method_not_allowed", methods[i]);
        assert_string_equal(header_of("Allow"), "GET, POST, OPTIONS");
    }
    send_proxied(RATING_REQUEST, "", "");
    assert_refused(400, "bad_request", "no method");
    assert_int_equal(on.n_calls, 0);
}

/* 41, 2.5.2 */
static void the_response_to_options_has_what_a_browser_needs(void **state)
{
    (void)state;
    snprintf(on.settings.allow_origin, sizeof on.settings.allow_origin, "https://www.example.com");
    send_fixture("rest_options");
    assert_string_equal(proxied_body(204), "");
    assert_string_equal(header_of("Access-Control-Allow-Methods"), "GET, POST, OPTIONS");
    assert_non_null(strstr(header_of("Access-Control-Allow-Headers"), "Content-Type"));
    assert_int_equal(on.n_calls, 0);
    send_proxied("x", "POST", "");
    assert_refused(400, "bad_request", "not valid JSON");
    snprintf(on.settings.allow_origin, sizeof on.settings.allow_origin, "*");
}

/* A function URL with CORS of its own adds the headers; twice they would be rejected. */
static void without_an_origin_there_are_no_cors_headers(void **state)
{
    (void)state;
    on.settings.allow_origin[0] = '\0';
    send_fixture("rest_options");
    assert_string_equal(proxied_body(204), "");
    assert_int_equal(json_object_size(json_object_get(on.json, "headers")), 1);
    send_proxied(RATING_REQUEST, "POST", "");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    assert_int_equal(json_object_size(json_object_get(on.json, "headers")), 1);
    send_proxied("x", "POST", "");
    assert_refused(400, "bad_request", "not valid JSON");
    snprintf(on.settings.allow_origin, sizeof on.settings.allow_origin, "*");
}

static void the_parameters_of_a_get_are_an_instance(void **state)
{
    (void)state;
    on.model_response = "{\"recommendations\":[]}";
    send_fixture("query_list");
    assert_refused(400, "bad_request", "movieIds[2]");
    static const struct {
        const char *parameters;
        const char *instance;
    } good[] = {
        {"\"userId\":\"2\",\"top_n\":\"5\"", "{\"userId\":\"2\",\"top_n\":5}"},
        {"\"userId\":\"2\",\"top_n\":\"5\",\"include_rated\":\"true\"",
         "{\"userId\":\"2\",\"top_n\":5,\"include_rated\":true}"},
        {"\"userId\":\"a b\",\"movieIds\":\"1,2\"",
         "{\"userId\":\"a b\",\"movieIds\":[\"1\",\"2\"]}"},
        {"\"userId\":\"2\",\"movieIds\":\"[1,\\\"a,b\\\"]\",\"exclude\":\"[1\"",
         "{\"userId\":\"2\",\"movieIds\":[1,\"a,b\"],\"exclude\":[\"[1\"]}"},
        {"\"user_id\":\"2\",\"limit\":\"5\",\"exclude\":\"1,2\",\"with\":\"title,genres\","
         "\"in\":\"7\",\"diversity\":\"0.3\",\"offset\":\"10\",\"explain\":\"3\"",
         "{\"user_id\":\"2\",\"limit\":5,\"exclude\":[\"1\",\"2\"],\"with\":[\"title\","
         "\"genres\"],\"in\":\"7\",\"diversity\":0.3,\"offset\":10,\"explain\":3}"},
        {"\"userId\":\"2\",\"top_n\":\"5\",\"where\":\"{\\\"year\\\":{\\\"from\\\":1990}}\","
         "\"max_per\":\"{\\\"genres\\\":2}\"",
         "{\"userId\":\"2\",\"top_n\":5,\"where\":{\"year\":{\"from\":1990}},"
         "\"max_per\":{\"genres\":2}}"},
    };
    char more[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(more, sizeof more, ",\"queryStringParameters\":{%s}", good[i].parameters);
        send_proxied(NULL, "GET", more);
        assert_string_equal(proxied_body(200), "{\"recommendations\": []}");
        assert_string_equal(on.instance, good[i].instance);
    }
    on.model_response = "{\"similar\":[]}";
    send_proxied(NULL, "GET", ",\"queryStringParameters\":{\"movieId\":\"1\",\"similar\":\"3\"}");
    assert_string_equal(on.instance, "{\"movieId\":\"1\",\"similar\":3}");
    static const struct {
        const char *parameters;
        const char *says;
    } bad[] = {
        {"null", "the request is incomplete"},
        {"{}", "the request is incomplete"},
        {"{\"userId\":\"2\"}", "add movieId"},
        {"{\"userId\":\"\",\"movieId\":\"1\"}", "userId: "},
        {"{\"userId\":\"2\",\"top_n\":\"05\"}", "top_n: "},
        {"{\"userId\":\"2\",\"top_n\":\"\"}", "top_n: "},
        {"{\"userId\":\"2\",\"top_n\":\"99999999999999999999\"}", "top_n: "},
        {"{\"userId\":\"2\",\"top_n\":\"1\",\"include_rated\":\"1\"}", "include_rated: "},
        {"{\"userId\":\"2\",\"movieIds\":\"\"}", "movieIds[0]: "},
        {"{\"userId\":null,\"movieId\":\"1\"}", "userId: "},
        {"{\"user\":\"2\",\"movieId\":\"1\",\"item\":\"1\"}",
         "movieId and item are names of one field"},
        {"{\"userId\":\"2\",\"top_n\":\"1\",\"diversity\":\"much\"}", "diversity: "},
        {"{\"userId\":\"2\",\"top_n\":\"1\",\"where\":\"{\"}", "where: "},
        {"{\"userId\":\"2\",\"top_n\":\"1\",\"where\":\"1}\"}", "where: "},
        {"{\"userId\":\"2\",\"movieId\":\"1\",\"utm_source\":\"x\"}",
         "unknown field \"utm_source\""},
    };
    const unsigned n_calls = on.n_calls;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(more, sizeof more, ",\"queryStringParameters\":%s", bad[i].parameters);
        send_proxied(NULL, "GET", more);
        assert_refused(400, "bad_request", bad[i].says);
    }
    assert_int_equal(on.n_calls, n_calls);
}

/* ALB sends what the client sent, undecoded, and wants a statusDescription. */
static void a_load_balancer_gets_responses_in_its_shape(void **state)
{
    (void)state;
    static const char *const names[] = {"alb_plain", "alb_query_encoded", "alb_multi"};
    for (size_t i = 0; i < 3; i++) {
        send_fixture(names[i]);
        assert_string_equal(on.instance, RATING_REQUEST);
        assert_int_equal(json_integer_value(json_object_get(on.json, "statusCode")), 200);
        assert_string_equal(json_string_value(json_object_get(on.json, "statusDescription")),
                            "200 OK");
        assert_string_equal(json_string_value(json_object_get(on.json, "body")), RATING_RESPONSE);
        const bool is_multi = i == 2;
        const json_t *headers =
            json_object_get(on.json, is_multi ? "multiValueHeaders" : "headers");
        const json_t *type = json_object_get(headers, "Content-Type");
        assert_string_equal(json_string_value(is_multi ? json_array_get(type, 0) : type),
                            "application/json");
        assert_null(json_object_get(on.json, is_multi ? "headers" : "multiValueHeaders"));
    }
    send_event(
        "{\"httpMethod\":\"GET\",\"path\":\"/predict\",\"requestContext\":{\"elb\":{}},"
        "\"multiValueHeaders\":{},\"multiValueQueryStringParameters\":{\"user%49d\":[\"%32\"],"
        "\"movieId\":[\"2959\"]}}");
    assert_string_equal(on.instance, RATING_REQUEST);
    assert_int_equal(on.outcome.status, 200);
    send_event("{\"httpMethod\":\"PUT\",\"path\":\"/predict\",\"requestContext\":{\"elb\":{}},"
               "\"multiValueHeaders\":{}}");
    assert_string_equal(json_string_value(json_object_get(on.json, "statusDescription")),
                        "405 method_not_allowed");
    const json_t *headers = json_object_get(on.json, "multiValueHeaders");
    assert_string_equal(json_string_value(json_array_get(json_object_get(headers, "Allow"), 0)),
                        "GET, POST, OPTIONS");
    send_event("{\"httpMethod\":\"OPTIONS\",\"path\":\"/predict\",\"requestContext\":{\"elb\":{}},"
               "\"multiValueHeaders\":{}}");
    assert_string_equal(json_string_value(json_object_get(on.json, "statusDescription")),
                        "204 No Content");
}

static void a_health_check_is_a_success_on_every_path(void **state)
{
    (void)state;
    send_fixture("alb_health");
    assert_string_equal(proxied_body(200), "{\"status\": \"ok\"}");
    assert_true(on.outcome.is_health_check);
    send_event("{\"httpMethod\":\"GET\",\"path\":\"/\",\"requestContext\":{\"elb\":{}},"
               "\"multiValueHeaders\":{\"User-Agent\":[\"ELB-HealthChecker/2.0\"]}}");
    assert_true(on.outcome.is_health_check);
    assert_int_equal(on.n_calls, 0);
    /* Elsewhere it is a request like others. */
    send_proxied(NULL, "GET", ",\"headers\":{\"user-agent\":\"ELB-HealthChecker/2.0\"}");
    assert_refused(400, "bad_request", "the request is incomplete");
}

static void repeated_parameters_have_all_their_values(void **state)
{
    (void)state;
    static const char get[] = "{\"httpMethod\":\"GET\",\"requestContext\":{%s},%s}";
    char event[512];
    on.model_response = "{\"recommendations\":[]}";
    static const char *const names[] = {"repeated_v1", "repeated_v2"};
    for (size_t i = 0; i < 2; i++) {
        send_fixture(names[i]);
        assert_string_equal(proxied_body(200), "{\"recommendations\": []}");
        assert_string_equal(on.instance, "{\"userId\":\"2\",\"movieIds\":[\"318\",\"1\"]}");
    }
    send_proxied(NULL, "GET",
                 ",\"rawQueryString\":\"userId=a%2Cb+c%25&movieIds=1,2&&movieIds=%33\"");
    assert_string_equal(on.instance, "{\"userId\":\"a,b c%\",\"movieIds\":[\"1\",\"2\",\"3\"]}");
    send_proxied(NULL, "GET", ",\"rawQueryString\":\"user=2&top_n=3&exclude=1&exclude=2,3\"");
    assert_string_equal(on.instance,
                        "{\"user\":\"2\",\"top_n\":3,\"exclude\":[\"1\",\"2\",\"3\"]}");
    static const char *const twice[][2] = {
        {"", "\"multiValueQueryStringParameters\":{\"userId\":[\"2\",\"3\"],\"movieId\":[\"1\"]}"},
        {"\"elb\":{}",
         "\"multiValueQueryStringParameters\":{\"userId\":[\"2\",\"3\"],\"movieId\":[\"1\"]}"},
    };
    for (size_t i = 0; i < 2; i++) {
        snprintf(event, sizeof event, get, twice[i][0], twice[i][1]);
        send_event(event);
        assert_refused(400, "bad_request", "userId is given 2 times");
    }
    send_proxied(NULL, "GET", ",\"rawQueryString\":\"userId=2&userId=2&movieId=1\"");
    assert_refused(400, "bad_request", "userId is given 2 times: only lists (movieIds");
    send_proxied(NULL, "GET", ",\"rawQueryString\":\"userId=%ff&movieId=1\"");
    assert_refused(400, "bad_request", "not UTF-8");
    send_proxied(NULL, "GET", ",\"rawQueryString\":\"%ff=2&movieId=1\"");
    assert_refused(400, "bad_request", "not UTF-8");
    static const char *const escapes[] = {"userId=%00&movieId=1", "userId=2%&movieId=1",
                                          "userId=%3", "userId=%zz&movieId=1", "user%0=2"};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        snprintf(event, sizeof event, ",\"rawQueryString\":\"%s\"", escapes[i]);
        send_proxied(NULL, "GET", event);
        assert_refused(400, "bad_request", "not percent-encoded");
    }
}

static void bodies_are_read_by_what_they_are(void **state)
{
    (void)state;
    send_fixture("gzip");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    on.model_response = "{\"recommendations\":[]}";
    send_fixture("form");
    assert_string_equal(proxied_body(200), "{\"recommendations\": []}");
    assert_string_equal(on.instance, "{\"userId\":\"2\",\"movieIds\":"
                                     "[\"318\",\"1\",\"2959\"]}");
    on.model_response = MODEL_RESPONSE;
    send_proxied(RATING_REQUEST, "POST",
                 ",\"headers\":{\"content-type\":\"application/x-www-form-urlencoded\"}");
    assert_string_equal(proxied_body(200), RATING_RESPONSE);
    send_fixture("csv");
    assert_refused(415, "unsupported_media_type",
                   "Content-Type is text/csv: expected application/json");
    send_proxied("x", "POST",
                 ",\"headers\":{\"Content-Type\":\"application/json; charset=utf-8\"}");
    assert_refused(400, "bad_request", "not valid JSON");
    send_proxied("x", "POST", ",\"headers\":{\"Content-Encoding\":\"br\"}");
    assert_refused(415, "unsupported_media_type", "Content-Encoding is br: expected gzip or none");
    send_proxied("\x1F\xEF\xBF\xBD", "POST", ",\"headers\":{\"Content-Encoding\":\"gzip\"}");
    assert_refused(415, "unsupported_media_type", "needs a binary media type");
    send_proxied("H4sIAAAA", "POST", ",\"isBase64Encoded\":true");
    assert_refused(400, "bad_request", "the gzip stream ends early");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        predicting_test(the_same_request_through_every_wiring_has_the_same_body),
        predicting_test(ids_are_texts_or_numbers),
        predicting_test(a_body_that_is_none_is_a_400_and_no_function_error),
        predicting_test(other_fields_and_headers_of_any_case_change_nothing),
        predicting_test(an_event_without_a_context_is_the_request_itself),
        predicting_test(a_failure_of_a_bare_event_is_an_error_of_the_function),
        predicting_test(what_is_no_event_is_a_function_error_with_the_place),
        predicting_test(a_null_character_that_a_user_sent_is_the_users_mistake),
        predicting_test(paths_that_are_not_ours_are_404),
        predicting_test(the_stage_before_the_path_does_not_count),
        predicting_test(other_methods_are_405_and_name_those_that_are_allowed),
        predicting_test(the_response_to_options_has_what_a_browser_needs),
        predicting_test(without_an_origin_there_are_no_cors_headers),
        predicting_test(the_parameters_of_a_get_are_an_instance),
        predicting_test(a_load_balancer_gets_responses_in_its_shape),
        predicting_test(a_health_check_is_a_success_on_every_path),
        predicting_test(repeated_parameters_have_all_their_values),
        predicting_test(bodies_are_read_by_what_they_are),
    };
    return predicting_tests(tests);
}
