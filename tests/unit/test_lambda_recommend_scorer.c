/* test_lambda_recommend_scorer.c: both scorers of lambda/recommend/scorer.h: a model in this process,
 * and serve at a URL, whose place a peer takes. */
#include "aws_testing.h"

#include "base/clock.h"
#include "base/memory.h"
#include "lambda/recommend/response_line.h"
#include "lambda/recommend/scorer.h"
#include "model_sample.h"

enum { USERS = 20 };

static aws_peer peer;
static mf_recommend_lookups lookups;
static mf_recommend_lookup *chosen[USERS];
static mf_error err;

/* What the service does with a request. */
static struct service {
    const char *poison; /* a request with this in it gets poison_status */
    int poison_status;
    const char *line; /* for each user, instead of [318,"x"] */
    const char *headers;
    bool lacks_a_line;
    char body[1 << 16];
} service;

static peer_response respond(void *context, size_t i, const char *head, const char *body)
{
    (void)context, (void)i, (void)head;
    static const char usual[] =
        "{\"recommendations\":[{\"movieId\":\"318\",\"predicted_rating\":4.9},"
        "{\"movieId\":\"x\\u00e9\"}]}\n";
    if (service.poison != NULL && strstr(body, service.poison) != NULL)
        return (peer_response){service.poison_status,
                               "{\"error\":{\"code\":\"bad_request\",\"message\":\"not 9\"}}",
                               NULL};
    service.body[0] = '\0';
    for (const char *c = body; *c != '\0'; c++)
        if (*c == '\n' && !(service.lacks_a_line && c[1] == '\0'))
            strcat(service.body, service.line != NULL ? service.line : usual);
    return (peer_response){200, service.body, service.headers};
}

/* Lookups of users u0, u1, …, all chosen. */
static void look_up(size_t n, uint32_t top_n)
{
    static char names[USERS][24];
    assert_ok(mf_recommend_lookups_start(&lookups, USERS, &err), err);
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "u%zu", i);
        mf_recommend_lookups_add(
            &lookups,
            &(mf_recommend_request){.user = {names[i], strlen(names[i])}, .top_n = top_n});
        chosen[i] = &lookups.lookups[i];
    }
}

static void assert_text(const mf_recommend_lookup *lookup, const char *expected)
{
    const mf_id text = mf_recommend_lookup_text(&lookups, lookup);
    if (text.n_bytes != strlen(expected) || memcmp(text.bytes, expected, text.n_bytes) != 0)
        fail_msg("expected %s, got %.*s", expected, (int)text.n_bytes, text.bytes);
}

static mf_recommend_scorer open_remote(void)
{
    char url[64];
    mf_recommend_scorer scorer;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", peer.port);
    assert_ok(mf_recommend_scorer_remote(&scorer, url, "", 2, &err), err);
    return scorer;
}

static void score(mf_recommend_scorer *scorer, size_t n)
{
    peer_count(&peer);
    scorer->score(scorer, &lookups, chosen, n, mf_clock_wall_ms() + 60000);
    peer_count(&peer);
}

