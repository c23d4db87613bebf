/* test_aggregate_writer.c: lambda/aggregate/writer.h between a window and a table of the test's own,
 * which understands as much of DynamoDB as the writer uses. */
#include "aws_testing.h"

#include "base/clock.h"
#include "lambda/aggregate/writer.h"

#include <jansson.h>

enum { ITEMS = 64 };

typedef struct item {
    char key[32], start[32], end[32], last[2][160], mean[64];
    double count, sum;
} item;

static struct table {
    item items[ITEMS];
    size_t n_items, n_updates;
    int status; /* of every response, unless 0 */
    char batch[4096];
    char response[1024];
} table;

static aws_peer peer;
static mf_aggregate_settings settings;
static mf_aggregate_window window;
static mf_aggregate_fields fields;
static mf_aggregate_writer *writer;
static mf_error err;

static const char *text_of(const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, "S"));
    return text != NULL ? text : json_string_value(json_object_get(value, "N"));
}

static item *item_of(const json_t *request)
{
    const json_t *key = json_object_get(request, "Key");
    const char *id = text_of(json_object_get(key, "movieId"));
    const char *begin = text_of(json_object_get(key, "windowStart"));
    for (size_t i = 0; i < table.n_items; i++)
        if (strcmp(table.items[i].key, id) == 0 && strcmp(table.items[i].start, begin) == 0)
            return &table.items[i];
    item *new = &table.items[table.n_items++];
    snprintf(new->key, sizeof new->key, "%s", id);
    snprintf(new->start, sizeof new->start, "%s", begin);
    return new;
}

static char *last_of(item *it, const char *name)
{
    return it->last[strcmp(name, "lastSequence:shard-1") == 0];
}

/* False: a condition does not hold. */
static bool check_conditions(item *it, const char *condition, const char *place, const char *name,
                             const char *value)
{
    char equal[32], newer[32];
    snprintf(equal, sizeof equal, "%s = :%s", place, place + 1);
    snprintf(newer, sizeof newer, "%s < :%s", place, place + 1);
    if (strstr(condition, newer) != NULL)
        return strcmp(last_of(it, name), value) < 0;
    if (strstr(condition, equal) == NULL)
        return true;
    if (strcmp(name, "windowEnd") == 0)
        return strcmp(it->end, value) == 0;
    return strtod(value, NULL) == (strcmp(name, "ratingCount") == 0 ? it->count : it->sum);
}

static void apply(item *it, const char *update, const char *place, const char *name,
                  const char *value)
{
    char set[32];
    snprintf(set, sizeof set, "%s = :%s", place, place + 1);
    const bool is_set = strstr(update, set) != NULL;
    if (strcmp(name, "ratingCount") == 0 && !is_set)
        it->count += strtod(value, NULL);
    else if (strcmp(name, "ratingSum") == 0 && !is_set)
        it->sum += strtod(value, NULL);
    else if (strcmp(name, "ratingMean") == 0)
        snprintf(it->mean, sizeof it->mean, "%s", value);
    else if (strcmp(name, "windowEnd") == 0)
        snprintf(it->end, sizeof it->end, "%s", value);
    else
        snprintf(last_of(it, name), sizeof it->last[0], "%s", value);
}

static peer_response update_item(const json_t *request)
{
    item *it = item_of(request);
    json_t *names = json_object_get(request, "ExpressionAttributeNames");
    const json_t *values = json_object_get(request, "ExpressionAttributeValues");
    const char *update = json_string_value(json_object_get(request, "UpdateExpression"));
    const char *condition = json_string_value(json_object_get(request, "ConditionExpression"));
    const char *place;
    json_t *name;
    table.n_updates++;
    for (int round = 0; round < 2; round++)
        json_object_foreach(names, place, name)
        {
            char of_value[32];
            snprintf(of_value, sizeof of_value, ":%s", place + 1);
            const char *value = text_of(json_object_get(values, of_value));
            const bool is_condition = condition != NULL && strstr(condition, place) != NULL;
            if (round == 0 && is_condition &&
                !check_conditions(it, condition, place, json_string_value(name), value))
                return (peer_response){400, "{\"__type\":\"#ConditionalCheckFailedException\"}",
                                       NULL};
            if (round == 1 && strstr(update, place) != NULL)
                apply(it, update, place, json_string_value(name), value);
        }
    snprintf(table.response, sizeof table.response,
             "{\"Attributes\":{\"ratingCount\":{\"N\":\"%g\"},\"ratingSum\":{\"N\":\"%g\"}}}",
             it->count, it->sum);
    return (peer_response){200, table.response, NULL};
}

