/* result.c: promises in result.h. */
#include "lambda/recommend/result.h"

#include "base/base64.h"
#include "inference/inference.h"

static void write_id(mf_text *out, mf_id id)
{
    mf_text_json(out, id.bytes, id.n_bytes);
}

void mf_result_write(mf_text *out, const mf_recommend_request *request, const mf_wishes *wishes,
                     const mf_wish *wish, double latency_ms)
{
    const mf_id list = mf_wish_text(wishes, wish);
    mf_text_literal(out, "{\"request_id\":");
    write_id(out, request->request_id);
    mf_text_literal(out, ",\"user_id\":");
    mf_inference_write_id(out, request->user);
    mf_text_literal(out, ",\"recommendations\":");
    mf_text_append(out, list.bytes, list.n_bytes);
    mf_text_literal(out, ",\"count\":");
    mf_text_count(out, wish->count);
    if (!wish->known_user)
        mf_text_literal(out, ",\"known_user\":false");
    mf_text_literal(out, ",\"model_version\":");
    if (wish->version[0] != '\0')
        mf_text_json(out, wish->version, strlen(wish->version));
    else
        mf_text_literal(out, "null");
    if (wish->from_cache)
        mf_text_literal(out, ",\"from_cache\":true,\"latency_ms\":");
    else
        mf_text_literal(out, ",\"from_cache\":false,\"latency_ms\":");
    mf_text_float(out, (float)latency_ms);
    if (request->timestamp.n_bytes > 0) {
        mf_text_literal(out, ",\"timestamp\":");
        write_id(out, request->timestamp);
    }
    mf_text_literal(out, "}");
}

static void write_data(mf_text *out, const mf_dead_letter *letter)
{
    /* Whole groups of base64, so that what is cut can be read. */
    enum { BYTES_MOST = MF_DEAD_LETTER_BYTES / 4 * 3 };
    const mf_id base64 = letter->record->data;
    const size_t n_bytes = letter->is_aggregated ? letter->data.n_bytes : base64.n_bytes;
    const size_t most = letter->is_aggregated ? BYTES_MOST : MF_DEAD_LETTER_BYTES;
    const size_t n = n_bytes < most ? n_bytes : most;
    mf_text_literal(out, ",\"data\":");
    if (letter->is_aggregated) {
        mf_text_literal(out, "\"");
        mf_base64_encode(out, letter->data.bytes, n);
        mf_text_literal(out, "\"");
    } else {
        mf_text_json(out, base64.bytes, n);
    }
    if (n < n_bytes)
        mf_text_literal(out, ",\"truncated\":true");
}

void mf_dead_letter_write(mf_text *out, const mf_dead_letter *letter)
{
    mf_text_literal(out, "{\"reason\":");
    write_id(out, letter->reason);
    mf_text_literal(out, ",\"sequence_number\":");
    write_id(out, letter->record->sequence_number);
    if (letter->is_aggregated) {
        mf_text_literal(out, ",\"sub_sequence_number\":");
        mf_text_count(out, letter->sub_sequence_number);
    }
    mf_text_literal(out, ",\"event_id\":");
    write_id(out, letter->record->event_id);
    mf_text_literal(out, ",\"partition_key\":");
    write_id(out, letter->record->partition_key);
    write_data(out, letter);
    mf_text_literal(out, "}");
}
