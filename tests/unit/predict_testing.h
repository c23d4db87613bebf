/* predict_testing.h: the handler of lambda/predict with a predictor whose response a test chooses, a
 * few movies, and ways to send events to it. */
#ifndef MF_TESTS_PREDICT_TESTING_H
#define MF_TESTS_PREDICT_TESTING_H

#include "testing.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "lambda/predict/handler.h"
#include "lambda/predict/movies.h"

#include <jansson.h>

#define RATING_REQUEST  "{\"userId\":\"2\",\"movieId\":\"2959\"}"
#define RATING_RESPONSE "{\"predicted_rating\": 4.4, \"movie_title\": \"Fight Club (1999)\"}"
#define MODEL_RESPONSE  "{\"predicted_rating\":4.42}"
#define ALLOW_ORIGIN    "Access-Control-Allow-Origin"
#define SEEDS_FOLDER    "tests/fuzz/seeds/fuzz_predict_event"
#define MOVIES_HEADER   "movieId,title,genres\n"

static const char movies_csv[] =
    MOVIES_HEADER "2959,Fight Club (1999),Action|Crime|Drama|Thriller\n"
                  "1042,\"Am\xC3\xA9lie \"\"Poulain\"\", Le (2001)\",Comedy|Romance\n"
                  "~~~~,Nothing At All (1900),(no genres listed)\n";

static struct predicting {
    mf_predict_settings settings;
    mf_predict_movies *movies;
    mf_predict_predictor predictor;
    mf_predict_handler handler;
    mf_lambda_invocation invocation;

    /* What the predictor returns. */
    const char *model_response;
    const mf_predict_problem *fails;

    /* What it was given. */
    unsigned n_calls;
    char instance[4096];
    int64_t given_deadline_ms;

    /* The outcome of the last event. */
    bool ok;
    mf_error err;
    mf_text response; /* zero-terminated */
    mf_predict_outcome outcome;
    json_t *json; /* the response; NULL when it failed */
} on;

static inline bool respond_as_told(mf_predict_predictor *predictor, const char *instance,
                                   size_t n_instance, int64_t deadline_ms, const char **response,
                                   size_t *n_response, mf_predict_problem *problem)
{
    (void)predictor;
    on.n_calls++;
    assert_int_equal(instance[n_instance], 0);
    assert_int_equal(strlen(instance), n_instance);
    snprintf(on.instance, sizeof on.instance, "%s", instance);
    on.given_deadline_ms = deadline_ms;
    if (on.fails != NULL) {
        *problem = *on.fails;
        return false;
    }
    *response = on.model_response;
    *n_response = strlen(on.model_response);
    return true;
}

static inline mf_predict_movies *read_movies(const char *csv, size_t n, mf_error *err)
{
    /* Exactly as large as the file, so that the sanitizer sees one byte over. */
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, csv, n);
    mf_predict_movies *movies = mf_predict_movies_read("movies.csv", copy, n, err);
    free(copy);
    return movies;
}

static inline int predicting_start(void **state)
{
    (void)state;
    mf_settings settings;
    mf_error err = {0};
    memset(&on, 0, sizeof on);
    assert_ok(mf_predict_settings_start(&settings, &on.settings, &err), err);
    on.movies = read_movies(movies_csv, sizeof movies_csv - 1, &err);
    if (on.movies == NULL)
        fail_msg("%s", err.text);
    on.predictor = (mf_predict_predictor){.predict = respond_as_told};
    on.handler = (mf_predict_handler){
        .settings = &on.settings,
        .limits = mf_predict_settings_limits(&on.settings),
        .movies = on.movies,
        .predictor = &on.predictor,
    };
    return 0;
}

static inline int predicting_end(void **state)
{
    (void)state;
    json_decref(on.json);
    mf_text_free(&on.response);
    mf_predict_handler_free(&on.handler);
    mf_predict_movies_destroy(on.movies);
    return 0;
}

/* Before each test. */
static inline int predicting_reset(void **state)
{
    (void)state;
    on.model_response = MODEL_RESPONSE;
    on.fails = NULL;
    on.n_calls = 0;
    on.invocation = (mf_lambda_invocation){
        .request_id = "41b45ea3-70b5-11e6-b7bd-69b5aaebc7d9",
        .function_arn = "arn:aws:lambda:us-east-1:123456789012:function:predict",
        .trace_id = "",
        .deadline_ms = mf_clock_wall_ms() + 60000,
        .received_ms = mf_clock_wall_ms(),
    };
    return 0;
}

