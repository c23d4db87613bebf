/* lists.c: one list per user and its figures.
 *
 * Users are chosen first, evenly spread when there are too many. Threads take them one by one; each
 * writes its figures at the user's place, so the results do not depend on the threads. */
#include "evaluate/lists.h"

#include "base/memory.h"

#include <omp.h>
#include <stdlib.h>

typedef enum outcome {
    COUNTED,
    NOTHING_RELEVANT,
    UNKNOWN_USER,
} outcome;

/* What all threads share. */
typedef struct run {
    const mf_list_source *source;
    const mf_held_out *held;
    const mf_evaluation_options *options;
    mf_evaluation *e; /* one place for each user looked at, counted or not */
    uint8_t *outcome; /* [e->n_users] */
    uint32_t *repeated;
    uint8_t *seen;    /* [n_items] 1: stands in some list */
    size_t most_held; /* by one user */
} run;

/* What one thread has for itself. */
typedef struct worker {
    void *thread; /* the source's */
    uint32_t *relevant;
} worker;

void mf_evaluation_clear(mf_evaluation *evaluation)
{
    mf_free(evaluation->user);
    mf_free(evaluation->figures);
    mf_free(evaluation->list);
    *evaluation = (mf_evaluation){0};
}

static bool has_relevant(const mf_held_out *held, uint32_t user)
{
    for (uint64_t k = held->start[user]; k < held->start[user + 1]; k++)
        if (held->relevant[k])
            return true;
    return false;
}

/* The relevant ones that are not left out, into relevant; both lists are ascending. */
static size_t findable(const run *r, uint32_t user, const mf_left_out *out, uint32_t *relevant,
                       uint32_t *repeated)
{
    size_t n = 0;
    size_t at = 0;
    *repeated = 0;
    for (uint64_t k = r->held->start[user]; k < r->held->start[user + 1]; k++) {
        const uint32_t item = r->held->item[k];
        if (!r->held->relevant[k])
            continue;
        while (at < out->n && out->items[at] < item)
            at++;
        if (at < out->n && out->items[at] == item)
            (*repeated)++;
        else
            relevant[n++] = item;
    }
    return n;
}

static void add_figures(const run *r, size_t place, const uint32_t *list, size_t n_list,
                        const uint32_t *relevant, size_t n_relevant)
{
    const uint32_t k = r->options->k;
    const float *rank = r->options->popularity_rank;
    mf_user_figures *f = &r->e->figures[place];
    const size_t n = n_list < k ? n_list : k;
    f->at_k = mf_list_metrics_of(list, n, relevant, n_relevant, k);
    f->recall_20 = mf_list_metrics_of(list, n_list < MF_RECALL_LENGTH ? n_list : MF_RECALL_LENGTH,
                                      relevant, n_relevant, MF_RECALL_LENGTH)
                       .recall;
    for (size_t j = 0; j < n; j++) {
        f->novelty += rank != NULL ? (double)rank[list[j]] / (double)n : 0;
        /* Several threads may write here, all of them the same. */
        __atomic_store_n(&r->seen[list[j]], 1, __ATOMIC_RELAXED);
    }
}

static bool look_at(const run *r, worker *w, size_t place, mf_error *err)
{
    const mf_list_source *s = r->source;
    const uint32_t user = r->e->user[place];
    const uint64_t start = r->held->start[user];
    uint32_t *list = r->e->list + place * r->e->length;
    mf_left_out out = {0};
    size_t n_list = 0;
    if (!s->left_out(s->context, w->thread, user, r->held->item + start,
                     (size_t)(r->held->start[user + 1] - start), &out, err))
        return false;
    const size_t n_relevant = findable(r, user, &out, w->relevant, &r->repeated[place]);
    r->outcome[place] = out.n == 0 ? UNKNOWN_USER : n_relevant == 0 ? NOTHING_RELEVANT : COUNTED;
    if (r->outcome[place] != COUNTED)
        return true;
    if (!s->list(s->context, w->thread, user, &out, r->e->length, list, &n_list, err))
        return false;
    add_figures(r, place, list, n_list, w->relevant, n_relevant);
    for (size_t j = n_list; j < r->e->length; j++)
        list[j] = MF_INDEX_NONE;
    return true;
}

static bool worker_create(const run *r, worker *w, mf_error *err)
{
    w->thread = r->source->thread_create(r->source->context, err);
    w->relevant = mf_allocate(r->most_held, sizeof *w->relevant, "relevant items", err);
    return w->thread != NULL && w->relevant != NULL;
}

static void worker_destroy(const run *r, worker *w)
{
    r->source->thread_destroy(w->thread);
    mf_free(w->relevant);
}

