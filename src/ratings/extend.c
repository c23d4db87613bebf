/* extend.c: old ids get their new indexes, then each user's ratings move to their new place, where
 * items are sorted again. */
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

/* The columns of the ratings in their new order. */
typedef struct columns {
    uint64_t *user_start;
    uint32_t *item;
    float *value;
    uint32_t *time_rank; /* as in mf_ratings: may be NULL */
    double *time;
    uint32_t *position; /* [longest] with `time`: where a user's ratings were */
} columns;

static void columns_release(columns *c)
{
    mf_free(c->user_start);
    mf_free(c->item);
    mf_free(c->value);
    mf_free(c->time_rank);
    mf_free(c->time);
    mf_free(c->position);
}

static bool columns_create(columns *c, const mf_ratings *old, uint32_t n_users, mf_error *err)
{
    const uint64_t n = old->n_ratings;
    uint64_t longest = 0;
    for (uint32_t u = 0; u < old->n_users; u++)
        if (old->user_start[u + 1] - old->user_start[u] > longest)
            longest = old->user_start[u + 1] - old->user_start[u];
    c->user_start = mf_allocate((size_t)n_users + 1, sizeof *c->user_start, "users", err);
    c->item = mf_allocate(n, sizeof *c->item, "ratings", err);
    c->value = mf_allocate(n, sizeof *c->value, "ratings", err);
    if (c->user_start == NULL || c->item == NULL || c->value == NULL)
        return false;
    if (old->time_rank != NULL)
        c->time_rank = mf_allocate(n, sizeof *c->time_rank, "ratings", err);
    if (old->time != NULL) {
        c->time = mf_allocate(n, sizeof *c->time, "ratings", err);
        c->position = mf_allocate(longest, sizeof *c->position, "ratings", err);
    }
    return (old->time_rank == NULL || c->time_rank != NULL) &&
           (old->time == NULL || (c->time != NULL && c->position != NULL));
}

/* One user's ratings; items renamed and put in order again, and all columns with
 * them. The order among a user's times stays, and with it the ranks. */
static bool move_user(const mf_ratings *old, uint64_t from, uint32_t n, const side *items,
                      columns *c, uint64_t to, mf_sorter *sorter, mf_error *err)
{
    /* No item is repeated, so the sorter takes any two columns along as times. */
    const mf_sort_rows rows = {.item = c->item + to,
                               .value = c->value + to,
                               .time_low = c->time_rank != NULL ? c->time_rank + to : NULL,
                               .time_high = c->position};
    uint32_t n_kept;
    for (uint32_t k = 0; k < n; k++) {
        c->item[to + k] = items->index[old->item[from + k]];
        c->value[to + k] = old->value[from + k];
    }
    for (uint32_t k = 0; c->time_rank != NULL && k < n; k++)
        c->time_rank[to + k] = old->time_rank[from + k];
    for (uint32_t k = 0; c->time != NULL && k < n; k++)
        c->position[k] = k;
    if (!mf_sort_ratings(sorter, n, &rows, &n_kept, err))
        return false;
    for (uint32_t k = 0; c->time != NULL && k < n; k++)
        c->time[to + k] = old->time[from + c->position[k]];
    return true;
}

/* The ratings in the new order of users. */
static bool regroup(const mf_ratings *old, const side *users, const side *items, columns *c,
                    mf_error *err)
{
    mf_sorter sorter = {0};
    bool ok = true;
    for (uint32_t u = 0; u < old->n_users; u++)
        c->user_start[users->index[u] + 1] = old->user_start[u + 1] - old->user_start[u];
    for (uint32_t u = 0; u < users->n; u++)
        c->user_start[u + 1] += c->user_start[u];
    for (uint32_t u = 0; ok && u < old->n_users; u++) {
        const uint64_t from = old->user_start[u];
        ok = move_user(old, from, (uint32_t)(old->user_start[u + 1] - from), items, c,
                       c->user_start[users->index[u]], &sorter, err);
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
    columns c = {0};
    if (!extend_side(first_users, &ratings->users, &users, err) ||
        !extend_side(first_items, &ratings->items, &items, err) ||
        !columns_create(&c, ratings, users.n, err) || !regroup(ratings, &users, &items, &c, err))
        goto done;

    mf_free(ratings->user_start);
    mf_free(ratings->item);
    mf_free(ratings->value);
    mf_free(ratings->time_rank);
    mf_free(ratings->time);
    mf_free(ratings->users.start);
    mf_free(ratings->users.bytes);
    mf_free(ratings->items.start);
    mf_free(ratings->items.bytes);
    ratings->n_users = users.n;
    ratings->n_items = items.n;
    ratings->user_start = c.user_start;
    ratings->item = c.item;
    ratings->value = c.value;
    ratings->time_rank = c.time_rank;
    ratings->time = c.time;
    ratings->users = (mf_id_list){users.n, users.start, users.bytes};
    ratings->items = (mf_id_list){items.n, items.start, items.bytes};
    users.start = items.start = NULL;
    users.bytes = items.bytes = NULL;
    mf_free(c.position);
    c = (columns){0};
    ok = true;
done:
    side_release(&users);
    side_release(&items);
    columns_release(&c);
    return ok;
}
