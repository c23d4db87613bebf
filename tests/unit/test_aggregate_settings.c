/* test_aggregate_settings.c: the environment variables of aggregate, and records by them
 * (lambda/aggregate/aggregate_settings.h, fields.h). */
#include "testing.h"

#include "lambda/aggregate/fields.h"

static mf_settings table;
static mf_aggregate_settings values;

static const char *const variables[] = {
    "PRESET",        "KEY_FIELD",   "SUM_FIELDS",       "CARRIED_FIELDS",  "TABLE_NAME",
    "KEY_ATTRIBUTE", "KEY_TYPE",    "SUM_ATTRIBUTES",   "COUNT_ATTRIBUTE", "MEAN_ATTRIBUTES",
    "END_ATTRIBUTE", "STATE_BYTES", "TREND_TABLE_NAME", "TREND_COUNT",     "START_ATTRIBUTE",
};

static int fresh(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    return 0;
}

static bool read_with(const char *const *pairs, mf_error *err)
{
    fresh(NULL);
    for (size_t i = 0; pairs[i] != NULL; i += 2)
        setenv(pairs[i], pairs[i + 1], 1);
    mf_error_clear(err);
    return mf_aggregate_settings_read(&table, &values, err);
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_preset_is_the_default_of_what_is_not_set(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(read_with(PAIRS("PRESET", "ratings"), &err), err);
    assert_string_equal(values.key_field, "movieId");
    assert_string_equal(values.key_attribute, "movieId");
    assert_string_equal(values.sum_fields.names[0], "rating");
    assert_string_equal(values.mean_attributes.names[0], "ratingMean");
    assert_string_equal(values.trend_table, "trendingMovies");
    assert_int_equal(values.carried_fields.n, 0);
    assert_ok(read_with(PAIRS("PRESET", "passengers", "KEY_FIELD", "cab"), &err), err);
    assert_string_equal(values.key_field, "cab");
    assert_string_equal(values.sum_fields.names[0], "passengerCount");
    assert_string_equal(values.table, "kinesisAggs");
    assert_string_equal(values.count_attribute, "");
    assert_string_equal(values.trend_table, "");
    assert_int_equal(values.mean_attributes.n, 0);
}

static void lists_are_names_with_commas(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(
        read_with(PAIRS("SUM_FIELDS", "a, b ,c", "SUM_ATTRIBUTES", "x,y,z", "MEAN_ATTRIBUTES", "-",
                        "CARRIED_FIELDS", "title", "KEY_TYPE", "N", "KEY_ATTRIBUTE", "id"),
                  &err),
        err);
    assert_int_equal(values.sum_fields.n, 3);
    assert_string_equal(values.sum_fields.names[1], "b");
    assert_string_equal(values.sum_attributes.names[2], "z");
    assert_string_equal(values.carried_fields.names[0], "title");
    assert_string_equal(values.key_attribute, "id");
    assert_true(values.key_is_number);
}

static void a_dash_stands_for_no_mean_in_any_place(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_ok(read_with(PAIRS("SUM_FIELDS", "a,b", "SUM_ATTRIBUTES", "x,place", "MEAN_ATTRIBUTES",
                              "avg,-"),
                        &err),
              err);
    assert_int_equal(values.mean_attributes.n, 2);
    assert_string_equal(values.mean_attributes.names[0], "avg");
    assert_string_equal(values.mean_attributes.names[1], "");
    assert_ok(read_with(PAIRS("SUM_FIELDS", "a,b", "SUM_ATTRIBUTES", "x,y", "MEAN_ATTRIBUTES",
                              "-, -", "COUNT_ATTRIBUTE", "-", "TREND_TABLE_NAME", "-"),
                        &err),
              err);
    assert_int_equal(values.mean_attributes.n, 0);
}

static void what_contradicts_itself_is_refused_with_the_variable(void **state)
{
    (void)state;
    const struct {
        const char *const *pairs;
        const char *says;
    } cases[] = {
        {PAIRS("SUM_FIELDS", "a,,b"), "SUM_FIELDS is \"a,,b\": expected names with one comma"},
        {PAIRS("SUM_FIELDS", "a,b,c,d,e"), "SUM_FIELDS is \"a,b,c,d,e\": more than 4 names"},
        {PAIRS("SUM_FIELDS", "a,b"), "SUM_ATTRIBUTES has 1 names and SUM_FIELDS has 2"},
        {PAIRS("MEAN_ATTRIBUTES", "a,b"), "MEAN_ATTRIBUTES has 2 names and SUM_FIELDS has 1"},
        {PAIRS("COUNT_ATTRIBUTE", "-"), "COUNT_ATTRIBUTE is -, but MEAN_ATTRIBUTES needs"},
        {PAIRS("COUNT_ATTRIBUTE", "-", "MEAN_ATTRIBUTES", "-"), "but TREND_TABLE_NAME needs"},
        {PAIRS("TABLE_NAME", "a b c"), "TABLE_NAME: \"a b c\" is not the name of a table"},
        {PAIRS("TREND_TABLE_NAME", "x"), "TREND_TABLE_NAME: \"x\" is not the name of a table"},
        {PAIRS("TREND_TABLE_NAME", "movieRatings"), "are both \"movieRatings\""},
        {PAIRS("END_ATTRIBUTE", "ratingSum"), "the attribute \"ratingSum\" twice"},
        {PAIRS("KEY_ATTRIBUTE", "place"), "the attribute \"place\" twice"},
        {PAIRS("CARRIED_FIELDS", "movieId"), "the attribute \"movieId\" twice"},
        {PAIRS("STATE_BYTES", "10"), "STATE_BYTES"},
        {PAIRS("SUM_FIELDS", "a,-", "SUM_ATTRIBUTES", "x,y", "MEAN_ATTRIBUTES", "-"),
         "SUM_FIELDS has - for a name: it means none"},
        {PAIRS("SUM_FIELDS", "a,b", "SUM_ATTRIBUTES", "-,y", "MEAN_ATTRIBUTES", "-"),
         "SUM_ATTRIBUTES has - for a name"},
        {PAIRS("CARRIED_FIELDS", "-,title"), "CARRIED_FIELDS has - for a name"},
        {PAIRS("START_ATTRIBUTE", "-"), "START_ATTRIBUTE has - for a name"},
        {PAIRS("END_ATTRIBUTE", "-"), "END_ATTRIBUTE has - for a name"},
        {PAIRS("KEY_FIELD", "-"), "KEY_FIELD has - for a name"},
        {PAIRS("SUM_FIELDS", "a,b", "SUM_ATTRIBUTES", "x,y", "MEAN_ATTRIBUTES", "-,place"),
         "the attribute \"place\" twice"},
        {PAIRS("PRESET", "taxis"), "PRESET"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        if (read_with(cases[i].pairs, &err))
            fail_msg("accepted: %s", cases[i].says);
        assert_error(&err, MF_ERR_CONFIG, cases[i].says);
    }
}

static mf_aggregate_fields fields;

static bool read_record(const char *record, mf_error *why)
{
    mf_error_clear(why);
    return mf_aggregate_fields_read(&fields, &values, record, strlen(record), why);
}

static void assert_id(mf_id id, const char *expected)
{
    assert_int_equal(id.n_bytes, strlen(expected));
    assert_memory_equal(id.bytes, expected, id.n_bytes);
}

static void a_key_is_a_text_or_the_shortest_form_of_a_number(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"\"1.0\"", "1"},
        {"\"-2.00\"", "-2"},
        {"\"1e3\"", "1e3"},
        {"\"1.0e1\"", "1.0e1"},
        {"\"2.5\"", "2.5"},
        {"\"01.0\"", "01.0"},
        {"\"9007199254740993.0\"", "9007199254740993"},
        {"9007199254740993.0", "9007199254740993"},
        {"\"2959\"", "2959"},
        {"2959", "2959"},
        {"1.0", "1"},
        {"0", "0"},
        {"1e2", "100"},
        {"-0", "0"},
        {"\"007\"", "007"},
        {"-4.50", "-4.5"},
    };
    mf_error err = {0};
    assert_ok(read_with(PAIRS("CARRIED_FIELDS", "title"), &err), err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char record[128];
        snprintf(record, sizeof record, "{\"movieId\":%s,\"rating\":\"4.5\",\"title\":\"t\"}",
                 cases[i][0]);
        assert_ok(read_record(record, &err), err);
        assert_id(fields.key, cases[i][1]);
        const mf_aggregate_decimal expected = {45, 1};
        assert_true(mf_aggregate_decimal_equals(&fields.sums[0], &expected));
        assert_int_equal(fields.carried[0].type, MF_AGGREGATE_CARRIED_TEXT);
        assert_id(fields.carried[0].value, "t");
    }
    assert_ok(read_record("{\"movieId\":1,\"rating\":1,\"title\":null}", &err), err);
    assert_int_equal(fields.carried[0].type, MF_AGGREGATE_CARRIED_NONE);
    assert_ok(read_record("{\"movieId\":1,\"rating\":1,\"title\":7}", &err), err);
    assert_int_equal(fields.carried[0].type, MF_AGGREGATE_CARRIED_NUMBER);
}

