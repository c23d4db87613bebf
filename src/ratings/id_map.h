/* id_map.h: ids to indexes in order of first appearance, growing.
 *
 * One thread fills one map while it reads, and notes for each id where the id
 * first appeared. Maps of several threads are merged into one whose order is
 * that of the file (mf_id_map_merge), and that map becomes an mf_id_list.
 *
 * Small canonical integers ("1", "59784") are found in a plain table by their
 * value: one load. The table only grows while it stays within 16 entries per id;
 * all other ids go through a hash table. Both hold the same strings: "0042" and
 * "42" are two ids.
 *
 * Memory: id bytes, 16 bytes per id, and 16 to 32 bytes per hashed id or up to
 * 64 per integer. */
#ifndef MF_RATINGS_ID_MAP_H
#define MF_RATINGS_ID_MAP_H

#include "base/error.h"
#include "base/id_list.h"
#include "ratings/cell.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_id_map {
    uint32_t n;
    uint32_t capacity;
    uint64_t *start; /* [capacity + 1], as in mf_id_list */
    uint64_t *first; /* [capacity] where the id first appeared; ascending */
    char *bytes;     /* [bytes_capacity] */
    uint64_t bytes_capacity;
    uint32_t *direct; /* [n_direct] index + 1 by value, 0: not there (or hashed) */
    uint32_t n_direct;
    uint32_t n_hashed;
    uint64_t *slots; /* [n_slots] upper half: hash, lower half: index + 1; 0: empty */
    uint64_t n_slots;
} mf_id_map;

/* A map of all zero bytes is empty and valid. */
void mf_id_map_clear(mf_id_map *map);

/* The slower way of mf_id_map_find: through the hash table. */
uint32_t mf_id_map_find_hashed(mf_id_map *map, const char *bytes, size_t n_bytes);

/* The index of an id that is in the table of small integers; MF_INDEX_NONE when it
 * is not. MF_CELL_READABLE bytes are there. */
static inline uint32_t mf_id_map_find_direct(const mf_id_map *map, mf_cell cell)
{
    const uint64_t value = mf_cell_small_integer(cell);
    return __builtin_expect(value < map->n_direct, 1) ? map->direct[value] - 1 : MF_INDEX_NONE;
}

/* The index of an id, MF_INDEX_NONE when it is new (or can be no id).
 * MF_CELL_READABLE bytes are there. */
static inline uint32_t mf_id_map_find(mf_id_map *map, mf_cell cell)
{
    const uint32_t index = mf_id_map_find_direct(map, cell);
    return __builtin_expect(index != MF_INDEX_NONE, 1)
               ? index
               : mf_id_map_find_hashed(map, cell.bytes, cell.n_bytes);
}

/* Appends an id that is not there yet; `first` is larger than any before.
 * MF_INDEX_NONE and MF_ERR_MEMORY when it cannot. n_bytes <= MF_ID_BYTES_MAX. */
uint32_t mf_id_map_add(mf_id_map *map, const char *bytes, size_t n_bytes, uint64_t first,
                       mf_error *err);

/* Merges n_maps maps of one reading into `merged` (empty before), in order of
 * first appearance. translation[m][i] is the merged index of id i of map m; the
 * arrays are the caller's to mf_free, also after a failure (translation[0 ..
 * n_maps) is NULL before). Fails MF_ERR_LIMIT with more than `limit` ids, of
 * which the message says that they are `what` ("users"); MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_id_map_merge(mf_id_map *maps, uint32_t n_maps, uint32_t limit,
                                   const char *what, mf_id_map *merged, uint32_t **translation,
                                   mf_error *err);

/* Gives the ids away as a list whose arrays are the caller's; the map is empty
 * afterwards. On failure (MF_ERR_MEMORY) the map stays as it is. */
MF_MUST_CHECK bool mf_id_map_take(mf_id_map *map, mf_id_list *list, mf_error *err);

/* More than `limit` distinct ids: the one sentence for it. */
bool mf_id_map_fail_limit(mf_error *err, uint32_t limit, const char *what);

#endif
