/* The ranking model's trainer against the plain reference in double, and on inputs at the edge
 * of what there can be. */
#include "spectral_testing.h"

#include "spectral/choose.h"
#include "spectral/part.h"
#include "spectral/reference.h"
#include "spectral/subspace.h"

/* The matrix written out: users, and after them their windows, with 0.7 of the grades, in codes
 * where the iteration is on the side of users. */
static void run_reference(const made_input *m, double *spectrum, double *vectors)
{
    const mf_spectral_input *in = &m->input;
    const size_t n_rows = mf_part_n_rows(in);
    double *y = calloc(n_rows * in->n_items, sizeof *y);
    double *gram = calloc((size_t)in->n_items * in->n_items, sizeof *gram);
    assert_true(y != NULL && gram != NULL);
    size_t window = in->n_users;
    for (uint32_t u = 0; u < in->n_users; u++) {
        const uint64_t n = in->user_start[u + 1] - in->user_start[u];
        const bool windows = in->time_rank != NULL && n > 50;
        for (uint64_t k = in->user_start[u]; k < in->user_start[u + 1]; k++) {
            y[u * in->n_items + in->item[k]] = in->grade[k] / 255.0;
            if (!windows)
                continue;
            const double part = in->n_items <= n_rows ? 179 / 255.0 * in->grade[k]
                                                      : mf_part_window_grade(in->grade[k]);
            y[(window + in->time_rank[k] / 100) * in->n_items + in->item[k]] = part / 255.0;
        }
        window += windows ? (n + 49) / 50 : 0;
    }
    assert_int_equal(window, n_rows);
    mf_reference_decompose(y, n_rows, in->n_items, spectrum, vectors, gram);
    free(gram);
    free(y);
}

/* v of direction f: the stored vector without its weight. */
static double component(const mf_spectral_result *r, double lambda, uint32_t item, uint32_t f)
{
    const double weight = mf_direction_weight((double)r->spectrum[f], lambda);
    return (double)r->item_vectors[item * mf_model_stride(r->n_factors) + f] / weight;
}

/* vᵀv - 1, and other products of directions, at most. */
static double skewness(const mf_spectral_result *r, double lambda, uint32_t n_items)
{
    double most = 0;
    for (uint32_t f = 0; f < r->n_factors; f++)
        for (uint32_t g = 0; g <= f; g++) {
            double dot = f == g ? -1 : 0;
            for (uint32_t i = 0; i < n_items; i++)
                dot += component(r, lambda, i, f) * component(r, lambda, i, g);
            most = fmax(most, fabs(dot));
        }
    return most;
}

static void assert_is_finite_and_padded(const mf_spectral_result *r, uint32_t n_items)
{
    const size_t stride = mf_model_stride(r->n_factors);
    for (size_t i = 0; i < n_items * stride; i++) {
        assert_true(isfinite(r->item_vectors[i]));
        if (i % stride >= r->n_factors)
            assert_true(r->item_vectors[i] == 0);
    }
    for (size_t f = 0; f < stride; f++) {
        assert_true(isfinite(r->mean_profile[f]));
        if (f >= r->n_factors)
            assert_true(r->mean_profile[f] == 0);
    }
    for (uint32_t f = 0; f < r->n_factors; f++) {
        assert_true(r->spectrum[f] > 0);
        if (f > 0)
            assert_true(r->spectrum[f] <= r->spectrum[f - 1]);
    }
}

/* Learned with all settings given and compared with the reference: σ², and V through what does
 * not depend on the basis in a space of equal σ². */
