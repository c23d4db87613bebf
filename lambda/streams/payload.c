/* payload.c: decodes base64 once or twice, then deaggregates or unpacks. */
#include "lambda/streams/payload.h"

#include "base/base64.h"
#include "sagemaker/packed.h"

enum { BYTES_KEPT = 2 << 20 };

static bool is_base64_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Without the line ends, as a view of data or of *joined; empty when there is another byte. */
static mf_id without_line_ends(mf_id data, mf_text *joined)
{
    const char *end = data.bytes + data.n_bytes;
    while (end > data.bytes && is_line_end(end[-1]))
        end--;
    const char *at = data.bytes;
    while (at < end && is_base64_digit(*at))
        at++;
    if (at == end)
        return (mf_id){data.bytes, (size_t)(end - data.bytes)};
    if (!is_line_end(*at))
        return (mf_id){"", 0};
    mf_text_clear(joined, BYTES_KEPT);
    mf_text_append(joined, data.bytes, (size_t)(at - data.bytes));
    for (; at < end; at++) {
        if (is_base64_digit(*at))
            mf_text_append(joined, at, 1);
        else if (!is_line_end(*at))
            return (mf_id){"", 0};
    }
    return joined->failed ? (mf_id){"", 0} : (mf_id){joined->bytes, joined->n_bytes};
}

static mf_id without_byte_order_mark(mf_id data)
{
    const size_t n = data.n_bytes >= 3 && memcmp(data.bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return (mf_id){data.bytes + n, data.n_bytes - n};
}

/* True when the text begins as an object, a list, an aggregate or gzip. */
static bool is_worth_unwrapping(const mf_text *text)
{
    const mf_id data = without_byte_order_mark((mf_id){text->bytes, text->n_bytes});
    const char *at = data.bytes;
    const char *end = at + data.n_bytes;
    if (mf_stream_kpl_begins(at, data.n_bytes) || mf_packed_is_gzip(at, data.n_bytes))
        return true;
    while (at < end && (*at == ' ' || *at == '\t' || is_line_end(*at)))
        at++;
    return at < end && (*at == '{' || *at == '[');
}

/* data, or the bytes that they encode as base64, which are then in *unwrapped. */
static mf_id unwrap(mf_id data, mf_text *unwrapped, mf_text *joined)
{
    if (data.n_bytes < 4 || !is_base64_digit(data.bytes[0]))
        return data;
    const mf_id base64 = without_line_ends(data, joined);
    mf_text_clear(unwrapped, BYTES_KEPT);
    if (base64.n_bytes == 0 || !mf_base64_decode(unwrapped, base64.bytes, base64.n_bytes) ||
        !is_worth_unwrapping(unwrapped))
        return data;
    return (mf_id){unwrapped->bytes, unwrapped->n_bytes};
}

bool mf_stream_payload_open(mf_stream_payload *payload, const mf_stream_record *record,
                            mf_error *why)
{
    payload->at = payload->n = 0;
    mf_text_clear(&payload->bytes, BYTES_KEPT);
    if (!mf_base64_decode(&payload->bytes, record->data.bytes, record->data.n_bytes)) {
        if (payload->bytes.failed)
            return mf_fail(why, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a record's data");
        return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE, "its data are not base64");
    }
    const mf_id bytes = {payload->bytes.n_bytes > 0 ? payload->bytes.bytes : "",
                         payload->bytes.n_bytes};
    payload->data = unwrap(bytes, &payload->unwrapped, &payload->joined);
    if (mf_packed_is_gzip(payload->data.bytes, payload->data.n_bytes)) {
        mf_text_clear(&payload->unpacked, BYTES_KEPT);
        if (!mf_packed_append(&payload->unpacked, payload->data.bytes, payload->data.n_bytes,
                              "gzip", MF_STREAM_UNPACKED_BYTES, why)) {
            if (why->code == MF_ERR_LIMIT)
                why->code = MF_ERR_FORMAT; /* it can never be read either */
            return false;
        }
        payload->data = (mf_id){payload->unpacked.n_bytes > 0 ? payload->unpacked.bytes : "",
                                payload->unpacked.n_bytes};
    }
    payload->partition_key = record->partition_key;
    const mf_stream_kpl_kind kind =
        mf_stream_kpl_read(&payload->kpl, payload->data.bytes, payload->data.n_bytes, why);
    if (kind == MF_STREAM_KPL_MALFORMED)
        return false;
    if (kind == MF_STREAM_KPL_NO_AGGREGATE &&
        mf_stream_kpl_begins(payload->data.bytes, payload->data.n_bytes))
        return mf_fail(
            why, MF_ERR_FORMAT, MF_NOWHERE,
            "it begins as an aggregate of the KPL, but its MD5 or its message is damaged");
    payload->data = without_byte_order_mark(payload->data);
    payload->is_aggregate = kind == MF_STREAM_KPL_AGGREGATE;
    payload->n = payload->is_aggregate ? payload->kpl.n_records : 1;
    return true;
}

bool mf_stream_payload_next(mf_stream_payload *payload, mf_stream_user_record *user_record)
{
    if (payload->at == payload->n)
        return false;
    const size_t at = payload->at++;
    if (!payload->is_aggregate) {
        *user_record = (mf_stream_user_record){.data = payload->data,
                                               .partition_key = payload->partition_key,
                                               .explicit_hash_key = {"", 0}};
        return true;
    }
    const mf_stream_kpl_record *record = &payload->kpl.records[at];
    *user_record = (mf_stream_user_record){
        .data = without_byte_order_mark(unwrap(record->data, &payload->inner, &payload->joined)),
        .partition_key = record->partition_key,
        .explicit_hash_key = record->explicit_hash_key,
        .has_explicit_hash_key = record->has_explicit_hash_key,
        .is_aggregated = true,
        .sub_sequence_number = (uint32_t)at,
    };
    return true;
}

void mf_stream_payload_free(mf_stream_payload *payload)
{
    mf_stream_kpl_free(&payload->kpl);
    mf_text_free(&payload->bytes);
    mf_text_free(&payload->unwrapped);
    mf_text_free(&payload->inner);
    mf_text_free(&payload->joined);
    mf_text_free(&payload->unpacked);
    *payload = (mf_stream_payload){.n = 0};
}