static void a_dirty_record_has_a_reason_without_its_content(void **state)
{
    (void)state;
    static char long_title[700];
    memset(long_title, 'x', sizeof long_title - 1);
    char too_long[800];
    snprintf(too_long, sizeof too_long, "{\"movieId\":1,\"rating\":1,\"title\":\"%s\"}",
             long_title);
    const struct {
        const char *record;
        const char *says;
        bool key_is_number;
    } cases[] = {
        {"", "not JSON, at byte 0 of 0", false},
        {"[1]", "expected a JSON object", false},
        {"{\"movieId\":1,\"rating\":NaN}", "not JSON, at byte 22 of 26", false},
        {"{\"rating\":1}", "field movieId is missing", false},
        {"{\"movieId\":null,\"rating\":1}", "field movieId is missing", false},
        {"{\"movieId\":\"\",\"rating\":1}", "field movieId is not a text of 1 to 1024", false},
        {"{\"movieId\":true,\"rating\":1}", "field movieId is not a text or a number", false},
        {"{\"movieId\":\"secret\",\"rating\":1}", "field movieId is not a number of at", true},
        {"{\"movieId\":1}", "field rating is missing", false},
        {"{\"movieId\":1,\"rating\":\"secret\"}", "field rating is not a number of", false},
        {"{\"movieId\":1,\"rating\":[1]}", "field rating is not a number of", false},
        {"{\"movieId\":1,\"rating\":1,\"title\":{}}", "field title is not a text of", false},
        {"{\"movieId\":1,\"rating\":1,\"title\":1e99}", "field title is not a text of", false},
        {too_long, "field title is not a text of at most 512 bytes", false},
    };
    mf_error err = {0};
    assert_ok(read_with(PAIRS("CARRIED_FIELDS", "title"), &err), err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        values.key_is_number = cases[i].key_is_number;
        if (read_record(cases[i].record, &err))
            fail_msg("accepted: %s", cases[i].record);
        assert_error(&err, MF_ERR_FORMAT, cases[i].says);
        assert_null(strstr(err.text, "secret"));
    }
}

static int end(void **state)
{
    (void)state;
    mf_aggregate_fields_free(&fields);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_preset_is_the_default_of_what_is_not_set, fresh),
        cmocka_unit_test_setup(lists_are_names_with_commas, fresh),
        cmocka_unit_test_setup(a_dash_stands_for_no_mean_in_any_place, fresh),
        cmocka_unit_test_setup(what_contradicts_itself_is_refused_with_the_variable, fresh),
        cmocka_unit_test_setup(a_key_is_a_text_or_the_shortest_form_of_a_number, fresh),
        cmocka_unit_test_setup(a_dirty_record_has_a_reason_without_its_content, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
