/* members.h: the values of named members of a record that is one JSON object: by plain.h, or else
 * by jansson.
 *
 * (1) Both readers find the same values, with two exceptions: jansson refuses a record with an
 *     integer of more than 64 bits, and a real is the shortest number that reads back as its
 *     double, not the one that was written.
 * (2) The reason why a record is refused is a sentence without a word of it.
 *
 * Threads: one for each mf_stream_members. */
#ifndef MF_LAMBDA_STREAMS_MEMBERS_H
#define MF_LAMBDA_STREAMS_MEMBERS_H

#include "base/error.h"
#include "base/text.h"
#include "lambda/streams/plain.h"

typedef enum mf_stream_value_kind {
    MF_STREAM_ABSENT,
    MF_STREAM_NULL,
    MF_STREAM_TEXT,
    MF_STREAM_INTEGER,
    MF_STREAM_REAL,
    MF_STREAM_OTHER, /* true, false, an object or a list */
} mf_stream_value_kind;

typedef struct mf_stream_value {
    mf_stream_value_kind kind;
    mf_id text; /* of a text or a number */
} mf_stream_value;

/* What holds the values that jansson read. Zeroed at first; keeps its memory. */
typedef struct mf_stream_members {
    struct json_t *root; /* jansson's; NULL when the record was plain */
    mf_text numbers;
} mf_stream_members;

/* values[i] is that of the member names[i]; a name may be there twice. The texts are views of the
 * record or of *members, until the next read. False: MF_ERR_PARSE, MF_ERR_LIMIT (a number of more
 * than 64 bits) or MF_ERR_MEMORY. */
bool mf_stream_members_read(mf_stream_members *members, const char *const *names, size_t n,
                            mf_stream_value *values, const char *record, size_t n_record,
                            mf_error *why);

void mf_stream_members_free(mf_stream_members *members);

#endif
