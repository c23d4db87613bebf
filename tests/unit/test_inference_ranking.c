/* What a model with a ranking model responses, beside a rating model and without one. */
#include "inference_testing.h"

#define VISITOR                                                                                    \
    "\"ratings\":[{\"movieId\":\"1042\",\"rating\":5},{\"movieId\":\"2959\",\"rating\":4}]"
#define NO_RATINGS                                                                                 \
    "this model was trained without ratings: it can recommend and find similar items, not "        \
    "predict a rating"

/* Numbers that are exact in floats, so that scores are too. */
static const _Alignas(64) float exact_item_vectors[4][16] = {
    {1}, {0.5f, 0.5f}, {0}, {0.25f, 1}}; /* "a@b " has no grade that counts */
static const _Alignas(64) float exact_mean_profile[16] = {0.5f, 0.25f};
static const uint8_t exact_grades[] = {255, 255, 255, 255, 0};

static void make_exact(mf_model_parts *parts)
{
    parts->ranking.recency = 1;
    parts->ranking.prior = 0;
    parts->ranking.item_vectors = exact_item_vectors[0];
    parts->ranking.mean_profile = exact_mean_profile;
    parts->ranking.grades = exact_grades;
    parts->ranking.time_ranks = NULL; /* all age weights are 1 */
}

static int both_start(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts_with_ranking();
    make_exact(&parts);
    asking_open(&parts);
    return 0;
}

/* The sample as it is: it knows times. */
static int timed_start(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_with_ranking();
    asking_open(&parts);
    return 0;
}

static int unrated_start(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts_without_ratings();
    make_exact(&parts);
    asking_open(&parts);
    return 0;
}

/* ------------------------------------------------------------ beside a rating model */

static void lists_are_ordered_by_the_ranking_score(void **state)
{
    (void)state;
    /* Profile of user 7: the sum of three vectors, (1.75, 1.5). */
    expect("{\"userId\":\"7\",\"top_n\":9,\"include_rated\":true}",
           "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":1.9375,\"predicted_rating\":5.0},"
           "{\"movieId\":\"1042\",\"score\":1.75,\"predicted_rating\":4.0},"
           "{\"movieId\":\"2959\",\"score\":1.625,\"predicted_rating\":2.0}]}");
    expect("{\"userId\":\"7\",\"top_n\":9,\"include_rated\":true,\"order\":\"ranking\"}",
           "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":1.9375,\"predicted_rating\":5.0},"
           "{\"movieId\":\"1042\",\"score\":1.75,\"predicted_rating\":4.0},"
           "{\"movieId\":\"2959\",\"score\":1.625,\"predicted_rating\":2.0}]}");
    /* What is left, "a@b ", has no vector. */
    expect("{\"userId\":\"7\",\"top_n\":9}", "{\"recommendations\":[]}");
    expect("{\"userId\":\"z\xC3\xBCri\",\"top_n\":9}",
           "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":0.625,\"predicted_rating\":5.0},"
           "{\"movieId\":\"1042\",\"score\":0.5,\"predicted_rating\":5.0}]}");
}

static void unknown_candidates_stand_by_the_order(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\",\"a@b \",\"1042\",5,\"x\",\"5\"]}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":1.75,\"predicted_rating\":4.0},"
           "{\"movieId\":\"a@b \",\"score\":0.0,\"predicted_rating\":0.5},"
           "{\"movieId\":\"x\",\"score\":null,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"5\",\"score\":null,\"predicted_rating\":3.75,\"known_item\":false}]}");
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\",\"a@b \",\"1042\"],\"order\":\"rating\"}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
           "{\"movieId\":\"x\",\"score\":3.75,\"predicted_rating\":3.75,\"known_item\":false},"
           "{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5}]}");
    expect("{\"userId\":\"7\",\"top_n\":2,\"movieIds\":[\"x\",\"y\",\"a@b \"]}",
           "{\"recommendations\":[{\"movieId\":\"a@b \",\"score\":0.0,\"predicted_rating\":0.5},"
           "{\"movieId\":\"x\",\"score\":null,\"predicted_rating\":3.75,\"known_item\":false}]}");
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\"]}",
           "{\"recommendations\":[{\"movieId\":\"x\",\"score\":null,\"predicted_rating\":3.75,"
           "\"known_item\":false}]}");
}

