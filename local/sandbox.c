/* sandbox.c: promises in sandbox.h. */
#include "sandbox.h"

#include "base/clock.h"
#include "base/log.h"
#include "runtime_api.h"
#include "variables.h"

#include <event2/event.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { EXIT_MS = 2000 /* from init/error to the end of the process */ };

static void set_timer(mf_sandbox *s, uint32_t ms)
{
    const struct timeval wait = {ms / 1000, (long)(ms % 1000) * 1000};
    event_add(s->timer, &wait);
}

static void doom(mf_sandbox *s)
{
    event_del(s->timer);
    s->doomed = true;
    mf_process_kill(&s->process, SIGKILL);
}

bool mf_sandbox_is_working(const mf_sandbox *s)
{
    return s->state == MF_SANDBOX_RUNNING || s->state == MF_SANDBOX_BEGUN;
}

bool mf_sandbox_is_coming(const mf_sandbox *s)
{
    return !s->doomed && (s->state == MF_SANDBOX_STARTED || s->state == MF_SANDBOX_SENT);
}

/* ------------------------------------------------------------------- events */

static void send_event(mf_sandbox *s, mf_web_request *request)
{
    const mf_invoke *invoke = s->invoke;
    mf_text headers = MF_TEXT_EMPTY;
    mf_text_literal(&headers, "Content-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: ");
    mf_text_append(&headers, invoke->id, strlen(invoke->id));
    mf_text_literal(&headers, "\r\nLambda-Runtime-Deadline-Ms: ");
    mf_text_count(&headers, (uint64_t)s->deadline_ms);
    mf_text_literal(&headers, "\r\nLambda-Runtime-Invoked-Function-Arn: ");
    mf_text_append(&headers, invoke->arn, strlen(invoke->arn));
    mf_text_literal(&headers, "\r\n");
    mf_web_add_header(&headers, "Lambda-Runtime-Trace-Id", invoke->trace, strlen(invoke->trace));
    if (invoke->client_context.n_bytes > 0)
        mf_web_add_header(&headers, "Lambda-Runtime-Client-Context", invoke->client_context.bytes,
                          invoke->client_context.n_bytes);
    mf_web_set_user(request, NULL);
    mf_web_reply(request, 200, &headers, invoke->event.bytes, invoke->event.n_bytes);
    mf_text_free(&headers);
}

void mf_sandbox_give(mf_sandbox *s, mf_invoke *invoke)
{
    mf_web_request *request = s->waiting;
    s->waiting = NULL;
    s->invoke = invoke;
    s->state = MF_SANDBOX_RUNNING;
    s->given_at = mf_clock_seconds();
    s->deadline_ms = mf_clock_wall_ms() + s->of->timeout_ms;
    memcpy(s->last_id, invoke->id, sizeof s->last_id);
    mf_output_clear_tail(&s->output);
    mf_output_say(&s->output, "START RequestId: %s Version: $LATEST", invoke->id);
    set_timer(s, s->of->timeout_ms);
    send_event(s, request);
}

void mf_sandbox_next(mf_sandbox *s, mf_web_request *request)
{
    if (s->state == MF_SANDBOX_RUNNING) {
        send_event(s, request);
        return;
    }
    event_del(s->timer);
    if (s->state == MF_SANDBOX_STARTED) {
        s->init_ms = (mf_clock_seconds() - s->started_at) * 1000;
        mf_output_drain(&s->output);
    }
    /* A second `next` is one whose first was lost on its way; nobody reads that any more. */
    if (s->waiting != NULL) {
        mf_web_set_user(s->waiting, NULL);
        mf_web_reply(s->waiting, 500, NULL, NULL, 0);
    }
    s->state = MF_SANDBOX_READY;
    s->was_ready = true;
    s->late_start = false;
    s->waiting = request;
    mf_web_set_user(request, s);
    mf_function_on_ready(s->function, s);
}

