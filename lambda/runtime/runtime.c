/* runtime.c: the order of calls; promises in runtime.h.
 *
 *     start ──▶ next ──▶ answer ──▶ response or error ──▶ next …
 *       └─▶ init/error ──▶ exit 1
 */
#include "lambda/runtime/runtime.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "lambda/runtime/answer.h"
#include "lambda/runtime/api.h"
#include "lambda/runtime/environment.h"
#include "lambda/runtime/report.h"
#include "lambda/runtime/signals.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_WAIT_MS = 50 };

typedef struct loop {
    const mf_runtime_function *function;
    mf_api *api;
    int stop_fd;
    mf_incoming incoming;
    mf_answer answer;
    unsigned n_failed;  /* `next` in a row without an event that can be answered */
    unsigned n_in_vain; /* answers in a row, to one event, that were not taken      */
} loop;

typedef enum verdict { GO_ON, LEAVE_WELL, LEAVE_BADLY } verdict;

static void say(mf_log_level level, const char *event, const mf_error *err)
{
    mf_log_message(level, event, "%s", err->text);
}

/* Waits twice as long each time; a stop ends it. */
static void wait_before_try(const loop *l)
{
    struct pollfd stop = {.fd = l->stop_fd, .events = POLLIN};
    poll(&stop, 1, FIRST_WAIT_MS << (l->n_failed - 1));
}

static verdict next(loop *l)
{
    mf_error err = {0};
    mf_api_outcome outcome = mf_api_next(l->api, &l->incoming, &err);
    if (outcome == MF_API_STOPPED)
        return LEAVE_WELL;
    if (outcome == MF_API_OK && l->incoming.request_id[0] == '\0') {
        mf_fail(&err, MF_ERR_PARSE, MF_NOWHERE,
                "an event without a usable Lambda-Runtime-Aws-Request-Id cannot be answered");
        outcome = MF_API_REFUSED;
    }
    if (outcome == MF_API_OK) {
        l->n_failed = 0;
        return GO_ON;
    }
    l->n_failed++;
    l->incoming.request_id[0] = '\0';
    if (outcome == MF_API_BROKEN || l->n_failed >= MF_NEXT_TRIES) {
        say(MF_LOG_FATAL, "next_failed", &err);
        return LEAVE_BADLY;
    }
    say(MF_LOG_WARNING, "next_failed", &err);
    wait_before_try(l);
    return GO_ON;
}

/* Sends the answer. Whatever becomes of it, the next call is `next`. */
static verdict send_answer(loop *l)
{
    mf_answer *answer = &l->answer;
    mf_error err = {0};
    const mf_api_outcome outcome =
        answer->error_type == NULL ? mf_api_respond(l->api, answer->request_id, answer->body.bytes,
                                                    answer->body.n_bytes, &err)
                                   : mf_api_report(l->api, answer->request_id, answer->error_type,
                                                   answer->body.bytes, answer->body.n_bytes, &err);
    answer->lost = outcome == MF_API_LOST;
    if (outcome == MF_API_OK) {
        l->n_in_vain = 0;
        return GO_ON;
    }
    if (outcome == MF_API_STOPPED) {
        mf_log_message(MF_LOG_WARNING, "answer_lost", "stopped before the answer arrived");
        return LEAVE_WELL;
    }
    if (outcome == MF_API_BROKEN || ++l->n_in_vain >= MF_POST_TRIES) {
        say(MF_LOG_FATAL, "answer_failed", &err);
        return LEAVE_BADLY;
    }
    say(MF_LOG_ERROR, answer->lost ? "answer_lost" : "answer_refused", &err);
    return GO_ON;
}

static void finish_event(const loop *l, double start)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_DEBUG, "invocation");
    mf_log_count(&line, "event_bytes", l->incoming.event.n_bytes);
    mf_log_count(&line, "answer_bytes", l->answer.body.n_bytes);
    mf_log_number(&line, "elapsed_ms", (mf_clock_seconds() - start) * 1e3, 3);
    mf_log_end(&line);
    mf_log_set_context("");
}

static verdict one_event(loop *l)
{
    if (mf_stop_requested())
        return LEAVE_WELL;
    const verdict had = next(l);
    if (had != GO_ON || l->incoming.request_id[0] == '\0')
        return had;
    const double start = mf_clock_seconds();
    mf_log_set_context(l->incoming.request_id);
    const bool same = strcmp(l->answer.request_id, l->incoming.request_id) == 0;
    if (!same)
        l->n_in_vain = 0;
    if (!same || !l->answer.lost) {
        mf_environment_set_trace(l->incoming.trace_id);
        mf_answer_make(&l->answer, l->function, &l->incoming);
    }
    const verdict sent = send_answer(l);
    finish_event(l, start);
    return sent;
}

/* The start failed: say so, as far as it can be said, and leave. */
static void report_start(loop *l, const mf_error *reason)
{
    mf_error err = {0};
    const char *type = mf_report_type(reason->code);
    say(MF_LOG_FATAL, "start_failed", reason);
    mf_report_write(&l->answer.body, type, reason->text);
    if (mf_api_report(l->api, NULL, type, l->answer.body.bytes, l->answer.body.n_bytes, &err) !=
        MF_API_OK)
        say(MF_LOG_ERROR, "start_report_failed", &err);
}

static bool start(loop *l)
{
    const mf_runtime_function *function = l->function;
    const double begin = mf_clock_seconds();
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
    mf_log_number(&line, "elapsed_ms", (mf_clock_seconds() - begin) * 1e3, 3);
    mf_log_end(&line);
    return true;
}

int mf_runtime_run(const mf_runtime_function *function)
{
    mf_error err = {0};
    const char *address = NULL;
    if (!mf_environment_address(&address, &err)) {
        fprintf(stderr, "%s: %s\n", function->name, err.text);
        return 1;
    }
    mf_environment_start_log();
    verdict end = LEAVE_BADLY;
    loop l = {.function = function};
    l.stop_fd = mf_signals_install(&err);
    if (l.stop_fd >= 0)
        l.api = mf_api_create(address, l.stop_fd, &err);
    if (l.api == NULL) {
        say(MF_LOG_FATAL, "start_failed", &err);
        return 1;
    }
    if (start(&l)) {
        do
            end = one_event(&l);
        while (end == GO_ON);
    }
    if (function->finish != NULL)
        function->finish(function->context);
    mf_api_destroy(l.api);
    mf_answer_free(&l.answer);
    mf_incoming_free(&l.incoming);
    return end == LEAVE_WELL ? 0 : 1;
}
