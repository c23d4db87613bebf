/* The least size of a response (inference/least.c): never more than the response, and enough to
 * refuse a batch of lists before they are computed. */
#include "recommend_testing.h"

#include "inference/inference.h"

enum { USERS = 6, ITEMS = 400, TOP_N_MOST = 100 };

static world catalogue;
static mf_recommender *recommender;
static mf_workspace *workspace;
static mf_inference_limits limits;

static int start(void **state)
{
    (void)state;
    catalogue = world_create((world_shape){.kind = KIND_NORMAL,
                                           .n_users = USERS,
                                           .n_items = ITEMS,
                                           .n_factors = 8,
                                           .rated_percent = 50,
                                           .seed = 1});
    recommender = recommender_with(catalogue.model, SIZE_MAX);
    workspace = workspace_create();
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

static int reset(void **state)
{
    (void)state;
    limits = (mf_inference_limits){.max_top_n = TOP_N_MOST, .max_fold_in = 20};
    return 0;
}

/* The status; *n_bytes of the response, *n_responses that were computed. */
static int send(const mf_text *body, mf_inference_format format, uint64_t max, size_t *n_bytes,
                uint64_t *n_responses)
{
    mf_error err = {0};
    mf_text response = MF_TEXT_EMPTY;
    limits.max_response_bytes = max;
    mf_inference *inference = mf_inference_create(recommender, &limits, format, format, body->bytes,
                                                  body->n_bytes, &response, &err);
    assert_ok(inference != NULL, err);
    while (mf_inference_step(inference, workspace, 1000, &err) == MF_INFERENCE_MORE)
        ;
    *n_responses = mf_inference_counted(inference).n_responses;
    *n_bytes = response.n_bytes;
    mf_inference_destroy(inference);
    mf_text_free(&response);
    return mf_inference_status(&err);
}

/* Before a small number, between it and a count, after the count. */
static const char *const kinds[][3] = {
    {"{\"userId\":\"", "\",\"top_n\":", "}"},
    {"{\"userId\":\"unknown", "\",\"top_n\" :  ", "}"},
    {"{\"userId\":\"", "\",\"top_n\":", ",\"order\":\"rating\"}"},
    {"{\"userId\":\"", "\",\"top_n\":", ",\"order\":\"popularity\",\"include_rated\":true}"},
    {"{\"userId\":\"", "\",\"movieId\":\"", "\"}"},
    {"{\"userId\":\"top_n\",\"movieId\":\"", "", "\"}"},
    {"{\"movieId\":\"", "\",\"similar\":", "}"},
    {"{\"ratings\":[{\"movieId\":\"", "\",\"rating\":3}],\"top_n\":", "}"},
    /* Short lists of a large top_n. */
    {"{\"userId\":\"", "\",\"movieIds\":[\"1\"],\"top_n\":", "}"},
    {"{\"userId\":\"", "\",\"top_n\":", ",\"movieIds\":[\"1\"]}"},
    {"{\"userId\":\"", "\",\"top_n\":", ",\"movie\\u0049ds\":[\"1\"]}"},
};

/* n instances of the first n_kinds kinds, with blanks between them. */
static mf_text write_body(uint64_t seed, size_t n, uint32_t n_kinds, uint32_t n_blanks, bool lines)
{
    mf_text body = MF_TEXT_EMPTY;
    uint64_t k = 0;
    if (!lines)
        mf_text_literal(&body, "{\"instances\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && !lines)
            mf_text_literal(&body, ",");
        const char *const *kind = kinds[mf_random_below(seed, k++, n_kinds)];
        const unsigned user = mf_random_below(seed, k++, USERS);
        const unsigned count = 1 + mf_random_below(seed, k++, TOP_N_MOST);
        mf_text_format(&body, "%s%u%s%u%s", kind[0], user, kind[1], count, kind[2]);
        for (uint32_t b = mf_random_below(seed, k++, n_blanks + 1); b > 0; b--)
            mf_text_literal(&body, " ");
        if (lines)
            mf_text_literal(&body, "\n");
    }
    if (!lines)
        mf_text_literal(&body, "]}");
    mf_text_literal(&body, "\0");
    body.n_bytes--;
    return body;
}

static void a_response_of_just_the_limit_is_complete(void **state)
{
    (void)state;
    enum { N_KINDS = sizeof kinds / sizeof kinds[0] };
    for (uint64_t seed = 0; seed < 40; seed++) {
        /* Many pieces, or one; each with all kinds, or one kind more than before. */
        const uint32_t n_blanks = seed % 2 == 0 ? 20000 : 3;
        const bool lines = seed % 4 < 2;
        mf_text body = write_body(seed, 60, 1 + (uint32_t)(seed % N_KINDS), n_blanks, lines);
        const mf_inference_format format = lines ? MF_INFERENCE_JSON_LINES : MF_INFERENCE_JSON;
        size_t n_bytes, again;
        uint64_t n;
        assert_int_equal(send(&body, format, 0, &n_bytes, &n), 200);
        assert_int_equal(n, 60);
        assert_int_equal(send(&body, format, n_bytes, &again, &n), 200);
        assert_int_equal(again, n_bytes);
        assert_int_equal(send(&body, format, n_bytes - 1, &again, &n), 413);
        mf_text_free(&body);
    }
}

static void a_batch_that_must_exceed_the_limit_is_refused_at_its_start(void **state)
{
    (void)state;
    mf_text body = write_body(7, 4000, 1, 0, false);
    size_t n_bytes;
    uint64_t n;
    assert_int_equal(send(&body, MF_INFERENCE_JSON, 1 << 20, &n_bytes, &n), 413);
    assert_int_equal(n, 1);
    /* What is not certain is computed up to the limit. */
    limits.strict = true;
    assert_int_equal(send(&body, MF_INFERENCE_JSON, 1 << 20, &n_bytes, &n), 413);
    assert_true(n > 100);
    limits.strict = false;
    limits.max_fold_in = ITEMS;
    assert_int_equal(send(&body, MF_INFERENCE_JSON, 1 << 20, &n_bytes, &n), 413);
    assert_true(n > 100);
    mf_text_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_response_of_just_the_limit_is_complete, reset),
        cmocka_unit_test_setup(a_batch_that_must_exceed_the_limit_is_refused_at_its_start, reset),
    };
    return cmocka_run_group_tests(tests, start, end);
}
