/* choose.c: which settings are compared and which are taken, then the lists that compare them.
 *
 * In order: the grid and the rules, the mean profile, the lists. */
#include "spectral/choose.h"

#include "base/memory.h"
#include "base/portable_math.h"
#include "base/random.h"
#include "metrics/ranking_metrics.h"
#include "model/model.h"
#include "spectral/part.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* --- what is compared, and what is taken ---------------------------------------
 *
 * Tried on MovieLens 2016, halves and quarters of its users and planted ratings, splits by time
 * and at random:
 *   - a direction weighs σ²/(σ² + λ) in the item vectors, so the square of it in a score: .5 to
 *     2 % better than the shrinkage itself with three times the λ, and weak directions matter
 *     less: half as many are nearly enough;
 *   - λ: NDCG of neighbours is averaged, and the smallest λ within 1 % of the best is taken:
 *     1.072 of EASE's NDCG over all sets (the best λ of each: 1.084; the best of the grid
 *     1.069; no choice, mf_default_regularization, 1.066). More directions come into lists with
 *     a small λ, and more different items: within 3 % lists of graded ratings cover a tenth more
 *     than those of EASE, and their NDCG on ratings that are really new falls by 1 % or less,
 *     because what is held out here leaves less to learn from and so wants a larger λ. Where all
 *     grades are equal 3 % cost 2 % at random, and coverage is as good without;
 *   - recency: the strongest age weights, unless weaker ones are better by more than chance explains:
 *     a gain of two standard errors over users. (Some hundred users cannot tell a gain of 3 %, and
 *     MovieLens' parts would choose weaker ones one time in six.) What is best depends on what lists
 *     are evaluated by, and stronger ones than MF_CHOOSE_RECENCIES has would still be a little better
 *     for what comes next, but cost 6 % of the NDCG of ratings held out at random (grade.h). */

/* λ is compared at these powers of STEP times the mean variance. */
static const double STEP = 1.3;
enum { FIRST_POWER = -8 };
static const double GRADED_NEAR = 0.03;
static const double EQUAL_NEAR = 0.01;

static const uint32_t sizes[MF_CHOOSE_SIZES] = {64, 128, 256};

/* The largest number of directions that is this near to the best is taken: what is held out here
 * is too little to tell 128 from 256, and with all that there is to learn from 256 are 1 % better at
 * random and nothing worse by time. */
static const double SIZE_NEAR = 0.01;

const double mf_choose_recencies[MF_CHOOSE_RECENCIES] = {0, 0.5, 1};
static const double RECENCY_ERRORS = 2;
static const double RECENCY = 1;

/* Of a user's ratings in the order of time the newest that are looked for when recency is chosen. */
static const double NEWEST = 0.25;

/* The prior is worth as much as this many ratings. */
static const double PRIOR_RATINGS = 12;

double mf_direction_weight(double variance, double regularization)
{
    return variance / (variance + regularization);
}

double mf_default_regularization(double squares)
{
    return 70 * sqrt(squares / 30000);
}

/* 1 for some hundred users, whose lists say little, falling to 0 for thousands. */
static double uncertainty(uint64_t n_users)
{
    static const double USERS = 700;
    const double share = n_users > 0 ? USERS / (double)n_users : 1;
    return share < 1 ? share : 1;
}

double mf_taken_regularization(double chosen, double squares, bool graded, uint64_t n_users)
{
    /* All ratings have a quarter more squares than the kept four fifths. */
    static const double WHOLE = 1.25;
    const double unsure = uncertainty(n_users);
    if (!graded || !(chosen > 0))
        return chosen;
    const double pull = unsure / 2 * mf_log(mf_default_regularization(squares) / chosen);
    return chosen * mf_exp(pull + (1 - unsure) * mf_log(WHOLE));
}

double mf_scaled_regularization(double regularization, double squares_of_draw, double squares)
{
    return regularization * sqrt(squares / squares_of_draw);
}

double mf_default_recency(bool has_times)
{
    return has_times ? RECENCY : 0;
}

double mf_default_prior(double mean_ratings, double mean_age)
{
    return PRIOR_RATINGS / mean_ratings / mean_age;
}

mf_choose_grid mf_choose_grid_for(const mf_spectral_options *options, bool has_times, bool graded,
                                  const double *variances, uint32_t k)
{
    mf_choose_grid grid = {.near = graded ? GRADED_NEAR : EQUAL_NEAR, .graded = graded};
    if (options->regularization >= 0) {
        grid.n_regularizations = 1;
        grid.regularization[0] = options->regularization;
    } else {
        double mean = 0;
        for (uint32_t f = 0; f < k; f++)
            mean += variances[f] / k;
        for (int power = 0; power > FIRST_POWER; power--)
            mean /= STEP;
        grid.n_regularizations = MF_CHOOSE_REGULARIZATIONS;
        grid.regularization[0] = mean;
        for (size_t l = 1; l < MF_CHOOSE_REGULARIZATIONS; l++)
            grid.regularization[l] = grid.regularization[l - 1] * STEP;
    }
    if (options->n_factors > 0) {
        grid.n_sizes = 1;
        grid.size[0] = options->n_factors;
    } else {
        grid.n_sizes = MF_CHOOSE_SIZES;
        memcpy(grid.size, sizes, sizeof sizes);
    }
    grid.recency = options->recency >= 0 ? options->recency : mf_default_recency(has_times);
    grid.n_recencies = options->recency < 0 && has_times ? MF_CHOOSE_RECENCIES : 0;
    return grid;
}

/* Of a size, smoothed over neighbouring λ. */
static double smooth(const mf_choose_grid *grid, const mf_choose_sums *sums, uint32_t l,
                     uint32_t size)
{
    const uint32_t below = l > 0 ? l - 1 : 0;
    const uint32_t above = l + 1 < grid->n_regularizations ? l + 1 : l;
    return 0.25 * sums->ndcg[below * grid->n_sizes + size] +
           0.5 * sums->ndcg[l * grid->n_sizes + size] +
           0.25 * sums->ndcg[above * grid->n_sizes + size];
}

uint32_t mf_choose_best(const mf_choose_grid *grid, const mf_choose_sums *sums)
{
    double best[MF_CHOOSE_SIZES] = {0};
    double most = 0;
    for (uint32_t size = 0; size < grid->n_sizes; size++) {
        for (uint32_t l = 0; l < grid->n_regularizations; l++)
            best[size] = fmax(best[size], smooth(grid, sums, l, size));
        most = fmax(most, best[size]);
    }
    if (!(most > 0))
        return UINT32_MAX;
    uint32_t size = grid->n_sizes - 1;
    while (best[size] < most * (1 - SIZE_NEAR))
        size--;
    uint32_t l = 0;
    while (smooth(grid, sums, l, size) < best[size] * (1 - uncertainty(sums->n_users) * grid->near))
        l++;
    return l * grid->n_sizes + size;
}

uint32_t mf_choose_best_recency(const mf_choose_grid *grid, const mf_choose_sums *sums)
{
    if (grid->n_recencies == 0 || sums->n_recency_users == 0)
        return UINT32_MAX;
    const double n = (double)sums->n_recency_users;
    const uint32_t strongest = grid->n_recencies - 1;
    uint32_t best = strongest;
    double most = 0;
    for (uint32_t r = 0; r < strongest; r++) {
        const double gain = (sums->recency_ndcg[r] - sums->recency_ndcg[strongest]) / n;
        const double variance = sums->recency_gain_squares[r] / n - gain * gain;
        if (gain > most && gain * gain * n > RECENCY_ERRORS * RECENCY_ERRORS * variance) {
            most = gain;
            best = r;
        }
    }
    return best;
}

/* --- mean profile ---------------------------------------------------------------- */

enum { MEAN_BLOCKS = 4, LANES = 16 };

/* The rating's age weight times its grade: part of a profile. */
static float weight_of(const mf_spectral_input *input, double recency, uint64_t rating,
                       uint32_t rank, uint32_t n)
{
    const float y = (float)input->grade[rating] / MF_GRADE_MAX;
    return input->time_rank == NULL ? y : mf_age_weight((float)recency, rank, n) * y;
}

/* The recency of a profile of m ratings, those of n that are marked `only` (marks NULL: all): 0
 * where times are equal (each has the rank m - 1) or not known. */
static double recency_of(const uint32_t *rank, const uint8_t *marks, uint8_t only, uint32_t n,
                         uint32_t m, double recency)
{
    for (uint32_t k = 0; rank != NULL && k < n; k++)
        if ((marks == NULL || marks[k] == only) && rank[k] != m - 1)
            return recency;
    return 0;
}

static uint32_t most_ratings(const mf_spectral_input *input)
{
    uint64_t most = 0;
    for (uint32_t u = 0; u < input->n_users; u++)
        if (input->user_start[u + 1] - input->user_start[u] > most)
            most = input->user_start[u + 1] - input->user_start[u];
    return (uint32_t)most;
}

bool mf_mean_profile(const mf_spectral_input *input, double recency, const float *item_vectors,
                     size_t stride, uint32_t n_threads, float *mean, double *mean_age,
                     mf_error *err)
{
    const uint32_t n_items = input->n_items;
    const int blocks = (int)(n_threads < MEAN_BLOCKS ? n_threads : MEAN_BLOCKS);
    const size_t groups = stride / LANES;
    double *weight =
        mf_allocate((size_t)MEAN_BLOCKS * n_items, sizeof *weight, "the mean profile", err);
    uint64_t users = 0;
    double grades = 0;
    double weights = 0;
    if (weight == NULL)
        return false;
        /* The blocks of users are fixed, whatever the threads. */
#pragma omp parallel for schedule(static) num_threads(blocks)
    for (uint32_t b = 0; b < MEAN_BLOCKS; b++) {
        const uint32_t first = (uint32_t)((uint64_t)input->n_users * b / MEAN_BLOCKS);
        const uint32_t last = (uint32_t)((uint64_t)input->n_users * (b + 1) / MEAN_BLOCKS);
        double *own = weight + (size_t)b * n_items;
        for (uint32_t u = first; u < last; u++) {
            const uint64_t begin = input->user_start[u];
            const uint32_t n = (uint32_t)(input->user_start[u + 1] - begin);
            const uint32_t *rank = input->time_rank == NULL ? NULL : input->time_rank + begin;
            const double own_recency = recency_of(rank, NULL, 0, n, n, recency);
            for (uint32_t k = 0; k < n; k++)
                own[input->item[begin + k]] += (double)weight_of(input, own_recency, begin + k,
                                                                 rank == NULL ? n - 1 : rank[k], n);
        }
    }
    for (uint32_t u = 0; u < input->n_users; u++)
        users += input->user_start[u + 1] > input->user_start[u] ? 1 : 0;
    for (uint64_t k = 0; k < input->user_start[input->n_users]; k++)
        grades += (double)input->grade[k] / MF_GRADE_MAX;
    for (size_t i = 0; i < n_items; i++) {
        for (size_t b = 1; b < MEAN_BLOCKS; b++)
            weight[i] += weight[b * n_items + i];
        weights += weight[i];
    }
    *mean_age = weights / grades;
#pragma omp parallel for schedule(static)                                                          \
    num_threads((int)(n_threads < groups ? n_threads : groups))
    for (size_t at = 0; at < stride; at += LANES) {
        double sum[LANES] = {0};
        for (size_t i = 0; i < n_items; i++)
            for (size_t f = 0; f < LANES; f++)
                sum[f] += weight[i] * (double)item_vectors[i * stride + at + f];
        for (size_t f = 0; f < LANES; f++)
            mean[at + f] = (float)(sum[f] / (double)users);
    }
    mf_free(weight);
    return true;
}

/* --- lists ------------------------------------------------------------------------ */

enum {
    K = 10,
    TILE = 64, /* users that are scored together */
    CHUNK = 256,
    CANDIDATES = MF_CHOOSE_CANDIDATES,
    FOUND_MOST = 2 * CANDIDATES,
    COLUMNS = 16,                           /* λ, and the two below */
    UNWEIGHTED = MF_CHOOSE_REGULARIZATIONS, /* scores of the older ratings at recency 0 */
    WEIGHTED,                               /* and at recency 1 */
};

/* The grid's cost is this many times that of the part's decomposition, taken as eight steps. */
static const double COST = 0.3;
static const double STEPS = 8;

/* Of a user: NDCG of each choice and of each recency, and whether the last ones count. */
enum { RESULTS = MF_CHOOSE_MAX + MF_CHOOSE_RECENCIES + 1 };

typedef struct candidate {
    float score;
    uint32_t item;
} candidate;

struct mf_choose {
    const mf_spectral_kernel *kernel;
    const mf_choose_grid *grid;
    const mf_spectral_input *input;
    const uint8_t *part;
    const float *vectors;
    const double *variances;
    uint32_t k;
    size_t stride;
    uint32_t n_threads;
    uint32_t most; /* ratings of a user */
    uint32_t n_users;
    uint32_t *users; /* [n_users] rising */
    float *weights;  /* [k × COLUMNS] of each direction for each λ */
    float *middle;   /* [k] the same at the middle λ */
    float *lines;    /* [n_threads × workspace_floats] */
    double *results; /* [MF_CHOOSE_STRETCH × RESULTS] */
};

/* Where a thread's arrays are in its floats. */
typedef struct workspace {
    float *profiles;   /* [TILE × stride] */
    float *tile;       /* [stride × TILE] */
    float *scores;     /* [CHUNK × TILE] */
    float *rows;       /* [CANDIDATES × stride] vectors of one user's candidates */
    float *columns;    /* [stride × COLUMNS] */
    float *lists;      /* [CANDIDATES × COLUMNS] */
    float *least;      /* [TILE] a lower score is no candidate any more */
    uint32_t *n_found; /* [TILE] how many candidates there are */
    candidate *found;  /* [TILE × FOUND_MOST] */
    uint32_t *counts;  /* [2 × most] */
    uint32_t *rank;    /* [most] */
    float *older;      /* [2 × stride] profiles of the older ratings at recency 0 and 1 */
    uint8_t *marks;    /* [most] */
} workspace;

_Static_assert((int)WEIGHTED < (int)COLUMNS, "a column for each λ and two more");
_Static_assert(sizeof(candidate) == 2 * sizeof(float), "a thread's arrays are cut from floats");

static size_t workspace_floats(const mf_choose *c)
{
    const size_t n = c->stride * (2 * TILE + CANDIDATES + COLUMNS) + (size_t)CHUNK * TILE +
                     (size_t)CANDIDATES * COLUMNS + 2 * TILE + (size_t)TILE * FOUND_MOST * 2 +
                     3 * (size_t)c->most + 2 * c->stride + (c->most + 3) / 4;
    return (n + LANES - 1) / LANES * LANES;
}

static workspace workspace_of(const mf_choose *c, size_t thread)
{
    workspace r;
    r.profiles = c->lines + thread * workspace_floats(c);
    r.tile = r.profiles + TILE * c->stride;
    r.scores = r.tile + c->stride * TILE;
    r.rows = r.scores + (size_t)CHUNK * TILE;
    r.columns = r.rows + CANDIDATES * c->stride;
    r.lists = r.columns + c->stride * COLUMNS;
    r.least = r.lists + (size_t)CANDIDATES * COLUMNS;
    r.n_found = (uint32_t *)(r.least + TILE);
    r.found = (candidate *)(r.n_found + TILE);
    r.counts = (uint32_t *)(r.found + (size_t)TILE * FOUND_MOST);
    r.rank = r.counts + 2 * (size_t)c->most;
    r.older = (float *)(r.rank + c->most);
    r.marks = (uint8_t *)(r.older + 2 * c->stride);
    return r;
}

/* Equally old ratings share a rank, so they are on the same side. */
static bool is_among_newest(const mf_spectral_input *input, uint32_t user, uint64_t k)
{
    const uint64_t n = input->user_start[user + 1] - input->user_start[user];
    return (double)input->time_rank[k] >= (1 - NEWEST) * 2 * (double)(n - 1);
}

static bool has_liked(const mf_spectral_input *input, const uint8_t *part, uint32_t user)
{
    for (uint64_t k = input->user_start[user]; k < input->user_start[user + 1]; k++)
        if (part[k] == MF_PART_ASIDE && input->relevant[k])
            return true;
    return false;
}

/* How many users' lists cost as much as they may. */
static uint32_t affordable(const mf_choose *c)
{
    const double step = 4.0 * (double)c->input->user_start[c->input->n_users] * c->k;
    const double items = c->input->n_items < CANDIDATES ? 0 : c->input->n_items;
    const double user = 2.0 * c->k * (items + (double)CANDIDATES * COLUMNS);
    const double n = COST * STEPS * step / user;
    return n < MF_CHOOSE_USERS_LEAST  ? MF_CHOOSE_USERS_LEAST
           : n > MF_CHOOSE_USERS_MOST ? MF_CHOOSE_USERS_MOST
                                      : (uint32_t)n;
}

static void draw_users(mf_choose *c, uint64_t seed)
{
    const uint64_t key = mf_random_key(seed, 0x75736572);
    uint32_t n = 0;
    for (uint32_t u = 0; u < c->input->n_users; u++)
        if (has_liked(c->input, c->part, u))
            c->users[n++] = u;
    const uint32_t most = affordable(c);
    const float drawn = n <= most ? 1 : (float)most / (float)n;
    for (uint32_t at = 0; at < n; at++)
        if (drawn >= 1 || mf_random_unit(key, c->users[at]) < drawn)
            c->users[c->n_users++] = c->users[at];
}

mf_choose *mf_choose_create(const mf_spectral_kernel *kernel, const mf_choose_grid *grid,
                            const mf_spectral_input *input, const uint8_t *part,
                            const float *vectors, uint32_t k, const double *variances,
                            uint64_t seed, uint32_t n_threads, mf_error *err)
{
    const char *const what = "the choice of settings";
    mf_choose *c = mf_allocate(1, sizeof *c, what, err);
    if (c == NULL)
        return NULL;
    *c = (mf_choose){.kernel = kernel,
                     .grid = grid,
                     .input = input,
                     .part = part,
                     .vectors = vectors,
                     .variances = variances,
                     .k = k,
                     .stride = mf_model_stride(k),
                     .n_threads = n_threads < MF_CHOOSE_STRETCH / TILE ? n_threads
                                                                       : MF_CHOOSE_STRETCH / TILE,
                     .most = most_ratings(input)};
    c->users = mf_allocate(input->n_users, sizeof *c->users, what, err);
    c->weights = mf_allocate((size_t)k * COLUMNS, sizeof *c->weights, what, err);
    c->middle = mf_allocate(k, sizeof *c->middle, what, err);
    c->lines = mf_allocate(c->n_threads * workspace_floats(c), sizeof *c->lines, what, err);
    c->results = mf_allocate((size_t)MF_CHOOSE_STRETCH * RESULTS, sizeof *c->results, what, err);
    if (c->users == NULL || c->weights == NULL || c->middle == NULL || c->lines == NULL ||
        c->results == NULL) {
        mf_choose_destroy(c);
        return NULL;
    }
    /* A score is p · G² v when both p and the item have the weight: once for each. */
    const uint32_t middle = grid->n_regularizations / 2;
    for (uint32_t f = 0; f < k; f++)
        for (uint32_t l = 0; l < grid->n_regularizations; l++) {
            const double weight = mf_direction_weight(variances[f], grid->regularization[l]);
            c->weights[f * COLUMNS + l] = (float)(weight * weight);
            if (l == middle)
                c->middle[f] = (float)(weight * weight);
        }
    draw_users(c, seed);
    return c;
}

void mf_choose_destroy(mf_choose *c)
{
    if (c == NULL)
        return;
    mf_free(c->users);
    mf_free(c->weights);
    mf_free(c->middle);
    mf_free(c->lines);
    mf_free(c->results);
    mf_free(c);
}

uint32_t mf_choose_n_users(const mf_choose *c)
{
    return c->n_users;
}

/* The user's rating of the item, or UINT64_MAX. */
static uint64_t find_rating(const mf_spectral_input *input, uint32_t user, uint32_t item)
{
    uint64_t low = input->user_start[user];
    uint64_t high = input->user_start[user + 1];
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (input->item[middle] < item)
            low = middle + 1;
        else if (input->item[middle] > item)
            high = middle;
        else
            return middle;
    }
    return UINT64_MAX;
}

