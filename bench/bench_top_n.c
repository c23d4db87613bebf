/* bench_top_n.c: how long the ten best of all items take, one query at a time, one
 * thread.
 *
 *   bench_top_n [--items N] [--factors K] [--model FILE] [--export FILE] [--rounds R]
 *
 * Without --model the items are planted: independent normal factors, where nothing
 * but their lengths and biases tells the good from the bad, the worst case for an
 * index; deviations of p·q and b_i 0.5 and 0.3, as on MovieLens. Every user has 200
 * rated items, which are left out. With --model FILE: the items and users of a
 * model.bin, by its ranking model if it has one. Vectors of a trained ranking model have few
 * strong directions and many weak ones, and their lengths differ: run those of 128 and of 256
 * directions as well.
 *
 * Measured in turn, R times: all users with the index, then a fifth of them without
 * ("plain"). Answers of both are compared. Prints one JSON line: medians and p99 in
 * µs; bounded is the part of the items that were looked at in the index, scored that whose bound
 * was not enough. fold_in is a visitor
 * with the 200 ratings of a user, fold_in_most one with as many as count (mf_fold_in); profile a
 * user's ranking vector, 0 without a ranking model. Both are part of p50 and p99 where lists need
 * them.
 * --export writes what a peer needs to answer the same: uint32 items, users, factors,
 * then the rows of items and users as float32. */
#include "base/clock.h"
#include "base/random.h"
#include "made_models.h"
#include "recommend/profile.h"
#include "recommend/recommender.h"
#include "recommend/ridge.h"
#include "recommend/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { USERS = 1000, RATED = 200, N = 10 };

static float *normal(size_t n_rows, size_t n_columns, size_t stride, float deviation, uint64_t key)
{
    float *rows = allocate(n_rows, stride * sizeof(float));
    for (size_t row = 0; row < n_rows; row++)
        for (size_t f = 0; f < n_columns; f++)
            rows[row * stride + f] = deviation * mf_random_normal(key, row * stride + f);
    return rows;
}

