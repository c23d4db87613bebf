/* testing_tar.h: tar archives made to order, hostile ones too. */
#ifndef MF_TESTS_TESTING_TAR_H
#define MF_TESTS_TESTING_TAR_H

#include "testing.h"

#include "base/memory.h"

#include <zlib.h>

enum { TESTING_TAR_BYTES = 1 << 16 };

typedef struct testing_tar {
    size_t n;
    unsigned char bytes[TESTING_TAR_BYTES];
} testing_tar;

static inline void testing_tar_checksum(unsigned char *block)
{
    unsigned sum = 0;
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += block[i];
    snprintf((char *)block + 148, 8, "%06o", sum);
}

/* One ustar header block. */
static inline void testing_tar_header(testing_tar *tar, const char *name, char type, size_t n_bytes)
{
    unsigned char *block = tar->bytes + tar->n;
    memset(block, 0, 512);
    snprintf((char *)block, 100, "%s", name);
    memcpy(block + 100, "0000644", 7);
    snprintf((char *)block + 124, 12, "%011zo", n_bytes);
    block[156] = (unsigned char)type;
    memcpy(block + 257, "ustar\00000", 8);
    testing_tar_checksum(block);
    tar->n += 512;
}

/* A member: header, content, padding. */
static inline void testing_tar_add(testing_tar *tar, const char *name, char type, const void *bytes,
                                   size_t n_bytes)
{
    testing_tar_header(tar, name, type, n_bytes);
    const size_t padded = (n_bytes + 511) / 512 * 512;
    memset(tar->bytes + tar->n, 0, padded);
    memcpy(tar->bytes + tar->n, bytes, n_bytes);
    tar->n += padded;
}

static inline void testing_tar_end(testing_tar *tar)
{
    memset(tar->bytes + tar->n, 0, 1024);
    tar->n += 1024;
}

/* bytes as gzip, on the heap. */
static inline unsigned char *testing_gzip(const unsigned char *bytes, size_t n_bytes, size_t *n)
{
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        fail_msg("no zlib");
    const size_t capacity = deflateBound(&stream, n_bytes) + 64;
    unsigned char *out = malloc(capacity);
    stream.next_in = mf_without_const(bytes);
    stream.avail_in = (uInt)n_bytes;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        fail_msg("zlib did not finish");
    *n = capacity - stream.avail_out;
    deflateEnd(&stream);
    return out;
}

#endif
