/* job.c: a training job from its configuration to its last line.
 *
 * In order: configuration, data, rating model, ranking model, outputs, end. Both models are saved
 * to checkpoints by the same function; run() at the end shows the order. */
#include "job.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/stop.h"
#include "base_model.h"
#include "checkpoints.h"
#include "data.h"
#include "data_warning.h"
#include "gate.h"
#include "hosts/start.h"
#include "item_data.h"
#include "metrics.h"
#include "output.h"
#include "phases.h"
#include "progress.h"
#include "ranking.h"
#include "rated.h"
#include "ratings/extend.h"
#include "ratings/split.h"
#include "report.h"
#include "sagemaker/channels.h"
#include "sagemaker/environment.h"
#include "sagemaker/failure.h"
#include "sagemaker/job_config.h"
#include "settings.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A checkpoint on the clock as well: epochs of large data take minutes, and a
 * spot interruption need not announce itself. */
static const double CHECKPOINT_SECONDS = 300;

typedef struct job {
    mf_tree tree;
    mf_settings settings;
    mf_train_settings values;
    mf_hosts hosts;
    mf_channels channels;
    mf_checkpoint_folder checkpoint_folder;
    char model_path[MF_PATH_BYTES + 16];
    char metrics_path[MF_PATH_BYTES + MF_HOST_NAME_BYTES + 32];
    char report_path[MF_PATH_BYTES + MF_HOST_NAME_BYTES + 32];
    char gate_path[MF_PATH_BYTES + 16];

    mf_base_model base;
    mf_gate gate;
    mf_data_report report; /* on the train channel; of validation only warnings */
    mf_data_report validation_report;
    mf_item_data item_data;
    mf_ratings *all;   /* the train channel */
    mf_ratings *train; /* the part that is trained on; NULL: all of it */
    mf_ratings_rows validation;
    mf_ratings_rows in_current; /* a validation channel in the indexes of the gate's model */
    uint64_t n_known;           /* rows of the validation channel with a known user and item */
    bool inspects;              /* nothing is trained, written or logged */
    bool has_ratings;           /* there are ratings to learn to predict */
    mf_trainer *trainer;        /* of the rating model; NULL: there is none */
    mf_ranking ranking;         /* spectral NULL: there is none */
    mf_rated rated;             /* what the model file knows without a ranking model */
    mf_ranking_facts ranking_facts;
    mf_list_report lists;
    uint64_t fingerprint; /* of the settings */
    mf_checkpoints checkpoints;
    mf_phases phases;
    double read_seconds;
    double train_seconds;
    bool stopped;
    mf_hosts_group *group; /* NULL: one host */
    uint32_t rank;         /* of this host */
    bool log_is_apart;     /* it does not go through the descriptor of standard error */
    bool stdout_lost;      /* standard output takes nothing, and that is logged */
} job;

static const mf_channel_rule channel_rules[] = {
    {"train", "training", true, MF_CHANNEL_RATINGS},
    {"validation", NULL, false, MF_CHANNEL_RATINGS},
    {"items", NULL, false, MF_CHANNEL_ITEMS},
    {"model", NULL, false, MF_CHANNEL_MODEL},
    {"current", NULL, false, MF_CHANNEL_MODEL},
};

/* Ratings may be shared out to hosts; of all else every host needs all. */
static bool check_shares(const mf_channel *channel, size_t n_hosts, mf_error *err)
{
    if (n_hosts == 1 || !channel->sharded)
        return true;
    if (channel->rule->use != MF_CHANNEL_RATINGS)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "channel %s is ShardedByS3Key over %zu hosts, but every host needs all of "
                       "it: use FullyReplicated",
                       channel->name, n_hosts);
    return channel->mode != MF_CHANNEL_PIPE ||
           mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s is ShardedByS3Key over %zu hosts in Pipe mode, which does not tell "
                   "the names of files: use mode File or FastFile, or FullyReplicated",
                   channel->name, n_hosts);
}

static bool read_configuration(job *j, mf_error *err)
{
    mf_platform_hyperparameters platform = {0};
    if (!j->inspects)
        mf_log_set_level(mf_environment_log_level(NULL));
    if (!mf_train_settings_start(&j->settings, &j->values, err) ||
        !mf_hyperparameter_file_read(j->tree.hyperparameters, &j->settings, &platform, err))
        return false;
    if (!j->inspects)
        mf_log_set_level(mf_environment_log_level(platform.log_level));
    mf_train_settings_finish(&j->values);
    j->fingerprint = mf_train_settings_fingerprint(&j->settings);
    if (!mf_hosts_read(j->tree.resource_config, &j->hosts, err) ||
        !mf_channels_read(&j->tree, channel_rules, sizeof channel_rules / sizeof channel_rules[0],
                          &j->channels, err) ||
        !mf_checkpoint_folder_read(&j->tree, &j->checkpoint_folder, err))
        return false;
    snprintf(j->model_path, sizeof j->model_path, "%s/model.bin", j->tree.model);
    snprintf(j->gate_path, sizeof j->gate_path, "%s/gate.json", j->tree.output_data);
    for (size_t i = 0; i < j->channels.n; i++)
        if (!check_shares(&j->channels.channel[i], j->hosts.n, err))
            return false;
    return true;
}

