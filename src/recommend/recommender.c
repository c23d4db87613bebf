/* recommender.c: what is computed once for a model before its first list: the two spaces, the index of
 * the one that orders lists, similarity weights and popularity. */
#include "recommend/recommender.h"

#include "base/memory.h"
#include "model/dot.h"
#include "recommend/similar.h"
#include "recommend/state.h"

/* With more, 4 bits prove too little: at 1,024 factors and 5,000 items four fifths of the
 * items had to be scored anyway, and the bounds cost more than they saved. */
enum { FACTORS_FOR_INDEX = 512 };

/* Of a larger catalogue the codes would be more than all else that serve needs beside the model. */
static const size_t CODES_MAX_BYTES = (size_t)16 << 20;

static mf_space space_of(const float *rows, uint32_t n_factors)
{
    return (mf_space){
        .rows = n_factors > 0 ? rows : NULL,
        .n_factors = n_factors,
        .stride = mf_model_stride(n_factors),
    };
}

/* The codes that stand beside an index, in what it leaves of max_bytes. */
static bool create_codes(mf_space *space, uint32_t n_items, size_t max_bytes, mf_error *err)
{
    size_t n_bytes;
    if (!mf_codes_size(n_items, space->n_factors, &n_bytes) || n_bytes > CODES_MAX_BYTES ||
        n_bytes > max_bytes - space->index.n_bytes)
        return true;
    return mf_codes_create(&space->codes, n_items, space->n_factors, space->rows, err);
}

/* Of the ranking model's vectors where there are such, else of the rating model's factors. */
static bool create_index(mf_recommender *r, size_t max_bytes, mf_error *err)
{
    const bool has_ranking = r->ranking.rows != NULL;
    mf_space *space = has_ranking ? &r->ranking : &r->rating;
    const mf_index_rows rows = {
        .n_items = r->parts->n_items,
        .n_factors = space->n_factors,
        .rows = space->rows,
        .bias = has_ranking ? NULL : r->parts->item_bias,
        .is_spectral = has_ranking,
        .weight = has_ranking ? r->similarity_weight : NULL,
    };
    size_t n_bytes;
    if (space->n_factors > FACTORS_FOR_INDEX || !mf_index_size(&rows, &n_bytes) ||
        n_bytes > max_bytes)
        return true;
    return mf_index_create(&space->index, &rows, err) &&
           (space->index.n_items == 0 || create_codes(space, rows.n_items, max_bytes, err));
}

static void count_listed(mf_recommender *r)
{
    const mf_model_parts *parts = r->parts;
    for (size_t item = 0; item < parts->n_items; item++)
        r->n_listed += r->similarity_weight[item] > 0; /* it has a vector and ratings */
    for (size_t user = 0; user < parts->n_users; user++) {
        const size_t n = (size_t)(parts->rated_start[user + 1] - parts->rated_start[user]);
        r->most_rated = n > r->most_rated ? n : r->most_rated;
    }
}

size_t mf_recommender_least_list(const mf_recommender *recommender, size_t n_ratings)
{
    const size_t left_out =
        recommender->most_rated > n_ratings ? recommender->most_rated : n_ratings;
    return recommender->n_listed > left_out ? recommender->n_listed - left_out : 0;
}

mf_recommender *mf_recommender_create(const mf_model *model, size_t max_index_bytes, mf_error *err)
{
    mf_recommender *r = mf_allocate(1, sizeof *r, "a recommender", err);
    if (r == NULL)
        return NULL;
    r->model = model;
    r->parts = mf_model_get(model);
    r->kernel = mf_recommend_kernel_choose();
    r->rating = space_of(r->parts->item_factors, r->parts->n_factors);
    r->ranking = space_of(r->parts->ranking.item_vectors, r->parts->ranking.n_factors);
    if (r->ranking.rows != NULL)
        r->profiles = mf_profiles_prepare(r->parts, r->kernel);
    r->similarity_weight =
        mf_allocate(r->parts->n_items, sizeof *r->similarity_weight, "a recommender", err);
    if (r->similarity_weight == NULL)
        goto failed;
    mf_similarity_weights(r->parts, mf_similar_space(r), r->similarity_weight);
    count_listed(r);
    if (!mf_popular_create(&r->popular, r->parts, err) || !create_index(r, max_index_bytes, err))
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
    mf_index_release(&recommender->rating.index);
    mf_index_release(&recommender->ranking.index);
    mf_codes_release(&recommender->rating.codes);
    mf_codes_release(&recommender->ranking.codes);
    mf_popular_release(&recommender->popular);
    mf_free(recommender->similarity_weight);
    mf_free(recommender);
}

const mf_model *mf_recommender_model(const mf_recommender *recommender)
{
    return recommender->model;
}

bool mf_recommender_order_is_long(const mf_recommender *recommender, mf_order order)
{
    static const size_t MOST_BYTES = (size_t)16 << 20;
    if (order == MF_ORDER_POPULARITY)
        return false;
    const bool by_rating = order == MF_ORDER_RATING || recommender->ranking.rows == NULL;
    const mf_space *space = by_rating ? &recommender->rating : &recommender->ranking;
    const size_t floats = (size_t)recommender->parts->n_items * space->stride;
    return space->index.n_items > 0 ? space->index.n_bytes > MOST_BYTES
                                    : floats > MOST_BYTES / sizeof(float);
}

bool mf_recommender_is_long(const mf_recommender *recommender)
{
    return mf_recommender_order_is_long(recommender, MF_ORDER_DEFAULT);
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
    const mf_space *rating = &recommender->rating, *ranking = &recommender->ranking;
    return rating->index.n_bytes + rating->codes.n_bytes + ranking->index.n_bytes +
           ranking->codes.n_bytes;
}

mf_profile mf_profile_of_user(const mf_recommender *recommender, uint32_t user)
{
    const mf_model_parts *parts = recommender->parts;
    const mf_space *rating = &recommender->rating;
    if (user == MF_INDEX_NONE)
        return (mf_profile){.user = MF_INDEX_NONE};
    const uint64_t start = parts->rated_start[user];
    const size_t n_rated = (size_t)(parts->rated_start[user + 1] - start);
    return (mf_profile){
        .factors = rating->rows != NULL ? parts->user_factors + user * rating->stride : NULL,
        .bias = rating->rows != NULL ? parts->user_bias[user] : 0,
        .known = true,
        .rated = n_rated > 0 ? parts->rated_items + start : NULL,
        .n_rated = n_rated,
        .user = user,
    };
}

/* Not clipped. */
static float score_of(const mf_recommender *r, const float *factors, float bias, uint32_t item)
{
    const mf_space *space = &r->rating;
    float rating = r->parts->global_mean + bias;
    if (item != MF_INDEX_NONE)
        rating += r->parts->item_bias[item];
    if (item != MF_INDEX_NONE && factors != NULL)
        rating += mf_dot(factors, space->rows + item * space->stride, space->stride);
    return rating;
}

float mf_predict(const mf_recommender *recommender, const mf_profile *profile, uint32_t item)
{
    const size_t stride = recommender->rating.stride;
    float rating = profile->n_members > 0
                       ? INFINITY
                       : score_of(recommender, profile->factors, profile->bias, item);
    for (size_t m = 0; m < profile->n_members; m++) {
        const float one = score_of(recommender, profile->member_factors + m * stride,
                                   profile->member_bias[m], item);
        rating = isnan(one) ? -INFINITY : fminf(rating, one);
    }
    return mf_clip_rating(recommender->parts, rating);
}
