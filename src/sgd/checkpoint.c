/* checkpoint.c: a trainer's state as section files (model/section_file.h): one, or one for each
 * host.
 *
 * They hold the state bit for bit: a run that was stopped between any two steps and resumed goes
 * through the same states as one that was not. Of the data they hold only the fingerprint.
 *
 * One host's file has users and items by row, and the best epoch's by index, as its result. A file of
 * one of several hosts has a range: rows of the users of its user-blocks, and one after another
 * those of the item-blocks at home; the best epoch's likewise, by row. */
#include "sgd/state.h"

#include "base/memory.h"
#include "hosts/exchange.h"
#include "model/section_file.h"
#include "sgd/lap.h"

#include <string.h>

enum {
    POSITION,
    RANGE,
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
    [RANGE] = "range",
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

static const mf_section_kind kind = {"MFCHECK", 2, "checkpoint", section_names, N_SECTIONS};

/* Which part of a set a file is. */
typedef struct range {
    uint32_t rank;
    uint32_t n_hosts;
    uint32_t first_block; /* user-blocks */
    uint32_t end_block;
} range;

/* Whose rows a section has. */
typedef enum side { OF_RUN, OF_USERS, OF_ITEMS } side;

/* The array of a section in a trainer. rows NULL: the run has no such section. */
typedef struct place {
    void *rows; /* of users: this host's; of items: all */
    size_t row_bytes;
    side side;
    bool is_best;
} place;

static bool has_hosts(const mf_trainer *t)
{
    return mf_hosts_size(t->group) > 1;
}

/* Four sections in a row, from `first` on. */
static void list_parameters(const mf_parameters *p, bool is_best, place *first)
{
    const size_t row = p->stride * sizeof(float);
    first[0] = (place){p->user_factors, row, OF_USERS, is_best};
    first[1] = (place){p->item_factors, row, OF_ITEMS, is_best};
    first[2] = (place){p->user_bias, sizeof(float), OF_USERS, is_best};
    first[3] = (place){p->item_bias, sizeof(float), OF_ITEMS, is_best};
}

/* The sections with rows of users or items. */
static void list_places(const mf_trainer *t, const mf_position *at, place places[N_SECTIONS])
{
    const size_t row = t->parameters.stride * sizeof(float);
    memset(places, 0, N_SECTIONS * sizeof *places);
    list_parameters(&t->parameters, false, &places[USER_FACTORS]);
    /* Without priors the pointers are NULL. */
    places[USER_VECTORS] = (place){t->implicit.user_vectors, row, OF_USERS, false};
    places[ITEM_PRIORS] = (place){t->implicit.item_priors, row, OF_ITEMS, false};
    if (t->held_out.n > 0 && at->best_epoch > 0)
        list_parameters(&t->best, true, &places[BEST_USER_FACTORS]);
}

static size_t n_blocks(const mf_grid *grid)
{
    return (size_t)grid->user_blocks * grid->item_blocks;
}

/* Whether an item-block is at home in a range. */
static bool is_home(const mf_grid *grid, const range *r, uint32_t item_block)
{
    const uint32_t first = mf_grid_user_block_at(grid, item_block, 0);
    return first >= r->first_block && first < r->end_block;
}

static size_t n_rows(const mf_grid *grid, const range *r, side of)
{
    size_t n = 0;
    if (of == OF_USERS)
        return grid->user_block_row[r->end_block] - grid->user_block_row[r->first_block];
    for (uint32_t b = 0; b < grid->item_blocks; b++)
        n += is_home(grid, r, b) ? grid->item_block_row[b + 1] - grid->item_block_row[b] : 0;
    return n;
}

/* --- saving ------------------------------------------------------------------------- */

static bool write_place(const mf_trainer *t, mf_section_writer *writer, const range *r,
                        size_t section, const place *p, mf_error *err)
{
    const mf_grid *grid = &t->grid;
    if (n_rows(grid, r, p->side) == 0)
        return true;
    if (p->side == OF_USERS)
        return mf_section_writer_add(writer, section, p->rows,
                                     n_rows(grid, r, OF_USERS) * p->row_bytes, err);
    if (!mf_section_writer_begin(writer, section, err))
        return false;
    for (uint32_t b = 0; b < grid->item_blocks; b++) {
        const size_t first = grid->item_block_row[b];
        const size_t n = grid->item_block_row[b + 1] - first;
        if (is_home(grid, r, b) &&
            !mf_section_writer_append(writer, (const char *)p->rows + first * p->row_bytes,
                                      n * p->row_bytes, err))
            return false;
    }
    return true;
}

static bool write_sections(const mf_trainer *t, mf_section_writer *writer, mf_error *err)
{
    place places[N_SECTIONS];
    const range r = {mf_hosts_rank(t->group), mf_hosts_size(t->group), t->grid.first_block,
                     t->grid.end_block};
    list_places(t, &t->at, places);
    if (!mf_section_writer_add(writer, POSITION, &t->at, sizeof t->at, err) ||
        (has_hosts(t) && !mf_section_writer_add(writer, RANGE, &r, sizeof r, err)) ||
        !mf_section_writer_add(writer, EPOCHS, t->epochs, t->at.epochs_done * sizeof *t->epochs,
                               err) ||
        (!has_hosts(t) && !mf_section_writer_add(writer, BLOCK_LOSS, t->block_loss,
                                                 n_blocks(&t->grid) * sizeof *t->block_loss, err)))
        return false;
    for (size_t s = USER_FACTORS; s < N_SECTIONS; s++)
        if (places[s].rows != NULL && !write_place(t, writer, &r, s, &places[s], err))
            return false;
    return true;
}

bool mf_trainer_save(const mf_trainer *t, const char *path, mf_error *err)
{
    if (t->is_released)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "the training is done and its result was taken: there is nothing to save");
    mf_section_writer *writer = mf_section_writer_create(path, &kind, err);
    if (writer == NULL)
        return false;
    if (!write_sections(t, writer, err)) {
        mf_section_writer_destroy(writer);
        return false;
    }
    return mf_section_writer_commit(writer, err);
}

