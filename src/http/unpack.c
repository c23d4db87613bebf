/* unpack.c: promises in unpack.h. zlib enters the server here. */
#include "http/unpack.h"

#include "base/memory.h"

#define ZLIB_CONST /* inflate only reads its input, and may say so */
#include <zlib.h>

/* Room is made in steps as output comes: a bomb costs what it has unpacked, not
 * what it might. */
enum { ROOM_BYTES = 16 * 1024, GZIP_ONLY = 16 };

struct mf_unpack {
    z_stream stream;
    bool at_end; /* of a member */
    bool full;   /* the last call stopped for the output's sake: more may be inside */
};

mf_unpack *mf_unpack_create(void)
{
    mf_unpack *unpack = mf_allocate(1, sizeof *unpack, "a body to unpack", NULL);
    if (unpack != NULL && inflateInit2(&unpack->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        mf_free(unpack);
        unpack = NULL;
    }
    return unpack;
}

void mf_unpack_destroy(mf_unpack *unpack)
{
    if (unpack == NULL)
        return;
    inflateEnd(&unpack->stream);
    mf_free(unpack);
}

bool mf_unpack_is_complete(const mf_unpack *unpack)
{
    return unpack->at_end || unpack->stream.total_in == 0;
}

/* One call of inflate into at most `room` bytes behind out. */
static mf_unpack_state inflate_some(mf_unpack *unpack, mf_text *out, size_t room)
{
    z_stream *stream = &unpack->stream;
    if (!mf_text_reserve(out, room))
        return MF_UNPACK_NO_MEMORY;
    stream->next_out = (Bytef *)(out->bytes + out->n_bytes);
    stream->avail_out = (uInt)room;
    const int result = inflate(stream, Z_NO_FLUSH);
    out->n_bytes += room - stream->avail_out;
    unpack->full = stream->avail_out == 0;
    unpack->at_end = result == Z_STREAM_END;
    if (result == Z_MEM_ERROR)
        return MF_UNPACK_NO_MEMORY;
    /* Z_BUF_ERROR: nothing to do with what is there; it is not an error. */
    const bool fine = result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
    return fine ? MF_UNPACK_MORE : MF_UNPACK_BAD;
}

mf_unpack_state mf_unpack_feed(mf_unpack *unpack, const char *bytes, size_t n_bytes, size_t *used,
                               mf_text *out, uint64_t limit)
{
    z_stream *stream = &unpack->stream;
    stream->next_in = (const Bytef *)bytes;
    stream->avail_in = (uInt)n_bytes;
    size_t done = 0;
    mf_unpack_state state = MF_UNPACK_MORE;
    while (state == MF_UNPACK_MORE && (stream->avail_in > 0 || unpack->full)) {
        if (done >= MF_UNPACK_STEP_BYTES) {
            state = MF_UNPACK_AGAIN;
            break;
        }
        if (unpack->at_end) {
            unpack->full = false;
            if (stream->avail_in == 0)
                break;
            if (inflateReset(stream) != Z_OK)
                state = MF_UNPACK_BAD;
            unpack->at_end = false;
        }
        /* One byte more than the limit, to see that there is one. */
        const uint64_t allowed = limit - out->n_bytes + 1;
        const size_t room = allowed < ROOM_BYTES ? (size_t)allowed : ROOM_BYTES;
        const size_t before = out->n_bytes;
        if (state == MF_UNPACK_MORE)
            state = inflate_some(unpack, out, room);
        done += out->n_bytes - before;
        if (out->n_bytes > limit) { /* even if it was damaged there, too */
            out->n_bytes = (size_t)limit;
            state = MF_UNPACK_TOO_LARGE;
        }
    }
    *used = n_bytes - stream->avail_in;
    return state;
}
