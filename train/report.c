/* report.c: one function for each section, in the order of the page. */
#include "report.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "report/html.h"
#include "report/plot.h"
#include "report_facts.h"
#include "report_figures.h"
#include "report_samples.h"
#include "sagemaker/environment.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct report {
    mf_text page;
    const mf_run_facts *facts;
    const mf_model_parts *parts;
    const mf_data_report *data;
    const mf_list_report *lists; /* NULL: none were evaluated */
    mf_report_row rows[2];       /* the model's lists and popularity */
} report;

static void text(mf_text *page, const char *string)
{
    mf_html_text(page, string, strlen(string));
}

/* ---- summary ------------------------------------------------------------------------ */

/* The epoch that the model is from, or NULL. */
static const mf_epoch *final_epoch(const mf_run_facts *facts)
{
    uint32_t n = 0;
    const mf_epoch *epochs = facts->trainer != NULL ? mf_trainer_epochs(facts->trainer, &n) : NULL;
    const mf_epoch *final = n > 0 ? &epochs[n - 1] : NULL;
    for (uint32_t i = 0; facts->validation != NULL && i < n; i++)
        if (epochs[i].is_best)
            final = &epochs[i];
    return final;
}

static int decimals(const report *r)
{
    return mf_metrics_decimals(r->data->least, r->data->most);
}

static void quality_tiles(report *r)
{
    char value[64];
    char label[96];
    const mf_epoch *final = final_epoch(r->facts);
    if (r->lists != NULL) {
        snprintf(value, sizeof value, "%.4f", r->lists->model.ndcg.mean);
        snprintf(label, sizeof label, "NDCG@%u; popularity has %.4f", r->lists->k,
                 r->lists->popularity.ndcg.mean);
        mf_report_tile(&r->page, value, label);
        snprintf(value, sizeof value, "%.2f %%", 100 * r->lists->model.coverage);
        snprintf(label, sizeof label, "of the items are in the lists of %u users",
                 r->lists->model.n_users);
        mf_report_tile(&r->page, value, label);
    }
    if (final != NULL) {
        const bool held_out = r->facts->validation != NULL;
        snprintf(value, sizeof value, "%.*f", decimals(r),
                 held_out ? final->validation_rmse : final->train_rmse);
        snprintf(label, sizeof label, "RMSE of predicted %s ratings, epoch %u",
                 held_out ? "held-out" : "training", final->epoch);
        mf_report_tile(&r->page, value, label);
    }
}

static void size_tiles(report *r)
{
    char label[96];
    double seconds = 0;
    uint64_t bytes = 0;
    mf_text count = MF_TEXT_EMPTY;
    mf_html_count(&count, r->facts->ratings->n_ratings);
    mf_text_literal(&count, "\0");
    snprintf(label, sizeof label, "ratings for training of %u users, %u items",
             r->facts->ratings->n_users, r->facts->ratings->n_items);
    if (!count.failed)
        mf_report_tile(&r->page, count.bytes, label);
    r->page.failed |= count.failed;
    mf_text_free(&count);
    for (size_t i = 0; i < r->facts->phases->n; i++) {
        seconds += r->facts->phases->phase[i].seconds;
        bytes = r->facts->phases->phase[i].peak_memory_bytes;
    }
    char value[64];
    snprintf(value, sizeof value, seconds < 100 ? "%.1f s" : "%.0f s", seconds);
    snprintf(label, sizeof label, "in all; %.0f MB of memory at most", (double)bytes / 1e6);
    mf_report_tile(&r->page, value, label);
}

