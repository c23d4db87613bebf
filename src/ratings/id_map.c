/* id_map.c: a plain table for small integers, a hash table with open addressing for other ids.
 *
 * (1) An id is in direct[] or in slots[], or first in slots[] and later, when
 *     direct[] has grown over its value, in both; never in neither.
 * (2) slots[] is at most half full.
 * (3) The hash in a slot is the id's upper 32 bits, so growing needs no bytes. */
#include "ratings/id_map.h"

#include "base/memory.h"

#include <string.h>

enum {
    FIRST_CAPACITY = 256,
    FIRST_ID_BYTES = 4096,
    DIRECT_FREELY = 1 << 14, /* so many entries whatever the number of ids */
    DIRECT_PER_ID = 16,
    DIRECT_MOST = 1 << 24,
};

void mf_id_map_clear(mf_id_map *map)
{
    mf_free(map->start);
    mf_free(map->first);
    mf_free(map->bytes);
    mf_free(map->direct);
    mf_free(map->slots);
    memset(map, 0, sizeof *map);
}

static bool id_is(const mf_id_map *map, uint32_t index, const char *bytes, size_t n_bytes)
{
    return map->start[index + 1] - map->start[index] == n_bytes &&
           memcmp(map->bytes + map->start[index], bytes, n_bytes) == 0;
}

static uint64_t small_integer(const char *bytes, size_t n_bytes)
{
    char text[8] = {0};
    if (n_bytes == 0 || n_bytes > sizeof text)
        return UINT64_MAX;
    memcpy(text, bytes, n_bytes);
    return mf_cell_small_integer((mf_cell){text, n_bytes});
}

uint32_t mf_id_map_find_hashed(mf_id_map *map, const char *bytes, size_t n_bytes)
{
    if (map->n_hashed == 0 || n_bytes > MF_ID_BYTES_MAX)
        return MF_INDEX_NONE;
    const uint64_t hash = mf_id_hash(bytes, n_bytes) >> 32;
    for (uint64_t slot = hash & (map->n_slots - 1); map->slots[slot] != 0;
         slot = (slot + 1) & (map->n_slots - 1)) {
        const uint32_t index = (uint32_t)map->slots[slot] - 1;
        if (map->slots[slot] >> 32 != hash || !id_is(map, index, bytes, n_bytes))
            continue;
        const uint64_t value = small_integer(bytes, n_bytes);
        if (value < map->n_direct)
            map->direct[value] = index + 1;
        return index;
    }
    return MF_INDEX_NONE;
}

static void slot_fill(uint64_t *slots, uint64_t n_slots, uint64_t content)
{
    uint64_t slot = (content >> 32) & (n_slots - 1);
    while (slots[slot] != 0)
        slot = (slot + 1) & (n_slots - 1);
    slots[slot] = content;
}

static bool slots_grow(mf_id_map *map, mf_error *err)
{
    if (2 * ((uint64_t)map->n_hashed + 1) <= map->n_slots)
        return true;
    const uint64_t n_slots = map->n_slots == 0 ? 2 * FIRST_CAPACITY : 2 * map->n_slots;
    uint64_t *slots = mf_allocate(n_slots, sizeof *slots, "a table of ids", err);
    if (slots == NULL)
        return false;
    for (uint64_t slot = 0; slot < map->n_slots; slot++)
        if (map->slots[slot] != 0)
            slot_fill(slots, n_slots, map->slots[slot]);
    mf_free(map->slots);
    map->slots = slots;
    map->n_slots = n_slots;
    return true;
}

static bool arrays_grow(mf_id_map *map, size_t n_bytes, mf_error *err)
{
    if (map->n == map->capacity) {
        const uint64_t wanted = map->capacity == 0 ? FIRST_CAPACITY : 2 * (uint64_t)map->capacity;
        const uint32_t capacity = wanted < MF_INDEX_NONE ? (uint32_t)wanted : MF_INDEX_NONE;
        const size_t old = map->capacity;
        if (!mf_reallocate((void **)&map->start, map->start == NULL ? 0 : old + 1,
                           (size_t)capacity + 1, sizeof *map->start, "ids", err) ||
            !mf_reallocate((void **)&map->first, old, capacity, sizeof *map->first, "ids", err))
            return false;
        map->capacity = capacity;
    }
    const uint64_t used = map->start[map->n];
    if (map->bytes_capacity - used < n_bytes + MF_CELL_READABLE) {
        const uint64_t capacity =
            map->bytes_capacity == 0 ? FIRST_ID_BYTES : 2 * map->bytes_capacity;
        if (!mf_reallocate((void **)&map->bytes, map->bytes_capacity, capacity, 1, "ids", err))
            return false;
        map->bytes_capacity = capacity;
    }
    return true;
}

