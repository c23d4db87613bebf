/* summary.c: means over users with bootstrap intervals, and paired differences of two models.
 *
 * A user who was evaluated with several seeds counts once, with the mean of the seeds. All figures
 * share one drawing of users per resample. */
#include "evaluate/summary.h"

#include "base/memory.h"

enum { RESAMPLED_VALUES = 100 * 1000 * 1000, RESAMPLES_MIN = 100 };

/* Figures of users, each the mean over evaluations. */
typedef struct means {
    double *sum;     /* [n_users × n_columns] while adding; then [n × n_columns] means of those */
    uint32_t *times; /* [n_users] counted; this says how often a user was */
    double *scratch; /* [n_columns × resamples] */
    uint32_t n_users; /* there are */
    size_t n_columns;
    uint32_t resamples;
    uint64_t seed;
} means;

static bool means_create(means *m, uint32_t n_users, size_t n_columns, uint32_t resamples,
                         uint64_t seed, mf_error *err)
{
    *m = (means){.n_users = n_users, .n_columns = n_columns, .resamples = resamples, .seed = seed};
    m->sum = mf_allocate(n_users, n_columns * sizeof *m->sum, "means of users", err);
    m->times = mf_allocate(n_users, sizeof *m->times, "means of users", err);
    m->scratch = mf_allocate(resamples, n_columns * sizeof *m->scratch, "means of users", err);
    return m->sum != NULL && m->times != NULL && m->scratch != NULL;
}

static void means_clear(means *m)
{
    mf_free(m->sum);
    mf_free(m->times);
    mf_free(m->scratch);
}

/* figures [n_columns]. */
static void means_add(means *m, uint32_t user, const double *figures)
{
    for (size_t c = 0; c < m->n_columns; c++)
        m->sum[user * m->n_columns + c] += figures[c];
    m->times[user]++;
}

/* Closes the gaps; returns how many users there are. */
static uint32_t means_finish(means *m)
{
    uint32_t n = 0;
    for (uint32_t u = 0; u < m->n_users; u++) {
        if (m->times[u] == 0)
            continue;
        for (size_t c = 0; c < m->n_columns; c++)
            m->sum[n * m->n_columns + c] = m->sum[u * m->n_columns + c] / m->times[u];
        n++;
    }
    return n;
}

/* The intervals [n_columns] of the n means that means_finish has left. */
static void means_intervals(means *m, uint32_t n, mf_interval *intervals)
{
    const uint32_t affordable = RESAMPLED_VALUES / n;
    const uint32_t most = affordable > RESAMPLES_MIN ? affordable : RESAMPLES_MIN;
    mf_intervals_of(m->sum, n, m->n_columns, m->resamples < most ? m->resamples : most,
                    MF_INTERVAL_LEVEL, m->seed, m->scratch, intervals);
}

bool mf_list_summary_of(const mf_evaluation *evaluations, uint32_t n_evaluations, uint32_t n_users,
                        uint32_t resamples, uint64_t seed, mf_list_summary *summary, mf_error *err)
{
    enum { PRECISION, RECALL, NDCG, MAP, MRR, RECALL_20, COLUMNS };
    means m;
    const bool ok = means_create(&m, n_users, COLUMNS, resamples, seed, err);
    *summary = (mf_list_summary){.k = evaluations[0].k};
    for (uint32_t e = 0; ok && e < n_evaluations; e++)
        for (uint32_t k = 0; k < evaluations[e].n_users; k++) {
            const mf_user_figures *f = &evaluations[e].figures[k];
            const double row[COLUMNS] = {
                [PRECISION] = f->at_k.precision, [RECALL] = f->at_k.recall,
                [NDCG] = f->at_k.ndcg,           [MAP] = f->at_k.average_precision,
                [MRR] = f->at_k.reciprocal_rank, [RECALL_20] = f->recall_20,
            };
            means_add(&m, evaluations[e].user[k], row);
        }
    if (ok)
        summary->n_users = means_finish(&m);
    if (summary->n_users > 0) {
        mf_interval interval[COLUMNS];
        means_intervals(&m, summary->n_users, interval);
        summary->precision = interval[PRECISION];
        summary->recall = interval[RECALL];
        summary->ndcg = interval[NDCG];
        summary->map = interval[MAP];
        summary->mrr = interval[MRR];
        summary->recall_20 = interval[RECALL_20];
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
    if (!means_create(&m, n_users, 1, resamples, seed, err))
        goto done;
    for (uint32_t e = 0; e < n_evaluations; e++) {
        bool same = a[e].n_users == b[e].n_users;
        for (uint32_t k = 0; same && k < a[e].n_users; k++) {
            same = a[e].user[k] == b[e].user[k];
            const double difference = b[e].figures[k].at_k.ndcg - a[e].figures[k].at_k.ndcg;
            means_add(&m, a[e].user[k], &difference);
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
        means_intervals(&m, n, &comparison->difference);
    }
    ok = true;
done:
    means_clear(&m);
    return ok;
}
