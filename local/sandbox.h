/* sandbox.h: an execution environment: one process at a time, its Runtime API, and where
 * the two stand.
 *
 *     OFF ── start ──▶ STARTED ── next ──▶ READY ── event ──▶ RUNNING
 *      ▲                  │                 ▲                   │ head of response, error
 *      │ end of process   │ init/error      │ next              ▼
 *      └── from any ── INIT_ERROR           └──── SENT ◀── BEGUN (body read)
 *
 * (1) The states are those of AWS's server (docs/lambda.md, 1.3): `next` while RUNNING gives
 *     the same event again; BEGUN and INIT_ERROR refuse everything.
 * (2) A process is killed when its event has had its time, when its start has had its
 *     time (it then starts once more for what waits, under the function's timeout), and
 *     when a response is cut off in the middle: what it would do next nobody knows.
 * (3) However a process ends, the invocation that it had gets an outcome.
 * (4) A response lets the caller go on; the environment is free with the next `next`, for
 *     which the rest of the function's time is left.
 *
 * Threads: one. */
#ifndef MF_LOCAL_SANDBOX_H
#define MF_LOCAL_SANDBOX_H

#include "function.h"
#include "output.h"
#include "process.h"
#include "web.h"

struct event;

typedef enum mf_sandbox_state {
    MF_SANDBOX_OFF,
    MF_SANDBOX_STARTED,
    MF_SANDBOX_READY,
    MF_SANDBOX_RUNNING,
    MF_SANDBOX_BEGUN,
    MF_SANDBOX_SENT,
    MF_SANDBOX_INIT_ERROR,
} mf_sandbox_state;

typedef struct mf_sandbox {
    mf_function *function;
    const mf_local_settings *settings;
    const mf_function_settings *of;
    struct event_base *base;
    mf_web_server *api; /* its Runtime API */
    uint16_t cloud_port;
    unsigned number; /* from 1 */

    mf_process process;
    mf_output output;
    struct event *timer;
    mf_sandbox_state state;
    bool doomed;     /* killed; its end is still to come */
    bool was_ready;  /* since its start */
    bool late_start; /* the one before took too long to start */

    mf_web_request *waiting;     /* a `next` without an event */
    mf_invoke *invoke;           /* RUNNING and BEGUN */
    char last_id[MF_UUID_BYTES]; /* of the event that was given last; "" before */
    int64_t deadline_ms;         /* its end, wall clock */
    mf_text init_error;          /* what init/error said */
    double started_at, given_at; /* seconds */
    double init_ms;              /* 0 once it was told */
    double peak_looked_at;       /* when peak_bytes was taken */
    size_t peak_bytes;
} mf_sandbox;

/* Listens for the process to come. To be closed also when this fails. */
bool mf_sandbox_open(mf_sandbox *sandbox, struct event_base *base, mf_function *function,
                     const mf_local_settings *settings, uint32_t index, unsigned number,
                     mf_error *err);

/* Kills what is left, without waiting for it. */
void mf_sandbox_close(mf_sandbox *sandbox);

/* Starts the process of one that is OFF. When that fails, the oldest invocation has failed. */
void mf_sandbox_start(mf_sandbox *sandbox);

/* Gives an event to one whose `waiting` is there. */
void mf_sandbox_give(mf_sandbox *sandbox, mf_invoke *invoke);

/* Looks whether its process has ended. */
void mf_sandbox_reap(mf_sandbox *sandbox);

/* True when there is a process. */
bool mf_sandbox_signal(mf_sandbox *sandbox, int signal_number);

/* It has an event and no answer to it yet. */
bool mf_sandbox_is_working(const mf_sandbox *sandbox);

/* It will call `next` without an event before: it starts, or has answered. */
bool mf_sandbox_is_coming(const mf_sandbox *sandbox);

/* ------------------------------------------ for runtime_api.c: calls of the process */

/* `next`, when it may be called: waits, or gives the event that runs once more. */
void mf_sandbox_next(mf_sandbox *sandbox, mf_web_request *request);

/* The outcome of the running invocation, by the process. error_type: NULL for a response,
 * else what kind of error it is, for the log. */
void mf_sandbox_answer(mf_sandbox *sandbox, const char *error_type, const char *payload,
                       size_t n_payload);

/* The same by the platform, which does not trust the process any more when kill is true. */
void mf_sandbox_fail(mf_sandbox *sandbox, const char *type, const char *message, bool kill);

/* init/error was called. */
void mf_sandbox_init_failed(mf_sandbox *sandbox, const char *report, size_t n_report);

#endif
