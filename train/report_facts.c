/* report_facts.c: tables. Everything that comes from data is escaped. */
#include "report_facts.h"

#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void text(mf_text *page, const char *string)
{
    mf_html_text(page, string, strlen(string));
}

/* ---- data ----------------------------------------------------------------------------------- */

static void fact(mf_text *page, const char *name, uint64_t n)
{
    mf_text_literal(page, "<tr>");
    mf_html_cell(page, name);
    mf_html_count_cell(page, n);
    mf_text_literal(page, "</tr>\n");
}

static void counts(mf_text *page, const mf_run_facts *run)
{
    const mf_data_report *d = run->report;
    const mf_ratings_counts *c = &d->counts;
    const struct {
        const char *name;
        uint64_t n;
        bool always;
    } facts[] = {
        {"files", d->n_files, true},
        {"files left out", d->n_left_out, false},
        {"rows of ratings", c->n_rows, true},
        {"unreadable rows, left out", c->n_bad_rows, true},
        {"rows of a pair that came again", c->n_repeated, true},
        {"rows that mean “not rated”, left out", c->n_not_rated, false},
        {"rows without a time", c->n_timeless, false},
        {"rows with a time in the future", c->n_future, false},
        {"rows of users who are to be forgotten", c->n_forgotten, false},
        {"ratings for training", run->ratings->n_ratings, true},
        {"ratings held out", run->validation != NULL ? run->validation->n : 0, true},
        {"users", run->ratings->n_users, true},
        {"items", run->ratings->n_items, true},
        {"items with a row in a file of items", d->items.n_matched, false},
        {"items of such a file without ratings", d->items.n_unrated, false},
    };
    mf_html_table_begin(page, (const char *const[]){"channel train", "number"}, 2);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (facts[i].always || facts[i].n > 0)
            fact(page, facts[i].name, facts[i].n);
    mf_html_table_end(page);
}

static void files(mf_text *page, const mf_data_report *d)
{
    mf_html_table_begin(page, (const char *const[]){"file", "read as"}, 2);
    for (uint32_t i = 0; i < d->n_dialects; i++) {
        const mf_report_dialect *of = &d->dialect[i];
        char word[MF_DIALECT_TEXT_BYTES];
        mf_text_literal(page, "<tr><td>");
        for (uint64_t f = 0; f < of->n_files && f < MF_REPORT_FILES; f++) {
            if (f > 0)
                mf_text_literal(page, "<br>");
            text(page, of->file[f]);
        }
        if (of->n_files > MF_REPORT_FILES)
            mf_text_format(page, "<br>and %llu more",
                           (unsigned long long)of->n_files - MF_REPORT_FILES);
        mf_text_literal(page, "</td>");
        mf_html_cell(page, mf_dialect_text(&of->dialect, word));
        mf_text_literal(page, "</tr>\n");
    }
    for (uint32_t i = 0; i < d->n_items_files; i++) {
        mf_text_literal(page, "<tr>");
        mf_html_cell(page, d->items_file[i].name);
        mf_html_cell(page, d->has_items ? "titles and attributes of items" : "not read");
        mf_text_literal(page, "</tr>\n");
    }
    for (uint64_t i = 0; i < d->n_left_out && i < MF_REPORT_LEFT_OUT; i++) {
        mf_text_literal(page, "<tr>");
        mf_html_cell(page, d->left_out[i].name);
        mf_text_literal(page, "<td>left out: ");
        text(page, d->left_out[i].reason);
        mf_text_literal(page, "</td></tr>\n");
    }
    if (d->n_left_out > MF_REPORT_LEFT_OUT)
        mf_text_format(page, "<tr><td></td><td>and %llu more</td></tr>\n",
                       (unsigned long long)d->n_left_out - MF_REPORT_LEFT_OUT);
    mf_html_table_end(page);
}

