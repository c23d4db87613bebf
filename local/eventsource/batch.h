/* batch.h: a batch of records: when it is sent, what the function's response means, what is sent
 * again and what is discarded (docs/lambda.md, 4.1, 4.3 and 4.4).
 *
 * Sending (mf_local_batch_choose)
 * (1) A batch is sent when it has limits.n_records, when one more record would exceed
 *     limits.n_bytes, when its first record was read limits.window_s ago, or at once when no
 *     more records can join it. A single record is sent whatever its size.
 *
 * Response (mf_local_batch_result_read)
 *     {"batchItemFailures":[{"itemIdentifier":"<sequence number>"}],"state":{…}}
 * (2) A function error is failure of the whole batch. Unless the mapping takes partial
 *     responses, every other response is success.
 * (3) With partial responses: an empty one, "", null, {}, a list that is missing, null or empty
 *     are success; of several sequence numbers the first one of the batch counts; an entry
 *     without itemIdentifier, with an empty one or with one that is not of the batch makes the
 *     whole batch a failure, and so does a response of another shape.
 *     A member of that name in another case (BatchItemFailures) is ignored, with a warning.
 * (4) With a tumbling window a response without an object `state` is a failure.
 *
 * Retries (mf_local_delivery)
 * (5) A batch that fails is sent again, max_retries times (-1: for ever); then it is discarded
 *     as a whole.
 * (6) After a partial response only the records from the first failed one on are sent again.
 *     That counts as a retry, unless the mapping bisects.
 * (7) With bisect, a batch without any success is cut in halves, the first of which is sent
 *     first. Cutting counts as no retry; a single record is retried as in (5).
 *
 * Discarding (mf_local_discarded)
 * (8) What is discarded is appended to the on-failure destination, a file: one line of JSON with
 *     what Lambda sends to a destination, and the event under `payload`, as for S3. It is written
 *     at once and with one write().
 *
 * Threads: any, but (8): one. */
#ifndef MF_LOCAL_EVENTSOURCE_BATCH_H
#define MF_LOCAL_EVENTSOURCE_BATCH_H

#include "base/error.h"
#include "base/text.h"
#include "local/eventsource/record.h"

typedef struct mf_local_batch_limits {
    uint32_t n_records;
    size_t n_bytes;  /* of the records' events and the commas between them */
    double window_s; /* 0: a batch does not wait for more                  */
} mf_local_batch_limits;

/* How many of the queue's first n_eligible records go now; 0: none yet, and *wait_s is how
 * long to wait (INFINITY: until there are records). is_complete: nothing more can join. */
uint32_t mf_local_batch_choose(const mf_local_record_queue *queue, uint32_t n_eligible,
                               bool is_complete, const mf_local_batch_limits *limits, double now,
                               double *wait_s);

typedef struct mf_local_batch_request {
    const mf_local_record *first; /* of the batch; NULL without records */
    uint32_t n;
    bool takes_partial; /* ReportBatchItemFailures */
    bool in_window;
} mf_local_batch_request;

typedef struct mf_local_batch_result {
    uint32_t n_done; /* records that need not come again: n is success   */
    bool ok;         /* false with n_done == n: a call without records   */
    char why[128];   /* of a failure; of a success a warning, or ""      */
    mf_text state;   /* compact JSON, when ok or n_done > 0, in a window */
} mf_local_batch_result;

/* state is to be freed with mf_text_free. */
void mf_local_batch_result_read(const mf_local_batch_request *request, bool failed,
                                const char *payload, size_t n, mf_local_batch_result *result);

typedef struct mf_local_delivery_rules {
    int32_t max_retries;
    bool bisect;
} mf_local_delivery_rules;

typedef struct mf_local_batch_part {
    uint32_t n;
    uint32_t n_retries; /* counted ones */
    uint32_t n_calls;
} mf_local_batch_part;

/* Of 10,000 records no more than 15 parts can come. */
enum { MF_LOCAL_DELIVERY_PARTS = 16 };

typedef struct mf_local_delivery {
    mf_local_batch_part
        parts[MF_LOCAL_DELIVERY_PARTS]; /* the last one is at the head of the queue */
    uint32_t n_parts;
} mf_local_delivery;

/* What became of the records at the head of the queue. */
typedef struct mf_local_delivery_step {
    uint32_t n_delivered; /* first these */
    uint32_t n_dropped;   /* then these: discarded */
} mf_local_delivery_step;

void mf_local_delivery_start(mf_local_delivery *delivery, uint32_t n);

/* The part to send; NULL when the batch is done. */
mf_local_batch_part *mf_local_delivery_part(mf_local_delivery *delivery);

/* The part was sent and came to this. */
mf_local_delivery_step mf_local_delivery_apply(mf_local_delivery *delivery,
                                               const mf_local_delivery_rules *rules,
                                               const mf_local_batch_result *result);

/* The first n records of the part are out of the queue. */
void mf_local_delivery_cut(mf_local_delivery *delivery, uint32_t n);

typedef struct mf_local_discarded {
    const mf_local_stream_source *source;
    const char *function_arn;
    const char *request_id; /* of the last invocation; "" before the first */
    const char *condition;  /* "RetryAttemptsExhausted"     */
    bool has_function_error;
    uint32_t n_calls;
    const mf_local_record *first; /* of n */
    uint32_t n;
} mf_local_discarded;

/* The line, its end included. */
void mf_local_discarded_write(const mf_local_discarded *dropped, int64_t now_ms, mf_text *line);

/* Appends it to the file at path; "" is none. */
MF_MUST_CHECK bool mf_local_discarded_append(const char *path, const mf_text *line, mf_error *err);

#endif
