/* test_ratings_forget.c: tombstones in JSON, and the rows that they take away (forget.h). */
#include "ratings_testing.h"

#include "ratings/dialect.h"
#include "ratings/forget.h"

#define RATING(user, item, rating, time)                                                           \
    "{\"user_id\":" #user ",\"item_id\":" #item ",\"rating\":" #rating ",\"timestamp\":" #time "}" \
    "\n"
#define FORGET(user, time) "{\"event\":\"forget\",\"user_id\":" #user ",\"timestamp\":" #time "}\n"

/* Reads files r0, r1, … of these texts with a number of threads. */
static mf_ratings *read_texts(const char *const *texts, size_t n, const mf_ratings_options *options,
                              mf_error *err)
{
    mf_ratings *ratings = NULL;
    mf_ratings_content content = MF_RATINGS_READ;
    mf_ratings_reader *reader = mf_ratings_reader_create(options, err);
    bool ok = reader != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "r%zu", i);
        write_text(name, texts[i]);
        ok = mf_ratings_reader_add(reader, name, &content, NULL, err);
        assert_int_equal(content, MF_RATINGS_READ);
    }
    if (ok)
        ratings = mf_ratings_reader_finish(reader, err);
    mf_ratings_reader_destroy(reader);
    return ratings;
}

static void assert_texts(const char *const *texts, size_t n, const char *expected,
                         uint64_t n_tombstones, uint64_t n_forgotten)
{
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        mf_error err = {0};
        const mf_ratings_options options = {.n_threads = threads, .block_bytes = 64};
        mf_ratings *ratings = read_texts(texts, n, &options, &err);
        assert_ok(ratings != NULL, err);
        char *got = ratings_text(ratings);
        assert_string_equal(got, expected);
        assert_int_equal(ratings->counts.n_tombstones, n_tombstones);
        assert_int_equal(ratings->counts.n_forgotten, n_forgotten);
        free(got);
        mf_ratings_destroy(ratings);
    }
}

static void what_is_not_newer_is_left_out_in_every_file(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "userId,movieId,rating,timestamp\n7,1,5,100\n7,2,4,200\n8,1,3,100\n7,3,2,\n",
        RATING(7, 4, 1, 300) FORGET(7, 200) RATING(7, 5, 3, 150) RATING(8, 4, 5, 50),
    };
    /* 200 is not newer than 200; a row without a time is not either. */
    assert_texts(texts, 2, "7 4 1\n8 1 3\n8 4 5\n", 1, 4);
}

static void the_latest_tombstone_counts_and_the_word_has_any_letter_case(void **state)
{
    (void)state;
    static const char *const texts[] = {FORGET(
        7, 500) "{\"user_id\":7,\"event\":\"Forget\",\"timestamp\":100}\n" RATING(7, 1, 5, 400)
                                            RATING(7, 2, 4, 501) RATING(8, 1, 2, 1)};
    assert_texts(texts, 1, "7 2 4\n8 1 2\n", 2, 1);
}

static void without_a_time_all_of_a_user_is_forgotten(void **state)
{
    (void)state;
    static const char *const texts[] = {
        RATING(7, 1, 5, 400) "{\"user_id\":\"7\",\"event\":\"forget\"}\n" RATING(
            8, 1, 2,
            1) "{\"user_id\":\"7\",\"event\":\"forget\",\"timestamp\":null}\n" RATING(7, 2, 5,
                                                                                      4e12)};
    assert_texts(texts, 1, "8 1 2\n", 2, 2);
}

static void each_object_is_read_by_its_own_names(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"userId\":7,\"movieId\":1,\"rating\":5,\"timestamp\":100}\n"
        "{\"user_id\":8,\"item\":1,\"score\":3,\"ts\":200}\n"
        "{\"USER_ID\":7,\"EVENT_TYPE\":\"forget\",\"ts\":150}\n"
        "{\"userId\":7,\"movieId\":2,\"rating\":4,\"timestamp\":151}\n"};
    assert_texts(texts, 1, "7 2 4\n8 1 3\n", 1, 1);
    mf_error err = {0};
    const mf_ratings_options options = {.user_column = "userId", .max_bad_rows = 1};
    mf_ratings *ratings = read_texts(texts, 1, &options, &err);
    assert_null(ratings); /* two objects have no userId */
}

static void a_whole_number_is_one_user_in_all_its_forms(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "userId,movieId,rating,timestamp\n7.0,1,5,100\n8,1,3,100\n9.50,1,1,100\n",
        FORGET(7, 200) FORGET("8.0", 200) FORGET(9.5, 200) RATING(6, 1, 2, 100)};
    assert_texts(texts, 2, "9.50 1 1\n6 1 2\n", 3, 2);
}

