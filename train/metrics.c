/* metrics.c: promises in metrics.h. */
#include "metrics.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "progress.h"
#include "settings.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Doubles in JSON with the digits that people wrote. */
enum { JSON_FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(15) };

int mf_metrics_decimals(float low, float high)
{
    const double range = (double)high - (double)low;
    if (!(range > 0) || range >= 1)
        return 4;
    const int more = (int)ceil(-log10(range));
    return more > 12 ? 16 : 4 + more;
}

bool mf_metrics_print_epoch(const mf_epoch *epoch, bool validation, uint64_t n_ratings,
                            int decimals)
{
    mf_progress_clear();
    printf("epoch=%u train_rmse=%.*f", epoch->epoch, decimals, epoch->train_rmse);
    if (validation)
        printf(" validation_rmse=%.*f validation_mae=%.*f", decimals, epoch->validation_rmse,
               decimals, epoch->validation_mae);
    printf(" seconds=%.3f ratings_per_second=%.0f\n", epoch->seconds,
           epoch->seconds > 0 ? (double)n_ratings / epoch->seconds : 0);
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    clearerr(stdout);
    return !failed;
}

static const char *phase_name(mf_spectral_phase phase)
{
    switch (phase) {
    case MF_SPECTRAL_CHOOSING:
        return "choosing";
    case MF_SPECTRAL_GRID:
        return "grid";
    default:
        return "learning";
    }
}

bool mf_metrics_print_step(const mf_spectral_progress *progress)
{
    mf_progress_clear();
    printf("ranking_step=%u phase=%s change=%.6f seconds=%.3f\n", progress->step,
           phase_name(progress->phase), progress->change, progress->seconds);
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    clearerr(stdout);
    return !failed;
}

/* Without memory for a value the whole object goes (jansson would leave the key
 * out), and with it all that holds it: dump() reports it. */
static void set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) != 0) {
        json_decref(*object);
        *object = NULL;
    }
}

/* Rounded to what is worth reading. */
static json_t *rounded(double value)
{
    return json_real(round(value * 1e6) / 1e6);
}

/* The same for errors, which are as small as the ratings are. */
static json_t *rounded_error(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    double nearest = value;
    mf_parse_double(text, strlen(text), &nearest);
    return json_real(nearest);
}

