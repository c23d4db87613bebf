/* loader.h: reads a model on a thread of its own, so that signals are heeded while
 * gigabytes are read.
 *
 * Threads: start and take belong to the main thread. */
#ifndef MF_SERVE_LOADER_H
#define MF_SERVE_LOADER_H

#include "base/error.h"
#include "loaded.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct mf_loader {
    const char *folder;
    size_t max_index_bytes;
    int signal; /* sent to the main thread at the end */
    pthread_t main_thread;
    pthread_t thread;
    bool running;
    atomic_bool done;  /* the outcome is there; the signal may come from anybody */
    mf_loaded *loaded; /* the outcome: a model, or why there is none */
    mf_error err;
} mf_loader;

/* Begins to read folder's model.bin; `signal` is sent to the calling thread, which
 * blocks it, when the outcome is there. Not while running.
 * Fails MF_ERR_IO: no thread. */
bool mf_loader_start(mf_loader *loader, const char *folder, size_t max_index_bytes, int signal,
                     mf_error *err);

/* The outcome can be taken without waiting. */
bool mf_loader_is_done(const mf_loader *loader);

/* Once it is done: the model with its one reference, or NULL and the reason. */
mf_loaded *mf_loader_take(mf_loader *loader, mf_error *err);

#endif
