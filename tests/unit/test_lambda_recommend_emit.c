/* The last stage: results and dead letters, word for word, and what becomes of them when a stream
 * does not take them. */
#include "testing.h"

#include "base/memory.h"
#include "lambda/recommend/emit.h"

enum { RESULT, DEAD, DEAD_AGGREGATED, N };

typedef struct world {
    mf_recommend_settings settings;
    mf_lambda_invocation invocation;
    mf_recommend_outcome outcome;
    mf_recommend_item items[N];
    mf_stream_record record;
    mf_recommend_batch batch;
    mf_recommend_lookups lookups;
    mf_recommend_emitter emitter;
    mf_recommend_remembered *remembered;
    mf_aws_failure failure; /* of put; MF_AWS_FINE: it takes all */
    size_t n_logged;
    mf_text taken; /* stream, key and data, a line each */
} world;

static bool put(void *context, const mf_aws_kinesis_put *records, mf_aws_kinesis_tally *tally,
                mf_aws_failure *failure)
{
    world *w = context;
    *tally = (mf_aws_kinesis_tally){.n_calls = 1};
    *failure = w->failure;
    for (size_t i = 0; i < records->n_records && w->failure.kind == MF_AWS_FINE; i++) {
        mf_aws_kinesis_record *r = &records->records[i];
        r->is_written = true;
        mf_text_format(&w->taken, "%s %.*s %.*s\n", records->stream, (int)r->n_key, r->key,
                       (int)r->n_data, r->data);
    }
    return w->failure.kind == MF_AWS_FINE;
}

static void log_letter(void *context, const mf_stream_dead_letter *letter)
{
    world *w = context;
    assert_memory_equal(letter->reason.bytes, "wrong", letter->reason.n_bytes);
    w->n_logged++;
}

static void open_world(world *w)
{
    static const char list[] = "[318,858]";
    mf_error err = {.code = MF_OK};
    *w = (world){.record = {.sequence_number = {"49", 2},
                            .data = {"eyJ9", 4},
                            .partition_key = {"", 0},
                            .event_id = {"s:49", 4}}};
    w->settings =
        (mf_recommend_settings){.predictions_stream = "out", .dead_letter_stream = "dead"};
    w->batch = (mf_recommend_batch){.settings = &w->settings,
                                    .invocation = &w->invocation,
                                    .outcome = &w->outcome,
                                    .items = w->items,
                                    .n_items = N,
                                    .end = N,
                                    .usable_end = N};
    w->batch.event.records = &w->record;
    w->emitter = (mf_recommend_emitter){.put = put, .log = log_letter, .context = w};
    w->remembered = mf_recommend_remembered_create(10, &err);
    assert_ok(w->remembered != NULL && mf_recommend_lookups_start(&w->lookups, 1, &err), err);
    mf_text_append(&w->lookups.text, list, strlen(list));
    w->items[RESULT] = (mf_recommend_item){
        .state = MF_RECOMMEND_PENDING,
        .request = {.user = {"123", 3}, .request_id = {"r", 1}, .timestamp = {"now", 3}},
        .key = {1, 1},
        .lookup = mf_recommend_lookups_add(
            &w->lookups, &(mf_recommend_request){.user = (mf_id){"123", 3}, .top_n = 20}),
    };
    mf_recommend_lookup_resolve(&w->lookups.lookups[0], 0, strlen(list), 2, false, "");
    w->lookups.lookups[0].resolved_s = 1.5e-3;
    mf_recommend_reject(&w->batch, &w->items[DEAD], "wrong", 5);
    mf_recommend_reject(&w->batch, &w->items[DEAD_AGGREGATED], "wrong", 5);
    w->items[DEAD_AGGREGATED].is_aggregated = true;
    w->items[DEAD_AGGREGATED].sub_sequence_number = 3;
    w->items[DEAD_AGGREGATED].data = (mf_id){"{}", 2};
}

static void close_world(world *w)
{
    mf_recommend_lookups_free(&w->lookups);
    mf_recommend_emitter_free(&w->emitter);
    mf_recommend_remembered_destroy(w->remembered);
    mf_text_free(&w->batch.reasons);
    mf_text_free(&w->taken);
}

#define RESULT_JSON                                                                                \
    "{\"request_id\":\"r\",\"user_id\":123,\"recommendations\":[318,858],\"count\":2,"             \
    "\"known_user\":false,\"model_version\":null,\"from_cache\":false,\"latency_ms\":1.5,"         \
    "\"timestamp\":\"now\"}"
