/* plot.h: lines and bars as SVG inside of a page (html.h has their styles).
 *
 * A figure has a caption, a key when there are several series, axes with round ticks, and for each
 * bar a <title> that a browser shows under the pointer. Captions, names and groups are escaped.
 *
 * (1) The same input gives the same bytes everywhere: coordinates are rounded to a tenth.
 * (2) A value that is not finite (or not above 0 on a logarithmic axis) is left out: a line has a
 *     gap there.
 * (3) A line has MF_PLOT_POINTS points at most, evenly spread; the last one is always among them.
 *
 * Threads: one text per thread. Cost: O(points). */
#ifndef MF_REPORT_PLOT_H
#define MF_REPORT_PLOT_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_PLOT_SERIES = 3, MF_PLOT_POINTS = 250 };

/* A line, or the bars of one colour. */
typedef struct mf_plot_series {
    const char *name;
    size_t n;
    const double *x;   /* lines: [n] */
    const double *y;   /* [n]; bars: one for each group */
    const double *low; /* bars: [n] ends of the intervals, with high; NULL: none */
    const double *high;
} mf_plot_series;

typedef struct mf_plot {
    const char *caption;
    const char *x_title;
    const char *y_title;
    bool log_x;     /* lines */
    bool log_y;     /* lines */
    bool from_zero; /* the y axis of lines begins at 0, as that of bars always does */
    bool is_share;  /* values are parts of 1 and are shown as percent */
    bool x_is_share;
    bool whole_x;  /* lines: ticks at whole numbers alone */
    double mark_x; /* lines: a vertical line, such as the best epoch; 0: none */
    const char *mark_name;
    const char *const *groups; /* bars: names below the axis, and … */
    const char *const *notes;  /* … a line below them; NULL: none */
} mf_plot;

/* n_series ≤ MF_PLOT_SERIES; nothing is drawn without a point. */
void mf_plot_lines(mf_text *page, const mf_plot *plot, const mf_plot_series *series,
                   size_t n_series);

/* As many groups as the first series has values. */
void mf_plot_bars(mf_text *page, const mf_plot *plot, const mf_plot_series *series,
                  size_t n_series);

#endif
