/* list_report.h: how good a model's lists are on a job's validation data, beside popularity.
 *
 * The lists are those that serve makes of the model (evaluate/model_lists.h). Of many validation
 * users an evenly spread MF_LIST_REPORT_USERS are looked at.
 *
 * The line (docs/training.md has its regular expressions for metric_definitions), here for lists of 10:
 *
 *   validation_ndcg_at_10=0.2981 validation_precision_at_10=0.2131 validation_recall_at_10=0.2893
 *   validation_map_at_10=0.1884 validation_coverage_at_10=0.0513 validation_novelty_at_10=0.0331
 *   popularity_ndcg_at_10=0.1594 users=671
 *
 * on one line, plain decimals as in the line of an epoch (metrics.h).
 *
 * Threads: one caller; starts n_threads of its own. */
#ifndef MF_TRAIN_LIST_REPORT_H
#define MF_TRAIN_LIST_REPORT_H

#include "base/error.h"
#include "evaluate/by_count.h"
#include "evaluate/summary.h"
#include "model/model.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_LIST_REPORT_USERS = 10000, MF_LIST_REPORT_ROWS = 100000 };

typedef struct mf_list_report {
    uint32_t k;                 /* 0: there is no report (no validation data) */
    mf_list_summary model;      /* n_users 0: nothing in the validation data is relevant */
    mf_list_summary popularity; /* of the same users */
    double relevant_rating;     /* -INFINITY: every pair */
    uint64_t n_relevant;        /* held-out ratings that are */
    uint32_t n_skipped_users;   /* with nothing relevant, or more than are looked at */
    uint64_t n_unknown_rows;    /* of users or items that training does not know */
    double seconds;
    mf_lists_by_count model_by_count; /* of the same lists */
    mf_lists_by_count popularity_by_count;
    mf_errors_by_count errors_by_count; /* of predicted ratings, of MF_LIST_REPORT_ROWS validation
                                         * rows at most; n_rows 0: there is no rating model */
} mf_list_report;

typedef struct mf_list_report_options {
    uint32_t k;
    float relevant_rating; /* -INFINITY: every pair */
    uint64_t seed;         /* of the intervals */
    uint32_t n_threads;
} mf_list_report_options;

/* parts: the finished model. train: what it was learned from, for popularity. validation: rows in
 * its indexes. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_list_report_make(const mf_model_parts *parts, const mf_ratings *train,
                                       const mf_ratings_rows *validation,
                                       const mf_list_report_options *options,
                                       mf_list_report *report, mf_error *err);

/* Writes the line to standard output; nothing without a report. False when it did not get out. */
bool mf_list_report_print(const mf_list_report *report);

#endif
