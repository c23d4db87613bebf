/* The totals of a window and its state. The numbers are those of the checklist in
 * docs/lambda.md. */
#include "testing.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "lambda/aggregate/window.h"

static mf_aggregate_settings settings;
static mf_aggregate_window window, other;
static mf_stream_batch batch;
static mf_aggregate_fields fields;
static mf_text state_text;
static mf_error err;

static int start(void **state)
{
    (void)state;
    mf_settings read;
    setenv("SUM_FIELDS", "rating,weight", 1);
    setenv("SUM_ATTRIBUTES", "ratingSum,weightSum", 1);
    setenv("MEAN_ATTRIBUTES", "-", 1);
    setenv("CARRIED_FIELDS", "title,year", 1);
    if (!mf_aggregate_settings_read(&read, &settings, &err))
        fail_msg("%s", err.text);
    window.settings = other.settings = &settings;
    return 0;
}

static int reset(void **state)
{
    (void)state;
    mf_aggregate_window_clear(&window);
    mf_aggregate_window_clear(&other);
    mf_error_clear(&err);
    return 0;
}

static bool add(const char *record)
{
    return mf_aggregate_fields_read(&fields, &settings, record, strlen(record), &err) &&
           mf_aggregate_window_add(&window, &fields, &err);
}

/* The window's state, zero-terminated. */
static const char *write_state(mf_aggregate_window *w)
{
    state_text.n_bytes = 0;
    mf_aggregate_window_write_state(w, &state_text);
    mf_text_append(&state_text, "", 1);
    assert_false(state_text.failed);
    return state_text.bytes;
}

/* The size as it is measured, which is that of what is written. */
static size_t state_bytes(void)
{
    size_t n_bytes;
    assert_ok(mf_aggregate_window_measure_state(&window, &n_bytes, &err), err);
    assert_int_equal(n_bytes, strlen(write_state(&window)));
    return n_bytes;
}

/* Reads a state into `other`, as it comes in an event. */
static bool read_state(const char *state)
{
    static char *event;
    free(event);
    if (asprintf(&event, "{\"Records\":[],\"state\":%s}", state) < 0)
        fail_msg("no memory");
    mf_aggregate_window_clear(&other);
    mf_error_clear(&err);
    return mf_stream_batch_read(&batch, event, strlen(event), &err) &&
           mf_aggregate_window_read_state(&other, batch.state, batch.n_state, &err);
}

static void a_state_is_texts_with_count_sums_and_what_was_carried(void **state)
{
    (void)state;
    assert_true(
        add("{\"movieId\":\"2959\",\"rating\":4.5,\"weight\":1,\"title\":\"Fight \\\"Club\"}"));
    assert_true(add("{\"movieId\":2959,\"rating\":\"0.5\",\"weight\":-3,\"title\":null}"));
    assert_true(
        add("{\"movieId\":1.50,\"rating\":0,\"weight\":1e-3,\"title\":\"\",\"year\":1999}"));
    mf_aggregate_window_reached(&window, (mf_id){"495", 3});
    const char *expected = "{\"version\":\"1\",\"fields\":\"movieId rating,weight -,title,year\","
                           "\"last\":\"495\",\"=2959\":\"2 5 -2 S11:Fight \\\"Club -\","
                           "\"=1.5\":\"1 0 0.001 S0: N4:1999\"}";
    assert_string_equal(write_state(&window), expected);
    assert_ok(read_state(expected), err);
    assert_string_equal(write_state(&other), expected);
    assert_true(mf_aggregate_window_has(&other, (mf_id){"495", 3}));
    assert_true(mf_aggregate_window_has(&other, (mf_id){"99", 2}));
    assert_false(mf_aggregate_window_has(&other, (mf_id){"496", 3}));
    assert_false(mf_aggregate_window_has(&other, (mf_id){"1000", 4}));
}

