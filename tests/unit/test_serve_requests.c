/* test_serve_requests.c: the service in this process, on a free port, with the sample model: every
 * path's responses, byte for byte where they do not depend on the time. */
#include "environment_testing.h"
#include "http_testing.h"
#include "model_sample.h"
#include "redis_testing.h"

#include "serve/service.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

static mf_serve_settings settings;
static mf_cache_settings cache_settings;
static mf_service service;
static mf_loaded *model; /* of the service; NULL before there is one */
static char *folder;

static mf_loaded *load(const mf_model_parts *parts, mf_error *err)
{
    static mf_loader loader;
    sigset_t loaded;
    int signal_number;
    char *path = testing_path(folder, "model.bin");
    if (parts != NULL)
        assert_ok(mf_model_write(path, parts, err), *err);
    free(path);
    sigemptyset(&loaded);
    sigaddset(&loaded, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &loaded, NULL);
    assert_ok(mf_loader_start(&loader, folder, &settings, SIGUSR1, err), *err);
    assert_int_equal(sigwait(&loaded, &signal_number), 0);
    assert_true(mf_loader_is_done(&loader));
    mf_loaded *taken = mf_loader_take(&loader, err);
    assert_false(mf_loader_is_done(&loader));
    return taken;
}

static void serve_model(const mf_model_parts *parts)
{
    mf_error err = {0};
    mf_loaded *before = model;
    model = load(parts, &err);
    if (model == NULL)
        fail_msg("%s", err.text);
    assert_ptr_equal(mf_service_switch(&service, model), before);
    if (before != NULL) {
        mf_loaded_release(before);
        assert_true(mf_loaded_free_if_unused(before));
    }
}

static void start(const char *const *variables)
{
    mf_settings table;
    mf_error err = {0};
    testing_environment(variables);
    assert_ok(mf_serve_settings_read(&table, &settings, &err), err);
    settings.port = 0;
    assert_ok(mf_service_create(&service, &settings, &cache_settings, &err), err);
    assert_ok(mf_service_start(&service, &err), err);
}

#define VARIABLES                                                                                  \
    "SERVE_ADDRESS", "127.0.0.1", "SAGEMAKER_MODEL_SERVER_WORKERS", "2", "SERVE_ACCESS_LOG", "off"

static int set_up(void **state)
{
    (void)state;
    folder = testing_folder();
    start(PAIRS(VARIABLES));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(mf_service_stop(&service), 0);
    if (model != NULL) {
        mf_loaded_release(model);
        assert_true(mf_loaded_free_if_unused(model));
    }
    model = NULL;
    testing_folder_remove(folder);
    return 0;
}

/* Sends one request on a connection of its own. */
static const response *request(const char *head, const char *body)
{
    static response r;
    char text[4096];
    client *c = open_client(service.server);
    if (body != NULL)
        snprintf(text, sizeof text, "%s\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body),
                 body);
    else
        snprintf(text, sizeof text, "%s\r\n\r\n", head);
    exchange(c, text, &r);
    close_client(c);
    return &r;
}

static const response *get(const char *path)
{
    char head[600];
    snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: h", path);
    return request(head, NULL);
}

static void assert_body(const response *r, const char *body)
{
    if (r->status != 200 || strcmp(r->body, body) != 0)
        fail_msg("expected %s, got %s%s", body, r->head, r->body);
}

static void assert_refused(const response *r, int status, const char *piece)
{
    if (r->status != status || strstr(r->body, piece) == NULL)
        fail_msg("expected %d with \"%s\", got %s%s", status, piece, r->head, r->body);
}

#define POST "POST /invocations HTTP/1.1\r\nHost: h\r\nContent-Type: "

/* -------------------------------------------------------------------- a model */

