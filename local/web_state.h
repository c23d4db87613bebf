/* web_state.h: a connection and its one request, as the files of web.h share them. */
#ifndef MF_LOCAL_WEB_STATE_H
#define MF_LOCAL_WEB_STATE_H

#include "http/chunks.h"
#include "http/head.h"
#include "local/web.h"

#include <event2/event.h>
#include <event2/listener.h>

enum { MF_LOCAL_WEB_PEER_BYTES = 46 };

typedef enum mf_local_web_stage {
    MF_LOCAL_WEB_HEAD,    /* of the next request, perhaps nothing of it yet */
    MF_LOCAL_WEB_BODY,    /* the head is parsed, begin has been called      */
    MF_LOCAL_WEB_HANDLED, /* handle has been called, the answer is missing  */
    MF_LOCAL_WEB_OVER,    /* nothing more will be read                      */
} mf_local_web_stage;

struct mf_local_web_server {
    struct event_base *base;
    struct evconnlistener *listener;
    mf_local_web_handler handler;
    mf_local_web_limits limits;
    mf_local_web_request *first;
    uint32_t n_connections;
    uint16_t port;
    mf_text head; /* of the answer being sent */
};

/* A connection. */
struct mf_local_web_request {
    mf_local_web_server *server;
    mf_local_web_request *previous, *next;
    struct event *readable, *writable;
    int fd;
    char peer[MF_LOCAL_WEB_PEER_BYTES];

    mf_local_web_stage stage;
    bool inside; /* its bytes are being walked: whoever called will clean up       */
    bool paused; /* not reading: the client has sent more than it was asked for    */
    bool close;  /* after the answer                                               */
    bool broken; /* to be freed by the next event                                  */

    mf_text in;     /* the request from its first byte on, and what stands behind it */
    size_t scanned; /* of mf_head_find_end                                           */
    size_t n_head;  /* bytes of the head; 0 before it is whole                       */
    mf_head head;
    mf_chunks chunks;
    mf_text body;    /* of chunks                                                    */
    uint64_t n_body; /* bytes of the body so far, also of one that is thrown away    */
    bool overflowed;
    bool is_head_method;
    void *user;

    mf_text out; /* of answers, what the socket did not take */
    size_t n_sent;
};

/* web_connection.c */
mf_local_web_request *mf_local_web_connect(mf_local_web_server *server, int fd, const char *peer);
void mf_local_web_free(mf_local_web_request *request);
void mf_local_web_tell_gone(mf_local_web_request *request);

/* web_reply.c */
void mf_local_web_flush(mf_local_web_request *request);
void mf_local_web_refuse(mf_local_web_request *request, int status, const char *message);

#endif
