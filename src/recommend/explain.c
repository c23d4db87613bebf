/* explain.c: the greatest terms of a score, one product of two item vectors each.
 *
 * A term is bounded by the codes of both items (codes.h). Those with the highest bounds are computed,
 * and then what still has a bound at or above the least of them. The other terms are only needed
 * together: the rest is what the reasons leave of the score, which is known. */
#include "recommend/explain.h"

#include "recommend/state.h"

#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum {
    TOGETHER = 16, /* terms that are computed at a time */
    LANES = 32
};

/* As many reasons as one in this many rated items are found without bounds. */
enum { BOUNDED = 4 };

/* The rated items that count: arrays of n. */
typedef struct rated {
    uint32_t *items;
    float *weights;        /* a_j · y_j */
    float *scales, *norms; /* of their codes */
    float *bounds;         /* of one listed item's terms; -INFINITY to the end of a block */
    int32_t *products;
    size_t n;
} rated;

typedef struct explaining {
    const mf_recommender *r;
    const mf_search *search;
    rated rated;
    int16_t *v; /* a listed item's codes; NULL: terms are not bounded */
    float prior;
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

/* Reserves the arrays for a history, n_listed items with n_reasons. */
static bool reserve(explaining *e, mf_workspace *workspace, size_t n, size_t n_reasons,
                    mf_error *err)
{
    static const char *const WHAT = "reasons";
    const mf_codes *codes = &e->r->ranking.codes;
    const bool is_bounded = codes->n_items > 0 && n_reasons > 0 && n / BOUNDED >= n_reasons;
    rated *r = &e->rated;
    r->items = mf_scratch_reserve(&workspace->graded, n, sizeof *r->items, WHAT, err);
    r->weights = mf_scratch_reserve(&workspace->weights, n, sizeof *r->weights, WHAT, err);
    if (r->items == NULL || r->weights == NULL)
        return false;
    if (!is_bounded)
        return true;
    const size_t n_blocks = n / MF_INDEX_BLOCK + 1, n_padded = n_blocks * MF_INDEX_BLOCK;
    float *floats = mf_scratch_reserve(&workspace->terms, n_padded, 3 * sizeof *floats, WHAT, err);
    r->products = mf_scratch_reserve(&workspace->products, n, sizeof *r->products, WHAT, err);
    e->v = mf_scratch_reserve(&workspace->code_rows, codes->stride, sizeof *e->v, WHAT, err);
    if (floats == NULL || r->products == NULL || e->v == NULL)
        return false;
    r->bounds = floats;
    r->scales = floats + n_padded;
    r->norms = floats + 2 * n_padded;
    return true;
}

/* Rows come from all over memory. */
static void prefetch(const mf_codes *codes, uint32_t item)
{
    enum { CACHE_LINE = 64 };
    const int8_t *row = codes->rows + item * codes->stride;
    for (size_t f = 0; f < codes->stride; f += CACHE_LINE)
        __builtin_prefetch(row + f);
}

/* Keeps what has a weight: items without a grade have none. */
static void weigh(explaining *e, const mf_history *history)
{
    const mf_codes *codes = &e->r->ranking.codes;
    rated *r = &e->rated;
    e->prior = mf_profile_weights(&e->r->profiles, history, r->weights);
    for (size_t j = 0; j < history->n; j++) {
        const float weight = r->weights[j];
        if (weight == 0)
            continue;
        if (e->v != NULL) {
            prefetch(codes, history->items[j]);
            r->scales[r->n] = codes->scales[history->items[j]];
            r->norms[r->n] = codes->norms[history->items[j]];
        }
        r->items[r->n] = history->items[j];
        r->weights[r->n++] = weight;
    }
}

/* No term of the listed item is above its bound: mf_code_bound of all, times the weight. */
static void bound_terms(const explaining *e, uint32_t item)
{
    const mf_codes *codes = &e->r->ranking.codes;
    const rated *r = &e->rated;
    const mf_code_query query = mf_codes_query_of_item(codes, item, e->v);
    e->r->kernel->code_products(e->v, codes->rows, codes->stride, r->items, r->n, r->products);
    for (size_t j = 0; j < r->n; j++)
        r->bounds[j] = (r->scales[j] * (query.unit * (float)r->products[j] + query.slack) +
                        (r->norms[j] * query.per_norm + query.constant)) *
                       r->weights[j];
    for (size_t j = r->n; j % MF_INDEX_BLOCK != 0; j++)
        r->bounds[j] = -INFINITY;
}

/* Offers the terms at some places, TOGETHER at most. */
static void offer(const explaining *e, uint32_t item, const uint32_t *places, size_t n,
                  mf_best *reasons)
{
    const mf_space *space = &e->r->ranking;
    uint32_t items[TOGETHER] = {0};
    float products[TOGETHER];
    for (size_t k = 0; k < n; k++)
        items[k] = e->rated.items[places[k]];
    e->r->kernel->products_of(space->rows + item * space->stride, space->rows, space->stride, items,
                              n, products);
    for (size_t k = 0; k < n; k++) {
        const float term = products[k] * e->rated.weights[places[k]];
        if (term > 0 && mf_best_wants(reasons, term, items[k]))
            mf_best_take(reasons, term, items[k]);
    }
}

/* At most the n-th highest bound: the n-th of the LANES highest, each of its own items; -INFINITY where
 * n is more. */
static float nth_highest(const rated *r, size_t n, mf_recommendation *heap)
{
    float highest[LANES];
    mf_best lanes;
    for (size_t lane = 0; lane < LANES; lane++)
        highest[lane] = -INFINITY;
    for (size_t j = 0; j < r->n; j += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            highest[lane] =
                r->bounds[j + lane] > highest[lane] ? r->bounds[j + lane] : highest[lane];
    if (n > LANES)
        return -INFINITY;
    mf_best_begin(&lanes, heap, n);
    for (uint32_t lane = 0; lane < LANES; lane++)
        if (highest[lane] >= lanes.threshold && mf_best_wants(&lanes, highest[lane], lane))
            mf_best_take(&lanes, highest[lane], lane);
    return lanes.threshold;
}

/* Offers the terms whose bounds are from `low` to below `high`, and above 0. */
static void offer_between(const explaining *e, uint32_t item, float low, float high,
                          mf_best *reasons)
{
    const float *bounds = e->rated.bounds;
    uint32_t places[TOGETHER];
    size_t n = 0;
    for (size_t block = 0; block < e->rated.n; block += MF_INDEX_BLOCK)
        for (uint64_t set = e->r->kernel->at_least(bounds + block, fmaxf(low, FLT_TRUE_MIN));
             set != 0; set &= set - 1) {
            const size_t j = block + (size_t)__builtin_ctzll(set);
            if (bounds[j] >= high)
                continue;
            places[n++] = (uint32_t)j;
            if (n == TOGETHER) {
                offer(e, item, places, n, reasons);
                n = 0;
            }
        }
    offer(e, item, places, n, reasons);
}

static void find_reasons(const explaining *e, uint32_t item, mf_recommendation *heap,
                         mf_best *reasons)
{
    uint32_t places[TOGETHER];
    if (e->v != NULL) {
        bound_terms(e, item);
        const float high = nth_highest(&e->rated, reasons->capacity, heap);
        offer_between(e, item, high, INFINITY, reasons);
        if (reasons->threshold < high)
            offer_between(e, item, reasons->threshold, high, reasons);
        return;
    }
    for (size_t j = 0; j < e->rated.n;) {
        size_t n = 0;
        for (; j < e->rated.n && n < TOGETHER; j++)
            places[n++] = (uint32_t)j;
        offer(e, item, places, n, reasons);
    }
}

/* The prior's terms. */
static void add_popular(const explaining *e, mf_explanation *list)
{
    const mf_space *space = &e->r->ranking;
    for (size_t l = 0; l < e->search->n_list; l++) {
        const mf_recommendation *entry = &e->search->list[l];
        list[l] = (mf_explanation){.popular = 0};
        if (entry->item == MF_INDEX_NONE)
            continue;
        list[l].popular = entry->score;
        if (e->search->order != MF_ORDER_POPULARITY)
            e->r->kernel->products_of(e->r->parts->ranking.mean_profile, space->rows, space->stride,
                                      &entry->item, 1, &list[l].popular);
        list[l].popular *= e->prior;
    }
}

static float share_of(float term, float score)
{
    return score > 0 ? term / score : NAN;
}

static void write(const mf_recommendation *entry, const mf_best *best, mf_score_term *reasons,
                  mf_explanation *explanation)
{
    double rest = (double)entry->score - (double)explanation->popular;
    for (size_t k = 0; k < best->n; k++) {
        const mf_recommendation *reason = &best->entries[k];
        reasons[k] =
            (mf_score_term){reason->item, reason->score, share_of(reason->score, entry->score)};
        rest -= (double)reason->score;
    }
    explanation->reasons = reasons;
    explanation->n_reasons = best->n;
    explanation->popular_share = share_of(explanation->popular, entry->score);
    explanation->rest = entry->item != MF_INDEX_NONE ? (float)rest : 0;
}

bool mf_explain(mf_workspace *workspace, size_t n_reasons, const mf_explanation **explanations,
                mf_error *err)
{
    static const char *const WHAT = "reasons";
    const mf_search *search = &workspace->search;
    explaining e = {.r = search->recommender, .search = search, .prior = 1};
    mf_history history;
    if (search->item != MF_INDEX_NONE || search->order == MF_ORDER_RATING)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "only a list by ranking or popularity can be explained: %s",
                       search->item != MF_INDEX_NONE
                           ? "similar items have no user"
                           : "a predicted rating is no sum over what the user rated");
    if (!history_of(search, &history))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "only the list of one user can be explained");
    n_reasons = n_reasons < history.n ? n_reasons : history.n;
    size_t n_all;
    if (!mf_mul(search->n_list, n_reasons, &n_all))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu reasons", n_reasons);
    mf_recommendation *heaps =
        mf_scratch_reserve(&workspace->seeds, n_reasons, 2 * sizeof *heaps, WHAT, err);
    mf_score_term *reasons =
        mf_scratch_reserve(&workspace->reasons, n_all, sizeof *reasons, WHAT, err);
    mf_explanation *list =
        mf_scratch_reserve(&workspace->explanations, search->n_list, sizeof *list, WHAT, err);
    if (heaps == NULL || reasons == NULL || list == NULL ||
        !reserve(&e, workspace, history.n, n_reasons, err))
        return false;
    const float *mean = e.r->parts->ranking.mean_profile;
    if (history.n > 0 &&
        memcmp(search->scoring.query, mean, e.r->ranking.stride * sizeof *mean) != 0)
        weigh(&e, &history);
    add_popular(&e, list);
    for (size_t l = 0; l < search->n_list; l++) {
        const mf_recommendation *entry = &search->list[l];
        mf_best best;
        mf_best_begin(&best, heaps, n_reasons);
        if (n_reasons > 0 && entry->item != MF_INDEX_NONE)
            find_reasons(&e, entry->item, heaps + n_reasons, &best);
        mf_best_sort(&best);
        write(entry, &best, reasons + l * n_reasons, &list[l]);
    }
    *explanations = list;
    return true;
}
