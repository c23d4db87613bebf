/* test_ratings_errors.c: what bad files are told, word for word. */
#include "ratings_testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#define HEADER "userId,movieId,rating,timestamp\n"
#define GOOD   "1,31,2.5,7\n"

static void a_rating_that_is_no_finite_float_is_named_with_its_place(void **state)
{
    (void)state;
    assert_bad_row(HEADER GOOD "1,42,4;5,7\n", "r.csv:3:6: rating \"4;5\" is not a number");
    assert_bad_row(HEADER GOOD "1,42,good,7\n", "r.csv:3:6: rating \"good\" is not a number");
    assert_bad_row(HEADER GOOD "1,42,,7\n", "r.csv:3:6: rating is empty");
    assert_bad_row(HEADER GOOD "1,42,   ,7\n", "r.csv:3:9: rating is empty");
    assert_bad_row(HEADER GOOD "1,42,NaN,7\n", "r.csv:3:6: rating \"NaN\" is not a finite number");
    assert_bad_row(HEADER GOOD "1,42,-inf,7\n",
                   "r.csv:3:6: rating \"-inf\" is not a finite number");
    assert_bad_row(HEADER GOOD "1,42,1e400,7\n",
                   "r.csv:3:6: rating \"1e400\" does not fit a float");
    assert_bad_row(HEADER GOOD "1,42,-1e39,7\n",
                   "r.csv:3:6: rating \"-1e39\" does not fit a float");
    assert_bad_row(HEADER GOOD "1,42,0x10,7\n", "r.csv:3:6: rating \"0x10\" is not a number");
    assert_bad_row(HEADER GOOD "1,42,4 stars,7\n", "r.csv:3:6: rating \"4 stars\" is not a number");
    assert_bad_row(HEADER GOOD "1,42,1e,7\n", "r.csv:3:6: rating \"1e\" is not a number");
}

