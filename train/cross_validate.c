/* cross-validate: the errors of these hyperparameters on held-out ratings.
 *
 *     cross-validate --data data/ratings.csv --folds 5 --seeds 2 n_factors=256
 *
 * The ratings are split at random into equal folds. Each fold in turn is held out and predicted by
 * a model of the others. Prints a row per fold, the mean and the deviation. The time is that of the
 * trainer from ratings in memory to the finished factors, including the cut into blocks.
 *
 * --export writes the same folds as text ("user item rating", numbers from 0), so that another
 * program can be measured on them. */
#include "base/clock.h"
#include "base/log.h"
#include "data_file.h"
#include "ratings/ratings.h"
#include "ratings/split.h"
#include "settings.h"
#include "sgd/trainer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *data;
    const char *export; /* folder, or NULL */
    uint32_t folds;
    uint32_t seeds;
    mf_settings settings;
    mf_train_settings values;
} options;

enum { RMSE, MAE, SECONDS, FIGURES };

typedef struct score {
    double figure[FIGURES];
} score;

static const char usage[] =
    "usage: cross-validate --data FILE [--folds N] [--seeds N] [--export FOLDER] [NAME=VALUE …]\n"
    "\n"
    "Measures RMSE and MAE of predicted ratings: the ratings are cut into folds, and each fold is\n"
    "predicted by a model that was learned from the others.\n"
    "\n"
    "  --data FILE      ratings, in any form that train reads\n"
    "  --folds N        number of folds (2 to 100, default 5)\n"
    "  --seeds N        number of different cuts: seed, seed + 1, … (1 to 100, default 1)\n"
    "  --export FOLDER  train nothing; write each fold and its training ratings as text\n"
    "  NAME=VALUE       a hyperparameter of train (train --help lists them)\n";

static bool parse_arguments(options *o, int argc, char **argv, mf_error *err)
{
    o->folds = 5;
    o->seeds = 1;
    if (!mf_train_settings_start(&o->settings, &o->values, err))
        return false;
    for (int a = 1; a < argc; a++) {
        const char *name = argv[a];
        const char **text = strcmp(name, "--data") == 0     ? &o->data
                            : strcmp(name, "--export") == 0 ? &o->export
                                                            : NULL;
        uint32_t *count = strcmp(name, "--folds") == 0   ? &o->folds
                          : strcmp(name, "--seeds") == 0 ? &o->seeds
                                                         : NULL;
        if (text == NULL && count == NULL) {
            if (!mf_setting_argument(&o->settings, name, err))
                return false;
            continue;
        }
        if (++a == argc)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "a value is missing after %s", name);
        if (text != NULL)
            *text = argv[a];
        else if (!mf_count_argument(argv[a], count == &o->folds ? 2 : 1, 100, count))
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s takes a number, not \"%s\"", name,
                           argv[a]);
    }
    if (o->data == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "--data is missing");
    mf_train_settings_finish(&o->values);
    return true;
}

/* Trains on `train`, scores on held_out. With early stopping (off by default) the held-out fold
 * also chooses the epoch, so its figures are a little too good. */
static bool fit(const options *o, const mf_ratings *train, const mf_ratings_rows *held_out,
                score *result, mf_error *err)
{
    bool ok = true;
    const double start = mf_clock_seconds();
    const mf_trainer_input input = {
        .ratings = train,
        .validation = held_out,
        .settings_fingerprint = mf_train_settings_fingerprint(&o->settings),
    };
    mf_trainer *trainer = mf_trainer_create(&o->values.h, &input, err);
    if (trainer == NULL)
        return false;
    while (ok && !mf_trainer_done(trainer)) {
        bool epoch_ended;
        ok = mf_trainer_step(trainer, &epoch_ended, err);
    }
    if (ok) {
        uint32_t n;
        const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
        result->figure[SECONDS] = mf_clock_seconds() - start;
        for (uint32_t i = 0; i < n; i++)
            result->figure[SECONDS] -= epochs[i].validation_seconds;
        result->figure[RMSE] = epochs[n - 1].validation_rmse;
        result->figure[MAE] = epochs[n - 1].validation_mae;
    }
    mf_trainer_destroy(trainer);
    return ok;
}

