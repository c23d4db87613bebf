/* Requests, and the first stage: records to items. */
#include "testing.h"

#include "base/base64.h"
#include "base/memory.h"
#include "kpl_testing.h"
#include "lambda/recommend/decode.h"

#include <stdio.h>

static const mf_recommend_limits limits = {.usual_top_n = 20, .max_top_n = 1000};

static bool read_text(mf_recommend_request *request, const char *text, size_t n, mf_error *err)
{
    /* Views stay: the tests below look at them. */
    static mf_text kept, instances;
    static mf_stream_json json;
    mf_text_clear(&kept, SIZE_MAX);
    assert_true(mf_text_reserve(&kept, n));
    mf_text_clear(&instances, SIZE_MAX);
    return mf_recommend_request_read(request, &limits, &json, text, n, &kept, &instances, err);
}

static void assert_id(const char *expected, mf_id id)
{
    assert_int_equal(id.n_bytes, strlen(expected));
    assert_memory_equal(id.bytes, expected, id.n_bytes);
}

static void a_request_has_a_user_an_id_and_perhaps_more(void **state)
{
    (void)state;
    static const struct {
        const char *text, *user, *request_id, *timestamp;
        uint32_t top_n;
    } good[] = {
        {"{\"user_id\":123,\"top_n\":5,\"request_id\":\"r\",\"timestamp\":\"now\"}", "123", "r",
         "now", 5},
        {"{\"user_id\":\"123\",\"request_id\":\"r\"}", "123", "r", "", 20},
        {" {\"request_id\" : \"a b\", \"user_id\":-7 }\n", "-7", "a b", "", 20},
        {"{\"user_id\":\"\\u00e9\\\"\",\"request_id\":\"\\n\",\"x\":{\"y\":[1]}}", NULL, NULL, NULL,
         0},
        {"{\"user_id\":\"\\u00e9\\\"\",\"request_id\":\"/\",\"x\":{\"y\":[1]}}", "\xc3\xa9\"", "/",
         "", 20},
        {"{\"user_id\":-0,\"request_id\":\"r\",\"top_n\":1000}", "0", "r", "", 1000},
        {"{\"user_id\":9223372036854775807,\"request_id\":\"r\"}", "9223372036854775807", "r", "",
         20},
        {"{\"user_id\":9223372036854775808,\"request_id\":\"r\"}", "9223372036854775808", "r", "",
         20},
        {"{\"user_id\":2.0,\"request_id\":\"r\",\"top_n\":20.0}", "2", "r", "", 20},
        {"{\"user_id\":1e3,\"request_id\":\"r\",\"top_n\":1e1}", "1000", "r", "", 10},
        {"{\"user_id\":\"2.0\",\"request_id\":\"r\"}", "2.0", "r", "", 20},
        {"{\"user_id\":1,\"request_id\":\"r\",\"rating\":100000000000000000000}", "1", "r", "", 20},
        {"{\"user_id\":1,\"request_id\":\"r\",\"trace\":18446744073709551616,\"t\":-1.5E+400}", "1",
         "r", "", 20},
        {"{\"user_id\":1,\"request_id\":\"\\u0072\",\"trace\":9223372036854775808}", "1", "r", "",
         20},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        mf_error err = {.code = MF_OK};
        mf_recommend_request request;
        const bool ok = read_text(&request, good[i].text, strlen(good[i].text), &err);
        if (good[i].user == NULL) {
            assert_false(ok);
            assert_int_equal(err.code, MF_ERR_PARSE);
            continue;
        }
        assert_ok(ok, err);
        assert_id(good[i].user, request.user);
        assert_id(good[i].request_id, request.request_id);
        assert_id(good[i].timestamp, request.timestamp);
        assert_int_equal(request.top_n, good[i].top_n);
    }
}