static void the_last_value_is_carried(void **state)
{
    (void)state;
    /* Longer and shorter, so that it moves. */
    const char *const titles[] = {"a", "a long title", "", "b", "a title that is longer still",
                                  "c"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        char record[200];
        snprintf(record, sizeof record,
                 "{\"movieId\":\"%zu\",\"rating\":1,\"weight\":1,\"title\":\"%s\"}", i % 2,
                 titles[i]);
        assert_true(add(record));
    }
    assert_non_null(
        strstr(write_state(&window), "\"=0\":\"3 3 3 S28:a title that is longer still -\""));
    assert_non_null(strstr(write_state(&window), "\"=1\":\"3 3 3 S1:c -\""));
}

/* [75] */
static void numbers_in_a_state_are_read_as_texts_are(void **state)
{
    (void)state;
    mf_aggregate_settings plain = settings;
    plain.sum_fields.n = plain.carried_fields.n = 0;
    other.settings = &plain;
    assert_ok(
        read_state(
            "{\"version\":1,\"fields\":\"movieId -\",\"last\":495,\"=1\":282,\"=2\":\"715\"}"),
        err);
    assert_int_equal(other.n, 2);
    assert_int_equal(other.entries[0].count, 282);
    assert_int_equal(other.entries[1].count, 715);
    assert_string_equal(other.last, "495");
    other.settings = &settings;
}

