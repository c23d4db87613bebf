/* ranking.c: from ratings and settings to what the spectral trainer takes.
 *
 * A warm start keeps the base model's grading, as the rating model keeps its mean: a grade means
 * the same in the whole matrix. */
#include "ranking.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/portable_math.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static double mean_of(const mf_ratings *ratings)
{
    double sum = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        sum += (double)ratings->value[k];
    return sum / (double)ratings->n_ratings;
}

static mf_grading logistic_grading(const mf_ratings *ratings)
{
    const double mean = mean_of(ratings);
    double squares = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const double away = (double)ratings->value[k] - mean;
        squares += away * away;
    }
    const double deviation = sqrt(squares / (double)ratings->n_ratings);
    const bool all_equal = !(deviation > fabs(mean) * 1e-6 && deviation > 1e-30);
    return (mf_grading){MF_GRADING_LOGISTIC, (float)mean, all_equal ? 0 : (float)deviation};
}

/* log(1 + c) of an average count is a grade of one half. */
static mf_grading log_grading(const mf_ratings *ratings)
{
    double sum = 0;
    float low = ratings->value[0];
    float high = low;
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const float value = ratings->value[k] > 0 ? ratings->value[k] : 0;
        sum += mf_log(1 + (double)value);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    if (!(low < high))
        return (mf_grading){MF_GRADING_ONE, 0, 0};
    return (mf_grading){MF_GRADING_LOG, 0, (float)(2 * sum / (double)ratings->n_ratings)};
}

mf_grading mf_ranking_grading(const mf_ratings *ratings, uint32_t train_grading)
{
    if (train_grading == MF_TRAIN_GRADING_AUTO)
        train_grading = ratings->feedback == MF_FEEDBACK_IMPLICIT ? MF_TRAIN_GRADING_LOG
                                                                  : MF_TRAIN_GRADING_LOGISTIC;
    if (train_grading == MF_TRAIN_GRADING_LOG)
        return log_grading(ratings);
    if (train_grading == MF_TRAIN_GRADING_LOGISTIC)
        return logistic_grading(ratings);
    return (mf_grading){MF_GRADING_ONE, 0, 0};
}

float mf_ranking_relevant(const mf_ratings *ratings)
{
    return ratings->feedback == MF_FEEDBACK_IMPLICIT ? 0 : (float)mean_of(ratings);
}

static uint64_t mix(uint64_t fingerprint, const void *bytes, size_t n_bytes)
{
    return mf_random_bits(fingerprint, mf_id_hash(bytes, n_bytes));
}

static uint64_t fingerprint_of(const mf_ranking *ranking, const mf_ranking_input *input)
{
    const mf_rated *rated = &ranking->rated;
    const mf_ratings *all = input->all;
    const size_t n = (size_t)rated->start[rated->n_users];
    uint64_t print = mix(input->settings_fingerprint, MF_VERSION, sizeof MF_VERSION);
    print = mix(print, rated->start, ((size_t)rated->n_users + 1) * sizeof *rated->start);
    print = mix(print, rated->items, n * sizeof *rated->items);
    print = mix(print, rated->grades, n);
    print = mix(print, rated->relevant, n);
    if (rated->time_ranks != NULL)
        print = mix(print, rated->time_ranks, n * sizeof *rated->time_ranks);
    print = mix(print, all->users.bytes, all->users.start[all->users.n]);
    return mix(print, all->items.bytes, all->items.start[all->items.n]);
}

/* Bytes that this process may have: the machine's memory, or what its control group allows. */
static double memory_limit(void)
{
    double limit = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    static const char *const files[] = {"/sys/fs/cgroup/memory.max",
                                        "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        double group = 0;
        char line[64] = "";
        FILE *file = fopen(files[i], "r");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof line, file) != NULL &&
            mf_parse_double(line, strcspn(line, "\n"), &group) && group > 0 && group < limit)
            limit = group;
        fclose(file);
    }
    return limit;
}

