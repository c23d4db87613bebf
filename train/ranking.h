/* ranking.h: a ranking model from ratings: their grades, then spectral/spectral.h over them.
 *
 *     mf_ranking_create(&ranking, &input, &values, &err);
 *     while (!mf_spectral_done(ranking.spectral))
 *         mf_spectral_step(ranking.spectral, &err);
 *     mf_ranking_get(&ranking, &parts, &err);
 *
 * The job and evaluation learn through here, so what is measured is what is trained.
 *
 * Threads: one caller. */
#ifndef MF_TRAIN_RANKING_H
#define MF_TRAIN_RANKING_H

#include "base/error.h"
#include "model/model.h"
#include "rated.h"
#include "ratings/ratings.h"
#include "settings.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

/* What there is to learn from; everything is borrowed until release. */
typedef struct mf_ranking_input {
    const mf_model_parts *base;    /* of a warm start, or NULL. Without a ranking model in it only
                                    * the new ratings are learned from */
    const mf_ratings *all;         /* all that were read, the base's users and items first */
    const mf_ratings *train;       /* those to learn from; may be == all */
    uint64_t settings_fingerprint; /* mf_train_settings_fingerprint */
    mf_hosts_group *group;         /* NULL: one host. Borrowed; each has the same input */
} mf_ranking_input;

typedef struct mf_ranking {
    mf_grading grading;
    float relevant_rating;
    mf_rated rated;        /* everybody's items and grades, as the model file keeps them */
    uint64_t fingerprint;  /* of data and settings; names checkpoints */
    mf_spectral *spectral; /* NULL: nothing was created */
} mf_ranking;

/* How the values of these ratings become grades: the center is their mean, the scale their
 * standard deviation (logistic), or twice the mean of log(1 + c) of counts; counts that are all
 * equal are graded one. The sums are taken in order: the same bits on every machine. */
mf_grading mf_ranking_grading(const mf_ratings *ratings, uint32_t train_grading);

/* The threshold of a liked rating that `auto` stands for: the mean; of counts anything. */
float mf_ranking_relevant(const mf_ratings *ratings);

/* Whether the vectors of a given ranking_factors fit this machine's memory; MF_ERR_CONFIG names
 * what would. For those who want to know before they learn the rating model. */
MF_MUST_CHECK bool mf_ranking_fits(const mf_ratings *all, const mf_train_settings *values,
                                   mf_error *err);

/* Fails as mf_ranking_fits, MF_ERR_MEMORY, MF_ERR_ARGUMENT. */
MF_MUST_CHECK bool mf_ranking_create(mf_ranking *ranking, const mf_ranking_input *input,
                                     const mf_train_settings *values, mf_error *err);

/* What has been learned so far, views into *ranking. Fails as mf_spectral_result_get. */
MF_MUST_CHECK bool mf_ranking_get(mf_ranking *ranking, mf_ranking_parts *parts, mf_error *err);

void mf_ranking_release(mf_ranking *ranking);

#endif
