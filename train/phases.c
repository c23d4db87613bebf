/* phases.c: the monotonic clock, and getrusage's peak of resident memory. */
#include "phases.h"

#include "base/clock.h"

#include <sys/resource.h>

void mf_phases_start(mf_phases *phases)
{
    *phases = (mf_phases){.since = mf_clock_seconds()};
}

void mf_phases_end(mf_phases *phases, const char *name)
{
    struct rusage usage = {0};
    const double now = mf_clock_seconds();
    if (phases->n == MF_PHASES)
        return;
    getrusage(RUSAGE_SELF, &usage);
    phases->phase[phases->n++] =
        (mf_phase){name, now - phases->since, (uint64_t)usage.ru_maxrss * 1024};
    phases->since = now;
}
