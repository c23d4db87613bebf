/* trainer.c: steps of rounds (sweep.h) or, on several hosts, of epochs (ring.h); between two epochs
 * priors, validation and the decision to stop. */
#include "sgd/trainer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "hosts/exchange.h"
#include "sgd/fingerprint.h"
#include "sgd/ring.h"
#include "sgd/state.h"
#include "sgd/sweep.h"

#include <math.h>
#include <string.h>

/* Training has diverged when the RMSE is above this multiple of the ratings' deviation. */
static const double DIVERGED_RMSE = 100;
static const float LARGE_MEAN = 1e8F; /* 1973 in seconds */

/* Updates that fit priors to the factors of a base model. */
enum { PRIOR_TURNS = 20 };

/* Factors moved in a step (ratings × stride): at least about 10 ms on two cores, at most about a
 * second. Within these limits a step is as long as this many stripes start apart, so that as many
 * go through a block one after another (sweep.h). */
static const double STEP_UPDATES = 1e6 * 64;
static const double LONG_STEP_UPDATES = 1e8 * 64;
enum { STEP_STRIPES = 4 };

/* Mean and deviation of the ratings, one pass each: a running sum in double, user by user in index
 * order. A base model keeps its mean. The deviation is then that from this mean, at least an eighth
 * of the base model's range (half of the usual deviation of stars): a few new ratings that are
 * nearly equal would otherwise make the unit so small that the base model's factors, in this unit,
 * are too long for any learning rate. */
static void measure_ratings(const mf_ratings *ratings, const mf_model_parts *base, mf_parameters *p)
{
    double sum = 0;
    float low = ratings->value[0];
    float high = ratings->value[0];
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        sum += (double)ratings->value[k];
        low = fminf(low, ratings->value[k]);
        high = fmaxf(high, ratings->value[k]);
    }
    const double mean = base != NULL ? (double)base->global_mean : sum / (double)ratings->n_ratings;
    double squares = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const double difference = (double)ratings->value[k] - mean;
        squares += difference * difference;
    }
    float deviation = (float)sqrt(squares / (double)ratings->n_ratings);
    if (base != NULL)
        deviation = fmaxf(deviation, (base->rating_max - base->rating_min) / 8);
    p->mean = (float)mean;
    /* Ratings that are all (nearly) equal are not scaled. */
    p->scale = deviation > fabsf(p->mean) * 1e-6f && deviation > 1e-30f ? deviation : 1;
    p->rating_min = base != NULL ? fminf(low, base->rating_min) : low;
    p->rating_max = base != NULL ? fmaxf(high, base->rating_max) : high;
}

static bool create_parameters(mf_trainer *t, const mf_trainer_input *input, mf_error *err)
{
    mf_parameters *p = &t->parameters;
    const mf_model_parts *base = input->base;
    p->n_users = input->ratings->n_users;
    p->n_items = input->ratings->n_items;
    p->n_factors = t->h.n_factors;
    measure_ratings(input->ratings, base, p);
    if (!mf_grid_create_range(&t->grid, input->ratings, p->mean, p->scale,
                              mf_model_stride(p->n_factors), mf_hosts_rank(t->group),
                              mf_hosts_size(t->group), t->h.n_threads, err) ||
        !mf_parameters_allocate_rows(p, mf_grid_first_row(&t->grid), mf_grid_n_rows(&t->grid), err))
        return false;
    p->user_row = t->grid.user_row;
    p->item_row = t->grid.item_row;
    mf_parameters_start(p, (float)t->h.init_scale, t->h.seed, base != NULL ? base->n_users : 0);
    /* A split may leave users without a rating. Their random factors would never be trained and
     * only add noise to their predictions. */
    for (uint32_t u = 0; u < p->n_users; u++) {
        const uint32_t row = mf_parameters_row(p, u);
        if (row != MF_INDEX_NONE &&
            input->ratings->user_start[u] == input->ratings->user_start[u + 1])
            memset(p->user_factors + row * p->stride, 0, p->stride * sizeof(float));
    }
    if (base != NULL)
        mf_parameters_import(p, base);
    return true;
}

static bool has_hosts(const mf_trainer *t)
{
    return mf_hosts_size(t->group) > 1;
}

static bool update_priors(mf_trainer *t, mf_error *err)
{
    if (has_hosts(t))
        return mf_ring_priors(t, err);
    mf_implicit_update(&t->implicit, &t->grid, t->kernel, &t->parameters, (float)t->h.implicit_rate,
                       (float)t->h.implicit_damping, t->h.n_threads);
    return true;
}

/* The item factors of a base model contain its priors. Priors that start at 0 would learn the same
 * once more on top, so x and z are first fitted to the factors, which do not move. (Validation RMSE
 * on MovieLens after continuing with the same data: 0.847 instead of 0.873.) */