/* Makes direct[value] exist if that is worth its memory; false is no failure. */
static bool direct_covers(mf_id_map *map, uint64_t value)
{
    if (value < map->n_direct)
        return true;
    const uint64_t allowed = DIRECT_PER_ID * ((uint64_t)map->n + 1);
    if (value >= DIRECT_MOST || (value >= allowed && value >= DIRECT_FREELY))
        return false;
    uint64_t n_direct = 1024;
    while (n_direct <= value)
        n_direct *= 2;
    if (!mf_reallocate((void **)&map->direct, map->n_direct, n_direct, sizeof *map->direct,
                       "a table of ids", NULL))
        return false; /* then the hash table has it */
    map->n_direct = (uint32_t)n_direct;
    return true;
}

uint32_t mf_id_map_add(mf_id_map *map, const char *bytes, size_t n_bytes, uint64_t first,
                       mf_error *err)
{
    if (map->n == MF_INDEX_NONE - 1) {
        mf_id_map_fail_limit(err, map->n, "ids");
        return MF_INDEX_NONE;
    }
    if (!arrays_grow(map, n_bytes, err))
        return MF_INDEX_NONE;
    const uint64_t value = small_integer(bytes, n_bytes);
    if (direct_covers(map, value)) {
        map->direct[value] = map->n + 1;
    } else {
        if (!slots_grow(map, err))
            return MF_INDEX_NONE;
        const uint64_t hash = mf_id_hash(bytes, n_bytes) >> 32;
        slot_fill(map->slots, map->n_slots, hash << 32 | (map->n + 1));
        map->n_hashed++;
    }
    memcpy(map->bytes + map->start[map->n], bytes, n_bytes);
    map->start[map->n + 1] = map->start[map->n] + n_bytes;
    map->first[map->n] = first;
    return map->n++;
}

bool mf_id_map_fail_limit(mf_error *err, uint32_t limit, const char *what)
{
    return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %lu distinct %s (the limit is %lu)",
                   (unsigned long)limit, what, (unsigned long)limit);
}

/* The map whose next id appeared earliest, n_maps when all are through. */
static uint32_t earliest(const mf_id_map *maps, uint32_t n_maps, const uint32_t *next)
{
    uint32_t best = n_maps;
    for (uint32_t m = 0; m < n_maps; m++)
        if (next[m] < maps[m].n &&
            (best == n_maps || maps[m].first[next[m]] < maps[best].first[next[best]]))
            best = m;
    return best;
}

bool mf_id_map_merge(mf_id_map *maps, uint32_t n_maps, uint32_t limit, const char *what,
                     mf_id_map *merged, uint32_t **translation, mf_error *err)
{
    bool ok = false;
    uint32_t *next = mf_allocate(n_maps, sizeof *next, "maps of ids", err);
    if (next == NULL)
        goto done;
    for (uint32_t m = 0; m < n_maps; m++) {
        translation[m] = mf_allocate(maps[m].n, sizeof *translation[m], "maps of ids", err);
        if (translation[m] == NULL)
            goto done;
    }
    for (uint32_t m; (m = earliest(maps, n_maps, next)) < n_maps;) {
        const mf_id_map *map = &maps[m];
        const uint32_t local = next[m]++;
        const mf_cell cell = {map->bytes + map->start[local],
                              (size_t)(map->start[local + 1] - map->start[local])};
        uint32_t index = mf_id_map_find(merged, cell);
        if (index == MF_INDEX_NONE) {
            if (merged->n >= limit) {
                mf_id_map_fail_limit(err, limit, what);
                goto done;
            }
            index = mf_id_map_add(merged, cell.bytes, cell.n_bytes, map->first[local], err);
            if (index == MF_INDEX_NONE)
                goto done;
        }
        translation[m][local] = index;
    }
    ok = true;
done:
    mf_free(next);
    return ok;
}

bool mf_id_map_take(mf_id_map *map, mf_id_list *list, mf_error *err)
{
    if (map->n == 0 && !arrays_grow(map, 1, err))
        return false;
    /* Only what is needed is kept, so that the list costs what its header says. */
    const uint64_t n_bytes = map->start[map->n];
    if (!mf_reallocate((void **)&map->start, (size_t)map->capacity + 1, (size_t)map->n + 1,
                       sizeof *map->start, "ids", err))
        return false;
    map->capacity = map->n;
    if (!mf_reallocate((void **)&map->bytes, map->bytes_capacity, n_bytes, 1, "ids", err))
        return false;
    *list = (mf_id_list){map->n, map->start, map->bytes};
    map->start = NULL;
    map->bytes = NULL;
    mf_id_map_clear(map);
    return true;
}
