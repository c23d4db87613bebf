/* align.c: one set of ratings in another's indexes. Each id is looked up once, in a hash table of
 * the other's ids; then the rows are copied. Declared in split.h. */
#include "ratings/split.h"

#include "base/memory.h"

/* translation[i] is the index in `to` of id i of `from`. The caller's to free. */
static uint32_t *translate(const mf_id_list *from, const mf_id_list *to, mf_error *err)
{
    const uint64_t n_slots = mf_id_table_slots(to->n);
    uint32_t *translation = mf_allocate(from->n, sizeof *translation, "indexes", err);
    uint32_t *slots = mf_allocate(n_slots, sizeof *slots, "a table of ids", err);
    if (translation == NULL || slots == NULL || !mf_id_table_build(to, slots, n_slots, err)) {
        mf_free(translation);
        mf_free(slots);
        return NULL;
    }
    for (uint32_t i = 0; i < from->n; i++) {
        const mf_id id = mf_id_list_get(from, i);
        translation[i] = mf_id_table_find(to, slots, n_slots, id.bytes, id.n_bytes);
    }
    mf_free(slots);
    return translation;
}

bool mf_ratings_align(const mf_ratings *other, const mf_id_list *users, const mf_id_list *items,
                      mf_ratings_rows *rows, mf_error *err)
{
    bool ok = false;
    mf_ratings_rows aligned = {.n = other->n_ratings};
    uint32_t *user_index = translate(&other->users, users, err);
    uint32_t *item_index = translate(&other->items, items, err);
    if (user_index == NULL || item_index == NULL)
        goto done;
    aligned.user = mf_allocate(other->n_ratings, sizeof *aligned.user, "rows", err);
    aligned.item = mf_allocate(other->n_ratings, sizeof *aligned.item, "rows", err);
    aligned.value = mf_allocate(other->n_ratings, sizeof *aligned.value, "rows", err);
    if (aligned.user == NULL || aligned.item == NULL || aligned.value == NULL)
        goto done;
    for (uint32_t u = 0; u < other->n_users; u++)
        for (uint64_t k = other->user_start[u]; k < other->user_start[u + 1]; k++) {
            aligned.user[k] = user_index[u];
            aligned.item[k] = item_index[other->item[k]];
            aligned.value[k] = other->value[k];
        }
    *rows = aligned;
    aligned = (mf_ratings_rows){0};
    ok = true;
done:
    mf_free(user_index);
    mf_free(item_index);
    mf_ratings_rows_clear(&aligned);
    return ok;
}
