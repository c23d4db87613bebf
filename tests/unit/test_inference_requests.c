/* Fields of a request in JSON: what is accepted, and the errors of everything else. */
#include "inference_testing.h"

static void ids_are_strings_or_integers(void **state)
{
    (void)state;
    const char *response = "{\"predicted_rating\":2.0}";
    expect("{\"userId\":\"7\",\"movieId\":\"2959\"}", response);
    expect("{\"userId\":7,\"movieId\":2959}", response);
    expect("{\"movieId\":2959,\"userId\":\"7\"}", response);
    expect(" \n{ \"userId\"\t: \"\\u0037\" ,\r\n\"movieId\" : \"2959\" } \n", response);
    expect("{\"userId\":\"z\xC3\xBCri\",\"movieId\":\"2959\"}", "{\"predicted_rating\":5.0}");
    expect("{\"userId\":\"z\\u00FCri\",\"movieId\":\"2959\"}", "{\"predicted_rating\":5.0}");
    expect("\xEF\xBB\xBF{\"userId\":7,\"movieId\":2959}", response);
    /* "007" and 7 are two users, and so are -7 and 7. */
    expect("{\"userId\":\"007\",\"movieId\":\"2959\"}", "{\"predicted_rating\":3.9375}");
    expect("{\"userId\":-7,\"movieId\":2959}", "{\"predicted_rating\":4.0,\"known_user\":false}");
    expect("{\"userId\":9223372036854775807,\"movieId\":-9223372036854775808}",
           "{\"predicted_rating\":3.5,\"known_user\":false,\"known_item\":false}");
}

static void ids_of_other_kinds_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *found;
    } cases[] = {
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {"2959.5", "a number with decimals"},
        {"[]", "an array"},
        {"{}", "an object"},
        {"1e-3", "a number with decimals"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[128];
        char text[128];
        snprintf(body, sizeof body, "{\"userId\":%s,\"movieId\":\"1\"}", cases[i].value);
        snprintf(text, sizeof text, "userId: expected a string or an integer, found %s",
                 cases[i].found);
        refuse(body, text);
        snprintf(body, sizeof body,
                 "{\"instances\":[{\"userId\":1,\"movieId\":2},"
                 "{\"userId\":\"1\",\"movieId\":%s}]}",
                 cases[i].value);
        snprintf(text, sizeof text,
                 "instances[1].movieId: expected a string or an integer, found %s", cases[i].found);
        refuse(body, text);
    }
    refuse("{\"userId\":\"\",\"movieId\":\"1\"}",
           "userId: expected an id of 1 to 255 bytes of UTF-8 without control characters, found an "
           "empty string");
    refuse("{\"userId\":\"a\\tb\",\"movieId\":\"1\"}",
           "userId: expected an id of 1 to 255 bytes of UTF-8 without control characters");
}

/* As pandas and numpy write the ids of a column with a gap. */
static void whole_numbers_are_ids_in_every_notation(void **state)
{
    (void)state;
    static const char *const notations[] = {"2959", "2959.0", "2.959e3", "\"2959.0\"",
                                            "\"2.959000000000000000e+03\""};
    static const char *const bodies[][2] = {
        {"{\"userId\":7,\"movieId\":", "}"},
        {"{\"userId\":7.0,\"movieIds\":[", ",1042.0,2959]}"},
        {"{\"userId\":\"7e0\",\"movieIds\":[", "],\"top_n\":2.0}"},
        {"{\"ratings\":[{\"movieId\":", ",\"rating\":4}],\"movieId\":\"1042\"}"},
        {"{\"ratings\":[{\"movieId\":", ",\"rating\":4}],\"top_n\":4}"},
        {"{\"movieId\":", ",\"similar\":3}"},
        {"{\"instances\":[{\"userId\":7.0,\"movieId\":", "},{\"userId\":7,\"top_n\":1}]}"},
    };
    for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
        char *usual = NULL;
        for (size_t i = 0; i < sizeof notations / sizeof notations[0]; i++) {
            char body[256];
            snprintf(body, sizeof body, "%s%s%s", bodies[b][0], notations[i], bodies[b][1]);
            if (!send_bytes(JSON, JSON, body, strlen(body)))
                fail_msg("%s was refused: %s", body, fixture.err.text);
            assert_null(strstr(fixture.response.bytes, "known_"));
            if (usual == NULL)
                usual = strdup(fixture.response.bytes);
            assert_string_equal(fixture.response.bytes, usual);
        }
        free(usual);
    }
    expect_as(CSV, CSV, "7,2959\n7.0,2959.0\n7,2.959e3\n", "2.0\n2.0\n2.0\n");
}

