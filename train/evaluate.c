/* evaluate: how good the lists are that a model makes, beside baselines.
 *
 *     evaluate --data ratings.csv --split time
 *     evaluate --data ratings.csv --seeds 5 n_factors=128 --compare n_factors=64
 *     evaluate --data held-out.csv --model model.bin
 *
 * The ratings are split, a model is learned from one part as train would (fit.h), and its lists
 * are looked through for what is in the other part; evaluate/lists.h says how. The lists come from
 * the function that serve calls. With --model nothing is split or learned: the data are what
 * there is to find. */
#include "evaluate.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "data_file.h"
#include "evaluate/baselines.h"
#include "evaluate/model_lists.h"
#include "evaluate_export.h"
#include "evaluate_result.h"
#include "fit.h"
#include "ratings/split.h"
#include "settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ARGUMENTS_MAX = 128, SECOND_BYTES = 4096, ERROR_ROWS = 1000000 };

typedef struct setting {
    mf_settings settings;
    mf_train_settings values;
} setting;

typedef struct options {
    const char *data;
    const char *model;
    const char *export;
    const char *json;
    const char *report;
    const char *compare;
    mf_split_kind split;
    const char *split_name;
    double fraction;
    double relevant_rating; /* NAN: the default */
    uint32_t seeds;
    uint32_t k;
    uint32_t max_users;
    double diversity;    /* 0: no second row */
    char second_row[32]; /* its name then */
    mf_order order;      /* MF_ORDER_DEFAULT: a row for each that there is */
    bool baselines;
    setting first;
    setting second;
    const char *argument[ARGUMENTS_MAX]; /* NAME=VALUE, for both settings */
    size_t n_arguments;
} options;

static const char usage[] =
    "usage: evaluate --data FILE [options] [NAME=VALUE …]\n"
    "       evaluate --data FILE --model MODEL [options]\n"
    "\n"
    "Measures lists. It holds out a part of the ratings, learns a model from the rest, and counts\n"
    "how many of each user's held-out items are in the first places of the user's list. The table\n"
    "also has two baselines, popularity and item-item.\n"
    "\n"
    "  --data FILE          ratings, in any form that train reads\n"
    "  --model MODEL        learn nothing; measure the lists of this model.bin by FILE's ratings\n"
    "  --split KIND         what is held out. random: a random part of each user's ratings (the\n"
    "                       default); time: the newest part of them; leave-last: the newest one;\n"
    "                       global-time: everything after one moment\n"
    "  --fraction F         size of the held-out part, 0 < F < 1 (default 0.2)\n"
    "  --seeds N            number of random splits: seed, seed + 1, … (1 to 100, default 1)\n"
    "  --k N                length of the lists (1 to 1000, default 10)\n"
    "  --relevant-rating R  held-out ratings of at least R are relevant; default: the mean of the\n"
    "                       training ratings\n"
    "  --order ORDER        only the lists by ranking, rating or popularity; default: all of them\n"
    "  --compare SETTINGS   NAME=VALUE,…: learn a second model with these settings and compare it\n"
    "                       with the first, user by user\n"
    "  --diversity D        0 < D <= 1: compare with the same lists at this diversity\n"
    "  --users N            measure at most N users, evenly spread; default: all\n"
    "  --baselines yes|no   measure popularity and item-item (default yes)\n"
    "  --json FILE          write all figures as JSON\n"
    "  --report FILE        write a page of HTML with plots\n"
    "  --export FOLDER      write splits and lists as text\n"
    "  NAME=VALUE           a hyperparameter of train (train --help lists them)\n";

/* ---- arguments --------------------------------------------------------------- */

static bool parse_split(options *o, const char *text)
{
    static const struct {
        const char *name;
        mf_split_kind kind;
    } kinds[] = {{"random", MF_SPLIT_USER_RANDOM},
                 {"time", MF_SPLIT_TIME},
                 {"leave-last", MF_SPLIT_LEAVE_LAST},
                 {"global-time", MF_SPLIT_GLOBAL_TIME}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(text, kinds[i].name) == 0) {
            o->split = kinds[i].kind;
            o->split_name = kinds[i].name;
            return true;
        }
    return false;
}

