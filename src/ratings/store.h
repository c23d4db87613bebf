/* store.h: rating rows in the order they were read, packed.
 *
 * A block's rows are first drafted in plain columns, which each thread uses again
 * for every block so that they stay in its cache, then packed into a span. What is
 * kept is what grouping needs, and no wider than the block's content needs:
 * memory that was never touched before is what costs most here (measured: 1 to
 * 3 ns per byte where a host first has to find it). The spans in block order are
 * the file.
 *
 *   users   runs of rows that have one user, as files mostly have them; else 32
 *           bits per row
 *   items   16 bits while all of the block fit, else 32
 *   values  8 bits, the number of the value among the first 256 that the thread met,
 *           while all of the block are such; else a float
 *   times   32 bits from the span's base while all of the block fit, else ("wide")
 *           the 64 bits of mf_time_key in two columns of 32
 *
 * Each thread has a store of its own. Its columns lie in chunks that never move,
 * and each column can be given back as soon as grouping has dealt it out.
 *
 * Memory: at most 12 bytes per row, 16 with timestamps, 20 with wide ones; 7 with
 * timestamps in MovieLens' files. At the end of a chunk memory for at most one
 * block's rows stays unused (and untouched). */
#ifndef MF_RATINGS_STORE_H
#define MF_RATINGS_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MF_VALUE_CODES = 256 };

/* The values that have a code. All zero bytes is none. */
typedef struct mf_values {
    uint32_t n;
    float value[MF_VALUE_CODES];
    uint16_t slot[2 * MF_VALUE_CODES]; /* hash table: code + 1; 0: empty */
} mf_values;

/* The code of a value (by its bits), which it gets if it has none; MF_VALUE_CODES
 * when all are taken. */
uint32_t mf_values_code(mf_values *values, float value);

/* A block's rows as they are read. All zero bytes is an empty draft. */
typedef struct mf_draft {
    uint32_t n;
    uint32_t capacity;
    bool has_values; /* value[] holds the values, else code[] their codes */
    bool wide_time;
    int64_t time_base;
    uint32_t *user; /* [capacity], each column */
    uint32_t *item;
    uint8_t *code;
    float *value;        /* NULL until a value has no code */
    uint32_t *time_low;  /* NULL until a row has a timestamp */
    uint32_t *time_high; /* NULL until a block is wide */
} mf_draft;

/* An empty draft of capacity n_rows, with a timestamp column or without.
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_begin(mf_draft *draft, uint32_t n_rows, bool has_time, mf_error *err);

/* From here on the draft holds values, no codes. MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_write_out(mf_draft *draft, const mf_values *values, mf_error *err);

/* Gives the draft a time_high column. MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_draft_widen(mf_draft *draft, mf_error *err);

void mf_draft_clear(mf_draft *draft);

/* `n` rows, one after the other, of one user. */
typedef struct mf_run {
    uint32_t user;
    uint32_t n;
} mf_run;

/* The columns of a store, to be given back one by one. */
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
    uint32_t n_runs; /* 0: users are one by one */
    bool short_items;
    bool has_values; /* else codes */
    bool has_time;
    bool wide_time;
    void *column[MF_COLUMNS]; /* the store's; time columns where there are such */
    int64_t time_base;
    int64_t time_first, time_last; /* of times that are not wide */
    bool is_timeless;              /* has_time, but no row has one */
    uint32_t file;                 /* number of the file among the reading's */
    uint64_t n_lines;              /* line ends in the block, for messages */
} mf_span;

/* All zero bytes is an empty store. */
typedef struct mf_store {
    mf_values values; /* of all codes in it */
    struct mf_chunk *newest[MF_COLUMNS];
    size_t next_bytes[MF_COLUMNS]; /* of the next chunk */
} mf_store;

/* Packs the draft's rows; fills in *span but for reader and n_lines.
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_store_pack(mf_store *store, const mf_draft *draft, bool has_time,
                                 mf_span *span, mf_error *err);

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
