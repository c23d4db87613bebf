/* request.h: HTTP requests, signed or not, over a pool of connections to one peer. The only file
 * below lambda/ that calls libcurl.
 *
 *     for (i = 0; i < n; i++)
 *         mf_aws_connections_start(connections, i, &request[i], &response[i]);
 *     while ((i = mf_aws_connections_wait(connections, 1000, -1)) != MF_AWS_NO_CONNECTION)
 *         …                                     response[i] is complete
 *
 * Connections are kept from request to request for the life of the process. Retries belong to
 * client.h.
 *
 * (1) The signature covers exactly the bytes that are sent. libcurl 7.88 has seven known
 *     defects in signing (docs/lambda.md, 3.2): it signs a header that was removed, it hashes
 *     the last request's body for the next GET, …. Every option is therefore set anew for each
 *     request, and no request has a shape that triggers one of them.
 * (2) https requires a certificate that verifies. Plain http is used only for a peer that a
 *     variable names.
 * (3) Redirects are not followed. HTTP/1.1. No cookies, no .netrc.
 * (4) https uses the proxy of the environment (HTTPS_PROXY, NO_PROXY), which sees only a
 *     tunnel; plain http never uses a proxy.
 * (5) A request ends within timeout_ms, name resolution included; 0: it may wait for ever.
 * (6) When no request was under way for MF_AWS_IDLE_MS of wall clock time, all connections are
 *     closed before the next one. Lambda freezes a function between two events; meanwhile a
 *     connection may have died and the monotonic clock, which libcurl uses, may have stood
 *     still (1.6.8).
 * (7) When a kept connection breaks before the first byte of a response, libcurl sends the
 *     request again, so the peer may get it twice (1.6.12). `once` prevents that: the request
 *     ends as MF_AWS_TRANSFER_BROKEN.
 * (8) A body of more than 1 MiB is sent at once, without a wait for "100 Continue".
 *
 * Threads: one for each pool. The caller ignores SIGPIPE (lambda/runtime does). */
#ifndef MF_LAMBDA_AWS_REQUEST_H
#define MF_LAMBDA_AWS_REQUEST_H

#include "lambda/aws/environment.h"
#include "lambda/aws/response.h"

enum {
    MF_AWS_IDLE_MS = 20000,
    MF_AWS_CONNECTIONS_MOST = 64,
};

#define MF_AWS_NO_CONNECTION SIZE_MAX

/* Neither may be empty or contain a control character; a name appears once, and no name is
 * another one followed by '-' and more (libcurl 7.88 would sort them wrongly). */
typedef struct mf_aws_header {
    const char *name;
    const char *value;
} mf_aws_header;

typedef struct mf_aws_request {
    const char *url; /* canonical: what needs encoding is encoded; no query */
    const mf_aws_header *headers;
    size_t n_headers;
    const char *body; /* NULL: a GET; else a POST of n_body bytes, which may be 0 */
    size_t n_body;
    const char *region;  /* of the signature, as is service */
    const char *service; /* "": unsigned; region and credentials are then ignored */
    const mf_aws_credentials *credentials;
    int64_t timeout_ms; /* of the whole request; 0: none */
    int64_t connect_timeout_ms;
    bool once;
} mf_aws_request;

typedef struct mf_aws_connections mf_aws_connections;

/* A pool for at most n requests at once, 1 … MF_AWS_CONNECTIONS_MOST. NULL and MF_ERR_MEMORY
 * without memory. Opens no connection yet. */
MF_MUST_CHECK mf_aws_connections *mf_aws_connections_create(size_t n, mf_error *err);

/* NULL is fine. Requests under way are aborted. */
void mf_aws_connections_destroy(mf_aws_connections *connections);

/* Begins a request in slot i, which must have none. The struct itself is copied; all that it
 * points to and the response, which was started, must stay until the request is complete. The
 * function adds the session token and Host; x-amz-content-sha256 is the caller's. */
void mf_aws_connections_start(mf_aws_connections *connections, size_t i,
                              const mf_aws_request *request, mf_aws_response *response);

/* Waits until a request is complete and returns its slot; response->transfer says how it
 * ended. MF_AWS_NO_CONNECTION after timeout_ms, when the descriptor stop_fd (-1: none) becomes
 * readable, or when no request is under way. */
size_t mf_aws_connections_wait(mf_aws_connections *connections, int64_t timeout_ms, int stop_fd);

/* Aborts the request of slot i. */
void mf_aws_connections_abort(mf_aws_connections *connections, size_t i);

#endif
