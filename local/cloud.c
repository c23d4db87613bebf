/* cloud.c: one event loop for everything: the HTTP server, the processes' output, signals, timers.
 *
 * Every request passes one route and is offered to the invoke API, the endpoints, the page and the
 * gateway in turn. After the first SIGTERM or SIGINT new requests are refused and processes get SIGTERM, after
 * the second or after stop-seconds SIGKILL; the loop ends when no process is left. */
#include "local/cloud.h"

#include "base/file.h"
#include "base/log.h"
#include "local/apigateway/gateway.h"
#include "local/endpoint/endpoint.h"
#include "local/eventsource/mapping.h"
#include "local/page/page.h"
#include "local/runtime/function.h"
#include "local/runtime/invoke_api.h"
#include "local/runtime/output.h"
#include "local/service.h"

#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

enum { N_SIGNALS = 3 };

typedef struct cloud {
    const mf_local_settings *settings;
    struct event_base *base;
    struct event *signals[N_SIGNALS];
    struct event *kill_timer;
    mf_http_server *server;
    mf_local_function *functions[MF_LOCAL_FUNCTIONS_MAX];
    mf_local_invoke_api lambda;
    mf_local_gateway gateway;
    mf_local_endpoints *endpoints;
    mf_local_page *page; /* NULL: there is none */
    mf_local_mapping *mappings[MF_LOCAL_MAPPINGS_MAX];
    bool stopping;
} cloud;

/* ----------------------------------------------------------------- requests */

static void handle(mf_http_request *request, void *context)
{
    cloud *c = context;
    mf_http_suspend(request); /* most responses come later */
    if (c->stopping)
        mf_local_service_refuse(request, 503, "ServiceUnavailable", "local-cloud stops");
    else if (!mf_local_invoke_api_handle(&c->lambda, request) &&
             !mf_local_endpoints_handle(c->endpoints, request) &&
             !mf_local_page_handle(c->page, request))
        mf_local_gateway_handle(&c->gateway, request);
}

static void on_disconnect(mf_http_request *request, void *context)
{
    (void)context;
    mf_local_pending *pending = mf_http_get_user(request);
    if (pending != NULL)
        pending->gone(pending);
}

static const mf_http_route EVERY_PATH = {
    .path = "*",
    .methods = MF_LOCAL_ALL_METHODS,
    .handle = handle,
    .on_disconnect = on_disconnect,
    .no_deadline = true,
    .raw_body = true,
};

/* ------------------------------------------------------------------ stopping */

static unsigned signal_all(cloud *c, int signal_number)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < c->settings->n_functions; i++)
        n += mf_local_function_stop(c->functions[i], signal_number);
    return n;
}

static void on_patience_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    signal_all(context, SIGKILL);
}

static void on_stop(evutil_socket_t signal_number, short what, void *context)
{
    (void)what;
    cloud *c = context;
    const bool again = c->stopping;
    c->stopping = true;
    if (!again) {
        mf_log_message(MF_LOG_INFO, "stopping", "%s: stopping every process",
                       signal_number == SIGINT ? "SIGINT" : "SIGTERM");
        for (uint32_t i = 0; i < c->settings->n_mappings; i++)
            mf_local_mapping_stop(c->mappings[i]);
    }
    if (signal_all(c, again ? SIGKILL : SIGTERM) == 0)
        event_base_loopbreak(c->base);
    else if (!again)
        mf_local_start_timer(c->kill_timer, c->settings->stop_s);
}

static void on_child(evutil_socket_t signal_number, short what, void *context)
{
    (void)signal_number;
    (void)what;
    cloud *c = context;
    for (uint32_t i = 0; i < c->settings->n_functions; i++)
        mf_local_function_reap(c->functions[i]);
    if (c->stopping && signal_all(c, 0) == 0)
        event_base_loopbreak(c->base);
}

/* ------------------------------------------------------------------ starting */

/* A connection is a file, and a desktop lets a program have 1,024. */
static void raise_files(void)
{
    enum { WANTED = 8192 };
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= WANTED)
        return;
    files.rlim_cur = files.rlim_max < WANTED ? files.rlim_max : WANTED;
    setrlimit(RLIMIT_NOFILE, &files);
}

static bool start_signals(cloud *c, mf_error *err)
{
    static const int numbers[N_SIGNALS] = {SIGCHLD, SIGINT, SIGTERM};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < N_SIGNALS; i++) {
        c->signals[i] = evsignal_new(c->base, numbers[i], i == 0 ? on_child : on_stop, c);
        if (c->signals[i] == NULL || event_add(c->signals[i], NULL) != 0)
            return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a signal");
    }
    c->kill_timer = event_new(c->base, -1, EV_PERSIST, on_patience_over, c);
    return c->kill_timer != NULL ||
           mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a timer");
}

