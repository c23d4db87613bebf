/* test_ratings_implicit.c: files without ratings, by which pairs count. */
#include "ratings_testing.h"

#include "ratings/dialect.h"

#include <float.h>

static const mf_ratings_options implicit = {.feedback = MF_FEEDBACK_IMPLICIT};

static mf_ratings *read_implicit(const char *text, const mf_ratings_options *options)
{
    mf_error err = {0};
    mf_ratings *ratings = read_text(text, options, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->feedback, MF_FEEDBACK_IMPLICIT);
    return ratings;
}

static void assert_counts_as(const char *text, const mf_ratings_options *options,
                             const char *expected)
{
    mf_ratings *ratings = read_implicit(text, options);
    char *got = ratings_text(ratings);
    assert_string_equal(got, expected);
    free(got);
    mf_ratings_destroy(ratings);
}

static void assert_content(const char *text, const mf_ratings_options *options,
                           const char *expected_reason)
{
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES] = "";
    write_text("r.csv", text);
    mf_ratings_reader *reader = mf_ratings_reader_create(options, &err);
    assert_ok(mf_ratings_reader_add(reader, "r.csv", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_string_equal(reason, expected_reason);
    mf_ratings_reader_destroy(reader);
}

static mf_feedback look(const char *text, const mf_ratings_options *options)
{
    mf_error err = {0};
    static mf_look found;
    write_text("r.csv", text);
    assert_ok(mf_ratings_look("r.csv", options, &found, &err), err);
    return found.content == MF_RATINGS_READ ? found.dialect.feedback : MF_FEEDBACK_AUTO;
}

static void a_pair_counts_and_repeated_pairs_add_up(void **state)
{
    (void)state;
    mf_ratings *ratings =
        read_implicit("userId,movieId\n1,31\n2,31\n1,31\n1,42\n1,31\n", &implicit);
    char *text = ratings_text(ratings);
    assert_string_equal(text, "1 31 3\n1 42 1\n2 31 1\n");
    assert_int_equal(ratings->counts.n_rows, 5);
    assert_int_equal(ratings->counts.n_repeated, 2);
    assert_int_equal(ratings->counts.n_zero_weights, 0);
    assert_null(ratings->time_rank);
    free(text);
    mf_ratings_destroy(ratings);
}

static void weights_are_found_by_their_usual_names_or_the_given_one(void **state)
{
    static const char *const names[] = {
        "count", "plays",  "Play_Count", "PlayCount", "weight",    "Quantity",  "qty",
        "views", "clicks", "listens",    "purchases", "frequency", "confidence"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        char text[200];
        sprintf(text, "user_id,item_id,%s\n1,31,2\n1,31,0.5\n2,31,7\n", names[n]);
        assert_counts_as(text, &implicit, "1 31 2.5\n2 31 7\n");
    }
    mf_ratings_options given = {.feedback = MF_FEEDBACK_IMPLICIT, .weight_column = "Times"};
    assert_counts_as("plays;times;item;user\n5;2;31;1\n", &given, "1 31 2\n");
    assert_content("userId,movieId,plays\n1,31,2\n", &given,
                   "columns userId, movieId, plays; missing: weight (weight_column=Times)");
}

static void a_column_of_ratings_is_ignored_unless_it_is_named_as_the_weight(void **state)
{
    const mf_ratings_options named = {.feedback = MF_FEEDBACK_IMPLICIT, .weight_column = "rating"};
    const mf_ratings_options both = {
        .feedback = MF_FEEDBACK_IMPLICIT, .weight_column = "rating", .rating_column = "rating"};
    static const char text[] = "userId,movieId,rating,timestamp\n1,31,4,5\n1,31,nonsense,6\n";
    (void)state;
    assert_counts_as(text, &implicit, "1 31 2\n");
    assert_bad_row_with(text, &named, "r.csv:3:6: weight \"nonsense\" is not a number");
    assert_counts_as("userId,movieId,rating\n1,31,4\n1,31,2.5\n", &named, "1 31 6.5\n");
    assert_counts_as("userId,movieId,rating\n1,31,4\n1,31,2.5\n", &both, "1 31 6.5\n");
}

static void the_newest_time_of_a_pair_stays(void **state)
{
    const mf_ratings_options options = {.feedback = MF_FEEDBACK_IMPLICIT, .times = MF_TIMES_KEPT};
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        char text[400];
        sprintf(text,
                "timestamp,user,item\n9%s,1,a\n5%s,1,b\n7%s,1,a\n4%s,1,c\n8%s,1,c\n8%s,2,c\n"
                "8%s,2,a\n",
                wide ? ".5" : "", wide ? ".5" : "", wide ? ".5" : "", wide ? ".5" : "",
                wide ? ".5" : "", wide ? ".5" : "", wide ? ".5" : "");
        mf_ratings *ratings = read_implicit(text, &options);
        const double half = wide ? 0.5 : 0;
        const float values[] = {2, 1, 2, 1, 1};
        const double times[] = {9, 5, 8, 8, 8};
        const uint32_t ranks[] = {4, 0, 2, 1, 1};
        assert_int_equal(ratings->n_ratings, 5);
        for (int k = 0; k < 5; k++) {
            assert_true(ratings->value[k] == values[k]);
            assert_true(ratings->time[k] == times[k] + half);
            assert_int_equal(ratings->time_rank[k], ranks[k]);
        }
        mf_ratings_destroy(ratings);
    }
}

