/* packed.h: the bytes of a file, unpacked when they are gzip.
 *
 * zlib enters here and nowhere else in src/sagemaker.
 *
 * (1) gzip is known by its first two bytes, never by the file's name; several
 *     gzip streams in a row count as one (RFC 1952), zeros after the last are
 *     padding.
 * (2) A stream that ends early, whose checksum is wrong, or that is followed by
 *     something else fails with the reason when that place is reached.
 * (3) Never gives more than limit_bytes, however small the file is.
 *
 * Memory: 64 KiB and zlib's window. Threads: one reader, one thread. */
#ifndef MF_SAGEMAKER_PACKED_H
#define MF_SAGEMAKER_PACKED_H

#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_packed mf_packed;

/* Opens a regular file. NULL and MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK mf_packed *mf_packed_open(const char *path, uint64_t limit_bytes, mf_error *err);

/* The same for bytes[0..n_bytes), which outlive the reader; name stands for the
 * path in errors. */
MF_MUST_CHECK mf_packed *mf_packed_open_bytes(const void *bytes, size_t n_bytes, const char *name,
                                              uint64_t limit_bytes, mf_error *err);

/* The next n_bytes; *n_read is less only at the end. Fails MF_ERR_FORMAT
 * (truncated, damaged), MF_ERR_LIMIT, MF_ERR_IO. */
MF_MUST_CHECK bool mf_packed_read(mf_packed *packed, void *bytes, size_t n_bytes, size_t *n_read,
                                  mf_error *err);

/* True when bytes[0..n_bytes) begin as gzip. */
static inline bool mf_packed_is_gzip(const char *bytes, size_t n_bytes)
{
    return n_bytes >= 2 && bytes[0] == '\x1F' && bytes[1] == '\x8B';
}

/* Appends what bytes[0..n_bytes) unpack to. Fails as mf_packed_read. */
MF_MUST_CHECK bool mf_packed_append(mf_text *text, const void *bytes, size_t n_bytes,
                                    const char *name, uint64_t limit_bytes, mf_error *err);

/* The path or name of open, until close. */
const char *mf_packed_path(const mf_packed *packed);

/* How many bytes were given so far. */
uint64_t mf_packed_offset(const mf_packed *packed);

/* NULL is fine. */
void mf_packed_close(mf_packed *packed);

#endif
