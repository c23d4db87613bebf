/* The handler between a scorer and a stream of the test's own, without sockets. */
#include "testing.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "lambda/recommend/handler.h"

#include <stdio.h>

typedef struct world {
    mf_recommend_settings settings;
    mf_recommend_scorer scorer;
    mf_recommend_handler handler;
    mf_recommend_outcome outcome;
    mf_text event, response;
    mf_error err;
    size_t n_scored; /* lookups */
    size_t n_puts;
    size_t n_taken; /* records that were written */
    size_t take;    /* most records that the stream takes; then it fails */
    bool is_put_retriable;
    mf_error_code put_code;
    char taken[1024]; /* the keys of what was written, each and a blank */
} world;

/* Users whose name begins with 'f' fail, with 'r' are rejected, with 'l' get a long list. */
static void score(mf_recommend_scorer *scorer, mf_recommend_lookups *lookups,
                  mf_recommend_lookup *const *chosen, size_t n, int64_t deadline_ms)
{
    world *w = scorer->context;
    assert_true(deadline_ms > mf_clock_wall_ms() - 10000);
    for (size_t i = 0; i < n; i++) {
        mf_error why = {.code = MF_OK};
        w->n_scored++;
        if (chosen[i]->user.bytes[0] == 'f') {
            mf_fail(&why, MF_ERR_IO, MF_NOWHERE, "not now");
            mf_recommend_lookup_fail(lookups, chosen[i], &why);
        } else if (chosen[i]->user.bytes[0] == 'r') {
            mf_recommend_lookup_reject(lookups, chosen[i], "never");
        } else {
            const size_t at = lookups->text.n_bytes;
            mf_text_literal(&lookups->text, "[1,");
            for (size_t b = 0; chosen[i]->user.bytes[0] == 'l' && b < MF_AWS_KINESIS_RECORD_BYTES;
                 b += 8)
                mf_text_literal(&lookups->text, "1000000,");
            mf_text_literal(&lookups->text, "2]");
            mf_recommend_lookup_resolve(chosen[i], at, lookups->text.n_bytes - at, 2, true, "v1");
        }
    }
}

static const char *version(const mf_recommend_scorer *scorer, int64_t max_age_ms)
{
    (void)scorer, (void)max_age_ms;
    return "v1";
}

static bool put(void *context, const mf_aws_kinesis_put *records, mf_aws_kinesis_tally *tally,
                mf_aws_failure *failure)
{
    world *w = context;
    *tally = (mf_aws_kinesis_tally){.n_calls = 1};
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    w->n_puts++;
    for (size_t i = 0; i < records->n_records; i++) {
        mf_aws_kinesis_record *r = &records->records[i];
        assert_true(r->n_key + r->n_data <= MF_AWS_KINESIS_RECORD_BYTES);
        assert_int_equal(r->data[0], '{');
        assert_int_equal(r->data[r->n_data - 1], '}');
        if (w->take == 0) {
            mf_aws_fail(failure, w->put_code, "the stream is full");
            failure->is_retriable = w->is_put_retriable;
            return false;
        }
        w->take--;
        r->is_written = true;
        tally->n_written++;
        w->n_taken++;
        const size_t at = strlen(w->taken);
        snprintf(w->taken + at, sizeof w->taken - at, "%.*s ", (int)r->n_key, r->key);
    }
    return true;
}

static void open_world(world *w)
{
    mf_settings settings;
    mf_error err = {.code = MF_OK};
    *w = (world){.take = SIZE_MAX, .is_put_retriable = true, .put_code = MF_ERR_IO};
    assert_ok(mf_recommend_settings_start(&settings, &w->settings, &err), err);
    snprintf(w->settings.predictions_stream, sizeof w->settings.predictions_stream, "out");
    w->scorer = (mf_recommend_scorer){.context = w, .score = score, .version = version};
    w->handler = (mf_recommend_handler){.settings = &w->settings,
                                        .remembered = mf_recommend_remembered_create(100, &err),
                                        .scoring = {.scorer = &w->scorer},
                                        .emitter = {.put = put, .context = w}};
    assert_ok(w->handler.remembered != NULL, err);
}

static void close_world(world *w)
{
    mf_recommend_remembered_destroy(w->handler.remembered);
    mf_recommend_handler_free(&w->handler);
    mf_text_free(&w->event);
    mf_text_free(&w->response);
}

/* An event with a record for each of the users of "a b c"; number is the first's. "-" is a
 * record that is no request, "a:2" another request of a. */
