/* decode.c: the parameters of a GET become JSON, JSON becomes an instance, and an instance is written
 * in its canonical form. */
#include "lambda/predict/decode.h"

#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define EXAMPLE "send {\"userId\":…,\"movieId\":…}"

/* ------------------------------------------------------------------- query parameters */

enum { LONGEST_COUNT = 9 }; /* digits: no allowed count is longer */

/* A number as JSON writes it: no sign, no zero in front. */
static bool is_count(const char *value, size_t n)
{
    return n > 0 && n <= LONGEST_COUNT && strspn(value, "0123456789") == n &&
           (value[0] != '0' || n == 1);
}

#define ITEMS "movieIds"

static void write_items(const json_t *values, mf_text *body)
{
    char before = '[';
    for (size_t i = 0; i < json_array_size(values); i++) {
        const char *at = json_string_value(json_array_get(values, i));
        const char *const end = at + json_string_length(json_array_get(values, i));
        for (const char *comma = at; comma != NULL; at = comma + 1) {
            comma = memchr(at, ',', (size_t)(end - at));
            mf_text_append(body, &before, 1);
            mf_text_json(body, at, (size_t)((comma != NULL ? comma : end) - at));
            before = ',';
        }
    }
    mf_text_literal(body, "]");
}

static void write_parameter(const char *name, const json_t *values, mf_text *body)
{
    const bool is_number = strcmp(name, "top_n") == 0 || strcmp(name, "similar") == 0;
    const bool is_boolean = strcmp(name, "include_rated") == 0;
    const char *value = json_string_value(json_array_get(values, 0));
    const size_t n = json_string_length(json_array_get(values, 0));
    if (strcmp(name, ITEMS) == 0)
        write_items(values, body);
    else if ((is_number && is_count(value, n)) ||
             (is_boolean && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)))
        mf_text_append(body, value, n);
    else
        mf_text_json(body, value, n);
}

bool mf_predict_query_write(json_t *query, mf_text *body, mf_predict_problem *problem)
{
    char before = '{', shown[64];
    const char *name;
    json_t *values;
    json_object_foreach(query, name, values)
    {
        if (json_array_size(values) > 1 && strcmp(name, ITEMS) != 0)
            return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                          "%s is given %zu times: only " ITEMS " may be repeated",
                                          mf_printable(shown, sizeof shown, name, strlen(name)),
                                          json_array_size(values));
        mf_text_append(body, &before, 1);
        mf_text_json(body, name, strlen(name));
        mf_text_literal(body, ":");
        write_parameter(name, values, body);
        before = ',';
    }
    if (before == '{')
        mf_text_append(body, &before, 1);
    mf_text_literal(body, "}");
    return !body->failed ||
           mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL, "no memory for a query");
}

/* ------------------------------------------------------------------- canonical form */

static void write_id(mf_text *text, const mf_written_id *written)
{
    mf_text_json(text, written->id.bytes, written->id.n_bytes);
}

static void write_list(const mf_instance *q, mf_text *text)
{
    if (q->n > 0)
        mf_text_format(text, ",\"top_n\":%lu", (unsigned long)q->n);
    /* Without top_n it is true unless it says otherwise. */
    if (q->include_rated)
        mf_text_literal(text, ",\"include_rated\":true");
    else if (q->n == 0)
        mf_text_literal(text, ",\"include_rated\":false");
    if (q->order != MF_ORDER_DEFAULT)
        mf_text_format(text, ",\"order\":\"%s\"", mf_order_names[q->order]);
    if (q->candidates.n == 0)
        return;
    mf_text_literal(text, ",\"movieIds\":");
    for (size_t i = 0; i < q->candidates.n; i++) {
        mf_text_append(text, i == 0 ? "[" : ",", 1);
        write_id(text, &q->candidates.id[i]);
    }
    mf_text_literal(text, "]");
}

static void write_ratings(const mf_instance *q, mf_text *text)
{
    mf_text_literal(text, "\"ratings\":");
    for (size_t i = 0; i < q->rated.n; i++) {
        mf_text_append(text, i == 0 ? "[" : ",", 1);
        mf_text_literal(text, "{\"movieId\":");
        write_id(text, &q->rated.id[i]);
        /* Nine digits give the same float back and seventeen the same double; + 0, because -0
         * would come back as the integer 0. */
        if (!isnan(q->ratings[i]))
            mf_text_format(text, ",\"rating\":%.9g", (double)q->ratings[i] + 0.0);
        if (!isnan(q->times[i]))
            mf_text_format(text, ",\"timestamp\":%.17g", q->times[i] + 0.0);
        mf_text_literal(text, "}");
    }
    mf_text_literal(text, "]");
}

