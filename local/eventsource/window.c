/* window.c: a window is known by its start in ms since 1970. Records are in order, so the first one
 * of a later window ends the open one. The state is kept as JSON text and never parsed here. */
#include "local/eventsource/window.h"

#include "base/clock.h"

static int64_t length_ms(const mf_local_window *window)
{
    return (int64_t)window->seconds * 1000;
}

static int64_t start_of(const mf_local_window *window, const mf_local_record *record)
{
    const int64_t in = record->arrived_ms % length_ms(window);
    return record->arrived_ms - in;
}

int64_t mf_local_window_end_ms(const mf_local_window *window)
{
    return window->start_ms + length_ms(window);
}

static void empty(mf_local_window *window)
{
    mf_text_clear(&window->state, 64 << 10);
    mf_text_literal(&window->state, "{}");
    window->is_too_large = false;
}

uint32_t mf_local_window_count(mf_local_window *window, const mf_local_record_queue *queue,
                               uint32_t n_most)
{
    uint32_t n = 0;
    if (!window->is_open && queue->first != NULL) {
        window->is_open = true;
        window->start_ms = start_of(window, queue->first);
        empty(window);
    }
    for (const mf_local_record *r = queue->first; r != NULL && n < n_most; r = r->next, n++)
        if (start_of(window, r) > window->start_ms)
            break;
    return n;
}

bool mf_local_window_is_over(const mf_local_window *window, const mf_local_record_queue *queue,
                             int64_t seen_empty_ms, bool has_ended)
{
    if (!window->is_open)
        return false;
    if (queue->first != NULL)
        return start_of(window, queue->first) > window->start_ms;
    return has_ended || seen_empty_ms >= mf_local_window_end_ms(window);
}

/* 2020-12-09T07:04:00Z: windows begin and end at whole seconds. */
static void write_time(mf_text *event, int64_t ms)
{
    char text[MF_CLOCK_TEXT_BYTES];
    mf_clock_text(ms, text);
    mf_text_format(event, "\"%.19sZ\"", text);
}

static void write_flag(mf_text *event, const char *name, bool value)
{
    mf_text_format(event, ",\"%s\":%s", name, value ? "true" : "false");
}

void mf_local_window_write(const mf_local_window *window, const mf_local_stream_source *source,
                           mf_local_window_call call, mf_text *event)
{
    mf_text_literal(event, ",\"window\":{\"start\":");
    write_time(event, window->start_ms);
    mf_text_literal(event, ",\"end\":");
    write_time(event, mf_local_window_end_ms(window));
    mf_text_literal(event, "},\"state\":");
    mf_text_append(event, window->state.bytes, window->state.n_bytes);
    mf_text_format(event, ",\"shardId\":\"%s\",\"eventSourceARN\":\"%s\"", source->shard_id,
                   source->stream_arn);
    write_flag(event, "isFinalInvokeForWindow", call == MF_LOCAL_WINDOW_FINAL);
    write_flag(event, "isWindowTerminatedEarly", call == MF_LOCAL_WINDOW_EARLY);
    event->failed = event->failed || window->state.failed;
}

void mf_local_window_take_state(mf_local_window *window, mf_text *state)
{
    mf_text_free(&window->state);
    window->state = *state;
    *state = MF_TEXT_EMPTY;
    window->is_too_large = window->state.n_bytes > MF_LOCAL_WINDOW_STATE_BYTES;
}

void mf_local_window_close(mf_local_window *window, mf_local_window_call call)
{
    empty(window);
    window->is_open = call == MF_LOCAL_WINDOW_EARLY;
}

void mf_local_window_free(mf_local_window *window)
{
    mf_text_free(&window->state);
}
