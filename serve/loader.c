/* loader.c: promises in loader.h. */
#include "loader.h"

#include "base/thread.h"

#include <signal.h>
#include <string.h>

static void *run(void *argument)
{
    mf_loader *loader = argument;
    loader->loaded = mf_loaded_read(loader->folder, loader->max_index_bytes, &loader->err);
    atomic_store(&loader->done, true);
    pthread_kill(loader->main_thread, loader->signal);
    return NULL;
}

bool mf_loader_start(mf_loader *loader, const char *folder, size_t max_index_bytes, int signal,
                     mf_error *err)
{
    *loader = (mf_loader){.folder = folder,
                          .max_index_bytes = max_index_bytes,
                          .signal = signal,
                          .main_thread = pthread_self()};
    const int failed = mf_thread_start(&loader->thread, run, loader);
    if (failed != 0)
        return mf_fail_errno(err, failed, MF_NOWHERE, "no thread to load the model with");
    loader->running = true;
    return true;
}

bool mf_loader_is_done(const mf_loader *loader)
{
    return loader->running && atomic_load(&loader->done);
}

mf_loaded *mf_loader_take(mf_loader *loader, mf_error *err)
{
    pthread_join(loader->thread, NULL); /* its last act was the signal */
    loader->running = false;
    if (loader->loaded == NULL)
        *err = loader->err;
    return loader->loaded;
}
