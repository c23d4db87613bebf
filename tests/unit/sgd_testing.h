/* sgd_testing.h: what the tests of training share: ratings made of a table, runs
 * to the end, and predictions in double from what was learned. */
#ifndef MF_TESTS_SGD_TESTING_H
#define MF_TESTS_SGD_TESTING_H

#include "testing.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/model.h"
#include "ratings/ratings.h"
#include "sgd/trainer.h"

#include <math.h>

/* A function of (user, item): the rating, or NaN when there is none. */
typedef float rating_of(uint32_t user, uint32_t item);

/* n ids "u0", "u1", … on the heap. */
static inline mf_id_list make_ids(char letter, uint32_t n)
{
    mf_error err = {0};
    uint64_t *start = mf_allocate((size_t)n + 1, sizeof *start, "ids", &err);
    char *bytes = mf_allocate((size_t)n + 1, 12, "ids", &err);
    assert_true(start != NULL && bytes != NULL);
    for (uint32_t i = 0; i < n; i++)
        start[i + 1] = start[i] + (uint64_t)sprintf(bytes + start[i], "%c%u", letter, i);
    return (mf_id_list){n, start, bytes};
}

static inline mf_ratings *make_ratings(uint32_t n_users, uint32_t n_items, rating_of *rating)
{
    mf_error err = {0};
    mf_ratings *r = mf_allocate(1, sizeof *r, "ratings", &err);
    assert_ok(r != NULL, err);
    r->n_users = n_users;
    r->n_items = n_items;
    r->users = make_ids('u', n_users);
    r->items = make_ids('i', n_items);
    r->user_start = mf_allocate((size_t)n_users + 1, sizeof *r->user_start, "ratings", &err);
    for (uint32_t u = 0; u < n_users; u++) {
        r->user_start[u + 1] = r->user_start[u];
        for (uint32_t i = 0; i < n_items; i++)
            r->user_start[u + 1] += isnan(rating(u, i)) ? 0 : 1;
    }
    r->n_ratings = r->user_start[n_users];
    r->item = mf_allocate(r->n_ratings, sizeof *r->item, "ratings", &err);
    r->value = mf_allocate(r->n_ratings, sizeof *r->value, "ratings", &err);
    assert_ok(r->user_start != NULL && r->item != NULL && r->value != NULL, err);
    uint64_t k = 0;
    for (uint32_t u = 0; u < n_users; u++)
        for (uint32_t i = 0; i < n_items; i++)
            if (!isnan(rating(u, i))) {
                r->item[k] = i;
                r->value[k++] = rating(u, i);
            }
    return r;
}

/* The pairs of a table as rows to validate on. */
static inline mf_ratings_rows make_rows(uint32_t n_users, uint32_t n_items, rating_of *rating)
{
    mf_error err = {0};
    mf_ratings_rows rows = {0};
    const size_t n_pairs = (size_t)n_users * n_items;
    rows.user = mf_allocate(n_pairs, sizeof *rows.user, "rows", &err);
    rows.item = mf_allocate(n_pairs, sizeof *rows.item, "rows", &err);
    rows.value = mf_allocate(n_pairs, sizeof *rows.value, "rows", &err);
    assert_ok(rows.user != NULL && rows.item != NULL && rows.value != NULL, err);
    for (uint32_t u = 0; u < n_users; u++)
        for (uint32_t i = 0; i < n_items; i++)
            if (!isnan(rating(u, i))) {
                rows.user[rows.n] = u;
                rows.item[rows.n] = i;
                rows.value[rows.n++] = rating(u, i);
            }
    return rows;
}

/* With 1000 factors this many users are 12 user-blocks, more than the 8 item-blocks, and
 * an epoch is two steps. Elsewhere in the tests user-blocks are the shorter side. */
enum { TALL_USERS = 1500, TALL_ITEMS = 90, TALL_FACTORS = 1000 };

/* Small and quick: 8 factors, 10 epochs, rates that suit the tables here. */
static inline mf_hyperparameters small_run(void)
{
    return (mf_hyperparameters){
        .n_factors = 8,
        .n_epochs = 10,
        .learning_rate = 0.025,
        .bias_learning_rate = 0.005,
        .learning_rate_decay = 0.1,
        .user_regularization = 0.08,
        .item_regularization = 0.08,
        .user_bias_regularization = 0.02,
        .item_bias_regularization = 0.02,
        .implicit_rate = 1,
        .implicit_damping = 5,
        .init_scale = 0.2,
        .seed = 1,
        .n_threads = 1,
    };
}

static inline mf_trainer *new_trainer(const mf_hyperparameters *h, const mf_ratings *ratings,
                                      const mf_ratings_rows *validation, const mf_model_parts *base)
{
    mf_error err = {0};
    const mf_trainer_input input = {.ratings = ratings, .validation = validation, .base = base};
    mf_trainer *trainer = mf_trainer_create(h, &input, &err);
    assert_ok(trainer != NULL, err);
    return trainer;
}

