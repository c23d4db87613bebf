/* gateway.c: reads the shapes in which AWS sends an HTTP request, and writes the shapes in which it
 * wants the response. */
#include "lambda/predict/gateway.h"

#include "base/base64.h"
#include "lambda/runtime/invocation.h"
#include "lambda/runtime/runtime.h"

#include <jansson.h>
#include <string.h>

#define METHODS "GET, POST, OPTIONS"

enum { DECODED_BYTES_KEPT = 1 << 20 };

/* ------------------------------------------------------------------------ requests */

static mf_predict_integration integration_of(const json_t *event)
{
    const char *version = json_string_value(json_object_get(event, "version"));
    if (!json_is_object(json_object_get(event, "requestContext")))
        return MF_PREDICT_DIRECT;
    if (version != NULL && strcmp(version, "2.0") == 0)
        return MF_PREDICT_PROXY_2;
    return json_object_get(event, "httpMethod") != NULL ? MF_PREDICT_PROXY_1 : MF_PREDICT_DIRECT;
}

/* The event as a tree. An API puts what a user sent into a text of the event, where a NUL
 * character is \u0000. That is a mistake of the user, which is found when the body is read. */
static json_t *load(const char *event, size_t n_event, mf_predict_problem *problem)
{
    mf_error err = {0};
    json_t *root = mf_lambda_event_parse(event, n_event, &err);
    if (root != NULL)
        return root;
    if (err.code == MF_ERR_PARSE) {
        root = json_loadb(event, n_event, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        if (json_is_object(root) && integration_of(root) != MF_PREDICT_DIRECT)
            return root;
    }
    json_decref(root);
    mf_predict_problem_of_error(problem, &err);
    return NULL;
}

static const char *text_or_empty(const json_t *value)
{
    const char *text = json_string_value(value);
    return text != NULL ? text : "";
}

static bool starts_with_stage(const char *path, const char *stage, size_t n_stage)
{
    return n_stage > 0 && path[0] == '/' && strncmp(path + 1, stage, n_stage) == 0 &&
           (path[1 + n_stage] == '/' || path[1 + n_stage] == '\0');
}

static void read_head(mf_predict_request *request, const json_t *event)
{
    const json_t *context = json_object_get(event, "requestContext");
    const bool is_2 = request->integration == MF_PREDICT_PROXY_2;
    const json_t *line = is_2 ? json_object_get(context, "http") : event;
    request->method = text_or_empty(json_object_get(line, is_2 ? "method" : "httpMethod"));
    const json_t *path = is_2 ? json_object_get(event, "rawPath") : NULL;
    request->path = text_or_empty(path != NULL ? path : json_object_get(line, "path"));
    const char *stage = text_or_empty(json_object_get(context, "stage"));
    if (starts_with_stage(request->path, stage, strlen(stage)))
        request->path += 1 + strlen(stage);
    request->n_path = strlen(request->path);
    const json_t *query = json_object_get(event, "queryStringParameters");
    request->query = json_is_object(query) ? query : NULL;
}

static bool read_body(mf_predict_request *request, const json_t *event, mf_predict_problem *problem)
{
    const json_t *body = json_object_get(event, "body");
    const json_t *encoded = json_object_get(event, "isBase64Encoded");
    if (body == NULL || json_is_null(body))
        return true;
    if (!json_is_string(body))
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "body: expected a text, as a proxy integration sends it");
    if (encoded != NULL && !json_is_null(encoded) && !json_is_boolean(encoded))
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "isBase64Encoded: expected true or false");
    request->body = json_string_value(body);
    request->n_body = json_string_length(body);
    if (!json_is_true(encoded))
        return true;
    const bool ok = mf_base64_decode(&request->decoded, request->body, request->n_body);
    request->body = request->decoded.n_bytes > 0 ? request->decoded.bytes : "";
    request->n_body = request->decoded.n_bytes;
    if (request->decoded.failed)
        return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL,
                                       "no memory to decode a body");
    return ok || mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                        "the body is not base64, though isBase64Encoded says so");
}

