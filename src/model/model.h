/* model.h: a trained model, and its file.
 *
 *   predicted rating = clip(global_mean + user_bias[u] + item_bias[i]
 *                           + user_factors[u] · item_factors[i], rating_min, rating_max)
 *
 * (Koren, Bell, Volinsky 2009) is the rating model; the ranking model beside it is
 * mf_ranking_parts. A model has one of them or both. The file is mapped, not parsed: opening costs
 * one pass over its bytes to check them, and no memory. format.h has its layout and the rules for
 * older and newer programs.
 *
 * (1) A file is used only when every byte of it is as it was written: length, magic, version,
 *     section table, checksum.
 * (2) After open every number in it is finite, every index in range and every list ascending,
 *     padding is zero, ids are distinct and valid and each is found in its table. So code that
 *     reads a model does not check again.
 * (3) The same parts give the same bytes, and a file's parts give that file (but for "optional."
 *     sections that this program does not know).
 *
 * Threads: any number may read one mf_model. */
#ifndef MF_MODEL_MODEL_H
#define MF_MODEL_MODEL_H

#include "base/error.h"
#include "base/id_list.h"
#include "model/attributes.h"
#include "model/grade.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_MODEL_LANES = 16, /* rows of factors are padded to this many floats, with zeros */
    MF_MODEL_FACTORS_MAX = 65536,
    MF_MODEL_RANKING_FACTORS_MAX = 4096,
};

/* Floats from one row of factors to the next: n_factors rounded up to lanes. */
static inline size_t mf_model_stride(uint32_t n_factors)
{
    return ((size_t)n_factors + MF_MODEL_LANES - 1) / MF_MODEL_LANES * MF_MODEL_LANES;
}

/* The ranking model: which items next (spectral/spectral.h learns it).
 *
 *   score(u, i) = profile_u · item_vectors[i]
 *   profile_u   = Σ_j age_weight_uj · grade_uj · item_vectors[j]  +  w(n) · mean_profile
 *
 * over the n items j that u has a grade for; w(n) = prior · exp(−n / 15). Profiles are not stored:
 * they are computed from the grades for each list (recommend/profile.h), for a user of the model
 * exactly as for a visitor. grade.h has the formulas of grade and age weight. */
typedef struct mf_ranking_parts {
    uint32_t n_factors;   /* 1 … MF_MODEL_RANKING_FACTORS_MAX; 0: no ranking model, and the other
                            * members are not used */
    mf_grading grading;   /* how ratings become grades */
    float recency;        /* strength of the age weights, 0 … 1 (mf_age_weight) */
    float prior;          /* strength of the mean profile for short histories, ≥ 0 */
    float regularization; /* λ of the shrinkage, for reports; ≥ 0 */
    float
        relevant_rating; /* lowest rating of a liked item in the choice of the settings; for reports */
    const float *item_vectors; /* [n_items × mf_model_stride(n_factors)] q = σ²/(σ²+λ) v; 64-byte
                                 * aligned, padding zero; all zero for items without grades */
    const float *mean_profile;  /* [stride] mean of the users' profiles without prior */
    const float *spectrum;      /* [n_factors] σ² of each direction, not rising, > 0 */
    const uint8_t *grades;      /* [n_rated] beside rated_items: y = grade / 255; 0: not part of
                                 * the profile (a rating held out for validation) */
    const uint32_t *time_ranks; /* [n_rated] as in mf_ratings, among the user's rated items with a
                                 * grade; 0 where grade is 0. NULL: no times are known */
} mf_ranking_parts;

/* The parts of a model, from a trainer or from an open file. Pointers are views. */
typedef struct mf_model_parts {
    uint32_t n_users; /* 1 … MF_INDEX_NONE - 1, as n_items */
    uint32_t n_items;
    uint32_t n_factors; /* 1 … MF_MODEL_FACTORS_MAX; stride is mf_model_stride(n_factors).
                         * 0: no rating model (trained without ratings): biases and
                         * factors are NULL, global_mean, range and regularizations 0 */
    uint64_t n_rated;

    float global_mean;
    float rating_min; /* predictions are clipped to these; min ≤ max */
    float rating_max;
    float regularization; /* λ per rating in training, for factors in rating units; ≥ 0 */
    float bias_regularization;

    const float *user_bias;    /* [n_users] */
    const float *item_bias;    /* [n_items] */
    const float *user_factors; /* [n_users × stride], 64-byte aligned */
    const float *item_factors; /* [n_items × stride], 64-byte aligned */

    mf_id_list users;
    mf_id_list items;

    const uint64_t *rated_start; /* [n_users + 1] */
    const uint32_t *rated_items; /* [n_rated] per user ascending, none twice */
    const uint32_t *item_count;  /* [n_items] how many rated it; adds up to n_rated */

    mf_ranking_parts ranking; /* n_factors 0: none; a model has at least one of the two */

    mf_attributes attributes; /* titles, numbers and categories of the items */

    const char *metadata; /* JSON text of training: hyperparameters, figures, version;
                           * UTF-8, no control characters but line ends and tabs */
    size_t metadata_bytes;
} mf_model_parts;