static void log_start(const job *j)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "start");
    mf_log_text(&line, "version", MF_VERSION);
    if (mf_environment_job_name()[0] != '\0')
        mf_log_text(&line, "job", mf_environment_job_name());
    mf_log_count(&line, "threads", j->values.h.n_threads);
    mf_log_count(&line, "hosts", j->hosts.n);
    mf_log_end(&line);
    mf_settings_log(&j->settings, MF_LOG_INFO, "hyperparameters");
}

/* A folder that cannot be written is told now, not after hours. Also takes away what
 * a killed attempt may have left half-written. */
static bool prepare_outputs(const job *j, mf_error *err)
{
    return mf_folder_create(j->tree.model, err) && mf_folder_create(j->tree.output_data, err) &&
           mf_output_probe(j->model_path, err) && mf_output_probe(j->metrics_path, err) &&
           (!j->values.report || mf_output_probe(j->report_path, err));
}

static bool read_validation(job *j, const mf_channel *channel, const mf_ratings_options *options,
                            mf_error *err)
{
    bool ok = false;
    mf_ratings_options same = *options;
    same.feedback = j->all->feedback;
    same.times = MF_TIMES_UNUSED;
    mf_ratings *held_out =
        mf_data_read_channel(channel, j->group, &same, &j->report, &j->validation_report, err);
    if (held_out == NULL)
        return false;
    ok = mf_ratings_align(held_out, &j->all->users, &j->all->items, &j->validation, err) &&
         mf_data_check_known(held_out, &j->validation,
                             j->inspects ? &j->validation_report : &j->report, err);
    if (mf_data_report_scales_differ(&j->report, &j->validation_report)) {
        mf_data_report *to = j->inspects ? &j->validation_report : &j->report;
        mf_data_report_warn(to, "different_scales",
                            "channel train has ratings from %g to %g, channel validation from %g "
                            "to %g: errors are measured as if they were of one scale",
                            (double)j->report.least, (double)j->report.most,
                            (double)j->validation_report.least, (double)j->validation_report.most);
        mf_log_message(MF_LOG_WARNING, "different_scales", "%s",
                       to->warning[to->n_warnings - 1].text);
    }
    for (uint64_t k = 0; k < j->validation.n; k++)
        j->n_known +=
            j->validation.user[k] != MF_INDEX_NONE && j->validation.item[k] != MF_INDEX_NONE;
    if (ok && j->gate.current != NULL) {
        const mf_model_parts *current = mf_model_get(j->gate.current);
        ok = mf_ratings_align(held_out, &current->users, &current->items, &j->in_current, err);
    }
    mf_ratings_destroy(held_out);
    return ok;
}

/* A part of `all` becomes the validation data. */
static bool split_validation(job *j, mf_error *err)
{
    static const mf_split_kind kinds[] = {
        [MF_TRAIN_SPLIT_RANDOM] = MF_SPLIT_RANDOM,
        [MF_TRAIN_SPLIT_TIME] = MF_SPLIT_TIME,
        [MF_TRAIN_SPLIT_LEAVE_LAST] = MF_SPLIT_LEAVE_LAST,
    };
    const double fraction = j->values.validation_fraction;
    if (!mf_ratings_split_by(j->all, kinds[j->values.validation_split], fraction, j->values.h.seed,
                             &j->train, &j->validation, err))
        return false;
    if (j->train->n_ratings == 0)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "hyperparameter validation_fraction is %g: of %llu ratings none is left to "
                       "train on",
                       fraction, (unsigned long long)j->all->n_ratings);
    /* The training part has its own: of all ratings only who rated what is still needed. */
    mf_free(j->all->value);
    mf_free(j->all->time_rank);
    mf_free(j->all->time);
    j->all->value = NULL;
    j->all->time_rank = NULL;
    j->all->time = NULL;
    return true;
}

/* Whether a part of the train channel is held out. */
static bool splits(const job *j)
{
    return j->values.validation_fraction > 0 ||
           j->values.validation_split == MF_TRAIN_SPLIT_LEAVE_LAST;
}

