/* recommend_testing.h: models of every kind, and the plain results that those of the
 * recommender are held against. */
#ifndef MF_TESTS_RECOMMEND_TESTING_H
#define MF_TESTS_RECOMMEND_TESTING_H

#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/dot.h"
#include "recommend/profile.h"
#include "recommend/recommender.h"

#include <float.h>
#include <math.h>

/* What is odd about a model's numbers. */
typedef enum world_kind {
    KIND_NORMAL,      /* factors and biases about 0.3 */
    KIND_ZERO,        /* no factors at all */
    KIND_SOME_ZERO,   /* a third of the items without factors, a third of the factors zero */
    KIND_EQUAL,       /* a few different items, again and again: ties everywhere */
    KIND_LARGE,       /* items and users up to 1e9 */
    KIND_HUGE,        /* 1e30: products overflow to infinity and not a number */
    KIND_SMALL,       /* 1e-15 */
    KIND_DENORMAL,    /* 1e-40 */
    KIND_MIXED,       /* lengths from 1e-12 to 1e6, item by item */
    KIND_BIASES,      /* biases decide everything */
    KIND_HUGE_BIASES, /* 3e38: their sums overflow */
    KIND_OUTLIERS,    /* one factor in a row is 50 times the others */
    KIND_CLOSE,       /* scores that differ in their last bits only */
    KIND_SPECTRAL,    /* few strong factors, then many weak ones; lengths of items fall */
    KINDS,
} world_kind;

typedef struct world {
    mf_model *model;
    const mf_model_parts *parts;
    void *bytes;
    double *times;  /* [n_rated] with a ranking model: NAN where there was none */
    float *ratings; /* [n_rated] with a ranking model: whose grades it has */
} world;

typedef struct world_shape {
    world_kind kind;
    uint32_t n_users;
    uint32_t n_items;
    uint32_t n_factors;
    uint32_t rated_percent;   /* of the items, by each user */
    uint32_t ranking_factors; /* 0: no ranking model */
    bool no_ratings;          /* no rating model (version 2) */
    bool no_times;
    float recency;
    float prior;
    uint64_t seed;
} world_shape;

static inline void *testing_allocate(size_t count, size_t size)
{
    mf_error err = {0};
    void *block = mf_allocate(count, size, "a test's model", &err);
    assert_ok(block != NULL, err);
    return block;
}

static inline float random_factor(world_kind kind, uint64_t key, uint64_t row, uint64_t f,
                                  bool is_item)
{
    const float x = mf_random_normal(key, row * 70000 + f);
    switch (kind) {
    case KIND_ZERO:
        return 0;
    case KIND_SOME_ZERO:
        return (is_item && row % 3 == 0) || f % 3 == 1 ? 0 : x;
    case KIND_EQUAL:
        return is_item ? (float)((row % 5 + f) % 3) - 1 : (float)((row + f) % 2);
    case KIND_LARGE:
        return x * 1e9f;
    case KIND_HUGE:
        return x * 1e30f;
    case KIND_SMALL:
        return x * 1e-15f;
    case KIND_DENORMAL:
        return x * 1e-40f;
    case KIND_MIXED:
        return x * (is_item ? powf(10, (float)(row % 19) - 12) : 1);
    case KIND_BIASES:
        return x * 1e-3f;
    case KIND_OUTLIERS:
        return f == row % 7 ? 5 * x : 0.1f * x;
    case KIND_CLOSE:
        return is_item ? 1 + x * 1e-6f : 1 + x;
    case KIND_SPECTRAL:
        return x / (1 + (float)f / 4) / (is_item ? 1 + (float)(row % 101) / 5 : 1);
    default:
        return 0.3f * x;
    }
}

static inline float random_bias(world_kind kind, uint64_t key, uint64_t row)
{
    const float x = mf_random_normal(key, row);
    switch (kind) {
    case KIND_ZERO:
        return row % 4 == 0 ? 0.5f : 0;
    case KIND_EQUAL:
        return 0;
    case KIND_DENORMAL:
        return x * 1e-40f;
    case KIND_SMALL:
        return x * 1e-25f;
    case KIND_BIASES:
        return x * 10;
    case KIND_HUGE_BIASES:
        return x > 0 ? 3e38f : -3e38f;
    case KIND_CLOSE:
        return x * 1e-6f;
    default:
        return 0.3f * x;
    }
}

