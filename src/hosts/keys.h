/* keys.h: what the hosts tell each other while MPI starts: texts by key, as in PMI-1 ("Process
 * Management Interface").
 *
 * (1) A key has 1 … MF_HOSTS_KEY_BYTES - 1 bytes, a value less than MF_HOSTS_VALUE_BYTES.
 * (2) A table has at most `limit` entries and no key twice; an entry never changes. */
#ifndef MF_HOSTS_KEYS_H
#define MF_HOSTS_KEYS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_HOSTS_KEY_BYTES = 120, MF_HOSTS_VALUE_BYTES = 1024 };

/* Entries that one host may have. MPI needs 2 to 10. */
enum { MF_HOSTS_KEYS_OF_HOST = 64 };

typedef struct mf_hosts_entry {
    char key[MF_HOSTS_KEY_BYTES];
    char value[MF_HOSTS_VALUE_BYTES];
} mf_hosts_entry;

typedef struct mf_hosts_keys {
    mf_hosts_entry *entry; /* [n], in the order in which they were added */
    size_t n;
    size_t capacity;
    size_t limit;
} mf_hosts_keys;

/* Fails MF_ERR_LIMIT (promises 1 and 2), MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_hosts_keys_add(mf_hosts_keys *keys, const char *key, const char *value,
                                     mf_error *err);

/* The value, or NULL. A view until the next add. */
const char *mf_hosts_keys_find(const mf_hosts_keys *keys, const char *key);

void mf_hosts_keys_free(mf_hosts_keys *keys);

#endif
