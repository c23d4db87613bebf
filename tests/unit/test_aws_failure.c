#include "testing.h"

#include "lambda/aws/failure.h"

#include <zlib.h>

static const mf_aws_credentials keys = {"AKID", "s3cr3t/+value", "T0ken//+value=="};

/* The failure of a response: status, further header lines and body. */
static mf_aws_failure classified(mf_aws_service service, int status, const char *headers,
                                 const char *body)
{
    const mf_aws_endpoint endpoint = {.service = service, .region = "eu-central-1"};
    mf_aws_response response = {.status = 0};
    mf_aws_failure failure = {.n_tries = 2};
    char head[1024];
    mf_aws_response_start(&response, NULL, 1000);
    snprintf(head, sizeof head, "HTTP/1.1 %d Because\r\nContent-Length: %zu\r\n%s\r\n", status,
             strlen(body), headers);
    for (char *line = head; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(mf_aws_response_take_header(&response, line, strcspn(line, "\n") + 1));
    assert_true(mf_aws_response_take_body(&response, body, strlen(body)));
    const bool ok = mf_aws_classify_response(&response, &endpoint, "subject", &keys, &failure);
    assert_int_equal(ok, failure.kind == MF_AWS_FINE);
    assert_int_equal(failure.n_tries, 2);
    assert_int_equal(failure.status, status);
    if (!ok) {
        assert_true(failure.error.code != MF_OK);
        assert_memory_equal(failure.error.text, "subject: ", 9);
    }
    mf_aws_response_free(&response);
    return failure;
}

static void each_status_has_its_kind(void **state)
{
    (void)state;
    static const struct {
        int status;
        mf_aws_kind kind;
        bool is_retriable;
    } cases[] = {
        {200, MF_AWS_FINE, false},     {204, MF_AWS_FINE, false},
        {301, MF_AWS_REJECTED, false}, {304, MF_AWS_REJECTED, false},
        {400, MF_AWS_REJECTED, false}, {401, MF_AWS_DENIED, false},
        {403, MF_AWS_DENIED, false},   {404, MF_AWS_MISSING, false},
        {412, MF_AWS_REJECTED, false}, {413, MF_AWS_TOO_LARGE, false},
        {424, MF_AWS_MODEL, true},     {429, MF_AWS_THROTTLED, true},
        {500, MF_AWS_SERVER, true},    {501, MF_AWS_SERVER, false},
        {502, MF_AWS_SERVER, true},    {503, MF_AWS_SERVER, true},
        {504, MF_AWS_SERVER, true},    {505, MF_AWS_SERVER, false},
        {530, MF_AWS_SERVER, true},    {599, MF_AWS_SERVER, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_aws_failure failure = classified(MF_AWS_KINESIS, cases[i].status, "", "");
        assert_int_equal(failure.kind, cases[i].kind);
        assert_int_equal(failure.is_retriable, cases[i].is_retriable);
    }
    assert_int_equal(classified(MF_AWS_S3, 304, "", "").kind, MF_AWS_FINE);
}

/* Checklist 56 (docs/lambda.md). */
static void a_code_in_the_header_says_more_than_status_and_body(void **state)
{
    (void)state;
    const char *header = "X-Amzn-ErrorType: ThrottlingException:http://internal.amazon.com/\r\n"
                         "x-amzn-RequestId: r-1\r\nx-amz-retry-after: 1500\r\n";
    mf_aws_failure failure =
        classified(MF_AWS_SAGEMAKER_RUNTIME, 400, header, "{\"message\":null}");
    assert_int_equal(failure.kind, MF_AWS_THROTTLED);
    assert_true(failure.is_retriable);
    assert_false(failure.may_have_acted);
    assert_string_equal(failure.code, "ThrottlingException");
    assert_string_equal(failure.request_id, "r-1");
    assert_int_equal(failure.retry_after_ms, 1500);
    assert_string_equal(failure.error.text, "subject: SageMaker Runtime returned 400 "
                                            "ThrottlingException (request r-1)");
    failure = classified(MF_AWS_SAGEMAKER_RUNTIME, 400, "x-amzn-ErrorType: ValidationError\r\n",
                         "{\"Message\":\"Endpoint x not found.\"}");
    assert_int_equal(failure.kind, MF_AWS_REJECTED);
    assert_false(failure.is_retriable);
    assert_string_equal(failure.error.text, "subject: SageMaker Runtime returned 400 "
                                            "ValidationError: Endpoint x not found.");
}

/* Checklist 57. */
static void a_models_error_has_the_containers_status(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int original_status;
        bool is_retriable;
    } cases[] = {
        {"{\"OriginalStatusCode\":400}", 400, false},
        {"{\"OriginalStatusCode\":499}", 499, false},
        {"{\"OriginalStatusCode\":500}", 500, true},
        {"{\"OriginalStatusCode\":599}", 599, true},
        {"{\"OriginalStatusCode\":0}", 0, true},
        {"{\"OriginalStatusCode\":4000000000000}", 0, true},
        {"{\"OriginalStatusCode\":\"400\"}", 0, true},
        {"{}", 0, true},
        {"", 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_aws_failure failure = classified(
            MF_AWS_SAGEMAKER_RUNTIME, 424, "x-amzn-errortype: ModelError\r\n", cases[i].body);
        assert_int_equal(failure.kind, MF_AWS_MODEL);
        assert_int_equal(failure.original_status, cases[i].original_status);
        assert_int_equal(failure.is_retriable, cases[i].is_retriable);
    }
    const mf_aws_failure failure =
        classified(MF_AWS_SAGEMAKER_RUNTIME, 424, "",
                   "{\"Message\":\"from user 7\",\"OriginalMessage\":\"user 7 is unknown\"}");
    assert_null(strstr(failure.error.text, "user 7"));
    assert_string_equal(failure.original_message, "user 7 is unknown");
}

static void without_a_response_the_transfer_decides(void **state)
{
    (void)state;
    static const struct {
        mf_aws_transfer transfer;
        mf_aws_kind kind;
        bool is_retriable;
    } cases[] = {
        {MF_AWS_TRANSFER_NOT_CONNECTED, MF_AWS_UNREACHABLE, true},
        {MF_AWS_TRANSFER_BROKEN, MF_AWS_UNREACHABLE, true},
        {MF_AWS_TRANSFER_TIMED_OUT, MF_AWS_TIMED_OUT, true},
        {MF_AWS_TRANSFER_UNTRUSTED, MF_AWS_UNTRUSTED, false},
        {MF_AWS_TRANSFER_TOO_LARGE, MF_AWS_TOO_LARGE, false},
        {MF_AWS_TRANSFER_SINK_FAILED, MF_AWS_LOCAL, false},
        {MF_AWS_TRANSFER_LOCAL, MF_AWS_LOCAL, false},
    };
    const mf_aws_endpoint endpoint = {.service = MF_AWS_S3, .region = "eu-central-1"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int sent = 0; sent < 2; sent++) {
            mf_aws_response response = {.status = 200, .was_sent = sent};
            mf_aws_failure failure = {.n_tries = 1};
            response.transfer = cases[i].transfer;
            mf_fail(&response.why, MF_ERR_PARSE, MF_NOWHERE, "because");
            assert_false(
                mf_aws_classify_response(&response, &endpoint, "s3://b/k", &keys, &failure));
            assert_int_equal(failure.kind, cases[i].kind);
            assert_int_equal(failure.is_retriable, cases[i].is_retriable);
            assert_int_equal(failure.may_have_acted, sent);
            assert_non_null(strstr(failure.error.text, "s3://b/k"));
            assert_non_null(strstr(failure.error.text, "because"));
        }
    }
}

static void codes_are_found_in_every_shape_of_body(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *code;
        const char *message;
        const char *region;
    } cases[] = {
        {"{\"__type\":\"ns.v1#Name\",\"message\":\"m\"}", "Name", "m", ""},
        {" \r\n{\"code\":\"Name:http://x/#y\",\"Message\":\"m\"}", "Name", "m", ""},
        {"{\"__type\":7,\"code\":\"Name\",\"message\":null,\"Message\":\"m\"}", "Name", "m", ""},
        {"{\"message\":\"first\\nsecond\"}", "", "first", ""},
        {"{\"message\":\"a\\u0000b\\u0007\"}", "", "a\\x00b\\x07", ""},
        {"{\"message\":[]}", "", "", ""},
        {"{", "", "", ""},
        {"[]", "", "", ""},
        {"null", "", "", ""},
        {"", "", "", ""},
        {"  ", "", "", ""},
        {"<Error><Code>NoSuchKey</Code><Message>m</Message></Error>", "NoSuchKey", "m", ""},
        {"<?xml?>\n<Error><Region>eu-west-1</Region><Code>A</Code></Error>", "A", "", "eu-west-1"},
        {"<Error><Code>NoSuchKey</Error>", "", "", ""},
        {"<Code></Code>", "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aws_error_body read;
        mf_aws_error_body_read(cases[i].body, strlen(cases[i].body), &keys, &read);
        assert_string_equal(read.code, cases[i].code);
        assert_string_equal(read.message, cases[i].message);
        assert_string_equal(read.region, cases[i].region);
    }
}

static void no_prefix_of_a_body_is_read_too_far(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"__type\":\"ns#Name:x\",\"message\":\"m\",\"OriginalStatusCode\":500}",
        "<Error><Code>NoSuchKey</Code><Message>m</Message><Region>r</Region></Error>",
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n <= strlen(bodies[i]); n++) {
            mf_aws_error_body read;
            char *exact = malloc(n > 0 ? n : 1);
            memcpy(exact, bodies[i], n);
            mf_aws_error_body_read(exact, n, NULL, &read);
            free(exact);
        }
    }
}

