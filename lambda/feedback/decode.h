/* decode.h: one record of the stream as an event: JSON with the names that training files have.
 *
 *     {"user_id":7,"item_id":2959,"rating":4.5,"timestamp":1764567890}
 *     {"userId":"7","movieId":"2959"}                an event without a rating
 *     {"user_id":7,"event":"forget"}                 the user's events go
 *
 * (1) Members are found by csv/column_names.h, as train finds its columns: of several names for one
 *     thing the first of the list is used. Other members are ignored, also weights and counts, which
 *     only training uses.
 * (2) An id is a text, or a whole number as mf_id_write_integer has it: 2, 2.0 and "2" are one id.
 * (3) A rating is a number, or a text that is one. null, "", "NaN" and no such member: the
 *     event has no rating. It is not compared with a scale: that is the model's.
 * (4) A time is what train takes: seconds, milliseconds, microseconds, nanoseconds or a date. Without
 *     one it is the arrival of the record. A later time than the arrival is the arrival's; it is
 *     "from the future" when it is later by more than MF_FEEDBACK_SLACK_MS. A member with a name
 *     that also stands for other things ("date") is ignored when it is no time.
 * (5) To forget covers everything until the arrival, whatever time the record has; the word may have
 *     any letter case. Any other "event" is a name that is ignored.
 * (6) Nothing depends on the moment of processing: a record that comes again is the same event.
 * (7) A reason quotes nothing of the record.
 *
 * Threads: one for each decoder. */
#ifndef MF_LAMBDA_FEEDBACK_DECODE_H
#define MF_LAMBDA_FEEDBACK_DECODE_H

#include "cache/feedback.h"
#include "lambda/streams/json_reader.h"

enum {
    MF_FEEDBACK_SLACK_MS = 60000,
    MF_FEEDBACK_NAMES = 16, /* of members that are remembered */
};

typedef struct mf_feedback_record {
    mf_id user;
    mf_feedback_event event; /* forgetting: time_ms alone */
    bool is_forgetting;
    bool is_from_future;
} mf_feedback_record;

/* Zeroed at first; keeps its memory from record to record. */
typedef struct mf_feedback_decoder {
    /* Internal. */
    mf_stream_json json;
    struct {
        uint8_t n_bytes, role, rank;
        char bytes[29];
    } names[MF_FEEDBACK_NAMES]; /* the last names that were met, and what they mean */
    uint32_t n_names;
    char user[MF_INTEGER_ID_BYTES], item[MF_INTEGER_ID_BYTES];
} mf_feedback_decoder;

/* Views of `data` and of the decoder, until its next record. place: among the records of an
 * aggregate. False: MF_ERR_PARSE with the reason, or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_feedback_record_read(mf_feedback_record *record, mf_feedback_decoder *decoder,
                                           mf_id data, int64_t arrival_ms, uint32_t place,
                                           mf_error *why);

void mf_feedback_decoder_free(mf_feedback_decoder *decoder);

#endif
