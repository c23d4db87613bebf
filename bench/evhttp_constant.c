/* evhttp_constant.c: libevent's own HTTP server with a constant response: the peer of serve.
 *
 *   evhttp_constant PORT          one thread, until it is killed */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void respond(struct evhttp_request *request, void *context)
{
    (void)context;
    static const char BODY[] = "{\"predicted_rating\":4.425361}";
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                      "application/json");
    evbuffer_add_reference(body, BODY, strlen(BODY), NULL, NULL);
    evhttp_send_reply(request, 200, "OK", NULL);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: evhttp_constant PORT\n");
        return 2;
    }
    struct event_base *base = event_base_new();
    struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;
    if (http == NULL ||
        evhttp_bind_socket(http, "127.0.0.1", (unsigned short)strtoul(argv[1], NULL, 10)) != 0) {
        fprintf(stderr, "evhttp_constant: cannot listen on port %s\n", argv[1]);
        return 1;
    }
    evhttp_set_gencb(http, respond, NULL);
    return event_base_dispatch(base) == 0 ? 0 : 1;
}
