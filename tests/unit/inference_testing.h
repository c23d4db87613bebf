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

static struct asking {
    unsigned char *file;
    mf_model *model;
    mf_recommender *recommender;
    mf_workspace *workspace;
    mf_inference_limits limits;
    uint32_t microseconds; /* of each step */

    /* Of the last question: */
    mf_error err;
    mf_text answer;
    int status;
    uint64_t n_answered;
    size_t n_steps;
} asking;

static inline void asking_open(const mf_model_parts *parts)
{
    size_t n_bytes;
    mf_error err = {0};
    memset(&asking, 0, sizeof asking);
    asking.file = sample_file(parts, &n_bytes);
    asking.model = mf_model_open_bytes(asking.file, n_bytes, "sample", &err);
    if (asking.model == NULL)
        fail_msg("%s", err.text);
    asking.recommender = mf_recommender_create(asking.model, SIZE_MAX, &err);
    asking.workspace = mf_workspace_create(&err);
    if (asking.recommender == NULL || asking.workspace == NULL)
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
    mf_text_free(&asking.answer);
    mf_workspace_destroy(asking.workspace);
    mf_recommender_destroy(asking.recommender);
    mf_model_close(asking.model);
    free(asking.file);
    return 0;
}

/* Before each test. */
static inline int asking_reset(void **state)
{
    (void)state;
    asking.limits = (mf_inference_limits){.max_top_n = 1000, .max_fold_in = 1000};
    asking.microseconds = WHOLE;
    return 0;
}

/* Answers the bytes; true when DONE. The answer is zero-terminated. */
static inline bool ask_bytes(mf_inference_format question, mf_inference_format reply,
                             const char *bytes, size_t n_bytes)
{
    mf_error_clear(&asking.err);
    mf_text_clear(&asking.answer, 0);
    asking.n_answered = 0;
    asking.n_steps = 0;
    /* Exactly as large as the contract says, so that the sanitizer sees one byte over. */
    char *body = malloc(n_bytes + 1);
    assert_non_null(body);
    if (n_bytes > 0)
        memcpy(body, bytes, n_bytes);
    body[n_bytes] = '\0';
    mf_inference_progress progress = MF_INFERENCE_FAILED;
    mf_inference *inference =
        mf_inference_create(asking.recommender, &asking.limits, question, reply, body, n_bytes,
                            &asking.answer, &asking.err);
    if (inference != NULL) {
        do {
            progress =
                mf_inference_step(inference, asking.workspace, asking.microseconds, &asking.err);
            asking.n_steps++;
        } while (progress == MF_INFERENCE_MORE);
        asking.n_answered = mf_inference_n_responses(inference);
    }
    mf_inference_destroy(inference);
    free(body);
    asking.status = mf_inference_status(&asking.err);
    if ((progress == MF_INFERENCE_DONE) != (asking.err.code == MF_OK))
        fail_msg("an error without failing, or the other way round: %s", asking.err.text);
    if (progress == MF_INFERENCE_DONE && mf_text_reserve(&asking.answer, 1))
        asking.answer.bytes[asking.answer.n_bytes] = '\0';
    return progress == MF_INFERENCE_DONE;
}

static inline void expect_as(mf_inference_format question, mf_inference_format reply,
                             const char *body, const char *answer)
{
    if (!ask_bytes(question, reply, body, strlen(body)))
        fail_msg("%s\n  was refused: %s", body, asking.err.text);
    if (strcmp(asking.answer.bytes, answer) != 0)
        fail_msg("%s\n  gave     %s\n  expected %s", body, asking.answer.bytes, answer);
}

static inline void refuse_as(mf_inference_format question, mf_inference_format reply,
                             const char *body, int status, const char *text)
{
    if (ask_bytes(question, reply, body, strlen(body)))
        fail_msg("%s\n  gave %s\n  expected the error %s", body, asking.answer.bytes, text);
    if (strcmp(asking.err.text, text) != 0 || asking.status != status)
        fail_msg("%s\n  gave     %d %s\n  expected %d %s", body, asking.status, asking.err.text,
                 status, text);
}

static inline void expect(const char *body, const char *answer)
{
    expect_as(JSON, JSON, body, answer);
}

static inline void refuse(const char *body, const char *text)
{
    refuse_as(JSON, JSON, body, 400, text);
}

/* What the model itself predicts; NULL for nobody and nothing. */
static inline float predict(const char *user, const char *item)
{
    return mf_model_predict(
        asking.model,
        user != NULL ? mf_model_find_user(asking.model, user, strlen(user)) : MF_INDEX_NONE,
        item != NULL ? mf_model_find_item(asking.model, item, strlen(item)) : MF_INDEX_NONE);
}

/* Appends the entries as a response has them; unknown[k] is the id of the k-th unknown item. */
static inline void write_entries(mf_text *text, const mf_recommendation *best, size_t n_best,
                                 const char *const *unknown)
{
    const mf_model_parts *parts = mf_model_get(asking.model);
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
#define asking_test(f)      cmocka_unit_test_setup(f, asking_reset)

#endif
