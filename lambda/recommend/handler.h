/* handler.h: from an event of the stream to answers on another stream, without sockets, a log
 * or an environment of its own.
 *
 *     event ─▶ records ─▶ requests ─▶ wishes ─▶ cache ─▶ scorer ─▶ results ─▶ put
 *      (streams/batch.h, payload.h)  (request.h)  (wish.h)   (scorer.h)  (result.h)
 *
 * (1) What one user is wished by several requests is asked for once.
 * (2) A record that is no request, one that the model refuses, and one whose answer is longer
 *     than a stream's records may be, is a dead letter: counted, handed to `said` and, when
 *     there is a stream for it, put there. It comes again only when
 *     that stream does not take it for now; one that it will never take (there is no such
 *     stream, say) is lost and counted, or it would hold up its shard.
 * (3) Of the requests that could not be answered for now the first ends the batch: what
 *     stands before it is put, what stands behind it is not, and the reply names its record.
 *     When it is the very first, and nothing at all was done, the invocation fails with *err.
 * (4) A request that was answered before (answered.h), or stands in the batch before, is
 *     passed over. It is remembered when its answer is on the stream, not before; one that
 *     stands in the batch twice is done when the first is.
 * (5) Answers are put with the user as partition key, in the order of their requests
 *     (aws/kinesis.h).
 * (6) The cache is asked by the version of the model (scorer.h). When that is not known the
 *     first wish is answered by the scorer, which tells it. Whatever becomes of the cache,
 *     wishes are answered.
 * (7) With test_run nothing is put and nothing remembered; the response is
 *     {"predictions":[…],"rejected":[…],"batchItemFailures":[]}.
 * (8) A batch whose lists would have more than MF_RECOMMEND_LISTED_MOST items together is
 *     answered and put in parts, one after the other: a record of a producer that packs many
 *     into one may ask for gigabytes.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_RECOMMEND_HANDLER_H
#define MF_LAMBDA_RECOMMEND_HANDLER_H

#include "cache/session.h"
#include "lambda/aws/kinesis.h"
#include "lambda/recommend/answered.h"
#include "lambda/recommend/result.h"
#include "lambda/recommend/scorer.h"
#include "lambda/recommend/settings.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/batch.h"
#include "lambda/streams/payload.h"

enum { MF_RECOMMEND_LISTED_MOST = 1 << 20 /* ids, of 8 to 16 bytes mostly */ };

/* How a batch went, for log and metrics. */
typedef struct mf_recommend_outcome {
    size_t n_records;  /* of the event                                                */
    size_t n_requests; /* in them, dead letters not counted                           */
    size_t n_answered; /* answers that are on the stream (or returned, in a test run) */
    size_t n_from_cache;
    size_t n_computed;
    size_t n_repeated; /* requests that had been answered, or stood in the batch, before */
    size_t n_dead;
    size_t n_failed; /* requests that are to come again                     */
    double cache_ms, score_ms, put_ms;
    double oldest_ms; /* age of the oldest record when the batch came; 0: not told    */
    mf_kinesis_tally tally;
    size_t n_unanswered;   /* requests that nobody had an answer to           */
    size_t n_unwritten;    /* answers and dead letters that a stream did not take */
    size_t n_dead_lost;    /* dead letters that their stream will never take          */
    mf_error failure;      /* why requests are to come again; else MF_OK              */
    mf_error dead_failure; /* why dead letters are lost; else MF_OK                   */
    bool asked_scorer;
} mf_recommend_outcome;

typedef struct mf_recommend_item mf_recommend_item;

/* What a handler works with; zeroed but for the part above the line. */
typedef struct mf_recommend_handler {
    const mf_recommend_settings *settings;
    const mf_scorer *scorer;
    mf_cache_session *cache; /* NULL: there is none                          */
    mf_answered *answered;

    /* Puts records on a stream, as mf_kinesis_put_records does. */
    bool (*put)(void *context, const mf_kinesis_put *put, mf_kinesis_tally *tally,
                mf_aws_failure *failure);
    /* Is told of a dead letter; NULL: nobody. */
    void (*said)(void *context, const mf_dead_letter *letter);
    void *context;

    /* ------------------------------------------------------------------------------ */
    mf_stream_batch batch;
    mf_stream_payload payload;
    mf_recommend_item *items; /* [n_items] user records, in their order */
    size_t n_items, items_room;
    mf_text kept;    /* bytes of requests and dead letters */
    mf_text reasons; /* of dead letters */
    mf_wishes wishes;
    uint32_t *slots; /* [n_slots], a power of two: 1 + index of an item, by its key */
    size_t n_slots, slots_room;
    mf_wish **chosen; /* [wishes.n] */
    mf_cache_key *keys;
    mf_cache_entry *entries;
    mf_kinesis_record *outgoing;
    size_t *outgoing_item; /* whose record it is */
    size_t chosen_room, keys_room, entries_room, outgoing_room, outgoing_item_room;
    mf_text out;
} mf_recommend_handler;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
bool mf_recommend_handle(mf_recommend_handler *handler, const mf_invocation *invocation,
                         mf_text *response, mf_recommend_outcome *outcome, mf_error *err);

/* Gives back what it kept; what stands above the line is the caller's. */
void mf_recommend_handler_free(mf_recommend_handler *handler);

#endif
