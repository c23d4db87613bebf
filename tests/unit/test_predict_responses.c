/* test_predict_responses.c: predict/response.h, predict/gateway.h and predict/predictor.h: responses
 * of a model, and errors, as responses of the function. */
#include "predict_testing.h"

#include "lambda/predict/predictor.h"

#define LIST_REQUEST    "{\"userId\":\"2\",\"top_n\":3}"
#define WITH_REQUEST    "{\"userId\":\"2\",\"movieId\":\"2959\",\"with\":[\"year\"]}"
#define REASONED        "{\"recommendations\":[{\"movieId\":\"1\",\"score\":1,\"because\":"
#define SIMILAR_REQUEST "{\"movieId\":\"2959\",\"similar\":2}"

static void expect(const char *request, const char *model_response, const char *response)
{
    on.model_response = model_response;
    if (!send_event(request))
        fail_msg("%s: %s (%s)", model_response, on.err.text, on.outcome.problem.detail.text);
    assert_string_equal(on.response.bytes, response);
}

static void ratings_have_one_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *rating;
        const char *shown;
    } cases[] = {{"4.42", "4.4"},  {"4.46", "4.5"},  {"4", "4.0"},      {"4.25", "4.3"},
                 {"0.04", "0.0"},  {"-0.04", "0.0"}, {"-0.05", "-0.1"}, {"-3.16", "-3.2"},
                 {"9.99", "10.0"}, {"100", "100.0"}, {"5.0", "5.0"},    {"1e6", "1000000.0"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char model[64], response[128];
        snprintf(model, sizeof model, "{\"predicted_rating\":%s}", cases[i].rating);
        snprintf(response, sizeof response,
                 "{\"predicted_rating\": %s, \"movie_title\": \"Fight Club (1999)\"}",
                 cases[i].shown);
        expect(RATING_REQUEST, model, response);
    }
}

static void what_is_not_known_is_flagged(void **state)
{
    (void)state;
    expect(RATING_REQUEST, "{\"predicted_rating\":4.42,\"known_user\":false}",
           "{\"predicted_rating\": 4.4, \"movie_title\": \"Fight Club (1999)\", \"known_user\": "
           "false}");
    expect("{\"userId\":\"2\",\"movieId\":\"999999\"}",
           "{\"predicted_rating\":3.5,\"known_user\":true,\"known_item\":false}",
           "{\"predicted_rating\": 3.5, \"movie_title\": null, \"known_item\": false, "
           "\"known_movie\": false}");
    expect("{\"userId\":\"2\",\"movieId\":\"7\"}", MODEL_RESPONSE,
           "{\"predicted_rating\": 4.4, \"movie_title\": null, \"known_movie\": false}");
}

static void closed_it_is_not_told_whether_a_user_is_in_the_data(void **state)
{
    (void)state;
    on.settings.outsiders = MF_PREDICT_CLOSED;
    expect(RATING_REQUEST, "{\"predicted_rating\":4.42,\"known_user\":false}", RATING_RESPONSE);
    expect(LIST_REQUEST, "{\"recommendations\":[],\"known_user\":false}",
           "{\"recommendations\": []}");
    /* The sender's own ratings, of unknown movies alone. */
    expect("{\"ratings\":[{\"movieId\":7,\"rating\":5}],\"movieId\":2959}",
           "{\"predicted_rating\":4.42,\"known_user\":false}",
           "{\"predicted_rating\": 4.4, \"movie_title\": \"Fight Club (1999)\", "
           "\"known_user\": false}");
    on.settings.outsiders = MF_PREDICT_OPEN;
}