/* Best first; of equal scores the lower item. */
static bool is_before(candidate a, candidate b)
{
    return a.score > b.score || (!(a.score < b.score) && a.item < b.item);
}

/* Moves the m best of n to the front (Hoare's quickselect). */
static void select_best(candidate *list, size_t n, size_t m)
{
    size_t low = 0;
    size_t high = n;
    while (high - low > 1) {
        const candidate pivot = list[low + (high - low) / 2];
        size_t i = low;
        size_t j = high - 1;
        for (;;) {
            while (is_before(list[i], pivot))
                i++;
            while (is_before(pivot, list[j]))
                j--;
            if (i >= j)
                break;
            const candidate swap = list[i];
            list[i++] = list[j];
            list[j--] = swap;
        }
        const size_t split = is_before(list[i], pivot) ? i + 1 : i;
        if (m <= split)
            high = split == high ? high - 1 : split;
        else
            low = split == low ? low + 1 : split;
    }
}

/* profile = Σ a y v over the user's ratings that are marked `only`, a by their ages among these.
 * Returns how many there are. */
static uint32_t fill_profile(const mf_choose *c, uint32_t user, const uint8_t *marks, uint8_t only,
                             double recency, const workspace *own, float *profile)
{
    const mf_spectral_input *input = c->input;
    const uint64_t begin = input->user_start[user];
    const uint32_t n = (uint32_t)(input->user_start[user + 1] - begin);
    const uint32_t m = mf_part_ranks(input->time_rank == NULL ? NULL : input->time_rank + begin,
                                     marks, only, n, own->counts, own->rank);
    recency = recency_of(own->rank, marks, only, n, m, recency);
    for (size_t f = 0; f < c->stride; f++)
        profile[f] = 0;
    for (uint32_t j = 0; j < n; j++)
        if (marks[j] == only)
            c->kernel->combine(profile, 1, profile,
                               weight_of(input, recency, begin + j, own->rank[j], m),
                               c->vectors + input->item[begin + j] * c->stride, 0, NULL, c->stride);
    return m;
}