static bool fit_priors(mf_trainer *t, mf_error *err)
{
    mf_parameters *p = &t->parameters;
    const size_t n = p->n_items * p->stride;
    float *kept = mf_allocate(n, sizeof *kept, "item factors", err);
    if (kept == NULL)
        return false;
    memcpy(kept, p->item_factors, n * sizeof *kept);
    bool ok = true;
    for (int turn = 0; ok && turn < PRIOR_TURNS; turn++) {
        ok = update_priors(t, err);
        memcpy(p->item_factors, kept, n * sizeof *kept);
    }
    mf_free(kept);
    return ok;
}

/* OpenMP's threads, which stay until the process ends: from here on none can be missing. */
static bool start_threads(uint32_t n_threads, mf_error *err)
{
    if (n_threads > 1 && !mf_thread_check(n_threads - 1, err))
        return false;
#pragma omp parallel num_threads((int)(n_threads > 0 ? n_threads : 1))
    __asm__ volatile("");
    return true;
}

mf_trainer *mf_trainer_create(const mf_hyperparameters *hyperparameters,
                              const mf_trainer_input *input, mf_error *err)
{
    const mf_model_parts *base = input->base;
    if (input->ratings->n_ratings == 0) {
        mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "there is no rating to learn from");
        return NULL;
    }
    if (base != NULL &&
        (base->n_factors != hyperparameters->n_factors || base->n_users > input->ratings->n_users ||
         base->n_items > input->ratings->n_items)) {
        mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "the base model has another shape");
        return NULL;
    }
    if (!start_threads(hyperparameters->n_threads, err))
        return NULL;
    mf_trainer *t = mf_allocate(1, sizeof *t, "the trainer", err);
    if (t == NULL)
        return NULL;
    t->h = *hyperparameters;
    t->group = input->group;
    t->kernel = mf_sgd_kernel_choose();
    t->n_ratings = input->ratings->n_ratings;
    t->at.best_rmse = INFINITY;
    if (!create_parameters(t, input, err))
        goto failed;
    if (input->validation != NULL &&
        !mf_sgd_held_out_create(&t->held_out, &t->grid, input->validation, err))
        goto failed;
    if (!mf_fingerprint(input, &t->grid, &t->held_out, t->h.n_threads, &t->at.fingerprint, err))
        goto failed;
    if (t->h.implicit_rate > 0 &&
        !mf_implicit_create(&t->implicit, &t->grid, t->parameters.stride, err))
        goto failed;
    if (t->implicit.user_vectors != NULL && base != NULL && !fit_priors(t, err))
        goto failed;
    const mf_parameters *p = &t->parameters;
    t->best =
        (mf_parameters){.n_users = p->n_users, .n_items = p->n_items, .n_factors = p->n_factors};
    if ((!has_hosts(t) || t->held_out.n > 0) &&
        !mf_parameters_allocate_rows(&t->best, p->first_row, p->n_rows, err))
        goto failed;
    const size_t n_blocks = mf_grid_cell(&t->grid, t->grid.end_block, 0);
    t->epochs = mf_allocate(t->h.n_epochs, sizeof *t->epochs, "the list of epochs", err);
    t->block_loss = mf_allocate(n_blocks, sizeof *t->block_loss, "losses", err);
    if (t->epochs == NULL || t->block_loss == NULL)
        goto failed;
    return t;
failed:
    mf_trainer_destroy(t);
    return NULL;
}

/* Frees what only further training needs. */
static void release_state(mf_trainer *t)
{
    mf_grid_release(&t->grid);
    mf_parameters_release(&t->parameters);
    t->parameters.user_row = t->parameters.item_row = NULL; /* the grid's */
    mf_implicit_release(&t->implicit);
    mf_sgd_held_out_release(&t->held_out);
    mf_free(t->block_loss);
    t->block_loss = NULL;
    t->is_released = true;
}

void mf_trainer_destroy(mf_trainer *t)
{
    if (t == NULL)
        return;
    release_state(t);
    mf_parameters_release(&t->best);
    mf_parameters_release(&t->whole);
    mf_free(t->epochs);
    mf_free(t);
}

bool mf_trainer_done(const mf_trainer *t)
{
    return t->at.stopped != 0 || t->at.epochs_done >= t->h.n_epochs;
}

/* Rates of the running epoch. They decay linearly with its number, to learning_rate_decay times the
 * initial rates at n_epochs. */
