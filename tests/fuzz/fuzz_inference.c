/* fuzz_inference.c: any bytes as the body of /invocations.
 *
 * The first byte chooses formats and limits (see choose), the rest is the body. Properties: a
 * response has as many entries as the request has instances, and is valid in its format; each entry
 * of a list has the numbers that its model has; an error has a reason and a status below 500; one
 * instance per step gives the same bytes; the scanner reads what it accepts as jansson does. */
#include "../unit/model_sample.h"

#include "inference/inference.h"
#include "inference/scan.h"

#include <jansson.h>

enum { RATING_MODEL, BOTH_MODELS, RANKING_MODEL, MODELS };

static struct {
    unsigned char *files[MODELS];
    mf_recommender *recommenders[MODELS];
    mf_workspace *workspace;
} on;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void start(void)
{
    mf_model_parts parts[MODELS] = {sample_parts(), sample_parts_with_ranking(),
                                    sample_parts_without_ratings()};
    parts[BOTH_MODELS].attributes = sample_parts_with_attributes().attributes;
    for (int m = 0; m < MODELS; m++) {
        size_t n_bytes;
        on.files[m] = sample_file(&parts[m], &n_bytes);
        const mf_model *model = mf_model_open_bytes(on.files[m], n_bytes, "sample", NULL);
        require(model != NULL);
        on.recommenders[m] = mf_recommender_create(model, SIZE_MAX, NULL);
        require(on.recommenders[m] != NULL);
    }
    on.workspace = mf_workspace_create(NULL);
    require(on.workspace != NULL);
}

typedef struct choice {
    mf_inference_format request_format;
    mf_inference_format response_format;
    mf_inference_limits limits;
    unsigned model;
} choice;

/* From '0': request format, then × 3 response_format format, × 9 strict, × 18 batch, × 36
 * small limits, × 72 model. */
static choice choose(uint8_t byte)
{
    const unsigned c = (byte + 256U - '0') % 256 % (72 * MODELS);
    const bool small = c / 36 % 2 == 1;
    return (choice){c % 3,
                    c / 3 % 3,
                    {.strict = c / 9 % 2 == 1,
                     .batch = c / 18 % 2 == 1,
                     .max_top_n = small ? 2 : 1000,
                     .max_fold_in = small ? 1 : 1000},
                    c / 72};
}

typedef struct outcome {
    mf_error err;
    mf_text response;
    uint64_t n_responses;
    bool ok;
} outcome;

static outcome infer(const choice *c, const char *body, size_t n_bytes, uint32_t microseconds)
{
    outcome o = {.response = MF_TEXT_EMPTY};
    mf_inference_progress progress;
    mf_inference *inference =
        mf_inference_create(on.recommenders[c->model], &c->limits, c->request_format,
                            c->response_format, body, n_bytes, &o.response, &o.err);
    require(inference != NULL);
    do
        progress = mf_inference_step(inference, on.workspace, microseconds, &o.err);
    while (progress == MF_INFERENCE_MORE);
    o.ok = progress == MF_INFERENCE_DONE;
    o.n_responses = mf_inference_counted(inference).n_responses;
    mf_inference_destroy(inference);
    return o;
}

static json_t *parse(const char *bytes, size_t n_bytes)
{
    json_t *value = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(value));
    return value;
}

/* How many entries the response has: one for each instance. In a batch job each line has one, the CSV
 * header and empty lines too. */
static uint64_t count_entries(const choice *c, const char *body, size_t n_bytes,
                              uint64_t n_responses)
{
    const size_t mark = n_bytes >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    uint64_t n_lines = 0;
    for (size_t at = mark; at < n_bytes; at++)
        n_lines += body[at] == '\n' || at + 1 == n_bytes;
    return c->limits.batch && c->request_format != MF_INFERENCE_JSON ? n_lines : n_responses;
}

static bool is_number_or_null(const json_t *value)
{
    return json_is_number(value) || json_is_null(value);
}

