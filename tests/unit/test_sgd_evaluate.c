/* test_sgd_evaluate.c: the figures of held-out ratings, and the parameters they
 * are made from. */
#include "sgd_testing.h"

#include "sgd/evaluate.h"
#include "sgd/parameters.h"

enum { USERS = 70, ITEMS = 50, FACTORS = 19, STRIDE = 32 };

/* Rows run backwards through the indexes: a row taken for an index shows. Blocks are of
 * unequal size, and there are more of one side than of the other. */
static uint32_t user_row[USERS], item_row[ITEMS];
static uint32_t user_block_row[] = {0, 1, 20, 33, 34, 59, USERS};
static uint32_t item_block_row[] = {0, 9, 11, 30, ITEMS};

enum { SHAPES = 3 };
static const struct {
    uint32_t user_blocks, item_blocks;
} shapes[SHAPES] = {{6, 4}, {4, 4}, {3, 4}};

static mf_grid make_grid(size_t shape)
{
    static uint32_t fewer_row[] = {0, 1, 20, USERS, USERS};
    mf_grid grid = {.n_users = USERS,
                    .n_items = ITEMS,
                    .user_blocks = shapes[shape].user_blocks,
                    .item_blocks = shapes[shape].item_blocks,
                    .end_block = shapes[shape].user_blocks,
                    .user_row = user_row,
                    .item_row = item_row,
                    .item_block_row = item_block_row};
    const bool more_users = grid.user_blocks > grid.item_blocks;
    grid.n_rounds = more_users ? grid.user_blocks : grid.item_blocks;
    grid.round_blocks = more_users ? grid.item_blocks : grid.user_blocks;
    grid.user_block_row = more_users ? user_block_row : fewer_row;
    for (uint32_t u = 0; u < USERS; u++)
        user_row[u] = USERS - 1 - u;
    for (uint32_t i = 0; i < ITEMS; i++)
        item_row[i] = ITEMS - 1 - i;
    return grid;
}

static mf_sgd_held_out sort(size_t shape, const mf_ratings_rows *rows)
{
    mf_error err = {0};
    mf_sgd_held_out held_out;
    const mf_grid grid = make_grid(shape);
    assert_ok(mf_sgd_held_out_create(&held_out, &grid, rows, &err), err);
    return held_out;
}

static mf_parameters make_parameters(float size)
{
    mf_error err = {0};
    mf_parameters p = {.n_users = USERS, .n_items = ITEMS, .n_factors = FACTORS};
    assert_ok(mf_parameters_allocate(&p, &err), err);
    for (uint32_t u = 0; u < USERS; u++)
        user_row[u] = USERS - 1 - u;
    for (uint32_t i = 0; i < ITEMS; i++)
        item_row[i] = ITEMS - 1 - i;
    p.user_row = user_row;
    p.item_row = item_row;
    p.mean = 3.5f;
    p.scale = 1.25f;
    p.rating_min = 0.5f;
    p.rating_max = 5;
    mf_parameters_start(&p, size * sqrtf(FACTORS), 7, 0);
    for (size_t at = 0; at < ITEMS * STRIDE; at++)
        if (at % STRIDE < FACTORS)
            p.item_factors[at] = size * mf_random_normal(2, at);
    for (size_t u = 0; u < USERS; u++)
        p.user_bias[u] = size * mf_random_normal(3, u);
    for (size_t i = 0; i < ITEMS; i++)
        p.item_bias[i] = size * mf_random_normal(4, i);
    return p;
}

/* n rows; every so often a user or an item that is not known, or both. */
static mf_ratings_rows random_rows(uint64_t n)
{
    mf_error err = {0};
    mf_ratings_rows rows = {.n = n};
    rows.user = mf_allocate(n, sizeof *rows.user, "rows", &err);
    rows.item = mf_allocate(n, sizeof *rows.item, "rows", &err);
    rows.value = mf_allocate(n, sizeof *rows.value, "rows", &err);
    for (uint64_t k = 0; k < n; k++) {
        const uint32_t what = mf_random_below(5, k, 10);
        rows.user[k] = what < 2 ? MF_INDEX_NONE : mf_random_below(6, k, USERS);
        rows.item[k] = what == 0 || what == 2 ? MF_INDEX_NONE : mf_random_below(7, k, ITEMS);
        rows.value[k] = (float)(1 + mf_random_below(8, k, 10)) / 2;
    }
    return rows;
}

