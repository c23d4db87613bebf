/* test_ratings_dialect.c: which files are ratings, and the reason why others are not. */
#include "ratings/dialect.h"
#include "ratings_testing.h"

static void assert_not_ratings_with(const char *bytes, size_t n_bytes,
                                    const mf_ratings_options *options, const char *expected)
{
    mf_error err = {0};
    mf_ratings_content content = MF_RATINGS_READ;
    char reason[MF_RATINGS_REASON_BYTES] = "";
    testing_write("file", bytes, n_bytes);
    mf_ratings_reader *reader = mf_ratings_reader_create(options, &err);
    assert_ok(mf_ratings_reader_add(reader, "file", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_string_equal(reason, expected);
    mf_ratings_reader_destroy(reader);
}

static void assert_not_ratings(const char *text, const char *expected)
{
    const mf_ratings_options options = {0};
    assert_not_ratings_with(text, strlen(text), &options, expected);
}

static void the_neighbours_of_movielens_ratings_are_left_alone(void **state)
{
    (void)state;
    assert_not_ratings("movieId,title,genres\n1,Toy Story (1995),Comedy\n",
                       "columns movieId, title, genres; missing: user, rating");
    assert_not_ratings("movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,8844\n",
                       "columns movieId, imdbId, tmdbId; missing: user, rating");
    assert_not_ratings("userId,movieId,tag,timestamp\n15,339,sandra 'boring' bullock,1138537770\n",
                       "columns userId, movieId, tag, timestamp; missing: rating; it would count "
                       "as implicit feedback only when no file has ratings");
    assert_not_ratings("movieId,tagId,relevance\n1,1,0.025\n",
                       "columns movieId, tagId, relevance; missing: user, rating");
    assert_not_ratings(
        "Summary\n=======\n\nThis dataset (ml-latest-small) describes 5-star rating, "
        "and free-text, tagging activity\n",
        "not a table; it begins with \"Summary\"");
    assert_not_ratings("1|24|M|technician|85711\n2|53|F|other|94043\n",
                       "no header; columns 1, 24, M, technician, 85711; column 3 \"M\" is not a "
                       "number; positions say which is which: "
                       "user_column=#1, item_column=#2, rating_column=#5");
    assert_not_ratings(
        "1|Toy Story (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?Toy%20Story"
        "%20(1995)|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
        "no header; columns 1, Toy Story (1995), 01-Jan-1995, , http://us.imdb.com/M…, 0, 0, 0 "
        "and 16 more; column 3 \"01-Jan-1995\" is not a number; positions say which is which: "
        "user_column=#1, item_column=#2, rating_column=#24");
    assert_not_ratings("unknown|0\nAction|1\n",
                       "no header; columns unknown, 0; pairs of user and item are read with "
                       "feedback=implicit");
    assert_not_ratings("943 users\n1682 items\n100000 ratings\n",
                       "not a table; it begins with \"943 users\"");
    assert_not_ratings("1::Toy Story (1995)::Animation|Children's|Comedy\n",
                       "no header; columns 1, Toy Story (1995), Animation|Children's…; column 3 "
                       "\"Animation|Children's…\" is not a number; positions say which is which: "
                       "user_column=#1, item_column=#2, rating_column=#3");
    assert_not_ratings("1::F::1::10::48067\n2::M::56::16::70072\n",
                       "no header; columns 1, F, 1, 10, 48067; positions say which is which: "
                       "user_column=#1, item_column=#2, rating_column=#5");
}

static void the_real_movies_csv_is_left_alone(void **state)
{
    const mf_ratings_options options = {0};
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    char *path = testing_path(getenv("MF_SOURCE_DIR") != NULL ? getenv("MF_SOURCE_DIR") : ".",
                              "data/movies.csv");
    (void)state;
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    assert_ok(mf_ratings_reader_add(reader, path, &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_string_equal(reason, "columns movieId, title, genres; missing: user, rating");
    mf_ratings_reader_destroy(reader);
    free(path);
}

static void empty_and_blank_files_are_named_so(void **state)
{
    (void)state;
    assert_not_ratings("", "empty");
    assert_not_ratings("\xEF\xBB\xBF", "empty");
    assert_not_ratings("\n\n  \r\n", "nothing but blank lines");
}

static void bytes_that_are_no_text_are_named_so(void **state)
{
    static const char junk[] = "\x00\x01,\x02,\x03\n\x7F\x45";
    static const char wide[] = "\xFF\xFEu\0s\0e\0r\0";
    const mf_ratings_options options = {0};
    (void)state;
    assert_not_ratings_with(junk, sizeof junk - 1, &options, "binary data");
    assert_not_ratings_with("\x89PNG\r\n\x1A\n", 8, &options, "binary data");
    assert_not_ratings_with(wide, sizeof wide - 1, &options,
                            "not a table; it begins with \"user\"");
}

static void a_file_that_is_one_endless_line_is_no_table(void **state)
{
    const size_t n_bytes = 10 * 1000 * 1000;
    const mf_ratings_options options = {0};
    char *text = malloc(n_bytes);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', n_bytes);
    assert_not_ratings_with(text, n_bytes, &options, "its first line is longer than 65536 bytes");
    free(text);
}

static void given_names_have_to_be_there(void **state)
{
    static const char text[] = "userId,movieId,rating\n1,31,4\n";
    const mf_ratings_options user = {.user_column = "customer"};
    const mf_ratings_options time = {.timestamp_column = "when"};
    const mf_ratings_options rating = {.rating_column = "rating"};
    (void)state;
    assert_not_ratings_with(
        text, strlen(text), &user,
        "columns userId, movieId, rating; missing: user (user_column=customer)");
    assert_not_ratings_with(
        text, strlen(text), &time,
        "columns userId, movieId, rating; missing: timestamp (timestamp_column=when)");
    assert_not_ratings_with(
        "1,31,4\n", 7, &rating,
        "no header; columns 1, 31, 4; no column is called \"rating\": give its position, as "
        "rating_column=#3");
}

static void without_a_header_only_three_or_four_numeric_looking_columns_are_ratings(void **state)
{
    (void)state;
    assert_not_ratings("1,31\n", "no header; columns 1, 31; pairs of user and item are read with "
                                 "feedback=implicit");
    assert_not_ratings("1,31,4,5,6\n",
                       "no header; columns 1, 31, 4, 5, 6; positions say which is which: "
                       "user_column=#1, item_column=#2, rating_column=#5");
    assert_not_ratings(
        "1,31,good\n",
        "no header; columns 1, 31, good; column 3 \"good\" is not a number; positions "
        "say which is which: user_column=#1, item_column=#2, rating_column=#3");
    assert_not_ratings("1,31,4,May 1\n",
                       "no header; columns 1, 31, 4, May 1; column 4 \"May 1\" is not a time; "
                       "positions say which is which: user_column=#1, item_column=#2, "
                       "rating_column=#3");
    assert_not_ratings(",31,4\n",
                       "no header; columns , 31, 4; positions say which is which: user_column=#1, "
                       "item_column=#2, rating_column=#3");
    assert_not_ratings("1:a:31::4\n", "not a table; it begins with \"1:a:31::4\"");
}

/* How a text is read: the dialect in words up to its encoding, and the lines before the rows. */
static mf_look look_at(const char *text, const mf_ratings_options *options, const char *expected)
{
    mf_error err = {0};
    mf_look look = {0};
    char words[MF_DIALECT_TEXT_BYTES];
    write_text("file", text);
    assert_ok(mf_ratings_look("file", options, &look, &err), err);
    assert_string_equal(look.reason, "");
    assert_int_equal(look.content, MF_RATINGS_READ);
    mf_dialect_text(&look.dialect, words);
    assert_memory_equal(words, expected, strlen(expected));
    return look;
}

static void positions_say_all_there_is_of_wide_rows(void **state)
{
    const mf_ratings_options options = {
        .user_column = "#2", .item_column = "#3", .rating_column = "#4"};
    const mf_ratings_options swapped = {.user_column = "#2", .item_column = "#1"};
    const mf_ratings_options late = {.rating_column = "#4"};
    (void)state;
    look_at("0,1,100,3,1112486027\n1,1,101,4,1112486028\n", &options,
            "columns user=#2 item=#3 rating=#4 timestamp=none ");
    look_at("100,1,3,1112486027\n", &swapped, "columns user=#2 item=#1 rating=#3 timestamp=#4 ");
    look_at("1,100,1112486027,3\n", &late, "columns user=#1 item=#2 rating=#4 timestamp=#3 ");
    look_at("1,100,7,3\n", &late, "columns user=#1 item=#2 rating=#4 timestamp=none ");
    assert_not_ratings_with("0,1,100,3,1\n", 12, &late,
                            "no header; columns 0, 1, 100, 3, 1; positions say which is which: "
                            "user_column=#1, item_column=#2, rating_column=#5");
}

static void a_quote_in_the_first_row_without_a_header_is_text(void **state)
{
    const mf_ratings_options options = {0};
    (void)state;
    look_at("1\t\"x\t3\n1\t3\t4\n2\t\"y\"\t5\n", &options,
            "columns user=#1 item=#2 rating=#3 timestamp=none delimiter=tab header=no ");
    look_at("1::\"x::3\n1::3::4\n2::\"y\"::5\n", &options,
            "columns user=#1 item=#2 rating=#3 timestamp=none delimiter=:: header=no ");
    look_at("1|\"x|y\"|3\n1|\"3|3\"|4\n", &options,
            "columns user=#1 item=#2 rating=#3 timestamp=none delimiter=pipe header=no ");
}

static void lines_of_delimiters_before_a_header_are_blank(void **state)
{
    const mf_ratings_options options = {0};
    (void)state;
    const mf_look look = look_at(",,\nuser,item,rating\n1,2,3\n", &options, "columns user=user ");
    assert_int_equal(look.dialect.head.n_blank, 1);
    assert_int_equal(look.dialect.head.n_rows, 1);
    const mf_look quoted =
        look_at(",,\n\nuser,item,\"rating\"\n1,2,3\n", &options, "columns user=user ");
    assert_int_equal(quoted.dialect.head.n_blank, 2);
    assert_int_equal(quoted.dialect.head.n_rows, 1);
}

static void columns_that_nothing_uses_are_kept_where_one_is_missing(void **state)
{
    const mf_ratings_options options = {0};
    const mf_ratings_options implicit = {.feedback = MF_FEEDBACK_IMPLICIT};
    const mf_ratings_options timeless = {.timestamp_column = "none"};
    (void)state;
    write_text("file", "user,item,bewertung,zip,orderId,note,when\n1,2,3,,7,good,2015-01-02\n");
    mf_error err = {0};
    mf_look look = {0};
    assert_ok(mf_ratings_look("file", &options, &look, &err), err);
    assert_string_equal(look.dialect.unused_numbers, "bewertung");
    assert_string_equal(look.dialect.unused_time, "when");
    assert_string_equal(look.dialect.unread_time, "");
    assert_ok(mf_ratings_look("file", &implicit, &look, &err), err);
    assert_string_equal(look.dialect.unused_numbers, "");
    assert_ok(mf_ratings_look("file", &timeless, &look, &err), err);
    assert_string_equal(look.dialect.unused_time, "");
    write_text("file",
               "{\"user\": 1, \"item\": 2, \"grade_x\": 3.5, \"grade_y\": 4, \"x\": \"a\"}\n");
    assert_ok(mf_ratings_look("file", &options, &look, &err), err);
    assert_string_equal(look.dialect.unused_numbers, "grade_x, grade_y");
    write_text("file", "user,item,rating,date\n1,2,3,02/01/2015\n");
    assert_ok(mf_ratings_look("file", &options, &look, &err), err);
    assert_string_equal(look.dialect.unused_numbers, "");
    assert_string_equal(look.dialect.unread_time, "date");
    write_text("file", "user,item,rating,date\n");
    assert_ok(mf_ratings_look("file", &options, &look, &err), err);
    assert_string_equal(look.dialect.unread_time, "");
}

static void a_column_of_times_is_found_by_its_values_too(void **state)
{
    const mf_ratings_options options = {0};
    (void)state;
    look_at("user,item,rating,date,time\n1,2,3,2015-01-02,10:00:00\n", &options,
            "columns user=user item=item rating=rating timestamp=date ");
    look_at("user,item,rating,date,event_time\n1,2,3,02/01/2015,1112486027\n", &options,
            "columns user=user item=item rating=rating timestamp=event_time ");
}

static void values_that_begin_late_are_ratings(void **state)
{
    const mf_ratings_options options = {0};
    char text[2000] = "USER_ID,ITEM_ID,EVENT_VALUE\n";
    (void)state;
    for (int row = 0; row < 40; row++)
        strcat(text, row < 35 ? "1,2,\n" : "1,3,4\n");
    look_at(text, &options, "columns user=USER_ID item=ITEM_ID rating=EVENT_VALUE ");
}

static void a_header_below_other_rows_is_named(void **state)
{
    (void)state;
    assert_not_ratings(
        "Ratings export,,\nitem,user,rating\n1,a,3\n2,b,4\n",
        "row 2, which begins with \"item\", looks like the header: remove what stands "
        "above it, from \"Ratings export\" on");
    assert_not_ratings(
        "Ratings export\n\nitem;user;rating\n1;a;3\n",
        "row 2, which begins with \"item\", looks like the header: remove what stands "
        "above it, from \"Ratings export\" on");
}

static void a_matrix_has_a_column_for_each_item(void **state)
{
    const mf_ratings_options options = {.rating_column = "score"};
    static const char text[] = "user,item,rating\n1,2,3\n";
    (void)state;
    assert_not_ratings(
        "userId,1,2,3\n1,4.0,5.0,4.0\n2,3.0,,1.0\n",
        "columns userId, 1, 2, 3; missing: item, rating; it looks like a matrix, with "
        "a column for each item or user: convert it to rows of user, item, rating "
        "(pandas: melt)");
    assert_not_ratings("usr,itm,rtg\n1,2,3\n",
                       "columns usr, itm, rtg; missing: user, item, rating");
    assert_not_ratings_with(text, strlen(text), &options,
                            "columns user, item, rating; missing: rating (rating_column=score)");
}

static void settings_that_help_are_named(void **state)
{
    const mf_ratings_options semicolon = {.delimiter = ';'};
    const mf_ratings_options twice = {.user_column = "#1", .item_column = "#1"};
    static const char commas[] = "user,item,rating\n1,2,3\n";
    (void)state;
    assert_not_ratings("user^item^rating\n1^2^3\n",
                       "not a table; it begins with \"user^item^rating\"; delimiter=^ may separate "
                       "its columns");
    assert_not_ratings(
        "1:1193:5:978300760\n1:661:3:978302109\n",
        "not a table; it begins with \"1:1193:5:978300760\"; delimiter=: may separate "
        "its columns");
    assert_not_ratings_with(commas, strlen(commas), &semicolon,
                            "not a table; it begins with \"user,item,rating\"; delimiter=, may "
                            "separate its columns");
    mf_error err = {0};
    mf_look look = {0};
    write_text("file", "1,2,3\n");
    assert_ok(mf_ratings_look("file", &twice, &look, &err), err);
    assert_string_equal(look.reason,
                        "no header; columns 1, 2, 3; item_column=#1, but another setting "
                        "names that column too");
    assert_not_ratings("{\"user\":\"M\xfcller\",\"item\":\"2\",\"rating\":3}\n",
                       "it begins like JSON, but holds no JSON object in UTF-8; encoding=latin1 or "
                       "windows-1252 reads other text");
}

static void a_reason_always_fits(void **state)
{
    char text[4096] = "";
    const mf_ratings_options options = {.user_column = "a name that is rather long for a column",
                                        .item_column = "another one of the same length, or more",
                                        .rating_column = "third name, which makes it really long",
                                        .timestamp_column = "and the last of them, longer again"};
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    (void)state;
    for (int c = 0; c < 100; c++)
        strcat(text, "quite_a_long_column_name_here,");
    strcat(text, "x\n1\n");
    write_text("file", text);
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    assert_ok(mf_ratings_reader_add(reader, "file", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_true(strlen(reason) < sizeof reason);
    mf_ratings_reader_destroy(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(the_neighbours_of_movielens_ratings_are_left_alone),
        cmocka_unit_test(the_real_movies_csv_is_left_alone),
        TEST_IN_FOLDER(empty_and_blank_files_are_named_so),
        TEST_IN_FOLDER(bytes_that_are_no_text_are_named_so),
        TEST_IN_FOLDER(a_file_that_is_one_endless_line_is_no_table),
        TEST_IN_FOLDER(given_names_have_to_be_there),
        TEST_IN_FOLDER(without_a_header_only_three_or_four_numeric_looking_columns_are_ratings),
        TEST_IN_FOLDER(positions_say_all_there_is_of_wide_rows),
        TEST_IN_FOLDER(a_quote_in_the_first_row_without_a_header_is_text),
        TEST_IN_FOLDER(lines_of_delimiters_before_a_header_are_blank),
        TEST_IN_FOLDER(columns_that_nothing_uses_are_kept_where_one_is_missing),
        TEST_IN_FOLDER(a_column_of_times_is_found_by_its_values_too),
        TEST_IN_FOLDER(values_that_begin_late_are_ratings),
        TEST_IN_FOLDER(a_header_below_other_rows_is_named),
        TEST_IN_FOLDER(a_matrix_has_a_column_for_each_item),
        TEST_IN_FOLDER(settings_that_help_are_named),
        TEST_IN_FOLDER(a_reason_always_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