static void without_a_model_every_prediction_is_503_with_the_reason(void **state)
{
    (void)state;
    static const char *const paths[] = {"/ping", "/health", "/internal/recommend/7",
                                        "/recommend/cached/7"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        assert_refused(get(paths[i]), 503, "the model is being loaded");
    mf_service_set_reason(&service, "no model.bin here");
    assert_refused(get("/ping"), 503, "no model.bin here");
    assert_refused(request(POST "application/json", "{\"userId\":\"7\",\"movieId\":\"1042\"}"), 503,
                   "in service: no model.bin here");
    assert_non_null(strstr(get("/metrics")->body, "\nrecommender_model_ready 0\n"));
}

static void health_names_the_model_in_service(void **state)
{
    (void)state;
    const mf_model_parts rating = sample_parts(), both = sample_parts_with_ranking();
    char body[400], first[MF_MODEL_VERSION_BYTES];
    serve_model(&rating);
    assert_int_equal(get("/ping")->status, 200);
    assert_int_equal(get("/ping")->n_body, 0);
    snprintf(body, sizeof body,
             "{\"status\":\"ok\",\"version\":\"" MF_VERSION "\",\"model\":{\"version\":\"%s\","
             "\"users\":3,\"items\":4,\"ratings\":5,\"models\":{\"rating\":true,\"ranking\":false},"
             "\"factors\":3,\"ranking_factors\":0,\"lists\":0,\"load_seconds\":%.3f}}",
             model->version, model->seconds);
    assert_body(get("/health"), body);
    memcpy(first, model->version, sizeof first);
    serve_model(&both);
    assert_string_not_equal(model->version, first);
    assert_non_null(strstr(get("/health")->body, model->version));
    assert_non_null(strstr(get("/health")->body, "\"ranking\":true"));
}

static void a_folder_without_a_model_is_an_error_that_lists_it(void **state)
{
    (void)state;
    mf_error err = {0};
    char *inner = testing_path(folder, "model"), *file = testing_path(folder, "model/model.bin"),
         *broken = testing_path(folder, "model.bin");
    assert_null(load(NULL, &err));
    assert_error(&err, MF_ERR_IO, "no model.bin here; found nothing");
    assert_int_equal(mkdir(inner, 0755), 0);
    testing_write(file, "x", 1);
    mf_error_clear(&err);
    assert_null(load(NULL, &err));
    assert_error(&err, MF_ERR_IO, "found model/ (which holds model.bin)");
    testing_write(broken, "not a model", 11);
    mf_error_clear(&err);
    assert_null(load(NULL, &err));
    assert_error(&err, MF_ERR_FORMAT, "model.bin");
    free(inner);
    free(file);
    free(broken);
}

/* ---------------------------------------------------------------- predictions */

static void a_prediction_has_the_format_of_the_request_or_of_accept(void **state)
{
    (void)state;
    static const char ONE[] = "{\"userId\":\"7\",\"movieId\":\"1042\"}";
    const mf_model_parts parts = sample_parts();
    serve_model(&parts);
    assert_body(request("POST /invocations HTTP/1.1\r\nHost: h", ONE),
                "{\"predicted_rating\":4.0}");
    assert_body(request(POST "application/json; charset=utf-8", ONE), "{\"predicted_rating\":4.0}");
    const response *r = request(POST "text/csv", "7,1042\n7,1042\n");
    assert_body(r, "4.0\n4.0\n");
    assert_string_equal(header_of(r, "Content-Type"), "text/csv");
    r = request(POST "application/json\r\nAccept: text/html, application/jsonlines;q=0.5", ONE);
    assert_body(r, "{\"predicted_rating\":4.0}\n");
    assert_string_equal(header_of(r, "Content-Type"), "application/jsonlines");
    assert_body(request(POST "application/json\r\nAccept: */*", ONE), "{\"predicted_rating\":4.0}");
    assert_refused(request(POST "text/html", ONE), 415, "Content-Type text/html is not read here");
    assert_refused(request(POST "text/csv\r\nAccept: image/png", "7,1042"), 406,
                   "Accept image/png names nothing that can be sent");
    assert_refused(request(POST "application/json", "{\"userId\":7,"), 400, "bad_request");
    assert_refused(request(POST "application/json", "{\"userId\":[1]}"), 400, "userId");
}

static void custom_attributes_come_back_and_may_name_the_model(void **state)
{
    (void)state;
    static const char NAME[] = "X-Amzn-SageMaker-Custom-Attributes";
    const mf_model_parts parts = sample_parts();
    char expected[64];
    serve_model(&parts);
    assert_string_equal(
        header_of(request(POST "text/csv\r\nX-Amzn-SageMaker-Custom-Attributes: a=1", "7,1042"),
                  NAME),
        "a=1");
    snprintf(expected, sizeof expected, "model_version=%s", model->version);
    assert_string_equal(
        header_of(
            request(POST "text/csv\r\nX-Amzn-SageMaker-Custom-Attributes: model_version", "7,1042"),
            NAME),
        expected);
    assert_null(header_of(request(POST "text/csv", "7,1042"), NAME));
}

/* So many that they take several slices, between which others are served. */
static void a_long_batch_is_computed_in_slices(void **state)
{
    (void)state;
    enum { N = 40000 };
    static const char ROW[] = "7,1042\n";
    const mf_model_parts parts = sample_parts();
    serve_model(&parts);
    client *c = open_client(service.server);
    mf_text text = MF_TEXT_EMPTY;
    mf_text_format(&text, POST "text/csv\r\nContent-Length: %zu\r\n\r\n", N * strlen(ROW));
    for (int i = 0; i < N; i++)
        mf_text_literal(&text, "7,1042\n");
    send_bytes(c, text.bytes, text.n_bytes);
    response r;
    assert_true(read_response(c, &r));
    assert_int_equal(r.status, 200);
    assert_int_equal(r.n_body, N * strlen("4.0\n"));
    assert_memory_equal(r.body, "4.0\n4.0\n4.0\n", 12);
    close_client(c);
    mf_text_free(&text);
    assert_non_null(strstr(get("/metrics")->body, "\nrecommender_predictions_total 40000\n"));
}

static void a_list_has_the_version_of_its_model(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    serve_model(&parts);
    const response *r = get("/internal/recommend/7");
    assert_body(r, "{\"user_id\":7,\"recommendations\":[\"a@b \"],\"count\":1}");
    assert_string_equal(header_of(r, "X-Model-Version"), model->version);
    assert_string_equal(header_of(r, "Content-Type"), "application/json");
    r = get("/internal/recommend/z%C3%BCri?top_n=1");
    assert_int_equal(r->status, 200);
    assert_non_null(strstr(r->body, "{\"user_id\":\"z\xC3\xBCri\",\"recommendations\":["));
    assert_non_null(strstr(r->body, "],\"count\":1}"));
    assert_non_null(strstr(get("/internal/recommend/new")->body, "\"known_user\":false"));
    assert_int_equal(request("HEAD /ping HTTP/1.1\r\nHost: h\r\nConnection: close", NULL)->status,
                     200);
}

static void top_n_is_one_number_in_its_range(void **state)
{
    (void)state;
    static const struct {
        const char *query, *piece;
    } cases[] = {
        {"?top_n=0", "top_n is \\\"0\\\": expected a whole number from 1 to 1000"},
        {"?top_n=1001", "top_n is \\\"1001\\\": expected a whole number from 1 to 1000"},
        {"?top_n=x", "top_n is \\\"x\\\""},
        {"?top_n=", "top_n is \\\"\\\""},
        {"?top_n=3&top_n=3", "top_n is given twice: send it once"},
        {"?n=3",
         "unknown parameter \\\"n\\\": expected top_n or limit, where, exclude, in, diversity, "
         "max_per, offset, explain and with"},
        {"?limit=0", "limit is \\\"0\\\": expected a whole number from 1 to 1000"},
        {"?limit=3&top_n=3", "limit is another name of top_n: send one of them"},
        {"?max_per=2", "max_per: expected one JSON object"},
        {"?max_per=%7B%22a%22:0%7D", "max_per.a: expected a whole number from 1 to 1000"},
        {"?userIds=1", "unknown parameter"},
        {"?offset=", "offset: expected a number, found \\\"\\\""},
        {"?where=7", "where: expected one JSON object"},
        {"?where=%7B%7D,%22a%22:1", "where: expected one JSON object"},
        {"?where=%7B", "where: expected one JSON object, found not valid JSON"},
        {"?where=%7B%7D", "where: expected at least one condition"},
        {"?exclude=1,,2", "exclude[1]: expected an id"},
    };
    const mf_model_parts parts = sample_parts();
    serve_model(&parts);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[100];
        snprintf(path, sizeof path, "/internal/recommend/7%s", cases[i].query);
        assert_refused(get(path), 400, cases[i].piece);
        snprintf(path, sizeof path, "/recommend/cached/7%s", cases[i].query);
        assert_refused(get(path), 400, cases[i].piece);
    }
}

