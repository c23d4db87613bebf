/* report_figures.c: groups of counts without a user or item are left out of a plot. */
#include "report_figures.h"

#include "base/memory.h"
#include "report/html.h"
#include "report/plot.h"

#include <math.h>
#include <stdio.h>

enum { METRICS = 6 };

void mf_report_tile(mf_text *page, const char *value, const char *label)
{
    mf_text_literal(page, "<div><b>");
    mf_html_text(page, value, strlen(value));
    mf_text_literal(page, "</b><small>");
    mf_html_text(page, label, strlen(label));
    mf_text_literal(page, "</small></div>\n");
}

/* ---- figures of lists ------------------------------------------------------------ */

static mf_interval metric(const mf_list_summary *s, int i)
{
    const mf_interval all[METRICS] = {s->ndcg, s->precision, s->recall,
                                      s->map,  s->mrr,       s->recall_20};
    return all[i];
}

static void metrics_table(mf_text *page, const mf_report_row *rows, size_t n_rows)
{
    const uint32_t k = rows[0].summary->k;
    char heads[METRICS][24];
    static const char *const names[METRICS] = {"NDCG", "precision", "recall", "MAP", "MRR", NULL};
    for (int i = 0; i < METRICS; i++)
        if (names[i] != NULL)
            snprintf(heads[i], sizeof heads[i], "%s@%u", names[i], k);
        else
            snprintf(heads[i], sizeof heads[i], "recall@%d", MF_RECALL_LENGTH);
    mf_html_table_begin(page,
                        (const char *const[]){"lists", heads[0], heads[1], heads[2], heads[3],
                                              heads[4], heads[5], "coverage", "novelty", "users"},
                        METRICS + 4);
    for (size_t r = 0; r < n_rows; r++) {
        const mf_list_summary *s = rows[r].summary;
        mf_text_literal(page, "<tr>");
        mf_html_cell(page, rows[r].name);
        for (int i = 0; i < METRICS; i++) {
            const mf_interval m = metric(s, i);
            mf_text_format(page, "<td class=\"n\">%.4f", m.mean);
            if (m.high > m.low)
                mf_text_format(page, "<br><small>%.4f to %.4f</small>", m.low, m.high);
            mf_text_literal(page, "</td>");
        }
        mf_html_number(page, "%.4f", s->coverage);
        mf_html_number(page, "%.4f", s->novelty);
        mf_html_count_cell(page, s->n_users);
        mf_text_literal(page, "</tr>\n");
    }
    mf_html_table_end(page);
}

void mf_report_metrics(mf_text *page, const mf_report_row *rows, size_t n_rows)
{
    double value[MF_REPORT_ROWS * METRICS];
    double low[MF_REPORT_ROWS * METRICS];
    double high[MF_REPORT_ROWS * METRICS];
    const char *names[MF_REPORT_ROWS];
    mf_plot_series series[MF_PLOT_SERIES];
    char caption[64];
    const uint32_t k = rows[0].summary->k;
    metrics_table(page, rows, n_rows);
    mf_text_literal(page, "<div class=\"plots\">\n");
    for (size_t r = 0; r < n_rows; r++)
        for (int i = 0; i < METRICS; i++) {
            const mf_interval m = metric(rows[r].summary, i);
            const size_t at =
                n_rows > MF_PLOT_SERIES ? (size_t)i * n_rows + r : r * METRICS + (size_t)i;
            value[at] = m.mean;
            low[at] = m.low;
            high[at] = m.high;
            names[r] = rows[r].name;
        }
    if (n_rows > MF_PLOT_SERIES) {
        snprintf(caption, sizeof caption, "NDCG@%u, with 95 %% intervals", k);
        series[0] = (mf_plot_series){"NDCG", n_rows, NULL, value, low, high};
        mf_plot_bars(
            page, &(mf_plot){.caption = caption, .x_title = "", .y_title = "NDCG", .groups = names},
            series, 1);
        return;
    }
    snprintf(caption, sizeof caption, "Lists of %u, with 95 %% intervals", k);
    for (size_t r = 0; r < n_rows; r++)
        series[r] = (mf_plot_series){rows[r].name,        METRICS - 1,       NULL,
                                     value + r * METRICS, low + r * METRICS, high + r * METRICS};
    mf_plot_bars(
        page,
        &(mf_plot){.caption = caption,
                   .x_title = "",
                   .y_title = "mean over users",
                   .groups = (const char *const[]){"NDCG", "precision", "recall", "MAP", "MRR"}},
        series, n_rows);
}

