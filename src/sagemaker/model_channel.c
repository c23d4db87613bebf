/* model_channel.c: from a channel's folder to a mapped model.bin. */
#include "sagemaker/model_channel.h"

#include "sagemaker/channel_files.h"
#include "sagemaker/name_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    return strcmp(base, MF_MAPPED_MODEL_MEMBER) == 0 || strcmp(base, "model.tar.gz") == 0 ||
           strcmp(base, "model.tgz") == 0 || strcmp(base, "model.tar") == 0;
}

static bool is_archive(const char *name)
{
    return ends_with(name, ".tar.gz") || ends_with(name, ".tgz") || ends_with(name, ".tar");
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
    char list[MF_NAME_LIST_BYTES] = "";
    for (size_t i = 0; i < files->n; i++)
        mf_name_list_add(list, files->file[i].name);
    mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
            "channel %s at %s holds neither model.tar.gz nor model.bin, but %s", channel->name,
            channel->path, list);
    return NULL;
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
    const bool ok = tar != NULL && mf_mapped_model_unpack(model, tar, path, 0, err);
    mf_tar_close(tar);
    return ok;
}

bool mf_model_channel_open(const mf_channel *channel, mf_mapped_model *model, mf_error *err)
{
    *model = (mf_mapped_model){0};
    mf_channel_files *files = mf_channel_files_create(channel, err);
    if (files == NULL)
        return false;
    const mf_channel_file *file = choose(channel, files, err);
    bool ok = false;
    if (file != NULL)
        ok = strcmp(base_name(file->name), MF_MAPPED_MODEL_MEMBER) == 0
                 ? map_file(file->path, model, err)
                 : unpack(file->path, model, err);
    mf_channel_files_destroy(files);
    return ok;
}