/* A response that may be a list. */
static void check_entries(const choice *c, const json_t *response)
{
    const json_t *list = json_object_get(response, "recommendations");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *entry = json_array_get(list, i);
        const json_t *rating = json_object_get(entry, "predicted_rating");
        /* The id stands first, under the name of the request. */
        require(json_is_string(json_object_iter_value(json_object_iter(entry))));
        require(is_number_or_null(json_object_get(entry, "score")));
        require(c->model == RANKING_MODEL ? rating == NULL : is_number_or_null(rating));
        if (json_object_get(entry, "known_item") == NULL)
            require(!json_is_null(json_object_get(entry, "score")) && !json_is_null(rating));
    }
    if (c->model == RANKING_MODEL && list == NULL)
        require(!json_is_number(json_object_get(response, "predicted_rating")));
}

static void check_response(const choice *c, const outcome *o, uint64_t n_entries)
{
    const mf_text *response = &o->response;
    if (response->n_bytes == 0) {
        require(o->n_responses == 0 &&
                (c->response_format != MF_INFERENCE_JSON || c->limits.batch));
        return;
    }
    if (c->response_format == MF_INFERENCE_JSON) {
        json_t *value = parse(response->bytes, response->n_bytes);
        const json_t *predictions = json_object_get(value, "predictions");
        if (predictions != NULL)
            require(json_array_size(predictions) == n_entries);
        else
            require(o->n_responses == 1 && c->request_format == MF_INFERENCE_JSON);
        check_entries(c, value);
        for (size_t i = 0; i < json_array_size(predictions); i++)
            check_entries(c, json_array_get(predictions, i));
        json_decref(value);
        return;
    }
    uint64_t n_lines = 0;
    for (size_t at = 0; at < response->n_bytes; n_lines++) {
        const char *line = response->bytes + at;
        const char *end = memchr(line, '\n', response->n_bytes - at);
        require(end != NULL && end > line);
        if (c->response_format == MF_INFERENCE_JSON_LINES) {
            json_t *value = parse(line, (size_t)(end - line));
            check_entries(c, value);
            json_decref(value);
        }
        at += (size_t)(end - line) + 1;
    }
    require(n_lines == n_entries);
}

static bool id_equals(const json_t *value, mf_id id)
{
    char digits[32];
    if (json_is_string(value))
        return json_string_length(value) == id.n_bytes &&
               memcmp(json_string_value(value), id.bytes, id.n_bytes) == 0;
    snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
    return json_is_integer(value) && strlen(digits) == id.n_bytes &&
           memcmp(digits, id.bytes, id.n_bytes) == 0;
}

static void check_scan(const char *body, size_t n_bytes)
{
    mf_id user;
    mf_id item;
    const size_t n_used = mf_scan_pair(body, n_bytes, &user, &item);
    if (n_used == 0)
        return;
    json_error_t error;
    json_t *value =
        json_loadb(body, n_bytes, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
    require(value != NULL && (size_t)error.position == n_used && json_object_size(value) == 2);
    require(id_equals(json_object_get(value, "userId"), user));
    require(id_equals(json_object_get(value, "movieId"), item));
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes == 0)
        return 0;
    if (on.workspace == NULL)
        start();
    const choice c = choose(bytes[0]);
    const size_t n_body = n_bytes - 1;
    char *body = malloc(n_body + 1);
    require(body != NULL);
    memcpy(body, bytes + 1, n_body);
    body[n_body] = '\0';

    outcome whole = infer(&c, body, n_body, UINT32_MAX);
    outcome sliced = infer(&c, body, n_body, 0);
    require(whole.ok == sliced.ok);
    if (whole.ok) {
        require(whole.err.code == MF_OK && whole.n_responses == sliced.n_responses);
        require(whole.response.n_bytes == sliced.response.n_bytes);
        require(whole.response.n_bytes == 0 ||
                memcmp(whole.response.bytes, sliced.response.bytes, whole.response.n_bytes) == 0);
        check_response(&c, &whole, count_entries(&c, body, n_body, whole.n_responses));
    } else {
        const int status = mf_inference_status(&whole.err);
        require(whole.err.text[0] != '\0' && strcmp(whole.err.text, sliced.err.text) == 0);
        require(status == 400 || (status == 404 && c.limits.strict) ||
                (status == 406 && c.response_format == MF_INFERENCE_CSV));
    }
    check_scan(body, n_body);
    mf_text_free(&whole.response);
    mf_text_free(&sliced.response);
    free(body);
    return 0;
}
