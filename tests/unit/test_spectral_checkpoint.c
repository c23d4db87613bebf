/* A run of the ranking model's trainer that is cut between any two steps and resumed ends with
 * the same bits; damaged and foreign checkpoints change nothing. */
#include "spectral_testing.h"

enum { STEPS_MAX = 64 };

static char *step_path(const char *folder, uint32_t step)
{
    char name[32];
    snprintf(name, sizeof name, "step-%u", step);
    return testing_path(folder, name);
}

/* Saves before the first step and after each one, resumes every checkpoint in a trainer of its
 * own and compares the ends. Returns how many steps there were. */
static uint32_t cut_everywhere(const mf_spectral_options *options, const made_input *m)
{
    mf_error err = {0};
    char *folder = testing_folder();
    uint32_t steps = 0;
    mf_spectral *whole = new_spectral(options, &m->input);
    for (;; steps++) {
        assert_true(steps < STEPS_MAX);
        char *path = step_path(folder, steps);
        assert_ok(mf_spectral_save(whole, path, &err), err);
        free(path);
        if (run_steps(whole, 1) == 0)
            break;
    }
    const mf_spectral_result expected = get_result(whole);
    for (uint32_t k = 0; k <= steps; k++) {
        char *path = step_path(folder, k);
        mf_spectral_options other = *options;
        other.n_threads = 1 + k % 3; /* may differ after the cut */
        mf_spectral *resumed = new_spectral(&other, &m->input);
        /* Also in a trainer that has gone further itself. */
        if (k % 2 == 1)
            run_steps(resumed, k + 3);
        assert_ok(mf_spectral_resume(resumed, path, &err), err);
        assert_int_equal(k + run_steps(resumed, UINT32_MAX), steps);
        const mf_spectral_result found = get_result(resumed);
        assert_same_result(&found, &expected, m->input.n_items);
        mf_spectral_destroy(resumed);
        free(path);
    }
    mf_spectral_destroy(whole);
    testing_folder_remove(folder);
    return steps;
}

static void a_run_cut_after_any_step_ends_with_the_same_bits(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{200, 300}, {300, 200}};
    for (size_t s = 0; s < 2; s++) {
        made_input m = make_input(shapes[s][0], shapes[s][1], rank_three, true);
        mf_spectral_options automatic = auto_options();
        automatic.n_factors = 20; /* 256 would be all there are, which need no step */
        assert_true(cut_everywhere(&automatic, &m) > 6);
        mf_spectral_options given = given_options(20, 2);
        given.tolerance = 1e-3;
        assert_true(cut_everywhere(&given, &m) > 3);
        clear_input(&m);
    }
}

static void a_run_at_its_step_limit_may_be_cut_too(void **state)
{
    (void)state;
    made_input m = make_input(150, 200, rank_three, true);
    for (uint32_t limit = 1; limit <= 4; limit++) {
        mf_spectral_options options = auto_options();
        options.max_steps = limit;
        assert_true(cut_everywhere(&options, &m) <= 2 * limit + 1);
    }
    clear_input(&m);
}

/* With more users than a stretch has the grid is more than one step. */
static void a_run_cut_in_the_grid_ends_with_the_same_bits(void **state)
{
    (void)state;
    made_input m = make_input(2600, 24, two_kinds, true);
    const mf_spectral_options options = auto_options();
    mf_spectral *spectral = new_spectral(&options, &m.input);
    uint32_t grid_steps = 0;
    while (!mf_spectral_done(spectral)) {
        grid_steps += mf_spectral_progress_get(spectral).phase == MF_SPECTRAL_GRID ? 1 : 0;
        run_steps(spectral, 1);
    }
    assert_true(grid_steps >= 2);
    mf_spectral_destroy(spectral);
    cut_everywhere(&options, &m);
    clear_input(&m);
}

/* --- refusals ------------------------------------------------------------------ */

/* The trainer ends as one whose result was never read. */
static void assert_refused(const mf_spectral_options *options, const made_input *m,
                           const char *path, const char *words)
{
    mf_error err = {0};
    mf_spectral *spectral = new_spectral(options, &m->input);
    mf_spectral *expected = learn(options, &m->input);
    assert_false(mf_spectral_resume(spectral, path, &err));
    assert_error(&err, MF_ERR_FORMAT, words);
    run_steps(spectral, UINT32_MAX);
    const mf_spectral_result a = get_result(spectral);
    const mf_spectral_result b = get_result(expected);
    assert_same_result(&a, &b, m->input.n_items);
    mf_spectral_destroy(expected);
    mf_spectral_destroy(spectral);
}

static void checkpoints_of_other_runs_are_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    made_input m = make_input(60, 90, rank_three, true);
    const mf_spectral_options options = auto_options();
    mf_spectral *spectral = new_spectral(&options, &m.input);
    run_steps(spectral, 3);
    assert_ok(mf_spectral_save(spectral, path, &err), err);
    mf_spectral_destroy(spectral);

    mf_spectral_options other = options;
    other.fingerprint++;
    assert_refused(&other, &m, path, "other data or other hyperparameters");
    /* The same fingerprint, but not such a run. */
    other = given_options(5, 2);
    assert_refused(&other, &m, path, "a place that does not exist");
    made_input smaller = make_input(50, 90, rank_three, true);
    assert_refused(&options, &smaller, path, "");
    clear_input(&smaller);
    clear_input(&m);
    free(path);
    testing_folder_remove(folder);
}

static char *read_all(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*n);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

static void damaged_checkpoints_are_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "checkpoint");
    made_input m = make_input(8, 12, rank_three, true);
    const mf_spectral_options options = given_options(4, 2);
    mf_spectral *spectral = new_spectral(&options, &m.input);
    run_steps(spectral, 2);
    assert_ok(mf_spectral_save(spectral, path, &err), err);
    size_t n;
    char *bytes = read_all(path, &n);
    for (size_t at = 0; at < n; at += at < 128 ? 1 : 13) {
        bytes[at] ^= 0x10;
        testing_write(path, bytes, n);
        bytes[at] ^= 0x10;
        mf_error_clear(&err);
        assert_false(mf_spectral_resume(spectral, path, &err));
        assert_int_equal(err.code, MF_ERR_FORMAT);
    }
    for (size_t length = 0; length < n; length += 29) {
        testing_write(path, bytes, length);
        mf_error_clear(&err);
        assert_false(mf_spectral_resume(spectral, path, &err));
        assert_int_equal(err.code, MF_ERR_FORMAT);
    }
    mf_error_clear(&err);
    assert_false(mf_spectral_resume(spectral, "/nonexistent/checkpoint", &err));
    assert_int_equal(err.code, MF_ERR_IO);
    mf_error_clear(&err);
    assert_false(mf_spectral_save(spectral, "/nonexistent/checkpoint", &err));
    assert_int_equal(err.code, MF_ERR_IO);
    /* It continues as if nothing had happened. */
    run_steps(spectral, UINT32_MAX);
    mf_spectral *expected = learn(&options, &m.input);
    const mf_spectral_result a = get_result(spectral);
    const mf_spectral_result b = get_result(expected);
    assert_same_result(&a, &b, 12);
    mf_spectral_destroy(expected);
    mf_spectral_destroy(spectral);
    free(bytes);
    clear_input(&m);
    free(path);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_cut_after_any_step_ends_with_the_same_bits),
        cmocka_unit_test(a_run_at_its_step_limit_may_be_cut_too),
        cmocka_unit_test(a_run_cut_in_the_grid_ends_with_the_same_bits),
        cmocka_unit_test(checkpoints_of_other_runs_are_refused),
        cmocka_unit_test(damaged_checkpoints_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
