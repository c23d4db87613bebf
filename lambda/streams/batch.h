/* batch.h: the event that the event source mapping of a stream sends, and the response to it:
 * records of one shard, and in a tumbling window its limits and its state (docs/lambda.md, 4.2,
 * 4.3 and 4.4).
 *
 * (1) The event is read strictly, as lambda/runtime/invocation.h has it, but numbers that no 64 bits
 *     or no double hold are numbers (json_reader.h).
 * (2) Every record has a sequence number and data. An event with a record without them, or of another
 *     service, is rejected with the record's place. payload.h decodes the data.
 * (3) Records are in the order of their sequence numbers, each number once: of duplicates the
 *     first stays.
 * (4) Unknown members are ignored. In a window Records may be absent or null. Elsewhere such an event
 *     is rejected with the names of its members: it is one of Firehose, MSK or a test, and a success
 *     would lose its records.
 * (5) The response names the lowest record that failed and no other: Lambda sends that record and all
 *     later ones again. A record inside an aggregate fails with the number of the aggregate.
 *
 *         {"batchItemFailures":[{"itemIdentifier":"4959…"}],"state":{…}}
 *
 * (6) The response has a state when the event had a window, and only then.
 *
 * Threads: one for each batch. */
#ifndef MF_LAMBDA_STREAMS_BATCH_H
#define MF_LAMBDA_STREAMS_BATCH_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"
#include "lambda/streams/json_reader.h"

#include <string.h>

/* ------------------------------------------------------------------ sequence numbers */

/* Sequence numbers order the records of a shard. They have up to 129 decimal digits without leading
 * zeros, so they are compared by length, then digit by digit (docs/lambda.md, 4.2). */
enum {
    MF_STREAM_SEQUENCE_DIGITS = 129,
    MF_STREAM_SEQUENCE_ORDER_BYTES =
        MF_STREAM_SEQUENCE_DIGITS + 4, /* three digits of length, zero byte */
};

/* True for 1 to MF_STREAM_SEQUENCE_DIGITS digits, the first not 0 unless it is alone. */
static inline bool mf_stream_sequence_valid(mf_id number)
{
    if (number.n_bytes == 0 || number.n_bytes > MF_STREAM_SEQUENCE_DIGITS ||
        (number.bytes[0] == '0' && number.n_bytes > 1))
        return false;
    for (size_t i = 0; i < number.n_bytes; i++)
        if (number.bytes[i] < '0' || number.bytes[i] > '9')
            return false;
    return true;
}

/* Negative, 0 or positive, as a is less than, equal to or greater than b. Both are valid. */
static inline int mf_stream_sequence_compare(mf_id a, mf_id b)
{
    if (a.n_bytes != b.n_bytes)
        return a.n_bytes < b.n_bytes ? -1 : 1;
    return memcmp(a.bytes, b.bytes, a.n_bytes);
}

/* A text whose byte order is that of the numbers: "0017" for 7, "056495…". For databases that
 * compare texts. NUL-terminated; returns text. The number is valid. */
static inline char *mf_stream_sequence_order_text(mf_id number,
                                                  char text[MF_STREAM_SEQUENCE_ORDER_BYTES])
{
    text[0] = (char)('0' + number.n_bytes / 100);
    text[1] = (char)('0' + number.n_bytes / 10 % 10);
    text[2] = (char)('0' + number.n_bytes % 10);
    memcpy(text + 3, number.bytes, number.n_bytes);
    text[3 + number.n_bytes] = '\0';
    return text;
}

/* ------------------------------------------------------------------------- the event */

/* Views of the event; "" when it has no such member. */
typedef struct mf_stream_record {
    mf_id sequence_number;
    mf_id data; /* base64 */
    mf_id partition_key;
    mf_id event_id;     /* "shardId-000000000006:4959…": unique in the stream */
    int64_t arrival_ms; /* since 1970; 0: unknown */
    uint32_t place;     /* in the event's Records, from 0 */
} mf_stream_record;

/* A member of the state that the previous invocation of this window returned: a text, or a number
 * as it is written. */
typedef struct mf_stream_state_member {
    mf_id name;
    mf_id value;
} mf_stream_state_member;

/* Zeroed at first; keeps its memory from event to event. All views live until the next read, and as
 * long as the event. */
typedef struct mf_stream_batch {
    mf_stream_record *records; /* [n_records] */
    size_t n_records;
    size_t n_repeated; /* records that were there twice and are left out */
    mf_id stream;      /* ARN; of the event, else of the first record */
    mf_id shard_id;    /* of the event, else from the first record's event_id */

    bool has_window;
    mf_id window_start, window_end; /* 2020-12-09T07:04:00Z */
    bool is_final;
    bool is_terminated_early;
    mf_stream_state_member *state; /* [n_state] */
    size_t n_state;

    /* Internal. */
    mf_id stream_of_first; /* ARN of the first record */
    size_t records_capacity, state_capacity;
    mf_stream_json json;
} mf_stream_batch;

/* False: MF_ERR_PARSE with the place ("event: Records[3].kinesis.data is missing"), or
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_stream_batch_read(mf_stream_batch *batch, const char *event, size_t n_event,
                                        mf_error *err);

void mf_stream_batch_free(mf_stream_batch *batch);

/* ---------------------------------------------------------------------- the response */

/* Zeroed: no record failed, no window. */
typedef struct mf_stream_response {
    mf_id lowest_failed;  /* sequence number; empty: none */
    const mf_text *state; /* a JSON object; NULL: there is no window */
} mf_stream_response;

/* Notes that the record, or one in it, failed and has to come again. */
void mf_stream_response_fail(mf_stream_response *response, const mf_stream_record *record);

/* Appends the response to *text. */
void mf_stream_response_write(const mf_stream_response *response, mf_text *text);

/* What a batch left undone, as lines of the log, one each unless its reason is MF_OK: records that have
 * to come again (WARN, "come_again"), and dead letters that their stream will never take (ERROR,
 * "dead_letters_lost"). */
void mf_stream_log_undone(size_t n_failed, const mf_error *failure, size_t n_dead_lost,
                          const mf_error *dead_failure);

#endif
