/* handler.h: the function from an event to the response, without a log or an environment of its
 * own; Redis and the dead letter stream are its caller's.
 *
 * (1) A record that is no event is a dead letter: counted, logged and, when there is a stream for
 *     it, put there. One that cannot be put for now has to come again; one that can never be put is
 *     lost and counted.
 * (2) The response names the lowest record that has to come again; Lambda sends it and all later
 *     ones. What was stored stays as it is when it comes again (cache/feedback.h). When nothing at
 *     all was done, the invocation fails with the reason.
 *
 * Threads: one for each handler. */
#ifndef MF_LAMBDA_FEEDBACK_HANDLER_H
#define MF_LAMBDA_FEEDBACK_HANDLER_H

#include "lambda/aws/kinesis.h"
#include "lambda/feedback/profiles.h"

/* Zeroed but for settings, put, context and those of profiles. */
typedef struct mf_feedback_handler {
    const mf_feedback_settings *settings;
    /* Puts records on a stream, as mf_aws_kinesis_put_records does. */
    bool (*put)(void *context, const mf_aws_kinesis_put *put, mf_aws_kinesis_tally *tally,
                mf_aws_failure *failure);
    void *context;
    mf_feedback_profiles profiles;

    mf_feedback_batch batch;
    mf_text out; /* dead letters */
    mf_aws_kinesis_record *records;
    size_t records_capacity;
} mf_feedback_handler;

/* Appends the response to the empty `response`. False: the invocation fails with *err.
 * *outcome is filled either way. */
MF_MUST_CHECK bool mf_feedback_handle(mf_feedback_handler *handler,
                                      const mf_lambda_invocation *invocation, mf_text *response,
                                      mf_feedback_outcome *outcome, mf_error *err);

void mf_feedback_handler_free(mf_feedback_handler *handler);

#endif