static void a_row_whose_timestamp_is_none_is_read_without_one_and_counted(void **state)
{
    static const char *const times[] = {"yesterday", "", "nan", "2005-13-01"};
    (void)state;
    for (size_t t = 0; t < sizeof times / sizeof times[0]; t++) {
        char text[200];
        mf_error err = {0};
        snprintf(text, sizeof text, HEADER GOOD "1,42,4,%s\n1,43,5,8\n", times[t]);
        mf_ratings *ratings = read_text(text, NULL, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(ratings->n_ratings, 3);
        assert_int_equal(ratings->counts.n_timeless, 1);
        assert_int_equal(ratings->counts.n_bad_rows, 0);
        assert_int_equal(ratings->time_rank[0], 2);
        assert_int_equal(ratings->time_rank[1], 0);
        assert_int_equal(ratings->time_rank[2], 4);
        mf_ratings_destroy(ratings);
    }
}

/* Also where times need 64 bits; what is read does not depend on the moment. */
static void times_after_a_moment_are_counted_and_read_as_they_are(void **state)
{
    static const struct {
        const char *times[3];
        double after[4]; /* for counts of 0, 1, 2 and 3 */
    } cases[] = {
        {{"1000000001", "1000000003", "1000000002"}, {1000000003, 1000000002, 1000000001, 1}},
        {{"1", "1000000000.5", "9000000000"}, {9000000000, 1000000001, 1000000000, 0.5}},
        {{"1700000000001", "1700000000003", "1700000000002"},
         {1700000000.003, 1700000000.002, 1700000000.001, 1700000000}},
        {{"2030-01-01", "2032-01-01", "2031-01-01"},
         {1956528000, 1924992000, 1893456000, 1893455999}},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (uint64_t n = 0; n < 4; n++) {
            const mf_ratings_options options = {.future_after = cases[c].after[n]};
            const char *const *t = cases[c].times;
            char text[200];
            mf_error err = {0};
            snprintf(text, sizeof text, HEADER "1,42,1,%s\n1,42,5,%s\n1,42,3,%s\n", t[0], t[1],
                     t[2]);
            mf_ratings *ratings = read_text(text, &options, &err);
            assert_ok(ratings != NULL, err);
            assert_int_equal(ratings->counts.n_future, n);
            assert_int_equal(ratings->n_ratings, 1);
            assert_float_equal(ratings->value[0], c == 1 ? 3 : 5, 0);
            mf_ratings_destroy(ratings);
        }
}

static void where_no_row_has_a_timestamp_there_are_no_ranks(void **state)
{
    mf_error err = {0};
    (void)state;
    mf_ratings *ratings = read_text(HEADER "1,42,4,noon\n1,43,5,\n", NULL, &err);
    assert_ok(ratings != NULL, err);
    assert_null(ratings->time_rank);
    assert_int_equal(ratings->counts.n_timeless, 2);
    mf_ratings_destroy(ratings);
}

static void a_row_with_too_few_or_too_many_fields_is_named(void **state)
{
    (void)state;
    assert_bad_row(HEADER GOOD "1,42,4\n", "r.csv:3:1: 3 fields where 4 are expected");
    assert_bad_row(HEADER GOOD "1\n", "r.csv:3:1: 1 field where 4 are expected");
    assert_bad_row(HEADER GOOD "1,42,4,7,x\n", "r.csv:3:10: 5 fields where 4 are expected");
    assert_bad_row(HEADER GOOD "1,42,4,7,\n", "r.csv:3:10: 5 fields where 4 are expected");
    assert_bad_row("1::42::4::7\n1::42::4\n", "r.csv:2:1: 3 fields where 4 are expected");
    assert_bad_row("1::42::4::7\n1::42::4::7::9\n", "r.csv:2:14: 5 fields where 4 are expected");
    assert_bad_row("1::42::4::7\n1::42:4::7\n",
                   "r.csv:2:7: one colon where two separate the fields");
}

static void a_row_with_very_many_fields_is_named(void **state)
{
    char text[4096] = HEADER GOOD;
    (void)state;
    for (int c = 0; c < 1000; c++)
        strcat(text, "1,");
    strcat(text, "1\n" GOOD);
    assert_bad_row(text, "r.csv:3:9: 1001 fields where 4 are expected");
}

static void an_id_that_cannot_be_one_is_named(void **state)
{
    static const char with_nul[] = HEADER "1,4\0"
                                          "2,4,7\n";
    char text[512];
    char id[301];
    mf_error err = {0};
    (void)state;
    assert_bad_row(HEADER GOOD ",42,4,7\n", "r.csv:3:1: user id is empty");
    assert_bad_row(HEADER GOOD "1,\"\",4,7\n", "r.csv:3:3: item id is empty");
    memset(id, 'x', 300);
    id[300] = '\0';
    snprintf(text, sizeof text, HEADER "1,%s,4,7\n", id);
    assert_bad_row(text, "r.csv:2:3: item id \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\" has "
                         "300 bytes (the limit is 255)");
    id[256] = '\0';
    snprintf(text, sizeof text, HEADER "%s,1,4,7\n", id);
    assert_bad_row(text, "r.csv:2:1: user id \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…\" has "
                         "256 bytes (the limit is 255)");
    assert_bad_row(HEADER "1,caf\xE9,4,7\n",
                   "r.csv:2:3: item id \"caf\\xe9\" is not UTF-8 text without control characters; "
                   "encoding=latin1 or windows-1252 reads other text");
    assert_bad_row(
        HEADER "1,\xC0\x80,4,7\n",
        "r.csv:2:3: item id \"\\xc0\\x80\" is not UTF-8 text without control characters; "
        "encoding=latin1 or windows-1252 reads other text");
    assert_bad_row(HEADER "1,a\tb,4,7\n",
                   "r.csv:2:3: item id \"a\\x09b\" is not UTF-8 text without control characters");
    assert_bad_row(HEADER "1,\"a\nb\",4,7\n",
                   "r.csv:2:3: item id \"a\\x0ab\" is not UTF-8 text without control characters");
    testing_write("r.csv", with_nul, sizeof with_nul - 1);
    assert_null(read_file("r.csv", NULL, &err));
    assert_string_equal(err.text,
                        "r.csv:2:3: item id \"4\\x002\" is not UTF-8 text without control "
                        "characters (max_bad_rows=… leaves such rows out)");
}

static void lines_are_physical_and_columns_count_bytes(void **state)
{
    (void)state;
    assert_bad_row("userId,movieId,rating,note\n1,31,4,\"a\nb\nc\"\n\n  \n1,42,x,\"\n\"\n",
                   "r.csv:7:6: rating \"x\" is not a number");
    assert_bad_row(HEADER "1,31,4,7\r\n\r\n1,42,x,7\r\n",
                   "r.csv:4:6: rating \"x\" is not a number");
    assert_bad_row("userId,movieId,rating\r1,31,4\r\r1,42,x\r",
                   "r.csv:4:6: rating \"x\" is not a number");
    assert_bad_row("\n\n" HEADER "1,31,x,7\n", "r.csv:4:6: rating \"x\" is not a number");
    assert_bad_row("\"user\nId\",userId,movieId,rating\n0,1,31,x\n",
                   "r.csv:3:8: rating \"x\" is not a number");
    assert_bad_row(HEADER " \t1 ,  \"Zo\xC3\xAB\",   \"x\",7\n",
                   "r.csv:2:18: rating \"x\" is not a number");
    assert_bad_row("note,userId,movieId,rating\n\"two\nlines\",1,31,x\n",
                   "r.csv:2:18: rating \"x\" is not a number");
}

static void a_missing_column_means_that_the_file_is_not_ratings(void **state)
{
    mf_error err = {0};
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    const mf_ratings_options options = {.feedback = MF_FEEDBACK_EXPLICIT};
    (void)state;
    write_text("r.csv", "userId,movieId,timestamp\n1,31,7\n");
    mf_ratings_reader *reader = mf_ratings_reader_create(&options, &err);
    assert_ok(mf_ratings_reader_add(reader, "r.csv", &content, reason, &err), err);
    assert_int_equal(content, MF_RATINGS_NOT_RATINGS);
    assert_string_equal(reason, "columns userId, movieId, timestamp; missing: rating");
    assert_null(mf_ratings_reader_finish(reader, &err));
    assert_string_equal(err.text, "there are no ratings: no file holds any");
    mf_ratings_reader_destroy(reader);
}

static void a_header_alone_is_a_ratings_file_without_ratings(void **state)
{
    (void)state;
    static const char text[] =
        "there are no ratings: 1 file with the right columns, but without rows";
    assert_refused(HEADER, text);
    assert_refused("userId,movieId,rating", text);
}

static void tolerated_rows_are_counted_and_the_first_ten_named_in_file_order(void **state)
{
    (void)state;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        char text[4096] = HEADER;
        for (int row = 0; row < 40; row++)
            sprintf(text + strlen(text), row % 2 == 0 ? "%d,31,4,7\n" : "%d,31,bad,7\n", row);
        const mf_ratings_options options = {
            .max_bad_rows = 20, .n_threads = n_threads, .block_bytes = 32};
        mf_error err = {0};
        mf_ratings *ratings = read_text(text, &options, &err);
        assert_ok(ratings != NULL, err);
        assert_int_equal(ratings->n_ratings, 20);
        assert_int_equal(ratings->n_users, 20);
        assert_int_equal(ratings->counts.n_rows, 40);
        assert_int_equal(ratings->counts.n_bad_rows, 20);
        assert_int_equal(ratings->counts.n_named, 10);
        assert_string_equal(ratings->counts.bad_rows[0],
                            "r.csv:3:6: rating \"bad\" is not a number");
        assert_string_equal(ratings->counts.bad_rows[9],
                            "r.csv:21:7: rating \"bad\" is not a number");
        mf_ratings_destroy(ratings);
    }
}

static void one_bad_row_more_than_allowed_names_the_first(void **state)
{
    (void)state;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        const mf_ratings_options options = {
            .max_bad_rows = 2, .n_threads = n_threads, .block_bytes = 16};
        assert_refused_with(HEADER "1,1,a,1\n1,2,3,1\n1,3,b,1\n1,4,c,1\n", &options, MF_ERR_PARSE,
                            "r.csv:2:5: rating \"a\" is not a number (the first of more bad rows "
                            "than max_bad_rows=2 allows)");
    }
}

