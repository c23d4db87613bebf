/* inference.c: the steps of an inference: read instances for about a slice of time, write
 * responses, check the limits. state.h shows which file does what. */
#include "inference/inference.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "inference/state.h"

#include <string.h>

const char *const mf_inference_media_types[MF_INFERENCE_FORMATS] = {
    [MF_INFERENCE_JSON] = "application/json",
    [MF_INFERENCE_JSON_LINES] = "application/jsonlines",
    [MF_INFERENCE_CSV] = "text/csv",
};

mf_inference *mf_inference_create(const mf_recommender *recommender,
                                  const mf_inference_limits *limits,
                                  mf_inference_format request_format,
                                  mf_inference_format response_format, const char *body,
                                  size_t n_bytes, mf_text *response, mf_error *err)
{
    mf_inference *inference = mf_allocate(1, sizeof *inference, "an inference", err);
    if (inference == NULL)
        return NULL;
    inference->recommender = recommender;
    inference->model = mf_recommender_model(recommender);
    inference->parts = mf_model_get(inference->model);
    inference->limits = limits;
    inference->request_format = request_format;
    inference->response_format = response_format;
    inference->body = body;
    inference->n_bytes = n_bytes;
    inference->response = response;
    inference->response_at = response->n_bytes;
    if (n_bytes >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0)
        inference->at = 3; /* a byte order mark is not part of the text */
    return inference;
}

/* What a body is that begins like none of ours; NULL: it may be ours. */
static const char *foreign_format(const mf_inference *inference)
{
    static const struct {
        mf_id start;
        const char *name;
    } formats[] = {
        {{"\xFF\xFE", 2}, "UTF-16: send UTF-8"},
        {{"\xFE\xFF", 2}, "UTF-16: send UTF-8"},
        {{"\x1F\x8B", 2}, "gzip that was packed again: send it packed once"},
        {{"\x28\xB5\x2F\xFD", 4}, "zstd: send gzip or plain text"},
        {{"PK\x03\x04", 4}, "a zip file: send gzip or plain text"},
        {{"\x93NUMPY", 6}, "NumPy's npy: send JSON, JSON Lines or CSV"},
        {{"PAR1", 4}, "Parquet: send JSON, JSON Lines or CSV"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (inference->n_bytes >= formats[i].start.n_bytes &&
            memcmp(inference->body, formats[i].start.bytes, formats[i].start.n_bytes) == 0)
            return formats[i].name;
    return NULL;
}

static bool read_some(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    return inference->request_format == MF_INFERENCE_JSON
               ? mf_envelope_read(inference, workspace, err)
               : mf_lines_read(inference, workspace, err);
}

static bool check_response(const mf_inference *inference, mf_error *err)
{
    const uint64_t max_bytes = inference->limits->max_response_bytes;
    if (inference->response->failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the response");
    if (max_bytes > 0 &&
        (inference->response->n_bytes > max_bytes || inference->least_bytes > max_bytes))
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                       "the response has over %llu bytes: request less at once",
                       (unsigned long long)max_bytes);
    return true;
}

/* Reads a few instances and writes their responses. */
static bool resume(mf_inference *inference, mf_workspace *workspace, mf_error *err)
{
    mf_error behind = {0};
    if (inference->list.searched_in != NULL) {
        return mf_instance_resume(inference, err) && check_response(inference, err);
    }
    /* Once it is known that the body has more than pairs. */
    if (inference->n_slow > 0 && inference->least_at < inference->n_bytes) {
        mf_least_step(inference);
        return check_response(inference, err);
    }
    const bool ok = read_some(inference, workspace, &behind);
    /* The pairs precede the error in the body, and may have errors themselves. */
    if (!mf_pairs_respond(inference, err))
        return false;
    const char *foreign = ok ? NULL : foreign_format(inference);
    if (foreign != NULL)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "the body is %s", foreign);
    if (!ok)
        return mf_fail_again(err, &behind);
    return check_response(inference, err);
}

static bool finish(mf_inference *inference, mf_error *err)
{
    static const char *const send[MF_INFERENCE_FORMATS] = {
        [MF_INFERENCE_JSON] = "{\"userId\":…,\"movieId\":…} or {\"instances\":[…]}",
        [MF_INFERENCE_JSON_LINES] = "one instance a line, such as {\"userId\":…,\"movieId\":…}",
        [MF_INFERENCE_CSV] = "lines of user,movie",
    };
    const bool empty = inference->request_format == MF_INFERENCE_JSON
                           ? inference->envelope == MF_ENVELOPE_START
                           : inference->n_instances == 0 && !inference->has_header;
    if (empty && !inference->limits->batch)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "the body is empty: send %s",
                       send[inference->request_format]);
    if (!empty)
        mf_response_finish(inference);
    else
        inference->response->n_bytes = inference->response_at; /* of empty lines alone */
    return check_response(inference, err);
}

mf_inference_progress mf_inference_step(mf_inference *inference, mf_workspace *workspace,
                                        uint32_t microseconds, mf_error *err)
{
    enum { REST_BYTES = 16 }; /* fewer than any instance that takes long */
    inference->until = microseconds > 0 ? mf_clock_seconds() + 1e-6 * microseconds : 0;
    inference->pairs_capacity = microseconds > 0 ? MF_PAIRS : 1;
    while (!inference->ended) {
        if (!resume(inference, workspace, err))
            return MF_INFERENCE_FAILED;
        /* After a single long instance the response is finished now, without another slice that
         * only finds "]}\n". */
        const bool at_the_end =
            inference->n_bytes - inference->at < REST_BYTES && inference->list.searched_in == NULL;
        if (!inference->ended &&
            (microseconds == 0 || (!at_the_end && mf_clock_seconds() >= inference->until)))
            return MF_INFERENCE_MORE;
    }
    return finish(inference, err) ? MF_INFERENCE_DONE : MF_INFERENCE_FAILED;
}

int mf_inference_status(const mf_error *err)
{
    switch (err->code) {
    case MF_OK:
        return 200;
    case MF_ERR_PARSE:
        return 400;
    case MF_ERR_LIMIT:
        return 413;
    case MF_ERR_UNKNOWN:
        return 404;
    case MF_ERR_NOT_ACCEPTABLE:
        return 406;
    case MF_ERR_MEMORY:
        return 503;
    default:
        return 500;
    }
}

void mf_inference_log_models(const mf_recommender *recommender)
{
    if (!mf_recommender_has_ranking(recommender))
        mf_log_message(
            MF_LOG_INFO, "no_ranking_model",
            "lists are ordered by predicted rating: the model file has no ranking model");
    if (!mf_recommender_has_ratings(recommender))
        mf_log_message(MF_LOG_INFO, "no_rating_model",
                       "requests for a rating are refused: the model was trained without ratings");
}

void mf_inference_set_listing(mf_inference *inference)
{
    inference->is_listing = true;
}

mf_inference_counts mf_inference_counted(const mf_inference *inference)
{
    return inference->counts;
}

void mf_inference_destroy(mf_inference *inference)
{
    if (inference == NULL)
        return;
    mf_rows_destroy(inference->rows);
    mf_instance_free(&inference->instance);
    mf_steered_free(&inference->steered);
    mf_workspace_destroy(inference->own);
    mf_free(inference->list.unknown);
    mf_free(inference->indexes);
    mf_free(inference);
}
