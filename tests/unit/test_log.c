#include "testing.h"

#include "base/log.h"

#include <fcntl.h>

/* What `say` writes to standard error. */
static char *captured(void (*say)(void))
{
    static char text[5 * MF_LOG_LINE_BYTES];
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

static void say_in_another_style(void)
{
    static const mf_log_style style = {
        .fd = STDERR_FILENO,
        .format = MF_LOG_JSON,
        .time_key = "timestamp",
        .level_names = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"},
        .context_key = "requestId",
        .always_a_message = true,
    };
    mf_log_set_style(&style);
    mf_log_set_context("a\"1\"");
    say_a_line();
    mf_log_message(MF_LOG_FATAL, "end", "over");
    say_much();
    mf_log_write("{}\n", 3);
    mf_log_set_context("");
    mf_log_set_style(NULL);
    mf_log_message(MF_LOG_WARNING, "as", "before");
}

static void a_style_changes_words_and_adds_what_every_line_has(void **state)
{
    (void)state;
    const char *text = captured(say_in_another_style);
    assert_memory_equal(text, "{\"timestamp\":\"20", 16);
    assert_non_null(strstr(text, "Z\",\"level\":\"INFO\",\"event\":\"channel\","
                                 "\"requestId\":\"a\\\"1\\\"\",\"name\":"));
    assert_non_null(strstr(text, "\"ok\":true,\"message\":\"channel\"}\n"));
    assert_non_null(strstr(text, "\"level\":\"FATAL\",\"event\":\"end\","));
    assert_non_null(strstr(text, ",\"message\":\"over\"}\n"));
    /* A full line has bytes left for its message. */
    assert_non_null(strstr(text, "x\",\"message\":\"e\"}\n{}\n{\"ts\":\"20"));
    assert_non_null(
        strstr(text, "\"level\":\"warning\",\"event\":\"as\",\"message\":\"before\"}\n"));
}

static void say_plainly(void)
{
    static const mf_log_style style = {.fd = STDERR_FILENO,
                                       .format = MF_LOG_PLAIN,
                                       .level_names = {"DEBUG", "INFO", "WARN", "ERROR", "FATAL"},
                                       .context_key = "requestId",
                                       .always_a_message = true};
    mf_log_set_style(&style);
    say_a_line();
    mf_log_set_style(NULL);
}

static void a_plain_line_has_the_time_and_the_fields(void **state)
{
    (void)state;
    const char *text = captured(say_plainly);
    const char *rest = strchr(text, ' ');
    assert_non_null(rest);
    assert_int_equal(rest[-1], 'Z');
    assert_ptr_equal(strstr(text, " INFO channel requestId=\"\" name="), rest);
    assert_non_null(strstr(text, " files=3 mean=3.54 bad=null ok=true\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(a_field_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(levels_are_read_as_words_and_as_pythons_numbers),
        cmocka_unit_test(a_style_changes_words_and_adds_what_every_line_has),
        cmocka_unit_test(a_plain_line_has_the_time_and_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
