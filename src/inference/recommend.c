/* recommend.c: recommendations for one user whose id comes from a path or an event, not from a
 * body. */
#include "inference/inference.h"

#include "base/clock.h"
#include "inference/instance.h"

#include <math.h>

enum { SHOWN_BYTES = 64, NUMBER_DIGITS_MAX = 15 };

/* A canonical integer that a double holds exactly: "123", "-5", not "007". */
static bool is_number(mf_id id)
{
    const size_t sign = id.n_bytes > 0 && id.bytes[0] == '-';
    const size_t n_digits = id.n_bytes - sign;
    if (n_digits == 0 || n_digits > NUMBER_DIGITS_MAX)
        return false;
    if (id.bytes[sign] == '0' && id.n_bytes > 1)
        return false;
    for (size_t i = sign; i < id.n_bytes; i++)
        if (id.bytes[i] < '0' || id.bytes[i] > '9')
            return false;
    return true;
}

void mf_inference_write_id(mf_text *response, mf_id id)
{
    if (is_number(id))
        mf_text_append(response, id.bytes, id.n_bytes);
    else
        mf_text_json(response, id.bytes, id.n_bytes);
}

void mf_inference_begin_list(mf_text *response, const char *user_id, size_t n_bytes)
{
    mf_text_literal(response, "{\"user_id\":");
    mf_inference_write_id(response, (mf_id){user_id, n_bytes});
    mf_text_literal(response, ",\"recommendations\":");
}

void mf_inference_end_list(mf_text *response, const mf_inference_list *list)
{
    mf_text_literal(response, ",\"count\":");
    mf_text_count(response, list->count);
    if (!list->known_user)
        mf_text_literal(response, ",\"known_user\":false");
}

/* --------------------------------------------------------------------- events of a user */

/* Newest first: event j has the time n - j. */
static double time_of(const mf_user_events *events, size_t j)
{
    return (double)(events->n - j);
}

void mf_inference_add_events(mf_text *instance, const mf_user_events *events)
{
    for (size_t j = 0; j < events->n; j++) {
        const mf_user_event *event = &events->events[j];
        mf_text_format(instance, "%s{\"item_id\":", j == 0 ? ",\"ratings\":[" : ",");
        mf_text_json(instance, event->item.bytes, event->item.n_bytes);
        if (!isnan(event->rating)) {
            mf_text_literal(instance, ",\"rating\":");
            mf_text_double(instance, event->rating);
        }
        mf_text_format(instance, ",\"timestamp\":%.0f}", time_of(events, j));
    }
    if (events->n > 0)
        mf_text_literal(instance, "]");
}

/* The rating as the model has ratings: NAN is a liked item, in a model of counts one more. */
static float rating_of(const mf_recommender *recommender, float rating)
{
    if (mf_recommender_has_ratings(recommender))
        return rating;
    return rating > 0 ? rating : 1;
}

static bool add_events(mf_listing *listing, uint32_t user, const mf_user_events *events,
                       mf_profile *profile, mf_error *err)
{
    const mf_recommender *recommender = listing->recommender;
    const mf_model *model = mf_recommender_model(recommender);
    double *times = mf_allocate(events->n, sizeof(double) + sizeof(uint32_t) + sizeof(float),
                                "a user's events", err);
    if (times == NULL)
        return false;
    uint32_t *items = (uint32_t *)(times + events->n);
    float *ratings = (float *)(items + events->n);
    for (size_t j = 0; j < events->n; j++) {
        const mf_user_event *event = &events->events[j];
        items[j] = mf_model_find_item(model, event->item.bytes, event->item.n_bytes);
        listing->n_unknown_items += items[j] == MF_INDEX_NONE;
        ratings[j] = rating_of(recommender, event->rating);
        times[j] = time_of(events, j);
    }
    const mf_visitor visitor = {items, ratings, times, events->n};
    listing->n_clipped = (uint32_t)mf_visitor_count_clipped(recommender, &visitor);
    const bool ok = mf_add_events(recommender, listing->workspace, user, &visitor, profile, err);
    mf_free(times);
    return ok;
}

/* ---------------------------------------------------------------------------- the list */

bool mf_listing_begin(mf_listing *listing, const mf_recommender *recommender,
                      const mf_inference_limits *limits, mf_workspace *workspace,
                      const char *user_id, size_t n_bytes, uint32_t top_n,
                      const mf_user_events *events, mf_error *err)
{
    *listing = (mf_listing){.recommender = recommender, .workspace = workspace};
    if (!mf_id_valid(user_id, n_bytes))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "user_id: " MF_ID_EXPECTED);
    if (top_n < 1 || top_n > limits->max_top_n)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "top_n: expected a whole number from 1 to %lu",
                       (unsigned long)limits->max_top_n);
    const uint32_t user = mf_model_find_user(mf_recommender_model(recommender), user_id, n_bytes);
    if (mf_recommender_is_long(recommender)) {
        listing->own = mf_workspace_create(err);
        listing->workspace = listing->own;
    }
    mf_profile profile = mf_profile_of_user(recommender, user);
    if (listing->workspace == NULL ||
        (events != NULL && events->n > 0 && !add_events(listing, user, events, &profile, err)))
        return false;
    if (!profile.known && limits->strict) {
        char shown[SHOWN_BYTES];
        return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE,
                       "user_id \"%s\" is not in the training data",
                       mf_printable(shown, sizeof shown, user_id, n_bytes));
    }
    listing->known_user = profile.known;
    const mf_top_n_query query = {.n = top_n};
    return mf_top_n_begin(recommender, listing->workspace, &profile, &query, err);
}

mf_inference_progress mf_listing_step(const mf_listing *listing, uint32_t microseconds,
                                      mf_text *items, mf_inference_list *list, mf_error *err)
{
    const bool stops = listing->own != NULL && microseconds > 0;
    const double until = stops ? mf_clock_seconds() + 1e-6 * microseconds : 0;
    const mf_recommendation *best = NULL;
    size_t n_best = 0;
    if (!mf_search_step(listing->workspace, until, &best, &n_best))
        return MF_INFERENCE_MORE;
    const mf_id_list *ids = &mf_model_get(mf_recommender_model(listing->recommender))->items;
    mf_text_literal(items, "[");
    for (size_t i = 0; i < n_best; i++) {
        if (i > 0)
            mf_text_literal(items, ",");
        mf_inference_write_id(items, mf_id_list_get(ids, best[i].item));
    }
    mf_text_literal(items, "]");
    if (items->failed) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the response");
        return MF_INFERENCE_FAILED;
    }
    *list = (mf_inference_list){.count = (uint32_t)n_best,
                                .n_unknown_items = listing->n_unknown_items,
                                .n_clipped = listing->n_clipped,
                                .known_user = listing->known_user};
    return MF_INFERENCE_DONE;
}

void mf_listing_end(mf_listing *listing)
{
    mf_workspace_destroy(listing->own);
    *listing = (mf_listing){.own = NULL};
}

bool mf_inference_items(const mf_recommender *recommender, const mf_inference_limits *limits,
                        mf_workspace *workspace, const char *user_id, size_t n_bytes,
                        uint32_t top_n, const mf_user_events *events, mf_text *items,
                        mf_inference_list *list, mf_error *err)
{
    mf_listing listing;
    const bool ok = mf_listing_begin(&listing, recommender, limits, workspace, user_id, n_bytes,
                                     top_n, events, err) &&
                    mf_listing_step(&listing, 0, items, list, err) == MF_INFERENCE_DONE;
    mf_listing_end(&listing);
    return ok;
}
