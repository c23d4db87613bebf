/* test_sgd_trainer.c: what a run learns, and what it does not depend on. */
#include "sgd_testing.h"

#include "sgd/kernels.h"

/* --- known results ------------------------------------------------------- */

enum { PARITY_USERS = 40, PARITY_ITEMS = 30 };

static float parity(uint32_t user, uint32_t item)
{
    return user % 2 == item % 2 ? 5 : 1;
}

static bool is_withheld(uint32_t user, uint32_t item)
{
    return item == user % PARITY_ITEMS || item == (user + 1) % PARITY_ITEMS;
}

static float parity_known(uint32_t user, uint32_t item)
{
    return is_withheld(user, item) ? NAN : parity(user, item);
}

static void ratings_of_a_plain_pattern_are_predicted_where_they_were_withheld(void **state)
{
    (void)state;
    static const double implicit_rates[] = {0, 1};
    for (int c = 0; c < 2; c++) {
        mf_hyperparameters h = small_run();
        h.n_epochs = 60;
        h.implicit_rate = implicit_rates[c];
        mf_ratings *ratings = make_ratings(PARITY_USERS, PARITY_ITEMS, parity_known);
        mf_trainer *trainer = train(&h, ratings, NULL);
        const mf_trainer_result r = get_result(trainer);
        assert_true(r.rating_min == 1 && r.rating_max == 5);
        assert_int_equal(r.best_epoch, 60);
        for (uint32_t u = 0; u < PARITY_USERS; u++) {
            for (uint32_t i = 0; i < PARITY_ITEMS; i++)
                if (is_withheld(u, i) && !(fabs(predict(&r, 8, u, i) - (double)parity(u, i)) < 0.5))
                    fail_msg("user %u, item %u: %g", u, i, predict(&r, 8, u, i));
            /* Of the two withheld, item u is first. */
            assert_true(predict(&r, 8, u, u % PARITY_ITEMS) >
                        predict(&r, 8, u, (u + 1) % PARITY_ITEMS));
        }
        mf_trainer_destroy(trainer);
        mf_ratings_destroy(ratings);
    }
}

static float all_four(uint32_t user, uint32_t item)
{
    return isnan(rank_two(user, item)) ? NAN : 4;
}

