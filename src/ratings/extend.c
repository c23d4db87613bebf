/* extend.c: old ids get their new indexes, then the ratings are grouped again, as the rows of one
 * block. */
#include "ratings/extend.h"

#include "base/memory.h"
#include "ratings/group.h"

#include <math.h>
#include <string.h>

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

/* The ratings as rows of one block, with times or, where those were not kept, ranks as times. */
static bool fill_span(const mf_ratings *old, const side *users, const side *items, mf_store *store,
                      mf_span *span, mf_error *err)
{
    const bool has_time = old->time_rank != NULL;
    *span = (mf_span){.n = (uint32_t)old->n_ratings, .has_time = has_time, .wide_time = has_time};
    for (mf_column column = 0; column < (has_time ? MF_COLUMNS : MF_COLUMN_TIME_LOW); column++)
        if (!mf_store_reserve(store, column, span->n, span, err))
            return false;
    memcpy(span->column[MF_COLUMN_VALUE], old->value, old->n_ratings * sizeof *old->value);
    for (uint32_t u = 0; u < old->n_users; u++)
        for (uint64_t k = old->user_start[u]; k < old->user_start[u + 1]; k++) {
            span->column[MF_COLUMN_USER][k] = users->index[u];
            span->column[MF_COLUMN_ITEM][k] = items->index[old->item[k]];
            if (!has_time)
                continue;
            const double time = old->time != NULL ? old->time[k] : (double)old->time_rank[k];
            const uint64_t key = isfinite(time) ? mf_time_key(time) : 0;
            span->column[MF_COLUMN_TIME_LOW][k] = (uint32_t)key;
            span->column[MF_COLUMN_TIME_HIGH][k] = (uint32_t)(key >> 32);
        }
    return true;
}

bool mf_ratings_extend(mf_ratings *ratings, const mf_id_list *first_users,
                       const mf_id_list *first_items, mf_error *err)
{
    bool ok = false;
    side users = {0};
    side items = {0};
    mf_store store = {0};
    mf_span span;
    mf_ratings *extended = mf_allocate(1, sizeof *extended, "ratings", err);
    if (extended == NULL || !extend_side(first_users, &ratings->users, &users, err) ||
        !extend_side(first_items, &ratings->items, &items, err) ||
        !fill_span(ratings, &users, &items, &store, &span, err))
        goto done;
    mf_store *stores[] = {&store};
    uint32_t *no_index[] = {NULL};
    const mf_grouping grouping = {.spans = &span,
                                  .n_spans = 1,
                                  .stores = stores,
                                  .n_stores = 1,
                                  .user_index = no_index,
                                  .item_index = no_index,
                                  .n_users = users.n,
                                  .n_threads = 1,
                                  .keep_times = ratings->time != NULL};
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
    mf_store_clear(&store);
    side_release(&users);
    side_release(&items);
    mf_ratings_destroy(extended);
    return ok;
}
