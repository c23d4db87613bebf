/* rated.h: the rated items of each user, the input of the ranking model and a part of the model file.
 *
 * Three sources are merged into one list for each user, items ascending: the base model's rated
 * items with their grades (warm start), all ratings that were read, and of these the training
 * ratings. Base model and training ratings have grades. A rating held out for validation has grade
 * 0: it is not recommended and not part of the profile. A pair of the base model that is rated
 * again has the new rating. The base model's ratings are older than all new ones.
 *
 * Threads: mf_rated_create starts its own (OpenMP); the result does not depend on how many. */
#ifndef MF_TRAIN_RATED_H
#define MF_TRAIN_RATED_H

#include "base/error.h"
#include "model/model.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_rated {
    uint32_t n_users;
    uint64_t *start;   /* [n_users + 1] */
    uint32_t *items;   /* [start[n_users]] */
    uint8_t *grades;   /* beside items; NULL without grading */
    uint8_t *relevant; /* beside items: 1 where the grade is that of a liked item; NULL as grades */
    uint32_t *time_ranks; /* beside items, as in mf_ranking_parts; NULL: no times are known */
    bool borrows;         /* start, items and time_ranks belong to `all` */
} mf_rated;

/* base: the model of a warm start or NULL, its users and items the first ones of `all`. train: the
 * training ratings, with the indexes of all (may be == all). grading NULL: only start and items are
 * filled. relevant_rating: the lowest rating of a liked item. Memory: 2 bytes per rating when
 * nothing has to be merged (no base, train == all), else 10. Cost: O(n log n) for the longest
 * user's list. Fails MF_ERR_MEMORY; then *rated is empty. */
MF_MUST_CHECK bool mf_rated_create(mf_rated *rated, const mf_model_parts *base,
                                   const mf_ratings *all, const mf_ratings *train,
                                   const mf_grading *grading, float relevant_rating,
                                   uint32_t n_threads, mf_error *err);

void mf_rated_release(mf_rated *rated);

#endif
