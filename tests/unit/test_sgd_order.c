/* test_sgd_order.c: a whole training against one that goes through the blocks one after
 * another, as a ring of hosts does: lap after lap in the order of the rounds (grid.h).
 * The same bits, so every sum has the order that the headers promise. */
#include "sgd_testing.h"

#include "base/id_list.h"
#include "sgd/grid.h"
#include "sgd/kernels.h"
#include "sgd/parameters.h"

/* Training as it would go round, on plain arrays. */
typedef struct ring {
    const mf_hyperparameters *h;
    const mf_ratings *ratings;
    const mf_ratings_rows *rows;
    mf_grid grid;
    mf_parameters p;
    mf_parameters best;
    uint32_t *user_count, *item_count; /* by row */
    float *x, *z;
    double *loss;    /* [blocks] */
    double *squares; /* [user_blocks + 1] of held-out ratings */
    double *absolutes;
    uint32_t user_block; /* where a lap is */
    uint32_t item_block;
} ring;

static void *zeros(size_t count, size_t size)
{
    mf_error err = {0};
    void *block = mf_allocate(count, size, "the ring", &err);
    assert_ok(block != NULL, err);
    return block;
}

/* What a lap does at a block. */
typedef void visit(ring *r, size_t c, const void *argument);

static void lap(ring *r, visit *at_block, const void *argument)
{
    const uint64_t users = r->grid.user_blocks, items = r->grid.item_blocks;
    const uint64_t longer = users > items ? users : items;
    const uint64_t shorter = users > items ? items : users;
    for (uint64_t round = 0; round < longer; round++)
        for (uint64_t w = 0; w < shorter; w++) {
            const uint64_t other = (w * longer / shorter + round) % longer;
            r->user_block = (uint32_t)(users > items ? other : w);
            r->item_block = (uint32_t)(users > items ? w : other);
            at_block(r, r->user_block * items + r->item_block, argument);
        }
}

static void learn(ring *r, size_t c, const void *rates)
{
    const mf_grid *g = &r->grid;
    r->loss[c] = mf_sgd_kernel_choose()->block(rates, g->segments + g->segment_start[c],
                                               g->segment_start[c + 1] - g->segment_start[c],
                                               g->ratings + g->rating_start[c]);
}

static void add_items_to_users(ring *r, size_t c, const void *argument)
{
    (void)argument;
    const size_t stride = r->p.stride;
    const mf_grid_rating *rating = r->grid.ratings + r->grid.rating_start[c];
    for (uint64_t s = r->grid.segment_start[c]; s < r->grid.segment_start[c + 1]; s++)
        for (uint32_t i = 0; i < r->grid.segments[s].count; i++, rating++)
            for (size_t f = 0; f < stride; f++)
                r->x[rating->user_row * stride + f] +=
                    r->p.item_factors[r->grid.segments[s].item_row * stride + f];
}

static void add_users_to_items(ring *r, size_t c, const void *argument)
{
    (void)argument;
    const size_t stride = r->p.stride;
    const mf_grid_rating *rating = r->grid.ratings + r->grid.rating_start[c];
    for (uint64_t s = r->grid.segment_start[c]; s < r->grid.segment_start[c + 1]; s++)
        for (uint32_t i = 0; i < r->grid.segments[s].count; i++, rating++)
            for (size_t f = 0; f < stride; f++)
                r->z[r->grid.segments[s].item_row * stride + f] +=
                    r->x[rating->user_row * stride + f];
}

