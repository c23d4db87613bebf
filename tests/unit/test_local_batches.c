/* test_local_batches.c: batches of a mapping of local-cloud without a stream and without a
 * function: when they go out, what a response means, what is sent again, windows. */
#include "testing.h"

#include "local/eventsource/batch.h"
#include "local/eventsource/window.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const mf_local_stream_source SOURCE = {"arn:aws:kinesis:us-east-1:1:stream/s", "us-east-1",
                                              "1", "shardId-000000000000"};

/* n records with the sequence numbers 100, 101, …; each read and arrived a second later. */
static mf_local_record_queue queue_of(uint32_t n)
{
    mf_local_record_queue queue = {0};
    for (uint32_t i = 0; i < n; i++) {
        char sequence[16];
        snprintf(sequence, sizeof sequence, "%u", (unsigned)(100 + i));
        const mf_local_record_fields fields = {
            .sequence = sequence, .partition_key = "k", .data = "b25l", .arrived = 1000.5 + i};
        mf_local_record *record = mf_local_record_create(&SOURCE, &fields, i);
        assert_non_null(record);
        mf_local_record_queue_put(&queue, record);
    }
    return queue;
}

/* -------------------------------------------------------------------- batcher */

static void a_batch_goes_when_it_is_full_or_old_or_complete(void **state)
{
    (void)state;
    mf_local_record_queue queue = queue_of(5);
    mf_local_batch_limits limits = {.n_records = 10, .n_bytes = 1 << 20, .window_s = 3};
    double wait_s;
    assert_int_equal(0, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    assert_true(wait_s > 1.99 && wait_s < 2.01);
    assert_int_equal(5, mf_local_batch_choose(&queue, 10, false, &limits, 3, &wait_s));
    assert_int_equal(5, mf_local_batch_choose(&queue, 10, true, &limits, 1, &wait_s));
    assert_int_equal(2, mf_local_batch_choose(&queue, 2, true, &limits, 1, &wait_s));
    limits.n_records = 5;
    assert_int_equal(5, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    limits.n_records = 3;
    assert_int_equal(3, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    limits = (mf_local_batch_limits){.n_records = 10, .n_bytes = 1 << 20};
    assert_int_equal(5, mf_local_batch_choose(&queue, 10, false, &limits, 4, &wait_s));
    mf_local_record_queue_clear(&queue);
    assert_int_equal(0, queue.n_bytes);
    assert_int_equal(0, mf_local_batch_choose(&queue, 10, true, &limits, 4, &wait_s));
    assert_true(isinf(wait_s));
}

static void bytes_bound_a_batch_but_not_a_single_record(void **state)
{
    (void)state;
    mf_local_record_queue queue = queue_of(5);
    const size_t one = queue.first->n_event;
    mf_local_batch_limits limits = {.n_records = 10, .window_s = 1000};
    double wait_s;
    limits.n_bytes = 2 * one + 1;
    assert_int_equal(2, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    limits.n_bytes = 2 * one;
    assert_int_equal(1, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    limits.n_bytes = 1;
    assert_int_equal(1, mf_local_batch_choose(&queue, 10, false, &limits, 1, &wait_s));
    mf_local_record_queue_clear(&queue);
}

/* -------------------------------------------------------------------- responses */

typedef struct response {
    const char *payload;
    uint32_t n_done;
    bool ok;
} response;

static void read_all(const response *responses, size_t n, bool in_window)
{
    mf_local_record_queue queue = queue_of(3);
    const mf_local_batch_request request = {queue.first, 3, true, in_window};
    for (size_t i = 0; i < n; i++) {
        mf_local_batch_result outcome;
        mf_local_batch_result_read(&request, false, responses[i].payload,
                                   strlen(responses[i].payload), &outcome);
        if (outcome.ok != responses[i].ok || outcome.n_done != responses[i].n_done ||
            outcome.ok == (outcome.why[0] != '\0') ||
            (in_window && outcome.n_done > 0) != (outcome.state.n_bytes > 0))
            fail_msg("%s: %u %d %s", responses[i].payload, (unsigned)outcome.n_done, outcome.ok,
                     outcome.why);
        mf_text_free(&outcome.state);
    }
    mf_local_record_queue_clear(&queue);
}

#define ITEM(id)    "{\"itemIdentifier\":" id "}"
#define LIST(items) "{\"batchItemFailures\":[" items "]}"

static void responses_mean_what_the_platform_documents(void **state)
{
    (void)state;
    static const response responses[] = {
        {"", 3, true},
        {"null", 3, true},
        {"\"\"", 3, true},
        {"{}", 3, true},
        {LIST(""), 3, true},
        {"{\"batchItemFailures\":null}", 3, true},
        {LIST(ITEM("\"100\"")), 0, false},
        {LIST(ITEM("\"101\"")), 1, false},
        {LIST(ITEM("\"102\"") "," ITEM("\"101\"")), 1, false},
        {LIST(ITEM("\"101\"") "," ITEM("\"\"")), 0, false},
        {LIST(ITEM("\"\"")), 0, false},
        {LIST(ITEM("null")), 0, false},
        {LIST(ITEM("101")), 0, false},
        {LIST(ITEM("\"103\"")), 0, false},
        {LIST("{\"item\":\"101\"}"), 0, false},
        {LIST("null"), 0, false},
        {LIST("\"101\""), 0, false},
        {"{\"batchItemFailures\":{}}", 0, false},
        {"[]", 0, false},
        {"5", 0, false},
        {"{\"batchItemFailures\":[", 0, false},
        {"\xff", 0, false},
    };
    read_all(responses, sizeof responses / sizeof responses[0], false);
}

static void a_name_in_another_case_is_a_success_with_a_warning(void **state)
{
    (void)state;
    mf_local_record_queue queue = queue_of(3);
    const mf_local_batch_request request = {queue.first, 3, true, false};
    static const char payload[] = "{\"BatchItemFailures\":[" ITEM("\"101\"") "]}";
    mf_local_batch_result outcome;
    mf_local_batch_result_read(&request, false, payload, strlen(payload), &outcome);
    assert_true(outcome.ok);
    assert_int_equal(outcome.n_done, 3);
    assert_string_equal(outcome.why, "Lambda ignores BatchItemFailures, because only "
                                     "batchItemFailures counts: all records are done");
    mf_text_free(&outcome.state);
    mf_local_record_queue_clear(&queue);
}

static void in_a_window_a_response_needs_a_state(void **state)
{
    (void)state;
    static const response responses[] = {
        {"{\"state\":{}}", 3, true},
        {"{\"state\":{\"a\":1},\"batchItemFailures\":[]}", 3, true},
        {"{\"state\":{},\"batchItemFailures\":[" ITEM("\"101\"") "]}", 1, false},
        {"{\"state\":{},\"batchItemFailures\":[" ITEM("\"100\"") "]}", 0, false},
        {LIST(ITEM("\"101\"")), 0, false},
        {"{}", 0, false},
        {"", 0, false},
        {"null", 0, false},
        {"{\"state\":null}", 0, false},
        {"{\"state\":[]}", 0, false},
    };
    read_all(responses, sizeof responses / sizeof responses[0], true);
}

/* ------------------------------------------------------------------- delivery */

/* Sends records 0…n-1 of which `bad` always fail, and writes the calls and what became of
 * each record: d delivered, x dropped. */
static void deliver(uint32_t n, const char *bad, bool partial, const mf_local_delivery_rules *rules,
                    char *calls, size_t calls_size, char fates[64])
{
    mf_local_delivery delivery;
    uint32_t at = 0, n_calls = 0;
    calls[0] = '\0';
    memset(fates, 0, 64);
    mf_local_delivery_start(&delivery, n);
    for (mf_local_batch_part *part; (part = mf_local_delivery_part(&delivery)) != NULL;) {
        assert_true(++n_calls < 1000);
        const size_t used = strlen(calls);
        snprintf(calls + used, calls_size - used, "%u+%u ", (unsigned)at, (unsigned)part->n);
        mf_local_batch_result outcome = {.n_done = part->n, .ok = true};
        for (uint32_t i = part->n; i-- > 0;)
            if (bad[at + i] == 'b')
                outcome = (mf_local_batch_result){.n_done = partial ? i : 0};
        const mf_local_delivery_step step = mf_local_delivery_apply(&delivery, rules, &outcome);
        memset(fates + at, 'd', step.n_delivered);
        memset(fates + at + step.n_delivered, 'x', step.n_dropped);
        at += step.n_delivered + step.n_dropped;
    }
    assert_int_equal(n, at);
}

static void what_fails_is_sent_again_as_the_rules_say(void **state)
{
    (void)state;
    static const struct {
        const char *bad;
        bool partial;
        mf_local_delivery_rules rules;
        const char *calls, *fates;
    } cases[] = {
        {"....", false, {0, false}, "0+4 ", "dddd"},
        {".b..", false, {2, false}, "0+4 0+4 0+4 ", "xxxx"},
        {".b..", false, {0, false}, "0+4 ", "xxxx"},
        {".b..", true, {2, false}, "0+4 1+3 1+3 ", "dxxx"},
        {".b..", true, {1, true}, "0+4 1+3 1+1 1+1 2+2 ", "dxdd"},
        {".b..", false, {1, true}, "0+4 0+2 0+1 1+1 1+1 2+2 ", "dxdd"},
        {"b..b", false, {0, true}, "0+4 0+2 0+1 1+1 2+2 2+1 3+1 ", "xddx"},
        {"b", false, {0, true}, "0+1 ", "x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char calls[1024], fates[64];
        deliver((uint32_t)strlen(cases[i].bad), cases[i].bad, cases[i].partial, &cases[i].rules,
                calls, sizeof calls, fates);
        assert_string_equal(cases[i].calls, calls);
        assert_string_equal(cases[i].fates, fates);
    }
}

static void the_largest_batch_is_cut_down_to_its_last_record(void **state)
{
    (void)state;
    const mf_local_delivery_rules rules = {0, true};
    mf_local_delivery delivery;
    uint32_t n_calls = 0;
    mf_local_delivery_start(&delivery, 10000);
    for (mf_local_batch_part *part; (part = mf_local_delivery_part(&delivery)) != NULL; n_calls++) {
        const mf_local_batch_result all_fail = {.n_done = 0};
        const uint32_t n = part->n;
        const mf_local_delivery_step step = mf_local_delivery_apply(&delivery, &rules, &all_fail);
        assert_int_equal(n == 1, step.n_dropped);
    }
    assert_int_equal(19999, n_calls);
}

static void without_a_limit_nothing_is_given_up(void **state)
{
    (void)state;
    const mf_local_delivery_rules rules = {-1, false};
    const mf_local_batch_result all_fail = {.n_done = 0};
    mf_local_delivery delivery;
    mf_local_delivery_start(&delivery, 2);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(0, mf_local_delivery_apply(&delivery, &rules, &all_fail).n_dropped);
    assert_int_equal(100000, mf_local_delivery_part(&delivery)->n_calls);
    mf_local_delivery_cut(&delivery, 1);
    assert_int_equal(1, mf_local_delivery_part(&delivery)->n);
    mf_local_delivery_cut(&delivery, 1);
    assert_null(mf_local_delivery_part(&delivery));
}

/* -------------------------------------------------------------------- windows */

static void a_window_has_the_records_of_its_time(void **state)
{
    (void)state;
    mf_local_record_queue queue = queue_of(6); /* 1000.5 … 1005.5 */
    mf_local_window window = {.seconds = 4};
    assert_false(mf_local_window_is_over(&window, &queue, 0, true));
    assert_int_equal(4, mf_local_window_count(&window, &queue, 100));
    assert_int_equal(1000000, window.start_ms);
    assert_int_equal(1004000, mf_local_window_end_ms(&window));
    assert_int_equal(2, mf_local_window_count(&window, &queue, 2));
    assert_false(mf_local_window_is_over(&window, &queue, 2000000, true));
    for (int i = 0; i < 4; i++)
        free(mf_local_record_queue_take(&queue));
    assert_int_equal(0, mf_local_window_count(&window, &queue, 100));
    assert_true(mf_local_window_is_over(&window, &queue, 0, false));
    mf_local_window_close(&window, MF_LOCAL_WINDOW_FINAL);
    assert_int_equal(2, mf_local_window_count(&window, &queue, 100));
    mf_local_record_queue_clear(&queue);
    assert_false(mf_local_window_is_over(&window, &queue, 1007999, false));
    assert_true(mf_local_window_is_over(&window, &queue, 1008000, false));
    assert_true(mf_local_window_is_over(&window, &queue, 0, true));
    mf_local_window_free(&window);
}

static void a_record_from_before_counts_to_the_open_window(void **state)
{
    (void)state;
    mf_local_record_queue late = queue_of(3), early = queue_of(1);
    mf_local_window window = {.seconds = 1};
    free(mf_local_record_queue_take(&late));
    assert_int_equal(1, mf_local_window_count(&window, &late, 10));
    assert_int_equal(1, mf_local_window_count(&window, &early, 10));
    assert_int_equal(1001000, window.start_ms);
    mf_local_record_queue_clear(&late);
    mf_local_record_queue_clear(&early);
    mf_local_window_free(&window);
}

static void a_large_state_ends_a_window_early_and_it_goes_on_empty(void **state)
{
    (void)state;
    mf_local_record_queue queue = queue_of(1);
    mf_local_window window = {.seconds = 60};
    mf_text event = MF_TEXT_EMPTY;
    mf_local_window_count(&window, &queue, 1);
    for (size_t more = 0; more < 2; more++) {
        mf_text large = MF_TEXT_EMPTY;
        for (size_t i = 0; i < MF_LOCAL_WINDOW_STATE_BYTES + more; i++)
            mf_text_literal(&large, "x");
        mf_local_window_take_state(&window, &large);
        assert_int_equal(more, window.is_too_large);
        assert_int_equal(0, large.n_bytes);
    }
    mf_local_window_close(&window, MF_LOCAL_WINDOW_EARLY);
    assert_true(window.is_open && !window.is_too_large);
    mf_local_window_write(&window, &SOURCE, MF_LOCAL_WINDOW_EARLY, &event);
    mf_text_append(&event, "", 1);
    assert_string_equal(",\"window\":{\"start\":\"1970-01-01T00:16:00Z\","
                        "\"end\":\"1970-01-01T00:17:00Z\"},\"state\":{},"
                        "\"shardId\":\"shardId-000000000000\","
                        "\"eventSourceARN\":\"arn:aws:kinesis:us-east-1:1:stream/s\","
                        "\"isFinalInvokeForWindow\":false,\"isWindowTerminatedEarly\":true",
                        event.bytes);
    mf_text_free(&event);
    mf_local_window_free(&window);
    mf_local_record_queue_clear(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_goes_when_it_is_full_or_old_or_complete),
        cmocka_unit_test(bytes_bound_a_batch_but_not_a_single_record),
        cmocka_unit_test(responses_mean_what_the_platform_documents),
        cmocka_unit_test(a_name_in_another_case_is_a_success_with_a_warning),
        cmocka_unit_test(in_a_window_a_response_needs_a_state),
        cmocka_unit_test(what_fails_is_sent_again_as_the_rules_say),
        cmocka_unit_test(the_largest_batch_is_cut_down_to_its_last_record),
        cmocka_unit_test(without_a_limit_nothing_is_given_up),
        cmocka_unit_test(a_window_has_the_records_of_its_time),
        cmocka_unit_test(a_record_from_before_counts_to_the_open_window),
        cmocka_unit_test(a_large_state_ends_a_window_early_and_it_goes_on_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
