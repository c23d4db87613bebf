/* delivery.h: a batch on its way: what is sent again, in which parts, and what is given up
 * (docs/lambda.md, 4.1 and 4.3). The records stay at the head of their queue meanwhile; this
 * counts them.
 *
 * (1) A batch that fails is sent again, max_retries times (-1: for ever); then it is given
 *     up whole.
 * (2) A partial answer: only the records from the first failed one on are sent again. The
 *     repetition counts as a retry, unless the mapping bisects.
 * (3) With bisect, a batch of which nothing went well is cut in halves, the first of which is
 *     sent first. Cutting counts as no retry; a single record is retried as in (1).
 *
 * Threads: any. */
#ifndef MF_LOCAL_DELIVERY_H
#define MF_LOCAL_DELIVERY_H

#include "batch_outcome.h"

typedef struct mf_delivery_rules {
    int32_t max_retries;
    bool bisect;
} mf_delivery_rules;

typedef struct mf_batch_part {
    uint32_t n;
    uint32_t n_retries; /* counted ones */
    uint32_t n_calls;
} mf_batch_part;

/* Of 10,000 records no more than 15 parts can come. */
enum { MF_DELIVERY_PARTS = 16 };

typedef struct mf_delivery {
    mf_batch_part parts[MF_DELIVERY_PARTS]; /* the last one is at the head of the queue */
    uint32_t n_parts;
} mf_delivery;

/* What became of the records at the head of the queue. */
typedef struct mf_delivery_step {
    uint32_t n_delivered; /* first these */
    uint32_t n_dropped;   /* then these: given up */
} mf_delivery_step;

void mf_delivery_start(mf_delivery *delivery, uint32_t n);

/* The part to send; NULL when the batch is through. */
mf_batch_part *mf_delivery_part(mf_delivery *delivery);

/* The part was sent and came to this. */
mf_delivery_step mf_delivery_apply(mf_delivery *delivery, const mf_delivery_rules *rules,
                                   const mf_batch_outcome *outcome);

/* The first n records of the part are out of the queue. */
void mf_delivery_cut(mf_delivery *delivery, uint32_t n);

#endif
