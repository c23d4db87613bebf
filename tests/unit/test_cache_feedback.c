/* test_cache_feedback.c: a user's events as a value of Redis: the key, the bytes, and that merging in
 * any order, with repetitions and in parts, gives what a plain loop over all events gives. */
#include "testing.h"

#include "base/random.h"
#include "cache/feedback.h"

#include <math.h>

static mf_feedback_key key_of(const char *user)
{
    mf_feedback_key key;
    assert_true(mf_feedback_key_make(&key, user, strlen(user)));
    return key;
}

static mf_feedback_event event_of(const char *item, int64_t time_ms, uint64_t arrival, float rating)
{
    return (mf_feedback_event){
        .item = {item, strlen(item)}, .time_ms = time_ms, .arrival = arrival, .rating = rating};
}

/* A value and what it says. */
typedef struct stored {
    mf_feedback_key key;
    mf_text value;
    mf_feedback feedback;
} stored;

static stored nothing_of(const char *user)
{
    stored s = {.key = key_of(user)};
    mf_feedback_clear(&s.feedback);
    return s;
}

static void merge(stored *s, const mf_feedback_event *events, size_t n, int64_t forgotten_ms,
                  uint32_t most)
{
    mf_text value = MF_TEXT_EMPTY;
    mf_error err = {0};
    mf_feedback_event *copy = calloc(n + 1, sizeof *copy);
    assert_non_null(copy);
    if (n > 0)
        memcpy(copy, events, n * sizeof *copy);
    const uint64_t generation =
        mf_feedback_merge(&value, &s->key, &s->feedback, copy, n, forgotten_ms, most);
    assert_true(generation != 0);
    free(copy);
    mf_text_free(&s->value);
    s->value = value;
    assert_ok(mf_feedback_read(&s->feedback, &s->key, value.bytes, value.n_bytes, &err), err);
    assert_true(s->feedback.generation == generation);
    assert_int_equal(s->feedback.n_head, MF_FEEDBACK_HEAD);
    assert_memory_equal(s->feedback.head, value.bytes, MF_FEEDBACK_HEAD);
}

static void end(stored *s)
{
    mf_text_free(&s->value);
    mf_feedback_free(&s->feedback);
}

/* ----------------------------------------------------------------------- the key */

static void every_id_has_a_key_of_its_own(void **state)
{
    (void)state;
    char id[MF_ID_BYTES_MAX + 1];
    mf_feedback_key key = key_of("a:b{c}é");
    assert_string_equal(key.bytes, "fb:user:a%3Ab%7Bc%7D%C3%A9");
    assert_string_equal(key_of("2.0").bytes, "fb:user:2");
    assert_string_equal(key_of("2.5").bytes, "fb:user:2.5");
    assert_string_equal(key_of("1e5").bytes, "fb:user:1e5");
    memset(id, ':', sizeof id);
    assert_true(mf_feedback_key_make(&key, id, MF_ID_BYTES_MAX));
    assert_int_equal(key.n_bytes, 8 + 3 * MF_ID_BYTES_MAX);
    assert_int_equal(strlen(key.bytes), key.n_bytes);
    assert_false(mf_feedback_key_make(&key, id, sizeof id));
    assert_false(mf_feedback_key_make(&key, "", 0));
}

/* --------------------------------------------------------------------- the order */

static void the_newest_event_of_an_item_stays(void **state)
{
    (void)state;
    stored s = nothing_of("7");
    const mf_feedback_event events[] = {event_of("a", 1000, 5, 3), event_of("b", 3000, 6, NAN),
                                        event_of("a", 2000, 4, 4)};
    merge(&s, events, 3, MF_FEEDBACK_NEVER, 200);
    assert_int_equal(s.feedback.n, 2);
    assert_memory_equal(s.feedback.events[0].item.bytes, "b", 1);
    assert_true(isnan(s.feedback.events[0].rating));
    assert_int_equal(s.feedback.events[0].time_ms, 3000);
    assert_memory_equal(s.feedback.events[1].item.bytes, "a", 1);
    assert_true(s.feedback.events[1].rating == 4);
    assert_int_equal(s.feedback.events[1].arrival, 4);
    assert_true(s.feedback.forgotten_ms == MF_FEEDBACK_NEVER);
    end(&s);
}