static bool parse_order(options *o, const char *text)
{
    static const char *const names[] = {
        [MF_ORDER_RANKING] = "ranking",
        [MF_ORDER_RATING] = "rating",
        [MF_ORDER_POPULARITY] = "popularity",
    };
    for (int order = MF_ORDER_RANKING; order < MF_ORDERS; order++)
        if (strcmp(text, names[order]) == 0) {
            o->order = (mf_order)order;
            return true;
        }
    return false;
}

static bool parse_real(const char *text, double *value)
{
    return mf_parse_double(text, strlen(text), value);
}

/* One "--name value". */
static bool parse_option(options *o, const char *name, const char *value, mf_error *err)
{
    bool ok = true;
    if (strcmp(name, "--data") == 0)
        o->data = value;
    else if (strcmp(name, "--model") == 0)
        o->model = value;
    else if (strcmp(name, "--export") == 0)
        o->export = value;
    else if (strcmp(name, "--json") == 0)
        o->json = value;
    else if (strcmp(name, "--report") == 0)
        o->report = value;
    else if (strcmp(name, "--compare") == 0)
        o->compare = value;
    else if (strcmp(name, "--split") == 0)
        ok = parse_split(o, value);
    else if (strcmp(name, "--order") == 0)
        ok = parse_order(o, value);
    else if (strcmp(name, "--fraction") == 0)
        ok = parse_real(value, &o->fraction) && o->fraction > 0 && o->fraction < 1;
    else if (strcmp(name, "--diversity") == 0)
        ok = parse_real(value, &o->diversity) && o->diversity > 0 && o->diversity <= 1;
    else if (strcmp(name, "--relevant-rating") == 0)
        ok = parse_real(value, &o->relevant_rating);
    else if (strcmp(name, "--seeds") == 0)
        ok = mf_count_argument(value, 1, MF_EVALUATE_SEEDS_MAX, &o->seeds);
    else if (strcmp(name, "--k") == 0)
        ok = mf_count_argument(value, 1, MF_METRICS_K_MAX, &o->k);
    else if (strcmp(name, "--users") == 0)
        ok = mf_count_argument(value, 1, UINT32_MAX - 1, &o->max_users);
    else if (strcmp(name, "--baselines") == 0) {
        o->baselines = strcmp(value, "yes") == 0;
        ok = o->baselines || strcmp(value, "no") == 0;
    } else
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "unknown option %s", name);
    return ok || mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s cannot be \"%s\"", name, value);
}

static bool start_setting(setting *s, mf_error *err)
{
    return mf_train_settings_start(&s->settings, &s->values, err);
}

static bool same_name(const char *a, const char *b)
{
    const size_t n = strcspn(a, "=");
    return strcspn(b, "=") == n && strncmp(a, b, n) == 0;
}

/* The second setting has the first one's arguments, but for those that it names itself. */
static bool set_second(options *o, mf_error *err)
{
    static char text[SECOND_BYTES];
    const char *own[ARGUMENTS_MAX];
    size_t n_own = 0;
    const size_t n_bytes = strlen(o->compare) + 1;
    if (n_bytes > sizeof text)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "--compare is too long");
    memcpy(text, o->compare, n_bytes);
    char *rest = text;
    for (char *one; (one = strtok_r(rest, ",", &rest)) != NULL && n_own < ARGUMENTS_MAX;)
        own[n_own++] = one;
    for (size_t i = 0; i < n_own; i++)
        if (!mf_setting_argument(&o->second.settings, own[i], err))
            return false;
    for (size_t a = 0; a < o->n_arguments; a++) {
        bool is_own = false;
        for (size_t i = 0; i < n_own; i++)
            is_own |= same_name(own[i], o->argument[a]);
        if (!is_own && !mf_setting_argument(&o->second.settings, o->argument[a], err))
            return false;
    }
    return n_own > 0 || mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "--compare has no NAME=VALUE");
}

/* What does not go together. */
static bool check(const options *o, mf_error *err)
{
    if (o->data == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "--data is missing");
    if (o->model != NULL && (o->compare != NULL || o->seeds > 1))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "--compare and --seeds learn models; with --model nothing is learned");
    if (o->diversity > 0 && o->compare != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "--diversity and --compare are both a second setting");
    if (o->seeds > 1 && o->split != MF_SPLIT_USER_RANDOM)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "--seeds is for --split random; by time there is one split");
    return true;
}

