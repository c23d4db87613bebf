/* ranking_sample.h: the small model with a ranking model beside the rating model, and with a
 * ranking model alone. Its numbers are exact in floats, so scores are too. */
#ifndef MF_TESTS_RANKING_SAMPLE_H
#define MF_TESTS_RANKING_SAMPLE_H

#include "model_sample.h"

static const _Alignas(64) float sample_item_vectors[4][16] = {
    {1}, {0.5f, 0.5f}, {0}, {0.25f, 1}}; /* "a@b " has no grade that counts */
static const _Alignas(64) float sample_mean_profile[16] = {0.5f, 0.25f};
static const _Alignas(64) float sample_spectrum[16] = {4, 2};
static const uint8_t sample_grades[] = {255, 255, 255, 255, 0};
static const uint32_t sample_time_ranks[] = {2, 2, 2, 0, 0}; /* all at the same time */

/* Both models. */
static inline mf_model_parts ranking_sample_parts(void)
{
    mf_model_parts parts = sample_parts();
    parts.ranking = (mf_ranking_parts){
        .n_factors = 2,
        .grading = {.kind = MF_GRADING_LOGISTIC, .center = 3.5f, .scale = 1},
        .recency = 1,
        .regularization = 2,
        .relevant_rating = 4,
        .item_vectors = sample_item_vectors[0],
        .mean_profile = sample_mean_profile,
        .spectrum = sample_spectrum,
        .grades = sample_grades,
        .time_ranks = sample_time_ranks,
    };
    return parts;
}

/* A model that was trained without ratings. */
static inline mf_model_parts unrated_sample_parts(void)
{
    mf_model_parts parts = ranking_sample_parts();
    parts.n_factors = 0;
    parts.global_mean = 0;
    parts.rating_min = 0;
    parts.rating_max = 0;
    parts.regularization = 0;
    parts.bias_regularization = 0;
    parts.user_bias = NULL;
    parts.item_bias = NULL;
    parts.user_factors = NULL;
    parts.item_factors = NULL;
    parts.ranking.grading = (mf_grading){.kind = MF_GRADING_ONE};
    return parts;
}

#endif
