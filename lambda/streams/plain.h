/* plain.h: a pull parser for JSON that is plain: without escapes, of little depth.
 *
 *     mf_stream_plain plain;
 *     mf_stream_plain_object object;
 *     mf_id key, user = {0};
 *     mf_stream_plain_start(&plain, bytes, n_bytes);
 *     mf_stream_plain_open(&plain, &object);
 *     while (mf_stream_plain_next(&plain, &object, &key))
 *         if (mf_stream_plain_is(key, "userId"))
 *             mf_stream_plain_text(&plain, &user);
 *         else
 *             mf_stream_plain_skip(&plain);
 *     if (!mf_stream_plain_end(&plain)) …      not plain, or not JSON: jansson decides
 *
 * Why it exists beside jansson (script/bench aggregate, an event of 5.8 MB with 58,500 packed
 * ratings, one thread, Xeon at 2 cores, user records per second of CPU):
 *
 *                                     jansson alone    plain.h first
 *     the event read                      1.35 M          110   M      80 ×
 *     its fields read and counted in      0.46 M            3.2 M       7 ×
 *
 * The event is base64 in a few short members, and has a hundred thousand small objects inside.
 * With plain.h for the event alone, or for the records alone, it would be 0.7 M or 1.0 M.
 *
 * (1) What is taken, jansson takes too, with JSON_REJECT_DUPLICATES, and finds the same in it
 *     (fuzz_streams_plain). What is not taken is left to jansson: texts with escapes, depth
 *     beyond MF_STREAM_PLAIN_DEPTH.
 * (2) Texts and numbers are views of the bytes that are read. A number is any that JSON has,
 *     of any length; one beyond 64 bits or a double's range, which jansson refuses with all
 *     that is around it, is a number here.
 * (3) After the first thing that is not taken every call does nothing.
 *
 * Threads: one for each mf_stream_plain. */
#ifndef MF_LAMBDA_STREAMS_PLAIN_H
#define MF_LAMBDA_STREAMS_PLAIN_H

#include "base/id_list.h"
#include "base/text.h"

#include <string.h>

enum {
    MF_STREAM_PLAIN_DEPTH = 16,
    MF_STREAM_PLAIN_FEW_KEYS = 32, /* of the objects that are open: kept without an allocation */
};

typedef struct mf_stream_plain {
    const char *at;
    const char *end;
    bool failed;
    uint32_t depth;
    size_t n_keys; /* of all objects that are open */
    size_t capacity;
    mf_id *more_keys; /* [capacity], once they are many */
    mf_id few_keys[MF_STREAM_PLAIN_FEW_KEYS];
} mf_stream_plain;

/* An object or a list that is being read. */
typedef struct mf_stream_plain_object {
    size_t first_key;
    bool is_started;
} mf_stream_plain_object;

typedef enum mf_stream_plain_kind {
    MF_STREAM_PLAIN_TEXT,
    MF_STREAM_PLAIN_NUMBER, /* as it is written */
    MF_STREAM_PLAIN_TRUE,
    MF_STREAM_PLAIN_FALSE,
    MF_STREAM_PLAIN_NULL,
    MF_STREAM_PLAIN_NESTED, /* an object or a list; passed over */
} mf_stream_plain_kind;

/* Begins with bytes[0 .. n_bytes), which stay while views of them are used. */
void mf_stream_plain_start(mf_stream_plain *plain, const char *bytes, size_t n_bytes);

/* '{', and then its members: key and ':', false at '}' and after a failure. */
void mf_stream_plain_open(mf_stream_plain *plain, mf_stream_plain_object *object);
bool mf_stream_plain_next(mf_stream_plain *plain, mf_stream_plain_object *object, mf_id *key);

/* '[', and then: true when there is an element to read, false at ']' and after a failure. */
void mf_stream_plain_open_list(mf_stream_plain *plain, mf_stream_plain_object *list);
bool mf_stream_plain_next_element(mf_stream_plain *plain, mf_stream_plain_object *list);

/* A value that has to be a text, or one of any kind; *text is its view, with a text's without
 * the quotes. */
void mf_stream_plain_text(mf_stream_plain *plain, mf_id *text);
mf_stream_plain_kind mf_stream_plain_value(mf_stream_plain *plain, mf_id *text);
bool mf_stream_plain_bool(mf_stream_plain *plain); /* a value that has to be true or false */
void mf_stream_plain_skip(mf_stream_plain *plain);

/* True when the value at hand begins with c. */
bool mf_stream_plain_begins(mf_stream_plain *plain, char c);

/* Nothing but blanks is left, and everything was taken. Gives memory back, so it has to be
 * called. */
bool mf_stream_plain_end(mf_stream_plain *plain);

/* Appends a finite double as the shortest decimal number that reads back as the same double: 0.1,
 * 4.5, 1e+22; a number of at most 15 digits as it was read. The same under every locale. For
 * numbers that jansson read, beside those of plain.h, which stay as they are written. */
void mf_stream_plain_write_real(mf_text *text, double value);

static inline bool mf_stream_plain_is(mf_id key, const char *name)
{
    return key.n_bytes == strlen(name) && memcmp(key.bytes, name, key.n_bytes) == 0;
}

#endif
