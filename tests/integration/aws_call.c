/* aws_call.c: lambda/aws for tests, by commands (commands.h). test_aws_*.py drive it.
 *
 *     {"do":"setenv","name":"AWS_REGION","value":"eu-central-1"}      null takes it out
 *     {"do":"open","client":"s3","service":"s3","timeout_ms":2000}    and other settings
 *     {"do":"close","client":"s3"}
 *     {"do":"get","client":"s3","uri":"s3://b/k","etag":"…","max_bytes":1000,"refuse_after":10}
 *     {"do":"invoke","client":"m","endpoint":"movies","content_type":"…","body_hex":"00ff"}
 *     {"do":"json","client":"k","target":"…","body_hex":"…"}
 *     {"do":"raw","client":"s3","path":"/a","headers":{"a":"b"},"body_hex":"…"}  no body: GET
 *
 * All calls take budget_ms (from now to the deadline); body_size makes a body of so
 * many 'x'. Bodies of responses are returned as body_hex up to SHOWN_BYTES. The log is on
 * standard error. */
#include "commands.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "lambda/aws/kinesis.h"
#include "lambda/aws/s3.h"
#include "lambda/aws/sagemaker_runtime.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_CLIENTS = 8, SHOWN_BYTES = 1 << 16 };

static struct {
    char name[32];
    mf_aws_client *client;
} clients[N_CLIENTS];

static int64_t deadline_of(const json_t *command)
{
    const json_t *budget = json_object_get(command, "budget_ms");
    return budget != NULL ? mf_clock_wall_ms() + json_integer_value(budget) : 0;
}

static size_t slot_of(const char *name)
{
    size_t free_slot = N_CLIENTS;
    for (size_t i = 0; i < N_CLIENTS; i++) {
        if (clients[i].client != NULL && strcmp(clients[i].name, name) == 0)
            return i;
        if (clients[i].client == NULL && free_slot == N_CLIENTS)
            free_slot = i;
    }
    return free_slot;
}

static json_t *hex_of(const char *bytes, size_t n)
{
    char *hex = malloc(2 * n + 1);
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)bytes[i]);
    hex[2 * n] = '\0';
    json_t *value = json_string(hex);
    free(hex);
    return value;
}

/* The command's body; NULL without one. To be freed. An exact block, so that ASan sees a
 * byte too far. */
static char *body_of(const json_t *command, size_t *n)
{
    const char *hex = text_of(command, "body_hex");
    *n = hex != NULL ? strlen(hex) / 2 : (size_t)count_of(command, "body_size");
    if (hex == NULL && json_object_get(command, "body_size") == NULL)
        return NULL;
    char *body = malloc(*n > 0 ? *n : 1);
    for (size_t i = 0; i < *n; i++) {
        const char pair[3] = {hex != NULL ? hex[2 * i] : '7', hex != NULL ? hex[2 * i + 1] : '8'};
        body[i] = (char)strtoul(pair, NULL, 16);
    }
    return body;
}

static void show_body(json_t *result, const char *bytes, size_t n)
{
    json_object_set_new(result, "n_bytes", json_integer((json_int_t)n));
    if (n <= SHOWN_BYTES)
        json_object_set_new(result, "body_hex", hex_of(bytes, n));
}

static void show_failure(json_t *result, const mf_aws_failure *failure)
{
    json_t *shown =
        json_pack("{s:s, s:b, s:b, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:s, s:s}", "kind",
                  mf_aws_kind_name(failure->kind), "is_retriable", failure->is_retriable,
                  "may_have_acted", failure->may_have_acted, "status", failure->status,
                  "original_status", failure->original_status, "n_tries", (int)failure->n_tries,
                  "code", failure->code, "request_id", failure->request_id, "other_region",
                  failure->other_region, "original_message", failure->original_message, "text",
                  failure->error.text, "error", mf_error_name(failure->error.code));
    json_object_update(result, shown);
    json_decref(shown);
}

static bool set_environment(const json_t *command)
{
    const char *value = text_of(command, "value");
    return (value != NULL ? setenv(text_of(command, "name"), value, 1)
                          : unsetenv(text_of(command, "name"))) == 0;
}

