/* aggregate_settings.c: the table of environment variables, and the checks that need several of
 * them. */
#include "lambda/aggregate/aggregate_settings.h"

#include "lambda/aws/dynamodb.h"

#include <string.h>

#define FIELD(name) MF_SETTING_FIELD(mf_aggregate_settings, name)

/* clang-format off */
static const mf_setting table[] = {
    {.name = "PRESET", .type = MF_SETTING_CHOICE, .choices = "ratings passengers",
     .initial = "ratings", .help = "defaults of the other variables: ratings per movie, or "
                                   "passengers per vendor", FIELD(preset)},
    {.name = "KEY_FIELD", .type = MF_SETTING_TEXT, .min = 1, .initial = "movieId",
     .help = "field of a record that totals are kept for", FIELD(key_field)},
    {.name = "SUM_FIELDS", .type = MF_SETTING_TEXT, .min = 1, .initial = "rating",
     .help = "numbers that are summed, separated by commas; - for none", FIELD(given.sum_fields)},
    {.name = "CARRIED_FIELDS", .type = MF_SETTING_TEXT, .min = 1, .initial = "-",
     .help = "fields whose last value goes into the item, separated by commas; - for none",
     FIELD(given.carried_fields)},
    {.name = "TABLE_NAME", .type = MF_SETTING_TEXT, .min = 3, .initial = "movieRatings",
     .help = "DynamoDB table of the totals; its key is KEY_ATTRIBUTE and START_ATTRIBUTE", FIELD(table)},
    {.name = "KEY_ATTRIBUTE", .type = MF_SETTING_TEXT, .min = 1, .initial = "-",
     .help = "the key's attribute; - for the name of KEY_FIELD", FIELD(key_attribute)},
    {.name = "KEY_TYPE", .type = MF_SETTING_CHOICE, .choices = "S N", .initial = "S",
     .help = "the key's type in the table: S, a text, or N, a number", FIELD(given.key_type)},
    {.name = "START_ATTRIBUTE", .type = MF_SETTING_TEXT, .min = 1, .initial = "windowStart",
     .help = "start of the window, a text; part of the key", FIELD(start_attribute)},
    {.name = "END_ATTRIBUTE", .type = MF_SETTING_TEXT, .min = 1, .initial = "windowEnd",
     .help = "end of the window, a text", FIELD(end_attribute)},
    {.name = "SUM_ATTRIBUTES", .type = MF_SETTING_TEXT, .min = 1, .initial = "ratingSum",
     .help = "attributes of the sums, one for each of SUM_FIELDS", FIELD(given.sum_attributes)},
    {.name = "COUNT_ATTRIBUTE", .type = MF_SETTING_TEXT, .min = 1, .initial = "ratingCount",
     .help = "number of records; - for none", FIELD(count_attribute)},
    {.name = "MEAN_ATTRIBUTES", .type = MF_SETTING_TEXT, .min = 1, .initial = "ratingMean",
     .help = "sums divided by the count, one for each of SUM_FIELDS; - for none, also for one of them",
     FIELD(given.mean_attributes)},
    {.name = "TREND_TABLE_NAME", .type = MF_SETTING_TEXT, .min = 1, .initial = "trendingMovies",
     .help = "DynamoDB table of each window's keys with the most records; its key is "
             "START_ATTRIBUTE and place; - for none", FIELD(trend_table)},
    {.name = "TREND_COUNT", .type = MF_SETTING_INTEGER, .min = 1, .max = 100, .initial = "10",
     .help = "number of keys in it", FIELD(trend_count)},
    {.name = "STATE_BYTES", .type = MF_SETTING_INTEGER, .min = 1024, .max = 900000,
     .initial = "500000",
     .help = "largest state between two invocations; what exceeds it is written to the table early",
     FIELD(state_bytes)},
    {.name = "WRITERS", .type = MF_SETTING_INTEGER, .min = 1, .max = MF_AGGREGATE_WRITERS_MOST,
     .initial = "16", .help = "connections to the table", FIELD(writers)},
    {.name = "ANSWER_MARGIN_MS", .type = MF_SETTING_INTEGER, .min = 0, .max = 60000,
     .initial = "500", .help = "milliseconds before the function's timeout at which writing ends",
     FIELD(margin_ms)},
    {.name = "METRICS", .type = MF_SETTING_BOOLEAN, .initial = "true",
     .help = "write a line of CloudWatch metrics for each event", FIELD(metrics)},
};
/* clang-format on */

