/* signals.h: a request to stop that also wakes whoever waits in poll().
 *
 * SIGTERM and SIGINT raise the flag of base/stop.h and make a descriptor readable for
 * good. A flag alone would be missed when the signal comes between looking at it and
 * falling asleep. */
#ifndef MF_LAMBDA_RUNTIME_SIGNALS_H
#define MF_LAMBDA_RUNTIME_SIGNALS_H

#include "base/error.h"

/* Installs the handlers; SIGPIPE is ignored from here on. Returns the descriptor, which
 * stays open as long as the process, or -1 and MF_ERR_IO. Called once. */
int mf_signals_install(mf_error *err);

#endif
