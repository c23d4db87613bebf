/* format.h: the sections of model.bin, versions 1 and 2.
 *
 * The container (header, table, checksum, alignment) is section_file.h. These are its sections, in
 * this order; n_users … come from the section "shape", stride is n_factors rounded up to 16, the
 * ranking model's n_factors and stride come from "optional.ranking". Ids are those of
 * base/id_list.h, a table is what mf_id_table_build makes of them.
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
 *   optional.ranking           1 × 64 bytes              the second table below
 *   optional.ranking_items     n_items × stride × f32    finite, padding zero
 *   optional.ranking_mean      stride × f32              finite, padding zero
 *   optional.ranking_spectrum  n_factors × f32           finite, > 0, not rising
 *   optional.ranking_grades    n_rated × u8              beside rated_items; 0: no grade
 *   optional.ranking_times     n_rated × u32             0 … 2 (grades of the user - 1),
 *                                                        0 where there is no grade
 *
 *   optional.items                1 × 64 bytes             the third table below
 *   optional.items_attributes     attributes × 128 bytes   mf_attribute of attributes.h
 *   optional.items_id_start       (n_unrated + 1) × u64    as for users; the ids ascend bytewise
 *   optional.items_id_bytes       … × u8
 *   optional.items_id_table       mf_id_table_slots × u32  of the unrated items' ids
 *   optional.items_text_start     (texts × n + 1) × u64    first 0, each text 0 … 4096 bytes
 *   optional.items_text_bytes     … × u8                   UTF-8, no control characters
 *   optional.items_numbers        numbers × n × f64        finite or NAN
 *   optional.items_order          numbers × n × u32        rows by number, then by row; NAN last
 *   optional.items_value_start    (Σ n_values + 1) × u64   first 0, each value 1 … 255 bytes
 *   optional.items_value_bytes    … × u8                   per attribute bytewise ascending
 *   optional.items_start          lists × (n + 1) × u32    per attribute 0 … n_links, ascending
 *   optional.items_values         Σ n_links × u32          < n_values, ascending per item
 *   optional.items_by_start       (Σ n_values + lists) × u32  per attribute 0 … n_links, ascending
 *   optional.items_by_value       Σ n_links × u32          items_values transposed
 *
 *   where n = n_items + n_unrated; texts, numbers and lists are the attributes of these kinds
 *   (lists: categories).
 *
 *   offset  size  shape
 *        0     4  n_users               1 … 2^32 - 2
 *        4     4  n_items               1 … 2^32 - 2
 *        8     4  n_factors             version 1: 1 … 65536; version 2: 0
 *       12     4  zero
 *       16     8  n_rated
 *       24     4  global_mean           f32, finite
 *       28     4  rating_min            f32, finite
 *       32     4  rating_max            f32, finite, ≥ rating_min
 *       36     4  regularization        f32, finite, ≥ 0
 *       40     4  bias_regularization   f32, finite, ≥ 0
 *       44    20  zero
 *
 *   offset  size  optional.ranking
 *        0     4  n_factors             1 … 4096
 *        4     4  grading kind          mf_grading_kind
 *        8     4  grading center        f32, finite
 *       12     4  grading scale         f32, finite, ≥ 0
 *       16     4  recency               f32, 0 … 1
 *       20     4  prior                 f32, finite, ≥ 0
 *       24     4  regularization        f32, finite, ≥ 0
 *       28     4  relevant_rating       f32, finite
 *       32     4  rule                  1: the formulas of profile and score, as in model.h
 *       36    28  zero
 *
 *   offset  size  optional.items
 *        0     4  attributes            0 … MF_ATTRIBUTES_MAX
 *        4     4  n_unrated             n_items + n_unrated ≤ 2^32 - 2; one of the two is not 0
 *        8     4  title                 a text attribute, or 2^32 - 1
 *       12    52  zero
 *
 * Version 1 has a rating model: every section from shape to metadata is there. A ranking model is
 * an addition: either no section "optional.ranking…" is there, or all are; ranking_times may be
 * missing where no times are known. In the same way all sections "optional.items…" are there or
 * none, beside any model.
 *
 * Version 2 has a ranking model alone: n_factors is 0, the five floats of the shape are 0, the
 * sections user_bias, item_bias, user_factors and item_factors are not there, those of the ranking
 * model are.
 *
 * Rules for changes:
 *
 * (1) Data that older programs can ignore is a section "optional.…"; the version stays. An older
 *     program skips the section, and its results from the rest must still be correct. So a ranking
 *     model beside a rating model is version 1.
 * (2) A change that older programs would misread gets a new version, which they reject. So a file
 *     without a rating model is version 2.
 * (3) Other formulas for profiles or scores get a new rule in optional.ranking. A program that does
 *     not know the rule uses the file without its ranking model; a file of version 2 has no other
 *     model, so it is an error.
 *
 * Internal to src/model, its tests and its fuzz target. */
