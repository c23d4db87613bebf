/* Documents for CloudWatch: promises of lambda/runtime/metrics.h. */
#include "testing.h"

#include "base/log.h"
#include "lambda/runtime/metrics.h"

#include <jansson.h>
#include <math.h>

static const char *const sources[] = {"cache", "service"};
static const mf_lambda_dimension source = {"Source", sources, 2};
static const char *const functions[] = {"predict"};
static const mf_lambda_dimension function = {"Function", functions, 1};

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
    mf_lambda_metrics_begin(&metrics, "Recommender", "989f");
    mf_lambda_metrics_dimension(&metrics, &source, 0);
    mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, 12.5);
    mf_lambda_metrics_write(&metrics, 1769851800120, &text);
    static const char expected[] =
        "{\"timestamp\":\"2026-01-31T09:30:00.120Z\",\"level\":\"INFO\",\"message\":\"metrics\","
        "\"requestId\":\"989f\",\"_aws\":{\"Timestamp\":1769851800120,\"CloudWatchMetrics\":["
        "{\"Namespace\":\"Recommender\",\"Dimensions\":[[\"Source\"]],\"Metrics\":["
        "{\"Name\":\"Latency\",\"Unit\":\"Milliseconds\"}]}]},\"Source\":\"cache\","
        "\"Latency\":12.5}\n";
    assert_int_equal(text.n_bytes, sizeof expected - 1);
    assert_memory_equal(text.bytes, expected, sizeof expected - 1);
    mf_text_free(&text);
}

static void every_name_is_a_root_member(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    mf_lambda_metrics_dimension(&metrics, &function, 0);
    mf_lambda_metrics_dimension(&metrics, &source, 1);
    for (int unit = MF_LAMBDA_UNIT_NONE; unit <= MF_LAMBDA_UNIT_BYTES; unit++) {
        static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G"};
        mf_lambda_metrics_add(&metrics, names[unit], (mf_lambda_unit)unit, unit);
    }
    json_t *document = written();
    json_t *directive = directive_of(document);
    size_t i;
    json_t *value;
    json_array_foreach(json_array_get(json_object_get(directive, "Dimensions"), 0), i, value)
        assert_true(json_is_string(json_object_get(document, json_string_value(value))));
    assert_int_equal(i, 2);
    json_array_foreach(json_object_get(directive, "Metrics"), i, value)
    {
        assert_non_null(json_string_value(json_object_get(value, "Unit")));
        assert_int_equal(json_integer_value(json_object_get(
                             document, json_string_value(json_object_get(value, "Name")))),
                         i);
    }
    assert_int_equal(i, 7);
    json_decref(document);
}

static void without_dimensions_there_is_one_empty_set(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, 1);
    json_t *document = written();
    char *text = json_dumps(json_object_get(directive_of(document), "Dimensions"), JSON_COMPACT);
    assert_string_equal(text, "[[]]");
    free(text);
    json_decref(document);
}

static void a_dimension_outside_its_table_or_named_twice_changes_nothing(void **state)
{
    (void)state;
    static const mf_lambda_dimension again = {"Source", functions, 1};
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    mf_lambda_metrics_dimension(&metrics, &source, 2);
    mf_lambda_metrics_dimension(&metrics, &source, SIZE_MAX);
    mf_lambda_metrics_dimension(&metrics, &source, 1);
    mf_lambda_metrics_dimension(&metrics, &source, 0);
    mf_lambda_metrics_dimension(&metrics, &again, 0);
    assert_int_equal(metrics.n_dimensions, 1);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, 1);
    json_t *document = written();
    assert_string_equal(json_string_value(json_object_get(document, "Source")), "service");
    json_decref(document);
}

static void what_is_not_finite_is_left_out(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, NAN);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, INFINITY);
    mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, -INFINITY);
    assert_int_equal(metrics.n_metrics, 0);
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
        mf_lambda_metrics_begin(&metrics, "Recommender", "");
        mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_NONE, values[i]);
        json_t *document = written();
        assert_true(json_number_value(json_object_get(document, "A")) == values[i]);
        json_decref(document);
    }
}

static void a_name_that_comes_again_makes_an_array(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    for (int i = 0; i < 3; i++) {
        mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, i);
        mf_lambda_metrics_add(&metrics, "B", MF_LAMBDA_UNIT_COUNT, 10 + i);
    }
    json_t *document = written();
    char *text = json_dumps(json_object_get(document, "B"), JSON_COMPACT);
    assert_string_equal(text, "[10,11,12]");
    free(text);
    json_decref(document);
}

static void what_finds_no_room_is_counted(void **state)
{
    (void)state;
    static char names[MF_LAMBDA_METRICS_MOST + 2][8];
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    for (int i = 0; i < MF_LAMBDA_METRIC_VALUES_MOST + 5; i++)
        mf_lambda_metrics_add(&metrics, "A", MF_LAMBDA_UNIT_COUNT, i);
    for (size_t i = 0; i < MF_LAMBDA_METRICS_MOST + 2; i++) {
        snprintf(names[i], sizeof names[i], "N%zu", i);
        mf_lambda_metrics_add(&metrics, names[i], MF_LAMBDA_UNIT_COUNT, 1);
    }
    json_t *document = written();
    assert_int_equal(json_array_size(json_object_get(document, "A")), MF_LAMBDA_METRIC_VALUES_MOST);
    assert_int_equal(json_array_size(json_object_get(directive_of(document), "Metrics")),
                     MF_LAMBDA_METRICS_MOST);
    assert_int_equal(json_integer_value(json_object_get(document, "dropped")), 5 + 3);
    json_decref(document);
    while (metrics.n_values < MF_LAMBDA_METRICS_VALUES_MOST) /* A is full, others are not */
        for (size_t i = 0; i < MF_LAMBDA_METRICS_MOST - 1; i++)
            mf_lambda_metrics_add(&metrics, names[i], MF_LAMBDA_UNIT_COUNT, 1);
    document = written();
    assert_true(json_integer_value(json_object_get(document, "dropped")) > 8 - 1);
    json_decref(document);
}

static void a_request_id_cannot_break_the_line(void **state)
{
    (void)state;
    mf_lambda_metrics_begin(&metrics, "Recommender", "a\"b\\\n");
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
    mf_lambda_metrics_begin(&metrics, "Recommender", "");
    mf_lambda_metrics_dimension(&metrics, &source, 0);
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
        cmocka_unit_test(every_name_is_a_root_member),
        cmocka_unit_test(without_dimensions_there_is_one_empty_set),
        cmocka_unit_test(a_dimension_outside_its_table_or_named_twice_changes_nothing),
        cmocka_unit_test(what_is_not_finite_is_left_out),
        cmocka_unit_test(numbers_keep_twelve_digits),
        cmocka_unit_test(a_name_that_comes_again_makes_an_array),
        cmocka_unit_test(what_finds_no_room_is_counted),
        cmocka_unit_test(a_request_id_cannot_break_the_line),
        cmocka_unit_test(an_empty_document_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
