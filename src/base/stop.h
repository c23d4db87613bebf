/* stop.h: a request to stop, seen by everything that loops or waits.
 *
 * SIGTERM and SIGINT raise one flag. Long work looks at it between pieces and
 * fails with MF_ERR_STOPPED. The handler does nothing else, and it is installed
 * without SA_RESTART, so that blocking calls return with EINTR.
 *
 * Threads: any. */
#ifndef MF_BASE_STOP_H
#define MF_BASE_STOP_H

#include "base/error.h"

#include <stdbool.h>

/* Installs the handlers. Works as PID 1 too, where the default action of
 * SIGTERM is to be ignored. SIGPIPE is ignored from here on. */
void mf_stop_install(void);

/* True from the first SIGTERM or SIGINT on (or mf_stop_request). */
bool mf_stop_requested(void);

/* Raises or lowers the flag by hand (tests, embedding). */
void mf_stop_request(bool on);

/* False and MF_ERR_STOPPED once a stop was requested, else true. */
MF_MUST_CHECK bool mf_stop_check(mf_error *err);

#endif
