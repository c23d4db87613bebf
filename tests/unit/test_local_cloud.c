/* test_local_cloud.c: local-cloud on a thread of this process. The test is its clients, the runtime
 * of its function (whose process only sleeps), the container of its endpoint and its Kinesis. */
#include "environment_testing.h"
#include "http_testing.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/memory.h"
#include "local/cloud.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

static char *folder;
static char *port_path, *api_path, *failure_path;
static mf_local_settings settings;
static pthread_t thread;
static uint16_t port;
static mf_http_server *peer; /* the container or Kinesis; NULL: none */

/* ------------------------------------------------------------- start and stop */

static void *run(void *argument)
{
    static mf_error err;
    mf_error_clear(&err);
    if (!mf_local_run(&settings, &err))
        fprintf(stderr, "local-cloud: %s\n", err.text);
    return argument;
}

/* A function whose process writes the address of its Runtime API to a file and sleeps. */
static void add_sleeper(const char *name)
{
    mf_error err = {0};
    mf_local_function_settings *f = mf_local_settings_add_function(&settings, name, &err);
    assert_non_null(f);
    assert_ok(mf_local_function_settings_add_word(f, "/bin/sh", &err), err);
    assert_ok(mf_local_function_settings_add_word(f, "-c", &err), err);
    assert_ok(mf_local_function_settings_add_word(
                  f,
                  "echo a line; echo $AWS_LAMBDA_RUNTIME_API > $API_PATH.new; "
                  "mv $API_PATH.new $API_PATH; exec sleep 600",
                  &err),
              err);
    assert_ok(mf_local_function_settings_add_variable(f, "API_PATH", api_path, &err), err);
}

static void set(mf_settings *table, const char *name, const char *value)
{
    mf_error err = {0};
    assert_ok(mf_local_settings_set(table, name, value, &err), err);
}

static int set_up(void **state)
{
    (void)state;
    mf_error err = {0};
    testing_environment(PAIRS("PATH", "/usr/bin:/bin", "TMPDIR", "/tmp"));
    folder = testing_folder();
    port_path = testing_path(folder, "port");
    api_path = testing_path(folder, "api");
    failure_path = testing_path(folder, "failures.jsonl");
    assert_ok(mf_local_settings_start(&settings, &err), err);
    set(&settings.table, "port", "0");
    set(&settings.table, "port-file", port_path);
    set(&settings.table, "log", "functions");
    set(&settings.table, "poll-seconds", "0.02");
    add_sleeper("f");
    return 0;
}

