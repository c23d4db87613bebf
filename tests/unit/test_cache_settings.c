/* test_cache_settings.c: what the environment may say of the cache, and the sentence for
 * what it may not. */
#include "environment_testing.h"
#include "testing.h"

#include "cache/cache.h"

#include <signal.h>
#include <unistd.h>

static bool read_with(const char *const *pairs, mf_cache_settings *values, mf_error *err)
{
    mf_settings settings;
    mf_error_clear(err);
    testing_environment(pairs);
    return mf_cache_settings_read(&settings, values, err);
}

#define ENOUGH "REDIS_ENABLED", "true", "REDIS_ENDPOINT", "cache"

static char *write_file(const char *content, size_t n)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/mf-cache-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), n);
    close(fd);
    return path;
}

static void without_variables_there_is_no_cache(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    assert_ok(read_with(PAIRS(NULL), &values, &err), err);
    assert_false(values.enabled);
    assert_int_equal(values.port, 6379);
    assert_int_equal(values.connect_ms, 100);
    assert_int_equal(values.command_ms, 50);
    assert_int_equal(values.retry_ms, 2000);
    assert_int_equal(values.ttl_seconds, 3600);
    assert_int_equal(values.unknown_ttl_seconds, 60);
}

static void every_variable_can_be_set(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    assert_ok(read_with(PAIRS(ENOUGH, "REDIS_PORT", "6380", "REDIS_TLS", "true", "REDIS_CA_FILE",
                              "/dev/null", "REDIS_USERNAME", "app", "REDIS_PASSWORD", "s3cret",
                              "REDIS_CONNECT_MS", "10", "REDIS_COMMAND_MS", "5", "REDIS_RETRY_MS",
                              "700", "CACHE_TTL", "30"),
                        &values, &err),
              err);
    assert_true(values.enabled && values.tls);
    assert_string_equal(values.host, "cache");
    assert_string_equal(values.ca_file, "/dev/null");
    assert_string_equal(values.username, "app");
    assert_string_equal(values.password, "s3cret");
    assert_int_equal(values.port, 6380);
    assert_int_equal(values.connect_ms, 10);
    assert_int_equal(values.command_ms, 5);
    assert_int_equal(values.retry_ms, 700);
    assert_int_equal(values.ttl_seconds, 30);
    assert_int_equal(values.unknown_ttl_seconds, 30); /* never more than the other */
    assert_ok(read_with(PAIRS("REDIS_ENABLED", "yes", "REDIS_HOST", "::1"), &values, &err), err);
    assert_string_equal(values.host, "::1");
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    char longest[MF_CACHE_PASSWORD_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const struct {
        const char *const *pairs;
        const char *says;
    } cases[] = {
        {PAIRS("REDIS_ENABLED", "perhaps"), "REDIS_ENABLED is \"perhaps\""},
        {PAIRS("REDIS_ENABLED", "true"), "REDIS_ENDPOINT is not set"},
        {PAIRS("REDIS_ENABLED", "true", "REDIS_ENDPOINT", "cache:6379"), "the port is REDIS_PORT"},
        {PAIRS("REDIS_ENABLED", "true", "REDIS_ENDPOINT", "redis://cache"), "REDIS_ENDPOINT"},
        {PAIRS("REDIS_ENABLED", "true", "REDIS_ENDPOINT", "a", "REDIS_HOST", "b"), "given twice"},
        {PAIRS(ENOUGH, "REDIS_PORT", "0"), "REDIS_PORT is \"0\""},
        {PAIRS(ENOUGH, "REDIS_PORT", "65536"), "REDIS_PORT"},
        {PAIRS(ENOUGH, "REDIS_COMMAND_MS", "0"), "REDIS_COMMAND_MS"},
        {PAIRS(ENOUGH, "REDIS_CONNECT_MS", "soon"), "REDIS_CONNECT_MS is \"soon\""},
        {PAIRS(ENOUGH, "REDIS_RETRY_MS", "1"), "REDIS_RETRY_MS"},
        {PAIRS("CACHE_TTL", "0"), "CACHE_TTL is \"0\": expected a whole number from 1"},
        {PAIRS("CACHE_TTL", "-1"), "CACHE_TTL"},
        {PAIRS("CACHE_UNKNOWN_TTL", "x"), "CACHE_UNKNOWN_TTL"},
        {PAIRS(ENOUGH, "REDIS_CA_FILE", "/dev/null"), "REDIS_TLS is not true"},
        {PAIRS(ENOUGH, "REDIS_TLS", "1", "REDIS_CA_FILE", "/none.pem"), "/none.pem: REDIS_CA_FILE"},
        {PAIRS(ENOUGH, "REDIS_USERNAME", "app"), "REDIS_USERNAME is set without"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_FILE", "/none"), "/none: REDIS_PASSWORD_FILE"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_FILE", "/dev/null"), "a password of 1 to 4096 bytes"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_FILE", "/dev/zero"), "a password of 1 to 4096 bytes"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_FILE", "/dev/null", "REDIS_PASSWORD", "s3cret"), "both"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_SECRET", "arn:aws:secretsmanager:x", "REDIS_PASSWORD",
               "s3cret"),
         "REDIS_PASSWORD and REDIS_PASSWORD_SECRET are both"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD_SECRET", "cache", "REDIS_PASSWORD_FILE", "/dev/null"),
         "REDIS_PASSWORD_FILE and REDIS_PASSWORD_SECRET are both"},
        {PAIRS(ENOUGH, "REDIS_PASSWORD", longest), "REDIS_PASSWORD has 4097 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_cache_settings values;
        mf_error err;
        assert_false(read_with(cases[i].pairs, &values, &err));
        assert_int_equal(err.code, MF_ERR_CONFIG);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
        assert_null(strstr(err.text, "s3cret"));
        assert_null(strstr(err.text, "xxx"));
    }
}