/* Sets j->train, j->validation from the validation channel or a part of `all`. */
static bool prepare_validation(job *j, const mf_ratings_options *options, mf_error *err)
{
    const mf_channel *channel = mf_channels_find(&j->channels, "validation");
    const bool leave_last = j->values.validation_split == MF_TRAIN_SPLIT_LEAVE_LAST;
    if (channel != NULL && splits(j))
        mf_log_message(MF_LOG_WARNING, "ignored", "%s is not used: there is a validation channel",
                       leave_last ? "validation_split" : "validation_fraction");
    if (channel != NULL)
        return read_validation(j, channel, options, err);
    if (splits(j))
        return split_validation(j, err);
    if (j->gate.used)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "channel current: a new model is compared with the one in service on held-out "
            "ratings, and there are none: give validation_fraction, for example 0.1 with "
            "validation_split=time, or a channel validation");
    if (j->values.h.early_stopping_patience > 0)
        mf_log_message(MF_LOG_WARNING, "ignored",
                       "early_stopping_patience is not used: there is no validation data");
    return true;
}

static const mf_model_parts *base_of(const job *j)
{
    return j->base.model != NULL ? mf_model_get(j->base.model) : NULL;
}

static bool read_data(job *j, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_ratings_options options;
    const mf_channel *model = mf_channels_find(&j->channels, "model");
    const mf_channel *current = mf_channels_find(&j->channels, "current");
    if (current != NULL && !mf_gate_open(&j->gate, current, err))
        return false;
    if (model != NULL && !mf_base_model_open(&j->base, model, &j->settings, &j->values, err))
        return false;
    if (!mf_train_settings_options(&j->values, &options, err))
        return false;
    if (j->inspects && !splits(j))
        options.times = MF_TIMES_UNUSED;
    j->all = mf_data_read_channel(mf_channels_find(&j->channels, "train"), j->group, &options, NULL,
                                  &j->report, err);
    if (j->all == NULL)
        return false;
    if (j->base.model != NULL) {
        const mf_model_parts *earlier = mf_model_get(j->base.model);
        if (j->all->counts.n_tombstones > 0)
            mf_log_message(
                MF_LOG_WARNING, "base_model_not_forgotten",
                "users are to be forgotten, but what the model of channel model knows of "
                "them stays: train without the channel model");
        if (!mf_ratings_extend(j->all, &earlier->users, &earlier->items, err))
            return false;
    }
    if (!mf_item_data_read(&j->item_data, mf_channels_find(&j->channels, "items"), &options,
                           j->values.item_columns, base_of(j), &j->all->items, &j->report, err) ||
        !prepare_validation(j, &options, err))
        return false;
    j->read_seconds = mf_clock_seconds() - start;
    mf_phases_end(&j->phases, "reading");
    return true;
}

static const mf_ratings *trained_on(const job *j)
{
    return j->train != NULL ? j->train : j->all;
}

/* Which models these data can teach: no rating model without ratings, or when all ratings are
 * one and the same value. A warm start continues the models that its base has. */
static bool choose_models(job *j, mf_error *err)
{
    const mf_model_parts *base = base_of(j);
    const bool implicit = j->all->feedback == MF_FEEDBACK_IMPLICIT;
    const bool one_value = mf_ratings_one_value(trained_on(j));
    if (base != NULL && (base->n_factors > 0) == implicit)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       implicit ? "the model of channel model predicts ratings, but the data of "
                                  "channel train has none: train without the channel model"
                                : "the model of channel model was trained without ratings, but the "
                                  "data of channel train has ratings: train without the channel "
                                  "model, or with feedback=implicit");
    j->has_ratings = base != NULL ? base->n_factors > 0 : !implicit && !one_value;
    if (base == NULL && one_value)
        mf_log_message(MF_LOG_WARNING, "one_rating",
                       "every rating is %g: they count as pairs without a rating, and no rating "
                       "model is learned",
                       (double)trained_on(j)->value[0]);
    if (!j->has_ratings && !j->values.ranking)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "hyperparameter ranking is false, but without ratings a ranking model is all "
            "that can be learned: set it to true");
    if (base != NULL && j->values.ranking && base->ranking.n_factors == 0)
        mf_log_message(MF_LOG_WARNING, "no_base_ranking",
                       "the model of channel model has no ranking model: one is learned from the "
                       "ratings of channel train alone");
    return !j->values.ranking || mf_ranking_fits(j->all, &j->values, err);
}

static bool open_checkpoints(job *j, const mf_checkpointed *what, bool *resumed, mf_error *err)
{
    return mf_checkpoints_open(&j->checkpoints, &j->checkpoint_folder, j->group,
                               j->values.checkpoint_keep, what, err) &&
           mf_checkpoints_resume(&j->checkpoints, what, resumed, err);
}

/* A host more than there are blocks costs as much as the others. */
static void tell_share(const job *j)
{
    const mf_trainer_share share = mf_trainer_share_get(j->trainer);
    if (j->group == NULL || share.own > 0)
        return;
    mf_log_message(
        MF_LOG_WARNING, "idle_host",
        "%s has no part of the rating model: the users are cut into %u blocks, and there "
        "are %u hosts; %u are as fast",
        mf_hosts_name(j->group, j->rank), share.all, mf_hosts_size(j->group), share.all);
}

