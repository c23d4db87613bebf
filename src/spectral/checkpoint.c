/* checkpoint.c: the state of the ranking model's trainer as a section file
 * (model/section_file.h).
 *
 * Everything the rest of the run depends on, bit for bit: position, block and what belongs to
 * it. What follows from the input and these (set-aside ratings, directions, candidates) is
 * computed again. */
#include "spectral/state.h"

#include "hosts/exchange.h"
#include "model/section_file.h"

#include <string.h>

enum { POSITION, BLOCK, PRODUCT, PROJECTED, RITZ, RITZ_BEFORE, N_SECTIONS };

static const char *const section_names[N_SECTIONS] = {
    [POSITION] = "position",   [BLOCK] = "block", [PRODUCT] = "product",
    [PROJECTED] = "projected", [RITZ] = "ritz",   [RITZ_BEFORE] = "ritz_before",
};

static const mf_section_kind kind = {"MFSPECT", 2, "checkpoint of a ranking model", section_names,
                                     N_SECTIONS};

/* Where a section's bytes are, and how many. bytes NULL: the stage has no such section. */
typedef struct place {
    void *bytes;
    uint64_t count;
    size_t size;
} place;

static void list_places(const mf_subspace *b, const mf_spectral_position *at,
                        place places[N_SECTIONS])
{
    const uint64_t width = at->width;
    memset(places, 0, N_SECTIONS * sizeof *places);
    places[BLOCK] = (place){b->x, b->n * width, sizeof *b->x};
    places[RITZ] = (place){b->ritz, width, sizeof *b->ritz};
    places[RITZ_BEFORE] = (place){b->before, width, sizeof *b->before};
    if (at->subspace.stage == MF_SUBSPACE_RITZ) {
        places[PRODUCT] = (place){b->z, b->n * width, sizeof *b->z};
        places[PROJECTED] = (place){b->h, width * width, sizeof *b->h};
    }
}

bool mf_spectral_save(const mf_spectral *s, const char *path, mf_error *err)
{
    place places[N_SECTIONS];
    list_places(s->subspace, &s->at, places);
    mf_section_writer *writer = mf_section_writer_create(path, &kind, err);
    if (writer == NULL)
        return false;
    bool ok = mf_section_writer_add(writer, POSITION, &s->at, sizeof s->at, err);
    for (size_t k = POSITION + 1; ok && k < N_SECTIONS; k++)
        if (places[k].bytes != NULL)
            ok = mf_section_writer_add(writer, k, places[k].bytes, places[k].count * places[k].size,
                                       err);
    if (!ok) {
        mf_section_writer_destroy(writer);
        return false;
    }
    return mf_section_writer_commit(writer, err);
}

/* Whether a run of this input and these options can be at such a place. */
static bool is_possible(const mf_spectral *s, const mf_spectral_position *at)
{
    const uint32_t n_choices = at->grid.n_regularizations * at->grid.n_sizes;
    const bool part_needed = at->phase < MF_SPECTRAL_LEARNING;
    return at->phase <= MF_SPECTRAL_DONE && at->begun <= 1 && (s->choosing || !part_needed) &&
           at->n_wanted >= 1 && at->width == mf_subspace_width(at->n_wanted, s->subspace->n) &&
           at->width <= mf_subspace_width(s->subspace->n_most, s->subspace->n) &&
           at->subspace.stage <= MF_SUBSPACE_RITZ &&
           at->grid.n_regularizations <= MF_CHOOSE_REGULARIZATIONS &&
           at->grid.n_sizes <= MF_CHOOSE_SIZES && (at->chosen == 0 || at->chosen < n_choices) &&
           (part_needed || (at->regularization >= 0 && at->recency >= 0 && at->recency <= 1 &&
                            at->n_factors >= 1));
}

static bool read_position(const mf_spectral *s, const mf_section_file *file,
                          mf_spectral_position *at, mf_error *err)
{
    const mf_where where = mf_section_file_where(file);
    const mf_spectral_position *stored =
        mf_section_file_require(file, POSITION, 1, sizeof *stored, err);
    if (stored == NULL)
        return false;
    *at = *stored;
    if (at->fingerprint != s->at.fingerprint)
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "is a checkpoint of other data or other hyperparameters");
    if (!is_possible(s, at))
        return mf_fail(err, MF_ERR_FORMAT, where, "says that it is at a place that does not exist");
    return true;
}

/* True when all hosts can continue. */
static bool agree(mf_hosts_group *group, bool ok, mf_error *err)
{
    bool any;
    mf_error unsent = {0};
    if (!mf_hosts_any(group, !ok, &any, ok ? err : &unsent))
        return false;
    return ok && (!any || mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                                  "another host cannot continue from its copy of the checkpoint"));
}

bool mf_spectral_resume(mf_spectral *s, const char *path, mf_error *err)
{
    bool ok = false;
    mf_spectral_position at;
    place places[N_SECTIONS];
    const void *found[N_SECTIONS] = {NULL};
    mf_subspace *block = s->subspace;
    mf_section_file *file = mf_section_file_open(path, &kind, NULL, err);
    if (file == NULL || !read_position(s, file, &at, err))
        goto done;
    list_places(block, &at, places);
    for (size_t k = POSITION + 1; k < N_SECTIONS; k++) {
        if (places[k].bytes == NULL)
            continue;
        found[k] = mf_section_file_require(file, k, places[k].count, places[k].size, err);
        if (found[k] == NULL)
            goto done;
    }
    ok = true;
done:
    ok = agree(s->options.group, ok, err);
    if (!ok || !mf_spectral_prepare(s, &at, err)) {
        mf_section_file_close(file);
        return false;
    }
    for (size_t k = POSITION + 1; k < N_SECTIONS; k++)
        if (found[k] != NULL)
            memcpy(places[k].bytes, found[k], places[k].count * places[k].size);
    mf_choose_destroy(s->choose);
    s->choose = NULL;
    s->result_steps = 0;
    s->at = at;
    block->at = at.subspace;
    block->width = at.width;
    block->n_wanted = at.n_wanted;
    block->y = mf_spectral_rows(s);
    mf_section_file_close(file);
    return true;
}
