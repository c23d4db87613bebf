/* earlier.c: promises in earlier.h. */
#include "earlier.h"

#include "base/log.h"
#include "base/memory.h"

#include <string.h>

bool mf_earlier_open(mf_earlier *earlier, const mf_channel *channel, const mf_settings *settings,
                     mf_train_settings *values, mf_error *err)
{
    memset(earlier, 0, sizeof *earlier);
    if (!mf_model_channel_open(channel, &earlier->mapped, err))
        return false;
    earlier->model = mf_model_open_bytes(earlier->mapped.bytes, earlier->mapped.n_bytes,
                                         earlier->mapped.name, err);
    if (earlier->model == NULL) {
        mf_earlier_close(earlier);
        return false;
    }
    const mf_model_parts *parts = mf_model_get(earlier->model);
    if (mf_train_settings_is_given(settings, "n_factors") &&
        values->h.n_factors != parts->n_factors) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "hyperparameter n_factors is %u, but the model of channel %s has %u: leave it out, "
                "or train without that channel",
                values->h.n_factors, channel->name, parts->n_factors);
        mf_earlier_close(earlier);
        return false;
    }
    values->h.n_factors = parts->n_factors;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "earlier_model");
    mf_log_text(&line, "channel", channel->name);
    mf_log_text(&line, "file", earlier->mapped.name);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "n_factors", parts->n_factors);
    mf_log_end(&line);
    return true;
}

void mf_earlier_close(mf_earlier *earlier)
{
    mf_model_close(earlier->model);
    mf_mapped_model_close(&earlier->mapped);
    memset(earlier, 0, sizeof *earlier);
}

/* Merges two ascending lists without repeats into out (NULL: only counts). */
static uint64_t merge(const uint32_t *a, uint64_t n_a, const uint32_t *b, uint64_t n_b,
                      uint32_t *out)
{
    uint64_t n = 0;
    uint64_t i = 0;
    uint64_t j = 0;
    while (i < n_a || j < n_b) {
        const uint32_t next = j == n_b || (i < n_a && a[i] < b[j]) ? a[i] : b[j];
        i += i < n_a && a[i] == next;
        j += j < n_b && b[j] == next;
        if (out != NULL)
            out[n] = next;
        n++;
    }
    return n;
}

static uint64_t merge_user(const mf_model_parts *model, const mf_ratings *ratings, uint32_t user,
                           uint32_t *out)
{
    const uint64_t from = user < model->n_users ? model->rated_start[user] : 0;
    const uint64_t to = user < model->n_users ? model->rated_start[user + 1] : 0;
    const uint64_t start = ratings->user_start[user];
    return merge(model->rated_items + from, to - from, ratings->item + start,
                 ratings->user_start[user + 1] - start, out);
}

bool mf_earlier_rated(const mf_earlier *earlier, const mf_ratings *ratings, uint64_t **start,
                      uint32_t **items, mf_error *err)
{
    const mf_model_parts *model = mf_model_get(earlier->model);
    *start = mf_allocate((size_t)ratings->n_users + 1, sizeof **start, "rated items", err);
    *items = NULL;
    if (*start == NULL)
        return false;
    for (uint32_t u = 0; u < ratings->n_users; u++)
        (*start)[u + 1] = (*start)[u] + merge_user(model, ratings, u, NULL);
    *items = mf_allocate((*start)[ratings->n_users], sizeof **items, "rated items", err);
    if (*items == NULL) {
        mf_free(*start);
        *start = NULL;
        return false;
    }
    for (uint32_t u = 0; u < ratings->n_users; u++)
        merge_user(model, ratings, u, *items + (*start)[u]);
    return true;
}
