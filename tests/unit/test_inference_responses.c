/* Responses beside the model's own numbers, also for unknown users and items. */
#include "inference_testing.h"

#include "base/text.h"

static const char *const users[] = {"7", "007", "z\xC3\xBCri", "unknown"};
static const char *const items[] = {"1042", "2959", "a@b ", "~~~~", "nothing"};
enum { USERS = 4, ITEMS = 5, KNOWN_USERS = 3, KNOWN_ITEMS = 4 };

static void a_rating_is_what_the_model_predicts(void **state)
{
    (void)state;
    for (size_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < ITEMS; i++) {
            char body[128];
            mf_text response = MF_TEXT_EMPTY;
            snprintf(body, sizeof body, "{\"userId\":\"%s\",\"movieId\":\"%s\"}", users[u],
                     items[i]);
            mf_text_literal(&response, "{\"predicted_rating\":");
            mf_text_float(&response, predict(users[u], items[i]));
            mf_text_format(&response, "%s%s}", u < KNOWN_USERS ? "" : ",\"known_user\":false",
                           i < KNOWN_ITEMS ? "" : ",\"known_item\":false");
            mf_text_append(&response, "", 1);
            expect(body, response.bytes);
            mf_text_free(&response);
        }
}

static void a_list_leaves_out_what_was_rated_unless_told(void **state)
{
    (void)state;
    /* User 7 rated all but "a@b ". */
    expect(
        "{\"userId\":\"7\",\"top_n\":10}",
        "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}");
    expect(
        "{\"userId\":\"7\",\"top_n\":10,\"include_rated\":false}",
        "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}");
    expect("{\"userId\":\"7\",\"top_n\":2,\"include_rated\":true}",
           "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":9.25,\"predicted_rating\":5.0},"
           "{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0}]}");
    /* User 007 rated nothing. */
    expect("{\"top_n\":1,\"userId\":\"007\"}",
           "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":4.0,\"predicted_rating\":4.0}]}");
}

static void named_movies_are_ranked_all_of_them(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieIds\":[2959,\"1042\",\"~~~~\"]}",
           "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":9.25,\"predicted_rating\":5.0},"
           "{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
           "{\"movieId\":\"2959\",\"score\":2.0,\"predicted_rating\":2.0}]}");
    /* … unless told: with a number rated ones are left out as always. */
    expect(
        "{\"userId\":\"7\",\"movieIds\":[2959,\"a@b \"],\"include_rated\":false}",
        "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}");
    expect(
        "{\"userId\":\"7\",\"movieIds\":[2959,\"a@b \"],\"top_n\":2}",
        "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}");
    expect("{\"userId\":\"7\",\"movieIds\":[2959,\"a@b \"],\"top_n\":1,\"include_rated\":true}",
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":2.0,\"predicted_rating\":2.0}]}");
}

static void movies_that_are_not_known_stand_where_their_score_is(void **state)
{
    (void)state;
    /* μ + b_u = 3.75 for user 7; each movie once. */
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\",2959,\"1042\",5,\"x\",\"5\",\"1042\"]}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
           "{\"movieId\":\"x\",\"score\":3.75,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"5\",\"score\":3.75,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"2959\",\"score\":2.0,\"predicted_rating\":2.0}]}");
    expect(
        "{\"userId\":\"7\",\"top_n\":2,\"include_rated\":true,\"movieIds\":[\"x\",2959,\"1042\"]}",
        "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
        "{\"movieId\":\"x\",\"score\":3.75,\"predicted_rating\":3.75,\"known_item\":false}]}");
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\"]}",
           "{\"recommendations\":[{\"movieId\":\"x\",\"score\":3.75,\"predicted_rating\":3.75,"
           "\"known_item\":false}]}");
    /* Without a ranking model an unknown user's list is by popularity: b_i · c_i. */
    static const char by_popularity[] =
        "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":1.0,\"predicted_rating\":4.0},"
        "{\"movieId\":\"a@b \",\"score\":0.0,\"predicted_rating\":3.5},"
        "{\"movieId\":\"x\",\"score\":0.0,\"predicted_rating\":3.5,\"known_item\":false},"
        "{\"movieId\":\"1042\",\"score\":-0.25,\"predicted_rating\":3.25}],\"known_user\":false}";
    expect("{\"userId\":\"unknown\",\"movieIds\":[\"1042\",\"x\",\"2959\",\"a@b \"]}",
           by_popularity);
    expect("{\"userId\":\"unknown\",\"movieIds\":[\"1042\",\"x\",\"2959\",\"a@b \"],"
           "\"order\":\"rating\"}",
           by_popularity);
    expect("{\"userId\":\"unknown\",\"movieIds\":[\"1042\",\"x\",\"2959\",\"a@b \"],"
           "\"order\":\"popularity\"}",
           by_popularity);
}

