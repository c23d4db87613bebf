/* test_lambda_metrics.c: documents for CloudWatch, as lambda/runtime/metrics.h describes them. */
#include "testing.h"

#include "base/log.h"
#include "lambda/runtime/metrics.h"

#include <jansson.h>
#include <math.h>

static mf_lambda_metrics metrics;

/* The document as JSON, the caller's to json_decref; one line. */
static json_t *written(void)
{
    mf_text text = MF_TEXT_EMPTY;
    mf_lambda_metrics_write(&metrics, 1769851800120, &text);
    assert_false(text.failed);
    assert_int_equal(text.bytes[text.n_bytes - 1], '\n');
    assert_ptr_equal(memchr(text.bytes, '\n', text.n_bytes), text.bytes + text.n_bytes - 1);
    json_t *document = json_loadb(text.bytes, text.n_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    mf_text_free(&text);
    return document;
}

static json_t *directive_of(const json_t *document)
{
    return json_array_get(json_object_get(json_object_get(document, "_aws"), "CloudWatchMetrics"),
                          0);
}

static void a_document_looks_as_the_header_says(void **state)
{
    (void)state;
    mf_text text = MF_TEXT_EMPTY;
    mf_lambda_metrics_begin(&metrics, "predict", "989f");
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, 12.5);
    mf_lambda_metrics_write(&metrics, 1769851800120, &text);
    static const char expected[] =
        "{\"timestamp\":\"2026-01-31T09:30:00.120Z\",\"level\":\"INFO\",\"message\":\"metrics\","
        "\"requestId\":\"989f\",\"_aws\":{\"Timestamp\":1769851800120,\"CloudWatchMetrics\":["
        "{\"Namespace\":\"Recommender\",\"Dimensions\":[[\"Function\"]],\"Metrics\":["
        "{\"Name\":\"Latency\",\"Unit\":\"Milliseconds\"}]}]},\"Function\":\"predict\","
        "\"Latency\":12.5}\n";
    assert_int_equal(text.n_bytes, sizeof expected - 1);
    assert_memory_equal(text.bytes, expected, sizeof expected - 1);
    mf_text_free(&text);
}

static void every_name_is_a_root_member_with_its_unit(void **state)
{
    (void)state;
    static const char *const units[] = {"Count", "Milliseconds", "Seconds", "Bytes"};
    static const char *const names[] = {"A", "B", "C", "D"};
    mf_lambda_metrics_begin(&metrics, "predict", "");
    for (int unit = MF_LAMBDA_UNIT_COUNT; unit <= MF_LAMBDA_UNIT_BYTES; unit++)
        mf_lambda_metrics_add(&metrics, names[unit], (mf_lambda_unit)unit, 10 + unit);
    json_t *document = written();
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(directive_of(document), "Metrics"), i, value)
    {
        assert_string_equal(json_string_value(json_object_get(value, "Name")), names[i]);
        assert_string_equal(json_string_value(json_object_get(value, "Unit")), units[i]);
        assert_int_equal(json_integer_value(json_object_get(document, names[i])), 10 + i);
    }
    assert_int_equal(i, 4);
    json_decref(document);
}

static void what_is_not_finite_is_left_out(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "predict", "");
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, NAN);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, INFINITY);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, -INFINITY);
    assert_int_equal(metrics.n, 0);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, -1.7976931348623157e308);
    json_t *document = written();
    assert_true(isfinite(json_number_value(json_object_get(document, "A"))));
    json_decref(document);
}

static void numbers_keep_twelve_digits(void **state)
{
    (void)state;
    static const double values[] = {0, -0.25, 12.5, 1e-9, 123456789012.0, 0.000123456789012};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        mf_lambda_metrics_begin(&metrics, "predict", "");
        mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, values[i]);
        json_t *document = written();
        assert_true(json_number_value(json_object_get(document, "A")) == values[i]);
        json_decref(document);
    }
}

static void metrics_beyond_the_limit_are_left_out(void **state)
{
    (void)state;
    static char names[MF_LAMBDA_METRICS_MOST + 2][8];
    mf_lambda_metrics_begin(&metrics, "predict", "");
    for (size_t i = 0; i < MF_LAMBDA_METRICS_MOST + 2; i++) {
        snprintf(names[i], sizeof names[i], "N%zu", i);
        mf_lambda_metrics_add(&metrics, names[i], MF_LAMBDA_UNIT_COUNT, (double)i);
    }
    json_t *document = written();
    assert_int_equal(json_array_size(json_object_get(directive_of(document), "Metrics")),
                     MF_LAMBDA_METRICS_MOST);
    assert_int_equal(
        json_integer_value(json_object_get(document, names[MF_LAMBDA_METRICS_MOST - 1])),
        MF_LAMBDA_METRICS_MOST - 1);
    assert_null(json_object_get(document, names[MF_LAMBDA_METRICS_MOST]));
    json_decref(document);
}

static void a_request_id_cannot_break_the_line(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "predict", "a\"b\\\n");
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, 1);
    json_t *document = written();
    assert_string_equal(json_string_value(json_object_get(document, "requestId")), "a\"b\\\n");
    json_decref(document);
}

static void an_empty_document_is_not_written(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    mf_log_set_style(&(mf_log_style){.fd = fileno(file), .format = MF_LOG_JSON});
    mf_log_set_level(MF_LOG_FATAL);
    mf_lambda_metrics_begin(&metrics, "predict", "");
    mf_lambda_metrics_end(&metrics);
    assert_int_equal(lseek(fileno(file), 0, SEEK_END), 0);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, 1);
    mf_lambda_metrics_end(&metrics); /* whatever the level */
    assert_true(lseek(fileno(file), 0, SEEK_END) > 100);
    mf_log_set_style(NULL);
    mf_log_set_level(MF_LOG_INFO);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_looks_as_the_header_says),
        cmocka_unit_test(every_name_is_a_root_member_with_its_unit),
        cmocka_unit_test(what_is_not_finite_is_left_out),
        cmocka_unit_test(numbers_keep_twelve_digits),
        cmocka_unit_test(metrics_beyond_the_limit_are_left_out),
        cmocka_unit_test(a_request_id_cannot_break_the_line),
        cmocka_unit_test(an_empty_document_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
