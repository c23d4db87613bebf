/* thread.h: threads whose stack size does not depend on the system.
 *
 * The default is `ulimit -s`, or 128 KiB (musl). Parsers that recurse as deep as their input nests
 * need a known size.
 *
 * Threads: any. */
#ifndef MF_BASE_THREAD_H
#define MF_BASE_THREAD_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { MF_THREAD_STACK_BYTES = 1 << 20 };

/* Starts a thread with a stack of MF_THREAD_STACK_BYTES, or of PTHREAD_STACK_MIN when that is more.
 * Returns 0 or an errno value, like pthread_create. */
MF_MUST_CHECK int mf_thread_start(pthread_t *thread, void *(*fn)(void *argument), void *argument);

/* Whether n threads with the system's stack size can run besides this one: starts them, and ends
 * them when all run. OpenMP's library ends the process when it cannot start a thread, so callers
 * check before their first parallel region. Cost: some 20 microseconds for each thread.
 *
 * Fails   MF_ERR_MEMORY when one cannot be started. */
MF_MUST_CHECK bool mf_thread_check(size_t n, mf_error *err);

#endif
