/* grade.h: the grade of a rating in the ranking model, and the weight of its age.
 *
 *   grade   y = logistic(2 (r − center) / scale) for ratings: 1/2 for an average one, near 1
 *           for a liked one, near 0 for a disliked one. center is the mean of the training
 *           ratings and scale their standard deviation; scale 0 (all equal): y = 1.
 *           y = min(1, log(1 + c) / scale) for counts, scale > 0; scale 0: y = 1.
 *   code    round(255 y), at least 1: what is stored, learned from and shown as code / 255.
 *           The model learns from the code, not from y, so that the profiles of a visitor and of
 *           a user have the same bits.
 *   age     weight a of a rating. b of its user's other ratings are newer (equally old ones count
 *           half): b = (2 (n − 1) − time_rank) / 2,
 *
 *             a = 1 − 0.45 recency · (1 − exp(−b / 10))
 *
 *           The newest dozen ratings predict the next items best; older ones are all equally
 *           old. Only ratios of weights change an order of items, so the newest has weight 1. By NDCG@10 against the best peer, newest fifth / random fifth of each
 *           user's ratings held out, MovieLens: no weights 1.022 / 1.056, linear in the position
 *           1.094 / 1.006, its square 1.114 / 1.009, this with 0.7 1.122 / 1.031, with 0.5
 *           1.075 / 1.050. With the shrinkage that is chosen (spectral/choose.c) 0.45 has about the
 *           same margin on both.
 *
 * The bits are the same on every machine (base/portable_math.h).
 * Threads: any. */
#ifndef MF_MODEL_GRADE_H
#define MF_MODEL_GRADE_H

#include <stdint.h>

typedef enum mf_grading_kind {
    MF_GRADING_LOGISTIC, /* ratings */
    MF_GRADING_LOG,      /* counts of implicit feedback */
    MF_GRADING_ONE,      /* every pair counts the same: y = 1 */
    MF_GRADING_KINDS,
} mf_grading_kind;

enum {
    MF_GRADE_MAX = 255,
    MF_AGE_OLDEST = 400, /* 2 b from which on age weights are at their minimum */
};

typedef struct mf_grading {
    uint32_t kind; /* mf_grading_kind */
    float center;  /* finite */
    float scale;   /* finite, ≥ 0 */
} mf_grading;

/* "logistic", "log" or "one", for reports. */
const char *mf_grading_name(const mf_grading *grading);

/* The code of a finite rating or count: 1 … MF_GRADE_MAX. */
uint8_t mf_grade_code(const mf_grading *grading, float value);

/* The age weight of a rating among n of its user: time_rank as in mf_ratings, recency 0 … 1 (0:
 * always 1). n ≥ 1, time_rank ≤ 2 (n - 1). In (0, 1]. A function of 2 b alone, constant from
 * MF_AGE_OLDEST on, so it can be tabulated. Cost: one mf_exp. */
float mf_age_weight(float recency, uint32_t time_rank, uint32_t n);

#endif
