/* rated.c: three ascending lists merged into one for each user.
 *
 * (1) merge_user is called twice, first to count, then to write; both merge the same way.
 * (2) The order of an entry in time is (its source, its rank there). New ranks are then assigned
 *     among the entries with a grade; equal ones share their mean rank. */
#include "rated.h"

#include "base/memory.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct merging {
    const mf_model_parts *base; /* or NULL */
    const mf_ratings *all;
    const mf_ratings *train;
    const mf_grading *grading; /* or NULL */
    uint8_t relevant_grade;
    bool has_times;
    mf_rated *rated;
} merging;

/* The order of an entry in time, among those of its user. */
typedef struct moment {
    uint64_t order;
    uint32_t place;
} moment;

static bool has_ranking(const mf_model_parts *base)
{
    return base != NULL && base->ranking.n_factors > 0;
}

/* The rest of a list: items[at .. end). */
typedef struct cursor {
    const uint32_t *items;
    uint64_t at;
    uint64_t end;
} cursor;

static uint32_t next_of(const cursor *c)
{
    return c->at < c->end ? c->items[c->at] : UINT32_MAX;
}

static cursor base_cursor(const mf_model_parts *base, uint32_t user)
{
    if (base == NULL || user >= base->n_users)
        return (cursor){NULL, 0, 0};
    return (cursor){base->rated_items, base->rated_start[user], base->rated_start[user + 1]};
}

static cursor ratings_cursor(const mf_ratings *ratings, uint32_t user)
{
    return (cursor){ratings->item, ratings->user_start[user], ratings->user_start[user + 1]};
}

/* Writes one entry; its order in time goes to *order, when it has a grade. */
static bool write_entry(const merging *m, uint64_t to, uint32_t item, const cursor *base,
                        const cursor *train, uint64_t *order)
{
    mf_rated *rated = m->rated;
    uint8_t grade = 0;
    rated->items[to] = item;
    if (m->grading == NULL)
        return false;
    *order = 0;
    if (next_of(train) == item) {
        grade = mf_grade_code(m->grading, m->train->value[train->at]);
        *order = UINT64_C(1) << 32;
        if (m->train->time_rank != NULL)
            *order += m->train->time_rank[train->at];
    } else if (next_of(base) == item && has_ranking(m->base)) {
        grade = m->base->ranking.grades[base->at];
        if (m->base->ranking.time_ranks != NULL)
            *order = m->base->ranking.time_ranks[base->at];
    }
    rated->grades[to] = grade;
    rated->relevant[to] = grade >= m->relevant_grade;
    return grade > 0;
}

/* The user's merged list; moments NULL: only counts. *n_moments is how many entries have a grade.
 */
static uint64_t merge_user(const merging *m, uint32_t user, moment *moments, uint32_t *n_moments)
{
    cursor base = base_cursor(m->base, user);
    cursor all = ratings_cursor(m->all, user);
    cursor train = ratings_cursor(m->train, user);
    const uint64_t start = m->rated->start[user];
    uint64_t n = 0;
    while (base.at < base.end || all.at < all.end) {
        const uint32_t item = next_of(&base) < next_of(&all) ? next_of(&base) : next_of(&all);
        uint64_t order;
        if (moments != NULL && write_entry(m, start + n, item, &base, &train, &order))
            moments[(*n_moments)++] = (moment){order, (uint32_t)n};
        base.at += next_of(&base) == item;
        all.at += next_of(&all) == item;
        train.at += next_of(&train) == item;
        n++;
    }
    return n;
}

static int by_order(const void *a, const void *b)
{
    const moment *x = a;
    const moment *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* ranks[place] of each moment: twice the mean of the places that equal ones take. */
static void rank(moment *moments, uint32_t n, uint32_t *ranks)
{
    qsort(moments, n, sizeof *moments, by_order);
    for (uint32_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && moments[to].order == moments[from].order;)
            to++;
        for (uint32_t i = from; i < to; i++)
            ranks[moments[i].place] = from + to - 1;
    }
}

