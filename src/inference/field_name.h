/* field_name.h: the names that a question may use, and what was probably meant by
 * another.
 *
 * Threads: any. */
#ifndef MF_INFERENCE_FIELD_NAME_H
#define MF_INFERENCE_FIELD_NAME_H

#include <stddef.h>

typedef enum mf_field {
    MF_FIELD_USER_ID,
    MF_FIELD_MOVIE_ID,
    MF_FIELD_MOVIE_IDS,
    MF_FIELD_TOP_N,
    MF_FIELD_INCLUDE_RATED,
    MF_FIELD_ORDER,
    MF_FIELD_SIMILAR,
    MF_FIELD_RATINGS,
    MF_FIELD_INSTANCES,
    MF_FIELD_RATING,    /* inside ratings */
    MF_FIELD_TIMESTAMP, /* inside ratings */
    MF_FIELDS,
} mf_field;

extern const char *const mf_field_names[MF_FIELDS];

/* The field of this name, or MF_FIELDS. */
mf_field mf_field_find(const char *name, size_t n_bytes);

/* Which of the allowed fields (bits 1 << field) this name was probably meant to be:
 * other letter case or underscores, another recommender's word (item_id, topN, k),
 * or one slip of the hand in four letters or more; or MF_FIELDS. */
mf_field mf_field_guess(const char *name, size_t n_bytes, unsigned allowed);

#endif