/* The list that the recommender has for the profile, by this order. */
static void expect_list(const char *body, const mf_profile *profile, mf_order order, size_t n)
{
    const mf_top_n_query query = {.n = n, .order = order, .include_rated = true};
    const mf_recommendation *best;
    size_t n_best;
    mf_error err = {0};
    mf_text response = MF_TEXT_EMPTY;
    assert_ok(
        mf_top_n(fixture.recommender, fixture.workspace, profile, &query, &best, &n_best, &err),
        err);
    assert_true(n_best > 0);
    mf_text_literal(&response, "{\"recommendations\":[");
    write_entries(&response, best, n_best, NULL);
    mf_text_format(&response, "]%s}", profile->known ? "" : ",\"known_user\":false");
    mf_text_append(&response, "", 1);
    expect(body, response.bytes);
    mf_text_free(&response);
}

static void each_order_is_that_of_the_recommender(void **state)
{
    (void)state;
    static const char *const users[] = {"7", "007", "z\xC3\xBCri", "unknown"};
    for (size_t u = 0; u < sizeof users / sizeof users[0]; u++)
        for (mf_order order = MF_ORDER_DEFAULT; order < MF_ORDERS; order++) {
            static const char *const fields[MF_ORDERS] = {
                "", ",\"order\":\"ranking\"", ",\"order\":\"rating\"", ",\"order\":\"popularity\""};
            const mf_profile profile = mf_profile_of_user(
                fixture.recommender, mf_model_find_user(fixture.model, users[u], strlen(users[u])));
            char body[256];
            snprintf(body, sizeof body, "{\"userId\":\"%s\",\"top_n\":4,\"include_rated\":true%s}",
                     users[u], fields[order]);
            expect_list(body, &profile, order, 4);
        }
}

/* A visitor's list, from a body that may hold times, against the recommender's. */
static void fold_in(const float *ratings, const double *times, mf_profile *profile)
{
    static const uint32_t items[] = {0, 1};
    const mf_visitor visitor = {.items = items, .ratings = ratings, .times = times, .n = 2};
    mf_error err = {0};
    assert_ok(mf_fold_in(fixture.recommender, fixture.workspace, &visitor, profile, &err), err);
}

static void a_visitors_timestamps_weigh(void **state)
{
    (void)state;
    static const float ratings[] = {5, 4};
    static const struct {
        const char *first, *second; /* fields of the two ratings */
        double times[2];
    } cases[] = {
        {",\"timestamp\":1", ",\"timestamp\":2", {1, 2}},
        {",\"timestamp\":2.5", ",\"timestamp\":-1e300", {2.5, -1e300}},
        {",\"timestamp\":1704067200", ",\"timestamp\":1704067200.0", {1704067200, 1704067200}},
        {"", ",\"timestamp\":0", {NAN, 0}},
        {",\"timestamp\":9007199254740993", ",\"timestamp\":null", {9007199254740993.0, NAN}},
    };
    mf_profile profile;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"ratings\":[{\"movieId\":\"1042\",\"rating\":5%s},{\"rating\":4,\"movieId\":"
                 "\"2959\"%s}],\"top_n\":4,\"include_rated\":true}",
                 cases[i].first, cases[i].second);
        fold_in(ratings, cases[i].times, &profile);
        expect_list(body, &profile, MF_ORDER_DEFAULT, 4);
    }
    fold_in(ratings, NULL, &profile);
    expect_list("{" VISITOR ",\"top_n\":4,\"include_rated\":true}", &profile, MF_ORDER_DEFAULT, 4);
    expect_list(
        "{\"ratings\":[{\"movieId\":1042,\"rating\":5,\"timestamp\":null},{\"movieId\":2959,"
        "\"rating\":4,\"timestamp\":null}],\"top_n\":4,\"include_rated\":true}",
        &profile, MF_ORDER_DEFAULT, 4);
}

