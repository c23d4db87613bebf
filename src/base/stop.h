/* stop.h: a request to stop the process.
 *
 * SIGTERM and SIGINT set one flag. Long work checks it between pieces and fails with
 * MF_ERR_STOPPED. The handler does nothing else. It is installed without SA_RESTART, so that
 * blocking calls return with EINTR.
 *
 * Threads: any. */
#ifndef MF_BASE_STOP_H
#define MF_BASE_STOP_H

#include "base/error.h"

#include <stdbool.h>

/* Installs the handlers; also for PID 1, which by default ignores SIGTERM. SIGPIPE and SIGXFSZ are
 * ignored from then on. */
void mf_stop_install(void);

/* True from the first SIGTERM or SIGINT on (or mf_stop_request). */
bool mf_stop_requested(void);

/* Sets or clears the flag without a signal (tests, embedding). */
void mf_stop_request(bool on);

/* False and MF_ERR_STOPPED once a stop was requested, else true. */
MF_MUST_CHECK bool mf_stop_check(mf_error *err);

#endif
