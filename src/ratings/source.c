/* source.c: read(2), then unpacked where the file is gzip or zstd, then UTF-8 where the text is not. The first
 * 64 KiB are kept until the encoding is known. */
#include "ratings/source.h"

#include "base/memory.h"
#include "base/stop.h"
#include "ratings/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a wait for a FIFO lasts before the stop flag is looked at again; a
 * signal to another thread does not end our poll. */
enum { WAIT_MS = 100, RAW_BYTES = 64 * 1024 };

struct mf_source {
    int fd;
    bool owns_fd;
    bool waits; /* not a regular file: reading may block */
    const char *name;
    char magic[MF_PACKING_MAGIC_BYTES]; /* the first bytes, read to tell gzip and zstd */
    size_t n_magic, magic_used;
    mf_unpack *unpack; /* NULL: plain */
    uint64_t n_left;   /* of a plain file, at most: mf_source_limit */
    uint64_t n_bytes;
    mf_encoding encoding;
    /* The beginning of the text, and what is converted. */
    char raw[RAW_BYTES];
    size_t n_raw, raw_used;
    bool raw_ended;
    char text[RAW_BYTES * MF_ENCODING_GROWTH];
    size_t n_text, text_used;
};

static bool wait_for_bytes(const mf_source *source, mf_error *err)
{
    for (;;) {
        struct pollfd wait = {source->fd, POLLIN, 0};
        if (!mf_stop_check(err))
            return false;
        const int n = poll(&wait, 1, WAIT_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return mf_fail_errno(err, errno, (mf_where){source->name, 0, 0}, "cannot wait");
    }
}

/* At least one byte of the descriptor unless it is at its end. */
static bool read_some(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    for (;;) {
        if (source->waits && !wait_for_bytes(source, err))
            return false;
        const ssize_t n = read(source->fd, bytes, n_bytes);
        if (n >= 0) {
            *n_read = (size_t)n;
            return true;
        }
        if (errno != EINTR && errno != EAGAIN)
            return mf_fail_errno(err, errno, (mf_where){source->name, 0, 0}, "cannot read");
        if (!mf_stop_check(err))
            return false;
    }
}

/* The descriptor's bytes again from the first, for unpacking as for plain text. */
static bool read_raw(void *context, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    mf_source *source = context;
    const size_t n_left = source->n_magic - source->magic_used;
    if (n_left == 0)
        return read_some(source, bytes, n_bytes, n_read, err);
    *n_read = n_left < n_bytes ? n_left : n_bytes;
    memcpy(bytes, source->magic + source->magic_used, *n_read);
    source->magic_used += *n_read;
    return true;
}

static bool begin(mf_source *source, mf_error *err)
{
    struct stat status;
    const mf_where where = {source->name, 0, 0};
    if (fstat(source->fd, &status) != 0)
        return mf_fail_errno(err, errno, where, "cannot read");
    if (S_ISDIR(status.st_mode))
        return mf_fail(err, MF_ERR_IO, where, "is a folder, not a file");
    source->waits = !S_ISREG(status.st_mode);
    if (!source->waits)
        (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (source->n_magic < sizeof source->magic) {
        size_t n_read;
        if (!read_some(source, source->magic + source->n_magic,
                       sizeof source->magic - source->n_magic, &n_read, err))
            return false;
        if (n_read == 0)
            break;
        source->n_magic += n_read;
    }
    const mf_packing packing = mf_packing_detect(source->magic, source->n_magic);
    if (packing == MF_PACKING_NONE)
        return true;
    source->unpack = mf_unpack_create(packing, source->name, read_raw, source, err);
    return source->unpack != NULL;
}

mf_source *mf_source_open(const char *path, int fd, const char *name, mf_encoding encoding,
                          mf_error *err)
{
    mf_source *source = mf_allocate(1, sizeof *source, "a file's reader", err);
    if (source == NULL)
        return NULL;
    source->name = name;
    source->n_left = UINT64_MAX;
    source->encoding = encoding;
    source->owns_fd = path != NULL;
    source->fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : fd;
    if (source->fd < 0)
        mf_fail_errno(err, errno, (mf_where){name, 0, 0}, "cannot open");
    if (source->fd < 0 || !begin(source, err)) {
        mf_source_close(source);
        return NULL;
    }
    return source;
}

bool mf_source_limit(mf_source *source, uint64_t begin, uint64_t end, mf_error *err)
{
    const mf_where where = {source->name, 0, 0};
    if (source->unpack != NULL || source->waits)
        return mf_fail(err, MF_ERR_IO, where, "is packed or no regular file: it has no ranges");
    if (lseek(source->fd, (off_t)begin, SEEK_SET) < 0)
        return mf_fail_errno(err, errno, where, "cannot read");
    source->n_magic = source->magic_used = 0;
    source->n_left = end - begin;
    return true;
}

/* Fills bytes[0 .. n_bytes) with what is in the file unless its end comes first. */
static bool read_plain(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read,
                       mf_error *err)
{
    *n_read = 0;
    if (n_bytes > source->n_left)
        n_bytes = (size_t)source->n_left;
    while (*n_read < n_bytes) {
        size_t n = 0;
        const bool ok =
            source->unpack != NULL
                ? mf_unpack_read(source->unpack, bytes + *n_read, n_bytes - *n_read, &n, err)
                : read_raw(source, bytes + *n_read, n_bytes - *n_read, &n, err);
        if (!ok)
            return false;
        if (n == 0)
            break;
        *n_read += n;
    }
    if (source->unpack == NULL)
        source->n_left -= *n_read;
    return true;
}

/* More in raw[], after what is left there. */
static bool fill_raw(mf_source *source, mf_error *err)
{
    size_t n_read;
    source->n_raw -= source->raw_used;
    memmove(source->raw, source->raw + source->raw_used, source->n_raw);
    source->raw_used = 0;
    if (source->raw_ended)
        return true;
    const size_t n_wanted = RAW_BYTES - source->n_raw;
    if (!read_plain(source, source->raw + source->n_raw, n_wanted, &n_read, err))
        return false;
    source->n_raw += n_read;
    source->raw_ended = n_read < n_wanted;
    return true;
}

static bool convert_some(mf_source *source, mf_error *err)
{
    size_t n_used;
    if (!fill_raw(source, err))
        return false;
    source->n_text = mf_encoding_convert(source->encoding, source->raw, source->n_raw,
                                         source->raw_ended, source->text, &n_used);
    source->text_used = 0;
    source->raw_used = n_used;
    return true;
}

static size_t take(char *to, size_t n_wanted, const char *from, size_t n_from, size_t *n_used)
{
    const size_t n = n_from - *n_used < n_wanted ? n_from - *n_used : n_wanted;
    memcpy(to, from + *n_used, n);
    *n_used += n;
    return n;
}

static bool read_converted(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read,
                           mf_error *err)
{
    for (*n_read = 0; *n_read < n_bytes;) {
        if (source->text_used == source->n_text && !convert_some(source, err))
            return false;
        if (source->n_text == 0)
            break;
        *n_read += take(bytes + *n_read, n_bytes - *n_read, source->text, source->n_text,
                        &source->text_used);
        if (source->text_used == source->n_text && source->raw_ended &&
            source->raw_used == source->n_raw)
            break;
    }
    return true;
}

bool mf_source_read(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    if (source->encoding == MF_ENCODING_AUTO) {
        if (!fill_raw(source, err))
            return false;
        source->encoding = mf_encoding_detect(source->raw, source->n_raw);
    }
    bool ok;
    if (source->encoding != MF_ENCODING_UTF8) {
        ok = read_converted(source, bytes, n_bytes, n_read, err);
    } else {
        size_t n_more = 0;
        const size_t n_first = take(bytes, n_bytes, source->raw, source->n_raw, &source->raw_used);
        ok = n_first == n_bytes ||
             read_plain(source, bytes + n_first, n_bytes - n_first, &n_more, err);
        *n_read = n_first + n_more;
    }
    source->n_bytes += ok ? *n_read : 0;
    return ok;
}

mf_encoding mf_source_encoding(const mf_source *source)
{
    return source->encoding;
}

bool mf_source_is_plain(const mf_source *source)
{
    return source->unpack == NULL && !source->waits && source->encoding == MF_ENCODING_UTF8;
}

uint64_t mf_source_bytes(const mf_source *source)
{
    return source->n_bytes;
}

void mf_source_close(mf_source *source)
{
    if (source == NULL)
        return;
    mf_unpack_destroy(source->unpack);
    if (source->owns_fd && source->fd >= 0)
        close(source->fd);
    mf_free(source);
}