static void make_event(world *w, const char *users, unsigned number)
{
    mf_text_clear(&w->event, SIZE_MAX);
    mf_text_literal(&w->event, "{\"Records\":[");
    const char *separator = "";
    for (const char *user = users; *user != '\0'; user += strcspn(user, " ")) {
        user += strspn(user, " ");
        const int n = (int)strcspn(user, " ");
        char data[128];
        snprintf(data, sizeof data, "{\"user_id\":\"%.*s\",\"request_id\":\"q-%.*s\"}",
                 (int)strcspn(user, ": "), user, n, user);
        mf_text_format(&w->event,
                       "%s{\"eventSource\":\"aws:kinesis\",\"eventID\":\"s:%u\",\"kinesis\":{"
                       "\"sequenceNumber\":\"%u\",\"partitionKey\":\"k\",\"data\":\"",
                       separator, number, number);
        mf_base64_encode(&w->event, data, user[0] == '-' ? 5 : strlen(data));
        mf_text_literal(&w->event, "\"}}");
        separator = ",";
        number++;
    }
    mf_text_literal(&w->event, "]}");
    assert_false(w->event.failed);
}

static bool handle(world *w)
{
    const mf_lambda_invocation invocation = {.request_id = "r",
                                             .deadline_ms = mf_clock_wall_ms() + 60000,
                                             .received_ms = mf_clock_wall_ms(),
                                             .event = w->event.bytes,
                                             .n_event = w->event.n_bytes};
    mf_text_clear(&w->response, SIZE_MAX);
    mf_error_clear(&w->err);
    const bool ok =
        mf_recommend_handle(&w->handler, &invocation, &w->response, &w->outcome, &w->err);
    mf_text_append(&w->response, "", 1);
    return ok;
}

#define FINE         "{\"batchItemFailures\":[]}"
#define FROM(number) "{\"batchItemFailures\":[{\"itemIdentifier\":\"" number "\"}]}"

static void the_first_that_fails_ends_the_batch(void **state)
{
    (void)state;
    static const struct {
        const char *users, *response, *taken;
    } batches[] = {
        {"a b c", FINE, "a b c "},      {"a b f d e", FROM("102"), "a b "},
        {"a f f f", FROM("101"), "a "}, {"- f a", FROM("101"), ""},
        {"r f a", FROM("101"), ""},     {"- r -", FINE, ""},
        {"a - b r c", FINE, "a b c "},  {"a a:2 b a:3", FINE, "a a b a "},
    };
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        world w;
        open_world(&w);
        make_event(&w, batches[i].users, 100);
        assert_ok(handle(&w), w.err);
        assert_string_equal(w.response.bytes, batches[i].response);
        assert_string_equal(w.taken, batches[i].taken);
        close_world(&w);
    }
}

static void when_nothing_at_all_was_done_the_batch_fails(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    make_event(&w, "f a b", 1);
    assert_false(handle(&w));
    assert_string_equal(w.err.text, "not now");
    w.take = 0;
    make_event(&w, "a b", 1);
    assert_false(handle(&w));
    assert_string_equal(w.err.text, "the stream is full");
    close_world(&w);
}

static void what_the_stream_did_not_take_comes_again_and_nothing_else_is_put_again(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.take = 2;
    make_event(&w, "a b c d", 9);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("11"));
    w.take = SIZE_MAX;
    make_event(&w, "a b c d", 9); /* more than was reported: a retry of the whole batch */
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_string_equal(w.taken, "a b c d ");
    assert_int_equal(w.outcome.n_repeated, 2);
    close_world(&w);
}

static void one_user_is_looked_up_once(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    make_event(&w, "a b a:2 a:3 b:2", 1);
    assert_ok(handle(&w), w.err);
    assert_int_equal(w.n_scored, 2);
    assert_int_equal(w.n_taken, 5);
    close_world(&w);
}

static void a_duplicate_has_one_result_and_is_done_when_its_original_is(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    make_event(&w, "a b a a:2 b a", 1);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_string_equal(w.taken, "a b a ");
    assert_int_equal(w.outcome.n_repeated, 3);
    assert_int_equal(w.outcome.n_results, 3);
    /* The second of them did not fail, and yet is not done. */
    w.take = 1;
    make_event(&w, "c d d c", 11);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("12"));
    assert_int_equal(w.outcome.n_failed, 2);
    w.take = SIZE_MAX;
    make_event(&w, "d d c", 12);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_string_equal(w.taken, "a b a c d ");
    make_event(&w, "f f", 21);
    assert_false(handle(&w));
    assert_string_equal(w.err.text, "not now");
    close_world(&w);
}

