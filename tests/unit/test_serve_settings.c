#include "environment_testing.h"
#include "testing.h"

#include "serve/serve_settings.h"

#include <stdlib.h>

static int clean_environment(void **state)
{
    (void)state;
    testing_environment(PAIRS(NULL));
    return 0;
}

static mf_serve_settings read_settings(void)
{
    mf_error err = {0};
    mf_settings settings;
    mf_serve_settings values;
    assert_ok(mf_serve_settings_read(&settings, &values, &err), err);
    return values;
}

static uint64_t memory = (uint64_t)16 << 30;

uint64_t __wrap_mf_memory_limit(const char *root);
uint64_t __wrap_mf_memory_limit(const char *root)
{
    assert_string_equal(root, "");
    return memory;
}

static void refuses(const char *name, const char *value, const char *sentence)
{
    mf_error err = {0};
    mf_settings settings;
    mf_serve_settings values;
    setenv(name, value, 1);
    assert_false(mf_serve_settings_read(&settings, &values, &err));
    assert_error(&err, MF_ERR_CONFIG, sentence);
    unsetenv(name);
}

static void an_empty_environment_gives_the_defaults(void **state)
{
    (void)state;
    const mf_serve_settings s = read_settings();
    assert_int_equal(s.port, 8080);
    assert_string_equal(s.address, "0.0.0.0");
    assert_false(s.batch);
    assert_false(s.strict);
    assert_int_equal(s.accept, MF_INFERENCE_FORMATS);
    assert_true(s.n_threads >= 1);
    assert_int_equal(s.max_body_bytes, 25 << 20);
    assert_int_equal(s.max_payload_mb, 6);
    assert_int_equal(s.batch_strategy, MF_MULTI_RECORD);
}

static void limits_fit_the_memory_unless_they_are_given(void **state)
{
    (void)state;
    static const struct {
        uint64_t memory_mb, buffered, body, connections;
    } cases[] = {{16384, (uint64_t)512 << 20, 25 << 20, 10000},
                 {5120, (uint64_t)512 << 20, 25 << 20, 10000},
                 {1280, 128 << 20, 25 << 20, 5120},
                 {640, 64 << 20, 20 << 20, 2560},
                 {80, 8 << 20, 2560 << 10, 320}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memory = cases[i].memory_mb << 20;
        const mf_serve_settings s = read_settings();
        assert_int_equal(s.max_buffered_bytes, cases[i].buffered);
        assert_int_equal(s.max_body_bytes, cases[i].body);
        assert_int_equal(s.max_connections, cases[i].connections);
        assert_true(s.max_payload_mb <= 6 && s.max_payload_mb << 20 <= s.max_body_bytes);
        assert_true(s.max_buffered_bytes <= memory / 4);
    }
    setenv("SERVE_MAX_BUFFERED_BYTES", "300000000", 1);
    setenv("SAGEMAKER_MAX_REQUEST_SIZE", "20000000", 1);
    setenv("SERVE_MAX_CONNECTIONS", "7000", 1);
    const mf_serve_settings s = read_settings();
    assert_int_equal(s.max_buffered_bytes, 300000000);
    assert_int_equal(s.max_body_bytes, 20000000);
    assert_int_equal(s.max_connections, 7000);
    memory = (uint64_t)16 << 30;
}

static void the_index_follows_the_model_unless_it_has_a_limit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n_bytes;
    } cases[] = {{"-1", SIZE_MAX}, {"0", 0}, {"50331648", 50331648}, {"1e6", 1000000}};
    mf_serve_settings s = read_settings();
    assert_true(mf_serve_settings_index_bytes(&s) == SIZE_MAX);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("SERVE_INDEX_BYTES", cases[i].text, 1);
        s = read_settings();
        assert_true(mf_serve_settings_index_bytes(&s) == cases[i].n_bytes);
    }
    unsetenv("SERVE_INDEX_BYTES");
    refuses("SERVE_INDEX_BYTES", "-2", "expected a whole number from -1 to");
}