static void other_fields_of_a_request_make_an_instance(void **state)
{
    (void)state;
    static const struct {
        const char *text, *user, *instance;
        uint32_t top_n;
    } cases[] = {
        {"{\"user_id\":2,\"item_id\":2959,\"request_id\":\"r\",\"timestamp\":\"now\"}", "2",
         "{\"user_id\":2,\"item_id\":2959}", 1},
        {"{\"request_id\":\"r\",\"item_id\":\"1\",\"similar\":7}", "",
         "{\"item_id\":\"1\",\"similar\":7}", 7},
        {"{\"request_id\":\"r\",\"audience\":2000,\"item\":1}", "",
         "{\"audience\":2000,\"item\":1}", 1000},
        /* The timestamp inside stays; a line of its own has no other line ends. */
        {"{\"request_id\":\"r\",\n\"ratings\":[{\"movieId\":1,\r\n\"timestamp\":7}],\"item_id\":3}",
         "", "{\"ratings\":[{\"movieId\":1,  \"timestamp\":7}],\"item_id\":3}", 1},
        {"{\"user_id\":2,\"exclude\":[1],\"request_id\":\"r\"}", "2",
         "{\"user_id\":2,\"exclude\":[1],\"top_n\":20}", 20},
        {"{\"user\":\"2\",\"request_id\":\"r\"}", "2", "{\"user\":\"2\",\"top_n\":20}", 20},
        {"{\"userIds\":[2,3],\"blend\":\"average\",\"request_id\":\"r\"}", "",
         "{\"userIds\":[2,3],\"blend\":\"average\",\"top_n\":20}", 20},
        {"{\"user_id\":2,\"limit\":3,\"request_id\":\"r\"}", "2", "{\"user_id\":2,\"limit\":3}", 3},
        {"{\"user_id\":2,\"top_n\":3,\"with\":[\"title\"],\"request_id\":\"r\"}", "2",
         "{\"user_id\":2,\"top_n\":3,\"with\":[\"title\"]}", 48},
        {"{\"user_id\":2,\"movieIds\":[1],\"request_id\":\"r\"}", "2",
         "{\"user_id\":2,\"movieIds\":[1]}", 1000},
        /* Members that are no fields, and other names of the user. */
        {"{\"user_id\":2,\"user\":3,\"userId\":4,\"in\":\"x\",\"rating\":1,\"trace\":1e999,"
         "\"instances\":[],\"request_id\":\"r\"}",
         "2", "{\"user_id\":2,\"in\":\"x\",\"top_n\":20}", 20},
        {"{\"user_id\":2,\"user\":3,\"rating\":1,\"trace\":{},\"instances\":[],\"request_id\":"
         "\"r\"}",
         "2", "", 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {.code = MF_OK};
        mf_recommend_request request;
        assert_ok(read_text(&request, cases[i].text, strlen(cases[i].text), &err), err);
        assert_int_equal(request.instance.n_bytes, strlen(cases[i].instance));
        if (request.instance.n_bytes > 0)
            assert_string_equal(request.instance.bytes, cases[i].instance);
        assert_int_equal(request.user.n_bytes, strlen(cases[i].user));
        if (request.user.n_bytes > 0)
            assert_id(cases[i].user, request.user);
        assert_int_equal(request.top_n, cases[i].top_n);
        assert_int_equal(request.has_entries, strstr(cases[i].instance, "with") != NULL);
    }
}

static void what_is_no_request_says_why_and_quotes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "not JSON"},
        {"secret", "not JSON"},
        {"[\"secret\"]", "expected a JSON object"},
        {"{\"secret\":1,\"secret\":2}", "a member is there twice"},
        {"{\"user_id\":null,\"request_id\":\"secret\"}", "user_id: expected"},
        {"{\"user_id\":1,\"request_id\":null,\"secret\":1}", "request_id: expected"},
        {"{\"user_id\":92233720368547758090,\"request_id\":\"r\"}", "user_id: more than 19 digits"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":null}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"\\u0072\",\"top_n\":null}", "from 1 to 1000"},
        {"{\"user_id\":1.5,\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":\"\",\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1}", "request_id is missing"},
        {"{\"request_id\":\"secret\"}", "user_id is missing"},
        {"{\"user_id\":{\"secret\":1},\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":true,\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":\"se\\ncret\",\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1,\"request_id\":[\"secret\"]}", "request_id: expected"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":1001}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":-1}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":0}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":\"20\"}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":20.5}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":18446744073709551617}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"top_n\":4294967297}", "from 1 to 1000"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"timestamp\":\"\"}", "timestamp: expected"},
        {"{\"user_id\":1,\"request_id\":\"r\",\"timestamp\":1769851800}", "timestamp: expected"},
        {"{\"user_id\":1,\"request_id\":17}", "request_id: expected"},
        {"{\"user_id\":1,\"item_id\":\"secret\"}", "request_id is missing"},
        {"{\"user\":{},\"item_id\":\"secret\",\"request_id\":\"r\"}", "user_id: expected"},
        {"{\"user_id\":1,\"in\":\"secret\",\"top_n\":0,\"request_id\":\"r\"}", "from 1 to 1000"},
        {"{\"item_id\":1,\"item_id\":2,\"request_id\":\"secret\"}", "a member is there twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_error err = {.code = MF_OK};
        mf_recommend_request request;
        assert_false(read_text(&request, bad[i].text, strlen(bad[i].text), &err));
        assert_int_equal(err.code, MF_ERR_PARSE);
        assert_non_null(strstr(err.text, bad[i].reason));
        assert_null(strstr(err.text, "secret"));
    }
    mf_error err = {.code = MF_OK};
    mf_recommend_request request;
    assert_false(read_text(&request, "{\"user_id\":1,\"request_id\":\"r\"}\0", 32, &err));
    mf_text none = MF_TEXT_EMPTY;
    mf_error_clear(&err);
    static mf_stream_json json;
    assert_false(mf_recommend_request_read(&request, &limits, &json, "{}", 2, &none, &none, &err));
    assert_int_equal(err.code, MF_ERR_MEMORY);
}