static bool create_trainer(job *j, mf_error *err)
{
    const mf_trainer_input input = {
        .ratings = trained_on(j),
        .validation = j->validation.n > 0 ? &j->validation : NULL,
        .base = base_of(j),
        .settings_fingerprint = j->fingerprint,
        .group = j->group,
    };
    j->trainer = mf_trainer_create(&j->values.h, &input, err);
    if (j->trainer == NULL)
        return false;
    tell_share(j);
    bool resumed;
    const mf_checkpointed what = mf_checkpointed_trainer(j->trainer);
    if (!open_checkpoints(j, &what, &resumed, err))
        return false;
    if (resumed && j->base.model != NULL)
        mf_log_message(MF_LOG_INFO, "resumed", "the checkpoint comes before the model channel");
    return true;
}

static uint32_t epochs_done(const job *j)
{
    uint32_t n = 0;
    if (j->trainer != NULL)
        mf_trainer_epochs(j->trainer, &n);
    return n;
}

/* Training continues when its progress cannot be printed: the model is what counts. */
static void note_printed(job *j, bool printed)
{
    if (printed || j->stdout_lost)
        return;
    j->stdout_lost = true;
    mf_log_message(MF_LOG_WARNING, "metrics_lost",
                   "standard output cannot be written: lines of epochs are lost, metrics.json will "
                   "have them all");
}

/* The first host's lines are those of all. */
static void print_last_epoch(job *j, int decimals)
{
    uint32_t n;
    if (j->rank > 0)
        return;
    const mf_epoch *epochs = mf_trainer_epochs(j->trainer, &n);
    note_printed(j, mf_metrics_print_epoch(&epochs[n - 1], j->validation.n > 0,
                                           trained_on(j)->n_ratings, decimals));
}

static int decimals_of(const mf_ratings *ratings)
{
    float low = ratings->value[0];
    float high = low;
    for (uint64_t k = 1; k < ratings->n_ratings; k++) {
        low = ratings->value[k] < low ? ratings->value[k] : low;
        high = ratings->value[k] > high ? ratings->value[k] : high;
    }
    return mf_metrics_decimals(low, high);
}

/* A checkpoint when one is due: at every checkpoint_every-th of what is counted, on the clock,
 * and at the end of a stage. */
static bool save_when_due(job *j, const mf_checkpointed *what, bool due, double *last,
                          mf_error *err)
{
    if (!j->checkpoints.used)
        return true;
    /* The clocks of hosts differ. */
    if (!mf_hosts_any(j->group, due || mf_clock_seconds() - *last > CHECKPOINT_SECONDS, &due, err))
        return false;
    if (!due)
        return true;
    if (!mf_checkpoints_save(&j->checkpoints, what, err))
        return false;
    *last = mf_clock_seconds();
    return true;
}

/* Sets j->stopped on all hosts when one of them is to stop. */
static bool check_stop(job *j, mf_error *err)
{
    return mf_hosts_any(j->group, mf_stop_requested(), &j->stopped, err);
}

static bool train_ratings(job *j, mf_error *err)
{
    if (!create_trainer(j, err))
        return false;
    const mf_checkpointed what = mf_checkpointed_trainer(j->trainer);
    const int decimals = decimals_of(trained_on(j));
    double last_checkpoint = mf_clock_seconds();
    bool saved = true;
    while (!mf_trainer_done(j->trainer)) {
        bool epoch_ended;
        if (!check_stop(j, err))
            return false;
        if (j->stopped)
            break;
        if (!mf_trainer_step(j->trainer, &epoch_ended, err))
            return false;
        mf_progress_count("epoch", epochs_done(j) + !epoch_ended, j->values.h.n_epochs,
                          epoch_ended ? 1 : mf_trainer_fraction(j->trainer));
        if (epoch_ended)
            print_last_epoch(j, decimals);
        saved = epoch_ended && epochs_done(j) % j->values.checkpoint_every == 0;
        if (!save_when_due(j, &what, saved, &last_checkpoint, err))
            return false;
    }
    mf_progress_clear();
    /* The ranking model's checkpoints need one of the finished rating model beside them. */
    if (!saved && !save_when_due(j, &what, j->stopped || j->values.ranking, &last_checkpoint, err))
        return false;
    /* The result alone stays: what the rating model was learned with is memory for the next. */
    mf_trainer_result result;
    return !mf_trainer_done(j->trainer) || mf_trainer_result_get(j->trainer, &result, err);
}

