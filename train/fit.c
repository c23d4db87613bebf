/* fit.c: runs the two trainers one after the other and assembles their results. */
#include "fit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "output.h"

#include <string.h>

static bool learn_ratings(mf_fit *fit, const mf_train_settings *values, const mf_ratings *train,
                          mf_error *err)
{
    const double start = mf_clock_seconds();
    const mf_trainer_input input = {.ratings = train};
    fit->trainer = mf_trainer_create(&values->h, &input, err);
    if (fit->trainer == NULL)
        return false;
    while (!mf_trainer_done(fit->trainer)) {
        bool epoch_ended;
        if (!mf_trainer_step(fit->trainer, &epoch_ended, err))
            return false;
    }
    fit->report.rating_seconds = mf_clock_seconds() - start;
    return true;
}

static bool learn_ranking(mf_fit *fit, const mf_train_settings *values, const mf_ratings *train,
                          mf_error *err)
{
    const mf_ranking_input input = {.all = train, .train = train};
    double before = mf_clock_seconds();
    if (!mf_ranking_create(&fit->ranking, &input, values, err))
        return false;
    while (!mf_spectral_done(fit->ranking.spectral)) {
        const mf_spectral_phase phase = mf_spectral_progress_get(fit->ranking.spectral).phase;
        if (!mf_spectral_step(fit->ranking.spectral, err))
            return false;
        const double now = mf_clock_seconds();
        if (phase == MF_SPECTRAL_LEARNING)
            fit->report.learning_seconds += now - before;
        else
            fit->report.choosing_seconds += now - before;
        before = now;
    }
    return true;
}

static bool assemble(mf_fit *fit, const mf_train_settings *values, const mf_ratings *train,
                     mf_error *err)
{
    mf_ranking_parts ranking = {0};
    mf_model_parts parts;
    uint32_t best_epoch;
    if (fit->ranking.spectral != NULL) {
        mf_spectral_result result;
        if (!mf_ranking_get(&fit->ranking, &ranking, err) ||
            !mf_spectral_result_get(fit->ranking.spectral, &result, err))
            return false;
        fit->report.steps = result.steps;
        fit->report.converged = result.converged;
    } else if (!mf_rated_create(&fit->rated, NULL, train, train, NULL, 0, values->h.n_threads,
                                err)) {
        return false;
    }
    const mf_output output = {
        .trainer = fit->trainer,
        .n_factors = values->h.n_factors,
        .user_regularization = values->h.user_regularization,
        .user_bias_regularization = values->h.user_bias_regularization,
        .all = train,
        .rated = fit->ranking.spectral != NULL ? &fit->ranking.rated : &fit->rated,
        .ranking = &ranking,
    };
    if (!mf_output_parts(&output, &parts, &fit->item_count, &best_epoch, err))
        return false;
    fit->model = mf_model_view(&parts, err);
    return fit->model != NULL;
}

bool mf_fit_model(const mf_train_settings *values, const mf_ratings *train, mf_fit *fit,
                  mf_error *err)
{
    memset(fit, 0, sizeof *fit);
    if (train->n_ratings == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "there is no rating to learn from");
    const bool has_ratings =
        train->feedback != MF_FEEDBACK_IMPLICIT && !mf_ratings_one_value(train);
    if (!has_ratings && !values->ranking)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "hyperparameter ranking is false, but without ratings a ranking model is all "
            "that can be learned: set it to true");
    return (!has_ratings || learn_ratings(fit, values, train, err)) &&
           (!values->ranking || learn_ranking(fit, values, train, err)) &&
           assemble(fit, values, train, err);
}

void mf_fit_release(mf_fit *fit)
{
    mf_model_close(fit->model);
    mf_free(fit->item_count);
    mf_rated_release(&fit->rated);
    mf_ranking_release(&fit->ranking);
    mf_trainer_destroy(fit->trainer);
    memset(fit, 0, sizeof *fit);
}