/* Writes the parts to path, complete or not at all (base/file.h).
 * Fails MF_ERR_ARGUMENT when a part breaks promise (2), with the part and the
 * place in words; MF_ERR_IO; MF_ERR_MEMORY.
 * Cost: O(size); memory for one id table at a time (8 … 16 bytes per id). */
MF_MUST_CHECK bool mf_model_write(const char *path, const mf_model_parts *parts, mf_error *err);

typedef struct mf_model mf_model;

/* Maps and checks the file. NULL and MF_ERR_FORMAT with the reason (a folder, empty, gzip, not a
 * model, truncated, newer version, damaged, not usable), MF_ERR_IO (missing, unreadable) or
 * MF_ERR_MEMORY. The file must not be changed in place while it is open: replace it by a new one,
 * as mf_model_write does. Cost: one pass over the file, and one walk of the id tables. */
MF_MUST_CHECK mf_model *mf_model_open(const char *path, mf_error *err);

/* The same from a copy in memory, for a server: later changes of the file have no effect, and huge
 * pages make lookups cheaper. Cost: the file's size in memory, twice the time of open for a file in
 * the page cache. */
MF_MUST_CHECK mf_model *mf_model_load(const char *path, mf_error *err);

/* The same from borrowed bytes in memory, 64-byte aligned. */
MF_MUST_CHECK mf_model *mf_model_open_bytes(const void *bytes, size_t n_bytes, const char *name,
                                            mf_error *err);

/* Whether a file of n_bytes may be a model by its first min(n_bytes, 64) bytes (format, version and
 * stated size), before the rest is read. MF_ERR_FORMAT as open, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_model_check_start(const void *first, uint64_t n_bytes, const char *name,
                                        mf_error *err);

/* A model of arrays in memory, before it is written: *parts is copied, its arrays are borrowed and
 * not checked. Without a file ids are not found (MF_INDEX_NONE) and the checksum is 0. NULL and
 * MF_ERR_MEMORY. */
MF_MUST_CHECK mf_model *mf_model_view(const mf_model_parts *parts, mf_error *err);

/* NULL is fine. */
void mf_model_close(mf_model *model);

/* The parts, valid until close. */
const mf_model_parts *mf_model_get(const mf_model *model);

/* The file's checksum, which identifies the model, e.g. in cache keys. */
uint64_t mf_model_checksum(const mf_model *model);

/* The file, for reports (section_file.h); valid until close. NULL for a view. */
const struct mf_section_file *mf_model_file(const mf_model *model);

/* The index of an id, or MF_INDEX_NONE. An unknown id that is a whole number is found in another
 * notation (mf_id_write_integer): 2.0 as 2, 2 as 2.0. Cost: one hash, one or two cache misses; for
 * an unknown number three times that. */
uint32_t mf_model_find_user(const mf_model *model, const char *id, size_t n_bytes);
uint32_t mf_model_find_item(const mf_model *model, const char *id, size_t n_bytes);

/* The same for an item of the model or an unrated one: a row of parts.attributes. Without a
 * catalogue as mf_model_find_item. */
uint32_t mf_model_find_row(const mf_model *model, const char *id, size_t n_bytes);

/* The id of an item of the model or of an unrated one. */
mf_id mf_model_row_id(const mf_model_parts *parts, uint32_t row);

/* The equation at the top for indexes in range. MF_INDEX_NONE for an unknown user or item: its bias
 * and factors count as zero. Only for a model with a rating model (parts.n_factors > 0). */
float mf_model_predict(const mf_model *model, uint32_t user, uint32_t item);

#endif
