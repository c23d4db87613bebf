#include "testing.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/aws/s3.h"
#include "lambda/aws/sagemaker_runtime.h"

static int set_environment(void **state)
{
    (void)state;
    setenv("AWS_REGION", "eu-central-1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1", 1); /* no listener */
    return 0;
}

static mf_aws_client *created(mf_aws_service service)
{
    mf_error err = {.code = MF_OK};
    mf_aws_client *client =
        mf_aws_client_create(&(mf_aws_client_settings){.service = service}, &err);
    assert_ok(client != NULL, err);
    return client;
}

static void without_memory_there_is_no_client(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 3; n++) {
        mf_error err = {.code = MF_OK};
        mf_memory_fail_nth(n);
        assert_null(mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_S3}, &err));
        assert_int_equal(err.code, MF_ERR_MEMORY);
    }
    mf_memory_fail_nth(0);
    mf_aws_client_destroy(created(MF_AWS_S3));
    mf_aws_client_destroy(NULL);
}

static void a_client_knows_its_endpoint(void **state)
{
    (void)state;
    mf_aws_client *client = created(MF_AWS_KINESIS);
    assert_string_equal(mf_aws_client_endpoint(client)->base, "http://127.0.0.1:1");
    assert_string_equal(mf_aws_client_endpoint(client)->signing_name, "kinesis");
    mf_aws_client_destroy(client);
}

static void headers_that_cannot_be_signed_rightly_are_refused(void **state)
{
    (void)state;
    mf_aws_client *client = created(MF_AWS_KINESIS);
    const char *const values[] = {"", " a", "a ", "a\r\nb: c", "a\tb", "\xc3\xa9", "\x7f"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const mf_aws_header header = {"X-Thing", values[i]};
        const mf_aws_call call = {.subject = "s", .path = "/", .headers = &header, .n_headers = 1};
        const mf_aws_response *response;
        mf_aws_failure failure;
        assert_false(mf_aws_call_run(client, &call, &response, &failure));
        assert_int_equal(failure.kind, MF_AWS_LOCAL);
        assert_int_equal(failure.n_tries, 0);
        assert_error(&failure.error, MF_ERR_ARGUMENT, "X-Thing");
    }
    mf_aws_client_destroy(client);
}

/* The connection is refused at once, and the first wait (50 ms) does not fit the deadline. */
static void each_of_many_calls_has_its_own_result(void **state)
{
    (void)state;
    mf_aws_client *client = created(MF_AWS_KINESIS);
    const mf_aws_header bad = {"X-Thing", ""};
    const int64_t now_ms = mf_clock_wall_ms();
    const mf_aws_call calls[] = {
        {.subject = "late", .path = "/", .deadline_ms = now_ms - 1},
        {.subject = "invalid", .path = "/", .headers = &bad, .n_headers = 1},
        {.subject = "refused", .path = "/", .deadline_ms = now_ms + 69},
        {.subject = "refused too", .path = "/", .deadline_ms = now_ms + 69},
    };
    const mf_aws_kind kinds[] = {MF_AWS_TIMED_OUT, MF_AWS_LOCAL, MF_AWS_UNREACHABLE,
                                 MF_AWS_UNREACHABLE};
    mf_aws_result results[4];
    mf_aws_call_many(client, calls, 4, results);
    for (size_t i = 0; i < 4; i++) {
        const bool is_tried = results[i].failure.n_tries > 0;
        assert_false(results[i].ok);
        assert_true(results[i].failure.kind == kinds[i] ||
                    (i >= 2 && results[i].failure.kind == MF_AWS_TIMED_OUT)); /* a slow machine */
        assert_int_equal(results[i].response != NULL, is_tried);
        assert_false(results[i].failure.may_have_acted);
    }
    mf_aws_client_destroy(client);
}

static void without_memory_none_of_many_calls_begins(void **state)
{
    (void)state;
    mf_aws_client *client = created(MF_AWS_KINESIS);
    const mf_aws_call calls[] = {{.subject = "a", .path = "/"}, {.subject = "b", .path = "/"}};
    mf_aws_result results[2];
    mf_memory_fail_nth(1);
    mf_aws_call_many(client, calls, 2, results);
    mf_memory_fail_nth(0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(results[i].failure.kind, MF_AWS_LOCAL);
        assert_error(&results[i].failure.error, MF_ERR_MEMORY, "calls");
        assert_null(results[i].response);
    }
    mf_aws_client_destroy(client);
}

static void a_failure_becomes_an_error_with_the_same_sentence(void **state)
{
    (void)state;
    mf_aws_client *client = created(MF_AWS_KINESIS);
    char json[] = "{}";
    const mf_text body = {.bytes = json, .n_bytes = 2};
    const mf_aws_response *response;
    mf_aws_failure failure;
    mf_error err = {.code = MF_OK};
    assert_false(mf_aws_call_json(client, "T", &body, mf_clock_wall_ms() - 1, &response, &failure));
    assert_int_equal(failure.kind, MF_AWS_TIMED_OUT);
    assert_false(mf_aws_failure_to_error(&failure, &err));
    assert_error(&err, MF_ERR_IO, "T: no time is left to call Kinesis");
    mf_aws_client_destroy(client);
}

static void endpoints_have_names_of_one_form(void **state)
{
    (void)state;
    const char *const good[] = {"a", "A-1", "movies--2",
                                "a23456789012345678901234567890123456789012345678901234567890123"};
    const char *const bad[] = {
        "",    "-a",  "a-",
        "a_b", "a/b", "a b",
        "a.b", "é",   "a234567890123456789012345678901234567890123456789012345678901234"};
    mf_error err = {.code = MF_OK};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ok(mf_aws_endpoint_name_check(good[i], &err), err);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_error_clear(&err);
        assert_false(mf_aws_endpoint_name_check(bad[i], &err));
        assert_error(&err, MF_ERR_CONFIG, "not the name of an endpoint");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_memory_there_is_no_client, set_environment),
        cmocka_unit_test_setup(a_client_knows_its_endpoint, set_environment),
        cmocka_unit_test_setup(headers_that_cannot_be_signed_rightly_are_refused, set_environment),
        cmocka_unit_test_setup(each_of_many_calls_has_its_own_result, set_environment),
        cmocka_unit_test_setup(without_memory_none_of_many_calls_begins, set_environment),
        cmocka_unit_test_setup(a_failure_becomes_an_error_with_the_same_sentence, set_environment),
        cmocka_unit_test(endpoints_have_names_of_one_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
