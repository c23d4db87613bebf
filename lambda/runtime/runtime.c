/* runtime.c: the loop of a function, and the tries, waits and logs around it.
 *
 *     start ──▶ next ──▶ handler ──▶ response or error ──▶ next …
 *       └─▶ init/error ──▶ exit 1
 */
#include "lambda/runtime/runtime.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "lambda/runtime/api.h"
#include "lambda/runtime/process.h"
#include "lambda/runtime/response.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_WAIT_MS = 50 };

typedef struct loop {
    const mf_lambda_function *function;
    mf_lambda_api *api;
    int stop_fd;
    mf_lambda_next next;
    mf_lambda_response response;
    unsigned n_failed;   /* consecutive `next` without a usable event            */
    unsigned n_rejected; /* consecutive responses to one event not accepted      */
} loop;

typedef enum step { CONTINUE, STOP, FAIL } step;

static void log_error(mf_log_level level, const char *event, const mf_error *err)
{
    mf_log_message(level, event, "%s", err->text);
}

/* Waits twice as long each time; a stop ends the wait. */
static void wait_before_try(const loop *l)
{
    struct pollfd stop = {.fd = l->stop_fd, .events = POLLIN};
    poll(&stop, 1, FIRST_WAIT_MS << (l->n_failed - 1));
}

static step take_next(loop *l)
{
    mf_error err = {0};
    mf_lambda_api_result result = mf_lambda_api_next(l->api, &l->next, &err);
    if (result == MF_LAMBDA_API_STOPPED)
        return STOP;
    if (result == MF_LAMBDA_API_OK && l->next.request_id[0] == '\0') {
        mf_fail(&err, MF_ERR_PARSE, MF_NOWHERE,
                "an event without a usable Lambda-Runtime-Aws-Request-Id cannot get a response");
        result = MF_LAMBDA_API_REJECTED;
    }
    if (result == MF_LAMBDA_API_OK) {
        l->n_failed = 0;
        return CONTINUE;
    }
    l->n_failed++;
    l->next.request_id[0] = '\0';
    if (result == MF_LAMBDA_API_BROKEN || l->n_failed >= MF_LAMBDA_NEXT_TRIES) {
        log_error(MF_LOG_FATAL, "next_failed", &err);
        return FAIL;
    }
    log_error(MF_LOG_WARNING, "next_failed", &err);
    wait_before_try(l);
    return CONTINUE;
}

/* Sends the response. Whether it arrives or not, the next call is `next`. */
static step send_response(loop *l)
{
    mf_lambda_response *response = &l->response;
    mf_error err = {0};
    const mf_lambda_api_result result =
        response->error_type == NULL
            ? mf_lambda_api_respond(l->api, response->request_id, response->body.bytes,
                                    response->body.n_bytes, &err)
            : mf_lambda_api_report(l->api, response->request_id, response->error_type,
                                   response->body.bytes, response->body.n_bytes, &err);
    response->lost = result == MF_LAMBDA_API_LOST;
    if (result == MF_LAMBDA_API_OK) {
        l->n_rejected = 0;
        return CONTINUE;
    }
    if (result == MF_LAMBDA_API_STOPPED) {
        mf_log_message(MF_LOG_WARNING, "response_lost", "stopped before the response arrived");
        return STOP;
    }
    if (result == MF_LAMBDA_API_BROKEN || ++l->n_rejected >= MF_LAMBDA_POST_TRIES) {
        log_error(MF_LOG_FATAL, "response_failed", &err);
        return FAIL;
    }
    log_error(MF_LOG_ERROR, response->lost ? "response_lost" : "response_rejected", &err);
    return CONTINUE;
}

static void finish_event(const loop *l, int64_t start_us)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_DEBUG, "invocation");
    mf_log_count(&line, "event_bytes", l->next.n_event);
    mf_log_count(&line, "response_bytes", l->response.body.n_bytes);
    mf_log_number(&line, "elapsed_ms", (double)(mf_clock_us() - start_us) / 1e3, 3);
    mf_log_end(&line);
    mf_log_set_context("");
}

