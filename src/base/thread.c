/* thread.c: pthread_create with an explicit stack size. */
#include "base/thread.h"

#include "base/memory.h"

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

static void *wait_for_all(void *all_run)
{
    pthread_mutex_lock(all_run);
    pthread_mutex_unlock(all_run);
    return NULL;
}

bool mf_thread_check(size_t n, mf_error *err)
{
    if (n == 0)
        return true;
    pthread_t *threads = mf_allocate(n, sizeof *threads, "threads", err);
    if (threads == NULL)
        return false;
    pthread_mutex_t all_run = PTHREAD_MUTEX_INITIALIZER;
    size_t n_started = 0;
    int failed = 0;
    pthread_mutex_lock(&all_run);
    while (n_started < n && failed == 0) {
        failed = pthread_create(&threads[n_started], NULL, wait_for_all, &all_run);
        n_started += failed == 0;
    }
    pthread_mutex_unlock(&all_run);
    for (size_t i = 0; i < n_started; i++)
        pthread_join(threads[i], NULL);
    mf_free(threads);
    if (failed != 0)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE,
                       "not enough memory for %zu threads: set n_threads to %zu", n + 1,
                       n_started + 1);
    return true;
}
