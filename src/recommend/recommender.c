/* recommender.c: a model made ready to answer; promises in recommender.h. */
#include "recommend/recommender.h"

#include "base/memory.h"
#include "model/dot.h"
#include "recommend/similar.h"
#include "recommend/state.h"

/* With more, 4 bits prove too little: at 1,024 factors and 5,000 items four fifths of the
 * items had to be scored anyway, and the bounds cost more than they saved. */
enum { FACTORS_FOR_INDEX = 512 };

mf_recommender *mf_recommender_create(const mf_model *model, size_t max_index_bytes, mf_error *err)
{
    mf_recommender *r = mf_allocate(1, sizeof *r, "a recommender", err);
    if (r == NULL)
        return NULL;
    size_t n_bytes;
    r->model = model;
    r->parts = mf_model_get(model);
    r->stride = mf_model_stride(r->parts->n_factors);
    r->kernel = mf_recommend_kernel_choose();
    r->likeness = mf_allocate(r->parts->n_items, sizeof *r->likeness, "a recommender", err);
    if (r->likeness == NULL)
        goto failed;
    mf_likeness_compute(r->parts, r->likeness);
    if (!mf_popular_create(&r->popular, r->parts, err))
        goto failed;
    if (r->parts->n_factors <= FACTORS_FOR_INDEX && mf_index_size(r->parts, &n_bytes) &&
        n_bytes <= max_index_bytes && !mf_index_create(&r->index, r->parts, err))
        goto failed;
    return r;
failed:
    mf_recommender_destroy(r);
    return NULL;
}

void mf_recommender_destroy(mf_recommender *recommender)
{
    if (recommender == NULL)
        return;
    mf_index_release(&recommender->index);
    mf_popular_release(&recommender->popular);
    mf_free(recommender->likeness);
    mf_free(recommender);
}

const mf_model *mf_recommender_model(const mf_recommender *recommender)
{
    return recommender->model;
}

bool mf_recommender_is_long(const mf_recommender *recommender)
{
    static const size_t MOST_BYTES = (size_t)16 << 20;
    const size_t floats = (size_t)recommender->parts->n_items * recommender->stride;
    return recommender->index.n_items > 0 ? recommender->index.n_bytes > MOST_BYTES
                                          : floats > MOST_BYTES / sizeof(float);
}

bool mf_recommender_has_ratings(const mf_recommender *recommender)
{
    return recommender->parts->n_factors > 0;
}

bool mf_recommender_has_ranking(const mf_recommender *recommender)
{
    return recommender->parts->ranking.n_factors > 0;
}

size_t mf_recommender_index_bytes(const mf_recommender *recommender)
{
    return recommender->index.n_bytes;
}

mf_profile mf_profile_of_user(const mf_recommender *recommender, uint32_t user)
{
    const mf_model_parts *parts = recommender->parts;
    if (user == MF_INDEX_NONE)
        return (mf_profile){.user = MF_INDEX_NONE};
    const uint64_t start = parts->rated_start[user];
    const size_t n_rated = (size_t)(parts->rated_start[user + 1] - start);
    return (mf_profile){
        .factors = parts->user_factors + user * recommender->stride,
        .bias = parts->user_bias[user],
        .known = true,
        .rated = n_rated > 0 ? parts->rated_items + start : NULL,
        .n_rated = n_rated,
        .user = user,
    };
}

float mf_predict(const mf_recommender *recommender, const mf_profile *profile, uint32_t item)
{
    const mf_model_parts *parts = recommender->parts;
    float rating = parts->global_mean + profile->bias;
    if (item != MF_INDEX_NONE)
        rating += parts->item_bias[item];
    if (item != MF_INDEX_NONE && profile->factors != NULL)
        rating += mf_dot(profile->factors, parts->item_factors + item * recommender->stride,
                         recommender->stride);
    return mf_clip_rating(parts, rating);
}
