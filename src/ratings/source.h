/* source.h: the text of a file, a FIFO or a gzip or zstd of either, in order and as UTF-8.
 *
 * Plain files are read with read(2) and not mapped: mapped pages would count as
 * our memory, and reading costs 5 % of parsing. gzip and zstd are known by
 * their first bytes, not by the name.
 *
 * UTF-16 is known by its byte order mark or its zero bytes; other encodings are the caller's to
 * name.
 *
 * Waiting for a FIFO's writer ends at once when a stop is requested.
 *
 * Threads: one at a time. */
#ifndef MF_RATINGS_SOURCE_H
#define MF_RATINGS_SOURCE_H

#include "base/error.h"
#include "ratings/encoding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_source mf_source;

/* From a path, or with path NULL from an open descriptor, which stays the
 * caller's. name appears in messages and is borrowed. NULL and MF_ERR_IO (missing,
 * unreadable, a folder), what mf_unpack_read fails with, MF_ERR_MEMORY,
 * MF_ERR_STOPPED. */
mf_source *mf_source_open(const char *path, int fd, const char *name, mf_encoding encoding,
                          mf_error *err);

/* Before the first read: of the file's bytes only begin … end - 1 are the text. Fails MF_ERR_IO, also
 * when the file is not plain. */
MF_MUST_CHECK bool mf_source_limit(mf_source *source, uint64_t begin, uint64_t end, mf_error *err);

/* Fills bytes[0 .. n_bytes) unless the end comes first; *n_read says how far.
 * Fails as mf_source_open. */
MF_MUST_CHECK bool mf_source_read(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read,
                                  mf_error *err);

/* What the text is in; MF_ENCODING_AUTO before the first read. */
mf_encoding mf_source_encoding(const mf_source *source);

/* After the first read: a regular file whose bytes are the text, neither packed nor converted. */
bool mf_source_is_plain(const mf_source *source);

/* Bytes given out so far. */
uint64_t mf_source_bytes(const mf_source *source);

/* NULL is fine. */
void mf_source_close(mf_source *source);

#endif