/* Scores of all items for the tile's users; each keeps the best that he has not rated. */
static void find_candidates(const mf_choose *c, const uint32_t *users, size_t n_users,
                            workspace *own)
{
    const uint32_t n_items = c->input->n_items;
    for (size_t u = 0; u < TILE; u++) {
        own->n_found[u] = 0;
        own->least[u] = u < n_users ? -INFINITY : INFINITY;
        for (size_t f = 0; f < c->k; f++)
            own->tile[f * TILE + u] =
                u < n_users ? own->profiles[u * c->stride + f] * c->middle[f] : 0;
    }
    for (uint32_t first = 0; first < n_items; first += CHUNK) {
        const uint32_t rows = n_items - first < CHUNK ? n_items - first : CHUNK;
        c->kernel->multiply(c->vectors + first * c->stride, c->stride, rows, c->k, own->tile, TILE,
                            own->scores, TILE, TILE, 0);
        for (uint32_t r = 0; r < rows; r++) {
            const float *scores = own->scores + (size_t)r * TILE;
            int any = 0;
            for (size_t u = 0; u < TILE; u++)
                any |= scores[u] >= own->least[u];
            if (!any)
                continue;
            for (size_t u = 0; u < n_users; u++) {
                if (!(scores[u] >= own->least[u]))
                    continue;
                const uint64_t rating = find_rating(c->input, users[u], first + r);
                if (rating != UINT64_MAX && c->part[rating] != MF_PART_ASIDE)
                    continue;
                candidate *found = own->found + u * FOUND_MOST;
                found[own->n_found[u]++] = (candidate){scores[u], first + r};
                if (own->n_found[u] == FOUND_MOST) {
                    select_best(found, FOUND_MOST, CANDIDATES);
                    own->n_found[u] = CANDIDATES;
                    float least = found[0].score;
                    for (size_t k = 1; k < CANDIDATES; k++)
                        least = found[k].score < least ? found[k].score : least;
                    own->least[u] = least;
                }
            }
        }
    }
    for (size_t u = 0; u < n_users; u++)
        if (own->n_found[u] > CANDIDATES) {
            select_best(own->found + u * FOUND_MOST, own->n_found[u], CANDIDATES);
            own->n_found[u] = CANDIDATES;
        }
}

