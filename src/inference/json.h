/* json.h: jansson behind a door, for this room only: the one header of ours that
 * shows a type of it.
 *
 * Threads: any, each on its own values. Cost: about 20 ns per byte. */
#ifndef MF_INFERENCE_JSON_H
#define MF_INFERENCE_JSON_H

#include "base/error.h"
#include "inference/place.h"

#include <jansson.h>
#include <stddef.h>

/* One question in JSON has at most this many bytes, because it is parsed in one go:
 * 5 ms of it. A thousand ids of the longest kind fit. */
enum { MF_QUESTION_BYTES_MAX = 256 * 1024 };

/* Where the value stands, for words about errors. */
typedef struct mf_json_where {
    const char *text; /* lines and columns count from here */
    mf_place place;
} mf_json_where;

/* The value at the start of bytes[0 .. n_bytes), the caller's to json_decref;
 * *n_used is how many bytes it took, what follows is not looked at. Strings hold
 * valid UTF-8 without NUL, keys are distinct, nesting is bounded.
 * NULL: MF_ERR_PARSE, MF_ERR_LIMIT (over MF_QUESTION_BYTES_MAX), MF_ERR_MEMORY. */
json_t *mf_json_load(const char *bytes, size_t n_bytes, size_t *n_used, mf_json_where where,
                     mf_error *err);

/* The same with every integer as a double, to say more of a question that mf_json_load
 * refused: this one takes it when all that was wrong is an integer beyond 64 bits.
 * NULL otherwise. */
json_t *mf_json_load_rounded(const char *bytes, size_t n_bytes);

/* "an object", "null", … */
const char *mf_json_kind_name(const json_t *value);

/* Fails with what is wrong at bytes[0], in the same words as mf_json_load. */
bool mf_json_fail_at(mf_error *err, const char *bytes, mf_json_where where, const char *message);

#endif
