/* batch.h: the event that a stream's mapping hands over: records of one shard, and in a
 * tumbling window what is known of it (docs/lambda.md, 4.2 and 4.4.1).
 *
 * (1) The event is read strictly, as lambda/runtime/invocation.h has it, whichever way it is read:
 *     plain events by plain.h, all others by jansson (fuzz_streams_batch holds the one to the
 *     other).
 * (2) Every record has a sequence number (sequence.h) and data; an event with one that has
 *     not, or that is not Kinesis', is refused with its place. Whether the data are base64 is
 *     payload.h's question.
 * (3) Records come in the order of their sequence numbers, each number once: the first of
 *     those that are equal stays. An order that was another one before does not show.
 * (4) Unknown members are passed over. Without Records, or with null, there are none.
 *
 * Threads: one for each batch. */
#ifndef MF_LAMBDA_STREAMS_BATCH_H
#define MF_LAMBDA_STREAMS_BATCH_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"

/* Views, "" when the event does not say. */
typedef struct mf_stream_record {
    mf_id sequence_number;
    mf_id data; /* base64 */
    mf_id partition_key;
    mf_id event_id;     /* "shardId-000000000006:4959…": unique in the stream */
    int64_t arrival_ms; /* since 1970; 0 when not told */
    uint32_t place;     /* in the event's Records, from 0 */
} mf_stream_record;

/* What an earlier invocation of this window left behind: texts and numbers, the latter as
 * they are written. */
typedef struct mf_stream_state_member {
    mf_id name;
    mf_id value;
} mf_stream_state_member;

/* Zeroed at first; keeps its memory from event to event. All views are of the event's bytes
 * or the batch's own and live until it is read again. */
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

    /* The reader's own. */
    size_t records_room, state_room;
    struct json_t *root; /* jansson's; NULL when the event was plain */
    mf_text numbers;     /* of the state, when jansson read it */
} mf_stream_batch;

/* False: MF_ERR_PARSE with the place ("event: Records[3].kinesis.data is missing"), or
 * MF_ERR_MEMORY. */
bool mf_stream_batch_read(mf_stream_batch *batch, const char *event, size_t n_event, mf_error *err);

/* Which of the two ways it was read; for tests and figures. */
static inline bool mf_stream_batch_was_plain(const mf_stream_batch *batch)
{
    return batch->root == NULL;
}

void mf_stream_batch_free(mf_stream_batch *batch);

#endif
