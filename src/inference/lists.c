/* lists.c: instances that are processed one at a time: recommendations, similar items, and the
 * rating of a folded-in user. */
#include "base/grow.h"
#include "inference/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_BYTES = 48 };

static uint32_t find_item(mf_inference *inference, mf_id id)
{
    const uint32_t item = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
    inference->counts.n_unknown_items += item == MF_INDEX_NONE;
    return item;
}

/* Fills indexes with the items of these ids, MF_INDEX_NONE for unknown items. */
static bool find_items(mf_inference *inference, const mf_written_ids *ids, mf_error *err)
{
    if (!MF_GROW(inference->indexes, inference->indexes_capacity, ids->n,
                 "the items of an instance", err))
        return false;
    for (size_t i = 0; i < ids->n; i++)
        inference->indexes[i] = find_item(inference, ids->id[i].id);
    return true;
}

static void count_user(mf_inference *inference, const mf_profile *profile)
{
    inference->counts.n_users++;
    inference->counts.n_unknown_users += !profile->known;
}

/* The group of the instance: a member who is not in the model counts with the mean profile. */
static bool find_group(mf_inference *inference, mf_workspace *workspace, mf_profile *profile,
                       mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    if (!mf_group_begin(inference->recommender, workspace, err))
        return false;
    for (size_t i = 0; i < instance->users.n; i++) {
        const mf_id id = instance->users.id[i].id;
        const mf_profile member = mf_profile_of_user(
            inference->recommender, mf_model_find_user(inference->model, id.bytes, id.n_bytes));
        count_user(inference, &member);
        if ((!member.known && !mf_reject_unknown(inference, "userIds", id, err)) ||
            !mf_group_add(inference->recommender, workspace, &member, err))
            return false;
    }
    return mf_group_profile(inference->recommender, workspace, instance->blend, profile, err);
}

/* Fills the user profile of the instance. It is valid until the next fold-in. */
static bool find_profile(mf_inference *inference, mf_workspace *workspace, mf_profile *profile,
                         mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    if (instance->users.n > 0)
        return find_group(inference, workspace, profile, err);
    if (instance->rated.n == 0) {
        const mf_id id = instance->user.id;
        *profile = mf_profile_of_user(inference->recommender,
                                      mf_model_find_user(inference->model, id.bytes, id.n_bytes));
        count_user(inference, profile);
        return profile->known || mf_reject_unknown(inference, "userId", id, err);
    }
    if (!find_items(inference, &instance->rated, err))
        return false;
    const mf_visitor visitor = {
        .items = inference->indexes,
        .ratings = instance->ratings,
        .times = instance->n_times > 0 ? instance->times : NULL,
        .n = instance->rated.n,
    };
    inference->counts.n_clipped += mf_visitor_count_clipped(inference->recommender, &visitor);
    const mf_id id = instance->user.id;
    const bool ok = id.bytes == NULL
                        ? mf_fold_in(inference->recommender, workspace, &visitor, profile, err)
                        : mf_add_events(inference->recommender, workspace,
                                        mf_model_find_user(inference->model, id.bytes, id.n_bytes),
                                        &visitor, profile, err);
    if (!ok)
        return false;
    count_user(inference, profile);
    if (id.bytes != NULL)
        return profile->known || mf_reject_unknown(inference, "userId", id, err);
    if (!profile->known && inference->limits->strict && inference->single)
        return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE,
                       "ratings: none of the movies is in the training data");
    return true;
}

/* ------------------------------------------------------------------------- lists */

/* Unknown items follow each other in the order of the request, each once. mf_top_n decides at which
 * position of the list. */

static int compare_ids(mf_id x, mf_id y)
{
    const int order = memcmp(x.bytes, y.bytes, x.n_bytes < y.n_bytes ? x.n_bytes : y.n_bytes);
    return order != 0 ? order : (x.n_bytes > y.n_bytes) - (x.n_bytes < y.n_bytes);
}

