/* test_ratings_channel.c: which files of a channel become ratings. */
#include "ratings_testing.h"

#include "train/data.h"

#include <stdarg.h>
#include <sys/stat.h>

static const char tags[] = "userId,movieId,tag,timestamp\n1,31,boring,5\n2,31,fun,6\n1,31,x,7\n";
static const char stars[] = "userId,movieId,rating,timestamp\n1,31,4,5\n1,31,2,6\n";
static const char titles[] = "movieId,title,genres\n1,Toy Story (1995),Comedy\n";

/* Reads files (name, text, … NULL) as a channel. */
static mf_ratings *read_channel(const mf_ratings_options *options, mf_error *err, ...)
{
    mf_channel channel = {.name = "train", .mode = MF_CHANNEL_FILE, .path = "train"};
    va_list files;
    assert_int_equal(mkdir("train", 0700), 0);
    va_start(files, err);
    for (const char *name; (name = va_arg(files, const char *)) != NULL;) {
        char path[80];
        const char *text = va_arg(files, const char *);
        snprintf(path, sizeof path, "train/%s", name);
        write_text(path, text);
    }
    va_end(files);
    static mf_data_report report;
    mf_ratings *ratings = mf_data_read_channel(&channel, NULL, options, NULL, &report, err);
    testing_folder_remove(strdup("train"));
    return ratings;
}

static void assert_channel(mf_ratings *ratings, const mf_error *err, mf_feedback feedback,
                           const char *expected)
{
    assert_ok(ratings != NULL, *err);
    char *text = ratings_text(ratings);
    assert_string_equal(text, expected);
    assert_int_equal(ratings->feedback, feedback);
    free(text);
    mf_ratings_destroy(ratings);
}

static const mf_ratings_options automatic = {0};
static const mf_ratings_options explicit = {.feedback = MF_FEEDBACK_EXPLICIT};
static const mf_ratings_options implicit = {.feedback = MF_FEEDBACK_IMPLICIT};

static void files_without_ratings_count_only_when_no_file_has_any(void **state)
{
    mf_error err = {0};
    (void)state;
    assert_channel(read_channel(&automatic, &err, "a.csv", tags, "b.csv", stars, NULL), &err,
                   MF_FEEDBACK_EXPLICIT, "1 31 2\n");
    assert_channel(read_channel(&automatic, &err, "a.csv", stars, "b.csv", tags, NULL), &err,
                   MF_FEEDBACK_EXPLICIT, "1 31 2\n");
    assert_channel(
        read_channel(&automatic, &err, "a.csv", titles, "b.csv", tags, "c.csv", tags, NULL), &err,
        MF_FEEDBACK_IMPLICIT, "1 31 4\n2 31 2\n");
}

static void implicit_feedback_that_is_given_takes_ratings_files_too(void **state)
{
    mf_error err = {0};
    (void)state;
    assert_channel(read_channel(&implicit, &err, "a.csv", tags, "b.csv", stars, NULL), &err,
                   MF_FEEDBACK_IMPLICIT, "1 31 4\n2 31 1\n");
}

static void a_channel_with_nothing_to_read_says_what_it_would_need(void **state)
{
    static const struct {
        const mf_ratings_options *options;
        const char *text;
        const char *sentence;
    } cases[] = {
        {&automatic, titles,
         "channel train: its only file has no columns user, item and rating (or user and item, for "
         "implicit feedback): a.csv (columns movieId, title, genres; missing: user, rating); "
         "user_column=…, "
         "item_column=… and rating_column=… name other columns"},
        {&explicit, tags,
         "channel train: its only file has no columns user, item and rating: a.csv (columns "
         "userId, movieId, tag, timestamp; missing: rating); user_column=…, "
         "item_column=… and rating_column=… name other columns"},
        {&implicit, "1,31,4,5,6\n",
         "channel train: its only file has no columns user and item: a.csv (no header; columns 1, "
         "31, 4, 5, 6; positions say which is which: user_column=#1, item_column=#2, "
         "weight_column=#3 (or none, where there are no weights))"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        assert_null(read_channel(cases[c].options, &err, "a.csv", cases[c].text, NULL));
        assert_int_equal(err.code, MF_ERR_CONFIG);
        assert_string_equal(err.text, cases[c].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(files_without_ratings_count_only_when_no_file_has_any),
        TEST_IN_FOLDER(implicit_feedback_that_is_given_takes_ratings_files_too),
        TEST_IN_FOLDER(a_channel_with_nothing_to_read_says_what_it_would_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
