/* keys.c: a short table, searched from its start. */
#include "hosts/keys.h"

#include "base/grow.h"

#include <string.h>

bool mf_hosts_keys_add(mf_hosts_keys *keys, const char *key, const char *value, mf_error *err)
{
    const size_t n_key = strlen(key);
    const size_t n_value = strlen(value);
    if (n_key == 0 || n_key >= MF_HOSTS_KEY_BYTES || n_value >= MF_HOSTS_VALUE_BYTES)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                       "the start of MPI has a key of %zu bytes with a value of %zu: at most %d "
                       "and %d",
                       n_key, n_value, MF_HOSTS_KEY_BYTES - 1, MF_HOSTS_VALUE_BYTES - 1);
    if (mf_hosts_keys_find(keys, key) != NULL)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "the start of MPI has key %.32s twice", key);
    if (keys->n == keys->limit)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "the start of MPI has more than %zu keys",
                       keys->limit);
    if (!MF_GROW(keys->entry, keys->capacity, keys->n + 1, "keys of MPI's start", err))
        return false;
    mf_hosts_entry *entry = &keys->entry[keys->n++];
    memcpy(entry->key, key, n_key + 1);
    memcpy(entry->value, value, n_value + 1);
    return true;
}

const char *mf_hosts_keys_find(const mf_hosts_keys *keys, const char *key)
{
    for (size_t i = 0; i < keys->n; i++)
        if (strcmp(keys->entry[i].key, key) == 0)
            return keys->entry[i].value;
    return NULL;
}

void mf_hosts_keys_free(mf_hosts_keys *keys)
{
    mf_free(keys->entry);
    keys->entry = NULL;
    keys->n = keys->capacity = 0;
}
