/* test_sgd_grid.c: the cut of the ratings into blocks, and the order in which
 * threads run them. */
#include "sgd_testing.h"

#include "sgd/grid.h"
#include "sgd/sweep.h"

#include <sched.h>
#include <stdatomic.h>

/* --- shapes -------------------------------------------------------------- */

static float always(uint32_t user, uint32_t item)
{
    return (float)(user % 7) + (float)(item % 11) / 16;
}

/* Few users have most ratings, few items get most of them. */
static float popular(uint32_t user, uint32_t item)
{
    const float chance = 8 / (1 + sqrtf((float)user * (float)item));
    const uint64_t pair = (uint64_t)user << 32 | item;
    return mf_random_unit(31, pair) < chance ? (float)mf_random_below(32, pair, 10) : NAN;
}

static float only_the_last(uint32_t user, uint32_t item)
{
    return user == 2 && item == 4 ? 3 : NAN;
}

static float one_item_has_all(uint32_t user, uint32_t item)
{
    (void)user;
    return item == 3 ? 2 : NAN;
}

static const struct shape {
    uint32_t n_users, n_items;
    size_t stride;
    rating_of *rating;
} shapes[] = {
    {1, 1, 16, always},
    {1, 1000, 16, always},
    {1000, 1, 16, always},
    {3, 1000, 16, always},
    {1000, 3, 16, always},
    {5, 7, 64, only_the_last},
    {40, 9, 16, one_item_has_all},
    {8, 8, 16, always},
    {9, 8, 64, rank_two},
    {300, 200, 64, rank_two},
    {700, 500, 64, popular},
    {200, 90, 8192, popular},
    {90, 200, 8192, popular},
    {23, 41, 65536, rank_two},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static mf_grid make_grid(const mf_ratings *ratings, size_t stride, uint32_t n_threads)
{
    mf_error err = {0};
    mf_grid grid;
    assert_ok(mf_grid_create(&grid, ratings, 2.5f, 0.5f, stride, n_threads, &err), err);
    return grid;
}

/* back[row] = index; every row is taken once. */
static void invert(const uint32_t *row, uint32_t n, uint32_t *back)
{
    for (uint32_t r = 0; r < n; r++)
        back[r] = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        assert_true(row[i] < n);
        assert_int_equal(back[row[i]], UINT32_MAX);
        back[row[i]] = i;
    }
}

static void every_rating_is_in_one_block_with_its_rows_and_its_value(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        const struct shape *shape = &shapes[s];
        mf_ratings *ratings = make_ratings(shape->n_users, shape->n_items, shape->rating);
        mf_grid grid = make_grid(ratings, shape->stride, 2);
        assert_int_equal(grid.n_users, shape->n_users);
        assert_int_equal(grid.n_items, shape->n_items);
        uint32_t *user_of = calloc(shape->n_users, sizeof *user_of);
        uint32_t *item_of = calloc(shape->n_items, sizeof *item_of);
        char *seen = calloc(shape->n_users, shape->n_items);
        invert(grid.user_row, shape->n_users, user_of);
        invert(grid.item_row, shape->n_items, item_of);
        uint64_t segment = 0, k = 0;
        for (uint32_t a = 0; a < grid.user_blocks; a++)
            for (uint32_t b = 0; b < grid.item_blocks; b++) {
                const size_t c = (size_t)a * grid.item_blocks + b;
                assert_int_equal(grid.segment_start[c], segment);
                assert_int_equal(grid.rating_start[c], k);
                for (; segment < grid.segment_start[c + 1]; segment++) {
                    const mf_grid_segment *g = &grid.segments[segment];
                    assert_true(g->count > 0);
                    assert_in_range(g->item_row, grid.item_block_row[b],
                                    grid.item_block_row[b + 1] - 1);
                    /* Each item once in a block, each user once in a segment. */
                    assert_true(segment == grid.segment_start[c] || g[-1].item_row < g->item_row);
                    for (uint32_t i = 0; i < g->count; i++, k++) {
                        const mf_grid_rating *r = &grid.ratings[k];
                        assert_in_range(r->user_row, grid.user_block_row[a],
                                        grid.user_block_row[a + 1] - 1);
                        assert_true(i == 0 || r[-1].user_row < r->user_row);
                        const uint32_t user = user_of[r->user_row], item = item_of[g->item_row];
                        assert_int_equal(seen[(size_t)user * shape->n_items + item]++, 0);
                        assert_true(r->value == (shape->rating(user, item) - 2.5f) / 0.5f);
                    }
                }
                assert_int_equal(grid.rating_start[c + 1], k);
            }
        assert_int_equal(k, ratings->n_ratings);
        /* Promise (3) of sgd/kernels.h: what is read ahead is there and has valid rows. */
        for (size_t i = 0; i < MF_SGD_AHEAD; i++)
            assert_true(grid.ratings[k + i].user_row < grid.n_users);
        free(user_of);
        free(item_of);
        free(seen);
        mf_grid_release(&grid);
        mf_ratings_destroy(ratings);
    }
}

