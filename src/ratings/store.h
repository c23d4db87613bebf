/* store.h: rating rows in the order they were read, in columns of 32 bits.
 *
 * A span is a block's rows; the spans in block order are the file. Users and items are local
 * indexes of the thread that read them, values the bits of floats. A time is an offset from the
 * span's base while all of the block fit 32 bits, else ("wide") the 64 bits of mf_time_key in two
 * columns. Each column is given back as soon as grouping has dealt it out.
 *
 * Memory: 12 bytes per row, 16 with timestamps, 20 with wide ones. Columns lie in chunks that never
 * move; at the end of a chunk memory for at most one block's rows stays unused (and untouched).
 * Columns that are no wider than a block's content needs (users as runs, items in 16 bits, values as
 * codes of 8) need 7 bytes per row in MovieLens' files, but the peak is later, and they are no faster.
 *
 * Threads: one mf_store each. */
#ifndef MF_RATINGS_STORE_H
#define MF_RATINGS_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum mf_column {
    MF_COLUMN_USER,
    MF_COLUMN_ITEM,
    MF_COLUMN_VALUE,
    MF_COLUMN_TIME_LOW,
    MF_COLUMN_TIME_HIGH,
    MF_COLUMNS,
} mf_column;

typedef struct mf_span {
    uint32_t n;
    uint32_t reader; /* whose store, and whose local indexes */
    bool has_time;
    bool wide_time;
    uint32_t *column[MF_COLUMNS]; /* the store's; time columns where there are such */
    int64_t time_base;
    int64_t time_first, time_last; /* of times that are not wide */
    bool is_timeless;              /* has_time, but no row has one */
    uint32_t file;                 /* number of the file among the reading's */
    uint64_t n_lines;              /* line ends in the block, for messages */
} mf_span;

/* All zero bytes is an empty store. */
typedef struct mf_store {
    struct mf_chunk *newest[MF_COLUMNS];
    size_t next_bytes[MF_COLUMNS]; /* of the next chunk */
} mf_store;

/* Gives the span memory for n_rows rows in a column. MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_store_reserve(mf_store *store, mf_column column, uint32_t n_rows,
                                    mf_span *span, mf_error *err);

/* The rows of the span stay: what was reserved beyond them is for the next span. */
void mf_store_keep(mf_store *store, const mf_span *span);

/* Gives back one column of all spans. */
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

/* The number that has this key. */
static inline double mf_time_of_key(uint64_t key)
{
    const uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double seconds;
    memcpy(&seconds, &bits, sizeof seconds);
    return seconds;
}

#endif
