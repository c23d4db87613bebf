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
#include "planted_items.h"
#include "recommend/recommender.h"
#include "recommend/ridge.h"
#include "recommend/state.h"

#include <inttypes.h>

enum { N = 10 };

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
        model_path != NULL ? open_model(model_path) : planted(path, n_items, n_factors, false);
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
