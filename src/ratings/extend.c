/* extend.c: old ids get their new indexes, then the ratings are grouped again, as rows that were
 * read. */
#include "ratings/extend.h"

#include "base/memory.h"
#include "ratings/group.h"

#include <math.h>
#include <string.h>

enum { SPAN_ROWS = 1 << 15 };

/* One side of the new index space. */
typedef struct side {
    uint64_t *start; /* the extended id list */
    char *bytes;
    uint32_t n;
    uint32_t *index; /* [old n] where an old index went */
} side;

static void side_release(side *s)
{
    mf_free(s->start);
    mf_free(s->bytes);
    mf_free(s->index);
}

/* index[] of the old ids, and n. The list itself comes when n is known. */
static bool find_indexes(const mf_id_list *first, const mf_id_list *old, side *s, mf_error *err)
{
    const uint64_t n_slots = mf_id_table_slots(first->n);
    uint32_t *slots = mf_allocate(n_slots, sizeof *slots, "a table of ids", err);
    s->index = mf_allocate(old->n, sizeof *s->index, "a table of ids", err);
    bool ok = slots != NULL && s->index != NULL && mf_id_table_build(first, slots, n_slots, err);
    s->n = first->n;
    for (uint32_t i = 0; ok && i < old->n; i++) {
        const mf_id id = mf_id_list_get(old, i);
        s->index[i] = mf_id_table_find(first, slots, n_slots, id.bytes, id.n_bytes);
        if (s->index[i] != MF_INDEX_NONE)
            continue;
        if (s->n == MF_INDEX_NONE - 1)
            ok = mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %u different ids", s->n);
        else
            s->index[i] = s->n++;
    }
    mf_free(slots);
    return ok;
}

static bool extend_side(const mf_id_list *first, const mf_id_list *old, side *s, mf_error *err)
{
    if (!find_indexes(first, old, s, err))
        return false;
    s->start = mf_allocate((size_t)s->n + 1, sizeof *s->start, "ids", err);
    s->bytes = mf_allocate(first->start[first->n] + old->start[old->n], 1, "ids", err);
    if (s->start == NULL || s->bytes == NULL)
        return false;
    memcpy(s->start, first->start, ((size_t)first->n + 1) * sizeof *s->start);
    memcpy(s->bytes, first->bytes, first->start[first->n]);
    for (uint32_t i = 0; i < old->n; i++) {
        const uint32_t index = s->index[i];
        if (index < first->n)
            continue;
        const mf_id id = mf_id_list_get(old, i);
        memcpy(s->bytes + s->start[index], id.bytes, id.n_bytes);
        s->start[index + 1] = s->start[index] + id.n_bytes;
    }
    return true;
}

/* The ratings in their new indexes as rows that were read, with times or, where those were not kept,
 * ranks as times. */
typedef struct old_rows {
    mf_store store;
    mf_span *spans;
    uint64_t n_spans;
} old_rows;

/* Ratings first … first + span->n - 1 of users from *user on. column: [MF_COLUMNS][SPAN_ROWS] to
 * work in. */
static bool fill_span(const mf_ratings *old, const side *users, const side *items, uint64_t first,
                      uint32_t *user, uint32_t (*column)[SPAN_ROWS], mf_store *store, mf_span *span,
                      mf_error *err)
{
    for (uint32_t r = 0; r < span->n; r++) {
        const uint64_t k = first + r;
        while (old->user_start[*user + 1] <= k)
            ++*user;
        column[MF_COLUMN_USER][r] = users->index[*user];
        column[MF_COLUMN_ITEM][r] = items->index[old->item[k]];
        memcpy(&column[MF_COLUMN_VALUE][r], &old->value[k], sizeof old->value[k]);
        if (!span->has_time)
            continue;
        const double time = old->time != NULL ? old->time[k] : (double)old->time_rank[k];
        const uint64_t key = isfinite(time) ? mf_time_key(time) : 0;
        column[MF_COLUMN_TIME_LOW][r] = (uint32_t)key;
        column[MF_COLUMN_TIME_HIGH][r] = (uint32_t)(key >> 32);
    }
    for (mf_column c = 0; c < (span->has_time ? MF_COLUMNS : MF_COLUMN_TIME_LOW); c++)
        if (!mf_store_pack(store, c, column[c], span->n, &span->column[c], err))
            return false;
    return true;
}

static bool fill_rows(const mf_ratings *old, const side *users, const side *items, old_rows *rows,
                      mf_error *err)
{
    bool ok = true;
    uint32_t user = 0;
    rows->n_spans = (old->n_ratings + SPAN_ROWS - 1) / SPAN_ROWS;
    rows->spans = mf_allocate(rows->n_spans, sizeof *rows->spans, "ratings", err);
    uint32_t(*column)[SPAN_ROWS] = mf_allocate(MF_COLUMNS, sizeof *column, "ratings", err);
    ok = rows->spans != NULL && column != NULL;
    for (uint64_t s = 0; ok && s < rows->n_spans; s++) {
        const uint64_t first = s * SPAN_ROWS;
        const uint64_t n_left = old->n_ratings - first;
        const bool has_time = old->time_rank != NULL;
        rows->spans[s] = (mf_span){.n = (uint32_t)(n_left < SPAN_ROWS ? n_left : SPAN_ROWS),
                                   .has_time = has_time,
                                   .wide_time = has_time};
        ok = fill_span(old, users, items, first, &user, column, &rows->store, &rows->spans[s], err);
    }
    mf_free(column);
    return ok;
}

bool mf_ratings_extend(mf_ratings *ratings, const mf_id_list *first_users,
                       const mf_id_list *first_items, mf_error *err)
{
    bool ok = false;
    side users = {0};
    side items = {0};
    old_rows rows = {0};
    mf_ratings *extended = mf_allocate(1, sizeof *extended, "ratings", err);
    if (extended == NULL || !extend_side(first_users, &ratings->users, &users, err) ||
        !extend_side(first_items, &ratings->items, &items, err) ||
        !fill_rows(ratings, &users, &items, &rows, err))
        goto done;
    mf_store *stores[] = {&rows.store};
    uint32_t *no_index[] = {NULL};
    const mf_grouping grouping = {.spans = rows.spans,
                                  .n_spans = rows.n_spans,
                                  .stores = stores,
                                  .n_stores = 1,
                                  .user_index = no_index,
                                  .item_index = no_index,
                                  .n_users = users.n,
                                  .n_threads = 1,
                                  .times = ratings->time != NULL ? MF_TIMES_KEPT : MF_TIMES_RANKED};
    if (!mf_group(&grouping, extended, err))
        goto done;
    extended->n_users = users.n;
    extended->n_items = items.n;
    extended->users = (mf_id_list){users.n, users.start, users.bytes};
    extended->items = (mf_id_list){items.n, items.start, items.bytes};
    extended->feedback = ratings->feedback;
    extended->counts = ratings->counts;
    users.start = items.start = NULL;
    users.bytes = items.bytes = NULL;
    const mf_ratings old = *ratings;
    *ratings = *extended;
    *extended = old;
    ok = true;
done:
    mf_store_clear(&rows.store);
    mf_free(rows.spans);
    side_release(&users);
    side_release(&items);
    mf_ratings_destroy(extended);
    return ok;
}
