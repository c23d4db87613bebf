/* fold_in.c: a visitor's factors from a few ratings; the equation is in
 * recommender.h, its solution in ridge.h. */
#include "recommend/ridge.h"
#include "recommend/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What counts against little evidence; chosen on MovieLens (recommender.h). */
static const double FACTORS_DOUBT = 40, BIAS_DOUBT = 4;

typedef struct entry {
    uint32_t item;
    uint32_t place; /* in the caller's list: of equal items the last one counts */
    float rating;
} entry;

static int by_item_and_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* The known items ascending, each with its last rating, in the workspace. NULL with
 * *err. */
static entry *collect(const mf_model_parts *parts, mf_workspace *workspace,
                      const mf_visitor *visitor, size_t *n_known, mf_error *err)
{
    const uint32_t *items = visitor->items;
    const float *ratings = visitor->ratings;
    const size_t n = visitor->n;
    entry *list = mf_room_reserve(&workspace->entries, n, sizeof *list, "a visitor's ratings", err);
    if (list == NULL)
        return NULL;
    size_t kept = 0;
    for (size_t j = 0; j < n; j++) {
        if (items[j] != MF_INDEX_NONE && items[j] >= parts->n_items) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is of item %lu of %lu", j,
                    (unsigned long)items[j], (unsigned long)parts->n_items);
            return NULL;
        }
        if (ratings != NULL && !isfinite(ratings[j])) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "ratings[%zu] is not a finite number", j);
            return NULL;
        }
        if (items[j] == MF_INDEX_NONE)
            continue;
        const float rating =
            ratings != NULL ? fminf(fmaxf(ratings[j], parts->rating_min), parts->rating_max) : 1;
        list[kept++] = (entry){items[j], (uint32_t)j, rating};
    }
    qsort(list, kept, sizeof *list, by_item_and_place);
    size_t m = 0;
    for (size_t j = 0; j < kept; j++) {
        if (m > 0 && list[m - 1].item == list[j].item)
            m--;
        list[m++] = list[j];
    }
    *n_known = m;
    return list;
}

/* The newest first. */
static int by_place_from_the_end(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->place < y->place) - (x->place > y->place);
}

bool mf_fold_in(const mf_recommender *recommender, mf_workspace *workspace,
                const mf_visitor *visitor, mf_profile *profile, mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    const size_t stride = recommender->stride;
    size_t n_known = 0, n_doubles = 0;
    if (visitor->n == 0 || visitor->n > UINT32_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a visitor with %zu ratings", visitor->n);
    entry *known = collect(parts, workspace, visitor, &n_known, err);
    if (known == NULL)
        return false;
    if (n_known == 0) {
        *profile = (mf_profile){.user = MF_INDEX_NONE};
        return true;
    }
    const size_t most = mf_ridge_n_max(parts->n_factors);
    const size_t n_used = n_known < most ? n_known : most;
    if (!mf_ridge_room(n_used, parts->n_factors, &n_doubles))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu equations", n_used);
    uint32_t *rated =
        mf_room_reserve(&workspace->rated, n_known, sizeof *rated, "a visitor's items", err);
    uint32_t *used =
        mf_room_reserve(&workspace->used, n_used, sizeof *used, "a visitor's items", err);
    float *left =
        mf_room_reserve(&workspace->left, n_used, sizeof *left, "a visitor's ratings", err);
    float *factors =
        mf_room_reserve(&workspace->factors, stride, sizeof *factors, "a row of factors", err);
    double *work =
        mf_room_reserve(&workspace->equations, n_doubles, sizeof *work, "equations", err);
    if (rated == NULL || used == NULL || left == NULL || factors == NULL || work == NULL)
        return false;
    for (size_t j = 0; j < n_known; j++)
        rated[j] = known[j].item;
    if (n_used < n_known) {
        qsort(known, n_known, sizeof *known, by_place_from_the_end);
        qsort(known, n_used, sizeof *known, by_item_and_place);
    }
    for (size_t j = 0; j < n_used; j++) {
        used[j] = known[j].item;
        left[j] = known[j].rating - parts->global_mean - parts->item_bias[known[j].item];
    }
    const mf_ridge ridge = {
        .n = n_used,
        .n_factors = parts->n_factors,
        .stride = stride,
        .rows = parts->item_factors,
        .items = used,
        .y = left,
        .regularization = (double)parts->regularization * ((double)n_used + FACTORS_DOUBT),
        .bias_regularization = (double)parts->bias_regularization * (double)n_used + BIAS_DOUBT,
        .kernel = recommender->kernel,
    };
    float bias;
    mf_ridge_solve(&ridge, work, factors, &bias);
    memset(factors + parts->n_factors, 0, (stride - parts->n_factors) * sizeof *factors);
    *profile = (mf_profile){.factors = factors,
                            .bias = bias,
                            .known = true,
                            .rated = rated,
                            .n_rated = n_known,
                            .user = MF_INDEX_NONE};
    return true;
}