static double predict_slowly(const mf_parameters *p, uint32_t user, uint32_t item)
{
    double sum = 0;
    if (user != MF_INDEX_NONE)
        sum += (double)p->user_bias[p->user_row[user]];
    if (item != MF_INDEX_NONE)
        sum += (double)p->item_bias[p->item_row[item]];
    for (size_t f = 0; f < FACTORS && user != MF_INDEX_NONE && item != MF_INDEX_NONE; f++)
        sum += (double)p->user_factors[p->user_row[user] * STRIDE + f] *
               (double)p->item_factors[p->item_row[item] * STRIDE + f];
    return fmin(fmax((double)p->mean + (double)p->scale * sum, (double)p->rating_min),
                (double)p->rating_max);
}

static void figures_are_those_of_a_plain_double_loop(void **state)
{
    (void)state;
    /* Predictions within and far beyond the scale. */
    static const uint64_t counts[] = {1, 2, 3, 100, 20000};
    static const float sizes[] = {0, 0.1f, 1, 10};
    for (size_t s = 0; s < 4; s++) {
        mf_parameters p = make_parameters(sizes[s]);
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            mf_error err = {0};
            mf_ratings_rows rows = random_rows(counts[c]);
            mf_accuracy accuracy;
            double squares = 0, absolutes = 0;
            for (uint64_t k = 0; k < rows.n; k++) {
                const double error =
                    (double)rows.value[k] - predict_slowly(&p, rows.user[k], rows.item[k]);
                squares += error * error;
                absolutes += fabs(error);
            }
            mf_sgd_held_out held_out = sort(c % SHAPES, &rows);
            assert_ok(mf_evaluate(&p, &held_out, 2, &accuracy, &err), err);
            mf_sgd_held_out_release(&held_out);
            /* Clipped to at most 5 apart; each prediction is off by less. */
            assert_true(fabs(accuracy.rmse - sqrt(squares / (double)rows.n)) < 1e-5);
            assert_true(fabs(accuracy.mae - absolutes / (double)rows.n) < 1e-5);
            assert_true(accuracy.mae <= accuracy.rmse && accuracy.rmse <= 4.5);
            mf_ratings_rows_clear(&rows);
        }
        mf_parameters_release(&p);
    }
}

/* The block of a row by looking at all of them. */
static uint32_t block_of(const uint32_t *block_row, uint32_t row)
{
    uint32_t b = 0;
    while (block_row[b + 1] <= row)
        b++;
    return b;
}

/* Figures as a ring of hosts makes them: block after block in the order of the rounds,
 * each adding to the sum of its user-block; then unknown items and users. */
static mf_accuracy go_round(const mf_parameters *p, const mf_grid *grid,
                            const mf_ratings_rows *rows)
{
    double squares[8] = {0}, absolutes[8] = {0};
    const uint32_t users = grid->user_blocks, items = grid->item_blocks;
    for (uint32_t round = 0; round <= grid->n_rounds; round++)
        for (uint32_t w = 0; w < grid->round_blocks; w++) {
            const uint32_t other =
                (w * grid->n_rounds / grid->round_blocks + round) % grid->n_rounds;
            const uint32_t a = users > items ? other : w, b = users > items ? w : other;
            for (uint64_t k = 0; k < rows->n; k++) {
                const bool known = rows->user[k] != MF_INDEX_NONE;
                const uint32_t at =
                    known ? block_of(grid->user_block_row, user_row[rows->user[k]]) : users - 1;
                const bool is_here =
                    rows->item[k] != MF_INDEX_NONE
                        ? round < grid->n_rounds && at == a &&
                              block_of(item_block_row, item_row[rows->item[k]]) == b
                        : round == grid->n_rounds && w == 0;
                if (!is_here)
                    continue;
                const float r = mf_parameters_predict(p, rows->user[k], rows->item[k]) * p->scale;
                const double error = (double)rows->value[k] -
                                     fmin(fmax((double)r + (double)p->mean, (double)p->rating_min),
                                          (double)p->rating_max);
                squares[known ? at : users] += error * error;
                absolutes[known ? at : users] += fabs(error);
            }
        }
    mf_accuracy total = {0};
    for (uint32_t a = 0; a <= users; a++) {
        total.rmse += squares[a];
        total.mae += absolutes[a];
    }
    return (mf_accuracy){sqrt(total.rmse / (double)rows->n), total.mae / (double)rows->n};
}

static void figures_have_the_bits_of_a_lap_with_any_number_of_threads(void **state)
{
    (void)state;
    mf_parameters p = make_parameters(0.3f);
    mf_ratings_rows rows = random_rows(30001);
    for (size_t shape = 0; shape < SHAPES; shape++) {
        const mf_grid grid = make_grid(shape);
        const mf_accuracy expected = go_round(&p, &grid, &rows);
        mf_sgd_held_out held_out = sort(shape, &rows);
        for (uint32_t n_threads = 1; n_threads <= 9; n_threads++) {
            mf_error err = {0};
            mf_accuracy accuracy;
            assert_ok(mf_evaluate(&p, &held_out, n_threads, &accuracy, &err), err);
            assert_memory_equal(&accuracy, &expected, sizeof expected);
        }
        mf_sgd_held_out_release(&held_out);
    }
    mf_ratings_rows_clear(&rows);
    mf_parameters_release(&p);
}

