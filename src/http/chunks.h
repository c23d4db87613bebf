/* chunks.h: the chunked transfer coding (RFC 9112, 7.1), in whatever pieces it comes.
 *
 *     for (;;) {
 *         size_t used, n_data;
 *         mf_chunks_state state = mf_chunks_next(&chunks, in, n, &used, &n_data);
 *         in += used, n -= used;
 *         if (state != MF_CHUNKS_DATA) …          more, done or bad
 *         take up to n_data bytes at in;
 *         mf_chunks_take(&chunks, taken), in += taken, n -= taken;
 *     }
 *
 * (1) The same bytes give the same data and the same verdict, however they are cut.
 * (2) Extensions and trailers are checked for control characters, bounded
 *     (MF_CHUNKS_EXTRA_MAX bytes of both together) and dropped.
 * (3) Lines end in CR LF; a size has 1 to 16 hexadecimal digits.
 *
 * Threads: one decoder per thread. No allocation. */
#ifndef MF_HTTP_CHUNKS_H
#define MF_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

enum { MF_CHUNKS_EXTRA_MAX = 16384 };

typedef enum mf_chunks_state {
    MF_CHUNKS_MORE, /* all bytes used, the end has not come */
    MF_CHUNKS_DATA, /* n_data > 0 bytes of data stand behind the used ones */
    MF_CHUNKS_DONE, /* the last chunk and its trailers are over */
    MF_CHUNKS_BAD,
} mf_chunks_state;

typedef struct mf_chunks {
    uint64_t left;  /* of the chunk's data */
    uint32_t extra; /* bytes of extensions and trailers so far */
    uint8_t digits; /* of the size so far */
    uint8_t at;     /* where in the grammar; see chunks.c */
} mf_chunks;

#define MF_CHUNKS_START ((mf_chunks){0, 0, 0, 0})

mf_chunks_state mf_chunks_next(mf_chunks *chunks, const char *bytes, size_t n_bytes, size_t *used,
                               size_t *n_data);

/* Bytes of data that the chunk being read still promises; 0 between chunks. */
uint64_t mf_chunks_left(const mf_chunks *chunks);

/* n of the data bytes offered were taken. */
void mf_chunks_take(mf_chunks *chunks, size_t n);

#endif