static bool open_client(const json_t *command, json_t *result)
{
    static const char *const names[MF_AWS_SERVICES] = {"s3", "sagemaker", "kinesis", "dynamodb",
                                                       "secretsmanager"};
    mf_aws_client_settings settings = {
        .timeout_ms = count_of(command, "timeout_ms"),
        .connect_timeout_ms = count_of(command, "connect_timeout_ms"),
        .margin_ms = count_of(command, "margin_ms"),
        .seed = (uint64_t)count_of(command, "seed"),
    };
    while (strcmp(names[settings.service], text_of(command, "service")) != 0)
        settings.service++;
    const size_t slot = slot_of(text_of(command, "client"));
    mf_error err = {.code = MF_OK};
    mf_aws_client_destroy(clients[slot].client);
    clients[slot].client = mf_aws_client_create(&settings, &err);
    snprintf(clients[slot].name, sizeof clients[slot].name, "%s", text_of(command, "client"));
    if (clients[slot].client == NULL) {
        json_object_set_new(result, "text", json_string(err.text));
        json_object_set_new(result, "error", json_string(mf_error_name(err.code)));
        return false;
    }
    const mf_aws_endpoint *endpoint = mf_aws_client_endpoint(clients[slot].client);
    json_object_set_new(result, "base", json_string(endpoint->base));
    return true;
}

typedef struct taking {
    mf_text bytes;
    size_t n_begun;
    size_t refuse_after;
} taking;

static bool begin_object(void *context, uint64_t n_bytes, mf_error *err)
{
    (void)n_bytes, (void)err;
    taking *taken = context;
    taken->n_begun++;
    mf_text_clear(&taken->bytes, SIZE_MAX);
    return true;
}

static bool take_object(void *context, const char *bytes, size_t n, mf_error *err)
{
    taking *taken = context;
    mf_text_append(&taken->bytes, bytes, n);
    if (taken->refuse_after > 0 && taken->bytes.n_bytes > taken->refuse_after)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "enough of this");
    return true;
}

static bool get(mf_aws_client *client, const json_t *command, json_t *result)
{
    mf_error err = {.code = MF_OK};
    mf_aws_s3_location location;
    if (!mf_aws_s3_uri_parse(text_of(command, "uri"), &location, &err)) {
        json_object_set_new(result, "text", json_string(err.text));
        return false;
    }
    taking taken = {.refuse_after = (size_t)count_of(command, "refuse_after")};
    const mf_aws_s3_get request = {
        .location = &location,
        .if_none_match = text_of(command, "etag"),
        .sink = {begin_object, take_object, &taken},
        .max_bytes = (uint64_t)count_of(command, "max_bytes"),
        .deadline_ms = deadline_of(command),
    };
    mf_aws_s3_object object;
    mf_aws_failure failure;
    const bool ok = mf_aws_s3_get_object(client, &request, &object, &failure);
    if (ok) {
        json_object_set_new(result, "etag", json_string(object.etag));
        json_object_set_new(result, "is_not_modified", json_boolean(object.is_not_modified));
        json_object_set_new(result, "n_object", json_integer((json_int_t)object.n_bytes));
        show_body(result, taken.bytes.bytes, taken.bytes.n_bytes);
    } else {
        show_failure(result, &failure);
    }
    json_object_set_new(result, "n_begun", json_integer((json_int_t)taken.n_begun));
    mf_text_free(&taken.bytes);
    return ok;
}

static bool invoke(mf_aws_client *client, const json_t *command, json_t *result)
{
    size_t n_body;
    char *body = body_of(command, &n_body);
    const mf_aws_invocation request = {
        .endpoint_name = text_of(command, "endpoint"),
        .content_type = text_of(command, "content_type"),
        .accept = text_of(command, "accept"),
        .target_variant = text_of(command, "target_variant"),
        .inference_id = text_of(command, "inference_id"),
        .custom_attributes = text_of(command, "custom_attributes"),
        .body = body,
        .n_body = n_body,
        .deadline_ms = deadline_of(command),
    };
    mf_aws_inference inference;
    mf_aws_failure failure;
    const bool ok = mf_aws_invoke_endpoint(client, &request, &inference, &failure);
    if (ok) {
        show_body(result, inference.body, inference.n_body);
        json_object_set_new(result, "content_type", json_string(inference.content_type));
        json_object_set_new(result, "variant", json_string(inference.variant));
        json_object_set_new(result, "custom_attributes", json_string(inference.custom_attributes));
    } else {
        show_failure(result, &failure);
    }
    free(body);
    return ok;
}

