/* The choice of settings: which ratings are set aside, what the lists for them are worth (against
 * plain loops over all items, bit for bit), and which setting is taken. */
#include "spectral_testing.h"

#include "metrics/ranking_metrics.h"
#include "spectral/choose.h"
#include "spectral/part.h"
#include "spectral/subspace.h"

/* --- part ---------------------------------------------------------------------- */

static uint8_t *mark(const made_input *m, double most, uint64_t seed, uint32_t n_threads)
{
    mf_error err = {0};
    uint8_t *part = malloc(m->user_start[m->input.n_users] + 1);
    assert_non_null(part);
    assert_ok(mf_part_mark(&m->input, most, seed, n_threads, part, &err), err);
    return part;
}

static uint32_t count(const uint8_t *part, uint64_t begin, uint64_t end, uint8_t mark_of)
{
    uint32_t n = 0;
    for (uint64_t k = begin; k < end; k++)
        n += part[k] == mark_of;
    return n;
}

/* User u has u ratings. */
static int staircase(uint32_t user, uint32_t item)
{
    return item < user ? 100 : NO_PAIR;
}

static void a_fifth_of_each_users_ratings_is_set_aside(void **state)
{
    (void)state;
    made_input m = make_input(60, 60, staircase, true);
    uint8_t *part = mark(&m, INFINITY, 1, 1);
    for (uint32_t n = 0; n < 60; n++) {
        const uint32_t aside = count(part, m.user_start[n], m.user_start[n + 1], MF_PART_ASIDE);
        const uint32_t kept = count(part, m.user_start[n], m.user_start[n + 1], MF_PART_KEPT);
        assert_int_equal(aside + kept, n);
        assert_int_equal(aside, n < 2 ? 0 : n < 8 ? 1 : (uint32_t)(0.2 * n + 0.5));
    }
    uint8_t *threads = mark(&m, INFINITY, 1, 8);
    assert_memory_equal(part, threads, m.user_start[60]);
    uint8_t *seed = mark(&m, INFINITY, 2, 1);
    assert_memory_not_equal(part, seed, m.user_start[60]);
    /* Each place is drawn now and then: 20 of 100 times, ± 5 deviations. */
    uint32_t drawn[10] = {0};
    for (uint64_t s = 0; s < 100; s++) {
        uint8_t *other = mark(&m, INFINITY, s, 1);
        for (uint32_t k = 0; k < 10; k++)
            drawn[k] += other[m.user_start[10] + k] == MF_PART_ASIDE;
        free(other);
    }
    for (uint32_t k = 0; k < 10; k++)
        assert_in_range(drawn[k], 2, 40);
    free(seed);
    free(threads);
    free(part);
    clear_input(&m);
}

static void of_many_ratings_a_part_of_the_users_is_drawn(void **state)
{
    (void)state;
    made_input m = make_input(2000, 10, rank_three, true);
    const double n = (double)m.user_start[2000];
    uint8_t *part = mark(&m, n / 4, 1, 3);
    uint32_t users = 0;
    for (uint32_t u = 0; u < 2000; u++) {
        const uint64_t begin = m.user_start[u];
        const uint64_t end = m.user_start[u + 1];
        const uint32_t none = count(part, begin, end, MF_PART_NONE);
        assert_true(none == 0 || none == end - begin);
        users += none == 0 && end > begin;
    }
    assert_in_range(users, 400, 600);
    free(part);
    clear_input(&m);
}

static void ranks_of_a_part_are_counted_anew(void **state)
{
    (void)state;
    enum { N = 40 };
    uint32_t rank[N], counts[2 * N], found[N];
    uint8_t part[N];
    double time[N];
    for (uint64_t round = 0; round < 30; round++) {
        for (uint32_t k = 0; k < N; k++) {
            time[k] = mf_random_below(round, k, 12); /* many are equal */
            part[k] = (uint8_t)mf_random_below(round + 100, k, 3);
        }
        for (uint32_t k = 0; k < N; k++) {
            rank[k] = 0;
            for (uint32_t j = 0; j < N; j++)
                rank[k] += time[j] < time[k] ? 2 : time[j] == time[k] && j != k ? 1 : 0;
        }
        const uint32_t n = mf_part_ranks(rank, part, MF_PART_KEPT, N, counts, found);
        assert_int_equal(n, count(part, 0, N, MF_PART_KEPT));
        for (uint32_t k = 0; k < N; k++) {
            uint32_t expected = 0;
            for (uint32_t j = 0; j < N; j++)
                if (part[j] == MF_PART_KEPT)
                    expected += time[j] < time[k] ? 2 : time[j] == time[k] && j != k ? 1 : 0;
            if (part[k] == MF_PART_KEPT)
                assert_int_equal(found[k], expected);
        }
        mf_part_ranks(rank, NULL, 0, N, counts, found);
        assert_memory_equal(found, rank, sizeof rank);
        assert_int_equal(mf_part_ranks(NULL, NULL, 0, N, counts, found), N);
        for (uint32_t k = 0; k < N; k++)
            assert_int_equal(found[k], N - 1);
    }
}

