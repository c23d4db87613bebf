/* batcher.h: when a batch goes out, and with how many records (docs/lambda.md, 4.1).
 *
 * (1) A batch goes out when it has limits.n_records, when one more record would exceed
 *     limits.n_bytes, when its first record was read limits.window_s ago, or at once when
 *     nothing more can join it.
 * (2) A single record goes out whatever its size.
 *
 * Threads: any. */
#ifndef MF_LOCAL_BATCHER_H
#define MF_LOCAL_BATCHER_H

#include "stream_record.h"

typedef struct mf_batch_limits {
    uint32_t n_records;
    size_t n_bytes;  /* of the records' events and the commas between them */
    double window_s; /* 0: whatever is there goes                          */
} mf_batch_limits;

/* How many of the queue's first n_eligible records go now; 0: none yet, and *wait_s is how
 * long to wait (INFINITY: until there are records). is_complete: nothing more can join. */
uint32_t mf_batcher_choose(const mf_record_queue *queue, uint32_t n_eligible, bool is_complete,
                           const mf_batch_limits *limits, double now, double *wait_s);

#endif