static bool parse_arguments(options *o, int argc, char **argv, mf_error *err)
{
    *o = (options){.split = MF_SPLIT_USER_RANDOM,
                   .split_name = "random",
                   .fraction = 0.2,
                   .relevant_rating = NAN,
                   .seeds = 1,
                   .k = 10,
                   .baselines = true};
    if (!start_setting(&o->first, err) || !start_setting(&o->second, err))
        return false;
    for (int a = 1; a < argc; a++) {
        if (strncmp(argv[a], "--", 2) == 0) {
            if (a + 1 == argc)
                return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "a value is missing after %s",
                               argv[a]);
            if (!parse_option(o, argv[a], argv[a + 1], err))
                return false;
            a++;
        } else {
            if (o->n_arguments == ARGUMENTS_MAX)
                return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "too many arguments");
            if (!mf_setting_argument(&o->first.settings, argv[a], err))
                return false;
            o->argument[o->n_arguments++] = argv[a];
        }
    }
    if (!check(o, err) || (o->compare != NULL && !set_second(o, err)))
        return false;
    snprintf(o->second_row, sizeof o->second_row, "diversity %g", o->diversity);
    mf_train_settings_finish(&o->first.values);
    mf_train_settings_finish(&o->second.values);
    return true;
}

/* ---- lists and baselines ------------------------------------------------------- */

/* What one run is about; release() gives back what it owns. */
typedef struct run {
    const options *o;
    mf_evaluate_result *result;
    uint32_t place; /* of the run in the result */
    mf_held_out held;
    const mf_ratings *train;    /* what lists leave out, or the model's rated items; … */
    const uint32_t *item_count; /* … and how often they are rated */
    float *popularity_rank;
    uint32_t *order; /* scratch of it */
} run;

/* Item-item looks at so many users at most that it takes a minute or so on two CPUs: all of them
 * up to some millions of ratings. */
static uint32_t item_item_users(const mf_ratings *train, uint32_t max_users)
{
    const double affordable = 2e10 / (2 * (double)train->n_ratings);
    const double most = fmax(affordable, 100);
    if (most >= train->n_users)
        return max_users;
    return max_users > 0 && max_users < most ? max_users : (uint32_t)most;
}

static bool look_at(run *r, mf_evaluate_row row, const mf_list_source *source, uint32_t max_users,
                    mf_error *err)
{
    const mf_evaluation_options how = {.k = r->o->k,
                                       .n_threads = r->o->first.values.h.n_threads,
                                       .max_users = max_users,
                                       .popularity_rank = r->popularity_rank};
    mf_evaluation *e = &r->result->evaluation[row][r->place];
    if (!mf_evaluate_lists(source, &r->held, &how, e, err))
        return false;
    r->result->has_row[row] = true;
    mf_lists_by_count_add(e, &r->held, r->train, r->item_count, &r->result->by_count[row]);
    return r->o->export == NULL || mf_export_lists(r->o->export, r->result->run[r->place].seed,
                                                   mf_evaluate_row_key(row), e, err);
}

static const struct {
    mf_order order;
    mf_evaluate_row row;
} order_rows[] = {{MF_ORDER_RANKING, MF_ROW_RANKING},
                  {MF_ORDER_RATING, MF_ROW_RATING},
                  {MF_ORDER_POPULARITY, MF_ROW_POPULARITY_ORDER}};

/* Which of order_rows a model gets: the requested order, or each of the first two. */
static bool wants(const options *o, const mf_recommender *recommender, size_t i)
{
    if (!mf_recommender_can_order(recommender, order_rows[i].order))
        return false;
    return o->order == MF_ORDER_DEFAULT ? order_rows[i].order != MF_ORDER_POPULARITY
                                        : o->order == order_rows[i].order;
}

/* Of two items in a list, the mean over pairs and users. */
static double cosine_of(const mf_recommender *recommender, const mf_evaluation *e)
{
    double sum = 0;
    uint64_t n = 0;
    for (uint32_t user = 0; user < e->n_users; user++) {
        const uint32_t *list = e->list + (size_t)user * e->length;
        for (uint32_t a = 0; a < e->k && list[a] != MF_INDEX_NONE; a++)
            for (uint32_t b = 0; b < a; b++, n++)
                sum += mf_item_cosine(recommender, list[a], list[b]);
    }
    return n > 0 ? sum / (double)n : 0;
}

