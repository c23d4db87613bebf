/* handler.h: the function from an event to the response, without sockets, a log or an environment of
 * its own.
 *
 *     decode.h ─▶ lookup.h ─▶ score.h ─▶ emit.h
 *
 * (1) The recommendations for one user that several requests want are looked up once.
 * (2) These become dead letters: a record that is not a request, a request that the model rejects,
 *     and one whose result is longer than a record of a stream. A dead letter is counted, logged
 *     and, when there is a stream for it, put there.
 * (3) The first request that fails for now ends the batch: results before it are put, later ones
 *     are not, and the response names its record. When nothing at all was done, the invocation
 *     fails with *err.
 * (4) A request that is remembered (remembered.h) or a duplicate is passed over. A duplicate is
 *     done when its original is.
 * (5) In a test run nothing is put and nothing is remembered; the response has the results.
 * (6) A batch whose lists would have more than MF_RECOMMEND_LISTED_MOST items together is handled
 *     in parts, one after the other: a producer that packs many records into one may request
 *     gigabytes.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_RECOMMEND_HANDLER_H
#define MF_LAMBDA_RECOMMEND_HANDLER_H

#include "lambda/recommend/decode.h"
#include "lambda/recommend/emit.h"
#include "lambda/recommend/score.h"

enum {
    MF_RECOMMEND_LISTED_MOST = 1 << 20, /* ids, of 8 to 16 bytes mostly */
    MF_RECOMMEND_EVENTS_LISTED = 500,   /* a user's events are as long as this many ids */
};

/* Zeroed but for settings, remembered, scorer and cache of scoring, and the callbacks of emitter,
 * which are borrowed. */
typedef struct mf_recommend_handler {
    const mf_recommend_settings *settings;
    mf_recommend_remembered *remembered;
    mf_recommend_batch batch;
    mf_recommend_lookups lookups;
    mf_recommend_scoring scoring;
    mf_recommend_emitter emitter;
} mf_recommend_handler;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
MF_MUST_CHECK bool mf_recommend_handle(mf_recommend_handler *handler,
                                       const mf_lambda_invocation *invocation, mf_text *response,
                                       mf_recommend_outcome *outcome, mf_error *err);

/* Gives back its own memory. */
void mf_recommend_handler_free(mf_recommend_handler *handler);

#endif
