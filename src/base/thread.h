/* thread.h: threads whose stack does not depend on the system.
 *
 * By default it is what `ulimit -s` says, or 128 KiB (musl), while parsers recurse as
 * deep as their input may nest.
 *
 * Threads: any. */
#ifndef MF_BASE_THREAD_H
#define MF_BASE_THREAD_H

#include <pthread.h>

enum { MF_THREAD_STACK_BYTES = 1 << 20 };

/* Starts a thread with a stack of MF_THREAD_STACK_BYTES, or of PTHREAD_STACK_MIN when
 * that is more. Returns 0 or an errno value, like pthread_create. */
int mf_thread_start(pthread_t *thread, void *(*fn)(void *argument), void *argument);

#endif