/* A double would be 2^53 for both, and 2^53 + 2 for the third. */
static void a_long_whole_number_is_no_other_id(void **state)
{
    (void)state;
    static const char *const numbers[][2] = {{"9007199254740992.0", "9007199254740992"},
                                             {"9007199254740993.0", "9007199254740993"},
                                             {"9.007199254740994e15", "9007199254740994"},
                                             {"-90071992547409931.00", "-90071992547409931"},
                                             {"1e17", "100000000000000000"}};
    char body[256], response[256];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        snprintf(body, sizeof body,
                 "{\"userId\":\"\\\"7.0\",\"movieIds\":[%s,1042.0],\"order\":\"rating\"}",
                 numbers[i][0]);
        assert_true(send_bytes(JSON, JSON, body, strlen(body)));
        snprintf(response, sizeof response, "{\"movieId\":\"%s\",", numbers[i][1]);
        if (strstr(fixture.response.bytes, response) == NULL)
            fail_msg("%s gave %s", body, fixture.response.bytes);
    }
    refuse("{\"userId\":1e19,\"movieId\":1}",
           "userId: a number of 2^53 or more: a long id must be sent as a string");
    refuse("{\"userId\":9007199254740993.5,\"movieId\":1}",
           "userId: a number of 2^53 or more: a long id must be sent as a string");
    refuse("{\"userId\":9007199254740993.0,\"movieId\":true}",
           "movieId: expected a string or an integer, found true");
}

static void ids_may_have_255_bytes(void **state)
{
    (void)state;
    char body[1024];
    for (int n = 254; n <= 257; n++) {
        /* With an escape jansson reads it, without one the scanner. */
        for (int escaped = 0; escaped < 2; escaped++) {
            snprintf(body, sizeof body, "{\"userId\":\"%0*d\",\"movieId\":\"%s\"}", n, 0,
                     escaped ? "\\u0031042" : "1042");
            if (n <= 255)
                expect(body, "{\"predicted_rating\":3.25,\"known_user\":false}");
            else
                refuse(body, "userId: expected an id of 1 to 255 bytes of UTF-8 without control "
                             "characters");
        }
    }
}

static void numbers_beyond_their_kind_are_refused(void **state)
{
    (void)state;
    refuse("{\"userId\":9223372036854775808,\"movieId\":1}",
           "userId: an integer beyond 64 bits: a long id must be sent as a string");
    refuse("{\"userId\":1,\"movieIds\":[1,-10000000000000000000000]}",
           "movieIds[1]: an integer beyond 64 bits: a long id must be sent as a string");
    refuse("{\"instances\":[{\"userId\":1,\"top_n\":10000000000000000000000}]}",
           "instances[0].top_n: expected a whole number from 1 to 1000");
    refuse("{\"movieId\":1,\"similar\":-10000000000000000000000}",
           "similar: expected a whole number from 1 to 1000");
    refuse("{\"userId\":1.5,\"top_n\":10000000000000000000000}",
           "userId: expected a string or an integer, found a number with decimals");
    /* JSON has no largest integer. */
    expect("{\"ratings\":[{\"movieId\":1,\"rating\":10000000000000000000000}],\"movieId\":1}",
           "{\"predicted_rating\":3.5,\"known_user\":false,\"known_item\":false}");
    expect_as(LINES, LINES,
              "{\"ratings\":[{\"movieId\":1,\"rating\":100000000000000000000}],\"movieId\":1.0}\n",
              "{\"predicted_rating\":3.5,\"known_user\":false,\"known_item\":false}\n");
    refuse("{\"ratings\":[{\"movieId\":9007199254740993,\"rating\":100000000000000000000}],"
           "\"movieId\":1}",
           "ratings[0].movieId: a number of 2^53 or more: a long id must be sent as a string");
    refuse("{\"ratings\":[{\"movieId\":1,\"rating\":-1e39}],\"top_n\":1}",
           "ratings[0].rating: expected a finite number that a float holds, at most 3.4e38");
    refuse("{\"ratings\":[{\"movieId\":1,\"rating\":1e999}],\"top_n\":1}",
           "not valid JSON at line 1, column 39: real number overflow near '1e999'");
    refuse("{\"userId\":NaN,\"movieId\":1}",
           "not valid JSON at line 1, column 13: invalid token near 'NaN'");
    refuse("{\"userId\":007,\"movieId\":1}",
           "not valid JSON at line 1, column 11: invalid token near '0'");
}

