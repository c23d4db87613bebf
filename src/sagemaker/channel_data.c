/* channel_data.c: the sorted walk over a channel's folder, and the two waits for its pipe.
 * (1) The walk keeps offsets into one growing block of names, because the block moves.
 * (2) Both waits, for the FIFO and for its first byte, share one deadline. */
#include "sagemaker/channel_data.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/memory.h"
#include "base/stop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- File and FastFile: files ---- */

/* Linux's PATH_MAX: nothing longer can be opened by path. */
enum { PATH_BYTES = 4096 };

typedef struct found {
    size_t start; /* of the path in text */
    uint64_t n_bytes;
} found;

typedef struct walk {
    const mf_channel *channel;
    mf_error *err;
    char path[PATH_BYTES]; /* of the folder being read, then of each name in it */
    size_t root_bytes;     /* of path: the channel's folder and a slash */
    size_t n_skipped;

    found *files;
    size_t n_files;
    size_t files_capacity;
    char *text; /* paths, each NUL-terminated */
    size_t text_bytes;
    size_t text_capacity;
} walk;

/* The public struct first, then what it points to. */
typedef struct file_list {
    mf_channel_files view;
    mf_channel_file *file;
    char *text;
} file_list;

static bool keep_file(walk *w, uint64_t n_bytes)
{
    if (w->n_files == MF_CHANNEL_FILES_MAX)
        return mf_fail(w->err, MF_ERR_LIMIT, MF_NOWHERE,
                       "channel %s at %s holds more than %d files: join them into fewer",
                       w->channel->name, w->channel->path, MF_CHANNEL_FILES_MAX);
    const size_t n_path = strlen(w->path) + 1;
    if (!MF_GROW(w->text, w->text_capacity, w->text_bytes + n_path, "file names", w->err) ||
        !MF_GROW(w->files, w->files_capacity, w->n_files + 1, "a list of files", w->err))
        return false;
    w->files[w->n_files++] = (found){w->text_bytes, n_bytes};
    memcpy(w->text + w->text_bytes, w->path, n_path);
    w->text_bytes += n_path;
    return true;
}

static bool walk_folder(walk *w, size_t depth);

/* Keeps, skips or descends into one name; w->path is its path. */
static bool visit(walk *w, int folder, const char *name, size_t depth)
{
    const mf_where here = {w->path, 0, 0};
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return mf_fail_errno(w->err, errno, here, "cannot look at this file of channel %s",
                             w->channel->name);
    if (S_ISLNK(status.st_mode)) {
        if (fstatat(folder, name, &status, 0) != 0)
            return mf_fail_errno(w->err, errno, here, "cannot follow this link of channel %s",
                                 w->channel->name);
        if (S_ISDIR(status.st_mode)) {
            w->n_skipped++;
            return true;
        }
    }
    if (S_ISDIR(status.st_mode)) {
        if (depth == MF_CHANNEL_DEPTH_MAX)
            return mf_fail(w->err, MF_ERR_LIMIT, here, "channel %s has folders more than %d deep",
                           w->channel->name, MF_CHANNEL_DEPTH_MAX);
        return walk_folder(w, depth + 1);
    }
    if (!S_ISREG(status.st_mode)) {
        w->n_skipped++;
        return true;
    }
    return keep_file(w, (uint64_t)status.st_size);
}

static bool walk_folder(walk *w, size_t depth)
{
    bool ok = false;
    const size_t n_folder = strlen(w->path);
    DIR *folder = opendir(w->path);
    if (folder == NULL) {
        if (depth == 0 && (errno == ENOENT || errno == ENOTDIR))
            mf_fail(w->err, MF_ERR_CONFIG, MF_NOWHERE,
                    "channel %s: there is no folder %s: the channel was not downloaded or its "
                    "name is wrong",
                    w->channel->name, w->channel->path);
        else
            mf_fail_errno(w->err, errno, (mf_where){w->path, 0, 0},
                          "cannot read this folder of channel %s", w->channel->name);
        goto done;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0) {
            w->path[n_folder] = '\0';
            mf_fail_errno(w->err, errno, (mf_where){w->path, 0, 0},
                          "cannot read this folder of channel %s", w->channel->name);
            goto done;
        }
        if (entry == NULL)
            break;
        if (!mf_stop_check(w->err))
            goto done;
        const char *name = entry->d_name;
        if (name[0] == '.' || name[0] == '_') {
            if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
                w->n_skipped++;
            continue;
        }
        const size_t n_name = strlen(name);
        if (n_folder + n_name + 2 > sizeof w->path) {
            mf_fail(w->err, MF_ERR_LIMIT, (mf_where){w->path, 0, 0},
                    "a path below this folder is longer than %d bytes", PATH_BYTES - 1);
            goto done;
        }
        w->path[n_folder] = '/';
        memcpy(w->path + n_folder + 1, name, n_name + 1);
        const bool visited = visit(w, dirfd(folder), name, depth);
        w->path[n_folder] = '\0';
        if (!visited)
            goto done;
    }
    ok = true;
done:
    if (folder != NULL)
        closedir(folder);
    return ok;
}

/* All paths share the channel's folder, so their order is that of the names. */
static int by_name(const void *a, const void *b)
{
    const mf_channel_file *left = a;
    const mf_channel_file *right = b;
    return strcmp(left->name, right->name);
}

