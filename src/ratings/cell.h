/* cell.h: one field of a row, and what can be read off it without a branch per
 * byte. */
#ifndef MF_RATINGS_CELL_H
#define MF_RATINGS_CELL_H

#include "base/id_list.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* So many bytes may be read at any field, whatever its length. */
enum { MF_CELL_READABLE = 16 };

/* A view of a field. */
typedef struct mf_cell {
    const char *bytes;
    size_t n_bytes;
} mf_cell;

/* A field of its own, cut at what an id or a number can have: bytes[0 ..
 * min(n_bytes, MF_COPY_BYTES)) are its first ones, n_bytes its real length. */
enum { MF_COPY_BYTES = MF_ID_BYTES_MAX + 1 };

typedef struct mf_cell_copy {
    size_t n_bytes;
    char bytes[MF_COPY_BYTES];
} mf_cell_copy;

static inline void mf_cell_keep(mf_cell_copy *copy, const void *bytes, size_t n_bytes)
{
    copy->n_bytes = n_bytes;
    memcpy(copy->bytes, bytes, n_bytes < MF_COPY_BYTES ? n_bytes : MF_COPY_BYTES);
}

static inline mf_cell mf_cell_view(const mf_cell_copy *copy)
{
    return (mf_cell){copy->bytes, copy->n_bytes};
}

/* The cell for a message, as mf_printable. */
static inline char *mf_cell_text(char *text, size_t size, mf_cell cell)
{
    return mf_printable(text, size, cell.bytes,
                        cell.n_bytes < MF_COPY_BYTES ? cell.n_bytes : MF_COPY_BYTES);
}

/* n_bytes (1 … 8) of decimal digits at text, where 8 bytes may be read: their
 * value, or UINT64_MAX when one is not a digit. Eight digits at a time in one
 * register: Lemire, "Quickly parsing eight digits", 2018. */
static inline uint64_t mf_digits(const char *text, size_t n_bytes)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    word = le64toh(word);
    /* Leading zeros take the place of the missing digits. */
    uint64_t d = (word ^ UINT64_C(0x3030303030303030)) << (64 - 8 * n_bytes);
    if (((d + UINT64_C(0x7676767676767676)) | d) & UINT64_C(0x8080808080808080))
        return UINT64_MAX;
    d = (d * 10 + (d >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
    d = (d * 100 + (d >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
    return (d * 10000 + (d >> 32)) & UINT64_C(0xFFFFFFFF);
}

/* The cell is a canonical integer below 10^8 ("0", "42", not "042"): its value,
 * else UINT64_MAX. */
static inline uint64_t mf_cell_small_integer(mf_cell cell)
{
    if (cell.n_bytes - 1 >= 8 || (cell.bytes[0] == '0' && cell.n_bytes > 1))
        return UINT64_MAX;
    return mf_digits(cell.bytes, cell.n_bytes);
}

/* The cell is 1 to 16 digits: true and their value. */
static inline bool mf_cell_digits(mf_cell cell, int64_t *value)
{
    if (cell.n_bytes - 1 >= 16)
        return false;
    if (cell.n_bytes <= 8) {
        const uint64_t all = mf_digits(cell.bytes, cell.n_bytes);
        *value = (int64_t)all;
        return all != UINT64_MAX;
    }
    const uint64_t high = mf_digits(cell.bytes, cell.n_bytes - 8);
    const uint64_t low = mf_digits(cell.bytes + cell.n_bytes - 8, 8);
    *value = (int64_t)(high * 100000000 + low);
    return high != UINT64_MAX && low != UINT64_MAX;
}

#endif
