/* steer.c: the places of a varied list, one by one (steer.h).
 *
 * A row that is like an item at length 1 is kept for each place (similar.h), so that the cosines of a
 * pool with it are products of rows. The sum of an item's cosines is kept with it: a place costs the
 * products of the pool with one row, and those of the items that come into the pool with all. */
#include "recommend/steer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "recommend/similar.h"
#include "recommend/state.h"

#include <math.h>
#include <string.h>

/* With quotas some of the best items do not come; so many times as many are looked for at first. */
enum { QUOTA_LOOKAHEAD = 8 };

/* steer.h has the measurement. */
enum { SPREAD = 9, FEWEST = 10 };

static size_t pool_of(const mf_top_n_query *query)
{
    return query->diversity > 0 ? MF_STEER_POOL : 1;
}

bool mf_steer_applies(const mf_top_n_query *query)
{
    return query->diversity != 0 || query->n_quotas > 0;
}

size_t mf_steer_lookahead(const mf_top_n_query *query, size_t n)
{
    const size_t with_quotas = query->n_quotas > 0 ? QUOTA_LOOKAHEAD : 1;
    size_t most;
    if (!mf_mul(n, with_quotas, &most) || most > SIZE_MAX - MF_STEER_POOL)
        return SIZE_MAX;
    return most + pool_of(query);
}

static bool check(const mf_top_n_query *query, size_t n, mf_error *err)
{
    if (!(query->diversity >= 0 && query->diversity <= 1))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "a diversity of %g is not from 0 to 1",
                       (double)query->diversity);
    if (query->diversity > 0 && n > MF_STEER_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "with diversity, lists have at most %d items, and offset and n are %zu",
                       MF_STEER_MAX, n);
    return true;
}

bool mf_steer_begin(mf_search *search, mf_workspace *workspace, const mf_top_n_query *query,
                    size_t n, mf_error *err)
{
    static const char *const WHAT = "a varied list";
    const size_t n_pool = pool_of(query);
    const size_t n_rows = query->diversity > 0 ? n : 0;
    const size_t stride = mf_similar_space(search->recommender)->stride;
    size_t n_counts = 0, n_floats = 0, n_list;
    if (!check(query, n, err))
        return false;
    for (size_t q = 0; q < query->n_quotas; q++)
        n_counts += query->quotas[q].n_values;
    if (!mf_mul(n_rows, stride, &n_floats) || __builtin_add_overflow(n, search->n_unknown, &n_list))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu items of %s", n, WHAT);
    mf_steer_search *s = &search->steering;
    *s = (mf_steer_search){.diversity = query->diversity, .n_quotas = query->n_quotas, .n = n};
    mf_quota *quotas =
        mf_scratch_reserve(&workspace->quotas, query->n_quotas, sizeof *quotas, WHAT, err);
    s->counts = mf_scratch_reserve(&workspace->counts, n_counts, sizeof *s->counts, WHAT, err);
    s->list = mf_scratch_reserve(&workspace->steered, n_list, sizeof *s->list, WHAT, err);
    s->pool = mf_scratch_reserve(&workspace->pool, n_pool, sizeof *s->pool, WHAT, err);
    s->rows = mf_scratch_reserve(&workspace->rows, n_floats, sizeof *s->rows, WHAT, err);
    s->numbers = mf_scratch_reserve(&workspace->numbers, n_rows > n_pool ? n_rows : n_pool,
                                    sizeof *s->numbers, WHAT, err);
    s->cosines = mf_scratch_reserve(&workspace->cosines, n_rows > n_pool ? n_rows : n_pool,
                                    sizeof *s->cosines, WHAT, err);
    const uint32_t n_items = search->recommender->parts->n_items;
    if (query->n_quotas > 0 && mf_scratch_reserve(&workspace->seeds, n_items / 8,
                                                  sizeof(mf_recommendation), WHAT, err) == NULL)
        return false;
    if (quotas == NULL || s->counts == NULL || s->list == NULL || s->pool == NULL ||
        s->rows == NULL || s->numbers == NULL || s->cosines == NULL)
        return false;
    for (size_t q = 0; q < query->n_quotas; q++)
        quotas[q] = query->quotas[q];
    memset(s->counts, 0, n_counts * sizeof *s->counts);
    s->quotas = quotas;
    s->pool_size = n_pool;
    return true;
}

/* Whether each of the item's values has a place left; with `take`, takes them. */
static bool has_place(mf_steer_search *s, uint32_t item, bool take)
{
    uint32_t *counts = s->counts;
    for (size_t q = 0; q < s->n_quotas; counts += s->quotas[q].n_values, q++) {
        const mf_quota *quota = &s->quotas[q];
        for (uint32_t at = quota->start[item]; at < quota->start[item + 1]; at++) {
            uint32_t *count = &counts[quota->values[at]];
            if (take)
                ++*count;
            else if (*count >= quota->most)
                return false;
        }
    }
    return true;
}

