/* kinesis.h: one connection to Kinesis for one call at a time, and the JSON of its responses.
 *
 * (1) Speaks JSON over plain HTTP/1.1 to the address of the setting `kinesis`: a stand-in on
 *     this machine. The Authorization header has the shape of a signature and is none.
 * (2) Failed calls are not retried, except as `local/client.h` says: every operation used here may
 *     be called twice.
 * (3) A response of another shape than documented is rejected as a whole.
 *
 * Threads: one; the readers: any. */
#ifndef MF_LOCAL_EVENTSOURCE_KINESIS_H
#define MF_LOCAL_EVENTSOURCE_KINESIS_H

#include "base/error.h"
#include "base/text.h"
#include "local/client.h"
#include "local/eventsource/record.h"

enum { MF_LOCAL_KINESIS_RESPONSE_BYTES = 32 << 20, MF_LOCAL_KINESIS_CODE_BYTES = 96 };

/* A client for calls of Kinesis. NULL without memory. Connects with the first call. settings must
 * outlive it. */
MF_MUST_CHECK mf_local_client *mf_local_kinesis_connect(struct event_base *base,
                                                        const mf_local_settings *settings);

/* operation: "GetRecords"; body: JSON, freed here. done is called once, never before this
 * returns. False without memory, or while a call is under way. */
MF_MUST_CHECK bool mf_local_kinesis_call(mf_local_client *client, const mf_local_settings *settings,
                                         const char *operation, mf_text *body,
                                         mf_local_client_done *done, void *context);

/* True when the same call may succeed later: no response, throttled, 5xx. */
bool mf_local_kinesis_is_transient(const mf_local_client_response *response);

/* Before the call is made again, when n_failures have failed in a row, n_failures > 0:
 * 0.1 s, then twice as much each time, up to 5 s. */
double mf_local_kinesis_wait_s(uint32_t n_failures);

/* For logs: "ProvisionedThroughputExceededException", "no response", "status 503". Returns text. */
char *mf_local_kinesis_reason(const mf_local_client_response *response,
                              char text[MF_LOCAL_KINESIS_CODE_BYTES]);

/* The code of {"__type":"prefix#ExpiredIteratorException", …}; "" when there is none. */
void mf_local_kinesis_read_code(const char *body, size_t n, char code[MF_LOCAL_KINESIS_CODE_BYTES]);

/* The iterator of GetShardIterator, zero-terminated. */
MF_MUST_CHECK bool mf_local_kinesis_read_iterator(const char *body, size_t n, mf_text *iterator);

typedef struct mf_local_kinesis_records {
    uint32_t n;
    bool has_next; /* else the shard is at its end */
    bool has_more; /* records can be read at once  */
} mf_local_kinesis_records;

/* GetRecords: calls put for each record, in order; iterator becomes the next one, which is empty
 * at a shard's end. False also when put returns false; put keeps what it was given before. */
MF_MUST_CHECK bool mf_local_kinesis_read_records(
    const char *body, size_t n, mf_text *iterator, mf_local_kinesis_records *records,
    bool (*put)(void *context, const mf_local_record_fields *fields), void *context);

enum { MF_LOCAL_SHARD_ID_BYTES = 129 };

typedef struct mf_local_kinesis_shard {
    const char *id;
    const char *parents[2]; /* NULL: none */
} mf_local_kinesis_shard;

/* ListShards: calls put for each shard; next is the NextToken, empty at the end. */
MF_MUST_CHECK bool mf_local_kinesis_read_shards(const char *body, size_t n, mf_text *next,
                                                bool (*put)(void *context,
                                                            const mf_local_kinesis_shard *shard),
                                                void *context);

#endif