/* ---- by number of ratings --------------------------------------------------------- */

/* The groups of a plot: their names, how many are in each, and the values of up to three rows. */
typedef struct groups {
    size_t n;
    char name[MF_COUNT_GROUPS][MF_COUNT_NAME_BYTES];
    char note[MF_COUNT_GROUPS][MF_COUNT_NAME_BYTES];
    const char *names[MF_COUNT_GROUPS];
    const char *notes[MF_COUNT_GROUPS];
    double value[MF_PLOT_SERIES][MF_COUNT_GROUPS];
    double low[MF_PLOT_SERIES][MF_COUNT_GROUPS];
    double high[MF_PLOT_SERIES][MF_COUNT_GROUPS];
} groups;

static size_t add_group(groups *g, uint32_t group, uint64_t n)
{
    const size_t at = g->n++;
    g->names[at] = mf_count_group_name(group, g->name[at]);
    if (n < 10000)
        snprintf(g->note[at], sizeof g->note[at], "n=%u", (unsigned)n);
    else
        snprintf(g->note[at], sizeof g->note[at], n < 1000000 ? "n=%.3gk" : "n=%.3gM",
                 (double)n / (n < 1000000 ? 1e3 : 1e6));
    g->notes[at] = g->note[at];
    return at;
}

static void set_mean(groups *g, size_t row, size_t at, const mf_group_sums *sums, bool is_root)
{
    const mf_interval mean = mf_group_mean(sums);
    g->value[row][at] = is_root ? sqrt(mean.mean) : mean.mean;
    g->low[row][at] = is_root ? sqrt(fmax(mean.low, 0)) : fmax(mean.low, 0);
    g->high[row][at] = is_root ? sqrt(mean.high) : mean.high;
}

static void draw(mf_text *page, const mf_plot *plot, const groups *g, const char *const *names,
                 size_t n_rows, bool has_intervals)
{
    mf_plot_series series[MF_PLOT_SERIES];
    for (size_t r = 0; r < n_rows; r++)
        series[r] = (mf_plot_series){names[r],
                                     g->n,
                                     NULL,
                                     g->value[r],
                                     has_intervals ? g->low[r] : NULL,
                                     has_intervals ? g->high[r] : NULL};
    mf_plot_bars(page, plot, series, n_rows);
}

void mf_report_lists_by_count(mf_text *page, const mf_report_row *rows, size_t n_rows)
{
    char captions[2][96];
    const char *names[MF_PLOT_SERIES];
    const uint32_t k = rows[0].summary->k;
    const size_t n = n_rows < MF_PLOT_SERIES ? n_rows : MF_PLOT_SERIES;
    snprintf(captions[0], sizeof captions[0], "NDCG@%u by the user's number of ratings", k);
    snprintf(captions[1], sizeof captions[1],
             "Held-out items found in the first %u, by the item's ratings", k);
    for (size_t r = 0; r < n; r++)
        names[r] = rows[r].name;
    for (int of_items = 0; of_items < 2; of_items++) {
        groups g = {0};
        for (uint32_t group = 0; group < MF_COUNT_GROUPS; group++) {
            const mf_group_sums *first =
                of_items ? &rows[0].by_count->found[group] : &rows[0].by_count->ndcg[group];
            if (first->n == 0)
                continue;
            const size_t at = add_group(&g, group, first->n);
            for (size_t r = 0; r < n; r++)
                set_mean(&g, r, at,
                         of_items ? &rows[r].by_count->found[group]
                                  : &rows[r].by_count->ndcg[group],
                         false);
        }
        draw(page,
             &(mf_plot){.caption = captions[of_items],
                        .x_title = of_items ? "ratings of the item; n: relevant held-out ratings"
                                            : "ratings of the user; n: users",
                        .y_title = of_items ? "found" : "NDCG",
                        .is_share = of_items,
                        .groups = g.names,
                        .notes = g.notes},
             &g, names, n, true);
    }
}

