/* planted_items.h: the models of bench_top_n and bench_steer, and the input of their peer.
 *
 * Independent normal factors: only their lengths and biases distinguish good items from bad ones,
 * which is the worst case for an index. */
#ifndef MF_BENCH_PLANTED_ITEMS_H
#define MF_BENCH_PLANTED_ITEMS_H

#include "made_models.h"
#include "recommend/profile.h"
#include "recommend/recommender.h"

enum { USERS = 1000, RATED = 200 };

/* Distinct items of one user, ascending: a random one in each of RATED equal ranges. */
static void rate(uint32_t *items, uint32_t n_items, uint64_t key)
{
    for (uint32_t k = 0; k < RATED; k++)
        items[k] = k * (n_items / RATED) + mf_random_below(key, k, n_items / RATED);
}

/* With is_ranked the same factors are a ranking model, too, of users who like what they rated. */
static mf_model *planted(const char *path, uint32_t n_items, uint32_t n_factors, bool is_ranked)
{
    const size_t stride = mf_model_stride(n_factors);
    const float deviation = (float)__builtin_sqrt(0.5 / __builtin_sqrt((double)n_factors));
    mf_model_parts p = {.n_users = USERS,
                        .n_items = n_items,
                        .n_factors = n_factors,
                        .global_mean = 3.5f,
                        .rating_min = 0.5f,
                        .rating_max = 5};
    p.user_bias = normal_rows(USERS, 1, 1, 0.4f, 1);
    p.item_bias = normal_rows(n_items, 1, 1, 0.3f, 2);
    p.user_factors = normal_rows(USERS, n_factors, stride, deviation, 3);
    p.item_factors = normal_rows(n_items, n_factors, stride, deviation, 4);
    p.users = numbered_ids(USERS, 'i');
    p.items = numbered_ids(n_items, 'i');
    uint32_t *rated = allocate((size_t)USERS * RATED, sizeof *rated);
    for (uint32_t user = 0; user < USERS; user++)
        rate(rated + (size_t)user * RATED, n_items, mf_random_key(5, user));
    uint8_t *grades = allocate((size_t)USERS * RATED, sizeof *grades);
    float *spectrum = allocate(n_factors, sizeof *spectrum);
    for (size_t k = 0; k < (size_t)USERS * RATED; k++)
        grades[k] = MF_GRADE_MAX;
    for (uint32_t f = 0; f < n_factors; f++)
        spectrum[f] = 1;
    if (is_ranked)
        p.ranking = (mf_ranking_parts){.n_factors = n_factors,
                                       .grading = {MF_GRADING_LOGISTIC, 3.5f, 1},
                                       .prior = 1,
                                       .item_vectors = p.item_factors,
                                       .mean_profile = p.user_factors,
                                       .spectrum = spectrum,
                                       .grades = grades};
    write_model(path, &p, rated, RATED);
    mf_free(grades);
    mf_free(spectrum);
    return open_model(path);
}

/* The rows of the ranking model, or of the rating model. */
static void export(const char *path, const mf_model_parts *p)
{
    const bool has_ranking = p->ranking.n_factors > 0;
    const uint32_t k = has_ranking ? p->ranking.n_factors : p->n_factors;
    const size_t stride = mf_model_stride(k);
    const uint32_t n_users = p->n_users < USERS ? p->n_users : USERS;
    const uint32_t shape[] = {p->n_items, n_users, k};
    const float *items = has_ranking ? p->ranking.item_vectors : p->item_factors;
    float *vector = allocate(stride, sizeof *vector);
    mf_profiles profiles;
    if (has_ranking)
        profiles = mf_profiles_prepare(p, mf_recommend_kernel_choose());
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(shape, sizeof shape, 1, file) == 1;
    for (size_t item = 0; ok && item < p->n_items; item++)
        ok = fwrite(items + item * stride, sizeof(float), k, file) == k;
    for (uint32_t user = 0; ok && user < n_users; user++) {
        const mf_history history = has_ranking ? mf_history_of_user(p, user) : (mf_history){.n = 0};
        if (has_ranking)
            mf_profile_compute(&profiles, &history, vector);
        else
            memcpy(vector, p->user_factors + user * stride, stride * sizeof *vector);
        ok = fwrite(vector, sizeof(float), k, file) == k;
    }
    mf_free(vector);
    if (file == NULL || fclose(file) != 0 || !ok)
        die("export", strerror(errno));
}

#endif
