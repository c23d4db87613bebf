/* test_aws_kinesis.c: lambda/aws/kinesis.h: calls of PutRecords until every record is written. */
#define PEER_CLOCK
#include "aws_testing.h"

#include "base/clock.h"
#include "lambda/aws/kinesis.h"

#include <jansson.h>

static aws_peer peer;
static mf_aws_client *client;

/* A stream. Data of the records in its order; the first `n_refused` records are refused. */
static struct stream {
    char data[4096];
    int n_refused;
    const char *response; /* instead of an own one */
    int status;
    size_t n_calls, n_in_call[64];
    char own[1 << 16];
} stream;

static peer_response respond(void *context, size_t i, const char *head, const char *body)
{
    (void)context, (void)i, (void)head;
    json_t *root = json_loads(body, 0, NULL);
    const json_t *records = json_object_get(root, "Records");
    size_t n = 0, k;
    json_t *record;
    stream.n_in_call[stream.n_calls++ % 64] = json_array_size(records);
    n += (size_t)snprintf(stream.own, sizeof stream.own, "{\"Records\":[");
    json_array_foreach(records, k, record)
    {
        const char *data = json_string_value(json_object_get(record, "Data"));
        const char *comma = k > 0 ? "," : "";
        if (stream.n_refused > 0 && stream.n_refused--) {
            n += (size_t)snprintf(stream.own + n, sizeof stream.own - n,
                                  "%s{\"ErrorCode\":\"ProvisionedThroughputExceededException\","
                                  "\"ErrorMessage\":\"slow down\"}",
                                  comma);
            continue;
        }
        n += (size_t)snprintf(stream.own + n, sizeof stream.own - n, "%s{\"SequenceNumber\":\"1\"}",
                              comma);
        if (strlen(stream.data) + strlen(data) + 2 < sizeof stream.data)
            strcat(strcat(stream.data, data), " ");
    }
    snprintf(stream.own + n, sizeof stream.own - n, "]}");
    json_decref(root);
    return (peer_response){stream.status, stream.response != NULL ? stream.response : stream.own,
                           NULL};
}

static int start(void **state)
{
    (void)state;
    mf_error err = {0};
    peer_start(&peer, respond, NULL);
    client =
        mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_KINESIS, .seed = 1}, &err);
    return client == NULL;
}

static int end(void **state)
{
    (void)state;
    mf_aws_client_destroy(client);
    peer_stop(&peer);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    stream = (struct stream){.status = 200};
    return 0;
}

static mf_aws_kinesis_record record(const char *key, const char *data)
{
    return (mf_aws_kinesis_record){
        .key = key, .n_key = strlen(key), .data = data, .n_data = strlen(data)};
}

static bool put(mf_aws_kinesis_record *records, size_t n, bool keep_order, int64_t ms,
                mf_aws_kinesis_tally *tally, mf_aws_failure *failure)
{
    const mf_aws_kinesis_put all = {
        .stream = "predictions",
        .records = records,
        .n_records = n,
        .deadline_ms = mf_clock_wall_ms() + ms,
        .keep_order = keep_order,
    };
    peer_count(&peer);
    const bool ok = mf_aws_kinesis_put_records(client, &all, tally, failure);
    peer_count(&peer);
    return ok;
}

static void a_call_has_key_and_data_of_each_record(void **state)
{
    (void)state;
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    mf_aws_kinesis_record records[] = {record("k\"1", "f"), record("k2", "")};
    const size_t first = peer_count(&peer);
    assert_true(put(records, 2, false, 60000, &tally, &failure));
    assert_string_equal(peer_body(&peer, first),
                        "{\"StreamName\":\"predictions\",\"Records\":[{\"Data\":\"Zg==\","
                        "\"PartitionKey\":\"k\\\"1\"},{\"Data\":\"\",\"PartitionKey\":\"k2\"}]}");
    assert_non_null(strstr(peer_head(&peer, first), "X-Amz-Target: Kinesis_20131202.PutRecords"));
    assert_non_null(strstr(peer_head(&peer, first), "Content-Type: application/x-amz-json-1.1"));
    assert_true(records[0].is_written && records[1].is_written);
    assert_int_equal(tally.n_written, 2);
    assert_int_equal(tally.n_calls, 1);
    records[0].is_written = records[1].is_written = false;
    const mf_aws_kinesis_put by_arn = {
        .stream = "arn:aws:kinesis:eu-central-1:1:stream/s", .records = records, .n_records = 1};
    assert_true(mf_aws_kinesis_put_records(client, &by_arn, &tally, &failure));
    assert_non_null(strstr(peer_body(&peer, first + 1), "{\"StreamARN\":\"arn:aws:kinesis"));
}

static void records_that_are_refused_are_sent_again_alone(void **state)
{
    (void)state;
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    mf_aws_kinesis_record records[] = {record("1", "a"), record("2", "b"), record("3", "c")};
    stream.n_refused = 2;
    assert_true(put(records, 3, true, 60000, &tally, &failure));
    assert_string_equal(stream.data, "Yw== YQ== Yg== ");
    assert_int_equal(tally.n_written, 3);
    assert_int_equal(tally.n_refused, 2);
    assert_int_equal(tally.n_calls, 2);
    /* What is written is not put again. */
    assert_true(put(records, 3, true, 60000, &tally, &failure));
    assert_int_equal(tally.n_calls, 0);
}

