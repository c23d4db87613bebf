/* test_aws_calls.c: GetObject (lambda/aws/s3.h) and InvokeEndpoint (lambda/aws/sagemaker_runtime.h)
 * between a client and a peer. */
#include "aws_testing.h"

#include "base/text.h"
#include "lambda/aws/request.h"
#include "lambda/aws/s3.h"
#include "lambda/aws/sagemaker_runtime.h"

static aws_peer peer;
static mf_aws_client *s3, *runtime;
static peer_response response;

static peer_response respond(void *context, size_t i, const char *head, const char *body)
{
    (void)context, (void)i, (void)head, (void)body;
    return response;
}

static int start(void **state)
{
    (void)state;
    mf_error err = {0};
    peer_start(&peer, respond, NULL);
    s3 = mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_S3}, &err);
    runtime =
        mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_SAGEMAKER_RUNTIME}, &err);
    return s3 == NULL || runtime == NULL;
}

static int end(void **state)
{
    (void)state;
    mf_aws_client_destroy(s3);
    mf_aws_client_destroy(runtime);
    peer_stop(&peer);
    return 0;
}

/* --------------------------------------------------------------------------- GetObject */

static bool begin(void *context, uint64_t n_bytes, mf_error *err)
{
    (void)err;
    mf_text_clear(context, SIZE_MAX);
    assert_true(n_bytes < 1000);
    return true;
}

static bool take(void *context, const char *bytes, size_t n, mf_error *err)
{
    mf_text_append(context, bytes, n);
    return n < 100 || mf_fail(err, MF_ERR_IO, MF_NOWHERE, "the disk is full");
}

static bool get(const char *etag, mf_text *text, mf_aws_s3_object *object, mf_aws_failure *failure)
{
    static const mf_aws_s3_location location = {"movies", "a b/ü.csv"};
    const mf_aws_s3_get get = {.location = &location,
                               .if_none_match = etag,
                               .sink = {begin, take, text},
                               .max_bytes = 500};
    peer_count(&peer);
    return mf_aws_s3_get_object(s3, &get, object, failure);
}

static void an_object_goes_to_the_sink_with_its_version(void **state)
{
    (void)state;
    mf_text text = MF_TEXT_EMPTY;
    mf_aws_s3_object object;
    mf_aws_failure failure;
    response = (peer_response){200, "hello", "ETag: \"v1\"\r\n"};
    assert_true(get(NULL, &text, &object, &failure));
    assert_int_equal(text.n_bytes, 5);
    assert_memory_equal(text.bytes, "hello", 5);
    assert_string_equal(object.etag, "\"v1\"");
    assert_int_equal(object.n_bytes, 5);
    assert_false(object.is_not_modified);
    const char *head = peer_head(&peer, peer_count(&peer) - 1);
    assert_non_null(strstr(head, "GET /movies/a%20b/%C3%BC.csv HTTP/1.1"));
    assert_non_null(strstr(head, "/eu-central-1/s3/aws4_request"));
    assert_null(strstr(head, "If-None-Match"));
    response = (peer_response){304, "", "ETag: \"v1\"\r\n"};
    assert_true(get("\"v1\"", &text, &object, &failure));
    assert_true(object.is_not_modified);
    assert_string_equal(object.etag, "\"v1\"");
    assert_non_null(strstr(peer_head(&peer, peer_count(&peer) - 1), "If-None-Match: \"v1\""));
    mf_text_free(&text);
}

