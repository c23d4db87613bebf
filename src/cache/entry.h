/* entry.h: a list of recommendations as it lies in the cache.
 *
 *     <version of the model> <k|u> <count> <checksum>\n<list>
 *     9c1f0a7b5d3e2468 k 5 1b0cde9900aa17f2\n[969,3035,"tt0080684",899,1948]
 *
 * The list is a JSON list of ids, numbers or strings, as answers have it; k is for a user
 * whom the model knows, u for one that it does not. The checksum is XXH3's of the list,
 * seeded with that of the key.
 *
 * (1) Others write to the same Redis: what is read is taken for an entry only when every
 *     byte is as write would have written it for this key. A value that was cut short,
 *     changed, or moved to another key is none.
 * (2) write refuses what read would not take.
 *
 * Threads: any. read does not allocate. */
#ifndef MF_CACHE_ENTRY_H
#define MF_CACHE_ENTRY_H

#include "base/text.h"
#include "cache/key.h"

enum { MF_CACHE_VALUE_MAX = 64 * 1024 }; /* longer ones are not cached */

typedef struct mf_cache_entry {
    const char *list; /* [n_list] '[' … ']', a view */
    size_t n_list;
    uint32_t count; /* of its members, at most the key's top_n */
    bool known_user;
} mf_cache_entry;

/* Appends the value for this key to *out. False, with *out as it was, when the list is
 * not a list of `count` ids or the value would be too long; without memory out->failed
 * is set as well. */
bool mf_cache_entry_write(mf_text *out, const mf_cache_key *key, const mf_cache_entry *entry);

/* Reads a value that was found under this key; entry->list points into it. False: it is
 * not one of ours. */
bool mf_cache_entry_read(const char *value, size_t n_bytes, const mf_cache_key *key,
                         mf_cache_entry *entry);

#endif
