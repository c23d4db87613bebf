/* forget.c: the latest tombstone of each user of a reader, then one pass over its spans. */
#include "ratings/forget.h"

#include "base/grow.h"
#include "base/id_list.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

bool mf_tombstones_add(mf_tombstones *list, mf_cell user, double until, mf_error *err)
{
    if (!MF_GROW(list->tombstone, list->capacity, list->n + 1, "users to forget", err))
        return false;
    mf_tombstone *tombstone = &list->tombstone[list->n++];
    *tombstone = (mf_tombstone){.until = until};
    mf_cell_keep(&tombstone->user, user.bytes, user.n_bytes);
    return true;
}

static void apply(const mf_cell_copy *id, double until, mf_id_map *users, double *users_until)
{
    const uint32_t user = mf_id_map_find(users, mf_cell_view(id));
    if (user != MF_INDEX_NONE && until > users_until[user])
        users_until[user] = until;
}

void mf_tombstones_apply(const mf_tombstones *list, mf_id_map *users, double *users_until)
{
    for (size_t i = 0; i < list->n; i++) {
        const mf_tombstone *tombstone = &list->tombstone[i];
        const mf_cell id = mf_cell_view(&tombstone->user);
        char whole[MF_INTEGER_ID_BYTES + 2];
        mf_cell_copy other;
        apply(&tombstone->user, tombstone->until, users, users_until);
        const size_t n = mf_id_write_integer_of_text(id.bytes, id.n_bytes, whole);
        if (n == 0)
            continue;
        whole[n] = '.';
        whole[n + 1] = '0';
        for (size_t more = 0; more <= 2; more += 2) {
            mf_cell_keep(&other, whole, n + more);
            apply(&other, tombstone->until, users, users_until);
        }
    }
}

static double time_of(const mf_span *span, uint32_t row)
{
    if (!span->has_time)
        return -(double)INFINITY;
    const uint32_t low = mf_packed_value(&span->column[MF_COLUMN_TIME_LOW], row);
    if (!span->wide_time)
        return (double)(span->time_base + (int32_t)low);
    const uint32_t high = mf_packed_value(&span->column[MF_COLUMN_TIME_HIGH], row);
    const uint64_t key = (uint64_t)high << 32 | low;
    return key == 0 ? -(double)INFINITY : mf_time_of_key(key);
}

uint32_t mf_span_forget(mf_span *span, const double *users_until)
{
    const double never = -(double)INFINITY;
    uint32_t n = 0;
    bool is_timeless = true;
    for (uint32_t row = 0; row < span->n; row++) {
        const double until = users_until[mf_packed_value(&span->column[MF_COLUMN_USER], row)];
        const double time = time_of(span, row);
        if (until > never && time <= until)
            continue;
        is_timeless &= time == never;
        for (int column = 0; column < MF_COLUMNS; column++)
            mf_packed_move(&span->column[column], n, row);
        n++;
    }
    const uint32_t n_forgotten = span->n - n;
    span->n = n;
    span->is_timeless = span->has_time && is_timeless;
    return n_forgotten;
}

/* Keeps the ids i with number[i] != MF_INDEX_NONE, which ascend. */
static void keep_ids(mf_id_list *ids, const uint32_t *number)
{
    uint64_t *start = mf_without_const(ids->start);
    char *bytes = mf_without_const(ids->bytes);
    uint64_t end = 0;
    uint32_t n = 0;
    for (uint32_t i = 0; i < ids->n; i++) {
        const uint64_t from = start[i];
        const uint64_t n_bytes = start[i + 1] - from;
        if (number[i] == MF_INDEX_NONE)
            continue;
        memmove(bytes + end, bytes + from, n_bytes);
        start[n++] = end;
        end += n_bytes;
    }
    start[n] = end;
    ids->n = n;
}

bool mf_ratings_drop_unrated(mf_ratings *ratings, mf_error *err)
{
    bool ok = false;
    uint32_t *user = mf_allocate(ratings->n_users, sizeof *user, "indexes of users", err);
    uint32_t *item = mf_allocate(ratings->n_items, sizeof *item, "indexes of items", err);
    if (user == NULL || item == NULL)
        goto done;
    uint32_t n_users = 0;
    uint32_t n_items = 0;
    for (uint32_t u = 0; u < ratings->n_users; u++) {
        const uint64_t end = ratings->user_start[u + 1];
        user[u] = end > ratings->user_start[u] ? n_users : MF_INDEX_NONE;
        if (user[u] != MF_INDEX_NONE)
            ratings->user_start[++n_users] = end;
    }
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        item[ratings->item[k]] = 1;
    for (uint32_t i = 0; i < ratings->n_items; i++)
        item[i] = item[i] == 1 ? n_items++ : MF_INDEX_NONE;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        ratings->item[k] = item[ratings->item[k]];
    keep_ids(&ratings->users, user);
    keep_ids(&ratings->items, item);
    ratings->n_users = n_users;
    ratings->n_items = n_items;
    ok = true;
done:
    mf_free(user);
    mf_free(item);
    return ok;
}