static void start_cloud(void)
{
    mf_error err = {0};
    char *text = NULL;
    size_t n;
    assert_ok(mf_local_settings_check(&settings, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
    assert_soon(mf_file_exists(port_path));
    assert_ok(mf_file_read(port_path, 100, &text, &n, &err), err);
    port = (uint16_t)strtoul(text, NULL, 10);
    mf_free(text);
}

static int tear_down(void **state)
{
    (void)state;
    kill(getpid(), SIGTERM);
    pthread_join(thread, NULL);
    if (peer != NULL) {
        mf_http_server_drain(peer, PATIENCE_MS);
        mf_http_server_destroy(peer);
    }
    peer = NULL;
    mf_local_settings_free(&settings);
    testing_folder_remove(folder);
    free(port_path);
    free(api_path);
    free(failure_path);
    return 0;
}

static void start_peer(const mf_http_route *route, const mf_http_settings *more)
{
    mf_error err = {0};
    mf_http_settings of = more != NULL ? *more : test_settings();
    peer = mf_http_server_create(&of, route, 1, &err);
    if (peer == NULL || !mf_http_server_start(peer, &err))
        fail_msg("%s", err.text);
}

/* -------------------------------------------------------------------- clients */

static void send_request(client *c, const char *head, const char *body)
{
    mf_text text = MF_TEXT_EMPTY;
    mf_text_format(&text, "%s\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
    send_bytes(c, text.bytes, text.n_bytes);
    mf_text_free(&text);
}

static const response *request(const char *head, const char *body)
{
    static response r;
    client *c = open_client_at(port);
    send_request(c, head, body);
    if (!read_response(c, &r))
        fail_msg("no response to %s", head);
    close_client(c);
    return &r;
}

static void assert_response(const response *r, int status, const char *piece)
{
    if (r->status != status || strstr(r->body, piece) == NULL)
        fail_msg("expected %d with %s, got %s%s", status, piece, r->head, r->body);
}

#define INVOKE(name) "POST /2015-03-31/functions/" name "/invocations HTTP/1.1\r\nHost: h"

/* ------------------------------------------------------------------ the runtime */

static client *open_runtime(void)
{
    mf_error err = {0};
    char *text = NULL;
    size_t n;
    assert_soon(mf_file_exists(api_path));
    assert_ok(mf_file_read(api_path, 100, &text, &n, &err), err);
    const char *colon = memchr(text, ':', n);
    assert_non_null(colon);
    client *c = open_client_at((uint16_t)strtoul(colon + 1, NULL, 10));
    mf_free(text);
    return c;
}

/* The next event; its identifier into id. */
static json_t *next_event(client *runtime, char id[64], response *r)
{
    send_text(runtime, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(read_response(runtime, r));
    assert_int_equal(r->status, 200);
    snprintf(id, 64, "%.63s", header_of(r, "Lambda-Runtime-Aws-Request-Id"));
    json_t *event = json_loadb(r->body, r->n_body, JSON_DECODE_ANY, NULL);
    if (event == NULL)
        fail_msg("an event that is not JSON: %s", r->body);
    return event;
}

static const response *post_to_runtime(client *runtime, const char *id, const char *what,
                                       const char *body)
{
    static response r;
    char head[200];
    snprintf(head, sizeof head, "POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nHost: h", id,
             what);
    send_request(runtime, head, body);
    assert_true(read_response(runtime, &r));
    return &r;
}

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "(none)";
}

/* ------------------------------------------------------------------ invocations */

static void an_invocation_reaches_the_runtime_and_its_response_the_caller(void **state)
{
    (void)state;
    char id[64];
    response of_next, r;
    start_cloud();
    client *caller = open_client_at(port);
    send_request(caller,
                 INVOKE("f") "\r\nX-Amz-Log-Type: Tail\r\nX-Amzn-Trace-Id: Root=1-2-3\r\n"
                             "X-Amz-Client-Context: eyJhIjoxfQ==",
                 "{\"n\":1}");
    client *runtime = open_runtime();
    json_t *event = next_event(runtime, id, &of_next);
    assert_int_equal(json_integer_value(json_object_get(event, "n")), 1);
    assert_string_equal(header_of(&of_next, "Lambda-Runtime-Trace-Id"), "Root=1-2-3");
    assert_string_equal(header_of(&of_next, "Lambda-Runtime-Client-Context"), "{\"a\":1}");
    assert_string_equal(header_of(&of_next, "Lambda-Runtime-Invoked-Function-Arn"),
                        "arn:aws:lambda:us-east-1:123456789012:function:f");
    assert_response(post_to_runtime(runtime, id, "response", "{\"ok\":true}"), 202,
                    "{\"status\":\"OK\"}");
    assert_true(read_response(caller, &r));
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"ok\":true}");
    assert_string_equal(header_of(&r, "x-amzn-RequestId"), id);
    assert_string_equal(header_of(&r, "X-Amzn-Trace-Id"), "Root=1-2-3");
    assert_null(header_of(&r, "X-Amz-Function-Error"));
    mf_text tail = MF_TEXT_EMPTY;
    const char *encoded = header_of(&r, "X-Amz-Log-Result");
    assert_true(mf_base64_decode(&tail, encoded, strlen(encoded)));
    assert_non_null(memmem(tail.bytes, tail.n_bytes, "START RequestId: ", 17));
    assert_non_null(memmem(tail.bytes, tail.n_bytes, "\tMemory Size: 128 MB\t", 21));
    mf_text_free(&tail);
    json_decref(event);
    close_client(runtime);
    close_client(caller);
}

static void the_states_of_the_runtime_api_are_checked(void **state)
{
    (void)state;
    char id[64];
    response of_next;
    start_cloud();
    client *caller = open_client_at(port);
    send_request(caller, INVOKE("f"), "{}");
    client *runtime = open_runtime();
    assert_response(post_to_runtime(runtime, "unknown", "response", "{}"), 400, "InvalidRequestID");
    json_decref(next_event(runtime, id, &of_next));
    assert_response(post_to_runtime(runtime, "unknown", "response", "{}"), 400, "InvalidRequestID");
    assert_response(post_to_runtime(runtime, id, "nothing", "{}"), 404, "NotFound");
    assert_response(
        post_to_runtime(runtime, id, "error", "{\"errorType\":\"E\",\"errorMessage\":\"m\"}"), 202,
        "OK");
    assert_response(post_to_runtime(runtime, id, "response", "{}"), 403, "InvalidStateTransition");
    response r;
    assert_true(read_response(caller, &r));
    assert_string_equal(header_of(&r, "X-Amz-Function-Error"), "Unhandled");
    assert_string_equal(r.body, "{\"errorType\":\"E\",\"errorMessage\":\"m\"}");
    close_client(runtime);
    close_client(caller);
}

static void invocations_that_lambda_refuses_are_refused(void **state)
{
    (void)state;
    start_cloud();
    assert_response(request(INVOKE("g"), "{}"), 404, "Function not found: arn:aws:lambda:");
    assert_response(request(INVOKE("f:2"), "{}"), 404, "function:f:2");
    assert_response(request(INVOKE("f"), "{"), 400, "Could not parse request body into json");
    assert_response(request(INVOKE("f") "\r\nX-Amz-Client-Context: !", "{}"), 400,
                    "Client context must be a valid Base64-encoded JSON object.");
    assert_response(request(INVOKE("f") "\r\nX-Amz-Invocation-Type: Later", "{}"), 400,
                    "X-Amz-Invocation-Type is none of RequestResponse, Event, DryRun");
    assert_response(request("GET /2015-03-31/functions/f HTTP/1.1\r\nHost: h", ""), 404,
                    "only Invoke");
    assert_int_equal(request(INVOKE("f") "\r\nX-Amz-Invocation-Type: DryRun", "{}")->status, 204);
    assert_int_equal(request(INVOKE("f") "\r\nX-Amz-Invocation-Type: Event", "{}")->status, 202);
    client *runtime = open_runtime(); /* the event was taken */
    char id[64];
    response of_next;
    json_decref(next_event(runtime, id, &of_next));
    assert_response(post_to_runtime(runtime, id, "response", "1"), 202, "OK");
    close_client(runtime);
}

static void a_program_that_ends_or_cannot_start_fails_its_invocation(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_local_function_settings *ends = mf_local_settings_add_function(&settings, "ends", &err);
    assert_ok(mf_local_function_settings_add_word(ends, "/bin/false", &err), err);
    mf_local_function_settings *absent = mf_local_settings_add_function(&settings, "absent", &err);
    assert_ok(mf_local_function_settings_add_word(absent, "/no/such/program", &err), err);
    add_sleeper("slow");
    set(&settings.functions[3].table, "timeout", "0.1");
    start_cloud();
    const response *r = request(INVOKE("ends"), "{}");
    assert_response(r, 200, "Error: Runtime exited with error: exit status 1\"}");
    assert_string_equal(header_of(r, "X-Amz-Function-Error"), "Unhandled");
    assert_response(request(INVOKE("absent"), "{}"), 200, "Runtime.InvalidEntrypoint");

    client *caller = open_client_at(port);
    send_request(caller, INVOKE("slow"), "{}");
    client *runtime = open_runtime();
    char id[64];
    response of_next, late;
    json_decref(next_event(runtime, id, &of_next));
    assert_true(read_response(caller, &late));
    assert_response(&late, 200, "Error: Task timed out after 0.10 seconds");
    close_client(runtime);
    close_client(caller);
}

/* --------------------------------------------------------------------- the API */

static void a_route_makes_an_event_and_a_response_of_it(void **state)
{
    (void)state;
    char id[64];
    response of_next, r;
    mf_error err = {0};
    assert_ok(mf_local_settings_add_route(&settings, "POST /movies/{id}", "f", "1.0", &err), err);
    assert_ok(mf_local_settings_add_route(&settings, "ANY /v2", "f", "2.0", &err), err);
    assert_ok(mf_local_settings_add_route(&settings, "POST /bare", "f", "none", &err), err);
    start_cloud();
    client *caller = open_client_at(port);
    client *runtime = NULL;

    send_request(caller, "POST /local/movies/a%20b?x=1&x=2 HTTP/1.1\r\nHost: h\r\nX-A: b", "hello");
    runtime = open_runtime();
    json_t *event = next_event(runtime, id, &of_next);
    assert_string_equal(text_at(event, "resource"), "/movies/{id}");
    assert_string_equal(text_at(event, "path"), "/movies/a%20b");
    assert_string_equal(text_at(json_object_get(event, "pathParameters"), "id"), "a b");
    assert_string_equal(text_at(json_object_get(event, "queryStringParameters"), "x"), "2");
    assert_string_equal(text_at(event, "body"), "hello");
    assert_string_equal(text_at(json_object_get(event, "requestContext"), "stage"), "local");
    json_decref(event);
    assert_int_equal(post_to_runtime(runtime, id, "response",
                                     "{\"statusCode\":201,\"headers\":{\"X-B\":\"c\"},"
                                     "\"body\":\"aGk=\",\"isBase64Encoded\":false}")
                         ->status,
                     202);
    assert_true(read_response(caller, &r));
    assert_int_equal(r.status, 201);
    assert_string_equal(r.body, "aGk=");
    assert_string_equal(header_of(&r, "X-B"), "c");

    send_request(caller, "PUT /v2 HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=2", "");
    event = next_event(runtime, id, &of_next);
    assert_string_equal(text_at(event, "version"), "2.0");
    assert_string_equal(text_at(event, "routeKey"), "ANY /v2");
    assert_string_equal(json_string_value(json_array_get(json_object_get(event, "cookies"), 1)),
                        "b=2");
    json_decref(event);
    assert_int_equal(post_to_runtime(runtime, id, "response", "[1,2]")->status, 202);
    assert_true(read_response(caller, &r));
    assert_response(&r, 200, "[1,2]");

    send_request(caller, "POST /bare HTTP/1.1\r\nHost: h", "[3]");
    event = next_event(runtime, id, &of_next);
    assert_int_equal(json_integer_value(json_array_get(event, 0)), 3);
    json_decref(event);
    assert_int_equal(post_to_runtime(runtime, id, "response", "4")->status, 202);
    assert_true(read_response(caller, &r));
    assert_response(&r, 200, "4");

    send_request(caller, "POST /movies/x HTTP/1.1\r\nHost: h", "");
    json_decref(next_event(runtime, id, &of_next));
    assert_int_equal(post_to_runtime(runtime, id, "response", "{\"status\":1}")->status, 202);
    assert_true(read_response(caller, &r));
    assert_response(&r, 502, "{\"message\":\"Internal server error\"}");

    assert_response(request("GET /movies/x HTTP/1.1\r\nHost: h", ""), 403,
                    "Missing Authentication Token");
    assert_response(request("POST /bare HTTP/1.1\r\nHost: h", "{"), 400,
                    "Could not parse request body");
    assert_response(request("POST /bare?a=%zz HTTP/1.1\r\nHost: h", "1"), 400, "Bad Request");
    close_client(runtime);
    close_client(caller);
}

static void the_api_gives_up_after_its_own_time_and_at_its_rate(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(mf_local_settings_add_route(&settings, "POST /p", "f", "1.0", &err), err);
    set(&settings.table, "gateway-timeout", "0.05");
    set(&settings.table, "rate", "0.001");
    start_cloud();
    assert_response(request("POST /p HTTP/1.1\r\nHost: h", "x"), 504, "Endpoint request timed out");
    assert_response(request("POST /p HTTP/1.1\r\nHost: h", "x"), 429, "Too Many Requests");
}

/* ---------------------------------------------------------------- the endpoint */

static void handle_container(mf_http_request *request_, void *context)
{
    (void)context;
    const mf_http_view body = mf_http_get_body(request_);
    const mf_http_view sent = mf_http_get_header(request_, "X-Amzn-SageMaker-Custom-Attributes");
    const bool bad = body.n_bytes == 3 && memcmp(body.bytes, "bad", 3) == 0;
    mf_text_append(mf_http_response(request_), body.bytes, body.n_bytes);
    mf_http_set_header(request_, "X-Amzn-SageMaker-Custom-Attributes", sent.bytes, sent.n_bytes);
    mf_http_set_header(request_, "X-Other", "dropped", 7);
    mf_http_respond(request_, bad ? 400 : 200, "text/csv");
}

static void an_endpoint_forwards_to_its_container(void **state)
{
    (void)state;
    static const mf_http_route route = {
        .path = "/invocations", .methods = MF_HTTP_POST, .handle = handle_container};
    char url[64];
    mf_error err = {0};
    start_peer(&route, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", mf_http_server_port(peer));
    assert_ok(mf_local_settings_add_endpoint(&settings, "movies", url, &err), err);
    assert_ok(mf_local_settings_add_endpoint(&settings, "gone", "http://127.0.0.1:1", &err), err);
    start_cloud();
#define ENDPOINT(name) "POST /endpoints/" name "/invocations HTTP/1.1\r\nHost: h"
    const response *r =
        request(ENDPOINT("movies") "\r\nX-Amzn-SageMaker-Custom-Attributes: a=1", "1,2");
    assert_response(r, 200, "1,2");
    assert_string_equal(header_of(r, "Content-Type"), "text/csv");
    assert_string_equal(header_of(r, "X-Amzn-SageMaker-Custom-Attributes"), "a=1");
    assert_string_equal(header_of(r, "x-Amzn-Invoked-Production-Variant"), "AllTraffic");
    assert_null(header_of(r, "X-Other"));
    r = request(ENDPOINT("movies"), "bad");
    assert_response(r, 424, "{\"ErrorCode\":\"CLIENT_ERROR_FROM_MODEL\",");
    assert_response(r, 424, "\"OriginalMessage\":\"bad\",\"OriginalStatusCode\":400}");
    assert_response(r, 424, "Received client error (400) from primary with message \\\"bad\\\".");
    assert_string_equal(header_of(r, "x-amzn-ErrorType"), "ModelError");
    assert_response(request(ENDPOINT("gone"), "1"), 503, "does not respond at 127.0.0.1:1");
    assert_response(request(ENDPOINT("other"), "1"), 400,
                    "Endpoint other of account 123456789012 not found.");
}

/* ------------------------------------------------------------------ the stream */

static atomic_uint n_reads;
static atomic_bool is_closed_shard;

/* One shard of three records; after them it is empty, or at its end. */
static void handle_kinesis(mf_http_request *request_, void *context)
{
    (void)context;
    const mf_http_view target = mf_http_get_header(request_, "X-Amz-Target");
    const mf_http_view body = mf_http_get_body(request_);
    mf_text *out = mf_http_response(request_);
    if (memmem(target.bytes, target.n_bytes, "ListShards", 10) != NULL) {
        mf_text_literal(out, "{\"Shards\":[{\"ShardId\":\"shard-0\"}]}");
    } else if (memmem(target.bytes, target.n_bytes, "GetShardIterator", 16) != NULL) {
        mf_text_literal(out, "{\"ShardIterator\":\"first\"}");
    } else if (memmem(body.bytes, body.n_bytes, "first", 5) != NULL) {
        mf_text_literal(out, "{\"NextShardIterator\":\"second\",\"MillisBehindLatest\":0,"
                             "\"Records\":[");
        for (int i = 1; i <= 3; i++)
            mf_text_format(
                out,
                "%s{\"SequenceNumber\":\"%d\",\"PartitionKey\":\"k%d\",\"Data\":\"YQ==\","
                "\"ApproximateArrivalTimestamp\":1700000000.5}",
                i > 1 ? "," : "", i, i);
        mf_text_literal(out, "]}");
    } else if (atomic_load(&is_closed_shard)) {
        mf_text_literal(out, "{\"Records\":[],\"MillisBehindLatest\":0}");
    } else {
        atomic_fetch_add(&n_reads, 1);
        mf_text_literal(out, "{\"NextShardIterator\":\"second\",\"MillisBehindLatest\":0,"
                             "\"Records\":[]}");
    }
    mf_http_respond(request_, 200, "application/x-amz-json-1.1");
}

static void add_mapping(const char *const *pairs)
{
    static const mf_http_route route = {
        .path = "/", .methods = MF_HTTP_POST, .handle = handle_kinesis};
    char url[64];
    mf_error err = {0};
    atomic_store(&n_reads, 0);
    atomic_store(&is_closed_shard, false);
    start_peer(&route, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", mf_http_server_port(peer));
    set(&settings.table, "kinesis", url);
    mf_local_mapping_settings *mapping =
        mf_local_settings_add_mapping(&settings, "stream", "f", &err);
    if (mapping == NULL)
        fail_msg("%s", err.text);
    set(&mapping->table, "StartingPosition", "TRIM_HORIZON");
    for (; pairs[0] != NULL; pairs += 2)
        set(&mapping->table, pairs[0], pairs[1]);
}

static void assert_batch(const json_t *event, int first, size_t n)
{
    const json_t *records = json_object_get(event, "Records");
    assert_int_equal(json_array_size(records), n);
    const json_t *record = json_array_get(records, 0);
    char sequence[8];
    snprintf(sequence, sizeof sequence, "%d", first);
    assert_string_equal(text_at(json_object_get(record, "kinesis"), "sequenceNumber"), sequence);
    assert_string_equal(text_at(record, "eventSource"), "aws:kinesis");
    assert_string_equal(text_at(record, "eventSourceARN"),
                        "arn:aws:kinesis:us-east-1:123456789012:stream/stream");
}

static void a_mapping_sends_batches_and_repeats_what_failed(void **state)
{
    (void)state;
    char id[64];
    response of_next;
    add_mapping(PAIRS("BatchSize", "2", "FunctionResponseTypes", "ReportBatchItemFailures"));
    start_cloud();
    client *runtime = open_runtime();
    json_t *event = next_event(runtime, id, &of_next);
    assert_batch(event, 1, 2);
    json_decref(event);
    post_to_runtime(runtime, id, "response",
                    "{\"batchItemFailures\":[{\"itemIdentifier\":\"2\"}]}");
    event = next_event(runtime, id, &of_next);
    assert_batch(event, 2, 1);
    json_decref(event);
    post_to_runtime(runtime, id, "error", "{}");
    event = next_event(runtime, id, &of_next);
    assert_batch(event, 2, 1);
    json_decref(event);
    post_to_runtime(runtime, id, "response", "{}");
    event = next_event(runtime, id, &of_next);
    assert_batch(event, 3, 1);
    json_decref(event);
    post_to_runtime(runtime, id, "response", "null");
    assert_soon(atomic_load(&n_reads) > 2); /* it reads on */
    close_client(runtime);
}

static void a_batch_that_keeps_failing_is_discarded_into_a_file(void **state)
{
    (void)state;
    char id[64];
    response of_next;
    mf_error err = {0};
    char *text = NULL;
    size_t n;
    add_mapping(PAIRS("MaximumRetryAttempts", "1", "OnFailure", failure_path));
    start_cloud();
    client *runtime = open_runtime();
    for (int i = 0; i < 2; i++) {
        json_t *event = next_event(runtime, id, &of_next);
        assert_batch(event, 1, 3);
        json_decref(event);
        post_to_runtime(runtime, id, "error", "{\"errorType\":\"E\"}");
    }
    assert_soon(mf_file_exists(failure_path));
    assert_ok(mf_file_read(failure_path, 10000, &text, &n, &err), err);
    assert_int_equal(text[n - 1], '\n');
    json_t *line = json_loadb(text, n, 0, NULL);
    const json_t *context = json_object_get(line, "requestContext");
    const json_t *info = json_object_get(line, "KinesisBatchInfo");
    assert_string_equal(text_at(context, "condition"), "RetryAttemptsExhausted");
    assert_int_equal(json_integer_value(json_object_get(context, "approximateInvokeCount")), 2);
    assert_string_equal(text_at(context, "requestId"), id);
    assert_string_equal(text_at(info, "startSequenceNumber"), "1");
    assert_string_equal(text_at(info, "endSequenceNumber"), "3");
    assert_string_equal(text_at(info, "approximateArrivalOfFirstRecord"),
                        "2023-11-14T22:13:20.500Z");
    assert_int_equal(json_integer_value(json_object_get(info, "batchSize")), 3);
    json_t *payload = json_loads(text_at(line, "payload"), 0, NULL);
    assert_batch(payload, 1, 3);
    json_decref(payload);
    json_decref(line);
    mf_free(text);
    close_client(runtime);
}

static void a_window_ends_with_the_shard_and_carries_its_state(void **state)
{
    (void)state;
    char id[64];
    response of_next;
    add_mapping(PAIRS("TumblingWindowInSeconds", "60"));
    atomic_store(&is_closed_shard, true);
    start_cloud();
    client *runtime = open_runtime();
    json_t *event = next_event(runtime, id, &of_next);
    assert_batch(event, 1, 3);
    assert_true(json_is_false(json_object_get(event, "isFinalInvokeForWindow")));
    assert_int_equal(json_object_size(json_object_get(event, "state")), 0);
    assert_string_equal(text_at(json_object_get(event, "window"), "start"), "2023-11-14T22:13:00Z");
    json_decref(event);
    post_to_runtime(runtime, id, "response", "{\"state\":{\"sum\":3}}");
    event = next_event(runtime, id, &of_next);
    assert_true(json_is_true(json_object_get(event, "isFinalInvokeForWindow")));
    assert_int_equal(json_array_size(json_object_get(event, "Records")), 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "state"), "sum")),
                     3);
    json_decref(event);
    post_to_runtime(runtime, id, "response", "{\"state\":{}}");
    close_client(runtime);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_invocation_reaches_the_runtime_and_its_response_the_caller),
        TEST(the_states_of_the_runtime_api_are_checked),
        TEST(invocations_that_lambda_refuses_are_refused),
        TEST(a_program_that_ends_or_cannot_start_fails_its_invocation),
        TEST(a_route_makes_an_event_and_a_response_of_it),
        TEST(the_api_gives_up_after_its_own_time_and_at_its_rate),
        TEST(an_endpoint_forwards_to_its_container),
        TEST(a_mapping_sends_batches_and_repeats_what_failed),
        TEST(a_batch_that_keeps_failing_is_discarded_into_a_file),
        TEST(a_window_ends_with_the_shard_and_carries_its_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