/* --- resuming ------------------------------------------------------------------------ */

/* An open file of a set. */
typedef struct part {
    mf_section_file *file;
    range range;
    bool by_row; /* the best epoch's users and items too */
    const void *sections[N_SECTIONS];
} part;

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
    if (has_hosts(t) && at->round > 0)
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "is a checkpoint of one host in the middle of an epoch, from which several "
                       "cannot continue");
    return true;
}

/* The range of file k of n, which begins where the one before ended. */
static bool read_range(const mf_trainer *t, part *p, size_t k, size_t n, uint32_t begin,
                       mf_error *err)
{
    size_t n_bytes;
    p->by_row = mf_section_file_get(p->file, RANGE, &n_bytes) != NULL;
    p->range = (range){0, 1, 0, t->grid.user_blocks};
    if (p->by_row) {
        const range *stored = mf_section_file_require(p->file, RANGE, 1, sizeof *stored, err);
        if (stored == NULL)
            return false;
        p->range = *stored;
    }
    const range *r = &p->range;
    if (r->rank != k || r->n_hosts != n || r->first_block != begin || r->end_block < begin ||
        r->end_block > t->grid.user_blocks || (k + 1 == n && r->end_block != t->grid.user_blocks))
        return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(p->file),
                       "is not number %zu of the checkpoints of %zu hosts", k + 1, n);
    return true;
}

static bool read_sections(const mf_trainer *t, const mf_position *at, part *p, mf_error *err)
{
    place places[N_SECTIONS];
    list_places(t, at, places);
    p->sections[EPOCHS] =
        mf_section_file_require(p->file, EPOCHS, at->epochs_done, sizeof *t->epochs, err);
    if (p->sections[EPOCHS] == NULL)
        return false;
    if (!p->by_row) {
        p->sections[BLOCK_LOSS] = mf_section_file_require(p->file, BLOCK_LOSS, n_blocks(&t->grid),
                                                          sizeof *t->block_loss, err);
        if (p->sections[BLOCK_LOSS] == NULL)
            return false;
    }
    for (size_t s = USER_FACTORS; s < N_SECTIONS; s++) {
        const size_t n = places[s].rows == NULL ? 0 : n_rows(&t->grid, &p->range, places[s].side);
        if (n == 0)
            continue;
        p->sections[s] = mf_section_file_require(p->file, s, n, places[s].row_bytes, err);
        if (p->sections[s] == NULL)
            return false;
    }
    return true;
}

