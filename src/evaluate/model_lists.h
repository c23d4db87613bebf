/* model_lists.h: the lists of a model, as serve makes them (recommend/recommender.h, mf_top_n).
 *
 * A user's list leaves out what he rated in training. A model file may also name ratings among
 * rated_items that were held out when it was learned (validation_fraction). With a ranking model
 * those have grade 0 and may come back; without one, what is held out here may come back.
 * A model learned from the training part alone has neither. */
#ifndef MF_EVALUATE_MODEL_LISTS_H
#define MF_EVALUATE_MODEL_LISTS_H

#include "evaluate/lists.h"
#include "recommend/recommender.h"

typedef struct mf_model_lists {
    const mf_recommender *recommender;
    mf_order order;
    /* Items that stay out of the list of user u as if he had rated them in training, ascending:
     * also_items[also_start[u]] up to also_items[also_start[u + 1]]. NULL: none. */
    const uint64_t *also_start;
    const uint32_t *also_items;
    float diversity; /* 0 … 1 (recommender.h) */
} mf_model_lists;

/* The source; `lists` and its recommender must outlive it. Its list fails MF_ERR_ARGUMENT for an
 * order that the model does not have (mf_recommender_can_order). */
mf_list_source mf_model_lists_source(const mf_model_lists *lists);

#endif
