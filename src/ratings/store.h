/* store.h: rating rows in the order they were read, packed.
 *
 * A parser drafts the rows of a block in plain columns, which it uses again for every block so that
 * they stay in its cache. Then each column is packed for itself, no wider than this block needs:
 *
 *     value r = base + (code r << shift), codes of 0, 1, 2 or 4 bytes
 *
 * Users and items are local indexes of the thread that read them, values the bits of floats (half
 * stars differ in few bits: one byte). A time is an offset from the span's base while all of the
 * block fit 32 bits, else ("wide") the 64 bits of mf_time_key in two columns.
 *
 * Packing takes the time that fewer new pages save. A span is a block's rows; the spans in block
 * order are the file. Each column of a span is given back when grouping has dealt it out.
 *
 * Memory: at most 12 bytes per row, 16 with timestamps, 20 with wide ones; 8 in MovieLens' files.
 * Codes lie in chunks that never move; the end of the newest chunk of each column is unused.
 *
 * Threads: one mf_store each; mf_store_release from any. */
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

/* A column of a span. All zero bytes is a column of zeros. */
typedef struct mf_packed {
    struct mf_chunk *chunk; /* the store's; NULL: every row is `base` */
    void *codes;
    uint32_t base;
    uint8_t n_bytes; /* of a code */
    uint8_t shift;
} mf_packed;

typedef struct mf_span {
    uint32_t n;
    uint32_t reader; /* whose local indexes */
    bool has_time;
    bool wide_time;
    mf_packed column[MF_COLUMNS];
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

/* Packs values[0 .. n). MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_store_pack(mf_store *store, mf_column column, const uint32_t *values,
                                 uint32_t n, mf_packed *packed, mf_error *err);

/* Bytes of the codes of n rows. */
static inline size_t mf_packed_bytes(const mf_packed *packed, uint32_t n)
{
    return (size_t)n * packed->n_bytes;
}

/* A chunk of bytes (mf_free) that hold codes of n_columns columns, which are to be released; the
 * store's from then on, also after a failure. NULL and MF_ERR_MEMORY. */
struct mf_chunk *mf_store_adopt(mf_store *store, mf_column column, void *bytes, uint32_t n_columns,
                                mf_error *err);

/* The n values of a column. */
void mf_unpack(const mf_packed *packed, uint32_t n, uint32_t *values);

/* Row `row` alone. */
uint32_t mf_packed_value(const mf_packed *packed, uint32_t row);

/* Row `to` becomes what row `from` is. */
void mf_packed_move(mf_packed *packed, uint32_t to, uint32_t from);

/* Gives a span's column back, once. */
void mf_store_release(mf_packed *packed);

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