static void summary(report *r)
{
    char now[MF_CLOCK_TEXT_BYTES];
    mf_text_literal(&r->page, "<h1>Training report</h1>\n<p class=\"soft\">");
    if (mf_environment_job_name()[0] != '\0') {
        mf_text_literal(&r->page, "Job ");
        text(&r->page, mf_environment_job_name());
        mf_text_literal(&r->page, ", w");
    } else {
        mf_text_literal(&r->page, "W");
    }
    mf_text_format(&r->page, "ritten %.19s UTC by train " MF_VERSION ".", mf_clock_timestamp(now));
    if (r->facts->stopped)
        mf_text_literal(&r->page, " The job was stopped before its end; the model is that so far.");
    mf_text_literal(&r->page, "</p>\n<div class=\"tiles\">\n");
    quality_tiles(r);
    size_tiles(r);
    mf_text_literal(
        &r->page, "</div>\n<nav><a href=\"#lists\">Lists</a><a href=\"#learning\">Learning</a>"
                  "<a href=\"#ratings\">Ratings</a><a href=\"#samples\">Samples</a>"
                  "<a href=\"#data\">Data</a><a href=\"#settings\">Hyperparameters</a>"
                  "<a href=\"#cost\">Time and memory</a><a href=\"#card\">Model card</a></nav>\n");
}

/* ---- lists --------------------------------------------------------------------------- */

static void lists(report *r)
{
    mf_html_section(&r->page, "lists", "Quality of lists");
    if (r->lists == NULL) {
        mf_text_literal(&r->page,
                        "<p>Lists were not evaluated, because there was nothing to find: the job "
                        "had no relevant held-out ratings. <code>validation_fraction</code>, for "
                        "example 0.1 with <code>validation_split=time</code>, or a channel "
                        "<code>validation</code> gives it some.</p>\n");
        return;
    }
    mf_text_format(&r->page,
                   "<p>For each user the list of the %u best items that are not in the user's "
                   "training ratings is compared with the user's held-out ratings",
                   r->lists->k);
    if (isfinite(r->lists->relevant_rating))
        mf_text_format(&r->page, " of at least %.4g", r->lists->relevant_rating);
    mf_text_literal(&r->page, ". Popularity is one list for all: the most rated items.</p>\n");
    mf_report_metrics(&r->page, r->rows, 2);
    mf_report_lists_by_count(&r->page, r->rows, 2);
    if (r->lists->errors_by_count.n_rows > 0 && r->data->feedback == MF_FEEDBACK_EXPLICIT)
        mf_report_errors_by_count(&r->page, &r->lists->errors_by_count);
    mf_text_literal(&r->page, "</div>\n");
}

/* ---- learning curves ------------------------------------------------------------------- */

static void rating_curves(report *r, double *scratch)
{
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(r->facts->trainer, &n);
    const mf_epoch *final = final_epoch(r->facts);
    const bool held_out = r->facts->validation != NULL;
    double *number = scratch;
    double *train = scratch + n;
    double *validation = scratch + 2 * (size_t)n;
    for (uint32_t i = 0; i < n; i++) {
        number[i] = epochs[i].epoch;
        train[i] = epochs[i].train_rmse;
        validation[i] = epochs[i].validation_rmse;
    }
    mf_plot_lines(
        &r->page,
        &(mf_plot){.caption = "Rating model: RMSE of each epoch",
                   .x_title = "epoch",
                   .y_title = "RMSE",
                   .mark_x = held_out && final != NULL ? final->epoch : 0,
                   .mark_name = "the model"},
        (const mf_plot_series[]){{.name = "training", .n = n, .x = number, .y = train},
                                 {.name = "held out", .n = n, .x = number, .y = validation}},
        held_out ? 2 : 1);
}

/* How much each step changed the ranking model, of the two decompositions. */
static void ranking_steps(report *r, double *scratch)
{
    const mf_ranking_facts *ranking = r->facts->ranking;
    static const mf_spectral_phase phases[] = {MF_SPECTRAL_LEARNING, MF_SPECTRAL_CHOOSING};
    static const char *const names[] = {"learning", "choosing settings"};
    mf_plot_series series[2];
    size_t n_series = 0;
    for (int p = 0; p < 2; p++) {
        double *x = scratch + 2 * (size_t)p * ranking->n_steps;
        double *y = x + ranking->n_steps;
        size_t n = 0;
        for (size_t i = 0; i < ranking->n_steps; i++) {
            if (ranking->steps[i].phase != phases[p])
                continue;
            x[n] = ranking->steps[i].step;
            y[n++] = ranking->steps[i].change;
        }
        if (n > 0)
            series[n_series++] = (mf_plot_series){.name = names[p], .n = n, .x = x, .y = y};
    }
    mf_plot_lines(&r->page,
                  &(mf_plot){.caption = "Ranking model: change in each step",
                             .x_title = "step",
                             .y_title = "change",
                             .whole_x = true,
                             .log_y = true},
                  series, n_series);
}