static void compare(const made_input *m, uint32_t n_factors, double tolerance)
{
    enum { LAMBDA = 5 };
    const uint32_t n_items = m->input.n_items;
    double *spectrum = calloc(n_items, sizeof *spectrum);
    double *vectors = calloc((size_t)n_items * n_items, sizeof *vectors);
    run_reference(m, spectrum, vectors);
    mf_spectral_options options = given_options(n_factors, LAMBDA);
    options.tolerance = 1e-6;
    mf_spectral *spectral = learn(&options, &m->input);
    const mf_spectral_result r = get_result(spectral);
    assert_is_finite_and_padded(&r, n_items);
    assert_true(r.converged);
    for (uint32_t f = 0; f < r.n_factors; f++)
        if (!(fabs((double)r.spectrum[f] - spectrum[f]) <= tolerance * spectrum[0]))
            fail_msg("σ² of direction %u: %.9g instead of %.9g", f, (double)r.spectrum[f],
                     spectrum[f]);
    if (r.n_factors < n_factors && r.n_factors < n_items)
        assert_true(spectrum[r.n_factors] <= 2e-7 * spectrum[0]);
    const double skew = skewness(&r, LAMBDA, n_items);
    if (!(skew <= 1e-5))
        fail_msg("not orthonormal by %g", skew);
    /* Item × item matrix V W² Vᵀ, W the weights, which makes the scores. */
    double worst = 0;
    for (uint32_t i = 0; i < n_items; i++)
        for (uint32_t j = 0; j < n_items; j++) {
            double got = 0;
            double expected = 0;
            for (uint32_t f = 0; f < r.n_factors; f++) {
                const double weight = mf_direction_weight(spectrum[f], LAMBDA);
                got += (double)r.item_vectors[i * mf_model_stride(r.n_factors) + f] *
                       (double)r.item_vectors[j * mf_model_stride(r.n_factors) + f];
                expected += weight * weight * vectors[f * n_items + i] * vectors[f * n_items + j];
            }
            worst = fmax(worst, fabs(got - expected));
        }
    if (!(worst <= 20 * tolerance))
        fail_msg("scores differ by %g", worst);
    mf_spectral_destroy(spectral);
    free(vectors);
    free(spectrum);
}

static void directions_are_those_of_the_reference_on_either_side(void **state)
{
    (void)state;
    made_input wide = make_input(40, 90, rank_three, true);
    made_input tall = make_input(90, 40, rank_three, true);
    made_input square = make_input(50, 50, rank_three, false);
    made_input users_with_windows = make_input(12, 200, rank_three, true);
    made_input items_with_windows = make_input(80, 160, rank_three, true);
    assert_int_equal(mf_part_n_rows(&users_with_windows.input), 12 + 12 * 2);
    assert_true(mf_part_n_rows(&items_with_windows.input) > 160);
    compare(&users_with_windows, 12, 2e-6);
    compare(&items_with_windows, 12, 2e-6);
    clear_input(&users_with_windows);
    clear_input(&items_with_windows);
    compare(&wide, 12, 2e-6);
    compare(&tall, 12, 2e-6);
    compare(&square, 12, 2e-6);
    compare(&wide, 40, 2e-6);
    compare(&tall, 40, 2e-6);
    clear_input(&wide);
    clear_input(&tall);
    clear_input(&square);
}

static void more_directions_than_there_are_are_left_out(void **state)
{
    (void)state;
    made_input wide = make_input(20, 60, rank_three, true);
    made_input tall = make_input(60, 20, rank_three, true);
    compare(&wide, 300, 2e-6);
    compare(&tall, 300, 2e-6);
    clear_input(&wide);
    clear_input(&tall);
}

/* --- special matrices ----------------------------------------------------------- */

static int all_alike(uint32_t user, uint32_t item)
{
    (void)user, (void)item;
    return 200;
}

static int only_own(uint32_t user, uint32_t item)
{
    return user == item ? 150 : NO_PAIR;
}

/* Pairs of users with an item alone: every σ² many times. */
static int own_blocks(uint32_t user, uint32_t item)
{
    return user / 4 == item / 4 ? (int)((user + item) % 4 * 60 + 30) : NO_PAIR;
}

static int empty_in_the_middle(uint32_t user, uint32_t item)
{
    return (user >= 10 && user < 30) || (item >= 5 && item < 25) ? NO_PAIR : rank_three(user, item);
}

static int grades_of_zero_there(uint32_t user, uint32_t item)
{
    return (user >= 10 && user < 30) || (item >= 5 && item < 25) ? 0 : rank_three(user, item);
}

static int rank_two(uint32_t user, uint32_t item)
{
    return item % 2 == 0 ? 40 + (int)user : 20 + (int)(user * user % 97);
}

static int one_pair(uint32_t user, uint32_t item)
{
    return user == 3 && item == 5 ? 255 : NO_PAIR;
}

/* σ² falls by orders of magnitude. */
static int falling(uint32_t user, uint32_t item)
{
    const uint32_t level = item % 8;
    return user % 8 == level ? 255 >> level : NO_PAIR;
}