static void rows_of_a_part_in_both_directions(void **state)
{
    (void)state;
    mf_error err = {0};
    made_input m = make_input(30, 20, rank_three, true);
    uint8_t *part = mark(&m, INFINITY, 1, 1);
    for (int transposed = 0; transposed < 2; transposed++)
        for (int whole = 0; whole < 2; whole++) {
            mf_sparse_rows rows;
            assert_ok(mf_part_rows(&m.input, whole ? NULL : part, MF_PART_KEPT, transposed, 2,
                                   &rows, &err),
                      err);
            assert_int_equal(rows.n_rows, transposed ? 20 : 30);
            uint64_t n = 0;
            for (uint32_t r = 0; r < rows.n_rows; r++)
                for (uint64_t k = rows.start[r]; k < rows.start[r + 1]; k++, n++) {
                    const uint32_t user = transposed ? rows.column[k] : r;
                    const uint32_t item = transposed ? r : rows.column[k];
                    if (k > rows.start[r])
                        assert_true(rows.column[k] > rows.column[k - 1]);
                    uint64_t at = m.user_start[user];
                    while (m.item[at] != item)
                        at++;
                    assert_true(at < m.user_start[user + 1]);
                    assert_int_equal(rows.grade[k], m.grade[at]);
                    assert_true(whole || part[at] == MF_PART_KEPT);
                }
            assert_int_equal(n, whole ? m.user_start[30]
                                      : count(part, 0, m.user_start[30], MF_PART_KEPT));
            mf_part_rows_free(&rows);
        }
    free(part);
    clear_input(&m);
}

static int nearly_all(uint32_t user, uint32_t item)
{
    return item < 90 * user ? (int)(1 + (user * 50 + item) % 255) : NO_PAIR;
}

/* Users with none, 90, 180 and more ratings, the last ones with 64 windows, which are longer. */
static void windows_in_both_directions(void **state)
{
    (void)state;
    enum { USERS = 40, ITEMS = 3300 };
    mf_error err = {0};
    made_input m = make_input(USERS, ITEMS, nearly_all, true);
    mf_sparse_rows users;
    mf_sparse_rows items;
    assert_ok(mf_part_rows(&m.input, NULL, 0, false, 3, &users, &err), err);
    assert_ok(mf_part_rows(&m.input, NULL, 0, true, 1, &items, &err), err);
    assert_int_equal(users.n_rows, USERS);
    assert_int_equal(items.n_rows, ITEMS);
    assert_int_equal(items.start[ITEMS], 2 * m.user_start[USERS]);
    assert_int_equal(users.row_window[2] - users.row_window[1], 2);
    assert_int_equal(users.row_window[USERS] - users.row_window[USERS - 1], MF_SPECTRAL_WINDOWS);
    assert_int_equal(mf_part_n_rows(&m.input), USERS + users.row_window[USERS]);
    for (uint32_t u = 0; u < USERS; u++) {
        uint64_t k = users.start[u];
        uint32_t last = 0;
        for (uint64_t w = users.row_window[u]; w < users.row_window[u + 1]; w++) {
            uint32_t latest = 0;
            const uint64_t begin = k;
            for (; k < users.window_end[w]; k++) {
                const uint32_t i = users.column[k];
                const uint64_t rating = m.user_start[u] + i; /* a user has the first items */
                assert_int_equal(m.item[rating], i);
                assert_int_equal(users.grade[k], m.grade[rating]);
                if (w > users.row_window[u])
                    assert_true(m.time_rank[rating] > last);
                latest = m.time_rank[rating] > latest ? m.time_rank[rating] : latest;
                /* The item's row has the user, and after it the window. */
                uint64_t at = items.start[i];
                while (items.column[at] != u)
                    at++;
                assert_true(at + 1 < items.start[i + 1]);
                assert_int_equal(items.grade[at], m.grade[rating]);
                assert_int_equal(items.column[at + 1], USERS + w);
                assert_int_equal(items.grade[at + 1], mf_part_window_grade(m.grade[rating]));
            }
            assert_true(k - begin <= 50 || m.user_start[u + 1] - m.user_start[u] > 3200);
            last = latest;
        }
        assert_int_equal(k, users.start[u + 1]);
    }
    for (int code = 1; code < 256; code++)
        assert_true(fabs(mf_part_window_grade((uint8_t)code) - 179 / 255.0 * code) <= 0.5);
    mf_part_rows_free(&users);
    mf_part_rows_free(&items);
    clear_input(&m);
}