static mf_sgd_rates rates_of(const mf_trainer *t)
{
    const mf_hyperparameters *h = &t->h;
    const double left = 1 - (1 - h->learning_rate_decay) * t->at.epochs_done / h->n_epochs;
    const double rate = h->learning_rate * left;
    const double bias_rate = h->bias_learning_rate * left;
    mf_sgd_rates rates = {
        .user_factors = t->parameters.user_factors,
        .item_factors = t->parameters.item_factors,
        .item_priors = t->implicit.item_priors,
        .user_bias = t->parameters.user_bias,
        .item_bias = t->parameters.item_bias,
        .stride = t->parameters.stride,
        .learning_rate = (float)rate,
        .bias_learning_rate = (float)bias_rate,
        .user_decay = (float)(1 - rate * h->user_regularization),
        .user_bias_decay = (float)(1 - bias_rate * h->user_bias_regularization),
    };
    double item_decay = 1;
    double item_bias_decay = 1;
    for (int n = 0; n <= MF_SGD_GROUP; n++) {
        rates.item_decay[n] = (float)item_decay;
        rates.item_bias_decay[n] = (float)item_bias_decay;
        item_decay *= 1 - rate * h->item_regularization;
        item_bias_decay *= 1 - bias_rate * h->item_bias_regularization;
    }
    return rates;
}

static bool fail_diverged(const mf_trainer *t, mf_error *err)
{
    if (fabsf(t->parameters.mean) >= LARGE_MEAN)
        return mf_fail(
            err, MF_ERR_DIVERGED, MF_NOWHERE,
            "training diverged in epoch %u: the ratings, %g on average, are too large to "
            "be learned; times or ids are no ratings, others have to be divided",
            t->at.epochs_done + 1, (double)t->parameters.mean);
    return mf_fail(err, MF_ERR_DIVERGED, MF_NOWHERE,
                   "training diverged in epoch %u with learning_rate %g: try a smaller "
                   "learning_rate (a third of it, say) or more regularization",
                   t->at.epochs_done + 1, t->h.learning_rate);
}

/* Rounds in a step: enough that the start of threads is negligible and blocks are used while they
 * are in the cache; few enough that the caller gets control every second. */
static uint32_t step_rounds(const mf_trainer *t)
{
    const double updates = (double)t->n_ratings * (double)t->parameters.stride;
    const double shortest = STEP_UPDATES / updates * t->grid.n_rounds;
    const double longest = LONG_STEP_UPDATES / updates * t->grid.n_rounds;
    const double apart = (double)STEP_STRIPES * t->grid.n_rounds / t->grid.round_blocks;
    const double rounds = fmax(shortest, fmin(apart, longest));
    const uint32_t left = t->grid.n_rounds - t->at.round;
    return rounds < 1 ? 1 : rounds < left ? (uint32_t)rounds : left;
}

static bool run_rounds(mf_trainer *t, uint32_t last, mf_error *err)
{
    const mf_sgd_rates rates = rates_of(t);
    if (!mf_sweep_run(&t->grid, t->kernel, &rates, t->at.round, last, t->h.n_threads, t->block_loss,
                      err))
        return false;
    for (; t->at.round < last; t->at.round++)
        for (uint32_t place = 0; place < t->grid.round_blocks; place++)
            if (!isfinite(t->block_loss[mf_grid_block(&t->grid, t->at.round, place)]))
                return fail_diverged(t, err);
    return true;
}

static bool validate(mf_trainer *t, mf_epoch *epoch, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_accuracy accuracy;
    if (!(has_hosts(t) ? mf_ring_validate(t, &accuracy, err)
                       : mf_evaluate(&t->parameters, &t->held_out, t->h.n_threads, &accuracy, err)))
        return false;
    if (!isfinite(accuracy.rmse))
        return fail_diverged(t, err);
    epoch->validation_rmse = accuracy.rmse;
    epoch->validation_mae = accuracy.mae;
    if (accuracy.rmse < t->at.best_rmse) {
        t->at.best_rmse = accuracy.rmse;
        t->at.best_epoch = epoch->epoch;
        epoch->is_best = 1;
        if (has_hosts(t))
            mf_ring_keep_best(t);
        else
            mf_parameters_export(&t->best, &t->parameters);
    } else if (t->h.early_stopping_patience > 0 &&
               epoch->epoch - t->at.best_epoch >= t->h.early_stopping_patience) {
        t->at.stopped = 1;
    }
    epoch->validation_seconds = mf_clock_seconds() - start;
    return true;
}

