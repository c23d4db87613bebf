/* gateway.c: reads the shapes in which AWS sends an HTTP request, and writes the shapes in which it
 * wants the response. */
#include "lambda/predict/gateway.h"

#include "base/base64.h"
#include "lambda/runtime/invocation.h"
#include "lambda/runtime/runtime.h"
#include "sagemaker/packed.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#define METHODS "GET, POST, OPTIONS"

enum {
    BYTES_KEPT = 1 << 20,
    UNPACKED_BYTES_MOST = 8 << 20, /* a body of the endpoint has 6 MiB */
};

/* ------------------------------------------------------------------------ requests */

static mf_predict_integration integration_of(const json_t *event)
{
    const char *version = json_string_value(json_object_get(event, "version"));
    const json_t *context = json_object_get(event, "requestContext");
    if (!json_is_object(context))
        return MF_PREDICT_DIRECT;
    if (json_is_object(json_object_get(context, "elb")))
        return json_is_object(json_object_get(event, "multiValueHeaders")) ? MF_PREDICT_ALB_MULTI
                                                                           : MF_PREDICT_ALB;
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

static bool is_alb(mf_predict_integration integration)
{
    return integration == MF_PREDICT_ALB || integration == MF_PREDICT_ALB_MULTI;
}

/* A header's value, of several the first; "": there is none. */
static const char *header(json_t *event, const char *name)
{
    static const char *const members[] = {"headers", "multiValueHeaders"};
    const char *key;
    json_t *value;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        json_object_foreach(json_object_get(event, members[i]), key,
                            value) if (strcasecmp(key, name) ==
                                       0) return text_or_empty(json_is_array(value)
                                                                   ? json_array_get(value, 0)
                                                                   : value);
    return "";
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
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* False: a % without two hexadecimal digits, or %00. */
static bool append_decoded(mf_text *text, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = bytes[i] == '+' ? ' ' : bytes[i];
        if (c == '%') {
            if (n - i < 3 || hex(bytes[i + 1]) < 0 || hex(bytes[i + 2]) < 0)
                return false;
            c = (char)(hex(bytes[i + 1]) * 16 + hex(bytes[i + 2]));
            if (c == 0)
                return false;
            i += 2;
        }
        mf_text_append(text, &c, 1);
    }
    return true;
}

/* Adds a value to those of a name. */
static bool add_value(mf_predict_request *request, const char *name, const char *value, size_t n,
                      mf_predict_problem *problem)
{
    json_t *values = json_object_get(request->query, name);
    if (values == NULL && json_object_set_new(request->query, name, json_array()) == 0)
        values = json_object_get(request->query, name);
    return json_array_append_new(values, json_stringn(value, n)) == 0 ||
           mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                  "a parameter is not UTF-8");
}

/* The same for a name and a value that are percent-encoded. */
static bool add_encoded(mf_predict_request *request, const char *name, size_t n_name,
                        const char *value, size_t n_value, mf_predict_problem *problem)
{
    mf_text *text = &request->parameter;
    mf_text_clear(text, BYTES_KEPT);
    bool ok = append_decoded(text, name, n_name);
    mf_text_append(text, "", 1);
    const size_t at = text->n_bytes;
    ok = ok && append_decoded(text, value, n_value);
    if (!ok)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "a parameter is not percent-encoded: two hexadecimal digits "
                                      "must follow each %%, and %%25 is a %%");
    if (text->failed)
        return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL,
                                       "no memory to decode a query");
    return add_value(request, text->bytes, text->bytes + at, text->n_bytes - at, problem);
}

