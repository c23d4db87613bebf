/* stop.c: the signal handler sets one lock-free flag. */
#include "base/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* Lock-free, so a signal handler may write it and any thread may read it. */
static atomic_bool requested;
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "a signal handler may not wait");

static void on_signal(int signal_number)
{
    (void)signal_number;
    atomic_store(&requested, true);
}

void mf_stop_install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL); /* a full file is an error of write() */
}

bool mf_stop_requested(void)
{
    return atomic_load_explicit(&requested, memory_order_relaxed);
}

void mf_stop_request(bool on)
{
    atomic_store(&requested, on);
}

bool mf_stop_check(mf_error *err)
{
    if (mf_stop_requested())
        return mf_fail(err, MF_ERR_STOPPED, MF_NOWHERE, "stopped by SIGTERM");
    return true;
}
