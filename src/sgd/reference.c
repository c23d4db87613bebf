/* reference.c: the rating model in plain loops, the equation above each line.
 *
 * u is a user, i an item, f a factor; p_u and q_i are rows of factors. */
#include "sgd/reference.h"

#include <math.h>

double mf_sgd_reference_predict(const mf_sgd_reference *model, size_t u, size_t i)
{
    /* r̂ = b_u + b_i + Σ_f p_uf q_if */
    double rating = model->user_bias[u] + model->item_bias[i];
    for (size_t f = 0; f < model->n_factors; f++)
        rating += model->user_factors[u * model->n_factors + f] *
                  model->item_factors[i * model->n_factors + f];
    return rating;
}

double mf_sgd_reference_step(mf_sgd_reference *model, size_t i, const mf_grid_rating *ratings,
                             size_t n)
{
    const size_t k = model->n_factors;
    double e[MF_SGD_GROUP], loss = 0;
    for (size_t j = 0; j < n; j++) {
        /* e_j = r_j − r̂_j, all of them before anything moves */
        e[j] = (double)ratings[j].value - mf_sgd_reference_predict(model, ratings[j].user_row, i);
        /* loss = Σ_j e_j² */
        loss += e[j] * e[j];
    }
    /* One rating shrinks a number by 1 − rate λ; the item has n ratings, each user one. */
    const double user_left = 1 - model->rate * model->user_regularization;
    const double item_left = pow(1 - model->rate * model->item_regularization, (double)n);
    for (size_t f = 0; f < k; f++) {
        double *q = &model->item_factors[i * k + f];
        const double old = *q, z = model->item_priors != NULL ? model->item_priors[i * k + f] : 0;
        /* q_i ← z_i + (1 − rate λ)ⁿ (q_i − z_i) + rate Σ_j e_j p_j */
        *q = z + item_left * (old - z);
        for (size_t j = 0; j < n; j++) {
            double *p = &model->user_factors[ratings[j].user_row * k + f];
            *q += model->rate * e[j] * *p;
            /* p_j ← (1 − rate λ) p_j + rate e_j q_i, with q_i of before */
            *p = user_left * *p + model->rate * e[j] * old;
        }
    }
    /* b_i ← (1 − rate λ)ⁿ b_i + rate Σ_j e_j */
    model->item_bias[i] *= pow(1 - model->bias_rate * model->item_bias_regularization, (double)n);
    for (size_t j = 0; j < n; j++) {
        double *b = &model->user_bias[ratings[j].user_row];
        model->item_bias[i] += model->bias_rate * e[j];
        /* b_j ← (1 − rate λ) b_j + rate e_j */
        *b =
            (1 - model->bias_rate * model->user_bias_regularization) * *b + model->bias_rate * e[j];
    }
    return loss;
}

void mf_sgd_reference_priors(const mf_ratings *ratings, size_t k, double rate, double damping,
                             double *v, double *x, double *z)
{
    const uint64_t *start = ratings->user_start;
    /* q_i = v_i − z_i: the part of an item that its prior does not explain */
    for (size_t at = 0; at < ratings->n_items * k; at++)
        v[at] -= z[at];
    /* x_u ← x_u + rate / |N(u)| · Σ_{i ∈ N(u)} q_i */
    for (size_t u = 0; u < ratings->n_users; u++)
        for (uint64_t r = start[u]; r < start[u + 1]; r++)
            for (size_t f = 0; f < k; f++)
                x[u * k + f] +=
                    rate / (double)(start[u + 1] - start[u]) * v[ratings->item[r] * k + f];
    for (size_t i = 0; i < ratings->n_items; i++)
        for (size_t f = 0; f < k; f++) {
            double sum = 0, count = 0;
            for (size_t u = 0; u < ratings->n_users; u++)
                for (uint64_t r = start[u]; r < start[u + 1]; r++)
                    if (ratings->item[r] == i) {
                        sum += x[u * k + f];
                        count++;
                    }
            /* z_i ← 1 / (|U(i)| + damping) · Σ_{u ∈ U(i)} x_u */
            z[i * k + f] = count > 0 ? sum / (count + damping) : 0;
            /* v_i ← q_i + z_i */
            v[i * k + f] += z[i * k + f];
        }
}