/* 1 / |x_i|, 0 where there is no direction: without the damping of similar.h. */
static float per_length(const mf_recommender *r, uint32_t item)
{
    const float count = (float)r->parts->item_count[item];
    const float damping =
        r->ranking.rows != NULL ? MF_SIMILAR_RANKING_DAMPING : MF_SIMILAR_RATING_DAMPING;
    return count > 0 ? r->similarity_weight[item] * ((count + damping) / count) : 0;
}

/* The cosines of an item that comes into the pool with those listed. */
static float cosines_of(const mf_recommender *r, mf_steer_search *s, uint32_t item)
{
    const mf_space *space = mf_similar_space(r);
    const float scale = per_length(r, item);
    float sum = 0;
    if (s->diversity == 0)
        return 0;
    for (size_t k = 0; k < s->n_list; k++)
        s->numbers[k] = (uint32_t)k;
    r->kernel->products_of(space->rows + item * space->stride, s->rows, space->stride, s->numbers,
                           s->n_list, s->cosines);
    for (size_t k = 0; k < s->n_list; k++)
        sum += s->cosines[k] * scale;
    return sum;
}

/* The next place is the item's: its row, and the pool's cosines with it. */
static void list_item(const mf_recommender *r, mf_steer_search *s, uint32_t item)
{
    const mf_space *space = mf_similar_space(r);
    float *row = s->rows + s->n_list * space->stride;
    if (s->diversity == 0)
        return;
    if (!mf_similarity_query(r->parts, space, item, row))
        memset(row, 0, space->stride * sizeof *row);
    for (size_t k = 0; k < s->n_pool; k++)
        s->numbers[k] = s->pool[k].entry.item;
    r->kernel->products_of(row, space->rows, space->stride, s->numbers, s->n_pool, s->cosines);
    for (size_t k = 0; k < s->n_pool; k++)
        s->pool[k].cosines += s->cosines[k] * per_length(r, s->pool[k].entry.item);
}

/* Which of the pool comes next. */
static size_t choose(const mf_steer_search *s)
{
    size_t best = 0;
    float most = -INFINITY;
    const float n_before = s->n_list > FEWEST ? (float)s->n_list : FEWEST;
    for (size_t k = 0; k < s->n_pool; k++) {
        const float relevance = (s->pool[k].entry.score - s->top) * s->per_spread;
        const float value =
            (1 - s->diversity) * relevance - s->diversity * (s->pool[k].cosines / n_before);
        if (value > most) {
            most = value;
            best = k;
        }
    }
    return best;
}

static void remove_from_pool(mf_steer_search *s, size_t k)
{
    s->n_pool--;
    memmove(&s->pool[k], &s->pool[k + 1], (s->n_pool - k) * sizeof *s->pool);
}

static void take(const mf_recommender *r, mf_steer_search *s)
{
    const size_t k = choose(s);
    const mf_recommendation entry = s->pool[k].entry;
    remove_from_pool(s, k);
    has_place(s, entry.item, true);
    for (size_t left = s->n_pool; s->n_quotas > 0 && left > 0; left--)
        if (!has_place(s, s->pool[left - 1].entry.item, false))
            remove_from_pool(s, left - 1);
    list_item(r, s, entry.item);
    s->list[s->n_list++] = entry;
}

/* What scores are measured by: the first pool of the list, whatever the quotas allow. */
static void measure(mf_steer_search *s, const mf_best *best)
{
    const size_t n = best->n < MF_STEER_POOL ? best->n : MF_STEER_POOL;
    double mean = 0, square = 0;
    s->top = n > 0 ? best->entries[0].score : 0;
    for (size_t k = 0; k < n; k++)
        mean += (double)best->entries[k].score / (double)n;
    for (size_t k = 0; k < n; k++) {
        const double d = (double)best->entries[k].score - mean;
        square += d * d / (double)n;
    }
    const float per_spread = (float)(1 / (SPREAD * sqrt(square)));
    s->per_spread = isfinite(per_spread) ? per_spread : 0;
}

mf_steer_state mf_steer_step(mf_search *search, double until)
{
    mf_steer_search *s = &search->steering;
    const mf_best *best = &search->best;
    const bool is_all = best->n < best->capacity || best->capacity == search->choice.n;
    if (s->n_list == 0 && s->n_pool == 0)
        measure(s, best);
    while (s->n_list < s->n) {
        while (s->n_pool < s->pool_size && s->next < best->n) {
            const mf_recommendation entry = best->entries[s->next++];
            if (has_place(s, entry.item, false))
                s->pool[s->n_pool++] =
                    (mf_steer_item){entry, cosines_of(search->recommender, s, entry.item)};
        }
        if (s->n_pool < s->pool_size && !is_all)
            return MF_STEER_SHORT;
        if (s->n_pool == 0)
            break;
        take(search->recommender, s);
        if (until > 0 && mf_clock_seconds() >= until)
            return MF_STEER_LATER;
    }
    return MF_STEER_DONE;
}