static void every_block_is_in_one_round_and_rounds_share_no_user_and_no_item(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        mf_ratings *ratings = make_ratings(shapes[s].n_users, shapes[s].n_items, shapes[s].rating);
        mf_grid grid = make_grid(ratings, shapes[s].stride, 1);
        const size_t n_blocks = (size_t)grid.user_blocks * grid.item_blocks;
        assert_int_equal((size_t)grid.n_rounds * grid.round_blocks, n_blocks);
        char *run = calloc(n_blocks, 1);
        for (uint32_t round = 0; round < grid.n_rounds; round++) {
            char *users = calloc(grid.user_blocks, 1), *items = calloc(grid.item_blocks, 1);
            for (uint32_t place = 0; place < grid.round_blocks; place++) {
                const size_t c = mf_grid_block(&grid, round, place);
                assert_true(c < n_blocks);
                assert_int_equal(run[c]++, 0);
                assert_int_equal(users[c / grid.item_blocks]++, 0);
                assert_int_equal(items[c % grid.item_blocks]++, 0);
                /* As grid.h has it: a stripe takes one block a round, from its start. */
                const bool by_items = grid.user_blocks > grid.item_blocks;
                const size_t a = c / grid.item_blocks, b = c % grid.item_blocks;
                const uint64_t start = (uint64_t)place * grid.n_rounds / grid.round_blocks;
                assert_int_equal(by_items ? b : a, place);
                assert_int_equal(by_items ? a : b, (start + round) % grid.n_rounds);
            }
            free(users);
            free(items);
        }
        free(run);
        mf_grid_release(&grid);
        mf_ratings_destroy(ratings);
    }
}

/* As many stripes, up to one, start in any two stretches of the same length. */
static void starts_are_evenly_spread_and_stripe_0_starts_at_block_0(void **state)
{
    (void)state;
    for (uint32_t longer = 1; longer <= 40; longer++)
        for (uint32_t shorter = 1; shorter <= longer; shorter++) {
            const mf_grid grid = {.n_rounds = longer, .round_blocks = shorter};
            const uint32_t least = longer / shorter;
            assert_int_equal(mf_grid_start(&grid, 0), 0);
            for (uint32_t w = 0; w < shorter; w++) {
                const uint32_t end = w + 1 < shorter ? mf_grid_start(&grid, w + 1) : longer;
                assert_in_range(end - mf_grid_start(&grid, w), least,
                                least + (longer % shorter > 0));
            }
        }
    const mf_grid square = {.n_rounds = 8, .round_blocks = 8};
    for (uint32_t w = 0; w < 8; w++)
        assert_int_equal(mf_grid_start(&square, w), w);
    /* Products beyond 32 bits. */
    const mf_grid large = {.n_rounds = UINT32_MAX - 1, .round_blocks = 64};
    assert_int_equal(mf_grid_start(&large, 63), 4227858430);
}

/* Laps against the rounds that they follow, for every pair of sides. */
static void laps_are_the_order_of_the_rounds(void **state)
{
    (void)state;
    for (uint32_t users = 1; users <= 24; users++)
        for (uint32_t items = 1; items <= 24; items++) {
            const mf_grid grid = {.user_blocks = users,
                                  .item_blocks = items,
                                  .n_rounds = users > items ? users : items,
                                  .round_blocks = users > items ? items : users};
            uint32_t met[24] = {0}, visited[24] = {0};
            for (uint32_t round = 0; round < grid.n_rounds; round++)
                for (uint32_t w = 0; w < grid.round_blocks; w++) {
                    const size_t c = mf_grid_block(&grid, round, w);
                    const uint32_t a = (uint32_t)(c / items), b = (uint32_t)(c % items);
                    assert_int_equal(mf_grid_turn(&grid, a, b), met[a]);
                    assert_int_equal(mf_grid_item_block_at(&grid, a, met[a]++), b);
                    assert_int_equal(mf_grid_user_block_at(&grid, b, visited[b]++), a);
                }
        }
}

