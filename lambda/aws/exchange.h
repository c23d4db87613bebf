/* exchange.h: one signed request, one answer. With lines.c the only door to libcurl in this
 * room.
 *
 * An exchange is the line to one peer: its connection is kept from request to request,
 * for as long as the process lives. Trying again is client.h's matter, several requests at
 * a time are lines.h's.
 *
 * (1) What is signed is what is sent. libcurl 7.88 signs with seven known defects
 *     (docs/lambda.md, 3.2): a removed header is signed all the same, a body from the
 *     last request is hashed for the next GET, …; every option is set anew for each
 *     request and none of the shapes that fail is ever used.
 * (2) Nobody gets through without a certificate that verifies. Plain http is for a peer
 *     that a variable names.
 * (3) Redirects are answers, not followed. HTTP/1.1. No cookies, no .netrc.
 * (4) https goes through the proxy of the environment (HTTPS_PROXY, NO_PROXY), which sees
 *     only a tunnel; plain http never goes through a proxy.
 * (5) The request ends within timeout_ms, the look-up of the host's name included.
 * (6) A connection that was idle for MF_AWS_IDLE_MS by the wall clock is not used again.
 *     A function is frozen between two events; what is then behind the connection nobody
 *     knows, and the steady clock, by which libcurl counts, may not have moved (1.6.8).
 * (7) A connection that breaks before the first byte of an answer has the request sent
 *     again, by libcurl itself: the peer may get it twice (1.6.12). `once` prevents that:
 *     the request has a connection of its own.
 * (8) A body of more than 1 MiB is sent at once, not after a second of waiting.
 *
 * Threads: one for each exchange. SIGPIPE is to be ignored (lambda/runtime does). */
#ifndef MF_LAMBDA_AWS_EXCHANGE_H
#define MF_LAMBDA_AWS_EXCHANGE_H

#include "lambda/aws/answer.h"
#include "lambda/aws/environment.h"

enum { MF_AWS_IDLE_MS = 20000 };

/* Neither may be empty or have a control character; a name appears once, and no name is
 * another one with '-' and more behind it (libcurl 7.88 would sort them wrongly). */
typedef struct mf_aws_header {
    const char *name;
    const char *value;
} mf_aws_header;

typedef struct mf_aws_request {
    const char *url; /* canonical: what needs encoding is encoded; no query */
    const mf_aws_header *headers;
    size_t n_headers;
    const char *body; /* NULL: a GET; else a POST of n_body bytes, 0 too */
    size_t n_body;
    const char *region;  /* of the signature, as is service */
    const char *service; /* "": nothing is signed, and region and credentials are not looked at */
    const mf_aws_credentials *credentials;
    int64_t timeout_ms; /* of everything; > 0 */
    int64_t connect_timeout_ms;
    bool once;
} mf_aws_request;

typedef struct mf_aws_exchange mf_aws_exchange;

/* NULL and MF_ERR_MEMORY without memory. Connects to nobody. */
mf_aws_exchange *mf_aws_exchange_create(mf_error *err);

/* NULL is fine. */
void mf_aws_exchange_destroy(mf_aws_exchange *exchange);

/* Sends the request and reads into the answer, which was started. How it went is in
 * answer->ending. Session token and Host are headers of ours; x-amz-content-sha256 is
 * the caller's. */
void mf_aws_exchange_run(mf_aws_exchange *exchange, const mf_aws_request *request,
                         mf_aws_answer *answer);

#endif
