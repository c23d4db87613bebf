/* invocation.c: promises in invocation.h. */
#include "lambda/runtime/invocation.h"

#include "base/clock.h"

int64_t mf_invocation_budget_ms(const mf_invocation *invocation, int64_t margin_ms)
{
    const int64_t end = invocation->deadline_ms != 0
                            ? invocation->deadline_ms
                            : invocation->received_ms + MF_DEFAULT_BUDGET_MS;
    int64_t left;
    if (__builtin_sub_overflow(end, mf_clock_wall_ms(), &left) ||
        __builtin_sub_overflow(left, margin_ms, &left))
        return 0;
    return left > 0 ? left : 0;
}