static void ranks_below_k_and_equal_singular_values(void **state)
{
    (void)state;
    grade_of *const tables[] = {all_alike, only_own, own_blocks, empty_in_the_middle,
                                rank_two,  one_pair, falling,    rank_three};
    static const uint32_t shapes[][2] = {{40, 40}, {33, 64}, {64, 33}, {10, 120}};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            made_input m = make_input(shapes[s][0], shapes[s][1], tables[t], true);
            compare(&m, 64, 3e-6);
            clear_input(&m);
        }
}

/* One direction is 1e5 times as strong as the next. */
static int nearly_constant(uint32_t user, uint32_t item)
{
    return 230 + (int)mf_random_below(77, (uint64_t)user << 32 | item, 26);
}

/* The same where the block is narrower than the matrix. */
static void low_ranks_and_equal_values_in_large_matrices(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{150, 160}, {160, 150}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        grade_of *const low[] = {all_alike, rank_two, one_pair};
        for (size_t t = 0; t < sizeof low / sizeof *low; t++) {
            made_input m = make_input(shapes[s][0], shapes[s][1], low[t], true);
            compare(&m, 8, 3e-6);
            clear_input(&m);
        }
        grade_of *const hard[] = {only_own, own_blocks, falling, nearly_constant};
        for (size_t t = 0; t < sizeof hard / sizeof *hard; t++) {
            made_input m = make_input(shapes[s][0], shapes[s][1], hard[t], true);
            const uint32_t n = shapes[s][1];
            double *spectrum = calloc(n, sizeof *spectrum);
            double *vectors = calloc((size_t)n * n, sizeof *vectors);
            run_reference(&m, spectrum, vectors);
            mf_spectral_options options = given_options(20, 0.5);
            options.tolerance = 1e-5;
            mf_spectral *spectral = learn(&options, &m.input);
            const mf_spectral_result r = get_result(spectral);
            assert_true(r.converged);
            assert_int_equal(r.n_factors, hard[t] == falling ? 8 : 20);
            assert_true(skewness(&r, 0.5, n) <= 1e-5);
            for (uint32_t f = 0; f < r.n_factors; f++)
                if (!(fabs((double)r.spectrum[f] - spectrum[f]) <=
                      2e-3 * spectrum[f] + 1e-6 * spectrum[0]))
                    fail_msg("table %zu, σ² of direction %u: %.9g instead of %.9g", t, f,
                             (double)r.spectrum[f], spectrum[f]);
            mf_spectral_destroy(spectral);
            free(vectors);
            free(spectrum);
            clear_input(&m);
        }
    }
}

static void one_user_or_one_item_is_enough(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1}, {1, 30}, {30, 1}, {2, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        made_input m = make_input(shapes[s][0], shapes[s][1], all_alike, true);
        const mf_spectral_options given = given_options(16, 2);
        mf_spectral *spectral = learn(&given, &m.input);
        mf_spectral_result r = get_result(spectral);
        assert_int_equal(r.n_factors, 1);
        const double expected = (double)shapes[s][0] * shapes[s][1] * (200 / 255.0) * (200 / 255.0);
        assert_true(fabs((double)r.spectrum[0] - expected) <= 1e-5 * expected);
        mf_spectral_destroy(spectral);
        const mf_spectral_options options = auto_options();
        spectral = learn(&options, &m.input);
        r = get_result(spectral);
        assert_int_equal(r.n_factors, 1);
        assert_is_finite_and_padded(&r, m.input.n_items);
        mf_spectral_destroy(spectral);
        clear_input(&m);
    }
}

static void ratings_of_grade_0_are_as_if_they_were_not_there(void **state)
{
    (void)state;
    made_input without = make_input(60, 50, empty_in_the_middle, true);
    made_input with = make_input(60, 50, grades_of_zero_there, true);
    for (int automatic = 0; automatic < 2; automatic++) {
        const mf_spectral_options options = automatic ? auto_options() : given_options(10, 3);
        mf_spectral *a = learn(&options, &without.input);
        mf_spectral *b = learn(&options, &with.input);
        const mf_spectral_result ra = get_result(a);
        const mf_spectral_result rb = get_result(b);
        assert_same_result(&ra, &rb, 50);
        for (uint32_t i = 5; i < 25; i++)
            for (uint32_t f = 0; f < ra.n_factors; f++)
                assert_true(ra.item_vectors[i * mf_model_stride(ra.n_factors) + f] == 0);
        mf_spectral_destroy(a);
        mf_spectral_destroy(b);
    }
    clear_input(&without);
    clear_input(&with);
}