void mf_report_errors_by_count(mf_text *page, const mf_errors_by_count *errors)
{
    for (int of_items = 0; of_items < 2; of_items++) {
        groups g = {0};
        for (uint32_t group = 0; group < MF_COUNT_GROUPS; group++) {
            const mf_group_sums *sums = of_items ? &errors->item[group] : &errors->user[group];
            if (sums->n > 0)
                set_mean(&g, 0, add_group(&g, group, sums->n), sums, true);
        }
        draw(page,
             &(mf_plot){.caption = of_items ? "RMSE by the item's number of ratings"
                                            : "RMSE by the user's number of ratings",
                        .x_title = of_items ? "ratings of the item; n: held-out ratings"
                                            : "ratings of the user; n: held-out ratings",
                        .y_title = "RMSE",
                        .groups = g.names,
                        .notes = g.notes},
             &g, (const char *const[]){"RMSE"}, 1, true);
    }
}

/* ---- coverage ---------------------------------------------------------------------- */

void mf_report_coverage(mf_text *page, const mf_report_row *rows, size_t n_rows,
                        const uint32_t *item_count, uint32_t n_items)
{
    enum { ROWS = MF_PLOT_SERIES - 1 };
    uint64_t ratings[MF_COUNT_GROUPS] = {0};
    uint64_t items[MF_COUNT_GROUPS] = {0};
    uint64_t n_ratings = 0;
    double places[MF_REPORT_ROWS] = {0};
    const size_t n = n_rows < ROWS ? n_rows : ROWS;
    const char *names[MF_PLOT_SERIES] = {"ratings"};
    groups g = {0};
    for (uint32_t i = 0; i < n_items; i++) {
        const uint32_t group = mf_count_group(item_count[i]);
        ratings[group] += item_count[i];
        items[group]++;
        n_ratings += item_count[i];
    }
    for (size_t r = 0; r < n; r++) {
        names[r + 1] = rows[r].name;
        for (uint32_t group = 0; group < MF_COUNT_GROUPS; group++)
            places[r] += (double)rows[r].by_count->places[group];
    }
    for (uint32_t group = 0; group < MF_COUNT_GROUPS; group++) {
        if (items[group] == 0)
            continue;
        const size_t at = add_group(&g, group, items[group]);
        g.value[0][at] = (double)ratings[group] / (double)n_ratings;
        for (size_t r = 0; r < n; r++)
            g.value[r + 1][at] =
                places[r] > 0 ? (double)rows[r].by_count->places[group] / places[r] : 0;
    }
    draw(page,
         &(mf_plot){.caption = "Ratings and places in lists, by the item's ratings",
                    .x_title = "ratings of the item; n: items",
                    .y_title = "share",
                    .is_share = true,
                    .groups = g.names,
                    .notes = g.notes},
         &g, names, n + 1, false);
}

/* ---- the long tail ------------------------------------------------------------------ */

enum { TAIL_POINTS = 101 };

/* The share of the ratings that the first x of n have, most first. */
typedef struct tail {
    double x[TAIL_POINTS], y[TAIL_POINTS];
    double first_tenth; /* what a tenth of them has */
} tail;