#ifndef MF_MODEL_FORMAT_H
#define MF_MODEL_FORMAT_H

#include "model/model.h"
#include "model/section_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_MODEL_VERSION_RATING = 1,  /* has a rating model */
    MF_MODEL_VERSION_RANKING = 2, /* has a ranking model alone; the newest version */
};

/* The rule in optional.ranking. */
enum { MF_MODEL_RANKING_RULE = 1 };

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
    MF_MODEL_RANKING,
    MF_MODEL_RANKING_ITEMS,
    MF_MODEL_RANKING_MEAN,
    MF_MODEL_RANKING_SPECTRUM,
    MF_MODEL_RANKING_GRADES,
    MF_MODEL_RANKING_TIMES,
    MF_MODEL_ITEMS,
    MF_MODEL_ITEMS_ATTRIBUTES,
    MF_MODEL_ITEMS_ID_START,
    MF_MODEL_ITEMS_ID_BYTES,
    MF_MODEL_ITEMS_ID_TABLE,
    MF_MODEL_ITEMS_TEXT_START,
    MF_MODEL_ITEMS_TEXT_BYTES,
    MF_MODEL_ITEMS_NUMBERS,
    MF_MODEL_ITEMS_ORDER,
    MF_MODEL_ITEMS_VALUE_START,
    MF_MODEL_ITEMS_VALUE_BYTES,
    MF_MODEL_ITEMS_START,
    MF_MODEL_ITEMS_VALUES,
    MF_MODEL_ITEMS_BY_START,
    MF_MODEL_ITEMS_BY_VALUE,
    MF_MODEL_SECTIONS,
};

/* "MFMODEL\0", up to version 2, the names above. */
extern const mf_section_kind mf_model_kind;

/* The version of a file of these parts. */
uint32_t mf_model_version(const mf_model_parts *parts);

/* Whether a file of these parts has the section. */
bool mf_model_has_section(const mf_model_parts *parts, size_t section);

/* The array of a section, as a file stores it. */
typedef struct mf_model_array {
    size_t offset; /* of the pointer to it in mf_model_parts */
    uint64_t count;
    size_t size; /* of an element, in bytes */
} mf_model_array;

/* False for a section that is no array of the parts (shapes and tables of ids), and for one that
 * models with these n_factors and attributes do not have. Counts come from the parts; those of bytes
 * also from the arrays of their starts, 0 while these are NULL. */
bool mf_model_array_of(const mf_model_parts *parts, size_t section, mf_model_array *array);

/* The pointer at array->offset of the parts. */
const void *mf_model_array_bytes(const mf_model_parts *parts, const mf_model_array *array);

/* Sizes add up to 64, so there are no gaps: offsets are those of the tables above. */
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

_Static_assert(sizeof(mf_model_shape) == 64, "byte table");

typedef struct mf_model_ranking {
    uint32_t n_factors;
    uint32_t grading_kind;
    float grading_center;
    float grading_scale;
    float recency;
    float prior;
    float regularization;
    float relevant_rating;
    uint32_t rule;
    uint32_t zeros[7];
} mf_model_ranking;

_Static_assert(sizeof(mf_model_ranking) == 64, "byte table");

typedef struct mf_model_items {
    uint32_t n_attributes;
    uint32_t n_unrated;
    uint32_t title;
    uint32_t zeros[13];
} mf_model_items;

_Static_assert(sizeof(mf_model_items) == 64, "byte table");

#endif
