/* The response to an event, without a network: response.h, the budget of
 * lambda/runtime/invocation.h and the trace variable of process.h. */
#include "testing.h"

#include "base/clock.h"
#include "base/log.h"
#include "lambda/runtime/process.h"
#include "lambda/runtime/response.h"

#include <jansson.h>
#include <regex.h>

/* The clock of the code under test; 0: the real one. */
static int64_t fake_now_ms;

int64_t __real_mf_clock_wall_ms(void);
int64_t __wrap_mf_clock_wall_ms(void);
int64_t __wrap_mf_clock_wall_ms(void)
{
    return fake_now_ms != 0 ? fake_now_ms : __real_mf_clock_wall_ms();
}

/* What the handler is to do, and what it saw. */
typedef struct script {
    const char *response;
    mf_error_code fails_with;
    const char *message;
    bool fails_silently;
    size_t n_response; /* of 'x', when response is NULL */
    unsigned n_calls;
    mf_lambda_invocation seen;
} script;

static bool handle(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                   mf_error *err)
{
    script *s = context;
    s->n_calls++;
    s->seen = *invocation;
    if (s->response != NULL)
        mf_text_append(response, s->response, strlen(s->response));
    else if (s->n_response > 0 && mf_text_reserve(response, s->n_response)) {
        memset(response->bytes, 'x', s->n_response);
        response->n_bytes = s->n_response;
    }
    if (s->fails_with != MF_OK)
        return mf_fail(err, s->fails_with, MF_NOWHERE, "%s", s->message);
    return !s->fails_silently;
}

static mf_lambda_response response;
static mf_lambda_next next;

static void make(script *s)
{
    const mf_lambda_function function = {.name = "test", .handle = handle, .context = s};
    next = (mf_lambda_next){.event = "", .n_event = 0};
    strcpy(next.request_id, "id-1");
    next.event = "{\"a\":1}";
    next.n_event = strlen(next.event);
    mf_lambda_response_make(&response, &function, &next);
    assert_string_equal(response.request_id, "id-1");
}

static void assert_response(const char *text)
{
    assert_null(response.error_type);
    assert_int_equal(response.body.n_bytes, strlen(text));
    assert_memory_equal(response.body.bytes, text, strlen(text));
}

/* The body is the report of that type and message, and nothing else. */
static void assert_report(const char *type, const char *message)
{
    assert_string_equal(response.error_type, type);
    json_t *report = json_loadb(response.body.bytes, response.body.n_bytes, 0, NULL);
    assert_non_null(report);
    assert_int_equal(json_object_size(report), 3);
    assert_string_equal(json_string_value(json_object_get(report, "errorType")), type);
    assert_non_null(strstr(json_string_value(json_object_get(report, "errorMessage")), message));
    assert_int_equal(json_array_size(json_object_get(report, "stackTrace")), 0);
    json_decref(report);
}

static void a_response_is_the_handlers_text(void **state)
{
    (void)state;
    script s = {.response = "{\"b\":2}"};
    make(&s);
    assert_response("{\"b\":2}");
    s.response = "3";
    make(&s);
    assert_response("3");
    assert_int_equal(s.n_calls, 2);
    assert_int_equal(s.seen.n_event, 7);
}

static void no_response_is_null(void **state)
{
    (void)state;
    script s = {0};
    make(&s);
    assert_response("null");
}

static void make_of(script *s, const char *event)
{
    const mf_lambda_function function = {.name = "test", .handle = handle, .context = s};
    next.event = event;
    next.n_event = strlen(event);
    mf_lambda_response_make(&response, &function, &next);
}

static void a_ping_is_a_success_without_the_handler(void **state)
{
    (void)state;
    static const char *const pings[] = {
        "{\"source\":\"serverless-plugin-warmup\"}",
        "{\"Event\":{\"source\":\"serverless-plugin-warmup\"}}",
        "{\"version\":\"0\",\"id\":\"53dc4d37\",\"detail-type\":\"Scheduled Event\",\"source\":"
        "\"aws.events\",\"resources\":[\"arn:aws:events:eu-central-1:123456789012:rule/app-"
        "zappa-keep-warm-handler.keep_warm_callback\"],\"detail\":{}}",
        "{\"source\":\"aws.scheduler\",\"detail-type\":\"Scheduled Event\",\"detail\":\"{}\"}",
        "{\"warmer\":true,\"concurrency\":3}",
        "{\"warmup\":true}",
        "\"#warmup wait=100\"",
    };
    static const char *const others[] = {
        "{}",
        "{\"source\":7}",
        "{\"source\":\"aws.s3\"}",
        "{\"Event\":[\"source\"]}",
        "{\"warmer\":false}",
        "{\"warmup\":\"true\"}",
        "\"warmup\"",
        "{\"source\":\"aws.events\"",
        "{\"userId\":\"2\",\"movieId\":\"aws.events\"}",
        "{\"eventSource\":\"aws.events\"}",
    };
    script s = {.response = "1"};
    for (size_t i = 0; i < sizeof pings / sizeof pings[0]; i++) {
        make_of(&s, pings[i]);
        assert_response("null");
    }
    assert_int_equal(s.n_calls, 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        make_of(&s, others[i]);
        assert_int_equal(s.n_calls, i + 1);
    }
}

static void a_failure_is_a_report_without_what_was_appended(void **state)
{
    (void)state;
    script s = {.response = "half", .fails_with = MF_ERR_IO, .message = "no \"response\"\n"};
    make(&s);
    assert_report("Function.DownstreamError", "no \"response\"\\x0a");
    s = (script){.fails_silently = true};
    make(&s);
    assert_report("Function.InternalError", "without a reason");
}

