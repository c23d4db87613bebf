/* Bodies in every format and responses in every other. */
#include "inference_testing.h"

#define EMPTY_LINE "the line is empty: every line must hold an instance"

static void every_request_format_has_every_response_format(void **state)
{
    (void)state;
    static const char *const requests[][3] = {
        /* one request, and the same in a batch of two */
        {"{\"userId\":7,\"movieId\":2959}",
         "{\"instances\":[{\"userId\":7,\"movieId\":2959},{\"userId\":7,\"movieId\":\"1042\"}]}"},
        {"{\"userId\":7,\"movieId\":2959}\n",
         "{\"userId\":7,\"movieId\":2959}\n{\"userId\":7,\"movieId\":1042}"},
        {"7,2959\n", "7,2959\r\n7,1042"},
    };
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++) {
        expect_as(q, JSON, requests[q][0],
                  q == JSON ? "{\"predicted_rating\":2.0}"
                            : "{\"predictions\":[{\"predicted_rating\":2.0}]}");
        expect_as(q, LINES, requests[q][0], "{\"predicted_rating\":2.0}\n");
        expect_as(q, CSV, requests[q][0], "2.0\n");
        assert_int_equal(fixture.n_responses, 1);
        expect_as(q, JSON, requests[q][1],
                  "{\"predictions\":[{\"predicted_rating\":2.0},{\"predicted_rating\":4.0}]}");
        expect_as(q, LINES, requests[q][1],
                  "{\"predicted_rating\":2.0}\n{\"predicted_rating\":4.0}\n");
        expect_as(q, CSV, requests[q][1], "2.0\n4.0\n");
        assert_int_equal(fixture.n_responses, 2);
    }
}

static void lists_do_not_fit_into_csv(void **state)
{
    (void)state;
    const char *text = "text/csv carries predicted ratings only; accept application/json";
    refuse_as(JSON, CSV, "{\"userId\":7,\"top_n\":1}", 406, text);
    refuse_as(JSON, CSV, "{\"movieId\":2959,\"similar\":1}", 406, text);
    refuse_as(JSON, CSV, "{\"userId\":7,\"movieIds\":[1]}", 406, text);
    refuse_as(LINES, CSV, "{\"userId\":7,\"movieId\":1}\n{\"userId\":7,\"top_n\":1}", 406, text);
    refuse_as(JSON, CSV, "{\"instances\":[{\"userId\":7,\"top_n\":1}]}", 406, text);
    /* A visitor's rating does. */
    expect_as(JSON, CSV, "{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"movieId\":1042}",
              "3.25\n");
    expect_as(
        LINES, LINES, "{\"userId\":7,\"top_n\":1}\n{\"userId\":7,\"movieId\":2959}",
        "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}\n"
        "{\"predicted_rating\":2.0}\n");
}

static void csv_is_read_as_rfc_4180_says(void **state)
{
    (void)state;
    expect_as(CSV, CSV, "7,2959", "2.0\n");
    expect_as(CSV, CSV, "\"7\",\"2959\"\r\n7,\"1042\"\r\n", "2.0\n4.0\n");
    expect_as(CSV, CSV,
              "\xEF\xBB\xBF"
              "7,2959\n",
              "2.0\n");
    expect_as(CSV, CSV, " 7 ,\t2959 \n", "2.0\n");
    expect_as(CSV, CSV, "7,\"a@b \"\n", "0.5\n");
    expect_as(CSV, CSV, "z\xC3\xBCri,2959\n", "5.0\n");
    expect_as(CSV, JSON, "\"a,\"\"b\"\"\",2959\n",
              "{\"predictions\":[{\"predicted_rating\":4.0,\"known_user\":false}]}");
}

