/* environment.h: an execution environment: one process at a time, its Runtime API, and the state
 * of the two.
 *
 *     OFF ── start ──▶ STARTED ── next ──▶ READY ── event ──▶ RUNNING
 *      ▲                  │                 ▲                   │ head of response, error
 *      │ end of process   │ init/error      │ next              ▼
 *      └── from any ── INIT_ERROR           └──── SENT ◀── BEGUN (body read)
 *
 * (1) The states are those of AWS's server (docs/lambda.md, 1.3): `next` while RUNNING returns
 *     the same event again; BEGUN and INIT_ERROR reject every call.
 * (2) A process is killed when its event has had its time, when its start has had its time (it
 *     then starts once more for what waits, under the function's timeout), and when a response
 *     is truncated, because the process may be in any state then.
 * (3) However a process ends, its invocation receives a response.
 * (4) A response lets the caller continue; the environment is free with the next `next`, for
 *     which it has the rest of the function's time.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_ENVIRONMENT_H
#define MF_LOCAL_RUNTIME_ENVIRONMENT_H

#include "base/error.h"
#include "http/server.h"
#include "local/local_settings.h"
#include "local/runtime/invocation.h"
#include "local/runtime/output.h"
#include "local/runtime/process.h"

struct event;

typedef enum mf_local_environment_state {
    MF_LOCAL_ENVIRONMENT_OFF,
    MF_LOCAL_ENVIRONMENT_STARTED,
    MF_LOCAL_ENVIRONMENT_READY,
    MF_LOCAL_ENVIRONMENT_RUNNING,
    MF_LOCAL_ENVIRONMENT_BEGUN,
    MF_LOCAL_ENVIRONMENT_SENT,
    MF_LOCAL_ENVIRONMENT_INIT_ERROR,
} mf_local_environment_state;

typedef struct mf_local_environment mf_local_environment;

/* What the function of an environment does for it. */
typedef struct mf_local_environment_owner {
    /* Returns the oldest invocation that waits, NULL when none does. */
    mf_local_invocation *(*take)(void *context);
    /* The environment waits for an event. */
    void (*on_ready)(void *context, mf_local_environment *environment);
    /* Its process has ended; was_ready: after it had called `next`. */
    void (*on_end)(void *context, mf_local_environment *environment, bool was_ready);
    void *context;
} mf_local_environment_owner;

struct mf_local_environment {
    mf_local_environment_owner owner;
    const mf_local_settings *settings;
    const mf_local_function_settings *of;
    struct event_base *base;
    mf_http_server *api; /* its Runtime API */
    uint16_t cloud_port;
    unsigned number; /* from 1 */

    mf_local_process process;
    mf_local_output output;
    struct event *timer;
    mf_local_environment_state state;
    bool stopping;   /* local-cloud ends */
    bool killed;     /* its end has not been reaped yet */
    bool was_ready;  /* since its start */
    bool late_start; /* the one before took too long to start */

    mf_http_request *waiting;          /* a `next` without an event */
    mf_local_invocation *invocation;   /* RUNNING and BEGUN */
    char last_id[MF_LOCAL_UUID_BYTES]; /* of the event that was given last; "" before */
    int64_t deadline_ms;               /* its end, wall clock */
    mf_text init_error;                /* body of init/error */
    double started_at, given_at;       /* seconds */
    double init_ms;                    /* 0 once it was logged */
    double peak_looked_at;             /* when peak_bytes was taken */
    size_t peak_bytes;
};

/* Listens for the process. route: of the Runtime API. To be closed also when this fails. */
MF_MUST_CHECK bool mf_local_environment_open(mf_local_environment *environment,
                                             struct event_base *base,
                                             const mf_local_environment_owner *owner,
                                             const mf_http_route *route,
                                             const mf_local_settings *settings, uint32_t index,
                                             unsigned number, mf_error *err);

/* Kills what is left, without waiting for it. */
void mf_local_environment_close(mf_local_environment *environment);

/* Starts the process of one that is OFF. When that fails, the oldest invocation has failed. */
void mf_local_environment_start(mf_local_environment *environment);

/* Responds to `waiting`, which must be there, with an event. */
void mf_local_environment_give(mf_local_environment *environment, mf_local_invocation *invocation);

/* Finds out whether its process has ended. */
void mf_local_environment_reap(mf_local_environment *environment);

/* True when there is a process. */
bool mf_local_environment_signal(mf_local_environment *environment, int signal_number);

/* It has an event and no response to it yet. */
bool mf_local_environment_is_working(const mf_local_environment *environment);

/* It will call `next` without another event: it starts, or has responded. */
bool mf_local_environment_is_coming(const mf_local_environment *environment);

/* ------------------------------------------ for runtime_api.c: calls of the process */

/* `next`, when it may be called: waits, or returns the running event once more. */
void mf_local_environment_next(mf_local_environment *environment, mf_http_request *request);

/* The process responds to the running invocation. error_type: NULL for a response, else the type
 * of the error, for the log. */
void mf_local_environment_respond(mf_local_environment *environment, const char *error_type,
                                  const char *payload, size_t n_payload);

/* The platform responds in its place; kill: the process cannot be trusted any more. */
void mf_local_environment_fail(mf_local_environment *environment, const char *type,
                               const char *message, bool kill);

/* init/error was called. */
void mf_local_environment_init_failed(mf_local_environment *environment, const char *report,
                                      size_t n_report);

#endif
