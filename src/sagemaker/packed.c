/* packed.c: bytes as they are, or zlib's inflate over them.
 * (1) kind is UNKNOWN until two bytes are there, and ENDED after the last gzip stream. */
#include "sagemaker/packed.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { INPUT_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 /* 16: with gzip's header */ };

typedef enum kind { UNKNOWN, PLAIN, GZIP, ENDED } kind;

struct mf_packed {
    char *path; /* our copy */
    int fd;     /* -1: everything is in memory */
    kind kind;
    bool at_end; /* of the input */
    uint64_t limit;
    uint64_t offset;
    const unsigned char *next; /* input not yet used */
    size_t left;
    z_stream stream;
    bool has_stream;
    unsigned char input[INPUT_BYTES];
};

static mf_where where_of(const mf_packed *packed)
{
    return (mf_where){packed->path, 0, 0};
}

static voidpf zlib_allocate(voidpf opaque, uInt items, uInt size)
{
    (void)opaque;
    return mf_allocate(items, size, "zlib", NULL);
}

static void zlib_free(voidpf opaque, voidpf block)
{
    (void)opaque;
    mf_free(block);
}

static mf_packed *create(const char *name, uint64_t limit, mf_error *err)
{
    mf_packed *packed = mf_allocate(1, sizeof *packed, "an archive reader", err);
    if (packed == NULL)
        return NULL;
    packed->fd = -1;
    packed->limit = limit;
    packed->path = mf_allocate(strlen(name) + 1, 1, "a path", err);
    if (packed->path == NULL) {
        mf_free(packed);
        return NULL;
    }
    memcpy(packed->path, name, strlen(name) + 1);
    return packed;
}

mf_packed *mf_packed_open(const char *path, uint64_t limit_bytes, mf_error *err)
{
    mf_packed *packed = create(path, limit_bytes, err);
    if (packed == NULL)
        return NULL;
    struct stat status;
    packed->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (packed->fd < 0 || fstat(packed->fd, &status) != 0) {
        mf_fail_errno(err, errno, where_of(packed), "cannot open");
        goto failed;
    }
    if (!S_ISREG(status.st_mode)) {
        mf_fail(err, MF_ERR_IO, where_of(packed), "is not a regular file");
        goto failed;
    }
    return packed;
failed:
    mf_packed_close(packed);
    return NULL;
}

mf_packed *mf_packed_open_bytes(const void *bytes, size_t n_bytes, const char *name,
                                uint64_t limit_bytes, mf_error *err)
{
    mf_packed *packed = create(name, limit_bytes, err);
    if (packed == NULL)
        return NULL;
    packed->next = bytes;
    packed->left = n_bytes;
    packed->at_end = true;
    return packed;
}

void mf_packed_close(mf_packed *packed)
{
    if (packed == NULL)
        return;
    if (packed->has_stream)
        inflateEnd(&packed->stream);
    if (packed->fd >= 0)
        close(packed->fd);
    mf_free(packed->path);
    mf_free(packed);
}

const char *mf_packed_path(const mf_packed *packed)
{
    return packed->path;
}

uint64_t mf_packed_offset(const mf_packed *packed)
{
    return packed->offset;
}

/* Makes sure that some input is there, unless the end was reached. */
static bool fill(mf_packed *packed, mf_error *err)
{
    while (packed->left == 0 && !packed->at_end) {
        const ssize_t got = read(packed->fd, packed->input, sizeof packed->input);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mf_fail_errno(err, errno, where_of(packed), "cannot read");
        packed->next = packed->input;
        packed->left = (size_t)got;
        packed->at_end = got == 0;
    }
    return true;
}

/* A regular file gives its first two bytes together, or it has no more. */
static bool recognize(mf_packed *packed, mf_error *err)
{
    if (!fill(packed, err))
        return false;
    packed->kind = PLAIN;
    if (packed->left < 2 || packed->next[0] != 0x1F || packed->next[1] != 0x8B)
        return true;
    packed->stream.zalloc = zlib_allocate;
    packed->stream.zfree = zlib_free;
    if (inflateInit2(&packed->stream, GZIP_WINDOW) != Z_OK)
        return mf_fail(err, MF_ERR_MEMORY, where_of(packed), "no memory to unpack");
    packed->has_stream = true;
    packed->kind = GZIP;
    return true;
}

