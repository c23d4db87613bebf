/* gate.c: chooses the held-out ratings that both models can be compared on, makes the figures of each
 * user by each model, and decides by the intervals of their differences.
 *
 * The models have different indexes. A "side" is one model with what is needed in its own. Users are
 * also numbered by their place among those that are compared, which is what figures are kept by. */
#include "gate.h"

#include "base/log.h"
#include "base/memory.h"
#include "evaluate/held_out.h"
#include "evaluate/model_lists.h"
#include "json_build.h"
#include "progress.h"
#include "recommend/recommender.h"
#include "sagemaker/channel_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CURRENT, NEW, SIDES };

/* What a model was trained on, by user, items ascending. */
typedef struct trained {
    const uint64_t *start;
    const uint32_t *item;
    const uint8_t *grade; /* 0: held out and not trained on; NULL: all were trained on */
} trained;

typedef struct side {
    mf_model *model;
    const mf_model_parts *parts;
    trained trained;
    mf_ratings_rows rows; /* the ratings that are compared, in this model's indexes */
    mf_held_out also;     /* what the other model was trained on, of these users */
    uint32_t *place;      /* [n_users] of a compared user */
    double *ndcg;         /* [n_places] NAN: the user has nothing to find */
    double *squares;      /* [n_places] */
} side;

typedef struct comparison {
    mf_gate *gate;
    const mf_gate_input *input;
    side side[SIDES];
    uint32_t *to_current; /* [items of the new model] */
    uint32_t n_places;
    double *n_ratings; /* [n_places] */
} comparison;

__attribute__((format(printf, 3, 4))) static void decide(mf_gate *gate, bool promote,
                                                         const char *format, ...)
{
    char text[sizeof gate->reason];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    gate->promote = promote;
    mf_printable(gate->reason, sizeof gate->reason, text, strlen(text)); /* UTF-8, for JSON */
}

/* ---- the model in service ------------------------------------------------------ */

static bool open_current(mf_gate *gate, const mf_channel *channel, mf_error *err)
{
    mf_channel_files *files = mf_channel_files_list(channel, err);
    if (files == NULL)
        return false;
    const bool empty = files->n == 0;
    mf_channel_files_destroy(files);
    if (empty) {
        decide(gate, true, "channel %s is empty: there is no model in service yet", channel->name);
        return true;
    }
    if (!mf_model_channel_open(channel, &gate->mapped, err))
        return false;
    gate->current =
        mf_model_open_bytes(gate->mapped.bytes, gate->mapped.n_bytes, gate->mapped.name, err);
    return gate->current != NULL;
}

bool mf_gate_open(mf_gate *gate, const mf_channel *channel, mf_error *err)
{
    mf_error why = {0};
    *gate = (mf_gate){.used = true};
    if (open_current(gate, channel, &why)) {
        if (gate->current == NULL)
            mf_log_message(MF_LOG_INFO, "gate", "%s", gate->reason);
        return true;
    }
    mf_mapped_model_close(&gate->mapped);
    if (why.code == MF_ERR_MEMORY || why.code == MF_ERR_STOPPED)
        return mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
    decide(gate, false, "the model in service cannot be read, so nothing was compared: %.500s",
           why.text);
    mf_log_message(MF_LOG_WARNING, "gate", "the new model will not be promoted: %s", gate->reason);
    return true;
}

void mf_gate_close(mf_gate *gate)
{
    mf_model_close(gate->current);
    mf_mapped_model_close(&gate->mapped);
    memset(gate, 0, sizeof *gate);
}

/* A part that requests of today may need. */
static bool lacks_a_part(mf_gate *gate, const mf_model_parts *parts)
{
    const mf_model_parts *current = mf_model_get(gate->current);
    const bool ranking = current->ranking.n_factors > 0 && parts->ranking.n_factors == 0;
    const bool rating = current->n_factors > 0 && parts->n_factors == 0;
    if (ranking || rating)
        decide(gate, false, "the new model has no %s model, and the model in service has one",
               ranking ? "ranking" : "rating");
    return ranking || rating;
}

