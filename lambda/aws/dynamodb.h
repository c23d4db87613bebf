/* dynamodb.h: UpdateItem and BatchWriteItem of DynamoDB (docs/lambda.md, 4.7).
 *
 *     mf_dynamodb_update_start(&update, "ratings");
 *     mf_dynamodb_update_key(&update, "movieId", MF_DYNAMODB_TEXT, id, n_id);
 *     mf_dynamodb_update_add(&update, "count", "12", 2);
 *     mf_dynamodb_update_if_newer(&update, "lastSequence", MF_DYNAMODB_TEXT, number, n_number);
 *     if (!mf_dynamodb_update_run(client, &update, deadline_ms, &outcome, &failure)) …
 *
 * The client is one of service MF_AWS_DYNAMODB.
 *
 * (1) Names in expressions are placeholders, so a reserved word is a name like any other.
 * (2) Numbers are handed over as the text that they are: no digit is lost or made up, whatever
 *     the locale.
 * (3) A condition that does not hold is no failure: was_refused says so. An update with one
 *     that its own success makes false (if_newer) may be repeated, and is: after throttling,
 *     5xx, a broken connection, a wrong CRC-32, beyond the client's three tries until
 *     deadline_ms, with waits that grow to MF_DYNAMODB_LONGEST_WAIT_MS. What the service
 *     refuses for good (a ValidationException, a missing table) is not tried again.
 * (4) Of a batch, what the service leaves unprocessed is sent again, after such waits, until
 *     nothing is left. Puts bear a repetition.
 *
 * Threads: one for each client, update and batch. */
#ifndef MF_LAMBDA_AWS_DYNAMODB_H
#define MF_LAMBDA_AWS_DYNAMODB_H

#include "lambda/aws/client.h"

enum {
    MF_DYNAMODB_BATCH_ITEMS = 25, /* of one call: the service's limit */
    MF_DYNAMODB_LONGEST_WAIT_MS = 5000,
    MF_DYNAMODB_NUMBER_BYTES = 64, /* 38 digits, sign, point, exponent */
    MF_DYNAMODB_WANTED = 8,
};

/* A name of 3 to 255 letters, digits, '_', '.' and '-', or arn:…:dynamodb:…:table/name. */
bool mf_dynamodb_table_check(const char *table, mf_error *err);

typedef enum mf_dynamodb_type {
    MF_DYNAMODB_TEXT,   /* {"S":…}; valid UTF-8 */
    MF_DYNAMODB_NUMBER, /* {"N":"12.5"}; a decimal number as text */
} mf_dynamodb_type;

/* An UpdateItem under construction; zeroed at first, keeps its memory from update to update.
 * Names are the caller's until the next start. */
typedef struct mf_dynamodb_update {
    const char *table;
    mf_text key, set, add, condition, names, values, body;
    uint32_t n_placeholders;
    uint32_t n_wanted;
    const char *wanted[MF_DYNAMODB_WANTED];
} mf_dynamodb_update;

void mf_dynamodb_update_start(mf_dynamodb_update *update, const char *table);

/* An attribute of the item's key. */
void mf_dynamodb_update_key(mf_dynamodb_update *update, const char *name, mf_dynamodb_type type,
                            const char *value, size_t n);

/* SET name = value. */
void mf_dynamodb_update_set(mf_dynamodb_update *update, const char *name, mf_dynamodb_type type,
                            const char *value, size_t n);

/* ADD name number: an attribute that is not there begins at 0. */
void mf_dynamodb_update_add(mf_dynamodb_update *update, const char *name, const char *number,
                            size_t n);

/* Conditions; all of them have to hold. if_newer: the attribute is not there or is less. */
void mf_dynamodb_update_if_newer(mf_dynamodb_update *update, const char *name,
                                 mf_dynamodb_type type, const char *value, size_t n);
void mf_dynamodb_update_if_equal(mf_dynamodb_update *update, const char *name,
                                 mf_dynamodb_type type, const char *value, size_t n);

/* The item's number of that name afterwards, into the outcome's numbers, in the order of these
 * calls; at most MF_DYNAMODB_WANTED. */
void mf_dynamodb_update_want(mf_dynamodb_update *update, const char *name);

typedef struct mf_dynamodb_outcome {
    bool was_refused; /* a condition did not hold; nothing was changed */
    char numbers[MF_DYNAMODB_WANTED][MF_DYNAMODB_NUMBER_BYTES]; /* "": there is none */
} mf_dynamodb_outcome;

/* deadline_ms: by the wall clock; 0: the client's tries and no more. */
bool mf_dynamodb_update_run(mf_aws_client *client, mf_dynamodb_update *update, int64_t deadline_ms,
                            mf_dynamodb_outcome *outcome, mf_aws_failure *failure);

void mf_dynamodb_update_free(mf_dynamodb_update *update);

/* Items to put; zeroed at first, keeps its memory. Of one key there is one item. */
typedef struct mf_dynamodb_puts {
    const char *table;
    mf_text items; /* {"PutRequest":{"Item":{…}}},… */
    size_t n;
} mf_dynamodb_puts;

void mf_dynamodb_puts_start(mf_dynamodb_puts *puts, const char *table);

/* An item, attribute by attribute. At most MF_DYNAMODB_BATCH_ITEMS between two runs. */
void mf_dynamodb_puts_begin(mf_dynamodb_puts *puts);
void mf_dynamodb_puts_attribute(mf_dynamodb_puts *puts, const char *name, mf_dynamodb_type type,
                                const char *value, size_t n);
void mf_dynamodb_puts_end(mf_dynamodb_puts *puts);

/* Puts what there is, if there is something, and starts anew. */
bool mf_dynamodb_puts_run(mf_aws_client *client, mf_dynamodb_puts *puts, int64_t deadline_ms,
                          mf_aws_failure *failure);

void mf_dynamodb_puts_free(mf_dynamodb_puts *puts);

#endif
