/* thread.c: pthread_create with an explicit stack size. */
#include "base/thread.h"

#include <unistd.h>

int mf_thread_start(pthread_t *thread, void *(*fn)(void *argument), void *argument)
{
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    const size_t n_bytes = least > MF_THREAD_STACK_BYTES ? (size_t)least : MF_THREAD_STACK_BYTES;
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed != 0)
        return failed;
    failed = pthread_attr_setstacksize(&attributes, n_bytes);
    if (failed == 0)
        failed = pthread_create(thread, &attributes, fn, argument);
    pthread_attr_destroy(&attributes);
    return failed;
}
