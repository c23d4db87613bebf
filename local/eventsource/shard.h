/* shard.h: reads one shard and spreads its records over sub-queues.
 *
 * (1) Polls at once while there is more, else every poll_s of the settings. Reads no
 *     further while its sub-queues hold MF_LOCAL_SHARD_RECORDS records or MF_LOCAL_SHARD_BYTES.
 * (2) An iterator that is too old (ExpiredIteratorException) is replaced by one that follows the
 *     last record read: no record is read twice, none is skipped.
 * (3) A call that fails is made again after 0.1 s, then twice as much each time, up to 5 s;
 *     the first failure of a row and its end are lines in the log.
 * (4) It is done when the shard is closed, read to its end, and its sub-queues are empty.
 * (5) When the stream no longer exists it reports that once and stops.
 *
 * Threads: one. */
#ifndef MF_LOCAL_EVENTSOURCE_SHARD_H
#define MF_LOCAL_EVENTSOURCE_SHARD_H

#include "base/error.h"
#include "local/eventsource/kinesis.h"
#include "local/eventsource/sub_queue.h"

enum { MF_LOCAL_SHARD_RECORDS = 20000, MF_LOCAL_SHARD_BYTES = 32 << 20 };

typedef enum mf_local_shard_event {
    MF_LOCAL_SHARD_DONE,
    MF_LOCAL_SHARD_STREAM_GONE
} mf_local_shard_event;

/* What the shards of a mapping have in common. */
typedef struct mf_local_shard_context {
    struct event_base *base;
    const mf_local_settings *settings;
    const mf_local_mapping_settings *mapping;
    mf_local_function *function;
    mf_local_mapping_counts *counts;
    /* May not close the shard from within. */
    void (*on_event)(void *context, mf_local_shard_event news);
    void *context;
} mf_local_shard_context;

typedef struct mf_local_shard mf_local_shard;

/* Starts reading at position (and settings->mapping's timestamp). NULL without memory. */
MF_MUST_CHECK mf_local_shard *mf_local_shard_open(const mf_local_shard_context *context,
                                                  const char *id,
                                                  mf_local_starting_position position);

void mf_local_shard_close(mf_local_shard *shard);

bool mf_local_shard_is_done(const mf_local_shard *shard);

#endif
