/* plain.h: JSON at a glance, where it is as plain as machines write it.
 *
 *     mf_plain plain;
 *     mf_plain_object object;
 *     mf_id key, user = {0};
 *     mf_plain_start(&plain, bytes, n_bytes);
 *     mf_plain_open(&plain, &object);
 *     while (mf_plain_next(&plain, &object, &key))
 *         if (mf_plain_is(key, "userId"))
 *             mf_plain_text(&plain, &user);
 *         else
 *             mf_plain_skip(&plain);
 *     if (!mf_plain_end(&plain)) …      not plain, or not JSON: jansson decides
 *
 * An event of a stream is 6 MB of base64 in a handful of short members, and behind it stand
 * a hundred thousand small objects; bench/serving.py (aggregate) says how much of the time
 * jansson would take.
 *
 * (1) What is taken, jansson takes too, with JSON_REJECT_DUPLICATES, and finds the same in it
 *     (fuzz_streams_plain). What is not taken is left to jansson: texts with escapes, depth
 *     beyond MF_PLAIN_DEPTH.
 * (2) Texts and numbers are views of the bytes that are read. A number is any that JSON has,
 *     of any length; one beyond 64 bits or a double's range, which jansson refuses with all
 *     that is around it, is a number here.
 * (3) After the first thing that is not taken every call does nothing.
 *
 * Threads: one for each mf_plain. */
#ifndef MF_LAMBDA_STREAMS_PLAIN_H
#define MF_LAMBDA_STREAMS_PLAIN_H

#include "base/id_list.h"

#include <string.h>

enum {
    MF_PLAIN_DEPTH = 16,
    MF_PLAIN_FEW_KEYS = 32, /* of the objects that are open: kept without an allocation */
};

typedef struct mf_plain {
    const char *at;
    const char *end;
    bool failed;
    uint32_t depth;
    size_t n_keys; /* of all objects that are open */
    size_t room;
    mf_id *more_keys; /* [room], once they are many */
    mf_id few_keys[MF_PLAIN_FEW_KEYS];
} mf_plain;

/* An object or a list that is being read. */
typedef struct mf_plain_object {
    size_t first_key;
    bool is_started;
} mf_plain_object;

typedef enum mf_plain_kind {
    MF_PLAIN_TEXT,
    MF_PLAIN_NUMBER, /* as it is written */
    MF_PLAIN_TRUE,
    MF_PLAIN_FALSE,
    MF_PLAIN_NULL,
    MF_PLAIN_NESTED, /* an object or a list; passed over */
} mf_plain_kind;

/* Begins with bytes[0 .. n_bytes), which stay while views of them are used. */
void mf_plain_start(mf_plain *plain, const char *bytes, size_t n_bytes);

/* '{', and then its members: key and ':', false at '}' and after a failure. */
void mf_plain_open(mf_plain *plain, mf_plain_object *object);
bool mf_plain_next(mf_plain *plain, mf_plain_object *object, mf_id *key);

/* '[', and then: true when there is an element to read, false at ']' and after a failure. */
void mf_plain_open_list(mf_plain *plain, mf_plain_object *list);
bool mf_plain_next_element(mf_plain *plain, mf_plain_object *list);

/* A value that has to be a text, or one of any kind; *text is its view, with a text's without
 * the quotes. */
void mf_plain_text(mf_plain *plain, mf_id *text);
mf_plain_kind mf_plain_value(mf_plain *plain, mf_id *text);
bool mf_plain_bool(mf_plain *plain); /* a value that has to be true or false */
void mf_plain_skip(mf_plain *plain);

/* True when the value at hand begins with c. */
bool mf_plain_begins(mf_plain *plain, char c);

/* Nothing but blanks is left, and everything was taken. Gives memory back, so it has to be
 * called. */
bool mf_plain_end(mf_plain *plain);

static inline bool mf_plain_is(mf_id key, const char *name)
{
    return key.n_bytes == strlen(name) && memcmp(key.bytes, name, key.n_bytes) == 0;
}

#endif