static void wrong_values_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    refuses("SAGEMAKER_BIND_TO_PORT", "99999", "expected a whole number from 1 to 65535");
    refuses("SAGEMAKER_BIND_TO_PORT", "http", "SAGEMAKER_BIND_TO_PORT is \"http\"");
    refuses("SERVE_STRICT", "perhaps", "SERVE_STRICT is \"perhaps\"");
    refuses("SERVE_MAX_TOP_N", "0", "expected a whole number from 1 to");
    refuses("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "image/png",
            "expected application/json, application/jsonlines or text/csv");
    refuses("SAGEMAKER_MULTI_MODEL", "true", "this image serves one model");
    refuses("SAGEMAKER_BATCH_STRATEGY", "ALL", "SAGEMAKER_BATCH_STRATEGY is \"ALL\"");
}

static void port_ranges_are_two_ports_in_order(void **state)
{
    (void)state;
    static const char *const bad[] = {"8080", "9000-",   "-9000", "9100-9000",
                                      "0-10", "1-70000", "a-b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses("SAGEMAKER_SAFE_PORT_RANGE", bad[i], "expected two ports as in 8080-8090");
    setenv("SAGEMAKER_SAFE_PORT_RANGE", "21000-21100", 1);
    read_settings();
}

/* A typo would otherwise switch nothing on, in silence. */
static void a_mistyped_setting_of_ours_is_refused_with_the_right_one(void **state)
{
    (void)state;
    refuses("SERVE_STRIKT", "true", "did you mean SERVE_STRICT?");
}

static void two_names_of_one_setting_are_one_setting(void **state)
{
    (void)state;
    setenv("SERVE_THREADS", "3", 1);
    assert_int_equal(read_settings().n_threads, 3);
    refuses("SAGEMAKER_MODEL_SERVER_WORKERS", "2", "given twice");
    setenv("SAGEMAKER_MODEL_SERVER_WORKERS", "3", 1);
    assert_int_equal(read_settings().n_threads, 3);
}

/* Of a service that is called "serve" itself. */
static void what_kubernetes_sets_is_none_of_our_business(void **state)
{
    (void)state;
    setenv("SERVE_SERVICE_HOST", "10.0.0.1", 1);
    setenv("SERVE_PORT", "tcp://10.0.0.1:80", 1);
    setenv("SERVE_PORT_80_TCP_ADDR", "10.0.0.1", 1);
    read_settings();
    unsetenv("SERVE_SERVICE_HOST");
    unsetenv("SERVE_PORT_80_TCP_ADDR");
    refuses("SERVE_PORT", "9000", "the port is SAGEMAKER_BIND_TO_PORT");
}

static void addresses_are_numeric(void **state)
{
    (void)state;
    refuses("SERVE_ADDRESS", "localhost", "SERVE_ADDRESS is \"localhost\": expected a numeric");
    refuses("SERVE_ADDRESS", "[::1]", "expected a numeric address");
    setenv("SERVE_ADDRESS", "::1", 1);
    assert_string_equal(read_settings().address, "::1");
}

static void the_log_level_holds_for_requests_unless_they_have_their_own(void **state)
{
    (void)state;
    assert_int_equal(read_settings().access_log, MF_ACCESS_ALL);
    setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "30", 1);
    assert_int_equal(read_settings().access_log, MF_ACCESS_ERRORS);
    setenv("SAGEMAKER_CONTAINER_LOG_LEVEL", "error", 1);
    assert_int_equal(read_settings().access_log, MF_ACCESS_OFF);
    setenv("SERVE_ACCESS_LOG", "all", 1);
    assert_int_equal(read_settings().access_log, MF_ACCESS_ALL);
}

/* A job that sets only its concurrency, one that sends chunks without a limit, and the time
 * that the platform gives. */