/* The bytes of a response. The caller's to free. */
static char *response_to(const char *body)
{
    if (!send_bytes(JSON, JSON, body, strlen(body)))
        fail_msg("%s\n  was refused: %s", body, fixture.err.text);
    return strdup(fixture.response.bytes);
}

static void the_order_of_ratings_without_timestamps_does_not_count(void **state)
{
    (void)state;
    char *forth = response_to("{" VISITOR ",\"top_n\":4,\"include_rated\":true}");
    char *back =
        response_to("{\"ratings\":[{\"movieId\":\"2959\",\"rating\":4},{\"movieId\":\"1042\","
                    "\"rating\":5}],\"top_n\":4,\"include_rated\":true}");
    char *new_last =
        response_to("{\"ratings\":[{\"movieId\":\"1042\",\"rating\":5,\"timestamp\":1},"
                    "{\"movieId\":\"2959\",\"rating\":4,\"timestamp\":2}],\"top_n\":4,"
                    "\"include_rated\":true}");
    char *new_first =
        response_to("{\"ratings\":[{\"movieId\":\"1042\",\"rating\":5,\"timestamp\":2},"
                    "{\"movieId\":\"2959\",\"rating\":4,\"timestamp\":1}],\"top_n\":4,"
                    "\"include_rated\":true}");
    assert_string_equal(forth, back);
    assert_string_not_equal(forth, new_last);
    assert_string_not_equal(forth, new_first);
    assert_string_not_equal(new_last, new_first);
    free(forth);
    free(back);
    free(new_last);
    free(new_first);
}

static void an_unknown_user_gets_the_mean_profiles_list(void **state)
{
    (void)state;
    static const char list[] =
        "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":0.5,\"predicted_rating\":3.25},"
        "{\"movieId\":\"2959\",\"score\":0.375,\"predicted_rating\":4.0},"
        "{\"movieId\":\"~~~~\",\"score\":0.375,\"predicted_rating\":4.5}],\"known_user\":false}";
    expect("{\"userId\":\"unknown\",\"top_n\":9}", list);
    expect("{\"ratings\":[{\"movieId\":\"x\",\"rating\":5}],\"top_n\":9}", list);
    expect("{\"userId\":\"unknown\",\"top_n\":1,\"order\":\"popularity\"}",
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":1.0,\"predicted_rating\":4.0}],"
           "\"known_user\":false}");
}

static void ratings_and_strict_mode_are_as_without_a_ranking_model(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieId\":\"2959\"}", "{\"predicted_rating\":2.0}");
    expect_as(CSV, CSV, "7,2959\n", "2.0\n");
    refuse("{\"ratings\":[{\"movieId\":\"2959\"}],\"top_n\":1}", "ratings[0]: rating is missing");
    fixture.limits.strict = true;
    refuse_as(JSON, JSON, "{\"userId\":\"x\",\"top_n\":1}", 404,
              "userId \"x\" is not in the training data");
    expect("{\"instances\":[{\"userId\":\"x\",\"top_n\":3},"
           "{\"userId\":\"7\",\"movieIds\":[\"y\",\"1042\",\"a@b \"],\"order\":\"rating\"},"
           "{\"userId\":\"7\",\"movieIds\":[\"y\",\"1042\",\"a@b \"]}]}",
           "{\"predictions\":[{\"recommendations\":[],\"known_user\":false},"
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":4.0,\"predicted_rating\":4.0},"
           "{\"movieId\":\"a@b \",\"score\":0.125,\"predicted_rating\":0.5},"
           "{\"movieId\":\"y\",\"score\":null,\"predicted_rating\":null,\"known_item\":false}]},"
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":1.75,\"predicted_rating\":4.0},"
           "{\"movieId\":\"a@b \",\"score\":0.0,\"predicted_rating\":0.5},"
           "{\"movieId\":\"y\",\"score\":null,\"predicted_rating\":null,\"known_item\":false}]}]}");
}

