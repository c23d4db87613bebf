/* decode.c: the parameters of a GET become JSON, and JSON becomes an instance, which keeps its bytes. */
#include "lambda/predict/decode.h"

#include "base/memory.h"

#include <jansson.h>
#include <string.h>

#define EXAMPLE "send {\"userId\":…,\"movieId\":…}"

/* ------------------------------------------------------------------- query parameters */

/* Whether a parameter is a list: it may be repeated, and commas separate its elements. */
static bool is_list(mf_field field)
{
    return field == MF_FIELD_ITEM_IDS || field == MF_FIELD_USER_IDS || field == MF_FIELD_EXCLUDE ||
           field == MF_FIELD_WITH;
}

/* Whether it is a text, whatever it looks like. */
static bool is_text(mf_field field)
{
    return field == MF_FIELD_USER_ID || field == MF_FIELD_ITEM_ID || field == MF_FIELD_ORDER ||
           field == MF_FIELD_IN || field == MF_FIELD_BLEND || field == MF_FIELDS;
}

static void write_elements(const json_t *values, mf_text *body)
{
    char before = '[';
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *at = json_string_value(json_array_get(values, i));
        const char *const end = at + json_string_length(json_array_get(values, i));
        for (size_t n = 0; at <= end; at += n + 1) {
            const char *comma = memchr(at, ',', (size_t)(end - at));
            n = (size_t)((comma != NULL ? comma : end) - at);
            mf_text_append(body, &before, 1);
            mf_text_json(body, at, n);
            before = ',';
        }
    }
    mf_text_literal(body, "]");
}

/* Numbers, true and conditions are JSON already; what is none becomes a text, which is rejected by name. A
 * list may be JSON too: ["1","2"]. */
static void write_parameter(mf_field field, const json_t *values, mf_text *body)
{
    const char *value = json_string_value(json_array_get(values, 0));
    const size_t n = json_string_length(json_array_get(values, 0));
    json_t *parsed = is_text(field) ? NULL : json_loadb(value, n, JSON_DECODE_ANY, NULL);
    if (is_list(field) && !(json_array_size(values) == 1 && json_is_array(parsed)))
        write_elements(values, body);
    else if (parsed != NULL)
        mf_text_append(body, value, n);
    else
        mf_text_json(body, value, n);
    json_decref(parsed);
}

bool mf_predict_query_write(json_t *query, mf_text *body, mf_predict_problem *problem)
{
    char before = '{', shown[64];
    const char *name;
    json_t *values;
    json_object_foreach(query, name, values)
    {
        const mf_field field = mf_field_find(name, strlen(name));
        if (json_array_size(values) > 1 && !is_list(field))
            return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                          "%s is given %zu times: only lists (movieIds, exclude, "
                                          "with) may be repeated",
                                          mf_printable(shown, sizeof shown, name, strlen(name)),
                                          json_array_size(values));
        mf_text_append(body, &before, 1);
        mf_text_json(body, name, strlen(name));
        mf_text_literal(body, ":");
        write_parameter(field, values, body);
        before = ',';
    }
    if (before == '{')
        mf_text_append(body, &before, 1);
    mf_text_literal(body, "}");
    return !body->failed ||
           mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL, "no memory for a query");
}

/* -------------------------------------------------------------------------- bodies */

enum { BODY_BYTES = 1 << 20 }; /* a hundred thousand excluded items */

static size_t n_blanks(const char *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\n' || bytes[i] == '\r'))
        i++;
    return i;
}

/* An instance and nothing after it: object[0 .. *n_object). */
static bool read_whole(mf_instance *instance, const mf_inference_limits *limits, const char *body,
                       size_t n_body, const char **object, size_t *n_object, mf_error *err)
{
    const mf_json_where where = {.text = body, .place = {MF_PLACE_BODY, 0}};
    size_t at = n_body >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* byte order mark */
    at += n_blanks(body + at, n_body - at);
    if (at == n_body)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "the body is empty: " EXAMPLE);
    if (n_body > BODY_BYTES)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "the body must be %d bytes at most",
                       BODY_BYTES);
    *object = body + at;
    if (!mf_instance_read(instance, limits, *object, n_body - at, n_object, where, err))
        return false;
    at += *n_object;
    at += n_blanks(body + at, n_body - at);
    return at == n_body || mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                                   "something follows the JSON object of the request");
}

static bool refuse(mf_predict_problem *problem, const char *reason)
{
    return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST, "%s", reason);
}

/* decode.h (4): refuses, or appends the members that are missing to the text. */
static bool close_list(const mf_instance *instance, mf_text *text, mf_predict_problem *problem)
{
    const bool is_visitor = instance->user.id.bytes == NULL && instance->users.n == 0;
    if (instance->kind != MF_INSTANCE_LIST || is_visitor)
        return true;
    const json_t *include_rated = json_object_get(instance->document, "include_rated");
    if (json_is_false(include_rated))
        return refuse(problem, "include_rated: only true is accepted here for a userId, because a "
                               "list without what a user has rated tells it");
    if (instance->order == MF_ORDER_RANKING)
        return refuse(problem, "order: only rating and popularity are accepted here for a userId; "
                               "send ratings of a visitor for a ranking");
    if (instance->steering.n_reasons > 0)
        return refuse(problem, "explain: not accepted here for a userId, because the reasons are "
                               "what a user has rated; send ratings of a visitor");
    if (include_rated == NULL)
        mf_text_literal(text, "\"include_rated\":true,");
    if (instance->order == MF_ORDER_DEFAULT)
        mf_text_literal(text, "\"order\":\"rating\",");
    return true;
}

bool mf_predict_decode(mf_instance *instance, const mf_inference_limits *limits, bool is_closed,
                       const char *body, size_t n_body, mf_text *text, mf_predict_problem *problem)
{
    const char *object = "";
    size_t n_object = 0;
    mf_error err = {0};
    if (body == NULL)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "there is no body: " EXAMPLE);
    if (!read_whole(instance, limits, body, n_body, &object, &n_object, &err)) {
        if (err.code == MF_ERR_PARSE && json_object_get(instance->document, "instances") != NULL)
            return mf_predict_problem_set(
                problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                "instances: one request at a time is accepted here: " EXAMPLE);
        return mf_predict_problem_of_error(problem, &err);
    }
    if (instance->kind == MF_INSTANCE_AUDIENCE)
        return refuse(problem, "audience: not supported here, because it lists the users of the "
                               "training data");
    mf_text_literal(text, "{");
    if (is_closed && !close_list(instance, text, problem))
        return false;
    mf_text_append(text, object + 1, n_object - 1);
    if (mf_text_reserve(text, 1))
        text->bytes[text->n_bytes] = '\0';
    return !text->failed ||
           mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL, "no memory for a request");
}