#define DEAD_JSON                                                                                  \
    "{\"reason\":\"wrong\",\"sequence_number\":\"49\",\"event_id\":\"s:49\","                      \
    "\"partition_key\":\"\",\"data\":\"eyJ9\"}"
#define DEAD_AGGREGATED_JSON                                                                       \
    "{\"reason\":\"wrong\",\"sequence_number\":\"49\",\"sub_sequence_number\":3,"                  \
    "\"event_id\":\"s:49\",\"partition_key\":\"\",\"data\":\"e30=\"}"

static void emit(world *w)
{
    mf_error err = {.code = MF_OK};
    assert_ok(mf_recommend_write_results(&w->emitter, &w->batch, &w->lookups, &err), err);
    mf_recommend_put_results(&w->emitter, &w->batch, w->remembered);
    assert_ok(mf_recommend_emit_dead_letters(&w->emitter, &w->batch, &err), err);
}

static void results_and_dead_letters_are_these_records(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    emit(&w);
    mf_text_append(&w.taken, "", 1);
    assert_string_equal(w.taken.bytes, "out 123 " RESULT_JSON "\n"
                                       "dead 49 " DEAD_JSON "\n"
                                       "dead 49 " DEAD_AGGREGATED_JSON "\n");
    for (size_t i = 0; i < N; i++)
        assert_true(w.items[i].is_done);
    assert_true(mf_recommend_remembered_has(w.remembered, w.items[RESULT].key));
    assert_int_equal(w.outcome.n_results, 1);
    assert_int_equal(w.outcome.n_computed, 1);
    assert_int_equal(w.outcome.n_dead, 2);
    assert_int_equal(w.n_logged, 2);
    assert_int_equal(w.outcome.failure.code, MF_OK);
    close_world(&w);
}

static void a_dead_letter_is_lost_only_when_its_stream_will_never_take_it(void **state)
{
    (void)state;
    static const struct {
        mf_aws_kind kind;
        bool is_retriable, is_lost;
    } failures[] = {
        {MF_AWS_MISSING, false, true},    {MF_AWS_DENIED, false, true},
        {MF_AWS_TOO_LARGE, false, true},  {MF_AWS_THROTTLED, true, false},
        {MF_AWS_TIMED_OUT, true, false},  {MF_AWS_DENIED, true, false},
        {MF_AWS_THROTTLED, false, false},
    };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        world w;
        open_world(&w);
        mf_fail(&w.failure.error, MF_ERR_IO, MF_NOWHERE, "no");
        w.failure.kind = failures[i].kind;
        w.failure.is_retriable = failures[i].is_retriable;
        emit(&w);
        assert_false(w.items[RESULT].is_done); /* a result is never lost */
        assert_string_equal(w.outcome.failure.text, "no");
        assert_int_equal(w.items[DEAD].is_done, failures[i].is_lost);
        assert_int_equal(w.outcome.n_dead_lost, failures[i].is_lost ? 2 : 0);
        assert_int_equal(w.outcome.n_unwritten, 3);
        assert_false(mf_recommend_remembered_has(w.remembered, w.items[RESULT].key));
        close_world(&w);
    }
}

static void a_test_run_returns_all_and_puts_nothing(void **state)
{
    (void)state;
    world w;
    mf_error err = {.code = MF_OK};
    mf_text response = MF_TEXT_EMPTY;
    open_world(&w);
    w.settings.test_run = true;
    assert_ok(mf_recommend_write_results(&w.emitter, &w.batch, &w.lookups, &err), err);
    mf_recommend_return_results(&w.emitter, &w.batch, &response);
    assert_ok(mf_recommend_emit_dead_letters(&w.emitter, &w.batch, &err), err);
    mf_text_append(&response, "", 1);
    assert_string_equal(response.bytes,
                        "{\"predictions\":[" RESULT_JSON "],\"rejected\":[" DEAD_JSON
                        "," DEAD_AGGREGATED_JSON "],\"batchItemFailures\":[]}");
    assert_int_equal(w.taken.n_bytes, 0);
    assert_int_equal(w.n_logged, 2);
    mf_text_free(&response);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_and_dead_letters_are_these_records),
        cmocka_unit_test(a_dead_letter_is_lost_only_when_its_stream_will_never_take_it),
        cmocka_unit_test(a_test_run_returns_all_and_puts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