/* The first model's lists once more, with diversity. */
static bool look_at_varied(run *r, const mf_recommender *recommender, mf_error *err)
{
    mf_evaluate_result *result = r->result;
    const mf_evaluate_row rows[] = {result->first, MF_ROW_SECOND};
    mf_model_lists lists = {.recommender = recommender, .diversity = (float)r->o->diversity};
    for (size_t i = 0; i < sizeof order_rows / sizeof order_rows[0]; i++)
        if (order_rows[i].row == result->first)
            lists.order = order_rows[i].order;
    const mf_list_source source = mf_model_lists_source(&lists);
    if (!look_at(r, MF_ROW_SECOND, &source, r->o->max_users, err))
        return false;
    for (size_t i = 0; i < 2; i++)
        result->cosine[rows[i]] +=
            cosine_of(recommender, &result->evaluation[rows[i]][r->place]) / r->o->seeds;
    return true;
}

/* The rows of the first model, or the one row of the second. */
static bool look_at_model(run *r, const mf_model *model, bool second, mf_error *err)
{
    bool ok = true;
    bool any = false;
    mf_recommender *recommender = mf_recommender_create(model, SIZE_MAX, err);
    if (recommender == NULL)
        return false;
    for (size_t i = 0; ok && i < sizeof order_rows / sizeof order_rows[0]; i++) {
        if (!wants(r->o, recommender, i) || (second && any))
            continue;
        if (!any && !second)
            r->result->first = order_rows[i].row;
        any = true;
        const mf_model_lists lists = {.recommender = recommender, .order = order_rows[i].order};
        const mf_list_source source = mf_model_lists_source(&lists);
        ok = look_at(r, second ? MF_ROW_SECOND : order_rows[i].row, &source, r->o->max_users, err);
    }
    if (ok && !any)
        ok = mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "the model has no such --order");
    if (ok && r->o->diversity > 0)
        ok = look_at_varied(r, recommender, err);
    mf_recommender_destroy(recommender);
    return ok;
}

static bool look_at_baselines(run *r, const mf_baselines *baselines, const mf_ratings *train,
                              bool item_item, mf_error *err)
{
    const mf_list_source popularity = mf_baselines_popularity(baselines);
    const mf_list_source similar = mf_baselines_item_item(baselines);
    if (!look_at(r, MF_ROW_POPULARITY, &popularity, r->o->max_users, err))
        return false;
    return !item_item ||
           look_at(r, MF_ROW_ITEM_ITEM, &similar, item_item_users(train, r->o->max_users), err);
}

static bool prepare(run *r, const mf_ratings_rows *held_out, uint32_t n_users, uint32_t n_items,
                    float relevant_rating, mf_error *err)
{
    mf_evaluate_run *facts = &r->result->run[r->place];
    if (!mf_held_out_create(held_out, n_users, relevant_rating, &r->held, err))
        return false;
    facts->n_held_out = r->held.n_rows;
    facts->n_relevant = r->held.n_relevant;
    facts->n_unknown_user_rows = r->held.n_unknown_user_rows;
    facts->n_unknown_item_rows = r->held.n_unknown_item_rows;
    facts->relevant_rating = relevant_rating;
    r->popularity_rank = mf_allocate(n_items, sizeof *r->popularity_rank, "popularity ranks", err);
    r->order = mf_allocate(n_items, sizeof *r->order, "popularity ranks", err);
    return r->popularity_rank != NULL && r->order != NULL;
}

/* Sets what figures by the number of ratings go by; of the first run also for the page. */
static bool set_counts(run *r, const mf_ratings *train, const uint32_t *item_count, mf_error *err)
{
    mf_evaluate_result *result = r->result;
    r->train = train;
    r->item_count = item_count;
    if (r->o->report == NULL || r->place > 0)
        return true;
    result->user_start =
        mf_allocate((size_t)train->n_users + 1, sizeof *result->user_start, "counts", err);
    result->item_count = mf_allocate(train->n_items, sizeof *result->item_count, "counts", err);
    if (result->user_start == NULL || result->item_count == NULL)
        return false;
    memcpy(result->user_start, train->user_start,
           ((size_t)train->n_users + 1) * sizeof *result->user_start);
    memcpy(result->item_count, item_count, train->n_items * sizeof *item_count);
    return true;
}