/* --- lists ------------------------------------------------------------------------ */

typedef struct scored {
    float score;
    uint32_t item;
} scored;

static int compare_scored(const void *a, const void *b)
{
    const scored *x = a;
    const scored *y = b;
    if (x->score > y->score || x->score < y->score)
        return x->score < y->score ? 1 : -1;
    return x->item < y->item ? -1 : 1;
}

/* Σ NDCG over users for λ and the first k directions, with plain loops. by_newest: of the ratings
 * among a user's newest quarter from those before. */
static double plain_sum(const made_input *m, const uint8_t *part, bool by_newest, const float *v,
                        uint32_t n_found, const double *variances, double lambda, uint32_t k,
                        double recency, uint64_t *n_users)
{
    enum { OLDER = 1 };
    const mf_spectral_input *in = &m->input;
    const size_t stride = mf_model_stride(n_found);
    scored *list = calloc(in->n_items, sizeof *list);
    uint32_t *counts = calloc(2 * (size_t)in->n_items, sizeof *counts);
    uint32_t *rank = calloc(in->n_items, sizeof *rank);
    uint32_t *relevant = calloc(in->n_items, sizeof *relevant);
    uint8_t *marks = calloc(in->n_items, sizeof *marks);
    double sum = 0;
    *n_users = 0;
    for (uint32_t u = 0; u < in->n_users; u++) {
        const uint64_t begin = in->user_start[u];
        const uint32_t n = (uint32_t)(in->user_start[u + 1] - begin);
        float profile[512] = {0};
        uint32_t n_relevant = 0;
        for (uint32_t j = 0; j < n; j++) {
            const bool newest = by_newest && in->time_rank[begin + j] >= 1.5 * (n - 1);
            marks[j] = part[begin + j] == MF_PART_KEPT && !newest ? OLDER : 0;
            if (part[begin + j] == MF_PART_ASIDE && in->relevant[begin + j] && newest == by_newest)
                relevant[n_relevant++] = in->item[begin + j];
        }
        const uint32_t kept = mf_part_ranks(in->time_rank == NULL ? NULL : in->time_rank + begin,
                                            marks, OLDER, n, counts, rank);
        for (uint32_t j = 0; j < n; j++) {
            if (marks[j] != OLDER)
                continue;
            const float y = (float)in->grade[begin + j] / 255;
            const float weight =
                in->time_rank == NULL ? y : mf_age_weight((float)recency, rank[j], kept) * y;
            for (size_t f = 0; f < stride; f++)
                profile[f] += weight * v[in->item[begin + j] * stride + f];
        }
        if (n_relevant == 0 || (by_newest && kept == 0))
            continue;
        size_t n_list = 0;
        for (uint32_t i = 0, j = 0; i < in->n_items; i++) {
            while (j < n && in->item[begin + j] < i)
                j++;
            if (j < n && in->item[begin + j] == i && part[begin + j] != MF_PART_ASIDE)
                continue;
            float score = 0;
            for (uint32_t f = 0; f < k; f++) {
                const double weight = mf_direction_weight(variances[f], lambda);
                score += v[i * stride + f] * (profile[f] * (float)(weight * weight));
            }
            list[n_list++] = (scored){score, i};
        }
        qsort(list, n_list, sizeof *list, compare_scored);
        uint32_t first[10];
        const size_t shown = n_list < 10 ? n_list : 10;
        for (size_t p = 0; p < shown; p++)
            first[p] = list[p].item;
        sum += mf_list_metrics_of(first, shown, relevant, n_relevant, 10).ndcg;
        ++*n_users;
    }
    free(marks);
    free(relevant);
    free(rank);
    free(counts);
    free(list);
    return sum;
}