static void equal_ratings_predict_that_rating(void **state)
{
    (void)state;
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(20, 15, all_four);
    mf_trainer *trainer = train(&h, ratings, NULL);
    const mf_trainer_result r = get_result(trainer);
    assert_true(r.global_mean == 4 && r.rating_min == 4 && r.rating_max == 4);
    for (uint32_t u = 0; u < 20; u++)
        for (uint32_t i = 0; i < 15; i++)
            assert_true(fabs(predict(&r, 8, u, i) - 4) < 1e-6);
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

static float three_and_a_half(uint32_t user, uint32_t item)
{
    (void)user, (void)item;
    return 3.5f;
}

static void one_rating_is_enough(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_threads = 4;
    mf_ratings *ratings = make_ratings(1, 1, three_and_a_half);
    mf_ratings_rows rows = make_rows(1, 1, three_and_a_half);
    mf_trainer *trainer = train(&h, ratings, &rows);
    const mf_trainer_result r = get_result(trainer);
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
    assert_int_equal(n, 10);
    assert_true(epochs[9].train_rmse == 0 && epochs[9].validation_rmse == 0);
    assert_true(predict(&r, 8, 0, 0) == 3.5);
    mf_trainer_destroy(trainer);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static float few_users(uint32_t user, uint32_t item)
{
    return 1 + (float)((user * 7 + item * 3) % 5);
}

static void odd_shapes_train(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1000}, {1000, 1}, {3, 1000}, {2, 2}, {9, 8}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (uint32_t n_factors = 1; n_factors < 40; n_factors += 15) {
            mf_hyperparameters h = small_run();
            h.n_factors = n_factors;
            h.n_threads = 3;
            mf_ratings *ratings = make_ratings(shapes[s][0], shapes[s][1], few_users);
            mf_trainer *trainer = train(&h, ratings, NULL);
            const mf_trainer_result r = get_result(trainer);
            uint32_t n;
            const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
            assert_true(epochs[n - 1].train_rmse <= epochs[0].train_rmse);
            assert_true(isfinite(predict(&r, n_factors, 0, shapes[s][1] - 1)));
            mf_trainer_destroy(trainer);
            mf_ratings_destroy(ratings);
        }
}

static void an_epochs_figure_is_that_of_the_errors_it_met(void **state)
{
    (void)state;
    /* With a step of next to nothing the errors are those from the mean. */
    mf_hyperparameters h = small_run();
    h.learning_rate = h.bias_learning_rate = 1e-12;
    h.implicit_rate = 0;
    mf_ratings *ratings = make_ratings(60, 50, rank_two);
    mf_ratings_rows rows = make_rows(60, 50, rank_two_held_out);
    mf_trainer *trainer = train(&h, ratings, &rows);
    double mean = 0, squares = 0, held_out = 0, absolutes = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        mean += (double)ratings->value[k] / (double)ratings->n_ratings;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        squares += pow((double)ratings->value[k] - mean, 2) / (double)ratings->n_ratings;
    for (uint64_t k = 0; k < rows.n; k++) {
        held_out += pow((double)rows.value[k] - mean, 2) / (double)rows.n;
        absolutes += fabs((double)rows.value[k] - mean) / (double)rows.n;
    }
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
    for (uint32_t e = 0; e < n; e++) {
        assert_int_equal(epochs[e].epoch, e + 1);
        assert_true(fabs(epochs[e].train_rmse - sqrt(squares)) < 1e-5);
        assert_true(fabs(epochs[e].validation_rmse - sqrt(held_out)) < 1e-5);
        assert_true(fabs(epochs[e].validation_mae - absolutes) < 1e-5);
    }
    mf_trainer_destroy(trainer);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

/* --- what the result does not depend on ---------------------------------- */

static void threads_and_cpus_give_the_same_bits(void **state)
{
    (void)state;
    static const struct {
        const char *cpu;
        uint32_t n_threads;
    } ways[] = {{"sse2", 1}, {NULL, 1},   {NULL, 2},   {NULL, 3},
                {NULL, 8},   {"avx2", 2}, {"sse2", 3}, {"avx512", 8}};
    mf_ratings *ratings = make_ratings(120, 90, rank_two);
    mf_ratings_rows rows = make_rows(120, 90, rank_two_held_out);
    for (uint32_t n_factors = 8; n_factors <= 72; n_factors += 32) {
        mf_trainer *first = NULL;
        mf_trainer_result expected = {0};
        for (size_t c = 0; c < sizeof ways / sizeof ways[0]; c++) {
            mf_hyperparameters h = small_run();
            h.n_factors = n_factors;
            h.n_epochs = 4;
            h.n_threads = ways[c].n_threads;
            if (ways[c].cpu != NULL)
                setenv("MF_CPU", ways[c].cpu, 1);
            mf_trainer *trainer = train(&h, ratings, &rows);
            unsetenv("MF_CPU");
            assert_string_not_equal(mf_trainer_cpu(trainer), "");
            const mf_trainer_result r = get_result(trainer);
            if (first == NULL) {
                first = trainer;
                expected = r;
                continue;
            }
            assert_true(same_result(&r, &expected, 120, 90, n_factors));
            assert_same_epochs(trainer, first);
            assert_true(mf_trainer_fingerprint(trainer) == mf_trainer_fingerprint(first));
            mf_trainer_destroy(trainer);
        }
        mf_trainer_destroy(first);
    }
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static float scale_factor = 1, scale_constant;

static float scaled_rank_two(uint32_t user, uint32_t item)
{
    return rank_two(user, item) * scale_factor + scale_constant;
}

static void ratings_on_another_scale_give_the_same_model_on_that_scale(void **state)
{
    (void)state;
    static const struct {
        float factor, constant;
    } scales[] = {{20, 0}, {0.001f, 0}, {1, 100}, {1, -3}, {25, 7}, {1e15f, 0}};
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    mf_trainer *trainer = train(&h, ratings, NULL);
    const mf_trainer_result base = get_result(trainer);
    for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++) {
        scale_factor = scales[s].factor;
        scale_constant = scales[s].constant;
        mf_ratings *other = make_ratings(50, 40, scaled_rank_two);
        mf_trainer *again = train(&h, other, NULL);
        const mf_trainer_result r = get_result(again);
        for (uint32_t u = 0; u < 50; u++)
            for (uint32_t i = 0; i < 40; i++) {
                const double back =
                    (predict(&r, 8, u, i) - (double)scale_constant) / (double)scale_factor;
                if (!(fabs(back - predict(&base, 8, u, i)) < 1e-3))
                    fail_msg("ratings × %g + %g: %g, expected %g", (double)scale_factor,
                             (double)scale_constant, back, predict(&base, 8, u, i));
            }
        uint32_t n;
        const double rmse = mf_trainer_epochs(trainer, &n)[9].train_rmse;
        const double scaled = mf_trainer_epochs(again, &n)[9].train_rmse;
        assert_true(fabs(scaled / (double)scale_factor - rmse) < 1e-4);
        mf_trainer_destroy(again);
        mf_ratings_destroy(other);
    }
    scale_factor = 1;
    scale_constant = 0;
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

/* Bits, not values: mf_model_write refuses minus zero, which comes of a decay below
 * zero. */
static void padding_stays_zero_through_a_run(void **state)
{
    (void)state;
    static const double regularizations[] = {0.08, 2.1};
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    for (int c = 0; c < 2; c++) {
        mf_hyperparameters h = small_run();
        h.n_factors = 19;
        h.learning_rate = c == 0 ? 0.025 : 0.6;
        h.learning_rate_decay = 1;
        h.user_regularization = h.item_regularization = regularizations[c];
        mf_trainer *trainer = train(&h, ratings, NULL);
        const mf_trainer_result r = get_result(trainer);
        static const float zeros[13];
        for (size_t u = 0; u < 50; u++)
            assert_memory_equal(r.user_factors + u * 32 + 19, zeros, sizeof zeros);
        for (size_t i = 0; i < 40; i++)
            assert_memory_equal(r.item_factors + i * 32 + 19, zeros, sizeof zeros);
        assert_int_equal((uintptr_t)r.user_factors % 64, 0);
        assert_int_equal((uintptr_t)r.item_factors % 64, 0);
        mf_trainer_destroy(trainer);
    }
    mf_ratings_destroy(ratings);
}

/* --- hyperparameters ----------------------------------------------------- */

static void each_hyperparameter_changes_the_model(void **state)
{
    (void)state;
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    const mf_hyperparameters base = small_run();
    mf_trainer *trainer = train(&base, ratings, NULL);
    const mf_trainer_result expected = get_result(trainer);
    const struct {
        const char *name;
        mf_hyperparameters h;
    } cases[] = {
#define CASE(field, value)                                                                         \
    {#field, ({                                                                                    \
         mf_hyperparameters h = base;                                                              \
         h.field = (value);                                                                        \
         h;                                                                                        \
     })}
        CASE(n_epochs, 11),
        CASE(learning_rate, 0.03),
        CASE(bias_learning_rate, 0.006),
        CASE(learning_rate_decay, 0.2),
        CASE(user_regularization, 0.07),
        CASE(item_regularization, 0.07),
        CASE(user_bias_regularization, 0.03),
        CASE(item_bias_regularization, 0.03),
        CASE(implicit_rate, 0.5),
        CASE(implicit_rate, 0),
        CASE(implicit_damping, 6),
        CASE(init_scale, 0.3),
        CASE(seed, 2),
        CASE(n_factors, 9),
#undef CASE
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_trainer *other = train(&cases[c].h, ratings, NULL);
        const mf_trainer_result r = get_result(other);
        if (same_result(&r, &expected, 50, 40, 8))
            fail_msg("%s does not change the model", cases[c].name);
        mf_trainer_destroy(other);
    }
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

static void a_bias_learning_rate_of_zero_leaves_the_biases_at_zero(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.bias_learning_rate = 0;
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    mf_trainer *trainer = train(&h, ratings, NULL);
    const mf_trainer_result r = get_result(trainer);
    for (size_t u = 0; u < 50; u++)
        assert_true(r.user_bias[u] == 0);
    for (size_t i = 0; i < 40; i++)
        assert_true(r.item_bias[i] == 0);
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

/* Any value that train/settings.c lets through learns or says that it diverged. */
static void hyperparameters_at_the_ends_of_their_ranges_learn_or_diverge(void **state)
{
    (void)state;
    const mf_hyperparameters base = small_run();
    const struct {
        const char *name;
        mf_hyperparameters h;
        bool learns;
    } cases[] = {
#define CASE(field, value, learns)                                                                 \
    {#field " = " #value, ({                                                                       \
         mf_hyperparameters h = base;                                                              \
         h.field = (value);                                                                        \
         h;                                                                                        \
     }),                                                                                           \
     learns}
        CASE(n_factors, 4096, true),
        CASE(n_epochs, 1, true),
        CASE(learning_rate, 1e-300, true),
        CASE(learning_rate, 10, false),
        CASE(bias_learning_rate, 10, false),
        CASE(learning_rate_decay, 0, true),
        CASE(learning_rate_decay, 1, true),
        CASE(user_regularization, 0, true),
        CASE(user_regularization, 10, true),
        CASE(item_regularization, 10, true),
        CASE(user_bias_regularization, 10, true),
        CASE(item_bias_regularization, 10, true),
        CASE(implicit_rate, 1e-300, true),
        CASE(implicit_rate, 1e-37, true),
        CASE(implicit_rate, 1.99, true),
        CASE(implicit_damping, 0, true),
        CASE(implicit_damping, 1e6, true),
        CASE(init_scale, 1e-300, true),
        CASE(seed, UINT64_MAX, true),
        CASE(seed, 0, true),
#undef CASE
    };
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        bool ok = true, ended;
        mf_trainer *trainer = new_trainer(&cases[c].h, ratings, NULL, NULL);
        while (ok && !mf_trainer_done(trainer))
            ok = mf_trainer_step(trainer, &ended, &err);
        if (ok != cases[c].learns)
            fail_msg("%s: %s", cases[c].name, ok ? "learns" : err.text);
        if (ok)
            get_result(trainer);
        else
            assert_error(&err, MF_ERR_DIVERGED, "learning_rate");
        mf_trainer_destroy(trainer);
    }
    mf_ratings_destroy(ratings);
}

