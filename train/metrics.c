/* metrics.c: the printed lines, and three JSON objects from the same facts: metrics.json, the
 * metadata of model.bin, and the parts that both have. */
#include "metrics.h"

#include "base/file.h"
#include "base/memory.h"
#include "data_json.h"
#include "json_build.h"
#include "progress.h"
#include "settings.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mf_metrics_decimals(float low, float high)
{
    const double range = (double)high - (double)low;
    if (!(range > 0) || range >= 1)
        return 4;
    const int more = (int)ceil(-log10(range));
    return more > 12 ? 16 : 4 + more;
}

static bool flush(void)
{
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    clearerr(stdout);
    return !failed;
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
    return flush();
}

bool mf_metrics_print_step(const mf_spectral_progress *progress)
{
    const char *phase = progress->phase == MF_SPECTRAL_CHOOSING ? "choosing"
                        : progress->phase == MF_SPECTRAL_GRID   ? "grid"
                                                                : "learning";
    mf_progress_clear();
    printf("ranking_step=%u phase=%s change=%.6f seconds=%.3f\n", progress->step, phase,
           progress->change, progress->seconds);
    return flush();
}

/* Rounded to six decimals. */
static json_t *rounded(double value)
{
    return json_real(round(value * 1e6) / 1e6);
}

/* Rounded to nine significant digits, for values in units of the ratings, which may be tiny. */
static json_t *rounded_error(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    return json_real(strtod(text, NULL));
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
        if (!shaping_only || mf_train_settings_is_recorded(settings, i))
            mf_train_json_set(&object, settings->table[i].name, setting_value(settings, i));
    return object;
}

/* The errors of an epoch, each as a JSON number by `number`. */
static void set_errors(json_t **object, const mf_epoch *epoch, bool validation,
                       json_t *number(double))
{
    mf_train_json_set(object, "train_rmse", number(epoch->train_rmse));
    if (validation) {
        mf_train_json_set(object, "validation_rmse", number(epoch->validation_rmse));
        mf_train_json_set(object, "validation_mae", number(epoch->validation_mae));
    }
}

static json_t *epoch_json(const mf_epoch *epoch, bool validation)
{
    json_t *object = json_object();
    mf_train_json_set(&object, "epoch", json_integer(epoch->epoch));
    set_errors(&object, epoch, validation, rounded_error);
    mf_train_json_set(&object, "seconds", rounded(epoch->seconds));
    if (epoch->sent_bytes > 0)
        mf_train_json_set(&object, "sent_bytes", json_integer((json_int_t)epoch->sent_bytes));
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
    for (uint32_t i = 0; facts->validation != NULL && i < n; i++)
        if (epochs[i].is_best)
            final = &epochs[i];
    return final;
}

static void set_at(json_t **object, const char *name, uint32_t k, double value)
{
    char key[64];
    snprintf(key, sizeof key, "%s_at_%u", name, k);
    mf_train_json_set(object, key, rounded(value));
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
    mf_train_json_set(&object, "n_users", json_integer(model->n_users));
    if (!all)
        return object;
    set_at(&object, "ndcg_low", report->k, model->ndcg.low);
    set_at(&object, "ndcg_high", report->k, model->ndcg.high);
    set_at(&object, "popularity_ndcg_low", report->k, report->popularity.ndcg.low);
    set_at(&object, "popularity_ndcg_high", report->k, report->popularity.ndcg.high);
    if (isfinite(report->relevant_rating))
        mf_train_json_set(&object, "relevant_rating", rounded_error(report->relevant_rating));
    mf_train_json_set(&object, "n_relevant", json_integer((json_int_t)report->n_relevant));
    mf_train_json_set(&object, "n_skipped_users", json_integer(report->n_skipped_users));
    mf_train_json_set(&object, "n_unknown_rows", json_integer((json_int_t)report->n_unknown_rows));
    mf_train_json_set(&object, "seconds", rounded(report->seconds));
    return object;
}

static json_t *final_json(const mf_run_facts *facts)
{
    json_t *object = json_object();
    const mf_epoch *final = final_epoch(facts);
    if (final != NULL) {
        mf_train_json_set(&object, "best_epoch", json_integer(final->epoch));
        set_errors(&object, final, facts->validation != NULL, rounded_error);
    }
    const bool early = facts->trainer != NULL && mf_trainer_stopped_early(facts->trainer);
    mf_train_json_set(&object, "stopped_early", json_boolean(early));
    mf_train_json_set(&object, "validation_lists", lists_json(facts, true));
    mf_train_json_set(&object, "stopped_by_signal", json_boolean(facts->stopped));
    return object;
}

