/* endpoint_answer.h: what SageMaker Runtime makes of a container's answer.
 *
 * Threads: one. */
#ifndef MF_LOCAL_ENDPOINT_ANSWER_H
#define MF_LOCAL_ENDPOINT_ANSWER_H

#include "settings.h"
#include "web.h"

typedef enum mf_endpoint_outcome {
    MF_ENDPOINT_ANSWERED,
    MF_ENDPOINT_TIMED_OUT,
    MF_ENDPOINT_TOO_LONG,
    MF_ENDPOINT_UNREACHABLE,
    MF_ENDPOINT_THROTTLED, /* was not asked at all */
} mf_endpoint_outcome;

typedef struct mf_endpoint_answer {
    const mf_local_settings *settings;
    const mf_endpoint_settings *endpoint;
    mf_endpoint_outcome outcome;
    int status; /* of the container, when it answered */
    const char *body;
    size_t n_body;
    mf_text headers; /* to hand on */
    bool has_type;
} mf_endpoint_answer;

/* Keeps a header of the container's answer when the caller may see it. */
void mf_endpoint_take_header(mf_endpoint_answer *answer, const char *name, const char *value);

/* Answers the caller. */
void mf_endpoint_reply(const mf_endpoint_answer *answer, mf_web_request *request);

#endif
