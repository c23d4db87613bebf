/* fields.h: the key, the summed and the carried values of a user record.
 *
 *     {"userId":"7","movieId":"2959","rating":4.5}   ─▶   key 2959, sums {4.5}
 *
 * (1) The key is a text of 1 to MF_AGGREGATE_KEY_BYTES bytes or a number; 2959 and "2959" are one
 *     key, and so are 1, 1.0 and "1.0", as mf_id_write_integer has it; a text with an exponent stays as it
 *     is. Where the table's key is a number, a text has to be one.
 * (2) A summed value is a number, or a text that is one.
 * (3) A carried value is a text or a number; absent or null leaves the last one.
 * (4) Every other record is dirty. The reason names settings and quotes nothing of the record.
 * (5) Numbers are exact, as decimal.h has them.
 *
 * Threads: one for each mf_aggregate_fields. */
#ifndef MF_LAMBDA_AGGREGATE_FIELDS_H
#define MF_LAMBDA_AGGREGATE_FIELDS_H

#include "lambda/aggregate/aggregate_settings.h"
#include "lambda/aggregate/decimal.h"
#include "lambda/streams/json_reader.h"

enum {
    MF_AGGREGATE_KEY_BYTES = 1024,    /* DynamoDB's limit for a sort key */
    MF_AGGREGATE_CARRIED_BYTES = 512, /* the state has one for each key */
};

typedef enum mf_aggregate_carried_type {
    MF_AGGREGATE_CARRIED_NONE,
    MF_AGGREGATE_CARRIED_TEXT,
    MF_AGGREGATE_CARRIED_NUMBER,
} mf_aggregate_carried_type;

typedef struct mf_aggregate_carried {
    mf_aggregate_carried_type type;
    mf_id value;
} mf_aggregate_carried;

/* One record. Its views live until the next record is read. Zeroed at first. */
typedef struct mf_aggregate_fields {
    mf_id key;
    mf_aggregate_decimal sums[MF_AGGREGATE_SUMS_MOST];
    mf_aggregate_carried carried[MF_AGGREGATE_CARRIED_MOST];

    /* The reader's own. */
    mf_stream_json json;
    mf_text key_text;
} mf_aggregate_fields;

/* False: MF_ERR_FORMAT with the reason, or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_fields_read(mf_aggregate_fields *fields,
                                            const mf_aggregate_settings *settings,
                                            const char *record, size_t n_record, mf_error *why);

void mf_aggregate_fields_free(mf_aggregate_fields *fields);

#endif
