/* paired.h: whether model b is better or worse than model a on the same held-out ratings.
 *
 * The figures are paired by user: users are drawn with replacement (bootstrap), and both figures of
 * a user stay together. What makes a user easy or hard for both models cancels out.
 *
 *   mean   of a figure per user, such as NDCG: d_u = b_u − a_u
 *   RMSE   sqrt(Σ_u s_u / Σ_u n_u), s_u the squared errors of user u's n_u ratings. With the
 *          difference D of the mean squares, the difference of the RMSE is D / (rmse_a + rmse_b),
 *          and the part of user u is (D + (s_bu − s_au − D n_u) / n̄) / (rmse_a + rmse_b)
 *          (linearised ratio; Cochran 1977, Sampling Techniques, 6.4)
 *
 * The same bits on every machine. Threads: any, on different data. */
#ifndef MF_EVALUATE_PAIRED_H
#define MF_EVALUATE_PAIRED_H

#include "base/error.h"
#include "metrics/ranking_metrics.h"

#include <stdbool.h>
#include <stdint.h>

enum { MF_PAIRED_RESAMPLES = 4000 };

typedef struct mf_paired {
    uint32_t n_users;
    double a; /* the mean or RMSE of each model */
    double b;
    mf_interval difference; /* b − a; the interval has the level that was given */
} mf_paired;

/* Of a[n_users] and b[n_users], n_users ≥ 1. level: how often an interval may miss, 0 < level < 1;
 * 0.05 gives 95 % intervals. Fails MF_ERR_MEMORY. Cost: 4000 × users × 5 ns. */
MF_MUST_CHECK bool mf_paired_mean(const double *a, const double *b, uint32_t n_users, double level,
                                  uint64_t seed, mf_paired *paired, mf_error *err);

/* Of sums of squared errors a[n_users] and b[n_users] over n_ratings[n_users] > 0 ratings. */
MF_MUST_CHECK bool mf_paired_rmse(const double *a, const double *b, const double *n_ratings,
                                  uint32_t n_users, double level, uint64_t seed, mf_paired *paired,
                                  mf_error *err);

#endif
