/* kinesis.h: a line to Kinesis: one connection, one call at a time.
 *
 * (1) Speaks JSON over plain HTTP/1.1 to the address of the setting `kinesis`: a stand-in on
 *     this machine. The Authorization header has the shape of a signature and is none.
 * (2) Nothing is tried again, except that a call on a kept connection which ends without an
 *     answer is made once more on a new one: only calls that may be made twice go here.
 *
 * libevent's evhttp is the client. Threads: one. */
#ifndef MF_LOCAL_KINESIS_H
#define MF_LOCAL_KINESIS_H

#include "base/text.h"
#include "settings.h"

struct event_base;

typedef struct mf_kinesis mf_kinesis;

enum { MF_KINESIS_ANSWER_BYTES = 32 << 20, MF_KINESIS_CODE_BYTES = 96 };

/* Valid while done runs. */
typedef struct mf_kinesis_answer {
    int status;       /* HTTP's; 0: there was none                              */
    bool is_too_long; /* more than MF_KINESIS_ANSWER_BYTES                      */
    const char *code; /* of an error: "ExpiredIteratorException"; "" if unknown */
    const char *body;
    size_t n_body;
} mf_kinesis_answer;

typedef void mf_kinesis_done(void *context, const mf_kinesis_answer *answer);

/* NULL without memory. Connects to nobody yet. settings must outlive it. */
mf_kinesis *mf_kinesis_create(struct event_base *base, const mf_local_settings *settings);

/* A call under way is given up: its done is not called. NULL is fine. Not from within done. */
void mf_kinesis_destroy(mf_kinesis *kinesis);

/* operation: "GetRecords"; body: JSON, taken over. done is called once, never before this
 * returns. False without memory, or while a call is under way. */
bool mf_kinesis_call(mf_kinesis *kinesis, const char *operation, mf_text *body,
                     mf_kinesis_done *done, void *context);

/* True when the same call may go well later: no answer, throttled, 5xx. */
bool mf_kinesis_is_transient(const mf_kinesis_answer *answer);

/* Before the call is made again, when n_failures have failed in a row, n_failures > 0:
 * 100 ms, then twice as much each time, up to 5 s. */
uint32_t mf_kinesis_wait_ms(uint32_t n_failures);

/* For logs: "ProvisionedThroughputExceededException", "no answer", "status 503". Returns text. */
enum { MF_KINESIS_REASON_BYTES = 128 };
char *mf_kinesis_reason(const mf_kinesis_answer *answer, char text[MF_KINESIS_REASON_BYTES]);

#endif