static void log_ranking(const job *j, const mf_spectral_result *result)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "ranking");
    mf_log_count(&line, "n_factors", result->n_factors);
    mf_log_number(&line, "regularization", (double)result->regularization, 3);
    mf_log_number(&line, "recency", (double)result->recency, 3);
    mf_log_number(&line, "prior", (double)result->prior, 3);
    if (result->n_choices > 0)
        mf_log_number(&line, "chosen_by_ndcg_at_10", result->choices[result->chosen].ndcg, 4);
    mf_log_count(&line, "compared", result->n_choices);
    mf_log_count(&line, "steps", result->steps);
    mf_log_number(&line, "seconds", j->ranking_facts.seconds, 3);
    mf_log_end(&line);
    if (!result->converged)
        mf_log_message(
            MF_LOG_WARNING, "not_converged",
            "the ranking model is that of %u steps, after which it still changed by more "
            "than ranking_tolerance: more ranking_steps may improve lists a little",
            result->steps);
}

static mf_checkpointed checkpointed_ranking(const job *j)
{
    const bool first = j->trainer == NULL;
    const uint64_t run = first ? j->ranking.fingerprint : mf_trainer_fingerprint(j->trainer);
    return mf_checkpointed_spectral(j->ranking.spectral, run, first);
}

static bool create_ranking(job *j, mf_error *err)
{
    const mf_ranking_input input = {
        .base = base_of(j),
        .all = j->all,
        .train = trained_on(j),
        .settings_fingerprint = j->fingerprint,
        .group = j->group,
    };
    if (!mf_ranking_create(&j->ranking, &input, &j->values, err))
        return false;
    bool resumed;
    const mf_checkpointed what = checkpointed_ranking(j);
    return open_checkpoints(j, &what, &resumed, err);
}

/* One step, and its line: a phase's last step is told as that phase's. */
static bool ranking_step(job *j, bool *due, mf_error *err)
{
    const mf_spectral_progress before = mf_spectral_progress_get(j->ranking.spectral);
    if (!mf_spectral_step(j->ranking.spectral, err))
        return false;
    mf_spectral_progress at = mf_spectral_progress_get(j->ranking.spectral);
    *due = at.phase != before.phase || at.step % j->values.checkpoint_every == 0;
    if (at.phase != before.phase) {
        at.phase = before.phase;
        at.step = before.step + 1;
        at.max_step = before.max_step;
    }
    mf_ranking_facts *facts = &j->ranking_facts;
    if (!MF_GROW(facts->steps, facts->steps_capacity, facts->n_steps + 1, "ranking steps", err))
        return false;
    facts->steps[facts->n_steps++] = at;
    mf_progress_count("ranking step", at.step, at.max_step, 1);
    if (j->rank == 0)
        note_printed(j, mf_metrics_print_step(&at));
    return true;
}

static bool train_ranking(job *j, mf_error *err)
{
    const double start = mf_clock_seconds();
    if (!create_ranking(j, err))
        return false;
    const mf_checkpointed what = checkpointed_ranking(j);
    double last_checkpoint = start;
    while (!mf_spectral_done(j->ranking.spectral)) {
        bool due;
        if (!check_stop(j, err))
            return false;
        if (j->stopped)
            break;
        if (!ranking_step(j, &due, err) || !save_when_due(j, &what, due, &last_checkpoint, err))
            return false;
    }
    mf_progress_clear();
    if (!save_when_due(j, &what, j->stopped, &last_checkpoint, err))
        return false;
    j->ranking_facts.seconds = mf_clock_seconds() - start;
    return true;
}

static bool train(job *j, mf_error *err)
{
    const double start = mf_clock_seconds();
    if (!choose_models(j, err) || (j->has_ratings && !train_ratings(j, err)))
        return false;
    if (j->has_ratings)
        mf_phases_end(&j->phases, "rating model");
    if (j->values.ranking && !j->stopped) {
        if (!train_ranking(j, err))
            return false;
        mf_phases_end(&j->phases, "ranking model");
    }
    mf_progress_close();
    j->train_seconds = mf_clock_seconds() - start;
    return true;
}

/* The ranking model as far as it came; none when it was stopped too early for that. */
static bool take_ranking(job *j, mf_ranking_parts *parts, mf_error *err)
{
    *parts = (mf_ranking_parts){0};
    if (j->ranking.spectral == NULL)
        return true;
    mf_error too_early = {0};
    if (!mf_ranking_get(&j->ranking, parts, &too_early)) {
        if (!j->stopped)
            return mf_fail(err, too_early.code, MF_NOWHERE, "%s", too_early.text);
        return true;
    }
    if (!mf_spectral_result_get(j->ranking.spectral, &j->ranking_facts.result, err))
        return false;
    j->ranking_facts.grading = j->ranking.grading;
    j->ranking_facts.relevant_rating = j->ranking.relevant_rating;
    if (j->rank == 0)
        log_ranking(j, &j->ranking_facts.result);
    return true;
}

/* The lowest rating that counts as found in the lists. */
static float relevant_rating(const job *j)
{
    if (isfinite(j->values.relevant_rating))
        return (float)j->values.relevant_rating;
    return j->all->feedback == MF_FEEDBACK_IMPLICIT ? -INFINITY
                                                    : mf_ranking_relevant(trained_on(j));
}

