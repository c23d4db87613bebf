/* test_ratings_reader.c: what good files become. */
#include "ratings_testing.h"

#include "base/stop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#define HEADER "userId,movieId,rating,timestamp\n"

static void indexes_follow_first_appearance_and_items_ascend_within_a_user(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_ratings *ratings =
        read_text(HEADER "7,31,2.5,1\n3,10,4,2\n7,10,5,3\n3,31,1,4\n", NULL, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->n_users, 2);
    assert_int_equal(ratings->n_items, 2);
    assert_int_equal(ratings->n_ratings, 4);
    assert_int_equal(ratings->counts.n_files, 1);
    assert_int_equal(ratings->counts.n_rows, 4);
    assert_int_equal(ratings->counts.n_bytes, 70);
    char *text = ratings_text(ratings);
    assert_string_equal(text, "7 31 2.5\n7 10 5\n3 31 1\n3 10 4\n");
    free(text);
    mf_ratings_destroy(ratings);
}

static void the_movielens_sample_is_read_whole(void **state)
{
    mf_error err = {0};
    char *path = testing_path(getenv("MF_SOURCE_DIR") != NULL ? getenv("MF_SOURCE_DIR") : ".",
                              "data/ratings.csv");
    (void)state;
    mf_ratings *ratings = read_file(path, NULL, &err);
    free(path);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->n_users, 671);
    assert_int_equal(ratings->n_items, 9066);
    assert_int_equal(ratings->n_ratings, 100004);
    double sum = 0;
    for (uint64_t k = 0; k < ratings->n_ratings; k++)
        sum += (double)ratings->value[k];
    assert_true(sum / 100004 > 3.5436 && sum / 100004 < 3.5437);
    mf_ratings_destroy(ratings);
}

static void every_dialect_reads_as_the_same_ratings(void **state)
{
    static const char expected[] = "1 31 2.5\n1 42 4\n2 31 5\n";
    (void)state;
    assert_reads("userId,movieId,rating,timestamp\n1,31,2.5,7\n1,42,4.0,8\n2,31,5,9\n", expected);
    assert_reads("1\t31\t2.5\t7\n1\t42\t4\t8\n2\t31\t5\t9\n", expected);
    assert_reads("1::31::2.5::7\n1::42::4::8\n2::31::5::9\n", expected);
    assert_reads("1,31,2.5\n1,42,4\n2,31,5\n", expected);
    assert_reads("1;31;2.5;7\n1;42;4;8\n2;31;5;9\n", expected);
    assert_reads("1|31|2.5|7\n1|42|4|8\n2|31|5|9\n", expected);
    assert_reads("\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"1\";\"31\";\"2.5\"\n\"1\";\"42\";\"4\"\n"
                 "\"2\";\"31\";\"5\"\n",
                 expected);
    assert_reads("user::item::rating\n1::31::2.5\n1::42::4\n2::31::5\n", expected);
    assert_reads("rating,timestamp,item_id,USER ID\n2.5,7,31,1\n4,8,42,1\n5,9,31,2\n", expected);
    assert_reads("title,userId,movieId,rating\n\"A, B\",1,31,2.5\nC,1,42,4\n,2,31,5\n", expected);
    assert_reads("asin,reviewerID,overall,unixReviewTime\n31,1,2.5,7\n42,1,4,8\n31,2,5,9\n",
                 expected);
}

static void line_ends_marks_and_blanks_change_nothing(void **state)
{
    static const char expected[] = "1 31 2.5\n1 42 4\n";
    (void)state;
    assert_reads(HEADER "1,31,2.5,7\r\n1,42,4,8\r\n", expected);
    assert_reads("userId,movieId,rating,timestamp\r1,31,2.5,7\r1,42,4,8\r", expected);
    assert_reads("userId,movieId,rating,timestamp\r\n1,31,2.5,7\r\n1,42,4,8", expected);
    assert_reads("\xEF\xBB\xBF" HEADER "1,31,2.5,7\n1,42,4,8", expected);
    assert_reads("\xEF\xBB\xBF"
                 "1,31,2.5,7\n1,42,4,8",
                 expected);
    assert_reads("\xEF\xBB\xBF\"userId\",\"movieId\",\"rating\"\n1,31,2.5\n1,42,4", expected);
    assert_reads("\n\nuserId , movieId,\trating\n\n  1 ,31\t, 2.5\n   \n1,42 ,4  \n\n", expected);
    assert_reads(HEADER "\"1\",\"31\",\"2.5\",\"7\"\n1,\"42\" ,4,8\n", expected);
}

