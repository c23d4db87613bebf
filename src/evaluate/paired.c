/* paired.c: each user's part in a difference, then one bootstrap over the users. */
#include "evaluate/paired.h"

#include "base/memory.h"

#include <math.h>

/* parts [n_users] of a difference; their mean is the difference. */
static bool interval_of(const double *parts, double level, uint64_t seed, mf_paired *paired,
                        mf_error *err)
{
    double *scratch = mf_allocate(MF_PAIRED_RESAMPLES, sizeof *scratch, "resampled means", err);
    if (scratch == NULL)
        return false;
    mf_intervals_of(parts, paired->n_users, 1, MF_PAIRED_RESAMPLES, level, seed, scratch,
                    &paired->difference);
    mf_free(scratch);
    return true;
}

bool mf_paired_mean(const double *a, const double *b, uint32_t n_users, double level, uint64_t seed,
                    mf_paired *paired, mf_error *err)
{
    double *parts = mf_allocate(n_users, sizeof *parts, "differences", err);
    *paired = (mf_paired){.n_users = n_users};
    for (uint32_t u = 0; parts != NULL && u < n_users; u++) {
        paired->a += a[u] / n_users;
        paired->b += b[u] / n_users;
        parts[u] = b[u] - a[u];
    }
    const bool ok = parts != NULL && interval_of(parts, level, seed, paired, err);
    mf_free(parts);
    return ok;
}

bool mf_paired_rmse(const double *a, const double *b, const double *n_ratings, uint32_t n_users,
                    double level, uint64_t seed, mf_paired *paired, mf_error *err)
{
    double sum_a = 0;
    double sum_b = 0;
    double sum_n = 0;
    double *parts = mf_allocate(n_users, sizeof *parts, "differences", err);
    for (uint32_t u = 0; u < n_users; u++) {
        sum_a += a[u];
        sum_b += b[u];
        sum_n += n_ratings[u];
    }
    *paired = (mf_paired){n_users, sqrt(sum_a / sum_n), sqrt(sum_b / sum_n), {0, 0, 0}};
    const double squares = (sum_b - sum_a) / sum_n;
    const double both = paired->a + paired->b > 0 ? paired->a + paired->b : 1;
    for (uint32_t u = 0; parts != NULL && u < n_users; u++)
        parts[u] = (squares + (b[u] - a[u] - squares * n_ratings[u]) * n_users / sum_n) / both;
    const bool ok = parts != NULL && interval_of(parts, level, seed, paired, err);
    mf_free(parts);
    return ok;
}