/* Compares the sums of the grid with plain loops; within `bound` for each user. */
static void check_lists(uint32_t n_users, uint32_t n_items, bool with_times, double bound)
{
    mf_error err = {0};
    made_input m = make_input(n_users, n_items, rank_three, with_times);
    uint8_t *part = mark(&m, INFINITY, 3, 1);
    const mf_spectral_kernel *kernel = mf_spectral_kernel_choose();
    mf_sparse_rows rows;
    assert_ok(mf_part_rows(&m.input, part, MF_PART_KEPT, false, 2, &rows, &err), err);
    mf_subspace *subspace = mf_subspace_create(kernel, n_items, 100, 1, &err);
    assert_ok(subspace != NULL, err);
    mf_subspace_start(subspace, &rows, 1);
    for (int step = 0; step < 6; step++)
        assert_ok(mf_subspace_step(subspace, &err), err);
    double variances[128];
    float *v = mf_allocate((size_t)n_items * 128, sizeof *v, "vectors", &err);
    const uint32_t k = (uint32_t)mf_subspace_directions(subspace, true, variances, v, &err);
    assert_true(k > 70);

    const mf_spectral_options options = auto_options();
    const mf_choose_grid grid = mf_choose_grid_for(&options, with_times, false, variances, k);
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        mf_choose_sums sums = {0};
        mf_choose *choose =
            mf_choose_create(kernel, &grid, &m.input, part, v, k, variances, 1, threads, &err);
        assert_ok(choose != NULL, err);
        while (sums.n_users < mf_choose_n_users(choose))
            mf_choose_stretch(choose, &sums);
        for (uint32_t l = 0; l < grid.n_regularizations; l += 4)
            for (uint32_t size = 0; size < grid.n_sizes; size++) {
                uint64_t counted;
                const double expected =
                    plain_sum(&m, part, false, v, k, variances, grid.regularization[l],
                              grid.size[size] < k ? grid.size[size] : k, grid.recency, &counted);
                const double found = sums.ndcg[l * grid.n_sizes + size];
                assert_int_equal(sums.n_users, counted);
                if (!(fabs(found - expected) <= bound * (double)counted))
                    fail_msg("λ %g, k %u: %.17g instead of %.17g", grid.regularization[l],
                             grid.size[size], found, expected);
            }
        for (uint32_t r = 0; r < grid.n_recencies; r++) {
            uint64_t counted;
            const double expected = plain_sum(&m, part, true, v, k, variances,
                                              grid.regularization[grid.n_regularizations / 2], k,
                                              mf_choose_recencies[r], &counted);
            assert_true(counted > n_users / 2);
            assert_int_equal(sums.n_recency_users, counted);
            /* Scores are put together from two, so nearly equal ones may change places. */
            if (!(fabs(sums.recency_ndcg[r] - expected) <= (bound + 1e-4) * (double)counted))
                fail_msg("recency %g: %.17g instead of %.17g", mf_choose_recencies[r],
                         sums.recency_ndcg[r], expected);
        }
        assert_int_equal(sums.n_recency_users > 0, with_times);
        mf_choose_destroy(choose);
    }
    mf_free(v);
    mf_subspace_destroy(subspace);
    mf_part_rows_free(&rows);
    free(part);
    clear_input(&m);
}

static void lists_are_those_of_plain_loops_over_all_items(void **state)
{
    (void)state;
    check_lists(150, 110, true, 0);
    check_lists(200, 90, false, 0);
}

static void lists_of_many_items_come_from_the_best_candidates(void **state)
{
    (void)state;
    check_lists(180, 1500, true, 2e-3);
}

static void of_many_users_some_are_drawn(void **state)
{
    (void)state;
    mf_error err = {0};
    made_input m = make_input(3000, 12, two_kinds, false);
    uint8_t *part = mark(&m, INFINITY, 3, 1);
    float *v = mf_allocate(12 * 16, sizeof *v, "vectors", &err);
    const double variances[] = {1};
    const mf_spectral_options options = auto_options();
    const mf_choose_grid grid = mf_choose_grid_for(&options, false, false, variances, 1);
    mf_choose *choose = mf_choose_create(mf_spectral_kernel_choose(), &grid, &m.input, part, v, 1,
                                         variances, 1, 1, &err);
    assert_ok(choose != NULL, err);
    const uint32_t n = mf_choose_n_users(choose);
    assert_true(n >= MF_CHOOSE_USERS_LEAST * 3 / 4 && n < 3000);
    mf_choose_sums sums = {0};
    uint32_t stretches = 0;
    for (; sums.n_users < n; stretches++)
        mf_choose_stretch(choose, &sums);
    assert_int_equal(stretches, (n + MF_CHOOSE_STRETCH - 1) / MF_CHOOSE_STRETCH);
    mf_choose_destroy(choose);
    mf_free(v);
    free(part);
    clear_input(&m);
}

