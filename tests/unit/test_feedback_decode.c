/* test_feedback_decode.c: one record of the stream as an event of a user: names, ids, ratings, times,
 * and what is no event. */
#include "testing.h"

#include "lambda/feedback/decode.h"

#include <math.h>

enum { ARRIVAL = 1545084650 };
#define ARRIVAL_MS (ARRIVAL * INT64_C(1000) + 987)

static mf_feedback_decoder decoder;
static mf_feedback_record record;
static mf_error why;

static bool read_at(const char *json, uint32_t place)
{
    why = (mf_error){.code = MF_OK};
    return mf_feedback_record_read(&record, &decoder, (mf_id){json, strlen(json)}, ARRIVAL_MS,
                                   place, &why);
}

static void assert_id(mf_id id, const char *expected)
{
    assert_int_equal(id.n_bytes, strlen(expected));
    assert_memory_equal(id.bytes, expected, id.n_bytes);
}

static void expect(const char *json, const char *user, const char *item, float rating,
                   int64_t time_ms)
{
    if (!read_at(json, 3))
        fail_msg("%s: %s", json, why.text);
    assert_id(record.user, user);
    assert_id(record.event.item, item);
    assert_true(record.event.rating == rating || (isnan(rating) && isnan(record.event.rating)));
    if (record.event.time_ms != time_ms)
        fail_msg("%s: %lld", json, (long long)record.event.time_ms);
    assert_true(record.event.arrival == mf_feedback_arrival(ARRIVAL_MS, 3));
    assert_false(record.is_forgetting);
}

static void the_names_of_training_files_are_found(void **state)
{
    (void)state;
    expect("{\"userId\":\"1\",\"movieId\":\"2\",\"rating\":4.5,\"timestamp\":5}", "1", "2", 4.5F,
           5000);
    expect("{\"User-ID\":1,\"ISBN\":\"x\",\"Book-Rating\":0}", "1", "x", 0, ARRIVAL_MS);
    expect("{\"USER_ID\":1,\"ITEM_ID\":2,\"EVENT_TYPE\":\"click\",\"EVENT_VALUE\":null}", "1", "2",
           NAN, ARRIVAL_MS);
    /* The first name of the list, wherever it stands: "userid" before "username". */
    expect("{\"username\":\"u\",\"user_id\":1,\"item_id\":2,\"movieId\":3}", "1", "3", NAN,
           ARRIVAL_MS);
    expect("{\"user_id\":1,\"username\":\"u\",\"movieId\":3,\"item_id\":2}", "1", "3", NAN,
           ARRIVAL_MS);
    /* More names than are remembered, and one that is too long for it. */
    expect("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":0,"
           "\"k\":1,\"l\":2,\"m\":3,\"n\":4,\"o\":5,\"p\":6,\"q\":7,\"\":0,"
           "\"a name of more than twenty-nine bytes\":1,\"user\":1,\"item\":2,\"count\":9}",
           "1", "2", NAN, ARRIVAL_MS);
}

static void ids_are_texts_or_whole_numbers(void **state)
{
    (void)state;
    expect("{\"user\":2.0,\"item\":2e0}", "2", "2", NAN, ARRIVAL_MS);
    expect("{\"user\":\"2.0\",\"item\":\"007\"}", "2.0", "007", NAN, ARRIVAL_MS);
    expect("{\"user\":-0,\"item\":\"\\u00e9\"}", "0", "\xc3\xa9", NAN, ARRIVAL_MS);
}

static void ratings_are_numbers_or_nothing(void **state)
{
    (void)state;
    static const char *const none[] = {"null", "\"\"", "\"NaN\"", "\"None\""};
    char json[200];
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        snprintf(json, sizeof json, "{\"user\":1,\"item\":2,\"rating\":%s}", none[i]);
        expect(json, "1", "2", NAN, ARRIVAL_MS);
    }
    expect("{\"user\":1,\"item\":2,\"rating\":\"-3.5\"}", "1", "2", -3.5F, ARRIVAL_MS);
    expect("{\"user\":1,\"item\":2,\"rating\":-0.0}", "1", "2", 0, ARRIVAL_MS);
    assert_false(signbit(record.event.rating));
}

