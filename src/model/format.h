/* format.h: what stands where in model.bin, version 1.
 *
 * The container (header, table, checksum, alignment) is section_file.h. These are
 * its sections, in this order; n_users … come from the section "shape", stride is
 * n_factors rounded up to 16. Ids are those of base/id_list.h, a table is what
 * mf_id_table_build makes of them.
 *
 *   name               elements                     what they are
 *   shape              1 × 64 bytes                 the table below
 *   user_bias          n_users × f32                finite
 *   item_bias          n_items × f32                finite
 *   user_factors       n_users × stride × f32       finite, padding zero
 *   item_factors       n_items × stride × f32       finite, padding zero
 *   user_id_start      (n_users + 1) × u64          first 0, each id 1 … 255 bytes
 *   user_id_bytes      user_id_start[n_users] × u8  UTF-8, no control characters
 *   user_id_table      mf_id_table_slots × u32      the table of the user ids
 *   item_id_start      (n_items + 1) × u64          as for users
 *   item_id_bytes      item_id_start[n_items] × u8
 *   item_id_table      mf_id_table_slots × u32
 *   rated_start        (n_users + 1) × u64          first 0, ascending, last n_rated
 *   rated_items        n_rated × u32                < n_items, ascending per user
 *   item_count         n_items × u32                sum n_rated
 *   metadata           any × u8                     UTF-8 text, JSON
 *
 *   offset  size  shape
 *        0     4  n_users               1 … 2^32 - 2
 *        4     4  n_items               1 … 2^32 - 2
 *        8     4  n_factors             1 … 65536
 *       12     4  zero
 *       16     8  n_rated
 *       24     4  global_mean           f32, finite
 *       28     4  rating_min            f32, finite
 *       32     4  rating_max            f32, finite, ≥ rating_min
 *       36     4  regularization        f32, finite, ≥ 0
 *       40     4  bias_regularization   f32, finite, ≥ 0
 *       44    20  zero
 *
 * A change that an old program would misread gets a new version; one that it can
 * do without is a section "optional.…". Internal to src/model, its tests and its
 * fuzz target. */
#ifndef MF_MODEL_FORMAT_H
#define MF_MODEL_FORMAT_H

#include "model/section_file.h"

#include <stddef.h>
#include <stdint.h>

enum { MF_MODEL_VERSION = 1 };

enum {
    MF_MODEL_SHAPE,
    MF_MODEL_USER_BIAS,
    MF_MODEL_ITEM_BIAS,
    MF_MODEL_USER_FACTORS,
    MF_MODEL_ITEM_FACTORS,
    MF_MODEL_USER_ID_START,
    MF_MODEL_USER_ID_BYTES,
    MF_MODEL_USER_ID_TABLE,
    MF_MODEL_ITEM_ID_START,
    MF_MODEL_ITEM_ID_BYTES,
    MF_MODEL_ITEM_ID_TABLE,
    MF_MODEL_RATED_START,
    MF_MODEL_RATED_ITEMS,
    MF_MODEL_ITEM_COUNT,
    MF_MODEL_METADATA,
    MF_MODEL_SECTIONS,
};

/* "MFMODEL\0", version 1, the names above. */
extern const mf_section_kind mf_model_kind;

typedef struct mf_model_shape {
    uint32_t n_users;
    uint32_t n_items;
    uint32_t n_factors;
    uint32_t zero;
    uint64_t n_rated;
    float global_mean;
    float rating_min;
    float rating_max;
    float regularization;
    float bias_regularization;
    uint32_t zeros[5];
} mf_model_shape;

_Static_assert(offsetof(mf_model_shape, n_items) == 4, "byte table");
_Static_assert(offsetof(mf_model_shape, n_factors) == 8, "byte table");
_Static_assert(offsetof(mf_model_shape, n_rated) == 16, "byte table");
_Static_assert(offsetof(mf_model_shape, global_mean) == 24, "byte table");
_Static_assert(offsetof(mf_model_shape, rating_min) == 28, "byte table");
_Static_assert(offsetof(mf_model_shape, rating_max) == 32, "byte table");
_Static_assert(offsetof(mf_model_shape, regularization) == 36, "byte table");
_Static_assert(offsetof(mf_model_shape, bias_regularization) == 40, "byte table");
_Static_assert(offsetof(mf_model_shape, zeros) == 44, "byte table");
_Static_assert(sizeof(mf_model_shape) == 64, "byte table");

#endif
