/* checkpoint.c: a trainer's state as a section file (model/section_file.h).
 *
 * It holds the state bit for bit: a run that was stopped between any two steps and resumed goes
 * through the same states as one that was not. Of the data it holds only the fingerprint. */
#include "sgd/state.h"

#include "model/section_file.h"

#include <string.h>

enum {
    POSITION,
    EPOCHS,
    BLOCK_LOSS,
    USER_FACTORS,
    ITEM_FACTORS,
    USER_BIAS,
    ITEM_BIAS,
    USER_VECTORS,
    ITEM_PRIORS,
    BEST_USER_FACTORS,
    BEST_ITEM_FACTORS,
    BEST_USER_BIAS,
    BEST_ITEM_BIAS,
    N_SECTIONS
};

static const char *const section_names[N_SECTIONS] = {
    [POSITION] = "position",
    [EPOCHS] = "epochs",
    [BLOCK_LOSS] = "block_loss",
    [USER_FACTORS] = "user_factors",
    [ITEM_FACTORS] = "item_factors",
    [USER_BIAS] = "user_bias",
    [ITEM_BIAS] = "item_bias",
    [USER_VECTORS] = "user_vectors",
    [ITEM_PRIORS] = "item_priors",
    [BEST_USER_FACTORS] = "best_user_factors",
    [BEST_ITEM_FACTORS] = "best_item_factors",
    [BEST_USER_BIAS] = "best_user_bias",
    [BEST_ITEM_BIAS] = "best_item_bias",
};

static const mf_section_kind kind = {"MFCHECK", 1, "checkpoint", section_names, N_SECTIONS};

/* The array of a section in a trainer. bytes NULL: the run has no such section. */
typedef struct place {
    void *bytes;
    size_t count;
    size_t size;
} place;

/* Four sections in a row, from `first` on. */
static void list_parameters(const mf_parameters *p, place *first)
{
    const size_t row = p->stride * sizeof(float);
    first[0] = (place){p->user_factors, p->n_users, row};
    first[1] = (place){p->item_factors, p->n_items, row};
    first[2] = (place){p->user_bias, p->n_users, sizeof(float)};
    first[3] = (place){p->item_bias, p->n_items, sizeof(float)};
}

static void list_places(const mf_trainer *t, const mf_position *at, place places[N_SECTIONS])
{
    const mf_parameters *p = &t->parameters;
    memset(places, 0, N_SECTIONS * sizeof *places);
    places[EPOCHS] = (place){t->epochs, at->epochs_done, sizeof *t->epochs};
    places[BLOCK_LOSS] = (place){t->block_loss, (size_t)t->grid.user_blocks * t->grid.item_blocks,
                                 sizeof *t->block_loss};
    list_parameters(p, &places[USER_FACTORS]);
    /* Without priors the pointers are NULL. */
    places[USER_VECTORS] = (place){t->implicit.user_vectors, p->n_users, p->stride * sizeof(float)};
    places[ITEM_PRIORS] = (place){t->implicit.item_priors, p->n_items, p->stride * sizeof(float)};
    if (t->held_out.n > 0 && at->best_epoch > 0)
        list_parameters(&t->best, &places[BEST_USER_FACTORS]);
}

bool mf_trainer_save(const mf_trainer *t, const char *path, mf_error *err)
{
    place places[N_SECTIONS];
    if (t->is_released)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "the training is done and its result was taken: there is nothing to save");
    list_places(t, &t->at, places);
    mf_section_writer *writer = mf_section_writer_create(path, &kind, err);
    if (writer == NULL)
        return false;
    bool ok = mf_section_writer_add(writer, POSITION, &t->at, sizeof t->at, err);
    for (size_t s = POSITION + 1; ok && s < N_SECTIONS; s++)
        if (places[s].bytes != NULL)
            ok = mf_section_writer_add(writer, s, places[s].bytes, places[s].count * places[s].size,
                                       err);
    if (!ok) {
        mf_section_writer_destroy(writer);
        return false;
    }
    return mf_section_writer_commit(writer, err);
}

/* The position of a checkpoint, checked against the trainer that is to be resumed. */
static bool read_position(const mf_trainer *t, const mf_section_file *file, mf_position *at,
                          mf_error *err)
{
    const mf_where where = mf_section_file_where(file);
    const mf_position *stored = mf_section_file_require(file, POSITION, 1, sizeof *stored, err);
    if (stored == NULL)
        return false;
    *at = *stored;
    if (at->fingerprint != t->at.fingerprint)
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "is a checkpoint of other data or other hyperparameters");
    if (at->epochs_done > t->h.n_epochs || at->round >= t->grid.n_rounds ||
        at->best_epoch > at->epochs_done)
        return mf_fail(err, MF_ERR_FORMAT, where, "says that it is at a place that does not exist");
    return true;
}

bool mf_trainer_resume(mf_trainer *t, const char *path, mf_error *err)
{
    bool ok = false;
    mf_position at;
    place places[N_SECTIONS];
    const void *found[N_SECTIONS] = {NULL};
    if (t->is_released)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "the training is done and its result was taken: it cannot be resumed");
    mf_section_file *file = mf_section_file_open(path, &kind, NULL, err);
    if (file == NULL)
        return false;
    if (!read_position(t, file, &at, err))
        goto done;
    list_places(t, &at, places);
    for (size_t s = POSITION + 1; s < N_SECTIONS; s++) {
        if (places[s].bytes == NULL)
            continue;
        found[s] = mf_section_file_require(file, s, places[s].count, places[s].size, err);
        if (found[s] == NULL)
            goto done;
    }
    for (size_t s = POSITION + 1; s < N_SECTIONS; s++)
        if (found[s] != NULL)
            memcpy(places[s].bytes, found[s], places[s].count * places[s].size);
    t->at = at;
    ok = true;
done:
    mf_section_file_close(file);
    return ok;
}
