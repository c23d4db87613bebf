/* access_log.h: one JSON line per response, written by a thread of its own.
 *
 *     {"ts":"2026-01-31T09:30:00.120Z","level":"info","event":"request",
 *      "request_id":"5f2c…","inference_id":"abc","method":"POST","route":"/invocations",
 *      "status":200,"bytes_in":35,"bytes_out":31,"microseconds":42,"unknown_users":1}
 *
 * Loops put records into rings of their own and never wait; the thread writes
 * them a few times a second, many lines to one write(). A ring that is full drops
 * records and counts them; the count is logged.
 *
 * (1) A line holds no user data: no path beyond the route, no query, no body.
 * (2) After close every record that was put has been written, if that took no more
 *     than a second of waiting for the reader of the log.
 *
 * Threads: put by the loop it names; the rest by one thread. */
#ifndef MF_HTTP_ACCESS_LOG_H
#define MF_HTTP_ACCESS_LOG_H

#include "base/error.h"

#include <stdint.h>

enum {
    MF_ACCESS_REQUEST_ID_BYTES = 40,
    MF_ACCESS_INFERENCE_ID_BYTES = 65, /* X-Amzn-SageMaker-Inference-Id: 1 … 64 printable */
};

/* A figure of the handler's own (mf_http_log_count). */
enum { MF_ACCESS_COUNTS = 2 };

typedef struct mf_access_count {
    const char *name; /* static; NULL: none */
    uint64_t value;
} mf_access_count;

typedef struct mf_access {
    const char *method; /* static */
    const char *route;  /* static; "" when there was none */
    uint16_t status;
    uint64_t bytes_in;  /* of the body, unpacked */
    uint64_t bytes_out; /* of the response's body */
    uint64_t microseconds;
    int64_t when_ms; /* wall clock, since 1970 */
    mf_access_count counts[MF_ACCESS_COUNTS];
    char request_id[MF_ACCESS_REQUEST_ID_BYTES];
    char inference_id[MF_ACCESS_INFERENCE_ID_BYTES]; /* "" when there was none */
} mf_access;

typedef struct mf_http_access_log mf_http_access_log;

/* Lines go to file descriptor fd, which stays the caller's. Responses below min_status are not
 * logged (200: all, 400: errors only). Fails MF_ERR_MEMORY, MF_ERR_IO (no thread). */
MF_MUST_CHECK mf_http_access_log *mf_access_log_open(int fd, uint32_t n_loops, uint16_t min_status,
                                                     mf_error *err);

void mf_access_log_put(mf_http_access_log *log, uint32_t loop, const mf_access *access);

/* Writes what is left and ends the thread. NULL is fine. */
void mf_access_log_close(mf_http_access_log *log);

#endif