static void release(run *r)
{
    mf_held_out_clear(&r->held);
    mf_free(r->popularity_rank);
    mf_free(r->order);
}

/* ---- one split, or one model ----------------------------------------------------- */

static void tell_model(const run *r, const mf_model *model, mf_feedback feedback,
                       const mf_ratings_rows *held_out)
{
    mf_evaluate_run *facts = &r->result->run[r->place];
    const mf_model_parts *parts = mf_model_get(model);
    facts->n_factors = parts->ranking.n_factors;
    facts->regularization = parts->ranking.regularization;
    facts->recency = parts->ranking.recency;
    facts->prior = parts->ranking.prior;
    facts->rmse = facts->mae = NAN;
    if (parts->n_factors == 0 || feedback == MF_FEEDBACK_IMPLICIT || held_out->n == 0)
        return;
    double squares = 0;
    double absolute = 0;
    for (uint64_t k = 0; k < held_out->n; k++) {
        const double error = (double)held_out->value[k] -
                             (double)mf_model_predict(model, held_out->user[k], held_out->item[k]);
        squares += error * error;
        absolute += fabs(error);
    }
    if (r->place == 0)
        r->result->errors_by_count =
            mf_errors_by_count_of(model, held_out, r->train, r->item_count, ERROR_ROWS);
    facts->rmse = sqrt(squares / (double)held_out->n);
    facts->mae = absolute / (double)held_out->n;
}

/* Of implicit feedback everything is to be found. */
static float default_relevant(const mf_ratings *train)
{
    return train->feedback == MF_FEEDBACK_IMPLICIT ? -INFINITY : mf_ranking_relevant(train);
}

static float relevant_of(const options *o, float otherwise)
{
    return isnan(o->relevant_rating) ? otherwise : (float)o->relevant_rating;
}

static bool one_split(const options *o, const mf_ratings *all, uint32_t place,
                      mf_evaluate_result *result, mf_error *err)
{
    bool ok = false;
    run r = {.o = o, .result = result, .place = place};
    mf_evaluate_run *facts = &result->run[place];
    mf_train_settings first = o->first.values;
    mf_train_settings second = o->second.values;
    mf_ratings *train = NULL;
    mf_ratings_rows held_out = {0};
    mf_fit fit = {0};
    mf_baselines *baselines = NULL;
    facts->seed = first.h.seed + place;
    if (!mf_ratings_split_by(all, o->split, o->fraction, facts->seed, &train, &held_out, err))
        goto done;
    facts->n_train = train->n_ratings;
    if (train->n_ratings == 0) {
        mf_fail(err, MF_ERR_CONFIG, (mf_where){.path = o->data},
                "of %llu ratings none is left to learn from", (unsigned long long)all->n_ratings);
        goto done;
    }
    baselines = mf_baselines_create(train, err);
    if (baselines == NULL || !prepare(&r, &held_out, all->n_users, all->n_items,
                                      relevant_of(o, default_relevant(train)), err))
        goto done;
    if (!set_counts(&r, train, mf_baselines_item_count(baselines), err))
        goto done;
    mf_popularity_ranks(mf_baselines_item_count(baselines), all->n_items, r.order,
                        r.popularity_rank);
    if (o->export != NULL && (!mf_export_train(o->export, facts->seed, train, err) ||
                              !mf_export_test(o->export, facts->seed, &held_out, err)))
        goto done;
    first.h.seed = facts->seed;
    if (!mf_fit_model(&first, train, &fit, err))
        goto done;
    facts->fit = fit.report;
    tell_model(&r, fit.model, all->feedback, &held_out);
    if (!look_at_model(&r, fit.model, false, err))
        goto done;
    if (o->compare != NULL) {
        mf_fit_release(&fit);
        second.h.seed += place;
        if (!mf_fit_model(&second, train, &fit, err) || !look_at_model(&r, fit.model, true, err))
            goto done;
    }
    ok = !o->baselines || look_at_baselines(&r, baselines, train, true, err);
done:
    release(&r);
    mf_baselines_destroy(baselines);
    mf_fit_release(&fit);
    mf_ratings_rows_clear(&held_out);
    mf_ratings_destroy(train);
    return ok;
}

