/* console.h: what a person sees of the functions: their lines, each with a tag.
 *
 *     predict/1 | START RequestId: 6c4f… Version: $LATEST
 *     predict/1 | {"timestamp":"…","level":"INFO","message":"…"}
 *
 * Lines go to standard output, many at once: when a pass of the event loop is over, or
 * when there are a lot of them. At a terminal the tag has a colour for each function.
 *
 * Threads: one. */
#ifndef MF_LOCAL_CONSOLE_H
#define MF_LOCAL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;

/* False without memory. */
bool mf_console_open(struct event_base *base);

/* Writes what is left. */
void mf_console_close(void);

/* One line, without its end. colour counts from 0. */
void mf_console_line(const char *name, unsigned number, unsigned colour, const char *line,
                     size_t n_line);

#endif
