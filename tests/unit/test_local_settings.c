#include "testing.h"

#include "local/local_settings.h"

#include <stdlib.h>
#include <string.h>

static mf_local_settings settings;

static int start(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(mf_local_settings_start(&settings, &err), err);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    mf_local_settings_free(&settings);
    return 0;
}

static mf_local_function_settings *add_function(const char *name)
{
    mf_error err = {0};
    mf_local_function_settings *f = mf_local_settings_add_function(&settings, name, &err);
    assert_ok(f != NULL, err);
    return f;
}

static void a_later_value_replaces_an_earlier_one(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_int_equal(3000, settings.port);
    assert_ok(mf_local_settings_set(&settings.table, "port", "4000", &err), err);
    assert_ok(mf_local_settings_set(&settings.table, "port", "0", &err), err);
    assert_int_equal(0, settings.port);
    assert_ok(mf_local_settings_set(&settings.table, "gateway-timeout", "0.25", &err), err);
    assert_true(settings.gateway_s == 0.25);
    mf_local_function_settings *f = add_function("f");
    assert_ok(mf_local_settings_set(&f->table, "start", "early", &err), err);
    assert_ok(mf_local_settings_set(&f->table, "timeout", "900", &err), err);
    assert_int_equal(MF_LOCAL_START_EARLY, f->start);
    assert_true(f->timeout_s == 900);
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *error;
    } cases[] = {
        {"prot", "1", "unknown setting \"prot\": did you mean port?"},
        {"port", "65536", "setting port is \"65536\": expected a whole number from 0 to 65535"},
        {"port", "1.5", "setting port is \"1.5\""},
        {"log", "some", "expected one of functions, all"},
        {"gateway-timeout", "29.5", "expected a number from 0.05 to 29"},
        {"stage", "a\nb", "setting stage is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        assert_false(mf_local_settings_set(&settings.table, cases[i].name, cases[i].value, &err));
        assert_error(&err, MF_ERR_CONFIG, cases[i].error);
    }
    assert_int_equal(3000, settings.port);
    assert_string_equal("local", settings.stage);
    assert_true(settings.gateway_s == 29);
}

static void a_route_needs_a_method_a_path_and_a_function(void **state)
{
    (void)state;
    static const struct {
        const char *what, *function, *payload;
        bool ok;
    } cases[] = {
        {"POST /predict", "f", "1.0", true},
        {"ANY /users/{id}", "f", "2.0", true},
        {"GET /files/{path+}", "f", "none", true},
        {"GET /{a}/b/{c}", "f", "1.0", true},
        {"GET /", "f", "1.0", true},
        {"/predict", "f", "1.0", false},
        {"POST predict", "f", "1.0", false},
        {"post /predict", "f", "1.0", false},
        {"POST /a b", "f", "1.0", false},
        {"GET /{path+}/b", "f", "1.0", false},
        {"GET /{}", "f", "1.0", false},
        {"GET /{+}", "f", "1.0", false},
        {"GET /x{a}", "f", "1.0", false},
        {"GET /{a", "f", "1.0", false},
        {"GET /{a}b", "f", "1.0", false},
        {"GET /a?b", "f", "1.0", false},
        {"POST /predict", "g", "1.0", false},
        {"POST /predict", "f", "3.0", false},
    };
    add_function("f");
    uint32_t n = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        const bool ok = mf_local_settings_add_route(&settings, cases[i].what, cases[i].function,
                                                    cases[i].payload, &err);
        n += ok;
        assert_int_equal(cases[i].ok, ok);
        assert_int_equal(n, settings.n_routes);
    }
}