void mf_report_data(mf_text *page, const mf_run_facts *run)
{
    const mf_data_report *d = run->report;
    mf_html_section(page, "data", "Data");
    counts(page, run);
    files(page, d);
    if (d->n_ratings > 0 && d->feedback == MF_FEEDBACK_EXPLICIT)
        mf_text_format(page, "<p>Ratings from %.6g to %.6g, mean %.4g.</p>\n", (double)d->least,
                       (double)d->most, d->mean);
    if (d->first <= d->last) {
        char first[32];
        char last[32];
        mf_text_format(page, "<p>Times from %s to %s.</p>\n", mf_data_time_text(d->first, first),
                       mf_data_time_text(d->last, last));
    }
    mf_text_literal(page, "<h3>Warnings</h3>\n");
    if (d->n_warnings == 0)
        mf_text_literal(page, "<p>None.</p>\n");
    mf_text_literal(page, "<ul class=\"warnings\">\n");
    for (uint32_t w = 0; w < d->n_warnings; w++) {
        mf_text_literal(page, "<li><b>");
        text(page, d->warning[w].event);
        mf_text_literal(page, "</b> ");
        text(page, d->warning[w].text);
        mf_text_literal(page, "</li>\n");
    }
    mf_text_literal(page, "</ul>\n");
}

/* ---- settings, cost, gate ---------------------------------------------------------------------- */

void mf_report_settings(mf_text *page, const mf_settings *all)
{
    mf_html_section(page, "settings", "Hyperparameters");
    mf_text_literal(page, "<p class=\"soft\">Those that were given are bold; the others have "
                          "their defaults.</p>\n");
    mf_html_table_begin(page, (const char *const[]){"name", "value", "", "meaning"}, 4);
    for (size_t i = 0; i < all->n; i++) {
        char value[MF_SETTING_TEXT_BYTES];
        const bool given = mf_settings_is_given(all, i);
        mf_text_format(page, "<tr><td%s>", given ? " class=\"given\"" : "");
        text(page, all->table[i].name);
        mf_text_format(page, "</td><td%s>", given ? " class=\"given\"" : "");
        mf_settings_text(all, i, value);
        text(page, value[0] != '\0' ? value : "empty");
        mf_text_literal(page, "</td>");
        mf_html_cell(page, given ? "given" : "default");
        mf_html_cell(page, all->table[i].help);
        mf_text_literal(page, "</tr>\n");
    }
    mf_html_table_end(page);
}

void mf_report_cost(mf_text *page, const mf_run_facts *run)
{
    mf_html_section(page, "cost", "Time and memory");
    mf_html_table_begin(page, (const char *const[]){"phase", "seconds", "peak memory so far, MB"},
                        3);
    for (size_t i = 0; i < run->phases->n; i++) {
        const mf_phase *phase = &run->phases->phase[i];
        mf_text_literal(page, "<tr>");
        mf_html_cell(page, phase->name);
        mf_html_number(page, "%.3f", phase->seconds);
        mf_html_number(page, "%.1f", (double)phase->peak_memory_bytes / 1e6);
        mf_text_literal(page, "</tr>\n");
    }
    mf_html_table_end(page);
    if (run->trainer != NULL)
        mf_text_format(page, "<p class=\"soft\">Vector instructions of the CPU: %s.</p>\n",
                       mf_trainer_cpu(run->trainer));
}

static void gate_row(mf_text *page, const char *name, const mf_paired *p)
{
    mf_text_literal(page, "<tr>");
    mf_html_cell(page, name);
    mf_html_number(page, "%.4f", p->b);
    mf_html_number(page, "%.4f", p->a);
    mf_html_number(page, "%+.4f (%+.4f to %+.4f)", p->difference.mean, p->difference.low,
                   p->difference.high);
    mf_html_count_cell(page, p->n_users);
    mf_text_literal(page, "</tr>\n");
}