/* What the model's users rated in training, as ratings of 1: enough to count popularity, and to
 * leave out what the model's own lists leave out. */
static mf_ratings *rated_in_training(const mf_model *model, const mf_held_out *held, mf_error *err)
{
    bool ok = false;
    const mf_model_parts *parts = mf_model_get(model);
    mf_recommender *recommender = NULL;
    void *thread = NULL;
    mf_list_source source;
    mf_model_lists lists;
    mf_ratings *rated = mf_allocate(1, sizeof *rated, "ratings", err);
    if (rated == NULL)
        return NULL;
    *rated = (mf_ratings){.n_users = parts->n_users,
                          .n_items = parts->n_items,
                          .users = parts->users,
                          .items = parts->items,
                          .borrows_ids = true};
    rated->user_start = mf_allocate((size_t)parts->n_users + 1, sizeof(uint64_t), "ratings", err);
    rated->item = mf_allocate(parts->n_rated, sizeof *rated->item, "ratings", err);
    rated->value = mf_allocate(parts->n_rated, sizeof *rated->value, "ratings", err);
    recommender = mf_recommender_create(model, 0, err);
    if (rated->user_start == NULL || rated->item == NULL || rated->value == NULL ||
        recommender == NULL)
        goto done;
    lists = (mf_model_lists){.recommender = recommender, .order = MF_ORDER_DEFAULT};
    source = mf_model_lists_source(&lists);
    thread = source.thread_create(source.context, err);
    if (thread == NULL)
        goto done;
    for (uint32_t u = 0; u < parts->n_users; u++) {
        mf_left_out out;
        if (!source.left_out(source.context, thread, u, held->item + held->start[u],
                             (size_t)(held->start[u + 1] - held->start[u]), &out, err))
            goto done;
        for (size_t k = 0; k < out.n; k++) {
            rated->item[rated->n_ratings] = out.items[k];
            rated->value[rated->n_ratings++] = 1;
        }
        rated->user_start[u + 1] = rated->n_ratings;
    }
    ok = true;
done:
    if (thread != NULL)
        source.thread_destroy(thread);
    mf_recommender_destroy(recommender);
    if (!ok) {
        mf_ratings_destroy(rated);
        return NULL;
    }
    return rated;
}

/* Without --relevant-rating: what the model counted as liked, or its mean rating. */
static float relevant_for(const options *o, const mf_ratings *all, const mf_model_parts *parts)
{
    if (parts->n_factors == 0 || all->feedback == MF_FEEDBACK_IMPLICIT)
        return relevant_of(o, -INFINITY);
    return relevant_of(o, parts->ranking.n_factors > 0 ? parts->ranking.relevant_rating
                                                       : parts->global_mean);
}

static bool one_model(const options *o, const mf_ratings *all, mf_evaluate_result *result,
                      mf_error *err)
{
    bool ok = false;
    run r = {.o = o, .result = result};
    mf_evaluate_run *facts = &result->run[0];
    mf_ratings_rows held_out = {0};
    mf_ratings *rated = NULL;
    mf_baselines *baselines = NULL;
    mf_model *model = mf_model_load(o->model, err);
    if (model == NULL)
        return false;
    const mf_model_parts *parts = mf_model_get(model);
    facts->seed = o->first.values.h.seed;
    result->n_users = parts->n_users;
    result->n_items = parts->n_items;
    if (!mf_ratings_align(all, &parts->users, &parts->items, &held_out, err) ||
        !prepare(&r, &held_out, parts->n_users, parts->n_items, relevant_for(o, all, parts), err))
        goto done;
    rated = rated_in_training(model, &r.held, err);
    baselines = rated != NULL ? mf_baselines_create(rated, err) : NULL;
    if (baselines == NULL || !set_counts(&r, rated, mf_baselines_item_count(baselines), err))
        goto done;
    facts->n_train = rated->n_ratings;
    mf_popularity_ranks(mf_baselines_item_count(baselines), parts->n_items, r.order,
                        r.popularity_rank);
    tell_model(&r, model, all->feedback, &held_out);
    if (o->export != NULL && (!mf_export_ids(o->export, &parts->users, &parts->items, err) ||
                              !mf_export_test(o->export, facts->seed, &held_out, err)))
        goto done;
    /* The model's file has no ratings to take item-item's cosines from. */
    ok = look_at_model(&r, model, false, err) &&
         (!o->baselines || look_at_baselines(&r, baselines, rated, false, err));
done:
    release(&r);
    mf_baselines_destroy(baselines);
    mf_ratings_destroy(rated);
    mf_ratings_rows_clear(&held_out);
    mf_model_close(model);
    return ok;
}