/* ---- which ratings are compared -------------------------------------------------- */

static trained trained_of(const mf_model_parts *parts)
{
    return (trained){parts->rated_start, parts->rated_items,
                     parts->ranking.n_factors > 0 ? parts->ranking.grades : NULL};
}

static bool is_trained(const trained *t, uint64_t k)
{
    return t->grade == NULL || t->grade[k] > 0;
}

static bool is_known(const side *s, uint32_t user)
{
    if (user == MF_INDEX_NONE)
        return false;
    for (uint64_t k = s->trained.start[user]; k < s->trained.start[user + 1]; k++)
        if (is_trained(&s->trained, k))
            return true;
    return false;
}

static bool has_learned(const side *s, uint32_t user, uint32_t item)
{
    uint64_t low = s->trained.start[user];
    uint64_t high = s->trained.start[user + 1];
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (s->trained.item[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->trained.start[user + 1] && s->trained.item[low] == item &&
           is_trained(&s->trained, low);
}

static uint32_t find(uint32_t (*model_find)(const mf_model *, const char *, size_t),
                     const mf_model *model, const mf_id_list *ids, uint32_t index)
{
    if (index == MF_INDEX_NONE)
        return MF_INDEX_NONE;
    const mf_id id = mf_id_list_get(ids, index);
    return model_find(model, id.bytes, id.n_bytes);
}

/* Row k in the indexes of both models. */
typedef struct both {
    uint32_t user[SIDES];
    uint32_t item[SIDES];
} both;

static both row_of(const comparison *j, uint64_t k)
{
    const mf_gate_input *in = j->input;
    const uint32_t user = in->validation->user[k];
    const uint32_t item = in->validation->item[k];
    both row = {.user[NEW] = user, .item[NEW] = item};
    if (in->in_current != NULL) {
        row.user[CURRENT] = in->in_current->user[k];
        row.item[CURRENT] = in->in_current->item[k];
    } else {
        row.user[CURRENT] = find(mf_model_find_user, j->gate->current, in->users, user);
        row.item[CURRENT] = item != MF_INDEX_NONE ? j->to_current[item] : MF_INDEX_NONE;
    }
    return row;
}

static bool both_know(const comparison *j, const both *row)
{
    return is_known(&j->side[CURRENT], row->user[CURRENT]) &&
           is_known(&j->side[NEW], row->user[NEW]);
}

/* Whether the user with this number among n is one of the at most MF_GATE_USERS_MAX. */
static bool is_chosen(uint64_t number, uint64_t n)
{
    return n <= MF_GATE_USERS_MAX ||
           number * MF_GATE_USERS_MAX / n != (number + 1) * MF_GATE_USERS_MAX / n;
}

static void add_row(side *s, uint32_t user, uint32_t item, float value)
{
    s->rows.user[s->rows.n] = user;
    s->rows.item[s->rows.n] = item;
    s->rows.value[s->rows.n++] = value;
}

static bool rows_create(mf_ratings_rows *rows, uint64_t n, mf_error *err)
{
    *rows = (mf_ratings_rows){0};
    rows->user = mf_allocate(n, sizeof *rows->user, "rows", err);
    rows->item = mf_allocate(n, sizeof *rows->item, "rows", err);
    rows->value = mf_allocate(n, sizeof *rows->value, "rows", err);
    return rows->user != NULL && rows->item != NULL && rows->value != NULL;
}

/* Rows of one user follow each other, so his rows end where another user begins. */
static bool begins_user(const mf_gate_input *in, uint64_t k)
{
    const mf_ratings_rows *rows = in->in_current != NULL ? in->in_current : in->validation;
    return k == 0 || rows->user[k] != rows->user[k - 1] ||
           in->validation->user[k] != in->validation->user[k - 1];
}

/* Fills the sides' rows and places. */
static bool choose_rows(comparison *j, mf_error *err)
{
    const mf_gate_input *in = j->input;
    mf_gate *gate = j->gate;
    uint64_t n_users = 0;
    uint64_t number = 0;
    bool known = false;
    for (int s = 0; s < SIDES; s++) {
        const uint32_t n = j->side[s].parts->n_users;
        j->side[s].place = mf_allocate(n, sizeof *j->side[s].place, "users", err);
        if (j->side[s].place == NULL || !rows_create(&j->side[s].rows, in->validation->n, err))
            return false;
    }
    gate->n_rows = in->validation->n;
    for (uint64_t k = 0; k < in->validation->n; k++)
        if (begins_user(in, k)) {
            const both row = row_of(j, k);
            n_users += both_know(j, &row);
        }
    for (uint64_t k = 0; k < in->validation->n; k++) {
        const both row = row_of(j, k);
        if (begins_user(in, k)) {
            number += known;
            known = both_know(j, &row);
        }
        if (!known) {
            gate->n_new++;
            continue;
        }
        if (has_learned(&j->side[CURRENT], row.user[CURRENT], row.item[CURRENT]) ||
            has_learned(&j->side[NEW], row.user[NEW], row.item[NEW])) {
            gate->n_learned++;
            continue;
        }
        if (!is_chosen(number, n_users))
            continue;
        const uint64_t n = gate->n_compared++;
        if (n == 0 || j->side[NEW].rows.user[n - 1] != row.user[NEW])
            j->n_places++;
        for (int s = 0; s < SIDES; s++) {
            add_row(&j->side[s], row.user[s], row.item[s], in->validation->value[k]);
            j->side[s].place[row.user[s]] = j->n_places - 1;
        }
    }
    return true;
}

/* What the model of `from` was trained on, of the compared users, in the indexes of `to`. */
static bool also_create(const side *from, side *to, const uint32_t *item_of, mf_error *err)
{
    mf_ratings_rows rows;
    uint64_t n = 0;
    uint32_t before = MF_INDEX_NONE;
    for (uint64_t k = 0; k < from->rows.n; before = from->rows.user[k++])
        if (from->rows.user[k] != before)
            n += from->trained.start[from->rows.user[k] + 1] -
                 from->trained.start[from->rows.user[k]];
    bool ok = rows_create(&rows, n, err);
    before = MF_INDEX_NONE;
    for (uint64_t r = 0; ok && r < from->rows.n; before = from->rows.user[r++]) {
        const uint32_t user = from->rows.user[r];
        if (user == before)
            continue;
        for (uint64_t k = from->trained.start[user]; k < from->trained.start[user + 1]; k++) {
            const uint32_t item = item_of[from->trained.item[k]];
            if (!is_trained(&from->trained, k) || item == MF_INDEX_NONE)
                continue;
            rows.user[rows.n] = to->rows.user[r];
            rows.item[rows.n++] = item;
        }
    }
    ok = ok && mf_held_out_create(&rows, to->parts->n_users, -INFINITY, &to->also, err);
    mf_ratings_rows_clear(&rows);
    return ok;
}

static bool exchange_trained(comparison *j, mf_error *err)
{
    side *current = &j->side[CURRENT];
    side *new = &j->side[NEW];
    uint32_t *to_new =
        mf_allocate(current->parts->n_items, sizeof *to_new, "indexes of items", err);
    if (to_new == NULL)
        return false;
    for (uint32_t i = 0; i < current->parts->n_items; i++)
        to_new[i] = MF_INDEX_NONE;
    for (uint32_t i = 0; i < new->parts->n_items; i++)
        if (j->to_current[i] != MF_INDEX_NONE)
            to_new[j->to_current[i]] = i;
    const bool ok =
        also_create(new, current, j->to_current, err) && also_create(current, new, to_new, err);
    mf_free(to_new);
    return ok;
}

/* ---- figures ---------------------------------------------------------------------- */

static bool make_lists(const comparison *j, side *s, mf_error *err)
{
    bool ok = false;
    mf_evaluation evaluation = {0};
    mf_held_out held_out = {0};
    const mf_evaluation_options options = {.k = j->input->k, .n_threads = j->input->n_threads};
    mf_recommender *recommender = mf_recommender_create(s->model, SIZE_MAX, err);
    s->ndcg = mf_allocate(j->n_places, sizeof *s->ndcg, "figures of users", err);
    if (recommender == NULL || s->ndcg == NULL ||
        !mf_held_out_create(&s->rows, s->parts->n_users, j->input->relevant_rating, &held_out, err))
        goto done;
    const mf_model_lists lists = {
        .recommender = recommender, .also_start = s->also.start, .also_items = s->also.item};
    const mf_list_source source = mf_model_lists_source(&lists);
    if (!mf_evaluate_lists(&source, &held_out, &options, &evaluation, err))
        goto done;
    for (uint32_t u = 0; u < j->n_places; u++)
        s->ndcg[u] = (double)NAN;
    for (uint32_t u = 0; u < evaluation.n_users; u++)
        s->ndcg[s->place[evaluation.user[u]]] = evaluation.figures[u].at_k.ndcg;
    ok = true;
done:
    mf_evaluation_clear(&evaluation);
    mf_held_out_clear(&held_out);
    mf_recommender_destroy(recommender);
    return ok;
}

static bool add_squares(const comparison *j, side *s, mf_error *err)
{
    s->squares = mf_allocate(j->n_places, sizeof *s->squares, "figures of users", err);
    for (uint64_t k = 0; s->squares != NULL && k < s->rows.n; k++) {
        const double error = (double)s->rows.value[k] -
                             (double)mf_model_predict(s->model, s->rows.user[k], s->rows.item[k]);
        s->squares[s->place[s->rows.user[k]]] += error * error;
    }
    return s->squares != NULL;
}

/* Both models find something to look for in the same users: what is relevant is the same. */
static bool compare_lists(comparison *j, mf_error *err)
{
    double *ndcg[SIDES] = {j->side[CURRENT].ndcg, j->side[NEW].ndcg};
    uint32_t n = 0;
    if (ndcg[CURRENT] == NULL || ndcg[NEW] == NULL)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the lists of a model are missing");
    for (uint32_t u = 0; u < j->n_places; u++) {
        if (isnan(ndcg[CURRENT][u]) || isnan(ndcg[NEW][u]))
            continue;
        ndcg[CURRENT][n] = ndcg[CURRENT][u];
        ndcg[NEW][n++] = ndcg[NEW][u];
    }
    return n == 0 || mf_paired_mean(ndcg[CURRENT], ndcg[NEW], n, j->input->level, j->input->seed,
                                    &j->gate->ndcg, err);
}

static bool compare_ratings(comparison *j, mf_error *err)
{
    if (!j->input->has_ratings || j->side[CURRENT].parts->n_factors == 0 ||
        j->side[NEW].parts->n_factors == 0)
        return true;
    j->n_ratings = mf_allocate(j->n_places, sizeof *j->n_ratings, "figures of users", err);
    if (j->n_ratings == NULL || !add_squares(j, &j->side[CURRENT], err) ||
        !add_squares(j, &j->side[NEW], err))
        return false;
    for (uint64_t k = 0; k < j->side[NEW].rows.n; k++)
        j->n_ratings[j->side[NEW].place[j->side[NEW].rows.user[k]]]++;
    return mf_paired_rmse(j->side[CURRENT].squares, j->side[NEW].squares, j->n_ratings, j->n_places,
                          j->input->level, j->input->seed, &j->gate->rmse, err);
}

/* "NDCG@10 0.2981 against 0.2937 (-0.0012 to +0.0101)" */
static void describe(char text[160], const char *name, const mf_paired *paired)
{
    snprintf(text, 160, "%s %.4f against %.4f (difference %+.4f, %+.4f to %+.4f)", name, paired->b,
             paired->a, paired->difference.mean, paired->difference.low, paired->difference.high);
}

static bool ndcg_is_worse(const mf_gate *gate)
{
    return gate->ndcg.n_users > 0 && gate->ndcg.difference.high < 0;
}

static bool rmse_is_worse(const mf_gate *gate)
{
    return gate->rmse.n_users > 0 && gate->rmse.difference.low > 0;
}

static void decide_by_figures(mf_gate *gate)
{
    char name[32];
    char ndcg[160];
    char rmse[160] = "";
    const bool low = ndcg_is_worse(gate);
    const bool high = rmse_is_worse(gate);
    snprintf(name, sizeof name, "NDCG@%u", gate->k);
    describe(ndcg, name, &gate->ndcg);
    if (gate->rmse.n_users > 0)
        describe(rmse, "RMSE", &gate->rmse);
    decide(gate, !low && !high, "%s than the model in service for %u users: %s%s%s",
           low && high ? "lists and predicted ratings are significantly worse"
           : low       ? "lists are significantly worse"
           : high      ? "predicted ratings are significantly worse"
                       : "not significantly worse",
           gate->ndcg.n_users, ndcg, rmse[0] != '\0' ? "; " : "", rmse);
}

static bool compare(comparison *j, mf_error *err)
{
    const mf_gate_input *in = j->input;
    mf_gate *gate = j->gate;
    j->to_current = mf_allocate(in->parts->n_items, sizeof *j->to_current, "indexes of items", err);
    if (j->to_current == NULL)
        return false;
    for (uint32_t i = 0; i < in->parts->n_items; i++)
        j->to_current[i] = find(mf_model_find_item, gate->current, in->items, i);
    if (!choose_rows(j, err) ||
        (j->n_places > 0 && (!exchange_trained(j, err) || !make_lists(j, &j->side[CURRENT], err) ||
                             !make_lists(j, &j->side[NEW], err) || !compare_lists(j, err) ||
                             !compare_ratings(j, err))))
        return false;
    if (gate->ndcg.n_users >= MF_GATE_USERS_MIN) {
        decide_by_figures(gate);
        return true;
    }
    decide(gate, false,
           "%u users have something to compare, and %d are needed: of %" PRIu64
           " held-out ratings, %" PRIu64 " are of users that one of the models does not know, and "
           "one of the models was trained on %" PRIu64,
           gate->ndcg.n_users, MF_GATE_USERS_MIN, gate->n_rows, gate->n_new, gate->n_learned);
    return true;
}

bool mf_gate_decide(mf_gate *gate, const mf_gate_input *input, mf_error *err)
{
    bool ok = true;
    comparison j = {.gate = gate, .input = input};
    gate->level = input->level;
    gate->k = input->k;
    snprintf(gate->source, sizeof gate->source, "%s", input->source);
    if (gate->reason[0] != '\0')
        return true;
    if (input->stopped) {
        decide(gate, false, "training was stopped before its end: nothing was compared");
        return true;
    }
    if (lacks_a_part(gate, input->parts))
        return true;
    mf_model *view = mf_model_view(input->parts, err);
    if (view == NULL)
        return false;
    j.side[CURRENT] = (side){.model = gate->current, .parts = mf_model_get(gate->current)};
    j.side[NEW] = (side){.model = view, .parts = input->parts};
    j.side[CURRENT].trained = trained_of(j.side[CURRENT].parts);
    j.side[NEW].trained = input->parts->ranking.n_factors > 0
                              ? trained_of(input->parts)
                              : (trained){input->train->user_start, input->train->item, NULL};
    ok = compare(&j, err);
    for (int s = 0; s < SIDES; s++) {
        mf_ratings_rows_clear(&j.side[s].rows);
        mf_held_out_clear(&j.side[s].also);
        mf_free(j.side[s].place);
        mf_free(j.side[s].ndcg);
        mf_free(j.side[s].squares);
    }
    mf_free(j.to_current);
    mf_free(j.n_ratings);
    mf_model_close(view);
    return ok;
}

/* ---- reports ------------------------------------------------------------------------ */

bool mf_gate_print(const mf_gate *gate)
{
    mf_progress_clear();
    printf("gate_promote=%d", gate->promote);
    if (gate->ndcg.n_users > 0)
        printf(" gate_ndcg_at_%u=%.4f gate_current_ndcg_at_%u=%.4f", gate->k, gate->ndcg.b, gate->k,
               gate->ndcg.a);
    if (gate->rmse.n_users > 0)
        printf(" gate_rmse=%.4f gate_current_rmse=%.4f", gate->rmse.b, gate->rmse.a);
    printf(" gate_users=%u reason=\"%s\"\n", gate->ndcg.n_users, gate->reason);
    const bool failed = fflush(stdout) != 0 || ferror(stdout);
    clearerr(stdout);
    return !failed;
}

static json_t *rounded(double value)
{
    return json_real(round(value * 1e6) / 1e6);
}

static json_t *paired_json(const mf_paired *paired, bool worse)
{
    if (paired->n_users == 0)
        return json_null();
    json_t *object = json_object();
    mf_train_json_set(&object, "users", json_integer(paired->n_users));
    mf_train_json_set(&object, "new", rounded(paired->b));
    mf_train_json_set(&object, "current", rounded(paired->a));
    mf_train_json_set(&object, "difference", rounded(paired->difference.mean));
    mf_train_json_set(&object, "difference_low", rounded(paired->difference.low));
    mf_train_json_set(&object, "difference_high", rounded(paired->difference.high));
    mf_train_json_set(&object, "significantly_worse", json_boolean(worse));
    return object;
}

static json_t *current_json(const mf_gate *gate)
{
    if (gate->current == NULL)
        return json_null();
    const mf_model_parts *parts = mf_model_get(gate->current);
    char file[sizeof gate->mapped.name];
    char checksum[17];
    mf_printable(file, sizeof file, gate->mapped.name, strlen(gate->mapped.name));
    snprintf(checksum, sizeof checksum, "%016" PRIx64, mf_model_checksum(gate->current));
    json_t *metadata = json_loadb(parts->metadata, parts->metadata_bytes, 0, NULL);
    const json_t *version = json_object_get(metadata, "version");
    json_t *object = json_object();
    mf_train_json_set(&object, "file", json_string(file));
    mf_train_json_set(&object, "checksum", json_string(checksum));
    mf_train_json_set(&object, "program_version",
                      json_is_string(version) ? json_string(json_string_value(version))
                                              : json_null());
    mf_train_json_set(&object, "n_users", json_integer(parts->n_users));
    mf_train_json_set(&object, "n_items", json_integer(parts->n_items));
    json_decref(metadata);
    return object;
}

json_t *mf_gate_json(const mf_gate *gate)
{
    char name[32];
    json_t *object = json_object();
    json_t *held_out = json_object();
    mf_train_json_set(&held_out, "source", json_string(gate->source));
    mf_train_json_set(&held_out, "ratings", json_integer((json_int_t)gate->n_rows));
    mf_train_json_set(&held_out, "compared", json_integer((json_int_t)gate->n_compared));
    mf_train_json_set(&held_out, "of_unknown_users", json_integer((json_int_t)gate->n_new));
    mf_train_json_set(&held_out, "trained_on", json_integer((json_int_t)gate->n_learned));
    mf_train_json_set(&object, "promote", json_boolean(gate->promote));
    mf_train_json_set(&object, "reason", json_string(gate->reason));
    mf_train_json_set(&object, "level", json_real(gate->level));
    snprintf(name, sizeof name, "ndcg_at_%u", gate->k);
    mf_train_json_set(&object, name, paired_json(&gate->ndcg, ndcg_is_worse(gate)));
    mf_train_json_set(&object, "rmse", paired_json(&gate->rmse, rmse_is_worse(gate)));
    mf_train_json_set(&object, "held_out", held_out);
    mf_train_json_set(&object, "current", current_json(gate));
    return object;
}
