/* stop.c: promises in stop.h. */
#include "base/stop.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t requested;

static void on_signal(int signal_number)
{
    (void)signal_number;
    requested = 1;
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
}

bool mf_stop_requested(void)
{
    return requested != 0;
}

void mf_stop_request(bool on)
{
    requested = on;
}

bool mf_stop_check(mf_error *err)
{
    if (requested)
        return mf_fail(err, MF_ERR_STOPPED, MF_NOWHERE, "stopped by SIGTERM");
    return true;
}