static int by_place(const void *a, const void *b)
{
    const mf_unknown_item *x = a;
    const mf_unknown_item *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_id(const void *a, const void *b)
{
    const int order =
        compare_ids(((const mf_unknown_item *)a)->id, ((const mf_unknown_item *)b)->id);
    return order != 0 ? order : by_place(a, b);
}

/* Collects them; inference->indexes holds the items of instance.movies. */
static bool find_unknown(mf_inference *inference, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    mf_list *list = &inference->list;
    size_t n = 0;
    for (size_t i = 0; i < instance->candidates.n; i++)
        n += inference->indexes[i] == MF_INDEX_NONE;
    if (n == 0)
        return true;
    list->unknown = mf_allocate(n, sizeof *list->unknown, "the movies of an instance", err);
    if (list->unknown == NULL)
        return false;
    for (size_t i = 0, k = 0; i < instance->candidates.n; i++)
        if (inference->indexes[i] == MF_INDEX_NONE)
            list->unknown[k++] = (mf_unknown_item){instance->candidates.id[i].id, i};
    if (!mf_reject_unknown(inference, "movieIds", list->unknown[0].id, err))
        return false;
    qsort(list->unknown, n, sizeof *list->unknown, by_id);
    list->n_unknown = 1;
    for (size_t i = 1; i < n; i++)
        if (compare_ids(list->unknown[i].id, list->unknown[i - 1].id) != 0)
            list->unknown[list->n_unknown++] = list->unknown[i];
    qsort(list->unknown, list->n_unknown, sizeof *list->unknown, by_place);
    return true;
}

static bool begin_list(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    mf_list *list = &inference->list;
    if (!find_profile(inference, workspace, &list->profile, err))
        return false;
    if (instance->candidates.n > 0 &&
        (!find_items(inference, &instance->candidates, err) || !find_unknown(inference, err)))
        return false;
    const mf_top_n_query query = {
        .n = instance->n > 0 ? instance->n : instance->candidates.n,
        .order = instance->order,
        .include_rated = instance->include_rated,
        .candidates = instance->candidates.n > 0 ? inference->indexes : NULL,
        .n_candidates = instance->candidates.n,
        .n_unknown = list->n_unknown,
        .unknown_last = inference->limits->strict,
        .offset = instance->steering.offset,
        .allowed = inference->steered.allowed,
        .exclude = inference->steered.exclude,
        .n_exclude = inference->steered.n_exclude,
        .diversity = instance->steering.diversity,
        .quotas = inference->steered.quotas,
        .n_quotas = inference->steered.n_quotas,
    };
    /* Strict: an unknown user gets an empty list, not the mean profile's. */
    if (inference->limits->strict && !list->profile.known)
        return true;
    if (!mf_top_n_begin(inference->recommender, workspace, &list->profile, &query, err))
        return false;
    list->searched_in = workspace;
    return true;
}

/* ------------------------------------------------------------------------ others */

static bool begin_similar(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    const mf_id id = instance->item.id;
    const uint32_t item = find_item(inference, id);
    inference->list.known_item = item != MF_INDEX_NONE;
    if (item == MF_INDEX_NONE)
        return mf_reject_unknown(inference, "movieId", id, err);
    if (!mf_similar_begin(inference->recommender, workspace, item, instance->n, err))
        return false;
    inference->list.searched_in = workspace;
    return true;
}

static bool begin_audience(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    const uint32_t item = find_item(inference, instance->item.id);
    inference->list.known_item = item != MF_INDEX_NONE;
    if (item == MF_INDEX_NONE)
        return mf_reject_unknown(inference, "movieId", instance->item.id, err);
    if (!mf_audience_begin(inference->recommender, workspace, item, instance->n, instance->order,
                           err))
        return false;
    inference->list.searched_in = workspace;
    return true;
}

/* Predicts a folded-in user's rating of one item. */
static bool respond_rating(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_id id = inference->instance.item.id;
    const uint32_t item = find_item(inference, id);
    const bool has_ratings = mf_recommender_has_ratings(inference->recommender);
    mf_profile profile;
    if (!mf_reject_rating(inference, err) || !find_profile(inference, workspace, &profile, err))
        return false;
    mf_rating_response response = {.known_user = profile.known,
                                   .known_item = item != MF_INDEX_NONE};
    response.rejected = !has_ratings || (inference->limits->strict &&
                                         !(response.known_user && response.known_item));
    if (!response.known_item && !mf_reject_unknown(inference, "movieId", id, err))
        return false;
    if (!response.rejected)
        response.predicted_rating = mf_predict(inference->recommender, &profile, item);
    mf_response_begin(inference);
    mf_response_rating(inference, &response);
    mf_entries_add_attributes(inference, id);
    mf_response_end(inference);
    return true;
}

/* A search that takes several steps needs a workspace of its own; others use the borrowed one. */
static mf_workspace *choose_workspace(mf_inference *inference, mf_workspace *workspace,
                                      mf_error *err)
{
    if (inference->until <= 0 || (inference->instance.kind != MF_INSTANCE_AUDIENCE &&
                                  !mf_recommender_is_long(inference->recommender)))
        return workspace;
    if (inference->own == NULL)
        inference->own = mf_workspace_create(err);
    return inference->own;
}

bool mf_instance_resume(mf_inference *inference, mf_error *err)
{
    mf_list *list = &inference->list;
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    const double until = list->searched_in == inference->own ? inference->until : 0;
    const mf_explanation *explanations = NULL;
    mf_workspace *searched_in = list->searched_in;
    if (searched_in != NULL && !(inference->instance.kind == MF_INSTANCE_AUDIENCE
                                     ? mf_audience_step(searched_in, until, &best, &n_best)
                                     : mf_search_step(searched_in, until, &best, &n_best)))
        return true;
    list->searched_in = NULL;
    if (searched_in != NULL && inference->instance.steering.n_reasons > 0 &&
        !mf_explain(searched_in, inference->instance.steering.n_reasons, &explanations, err))
        return false;
    mf_entries_write(inference, best, n_best, explanations);
    return true;
}

/* Begins the response to inference->instance, which is not a pair. Earlier pairs have theirs. */
static bool begin_instance(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    const mf_instance_kind kind = inference->instance.kind;
    if (kind == MF_INSTANCE_RATING)
        return respond_rating(inference, workspace, err);
    mf_free(inference->list.unknown);
    inference->list = (mf_list){.searched_in = NULL};
    workspace = choose_workspace(inference, workspace, err);
    if (workspace == NULL ||
        !(kind == MF_INSTANCE_LIST       ? begin_list(inference, workspace, err)
          : kind == MF_INSTANCE_AUDIENCE ? begin_audience(inference, workspace, err)
                                         : begin_similar(inference, workspace, err)))
        return false;
    return mf_instance_resume(inference, err);
}

/* -------------------------------------------------- what the model must be able to do */

static bool check_order(const mf_inference *inference, mf_place place, mf_error *err)
{
    const mf_order order = inference->instance.order;
    const bool by_rating =
        order == MF_ORDER_RATING ||
        (order == MF_ORDER_DEFAULT && !mf_recommender_has_ranking(inference->recommender));
    if (inference->instance.steering.n_reasons > 0 && by_rating)
        return mf_place_fail(err, MF_ERR_PARSE, place, "explain",
                             "a list by predicted rating has no reasons, one by ranking has");
    if (inference->instance.kind == MF_INSTANCE_AUDIENCE && order == MF_ORDER_POPULARITY)
        return mf_place_fail(err, MF_ERR_PARSE, place, "order",
                             "expected ranking or rating: popularity is the same for all users");
    if (mf_recommender_can_order(inference->recommender, order))
        return true;
    return mf_place_fail(err, MF_ERR_PARSE, place, "order",
                         order == MF_ORDER_RATING
                             ? "rating is not possible: this model was trained without ratings "
                               "and can order by ranking or popularity"
                             : "ranking is not possible: this model has no ranking model and can "
                               "order by rating or popularity");
}

/* A rating model needs a rating of each item of a folded-in user. For a model without one, each
 * item may have a weight above 0, by default 1. Ratings beside a userId may be events, which are
 * never refused. */
static bool check_weights(mf_inference *inference, mf_place place, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    const bool has_ratings = mf_recommender_has_ratings(inference->recommender);
    const bool may_lack = instance->user.id.bytes != NULL;
    for (size_t i = 0; i < instance->rated.n; i++) {
        char field[FIELD_BYTES];
        if (may_lack && has_ratings)
            break;
        if (has_ratings ? !isnan(instance->ratings[i]) : instance->ratings[i] > 0)
            continue;
        snprintf(field, sizeof field, has_ratings ? "ratings[%zu]" : "ratings[%zu].rating", i);
        if (has_ratings)
            return mf_place_fail(err, MF_ERR_PARSE, place, field, "rating is missing");
        if (!isnan(instance->ratings[i]) && !may_lack)
            return mf_place_fail(err, MF_ERR_PARSE, place, field,
                                 "expected a weight above 0, or none: this model was trained "
                                 "without ratings");
        instance->ratings[i] = 1;
    }
    return true;
}

bool mf_instance_take(mf_inference *inference, mf_workspace *workspace, const char *bytes,
                      size_t n_bytes, size_t *n_used, mf_json_where where, mf_error *err)
{
    const mf_instance *instance = &inference->instance;
    inference->n_slow++;
    if (!mf_instance_read(&inference->instance, inference->limits, bytes, n_bytes, n_used, where,
                          err) ||
        !mf_response_check(inference, instance->kind, err) ||
        !check_order(inference, where.place, err) || !check_weights(inference, where.place, err) ||
        !mf_steering_resolve(&instance->steering, inference->model, inference->limits->lists,
                             where.place, &inference->steered, err))
        return false;
    inference->counts.n_unknown_items += inference->steered.n_unknown;
    if (instance->kind == MF_INSTANCE_RATING && instance->rated.n == 0 &&
        instance->steering.n_with == 0) {
        mf_pairs_add(inference, instance->user.id, instance->item.id, where.place);
        return true;
    }
    inference->n_instances++;
    return mf_pairs_respond(inference, err) && begin_instance(inference, workspace, err);
}