static peer_response respond(void *context, size_t i, const char *head, const char *body)
{
    (void)context, (void)i;
    if (table.status != 0)
        return (peer_response){table.status, "{\"__type\":\"#ValidationException\"}", NULL};
    if (strstr(head, "BatchWriteItem") != NULL) {
        snprintf(table.batch, sizeof table.batch, "%s", body);
        return (peer_response){200, "{\"UnprocessedItems\":{}}", NULL};
    }
    json_t *request = json_loads(body, 0, NULL);
    const peer_response response = update_item(request);
    json_decref(request);
    return response;
}

static int start(void **state)
{
    (void)state;
    mf_settings read;
    peer_start(&peer, respond, NULL);
    setenv("WRITERS", "4", 1);
    setenv("TREND_COUNT", "2", 1);
    assert_ok(mf_aggregate_settings_read(&read, &settings, &err), err);
    window.settings = &settings;
    writer = mf_aggregate_writer_create(&settings, &err);
    return writer == NULL;
}

static int end(void **state)
{
    (void)state;
    mf_aggregate_writer_destroy(writer);
    mf_aggregate_window_free(&window);
    mf_aggregate_fields_free(&fields);
    peer_stop(&peer);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    peer_count(&peer);
    memset(&table, 0, sizeof table);
    mf_aggregate_window_clear(&window);
    mf_error_clear(&err);
    return 0;
}

static void add(const char *id, double rating)
{
    char record[128];
    snprintf(record, sizeof record, "{\"movieId\":\"%s\",\"rating\":%g}", id, rating);
    assert_ok(mf_aggregate_fields_read(&fields, &settings, record, strlen(record), &err) &&
                  mf_aggregate_window_add(&window, &fields, &err),
              err);
}

static mf_aggregate_write write_of(const char *shard, const char *last)
{
    mf_aggregate_window_reached(&window, (mf_id){last, strlen(last)});
    return (mf_aggregate_write){.window = &window,
                                .n = window.n,
                                .shard_id = {shard, strlen(shard)},
                                .start = "12:00",
                                .end = "12:05",
                                .deadline_ms = mf_clock_wall_ms() + 60000};
}

static bool run(const mf_aggregate_write *write, mf_aggregate_write_result *result)
{
    peer_count(&peer);
    const bool ok = mf_aggregate_writer_run(writer, write, result, &err);
    peer_count(&peer);
    return ok;
}

static void totals_of_two_shards_add_up_with_the_mean_of_both(void **state)
{
    (void)state;
    mf_aggregate_write_result result;
    add("1", 4);
    add("1", 5);
    add("2", 1.5);
    mf_aggregate_write write = write_of("shard-0", "7");
    assert_ok(run(&write, &result), err);
    assert_int_equal(result.n_written, 2);
    assert_int_equal(table.n_updates, 2); /* the means came with the sums */
    mf_aggregate_window_clear(&window);
    add("1", 3);
    write = write_of("shard-1", "5");
    assert_ok(run(&write, &result), err);
    assert_int_equal(table.n_items, 2);
    const item *one = &table.items[strcmp(table.items[0].key, "1") == 0 ? 0 : 1];
    assert_true(one->count == 3 && one->sum == 12);
    assert_string_equal(one->mean, "4");
    assert_string_equal(one->end, "12:05");
    assert_string_equal(one->last[0], "0017");
    assert_string_equal(one->last[1], "0015");
    assert_true(window.entries[0].is_written);
}