static void a_batch_job_gets_what_it_says_and_the_time_it_has(void **state)
{
    (void)state;
    setenv("SAGEMAKER_BATCH", "true", 1);
    assert_int_equal(read_settings().response_seconds, 600);
    setenv("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "20", 1);
    assert_int_equal(read_settings().max_concurrent, 20);
    assert_int_equal(read_settings().max_payload_mb, 5);
    setenv("SAGEMAKER_MAX_PAYLOAD_IN_MB", "0", 1);
    const mf_serve_settings chunked = read_settings();
    assert_int_equal(chunked.max_payload_mb, 0);
    assert_true(chunked.max_body_bytes >= (uint64_t)1 << 30);
    setenv("SAGEMAKER_MODEL_SERVER_TIMEOUT", "30", 1);
    assert_int_equal(read_settings().response_seconds, 30);
}

static void the_default_accept_is_one_of_three_types(void **state)
{
    (void)state;
    setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "Text/CSV; charset=utf-8", 1);
    assert_int_equal(read_settings().accept, MF_INFERENCE_CSV);
}

/* [120] and section 3.9: never more at once than the platform may send. */
static void concurrent_transforms_times_payload_is_at_most_100_mb(void **state)
{
    (void)state;
    setenv("SAGEMAKER_BATCH", "True", 1);
    for (int payload = 5; payload <= 100; payload += 5)
        for (int threads = 1; threads <= 64; threads *= 4) {
            char text[16];
            snprintf(text, sizeof text, "%d", payload);
            setenv("SAGEMAKER_MAX_PAYLOAD_IN_MB", text, 1);
            snprintf(text, sizeof text, "%d", threads);
            setenv("SERVE_THREADS", text, 1);
            const mf_serve_settings s = read_settings();
            assert_true(s.batch);
            assert_true(s.max_concurrent >= 1);
            assert_true(s.max_concurrent * s.max_payload_mb <= 100);
            assert_int_equal(s.max_payload_mb, payload);
            assert_true(s.max_body_bytes >= (uint64_t)s.max_payload_mb << 20);
            assert_true(s.max_buffered_bytes >=
                        ((uint64_t)s.max_payload_mb << 20) * s.max_concurrent);
        }
    setenv("SAGEMAKER_MAX_PAYLOAD_IN_MB", "10", 1);
    setenv("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "10", 1);
    setenv("SAGEMAKER_BATCH_STRATEGY", "SingleRecord", 1);
    const mf_serve_settings s = read_settings();
    assert_int_equal(s.max_concurrent, 10);
    assert_int_equal(s.batch_strategy, MF_SINGLE_RECORD);
    refuses("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "11", "expected at most 10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_environment_gives_the_defaults, clean_environment),
        cmocka_unit_test_setup(the_index_follows_the_model_unless_it_has_a_limit,
                               clean_environment),
        cmocka_unit_test_setup(limits_fit_the_memory_unless_they_are_given, clean_environment),
        cmocka_unit_test_setup(wrong_values_are_refused_with_what_is_allowed, clean_environment),
        cmocka_unit_test_setup(port_ranges_are_two_ports_in_order, clean_environment),
        cmocka_unit_test_setup(a_mistyped_setting_of_ours_is_refused_with_the_right_one,
                               clean_environment),
        cmocka_unit_test_setup(two_names_of_one_setting_are_one_setting, clean_environment),
        cmocka_unit_test_setup(what_kubernetes_sets_is_none_of_our_business, clean_environment),
        cmocka_unit_test_setup(addresses_are_numeric, clean_environment),
        cmocka_unit_test_setup(the_log_level_holds_for_requests_unless_they_have_their_own,
                               clean_environment),
        cmocka_unit_test_setup(a_batch_job_gets_what_it_says_and_the_time_it_has,
                               clean_environment),
        cmocka_unit_test_setup(the_default_accept_is_one_of_three_types, clean_environment),
        cmocka_unit_test_setup(concurrent_transforms_times_payload_is_at_most_100_mb,
                               clean_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