static void a_users_list_of_ids_has_the_same_order(void **state)
{
    (void)state;
    mf_error err = {0};
    mf_inference_list list;
    mf_text_clear(&fixture.response, 0);
    assert_ok(mf_inference_items(fixture.recommender, &fixture.limits, fixture.workspace,
                                 "z\xC3\xBCri", 5, 9, NULL, &fixture.response, &list, &err),
              err);
    mf_text_append(&fixture.response, "", 1);
    assert_string_equal(fixture.response.bytes, "[\"~~~~\",1042]");
    assert_true(list.known_user && list.count == 2);
}

static mf_user_event event_of(const char *item, float rating)
{
    return (mf_user_event){{item, strlen(item)}, rating};
}

/* The ids of a response in the order of its list, in the form of mf_inference_items. */
static void assert_ids(const mf_text *items)
{
    char ids[256] = "[";
    for (const char *at = fixture.response.bytes; (at = strstr(at, "{\"movieId\":\"")) != NULL;) {
        at += strlen("{\"movieId\":\"");
        const int n = (int)strcspn(at, "\"");
        const bool is_number = n == 4 && at[0] != '~' && at[0] != 'a';
        const size_t used = strlen(ids);
        snprintf(ids + used, sizeof ids - used, is_number ? "%s%.*s" : "%s\"%.*s\"",
                 used > 1 ? "," : "", n, at);
    }
    assert_string_equal(strcat(ids, "]"), items->bytes);
}

/* As ratings beside a userId, of a user whom the model knows, and of one whom it does not. */
static void events_of_a_user_give_the_same_list_in_both_forms(void **state)
{
    (void)state;
    static const char *const users[] = {"7", "007", "z\xC3\xBCri", "unknown"};
    mf_user_event some[] = {event_of("2959", 2), event_of("not in the model", 1),
                            event_of("~~~~", NAN), event_of("1042", -7)};
    for (size_t u = 0; u < sizeof users / sizeof users[0]; u++)
        for (size_t n = 0; n <= sizeof some / sizeof some[0]; n++) {
            const mf_user_events events = {some, n};
            mf_text body = MF_TEXT_EMPTY;
            mf_text items = MF_TEXT_EMPTY;
            mf_inference_list list;
            mf_error err = {0};
            assert_ok(mf_inference_items(fixture.recommender, &fixture.limits, fixture.workspace,
                                         users[u], strlen(users[u]), 4, &events, &items, &list,
                                         &err),
                      err);
            mf_text_append(&items, "", 1);
            mf_text_format(&body, "{\"userId\":\"%s\",\"top_n\":4", users[u]);
            mf_inference_add_events(&body, &events);
            mf_text_literal(&body, "}");
            assert_true(send_bytes(JSON, JSON, body.bytes, body.n_bytes));
            mf_text_append(&fixture.response, "", 1);
            assert_ids(&items);
            const bool known = u < 3 || n > 0;
            assert_int_equal(list.known_user, known);
            assert_int_equal(strstr(fixture.response.bytes, "known_user") == NULL, known);
            mf_text_free(&body);
            mf_text_free(&items);
        }
}

static void events_are_left_out_of_the_list_and_move_the_others(void **state)
{
    (void)state;
    /* The vector of ~~~~ is added to the history of 2959 (and "a@b ", which has none). */
    expect(
        "{\"userId\":\"z\xC3\xBCri\",\"top_n\":9,\"ratings\":[{\"movieId\":\"~~~~\"}]}",
        "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":0.75,\"predicted_rating\":5.0}]}");
    /* A user's predicted ratings stay; an unknown user's are those of a visitor. */
    expect(
        "{\"userId\":\"7\",\"movieId\":\"2959\",\"ratings\":[{\"movieId\":\"1042\",\"rating\":1}]}",
        "{\"predicted_rating\":2.0}");
    mf_text visitor = MF_TEXT_EMPTY;
    assert_true(send_bytes(JSON, JSON, "{" VISITOR ",\"movieId\":\"~~~~\"}",
                           strlen("{" VISITOR ",\"movieId\":\"~~~~\"}")));
    mf_text_append(&visitor, fixture.response.bytes, fixture.response.n_bytes);
    mf_text_append(&visitor, "", 1);
    expect("{\"userId\":\"unknown\"," VISITOR ",\"movieId\":\"~~~~\"}", visitor.bytes);
    mf_text_free(&visitor);
    /* Without a known item the user is what he was. */
    expect("{\"userId\":\"unknown\",\"top_n\":1,\"ratings\":[{\"movieId\":\"x\"}]}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":0.5,\"predicted_rating\":3.25}],"
           "\"known_user\":false}");
    fixture.limits.strict = true;
    refuse_as(JSON, JSON, "{\"userId\":\"unknown\",\"top_n\":1,\"ratings\":[{\"movieId\":\"x\"}]}",
              404, "userId \"unknown\" is not in the training data");
}