/* Of equal times the later arrival, of equal arrivals the higher rating, none being the lowest. */
static void equal_times_are_decided_by_arrival_then_by_rating(void **state)
{
    (void)state;
    const mf_feedback_event later[] = {event_of("a", 1000, 5, 5), event_of("a", 1000, 6, 1)};
    const mf_feedback_event higher[] = {event_of("a", 1000, 5, NAN), event_of("a", 1000, 5, 2),
                                        event_of("a", 1000, 5, -3)};
    stored s = nothing_of("7");
    merge(&s, later, 2, MF_FEEDBACK_NEVER, 200);
    assert_int_equal(s.feedback.n, 1);
    assert_true(s.feedback.events[0].rating == 1);
    end(&s);
    s = nothing_of("7");
    merge(&s, higher, 3, MF_FEEDBACK_NEVER, 200);
    assert_int_equal(s.feedback.n, 1);
    assert_true(s.feedback.events[0].rating == 2);
    end(&s);
    assert_true(mf_feedback_arrival(1000, 3) < mf_feedback_arrival(1000, 4));
    assert_true(mf_feedback_arrival(1000, UINT32_MAX) < mf_feedback_arrival(1001, 0));
    assert_int_equal(mf_feedback_arrival(-1, 0), 0);
}

static void what_is_there_already_changes_nothing(void **state)
{
    (void)state;
    const mf_feedback_event events[] = {event_of("a", 1000, 5, 3), event_of("b", 3000, 6, 4)};
    stored s = nothing_of("7");
    merge(&s, events, 2, 500, 200);
    const uint64_t generation = s.feedback.generation;
    merge(&s, events, 2, MF_FEEDBACK_NEVER, 200);
    assert_true(s.feedback.generation == generation);
    merge(&s, &events[1], 1, 500, 200);
    assert_true(s.feedback.generation == generation);
    merge(&s, events, 0, 501, 200);
    assert_true(s.feedback.generation != generation);
    end(&s);
}

/* ---------------------------------------------------------------------- the bounds */

static void the_newest_items_stay(void **state)
{
    (void)state;
    char names[10][12];
    stored s = nothing_of("7");
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        const mf_feedback_event event = event_of(names[i], (i * 7) % 10, 0, 1);
        merge(&s, &event, 1, MF_FEEDBACK_NEVER, 3);
    }
    assert_int_equal(s.feedback.n, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(s.feedback.events[i].time_ms, 9 - i);
    end(&s);
}

static void ten_thousand_events_of_long_items_fit_a_value(void **state)
{
    (void)state;
    enum { N = 10000 };
    static char names[N][MF_ID_BYTES_MAX + 1];
    static mf_feedback_event events[N];
    for (int i = 0; i < N; i++) {
        memset(names[i], 'x', MF_ID_BYTES_MAX);
        const int n = snprintf(names[i], sizeof names[i], "%d", i);
        names[i][n] = 'x';
        names[i][MF_ID_BYTES_MAX] = '\0';
        events[i] = event_of(names[i], i, 0, NAN);
    }
    stored s = nothing_of("7");
    merge(&s, events, N, MF_FEEDBACK_NEVER, MF_FEEDBACK_MOST);
    assert_true(s.value.n_bytes <= MF_CACHE_VALUE_MAX);
    assert_int_equal(s.feedback.n, (MF_CACHE_VALUE_MAX - 28) / (21 + MF_ID_BYTES_MAX));
    for (size_t i = 0; i < s.feedback.n; i++)
        assert_int_equal(s.feedback.events[i].time_ms, N - 1 - (int64_t)i);
    for (int i = 0; i < N; i++)
        events[i].item.n_bytes = 5 + (size_t)(i % 3);
    merge(&s, events, N, MF_FEEDBACK_NEVER, MF_FEEDBACK_MOST);
    assert_true(s.feedback.n > 237);
    end(&s);
}

