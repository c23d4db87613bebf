/* loaded.h: loads a model on a thread of its own and counts the references to it.
 *
 * Each loop holds a reference to the model it serves, and so does every request that is processed
 * in slices. A new model replaces the old one while both are in memory; the old one is freed after
 * the response to its last request.
 *
 * Threads: hold and release on any; the rest as each function says. */
#ifndef MF_SERVE_LOADED_H
#define MF_SERVE_LOADED_H

#include "base/error.h"
#include "recommend/recommender.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { MF_MODEL_VERSION_BYTES = 17 };

typedef struct mf_loaded {
    mf_model *model;
    mf_recommender *recommender;
    char version[MF_MODEL_VERSION_BYTES]; /* the file's checksum, 16 hexadecimal digits */
    double seconds;                       /* that loading took */
    atomic_uint references;
} mf_loaded;

/* Reads DIR/model.bin, checks it and makes it ready to answer; one reference, the
 * caller's. Any thread.
 * Fails with the reason: MF_ERR_IO, MF_ERR_FORMAT, MF_ERR_MEMORY. When there is no
 * model.bin the error says what the folder holds instead. */
mf_loaded *mf_loaded_read(const char *folder, size_t max_index_bytes, mf_error *err);

void mf_loaded_hold(mf_loaded *loaded);

/* Gives a reference back. Frees nothing: see mf_loaded_free_if_unused. */
void mf_loaded_release(mf_loaded *loaded);

/* Frees the model when nobody refers to it; true when it did. Unmapping gigabytes
 * takes a while, so the main thread does it and no loop. */
bool mf_loaded_free_if_unused(mf_loaded *loaded);

/* Loads a model on a thread of its own, so that the main thread handles signals while gigabytes are
 * read. Main thread only. */
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
