/* model_file.c: promises in model_file.h. */
#include "lambda/predict/model_file.h"

#include "base/memory.h"
#include "lambda/aws/s3.h"
#include "lambda/predict/settings.h"
#include "sagemaker/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODEL_NAME "model.bin"

enum { COPY_BYTES = 1 << 18, TAR_MAGIC_AT = 257 };

static int open_nameless(mf_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096]; /* not every file system knows O_TMPFILE */
    if (snprintf(path, sizeof path, "%s/mf-model-XXXXXX", folder) < (int)sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    else
        mf_fail_errno(err, errno, (mf_where){folder, 0, 0}, "no room for a model");
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t n, mf_error *err)
{
    while (n > 0) {
        const ssize_t put = write(fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mf_fail_errno(err, errno, MF_NOWHERE,
                                 "no room for the model in $TMPDIR or /tmp");
        bytes += put;
        n -= (size_t)put;
    }
    return true;
}

static bool map(int fd, mf_model_file *file, mf_error *err)
{
    const mf_where where = {file->name, 0, 0};
    struct stat status;
    if (fstat(fd, &status) != 0)
        return mf_fail_errno(err, errno, where, "cannot be looked at");
    if (S_ISDIR(status.st_mode))
        return mf_fail(err, MF_ERR_FORMAT, where, "expected a model, found a folder");
    if (status.st_size == 0)
        return mf_fail(err, MF_ERR_FORMAT, where, "expected a model, the file is empty");
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return mf_fail_errno(err, errno, where, "cannot be mapped");
    file->bytes = bytes;
    file->n_bytes = (size_t)status.st_size;
    return true;
}

/* --------------------------------------------------------------------------- S3 */

typedef struct download {
    int fd;
} download;

static bool begin_download(void *context, uint64_t n_bytes, mf_error *err)
{
    (void)n_bytes;
    const download *d = context;
    if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0)
        return mf_fail_errno(err, errno, MF_NOWHERE, "a temporary file cannot be emptied");
    return true;
}

static bool take_download(void *context, const char *bytes, size_t n, mf_error *err)
{
    const download *d = context;
    return write_all(d->fd, bytes, n, err);
}

static bool fetch(const char *uri, mf_aws_client *s3, int64_t deadline_ms, int fd, mf_error *err)
{
    mf_s3_location location;
    download target = {fd};
    const mf_s3_get get = {
        .location = &location,
        .sink = {begin_download, take_download, &target},
        .max_bytes = MF_MODEL_FILE_BYTES,
        .deadline_ms = deadline_ms,
    };
    mf_s3_object object;
    mf_aws_failure failure;
    if (!mf_s3_uri_parse(uri, &location, err))
        return false;
    return mf_s3_get_object(s3, &get, &object, &failure) || mf_aws_failure_to_error(&failure, err);
}

/* --------------------------------------------------------------------- archives */

static bool is_archive(const mf_model_file *file)
{
    const unsigned char *bytes = file->bytes;
    if (file->n_bytes >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return true;
    return file->n_bytes > TAR_MAGIC_AT + 5 && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0;
}

static bool is_model(const mf_tar_member *member)
{
    const char *slash = strchr(member->name, '/');
    return !member->is_folder && strcmp(slash != NULL ? slash + 1 : member->name, MODEL_NAME) == 0;
}

static bool copy_member(mf_tar *tar, int fd, char *buffer, mf_error *err)
{
    size_t got;
    do {
        if (!mf_tar_read(tar, buffer, COPY_BYTES, &got, err) || !write_all(fd, buffer, got, err))
            return false;
    } while (got == COPY_BYTES);
    return true;
}

/* To the archive's end: only then is it known to be whole. */
static bool copy_model(mf_tar *tar, const char *name, int fd, char *buffer, mf_error *err)
{
    const mf_where where = {name, 0, 0};
    bool found = false;
    for (;;) {
        mf_tar_member member;
        if (!mf_tar_next(tar, &member, err))
            return false;
        if (member.name == NULL)
            break;
        if (!is_model(&member))
            continue;
        if (found)
            return mf_fail(err, MF_ERR_FORMAT, where, "the archive has " MODEL_NAME " twice");
        found = true;
        if (!copy_member(tar, fd, buffer, err))
            return false;
    }
    return found || mf_fail(err, MF_ERR_FORMAT, where,
                            "the archive has no " MODEL_NAME " at its top or one folder deep");
}

/* The archive's model takes the archive's place. */
static bool unpack(mf_model_file *file, mf_error *err)
{
    bool ok = false;
    mf_model_file packed = *file;
    *file = (mf_model_file){0};
    char *buffer = mf_allocate(COPY_BYTES, 1, "a copy buffer", err);
    mf_tar *tar =
        mf_tar_open_bytes(packed.bytes, packed.n_bytes, packed.name, MF_MODEL_FILE_BYTES, err);
    const int fd = open_nameless(err);
    if (buffer == NULL || tar == NULL || fd < 0)
        goto done;
    snprintf(file->name, sizeof file->name, "%.*s: " MODEL_NAME, (int)sizeof file->name - 32,
             packed.name);
    ok = copy_model(tar, packed.name, fd, buffer, err) && map(fd, file, err);
done:
    if (fd >= 0)
        close(fd);
    mf_tar_close(tar);
    mf_free(buffer);
    mf_model_file_close(&packed);
    return ok;
}

bool mf_model_file_open(mf_model_file *file, const char *uri, mf_aws_client *s3,
                        int64_t deadline_ms, mf_error *err)
{
    *file = (mf_model_file){0};
    snprintf(file->name, sizeof file->name, "%s", uri);
    const bool is_s3 = mf_predict_is_s3(uri);
    const int fd = is_s3 ? open_nameless(err) : open(uri, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return !is_s3 ? mf_fail_errno(err, errno, (mf_where){file->name, 0, 0},
                                      "the model cannot be read")
                      : false;
    const bool ok = (!is_s3 || fetch(uri, s3, deadline_ms, fd, err)) && map(fd, file, err);
    close(fd);
    if (!ok)
        return false;
    return !is_archive(file) || unpack(file, err);
}

void mf_model_file_close(mf_model_file *file)
{
    if (file->bytes != NULL)
        munmap((void *)file->bytes, file->n_bytes);
    *file = (mf_model_file){0};
}
