/* explain.c: the terms of a score, one product of two item vectors each.
 *
 * A few rated rows at a time are multiplied with all listed items, while they are in the first-level
 * cache. */
#include "recommend/explain.h"

#include "recommend/state.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { ROWS = 32 };

/* One listed item's. */
typedef struct terms {
    mf_best reasons;
    double sum; /* of all rated items */
    double popular;
} terms;

typedef struct explaining {
    const mf_recommender *r;
    const mf_search *search;
    mf_history history;
    const float *weights; /* [history.n] */
    float prior;
    terms *terms; /* [search->n_list] */
} explaining;

/* What the vector was computed from. False: not from anything that can be named. */
static bool history_of(const mf_search *search, mf_history *history)
{
    const mf_profile *profile = &search->profile;
    *history = (mf_history){.n = 0};
    if (search->order == MF_ORDER_POPULARITY || !profile->known)
        return true;
    if (profile->user != MF_INDEX_NONE && profile->grades == NULL) {
        *history = mf_history_of_user(search->recommender->parts, profile->user);
        return true;
    }
    *history = (mf_history){
        .items = profile->rated,
        .grades = profile->grades,
        .time_ranks = profile->time_ranks,
        .n = profile->n_rated,
    };
    return profile->grades != NULL;
}

static void add(terms *t, const uint32_t *items, const float *some, size_t n)
{
    mf_best *reasons = &t->reasons;
    const float least = reasons->threshold > 0 ? reasons->threshold : 0;
    double sum = 0;
    int any = 0;
    for (size_t k = 0; k < n; k++) {
        sum += (double)some[k];
        any |= some[k] >= least;
    }
    t->sum += sum;
    for (size_t k = 0; any && reasons->capacity > 0 && k < n; k++)
        if (some[k] > 0 && mf_best_wants(reasons, some[k], items[k]))
            mf_best_take(reasons, some[k], items[k]);
}

/* The products of all listed items with some rated ones. */
static void add_terms(const explaining *e, const uint32_t *items, const float *weights, size_t n)
{
    const mf_space *space = &e->r->ranking;
    float products[ROWS];
    for (size_t l = 0; l < e->search->n_list; l++) {
        const uint32_t item = e->search->list[l].item;
        if (item == MF_INDEX_NONE)
            continue;
        e->r->kernel->products_of(space->rows + item * space->stride, space->rows, space->stride,
                                  items, n, products);
        for (size_t k = 0; k < n; k++)
            products[k] *= weights[k];
        add(&e->terms[l], items, products, n);
    }
}

static void add_popular(const explaining *e)
{
    const mf_space *space = &e->r->ranking;
    for (size_t l = 0; l < e->search->n_list; l++) {
        const mf_recommendation *entry = &e->search->list[l];
        float product = entry->score;
        if (entry->item == MF_INDEX_NONE)
            continue;
        if (e->search->order != MF_ORDER_POPULARITY)
            e->r->kernel->products_of(e->r->parts->ranking.mean_profile, space->rows, space->stride,
                                      &entry->item, 1, &product);
        e->terms[l].popular = (double)e->prior * (double)product;
    }
}

/* Rows come from all over memory, so they are prefetched while others are multiplied. */
static void prefetch(const mf_space *space, uint32_t item)
{
    const float *row = space->rows + item * space->stride;
    for (size_t f = 0; f < space->stride; f += MF_MODEL_LANES)
        __builtin_prefetch(row + f);
}

static void add_history(const explaining *e)
{
    uint32_t items[ROWS];
    float weights[ROWS];
    size_t n = 0;
    for (size_t j = 0; j < e->history.n; j++) {
        if (j + ROWS < e->history.n)
            prefetch(&e->r->ranking, e->history.items[j + ROWS]);
        if (e->weights[j] == 0)
            continue;
        items[n] = e->history.items[j];
        weights[n++] = e->weights[j];
        if (n == ROWS) {
            add_terms(e, items, weights, n);
            n = 0;
        }
    }
    add_terms(e, items, weights, n);
}

static float share_of(float term, float score)
{
    return score > 0 ? term / score : NAN;
}

static void write(terms *t, float score, mf_score_term *reasons, mf_explanation *explanation)
{
    double rest = t->sum;
    mf_best_sort(&t->reasons);
    for (size_t k = 0; k < t->reasons.n; k++) {
        const mf_recommendation *entry = &t->reasons.entries[k];
        reasons[k] = (mf_score_term){entry->item, entry->score, share_of(entry->score, score)};
        rest -= (double)entry->score;
    }
    *explanation = (mf_explanation){
        .reasons = reasons,
        .n_reasons = t->reasons.n,
        .popular = (float)t->popular,
        .popular_share = share_of((float)t->popular, score),
        .rest = (float)rest,
    };
}

bool mf_explain(mf_workspace *workspace, size_t n_reasons, const mf_explanation **explanations,
                mf_error *err)
{
    static const char *const WHAT = "reasons";
    const mf_search *search = &workspace->search;
    explaining e = {.r = search->recommender, .search = search};
    if (search->item != MF_INDEX_NONE || search->order == MF_ORDER_RATING)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "only a list by ranking or popularity can be explained: %s",
                       search->item != MF_INDEX_NONE
                           ? "similar items have no user"
                           : "a predicted rating is no sum over what the user rated");
    if (!history_of(search, &e.history))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "only the list of one user can be explained");
    n_reasons = n_reasons < e.history.n ? n_reasons : e.history.n;
    size_t n_all;
    if (!mf_mul(search->n_list, n_reasons, &n_all))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu reasons", n_reasons);
    float *weights =
        mf_scratch_reserve(&workspace->weights, e.history.n, sizeof *weights, WHAT, err);
    mf_recommendation *heaps =
        mf_scratch_reserve(&workspace->seeds, n_all, sizeof *heaps, WHAT, err);
    mf_score_term *reasons =
        mf_scratch_reserve(&workspace->reasons, n_all, sizeof *reasons, WHAT, err);
    mf_explanation *list =
        mf_scratch_reserve(&workspace->explanations, search->n_list, sizeof *list, WHAT, err);
    e.terms = mf_scratch_reserve(&workspace->terms, search->n_list, sizeof *e.terms, WHAT, err);
    if (weights == NULL || heaps == NULL || reasons == NULL || list == NULL || e.terms == NULL)
        return false;
    for (size_t l = 0; l < search->n_list; l++) {
        e.terms[l] = (terms){.sum = 0};
        mf_best_begin(&e.terms[l].reasons, heaps + l * n_reasons, n_reasons);
    }
    const float *mean = e.r->parts->ranking.mean_profile;
    e.weights = weights;
    e.prior = 1;
    if (e.history.n > 0 &&
        memcmp(search->scoring.query, mean, e.r->ranking.stride * sizeof *mean) != 0) {
        e.prior = mf_profile_weights(&e.r->profiles, &e.history, weights);
        add_history(&e);
    }
    add_popular(&e);
    for (size_t l = 0; l < search->n_list; l++)
        write(&e.terms[l], search->list[l].score, reasons + l * n_reasons, &list[l]);
    *explanations = list;
    return true;
}
