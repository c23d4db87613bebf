/* evaluate_result.h: what evaluate has found out, for its table, its JSON and its export. */
#ifndef MF_TRAIN_EVALUATE_RESULT_H
#define MF_TRAIN_EVALUATE_RESULT_H

#include "base/error.h"
#include "evaluate/by_count.h"
#include "evaluate/lists.h"
#include "evaluate/summary.h"
#include "fit.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { MF_EVALUATE_SEEDS_MAX = 100 };

/* Whose lists a row of the table is about. */
typedef enum mf_evaluate_row {
    MF_ROW_RANKING,          /* the model's, by its ranking model */
    MF_ROW_RATING,           /* by predicted rating */
    MF_ROW_POPULARITY_ORDER, /* by its order of popularity */
    MF_ROW_SECOND,           /* those of the second setting */
    MF_ROW_POPULARITY,       /* baselines */
    MF_ROW_ITEM_ITEM,
    MF_ROWS,
} mf_evaluate_row;

/* "ranking", "rating", "popularity_order", "second", "popularity", "item_item". */
const char *mf_evaluate_row_key(mf_evaluate_row row);

/* What was learned in one run. */
typedef struct mf_evaluate_run {
    uint64_t seed;
    uint64_t n_train;
    uint64_t n_held_out;
    uint64_t n_relevant;
    uint64_t n_unknown_user_rows;
    uint64_t n_unknown_item_rows;
    float relevant_rating; /* -INFINITY: everything */
    double rmse;           /* of the held-out ratings; NAN without a rating model */
    double mae;
    uint32_t n_factors; /* of the ranking model, 0: none */
    float regularization;
    float recency;
    float prior;
    mf_fit_report fit; /* zeros for a model from a file */
} mf_evaluate_run;

typedef struct mf_evaluate_result {
    const char *data;
    const char *model;      /* NULL: trained here */
    const char *split;      /* "random", … */
    const char *compare;    /* NULL: no second setting */
    double diversity;       /* > 0: of the second row, which are the first model's lists */
    double cosine[MF_ROWS]; /* then: of two items in a list, the mean over pairs, users, runs */
    double fraction;        /* NAN where the split has none */
    uint32_t k;
    uint32_t n_users; /* of the model */
    uint32_t n_items;
    uint32_t n_runs;
    mf_evaluate_run run[MF_EVALUATE_SEEDS_MAX];
    bool has_row[MF_ROWS];
    mf_evaluation evaluation[MF_ROWS][MF_EVALUATE_SEEDS_MAX];
    mf_list_summary summary[MF_ROWS];
    mf_lists_by_count by_count[MF_ROWS]; /* of all runs together */
    mf_errors_by_count errors_by_count;  /* of the first run's held-out ratings; n_rows 0: none */
    uint64_t *user_start;                /* [n_users + 1] of the first run's training ratings, */
    uint32_t *item_count;                /* [n_items] and how many each item has; owned */
    mf_evaluate_row first;               /* the row that the second setting is compared with */
    mf_list_comparison comparison;
} mf_evaluate_result;

/* What a row of the table is called. */
const char *mf_evaluate_row_title(mf_evaluate_row row);

/* The table, for people. */
void mf_evaluate_print(const mf_evaluate_result *result, FILE *out);

/* The same as one JSON object, complete or not at all. Fails MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_evaluate_write_json(const mf_evaluate_result *result, const char *path,
                                          mf_error *err);

/* The same as a page with plots (report/html.h), complete or not at all. settings: those of the
 * first model, shown unless it is from a file. Fails as the JSON. */
MF_MUST_CHECK bool mf_evaluate_write_page(const mf_evaluate_result *result,
                                          const mf_settings *settings, const char *path,
                                          mf_error *err);

#endif