static void unknown_fields_are_named_with_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *meant;
    } cases[] = {
        {"moveId", "movieId"},
        {"movieIdd", "movieId"},
        {"mvoieId", "movieId"},
        {"usreId", "userId"},
        {"topN", "top_n"},
        {"k", "top_n"},
        {"includeRated", "include_rated"},
        {"similiar", "similar"},
        {"rating", "ratings"},
        {"ratngs", "ratings"},
        {"Order", "order"},
        {"sort_by", "order"},
        {"oder", "order"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[128];
        char text[128];
        snprintf(body, sizeof body, "{\"userId\":\"7\",\"%s\":\"1\"}", cases[i].name);
        snprintf(text, sizeof text, "unknown field \"%s\": did you mean %s?", cases[i].name,
                 cases[i].meant);
        refuse(body, text);
    }
    refuse("{\"userId\":\"7\",\"color\":\"1\"}",
           "unknown field \"color\": expected userId, movieId, movieIds, ratings, top_n, similar, "
           "order, "
           "include_rated, where, exclude, in, diversity, max_per, offset, explain, with, userIds, "
           "blend or audience");
    refuse("{\"\":1}", "unknown field \"\": expected userId, movieId, movieIds, ratings, "
                       "top_n, similar, order, include_rated, where, exclude, in, diversity, "
                       "max_per, offset, explain, with, userIds, blend or audience");
    refuse("{\"ratings\":[{\"movieId\":1,\"rating\":5,\"color\":1}],\"top_n\":1}",
           "ratings[0]: unknown field \"color\": expected movieId, rating and timestamp");
    refuse("{\"ratings\":[{\"movieId\":1,\"rating\":5,\"timestmap\":1}],\"top_n\":1}",
           "ratings[0]: unknown field \"timestmap\": did you mean timestamp?");
    refuse("{\"ratings\":[{\"movieId\":1,\"rating\":5,\"ts\":1}],\"top_n\":1}",
           "ratings[0]: unknown field \"ts\": did you mean timestamp?");
    refuse("{\"timestamp\":1}",
           "unknown field \"timestamp\": expected userId, movieId, movieIds, "
           "ratings, top_n, similar, order, include_rated, where, exclude, "
           "in, diversity, max_per, offset, explain, with, userIds, blend or audience");
    refuse("{\"ratings\":[{\"userId\":1,\"rating\":5}],\"top_n\":1}",
           "ratings[0]: unknown field \"userId\": expected movieId, rating and timestamp");
    refuse("{\"instances\":[{\"userId\":1,\"moveID\":2}]}",
           "instances[0]: unknown field \"moveID\": did you mean movieId?");
}

