/* output.h: what the functions' processes print, line by line, with a tag, on standard output:
 *
 *     predict/1 | START RequestId: 6c4f… Version: $LATEST
 *     predict/1 | {"timestamp":"…","level":"INFO","message":"…"}
 *
 * The last 4 KB of an invocation are kept for X-Amz-Log-Type: Tail. A line of more than
 * MF_LOCAL_OUTPUT_LINE_BYTES (CloudWatch's limit of an event) is cut in several.
 *
 * Lines are written many at once: at the end of a pass of the event loop, or when there are a
 * lot of them. At a terminal the tag has a colour for each function.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_OUTPUT_H
#define MF_LOCAL_RUNTIME_OUTPUT_H

#include "base/error.h"
#include "base/text.h"
#include "local/runtime/process.h"

#include <stdbool.h>
#include <stddef.h>

struct event;
struct event_base;

/* False without memory. */
MF_MUST_CHECK bool mf_local_console_open(struct event_base *base);

/* Writes what is left. */
void mf_local_console_close(void);

enum { MF_LOCAL_OUTPUT_LINE_BYTES = 256 << 10, MF_LOCAL_OUTPUT_TAIL_BYTES = 4096 };

typedef struct mf_local_output {
    const char *name; /* of the function */
    unsigned number;  /* of the environment */
    unsigned colour;
    bool platform_lines; /* print START, END, REPORT too */
    mf_local_process *process;
    struct event *readable;
    mf_text line; /* that has no end yet */
    mf_text tail;
} mf_local_output;

/* Reads from process->output from now on. False without memory. */
MF_MUST_CHECK bool mf_local_output_start(mf_local_output *output, struct event_base *base,
                                         mf_local_process *process);

/* Reads what the process has printed so far: what it printed before it responded to an event
 * precedes the event's END in the log. */
void mf_local_output_drain(mf_local_output *output);

/* Takes the rest and stops reading; a last line without an end counts as one. */
void mf_local_output_stop(mf_local_output *output);

void mf_local_output_free(mf_local_output *output);

/* A line of the platform's. */
__attribute__((format(printf, 2, 3))) void mf_local_output_platform_line(mf_local_output *output,
                                                                         const char *format, ...);

/* A new invocation: the tail begins here. */
void mf_local_output_clear_tail(mf_local_output *output);

#endif