static void csv_lines_that_are_no_pair_are_refused_by_number(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"7,2959\n7\n", "line 2: expected user,movie, found 1 field"},
        {"7,2959\n7,1,5\n", "line 2: expected user,movie, found 3 fields"},
        {"userId,movieId,rating\n7,1,5\n", "line 1: expected user,movie, found 3 fields"},
        {"7;2959\n", "line 1: expected user,movie with a comma between them, found a semicolon"},
        {"7,2959\n7\t2959\n", "line 2: expected user,movie with a comma between them, found a tab"},
        {"7,2959\n,1\n", "line 2: user: expected an id of 1 to 255 bytes of UTF-8 without control "
                         "characters"},
        {"7,\n", "line 1: movie: expected an id of 1 to 255 bytes of UTF-8 without control "
                 "characters"},
        {"7,2959\n7,\xFF\n", "line 2: movie: expected an id of 1 to 255 bytes of UTF-8 without "
                             "control characters"},
        {"7,2959\n\n7,1042\n", "line 2: " EMPTY_LINE},
        {"\n7,1042\n", "line 1: " EMPTY_LINE},
        {"7,2959\n \t\n\n7,1042\n", "line 2: " EMPTY_LINE},
        {"7,\"29\n59\"\n", "line 1: a quoted field does not end on its line"},
        {"7,\"2959", "line 1: a quoted field does not end on its line"},
        {"7,\"2959\n", "line 1: a quoted field does not end on its line"},
        {"7,2959\r7,1042\n", "line 1: a carriage return inside the line: expected lines to end "
                             "with \\n or \\r\\n"},
        {"reviewerID,title\n7,1\n",
         "line 1: a header, because \"reviewerID\" is a column of users, but \"title\" is not the "
         "name "
         "of one of items: expected names such as userId,movieId, or no header"},
        {"member\t,asin\n7,\n", "line 2: movie: expected an id of 1 to 255 bytes of UTF-8 without "
                                "control characters"},
        {"who,asin\n7,1\n", "line 1: a header, because \"asin\" is a column of items, but \"who\" "
                            "is not the name of one "
                            "of users: expected names such as userId,movieId, or no header"},
        {"movie,genre\n7,1\n", "line 1: a header, because \"movie\" is a column of items, but "
                               "\"genre\" is not the name of "
                               "one of users: expected names such as userId,movieId, or no header"},
        {"user,username\n7,1\n",
         "line 1: a header, because \"user\" is a column of users, but \"username\" is not the "
         "name of "
         "one of items: expected names such as userId,movieId, or no header"},
        {"7,2959\n7,1,\n7,\xFF", "line 2: expected user,movie, found 3 fields"},
        {"7,\xFF\n7\n", "line 1: movie: expected an id of 1 to 255 bytes of UTF-8 without control "
                        "characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_as(CSV, CSV, cases[i].body, 400, cases[i].text);
    assert_false(send_bytes(CSV, CSV,
                            "7,29\0"
                            "59\n",
                            8));
    assert_string_equal(fixture.err.text,
                        "line 1: movie: expected an id of 1 to 255 bytes of UTF-8 "
                        "without control characters");
    char body[400];
    snprintf(body, sizeof body, "7,%0256d\n", 1);
    refuse_as(
        CSV, CSV, body, 400,
        "line 1: movie: expected an id of 1 to 255 bytes of UTF-8 without control characters");
    snprintf(body, sizeof body, "7,%0255d\n", 1);
    expect_as(CSV, CSV, body, "3.75\n");
}

