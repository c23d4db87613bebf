/* workspace.c: scratch memory of one thread; see recommender.h. */
#include "recommend/state.h"

#include "base/memory.h"

mf_workspace *mf_workspace_create(mf_error *err)
{
    return mf_allocate(1, sizeof(mf_workspace), "a workspace", err);
}

void mf_workspace_destroy(mf_workspace *workspace)
{
    if (workspace == NULL)
        return;
    mf_free(workspace->best.block);
    mf_free(workspace->candidates.block);
    mf_free(workspace->chosen.block);
    mf_free(workspace->seeds.block);
    mf_free(workspace->bounds.block);
    mf_free(workspace->lines.block);
    mf_free(workspace->codes.block);
    mf_free(workspace->runs.block);
    mf_free(workspace->code_rows.block);
    mf_free(workspace->code_queries.block);
    mf_free(workspace->direction.block);
    mf_free(workspace->entries.block);
    mf_free(workspace->used.block);
    mf_free(workspace->left.block);
    mf_free(workspace->equations.block);
    mf_free(workspace->rated.block);
    mf_free(workspace->factors.block);
    mf_free(workspace->grades.block);
    mf_free(workspace->times.block);
    mf_free(workspace->time_ranks.block);
    mf_free(workspace->time_order.block);
    mf_free(workspace->vector.block);
    mf_free(workspace->weights.block);
    mf_free(workspace->reasons.block);
    mf_free(workspace->explanations.block);
    mf_free(workspace->terms.block);
    mf_free(workspace->products.block);
    mf_free(workspace->graded.block);
    mf_free(workspace->quotas.block);
    mf_free(workspace->counts.block);
    mf_free(workspace->steered.block);
    mf_free(workspace->pool.block);
    mf_free(workspace->rows.block);
    mf_free(workspace->numbers.block);
    mf_free(workspace->cosines.block);
    mf_free(workspace->group.vectors.block);
    mf_free(workspace->group.factors.block);
    mf_free(workspace->group.rated.block);
    mf_free(workspace->group.left_out.block);
    mf_free(workspace->group.products.block);
    mf_free(workspace->group.ordered_vectors.block);
    mf_free(workspace->group.ordered_factors.block);
    mf_free(workspace);
}

void *mf_scratch_reserve(mf_scratch *scratch, size_t count, size_t size, const char *what,
                         mf_error *err)
{
    size_t n_bytes;
    if (!mf_mul(count, size, &n_bytes)) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu × %zu bytes of %s", count, size,
                what);
        return NULL;
    }
    if (scratch->block != NULL && n_bytes <= scratch->n_bytes)
        return scratch->block;
    /* A block without bytes would end where it begins, which LeakSanitizer takes for a leak. */
    void *block = mf_allocate(n_bytes > 0 ? n_bytes : 1, 1, what, err);
    if (block == NULL)
        return NULL;
    mf_free(scratch->block);
    *scratch = (mf_scratch){block, n_bytes};
    return block;
}