/* ------------------------------------------------------------ without a rating model */

static void a_rating_alone_is_refused(void **state)
{
    (void)state;
    refuse("{\"userId\":\"7\",\"movieId\":\"2959\"}", NO_RATINGS);
    refuse("{\"userId\":\"unknown\",\"movieId\":\"x\"}", NO_RATINGS);
    refuse("{\"userId\":\"\\u0037\",\"movieId\":\"2959\"}", NO_RATINGS);
    refuse("{\"ratings\":[{\"movieId\":\"1042\"}],\"movieId\":\"2959\"}", NO_RATINGS);
    fixture.limits.strict = true;
    refuse("{\"userId\":\"unknown\",\"movieId\":\"x\"}", NO_RATINGS);
    refuse("{\"ratings\":[{\"movieId\":\"x\"}],\"movieId\":\"2959\"}", NO_RATINGS);
    /* An invalid id is reported first. */
    refuse("{\"userId\":\"\",\"movieId\":\"2959\"}",
           "userId: expected an id of 1 to 255 bytes of UTF-8 without control characters, found "
           "an empty string");
}

static void a_rating_of_a_batch_is_null_and_keeps_its_place(void **state)
{
    (void)state;
    static const char *const lists = "{\"recommendations\":[{\"movieId\":\"~~~~\",\"score\":0.625},"
                                     "{\"movieId\":\"1042\",\"score\":0.5}]}";
    mf_text response = MF_TEXT_EMPTY;
    mf_text_format(&response,
                   "{\"predictions\":[{\"predicted_rating\":null},%s,"
                   "{\"predicted_rating\":null},{\"predicted_rating\":null,\"known_user\":false,"
                   "\"known_item\":false}]}",
                   lists);
    mf_text_append(&response, "", 1);
    expect("{\"instances\":[{\"userId\":\"7\",\"movieId\":\"2959\"},"
           "{\"userId\":\"z\xC3\xBCri\",\"top_n\":2},"
           "{\"ratings\":[{\"movieId\":\"1042\",\"rating\":3}],\"movieId\":\"2959\"},"
           "{\"userId\":\"x\",\"movieId\":\"y\"}]}",
           response.bytes);
    mf_text_free(&response);
    expect_as(LINES, LINES, "{\"userId\":\"7\",\"movieId\":\"2959\"}\n",
              "{\"predicted_rating\":null}\n");
    expect_as(CSV, CSV, "7,2959\nx,2959\n", "\"\"\n\"\"\n");
    expect_as(CSV, JSON, "7,2959\n", "{\"predictions\":[{\"predicted_rating\":null}]}");
    assert_int_equal(fixture.n_responses, 1);
}

static void lists_have_no_predicted_rating(void **state)
{
    (void)state;
    expect("{\"userId\":\"7\",\"movieIds\":[\"x\",\"a@b \",\"1042\"]}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":1.75},"
           "{\"movieId\":\"a@b \",\"score\":0.0},"
           "{\"movieId\":\"x\",\"score\":null,\"known_item\":false}]}");
    expect("{\"userId\":\"unknown\",\"top_n\":1}",
           "{\"recommendations\":[{\"movieId\":\"1042\",\"score\":0.5}],\"known_user\":false}");
    assert_true(send_bytes(JSON, JSON, "{\"movieId\":\"1042\",\"similar\":3}", 30));
    assert_non_null(strstr(fixture.response.bytes, "{\"similar\":[{\"movieId\":\"2959\","));
}

