/* json.h: reads one JSON value of a body with jansson; errors have their place in the body.
 *
 *     a body without instances   "movieId: expected …"
 *     one of instances           "instances[3].movieId: expected …"
 *     a line                     "line 4: movieId: expected …"
 *
 * This is the only header of this folder that includes jansson's.
 *
 * Threads: any, each on its own values. Cost: about 20 ns per byte. */
#ifndef MF_INFERENCE_JSON_H
#define MF_INFERENCE_JSON_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_place_kind {
    MF_PLACE_BODY,     /* the whole body is one instance */
    MF_PLACE_INSTANCE, /* number counts from 0 */
    MF_PLACE_LINE,     /* number counts from 1 */
} mf_place_kind;

typedef struct mf_place {
    mf_place_kind kind;
    uint64_t number;
} mf_place;

/* Fails with the place, the field ("ratings[2].movieId"; NULL: the whole instance) and the message.
 * Returns false. */
__attribute__((format(printf, 5, 6))) bool mf_place_fail(mf_error *err, mf_error_code code,
                                                         mf_place place, const char *field,
                                                         const char *format, ...);

/* An instance of a batch has at most this many bytes, because it is parsed in one step of about 5 ms. A
 * thousand ids of the maximum length fit. One that is the whole body may be as long as a body, for its candidates
 * or excluded items: a million ids take about 0.2 s. */
enum { MF_INSTANCE_BYTES_MAX = 256 * 1024 };

/* The position of the value, for error messages. */
typedef struct mf_json_where {
    const char *text; /* lines and columns count from here */
    mf_place place;
} mf_json_where;

/* The value at the start of bytes[0 .. n_bytes), the caller's to json_decref;
 * *n_used is how many bytes it has; later bytes are ignored. Strings hold
 * valid UTF-8 without NUL, keys are distinct, nesting is bounded.
 * NULL: MF_ERR_PARSE, MF_ERR_LIMIT (over MF_INSTANCE_BYTES_MAX, in a batch), MF_ERR_MEMORY. */
MF_MUST_CHECK json_t *mf_json_load(const char *bytes, size_t n_bytes, size_t *n_used,
                                   mf_json_where where, mf_error *err);

/* The same with every integer as a double: after mf_json_load failed it returns a value when the
 * only error is an integer beyond 64 bits. NULL otherwise. */
MF_MUST_CHECK json_t *mf_json_load_rounded(const char *bytes, size_t n_bytes, size_t *n_used,
                                           mf_json_where where);

/* Appends a copy of the JSON text in which each whole number that jansson would read as a double, and
 * perhaps round, is written as an integer (mf_id_write_integer): 9007199254740993.0 becomes
 * 9007199254740993. False: there is none, or no memory. Cost: a few ns for each byte. */
bool mf_json_write_integers(mf_text *copy, const char *bytes, size_t n_bytes);

/* "an object", "null", … */
const char *mf_json_kind_name(const json_t *value);

/* Fails with an error at bytes[0], worded as by mf_json_load. */
bool mf_json_fail_at(mf_error *err, const char *bytes, mf_json_where where, const char *message);

#endif
