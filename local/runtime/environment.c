/* environment.c: the state machine of environment.h. One timer belongs to the state: the time of
 * the start, of the event, or of the end after init/error.
 *
 * The process is never waited for: it is killed, and what follows happens when it has been reaped
 * (end_of_process). */
#include "local/runtime/environment.h"

#include "base/clock.h"
#include "base/log.h"
#include "local/runtime/environment_variables.h"

#include <event2/event.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static const double EXIT_S = 2; /* from init/error to the end of the process */

static void kill_process(mf_local_environment *s)
{
    event_del(s->timer);
    s->killed = true;
    mf_local_process_kill(&s->process, SIGKILL);
}

bool mf_local_environment_is_working(const mf_local_environment *s)
{
    return s->state == MF_LOCAL_ENVIRONMENT_RUNNING || s->state == MF_LOCAL_ENVIRONMENT_BEGUN;
}

bool mf_local_environment_is_coming(const mf_local_environment *s)
{
    return !s->killed &&
           (s->state == MF_LOCAL_ENVIRONMENT_STARTED || s->state == MF_LOCAL_ENVIRONMENT_SENT);
}

/* ------------------------------------------------------------------- events */

static void send_event(mf_local_environment *s, mf_http_request *request)
{
    const mf_local_invocation *invocation = s->invocation;
    const mf_text *context = &invocation->client_context;
    char deadline[32];
    snprintf(deadline, sizeof deadline, "%lld", (long long)s->deadline_ms);
    mf_local_add_header(request, "Content-Type", "application/json");
    mf_local_add_header(request, "Lambda-Runtime-Aws-Request-Id", invocation->id);
    mf_local_add_header(request, "Lambda-Runtime-Deadline-Ms", deadline);
    mf_local_add_header(request, "Lambda-Runtime-Invoked-Function-Arn", invocation->arn);
    mf_local_add_header(request, "Lambda-Runtime-Trace-Id", invocation->trace);
    if (context->n_bytes > 0)
        mf_local_add_header_bytes(request, "Lambda-Runtime-Client-Context", context->bytes,
                                  context->n_bytes);
    mf_local_respond(request, 200, invocation->event.bytes, invocation->event.n_bytes);
}

void mf_local_environment_give(mf_local_environment *s, mf_local_invocation *invocation)
{
    mf_http_request *request = s->waiting;
    s->waiting = NULL;
    s->invocation = invocation;
    s->state = MF_LOCAL_ENVIRONMENT_RUNNING;
    s->given_at = mf_clock_seconds();
    s->deadline_ms = mf_clock_wall_ms() + (int64_t)(s->of->timeout_s * 1000);
    memcpy(s->last_id, invocation->id, sizeof s->last_id);
    mf_local_output_clear_tail(&s->output);
    mf_local_output_platform_line(&s->output, "START RequestId: %s Version: $LATEST",
                                  invocation->id);
    mf_local_start_timer(s->timer, s->of->timeout_s);
    send_event(s, request);
}

void mf_local_environment_next(mf_local_environment *s, mf_http_request *request)
{
    if (s->state == MF_LOCAL_ENVIRONMENT_RUNNING) {
        send_event(s, request);
        return;
    }
    event_del(s->timer);
    if (s->state == MF_LOCAL_ENVIRONMENT_STARTED) {
        s->init_ms = (mf_clock_seconds() - s->started_at) * 1000;
        mf_local_output_drain(&s->output);
    }
    /* The process sends a second `next` after it lost the connection of the first. */
    if (s->waiting != NULL) {
        mf_local_respond(s->waiting, 500, "", 0);
    }
    s->state = MF_LOCAL_ENVIRONMENT_READY;
    s->was_ready = true;
    s->late_start = false;
    s->waiting = request;
    s->owner.on_ready(s->owner.context, s);
}

static void log_report(mf_local_environment *s, const char *error_type)
{
    const double now = mf_clock_seconds();
    const double ms = (now - s->given_at) * 1000;
    char init[64] = "", status[128] = "";
    enum { MB = 1 << 20 };
    /* /proc costs more than a quick function. */
    if (now - s->peak_looked_at > 0.5) {
        const size_t bytes = mf_local_process_peak_bytes(&s->process);
        s->peak_bytes = bytes > s->peak_bytes ? bytes : s->peak_bytes;
        s->peak_looked_at = now;
    }
    if (s->init_ms > 0)
        snprintf(init, sizeof init, "\tInit Duration: %.2f ms", s->init_ms);
    if (error_type != NULL)
        snprintf(status, sizeof status, "\tStatus: error\tError Type: %s", error_type);
    mf_local_output_platform_line(&s->output, "END RequestId: %s", s->last_id);
    mf_local_output_platform_line(
        &s->output,
        "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\t"
        "Memory Size: %u MB\tMax Memory Used: %zu MB%s%s",
        s->last_id, ms, ceil(ms + s->init_ms), s->of->memory_mb, (s->peak_bytes + MB - 1) / MB,
        init, status);
    s->init_ms = 0;
}

