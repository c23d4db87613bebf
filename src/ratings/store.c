/* store.c: the codes of a column lie in chunks, each four times the one before up to a huge page,
 * which the kernel clears three times as fast as others. A chunk is given back with the last of its
 * spans' columns. */
#include "ratings/store.h"

#include "base/memory.h"

#include <stdatomic.h>

static const size_t FIRST_BYTES = (size_t)1 << 14;       /* small inputs get small chunks */
static const size_t MOST_BYTES = ((size_t)1 << 21) - 64; /* with the header of mf_allocate */
static const size_t ALIGNMENT = 64;

typedef struct mf_chunk {
    struct mf_chunk *next;
    char *bytes;
    size_t n_bytes;
    size_t capacity;
    atomic_uint n_columns; /* that are not given back */
} mf_chunk;

static mf_chunk *chunk_for(mf_store *store, mf_column column, size_t n_bytes, mf_error *err)
{
    mf_chunk *chunk = store->newest[column];
    if (chunk != NULL && chunk->bytes != NULL && chunk->capacity - chunk->n_bytes >= n_bytes)
        return chunk;
    const size_t next = store->next_bytes[column] > 0 ? store->next_bytes[column] : FIRST_BYTES;
    chunk = mf_allocate(1, sizeof *chunk, "rating rows", err);
    if (chunk == NULL)
        return NULL;
    chunk->next = store->newest[column];
    store->newest[column] = chunk;
    store->next_bytes[column] = next < MOST_BYTES / 4 ? 4 * next : MOST_BYTES;
    chunk->capacity = next > n_bytes ? next : n_bytes;
    chunk->bytes = mf_allocate(chunk->capacity, 1, "rating rows", err);
    return chunk->bytes != NULL ? chunk : NULL;
}

mf_chunk *mf_store_adopt(mf_store *store, mf_column column, void *bytes, uint32_t n_columns,
                         mf_error *err)
{
    mf_chunk *chunk = mf_allocate(1, sizeof *chunk, "rating rows", err);
    if (chunk == NULL || n_columns == 0) {
        mf_free(bytes);
        bytes = NULL;
    }
    if (chunk == NULL)
        return NULL;
    chunk->next = store->newest[column];
    store->newest[column] = chunk;
    chunk->bytes = bytes;
    atomic_store(&chunk->n_columns, n_columns);
    return chunk;
}

/* A loop for each width of a code. */
#define PACK(type)                                                                                 \
    for (uint32_t r = 0; r < n; r++)                                                               \
    ((type *)to)[r] = (type)((values[r] - base) >> shift)

#define UNPACK(type)                                                                               \
    for (uint32_t r = 0; r < n; r++)                                                               \
    values[r] = base + ((uint32_t)((const type *)codes)[r] << shift)

static void pack(const uint32_t *restrict values, uint32_t n, const mf_packed *packed,
                 void *restrict to)
{
    const uint32_t base = packed->base;
    const unsigned shift = packed->shift;
    if (packed->n_bytes == 1)
        PACK(uint8_t);
    else if (packed->n_bytes == 2)
        PACK(uint16_t);
    else
        PACK(uint32_t);
}

static void unpack(const void *restrict codes, uint32_t n, const mf_packed *packed,
                   uint32_t *restrict values)
{
    const uint32_t base = packed->base;
    const unsigned shift = packed->shift;
    if (packed->n_bytes == 1)
        UNPACK(uint8_t);
    else if (packed->n_bytes == 2)
        UNPACK(uint16_t);
    else if (packed->n_bytes == 4)
        UNPACK(uint32_t);
    else
        for (uint32_t r = 0; r < n; r++)
            values[r] = base;
}

void mf_unpack(const mf_packed *packed, uint32_t n, uint32_t *values)
{
    unpack(packed->codes, n, packed, values);
}

/* Base, shift and width for these values. They are compared as signed numbers, as offsets of times
 * are; for all others that is as good. */
static mf_packed measure(const uint32_t *values, uint32_t n)
{
    int32_t least = n > 0 ? INT32_MAX : 0;
    int32_t greatest = n > 0 ? INT32_MIN : 0;
    uint32_t differing = 0;
    for (uint32_t r = 0; r < n; r++) {
        const int32_t value = (int32_t)values[r];
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
        differing |= values[r] - values[0];
    }
    const unsigned shift = differing > 0 ? (unsigned)__builtin_ctz(differing) : 0;
    const uint32_t most = ((uint32_t)greatest - (uint32_t)least) >> shift;
    return (mf_packed){.base = (uint32_t)least,
                       .shift = (uint8_t)shift,
                       .n_bytes = most == 0            ? 0
                                  : most <= UINT8_MAX  ? 1
                                  : most <= UINT16_MAX ? 2
                                                       : 4};
}

bool mf_store_pack(mf_store *store, mf_column column, const uint32_t *values, uint32_t n,
                   mf_packed *packed, mf_error *err)
{
    *packed = measure(values, n);
    if (packed->n_bytes == 0)
        return true;
    const size_t n_bytes = ((size_t)n * packed->n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    mf_chunk *chunk = chunk_for(store, column, n_bytes, err);
    if (chunk == NULL)
        return false;
    packed->chunk = chunk;
    packed->codes = chunk->bytes + chunk->n_bytes;
    chunk->n_bytes += n_bytes;
    atomic_fetch_add(&chunk->n_columns, 1);
    pack(values, n, packed, packed->codes);
    return true;
}

uint32_t mf_packed_value(const mf_packed *packed, uint32_t row)
{
    mf_packed one = *packed;
    uint32_t value;
    if (one.codes != NULL)
        one.codes = (char *)one.codes + (size_t)row * one.n_bytes;
    mf_unpack(&one, 1, &value);
    return value;
}

void mf_packed_move(mf_packed *packed, uint32_t to, uint32_t from)
{
    char *codes = packed->codes;
    if (codes != NULL)
        memmove(codes + (size_t)to * packed->n_bytes, codes + (size_t)from * packed->n_bytes,
                packed->n_bytes);
}

void mf_store_release(mf_packed *packed)
{
    mf_chunk *chunk = packed->chunk;
    *packed = (mf_packed){0};
    if (chunk == NULL || atomic_fetch_sub(&chunk->n_columns, 1) > 1)
        return;
    mf_free(chunk->bytes);
    chunk->bytes = NULL;
}

void mf_store_clear(mf_store *store)
{
    for (int column = 0; column < MF_COLUMNS; column++)
        while (store->newest[column] != NULL) {
            mf_chunk *chunk = store->newest[column];
            store->newest[column] = chunk->next;
            mf_free(chunk->bytes);
            mf_free(chunk);
        }
    *store = (mf_store){0};
}
