/* response.c: writes the response in the format that was asked for, and decides what is rejected. */
#include "inference/state.h"

bool mf_answer_check(const mf_inference *inference, mf_question_kind kind, mf_error *err)
{
    if (inference->reply != MF_INFERENCE_CSV || kind == MF_QUESTION_RATING)
        return true;
    return mf_fail(err, MF_ERR_NOT_ACCEPTABLE, MF_NOWHERE,
                   "text/csv carries predicted ratings only; ask for application/json");
}

bool mf_refuse_unknown(const mf_inference *inference, const char *field, mf_id id, mf_error *err)
{
    if (!inference->limits->strict || !inference->single)
        return true;
    char shown[64];
    return mf_fail(err, MF_ERR_UNKNOWN, MF_NOWHERE, "%s \"%s\" is not in the training data", field,
                   mf_printable(shown, sizeof shown, id.bytes, id.n_bytes));
}

bool mf_refuse_rating(const mf_inference *inference, mf_error *err)
{
    return mf_recommender_has_ratings(inference->recommender) || !inference->single ||
           mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "this model was trained without ratings: it can recommend and find similar "
                   "items, not predict a rating");
}

static bool has_envelope(const mf_inference *inference)
{
    return inference->reply == MF_INFERENCE_JSON && !inference->single;
}

static void open_envelope(mf_inference *inference)
{
    if (!inference->opened && has_envelope(inference))
        mf_text_literal(inference->answer, "{\"predictions\":[");
    inference->opened = true;
}

void mf_answer_begin(mf_inference *inference)
{
    if (!inference->opened)
        open_envelope(inference);
    else if (has_envelope(inference))
        mf_text_literal(inference->answer, ",");
}

static void end_entry(mf_inference *inference)
{
    if (inference->reply != MF_INFERENCE_JSON)
        mf_text_literal(inference->answer, "\n");
}

void mf_answer_end(mf_inference *inference)
{
    end_entry(inference);
    inference->n_answered++;
}

void mf_answer_rating(mf_inference *inference, const mf_rating_answer *answer)
{
    mf_text *text = inference->answer;
    if (inference->reply == MF_INFERENCE_CSV) {
        if (answer->refused)
            mf_text_literal(text, "\"\"");
        else
            mf_text_float(text, answer->predicted_rating);
        return;
    }
    mf_text_literal(text, "{\"predicted_rating\":");
    if (answer->refused)
        mf_text_literal(text, "null");
    else
        mf_text_float(text, answer->predicted_rating);
    if (!answer->known_user)
        mf_text_literal(text, ",\"known_user\":false");
    if (!answer->known_item)
        mf_text_literal(text, ",\"known_item\":false");
    mf_text_literal(text, "}");
}

void mf_answer_header(mf_inference *inference)
{
    mf_answer_begin(inference);
    if (inference->reply == MF_INFERENCE_CSV)
        mf_text_literal(inference->answer, "predicted_rating");
    else
        mf_text_literal(inference->answer, "{\"predicted_rating\":null}");
    end_entry(inference);
}

void mf_answer_finish(mf_inference *inference)
{
    open_envelope(inference);
    if (has_envelope(inference))
        mf_text_literal(inference->answer, "]}");
}