static int by_item(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Distinct items of one user, ascending: a random one in each of RATED equal parts. */
static void rate(uint32_t *items, uint32_t n_items, uint64_t key)
{
    for (uint32_t k = 0; k < RATED; k++)
        items[k] = k * (n_items / RATED) + mf_random_below(key, k, n_items / RATED);
    qsort(items, RATED, sizeof *items, by_item);
}

static mf_model *planted(const char *path, uint32_t n_items, uint32_t n_factors)
{
    const size_t stride = mf_model_stride(n_factors);
    const float deviation = (float)__builtin_sqrt(0.5 / __builtin_sqrt((double)n_factors));
    mf_model_parts p = {.n_users = USERS,
                        .n_items = n_items,
                        .n_factors = n_factors,
                        .n_rated = (uint64_t)USERS * RATED,
                        .global_mean = 3.5f,
                        .rating_min = 0.5f,
                        .rating_max = 5,
                        .metadata = "{}",
                        .metadata_bytes = 2};
    p.user_bias = normal(USERS, 1, 1, 0.4f, 1);
    p.item_bias = normal(n_items, 1, 1, 0.3f, 2);
    p.user_factors = normal(USERS, n_factors, stride, deviation, 3);
    p.item_factors = normal(n_items, n_factors, stride, deviation, 4);
    p.users = numbered_ids(USERS, 'i');
    p.items = numbered_ids(n_items, 'i');
    uint64_t *start = allocate(USERS + 1, sizeof *start);
    uint32_t *items = allocate(p.n_rated, sizeof *items);
    uint32_t *count = allocate(n_items, sizeof *count);
    for (uint32_t user = 0; user < USERS; user++) {
        start[user + 1] = start[user] + RATED;
        rate(items + start[user], n_items, mf_random_key(5, user));
    }
    for (uint64_t k = 0; k < p.n_rated; k++)
        count[items[k]]++;
    p.rated_start = start;
    p.rated_items = items;
    p.item_count = count;
    if (!mf_model_write(path, &p, &err))
        die("write");
    mf_free(p.user_bias);
    mf_free(p.item_bias);
    mf_free(p.user_factors);
    mf_free(p.item_factors);
    mf_free(p.users.start);
    mf_free(p.users.bytes);
    mf_free(p.items.start);
    mf_free(p.items.bytes);
    mf_free(start);
    mf_free(items);
    mf_free(count);
    mf_model *model = mf_model_open(path, &err);
    if (model == NULL)
        die("open");
    return model;
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
        die("export");
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One user's list; µs. */
static double ask(const mf_recommender *recommender, mf_workspace *workspace, uint32_t user,
                  mf_recommendation answer[N])
{
    const mf_top_n_query query = {.n = N};
    const mf_recommendation *best;
    size_t n_best;
    memset(answer, 0, N * sizeof *answer);
    const double before = mf_clock_seconds();
    const mf_profile profile = mf_profile_of_user(recommender, user);
    if (!mf_top_n(recommender, workspace, &profile, &query, &best, &n_best, &err))
        die("top n");
    const double us = 1e6 * (mf_clock_seconds() - before);
    memcpy(answer, best, n_best * sizeof *answer);
    return us;
}

/* The median of so many visitors with n ratings each, from another item on; µs. */
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
            die("fold in");
        us[v] = 1e6 * (mf_clock_seconds() - before);
    }
    qsort(us, VISITORS, sizeof *us, by_value);
    mf_free(items);
    mf_free(ratings);
    return us[VISITORS / 2];
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
    qsort(us, n_users, sizeof *us, by_value);
    const double median = us[n_users / 2];
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
    snprintf(path, sizeof path, "%s/bench_top_n.%ld.bin",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp", (long)getpid());
    mf_model *model =
        model_path != NULL ? mf_model_open(model_path, &err) : planted(path, n_items, n_factors);
    if (model == NULL)
        die("open");
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
        die("create");

    const uint32_t n_users = parts->n_users < USERS ? parts->n_users : USERS;
    const uint32_t n_plain = n_users / 5 > 0 ? n_users / 5 : 1;
    double *fast = allocate((size_t)rounds * n_users, sizeof *fast);
    double *plain = allocate((size_t)rounds * n_plain, sizeof *plain);
    mf_recommendation(*answers)[N] = allocate(n_users, sizeof *answers);
    mf_recommendation again[N];
    size_t n_fast = 0, n_slow = 0;
    uint64_t n_scored = 0, n_bounded = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        for (uint32_t user = 0; user < n_users; user++) {
            fast[n_fast++] = ask(with, workspace, user, answers[user]);
            n_scored += workspace->n_scored;
            n_bounded += workspace->n_bounded;
        }
        for (uint32_t user = 0; user < n_plain; user++) {
            plain[n_slow++] = ask(without, workspace, user, again);
            for (size_t k = 0; k < N; k++)
                if (again[k].item != answers[user][k].item ||
                    again[k].score != answers[user][k].score)
                    die("the answers differ");
        }
    }
    const uint32_t k = parts->ranking.n_factors > 0 ? parts->ranking.n_factors : parts->n_factors;
    const size_t most = mf_ridge_n_max(k);
    const uint32_t n_most = most < parts->n_items ? (uint32_t)most : parts->n_items;
    const uint32_t n_some = RATED < n_most ? RATED : n_most;
    qsort(fast, n_fast, sizeof *fast, by_value);
    qsort(plain, n_slow, sizeof *plain, by_value);
    printf("{\"bench\":\"top_n\",\"items\":%" PRIu32 ",\"factors\":%" PRIu32
           ",\"n\":%d,\"threads\":1,\"cpu\":\"%s\",\"index_bytes\":%zu,\"create_ms\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"plain_p50_us\":%.1f,\"plain_p99_us\":%.1f,"
           "\"scored\":%.5f,\"bounded\":%.3f,\"fold_in_us\":%.1f,\"fold_in_most\":%" PRIu32
           ",\"fold_in_most_us\":%.1f,\"profile_us\":%.1f}\n",
           parts->n_items, k, N, with->kernel->cpu, mf_recommender_index_bytes(with), create_ms,
           fast[n_fast / 2], fast[n_fast * 99 / 100], plain[n_slow / 2], plain[n_slow * 99 / 100],
           (double)n_scored / (double)n_fast / parts->n_items,
           (double)n_bounded / (double)n_fast / parts->n_items, fold_in(with, workspace, n_some),
           n_most, fold_in(with, workspace, n_most), profile(parts, n_users));
    mf_workspace_destroy(workspace);
    mf_recommender_destroy(with);
    mf_recommender_destroy(without);
    mf_model_close(model);
    mf_free(fast);
    mf_free(plain);
    mf_free(answers);
    return 0;
}
