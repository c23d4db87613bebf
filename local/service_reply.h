/* service_reply.h: what the faces of local-cloud have in common when they answer.
 *
 * Threads: one. */
#ifndef MF_LOCAL_SERVICE_REPLY_H
#define MF_LOCAL_SERVICE_REPLY_H

#include "web.h"

/* A request that is being worked on; its user pointer. What belongs to it follows it. */
typedef struct mf_pending {
    void (*gone)(struct mf_pending *pending); /* the client went away */
} mf_pending;

/* An error as AWS's services write it: {"message":…} and the header x-amzn-ErrorType. */
void mf_service_refuse(mf_web_request *request, int status, const char *type, const char *message);

/* The same from a service that calls its message `key` and has more to say before it:
 * members is JSON that ends with a comma, or empty. */
void mf_service_refuse_with(mf_web_request *request, int status, const char *type,
                            const char *members, const char *key, const char *message);

/* "x-amzn-RequestId: …" and "Content-Type: …". */
void mf_service_add_headers(mf_text *headers, const char *request_id, const char *content_type);

/* The last part of a path such as PREFIX/NAME/suffix, percent-decoded into name. False when
 * it is no such path or the name is too long. */
bool mf_service_name(mf_web_view path, const char *prefix, const char *suffix, char *name,
                     size_t name_size);

#endif
