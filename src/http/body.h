/* body.h: from the bytes behind a head to the body that a handler sees.
 *
 *     bytes ──▶ length or chunks ──▶ gzip, if it was packed ──▶ text
 *
 * (1) Memory grows with what has come, never by what Content-Length promises.
 * (2) The text never exceeds the limit.
 * (3) One call unpacks about MF_UNPACK_STEP_BYTES at most, in however many chunks
 *     its input comes.
 * (4) A zero byte stands behind a finished body, for parsers that like one.
 *
 * Threads: one body per thread. */
#ifndef MF_HTTP_BODY_H
#define MF_HTTP_BODY_H

#include "base/text.h"
#include "http/chunks.h"
#include "http/head.h"
#include "http/unpack.h"

typedef enum mf_body_state {
    MF_BODY_MORE,  /* all bytes used, more are to come */
    MF_BODY_AGAIN, /* enough work for one call; call again with the rest */
    MF_BODY_DONE,  /* bytes behind the used ones belong to the next request */
    MF_BODY_BAD_CHUNKS,
    MF_BODY_BAD_GZIP,
    MF_BODY_TOO_LARGE,
    MF_BODY_NO_MEMORY,
} mf_body_state;

typedef struct mf_body {
    mf_text text;
    uint64_t limit;
    uint64_t left; /* of Content-Length, when not chunked */
    mf_unpack *unpack;
    mf_chunks chunks;
    bool chunked;
    bool raw;
    bool dropped;    /* raw and over the limit: the text is empty and stays so */
    size_t n_before; /* bytes of text before this call */
} mf_body;

/* body->text is empty and may own memory from before. MF_BODY_DONE when there is
 * no body at all, MF_BODY_MORE, MF_BODY_TOO_LARGE by its length, or
 * MF_BODY_NO_MEMORY. The coding is none or gzip. */
mf_body_state mf_body_begin(mf_body *body, const mf_head *head, uint64_t limit);

/* The same for a body that is taken as it was sent: its coding is not undone, and one over the
 * limit is read to its end and dropped. MF_BODY_DONE or MF_BODY_MORE. */
mf_body_state mf_body_begin_raw(mf_body *body, const mf_head *head, uint64_t limit);

mf_body_state mf_body_feed(mf_body *body, const char *bytes, size_t n_bytes, size_t *used);

/* Gives back all but `keep` bytes of the text's memory. Fine when nothing began. */
void mf_body_end(mf_body *body, size_t keep);

#endif
