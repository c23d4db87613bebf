/* id_list.c: a hash table of indexes with linear probing.
 *
 * (1) An id is in its home slot (hash modulo slots) or in a later one. All slots between are
 *     occupied, by lower indexes: inserting 0, 1, 2 … gives exactly that.
 * (2) (1) for each id, and as many occupied slots as ids, proves the whole table. So
 *     mf_id_table_check is one walk and needs no memory.
 * (3) A walk takes at most n_slots steps. */
#include "base/id_list.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Ids that mf_id_table_check checks together. Each step touches one array for all of them, so that
 * its cache misses overlap. The order is that of the indexes, which reads the ids in a row. The
 * order of the slots misses twice for every id: with 3 M ids it took 0.77 of the time of hashing
 * the whole 1.1 GB file, this one 0.38. */
enum { BATCH_IDS = 128 };

bool mf_id_valid(const char *bytes, size_t n_bytes)
{
    if (n_bytes == 0 || n_bytes > MF_ID_BYTES_MAX)
        return false;
    for (size_t i = 0; i < n_bytes;) {
        const size_t length = mf_utf8_length(bytes + i, n_bytes - i);
        if (length == 0 || mf_utf8_is_control(bytes + i, length))
            return false;
        i += length;
    }
    return true;
}

static size_t count_digits(const char *bytes, const char *end)
{
    size_t n = 0;
    while (bytes + n < end && bytes[n] >= '0' && bytes[n] <= '9')
        n++;
    return n;
}

size_t mf_id_write_integer(const char *bytes, size_t n_bytes, char integer[MF_INTEGER_ID_BYTES])
{
    const char *at = bytes;
    const char *const end = bytes + n_bytes;
    if (n_bytes > MF_ID_BYTES_MAX)
        return 0;
    const size_t sign = n_bytes > 0 && *at == '-';
    at += sign;
    const char *const whole = at;
    const size_t n_whole = count_digits(whole, end);
    if (n_whole == 0 || (*whole == '0' && n_whole > 1))
        return 0;
    at += n_whole;
    const char *fraction = at;
    size_t n_fraction = 0;
    if (at < end && *at == '.') {
        fraction = at + 1;
        n_fraction = count_digits(fraction, end);
        if (n_fraction == 0)
            return 0;
        at = fraction + n_fraction;
    }
    int64_t point = (int64_t)n_whole; /* digits before the decimal point */
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        const bool down = at < end && *at == '-';
        at += at < end && (*at == '-' || *at == '+');
        const size_t n = count_digits(at, end);
        int64_t exponent = 0;
        for (size_t i = 0; i < n; i++)
            exponent = exponent < MF_ID_BYTES_MAX ? exponent * 10 + (at[i] - '0') : exponent;
        if (n == 0)
            return 0;
        at += n;
        point += down ? -exponent : exponent;
    }
    if (at != end)
        return 0;
    /* The digits before the point are the id, and those after it are zeros. */
    size_t n = 0;
    const int64_t n_digits = (int64_t)(n_whole + n_fraction);
    for (int64_t i = 0; i < n_digits || i < point; i++) {
        const size_t k = (size_t)i;
        const char digit = i >= n_digits ? '0' : k < n_whole ? whole[k] : fraction[k - n_whole];
        if (i >= point ? digit != '0' : n == MF_INTEGER_ID_BYTES - 1)
            return 0;
        if (i < point && (n > 0 || digit != '0'))
            integer[sign + n++] = digit;
    }
    if (n == 0) {
        integer[0] = '0';
        return 1;
    }
    if (sign > 0)
        integer[0] = '-';
    return sign + n;
}

size_t mf_id_write_integer_of_text(const char *bytes, size_t n_bytes,
                                   char integer[MF_INTEGER_ID_BYTES])
{
    bool has_exponent = false, has_sign_or_point = false;
    for (size_t i = 0; i < n_bytes; i++) {
        has_exponent |= bytes[i] == 'e' || bytes[i] == 'E';
        has_sign_or_point |= bytes[i] == '.' || bytes[i] == '+' || bytes[i] == '-';
    }
    return has_exponent && !has_sign_or_point ? 0 : mf_id_write_integer(bytes, n_bytes, integer);
}

uint64_t mf_id_hash(const char *bytes, size_t n_bytes)
{
    return XXH3_64bits(bytes, n_bytes);
}

uint64_t mf_id_table_slots(uint32_t n)
{
    return n < 2 ? 2 : UINT64_C(1) << (64 - __builtin_clzll(2 * (uint64_t)n - 1));
}

static bool id_is(const mf_id_list *list, uint32_t index, const char *bytes, size_t n_bytes)
{
    const mf_id id = mf_id_list_get(list, index);
    return id.n_bytes == n_bytes && memcmp(id.bytes, bytes, n_bytes) == 0;
}

/* The slot that holds the id, else the first empty one, else (no slot is empty) n_slots. */
static uint64_t find_slot(const mf_id_list *list, const uint32_t *slots, uint64_t n_slots,
                          const char *bytes, size_t n_bytes)
{
    uint64_t slot = mf_id_hash(bytes, n_bytes) & (n_slots - 1);
    for (uint64_t step = 0; step < n_slots; step++) {
        const uint32_t index = slots[slot];
        if (index >= list->n || id_is(list, index, bytes, n_bytes))
            return slot;
        slot = (slot + 1) & (n_slots - 1);
    }
    return n_slots;
}

