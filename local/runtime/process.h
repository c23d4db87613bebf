/* process.h: a program as a child that cannot outlive us.
 *
 * (1) It leads a process group of its own: a terminal's Ctrl-C does not reach it, and
 *     mf_local_process_kill reaches all that it has started.
 * (2) It is killed when we die, whatever we die of (PR_SET_PDEATHSIG; its own children
 *     are not).
 * (3) Standard output and error are one pipe, whose other end does not block; standard
 *     input is empty. Of our files it has none.
 * (4) Signals are as they are at a program's start, and it may have 1,024 files open, as in
 *     Lambda.
 *
 * Threads: one; its end kills the child (2). */
#ifndef MF_LOCAL_RUNTIME_PROCESS_H
#define MF_LOCAL_RUNTIME_PROCESS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct mf_local_process {
    pid_t pid;  /* 0: there is none */
    int output; /* to read from; -1: closed */
} mf_local_process;

#define MF_LOCAL_PROCESS_NONE ((mf_local_process){0, -1})

/* words[0] is the program, a path; words and variables ("NAME=VALUE") end with NULL. folder
 * NULL: ours. Fails MF_ERR_IO when there is no such program or it cannot be run. */
MF_MUST_CHECK bool mf_local_process_start(mf_local_process *process, char *const *words,
                                          char *const *variables, const char *folder,
                                          mf_error *err);

/* To the whole group. */
void mf_local_process_kill(const mf_local_process *process, int signal_number);

/* True when it has ended; *status is then waitpid's. What is left of its group is killed.
 * output stays open for what is still to be read. */
MF_MUST_CHECK bool mf_local_process_reap(mf_local_process *process, int *status);

void mf_local_process_close_output(mf_local_process *process);

/* How it ended, as Lambda says it: "exit status 3", "signal: killed". Returns text. */
enum { MF_LOCAL_PROCESS_END_BYTES = 64 };
char *mf_local_process_describe_end(int status, char text[MF_LOCAL_PROCESS_END_BYTES]);

/* The most memory it has had, in bytes; 0 when that is not known. */
size_t mf_local_process_peak_bytes(const mf_local_process *process);

#endif