static void fields_that_do_not_go_together_are_refused_with_what_to_send(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"{}", "the request is incomplete: send userId with movieId or top_n"},
        {"{\"include_rated\":true}",
         "the request is incomplete: send userId with movieId or top_n"},
        {"{\"userId\":1}", "add movieId for a rating or top_n for recommendations"},
        {"{\"ratings\":[{\"movieId\":1,\"rating\":5}]}",
         "add movieId for a rating or top_n for recommendations"},
        {"{\"movieId\":1}", "add userId for a rating or similar for movies like this one"},
        {"{\"top_n\":1}", "add userId, or ratings of a visitor"},
        {"{\"movieIds\":[1]}", "add userId, or ratings of a visitor"},
        {"{\"userId\":1,\"include_rated\":true}",
         "include_rated goes with top_n or movieIds: add one of them"},
        {"{\"userId\":1,\"movieId\":2,\"include_rated\":true}",
         "include_rated goes with top_n or movieIds: add one of them"},
        {"{\"userId\":1,\"order\":\"rating\"}",
         "order goes with top_n or movieIds: add one of them"},
        {"{\"userId\":1,\"movieId\":2,\"order\":\"rating\"}",
         "order goes with top_n or movieIds: add one of them"},
        {"{\"order\":\"rating\"}", "the request is incomplete: send userId with movieId or top_n"},
        {"{\"similar\":1,\"movieId\":1,\"order\":\"rating\"}",
         "similar goes with movieId and with: leave out the other fields"},
        {"{\"userId\":1,\"movieId\":2,\"top_n\":3}",
         "send movieId for one rating, or top_n and movieIds for a list, not both"},
        {"{\"userId\":1,\"movieId\":2,\"movieIds\":[3]}",
         "send movieId for one rating, or top_n and movieIds for a list, not both"},
        {"{\"userIds\":[1],\"ratings\":[{\"movieId\":1,\"rating\":5}],\"top_n\":1}",
         "send userIds for a group or one user, not both"},
        {"{\"similar\":1}", "add movieId: similar lists the movies that are like one"},
        {"{\"similar\":1,\"movieId\":1,\"userId\":1}",
         "similar goes with movieId and with: leave out the other fields"},
        {"{\"similar\":1,\"movieId\":1,\"top_n\":1}",
         "similar goes with movieId and with: leave out the other fields"},
        {"{\"userId\":1,\"instances\":[]}",
         "instances stands alone: put the other fields into the instances"},
        {"{\"instances\":[{\"instances\":[]}]}",
         "instances[0]: instances stands alone: put the other fields into the instances"},
        {"{\"instances\":[],\"userId\":1}",
         "unknown field \"userId\" beside instances: put it into the instances"},
        {"{\"instances\":[{\"userId\":1}]}",
         "instances[0]: add movieId for a rating or top_n for recommendations"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(cases[i].body, cases[i].text);
}

static void counts_are_whole_numbers_in_range(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0",    "-1",   "1001", "1000000000", "\"ten\"", "2.5",
                                        "1e-9", "null", "true", "[1]",        "\"5\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"userId\":\"7\",\"top_n\":%s}", wrong[i]);
        refuse(body, "top_n: expected a whole number from 1 to 1000");
        snprintf(body, sizeof body, "{\"movieId\":\"2959\",\"similar\":%s}", wrong[i]);
        refuse(body, "similar: expected a whole number from 1 to 1000");
    }
    fixture.limits.max_top_n = 3;
    refuse("{\"userId\":\"7\",\"top_n\":4}", "top_n: expected a whole number from 1 to 3");
    refuse("{\"userId\":\"7\",\"movieIds\":[1,2,3,4]}",
           "add top_n: without it the list has all movieIds, which may be 3 then, found 4");
    fixture.limits.max_fold_in = 1;
    refuse("{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":5},{\"movieId\":2,\"rating\":5}]}",
           "ratings: expected 1 to 1 ratings, found 2");
}

