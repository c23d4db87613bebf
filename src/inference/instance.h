/* instance.h: one instance of a request, decoded and validated. inference.h has its forms.
 *
 * (1) After a successful read every field is known, in range and allowed beside the others. Whether
 *     the model knows the ids, has the order and requires missing ratings is not checked here.
 *
 * Threads: one instance per thread. */
#ifndef MF_INFERENCE_INSTANCE_H
#define MF_INFERENCE_INSTANCE_H

#include "base/error.h"
#include "base/id_list.h"
#include "inference/inference.h"
#include "inference/json.h"
#include "inference/reading.h"
#include "inference/steering.h"
#include "recommend/group.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_instance_kind {
    MF_INSTANCE_RATING,
    MF_INSTANCE_LIST,
    MF_INSTANCE_SIMILAR,
    MF_INSTANCE_AUDIENCE,
} mf_instance_kind;

typedef struct mf_instance {
    mf_instance_kind kind;
    mf_written_id user;   /* id.bytes NULL: a group, folded in from ratings, or none (similar) */
    mf_written_ids users; /* of a group; n 0: none */
    mf_blend blend;
    mf_written_id item; /* of a rating, of similar */
    uint32_t n;         /* how many at most; a list of all candidates: 0 */
    bool include_rated;
    mf_order order; /* of a list; MF_ORDER_DEFAULT: not given */

    mf_id item_word; /* what the response calls an item's id: "movieId", "item_id", … */
    mf_steering steering;

    mf_written_ids candidates; /* of a list; n 0: every item */
    mf_written_ids rated;      /* items of a folded-in user, or with `user` of newer ratings */
    float *ratings;            /* [rated.n] finite, or NAN where "rating" is missing */
    double *times;             /* [rated.n] seconds, or NAN where "timestamp" is missing or null */
    size_t n_times;            /* how many have a timestamp */

    /* Private: owns the memory of the above. */
    json_t *document;
    size_t ratings_capacity;
    size_t times_capacity;
} mf_instance;

/* Reads the instance at the start of bytes[0 .. n_bytes) into *instance, which was zeroed before
 * the first read. *n_used is how many bytes it has. Views stay valid until the next read or
 * mf_instance_free. Fails MF_ERR_PARSE, MF_ERR_LIMIT, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_instance_read(mf_instance *instance, const mf_inference_limits *limits,
                                    const char *bytes, size_t n_bytes, size_t *n_used,
                                    mf_json_where where, mf_error *err);

void mf_instance_free(mf_instance *instance);

/* "ranking", …, the values of the field "order"; NULL for MF_ORDER_DEFAULT. */
extern const char *const mf_order_names[MF_ORDERS];

#endif