static void a_strict_server_refuses_unknown_users(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    mf_service_stop(&service);
    start(PAIRS(VARIABLES, "SERVE_STRICT", "true"));
    serve_model(&parts);
    assert_refused(get("/internal/recommend/new"), 404, "new");
    assert_refused(get("/recommend/cached/new"), 404, "new");
    assert_int_equal(get("/internal/recommend/7")->status, 200);
}

/* -------------------------------------------------------------------- the cache */

static void assert_list(const response *r, bool from_cache)
{
    char start_of_body[200];
    snprintf(start_of_body, sizeof start_of_body,
             "{\"user_id\":7,\"recommendations\":[\"a@b \"],\"count\":1,\"from_cache\":%s,"
             "\"latency_ms\":",
             from_cache ? "true" : "false");
    if (r->status != 200 || strncmp(r->body, start_of_body, strlen(start_of_body)) != 0)
        fail_msg("expected %s, got %s%s", start_of_body, r->head, r->body);
    char *end;
    const double latency = strtod(r->body + strlen(start_of_body), &end);
    assert_true(latency >= 0 && latency < 60000);
    assert_string_equal(end, "}");
    assert_string_equal(header_of(r, "X-Model-Version"), model->version);
}

static void without_a_cache_lists_are_computed(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    serve_model(&parts);
    assert_list(get("/recommend/cached/7"), false);
    assert_list(get("/recommend/cached/7"), false);
    assert_non_null(strstr(get("/metrics")->body, "\nrecommender_cache_enabled 0\n"));
}

