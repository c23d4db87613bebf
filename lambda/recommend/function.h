/* function.h: the function as the runtime runs it: the handler with a real stream, a real
 * cache, whoever knows the model, a log and metrics.
 *
 * (1) start reads settings and, when it is to answer by itself, the model; anything wrong
 *     there is one sentence. It connects to nobody else.
 * (2) A dead letter is one line of the log (WARN, "dead_letter") with sequence number and
 *     reason and no word of the record.
 * (3) Requests that are to come again are one line (WARN, "come_again") with the reason and
 *     how many they are; dead letters that are lost are one too (ERROR, "dead_letters_lost").
 * (4) Each batch is one line of metrics, namespace Recommender, dimension Function=recommend:
 *     Latency, CacheLatency, ModelLatency, PutLatency, RecordAge (ms); Records, Answers,
 *     CacheHits, CacheMisses, Repeated, PutRetries, Failed (count: they come again) and what
 *     went wrong, by kind: DeadLetters, DeadLettersLost, ModelErrors, StreamErrors, CacheErrors.
 *
 * Threads: the runtime's. */
#ifndef MF_LAMBDA_RECOMMEND_FUNCTION_H
#define MF_LAMBDA_RECOMMEND_FUNCTION_H

#include "lambda/model/model_source.h"
#include "lambda/recommend/handler.h"

/* Zeroed before start. */
typedef struct mf_recommend_function {
    mf_recommend_settings settings;
    mf_cache_settings cache_settings;
    mf_aws_client *kinesis;        /* NULL in a test run */
    mf_aws_client *s3;             /* NULL when the model is elsewhere, or in a file */
    mf_lambda_model_source *model; /* NULL when it is elsewhere                      */
    mf_cache *cache;
    mf_scorer scorer;
    mf_recommend_handler handler;
    uint64_t n_cache_errors; /* that metrics have told */
} mf_recommend_function;

bool mf_recommend_start(void *context, mf_error *err);

bool mf_recommend_event(void *context, const mf_lambda_invocation *invocation, mf_text *response,
                        mf_error *err);

void mf_recommend_finish(void *context);

#endif
