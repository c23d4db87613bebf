/* report_figures.h: the parts that the reports of train and evaluate have in common.
 *
 * Each appends plots and tables to a page (report/html.h). Values that are not there are left out.
 *
 * Threads: one page per thread. */
#ifndef MF_TRAIN_REPORT_FIGURES_H
#define MF_TRAIN_REPORT_FIGURES_H

#include "base/text.h"
#include "evaluate/by_count.h"
#include "evaluate/summary.h"

#include <stddef.h>
#include <stdint.h>

/* A row of lists that were evaluated: those of a model or of a baseline. */
typedef struct mf_report_row {
    const char *name;
    const mf_list_summary *summary;
    const mf_lists_by_count *by_count;
} mf_report_row;

enum { MF_REPORT_ROWS = 6 };

/* A tile of the summary: the value in large letters, below it what it is; both are escaped. */
void mf_report_tile(mf_text *page, const char *value, const char *label);

/* All figures with their intervals, and a plot, the first in a box of plots that the caller closes
 * with </div>; n_rows ≤ MF_REPORT_ROWS, the first is the model. */
void mf_report_metrics(mf_text *page, const mf_report_row *rows, size_t n_rows);

/* NDCG by the users' number of ratings, found items by the items'; of the first three rows. */
void mf_report_lists_by_count(mf_text *page, const mf_report_row *rows, size_t n_rows);

/* RMSE of predicted ratings by the number of ratings of user and item. */
void mf_report_errors_by_count(mf_text *page, const mf_errors_by_count *errors);

/* Which items fill the lists, beside the ratings that items have: item_count[n_items]. */
void mf_report_coverage(mf_text *page, const mf_report_row *rows, size_t n_rows,
                        const uint32_t *item_count, uint32_t n_items);

/* How ratings spread over users and items: how many have how many, and which share of the ratings
 * the most active and most rated have. user_start[n_users + 1]. Without memory the page fails.
 * Cost: O(n + the largest count). */
void mf_report_long_tail(mf_text *page, const uint64_t *user_start, uint32_t n_users,
                         const uint32_t *item_count, uint32_t n_items);

#endif
