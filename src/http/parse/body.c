/* body.c: the chunk decoder is one state per place in the grammar and one step per byte outside
 * data; gzip is zlib's inflate, which enters the server here. */
#include "http/parse/body.h"

#include "base/memory.h"

#define ZLIB_CONST /* inflate only reads its input, and may say so */
#include <zlib.h>

/* ------------------------------------------------------------------- chunks */

enum {
    SIZE,          /* hexadecimal digits */
    SIZE_BLANK,    /* blanks after them: then ; or CR, no more digits */
    EXTENSION,     /* up to CR */
    SIZE_LF,       /* LF after the size line */
    DATA,          /* left bytes of it */
    DATA_CR,       /* CR after the data */
    DATA_LF,       /* LF after that */
    TRAILER_START, /* a trailer line, or CR of the empty line */
    TRAILER,       /* inside a trailer line */
    TRAILER_LF,    /* its LF */
    LAST_LF,       /* LF of the empty line */
    DONE,
    BAD,
};

static bool is_text(char c)
{
    const unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7F) || u == '\t';
}

static uint8_t after_size(mf_chunks *chunks, char c)
{
    if (chunks->digits == 0)
        return BAD;
    if (c == '\r')
        return SIZE_LF;
    if (c == ' ' || c == '\t')
        return ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? SIZE_BLANK : BAD;
    return c == ';' ? EXTENSION : BAD;
}

static uint8_t step(mf_chunks *chunks, char c)
{
    switch (chunks->at) {
    case SIZE: {
        const int value = mf_head_hex(c);
        if (value < 0)
            return after_size(chunks, c);
        if (chunks->digits == 16)
            return BAD;
        chunks->digits++;
        chunks->left = chunks->left << 4 | (uint64_t)value;
        return SIZE;
    }
    case SIZE_BLANK:
        return after_size(chunks, c);
    case EXTENSION:
        if (c == '\r')
            return SIZE_LF;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? EXTENSION : BAD;
    case SIZE_LF:
        if (c != '\n')
            return BAD;
        return chunks->left > 0 ? DATA : TRAILER_START;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        chunks->digits = 0;
        return c == '\n' ? SIZE : BAD;
    case TRAILER_START:
        if (c == '\r')
            return LAST_LF;
        /* A folded trailer, or one without a name. */
        if (c == ' ' || c == '\t' || c == ':')
            return BAD;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? TRAILER : BAD;
    case TRAILER:
        if (c == '\r')
            return TRAILER_LF;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? TRAILER : BAD;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : BAD;
    case LAST_LF:
        return c == '\n' ? DONE : BAD;
    default:
        return BAD;
    }
}

typedef enum chunks_state { CHUNKS_MORE, CHUNKS_DATA, CHUNKS_DONE, CHUNKS_BAD } chunks_state;

/* Steps over *used bytes, to the next n_data > 0 bytes of data, to the end, or to the end of the
 * bytes. */
static chunks_state next_chunk(mf_chunks *chunks, const char *bytes, size_t n_bytes, size_t *used,
                               size_t *n_data)
{
    *used = 0;
    *n_data = 0;
    for (;;) {
        if (chunks->at == DONE)
            return CHUNKS_DONE;
        if (chunks->at == BAD)
            return CHUNKS_BAD;
        if (*used == n_bytes)
            return CHUNKS_MORE;
        if (chunks->at == DATA) {
            const size_t there = n_bytes - *used;
            *n_data = chunks->left < there ? (size_t)chunks->left : there;
            return CHUNKS_DATA;
        }
        chunks->at = step(chunks, bytes[*used]);
        if (chunks->at != BAD)
            ++*used;
    }
}

/* --------------------------------------------------------------------- gzip */

/* Output is reserved in steps as it comes: a gzip bomb costs what it has unpacked, not what it
 * might. */
enum { STEP_BYTES = 16 * 1024, GZIP_ONLY = 16 };

typedef struct mf_unpack {
    z_stream stream;
    bool at_end; /* of a member */
    bool full;   /* the last call stopped for the output's sake: more may be inside */
} unpacker;

static unpacker *create_unpacker(void)
{
    unpacker *unpack = mf_allocate(1, sizeof *unpack, "a body to unpack", NULL);
    if (unpack != NULL && inflateInit2(&unpack->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        mf_free(unpack);
        unpack = NULL;
    }
    return unpack;
}

/* NULL is fine. */
static void destroy_unpacker(unpacker *unpack)
{
    if (unpack == NULL)
        return;
    inflateEnd(&unpack->stream);
    mf_free(unpack);
}

/* One call of inflate into at most `step` bytes at the end of out. */
static mf_body_state inflate_some(unpacker *unpack, mf_text *out, size_t step)
{
    z_stream *stream = &unpack->stream;
    if (!mf_text_reserve(out, step))
        return MF_BODY_NO_MEMORY;
    stream->next_out = (Bytef *)(out->bytes + out->n_bytes);
    stream->avail_out = (uInt)step;
    const int result = inflate(stream, Z_NO_FLUSH);
    out->n_bytes += step - stream->avail_out;
    unpack->full = stream->avail_out == 0;
    unpack->at_end = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR)
        return MF_BODY_NO_MEMORY;
    /* Z_BUF_ERROR: nothing to do with what is there; it is not an error. */
    const bool fine = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    return fine ? MF_BODY_MORE : MF_BODY_BAD_GZIP;
}

