/* reference.c: the ranking model in plain double loops: Jacobi's rotations for the eigenvectors of
 * YᵀY, then the scores. The tests hold the trainer to it. */
#include "spectral/reference.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void rotate(double *a, double *vectors, size_t n, size_t p, size_t q)
{
    const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    const double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double c = 1 / sqrt(t * t + 1);
    const double s = t * c;
    for (size_t k = 0; k < n; k++) {
        const double x = a[k * n + p];
        const double y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        const double x = a[p * n + k];
        const double y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        const double x = vectors[p * n + k];
        const double y = vectors[q * n + k];
        vectors[p * n + k] = c * x - s * y;
        vectors[q * n + k] = s * x + c * y;
    }
}

void mf_reference_eigen(double *a, size_t n, double *values, double *vectors)
{
    double whole = 0;
    for (size_t i = 0; i < n * n; i++)
        whole += a[i] * a[i];
    memset(vectors, 0, n * n * sizeof *vectors);
    for (size_t i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    for (int sweep = 0; sweep < 60; sweep++) {
        double off = 0;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                off += a[p * n + q] * a[p * n + q];
        if (off <= DBL_EPSILON * DBL_EPSILON * whole)
            break;
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                if (fabs(a[p * n + q]) > DBL_MIN)
                    rotate(a, vectors, n, p, q);
    }
    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (values[j] > values[i]) {
                const double value = values[i];
                values[i] = values[j];
                values[j] = value;
                for (size_t k = 0; k < n; k++) {
                    const double x = vectors[i * n + k];
                    vectors[i * n + k] = vectors[j * n + k];
                    vectors[j * n + k] = x;
                }
            }
}

void mf_reference_decompose(const double *y, size_t n_users, size_t n_items, double *spectrum,
                            double *vectors, double *gram)
{
    for (size_t i = 0; i < n_items; i++)
        for (size_t j = 0; j < n_items; j++) {
            double sum = 0;
            for (size_t u = 0; u < n_users; u++)
                sum += y[u * n_items + i] * y[u * n_items + j];
            gram[i * n_items + j] = sum;
        }
    mf_reference_eigen(gram, n_items, spectrum, vectors);
}

void mf_reference_scores(const double *spectrum, const double *vectors, size_t n_items, size_t k,
                         double regularization, const double *weight, double *scores)
{
    memset(scores, 0, n_items * sizeof *scores);
    for (size_t f = 0; f < k; f++) {
        const double *v = vectors + f * n_items;
        double profile = 0;
        for (size_t j = 0; j < n_items; j++)
            profile += weight[j] * v[j];
        profile *= spectrum[f] / (spectrum[f] + regularization);
        for (size_t i = 0; i < n_items; i++)
            scores[i] += profile * v[i];
    }
}