static bool look_at_all(const run *r, mf_error *err)
{
    bool failed = false;
#pragma omp parallel num_threads((int)r->options->n_threads)
    {
        mf_error own = {0};
        worker w = {0};
        bool ok = worker_create(r, &w, &own);
#pragma omp for schedule(dynamic, 16)
        for (size_t place = 0; place < r->e->n_users; place++)
            if (ok && !__atomic_load_n(&failed, __ATOMIC_RELAXED))
                ok = look_at(r, &w, place, &own);
            else
                __atomic_store_n(&failed, true, __ATOMIC_RELAXED);
        if (!ok) {
            __atomic_store_n(&failed, true, __ATOMIC_RELAXED);
#pragma omp critical(mf_evaluate_error)
            mf_fail(err, own.code, MF_NOWHERE, "%s", own.text);
        }
        worker_destroy(r, &w);
    }
    return !failed;
}

/* Users with something relevant, at most max_users of them, evenly spread. */
static bool choose_users(const mf_held_out *held, uint32_t max_users, mf_evaluation *e,
                         size_t *most_held, mf_error *err)
{
    uint32_t n = 0;
    for (uint32_t u = 0; u < held->n_users; u++) {
        const size_t n_held = (size_t)(held->start[u + 1] - held->start[u]);
        *most_held = n_held > *most_held ? n_held : *most_held;
        if (has_relevant(held, u))
            n++;
        else
            e->n_nothing_relevant += n_held > 0;
    }
    e->n_users = max_users > 0 && n > max_users ? max_users : n;
    e->n_not_looked_at = n - e->n_users;
    e->user = mf_allocate(e->n_users, sizeof *e->user, "users", err);
    if (e->user == NULL)
        return false;
    uint32_t seen = 0;
    uint32_t taken = 0;
    for (uint32_t u = 0; u < held->n_users && taken < e->n_users; u++)
        if (has_relevant(held, u) && seen++ == (uint64_t)taken * n / e->n_users)
            e->user[taken++] = u;
    return true;
}

/* Closes the gaps of users that were not counted, and counts them. */
static void compact(const run *r)
{
    mf_evaluation *e = r->e;
    uint32_t kept = 0;
    for (uint32_t place = 0; place < e->n_users; place++) {
        e->n_repeated += r->repeated[place];
        e->n_nothing_relevant += r->outcome[place] == NOTHING_RELEVANT;
        e->n_unknown_users += r->outcome[place] == UNKNOWN_USER;
        if (r->outcome[place] != COUNTED)
            continue;
        e->user[kept] = e->user[place];
        e->figures[kept] = e->figures[place];
        for (uint32_t j = 0; j < e->length; j++)
            e->list[(size_t)kept * e->length + j] = e->list[(size_t)place * e->length + j];
        kept++;
    }
    e->n_users = kept;
    uint32_t different = 0;
    for (uint32_t i = 0; i < r->source->n_items; i++)
        different += r->seen[i];
    e->coverage = r->source->n_items > 0 ? (double)different / (double)r->source->n_items : 0;
}

bool mf_evaluate_lists(const mf_list_source *source, const mf_held_out *held_out,
                       const mf_evaluation_options *options, mf_evaluation *evaluation,
                       mf_error *err)
{
    bool ok = false;
    mf_evaluation e = {
        .k = options->k,
        .length = options->k > MF_RECALL_LENGTH ? options->k : MF_RECALL_LENGTH,
    };
    run r = {.source = source, .held = held_out, .options = options, .e = &e};
    *evaluation = (mf_evaluation){0};
    if (options->k < 1 || options->k > MF_METRICS_K_MAX || options->n_threads < 1)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "lists of %u items with %u threads",
                       options->k, options->n_threads);
    if (!choose_users(held_out, options->max_users, &e, &r.most_held, err))
        goto done;
    size_t cells;
    if (!mf_mul(e.n_users, e.length, &cells)) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "lists of %u users", e.n_users);
        goto done;
    }
    e.figures = mf_allocate(e.n_users, sizeof *e.figures, "figures of lists", err);
    e.list = mf_allocate(cells, sizeof *e.list, "lists", err);
    r.outcome = mf_allocate(e.n_users, sizeof *r.outcome, "figures of lists", err);
    r.repeated = mf_allocate(e.n_users, sizeof *r.repeated, "figures of lists", err);
    r.seen = mf_allocate(source->n_items, sizeof *r.seen, "figures of lists", err);
    if (e.figures == NULL || e.list == NULL || r.outcome == NULL || r.repeated == NULL ||
        r.seen == NULL)
        goto done;
    if (e.n_users > 0 && !look_at_all(&r, err))
        goto done;
    compact(&r);
    *evaluation = e;
    e = (mf_evaluation){0};
    ok = true;
done:
    mf_free(r.outcome);
    mf_free(r.repeated);
    mf_free(r.seen);
    mf_evaluation_clear(&e);
    return ok;
}
