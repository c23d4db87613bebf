/* process.h: what the runtime sets up once for the process: the address of the Runtime API, the
 * log, the signals; and the trace id, which it sets for each event (docs/lambda.md, 1.8).
 *
 * Threads: one, before others start. */
#ifndef MF_LAMBDA_RUNTIME_PROCESS_H
#define MF_LAMBDA_RUNTIME_PROCESS_H

#include "base/error.h"

#include <stdbool.h>

/* AWS_LAMBDA_RUNTIME_API, a host with an optional port. Fails MF_ERR_CONFIG naming the variable
 * when it is unset or anything else (a URL, a path). */
MF_MUST_CHECK bool mf_lambda_api_address(const char **address, mf_error *err);

/* Sends the log (base/log.h) to standard output in CloudWatch's format (1.12):
 *
 *     {"timestamp":"2026-01-31T09:30:00.120Z","level":"INFO","event":"start",
 *      "requestId":"989f…","message":"…"}
 *
 * AWS_LAMBDA_LOG_FORMAT=Text (any case) writes the same as
 * `2026-01-31T09:30:00.120Z INFO start requestId=989f… message="…"`.
 * AWS_LAMBDA_LOG_LEVEL is TRACE, DEBUG, INFO, WARN, ERROR or FATAL; unset or anything
 * else is INFO. Before the first request, requestId is "". */
void mf_lambda_start_log(void);

/* From now on memory that is freed stays with the process, in blocks up to 32 MiB: it has its container to itself,
 * and the next event needs as much. By default glibc returns it to the system and fetches it again
 * four times an event, which takes half of the CPU time of `recommend` for lists that `serve`
 * computes (script/bench recommend). */
void mf_lambda_keep_memory(void);

/* SIGTERM and SIGINT set the flag of base/stop.h and make a descriptor readable for good, so
 * that a poll() cannot miss a signal that arrives just before it. SIGPIPE is ignored from here
 * on. Returns the descriptor, which stays open as long as the process, or -1 and MF_ERR_IO. */
MF_MUST_CHECK int mf_lambda_install_signals(mf_error *err);

/* Sets _X_AMZN_TRACE_ID, or unsets it when trace_id is "". At most MF_LAMBDA_TRACE_ID_BYTES.
 * Without setenv(), whose memory the C library never frees: one text for each invocation. */
void mf_lambda_set_trace(const char *trace_id);

#endif
