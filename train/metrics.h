/* metrics.h: the figures of a run: a line for each epoch, and metrics.json.
 *
 * The line, here in two (docs/training.md has its regular expressions for metric_definitions):
 *
 *   epoch=7 train_rmse=0.7312 validation_rmse=0.8721 validation_mae=0.6690
 *       seconds=0.041 ratings_per_second=2437000
 *
 * Plain decimals, never an exponent, each followed by a space or the line's end; the validation
 * figures only when there is validation data. Errors have four decimals, more when the range of the
 * ratings is below 1. */
#ifndef MF_TRAIN_METRICS_H
#define MF_TRAIN_METRICS_H

#include "base/error.h"
#include "base/settings.h"
#include "data_report.h"
#include "gate.h"
#include "list_report.h"
#include "phases.h"
#include "ratings/ratings.h"
#include "sgd/trainer.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

/* The ranking model's part of a run. */
typedef struct mf_ranking_facts {
    mf_spectral_result result; /* n_factors 0: there is no ranking model */
    mf_grading grading;
    float relevant_rating;
    double seconds;
    mf_spectral_progress *steps; /* [n_steps] of this run, without those before a resume */
    size_t n_steps, steps_capacity;
} mf_ranking_facts;

/* The input of the figures. Pointers are borrowed. */
typedef struct mf_run_facts {
    const mf_settings *settings;
    const mf_ratings *ratings;         /* trained on */
    const mf_ratings *all;             /* with the held-out ones; may be == ratings */
    const mf_data_report *report;      /* what was understood of the data; or NULL */
    const mf_ratings_rows *validation; /* or NULL */
    const mf_trainer *trainer;         /* NULL: no rating model was learned */
    const mf_ranking_facts *ranking;   /* or NULL */
    const mf_list_report *lists;       /* on validation data, or NULL */
    const mf_gate *gate;               /* NULL: there is no channel current */
    const mf_phases *phases;           /* or NULL */
    double read_seconds;
    double train_seconds;
    bool stopped; /* by SIGTERM */
} mf_run_facts;

/* Decimals for errors of ratings in [low, high]. */
int mf_metrics_decimals(float low, float high);

/* Writes the line to standard output and flushes it. False when that failed (disk full). */
MF_MUST_CHECK bool mf_metrics_print_epoch(const mf_epoch *epoch, bool validation,
                                          uint64_t n_ratings, int decimals);

/* The line of a step of the ranking model:
 *
 *   ranking_step=3 phase=learning change=0.001234 seconds=0.021
 */
MF_MUST_CHECK bool mf_metrics_print_step(const mf_spectral_progress *progress);

/* metrics.json: version, hyperparameters in force, data, all epochs, final figures, timings, phases.
 * Complete or not at all. */
MF_MUST_CHECK bool mf_metrics_write(const char *path, const mf_run_facts *facts, mf_error *err);

/* gate.json: the gate's decision, and what the models were trained on. */
MF_MUST_CHECK bool mf_metrics_write_gate(const char *path, const mf_run_facts *facts,
                                         mf_error *err);

/* The metadata of the model file: JSON text without values that differ between two runs of the same
 * training (times, threads). The caller frees it with mf_free. NULL and MF_ERR_MEMORY. */
MF_MUST_CHECK char *mf_metrics_model_metadata(const mf_run_facts *facts, uint32_t best_epoch,
                                              mf_error *err);

#endif
