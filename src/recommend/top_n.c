/* top_n.c: lists of items: the best for a profile, the most similar to an item. Both begin a search
 * that mf_search_step finishes. */
#include "recommend/popularity.h"
#include "recommend/profile.h"
#include "recommend/scan.h"
#include "recommend/similar.h"
#include "recommend/state.h"
#include "recommend/steer.h"

#include <math.h>
#include <string.h>

bool mf_recommender_can_order(const mf_recommender *recommender, mf_order order)
{
    switch (order) {
    case MF_ORDER_DEFAULT:
    case MF_ORDER_POPULARITY:
        return true;
    case MF_ORDER_RANKING:
        return mf_recommender_has_ranking(recommender);
    case MF_ORDER_RATING:
        return mf_recommender_has_ratings(recommender);
    case MF_ORDERS:
        break;
    }
    return false;
}

/* What the list is ordered by in fact. False: not by anything that this model has. */
static bool order_of(const mf_recommender *r, const mf_profile *profile, mf_order requested,
                     mf_order *order, mf_error *err)
{
    if (!mf_recommender_can_order(r, requested))
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the model has no order %d",
                       (int)requested);
    *order = requested;
    if (requested == MF_ORDER_DEFAULT)
        *order = mf_recommender_has_ranking(r) ? MF_ORDER_RANKING : MF_ORDER_RATING;
    if (*order == MF_ORDER_RATING && !profile->known)
        *order = MF_ORDER_POPULARITY;
    return true;
}

/* What orders a list for this profile by the ranking model; *query lives in the workspace where it
 * is not the profile's. */
static bool rank(const mf_recommender *r, mf_workspace *workspace, const mf_profile *profile,
                 mf_scoring *scoring, mf_error *err)
{
    const mf_ranking_parts *ranking = &r->parts->ranking;
    scoring->space = &r->ranking;
    scoring->skips_zero = true;
    scoring->query = profile->vector;
    scoring->n_members = profile->n_members;
    scoring->members = profile->member_vectors;
    if (profile->vector == NULL && !profile->known)
        scoring->query = ranking->mean_profile;
    if (scoring->query != NULL)
        return true;
    float *vector = mf_scratch_reserve(&workspace->direction, r->ranking.stride, sizeof *vector,
                                       "a ranking vector", err);
    if (vector == NULL)
        return false;
    const mf_history history = profile->user != MF_INDEX_NONE
                                   ? mf_history_of_user(r->parts, profile->user)
                                   : (mf_history){.n = 0};
    mf_profile_compute(&r->profiles, &history, vector);
    scoring->query = vector;
    return true;
}

static void rate(const mf_recommender *r, const mf_profile *profile, mf_scoring *scoring)
{
    scoring->space = &r->rating;
    scoring->query = profile->factors;
    scoring->base = r->parts->global_mean + profile->bias;
    if (profile->n_members > 0) {
        scoring->n_members = profile->n_members;
        scoring->members = profile->member_factors;
        scoring->member_bias = profile->member_bias;
        scoring->base = r->parts->global_mean + profile->mean_bias;
    }
    scoring->bias = r->parts->item_bias;
}

/* The best of all items, or of those chosen. */
static bool search_items(mf_search *search, mf_workspace *workspace, mf_error *err)
{
    const mf_recommender *r = search->recommender;
    const mf_choice *choice = &search->choice;
    if (search->best.capacity == 0)
        return true;
    if (search->order == MF_ORDER_POPULARITY && choice->items == NULL)
        mf_popular_best(&r->popular, r->parts, &search->scoring, &search->best);
    else if (search->order == MF_ORDER_POPULARITY)
        mf_popular_best_of(r->parts, &search->scoring, choice->items, choice->n, &search->best);
    else if (choice->items != NULL)
        return mf_scan_list(search, workspace, choice->items, choice->n, err);
    else
        return mf_scan_begin(search, workspace, err);
    return true;
}