static void quotes_may_hold_delimiters_quotes_and_line_ends(void **state)
{
    (void)state;
    assert_reads("userId,movieId,rating,note\n1,31,2.5,\"a\nb, \"\"c\"\"\"\n1,42,4,x\"y\n",
                 "1 31 2.5\n1 42 4\n");
    assert_reads(HEADER "\"a,b\",\"say \"\"hi\"\"\",3,1\n", "a,b say \"hi\" 3\n");
}

static void ids_are_opaque_strings(void **state)
{
    (void)state;
    assert_reads(HEADER
                 "42,a@b.c,1,1\n0042,a@b.c,2,1\n4.2e1,a@b.c,3,1\n+42,A@b.c,4,1\n-42,x y,5,1\n"
                 "Zo\xC3\xAB,0,1,1\n00,0,2,1\n0,00,3,1\n",
                 "42 a@b.c 1\n0042 a@b.c 2\n4.2e1 a@b.c 3\n+42 A@b.c 4\n-42 x y 5\n"
                 "Zo\xC3\xAB 0 1\n00 0 2\n0 00 3\n");
    assert_reads(HEADER "99999999,1,1,1\n100000000,1,2,1\n18446744073709551616,1,3,1\n"
                        "4294967296,1,4,1\n16777216,1,5,1\n",
                 "99999999 1 1\n100000000 1 2\n18446744073709551616 1 3\n4294967296 1 4\n"
                 "16777216 1 5\n");
}

static void an_id_may_have_255_bytes(void **state)
{
    char text[512];
    char expected[512];
    char id[256];
    (void)state;
    memset(id, 'x', 255);
    id[255] = '\0';
    snprintf(text, sizeof text, HEADER "%s,1,4,1\n", id);
    snprintf(expected, sizeof expected, "%s 1 4\n", id);
    assert_reads(text, expected);
}

static void ratings_are_any_finite_numbers(void **state)
{
    (void)state;
    assert_reads(
        HEADER "1,1,-3.5,1\n1,2,1e3,1\n1,3,.5,1\n1,4,+2,1\n1,5,0.000000000000000000001,1\n"
               "1,6,12345678.5,1\n1,7,3e38,1\n1,8,0,1\n",
        "1 1 -3.5\n1 2 1000\n1 3 0.5\n1 4 2\n1 5 1e-21\n1 6 1.23457e+07\n1 7 3e+38\n1 8 0\n");
}

static void a_repeated_pair_keeps_the_newest_else_the_last(void **state)
{
    mf_error err = {0};
    (void)state;
    assert_reads(HEADER "1,31,1,10\n1,31,2,30\n1,31,3,20\n", "1 31 2\n");
    assert_reads(HEADER "1,31,1,10\n1,31,2,10\n", "1 31 2\n");
    assert_reads("1,31,5\n1,31,2\n1,31,3\n", "1 31 3\n");
    assert_reads(HEADER "1,31,1,-5\n1,31,2,-6\n", "1 31 1\n");
    assert_reads(HEADER "1,31,1,1260759144.75\n1,31,2,1260759144.5\n", "1 31 1\n");
    assert_reads(HEADER "1,31,1,1260759144.0\n1,31,2,1260759143\n", "1 31 1\n");
    assert_reads(HEADER "1,31,1,1e30\n1,31,2,-1e30\n1,30,3,0\n", "1 31 1\n1 30 3\n");
    /* Milliseconds span more than 32 bits, nanoseconds more than a double holds. */
    assert_reads(HEADER "1,31,1,1260759144000\n1,31,2,1560759144000\n1,31,3,1\n", "1 31 2\n");
    assert_reads(HEADER "1,31,1,1260759144000000002\n1,31,2,1260759144000000001\n", "1 31 1\n");
    mf_ratings *ratings =
        read_text(HEADER "1,1,1,5\n2,1,1,1\n1,2,1,1\n1,1,2,4\n2,1,3,2\n1,1,4,5\n", NULL, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->counts.n_rows, 6);
    assert_int_equal(ratings->counts.n_repeated, 3);
    assert_int_equal(ratings->n_ratings, 3);
    char *text = ratings_text(ratings);
    assert_string_equal(text, "1 1 4\n1 2 1\n2 1 3\n");
    free(text);
    mf_ratings_destroy(ratings);
}