static void a_body_of_another_format_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
        const char *text;
    } cases[] = {
        {"\xFF\xFE{\0\"\0", 6, "the body is UTF-16: send UTF-8"},
        {"\xFE\xFF\0{\0\"", 6, "the body is UTF-16: send UTF-8"},
        {"\x1F\x8B\x08\0", 4, "the body is gzip that was packed again: send it packed once"},
        {"\x28\xB5\x2F\xFD\x04\0", 6, "the body is zstd: send gzip or plain text"},
        {"PK\x03\x04\n", 5, "the body is a zip file: send gzip or plain text"},
        {"\x93NUMPY\x01\0v\0{}", 12, "the body is NumPy's npy: send JSON, JSON Lines or CSV"},
        {"PAR1\x15\0", 6, "the body is Parquet: send JSON, JSON Lines or CSV"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (mf_inference_format format = 0; format < MF_INFERENCE_FORMATS; format++) {
            assert_false(send_bytes(format, JSON, cases[i].bytes, cases[i].n_bytes));
            assert_string_equal(fixture.err.text, cases[i].text);
            assert_int_equal(fixture.status, 400);
        }
    expect_as(CSV, CSV, "PAR1,2959\n", "4.0\n"); /* an id may begin so */
}

static void a_csv_header_is_skipped_or_has_a_response(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "userId,movieId", "USER_ID,Movie_Id", "user,item", "\"userid\",\"itemId\"",
        "User,ITEM_ID\r", "reviewerID,asin",  "uid,iid",   "user_id:token,item_id:token"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "%s\n7,2959\n", headers[i]);
        fixture.limits.batch = false;
        expect_as(CSV, CSV, body, "2.0\n");
        expect_as(CSV, JSON, body, "{\"predictions\":[{\"predicted_rating\":2.0}]}");
        assert_int_equal(fixture.n_responses, 1);
        fixture.limits.batch = true;
        expect_as(CSV, CSV, body, "predicted_rating\n2.0\n");
        expect_as(CSV, LINES, body, "{\"predicted_rating\":null}\n{\"predicted_rating\":2.0}\n");
        expect_as(CSV, JSON, body,
                  "{\"predictions\":[{\"predicted_rating\":null},{\"predicted_rating\":2.0}]}");
        assert_int_equal(fixture.n_responses, 1);
    }
    expect_as(CSV, CSV, "userId,movieId\n", "predicted_rating\n");
    expect_as(CSV, LINES, "userId,movieId\n", "{\"predicted_rating\":null}\n");
    expect_as(CSV, JSON, "userId,movieId", "{\"predictions\":[{\"predicted_rating\":null}]}");
    fixture.limits.batch = false;
    expect_as(CSV, CSV, "userId,movieId\n", "");
    expect_as(CSV, JSON, "userId,movieId", "{\"predictions\":[]}");
    /* The header's order is that of all lines. */
    expect_as(CSV, CSV, "asin,reviewerID\n2959,7\n1042,7\n", "2.0\n4.0\n");
    fixture.limits.batch = true; /* later bodies of the job have no header */
    refuse_as(
        CSV, CSV, "asin,reviewerID\n2959,7\n", 400,
        "line 1: a header with the item first: in a batch transform job only the first of many "
        "requests has it, so that the columns must be user,movie");
    fixture.limits.batch = false;
    refuse_as(
        CSV, CSV, "item,user\n2959,7\n,7\n", 400,
        "line 3: movie: expected an id of 1 to 255 bytes of UTF-8 without control characters");
    /* Elsewhere it is no pair, whatever its order. */
    static const char *const joined[] = {"7,2959\nuserId,movieId\n7,1042\n",
                                         "7,2959\nasin,reviewerID\n7,1042\n"};
    for (size_t i = 0; i < 2; i++) {
        refuse_as(CSV, CSV, joined[i], 400, "line 2: a header: it may only be the first line");
        fixture.limits.batch = true;
        expect_as(CSV, CSV, joined[i], "2.0\npredicted_rating\n4.0\n");
        assert_int_equal(fixture.n_responses, 2);
        assert_int_equal(fixture.counts.n_users, 2);
        fixture.limits.batch = false;
    }
    refuse_as(
        CSV, CSV, "userId,2959\n", 400,
        "line 1: a header, because \"userId\" is a column of users, but \"2959\" is not the name "
        "of one of items: expected names such as userId,movieId, or no header");
}