static void lists_inside_an_instance_are_checked_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"{\"userId\":1,\"movieIds\":[]}", "movieIds: expected 1 or more ids, found 0"},
        {"{\"userId\":1,\"movieIds\":\"1\"}", "movieIds: expected an array of ids, found a string"},
        {"{\"userId\":1,\"movieIds\":[1,null]}",
         "movieIds[1]: expected a string or an integer, found null"},
        {"{\"userId\":1,\"movieIds\":[1,\"\"]}",
         "movieIds[1]: expected an id of 1 to 255 bytes of UTF-8 without control characters, found "
         "an empty string"},
        {"{\"userId\":1,\"top_n\":1,\"include_rated\":1}",
         "include_rated: expected true or false, found an integer"},
        {"{\"top_n\":1,\"ratings\":{}}", "ratings: expected an array of ratings, found an object"},
        {"{\"top_n\":1,\"ratings\":[]}", "ratings: expected 1 to 1000 ratings, found 0"},
        {"{\"top_n\":1,\"ratings\":[5]}",
         "ratings[0]: expected an object {\"movieId\":…,\"rating\":…}, found an integer"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":5},{\"movieId\":2}]}",
         "ratings[1]: rating is missing"},
        {"{\"top_n\":1,\"ratings\":[{\"rating\":5}]}", "ratings[0]: movieId is missing"},
        {"{\"userId\":1,\"top_n\":1,\"order\":\"best\"}",
         "order: expected ranking, rating or popularity, found \"best\""},
        {"{\"userId\":1,\"top_n\":1,\"order\":\"Rating\"}",
         "order: expected ranking, rating or popularity, found \"Rating\""},
        {"{\"userId\":1,\"top_n\":1,\"order\":\"\"}",
         "order: expected ranking, rating or popularity, found \"\""},
        {"{\"userId\":1,\"top_n\":1,\"order\":null}",
         "order: expected ranking, rating or popularity, found null"},
        {"{\"instances\":[{\"userId\":1,\"top_n\":1,\"order\":1}]}",
         "instances[0].order: expected ranking, rating or popularity, found an integer"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":5,\"timestamp\":\"1\"}]}",
         "ratings[0].timestamp: expected a number of seconds or null, found a string"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":5},"
         "{\"movieId\":1,\"rating\":5,\"timestamp\":true}]}",
         "ratings[1].timestamp: expected a number of seconds or null, found true"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":null}]}",
         "ratings[0].rating: expected a number, found null"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"timestamp\":5}]}",
         "ratings[0]: rating is missing"},
        {"{\"instances\":[{\"top_n\":1,\"ratings\":[{\"movieId\":1}]}]}",
         "instances[0].ratings[0]: rating is missing"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":\"5\"}]}",
         "ratings[0].rating: expected a number, found a string"},
        {"{\"top_n\":1,\"ratings\":[{\"movieId\":1,\"rating\":1e300}]}",
         "ratings[0].rating: expected a finite number that a float holds, at most 3.4e38"},
        {"{\"instances\":[{\"top_n\":1,\"ratings\":[{\"movieId\":false,\"rating\":5}]}]}",
         "instances[0].ratings[0].movieId: expected a string or an integer, found false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(cases[i].body, cases[i].text);
}

static void what_is_not_json_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"[]", "expected an object: {\"userId\":…,\"movieId\":…} or {\"instances\":[…]}"},
        {"7,2959", "expected an object: {\"userId\":…,\"movieId\":…} or {\"instances\":[…]}"},
        {"null", "expected an object: {\"userId\":…,\"movieId\":…} or {\"instances\":[…]}"},
        {"{", "not valid JSON at line 1, column 1: string or '}' expected near end of file"},
        {"{\"userId\":1,\n  \"movieId\"}",
         "not valid JSON at line 2, column 12: ':' expected near '}'"},
        {"{\"userId\":\"\xFF\",\"movieId\":1}",
         "not valid JSON at line 1, column 11: unable to decode byte 0xff near '\"'"},
        {"{\"userId\":\"\\uD800\",\"movieId\":1}",
         "not valid JSON at line 1, column 18: invalid Unicode '\\uD800' near '\"\\uD800\"'"},
        {"{\"userId\":\"a\\u0000b\",\"movieId\":1}",
         "not valid JSON at line 1, column 20: \\u0000 cannot be part of a string"},
        {"{\"userId\":1,\"userId\":2,\"movieId\":1}",
         "not valid JSON at line 1, column 20: duplicate object key near '\"userId\"'"},
        {"{\"userId\":7,\"movieId\":1} x",
         "not valid JSON at line 1, column 26: something follows the JSON value"},
        {"{\"userId\":7,\"movieId\":1}{}",
         "not valid JSON at line 1, column 25: something follows the JSON value"},
        {"{\"instances\" []}",
         "not valid JSON at line 1, column 14: expected : after \"instances\""},
        {"{\"instances\":{}}", "instances: expected an array of objects"},
        {"{\"instances\":[",
         "instances[0]: not valid JSON at line 1, column 15: unexpected token near end of file"},
        {"{\"instances\":[{\"userId\":7,\"movieId\":1}",
         "not valid JSON at line 1, column 39: expected , or ] after an instance"},
        {"{\"instances\":[{\"userId\":7,\"movieId\":1},]}",
         "instances[1]: not valid JSON at line 1, column 40: unexpected token near ']'"},
        {"{\"instances\":[\n{\"userId\":7,\"movieId\":1},\n{\"userId\":7 1}]}",
         "instances[1]: not valid JSON at line 3, column 13: '}' expected near '1'"},
        {"{\"instances\":[]",
         "not valid JSON at line 1, column 16: expected } after the instances"},
        {"{\"instances\":[],}", "not valid JSON at line 1, column 17: expected a field after ,"},
        {"{\"instances\":[],\"instances\":[]}",
         "unknown field \"instances\" beside instances: put it into the instances"},
        {"{\"instances\":[]} []",
         "not valid JSON at line 1, column 18: something follows the JSON value"},
        {"{\"instances\":[7]}", "instances[0]: expected an object such as "
                                "{\"userId\":\"2\",\"movieId\":\"2959\"}, found an integer"},
        {"{\"inst", "not valid JSON at line 1, column 6: premature end of input near '\"inst'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse(cases[i].body, cases[i].text);
    assert_false(send_bytes(JSON, JSON, "{\"userId\":7,\0\"movieId\":1}", 25));
    assert_error(&fixture.err, MF_ERR_PARSE, "not valid JSON at line 1, column 13: a NUL byte");
    assert_false(send_bytes(JSON, JSON, "{\"userId\":7,\"movieId\":1}\0", 25));
    assert_error(&fixture.err, MF_ERR_PARSE, "column 25: something follows the JSON value");
}