static void one_rating_one_user_one_item_and_equal_ratings_are_fine(void **state)
{
    (void)state;
    assert_reads(HEADER "1,31,4,1\n", "1 31 4\n");
    assert_reads("1,31,4", "1 31 4\n");
    assert_reads(HEADER "1,31,4,1\n1,32,4,1\n1,33,4,1\n", "1 31 4\n1 32 4\n1 33 4\n");
    assert_reads(HEADER "1,31,4,1\n2,31,4,1\n3,31,4,1\n", "1 31 4\n2 31 4\n3 31 4\n");
}

static void given_column_names_are_used_without_regard_to_case(void **state)
{
    const mf_ratings_options options = {.user_column = "who",
                                        .item_column = "userId",
                                        .rating_column = "RATING",
                                        .timestamp_column = "when"};
    (void)state;
    assert_reads_with("userId,WHO,movieId,rating,when,timestamp\n31,1,x,2,9,0\n31,1,x,3,8,1\n",
                      &options, "1 31 2\n");
}

static void a_given_user_column_leaves_the_usual_names_to_the_others(void **state)
{
    const mf_ratings_options options = {.item_column = "user"};
    (void)state;
    assert_reads_with("user,userId,rating\n31,1,2\n", &options, "1 31 2\n");
}

static void two_columns_of_one_name_are_refused(void **state)
{
    const mf_ratings_options options = {.user_column = "a", .item_column = "A"};
    mf_error err = {0};
    (void)state;
    assert_null(mf_ratings_reader_create(&options, &err));
    assert_error(&err, MF_ERR_CONFIG, "user_column and item_column both name the column \"A\"");
}

static void a_column_called_date_is_used_where_it_holds_times(void **state)
{
    (void)state;
    assert_reads("userId,movieId,rating,date\n1,31,2,2005-09-06\n1,31,3,2001-01-01\n", "1 31 2\n");
    assert_reads("userId,movieId,rating,date\n1,31,2,9\n1,31,3,8\n", "1 31 2\n");
    assert_reads("userId,movieId,rating,date\n1,31,2,May 9\n1,31,3,May 8\n", "1 31 3\n");
}

