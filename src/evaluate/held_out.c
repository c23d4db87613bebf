/* held_out.c: held-out ratings sorted by user and item, with a mark on the relevant ones.
 *
 * Rows come in any order. They are counted per user, placed, and each user's part is sorted. */
#include "evaluate/held_out.h"

#include "base/memory.h"

#include <stdlib.h>

/* An item and whether it is relevant, in an order that sorts by item. */
static uint64_t packed(uint32_t item, bool relevant)
{
    return (uint64_t)item << 1 | relevant;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void mf_held_out_clear(mf_held_out *held_out)
{
    mf_free(held_out->start);
    mf_free(held_out->item);
    mf_free(held_out->relevant);
    *held_out = (mf_held_out){0};
}

/* Counts rows by user into start[user + 1]. */
static bool count_rows(const mf_ratings_rows *rows, mf_held_out *h, mf_error *err)
{
    h->n_rows = rows->n;
    for (uint64_t k = 0; k < rows->n; k++) {
        const uint32_t user = rows->user[k];
        if (user == MF_INDEX_NONE) {
            h->n_unknown_user_rows++;
            continue;
        }
        if (user >= h->n_users)
            return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                           "held-out row %llu has user %u of %u users", (unsigned long long)k, user,
                           h->n_users);
        h->n_unknown_item_rows += rows->item[k] == MF_INDEX_NONE;
        h->start[user + 1]++;
    }
    for (uint32_t u = 0; u < h->n_users; u++)
        h->start[u + 1] += h->start[u];
    return true;
}

bool mf_held_out_create(const mf_ratings_rows *rows, uint32_t n_users, float relevant_rating,
                        mf_held_out *held_out, mf_error *err)
{
    bool ok = false;
    mf_held_out h = {.n_users = n_users};
    uint64_t *next = NULL;
    uint64_t *row = NULL;
    *held_out = (mf_held_out){0};
    h.start = mf_allocate((size_t)n_users + 1, sizeof *h.start, "held-out ratings", err);
    next = mf_allocate(n_users, sizeof *next, "held-out ratings", err);
    if (h.start == NULL || next == NULL || !count_rows(rows, &h, err))
        goto done;
    const uint64_t n = h.start[n_users];
    row = mf_allocate(n, sizeof *row, "held-out ratings", err);
    h.item = mf_allocate(n, sizeof *h.item, "held-out ratings", err);
    h.relevant = mf_allocate(n, sizeof *h.relevant, "held-out ratings", err);
    if (row == NULL || h.item == NULL || h.relevant == NULL)
        goto done;
    for (uint32_t u = 0; u < n_users; u++)
        next[u] = h.start[u];
    for (uint64_t k = 0; k < rows->n; k++)
        if (rows->user[k] != MF_INDEX_NONE)
            row[next[rows->user[k]]++] = packed(rows->item[k], rows->value[k] >= relevant_rating);
    for (uint32_t u = 0; u < n_users; u++)
        qsort(row + h.start[u], h.start[u + 1] - h.start[u], sizeof *row, ascending);
    for (uint64_t k = 0; k < n; k++) {
        h.item[k] = (uint32_t)(row[k] >> 1);
        h.relevant[k] = row[k] & 1;
        h.n_relevant += h.relevant[k];
    }
    *held_out = h;
    h = (mf_held_out){0};
    ok = true;
done:
    mf_free(next);
    mf_free(row);
    mf_held_out_clear(&h);
    return ok;
}
