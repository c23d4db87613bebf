/* batch_outcome.h: what a function's answer to a batch means (docs/lambda.md, 4.3 and 4.4).
 *
 *     {"batchItemFailures":[{"itemIdentifier":"<sequence number>"}],"state":{…}}
 *
 * (1) A function error is failure of the whole batch.
 * (2) Unless the mapping takes partial answers, every other answer is success.
 * (3) With partial answers: nothing, "", null, {}, a list that is missing, null or empty are
 *     success; of several sequence numbers the first one of the batch counts; an entry
 *     without itemIdentifier, with an empty one or with one that is not of the batch makes
 *     the whole a failure, and so does an answer of another shape.
 * (4) With a tumbling window an answer without an object `state` is a failure.
 *
 * Threads: any. */
#ifndef MF_LOCAL_BATCH_OUTCOME_H
#define MF_LOCAL_BATCH_OUTCOME_H

#include "base/text.h"
#include "stream_record.h"

typedef struct mf_batch_asked {
    const mf_stream_record *first; /* of the batch; NULL without records */
    uint32_t n;
    bool takes_partial; /* ReportBatchItemFailures */
    bool in_window;
} mf_batch_asked;

typedef struct mf_batch_outcome {
    uint32_t n_done; /* records that need not come again: n is success   */
    bool ok;         /* false with n_done == n: a call without records   */
    char why[128];   /* of a failure; "" for success                     */
    mf_text state;   /* compact JSON, when ok or n_done > 0, in a window */
} mf_batch_outcome;

/* state is to be freed with mf_text_free. */
void mf_batch_outcome_read(const mf_batch_asked *asked, bool failed, const char *payload, size_t n,
                           mf_batch_outcome *outcome);

#endif