/* implicit.h's equations in two laps. */
static void move_priors(ring *r)
{
    const size_t stride = r->p.stride;
    const float rate = (float)r->h->implicit_rate, damping = (float)r->h->implicit_damping;
    const size_t n_items = r->grid.n_items * stride, n_users = r->grid.n_users * stride;
    for (size_t at = 0; at < n_items; at++)
        r->p.item_factors[at] -= r->z[at];
    for (size_t at = 0; at < n_users; at++)
        r->x[at] *= (float)r->user_count[at / stride] / rate;
    lap(r, add_items_to_users, NULL);
    for (size_t at = 0; at < n_users; at++)
        r->x[at] *= r->user_count[at / stride] > 0 ? rate / (float)r->user_count[at / stride] : 0;
    memset(r->z, 0, n_items * sizeof *r->z);
    lap(r, add_users_to_items, NULL);
    for (size_t at = 0; at < n_items; at++) {
        r->z[at] *=
            r->item_count[at / stride] > 0 ? 1 / ((float)r->item_count[at / stride] + damping) : 0;
        r->p.item_factors[at] += r->z[at];
    }
}

static bool is_in(const uint32_t *block_row, uint32_t block, uint32_t row)
{
    return row >= block_row[block] && row < block_row[block + 1];
}

static void add_error(ring *r, uint32_t group, uint64_t k)
{
    const mf_parameters *p = &r->p;
    const float predicted = mf_parameters_predict(p, r->rows->user[k], r->rows->item[k]) * p->scale;
    const double error = (double)r->rows->value[k] -
                         fmin(fmax((double)predicted + (double)p->mean, (double)p->rating_min),
                              (double)p->rating_max);
    r->squares[group] += error * error;
    r->absolutes[group] += fabs(error);
}

/* Held-out ratings of known items; unknown users are with the last user-block, in a
 * group of their own. */
static void check(ring *r, size_t c, const void *argument)
{
    (void)c;
    (void)argument;
    const mf_grid *g = &r->grid;
    for (uint64_t k = 0; k < r->rows->n; k++) {
        const uint32_t user = r->rows->user[k], item = r->rows->item[k];
        if (item == MF_INDEX_NONE || !is_in(g->item_block_row, r->item_block, g->item_row[item]))
            continue;
        if (user == MF_INDEX_NONE && r->user_block == g->user_blocks - 1)
            add_error(r, g->user_blocks, k);
        if (user != MF_INDEX_NONE && is_in(g->user_block_row, r->user_block, g->user_row[user]))
            add_error(r, r->user_block, k);
    }
}

static void validate(ring *r, mf_epoch *epoch)
{
    const mf_grid *g = &r->grid;
    memset(r->squares, 0, (g->user_blocks + 1) * sizeof *r->squares);
    memset(r->absolutes, 0, (g->user_blocks + 1) * sizeof *r->absolutes);
    lap(r, check, NULL);
    for (uint32_t a = 0; a <= g->user_blocks; a++)
        for (uint64_t k = 0; k < r->rows->n; k++) {
            const uint32_t user = r->rows->user[k];
            const bool is_here =
                user == MF_INDEX_NONE
                    ? a == g->user_blocks
                    : a < g->user_blocks && is_in(g->user_block_row, a, g->user_row[user]);
            if (is_here && r->rows->item[k] == MF_INDEX_NONE)
                add_error(r, a, k);
        }
    double squares = 0, absolutes = 0;
    for (uint32_t a = 0; a <= g->user_blocks; a++) {
        squares += r->squares[a];
        absolutes += r->absolutes[a];
    }
    epoch->validation_rmse = sqrt(squares / (double)r->rows->n);
    epoch->validation_mae = absolutes / (double)r->rows->n;
}

/* kernels.h: rates of an epoch, linear from 1 to the decay. */
static mf_sgd_rates rates_of(const ring *r, uint32_t epoch)
{
    const mf_hyperparameters *h = r->h;
    const double fall = 1 - (1 - h->learning_rate_decay) * epoch / h->n_epochs;
    const double rate = h->learning_rate * fall, bias_rate = h->bias_learning_rate * fall;
    mf_sgd_rates rates = {
        .user_factors = r->p.user_factors,
        .item_factors = r->p.item_factors,
        .item_priors = r->z,
        .user_bias = r->p.user_bias,
        .item_bias = r->p.item_bias,
        .stride = r->p.stride,
        .learning_rate = (float)rate,
        .bias_learning_rate = (float)bias_rate,
        .user_decay = (float)(1 - rate * h->user_regularization),
        .user_bias_decay = (float)(1 - bias_rate * h->user_bias_regularization),
    };
    double item = 1, bias = 1;
    for (int n = 0; n <= MF_SGD_GROUP; n++) {
        rates.item_decay[n] = (float)item;
        rates.item_bias_decay[n] = (float)bias;
        item *= 1 - rate * h->item_regularization;
        bias *= 1 - bias_rate * h->item_bias_regularization;
    }
    return rates;
}

