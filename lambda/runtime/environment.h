/* environment.h: what the process's environment variables say, and the one that the
 * runtime has to set itself (docs/lambda.md, 1.8).
 *
 * Threads: one, before others start. */
#ifndef MF_LAMBDA_RUNTIME_ENVIRONMENT_H
#define MF_LAMBDA_RUNTIME_ENVIRONMENT_H

#include "base/error.h"

#include <stdbool.h>

/* AWS_LAMBDA_RUNTIME_API, a host with an optional port. False and MF_ERR_CONFIG naming
 * the variable when it is not set or is anything else (a URL, a path). */
bool mf_environment_address(const char **address, mf_error *err);

/* The log (base/log.h) as CloudWatch takes it (1.12), on standard output:
 *
 *     {"timestamp":"2026-01-31T09:30:00.120Z","level":"INFO","event":"start",
 *      "requestId":"989f…","message":"…"}
 *
 * AWS_LAMBDA_LOG_FORMAT=Text (any case) writes the same as
 * `2026-01-31T09:30:00.120Z INFO start requestId=989f… message="…"`.
 * AWS_LAMBDA_LOG_LEVEL is TRACE, DEBUG, INFO, WARN, ERROR or FATAL; unset or anything
 * else is INFO. Before there is a request, requestId is "". */
void mf_environment_start_log(void);

/* _X_AMZN_TRACE_ID is trace_id from now on; "" takes it out. At most MF_TRACE_ID_BYTES.
 * Not setenv: the C library keeps every text ever set, one more for each invocation. */
void mf_environment_set_trace(const char *trace_id);

#endif