static size_t sum_at_most(size_t a, size_t b)
{
    return b < SIZE_MAX - a ? a + b : SIZE_MAX;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

bool mf_top_n_begin(const mf_recommender *recommender, mf_workspace *workspace,
                    const mf_profile *profile, const mf_top_n_query *query, mf_error *err)
{
    mf_search *search = &workspace->search;
    mf_order order = query->order;
    mf_choice choice;
    if (!order_of(recommender, profile, query->order, &order, err) ||
        !mf_choice_make(recommender, workspace, profile, query, &choice, err))
        return false;
    const size_t n_wanted = query->n > 0 ? sum_at_most(query->offset, query->n) : 0;
    const bool is_steered = n_wanted > 0 && mf_steer_applies(query);
    const size_t n_places = least(n_wanted, choice.n);
    const size_t n = is_steered ? least(mf_steer_lookahead(query, n_wanted), choice.n) : n_places;
    const size_t n_unknown = least(query->n_unknown, n_wanted);
    const size_t n_entries =
        sum_at_most(is_steered && query->n_quotas > 0 ? choice.n : n, n_unknown);
    mf_recommendation *entries =
        mf_scratch_reserve(&workspace->best, n_entries, sizeof *entries, "a list of the best", err);
    if (entries == NULL)
        return false;
    const bool leaves_out = choice.bits == NULL && !query->include_rated;
    mf_scoring scoring = {
        .chosen = choice.bits,
        .left_out = profile->rated,
        .n_left_out = leaves_out ? profile->n_rated : 0,
    };
    if (order == MF_ORDER_RATING)
        rate(recommender, profile, &scoring);
    else if (order == MF_ORDER_RANKING && !rank(recommender, workspace, profile, &scoring, err))
        return false;
    *search = (mf_search){
        .recommender = recommender,
        .scoring = scoring,
        .item = MF_INDEX_NONE,
        .order = order,
        .profile = *profile,
        .n = n_wanted,
        .offset = query->offset,
        .choice = choice,
        .takes_bare = order == MF_ORDER_RANKING && query->candidates != NULL,
        .n_unknown = n_unknown,
        .unknown_last = query->unknown_last,
    };
    if (is_steered && !mf_steer_begin(search, workspace, query, n_places, err))
        return false;
    mf_best_begin(&search->best, entries, n);
    return search_items(search, workspace, err);
}

bool mf_similar_begin(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item,
                      size_t n, mf_error *err)
{
    const mf_model_parts *parts = recommender->parts;
    const mf_space *space = mf_similar_space(recommender);
    if (item >= parts->n_items)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "item %lu of %lu", (unsigned long)item,
                       (unsigned long)parts->n_items);
    n = n < parts->n_items ? n : parts->n_items;
    mf_recommendation *entries =
        mf_scratch_reserve(&workspace->best, n, sizeof *entries, "a list of the best", err);
    float *query = mf_scratch_reserve(&workspace->direction, space->stride, sizeof *query,
                                      "a row of factors", err);
    if (entries == NULL || query == NULL)
        return false;
    mf_search *search = &workspace->search;
    *search = (mf_search){.recommender = recommender, .item = item};
    mf_best_begin(&search->best, entries, n);
    if (n == 0 || !mf_similarity_query(parts, space, item, query))
        return true;
    search->scoring = (mf_scoring){
        .space = space,
        .query = query,
        .weight = recommender->similarity_weight,
        .left_out = &search->item,
        .n_left_out = 1,
    };
    return mf_scan_begin(search, workspace, err);
}

/* Candidates without a vector behind the sorted list of a ranking, as far as there is place. */
static void append_bare(mf_search *search)
{
    const mf_recommender *r = search->recommender;
    const uint32_t *items = search->choice.items;
    const size_t n = items != NULL ? search->choice.n : r->parts->n_items;
    for (size_t k = 0; search->takes_bare && k < n; k++) {
        const uint32_t item = items != NULL ? items[k] : (uint32_t)k;
        if (search->best.n == search->best.capacity)
            break;
        if (mf_space_is_zero(&r->ranking, item) && !mf_scoring_leaves_out(&search->scoring, item))
            search->best.entries[search->best.n++] = (mf_recommendation){item, 0, NAN};
    }
}

/* The unknown candidates into the sorted list, behind known items with the same score.
 * Returns its length. */