static inline mf_id_list testing_ids(uint32_t n)
{
    uint64_t *start = testing_allocate((size_t)n + 1, sizeof *start);
    char *bytes = testing_allocate(n, 12);
    for (uint32_t i = 0; i < n; i++)
        start[i + 1] = start[i] + (uint64_t)sprintf(bytes + start[i], "%u", i);
    return (mf_id_list){n, start, bytes};
}

/* The model of these parts, from its file. Sets start, items and counts free. */
static inline world world_open(const mf_model_parts *parts)
{
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    char *bytes = NULL;
    size_t n_bytes = 0;
    assert_ok(mf_model_write(path, parts, &err), err);
    assert_ok(mf_file_read(path, (size_t)1 << 30, &bytes, &n_bytes, &err), err);
    world w = {.bytes = bytes};
    w.model = mf_model_open_bytes(bytes, n_bytes, "model", &err);
    assert_ok(w.model != NULL, err);
    w.parts = mf_model_get(w.model);
    free(path);
    testing_folder_remove(folder);
    return w;
}

/* Twice the mean rank among the user's ratings with a grade, by counting. */
static inline uint32_t plain_time_rank(const double *times, const uint8_t *grades, size_t n,
                                       size_t j)
{
    uint32_t n_older = 0, n_equal = 0;
    for (size_t k = 0; k < n; k++) {
        if (grades[k] == 0)
            continue;
        const bool both = !isnan(times[k]) && !isnan(times[j]);
        n_older += both ? times[k] < times[j] : isnan(times[k]) && !isnan(times[j]);
        n_equal += both ? times[k] == times[j] : isnan(times[k]) && isnan(times[j]);
    }
    return 2 * n_older + n_equal - 1;
}

/* Vectors as the kind has them, ratings in half stars of which some have no grade, times of which
 * some are equal and some missing. */
static inline void add_ranking(world_shape shape, mf_model_parts *parts, world *w)
{
    const uint64_t key = mf_random_key(shape.seed + 77, (uint64_t)shape.kind);
    const uint32_t k = shape.ranking_factors;
    const size_t stride = mf_model_stride(k), n_rated = (size_t)parts->n_rated;
    float *vectors = testing_allocate(parts->n_items * stride, sizeof *vectors);
    float *mean = testing_allocate(stride, sizeof *mean);
    float *spectrum = testing_allocate(k, sizeof *spectrum);
    uint8_t *grades = testing_allocate(n_rated + 1, sizeof *grades);
    uint32_t *ranks = testing_allocate(n_rated + 1, sizeof *ranks);
    w->times = testing_allocate(n_rated + 1, sizeof *w->times);
    w->ratings = testing_allocate(n_rated + 1, sizeof *w->ratings);
    for (uint32_t f = 0; f < k; f++) {
        mean[f] = random_factor(shape.kind, key + 1, 0, f, false);
        spectrum[f] = 100 / (float)(1 + f);
    }
    for (uint32_t item = 0; item < parts->n_items; item++)
        for (uint32_t f = 0; f < k; f++)
            vectors[item * stride + f] = random_factor(shape.kind, key + 2, item, f, true);
    parts->ranking = (mf_ranking_parts){
        .n_factors = k,
        .grading = {MF_GRADING_LOGISTIC, 3.5f, 1},
        .recency = shape.recency,
        .prior = shape.prior,
        .item_vectors = vectors,
        .mean_profile = mean,
        .spectrum = spectrum,
        .grades = grades,
        .time_ranks = shape.no_times ? NULL : ranks,
    };
    for (uint32_t user = 0; user < parts->n_users; user++) {
        const size_t start = (size_t)parts->rated_start[user];
        const size_t n = (size_t)parts->rated_start[user + 1] - start;
        for (size_t j = start; j < start + n; j++) {
            const bool is_held_out = mf_random_below(key + 3, j, 10) == 0;
            w->ratings[j] = 0.5f + 0.5f * (float)mf_random_below(key + 4, j, 10);
            w->times[j] = mf_random_below(key + 5, j, 20) == 0
                              ? (double)NAN
                              : 1e9 + mf_random_below(key + 6, j, (uint32_t)(n + 1));
            grades[j] = is_held_out ? 0 : mf_grade_code(&parts->ranking.grading, w->ratings[j]);
        }
        for (size_t j = 0; j < n; j++)
            if (grades[start + j] > 0)
                ranks[start + j] = plain_time_rank(w->times + start, grades + start, n, j);
    }
    if (shape.no_times)
        mf_free(ranks);
    if (!shape.no_ratings)
        return;
    parts->n_factors = 0;
    parts->global_mean = parts->rating_min = parts->rating_max = 0;
    parts->regularization = parts->bias_regularization = 0;
    parts->user_bias = parts->item_bias = parts->user_factors = parts->item_factors = NULL;
}

