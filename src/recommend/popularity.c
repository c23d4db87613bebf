/* popularity.c: see popularity.h. */
#include "recommend/popularity.h"

float mf_popularity(const mf_model_parts *parts, uint32_t item)
{
    const float count = (float)parts->item_count[item];
    return parts->item_bias[item] * (count / (count + 10.0f));
}