static void lists_have_titles_and_genres_in_the_models_order(void **state)
{
    (void)state;
    expect(LIST_REQUEST,
           "{\"recommendations\":[{\"movieId\":\"1042\",\"predicted_rating\":4.91},"
           "{\"movieId\":\"~~~~\",\"predicted_rating\":4.9},"
           "{\"movieId\":\"x\",\"predicted_rating\":null,\"known_item\":false}]}",
           "{\"recommendations\": [{\"movieId\": \"1042\", \"title\": \"Am\xC3\xA9lie "
           "\\\"Poulain\\\", Le (2001)\", \"genres\": [\"Comedy\", \"Romance\"], "
           "\"predicted_rating\": 4.9}, {\"movieId\": \"~~~~\", \"title\": \"Nothing At All "
           "(1900)\", \"genres\": [], \"predicted_rating\": 4.9}, {\"movieId\": \"x\", \"title\": "
           "null, \"genres\": [], \"predicted_rating\": null, \"known_item\": false, "
           "\"known_movie\": false}]}");
    expect(LIST_REQUEST,
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":0.7125,"
           "\"predicted_rating\":4.91},{\"movieId\":\"x\",\"score\":null,\"predicted_rating\":"
           "3.75,\"known_item\":false}]}",
           "{\"recommendations\": [{\"movieId\": \"2959\", \"title\": \"Fight Club (1999)\", "
           "\"genres\": [\"Action\", \"Crime\", \"Drama\", \"Thriller\"], \"score\": 0.7125, "
           "\"predicted_rating\": 4.9}, {\"movieId\": \"x\", \"title\": null, \"genres\": [], "
           "\"score\": null, \"predicted_rating\": 3.8, \"known_item\": false, "
           "\"known_movie\": false}]}");
    /* A model that was trained without ratings. */
    expect(LIST_REQUEST,
           "{\"recommendations\":[{\"movieId\":\"2959\",\"score\":-0.5},"
           "{\"movieId\":\"x\",\"score\":null,\"known_item\":false}]}",
           "{\"recommendations\": [{\"movieId\": \"2959\", \"title\": \"Fight Club (1999)\", "
           "\"genres\": [\"Action\", \"Crime\", \"Drama\", \"Thriller\"], \"score\": -0.5}, "
           "{\"movieId\": \"x\", \"title\": null, \"genres\": [], \"score\": null, "
           "\"known_item\": false, \"known_movie\": false}]}");
    expect(LIST_REQUEST, "{\"recommendations\":[],\"known_user\":false}",
           "{\"recommendations\": [], \"known_user\": false}");
    expect(SIMILAR_REQUEST, "{\"similar\":[{\"movieId\":\"2959\",\"similarity\":0.93}]}",
           "{\"similar\": [{\"movieId\": \"2959\", \"title\": \"Fight Club (1999)\", \"genres\": "
           "[\"Action\", \"Crime\", \"Drama\", \"Thriller\"], \"similarity\": 0.93}]}");
    expect(SIMILAR_REQUEST, "{\"similar\":[],\"known_item\":false}",
           "{\"similar\": [], \"known_item\": false}");
}

static void items_have_the_name_of_the_request_and_what_it_adds(void **state)
{
    (void)state;
    expect("{\"user_id\":\"2\",\"top_n\":3,\"with\":[\"title\",\"year\",\"tags\"]}",
           "{\"recommendations\":[{\"item_id\":\"2959\",\"score\":0.5,\"title\":\"In the model\","
           "\"year\":1999,\"tags\":[]},{\"item_id\":\"x\",\"score\":0.25,\"title\":\"X\","
           "\"year\":1999.5,\"tags\":[\"a\",\"b\"]}]}",
           "{\"recommendations\": [{\"item_id\": \"2959\", \"title\": \"Fight Club (1999)\", "
           "\"genres\": [\"Action\", \"Crime\", \"Drama\", \"Thriller\"], \"score\": 0.5, "
           "\"year\": 1999, \"tags\": []}, {\"item_id\": \"x\", \"genres\": [], \"score\": 0.25, "
           "\"known_movie\": false, \"title\": \"X\", \"year\": 1999.5, \"tags\": [\"a\", "
           "\"b\"]}]}");
    expect("{\"item\":\"2959\",\"user\":2,\"with\":[\"year\"]}",
           "{\"predicted_rating\":4.42,\"year\":null}",
           "{\"predicted_rating\": 4.4, \"movie_title\": \"Fight Club (1999)\", \"year\": null}");
    on.handler.movies = NULL;
    expect("{\"productId\":1,\"similar\":3,\"with\":[\"title\"]}",
           "{\"similar\":[{\"productId\":\"x\",\"similarity\":0.5,\"title\":\"X\"}]}",
           "{\"similar\": [{\"productId\": \"x\", \"similarity\": 0.5, \"title\": \"X\"}]}");
    expect("{\"userId\":2,\"top_n\":2,\"explain\":2}",
           "{\"recommendations\":[{\"movieId\":\"1\",\"score\":1,\"because\":[{\"movieId\":\"7\","
           "\"share\":0.31}],\"popular_share\":0.69},{\"movieId\":\"2\",\"score\":0.5,"
           "\"because\":\"popular\"}]}",
           "{\"recommendations\": [{\"movieId\": \"1\", \"score\": 1.0, \"because\": "
           "[{\"movieId\": \"7\", \"share\": 0.31}], \"popular_share\": 0.69}, "
           "{\"movieId\": \"2\", \"score\": 0.5, \"because\": \"popular\"}]}");
    on.handler.movies = on.movies;
}

