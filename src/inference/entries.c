/* entries.c: the entries of lists as JSON. Items have the name that the request gives them; an item that is in
 * the file of items but has no ratings has attributes and no score. */
#include "inference/state.h"

#include <string.h>

/* The name of ids in entries. */
static mf_id item_word(const mf_inference *inference)
{
    static const mf_id usual = {"movieId", 7};
    const mf_id word = inference->instance.item_word;
    return word.n_bytes > 0 ? word : usual;
}

/* "movieId":"318" */
static void write_item(mf_inference *inference, mf_id id)
{
    const mf_id word = item_word(inference);
    mf_text_json(inference->response, word.bytes, word.n_bytes);
    mf_text_literal(inference->response, ":");
    mf_text_json(inference->response, id.bytes, id.n_bytes);
}

/* ,"because":[{"movieId":"1","share":0.31},…],"popular_share":0.02, or ,"because":"popular" */
static void write_explanation(mf_inference *inference, const mf_explanation *explanation)
{
    mf_text *text = inference->response;
    const bool popular =
        inference->instance.order == MF_ORDER_POPULARITY || !inference->list.profile.known;
    if (popular) {
        mf_text_literal(text, ",\"because\":\"popular\"");
        return;
    }
    mf_text_literal(text, ",\"because\":[");
    for (size_t i = 0; i < explanation->n_reasons; i++) {
        if (i > 0)
            mf_text_literal(text, ",");
        mf_text_literal(text, "{");
        write_item(inference,
                   mf_id_list_get(&inference->parts->items, explanation->reasons[i].item));
        mf_text_literal(text, ",\"share\":");
        mf_text_float(text, explanation->reasons[i].share);
        mf_text_literal(text, "}");
    }
    mf_text_literal(text, "],\"popular_share\":");
    mf_text_float(text, explanation->popular_share);
}

/* {"movieId":"318","score":0.71,"predicted_rating":4.9} or {"movieId":"318","similarity":0.93} */
static void write_entry(mf_inference *inference, const mf_recommendation *entry,
                        const mf_explanation *explanation, size_t *n_unknown)
{
    mf_text *text = inference->response;
    const bool is_list = inference->instance.kind == MF_INSTANCE_LIST;
    const bool known = entry->item != MF_INDEX_NONE;
    const mf_id id = known ? mf_id_list_get(&inference->parts->items, entry->item)
                           : inference->list.unknown[(*n_unknown)++].id;
    mf_text_literal(text, "{");
    write_item(inference, id);
    if (is_list)
        mf_text_literal(text, ",\"score\":");
    else
        mf_text_literal(text, ",\"similarity\":");
    mf_text_float(text, entry->score); /* null for NaN */
    if (is_list && mf_recommender_has_ratings(inference->recommender)) {
        mf_text_literal(text, ",\"predicted_rating\":");
        mf_text_float(text, entry->predicted_rating);
    }
    if (!known)
        mf_text_literal(text, ",\"known_item\":false");
    if (inference->steered.n_with > 0)
        mf_steered_write(
            &inference->steered, inference->parts,
            known ? entry->item : mf_model_find_row(inference->model, id.bytes, id.n_bytes), text);
    if (explanation != NULL)
        write_explanation(inference, explanation);
    mf_text_literal(text, "}");
}

/* {"userId":"7","score":0.81,"predicted_rating":4.2}; the name follows that of the item. */
static void write_user(mf_inference *inference, const mf_recommendation *entry)
{
    mf_text *text = inference->response;
    const mf_id word = item_word(inference);
    const mf_id id = mf_id_list_get(&inference->parts->users, entry->item);
    if (memchr(word.bytes, '_', word.n_bytes) != NULL)
        mf_text_literal(text, "{\"user_id\":");
    else
        mf_text_literal(text, "{\"userId\":");
    mf_text_json(text, id.bytes, id.n_bytes);
    mf_text_literal(text, ",\"score\":");
    mf_text_float(text, entry->score);
    if (mf_recommender_has_ratings(inference->recommender)) {
        mf_text_literal(text, ",\"predicted_rating\":");
        mf_text_float(text, entry->predicted_rating);
    }
    mf_text_literal(text, "}");
}

/* {"user_id":2,"recommendations":[595,318],"count":2 */
static void write_listing(mf_inference *inference, const mf_recommendation *best, size_t n_best,
                          const mf_explanation *explanations)
{
    mf_text *text = inference->response;
    const mf_id user = inference->instance.user.id;
    const bool is_bare = inference->steered.n_with == 0 && explanations == NULL;
    const mf_inference_list list = {.count = (uint32_t)n_best,
                                    .known_user = inference->list.profile.known};
    size_t n_unknown = 0;
    mf_inference_begin_list(text, user.bytes, user.n_bytes);
    mf_text_literal(text, "[");
    for (size_t i = 0; i < n_best; i++) {
        if (i > 0)
            mf_text_literal(text, ",");
        if (is_bare)
            mf_inference_write_id(text, mf_id_list_get(&inference->parts->items, best[i].item));
        else
            write_entry(inference, &best[i], explanations != NULL ? &explanations[i] : NULL,
                        &n_unknown);
    }
    mf_text_literal(text, "]");
    mf_inference_end_list(text, &list);
}

void mf_entries_write(mf_inference *inference, const mf_recommendation *best, size_t n_best,
                      const mf_explanation *explanations)
{
    mf_text *text = inference->response;
    const bool is_list = inference->instance.kind == MF_INSTANCE_LIST;
    const bool is_audience = inference->instance.kind == MF_INSTANCE_AUDIENCE;
    size_t n_unknown = 0;
    mf_response_begin(inference);
    if (inference->is_listing) {
        write_listing(inference, best, n_best, explanations);
        mf_response_end(inference);
        return;
    }
    if (is_list)
        mf_text_literal(text, "{\"recommendations\":[");
    else if (is_audience)
        mf_text_literal(text, "{\"audience\":[");
    else
        mf_text_literal(text, "{\"similar\":[");
    for (size_t i = 0; i < n_best; i++) {
        if (i > 0)
            mf_text_literal(text, ",");
        if (is_audience)
            write_user(inference, &best[i]);
        else
            write_entry(inference, &best[i], explanations != NULL ? &explanations[i] : NULL,
                        &n_unknown);
    }
    mf_text_literal(text, "]");
    if (is_list && !inference->list.profile.known)
        mf_text_literal(text, ",\"known_user\":false");
    if (!is_list && !inference->list.known_item)
        mf_text_literal(text, ",\"known_item\":false");
    mf_text_literal(text, "}");
    mf_response_end(inference);
}

void mf_entries_add_attributes(mf_inference *inference, mf_id item)
{
    mf_text *text = inference->response;
    if (inference->steered.n_with == 0 || inference->response_format == MF_INFERENCE_CSV)
        return;
    text->n_bytes--; /* the } of the rating */
    mf_steered_write(&inference->steered, inference->parts,
                     mf_model_find_row(inference->model, item.bytes, item.n_bytes), text);
    mf_text_literal(text, "}");
}
