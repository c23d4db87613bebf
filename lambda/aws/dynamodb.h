/* dynamodb.h: UpdateItem and BatchWriteItem of DynamoDB (docs/lambda.md, 4.7).
 *
 *     mf_aws_dynamodb_update_start(&update, "ratings");
 *     mf_aws_dynamodb_update_key(&update, "movieId", MF_AWS_DYNAMODB_TEXT, id);
 *     mf_aws_dynamodb_update_add(&update, "count", (mf_id){"12", 2});
 *     mf_aws_dynamodb_update_if_newer(&update, "lastSequence", MF_AWS_DYNAMODB_TEXT, last);
 *     if (!mf_aws_dynamodb_update_run(client, &update, deadline_ms, &result, &failure)) …
 *
 * The client is one of service MF_AWS_DYNAMODB.
 *
 * (1) Expressions name attributes by placeholders, so a reserved word is a valid name.
 * (2) Numbers are passed as text: no digit is lost or added, whatever the locale.
 * (3) A condition that does not hold is not a failure: was_refused is set. A condition that the
 *     update's own success makes false (if_newer) makes the update safe to repeat. It is
 *     repeated after throttling, 5xx, a broken connection or a wrong CRC-32, beyond the
 *     client's three tries until deadline_ms, with waits that grow to
 *     MF_AWS_DYNAMODB_LONGEST_WAIT_MS. A permanent failure (a ValidationException, a missing
 *     table) is not retried.
 * (4) A batch sends its unprocessed items again, after such waits, until none is left. Puts are
 *     idempotent.
 *
 * Threads: one for each client, update and batch. */
#ifndef MF_LAMBDA_AWS_DYNAMODB_H
#define MF_LAMBDA_AWS_DYNAMODB_H

#include "base/id_list.h"
#include "lambda/aws/client.h"

enum {
    MF_AWS_DYNAMODB_BATCH_ITEMS = 25, /* of one call: the service's limit */
    MF_AWS_DYNAMODB_LONGEST_WAIT_MS = 5000,
    MF_AWS_DYNAMODB_NUMBER_BYTES = 64, /* 38 digits, sign, point, exponent */
    MF_AWS_DYNAMODB_WANTED = 8,
};

/* A name of 3 to 255 letters, digits, '_', '.' and '-', or arn:…:dynamodb:…:table/name. */
MF_MUST_CHECK bool mf_aws_dynamodb_table_check(const char *table, mf_error *err);

typedef enum mf_aws_dynamodb_type {
    MF_AWS_DYNAMODB_TEXT,   /* {"S":…}; valid UTF-8 */
    MF_AWS_DYNAMODB_NUMBER, /* {"N":"12.5"}; a decimal number as text */
} mf_aws_dynamodb_type;

/* An UpdateItem under construction. Zero it before its first use; it keeps its memory from
 * update to update. Names are borrowed until the next start. */
typedef struct mf_aws_dynamodb_update {
    const char *table;
    mf_text key, set, add, condition, names, values, body;
    uint32_t n_placeholders;
    uint32_t n_wanted;
    const char *wanted[MF_AWS_DYNAMODB_WANTED];
} mf_aws_dynamodb_update;

void mf_aws_dynamodb_update_start(mf_aws_dynamodb_update *update, const char *table);

/* An attribute of the item's key. */
void mf_aws_dynamodb_update_key(mf_aws_dynamodb_update *update, const char *name,
                                mf_aws_dynamodb_type type, mf_id value);

/* SET name = value. */
void mf_aws_dynamodb_update_set(mf_aws_dynamodb_update *update, const char *name,
                                mf_aws_dynamodb_type type, mf_id value);

/* ADD name number: a missing attribute counts as 0. */
void mf_aws_dynamodb_update_add(mf_aws_dynamodb_update *update, const char *name, mf_id number);

/* Conditions; all of them must hold. if_newer: the attribute is missing or less. */
void mf_aws_dynamodb_update_if_newer(mf_aws_dynamodb_update *update, const char *name,
                                     mf_aws_dynamodb_type type, mf_id value);
void mf_aws_dynamodb_update_if_equal(mf_aws_dynamodb_update *update, const char *name,
                                     mf_aws_dynamodb_type type, mf_id value);

/* The item's number of that name afterwards, into the result's numbers, in the order of these
 * calls; at most MF_AWS_DYNAMODB_WANTED. */
void mf_aws_dynamodb_update_want(mf_aws_dynamodb_update *update, const char *name);

typedef struct mf_aws_dynamodb_result {
    bool was_refused; /* a condition does not hold; nothing was changed */
    char numbers[MF_AWS_DYNAMODB_WANTED][MF_AWS_DYNAMODB_NUMBER_BYTES]; /* "": no such number */
} mf_aws_dynamodb_result;

/* deadline_ms: wall clock; 0: only the client's own tries. */
MF_MUST_CHECK bool mf_aws_dynamodb_update_run(mf_aws_client *client, mf_aws_dynamodb_update *update,
                                              int64_t deadline_ms, mf_aws_dynamodb_result *result,
                                              mf_aws_failure *failure);

void mf_aws_dynamodb_update_free(mf_aws_dynamodb_update *update);

/* A BatchWriteItem under construction. Zero it before its first use; it keeps its memory. Two
 * items of one batch must not have the same key. */
typedef struct mf_aws_dynamodb_puts {
    const char *table;
    mf_text items; /* {"PutRequest":{"Item":{…}}},… */
    size_t n;
} mf_aws_dynamodb_puts;

void mf_aws_dynamodb_puts_start(mf_aws_dynamodb_puts *puts, const char *table);

/* An item, attribute by attribute. At most MF_AWS_DYNAMODB_BATCH_ITEMS between two runs. */
void mf_aws_dynamodb_puts_begin(mf_aws_dynamodb_puts *puts);
void mf_aws_dynamodb_puts_attribute(mf_aws_dynamodb_puts *puts, const char *name,
                                    mf_aws_dynamodb_type type, mf_id value);
void mf_aws_dynamodb_puts_end(mf_aws_dynamodb_puts *puts);

/* Puts the items, if there are any, and empties the batch. */
MF_MUST_CHECK bool mf_aws_dynamodb_puts_run(mf_aws_client *client, mf_aws_dynamodb_puts *puts,
                                            int64_t deadline_ms, mf_aws_failure *failure);

void mf_aws_dynamodb_puts_free(mf_aws_dynamodb_puts *puts);

#endif
