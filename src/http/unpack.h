/* unpack.h: gzip bodies (RFC 1952), unpacked as they come.
 *
 * (1) Never more than `limit` bytes come out, however small the input was.
 * (2) A call unpacks at most MF_UNPACK_STEP_BYTES, so that no body holds up a loop.
 * (3) The checksum is checked. Several members one after the other are one body;
 *     anything else behind the end is refused.
 *
 * Threads: one unpacker per thread. Memory: about 40 KB. */
#ifndef MF_HTTP_UNPACK_H
#define MF_HTTP_UNPACK_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_UNPACK_STEP_BYTES = 256 * 1024 };

typedef enum mf_unpack_state {
    MF_UNPACK_MORE,  /* the input is used up */
    MF_UNPACK_AGAIN, /* enough for one call; call again with what is left of the input */
    MF_UNPACK_BAD,   /* not gzip, or damaged */
    MF_UNPACK_TOO_LARGE,
    MF_UNPACK_NO_MEMORY,
} mf_unpack_state;

typedef struct mf_unpack mf_unpack;

/* NULL without memory. */
mf_unpack *mf_unpack_create(void);

/* Appends to out what the input unpacks to; *used says how much of it was used. */
mf_unpack_state mf_unpack_feed(mf_unpack *unpack, const char *bytes, size_t n_bytes, size_t *used,
                               mf_text *out, uint64_t limit);

/* True when the input so far ends where a member ends, or there was none. */
bool mf_unpack_is_complete(const mf_unpack *unpack);

/* NULL is fine. */
void mf_unpack_destroy(mf_unpack *unpack);

#endif
