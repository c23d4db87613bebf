/* progress.c: one line, drawn over and over with a carriage return. */
#include "progress.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CELLS = 28 };

static bool on;
static bool drawn;
static const char *counted;  /* the noun of the last drawing */
static double first_seconds; /* the time of its first drawing */
static double first_done;    /* and the number done then */
static double last_seconds;

/* The log writes to the same terminal, so the bar is cleared before each line. */
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

/* Columns of the terminal, less one: the last one may wrap. */
static size_t columns(void)
{
    struct winsize size;
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return known ? (size_t)size.ws_col - 1 : 79;
}

/* Draws a line of ASCII, cut to the terminal. */
static void draw(const char *text)
{
    const size_t n = strlen(text);
    const size_t width = columns();
    /* \033[K erases the end of a longer previous line. */
    printf("\r%.*s\033[K", (int)(n < width ? n : width), text);
    fflush(stdout);
    drawn = true;
}

void mf_progress_phase(const char *doing, const char *what)
{
    if (!on)
        return;
    char text[256];
    snprintf(text, sizeof text, "%s %s", doing, what);
    /* A name may contain control sequences, or characters of several columns. */
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            *c = '?';
    draw(text);
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

void mf_progress_count(const char *noun, uint32_t number, uint32_t n, double fraction)
{
    if (!on)
        return;
    const double now = mf_clock_seconds();
    const double done = (double)number - 1 + fraction;
    if (counted == NULL || strcmp(counted, noun) != 0) {
        counted = noun;
        first_seconds = now;
        first_done = done;
    }
    if (now - last_seconds < 0.05 && fraction < 1)
        return;
    last_seconds = now;

    char left[32] = "";
    if (done > first_done)
        time_left(left, (now - first_seconds) / (done - first_done) * ((double)n - done));
    char head[48];
    char tail[48];
    snprintf(head, sizeof head, "%.16s %u/%u ", noun, number, n);
    snprintf(tail, sizeof tail, " %3.0f%%  %s", 100 * done / (double)n, left);
    /* The bar has the columns that head and tail leave free. */
    char bar[CELLS + 1];
    const size_t used = strlen(head) + strlen(tail) + 2;
    const size_t width = columns();
    const size_t cells = width < used ? 0 : width - used < CELLS ? width - used : CELLS;
    const size_t filled = (size_t)(done / (double)n * (double)cells);
    for (size_t cell = 0; cell < cells; cell++)
        bar[cell] = cell < filled ? '#' : '-';
    bar[cells] = '\0';
    char text[160];
    snprintf(text, sizeof text, cells > 0 ? "%s[%s]%s" : "%s%s%s", head, bar, tail);
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