static void write_canonical(const mf_instance *q, mf_text *text)
{
    mf_text_literal(text, "{");
    if (q->rated.n > 0) {
        write_ratings(q, text);
    } else if (q->kind != MF_INSTANCE_SIMILAR) {
        mf_text_literal(text, "\"userId\":");
        write_id(text, &q->user);
    }
    if (q->kind == MF_INSTANCE_LIST)
        write_list(q, text);
    if (q->kind == MF_INSTANCE_RATING)
        mf_text_literal(text, ",");
    if (q->kind != MF_INSTANCE_LIST) {
        mf_text_literal(text, "\"movieId\":");
        write_id(text, &q->item);
    }
    if (q->kind == MF_INSTANCE_SIMILAR)
        mf_text_format(text, ",\"similar\":%lu", (unsigned long)q->n);
    mf_text_literal(text, "}");
    if (mf_text_reserve(text, 1))
        text->bytes[text->n_bytes] = '\0';
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

/* An instance and nothing after it. */
static bool read_whole(mf_instance *instance, const mf_inference_limits *limits, const char *body,
                       size_t n_body, mf_error *err)
{
    const mf_json_where where = {.text = body, .place = {MF_PLACE_BODY, 0}};
    size_t n_used = 0;
    size_t at = n_body >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* byte order mark */
    at += n_blanks(body + at, n_body - at);
    if (at == n_body)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "the body is empty: " EXAMPLE);
    if (n_body > BODY_BYTES)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "the body must be %d bytes at most",
                       BODY_BYTES);
    if (!mf_instance_read(instance, limits, body + at, n_body - at, &n_used, where, err))
        return false;
    at += n_used;
    at += n_blanks(body + at, n_body - at);
    return at == n_body || mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                                   "something follows the JSON object of the request");
}

/* decode.h (4). */
static bool close_list(mf_instance *instance, mf_predict_problem *problem)
{
    if (instance->kind != MF_INSTANCE_LIST || instance->rated.n > 0)
        return true;
    if (json_is_false(json_object_get(instance->document, "include_rated")))
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "include_rated: only true is accepted here for a userId, "
                                      "because a list without what a user has rated tells it");
    if (instance->order == MF_ORDER_RANKING)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "order: only rating and popularity are accepted here for a "
                                      "userId; send ratings of a visitor for a ranking");
    instance->include_rated = true;
    if (instance->order == MF_ORDER_DEFAULT)
        instance->order = MF_ORDER_RATING;
    return true;
}

/* The fields of the canonical form, under their usual names. */
static bool check_fields(const mf_instance *instance, mf_predict_problem *problem)
{
    const char *name;
    json_t *value;
    char shown[64];
    json_object_foreach(instance->document, name, value)
    {
        const mf_field field = mf_field_find(name, strlen(name));
        if (field > MF_FIELD_RATINGS || strcmp(mf_field_name(field), name) != 0)
            return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                          "unknown field \"%s\"",
                                          mf_printable(shown, sizeof shown, name, strlen(name)));
    }
    return true;
}

bool mf_predict_decode(mf_instance *instance, const mf_inference_limits *limits, bool is_closed,
                       const char *body, size_t n_body, mf_text *canonical,
                       mf_predict_problem *problem)
{
    mf_error err = {0};
    if (body == NULL)
        return mf_predict_problem_set(problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                                      "there is no body: " EXAMPLE);
    if (!read_whole(instance, limits, body, n_body, &err)) {
        if (err.code == MF_ERR_PARSE && json_object_get(instance->document, "instances") != NULL)
            return mf_predict_problem_set(
                problem, MF_PREDICT_PROBLEM_BAD_REQUEST,
                "instances: one request at a time is accepted here: " EXAMPLE);
        return mf_predict_problem_of_error(problem, &err);
    }
    if (!check_fields(instance, problem))
        return false;
    if (is_closed && !close_list(instance, problem))
        return false;
    write_canonical(instance, canonical);
    return !canonical->failed ||
           mf_predict_problem_hide(problem, MF_PREDICT_PROBLEM_INTERNAL, "no memory for a request");
}