/* What the lists of this model are worth, when there is something to find. */
static bool report_lists(job *j, const mf_model_parts *parts, mf_error *err)
{
    if (j->validation.n == 0)
        return true;
    const mf_list_report_options options = {
        .k = j->values.evaluation_k,
        .relevant_rating = relevant_rating(j),
        .seed = j->values.h.seed,
        .n_threads = j->values.h.n_threads,
    };
    if (!mf_list_report_make(parts, trained_on(j), &j->validation, &options, &j->lists, err))
        return false;
    if (j->lists.model.n_users == 0 && !isfinite(options.relevant_rating))
        mf_log_message(MF_LOG_WARNING, "nothing_relevant",
                       "no user of the model has an item to find in the validation data: lists are "
                       "not evaluated");
    else if (j->lists.model.n_users == 0)
        mf_log_message(MF_LOG_WARNING, "nothing_relevant",
                       "no user of the model has a validation rating of at least %g: lists are not "
                       "evaluated (relevant_rating)",
                       (double)options.relevant_rating);
    note_printed(j, mf_list_report_print(&j->lists));
    mf_phases_end(&j->phases, "evaluating lists");
    return true;
}

/* Whether this model may take the place of the one in service. */
static bool decide_promotion(job *j, const mf_model_parts *parts, mf_error *err)
{
    if (!j->gate.used)
        return true;
    char split[128];
    char text[MF_SETTING_TEXT_BYTES];
    const bool channel = mf_channels_find(&j->channels, "validation") != NULL;
    for (size_t i = 0; i < j->settings.n; i++)
        if (strcmp(j->settings.table[i].name, "validation_split") == 0)
            snprintf(split, sizeof split, "validation_fraction %g, validation_split %s",
                     j->values.validation_fraction, mf_settings_text(&j->settings, i, text));
    const mf_gate_input input = {
        .parts = parts,
        .train = trained_on(j),
        .users = &j->all->users,
        .items = &j->all->items,
        .validation = &j->validation,
        .in_current = j->in_current.user != NULL ? &j->in_current : NULL,
        .relevant_rating = relevant_rating(j),
        .has_ratings = j->all->feedback == MF_FEEDBACK_EXPLICIT,
        .stopped = j->stopped,
        .source = channel ? "channel validation" : split,
        .level = j->values.gate_level,
        .k = j->values.evaluation_k,
        .seed = j->values.h.seed,
        .n_threads = j->values.h.n_threads,
    };
    if (!mf_gate_decide(&j->gate, &input, err))
        return false;
    note_printed(j, mf_gate_print(&j->gate));
    mf_phases_end(&j->phases, "comparing with the model in service");
    return true;
}

/* gate.json, after the new model's file is found to be one that can be served. */
static bool write_gate(job *j, const mf_run_facts *facts, mf_error *err)
{
    if (!j->gate.used)
        return true;
    mf_model *written = mf_model_open(j->model_path, err);
    if (written == NULL)
        return false;
    j->gate.checksum = mf_model_checksum(written);
    mf_model_close(written);
    return mf_metrics_write_gate(j->gate_path, facts, err);
}

static void log_end(const job *j)
{
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, j->stopped ? "stopped" : "done");
    mf_log_count(&line, "epochs", epochs_done(j));
    mf_log_bool(&line, "stopped_early", j->trainer != NULL && mf_trainer_stopped_early(j->trainer));
    if (j->trainer != NULL)
        mf_log_text(&line, "cpu", mf_trainer_cpu(j->trainer));
    mf_log_number(&line, "read_seconds", j->read_seconds, 3);
    mf_log_number(&line, "train_seconds", j->train_seconds, 3);
    if (j->group != NULL)
        mf_log_count(&line, "sent_bytes", mf_hosts_sent_bytes(j->group));
    mf_log_end(&line);
}

/* The end of a host that is not the first: its part of the rating model goes to the first. */
static bool give_result(job *j, mf_error *err)
{
    mf_trainer_result result;
    if (j->trainer != NULL && !mf_trainer_result_get(j->trainer, &result, err))
        return false;
    log_end(j);
    return true;
}