/* What was chosen, and with `all` everything that was compared and how long it took. */
static json_t *ranking_json(const mf_run_facts *facts, bool all)
{
    const mf_ranking_facts *ranking = facts->ranking;
    if (ranking == NULL || ranking->result.n_factors == 0)
        return json_null();
    const mf_spectral_result *result = &ranking->result;
    json_t *object = json_object();
    mf_train_json_set(&object, "n_factors", json_integer(result->n_factors));
    mf_train_json_set(&object, "regularization", rounded_error((double)result->regularization));
    mf_train_json_set(&object, "recency", rounded_error((double)result->recency));
    mf_train_json_set(&object, "prior", rounded_error((double)result->prior));
    mf_train_json_set(&object, "grading", json_string(mf_grading_name(&ranking->grading)));
    mf_train_json_set(&object, "grade_center", rounded_error((double)ranking->grading.center));
    mf_train_json_set(&object, "grade_scale", rounded_error((double)ranking->grading.scale));
    mf_train_json_set(&object, "relevant_rating", rounded_error((double)ranking->relevant_rating));
    mf_train_json_set(&object, "steps", json_integer(result->steps));
    mf_train_json_set(&object, "converged", json_boolean(result->converged));
    if (!all)
        return object;
    json_t *choices = json_array();
    for (uint32_t i = 0; i < result->n_choices; i++) {
        const mf_spectral_choice *choice = &result->choices[i];
        json_t *entry = json_object();
        mf_train_json_set(&entry, "regularization", rounded_error(choice->regularization));
        mf_train_json_set(&entry, "n_factors", json_integer(choice->n_factors));
        mf_train_json_set(&entry, "recency", rounded_error(choice->recency));
        mf_train_json_set(&entry, "prior", rounded_error(choice->prior));
        mf_train_json_set(&entry, "ndcg_at_10", rounded(choice->ndcg));
        mf_train_json_set(&entry, "chosen", json_boolean(i == result->chosen));
        mf_train_json_append(&choices, entry);
    }
    mf_train_json_set(&object, "choices", choices);
    json_t *recencies = json_array();
    for (uint32_t i = 0; i < result->n_recencies; i++) {
        json_t *entry = json_object();
        mf_train_json_set(&entry, "recency", rounded_error(result->recencies[i].recency));
        mf_train_json_set(&entry, "ndcg_at_10", rounded(result->recencies[i].ndcg));
        mf_train_json_append(&recencies, entry);
    }
    mf_train_json_set(&object, "recency_choices", recencies);
    mf_train_json_set(&object, "seconds", rounded(ranking->seconds));
    return object;
}

static json_t *data_json(const mf_run_facts *facts)
{
    const mf_ratings_counts *counts = &facts->all->counts;
    json_t *object = json_object();
    mf_train_json_set(&object, "n_ratings", json_integer((json_int_t)facts->ratings->n_ratings));
    mf_train_json_set(&object, "n_users", json_integer(facts->ratings->n_users));
    mf_train_json_set(&object, "n_items", json_integer(facts->ratings->n_items));
    mf_train_json_set(
        &object, "n_validation_ratings",
        json_integer(facts->validation != NULL ? (json_int_t)facts->validation->n : 0));
    mf_train_json_set(&object, "n_files", json_integer((json_int_t)counts->n_files));
    mf_train_json_set(&object, "n_bytes", json_integer((json_int_t)counts->n_bytes));
    mf_train_json_set(&object, "n_rows", json_integer((json_int_t)counts->n_rows));
    mf_train_json_set(&object, "n_bad_rows", json_integer((json_int_t)counts->n_bad_rows));
    mf_train_json_set(&object, "n_repeated", json_integer((json_int_t)counts->n_repeated));
    if (facts->report != NULL && object != NULL && !mf_data_json_add(object, facts->report)) {
        json_decref(object);
        return NULL;
    }
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
    mf_train_json_set(&object, "read_seconds", rounded(facts->read_seconds));
    mf_train_json_set(&object, "train_seconds", rounded(facts->train_seconds));
    mf_train_json_set(&object, "update_seconds", rounded(updates));
    mf_train_json_set(&object, "validation_seconds", rounded(validation));
    mf_train_json_set(
        &object, "ratings_per_second",
        json_real(updates > 0 ? round((double)facts->ratings->n_ratings * n / updates) : 0));
    return object;
}