static void a_request_may_choose_the_order(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieIds\":[\"1042\",\"x\",2959],\"order\":\"rating\"}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
           "{\"movieId\":\"x\",\"score\":3.75,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"2959\",\"score\":2.0,\"predicted_rating\":2.0}]}");
    /* The same for everybody, but for the ratings. */
    expect("{\"userId\":\"7\",\"movieIds\":[\"1042\",\"x\",2959],\"order\":\"popularity\"}",
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":1.0,\"predicted_rating\":2.0},"
           "{\"movieId\":\"x\",\"score\":0.0,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"1042\",\"score\":-0.25,\"predicted_rating\":4.0}]}");
    refuse("{\"userId\":\"7\",\"top_n\":1,\"order\":\"ranking\"}",
           "order: ranking is not possible: this model has no ranking model and can order by "
           "rating or popularity");
    refuse("{\"instances\":[{\"userId\":\"7\",\"movieId\":1},"
           "{\"ratings\":[{\"movieId\":1,\"rating\":5}],\"top_n\":1,\"order\":\"ranking\"}]}",
           "instances[1].order: ranking is not possible: this model has no ranking model and can "
           "order by rating or popularity");
    refuse_as(LINES, LINES, "{\"userId\":\"7\",\"top_n\":1,\"order\":\"ranking\"}\n", 400,
              "line 1: order: ranking is not possible: this model has no ranking model and can "
              "order by rating or popularity");
}

/* The first item of the list for an unknown user. */
static uint32_t most_popular(void)
{
    const mf_profile unknown = mf_profile_of_user(fixture.recommender, MF_INDEX_NONE);
    const mf_top_n_query query = {.n = 1};
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    assert_ok(
        mf_top_n(fixture.recommender, fixture.workspace, &unknown, &query, &best, &n_best, &err),
        err);
    assert_int_equal(n_best, 1);
    return best[0].item;
}

static void an_unknown_user_gets_popular_items(void **state)
{
    (void)state;
    const char *item = items[most_popular()];
    mf_text response = MF_TEXT_EMPTY;
    mf_text_format(&response,
                   "{\"recommendations\":[{\"movieId\":\"%s\",\"score\":1.0,"
                   "\"predicted_rating\":",
                   item);
    mf_text_float(&response, predict(NULL, item));
    mf_text_literal(&response, "}],\"known_user\":false}\0");
    expect("{\"userId\":\"unknown\",\"top_n\":1}", response.bytes);
    /* A visitor who rated only unknown movies is an unknown user. */
    expect("{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"top_n\":1}", response.bytes);
    mf_text_free(&response);
    expect("{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"movieId\":\"1042\"}",
           "{\"predicted_rating\":3.25,\"known_user\":false}");
}

/* The recommender's own response for a visitor who rated these two. */
static void a_visitor_is_folded_in(void **state)
{
    (void)state;
    static const uint32_t rated[] = {MF_INDEX_NONE, 1, 3};
    static const float ratings[] = {5, 1, 4.5f};
    const char *who = "\"ratings\":[{\"movieId\":\"x\",\"rating\":5},"
                      "{\"rating\":1,\"movieId\":2959},{\"movieId\":\"~~~~\",\"rating\":4.5}]";
    mf_error err = {0};
    mf_profile profile;
    const mf_recommendation *best;
    size_t n_best;
    char body[512];
    for (uint32_t item = 0; item < KNOWN_ITEMS + 1; item++) {
        mf_text response = MF_TEXT_EMPTY;
        assert_ok(mf_fold_in(fixture.recommender, fixture.workspace,
                             &(mf_visitor){.items = rated, .ratings = ratings, .n = 3}, &profile,
                             &err),
                  err);
        assert_true(profile.known);
        mf_text_literal(&response, "{\"predicted_rating\":");
        mf_text_float(&response, mf_predict(fixture.recommender, &profile,
                                            item < KNOWN_ITEMS ? item : MF_INDEX_NONE));
        mf_text_format(&response, "%s}", item < KNOWN_ITEMS ? "" : ",\"known_item\":false");
        mf_text_append(&response, "", 1);
        snprintf(body, sizeof body, "{%s,\"movieId\":\"%s\"}", who, items[item]);
        expect(body, response.bytes);
        mf_text_free(&response);
    }
    mf_text response = MF_TEXT_EMPTY;
    const mf_top_n_query query = {.n = 9};
    assert_ok(mf_fold_in(fixture.recommender, fixture.workspace,
                         &(mf_visitor){.items = rated, .ratings = ratings, .n = 3}, &profile, &err),
              err);
    assert_ok(
        mf_top_n(fixture.recommender, fixture.workspace, &profile, &query, &best, &n_best, &err),
        err);
    assert_int_equal(n_best, 2); /* not what was rated */
    mf_text_literal(&response, "{\"recommendations\":[");
    write_entries(&response, best, n_best, NULL);
    mf_text_append(&response, "]}", 3);
    snprintf(body, sizeof body, "{%s,\"top_n\":9}", who);
    expect(body, response.bytes);
    mf_text_free(&response);
}