static bool write_outputs(job *j, mf_error *err)
{
    bool ok = false;
    uint32_t *item_count = NULL;
    uint32_t best_epoch;
    mf_ranking_parts ranking;
    mf_model_parts parts;
    const mf_run_facts facts = {
        .settings = &j->settings,
        .ratings = trained_on(j),
        .all = j->all,
        .report = &j->report,
        .validation = j->validation.n > 0 ? &j->validation : NULL,
        .trainer = j->trainer,
        .ranking = &j->ranking_facts,
        .lists = &j->lists,
        .gate = j->gate.used ? &j->gate : NULL,
        .phases = &j->phases,
        .read_seconds = j->read_seconds,
        .train_seconds = j->train_seconds,
        .stopped = j->stopped,
    };
    if (j->has_ratings && epochs_done(j) == 0)
        return mf_fail(err, MF_ERR_STOPPED, MF_NOWHERE, "no epoch is done");
    if (!take_ranking(j, &ranking, err))
        return false;
    if (!j->has_ratings && ranking.n_factors == 0)
        return mf_fail(err, MF_ERR_STOPPED, MF_NOWHERE, "no step is done");
    if (j->rank > 0)
        return give_result(j, err);
    if (j->stopped && j->values.ranking && ranking.n_factors == 0)
        mf_log_message(
            MF_LOG_WARNING, "no_ranking",
            "stopped before there was a ranking model: lists of this model are ordered by "
            "predicted rating");
    if (j->ranking.spectral == NULL &&
        !mf_rated_create(&j->rated, base_of(j), j->all, trained_on(j), NULL, 0,
                         j->values.h.n_threads, err))
        return false;
    const mf_output output = {
        .trainer = j->trainer,
        .n_factors = j->values.h.n_factors,
        .user_regularization = j->values.h.user_regularization,
        .user_bias_regularization = j->values.h.user_bias_regularization,
        .all = j->all,
        .rated = j->ranking.spectral != NULL ? &j->ranking.rated : &j->rated,
        .ranking = &ranking,
        .attributes = &j->item_data.attributes,
    };
    ok = mf_output_parts(&output, &parts, &item_count, &best_epoch, err) &&
         report_lists(j, &parts, err) && decide_promotion(j, &parts, err) &&
         mf_output_write_model(j->model_path, &parts, &facts, best_epoch, err);
    mf_phases_end(&j->phases, "writing the model");
    ok = ok && mf_metrics_write(j->metrics_path, &facts, err) && write_gate(j, &facts, err) &&
         (!j->values.report || mf_report_write(j->report_path, &facts, &parts, err));
    mf_free(item_count);
    if (!ok)
        return false;
    log_end(j);
    return true;
}

/* MPI writes paragraphs to standard error about a host that is lost. They would come after the reason,
 * which is to be the last line. */
static void keep_last_line(void)
{
    const int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDERR_FILENO);
        close(nothing);
    }
}

/* The reason is the last line of the log, and the file comes after it. */
static void report_failure(const job *j, bool have_tree, const mf_error *reason)
{
    static atomic_flag reported = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&reported))
        pause(); /* another thread reports, and ends the process */
    if (j->log_is_apart)
        keep_last_line();
    if (have_tree && mf_failure_exists(j->tree.failure))
        mf_log_message(MF_LOG_WARNING, "failure_kept",
                       "%s holds an earlier reason and is not overwritten", j->tree.failure);
    mf_log_set_level(MF_LOG_ERROR); /* the thread that trains may still have lines */
    mf_error unwritten = {0};
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_ERROR, "failed");
    mf_log_text(&line, "class", mf_error_class(reason->code));
    mf_log_text(&line, "message", reason->text);
    mf_log_end(&line);
    if (have_tree && !mf_failure_write(j->tree.failure, reason, &unwritten))
        mf_log_message(MF_LOG_ERROR, "failed", "%s (%s)", reason->text, unwritten.text);
}

/* Another host has failed, or is lost. The thread of the group calls: the one that trains may be at
 * anything. */
static void fail_with_group(void *argument, const mf_error *failure)
{
    report_failure(argument, true, failure);
    _exit(1);
}

/* With several hosts each line of the log has the name of its host, and the log has a descriptor of
 * its own: keep_last_line() closes the one on which MPI writes. */
static void name_in_log(job *j, const char *host)
{
    static mf_log_style style = {
        .fd = -1,
        .format = MF_LOG_JSON_UNLESS_TERMINAL,
        .time_key = "ts",
        .level_names = {"debug", "info", "warning", "error", "fatal"},
        .context_key = "host",
    };
    if (style.fd < 0) {
        const int copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        style.fd = copy < 0 ? STDERR_FILENO : copy;
        mf_log_set_style(&style);
        j->log_is_apart = style.fd != STDERR_FILENO;
    }
    mf_log_set_context(host);
}

