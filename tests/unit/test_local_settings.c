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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
