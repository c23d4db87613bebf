/* tar_header.c: promises in tar_header.h. */
#include "sagemaker/tar_header.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

/* Offsets and sizes of the table in the header. */
enum {
    NAME_BYTES = 100,
    SIZE_AT = 124,
    SIZE_BYTES = 12,
    CHECKSUM_AT = 148,
    CHECKSUM_BYTES = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_BYTES = 155,
};

static bool read_octal(const unsigned char *field, size_t n, uint64_t *value)
{
    uint64_t parsed = 0;
    size_t i = 0;
    while (i < n && field[i] == ' ')
        i++;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        parsed = parsed * 8 + (uint64_t)(field[i] - '0');
    for (; i < n; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    *value = parsed; /* at most 12 digits: fits */
    return true;
}

static bool read_size(const unsigned char field[SIZE_BYTES], uint64_t *value)
{
    if ((field[0] & 0x80) == 0)
        return read_octal(field, SIZE_BYTES, value);
    /* GNU, base 256: 95 bits after the first; what does not fit into 63 (and so
     * every negative number) is no size. */
    for (size_t i = 0; i < SIZE_BYTES - 8; i++)
        if (field[i] != (i == 0 ? 0x80 : 0))
            return false;
    uint64_t parsed = 0;
    for (size_t i = SIZE_BYTES - 8; i < SIZE_BYTES; i++)
        parsed = parsed << 8 | field[i];
    *value = parsed;
    return parsed <= INT64_MAX;
}

static bool checksum_is_right(const unsigned char *block)
{
    uint64_t wanted;
    if (!read_octal(block + CHECKSUM_AT, CHECKSUM_BYTES, &wanted))
        return false;
    /* Some old archivers summed signed bytes. */
    uint64_t sum = 0;
    int64_t signed_sum = 0;
    for (size_t i = 0; i < MF_TAR_BLOCK_BYTES; i++) {
        const bool own = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES;
        const unsigned char byte = own ? ' ' : block[i];
        sum += byte;
        signed_sum += (signed char)byte;
    }
    return sum == wanted || signed_sum == (int64_t)wanted;
}

mf_tar_block mf_tar_header_read(const unsigned char block[MF_TAR_BLOCK_BYTES],
                                mf_tar_header *header)
{
    static const unsigned char zero[MF_TAR_BLOCK_BYTES];
    if (memcmp(block, zero, sizeof zero) == 0)
        return MF_TAR_ZERO;
    if (!checksum_is_right(block) || !read_size(block + SIZE_AT, &header->n_bytes))
        return MF_TAR_DAMAGED;
    header->type = (char)block[TYPE_AT];
    const char *name = (const char *)block;
    const char *prefix = (const char *)block + PREFIX_AT;
    if (memcmp(block + MAGIC_AT, "ustar", 6) == 0 && prefix[0] != '\0')
        snprintf(header->name, sizeof header->name, "%.*s/%.*s", PREFIX_BYTES, prefix, NAME_BYTES,
                 name);
    else
        snprintf(header->name, sizeof header->name, "%.*s", NAME_BYTES, name);
    return MF_TAR_HEADER;
}

static bool take_record(const char *key, size_t n_key, const char *value, size_t n_value,
                        mf_tar_pax *pax)
{
    if (n_key == 4 && memcmp(key, "path", 4) == 0) {
        if (n_value >= sizeof pax->name || memchr(value, '\0', n_value) != NULL)
            return false;
        memcpy(pax->name, value, n_value);
        pax->name[n_value] = '\0';
        pax->has_name = true;
    } else if (n_key == 4 && memcmp(key, "size", 4) == 0) {
        if (!mf_parse_uint64(value, n_value, &pax->n_bytes) || pax->n_bytes > INT64_MAX)
            return false;
        pax->has_size = true;
    } else if (n_key >= 11 && memcmp(key, "GNU.sparse.", 11) == 0) {
        pax->is_sparse = true;
    }
    return true;
}

bool mf_tar_pax_read(const char *records, size_t n_bytes, mf_tar_pax *pax)
{
    while (n_bytes > 0) {
        const char *blank = memchr(records, ' ', n_bytes < 20 ? n_bytes : 20);
        uint64_t length;
        if (blank == NULL || !mf_parse_uint64(records, (size_t)(blank - records), &length) ||
            length > n_bytes || length < (uint64_t)(blank - records) + 3 ||
            records[length - 1] != '\n')
            return false;
        const char *key = blank + 1;
        const char *end = records + length - 1;
        const char *equals = memchr(key, '=', (size_t)(end - key));
        if (equals == NULL || equals == key)
            return false;
        if (!take_record(key, (size_t)(equals - key), equals + 1, (size_t)(end - equals - 1), pax))
            return false;
        records += length;
        n_bytes -= length;
    }
    return true;
}

bool mf_tar_name_clean(char *name)
{
    if (name[0] == '/')
        return false;
    char *to = name;
    for (const char *from = name; *from != '\0';) {
        const size_t n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.')
            return false;
        if (n > 0 && !(n == 1 && from[0] == '.')) {
            if (to != name)
                *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        from += strspn(from, "/");
    }
    *to = '\0';
    return true;
}
