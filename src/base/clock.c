/* clock.c: two clocks of the kernel in the units of their callers; UTC as text. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static int64_t nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

double mf_clock_seconds(void)
{
    return (double)nanoseconds(CLOCK_MONOTONIC) * 1e-9;
}

int64_t mf_clock_us(void)
{
    return nanoseconds(CLOCK_MONOTONIC) / 1000;
}

int64_t mf_clock_wall_ms(void)
{
    return nanoseconds(CLOCK_REALTIME) / 1000000;
}

char *mf_clock_text(int64_t wall_ms, char text[MF_CLOCK_TEXT_BYTES])
{
    const time_t second = (time_t)(wall_ms / 1000);
    struct tm utc;
    gmtime_r(&second, &utc);
    char seconds[24];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, MF_CLOCK_TEXT_BYTES, "%s.%03uZ", seconds, (unsigned)(wall_ms % 1000));
    return text;
}

char *mf_clock_timestamp(char text[MF_CLOCK_TEXT_BYTES])
{
    return mf_clock_text(mf_clock_wall_ms(), text);
}

void mf_clock_sleep_ms(int64_t wait_ms)
{
    struct timespec left = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}
