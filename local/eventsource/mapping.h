/* mapping.h: an event source mapping: a Kinesis stream and the function that gets its
 * records, as Lambda maps one to the other (docs/lambda.md, 4.1 to 4.4).
 *
 * (1) A shard is read when its parents are done (shard.h) or no longer exist, so
 *     records of a key keep their order over a resharding.
 * (2) The shards that the stream has when the mapping first sees it are read from
 *     StartingPosition, those that come later from their beginning.
 * (3) The mapping waits for a stream that does not exist. When a stream is deleted, the records
 *     read of it are discarded; a new stream of that name is read from its beginning.
 * (4) The position of a mapping is kept in memory only: after a restart it begins at
 *     StartingPosition again.
 * (5) Every 10 s in which something happened, and at the end, a line "mapping" in the log has
 *     counts since the start and `iterator_age_ms`, the largest age that the last record of a
 *     batch had when it was sent, since the line before.
 *
 * Threads: one. */
#ifndef MF_LOCAL_EVENTSOURCE_MAPPING_H
#define MF_LOCAL_EVENTSOURCE_MAPPING_H

#include "base/error.h"
#include "local/local_settings.h"
#include "local/runtime/function.h"

struct event_base;

typedef struct mf_local_mapping mf_local_mapping;

/* NULL and MF_ERR_MEMORY. Begins with the event loop. settings and function must outlive it. */
MF_MUST_CHECK mf_local_mapping *mf_local_mapping_open(struct event_base *base,
                                                      const mf_local_settings *settings,
                                                      uint32_t index, mf_local_function *function,
                                                      mf_error *err);

/* Before the function. NULL is fine. */
void mf_local_mapping_close(mf_local_mapping *mapping);

/* Nothing new is read or sent. */
void mf_local_mapping_stop(mf_local_mapping *mapping);

#endif
