/* response.c: writes responses in JSON, JSON Lines or CSV, and rejects what strict mode or the
 * model does not allow. */
#include "inference/state.h"

bool mf_response_check(const mf_inference *inference, mf_instance_kind kind, mf_error *err)
{
    if (inference->response_format != MF_INFERENCE_CSV || kind == MF_INSTANCE_RATING)
        return true;
    return mf_fail(err, MF_ERR_NOT_ACCEPTABLE, MF_NOWHERE,
                   "text/csv carries predicted ratings only; accept application/json");
}

bool mf_reject_unknown(const mf_inference *inference, const char *field, mf_id id, mf_error *err)
{
    if (!inference->limits->strict || !inference->single)
        return true;
    char shown[64];
    return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE, "%s \"%s\" is not in the training data", field,
                   mf_printable(shown, sizeof shown, id.bytes, id.n_bytes));
}

bool mf_reject_rating(const mf_inference *inference, mf_error *err)
{
    return mf_recommender_has_ratings(inference->recommender) || !inference->single ||
           mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "this model was trained without ratings: it can recommend and find similar "
                   "items, not predict a rating");
}

static bool has_envelope(const mf_inference *inference)
{
    return inference->response_format == MF_INFERENCE_JSON && !inference->single;
}

static void open_envelope(mf_inference *inference)
{
    if (!inference->opened && has_envelope(inference))
        mf_text_literal(inference->response, "{\"predictions\":[");
    inference->opened = true;
}

void mf_response_begin(mf_inference *inference)
{
    if (!inference->opened)
        open_envelope(inference);
    else if (has_envelope(inference))
        mf_text_literal(inference->response, ",");
}

static void end_entry(mf_inference *inference)
{
    if (inference->response_format != MF_INFERENCE_JSON)
        mf_text_literal(inference->response, "\n");
}

void mf_response_end(mf_inference *inference)
{
    end_entry(inference);
    inference->counts.n_responses++;
}

void mf_response_rating(mf_inference *inference, const mf_rating_response *response)
{
    mf_text *text = inference->response;
    if (inference->response_format == MF_INFERENCE_CSV) {
        if (response->rejected)
            mf_text_literal(text, "\"\"");
        else
            mf_text_float(text, response->predicted_rating);
        return;
    }
    mf_text_literal(text, "{\"predicted_rating\":");
    if (response->rejected)
        mf_text_literal(text, "null");
    else
        mf_text_float(text, response->predicted_rating);
    if (!response->known_user)
        mf_text_literal(text, ",\"known_user\":false");
    if (!response->known_item)
        mf_text_literal(text, ",\"known_item\":false");
    mf_text_literal(text, "}");
}

void mf_response_no_instance(mf_inference *inference, bool header)
{
    mf_response_begin(inference);
    if (inference->response_format == MF_INFERENCE_CSV && header)
        mf_text_literal(inference->response, "predicted_rating");
    else
        mf_response_rating(
            inference,
            &(mf_rating_response){.known_user = true, .known_item = true, .rejected = true});
    end_entry(inference);
}

void mf_response_finish(mf_inference *inference)
{
    open_envelope(inference);
    if (has_envelope(inference))
        mf_text_literal(inference->response, "]}");
}