static void the_same_totals_again_change_nothing(void **state)
{
    (void)state;
    mf_aggregate_write_result result;
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        add(id, 4);
    }
    const mf_aggregate_write write = write_of("shard-0", "7");
    assert_ok(run(&write, &result), err);
    assert_int_equal(result.n_written, 20);
    assert_ok(run(&write, &result), err);
    assert_int_equal(result.n_written, 0);
    assert_int_equal(result.n_done_before, 20);
    assert_int_equal(table.n_items, 20);
    for (size_t i = 0; i < 20; i++)
        assert_true(table.items[i].count == 1 && table.items[i].sum == 4);
}

static void chosen_entries_alone_are_written(void **state)
{
    (void)state;
    static const uint32_t chosen[] = {2, 0};
    mf_aggregate_write_result result;
    add("a", 1);
    add("b", 2);
    add("c", 3);
    mf_aggregate_write write = write_of("shard-0", "7");
    write.chosen = chosen;
    write.n = 2;
    assert_ok(run(&write, &result), err);
    assert_int_equal(table.n_items, 2);
    assert_true(window.entries[0].is_written && window.entries[2].is_written);
    assert_false(window.entries[1].is_written);
    write.n = 0;
    assert_ok(run(&write, &result), err);
    assert_int_equal(result.n_written, 0);
}

static void a_permanent_failure_ends_the_run_and_counts_the_rest(void **state)
{
    (void)state;
    mf_aggregate_write_result result;
    for (int i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        add(id, 4);
    }
    const mf_aggregate_write write = write_of("shard-0", "7");
    table.status = 400;
    assert_false(run(&write, &result));
    assert_error(&err, MF_ERR_ARGUMENT, "40 of 40 items are not written: DynamoDB");
    assert_int_equal(result.n_failed, 40);
    assert_true(peer_count(&peer) < 200);
    for (size_t i = 0; i < window.n; i++)
        assert_false(window.entries[i].is_written);
}

static void the_trend_has_the_keys_with_the_most_records(void **state)
{
    (void)state;
    mf_aggregate_write_result result;
    mf_aggregate_item_totals totals[3] = {{.count = 0}};
    size_t n_put = 0;
    add("b", 5);
    add("a", 4);
    add("a", 3);
    add("c", 1);
    mf_aggregate_write write = write_of("shard-0", "7");
    write.totals = totals;
    assert_ok(run(&write, &result), err);
    assert_int_equal(totals[1].count, 2);
    assert_ok(mf_aggregate_writer_put_trend(writer, &write, &n_put, &err), err);
    peer_count(&peer);
    assert_int_equal(n_put, 2);
    assert_string_equal(
        table.batch,
        "{\"RequestItems\":{\"trendingMovies\":["
        "{\"PutRequest\":{\"Item\":{\"windowStart\":{\"S\":\"12:00\"},\"place\":{\"S\":"
        "\"shard-0#0017#001\"},\"windowEnd\":{\"S\":\"12:05\"},\"movieId\":{\"S\":\"a\"},"
        "\"ratingCount\":{\"N\":\"2\"},\"ratingMean\":{\"N\":\"3.5\"}}}},"
        "{\"PutRequest\":{\"Item\":{\"windowStart\":{\"S\":\"12:00\"},\"place\":{\"S\":"
        "\"shard-0#0017#002\"},\"windowEnd\":{\"S\":\"12:05\"},\"movieId\":{\"S\":\"b\"},"
        "\"ratingCount\":{\"N\":\"1\"},\"ratingMean\":{\"N\":\"5\"}}}}]}}");
    table.status = 400;
    assert_false(mf_aggregate_writer_put_trend(writer, &write, &n_put, &err));
    assert_int_equal(n_put, 0);
    assert_error(&err, MF_ERR_ARGUMENT, "BatchWriteItem: DynamoDB returned 400");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(totals_of_two_shards_add_up_with_the_mean_of_both, fresh),
        cmocka_unit_test_setup(the_same_totals_again_change_nothing, fresh),
        cmocka_unit_test_setup(chosen_entries_alone_are_written, fresh),
        cmocka_unit_test_setup(a_permanent_failure_ends_the_run_and_counts_the_rest, fresh),
        cmocka_unit_test_setup(the_trend_has_the_keys_with_the_most_records, fresh),
    };
    return cmocka_run_group_tests(tests, start, end);
}
