/* test_predict_source.c: predict/movies.h over files (S3 is tests/integration's), and the function
 * around it. */
#include "predict_testing.h"

#include "lambda/predict/movies.h"

#include <fcntl.h>
#include <sys/stat.h>

static void put(const char *path, const char *csv)
{
    static time_t seconds = 1000000000;
    testing_write(path, csv, strlen(csv));
    /* Each write has a time of its own, however fast the test is. */
    seconds++;
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void assert_title(const mf_predict_movies_source *source, const char *title)
{
    mf_predict_movie movie;
    assert_true(mf_predict_movies_find(source->movies, "1", 1, &movie));
    assert_int_equal(movie.n_title, strlen(title));
    assert_memory_equal(movie.title, title, movie.n_title);
}

/* The movies of a file in a folder of its own, read once; to be closed. */
typedef struct opened {
    char *folder, *path;
    mf_predict_movies_source source;
} opened;

static void open_movies(opened *movies, const char *csv)
{
    mf_error err = {0};
    movies->folder = testing_folder();
    movies->path = testing_path(movies->folder, "movies.csv");
    put(movies->path, csv);
    assert_ok(mf_predict_movies_source_start(&movies->source, movies->path, NULL, &err), err);
    assert_null(movies->source.movies);
    assert_ok(mf_lambda_watched_load(&movies->source.place, 0, &err), err);
}

static void close_movies(opened *movies)
{
    mf_predict_movies_source_end(&movies->source);
    free(movies->path);
    testing_folder_remove(movies->folder);
}

static void a_newer_file_takes_the_old_ones_place(void **state)
{
    (void)state;
    opened movies;
    open_movies(&movies, MOVIES_HEADER "1,one,A\n");
    mf_predict_movies_source *source = &movies.source;
    assert_title(source, "one");
    const mf_predict_movies *before = source->movies;
    assert_true(mf_lambda_watched_refresh(&source->place, 0));
    assert_ptr_equal(source->movies, before);
    put(movies.path, MOVIES_HEADER "1,two,A\n"); /* as long as before */
    assert_true(mf_lambda_watched_refresh(&source->place, 0));
    assert_title(source, "two");
    assert_true(mf_lambda_watched_age_ms(&source->place) < 60000);
    close_movies(&movies);
}

static void what_cannot_be_read_leaves_the_old_movies(void **state)
{
    (void)state;
    opened movies;
    open_movies(&movies, MOVIES_HEADER "1,one,A\n");
    mf_predict_movies_source *source = &movies.source;
    put(movies.path, MOVIES_HEADER "1,\"two,A\n");
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    assert_title(source, "one");
    put(movies.path, "");
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    unlink(movies.path);
    assert_false(mf_lambda_watched_refresh(&source->place, 0));
    assert_title(source, "one");
    put(movies.path, MOVIES_HEADER "1,three,A\n");
    assert_true(mf_lambda_watched_refresh(&source->place, 0));
    assert_title(source, "three");
    close_movies(&movies);
}

static void a_first_reading_that_fails_names_the_place(void **state)
{
    (void)state;
    char *folder = testing_folder();
    char *broken = testing_path(folder, "broken.csv");
    put(broken, MOVIES_HEADER "1,a,b\n2,\"c,d\n");
    const struct {
        const char *path;
        mf_error_code code;
        const char *says;
    } cases[] = {
        {"/nowhere/movies.csv", MF_ERR_IO, "/nowhere/movies.csv: the movies cannot be read"},
        {folder, MF_ERR_IO, "found a folder"},
        {broken, MF_ERR_PARSE, "broken.csv:3: a quote is opened and not closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        mf_predict_movies_source source;
        assert_ok(mf_predict_movies_source_start(&source, cases[i].path, NULL, &err), err);
        assert_false(mf_lambda_watched_load(&source.place, 0, &err));
        assert_error(&err, cases[i].code, cases[i].says);
        assert_null(source.movies);
        mf_predict_movies_source_end(&source);
    }
    free(broken);
    testing_folder_remove(folder);
}

/* Writes another file and refreshes. True when it was read. */
static bool is_refreshed(opened *movies, uint32_t every_seconds, int64_t share_ms)
{
    const mf_predict_movies *before = movies->source.movies;
    put(movies->path, MOVIES_HEADER "1,other,A\n");
    mf_lambda_watched_refresh_if_due(&movies->source.place, every_seconds, share_ms, 1000);
    return movies->source.movies != before;
}

static void a_look_is_due_after_its_period_and_needs_time(void **state)
{
    (void)state;
    opened movies;
    open_movies(&movies, MOVIES_HEADER "1,one,A\n");
    mf_lambda_watched *place = &movies.source.place;
    assert_false(is_refreshed(&movies, 300, 1000)); /* it was just looked at */
    place->looked_ms -= 301000;
    assert_false(is_refreshed(&movies, 0, 1000)); /* never */
    assert_false(is_refreshed(&movies, 300, 0));  /* no time */
    assert_true(is_refreshed(&movies, 300, 1000));
    assert_false(is_refreshed(&movies, 300, 1000));
    place->looked_ms += 60000; /* as when the clock is set back */
    assert_true(is_refreshed(&movies, 300, 1000));
    place->known_ms += 60000;
    assert_int_equal(mf_lambda_watched_age_ms(place), 0);
    /* A version that needs more time than there is leaves the old one. */
    place->looked_ms = 0;
    place->ms_per_byte = 1e6;
    assert_false(is_refreshed(&movies, 300, 1000));
    close_movies(&movies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_file_takes_the_old_ones_place),
        cmocka_unit_test(what_cannot_be_read_leaves_the_old_movies),
        cmocka_unit_test(a_first_reading_that_fails_names_the_place),
        cmocka_unit_test(a_look_is_due_after_its_period_and_needs_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