static bool export_rows(const char *folder, uint32_t seed, uint32_t fold, const char *part,
                        const mf_ratings_rows *rows, mf_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%u-fold-%u-%s.txt", folder, seed, fold, part);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return mf_fail_errno(err, errno, (mf_where){.path = path}, "cannot be created");
    for (uint64_t k = 0; k < rows->n; k++)
        fprintf(file, "%u %u %g\n", rows->user[k], rows->item[k], (double)rows->value[k]);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return mf_fail_errno(err, errno, (mf_where){.path = path}, "cannot be written");
    return true;
}

static bool export_fold(const char *folder, uint32_t seed, uint32_t fold, const mf_ratings *train,
                        const mf_ratings_rows *held_out, mf_error *err)
{
    mf_ratings_rows rows = {0};
    bool ok = mf_ratings_align(train, &train->users, &train->items, &rows, err) &&
              export_rows(folder, seed, fold, "train", &rows, err) &&
              export_rows(folder, seed, fold, "test", held_out, err);
    mf_ratings_rows_clear(&rows);
    return ok;
}

static void print_summary(const score *scores, size_t n)
{
    double mean[FIGURES] = {0}, spread[FIGURES] = {0};
    for (int f = 0; f < FIGURES; f++) {
        for (size_t i = 0; i < n; i++)
            mean[f] += scores[i].figure[f] / (double)n;
        for (size_t i = 0; i < n; i++)
            spread[f] += pow(scores[i].figure[f] - mean[f], 2);
        spread[f] = n > 1 ? sqrt(spread[f] / (double)(n - 1)) : 0;
    }
    printf("mean             %.4f  %.4f   %7.3f\n", mean[RMSE], mean[MAE], mean[SECONDS]);
    printf("deviation        %.4f  %.4f   %7.3f\n", spread[RMSE], spread[MAE], spread[SECONDS]);
}

static bool run(const options *o, mf_error *err)
{
    mf_ratings_options how;
    if (!mf_train_settings_options(&o->values, &how, err))
        return false;
    how.times = MF_TIMES_UNUSED;
    mf_ratings *ratings = mf_data_file_read(o->data, &how, err);
    if (ratings == NULL)
        return false;
    bool ok = true;
    size_t n = 0;
    score *scores = calloc((size_t)o->folds * o->seeds, sizeof *scores);
    if (scores == NULL) {
        mf_ratings_destroy(ratings);
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for scores");
    }
    if (o->export == NULL)
        printf("%llu ratings, %u users, %u items; %u folds, %u threads\n\n"
               "seed  fold        rmse     mae   seconds\n",
               (unsigned long long)ratings->n_ratings, ratings->n_users, ratings->n_items, o->folds,
               o->values.h.n_threads);
    for (uint32_t s = 0; ok && s < o->seeds; s++)
        for (uint32_t fold = 0; ok && fold < o->folds; fold++) {
            mf_ratings *train = NULL;
            mf_ratings_rows held_out = {0};
            const uint64_t seed = o->values.h.seed + s;
            ok = mf_ratings_split_fold(ratings, fold, o->folds, seed, &train, &held_out, err);
            if (ok && o->export != NULL) {
                ok = export_fold(o->export, (uint32_t)seed, fold, train, &held_out, err);
            } else if (ok) {
                ok = fit(o, train, &held_out, &scores[n], err);
                if (ok)
                    printf("%4llu  %4u      %.4f  %.4f   %7.3f\n", (unsigned long long)seed,
                           fold + 1, scores[n].figure[RMSE], scores[n].figure[MAE],
                           scores[n].figure[SECONDS]);
                n++;
            }
            mf_ratings_rows_clear(&held_out);
            mf_ratings_destroy(train);
        }
    if (ok && o->export == NULL)
        print_summary(scores, n);
    free(scores);
    mf_ratings_destroy(ratings);
    return ok;
}

int main(int argc, char **argv)
{
    static options o;
    mf_error err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!parse_arguments(&o, argc, argv, &err)) {
        fprintf(stderr, "cross-validate: %s\n\n%s", err.text, usage);
        return 2;
    }
    mf_log_set_level(MF_LOG_WARNING);
    if (!run(&o, &err)) {
        fprintf(stderr, "cross-validate: %s\n", err.text);
        return 1;
    }
    return 0;
}
