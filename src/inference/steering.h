/* steering.h: what steers a list: conditions, excluded items, a named list, variety, quotas, paging, reasons,
 * and the attributes that entries carry. Private to this folder.
 *
 *     {"where":{"genres":{"any":["Comedy"],"none":["Horror"]},"year":{"from":1990,"to":1999}},
 *      "exclude":["1","2"],"in":"in-stock","diversity":0.3,"max_per":{"genres":2},"offset":10,
 *      "explain":3,"with":["title","genres"]}
 *
 * A condition is an object of attributes, all of which have to hold, with conditions of where.h; "and" and "or"
 * take arrays of conditions. A bare text or array is `any`, a bare number is from and to.
 *
 * Two steps: reading checks the form alone (an instance is a value), resolving finds the names in a model.
 *
 * Threads: one instance each. */
#ifndef MF_INFERENCE_STEERING_H
#define MF_INFERENCE_STEERING_H

#include "inference/reading.h"
#include "model/attributes.h"
#include "recommend/recommender.h"
#include "recommend/where.h"

enum { MF_EXPLAIN_MAX = 20 };

/* Views are of the instance's document. All zero: nothing is steered. */
typedef struct mf_steering {
    mf_condition where; /* the root: an AND; n_parts 0: none */
    mf_written_ids exclude;
    mf_id in; /* n_bytes 0: none */
    float diversity;
    uint32_t offset;
    uint32_t n_reasons; /* explain; 0: none */
    size_t n_quotas, n_with;
    struct mf_steering_quota {
        mf_id attribute;
        uint32_t most;
    } quotas[MF_ATTRIBUTES_MAX];
    mf_id with[MF_ATTRIBUTES_MAX];
    bool with_is_array;
    mf_conditions *conditions; /* memory of where; NULL until the first one */
} mf_steering;

/* Reads one of the fields WHERE … WITH. */
MF_MUST_CHECK bool mf_steering_read(mf_steering *steering, const mf_reading *r, mf_field field,
                                    const char *name, json_t *value);

/* Empties it and keeps its memory; frees it. */
void mf_steering_clear(mf_steering *steering);
void mf_steering_free(mf_steering *steering);

/* The same for a model: parts of a mf_top_n_query, and attributes. Memory is kept from instance to
 * instance. */
typedef struct mf_steered {
    const uint64_t *allowed; /* of the model's items, NULL: all */
    const uint32_t *exclude; /* [n_exclude] indexes, or MF_INDEX_NONE of unknown items */
    size_t n_exclude;
    size_t n_unknown; /* of them unknown */
    mf_quota quotas[MF_ATTRIBUTES_MAX];
    size_t n_quotas;
    uint32_t with[MF_ATTRIBUTES_MAX]; /* attributes */
    size_t n_with;
    uint64_t *words; /* of allowed, and scratch */
    uint32_t *indexes;
    size_t words_capacity, indexes_capacity;
} mf_steered;

/* lists are those of the service, NULL: none. Fails MF_ERR_PARSE at the place and the field,
 * "where.genres.any[0]": an attribute, a value or a list that does not exist (with the nearest), a condition or quota that the attribute does not allow;
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_steering_resolve(const mf_steering *steering, const mf_model *model,
                                       const struct mf_named_lists *lists, mf_place place,
                                       mf_steered *steered, mf_error *err);

/* A zeroed one is fine. */
void mf_steered_free(mf_steered *steered);

/* Appends ,"title":"Toy Story (1995)","genres":["Comedy"],"year":1995 for a row of the catalogue; null or []
 * where there is no value; all null for MF_INDEX_NONE. */
void mf_steered_write(const mf_steered *steered, const mf_model_parts *parts, uint32_t row,
                      mf_text *text);

#endif
