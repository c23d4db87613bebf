/* state.h: what a recommender and a workspace consist of. Inside of this folder;
 * no other module includes it. */
#ifndef MF_RECOMMEND_STATE_H
#define MF_RECOMMEND_STATE_H

#include "recommend/group.h"
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
    size_t n_listed;          /* items that every order lists */
    size_t most_rated;        /* by one user */
    float *similarity_weight; /* [n_items] similar.h: damping over the row's norm; 0: none */
};

/* A block of memory that only grows, by throwing away what it held. */
typedef struct mf_scratch {
    void *block;
    size_t n_bytes;
} mf_scratch;

/* group.c */
typedef struct mf_group {
    mf_scratch vectors; /* float: [MF_GROUP_MAX + 1] rows of members, and their mean */
    mf_scratch factors;
    mf_scratch rated;    /* uint64_t: a bitmap of what any of them rated */
    mf_scratch left_out; /* uint32_t: the same as a list */
    float bias[MF_GROUP_MAX];
    mf_scratch products;        /* float: of the members' rows with each other */
    mf_scratch ordered_vectors; /* float: the rows again, in the order in which they are scored */
    mf_scratch ordered_factors;
    float ordered_bias[MF_GROUP_MAX];
    size_t n;
    bool known; /* any of them */
} mf_group;

/* audience.c */
typedef struct mf_audience_search {
    const mf_recommender *recommender;
    uint32_t item;
    bool by_ranking;
    int phase;
    size_t next;     /* item or user of the phase */
    float *products; /* [n_items] of item vectors with the item's */
    float *lengths;  /* [n_items] of item vectors */
    float *highest;  /* [n_users] that a score can be; by rating [a few] products */
    float *weights;  /* [of the longest history] */
    float *vector;
    mf_best lowest; /* the n best users by the least that their scores can be */
    mf_best best;
    size_t n_scored; /* users whose vector was computed */
} mf_audience_search;

struct mf_workspace {
    mf_audience_search audience;
    mf_group group;
    mf_search search;        /* the list that is on its way */
    mf_scratch best;         /* mf_recommendation: the heap, then the list */
    mf_scratch candidates;   /* uint32_t: choice.c, as the next one */
    mf_scratch chosen;       /* uint64_t */
    mf_scratch seeds;        /* mf_recommendation: scan.c, as the next four */
    mf_scratch bounds;       /* float */
    mf_scratch lines;        /* uint16_t: the query in the kernel's form */
    mf_scratch codes;        /* int8_t */
    mf_scratch runs;         /* uint16_t */
    mf_scratch code_rows;    /* int16_t: queries for codes, as explain.c's items */
    mf_scratch code_queries; /* mf_code_query */
    size_t n_scored;         /* by the last scan; for tests and benchmarks, as n_bounded */
    size_t n_bounded;
    mf_scratch direction;    /* float: a ranking vector, or an item's row at length 1 */
    mf_scratch entries;      /* of a fold-in: the ratings, sorted */
    mf_scratch used;         /* uint32_t: the items of those that count */
    mf_scratch left;         /* float: what is left of them to explain */
    mf_scratch equations;    /* double */
    mf_scratch rated;        /* uint32_t: its result, valid until the next one */
    mf_scratch factors;      /* float */
    mf_scratch grades;       /* uint8_t: of the visitor's items */
    mf_scratch times;        /* double: the same */
    mf_scratch time_ranks;   /* uint32_t: the same */
    mf_scratch time_order;   /* uint32_t: to work in */
    mf_scratch vector;       /* float: the visitor's ranking vector */
    mf_scratch weights;      /* float: explain.c, as the next three */
    mf_scratch reasons;      /* mf_score_term */
    mf_scratch explanations; /* mf_explanation */
    mf_scratch terms;        /* float: of all rated items, or bounds of them */
    mf_scratch products;     /* int32_t */
    mf_scratch graded;       /* uint32_t: the rated items with a weight */
    mf_scratch quotas;       /* mf_quota: steer.c, as the next ones */
    mf_scratch counts;       /* uint32_t */
    mf_scratch steered;      /* mf_recommendation: the list */
    mf_scratch pool;         /* mf_steer_item */
    mf_scratch rows;         /* float */
    mf_scratch numbers;      /* uint32_t */
    mf_scratch cosines;      /* float */
};

/* At least count elements of `size` bytes, 64-byte aligned, content undefined.
 * NULL and MF_ERR_MEMORY. */
void *mf_scratch_reserve(mf_scratch *scratch, size_t count, size_t size, const char *what,
                         mf_error *err);

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