bool mf_predict_request_read(mf_predict_request *request, const char *event, size_t n_event,
                             mf_predict_problem *problem)
{
    mf_text decoded = request->decoded;
    mf_text_clear(&decoded, DECODED_BYTES_KEPT);
    json_decref(request->event);
    *request = (mf_predict_request){.method = "", .path = "", .decoded = decoded};
    request->event = load(event, n_event, problem);
    if (request->event == NULL)
        return false;
    request->integration = integration_of(request->event);
    if (request->integration == MF_PREDICT_DIRECT) {
        request->body = event;
        request->n_body = n_event;
        return true;
    }
    read_head(request, request->event);
    return read_body(request, request->event, problem);
}

void mf_predict_request_free(mf_predict_request *request)
{
    json_decref(request->event);
    mf_text_free(&request->decoded);
    *request = (mf_predict_request){.method = "", .path = ""};
}

/* ----------------------------------------------------------------------- responses */

static void append_json(mf_text *text, const char *string)
{
    mf_text_json(text, string, strlen(string));
}

static void begin(mf_text *response, int status, const char *origin)
{
    mf_text_format(response,
                   "{\"statusCode\":%d,\"headers\":{\"Content-Type\":\"application/json\"", status);
    if (origin[0] == '\0')
        return;
    mf_text_literal(response, ",\"Access-Control-Allow-Origin\":");
    append_json(response, origin);
}

static void end(mf_text *response, const char *body, size_t n_body)
{
    mf_text_literal(response, "},\"isBase64Encoded\":false,\"body\":");
    mf_text_json(response, body, n_body);
    mf_text_literal(response, "}");
}

bool mf_predict_respond(mf_text *response, mf_predict_integration integration, const char *origin,
                        const mf_text *body, mf_predict_problem *problem)
{
    if (integration == MF_PREDICT_DIRECT) {
        mf_text_append(response, body->bytes, body->n_bytes);
    } else {
        begin(response, mf_predict_problem_status(MF_PREDICT_PROBLEM_NONE), origin);
        end(response, body->bytes, body->n_bytes);
    }
    if (response->n_bytes <= MF_LAMBDA_RESPONSE_BYTES)
        return true;
    mf_text_clear(response, 0);
    return mf_predict_problem_set(
        problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
        "the response has more than the 6 MB that can be sent: request fewer movies");
}

void mf_predict_respond_to_options(mf_text *response, const char *origin)
{
    begin(response, 204, origin);
    if (origin[0] != '\0')
        mf_text_literal(
            response, ",\"Access-Control-Allow-Methods\":\"" METHODS "\","
                      "\"Access-Control-Allow-Headers\":\"Content-Type, Authorization, X-Api-Key, "
                      "X-Amz-Date, X-Amz-Security-Token\",\"Access-Control-Max-Age\":\"600\"");
    end(response, "", 0);
}

bool mf_predict_respond_with_problem(mf_text *response, mf_predict_integration integration,
                                     const char *origin, const mf_predict_problem *problem,
                                     mf_error *err)
{
    if (integration == MF_PREDICT_DIRECT)
        return mf_predict_problem_to_error(problem, err);
    mf_text body = MF_TEXT_EMPTY;
    mf_text_literal(&body, "{\"error\": {\"code\": ");
    append_json(&body, mf_predict_problem_code(problem->kind));
    mf_text_literal(&body, ", \"message\": ");
    append_json(&body, problem->message.text);
    mf_text_literal(&body, "}}");
    begin(response, mf_predict_problem_status(problem->kind), origin);
    if (problem->kind == MF_PREDICT_PROBLEM_METHOD)
        mf_text_literal(response, ",\"Allow\":\"" METHODS "\"");
    if (problem->kind == MF_PREDICT_PROBLEM_THROTTLED)
        mf_text_literal(response, ",\"Retry-After\":\"1\"");
    end(response, body.bytes, body.n_bytes);
    response->failed = response->failed || body.failed;
    mf_text_free(&body);
    return true;
}
