/* event.h: the event that API Gateway makes of a request.
 *
 * (1) Payload 1.0 is a REST API's proxy event, 2.0 that of an HTTP API; fields and their
 *     types as in AWS's own examples (docs/lambda.md, 2.2 and 2.3).
 * (2) A body is base64 when its media type is one of the API's binary types (1.0), or is
 *     not text, JSON, JavaScript or XML (2.0). Other bytes that are not UTF-8 become U+FFFD.
 * (3) Headers of the connection itself are left out; Host, X-Forwarded-… and
 *     X-Amzn-Trace-Id are added.
 *
 * Threads: any. */
#ifndef MF_LOCAL_APIGATEWAY_EVENT_H
#define MF_LOCAL_APIGATEWAY_EVENT_H

#include "base/error.h"
#include "local/apigateway/route.h"

enum { MF_LOCAL_GATEWAY_HEADERS_MAX = 112, MF_LOCAL_GATEWAY_QUERY_MAX = 4096 };

typedef struct mf_local_gateway_request {
    const mf_local_settings *settings;
    const mf_local_route *route;
    const mf_local_path_parameters *parameters;
    const char *request_id;
    const char *trace;
    const char *peer;
    uint16_t port;
    int64_t wall_ms; /* when it came */
    mf_http_view method;
    mf_http_view sent_path; /* as called, with the stage if that was there */
    mf_http_view path;      /* without */
    mf_http_view query;     /* as sent; NULL: none */
    mf_http_view body;
    mf_http_view content_type; /* NULL: none */
    mf_http_view user_agent;
    mf_uri_parameter headers[MF_LOCAL_GATEWAY_HEADERS_MAX];
    size_t n_headers;
} mf_local_gateway_request;

/* Adds a header of the request, unless it is of the connection itself. */
void mf_local_gateway_add_header(mf_local_gateway_request *request, mf_http_view name,
                                 mf_http_view value);

/* Appends the event. False when the query cannot be decoded or has over 32 parameters. */
MF_MUST_CHECK bool mf_local_gateway_event_write(mf_text *event,
                                                const mf_local_gateway_request *request);

/* True when a media type ("image/png; q=1") is one of the API's binary types. */
bool mf_local_gateway_is_binary(const mf_local_settings *settings, const char *type, size_t n_type);

#endif