static bool fail_empty(const walk *w)
{
    char skipped[96] = "";
    if (w->n_skipped > 0)
        snprintf(skipped, sizeof skipped,
                 " (%zu names that begin with '.' or '_' or are no files were skipped)",
                 w->n_skipped);
    return mf_fail(w->err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s at %s holds no files%s: a wrong S3 prefix, an empty prefix, or a "
                   "role without access to it",
                   w->channel->name, w->channel->path, skipped);
}

mf_channel_files *mf_channel_files_create(const mf_channel *channel, mf_error *err)
{
    file_list *list = NULL;
    mf_channel_files *files = NULL;
    walk *w = mf_allocate(1, sizeof *w, "a walk through a folder", err);
    if (w == NULL)
        return NULL;
    w->channel = channel;
    w->err = err;
    memcpy(w->path, channel->path, strlen(channel->path) + 1);
    w->root_bytes = strlen(w->path) + 1;
    if (!walk_folder(w, 0))
        goto done;
    if (w->n_files == 0) {
        fail_empty(w);
        goto done;
    }
    list = mf_allocate(1, sizeof *list, "a list of files", err);
    if (list == NULL)
        goto done;
    list->file = mf_allocate(w->n_files, sizeof *list->file, "a list of files", err);
    if (list->file == NULL)
        goto done;
    list->text = w->text;
    w->text = NULL; /* the list owns it from here */
    for (size_t i = 0; i < w->n_files; i++) {
        const char *path = list->text + w->files[i].start;
        list->file[i] = (mf_channel_file){path, path + w->root_bytes, w->files[i].n_bytes};
        list->view.total_bytes += w->files[i].n_bytes;
    }
    qsort(list->file, w->n_files, sizeof *list->file, by_name);
    list->view.n = w->n_files;
    list->view.file = list->file;
    files = &list->view;
    list = NULL;
done:
    if (list != NULL)
        mf_channel_files_destroy(&list->view);
    mf_free(w->files);
    mf_free(w->text);
    mf_free(w);
    return files;
}

void mf_channel_files_destroy(mf_channel_files *files)
{
    if (files == NULL)
        return;
    file_list *list = (file_list *)files;
    mf_free(list->file);
    mf_free(list->text);
    mf_free(list);
}

/* ---- Pipe: one FIFO an epoch ---- */

/* The interval of AWS's own sample. */
enum { POLL_MS = 100 };

/* Opens path when it is there; *fd stays -1 until then. Without O_NONBLOCK open
 * itself would block until the platform opens its end. */
static bool wait_for_path(const char *path, const char *channel, double until, double seconds,
                          int *fd, mf_error *err)
{
    for (;;) {
        if (!mf_stop_check(err))
            return false;
        *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (*fd >= 0)
            return true;
        if (errno != ENOENT && errno != EINTR)
            return mf_fail_errno(err, errno, (mf_where){path, 0, 0},
                                 "cannot open the pipe of channel %s", channel);
        if (mf_clock_seconds() >= until)
            return mf_fail(err, MF_ERR_IO, (mf_where){path, 0, 0},
                           "the pipe of channel %s did not appear within %.1f s; input mode File "
                           "or FastFile does without one",
                           channel, seconds);
        poll(NULL, 0, POLL_MS);
    }
}

/* Linux reports neither data nor hang-up until a writer has opened the FIFO, so
 * the first of them means that a read tells the truth. */
static bool wait_for_data(int fd, const char *path, const char *channel, double until,
                          double seconds, mf_error *err)
{
    for (;;) {
        if (!mf_stop_check(err))
            return false;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        const int ready = poll(&wait, 1, POLL_MS);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return mf_fail_errno(err, errno, (mf_where){path, 0, 0},
                                 "cannot wait for the pipe of channel %s", channel);
        if (mf_clock_seconds() >= until)
            return mf_fail(err, MF_ERR_IO, (mf_where){path, 0, 0},
                           "nothing was written into the pipe of channel %s within %.1f s; input "
                           "mode File or FastFile does without one",
                           channel, seconds);
    }
}

bool mf_pipe_open(const mf_channel *channel, unsigned epoch, double deadline_seconds, int *fd,
                  mf_error *err)
{
    if (channel->mode != MF_CHANNEL_PIPE)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "channel %s is in %s mode, not Pipe",
                       channel->name, mf_channel_mode_name(channel->mode));
    char path[MF_PATH_BYTES + 16];
    snprintf(path, sizeof path, "%s_%u", channel->path, epoch);
    const double until = mf_clock_seconds() + deadline_seconds;
    bool ok = false;
    int opened = -1;
    if (!wait_for_path(path, channel->name, until, deadline_seconds, &opened, err))
        goto done;
    struct stat status;
    if (fstat(opened, &status) != 0) {
        mf_fail_errno(err, errno, (mf_where){path, 0, 0}, "cannot look at the pipe");
        goto done;
    }
    if (!S_ISFIFO(status.st_mode) && !S_ISREG(status.st_mode)) {
        mf_fail(err, MF_ERR_CONFIG, (mf_where){path, 0, 0},
                "channel %s is in Pipe mode, but this is neither a pipe nor a file", channel->name);
        goto done;
    }
    if (S_ISFIFO(status.st_mode) &&
        !wait_for_data(opened, path, channel->name, until, deadline_seconds, err))
        goto done;
    *fd = opened;
    opened = -1;
    ok = true;
done:
    if (opened >= 0)
        close(opened);
    return ok;
}
