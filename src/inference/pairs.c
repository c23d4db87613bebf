/* pairs.c: predicts ratings of known users, up to 64 together. Each step is done for all pairs
 * before the next step, so that their cache misses overlap. */
#include "inference/model_columns.h"
#include "inference/state.h"

enum { LINE_FLOATS = 16, PREFETCHED_LINES = 4 };

bool mf_pairs_full(const mf_inference *inference)
{
    return inference->n_pairs >= inference->pairs_capacity ||
           inference->n_pair_bytes + 2 * MF_ID_BYTES_MAX > MF_PAIR_BYTES;
}

void mf_pairs_add(mf_inference *inference, mf_id user, mf_id item, mf_place place)
{
    inference->pairs[inference->n_pairs++] = (mf_pair){user, item, place};
    inference->n_instances++;
}

mf_id mf_pairs_copy(mf_inference *inference, mf_id id)
{
    char *copy = inference->pair_bytes + inference->n_pair_bytes;
    /* An id that is too long becomes empty, which is invalid with the same message. */
    const size_t n = id.n_bytes <= MF_ID_BYTES_MAX ? id.n_bytes : 0;
    if (n > 0)
        memcpy(copy, id.bytes, n);
    inference->n_pair_bytes += n;
    return (mf_id){copy, n};
}

static void prefetch_row(const float *row, size_t stride)
{
    for (size_t line = 0; line < PREFETCHED_LINES && line * LINE_FLOATS < stride; line++)
        __builtin_prefetch(row + line * LINE_FLOATS);
}

/* Validates an unknown id; an id of the model is valid. */
static bool check_id(const mf_inference *inference, const mf_pair *pair, bool is_user,
                     mf_error *err)
{
    const mf_id id = is_user ? pair->user : pair->item;
    if (mf_id_valid(id.bytes, id.n_bytes))
        return true;
    const bool csv = inference->request_format == MF_INFERENCE_CSV;
    return mf_place_fail(err, MF_ERR_PARSE, pair->place,
                         is_user ? (csv ? "user" : "userId") : (csv ? "movie" : "movieId"),
                         MF_ID_EXPECTED);
}

static bool find_all(const mf_inference *inference, size_t n, uint32_t *users, uint32_t *items,
                     mf_error *err)
{
    const mf_model_parts *parts = inference->parts;
    const size_t stride = mf_model_stride(parts->n_factors); /* 0 without a rating model */
    for (size_t i = 0; i < n; i++) {
        const mf_id id = inference->pairs[i].user;
        users[i] = mf_model_find_user(inference->model, id.bytes, id.n_bytes);
        if (users[i] == MF_INDEX_NONE || stride == 0)
            continue;
        __builtin_prefetch(parts->user_bias + users[i]);
        prefetch_row(parts->user_factors + users[i] * stride, stride);
    }
    for (size_t i = 0; i < n; i++) {
        const mf_id id = inference->pairs[i].item;
        items[i] = mf_model_find_item(inference->model, id.bytes, id.n_bytes);
        if (items[i] == MF_INDEX_NONE || stride == 0)
            continue;
        __builtin_prefetch(parts->item_bias + items[i]);
        prefetch_row(parts->item_factors + items[i] * stride, stride);
    }
    for (size_t i = 0; i < n; i++) {
        const mf_pair *pair = &inference->pairs[i];
        if ((users[i] == MF_INDEX_NONE && !check_id(inference, pair, true, err)) ||
            (items[i] == MF_INDEX_NONE && !check_id(inference, pair, false, err)))
            return false;
    }
    return true;
}

/* A CSV line of two names of columns, which the model knows as ids neither of them: a header that does not
 * begin the body, as in two files that were joined. */
static bool is_header(const mf_inference *inference, const mf_pair *pair)
{
    const mf_model_columns *columns = inference->limits->columns;
    return inference->request_format == MF_INFERENCE_CSV &&
           mf_model_columns_find(columns, pair->user) +
                   mf_model_columns_find(columns, pair->item) ==
               MF_MODEL_COLUMN_USER + MF_MODEL_COLUMN_ITEM;
}

/* In a batch job such a line has a header as its response, so that lines correspond. */
static bool respond_to_header(mf_inference *inference, const mf_pair *pair, mf_error *err)
{
    if (!inference->limits->batch)
        return mf_place_fail(err, MF_ERR_PARSE, pair->place, NULL,
                             "a header: it may only be the first line");
    mf_response_no_instance(inference, true);
    return true;
}

bool mf_pairs_respond(mf_inference *inference, mf_error *err)
{
    const size_t n = inference->n_pairs;
    const bool has_ratings = mf_recommender_has_ratings(inference->recommender);
    uint32_t users[MF_PAIRS];
    uint32_t items[MF_PAIRS];
    size_t n_users = n;
    size_t n_unknown_users = 0;
    size_t n_unknown_items = 0;
    if (!find_all(inference, n, users, items, err) || (n > 0 && !mf_reject_rating(inference, err)))
        return false;
    for (size_t i = 0; i < n; i++) {
        const mf_pair *pair = &inference->pairs[i];
        mf_rating_response response = {.known_user = users[i] != MF_INDEX_NONE,
                                       .known_item = items[i] != MF_INDEX_NONE};
        if (!response.known_user && !response.known_item && is_header(inference, pair)) {
            if (!respond_to_header(inference, pair, err))
                return false;
            n_users--;
            continue;
        }
        n_unknown_users += !response.known_user;
        n_unknown_items += !response.known_item;
        response.rejected = !has_ratings || (inference->limits->strict &&
                                             !(response.known_user && response.known_item));
        if (!response.known_user && !mf_reject_unknown(inference, "userId", pair->user, err))
            return false;
        if (!response.known_item && !mf_reject_unknown(inference, "movieId", pair->item, err))
            return false;
        if (!response.rejected)
            response.predicted_rating = mf_model_predict(inference->model, users[i], items[i]);
        mf_response_begin(inference);
        mf_response_rating(inference, &response);
        mf_response_end(inference);
    }
    inference->counts.n_users += n_users;
    inference->counts.n_unknown_users += n_unknown_users;
    inference->counts.n_unknown_items += n_unknown_items;
    inference->n_pairs = 0;
    inference->n_pair_bytes = 0;
    return true;
}
