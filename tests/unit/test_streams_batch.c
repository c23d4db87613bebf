/* The event of a stream, and the response to it. The numbers are those of the checklist in
 * docs/lambda.md. */
#include "testing.h"

#include "lambda/streams/batch.h"

static mf_stream_batch batch;
static mf_error err;
static char *copy;

static bool read_event(const char *event)
{
    free(copy);
    copy = malloc(strlen(event) + 1);
    assert_non_null(copy);
    memcpy(copy, event, strlen(event)); /* without the zero, so that one byte over is seen */
    char *exact = realloc(copy, strlen(event) > 0 ? strlen(event) : 1);
    copy = exact != NULL ? exact : copy;
    mf_error_clear(&err);
    return mf_stream_batch_read(&batch, copy, strlen(event), &err);
}

static void assert_view(mf_id view, const char *expected)
{
    assert_non_null(view.bytes);
    if (view.n_bytes != strlen(expected) || memcmp(view.bytes, expected, view.n_bytes) != 0)
        fail_msg("expected \"%s\", got \"%.*s\"", expected, (int)view.n_bytes, view.bytes);
}

#define SEQUENCE "49590338271490256608559692538361571095921575989136588898"
#define ARN      "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream"
#define RECORD                                                                                     \
    "{\"kinesis\":{\"kinesisSchemaVersion\":\"1.0\",\"partitionKey\":\"kéy\",\"sequenceNumber\":" \
    "\"" SEQUENCE "\",\"data\":\"SGVsbG8=\",\"approximateArrivalTimestamp\":1545084650.987},"      \
    "\"eventSource\":\"aws:kinesis\",\"eventVersion\":\"1.0\",\"eventID\":"                        \
    "\"shardId-000000000006:" SEQUENCE "\",\"eventName\":\"aws:kinesis:record\","                  \
    "\"invokeIdentityArn\":\"arn:aws:iam::123456789012:role/lambda-role\",\"awsRegion\":"          \
    "\"us-east-2\",\"eventSourceARN\":\"" ARN "\"}"
#define WINDOW                                                                                     \
    "\"window\":{\"start\":\"2020-12-09T07:04:00Z\",\"end\":\"2020-12-09T07:06:00Z\"},"            \
    "\"state\":{\"1\":\"282\",\"2\":715,\"3\":4.5,\"kéy\":\"-1\"},\"shardId\":\"shardId-7\","     \
    "\"eventSourceARN\":\"arn:of:event\",\"isFinalInvokeForWindow\":true,"                         \
    "\"isWindowTerminatedEarly\":false"

static void check_record(void)
{
    assert_int_equal(batch.n_records, 1);
    const mf_stream_record *record = &batch.records[0];
    assert_view(record->sequence_number, SEQUENCE);
    assert_view(record->data, "SGVsbG8=");
    assert_view(record->partition_key, "kéy");
    assert_view(record->event_id, "shardId-000000000006:" SEQUENCE);
    assert_int_equal(record->arrival_ms, INT64_C(1545084650987));
}

static void an_event_is_read_whatever_else_is_in_it(void **state)
{
    (void)state;
    static const char *const others[] = {"", ",\"other\":[1,{\"a\":null}]", ",\"other\":\"\\n\"",
                                         ",\"other\":[1e3,18446744073709551616]"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char event[4096];
        snprintf(event, sizeof event, "{\"Records\":[" RECORD "]%s}", others[i]);
        assert_ok(read_event(event), err);
        check_record();
        assert_view(batch.stream, ARN);
        assert_view(batch.shard_id, "shardId-000000000006");
        assert_false(batch.has_window || batch.is_final || batch.is_terminated_early);
        assert_int_equal(batch.n_state, 0);
        assert_view(batch.window_start, "");
    }
}