static void times_are_those_of_train(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        int64_t ms;
    } times[] = {
        {"1500000000", 1500000000000},
        {"1500000000001", 1500000000001},
        {"1500000000002000", 1500000000002},
        {"1500000000003000000", 1500000000003},
        {"1500000000.5", 1500000000500},
        {"\"1500000000\"", 1500000000000},
        {"\"2017-07-14\"", 1499990400000},
        {"\"2017-07-14T02:40:00.25Z\"", 1500000000250},
        {"\"2017-07-14 04:40:00+02:00\"", 1500000000000},
        {"-5", -5000},
        {"null", ARRIVAL_MS},
        {"\"\"", ARRIVAL_MS},
        {"1545084650987", ARRIVAL_MS},
        {"1545084650988", ARRIVAL_MS},
    };
    char json[200];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        snprintf(json, sizeof json, "{\"user\":1,\"item\":2,\"timestamp\":%s}", times[i].time);
        expect(json, "1", "2", NAN, times[i].ms);
        assert_false(record.is_from_future);
    }
    /* "date" may be anything else, and a name that can only be a time comes first. */
    expect("{\"user\":1,\"item\":2,\"date\":\"lately\"}", "1", "2", NAN, ARRIVAL_MS);
    expect("{\"user\":1,\"item\":2,\"date\":{\"a\":1}}", "1", "2", NAN, ARRIVAL_MS);
    expect("{\"user\":1,\"item\":2,\"date\":7}", "1", "2", NAN, 7000);
    expect("{\"user\":1,\"item\":2,\"date\":7,\"ts\":8}", "1", "2", NAN, 8000);
}

static void a_time_of_the_future_is_the_arrival(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        bool is_future;
    } times[] = {{"1545084710987", false},
                 {"1545084710988", true},
                 {"1e300", true},
                 {"\"9999-12-31\"", true}};
    char json[200];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        snprintf(json, sizeof json, "{\"user\":1,\"item\":2,\"timestamp\":%s}", times[i].time);
        expect(json, "1", "2", NAN, ARRIVAL_MS);
        assert_int_equal(record.is_from_future, times[i].is_future);
    }
}

static void forgetting_needs_a_user_alone(void **state)
{
    (void)state;
    static const char *const words[] = {"{\"user_id\":7,\"event\":\"forget\"}",
                                        "{\"event\":\"Forget\",\"user_id\":7,\"rating\":\"x\"}",
                                        "{\"event\":\"Forget\",\"user_id\":7,\"item_id\":[1]}",
                                        "{\"event\":\"Forget\",\"user_id\":7,\"timestamp\":5}",
                                        "{\"USER_ID\":7,\"EVENT_TYPE\":\"forget\"}",
                                        "{\"user_id\":7,\"Event\":\"forget\",\"item_id\":1}"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_true(read_at(words[i], 0));
        assert_true(record.is_forgetting);
        assert_id(record.user, "7");
        assert_true(record.event.time_ms == ARRIVAL_MS);
    }
    assert_false(read_at("{\"event\":\"forget\"}", 0));
    expect("{\"user_id\":7,\"event\":\"forgetful\",\"item_id\":1}", "7", "1", NAN, ARRIVAL_MS);
    expect("{\"user_id\":7,\"event\":true,\"item_id\":1}", "7", "1", NAN, ARRIVAL_MS);
}

static void anything_else_has_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason;
    } bad[] = {
        {"", "byte"},
        {"[]", "byte"},
        {"{\"user\":1,\"item\":2", "byte"},
        {"{\"user\":1,\"item\":2}x", "byte"},
        {"{\"item\":2}", "no user: expected a member"},
        {"{\"user\":1}", "no item: expected a member"},
        {"{\"user\":null,\"item\":2}", "the user: expected"},
        {"{\"user\":true,\"item\":2}", "the user: expected"},
        {"{\"user\":1,\"item\":2.5}", "the item: expected"},
        {"{\"user\":1,\"item\":12345678901234567890}", "the item: expected"},
        {"{\"user\":1,\"item\":\"a\\nb\"}", "the item: expected"},
        {"{\"user\":1,\"item\":2,\"rating\":{}}", "the rating: expected"},
        {"{\"user\":1,\"item\":2,\"rating\":\"4,5\"}", "the rating: expected"},
        {"{\"user\":1,\"item\":2,\"rating\":1e39}", "the rating: expected"},
        {"{\"user\":1,\"item\":2,\"timestamp\":\"now\"}", "the time: expected"},
        {"{\"user\":1,\"item\":2,\"timestamp\":true}", "the time: expected"},
        {"{\"user\":1,\"item\":2,\"timestamp\":-1e30}", "the time: expected"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (read_at(bad[i].json, 0))
            fail_msg("accepted: %s", bad[i].json);
        assert_error(&why, MF_ERR_PARSE, bad[i].reason);
    }
}

static int tear_down(void **state)
{
    (void)state;
    mf_feedback_decoder_free(&decoder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_names_of_training_files_are_found),
        cmocka_unit_test(ids_are_texts_or_whole_numbers),
        cmocka_unit_test(ratings_are_numbers_or_nothing),
        cmocka_unit_test(times_are_those_of_train),
        cmocka_unit_test(a_time_of_the_future_is_the_arrival),
        cmocka_unit_test(forgetting_needs_a_user_alone),
        cmocka_unit_test(anything_else_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
