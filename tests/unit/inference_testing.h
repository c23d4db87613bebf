/* inference_testing.h: the sample model, with a ranking model or without, a recommender on it,
 * and one way to send it a request. */
#ifndef MF_TESTS_INFERENCE_TESTING_H
#define MF_TESTS_INFERENCE_TESTING_H

#include "model_sample.h"

#include "inference/inference.h"

#include <math.h>

#define JSON  MF_INFERENCE_JSON
#define LINES MF_INFERENCE_JSON_LINES
#define CSV   MF_INFERENCE_CSV

enum { WHOLE = 1000000000 }; /* microseconds: all in one step */

static struct fixture {
    unsigned char *file;
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    mf_inference_limits limits;
    uint32_t microseconds; /* of each step */

    /* Of the last request: */
    mf_error err;
    mf_text response;
    int status;
    uint64_t n_responses;
    mf_inference_counts counts;
    size_t n_steps;
} fixture;

static inline void asking_open(const mf_model_parts *parts)
{
    size_t n_bytes;
    mf_error err = {0};
    memset(&fixture, 0, sizeof fixture);
    fixture.file = sample_file(parts, &n_bytes);
    fixture.model = mf_model_open_bytes(fixture.file, n_bytes, "sample", &err);
    if (fixture.model == NULL)
        fail_msg("%s", err.text);
    fixture.recommender = mf_recommender_create(fixture.model, SIZE_MAX, &err);
    fixture.workspace = mf_workspace_create(&err);
    if (fixture.recommender == NULL || fixture.workspace == NULL)
        fail_msg("%s", err.text);
}

/* A model with ratings only. */
static inline int asking_start(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts();
    asking_open(&parts);
    return 0;
}

static inline int asking_end(void **state)
{
    (void)state;
    mf_text_free(&fixture.response);
    mf_workspace_destroy(fixture.workspace);
    mf_recommender_destroy(fixture.recommender);
    mf_model_close(fixture.model);
    free(fixture.file);
    return 0;
}

/* Before each test. */
static inline int asking_reset(void **state)
{
    (void)state;
    fixture.limits = (mf_inference_limits){.max_top_n = 1000, .max_fold_in = 1000};
    fixture.microseconds = WHOLE;
    return 0;
}

/* Sends the bytes; true when DONE. The response is NUL-terminated. */
static inline bool send_bytes(mf_inference_format request_format,
                              mf_inference_format response_format, const char *bytes,
                              size_t n_bytes)
{
    mf_error_clear(&fixture.err);
    mf_text_clear(&fixture.response, 0);
    fixture.n_responses = 0;
    fixture.n_steps = 0;
    /* Exactly as large as the contract says, so that the sanitizer sees one byte over. */
    char *body = malloc(n_bytes + 1);
    assert_non_null(body);
    if (n_bytes > 0)
        memcpy(body, bytes, n_bytes);
    body[n_bytes] = '\0';
    mf_inference_progress progress = MF_INFERENCE_FAILED;
    mf_inference *inference =
        mf_inference_create(fixture.recommender, &fixture.limits, request_format, response_format,
                            body, n_bytes, &fixture.response, &fixture.err);
    if (inference != NULL) {
        do {
            progress =
                mf_inference_step(inference, fixture.workspace, fixture.microseconds, &fixture.err);
            fixture.n_steps++;
        } while (progress == MF_INFERENCE_MORE);
        fixture.counts = mf_inference_counted(inference);
        fixture.n_responses = fixture.counts.n_responses;
    }
    mf_inference_destroy(inference);
    free(body);
    fixture.status = mf_inference_status(&fixture.err);
    if ((progress == MF_INFERENCE_DONE) != (fixture.err.code == MF_OK))
        fail_msg("an error without failing, or the other way round: %s", fixture.err.text);
    if (progress == MF_INFERENCE_DONE && mf_text_reserve(&fixture.response, 1))
        fixture.response.bytes[fixture.response.n_bytes] = '\0';
    return progress == MF_INFERENCE_DONE;
}

static inline void expect_as(mf_inference_format request_format,
                             mf_inference_format response_format, const char *body,
                             const char *response)
{
    if (!send_bytes(request_format, response_format, body, strlen(body)))
        fail_msg("%s\n  was refused: %s", body, fixture.err.text);
    if (strcmp(fixture.response.bytes, response) != 0)
        fail_msg("%s\n  gave     %s\n  expected %s", body, fixture.response.bytes, response);
}

static inline void refuse_as(mf_inference_format request_format,
                             mf_inference_format response_format, const char *body, int status,
                             const char *text)
{
    if (send_bytes(request_format, response_format, body, strlen(body)))
        fail_msg("%s\n  gave %s\n  expected the error %s", body, fixture.response.bytes, text);
    if (strcmp(fixture.err.text, text) != 0 || fixture.status != status)
        fail_msg("%s\n  gave     %d %s\n  expected %d %s", body, fixture.status, fixture.err.text,
                 status, text);
}

static inline void expect(const char *body, const char *response)
{
    expect_as(JSON, JSON, body, response);
}

static inline void refuse(const char *body, const char *text)
{
    refuse_as(JSON, JSON, body, 400, text);
}

/* The prediction of the model itself; NULL for an unknown user or item. */
static inline float predict(const char *user, const char *item)
{
    return mf_model_predict(
        fixture.model,
        user != NULL ? mf_model_find_user(fixture.model, user, strlen(user)) : MF_INDEX_NONE,
        item != NULL ? mf_model_find_item(fixture.model, item, strlen(item)) : MF_INDEX_NONE);
}

/* Appends the entries as a response has them; unknown[k] is the id of the k-th unknown item. */
static inline void write_entries(mf_text *text, const mf_recommendation *best, size_t n_best,
                                 const char *const *unknown)
{
    const mf_model_parts *parts = mf_model_get(fixture.model);
    for (size_t i = 0; i < n_best; i++) {
        const bool known = best[i].item != MF_INDEX_NONE;
        const mf_id id = known ? mf_id_list_get(&parts->items, best[i].item)
                               : (mf_id){*unknown, strlen(*unknown)};
        mf_text_format(text, "%s{\"movieId\":\"%.*s\",\"score\":", i > 0 ? "," : "",
                       (int)id.n_bytes, id.bytes);
        if (isnan(best[i].score))
            mf_text_literal(text, "null");
        else
            mf_text_float(text, best[i].score);
        if (parts->n_factors > 0 && isnan(best[i].predicted_rating)) {
            mf_text_literal(text, ",\"predicted_rating\":null");
        } else if (parts->n_factors > 0) {
            mf_text_literal(text, ",\"predicted_rating\":");
            mf_text_float(text, best[i].predicted_rating);
        }
        mf_text_format(text, "%s}", known ? "" : ",\"known_item\":false");
        if (!known)
            unknown++;
    }
}

#define asking_tests(tests) cmocka_run_group_tests(tests, asking_start, asking_end)
#define inference_test(f)   cmocka_unit_test_setup(f, asking_reset)

#endif
