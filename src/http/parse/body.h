/* body.h: from the bytes after a head to the body that a handler sees.
 *
 *     bytes ──▶ length or chunks ──▶ gzip, if it was packed ──▶ text
 *
 * (1) Memory grows with what has come, never by what Content-Length promises.
 * (2) The text never exceeds the limit.
 * (3) One call unpacks about MF_UNPACK_STEP_BYTES at most, in however many chunks
 *     its input comes.
 * (4) A finished body is NUL-terminated; the terminator is not counted.
 * (5) The gzip checksum is checked. Several members one after the other are one body; anything
 *     else after the end is refused. A body that begins as gzip is packed, also without
 *     Content-Encoding.
 * (6) Chunks: the same bytes give the same data and the same result, however they are cut.
 *     Extensions and trailers are checked for control characters, bounded
 *     (MF_CHUNKS_EXTRA_MAX bytes of both together) and dropped. Lines end in CR LF; a size
 *     has 1 to 16 hexadecimal digits.
 *
 * Threads: one body per thread. Memory: the text, and about 40 KB while gzip is unpacked. */
#ifndef MF_HTTP_PARSE_BODY_H
#define MF_HTTP_PARSE_BODY_H

#include "base/error.h"
#include "base/text.h"
#include "http/parse/head.h"

enum { MF_CHUNKS_EXTRA_MAX = 16384 };
enum { MF_UNPACK_STEP_BYTES = 256 * 1024 };

typedef enum mf_body_state {
    MF_BODY_MORE,  /* all bytes used, more are to come */
    MF_BODY_AGAIN, /* enough work for one call; call again with the rest */
    MF_BODY_DONE,  /* bytes after the used ones belong to the next request */
    MF_BODY_BAD_CHUNKS,
    MF_BODY_BAD_GZIP,
    MF_BODY_TOO_LARGE,
    MF_BODY_NO_MEMORY,
} mf_body_state;

/* The decoder of the chunked transfer coding (RFC 9112, 7.1). */
typedef struct mf_chunks {
    uint64_t left;  /* of the chunk's data */
    uint32_t extra; /* bytes of extensions and trailers so far */
    uint8_t digits; /* of the size so far */
    uint8_t at;     /* place in the grammar: see body.c */
} mf_chunks;

typedef struct mf_body {
    mf_text text;
    uint64_t limit;
    uint64_t left;            /* of Content-Length, when not chunked */
    struct mf_unpack *unpack; /* NULL: not packed */
    mf_chunks chunks;
    bool chunked;
    bool again; /* the last call was MF_BODY_AGAIN: feed it even without new bytes */
    bool raw;
    bool dropped;    /* raw and over the limit: the text is empty and stays so */
    size_t n_before; /* bytes of text before this call */
} mf_body;

/* body->text is empty and may own memory from before. MF_BODY_DONE when there is no body at all,
 * MF_BODY_MORE, MF_BODY_TOO_LARGE by its length, or MF_BODY_NO_MEMORY. The coding is none or gzip.
 * raw: the body is taken as it was sent, whatever its coding, and one over the limit is read to its
 * end and dropped. */
MF_MUST_CHECK mf_body_state mf_body_begin(mf_body *body, const mf_head *head, uint64_t limit,
                                          bool raw);

/* Takes *used of the bytes. */
MF_MUST_CHECK mf_body_state mf_body_feed(mf_body *body, const char *bytes, size_t n_bytes,
                                         size_t *used);

/* Gives back all but `keep` bytes of the text's memory. Fine when nothing began. */
void mf_body_end(mf_body *body, size_t keep);

#endif