static void an_endpoint_has_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *base;
        uint16_t port; /* 0: refused */
    } cases[] = {
        {"http://127.0.0.1:8080", "127.0.0.1", "", 8080},
        {"http://host", "host", "", 80},
        {"http://host/", "host", "", 80},
        {"http://host:1/a/b/", "host", "/a/b", 1},
        {"https://host", "", "", 0},
        {"http://", "", "", 0},
        {"http://host:0", "", "", 0},
        {"http://host:65536", "", "", 0},
        {"http://host:8x", "", "", 0},
        {"http://host/a?b", "", "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        const uint32_t n = settings.n_endpoints;
        const bool ok = mf_local_settings_add_endpoint(&settings, "e", cases[i].url, &err);
        assert_int_equal(cases[i].port > 0, ok);
        if (!ok) {
            assert_error(&err, MF_ERR_CONFIG, "expected http://host:port");
            continue;
        }
        assert_string_equal(cases[i].host, settings.endpoints[n].at.host);
        assert_string_equal(cases[i].base, settings.endpoints[n].at.base);
        assert_int_equal(cases[i].port, settings.endpoints[n].at.port);
    }
}

static void a_mapping_needs_a_starting_position_and_an_address_of_kinesis(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_local_function_settings *f = add_function("f");
    assert_ok(mf_local_function_settings_add_word(f, "/bin/true", &err), err);
    assert_ok(mf_local_settings_set(&settings.table, "kinesis", "http://127.0.0.1:1", &err), err);
    mf_local_mapping_settings *m = mf_local_settings_add_mapping(
        &settings, "s", "arn:aws:lambda:us-east-1:123456789012:function:f", &err);
    assert_ok(m != NULL, err);
    assert_string_equal("arn:aws:kinesis:us-east-1:123456789012:stream/s", m->arn);
    assert_false(mf_local_settings_check(&settings, &err));
    assert_error(&err, MF_ERR_CONFIG, "StartingPosition is missing");
    err = (mf_error){0};
    assert_ok(mf_local_settings_set(&m->table, "StartingPosition", "AT_TIMESTAMP", &err), err);
    assert_false(mf_local_settings_check(&settings, &err));
    assert_error(&err, MF_ERR_CONFIG, "go together");
    err = (mf_error){0};
    assert_ok(mf_local_settings_set(&m->table, "StartingPosition", "LATEST", &err), err);
    assert_ok(mf_local_settings_check(&settings, &err), err);
    assert_int_equal(MF_LOCAL_LATEST, m->position);
    assert_int_equal(1, settings.kinesis_at.port);
    assert_int_equal(-1, m->max_retries);
}

static void variables_are_those_that_lambda_takes(void **state)
{
    (void)state;
    mf_error err = {0};
    char *large = malloc(MF_LOCAL_FUNCTION_VARIABLES_BYTES);
    mf_local_function_settings *f = add_function("f");
    memset(large, 'x', MF_LOCAL_FUNCTION_VARIABLES_BYTES);
    large[MF_LOCAL_FUNCTION_VARIABLES_BYTES - 2] = '\0';
    assert_false(mf_local_function_settings_add_variable(f, "A", "1", &err));
    assert_error(&err, MF_ERR_CONFIG, "a name has two letters");
    err = (mf_error){0};
    assert_false(mf_local_function_settings_add_variable(f, "AWS_LAMBDA_RUNTIME_API", "1", &err));
    assert_error(&err, MF_ERR_CONFIG, "for local-cloud to set");
    err = (mf_error){0};
    assert_ok(mf_local_function_settings_add_variable(f, "AB", large, &err), err);
    assert_false(mf_local_function_settings_add_variable(f, "CD", "", &err));
    assert_error(&err, MF_ERR_LIMIT, "4096 bytes");
    free(large);
}

/* ------------------------------------------------------------------ JSON files */

static bool read_text(const char *text, mf_error *err)
{
    char *folder = testing_folder();
    char *path = testing_path(folder, "local.json");
    testing_write(path, text, strlen(text));
    const bool ok = mf_local_settings_read(&settings, path, err);
    free(path);
    testing_folder_remove(folder);
    return ok;
}

