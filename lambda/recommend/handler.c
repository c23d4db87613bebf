/* handler.c: the stages in their order, for one part of the batch after the other. */
#include "lambda/recommend/handler.h"

#include "base/clock.h"

/* (6) The next items, as many as have lists of bounded size together; one at least. */
static void next_part(mf_recommend_batch *batch, bool with_events)
{
    const uint32_t n_beside = with_events ? MF_RECOMMEND_EVENTS_LISTED : 0;
    uint64_t n_listed = 0;
    batch->first = batch->end;
    while (batch->end < batch->n_items) {
        const mf_recommend_item *item = &batch->items[batch->end];
        n_listed += item->state == MF_RECOMMEND_PENDING ? item->request.top_n + n_beside : 0;
        if (n_listed > MF_RECOMMEND_LISTED_MOST && batch->end > batch->first &&
            !batch->settings->test_run)
            break;
        batch->end++;
    }
}

/* The invocation fails for the reason for which requests have to come again. */
static bool fail(const mf_recommend_outcome *outcome, mf_error *err)
{
    return mf_fail(err, outcome->failure.code, MF_NOWHERE, "%s", outcome->failure.text);
}

/* (3) */
static bool respond(const mf_recommend_batch *batch, mf_text *response, mf_error *err)
{
    mf_stream_response failures = {.state = NULL};
    size_t n_done = 0;
    for (size_t i = 0; i < batch->n_items; i++) {
        mf_recommend_item *item = &batch->items[i];
        if (item->state == MF_RECOMMEND_DUPLICATE)
            item->is_done = batch->items[item->original].is_done;
        n_done += item->is_done;
        if (item->is_done)
            continue;
        mf_stream_response_fail(&failures, &batch->event.records[item->record]);
        batch->outcome->n_failed++;
    }
    if (batch->outcome->n_failed > 0 && n_done == 0)
        return fail(batch->outcome, err);
    mf_stream_response_write(&failures, response);
    return true;
}

/* (5) */
static bool respond_to_test_run(mf_recommend_handler *h, mf_text *response, mf_error *err)
{
    if (h->batch.usable_end < h->batch.n_items)
        return fail(h->batch.outcome, err);
    mf_recommend_return_results(&h->emitter, &h->batch, response);
    return mf_recommend_emit_dead_letters(&h->emitter, &h->batch, err); /* logs and counts them */
}

bool mf_recommend_handle(mf_recommend_handler *handler, const mf_lambda_invocation *invocation,
                         mf_text *response, mf_recommend_outcome *outcome, mf_error *err)
{
    mf_recommend_handler *h = handler;
    mf_recommend_batch *batch = &h->batch;
    *outcome = (mf_recommend_outcome){.n_records = 0};
    batch->settings = h->settings;
    batch->invocation = invocation;
    batch->outcome = outcome;
    batch->start_s = mf_clock_seconds();
    if (!mf_recommend_decode(batch, err))
        return false;
    do {
        next_part(batch, h->scoring.cache != NULL);
        if (!mf_recommend_look_up(&h->lookups, batch, h->remembered, err) ||
            !mf_recommend_score(&h->scoring, &h->lookups, batch, err) ||
            !mf_recommend_write_results(&h->emitter, batch, &h->lookups, err))
            return false;
        if (h->settings->test_run)
            return respond_to_test_run(h, response, err);
        mf_recommend_put_results(&h->emitter, batch, h->remembered);
        if (!mf_recommend_emit_dead_letters(&h->emitter, batch, err))
            return false;
    } while (batch->end < batch->n_items && outcome->failure.code == MF_OK);
    return respond(batch, response, err);
}

void mf_recommend_handler_free(mf_recommend_handler *handler)
{
    mf_recommend_batch_free(&handler->batch);
    mf_recommend_lookups_free(&handler->lookups);
    mf_recommend_scoring_free(&handler->scoring);
    mf_recommend_emitter_free(&handler->emitter);
}
