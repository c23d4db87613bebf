/* scan.c: see scan.h.
 *
 * With an index, a stage of 65,536 items at a time:
 *
 *   1. the bounds of all of them (kernels.h), minus infinity for those left out;
 *   2. the n with the highest bounds are scored exactly: the threshold is then
 *      nearly what it will be at the end;
 *   3. what still has a bound at or above the threshold is looked at: its codes (codes.h) give a
 *      closer bound, and what has that there, too, is scored exactly.
 *
 * The least of some members' scores is far below the bound of their mean, so after step 2 the threshold
 * is low: the upper half of what is between it and the highest bounds goes first in step 3. The codes
 * bound the mean and then one member after the other. Of a group of five and 60,000 items by ranking,
 * 11,700 were looked at in their order, 6,100 like this; 2,000 pass the mean's codes, 180 all.
 *
 * By falling length (index.h) the stages are shorter, and the last of them is where no length is
 * enough. Whatever was not scored has a bound, hence a score, below the n-th best. The bounds
 * of a stage are 256 KiB and stay in the second-level cache. */
#include "recommend/scan.h"

#include "recommend/state.h"

#include "base/clock.h"
#include "recommend/norm.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { TILE = 64, PENDING = 16, PREFETCH_FLOATS = 64, CACHE_LINE = 64 };

/* For fewer items a query is not brought into the form of codes. */
enum { FEWEST_FOR_CODES = 64 };

enum { STEP_FLOATS = 1 << 18 };
enum { STAGE_BLOCKS = 1024, FIRST_BLOCKS = 16 };

/* Beyond it base + bias could overflow. */
static const float BASE_MAX = 1e30f;

typedef struct queue {
    uint32_t items[2 * PENDING]; /* whose rows are on their way from memory */
    size_t n;
} queue;

typedef struct scan {
    const mf_recommender *r;
    const mf_scoring *scoring;
    const mf_code_query *codes; /* [1 + n_members]; NULL: items are scored without a bound */
    mf_best *best;
    size_t n_scored;
    queue bounded; /* by codes first */
    queue scored;
} scan;