/* After one gzip stream: another one, padding, or the end. */
static bool next_stream(mf_packed *packed, mf_error *err)
{
    if (!fill(packed, err))
        return false;
    if (packed->left > 0 && packed->next[0] == 0x1F) {
        inflateReset(&packed->stream);
        return true;
    }
    packed->kind = ENDED;
    while (packed->left > 0) {
        for (size_t i = 0; i < packed->left; i++)
            if (packed->next[i] != 0)
                return mf_fail(err, MF_ERR_FORMAT, where_of(packed),
                               "damaged: bytes that are not gzip follow the gzip stream");
        packed->left = 0;
        if (!fill(packed, err))
            return false;
    }
    return true;
}

/* Some bytes into out; none is possible before the end. */
static bool unpack(mf_packed *packed, unsigned char *out, size_t n_bytes, size_t *n_out,
                   mf_error *err)
{
    z_stream *stream = &packed->stream;
    if (!fill(packed, err))
        return false;
    const uInt n_in = packed->left < UINT_MAX ? (uInt)packed->left : UINT_MAX;
    const uInt capacity = n_bytes < UINT_MAX ? (uInt)n_bytes : UINT_MAX;
    stream->next_in = mf_without_const(packed->next); /* zlib only reads it */
    stream->avail_in = n_in;
    stream->next_out = out;
    stream->avail_out = capacity;
    const int status = inflate(stream, Z_NO_FLUSH);
    packed->next += n_in - stream->avail_in;
    packed->left -= n_in - stream->avail_in;
    *n_out = capacity - stream->avail_out;
    switch (status) {
    case Z_OK:
        return true;
    case Z_STREAM_END:
        return next_stream(packed, err);
    case Z_MEM_ERROR:
        return mf_fail(err, MF_ERR_MEMORY, where_of(packed), "no memory to unpack");
    case Z_BUF_ERROR:
        if (packed->left == 0 && packed->at_end)
            return mf_fail(err, MF_ERR_FORMAT, where_of(packed),
                           "truncated: the gzip stream ends early, after %llu unpacked bytes",
                           (unsigned long long)packed->offset + *n_out);
        return true;
    default:
        return mf_fail(err, MF_ERR_FORMAT, where_of(packed), "damaged gzip stream: %s",
                       stream->msg != NULL ? stream->msg : "unknown reason");
    }
}

bool mf_packed_read(mf_packed *packed, void *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    unsigned char *out = bytes;
    *n_read = 0;
    if (packed->kind == UNKNOWN && !recognize(packed, err))
        return false;
    while (*n_read < n_bytes && packed->kind != ENDED) {
        size_t got = 0;
        if (packed->kind == GZIP) {
            if (!unpack(packed, out + *n_read, n_bytes - *n_read, &got, err))
                return false;
        } else {
            if (!fill(packed, err))
                return false;
            got = packed->left < n_bytes - *n_read ? packed->left : n_bytes - *n_read;
            if (got == 0) {
                packed->kind = ENDED;
                break;
            }
            memcpy(out + *n_read, packed->next, got);
            packed->next += got;
            packed->left -= got;
        }
        if (got > packed->limit - packed->offset)
            return mf_fail(err, MF_ERR_LIMIT, where_of(packed), "unpacks to more than %llu bytes",
                           (unsigned long long)packed->limit);
        packed->offset += got;
        *n_read += got;
    }
    return true;
}

bool mf_packed_append(mf_text *text, const void *bytes, size_t n_bytes, const char *name,
                      uint64_t limit_bytes, mf_error *err)
{
    mf_packed *packed = mf_packed_open_bytes(bytes, n_bytes, name, limit_bytes, err);
    bool ok = packed != NULL;
    size_t n_read = 1;
    while (ok && n_read > 0) {
        ok = mf_text_reserve(text, INPUT_BYTES)
                 ? mf_packed_read(packed, text->bytes + text->n_bytes, INPUT_BYTES, &n_read, err)
                 : mf_fail(err, MF_ERR_MEMORY, where_of(packed), "no memory to unpack");
        text->n_bytes += n_read;
    }
    mf_packed_close(packed);
    return ok;
}
