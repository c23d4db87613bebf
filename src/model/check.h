/* check.h: checks promise (2) of model.h piece by piece.
 *
 * The same code checks parts before they are written and a file while it is hashed. The first
 * finding is kept in `found` and not returned: if the file is damaged, that is the better reason,
 * and it is known only at the end.
 *
 * Internal to src/model. Threads: one mf_model_check per thread. */
#ifndef MF_MODEL_CHECK_H
#define MF_MODEL_CHECK_H

#include "base/error.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_model_check {
    const mf_model_parts *parts; /* arrays in place before their first piece */
    mf_error_code code;          /* what a finding is: MF_ERR_FORMAT or MF_ERR_ARGUMENT */
    mf_where where;
    mf_error found; /* MF_OK: nothing so far */

    /* The progress of earlier pieces. */
    uint32_t next_user_id;
    uint32_t next_item_id;
    uint32_t next_rating_user;
    uint64_t n_counted;
    uint32_t next_ranked_user;
    uint64_t ranked_end; /* of the user before next_ranked_user, in rated_items */
    uint32_t rank_most;  /* the largest time rank that this user may have */
} mf_model_check;

/* Checks counts and scalars, from which all shapes follow. To be called first, and nothing else
 * after a finding. */
void mf_model_check_shape(mf_model_check *check);

/* Checks bytes [offset, offset + n_bytes) of a section of format.h, except shapes, tables and
 * attributes.
 * Pieces come in file order and without gaps, offset is a multiple of 64. */
void mf_model_check_piece(mf_model_check *check, size_t section, size_t offset, size_t n_bytes);

/* Checks all pieces of a section of n_bytes. */
void mf_model_check_section(mf_model_check *check, size_t section, size_t n_bytes);

/* Checks kinds, names and counts of the attributes, from which their shapes follow; part of
 * mf_model_check_shape. */
void mf_model_check_attribute_shapes(mf_model_check *check);

/* Checks all arrays of the attributes at once, after those before them. Cost: O(their bytes), and
 * O(log) per link of categories. */
void mf_model_check_attributes(mf_model_check *check);

#endif
