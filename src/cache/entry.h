/* entry.h: a list of recommendations as it lies in the cache: its key and its value.
 *
 *     rec:user:{user_id}:top{top_n}:v{schema}:{model version}
 *     rec:user:2:top20:v3:9c1f0a7b5d3e2468
 *
 * (1) Different requests have different keys: bytes of an id other than letters,
 *     digits and . _ ~ - are written %XX, so an id never ends early.
 * (2) Another model, another order of the lists of one model, or another layout of the value
 *     has other keys: two versions of the program never mix their lists.
 *
 *     <version of the model> <k|u> <count> <generation> <checksum>\n<list>
 *     9c1f0a7b5d3e2468 k 5 0000000000000000 1b0cde9900aa17f2\n[969,3035,"tt0080684",899,1948]
 *
 * The list is a JSON list of ids, numbers or strings, as responses have it; k is for a user
 * whom the model knows, u for one that it does not. The generation is that of the user's events
 * that the list was computed with, 0 for none (feedback.h): when they change, the list is out of
 * date. The checksum is XXH3's of the list, seeded with that of the key XOR the generation.
 *
 * (3) Other programs may write to the same Redis. A value is an entry only when every byte is as
 *     mf_cache_entry_write would have written it for this key: one that was truncated, changed or
 *     moved to another key is not.
 * (4) mf_cache_entry_write refuses what mf_cache_entry_read would not accept.
 *
 * Threads: any. Neither mf_cache_key_make nor mf_cache_entry_read allocates. */
#ifndef MF_CACHE_ENTRY_H
#define MF_CACHE_ENTRY_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_CACHE_SCHEMA = 3,       /* 1: lists by predicted rating, before there was a ranking model;
                                * 2: values without a generation */
    MF_CACHE_ID_MAX = 256,     /* bytes of an id as it is written in a key */
    MF_CACHE_VERSION_MAX = 64, /* of a model's version */
    MF_CACHE_KEY_MAX = MF_CACHE_ID_MAX + MF_CACHE_VERSION_MAX + 48,
};

typedef struct mf_cache_key {
    uint32_t top_n;
    uint16_t n_bytes;
    uint16_t version_at;              /* the version is bytes[version_at .. n_bytes) */
    char bytes[MF_CACHE_KEY_MAX + 1]; /* NUL-terminated, without other zero bytes */
} mf_cache_key;

/* The key for the best top_n of a user. version is the model's: 1 to 64 letters, digits
 * and . _ ~ -. False, and *key untouched, when there is no key for it: an empty id, one
 * that is too long, a version of other bytes. Such a list is not cached. */
MF_MUST_CHECK bool mf_cache_key_make(mf_cache_key *key, const char *user_id, size_t n_bytes,
                                     uint32_t top_n, const char *version);

/* Writes id as (1) says to out[0 .. most], NUL-terminated. Returns its bytes; 0 when they are more
 * than most. */
size_t mf_cache_id_escape(char *out, size_t most, const char *id, size_t n_bytes);

enum { MF_CACHE_VALUE_MAX = 64 * 1024 }; /* longer ones are not cached */

typedef struct mf_cache_entry {
    const char *list; /* [n_list] '[' … ']', a view */
    size_t n_list;
    uint32_t count; /* of its members, at most the key's top_n */
    bool known_user;
    uint64_t generation; /* of the events that it was computed with; 0: none */
} mf_cache_entry;

/* Appends the value for this key to *out. False, with *out as it was, when the list is
 * not a list of `count` ids or the value would be too long; without memory out->failed
 * is set as well. */
MF_MUST_CHECK bool mf_cache_entry_write(mf_text *out, const mf_cache_key *key,
                                        const mf_cache_entry *entry);

/* Reads a value that was found under this key; entry->list points into it. False: it is
 * not one of ours. */
MF_MUST_CHECK bool mf_cache_entry_read(const char *value, size_t n_bytes, const mf_cache_key *key,
                                       mf_cache_entry *entry);

#endif
