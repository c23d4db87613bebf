/* fuzz_feedback_record.c: any bytes as a record of the stream: read within their bounds; what is an
 * event is the same event when it comes again, and when it is written with the usual names. */
#include "lambda/feedback/decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_same(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && (a.n_bytes == 0 || memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

static void write_again(mf_text *text, const mf_feedback_record *r)
{
    mf_text_literal(text, "{\"user_id\":");
    mf_text_json(text, r->user.bytes, r->user.n_bytes);
    if (r->is_forgetting) {
        mf_text_literal(text, ",\"event\":\"forget\"}");
        return;
    }
    mf_text_literal(text, ",\"item_id\":");
    mf_text_json(text, r->event.item.bytes, r->event.item.n_bytes);
    if (!isnan(r->event.rating))
        mf_text_format(text, ",\"rating\":%.9g", (double)r->event.rating);
    mf_text_literal(text, "}");
}

static void read_twice(mf_feedback_decoder *decoder, const char *bytes, size_t n_bytes,
                       mf_feedback_record *r, bool *ok)
{
    mf_error err = {.code = MF_OK};
    mf_feedback_record again;
    const mf_id data = {bytes, n_bytes};
    *ok = mf_feedback_record_read(r, decoder, data, 1545084650987, 0, &err);
    mf_feedback_decoder fresh = {.n_names = 0};
    require(mf_feedback_record_read(&again, &fresh, data, 1545084650987, 0, &err) == *ok);
    if (*ok) {
        require(is_same(r->user, again.user) && is_same(r->event.item, again.event.item));
        require(r->event.time_ms == again.event.time_ms && r->event.time_ms <= 1545084650987);
        require(r->is_forgetting == again.is_forgetting);
    }
    mf_feedback_decoder_free(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static mf_feedback_decoder decoder;  /* remembers the names of other inputs */
    char *bytes = malloc(n > 0 ? n : 1); /* exactly as long: one byte too far is seen */
    mf_text again = MF_TEXT_EMPTY;
    mf_feedback_record r;
    mf_feedback_record same;
    mf_error err = {.code = MF_OK};
    bool ok;
    require(bytes != NULL);
    if (n > 0)
        memcpy(bytes, data, n);
    read_twice(&decoder, bytes, n, &r, &ok);
    if (ok) {
        require(mf_id_valid(r.user.bytes, r.user.n_bytes));
        require(r.is_forgetting || mf_id_valid(r.event.item.bytes, r.event.item.n_bytes));
        require(isnan(r.event.rating) || isfinite(r.event.rating));
        write_again(&again, &r);
        mf_feedback_decoder other = {.n_names = 0};
        require(mf_feedback_record_read(&same, &other, (mf_id){again.bytes, again.n_bytes},
                                        1545084650987, 0, &err));
        require(is_same(r.user, same.user) && is_same(r.event.item, same.event.item));
        require(r.event.rating == same.event.rating ||
                (isnan(r.event.rating) && isnan(same.event.rating)));
        mf_feedback_decoder_free(&other);
    }
    mf_text_free(&again);
    free(bytes);
    return 0;
}
