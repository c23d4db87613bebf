/* grading.h: how the ratings of training become grades (model/grade.h).
 *
 *   explicit   logistic of the distance from the mean in standard deviations: any scale of
 *              ratings gives the same grades
 *   implicit   log(1 + count) over twice its mean; all counts equal: every pair counts the same
 *
 * Sums run over the ratings in order, in double: the same bits on every machine.
 * Threads: any. */
#ifndef MF_TRAIN_GRADING_H
#define MF_TRAIN_GRADING_H

#include "model/grade.h"
#include "ratings/ratings.h"

#include <stdint.h>

/* From at least one rating. */
mf_grading mf_grading_of(const mf_ratings *ratings);

/* What counts as liked unless it is said: ratings of the mean and more; of implicit feedback
 * everything (-INFINITY). */
float mf_grading_relevant_rating(const mf_ratings *ratings);

/* grades [n_ratings] the codes; relevant [n_ratings] 1 where the value is at least relevant_rating.
 * Cost: a few ns per rating when there are few different values, 25 when all differ. */
void mf_grades_fill(const mf_grading *grading, const mf_ratings *ratings, float relevant_rating,
                    uint8_t *grades, uint8_t *relevant);

#endif
