/* json_reader.h: a pull parser for JSON: its caller pulls one member or element after the other,
 * and no tree is built.
 *
 *     mf_stream_json json = {.keys = NULL};         once; keeps its memory
 *     mf_stream_json_nested object;
 *     mf_id key, user;
 *     mf_stream_json_start(&json, bytes, n_bytes, err);
 *     mf_stream_json_open(&json, &object, '{');
 *     while (mf_stream_json_next(&json, &object, &key))
 *         if (mf_stream_json_is(key, "userId"))
 *             mf_stream_json_value(&json, &user);
 *         else
 *             mf_stream_json_skip(&json);
 *     if (!mf_stream_json_end(&json))
 *         return false;                             err says why
 *
 * Why it exists beside jansson (bench_aggregate of script/bench aggregate: an event of 5.8 MB with
 * 58,500 packed ratings, one thread, a Xeon, user records per second of CPU):
 *
 *                                   jansson     this reader
 *     the event read                 1.35 M         110   M      80 ×
 *     its fields read and counted    0.46 M           3.2 M       7 ×
 *
 * The event is base64 in a few short members, and holds a hundred thousand small objects. With this
 * reader for the event alone, or for the records alone, the second line would be 0.7 M or 1.0 M.
 *
 * (1) It accepts what jansson accepts with JSON_REJECT_DUPLICATES and finds the same values:
 *     UTF-8 without NUL, each key of an object once, nested MF_STREAM_JSON_DEPTH deep at most
 *     (fuzz_streams_json). Numbers are the one exception: any number of JSON is accepted,
 *     jansson rejects integers beyond 64 bits and reals beyond a double.
 * (2) Texts and numbers are views of the bytes that are read. A text with an escape is decoded
 *     into memory of the reader, where it stays until the next start.
 * (3) After the first failure every call does nothing and returns false or MF_STREAM_ABSENT.
 *
 * Threads: one for each reader. */
#ifndef MF_LAMBDA_STREAMS_JSON_READER_H
#define MF_LAMBDA_STREAMS_JSON_READER_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"

#include <string.h>

enum { MF_STREAM_JSON_DEPTH = 2048 };

/* Zeroed at first; keeps its memory from text to text. */
typedef struct mf_stream_json {
    const char *start, *at, *end;
    mf_error *err;
    bool failed;
    uint32_t depth;
    mf_id *keys; /* [n_keys] of all objects that are open */
    size_t n_keys, keys_capacity;
    mf_text decoded; /* texts that had escapes */
} mf_stream_json;

/* An object or a list that is being read. */
typedef struct mf_stream_json_nested {
    size_t first_key;
    char closing;
    bool is_started;
} mf_stream_json_nested;

typedef enum mf_stream_value_kind {
    MF_STREAM_ABSENT, /* no value: a failure, or a member that an object does not have */
    MF_STREAM_NULL,
    MF_STREAM_TEXT,
    MF_STREAM_INTEGER,
    MF_STREAM_REAL, /* with a point or an exponent */
    MF_STREAM_TRUE,
    MF_STREAM_FALSE,
    MF_STREAM_NESTED, /* an object or a list */
} mf_stream_value_kind;

typedef struct mf_stream_value {
    mf_stream_value_kind kind;
    mf_id text; /* of a text, without its quotes, or of a number; else "" */
} mf_stream_value;

/* Begins with bytes[0 .. n_bytes), which stay while views of them are used. A failure goes to err:
 * MF_ERR_PARSE with the byte where the text ceases to be JSON, or MF_ERR_MEMORY. */
void mf_stream_json_start(mf_stream_json *json, const char *bytes, size_t n_bytes, mf_error *err);

/* Opens an object ('{') or a list ('['). Anything else is a failure. */
void mf_stream_json_open(mf_stream_json *json, mf_stream_json_nested *nested, char opening);

/* True when there is one more member or element, whose value comes next; false at the end of the
 * object or list and after a failure. key: of a member; NULL for a list. */
bool mf_stream_json_next(mf_stream_json *json, mf_stream_json_nested *nested, mf_id *key);

/* The next byte after blanks, which tells what value comes: '"', '{', '[', 't', …; 0 at the end. */
char mf_stream_json_peek(mf_stream_json *json);

/* The next value. An object or a list is checked and passed over. text: NULL when not needed. */
mf_stream_value_kind mf_stream_json_value(mf_stream_json *json, mf_id *text);

static inline void mf_stream_json_skip(mf_stream_json *json)
{
    mf_stream_json_value(json, NULL);
}

/* Fails for a reason of the caller's, who has set err. */
void mf_stream_json_refuse(mf_stream_json *json);

/* True when everything was accepted and only blanks are left. */
MF_MUST_CHECK bool mf_stream_json_end(mf_stream_json *json);

/* Reads a text that is one object. values[i] becomes that of the member names[i]; a name may be
 * there twice. *has_others (NULL: not needed): it has members with other names. Fails as mf_stream_json_start says. */
MF_MUST_CHECK bool mf_stream_json_members(mf_stream_json *json, const char *const *names, size_t n,
                                          mf_stream_value *values, bool *has_others,
                                          const char *bytes, size_t n_bytes, mf_error *err);

void mf_stream_json_free(mf_stream_json *json);

static inline bool mf_stream_json_is(mf_id text, const char *expected)
{
    return text.n_bytes == strlen(expected) && memcmp(text.bytes, expected, text.n_bytes) == 0;
}

#endif