static void an_object_that_cannot_be_had_says_why(void **state)
{
    (void)state;
    static char large[600], long_tag[400];
    memset(large, 'x', sizeof large - 1);
    snprintf(long_tag, sizeof long_tag, "ETag: \"%.300s\"\r\n", large);
    const struct {
        peer_response response;
        mf_aws_kind kind;
        const char *says;
    } cases[] = {
        {{404, "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>", NULL},
         MF_AWS_MISSING,
         "s3://movies/a b/ü.csv: S3 returned 404 NoSuchKey: gone"},
        {{301, "", "x-amz-bucket-region: eu-west-1\r\n"}, MF_AWS_WRONG_REGION, "eu-west-1"},
        {{304, "", NULL}, MF_AWS_LOCAL, "S3 returned 304, neither the object nor an error"},
        {{206, "x", NULL}, MF_AWS_LOCAL, "S3 returned 206"},
        {{200, large, NULL}, MF_AWS_TOO_LARGE, "larger than 500 bytes"},
    };
    mf_text text = MF_TEXT_EMPTY;
    mf_aws_s3_object object;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aws_failure failure;
        response = cases[i].response;
        assert_false(get(NULL, &text, &object, &failure));
        assert_int_equal(failure.kind, cases[i].kind);
        assert_error(&failure.error, failure.error.code, cases[i].says);
    }
    mf_aws_failure failure;
    large[200] = '\0';
    response = (peer_response){200, large, NULL};
    assert_false(get(NULL, &text, &object, &failure));
    assert_error(&failure.error, MF_ERR_IO, "the disk is full");
    response = (peer_response){200, "x", long_tag};
    assert_true(get(NULL, &text, &object, &failure));
    assert_string_equal(object.etag, "");
    mf_text_free(&text);
}

