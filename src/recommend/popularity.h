/* popularity.h: what to show somebody we know nothing about. */
#ifndef MF_RECOMMEND_POPULARITY_H
#define MF_RECOMMEND_POPULARITY_H

#include "model/model.h"

#include <stdint.h>

/* The order: b_i · c / (c + damping). */
float mf_popularity(const mf_model_parts *parts, uint32_t item);

#endif
