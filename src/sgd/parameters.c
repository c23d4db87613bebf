/* parameters.c: four arrays, their starting values, and the two ways between them and a model. */
#include "sgd/parameters.h"

#include "base/id_list.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/dot.h"

#include <math.h>

enum { START_SEQUENCE = 1 }; /* of random numbers */

bool mf_parameters_allocate(mf_parameters *p, mf_error *err)
{
    return mf_parameters_allocate_rows(p, 0, p->n_users, err);
}

bool mf_parameters_allocate_rows(mf_parameters *p, uint32_t first_row, uint32_t n_rows,
                                 mf_error *err)
{
    p->stride = mf_model_stride(p->n_factors);
    p->first_row = first_row;
    p->n_rows = n_rows;
    const size_t row_bytes = p->stride * sizeof(float);
    p->user_factors = mf_allocate(n_rows, row_bytes, "user factors", err);
    p->item_factors = mf_allocate(p->n_items, row_bytes, "item factors", err);
    p->user_bias = mf_allocate(n_rows, sizeof(float), "user biases", err);
    p->item_bias = mf_allocate(p->n_items, sizeof(float), "item biases", err);
    const bool ok = p->user_factors != NULL && p->item_factors != NULL && p->user_bias != NULL &&
                    p->item_bias != NULL;
    if (!ok)
        mf_parameters_release(p);
    return ok;
}

void mf_parameters_release(mf_parameters *p)
{
    mf_free(p->user_factors);
    mf_free(p->item_factors);
    mf_free(p->user_bias);
    mf_free(p->item_bias);
    p->user_factors = p->item_factors = p->user_bias = p->item_bias = NULL;
}

void mf_parameters_start(mf_parameters *p, float init_scale, uint64_t seed, uint32_t first_user)
{
    const float deviation = init_scale / sqrtf((float)p->n_factors);
    const uint64_t key = mf_random_key(seed, START_SEQUENCE);
    for (uint32_t user = first_user; user < p->n_users; user++) {
        const uint32_t row = mf_parameters_row(p, user);
        if (row == MF_INDEX_NONE)
            continue;
        float *factor = p->user_factors + row * p->stride;
        for (uint32_t f = 0; f < p->n_factors; f++)
            factor[f] = deviation * mf_random_normal(key, (uint64_t)user * p->n_factors + f);
    }
}

float mf_parameters_predict(const mf_parameters *p, uint32_t user, uint32_t item)
{
    float predicted = 0;
    if (user != MF_INDEX_NONE)
        predicted += p->user_bias[p->user_row[user] - p->first_row];
    if (item != MF_INDEX_NONE)
        predicted += p->item_bias[p->item_row[item]];
    if (user != MF_INDEX_NONE && item != MF_INDEX_NONE)
        predicted += mf_dot(p->user_factors + (p->user_row[user] - p->first_row) * p->stride,
                            p->item_factors + p->item_row[item] * p->stride, p->stride);
    return predicted;
}

/* Padding is left as it was allocated: a decay below zero makes minus zero of it in training, and a
 * model's padding is all zero bits. */
static void export_side(float *factors_to, float *bias_to, const float *factors, const float *bias,
                        const uint32_t *row, uint32_t n, uint32_t n_factors, float scale)
{
    const size_t stride = mf_model_stride(n_factors);
    const float root = sqrtf(scale);
    for (uint32_t index = 0; index < n; index++) {
        for (size_t f = 0; f < n_factors; f++)
            factors_to[index * stride + f] = factors[row[index] * stride + f] * root;
        bias_to[index] = bias[row[index]] * scale;
    }
}

void mf_parameters_export(mf_parameters *to, const mf_parameters *p)
{
    export_side(to->user_factors, to->user_bias, p->user_factors, p->user_bias, p->user_row,
                p->n_users, p->n_factors, p->scale);
    export_side(to->item_factors, to->item_bias, p->item_factors, p->item_bias, p->item_row,
                p->n_items, p->n_factors, p->scale);
}

void mf_parameters_export_rows(float *factors_to, float *bias_to, const float *factors,
                               const float *bias, size_t n, uint32_t n_factors, float scale)
{
    const size_t stride = mf_model_stride(n_factors);
    const float root = sqrtf(scale);
    for (size_t row = 0; row < n; row++) {
        for (size_t f = 0; f < n_factors; f++)
            factors_to[row * stride + f] = factors[row * stride + f] * root;
        bias_to[row] = bias[row] * scale;
    }
}

/* Rows first … first + n_rows - 1 are here. */
static void import_side(float *factors, float *bias, const uint32_t *row, uint32_t first,
                        uint32_t n_rows, const float *factors_from, const float *bias_from,
                        uint32_t n, size_t stride, float scale)
{
    const float root = sqrtf(scale);
    for (uint32_t index = 0; index < n; index++) {
        const uint32_t place = row[index] - first;
        if (place >= n_rows)
            continue;
        for (size_t f = 0; f < stride; f++)
            factors[place * stride + f] = factors_from[index * stride + f] / root;
        bias[place] = bias_from[index] / scale;
    }
}

void mf_parameters_import(mf_parameters *p, const mf_model_parts *base)
{
    import_side(p->user_factors, p->user_bias, p->user_row, p->first_row, p->n_rows,
                base->user_factors, base->user_bias, base->n_users, p->stride, p->scale);
    import_side(p->item_factors, p->item_bias, p->item_row, 0, p->n_items, base->item_factors,
                base->item_bias, base->n_items, p->stride, p->scale);
}
