/* model_channel.c: from a channel's folder to a mapped model.bin. */
#include "sagemaker/model_channel.h"

#include "base/memory.h"
#include "base/stop.h"
#include "sagemaker/channel_files.h"
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

enum { COPY_BYTES = 1 << 18, LIST_BYTES = 512 };

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

static bool is_model(const char *name)
{
    const char *base = base_name(name);
    return strcmp(base, MODEL_NAME) == 0 || strcmp(base, "model.tar.gz") == 0 ||
           strcmp(base, "model.tgz") == 0 || strcmp(base, "model.tar") == 0;
}

static bool is_archive(const char *name)
{
    return ends_with(name, ".tar.gz") || ends_with(name, ".tgz") || ends_with(name, ".tar");
}

/* "a, b, c", closed with "…" when there is no room for all of them. */
static void list_add(char list[LIST_BYTES], const char *name)
{
    const size_t used = strlen(list);
    const size_t room = LIST_BYTES - used;
    if (ends_with(list, "…"))
        return;
    if (strlen(name) + sizeof ", , …" > room)
        snprintf(list + used, room, "%s…", used > 0 ? ", " : "");
    else
        snprintf(list + used, room, "%s%s", used > 0 ? ", " : "", name);
}

/* The one file that is, or holds, the model. A name that says "model" beats other
 * archives, because a job's output folder also has output.tar.gz. */
static const mf_channel_file *choose(const mf_channel *channel, const mf_channel_files *files,
                                     mf_error *err)
{
    bool (*const rules[])(const char *) = {is_model, is_archive};
    for (size_t rule = 0; rule < 2; rule++) {
        const mf_channel_file *chosen = NULL;
        for (size_t i = 0; i < files->n; i++) {
            const mf_channel_file *file = &files->file[i];
            if (!rules[rule](file->name))
                continue;
            if (chosen != NULL) {
                mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                        "channel %s at %s holds more than one model: %.200s and %.200s: keep one",
                        channel->name, channel->path, chosen->name, file->name);
                return NULL;
            }
            chosen = file;
        }
        if (chosen != NULL)
            return chosen;
    }
    char list[LIST_BYTES] = "";
    for (size_t i = 0; i < files->n; i++)
        list_add(list, files->file[i].name);
    mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
            "channel %s at %s holds neither model.tar.gz nor model.bin, but %s", channel->name,
            channel->path, list);
    return NULL;
}

static bool map(int fd, mf_model_channel *model, mf_error *err)
{
    const mf_where where = {model->name, 0, 0};
    struct stat status;
    if (fstat(fd, &status) != 0)
        return mf_fail_errno(err, errno, where, "cannot look at");
    if (status.st_size == 0)
        return mf_fail(err, MF_ERR_FORMAT, where, "the model file is empty");
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return mf_fail_errno(err, errno, where, "cannot be mapped");
    model->bytes = bytes;
    model->n_bytes = (size_t)status.st_size;
    return true;
}

/* A file that has no name, or loses it at once. */
static int open_nameless(mf_error *err)
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
        mf_fail_errno(err, errno, (mf_where){folder, 0, 0}, "no room to unpack a model");
    return fd;
}

static bool write_all(int fd, const char *bytes, size_t n_bytes, mf_error *err)
{
    while (n_bytes > 0) {
        const ssize_t put = write(fd, bytes, n_bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return mf_fail_errno(err, errno, MF_NOWHERE,
                                 "cannot unpack the model into $TMPDIR or /tmp");
        bytes += put;
        n_bytes -= (size_t)put;
    }
    return true;
}

static bool copy_member(mf_tar *tar, int fd, char *buffer, mf_error *err)
{
    size_t got;
    do {
        if (!mf_stop_check(err) || !mf_tar_read(tar, buffer, COPY_BYTES, &got, err) ||
            !write_all(fd, buffer, got, err))
            return false;
    } while (got == COPY_BYTES);
    return true;
}

static bool is_model_member(const mf_tar_member *member)
{
    const char *slash = strchr(member->name, '/');
    const char *name = slash != NULL ? slash + 1 : member->name;
    return !member->is_folder && strcmp(name, MODEL_NAME) == 0;
}

/* Copies model.bin of the archive into fd, and reads the archive to its end. */
static bool unpack(const char *path, int fd, mf_model_channel *model, mf_error *err)
{
    const mf_where where = {path, 0, 0};
    bool ok = false;
    bool found = false;
    char list[LIST_BYTES] = "";
    char *buffer = NULL;
    mf_tar *tar = mf_tar_open(path, MF_MODEL_CHANNEL_BYTES_MAX, err);
    if (tar == NULL)
        goto done;
    buffer = mf_allocate(COPY_BYTES, 1, "a copy buffer", err);
    if (buffer == NULL)
        goto done;
    for (;;) {
        mf_tar_member member;
        if (!mf_tar_next(tar, &member, err))
            goto done;
        if (member.name == NULL)
            break;
        if (!member.is_folder)
            list_add(list, member.name);
        if (!is_model_member(&member))
            continue;
        if (found) {
            mf_fail(err, MF_ERR_FORMAT, where, "the archive holds %s more than once", MODEL_NAME);
            goto done;
        }
        found = true;
        snprintf(model->name, sizeof model->name, "%.*s: %.64s", MF_PATH_BYTES - 1, path,
                 member.name);
        if (!copy_member(tar, fd, buffer, err))
            goto done;
    }
    if (!found) {
        mf_fail(err, MF_ERR_FORMAT, where,
                "the archive has no %s at its top or one folder deep; it holds %s", MODEL_NAME,
                list[0] != '\0' ? list : "no files");
        goto done;
    }
    ok = true;
done:
    mf_tar_close(tar);
    mf_free(buffer);
    return ok;
}

bool mf_model_channel_open(const mf_channel *channel, mf_model_channel *model, mf_error *err)
{
    bool ok = false;
    int fd = -1;
    *model = (mf_model_channel){0};
    mf_channel_files *files = mf_channel_files_create(channel, err);
    if (files == NULL)
        goto done;
    const mf_channel_file *file = choose(channel, files, err);
    if (file == NULL)
        goto done;
    if (strcmp(base_name(file->name), MODEL_NAME) == 0) {
        snprintf(model->name, sizeof model->name, "%s", file->path);
        fd = open(file->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            mf_fail_errno(err, errno, (mf_where){file->path, 0, 0}, "cannot open");
            goto done;
        }
    } else {
        fd = open_nameless(err);
        if (fd < 0 || !unpack(file->path, fd, model, err))
            goto done;
    }
    ok = map(fd, model, err);
done:
    if (fd >= 0)
        close(fd);
    mf_channel_files_destroy(files);
    return ok;
}

void mf_model_channel_close(mf_model_channel *model)
{
    if (model->bytes != NULL)
        munmap((void *)model->bytes, model->n_bytes);
    *model = (mf_model_channel){0};
}