static void a_text_of_hexadecimal_digits_is_another_user(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "userId,movieId,rating,timestamp\n1e5,1,5,100\n100000,1,3,100\n200000,1,2,100\n",
        FORGET("1e5", 200) FORGET(2e5, 200) RATING(6, 1, 2, 100)};
    assert_texts(texts, 2, "100000 1 3\n6 1 2\n", 2, 2);
}

static void text_between_objects_costs_no_object(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"user_id\":7,\"item_id\":1,\"rating\":5}nope{\"event\":\"forget\",\"user_id\":7}"
        "{\"user_id\":8,\"item_id\":1,\"rating\":3}"};
    mf_error err = {0};
    const mf_ratings_options options = {.max_bad_rows = 1};
    mf_ratings *ratings = read_texts(texts, 1, &options, &err);
    assert_ok(ratings != NULL, err);
    char *got = ratings_text(ratings);
    assert_string_equal(got, "8 1 3\n");
    assert_int_equal(ratings->counts.n_bad_rows, 1);
    free(got);
    mf_ratings_destroy(ratings);
}

static void damage_may_come_first(void **state)
{
    (void)state;
    static const char *const texts[] = {"nope\n" RATING(7, 1, 5, 1) RATING(8, 1, 3, 1)};
    mf_error err = {0};
    const mf_ratings_options options = {.max_bad_rows = 1};
    mf_ratings *ratings = read_texts(texts, 1, &options, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->n_ratings, 2);
    assert_int_equal(ratings->counts.n_bad_rows, 1);
    mf_ratings_destroy(ratings);
}

static void a_pair_whose_newest_rating_is_newer_keeps_that_one(void **state)
{
    (void)state;
    static const char *const texts[] = {RATING(7, 1, 5, 100) RATING(7, 1, 2, 300) FORGET(7, 200)
                                            RATING(8, 1, 3, 100)};
    assert_texts(texts, 1, "7 1 2\n8 1 3\n", 1, 1);
}

static void users_and_items_without_a_rating_left_are_gone(void **state)
{
    (void)state;
    mf_error err = {0};
    static const char *const texts[] = {RATING(6, 10, 1, 5) RATING(7, 11, 5, 100) RATING(
        7, 12, 4, 100) RATING(8, 12, 3, 100) RATING(8, 13, 2, 9) FORGET(7, 100)};
    mf_ratings *ratings = read_texts(texts, 1, &(mf_ratings_options){0}, &err);
    assert_ok(ratings != NULL, err);
    char *got = ratings_text(ratings);
    assert_string_equal(got, "6 10 1\n8 12 3\n8 13 2\n");
    free(got);
    assert_int_equal(ratings->n_users, 2);
    assert_int_equal(ratings->users.n, 2);
    assert_int_equal(ratings->n_items, 3);
    assert_int_equal(ratings->items.n, 3);
    assert_int_equal(ratings->items.start[3], 6);
    assert_memory_equal(ratings->items.bytes, "101213", 6);
    assert_int_equal(ratings->user_start[2], 3);
    mf_ratings_destroy(ratings);
}

static void times_of_all_kinds_are_compared(void **state)
{
    (void)state;
    /* Wide times: fractions, and a range beyond 32 bits. */
    static const char *const texts[] = {RATING(7, 1, 5, 100.25) RATING(7, 2, 4, 100.75) RATING(
        7, 3, 4, 99999999999) RATING(8, 3, 4, -5) FORGET(7, 100.5) FORGET(8, -6)};
    assert_texts(texts, 1, "7 2 4\n7 3 4\n8 3 4\n", 2, 1);
    static const char *const dates[] = {
        "{\"user_id\":7,\"item_id\":1,\"rating\":5,\"timestamp\":\"2026-01-01\"}\n"
        "{\"user_id\":7,\"item_id\":2,\"rating\":5,\"timestamp\":\"2026-03-01\"}\n"
        "{\"user_id\":7,\"event\":\"forget\",\"timestamp\":\"2026-02-01T00:00:00Z\"}\n"};
    assert_texts(dates, 1, "7 2 5\n", 1, 1);
}

static void implicit_feedback_of_a_pair_adds_up_what_is_left(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"user_id\":7,\"item_id\":1,\"timestamp\":100}\n{\"user_id\":7,\"item_id\":1,"
        "\"timestamp\":300}\n{\"user_id\":7,\"item_id\":1,\"timestamp\":400}\n" FORGET(7, 200)};
    mf_error err = {0};
    const mf_ratings_options implicit = {.feedback = MF_FEEDBACK_IMPLICIT};
    mf_ratings *ratings = read_texts(texts, 1, &implicit, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->n_ratings, 1);
    assert_true(ratings->value[0] == 2);
    mf_ratings_destroy(ratings);
}

