/* gunzip.h: a gzip stream as plain bytes.
 *
 * Members one after another are one text, as gzip(1) has it, and zero bytes after
 * the last one are padding. Anything else after it, a wrong checksum or an early
 * end is damage, never silently less data.
 *
 * Threads: one mf_gunzip each. Memory: about 40 KB, and the input buffer. */
#ifndef MF_RATINGS_GUNZIP_H
#define MF_RATINGS_GUNZIP_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Reads up to n_bytes of compressed bytes; *n_read is 0 only at the end. */
typedef bool mf_gunzip_input(void *context, char *bytes, size_t n_bytes, size_t *n_read,
                             mf_error *err);

typedef struct mf_gunzip mf_gunzip;

/* `name` stands in messages; it is borrowed. */
mf_gunzip *mf_gunzip_create(const char *name, mf_gunzip_input *input, void *context, mf_error *err);

/* The next plain bytes, at least one unless the end was reached. Fails
 * MF_ERR_PARSE (damaged or cut short), MF_ERR_MEMORY, or what input fails with. */
MF_MUST_CHECK bool mf_gunzip_read(mf_gunzip *gunzip, char *bytes, size_t n_bytes, size_t *n_read,
                                  mf_error *err);

void mf_gunzip_destroy(mf_gunzip *gunzip);

#endif