static step one_event(loop *l)
{
    if (mf_stop_requested())
        return STOP;
    const step had = take_next(l);
    if (had != CONTINUE || l->next.request_id[0] == '\0')
        return had;
    const int64_t start_us = mf_clock_us();
    mf_log_set_context(l->next.request_id);
    const bool same = strcmp(l->response.request_id, l->next.request_id) == 0;
    if (!same)
        l->n_rejected = 0;
    if (!same || !l->response.lost) {
        mf_lambda_set_trace(l->next.trace_id);
        mf_lambda_response_make(&l->response, l->function, &l->next);
    }
    const step sent = send_response(l);
    finish_event(l, start_us);
    return sent;
}

/* Reports a failed start to the log and, if possible, to the service. */
static void report_start(loop *l, const mf_error *reason)
{
    mf_error err = {0};
    const char *type = mf_lambda_error_type(reason->code);
    log_error(MF_LOG_FATAL, "start_failed", reason);
    mf_lambda_error_write(&l->response.body, type, reason->text);
    if (mf_lambda_api_report(l->api, NULL, type, l->response.body.bytes, l->response.body.n_bytes,
                             &err) != MF_LAMBDA_API_OK)
        log_error(MF_LOG_ERROR, "start_report_failed", &err);
}

static bool start(loop *l)
{
    const mf_lambda_function *function = l->function;
    const int64_t start_us = mf_clock_us();
    mf_error err = {0};
    if (function->start != NULL && !function->start(function->context, &err)) {
        if (err.code == MF_OK)
            mf_fail(&err, MF_ERR_ARGUMENT, MF_NOWHERE, "the start failed without a reason");
        report_start(l, &err);
        return false;
    }
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "start");
    mf_log_text(&line, "function", function->name);
    mf_log_text(&line, "version", MF_VERSION);
    mf_log_number(&line, "elapsed_ms", (double)(mf_clock_us() - start_us) / 1e3, 3);
    mf_log_end(&line);
    return true;
}

static void print_help(const mf_lambda_function *function)
{
    printf(
        "%s: %s\n\n"
        "The AWS Lambda runtime starts this program and names its API in AWS_LAMBDA_RUNTIME_API.\n"
        "Region, credentials and endpoints come from AWS's own variables (AWS_REGION, …).\n\n"
        "Environment variables:\n",
        function->name, function->summary);
    function->print_settings();
}

int mf_lambda_run(const mf_lambda_function *function, int argc, char **argv)
{
    if (function->summary != NULL && argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(function);
        return 0;
    }
    mf_error err = {0};
    const char *address = NULL;
    if (!mf_lambda_api_address(&address, &err)) {
        if (argc > 1)
            fprintf(stderr, "%s: unknown argument %s; ", function->name, argv[1]);
        else
            fprintf(stderr, "%s: ", function->name);
        fprintf(stderr, "%s\n", err.text);
        return argc > 1 ? 2 : 1;
    }
    mf_lambda_start_log();
    step last = FAIL;
    loop l = {.function = function};
    l.stop_fd = mf_lambda_install_signals(&err);
    if (l.stop_fd >= 0)
        l.api = mf_lambda_api_create(address, l.stop_fd, &err);
    if (l.api == NULL) {
        log_error(MF_LOG_FATAL, "start_failed", &err);
        return 1;
    }
    if (start(&l)) {
        mf_lambda_keep_memory(); /* not that of the start, which may load a large file */
        do
            last = one_event(&l);
        while (last == CONTINUE);
    }
    if (function->finish != NULL)
        function->finish(function->context);
    mf_lambda_api_destroy(l.api);
    mf_lambda_response_free(&l.response);
    return last == STOP ? 0 : 1;
}