static double metric(const char *name)
{
    char line[100];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(get("/metrics")->body, line);
    if (at == NULL)
        fail_msg("no metric %s", name);
    return strtod(at + strlen(line), NULL);
}

static void with_a_cache_a_list_is_computed_once(void **state)
{
    (void)state;
    static redis_thread server;
    const mf_model_parts parts = sample_parts();
    mf_service_stop(&service);
    redis_start(&server);
    cache_settings = redis_settings(&server.redis);
    start(PAIRS(VARIABLES));
    serve_model(&parts);
    assert_soon(metric("recommender_cache_connections") == 2);
    assert_list(get("/recommend/cached/7"), false);
    assert_soon(metric("recommender_cache_stored_total") == 1);
    assert_list(get("/recommend/cached/7"), true);
    assert_int_equal(get("/recommend/cached/7?offset=1")->status, 200); /* not looked up */
    assert_int_equal(metric("recommender_cache_hits_total"), 1);
    assert_int_equal(metric("recommender_cache_misses_total"), 1);
    assert_int_equal(metric("recommender_cache_stored_total"), 1);
    assert_refused(get("/recommend/cached/7?top_n=0"), 400, "top_n");
    /* A Redis that fails delays a request and does not fail it. */
    atomic_store(&server.fault, REDIS_WRONG_TYPE);
    assert_soon((assert_int_equal(get("/recommend/cached/7?top_n=2")->status, 200),
                 metric("recommender_cache_breakers_open") == 2));
    assert_list(get("/recommend/cached/7"), false);
    assert_int_equal(mf_service_stop(&service), 0);
    redis_stop(&server);
    cache_settings = (mf_cache_settings){0};
    start(PAIRS(VARIABLES)); /* for tear_down */
}