static bool open_part(const mf_trainer *t, const char *path, size_t k, size_t n, mf_position *first,
                      part *parts, mf_error *err)
{
    mf_position at;
    part *p = &parts[k];
    p->file = mf_section_file_open(path, &kind, NULL, err);
    if (p->file == NULL || !read_position(t, p->file, &at, err) ||
        !read_range(t, p, k, n, k > 0 ? parts[k - 1].range.end_block : 0, err))
        return false;
    if (k == 0)
        *first = at;
    else if (at.epochs_done != first->epochs_done || at.best_epoch != first->best_epoch ||
             at.stopped != first->stopped || at.round != first->round)
        return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(p->file),
                       "is of another epoch than the first file of its set");
    return read_sections(t, &at, p, err);
}

/* place[row] = where a file has an item's row; UINT32_MAX: nowhere. */
static void find_items(const mf_grid *grid, const range *r, uint32_t *item_place)
{
    uint32_t next = 0;
    for (uint32_t b = 0; b < grid->item_blocks; b++)
        for (uint32_t row = grid->item_block_row[b]; row < grid->item_block_row[b + 1]; row++)
            item_place[row] = is_home(grid, r, b) ? next++ : UINT32_MAX;
}

/* Copies the rows of one section that this host has a place for. */
static void copy_rows(const mf_trainer *t, const part *from, const place *to, const void *bytes,
                      const uint32_t *item_place)
{
    const bool of_users = to->side == OF_USERS;
    const mf_grid *grid = &t->grid;
    const uint32_t n = of_users ? grid->n_users : grid->n_items;
    const uint32_t *row_of = of_users ? grid->user_row : grid->item_row;
    const size_t n_here = of_users ? t->parameters.n_rows : grid->n_items;
    const uint32_t first_here = of_users ? t->parameters.first_row : 0;
    const uint32_t first_there = grid->user_block_row[from->range.first_block];
    const size_t n_there = n_rows(grid, &from->range, to->side);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t row = row_of[i];
        size_t source = of_users ? row - first_there : item_place[row];
        size_t target = row - first_here;
        if (source >= n_there || target >= n_here)
            continue;
        if (to->is_best && !from->by_row)
            source = i;
        if (to->is_best && !has_hosts(t))
            target = i;
        memcpy((char *)to->rows + target * to->row_bytes,
               (const char *)bytes + source * to->row_bytes, to->row_bytes);
    }
}

static void take_part(mf_trainer *t, const mf_position *at, const part *p, uint32_t *item_place)
{
    place places[N_SECTIONS];
    list_places(t, at, places);
    find_items(&t->grid, &p->range, item_place);
    for (size_t s = USER_FACTORS; s < N_SECTIONS; s++)
        if (places[s].rows != NULL && p->sections[s] != NULL)
            copy_rows(t, p, &places[s], p->sections[s], item_place);
    if (p->range.rank == 0 && at->epochs_done > 0)
        memcpy(t->epochs, p->sections[EPOCHS], at->epochs_done * sizeof *t->epochs);
    if (!has_hosts(t) && p->sections[BLOCK_LOSS] != NULL)
        memcpy(t->block_loss, p->sections[BLOCK_LOSS], n_blocks(&t->grid) * sizeof *t->block_loss);
}

/* True when all hosts can read the set. */
static bool agree(mf_hosts_group *group, bool ok, mf_error *err)
{
    bool any;
    mf_error unsent = {0};
    if (!mf_hosts_any(group, !ok, &any, ok ? err : &unsent))
        return false;
    return ok && (!any || mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                                  "another host cannot continue from its copy of the checkpoint"));
}

bool mf_trainer_resume_set(mf_trainer *t, const char *const *paths, size_t n, mf_error *err)
{
    mf_position at;
    bool ok = false;
    if (t->is_released)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "the training is done and its result was taken: it cannot be resumed");
    part *parts = mf_allocate(n, sizeof *parts, "checkpoints", err);
    uint32_t *item_place = mf_allocate(t->grid.n_items, sizeof *item_place, "checkpoints", err);
    ok = parts != NULL && item_place != NULL;
    for (size_t k = 0; ok && k < n; k++)
        ok = open_part(t, paths[k], k, n, &at, parts, err);
    ok = agree(t->group, ok, err);
    if (ok) {
        for (size_t k = 0; k < n; k++)
            take_part(t, &at, &parts[k], item_place);
        t->at = at;
    }
    for (size_t k = 0; parts != NULL && k < n; k++)
        mf_section_file_close(parts[k].file);
    mf_free(parts);
    mf_free(item_place);
    return ok;
}

bool mf_trainer_resume(mf_trainer *t, const char *path, mf_error *err)
{
    return mf_trainer_resume_set(t, &path, 1, err);
}