/* NDCG of what was compared, by the shrinkage, a line for each number of directions. Choices come
 * with rising shrinkage. */
static void ranking_choices(report *r, double *scratch)
{
    enum { LINES = MF_PLOT_SERIES };
    const mf_spectral_result *result = &r->facts->ranking->result;
    const mf_spectral_choice *chosen = &result->choices[result->chosen];
    char names[LINES][32];
    mf_plot_series series[LINES];
    size_t n_series = 0;
    uint32_t factors[LINES] = {chosen->n_factors, 0, 0};
    size_t n_factors = 1;
    for (uint32_t i = 0; i < result->n_choices && n_factors < LINES; i++) {
        bool is_new = true;
        for (size_t f = 0; f < n_factors; f++)
            is_new &= factors[f] != result->choices[i].n_factors;
        if (is_new)
            factors[n_factors++] = result->choices[i].n_factors;
    }
    for (size_t f = 0; f < n_factors; f++) {
        double *x = scratch + 2 * f * result->n_choices;
        double *y = x + result->n_choices;
        size_t n = 0;
        for (uint32_t i = 0; i < result->n_choices; i++) {
            const mf_spectral_choice *c = &result->choices[i];
            if (c->n_factors != factors[f])
                continue;
            x[n] = c->regularization;
            y[n++] = c->ndcg;
        }
        snprintf(names[f], sizeof names[f], "%u directions", factors[f]);
        series[n_series++] = (mf_plot_series){.name = names[f], .n = n, .x = x, .y = y};
    }
    mf_plot_lines(&r->page,
                  &(mf_plot){.caption = "Ranking model: settings that were compared",
                             .x_title = "shrinkage (ranking_regularization)",
                             .y_title = "NDCG@10",
                             .log_x = true,
                             .mark_x = chosen->regularization,
                             .mark_name = "chosen"},
                  series, n_series);
}

static bool learning(report *r, mf_error *err)
{
    uint32_t n_epochs = 0;
    const mf_ranking_facts *ranking = r->facts->ranking;
    const mf_spectral_result *result = &ranking->result;
    if (r->facts->trainer != NULL)
        mf_trainer_epochs(r->facts->trainer, &n_epochs);
    const size_t n_most = n_epochs + ranking->n_steps + result->n_choices;
    double *scratch = mf_allocate(n_most, 6 * sizeof *scratch, "the report's plots", err);
    if (scratch == NULL)
        return false;
    mf_html_section(&r->page, "learning", "Learning curves");
    mf_text_literal(&r->page, "<div class=\"plots\">\n");
    if (n_epochs > 0)
        rating_curves(r, scratch);
    if (result->n_factors > 0)
        ranking_steps(r, scratch);
    if (result->n_factors > 0 && result->n_choices > 0)
        ranking_choices(r, scratch);
    mf_text_literal(&r->page, "</div>\n");
    if (n_epochs > 0)
        mf_text_literal(&r->page,
                        "<p class=\"soft\">The RMSE of training is that of the errors before each "
                        "update, so it lags a little behind the model.</p>\n");
    if (result->n_factors > 0)
        mf_text_format(&r->page,
                       "<p>The ranking model has %u directions, shrinkage %.4g, recency %.3g and "
                       "prior %.3g. It %s after %u step%s.",
                       result->n_factors, (double)result->regularization, (double)result->recency,
                       (double)result->prior, result->converged ? "converged" : "was ended",
                       result->steps, result->steps == 1 ? "" : "s");
    if (result->n_choices > 0)
        mf_text_literal(&r->page, " Settings were compared on ratings that were set aside; of the "
                                  "shrinkages near the best one the smallest was chosen.");
    if (result->n_factors > 0)
        mf_text_literal(&r->page, "</p>\n");
    mf_free(scratch);
    return true;
}

