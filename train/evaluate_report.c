/* evaluate_report.c: the table and the JSON of evaluate_result.h. */
#include "evaluate_result.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(15) };

static const struct {
    const char *key;
    const char *title;
} rows[MF_ROWS] = {
    [MF_ROW_RANKING] = {"ranking", "ranking model"},
    [MF_ROW_RATING] = {"rating", "by predicted rating"},
    [MF_ROW_POPULARITY_ORDER] = {"popularity_order", "order=popularity"},
    [MF_ROW_SECOND] = {"second", "second setting"},
    [MF_ROW_POPULARITY] = {"popularity", "popularity"},
    [MF_ROW_ITEM_ITEM] = {"item_item", "item-item cosine"},
};

const char *mf_evaluate_row_key(mf_evaluate_row row)
{
    return rows[row].key;
}

const char *mf_evaluate_row_title(mf_evaluate_row row)
{
    return rows[row].title;
}

/* ---- the table -------------------------------------------------------------- */

typedef unsigned long long ull;

static void print_head(const mf_evaluate_result *r, FILE *out)
{
    const mf_evaluate_run *run = &r->run[0];
    fprintf(out, "%u users, %u items; ", r->n_users, r->n_items);
    if (r->model != NULL)
        fprintf(out, "model %s, %llu ratings of %s to find\n", r->model, (ull)run->n_held_out,
                r->data);
    else
        fprintf(out, "split %s, %u %s: %llu ratings to learn from, %llu to find\n", r->split,
                r->n_runs, r->n_runs == 1 ? "time" : "times", (ull)run->n_train,
                (ull)run->n_held_out);
    if (isfinite(run->relevant_rating))
        fprintf(out, "relevant: a rating of %.4g and more, %llu of them\n",
                (double)run->relevant_rating, (ull)run->n_relevant);
    else
        fprintf(out, "relevant: everything held out\n");
    if (run->n_unknown_user_rows > 0 || run->n_unknown_item_rows > 0)
        fprintf(
            out,
            "ratings of unknown users, left out: %llu; of unknown items, not to be found: %llu\n",
            (ull)run->n_unknown_user_rows, (ull)run->n_unknown_item_rows);
}

static void print_row(const mf_evaluate_result *r, mf_evaluate_row row, FILE *out)
{
    const mf_list_summary *s = &r->summary[row];
    fprintf(out, "%-20s %.4f  %.4f  %.4f (%.4f to %.4f)  %.4f  %.4f  %.4f    %.4f   %u\n",
            rows[row].title, s->precision.mean, s->recall.mean, s->ndcg.mean, s->ndcg.low,
            s->ndcg.high, s->map.mean, s->recall_20.mean, s->coverage, s->novelty, s->n_users);
}

static void print_skipped(const mf_evaluate_result *r, FILE *out)
{
    for (int row = 0; row < MF_ROWS; row++) {
        if (!r->has_row[row])
            continue;
        const mf_evaluation *e = &r->evaluation[row][0];
        if (e->n_unknown_users > 0)
            fprintf(out, "users who rated nothing in training, left out: %u\n", e->n_unknown_users);
        if (e->n_repeated > 0)
            fprintf(out, "relevant ratings that were in training too, left out: %llu\n",
                    (ull)e->n_repeated);
        break;
    }
    for (int row = 0; row < MF_ROWS; row++)
        if (r->has_row[row] && r->evaluation[row][0].n_not_looked_at > 0)
            fprintf(out, "%s: of %u users more, evenly spread, nothing was computed\n",
                    rows[row].title, r->evaluation[row][0].n_not_looked_at);
}

static void print_models(const mf_evaluate_result *r, FILE *out)
{
    double rmse = 0;
    double seconds = 0;
    for (uint32_t i = 0; i < r->n_runs; i++) {
        rmse += r->run[i].rmse / r->n_runs;
        seconds += (r->run[i].fit.rating_seconds + r->run[i].fit.choosing_seconds +
                    r->run[i].fit.learning_seconds) /
                   r->n_runs;
    }
    const mf_evaluate_run *run = &r->run[0];
    if (!isnan(rmse))
        fprintf(out, "rating model: RMSE %.4f\n", rmse);
    if (run->n_factors > 0)
        fprintf(out, "ranking model: %u directions, regularization %g, recency %g, prior %g\n",
                run->n_factors, (double)run->regularization, (double)run->recency,
                (double)run->prior);
    if (seconds > 0)
        fprintf(out, "training: %.2f s\n", seconds);
}

void mf_evaluate_print(const mf_evaluate_result *r, FILE *out)
{
    bool no_users = true;
    print_head(r, out);
    for (int row = 0; row < MF_ROWS; row++)
        no_users &= r->summary[row].n_users == 0;
    if (no_users) {
        fputs("\nnothing relevant is held out of any known user: there is nothing to measure\n",
              out);
        print_skipped(r, out);
        print_models(r, out);
        return;
    }
    fprintf(
        out,
        "\n%-20s P@%-4u  R@%-4u  NDCG@%-3u (95 %%)%*s MAP@%-3u R@%-5u coverage  novelty  users\n",
        "", r->k, r->k, r->k, 9, "", r->k, MF_RECALL_LENGTH);
    for (int row = 0; row < MF_ROWS; row++)
        if (r->has_row[row])
            print_row(r, (mf_evaluate_row)row, out);
    if (r->has_row[MF_ROW_SECOND] && r->diversity > 0)
        fprintf(out, "\ncosine of two items in a list: %.4f, with diversity %g %.4f (%+.1f %%)\n",
                r->cosine[r->first], r->diversity, r->cosine[MF_ROW_SECOND],
                100 * (r->cosine[MF_ROW_SECOND] / r->cosine[r->first] - 1));
    if (r->has_row[MF_ROW_SECOND])
        fprintf(
            out,
            "\nsecond setting (%s) against %s, NDCG of each user: %+.4f (%+.4f to %+.4f), better "
            "for %.0f %%, worse for %.0f %% of %u\n",
            r->compare, rows[r->first].title, r->comparison.difference.mean,
            r->comparison.difference.low, r->comparison.difference.high, 100 * r->comparison.better,
            100 * r->comparison.worse, r->comparison.n_users);
    fputc('\n', out);
    print_skipped(r, out);
    print_models(r, out);
}