/* So that the lines of a batch job's input and output correspond, wherever the platform cuts. */
static void an_empty_line_of_a_batch_has_a_response(void **state)
{
    (void)state;
    fixture.limits.batch = true;
    for (fixture.microseconds = 0; fixture.microseconds <= WHOLE; fixture.microseconds += WHOLE) {
        expect_as(CSV, CSV, "7,2959\n\n7,1042\n", "2.0\n\"\"\n4.0\n");
        expect_as(CSV, CSV, "\n \t\r\nuid,iid\n7,2959\n\n\n7,1042\n\n",
                  "\"\"\n\"\"\npredicted_rating\n2.0\n\"\"\n\"\"\n4.0\n\"\"\n");
        expect_as(CSV, LINES, "\n7,2959\n",
                  "{\"predicted_rating\":null}\n{\"predicted_rating\":2.0}\n");
        expect_as(CSV, JSON, "7,2959\n\n7,2959",
                  "{\"predictions\":[{\"predicted_rating\":2.0},{\"predicted_rating\":null},"
                  "{\"predicted_rating\":2.0}]}");
        assert_int_equal(fixture.n_responses, 2);
        expect_as(LINES, LINES,
                  "{\"userId\":7,\"movieId\":2959}\n\n{\"movieId\":\"x\",\"similar\":1}\n\r\n"
                  "{\"userId\":7,\"movieId\":1042}",
                  "{\"predicted_rating\":2.0}\n{\"predicted_rating\":null}\n"
                  "{\"similar\":[],\"known_item\":false}\n{\"predicted_rating\":null}\n"
                  "{\"predicted_rating\":4.0}\n");
        refuse_as(CSV, CSV, "7,2959\n\n7\n", 400, "line 3: expected user,movie, found 1 field");
    }
}

static void unknown_users_and_items_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint64_t n_users, n_unknown_users, n_unknown_items;
    } cases[] = {
        {"{\"userId\":7,\"movieId\":1042}", 1, 0, 0},
        {"{\"userId\":8,\"movieId\":1}", 1, 1, 1},
        {"{\"userId\":8,\"movieIds\":[1,2,1042,2]}", 1, 1, 3},
        {"{\"movieId\":1,\"similar\":2}", 0, 0, 1},
        {"{\"ratings\":[{\"movieId\":1042,\"rating\":4},{\"movieId\":1,\"rating\":4}],\"movieId\":"
         "2}",
         1, 0, 2},
        {"{\"ratings\":[{\"movieId\":1,\"rating\":4}],\"top_n\":1}", 1, 1, 1},
        {"{\"instances\":[{\"userId\":7.0,\"movieId\":1},{\"userId\":\"7.5\",\"movieId\":1042},"
         "{\"userId\":\"x\",\"top_n\":1}]}",
         3, 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!send_bytes(JSON, JSON, cases[i].body, strlen(cases[i].body)))
            fail_msg("%s was refused: %s", cases[i].body, fixture.err.text);
        assert_int_equal(fixture.counts.n_users, cases[i].n_users);
        assert_int_equal(fixture.counts.n_unknown_users, cases[i].n_unknown_users);
        assert_int_equal(fixture.counts.n_unknown_items, cases[i].n_unknown_items);
    }
}

static void json_lines_are_one_instance_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"{\"userId\":7,\"movieId\":1}\n\n{\"userId\":7,\"movieId\":1}\n", "line 2: " EMPTY_LINE},
        {"{\"userId\":7,\"movieId\":1}\n{\"userId\":7}\n",
         "line 2: add movieId for a rating or top_n for recommendations"},
        {"{\"userId\":7,\"movieId\":1}\n{\"userId\":7,\"movieId\":null}\n",
         "line 2: movieId: expected a string or an integer, found null"},
        {"{\"userId\":7,\"movieId\":1} {\"userId\":7,\"movieId\":1}\n",
         "line 1: not valid JSON at column 26: something follows the instance: one instance a "
         "line"},
        {"{\"userId\":7,\"top_n\":1} ,\n",
         "line 1: not valid JSON at column 24: something follows the instance: one instance a "
         "line"},
        {"{\"userId\":7,\n\"movieId\":1}\n",
         "line 1: not valid JSON at column 12: string or '}' expected near end of file"},
        {"{\"userId\":7,\"movieId\":1}\n[]\n",
         "line 2: expected an object such as {\"userId\":\"2\",\"movieId\":\"2959\"}, found an "
         "array"},
        {"{\"instances\":[{\"userId\":7,\"movieId\":1}]}\n",
         "line 1: instances stands alone: put the other fields into the instances"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_as(LINES, LINES, cases[i].body, 400, cases[i].text);
    expect_as(LINES, LINES,
              "\xEF\xBB\xBF {\"userId\":7,\"movieId\":2959} \r\n{\"userId\":7,\"movieId\":\"\\u0031"
              "042\"}\t\r\n\n \n",
              "{\"predicted_rating\":2.0}\n{\"predicted_rating\":4.0}\n");
}