static void report(mf_sandbox *s, const char *error_type)
{
    const double now = mf_clock_seconds();
    const double ms = (now - s->given_at) * 1000;
    char init[64] = "", status[128] = "";
    enum { MB = 1 << 20 };
    /* /proc costs more than a quick function. */
    if (now - s->peak_looked_at > 0.5) {
        const size_t bytes = mf_process_peak_bytes(&s->process);
        s->peak_bytes = bytes > s->peak_bytes ? bytes : s->peak_bytes;
        s->peak_looked_at = now;
    }
    if (s->init_ms > 0)
        snprintf(init, sizeof init, "\tInit Duration: %.2f ms", s->init_ms);
    if (error_type != NULL)
        snprintf(status, sizeof status, "\tStatus: error\tError Type: %s", error_type);
    mf_output_say(&s->output, "END RequestId: %s", s->last_id);
    mf_output_say(&s->output,
                  "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\t"
                  "Memory Size: %u MB\tMax Memory Used: %zu MB%s%s",
                  s->last_id, ms, ceil(ms + s->init_ms), s->of->memory_mb,
                  (s->peak_bytes + MB - 1) / MB, init, status);
    s->init_ms = 0;
}

void mf_sandbox_answer(mf_sandbox *s, const char *error_type, const char *payload, size_t n_payload)
{
    mf_invoke *invoke = s->invoke;
    mf_outcome outcome = {.failed = error_type != NULL, .payload = payload, .n_payload = n_payload};
    s->invoke = NULL;
    s->state = MF_SANDBOX_SENT;
    mf_output_drain(&s->output);
    report(s, error_type);
    mf_outcome_set_tail(&outcome, &s->output.tail);
    mf_invoke_finish(invoke, &outcome);
}

void mf_sandbox_fail(mf_sandbox *s, const char *type, const char *message, bool kill)
{
    mf_invoke *invoke = s->invoke;
    s->invoke = NULL;
    s->state = MF_SANDBOX_SENT;
    mf_output_drain(&s->output);
    if (invoke != NULL) {
        mf_output_say(&s->output, "RequestId: %s Error: %s", invoke->id, message);
        report(s, type);
    }
    if (kill)
        doom(s);
    if (invoke != NULL)
        mf_invoke_fail(invoke, type, message, &s->output.tail);
}

/* The invocation that a start was for. */
static void fail_oldest(mf_sandbox *s, const char *type, const char *message, const mf_text *said)
{
    mf_invoke *invoke = mf_function_take(s->function);
    if (invoke == NULL)
        return;
    if (said == NULL || said->n_bytes == 0) {
        mf_invoke_fail(invoke, type, message, &s->output.tail);
        return;
    }
    mf_outcome outcome = {.failed = true, .payload = said->bytes, .n_payload = said->n_bytes};
    mf_outcome_set_tail(&outcome, &s->output.tail);
    mf_invoke_finish(invoke, &outcome);
}

void mf_sandbox_init_failed(mf_sandbox *s, const char *said, size_t n_said)
{
    s->state = MF_SANDBOX_INIT_ERROR;
    mf_text_clear(&s->init_error, 0);
    mf_text_append(&s->init_error, said, n_said);
    set_timer(s, EXIT_MS);
}

/* -------------------------------------------------------------------- times */

static void say_init(mf_sandbox *s, const char *status)
{
    mf_output_drain(&s->output);
    mf_output_say(&s->output, "INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: %s",
                  (mf_clock_seconds() - s->started_at) * 1000, status);
}

static void on_time_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_sandbox *s = context;
    char message[64];
    snprintf(message, sizeof message, "Task timed out after %.2f seconds",
             s->of->timeout_ms / 1000.0);
    switch (s->state) {
    case MF_SANDBOX_STARTED:
        say_init(s, "timeout");
        if (s->late_start)
            fail_oldest(s, "Sandbox.Timeout", message, NULL);
        s->late_start = !s->late_start;
        doom(s);
        break;
    case MF_SANDBOX_RUNNING:
    case MF_SANDBOX_BEGUN:
        mf_sandbox_fail(s, "Sandbox.Timeout", message, true);
        break;
    case MF_SANDBOX_SENT:
        mf_output_say(&s->output, "RequestId: %s Error: %s, after the response", s->last_id,
                      message);
        doom(s);
        break;
    case MF_SANDBOX_INIT_ERROR:
        doom(s);
        break;
    case MF_SANDBOX_OFF:
    case MF_SANDBOX_READY:
        break;
    }
}

/* ------------------------------------------------------------------ process */

