/* Lists of a catalogue that takes long to look through: in steps, with others between them,
 * they are what they are at once. */
#include "recommend_testing.h"

#include "inference/inference.h"

enum { USERS = 5, ITEMS = 4200, FACTORS = 1024, TOP_N_MOST = 1000, AT_ONCE = 0, SHORTEST = 1 };

static world catalogue;
static mf_recommender *recommender;
static mf_workspace *workspace;
static const mf_inference_limits limits = {.max_top_n = TOP_N_MOST, .max_fold_in = 100};

static int start(void **state)
{
    (void)state;
    /* 17 MiB of factors, and no index for so many. */
    catalogue = world_create((world_shape){.kind = KIND_NORMAL,
                                           .n_users = USERS,
                                           .n_items = ITEMS,
                                           .n_factors = FACTORS,
                                           .rated_percent = 5,
                                           .seed = 1});
    recommender = recommender_with(catalogue.model, SIZE_MAX);
    workspace = workspace_create();
    assert_true(mf_recommender_is_long(recommender));
    return 0;
}

static int end(void **state)
{
    (void)state;
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(recommender);
    world_release(&catalogue);
    return 0;
}

static const char *id_of(mf_id_list ids, uint32_t index)
{
    static char texts[4][32];
    static size_t n;
    char *text = texts[n++ % 4];
    const mf_id id = mf_id_list_get(&ids, index);
    snprintf(text, sizeof texts[0], "%.*s", (int)id.n_bytes, id.bytes);
    return text;
}

static mf_inference *begin(const mf_text *body, mf_text *response)
{
    mf_error err = {0};
    mf_inference *inference =
        mf_inference_create(recommender, &limits, MF_INFERENCE_JSON, MF_INFERENCE_JSON, body->bytes,
                            body->n_bytes, response, &err);
    assert_ok(inference != NULL, err);
    return inference;
}

/* True when it is done. */
static bool step(mf_inference *inference, uint32_t microseconds)
{
    mf_error err = {0};
    const mf_inference_progress progress =
        mf_inference_step(inference, workspace, microseconds, &err);
    if (progress == MF_INFERENCE_FAILED)
        fail_msg("%s", err.text);
    return progress == MF_INFERENCE_DONE;
}

static mf_text text_of(const char *bytes)
{
    mf_text text = MF_TEXT_EMPTY;
    mf_text_append(&text, bytes, strlen(bytes) + 1);
    text.n_bytes--;
    return text;
}

/* A list of a user, what is like a movie, a visitor, a choice with an unknown item in it, somebody
 * unknown, and a rating behind them. */
static mf_text write_instances(void)
{
    mf_text body = text_of("{\"instances\":[");
    const mf_model_parts *p = catalogue.parts;
    mf_text_format(&body, "{\"userId\":\"%s\",\"top_n\":10},", id_of(p->users, 1));
    mf_text_format(&body, "{\"movieId\":\"%s\",\"similar\":7},", id_of(p->items, 9));
    mf_text_format(&body, "{\"ratings\":[{\"movieId\":\"%s\",\"rating\":5}],\"top_n\":9},",
                   id_of(p->items, 7));
    mf_text_format(&body, "{\"userId\":\"%s\",\"movieIds\":[\"%s\",\"?\",\"%s\"]},",
                   id_of(p->users, 2), id_of(p->items, 3), id_of(p->items, 5));
    mf_text_format(&body, "{\"userId\":\"?\",\"top_n\":3},{\"userId\":\"%s\",\"movieId\":\"%s\"}]}",
                   id_of(p->users, 3), id_of(p->items, 4));
    mf_text_append(&body, "", 1);
    body.n_bytes--;
    return body;
}

static mf_text infer(const mf_text *body, uint32_t microseconds, size_t *n_steps)
{
    mf_text response = MF_TEXT_EMPTY;
    mf_inference *inference = begin(body, &response);
    for (*n_steps = 1; !step(inference, microseconds); ++*n_steps)
        ;
    mf_inference_destroy(inference);
    return response;
}

static void assert_texts_equal(mf_text *text, const mf_text *expected)
{
    assert_int_equal(text->n_bytes, expected->n_bytes);
    assert_memory_equal(text->bytes, expected->bytes, expected->n_bytes);
    mf_text_free(text);
}

