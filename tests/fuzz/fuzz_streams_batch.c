/* fuzz_streams_batch.c: any bytes as the event of a stream.
 *
 * What is accepted has the records that jansson finds, in order and each once; each of them is
 * decoded without a byte outside of it; the response is JSON. What is not accepted has an error of
 * the event. */
#include "lambda/streams/batch.h"
#include "lambda/streams/payload.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

static mf_stream_batch batch;
static mf_stream_payload payload;

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* view is the text that is the member `name` of object, or "" without one. */
static void require_text(mf_id view, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    require(value == NULL || json_is_null(value) || json_is_string(value));
    require(view.n_bytes == json_string_length(value));
    require(view.n_bytes == 0 || memcmp(view.bytes, json_string_value(value), view.n_bytes) == 0);
}

static void require_flag(bool flag, const json_t *event, const char *name)
{
    require(flag == json_is_true(json_object_get(event, name)));
}

/* As jansson finds it in the event, which has no number that is too large for it. */
static void compare(const json_t *event)
{
    const json_t *records = json_object_get(event, "Records");
    const json_t *window = json_object_get(event, "window");
    const json_t *state = json_object_get(event, "state");
    require(batch.n_records + batch.n_repeated == json_array_size(records));
    for (size_t i = 0; i < batch.n_records; i++) {
        const mf_stream_record *record = &batch.records[i];
        const json_t *json = json_array_get(records, record->place);
        const json_t *kinesis = json_object_get(json, "kinesis");
        require_text(record->sequence_number, kinesis, "sequenceNumber");
        require_text(record->data, kinesis, "data");
        require_text(record->partition_key, kinesis, "partitionKey");
        require_text(record->event_id, json, "eventID");
        const double seconds =
            json_number_value(json_object_get(kinesis, "approximateArrivalTimestamp"));
        if (seconds > 0 && seconds < 1e11)
            require(record->arrival_ms == (int64_t)(seconds * 1000 + 0.5));
        else
            require(record->arrival_ms == 0);
    }
    require(batch.has_window == json_is_object(window));
    require_text(batch.window_start, window, "start");
    require_text(batch.window_end, window, "end");
    require_flag(batch.is_final, event, "isFinalInvokeForWindow");
    require_flag(batch.is_terminated_early, event, "isWindowTerminatedEarly");
    require(batch.n_state == json_object_size(state));
    for (size_t i = 0; i < batch.n_state && i < 64; i++) {
        char *name = strndup(batch.state[i].name.bytes, batch.state[i].name.n_bytes);
        const json_t *value = json_object_get(state, name);
        require(json_is_number(value) || json_is_string(value));
        if (json_is_string(value))
            require_text(batch.state[i].value, state, name);
        free(name);
    }
}

static void use(void)
{
    mf_stream_response response = {.state = NULL};
    for (size_t i = 0; i < batch.n_records; i++) {
        const mf_stream_record *record = &batch.records[i];
        require(i == 0 || mf_stream_sequence_compare(batch.records[i - 1].sequence_number,
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
    json_t *json = json_loadb(text.bytes, text.n_bytes, 0, NULL);
    require(json_object_size(json) == 1);
    json_decref(json);
    mf_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    const char *event = (const char *)bytes;
    mf_error err = {.code = MF_OK};
    json_object_seed(1);
    if (!mf_stream_batch_read(&batch, event, n_bytes, &err)) {
        require(err.code == MF_ERR_PARSE && strncmp(err.text, "event:", 6) == 0);
        return 0;
    }
    json_error_t error;
    json_t *json = json_loadb(event, n_bytes, JSON_REJECT_DUPLICATES, &error);
    if (json != NULL)
        compare(json);
    else
        require(json_error_code(&error) == json_error_numeric_overflow);
    json_decref(json);
    use();
    return 0;
}
