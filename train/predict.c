/* predict.c: opens the model below a prefix and prints one prediction. */
#include "predict.h"

#include "base/log.h"
#include "metrics.h"
#include "model/model.h"
#include "sagemaker/environment.h"

#include <stdio.h>
#include <string.h>

int mf_predict_print(const char *prefix, const char *user_id, const char *item_id)
{
    mf_error err = {0};
    mf_tree tree;
    char path[MF_PATH_BYTES + 16];
    mf_model *model = NULL;
    if (mf_tree_set(&tree, prefix, &err)) {
        snprintf(path, sizeof path, "%s/model.bin", tree.model);
        model = mf_model_open(path, &err);
    }
    if (model == NULL) {
        mf_log_message(MF_LOG_ERROR, "failed", "%s", err.text);
        return 1;
    }
    const mf_model_parts *parts = mf_model_get(model);
    if (parts->n_factors == 0) {
        mf_log_message(MF_LOG_ERROR, "failed",
                       "%s has no rating model: it was trained without ratings, or with one rating "
                       "everywhere, and predicts none",
                       path);
        mf_model_close(model);
        return 1;
    }
    const uint32_t user = mf_model_find_user(model, user_id, strlen(user_id));
    const uint32_t item = mf_model_find_item(model, item_id, strlen(item_id));
    printf("predicted_rating=%.*f%s%s\n", mf_metrics_decimals(parts->rating_min, parts->rating_max),
           (double)mf_model_predict(model, user, item),
           user == MF_INDEX_NONE ? " known_user=false" : "",
           item == MF_INDEX_NONE ? " known_item=false" : "");
    mf_model_close(model);
    return 0;
}