/* --- the rest of the result -------------------------------------------------------- */

static void signs_make_the_largest_component_positive(void **state)
{
    (void)state;
    made_input m = make_input(40, 60, rank_three, true);
    const mf_spectral_options options = given_options(8, 1);
    mf_spectral *spectral = learn(&options, &m.input);
    const mf_spectral_result r = get_result(spectral);
    for (uint32_t f = 0; f < r.n_factors; f++) {
        float largest = 0;
        for (uint32_t i = 0; i < 60; i++) {
            const float q = r.item_vectors[i * mf_model_stride(r.n_factors) + f];
            if (fabsf(q) > fabsf(largest))
                largest = q;
        }
        assert_true(largest > 0);
    }
    mf_spectral_destroy(spectral);
    clear_input(&m);
}

static void the_mean_profile_is_the_mean_of_all_profiles(void **state)
{
    (void)state;
    for (int times = 0; times < 2; times++) {
        made_input m = make_input(45, 30, empty_in_the_middle, times);
        const mf_spectral_options options = given_options(10, 2);
        mf_spectral *spectral = learn(&options, &m.input);
        const mf_spectral_result r = get_result(spectral);
        const size_t stride = mf_model_stride(r.n_factors);
        double sum[64] = {0};
        uint32_t n_users = 0;
        for (uint32_t u = 0; u < 45; u++) {
            const uint64_t begin = m.user_start[u];
            const uint32_t n = (uint32_t)(m.user_start[u + 1] - begin);
            n_users += n > 0;
            for (uint32_t k = 0; k < n; k++) {
                const float a = times ? mf_age_weight(0.5f, m.time_rank[begin + k], n) : 1;
                for (size_t f = 0; f < stride; f++)
                    sum[f] += (double)a * (m.grade[begin + k] / 255.0) *
                              (double)r.item_vectors[m.item[begin + k] * stride + f];
            }
        }
        for (size_t f = 0; f < stride; f++)
            assert_true(fabs(sum[f] / n_users - (double)r.mean_profile[f]) <= 1e-5);
        mf_spectral_destroy(spectral);
        clear_input(&m);
    }
}

static void what_is_given_is_what_comes_back(void **state)
{
    (void)state;
    made_input m = make_input(60, 40, rank_three, true);
    mf_spectral_options options = given_options(7, 12.5);
    mf_spectral *spectral = new_spectral(&options, &m.input);
    assert_int_equal(mf_spectral_progress_get(spectral).phase, MF_SPECTRAL_LEARNING);
    run_steps(spectral, UINT32_MAX);
    mf_spectral_result r = get_result(spectral);
    assert_int_equal(r.n_factors, 7);
    assert_true(r.regularization == 12.5f && r.recency == 0.5f && r.prior == 0.25f);
    assert_int_equal(r.n_choices, 0);
    assert_null(r.choices);
    mf_spectral_destroy(spectral);

    /* Each setting alone. */
    options = auto_options();
    options.regularization = 12.5;
    spectral = learn(&options, &m.input);
    r = get_result(spectral);
    assert_true(r.regularization == 12.5f && r.prior > 0);
    assert_int_equal(r.n_recencies, MF_CHOOSE_RECENCIES);
    bool is_compared = false;
    for (uint32_t c = 0; c < r.n_recencies; c++) {
        assert_true(r.recencies[c].recency == mf_choose_recencies[c]);
        assert_true(r.recencies[c].ndcg > 0 && r.recencies[c].ndcg < 1);
        is_compared = is_compared || (double)r.recency == mf_choose_recencies[c];
    }
    assert_true(is_compared);
    assert_true(r.n_choices > 0);
    for (uint32_t c = 0; c < r.n_choices; c++)
        assert_true(r.choices[c].regularization == 12.5);
    mf_spectral_destroy(spectral);

    options = auto_options();
    options.n_factors = 7;
    options.recency = 0;
    options.prior = 3;
    spectral = learn(&options, &m.input);
    r = get_result(spectral);
    assert_int_equal(r.n_factors, 7);
    assert_true(r.recency == 0 && r.prior == 3);
    assert_int_equal(r.n_recencies, 0);
    assert_null(r.recencies);
    assert_true(r.n_choices > 1);
    for (uint32_t c = 0; c < r.n_choices; c++) {
        assert_int_equal(r.choices[c].n_factors, 7);
        assert_true(r.choices[c].ndcg >= 0 && r.choices[c].ndcg <= 1);
    }
    double squares = 0;
    for (uint64_t k = 0; k < m.input.user_start[m.input.n_users]; k++)
        squares += (double)m.input.grade[k] * m.input.grade[k] / (255.0 * 255.0);
    const double taken =
        mf_taken_regularization(r.choices[r.chosen].regularization, squares, true, 1);
    assert_true(fabs((double)r.regularization / taken - 1) < 1e-6);
    mf_spectral_destroy(spectral);
    clear_input(&m);
}

