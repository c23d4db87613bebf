/* record.h: the records of a shard that were read and not yet delivered, in order, and the event
 * that a function receives for a batch of them.
 *
 * A record is kept as the member of `Records` that it becomes (docs/lambda.md, 4.2), so the size
 * of an event is known before it is written.
 *
 * Threads: one. */
#ifndef MF_LOCAL_EVENTSOURCE_RECORD_H
#define MF_LOCAL_EVENTSOURCE_RECORD_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The source of records, as events name it. The texts are borrowed. */
typedef struct mf_local_stream_source {
    const char *stream_arn;
    const char *region;
    const char *account;
    const char *shard_id;
} mf_local_stream_source;

typedef struct mf_local_record mf_local_record;

struct mf_local_record {
    mf_local_record *next;
    int64_t arrived_ms; /* at the stream, since 1970      */
    double read_at;     /* by us, mf_clock_seconds        */
    uint32_t key_hash;  /* of the partition key           */
    size_t n_event;
    const char *event;    /* [n_event] JSON                 */
    const char *sequence; /* zero-terminated                */
};

/* A record of GetRecords; texts zero-terminated, UTF-8. */
typedef struct mf_local_record_fields {
    const char *sequence;
    const char *partition_key;
    const char *data;       /* base64               */
    const char *encryption; /* NULL: none is named  */
    double arrived;         /* seconds since 1970   */
} mf_local_record_fields;

/* NULL without memory. One block: free() it. */
MF_MUST_CHECK mf_local_record *mf_local_record_create(const mf_local_stream_source *source,
                                                      const mf_local_record_fields *fields,
                                                      double now);

typedef struct mf_local_record_queue {
    mf_local_record *first, *last;
    uint32_t n;
    size_t n_bytes; /* of events */
} mf_local_record_queue;

void mf_local_record_queue_put(mf_local_record_queue *queue, mf_local_record *record);

/* Takes the first record out; NULL when there is none. */
mf_local_record *mf_local_record_queue_take(mf_local_record_queue *queue);

void mf_local_record_queue_clear(mf_local_record_queue *queue);

/* {"Records":[…] without the last brace: members of a window may follow. first may be NULL
 * when n is 0. */
void mf_local_stream_event_write(const mf_local_record *first, uint32_t n, mf_text *event);

#endif