static void variables_of_a_service_called_redis_are_none_of_ours(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    assert_ok(read_with(PAIRS(ENOUGH, "REDIS_PORT", "tcp://10.0.0.1:6379"), &values, &err), err);
    assert_int_equal(values.port, 6379);
}

static void the_password_may_be_a_line_of_a_file(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    char password[MF_CACHE_PASSWORD_MAX + 1];
    char *path = write_file("s3cret word\r\n", 13);
    assert_ok(read_with(PAIRS(ENOUGH, "REDIS_PASSWORD_FILE", path), &values, &err), err);
    assert_string_equal(values.password, "");
    assert_ok(mf_cache_settings_password(&values, password, &err), err);
    assert_string_equal(password, "s3cret word");
    unlink(path);
    assert_false(mf_cache_settings_password(&values, password, &err));
}

static void a_secrets_password_is_set_when_it_was_fetched(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    char longest[MF_CACHE_PASSWORD_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_ok(read_with(PAIRS(ENOUGH, "REDIS_PASSWORD_SECRET", "cache", "REDIS_USERNAME", "app"),
                        &values, &err),
              err);
    mf_cache *cache = mf_cache_open(&values, &err);
    assert_non_null(cache);
    assert_ok(mf_cache_set_password(cache, "s3cret", &err), err);
    assert_string_equal(mf_cache_get_settings(cache)->password, "s3cret");
    assert_false(mf_cache_set_password(cache, longest, &err));
    assert_int_equal(err.code, MF_ERR_CONFIG);
    assert_string_equal(mf_cache_get_settings(cache)->password, "s3cret");
    assert_false(mf_cache_take_rejection(cache));
    mf_cache_note_rejection(cache);
    assert_true(mf_cache_take_rejection(cache));
    assert_false(mf_cache_take_rejection(cache));
    mf_cache_close(cache);
}

static void no_table_has_the_password(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_settings settings;
    mf_error err;
    assert_ok(read_with(PAIRS(ENOUGH, "REDIS_PASSWORD", "s3cret"), &values, &err), err);
    assert_ok(mf_cache_settings_read(&settings, &values, &err), err);
    for (size_t i = 0; i < settings.n; i++) {
        char text[MF_SETTING_TEXT_BYTES];
        assert_string_not_equal(settings.table[i].name, "REDIS_PASSWORD");
        assert_null(strstr(mf_settings_text(&settings, i, text), "s3cret"));
    }
}

static void a_file_without_certificates_is_refused(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    assert_ok(
        read_with(PAIRS(ENOUGH, "REDIS_TLS", "1", "REDIS_CA_FILE", "/dev/null"), &values, &err),
        err);
    assert_null(mf_cache_open(&values, &err));
    assert_int_equal(err.code, MF_ERR_CONFIG);
    assert_non_null(strstr(err.text, "/dev/null: "));
}

/* docs/lambda.md, 86. */
static void an_open_cache_ignores_sigpipe_unless_it_is_handled(void **state)
{
    (void)state;
    mf_cache_settings values;
    mf_error err;
    struct sigaction now;
    assert_ok(read_with(PAIRS(ENOUGH), &values, &err), err);
    signal(SIGPIPE, SIG_DFL);
    mf_cache_close(mf_cache_open(&values, &err));
    sigaction(SIGPIPE, NULL, &now);
    assert_true(now.sa_handler == SIG_IGN);
    void (*const handler)(int) = (void (*)(int))abort;
    signal(SIGPIPE, handler);
    mf_cache_close(mf_cache_open(&values, &err));
    sigaction(SIGPIPE, NULL, &now);
    assert_true(now.sa_handler == handler);
    signal(SIGPIPE, SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_variables_there_is_no_cache),
        cmocka_unit_test(every_variable_can_be_set),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(variables_of_a_service_called_redis_are_none_of_ours),
        cmocka_unit_test(the_password_may_be_a_line_of_a_file),
        cmocka_unit_test(a_secrets_password_is_set_when_it_was_fetched),
        cmocka_unit_test(no_table_has_the_password),
        cmocka_unit_test(a_file_without_certificates_is_refused),
        cmocka_unit_test(an_open_cache_ignores_sigpipe_unless_it_is_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