/* Checklist 32. */
static void what_quotes_a_secret_is_left_out(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"message\":\"wrong: s3cr3t\\/+value\"}",
        "{\"message\":\"line\\n\\nx-amz-security-token:T0ken//+value==\\n\"}",
        "{\"OriginalMessage\":\"T0ken//+value==\",\"message\":\"\"}",
        "<Error><Message>s3cr3t/+value</Message></Error>",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const mf_aws_failure failure = classified(MF_AWS_KINESIS, 403, "", bodies[i]);
        assert_null(strstr(failure.error.text, "value"));
        assert_null(strstr(failure.original_message, "value"));
    }
    const mf_aws_failure failure =
        classified(MF_AWS_KINESIS, 403, "x-amzn-ErrorType: T0ken//+value==\r\n", "");
    assert_string_equal(failure.code, "");
    assert_null(strstr(failure.error.text, "value"));
}

/* Checklist 53. */
static void a_redirect_of_s3_names_both_regions(void **state)
{
    (void)state;
    mf_aws_failure failure = classified(MF_AWS_S3, 301, "x-amz-bucket-region: us-west-2\r\n", "");
    assert_int_equal(failure.kind, MF_AWS_WRONG_REGION);
    assert_string_equal(failure.other_region, "us-west-2");
    assert_non_null(strstr(failure.error.text, "us-west-2"));
    assert_non_null(strstr(failure.error.text, "eu-central-1"));
    failure = classified(MF_AWS_S3, 403, "x-amz-bucket-region: us-west-2\r\n", "");
    assert_int_equal(failure.kind, MF_AWS_DENIED);
}

