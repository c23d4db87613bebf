/* key.c: promises in key.h. */
#include "cache/key.h"

#include <stdio.h>
#include <string.h>

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._~-", c) != NULL);
}

static bool is_version(const char *version)
{
    const size_t n = strlen(version);
    for (size_t i = 0; i < n; i++)
        if (!is_plain(version[i]))
            return false;
    return n > 0 && n <= MF_CACHE_VERSION_MAX;
}

/* Writes id to out; 0 when it does not fit. */
static size_t escape(char out[MF_CACHE_ID_MAX + 1], const char *id, size_t n_bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)id[i];
        if (n + (is_plain(id[i]) ? 1 : 3) > MF_CACHE_ID_MAX)
            return 0;
        if (is_plain(id[i])) {
            out[n++] = id[i];
            continue;
        }
        out[n++] = '%';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    out[n] = '\0';
    return n;
}

bool mf_cache_key_make(mf_cache_key *key, const char *user_id, size_t n_bytes, uint32_t top_n,
                       const char *version)
{
    char id[MF_CACHE_ID_MAX + 1];
    if (!is_version(version) || escape(id, user_id, n_bytes) == 0)
        return false;
    const int n = snprintf(key->bytes, sizeof key->bytes, "rec:user:%s:top%u:v%d:%s", id, top_n,
                           MF_CACHE_SCHEMA, version);
    key->n_bytes = (uint16_t)n;
    key->version_at = (uint16_t)((size_t)n - strlen(version));
    key->top_n = top_n;
    return true;
}
