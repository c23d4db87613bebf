/* kinesis.h: PutRecords, until every record is on the stream (docs/lambda.md, 4.6).
 *
 * The client is one of service MF_AWS_KINESIS.
 *
 * (1) A call has at most MF_AWS_KINESIS_CALL_RECORDS records and a body of at most
 *     MF_AWS_KINESIS_CALL_BYTES.
 * (2) A call may fail for some of its records. Only those are sent again, in their order, after
 *     a growing wait (failure.h's backoff from 50 ms to 5 s), until they are written or the
 *     deadline comes. A call that fails as a whole is retried as client.h says.
 * (3) With keep_order, records of one key are on the stream in the order of the array. Kinesis
 *     keeps no order within a call, and the first of two records may fail alone; so two records
 *     of one key are never in one call, and a record that is not written delays the later ones
 *     of its key.
 * (4) Only records that were certainly written are marked. When a call fails as a whole, or its
 *     response is invalid, none of its records is marked; one may be on the stream all the same,
 *     and twice when it is put again. Readers recognize a duplicate by an id in the record.
 *
 * Threads: one for each client. */
#ifndef MF_LAMBDA_AWS_KINESIS_H
#define MF_LAMBDA_AWS_KINESIS_H

#include "lambda/aws/client.h"

enum {
    MF_AWS_KINESIS_CALL_RECORDS = 500,
    MF_AWS_KINESIS_CALL_BYTES = 5 << 20,
    MF_AWS_KINESIS_KEY_CHARACTERS = 256,
    MF_AWS_KINESIS_RECORD_BYTES = 1 << 20, /* key and data: what a stream takes unless set higher */
    MF_AWS_KINESIS_FIRST_WAIT_MS = 50,
    MF_AWS_KINESIS_LONGEST_WAIT_MS = 5000,
};

/* Bytes are borrowed; the key is UTF-8 of 1 to 256 characters. */
typedef struct mf_aws_kinesis_record {
    const char *key;
    size_t n_key;
    const char *data;
    size_t n_data;
    bool is_written; /* out */
} mf_aws_kinesis_record;

typedef struct mf_aws_kinesis_put {
    const char *stream; /* its name, or its ARN */
    mf_aws_kinesis_record *records;
    size_t n_records;
    int64_t deadline_ms; /* wall clock; 0: none, throttled records are then retried for ever */
    bool keep_order;
} mf_aws_kinesis_put;

typedef struct mf_aws_kinesis_tally {
    size_t n_written;
    size_t n_refused; /* failed records of all responses; mostly throttled */
    uint32_t n_calls;
} mf_aws_kinesis_tally;

/* A name of 1 to 128 letters, digits, '_', '.' and '-', or arn:…:kinesis:…:stream/name. */
MF_MUST_CHECK bool mf_aws_kinesis_stream_check(const char *stream, mf_error *err);

/* Puts the records that are not yet marked as written. False: *failure has the last reason why
 * a record is not written; the marked records are written all the same. An invalid key or size
 * is MF_AWS_LOCAL or MF_AWS_TOO_LARGE, and nothing is sent. */
MF_MUST_CHECK bool mf_aws_kinesis_put_records(mf_aws_client *client, const mf_aws_kinesis_put *put,
                                              mf_aws_kinesis_tally *tally, mf_aws_failure *failure);

/* The same as a callback, whose context is the mf_aws_client. */
MF_MUST_CHECK bool mf_aws_kinesis_put_by(void *client, const mf_aws_kinesis_put *put,
                                         mf_aws_kinesis_tally *tally, mf_aws_failure *failure);

#endif