/* A setting's value as JSON of its own type. */
static json_t *setting_value(const mf_settings *settings, size_t i)
{
    char text[MF_SETTING_TEXT_BYTES];
    mf_settings_text(settings, i, text);
    const mf_setting_type type = settings->table[i].type;
    if (type == MF_SETTING_TEXT || type == MF_SETTING_CHOICE || strcmp(text, "auto") == 0)
        return json_string(text);
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *hyperparameters(const mf_settings *settings, bool shaping_only)
{
    json_t *object = json_object();
    for (size_t i = 0; i < settings->n; i++)
        if (!shaping_only || mf_train_settings_shapes_model(&settings->table[i]))
            set(&object, settings->table[i].name, setting_value(settings, i));
    return object;
}

static json_t *epoch_json(const mf_epoch *epoch, bool validation)
{
    json_t *object = json_object();
    set(&object, "epoch", json_integer(epoch->epoch));
    set(&object, "train_rmse", rounded_error(epoch->train_rmse));
    if (validation) {
        set(&object, "validation_rmse", rounded_error(epoch->validation_rmse));
        set(&object, "validation_mae", rounded_error(epoch->validation_mae));
    }
    set(&object, "seconds", rounded(epoch->seconds));
    return object;
}

static const mf_epoch *epochs_of(const mf_run_facts *facts, uint32_t *n)
{
    *n = 0;
    return facts->trainer != NULL ? mf_trainer_epochs(facts->trainer, n) : NULL;
}

/* The epoch that the model is from, or NULL. */
static const mf_epoch *final_epoch(const mf_run_facts *facts)
{
    uint32_t n;
    const mf_epoch *epochs = epochs_of(facts, &n);
    const mf_epoch *final = n > 0 ? &epochs[n - 1] : NULL;
    if (facts->validation != NULL)
        for (uint32_t i = 0; i < n; i++)
            if (epochs[i].is_best)
                final = &epochs[i];
    return final;
}

static void set_at(json_t **object, const char *name, uint32_t k, double value)
{
    char key[64];
    snprintf(key, sizeof key, "%s_at_%u", name, k);
    set(object, key, rounded(value));
}

/* How good the lists are on validation data; null when nothing there was relevant. */
static json_t *lists_json(const mf_run_facts *facts, bool all)
{
    const mf_list_report *report = facts->lists;
    if (report == NULL || report->k == 0 || report->model.n_users == 0)
        return json_null();
    json_t *object = json_object();
    const mf_list_summary *model = &report->model;
    set_at(&object, "ndcg", report->k, model->ndcg.mean);
    set_at(&object, "precision", report->k, model->precision.mean);
    set_at(&object, "recall", report->k, model->recall.mean);
    set_at(&object, "map", report->k, model->map.mean);
    set_at(&object, "coverage", report->k, model->coverage);
    set_at(&object, "novelty", report->k, model->novelty);
    set_at(&object, "popularity_ndcg", report->k, report->popularity.ndcg.mean);
    set(&object, "n_users", json_integer(model->n_users));
    if (!all)
        return object;
    set_at(&object, "ndcg_low", report->k, model->ndcg.low);
    set_at(&object, "ndcg_high", report->k, model->ndcg.high);
    if (isfinite(report->relevant_rating))
        set(&object, "relevant_rating", rounded_error(report->relevant_rating));
    set(&object, "n_relevant", json_integer((json_int_t)report->n_relevant));
    set(&object, "n_skipped_users", json_integer(report->n_skipped_users));
    set(&object, "n_unknown_rows", json_integer((json_int_t)report->n_unknown_rows));
    set(&object, "seconds", rounded(report->seconds));
    return object;
}

static json_t *final_json(const mf_run_facts *facts)
{
    json_t *object = json_object();
    const mf_epoch *final = final_epoch(facts);
    if (final != NULL) {
        set(&object, "best_epoch", json_integer(final->epoch));
        set(&object, "train_rmse", rounded_error(final->train_rmse));
        if (facts->validation != NULL) {
            set(&object, "validation_rmse", rounded_error(final->validation_rmse));
            set(&object, "validation_mae", rounded_error(final->validation_mae));
        }
    }
    const bool early = facts->trainer != NULL && mf_trainer_stopped_early(facts->trainer);
    set(&object, "stopped_early", json_boolean(early));
    set(&object, "validation_lists", lists_json(facts, true));
    set(&object, "stopped_by_signal", json_boolean(facts->stopped));
    return object;
}

static const char *grading_name(const mf_grading *grading)
{
    static const char *const names[MF_GRADING_KINDS] = {
        [MF_GRADING_LOGISTIC] = "logistic", [MF_GRADING_LOG] = "log", [MF_GRADING_ONE] = "one"};
    return names[grading->kind];
}

/* What was chosen, and with `all` everything that was compared and how long it took. */
static json_t *ranking_json(const mf_run_facts *facts, bool all)
{
    const mf_ranking_facts *ranking = facts->ranking;
    if (ranking == NULL || ranking->result.n_factors == 0)
        return json_null();
    const mf_spectral_result *result = &ranking->result;
    json_t *object = json_object();
    set(&object, "n_factors", json_integer(result->n_factors));
    set(&object, "regularization", rounded_error((double)result->regularization));
    set(&object, "recency", rounded_error((double)result->recency));
    set(&object, "prior", rounded_error((double)result->prior));
    set(&object, "grading", json_string(grading_name(&ranking->grading)));
    set(&object, "grade_center", rounded_error((double)ranking->grading.center));
    set(&object, "grade_scale", rounded_error((double)ranking->grading.scale));
    set(&object, "relevant_rating", rounded_error((double)ranking->relevant_rating));
    set(&object, "steps", json_integer(result->steps));
    set(&object, "converged", json_boolean(result->converged));
    if (!all)
        return object;
    json_t *choices = json_array();
    for (uint32_t i = 0; i < result->n_choices; i++) {
        const mf_spectral_choice *choice = &result->choices[i];
        json_t *entry = json_object();
        set(&entry, "regularization", rounded_error(choice->regularization));
        set(&entry, "n_factors", json_integer(choice->n_factors));
        set(&entry, "recency", rounded_error(choice->recency));
        set(&entry, "prior", rounded_error(choice->prior));
        set(&entry, "ndcg_at_10", rounded(choice->ndcg));
        set(&entry, "chosen", json_boolean(i == result->chosen));
        if (json_array_append_new(choices, entry) != 0) {
            json_decref(choices);
            choices = NULL;
        }
    }
    set(&object, "choices", choices);
    set(&object, "seconds", rounded(ranking->seconds));
    return object;
}

static json_t *data_json(const mf_run_facts *facts)
{
    const mf_ratings_counts *counts = &facts->all->counts;
    json_t *object = json_object();
    set(&object, "n_ratings", json_integer((json_int_t)facts->ratings->n_ratings));
    set(&object, "n_users", json_integer(facts->ratings->n_users));
    set(&object, "n_items", json_integer(facts->ratings->n_items));
    set(&object, "n_validation_ratings",
        json_integer(facts->validation != NULL ? (json_int_t)facts->validation->n : 0));
    set(&object, "n_files", json_integer((json_int_t)counts->n_files));
    set(&object, "n_bytes", json_integer((json_int_t)counts->n_bytes));
    set(&object, "n_rows", json_integer((json_int_t)counts->n_rows));
    set(&object, "n_bad_rows", json_integer((json_int_t)counts->n_bad_rows));
    set(&object, "n_repeated", json_integer((json_int_t)counts->n_repeated));
    return object;
}

static json_t *timings_json(const mf_run_facts *facts)
{
    uint32_t n;
    const mf_epoch *epochs = epochs_of(facts, &n);
    double updates = 0;
    double validation = 0;
    for (uint32_t i = 0; i < n; i++) {
        updates += epochs[i].seconds;
        validation += epochs[i].validation_seconds;
    }
    json_t *object = json_object();
    set(&object, "read_seconds", rounded(facts->read_seconds));
    set(&object, "train_seconds", rounded(facts->train_seconds));
    set(&object, "update_seconds", rounded(updates));
    set(&object, "validation_seconds", rounded(validation));
    set(&object, "ratings_per_second",
        json_real(updates > 0 ? round((double)facts->ratings->n_ratings * n / updates) : 0));
    return object;
}

/* The text in a block of ours, a zero byte and room for one more behind it; eats the
 * object. Written into memory that is there already: json_dumps (jansson 2.14)
 * leaves out a key for which its own buffer cannot grow, and says nothing. */
static char *dump(json_t *object, size_t flags, size_t *n_bytes, mf_error *err)
{
    char *text = NULL;
    *n_bytes = object != NULL ? json_dumpb(object, NULL, 0, flags) : 0;
    if (*n_bytes == 0)
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for metrics");
    else
        text = mf_allocate(*n_bytes + 2, 1, "metrics", err);
    if (text != NULL && json_dumpb(object, text, *n_bytes, flags) != *n_bytes) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for metrics");
        mf_free(text);
        text = NULL;
    }
    json_decref(object);
    return text;
}