/* The trainer holds three blocks of the smaller side, then the items' vectors, and a model file
 * is written from them. */
static double bytes_needed(const mf_ratings *all, double n_factors)
{
    const double smaller = all->n_users < all->n_items ? all->n_users : all->n_items;
    const double directions = n_factors < smaller ? n_factors : smaller;
    return 4 * directions * (3 * smaller + all->n_items);
}

bool mf_ranking_fits(const mf_ratings *all, const mf_train_settings *values, mf_error *err)
{
    const uint32_t n_factors = values->ranking_factors;
    static const double SHARE = 0.8; /* the ratings need the rest */
    const double limit = SHARE * memory_limit();
    if (n_factors == 0 || bytes_needed(all, n_factors) <= limit)
        return true;
    const double fits = limit / bytes_needed(all, 1);
    return mf_fail(
        err, MF_ERR_CONFIG, MF_NOWHERE,
        "hyperparameter ranking_factors is %u: the vectors of %u users and %u items need "
        "%.1f GB while they are learned, and this machine has %.1f GB for them: use at "
        "most %.0f",
        n_factors, all->n_users, all->n_items, bytes_needed(all, n_factors) / 1e9, limit / 1e9,
        floor(fits));
}

bool mf_ranking_create(mf_ranking *ranking, const mf_ranking_input *input,
                       const mf_train_settings *values, mf_error *err)
{
    memset(ranking, 0, sizeof *ranking);
    const mf_model_parts *base = input->base;
    const bool keeps_grading = base != NULL && base->ranking.n_factors > 0;
    ranking->grading =
        keeps_grading ? base->ranking.grading : mf_ranking_grading(input->train, values->grading);
    ranking->relevant_rating = isfinite(values->relevant_rating)
                                   ? (float)values->relevant_rating
                                   : mf_ranking_relevant(input->train);
    if (!mf_ranking_fits(input->all, values, err) ||
        !mf_rated_create(&ranking->rated, base, input->all, input->train, &ranking->grading,
                         ranking->relevant_rating, values->h.n_threads, err))
        return false;
    ranking->fingerprint = fingerprint_of(ranking, input);
    const mf_spectral_input learned = {
        .n_users = input->all->n_users,
        .n_items = input->all->n_items,
        .user_start = ranking->rated.start,
        .item = ranking->rated.items,
        .grade = ranking->rated.grades,
        .time_rank = ranking->rated.time_ranks,
        .relevant = ranking->rated.relevant,
    };
    const mf_spectral_options options = {
        .n_factors = values->ranking_factors,
        .regularization = values->ranking_regularization,
        .recency = values->recency,
        .prior = values->ranking_prior,
        .max_steps = values->ranking_steps,
        .tolerance = values->ranking_tolerance,
        .seed = values->h.seed,
        .n_threads = values->h.n_threads,
        .fingerprint = ranking->fingerprint,
        .group = input->group,
    };
    ranking->spectral = mf_spectral_create(&options, &learned, err);
    if (ranking->spectral == NULL) {
        mf_ranking_release(ranking);
        return false;
    }
    return true;
}

bool mf_ranking_get(mf_ranking *ranking, mf_ranking_parts *parts, mf_error *err)
{
    mf_spectral_result result;
    if (!mf_spectral_result_get(ranking->spectral, &result, err))
        return false;
    *parts = (mf_ranking_parts){
        .n_factors = result.n_factors,
        .grading = ranking->grading,
        .recency = result.recency,
        .prior = result.prior,
        .regularization = result.regularization,
        .relevant_rating = ranking->relevant_rating,
        .item_vectors = result.item_vectors,
        .mean_profile = result.mean_profile,
        .spectrum = result.spectrum,
        .grades = ranking->rated.grades,
        .time_ranks = ranking->rated.time_ranks,
    };
    return true;
}

void mf_ranking_release(mf_ranking *ranking)
{
    mf_spectral_destroy(ranking->spectral);
    mf_rated_release(&ranking->rated);
    memset(ranking, 0, sizeof *ranking);
}
