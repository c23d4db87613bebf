/* file.c: small files by read(2); new files through a temporary name and a rename. */
#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(p) ((mf_where){.path = (p)})

bool mf_file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

/* Up to `most` bytes; fewer when the file became shorter. */
static bool read_all(int fd, const char *path, char *bytes, size_t most, size_t *n_bytes,
                     mf_error *err)
{
    ssize_t got = 1;
    *n_bytes = 0;
    while (*n_bytes < most && got != 0) {
        got = read(fd, bytes + *n_bytes, most - *n_bytes);
        if (got < 0 && errno != EINTR)
            return mf_fail_errno(err, errno, AT(path), "cannot read");
        *n_bytes += got > 0 ? (size_t)got : 0;
    }
    bytes[*n_bytes] = '\0';
    return true;
}

bool mf_file_read(const char *path, size_t limit, char **bytes, size_t *n_bytes, mf_error *err)
{
    bool ok = false;
    char *content = NULL;
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mf_fail_errno(err, errno, AT(path), "cannot open");
    if (fstat(fd, &status) != 0)
        mf_fail_errno(err, errno, AT(path), "cannot look at");
    else if (!S_ISREG(status.st_mode))
        mf_fail(err, MF_ERR_IO, AT(path), "is %s, not a file",
                S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe");
    else if ((uint64_t)status.st_size > limit)
        mf_fail(err, MF_ERR_LIMIT, AT(path), "has %llu bytes; at most %zu are read",
                (unsigned long long)status.st_size, limit);
    else
        content = mf_allocate((size_t)status.st_size + 1, 1, "a file", err);
    size_t used = 0;
    if (content != NULL && read_all(fd, path, content, (size_t)status.st_size, &used, err)) {
        *bytes = content;
        *n_bytes = used;
        content = NULL;
        ok = true;
    }
    mf_free(content);
    close(fd);
    return ok;
}

bool mf_folder_create(const char *path, mf_error *err)
{
    char partial[PATH_MAX];
    const size_t n = strlen(path);
    if (n == 0 || n >= sizeof partial)
        return mf_fail(err, MF_ERR_ARGUMENT, AT(path), "is not a usable path");
    memcpy(partial, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (partial[i] != '/' && partial[i] != '\0')
            continue;
        const char kept = partial[i];
        partial[i] = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return mf_fail_errno(err, errno, AT(partial), "cannot create the folder");
        partial[i] = kept;
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return mf_fail(err, MF_ERR_IO, AT(path), "is not a folder");
    return true;
}

struct mf_file_writer {
    int fd;                /* -1 after it is closed */
    bool temporary_exists; /* created here and not renamed yet */
    char *path;
    char *temporary;
    char paths[]; /* both of them */
};

void mf_file_writer_destroy(mf_file_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->temporary_exists)
        unlink(writer->temporary);
    mf_free(writer);
}

mf_file_writer *mf_file_writer_create(const char *path, mf_error *err)
{
    const size_t n = strlen(path) + 1;
    const size_t n_paths = 2 * n + sizeof MF_FILE_TEMPORARY_SUFFIX;
    mf_file_writer *writer = mf_allocate(sizeof *writer + n_paths, 1, "a file writer", err);
    if (writer == NULL)
        return NULL;
    writer->path = memcpy(writer->paths, path, n);
    writer->temporary = writer->paths + n;
    snprintf(writer->temporary, n_paths - n, "%s" MF_FILE_TEMPORARY_SUFFIX, path);
    writer->fd = open(writer->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (writer->fd < 0) {
        mf_fail_errno(err, errno, AT(path), "cannot be created");
        mf_file_writer_destroy(writer);
        return NULL;
    }
    writer->temporary_exists = true;
    return writer;
}

/* Writes everything at `offset`, or at the end when offset is -1. */
static bool write_all(mf_file_writer *writer, off_t offset, const void *bytes, size_t n_bytes,
                      mf_error *err)
{
    const char *next = bytes;
    while (n_bytes > 0) {
        const size_t piece = n_bytes < ((size_t)1 << 30) ? n_bytes : (size_t)1 << 30;
        const ssize_t put =
            offset < 0 ? write(writer->fd, next, piece) : pwrite(writer->fd, next, piece, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mf_fail_errno(err, errno, AT(writer->path), "cannot be written");
        next += put;
        n_bytes -= (size_t)put;
        if (offset >= 0)
            offset += put;
    }
    return true;
}

bool mf_file_writer_append(mf_file_writer *writer, const void *bytes, size_t n_bytes, mf_error *err)
{
    return write_all(writer, -1, bytes, n_bytes, err);
}

bool mf_file_writer_patch(mf_file_writer *writer, uint64_t offset, const void *bytes,
                          size_t n_bytes, mf_error *err)
{
    return write_all(writer, (off_t)offset, bytes, n_bytes, err);
}

/* The new name survives a crash only after the folder itself was synced. Some file systems refuse
 * to sync a folder; the file's content is safe by then. */
static void sync_folder_of(char *path)
{
    const int folder = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    (void)fsync(folder);
    close(folder);
}

/* Everything that can fail comes before the rename: until then the previous file keeps its name,
 * and destroy removes the temporary one. */
bool mf_file_writer_commit(mf_file_writer *writer, mf_error *err)
{
    const char *failed = NULL;
    if (fsync(writer->fd) != 0)
        failed = "cannot be written to disk";
    if (failed == NULL) {
        const int fd = writer->fd;
        writer->fd = -1; /* Linux closes the descriptor even when close() fails */
        if (close(fd) != 0)
            failed = "cannot be closed";
    }
    if (failed == NULL && rename(writer->temporary, writer->path) != 0)
        failed = "cannot be put in its place";
    if (failed != NULL) {
        mf_fail_errno(err, errno, AT(writer->path), "%s", failed);
    } else {
        writer->temporary_exists = false;
        sync_folder_of(writer->path);
    }
    mf_file_writer_destroy(writer);
    return failed == NULL;
}

bool mf_file_write(const char *path, const void *bytes, size_t n_bytes, mf_error *err)
{
    mf_file_writer *writer = mf_file_writer_create(path, err);
    if (writer == NULL)
        return false;
    if (!mf_file_writer_append(writer, bytes, n_bytes, err)) {
        mf_file_writer_destroy(writer);
        return false;
    }
    return mf_file_writer_commit(writer, err);
}