static void a_bad_row_leaves_no_id_behind(void **state)
{
    const mf_ratings_options options = {.max_bad_rows = 9};
    (void)state;
    assert_reads_with(HEADER "9,99,bad,7\n8,88,4\n7,77\n6,\"\",4,7\n5,31,4,7\n", &options,
                      "5 31 4\n");
}

static void all_rows_bad_is_no_ratings(void **state)
{
    const mf_ratings_options options = {.max_bad_rows = 9};
    (void)state;
    assert_refused_with(HEADER "9,99,bad,7\n8,88,4\n", &options, MF_ERR_PARSE,
                        "there are no ratings: of 2 rows none can be read, the first of which is "
                        "r.csv:2:6: rating \"bad\" is not a number");
}

static void more_ids_than_the_limit_are_refused(void **state)
{
    (void)state;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        const mf_ratings_options users = {.max_users = 2, .n_threads = n_threads, .block_bytes = 8};
        const mf_ratings_options items = {.max_items = 2, .n_threads = n_threads, .block_bytes = 8};
        assert_reads_with("1,31,1\n2,31,1\n1,32,1\n2,33,1\n", &users,
                          "1 31 1\n1 32 1\n2 31 1\n2 33 1\n");
        assert_refused_with("1,31,1\n2,31,1\n3,31,1\n", &users, MF_ERR_LIMIT,
                            "more than 2 distinct users (the limit is 2)");
        assert_refused_with("1,31,1\n1,32,1\n1,33,1\n", &items, MF_ERR_LIMIT,
                            "more than 2 distinct items (the limit is 2)");
    }
}

