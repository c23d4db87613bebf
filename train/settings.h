/* settings.h: the hyperparameters of a training job.
 *
 * The table in settings.c is the one place that says names, ranges, defaults and
 * help; `train --help` prints it and docs/training.md repeats it. */
#ifndef MF_TRAIN_SETTINGS_H
#define MF_TRAIN_SETTINGS_H

#include "base/error.h"
#include "base/settings.h"
#include "ratings/ratings.h"
#include "sgd/trainer.h"
#include "spectral/spectral.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MF_COLUMN_BYTES = 129,
    MF_DELIMITER_BYTES = 16,
    MF_NOT_RATED_BYTES = 64,
    MF_THREADS_MAX = 256,
};

typedef struct mf_train_settings {
    mf_hyperparameters h;
    double regularization; /* of the users' and items' own in h, unless those were given */
    double bias_regularization;
    double validation_fraction;
    uint32_t validation_split; /* mf_train_split */
    uint32_t evaluation_k;     /* length of the lists that are evaluated */
    double gate_level;         /* gate.h */
    bool ranking;              /* learn a ranking model too */
    uint32_t ranking_factors;  /* 0: chosen, as MF_SPECTRAL_AUTO for the next three */
    double ranking_regularization;
    double recency;
    double ranking_prior;
    uint32_t ranking_steps;
    double ranking_tolerance;
    uint32_t grading;       /* mf_train_grading */
    double relevant_rating; /* INFINITY: the mean of the training ratings */
    uint32_t feedback;      /* mf_feedback */
    uint64_t max_bad_rows;
    uint32_t hosts_port;
    double hosts_wait; /* seconds, as the next two */
    double hosts_silence;
    double hosts_timeout;
    uint32_t checkpoint_every;         /* epochs */
    uint32_t checkpoint_keep;          /* files */
    bool report;                       /* write report.html */
    char user_column[MF_COLUMN_BYTES]; /* "": the usual names */
    char item_column[MF_COLUMN_BYTES];
    char rating_column[MF_COLUMN_BYTES];
    char timestamp_column[MF_COLUMN_BYTES];
    char weight_column[MF_COLUMN_BYTES];
    char delimiter[MF_DELIMITER_BYTES]; /* "": found by the first rows */
    uint32_t quoting;                   /* mf_quoting */
    uint32_t encoding;                  /* mf_encoding */
    bool decimal_comma;
    char not_rated[MF_NOT_RATED_BYTES];       /* numbers, separated by commas */
    char item_columns[MF_SETTING_TEXT_BYTES]; /* names, separated by commas; "": all, or "none" */
} mf_train_settings;

/* What validation_fraction sets aside. */
typedef enum mf_train_split {
    MF_TRAIN_SPLIT_RANDOM,     /* of all ratings */
    MF_TRAIN_SPLIT_TIME,       /* the newest of each user */
    MF_TRAIN_SPLIT_LEAVE_LAST, /* the newest one of each user, whatever the fraction */
} mf_train_split;

/* How ratings become grades (model/grade.h). */
typedef enum mf_train_grading {
    MF_TRAIN_GRADING_AUTO, /* logistic for ratings that differ, log for counts that differ, else one
                            */
    MF_TRAIN_GRADING_LOGISTIC,
    MF_TRAIN_GRADING_LOG,
    MF_TRAIN_GRADING_ONE,
} mf_train_grading;

/* Defaults into *values, ready for mf_settings_set. */
MF_MUST_CHECK bool mf_train_settings_start(mf_settings *settings, mf_train_settings *values,
                                           mf_error *err);

/* After the last mf_settings_set: n_threads 0 becomes every CPU this process may use. */
void mf_train_settings_finish(mf_train_settings *values);

/* True when the setting called name was given, not left at its default. */
bool mf_train_settings_is_given(const mf_settings *settings, const char *name);

/* True for entries that change what is learned. The others (threads, checkpoints, the gate, the report; item_columns, which
 * the attributes themselves show) stay out of the model's metadata, so that the same model is the
 * same bytes. */
bool mf_train_settings_shapes_model(const mf_setting *setting);

/* True for entry i when it shapes the model and, if it says how files are written (delimiter,
 * quoting, …), has another value than its default: only then it is in the model's metadata. */
bool mf_train_settings_is_recorded(const mf_settings *settings, size_t i);

/* A hash of name and value in force of every entry that shapes the model: of whatever
 * entries the table has. For mf_trainer_input. */
uint64_t mf_train_settings_fingerprint(const mf_settings *settings);

/* How to read ratings under these settings; borrows the column names. Fails MF_ERR_CONFIG when
 * delimiter or not_rated cannot be one. */
MF_MUST_CHECK bool mf_train_settings_options(const mf_train_settings *values,
                                             mf_ratings_options *options, mf_error *err);

#endif