void mf_sandbox_start(mf_sandbox *s)
{
    mf_error err = {0};
    char **variables =
        mf_variables_make(s->settings, s->of, s->number, mf_web_port(s->api), s->cloud_port);
    const bool ok = variables != NULL &&
                    mf_process_start(&s->process, s->of->words, variables,
                                     s->of->folder[0] != '\0' ? s->of->folder : NULL, &err) &&
                    mf_output_start(&s->output, s->base, &s->process);
    free(variables);
    mf_output_clear_tail(&s->output);
    s->started_at = mf_clock_seconds();
    s->peak_looked_at = 0;
    s->peak_bytes = 0;
    s->was_ready = s->doomed = false;
    s->last_id[0] = '\0';
    mf_text_clear(&s->init_error, 0);
    if (ok) {
        s->state = MF_SANDBOX_STARTED;
        set_timer(s, s->late_start ? s->of->timeout_ms : s->of->init_timeout_ms);
        return;
    }
    if (err.code == MF_OK)
        mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory to start %s", s->of->words[0]);
    if (s->process.pid > 0) { /* it runs and nobody would hear it */
        s->state = MF_SANDBOX_STARTED;
        doom(s);
        return;
    }
    mf_log_message(MF_LOG_ERROR, "not_started", "function %s: %s", s->of->name, err.text);
    fail_oldest(s, "Runtime.InvalidEntrypoint", err.text, NULL);
}

static void end_of_process(mf_sandbox *s, int status)
{
    char end[MF_PROCESS_END_BYTES], message[128];
    const mf_sandbox_state state = s->state;
    const bool init_failed =
        !s->doomed && (state == MF_SANDBOX_STARTED || state == MF_SANDBOX_INIT_ERROR);
    const bool was_ready = s->was_ready;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        snprintf(message, sizeof message, "Runtime exited without providing a reason");
    else
        snprintf(message, sizeof message, "Runtime exited with error: %s",
                 mf_process_describe_end(status, end));
    event_del(s->timer);
    mf_output_stop(&s->output);
    mf_web_drop(s->api);
    s->waiting = NULL;
    if (init_failed)
        say_init(s, "error");
    if (!s->doomed && s->invoke == NULL && !mf_function_is_stopping(s->function))
        mf_output_say(&s->output, "Error: %s", message);
    if (s->invoke != NULL)
        mf_sandbox_fail(s, "Runtime.ExitError", message, false);
    s->state = MF_SANDBOX_OFF;
    s->doomed = false;
    if (init_failed || (state == MF_SANDBOX_INIT_ERROR))
        fail_oldest(s, "Runtime.ExitError", message, &s->init_error);
    mf_function_on_end(s->function, s, was_ready);
}

void mf_sandbox_reap(mf_sandbox *s)
{
    int status = 0;
    if (mf_process_reap(&s->process, &status))
        end_of_process(s, status);
}

bool mf_sandbox_signal(mf_sandbox *s, int signal_number)
{
    mf_process_kill(&s->process, signal_number);
    return s->process.pid > 0;
}

/* --------------------------------------------------------------- open, close */

bool mf_sandbox_open(mf_sandbox *s, struct event_base *base, mf_function *function,
                     const mf_local_settings *settings, uint32_t index, unsigned number,
                     mf_error *err)
{
    enum { CONNECTIONS = 16, HEAD_BYTES = 16 << 10 };
    static const mf_web_limits limits = {HEAD_BYTES, MF_INVOKE_RESPONSE_BYTES, CONNECTIONS};
    const mf_web_handler handler = mf_runtime_api_handler(s);
    *s = (mf_sandbox){.function = function, .settings = settings, .base = base, .number = number};
    s->of = &settings->functions[index];
    s->process = MF_PROCESS_NONE;
    s->output = (mf_output){.name = s->of->name,
                            .number = number,
                            .colour = index,
                            .platform_lines = settings->platform_lines};
    s->timer = event_new(base, -1, 0, on_time_over, s);
    s->api = mf_web_create(base, "127.0.0.1", 0, &handler, &limits, err);
    if (s->timer == NULL)
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a timer");
    return s->api != NULL && s->timer != NULL;
}

void mf_sandbox_close(mf_sandbox *s)
{
    int status;
    mf_process_kill(&s->process, SIGKILL);
    if (s->process.pid > 0 && waitpid(s->process.pid, &status, 0) > 0)
        s->process.pid = 0;
    mf_output_free(&s->output);
    mf_process_close_output(&s->process);
    if (s->api != NULL)
        mf_web_drop(s->api);
    mf_web_destroy(s->api);
    if (s->timer != NULL)
        event_free(s->timer);
    mf_invoke_destroy(s->invoke);
    mf_text_free(&s->init_error);
}