static char *with_long_line(const char *before, size_t n_bytes, const char *after)
{
    char *text = malloc(strlen(before) + n_bytes + strlen(after) + 1);
    assert_non_null(text);
    strcpy(text, before);
    memset(text + strlen(before), 'x', n_bytes);
    strcpy(text + strlen(before) + n_bytes, after);
    return text;
}

static void a_row_longer_than_the_limit_is_refused(void **state)
{
    const size_t ten_million = 10 * 1000 * 1000;
    (void)state;
    char *text = with_long_line(HEADER GOOD, ten_million, "\n" GOOD);
    assert_refused_with(text, NULL, MF_ERR_LIMIT,
                        "r.csv:3:1: the row is longer than 1048576 bytes");
    free(text);
    text = with_long_line(HEADER GOOD "1,\"", ten_million, "\n" GOOD);
    assert_refused_with(
        text, NULL, MF_ERR_LIMIT,
        "r.csv:3:3: the row is longer than 1048576 bytes: the quote that opens here "
        "is not closed");
    free(text);
    for (size_t block_bytes = 1; block_bytes < 100; block_bytes += 9) {
        const mf_ratings_options options = {
            .max_row_bytes = 12, .block_bytes = block_bytes, .n_threads = 2};
        assert_reads_with("1,31,4,12345\n2,32,5,12345\r\n\r\n3,33,4,12345", &options,
                          "1 31 4\n2 32 5\n3 33 4\n");
        assert_refused_with("1,31,4,12345\n\n2,32,5,123456\r\n3,33,4,12345", &options, MF_ERR_LIMIT,
                            "r.csv:3:1: the row is longer than 12 bytes");
        assert_refused_with("1,31,4,12345\r2,32,5,123456\r3,33,4,12345", &options, MF_ERR_LIMIT,
                            "r.csv:2:1: the row is longer than 12 bytes");
        assert_refused_with("1,31,4,12345\n2,32,5,123456", &options, MF_ERR_LIMIT,
                            "r.csv:2:1: the row is longer than 12 bytes");
    }
}

