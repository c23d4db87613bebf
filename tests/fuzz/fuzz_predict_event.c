/* fuzz_predict_event.c: any bytes as an event of the function predict.
 *
 * The predictor responds as a model would. The response of the function is JSON in the shape of its
 * integration, with the headers of every response; what is rejected has a status of its own and
 * shows nothing of the system; the JSON that the model gets is, as a request of its own, sent as
 * it is. */
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
    char *instance; /* that the predictor got; NULL: it was not called */
    const char *model_response;
} on;

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* One response that has the members of all kinds. */
static bool predict(mf_predict_predictor *predictor, const char *instance, size_t n_instance,
                    int64_t deadline_ms, const char **response, size_t *n_response,
                    mf_predict_problem *problem)
{
    (void)predictor, (void)deadline_ms, (void)problem;
    require(strlen(instance) == n_instance && on.instance == NULL);
    on.instance = strdup(instance);
    require(on.instance != NULL);
    *response = on.model_response;
    *n_response = strlen(on.model_response);
    return true;
}

static void start(void)
{
    static const char csv[] = "movieId,title,genres\n2959,Fight Club (1999),Action|Crime\n";
    mf_settings settings;
    require(mf_predict_settings_start(&settings, &on.settings, NULL));
    on.predictor = (mf_predict_predictor){.predict = predict};
    on.handler = (mf_predict_handler){
        .settings = &on.settings,
        .limits = mf_predict_settings_limits(&on.settings),
        .movies = mf_predict_movies_read("movies.csv", csv, sizeof csv - 1, NULL),
        .predictor = &on.predictor,
    };
    on.model_response = "{\"predicted_rating\":4.42,\"recommendations\":[{\"movieId\":\"2959\","
                        "\"score\":0.71,\"predicted_rating\":5}],\"similar\":[{\"movieId\":\"x\","
                        "\"similarity\":0.5}]}";
    require(on.handler.movies != NULL);
}

static void check_proxy(const json_t *response, const mf_predict_outcome *outcome)
{
    const bool is_multi = outcome->integration == MF_PREDICT_ALB_MULTI;
    const json_t *headers = json_object_get(response, is_multi ? "multiValueHeaders" : "headers");
    const json_t *body = json_object_get(response, "body");
    require(json_integer_value(json_object_get(response, "statusCode")) == outcome->status);
    static const char *const names[] = {"Content-Type", "Access-Control-Allow-Origin"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_object_get(headers, names[i]);
        require(json_is_string(is_multi ? json_array_get(value, 0) : value));
    }
    require(json_is_string(body));
    if (outcome->status == 204)
        return;
    json_t *content = json_loads(json_string_value(body), JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(content));
    require((json_object_get(content, "error") != NULL) == (outcome->status >= 400));
    json_decref(content);
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
    free(on.instance);
    on.instance = NULL;
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
    require(kind <= MF_PREDICT_PROBLEM_MEDIA_TYPE ||
            (kind == MF_PREDICT_PROBLEM_MODEL && on.instance != NULL));
    if (r.ok) {
        json_t *response =
            json_loadb(r.response.bytes, r.response.n_bytes, JSON_REJECT_DUPLICATES, NULL);
        require(json_is_object(response));
        if (r.outcome.integration != MF_PREDICT_DIRECT)
            check_proxy(response, &r.outcome);
        json_decref(response);
    } else {
        require(r.outcome.integration == MF_PREDICT_DIRECT && r.err.text[0] >= '4');
        require(strtol(r.err.text, NULL, 10) == r.outcome.status);
    }
    if (on.instance != NULL) {
        char *sent = on.instance;
        on.instance = NULL;
        result again;
        handle(sent, strlen(sent), &again);
        require(on.instance != NULL && strcmp(on.instance, sent) == 0);
        mf_text_free(&again.response);
        free(sent);
    }
    mf_text_free(&r.response);
    free(on.instance);
    on.instance = NULL;
    return 0;
}
