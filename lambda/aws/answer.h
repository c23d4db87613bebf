/* answer.h: an HTTP answer as it comes in, header line by header line and piece by
 * piece. Knows nothing of sockets.
 *
 * (1) A successful body (2xx) is kept up to max_bytes, or goes to a sink as it comes when
 *     the status is 200. More than max_bytes, announced or arrived, ends the reading.
 * (2) Of any other body at most MF_AWS_ERROR_BODY_BYTES are kept, to be explained.
 * (3) A successful body must have a marked end (Content-Length or chunks): one that ends
 *     with its connection cannot be told from one that was cut off.
 * (4) Interim answers (100 Continue) leave nothing behind. Headers beyond
 *     MF_AWS_HEADERS_BYTES are passed over, trailers too.
 *
 * Threads: one at a time. */
#ifndef MF_LAMBDA_AWS_ANSWER_H
#define MF_LAMBDA_AWS_ANSWER_H

#include "base/error.h"
#include "base/text.h"

enum {
    MF_AWS_ERROR_BODY_BYTES = 64 << 10,
    MF_AWS_HEADERS_BYTES = 16 << 10,
};

/* Takes a body that is too large to be kept. begin comes first and again whenever a new
 * answer begins: what came before is void. n_bytes is how many will come, UINT64_MAX when
 * that is not known. Both return false and say why in err to end the call. */
typedef struct mf_aws_sink {
    bool (*begin)(void *context, uint64_t n_bytes, mf_error *err);
    bool (*bytes)(void *context, const char *bytes, size_t n, mf_error *err);
    void *context;
} mf_aws_sink;

/* How an exchange ended. */
typedef enum mf_aws_ending {
    MF_AWS_ENDED_WHOLE,       /* an answer with a status, whole                           */
    MF_AWS_ENDED_UNCONNECTED, /* no connection: the peer knows nothing of the request     */
    MF_AWS_ENDED_LOST,        /* the connection broke, or what came was not HTTP          */
    MF_AWS_ENDED_TIMED_OUT,   /* nobody waited any longer                                 */
    MF_AWS_ENDED_UNTRUSTED,   /* the peer's certificate does not verify                   */
    MF_AWS_ENDED_TOO_LARGE,   /* more than max_bytes                                      */
    MF_AWS_ENDED_BY_SINK,     /* the sink refused; why has its words                      */
    MF_AWS_ENDED_LOCALLY,     /* no memory, or a request that cannot be made              */
} mf_aws_ending;

typedef struct mf_aws_answer {
    mf_aws_ending ending;
    bool was_sent; /* the peer may have the request and may have acted on it */
    mf_error why;  /* unless WHOLE: one sentence, nothing secret in it       */
    int status;    /* 0 while there is none                                  */
    mf_text body;  /* not zero-terminated; empty when a sink had it          */

    /* The reader's own. */
    mf_text headers; /* name, 0, value, 0, name, … */
    const mf_aws_sink *sink;
    uint64_t max_bytes;
    uint64_t n_received;
    bool in_headers;
    bool has_enough; /* of an error's body: the rest is not needed */
} mf_aws_answer;

/* Before a request; keeps the memory of the last answer. sink may be NULL. */
void mf_aws_answer_start(mf_aws_answer *answer, const mf_aws_sink *sink, uint64_t max_bytes);

/* One header line with its line end; a status line begins an answer, an empty line ends
 * its headers. False: the rest need not be read, and unless has_enough, ending says why. */
bool mf_aws_answer_take_header(mf_aws_answer *answer, const char *line, size_t n);

/* A piece of the body; false as above. */
bool mf_aws_answer_take_body(mf_aws_answer *answer, const char *bytes, size_t n);

/* The value of a header (any case), without blanks around it; of several the first.
 * "" when there is none. Lives until the next answer starts. */
const char *mf_aws_answer_header(const mf_aws_answer *answer, const char *name);

void mf_aws_answer_free(mf_aws_answer *answer);

#endif
