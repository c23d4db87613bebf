/* bench_steer.c: the time for lists of ten that are steered, beside the plain list of the same user
 * just before it, one thread.
 *
 *   bench_steer [--model FILE] [--ranking 1] [--export FILE] [--rounds R]
 *
 * Without --model 60,000 planted items with 64 factors (planted_items.h), with --ranking 1 as a
 * ranking model. Filters are random items, other ones for every user. Prints one JSON line: for each
 * case the median in µs, and the median of the ratios to the plain list just before; lowered is the
 * share of the listed items whose score is lower for the user without the rating that is the first
 * reason. --export as in bench_top_n. */
#include "base/clock.h"
#include "model/dot.h"
#include "planted_items.h"
#include "recommend/audience.h"
#include "recommend/explain.h"
#include "recommend/group.h"
#include "recommend/state.h"

#include <inttypes.h>

enum { N = 10, EXCLUDED = 1000, FEW = 200 };

typedef struct bench {
    const mf_recommender *recommender;
    mf_workspace *workspace;
    const mf_model_parts *parts;
    uint64_t *allowed[3]; /* half, a tenth, a hundredth of the items */
    uint32_t exclude[EXCLUDED];
} bench;

static void filters_of_user(bench *b, uint32_t user)
{
    static const uint32_t one_in[] = {2, 10, 100};
    const uint32_t n_items = b->parts->n_items;
    for (size_t k = 0; k < 3; k++) {
        memset(b->allowed[k], 0, (n_items + 63) / 64 * sizeof(uint64_t));
        for (uint32_t item = 0; item < n_items; item++)
            if (mf_random_below(mf_random_key(7 + k, user), item, one_in[k]) == 0)
                b->allowed[k][item / 64] |= UINT64_C(1) << item % 64;
    }
    for (uint32_t e = 0; e < EXCLUDED; e++)
        b->exclude[e] = mf_random_below(mf_random_key(11, user), e, n_items);
}

typedef struct steered {
    const char *name;
    void (*run)(const bench *b, uint32_t user);
} steered;

static void list(const bench *b, uint32_t user, mf_top_n_query query)
{
    const mf_profile profile = mf_profile_of_user(b->recommender, user);
    const mf_recommendation *best;
    size_t n_best;
    query.n = N;
    if (!mf_top_n(b->recommender, b->workspace, &profile, &query, &best, &n_best, &err))
        die("top n", err.text);
}

static void plain(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){0});
}

static void half(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){.allowed = b->allowed[0]});
}

static void tenth(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){.allowed = b->allowed[1]});
}

static void hundredth(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){.allowed = b->allowed[2]});
}

static void excluded(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){.exclude = b->exclude, .n_exclude = EXCLUDED});
}

/* The plain list with three reasons for each item; only of a ranking model. */
static void explained(const bench *b, uint32_t user)
{
    const mf_explanation *why;
    plain(b, user);
    if (b->parts->ranking.n_factors > 0 && !mf_explain(b->workspace, 3, &why, &err))
        die("explain", err.text);
}

static void group_of_five(const bench *b, uint32_t user, mf_blend blend)
{
    mf_profile profile;
    const mf_recommendation *best;
    size_t n_best;
    bool ok = mf_group_begin(b->recommender, b->workspace, &err);
    for (uint32_t m = 0; ok && m < 5; m++) {
        profile = mf_profile_of_user(b->recommender, (user + m * 7) % b->parts->n_users);
        ok = mf_group_add(b->recommender, b->workspace, &profile, &err);
    }
    const mf_top_n_query query = {.n = N};
    if (!ok || !mf_group_profile(b->recommender, b->workspace, blend, &profile, &err) ||
        !mf_top_n(b->recommender, b->workspace, &profile, &query, &best, &n_best, &err))
        die("group", err.text);
}

static void average(const bench *b, uint32_t user)
{
    group_of_five(b, user, MF_BLEND_AVERAGE);
}

static void least_misery(const bench *b, uint32_t user)
{
    group_of_five(b, user, MF_BLEND_LEAST_MISERY);
}

static void varied(const bench *b, uint32_t user)
{
    list(b, user, (mf_top_n_query){.diversity = 0.5f});
}

/* The hundred users who would like an item most. */
static void audience(const bench *b, uint32_t user)
{
    const mf_recommendation *best;
    size_t n_best;
    if (!mf_audience(b->recommender, b->workspace, user % b->parts->n_items, 100, MF_ORDER_DEFAULT,
                     &best, &n_best, &err))
        die("audience", err.text);
}

static const steered CASES[] = {
    {"plain", plain},
    {"kept_50", half},
    {"kept_10", tenth},
    {"kept_1", hundredth},
    {"excluded_1000", excluded},
    {"explained", explained},
    {"varied", varied},
    {"average_of_5", average},
    {"least_misery_of_5", least_misery},
    {"audience_of_100", audience},
};
enum { N_CASES = sizeof CASES / sizeof CASES[0] };

