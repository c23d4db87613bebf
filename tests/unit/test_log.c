#include "testing.h"

#include "base/log.h"

#include <fcntl.h>

/* What `say` writes to standard error. */
static char *captured(void (*say)(void))
{
    static char text[3 * MF_LOG_LINE_BYTES];
    FILE *file = tmpfile();
    const int kept = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    say();
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void say_a_line(void)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "channel");
    mf_log_text(&line, "name", "a \"b\"\\\n\xFF");
    mf_log_count(&line, "files", 3);
    mf_log_number(&line, "mean", 3.54321, 2);
    mf_log_number(&line, "bad", 1.0 / 0.0, 2);
    mf_log_bool(&line, "ok", true);
    mf_log_end(&line);
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    const char *text = captured(say_a_line);
    assert_memory_equal(text, "{\"ts\":\"20", 9);
    assert_non_null(strstr(text, "Z\",\"level\":\"info\",\"event\":\"channel\","
                                 "\"name\":\"a \\\"b\\\"\\\\\\\\x0a\\\\xff\",\"files\":3,"
                                 "\"mean\":3.54,\"bad\":null,\"ok\":true}\n"));
}

static void say_much(void)
{
    char big[900];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "e");
    for (int i = 0; i < 20; i++)
        mf_log_text(&line, "k", big);
    mf_log_end(&line);
}

static void a_field_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    const char *text = captured(say_much);
    const size_t n = strlen(text);
    assert_true(n > 3000 && n <= MF_LOG_LINE_BYTES);
    assert_string_equal(text + n - 4, "x\"}\n");
}

static void say_debug(void)
{
    mf_log_message(MF_LOG_DEBUG, "detail", "%d", 1);
    mf_log_set_level(MF_LOG_ERROR);
    mf_log_message(MF_LOG_WARNING, "detail", "%d", 2);
    mf_log_message(MF_LOG_ERROR, "detail", "%d", 3);
    mf_log_set_level(MF_LOG_INFO);
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    const char *text = captured(say_debug);
    assert_null(strstr(text, "\"1\""));
    assert_null(strstr(text, "\"2\""));
    assert_non_null(strstr(text, "\"message\":\"3\""));
}

static void levels_are_read_as_words_and_as_pythons_numbers(void **state)
{
    (void)state;
    mf_log_level level = MF_LOG_INFO;
    assert_true(mf_log_level_parse("DEBUG", &level) && level == MF_LOG_DEBUG);
    assert_true(mf_log_level_parse("30", &level) && level == MF_LOG_WARNING);
    assert_false(mf_log_level_parse("loud", &level));
    assert_int_equal(level, MF_LOG_WARNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(a_field_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(levels_are_read_as_words_and_as_pythons_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