static void each_setting_and_the_seed_change_the_model(void **state)
{
    (void)state;
    made_input m = make_input(60, 90, rank_three, true);
    const mf_spectral_options base = given_options(8, 3);
    mf_spectral *expected = learn(&base, &m.input);
    const mf_spectral_result a = get_result(expected);
    for (int k = 0; k < 3; k++) {
        mf_spectral_options options = base;
        if (k == 0)
            options.regularization = 4;
        if (k == 1)
            options.recency = 1;
        if (k == 2)
            options.n_factors = 9;
        mf_spectral *other = learn(&options, &m.input);
        const mf_spectral_result b = get_result(other);
        assert_true(a.n_factors != b.n_factors ||
                    memcmp(a.mean_profile, b.mean_profile, 16 * sizeof(float)) != 0);
        mf_spectral_destroy(other);
    }
    mf_spectral_destroy(expected);
    clear_input(&m);
}

/* --- the same bits ------------------------------------------------------------------- */

static void threads_and_cpus_do_not_change_a_bit(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{300, 700}, {700, 300}};
    static const uint32_t threads[] = {2, 3, 8, 256};
    static const char *const cpus[] = {"sse2", "avx2", "avx512", "neon", "generic"};
    const double least_work = mf_subspace_least_work(1);
    for (size_t s = 0; s < 2; s++) {
        made_input m = make_input(shapes[s][0], shapes[s][1], rank_three, true);
        mf_spectral_options options = auto_options();
        mf_spectral *expected = learn(&options, &m.input);
        const mf_spectral_result a = get_result(expected);
        assert_true(a.n_choices > 0);
        for (size_t k = 0; k < 4; k++) {
            options.n_threads = threads[k];
            mf_spectral *other = learn(&options, &m.input);
            const mf_spectral_result b = get_result(other);
            assert_same_result(&a, &b, shapes[s][1]);
            mf_spectral_destroy(other);
        }
        options.n_threads = 2;
        for (size_t k = 0; k < sizeof cpus / sizeof *cpus; k++) {
            setenv("MF_CPU", cpus[k], 1);
            mf_spectral *other = learn(&options, &m.input);
            unsetenv("MF_CPU");
            const mf_spectral_result b = get_result(other);
            assert_same_result(&a, &b, shapes[s][1]);
            mf_spectral_destroy(other);
        }
        mf_spectral_destroy(expected);
        clear_input(&m);
    }
    mf_subspace_least_work(least_work);
}

/* --- steps ------------------------------------------------------------------------------ */

static void a_run_at_its_step_limit_says_that_it_has_not_converged(void **state)
{
    (void)state;
    made_input m = make_input(200, 150, rank_three, true);
    for (uint32_t limit = 1; limit <= 3; limit++)
        for (int automatic = 0; automatic < 2; automatic++) {
            mf_spectral_options options = automatic ? auto_options() : given_options(20, 3);
            options.n_factors = 20; /* 256 would be all there are, which need no step */
            options.max_steps = limit;
            mf_spectral *spectral = learn(&options, &m.input);
            const mf_spectral_result r = get_result(spectral);
            assert_false(r.converged);
            assert_int_equal(r.steps, limit);
            assert_is_finite_and_padded(&r, 150);
            assert_true(skewness(&r, (double)r.regularization, 150) <= 1e-4);
            mf_spectral_destroy(spectral);
        }
    clear_input(&m);
}