static ring ring_create(const mf_hyperparameters *h, const mf_ratings *ratings,
                        const mf_ratings_rows *rows)
{
    mf_error err = {0};
    ring r = {.h = h, .ratings = ratings, .rows = rows};
    double sum = 0, squares = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        sum += (double)ratings->value[k];
    const double mean = sum / (double)ratings->n_ratings;
    r.p = (mf_parameters){.n_users = ratings->n_users,
                          .n_items = ratings->n_items,
                          .n_factors = h->n_factors,
                          .mean = (float)mean,
                          .rating_min = ratings->value[0],
                          .rating_max = ratings->value[0]};
    for (uint64_t k = 0; k < ratings->n_ratings; k++) {
        const double away = (double)ratings->value[k] - mean;
        squares += away * away;
        r.p.rating_min = fminf(r.p.rating_min, ratings->value[k]);
        r.p.rating_max = fmaxf(r.p.rating_max, ratings->value[k]);
    }
    r.p.scale = (float)sqrt(squares / (double)ratings->n_ratings);
    assert_ok(mf_parameters_allocate(&r.p, &err), err);
    assert_ok(mf_grid_create(&r.grid, ratings, r.p.mean, r.p.scale, r.p.stride, 1, &err), err);
    r.p.user_row = r.grid.user_row;
    r.p.item_row = r.grid.item_row;
    mf_parameters_start(&r.p, (float)h->init_scale, h->seed, 0);
    for (uint32_t u = 0; u < ratings->n_users; u++) /* users without ratings stay at zero */
        if (ratings->user_start[u] == ratings->user_start[u + 1])
            memset(r.p.user_factors + r.p.user_row[u] * r.p.stride, 0, r.p.stride * sizeof(float));
    r.best =
        (mf_parameters){.n_users = r.p.n_users, .n_items = r.p.n_items, .n_factors = r.p.n_factors};
    assert_ok(mf_parameters_allocate(&r.best, &err), err);
    r.user_count = zeros(ratings->n_users, sizeof *r.user_count);
    r.item_count = zeros(ratings->n_items, sizeof *r.item_count);
    for (uint32_t u = 0; u < ratings->n_users; u++)
        for (uint64_t k = ratings->user_start[u]; k < ratings->user_start[u + 1]; k++) {
            r.user_count[r.grid.user_row[u]]++;
            r.item_count[r.grid.item_row[ratings->item[k]]]++;
        }
    r.x = zeros(ratings->n_users, r.p.stride * sizeof *r.x);
    r.z = zeros(ratings->n_items, r.p.stride * sizeof *r.z);
    r.loss = zeros((size_t)r.grid.user_blocks * r.grid.item_blocks, sizeof *r.loss);
    r.squares = zeros((size_t)r.grid.user_blocks + 1, sizeof *r.squares);
    r.absolutes = zeros((size_t)r.grid.user_blocks + 1, sizeof *r.absolutes);
    return r;
}

static void ring_destroy(ring *r)
{
    mf_grid_release(&r->grid);
    mf_parameters_release(&r->p);
    mf_parameters_release(&r->best);
    mf_free(r->user_count);
    mf_free(r->item_count);
    mf_free(r->x);
    mf_free(r->z);
    mf_free(r->loss);
    mf_free(r->squares);
    mf_free(r->absolutes);
}