static void the_order_of_ratings_is_refused(void **state)
{
    (void)state;
    refuse("{\"userId\":\"7\",\"top_n\":1,\"order\":\"rating\"}",
           "order: rating is not possible: this model was trained without ratings and can order "
           "by ranking or popularity");
    const mf_profile profile = mf_profile_of_user(fixture.recommender, 0);
    expect_list("{\"userId\":\"7\",\"top_n\":4,\"include_rated\":true,\"order\":\"popularity\"}",
                &profile, MF_ORDER_POPULARITY, 4);
}

static void a_visitor_may_leave_out_ratings_or_send_weights(void **state)
{
    (void)state;
    static const float ones[] = {1, 1};
    mf_profile profile;
    fold_in(ones, NULL, &profile);
    expect_list("{\"ratings\":[{\"movieId\":\"1042\"},{\"movieId\":\"2959\"}],\"top_n\":4,"
                "\"include_rated\":true}",
                &profile, MF_ORDER_DEFAULT, 4);
    expect_list("{\"ratings\":[{\"movieId\":\"1042\",\"rating\":1},{\"movieId\":\"2959\"}],"
                "\"top_n\":4,\"include_rated\":true}",
                &profile, MF_ORDER_DEFAULT, 4);
    static const float weights[] = {2.5f, 1};
    static const double times[] = {7, NAN};
    fold_in(weights, times, &profile);
    expect_list("{\"ratings\":[{\"movieId\":\"1042\",\"rating\":2.5,\"timestamp\":7},"
                "{\"movieId\":\"2959\"}],\"top_n\":4,\"include_rated\":true}",
                &profile, MF_ORDER_DEFAULT, 4);
    static const char *const wrong[] = {"0", "-1", "-0.0", "-1e-30"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char body[128];
        snprintf(body, sizeof body,
                 "{\"ratings\":[{\"movieId\":1},{\"movieId\":2,\"rating\":%s}],\"top_n\":1}",
                 wrong[i]);
        refuse(body, "ratings[1].rating: expected a weight above 0, or none: this model was "
                     "trained without ratings");
    }
}

int main(void)
{
    const struct CMUnitTest beside[] = {
        inference_test(lists_are_ordered_by_the_ranking_score),
        inference_test(unknown_candidates_stand_by_the_order),
        inference_test(each_order_is_that_of_the_recommender),
        inference_test(an_unknown_user_gets_the_mean_profiles_list),
        inference_test(ratings_and_strict_mode_are_as_without_a_ranking_model),
        inference_test(a_users_list_of_ids_has_the_same_order),
        inference_test(events_of_a_user_give_the_same_list_in_both_forms),
        inference_test(events_are_left_out_of_the_list_and_move_the_others),
    };
    const struct CMUnitTest timed[] = {
        inference_test(each_order_is_that_of_the_recommender),
        inference_test(a_visitors_timestamps_weigh),
        inference_test(the_order_of_ratings_without_timestamps_does_not_count),
        inference_test(events_of_a_user_give_the_same_list_in_both_forms),
    };
    const struct CMUnitTest without[] = {
        inference_test(a_rating_alone_is_refused),
        inference_test(a_rating_of_a_batch_is_null_and_keeps_its_place),
        inference_test(lists_have_no_predicted_rating),
        inference_test(the_order_of_ratings_is_refused),
        inference_test(a_visitor_may_leave_out_ratings_or_send_weights),
        inference_test(events_of_a_user_give_the_same_list_in_both_forms),
    };
    return cmocka_run_group_tests_name("with ratings", beside, both_start, asking_end) +
           cmocka_run_group_tests_name("with times", timed, timed_start, asking_end) +
           cmocka_run_group_tests_name("without ratings", without, unrated_start, asking_end);
}
