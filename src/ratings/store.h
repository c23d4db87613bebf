/* store.h: rating rows in the order they were read, in columns.
 *
 * Each thread appends to a store of its own, in chunks that never move. A block's
 * rows lie in one chunk, side by side: a span. The spans in block order are the
 * file. A column is memory of its own, so that grouping can give it back as soon
 * as it has been dealt out.
 *
 * A timestamp is 32 bits from the span's base while all of the block fit, else
 * ("wide") the 64 bits of mf_time_key in two columns of 32.
 *
 * Memory: 12 bytes per row, 16 with timestamps, 20 with wide ones; at the end of
 * a chunk the room for at most one block's rows stays unused (and untouched). */
#ifndef MF_RATINGS_STORE_H
#define MF_RATINGS_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct mf_chunk {
    struct mf_chunk *next;
    uint32_t n;
    uint32_t capacity;
    uint32_t *user; /* [capacity], each column */
    uint32_t *item;
    float *value;
    uint32_t *time_low;  /* NULL until a row has a timestamp */
    uint32_t *time_high; /* NULL until a block is wide */
} mf_chunk;

typedef struct mf_span {
    mf_chunk *chunk;
    uint32_t begin; /* rows begin … begin + n - 1 of the chunk */
    uint32_t n;
    uint32_t reader; /* whose store, and whose local indexes */
    bool has_time;
    bool wide_time;
    int64_t time_base;
    uint64_t n_lines; /* line ends in the block, for messages */
} mf_span;

/* All zero bytes is an empty store. */
typedef struct mf_store {
    mf_chunk *newest;
    uint32_t n_next; /* capacity of the next chunk */
} mf_store;

/* Room for n_rows (> 0) more rows in one chunk, with a timestamp column or
 * without. NULL and MF_ERR_MEMORY. */
mf_chunk *mf_store_reserve(mf_store *store, uint32_t n_rows, bool has_time, mf_error *err);

/* Gives the chunk a time_high column. */
bool mf_chunk_widen(mf_chunk *chunk, mf_error *err);

/* The columns of a chunk, to be given back one by one. */
typedef enum mf_column {
    MF_COLUMN_USER,
    MF_COLUMN_ITEM,
    MF_COLUMN_VALUE,
    MF_COLUMN_TIME_LOW,
    MF_COLUMN_TIME_HIGH,
} mf_column;

/* Gives back one column of all chunks. */
void mf_store_drop(mf_store *store, mf_column column);

void mf_store_clear(mf_store *store);

/* 64 bits that order as the doubles do; never 0 for a finite number. */
static inline uint64_t mf_time_key(double seconds)
{
    uint64_t bits;
    seconds += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &seconds, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

#endif
