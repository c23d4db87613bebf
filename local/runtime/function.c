/* function.c: a list of invocations and an array of environments. An invocation goes to an
 * environment that waits for one; else as many environments are started as invocations wait, less
 * those that will call `next` anyway (is_coming). */
#include "local/runtime/function.h"

#include "local/runtime/environment.h"
#include "local/runtime/runtime_api.h"

#include <stdio.h>
#include <stdlib.h>

struct mf_local_function {
    const mf_local_function_settings *settings;
    char arn[MF_LOCAL_INVOCATION_ARN_BYTES];
    STAILQ_HEAD(, mf_local_invocation) waiting;
    size_t n_waiting;
    bool stopping;
    uint32_t n_environments;
    mf_local_environment environments[MF_LOCAL_PROCESSES_MAX];
};

static mf_local_invocation *take(void *context)
{
    mf_local_function *function = context;
    mf_local_invocation *invocation = STAILQ_FIRST(&function->waiting);
    if (invocation != NULL) {
        STAILQ_REMOVE_HEAD(&function->waiting, next);
        function->n_waiting--;
    }
    return invocation;
}

/* Starts environments until one is coming for each invocation that waits. */
static void start_more(mf_local_function *function)
{
    size_t n_coming = 0;
    for (uint32_t i = 0; i < function->n_environments; i++)
        n_coming += mf_local_environment_is_coming(&function->environments[i]);
    for (uint32_t i = 0; i < function->n_environments; i++)
        /* A start that fails takes its invocation with it, and the next one has its own. */
        while (n_coming < function->n_waiting &&
               function->environments[i].state == MF_LOCAL_ENVIRONMENT_OFF) {
            mf_local_environment_start(&function->environments[i]);
            n_coming += mf_local_environment_is_coming(&function->environments[i]);
        }
}

static void on_ready(void *context, mf_local_environment *environment)
{
    mf_local_invocation *invocation = take(context);
    if (invocation != NULL)
        mf_local_environment_give(environment, invocation);
}

static void on_end(void *context, mf_local_environment *environment, bool was_ready)
{
    mf_local_function *function = context;
    if (function->stopping)
        return;
    if (function->settings->start == MF_LOCAL_START_EARLY && was_ready)
        mf_local_environment_start(environment);
    start_more(function);
}

mf_local_function *mf_local_function_create(struct event_base *base,
                                            const mf_local_settings *settings, uint32_t index,
                                            mf_error *err)
{
    mf_local_function *function = calloc(1, sizeof *function);
    if (function == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a function");
        return NULL;
    }
    STAILQ_INIT(&function->waiting);
    function->settings = &settings->functions[index];
    snprintf(function->arn, sizeof function->arn, "arn:aws:lambda:%.32s:%.32s:function:%s",
             settings->region, settings->account, function->settings->name);
    for (uint32_t i = 0; i < function->settings->n_processes; i++) {
        const mf_local_environment_owner owner = {take, on_ready, on_end, function};
        mf_local_environment *environment = &function->environments[i];
        if (!mf_local_environment_open(environment, base, &owner, &mf_local_runtime_api_route,
                                       settings, index, i + 1, err)) {
            mf_local_function_destroy(function);
            return NULL;
        }
        function->n_environments++;
    }
    return function;
}

void mf_local_function_destroy(mf_local_function *function)
{
    if (function == NULL)
        return;
    for (uint32_t i = 0; i < function->n_environments; i++)
        mf_local_environment_close(&function->environments[i]);
    for (mf_local_invocation *invocation; (invocation = take(function)) != NULL;)
        mf_local_invocation_destroy(invocation);
    free(function);
}

void mf_local_function_open(mf_local_function *function, uint16_t cloud_port)
{
    for (uint32_t i = 0; i < function->n_environments; i++) {
        function->environments[i].cloud_port = cloud_port;
        if (function->settings->start == MF_LOCAL_START_EARLY)
            mf_local_environment_start(&function->environments[i]);
    }
}

const char *mf_local_function_name(const mf_local_function *function)
{
    return function->settings->name;
}

const char *mf_local_function_arn(const mf_local_function *function)
{
    return function->arn;
}

bool mf_local_function_submit(mf_local_function *function, mf_local_invocation *invocation)
{
    size_t n_free = 0;
    mf_local_environment *waiting = NULL;
    for (uint32_t i = 0; i < function->n_environments; i++) {
        mf_local_environment *environment = &function->environments[i];
        n_free += !mf_local_environment_is_working(environment);
        if (waiting == NULL && environment->waiting != NULL)
            waiting = environment;
    }
    if (function->stopping || function->n_waiting >= n_free + function->settings->queue)
        return false;
    if (waiting != NULL && function->n_waiting == 0) {
        mf_local_environment_give(waiting, invocation);
        return true;
    }
    STAILQ_INSERT_TAIL(&function->waiting, invocation, next);
    function->n_waiting++;
    start_more(function);
    return true;
}

void mf_local_function_reap(mf_local_function *function)
{
    for (uint32_t i = 0; i < function->n_environments; i++)
        mf_local_environment_reap(&function->environments[i]);
}

unsigned mf_local_function_stop(mf_local_function *function, int signal_number)
{
    unsigned n = 0;
    function->stopping = true;
    for (uint32_t i = 0; i < function->n_environments; i++) {
        function->environments[i].stopping = true;
        n += mf_local_environment_signal(&function->environments[i], signal_number);
    }
    return n;
}