/* [75] */
static void a_window_has_state_of_texts_and_numbers(void **state)
{
    (void)state;
    for (int escaped = 0; escaped < 2; escaped++) {
        char event[4096];
        snprintf(event, sizeof event, "{\"Records\":[" RECORD "]," WINDOW "%s}",
                 escaped ? ",\"other\":\"\\u00e9\"" : "");
        assert_ok(read_event(event), err);
        check_record();
        assert_true(batch.has_window && batch.is_final && !batch.is_terminated_early);
        assert_view(batch.window_start, "2020-12-09T07:04:00Z");
        assert_view(batch.window_end, "2020-12-09T07:06:00Z");
        assert_view(batch.shard_id, "shardId-7");
        assert_view(batch.stream, "arn:of:event");
        assert_int_equal(batch.n_state, 4);
        static const char *const members[][2] = {
            {"1", "282"}, {"2", "715"}, {"3", "4.5"}, {"kéy", "-1"}};
        for (size_t i = 0; i < 4; i++) {
            size_t at = 0;
            while (at < 4 &&
                   (batch.state[at].name.n_bytes != strlen(members[i][0]) ||
                    memcmp(batch.state[at].name.bytes, members[i][0], strlen(members[i][0])) != 0))
                at++;
            assert_true(at < 4);
            assert_view(batch.state[at].value, members[i][1]);
        }
    }
}

/* [74] */
static void records_may_be_empty_null_or_absent(void **state)
{
    (void)state;
    static const char *const events[] = {"{\"Records\":[]," WINDOW "}",
                                         "{\"Records\":null," WINDOW "}", "{" WINDOW "}",
                                         "{\"other\":\"\\n\"," WINDOW "}"};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        assert_ok(read_event(events[i]), err);
        assert_int_equal(batch.n_records, 0);
        assert_int_equal(batch.n_state, 4);
        assert_true(batch.has_window && batch.is_final);
    }
    assert_ok(read_event("{\"Records\":[]}"), err);
    assert_int_equal(batch.n_records, 0);
    assert_view(batch.shard_id, "");
    assert_view(batch.stream, "");
}

static void what_is_wrong_with_an_event_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "event: no bytes"},
        {"[]", "expected a JSON object, found an array"},
        {"{\"Records\":[}", "event:1:"},
        {"{\"Records\":[],\"Records\":[]}", "duplicate object key"},
        {"{\"state\":{\"a\":\"1\",\"a\":\"2\"}}", "duplicate object key"},
        {"{\"Records\":{}}", "event: Records is not a list"},
        {"{\"Records\":[1]}", "event: Records[0] is not an object"},
        {"{\"Records\":[" RECORD ",{}]}", "event: Records[1].kinesis.data is missing"},
        {"{\"Records\":[{\"kinesis\":[]}]}", "Records[0].kinesis is not an object"},
        {"{\"Records\":[{\"kinesis\":{\"data\":\"\"}}]}",
         "Records[0].kinesis.sequenceNumber is missing"},
        {"{\"Records\":[{\"kinesis\":{\"data\":1}}]}", "Records[0].kinesis.data is not a text"},
        {"{\"Records\":[{\"kinesis\":{\"data\":\"\",\"sequenceNumber\":7}}]}",
         "Records[0].kinesis.sequenceNumber is not a text"},
        {"{\"Records\":[{\"kinesis\":{\"data\":\"\",\"sequenceNumber\":\"\"}}]}",
         "Records[0].kinesis.sequenceNumber is \"\""},
        {"{\"Records\":[{\"kinesis\":{\"data\":\"\",\"sequenceNumber\":\"007\"}}]}", "\"007\""},
        {"{\"Records\":[{\"kinesis\":{\"data\":\"\",\"sequenceNumber\":\"1:2\"}}]}", "\"1:2\""},
        {"{\"Records\":[{\"eventSource\":\"aws:sqs\",\"kinesis\":{\"data\":\"\","
         "\"sequenceNumber\":\"1\"}}]}",
         "Records[0].eventSource is \"aws:sqs\", expected aws:kinesis"},
        {"{\"Records\":[{\"EventSource\":\"aws:sns\",\"EventVersion\":\"1.0\",\"Sns\":{\"Message\":"
         "\"m\"}}]}",
         "Records[0].eventSource is \"aws:sns\", expected aws:kinesis"},
        {"{\"state\":{\"a\":true}}", "state: member \"a\" is neither a text nor a number"},
        {"{\"state\":\"\"}", "event: state is not an object"},
        {"{\"window\":7}", "event: window is not an object"},
        {"{\"window\":{\"end\":\"z\"}}", "event: window.start is missing"},
        {"{\"window\":{\"start\":\"a\"}}", "event: window.end is missing"},
        {"{\"window\":{\"start\":1}}", "event: window.start is not a text"},
        {"{\"isFinalInvokeForWindow\":1}", "isFinalInvokeForWindow is not true or false"},
        {"{}", "no Records: expected the event of a Kinesis stream; this one has no members"},
        {"{\"Records\":null}",
         "event: no Records: expected the event of a Kinesis stream; this one has Records: null"},
        {"{\"key1\":\"value1\",\"key2\":\"value2\"}", "this one has key1, key2"},
        {"{\"eventSource\":\"aws:kafka\",\"records\":{\"t-0\":[]}}", "has aws:kafka, records"},
        {"{\"invocationId\":\"i\",\"deliveryStreamArn\":\"a\",\"region\":\"r\",\"records\":[]}",
         "has invocationId, deliveryStreamArn, region, records"},
        {"{\"records\":[{\"kinesis\":{\"data\":\"\",\"sequenceNumber\":\"1\"}}]}", "has records"},
        {"{\"a-name-that-is-far-too-long-to-be-shown-in-full-in-a-message\":1,\"b\\n\":1}", "…"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_event(cases[i][0]))
            fail_msg("taken: %s", cases[i][0]);
        assert_error(&err, MF_ERR_PARSE, cases[i][1]);
    }
}