/* What a ring of hosts needs: from one user-block an item-block goes to the next, and
 * all of them in the same direction. */
static void an_item_block_goes_round_the_user_blocks_neighbour_after_neighbour(void **state)
{
    (void)state;
    for (uint32_t users = 1; users <= 24; users++)
        for (uint32_t items = 1; items <= 24; items++) {
            const mf_grid grid = {.user_blocks = users,
                                  .item_blocks = items,
                                  .n_rounds = users > items ? users : items,
                                  .round_blocks = users > items ? items : users};
            const uint32_t step = users > items ? 1 : users - 1;
            for (uint32_t b = 0; b < items; b++)
                for (uint32_t turn = 1; turn < users; turn++)
                    assert_int_equal(mf_grid_user_block_at(&grid, b, turn),
                                     (mf_grid_user_block_at(&grid, b, turn - 1) + step) % users);
        }
}

static void the_number_of_threads_changes_nothing(void **state)
{
    (void)state;
    static const uint32_t threads[] = {2, 3, 8, 33};
    for (size_t s = 0; s < N_SHAPES; s++) {
        mf_ratings *ratings = make_ratings(shapes[s].n_users, shapes[s].n_items, shapes[s].rating);
        mf_grid one = make_grid(ratings, shapes[s].stride, 1);
        const size_t n_blocks = (size_t)one.user_blocks * one.item_blocks;
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            mf_grid many = make_grid(ratings, shapes[s].stride, threads[t]);
            assert_int_equal(many.user_blocks, one.user_blocks);
            assert_int_equal(many.item_blocks, one.item_blocks);
            assert_memory_equal(many.user_row, one.user_row, one.n_users * sizeof(uint32_t));
            assert_memory_equal(many.item_row, one.item_row, one.n_items * sizeof(uint32_t));
            assert_memory_equal(many.user_block_row, one.user_block_row,
                                (one.user_blocks + 1) * sizeof(uint32_t));
            assert_memory_equal(many.item_block_row, one.item_block_row,
                                (one.item_blocks + 1) * sizeof(uint32_t));
            assert_memory_equal(many.rating_start, one.rating_start, (n_blocks + 1) * 8);
            assert_memory_equal(many.segment_start, one.segment_start, (n_blocks + 1) * 8);
            assert_memory_equal(many.ratings, one.ratings,
                                (ratings->n_ratings + MF_SGD_AHEAD) * sizeof *one.ratings);
            assert_memory_equal(many.segments, one.segments,
                                one.segment_start[n_blocks] * sizeof *one.segments);
            mf_grid_release(&many);
        }
        mf_grid_release(&one);
        mf_ratings_destroy(ratings);
    }
}

/* Blocks of a side: as many rows (± 1), the popular ones first, and ratings that
 * differ by no more than the most popular row has: dealing there and back, what
 * one turn gives too much is less than what the counts fall in that turn. */
static void assert_balanced(const uint32_t *row, uint32_t n, const uint32_t *block_row,
                            uint32_t blocks, const uint32_t *count)
{
    uint32_t *of_row = calloc(n, sizeof *of_row);
    uint32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        of_row[row[i]] = count[i];
        most = count[i] > most ? count[i] : most;
    }
    uint64_t fewest = UINT64_MAX, largest = 0;
    assert_int_equal(block_row[0], 0);
    assert_int_equal(block_row[blocks], n);
    for (uint32_t b = 0; b < blocks; b++) {
        assert_in_range(block_row[b + 1] - block_row[b], n / blocks, n / blocks + (n % blocks > 0));
        uint64_t sum = 0;
        for (uint32_t r = block_row[b]; r < block_row[b + 1]; r++) {
            assert_true(r == block_row[b] || of_row[r - 1] >= of_row[r]);
            sum += of_row[r];
        }
        fewest = sum < fewest ? sum : fewest;
        largest = sum > largest ? sum : largest;
    }
    assert_true(largest - fewest <= most);
    free(of_row);
}

