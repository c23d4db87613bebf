/* window.h: a tumbling window of one shard (docs/lambda.md, 4.4).
 *
 * (1) A record belongs to the window [k·seconds, (k + 1)·seconds) of its arrival, k counted
 *     from 1970; one that arrived before the open window counts to the open one.
 * (2) A window opens with its first record, with the state {}. It is over when the next
 *     record is of a later one; when the shard was looked at after the window's end and had
 *     nothing more; and when the shard ends.
 * (3) A state above MF_LOCAL_WINDOW_STATE_BYTES ends it early: a call with isWindowTerminatedEarly
 *     takes the state, and the same window continues with {}.
 *
 * Threads: any. */
#ifndef MF_LOCAL_EVENTSOURCE_WINDOW_H
#define MF_LOCAL_EVENTSOURCE_WINDOW_H

#include "base/text.h"
#include "local/eventsource/record.h"

enum { MF_LOCAL_WINDOW_STATE_BYTES = 1 << 20 };

typedef struct mf_local_window {
    uint32_t seconds; /* 0: there are no windows */
    bool is_open;
    bool is_too_large; /* the state: it has to be taken away early */
    int64_t start_ms;
    mf_text state;
} mf_local_window;

/* How many of the queue's first n_most records belong to the open window; opens one for the
 * first record if none is open. */
uint32_t mf_local_window_count(mf_local_window *window, const mf_local_record_queue *queue,
                               uint32_t n_most);

/* Whether the open window is over. seen_empty_ms: when (since 1970) the shard was last read and
 * had nothing more; has_ended: there will never be more. */
bool mf_local_window_is_over(const mf_local_window *window, const mf_local_record_queue *queue,
                             int64_t seen_empty_ms, bool has_ended);

int64_t mf_local_window_end_ms(const mf_local_window *window);

typedef enum mf_local_window_call {
    MF_LOCAL_WINDOW_GOES_ON,
    MF_LOCAL_WINDOW_FINAL,
    MF_LOCAL_WINDOW_EARLY
} mf_local_window_call;

/* The members of an event, each with a comma in front. */
void mf_local_window_write(const mf_local_window *window, const mf_local_stream_source *source,
                           mf_local_window_call call, mf_text *event);

/* The function's new state after records, which is moved out of *state. */
void mf_local_window_take_state(mf_local_window *window, mf_text *state);

/* After the final or early call. */
void mf_local_window_close(mf_local_window *window, mf_local_window_call call);

void mf_local_window_free(mf_local_window *window);

#endif