static bool start_hosts(job *j, mf_error *err)
{
    const char *names[MF_HOSTS_MAX];
    for (size_t i = 0; i < j->hosts.n; i++)
        names[i] = j->hosts.name[i];
    const mf_hosts_options options = {
        .names = names,
        .rank = (uint32_t)j->hosts.rank,
        .size = (uint32_t)j->hosts.n,
        .interface = j->hosts.interface,
        .job = mf_environment_job_name(),
        .settings = j->fingerprint,
        .port = (uint16_t)j->values.hosts_port,
        .wait_seconds = j->values.hosts_wait,
        .silence_seconds = j->values.hosts_silence,
        .timeout_seconds = j->values.hosts_timeout,
        .on_failure = fail_with_group,
        .argument = j,
    };
    if (j->hosts.n > 1)
        name_in_log(j, names[j->hosts.rank]);
    if (!mf_hosts_start(&options, &j->group, err))
        return false;
    j->rank = mf_hosts_rank(j->group);
    if (j->group != NULL) {
        name_in_log(j, mf_hosts_name(j->group, j->rank));
        snprintf(j->metrics_path, sizeof j->metrics_path, "%s/metrics-%s.json", j->tree.output_data,
                 mf_hosts_name(j->group, j->rank));
        snprintf(j->report_path, sizeof j->report_path, "%s/report-%s.html", j->tree.output_data,
                 mf_hosts_name(j->group, j->rank));
    } else {
        snprintf(j->metrics_path, sizeof j->metrics_path, "%s/metrics.json", j->tree.output_data);
        snprintf(j->report_path, sizeof j->report_path, "%s/report.html", j->tree.output_data);
    }
    return true;
}

static bool run(job *j, mf_error *err)
{
    if (!read_configuration(j, err))
        return false;
    log_start(j);
    if (!start_hosts(j, err))
        return false;
    mf_phases_start(&j->phases);
    return (j->rank > 0 || prepare_outputs(j, err)) && read_data(j, err) && train(j, err) &&
           write_outputs(j, err);
}

static void release(job *j)
{
    mf_ranking_release(&j->ranking);
    mf_free(j->ranking_facts.steps);
    mf_rated_release(&j->rated);
    mf_trainer_destroy(j->trainer);
    mf_ratings_rows_clear(&j->validation);
    mf_ratings_rows_clear(&j->in_current);
    mf_gate_close(&j->gate);
    mf_ratings_destroy(j->train);
    mf_ratings_destroy(j->all);
    mf_item_data_clear(&j->item_data);
    mf_base_model_close(&j->base);
}

/* Stopped without an epoch of its own: what that means for the next start. */
static void explain_stop(const job *j, mf_error *err)
{
    const char *text = "before a first epoch";
    if (j->checkpoints.used)
        text = j->ranking.spectral == NULL
                   ? "before a first epoch; a checkpoint holds what was learned"
                   : "before there was a ranking model; a checkpoint holds what was learned";
    else if (j->ranking.spectral != NULL)
        text = "before there was a ranking model";
    else if (mf_checkpoints_found(&j->checkpoint_folder))
        text = "while reading; checkpoints of an earlier run are kept";
    mf_error_clear(err);
    mf_fail(err, MF_ERR_STOPPED, MF_NOWHERE, "SIGTERM came %s", text);
}

/* A success leaves no failure file, also none of an earlier run. */
static void remove_failure(const job *j)
{
    mf_error err = {0};
    const bool existed = mf_failure_exists(j->tree.failure);
    if (!mf_failure_remove(j->tree.failure, &err))
        mf_log_message(MF_LOG_WARNING, "failure_kept", "%s", err.text);
    else if (existed)
        mf_log_message(MF_LOG_INFO, "failure_removed", "%s was of an earlier run", j->tree.failure);
}

/* All hosts have one reason, with the name of the host that had it first. */
static void fail_everywhere(job *j, mf_error *err)
{
    mf_error of_group = {0};
    mf_hosts_fail(j->group, err);
    if (mf_hosts_failed(j->group, &of_group))
        *err = of_group;
}

int mf_job_run(const char *prefix, bool person)
{
    static job j; /* large; one job per process */
    mf_error err = {0};
    mf_stop_install();
    setvbuf(stdout, NULL, _IOLBF, 0);
    mf_progress_open(person);
    const bool have_tree = mf_tree_set(&j.tree, prefix, &err);
    bool ok = have_tree && run(&j, &err);
    if (err.code == MF_ERR_STOPPED)
        explain_stop(&j, &err);
    if (!ok)
        fail_everywhere(&j, &err);
    release(&j);
    mf_progress_close();
    if (ok) {
        remove_failure(&j);
        ok = mf_hosts_finish(j.group, &err);
    }
    if (!ok)
        report_failure(&j, have_tree, &err);
    if (j.group != NULL) {
        /* MPI is not ended, and what it would do at the end of the process is not wanted. */
        fflush(stdout);
        _exit(ok ? 0 : 1);
    }
    return ok ? 0 : 1;
}

bool mf_job_inspect(const char *prefix, mf_job_inspection *inspection, mf_error *err)
{
    static job j; /* large; one per process */
    j.inspects = true;
    mf_data_report_begin(&j.report, NULL);
    j.report.n_files = 0;
    const bool ok = mf_tree_set(&j.tree, prefix, err) && read_configuration(&j, err) &&
                    read_data(&j, err) && choose_models(&j, err);
    *inspection = (mf_job_inspection){
        .train = &j.report,
        .validation = j.validation_report.n_files > 0 ? &j.validation_report : NULL,
        .n_validation_known = j.n_known,
    };
    release(&j);
    return ok;
}
