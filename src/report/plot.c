/* plot.c: a plot is 460 × 250 units; the page scales it. */
#include "report/plot.h"

#include "report/html.h"

#include <math.h>
#include <stdio.h>

enum {
    WIDTH = 460,
    HEIGHT = 250,
    LEFT = 56,
    RIGHT = 12,
    TOP = 10,
    BOTTOM = 40,
    NOTE = 13,
    LETTER = 6
};

/* An axis maps values to units; reversed: y grows upwards. */
typedef struct axis {
    double low, high; /* logarithms where is_log */
    double from, to;  /* units */
    bool is_log;
} axis;

static bool is_shown(double value, bool is_log)
{
    return isfinite(value) && (!is_log || value > 0);
}

static double place(const axis *a, double value)
{
    const double at = a->is_log ? log10(value) : value;
    return a->from + (at - a->low) / (a->high - a->low) * (a->to - a->from);
}

/* The step of about n ticks: 1, 2 or 5 times a power of ten. */
static double tick_step(double range, int n)
{
    const double rough = range / n;
    const double power = pow(10, floor(log10(rough)));
    const double part = rough / power;
    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void fit(axis *a, double low, double high, bool from_zero)
{
    if (a->is_log) {
        a->low = log10(low);
        a->high = log10(high);
    } else {
        a->low = from_zero && low > 0 ? 0 : low;
        a->high = high;
    }
    if (!(a->high > a->low)) {
        const double half = a->is_log ? 0.5 : fmax(fabs(a->high) * 0.1, 1e-9);
        a->low -= from_zero && a->low == 0 ? 0 : half;
        a->high += half;
    }
}

/* 0.25, 1,500 as 1.5k, 2000000 as 2M; a share as percent. */
static const char *tick_text(double value, bool is_share, char text[32])
{
    const double size = fabs(value);
    value = size < 1e-12 ? 0 : value;
    if (is_share)
        snprintf(text, 32, "%.3g %%", 100 * value);
    else if (size >= 1e9)
        snprintf(text, 32, "%.4gG", value / 1e9);
    else if (size >= 1e6)
        snprintf(text, 32, "%.4gM", value / 1e6);
    else if (size >= 1e4)
        snprintf(text, 32, "%.4gk", value / 1e3);
    else
        snprintf(text, 32, "%.4g", value);
    return text;
}

static void escaped(mf_text *page, const char *text)
{
    mf_html_text(page, text, strlen(text));
}

/* A tick of the y axis with its line, or of the x axis. */
static void tick(mf_text *page, const axis *a, double value, bool is_x, bool is_share,
                 double bottom)
{
    char text[32];
    const double at = place(a, value);
    if (is_x)
        mf_text_format(page,
                       "<path class=\"axis\" d=\"M%.1f %.1fv4\"/><text x=\"%.1f\" y=\"%.1f\" "
                       "text-anchor=\"middle\">%s</text>\n",
                       at, bottom, at, bottom + 15, tick_text(value, is_share, text));
    else
        mf_text_format(page,
                       "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                       "text-anchor=\"end\">%s</text>\n",
                       LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4, tick_text(value, is_share, text));
}

static void ticks(mf_text *page, const axis *a, bool is_x, bool is_share, bool whole, double bottom)
{
    if (!a->is_log) {
        const double step = fmax(tick_step(a->high - a->low, is_x ? 6 : 5), whole ? 1 : 0);
        const double first = ceil(a->low / step - 1e-9);
        const int n = (int)floor(a->high / step + 1e-9 - first);
        for (int t = 0; t <= n; t++)
            tick(page, a, (first + t) * step, is_x, is_share, bottom);
        return;
    }
    /* Powers of ten, and 2 and 5 times them where there are few; every second one of many. */
    static const double parts[] = {1, 2, 5};
    const double decades = a->high - a->low;
    const size_t n_parts = decades < 2.5 ? 3 : 1;
    const int every = decades > 8 ? (int)ceil(decades / 6) : 1;
    for (int power = (int)floor(a->low); power <= (int)ceil(a->high); power += every)
        for (size_t p = 0; p < n_parts; p++) {
            const double at = log10(parts[p]) + power;
            if (at >= a->low - 1e-9 && at <= a->high + 1e-9)
                tick(page, a, parts[p] * pow(10, power), is_x, is_share, bottom);
        }
}

static void key(mf_text *page, const mf_plot_series *series, size_t n_series, bool is_line)
{
    mf_text_literal(page, "<div class=\"key\">");
    for (size_t s = 0; n_series > 1 && s < n_series; s++) {
        mf_text_literal(page, "<span><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">");
        if (is_line)
            mf_text_format(page, "<path class=\"l%zu\" d=\"M0 6H22\"/>", s);
        else
            mf_text_format(page, "<rect class=\"f%zu\" x=\"8\" width=\"12\" height=\"10\"/>", s);
        mf_text_literal(page, "</svg>");
        escaped(page, series[s].name);
        mf_text_literal(page, "</span>");
    }
    mf_text_literal(page, "</div>\n");
}

static void begin(mf_text *page, const mf_plot *plot, const mf_plot_series *series, size_t n_series,
                  bool is_line)
{
    mf_text_literal(page, "<figure><figcaption>");
    escaped(page, plot->caption);
    mf_text_literal(page, "</figcaption>\n");
    key(page, series, n_series, is_line);
    mf_text_format(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
                   HEIGHT + (plot->notes != NULL ? NOTE : 0));
    escaped(page, plot->caption);
    mf_text_literal(page, "\">\n");
}

static void end(mf_text *page, const mf_plot *plot, double bottom)
{
    mf_text_format(page,
                   "<path class=\"axis\" d=\"M%d %.1fH%d\"/>\n<text x=\"%d\" y=\"%d\" "
                   "text-anchor=\"middle\">",
                   LEFT, bottom, WIDTH - RIGHT, (LEFT + WIDTH - RIGHT) / 2,
                   HEIGHT + (plot->notes != NULL ? NOTE : 0) - 8);
    escaped(page, plot->x_title);
    mf_text_format(page,
                   "</text>\n<text transform=\"translate(9 %.1f) rotate(-90)\" "
                   "text-anchor=\"middle\">",
                   (TOP + bottom) / 2);
    escaped(page, plot->y_title);
    mf_text_literal(page, "</text>\n</svg></figure>\n");
}

/* ---- lines --------------------------------------------------------------------- */

static void line(mf_text *page, const mf_plot_series *s, size_t number, const axis *x,
                 const axis *y)
{
    const size_t step = (s->n + MF_PLOT_POINTS - 1) / MF_PLOT_POINTS;
    size_t drawn = 0;
    bool down = false;
    mf_text_format(page, "<path class=\"l%zu\" d=\"", number);
    for (size_t i = s->n > 0 ? (s->n - 1) % step : 0; i < s->n; i += step) {
        const bool shown = is_shown(s->x[i], x->is_log) && is_shown(s->y[i], y->is_log);
        if (shown)
            mf_text_format(page, "%s%.1f %.1f", down ? "L" : "M", place(x, s->x[i]),
                           place(y, s->y[i]));
        drawn += shown;
        down = shown;
    }
    mf_text_literal(page, "\"/>\n");
    /* A line of one point would not be seen; few points are marked. */
    for (size_t i = 0; drawn <= 12 && i < s->n; i++)
        if (is_shown(s->x[i], x->is_log) && is_shown(s->y[i], y->is_log))
            mf_text_format(page,
                           "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"><title>%.6g: "
                           "%.6g</title></circle>\n",
                           number, place(x, s->x[i]), place(y, s->y[i]), s->x[i], s->y[i]);
}

void mf_plot_lines(mf_text *page, const mf_plot *plot, const mf_plot_series *series,
                   size_t n_series)
{
    double x_low = INFINITY;
    double x_high = -INFINITY;
    double y_low = INFINITY;
    double y_high = -INFINITY;
    for (size_t s = 0; s < n_series; s++)
        for (size_t i = 0; i < series[s].n; i++) {
            if (!is_shown(series[s].x[i], plot->log_x) || !is_shown(series[s].y[i], plot->log_y))
                continue;
            x_low = fmin(x_low, series[s].x[i]);
            x_high = fmax(x_high, series[s].x[i]);
            y_low = fmin(y_low, series[s].y[i]);
            y_high = fmax(y_high, series[s].y[i]);
        }
    if (!(x_low <= x_high))
        return;
    const double bottom = HEIGHT - BOTTOM;
    axis x = {.from = LEFT + 4, .to = WIDTH - RIGHT - 4, .is_log = plot->log_x};
    axis y = {.from = bottom - 4, .to = TOP, .is_log = plot->log_y};
    fit(&x, x_low, x_high, false);
    fit(&y, y_low, y_high, plot->from_zero);
    if (plot->from_zero && !y.is_log)
        y.from = bottom;
    begin(page, plot, series, n_series, true);
    ticks(page, &y, false, plot->is_share, false, bottom);
    ticks(page, &x, true, plot->x_is_share, plot->whole_x, bottom);
    for (size_t s = 0; s < n_series; s++)
        line(page, &series[s], s, &x, &y);
    if (plot->mark_x > 0 && plot->mark_x >= x_low && plot->mark_x <= x_high) {
        const double at = place(&x, plot->mark_x);
        const bool is_right = at > (double)(WIDTH - RIGHT + LEFT) / 2;
        mf_text_format(
            page,
            "<path class=\"mark\" d=\"M%.1f %.1fV%d\"/><text class=\"h\" x=\"%.1f\" y=\"%d\" "
            "text-anchor=\"%s\">",
            at, bottom, TOP, at + (is_right ? -5 : 5), TOP + 8, is_right ? "end" : "start");
        escaped(page, plot->mark_name);
        mf_text_literal(page, "</text>\n");
    }
    end(page, plot, bottom);
}

/* ---- bars ---------------------------------------------------------------------- */

static void bar(mf_text *page, const mf_plot *plot, const mf_plot_series *s, size_t number,
                size_t group, const axis *y, double x, double width)
{
    char text[32];
    const double value = s->y[group];
    if (!isfinite(value))
        return;
    const bool has_interval = s->low != NULL && s->high != NULL && s->high[group] > s->low[group];
    const double at = place(y, value);
    mf_text_format(page,
                   "<rect class=\"f%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                   "<title>",
                   number, x, at, width, y->from - at);
    escaped(page, plot->groups[group]);
    mf_text_literal(page, ", ");
    escaped(page, s->name);
    if (plot->is_share)
        mf_text_format(page, ": %.2f %%", 100 * value);
    else
        mf_text_format(page, ": %.6g", value);
    if (has_interval)
        mf_text_format(page, plot->is_share ? " (%.2f to %.2f)" : " (%.4g to %.4g)",
                       s->low[group] * (plot->is_share ? 100 : 1),
                       s->high[group] * (plot->is_share ? 100 : 1));
    mf_text_literal(page, "</title></rect>\n");
    if (has_interval)
        mf_text_format(
            page, "<path class=\"whisker\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh5M%.1f %.1fh5\"/>\n",
            x + width / 2, place(y, s->low[group]), place(y, s->high[group]), x + width / 2 - 2.5,
            place(y, s->low[group]), x + width / 2 - 2.5, place(y, s->high[group]));
    else if (width >= 26)
        mf_text_format(page,
                       "<text class=\"v\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                       x + width / 2, at - 3, tick_text(value, plot->is_share, text));
}

void mf_plot_bars(mf_text *page, const mf_plot *plot, const mf_plot_series *series, size_t n_series)
{
    const size_t n_groups = n_series > 0 ? series[0].n : 0;
    double high = 0;
    for (size_t s = 0; s < n_series; s++)
        for (size_t g = 0; g < n_groups; g++) {
            if (isfinite(series[s].y[g]))
                high = fmax(high, series[s].y[g]);
            if (series[s].high != NULL && isfinite(series[s].high[g]))
                high = fmax(high, series[s].high[g]);
        }
    if (n_groups == 0)
        return;
    const double bottom = HEIGHT - BOTTOM;
    axis y = {.from = bottom, .to = TOP + 8};
    fit(&y, 0, high, true);
    begin(page, plot, series, n_series, false);
    ticks(page, &y, false, plot->is_share, false, bottom);
    const double each = (double)(WIDTH - LEFT - RIGHT) / (double)n_groups;
    const double width = fmin(each * 0.76 / (double)n_series, 46);
    /* Long names stand on two lines in turn, where neither notes nor a title are. */
    bool staggers = false;
    for (size_t g = 0; g < n_groups && plot->notes == NULL && plot->x_title[0] == '\0'; g++)
        staggers |= (double)(strlen(plot->groups[g]) * LETTER) > each;
    const size_t label_every = n_groups > 12 ? (n_groups + 11) / 12 : 1;
    for (size_t g = 0; g < n_groups; g++) {
        const double middle = LEFT + ((double)g + 0.5) * each;
        for (size_t s = 0; s < n_series; s++)
            bar(page, plot, &series[s], s, g, &y,
                middle + ((double)s - (double)n_series / 2) * width, width - 1);
        if (g % label_every != 0)
            continue;
        mf_text_format(page, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                       n_groups > 7 ? "g" : "", middle,
                       bottom + 15 + (staggers && g % 2 == 1 ? NOTE : 0));
        escaped(page, plot->groups[g]);
        mf_text_literal(page, "</text>\n");
        if (plot->notes == NULL)
            continue;
        mf_text_format(page, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                       n_groups > 7 ? "g" : "", middle, bottom + 15 + NOTE);
        escaped(page, plot->notes[g]);
        mf_text_literal(page, "</text>\n");
    }
    end(page, plot, bottom);
}