static size_t insert_unknown(const mf_search *search, mf_recommendation *entries, size_t n_known)
{
    const mf_model_parts *parts = search->recommender->parts;
    mf_recommendation unknown = {MF_INDEX_NONE, NAN, NAN};
    size_t at = n_known;
    if (search->n_unknown == 0)
        return at;
    if (!search->unknown_last && mf_recommender_has_ratings(search->recommender))
        unknown.predicted_rating = mf_predict(search->recommender, &search->profile, MF_INDEX_NONE);
    if (!search->unknown_last && search->order != MF_ORDER_RANKING) {
        unknown.score =
            search->order == MF_ORDER_RATING ? parts->global_mean + search->profile.bias : 0;
        while (search->steering.n == 0 && at > 0 && entries[at - 1].score < unknown.score)
            at--;
    }
    const size_t left = search->n - at;
    const size_t n = search->n_unknown < left ? search->n_unknown : left;
    const size_t behind = n_known - at;
    const size_t moved = behind < left - n ? behind : left - n;
    memmove(entries + at + n, entries + at, moved * sizeof *entries);
    for (size_t k = 0; k < n; k++)
        entries[at + k] = unknown;
    return at + n + moved;
}

/* Finds more of the best items; their list begins as it did. What that needs was reserved. */
static void look_further(mf_search *search, mf_workspace *workspace)
{
    enum { TIMES = 8 };
    mf_error none = {0};
    const size_t most = search->choice.n / TIMES;
    const size_t n =
        search->best.capacity < most ? search->best.capacity * TIMES : search->choice.n;
    mf_best_begin(&search->best, search->best.entries, n);
    search->is_sorted = false;
    if (!search_items(search, workspace, &none)) /* cannot be: mf_steer_begin reserved it */
        search->best.capacity = search->choice.n = 0;
}

/* True when the list is there. */
static bool fill_places(mf_search *search, mf_workspace *workspace, double until)
{
    for (;;) {
        if (search->under_way && !mf_scan_step(search, workspace, until))
            return false;
        if (!search->is_sorted) {
            const bool is_similar = search->item != MF_INDEX_NONE;
            if (is_similar || search->order != MF_ORDER_POPULARITY) /* those stand sorted */
                mf_best_sort(&search->best);
            append_bare(search);
            search->is_sorted = true;
        }
        if (search->steering.n == 0)
            return true;
        const mf_steer_state state = mf_steer_step(search, until);
        if (state != MF_STEER_SHORT)
            return state == MF_STEER_DONE;
        look_further(search, workspace);
    }
}

bool mf_search_step(mf_workspace *workspace, double until, const mf_recommendation **best,
                    size_t *n_best)
{
    mf_search *search = &workspace->search;
    const mf_recommender *recommender = search->recommender;
    if (!fill_places(search, workspace, until))
        return false;
    const bool is_similar = search->item != MF_INDEX_NONE;
    const bool is_steered = search->steering.n > 0;
    mf_recommendation *entries = is_steered ? search->steering.list : search->best.entries;
    const size_t n =
        insert_unknown(search, entries, is_steered ? search->steering.n_list : search->best.n);
    const size_t offset = least(search->offset, n);
    for (size_t k = offset; k < n; k++) {
        mf_recommendation *entry = &entries[k];
        if (entry->item == MF_INDEX_NONE)
            continue;
        if (is_similar)
            entry->score = mf_clip_similarity(entry->score);
        else if (search->order == MF_ORDER_RATING)
            entry->predicted_rating = mf_clip_rating(recommender->parts, entry->score);
        else if (mf_recommender_has_ratings(recommender))
            entry->predicted_rating = mf_predict(recommender, &search->profile, entry->item);
    }
    *best = search->list = entries + offset;
    *n_best = search->n_list = n - offset;
    return true;
}

bool mf_top_n(const mf_recommender *recommender, mf_workspace *workspace, const mf_profile *profile,
              const mf_top_n_query *query, const mf_recommendation **best, size_t *n_best,
              mf_error *err)
{
    return mf_top_n_begin(recommender, workspace, profile, query, err) &&
           mf_search_step(workspace, 0, best, n_best);
}

bool mf_similar(const mf_recommender *recommender, mf_workspace *workspace, uint32_t item, size_t n,
                const mf_recommendation **best, size_t *n_best, mf_error *err)
{
    return mf_similar_begin(recommender, workspace, item, n, err) &&
           mf_search_step(workspace, 0, best, n_best);
}