static bool read_numbers(const char *const *numbers, size_t n)
{
    mf_text event = MF_TEXT_EMPTY;
    mf_text_literal(&event, "{\"Records\":[");
    for (size_t i = 0; i < n; i++)
        mf_text_format(&event, "%s{\"kinesis\":{\"sequenceNumber\":\"%s\",\"data\":\"%zu\"}}",
                       i > 0 ? "," : "", numbers[i], i);
    mf_text_append(&event, "]}", 3);
    const bool ok = read_event(event.bytes);
    mf_text_free(&event);
    return ok;
}

/* [62] */
static void sequence_numbers_compare_as_numbers(void **state)
{
    (void)state;
    static char longest[MF_STREAM_SEQUENCE_DIGITS + 1];
    memset(longest, '9', MF_STREAM_SEQUENCE_DIGITS);
    const char *const ascending[] = {"0",
                                     "7",
                                     "9",
                                     "10",
                                     "99",
                                     "100",
                                     SEQUENCE,
                                     "49590338271490256608559692538361571095921575989136588899",
                                     "100000000000000000000000000000000000000000000000000000000",
                                     longest};
    enum { N = sizeof ascending / sizeof ascending[0] };
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            const mf_id a = {ascending[i], strlen(ascending[i])};
            const mf_id b = {ascending[j], strlen(ascending[j])};
            char text_a[MF_STREAM_SEQUENCE_ORDER_BYTES], text_b[MF_STREAM_SEQUENCE_ORDER_BYTES];
            assert_true(mf_stream_sequence_valid(a));
            const int order = mf_stream_sequence_compare(a, b);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            const int texts = strcmp(mf_stream_sequence_order_text(a, text_a),
                                     mf_stream_sequence_order_text(b, text_b));
            assert_int_equal((texts > 0) - (texts < 0), (i > j) - (i < j));
        }
    const char *const invalid[] = {"", "00", "01", "-1", "1 ", "1e3", "x"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        assert_false(mf_stream_sequence_valid((mf_id){invalid[i], strlen(invalid[i])}));
    char too_long[MF_STREAM_SEQUENCE_DIGITS + 2];
    memset(too_long, '1', sizeof too_long);
    assert_false(mf_stream_sequence_valid((mf_id){too_long, MF_STREAM_SEQUENCE_DIGITS + 1}));
}