static bool call(mf_aws_client *client, const json_t *command, json_t *result)
{
    size_t n_body, n_headers = 0;
    char *body = body_of(command, &n_body);
    mf_aws_header headers[MF_AWS_CALL_HEADERS];
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(command, "headers"), name, value) headers[n_headers++] =
        (mf_aws_header){name, json_string_value(value)};
    const mf_aws_call raw = {
        .subject = "raw",
        .path = text_of(command, "path"),
        .headers = headers,
        .n_headers = n_headers,
        .body = body,
        .n_body = n_body,
        .max_response_bytes = (uint64_t)count_of(command, "max_bytes"),
        .deadline_ms = deadline_of(command),
    };
    const mf_text json = {.bytes = body, .n_bytes = n_body};
    const mf_aws_response *response;
    mf_aws_failure failure;
    const bool ok = raw.path != NULL ? mf_aws_call_run(client, &raw, &response, &failure)
                                     : mf_aws_call_json(client, text_of(command, "target"), &json,
                                                        raw.deadline_ms, &response, &failure);
    if (ok) {
        json_object_set_new(result, "status", json_integer(response->status));
        show_body(result, response->body.bytes, response->body.n_bytes);
    } else {
        show_failure(result, &failure);
    }
    free(body);
    return ok;
}

/* records: [[key, data or its size, …]]; the result's written has true or false for each. */
static bool put(mf_aws_client *client, const json_t *command, json_t *result)
{
    const json_t *records = json_object_get(command, "records");
    const size_t n = json_array_size(records);
    mf_aws_kinesis_record *list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const json_t *key = json_array_get(json_array_get(records, i), 0);
        const json_t *data = json_array_get(json_array_get(records, i), 1);
        const size_t n_data =
            json_is_string(data) ? json_string_length(data) : (size_t)json_integer_value(data);
        char *bytes = calloc(n_data + 1, 1);
        if (json_is_string(data))
            memcpy(bytes, json_string_value(data), n_data);
        list[i] = (mf_aws_kinesis_record){.key = json_string_value(key),
                                          .n_key = json_string_length(key),
                                          .data = bytes,
                                          .n_data = n_data};
    }
    const mf_aws_kinesis_put request = {
        .stream = text_of(command, "stream"),
        .records = list,
        .n_records = n,
        .deadline_ms = deadline_of(command),
        .keep_order = json_is_true(json_object_get(command, "keep_order")),
    };
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    const bool ok = mf_aws_kinesis_put_records(client, &request, &tally, &failure);
    json_t *written = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(written, json_boolean(list[i].is_written));
        free(mf_without_const(list[i].data));
    }
    free(list);
    json_object_set_new(result, "written", written);
    json_object_set_new(result, "n_written", json_integer((json_int_t)tally.n_written));
    json_object_set_new(result, "n_refused", json_integer((json_int_t)tally.n_refused));
    json_object_set_new(result, "n_calls", json_integer((json_int_t)tally.n_calls));
    if (!ok)
        show_failure(result, &failure);
    return ok;
}

static bool obey(const json_t *command, json_t *result)
{
    const char *what = text_of(command, "do");
    if (strcmp(what, "setenv") == 0)
        return set_environment(command);
    if (strcmp(what, "open") == 0)
        return open_client(command, result);
    const size_t slot = slot_of(text_of(command, "client"));
    if (strcmp(what, "close") == 0) {
        mf_aws_client_destroy(clients[slot].client);
        clients[slot].client = NULL;
        return true;
    }
    if (strcmp(what, "get") == 0)
        return get(clients[slot].client, command, result);
    if (strcmp(what, "invoke") == 0)
        return invoke(clients[slot].client, command, result);
    if (strcmp(what, "put") == 0)
        return put(clients[slot].client, command, result);
    return call(clients[slot].client, command, result);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    mf_log_set_level(MF_LOG_DEBUG);
    obey_commands(obey);
    for (size_t i = 0; i < N_CLIENTS; i++)
        mf_aws_client_destroy(clients[i].client);
    return 0;
}