void mf_local_environment_respond(mf_local_environment *s, const char *error_type,
                                  const char *payload, size_t n_payload)
{
    mf_local_invocation *invocation = s->invocation;
    s->invocation = NULL;
    s->state = MF_LOCAL_ENVIRONMENT_SENT;
    mf_local_output_drain(&s->output);
    log_report(s, error_type);
    mf_local_invocation_finish(invocation, error_type != NULL, payload, n_payload, &s->output.tail);
}

void mf_local_environment_fail(mf_local_environment *s, const char *type, const char *message,
                               bool kill)
{
    mf_local_invocation *invocation = s->invocation;
    s->invocation = NULL;
    s->state = MF_LOCAL_ENVIRONMENT_SENT;
    mf_local_output_drain(&s->output);
    if (invocation != NULL) {
        mf_local_output_platform_line(&s->output, "RequestId: %s Error: %s", invocation->id,
                                      message);
        log_report(s, type);
    }
    if (kill)
        kill_process(s);
    if (invocation != NULL)
        mf_local_invocation_fail(invocation, type, message, &s->output.tail);
}

/* Fails the invocation that the start was for. */
static void fail_oldest(mf_local_environment *s, const char *type, const char *message,
                        const mf_text *report)
{
    mf_local_invocation *invocation = s->owner.take(s->owner.context);
    if (invocation == NULL)
        return;
    if (report == NULL || report->n_bytes == 0)
        mf_local_invocation_fail(invocation, type, message, &s->output.tail);
    else
        mf_local_invocation_finish(invocation, true, report->bytes, report->n_bytes,
                                   &s->output.tail);
}

void mf_local_environment_init_failed(mf_local_environment *s, const char *report, size_t n_report)
{
    s->state = MF_LOCAL_ENVIRONMENT_INIT_ERROR;
    mf_text_clear(&s->init_error, 0);
    mf_text_append(&s->init_error, report, n_report);
    mf_local_start_timer(s->timer, EXIT_S);
}

/* -------------------------------------------------------------------- times */

static void log_init(mf_local_environment *s, const char *status)
{
    mf_local_output_drain(&s->output);
    mf_local_output_platform_line(&s->output,
                                  "INIT_REPORT Init Duration: %.2f ms\tPhase: init\tStatus: %s",
                                  (mf_clock_seconds() - s->started_at) * 1000, status);
}

static void on_time_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    mf_local_environment *s = context;
    char message[64];
    snprintf(message, sizeof message, "Task timed out after %.2f seconds", s->of->timeout_s);
    switch (s->state) {
    case MF_LOCAL_ENVIRONMENT_STARTED:
        log_init(s, "timeout");
        if (s->late_start)
            fail_oldest(s, "Sandbox.Timeout", message, NULL);
        s->late_start = !s->late_start;
        kill_process(s);
        break;
    case MF_LOCAL_ENVIRONMENT_RUNNING:
    case MF_LOCAL_ENVIRONMENT_BEGUN:
        mf_local_environment_fail(s, "Sandbox.Timeout", message, true);
        break;
    case MF_LOCAL_ENVIRONMENT_SENT:
        mf_local_output_platform_line(&s->output, "RequestId: %s Error: %s, after the response",
                                      s->last_id, message);
        kill_process(s);
        break;
    case MF_LOCAL_ENVIRONMENT_INIT_ERROR:
        kill_process(s);
        break;
    case MF_LOCAL_ENVIRONMENT_OFF:
    case MF_LOCAL_ENVIRONMENT_READY:
        break;
    }
}

/* ------------------------------------------------------------------ process */