/* "userId=2&movieIds=1%2C2" */
static bool read_form(mf_predict_request *request, const char *form, size_t n,
                      mf_predict_problem *problem)
{
    const char *const end = form + n;
    request->query = json_object();
    for (const char *at = form, *stop; at < end; at = stop + 1) {
        stop = memchr(at, '&', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        const char *value = equals != NULL ? equals + 1 : stop;
        if (stop > at && !add_encoded(request, at, (size_t)((equals != NULL ? equals : stop) - at),
                                      value, (size_t)(stop - value), problem))
            return false;
    }
    return true;
}

static bool add_parameter(mf_predict_request *request, const char *name, const json_t *value,
                          mf_predict_problem *problem)
{
    const char *text = text_or_empty(value);
    const size_t n = json_string_length(value);
    return is_alb(request->integration) ? add_encoded(request, name, strlen(name), text, n, problem)
                                        : add_value(request, name, text, n, problem);
}

static bool read_query(mf_predict_request *request, json_t *event, mf_predict_problem *problem)
{
    json_t *raw = json_object_get(event, "rawQueryString");
    json_t *query = json_object_get(event, "multiValueQueryStringParameters");
    const char *name;
    json_t *values, *value;
    size_t i;
    if (json_string_length(raw) > 0) /* the merged ones of 2.0 do not tell repeats from commas */
        return read_form(request, json_string_value(raw), json_string_length(raw), problem);
    if (json_object_size(query) == 0)
        query = json_object_get(event, "queryStringParameters");
    request->query = json_is_object(query) ? json_object() : NULL;
    json_object_foreach(query, name, values)
    {
        if (!json_is_array(values) && !add_parameter(request, name, values, problem))
            return false;
        json_array_foreach(values, i,
                           value) if (!add_parameter(request, name, value, problem)) return false;
    }
    return true;
}

static bool unpack(mf_predict_request *request, mf_predict_problem *problem)
{
    mf_error err = {0};
    mf_text_clear(&request->unpacked, BYTES_KEPT);
    if (!mf_packed_append(&request->unpacked, request->body, request->n_body, "the body",
                          UNPACKED_BYTES_MOST, &err)) {
        if (err.code == MF_ERR_FORMAT)
            err.code = MF_ERR_PARSE;
        return mf_predict_problem_of_error(problem, &err);
    }
    request->body = request->unpacked.n_bytes > 0 ? request->unpacked.bytes : "";
    request->n_body = request->unpacked.n_bytes;
    return true;
}

/* A body that is not JSON is a form, or is named by its headers. */
static bool read_content(mf_predict_request *request, json_t *event, mf_predict_problem *problem)
{
    static const char form[] = "application/x-www-form-urlencoded";
    char shown[80];
    if (mf_packed_is_gzip(request->body, request->n_body) && !unpack(request, problem))
        return false;
    const char *at = request->body, *end = at + request->n_body;
    if (request->n_body >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    if (at == end || *at == '{' || *at == '[')
        return true;
    const char *coding = header(event, "Content-Encoding");
    if (coding[0] != '\0' && strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "identity") != 0)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_MEDIA_TYPE,
                                      "Content-Encoding is %s: expected gzip or none",
                                      mf_printable(shown, sizeof shown, coding, strlen(coding)));
    if (request->n_body > 3 && memcmp(request->body, "\x1F\xEF\xBF\xBD", 4) == 0)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_MEDIA_TYPE,
                                      "the body is gzip that the API passed on as text: the API "
                                      "needs a binary media type for it, or send it unpacked");
    const char *type = header(event, "Content-Type");
    if (strncasecmp(type, form, strlen(form)) == 0)
        return read_form(request, request->body, request->n_body, problem);
    return type[0] == '\0' || strcasestr(type, "json") != NULL ||
           mf_predict_problem_set(
               problem, MF_PREDICT_PROBLEM_MEDIA_TYPE,
               "Content-Type is %s: expected application/json with {\"userId\":…,"
               "\"movieId\":…}, or %s",
               mf_printable(shown, sizeof shown, type, strlen(type)), form);
}

static bool read_body(mf_predict_request *request, json_t *event, mf_predict_problem *problem)
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
        return read_content(request, event, problem);
    const bool ok = mf_base64_decode(&request->decoded, request->body, request->n_body);
    request->body = request->decoded.n_bytes > 0 ? request->decoded.bytes : "";
    request->n_body = request->decoded.n_bytes;
    if (request->decoded.failed)
        return mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL,
                                       "no memory to decode a body");
    if (!ok)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "the body is not base64, though isBase64Encoded says so");
    return read_content(request, event, problem);
}