static void what_is_forgotten_does_not_come_back(void **state)
{
    (void)state;
    const mf_feedback_event events[] = {event_of("a", 1000, 5, 3), event_of("b", 3000, 6, 4)};
    stored s = nothing_of("7");
    merge(&s, events, 2, MF_FEEDBACK_NEVER, 200);
    merge(&s, NULL, 0, 2000, 200);
    assert_int_equal(s.feedback.n, 1);
    assert_int_equal(s.feedback.events[0].time_ms, 3000);
    merge(&s, NULL, 0, 3000, 200);
    assert_int_equal(s.feedback.n, 0);
    merge(&s, events, 2, 10, 200);
    assert_int_equal(s.feedback.n, 0);
    assert_int_equal(s.feedback.forgotten_ms, 3000);
    assert_true(s.feedback.generation != 0);
    assert_int_equal(s.value.n_bytes, 28); /* no trace of an item */
    end(&s);
}

/* ---------------------------------------------------------- any order, the plain way */

enum { POOL = 60, ITEMS = 12 };

typedef struct reference {
    mf_feedback_event events[POOL];
    size_t n;
} reference;

static bool is_newer(const mf_feedback_event *x, const mf_feedback_event *y)
{
    if (x->time_ms != y->time_ms)
        return x->time_ms > y->time_ms;
    if (x->arrival != y->arrival)
        return x->arrival > y->arrival;
    const int ids = strcmp(x->item.bytes, y->item.bytes);
    if (ids != 0)
        return ids < 0;
    return isnan(y->rating) ? !isnan(x->rating) : x->rating > y->rating;
}

/* All events at once, with loops over loops. */
static void refer(reference *r, const mf_feedback_event *events, size_t n, int64_t forgotten_ms,
                  uint32_t most)
{
    r->n = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_newest = events[i].time_ms > forgotten_ms;
        for (size_t j = 0; j < n; j++)
            if (strcmp(events[i].item.bytes, events[j].item.bytes) == 0 &&
                is_newer(&events[j], &events[i]))
                is_newest = false;
        for (size_t j = 0; j < r->n; j++)
            if (strcmp(events[i].item.bytes, r->events[j].item.bytes) == 0)
                is_newest = false;
        if (is_newest)
            r->events[r->n++] = events[i];
    }
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = i + 1; j < r->n; j++)
            if (is_newer(&r->events[j], &r->events[i])) {
                const mf_feedback_event kept = r->events[i];
                r->events[i] = r->events[j];
                r->events[j] = kept;
            }
    if (r->n > most)
        r->n = most;
}

static void assert_same(const stored *s, const reference *r)
{
    assert_int_equal(s->feedback.n, r->n);
    for (size_t i = 0; i < r->n; i++) {
        const mf_feedback_event *x = &s->feedback.events[i];
        const mf_feedback_event *y = &r->events[i];
        assert_int_equal(x->item.n_bytes, y->item.n_bytes);
        assert_memory_equal(x->item.bytes, y->item.bytes, x->item.n_bytes);
        assert_true(x->time_ms == y->time_ms && x->arrival == y->arrival);
        assert_true(x->rating == y->rating || (isnan(x->rating) && isnan(y->rating)));
    }
}

static void any_order_repetition_and_partition_gives_the_same_value(void **state)
{
    (void)state;
    static const char *const names[ITEMS] = {"a",  "b",  "ab", "abc", "c",  "10",
                                             "11", "12", "é",  "z",   "zz", "1"};
    for (uint64_t trial = 0; trial < 2000; trial++) {
        uint64_t at = 0;
#define RANDOM(bound) mf_random_below(trial, at++, (bound))
        mf_feedback_event pool[POOL];
        const size_t n = RANDOM(POOL) + 1;
        const uint32_t most = RANDOM(6) + 1;
        const int64_t forgotten_ms = RANDOM(3) == 0 ? RANDOM(20) : MF_FEEDBACK_NEVER;
        for (size_t i = 0; i < n; i++) {
            pool[i] = event_of(names[RANDOM(ITEMS)], 0, 0, NAN);
            pool[i].time_ms = RANDOM(20);
            pool[i].arrival = RANDOM(3);
            if (RANDOM(4) > 0)
                pool[i].rating = (float)RANDOM(3);
        }
        reference expected;
        refer(&expected, pool, n, forgotten_ms, most);

        uint64_t generation = 0;
        for (int way = 0; way < 3; way++) {
            stored s = nothing_of("7");
            bool came[POOL] = {false};
            bool is_forgotten = forgotten_ms == MF_FEEDBACK_NEVER;
            for (size_t left = n; left > 0 || !is_forgotten;) {
                mf_feedback_event part[8];
                const size_t n_part = RANDOM(8) + 1;
                const bool forget = RANDOM(4) == 0;
                for (size_t i = 0; i < n_part; i++) {
                    const size_t chosen = RANDOM((uint32_t)n);
                    part[i] = pool[chosen];
                    left -= !came[chosen];
                    came[chosen] = true;
                }
                is_forgotten = is_forgotten || forget;
                merge(&s, part, n_part, forget ? forgotten_ms : MF_FEEDBACK_NEVER, most);
            }
            assert_same(&s, &expected);
            assert_true(way == 0 || s.feedback.generation == generation);
            generation = s.feedback.generation;
            end(&s);
        }
#undef RANDOM
    }
}

