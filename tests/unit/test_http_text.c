/* Media types, targets and routes: what stands in a head. */
#include "testing.h"

#include "http/parse/media.h"
#include "http/parse/target.h"

#include <stdlib.h>
#include <string.h>

static void a_media_type_is_its_name_whatever_surrounds_it(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool is;
    } cases[] = {
        {"text/csv", true},
        {"Text/CSV; charset=utf-8", true},
        {" text/csv\t;header=present", true},
        {"text/csv;", true},
        {"text/csv2", false},
        {"text/cs", false},
        {"text/csv, text/plain", false},
        {"text", false},
        {"", false},
        {";", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (mf_media_is(cases[i].value, strlen(cases[i].value), "text/csv") != cases[i].is)
            fail_msg("\"%s\"", cases[i].value);
    assert_false(mf_media_is(NULL, 0, "text/csv"));
}

static void accept_picks_what_the_client_wants_most(void **state)
{
    (void)state;
    static const char *const types[] = {"application/json", "text/csv", "application/jsonlines"};
    static const struct {
        const char *accept;
        int choice;
    } cases[] = {
        {"", 0},
        {"*/*", 0},
        {"text/csv", 1},
        {"TEXT/CSV", 1},
        {"application/jsonlines; verbose=true", 2},
        {"text/csv;q=0.5, application/json;q=0.4", 1},
        {"text/csv;q=0.5, application/json; q=0.5", 0},
        {"text/csv;q=0.5, */*;q=0.1", 1},
        {"application/json;q=0, */*", 1},
        {"application/*;q=0.9, application/json;q=0.1", 2},
        {"*/*;q=0.3, text/*", 1},
        {"image/png", -1},
        {"image/png, */*;q=0", -1},
        {"text/csv;q=0", -1},
        {"text/csv;q=1.001", 0}, /* unreadable, and nothing else there */
        {"text/csv;q=x, application/jsonlines", 2},
        {"nonsense", 0},
        {"nonsense, text/csv", 1},
        {", ,text/csv", 1},
        {"a/b;p=\"x,text/csv\"", -1},
        {"text/csv;p=\"a\\\"b,;q=0\"", 1},
        {"text/csv;p=\"open", 1},
        {"text/csv;p=\"\\", 1},
        {"text/csv;Q=0.000, application/json;q=0.001", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = strlen(cases[i].accept);
        char *exact = malloc(n > 0 ? n : 1);
        assert_non_null(exact);
        memcpy(exact, cases[i].accept, n);
        const int choice = mf_media_choose(exact, n, types, 3);
        free(exact);
        if (choice != cases[i].choice)
            fail_msg("\"%s\" gave %d", cases[i].accept, choice);
    }
}

static void assert_uri(const char *target, const char *path, const char *query)
{
    const size_t n = strlen(target);
    char *exact = malloc(n);
    assert_non_null(exact);
    memcpy(exact, target, n);
    mf_uri uri;
    mf_uri_split(exact, n, &uri);
    assert_int_equal(uri.path_bytes, strlen(path));
    assert_memory_equal(uri.path, path, uri.path_bytes);
    assert_true((uri.query == NULL) == (query == NULL));
    if (query != NULL) {
        assert_int_equal(uri.query_bytes, strlen(query));
        assert_memory_equal(uri.query, query, uri.query_bytes);
    }
    free(exact);
}

static void targets_are_a_path_and_a_query(void **state)
{
    (void)state;
    assert_uri("/ping", "/ping", NULL);
    assert_uri("/ping?", "/ping", "");
    assert_uri("/ping?a=1?b", "/ping", "a=1?b");
    assert_uri("*", "*", NULL);
    assert_uri("http://localhost:8080/ping?x", "/ping", "x");
    assert_uri("HTTP://localhost", "/", NULL);
    assert_uri("http://localhost?x=1", "/", "x=1");
    assert_uri("http://localhost/", "/", NULL);
    assert_uri("https://[::1]:8080/ping?x", "/ping", "x");
}

static void parameters_are_decoded_in_their_order(void **state)
{
    (void)state;
    char query[] = "n=10&&name=a+b%20c&empty&none=&=x&n=20&%6e2=%C3%BC%26";
    static const char *const expected[][2] = {{"n", "10"},  {"name", "a b c"}, {"empty", ""},
                                              {"none", ""}, {"", "x"},         {"n", "20"},
                                              {"n2", "ü&"}};
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
    assert_int_equal(mf_uri_parameters(query, strlen(query), parameters), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(parameters[i].name.n_bytes, strlen(expected[i][0]));
        assert_memory_equal(parameters[i].name.bytes, expected[i][0], strlen(expected[i][0]));
        assert_int_equal(parameters[i].value.n_bytes, strlen(expected[i][1]));
        assert_memory_equal(parameters[i].value.bytes, expected[i][1], strlen(expected[i][1]));
    }
    assert_int_equal(mf_uri_parameters(NULL, 0, parameters), 0);
}

static void queries_that_cannot_be_decoded_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"a=%", "a=%1", "a=%zz", "%=1", "a=%00", "a=%1&b=2"};
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = strlen(cases[i]);
        char *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, cases[i], n);
        if (mf_uri_parameters(exact, n, parameters) != -1)
            fail_msg("%s", cases[i]);
        free(exact);
    }
    char many[4 * (MF_URI_PARAMETERS_MAX + 1)];
    memset(many, 0, sizeof many);
    for (int n = 1; n <= MF_URI_PARAMETERS_MAX + 1; n++) {
        memcpy(many + 4 * (n - 1), "a=1&", 4);
        assert_int_equal(mf_uri_parameters(many, (size_t)n * 4, parameters),
                         n <= MF_URI_PARAMETERS_MAX ? n : -1);
    }
}