/* --- what is taken ------------------------------------------------------------------ */

static mf_choose_grid automatic_grid(void)
{
    const mf_spectral_options options = auto_options();
    const double variances[] = {100, 50, 30};
    return mf_choose_grid_for(&options, true, false, variances, 3);
}

static void set(mf_choose_sums *sums, const mf_choose_grid *grid, uint32_t l, uint32_t size,
                double value)
{
    sums->ndcg[l * grid->n_sizes + size] = value;
}

static void the_grid_stands_around_the_mean_variance(void **state)
{
    (void)state;
    const mf_choose_grid grid = automatic_grid();
    bool mean_is_there = false;
    for (uint32_t l = 0; l < grid.n_regularizations; l++) {
        mean_is_there = mean_is_there || fabs(grid.regularization[l] - 60) < 1e-9;
        if (l > 0)
            assert_true(fabs(grid.regularization[l] / grid.regularization[l - 1] - 1.3) < 1e-9);
    }
    assert_true(mean_is_there);
    mf_spectral_options options = auto_options();
    options.regularization = 5;
    options.n_factors = 33;
    const double variances[] = {1};
    const mf_choose_grid given = mf_choose_grid_for(&options, true, false, variances, 1);
    assert_int_equal(given.n_regularizations, 1);
    assert_int_equal(given.n_sizes, 1);
    assert_true(given.regularization[0] == 5);
    assert_int_equal(given.size[0], 33);
}

static void a_weaker_recency_is_taken_when_its_gain_is_no_chance(void **state)
{
    (void)state;
    mf_choose_grid grid = automatic_grid();
    assert_int_equal(grid.n_recencies, 3);
    /* 100 users: gains of .02 and .01 with a deviation of .2, whose standard error is .02. */
    mf_choose_sums sums = {
        .n_recency_users = 100, .recency_ndcg = {12, 11, 10}, .recency_gain_squares = {4, 4, 0}};
    assert_int_equal(mf_choose_best_recency(&grid, &sums), 2);
    /* A deviation of .09 and .045: .02 is more than two of the first one's errors. */
    sums.recency_gain_squares[0] = 0.8;
    assert_int_equal(mf_choose_best_recency(&grid, &sums), 0);
    sums.recency_gain_squares[0] = 4;
    sums.recency_gain_squares[1] = 0.2;
    assert_int_equal(mf_choose_best_recency(&grid, &sums), 1);
    /* A certain loss. */
    sums = (mf_choose_sums){.n_recency_users = 100,
                            .recency_ndcg = {9, 9.5, 10},
                            .recency_gain_squares = {0.01, 0.01, 0}};
    assert_int_equal(mf_choose_best_recency(&grid, &sums), 2);
    sums = (mf_choose_sums){.n_users = 100};
    assert_int_equal(mf_choose_best_recency(&grid, &sums), UINT32_MAX);
    mf_spectral_options options = auto_options();
    const double variances[] = {1};
    grid = mf_choose_grid_for(&options, false, false, variances, 1);
    assert_int_equal(grid.n_recencies, 0);
    assert_true(grid.recency == 0);
    options.recency = 0.7;
    grid = mf_choose_grid_for(&options, true, false, variances, 1);
    assert_int_equal(grid.n_recencies, 0);
    assert_true(grid.recency == 0.7);
}

static void the_smallest_regularization_near_the_best_is_taken(void **state)
{
    (void)state;
    const mf_choose_grid grid = automatic_grid();
    mf_choose_sums sums = {.n_users = 100};
    for (uint32_t l = 0; l < grid.n_regularizations; l++)
        for (uint32_t size = 0; size < grid.n_sizes; size++)
            set(&sums, &grid, l, size, 10);
    /* A plateau from 5 on: 4 is smoothed to .75 of the way, far from 1 %; 5 is near. */
    for (uint32_t l = 5; l < grid.n_regularizations; l++)
        for (uint32_t size = 0; size < grid.n_sizes; size++)
            set(&sums, &grid, l, size, l < 9 ? 20 : 19);
    /* 5 is 17.5 when smoothed, 6 is 20. */
    assert_int_equal(mf_choose_best(&grid, &sums), 6 * grid.n_sizes + grid.n_sizes - 1);
    /* A lonely peak is smoothed away: 10, 40, 10 is 25 in its place, but still the best. */
    for (uint32_t l = 0; l < grid.n_regularizations; l++)
        set(&sums, &grid, l, 0, l == 2 ? 40 : 10);
    assert_int_equal(mf_choose_best(&grid, &sums), 2 * grid.n_sizes);
}

