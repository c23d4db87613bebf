/* cloud.h: the running program, from listening to the end of the last process.
 *
 * One thread, one event loop. Signals are events of it: SIGCHLD looks for processes that
 * have ended, SIGINT and SIGTERM end the program (a second one at once).
 *
 * Threads: one. */
#ifndef MF_LOCAL_CLOUD_H
#define MF_LOCAL_CLOUD_H

#include "base/error.h"
#include "local/local_settings.h"

/* Runs until it is told to stop. False when it could not start. Afterwards no process of
 * its functions is left. */
MF_MUST_CHECK bool mf_local_run(const mf_local_settings *settings, mf_error *err);

#endif
