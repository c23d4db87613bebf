/* gunzip.c: zlib enters here. Its inflate runs over any number of gzip members. */
#include "ratings/gunzip.h"

#include "base/memory.h"

#include <limits.h>
#include <zlib.h>

enum { INPUT_BYTES = 256 * 1024, GZIP_FORMAT = 16 + MAX_WBITS };

struct mf_gunzip {
    z_stream stream;
    bool started; /* inflateInit2 succeeded */
    bool in_member;
    bool input_ended;
    const char *name;
    mf_gunzip_input *input;
    void *context;
    char buffer[INPUT_BYTES];
};

static void *zlib_allocate(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return mf_allocate(count, size, "gzip", NULL);
}

static void zlib_free(void *unused, void *block)
{
    (void)unused;
    mf_free(block);
}

mf_gunzip *mf_gunzip_create(const char *name, mf_gunzip_input *input, void *context, mf_error *err)
{
    mf_gunzip *gunzip = mf_allocate(1, sizeof *gunzip, "gzip", err);
    if (gunzip == NULL)
        return NULL;
    gunzip->name = name;
    gunzip->input = input;
    gunzip->context = context;
    gunzip->stream.zalloc = zlib_allocate;
    gunzip->stream.zfree = zlib_free;
    if (inflateInit2(&gunzip->stream, GZIP_FORMAT) != Z_OK) {
        mf_fail(err, MF_ERR_MEMORY, (mf_where){name, 0, 0}, "no memory to read gzip");
        mf_free(gunzip);
        return NULL;
    }
    gunzip->started = true;
    gunzip->in_member = true;
    return gunzip;
}

static bool fill(mf_gunzip *gunzip, mf_error *err)
{
    size_t n_read = 0;
    if (gunzip->stream.avail_in > 0 || gunzip->input_ended)
        return true;
    if (!gunzip->input(gunzip->context, gunzip->buffer, sizeof gunzip->buffer, &n_read, err))
        return false;
    gunzip->stream.next_in = (Bytef *)gunzip->buffer;
    gunzip->stream.avail_in = (uInt)n_read;
    gunzip->input_ended = n_read == 0;
    return true;
}

/* Between members: the next one begins, or nothing but padding follows. */
static bool next_member(mf_gunzip *gunzip, mf_error *err)
{
    for (;;) {
        if (!fill(gunzip, err))
            return false;
        if (gunzip->stream.avail_in == 0)
            return true;
        if (*gunzip->stream.next_in != 0)
            break;
        gunzip->stream.next_in++;
        gunzip->stream.avail_in--;
    }
    if (*gunzip->stream.next_in != 0x1F)
        return mf_fail(err, MF_ERR_PARSE, (mf_where){gunzip->name, 0, 0},
                       "damaged gzip: foreign bytes after the compressed data");
    inflateReset(&gunzip->stream);
    gunzip->in_member = true;
    return true;
}

bool mf_gunzip_read(mf_gunzip *gunzip, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    z_stream *stream = &gunzip->stream;
    const mf_where where = {gunzip->name, 0, 0};
    const uInt n_most = n_bytes < INT_MAX ? (uInt)n_bytes : INT_MAX;
    stream->next_out = (Bytef *)bytes;
    stream->avail_out = n_most;
    while (stream->avail_out == n_most) {
        if (!gunzip->in_member) {
            if (!next_member(gunzip, err))
                return false;
            if (!gunzip->in_member)
                break;
        }
        if (!fill(gunzip, err))
            return false;
        if (gunzip->input_ended && stream->avail_in == 0)
            return mf_fail(err, MF_ERR_PARSE, where,
                           "damaged gzip: the compressed data ends too early");
        switch (inflate(stream, Z_NO_FLUSH)) {
        case Z_OK:
        case Z_BUF_ERROR: /* needs more input, which fill gets */
            break;
        case Z_STREAM_END:
            gunzip->in_member = false;
            break;
        case Z_MEM_ERROR:
            return mf_fail(err, MF_ERR_MEMORY, where, "no memory to read gzip");
        default:
            return mf_fail(err, MF_ERR_PARSE, where, "damaged gzip: %s",
                           stream->msg != NULL ? stream->msg : "not deflate data");
        }
    }
    *n_read = n_most - stream->avail_out;
    return true;
}

void mf_gunzip_destroy(mf_gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    if (gunzip->started)
        inflateEnd(&gunzip->stream);
    mf_free(gunzip);
}
