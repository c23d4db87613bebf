/* batcher.c: promises in batcher.h. */
#include "batcher.h"

#include <math.h>

uint32_t mf_batcher_choose(const mf_record_queue *queue, uint32_t n_eligible, bool is_complete,
                           const mf_batch_limits *limits, double now, double *wait_s)
{
    uint32_t n = 0;
    size_t n_bytes = 0;
    bool is_full = false;
    *wait_s = INFINITY;
    for (const mf_stream_record *r = queue->first; r != NULL && n < n_eligible; r = r->next) {
        n_bytes += r->n_event + (n > 0);
        if (n > 0 && n_bytes > limits->n_bytes) {
            is_full = true;
            break;
        }
        if (++n == limits->n_records) {
            is_full = true;
            break;
        }
    }
    if (n == 0)
        return 0;
    const double left_s = queue->first->read_at + limits->window_s - now;
    if (is_full || is_complete || left_s <= 0)
        return n;
    *wait_s = left_s;
    return 0;
}