void mf_local_environment_start(mf_local_environment *s)
{
    mf_error err = {0};
    char **variables = mf_local_environment_variables(s->settings, s->of, s->number,
                                                      mf_http_server_port(s->api), s->cloud_port);
    const bool ok = variables != NULL &&
                    mf_local_process_start(&s->process, s->of->words, variables,
                                           s->of->folder[0] != '\0' ? s->of->folder : NULL, &err) &&
                    mf_local_output_start(&s->output, s->base, &s->process);
    free(variables);
    mf_local_output_clear_tail(&s->output);
    s->started_at = mf_clock_seconds();
    s->peak_looked_at = 0;
    s->peak_bytes = 0;
    s->was_ready = s->killed = false;
    s->last_id[0] = '\0';
    mf_text_clear(&s->init_error, 0);
    if (ok) {
        s->state = MF_LOCAL_ENVIRONMENT_STARTED;
        mf_local_start_timer(s->timer, s->late_start ? s->of->timeout_s : s->of->init_timeout_s);
        return;
    }
    if (err.code == MF_OK)
        mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory to start %s", s->of->words[0]);
    if (s->process.pid > 0) { /* it runs, but its output cannot be read */
        s->state = MF_LOCAL_ENVIRONMENT_STARTED;
        kill_process(s);
        return;
    }
    mf_log_message(MF_LOG_ERROR, "not_started", "function %s: %s", s->of->name, err.text);
    fail_oldest(s, "Runtime.InvalidEntrypoint", err.text, NULL);
}

static void end_of_process(mf_local_environment *s, int status)
{
    char end[MF_LOCAL_PROCESS_END_BYTES], message[128];
    const mf_local_environment_state state = s->state;
    const bool init_failed = !s->killed && (state == MF_LOCAL_ENVIRONMENT_STARTED ||
                                            state == MF_LOCAL_ENVIRONMENT_INIT_ERROR);
    const bool was_ready = s->was_ready;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        snprintf(message, sizeof message, "Runtime exited without providing a reason");
    else
        snprintf(message, sizeof message, "Runtime exited with error: %s",
                 mf_local_process_describe_end(status, end));
    event_del(s->timer);
    mf_local_output_stop(&s->output);
    mf_http_server_drop_connections(s->api);
    s->waiting = NULL;
    if (init_failed)
        log_init(s, "error");
    if (!s->killed && s->invocation == NULL && !s->stopping)
        mf_local_output_platform_line(&s->output, "Error: %s", message);
    if (s->invocation != NULL)
        mf_local_environment_fail(s, "Runtime.ExitError", message, false);
    s->state = MF_LOCAL_ENVIRONMENT_OFF;
    s->killed = false;
    if (init_failed || (state == MF_LOCAL_ENVIRONMENT_INIT_ERROR))
        fail_oldest(s, "Runtime.ExitError", message, &s->init_error);
    s->owner.on_end(s->owner.context, s, was_ready);
}

void mf_local_environment_reap(mf_local_environment *s)
{
    int status = 0;
    if (mf_local_process_reap(&s->process, &status))
        end_of_process(s, status);
}

bool mf_local_environment_signal(mf_local_environment *s, int signal_number)
{
    mf_local_process_kill(&s->process, signal_number);
    return s->process.pid > 0;
}

/* --------------------------------------------------------------- open, close */

bool mf_local_environment_open(mf_local_environment *s, struct event_base *base,
                               const mf_local_environment_owner *owner, const mf_http_route *route,
                               const mf_local_settings *settings, uint32_t index, unsigned number,
                               mf_error *err)
{
    enum { CONNECTIONS = 16 };
    *s = (mf_local_environment){
        .owner = *owner, .settings = settings, .base = base, .number = number};
    s->of = &settings->functions[index];
    s->process = MF_LOCAL_PROCESS_NONE;
    s->output = (mf_local_output){.name = s->of->name,
                                  .number = number,
                                  .colour = index,
                                  .platform_lines = settings->platform_lines};
    s->timer = event_new(base, -1, 0, on_time_over, s);
    s->api = mf_local_server_create(base, "127.0.0.1", 0, route, s,
                                    MF_LOCAL_INVOCATION_RESPONSE_BYTES, CONNECTIONS, err);
    if (s->timer == NULL)
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a timer");
    return s->api != NULL && s->timer != NULL;
}

void mf_local_environment_close(mf_local_environment *s)
{
    int status;
    mf_local_process_kill(&s->process, SIGKILL);
    if (s->process.pid > 0 && waitpid(s->process.pid, &status, 0) > 0)
        s->process.pid = 0;
    mf_local_output_free(&s->output);
    mf_local_process_close_output(&s->process);
    if (s->api != NULL)
        mf_http_server_drop_connections(s->api);
    mf_http_server_destroy(s->api);
    if (s->timer != NULL)
        event_free(s->timer);
    mf_local_invocation_destroy(s->invocation);
    mf_text_free(&s->init_error);
}
