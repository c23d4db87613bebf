/* loaded.h: a model in service, and who still uses it.
 *
 * Loops hold a reference to the model they answer from, and so does every request
 * that is answered in slices. A new model takes the old one's place while both are
 * in memory; the old one is given back when its last request is answered.
 *
 * Threads: hold and release from any; the rest as said. */
#ifndef MF_SERVE_LOADED_H
#define MF_SERVE_LOADED_H

#include "base/error.h"
#include "recommend/recommender.h"

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

#endif