static void without_a_memory_of_requests_each_record_has_a_result(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    w.settings.remembered = 0;
    make_event(&w, "a b a", 1);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.taken, "a b a ");
    close_world(&w);
}

static void dead_letters_wait_for_their_stream_unless_it_will_never_take_them(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    snprintf(w.settings.dead_letter_stream, sizeof w.settings.dead_letter_stream, "dead");
    make_event(&w, "a - b", 7);
    w.take = 2;
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("8"));
    w.is_put_retriable = false;
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_int_equal(w.outcome.n_dead_lost, 1);
    w.put_code = MF_ERR_MEMORY;
    make_event(&w, "c - d", 17);
    w.take = 2;
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("18"));
    close_world(&w);
}

static void a_result_that_no_stream_takes_is_a_dead_letter(void **state)
{
    (void)state;
    world w;
    open_world(&w);
    snprintf(w.settings.dead_letter_stream, sizeof w.settings.dead_letter_stream, "dead");
    make_event(&w, "a long b", 1);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_string_equal(w.taken, "a b k ");
    assert_int_equal(w.outcome.n_requests, 2);
    assert_int_equal(w.outcome.n_dead, 1);
    close_world(&w);
}

/* n users u0, u1, … whose lists have 1000 items each; the one at `failing` fails. */
static void make_large_event(world *w, size_t n, size_t failing)
{
    mf_text users = MF_TEXT_EMPTY;
    for (size_t i = 0; i < n; i++)
        mf_text_format(&users, "%c%zu ", i == failing ? 'f' : 'u', i);
    mf_text_append(&users, "-", 2);
    assert_false(users.failed);
    w->settings.top_n = 1000;
    make_event(w, users.bytes, 1);
    mf_text_free(&users);
}

static void a_batch_of_large_requests_is_handled_in_parts(void **state)
{
    (void)state;
    enum { N = 2500, PART = MF_RECOMMEND_LISTED_MOST / 1000 };
    world w;
    open_world(&w);
    make_large_event(&w, N, SIZE_MAX);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FINE);
    assert_int_equal(w.n_puts, 3);
    assert_int_equal(w.n_taken, N);
    assert_int_equal(w.outcome.n_results, N);
    assert_int_equal(w.outcome.n_dead, 1);
    assert_int_equal(w.handler.lookups.n, N - 2 * PART);
    close_world(&w);

    /* What fails in the second part ends the batch, and the third is not begun. */
    open_world(&w);
    make_large_event(&w, N, 1500);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("1501"));
    assert_int_equal(w.n_taken, 1500);
    assert_int_equal(w.n_scored, 2 * PART);
    assert_int_equal(w.outcome.n_failed, N - 1500 + 1);
    close_world(&w);

    /* And what the stream does not take in the first. */
    open_world(&w);
    w.take = 7;
    make_large_event(&w, N, SIZE_MAX);
    assert_ok(handle(&w), w.err);
    assert_string_equal(w.response.bytes, FROM("8"));
    assert_int_equal(w.n_scored, PART);
    close_world(&w);

    /* A test run is one response. */
    open_world(&w);
    w.settings.test_run = true;
    make_large_event(&w, N, SIZE_MAX);
    assert_ok(handle(&w), w.err);
    assert_int_equal(w.outcome.n_results, N);
    close_world(&w);
}

/* Whatever allocation fails, the batch fails, and is handled when it comes again. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        world w;
        open_world(&w);
        make_event(&w, "a - b c r d", 1);
        mf_memory_fail_nth(n);
        const bool ok = handle(&w);
        const bool was_needed = mf_memory_fail_nth(0) >= n;
        if (!ok) {
            assert_int_equal(w.err.code, MF_ERR_MEMORY);
            assert_ok(handle(&w), w.err);
        }
        assert_string_equal(w.response.bytes, FINE);
        assert_string_equal(w.taken, "a b c d ");
        close_world(&w);
        if (!was_needed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_fails_ends_the_batch),
        cmocka_unit_test(when_nothing_at_all_was_done_the_batch_fails),
        cmocka_unit_test(what_the_stream_did_not_take_comes_again_and_nothing_else_is_put_again),
        cmocka_unit_test(one_user_is_looked_up_once),
        cmocka_unit_test(a_duplicate_has_one_result_and_is_done_when_its_original_is),
        cmocka_unit_test(without_a_memory_of_requests_each_record_has_a_result),
        cmocka_unit_test(dead_letters_wait_for_their_stream_unless_it_will_never_take_them),
        cmocka_unit_test(a_result_that_no_stream_takes_is_a_dead_letter),
        cmocka_unit_test(a_batch_of_large_requests_is_handled_in_parts),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
