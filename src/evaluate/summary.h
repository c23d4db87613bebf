/* summary.h: the figures of all users in one row, and two settings compared user by user.
 *
 * Several evaluations (splits by different seeds) are one: a user's figure is the mean over
 * those in which he was counted, so that an interval is about users and not about how often
 * the same user was looked at. The same bits on every machine. */
#ifndef MF_EVALUATE_SUMMARY_H
#define MF_EVALUATE_SUMMARY_H

#include "base/error.h"
#include "evaluate/lists.h"
#include "metrics/ranking_metrics.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_list_summary {
    uint32_t k;
    uint32_t n_users; /* counted at least once; 0: nothing was relevant, and all figures are 0 */
    mf_interval precision;
    mf_interval recall;
    mf_interval ndcg;
    mf_interval map;
    mf_interval mrr;
    mf_interval recall_20;
    double coverage; /* mean over the evaluations */
    double novelty;
} mf_list_summary;

/* How often a mean is drawn for an interval: so often at most, and less often beyond 100,000
 * users. */
enum { MF_RESAMPLES = 1000 };

/* Of evaluations[n_evaluations] ≥ 1 with the same k and users below n_users. resamples ≤
 * MF_RESAMPLES; 0: no intervals, low and high are the mean. seed is that of the intervals.
 * Fails MF_ERR_MEMORY. Cost: resamples × users × 5 ns. */
MF_MUST_CHECK bool mf_list_summary_of(const mf_evaluation *evaluations, uint32_t n_evaluations,
                                      uint32_t n_users, uint32_t resamples, uint64_t seed,
                                      mf_list_summary *summary, mf_error *err);

/* Whether b's lists are better than a's, by the NDCG of each user. */
typedef struct mf_list_comparison {
    uint32_t n_users;
    mf_interval difference; /* of NDCG, b − a, mean over users */
    double better;          /* share of users with a higher NDCG by b, */
    double worse;           /* with a lower one; the others are equal */
} mf_list_comparison;

/* Evaluations a[i] and b[i] are of the same split with the same users. Fails MF_ERR_ARGUMENT
 * (other users), MF_ERR_MEMORY. resamples and seed as above. */
MF_MUST_CHECK bool mf_list_compare(const mf_evaluation *a, const mf_evaluation *b,
                                   uint32_t n_evaluations, uint32_t n_users, uint32_t resamples,
                                   uint64_t seed, mf_list_comparison *comparison, mf_error *err);

#endif