/* All epochs; the best one is in r->best, as an exported model. */
static void ring_run(ring *r, mf_epoch *epochs)
{
    double best = INFINITY;
    for (uint32_t e = 0; e < r->h->n_epochs; e++) {
        const mf_sgd_rates rates = rates_of(r, e);
        double squares = 0;
        lap(r, learn, &rates);
        for (size_t c = 0; c < (size_t)r->grid.user_blocks * r->grid.item_blocks; c++)
            squares += r->loss[c];
        epochs[e] = (mf_epoch){
            .epoch = e + 1,
            .train_rmse = sqrt(squares / (double)r->ratings->n_ratings) * (double)r->p.scale,
        };
        move_priors(r);
        validate(r, &epochs[e]);
        if (epochs[e].validation_rmse < best) {
            best = epochs[e].validation_rmse;
            mf_parameters_export(&r->best, &r->p);
        }
    }
}

/* Some of the users and items of the rows are not known. */
static mf_ratings_rows rows_with_unknowns(uint32_t n_users, uint32_t n_items)
{
    mf_ratings_rows rows = make_rows(n_users, n_items, rank_two_held_out);
    for (uint64_t k = 0; k < rows.n; k++) {
        const uint32_t what = mf_random_below(51, k, 10);
        rows.user[k] = what < 2 ? MF_INDEX_NONE : rows.user[k];
        rows.item[k] = what == 0 || what == 2 ? MF_INDEX_NONE : rows.item[k];
    }
    return rows;
}

static void a_training_has_the_bits_of_laps_block_after_block(void **state)
{
    (void)state;
    static const struct {
        uint32_t n_users, n_items, n_factors;
        uint32_t user_blocks, item_blocks;
    } cases[] = {
        {120, 90, 8, 8, 8}, {TALL_USERS, TALL_ITEMS, TALL_FACTORS, 12, 8},
        {300, 3, 8, 8, 3},  {5, 200, 8, 5, 8},
        {1, 40, 8, 1, 8},   {40, 1, 8, 8, 1},
    };
    static const uint32_t threads[] = {1, 2, 3, 8};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const uint32_t n_users = cases[c].n_users, n_items = cases[c].n_items;
        mf_hyperparameters h = small_run();
        h.n_factors = cases[c].n_factors;
        h.n_epochs = 3;
        mf_ratings *ratings = make_ratings(n_users, n_items, rank_two);
        mf_ratings_rows rows = rows_with_unknowns(n_users, n_items);
        assert_true(rows.n > 0);
        mf_epoch epochs[3];
        ring r = ring_create(&h, ratings, &rows);
        assert_int_equal(r.grid.user_blocks, cases[c].user_blocks);
        assert_int_equal(r.grid.item_blocks, cases[c].item_blocks);
        ring_run(&r, epochs);
        const mf_trainer_result expected = {
            .global_mean = r.p.mean,
            .rating_min = r.p.rating_min,
            .rating_max = r.p.rating_max,
            .user_bias = r.best.user_bias,
            .item_bias = r.best.item_bias,
            .user_factors = r.best.user_factors,
            .item_factors = r.best.item_factors,
        };
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            h.n_threads = threads[t];
            mf_trainer *trainer = train(&h, ratings, &rows);
            const mf_trainer_result found = get_result(trainer);
            uint32_t n;
            const mf_epoch *figures = mf_trainer_epochs(trainer, &n);
            assert_int_equal(n, 3);
            for (uint32_t e = 0; e < n; e++) {
                assert_true(figures[e].train_rmse == epochs[e].train_rmse);
                assert_true(figures[e].validation_rmse == epochs[e].validation_rmse);
                assert_true(figures[e].validation_mae == epochs[e].validation_mae);
            }
            if (!same_result(&found, &expected, n_users, n_items, h.n_factors))
                fail_msg("%u users, %u items, %u threads: other bits", n_users, n_items,
                         threads[t]);
            mf_trainer_destroy(trainer);
        }
        ring_destroy(&r);
        mf_ratings_rows_clear(&rows);
        mf_ratings_destroy(ratings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_has_the_bits_of_laps_block_after_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