static int start(void **state)
{
    (void)state;
    peer_start(&peer, respond, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mf_recommend_lookups_free(&lookups);
    peer_stop(&peer);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    peer_count(&peer);
    service = (struct service){0};
    mf_error_clear(&err);
    return 0;
}

static void many_users_share_a_request_and_the_version_is_learned(void **state)
{
    (void)state;
    mf_recommend_scorer scorer = open_remote();
    const size_t first = peer_count(&peer);
    service.headers = "X-Amzn-SageMaker-Custom-Attributes: a=b;model_version=1da2;c=d\r\n";
    assert_string_equal(scorer.version(&scorer, INT64_MAX), "");
    look_up(USERS, 5);
    score(&scorer, USERS);
    assert_int_equal(peer_count(&peer) - first, 2);
    assert_non_null(strstr(peer_head(&peer, first), "POST /invocations"));
    assert_non_null(strstr(peer_head(&peer, first), "Content-Type: application/jsonlines"));
    assert_null(strstr(peer_head(&peer, first), "Authorization"));
    for (size_t i = 0; i < USERS; i++) {
        assert_int_equal(chosen[i]->state, MF_LOOKUP_RESOLVED);
        assert_int_equal(chosen[i]->count, 2);
        assert_true(chosen[i]->known_user);
        assert_string_equal(chosen[i]->version, "1da2");
        assert_text(chosen[i], "[318,\"x\xc3\xa9\"]");
    }
    assert_string_equal(scorer.version(&scorer, INT64_MAX), "1da2");
    score(&scorer, 0);
    mf_recommend_scorer_end(&scorer);
    mf_recommend_scorer_end(&scorer);
}

static void a_user_who_is_rejected_is_told_from_the_others(void **state)
{
    (void)state;
    static const struct {
        int status;
        mf_recommend_lookup_state state;
        const char *says;
    } cases[] = {
        {400, MF_LOOKUP_REJECTED, "the model refuses it: not 9"},
        {500, MF_LOOKUP_FAILED, "returned 500"},
        {403, MF_LOOKUP_FAILED, "returned 403"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_recommend_scorer scorer = open_remote();
        fresh(NULL);
        service.poison = "\"u9\"";
        service.poison_status = cases[c].status;
        look_up(USERS, 5);
        score(&scorer, USERS);
        size_t n_resolved = 0;
        for (size_t i = 0; i < USERS; i++)
            n_resolved += chosen[i]->state == MF_LOOKUP_RESOLVED;
        /* A status that no user causes fails the whole request. */
        assert_int_equal(n_resolved, cases[c].status == 403 ? USERS / 2 : USERS - 1);
        assert_int_equal(chosen[9]->state, cases[c].state);
        if (cases[c].state == MF_LOOKUP_REJECTED)
            assert_text(chosen[9], cases[c].says);
        else
            assert_non_null(strstr(lookups.failure.text, cases[c].says));
        mf_recommend_scorer_end(&scorer);
    }
}

static void a_response_that_does_not_fit_fails_all_of_its_users(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{}\n",
        "[]\n",
        "{\"recommendations\":{}}\n",
        "{\"recommendations\":[{\"movieId\":7}]}\n",
        "{\"recommendations\":[{}]}\n",
        "{\"recommendations\":[{\"movieId\":\"1\"},{\"movieId\":\"2\"},{\"movieId\":\"3\"}]}\n",
        "{\"recommendations\":[]}{}\n",
    };
    mf_recommend_scorer scorer = open_remote();
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        fresh(NULL);
        service.line = lines[i];
        look_up(3, 2);
        score(&scorer, 3);
        for (size_t k = 0; k < 3; k++)
            if (chosen[k]->state != MF_LOOKUP_FAILED)
                fail_msg("accepted: %s", lines[i]);
        assert_error(&lookups.failure, MF_ERR_IO,
                     "recommendations: a response that does not fit its request");
    }
    fresh(NULL);
    service.lacks_a_line = true;
    look_up(3, 2);
    score(&scorer, 3);
    assert_int_equal(chosen[0]->state, MF_LOOKUP_FAILED);
    fresh(NULL);
    service.line = "{\"known_user\":false,\"x\":[{}],\"recommendations\":[]}\n";
    look_up(1, 2);
    score(&scorer, 1);
    assert_int_equal(chosen[0]->state, MF_LOOKUP_RESOLVED);
    assert_false(chosen[0]->known_user);
    assert_string_equal(chosen[0]->version, "");
    assert_text(chosen[0], "[]");
    mf_recommend_scorer_end(&scorer);
}

static void an_endpoint_is_called_with_a_signature(void **state)
{
    (void)state;
    mf_recommend_scorer scorer;
    const size_t first = peer_count(&peer);
    service.headers = "X-Amzn-SageMaker-Custom-Attributes: model_version=\r\n";
    assert_ok(mf_recommend_scorer_remote(&scorer, "", "movies", 1, &err), err);
    look_up(1, 2);
    score(&scorer, 1);
    assert_int_equal(chosen[0]->state, MF_LOOKUP_RESOLVED);
    assert_string_equal(chosen[0]->version, "");
    assert_non_null(strstr(peer_head(&peer, first), "POST /endpoints/movies/invocations"));
    assert_non_null(strstr(peer_head(&peer, first), "/sagemaker/aws4_request"));
    assert_string_equal(peer_body(&peer, first), "{\"userId\":\"u0\",\"top_n\":2}\n");
    mf_recommend_scorer_end(&scorer);
    assert_false(mf_recommend_scorer_remote(&scorer, "ftp://x", "", 1, &err));
    assert_error(&err, MF_ERR_CONFIG, "RECOMMEND_SERVICE_URL is not a URL");
    mf_recommend_scorer_end(&scorer);
}