static bool summarize(const options *o, mf_evaluate_result *result, mf_error *err)
{
    const uint64_t seed = o->first.values.h.seed;
    for (int row = 0; row < MF_ROWS; row++)
        if (result->has_row[row] &&
            !mf_list_summary_of(result->evaluation[row], result->n_runs, result->n_users,
                                MF_RESAMPLES, seed, &result->summary[row], err))
            return false;
    return !result->has_row[MF_ROW_SECOND] ||
           mf_list_compare(result->evaluation[result->first], result->evaluation[MF_ROW_SECOND],
                           result->n_runs, result->n_users, MF_RESAMPLES, seed, &result->comparison,
                           err);
}

static bool evaluate(const options *o, mf_evaluate_result *result, mf_error *err)
{
    mf_ratings_options how;
    if (!mf_train_settings_options(&o->first.values, &how, err))
        return false;
    how.times = o->split == MF_SPLIT_GLOBAL_TIME ? MF_TIMES_KEPT : MF_TIMES_RANKED;
    mf_ratings *all = mf_data_file_read(o->data, &how, err);
    if (all == NULL)
        return false;
    if (o->model == NULL && mf_ratings_one_value(all)) {
        all->feedback = MF_FEEDBACK_IMPLICIT;
        mf_log_message(MF_LOG_WARNING, "one_rating",
                       "all ratings of %s are equal: only who rated what can be learned", o->data);
    }
    bool ok = true;
    const bool has_fraction = o->split != MF_SPLIT_LEAVE_LAST;
    *result = (mf_evaluate_result){.data = o->data,
                                   .model = o->model,
                                   .split = o->split_name,
                                   .compare = o->diversity > 0 ? o->second_row : o->compare,
                                   .diversity = o->diversity,
                                   .fraction = has_fraction ? o->fraction : (double)NAN,
                                   .k = o->k,
                                   .n_users = all->n_users,
                                   .n_items = all->n_items,
                                   .n_runs = o->seeds};
    if (o->model != NULL) {
        ok = one_model(o, all, result, err);
    } else {
        ok = o->export == NULL || mf_export_ids(o->export, &all->users, &all->items, err);
        for (uint32_t place = 0; ok && place < o->seeds; place++)
            ok = one_split(o, all, place, result, err);
    }
    ok = ok && summarize(o, result, err);
    mf_ratings_destroy(all);
    return ok;
}

int mf_evaluate_main(int argc, char **argv)
{
    static options o;
    static mf_evaluate_result result; /* large */
    mf_error err = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!parse_arguments(&o, argc, argv, &err)) {
        fprintf(stderr, "evaluate: %s\n\n%s", err.text, usage);
        return 2;
    }
    mf_log_set_level(MF_LOG_WARNING);
    bool ok = evaluate(&o, &result, &err);
    if (ok) {
        mf_evaluate_print(&result, stdout);
        ok = (o.json == NULL || mf_evaluate_write_json(&result, o.json, &err)) &&
             (o.report == NULL ||
              mf_evaluate_write_page(&result, &o.first.settings, o.report, &err));
        if (fflush(stdout) != 0 || ferror(stdout))
            ok = mf_fail(&err, MF_ERR_IO, MF_NOWHERE, "standard output cannot be written");
    }
    for (int row = 0; row < MF_ROWS; row++)
        for (uint32_t place = 0; place < MF_EVALUATE_SEEDS_MAX; place++)
            mf_evaluation_clear(&result.evaluation[row][place]);
    mf_free(result.user_start);
    mf_free(result.item_count);
    if (!ok)
        fprintf(stderr, "evaluate: %s\n", err.text);
    return ok ? 0 : 1;
}
