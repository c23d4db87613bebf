/* invocation.h: one event that a function has to answer, and how long it has for it.
 *
 * The texts and the event are the runtime's and live until the handler returns.
 *
 * Threads: a value to read; any number. */
#ifndef MF_LAMBDA_RUNTIME_INVOCATION_H
#define MF_LAMBDA_RUNTIME_INVOCATION_H

#include <stddef.h>
#include <stdint.h>

typedef struct mf_invocation {
    const char *request_id;   /* letters, digits, '-' and '_'; never ""                    */
    const char *function_arn; /* as invoked, with version or alias; "" when not told       */
    const char *trace_id;     /* X-Ray header, unchanged; "" when there is none            */
    int64_t deadline_ms;      /* when the platform ends us: wall clock, ms since 1970;
                                 0 when not told                                           */
    int64_t received_ms;      /* when the event was here, same clock                       */
    const char *event;        /* [n_event] bytes as they came: nothing about them is sure  */
    size_t n_event;
} mf_invocation;

/* What an invocation without a deadline may take: Lambda's own default timeout. */
enum { MF_DEFAULT_BUDGET_MS = 3000 };

/* Milliseconds from now until the deadline (or MF_DEFAULT_BUDGET_MS after the event
 * came), less margin_ms for what has to be done afterwards; 0 when they are used up.
 * The timeout of a call to somebody else is never more than this.
 *
 * By the wall clock, because the deadline is; a process that was frozen and thawed
 * finds the time gone. */
int64_t mf_invocation_budget_ms(const mf_invocation *invocation, int64_t margin_ms);

#endif
