/* earlier.c: promises in earlier.h. */
#include "earlier.h"

#include "base/log.h"

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
    const bool predicts = parts->n_factors > 0;
    if (predicts && mf_train_settings_is_given(settings, "n_factors") &&
        values->h.n_factors != parts->n_factors) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                "hyperparameter n_factors is %u, but the model of channel %s has %u: leave it out, "
                "or train without that channel",
                values->h.n_factors, channel->name, parts->n_factors);
        mf_earlier_close(earlier);
        return false;
    }
    if (predicts)
        values->h.n_factors = parts->n_factors;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "earlier_model");
    mf_log_text(&line, "channel", channel->name);
    mf_log_text(&line, "file", earlier->mapped.name);
    mf_log_count(&line, "users", parts->n_users);
    mf_log_count(&line, "items", parts->n_items);
    mf_log_count(&line, "n_factors", parts->n_factors);
    mf_log_count(&line, "ranking_factors", parts->ranking.n_factors);
    mf_log_end(&line);
    return true;
}

void mf_earlier_close(mf_earlier *earlier)
{
    mf_model_close(earlier->model);
    mf_mapped_model_close(&earlier->mapped);
    memset(earlier, 0, sizeof *earlier);
}