static void every_code_has_a_type_that_the_platform_keeps(void **state)
{
    (void)state;
    regex_t shape;
    assert_int_equal(
        regcomp(&shape, "^(Runtime|Function)\\.[A-Z][a-zA-Z]+$", REG_EXTENDED | REG_NOSUB), 0);
    for (int code = MF_OK; code <= MF_ERR_NOT_ACCEPTABLE + 1; code++)
        assert_int_equal(regexec(&shape, mf_lambda_error_type((mf_error_code)code), 0, NULL, 0), 0);
    static const char *const own[] = {MF_LAMBDA_ERROR_DEADLINE_PASSED,
                                      MF_LAMBDA_ERROR_EVENT_TOO_LARGE,
                                      MF_LAMBDA_ERROR_RESPONSE_TOO_LARGE};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        assert_int_equal(regexec(&shape, own[i], 0, NULL, 0), 0);
    regfree(&shape);
}

static void a_response_over_the_limit_is_a_report(void **state)
{
    (void)state;
    script s = {.n_response = MF_LAMBDA_RESPONSE_BYTES};
    make(&s);
    assert_null(response.error_type);
    assert_int_equal(response.body.n_bytes, MF_LAMBDA_RESPONSE_BYTES);
    s.n_response++;
    make(&s);
    assert_report("Function.ResponseSizeTooLarge", "6291557");
}

static void what_a_handler_needed_beyond_the_limit_is_given_back(void **state)
{
    (void)state;
    script s = {.n_response = 20 * MF_LAMBDA_RESPONSE_BYTES};
    make(&s);
    assert_true(response.body.capacity < 4096);
}

static void after_a_passed_deadline_the_handler_is_not_called(void **state)
{
    (void)state;
    script s = {.response = "1"};
    const mf_lambda_function function = {.name = "test", .handle = handle, .context = &s};
    next = (mf_lambda_next){.event = "", .n_event = 0};
    strcpy(next.request_id, "id-1");
    next.deadline_ms = mf_clock_wall_ms() - 5;
    mf_lambda_response_make(&response, &function, &next);
    assert_report("Runtime.DeadlinePassed", "deadline passed");
    assert_int_equal(s.n_calls, 0);
    next.deadline_ms = mf_clock_wall_ms() + 60000;
    mf_lambda_response_make(&response, &function, &next);
    assert_response("1");
    next.too_large = true;
    mf_lambda_response_make(&response, &function, &next);
    assert_report("Runtime.EventTooLarge", "16777216");
    assert_int_equal(s.n_calls, 1);
}

static void a_budget_is_what_is_left_less_the_margin(void **state)
{
    (void)state;
    const int64_t now = fake_now_ms = 1700000000000;
    mf_lambda_invocation i = {.deadline_ms = now + 1000, .received_ms = now};
    assert_int_equal(mf_lambda_budget_ms(&i, 100), 900);
    fake_now_ms = now + 300;
    assert_int_equal(mf_lambda_budget_ms(&i, 100), 600);
    assert_int_equal(mf_lambda_budget_ms(&i, 2000), 0);
    i.deadline_ms = now - 1;
    assert_int_equal(mf_lambda_budget_ms(&i, 0), 0);
    i.deadline_ms = 0;
    assert_int_equal(mf_lambda_budget_ms(&i, 0), MF_LAMBDA_DEFAULT_BUDGET_MS - 300);
    i.deadline_ms = INT64_MAX;
    assert_true(mf_lambda_budget_ms(&i, 0) > INT64_MAX / 2);
    assert_int_equal(mf_lambda_budget_ms(&i, INT64_MAX), 0);
    i.deadline_ms = INT64_MIN; /* overflow is no time, not much time */
    assert_int_equal(mf_lambda_budget_ms(&i, 0), 0);
    fake_now_ms = 0;
}

static void the_trace_variable_is_set_replaced_and_taken_out(void **state)
{
    (void)state;
    setenv("_X_AMZN_TRACE_ID", "somebody else's", 1);
    mf_lambda_set_trace("");
    assert_null(getenv("_X_AMZN_TRACE_ID"));
    mf_lambda_set_trace("Root=1;Parent=2");
    assert_string_equal(getenv("_X_AMZN_TRACE_ID"), "Root=1;Parent=2");
    mf_lambda_set_trace("Root=3");
    assert_string_equal(getenv("_X_AMZN_TRACE_ID"), "Root=3");
    mf_lambda_set_trace("");
    assert_null(getenv("_X_AMZN_TRACE_ID"));
}

static int done(void **state)
{
    (void)state;
    mf_lambda_response_free(&response);
    return 0;
}

int main(void)
{
    mf_log_set_level(MF_LOG_FATAL); /* failures are meant here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_is_the_handlers_text),
        cmocka_unit_test(no_response_is_null),
        cmocka_unit_test(a_ping_is_a_success_without_the_handler),
        cmocka_unit_test(a_failure_is_a_report_without_what_was_appended),
        cmocka_unit_test(every_code_has_a_type_that_the_platform_keeps),
        cmocka_unit_test(a_response_over_the_limit_is_a_report),
        cmocka_unit_test(what_a_handler_needed_beyond_the_limit_is_given_back),
        cmocka_unit_test(after_a_passed_deadline_the_handler_is_not_called),
        cmocka_unit_test(a_budget_is_what_is_left_less_the_margin),
        cmocka_unit_test(the_trace_variable_is_set_replaced_and_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