static void a_response_that_does_not_fit_the_request_is_a_502(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {RATING_REQUEST, ""},
        {RATING_REQUEST, "<html>oops</html>"},
        {RATING_REQUEST, "null"},
        {RATING_REQUEST, "[]"},
        {RATING_REQUEST, "4.4"},
        {RATING_REQUEST, "{}"},
        {RATING_REQUEST, "{\"predicted_rating\":\"4.4\"}"},
        {RATING_REQUEST, "{\"predicted_rating\":null}"},
        {RATING_REQUEST, "{\"predicted_rating\":1e300}"},
        {RATING_REQUEST, "{\"predicted_rating\":NaN}"},
        {RATING_REQUEST, "{\"predicted_rating\":4.4,\"known_user\":\"no\"}"},
        {RATING_REQUEST, "{\"predicted_rating\":4.4"},
        {RATING_REQUEST, "{\"predicted_rating\":4.4}{}"},
        {RATING_REQUEST, "{\"recommendations\":[]}"},
        {RATING_REQUEST, "{\"predictions\":[{\"predicted_rating\":4.4}]}"},
        {LIST_REQUEST, MODEL_RESPONSE},
        {LIST_REQUEST, "{\"similar\":[]}"},
        {LIST_REQUEST, "{\"recommendations\":{}}"},
        {LIST_REQUEST, "{\"recommendations\":[1]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":1,\"predicted_rating\":1}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"\",\"predicted_rating\":1}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"1\"}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"1\",\"score\":\"1\"}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"1\",\"score\":1e300}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"1\",\"score\":1,"
                       "\"predicted_rating\":\"1\"}]}"},
        {LIST_REQUEST, "{\"recommendations\":[{\"movieId\":\"1\",\"predicted_rating\":1},"
                       "{\"movieId\":\"2\",\"predicted_rating\":1},"
                       "{\"movieId\":\"3\",\"predicted_rating\":1},"
                       "{\"movieId\":\"4\",\"predicted_rating\":1}]}"},
        {SIMILAR_REQUEST, "{\"similar\":[{\"movieId\":\"1\",\"similarity\":null}]}"},
        {SIMILAR_REQUEST, "{\"similar\":[{\"item_id\":\"1\",\"similarity\":1}]}"},
        {WITH_REQUEST, "{\"predicted_rating\":4.4}"},
        {WITH_REQUEST, "{\"predicted_rating\":4.4,\"year\":{}}"},
        {WITH_REQUEST, "{\"predicted_rating\":4.4,\"year\":[[]]}"},
        {LIST_REQUEST, REASONED "{}}]}"},
        {LIST_REQUEST, REASONED "[1]}]}"},
        {LIST_REQUEST, REASONED "[{\"movieId\":\"2\"}]}]}"},
        {LIST_REQUEST, REASONED "[{\"share\":1}]}]}"},
        {LIST_REQUEST, REASONED "[]}]}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        on.model_response = cases[i][1];
        send_proxied(cases[i][0], "POST", "");
        assert_refused(502, "bad_gateway", "the model did not respond as it should");
        assert_non_null(strstr(on.outcome.problem.detail.text, "expected"));
        assert_null(strstr(on.outcome.problem.detail.text, "oops"));
    }
}

