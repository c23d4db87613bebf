/* status.h: requests about the server itself.
 *
 * Threads: as handlers, on the loop of the request. */
#ifndef MF_SERVE_STATUS_H
#define MF_SERVE_STATUS_H

#include "http/server.h"

/* /ping: 200 and no body once the model is loaded and checked, else 503 with the
 * reason. The first failure after a success is logged. */
void mf_handle_ping(mf_http_request *request, void *service);

/* GET /health, for load balancers and people: the same statuses with facts about the model.
 *   {"status":"ok","version":"0.2.0","model":{"version":"…","users":671,
 *    "models":{"rating":true,"ranking":true},…}} */
void mf_handle_health(mf_http_request *request, void *service);

/* GET /execution-parameters: what a batch transform job may send at once. */
void mf_handle_execution_parameters(mf_http_request *request, void *service);

/* GET /metrics: Prometheus' text format 0.0.4. */
void mf_handle_metrics(mf_http_request *request, void *service);

#endif