void mf_report_gate(mf_text *page, const mf_gate *g)
{
    char name[32];
    if (g == NULL)
        return;
    mf_html_section(page, "gate", "Comparison with the model in service");
    mf_text_format(page, "<p><b>%s</b>: ", g->promote ? "Promoted" : "Not promoted");
    text(page, g->reason);
    mf_text_literal(page, "</p>\n");
    if (g->ndcg.n_users == 0 && g->rmse.n_users == 0)
        return;
    mf_html_table_begin(page, (const char *const[]){"", "new", "in service", "difference", "users"},
                        5);
    snprintf(name, sizeof name, "NDCG@%u", g->k);
    if (g->ndcg.n_users > 0)
        gate_row(page, name, &g->ndcg);
    if (g->rmse.n_users > 0)
        gate_row(page, "RMSE", &g->rmse);
    mf_html_table_end(page);
}

/* ---- the card ------------------------------------------------------------------------------------ */

/* Files beside the ratings that are called as terms usually are. */
static void terms(mf_text *page, const mf_data_report *d)
{
    static const char *const names[] = {"readme", "license", "licence", "copying", "terms"};
    bool any = false;
    for (uint64_t i = 0; i < d->n_left_out && i < MF_REPORT_LEFT_OUT; i++) {
        const char *slash = strrchr(d->left_out[i].name, '/');
        const char *name = slash != NULL ? slash + 1 : d->left_out[i].name;
        bool is_one = false;
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
            is_one |= strncasecmp(name, names[n], strlen(names[n])) == 0;
        if (!is_one)
            continue;
        text(page, any ? ", " : " Beside the ratings there is ");
        text(page, d->left_out[i].name);
        any = true;
    }
    text(page, any ? ", which may have them." : "");
}

void mf_report_card(mf_text *page, const mf_run_facts *run, const mf_model_parts *parts,
                    bool is_evaluated)
{
    const bool rates = parts->n_factors > 0;
    const bool ranks = parts->ranking.n_factors > 0;
    mf_html_section(page, "card", "Model card");
    mf_text_literal(page, "<dl>\n<dt>What it is</dt><dd>Matrix factorization of who rated what"
                          ", without content of the items. ");
    if (rates)
        mf_text_format(page,
                       "The rating model predicts a rating from %u factors and biases, learned by "
                       "stochastic gradient descent. ",
                       parts->n_factors);
    if (ranks)
        mf_text_format(page,
                       "The ranking model orders lists by %u directions of a shrunk singular value "
                       "decomposition of graded ratings. ",
                       parts->ranking.n_factors);
    mf_text_literal(
        page,
        "</dd>\n<dt>Intended use</dt><dd>To offer items to users of the service that the ratings "
        "are from: lists, similar items"
        "");
    text(page, rates ? ", predicted ratings. " : ". ");
    mf_text_literal(
        page,
        "It is not meant for decisions about people, such as credit, employment or insurance, nor "
        "for guesses about traits that ratings may reveal.</dd>\n"
        "<dt>Data and licence</dt><dd>The model is made of the files under Data, and has the ids "
        "and rated items of their users. Their terms apply to the model and to this report; this "
        "program does not know them.");
    terms(page, run->report);
    mf_text_literal(
        page,
        "</dd>\n<dt>Personal data</dt><dd>This report shows ids and ratings of a few users: treat "
        "it "
        "as the model. A user who is to be forgotten is removed by training again without the "
        "user's ratings.</dd>\n"
        "<dt>Limits</dt><dd>It learns what users chose among what they were offered, and repeats "
        "it: popular items come first, and what few have rated is seldom listed (see coverage). An "
        "item without ratings is never recommended. Users with few ratings get lists near those of "
        "popularity. ");
    if (is_evaluated)
        mf_text_literal(
            page, "The figures are of held-out ratings of users who were in the training, not "
                  "of an experiment with users; only such an experiment tells what the lists "
                  "are worth in service.");
    else
        mf_text_literal(page, "Nothing was held out, so its quality is not known.");
    mf_text_literal(
        page, "</dd>\n<dt>Reproducing it</dt><dd>The same data, hyperparameters and seed give "
              "the same model.bin, byte for byte, with any number of threads and on any CPU."
              "</dd>\n</dl>\n");
}