/* Each row in the group of its user-block; equal cells in the order they were given. */
static void held_out_ratings_are_all_there_and_grouped_by_user_block(void **state)
{
    (void)state;
    mf_ratings_rows rows = random_rows(5000);
    for (uint64_t k = 0; k < rows.n; k++)
        rows.value[k] = (float)k; /* a name for each */
    for (size_t shape = 0; shape < SHAPES; shape++) {
        const mf_grid grid = make_grid(shape);
        mf_sgd_held_out held_out = sort(shape, &rows);
        char seen[5000] = {0};
        assert_int_equal(held_out.n, rows.n);
        assert_int_equal(held_out.n_groups, grid.user_blocks + 1);
        assert_int_equal(mf_sgd_held_out_group(&held_out, 0), 0);
        assert_int_equal(mf_sgd_held_out_group(&held_out, held_out.n_groups), rows.n);
        for (uint32_t g = 0; g < held_out.n_groups; g++)
            for (uint64_t k = mf_sgd_held_out_group(&held_out, g);
                 k < mf_sgd_held_out_group(&held_out, g + 1); k++) {
                const mf_sgd_held_out_rating *r = &held_out.ratings[k];
                const size_t from = (size_t)r->value;
                assert_int_equal(seen[from]++, 0);
                assert_int_equal(r->user, rows.user[from]);
                assert_int_equal(r->item, rows.item[from]);
                assert_int_equal(r->user != MF_INDEX_NONE
                                     ? block_of(grid.user_block_row, user_row[r->user])
                                     : grid.user_blocks,
                                 g);
                if (k > mf_sgd_held_out_group(&held_out, g) && r[-1].item == r->item)
                    assert_true(r[-1].value < r->value);
            }
        mf_sgd_held_out_release(&held_out);
    }
    mf_ratings_rows_clear(&rows);
}

static void validation_ratings_of_unknown_users_alone_are_figures_too(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_accuracy accuracy;
    mf_parameters p = make_parameters(0.3f);
    mf_ratings_rows rows = random_rows(3);
    for (uint64_t k = 0; k < 3; k++) {
        rows.user[k] = MF_INDEX_NONE;
        rows.item[k] = MF_INDEX_NONE;
        rows.value[k] = p.mean - 1;
    }
    mf_sgd_held_out held_out = sort(0, &rows);
    assert_ok(mf_evaluate(&p, &held_out, 2, &accuracy, &err), err);
    assert_true(accuracy.rmse == 1 && accuracy.mae == 1);
    mf_sgd_held_out_release(&held_out);
    mf_ratings_rows_clear(&rows);
    mf_parameters_release(&p);
}

static void a_side_that_is_not_known_counts_as_zero(void **state)
{
    (void)state;
    mf_parameters p = make_parameters(1);
    assert_true(mf_parameters_predict(&p, MF_INDEX_NONE, MF_INDEX_NONE) == 0);
    assert_true(mf_parameters_predict(&p, 3, MF_INDEX_NONE) == p.user_bias[USERS - 1 - 3]);
    assert_true(mf_parameters_predict(&p, MF_INDEX_NONE, 4) == p.item_bias[ITEMS - 1 - 4]);
    mf_parameters_release(&p);
}

