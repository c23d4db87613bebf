/* mapped_model.c: map a file, unpack an archive into a nameless file, choose a channel's model.
 * (1) Every descriptor is closed before return: the mapping keeps the file.
 * (2) An archive is read to its end before its model.bin is mapped. */
#include "sagemaker/mapped_model.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/stop.h"
#include "model/model.h"
#include "sagemaker/channel_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 15 };

/* "a, b, c" for an error's text: what was found in place of what was expected. The list is ""
 * at first, NUL-terminated always, and closed with "…" when not all of them fit. */
enum { LIST_BYTES = 512 };

static void list_name(char list[LIST_BYTES], const char *name)
{
    static const char more[] = "…";
    const size_t used = strlen(list);
    const size_t space = LIST_BYTES - used;
    const char *comma = used > 0 ? ", " : "";
    if (used >= strlen(more) && strcmp(list + used - strlen(more), more) == 0)
        return;
    if (strlen(name) + sizeof ", , …" > space)
        snprintf(list + used, space, "%s%s", comma, more);
    else
        snprintf(list + used, space, "%s%s", comma, name);
}

bool mf_mapped_model_map(mf_mapped_model *model, int fd, mf_error *err)
{
    const mf_where where = {model->name, 0, 0};
    struct stat status;
    if (fstat(fd, &status) != 0)
        return mf_fail_errno(err, errno, where, "cannot be looked at");
    if (S_ISDIR(status.st_mode))
        return mf_fail(err, MF_ERR_FORMAT, where, "expected a model, found a folder");
    if (status.st_size == 0)
        return mf_fail(err, MF_ERR_FORMAT, where, "the model file is empty");
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return mf_fail_errno(err, errno, where, "cannot be mapped");
    model->bytes = bytes;
    model->n_bytes = (size_t)status.st_size;
    return true;
}

void mf_mapped_model_close(mf_mapped_model *model)
{
    if (model->bytes != NULL)
        munmap(mf_without_const(model->bytes), model->n_bytes);
    *model = (mf_mapped_model){0};
}

/* --------------------------------------------------------------- nameless files */

int mf_nameless_file_open(mf_error *err)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* overlayfs before Linux 6.3 knows no O_TMPFILE. */
    char path[MF_PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/mf-model-XXXXXX", folder) < (int)sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    else
        mf_fail_errno(err, errno, (mf_where){folder, 0, 0}, "no space to unpack a model");
    return fd;
}

bool mf_nameless_file_append(int fd, const char *bytes, size_t n_bytes, mf_error *err)
{
    while (n_bytes > 0) {
        const ssize_t put = write(fd, bytes, n_bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mf_fail_errno(err, errno, MF_NOWHERE,
                                 "no space for the model in $TMPDIR or /tmp");
        bytes += put;
        n_bytes -= (size_t)put;
    }
    return true;
}

/* --------------------------------------------------------------------- archives */

static bool is_model_member(const mf_tar_member *member)
{
    const char *slash = strchr(member->name, '/');
    const char *name = slash != NULL ? slash + 1 : member->name;
    return !member->is_folder && strcmp(name, MF_MAPPED_MODEL_MEMBER) == 0;
}

static bool in_time(int64_t deadline_ms, mf_error *err)
{
    if (!mf_stop_check(err))
        return false;
    return deadline_ms == 0 || mf_clock_wall_ms() < deadline_ms ||
           mf_fail(err, MF_ERR_IO, MF_NOWHERE, "the model was not unpacked in time");
}

/* What cannot be a model is refused after its first bytes. */
static bool copy_member(mf_tar *tar, uint64_t n_bytes, const char *name, int fd, char *buffer,
                        int64_t deadline_ms, mf_error *err)
{
    size_t got;
    bool is_first = true;
    do {
        if (!in_time(deadline_ms, err) || !mf_tar_read(tar, buffer, COPY_BYTES, &got, err) ||
            (is_first && !mf_model_check_start(buffer, n_bytes, name, err)) ||
            !mf_nameless_file_append(fd, buffer, got, err))
            return false;
        is_first = false;
    } while (got == COPY_BYTES);
    return true;
}

/* model.bin of the archive into fd, and the archive to its end: only then is it known to be
 * whole. */
static bool copy_model(mf_mapped_model *model, mf_tar *tar, const char *archive,
                       const mf_unpack_others *others, int fd, int64_t deadline_ms, char *buffer,
                       mf_error *err)
{
    const mf_where where = {archive, 0, 0};
    char list[LIST_BYTES] = "";
    bool found = false;
    for (;;) {
        mf_tar_member member;
        if (!in_time(deadline_ms, err) || !mf_tar_next(tar, &member, err))
            return false;
        if (member.name == NULL)
            break;
        if (!member.is_folder)
            list_name(list, member.name);
        if (!is_model_member(&member)) {
            if (others != NULL && !member.is_folder &&
                !others->take(others->context, tar, &member, err))
                return false;
            continue;
        }
        if (found)
            return mf_fail(err, MF_ERR_FORMAT, where, "the archive holds %s more than once",
                           MF_MAPPED_MODEL_MEMBER);
        found = true;
        snprintf(model->name, sizeof model->name, "%.*s: %.64s",
                 (int)(sizeof model->name - sizeof ": " - 64), archive, member.name);
        if (!copy_member(tar, member.n_bytes, model->name, fd, buffer, deadline_ms, err))
            return false;
    }
    return found || mf_fail(err, MF_ERR_FORMAT, where,
                            "the archive has no %s at its top or one folder deep; it holds %s",
                            MF_MAPPED_MODEL_MEMBER, list[0] != '\0' ? list : "no files");
}

bool mf_mapped_model_unpack(mf_mapped_model *model, mf_tar *tar, const char *archive,
                            const mf_unpack_others *others, int64_t deadline_ms, mf_error *err)
{
    bool ok = false;
    char *buffer = NULL;
    *model = (mf_mapped_model){0};
    const int fd = mf_nameless_file_open(err);
    if (fd < 0)
        goto done;
    buffer = mf_allocate(COPY_BYTES, 1, "a copy buffer", err);
    if (buffer == NULL)
        goto done;
    ok = copy_model(model, tar, archive, others, fd, deadline_ms, buffer, err) &&
         mf_mapped_model_map(model, fd, err);
done:
    if (fd >= 0)
        close(fd);
    mf_free(buffer);
    return ok;
}

/* -------------------------------------------------------------------- a channel */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text);
    const size_t n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static bool is_model_name(const char *name)
{
    const char *base = base_name(name);
    return strcmp(base, MF_MAPPED_MODEL_MEMBER) == 0 || strcmp(base, "model.tar.gz") == 0 ||
           strcmp(base, "model.tgz") == 0 || strcmp(base, "model.tar") == 0;
}

