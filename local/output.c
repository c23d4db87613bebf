/* output.c: promises in output.h. */
#include "output.h"

#include "console.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { PIECE = 16 << 10 };

/* Keeps 4 KB at least and 16 at most, so that bytes move seldom. */
static void keep(mf_output *output, const char *line, size_t n)
{
    mf_text *tail = &output->tail;
    if (n > MF_OUTPUT_TAIL_BYTES) {
        line += n - MF_OUTPUT_TAIL_BYTES;
        n = MF_OUTPUT_TAIL_BYTES;
    }
    if (tail->n_bytes + n + 1 > (size_t)4 * MF_OUTPUT_TAIL_BYTES) {
        memmove(tail->bytes, tail->bytes + tail->n_bytes - MF_OUTPUT_TAIL_BYTES,
                MF_OUTPUT_TAIL_BYTES);
        tail->n_bytes = MF_OUTPUT_TAIL_BYTES;
    }
    mf_text_append(tail, line, n);
    mf_text_literal(tail, "\n");
}

static void put(mf_output *output, const char *line, size_t n)
{
    if (n > 0 && line[n - 1] == '\r')
        n--;
    mf_console_line(output->name, output->number, output->colour, line, n);
    keep(output, line, n);
}

static void take(mf_output *output, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end != NULL ? (size_t)(end - bytes) : n;
        const size_t room = MF_OUTPUT_LINE_BYTES - output->line.n_bytes;
        const bool cut = part > room;
        if (cut)
            part = room;
        if (output->line.n_bytes == 0 && end != NULL && !cut) {
            put(output, bytes, part);
        } else {
            mf_text_append(&output->line, bytes, part);
            if (end != NULL || cut) {
                put(output, output->line.bytes, output->line.n_bytes);
                mf_text_clear(&output->line, PIECE);
            }
        }
        part += end != NULL && !cut;
        bytes += part;
        n -= part;
    }
}

void mf_output_drain(mf_output *output)
{
    char piece[PIECE];
    if (output->process == NULL || output->process->output < 0)
        return;
    for (int i = 0; i < 64; i++) { /* who prints without an end does not stop the rest of us */
        const ssize_t n = read(output->process->output, piece, sizeof piece);
        if (n > 0) {
            take(output, piece, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else {
            if (n == 0 && output->readable != NULL)
                event_del(output->readable); /* it has closed its end */
            return;
        }
        if ((size_t)n < sizeof piece)
            return;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_output_drain(context);
}

bool mf_output_start(mf_output *output, struct event_base *base, mf_process *process)
{
    output->process = process;
    output->readable = event_new(base, process->output, EV_READ | EV_PERSIST, on_readable, output);
    return output->readable != NULL && event_add(output->readable, NULL) == 0;
}

void mf_output_stop(mf_output *output)
{
    if (output->readable == NULL)
        return;
    mf_output_drain(output);
    event_free(output->readable);
    output->readable = NULL;
    mf_process_close_output(output->process);
    output->process = NULL;
    if (output->line.n_bytes > 0)
        put(output, output->line.bytes, output->line.n_bytes);
    mf_text_clear(&output->line, PIECE);
}

void mf_output_free(mf_output *output)
{
    mf_output_stop(output);
    mf_text_free(&output->line);
    mf_text_free(&output->tail);
}

void mf_output_say(mf_output *output, const char *format, ...)
{
    char line[1024];
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (n < 0)
        return;
    const size_t n_line = (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (output->platform_lines)
        mf_console_line(output->name, output->number, output->colour, line, n_line);
    keep(output, line, n_line);
}

void mf_output_clear_tail(mf_output *output)
{
    mf_text_clear(&output->tail, (size_t)4 * MF_OUTPUT_TAIL_BYTES);
}