static json_t *phases_json(const mf_run_facts *facts)
{
    json_t *phases = json_array();
    for (size_t i = 0; facts->phases != NULL && i < facts->phases->n; i++) {
        const mf_phase *phase = &facts->phases->phase[i];
        json_t *entry = json_object();
        mf_train_json_set(&entry, "phase", json_string(phase->name));
        mf_train_json_set(&entry, "seconds", rounded(phase->seconds));
        mf_train_json_set(&entry, "peak_memory_bytes",
                          json_integer((json_int_t)phase->peak_memory_bytes));
        mf_train_json_append(&phases, entry);
    }
    return phases;
}

/* The object as text of *n_bytes, followed by two zero bytes; frees the object. The memory is
 * allocated first: json_dumps (jansson 2.14) silently leaves out a key when its own buffer cannot
 * grow. */
static char *dump(json_t *object, size_t flags, size_t *n_bytes, mf_error *err)
{
    *n_bytes = object != NULL ? json_dumpb(object, NULL, 0, flags) : 0;
    char *text = *n_bytes > 0 ? mf_allocate(*n_bytes + 2, 1, "metrics", err) : NULL;
    if (text == NULL || json_dumpb(object, text, *n_bytes, flags) != *n_bytes) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for metrics");
        mf_free(text);
        text = NULL;
    }
    json_decref(object);
    return text;
}

static bool write_json(const char *path, json_t *object, mf_error *err)
{
    size_t n_bytes;
    char *text = dump(object, MF_TRAIN_JSON_FLAGS, &n_bytes, err);
    if (text == NULL)
        return false;
    text[n_bytes++] = '\n';
    const bool ok = mf_file_write(path, text, n_bytes, err);
    mf_free(text);
    return ok;
}

bool mf_metrics_write_gate(const char *path, const mf_run_facts *facts, mf_error *err)
{
    json_t *object = mf_gate_json(facts->gate);
    char checksum[17];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, facts->gate->checksum);
    json_t *new = json_object();
    mf_train_json_set(&new, "checksum", json_string(checksum));
    mf_train_json_set(&new, "program_version", json_string(MF_VERSION));
    mf_train_json_set(&new, "n_users", json_integer(facts->all->n_users));
    mf_train_json_set(&new, "n_items", json_integer(facts->all->n_items));
    mf_train_json_set(&new, "data", data_json(facts));
    mf_train_json_set(&object, "new", new);
    return write_json(path, object, err);
}

bool mf_metrics_write(const char *path, const mf_run_facts *facts, mf_error *err)
{
    uint32_t n;
    const mf_epoch *epochs = epochs_of(facts, &n);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        mf_train_json_append(&list, epoch_json(&epochs[i], facts->validation != NULL));
    json_t *object = json_object();
    mf_train_json_set(&object, "version", json_string(MF_VERSION));
    if (facts->trainer != NULL)
        mf_train_json_set(&object, "cpu", json_string(mf_trainer_cpu(facts->trainer)));
    mf_train_json_set(&object, "hyperparameters", hyperparameters(facts->settings, false));
    mf_train_json_set(&object, "data", data_json(facts));
    mf_train_json_set(&object, "epochs", list);
    mf_train_json_set(&object, "ranking", ranking_json(facts, true));
    mf_train_json_set(&object, "final", final_json(facts));
    if (facts->gate != NULL)
        mf_train_json_set(&object, "gate", mf_gate_json(facts->gate));
    mf_train_json_set(&object, "timings", timings_json(facts));
    mf_train_json_set(&object, "phases", phases_json(facts));
    return write_json(path, object, err);
}

char *mf_metrics_model_metadata(const mf_run_facts *facts, uint32_t best_epoch, mf_error *err)
{
    json_t *object = json_object();
    mf_train_json_set(&object, "version", json_string(MF_VERSION));
    mf_train_json_set(&object, "hyperparameters", hyperparameters(facts->settings, true));
    mf_train_json_set(&object, "n_ratings", json_integer((json_int_t)facts->ratings->n_ratings));
    if (facts->trainer != NULL)
        mf_train_json_set(&object, "best_epoch", json_integer(best_epoch));
    mf_train_json_set(&object, "ranking", ranking_json(facts, false));
    mf_train_json_set(&object, "validation_lists", lists_json(facts, false));
    const mf_epoch *final = final_epoch(facts);
    if (final != NULL)
        set_errors(&object, final, facts->validation != NULL, json_real);
    size_t n_bytes;
    return dump(object, JSON_COMPACT | JSON_REAL_PRECISION(15), &n_bytes, err);
}