static bool is_archive(const char *name)
{
    return ends_with(name, ".tar.gz") || ends_with(name, ".tgz") || ends_with(name, ".tar");
}

/* A model.bin that lies there unpacked. */
static bool map_file(const char *path, mf_mapped_model *model, mf_error *err)
{
    snprintf(model->name, sizeof model->name, "%s", path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot open");
    const bool ok = mf_mapped_model_map(model, fd, err);
    close(fd);
    return ok;
}

static bool unpack(const char *path, mf_mapped_model *model, mf_error *err)
{
    mf_tar *tar = mf_tar_open(path, MF_MODEL_CHANNEL_BYTES_MAX, err);
    const bool ok = tar != NULL && mf_mapped_model_unpack(model, tar, path, NULL, 0, err);
    mf_tar_close(tar);
    return ok;
}

static bool take(const mf_channel_file *file, mf_mapped_model *model, mf_error *err)
{
    return strcmp(base_name(file->name), MF_MAPPED_MODEL_MEMBER) == 0
               ? map_file(file->path, model, err)
               : unpack(file->path, model, err);
}

/* Whether the file holds the model too, as model.bin beside the model.tar.gz that the SDK's local mode
 * unpacked it from. */
static bool check_same(const mf_channel *channel, const mf_channel_file *first,
                       const mf_channel_file *file, const mf_mapped_model *model, mf_error *err)
{
    mf_mapped_model other = {0};
    mf_error reason = {0};
    const bool taken = take(file, &other, &reason);
    const bool same = taken && other.n_bytes == model->n_bytes &&
                      memcmp(other.bytes, model->bytes, model->n_bytes) == 0;
    mf_mapped_model_close(&other);
    if (!taken && reason.code != MF_ERR_FORMAT)
        return mf_fail_again(err, &reason);
    return same || mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "channel %s at %s holds more than one model: %.200s and %.200s differ: "
                           "keep one",
                           channel->name, channel->path, first->name, file->name);
}

/* The one model of the files. A name with "model" goes before other archives, because a job's output
 * folder also has output.tar.gz. */
static bool take_one(const mf_channel *channel, const mf_channel_files *files,
                     mf_mapped_model *model, mf_error *err)
{
    bool (*const rules[])(const char *) = {is_model_name, is_archive};
    const mf_channel_file *first = NULL;
    for (size_t rule = 0; rule < 2 && first == NULL; rule++)
        for (size_t i = 0; i < files->n; i++) {
            const mf_channel_file *file = &files->file[i];
            if (!rules[rule](file->name))
                continue;
            if (first == NULL ? !take(file, model, err)
                              : !check_same(channel, first, file, model, err))
                return false;
            if (first == NULL)
                first = file;
        }
    char list[LIST_BYTES] = "";
    for (size_t i = 0; first == NULL && i < files->n; i++)
        list_name(list, files->file[i].name);
    return first != NULL ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s at %s holds neither model.tar.gz nor model.bin, but %s",
                   channel->name, channel->path, list);
}

bool mf_model_channel_open(const mf_channel *channel, mf_mapped_model *model, mf_error *err)
{
    *model = (mf_mapped_model){0};
    mf_channel_files *files = mf_channel_files_create(channel, err);
    const bool ok = files != NULL && take_one(channel, files, model, err);
    if (!ok)
        mf_mapped_model_close(model);
    mf_channel_files_destroy(files);
    return ok;
}
