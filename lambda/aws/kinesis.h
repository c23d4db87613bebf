/* kinesis.h: PutRecords, until every record is on the stream (docs/lambda.md, 4.6).
 *
 * The client is one of service MF_AWS_KINESIS.
 *
 * (1) A call has at most MF_KINESIS_CALL_RECORDS records and MF_KINESIS_CALL_BYTES of body.
 * (2) A call may fail for some of its records: only those are sent again, in their order,
 *     after a wait that grows (50 ms · 2^i, half of it random), until they are written or
 *     there is no time left. A call that fails as a whole is tried again as client.h has it.
 * (3) Records of one key are on the stream in the order of the array. A call promises
 *     nothing about the order of its records, and of two that it takes together the first
 *     may fail alone: so with keep_order two records of one key are never in one call, and
 *     one that is not written holds back the later ones of its key.
 * (4) Each record that was written is marked, and none else: when a call fails as a whole
 *     or its answer makes no sense, none of its records is. Such a record may be on the
 *     stream all the same, and twice when it is put again: readers go by an id in it.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_KINESIS_H
#define MF_LAMBDA_AWS_KINESIS_H

#include "lambda/aws/client.h"

enum {
    MF_KINESIS_CALL_RECORDS = 500,
    MF_KINESIS_CALL_BYTES = 5 << 20,
    MF_KINESIS_KEY_CHARACTERS = 256,
    MF_KINESIS_RECORD_BYTES = 1 << 20, /* key and data: what a stream takes unless set higher */
    MF_KINESIS_FIRST_WAIT_MS = 50,
    MF_KINESIS_LONGEST_WAIT_MS = 5000,
};

/* Bytes are the caller's; the key is UTF-8 of 1 to 256 characters. */
typedef struct mf_kinesis_record {
    const char *key;
    size_t n_key;
    const char *data;
    size_t n_data;
    bool is_written; /* out */
} mf_kinesis_record;

typedef struct mf_kinesis_put {
    const char *stream; /* its name, or its ARN */
    mf_kinesis_record *records;
    size_t n_records;
    int64_t deadline_ms; /* wall clock; 0: none, and then what is throttled is tried for ever */
    bool keep_order;
} mf_kinesis_put;

typedef struct mf_kinesis_tally {
    size_t n_written;
    size_t n_refused; /* an answer said that a record was not written: throttled, mostly */
    uint32_t n_calls;
} mf_kinesis_tally;

/* A name of 1 to 128 letters, digits, '_', '.' and '-', or arn:…:kinesis:…:stream/name. */
bool mf_kinesis_stream_check(const char *stream, mf_error *err);

/* Puts the records that are not yet marked as written. False: *failure says why those that
 * are not marked are not (the last reason, when there were several); the others count. A key or
 * a size that cannot be is MF_AWS_LOCAL, and nothing is sent. */
bool mf_kinesis_put_records(mf_aws_client *client, const mf_kinesis_put *put,
                            mf_kinesis_tally *tally, mf_aws_failure *failure);

#endif