static void the_result_of_an_interrupted_run_does_not_change_the_rest_of_it(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_spectral_result r;
    static const uint32_t shapes[][2] = {{150, 260}, {260, 150}};
    for (size_t s = 0; s < 2; s++) {
        made_input m = make_input(shapes[s][0], shapes[s][1], rank_three, true);
        const mf_spectral_options options = auto_options();
        mf_spectral *expected = learn(&options, &m.input);
        mf_spectral *spectral = new_spectral(&options, &m.input);
        while (!mf_spectral_done(spectral)) {
            const mf_spectral_progress at = mf_spectral_progress_get(spectral);
            const bool early = at.phase != MF_SPECTRAL_LEARNING || at.step == 0;
            mf_error_clear(&err);
            if (early) {
                assert_false(mf_spectral_result_get(spectral, &r, &err));
                assert_error(&err, MF_ERR_ARGUMENT, "too early");
            } else {
                assert_ok(mf_spectral_result_get(spectral, &r, &err), err);
                assert_false(r.converged);
                assert_is_finite_and_padded(&r, shapes[s][1]);
                assert_true(skewness(&r, (double)r.regularization, shapes[s][1]) <= 1e-4);
            }
            run_steps(spectral, 1);
        }
        const mf_spectral_result a = get_result(expected);
        const mf_spectral_result b = get_result(spectral);
        assert_same_result(&a, &b, shapes[s][1]);
        mf_spectral_destroy(spectral);
        mf_spectral_destroy(expected);
        clear_input(&m);
    }
}

static void progress_tells_phases_and_steps(void **state)
{
    (void)state;
    made_input m = make_input(200, 150, rank_three, true);
    const mf_spectral_options options = auto_options();
    mf_spectral *spectral = new_spectral(&options, &m.input);
    mf_spectral_progress before = mf_spectral_progress_get(spectral);
    assert_int_equal(before.phase, MF_SPECTRAL_CHOOSING);
    assert_int_equal(before.step, 0);
    while (!mf_spectral_done(spectral)) {
        run_steps(spectral, 1);
        const mf_spectral_progress now = mf_spectral_progress_get(spectral);
        assert_true(now.phase >= before.phase);
        if (now.phase == before.phase)
            assert_int_equal(now.step, before.step + 1);
        assert_true(now.step <= now.max_step);
        assert_true(isfinite(now.change) && now.change >= 0 && now.seconds >= 0);
        before = now;
    }
    mf_spectral_destroy(spectral);
    clear_input(&m);
}

/* --- the choice ------------------------------------------------------------------------- */

static void choosing_works_without_times_and_with_equal_ones(void **state)
{
    (void)state;
    for (int times = 0; times < 2; times++) {
        made_input m = make_input(120, 80, two_kinds, times);
        for (uint32_t u = 0; u < 120; u++)
            for (uint64_t k = m.user_start[u]; k < m.user_start[u + 1]; k++)
                m.time_rank[k] = (uint32_t)(m.user_start[u + 1] - m.user_start[u] - 1);
        const mf_spectral_options options = auto_options();
        mf_spectral *spectral = learn(&options, &m.input);
        const mf_spectral_result r = get_result(spectral);
        assert_true(r.n_choices > 1);
        /* Half of the unseen items are liked: the lists have to find the right half. */
        assert_true(r.choices[r.chosen].ndcg > 0.3);
        assert_true(r.recency == (times ? 1 : 0));
        mf_spectral_destroy(spectral);
        clear_input(&m);
    }
}

static void users_without_anything_liked_leave_the_defaults(void **state)
{
    (void)state;
    made_input m = make_input(60, 40, rank_three, true);
    memset(m.relevant, 0, m.user_start[60]);
    const mf_spectral_options options = auto_options();
    mf_spectral *spectral = learn(&options, &m.input);
    const mf_spectral_result r = get_result(spectral);
    assert_int_equal(r.n_choices, 0);
    assert_true(r.regularization > 0 && isfinite(r.regularization));
    assert_is_finite_and_padded(&r, 40);
    mf_spectral_destroy(spectral);
    clear_input(&m);
}

/* --- failures ----------------------------------------------------------------------------- */

static void assert_input_refused(const mf_spectral_options *options, const mf_spectral_input *in,
                                 const char *words)
{
    mf_error err = {0};
    assert_null(mf_spectral_create(options, in, &err));
    assert_error(&err, MF_ERR_ARGUMENT, words);
}