/* Checklist 82. */
static void a_body_is_held_against_its_crc_32(void **state)
{
    (void)state;
    char header[64];
    const unsigned long crc = crc32(0, (const Bytef *)"{}", 2);
    snprintf(header, sizeof header, "x-amz-crc32: %lu\r\n", crc);
    assert_int_equal(classified(MF_AWS_DYNAMODB, 200, header, "{}").kind, MF_AWS_FINE);
    const mf_aws_failure failure = classified(MF_AWS_DYNAMODB, 200, header, "[]");
    assert_int_equal(failure.kind, MF_AWS_UNREACHABLE);
    assert_true(failure.is_retriable && failure.may_have_acted);
    assert_int_equal(classified(MF_AWS_DYNAMODB, 200, "x-amz-crc32: x\r\n", "{}").kind,
                     MF_AWS_FINE);
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = 1; kind < MF_AWS_KINDS; kind++)
        assert_true(strlen(mf_aws_kind_name((mf_aws_kind)kind)) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_status_has_its_kind),
        cmocka_unit_test(a_code_in_the_header_says_more_than_status_and_body),
        cmocka_unit_test(a_models_error_has_the_containers_status),
        cmocka_unit_test(without_a_response_the_transfer_decides),
        cmocka_unit_test(codes_are_found_in_every_shape_of_body),
        cmocka_unit_test(no_prefix_of_a_body_is_read_too_far),
        cmocka_unit_test(what_quotes_a_secret_is_left_out),
        cmocka_unit_test(a_redirect_of_s3_names_both_regions),
        cmocka_unit_test(a_body_is_held_against_its_crc_32),
        cmocka_unit_test(every_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