/* Steps until `epochs` epochs are done or the run is; returns how many steps. */
static inline uint32_t run_epochs(mf_trainer *trainer, uint32_t epochs)
{
    mf_error err = {0};
    uint32_t n = 0;
    uint32_t steps = 0;
    mf_trainer_epochs(trainer, &n);
    while (!mf_trainer_done(trainer) && n < epochs) {
        bool ended;
        const uint32_t before = n;
        assert_ok(mf_trainer_step(trainer, &ended, &err), err);
        mf_trainer_epochs(trainer, &n);
        assert_int_equal(n, before + ended);
        steps++;
    }
    return steps;
}

static inline mf_trainer_result get_result(mf_trainer *trainer)
{
    mf_error err = {0};
    mf_trainer_result result;
    assert_ok(mf_trainer_result_get(trainer, &result, &err), err);
    return result;
}

/* Trained to the end. */
static inline mf_trainer *train(const mf_hyperparameters *h, const mf_ratings *ratings,
                                const mf_ratings_rows *validation)
{
    mf_trainer *trainer = new_trainer(h, ratings, validation, NULL);
    run_epochs(trainer, UINT32_MAX);
    return trainer;
}

/* The equation of model.h in double, not clipped. */
static inline double predict(const mf_trainer_result *r, uint32_t n_factors, uint32_t user,
                             uint32_t item)
{
    const size_t stride = mf_model_stride(n_factors);
    double sum = (double)r->global_mean + (double)r->user_bias[user] + (double)r->item_bias[item];
    for (size_t f = 0; f < n_factors; f++)
        sum +=
            (double)r->user_factors[user * stride + f] * (double)r->item_factors[item * stride + f];
    return sum;
}

static inline double predict_clipped(const mf_trainer_result *r, uint32_t n_factors, uint32_t user,
                                     uint32_t item)
{
    return fmin(fmax(predict(r, n_factors, user, item), (double)r->rating_min),
                (double)r->rating_max);
}

static inline bool same_result(const mf_trainer_result *a, const mf_trainer_result *b,
                               uint32_t n_users, uint32_t n_items, uint32_t n_factors)
{
    const size_t row = mf_model_stride(n_factors) * sizeof(float);
    return memcmp(&a->global_mean, &b->global_mean, sizeof(float)) == 0 &&
           memcmp(&a->rating_min, &b->rating_min, sizeof(float)) == 0 &&
           memcmp(&a->rating_max, &b->rating_max, sizeof(float)) == 0 &&
           memcmp(a->user_bias, b->user_bias, n_users * sizeof(float)) == 0 &&
           memcmp(a->item_bias, b->item_bias, n_items * sizeof(float)) == 0 &&
           memcmp(a->user_factors, b->user_factors, n_users * row) == 0 &&
           memcmp(a->item_factors, b->item_factors, n_items * row) == 0;
}

/* The figures of two runs' epochs, times left out. */
static inline void assert_same_epochs(const mf_trainer *a, const mf_trainer *b)
{
    uint32_t n_a;
    uint32_t n_b;
    const mf_epoch *epochs_a = mf_trainer_epochs(a, &n_a);
    const mf_epoch *epochs_b = mf_trainer_epochs(b, &n_b);
    assert_int_equal(n_a, n_b);
    for (uint32_t n = 0; n < n_a; n++) {
        assert_int_equal(epochs_a[n].epoch, epochs_b[n].epoch);
        assert_int_equal(epochs_a[n].is_best, epochs_b[n].is_best);
        assert_true(epochs_a[n].train_rmse == epochs_b[n].train_rmse);
        assert_true(epochs_a[n].validation_rmse == epochs_b[n].validation_rmse);
        assert_true(epochs_a[n].validation_mae == epochs_b[n].validation_mae);
    }
}

/* --- tables -------------------------------------------------------------- */

/* About half of the pairs, one to five stars in halves, from factors of rank two. */
static inline float rank_two(uint32_t user, uint32_t item)
{
    if (mf_random_unit(11, (uint64_t)user << 32 | item) < 0.5f)
        return NAN;
    const float u = mf_random_normal(12, user);
    const float v = mf_random_normal(13, user);
    const float i = mf_random_normal(14, item);
    const float j = mf_random_normal(15, item);
    const float stars = roundf(2 * (3 + u * i + v * j)) / 2;
    return stars < 1 ? 1 : stars > 5 ? 5 : stars;
}

/* Pairs that rank_two() leaves out, one in eight, from the same factors. */
static inline float rank_two_held_out(uint32_t user, uint32_t item)
{
    if (!isnan(rank_two(user, item)) || mf_random_unit(16, (uint64_t)user << 32 | item) > 0.25f)
        return NAN;
    const float stars = roundf(2 * (3 + mf_random_normal(12, user) * mf_random_normal(14, item) +
                                    mf_random_normal(13, user) * mf_random_normal(15, item))) /
                        2;
    return stars < 1 ? 1 : stars > 5 ? 5 : stars;
}

/* Stars without any sense: what is learned from them does not hold elsewhere. */
static inline float noise(uint32_t user, uint32_t item)
{
    const uint64_t pair = (uint64_t)user << 32 | item;
    return mf_random_unit(21, pair) < 0.5f ? NAN : 1 + (float)mf_random_below(22, pair, 5);
}

static inline float noise_held_out(uint32_t user, uint32_t item)
{
    const uint64_t pair = (uint64_t)user << 32 | item;
    return mf_random_unit(21, pair) < 0.5f ? 1 + (float)mf_random_below(23, pair, 5) : NAN;
}

#endif
