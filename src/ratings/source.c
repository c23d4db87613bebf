/* source.c: promises in source.h. */
#include "ratings/source.h"

#include "base/memory.h"
#include "base/stop.h"
#include "ratings/gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a wait for a FIFO lasts before the stop flag is looked at again; a
 * signal to another thread does not end our poll. */
enum { WAIT_MS = 100, MAGIC_BYTES = 2 };

struct mf_source {
    int fd;
    bool owns_fd;
    bool waits; /* not a regular file: reading may block */
    const char *name;
    char magic[MAGIC_BYTES]; /* the first bytes, read to tell gzip */
    size_t n_magic, magic_used;
    mf_gunzip *gunzip;
    uint64_t n_bytes;
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

/* The descriptor's bytes again from the first, for gunzip as for plain text. */
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
    while (source->n_magic < MAGIC_BYTES) {
        size_t n_read;
        if (!read_some(source, source->magic + source->n_magic, MAGIC_BYTES - source->n_magic,
                       &n_read, err))
            return false;
        if (n_read == 0)
            break;
        source->n_magic += n_read;
    }
    if (source->n_magic == MAGIC_BYTES && memcmp(source->magic, "\x1F\x8B", MAGIC_BYTES) == 0) {
        source->gunzip = mf_gunzip_create(source->name, read_raw, source, err);
        return source->gunzip != NULL;
    }
    return true;
}

mf_source *mf_source_open(const char *path, int fd, const char *name, mf_error *err)
{
    mf_source *source = mf_allocate(1, sizeof *source, "a file's reader", err);
    if (source == NULL)
        return NULL;
    source->name = name;
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

bool mf_source_read(mf_source *source, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    *n_read = 0;
    while (*n_read < n_bytes) {
        size_t n = 0;
        const bool ok =
            source->gunzip != NULL
                ? mf_gunzip_read(source->gunzip, bytes + *n_read, n_bytes - *n_read, &n, err)
                : read_raw(source, bytes + *n_read, n_bytes - *n_read, &n, err);
        if (!ok)
            return false;
        if (n == 0)
            break;
        *n_read += n;
    }
    source->n_bytes += *n_read;
    return true;
}

uint64_t mf_source_bytes(const mf_source *source)
{
    return source->n_bytes;
}

void mf_source_close(mf_source *source)
{
    if (source == NULL)
        return;
    mf_gunzip_destroy(source->gunzip);
    if (source->owns_fd && source->fd >= 0)
        close(source->fd);
    mf_free(source);
}
