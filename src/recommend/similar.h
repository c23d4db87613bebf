/* similar.h: what makes two items alike. */
#ifndef MF_RECOMMEND_SIMILAR_H
#define MF_RECOMMEND_SIMILAR_H

#include "model/model.h"

#include <stdint.h>

/* Fills likeness[n_items]: 1 / |q_i|, 0 for items without factors. */
void mf_likeness_compute(const mf_model_parts *parts, float *likeness);

#endif
