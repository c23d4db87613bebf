/* test_aws_dynamodb.c: lambda/aws/dynamodb.h: the bodies of UpdateItem and BatchWriteItem, and what
 * responses do. */
#define PEER_CLOCK
#include "aws_testing.h"

#include "base/clock.h"
#include "lambda/aws/dynamodb.h"

static aws_peer peer;
static mf_aws_client *client;
static mf_aws_dynamodb_update update;
static mf_aws_dynamodb_puts batch;
static const peer_response *responses; /* to the requests from `first` on; the last one repeats */
static size_t n_responses, first;

static peer_response respond(void *context, size_t i, const char *head, const char *body)
{
    (void)context, (void)head, (void)body;
    const size_t at = i - first;
    return responses[at < n_responses ? at : n_responses - 1];
}

#define WILL(...)                                                                                  \
    static const peer_response list[] = {__VA_ARGS__};                                             \
    responses = list;                                                                              \
    n_responses = sizeof list / sizeof list[0];                                                    \
    first = peer_count(&peer)

static int start(void **state)
{
    (void)state;
    mf_error err = {0};
    peer_start(&peer, respond, NULL);
    client = mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_DYNAMODB, .seed = 1},
                                  &err);
    return client == NULL;
}

static int end(void **state)
{
    (void)state;
    mf_aws_client_destroy(client);
    mf_aws_dynamodb_update_free(&update);
    mf_aws_dynamodb_puts_free(&batch);
    peer_stop(&peer);
    return 0;
}

static void build_update(void)
{
    mf_aws_dynamodb_update_start(&update, "ratings");
    mf_aws_dynamodb_update_key(&update, "movieId", MF_AWS_DYNAMODB_TEXT, (mf_id){"a\"b", 3});
    mf_aws_dynamodb_update_key(&update, "start", MF_AWS_DYNAMODB_NUMBER, (mf_id){"7", 1});
    mf_aws_dynamodb_update_add(&update, "count", (mf_id){"12", 2});
    mf_aws_dynamodb_update_set(&update, "end", MF_AWS_DYNAMODB_TEXT, (mf_id){"z", 1});
    mf_aws_dynamodb_update_if_newer(&update, "last", MF_AWS_DYNAMODB_TEXT, (mf_id){"9", 1});
    mf_aws_dynamodb_update_if_equal(&update, "sum", MF_AWS_DYNAMODB_NUMBER, (mf_id){"4.5", 3});
    mf_aws_dynamodb_update_want(&update, "count");
    mf_aws_dynamodb_update_want(&update, "sum");
}

static bool run(int64_t deadline_ms, mf_aws_dynamodb_result *result, mf_aws_failure *failure)
{
    peer_count(&peer);
    return mf_aws_dynamodb_update_run(client, &update, deadline_ms, result, failure);
}

static void an_update_names_attributes_by_placeholders(void **state)
{
    (void)state;
    mf_aws_dynamodb_result result;
    mf_aws_failure failure;
    WILL({200, "{\"Attributes\":{\"count\":{\"N\":\"13\"},\"sum\":{\"S\":\"x\"}}}", NULL});
    build_update();
    assert_true(run(0, &result, &failure));
    assert_false(result.was_refused);
    assert_string_equal(result.numbers[0], "13");
    assert_string_equal(result.numbers[1], ""); /* not a number */
    assert_string_equal(
        peer_body(&peer, first),
        "{\"TableName\":\"ratings\",\"Key\":{\"movieId\":{\"S\":\"a\\\"b\"},\"start\":{\"N\":\"7\"}"
        "},"
        "\"UpdateExpression\":\"SET #1 = :1 ADD #0 :0\",\"ConditionExpression\":\""
        "(attribute_not_exists(#2) OR #2 < :2) AND #3 = :3\",\"ExpressionAttributeNames\":{"
        "\"#0\":\"count\",\"#1\":\"end\",\"#2\":\"last\",\"#3\":\"sum\"},"
        "\"ExpressionAttributeValues\":{\":0\":{\"N\":\"12\"},\":1\":{\"S\":\"z\"},"
        "\":2\":{\"S\":\"9\"},\":3\":{\"N\":\"4.5\"}},\"ReturnValues\":\"ALL_NEW\"}");
    assert_non_null(strstr(peer_head(&peer, first), "X-Amz-Target: DynamoDB_20120810.UpdateItem"));
    assert_non_null(strstr(peer_head(&peer, first), "Content-Type: application/x-amz-json-1.0"));
    assert_non_null(strstr(peer_head(&peer, first), "/eu-central-1/dynamodb/aws4_request"));
    mf_aws_dynamodb_update_start(&update, "ratings");
    mf_aws_dynamodb_update_set(&update, "end", MF_AWS_DYNAMODB_TEXT, (mf_id){"z", 1});
    assert_true(run(0, &result, &failure));
    assert_non_null(
        strstr(peer_body(&peer, first + 1), "\"SET #0 = :0\",\"ExpressionAttributeNames\""));
    assert_non_null(strstr(peer_body(&peer, first + 1), "\"ReturnValues\":\"NONE\"}"));
}

