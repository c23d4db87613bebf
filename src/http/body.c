/* body.c: promises in body.h. */
#include "http/body.h"

static void begin(mf_body *body, const mf_head *head, uint64_t limit)
{
    body->limit = limit;
    body->left = head->content_length;
    body->chunks = MF_CHUNKS_START;
    body->chunked = head->chunked;
    body->raw = false;
    body->dropped = false;
}

mf_body_state mf_body_begin_raw(mf_body *body, const mf_head *head, uint64_t limit)
{
    begin(body, head, limit);
    body->raw = true;
    body->dropped = !body->chunked && body->left > limit;
    return !body->chunked && body->left == 0 ? MF_BODY_DONE : MF_BODY_MORE;
}

mf_body_state mf_body_begin(mf_body *body, const mf_head *head, uint64_t limit)
{
    begin(body, head, limit);
    if (!body->chunked && body->left == 0)
        return MF_BODY_DONE;
    if (body->left > limit)
        return MF_BODY_TOO_LARGE;
    if (head->coding == MF_CODING_GZIP) {
        body->unpack = mf_unpack_create();
        if (body->unpack == NULL)
            return MF_BODY_NO_MEMORY;
    }
    return MF_BODY_MORE;
}

/* Takes data of the message: unpacks or appends it. MF_BODY_MORE when all was taken. */
static mf_body_state take_data(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    if (body->unpack != NULL) {
        *used = 0;
        if (body->text.n_bytes - body->n_before >= MF_UNPACK_STEP_BYTES)
            return MF_BODY_AGAIN;
        switch (mf_unpack_feed(body->unpack, bytes, n_bytes, used, &body->text, body->limit)) {
        case MF_UNPACK_MORE:
            return MF_BODY_MORE;
        case MF_UNPACK_AGAIN:
            return MF_BODY_AGAIN;
        case MF_UNPACK_TOO_LARGE:
            return MF_BODY_TOO_LARGE;
        case MF_UNPACK_NO_MEMORY:
            return MF_BODY_NO_MEMORY;
        default:
            return MF_BODY_BAD_GZIP;
        }
    }
    *used = 0;
    if (body->dropped || n_bytes > body->limit - body->text.n_bytes) {
        if (!body->raw)
            return MF_BODY_TOO_LARGE;
        body->dropped = true;
        mf_text_clear(&body->text, 0);
        *used = n_bytes;
        return MF_BODY_MORE;
    }
    mf_text_append(&body->text, bytes, n_bytes);
    if (body->text.failed)
        return MF_BODY_NO_MEMORY;
    *used = n_bytes;
    return MF_BODY_MORE;
}

static mf_body_state finish(mf_body *body)
{
    if (body->unpack != NULL) {
        const bool complete = mf_unpack_is_complete(body->unpack);
        mf_unpack_destroy(body->unpack);
        body->unpack = NULL;
        if (!complete)
            return MF_BODY_BAD_GZIP;
    }
    if (!mf_text_reserve(&body->text, 1))
        return MF_BODY_NO_MEMORY;
    body->text.bytes[body->text.n_bytes] = '\0';
    return MF_BODY_DONE;
}

static mf_body_state feed_length(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    const size_t n = body->left < n_bytes ? (size_t)body->left : n_bytes;
    const mf_body_state state = take_data(body, bytes, n, used);
    body->left -= *used;
    if (state != MF_BODY_MORE || body->left > 0)
        return state;
    return finish(body);
}

static mf_body_state feed_chunks(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    *used = 0;
    for (;;) {
        size_t n_frame;
        size_t n_data;
        size_t taken;
        const mf_chunks_state state =
            mf_chunks_next(&body->chunks, bytes + *used, n_bytes - *used, &n_frame, &n_data);
        *used += n_frame;
        /* Like a Content-Length over the limit: known before the data comes. */
        if (!body->raw && mf_chunks_left(&body->chunks) >
                              body->limit - (body->unpack != NULL ? 0 : body->text.n_bytes))
            return MF_BODY_TOO_LARGE;
        if (state == MF_CHUNKS_MORE)
            return MF_BODY_MORE;
        if (state == MF_CHUNKS_BAD)
            return MF_BODY_BAD_CHUNKS;
        if (state == MF_CHUNKS_DONE)
            return finish(body);
        const mf_body_state data = take_data(body, bytes + *used, n_data, &taken);
        mf_chunks_take(&body->chunks, taken);
        *used += taken;
        if (data != MF_BODY_MORE)
            return data;
    }
}

mf_body_state mf_body_feed(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    body->n_before = body->text.n_bytes;
    if (body->unpack != NULL) {
        /* What the last call left inside the unpacker comes before new bytes, and
         * before the end of the chunks is believed. */
        const mf_body_state state = take_data(body, bytes, 0, used);
        if (state != MF_BODY_MORE)
            return state;
    }
    return body->chunked ? feed_chunks(body, bytes, n_bytes, used)
                         : feed_length(body, bytes, n_bytes, used);
}

void mf_body_end(mf_body *body, size_t keep)
{
    mf_unpack_destroy(body->unpack);
    body->unpack = NULL;
    mf_text_clear(&body->text, keep);
}