static void evaluating_without_memory_says_so(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_accuracy accuracy;
    mf_parameters p = make_parameters(1);
    mf_ratings_rows rows = random_rows(10);
    mf_sgd_held_out held_out = sort(0, &rows);
    mf_memory_fail_nth(1);
    assert_false(mf_evaluate(&p, &held_out, 1, &accuracy, &err));
    mf_memory_fail_nth(0);
    assert_error(&err, MF_ERR_MEMORY, "no memory");
    mf_sgd_held_out_release(&held_out);
    const mf_grid grid = make_grid(0);
    bool done = false;
    size_t n = 1;
    for (; !done; n++) {
        mf_error_clear(&err);
        mf_memory_fail_nth(n);
        done = mf_sgd_held_out_create(&held_out, &grid, &rows, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        mf_sgd_held_out_release(&held_out); /* of nothing, after a failure */
        assert_true(n < 10);
    }
    assert_true(n > 2);
    mf_ratings_rows_clear(&rows);
    mf_parameters_release(&p);
}

/* --- parameters ---------------------------------------------------------- */

static void starting_values_depend_on_seed_and_index_and_have_the_promised_size(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_parameters p = {.n_users = USERS, .n_items = ITEMS, .n_factors = FACTORS};
    assert_ok(mf_parameters_allocate(&p, &err), err);
    p.user_row = user_row;
    p.item_row = item_row;
    for (uint32_t u = 0; u < USERS; u++)
        user_row[u] = u;
    mf_parameters_start(&p, 0.2f, 1, 0);
    double sum = 0, squares = 0;
    for (size_t at = 0; at < USERS * STRIDE; at++) {
        assert_true(at % STRIDE < FACTORS || p.user_factors[at] == 0);
        sum += (double)p.user_factors[at];
        squares += (double)p.user_factors[at] * (double)p.user_factors[at];
    }
    const double n = USERS * FACTORS;
    const double deviation = 0.2 / sqrt(FACTORS);
    assert_true(fabs(sum / n) < 4 * deviation / sqrt(n));
    assert_true(fabs(sqrt(squares / n) / deviation - 1) < 0.1);
    for (size_t at = 0; at < ITEMS * STRIDE; at++)
        assert_true(p.item_factors[at] == 0);

    /* Another order of rows: the same user has the same numbers. */
    mf_parameters q = {.n_users = USERS, .n_items = ITEMS, .n_factors = FACTORS};
    uint32_t turned[USERS];
    assert_ok(mf_parameters_allocate(&q, &err), err);
    for (uint32_t u = 0; u < USERS; u++)
        turned[u] = USERS - 1 - u;
    q.user_row = turned;
    mf_parameters_start(&q, 0.2f, 1, 5);
    for (uint32_t u = 0; u < USERS; u++) {
        static const float zeros[STRIDE];
        const float *row = q.user_factors + turned[u] * STRIDE;
        assert_memory_equal(row, u < 5 ? zeros : p.user_factors + u * STRIDE, sizeof zeros);
    }
    mf_parameters_start(&q, 0.2f, 2, 0);
    assert_true(q.user_factors[turned[9] * STRIDE] != p.user_factors[9 * STRIDE]);
    mf_parameters_release(&p);
    mf_parameters_release(&q);
}

static void an_export_predicts_in_rating_units_and_comes_back(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_parameters p = make_parameters(0.5f);
    mf_parameters export = {.n_users = USERS, .n_items = ITEMS, .n_factors = p.n_factors};
    assert_ok(mf_parameters_allocate(&export, &err), err);
    mf_parameters_export(&export, &p);
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < ITEMS; i++) {
            double sum = (double)export.user_bias[u] + (double)export.item_bias[i];
            for (size_t f = 0; f < STRIDE; f++)
                sum += (double)export.user_factors[u * STRIDE + f] *
                       (double)export.item_factors[i * STRIDE + f];
            const double expected = (double)p.scale * (double)mf_parameters_predict(&p, u, i);
            assert_true(fabs(sum - expected) < 1e-5);
        }
    mf_parameters back = make_parameters(0);
    const mf_model_parts parts = {
        .n_users = USERS - 2,
        .n_items = ITEMS - 3,
        .user_bias = export.user_bias,
        .item_bias = export.item_bias,
        .user_factors = export.user_factors,
        .item_factors = export.item_factors,
    };
    mf_parameters_import(&back, &parts);
    for (uint32_t u = 0; u < USERS; u++)
        for (size_t f = 0; f < STRIDE; f++) {
            const float there = p.user_factors[user_row[u] * STRIDE + f];
            const float found = back.user_factors[user_row[u] * STRIDE + f];
            assert_true(u < USERS - 2 ? fabsf(found - there) <= 4 * 0x1p-24f * fabsf(there)
                                      : found == 0);
        }
    for (uint32_t i = 0; i < ITEMS; i++) {
        const float there = p.item_bias[item_row[i]];
        const float found = back.item_bias[item_row[i]];
        assert_true(i < ITEMS - 3 ? fabsf(found - there) <= 4 * 0x1p-24f * fabsf(there)
                                  : found == 0);
    }
    mf_parameters_release(&export);
    mf_parameters_release(&p);
    mf_parameters_release(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_a_plain_double_loop),
        cmocka_unit_test(figures_have_the_bits_of_a_lap_with_any_number_of_threads),
        cmocka_unit_test(held_out_ratings_are_all_there_and_grouped_by_user_block),
        cmocka_unit_test(validation_ratings_of_unknown_users_alone_are_figures_too),
        cmocka_unit_test(a_side_that_is_not_known_counts_as_zero),
        cmocka_unit_test(evaluating_without_memory_says_so),
        cmocka_unit_test(starting_values_depend_on_seed_and_index_and_have_the_promised_size),
        cmocka_unit_test(an_export_predicts_in_rating_units_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
