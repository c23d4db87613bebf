/* handler.c: events into Redis, then the records that are none. */
#include "lambda/feedback/handler.h"

#include "base/clock.h"
#include "base/grow.h"

enum { BYTES_KEPT = 1 << 20 };

/* One record for each dead letter. */
static bool write_dead_letters(mf_feedback_handler *h, mf_error *err)
{
    const mf_feedback_batch *b = &h->batch;
    mf_text_clear(&h->out, BYTES_KEPT);
    if (!MF_GROW(h->records, h->records_capacity, b->n_dead, "dead letters", err))
        return false;
    for (size_t i = 0; i < b->n_dead; i++) {
        const mf_stream_dead_letter letter = mf_feedback_dead_letter(b, &b->dead[i]);
        const mf_id key = mf_stream_dead_letter_key(letter.record);
        const size_t from = h->out.n_bytes;
        mf_stream_dead_letter_write(&h->out, &letter);
        h->records[i] = (mf_aws_kinesis_record){
            .key = key.bytes, .n_key = key.n_bytes, .n_data = h->out.n_bytes - from};
    }
    if (h->out.failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for dead letters");
    size_t at = 0;
    for (size_t i = 0; i < b->n_dead; i++) {
        h->records[i].data = h->out.bytes + at;
        at += h->records[i].n_data;
    }
    return true;
}

/* (1) */
static bool emit_dead_letters(mf_feedback_handler *h, const mf_lambda_invocation *invocation,
                              mf_feedback_outcome *outcome, mf_error *err)
{
    mf_feedback_batch *b = &h->batch;
    const char *stream = h->settings->dead_letter_stream;
    mf_aws_kinesis_tally tally;
    mf_aws_failure failure;
    for (size_t i = 0; i < b->n_dead; i++) {
        const mf_stream_dead_letter letter = mf_feedback_dead_letter(b, &b->dead[i]);
        mf_stream_dead_letter_log(&letter);
        b->dead[i].is_done = stream[0] == '\0';
    }
    if (stream[0] == '\0' || b->n_dead == 0)
        return true;
    if (!write_dead_letters(h, err))
        return false;
    const mf_aws_kinesis_put put = {
        .stream = stream,
        .records = h->records,
        .n_records = b->n_dead,
        .deadline_ms = mf_clock_wall_ms() + mf_lambda_budget_ms(invocation, h->settings->margin_ms),
    };
    const bool ok = h->put(h->context, &put, &tally, &failure);
    const bool is_lost = !ok && mf_aws_failure_is_permanent(&failure);
    for (size_t i = 0; i < b->n_dead; i++) {
        b->dead[i].is_done = h->records[i].is_written || is_lost;
        outcome->n_dead_lost += is_lost && !h->records[i].is_written;
    }
    if (is_lost)
        outcome->dead_failure = failure.error;
    else if (!ok && outcome->failure.code == MF_OK)
        outcome->failure = failure.error;
    return true;
}

/* (2) */
static bool respond(mf_feedback_handler *h, mf_text *response, mf_feedback_outcome *outcome,
                    mf_error *err)
{
    mf_stream_response failures = {.state = NULL};
    outcome->n_failed = mf_feedback_batch_fail(&h->batch, &failures);
    if (outcome->n_failed > 0 && outcome->n_failed == h->batch.n_items + h->batch.n_dead)
        return mf_fail(err, outcome->failure.code, MF_NOWHERE, "%s", outcome->failure.text);
    mf_stream_response_write(&failures, response);
    return true;
}

bool mf_feedback_handle(mf_feedback_handler *handler, const mf_lambda_invocation *invocation,
                        mf_text *response, mf_feedback_outcome *outcome, mf_error *err)
{
    *outcome = (mf_feedback_outcome){.n_records = 0};
    return mf_feedback_batch_read(&handler->batch, invocation, outcome, err) &&
           mf_feedback_profiles_store(&handler->profiles, &handler->batch, invocation, outcome,
                                      err) &&
           emit_dead_letters(handler, invocation, outcome, err) &&
           respond(handler, response, outcome, err);
}

void mf_feedback_handler_free(mf_feedback_handler *handler)
{
    mf_feedback_batch_free(&handler->batch);
    mf_feedback_profiles_free(&handler->profiles);
    mf_text_free(&handler->out);
    mf_free(handler->records);
}