/* ---------------------------------------------------------------- what goes wrong */

static const char *const secrets[] = {"arn:", "movies-prod", "amazonaws", "10.0.0.7", "AKIA"};

static mf_aws_failure failure_of(mf_aws_kind kind, int original_status, const char *original)
{
    mf_aws_failure failure = {.kind = kind, .original_status = original_status};
    snprintf(failure.original_message, sizeof failure.original_message, "%s", original);
    mf_fail(&failure.error, MF_ERR_IO, MF_NOWHERE,
            "endpoint movies-prod: https://runtime.sagemaker.us-east-1.amazonaws.com at 10.0.0.7 "
            "for arn:aws:iam::123456789012:role/x AKIAEXAMPLE");
    return failure;
}

static void refuse_as(const mf_aws_failure *failure, int status, const char *code,
                      const char *piece)
{
    mf_predict_problem problem = {0};
    assert_false(mf_predict_endpoint_problem(&problem, failure));
    on.fails = &problem;
    send_proxied(RATING_REQUEST, "POST", "");
    assert_refused(status, code, piece);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        if (strstr(on.response.bytes, secrets[i]) != NULL)
            fail_msg("%s shows in %s", secrets[i], on.response.bytes);
    assert_string_equal(header_of("Retry-After") != NULL ? header_of("Retry-After") : "",
                        status == 429 ? "1" : "");
}

/* 42, 56 */
static void failures_of_the_endpoint_become_statuses_and_show_nothing(void **state)
{
    (void)state;
    static const struct {
        mf_aws_kind kind;
        int status;
        const char *code;
    } cases[] = {
        {MF_AWS_THROTTLED, 429, "too_many_requests"}, {MF_AWS_REJECTED, 502, "bad_gateway"},
        {MF_AWS_MISSING, 502, "bad_gateway"},         {MF_AWS_SERVER, 502, "bad_gateway"},
        {MF_AWS_TIMED_OUT, 504, "gateway_timeout"},   {MF_AWS_UNREACHABLE, 502, "bad_gateway"},
        {MF_AWS_DENIED, 502, "bad_gateway"},          {MF_AWS_EXPIRED, 502, "bad_gateway"},
        {MF_AWS_SKEWED, 502, "bad_gateway"},          {MF_AWS_WRONG_REGION, 502, "bad_gateway"},
        {MF_AWS_UNTRUSTED, 502, "bad_gateway"},       {MF_AWS_TOO_LARGE, 502, "bad_gateway"},
        {MF_AWS_LOCAL, 500, "internal_error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const mf_aws_failure failure = failure_of(cases[i].kind, 0, "");
        refuse_as(&failure, cases[i].status, cases[i].code, "");
        assert_non_null(strstr(on.outcome.problem.detail.text, "movies-prod"));
    }
}

/* 57 */
static void what_our_container_rejects_is_a_client_error_in_its_words(void **state)
{
    (void)state;
    static const char rejection[] =
        "{\"error\":{\"code\":\"bad_request\",\"message\":\"top_n: expected 1 to 10\"}}";
    mf_aws_failure failure = failure_of(MF_AWS_MODEL, 400, rejection);
    refuse_as(&failure, 400, "bad_request", "top_n: expected 1 to 10");
    failure =
        failure_of(MF_AWS_MODEL, 404,
                   "{\"error\":{\"code\":\"not_found\",\"message\":\"userId \\\"9\\\" is not in "
                   "the training data\"}}");
    refuse_as(&failure, 404, "not_found", "userId \"9\"");
    failure = failure_of(MF_AWS_MODEL, 413, "");
    refuse_as(&failure, 413, "content_too_large", "");
    failure = failure_of(MF_AWS_MODEL, 429, "");
    refuse_as(&failure, 429, "too_many_requests", "");
}

static void what_another_container_says_is_not_passed_on(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "<h1>Bad Request</h1> movies-prod",
        "{\"message\":\"arn:aws:sagemaker:movies-prod\"}",
        "{\"error\":\"movies-prod\"}",
        "{\"error\":{\"code\":\"x\",\"message\":\"arn:aws:s3:::movies-prod\"}}",
        "{\"error\":{\"code\":\"x\",\"message\":\"see https://10.0.0.7/\"}}",
        "{\"error\":{\"code\":\"x\",\"message\":\"\"}}",
        "{\"error\":{\"code\":\"x\",\"message\":\"cut off movies-pr",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const mf_aws_failure failure = failure_of(MF_AWS_MODEL, 400, bodies[i]);
        refuse_as(&failure, 400, "bad_request", "the model rejects this request");
    }
    static const int others[] = {0, 401, 403, 405, 408, 500, 503, 599};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const mf_aws_failure failure = failure_of(MF_AWS_MODEL, others[i], "movies-prod");
        refuse_as(&failure, 502, "bad_gateway", "");
    }
}