/* loss: Σ e² of all blocks. */
static bool end_epoch(mf_trainer *t, double loss, uint64_t sent_before, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_epoch epoch = {.epoch = t->at.epochs_done + 1};
    const double rmse = sqrt(loss / (double)t->n_ratings);
    epoch.train_rmse = rmse * (double)t->parameters.scale;
    if (!(rmse < DIVERGED_RMSE))
        return fail_diverged(t, err);
    if (t->implicit.user_vectors != NULL && !update_priors(t, err))
        return false;
    epoch.seconds = t->at.epoch_seconds + mf_clock_seconds() - start;
    if (t->held_out.n > 0 && !validate(t, &epoch, err))
        return false;
    epoch.sent_bytes = mf_hosts_sent_bytes(t->group) - sent_before;
    t->epochs[t->at.epochs_done++] = epoch;
    t->at.round = 0;
    t->at.epoch_seconds = 0;
    return true;
}

/* Σ e², added by user-block and inside one by item-block. */
static double sum_losses(const mf_trainer *t)
{
    double loss = 0;
    for (size_t c = 0; c < (size_t)t->grid.user_blocks * t->grid.item_blocks; c++)
        loss += t->block_loss[c];
    return loss;
}

/* An epoch on several hosts. */
static bool step_of_hosts(mf_trainer *t, bool *epoch_ended, mf_error *err)
{
    const double start = mf_clock_seconds();
    const uint64_t sent_before = mf_hosts_sent_bytes(t->group);
    const mf_sgd_rates rates = rates_of(t);
    double loss;
    if (!mf_ring_update(t, &rates, &loss, err))
        return false;
    t->at.epoch_seconds = mf_clock_seconds() - start;
    *epoch_ended = end_epoch(t, loss, sent_before, err);
    return *epoch_ended;
}

bool mf_trainer_step(mf_trainer *t, bool *epoch_ended, mf_error *err)
{
    *epoch_ended = false;
    if (mf_trainer_done(t))
        return true;
    if (has_hosts(t))
        return step_of_hosts(t, epoch_ended, err);
    const double start = mf_clock_seconds();
    if (!run_rounds(t, t->at.round + step_rounds(t), err))
        return false;
    t->at.epoch_seconds += mf_clock_seconds() - start;
    if (t->at.round < t->grid.n_rounds)
        return true;
    *epoch_ended = end_epoch(t, sum_losses(t), 0, err);
    return *epoch_ended;
}

const mf_epoch *mf_trainer_epochs(const mf_trainer *t, uint32_t *n)
{
    *n = t->at.epochs_done;
    return t->epochs;
}

double mf_trainer_fraction(const mf_trainer *t)
{
    return t->is_released ? 0 : (double)t->at.round / t->grid.n_rounds;
}

mf_trainer_share mf_trainer_share_get(const mf_trainer *t)
{
    return (mf_trainer_share){t->grid.end_block - t->grid.first_block, t->grid.user_blocks};
}

bool mf_trainer_stopped_early(const mf_trainer *t)
{
    return t->at.stopped != 0;
}

const char *mf_trainer_cpu(const mf_trainer *t)
{
    return t->kernel->cpu;
}

uint64_t mf_trainer_fingerprint(const mf_trainer *t)
{
    return t->at.fingerprint;
}

static bool all_finite(const float *values, size_t n)
{
    /* A NaN or an infinity times zero is not zero. */
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i] * 0;
    return sum == 0;
}

/* Fills best. */
static void take_result(mf_trainer *t, bool *finite)
{
    const mf_parameters *p = &t->parameters;
    const mf_parameters *best = &t->best;
    if (t->held_out.n == 0)
        mf_parameters_export(&t->best, p);
    *finite = all_finite(best->user_factors, p->n_users * p->stride) &&
              all_finite(best->item_factors, p->n_items * p->stride) &&
              all_finite(best->user_bias, p->n_users) && all_finite(best->item_bias, p->n_items);
}

bool mf_trainer_result_get(mf_trainer *t, mf_trainer_result *result, mf_error *err)
{
    const mf_parameters *p = &t->parameters;
    if (t->at.epochs_done == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "no epoch is done yet");
    if (!t->is_released) {
        bool finite = false;
        /* The priors are not needed any more; the export needs memory. */
        if (mf_trainer_done(t))
            mf_implicit_release(&t->implicit);
        if (t->held_out.n == 0)
            t->at.best_epoch = t->at.epochs_done;
        if (!has_hosts(t))
            take_result(t, &finite);
        else if (!mf_ring_result(t, &finite, err))
            return false;
        if (!finite)
            return fail_diverged(t, err);
        if (mf_trainer_done(t))
            release_state(t);
    }
    const mf_parameters *best = has_hosts(t) ? &t->whole : &t->best;
    *result = (mf_trainer_result){
        .global_mean = p->mean,
        .rating_scale = p->scale,
        .rating_min = p->rating_min,
        .rating_max = p->rating_max,
        .user_bias = best->user_bias,
        .item_bias = best->item_bias,
        .user_factors = best->user_factors,
        .item_factors = best->item_factors,
        .best_epoch = t->at.best_epoch,
    };
    return true;
}
