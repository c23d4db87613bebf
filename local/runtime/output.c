/* output.c: one text of lines for standard output, written when the loop's pass ends, and for each
 * environment an unfinished line and the tail of the log.
 *
 * The tail grows to four times its size before it is cut, so that bytes move seldom. */
#include "local/runtime/output.h"

#include "base/text.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { MANY = 64 << 10 };

static mf_text lines;
static struct event *flusher;
static bool in_colour;

static void flush(void)
{
    size_t at = 0;
    while (at < lines.n_bytes) {
        const ssize_t n = write(STDOUT_FILENO, lines.bytes + at, lines.n_bytes - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (errno == EAGAIN) {
            /* Standard output may have been made non-blocking by its owner. */
            struct pollfd full = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&full, 1, -1);
        } else if (errno != EINTR) {
            break; /* the reader of standard output is gone */
        }
    }
    mf_text_clear(&lines, (size_t)2 * MANY);
}

static void on_pass_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    flush();
}

bool mf_local_console_open(struct event_base *base)
{
    in_colour = isatty(STDOUT_FILENO) == 1;
    lines = MF_TEXT_EMPTY;
    flusher = event_new(base, -1, 0, on_pass_over, NULL);
    return flusher != NULL;
}

void mf_local_console_close(void)
{
    flush();
    mf_text_free(&lines);
    if (flusher != NULL)
        event_free(flusher);
    flusher = NULL;
}

/* Prints a line, which has no end yet, with the tag of its environment. */
static void print(const mf_local_output *output, const char *line, size_t n_line)
{
    static const char colours[][8] = {"\033[36m", "\033[32m", "\033[35m", "\033[33m", "\033[34m"};
    if (lines.n_bytes == 0)
        event_active(flusher, 0, 0);
    if (in_colour) {
        const char *start = colours[output->colour % (sizeof colours / sizeof colours[0])];
        mf_text_append(&lines, start, strlen(start));
    }
    mf_text_append(&lines, output->name, strlen(output->name));
    mf_text_literal(&lines, "/");
    mf_text_count(&lines, output->number);
    mf_text_literal(&lines, " | ");
    if (in_colour)
        mf_text_literal(&lines, "\033[0m");
    mf_text_append(&lines, line, n_line);
    mf_text_literal(&lines, "\n");
    if (lines.n_bytes > MANY || lines.failed)
        flush();
}

enum { PIECE = 16 << 10 };

/* Keeps 4 KB at least and 16 at most, so that bytes move seldom. */
static void keep(mf_local_output *output, const char *line, size_t n)
{
    mf_text *tail = &output->tail;
    if (n > MF_LOCAL_OUTPUT_TAIL_BYTES) {
        line += n - MF_LOCAL_OUTPUT_TAIL_BYTES;
        n = MF_LOCAL_OUTPUT_TAIL_BYTES;
    }
    if (tail->n_bytes + n + 1 > (size_t)4 * MF_LOCAL_OUTPUT_TAIL_BYTES) {
        memmove(tail->bytes, tail->bytes + tail->n_bytes - MF_LOCAL_OUTPUT_TAIL_BYTES,
                MF_LOCAL_OUTPUT_TAIL_BYTES);
        tail->n_bytes = MF_LOCAL_OUTPUT_TAIL_BYTES;
    }
    mf_text_append(tail, line, n);
    mf_text_literal(tail, "\n");
}

static void put(mf_local_output *output, const char *line, size_t n)
{
    if (n > 0 && line[n - 1] == '\r')
        n--;
    print(output, line, n);
    keep(output, line, n);
}

static void take(mf_local_output *output, const char *bytes, size_t n)
{
    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end != NULL ? (size_t)(end - bytes) : n;
        const size_t capacity = MF_LOCAL_OUTPUT_LINE_BYTES - output->line.n_bytes;
        const bool cut = part > capacity;
        if (cut)
            part = capacity;
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

void mf_local_output_drain(mf_local_output *output)
{
    char piece[PIECE];
    if (output->process == NULL || output->process->output < 0)
        return;
    for (int i = 0; i < 64; i++) { /* endless output must not block the loop */
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
    mf_local_output_drain(context);
}

bool mf_local_output_start(mf_local_output *output, struct event_base *base,
                           mf_local_process *process)
{
    output->process = process;
    output->readable = event_new(base, process->output, EV_READ | EV_PERSIST, on_readable, output);
    return output->readable != NULL && event_add(output->readable, NULL) == 0;
}

void mf_local_output_stop(mf_local_output *output)
{
    if (output->readable == NULL)
        return;
    mf_local_output_drain(output);
    event_free(output->readable);
    output->readable = NULL;
    mf_local_process_close_output(output->process);
    output->process = NULL;
    if (output->line.n_bytes > 0)
        put(output, output->line.bytes, output->line.n_bytes);
    mf_text_clear(&output->line, PIECE);
}

void mf_local_output_free(mf_local_output *output)
{
    mf_local_output_stop(output);
    mf_text_free(&output->line);
    mf_text_free(&output->tail);
}

void mf_local_output_platform_line(mf_local_output *output, const char *format, ...)
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
        print(output, line, n_line);
    keep(output, line, n_line);
}

void mf_local_output_clear_tail(mf_local_output *output)
{
    mf_text_clear(&output->tail, (size_t)4 * MF_LOCAL_OUTPUT_TAIL_BYTES);
}
