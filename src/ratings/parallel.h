/* parallel.h: the same work on several threads at once. */
#ifndef MF_RATINGS_PARALLEL_H
#define MF_RATINGS_PARALLEL_H

#include <stdint.h>

enum { MF_THREADS_OF_READING = 256 };

typedef void mf_parallel_work(void *context, uint32_t member);

/* Calls work(context, member) once for each member 0 … n_members-1 (at most
 * MF_THREADS_OF_READING) and returns when all are done. The caller's thread is member 0;
 * where the system gives no more threads it does the others' work as well, so
 * members must not wait for one another. */
void mf_parallel_run(uint32_t n_members, mf_parallel_work *work, void *context);

#endif