static void add_instance(const char *instance, bool has_entries)
{
    mf_recommend_lookups_add(&lookups,
                             &(mf_recommend_request){.instance = {instance, strlen(instance)},
                                                     .has_entries = has_entries,
                                                     .top_n = 1});
}

/* Lists are of ids unless attributes or reasons are requested. */
static void a_line_becomes_the_members_of_a_result(void **state)
{
    (void)state;
    static const struct {
        bool has_entries;
        const char *line, *members; /* NULL: it fits no instance */
    } cases[] = {
        {false, "{\"predicted_rating\":4.42,\"known_item\":false}",
         "\"predicted_rating\":4.42,\"known_item\":false"},
        {false,
         "{\"recommendations\":[{\"item_id\":\"318\",\"score\":1},{\"sku\":\"x\"}],"
         "\"known_user\":false}",
         "\"recommendations\":[318,\"x\"],\"count\":2,\"known_user\":false"},
        {true, "{\"recommendations\":[{\"item_id\":\"318\",\"title\":\"\\u00e9\"}]}",
         "\"recommendations\":[{\"item_id\":\"318\",\"title\":\"\\u00e9\"}],\"count\":1"},
        {false, "{\"similar\":[{\"movieId\":\"1\",\"similarity\":0.5}]}",
         "\"similar\":[{\"movieId\":\"1\",\"similarity\":0.5}],\"count\":1"},
        {false, "{\"audience\":[]}", "\"audience\":[],\"count\":0"},
        {false, "{}", NULL},
        {false, "", NULL},
        {false, "{\"recommendations\":1}", NULL},
        {false, "{\"recommendations\":[{\"score\":1}]}", NULL},
        {true, "{\"similar\":{}}", NULL},
        {false, "{\"predicted_rating\":4}}", NULL},
    };
    mf_stream_json json = {.keys = NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_ok(mf_recommend_lookups_start(&lookups, 1, &err), err);
        add_instance("{}", cases[i].has_entries);
        mf_recommend_lookup *lookup = &lookups.lookups[0];
        assert_int_equal(mf_recommend_line_read(&json, &lookups, lookup, cases[i].line,
                                                strlen(cases[i].line), "v"),
                         cases[i].members != NULL);
        if (cases[i].members != NULL)
            assert_text(lookup, cases[i].members);
        else
            assert_int_equal(lookup->state, MF_LOOKUP_PENDING);
    }
    mf_stream_json_free(&json);
}

