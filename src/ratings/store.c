/* store.c: promises in store.h. */
#include "ratings/store.h"

#include "base/memory.h"

/* Small inputs get small chunks. 16 MiB per column are mostly huge pages, which the
 * kernel clears three times as fast. */
enum { FIRST_ROWS = 1 << 12, MOST_ROWS = 1 << 22 };

static void chunk_drop(mf_chunk *chunk, mf_column column)
{
    switch (column) {
    case MF_COLUMN_USER:
        mf_free(chunk->user);
        chunk->user = NULL;
        break;
    case MF_COLUMN_ITEM:
        mf_free(chunk->item);
        chunk->item = NULL;
        break;
    case MF_COLUMN_VALUE:
        mf_free(chunk->value);
        chunk->value = NULL;
        break;
    case MF_COLUMN_TIME_LOW:
        mf_free(chunk->time_low);
        chunk->time_low = NULL;
        break;
    case MF_COLUMN_TIME_HIGH:
        mf_free(chunk->time_high);
        chunk->time_high = NULL;
        break;
    }
}

static void chunk_destroy(mf_chunk *chunk)
{
    for (int column = MF_COLUMN_USER; column <= MF_COLUMN_TIME_HIGH; column++)
        chunk_drop(chunk, (mf_column)column);
    mf_free(chunk);
}

static bool column_create(uint32_t **column, uint32_t capacity, mf_error *err)
{
    if (*column == NULL)
        *column = mf_allocate(capacity, sizeof **column, "rating rows", err);
    return *column != NULL;
}

static mf_chunk *chunk_create(uint32_t capacity, mf_error *err)
{
    mf_chunk *chunk = mf_allocate(1, sizeof *chunk, "rating rows", err);
    if (chunk == NULL)
        return NULL;
    chunk->capacity = capacity;
    chunk->value = mf_allocate(capacity, sizeof *chunk->value, "rating rows", err);
    if (chunk->value == NULL || !column_create(&chunk->user, capacity, err) ||
        !column_create(&chunk->item, capacity, err)) {
        chunk_destroy(chunk);
        return NULL;
    }
    return chunk;
}

mf_chunk *mf_store_reserve(mf_store *store, uint32_t n_rows, bool has_time, mf_error *err)
{
    mf_chunk *chunk = store->newest;
    if (chunk == NULL || chunk->capacity - chunk->n < n_rows) {
        uint32_t capacity = store->n_next > 0 ? store->n_next : FIRST_ROWS;
        if (capacity < n_rows)
            capacity = n_rows;
        chunk = chunk_create(capacity, err);
        if (chunk == NULL)
            return NULL;
        chunk->next = store->newest;
        store->newest = chunk;
        store->n_next = capacity < MOST_ROWS / 4 ? 4 * capacity : MOST_ROWS;
    }
    if (has_time && !column_create(&chunk->time_low, chunk->capacity, err))
        return NULL;
    return chunk;
}

bool mf_chunk_widen(mf_chunk *chunk, mf_error *err)
{
    return column_create(&chunk->time_high, chunk->capacity, err);
}

void mf_store_drop(mf_store *store, mf_column column)
{
    for (mf_chunk *chunk = store->newest; chunk != NULL; chunk = chunk->next)
        chunk_drop(chunk, column);
}

void mf_store_clear(mf_store *store)
{
    while (store->newest != NULL) {
        mf_chunk *chunk = store->newest;
        store->newest = chunk->next;
        chunk_destroy(chunk);
    }
    store->n_next = 0;
}