static bool fail_twice(const mf_id_list *list, uint32_t first, uint32_t second, mf_error *err)
{
    char text[128];
    const mf_id id = mf_id_list_get(list, second);
    return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                   "the id \"%s\" occurs twice, at index %lu and at index %lu",
                   mf_printable(text, sizeof text, id.bytes, id.n_bytes), (unsigned long)first,
                   (unsigned long)second);
}

static bool check_n_slots(const mf_id_list *list, uint64_t n_slots, mf_error_code code,
                          mf_error *err)
{
    return n_slots == mf_id_table_slots(list->n) ||
           mf_fail(err, code, MF_NOWHERE, "a table for %lu ids has not %llu slots",
                   (unsigned long)list->n, (unsigned long long)n_slots);
}

bool mf_id_table_build(const mf_id_list *list, uint32_t *slots, uint64_t n_slots, mf_error *err)
{
    if (!check_n_slots(list, n_slots, MF_ERR_ARGUMENT, err))
        return false;
    memset(slots, 0xFF, (size_t)n_slots * sizeof *slots); /* MF_INDEX_NONE everywhere */
    for (uint32_t index = 0; index < list->n; index++) {
        const mf_id id = mf_id_list_get(list, index);
        const uint64_t slot = find_slot(list, slots, n_slots, id.bytes, id.n_bytes);
        if (slots[slot] != MF_INDEX_NONE)
            return fail_twice(list, slots[slot], index, err);
        slots[slot] = index;
    }
    return true;
}

/* Pairs of ids that share a path and so may be equal. They are compared later, after a prefetch of
 * their bytes. */
typedef struct suspects {
    size_t n;
    uint32_t first[BATCH_IDS];
    uint32_t second[BATCH_IDS];
} suspects;

static bool check_suspects(const mf_id_list *list, suspects *pairs, mf_error *err)
{
    for (size_t i = 0; i < pairs->n; i++)
        __builtin_prefetch(list->bytes + list->start[pairs->first[i]]);
    for (size_t i = 0; i < pairs->n; i++) {
        const mf_id id = mf_id_list_get(list, pairs->second[i]);
        if (id_is(list, pairs->first[i], id.bytes, id.n_bytes))
            return fail_twice(list, pairs->first[i], pairs->second[i], err);
    }
    pairs->n = 0;
    return true;
}

/* Checks promise (1) for one id. An equal id of a lower index is on the path from home to this one:
 * if it were after it, its own path would contain this higher index. */
static bool check_path(const mf_id_list *list, const uint32_t *slots, uint64_t n_slots,
                       uint64_t home, uint32_t index, suspects *pairs, mf_error *err)
{
    for (uint64_t slot = home; slots[slot] != index; slot = (slot + 1) & (n_slots - 1)) {
        const uint32_t before = slots[slot];
        /* An empty slot is MF_INDEX_NONE and so fails here too. */
        if (before > index)
            return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                           "the id of index %lu is not where its hash says", (unsigned long)index);
        __builtin_prefetch(list->start + before);
        pairs->first[pairs->n] = before;
        pairs->second[pairs->n] = index;
        pairs->n++;
        if (pairs->n == BATCH_IDS && !check_suspects(list, pairs, err))
            return false;
    }
    return true;
}

bool mf_id_table_check(const mf_id_list *list, const uint32_t *slots, uint64_t n_slots,
                       mf_error *err)
{
    suspects pairs = {.n = 0};
    if (!check_n_slots(list, n_slots, MF_ERR_FORMAT, err))
        return false;
    /* With this, at least half of the slots are empty, so the walks end. */
    uint64_t n_taken = 0;
    for (uint64_t slot = 0; slot < n_slots; slot++)
        n_taken += slots[slot] != MF_INDEX_NONE;
    if (n_taken != list->n)
        return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "a table of %lu ids holds %llu",
                       (unsigned long)list->n, (unsigned long long)n_taken);
    for (uint32_t first = 0; first < list->n;) {
        const uint32_t n = list->n - first < BATCH_IDS ? list->n - first : BATCH_IDS;
        uint64_t home[BATCH_IDS];
        for (uint32_t i = 0; i < n; i++) {
            const mf_id id = mf_id_list_get(list, first + i);
            home[i] = mf_id_hash(id.bytes, id.n_bytes) & (n_slots - 1);
            __builtin_prefetch(slots + home[i]);
        }
        for (uint32_t i = 0; i < n; i++)
            if (!check_path(list, slots, n_slots, home[i], first + i, &pairs, err))
                return false;
        if (!check_suspects(list, &pairs, err))
            return false;
        first += n;
    }
    return true;
}

uint32_t mf_id_table_find(const mf_id_list *list, const uint32_t *slots, uint64_t n_slots,
                          const char *bytes, size_t n_bytes)
{
    const uint64_t slot = find_slot(list, slots, n_slots, bytes, n_bytes);
    return slot < n_slots && slots[slot] < list->n ? slots[slot] : MF_INDEX_NONE;
}