/* An instance is a line beside the others; one that is rejected is told from them. */
static void instances_are_lines_of_a_request(void **state)
{
    (void)state;
    service.poison = "item_id";
    service.poison_status = 400;
    look_up(3, 5);
    add_instance("{\"user_id\":1,\"item_id\":9}", false);
    chosen[3] = &lookups.lookups[3];
    mf_recommend_scorer scorer = open_remote();
    score(&scorer, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(chosen[i]->state, MF_LOOKUP_RESOLVED);
    assert_int_equal(chosen[3]->state, MF_LOOKUP_REJECTED);
    assert_text(chosen[3], "the model refuses it: not 9");
    mf_recommend_scorer_end(&scorer);
}

static void a_model_in_this_process_scores_until_the_deadline(void **state)
{
    (void)state;
    size_t n_file;
    const mf_model_parts parts = sample_parts();
    unsigned char *file = sample_file(&parts, &n_file);
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    testing_write(path, file, n_file);
    mf_lambda_model_source source;
    assert_ok(mf_lambda_model_source_start(&source, path, NULL, &err) &&
                  mf_lambda_watched_load(&source.place, 0, &err),
              err);
    mf_recommend_scorer scorer;
    mf_recommend_scorer_model(&scorer, &source, 3);
    assert_string_equal(scorer.version(&scorer, 0), source.model->version);
    assert_ok(mf_recommend_lookups_start(&lookups, 3, &err), err);
    mf_recommend_lookups_add(&lookups, &(mf_recommend_request){.user = {"7", 1}, .top_n = 2});
    mf_recommend_lookups_add(&lookups, &(mf_recommend_request){.user = {"unknown", 7}, .top_n = 1});
    mf_recommend_lookups_add(&lookups, &(mf_recommend_request){.user = {"7", 1}, .top_n = 4});
    for (size_t i = 0; i < 3; i++)
        chosen[i] = &lookups.lookups[i];
    scorer.score(&scorer, &lookups, chosen, 3, mf_clock_wall_ms() + 60000);
    assert_int_equal(chosen[0]->state, MF_LOOKUP_RESOLVED);
    assert_true(chosen[0]->known_user && chosen[0]->count >= 1 && chosen[0]->count <= 2);
    assert_string_equal(chosen[0]->version, source.model->version);
    assert_int_equal(chosen[1]->state, MF_LOOKUP_RESOLVED);
    assert_false(chosen[1]->known_user);
    assert_int_equal(chosen[2]->state, MF_LOOKUP_REJECTED);
    assert_int_equal(mf_recommend_lookup_text(&lookups, chosen[2]).bytes[0], 't');
    for (size_t i = 0; i < 3; i++)
        chosen[i]->state = MF_LOOKUP_PENDING;
    scorer.score(&scorer, &lookups, chosen, 3, 0);
    assert_int_equal(chosen[0]->state, MF_LOOKUP_FAILED);
    assert_error(&lookups.failure, MF_ERR_IO, "the model was not done in time");
    static const char *const instances[][2] = {
        {"{\"user_id\":7,\"top_n\":1}", "\"recommendations\":["},
        {"{\"user_id\":\"unknown\",\"item_id\":\"x\"}", "\"predicted_rating\":"},
        {"{\"user_id\":7,\"top_n\":4}", "the model refuses it: line 1: top_n: expected"},
    };
    assert_ok(mf_recommend_lookups_start(&lookups, 3, &err), err);
    for (size_t i = 0; i < 3; i++) {
        add_instance(instances[i][0], false);
        chosen[i] = &lookups.lookups[i];
    }
    scorer.score(&scorer, &lookups, chosen, 3, mf_clock_wall_ms() + 60000);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(chosen[i]->state, i < 2 ? MF_LOOKUP_RESOLVED : MF_LOOKUP_REJECTED);
        const mf_id text = mf_recommend_lookup_text(&lookups, chosen[i]);
        assert_memory_equal(text.bytes, instances[i][1], strlen(instances[i][1]));
    }
    for (size_t nth = 1; chosen[0]->state != MF_LOOKUP_RESOLVED || nth == 1; nth++) {
        chosen[0]->state = MF_LOOKUP_PENDING;
        mf_memory_fail_nth(nth);
        scorer.score(&scorer, &lookups, chosen, 1, mf_clock_wall_ms() + 60000);
        mf_memory_fail_nth(0);
        assert_true(nth < 100 && chosen[0]->state != MF_LOOKUP_REJECTED);
    }
    mf_recommend_scorer_end(&scorer);
    mf_lambda_model_source_end(&source);
    free(file);
    free(path);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(many_users_share_a_request_and_the_version_is_learned, fresh),
        cmocka_unit_test_setup(a_user_who_is_rejected_is_told_from_the_others, fresh),
        cmocka_unit_test_setup(a_response_that_does_not_fit_fails_all_of_its_users, fresh),
        cmocka_unit_test_setup(an_endpoint_is_called_with_a_signature, fresh),
        cmocka_unit_test_setup(a_line_becomes_the_members_of_a_result, fresh),
        cmocka_unit_test_setup(instances_are_lines_of_a_request, fresh),
        cmocka_unit_test_setup(a_model_in_this_process_scores_until_the_deadline, fresh),
    };
    return cmocka_run_group_tests(tests, start, end);
}
