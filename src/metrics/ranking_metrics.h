/* ranking_metrics.h: how good a list is, when some of what the user likes is known.
 *
 * The list is the k best items that the user has not rated in training; relevant are the
 * held-out items that he rated at least `relevant_rating`. With n relevant items and hit_j = 1
 * when the item in place j (from 1) is one of them, m = min(k, n):
 *
 *   precision = Σ hit_j / k                recall = Σ hit_j / m
 *   DCG       = Σ hit_j / log2(j + 1)      NDCG   = DCG / Σ_{j≤m} 1 / log2(j + 1)
 *   AP        = Σ hit_j · (hits up to j) / j / m
 *   RR        = 1 / the first place that hits, or 0
 *
 * Users without a relevant item are not counted. Over users: plain means; MAP is the mean of
 * AP, MRR that of RR. coverage = different items in all lists / items of the model. novelty =
 * mean popularity rank of what is recommended, 0 (most rated) … 1 (least).
 *
 * Definitions as in Järvelin, Kekäläinen 2002 (NDCG with gains 0 and 1); recall is divided by
 * min(k, n), so that a perfect list has 1 (as in Liang et al. 2018).
 *
 * All bits are the same on every machine and with any number of threads: sums are taken in
 * the order of the users.
 * Threads: any, on different data. */
#ifndef MF_METRICS_RANKING_METRICS_H
#define MF_METRICS_RANKING_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_METRICS_K_MAX = 1000 };

/* One user's figures. */
typedef struct mf_list_metrics {
    double precision;
    double recall;
    double ndcg;
    double average_precision;
    double reciprocal_rank;
} mf_list_metrics;

/* The figures of a list: items [n_list] best first, n_list ≤ k (missing places are misses);
 * relevant [n_relevant] ascending, n_relevant ≥ 1; 1 ≤ k ≤ MF_METRICS_K_MAX. */
mf_list_metrics mf_list_metrics_of(const uint32_t *items, size_t n_list, const uint32_t *relevant,
                                   size_t n_relevant, size_t k);

/* A mean over users with its interval: percentiles of `resamples` means of n values drawn with
 * replacement (bootstrap, Efron 1979), by seed. */
typedef struct mf_interval {
    double mean;
    double low;
    double high;
} mf_interval;

enum { MF_INTERVAL_COLUMNS = 8 };

/* How often a 95 % interval misses: its ends are the 2.5 and 97.5 percentiles. */
#define MF_INTERVAL_LEVEL 0.05

/* Of each of n_columns ≤ MF_INTERVAL_COLUMNS figures: values [n × n_columns], a row for each user,
 * n ≥ 1, into intervals [n_columns] from the level / 2 to the 1 - level / 2 quantile. All figures are drawn together, and come out as they would
 * one by one. With n == 1 or no resamples low and high are the mean. Cost: resamples · n draws.
 * Needs scratch [n_columns × resamples], the caller's. */
void mf_intervals_of(const double *values, size_t n, size_t n_columns, size_t resamples,
                     double level, uint64_t seed, double *scratch, mf_interval *intervals);

/* popularity_rank[i] in 0 … 1 for item_count[n_items]: (items with more ratings + half of the
 * others with as many) / (n_items - 1); 0.5 for a single item. order is scratch [n_items]. */
void mf_popularity_ranks(const uint32_t *item_count, uint32_t n_items, uint32_t *order,
                         float *popularity_rank);

#endif
