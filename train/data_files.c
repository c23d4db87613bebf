/* data_files.c: each host's list goes to all, as an 8-byte size and a name with its NUL for each file. */
#include "data_files.h"

#include "base/file.h"
#include "base/grow.h"
#include "hosts/exchange.h"
#include "sagemaker/channel_data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FETCHED_MOST = (1 << 30) - 1 };

static char *copy_text(const char *text, mf_error *err)
{
    const size_t n = strlen(text) + 1;
    char *copy = mf_allocate(n, 1, "a list of files", err);
    if (copy != NULL)
        memcpy(copy, text, n);
    return copy;
}

static bool add_file(mf_data_files *files, size_t *capacity, const char *folder, const char *name,
                     uint64_t n_bytes, uint32_t owner, mf_error *err)
{
    char path[MF_PATH_BYTES + 4096];
    if (files->n == MF_CHANNEL_FILES_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                       "the channel at %s holds more than %d files: join them into fewer", folder,
                       MF_CHANNEL_FILES_MAX);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!MF_GROW(files->file, *capacity, files->n + 1, "a list of files", err))
        return false;
    mf_data_file *file = &files->file[files->n++];
    *file = (mf_data_file){.path = copy_text(path, err),
                           .name = copy_text(name, err),
                           .n_bytes = n_bytes,
                           .owner = owner};
    files->total_bytes += n_bytes;
    return file->path != NULL && file->name != NULL;
}

static int by_name(const void *a, const void *b)
{
    const mf_data_file *left = a;
    const mf_data_file *right = b;
    return strcmp(left->name, right->name);
}

/* The files of this host. A share of a channel may be no file, and then no folder. */
static mf_channel_files *list_own(const mf_channel *channel, bool is_share, mf_error *err)
{
    mf_error none = {0};
    if (!is_share)
        return mf_channel_files_create(channel, err);
    mf_channel_files *own = mf_channel_files_list(channel, &none);
    if (own == NULL && none.code != MF_ERR_CONFIG)
        mf_fail_again(err, &none);
    return own;
}

typedef struct listing {
    uint8_t *bytes;
    size_t n, capacity;
} listing;

static bool put_list(listing *to, const mf_channel_files *own, mf_error *err)
{
    for (size_t i = 0; own != NULL && i < own->n; i++) {
        const size_t n_name = strlen(own->file[i].name) + 1;
        if (!MF_GROW(to->bytes, to->capacity, to->n + sizeof(uint64_t) + n_name, "a list of files",
                     err))
            return false;
        memcpy(to->bytes + to->n, &own->file[i].n_bytes, sizeof(uint64_t));
        memcpy(to->bytes + to->n + sizeof(uint64_t), own->file[i].name, n_name);
        to->n += sizeof(uint64_t) + n_name;
    }
    return true;
}

static bool add_list(mf_data_files *files, size_t *capacity, const mf_channel *channel,
                     const uint8_t *bytes, size_t n_bytes, uint32_t owner, mf_error *err)
{
    for (size_t at = 0; at < n_bytes;) {
        uint64_t size;
        memcpy(&size, bytes + at, sizeof size);
        const char *name = (const char *)bytes + at + sizeof size;
        at += sizeof size + strlen(name) + 1;
        if (!add_file(files, capacity, channel->path, name, size, owner, err))
            return false;
    }
    return true;
}

/* The files of all hosts are one list. */
static bool join_lists(mf_data_files *files, const mf_channel *channel,
                       const mf_hosts_pieces *lists, mf_error *err)
{
    size_t capacity = 0;
    for (uint32_t r = 0; r < mf_hosts_size(files->group); r++)
        if (!add_list(files, &capacity, channel, lists->bytes + lists->start[r],
                      lists->start[r + 1] - lists->start[r], r, err))
            return false;
    if (files->n > 0)
        qsort(files->file, files->n, sizeof *files->file, by_name);
    for (size_t i = 1; i < files->n; i++)
        if (strcmp(files->file[i - 1].name, files->file[i].name) == 0) {
            const uint32_t a = files->file[i - 1].owner;
            const uint32_t b = files->file[i].owner;
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "channel %s is ShardedByS3Key, but %s and %s both have %.200s: use "
                           "FullyReplicated (S3DataDistributionType) where every host has all "
                           "files, else give each file a name of its own",
                           channel->name, mf_hosts_name(files->group, a < b ? a : b),
                           mf_hosts_name(files->group, a < b ? b : a), files->file[i].name);
        }
    return true;
}

