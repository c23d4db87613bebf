/* dead_letter.h: a user record that can never be processed: as a record of another stream, and as a
 * line of the log.
 *
 *     {"reason":"request_id is missing","sequence_number":"4959…","event_id":"shardId-…",
 *      "partition_key":"7","data":"eyJ1c2VyX2lkIjo3fQ=="}
 *
 * sub_sequence_number is there when the record was part of an aggregate; data is base64, cut
 * to MF_STREAM_DEAD_LETTER_BYTES with "truncated":true.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_STREAMS_DEAD_LETTER_H
#define MF_LAMBDA_STREAMS_DEAD_LETTER_H

#include "lambda/streams/batch.h"

enum { MF_STREAM_DEAD_LETTER_BYTES = 900000 /* of base64; a record of Kinesis has 1 MiB */ };

typedef struct mf_stream_dead_letter {
    const mf_stream_record *record;
    bool is_aggregated;
    uint32_t sub_sequence_number;
    mf_id data; /* of a record in an aggregate; otherwise it is the record's own, as base64 */
    mf_id reason;
} mf_stream_dead_letter;

void mf_stream_dead_letter_write(mf_text *out, const mf_stream_dead_letter *letter);

/* The partition key of the dead letter: the record's, or another one when it has none. */
mf_id mf_stream_dead_letter_key(const mf_stream_record *record);

/* One line (WARN, "dead_letter") with sequence number and reason, without the record's content. */
void mf_stream_dead_letter_log(const mf_stream_dead_letter *letter);

#endif
