/* unpack.h: a gzip or zstd stream as plain bytes.
 *
 * Members (zstd: frames) one after another are one text, as gzip(1) and zstd(1) have it, and zero
 * bytes after the last member of gzip are padding. Anything else after it, a wrong checksum or an
 * early end is damage, never silently less data.
 *
 * Threads: one mf_unpack each. Memory: the input buffer of 256 KiB, and 40 KB for gzip or the
 * window for zstd: 8 MiB at most in what zstd(1) writes by default up to level 19, refused beyond 128 MiB. */
#ifndef MF_RATINGS_UNPACK_H
#define MF_RATINGS_UNPACK_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads up to n_bytes of packed bytes; *n_read is 0 only at the end. */
typedef bool mf_unpack_input(void *context, char *bytes, size_t n_bytes, size_t *n_read,
                             mf_error *err);

typedef enum mf_packing { MF_PACKING_NONE, MF_PACKING_GZIP, MF_PACKING_ZSTD } mf_packing;

enum { MF_PACKING_MAGIC_BYTES = 4 };

/* What a file that begins like this is packed as. */
mf_packing mf_packing_detect(const char *magic, size_t n_bytes);

typedef struct mf_unpack mf_unpack;

/* `name` stands in messages; it is borrowed. Fails MF_ERR_MEMORY. */
mf_unpack *mf_unpack_create(mf_packing packing, const char *name, mf_unpack_input *input,
                            void *context, mf_error *err);

/* The next plain bytes, at least one unless the end was reached. Fails
 * MF_ERR_PARSE (damaged or cut short), MF_ERR_LIMIT (a window of zstd beyond 128 MiB),
 * MF_ERR_MEMORY, or what input fails with. */
MF_MUST_CHECK bool mf_unpack_read(mf_unpack *unpack, char *bytes, size_t n_bytes, size_t *n_read,
                                  mf_error *err);

/* NULL is fine. */
void mf_unpack_destroy(mf_unpack *unpack);

#endif