static void a_condition_that_does_not_hold_is_no_failure(void **state)
{
    (void)state;
    mf_aws_dynamodb_result result;
    mf_aws_failure failure;
    WILL({400, "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\"}",
          NULL});
    build_update();
    assert_true(run(mf_clock_wall_ms() + 60000, &result, &failure));
    assert_true(result.was_refused);
    assert_int_equal(failure.kind, MF_AWS_FINE);
    assert_int_equal(peer_count(&peer) - first, 1);
}

static void a_permanent_failure_is_not_retried(void **state)
{
    (void)state;
    mf_aws_dynamodb_result result;
    mf_aws_failure failure;
    WILL({400, "{\"__type\":\"#ValidationException\",\"message\":\"no such attribute\"}", NULL});
    build_update();
    assert_false(run(mf_clock_wall_ms() + 60000, &result, &failure));
    assert_int_equal(failure.kind, MF_AWS_REJECTED);
    assert_error(&failure.error, MF_ERR_ARGUMENT, "no such attribute");
    assert_int_equal(peer_count(&peer) - first, 1);
}

static void throttling_is_retried_in_rounds_until_the_deadline(void **state)
{
    (void)state;
    mf_aws_dynamodb_result result;
    mf_aws_failure failure;
    {
        /* Three tries are a round of the client. */
        WILL({400, "{\"__type\":\"#ThrottlingException\"}", NULL}, {500, NULL, NULL},
             {PEER_ENDS, NULL, NULL}, {200, "{\"Attributes\":{}}", NULL});
        build_update();
        assert_true(run(mf_clock_wall_ms() + 60000, &result, &failure));
        assert_int_equal(peer_count(&peer) - first, 4);
        assert_string_equal(peer_body(&peer, first), peer_body(&peer, first + 3));
    }
    WILL({400, "{\"__type\":\"#ThrottlingException\"}", NULL});
    build_update();
    assert_false(run(0, &result, &failure)); /* without a deadline there is one round */
    assert_int_equal(failure.kind, MF_AWS_THROTTLED);
    assert_int_equal(failure.n_tries, 3);
    assert_int_equal(peer_count(&peer) - first, 3);
    assert_false(run(mf_clock_wall_ms() + 60000, &result, &failure));
    assert_int_equal(failure.kind, MF_AWS_THROTTLED);
    assert_true(failure.is_retriable && failure.n_tries > 3 * 60000 / 5500);
}

static void a_response_that_is_not_json_is_a_failure(void **state)
{
    (void)state;
    mf_aws_dynamodb_result result;
    mf_aws_failure failure;
    WILL({200, "[]", NULL});
    build_update();
    assert_false(run(0, &result, &failure));
    assert_int_equal(failure.kind, MF_AWS_SERVER);
    assert_true(failure.may_have_acted);
    assert_error(&failure.error, MF_ERR_IO, "UpdateItem: the response is not a JSON object");
}