static int no_grade(uint32_t user, uint32_t item)
{
    (void)user, (void)item;
    return 0;
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    const mf_spectral_options options = auto_options();
    made_input none = make_input(5, 5, no_grade, true);
    assert_input_refused(&options, &none.input, "no rating has a grade");
    clear_input(&none);

    made_input m = make_input(30, 20, rank_three, true);
    mf_spectral_input bad = m.input;
    bad.n_users = 0;
    assert_input_refused(&options, &bad, "no users");
    bad = m.input;
    bad.relevant = NULL;
    assert_input_refused(&options, &bad, "missing");
    const uint32_t item = m.item[1];
    m.item[1] = 20;
    assert_input_refused(&options, &m.input, "out of range");
    m.item[1] = m.item[0];
    assert_input_refused(&options, &m.input, "do not ascend");
    m.item[1] = item;
    m.time_rank[0] = 1000;
    assert_input_refused(&options, &m.input, "time rank");
    m.time_rank[0] = 0;
    const uint64_t begin = m.user_start[1];
    m.user_start[1] = m.user_start[2] + 1;
    assert_input_refused(&options, &m.input, "");
    m.user_start[1] = begin;

    const struct {
        double regularization, recency, prior, tolerance;
        uint32_t max_steps, n_factors;
    } settings[] = {
        {(double)NAN, 0, 0, 1, 1, 1}, {(double)INFINITY, 0, 0, 1, 1, 1},
        {1, 1.5, 0, 1, 1, 1},         {1, (double)NAN, 0, 1, 1, 1},
        {1, 0, (double)NAN, 1, 1, 1}, {1, 0, 0, (double)NAN, 1, 1},
        {1, 0, 0, -1, 1, 1},          {1, 0, 0, 1, 0, 1},
        {1, 0, 0, 1, 1, 5000},
    };
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
        mf_spectral_options o = options;
        o.regularization = settings[k].regularization;
        o.recency = settings[k].recency;
        o.prior = settings[k].prior;
        o.tolerance = settings[k].tolerance;
        o.max_steps = settings[k].max_steps;
        o.n_factors = settings[k].n_factors;
        assert_input_refused(&o, &m.input, "");
    }
    clear_input(&m);
}

static void every_failing_allocation_is_a_clean_error(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{20, 30}, {30, 20}};
    for (size_t s = 0; s < 2; s++) {
        made_input m = make_input(shapes[s][0], shapes[s][1], grades_of_zero_there, true);
        const mf_spectral_options options = auto_options();
        bool whole = false;
        for (size_t n = 1; !whole; n++) {
            mf_error err = {0};
            mf_spectral_result r;
            mf_memory_fail_nth(n);
            mf_spectral *spectral = mf_spectral_create(&options, &m.input, &err);
            bool ok = spectral != NULL;
            while (ok && !mf_spectral_done(spectral))
                ok = mf_spectral_step(spectral, &err);
            ok = ok && mf_spectral_result_get(spectral, &r, &err);
            whole = ok;
            mf_memory_fail_nth(0);
            if (!ok)
                assert_int_equal(err.code, MF_ERR_MEMORY);
            mf_spectral_destroy(spectral);
            assert_true(n < 200);
        }
        clear_input(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_are_those_of_the_reference_on_either_side),
        cmocka_unit_test(more_directions_than_there_are_are_left_out),
        cmocka_unit_test(ranks_below_k_and_equal_singular_values),
        cmocka_unit_test(low_ranks_and_equal_values_in_large_matrices),
        cmocka_unit_test(one_user_or_one_item_is_enough),
        cmocka_unit_test(ratings_of_grade_0_are_as_if_they_were_not_there),
        cmocka_unit_test(signs_make_the_largest_component_positive),
        cmocka_unit_test(the_mean_profile_is_the_mean_of_all_profiles),
        cmocka_unit_test(what_is_given_is_what_comes_back),
        cmocka_unit_test(each_setting_and_the_seed_change_the_model),
        cmocka_unit_test(threads_and_cpus_do_not_change_a_bit),
        cmocka_unit_test(a_run_at_its_step_limit_says_that_it_has_not_converged),
        cmocka_unit_test(the_result_of_an_interrupted_run_does_not_change_the_rest_of_it),
        cmocka_unit_test(progress_tells_phases_and_steps),
        cmocka_unit_test(choosing_works_without_times_and_with_equal_ones),
        cmocka_unit_test(users_without_anything_liked_leave_the_defaults),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(every_failing_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
