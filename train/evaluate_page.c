/* evaluate_page.c: the page of evaluate_result.h. */
#include "base/clock.h"
#include "base/file.h"
#include "evaluate_result.h"
#include "report/html.h"
#include "report_facts.h"
#include "report_figures.h"

#include <math.h>
#include <string.h>

static void text(mf_text *page, const char *string)
{
    mf_html_text(page, string, strlen(string));
}

static void head(mf_text *page, const mf_evaluate_result *r)
{
    char now[MF_CLOCK_TEXT_BYTES];
    const mf_evaluate_run *run = &r->run[0];
    mf_text_format(
        page,
        "<h1>Evaluation report</h1>\n<p class=\"soft\">Written %.19s UTC by evaluate " MF_VERSION
        ".</p>\n<p>",
        mf_clock_timestamp(now));
    text(page, r->data);
    mf_text_literal(page, ": ");
    mf_html_count(page, r->n_users);
    mf_text_literal(page, " users, ");
    mf_html_count(page, r->n_items);
    mf_text_literal(page, " items. ");
    if (r->model != NULL) {
        mf_text_literal(page, "Lists of the model ");
        text(page, r->model);
        mf_text_literal(page, " are compared with ");
    } else {
        mf_text_format(page, "Split %s, %u time%s: ", r->split, r->n_runs,
                       r->n_runs == 1 ? "" : "s");
        mf_html_count(page, run->n_train);
        mf_text_literal(page, " ratings to learn from, ");
    }
    mf_html_count(page, run->n_held_out);
    mf_text_literal(page, " held-out ratings, of which ");
    mf_html_count(page, run->n_relevant);
    mf_text_literal(page, " are relevant");
    if (isfinite(run->relevant_rating))
        mf_text_format(page, " (at least %.4g)", (double)run->relevant_rating);
    mf_text_literal(page, ".</p>\n");
    if (isfinite(run->rmse))
        mf_text_format(page, "<p>RMSE of predicted ratings %.4f, MAE %.4f.</p>\n", run->rmse,
                       run->mae);
}

static void comparison(mf_text *page, const mf_evaluate_result *r)
{
    const mf_list_comparison *c = &r->comparison;
    if (!r->has_row[MF_ROW_SECOND])
        return;
    mf_text_literal(page, "<p>Second setting (");
    text(page, r->compare);
    mf_text_format(
        page,
        ") against %s, NDCG of each user: <b>%+.4f</b> (%+.4f to %+.4f), better for %.0f "
        "%%, worse for %.0f %% of %u users.</p>\n",
        mf_evaluate_row_title(r->first), c->difference.mean, c->difference.low, c->difference.high,
        100 * c->better, 100 * c->worse, c->n_users);
}

/* The rows in the order of the table; the first is the model's, the second a baseline if any. */
static size_t rows_of(const mf_evaluate_result *r, mf_report_row rows[MF_REPORT_ROWS])
{
    static const mf_evaluate_row order[MF_ROWS] = {MF_ROW_RANKING,          MF_ROW_RATING,
                                                   MF_ROW_POPULARITY_ORDER, MF_ROW_SECOND,
                                                   MF_ROW_POPULARITY,       MF_ROW_ITEM_ITEM};
    size_t n = 0;
    for (int i = 0; i < MF_ROWS; i++) {
        const mf_evaluate_row row = order[i];
        if (r->has_row[row] && r->summary[row].n_users > 0)
            rows[n++] =
                (mf_report_row){mf_evaluate_row_title(row), &r->summary[row], &r->by_count[row]};
    }
    return n;
}

/* Of the rows the first, the second setting, and popularity: as many as a plot shows. */
static size_t few_rows(const mf_evaluate_result *r, mf_report_row rows[MF_REPORT_ROWS])
{
    const mf_evaluate_row order[] = {r->first, MF_ROW_SECOND, MF_ROW_POPULARITY, MF_ROW_ITEM_ITEM};
    size_t n = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0] && n < 3; i++)
        if (r->has_row[order[i]] && r->summary[order[i]].n_users > 0)
            rows[n++] = (mf_report_row){mf_evaluate_row_title(order[i]), &r->summary[order[i]],
                                        &r->by_count[order[i]]};
    return n;
}

bool mf_evaluate_write_page(const mf_evaluate_result *r, const mf_settings *settings,
                            const char *path, mf_error *err)
{
    mf_text page = MF_TEXT_EMPTY;
    mf_report_row rows[MF_REPORT_ROWS];
    mf_html_begin(&page, "Evaluation report");
    head(&page, r);
    const size_t n = rows_of(r, rows);
    mf_html_section(&page, "lists", "Quality of lists");
    if (n == 0) {
        mf_text_literal(&page,
                        "<p>Nothing relevant is held out of any known user: there is nothing "
                        "to measure.</p>\n");
    } else {
        comparison(&page, r);
        mf_report_metrics(&page, rows, n);
        const size_t n_few = few_rows(r, rows);
        mf_report_lists_by_count(&page, rows, n_few);
        if (r->errors_by_count.n_rows > 0)
            mf_report_errors_by_count(&page, &r->errors_by_count);
        mf_text_literal(&page, "</div>\n");
        mf_html_section(&page, "ratings", "Ratings, long tail and coverage");
        mf_text_literal(&page, "<div class=\"plots\">\n");
        mf_report_coverage(&page, rows, n_few, r->item_count, r->n_items);
        mf_report_long_tail(&page, r->user_start, r->n_users, r->item_count, r->n_items);
        mf_text_literal(&page, "</div>\n");
    }
    if (r->model == NULL)
        mf_report_settings(&page, settings);
    mf_html_end(&page);
    const bool ok = !page.failed ? mf_file_write(path, page.bytes, page.n_bytes, err)
                                 : mf_fail(err, MF_ERR_MEMORY, (mf_where){.path = path},
                                           "no memory for the page");
    mf_text_free(&page);
    return ok;
}