static bool write_port(const cloud *c, mf_error *err)
{
    char text[16];
    if (c->settings->port_file[0] == '\0')
        return true;
    const int n = snprintf(text, sizeof text, "%u\n", (unsigned)mf_http_server_port(c->server));
    return mf_file_write(c->settings->port_file, text, (size_t)n, err);
}

static void log_listening(const cloud *c)
{
    mf_log_line line;
    const char *address = c->settings->address;
    mf_log_begin(&line, MF_LOG_INFO, "listening");
    mf_log_text(&line, "address", address);
    mf_log_count(&line, "port", mf_http_server_port(c->server));
    mf_log_count(&line, "functions", c->settings->n_functions);
    mf_log_count(&line, "routes", c->settings->n_routes);
    mf_log_count(&line, "endpoints", c->settings->n_endpoints);
    mf_log_count(&line, "mappings", c->settings->n_mappings);
    mf_log_text(&line, "message",
                "a tool for development: it takes the place of Lambda, API Gateway and a "
                "SageMaker endpoint, and checks no credentials");
    mf_log_end(&line);
    if (strncmp(address, "127.", 4) != 0 && strcmp(address, "::1") != 0)
        mf_log_message(
            MF_LOG_WARNING, "open_to_others",
            "%s is not this machine alone: every client that reaches it may run the functions",
            address);
}

static bool start(cloud *c, mf_error *err)
{
    enum { BODY_BYTES = 10 << 20, CONNECTIONS = 1000 };
    const mf_local_settings *settings = c->settings;
    raise_files();
    if (!mf_local_console_open(c->base))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the console");
    if (!start_signals(c, err))
        return false;
    c->endpoints = mf_local_endpoints_create(c->base, settings);
    if (c->endpoints == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for endpoints");
    if (settings->page_model[0] != '\0') {
        c->page = mf_local_page_create(c->base, settings, err);
        if (c->page == NULL)
            return false;
    }
    for (uint32_t i = 0; i < settings->n_functions; i++) {
        c->functions[i] = mf_local_function_create(c->base, settings, i, err);
        if (c->functions[i] == NULL)
            return false;
    }
    c->server = mf_local_server_create(c->base, settings->address, (uint16_t)settings->port,
                                       &EVERY_PATH, c, BODY_BYTES, CONNECTIONS, err);
    if (c->server == NULL)
        return false;
    c->lambda = (mf_local_invoke_api){settings, c->functions};
    c->gateway = (mf_local_gateway){.base = c->base,
                                    .settings = settings,
                                    .functions = c->functions,
                                    .port = mf_http_server_port(c->server),
                                    .tokens = settings->burst};
    for (uint32_t i = 0; i < settings->n_functions; i++)
        mf_local_function_open(c->functions[i], mf_http_server_port(c->server));
    for (uint32_t i = 0; i < settings->n_mappings; i++) {
        const mf_local_mapping_settings *mapping = &settings->mappings[i];
        if (!mapping->enabled)
            continue;
        c->mappings[i] =
            mf_local_mapping_open(c->base, settings, i, c->functions[mapping->function], err);
        if (c->mappings[i] == NULL)
            return false;
    }
    log_listening(c);
    return write_port(c, err);
}

static void end(cloud *c)
{
    /* Requests end first: they cancel what they wait for, which still exists. */
    mf_http_server_destroy(c->server);
    mf_local_endpoints_destroy(c->endpoints);
    mf_local_page_destroy(c->page);
    for (uint32_t i = 0; i < c->settings->n_mappings; i++)
        mf_local_mapping_close(c->mappings[i]);
    for (uint32_t i = 0; i < c->settings->n_functions; i++)
        mf_local_function_destroy(c->functions[i]);
    mf_local_console_close();
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (c->signals[i] != NULL)
            event_free(c->signals[i]);
    if (c->kill_timer != NULL)
        event_free(c->kill_timer);
    event_base_free(c->base);
}

bool mf_local_run(const mf_local_settings *settings, mf_error *err)
{
    cloud c = {.settings = settings, .base = event_base_new()};
    if (c.base == NULL)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an event loop");
    const bool ok = start(&c, err);
    if (ok)
        event_base_dispatch(c.base);
    end(&c);
    return ok;
}