static void many_files_are_one_reading(void **state)
{
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    const mf_ratings_options options = {.n_threads = 2};
    (void)state;
    write_text("a.csv", HEADER "1,31,2,50\n2,31,3,5\n");
    write_text("b.dat", "2::32::4\n1::31::5\n3::31::1\n");
    write_text("c.csv", "movieId,title,genres\n1,Toy Story (1995),Comedy\n");
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    assert_ok(mf_ratings_reader_add(reader, "a.csv", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_READ);
    assert_ok(mf_ratings_reader_add(reader, "c.csv", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_ok(mf_ratings_reader_add(reader, "b.dat", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_READ);
    mf_ratings *ratings = mf_ratings_reader_finish(reader, &err);
    assert_ok(ratings != NULL, err);
    mf_ratings_reader_destroy(reader);
    char *text = ratings_text(ratings);
    /* A row without a timestamp is older than one that has it. */
    assert_string_equal(text, "1 31 2\n2 31 3\n2 32 4\n3 31 1\n");
    assert_int_equal(ratings->counts.n_files, 2);
    assert_int_equal(ratings->counts.n_repeated, 1);
    free(text);
    mf_ratings_destroy(ratings);
}

static void append_gzip(const char *name, const char *text)
{
    gzFile file = gzopen(name, "ab");
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    assert_int_equal(gzclose(file), Z_OK);
}

static void gzip_is_known_by_its_bytes_and_may_have_members(void **state)
{
    mf_error err = {0};
    (void)state;
    append_gzip("r.bin", HEADER "1,31,2,50\n2,3");
    append_gzip("r.bin", "1,3,5\n");
    append_gzip("r.bin", "");
    FILE *file = fopen("r.bin", "ab");
    assert_int_equal(fwrite("\0\0\0", 1, 3, file), 3);
    fclose(file);
    mf_ratings *ratings = read_file("r.bin", NULL, &err);
    assert_ok(ratings != NULL, err);
    char *text = ratings_text(ratings);
    assert_string_equal(text, "1 31 2\n2 31 3\n");
    assert_int_equal(ratings->counts.n_bytes, strlen(HEADER "1,31,2,50\n2,31,3,5\n"));
    free(text);
    mf_ratings_destroy(ratings);
}

static void append_zstd(const char *name, const char *text)
{
    char packed[512];
    const size_t n = ZSTD_compress(packed, sizeof packed, text, strlen(text), 3);
    assert_false(ZSTD_isError(n));
    FILE *file = fopen(name, "ab");
    assert_int_equal(fwrite(packed, 1, n, file), n);
    fclose(file);
}

static void zstd_is_known_by_its_bytes_and_may_have_frames(void **state)
{
    mf_error err = {0};
    (void)state;
    testing_write("r.bin", "\x5A\x2A\x4D\x18\x03\0\0\0abc", 11); /* a frame that is skipped */
    append_zstd("r.bin", HEADER "1,31,2,50\n2,3");
    append_zstd("r.bin", "1,3,5\n");
    append_zstd("r.bin", "");
    mf_ratings *ratings = read_file("r.bin", NULL, &err);
    assert_ok(ratings != NULL, err);
    char *text = ratings_text(ratings);
    assert_string_equal(text, "1 31 2\n2 31 3\n");
    assert_int_equal(ratings->counts.n_bytes, strlen(HEADER "1,31,2,50\n2,31,3,5\n"));
    free(text);
    mf_ratings_destroy(ratings);
}

typedef struct writer {
    const char *name;
    const char *text;
    size_t piece;
} writer;

static void *write_pieces(void *argument)
{
    const writer *w = argument;
    const int fd = open(w->name, O_WRONLY);
    for (size_t at = 0; at < strlen(w->text); at += w->piece) {
        const size_t left = strlen(w->text) - at;
        const ssize_t n = write(fd, w->text + at, left < w->piece ? left : w->piece);
        (void)n;
    }
    close(fd);
    return NULL;
}

static mf_ratings *read_fifo(const char *text, size_t piece, mf_error *err)
{
    const mf_ratings_options options = {.n_threads = 2, .block_bytes = 16};
    writer w = {"fifo", text, piece};
    pthread_t thread;
    unlink("fifo");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_pieces, &w), 0);
    const int fd = open("fifo", O_RDONLY);
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, err);
    mf_ratings *ratings = NULL;
    if (mf_ratings_reader_add_stream(reader, fd, "train_0", err))
        ratings = mf_ratings_reader_finish(reader, err);
    mf_ratings_reader_destroy(reader);
    close(fd);
    pthread_join(thread, NULL);
    return ratings;
}

static void a_fifo_may_carry_several_files_with_their_headers(void **state)
{
    static const char text[] =
        HEADER "1,31,2,50\n2,31,3,5\n" HEADER "2,32,4,1\n\xEF\xBB\xBF" HEADER "3,31,1,1";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece += 7) {
        mf_error err = {0};
        mf_ratings *ratings = read_fifo(text, piece, &err);
        assert_ok(ratings != NULL, err);
        char *got = ratings_text(ratings);
        assert_string_equal(got, "1 31 2\n2 31 3\n2 32 4\n3 31 1\n");
        assert_int_equal(ratings->counts.n_rows, 4);
        free(got);
        mf_ratings_destroy(ratings);
    }
}

