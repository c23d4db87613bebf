/* thread.c: promises in thread.h. */
#include "base/thread.h"

#include <unistd.h>

int mf_thread_start(pthread_t *thread, void *(*fn)(void *argument), void *argument)
{
    const long least = sysconf(_SC_THREAD_STACK_MIN);
    size_t n_bytes = MF_THREAD_STACK_BYTES;
    if (least > 0 && (size_t)least > n_bytes)
        n_bytes = (size_t)least;
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