static void blocks_have_as_many_rows_and_nearly_as_many_ratings(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        mf_ratings *ratings = make_ratings(shapes[s].n_users, shapes[s].n_items, shapes[s].rating);
        mf_grid grid = make_grid(ratings, shapes[s].stride, 1);
        uint32_t *users = calloc(grid.n_users, sizeof *users);
        uint32_t *items = calloc(grid.n_items, sizeof *items);
        for (uint32_t u = 0; u < grid.n_users; u++)
            users[u] = (uint32_t)(ratings->user_start[u + 1] - ratings->user_start[u]);
        for (uint64_t k = 0; k < ratings->n_ratings; k++)
            items[ratings->item[k]]++;
        assert_balanced(grid.user_row, grid.n_users, grid.user_block_row, grid.user_blocks, users);
        assert_balanced(grid.item_row, grid.n_items, grid.item_block_row, grid.item_blocks, items);
        free(users);
        free(items);
        mf_grid_release(&grid);
        mf_ratings_destroy(ratings);
    }
}

static void a_user_blocks_factors_fit_the_second_level_cache(void **state)
{
    (void)state;
    for (size_t s = 0; s < N_SHAPES; s++) {
        mf_ratings *ratings = make_ratings(shapes[s].n_users, shapes[s].n_items, shapes[s].rating);
        mf_grid grid = make_grid(ratings, shapes[s].stride, 1);
        for (uint32_t a = 0; a < grid.user_blocks; a++) {
            const size_t rows = grid.user_block_row[a + 1] - grid.user_block_row[a];
            assert_true(rows == 1 || rows * shapes[s].stride * sizeof(float) <= 512 * 1024);
        }
        mf_grid_release(&grid);
        mf_ratings_destroy(ratings);
    }
}

static void a_grid_is_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    mf_ratings *ratings = make_ratings(30, 20, rank_two);
    bool done = false;
    size_t n = 1;
    for (; !done; n++) {
        mf_error err = {0};
        mf_grid grid;
        mf_memory_fail_nth(n);
        done = mf_grid_create(&grid, ratings, 3, 1, 16, 2, &err);
        mf_memory_fail_nth(0);
        if (!done)
            assert_error(&err, MF_ERR_MEMORY, "no memory");
        mf_grid_release(&grid); /* of nothing, after a failure */
        assert_true(n < 100);
    }
    assert_true(n > 5);
    mf_ratings_destroy(ratings);
}

/* --- sweeping ------------------------------------------------------------ */

/* A kernel that moves nothing, but notes which block ran after which, and that
 * no other block had its users or items meanwhile. */
enum { BLOCKS_MAX = 4096, SIDE_MAX = 256 };
static const mf_grid *watched;
static atomic_int users_busy[SIDE_MAX], items_busy[SIDE_MAX];
static atomic_int conflicts;
static uint32_t users_order[SIDE_MAX][SIDE_MAX], items_order[SIDE_MAX][SIDE_MAX];
static uint32_t users_n[SIDE_MAX], items_n[SIDE_MAX];

static double watch_block(const mf_sgd_rates *rates, const mf_grid_segment *segments,
                          size_t n_segments, const mf_grid_rating *ratings)
{
    (void)rates;
    (void)n_segments;
    size_t c = 0;
    while (watched->segments + watched->segment_start[c] != segments)
        c++;
    assert_ptr_equal(watched->ratings + watched->rating_start[c], ratings);
    const size_t a = c / watched->item_blocks, b = c % watched->item_blocks;
    if (atomic_fetch_add(&users_busy[a], 1) != 0 || atomic_fetch_add(&items_busy[b], 1) != 0)
        atomic_fetch_add(&conflicts, 1);
    /* Plain memory: TSan sees a block that is taken too early. */
    users_order[a][users_n[a]++] = (uint32_t)b;
    items_order[b][items_n[b]++] = (uint32_t)a;
    if (c % 5 == 0)
        sched_yield();
    atomic_fetch_sub(&users_busy[a], 1);
    atomic_fetch_sub(&items_busy[b], 1);
    return (double)(c + 1);
}

