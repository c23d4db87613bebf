/* signals.c: promises in signals.h. */
#include "lambda/runtime/signals.h"

#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static volatile sig_atomic_t wake_fd = -1;

static void on_signal(int signal_number)
{
    (void)signal_number;
    const int kept = errno;
    mf_stop_request(true);
    const uint64_t one = 1;
    const ssize_t written = write(wake_fd, &one, sizeof one);
    (void)written; /* it cannot block: the counter would have to reach 2^64 */
    errno = kept;
}

int mf_signals_install(mf_error *err)
{
    if (wake_fd < 0) {
        const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            mf_fail_errno(err, errno, MF_NOWHERE, "cannot make an eventfd");
            return -1;
        }
        wake_fd = fd;
    }
    mf_stop_install();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    return wake_fd;
}