/* Every host has the same list. */
static bool check_lists(const mf_data_files *files, const mf_channel *channel,
                        const mf_hosts_pieces *lists, mf_error *err)
{
    const size_t n = lists->start[1];
    for (uint32_t r = 1; r < mf_hosts_size(files->group); r++)
        if (lists->start[r + 1] - lists->start[r] != n ||
            memcmp(lists->bytes, lists->bytes + lists->start[r], n) != 0)
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "channel %s: %s has other files than %s, or files of other sizes: every "
                           "host needs the same (S3DataDistributionType FullyReplicated), or a "
                           "share of them (ShardedByS3Key)",
                           channel->name, mf_hosts_name(files->group, r),
                           mf_hosts_name(files->group, 0));
    return true;
}

bool mf_data_files_list(const mf_channel *channel, mf_hosts_group *group, mf_data_files *files,
                        mf_error *err)
{
    bool ok = false;
    size_t capacity = 0;
    listing list = {0};
    mf_hosts_pieces lists = {0};
    *files = (mf_data_files){.group = group, .is_sharded = group != NULL && channel->sharded};
    mf_channel_files *own = list_own(channel, files->is_sharded, err);
    if (own == NULL && (!files->is_sharded || err->code != MF_OK))
        goto done;
    if (group != NULL) {
        if (!put_list(&list, own, err) || !mf_hosts_gather(group, list.bytes, list.n, &lists, err))
            goto done;
        if (files->is_sharded ? !join_lists(files, channel, &lists, err)
                              : !check_lists(files, channel, &lists, err))
            goto done;
    }
    for (size_t i = 0; !files->is_sharded && i < own->n; i++)
        if (!add_file(files, &capacity, channel->path, own->file[i].name, own->file[i].n_bytes, 0,
                      err))
            goto done;
    if (files->n == 0) { /* the sentence for one host */
        mf_channel_files_destroy(own);
        own = mf_channel_files_create(channel, err);
        ok = own == NULL ? false
                         : mf_fail(err, MF_ERR_IO, MF_NOWHERE, "the files of channel %s change",
                                   channel->name);
        goto done;
    }
    ok = true;
done:
    mf_channel_files_destroy(own);
    mf_free(list.bytes);
    mf_hosts_pieces_free(&lists);
    return ok;
}

bool mf_data_file_is_here(const mf_data_files *files, size_t i)
{
    return !files->is_sharded || files->file[i].owner == mf_hosts_rank(files->group);
}

bool mf_data_file_tell(const mf_data_files *files, size_t i, void *bytes, size_t n_bytes,
                       mf_error *err)
{
    return !files->is_sharded ||
           mf_hosts_broadcast(files->group, files->file[i].owner, bytes, n_bytes, err);
}

/* A file in memory, whose path is that of its descriptor. */
static bool keep_copy(mf_data_file *file, const char *bytes, size_t n_bytes, mf_error *err)
{
    char path[64];
    const mf_where where = {file->path, 0, 0};
    const int fd = memfd_create("items", MFD_CLOEXEC);
    if (fd < 0)
        return mf_fail_errno(err, errno, where, "no memory for a copy");
    for (size_t at = 0; at < n_bytes;) {
        const ssize_t n = write(fd, bytes + at, n_bytes - at);
        if (n < 0 && errno != EINTR) {
            mf_fail_errno(err, errno, where, "no memory for a copy");
            close(fd);
            return false;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mf_free(file->path);
    file->path = copy_text(path, err);
    return file->path != NULL;
}

bool mf_data_file_fetch(mf_data_files *files, size_t i, mf_error *err)
{
    mf_data_file *file = &files->file[i];
    const bool is_here = mf_data_file_is_here(files, i);
    char *bytes = NULL;
    size_t n_read = 0;
    if (!files->is_sharded)
        return true;
    if (is_here && !mf_file_read(file->path, FETCHED_MOST, &bytes, &n_read, err))
        return false;
    uint64_t n_bytes = n_read;
    bool ok = mf_data_file_tell(files, i, &n_bytes, sizeof n_bytes, err);
    if (ok && !is_here) {
        bytes = mf_allocate(n_bytes, 1, "a file of items", err);
        ok = bytes != NULL;
    }
    ok = ok && mf_data_file_tell(files, i, bytes, n_bytes, err) &&
         (is_here || keep_copy(file, bytes, n_bytes, err));
    mf_free(bytes);
    return ok;
}

void mf_data_files_clear(mf_data_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        mf_free(files->file[i].path);
        mf_free(files->file[i].name);
    }
    mf_free(files->file);
    *files = (mf_data_files){0};
}
