/* function.c: promises in function.h. */
#include "function.h"

#include "sandbox.h"

#include <stdio.h>
#include <stdlib.h>

struct mf_function {
    const mf_function_settings *settings;
    char arn[MF_INVOKE_ARN_BYTES];
    mf_invoke *first, *last; /* that wait */
    size_t n_waiting;
    bool stopping;
    uint32_t n_sandboxes;
    mf_sandbox sandboxes[MF_PROCESSES_MAX];
};

mf_function *mf_function_create(struct event_base *base, const mf_local_settings *settings,
                                uint32_t index, mf_error *err)
{
    mf_function *function = calloc(1, sizeof *function);
    if (function == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a function");
        return NULL;
    }
    function->settings = &settings->functions[index];
    snprintf(function->arn, sizeof function->arn, "arn:aws:lambda:%.32s:%.32s:function:%s",
             settings->region, settings->account, function->settings->name);
    for (uint32_t i = 0; i < function->settings->n_processes; i++) {
        if (!mf_sandbox_open(&function->sandboxes[i], base, function, settings, index, i + 1,
                             err)) {
            mf_function_destroy(function);
            return NULL;
        }
        function->n_sandboxes++;
    }
    return function;
}

void mf_function_destroy(mf_function *function)
{
    if (function == NULL)
        return;
    for (uint32_t i = 0; i < function->n_sandboxes; i++)
        mf_sandbox_close(&function->sandboxes[i]);
    for (mf_invoke *invoke; (invoke = mf_function_take(function)) != NULL;)
        mf_invoke_destroy(invoke);
    free(function);
}

void mf_function_open(mf_function *function, uint16_t cloud_port)
{
    for (uint32_t i = 0; i < function->n_sandboxes; i++) {
        function->sandboxes[i].cloud_port = cloud_port;
        if (function->settings->early)
            mf_sandbox_start(&function->sandboxes[i]);
    }
}

const char *mf_function_name(const mf_function *function)
{
    return function->settings->name;
}

const char *mf_function_arn(const mf_function *function)
{
    return function->arn;
}

mf_invoke *mf_function_take(mf_function *function)
{
    mf_invoke *invoke = function->first;
    if (invoke == NULL)
        return NULL;
    function->first = invoke->next;
    if (function->first == NULL)
        function->last = NULL;
    function->n_waiting--;
    invoke->next = NULL;
    return invoke;
}

static void put(mf_function *function, mf_invoke *invoke)
{
    if (function->last != NULL)
        function->last->next = invoke;
    else
        function->first = invoke;
    function->last = invoke;
    function->n_waiting++;
}

/* Enough environments on their way for what waits. */
static void start_more(mf_function *function)
{
    size_t n_coming = 0;
    for (uint32_t i = 0; i < function->n_sandboxes; i++)
        n_coming += mf_sandbox_is_coming(&function->sandboxes[i]);
    for (uint32_t i = 0; i < function->n_sandboxes; i++)
        /* A start that fails takes its invocation with it, and the next one has its own. */
        while (n_coming < function->n_waiting && function->sandboxes[i].state == MF_SANDBOX_OFF) {
            mf_sandbox_start(&function->sandboxes[i]);
            n_coming += mf_sandbox_is_coming(&function->sandboxes[i]);
        }
}

bool mf_function_submit(mf_function *function, mf_invoke *invoke)
{
    size_t n_free = 0;
    mf_sandbox *waiting = NULL;
    for (uint32_t i = 0; i < function->n_sandboxes; i++) {
        mf_sandbox *sandbox = &function->sandboxes[i];
        n_free += !mf_sandbox_is_working(sandbox);
        if (waiting == NULL && sandbox->waiting != NULL)
            waiting = sandbox;
    }
    if (function->stopping || function->n_waiting >= n_free + function->settings->queue)
        return false;
    if (waiting != NULL && function->first == NULL) {
        mf_sandbox_give(waiting, invoke);
        return true;
    }
    put(function, invoke);
    start_more(function);
    return true;
}

void mf_function_on_ready(mf_function *function, mf_sandbox *sandbox)
{
    mf_invoke *invoke = mf_function_take(function);
    if (invoke != NULL)
        mf_sandbox_give(sandbox, invoke);
}

void mf_function_on_end(mf_function *function, mf_sandbox *sandbox, bool was_ready)
{
    if (function->stopping)
        return;
    if (function->settings->early && was_ready)
        mf_sandbox_start(sandbox);
    start_more(function);
}

void mf_function_reap(mf_function *function)
{
    for (uint32_t i = 0; i < function->n_sandboxes; i++)
        mf_sandbox_reap(&function->sandboxes[i]);
}

bool mf_function_is_stopping(const mf_function *function)
{
    return function->stopping;
}

unsigned mf_function_stop(mf_function *function, int signal_number)
{
    unsigned n = 0;
    function->stopping = true;
    for (uint32_t i = 0; i < function->n_sandboxes; i++)
        n += mf_sandbox_signal(&function->sandboxes[i], signal_number);
    return n;
}