static void a_sweep_runs_blocks_one_after_another_in_the_order_of_rounds(void **state)
{
    (void)state;
    static const mf_sgd_kernel kernel = {"watch", watch_block, NULL, NULL};
    static const struct {
        uint32_t n_users, n_items;
        size_t stride;
    } grids[] = {{1, 1, 16}, {1, 20, 16},     {20, 1, 16},    {3, 30, 16},   {30, 3, 16},
                 {8, 8, 16}, {60, 20, 65536}, {5, 60, 65536}, {61, 9, 65536}};
    static double loss[BLOCKS_MAX];
    const mf_sgd_rates rates = {0};
    for (size_t g = 0; g < sizeof grids / sizeof grids[0]; g++) {
        mf_error err = {0};
        mf_ratings *ratings = make_ratings(grids[g].n_users, grids[g].n_items, always);
        mf_grid grid = make_grid(ratings, grids[g].stride, 1);
        assert_true(grid.n_rounds <= SIDE_MAX);
        watched = &grid;
        for (uint32_t n_threads = 1; n_threads <= 8; n_threads++)
            for (uint32_t pieces = 1; pieces <= 3; pieces++) {
                memset(users_n, 0, sizeof users_n);
                memset(items_n, 0, sizeof items_n);
                memset(loss, 0, sizeof loss);
                /* Two epochs, each in so many calls. */
                for (uint32_t epoch = 0; epoch < 2; epoch++)
                    for (uint32_t p = 0; p < pieces; p++)
                        assert_ok(mf_sweep_run(&grid, &kernel, &rates, grid.n_rounds * p / pieces,
                                               grid.n_rounds * (p + 1) / pieces, n_threads, loss,
                                               &err),
                                  err);
                assert_int_equal(atomic_load(&conflicts), 0);
                uint32_t users_at[SIDE_MAX] = {0}, items_at[SIDE_MAX] = {0};
                for (uint32_t r = 0; r < 2 * grid.n_rounds; r++)
                    for (uint32_t w = 0; w < grid.round_blocks; w++) {
                        const size_t c = mf_grid_block(&grid, r % grid.n_rounds, w);
                        const size_t a = c / grid.item_blocks, b = c % grid.item_blocks;
                        assert_int_equal(users_order[a][users_at[a]++], b);
                        assert_int_equal(items_order[b][items_at[b]++], a);
                        assert_true(loss[c] == (double)(c + 1));
                    }
                assert_memory_equal(users_at, users_n, sizeof users_n);
                assert_memory_equal(items_at, items_n, sizeof items_n);
            }
        mf_grid_release(&grid);
        mf_ratings_destroy(ratings);
    }
}

static void a_sweep_without_memory_says_so(void **state)
{
    (void)state;
    static const mf_sgd_kernel kernel = {"watch", watch_block, NULL, NULL};
    const mf_sgd_rates rates = {0};
    mf_error err = {0};
    mf_ratings *ratings = make_ratings(3, 3, always);
    mf_grid grid = make_grid(ratings, 16, 1);
    double loss[9];
    watched = &grid;
    mf_memory_fail_nth(1);
    assert_false(mf_sweep_run(&grid, &kernel, &rates, 0, grid.n_rounds, 2, loss, &err));
    mf_memory_fail_nth(0);
    assert_error(&err, MF_ERR_MEMORY, "no memory");
    mf_grid_release(&grid);
    mf_ratings_destroy(ratings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rating_is_in_one_block_with_its_rows_and_its_value),
        cmocka_unit_test(every_block_is_in_one_round_and_rounds_share_no_user_and_no_item),
        cmocka_unit_test(starts_are_evenly_spread_and_stripe_0_starts_at_block_0),
        cmocka_unit_test(laps_are_the_order_of_the_rounds),
        cmocka_unit_test(an_item_block_goes_round_the_user_blocks_neighbour_after_neighbour),
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(blocks_have_as_many_rows_and_nearly_as_many_ratings),
        cmocka_unit_test(a_user_blocks_factors_fit_the_second_level_cache),
        cmocka_unit_test(a_grid_is_clean_when_any_allocation_fails),
        cmocka_unit_test(a_sweep_runs_blocks_one_after_another_in_the_order_of_rounds),
        cmocka_unit_test(a_sweep_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
