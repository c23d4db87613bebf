/* fuzz_streams_batch.c: any bytes as the event of a stream.
 *
 * Both ways to read it agree, unless a number is too large for jansson; what is accepted has
 * its records in order, each once, and each of them can be taken apart without a byte outside;
 * its answer is JSON. */
#include "base/number.h"
#include "lambda/streams/batch.h"
#include "lambda/streams/payload.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

static mf_stream_batch plain, other;
static mf_stream_payload payload;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool equals(mf_id a, mf_id b)
{
    return (a.bytes == NULL) == (b.bytes == NULL) && a.n_bytes == b.n_bytes &&
           (a.bytes == NULL || memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

/* As texts, or as numbers that jansson wrote its own way. */
static bool equal_values(mf_id a, mf_id b)
{
    double one;
    double two;
    return equals(a, b) || (mf_parse_double(a.bytes, a.n_bytes, &one) &&
                            mf_parse_double(b.bytes, b.n_bytes, &two) && one == two);
}

static void require_same_state(void)
{
    require(plain.n_state == other.n_state);
    if (plain.n_state > 64) /* jansson's order is another one */
        return;
    for (size_t i = 0; i < plain.n_state; i++) {
        size_t at = 0;
        while (at < other.n_state && !equals(plain.state[i].name, other.state[at].name))
            at++;
        require(at < other.n_state);
        require(equal_values(plain.state[i].value, other.state[at].value));
    }
}

static void require_same(void)
{
    require(plain.n_records == other.n_records && plain.has_window == other.has_window);
    require(plain.is_final == other.is_final);
    require(plain.is_terminated_early == other.is_terminated_early);
    require(equals(plain.stream, other.stream) && equals(plain.shard_id, other.shard_id));
    require(equals(plain.window_start, other.window_start));
    require(equals(plain.window_end, other.window_end));
    for (size_t i = 0; i < plain.n_records; i++) {
        const mf_stream_record *a = &plain.records[i];
        const mf_stream_record *b = &other.records[i];
        require(equals(a->sequence_number, b->sequence_number) && equals(a->data, b->data));
        require(equals(a->partition_key, b->partition_key));
        require(equals(a->event_id, b->event_id) && a->arrival_ms == b->arrival_ms);
    }
    require_same_state();
}

static void use(const mf_stream_batch *batch)
{
    mf_stream_response response = {.state = NULL};
    for (size_t i = 0; i < batch->n_records; i++) {
        const mf_stream_record *record = &batch->records[i];
        require(i == 0 || mf_stream_sequence_compare(batch->records[i - 1].sequence_number,
                                                     record->sequence_number) < 0);
        mf_error why = {.code = MF_OK};
        mf_stream_user_record user_record;
        if (!mf_stream_payload_open(&payload, record, &why))
            mf_stream_response_fail(&response, record);
        while (mf_stream_payload_next(&payload, &user_record))
            require(user_record.data.n_bytes <= record->data.n_bytes);
    }
    mf_text text = MF_TEXT_EMPTY;
    mf_stream_response_write(&response, &text);
    json_t *answer = json_loadb(text.bytes, text.n_bytes, 0, NULL);
    require(json_object_size(answer) == 1);
    json_decref(answer);
    mf_text_free(&text);
}

/* Which is a number for mf_stream_plain, and which jansson refuses with all that is around it. */
static bool has_number_beyond_jansson(const char *event, size_t n_event)
{
    json_error_t error;
    json_t *json = json_loadb(event, n_event, JSON_REJECT_DUPLICATES, &error);
    json_decref(json);
    return json == NULL && json_error_code(&error) == json_error_numeric_overflow;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *event = (const char *)bytes;
    mf_error err = {.code = MF_OK};
    json_object_seed(1);
    if (mf_stream_batch_read_plain(&plain, event, n_bytes)) {
        /* What is no event of Kinesis' in other ways than JSON is the same for both. */
        if (mf_stream_batch_read_json(&other, event, n_bytes, &err))
            require_same();
        else
            require(has_number_beyond_jansson(event, n_bytes));
    }
    mf_error_clear(&err);
    if (mf_stream_batch_read(&plain, event, n_bytes, &err))
        use(&plain);
    else
        require(err.code == MF_ERR_PARSE && strncmp(err.text, "event:", 6) == 0);
    return 0;
}
