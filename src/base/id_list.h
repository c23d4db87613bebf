/* id_list.h: maps indexes to the customer's ids, and ids to indexes.
 *
 * An id is a string of 1 … MF_ID_BYTES_MAX bytes of valid UTF-8 without control characters, opaque:
 * "0042" and "42" are two ids. An index is our dense uint32_t row, 0 … n-1. The list gives index →
 * id; the table (open addressing, linear probing, at most half full) gives id → index. Both are
 * flat arrays, so a model file holds them as they are and a mapped file needs no parsing.
 *
 * Threads: any number may read one list or table. */
#ifndef MF_BASE_ID_LIST_H
#define MF_BASE_ID_LIST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_ID_BYTES_MAX = 255 };

/* No id has this index: "not found", "not in the model". */
#define MF_INDEX_NONE UINT32_MAX

/* Id i is bytes[start[i] .. start[i+1]). A view: it does not own the arrays. */
typedef struct mf_id_list {
    uint32_t n;
    const uint64_t *start; /* [n + 1] */
    const char *bytes;     /* [start[n]] */
} mf_id_list;

typedef struct mf_id {
    const char *bytes;
    size_t n_bytes;
} mf_id;

static inline mf_id mf_id_list_get(const mf_id_list *list, uint32_t index)
{
    return (mf_id){list->bytes + list->start[index],
                   (size_t)(list->start[index + 1] - list->start[index])};
}

/* True when the bytes can be an id: length, UTF-8 and no control characters (as at the top). Cost:
 * a few ns for ASCII. */
bool mf_id_valid(const char *bytes, size_t n_bytes);

enum { MF_INTEGER_ID_BYTES = 20 }; /* "-9223372036854775808" */

/* The id of a whole number, whatever program wrote the number: 2, 2.0, 2.00 and 2e0 are all "2". The
 * same rule holds in every program:
 *   - A JSON number is the id that this function writes for it. A string or a CSV field is the id as
 *     it stands.
 *   - Where ids are looked up (mf_model_find_user, mf_model_find_item), an unknown id is looked up
 *     again as this function writes it, then with ".0" appended: "2.0" finds "2", and "2" finds "2.0".
 *
 * The text must be a number as JSON writes it (RFC 8259: no +, no leading zeros, no blanks) and
 * whole, with at most 19 digits. Writes its digits to integer, without a terminator, and returns how
 * many bytes they are; 0 for any other text ("2.5", "007", "x"). -0 is "0". No double is involved,
 * so that 9007199254740993.0 is exact. */
size_t mf_id_write_integer(const char *bytes, size_t n_bytes, char integer[MF_INTEGER_ID_BYTES]);

/* The same of an id that was a text, for callers that do not know which ids there are: "1e5", with
 * neither a sign nor a point, may be an id of hexadecimal digits and gives 0; "1e+05" gives "100000". */
size_t mf_id_write_integer_of_text(const char *bytes, size_t n_bytes,
                                   char integer[MF_INTEGER_ID_BYTES]);

/* 64 well-mixed bits of an id. Part of the model file's format: never changes within a format
 * version (XXH3, seed 0). */
uint64_t mf_id_hash(const char *bytes, size_t n_bytes);

/* How many slots a table for n ids has: a power of two, at least 2n, at least 2. */
uint64_t mf_id_table_slots(uint32_t n);

/* Fills slots[0 .. n_slots) (n_slots from mf_id_table_slots) with the indexes of the list's ids,
 * MF_INDEX_NONE where empty. Index 0 enters first: equal lists give equal slots. Ids must be
 * distinct: false and MF_ERR_FORMAT naming the id that occurs twice. */
MF_MUST_CHECK bool mf_id_table_build(const mf_id_list *list, uint32_t *slots, uint64_t n_slots,
                                     mf_error *err);

/* The list and slots fit each other: slots are what mf_id_table_build makes of the list, so the ids
 * are distinct and each is found. False and MF_ERR_FORMAT with the reason. The list's start must
 * ascend within bytes; slots may hold anything. Cost: one hash and one or two cache misses per id,
 * overlapped: about 30 ns per id for tables beyond the cache. */
MF_MUST_CHECK bool mf_id_table_check(const mf_id_list *list, const uint32_t *slots,
                                     uint64_t n_slots, mf_error *err);

/* The index of an id, or MF_INDEX_NONE. Ends for any content of slots (an index that the list does
 * not have counts as empty), so a table from a file cannot hang or overrun. n_slots is a power of
 * two. */
uint32_t mf_id_table_find(const mf_id_list *list, const uint32_t *slots, uint64_t n_slots,
                          const char *bytes, size_t n_bytes);

/* The message about an invalid id. */
#define MF_ID_EXPECTED "expected an id of 1 to 255 bytes of UTF-8 without control characters"

#endif