/* The user's score of an item when one of the ratings had not been given. */
static float score_without(const bench *b, const mf_history *history, uint32_t rated, uint32_t item)
{
    const mf_ranking_parts *ranking = &b->parts->ranking;
    const size_t stride = mf_model_stride(ranking->n_factors);
    uint32_t *items = allocate(history->n, sizeof *items);
    uint8_t *grades = allocate(history->n, sizeof *grades);
    uint32_t *ranks = allocate(history->n, sizeof *ranks);
    float *vector = allocate(stride, sizeof *vector);
    mf_history other = {.items = items, .grades = grades};
    size_t at = 0;
    while (history->items[at] != rated)
        at++;
    for (size_t j = 0; j < history->n; j++) {
        if (j == at)
            continue;
        items[other.n] = history->items[j];
        grades[other.n] = history->grades[j];
        if (history->time_ranks != NULL) { /* twice the older ones, and the equally old ones */
            const uint32_t rank = history->time_ranks[j], gone = history->time_ranks[at];
            ranks[other.n] = rank - (gone < rank ? 2 : gone == rank);
            other.time_ranks = ranks;
        }
        other.n++;
    }
    mf_profile_compute(&b->recommender->profiles, &other, vector);
    const float score = mf_dot(vector, ranking->item_vectors + item * stride, stride);
    mf_free(items);
    mf_free(grades);
    mf_free(ranks);
    mf_free(vector);
    return score;
}

/* Of the listed items, the share whose score is lower without their first reason. */
static double lowered(const bench *b, uint32_t n_users)
{
    size_t n = 0, n_lower = 0;
    for (uint32_t user = 0; b->parts->ranking.n_factors > 0 && user < n_users; user++) {
        const mf_history history = mf_history_of_user(b->parts, user);
        const mf_explanation *why;
        plain(b, user);
        if (!mf_explain(b->workspace, 1, &why, &err))
            die("explain", err.text);
        const mf_search *search = &b->workspace->search;
        for (size_t k = 0; k < search->n_list; k++) {
            if (why[k].n_reasons == 0)
                continue;
            const mf_recommendation *entry = &search->list[k];
            n++;
            n_lower +=
                score_without(b, &history, why[k].reasons[0].item, entry->item) < entry->score;
        }
    }
    return n > 0 ? (double)n_lower / (double)n : 0;
}

int main(int argc, char **argv)
{
    uint32_t rounds = 3;
    bool is_ranked = false;
    const char *model_path = NULL, *export_path = NULL;
    char path[512];
    for (int a = 1; a + 1 < argc; a += 2) {
        if (strcmp(argv[a], "--rounds") == 0)
            rounds = (uint32_t)strtoul(argv[a + 1], NULL, 10);
        else if (strcmp(argv[a], "--ranking") == 0)
            is_ranked = strcmp(argv[a + 1], "0") != 0;
        else if (strcmp(argv[a], "--model") == 0)
            model_path = argv[a + 1];
        else if (strcmp(argv[a], "--export") == 0)
            export_path = argv[a + 1];
        else
            argc = 0;
    }
    if (argc % 2 == 0 || rounds == 0) {
        fprintf(stderr, "usage: bench_steer [--model FILE] [--ranking 1] [--export FILE] "
                        "[--rounds R]\n");
        return 2;
    }
    temporary_path(path);
    mf_model *model =
        model_path != NULL ? open_model(model_path) : planted(path, 60000, 64, is_ranked);
    if (model_path == NULL)
        unlink(path);
    bench b = {.parts = mf_model_get(model)};
    if (export_path != NULL)
        export(export_path, b.parts);
    mf_recommender *recommender = mf_recommender_create(model, SIZE_MAX, &err);
    b.recommender = recommender;
    b.workspace = mf_workspace_create(&err);
    if (b.recommender == NULL || b.workspace == NULL)
        die("create", err.text);
    for (size_t k = 0; k < 3; k++)
        b.allowed[k] = allocate(b.parts->n_items / 64 + 1, sizeof(uint64_t));

    const uint32_t n_users = b.parts->n_users < FEW ? b.parts->n_users : FEW;
    const size_t n_times = (size_t)rounds * n_users;
    double *us = allocate(N_CASES * n_times, sizeof *us);
    double *ratio = allocate(N_CASES * n_times, sizeof *ratio);
    size_t n = 0;
    for (uint32_t user = 0; user < n_users; user++) {
        filters_of_user(&b, user);
        for (size_t c = 0; c < N_CASES; c++) /* caches and branches as they are in a load */
            CASES[c].run(&b, user);
        for (uint32_t round = 0; round < rounds; round++, n++)
            for (size_t c = 0; c < N_CASES; c++) {
                plain(&b, user); /* whatever ran before, the caches are those of these two */
                CASES[c].run(&b, user);
                const double start = mf_clock_seconds();
                plain(&b, user);
                const double middle = mf_clock_seconds();
                CASES[c].run(&b, user);
                us[c * n_times + n] = 1e6 * (mf_clock_seconds() - middle);
                ratio[c * n_times + n] = us[c * n_times + n] / (1e6 * (middle - start));
            }
    }
    printf("{\"bench\":\"steer\",\"items\":%" PRIu32 ",\"n\":%d,\"threads\":1,\"cpu\":\"%s\"",
           b.parts->n_items, N, recommender->kernel->cpu);
    for (size_t c = 0; c < N_CASES; c++)
        printf(",\"%s_us\":%.1f,\"%s_ratio\":%.2f", CASES[c].name,
               quantile(us + c * n_times, n, 0.5), CASES[c].name,
               quantile(ratio + c * n_times, n, 0.5));
    printf(",\"lowered\":%.4f}\n", lowered(&b, n_users));
    mf_workspace_destroy(b.workspace);
    mf_recommender_destroy(recommender);
    mf_model_close(model);
    for (size_t k = 0; k < 3; k++)
        mf_free(b.allowed[k]);
    mf_free(us);
    mf_free(ratio);
    return 0;
}