static void records_of_one_key_keep_their_order(void **state)
{
    (void)state;
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    mf_aws_kinesis_record records[] = {record("k", "a"), record("k", "b"), record("x", "c"),
                                       record("k", "d")};
    stream.n_refused = 1;
    assert_true(put(records, 4, true, 60000, &tally, &failure));
    assert_string_equal(stream.data, "Yw== YQ== Yg== ZA== ");
    fresh(NULL);
    for (size_t i = 0; i < 4; i++)
        records[i].is_written = false;
    assert_true(put(records, 4, false, 60000, &tally, &failure));
    assert_int_equal(tally.n_calls, 1);
}

static void a_call_has_500_records_and_5_mib_at_most(void **state)
{
    (void)state;
    enum { N = 1100, LARGE = 900000 };
    static mf_aws_kinesis_record records[N];
    static char keys[N][24];
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    for (size_t i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "%zu", i);
        records[i] = record(keys[i], "x");
    }
    assert_true(put(records, N, true, 60000, &tally, &failure));
    assert_int_equal(tally.n_calls, 3);
    assert_int_equal(stream.n_in_call[0], 500);
    assert_int_equal(stream.n_in_call[2], 100);
    fresh(NULL);
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < 10; i++)
        records[i] =
            (mf_aws_kinesis_record){.key = "k", .n_key = 1, .data = large, .n_data = LARGE};
    assert_true(put(records, 10, false, 60000, &tally, &failure));
    assert_int_equal(tally.n_calls, 3); /* 1.2 MB of base64 each */
    assert_int_equal(stream.n_in_call[0], 4);
    free(large);
}

static void an_invalid_record_fails_before_anything_is_sent(void **state)
{
    (void)state;
    static char long_key[MF_AWS_KINESIS_KEY_CHARACTERS + 2];
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    char *large = malloc(MF_AWS_KINESIS_RECORD_BYTES);
    assert_non_null(large);
    memset(long_key, 'k', sizeof long_key - 1);
    mf_aws_kinesis_record records[] = {record("k", "a"), record(long_key, "b")};
    assert_false(put(records, 2, true, 60000, &tally, &failure));
    assert_error(&failure.error, MF_ERR_ARGUMENT, "record 1: a partition key of 257 characters");
    records[1] = record("", "b");
    assert_false(put(records, 2, true, 60000, &tally, &failure));
    records[1] = (mf_aws_kinesis_record){
        .key = "k", .n_key = 1, .data = large, .n_data = MF_AWS_KINESIS_RECORD_BYTES};
    assert_false(put(records, 2, true, 60000, &tally, &failure));
    assert_int_equal(failure.kind, MF_AWS_TOO_LARGE);
    assert_int_equal(stream.n_calls, 0);
    free(large);
}

static void a_response_that_does_not_fit_marks_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]", "{}", "{\"Records\":[]}",
                                         "{\"Records\":[{\"SequenceNumber\":\"1\"},{}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        mf_aws_kinesis_tally tally;
        mf_aws_failure failure;
        mf_aws_kinesis_record records[] = {record("k", "a"), record("l", "b")};
        stream.response = bodies[i];
        assert_false(put(records, 2, true, 60000, &tally, &failure));
        assert_int_equal(failure.kind, MF_AWS_SERVER);
        assert_true(failure.may_have_acted);
        assert_error(&failure.error, MF_ERR_IO, "stream predictions: Kinesis gave no usable");
        assert_false(records[0].is_written || records[1].is_written);
        assert_int_equal(tally.n_written, 0);
    }
}

static void a_call_that_fails_and_a_stream_that_stays_slow_say_why(void **state)
{
    (void)state;
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    mf_aws_kinesis_record records[] = {record("k", "a"), record("l", "b")};
    stream.n_refused = 1000000;
    assert_false(put(records, 2, true, 60000, &tally, &failure));
    assert_int_equal(failure.kind, MF_AWS_THROTTLED);
    assert_true(failure.is_retriable && tally.n_refused > 2 * 60000 / 5000);
    assert_string_equal(failure.code, "ProvisionedThroughputExceededException");
    assert_error(&failure.error, MF_ERR_IO, "slow down");
    fresh(NULL);
    stream.status = 400;
    stream.response = "{\"__type\":\"ResourceNotFoundException\"}";
    assert_false(put(records, 2, true, 60000, &tally, &failure));
    assert_int_equal(failure.kind, MF_AWS_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_call_has_key_and_data_of_each_record, fresh),
        cmocka_unit_test_setup(records_that_are_refused_are_sent_again_alone, fresh),
        cmocka_unit_test_setup(records_of_one_key_keep_their_order, fresh),
        cmocka_unit_test_setup(a_call_has_500_records_and_5_mib_at_most, fresh),
        cmocka_unit_test_setup(an_invalid_record_fails_before_anything_is_sent, fresh),
        cmocka_unit_test_setup(a_response_that_does_not_fit_marks_nothing, fresh),
        cmocka_unit_test_setup(a_call_that_fails_and_a_stream_that_stays_slow_say_why, fresh),
    };
    return cmocka_run_group_tests(tests, start, end);
}
