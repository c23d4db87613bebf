/* time_rank.h: when a user rated what, as ranks.
 *
 * Twice the mean rank, counted from 0, of the ratings with an equal time. The ranks
 * of n ratings are within 0 … 2 (n - 1), and their sum is n (n - 1). */
#ifndef MF_RATINGS_TIME_RANK_H
#define MF_RATINGS_TIME_RANK_H

#include <stdint.h>

/* A user with more ratings has ranks that do not fit 32 bits. */
#define MF_TIME_RANK_MOST (UINT32_C(1) << 31)

/* Replaces n <= MF_TIME_RANK_MOST times of one user by their ranks, in place. A time is
 * low[k], or with a high column (it may be NULL) high[k] · 2^32 + low[k]. Ranks of a
 * part of the ratings are times as well.
 *   keys  [2 n] the caller's; its content is lost
 * Cost: that of mf_sort_keys, twice with a high column. */
void mf_time_rank(uint32_t n, uint32_t *low, const uint32_t *high, uint64_t *keys);

#endif
