/* reading.h: what the readers of an instance's fields share. Private to this folder.
 *
 * Each returns false after an error that names the field and what was expected. `field` is the name that the
 * request uses, with the index of an element: "item_ids[3]". */
#ifndef MF_INFERENCE_READING_H
#define MF_INFERENCE_READING_H

#include "base/id_list.h"
#include "inference/fields.h"
#include "inference/inference.h"
#include "inference/json.h"

/* An id as text. `digits` holds an integer's. Must not be copied: id may point into it. */
typedef struct mf_written_id {
    mf_id id;
    char digits[MF_INTEGER_ID_BYTES];
} mf_written_id;

typedef struct mf_written_ids {
    mf_written_id *id; /* [n] */
    size_t n, capacity;
} mf_written_ids;

/* An instance while it is read. */
typedef struct mf_reading {
    struct mf_instance *instance;
    const mf_inference_limits *limits;
    mf_place place;
    mf_error *err;
    bool rounded;        /* integers are doubles (mf_json_load_rounded) */
    bool has[MF_FIELDS]; /* the fields that it has */
} mf_reading;

enum { MF_SHOWN_BYTES = 64, MF_FIELD_BYTES = 96 };

/* Fails with the field (NULL: the whole instance) and a message. */
#define MF_READING_FAIL(r, ...) mf_place_fail((r)->err, MF_ERR_PARSE, (r)->place, __VA_ARGS__)

/* "expected …, found an object" */
bool mf_reading_fail_kind(const mf_reading *r, const char *field, const char *expected,
                          const json_t *found);

/* Whether the value is an array of 1 … max elements; SIZE_MAX: any number from 1 on. */
MF_MUST_CHECK bool mf_reading_array(const mf_reading *r, const char *field, const json_t *value,
                                    size_t max, const char *elements);

MF_MUST_CHECK bool mf_reading_id(const mf_reading *r, const char *field, const json_t *value,
                                 mf_written_id *to);

/* An array of 1 … max ids. */
MF_MUST_CHECK bool mf_reading_ids(const mf_reading *r, const char *field, const json_t *value,
                                  size_t max, mf_written_ids *to);

/* A whole number from least to most. */
MF_MUST_CHECK bool mf_reading_count(const mf_reading *r, const char *field, const json_t *value,
                                    uint32_t least, uint32_t most, uint32_t *to);

#endif
