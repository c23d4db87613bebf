/* base_model.c: opens the model of a channel and adopts its n_factors. */
#include "base_model.h"

#include "base/log.h"

#include <string.h>

bool mf_base_model_open(mf_base_model *base, const mf_channel *channel, const mf_settings *settings,
                        mf_train_settings *values, mf_error *err)
{
    memset(base, 0, sizeof *base);
    if (!mf_model_channel_open(channel, &base->mapped, err))
        return false;
    base->model =
        mf_model_open_bytes(base->mapped.bytes, base->mapped.n_bytes, base->mapped.name, err);
    if (base->model == NULL) {
        mf_base_model_close(base);
        return false;
    }
    const mf_model_parts *parts = mf_model_get(base->model);
    const bool predicts = parts->n_factors > 0;
    if (predicts && mf_train_settings_is_given(settings, "n_factors") &&
        values->h.n_factors != parts->n_factors) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "hyperparameter n_factors is %u, but the model of channel %s has %u: leave it out, "
                "or train without that channel",
                values->h.n_factors, channel->name, parts->n_factors);
        mf_base_model_close(base);
        return false;
    }
    if (predicts)
        values->h.n_factors = parts->n_factors;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "earlier_model");
    mf_log_text(&line, "channel", channel->name);
    mf_log_text(&line, "file", base->mapped.name);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "n_factors", parts->n_factors);
    mf_log_count(&line, "ranking_factors", parts->ranking.n_factors);
    mf_log_end(&line);
    return true;
}

void mf_base_model_close(mf_base_model *base)
{
    mf_model_close(base->model);
    mf_mapped_model_close(&base->mapped);
    memset(base, 0, sizeof *base);
}
