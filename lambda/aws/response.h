/* response.h: reads an HTTP response, header line by header line and piece by piece. Pure: no
 * socket, no libcurl.
 *
 * (1) A successful body (2xx) is kept up to max_bytes; with a sink and status 200 its pieces go
 *     to the sink instead. More than max_bytes, announced or received, ends the reading.
 * (2) Of any other body at most MF_AWS_ERROR_BODY_BYTES are kept, for the error message.
 * (3) A successful body needs a marked end (Content-Length or chunks), unless may_lack_length is
 *     set: a body that ends with its connection cannot be told from a truncated one.
 * (4) Interim responses (100 Continue) leave nothing behind. Headers beyond
 *     MF_AWS_HEADERS_BYTES and trailers are ignored.
 *
 * Threads: one at a time. */
#ifndef MF_LAMBDA_AWS_RESPONSE_H
#define MF_LAMBDA_AWS_RESPONSE_H

#include "base/error.h"
#include "base/text.h"

enum {
    MF_AWS_ERROR_BODY_BYTES = 64 << 10,
    MF_AWS_HEADERS_BYTES = 16 << 10,
};

/* Takes a body that is too large to be kept. begin comes first, and again for each further
 * response of the same call: it discards what came before. n_bytes is the announced size,
 * UINT64_MAX when unknown. Both return false and set err to end the call. */
typedef struct mf_aws_sink {
    bool (*begin)(void *context, uint64_t n_bytes, mf_error *err);
    bool (*bytes)(void *context, const char *bytes, size_t n, mf_error *err);
    void *context;
} mf_aws_sink;

/* How the transfer ended. */
typedef enum mf_aws_transfer {
    MF_AWS_TRANSFER_COMPLETE,      /* a whole response with a status                       */
    MF_AWS_TRANSFER_NOT_CONNECTED, /* no connection: the peer did not get the request      */
    MF_AWS_TRANSFER_BROKEN,        /* the connection broke, or the bytes were not HTTP     */
    MF_AWS_TRANSFER_TIMED_OUT,     /* the timeout ended it                                 */
    MF_AWS_TRANSFER_UNTRUSTED,     /* the peer's certificate does not verify               */
    MF_AWS_TRANSFER_TOO_LARGE,     /* more than max_bytes                                  */
    MF_AWS_TRANSFER_SINK_FAILED,   /* the sink returned false; `why` has its error         */
    MF_AWS_TRANSFER_LOCAL,         /* no memory, or a request that cannot be made          */
} mf_aws_transfer;

typedef struct mf_aws_response {
    mf_aws_transfer transfer;
    bool was_sent;        /* the peer may have received the request and acted on it      */
    mf_error why;         /* unless COMPLETE: one sentence without secrets               */
    int status;           /* 0 until there is one                                        */
    mf_text body;         /* not zero-terminated; empty when a sink took it              */
    bool may_lack_length; /* set it after the start                                */

    /* The reader's own. */
    mf_text headers; /* name, 0, value, 0, name, … */
    const mf_aws_sink *sink;
    uint64_t max_bytes;
    uint64_t n_received;
    bool in_headers;
    bool has_enough; /* of an error's body: the rest is not needed */
} mf_aws_response;

/* Before a request; keeps the memory of the last response. sink may be NULL. */
void mf_aws_response_start(mf_aws_response *response, const mf_aws_sink *sink, uint64_t max_bytes);

/* One header line with its line end. A status line begins a response, an empty line ends its
 * headers. False: the rest need not be read, and unless has_enough, transfer says why. */
MF_MUST_CHECK bool mf_aws_response_take_header(mf_aws_response *response, const char *line,
                                               size_t n);

/* A piece of the body; false as above. */
MF_MUST_CHECK bool mf_aws_response_take_body(mf_aws_response *response, const char *bytes,
                                             size_t n);

/* The value of a header (any case) without surrounding blanks; the first when there are
 * several, "" when there is none. Lives until the next response starts. */
const char *mf_aws_response_header(const mf_aws_response *response, const char *name);

void mf_aws_response_free(mf_aws_response *response);

#endif
