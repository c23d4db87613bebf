/* pipe.c: two waits, for the FIFO and for its writer, with one deadline. */
#include "sagemaker/pipe.h"

#include "base/clock.h"
#include "base/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