/* ------------------------------------------------------------- about the server */

static void execution_parameters_are_those_of_the_settings(void **state)
{
    (void)state;
    assert_body(get("/execution-parameters"),
                "{\"MaxConcurrentTransforms\":2,\"MaxPayloadInMB\":6}");
    mf_service_stop(&service);
    start(PAIRS(VARIABLES, "SAGEMAKER_BATCH_STRATEGY", "SingleRecord",
                "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "3", "SAGEMAKER_MAX_PAYLOAD_IN_MB", "20"));
    assert_body(get("/execution-parameters"), "{\"MaxConcurrentTransforms\":3,\"BatchStrategy\":"
                                              "\"SINGLE_RECORD\",\"MaxPayloadInMB\":20}");
}

static void metrics_count_requests_by_route_and_status(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_with_ranking();
    serve_model(&parts);
    get("/ping");
    get("/ping");
    get("/internal/recommend/7");
    get("/internal/recommend/7?n=1");
    get("/nothing");
    const response *r = get("/metrics");
    static const char *const lines[] = {
        "\nrecommender_http_requests_total{route=\"/ping\",status=\"2xx\"} 2\n",
        "\nrecommender_http_requests_total{route=\"/internal/recommend/{user_id}\",status=\"2xx\"} "
        "1\n",
        "\nrecommender_http_requests_total{route=\"/internal/recommend/{user_id}\",status=\"4xx\"} "
        "1\n",
        "\nrecommender_http_requests_total{route=\"none\",status=\"4xx\"} 1\n",
        "\nrecommender_http_request_duration_seconds_count{route=\"/ping\"} 2\n",
    };
    assert_string_equal(header_of(r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (strstr(r->body, lines[i]) == NULL)
            fail_msg("no line %s in %s", lines[i], r->body);
    assert_int_equal(metric("recommender_predictions_total"), 1);
    assert_int_equal(metric("predictions_total"), 1);
    assert_int_equal(metric("recommender_unknown_users_total"), 0);
    get("/internal/recommend/unknown");
    assert_int_equal(metric("recommender_unknown_users_total"), 1);
    assert_int_equal(metric("recommender_unknown_items_total"), 0);
    assert_true(fabs(metric("process_start_time_seconds") - (double)time(NULL)) < 600);
    assert_int_equal(metric("recommender_model_ready"), 1);
    assert_int_equal(metric("recommender_model_users"), 3);
    assert_int_equal(metric("recommender_model_items"), 4);
    assert_int_equal(metric("recommender_model_ratings"), 5);
    assert_int_equal(metric("recommender_model_factors"), 3);
    assert_int_equal(metric("recommender_model_ranking_factors"), 2);
    assert_int_equal(metric("recommender_model_lists"), 0);
    assert_int_equal(metric("recommender_http_connections_refused_total"), 0);
    assert_true(metric("process_resident_memory_bytes") > 1e6);
    assert_true(metric("recommender_http_received_bytes_total") > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_model_every_prediction_is_503_with_the_reason),
        TEST(health_names_the_model_in_service),
        TEST(a_folder_without_a_model_is_an_error_that_lists_it),
        TEST(a_prediction_has_the_format_of_the_request_or_of_accept),
        TEST(custom_attributes_come_back_and_may_name_the_model),
        TEST(a_long_batch_is_computed_in_slices),
        TEST(a_list_has_the_version_of_its_model),
        TEST(top_n_is_one_number_in_its_range),
        TEST(a_strict_server_refuses_unknown_users),
        TEST(without_a_cache_lists_are_computed),
        TEST(with_a_cache_a_list_is_computed_once),
        TEST(execution_parameters_are_those_of_the_settings),
        TEST(metrics_count_requests_by_route_and_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
