/* ranking_metrics.c: one pass over a list with a binary search for each item; the bootstrap draws
 * indices from counters (base/random.h), so that resample r of a seed is the same everywhere. */
#include "metrics/ranking_metrics.h"

#include "base/portable_math.h"
#include "base/random.h"

#include <stdlib.h>

static const double LOG_2 = 0.69314718055994530942;

/* The gain of a hit in place j, from 1: 1 / log2(j + 1). */
static double gain(size_t j)
{
    return LOG_2 / mf_log((double)j + 1);
}

static bool is_among(const uint32_t *ascending, size_t n, uint32_t item)
{
    size_t low = 0;
    while (n > 0) {
        const size_t half = n / 2;
        if (ascending[low + half] < item) {
            low += half + 1;
            n -= half + 1;
        } else if (ascending[low + half] == item) {
            return true;
        } else {
            n = half;
        }
    }
    return false;
}

mf_list_metrics mf_list_metrics_of(const uint32_t *items, size_t n_list, const uint32_t *relevant,
                                   size_t n_relevant, size_t k)
{
    const size_t most = n_relevant < k ? n_relevant : k;
    size_t hits = 0;
    double dcg = 0;
    double precisions = 0;
    double ideal = 0;
    mf_list_metrics metrics = {0};
    for (size_t j = 1; j <= n_list && j <= k; j++) {
        if (!is_among(relevant, n_relevant, items[j - 1]))
            continue;
        hits++;
        dcg += gain(j);
        precisions += (double)hits / (double)j;
        if (hits == 1)
            metrics.reciprocal_rank = 1 / (double)j;
    }
    for (size_t j = 1; j <= most; j++)
        ideal += gain(j);
    metrics.precision = (double)hits / (double)k;
    metrics.recall = (double)hits / (double)most;
    metrics.ndcg = dcg / ideal;
    metrics.average_precision = precisions / (double)most;
    return metrics;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean_of(const double *values, size_t n, size_t step)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i * step];
    return sum / (double)n;
}

/* The value below which a part of n ascending ones lies, between its two neighbours. */
static double percentile(const double *ascending, size_t n, double part)
{
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n)
        return ascending[n - 1];
    return ascending[below] + (at - (double)below) * (ascending[below + 1] - ascending[below]);
}

void mf_intervals_of(const double *values, size_t n, size_t n_columns, size_t resamples,
                     double level, uint64_t seed, double *scratch, mf_interval *intervals)
{
    for (size_t c = 0; c < n_columns; c++) {
        const double mean = mean_of(values + c, n, n_columns);
        intervals[c] = (mf_interval){mean, mean, mean};
    }
    if (n < 2 || resamples == 0)
        return;
    for (size_t r = 0; r < resamples; r++) {
        const uint64_t key = mf_random_key(seed, r);
        double sum[MF_INTERVAL_COLUMNS] = {0};
        for (size_t i = 0; i < n; i++) {
            const double *row = values + mf_random_below(key, i, (uint32_t)n) * n_columns;
            for (size_t c = 0; c < n_columns; c++)
                sum[c] += row[c];
        }
        for (size_t c = 0; c < n_columns; c++)
            scratch[c * resamples + r] = sum[c] / (double)n;
    }
    for (size_t c = 0; c < n_columns; c++) {
        double *means = scratch + c * resamples;
        qsort(means, resamples, sizeof *means, compare_doubles);
        intervals[c].low = percentile(means, resamples, level / 2);
        intervals[c].high = percentile(means, resamples, 1 - level / 2);
    }
}

/* Most rated first; which of equal ones comes first does not matter here. */
static int compare_counts(const void *a, const void *b, void *item_count)
{
    const uint32_t *count = item_count;
    const uint32_t x = count[*(const uint32_t *)a];
    const uint32_t y = count[*(const uint32_t *)b];
    return (x < y) - (x > y);
}

void mf_popularity_ranks(const uint32_t *item_count, uint32_t n_items, uint32_t *order,
                         float *popularity_rank)
{
    if (n_items == 1) {
        popularity_rank[0] = 0.5f;
        return;
    }
    for (uint32_t i = 0; i < n_items; i++)
        order[i] = i;
    qsort_r(order, n_items, sizeof *order, compare_counts, (void *)(uintptr_t)item_count);
    for (uint32_t first = 0, end; first < n_items; first = end) {
        for (end = first + 1; end < n_items; end++)
            if (item_count[order[end]] != item_count[order[first]])
                break;
        const double rank = (first + (end - first - 1) / 2.0) / (n_items - 1.0);
        for (uint32_t i = first; i < end; i++)
            popularity_rank[order[i]] = (float)rank;
    }
}
