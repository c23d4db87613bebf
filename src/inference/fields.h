/* fields.h: the names of the fields of an instance.
 *
 * Users and items have the names that a training file's columns may have (csv/column_names.h), in any
 * letter case and with or without underscores: userId, user_id, itemId, item_id, movieId, productId …, and
 * their plurals. All others have the one name that inference.h shows; top_n may be called limit. Names that
 * are probably another form of a field are named in the error. */
#ifndef MF_INFERENCE_FIELDS_H
#define MF_INFERENCE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum mf_field {
    MF_FIELD_USER_ID,
    MF_FIELD_ITEM_ID,
    MF_FIELD_ITEM_IDS,
    MF_FIELD_USER_IDS,
    MF_FIELD_TOP_N,
    MF_FIELD_INCLUDE_RATED,
    MF_FIELD_ORDER,
    MF_FIELD_SIMILAR,
    MF_FIELD_RATINGS,
    MF_FIELD_WHERE,
    MF_FIELD_EXCLUDE,
    MF_FIELD_IN,
    MF_FIELD_DIVERSITY,
    MF_FIELD_MAX_PER,
    MF_FIELD_OFFSET,
    MF_FIELD_EXPLAIN,
    MF_FIELD_WITH,
    MF_FIELD_BLEND,
    MF_FIELD_AUDIENCE,
    MF_FIELD_INSTANCES,
    MF_FIELD_RATING,    /* inside ratings */
    MF_FIELD_TIMESTAMP, /* inside ratings */
    MF_FIELDS,
} mf_field;

/* The name that messages use: "userId", "top_n", … */
const char *mf_field_name(mf_field field);

/* The field of this name, or MF_FIELDS. */
mf_field mf_field_find(const char *name, size_t n_bytes);

/* The field of the allowed ones (bits 1 << field) that an unknown name probably means: other letter case or
 * underscores, a usual synonym (topN, k), or one typing error in four letters or more; or MF_FIELDS. */
mf_field mf_field_guess(const char *name, size_t n_bytes, unsigned allowed);

#endif