bool mf_metrics_write(const char *path, const mf_run_facts *facts, mf_error *err)
{
    uint32_t n;
    const mf_epoch *epochs = epochs_of(facts, &n);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        if (json_array_append_new(list, epoch_json(&epochs[i], facts->validation != NULL)) != 0) {
            json_decref(list);
            list = NULL;
        }
    json_t *object = json_object();
    set(&object, "version", json_string(MF_VERSION));
    if (facts->trainer != NULL)
        set(&object, "cpu", json_string(mf_trainer_cpu(facts->trainer)));
    set(&object, "hyperparameters", hyperparameters(facts->settings, false));
    set(&object, "data", data_json(facts));
    set(&object, "epochs", list);
    set(&object, "ranking", ranking_json(facts, true));
    set(&object, "final", final_json(facts));
    set(&object, "timings", timings_json(facts));
    size_t n_bytes;
    char *text = dump(object, JSON_FLAGS, &n_bytes, err);
    if (text == NULL)
        return false;
    text[n_bytes++] = '\n';
    const bool ok = mf_file_write(path, text, n_bytes, err);
    mf_free(text);
    return ok;
}

char *mf_metrics_model_metadata(const mf_run_facts *facts, uint32_t best_epoch, mf_error *err)
{
    json_t *object = json_object();
    set(&object, "version", json_string(MF_VERSION));
    set(&object, "hyperparameters", hyperparameters(facts->settings, true));
    set(&object, "n_ratings", json_integer((json_int_t)facts->ratings->n_ratings));
    if (facts->trainer != NULL)
        set(&object, "best_epoch", json_integer(best_epoch));
    set(&object, "ranking", ranking_json(facts, false));
    set(&object, "validation_lists", lists_json(facts, false));
    const mf_epoch *final = final_epoch(facts);
    if (final != NULL) {
        set(&object, "train_rmse", json_real(final->train_rmse));
        if (facts->validation != NULL) {
            set(&object, "validation_rmse", json_real(final->validation_rmse));
            set(&object, "validation_mae", json_real(final->validation_mae));
        }
    }
    size_t n_bytes;
    return dump(object, JSON_COMPACT | JSON_REAL_PRECISION(15), &n_bytes, err);
}