static void a_state_that_is_not_ours_is_refused_with_the_reason(void **state)
{
    (void)state;
#define OURS "\"version\":\"1\",\"fields\":\"movieId rating,weight -,title,year\",\"last\":\"7\""
    static const char *const cases[][2] = {
        {"{\"version\":\"2\"}", "member \"version\""},
        {"{\"version\":\"1\"}", "no member \"fields\""},
        {"{\"count\":\"1\"}", "member \"count\""},
        {"{\"=\":\"1\"}", "member \"=\""},
        {"{\"last\":\"07\"}", "member \"last\""},
        {"{\"version\":\"1\",\"fields\":\"movieId rating -\"}", "fields \"movieId rating -\""},
        {"{" OURS ",\"=1\":\"\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"0 1 1 - -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 - -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 - - -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 -- -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 S2:a -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 S9999999999999999999:a -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 X1:a -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 1 S1:ab -\"}", "the totals of a key"},
        {"{" OURS ",\"=1\":\"1 1 x - -\"}", "the totals of a key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (read_state(cases[i][0]))
            fail_msg("taken: %s", cases[i][0]);
        assert_error(&err, MF_ERR_FORMAT, cases[i][1]);
    }
    assert_ok(read_state("{" OURS ",\"=1\":\"1 1 1 S3:a b N1:5\"}"), err);
}

static void add_key(uint64_t key, const char *rating)
{
    char record[128];
    snprintf(record, sizeof record, "{\"movieId\":\"movie-%llu\",\"rating\":%s,\"weight\":1}",
             (unsigned long long)key, rating);
    if (!add(record))
        fail_msg("%s", err.text);
}

/* Of an entry of add_key; a view has no zero at its end. */
static uint64_t number_of(const mf_aggregate_window_entry *entry)
{
    const mf_id key = mf_aggregate_window_view(&window, entry->key);
    uint64_t number;
    assert_true(
        mf_parse_uint64(key.bytes + strlen("movie-"), key.n_bytes - strlen("movie-"), &number));
    return number;
}

/* [78] */
static void a_hundred_thousand_keys_stay_below_the_limit_and_none_is_lost(void **state)
{
    (void)state;
    enum { N_KEYS = 100000, N_EVENTS = 50, LIMIT = 200000 };
    static uint32_t counted[N_KEYS]; /* of what went to the table */
    size_t n_often = 0;
    for (size_t event = 0; event < N_EVENTS; event++) {
        for (size_t i = event * N_KEYS / N_EVENTS; i < (event + 1) * N_KEYS / N_EVENTS; i++) {
            add_key(i, "0.1");
            add_key(7, "0.1");
        }
        char number[16];
        snprintf(number, sizeof number, "%zu", event + 1);
        mf_aggregate_window_reached(&window, (mf_id){number, strlen(number)});
        if (state_bytes() > LIMIT) {
            uint32_t *chosen;
            size_t n_chosen;
            assert_ok(mf_aggregate_window_choose(&window, LIMIT / 2, &chosen, &n_chosen, &err),
                      err);
            assert_in_range(n_chosen, 1, window.n - 1);
            for (size_t i = 0; i < n_chosen; i++) {
                mf_aggregate_window_entry *entry = &window.entries[chosen[i]];
                counted[number_of(entry)] += (uint32_t)entry->count;
                entry->is_written = true;
            }
            mf_free(chosen);
            assert_ok(mf_aggregate_window_drop_written(&window, &err), err);
        }
        assert_in_range(state_bytes(), 1, LIMIT);
        assert_non_null(strstr(write_state(&window), "\"=movie-7\"")); /* the commonest stays */
        assert_ok(read_state(write_state(&window)), err);
        const mf_aggregate_window before = window;
        window = other; /* as the next event has it */
        other = before;
    }
    for (size_t i = 0; i < window.n; i++) {
        const uint64_t index = number_of(&window.entries[i]);
        counted[index] += (uint32_t)window.entries[i].count;
        if (index == 7) {
            mf_text text = MF_TEXT_EMPTY;
            mf_aggregate_decimal_write(&text, &window.entries[i].sums[0]);
            assert_memory_equal(text.bytes, "10000.1", text.n_bytes);
            mf_text_free(&text);
            n_often++;
        }
    }
    assert_int_equal(n_often, 1);
    for (size_t i = 0; i < N_KEYS; i++)
        assert_int_equal(counted[i], i == 7 ? N_KEYS + 1 : 1);
}

static void the_same_records_give_the_same_choice(void **state)
{
    (void)state;
    uint32_t *chosen[2];
    size_t n_chosen[2];
    for (int round = 0; round < 2; round++) {
        mf_aggregate_window_clear(&window);
        for (uint64_t i = 0; i < 3000; i++)
            add_key(mf_random_below(5, i, 500), "1");
        assert_true(
            mf_aggregate_window_choose(&window, 4000, &chosen[round], &n_chosen[round], &err));
    }
    assert_int_equal(n_chosen[0], n_chosen[1]);
    assert_memory_equal(chosen[0], chosen[1], n_chosen[0] * sizeof *chosen[0]);
    for (size_t i = 1; i < n_chosen[0]; i++)
        assert_true(window.entries[chosen[0][i - 1]].count <= window.entries[chosen[0][i]].count);
    mf_free(chosen[0]);
    mf_free(chosen[1]);
}

static void the_size_of_a_state_follows_its_changes(void **state)
{
    (void)state;
    static const char *const ratings[] = {"1", "-0.25", "1e20", "-1e20", "12.5", "0"};
    static const char *const titles[] = {"", "a", "\\\"quoted\\\"", "\\u0001", "a long title"};
    assert_in_range(state_bytes(), 1, 200);
    for (uint64_t i = 0; i < 2000; i++) {
        char record[256];
        snprintf(record, sizeof record,
                 "{\"movieId\":\"%llu\\\"\",\"rating\":%s,\"weight\":%llu,\"title\":\"%s\","
                 "\"year\":%llu}",
                 (unsigned long long)mf_random_below(6, i, 40), ratings[mf_random_below(7, i, 6)],
                 (unsigned long long)mf_random_below(8, i, 1000), titles[mf_random_below(9, i, 5)],
                 (unsigned long long)mf_random_below(3, i, 3000));
        assert_ok(add(record), err);
        if (mf_random_below(10, i, 3) == 0)
            state_bytes();
    }
    state_bytes();
}

/* A record is measured, and what is too much written, as the function does it. */
static void take(uint64_t i, mf_text *written)
{
    enum { LIMIT = 3000 };
    char number[32];
    snprintf(number, sizeof number, "%llu", (unsigned long long)i + 1);
    add_key(mf_random_below(11, i, 400), "0.5");
    mf_aggregate_window_reached(&window, (mf_id){number, strlen(number)});
    if (state_bytes() <= LIMIT)
        return;
    uint32_t *chosen;
    size_t n_chosen;
    assert_ok(mf_aggregate_window_choose(&window, LIMIT / 2, &chosen, &n_chosen, &err), err);
    for (size_t c = 0; c < n_chosen; c++) {
        mf_aggregate_window_entry *entry = &window.entries[chosen[c]];
        const mf_id key = mf_aggregate_window_view(&window, entry->key);
        entry->is_written = true;
        mf_text_format(written, "%s %.*s %llu\n", number, (int)key.n_bytes, key.bytes,
                       (unsigned long long)entry->count);
    }
    mf_free(chosen);
    assert_ok(mf_aggregate_window_drop_written(&window, &err), err);
}

/* [78, 92] */
static void what_is_written_early_does_not_hang_on_how_records_are_cut(void **state)
{
    (void)state;
    mf_text first = MF_TEXT_EMPTY;
    mf_text written = MF_TEXT_EMPTY;
    for (uint64_t round = 0; round < 8; round++) {
        mf_aggregate_window_clear(&window);
        mf_text_clear(&written, 1 << 20);
        for (uint64_t i = 0; i < 4000; i++) {
            take(i, &written);
            /* Here an event ends: more often in each round. */
            if (round > 0 && mf_random_below(12, i * 8 + round, 2 + 64 / (uint32_t)round) == 0) {
                assert_ok(read_state(write_state(&window)), err);
                const mf_aggregate_window before = window;
                window = other;
                other = before;
            }
        }
        if (round == 0)
            mf_text_append(&first, written.bytes, written.n_bytes);
        assert_in_range(written.n_bytes, 10000, 1 << 20);
        assert_int_equal(written.n_bytes, first.n_bytes);
        assert_memory_equal(written.bytes, first.bytes, first.n_bytes);
    }
    mf_text_free(&first);
    mf_text_free(&written);
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        mf_aggregate_window fresh = {.settings = &settings};
        const mf_aggregate_window saved = window;
        window = fresh;
        mf_memory_fail_nth(n);
        bool ok = true;
        for (uint64_t i = 0; i < 600 && ok; i++) {
            char record[64];
            snprintf(record, sizeof record, "{\"movieId\":%u,\"rating\":1,\"weight\":1}",
                     (unsigned)i);
            mf_error_clear(&err);
            ok = add(record);
        }
        size_t n_bytes;
        ok = ok && mf_aggregate_window_measure_state(&window, &n_bytes, &err);
        mf_memory_fail_nth(0);
        if (!ok)
            assert_int_equal(err.code, MF_ERR_MEMORY);
        mf_aggregate_window_free(&window);
        window = saved;
        if (ok) {
            assert_true(n > 3);
            return;
        }
    }
}

static int end(void **state)
{
    (void)state;
    read_state("{}");
    mf_aggregate_window_free(&window);
    mf_aggregate_window_free(&other);
    mf_aggregate_fields_free(&fields);
    mf_stream_batch_free(&batch);
    mf_text_free(&state_text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_state_is_texts_with_count_sums_and_what_was_carried, reset),
        cmocka_unit_test_setup(the_last_value_is_carried, reset),
        cmocka_unit_test_setup(numbers_in_a_state_are_read_as_texts_are, reset),
        cmocka_unit_test_setup(a_state_that_is_not_ours_is_refused_with_the_reason, reset),
        cmocka_unit_test_setup(a_hundred_thousand_keys_stay_below_the_limit_and_none_is_lost,
                               reset),
        cmocka_unit_test_setup(the_same_records_give_the_same_choice, reset),
        cmocka_unit_test_setup(the_size_of_a_state_follows_its_changes, reset),
        cmocka_unit_test_setup(what_is_written_early_does_not_hang_on_how_records_are_cut, reset),
        cmocka_unit_test_setup(without_memory_it_says_so, reset),
    };
    return cmocka_run_group_tests(tests, start, end);
}
