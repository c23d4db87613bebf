/* stream_event.h: the event that a function gets for a batch of records.
 *
 * Threads: any. */
#ifndef MF_LOCAL_STREAM_EVENT_H
#define MF_LOCAL_STREAM_EVENT_H

#include "base/text.h"
#include "stream_record.h"

/* {"Records":[…] without the last brace: members of a window may follow. first may be NULL
 * when n is 0. */
void mf_stream_event_write(const mf_stream_record *first, uint32_t n, mf_text *event);

#endif