static inline world world_create(world_shape shape)
{
    const size_t stride = mf_model_stride(shape.n_factors);
    const uint64_t key = mf_random_key(shape.seed, (uint64_t)shape.kind);
    float *user_factors = testing_allocate(shape.n_users * stride, sizeof(float));
    float *item_factors = testing_allocate(shape.n_items * stride, sizeof(float));
    float *user_bias = testing_allocate(shape.n_users, sizeof(float));
    float *item_bias = testing_allocate(shape.n_items, sizeof(float));
    for (size_t user = 0; user < shape.n_users; user++) {
        user_bias[user] = random_bias(shape.kind, key + 1, user);
        for (size_t f = 0; f < shape.n_factors; f++)
            user_factors[user * stride + f] = random_factor(shape.kind, key + 2, user, f, false);
    }
    for (size_t item = 0; item < shape.n_items; item++) {
        item_bias[item] = random_bias(shape.kind, key + 3, item);
        for (size_t f = 0; f < shape.n_factors; f++)
            item_factors[item * stride + f] = random_factor(shape.kind, key + 4, item, f, true);
    }
    uint64_t *start = testing_allocate((size_t)shape.n_users + 1, sizeof *start);
    uint32_t *count = testing_allocate(shape.n_items, sizeof *count);
    uint32_t *rated = testing_allocate((size_t)shape.n_users * shape.n_items, sizeof *rated);
    uint64_t n_rated = 0;
    for (uint32_t user = 0; user < shape.n_users; user++) {
        for (uint32_t item = 0; item < shape.n_items; item++)
            if (mf_random_below(key + 5, (uint64_t)user * shape.n_items + item, 100) <
                shape.rated_percent) {
                rated[n_rated++] = item;
                count[item]++;
            }
        start[user + 1] = n_rated;
    }
    mf_model_parts parts = {
        .n_users = shape.n_users,
        .n_items = shape.n_items,
        .n_factors = shape.n_factors,
        .n_rated = n_rated,
        .global_mean = shape.kind == KIND_HUGE_BIASES ? 3e38f : 3.5f,
        .rating_min = 0.5f,
        .rating_max = 5,
        .regularization = 0.05f,
        .bias_regularization = 0.02f,
        .user_bias = user_bias,
        .item_bias = item_bias,
        .user_factors = user_factors,
        .item_factors = item_factors,
        .users = testing_ids(shape.n_users),
        .items = testing_ids(shape.n_items),
        .rated_start = start,
        .rated_items = rated,
        .item_count = count,
    };
    world extra = {0};
    if (shape.ranking_factors > 0)
        add_ranking(shape, &parts, &extra);
    world w = world_open(&parts);
    w.times = extra.times;
    w.ratings = extra.ratings;
    mf_free(parts.ranking.item_vectors);
    mf_free(parts.ranking.mean_profile);
    mf_free(parts.ranking.spectrum);
    mf_free(parts.ranking.grades);
    mf_free(parts.ranking.time_ranks);
    mf_free(user_factors);
    mf_free(item_factors);
    mf_free(user_bias);
    mf_free(item_bias);
    mf_free(start);
    mf_free(count);
    mf_free(rated);
    mf_free(parts.users.start);
    mf_free(parts.users.bytes);
    mf_free(parts.items.start);
    mf_free(parts.items.bytes);
    return w;
}

