/* bench_top_n.c: the time for the ten best of all items, one query at a time, one thread.
 *
 *   bench_top_n [--items N] [--factors K] [--model FILE] [--export FILE] [--rounds R]
 *
 * Without --model the items are planted: independent normal factors. Only their lengths and biases
 * distinguish good items from bad ones, which is the worst case for an index. The deviations of
 * p·q and b_i are 0.5 and 0.3, as on MovieLens. Every user has 200 rated items, which are excluded.
 * With --model FILE: the items and users of a model.bin, by its ranking model if it has one.
 * Vectors of a trained ranking model have few strong and many weak directions and differ in
 * length: run models of 128 and of 256 directions as well.
 *
 * Measured in turn, R times: all users with the index, then a fifth of them without ("plain").
 * The lists of both are compared. Prints one JSON line: medians and p99 in µs. bounded is the
 * fraction of the items whose bound was computed, scored the fraction that the bound did not
 * exclude. fold_in is a visitor with 200 ratings, fold_in_most one with as many as are used
 * (mf_fold_in); profile is a user's ranking vector, 0 without a ranking model. p50 and p99 include
 * them where lists need them.
 * --export writes the input of a peer: uint32 items, users, factors, then the rows of items and
 * users as float32. */
#include "base/clock.h"
#include "made_models.h"
#include "recommend/profile.h"
#include "recommend/recommender.h"
#include "recommend/ridge.h"
#include "recommend/state.h"

#include <inttypes.h>

enum { USERS = 1000, RATED = 200, N = 10 };

/* Distinct items of one user, ascending: a random one in each of RATED equal ranges. */
static void rate(uint32_t *items, uint32_t n_items, uint64_t key)
{
    for (uint32_t k = 0; k < RATED; k++)
        items[k] = k * (n_items / RATED) + mf_random_below(key, k, n_items / RATED);
}

static mf_model *planted(const char *path, uint32_t n_items, uint32_t n_factors)
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
    write_model(path, &p, rated, RATED);
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

/* Copies one user's list; µs. */
static double list_of(const mf_recommender *recommender, mf_workspace *workspace, uint32_t user,
                      mf_recommendation list[N])
{
    const mf_top_n_query query = {.n = N};
    const mf_recommendation *best;
    size_t n_best;
    memset(list, 0, N * sizeof *list);
    const double before = mf_clock_seconds();
    const mf_profile profile = mf_profile_of_user(recommender, user);
    if (!mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err))
        die("top n", err.text);
    const double us = 1e6 * (mf_clock_seconds() - before);
    memcpy(list, best, n_best * sizeof *list);
    return us;
}

/* The median over visitors with n ratings each, from different items on; µs. */
static double fold_in(const mf_recommender *recommender, mf_workspace *workspace, uint32_t n)
{
    enum { VISITORS = 21 };
    const uint32_t n_items = mf_model_get(mf_recommender_model(recommender))->n_items;
    uint32_t *items = allocate(n, sizeof *items);
    float *ratings = allocate(n, sizeof *ratings);
    double us[VISITORS];
    for (uint32_t v = 0; v < VISITORS; v++) {
        for (uint32_t k = 0; k < n; k++) {
            items[k] = (mf_random_below(6, v, n_items) + k) % n_items;
            ratings[k] = 0.5f + 0.5f * (float)mf_random_below(7, k, 10);
        }
        mf_profile profile;
        const double before = mf_clock_seconds();
        if (!mf_fold_in(recommender, workspace,
                        &(mf_visitor){.items = items, .ratings = ratings, .n = n}, &profile, &err))
            die("fold in", err.text);
        us[v] = 1e6 * (mf_clock_seconds() - before);
    }
    mf_free(items);
    mf_free(ratings);
    return quantile(us, VISITORS, 0.5);
}

/* The median of all users' ranking vectors; µs. */
static double profile(const mf_model_parts *parts, uint32_t n_users)
{
    if (parts->ranking.n_factors == 0)
        return 0;
    const mf_profiles profiles = mf_profiles_prepare(parts, mf_recommend_kernel_choose());
    float *vector = allocate(mf_model_stride(parts->ranking.n_factors), sizeof *vector);
    double *us = allocate(n_users, sizeof *us);
    for (uint32_t user = 0; user < n_users; user++) {
        const double before = mf_clock_seconds();
        const mf_history history = mf_history_of_user(parts, user);
        mf_profile_compute(&profiles, &history, vector);
        us[user] = 1e6 * (mf_clock_seconds() - before);
    }
    const double median = quantile(us, n_users, 0.5);
    mf_free(vector);
    mf_free(us);
    return median;
}