/* ---- JSON ------------------------------------------------------------------- */

/* What cannot be made takes the whole object with it: dump() reports it. */
static void set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *interval(mf_interval i)
{
    json_t *object = json_object();
    set(&object, "mean", real(i.mean));
    set(&object, "low", real(i.low));
    set(&object, "high", real(i.high));
    return object;
}

static json_t *lists(const mf_evaluate_result *r, mf_evaluate_row row)
{
    const mf_list_summary *s = &r->summary[row];
    const mf_evaluation *e = &r->evaluation[row][0];
    json_t *object = json_object();
    set(&object, "users", count(s->n_users));
    set(&object, "precision", interval(s->precision));
    set(&object, "recall", interval(s->recall));
    set(&object, "ndcg", interval(s->ndcg));
    set(&object, "map", interval(s->map));
    set(&object, "mrr", interval(s->mrr));
    set(&object, "recall_20", interval(s->recall_20));
    set(&object, "coverage", real(s->coverage));
    set(&object, "novelty", real(s->novelty));
    if (r->diversity > 0 && (row == r->first || row == MF_ROW_SECOND))
        set(&object, "cosine", real(r->cosine[row]));
    set(&object, "users_without_relevant", count(e->n_nothing_relevant));
    set(&object, "users_unknown", count(e->n_unknown_users));
    set(&object, "users_not_looked_at", count(e->n_not_looked_at));
    set(&object, "relevant_repeated_from_training", count(e->n_repeated));
    return object;
}

static json_t *one_run(const mf_evaluate_result *r, const mf_evaluate_run *run)
{
    json_t *object = json_object();
    set(&object, "seed", count(run->seed));
    set(&object, "n_train", count(run->n_train));
    set(&object, "n_held_out", count(run->n_held_out));
    set(&object, "n_relevant", count(run->n_relevant));
    set(&object, "n_unknown_user_ratings", count(run->n_unknown_user_rows));
    set(&object, "n_unknown_item_ratings", count(run->n_unknown_item_rows));
    set(&object, "relevant_rating", real((double)run->relevant_rating));
    set(&object, "rmse", real(run->rmse));
    set(&object, "mae", real(run->mae));
    if (run->n_factors > 0) {
        json_t *ranking = json_object();
        set(&ranking, "n_factors", count(run->n_factors));
        set(&ranking, "regularization", real((double)run->regularization));
        set(&ranking, "recency", real((double)run->recency));
        set(&ranking, "prior", real((double)run->prior));
        if (r->model == NULL) {
            set(&ranking, "steps", count(run->fit.steps));
            set(&ranking, "converged", json_boolean(run->fit.converged));
        }
        set(&object, "ranking_model", ranking);
    }
    if (r->model == NULL) {
        json_t *seconds = json_object();
        set(&seconds, "rating", real(run->fit.rating_seconds));
        set(&seconds, "ranking_choosing", real(run->fit.choosing_seconds));
        set(&seconds, "ranking_learning", real(run->fit.learning_seconds));
        set(&object, "seconds", seconds);
    }
    return object;
}

static json_t *whole(const mf_evaluate_result *r)
{
    json_t *object = json_object();
    set(&object, "version", json_string(MF_VERSION));
    set(&object, "data", json_string(r->data));
    if (r->model != NULL) {
        set(&object, "model", json_string(r->model));
    } else {
        set(&object, "split", json_string(r->split));
        set(&object, "fraction", real(r->fraction));
    }
    set(&object, "k", count(r->k));
    set(&object, "n_users", count(r->n_users));
    set(&object, "n_items", count(r->n_items));
    json_t *runs = json_array();
    for (uint32_t i = 0; i < r->n_runs; i++)
        if (json_array_append_new(runs, one_run(r, &r->run[i])) != 0) {
            json_decref(runs);
            runs = NULL;
        }
    set(&object, "runs", runs);
    json_t *all = json_object();
    for (int row = 0; row < MF_ROWS; row++)
        if (r->has_row[row])
            set(&all, rows[row].key, lists(r, (mf_evaluate_row)row));
    set(&object, "lists", all);
    if (r->has_row[MF_ROW_SECOND]) {
        json_t *comparison = json_object();
        set(&comparison, "settings", json_string(r->compare));
        set(&comparison, "against", json_string(rows[r->first].key));
        set(&comparison, "ndcg_difference", interval(r->comparison.difference));
        set(&comparison, "better", real(r->comparison.better));
        set(&comparison, "worse", real(r->comparison.worse));
        set(&comparison, "users", count(r->comparison.n_users));
        set(&object, "comparison", comparison);
    }
    return object;
}

bool mf_evaluate_write_json(const mf_evaluate_result *r, const char *path, mf_error *err)
{
    bool ok = false;
    json_t *object = whole(r);
    char *text = object != NULL ? json_dumps(object, JSON_FLAGS) : NULL;
    if (text == NULL)
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the JSON of figures");
    else
        ok = mf_file_write(path, text, strlen(text), err);
    free(text);
    json_decref(object);
    return ok;
}
