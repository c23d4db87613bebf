/* grade.h: how a rating enters the ranking model, and how its age weighs.
 *
 *   grade   y = logistic(2 (r − center) / scale) for ratings: 1/2 for an average one, near 1
 *           for a liked one, near 0 for a disliked one. center is the mean of the training
 *           ratings and scale their standard deviation; scale 0 (all equal): y = 1.
 *           y = min(1, log(1 + c) / scale) for counts, scale > 0; scale 0: y = 1.
 *   code    round(255 y), at least 1: what is stored, learned from and shown as code / 255.
 *           Learning from the code and not from y is what makes a visitor's profile and a
 *           user's the same bits.
 *   age     weight a for the position t of a rating in its user's own time order, 0 … 1:
 *           t = (time_rank + 1) / (2 n), so 1/2 when all times are equal.
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

enum { MF_GRADE_MAX = 255 };

typedef struct mf_grading {
    uint32_t kind; /* mf_grading_kind */
    float center;  /* finite */
    float scale;   /* finite, ≥ 0 */
} mf_grading;

/* The code of a finite rating or count: 1 … MF_GRADE_MAX. */
uint8_t mf_grade_code(const mf_grading *grading, float value);

/* The age weight of a rating among n of its user: time_rank as in mf_ratings, recency 0 … 1
 * (0: always 1). n ≥ 1, time_rank ≤ 2 (n - 1). Mean about 1 over a user's ratings. */
float mf_age_weight(float recency, uint32_t time_rank, uint32_t n);

#endif
