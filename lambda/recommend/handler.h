/* handler.h: recommend from an event to the response, without sockets, a log or an environment of
 * its own.
 *
 *     decode.h ─▶ lookup.h ─▶ score.h ─▶ emit.h
 *
 * (1) The recommendations for one user, wanted by several requests, are looked up once.
 * (2) A record that is no request, one that the model rejects, and one whose result is longer than
 *     a record of a stream, is a dead letter: counted, logged and, when there is a stream for it,
 *     put there.
 * (3) The first request that cannot be answered for now ends the batch: results before it are put,
 *     results after it are not, and the response names its record. When it is the very first, and
 *     nothing at all was done, the invocation fails with *err.
 * (4) A request that was answered before (answered.h), or is in the batch before, is passed
 *     over. It is done when that one is.
 * (5) In a test run nothing is put and nothing remembered; the response has the results.
 * (6) A batch whose lists would have more than MF_RECOMMEND_LISTED_MOST items together is handled
 *     in parts, one after the other: a producer that packs many records into one may ask for
 *     gigabytes.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_RECOMMEND_HANDLER_H
#define MF_LAMBDA_RECOMMEND_HANDLER_H

#include "lambda/recommend/decode.h"
#include "lambda/recommend/emit.h"
#include "lambda/recommend/score.h"

enum { MF_RECOMMEND_LISTED_MOST = 1 << 20 /* ids, of 8 to 16 bytes mostly */ };

/* Zeroed but for settings, answered, scorer and cache of scoring, and the callbacks of emitter,
 * which are borrowed. */
typedef struct mf_recommend_handler {
    const mf_recommend_settings *settings;
    mf_recommend_answered *answered;
    mf_recommend_batch batch;
    mf_recommend_lookups lookups;
    mf_recommend_scoring scoring;
    mf_recommend_emitter emitter;
} mf_recommend_handler;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
bool mf_recommend_handle(mf_recommend_handler *handler, const mf_lambda_invocation *invocation,
                         mf_text *response, mf_recommend_outcome *outcome, mf_error *err);

/* Gives back its own memory. */
void mf_recommend_handler_free(mf_recommend_handler *handler);

#endif
