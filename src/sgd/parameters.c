/* parameters.c: promises in parameters.h. */
#include "sgd/parameters.h"

#include "base/id_list.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/dot.h"

#include <math.h>
#include <string.h>

/* A random sequence of its own (trainer.c has another). */
enum { START_SEQUENCE = 1 };

static float *allocate_rows(uint32_t n, size_t stride, const char *what, mf_error *err)
{
    return mf_allocate(n, stride * sizeof(float), what, err);
}

bool mf_parameters_allocate(mf_parameters *p, mf_error *err)
{
    p->stride = mf_model_stride(p->n_factors);
    p->user_factors = allocate_rows(p->n_users, p->stride, "user factors", err);
    p->item_factors = allocate_rows(p->n_items, p->stride, "item factors", err);
    p->user_bias = allocate_rows(p->n_users, 1, "user biases", err);
    p->item_bias = allocate_rows(p->n_items, 1, "item biases", err);
    if (p->user_factors != NULL && p->item_factors != NULL && p->user_bias != NULL &&
        p->item_bias != NULL)
        return true;
    mf_parameters_release(p);
    return false;
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
        float *factor = p->user_factors + p->user_row[user] * p->stride;
        for (uint32_t f = 0; f < p->n_factors; f++)
            factor[f] = deviation * mf_random_normal(key, (uint64_t)user * p->n_factors + f);
    }
}

float mf_parameters_predict(const mf_parameters *p, uint32_t user, uint32_t item)
{
    float predicted = 0;
    if (user != MF_INDEX_NONE)
        predicted += p->user_bias[p->user_row[user]];
    if (item != MF_INDEX_NONE)
        predicted += p->item_bias[p->item_row[item]];
    if (user != MF_INDEX_NONE && item != MF_INDEX_NONE)
        predicted += mf_dot(p->user_factors + p->user_row[user] * p->stride,
                            p->item_factors + p->item_row[item] * p->stride, p->stride);
    return predicted;
}

bool mf_export_allocate(mf_export *export, const mf_parameters *p, mf_error *err)
{
    export->user_factors = allocate_rows(p->n_users, p->stride, "the model's user factors", err);
    export->item_factors = allocate_rows(p->n_items, p->stride, "the model's item factors", err);
    export->user_bias = allocate_rows(p->n_users, 1, "the model's user biases", err);
    export->item_bias = allocate_rows(p->n_items, 1, "the model's item biases", err);
    if (export->user_factors != NULL && export->item_factors != NULL && export->user_bias != NULL &&
        export->item_bias != NULL)
        return true;
    mf_export_release(export);
    return false;
}

void mf_export_release(mf_export *export)
{
    mf_free(export->user_factors);
    mf_free(export->item_factors);
    mf_free(export->user_bias);
    mf_free(export->item_bias);
    memset(export, 0, sizeof *export);
}

/* Padding is left as it was allocated: a decay below zero makes minus zero of it in
 * training, and a model's padding is all zero bits. */
static void export_side(float *factors_to, float *bias_to, const float *factors, const float *bias,
                        const uint32_t *row, uint32_t n, uint32_t n_factors, float scale)
{
    const size_t stride = mf_model_stride(n_factors);
    const float root = sqrtf(scale);
    for (uint32_t index = 0; index < n; index++) {
        const float *from = factors + row[index] * stride;
        float *to = factors_to + index * stride;
        for (size_t f = 0; f < n_factors; f++)
            to[f] = from[f] * root;
        bias_to[index] = bias[row[index]] * scale;
    }
}

void mf_export_fill(mf_export *export, const mf_parameters *p)
{
    export_side(export->user_factors, export->user_bias, p->user_factors, p->user_bias, p->user_row,
                p->n_users, p->n_factors, p->scale);
    export_side(export->item_factors, export->item_bias, p->item_factors, p->item_bias, p->item_row,
                p->n_items, p->n_factors, p->scale);
}

static void import_side(float *factors, float *bias, const uint32_t *row, const float *factors_from,
                        const float *bias_from, uint32_t n, size_t stride, float scale)
{
    const float root = sqrtf(scale);
    for (uint32_t index = 0; index < n; index++) {
        float *to = factors + row[index] * stride;
        for (size_t f = 0; f < stride; f++)
            to[f] = factors_from[index * stride + f] / root;
        bias[row[index]] = bias_from[index] / scale;
    }
}

void mf_parameters_import(mf_parameters *p, const mf_model_parts *earlier)
{
    import_side(p->user_factors, p->user_bias, p->user_row, earlier->user_factors,
                earlier->user_bias, earlier->n_users, p->stride, p->scale);
    import_side(p->item_factors, p->item_bias, p->item_row, earlier->item_factors,
                earlier->item_bias, earlier->n_items, p->stride, p->scale);
}
