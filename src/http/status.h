/* status.h: what a status is called.
 *
 * Threads: any. */
#ifndef MF_HTTP_STATUS_H
#define MF_HTTP_STATUS_H

/* The reason phrase of RFC 9110 ("Not Found"), or "Unknown". */
const char *mf_status_reason(int status);

/* The name in an error's JSON ("not_found"), or "error". Stable: clients compare it. */
const char *mf_status_code(int status);

#endif
