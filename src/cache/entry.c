/* entry.c: the name of a cached list and its value.
 * (1) read writes the head again and compares: there is no second parser of heads.
 * (2) The list is scanned, not parsed: it is JSON without blanks, and nothing is allocated. */
#include "cache/entry.h"

#include "base/number.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ------------------------------------------------------------------- the key */

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

size_t mf_cache_id_escape(char *out, size_t most, const char *id, size_t n_bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        const unsigned char c = (unsigned char)id[i];
        if (n + (is_plain(id[i]) ? 1 : 3) > most)
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
    if (!is_version(version) || mf_cache_id_escape(id, MF_CACHE_ID_MAX, user_id, n_bytes) == 0)
        return false;
    const int n = snprintf(key->bytes, sizeof key->bytes, "rec:user:%s:top%u:v%d:%s", id, top_n,
                           MF_CACHE_SCHEMA, version);
    key->n_bytes = (uint16_t)n;
    key->version_at = (uint16_t)((size_t)n - strlen(version));
    key->top_n = top_n;
    return true;
}

enum { HEAD_MAX = MF_CACHE_VERSION_MAX + 64, DIGITS_MAX = 15, HEX_DIGITS = 16 };

/* ------------------------------------------------------------------ the list */

static size_t skip_integer(const char *text, size_t n)
{
    const size_t sign = text[0] == '-';
    size_t i = sign;
    while (i < n && text[i] >= '0' && text[i] <= '9')
        i++;
    const size_t digits = i - sign;
    return digits == 0 || digits > DIGITS_MAX || (digits > 1 && text[sign] == '0') ? 0 : i;
}

/* Bytes of the escape that text begins with, or 0. */
static size_t skip_escape(const char *text, size_t n)
{
    enum { UNICODE_BYTES = 6 };
    if (n < 2)
        return 0;
    if (text[1] != 'u')
        return text[1] != '\0' && strchr("\"\\/bfnrt", text[1]) != NULL ? 2 : 0;
    if (n < UNICODE_BYTES)
        return 0;
    for (size_t i = 2; i < UNICODE_BYTES; i++)
        if (!isxdigit((unsigned char)text[i]))
            return 0;
    return UNICODE_BYTES;
}

static size_t skip_string(const char *text, size_t n)
{
    size_t i = 1;
    while (i < n && text[i] != '"') {
        const size_t step = text[i] == '\\'                 ? skip_escape(text + i, n - i)
                            : (unsigned char)text[i] < 0x20 ? 0
                                                            : mf_utf8_length(text + i, n - i);
        if (step == 0)
            return 0;
        i += step;
    }
    return i < n && i > 1 ? i + 1 : 0;
}

/* True when the whole is a JSON list, without blanks, of `count` ids. */
static bool is_list(const char *text, size_t n, uint32_t count)
{
    if (n < 2 || text[0] != '[' || text[n - 1] != ']')
        return false;
    const size_t end = n - 1;
    size_t i = 1;
    uint32_t members = 0;
    while (i < end) {
        if (members > 0 && text[i++] != ',')
            return false;
        const size_t step = i == end         ? 0
                            : text[i] == '"' ? skip_string(text + i, end - i)
                                             : skip_integer(text + i, end - i);
        if (step == 0)
            return false;
        i += step;
        members++;
    }
    return members == count;
}

/* ------------------------------------------------------------------ the head */

static int write_head(char head[HEAD_MAX], const mf_cache_key *key, const mf_cache_entry *entry)
{
    const uint64_t seed = XXH3_64bits(key->bytes, key->n_bytes) ^ entry->generation;
    return snprintf(head, HEAD_MAX, "%s %c %u %016llx %016llx\n", key->bytes + key->version_at,
                    entry->known_user ? 'k' : 'u', entry->count,
                    (unsigned long long)entry->generation,
                    (unsigned long long)XXH3_64bits_withSeed(entry->list, entry->n_list, seed));
}

bool mf_cache_entry_write(mf_text *out, const mf_cache_key *key, const mf_cache_entry *entry)
{
    char head[HEAD_MAX];
    if (entry->n_list > MF_CACHE_VALUE_MAX - HEAD_MAX || entry->count > key->top_n ||
        !is_list(entry->list, entry->n_list, entry->count))
        return false;
    const size_t n_head = (size_t)write_head(head, key, entry);
    if (!mf_text_reserve(out, n_head + entry->n_list))
        return false;
    mf_text_append(out, head, n_head);
    mf_text_append(out, entry->list, entry->n_list);
    return true;
}

/* Other characters give any number. */
static uint64_t read_hex(const char digits[HEX_DIGITS])
{
    uint64_t value = 0;
    for (size_t i = 0; i < HEX_DIGITS; i++)
        value = value << 4 | (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10);
    return value;
}

bool mf_cache_entry_read(const char *value, size_t n_bytes, const mf_cache_key *key,
                         mf_cache_entry *entry)
{
    if (n_bytes > MF_CACHE_VALUE_MAX)
        return false;
    const char *end = memchr(value, '\n', n_bytes < HEAD_MAX ? n_bytes : (size_t)HEAD_MAX);
    const size_t n_version = (size_t)(key->n_bytes - key->version_at);
    if (end == NULL || (size_t)(end - value) < n_version + strlen(" k 0 "))
        return false;
    const char *count = value + n_version + strlen(" k ");
    const char *blank = memchr(count, ' ', (size_t)(end - count));
    uint64_t n = 0;
    if (blank == NULL || !mf_parse_uint64(count, (size_t)(blank - count), &n) || n > key->top_n ||
        end - blank <= HEX_DIGITS)
        return false;
    const mf_cache_entry found = {.list = end + 1,
                                  .n_list = n_bytes - (size_t)(end + 1 - value),
                                  .count = (uint32_t)n,
                                  .known_user = value[n_version + 1] == 'k',
                                  .generation = read_hex(blank + 1)};
    /* As write would have written it: nothing else need be looked at. */
    char head[HEAD_MAX];
    const size_t n_head = (size_t)write_head(head, key, &found);
    if (n_head != (size_t)(end + 1 - value) || memcmp(head, value, n_head) != 0 ||
        !is_list(found.list, found.n_list, found.count))
        return false;
    *entry = found;
    return true;
}
