/* progress.c: promises in progress.h. */
#include "progress.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 28 };

static bool on;
static bool drawn;
static double first_seconds; /* when the first epoch drawing was, 0: none yet */
static double first_done;    /* epochs done then */
static double last_seconds;

/* The log writes to the same terminal: the bar gets out of its way. */
static void around_log_lines(bool before)
{
    if (before)
        mf_progress_clear();
}

void mf_progress_open(bool person)
{
    on = person && isatty(STDOUT_FILENO);
    if (on)
        mf_log_set_hook(around_log_lines);
}

static void draw(const char *text)
{
    fputs("\r", stdout);
    fputs(text, stdout);
    fputs("\033[K", stdout); /* erase what an earlier, longer line left */
    fflush(stdout);
    drawn = true;
}

void mf_progress_phase(const char *phase)
{
    if (on)
        draw(phase);
}

static void time_left(char text[32], double seconds)
{
    if (seconds < 60)
        snprintf(text, 32, "%.1f s left", seconds);
    else if (seconds < 3600)
        snprintf(text, 32, "%d min %d s left", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, 32, "%d h %d min left", (int)(seconds / 3600), (int)seconds / 60 % 60);
}

void mf_progress_epoch(uint32_t epoch, uint32_t n_epochs, double fraction)
{
    if (!on)
        return;
    const double now = mf_clock_seconds();
    const double done = (double)(epoch - 1) + fraction;
    if (first_seconds == 0) {
        first_seconds = now;
        first_done = done;
    }
    if (now - last_seconds < 0.05 && fraction < 1)
        return;
    last_seconds = now;

    char left[32] = "";
    if (done > first_done)
        time_left(left, (now - first_seconds) / (done - first_done) * ((double)n_epochs - done));
    char bar[CELLS + 1];
    const int filled = (int)(done / (double)n_epochs * CELLS);
    for (int cell = 0; cell < CELLS; cell++)
        bar[cell] = cell < filled ? '#' : '-';
    bar[CELLS] = '\0';
    char text[128];
    snprintf(text, sizeof text, "epoch %u/%u [%s] %3.0f%%  %s", epoch, n_epochs, bar,
             100 * done / (double)n_epochs, left);
    draw(text);
}

void mf_progress_clear(void)
{
    if (!drawn)
        return;
    fputs("\r\033[K", stdout);
    fflush(stdout);
    drawn = false;
}

void mf_progress_close(void)
{
    mf_progress_clear();
    mf_log_set_hook(NULL);
    on = false;
}
