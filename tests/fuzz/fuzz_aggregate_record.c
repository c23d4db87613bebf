/* fuzz_aggregate_record.c: any bytes as a user record, and as a state.
 *
 * A record is read the same as it is and after a member with an escape. A window that counted it
 * writes a state that, read and written again, is the same. A state of any bytes that is accepted is
 * written as one that is accepted and the same from then on. */
#include "lambda/aggregate/window.h"

#include <stdint.h>
#include <stdlib.h>

static mf_aggregate_settings settings;
static mf_aggregate_fields first, second;
static mf_aggregate_window window, again;
static mf_stream_batch batch;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void start(void)
{
    mf_settings read;
    setenv("SUM_FIELDS", "rating,n", 1);
    setenv("SUM_ATTRIBUTES", "ratingSum,nSum", 1);
    setenv("MEAN_ATTRIBUTES", "-", 1);
    setenv("CARRIED_FIELDS", "title", 1);
    require(mf_aggregate_settings_read(&read, &settings, NULL));
    window.settings = again.settings = &settings;
}

static bool equals(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static void require_same(void)
{
    require(equals(first.key, second.key));
    for (size_t i = 0; i < 2; i++)
        require(mf_aggregate_decimal_equals(&first.sums[i], &second.sums[i]));
    require(first.carried[0].type == second.carried[0].type);
    if (first.carried[0].type == MF_AGGREGATE_CARRIED_TEXT)
        require(equals(first.carried[0].value, second.carried[0].value));
}

/* Reads {"state":<state>} into w. */
static bool read_state(mf_aggregate_window *w, const char *state, size_t n)
{
    mf_text event = MF_TEXT_EMPTY;
    mf_error err = {.code = MF_OK};
    mf_text_literal(&event, "{\"window\":{\"start\":\"2026-01-31T09:00:00Z\","
                            "\"end\":\"2026-01-31T09:05:00Z\"},\"state\":");
    mf_text_append(&event, state, n);
    mf_text_literal(&event, "}");
    mf_aggregate_window_clear(w);
    const bool ok = mf_stream_batch_read(&batch, event.bytes, event.n_bytes, &err) &&
                    mf_aggregate_window_read_state(w, batch.state, batch.n_state, &err);
    require(ok || err.code == MF_ERR_FORMAT || err.code == MF_ERR_PARSE);
    mf_text_free(&event);
    return ok;
}

/* What is in the window comes back from its state. */
static void write_and_read(void)
{
    mf_text one = MF_TEXT_EMPTY;
    mf_text two = MF_TEXT_EMPTY;
    mf_aggregate_window_write_state(&window, &one);
    require(read_state(&again, one.bytes, one.n_bytes));
    require(again.n == window.n);
    mf_aggregate_window_write_state(&again, &two);
    require(one.n_bytes == two.n_bytes && memcmp(one.bytes, two.bytes, one.n_bytes) == 0);
    mf_text_free(&one);
    mf_text_free(&two);
}

static void take_record(const char *bytes, size_t n)
{
    mf_error err = {.code = MF_OK};
    const bool ok = mf_aggregate_fields_read(&first, &settings, bytes, n, &err);
    require(ok || err.code == MF_ERR_FORMAT);
    const char *brace = memchr(bytes, '{', n);
    if (ok) {
        mf_text text = MF_TEXT_EMPTY;
        const size_t n_before = (size_t)(brace - bytes);
        mf_text_literal(&text, "{\"\\u0007\":0,");
        mf_text_append(&text, brace + 1, n - n_before - 1);
        /* It may have that member itself, but only as an escape. */
        if (mf_aggregate_fields_read(&second, &settings, text.bytes, text.n_bytes, NULL))
            require_same();
        else
            require(memchr(bytes, '\\', n) != NULL);
        mf_aggregate_window_clear(&window);
        mf_aggregate_window_reached(&window, (mf_id){"7", 1});
        require(mf_aggregate_window_add(&window, &first, NULL) &&
                mf_aggregate_window_add(&window, &first, NULL));
        write_and_read();
        mf_text_free(&text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (window.settings == NULL)
        start();
    take_record((const char *)bytes, n_bytes);
    if (read_state(&window, (const char *)bytes, n_bytes))
        write_and_read();
    return 0;
}