/* Handles the event; true when the invocation went well. */
static inline bool send_bytes(const char *event, size_t n_event)
{
    mf_text_clear(&on.response, 0);
    mf_error_clear(&on.err);
    json_decref(on.json);
    on.json = NULL;
    char *copy = malloc(n_event > 0 ? n_event : 1);
    assert_non_null(copy);
    if (n_event > 0)
        memcpy(copy, event, n_event);
    on.invocation.event = copy;
    on.invocation.n_event = n_event;
    on.ok = mf_predict_handle(&on.handler, &on.invocation, &on.response, &on.outcome, &on.err);
    assert_false(on.response.failed);
    assert_int_equal(on.ok, on.err.code == MF_OK);
    if (on.ok) {
        json_error_t error;
        on.json =
            json_loadb(on.response.bytes, on.response.n_bytes, JSON_REJECT_DUPLICATES, &error);
        if (on.json == NULL)
            fail_msg("not JSON (%s): %.*s", error.text, (int)on.response.n_bytes,
                     on.response.bytes);
        assert_true(mf_text_reserve(&on.response, 1));
        on.response.bytes[on.response.n_bytes] = '\0';
    }
    free(copy);
    return on.ok;
}

static inline bool send_event(const char *event)
{
    return send_bytes(event, strlen(event));
}

/* An event of AWS' documentation, which is a seed of the fuzzer too. The caller's to
 * mf_free. */
static inline char *fixture(const char *name, size_t *n_bytes)
{
    mf_error err = {0};
    char *path = NULL;
    char *bytes = NULL;
    if (asprintf(&path, "%s/" SEEDS_FOLDER "/%s.json", getenv("MF_SOURCE_DIR"), name) < 0)
        fail_msg("no memory");
    assert_ok(mf_file_read(path, 1 << 20, &bytes, n_bytes, &err), err);
    free(path);
    return bytes;
}

static inline bool send_fixture(const char *name)
{
    size_t n_bytes;
    char *bytes = fixture(name, &n_bytes);
    const bool ok = send_bytes(bytes, n_bytes);
    mf_free(bytes);
    return ok;
}

/* A function URL's event with this body (JSON null when NULL), and more members or none:
 * ",\"rawPath\":\"/x\"". */
static inline bool send_proxied(const char *body, const char *method, const char *more)
{
    json_t *text = body != NULL ? json_string(body) : json_null();
    assert_non_null(text);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    char *event = NULL;
    if (asprintf(&event,
                 "{\"version\":\"2.0\",\"requestContext\":{\"http\":{\"method\":\"%s\"}},"
                 "\"body\":%s%s}",
                 method, quoted, more) < 0)
        fail_msg("no memory");
    const bool ok = send_event(event);
    free(event);
    free(quoted);
    json_decref(text);
    return ok;
}

static inline const char *header_of(const char *name)
{
    return json_string_value(json_object_get(json_object_get(on.json, "headers"), name));
}

/* What holds for each response to a proxy (checklist 38, 41). Returns its body. */
static inline const char *proxied_body(int status)
{
    if (!on.ok)
        fail_msg("the invocation failed: %s", on.err.text);
    const json_t *code = json_object_get(on.json, "statusCode");
    const char *body = json_string_value(json_object_get(on.json, "body"));
    assert_true(json_is_integer(code));
    assert_non_null(body);
    if (json_integer_value(code) != status)
        fail_msg("expected %d, got %s", status, on.response.bytes);
    assert_true(json_is_false(json_object_get(on.json, "isBase64Encoded")));
    assert_string_equal(header_of("Content-Type"), "application/json");
    if (on.settings.allow_origin[0] != '\0')
        assert_string_equal(header_of(ALLOW_ORIGIN), on.settings.allow_origin);
    else
        assert_null(header_of(ALLOW_ORIGIN));
    assert_int_equal(on.outcome.status, status);
    return body;
}

/* The last response is an error with this status and code; the message holds the piece. */
static inline void assert_refused(int status, const char *code, const char *piece)
{
    json_t *body = json_loads(proxied_body(status), 0, NULL);
    const json_t *error = json_object_get(body, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    assert_int_equal(json_object_size(body), 1);
    assert_int_equal(json_object_size(error), 2);
    assert_string_equal(json_string_value(json_object_get(error, "code")), code);
    if (message == NULL || strstr(message, piece) == NULL)
        fail_msg("expected \"%s\", got %s", piece, on.response.bytes);
    json_decref(body);
}

#define predicting_tests(tests) cmocka_run_group_tests(tests, predicting_start, predicting_end)
#define predicting_test(f)      cmocka_unit_test_setup(f, predicting_reset)

#endif
