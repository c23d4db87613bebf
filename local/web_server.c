/* web_server.c: listening. */
#include "base/log.h"
#include "local/web_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int n_address, void *context)
{
    (void)listener;
    (void)n_address;
    mf_local_web_server *server = context;
    static const int on = 1;
    char peer[MF_LOCAL_WEB_PEER_BYTES] = "127.0.0.1";
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)address)->sin_addr, peer, sizeof peer);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)address)->sin6_addr, peer,
                  sizeof peer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (server->n_connections >= server->limits.max_connections ||
        mf_local_web_connect(server, fd, peer) == NULL)
        close(fd);
}

static void on_accept_error(struct evconnlistener *listener, void *context)
{
    (void)listener;
    (void)context;
    mf_log_message(MF_LOG_ERROR, "accept", "a connection could not be accepted: %s",
                   strerror(errno));
}

static bool parse_address(const char *address, uint16_t port, struct sockaddr_storage *out,
                          int *n_out)
{
    memset(out, 0, sizeof *out);
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)out;
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *n_out = sizeof *four;
        return true;
    }
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1)
        return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    *n_out = sizeof *six;
    return true;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage name;
    socklen_t n = sizeof name;
    memset(&name, 0, sizeof name);
    getsockname(fd, (struct sockaddr *)&name, &n);
    /* The port stands at the same place in both families. */
    return ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
}

mf_local_web_server *mf_local_web_create(struct event_base *base, const char *address,
                                         uint16_t port, const mf_local_web_handler *handler,
                                         const mf_local_web_limits *limits, mf_error *err)
{
    enum { BACKLOG = 1024 };
    struct sockaddr_storage name;
    int n_name;
    if (!parse_address(address, port, &name, &n_name)) {
        mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "\"%s\" is no numeric address", address);
        return NULL;
    }
    mf_local_web_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a server");
        return NULL;
    }
    server->base = base;
    server->handler = *handler;
    server->limits = *limits;
    errno = 0;
    server->listener = evconnlistener_new_bind(
        base, on_accept, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, (struct sockaddr *)&name, n_name);
    if (server->listener == NULL) {
        mf_fail_errno(err, errno, MF_NOWHERE, "cannot listen on %s port %u", address,
                      (unsigned)port);
        free(server);
        return NULL;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    server->port = port_of(evconnlistener_get_fd(server->listener));
    return server;
}

uint16_t mf_local_web_port(const mf_local_web_server *server)
{
    return server->port;
}

void mf_local_web_drop(mf_local_web_server *server)
{
    while (server->first != NULL)
        mf_local_web_free(server->first);
}

void mf_local_web_destroy(mf_local_web_server *server)
{
    if (server == NULL)
        return;
    evconnlistener_free(server->listener);
    while (server->first != NULL) {
        mf_local_web_tell_gone(server->first);
        mf_local_web_free(server->first);
    }
    mf_text_free(&server->head);
    free(server);
}
