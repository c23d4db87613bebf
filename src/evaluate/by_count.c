/* by_count.c: sums are taken in the order of users and rows, so they are the same everywhere. */
#include "evaluate/by_count.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t first[MF_COUNT_GROUPS] = {0, 1, 5, 10, 20, 50, 100, 200, 500, 1000};

uint32_t mf_count_group(uint64_t count)
{
    uint32_t group = 0;
    while (group + 1 < MF_COUNT_GROUPS && count >= first[group + 1])
        group++;
    return group;
}

char *mf_count_group_name(uint32_t group, char text[MF_COUNT_NAME_BYTES])
{
    if (group == 0)
        snprintf(text, MF_COUNT_NAME_BYTES, "0");
    else if (group + 1 == MF_COUNT_GROUPS)
        snprintf(text, MF_COUNT_NAME_BYTES, "%u+", (unsigned)first[group]);
    else
        snprintf(text, MF_COUNT_NAME_BYTES, "%u–%u", (unsigned)first[group],
                 (unsigned)first[group + 1] - 1);
    return text;
}

mf_interval mf_group_mean(const mf_group_sums *sums)
{
    if (sums->n == 0)
        return (mf_interval){NAN, NAN, NAN};
    const double n = (double)sums->n;
    const double mean = sums->sum / n;
    const double variance = fmax(sums->squares / n - mean * mean, 0);
    const double half = sums->n > 1 ? 1.96 * sqrt(variance / (n - 1)) : 0;
    return (mf_interval){mean, mean - half, mean + half};
}

static void add(mf_group_sums *sums, double value)
{
    sums->n++;
    sums->sum += value;
    sums->squares += value * value;
}

static uint64_t count_of_user(const mf_ratings *train, uint32_t user)
{
    return train->user_start[user + 1] - train->user_start[user];
}

static int by_index(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool rated_in(const mf_ratings *train, uint32_t user, uint32_t item)
{
    return bsearch(&item, train->item + train->user_start[user], (size_t)count_of_user(train, user),
                   sizeof item, by_index) != NULL;
}

static bool is_listed(const uint32_t *list, uint32_t k, uint32_t item)
{
    for (uint32_t j = 0; j < k && list[j] != MF_INDEX_NONE; j++)
        if (list[j] == item)
            return true;
    return false;
}

void mf_lists_by_count_add(const mf_evaluation *e, const mf_held_out *held_out,
                           const mf_ratings *train, const uint32_t *item_count,
                           mf_lists_by_count *by)
{
    for (uint32_t at = 0; at < e->n_users; at++) {
        const uint32_t user = e->user[at];
        const uint32_t *list = e->list + (size_t)at * e->length;
        add(&by->ndcg[mf_count_group(count_of_user(train, user))], e->figures[at].at_k.ndcg);
        for (uint32_t j = 0; j < e->k && list[j] != MF_INDEX_NONE; j++)
            by->places[mf_count_group(item_count[list[j]])]++;
        for (uint64_t h = held_out->start[user]; h < held_out->start[user + 1]; h++) {
            const uint32_t item = held_out->item[h];
            if (!held_out->relevant[h] || (item != MF_INDEX_NONE && rated_in(train, user, item)))
                continue;
            const uint64_t count = item != MF_INDEX_NONE ? item_count[item] : 0;
            add(&by->found[mf_count_group(count)],
                item != MF_INDEX_NONE && is_listed(list, e->k, item));
        }
    }
}

mf_errors_by_count mf_errors_by_count_of(const mf_model *model, const mf_ratings_rows *rows,
                                         const mf_ratings *train, const uint32_t *item_count,
                                         uint64_t max_rows)
{
    mf_errors_by_count by = {0};
    const uint64_t step = max_rows > 0 ? (rows->n + max_rows - 1) / max_rows : 1;
    for (uint64_t k = 0; k < rows->n; k += step) {
        const uint32_t user = rows->user[k];
        const uint32_t item = rows->item[k];
        const double error = (double)rows->value[k] - (double)mf_model_predict(model, user, item);
        const uint64_t of_user = user != MF_INDEX_NONE ? count_of_user(train, user) : 0;
        const uint64_t of_item = item != MF_INDEX_NONE ? item_count[item] : 0;
        add(&by.user[mf_count_group(of_user)], error * error);
        add(&by.item[mf_count_group(of_item)], error * error);
        by.n_rows++;
    }
    return by;
}