enum { N_SETTINGS = sizeof table / sizeof table[0] };

static const struct {
    const char *name;
    const char *value;
} passengers[] = {
    {"KEY_FIELD", "vendorId"},     {"SUM_FIELDS", "passengerCount"},
    {"TABLE_NAME", "kinesisAggs"}, {"SUM_ATTRIBUTES", "passenger"},
    {"COUNT_ATTRIBUTE", "-"},      {"MEAN_ATTRIBUTES", "-"},
    {"TREND_TABLE_NAME", "-"},
};

static bool is_given(const mf_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n; i++)
        if (strcmp(settings->table[i].name, name) == 0)
            return mf_settings_is_given(settings, i);
    return false;
}

static bool set_preset(mf_settings *settings, const mf_aggregate_settings *values, mf_error *err)
{
    if (values->preset != MF_AGGREGATE_PRESET_PASSENGERS)
        return true;
    for (size_t i = 0; i < sizeof passengers / sizeof passengers[0]; i++)
        if (!is_given(settings, passengers[i].name) &&
            !mf_settings_set(settings, passengers[i].name, passengers[i].value,
                             strlen(passengers[i].value), err))
            return false;
    return true;
}

static bool is_dash(const char *name)
{
    return strcmp(name, "-") == 0;
}

/* "a,b" as a list, "-" as an empty one. */
static bool split(const char *variable, const char *text, size_t most, mf_aggregate_names *list,
                  mf_error *err)
{
    list->n = 0;
    if (is_dash(text))
        return true;
    for (const char *at = text;; at++) {
        while (*at == ' ')
            at++;
        size_t n = strcspn(at, ",");
        const char *comma = at + n;
        while (n > 0 && at[n - 1] == ' ')
            n--;
        if (n == 0)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "environment variable %s is \"%s\": expected names with one comma "
                           "between two of them, or - for none",
                           variable, text);
        if (list->n == most)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "environment variable %s is \"%s\": more than %zu names", variable, text,
                           most);
        memcpy(list->names[list->n], at, n);
        list->names[list->n++][n] = '\0';
        at = comma;
        if (*at == '\0')
            return true;
    }
}

static void none_if_dash(char *text)
{
    if (is_dash(text))
        text[0] = '\0';
}

/* "avg,-": of the second sum there is no mean. */
static void take_out_dashes(mf_aggregate_names *list)
{
    size_t n_named = 0;
    for (size_t i = 0; i < list->n; i++) {
        none_if_dash(list->names[i]);
        n_named += list->names[i][0] != '\0';
    }
    list->n = n_named > 0 ? list->n : 0;
}

/* A dash is no name where there has to be one. */
static bool check_names(const mf_aggregate_settings *v, mf_error *err)
{
    const struct {
        const char *variable, *name;
    } single[] = {{"KEY_FIELD", v->key_field},
                  {"START_ATTRIBUTE", v->start_attribute},
                  {"END_ATTRIBUTE", v->end_attribute}};
    const struct {
        const char *variable;
        const mf_aggregate_names *list;
    } lists[] = {{"SUM_FIELDS", &v->sum_fields},
                 {"SUM_ATTRIBUTES", &v->sum_attributes},
                 {"CARRIED_FIELDS", &v->carried_fields}};
    const char *wrong = NULL;
    for (size_t i = 0; i < 3; i++) {
        if (is_dash(single[i].name))
            wrong = single[i].variable;
        for (size_t k = 0; k < lists[i].list->n; k++)
            if (is_dash(lists[i].list->names[k]))
                wrong = lists[i].variable;
    }
    return wrong == NULL || mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                                    "environment variable %s has - for a name: it means none, and "
                                    "a name is needed here",
                                    wrong);
}

static bool check_length(const char *variable, const mf_aggregate_names *list, size_t n,
                         mf_error *err)
{
    if (list->n == n)
        return true;
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "environment variable %s has %zu names and SUM_FIELDS has %zu: expected as many",
                   variable, list->n, n);
}

static bool check_table(const char *variable, const char *name, mf_error *err)
{
    mf_error why = {.code = MF_OK};
    return mf_aws_dynamodb_table_check(name, &why) ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "environment variable %s: %s", variable,
                   why.text);
}

