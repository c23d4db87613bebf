/* key.h: under which name a list of recommendations lies in the cache.
 *
 *     rec:user:{user_id}:top{top_n}:v{schema}:{model version}
 *     rec:user:2:top20:v2:9c1f0a7b5d3e2468
 *
 * (1) Different questions have different keys: bytes of an id other than letters,
 *     digits and . _ ~ - are written %XX, so an id never ends early.
 * (2) Another model, another order of the lists of one model, or another layout of the value
 *     (entry.h) has other keys: two versions of the program never mix their lists.
 *
 * Threads: any. No allocation. */
#ifndef MF_CACHE_KEY_H
#define MF_CACHE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_CACHE_SCHEMA = 2,       /* 1: lists by predicted rating, before there was a ranking model */
    MF_CACHE_ID_MAX = 256,     /* bytes of an id as it is written in a key */
    MF_CACHE_VERSION_MAX = 64, /* of a model's version */
    MF_CACHE_KEY_MAX = MF_CACHE_ID_MAX + MF_CACHE_VERSION_MAX + 48,
};

typedef struct mf_cache_key {
    uint32_t top_n;
    uint16_t n_bytes;
    uint16_t version_at;              /* the version is bytes[version_at .. n_bytes) */
    char bytes[MF_CACHE_KEY_MAX + 1]; /* zero-terminated, without other zero bytes */
} mf_cache_key;

/* The key for the best top_n of a user. version is the model's: 1 to 64 letters, digits
 * and . _ ~ -. False, and *key untouched, when there is no key for it: an empty id, one
 * that is too long, a version of other bytes. Such a list is not cached. */
bool mf_cache_key_make(mf_cache_key *key, const char *user_id, size_t n_bytes, uint32_t top_n,
                       const char *version);

#endif
