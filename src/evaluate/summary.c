/* summary.c: promises in summary.h. */
#include "evaluate/summary.h"

#include "base/memory.h"

#include <stddef.h>

enum { RESAMPLED_VALUES = 100 * 1000 * 1000, RESAMPLES_MIN = 100 };

/* Figures of users, each the mean over evaluations. */
typedef struct means {
    double *sum;      /* [n_users] while adding; then [n] the means of those counted */
    uint32_t *times;  /* [n_users] how often a user was counted */
    double *scratch;  /* [resamples] */
    uint32_t n_users; /* there are */
    uint32_t resamples;
    uint64_t seed;
} means;

static bool means_create(means *m, uint32_t n_users, uint32_t resamples, uint64_t seed,
                         mf_error *err)
{
    *m = (means){.n_users = n_users, .resamples = resamples, .seed = seed};
    m->sum = mf_allocate(n_users, sizeof *m->sum, "means of users", err);
    m->times = mf_allocate(n_users, sizeof *m->times, "means of users", err);
    m->scratch = mf_allocate(resamples, sizeof *m->scratch, "means of users", err);
    return m->sum != NULL && m->times != NULL && m->scratch != NULL;
}

static void means_clear(means *m)
{
    mf_free(m->sum);
    mf_free(m->times);
    mf_free(m->scratch);
}

static void means_begin(means *m)
{
    for (uint32_t u = 0; u < m->n_users; u++) {
        m->sum[u] = 0;
        m->times[u] = 0;
    }
}

static void means_add(means *m, uint32_t user, double value)
{
    m->sum[user] += value;
    m->times[user]++;
}

/* Closes the gaps; returns how many users there are. */
static uint32_t means_finish(means *m)
{
    uint32_t n = 0;
    for (uint32_t u = 0; u < m->n_users; u++)
        if (m->times[u] > 0)
            m->sum[n++] = m->sum[u] / m->times[u];
    return n;
}

/* The interval of the n means that means_finish has left. */
static mf_interval means_interval(means *m, uint32_t n)
{
    const uint32_t affordable = RESAMPLED_VALUES / n;
    const uint32_t most = affordable > RESAMPLES_MIN ? affordable : RESAMPLES_MIN;
    if (m->resamples > 0)
        return mf_interval_of(m->sum, n, m->resamples < most ? m->resamples : most, m->seed,
                              m->scratch);
    double sum = 0;
    for (uint32_t k = 0; k < n; k++)
        sum += m->sum[k];
    return (mf_interval){sum / n, sum / n, sum / n};
}

static double figure_of(const mf_user_figures *figures, size_t offset)
{
    return *(const double *)((const char *)figures + offset);
}

static mf_interval interval_of(means *m, const mf_evaluation *evaluations, uint32_t n_evaluations,
                               size_t offset)
{
    means_begin(m);
    for (uint32_t e = 0; e < n_evaluations; e++)
        for (uint32_t k = 0; k < evaluations[e].n_users; k++)
            means_add(m, evaluations[e].user[k], figure_of(&evaluations[e].figures[k], offset));
    return means_interval(m, means_finish(m));
}

static uint32_t users_counted(means *m, const mf_evaluation *evaluations, uint32_t n_evaluations)
{
    means_begin(m);
    for (uint32_t e = 0; e < n_evaluations; e++)
        for (uint32_t k = 0; k < evaluations[e].n_users; k++)
            means_add(m, evaluations[e].user[k], 0);
    return means_finish(m);
}

bool mf_list_summary_of(const mf_evaluation *evaluations, uint32_t n_evaluations, uint32_t n_users,
                        uint32_t resamples, uint64_t seed, mf_list_summary *summary, mf_error *err)
{
    means m;
    const bool ok = means_create(&m, n_users, resamples, seed, err);
    *summary = (mf_list_summary){.k = evaluations[0].k};
    if (ok)
        summary->n_users = users_counted(&m, evaluations, n_evaluations);
    if (summary->n_users > 0) {
        const struct {
            mf_interval *to;
            size_t offset;
        } figures[] = {
            {&summary->precision, offsetof(mf_user_figures, at_k.precision)},
            {&summary->recall, offsetof(mf_user_figures, at_k.recall)},
            {&summary->ndcg, offsetof(mf_user_figures, at_k.ndcg)},
            {&summary->map, offsetof(mf_user_figures, at_k.average_precision)},
            {&summary->mrr, offsetof(mf_user_figures, at_k.reciprocal_rank)},
            {&summary->recall_20, offsetof(mf_user_figures, recall_20)},
        };
        for (size_t f = 0; f < sizeof figures / sizeof figures[0]; f++)
            *figures[f].to = interval_of(&m, evaluations, n_evaluations, figures[f].offset);
        double novelty = 0;
        uint64_t n = 0;
        for (uint32_t e = 0; e < n_evaluations; e++) {
            summary->coverage += evaluations[e].coverage / n_evaluations;
            for (uint32_t k = 0; k < evaluations[e].n_users; k++)
                novelty += evaluations[e].figures[k].novelty;
            n += evaluations[e].n_users;
        }
        summary->novelty = novelty / (double)n;
    }
    means_clear(&m);
    return ok;
}

bool mf_list_compare(const mf_evaluation *a, const mf_evaluation *b, uint32_t n_evaluations,
                     uint32_t n_users, uint32_t resamples, uint64_t seed,
                     mf_list_comparison *comparison, mf_error *err)
{
    bool ok = false;
    means m;
    *comparison = (mf_list_comparison){0};
    if (!means_create(&m, n_users, resamples, seed, err))
        goto done;
    means_begin(&m);
    for (uint32_t e = 0; e < n_evaluations; e++) {
        bool same = a[e].n_users == b[e].n_users;
        for (uint32_t k = 0; same && k < a[e].n_users; k++) {
            same = a[e].user[k] == b[e].user[k];
            means_add(&m, a[e].user[k], b[e].figures[k].at_k.ndcg - a[e].figures[k].at_k.ndcg);
        }
        if (!same) {
            mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "two evaluations have different users");
            goto done;
        }
    }
    const uint32_t n = means_finish(&m);
    comparison->n_users = n;
    if (n > 0) {
        uint32_t better = 0;
        uint32_t worse = 0;
        for (uint32_t k = 0; k < n; k++) {
            better += m.sum[k] > 0;
            worse += m.sum[k] < 0;
        }
        comparison->better = (double)better / n;
        comparison->worse = (double)worse / n;
        comparison->difference = means_interval(&m, n);
    }
    ok = true;
done:
    means_clear(&m);
    return ok;
}