bool mf_scoring_leaves_out(const mf_scoring *scoring, uint32_t item)
{
    if (scoring->chosen != NULL && !mf_choice_has(scoring->chosen, item))
        return true;
    size_t low = 0, high = scoring->n_left_out;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (scoring->left_out[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scoring->n_left_out && scoring->left_out[low] == item;
}

bool mf_space_is_zero(const mf_space *space, uint32_t item)
{
    const float *row = space->rows + item * space->stride;
    for (size_t f = 0; f < space->n_factors; f++)
        if (row[f] != 0)
            return false;
    return true;
}

static void offer(const scan *s, uint32_t item, float score)
{
    if (s->scoring->weight != NULL && !(s->scoring->weight[item] > 0))
        return;
    const float comparable = isnan(score) ? -INFINITY : score;
    if (!mf_best_wants(s->best, comparable, item) || mf_scoring_leaves_out(s->scoring, item))
        return;
    /* A zero row's product is zero, or not a number. */
    if (s->scoring->skips_zero && (score == 0 || isnan(score)) &&
        mf_space_is_zero(s->scoring->space, item))
        return;
    mf_best_take(s->best, comparable, item);
}

/* Offers n items, items[n], by the least score of the members. Items that cannot enter are dropped
 * after each member. */
static void offer_least(scan *s, uint32_t *items, size_t n)
{
    const mf_scoring *scoring = s->scoring;
    const mf_space *space = scoring->space;
    float products[TILE], least[TILE];
    for (size_t m = 0; m < scoring->n_members; m++) {
        size_t n_left = 0;
        s->r->kernel->products_of(scoring->members + m * space->stride, space->rows, space->stride,
                                  items, n, products);
        for (size_t k = 0; k < n; k++) {
            float score = products[k];
            if (scoring->bias != NULL)
                score =
                    (s->r->parts->global_mean + scoring->member_bias[m] + scoring->bias[items[k]]) +
                    score;
            score = isnan(score) ? -INFINITY : score;
            score = m > 0 ? fminf(least[k], score) : score;
            if (score < s->best->threshold)
                continue;
            items[n_left] = items[k];
            least[n_left++] = score;
        }
        n = n_left;
    }
    for (size_t k = 0; k < n; k++)
        offer(s, items[k], least[k]);
}

/* The first n of those to score. */
static void offer_some(scan *s, size_t n)
{
    const mf_scoring *scoring = s->scoring;
    float products[PENDING] = {0};
    s->n_scored += n;
    if (scoring->n_members > 0) {
        offer_least(s, s->scored.items, n);
        return;
    }
    if (scoring->query != NULL)
        s->r->kernel->products_of(scoring->query, s->scoring->space->rows,
                                  s->scoring->space->stride, s->scored.items, n, products);
    for (size_t k = 0; k < n; k++) {
        const uint32_t item = s->scored.items[k];
        float score = products[k];
        if (scoring->bias != NULL)
            score = (scoring->base + scoring->bias[item]) + score;
        if (scoring->weight != NULL)
            score *= scoring->weight[item];
        offer(s, item, score);
    }
}

static void drop_first(queue *from, size_t n)
{
    from->n -= n;
    memmove(from->items, from->items + n, from->n * sizeof *from->items);
}

/* Items are scored when as many have come behind them as are scored together: rows are all over
 * memory, and come while others are multiplied. Of long ones the processor fetches the rest by
 * itself. ns for a row of 64 floats, and of 256: scored as soon as they are together 14.9 and 14.5,
 * like this 8.2 and 14.1, with all floats prefetched 8.2 and 16.8. */
static void score_soon(scan *s, uint32_t item)
{
    if (s->scoring->query != NULL) {
        const float *row = s->scoring->space->rows + item * s->scoring->space->stride;
        for (size_t f = 0; f < s->scoring->space->stride && f < PREFETCH_FLOATS;
             f += MF_MODEL_LANES)
            __builtin_prefetch(row + f);
    }
    s->scored.items[s->scored.n++] = item;
    if (s->scored.n == 2 * PENDING) {
        offer_some(s, PENDING);
        drop_first(&s->scored, PENDING);
    }
}

/* Of n items, those whose bounds by one query are at least the threshold, to the front. Query 0 is the
 * profile, or the members' mean; query m + 1 is member m. */
static size_t keep_bounded(const scan *s, size_t q, uint32_t *items, size_t n)
{
    const mf_scoring *scoring = s->scoring;
    const mf_codes *codes = &scoring->space->codes;
    float base = scoring->base;
    float bounds[PENDING];
    size_t n_kept = 0;
    if (q > 0 && scoring->bias != NULL)
        base = s->r->parts->global_mean + scoring->member_bias[q - 1];
    s->r->kernel->code_bounds(codes, &s->codes[q], items, n, bounds);
    for (size_t k = 0; scoring->bias != NULL && k < n; k++)
        bounds[k] = (base + scoring->bias[items[k]]) + bounds[k];
    for (size_t k = 0; scoring->weight != NULL && k < n; k++)
        bounds[k] *= scoring->weight[items[k]];
    for (size_t k = 0; k < n; k++) {
        items[n_kept] = items[k];
        n_kept += !(bounds[k] < s->best->threshold);
    }
    return n_kept;
}

/* The first n of those to bound. */
static void bound_some(scan *s, size_t n)
{
    size_t n_kept = n;
    for (size_t q = 0; q <= s->scoring->n_members && n_kept > 0; q++)
        n_kept = keep_bounded(s, q, s->bounded.items, n_kept);
    for (size_t k = 0; k < n_kept; k++)
        score_soon(s, s->bounded.items[k]);
    drop_first(&s->bounded, n);
}

/* Offers the item later, if it can enter. */
static void offer_soon(scan *s, uint32_t item)
{
    if (s->codes == NULL || s->best->n < s->best->capacity) {
        score_soon(s, item);
        return;
    }
    const mf_codes *codes = &s->scoring->space->codes;
    const int8_t *row = codes->rows + item * codes->stride;
    for (size_t f = 0; f < codes->stride; f += CACHE_LINE)
        __builtin_prefetch(row + f);
    __builtin_prefetch(&codes->scales[item]);
    s->bounded.items[s->bounded.n++] = item;
    if (s->bounded.n == 2 * PENDING)
        bound_some(s, PENDING);
}

static void offer_pending(scan *s)
{
    while (s->bounded.n > 0)
        bound_some(s, s->bounded.n < PENDING ? s->bounded.n : PENDING);
    while (s->scored.n > 0) {
        const size_t n = s->scored.n < PENDING ? s->scored.n : PENDING;
        offer_some(s, n);
        drop_first(&s->scored, n);
    }
}

/* The least of the members' scores is at most any mean of them, but for the rounding of each
 * product (dot.h) and of the mean, and with biases of five sums. */
static bool allow_for_members(const mf_model_parts *parts, const mf_scoring *scoring,
                              float *per_norm, float *constant)
{
    const size_t stride = scoring->space->stride;
    const double rounding = (double)stride / MF_MODEL_LANES + 8 + 8;
    double longest = 0, base = 0;
    for (size_t m = 0; m < scoring->n_members; m++) {
        longest = fmax(longest, mf_norm(scoring->members + m * stride, stride));
        if (scoring->bias != NULL)
            base = fmax(base, fabs((double)scoring->member_bias[m]));
    }
    *per_norm = (float)(((double)*per_norm + 0x1p-24 * rounding * longest) * 1.01);
    if (scoring->bias == NULL)
        return longest <= 1e18;
    const double sum =
        fabs((double)parts->global_mean) + base + (double)scoring->space->index.most_bias;
    *constant += (float)(0x1p-20 * sum);
    return longest <= 1e18 && base <= (double)BASE_MAX;
}

/* The queries for the codes, 1 + n_members. NULL: items are scored without. */
static bool prepare_codes(const mf_recommender *r, const mf_scoring *scoring,
                          mf_workspace *workspace, const mf_code_query **queries, mf_error *err)
{
    static const char *const WHAT = "a query";
    const mf_codes *codes = &scoring->space->codes;
    const size_t n = 1 + scoring->n_members;
    *queries = NULL;
    if (codes->n_items == 0 || scoring->query == NULL)
        return true;
    int16_t *rows =
        mf_scratch_reserve(&workspace->code_rows, n, codes->stride * sizeof *rows, WHAT, err);
    mf_code_query *all = mf_scratch_reserve(&workspace->code_queries, n, sizeof *all, WHAT, err);
    if (rows == NULL || all == NULL)
        return false;
    bool is_usable = true;
    for (size_t q = 0; q < n; q++)
        is_usable &= mf_codes_query(
            codes, q == 0 ? scoring->query : scoring->members + (q - 1) * scoring->space->stride,
            rows + q * codes->stride, &all[q]);
    if (scoring->n_members > 0)
        is_usable &= allow_for_members(r->parts, scoring, &all[0].per_norm, &all[0].constant);
    *queries = is_usable ? all : NULL;
    return true;
}

bool mf_scan_list(mf_search *search, mf_workspace *workspace, const uint32_t *items, size_t n,
                  mf_error *err)
{
    scan s = {.r = search->recommender, .scoring = &search->scoring, .best = &search->best};
    if (n >= FEWEST_FOR_CODES && !prepare_codes(s.r, s.scoring, workspace, &s.codes, err))
        return false;
    for (size_t k = 0; k < n; k++)
        offer_soon(&s, items[k]);
    offer_pending(&s);
    return true;
}

/* Items from `first` on, a tile at a time; of a tile only those are looked at that could
 * enter. */
static void scan_some(scan *s, size_t first, size_t end)
{
    const mf_scoring *scoring = s->scoring;
    float products[TILE] = {0}, scores[TILE];
    for (; first < end; first += TILE) {
        if (scoring->chosen != NULL && scoring->chosen[first / TILE] == 0)
            continue;
        const size_t n = end - first < TILE ? end - first : TILE;
        if (scoring->n_members > 0) {
            uint32_t items[TILE];
            for (size_t k = 0; k < n; k++)
                items[k] = (uint32_t)(first + k);
            offer_least(s, items, n);
            continue;
        }
        if (scoring->query != NULL)
            s->r->kernel->products(scoring->query,
                                   s->scoring->space->rows + first * s->scoring->space->stride,
                                   s->scoring->space->stride, n, products);
        const float *bias = scoring->bias != NULL ? scoring->bias + first : NULL;
        const float *weight = scoring->weight != NULL ? scoring->weight + first : NULL;
        for (size_t k = 0; k < n; k++)
            scores[k] = bias != NULL ? (scoring->base + bias[k]) + products[k] : products[k];
        for (size_t k = 0; weight != NULL && k < n; k++)
            scores[k] *= weight[k];
        int any = 0;
        for (size_t k = 0; k < n; k++)
            any |= !(scores[k] < s->best->threshold);
        for (size_t k = 0; any && k < n; k++)
            offer(s, (uint32_t)(first + k), scores[k]);
    }
}

/* At or above it are all bounds that matter: they are finite, those of items left out
 * or scored already are not. */
static float floor_of(const mf_best *best)
{
    return best->threshold > -FLT_MAX ? best->threshold : -FLT_MAX;
}

/* The item at this place of the index. */
static void offer_place(scan *s, uint32_t place)
{
    const uint32_t *item_at = s->scoring->space->index.item_at;
    offer_soon(s, item_at != NULL ? item_at[place] : place);
}

/* Some blocks' places of the index, from `first` on. */
typedef struct stage {
    uint32_t first;
    uint32_t n;
    float *bounds;  /* [n, rounded up to blocks] */
    float *largest; /* [blocks] at least the largest of each */
} stage;

/* *next: the first on the list that is not below this stage, of an index without places. */
static void leave_out(const scan *s, const stage *g, size_t *next)
{
    const mf_scoring *scoring = s->scoring;
    const uint32_t *place_of = scoring->space->index.place_of;
    for (size_t k = 0; place_of != NULL && k < scoring->n_left_out; k++)
        if (place_of[scoring->left_out[k]] - g->first < g->n)
            g->bounds[place_of[scoring->left_out[k]] - g->first] = -INFINITY;
    for (; place_of == NULL && *next < scoring->n_left_out &&
           scoring->left_out[*next] - g->first < g->n;
         ++*next)
        g->bounds[scoring->left_out[*next] - g->first] = -INFINITY;
    for (size_t k = g->n; k % MF_INDEX_BLOCK != 0; k++)
        g->bounds[k] = -INFINITY;
}

/* The items of a block whose bounds are at least floor, without those that are not chosen. With
 * places the few that are left are looked up one by one: to bring all bits into the order of the
 * places would take longer than the scan. */
static uint64_t at_least(const scan *s, const stage *g, size_t block, float floor)
{
    const uint64_t *chosen = s->scoring->chosen;
    const uint32_t *item_at = s->scoring->space->index.item_at;
    const uint32_t place = g->first + (uint32_t)(block * MF_INDEX_BLOCK);
    uint64_t set = s->r->kernel->at_least(g->bounds + block * MF_INDEX_BLOCK, floor);
    if (chosen == NULL)
        return set;
    if (item_at == NULL)
        return set & chosen[place / MF_INDEX_BLOCK];
    for (uint64_t left = set; left != 0; left &= left - 1)
        if (!mf_choice_has(chosen, item_at[place + (uint32_t)__builtin_ctzll(left)]))
            set &= ~(left & -left);
    return set;
}

/* Step 2. False when nothing is left for step 3; *lowest: the least of their bounds. */
static bool score_seeds(scan *s, const stage *g, mf_recommendation *found, float *lowest)
{
    mf_best seeds;
    const float least = floor_of(s->best);
    mf_best_begin(&seeds, found, s->best->capacity);
    for (size_t block = 0; block * MF_INDEX_BLOCK < g->n; block++) {
        const float floor = seeds.threshold > least ? seeds.threshold : least;
        if (g->largest[block] < floor)
            continue;
        const float *bounds = g->bounds + block * MF_INDEX_BLOCK;
        for (uint64_t set = at_least(s, g, block, floor); set != 0; set &= set - 1) {
            const uint32_t place = (uint32_t)__builtin_ctzll(set);
            const uint32_t item = (uint32_t)(block * MF_INDEX_BLOCK) + place;
            if (mf_best_wants(&seeds, bounds[place], item))
                mf_best_take(&seeds, bounds[place], item);
        }
    }
    for (size_t k = 0; k < seeds.n; k++) {
        g->bounds[found[k].item] = -INFINITY;
        offer_place(s, g->first + found[k].item);
    }
    offer_pending(s);
    *lowest = seeds.threshold;
    return seeds.n == seeds.capacity;
}

/* Step 3, of the bounds from `low` to below `high`. */
static void score_rest(scan *s, const stage *g, float low, float high)
{
    for (size_t block = 0; block * MF_INDEX_BLOCK < g->n; block++) {
        const float floor = fmaxf(floor_of(s->best), low);
        if (g->largest[block] < floor)
            continue;
        uint64_t set = at_least(s, g, block, floor);
        if (set != 0 && high < INFINITY)
            set &= ~s->r->kernel->at_least(g->bounds + block * MF_INDEX_BLOCK, high);
        for (; set != 0; set &= set - 1)
            offer_place(s, g->first + (uint32_t)(block * MF_INDEX_BLOCK) +
                               (uint32_t)__builtin_ctzll(set));
    }
    offer_pending(s);
}

/* What the query needs in the kernel's form. */
static bool prepare(const scan *s, mf_workspace *workspace, mf_index_query *query, bool *usable,
                    mf_error *err)
{
    const mf_index *index = &s->scoring->space->index;
    const size_t line_bytes = s->r->kernel->lines_per_quad * MF_LINE_U16 * sizeof(uint16_t);
    uint16_t *lines =
        mf_scratch_reserve(&workspace->lines, index->n_quads, line_bytes, "a query", err);
    int8_t *codes =
        mf_scratch_reserve(&workspace->codes, index->n_quads, MF_INDEX_QUAD, "a query", err);
    uint16_t *start =
        mf_scratch_reserve(&workspace->runs, index->n_runs, sizeof *start, "a query", err);
    if (lines == NULL || codes == NULL || start == NULL)
        return false;
    *query = (mf_index_query){
        .lines = lines,
        .base = s->scoring->base,
        .bias = s->scoring->bias,
        .weight = s->scoring->weight != NULL && index->item_at != NULL ? index->weight_at
                                                                       : s->scoring->weight,
    };
    *usable = mf_index_query_prepare(index, s->scoring->query, s->scoring->space->n_factors, codes,
                                     start, query);
    if (*usable && s->scoring->n_members > 0)
        *usable = allow_for_members(s->r->parts, s->scoring, &query->per_norm, &query->constant);
    if (*usable)
        s->r->kernel->spread(codes, index->n_quads, lines);
    return true;
}

/* Of the largest stage. */
static size_t stage_blocks(const mf_index *index)
{
    return index->n_blocks < STAGE_BLOCKS ? index->n_blocks : STAGE_BLOCKS;
}

static bool reserve_stage(const mf_search *search, mf_workspace *workspace, mf_error *err)
{
    const size_t n_bounds = stage_blocks(&search->scoring.space->index) * (MF_INDEX_BLOCK + 1);
    return mf_scratch_reserve(&workspace->bounds, n_bounds, sizeof(float), "bounds", err) != NULL &&
           mf_scratch_reserve(&workspace->seeds, search->best.capacity, sizeof(mf_recommendation),
                              "a list of the best", err) != NULL;
}

/* How many blocks from this one on the next stage has. By falling length the first stage is short,
 * for a threshold, and each of the next as long as all before it; with members, whose mean has a
 * high score for many items that have none of the best, the next has all that are left. They end
 * where nothing can enter: 0, then no later block matters either. */
static size_t next_stage(const mf_search *search, size_t block)
{
    const mf_index *index = &search->scoring.space->index;
    const size_t left = index->n_blocks - block;
    size_t most = STAGE_BLOCKS;
    if (index->item_at != NULL && search->scoring.n_members > 0)
        most = block > 0 ? STAGE_BLOCKS : 2 * FIRST_BLOCKS;
    else if (index->item_at != NULL && block < STAGE_BLOCKS)
        most = block > FIRST_BLOCKS ? block : FIRST_BLOCKS;
    most = most < left ? most : left;
    if (index->item_at == NULL || search->scoring.weight != NULL)
        return most;
    /* A limit equal to the threshold may be the score of an item that goes first. */
    while (most > 0 &&
           mf_index_limit(index, &search->query, block + most - 1) < search->best.threshold)
        most /= 2;
    return most;
}

/* Step 1, without the blocks of which no item is chosen. */
static void compute_bounds(const scan *s, mf_search *search, const stage *g, size_t block,
                           size_t n_blocks)
{
    const mf_index *index = &s->scoring->space->index;
    const uint64_t *chosen = index->item_at == NULL ? s->scoring->chosen : NULL;
    for (size_t first = 0, end; first < n_blocks; first = end) {
        for (end = first; end < n_blocks && (chosen == NULL || chosen[block + end] != 0);)
            end = chosen == NULL ? n_blocks : end + 1;
        if (end > first)
            s->r->kernel->bounds(index, &search->query, block + first, end - first,
                                 g->bounds + first * MF_INDEX_BLOCK, g->largest + first);
        const size_t n_places = end * MF_INDEX_BLOCK < g->n ? end * MF_INDEX_BLOCK : g->n;
        search->n_bounded += end > first ? n_places - first * MF_INDEX_BLOCK : 0;
        for (; end < n_blocks && chosen != NULL && chosen[block + end] == 0; end++)
            g->largest[end] = -INFINITY;
    }
}

/* The stage of these blocks. */
static void scan_stage(scan *s, mf_search *search, mf_workspace *workspace, size_t block,
                       size_t n_blocks)
{
    const mf_index *index = &s->scoring->space->index;
    const size_t left = index->n_items - block * MF_INDEX_BLOCK;
    const size_t n = n_blocks * MF_INDEX_BLOCK;
    float *bounds = workspace->bounds.block;
    const stage g = {
        .first = (uint32_t)(block * MF_INDEX_BLOCK),
        .n = (uint32_t)(left < n ? left : n),
        .bounds = bounds,
        .largest = bounds + stage_blocks(index) * MF_INDEX_BLOCK,
    };
    compute_bounds(s, search, &g, block, n_blocks);
    leave_out(s, &g, &search->next_left_out);
    float lowest;
    if (!score_seeds(s, &g, workspace->seeds.block, &lowest))
        return;
    float middle = -INFINITY;
    if (s->scoring->n_members > 0) {
        middle = 0.5f * s->best->threshold + 0.5f * lowest;
        score_rest(s, &g, middle, INFINITY);
    }
    score_rest(s, &g, -INFINITY, s->scoring->n_members > 0 ? middle : INFINITY);
}

bool mf_scan_begin(mf_search *search, mf_workspace *workspace, mf_error *err)
{
    const mf_recommender *r = search->recommender;
    const mf_index *index = &search->scoring.space->index;
    const scan s = {.r = r, .scoring = &search->scoring, .best = &search->best};
    search->indexed = search->scoring.query != NULL && index->n_items > 0 &&
                      fabsf(search->scoring.base) <= BASE_MAX &&
                      search->best.capacity < r->parts->n_items / 8;
    if (search->indexed && !prepare(&s, workspace, &search->query, &search->indexed, err))
        return false;
    search->codes = NULL;
    if (search->indexed && (!reserve_stage(search, workspace, err) ||
                            !prepare_codes(r, &search->scoring, workspace, &search->codes, err)))
        return false;
    search->next = 0;
    search->next_left_out = 0;
    search->n_scored = search->indexed ? 0 : r->parts->n_items;
    search->n_bounded = 0;
    search->under_way = true;
    return true;
}

bool mf_scan_step(mf_search *search, mf_workspace *workspace, double until)
{
    const mf_recommender *r = search->recommender;
    const mf_space *space = search->scoring.space;
    scan s = {.r = r, .scoring = &search->scoring, .codes = search->codes, .best = &search->best};
    const size_t tiles = STEP_FLOATS / (space->stride * TILE);
    const size_t most = (tiles > 0 ? tiles : 1) * TILE;
    const size_t end = search->indexed ? space->index.n_blocks : r->parts->n_items;
    do {
        const size_t left = end - search->next;
        size_t n = left < most ? left : most;
        if (search->indexed)
            n = next_stage(search, search->next);
        if (search->indexed && n > 0)
            scan_stage(&s, search, workspace, search->next, n);
        else if (!search->indexed)
            scan_some(&s, search->next, search->next + n);
        search->next = n > 0 ? search->next + n : end;
    } while (search->next < end && (until <= 0 || mf_clock_seconds() < until));
    search->n_scored += search->indexed ? s.n_scored : 0;
    workspace->n_scored = search->n_scored;
    workspace->n_bounded = search->n_bounded;
    search->under_way = search->next < end;
    return !search->under_way;
}
