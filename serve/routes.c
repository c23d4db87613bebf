/* routes.c: the table; see routes.h. */
#include "routes.h"

#include "cached.h"
#include "invocations.h"
#include "status.h"

/* A list answers HEAD wherever it answers GET. Health checks come as GET, HEAD or
 * POST, depending on who asks, and good ones are not logged: they come every few
 * seconds for as long as an endpoint lives. */
enum { READ = MF_HTTP_GET | MF_HTTP_HEAD };

const mf_http_route mf_routes[] = {
    {.path = "/ping", .methods = READ | MF_HTTP_POST, .handle = mf_answer_ping, .quiet = true},
    {.path = "/invocations", .methods = MF_HTTP_POST, .handle = mf_answer_invocations},
    {.path = "/internal/recommend/{user_id}", .methods = READ, .handle = mf_answer_recommend},
    {.path = "/recommend/cached/{user_id}", .methods = READ, .handle = mf_answer_cached},
    {.path = "/execution-parameters", .methods = READ, .handle = mf_answer_execution_parameters},
    {.path = "/health", .methods = READ, .handle = mf_answer_health, .quiet = true},
    {.path = "/metrics", .methods = READ, .handle = mf_answer_metrics, .quiet = true},
};

const size_t mf_n_routes = sizeof mf_routes / sizeof mf_routes[0];
