#include "testing.h"

#include "local/apigateway/event.h"
#include "local/apigateway/response.h"
#include "local/apigateway/route.h"

#include <jansson.h>

/* A block of exactly n bytes, so that ASan sees one byte over. */
static char *exact(const char *text, size_t n)
{
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, text, n);
    return copy;
}

static mf_http_view view(const char *text)
{
    return (mf_http_view){text, strlen(text)};
}

static mf_local_settings settings;

static int make_settings(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(mf_local_settings_start(&settings, &err), err);
    assert_non_null(mf_local_settings_add_function(&settings, "f", &err));
    static const char *const routes[] = {
        "POST /predict",      "ANY /users/{id}",         "GET /users/me", "GET /",
        "GET /files/{path+}", "POST /predict/{a}/x/{b}", "GET /predict",  "DELETE /users/{name}",
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        assert_ok(mf_local_settings_add_route(&settings, routes[i], "f", "1.0", &err), err);
    return 0;
}

static int free_settings(void **state)
{
    (void)state;
    mf_local_settings_free(&settings);
    return 0;
}

/* ------------------------------------------------------------------- routes */

static const char *found(const char *method, const char *path, mf_local_path_parameters *parameters)
{
    char *bytes = exact(path, strlen(path));
    const mf_local_route *route = mf_local_gateway_find(
        &settings, view(method), (mf_http_view){bytes, strlen(path)}, parameters);
    free(bytes);
    return route != NULL ? route->path : "none";
}

static void routes_are_found_by_method_and_path(void **state)
{
    (void)state;
    mf_local_path_parameters p;
    static const struct {
        const char *method, *path, *route;
        size_t n;
    } cases[] = {
        {"POST", "/predict", "/predict", 0},
        {"GET", "/predict", "/predict", 0},
        {"PUT", "/predict", "none", 0},
        {"OPTIONS", "/predict", "/predict", 0},
        {"POST", "/predict/", "none", 0},
        {"POST", "/predictx", "none", 0},
        {"POST", "/predic", "none", 0},
        {"POST", "", "none", 0},
        {"POST", "*", "none", 0},
        {"GET", "/", "/", 0},
        {"GET", "//", "none", 0},
        {"GET", "/users/me", "/users/me", 0},
        {"PUT", "/users/me", "/users/{id}", 1},
        {"GET", "/users/you", "/users/{id}", 1},
        {"GET", "/users/", "none", 0},
        {"GET", "/users/a/b", "none", 0},
        {"GET", "/files/a/b/c", "/files/{path+}", 1},
        {"GET", "/files/", "none", 0},
        {"POST", "/predict/1/x/2", "/predict/{a}/x/{b}", 2},
        {"POST", "/predict/1/y/2", "none", 0},
        {"OPTIONS", "/nothing", "none", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *route = found(cases[i].method, cases[i].path, &p);
        assert_string_equal(cases[i].route, route);
        if (strcmp(route, "none") != 0)
            assert_int_equal(cases[i].n, p.n);
    }
}

static void stages_are_cut_off(void **state)
{
    (void)state;
    static const struct {
        const char *path, *without;
    } cases[] = {
        {"/local/predict", "/predict"}, {"/local", "/"}, {"/local/", "/"}, {"/localx", "/localx"},
        {"/predict", "/predict"},       {"/", "/"},      {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_http_view path = mf_local_gateway_path(view(cases[i].path), "local");
        assert_int_equal(strlen(cases[i].without), path.n_bytes);
        assert_memory_equal(cases[i].without, path.bytes, path.n_bytes);
    }
}

/* ------------------------------------------------------------------- events */

static void every_event_is_json_whatever_its_bytes(void **state)
{
    (void)state;
    const mf_local_path_parameters none = {.n = 0};
    for (unsigned seed = 0; seed < 400; seed++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)((seed * 2654435761u + i * 40503u + (i * seed) % 251) >> (seed % 9));
        const mf_http_view any = {bytes, seed % 65};
        mf_local_route route = {"ANY", "/predict", 0,
                                seed % 2 ? MF_LOCAL_PAYLOAD_HTTP : MF_LOCAL_PAYLOAD_REST};
        mf_local_gateway_request r = {.settings = &settings,
                                      .route = &route,
                                      .parameters = &none,
                                      .request_id = "id",
                                      .trace = "t",
                                      .peer = "127.0.0.1",
                                      .method = view("POST"),
                                      .sent_path = any,
                                      .path = any,
                                      .query = view("a=1&b"),
                                      .body = any,
                                      .user_agent = any};
        mf_local_gateway_add_header(&r, view("X-A"), any);
        mf_local_gateway_add_header(&r, view("Cookie"), any);
        mf_local_gateway_add_header(&r, view("x-a"), any);
        mf_text event = MF_TEXT_EMPTY;
        assert_true(mf_local_gateway_event_write(&event, &r));
        assert_false(event.failed);
        json_error_t why;
        json_t *root = json_loadb(event.bytes, event.n_bytes, JSON_ALLOW_NUL, &why);
        if (root == NULL)
            fail_msg("%s in %.*s", why.text, (int)event.n_bytes, event.bytes);
        json_decref(root);
        mf_text_free(&event);
    }
}

static void binary_types_match_with_stars_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool binary;
    } cases[] = {{"application/octet-stream", true},
                 {"Application/Octet-Stream; x=y", true},
                 {"image/png,text/plain", true},
                 {"image/", false},
                 {"image", false},
                 {"text/plain", false},
                 {"application/octet-streams", false},
                 {"", false},
                 {"*/*", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(cases[i].binary, mf_local_gateway_is_binary(&settings, cases[i].type,
                                                                     strlen(cases[i].type)));
}

/* ------------------------------------------------------------------ responses */

static void a_response_of_every_prefix_is_read_or_refused(void **state)
{
    (void)state;
    static const char WHOLE[] =
        "{\"statusCode\":201,\"headers\":{\"A\":\"b\"},\"multiValueHeaders\":{\"C\":[\"d\",1]},"
        "\"body\":\"aGVsbG8=\",\"isBase64Encoded\":true}";
    for (size_t n = 0; n <= strlen(WHOLE); n++) {
        char *bytes = exact(WHOLE, n);
        mf_local_gateway_response response;
        mf_error err = {0};
        const bool ok =
            mf_local_gateway_response_read(&response, MF_LOCAL_PAYLOAD_REST, bytes, n, true, &err);
        assert_int_equal(n == strlen(WHOLE), ok);
        if (!ok)
            assert_error(&err, MF_ERR_FORMAT, "Malformed Lambda proxy response: ");
        if (ok) {
            static const char HEADERS[] = "A\0b\0C\0d\0C\0"
                                          "1\0Content-Type\0application/json";
            assert_int_equal(201, response.status);
            assert_int_equal(5, response.body.n_bytes);
            assert_memory_equal("hello", response.body.bytes, 5);
            assert_int_equal(sizeof HEADERS, response.headers.n_bytes);
            assert_memory_equal(HEADERS, response.headers.bytes, sizeof HEADERS);
        }
        mf_local_gateway_response_free(&response);
        free(bytes);
    }
}

static void a_body_may_hold_a_zero_byte(void **state)
{
    (void)state;
    static const char TEXT[] = "{\"statusCode\":200,\"body\":\"a\\u0000b\"}";
    mf_local_gateway_response response;
    mf_error err = {0};
    assert_ok(mf_local_gateway_response_read(&response, MF_LOCAL_PAYLOAD_REST, TEXT, strlen(TEXT),
                                             false, &err),
              err);
    assert_int_equal(3, response.body.n_bytes);
    assert_memory_equal("a\0b", response.body.bytes, 3);
    mf_local_gateway_response_free(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_found_by_method_and_path),
        cmocka_unit_test(stages_are_cut_off),
        cmocka_unit_test(every_event_is_json_whatever_its_bytes),
        cmocka_unit_test(binary_types_match_with_stars_and_parameters),
        cmocka_unit_test(a_response_of_every_prefix_is_read_or_refused),
        cmocka_unit_test(a_body_may_hold_a_zero_byte),
    };
    return cmocka_run_group_tests(tests, make_settings, free_settings);
}
