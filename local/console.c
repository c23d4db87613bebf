/* console.c: promises in console.h. */
#include "console.h"

#include "base/text.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
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
            /* Somebody gave us a standard output that does not block. */
            struct pollfd full = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&full, 1, -1);
        } else if (errno != EINTR) {
            break; /* nobody reads us any more */
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

bool mf_console_open(struct event_base *base)
{
    in_colour = isatty(STDOUT_FILENO) == 1;
    lines = MF_TEXT_EMPTY;
    flusher = event_new(base, -1, 0, on_pass_over, NULL);
    return flusher != NULL;
}

void mf_console_close(void)
{
    flush();
    mf_text_free(&lines);
    if (flusher != NULL)
        event_free(flusher);
    flusher = NULL;
}

void mf_console_line(const char *name, unsigned number, unsigned colour, const char *line,
                     size_t n_line)
{
    static const char colours[][8] = {"\033[36m", "\033[32m", "\033[35m", "\033[33m", "\033[34m"};
    if (lines.n_bytes == 0)
        event_active(flusher, 0, 0);
    if (in_colour) {
        const char *start = colours[colour % (sizeof colours / sizeof colours[0])];
        mf_text_append(&lines, start, strlen(start));
    }
    mf_text_append(&lines, name, strlen(name));
    mf_text_literal(&lines, "/");
    mf_text_count(&lines, number);
    mf_text_literal(&lines, " | ");
    if (in_colour)
        mf_text_literal(&lines, "\033[0m");
    mf_text_append(&lines, line, n_line);
    mf_text_literal(&lines, "\n");
    if (lines.n_bytes > MANY || lines.failed)
        flush();
}
