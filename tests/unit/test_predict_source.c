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
    assert_true(mf_predict_movies_find(mf_predict_movies_source_get(source), "1", 1, &movie));
    assert_int_equal(movie.n_title, strlen(title));
    assert_memory_equal(movie.title, title, movie.n_title);
}

/* The movies of a file in a folder of its own, read once; to be closed. */
typedef struct opened {
    char *folder, *path;
    mf_predict_movies_source *source;
} opened;

static opened open_movies(const char *csv)
{
    mf_error err = {0};
    opened movies = {.folder = testing_folder()};
    movies.path = testing_path(movies.folder, "movies.csv");
    put(movies.path, csv);
    movies.source = mf_predict_movies_source_create(movies.path, NULL, &err);
    assert_non_null(movies.source);
    assert_null(mf_predict_movies_source_get(movies.source));
    assert_ok(mf_predict_movies_source_load(movies.source, 0, &err), err);
    return movies;
}

static void close_movies(const opened *movies)
{
    mf_predict_movies_source_destroy(movies->source);
    free(movies->path);
    testing_folder_remove(movies->folder);
}

static void a_newer_file_takes_the_old_ones_place(void **state)
{
    (void)state;
    const opened movies = open_movies(MOVIES_HEADER "1,one,A\n");
    mf_predict_movies_source *source = movies.source;
    assert_title(source, "one");
    const mf_predict_movies *before = mf_predict_movies_source_get(source);
    assert_true(mf_predict_movies_source_refresh(source, 0));
    assert_ptr_equal(mf_predict_movies_source_get(source), before);
    put(movies.path, MOVIES_HEADER "1,two,A\n"); /* as long as before */
    assert_true(mf_predict_movies_source_refresh(source, 0));
    assert_title(source, "two");
    assert_true(mf_lambda_watched_age_ms(mf_predict_movies_source_place(source)) < 60000);
    assert_true(mf_lambda_watched_asked_ms(mf_predict_movies_source_place(source)) < 60000);
    close_movies(&movies);
}

static void what_cannot_be_read_leaves_the_old_movies(void **state)
{
    (void)state;
    const opened movies = open_movies(MOVIES_HEADER "1,one,A\n");
    mf_predict_movies_source *source = movies.source;
    put(movies.path, MOVIES_HEADER "1,\"two,A\n");
    assert_false(mf_predict_movies_source_refresh(source, 0));
    assert_title(source, "one");
    put(movies.path, "");
    assert_false(mf_predict_movies_source_refresh(source, 0));
    unlink(movies.path);
    assert_false(mf_predict_movies_source_refresh(source, 0));
    assert_title(source, "one");
    put(movies.path, MOVIES_HEADER "1,three,A\n");
    assert_true(mf_predict_movies_source_refresh(source, 0));
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
        mf_predict_movies_source *source =
            mf_predict_movies_source_create(cases[i].path, NULL, &err);
        assert_non_null(source);
        assert_false(mf_predict_movies_source_load(source, 0, &err));
        assert_error(&err, cases[i].code, cases[i].says);
        assert_null(mf_predict_movies_source_get(source));
        mf_predict_movies_source_destroy(source);
    }
    free(broken);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_file_takes_the_old_ones_place),
        cmocka_unit_test(what_cannot_be_read_leaves_the_old_movies),
        cmocka_unit_test(a_first_reading_that_fails_names_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
