/* clock.h: the monotonic clock, the wall clock and sleep. Threads: any. */
#ifndef MF_BASE_CLOCK_H
#define MF_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Seconds since an arbitrary start; never goes back. */
double mf_clock_seconds(void);

/* The same in microseconds. */
int64_t mf_clock_us(void);

/* Milliseconds since 1970 by the wall clock, which may be set back. */
int64_t mf_clock_wall_ms(void);

enum { MF_CLOCK_TEXT_BYTES = 32 };

/* Now, UTC, as 2026-01-31T09:30:00.120Z. Returns text. */
char *mf_clock_timestamp(char text[MF_CLOCK_TEXT_BYTES]);

/* The same for a moment in ms since 1970, not before. */
char *mf_clock_text(int64_t wall_ms, char text[MF_CLOCK_TEXT_BYTES]);

/* Returns after wait_ms, signals or not. */
void mf_clock_sleep_ms(int64_t wait_ms);

#endif