static void an_unterminated_quote_is_named_where_it_opens(void **state)
{
    (void)state;
    for (size_t block_bytes = 1; block_bytes < 100; block_bytes += 9) {
        const mf_ratings_options options = {.block_bytes = block_bytes, .n_threads = 2};
        assert_refused_with(HEADER GOOD "1,\"42,4,7\n1,43,4,7\n", &options, MF_ERR_PARSE,
                            "r.csv:3:3: the quote that opens here is never closed "
                            "(quoting=none reads quotes as text)");
        assert_refused_with("note,user,item,rating\n,1,1,1\n\"a\nb\",\"42,4\n1,43,4,7\n", &options,
                            MF_ERR_PARSE,
                            "r.csv:4:4: the quote that opens here is never closed "
                            "(quoting=none reads quotes as text)");
    }
}

static void of_several_faults_the_first_in_the_file_is_named(void **state)
{
    (void)state;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++)
        for (size_t block_bytes = 1; block_bytes < 120; block_bytes += 17) {
            const mf_ratings_options options = {.block_bytes = block_bytes, .n_threads = n_threads};
            assert_bad_row_with(HEADER GOOD "1,42,x,7\n2,42,y,7\n1,\"42,4,7\n", &options,
                                "r.csv:3:6: rating \"x\" is not a number");
        }
}

static void damaged_gzip_is_refused(void **state)
{
    static char bytes[1 << 16];
    mf_error err = {0};
    (void)state;
    gzFile file = gzopen("r.gz", "wb");
    gzputs(file, HEADER);
    for (int row = 0; row < 2000; row++)
        gzprintf(file, "%d,%d,%d,%d\n", row % 37, row, row % 5, row * row);
    gzclose(file);
    const int fd = open("r.gz", O_RDONLY);
    const ssize_t n_bytes = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_true(n_bytes > 1000 && n_bytes < (ssize_t)sizeof bytes);
    testing_write("cut.gz", bytes, (size_t)n_bytes - 100);
    assert_null(read_file("cut.gz", NULL, &err));
    assert_string_equal(err.text, "cut.gz: damaged gzip: the compressed data ends too early");
    mf_error_clear(&err);
    testing_write("cut.gz", bytes, 5);
    assert_null(read_file("cut.gz", NULL, &err));
    assert_string_equal(err.text, "cut.gz: damaged gzip: the compressed data ends too early");
    mf_error_clear(&err);
    bytes[n_bytes - 6] ^= 1;
    testing_write("flip.gz", bytes, (size_t)n_bytes);
    assert_null(read_file("flip.gz", NULL, &err));
    assert_string_equal(err.text, "flip.gz: damaged gzip: incorrect data check");
    mf_error_clear(&err);
    bytes[n_bytes - 6] ^= 1;
    bytes[n_bytes] = 'x';
    testing_write("more.gz", bytes, (size_t)n_bytes + 1);
    assert_null(read_file("more.gz", NULL, &err));
    assert_string_equal(err.text, "more.gz: damaged gzip: foreign bytes after the compressed data");
    assert_int_equal(err.code, MF_ERR_PARSE);
}

static void assert_zstd_fails(const char *bytes, size_t n_bytes, mf_error_code code,
                              const char *sentence)
{
    mf_error err = {0};
    testing_write("r.zst", bytes, n_bytes);
    assert_null(read_file("r.zst", NULL, &err));
    assert_error(&err, code, sentence);
}