static bool check_tables(const mf_aggregate_settings *v, mf_error *err)
{
    if (!check_table("TABLE_NAME", v->table, err) ||
        (v->trend_table[0] != '\0' && !check_table("TREND_TABLE_NAME", v->trend_table, err)))
        return false;
    if (strcmp(v->table, v->trend_table) != 0)
        return true;
    return mf_fail(
        err, MF_ERR_CONFIG, MF_NOWHERE,
        "environment variables TABLE_NAME and TREND_TABLE_NAME are both \"%s\": they are "
        "two tables, with keys of their own",
        v->table);
}

/* An item has each attribute once; an item of the trend has its place, too. */
static bool check_distinct(const mf_aggregate_settings *v, mf_error *err)
{
    const char *names[4 + 2 * MF_AGGREGATE_SUMS_MOST + MF_AGGREGATE_CARRIED_MOST] = {
        v->key_attribute, v->start_attribute, v->end_attribute};
    size_t n = 3;
    if (v->count_attribute[0] != '\0')
        names[n++] = v->count_attribute;
    const mf_aggregate_names *const lists[] = {&v->mean_attributes, &v->sum_attributes,
                                               &v->carried_fields};
    size_t n_of_trend = 0;
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++) {
        for (size_t i = 0; i < lists[l]->n; i++)
            if (lists[l]->names[i][0] != '\0')
                names[n++] = lists[l]->names[i];
        if (l == 0 && v->trend_table[0] != '\0')
            n_of_trend = n;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_twice = i < n_of_trend && strcmp(names[i], MF_AGGREGATE_PLACE_ATTRIBUTE) == 0;
        for (size_t j = 0; j < i; j++)
            is_twice = is_twice || strcmp(names[i], names[j]) == 0;
        if (is_twice)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "the item would have the attribute \"%s\" twice: see "
                           "KEY_ATTRIBUTE, START_ATTRIBUTE, END_ATTRIBUTE, SUM_ATTRIBUTES, "
                           "COUNT_ATTRIBUTE, MEAN_ATTRIBUTES and CARRIED_FIELDS",
                           names[i]);
    }
    return true;
}

static bool check(mf_aggregate_settings *v, mf_error *err)
{
    if (!split("SUM_FIELDS", v->given.sum_fields, MF_AGGREGATE_SUMS_MOST, &v->sum_fields, err) ||
        !split("SUM_ATTRIBUTES", v->given.sum_attributes, MF_AGGREGATE_SUMS_MOST,
               &v->sum_attributes, err) ||
        !split("MEAN_ATTRIBUTES", v->given.mean_attributes, MF_AGGREGATE_SUMS_MOST,
               &v->mean_attributes, err) ||
        !split("CARRIED_FIELDS", v->given.carried_fields, MF_AGGREGATE_CARRIED_MOST,
               &v->carried_fields, err) ||
        !check_length("SUM_ATTRIBUTES", &v->sum_attributes, v->sum_fields.n, err) ||
        (v->mean_attributes.n > 0 &&
         !check_length("MEAN_ATTRIBUTES", &v->mean_attributes, v->sum_fields.n, err)) ||
        !check_names(v, err))
        return false;
    take_out_dashes(&v->mean_attributes);
    none_if_dash(v->count_attribute);
    none_if_dash(v->trend_table);
    if (is_dash(v->key_attribute))
        memcpy(v->key_attribute, v->key_field, sizeof v->key_attribute);
    v->key_is_number = v->given.key_type == 1;
    if (v->count_attribute[0] == '\0' && (v->mean_attributes.n > 0 || v->trend_table[0] != '\0'))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "environment variable COUNT_ATTRIBUTE is -, but %s needs the count: name "
                       "an attribute for it, or set that to - too",
                       v->mean_attributes.n > 0 ? "MEAN_ATTRIBUTES" : "TREND_TABLE_NAME");
    return check_tables(v, err) && check_distinct(v, err);
}

bool mf_aggregate_settings_start(mf_settings *settings, mf_aggregate_settings *values,
                                 mf_error *err)
{
    memset(values, 0, sizeof *values);
    return mf_settings_start(settings, table, N_SETTINGS, "environment variable", values, err);
}

bool mf_aggregate_settings_read(mf_settings *settings, mf_aggregate_settings *values, mf_error *err)
{
    return mf_aggregate_settings_start(settings, values, err) &&
           mf_settings_read_environment(settings, err) && set_preset(settings, values, err) &&
           check(values, err);
}