static void graded_ratings_take_one_that_is_a_little_further_away(void **state)
{
    (void)state;
    const mf_spectral_options options = auto_options();
    const double variances[] = {100, 50, 30};
    uint32_t taken[2];
    for (int graded = 0; graded < 2; graded++) {
        const mf_choose_grid grid = mf_choose_grid_for(&options, true, graded == 1, variances, 3);
        mf_choose_sums sums = {.n_users = 1};
        for (uint32_t l = 0; l < grid.n_regularizations; l++)
            for (uint32_t size = 0; size < grid.n_sizes; size++)
                set(&sums, &grid, l, size, l < 3 ? 0.5 : l < 7 ? 0.98 : 1);
        taken[graded] = mf_choose_best(&grid, &sums) / grid.n_sizes;
    }
    assert_int_equal(taken[0], 7); /* smoothed with what is below it: within 1 % */
    assert_int_equal(taken[1], 4);
}

static void the_largest_size_near_the_best_is_taken(void **state)
{
    (void)state;
    const mf_choose_grid grid = automatic_grid();
    static const double value[][3] = {
        {100, 100, 100}, {100, 100, 99.1}, {100, 99.1, 98.9}, {100, 98, 98}, {100, 50, 99.5}};
    static const uint32_t expected[] = {2, 2, 1, 0, 2};
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
        mf_choose_sums sums = {.n_users = 100};
        for (uint32_t l = 0; l < grid.n_regularizations; l++)
            for (uint32_t size = 0; size < grid.n_sizes; size++)
                set(&sums, &grid, l, size, value[k][size]);
        assert_int_equal(mf_choose_best(&grid, &sums) % grid.n_sizes, expected[k]);
    }
}

static void a_choice_for_graded_ratings_is_taken_half_way(void **state)
{
    (void)state;
    const double without = mf_default_regularization(30000);
    assert_true(mf_taken_regularization(10, 30000, false, 100) == 10);
    assert_true(fabs(mf_taken_regularization(without, 30000, true, 700) - without) < 1e-9);
    assert_true(fabs(mf_taken_regularization(without / 4, 30000, true, 1) - without / 2) < 1e-9);
    assert_true(fabs(mf_taken_regularization(without / 4, 30000, true, 700) - without / 2) < 1e-9);
    const double many = mf_taken_regularization(without / 4, 30000, true, 1000000000);
    assert_true(fabs(many / (1.25 * without / 4) - 1) < 1e-5);
}

static void nothing_found_means_no_choice(void **state)
{
    (void)state;
    const mf_choose_grid grid = automatic_grid();
    const mf_choose_sums sums = {.n_users = 100};
    assert_int_equal(mf_choose_best(&grid, &sums), UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifth_of_each_users_ratings_is_set_aside),
        cmocka_unit_test(of_many_ratings_a_part_of_the_users_is_drawn),
        cmocka_unit_test(ranks_of_a_part_are_counted_anew),
        cmocka_unit_test(rows_of_a_part_in_both_directions),
        cmocka_unit_test(windows_in_both_directions),
        cmocka_unit_test(lists_are_those_of_plain_loops_over_all_items),
        cmocka_unit_test(lists_of_many_items_come_from_the_best_candidates),
        cmocka_unit_test(of_many_users_some_are_drawn),
        cmocka_unit_test(the_grid_stands_around_the_mean_variance),
        cmocka_unit_test(a_weaker_recency_is_taken_when_its_gain_is_no_chance),
        cmocka_unit_test(the_smallest_regularization_near_the_best_is_taken),
        cmocka_unit_test(graded_ratings_take_one_that_is_a_little_further_away),
        cmocka_unit_test(the_largest_size_near_the_best_is_taken),
        cmocka_unit_test(a_choice_for_graded_ratings_is_taken_half_way),
        cmocka_unit_test(nothing_found_means_no_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
