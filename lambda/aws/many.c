/* many.c: promises in many.h. */
#include "lambda/aws/many.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/aws/caller.h"
#include "lambda/aws/lines.h"

typedef enum call_state { WAITING, UNDER_WAY, DONE } call_state;

/* A call of the present run; its memory is kept for the next. */
typedef struct pending {
    mf_aws_answer answer;
    mf_aws_credentials credentials;
    mf_text url;
    int64_t due_ms; /* steady clock: when it may be tried (again) */
    call_state state;
} pending;

struct mf_aws_many {
    mf_aws_caller caller;
    mf_aws_lines *lines;
    size_t n_lines;
    size_t call_of[MF_AWS_LINES_MOST]; /* MF_AWS_NO_LINE: the line has no request */
    pending *calls;                    /* [room] */
    size_t room;
};

mf_aws_many *mf_aws_many_create(const mf_aws_client_settings *settings, size_t n_lines,
                                mf_error *err)
{
    mf_aws_caller caller;
    if (!mf_aws_caller_start(&caller, settings, err))
        return NULL;
    mf_aws_many *many = mf_allocate(1, sizeof *many, "clients of a service", err);
    if (many == NULL)
        return NULL;
    many->caller = caller;
    many->n_lines = n_lines < MF_AWS_LINES_MOST ? n_lines : MF_AWS_LINES_MOST;
    for (size_t i = 0; i < MF_AWS_LINES_MOST; i++)
        many->call_of[i] = MF_AWS_NO_LINE;
    many->lines = mf_aws_lines_create(many->n_lines, err);
    if (many->lines == NULL) {
        mf_aws_many_destroy(many);
        return NULL;
    }
    return many;
}

void mf_aws_many_destroy(mf_aws_many *many)
{
    if (many == NULL)
        return;
    mf_aws_lines_destroy(many->lines);
    for (size_t i = 0; i < many->room; i++) {
        mf_aws_answer_free(&many->calls[i].answer);
        mf_text_free(&many->calls[i].url);
    }
    mf_free(many->calls);
    mf_free(many);
}

static int64_t now_ms(void)
{
    return (int64_t)(mf_clock_seconds() * 1e3);
}

static size_t free_line(const mf_aws_many *many)
{
    for (size_t i = 0; i < many->n_lines; i++)
        if (many->call_of[i] == MF_AWS_NO_LINE)
            return i;
    return MF_AWS_NO_LINE;
}

/* Puts the call on the line, unless it is over before it begins. */
static void start(mf_aws_many *many, size_t line, size_t index, const mf_aws_call *call,
                  mf_aws_outcome *outcome)
{
    pending *p = &many->calls[index];
    mf_aws_request request;
    if (!mf_aws_caller_prepare(&many->caller, call, p->url.bytes, &p->credentials, &request,
                               &p->answer, &outcome->failure)) {
        p->state = DONE;
        return;
    }
    outcome->answer = &p->answer;
    p->state = UNDER_WAY;
    many->call_of[line] = index;
    mf_aws_lines_start(many->lines, line, &request, &p->answer);
}

/* Starts what is due while lines are free. Returns when the next call is due, INT64_MAX when
 * none waits for its time. */
static int64_t start_due(mf_aws_many *many, const mf_aws_call *calls, size_t n,
                         mf_aws_outcome *outcomes)
{
    const int64_t now = now_ms();
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        const pending *p = &many->calls[i];
        if (p->state != WAITING)
            continue;
        if (p->due_ms > now) {
            next_ms = p->due_ms < next_ms ? p->due_ms : next_ms;
            continue;
        }
        const size_t line = free_line(many);
        if (line == MF_AWS_NO_LINE)
            return INT64_MAX; /* a line that gets free wakes us */
        start(many, line, i, &calls[i], &outcomes[i]);
    }
    return next_ms;
}

static void take(mf_aws_many *many, size_t line, const mf_aws_call *calls, mf_aws_outcome *outcomes)
{
    const size_t i = many->call_of[line];
    pending *p = &many->calls[i];
    many->call_of[line] = MF_AWS_NO_LINE;
    p->state = DONE;
    outcomes[i].ok =
        mf_aws_caller_judge(&many->caller, &calls[i], &p->answer, &outcomes[i].failure);
    if (outcomes[i].ok)
        return;
    const int64_t wait_ms = mf_aws_caller_wait_ms(&many->caller, &calls[i], &outcomes[i].failure);
    if (wait_ms < 0)
        return;
    p->state = WAITING;
    p->due_ms = now_ms() + wait_ms;
}

/* False: no memory; outcomes say so. */
static bool prepare(mf_aws_many *many, const mf_aws_call *calls, size_t n, mf_aws_outcome *outcomes)
{
    mf_error err = {.code = MF_OK};
    for (size_t i = 0; i < n; i++)
        outcomes[i] = (mf_aws_outcome){.ok = false};
    if (n > many->room) {
        void *block = many->calls;
        if (!mf_reallocate(&block, many->room, n, sizeof *many->calls, "calls", &err)) {
            for (size_t i = 0; i < n; i++)
                mf_aws_fail(&outcomes[i].failure, err.code, "%s", err.text);
            return false;
        }
        many->calls = block;
        many->room = n;
    }
    for (size_t i = 0; i < n; i++) {
        pending *p = &many->calls[i];
        p->due_ms = 0;
        p->state = mf_aws_caller_address(&many->caller, &calls[i], &p->url, &outcomes[i].failure)
                       ? WAITING
                       : DONE;
    }
    return true;
}

void mf_aws_many_run(mf_aws_many *many, const mf_aws_call *calls, size_t n,
                     mf_aws_outcome *outcomes)
{
    enum { LONGEST_WAIT_MS = 60000 };
    if (!prepare(many, calls, n, outcomes))
        return;
    for (;;) {
        const int64_t next_ms = start_due(many, calls, n, outcomes);
        const int64_t wait_ms = next_ms == INT64_MAX ? LONGEST_WAIT_MS : next_ms - now_ms();
        const size_t line = mf_aws_lines_wait(many->lines, wait_ms > 0 ? wait_ms : 0);
        if (line != MF_AWS_NO_LINE) {
            take(many, line, calls, outcomes);
            continue;
        }
        bool is_under_way = false;
        for (size_t i = 0; i < many->n_lines; i++)
            is_under_way = is_under_way || many->call_of[i] != MF_AWS_NO_LINE;
        if (is_under_way)
            continue;
        if (next_ms == INT64_MAX)
            return;
        if (wait_ms > 0)
            mf_clock_sleep_ms(wait_ms);
    }
}