static void damaged_zstd_is_refused(void **state)
{
    static char text[1 << 16];
    static char bytes[1 << 16];
    size_t n_text = (size_t)snprintf(text, sizeof text, HEADER);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    (void)state;
    for (int row = 0; row < 2000; row++)
        n_text += (size_t)snprintf(text + n_text, sizeof text - n_text, "%d,%d,%d,%d\n", row % 37,
                                   row, row % 5, row * row);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    const size_t n = ZSTD_compress2(context, bytes, sizeof bytes - 1, text, n_text);
    ZSTD_freeCCtx(context);
    assert_false(ZSTD_isError(n));
    const char *const early = "r.zst: damaged zstd: the compressed data ends too early";
    assert_zstd_fails(bytes, n - 100, MF_ERR_PARSE, early);
    assert_zstd_fails(bytes, n - 1, MF_ERR_PARSE, early);
    assert_zstd_fails(bytes, 5, MF_ERR_PARSE, early);
    assert_zstd_fails(bytes, 4, MF_ERR_PARSE, early);
    bytes[n - 1] ^= 1;
    assert_zstd_fails(bytes, n, MF_ERR_PARSE,
                      "r.zst: damaged zstd: Restored data doesn't match checksum");
    bytes[n - 1] ^= 1;
    memcpy(bytes + n, "x,y,z", 5);
    assert_zstd_fails(bytes, n + 5, MF_ERR_PARSE,
                      "r.zst: damaged zstd: foreign bytes after the compressed data");
}

/* Of a frame whose header declares 2 GiB only the header is needed. */
static void a_huge_window_of_zstd_is_refused_with_the_command_that_unpacks_it(void **state)
{
    static const char frame[] = "\x28\xB5\x2F\xFD\x00\xA8\x01\x00\x00";
    (void)state;
    assert_zstd_fails(frame, sizeof frame - 1, MF_ERR_LIMIT,
                      "r.zst: zstd with a window of more than 128 MiB; unpack it: zstd -d "
                      "--long=31 ratings.csv.zst");
}

static void missing_files_and_folders_are_named(void **state)
{
    mf_error err = {0};
    (void)state;
    assert_null(read_file("nothing.csv", NULL, &err));
    assert_error(&err, MF_ERR_IO, "nothing.csv: cannot open: No such file or directory");
    mf_error_clear(&err);
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_null(read_file("folder", NULL, &err));
    assert_error(&err, MF_ERR_IO, "folder: is a folder, not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(a_rating_that_is_no_finite_float_is_named_with_its_place),
        TEST_IN_FOLDER(a_row_whose_timestamp_is_none_is_read_without_one_and_counted),
        TEST_IN_FOLDER(times_after_a_moment_are_counted_and_read_as_they_are),
        TEST_IN_FOLDER(where_no_row_has_a_timestamp_there_are_no_ranks),
        TEST_IN_FOLDER(a_row_with_too_few_or_too_many_fields_is_named),
        TEST_IN_FOLDER(a_row_with_very_many_fields_is_named),
        TEST_IN_FOLDER(an_id_that_cannot_be_one_is_named),
        TEST_IN_FOLDER(lines_are_physical_and_columns_count_bytes),
        TEST_IN_FOLDER(a_missing_column_means_that_the_file_is_not_ratings),
        TEST_IN_FOLDER(a_header_alone_is_a_ratings_file_without_ratings),
        TEST_IN_FOLDER(tolerated_rows_are_counted_and_the_first_ten_named_in_file_order),
        TEST_IN_FOLDER(one_bad_row_more_than_allowed_names_the_first),
        TEST_IN_FOLDER(a_bad_row_leaves_no_id_behind),
        TEST_IN_FOLDER(all_rows_bad_is_no_ratings),
        TEST_IN_FOLDER(more_ids_than_the_limit_are_refused),
        TEST_IN_FOLDER(a_row_longer_than_the_limit_is_refused),
        TEST_IN_FOLDER(an_unterminated_quote_is_named_where_it_opens),
        TEST_IN_FOLDER(of_several_faults_the_first_in_the_file_is_named),
        TEST_IN_FOLDER(damaged_gzip_is_refused),
        TEST_IN_FOLDER(damaged_zstd_is_refused),
        TEST_IN_FOLDER(a_huge_window_of_zstd_is_refused_with_the_command_that_unpacks_it),
        TEST_IN_FOLDER(missing_files_and_folders_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