/* histogram[most + 1]: how many have so many. */
static void tail_of(const uint32_t *histogram, uint32_t most, double n, double n_ratings, tail *t)
{
    double passed = 0;
    double sum = 0;
    size_t point = 0;
    for (uint32_t count = most + 1; count-- > 0;) {
        for (; point < TAIL_POINTS; point++) {
            const double wanted = n * (double)point / (TAIL_POINTS - 1);
            if (wanted > passed + histogram[count] && count > 0)
                break;
            t->x[point] = (double)point / (TAIL_POINTS - 1);
            t->y[point] = fmin((sum + (wanted - passed) * count) / n_ratings, 1);
        }
        passed += histogram[count];
        sum += (double)histogram[count] * count;
    }
    t->first_tenth = t->y[(TAIL_POINTS - 1) / 10];
}

/* Of the counts of users or items; in_group: how many are in each group. */
static void spread(mf_text *page, const uint32_t *counts, uint32_t n,
                   uint64_t in_group[MF_COUNT_GROUPS], tail *t)
{
    uint32_t most = 0;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        most = counts[i] > most ? counts[i] : most;
        sum += counts[i];
        in_group[mf_count_group(counts[i])]++;
    }
    mf_error err = {0};
    uint32_t *histogram = mf_allocate((size_t)most + 1, sizeof *histogram, "counts", &err);
    page->failed |= histogram == NULL;
    for (uint32_t i = 0; histogram != NULL && i < n; i++)
        histogram[counts[i]]++;
    if (histogram != NULL)
        tail_of(histogram, most, n, sum, t);
    mf_free(histogram);
}

void mf_report_long_tail(mf_text *page, const uint64_t *user_start, uint32_t n_users,
                         const uint32_t *item_count, uint32_t n_items)
{
    static const char *const names[] = {"users", "items"};
    uint64_t users[MF_COUNT_GROUPS] = {0};
    uint64_t items[MF_COUNT_GROUPS] = {0};
    tail of_users = {0};
    tail of_items = {0};
    groups g = {0};
    mf_error err = {0};
    uint32_t *user_count = mf_allocate(n_users, sizeof *user_count, "counts", &err);
    page->failed |= user_count == NULL;
    for (uint32_t u = 0; user_count != NULL && u < n_users; u++)
        user_count[u] = (uint32_t)(user_start[u + 1] - user_start[u]);
    if (user_count != NULL)
        spread(page, user_count, n_users, users, &of_users);
    mf_free(user_count);
    spread(page, item_count, n_items, items, &of_items);
    for (uint32_t group = 0; group < MF_COUNT_GROUPS; group++) {
        if (users[group] + items[group] == 0)
            continue;
        const size_t at = add_group(&g, group, 0);
        g.value[0][at] = (double)users[group] / n_users;
        g.value[1][at] = (double)items[group] / n_items;
    }
    draw(page,
         &(mf_plot){.caption = "Users and items by their number of ratings",
                    .x_title = "ratings",
                    .y_title = "share",
                    .is_share = true,
                    .groups = g.names},
         &g, names, 2, false);
    mf_plot_lines(page,
                  &(mf_plot){.caption = "Ratings of the most active users, most rated items",
                             .x_title = "share of the users or items, most ratings first",
                             .y_title = "share of the ratings",
                             .from_zero = true,
                             .x_is_share = true,
                             .is_share = true},
                  (const mf_plot_series[]){
                      {.name = names[0], .n = TAIL_POINTS, .x = of_users.x, .y = of_users.y},
                      {.name = names[1], .n = TAIL_POINTS, .x = of_items.x, .y = of_items.y}},
                  2);
    mf_text_format(page,
                   "<p class=\"soft\">A tenth of the users gave %.0f %% of the ratings; a tenth of "
                   "the items got %.0f %%.</p>\n",
                   100 * of_users.first_tenth, 100 * of_items.first_tenth);
}