static void a_file_sets_what_the_command_line_sets(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(read_text("{\"port\":0,\"gateway_timeout\":2.5,\"log\":\"functions\","
                        "\"routes\":{\"POST /p\":\"f\","
                        "\"GET /q\":{\"function\":\"f\",\"payload\":\"2.0\"}},"
                        "\"functions\":{\"f\":{\"program\":\"/bin/f\",\"arguments\":[\"-a\",\"b\"],"
                        "\"environment\":{\"AB\":\"c\",\"NUMBER\":7,\"YES\":true},"
                        "\"init-timeout\":1.5,\"memory\":256,\"start\":\"early\"}},"
                        "\"endpoints\":{\"movies\":\"http://host:8080/base/\"},"
                        "\"kinesis\":\"http://127.0.0.1:4567\","
                        "\"mappings\":[{\"EventSourceArn\":\"stream\",\"FunctionName\":\"f\","
                        "\"StartingPosition\":\"LATEST\",\"BatchSize\":7,"
                        "\"BisectBatchOnFunctionError\":true,"
                        "\"FunctionResponseTypes\":[\"ReportBatchItemFailures\"],"
                        "\"DestinationConfig\":{\"OnFailure\":{\"Destination\":\"x.jsonl\"}}}]}",
                        &err),
              err);
    assert_ok(mf_local_settings_check(&settings, &err), err);
    assert_int_equal(settings.port, 0);
    assert_true(settings.gateway_s == 2.5);
    assert_false(settings.platform_lines);
    const mf_local_function_settings *f = &settings.functions[0];
    assert_int_equal(settings.n_functions, 1);
    assert_string_equal(f->words[0], "/bin/f");
    assert_string_equal(f->words[1], "-a");
    assert_string_equal(f->words[2], "b");
    assert_null(f->words[3]);
    assert_string_equal(f->variables[0], "AB=c");
    assert_string_equal(f->variables[1], "NUMBER=7");
    assert_string_equal(f->variables[2], "YES=true");
    assert_true(f->init_timeout_s == 1.5);
    assert_int_equal(f->memory_mb, 256);
    assert_int_equal(f->start, MF_LOCAL_START_EARLY);
    assert_int_equal(settings.n_routes, 2);
    assert_string_equal(settings.routes[0].method, "POST");
    assert_string_equal(settings.routes[0].path, "/p");
    assert_int_equal(settings.routes[0].payload, MF_LOCAL_PAYLOAD_REST);
    assert_int_equal(settings.routes[1].payload, MF_LOCAL_PAYLOAD_HTTP);
    assert_string_equal(settings.endpoints[0].name, "movies");
    assert_string_equal(settings.endpoints[0].at.host, "host");
    assert_string_equal(settings.endpoints[0].at.base, "/base");
    assert_int_equal(settings.endpoints[0].at.port, 8080);
    const mf_local_mapping_settings *m = &settings.mappings[0];
    assert_string_equal(m->stream, "stream");
    assert_string_equal(m->arn, "arn:aws:kinesis:us-east-1:123456789012:stream/stream");
    assert_int_equal(m->position, MF_LOCAL_LATEST);
    assert_int_equal(m->batch_size, 7);
    assert_true(m->bisect);
    assert_true(m->takes_partial);
    assert_string_equal(m->on_failure, "x.jsonl");
    assert_int_equal(settings.kinesis_at.port, 4567);
}