/* Appends to out what the input unpacks to, at most about MF_UNPACK_STEP_BYTES a call; *used
 * bytes of the input were used. */
static mf_body_state unpack_some(unpacker *unpack, const char *bytes, size_t n_bytes, size_t *used,
                                 mf_text *out, uint64_t limit)
{
    z_stream *stream = &unpack->stream;
    stream->next_in = (const Bytef *)bytes;
    stream->avail_in = (uInt)n_bytes;
    size_t done = 0;
    mf_body_state state = MF_BODY_MORE;
    while (state == MF_BODY_MORE && (stream->avail_in > 0 || unpack->full)) {
        if (done >= MF_UNPACK_STEP_BYTES) {
            state = MF_BODY_AGAIN;
            break;
        }
        if (unpack->at_end) {
            unpack->full = false;
            if (stream->avail_in == 0)
                break;
            inflateReset(stream); /* fails for a stream that was not initialized only */
            unpack->at_end = false;
        }
        /* One byte more than the limit, to see that there is one. */
        const uint64_t allowed = limit - out->n_bytes + 1;
        const size_t step = allowed < STEP_BYTES ? (size_t)allowed : STEP_BYTES;
        const size_t before = out->n_bytes;
        state = inflate_some(unpack, out, step);
        done += out->n_bytes - before;
        if (out->n_bytes > limit) { /* even if it was damaged there, too */
            out->n_bytes = (size_t)limit;
            state = MF_BODY_TOO_LARGE;
        }
    }
    *used = n_bytes - stream->avail_in;
    return state;
}

/* --------------------------------------------------------------------- body */

mf_body_state mf_body_begin(mf_body *body, const mf_head *head, uint64_t limit, bool raw)
{
    body->limit = limit;
    body->left = head->content_length; /* 0 with chunks */
    body->chunks = (mf_chunks){0};
    body->chunked = head->chunked;
    body->again = false;
    body->raw = raw;
    body->dropped = raw && body->left > limit;
    if (!body->chunked && body->left == 0)
        return MF_BODY_DONE;
    if (!raw && body->left > limit)
        return MF_BODY_TOO_LARGE;
    if (!raw && head->coding == MF_CODING_GZIP) {
        body->unpack = create_unpacker();
        if (body->unpack == NULL)
            return MF_BODY_NO_MEMORY;
    }
    return MF_BODY_MORE;
}

/* Clients of SageMaker cannot send Content-Encoding. No text begins with the first byte of gzip. */
static bool begins_as_gzip(const mf_body *body, const char *bytes, size_t n_bytes)
{
    return body->unpack == NULL && !body->raw && body->text.n_bytes == 0 && n_bytes > 0 &&
           bytes[0] == '\x1F' && (n_bytes < 2 || bytes[1] == '\x8B');
}

/* Takes data of the message: unpacks or appends it. MF_BODY_MORE when all was taken. */
static mf_body_state take_data(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    *used = 0;
    if (begins_as_gzip(body, bytes, n_bytes)) {
        body->unpack = create_unpacker();
        if (body->unpack == NULL)
            return MF_BODY_NO_MEMORY;
    }
    if (body->unpack != NULL) {
        if (body->text.n_bytes - body->n_before >= MF_UNPACK_STEP_BYTES)
            return MF_BODY_AGAIN;
        return unpack_some(body->unpack, bytes, n_bytes, used, &body->text, body->limit);
    }
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
        /* The input ends where a member ends, or there was none. */
        const bool complete = body->unpack->at_end || body->unpack->stream.total_in == 0;
        destroy_unpacker(body->unpack);
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
        const chunks_state state =
            next_chunk(&body->chunks, bytes + *used, n_bytes - *used, &n_frame, &n_data);
        *used += n_frame;
        /* Like a Content-Length over the limit: known before the data comes. */
        if (!body->raw && (body->chunks.at == DATA ? body->chunks.left : 0) >
                              body->limit - (body->unpack != NULL ? 0 : body->text.n_bytes))
            return MF_BODY_TOO_LARGE;
        if (state == CHUNKS_MORE)
            return MF_BODY_MORE;
        if (state == CHUNKS_BAD)
            return MF_BODY_BAD_CHUNKS;
        if (state == CHUNKS_DONE)
            return finish(body);
        const mf_body_state data = take_data(body, bytes + *used, n_data, &taken);
        body->chunks.left -= taken;
        if (body->chunks.left == 0)
            body->chunks.at = DATA_CR;
        *used += taken;
        if (data != MF_BODY_MORE)
            return data;
    }
}

mf_body_state mf_body_feed(mf_body *body, const char *bytes, size_t n_bytes, size_t *used)
{
    mf_body_state state = MF_BODY_MORE;
    body->n_before = body->text.n_bytes;
    /* What the last call left inside the unpacker comes before new bytes, and before the end of
     * the chunks. */
    if (body->unpack != NULL)
        state = take_data(body, bytes, 0, used);
    if (state == MF_BODY_MORE)
        state = body->chunked ? feed_chunks(body, bytes, n_bytes, used)
                              : feed_length(body, bytes, n_bytes, used);
    body->again = state == MF_BODY_AGAIN;
    return state;
}

void mf_body_end(mf_body *body, size_t keep)
{
    destroy_unpacker(body->unpack);
    body->unpack = NULL;
    mf_text_clear(&body->text, keep);
}
