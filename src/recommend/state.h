/* state.h: what a recommender and a workspace consist of. Inside of this folder;
 * nobody else includes it. */
#ifndef MF_RECOMMEND_STATE_H
#define MF_RECOMMEND_STATE_H

#include "recommend/index.h"
#include "recommend/kernels.h"
#include "recommend/popularity.h"
#include "recommend/profile.h"
#include "recommend/recommender.h"
#include "recommend/scan.h"

#include <math.h>

struct mf_recommender {
    const mf_model *model;
    const mf_model_parts *parts;
    const mf_recommend_kernel *kernel;
    mf_space rating;      /* the item factors; with an index when there is no ranking model */
    mf_space ranking;     /* the item vectors */
    mf_profiles profiles; /* with a ranking model */
    mf_popular popular;
    float *similarity_weight; /* [n_items] similar.h: damping over the row's norm; 0: none */
};

/* A block of memory that only grows, by throwing away what it held. */
typedef struct mf_room {
    void *block;
    size_t n_bytes;
} mf_room;

struct mf_workspace {
    mf_search search;   /* the list that is on its way */
    mf_room best;       /* mf_recommendation: the heap, then the answer */
    mf_room candidates; /* uint32_t: sorted, none twice */
    mf_room seeds;      /* mf_recommendation: scan.c, as the next four */
    mf_room bounds;     /* float */
    mf_room lines;      /* uint16_t: the query in the kernel's form */
    mf_room codes;      /* int8_t */
    mf_room runs;       /* uint16_t */
    size_t n_scored;    /* by the last scan; for tests and benchmarks, as n_bounded */
    size_t n_bounded;
    mf_room direction;  /* float: a ranking vector, or an item's row at length 1 */
    mf_room entries;    /* of a fold-in: the ratings, sorted */
    mf_room used;       /* uint32_t: the items of those that count */
    mf_room left;       /* float: what is left of them to explain */
    mf_room equations;  /* double */
    mf_room rated;      /* uint32_t: its answer, valid until the next one */
    mf_room factors;    /* float */
    mf_room grades;     /* uint8_t: of the visitor's items */
    mf_room times;      /* double: the same */
    mf_room time_ranks; /* uint32_t: the same */
    mf_room time_order; /* uint32_t: to work in */
    mf_room vector;     /* float: the visitor's ranking vector */
};

/* At least count elements of `size` bytes, 64-byte aligned, content undefined.
 * NULL and MF_ERR_MEMORY. */
void *mf_room_reserve(mf_room *room, size_t count, size_t size, const char *what, mf_error *err);

/* In which items are like others. */
static inline const mf_space *mf_similar_space(const mf_recommender *recommender)
{
    return recommender->ranking.rows != NULL ? &recommender->ranking : &recommender->rating;
}

/* Into the model's range, and rating_min for what is not a number, as mf_model_predict
 * does. */
static inline float mf_clip_rating(const mf_model_parts *parts, float score)
{
    if (!(score > parts->rating_min))
        return parts->rating_min;
    return score < parts->rating_max ? score : parts->rating_max;
}

static inline float mf_clip_similarity(float similarity)
{
    return fmaxf(-1, fminf(1, similarity));
}

#endif
