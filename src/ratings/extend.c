/* extend.c: promises in extend.h. */
#include "ratings/extend.h"

#include "base/memory.h"
#include "ratings/sort.h"

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

/* The ratings in the new order of users; items renamed and put in order again. */
static bool regroup(const mf_ratings *old, const side *users, const side *items,
                    const uint64_t *user_start, uint32_t *item, float *value, mf_error *err)
{
    mf_sorter sorter = {.n_items = items->n};
    bool ok = true;
    for (uint32_t u = 0; ok && u < old->n_users; u++) {
        const uint64_t from = old->user_start[u];
        const uint32_t n = (uint32_t)(old->user_start[u + 1] - from);
        const uint64_t to = user_start[users->index[u]];
        for (uint32_t k = 0; k < n; k++) {
            item[to + k] = items->index[old->item[from + k]];
            value[to + k] = old->value[from + k];
        }
        uint32_t n_kept;
        ok = mf_sort_ratings(&sorter, n, item + to, value + to, NULL, NULL, &n_kept, err);
    }
    mf_sorter_clear(&sorter);
    return ok;
}

bool mf_ratings_extend(mf_ratings *ratings, const mf_id_list *first_users,
                       const mf_id_list *first_items, mf_error *err)
{
    bool ok = false;
    side users = {0};
    side items = {0};
    uint64_t *user_start = NULL;
    uint32_t *item = NULL;
    float *value = NULL;
    if (!extend_side(first_users, &ratings->users, &users, err) ||
        !extend_side(first_items, &ratings->items, &items, err))
        goto done;
    user_start = mf_allocate((size_t)users.n + 1, sizeof *user_start, "users", err);
    item = mf_allocate(ratings->n_ratings, sizeof *item, "ratings", err);
    value = mf_allocate(ratings->n_ratings, sizeof *value, "ratings", err);
    if (user_start == NULL || item == NULL || value == NULL)
        goto done;
    for (uint32_t u = 0; u < ratings->n_users; u++)
        user_start[users.index[u] + 1] = ratings->user_start[u + 1] - ratings->user_start[u];
    for (uint32_t u = 0; u < users.n; u++)
        user_start[u + 1] += user_start[u];
    if (!regroup(ratings, &users, &items, user_start, item, value, err))
        goto done;

    mf_free(ratings->user_start);
    mf_free(ratings->item);
    mf_free(ratings->value);
    mf_free((void *)ratings->users.start);
    mf_free((void *)ratings->users.bytes);
    mf_free((void *)ratings->items.start);
    mf_free((void *)ratings->items.bytes);
    ratings->n_users = users.n;
    ratings->n_items = items.n;
    ratings->user_start = user_start;
    ratings->item = item;
    ratings->value = value;
    ratings->users = (mf_id_list){users.n, users.start, users.bytes};
    ratings->items = (mf_id_list){items.n, items.start, items.bytes};
    users.start = items.start = NULL;
    users.bytes = items.bytes = NULL;
    user_start = NULL;
    item = NULL;
    value = NULL;
    ok = true;
done:
    side_release(&users);
    side_release(&items);
    mf_free(user_start);
    mf_free(item);
    mf_free(value);
    return ok;
}