static void a_header_that_comes_again_is_no_row_and_counted(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_ratings *ratings = read_text(HEADER "1,31,2,50\n" HEADER "1,32,3,51\n", NULL, &err);
    assert_ok(ratings != NULL, err);
    assert_int_equal(ratings->counts.n_rows, 2);
    assert_int_equal(ratings->counts.n_header_rows, 2);
    mf_ratings_destroy(ratings);
    assert_bad_row(
        HEADER "1,31,2,50\nuserId,movieId,stars,timestamp\n",
        "r.csv:3:16: rating \"stars\" is not a number, but the name of a column: a header "
        "that comes again has the names of the first one");
}

static void a_stream_that_is_not_ratings_is_an_error(void **state)
{
    mf_error err = {0};
    (void)state;
    assert_null(read_fifo("movieId,title,genres\n1,A,B\n", 100, &err));
    assert_int_equal(err.code, MF_ERR_PARSE);
    assert_string_equal(err.text, "train_0: these are no ratings: columns movieId, title, genres; "
                                  "missing: user, rating");
}

static void *stop_soon(void *unused)
{
    usleep(50 * 1000);
    mf_stop_request(true);
    return unused;
}

static void waiting_for_a_silent_fifo_ends_when_stopped(void **state)
{
    const mf_ratings_options options = {0};
    mf_error err = {0};
    pthread_t thread;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    assert_false(mf_ratings_reader_add_stream(reader, ends[0], "train_0", &err));
    assert_int_equal(err.code, MF_ERR_STOPPED);
    pthread_join(thread, NULL);
    mf_stop_request(false);
    mf_ratings_reader_destroy(reader);
    close(ends[0]);
    close(ends[1]);
}

static void reading_a_file_ends_when_stopped(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_stop_request(true);
    mf_ratings *ratings = read_text(HEADER "1,31,2,50\n", NULL, &err);
    mf_stop_request(false);
    assert_null(ratings);
    assert_int_equal(err.code, MF_ERR_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(indexes_follow_first_appearance_and_items_ascend_within_a_user),
        cmocka_unit_test(the_movielens_sample_is_read_whole),
        TEST_IN_FOLDER(every_dialect_reads_as_the_same_ratings),
        TEST_IN_FOLDER(line_ends_marks_and_blanks_change_nothing),
        TEST_IN_FOLDER(quotes_may_hold_delimiters_quotes_and_line_ends),
        TEST_IN_FOLDER(ids_are_opaque_strings),
        TEST_IN_FOLDER(an_id_may_have_255_bytes),
        TEST_IN_FOLDER(ratings_are_any_finite_numbers),
        TEST_IN_FOLDER(a_repeated_pair_keeps_the_newest_else_the_last),
        TEST_IN_FOLDER(one_rating_one_user_one_item_and_equal_ratings_are_fine),
        TEST_IN_FOLDER(given_column_names_are_used_without_regard_to_case),
        TEST_IN_FOLDER(a_given_user_column_leaves_the_usual_names_to_the_others),
        TEST_IN_FOLDER(two_columns_of_one_name_are_refused),
        TEST_IN_FOLDER(a_column_called_date_is_used_where_it_holds_times),
        TEST_IN_FOLDER(many_files_are_one_reading),
        TEST_IN_FOLDER(gzip_is_known_by_its_bytes_and_may_have_members),
        TEST_IN_FOLDER(zstd_is_known_by_its_bytes_and_may_have_frames),
        TEST_IN_FOLDER(a_fifo_may_carry_several_files_with_their_headers),
        TEST_IN_FOLDER(a_header_that_comes_again_is_no_row_and_counted),
        TEST_IN_FOLDER(a_stream_that_is_not_ratings_is_an_error),
        TEST_IN_FOLDER(waiting_for_a_silent_fifo_ends_when_stopped),
        TEST_IN_FOLDER(reading_a_file_ends_when_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
