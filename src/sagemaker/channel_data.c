/* channel_data.c: the walk over a channel's folder by fts(3), sorted at the end, and the two waits
 * for its pipe (for the FIFO and for its first byte), which share one deadline. */
#include "sagemaker/channel_data.h"

#include "base/clock.h"
#include "base/grow.h"
#include "base/memory.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- File and FastFile: files ---- */

/* Linux's PATH_MAX: nothing longer can be opened by path. */
enum { PATH_BYTES = 4096 };

/* A list under construction. The public struct comes first: a pointer to one is one to the other.
 * */
typedef struct walk {
    mf_channel_files view;
    mf_channel_file *files; /* [view.n] of [capacity]; each path is a block of malloc */
    size_t capacity;
    const mf_channel *channel;
    size_t n_skipped;
} walk;

static bool keep_file(walk *w, const char *path, uint64_t n_bytes, mf_error *err)
{
    if (w->view.n == MF_CHANNEL_FILES_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                       "channel %s at %s holds more than %d files: join them into fewer",
                       w->channel->name, w->channel->path, MF_CHANNEL_FILES_MAX);
    if (!MF_GROW(w->files, w->capacity, w->view.n + 1, "a list of files", err))
        return false;
    const char *copy = strdup(path);
    if (copy == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a list of files");
    w->files[w->view.n++] = (mf_channel_file){copy, copy + strlen(w->channel->path) + 1, n_bytes};
    w->view.total_bytes += n_bytes;
    return true;
}

static bool fail_folder(const walk *w, const FTSENT *entry, mf_error *err)
{
    if (entry->fts_level == 0 && (entry->fts_errno == ENOENT || entry->fts_errno == ENOTDIR))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "channel %s: there is no folder %s: the channel was not downloaded or its "
                       "name is wrong",
                       w->channel->name, w->channel->path);
    return mf_fail_errno(err, entry->fts_errno, (mf_where){entry->fts_path, 0, 0},
                         "cannot read this folder of channel %s", w->channel->name);
}

/* Keeps or skips one entry of the walk. */
static bool visit(walk *w, FTS *tree, FTSENT *entry, mf_error *err)
{
    const mf_where here = {entry->fts_path, 0, 0};
    struct stat status;
    if (entry->fts_level > 0 && (entry->fts_name[0] == '.' || entry->fts_name[0] == '_')) {
        w->n_skipped += entry->fts_info != FTS_DP;
        fts_set(tree, entry, FTS_SKIP);
        return true;
    }
    if (entry->fts_pathlen >= PATH_BYTES)
        return mf_fail(err, MF_ERR_LIMIT, (mf_where){entry->fts_parent->fts_path, 0, 0},
                       "a path below this folder is longer than %d bytes", PATH_BYTES - 1);
    switch (entry->fts_info) {
    case FTS_D:
        if (entry->fts_level > MF_CHANNEL_DEPTH_MAX)
            return mf_fail(err, MF_ERR_LIMIT, here, "channel %s has folders more than %d deep",
                           w->channel->name, MF_CHANNEL_DEPTH_MAX);
        return true;
    case FTS_DP:
        return true;
    case FTS_F:
        if (entry->fts_level == 0) {
            entry->fts_errno = ENOTDIR;
            return fail_folder(w, entry, err);
        }
        return keep_file(w, entry->fts_path, (uint64_t)entry->fts_statp->st_size, err);
    case FTS_SL:
        if (stat(entry->fts_path, &status) != 0)
            return mf_fail_errno(err, errno, here, "cannot follow this link of channel %s",
                                 w->channel->name);
        if (S_ISREG(status.st_mode))
            return keep_file(w, entry->fts_path, (uint64_t)status.st_size, err);
        w->n_skipped++;
        return true;
    case FTS_NS:
        if (entry->fts_level > 0)
            return mf_fail_errno(err, entry->fts_errno, here,
                                 "cannot look at this file of channel %s", w->channel->name);
        return fail_folder(w, entry, err);
    case FTS_DNR:
    case FTS_ERR:
        return fail_folder(w, entry, err);
    default: /* FIFOs, sockets, devices */
        w->n_skipped++;
        return true;
    }
}

static bool walk_folder(walk *w, mf_error *err)
{
    char path[MF_PATH_BYTES];
    char *const roots[] = {path, NULL};
    memcpy(path, w->channel->path, sizeof path);
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    FTSENT *entry = NULL;
    bool ok = tree != NULL;
    while (ok && (entry = fts_read(tree)) != NULL)
        ok = mf_stop_check(err) && visit(w, tree, entry, err);
    if (entry == NULL && errno != 0) /* fts_open or fts_read failed */
        ok = mf_fail_errno(err, errno, (mf_where){path, 0, 0},
                           "cannot read this folder of channel %s", w->channel->name);
    if (tree != NULL)
        fts_close(tree);
    return ok;
}

/* All paths share the channel's folder, so their order is that of the names. */
static int by_name(const void *a, const void *b)
{
    const mf_channel_file *left = a;
    const mf_channel_file *right = b;
    return strcmp(left->name, right->name);
}

static bool fail_empty(const walk *w, mf_error *err)
{
    char skipped[96] = "";
    if (w->n_skipped > 0)
        snprintf(skipped, sizeof skipped,
                 " (%zu names that begin with '.' or '_' or are no files were skipped)",
                 w->n_skipped);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s at %s holds no files%s: a wrong S3 prefix, an empty prefix, or a "
                   "role without access to it",
                   w->channel->name, w->channel->path, skipped);
}

mf_channel_files *mf_channel_files_list(const mf_channel *channel, mf_error *err)
{
    walk *w = mf_allocate(1, sizeof *w, "a list of files", err);
    if (w == NULL)
        return NULL;
    w->channel = channel;
    if (!walk_folder(w, err)) {
        mf_channel_files_destroy(&w->view);
        return NULL;
    }
    if (w->view.n > 0)
        qsort(w->files, w->view.n, sizeof *w->files, by_name);
    w->view.file = w->files;
    return &w->view;
}

mf_channel_files *mf_channel_files_create(const mf_channel *channel, mf_error *err)
{
    mf_channel_files *files = mf_channel_files_list(channel, err);
    if (files == NULL || files->n > 0 || fail_empty((const walk *)files, err))
        return files;
    mf_channel_files_destroy(files);
    return NULL;
}

void mf_channel_files_destroy(mf_channel_files *files)
{
    walk *w = (walk *)files;
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->view.n; i++)
        free(mf_without_const(w->files[i].path));
    mf_free(w->files);
    mf_free(w);
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