/* The first ten by the scores of one column; returns how many. */
static size_t take_list(const candidate *found, size_t n, const float *scores, uint32_t list[K])
{
    candidate best[K + 1];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        const candidate here = {scores[i * COLUMNS], found[i].item};
        if (m == K && !is_before(here, best[K - 1]))
            continue;
        size_t at = m;
        for (; at > 0 && is_before(here, best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = here;
        m = m < K ? m + 1 : K;
    }
    for (size_t i = 0; i < m; i++)
        list[i] = best[i].item;
    return m;
}

/* Fills own->older. False where recency is not chosen, or the user has nothing to choose it by:
 * older ratings that are kept, and among the newest a liked one that is set aside. */
static bool fill_older(const mf_choose *c, uint32_t user, workspace *own)
{
    enum { OLDER = 1 };
    const uint64_t begin = c->input->user_start[user];
    const uint32_t n = (uint32_t)(c->input->user_start[user + 1] - begin);
    bool any = false;
    if (c->grid->n_recencies == 0)
        return false;
    for (uint32_t k = 0; k < n; k++) {
        const bool newest = is_among_newest(c->input, user, begin + k);
        own->marks[k] = c->part[begin + k] == MF_PART_KEPT && !newest ? OLDER : 0;
        any =
            any || (newest && c->part[begin + k] == MF_PART_ASIDE && c->input->relevant[begin + k]);
    }
    return any && fill_profile(c, user, own->marks, OLDER, 0, own, own->older) > 0 &&
           fill_profile(c, user, own->marks, OLDER, 1, own, own->older + c->stride) > 0;
}

/* Scores are linear in recency. */
static void evaluate_recencies(const mf_choose *c, uint32_t user, size_t u, const workspace *own,
                               double *result)
{
    const candidate *found = own->found + u * FOUND_MOST;
    const size_t n = own->n_found[u];
    uint32_t *relevant = own->counts;
    size_t n_relevant = 0;
    for (uint64_t k = c->input->user_start[user]; k < c->input->user_start[user + 1]; k++)
        if (c->part[k] == MF_PART_ASIDE && c->input->relevant[k] &&
            is_among_newest(c->input, user, k))
            relevant[n_relevant++] = c->input->item[k];
    for (uint32_t r = 0; r < MF_CHOOSE_RECENCIES; r++) {
        const float recency = (float)mf_choose_recencies[r];
        uint32_t list[K];
        for (size_t i = 0; i < n; i++) {
            float *scores = own->lists + i * COLUMNS;
            scores[0] = (1 - recency) * scores[UNWEIGHTED] + recency * scores[WEIGHTED];
        }
        const size_t m = take_list(found, n, own->lists, list);
        result[r] = mf_list_metrics_of(list, m, relevant, n_relevant, K).ndcg;
    }
}

/* NDCG of one user for every choice. */
static void evaluate_user(const mf_choose *c, uint32_t user, size_t u, workspace *own,
                          double *result)
{
    const mf_choose_grid *grid = c->grid;
    const candidate *found = own->found + u * FOUND_MOST;
    const size_t n = own->n_found[u];
    uint32_t *relevant = own->counts;
    size_t n_relevant = 0;
    const bool has_newest = fill_older(c, user, own);
    for (uint64_t k = c->input->user_start[user]; k < c->input->user_start[user + 1]; k++)
        if (c->part[k] == MF_PART_ASIDE && c->input->relevant[k])
            relevant[n_relevant++] = c->input->item[k];
    for (size_t i = 0; i < n; i++)
        memcpy(own->rows + i * c->stride, c->vectors + found[i].item * c->stride,
               c->stride * sizeof(float));
    for (size_t f = 0; f < c->k; f++)
        for (size_t l = 0; l < COLUMNS; l++)
            own->columns[f * COLUMNS + l] =
                own->profiles[u * c->stride + f] * c->weights[f * COLUMNS + l];
    for (size_t f = 0; has_newest && f < c->k; f++) {
        own->columns[f * COLUMNS + UNWEIGHTED] = own->older[f] * c->middle[f];
        own->columns[f * COLUMNS + WEIGHTED] = own->older[c->stride + f] * c->middle[f];
    }
    size_t done = 0;
    for (uint32_t size = 0; size < grid->n_sizes; size++) {
        /* Scores by the first directions are those by fewer, and some more. */
        const size_t k = grid->size[size] < c->k ? grid->size[size] : c->k;
        c->kernel->multiply(own->rows + done, c->stride, n, k - done, own->columns + done * COLUMNS,
                            COLUMNS, own->lists, COLUMNS, COLUMNS, done > 0);
        done = k;
        for (uint32_t l = 0; l < grid->n_regularizations; l++) {
            uint32_t list[K];
            const size_t m = take_list(found, n, own->lists + l, list);
            result[l * grid->n_sizes + size] =
                mf_list_metrics_of(list, m, relevant, n_relevant, K).ndcg;
        }
    }
    result[RESULTS - 1] = has_newest;
    if (has_newest)
        evaluate_recencies(c, user, u, own, result + MF_CHOOSE_MAX);
}

void mf_choose_stretch(mf_choose *c, mf_choose_sums *sums)
{
    const uint32_t n_choices = c->grid->n_regularizations * c->grid->n_sizes;
    const uint64_t first = sums->n_users;
    const size_t n =
        c->n_users - first < MF_CHOOSE_STRETCH ? (size_t)(c->n_users - first) : MF_CHOOSE_STRETCH;
    const size_t tiles = (n + TILE - 1) / TILE;
    if (n == 0)
        return;
#pragma omp parallel for schedule(dynamic)                                                         \
    num_threads((int)(c->n_threads < tiles ? c->n_threads : tiles))
    for (size_t tile = 0; tile < tiles; tile++) {
        workspace own = workspace_of(c, (size_t)omp_get_thread_num());
        const uint32_t *users = c->users + first + tile * TILE;
        const size_t n_users = n - tile * TILE < TILE ? n - tile * TILE : TILE;
        for (size_t u = 0; u < n_users; u++)
            fill_profile(c, users[u], c->part + c->input->user_start[users[u]], MF_PART_KEPT,
                         c->grid->recency, &own, own.profiles + u * c->stride);
        find_candidates(c, users, n_users, &own);
        for (size_t u = 0; u < n_users; u++)
            evaluate_user(c, users[u], u, &own, c->results + (tile * TILE + u) * RESULTS);
    }
    for (size_t u = 0; u < n; u++) {
        const double *result = c->results + u * RESULTS;
        for (uint32_t choice = 0; choice < n_choices; choice++)
            sums->ndcg[choice] += result[choice];
        if (!(result[RESULTS - 1] > 0))
            continue;
        sums->n_recency_users++;
        for (uint32_t r = 0; r < MF_CHOOSE_RECENCIES; r++) {
            const double *ndcg = result + MF_CHOOSE_MAX;
            const double gain = ndcg[r] - ndcg[MF_CHOOSE_RECENCIES - 1];
            sums->recency_ndcg[r] += ndcg[r];
            sums->recency_gain_squares[r] += gain * gain;
        }
    }
    sums->n_users += n;
}