static void similar_movies_are_listed(void **state)
{
    (void)state;
    mf_error err = {0};
    const mf_recommendation *best;
    size_t n_best;
    mf_text response = MF_TEXT_EMPTY;
    assert_ok(mf_similar(fixture.recommender, fixture.workspace, 1, 2, &best, &n_best, &err), err);
    assert_int_equal(n_best, 2);
    mf_text_literal(&response, "{\"similar\":[");
    for (size_t i = 0; i < n_best; i++) {
        mf_text_format(&response, "%s{\"movieId\":\"%s\",\"similarity\":", i > 0 ? "," : "",
                       items[best[i].item]);
        mf_text_float(&response, best[i].score);
        mf_text_literal(&response, "}");
    }
    mf_text_append(&response, "]}", 3);
    expect("{\"movieId\":\"2959\",\"similar\":2}", response.bytes);
    mf_text_free(&response);
    expect("{\"movieId\":\"x\",\"similar\":2}", "{\"similar\":[],\"known_item\":false}");
}

static void strict_rejects_a_single_instance(void **state)
{
    (void)state;
    fixture.limits.strict = true;
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"{\"userId\":\"x\",\"movieId\":\"2959\"}", "userId \"x\" is not in the training data"},
        {"{\"userId\":\"7\",\"movieId\":\"x\"}", "movieId \"x\" is not in the training data"},
        {"{\"userId\":\"x\",\"top_n\":1}", "userId \"x\" is not in the training data"},
        {"{\"userId\":\"7\",\"movieIds\":[2959,\"x\",\"y\"]}",
         "movieIds \"x\" is not in the training data"},
        {"{\"movieId\":\"x\",\"similar\":1}", "movieId \"x\" is not in the training data"},
        {"{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"top_n\":1}",
         "ratings: none of the movies is in the training data"},
        {"{\"ratings\":[{\"movieId\":\"2959\",\"rating\":5}],\"movieId\":\"x\"}",
         "movieId \"x\" is not in the training data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuse_as(JSON, JSON, cases[i].body, 404, cases[i].text);
    expect("{\"userId\":\"7\",\"movieId\":\"2959\"}", "{\"predicted_rating\":2.0}");
    /* Of a long id the beginning is shown. */
    char body[400];
    snprintf(body, sizeof body, "{\"userId\":\"%0200d\",\"movieId\":\"2959\"}", 0);
    assert_false(send_bytes(JSON, JSON, body, strlen(body)));
    assert_int_equal(fixture.status, 404);
    assert_true(strlen(fixture.err.text) < 120);
}

static void strict_gives_null_inside_a_batch_and_continues(void **state)
{
    (void)state;
    fixture.limits.strict = true;
    expect("{\"instances\":[{\"userId\":\"x\",\"movieId\":\"2959\"},"
           "{\"userId\":\"7\",\"movieId\":\"x\"},{\"userId\":\"7\",\"movieId\":\"2959\"},"
           "{\"userId\":\"x\",\"top_n\":3},{\"userId\":\"x\",\"movieIds\":[\"2959\",\"y\"]},"
           "{\"userId\":\"7\",\"movieIds\":[\"y\",\"2959\"]},"
           "{\"movieId\":\"x\",\"similar\":3},"
           "{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"movieId\":\"2959\"}]}",
           "{\"predictions\":[{\"predicted_rating\":null,\"known_user\":false},"
           "{\"predicted_rating\":null,\"known_item\":false},{\"predicted_rating\":2.0},"
           "{\"recommendations\":[],\"known_user\":false},"
           "{\"recommendations\":[],\"known_user\":false},"
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":2.0,\"predicted_rating\":2.0},"
           "{\"movieId\":\"y\",\"score\":null,\"predicted_rating\":null,\"known_item\":false}]},"
           "{\"similar\":[],\"known_item\":false},"
           "{\"predicted_rating\":null,\"known_user\":false}]}");
    assert_int_equal(fixture.n_responses, 8);
    expect_as(CSV, CSV, "7,2959\nx,2959\n7,x\n7,2959\n", "2.0\n\"\"\n\"\"\n2.0\n");
    expect_as(CSV, CSV, "x,y", "\"\"\n");
    expect_as(LINES, LINES, "{\"userId\":\"x\",\"movieId\":\"2959\"}\n",
              "{\"predicted_rating\":null,\"known_user\":false}\n");
}