static void an_empty_body_is_refused_but_for_a_batch(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", " \n\t", "\n\n\n", "\xEF\xBB\xBF"};
    static const char *const texts[] = {
        "the body is empty: send {\"userId\":…,\"movieId\":…} or {\"instances\":[…]}",
        "the body is empty: send one instance a line, such as {\"userId\":…,\"movieId\":…}",
        "the body is empty: send lines of user,movie",
    };
    for (mf_inference_format q = 0; q < MF_INFERENCE_FORMATS; q++)
        for (mf_inference_format r = 0; r < MF_INFERENCE_FORMATS; r++)
            for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
                fixture.limits.batch = false;
                refuse_as(q, r, bodies[i], 400, texts[q]);
                fixture.limits.batch = true;
                expect_as(q, r, bodies[i], "");
            }
    fixture.limits.batch = false;
    expect("{\"instances\":[]}", "{\"predictions\":[]}");
    expect(" { \"instances\" : [ ] } ", "{\"predictions\":[]}");
    expect_as(JSON, LINES, "{\"instances\":[]}", "");
    expect_as(JSON, CSV, "{\"instances\":[]}", "");
}

static void a_line_has_a_most_of_bytes(void **state)
{
    (void)state;
    enum { BYTES = 300000 };
    char *body = malloc(BYTES + 16);
    assert_non_null(body);
    memset(body, 'x', BYTES);
    memcpy(body, "7,2959\n", 7);
    body[BYTES] = '\0';
    for (mf_inference_format q = LINES; q <= CSV; q++)
        refuse_as(q, q, body + (q == LINES ? 7 : 0), 413,
                  q == LINES
                      ? "line 1: over 262144 bytes, which is the most that one instance may have"
                      : "line 2: over 262144 bytes, which is the most that one instance may have");
    free(body);
}

static void media_types_have_names(void **state)
{
    (void)state;
    assert_string_equal(mf_inference_media_types[JSON], "application/json");
    assert_string_equal(mf_inference_media_types[LINES], "application/jsonlines");
    assert_string_equal(mf_inference_media_types[CSV], "text/csv");
}

static void errors_have_a_status(void **state)
{
    (void)state;
    static const struct {
        mf_error_code code;
        int status;
    } cases[] = {
        {MF_ERR_PARSE, 400},   {MF_ERR_LIMIT, 413},
        {MF_ERR_UNKNOWN, 404}, {MF_ERR_NOT_ACCEPTABLE, 406},
        {MF_ERR_MEMORY, 503},  {MF_ERR_ARGUMENT, 500},
        {MF_ERR_IO, 500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        mf_fail(&err, cases[i].code, MF_NOWHERE, "x");
        assert_int_equal(mf_inference_status(&err), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inference_test(every_request_format_has_every_response_format),
        inference_test(lists_do_not_fit_into_csv),
        inference_test(csv_is_read_as_rfc_4180_says),
        inference_test(csv_lines_that_are_no_pair_are_refused_by_number),
        inference_test(a_body_of_another_format_is_named),
        inference_test(a_csv_header_is_skipped_or_has_a_response),
        inference_test(an_empty_line_of_a_batch_has_a_response),
        inference_test(unknown_users_and_items_are_counted),
        inference_test(json_lines_are_one_instance_a_line),
        inference_test(an_empty_body_is_refused_but_for_a_batch),
        inference_test(a_line_has_a_most_of_bytes),
        inference_test(media_types_have_names),
        inference_test(errors_have_a_status),
    };
    return asking_tests(tests);
}