static void rows_with_the_weight_0_are_no_events(void **state)
{
    (void)state;
    static const char text[] = "userId,movieId,plays,timestamp\n9,31,0,1\n1,31,2,1\n1,99,0.0,1.5\n"
                               "1,42,-0,1\n1,42,1e-99,1\n1,42,3,1\n9,99,0,1\n";
    static const size_t blocks[] = {1, 20, 1000};
    for (size_t b = 0; b < 3; b++)
        for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2) {
            const mf_ratings_options options = {
                .feedback = MF_FEEDBACK_IMPLICIT, .n_threads = n_threads, .block_bytes = blocks[b]};
            mf_ratings *ratings = read_implicit(text, &options);
            char *got = ratings_text(ratings);
            assert_string_equal(got, "1 31 2\n1 42 3\n");
            assert_int_equal(ratings->n_users, 1); /* 9 and 99 do not exist */
            assert_int_equal(ratings->n_items, 2);
            assert_int_equal(ratings->counts.n_rows, 7);
            assert_int_equal(ratings->counts.n_bad_rows, 0);
            assert_int_equal(ratings->counts.n_zero_weights, 5);
            assert_int_equal(ratings->counts.n_repeated, 0);
            free(got);
            mf_ratings_destroy(ratings);
        }
    assert_refused_with("userId,movieId,plays\n1,31,0\n2,31,0\n", &implicit, MF_ERR_PARSE,
                        "there is no feedback: every weight that can be read is 0");
}

static void a_row_with_the_weight_0_has_to_be_good_all_the_same(void **state)
{
    (void)state;
    assert_bad_row_with("userId,movieId,plays\n,31,0\n", &implicit, "r.csv:2:1: user id is empty");
    assert_bad_row_with("userId,movieId,plays\n1,\"\",0\n", &implicit,
                        "r.csv:2:3: item id is empty");
}