static void a_uri_is_an_object_or_a_path(void **state)
{
    (void)state;
    static const char *const good[] = {"s3://movies/a", "/tmp/movies.csv", "movies.csv"};
    static const char *const bad[] = {"s3://m/a", "s3://movies/", "https://x/y", "s3://movies"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(mf_aws_s3_uri_check("MOVIES_URI", good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_error err = {0};
        assert_false(mf_aws_s3_uri_check("MOVIES_URI", bad[i], &err));
        assert_error(&err, MF_ERR_CONFIG, "environment variable MOVIES_URI");
    }
}

/* ----------------------------------------------------------------------- InvokeEndpoint */

static bool invoke(const mf_aws_invocation *invocation, mf_aws_inference *inference,
                   mf_aws_failure *failure)
{
    peer_count(&peer);
    return mf_aws_invoke_endpoint(runtime, invocation, inference, failure);
}

static void an_endpoint_gets_parameters_as_headers(void **state)
{
    (void)state;
    mf_aws_inference inference;
    mf_aws_failure failure;
    const mf_aws_invocation invocation = {
        .endpoint_name = "movies-1",
        .content_type = "application/json",
        .target_variant = "blue",
        .custom_attributes = "a=b",
        .body = "{\"userId\":\"2\"}",
        .n_body = 14,
    };
    response = (peer_response){200, "{\"x\":1}",
                               "Content-Type: application/json\r\n"
                               "x-Amzn-Invoked-Production-Variant: blue\r\n"
                               "X-Amzn-SageMaker-Custom-Attributes: c=d\r\n"};
    assert_true(invoke(&invocation, &inference, &failure));
    assert_int_equal(inference.n_body, 7);
    assert_memory_equal(inference.body, "{\"x\":1}", 7);
    assert_string_equal(inference.content_type, "application/json");
    assert_string_equal(inference.variant, "blue");
    assert_string_equal(inference.custom_attributes, "c=d");
    const size_t last = peer_count(&peer) - 1;
    assert_non_null(
        strstr(peer_head(&peer, last), "POST /endpoints/movies-1/invocations HTTP/1.1"));
    assert_non_null(strstr(peer_head(&peer, last), "X-Amzn-SageMaker-Target-Variant: blue"));
    assert_non_null(strstr(peer_head(&peer, last), "X-Amzn-SageMaker-Custom-Attributes: a=b"));
    assert_null(strstr(peer_head(&peer, last), "Inference-Id"));
    assert_string_equal(peer_body(&peer, last), "{\"userId\":\"2\"}");
}

static void what_sagemaker_would_reject_is_not_sent(void **state)
{
    (void)state;
    static char attributes[MF_AWS_ATTRIBUTES_BYTES + 1];
    memset(attributes, 'a', sizeof attributes - 1);
    const struct {
        mf_aws_invocation invocation;
        mf_aws_kind kind;
        const char *says;
    } cases[] = {
        {{.endpoint_name = "-x", .content_type = "a/b"}, MF_AWS_LOCAL, "not the name of an endp"},
        {{.endpoint_name = "x", .content_type = NULL}, MF_AWS_LOCAL, "without Content-Type"},
        {{.endpoint_name = "x", .content_type = "a/b", .n_body = MF_AWS_INVOKE_BODY_BYTES + 1},
         MF_AWS_TOO_LARGE,
         "SageMaker takes 6291456"},
        {{.endpoint_name = "x", .content_type = "a/b", .custom_attributes = attributes},
         MF_AWS_LOCAL,
         "1024 are allowed"},
        {{.endpoint_name = "x", .content_type = " a/b"}, MF_AWS_LOCAL, "blank at an end"},
        {{.endpoint_name = "x", .content_type = "a\nb"}, MF_AWS_LOCAL, "not visible ASCII"},
    };
    const size_t n = peer_count(&peer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aws_inference inference;
        mf_aws_failure failure;
        assert_false(invoke(&cases[i].invocation, &inference, &failure));
        assert_int_equal(failure.kind, cases[i].kind);
        assert_error(&failure.error, failure.error.code, cases[i].says);
    }
    assert_int_equal(peer_count(&peer), n);
}

static void a_container_that_rejects_is_told_from_one_that_breaks(void **state)
{
    (void)state;
    mf_aws_inference inference;
    mf_aws_failure failure;
    const mf_aws_invocation invocation = {.endpoint_name = "x", .content_type = "a/b"};
    response =
        (peer_response){424, "{\"OriginalStatusCode\":400,\"OriginalMessage\":\"top_n\"}", NULL};
    size_t n = peer_count(&peer);
    assert_false(invoke(&invocation, &inference, &failure));
    assert_int_equal(failure.kind, MF_AWS_MODEL);
    assert_int_equal(failure.original_status, 400);
    assert_string_equal(failure.original_message, "top_n");
    assert_int_equal(peer_count(&peer) - n, 1);
    response = (peer_response){424, "{\"OriginalStatusCode\":500}", NULL};
    n = peer_count(&peer);
    assert_false(invoke(&invocation, &inference, &failure));
    assert_int_equal(failure.original_status, 500);
    assert_int_equal(peer_count(&peer) - n, MF_AWS_MODEL_TRIES);
}

/* ---------------------------------------------------------------------- the connections */

/* The first label is too long for a name, so that no name server is needed to reject it. */
static void a_name_that_is_not_found_does_not_spoil_its_connection(void **state)
{
    (void)state;
    static const char unknown[] =
        "http://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid/";
    char known[64];
    mf_error err = {0};
    mf_aws_response got = {0};
    mf_aws_connections *connections = mf_aws_connections_create(1, &err);
    assert_ok(connections != NULL, err);
    snprintf(known, sizeof known, "http://127.0.0.1:%u/", peer.port);
    const char *const urls[] = {unknown, unknown, known};
    response = (peer_response){200, NULL, NULL};
    for (size_t i = 0; i < 3; i++) {
        const mf_aws_request request = {
            .url = urls[i], .service = "", .timeout_ms = 10000, .connect_timeout_ms = 10000};
        mf_aws_response_start(&got, NULL, 100);
        mf_aws_connections_start(connections, 0, &request, &got);
        assert_int_equal(mf_aws_connections_wait(connections, 20000, -1), 0);
        assert_int_equal(got.transfer,
                         i < 2 ? MF_AWS_TRANSFER_NOT_CONNECTED : MF_AWS_TRANSFER_COMPLETE);
    }
    mf_aws_response_free(&got);
    mf_aws_connections_destroy(connections);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_goes_to_the_sink_with_its_version),
        cmocka_unit_test(an_object_that_cannot_be_had_says_why),
        cmocka_unit_test(a_uri_is_an_object_or_a_path),
        cmocka_unit_test(an_endpoint_gets_parameters_as_headers),
        cmocka_unit_test(what_sagemaker_would_reject_is_not_sent),
        cmocka_unit_test(a_name_that_is_not_found_does_not_spoil_its_connection),
        cmocka_unit_test(a_container_that_rejects_is_told_from_one_that_breaks),
    };
    return cmocka_run_group_tests(tests, start, end);
}