static void put_item(const char *id)
{
    peer_count(&peer);
    mf_aws_dynamodb_puts_begin(&batch);
    mf_aws_dynamodb_puts_attribute(&batch, "id", MF_AWS_DYNAMODB_TEXT, (mf_id){id, strlen(id)});
    mf_aws_dynamodb_puts_attribute(&batch, "n", MF_AWS_DYNAMODB_NUMBER, (mf_id){"1", 1});
    mf_aws_dynamodb_puts_end(&batch);
}

#define ITEM(id) "{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"" id "\"},\"n\":{\"N\":\"1\"}}}}"

static void unprocessed_items_of_a_batch_are_sent_again(void **state)
{
    (void)state;
    mf_aws_failure failure;
    WILL({200, "{\"UnprocessedItems\":{\"trend\":[" ITEM("b") "]}}", NULL},
         {200, "{\"UnprocessedItems\":{}}", NULL});
    mf_aws_dynamodb_puts_start(&batch, "trend");
    assert_true(mf_aws_dynamodb_puts_run(client, &batch, 0, &failure)); /* no item, no request */
    assert_int_equal(peer_count(&peer), first);
    put_item("a");
    put_item("b");
    assert_true(mf_aws_dynamodb_puts_run(client, &batch, mf_clock_wall_ms() + 60000, &failure));
    assert_int_equal(peer_count(&peer) - first, 2);
    assert_string_equal(peer_body(&peer, first),
                        "{\"RequestItems\":{\"trend\":[" ITEM("a") "," ITEM("b") "]}}");
    assert_string_equal(peer_body(&peer, first + 1),
                        "{\"RequestItems\":{\"trend\":[" ITEM("b") "]}}");
    assert_int_equal(batch.n, 0);
}

static void items_that_stay_unprocessed_are_a_failure_at_the_deadline(void **state)
{
    (void)state;
    mf_aws_failure failure;
    {
        WILL({200, "{\"UnprocessedItems\":{\"trend\":[" ITEM("a") "]}}", NULL});
        mf_aws_dynamodb_puts_start(&batch, "trend");
        put_item("a");
        assert_false(
            mf_aws_dynamodb_puts_run(client, &batch, mf_clock_wall_ms() + 60000, &failure));
        assert_int_equal(failure.kind, MF_AWS_THROTTLED);
        assert_error(&failure.error, MF_ERR_IO, "1 items were left unprocessed");
    }
    WILL({400, "{\"__type\":\"#ResourceNotFoundException\"}", NULL});
    put_item("a");
    assert_false(mf_aws_dynamodb_puts_run(client, &batch, 0, &failure));
    assert_int_equal(failure.kind, MF_AWS_MISSING);
}

static void a_table_has_a_name_or_an_arn(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool ok;
    } cases[] = {
        {"abc", true},
        {"a_b.c-D9", true},
        {"ab", false},
        {"", false},
        {"a b c", false},
        {"arn:aws:dynamodb:eu-central-1:123456789012:table/ratings", true},
        {"arn:aws:dynamodb:eu-central-1:123456789012:table/r", false},
        {"arn:aws:kinesis:eu-central-1:123456789012:stream/ratings", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        assert_int_equal(mf_aws_dynamodb_table_check(cases[i].name, &err), cases[i].ok);
        if (!cases[i].ok)
            assert_error(&err, MF_ERR_CONFIG, "table");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_names_attributes_by_placeholders),
        cmocka_unit_test(a_condition_that_does_not_hold_is_no_failure),
        cmocka_unit_test(a_permanent_failure_is_not_retried),
        cmocka_unit_test(throttling_is_retried_in_rounds_until_the_deadline),
        cmocka_unit_test(a_response_that_is_not_json_is_a_failure),
        cmocka_unit_test(unprocessed_items_of_a_batch_are_sent_again),
        cmocka_unit_test(items_that_stay_unprocessed_are_a_failure_at_the_deadline),
        cmocka_unit_test(a_table_has_a_name_or_an_arn),
    };
    return cmocka_run_group_tests(tests, start, end);
}