int main(int argc, char **argv)
{
    uint32_t n_items = 60000, n_factors = 64, rounds = 5;
    const char *model_path = NULL, *export_path = NULL;
    char path[512];
    for (int a = 1; a + 1 < argc; a += 2) {
        if (strcmp(argv[a], "--items") == 0)
            n_items = (uint32_t)strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "--factors") == 0)
            n_factors = (uint32_t)strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "--rounds") == 0)
            rounds = (uint32_t)strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "--model") == 0)
            model_path = argv[a + 1];
        else if (strcmp(argv[a], "--export") == 0)
            export_path = argv[a + 1];
        else
            argc = 0;
    }
    if (argc % 2 == 0 || n_items < RATED || n_factors == 0 || rounds == 0) {
        fprintf(stderr, "usage: bench_top_n [--items N] [--factors K] [--model FILE] "
                        "[--export FILE] [--rounds R]\n");
        return 2;
    }
    temporary_path(path);
    mf_model *model =
        model_path != NULL ? open_model(model_path) : planted(path, n_items, n_factors);
    if (model_path == NULL)
        unlink(path);
    const mf_model_parts *parts = mf_model_get(model);
    if (export_path != NULL)
        export(export_path, parts);

    const double before = mf_clock_seconds();
    mf_recommender *with = mf_recommender_create(model, SIZE_MAX, &err);
    const double create_ms = 1e3 * (mf_clock_seconds() - before);
    mf_recommender *without = mf_recommender_create(model, 0, &err);
    mf_workspace *workspace = mf_workspace_create(&err);
    if (with == NULL || without == NULL || workspace == NULL)
        die("create", err.text);

    const uint32_t n_users = parts->n_users < USERS ? parts->n_users : USERS;
    const uint32_t n_plain = n_users / 5 > 0 ? n_users / 5 : 1;
    double *fast = allocate((size_t)rounds * n_users, sizeof *fast);
    double *plain = allocate((size_t)rounds * n_plain, sizeof *plain);
    mf_recommendation(*lists)[N] = allocate(n_users, sizeof *lists);
    mf_recommendation again[N];
    size_t n_fast = 0, n_slow = 0;
    uint64_t n_scored = 0, n_bounded = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t user = 0; user < n_users; user++) {
            fast[n_fast++] = list_of(with, workspace, user, lists[user]);
            n_scored += workspace->n_scored;
            n_bounded += workspace->n_bounded;
        }
        for (uint32_t user = 0; user < n_plain; user++) {
            plain[n_slow++] = list_of(without, workspace, user, again);
            for (size_t k = 0; k < N; k++)
                if (again[k].item != lists[user][k].item || again[k].score != lists[user][k].score)
                    die("a list", "differs with and without the index");
        }
    }
    const uint32_t k = parts->ranking.n_factors > 0 ? parts->ranking.n_factors : parts->n_factors;
    const size_t most = mf_ridge_n_max(k);
    const uint32_t n_most = most < parts->n_items ? (uint32_t)most : parts->n_items;
    const uint32_t n_some = RATED < n_most ? RATED : n_most;
    printf("{\"bench\":\"top_n\",\"items\":%" PRIu32 ",\"factors\":%" PRIu32
           ",\"n\":%d,\"threads\":1,\"cpu\":\"%s\",\"index_bytes\":%zu,\"create_ms\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"plain_p50_us\":%.1f,\"plain_p99_us\":%.1f,"
           "\"scored\":%.5f,\"bounded\":%.3f,\"fold_in_us\":%.1f,\"fold_in_most\":%" PRIu32
           ",\"fold_in_most_us\":%.1f,\"profile_us\":%.1f}\n",
           parts->n_items, k, N, with->kernel->cpu, mf_recommender_index_bytes(with), create_ms,
           quantile(fast, n_fast, 0.5), quantile(fast, n_fast, 0.99), quantile(plain, n_slow, 0.5),
           quantile(plain, n_slow, 0.99), (double)n_scored / (double)n_fast / parts->n_items,
           (double)n_bounded / (double)n_fast / parts->n_items, fold_in(with, workspace, n_some),
           n_most, fold_in(with, workspace, n_most), profile(parts, n_users));
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(with);
    mf_recommender_destroy(without);
    mf_model_close(model);
    mf_free(fast);
    mf_free(plain);
    mf_free(lists);
    return 0;
}