/* {"Records":[…]} with one record of these bytes for each. */
static void add_record(mf_text *event, unsigned number, const char *data, size_t n)
{
    mf_text_format(event,
                   "%s{\"eventID\":\"s:%u\",\"kinesis\":{\"sequenceNumber\":\"%u\","
                   "\"approximateArrivalTimestamp\":%u,\"data\":\"",
                   event->n_bytes == 0 ? "{\"Records\":[" : ",", number, number, number);
    mf_base64_encode(event, data, n);
    mf_text_literal(event, "\"}}");
}

static void records_become_items_in_their_order(void **state)
{
    (void)state;
    static const char good[] = "{\"user_id\":\"u\",\"request_id\":\"r\"}";
    static const char rating[] = "{\"user_id\":1,\"item_id\":2,\"request_id\":\"r\"}";
    mf_text event = MF_TEXT_EMPTY, packed = MF_TEXT_EMPTY;
    mf_error err = {.code = MF_OK};
    const mf_recommend_settings settings = {.top_n = 20, .max_top_n = 1000};
    mf_recommend_outcome outcome = {.n_records = 0};
    mf_recommend_batch batch = {.settings = &settings, .outcome = &outcome};
    const mf_stream_kpl_record records[] = {
        {.partition_key = {"p", 1}, .data = {good, strlen(good)}},
        {.partition_key = {"p", 1}, .data = {"{}", 2}}};
    kpl_write(&packed, records, 2);
    add_record(&event, 7, good, strlen(good));
    add_record(&event, 8, packed.bytes, packed.n_bytes);
    add_record(&event, 9, "nonsense", 8);
    add_record(&event, 10, "{\"in\":\"x\"}", 10);
    add_record(&event, 11, rating, strlen(rating));
    mf_text_literal(&event, "]}");
    assert_false(event.failed);
    const mf_lambda_invocation invocation = {
        .event = event.bytes, .n_event = event.n_bytes, .received_ms = 10000};
    batch.invocation = &invocation;
    for (size_t round = 0; round < 2; round++) {
        assert_ok(mf_recommend_decode(&batch, &err), err);
        assert_int_equal(batch.n_items, 6);
        assert_int_equal(outcome.n_records, 5);
        assert_true(outcome.oldest_ms == 3000);
        static const struct {
            mf_recommend_item_state state;
            size_t record;
            bool is_aggregated;
            uint32_t sub_sequence_number;
        } expected[] = {{MF_RECOMMEND_PENDING, 0, false, 0},  {MF_RECOMMEND_PENDING, 1, true, 0},
                        {MF_RECOMMEND_REJECTED, 1, true, 1},  {MF_RECOMMEND_REJECTED, 2, false, 0},
                        {MF_RECOMMEND_REJECTED, 3, false, 0}, {MF_RECOMMEND_PENDING, 4, false, 0}};
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(batch.items[i].state, expected[i].state);
            assert_int_equal(batch.items[i].record, expected[i].record);
            assert_int_equal(batch.items[i].is_aggregated, expected[i].is_aggregated);
            assert_int_equal(batch.items[i].sub_sequence_number, expected[i].sub_sequence_number);
        }
        assert_id("u", batch.items[1].request.user);
        assert_string_equal(batch.items[5].request.instance.bytes, "{\"user_id\":1,\"item_id\":2}");
        assert_id("{}", batch.items[2].data);
        assert_id("user_id is missing",
                  (mf_id){batch.reasons.bytes + batch.items[2].reason_at, batch.items[2].n_reason});
    }
    mf_text_free(&event);
    mf_text_free(&packed);
    mf_recommend_batch_free(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_a_user_an_id_and_perhaps_more),
        cmocka_unit_test(other_fields_of_a_request_make_an_instance),
        cmocka_unit_test(what_is_no_request_says_why_and_quotes_nothing),
        cmocka_unit_test(records_become_items_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