static void handle(mf_http_request *request, void *context)
{
    (void)request;
    (void)context;
}

static const mf_http_route routes[] = {
    {.path = "/ping", .methods = MF_HTTP_GET | MF_HTTP_HEAD, .handle = handle},
    {.path = "/models", .methods = MF_HTTP_GET, .handle = handle},
    {.path = "/models", .methods = MF_HTTP_POST, .handle = handle},
    {.path = "/models/{name}", .methods = MF_HTTP_GET | MF_HTTP_DELETE, .handle = handle},
    {.path = "/models/all", .methods = MF_HTTP_PUT, .handle = handle},
};

static mf_route_match match(const mf_routes *table, const char *path, mf_http_method method)
{
    static char copy[100];
    snprintf(copy, sizeof copy, "%s", path);
    return mf_routes_match(table, copy, strlen(copy), method);
}

static void paths_find_their_route(void **state)
{
    (void)state;
    mf_routes table;
    mf_error err = {0};
    assert_true(mf_routes_prepare(&table, routes, 5, &err));
    static const struct {
        const char *path;
        mf_http_method method;
        uint32_t index;
        bool found;
    } cases[] = {
        {"/ping", MF_HTTP_GET, 0, true},        {"/p%69ng", MF_HTTP_GET, 0, true},
        {"/ping/", MF_HTTP_GET, 0, true},       {"/ping//", MF_HTTP_GET, 5, false},
        {"/pin", MF_HTTP_GET, 5, false},        {"/Ping", MF_HTTP_GET, 5, false},
        {"//ping", MF_HTTP_GET, 5, false},      {"%2Fping", MF_HTTP_GET, 5, false},
        {"/ping%00", MF_HTTP_GET, 5, false},    {"/ping%", MF_HTTP_GET, 5, false},
        {"/ping", MF_HTTP_POST, 0, false},      {"/models", MF_HTTP_GET, 1, true},
        {"/models", MF_HTTP_POST, 2, true},     {"/models", MF_HTTP_PUT, 1, false},
        {"/models/", MF_HTTP_GET, 1, true},     {"/models//", MF_HTTP_GET, 5, false},
        {"/models/a/", MF_HTTP_GET, 3, true},   {"/models/a", MF_HTTP_GET, 3, true},
        {"/models/a/b", MF_HTTP_GET, 5, false}, {"/models/a%2Fb", MF_HTTP_DELETE, 3, true},
        {"/models/all", MF_HTTP_GET, 3, true},  {"/models/all", MF_HTTP_PUT, 4, true},
        {"*", MF_HTTP_OPTIONS, 5, false},       {"/", MF_HTTP_GET, 5, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_route_match found = match(&table, cases[i].path, cases[i].method);
        if (found.index != cases[i].index || found.found != cases[i].found)
            fail_msg("%s gave %u", cases[i].path, found.index);
    }
    char allow[MF_ROUTES_ALLOW_BYTES];
    assert_string_equal(mf_routes_allow(match(&table, "/models", MF_HTTP_PUT).allowed, allow),
                        "GET, POST");
    assert_string_equal(mf_routes_allow(match(&table, "/models/all", MF_HTTP_POST).allowed, allow),
                        "GET, PUT, DELETE");
    assert_string_equal(mf_routes_allow(127, allow), "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    const mf_route_match segment = match(&table, "/models/a%20b", MF_HTTP_GET);
    assert_int_equal(segment.segment_bytes, 5);
    assert_memory_equal(segment.segment, "a%20b", 5);
}

static void routes_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const mf_http_route bad[] = {
        {.path = "ping", .methods = MF_HTTP_GET, .handle = handle},
        {.path = NULL, .methods = MF_HTTP_GET, .handle = handle},
        {.path = "/ping", .methods = 0, .handle = handle},
        {.path = "/ping", .methods = MF_HTTP_GET, .handle = NULL},
        {.path = "/{a}/b", .methods = MF_HTTP_GET, .handle = handle},
        {.path = "/a{b}", .methods = MF_HTTP_GET, .handle = handle},
        {.path = "/{a", .methods = MF_HTTP_GET, .handle = handle},
        {.path = "/{a}b", .methods = MF_HTTP_GET, .handle = handle},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_routes table;
        mf_error err = {0};
        if (mf_routes_prepare(&table, &bad[i], 1, &err))
            fail_msg("route %zu", i);
        assert_int_equal(err.code, MF_ERR_ARGUMENT);
    }
    mf_routes table;
    assert_false(mf_routes_prepare(&table, routes, 0, NULL));
    assert_false(mf_routes_prepare(&table, routes, MF_HTTP_ROUTES_MAX + 1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_media_type_is_its_name_whatever_surrounds_it),
        cmocka_unit_test(accept_picks_what_the_client_wants_most),
        cmocka_unit_test(targets_are_a_path_and_a_query),
        cmocka_unit_test(parameters_are_decoded_in_their_order),
        cmocka_unit_test(queries_that_cannot_be_decoded_are_refused),
        cmocka_unit_test(paths_find_their_route),
        cmocka_unit_test(routes_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