static void escapes_in_a_key_change_nothing(void **state)
{
    (void)state;
    expect("{\"\\u0069nstances\":[{\"us\\u0065rId\":7,\"movieId\":2959}]}",
           "{\"predictions\":[{\"predicted_rating\":2.0}]}");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 10000 };
    char *body = malloc(DEPTH + 64);
    assert_non_null(body);
    const int n = sprintf(body, "{\"userId\":");
    memset(body + n, '[', DEPTH);
    body[n + DEPTH] = '\0';
    assert_false(send_bytes(JSON, JSON, body, strlen(body)));
    assert_error(&fixture.err, MF_ERR_PARSE, "maximum parsing depth reached near '['");
    memcpy(body, "{\"instances\":[", 14);
    memset(body + 14, '{', DEPTH);
    assert_false(send_bytes(JSON, JSON, body, strlen(body)));
    assert_int_equal(fixture.status, 400);
    free(body);
}

static void an_instance_of_a_batch_has_a_maximum_of_bytes(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    char *body = malloc(BYTES + 128);
    assert_non_null(body);
    int n = sprintf(body, "{\"instances\":[{\"userId\":1,\"movieIds\":[0");
    while (n < BYTES)
        n += sprintf(body + n, ",%d", n);
    sprintf(body + n, "]}]}");
    refuse_as(JSON, JSON, body, 413,
              "instances[0]: over 262144 bytes, which is the most that one instance may have");
    /* A mistake before that is the mistake. */
    body[200] = '?';
    assert_false(send_bytes(JSON, JSON, body, strlen(body)));
    assert_error(&fixture.err, MF_ERR_PARSE, "column 201: ");
    /* One that is the whole body may be as long as a body. */
    n = sprintf(body, "{\"userId\":7,\"top_n\":2,\"movieIds\":[2959");
    while (n < BYTES)
        n += sprintf(body + n, ",%d", 1000000 + n);
    sprintf(body + n, "]}");
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    /* A thousand of the longest ids fit. */
    n = sprintf(body, "{\"userId\":\"7\",\"movieIds\":[");
    for (int i = 0; i < 1000; i++)
        n += sprintf(body + n, "%s\"%0255d\"", i > 0 ? "," : "", i);
    sprintf(body + n, "]}");
    assert_true(send_bytes(JSON, JSON, body, strlen(body)));
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inference_test(ids_are_strings_or_integers),
        inference_test(ids_of_other_kinds_are_refused),
        inference_test(a_long_whole_number_is_no_other_id),
        inference_test(ids_may_have_255_bytes),
        inference_test(whole_numbers_are_ids_in_every_notation),
        inference_test(numbers_beyond_their_kind_are_refused),
        inference_test(unknown_fields_are_named_with_what_was_meant),
        inference_test(fields_that_do_not_go_together_are_refused_with_what_to_send),
        inference_test(counts_are_whole_numbers_in_range),
        inference_test(lists_inside_an_instance_are_checked_one_by_one),
        inference_test(what_is_not_json_is_refused_at_its_place),
        inference_test(escapes_in_a_key_change_nothing),
        inference_test(deep_nesting_is_refused),
        inference_test(an_instance_of_a_batch_has_a_maximum_of_bytes),
    };
    return asking_tests(tests);
}
