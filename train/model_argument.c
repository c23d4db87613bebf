/* model_argument.c: a file is mapped; an archive is unpacked into a file without a name, and mapped. */
#include "model_argument.h"

#include "sagemaker/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A model begins with its magic; gzip and tar archives do not, and neither does what is no
 * model. */
static bool is_archive(const unsigned char *bytes, size_t n_bytes)
{
    static const unsigned char gzip[] = {0x1F, 0x8B};
    enum { TAR_MAGIC = 257, TAR_BLOCK = 512 };
    if (n_bytes >= sizeof gzip && memcmp(bytes, gzip, sizeof gzip) == 0)
        return true;
    return n_bytes >= TAR_BLOCK && memcmp(bytes + TAR_MAGIC, "ustar", 5) == 0;
}

static bool map_file(const char *path, mf_mapped_model *mapped, mf_error *err)
{
    *mapped = (mf_mapped_model){0};
    snprintf(mapped->name, sizeof mapped->name, "%s", path);
    /* O_NONBLOCK: open() of a FIFO without a writer would wait. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mf_fail_errno(err, errno, (mf_where){.path = path}, "the model cannot be opened");
    const bool ok = mf_mapped_model_map(mapped, fd, err);
    close(fd);
    return ok;
}

static bool unpack(const char *path, mf_mapped_model *mapped, mf_error *err)
{
    mf_tar *tar = mf_tar_open(path, MF_MODEL_CHANNEL_BYTES_MAX, err);
    const bool ok = tar != NULL && mf_mapped_model_unpack(mapped, tar, path, NULL, 0, err);
    mf_tar_close(tar);
    return ok;
}

mf_model *mf_model_argument_open(const char *path, mf_mapped_model *mapped, mf_error *err)
{
    if (!map_file(path, mapped, err))
        return NULL;
    if (is_archive(mapped->bytes, mapped->n_bytes)) {
        mf_mapped_model_close(mapped);
        if (!unpack(path, mapped, err))
            return NULL;
    }
    return mf_model_open_bytes(mapped->bytes, mapped->n_bytes, mapped->name, err);
}
