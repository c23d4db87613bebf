/* user_events.h: what a user did last, on its way from where it is kept (cache/feedback.h) to where
 * lists are computed (inference/inference.h).
 *
 * Threads: a value. */
#ifndef MF_BASE_USER_EVENTS_H
#define MF_BASE_USER_EVENTS_H

#include "base/id_list.h"
#include "base/memory.h"

typedef struct mf_user_event {
    mf_id item;
    float rating; /* finite; NAN: an event without a rating */
} mf_user_event;

/* The newest first, each item once. One block of memory, with the ids; zeroed: there are none. */
typedef struct mf_user_events {
    mf_user_event *events; /* [n] */
    size_t n;
} mf_user_events;

static inline void mf_user_events_free(mf_user_events *events)
{
    mf_free(events->events);
    *events = (mf_user_events){.n = 0};
}

#endif