static void the_model_has_until_the_deadline_less_the_margin(void **state)
{
    (void)state;
    assert_true(send_event(RATING_REQUEST));
    const int64_t expected_ms = on.invocation.deadline_ms - on.settings.margin_ms;
    assert_in_range(on.given_deadline_ms, expected_ms - 1000, expected_ms + 5);
    assert_true(on.outcome.called_model);
    on.invocation.deadline_ms = mf_clock_wall_ms() + 100; /* less than the margin */
    send_proxied(RATING_REQUEST, "POST", "");
    assert_refused(504, "gateway_timeout", "took too long");
    assert_int_equal(on.n_calls, 1);
    assert_false(on.outcome.called_model);
}

/* With many movies of long titles. */
static void a_response_of_more_than_6_mb_is_refused(void **state)
{
    (void)state;
    enum { N = 1000, TITLE = 8000 };
    mf_error err = {0};
    mf_text csv = MF_TEXT_EMPTY, model = MF_TEXT_EMPTY;
    char title[TITLE + 1];
    memset(title, 'x', TITLE);
    title[TITLE] = '\0';
    mf_text_format(&csv, MOVIES_HEADER "1,%s,\n", title);
    mf_text_literal(&model, "{\"recommendations\":[");
    for (int i = 0; i < N; i++)
        mf_text_format(&model, "%s{\"movieId\":\"1\",\"predicted_rating\":1}", i > 0 ? "," : "");
    mf_text_append(&model, "]}", 3);
    mf_predict_movies *movies = read_movies(csv.bytes, csv.n_bytes, &err);
    assert_non_null(movies);
    on.handler.movies = movies;
    on.model_response = model.bytes;
    send_proxied("{\"userId\":\"2\",\"top_n\":1000}", "POST", "");
    assert_refused(400, "bad_request", "request fewer movies");
    assert_false(send_event("{\"userId\":\"2\",\"top_n\":1000}"));
    assert_error(&on.err, MF_ERR_PARSE, "request fewer movies");
    on.handler.movies = on.movies;
    mf_predict_movies_destroy(movies);
    mf_text_free(&csv);
    mf_text_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        predicting_test(ratings_have_one_decimal),
        predicting_test(what_is_not_known_is_flagged),
        predicting_test(closed_it_is_not_told_whether_a_user_is_in_the_data),
        predicting_test(lists_have_titles_and_genres_in_the_models_order),
        predicting_test(items_have_the_name_of_the_request_and_what_it_adds),
        predicting_test(a_response_that_does_not_fit_the_request_is_a_502),
        predicting_test(failures_of_the_endpoint_become_statuses_and_show_nothing),
        predicting_test(what_our_container_rejects_is_a_client_error_in_its_words),
        predicting_test(what_another_container_says_is_not_passed_on),
        predicting_test(the_model_has_until_the_deadline_less_the_margin),
        predicting_test(a_response_of_more_than_6_mb_is_refused),
    };
    return predicting_tests(tests);
}