static void a_file_of_tombstones_alone_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {FORGET(7, 200)};
    mf_error err = {0};
    static mf_look found;
    write_text("r", texts[0]);
    assert_ok(mf_ratings_look("r", &(mf_ratings_options){0}, &found, &err), err);
    assert_int_equal(found.content, MF_RATINGS_READ);
    const mf_ratings_options stars = {.rating_column = "stars"};
    assert_ok(mf_ratings_look("r", &stars, &found, &err), err);
    assert_int_equal(found.content, MF_RATINGS_READ);
    assert_int_equal(found.dialect.feedback, MF_FEEDBACK_EXPLICIT);
    /* Without a user it is none. */
    write_text("r", "{\"event\":\"forget\",\"timestamp\":5}\n");
    assert_ok(mf_ratings_look("r", &(mf_ratings_options){0}, &found, &err), err);
    assert_int_equal(found.content, MF_RATINGS_NOT_RATINGS);
}

static void events_without_a_rating_are_counted(void **state)
{
    (void)state;
    mf_error err = {0};
    static const char *const texts[] = {
        RATING(7, 1, 5, 100) "{\"user_id\":7,\"item_id\":2,\"timestamp\":100}\n"
                             "{\"user_id\":7,\"item_id\":3,\"rating\":null}\n"};
    mf_ratings *ratings = read_texts(texts, 1, &(mf_ratings_options){0}, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->n_ratings, 1);
    assert_int_equal(ratings->counts.n_not_rated, 2);
    assert_int_equal(ratings->counts.n_rows, 3);
    mf_ratings_destroy(ratings);
}

static void a_tombstone_without_a_user_is_a_bad_row(void **state)
{
    (void)state;
    mf_error err = {0};
    static const char *const bad[] = {"{\"event\":\"forget\",\"timestamp\":1}\n",
                                      "{\"event\":\"forget\",\"user_id\":\"\"}\n",
                                      "{\"event\":\"forget\",\"user_id\":[1]}\n",
                                      "{\"event\":\"forget\",\"user_id\":\"a\\u0007\"}\n"};
    for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++) {
        char text[400];
        snprintf(text, sizeof text, "%s%s", RATING(7, 1, 5, 100), bad[b]);
        const char *const texts[] = {text};
        mf_ratings *ratings = read_texts(texts, 1, &(mf_ratings_options){0}, &err);
        assert_null(ratings);
        assert_int_equal(err.code, MF_ERR_PARSE);
        assert_non_null(strstr(err.text, "r0:2"));
        mf_error_clear(&err);
    }
}

static void when_everybody_is_forgotten_nothing_is_left_to_read(void **state)
{
    (void)state;
    mf_error err = {0};
    static const char *const texts[] = {RATING(7, 1, 5, 100) FORGET(7, 100)};
    assert_null(read_texts(texts, 1, &(mf_ratings_options){0}, &err));
    assert_int_equal(err.code, MF_ERR_PARSE);
    assert_string_equal(err.text,
                        "there are no ratings: all 1 are of users who are to be forgotten");
}

static void other_events_and_unknown_users_change_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"event\":\"view\",\"user_id\":7,\"item_id\":1,\"rating\":3,\"timestamp\":1}\n"
        "{\"event\":5,\"user_id\":7,\"item_id\":2,\"rating\":3,\"timestamp\":1}\n" FORGET(9, 100)};
    assert_texts(texts, 1, "7 1 3\n7 2 3\n", 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_newer_is_left_out_in_every_file),
        cmocka_unit_test(the_latest_tombstone_counts_and_the_word_has_any_letter_case),
        cmocka_unit_test(without_a_time_all_of_a_user_is_forgotten),
        cmocka_unit_test(each_object_is_read_by_its_own_names),
        cmocka_unit_test(a_whole_number_is_one_user_in_all_its_forms),
        cmocka_unit_test(a_text_of_hexadecimal_digits_is_another_user),
        cmocka_unit_test(text_between_objects_costs_no_object),
        cmocka_unit_test(damage_may_come_first),
        cmocka_unit_test(a_pair_whose_newest_rating_is_newer_keeps_that_one),
        cmocka_unit_test(users_and_items_without_a_rating_left_are_gone),
        cmocka_unit_test(times_of_all_kinds_are_compared),
        cmocka_unit_test(implicit_feedback_of_a_pair_adds_up_what_is_left),
        cmocka_unit_test(a_file_of_tombstones_alone_is_read),
        cmocka_unit_test(events_without_a_rating_are_counted),
        cmocka_unit_test(a_tombstone_without_a_user_is_a_bad_row),
        cmocka_unit_test(when_everybody_is_forgotten_nothing_is_left_to_read),
        cmocka_unit_test(other_events_and_unknown_users_change_nothing),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
