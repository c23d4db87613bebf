/* output.h: what a function's process prints, line by line: to the console, and the last
 * 4 KB of an invocation kept for who asked for them (X-Amz-Log-Type: Tail).
 *
 * A line of more than MF_OUTPUT_LINE_BYTES (CloudWatch's limit of an event) is cut in
 * several.
 *
 * Threads: one. */
#ifndef MF_LOCAL_OUTPUT_H
#define MF_LOCAL_OUTPUT_H

#include "base/text.h"
#include "process.h"

struct event;
struct event_base;

enum { MF_OUTPUT_LINE_BYTES = 256 << 10, MF_OUTPUT_TAIL_BYTES = 4096 };

typedef struct mf_output {
    const char *name; /* of the function */
    unsigned number;  /* of the environment */
    unsigned colour;
    bool platform_lines; /* print START, END, REPORT too */
    mf_process *process;
    struct event *readable;
    mf_text line; /* that has no end yet */
    mf_text tail;
} mf_output;

/* Reads from process->output from now on. False without memory. */
bool mf_output_start(mf_output *output, struct event_base *base, mf_process *process);

/* Takes what the process has printed so far. What it prints before it answers an event
 * stands in the log before the event's END. */
void mf_output_drain(mf_output *output);

/* Takes the rest and stops reading; a last line without an end counts as one. */
void mf_output_stop(mf_output *output);

void mf_output_free(mf_output *output);

/* A line of the platform's. */
__attribute__((format(printf, 2, 3))) void mf_output_say(mf_output *output, const char *format,
                                                         ...);

/* A new invocation: the tail begins here. */
void mf_output_clear_tail(mf_output *output);

#endif