/* --- divergence ---------------------------------------------------------- */

static void divergence_is_an_error_with_advice_and_no_result(void **state)
{
    (void)state;
    static const double rates[] = {1, 3, 10, 1e3, 1e30};
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    mf_ratings_rows rows = make_rows(50, 40, rank_two_held_out);
    for (size_t c = 0; c < 5; c++)
        for (int implicit = 0; implicit < 2; implicit++)
            for (int validated = 0; validated < 2; validated++) {
                mf_error err = {0};
                bool ok = true, ended;
                mf_hyperparameters h = small_run();
                h.learning_rate = rates[c];
                h.learning_rate_decay = 1;
                h.implicit_rate = implicit;
                mf_trainer *trainer = new_trainer(&h, ratings, validated ? &rows : NULL, NULL);
                while (ok && !mf_trainer_done(trainer)) {
                    ok = mf_trainer_step(trainer, &ended, &err);
                    /* Whatever can be had on the way is finite. */
                    mf_error at_once = {0};
                    mf_trainer_result r;
                    uint32_t n;
                    const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
                    for (uint32_t e = 0; e < n; e++)
                        assert_true(fabs(epochs[e].train_rmse) < (double)INFINITY &&
                                    fabs(epochs[e].validation_rmse) < (double)INFINITY);
                    if (!mf_trainer_result_get(trainer, &r, &at_once))
                        continue;
                    for (uint32_t u = 0; u < 50; u++)
                        for (uint32_t i = 0; i < 40; i++)
                            assert_true(fabs(predict(&r, 8, u, i)) < (double)INFINITY);
                }
                if (rates[c] >= 10) {
                    assert_false(ok);
                    assert_error(&err, MF_ERR_DIVERGED, "training diverged in epoch 1 with");
                    assert_error(&err, MF_ERR_DIVERGED, "try a smaller learning_rate");
                }
                mf_trainer_destroy(trainer);
            }
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

/* --- validation and early stopping --------------------------------------- */

static void early_stopping_keeps_the_best_epoch(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 200;
    h.learning_rate = 0.05;
    h.early_stopping_patience = 3;
    mf_ratings *ratings = make_ratings(50, 40, noise);
    mf_ratings_rows rows = make_rows(50, 40, noise_held_out);
    mf_trainer *trainer = train(&h, ratings, &rows);
    assert_true(mf_trainer_stopped_early(trainer));
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
    uint32_t best = 0;
    for (uint32_t e = 0; e < n; e++) {
        const bool is_best = e == 0 || epochs[e].validation_rmse < epochs[best].validation_rmse;
        assert_int_equal(epochs[e].is_best, is_best);
        best = is_best ? e : best;
    }
    assert_int_equal(n, best + 1 + 3);
    assert_true(n < 200);
    const mf_trainer_result r = get_result(trainer);
    assert_int_equal(r.best_epoch, best + 1);

    /* It is the state that a run without validation is in after that epoch. */
    mf_trainer *plain = new_trainer(&h, ratings, NULL, NULL);
    run_epochs(plain, best + 1);
    const mf_trainer_result at_best = get_result(plain);
    assert_int_equal(at_best.best_epoch, best + 1);
    assert_true(same_result(&r, &at_best, 50, 40, 8));

    /* A step after the end does nothing and is no error. */
    mf_error err = {0};
    bool ended = true;
    assert_ok(mf_trainer_step(trainer, &ended, &err), err);
    assert_false(ended);
    mf_trainer_epochs(trainer, &n);
    assert_int_equal(n, best + 4);

    mf_trainer_destroy(plain);
    mf_trainer_destroy(trainer);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void without_patience_all_epochs_run_and_the_best_one_is_kept(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 30;
    h.learning_rate = 0.05;
    mf_ratings *ratings = make_ratings(50, 40, noise);
    mf_ratings_rows rows = make_rows(50, 40, noise_held_out);
    mf_trainer *trainer = train(&h, ratings, &rows);
    uint32_t n;
    mf_trainer_epochs(trainer, &n);
    assert_int_equal(n, 30);
    assert_false(mf_trainer_stopped_early(trainer));
    assert_true(get_result(trainer).best_epoch < 30);
    mf_trainer_destroy(trainer);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

static void the_validation_figure_is_that_of_the_result(void **state)
{
    (void)state;
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(60, 50, rank_two);
    mf_ratings_rows rows = make_rows(60, 50, rank_two_held_out);
    mf_trainer *trainer = train(&h, ratings, &rows);
    const mf_trainer_result r = get_result(trainer);
    double squares = 0;
    for (uint64_t k = 0; k < rows.n; k++)
        squares +=
            pow((double)rows.value[k] - predict_clipped(&r, 8, rows.user[k], rows.item[k]), 2);
    uint32_t n;
    const mf_epoch *epochs = mf_trainer_epochs(trainer, &n);
    assert_true(fabs(epochs[r.best_epoch - 1].validation_rmse - sqrt(squares / (double)rows.n)) <
                1e-5);
    mf_trainer_destroy(trainer);
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

/* --- warm start ---------------------------------------------------------- */

/* What a trainer looks at of an base model. */
static mf_model_parts parts_of(const mf_trainer_result *r, uint32_t n_users, uint32_t n_items,
                               uint32_t n_factors)
{
    return (mf_model_parts){
        .n_users = n_users,
        .n_items = n_items,
        .n_factors = n_factors,
        .global_mean = r->global_mean,
        .rating_min = r->rating_min,
        .rating_max = r->rating_max,
        .user_bias = r->user_bias,
        .item_bias = r->item_bias,
        .user_factors = r->user_factors,
        .item_factors = r->item_factors,
    };
}

/* Users 40 … 49 and item 30 are new; users from 20 on and items from 10 on have
 * new ratings. */
static float later(uint32_t user, uint32_t item)
{
    return user < 20 || item < 10 ? NAN : rank_two(user, item);
}

static void a_warm_start_leaves_alone_what_no_new_rating_touches(void **state)
{
    (void)state;
    static const double implicit_rates[] = {0, 1};
    for (int c = 0; c < 2; c++) {
        mf_hyperparameters h = small_run();
        h.n_factors = 19;
        h.implicit_rate = implicit_rates[c];
        mf_ratings *before = make_ratings(40, 30, rank_two);
        mf_ratings *after = make_ratings(50, 31, later);
        mf_trainer *first = train(&h, before, NULL);
        const mf_trainer_result old = get_result(first);
        const mf_model_parts base = parts_of(&old, 40, 30, 19);
        mf_trainer *second = new_trainer(&h, after, NULL, &base);
        run_epochs(second, UINT32_MAX);
        const mf_trainer_result new = get_result(second);
        assert_true(new.global_mean == old.global_mean);
        assert_true(new.rating_min <= old.rating_min &&new.rating_max >= old.rating_max);
        for (uint32_t u = 0; u < 20; u++) {
            for (uint32_t i = 0; i < 10; i++)
                assert_true(fabs(predict(&new, 19, u, i) - predict(&old, 19, u, i)) < 1e-5);
            for (size_t f = 0; f < 32; f++)
                assert_true(fabsf(new.user_factors[u * 32 + f] - old.user_factors[u * 32 + f]) <
                            1e-6f);
        }
        bool moved = false;
        for (uint32_t u = 20; u < 40; u++)
            moved = moved || fabs(predict(&new, 19, u, 20) - predict(&old, 19, u, 20)) > 1e-3;
        assert_true(moved);
        /* The new users are learned too: better than the mean of all. */
        double squares = 0, from_mean = 0;
        for (uint32_t u = 40; u < 50; u++)
            for (uint32_t i = 10; i < 31; i++)
                if (!isnan(later(u, i))) {
                    const double r = (double)later(u, i);
                    squares += pow(r - predict(&new, 19, u, i), 2);
                    from_mean += pow(r - (double)new.global_mean, 2);
                }
        assert_true(squares < 0.8 * from_mean);
        mf_trainer_destroy(first);
        mf_trainer_destroy(second);
        mf_ratings_destroy(before);
        mf_ratings_destroy(after);
    }
}

static void a_warm_start_begins_where_the_base_model_ended(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 40;
    mf_ratings *ratings = make_ratings(50, 40, rank_two);
    mf_trainer *first = train(&h, ratings, NULL);
    const mf_trainer_result old = get_result(first);
    const mf_model_parts base = parts_of(&old, 50, 40, 8);
    mf_hyperparameters still = h;
    still.n_epochs = 1;
    still.learning_rate = still.bias_learning_rate = 1e-12;
    still.implicit_rate = 0;
    mf_trainer *second = new_trainer(&still, ratings, NULL, &base);
    run_epochs(second, UINT32_MAX);
    const mf_trainer_result new = get_result(second);
    for (uint32_t u = 0; u < 50; u++)
        for (uint32_t i = 0; i < 40; i++)
            assert_true(fabs(predict(&new, 8, u, i) - predict(&old, 8, u, i)) < 1e-5);
    mf_trainer_destroy(first);
    mf_trainer_destroy(second);
    mf_ratings_destroy(ratings);
}

/* Few new ratings say little about the scale: theirs must not become the run's. */
static float nearly_equal(uint32_t user, uint32_t item)
{
    return user < 4 && item < 10 ? 5 - 0.001f * (float)(item % 2) : NAN;
}

static void a_warm_start_from_nearly_equal_ratings_does_not_diverge(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_hyperparameters h = small_run();
    h.n_epochs = 40;
    mf_ratings *before = make_ratings(50, 40, rank_two);
    mf_ratings *after = make_ratings(50, 40, nearly_equal);
    assert_true(after->n_ratings == 40);
    mf_trainer *first = train(&h, before, NULL);
    const mf_trainer_result old = get_result(first);
    const mf_model_parts base = parts_of(&old, 50, 40, 8);
    mf_trainer *second = new_trainer(&h, after, NULL, &base);
    bool ended;
    while (!mf_trainer_done(second))
        assert_ok(mf_trainer_step(second, &ended, &err), err);
    const mf_trainer_result new = get_result(second);
    for (uint32_t u = 0; u < 4; u++)
        for (uint32_t i = 0; i < 10; i++)
            assert_true(fabs(predict(&new, 8, u, i) - 5) < 1);
    mf_trainer_destroy(first);
    mf_trainer_destroy(second);
    mf_ratings_destroy(before);
    mf_ratings_destroy(after);
}

static void a_warm_start_rejects_a_base_model_of_another_shape(void **state)
{
    (void)state;
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(20, 15, rank_two);
    mf_trainer *trainer = train(&h, ratings, NULL);
    const mf_trainer_result r = get_result(trainer);
    const mf_model_parts wrong[] = {
        parts_of(&r, 21, 15, 8),
        parts_of(&r, 20, 16, 8),
        parts_of(&r, 20, 15, 9),
    };
    for (size_t c = 0; c < 3; c++) {
        mf_error err = {0};
        const mf_trainer_input input = {.ratings = ratings, .base = &wrong[c]};
        assert_null(mf_trainer_create(&h, &input, &err));
        assert_error(&err, MF_ERR_ARGUMENT, "another shape");
    }
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

/* --- errors -------------------------------------------------------------- */

static float none(uint32_t user, uint32_t item)
{
    (void)user, (void)item;
    return NAN;
}

static void no_rating_is_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(3, 3, none);
    const mf_trainer_input input = {.ratings = ratings};
    assert_null(mf_trainer_create(&h, &input, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "no rating to learn from");
    mf_ratings_destroy(ratings);
}

static void there_is_no_result_before_the_first_epoch(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_trainer_result r;
    const mf_hyperparameters h = small_run();
    mf_ratings *ratings = make_ratings(5, 5, rank_two);
    mf_trainer *trainer = new_trainer(&h, ratings, NULL, NULL);
    assert_false(mf_trainer_result_get(trainer, &r, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "no epoch is done");
    assert_true(mf_trainer_fraction(trainer) == 0);
    mf_trainer_destroy(trainer);
    mf_ratings_destroy(ratings);
}

static void create_step_and_result_are_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    mf_hyperparameters h = small_run();
    h.n_epochs = 2;
    h.n_threads = 2;
    mf_ratings *ratings = make_ratings(20, 15, rank_two);
    mf_ratings_rows rows = make_rows(20, 15, rank_two_held_out);
    for (int validated = 0; validated < 2; validated++) {
        const mf_trainer_input input = {.ratings = ratings, .validation = validated ? &rows : NULL};
        bool done = false;
        size_t n = 1;
        for (; !done; n++) {
            mf_error err = {0};
            mf_trainer_result r;
            bool ended;
            mf_memory_fail_nth(n);
            mf_trainer *trainer = mf_trainer_create(&h, &input, &err);
            bool ok = trainer != NULL;
            while (ok && !mf_trainer_done(trainer))
                ok = mf_trainer_step(trainer, &ended, &err);
            done = ok && mf_trainer_result_get(trainer, &r, &err);
            mf_memory_fail_nth(0);
            if (!done)
                assert_error(&err, MF_ERR_MEMORY, "no memory");
            mf_trainer_destroy(trainer);
            assert_true(n < 200);
        }
        assert_true(n > 15);
    }
    mf_ratings_rows_clear(&rows);
    mf_ratings_destroy(ratings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ratings_of_a_plain_pattern_are_predicted_where_they_were_withheld),
        cmocka_unit_test(equal_ratings_predict_that_rating),
        cmocka_unit_test(one_rating_is_enough),
        cmocka_unit_test(odd_shapes_train),
        cmocka_unit_test(an_epochs_figure_is_that_of_the_errors_it_met),
        cmocka_unit_test(threads_and_cpus_give_the_same_bits),
        cmocka_unit_test(ratings_on_another_scale_give_the_same_model_on_that_scale),
        cmocka_unit_test(padding_stays_zero_through_a_run),
        cmocka_unit_test(each_hyperparameter_changes_the_model),
        cmocka_unit_test(a_bias_learning_rate_of_zero_leaves_the_biases_at_zero),
        cmocka_unit_test(hyperparameters_at_the_ends_of_their_ranges_learn_or_diverge),
        cmocka_unit_test(divergence_is_an_error_with_advice_and_no_result),
        cmocka_unit_test(early_stopping_keeps_the_best_epoch),
        cmocka_unit_test(without_patience_all_epochs_run_and_the_best_one_is_kept),
        cmocka_unit_test(the_validation_figure_is_that_of_the_result),
        cmocka_unit_test(a_warm_start_leaves_alone_what_no_new_rating_touches),
        cmocka_unit_test(a_warm_start_begins_where_the_base_model_ended),
        cmocka_unit_test(a_warm_start_from_nearly_equal_ratings_does_not_diverge),
        cmocka_unit_test(a_warm_start_rejects_a_base_model_of_another_shape),
        cmocka_unit_test(no_rating_is_refused),
        cmocka_unit_test(there_is_no_result_before_the_first_epoch),
        cmocka_unit_test(create_step_and_result_are_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
