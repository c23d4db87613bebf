/* stream_event.c: promises in stream_event.h. */
#include "stream_event.h"

void mf_stream_event_write(const mf_stream_record *first, uint32_t n, mf_text *event)
{
    size_t n_bytes = 64;
    const mf_stream_record *record = first;
    for (uint32_t i = 0; i < n; i++, record = record->next)
        n_bytes += record->n_event + 1;
    mf_text_reserve(event, n_bytes);
    mf_text_literal(event, "{\"Records\":[");
    record = first;
    for (uint32_t i = 0; i < n; i++, record = record->next) {
        if (i > 0)
            mf_text_literal(event, ",");
        mf_text_append(event, record->event, record->n_event);
    }
    mf_text_literal(event, "]");
}