static void bad_weights_are_named(void **state)
{
    static const struct {
        const char *weight;
        const char *why;
    } cases[] = {
        {"-1", "weight \"-1\" is negative"},
        {"-1e-9", "weight \"-1e-9\" is negative"},
        {"nan", "weight \"nan\" is not a finite number"},
        {"inf", "weight \"inf\" is not a finite number"},
        {"1e300", "weight \"1e300\" does not fit a float"},
        {"-1e300", "weight \"-1e300\" does not fit a float"},
        {"1e999", "weight \"1e999\" does not fit a float"},
        {"many", "weight \"many\" is not a number"},
        {"", "weight is empty"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char text[200];
        char sentence[200];
        sprintf(text, "userId,movieId,plays\n1,31,1\n2,31,%s\n", cases[c].weight);
        sprintf(sentence, "r.csv:3:6: %s", cases[c].why);
        assert_bad_row_with(text, &implicit, sentence);
    }
}

static void sums_that_no_float_holds_are_the_largest_float(void **state)
{
    (void)state;
    mf_ratings *ratings = read_implicit("userId,movieId,plays\n1,31,3e38\n1,31,3e38\n1,42,1\n"
                                        "2,31,16777216\n2,31,1\n2,31,1\n",
                                        &implicit);
    assert_true(ratings->value[0] == FLT_MAX);
    assert_true(ratings->value[1] == 1);
    assert_true(ratings->value[2] == 16777218); /* not lost one by one */
    mf_ratings_destroy(ratings);
}

static const char tags[] = "userId,movieId,tag,timestamp\n1,31,boring,5\n2,31,fun,6\n";
static const char stars[] = "userId,movieId,rating,timestamp\n1,31,4,5\n";
static const char titles[] = "movieId,title,genres\n1,Toy Story (1995),Comedy\n";

static void beside_ratings_such_a_file_is_left_alone_and_says_why(void **state)
{
    const mf_ratings_options automatic = {0};
    mf_error err = {0};
    mf_ratings_content content;
    (void)state;
    assert_content(tags, &automatic,
                   "columns userId, movieId, tag, timestamp; missing: rating; it would count as "
                   "implicit feedback only when no file has ratings");
    for (int order = 0; order < 2; order++) {
        write_text("a.csv", order == 0 ? tags : stars);
        write_text("b.csv", order == 0 ? stars : tags);
        mf_ratings_reader *reader = mf_ratings_reader_create(&automatic, &err);
        assert_ok(mf_ratings_reader_add(reader, "a.csv", &content, NULL, &err), err);
        assert_int_equal(content, order == 0 ? MF_RATINGS_NOT_RATINGS : MF_RATINGS_READ);
        assert_ok(mf_ratings_reader_add(reader, "b.csv", &content, NULL, &err), err);
        assert_int_equal(content, order == 0 ? MF_RATINGS_READ : MF_RATINGS_NOT_RATINGS);
        mf_ratings *ratings = mf_ratings_reader_finish(reader, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(ratings->feedback, MF_FEEDBACK_EXPLICIT);
        assert_int_equal(ratings->n_ratings, 1);
        assert_true(ratings->value[0] == 4);
        mf_ratings_destroy(ratings);
        mf_ratings_reader_destroy(reader);
    }
}

static void a_look_tells_what_a_file_would_be(void **state)
{
    const mf_ratings_options automatic = {0};
    const mf_ratings_options explicit = {.feedback = MF_FEEDBACK_EXPLICIT};
    mf_error err = {0};
    static mf_look found;
    (void)state;
    assert_int_equal(look(stars, &automatic), MF_FEEDBACK_EXPLICIT);
    assert_int_equal(look("1,31,4\n", &automatic), MF_FEEDBACK_EXPLICIT);
    assert_int_equal(look(tags, &automatic), MF_FEEDBACK_IMPLICIT);
    assert_int_equal(look("userId,artistId,weight\n", &automatic), MF_FEEDBACK_IMPLICIT);
    assert_int_equal(look(titles, &automatic), MF_FEEDBACK_AUTO);
    assert_int_equal(look("", &automatic), MF_FEEDBACK_AUTO);
    assert_int_equal(look(tags, &explicit), MF_FEEDBACK_AUTO);
    assert_int_equal(look(stars, &implicit), MF_FEEDBACK_IMPLICIT);
    assert_false(mf_ratings_look("nothing.csv", &automatic, &found, &err));
    assert_int_equal(err.code, MF_ERR_IO);
}

static void a_named_column_decides_what_is_looked_for(void **state)
{
    const mf_ratings_options rating = {.rating_column = "stars"};
    const mf_ratings_options weight = {.weight_column = "plays"};
    const mf_ratings_options both = {.rating_column = "stars", .weight_column = "plays"};
    (void)state;
    assert_int_equal(look("user,item,plays\n", &rating), MF_FEEDBACK_AUTO);
    assert_int_equal(look("user,item,stars\n", &rating), MF_FEEDBACK_EXPLICIT);
    assert_int_equal(look("user,item,stars,plays\n", &weight), MF_FEEDBACK_IMPLICIT);
    assert_int_equal(look("user,item,stars\n", &weight), MF_FEEDBACK_AUTO);
    assert_int_equal(look("user,item,stars,plays\n", &both), MF_FEEDBACK_EXPLICIT);
    assert_int_equal(look("user,item,plays\n", &both), MF_FEEDBACK_IMPLICIT);
    assert_counts_as("user,item,stars,plays\n1,2,3,4\n", &weight, "1 2 4\n");
}

static void explicit_reading_refuses_a_file_without_ratings_as_ever(void **state)
{
    const mf_ratings_options explicit = {.feedback = MF_FEEDBACK_EXPLICIT};
    (void)state;
    assert_content(tags, &explicit, "columns userId, movieId, tag, timestamp; missing: rating");
}

static void without_a_header_rows_are_pairs_only_with_that_feedback(void **state)
{
    const mf_ratings_options automatic = {0};
    const mf_ratings_options places = {
        .feedback = MF_FEEDBACK_IMPLICIT, .user_column = "#2", .weight_column = "none"};
    const mf_ratings_options check_in = {.feedback = MF_FEEDBACK_IMPLICIT,
                                         .user_column = "#1",
                                         .item_column = "#5",
                                         .timestamp_column = "#2"};
    (void)state;
    assert_counts_as("1,31\n1,31\n2,42\n", &implicit, "1 31 2\n2 42 1\n");
    assert_counts_as("1,31,4\n1,31,5\n", &implicit, "1 31 9\n");
    assert_counts_as("31,1,4\n31,1,5\n", &places, "1 31 2\n");
    /* Times are no weights. */
    assert_counts_as("1,31,1112486027\n1,31,1112486028\n", &implicit, "1 31 2\n");
    assert_counts_as("1,31,2015-01-01\n2,31,2015-01-02\n", &implicit, "1 31 1\n2 31 1\n");
    assert_counts_as("1,31,4,1112486027\n", &implicit, "1 31 4\n");
    assert_counts_as("1,2010-10-19T23:55:27Z,30.2,-97.7,31\n", &check_in, "1 31 1\n");
    assert_content("1,31,on\n1,32,off\n", &implicit,
                   "no header; columns 1, 31, on; column 3 \"on\" is not a number; positions say "
                   "which is which: user_column=#1, item_column=#2, weight_column=#3 (or none, "
                   "where there are no weights)");
    assert_content("1,31\n", &automatic,
                   "no header; columns 1, 31; pairs of user and item are read with "
                   "feedback=implicit");
    assert_content("reader,book\nu1,b1\nu2,b2\n", &implicit, "columns reader, book; missing: user");
    assert_content(titles, &implicit, "columns movieId, title, genres; missing: user");
}

static void names_of_columns_may_not_be_shared(void **state)
{
    static const mf_ratings_options shared[] = {
        {.user_column = "who", .weight_column = "WHO"},
        {.timestamp_column = "n", .weight_column = "n"},
        {.item_column = "n", .weight_column = "n", .feedback = MF_FEEDBACK_IMPLICIT},
    };
    (void)state;
    for (size_t s = 0; s < sizeof shared / sizeof shared[0]; s++) {
        mf_error err = {0};
        assert_null(mf_ratings_reader_create(&shared[s], &err));
        assert_error(&err, MF_ERR_CONFIG, " both name the column");
    }
}

/* The text through a pipe. */
static mf_ratings *read_stream(const char *text, const mf_ratings_options *options, mf_error *err)
{
    int ends[2];
    mf_ratings *ratings = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    mf_ratings_reader *reader = mf_ratings_reader_create(options, err);
    if (mf_ratings_reader_add_stream(reader, ends[0], "train_0", err))
        ratings = mf_ratings_reader_finish(reader, err);
    mf_ratings_reader_destroy(reader);
    close(ends[0]);
    return ratings;
}

static void a_stream_is_what_its_first_file_is(void **state)
{
    const mf_ratings_options automatic = {0};
    const mf_ratings_options explicit = {.feedback = MF_FEEDBACK_EXPLICIT};
    static const struct {
        const char *text;
        mf_feedback feedback;
        const char *ratings;
    } cases[] = {
        {"userId,movieId,rating\n1,31,4\n1,31,5\n", MF_FEEDBACK_EXPLICIT, "1 31 5\n"},
        {"userId,movieId,plays\n1,31,4\nuserId,movieId,plays\n1,31,5\n", MF_FEEDBACK_IMPLICIT,
         "1 31 9\n"},
        /* A header again is no pair of ids, though nothing in it has to be a number. */
        {"userId,movieId\n1,31\nuserId,movieId\n1,31\n\"userId\", movieId\n2,31\n",
         MF_FEEDBACK_IMPLICIT, "1 31 2\n2 31 1\n"},
        {"userId,movieId,tag,timestamp\n1,31,x,4\nuserId,movieId,tag,timestamp\n1,31,y,5\n",
         MF_FEEDBACK_IMPLICIT, "1 31 2\n"},
    };
    mf_error err = {0};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_ratings *ratings = read_stream(cases[c].text, &automatic, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(ratings->feedback, cases[c].feedback);
        char *text = ratings_text(ratings);
        assert_string_equal(text, cases[c].ratings);
        free(text);
        mf_ratings_destroy(ratings);
    }
    assert_null(read_stream(tags, &explicit, &err));
    assert_string_equal(err.text, "train_0: these are no ratings: columns userId, movieId, tag, "
                                  "timestamp; missing: rating");
    mf_error_clear(&err);
    assert_null(read_stream(titles, &implicit, &err));
    assert_string_equal(err.text, "train_0: these are no ratings: columns movieId, title, genres; "
                                  "missing: user");
}

static void quoted_and_plain_rows_without_weights_read_alike(void **state)
{
    (void)state;
    assert_counts_as("note,userId,movieId\n\"a, b\",1,31\nx, 1 ,31\n,2,\"31\"\n", &implicit,
                     "1 31 2\n2 31 1\n");
    assert_counts_as("userId::movieId::when\n1::31::x\n1::31::y\n2::42::z\n", &implicit,
                     "1 31 2\n2 42 1\n");
    assert_bad_row_with("userId,movieId\n1,31\n1,31,4\n", &implicit,
                        "r.csv:3:6: 3 fields where 2 are expected");
}

static void many_weights_add_up_whatever_the_threads_and_blocks(void **state)
{
    enum { ROWS = 20000, USERS = 50, ITEMS = 40 };
    static double sum[USERS][ITEMS];
    static double newest[USERS][ITEMS];
    mf_ratings *first = NULL;
    (void)state;
    FILE *file = fopen("r.csv", "wb");
    fputs("userId,movieId,plays,timestamp\n", file);
    for (uint32_t row = 0; row < ROWS; row++) {
        const uint32_t user = row * 7919 % USERS;
        const uint32_t item = row * 104729 % 1013 % ITEMS;
        const double weight = row * 31 % 9 * (row % 1000 < 500 ? 0.25 : 1.0 / 3);
        const uint32_t when = row * 65537 % 100003;
        fprintf(file, "%u,%u,%.9g,%u\n", user, item, weight, when);
        sum[user][item] += (double)(float)weight;
        if (weight > 0 && when > newest[user][item])
            newest[user][item] = when;
    }
    fclose(file);
    for (uint32_t n_threads = 1; n_threads <= 8; n_threads *= 2)
        for (size_t block_bytes = 400; block_bytes <= 400000; block_bytes *= 10) {
            const mf_ratings_options options = {.feedback = MF_FEEDBACK_IMPLICIT,
                                                .times = MF_TIMES_KEPT,
                                                .n_threads = n_threads,
                                                .block_bytes = block_bytes};
            mf_error err = {0};
            mf_ratings *ratings = read_file("r.csv", &options, &err);
            assert_ok(ratings != NULL, err);
            if (first != NULL) {
                assert_same_ratings(first, ratings);
                mf_ratings_destroy(ratings);
            } else {
                first = ratings;
            }
        }
    for (uint32_t u = 0; u < first->n_users; u++)
        for (uint64_t k = first->user_start[u]; k < first->user_start[u + 1]; k++) {
            char user[8] = "";
            char item[8] = "";
            const mf_id user_id = mf_id_list_get(&first->users, u);
            const mf_id item_id = mf_id_list_get(&first->items, first->item[k]);
            memcpy(user, user_id.bytes, user_id.n_bytes);
            memcpy(item, item_id.bytes, item_id.n_bytes);
            double *expected = &sum[strtoul(user, NULL, 10)][strtoul(item, NULL, 10)];
            assert_true(first->value[k] == (float)*expected);
            assert_true(first->time[k] == newest[strtoul(user, NULL, 10)][strtoul(item, NULL, 10)]);
            *expected = 0;
        }
    for (uint32_t u = 0; u < USERS; u++)
        for (uint32_t i = 0; i < ITEMS; i++)
            assert_true(sum[u][i] == 0);
    assert_ranks(first, first->time);
    assert_true(first->counts.n_zero_weights > 1000);
    mf_ratings_destroy(first);
}

static void one_value_everywhere_is_noticed(void **state)
{
    static const struct {
        const char *text;
        bool one;
    } cases[] = {
        {"1,31,4\n1,42,4\n2,31,4.0\n", true},
        {"1,31,4\n1,42,4\n2,31,4.5\n", false},
        {"1,31,0\n1,42,-0.0\n", true},
        {"1,31,1\n", true},
        {"userId,movieId,plays\n1,31,1\n2,31,1\n", false}, /* no ratings */
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        const mf_ratings_options options = {.feedback =
                                                c == 4 ? MF_FEEDBACK_IMPLICIT : MF_FEEDBACK_AUTO};
        mf_ratings *ratings = read_text(cases[c].text, &options, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(mf_ratings_one_value(ratings), cases[c].one);
        mf_ratings_destroy(ratings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(a_pair_counts_and_repeated_pairs_add_up),
        TEST_IN_FOLDER(weights_are_found_by_their_usual_names_or_the_given_one),
        TEST_IN_FOLDER(a_column_of_ratings_is_ignored_unless_it_is_named_as_the_weight),
        TEST_IN_FOLDER(the_newest_time_of_a_pair_stays),
        TEST_IN_FOLDER(rows_with_the_weight_0_are_no_events),
        TEST_IN_FOLDER(a_row_with_the_weight_0_has_to_be_good_all_the_same),
        TEST_IN_FOLDER(bad_weights_are_named),
        TEST_IN_FOLDER(sums_that_no_float_holds_are_the_largest_float),
        TEST_IN_FOLDER(beside_ratings_such_a_file_is_left_alone_and_says_why),
        TEST_IN_FOLDER(a_look_tells_what_a_file_would_be),
        TEST_IN_FOLDER(a_named_column_decides_what_is_looked_for),
        TEST_IN_FOLDER(explicit_reading_refuses_a_file_without_ratings_as_ever),
        TEST_IN_FOLDER(without_a_header_rows_are_pairs_only_with_that_feedback),
        TEST_IN_FOLDER(names_of_columns_may_not_be_shared),
        TEST_IN_FOLDER(a_stream_is_what_its_first_file_is),
        TEST_IN_FOLDER(quoted_and_plain_rows_without_weights_read_alike),
        TEST_IN_FOLDER(many_weights_add_up_whatever_the_threads_and_blocks),
        TEST_IN_FOLDER(one_value_everywhere_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
