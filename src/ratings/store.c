/* store.c: a column is a list of chunks, each four times the one before up to 16 MiB; a span's part
 * of it lies in one chunk. */
#include "ratings/store.h"

#include "base/memory.h"

/* Small inputs get small chunks. 16 MiB are huge pages, which the kernel clears
 * three times as fast. */
static const size_t FIRST_BYTES = (size_t)1 << 14;
static const size_t MOST_BYTES = (size_t)1 << 24;
static const size_t ALIGNMENT = 64;

typedef struct mf_chunk {
    struct mf_chunk *next;
    size_t n_bytes;
    size_t capacity;
    _Alignas(64) char bytes[];
} mf_chunk;

static size_t column_bytes(uint32_t n_rows)
{
    return (n_rows * sizeof(uint32_t) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

bool mf_store_reserve(mf_store *store, mf_column column, uint32_t n_rows, mf_span *span,
                      mf_error *err)
{
    mf_chunk *chunk = store->newest[column];
    const size_t n_bytes = column_bytes(n_rows);
    if (chunk == NULL || chunk->capacity - chunk->n_bytes < n_bytes) {
        size_t capacity = store->next_bytes[column];
        if (capacity == 0)
            capacity = FIRST_BYTES;
        if (capacity < n_bytes)
            capacity = n_bytes;
        chunk = mf_allocate(1, sizeof *chunk + capacity, "rating rows", err);
        if (chunk == NULL)
            return false;
        chunk->capacity = capacity;
        chunk->next = store->newest[column];
        store->newest[column] = chunk;
        store->next_bytes[column] = capacity < MOST_BYTES / 4 ? 4 * capacity : MOST_BYTES;
    }
    span->column[column] = (uint32_t *)(void *)(chunk->bytes + chunk->n_bytes);
    return true;
}

void mf_store_keep(mf_store *store, const mf_span *span)
{
    for (int column = 0; column < MF_COLUMNS; column++)
        if (span->column[column] != NULL)
            store->newest[column]->n_bytes += column_bytes(span->n);
}

void mf_store_drop(mf_store *store, mf_column column)
{
    while (store->newest[column] != NULL) {
        mf_chunk *chunk = store->newest[column];
        store->newest[column] = chunk->next;
        mf_free(chunk);
    }
}

void mf_store_clear(mf_store *store)
{
    for (int column = 0; column < MF_COLUMNS; column++)
        mf_store_drop(store, (mf_column)column);
    *store = (mf_store){0};
}