static void records_come_in_order_and_each_once(void **state)
{
    (void)state;
    const char *const numbers[] = {"100", "99", "7", "100", "1000", "7", "8"};
    assert_true(read_numbers(numbers, 7));
    assert_int_equal(batch.n_records, 5);
    assert_int_equal(batch.n_repeated, 2);
    const char *const ordered[] = {"7", "8", "99", "100", "1000"};
    const uint32_t places[] = {2, 6, 1, 0, 4}; /* of two that are equal the first */
    for (size_t i = 0; i < 5; i++) {
        assert_view(batch.records[i].sequence_number, ordered[i]);
        assert_int_equal(batch.records[i].place, places[i]);
    }
}

static void assert_response(const mf_stream_response *response, const char *expected)
{
    mf_text text = MF_TEXT_EMPTY;
    mf_stream_response_write(response, &text);
    mf_text_append(&text, "", 1);
    assert_false(text.failed);
    assert_string_equal(text.bytes, expected);
    mf_text_free(&text);
}

/* [63] [64] [74] */
static void the_response_names_the_lowest_that_failed(void **state)
{
    (void)state;
    const char *const numbers[] = {"9", "10", "11", "100"};
    assert_true(read_numbers(numbers, 4));
    mf_stream_response response = {.state = NULL};
    assert_response(&response, "{\"batchItemFailures\":[]}");
    mf_text text = MF_TEXT_EMPTY;
    mf_text_literal(&text, "{}");
    response.state = &text;
    assert_response(&response, "{\"batchItemFailures\":[],\"state\":{}}");
    mf_stream_response_fail(&response, &batch.records[2]);
    mf_stream_response_fail(&response, &batch.records[1]);
    mf_stream_response_fail(&response, &batch.records[3]);
    assert_response(&response,
                    "{\"batchItemFailures\":[{\"itemIdentifier\":\"10\"}],\"state\":{}}");
    response.state = NULL;
    mf_stream_response_fail(&response, &batch.records[0]);
    assert_response(&response, "{\"batchItemFailures\":[{\"itemIdentifier\":\"9\"}]}");
    mf_text_free(&text);
}

static void an_event_with_a_state_of_many_members_is_read(void **state)
{
    (void)state;
    mf_text event = MF_TEXT_EMPTY;
    mf_text_literal(&event, "{\"Records\":[],\"state\":{\"k0\":\"0\"");
    for (int i = 1; i < 20000; i++)
        mf_text_format(&event, ",\"k%d\":\"%d\"", i, i);
    const size_t n = event.n_bytes;
    mf_text_append(&event, "}}", 3);
    assert_ok(read_event(event.bytes), err);
    assert_int_equal(batch.n_state, 20000);
    assert_view(batch.state[19999].name, "k19999");
    event.n_bytes = n;
    mf_text_append(&event, ",\"k7\":\"7\"}}", 12);
    assert_false(read_event(event.bytes));
    assert_error(&err, MF_ERR_PARSE, "duplicate object key");
    mf_text_free(&event);
}

static int end(void **state)
{
    (void)state;
    free(copy);
    mf_stream_batch_free(&batch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_read_whatever_else_is_in_it),
        cmocka_unit_test(a_window_has_state_of_texts_and_numbers),
        cmocka_unit_test(records_may_be_empty_null_or_absent),
        cmocka_unit_test(what_is_wrong_with_an_event_is_named),
        cmocka_unit_test(sequence_numbers_compare_as_numbers),
        cmocka_unit_test(records_come_in_order_and_each_once),
        cmocka_unit_test(the_response_names_the_lowest_that_failed),
        cmocka_unit_test(an_event_with_a_state_of_many_members_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