/* ---- ratings and coverage ----------------------------------------------------------------- */

static void values(report *r)
{
    const mf_report_values *v = &r->data->values;
    char name[MF_REPORT_VALUES][24];
    const char *names[MF_REPORT_VALUES];
    double share[MF_REPORT_VALUES];
    for (uint32_t i = 0; i < v->n; i++) {
        snprintf(name[i], sizeof name[i], "%.4g", (double)v->low[i]);
        names[i] = name[i];
        share[i] = (double)v->count[i] / (double)r->data->n_ratings;
    }
    const bool implicit = r->data->feedback == MF_FEEDBACK_IMPLICIT;
    mf_plot_bars(&r->page,
                 &(mf_plot){.caption = implicit ? "Counts of the pairs" : "Ratings by value",
                            .x_title = v->is_binned ? "from this value on" : "value",
                            .y_title = "share",
                            .is_share = true,
                            .groups = names},
                 &(mf_plot_series){.name = "ratings", .n = v->n, .y = share}, 1);
}

static void ratings(report *r)
{
    mf_html_section(&r->page, "ratings", "Ratings, long tail and coverage");
    mf_text_literal(&r->page, "<div class=\"plots\">\n");
    if (r->data->n_ratings > 0)
        values(r);
    mf_report_long_tail(&r->page, r->parts->rated_start, r->parts->n_users, r->parts->item_count,
                        r->parts->n_items);
    if (r->lists != NULL)
        mf_report_coverage(&r->page, r->rows, 2, r->parts->item_count, r->parts->n_items);
    if (r->lists != NULL)
        mf_text_format(&r->page,
                       "<p>The lists of %u users name %.0f different items, %.2f %% of all; those "
                       "of popularity %.0f.</p>\n",
                       r->lists->model.n_users, r->lists->model.coverage * r->parts->n_items,
                       100 * r->lists->model.coverage,
                       r->lists->popularity.coverage * r->parts->n_items);
    mf_text_literal(&r->page, "</div>\n");
}

/* ---- samples --------------------------------------------------------------------------------- */

static bool samples(report *r, mf_error *err)
{
    mf_html_section(&r->page, "samples", "Sample lists");
    mf_text_literal(
        &r->page,
        "<p>Users with few and with many ratings. Below an item are the user's ratings that "
        "add most to its score; ✓ is a held-out rating that the list has found.</p>\n");
    return mf_report_samples(&r->page, r->parts, r->facts->ratings, r->facts->validation, err);
}

bool mf_report_write(const char *path, const mf_run_facts *facts, const mf_model_parts *parts,
                     mf_error *err)
{
    bool ok = false;
    report r = {.page = MF_TEXT_EMPTY, .facts = facts, .parts = parts, .data = facts->report};
    if (facts->lists != NULL && facts->lists->k > 0 && facts->lists->model.n_users > 0) {
        r.lists = facts->lists;
        r.rows[0] = (mf_report_row){"this model", &r.lists->model, &r.lists->model_by_count};
        r.rows[1] =
            (mf_report_row){"popularity", &r.lists->popularity, &r.lists->popularity_by_count};
    }
    mf_html_begin(&r.page, "Training report");
    summary(&r);
    lists(&r);
    if (!learning(&r, err))
        goto done;
    ratings(&r);
    if (!samples(&r, err))
        goto done;
    mf_report_data(&r.page, facts);
    mf_report_settings(&r.page, facts->settings);
    mf_report_cost(&r.page, facts);
    mf_report_gate(&r.page, facts->gate);
    mf_report_card(&r.page, facts, parts, r.lists != NULL);
    mf_html_end(&r.page);
    ok = !r.page.failed
             ? mf_file_write(path, r.page.bytes, r.page.n_bytes, err)
             : mf_fail(err, MF_ERR_MEMORY, (mf_where){.path = path}, "no memory for the report");
done:
    mf_text_free(&r.page);
    return ok;
}