bool mf_predict_request_read(mf_predict_request *request, const char *event, size_t n_event,
                             mf_predict_problem *problem)
{
    json_decref(request->event);
    json_decref(request->query);
    *request = (mf_predict_request){.method = "",
                                    .path = "",
                                    .decoded = request->decoded,
                                    .unpacked = request->unpacked,
                                    .parameter = request->parameter};
    mf_text_clear(&request->decoded, BYTES_KEPT);
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
    if (strcmp(request->method, "GET") != 0)
        return read_body(request, request->event, problem);
    request->is_health_check =
        is_alb(request->integration) &&
        strncmp(header(request->event, "User-Agent"), "ELB-HealthChecker/", 18) == 0;
    return read_query(request, request->event, problem);
}

void mf_predict_request_free(mf_predict_request *request)
{
    json_decref(request->event);
    json_decref(request->query);
    mf_text_free(&request->decoded);
    mf_text_free(&request->unpacked);
    mf_text_free(&request->parameter);
    *request = (mf_predict_request){.method = "", .path = ""};
}

/* ----------------------------------------------------------------------- responses */

static void append_json(mf_text *text, const char *string)
{
    mf_text_json(text, string, strlen(string));
}

/* A header after others. */
static void add_header(mf_text *response, mf_predict_integration integration, const char *name,
                       const char *value)
{
    const bool is_multi = integration == MF_PREDICT_ALB_MULTI;
    mf_text_format(response, ",\"%s\":%s", name, is_multi ? "[" : "");
    append_json(response, value);
    mf_text_append(response, "]", is_multi);
}

static void begin(mf_text *response, mf_predict_integration integration, int status,
                  const char *words, const char *origin)
{
    const bool is_multi = integration == MF_PREDICT_ALB_MULTI;
    mf_text_format(response, "{\"statusCode\":%d,", status);
    if (is_alb(integration))
        mf_text_format(response, "\"statusDescription\":\"%d %s\",", status, words);
    mf_text_format(response, "\"%s\":{\"Content-Type\":%s",
                   is_multi ? "multiValueHeaders" : "headers",
                   is_multi ? "[\"application/json\"]" : "\"application/json\"");
    if (origin[0] != '\0')
        add_header(response, integration, "Access-Control-Allow-Origin", origin);
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
        begin(response, integration, mf_predict_problem_status(MF_PREDICT_PROBLEM_NONE), "OK",
              origin);
        end(response, body->bytes, body->n_bytes);
    }
    if (response->n_bytes <= MF_LAMBDA_RESPONSE_BYTES)
        return true;
    mf_text_clear(response, 0);
    return mf_predict_problem_set(
        problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
        "the response has more than the 6 MB that can be sent: request fewer movies");
}

void mf_predict_respond_to_options(mf_text *response, mf_predict_integration integration,
                                   const char *origin)
{
    begin(response, integration, 204, "No Content", origin);
    if (origin[0] != '\0') {
        add_header(response, integration, "Access-Control-Allow-Methods", METHODS);
        add_header(response, integration, "Access-Control-Allow-Headers",
                   "Content-Type, Authorization, X-Api-Key, X-Amz-Date, X-Amz-Security-Token");
        add_header(response, integration, "Access-Control-Max-Age", "600");
    }
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
    begin(response, integration, mf_predict_problem_status(problem->kind),
          mf_predict_problem_code(problem->kind), origin);
    if (problem->kind == MF_PREDICT_PROBLEM_METHOD)
        add_header(response, integration, "Allow", METHODS);
    if (problem->kind == MF_PREDICT_PROBLEM_THROTTLED)
        add_header(response, integration, "Retry-After", "1");
    end(response, body.bytes, body.n_bytes);
    response->failed = response->failed || body.failed;
    mf_text_free(&body);
    return true;
}
