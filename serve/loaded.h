/* loaded.h: loads a model and the lists beside it on a thread of its own and counts the references to it.
 *
 * Each loop holds a reference to the model it serves, and so does every request that is processed
 * in slices. A new model replaces the old one while both are in memory; the old one is freed after
 * the response to its last request.
 *
 * Threads: hold and release on any; the rest as each function says. */
#ifndef MF_SERVE_LOADED_H
#define MF_SERVE_LOADED_H

#include "base/error.h"
#include "inference/model_columns.h"
#include "inference/named_lists.h"
#include "recommend/recommender.h"
#include "serve/serve_settings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { MF_MODEL_VERSION_BYTES = 17 };

typedef struct mf_loaded {
    mf_model *model;
    mf_recommender *recommender;
    mf_named_lists *lists;
    mf_model_columns columns;
    mf_inference_limits limits;           /* the service's, with these lists and columns */
    char version[MF_MODEL_VERSION_BYTES]; /* the file's checksum, 16 hexadecimal digits */
    double seconds;                       /* that loading took */
    atomic_uint references;
} mf_loaded;

void mf_loaded_hold(mf_loaded *loaded);

/* Releases a reference. Frees nothing: see mf_loaded_free_if_unused. */
void mf_loaded_release(mf_loaded *loaded);

/* Frees the model when it has no reference; returns whether it did. Unmapping gigabytes takes long,
 * so the main thread calls this, not a loop. */
bool mf_loaded_free_if_unused(mf_loaded *loaded);

/* Loads a model on a thread of its own, so that the main thread handles signals while gigabytes are
 * read. Main thread only. */
typedef struct mf_loader {
    const char *folder;
    const mf_serve_settings *settings;
    int signal; /* sent to the main thread at the end */
    pthread_t main_thread;
    pthread_t thread;
    bool running;
    atomic_bool done;  /* the result is set; the signal may also come from another process */
    mf_loaded *loaded; /* the result; NULL: see err */
    mf_error err;
} mf_loader;

/* Begins to read folder's model.bin and lists; `signal` is sent to the calling thread, which
 * blocks it, when the result is set. Must not be called while running. settings are borrowed for as
 * long as the models.
 * Fails MF_ERR_IO: no thread. */
MF_MUST_CHECK bool mf_loader_start(mf_loader *loader, const char *folder,
                                   const mf_serve_settings *settings, int signal, mf_error *err);

/* Whether mf_loader_take would not wait. */
bool mf_loader_is_done(const mf_loader *loader);

/* Once it is done: the checked model and its recommender, with one reference, the caller's; or NULL
 * with MF_ERR_IO, MF_ERR_FORMAT, MF_ERR_MEMORY or an error of mf_named_lists_load. Without a model.bin the error lists the contents
 * of the folder. */
MF_MUST_CHECK mf_loaded *mf_loader_take(mf_loader *loader, mf_error *err);

#endif