static bool list_items(const char *user, uint32_t top_n, mf_inference_list *list, mf_error *err)
{
    return mf_inference_items(fixture.recommender, &fixture.limits, fixture.workspace, user,
                              strlen(user), top_n, NULL, &fixture.response, list, err);
}

static void recommend(const char *user, uint32_t top_n, const char *expected)
{
    mf_error err = {0};
    mf_inference_list list;
    mf_text_clear(&fixture.response, 0);
    mf_inference_begin_list(&fixture.response, user, strlen(user));
    assert_ok(list_items(user, top_n, &list, &err), err);
    mf_inference_end_list(&fixture.response, &list);
    mf_text_append(&fixture.response, "}", 2);
    assert_string_equal(fixture.response.bytes, expected);
}

static void recommend_writes_numbers_as_numbers(void **state)
{
    (void)state;
    recommend("7", 10, "{\"user_id\":7,\"recommendations\":[\"a@b \"],\"count\":1}");
    recommend("007", 20,
              "{\"user_id\":\"007\",\"recommendations\":[\"a@b \",2959,\"~~~~\",1042],"
              "\"count\":4}");
    static const struct {
        const char *id;
        const char *json;
    } unknown[] = {
        {"0", "0"},
        {"-1", "-1"},
        {"123456789012345", "123456789012345"},
        {"1234567890123456", "\"1234567890123456\""},
        {"-0", "\"-0\""},
        {"-", "\"-\""},
        {"00", "\"00\""},
        {"1.5", "\"1.5\""},
        {"a\"b", "\"a\\\"b\""},
    };
    const char *item = items[most_popular()];
    const char *quote = strspn(item, "0123456789") == strlen(item) ? "" : "\"";
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char expected[256];
        snprintf(expected, sizeof expected,
                 "{\"user_id\":%s,\"recommendations\":[%s%s%s],\"count\":1,\"known_user\":false}",
                 unknown[i].json, quote, item, quote);
        recommend(unknown[i].id, 1, expected);
    }
}

static void recommend_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        uint32_t top_n;
        bool strict;
        int status;
        const char *text;
    } cases[] = {
        {"", 1, false, 400,
         "user_id: expected an id of 1 to 255 bytes of UTF-8 without control characters"},
        {"a\x01", 1, false, 400,
         "user_id: expected an id of 1 to 255 bytes of UTF-8 without control characters"},
        {"\xFF", 1, false, 400,
         "user_id: expected an id of 1 to 255 bytes of UTF-8 without control characters"},
        {"7", 0, false, 400, "top_n: expected a whole number from 1 to 1000"},
        {"7", 1001, false, 400, "top_n: expected a whole number from 1 to 1000"},
        {"x", 1, true, 404, "user_id \"x\" is not in the training data"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_error err = {0};
        fixture.limits.strict = cases[i].strict;
        mf_inference_list list;
        assert_false(list_items(cases[i].user, cases[i].top_n, &list, &err));
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(mf_inference_status(&err), cases[i].status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        inference_test(a_rating_is_what_the_model_predicts),
        inference_test(a_list_leaves_out_what_was_rated_unless_told),
        inference_test(named_movies_are_ranked_all_of_them),
        inference_test(movies_that_are_not_known_stand_where_their_score_is),
        inference_test(a_request_may_choose_the_order),
        inference_test(an_unknown_user_gets_popular_items),
        inference_test(a_visitor_is_folded_in),
        inference_test(similar_movies_are_listed),
        inference_test(strict_rejects_a_single_instance),
        inference_test(strict_gives_null_inside_a_batch_and_continues),
        inference_test(recommend_writes_numbers_as_numbers),
        inference_test(recommend_refuses),
    };
    return asking_tests(tests);
}