static void steps_and_other_instances_change_no_response(void **state)
{
    (void)state;
    enum { INSTANCES = 6, SEARCHED = 3, MIB_OF_FACTORS = 16, N = 3 };
    mf_text body = write_instances();
    size_t n_steps;
    mf_text expected = infer(&body, AT_ONCE, &n_steps);
    assert_true(n_steps <= INSTANCES + 2); /* with the one of mf_least_step */
    mf_text response = infer(&body, SHORTEST, &n_steps);
    assert_true(n_steps >= SEARCHED * MIB_OF_FACTORS);
    assert_texts_equal(&response, &expected);

    /* Side by side on one workspace, each a step further than the one before it. */
    mf_inference *side[N];
    mf_text responses[N];
    size_t n_done = 0;
    for (size_t i = 0; i < N; i++) {
        responses[i] = MF_TEXT_EMPTY;
        side[i] = begin(&body, &responses[i]);
        step(side[i], SHORTEST);
    }
    for (size_t turn = 0; n_done < N; turn++) {
        const size_t i = turn % N;
        if (side[i] == NULL || !step(side[i], SHORTEST))
            continue;
        mf_inference_destroy(side[i]);
        side[i] = NULL;
        n_done++;
        mf_text between = infer(&body, AT_ONCE, &n_steps);
        assert_texts_equal(&between, &expected);
    }
    for (size_t i = 0; i < N; i++)
        assert_texts_equal(&responses[i], &expected);

    /* Given up after any number of steps; some go on at once, others never. */
    for (size_t n = 0; n < 2 * MIB_OF_FACTORS; n++) {
        mf_text some = MF_TEXT_EMPTY;
        mf_inference *inference = begin(&body, &some);
        for (size_t k = 0; k < n; k++)
            step(inference, SHORTEST);
        bool done = n % 2 == 0;
        while (!done)
            done = step(inference, AT_ONCE);
        mf_inference_destroy(inference);
        if (n % 2 == 1)
            assert_texts_equal(&some, &expected);
        else
            mf_text_free(&some);
    }
    mf_text_free(&expected);
    mf_text_free(&body);
}

static void a_listing_in_steps_is_the_list(void **state)
{
    (void)state;
    enum { TOP_N = 20, MIB_OF_FACTORS = 16 };
    for (uint32_t user = 0; user <= USERS; user++) {
        const char *id = user < USERS ? id_of(catalogue.parts->users, user) : "unknown";
        mf_error err = {0};
        mf_text expected = MF_TEXT_EMPTY, items = MF_TEXT_EMPTY;
        mf_inference_list whole, list;
        assert_ok(mf_inference_items(recommender, &limits, workspace, id, strlen(id), TOP_N, NULL,
                                     &expected, &whole, &err),
                  err);
        mf_listing listing, other;
        assert_ok(mf_listing_begin(&listing, recommender, &limits, workspace, id, strlen(id), TOP_N,
                                   NULL, &err),
                  err);
        const char *first = id_of(catalogue.parts->users, 0);
        assert_ok(mf_listing_begin(&other, recommender, &limits, workspace, first, strlen(first),
                                   TOP_N, NULL, &err),
                  err);
        size_t n_steps = 1;
        for (; mf_listing_step(&listing, SHORTEST, &items, &list, &err) == MF_INFERENCE_MORE;
             n_steps++)
            if (n_steps < MIB_OF_FACTORS / 2)
                assert_int_equal(mf_listing_step(&other, SHORTEST, &items, &list, &err),
                                 MF_INFERENCE_MORE);
        assert_int_equal(err.code, MF_OK);
        assert_true(n_steps >= MIB_OF_FACTORS || user == USERS);
        assert_int_equal(list.count, whole.count);
        assert_int_equal(list.known_user, user < USERS);
        assert_texts_equal(&items, &expected);
        mf_listing_end(&listing);
        mf_listing_end(&other);
        mf_text_free(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_and_other_instances_change_no_response),
        cmocka_unit_test(a_listing_in_steps_is_the_list),
    };
    return cmocka_run_group_tests(tests, start, end);
}