static bool merge_all(const merging *m, uint64_t longest, uint32_t n_threads, mf_error *err)
{
    moment *scratch = mf_allocate((size_t)longest, n_threads * sizeof *scratch, "rated items", err);
    if (scratch == NULL)
        return false;
#pragma omp parallel for schedule(dynamic, 64) num_threads((int)n_threads)
    for (uint32_t user = 0; user < m->rated->n_users; user++) {
        moment *moments = scratch + (size_t)omp_get_thread_num() * longest;
        uint32_t n = 0;
        merge_user(m, user, moments, &n);
        if (m->has_times)
            rank(moments, n, m->rated->time_ranks + m->rated->start[user]);
    }
    mf_free(scratch);
    return true;
}

/* Without anything to merge, the list is that of the ratings. */
static bool borrow(const merging *m, uint32_t n_threads, mf_error *err)
{
    mf_rated *rated = m->rated;
    const mf_ratings *all = m->all;
    rated->borrows = true;
    rated->start = all->user_start;
    rated->items = all->item;
    if (m->grading == NULL)
        return true;
    rated->time_ranks = all->time_rank;
    rated->grades = mf_allocate((size_t)all->n_ratings, sizeof *rated->grades, "grades", err);
    rated->relevant = mf_allocate((size_t)all->n_ratings, sizeof *rated->relevant, "grades", err);
    if (rated->grades == NULL || rated->relevant == NULL) {
        mf_rated_release(rated);
        return false;
    }
#pragma omp parallel for schedule(static) num_threads((int)n_threads)
    for (uint64_t k = 0; k < all->n_ratings; k++) {
        rated->grades[k] = mf_grade_code(m->grading, all->value[k]);
        rated->relevant[k] = rated->grades[k] >= m->relevant_grade;
    }
    return true;
}

bool mf_rated_create(mf_rated *rated, const mf_model_parts *base, const mf_ratings *all,
                     const mf_ratings *train, const mf_grading *grading, float relevant_rating,
                     uint32_t n_threads, mf_error *err)
{
    const merging m = {
        .base = base,
        .all = all,
        .train = train,
        .grading = grading,
        .relevant_grade = grading != NULL ? mf_grade_code(grading, relevant_rating) : 0,
        .has_times = grading != NULL && (train->time_rank != NULL || has_ranking(base)),
        .rated = rated,
    };
    *rated = (mf_rated){.n_users = all->n_users};
    if (base == NULL && train == all)
        return borrow(&m, n_threads, err);
    rated->start = mf_allocate((size_t)all->n_users + 1, sizeof *rated->start, "rated items", err);
    if (rated->start == NULL)
        return false;
    uint64_t longest = 1;
    for (uint32_t user = 0; user < all->n_users; user++) {
        const uint64_t n = merge_user(&m, user, NULL, NULL);
        rated->start[user + 1] = rated->start[user] + n;
        longest = n > longest ? n : longest;
    }
    const size_t n = (size_t)rated->start[all->n_users];
    rated->items = mf_allocate(n, sizeof *rated->items, "rated items", err);
    if (grading != NULL) {
        rated->grades = mf_allocate(n, sizeof *rated->grades, "grades", err);
        rated->relevant = mf_allocate(n, sizeof *rated->relevant, "grades", err);
    }
    if (m.has_times)
        rated->time_ranks = mf_allocate(n, sizeof *rated->time_ranks, "ranks of times", err);
    const bool ok = rated->items != NULL &&
                    (grading == NULL || (rated->grades != NULL && rated->relevant != NULL)) &&
                    (!m.has_times || rated->time_ranks != NULL) &&
                    merge_all(&m, longest, n_threads, err);
    if (!ok)
        mf_rated_release(rated);
    return ok;
}

void mf_rated_release(mf_rated *rated)
{
    if (!rated->borrows) {
        mf_free(rated->start);
        mf_free(rated->items);
        mf_free(rated->time_ranks);
    }
    mf_free(rated->grades);
    mf_free(rated->relevant);
    memset(rated, 0, sizeof *rated);
}
