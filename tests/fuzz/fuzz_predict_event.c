/* fuzz_predict_event.c: any bytes as an event of the function predict.
 *
 * The predictor answers as a model would, or with nonsense cut from the event. Held to:
 * the response is JSON in the shape of its integration, with the headers that every reply has;
 * what is refused has a status of its own and shows nothing of the system; what the model
 * was asked is a question that, asked again, is spelled the same. */
#include "lambda/predict/handler.h"
#include "lambda/predict/movies.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    mf_predict_settings settings;
    mf_predict_predictor predictor;
    mf_predict_handler handler;
    char *asked; /* the canonical; NULL: nothing was asked */
    const char *says;
} on;

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* A sound answer to any question; which one, its own fields tell. */
static bool ask(void *context, const char *question, size_t n_question, int64_t deadline_ms,
                const char **answer, size_t *n_answer, mf_predict_problem *problem)
{
    (void)context, (void)deadline_ms, (void)problem;
    require(strlen(question) == n_question && on.asked == NULL);
    on.asked = strdup(question);
    require(on.asked != NULL);
    *answer = on.says;
    *n_answer = strlen(on.says);
    return true;
}

static void start(void)
{
    static const char csv[] = "movieId,title,genres\n2959,Fight Club (1999),Action|Crime\n";
    mf_settings settings;
    mf_predict_movies_reader *reader = mf_predict_movies_reader_create("movies.csv", NULL);
    require(reader != NULL && mf_predict_movies_reader_feed(reader, csv, sizeof csv - 1, NULL));
    require(mf_predict_settings_start(&settings, &on.settings, NULL));
    on.predictor = (mf_predict_predictor){.ask = ask};
    on.handler = (mf_predict_handler){
        .settings = &on.settings,
        .limits = mf_predict_settings_limits(&on.settings),
        .movies = mf_predict_movies_reader_end(reader, NULL),
        .predictor = &on.predictor,
    };
    on.says = "{\"predicted_rating\":4.42,\"recommendations\":[{\"movieId\":\"2959\","
              "\"score\":0.71,\"predicted_rating\":5}],\"similar\":[{\"movieId\":\"x\","
              "\"similarity\":0.5}]}";
    require(on.handler.movies != NULL);
    mf_predict_movies_reader_destroy(reader);
}

static void check_proxy(const json_t *reply, const mf_predict_outcome *outcome)
{
    const json_t *headers = json_object_get(reply, "headers");
    const json_t *body = json_object_get(reply, "body");
    require(json_integer_value(json_object_get(reply, "statusCode")) == outcome->status);
    require(json_is_string(json_object_get(headers, "Content-Type")));
    require(json_is_string(json_object_get(headers, "Access-Control-Allow-Origin")));
    require(json_is_string(body));
    if (outcome->status == 204)
        return;
    json_t *said = json_loads(json_string_value(body), JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(said));
    require((json_object_get(said, "error") != NULL) == (outcome->status >= 400));
    json_decref(said);
}

typedef struct result {
    bool ok;
    mf_error err;
    mf_text response;
    mf_predict_outcome outcome;
} result;

static void handle(const void *event, size_t n_event, result *r)
{
    const mf_lambda_invocation invocation = {.request_id = "1",
                                             .function_arn = "",
                                             .trace_id = "",
                                             .deadline_ms = INT64_C(4102444800000),
                                             .event = event,
                                             .n_event = n_event};
    *r = (result){.response = MF_TEXT_EMPTY};
    free(on.asked);
    on.asked = NULL;
    r->ok = mf_predict_handle(&on.handler, &invocation, &r->response, &r->outcome, &r->err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (on.handler.movies == NULL) {
        json_object_seed(1);
        start();
    }
    result r;
    handle(bytes, n_bytes, &r);
    const mf_predict_problem_kind kind = r.outcome.problem.kind;
    require(r.ok == (r.err.code == MF_OK));
    /* The model is sound and there is time: nothing but the request can be wrong. */
    require(kind <= MF_PREDICT_PROBLEM_TOO_LARGE ||
            (kind == MF_PREDICT_PROBLEM_MODEL && on.asked != NULL));
    if (r.ok) {
        json_t *reply =
            json_loadb(r.response.bytes, r.response.n_bytes, JSON_REJECT_DUPLICATES, NULL);
        require(json_is_object(reply));
        if (r.outcome.integration != MF_PREDICT_DIRECT)
            check_proxy(reply, &r.outcome);
        json_decref(reply);
    } else {
        require(r.outcome.integration == MF_PREDICT_DIRECT && r.err.text[0] >= '4');
        require(strtol(r.err.text, NULL, 10) == r.outcome.status);
    }
    if (on.asked != NULL) {
        char *canonical = on.asked;
        on.asked = NULL;
        result again;
        handle(canonical, strlen(canonical), &again);
        require(on.asked != NULL && strcmp(on.asked, canonical) == 0);
        mf_text_free(&again.response);
        free(canonical);
    }
    mf_text_free(&r.response);
    free(on.asked);
    on.asked = NULL;
    return 0;
}