static inline void world_release(world *w)
{
    mf_model_close(w->model);
    mf_free(w->bytes);
    mf_free(w->times);
    mf_free(w->ratings);
}

static inline bool is_among(const uint32_t *list, size_t n, uint32_t item)
{
    for (size_t k = 0; k < n; k++)
        if (list[k] == item)
            return true;
    return false;
}

static inline int better_first(const void *a, const void *b)
{
    const mf_recommendation *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

static inline float testing_clip(const mf_model_parts *parts, float score)
{
    if (!(score > parts->rating_min))
        return parts->rating_min;
    return score < parts->rating_max ? score : parts->rating_max;
}

static inline const float *item_row(const mf_model_parts *parts, uint32_t item)
{
    return parts->item_factors + item * mf_model_stride(parts->n_factors);
}

static inline bool is_zero_row(const float *row, size_t n)
{
    for (size_t f = 0; f < n; f++)
        if (row[f] != 0)
            return false;
    return true;
}

/* The slow reference of mf_profile_compute: the same operations in the same order. */
static inline void plain_profile(const mf_model_parts *parts, const mf_history *history,
                                 float *vector)
{
    const mf_ranking_parts *r = &parts->ranking;
    const size_t stride = mf_model_stride(r->n_factors);
    uint32_t n = 0;
    for (size_t j = 0; j < history->n; j++)
        n += history->grades[j] > 0;
    for (size_t f = 0; f < stride; f++) {
        vector[f] = 0;
        for (size_t j = 0; j < history->n; j++) {
            if (history->grades[j] == 0)
                continue;
            const float age = history->time_ranks == NULL
                                  ? 1
                                  : mf_age_weight(r->recency, history->time_ranks[j], n);
            vector[f] += age * ((float)history->grades[j] / 255) *
                         r->item_vectors[history->items[j] * stride + f];
        }
    }
    const bool is_empty = is_zero_row(vector, stride);
    for (size_t f = 0; f < stride; f++)
        vector[f] = is_empty ? r->mean_profile[f]
                             : vector[f] + mf_prior_weight(r->prior, n) * r->mean_profile[f];
}

/* The slow reference of mf_top_n: every item is scored and all are sorted. list holds n_items
 * and query->n_unknown; returns how many it holds. */
static inline size_t plain_top_n(const mf_model_parts *parts, const mf_profile *profile,
                                 const mf_top_n_query *query, mf_recommendation *list)
{
    const mf_ranking_parts *ranking = &parts->ranking;
    const size_t stride = mf_model_stride(parts->n_factors);
    const size_t ranking_stride = mf_model_stride(ranking->n_factors);
    const bool has_ratings = parts->n_factors > 0;
    mf_order order = query->order;
    if (order == MF_ORDER_DEFAULT)
        order = ranking->n_factors > 0 ? MF_ORDER_RANKING : MF_ORDER_RATING;
    if (order == MF_ORDER_RATING && !profile->known)
        order = MF_ORDER_POPULARITY;
    float *vector = testing_allocate(ranking_stride + 1, sizeof *vector);
    if (profile->vector != NULL)
        memcpy(vector, profile->vector, ranking_stride * sizeof *vector);
    else if (order == MF_ORDER_RANKING && profile->user != MF_INDEX_NONE)
        plain_profile(
            parts,
            &(const mf_history){parts->rated_items + parts->rated_start[profile->user],
                                ranking->grades + parts->rated_start[profile->user],
                                ranking->time_ranks != NULL
                                    ? ranking->time_ranks + parts->rated_start[profile->user]
                                    : NULL,
                                (size_t)(parts->rated_start[profile->user + 1] -
                                         parts->rated_start[profile->user])},
            vector);
    else if (order == MF_ORDER_RANKING)
        memcpy(vector, ranking->mean_profile, ranking_stride * sizeof *vector);
    size_t n = 0;
    for (int bare = 0; bare < 2; bare++) { /* candidates without a vector come last */
        const size_t first = n;
        for (uint32_t item = 0; item < parts->n_items; item++) {
            if (!query->include_rated && is_among(profile->rated, profile->n_rated, item))
                continue;
            if (query->candidates != NULL &&
                !is_among(query->candidates, query->n_candidates, item))
                continue;
            if (query->allowed != NULL && (query->allowed[item / 64] >> item % 64 & 1) == 0)
                continue;
            if (is_among(query->exclude, query->n_exclude, item))
                continue;
            const float *q = ranking->item_vectors + item * ranking_stride;
            const bool is_bare = order == MF_ORDER_RANKING && is_zero_row(q, ranking_stride);
            if (is_bare != (bare == 1) || (is_bare && query->candidates == NULL))
                continue;
            float score = 0;
            if (order == MF_ORDER_RANKING && !is_bare)
                score = mf_dot(vector, q, ranking_stride);
            if (order == MF_ORDER_RATING)
                score = parts->global_mean + profile->bias + parts->item_bias[item];
            if (order == MF_ORDER_RATING && profile->factors != NULL)
                score += mf_dot(profile->factors, item_row(parts, item), stride);
            if (order == MF_ORDER_POPULARITY)
                score = (has_ratings ? parts->item_bias[item] : 1) * (float)parts->item_count[item];
            list[n++] = (mf_recommendation){item, isnan(score) ? -INFINITY : score, NAN};
        }
        qsort(list + first, n - first, sizeof *list, better_first);
    }
    mf_free(vector);
    const float mean = parts->global_mean + profile->bias;
    for (size_t k = 0; k < n && has_ratings; k++) {
        float rating = mean + parts->item_bias[list[k].item];
        if (profile->factors != NULL)
            rating += mf_dot(profile->factors, item_row(parts, list[k].item), stride);
        list[k].predicted_rating = testing_clip(parts, rating);
    }
    const bool is_last = query->unknown_last || order == MF_ORDER_RANKING;
    for (size_t u = 0; u < query->n_unknown; u++) {
        mf_recommendation unknown = {MF_INDEX_NONE, NAN, NAN};
        if (!is_last)
            unknown.score = order == MF_ORDER_RATING ? mean : 0;
        if (!query->unknown_last && has_ratings)
            unknown.predicted_rating = testing_clip(parts, mean);
        size_t at = n++;
        for (; !is_last && at > 0 && list[at - 1].score < unknown.score; at--)
            list[at] = list[at - 1];
        list[at] = unknown;
    }
    const size_t first = query->offset < n ? query->offset : n;
    memmove(list, list + first, (n - first) * sizeof *list);
    return n - first < query->n ? n - first : query->n;
}

/* One NaN is as good as another. */
static inline bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static inline void assert_lists_equal(const mf_recommendation *a, size_t n_a,
                                      const mf_recommendation *b, size_t n_b)
{
    assert_int_equal(n_a, n_b);
    for (size_t k = 0; k < n_a; k++)
        if (a[k].item != b[k].item || !same_bits(a[k].score, b[k].score) ||
            !same_bits(a[k].predicted_rating, b[k].predicted_rating))
            fail_msg("place %zu: item %u %.9g %.9g, expected item %u %.9g %.9g", k, a[k].item,
                     (double)a[k].score, (double)a[k].predicted_rating, b[k].item,
                     (double)b[k].score, (double)b[k].predicted_rating);
}

static inline mf_recommender *recommender_with(const mf_model *model, size_t max_index_bytes)
{
    mf_error err = {0};
    mf_recommender *recommender = mf_recommender_create(model, max_index_bytes, &err);
    assert_ok(recommender != NULL, err);
    return recommender;
}

static inline mf_workspace *workspace_create(void)
{
    mf_error err = {0};
    mf_workspace *workspace = mf_workspace_create(&err);
    assert_ok(workspace != NULL, err);
    return workspace;
}

static const char *const testing_cpus[] = {"sse2", "avx2", "avx512", "neon", "generic"};
enum { TESTING_CPUS = sizeof testing_cpus / sizeof testing_cpus[0] };

#endif
