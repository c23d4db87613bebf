/* fit.c: promises in fit.h. */
#include "fit.h"

#include "base/clock.h"
#include "base/memory.h"
#include "grading.h"
#include "sgd/trainer.h"
#include "spectral/spectral.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fit {
    const mf_train_settings *values;
    const mf_ratings *train;
    mf_trainer *trainer; /* NULL: no rating model */
    mf_spectral *spectral;
    mf_grading grading;
    float relevant_rating;
    uint8_t *grades;   /* [n_ratings] */
    uint8_t *relevant; /* [n_ratings] */
    uint32_t *item_count;
    mf_fit_report report;
} fit;

/* RANKING SETTINGS: how the ranking model is learned. The one place to take them from the table
 * of hyperparameters (settings.h) once they stand there. */
static mf_spectral_options ranking_options(const mf_train_settings *values)
{
    return (mf_spectral_options){
        .n_factors = 0,
        .regularization = MF_SPECTRAL_AUTO,
        .recency = MF_SPECTRAL_AUTO,
        .prior = MF_SPECTRAL_AUTO,
        .max_steps = 40,
        .tolerance = 1e-3,
        .seed = values->h.seed,
        .n_threads = values->h.n_threads,
    };
}

static bool learn_ratings(fit *f, mf_error *err)
{
    if (f->train->feedback == MF_FEEDBACK_IMPLICIT)
        return true;
    const double start = mf_clock_seconds();
    const mf_trainer_input input = {.ratings = f->train};
    f->trainer = mf_trainer_create(&f->values->h, &input, err);
    if (f->trainer == NULL)
        return false;
    while (!mf_trainer_done(f->trainer)) {
        bool epoch_ended;
        if (!mf_trainer_step(f->trainer, &epoch_ended, err))
            return false;
    }
    f->report.rating_seconds = mf_clock_seconds() - start;
    return true;
}

static bool learn_ranking(fit *f, mf_error *err)
{
    const mf_ratings *train = f->train;
    double before = mf_clock_seconds();
    f->grading = mf_grading_of(train);
    f->relevant_rating = mf_grading_relevant_rating(train);
    f->grades = mf_allocate(train->n_ratings, sizeof *f->grades, "grades", err);
    f->relevant = mf_allocate(train->n_ratings, sizeof *f->relevant, "grades", err);
    if (f->grades == NULL || f->relevant == NULL)
        return false;
    mf_grades_fill(&f->grading, train, f->relevant_rating, f->grades, f->relevant);
    const mf_spectral_options options = ranking_options(f->values);
    const mf_spectral_input input = {
        .n_users = train->n_users,
        .n_items = train->n_items,
        .user_start = train->user_start,
        .item = train->item,
        .grade = f->grades,
        .time_rank = train->time_rank,
        .relevant = f->relevant,
    };
    f->spectral = mf_spectral_create(&options, &input, err);
    if (f->spectral == NULL)
        return false;
    while (!mf_spectral_done(f->spectral)) {
        const mf_spectral_phase phase = mf_spectral_progress_get(f->spectral).phase;
        if (!mf_spectral_step(f->spectral, err))
            return false;
        const double now = mf_clock_seconds();
        if (phase == MF_SPECTRAL_CHOOSING || phase == MF_SPECTRAL_GRID)
            f->report.choosing_seconds += now - before;
        else
            f->report.learning_seconds += now - before;
        before = now;
    }
    return true;
}

static bool rating_parts(fit *f, mf_model_parts *parts, mf_error *err)
{
    mf_trainer_result result;
    if (f->trainer == NULL)
        return true;
    if (!mf_trainer_result_get(f->trainer, &result, err))
        return false;
    parts->n_factors = f->values->h.n_factors;
    parts->global_mean = result.global_mean;
    parts->rating_min = result.rating_min;
    parts->rating_max = result.rating_max;
    /* As in output.c: a factor in rating units is √scale of one inside. */
    parts->regularization = (float)f->values->h.user_regularization * result.rating_scale;
    parts->bias_regularization = (float)f->values->h.user_bias_regularization;
    parts->user_bias = result.user_bias;
    parts->item_bias = result.item_bias;
    parts->user_factors = result.user_factors;
    parts->item_factors = result.item_factors;
    return true;
}

static bool ranking_parts(fit *f, mf_model_parts *parts, mf_error *err)
{
    mf_spectral_result result;
    if (!mf_spectral_result_get(f->spectral, &result, err))
        return false;
    f->report.steps = result.steps;
    f->report.converged = result.converged;
    parts->ranking = (mf_ranking_parts){
        .n_factors = result.n_factors,
        .grading = f->grading,
        .recency = result.recency,
        .prior = result.prior,
        .regularization = result.regularization,
        .relevant_rating =
            f->train->feedback == MF_FEEDBACK_IMPLICIT ? 0 : f->relevant_rating, /* finite */
        .item_vectors = result.item_vectors,
        .mean_profile = result.mean_profile,
        .spectrum = result.spectrum,
        .grades = f->grades,
        .time_ranks = f->train->time_rank,
    };
    return true;
}

/* A folder of our own in the first place that takes one; "" when none does. */
static void make_folder(char *path, size_t size)
{
    const char *places[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] == NULL || places[i][0] == '\0' ||
            (size_t)snprintf(path, size, "%s/model-XXXXXX", places[i]) >= size)
            continue;
        if (mkdtemp(path) != NULL)
            return;
    }
    path[0] = '\0';
}

/* Through a file, so that the model is what a server would load. */
static mf_model *loaded(const mf_model_parts *parts, mf_error *err)
{
    char folder[4096];
    char path[sizeof folder + 16];
    mf_model *model = NULL;
    make_folder(folder, sizeof folder);
    if (folder[0] == '\0') {
        mf_fail(err, MF_ERR_IO, MF_NOWHERE, "no folder for a model: set TMPDIR");
        return NULL;
    }
    snprintf(path, sizeof path, "%s/model.bin", folder);
    if (mf_model_write(path, parts, err))
        model = mf_model_load(path, err);
    unlink(path);
    rmdir(folder);
    return model;
}

static mf_model *assemble(fit *f, mf_error *err)
{
    const mf_ratings *train = f->train;
    static const char metadata[] = "{}";
    f->item_count = mf_allocate(train->n_items, sizeof *f->item_count, "counts of ratings", err);
    if (f->item_count == NULL)
        return NULL;
    for (uint64_t k = 0; k < train->n_ratings; k++)
        f->item_count[train->item[k]]++;
    mf_model_parts parts = {
        .n_users = train->n_users,
        .n_items = train->n_items,
        .n_rated = train->n_ratings,
        .users = train->users,
        .items = train->items,
        .rated_start = train->user_start,
        .rated_items = train->item,
        .item_count = f->item_count,
        .metadata = metadata,
        .metadata_bytes = sizeof metadata - 1,
    };
    if (!rating_parts(f, &parts, err) || !ranking_parts(f, &parts, err))
        return NULL;
    return loaded(&parts, err);
}

bool mf_fit_model(const mf_train_settings *values, const mf_ratings *train, mf_model **model,
                  mf_fit_report *report, mf_error *err)
{
    fit f = {.values = values, .train = train};
    *model = NULL;
    if (train->n_ratings == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "there is no rating to learn from");
    if (learn_ratings(&f, err) && learn_ranking(&f, err))
        *model = assemble(&f, err);
    if (report != NULL)
        *report = f.report;
    mf_trainer_destroy(f.trainer);
    mf_spectral_destroy(f.spectral);
    mf_free(f.grades);
    mf_free(f.relevant);
    mf_free(f.item_count);
    return *model != NULL;
}