/* ------------------------------------------------------------------ foreign values */

static void anything_else_is_foreign(void **state)
{
    (void)state;
    const mf_feedback_event events[] = {event_of("a", 1000, 5, 3), event_of("bc", 3000, 6, NAN)};
    const mf_feedback_key other = key_of("8");
    mf_feedback f = {.n = 0};
    mf_error err = {0};
    stored s = nothing_of("7");
    merge(&s, events, 2, 500, 200);
    for (size_t n = 0; n < s.value.n_bytes; n++) {
        char *cut = malloc(n > 0 ? n : 1); /* exact, so that ASan sees a byte too far */
        memcpy(cut, s.value.bytes, n);
        assert_false(mf_feedback_read(&f, &s.key, cut, n, &err));
        assert_true(f.is_foreign && f.n == 0 && f.generation == 0);
        assert_int_equal(f.n_head, n < MF_FEEDBACK_HEAD ? n : MF_FEEDBACK_HEAD);
        free(cut);
    }
    for (size_t i = 0; i < s.value.n_bytes; i++) {
        s.value.bytes[i] ^= 1;
        assert_false(mf_feedback_read(&f, &s.key, s.value.bytes, s.value.n_bytes, &err));
        s.value.bytes[i] ^= 1;
    }
    assert_false(mf_feedback_read(&f, &other, s.value.bytes, s.value.n_bytes, &err));
    assert_int_equal(err.code, MF_ERR_FORMAT);
    assert_ok(mf_feedback_read(&f, &s.key, s.value.bytes, s.value.n_bytes, &err), err);
    assert_false(f.is_foreign);

    /* What a writer makes of it is its own events alone. */
    assert_false(mf_feedback_read(&s.feedback, &s.key, "hello", 5, &err));
    assert_memory_equal(s.feedback.head, "hello", 5);
    merge(&s, events, 1, MF_FEEDBACK_NEVER, 200);
    assert_int_equal(s.feedback.n, 1);
    mf_feedback_free(&f);
    end(&s);
}

static void without_memory_there_is_no_value(void **state)
{
    (void)state;
    const mf_feedback_event event = event_of("a", 1000, 5, 3);
    mf_feedback f = {.n = 0};
    mf_error err = {0};
    stored s = nothing_of("7");
    merge(&s, &event, 1, MF_FEEDBACK_NEVER, 200);
    mf_memory_fail_nth(1);
    assert_false(mf_feedback_read(&f, &s.key, s.value.bytes, s.value.n_bytes, &err));
    mf_memory_fail_nth(0);
    assert_int_equal(err.code, MF_ERR_MEMORY);
    mf_text failed = {.failed = true};
    mf_feedback_event copy = event;
    assert_true(mf_feedback_merge(&failed, &s.key, &f, &copy, 1, MF_FEEDBACK_NEVER, 200) == 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_has_a_key_of_its_own),
        cmocka_unit_test(the_newest_event_of_an_item_stays),
        cmocka_unit_test(equal_times_are_decided_by_arrival_then_by_rating),
        cmocka_unit_test(what_is_there_already_changes_nothing),
        cmocka_unit_test(the_newest_items_stay),
        cmocka_unit_test(ten_thousand_events_of_long_items_fit_a_value),
        cmocka_unit_test(what_is_forgotten_does_not_come_back),
        cmocka_unit_test(any_order_repetition_and_partition_gives_the_same_value),
        cmocka_unit_test(anything_else_is_foreign),
        cmocka_unit_test(without_memory_there_is_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