static void an_error_in_a_file_names_its_place(void **state)
{
    (void)state;
#define F "\"functions\":{\"f\":{\"program\":\"p\"}},"
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"[]", "expected a JSON object, found an array"},
        {"{\"port\":[]}", "port: expected a text or a number"},
        {"{\"prot\":1}", "unknown setting \"prot\": did you mean port?"},
        {"{\"port\":70000}", "setting port is \"70000\": expected a whole number from 0 to 65535"},
        {"{\"functions\":[]}", "functions: expected an object"},
        {"{\"functions\":{\"f\":1}}", "functions.f.program: expected an object with a program"},
        {"{\"functions\":{\"f\":{}}}", "functions.f.program: expected the path of a program"},
        {"{\"functions\":{\"f f\":{\"program\":\"p\"}}}",
         "functions.f f: function \"f f\": a name has"},
        {"{\"functions\":{\"f\":{\"program\":\"p\",\"arguments\":[1]}}}",
         "functions.f.arguments: expected an array of texts"},
        {"{\"functions\":{\"f\":{\"program\":\"p\",\"environment\":[]}}}",
         "functions.f.environment: expected an object of texts"},
        {"{\"functions\":{\"f\":{\"program\":\"p\",\"environment\":{\"A\":\"b\"}}}}",
         "functions.f: function f, variable \"A\": a name has two letters"},
        {"{\"functions\":{\"f\":{\"program\":\"p\",\"timeout\":901}}}",
         "functions.f: function setting timeout is \"901\""},
        {"{" F "\"routes\":{\"POST /p\":1}}",
         "routes.POST /p: expected a function's name, or {\"function\""},
        {"{" F "\"routes\":{\"POST /p\":{\"function\":\"f\",\"x\":1}}}",
         "routes.POST /p: a route has function and payload, nothing else"},
        {"{" F "\"routes\":{\"POST /p\":\"g\"}}",
         "routes: route \"POST /p\" leads to \"g\": there is no such function"},
        {"{\"endpoints\":{\"e\":1}}", "endpoints.e: expected the address of a container"},
        {"{\"endpoints\":{\"e\":\"ftp://x\"}}", "endpoints: endpoint e is at \"ftp://x\""},
        {"{\"mappings\":{}}", "mappings: expected an array"},
        {"{\"mappings\":[1]}",
         "mappings[0].EventSourceArn: expected an object with EventSourceArn and FunctionName"},
        {"{\"mappings\":[{\"EventSourceArn\":\"s\"}]}",
         "mappings[0].FunctionName: expected a text"},
        {"{" F "\"mappings\":[{\"EventSourceArn\":\"s\",\"FunctionName\":\"f\","
         "\"DestinationConfig\":{}}]}",
         "mappings[0].DestinationConfig: expected {\"OnFailure\""},
        {"{" F "\"mappings\":[{\"EventSourceArn\":\"s\",\"FunctionName\":\"f\","
         "\"FunctionResponseTypes\":\"x\"}]}",
         "mappings[0].FunctionResponseTypes: expected [\"ReportBatchItemFailures\"] or []"},
        {"{" F "\"mappings\":[{\"EventSourceArn\":\"s\",\"FunctionName\":\"f\",\"BatchSize\":0}]}",
         "mappings[0]: mapping setting BatchSize is \"0\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        assert_false(read_text(cases[i].text, &err));
        assert_error(&err, MF_ERR_CONFIG, cases[i].error);
        assert_non_null(strstr(err.text, "/local.json: "));
        mf_local_settings_free(&settings);
        mf_error_clear(&err);
        assert_ok(mf_local_settings_start(&settings, &err), err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_later_value_replaces_an_earlier_one, start, finish),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused_and_changes_nothing, start,
                                        finish),
        cmocka_unit_test_setup_teardown(a_route_needs_a_method_a_path_and_a_function, start,
                                        finish),
        cmocka_unit_test_setup_teardown(an_endpoint_has_an_address, start, finish),
        cmocka_unit_test_setup_teardown(
            a_mapping_needs_a_starting_position_and_an_address_of_kinesis, start, finish),
        cmocka_unit_test_setup_teardown(variables_are_those_that_lambda_takes, start, finish),
        cmocka_unit_test_setup_teardown(a_file_sets_what_the_command_line_sets, start, finish),
        cmocka_unit_test_setup_teardown(an_error_in_a_file_names_its_place, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
