/* dead_letter.c: the JSON of a dead letter and its line of the log. */
#include "lambda/streams/dead_letter.h"

#include "base/base64.h"
#include "base/log.h"

static void write_text(mf_text *out, mf_id text)
{
    mf_text_json(out, text.bytes, text.n_bytes);
}

static void write_data(mf_text *out, const mf_stream_dead_letter *letter)
{
    /* Whole groups of base64, so that the cut text can be decoded. */
    enum { BYTES_MOST = MF_STREAM_DEAD_LETTER_BYTES / 4 * 3 };
    const mf_id base64 = letter->record->data;
    const size_t n_bytes = letter->is_aggregated ? letter->data.n_bytes : base64.n_bytes;
    const size_t most = letter->is_aggregated ? BYTES_MOST : MF_STREAM_DEAD_LETTER_BYTES;
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

void mf_stream_dead_letter_write(mf_text *out, const mf_stream_dead_letter *letter)
{
    mf_text_literal(out, "{\"reason\":");
    write_text(out, letter->reason);
    mf_text_literal(out, ",\"sequence_number\":");
    write_text(out, letter->record->sequence_number);
    if (letter->is_aggregated) {
        mf_text_literal(out, ",\"sub_sequence_number\":");
        mf_text_count(out, letter->sub_sequence_number);
    }
    mf_text_literal(out, ",\"event_id\":");
    write_text(out, letter->record->event_id);
    mf_text_literal(out, ",\"partition_key\":");
    write_text(out, letter->record->partition_key);
    write_data(out, letter);
    mf_text_literal(out, "}");
}

mf_id mf_stream_dead_letter_key(const mf_stream_record *record)
{
    return record->partition_key.n_bytes > 0 ? record->partition_key : record->sequence_number;
}

void mf_stream_dead_letter_log(const mf_stream_dead_letter *letter)
{
    char text[MF_ERROR_TEXT_BYTES];
    const mf_id number = letter->record->sequence_number;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "dead_letter");
    mf_log_text(&line, "sequence_number",
                mf_printable(text, sizeof text, number.bytes, number.n_bytes));
    if (letter->is_aggregated)
        mf_log_count(&line, "sub_sequence_number", letter->sub_sequence_number);
    mf_log_text(&line, "reason",
                mf_printable(text, sizeof text, letter->reason.bytes, letter->reason.n_bytes));
    mf_log_end(&line);
}
