/* spectral.c: the phases of a training: decompose a part, compare settings, decompose everything.
 *
 * Everything that the rest of a run depends on is in `at` and the block of the subspace, which is
 * what a checkpoint has. The rest is computed again after a resumption. */
#include "spectral/spectral.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"
#include "model/model.h"
#include "spectral/state.h"

#include <math.h>
#include <string.h>

enum { FACTORS_MOST = 256 /* when not given */ };

/* Of the part a rough picture is enough: NDCG is there long before the vectors are. */
static const double ROUGHER = 10;

/* Settings are chosen on as many ratings at most. */
static const double PART_RATINGS_MOST = 20e6;

static bool fail_argument(mf_error *err, const char *what)
{
    return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "%s", what);
}

/* --- input ---------------------------------------------------------------------- */

static bool check_options(const mf_spectral_options *o, mf_error *err)
{
    if (o->n_factors > MF_MODEL_RANKING_FACTORS_MAX)
        return fail_argument(err, "the ranking model would have too many directions");
    if (!isfinite(o->regularization) || !isfinite(o->recency) || !isfinite(o->prior) ||
        !(o->recency <= 1))
        return fail_argument(err, "a setting of the ranking model is out of range");
    if (o->max_steps < 1 || !(o->tolerance >= 0) || !isfinite(o->tolerance))
        return fail_argument(err, "the ranking model's steps or tolerance are out of range");
    return true;
}

static bool check_input(const mf_spectral_input *in, uint64_t *n_graded, mf_error *err)
{
    *n_graded = 0;
    if (in->n_users == 0 || in->n_items == 0 || in->user_start[0] != 0)
        return fail_argument(err, "there are no users or no items");
    if (in->item == NULL || in->grade == NULL || in->relevant == NULL)
        return fail_argument(err, "an array of the ranking model's input is missing");
    for (uint32_t u = 0; u < in->n_users; u++) {
        const uint64_t begin = in->user_start[u];
        const uint64_t end = in->user_start[u + 1];
        if (end < begin || end - begin > in->n_items)
            return fail_argument(err, "the users' ratings do not follow each other");
        for (uint64_t k = begin; k < end; k++) {
            if (in->item[k] >= in->n_items || (k > begin && in->item[k] <= in->item[k - 1]))
                return fail_argument(err, "a user's items are out of range or do not ascend");
            if (in->time_rank != NULL && in->time_rank[k] > 2 * (end - begin - 1))
                return fail_argument(err, "a time rank is out of range");
            *n_graded += in->grade[k] > 0 ? 1 : 0;
        }
    }
    return *n_graded > 0 || fail_argument(err, "there is nothing that the ranking model could be "
                                               "learned from: no rating has a grade");
}

static void free_input(mf_spectral_input *in)
{
    mf_free(in->user_start);
    mf_free(in->item);
    mf_free(in->grade);
    mf_free(in->time_rank);
    mf_free(in->relevant);
}

/* A copy without the ratings of grade 0, ranks counted anew. */
static bool copy_graded(const mf_spectral_input *in, uint64_t n, mf_spectral_input *copy,
                        mf_error *err)
{
    bool ok = false;
    uint64_t *start = mf_allocate((size_t)in->n_users + 1, sizeof *start, "graded ratings", err);
    uint32_t *item = mf_allocate(n, sizeof *item, "graded ratings", err);
    uint8_t *grade = mf_allocate(n, sizeof *grade, "graded ratings", err);
    uint8_t *relevant = mf_allocate(n, sizeof *relevant, "graded ratings", err);
    uint32_t *rank = mf_allocate(n, sizeof *rank, "graded ratings", err);
    uint32_t *counts = mf_allocate(2 * (size_t)in->n_items, sizeof *counts, "graded ratings", err);
    uint32_t *ranks = mf_allocate(in->n_items, sizeof *ranks, "graded ratings", err);
    uint8_t *marks = mf_allocate(in->n_items, sizeof *marks, "graded ratings", err);
    if (start == NULL || item == NULL || grade == NULL || relevant == NULL || rank == NULL ||
        counts == NULL || ranks == NULL || marks == NULL)
        goto done;
    for (uint32_t u = 0; u < in->n_users; u++) {
        const uint64_t begin = in->user_start[u];
        const uint32_t m = (uint32_t)(in->user_start[u + 1] - begin);
        uint64_t to = start[u];
        for (uint32_t k = 0; k < m; k++)
            marks[k] = in->grade[begin + k] > 0;
        mf_part_ranks(in->time_rank == NULL ? NULL : in->time_rank + begin, marks, 1, m, counts,
                      ranks);
        for (uint32_t k = 0; k < m; k++)
            if (marks[k]) {
                item[to] = in->item[begin + k];
                grade[to] = in->grade[begin + k];
                relevant[to] = in->relevant[begin + k];
                rank[to++] = ranks[k];
            }
        start[u + 1] = to;
    }
    *copy = (mf_spectral_input){
        .n_users = in->n_users,
        .n_items = in->n_items,
        .user_start = start,
        .item = item,
        .grade = grade,
        .time_rank = in->time_rank == NULL ? NULL : rank,
        .relevant = relevant,
    };
    if (in->time_rank != NULL)
        rank = NULL;
    start = NULL;
    item = NULL;
    grade = NULL;
    relevant = NULL;
    ok = true;
done:
    mf_free(marks);
    mf_free(ranks);
    mf_free(counts);
    mf_free(rank);
    mf_free(relevant);
    mf_free(grade);
    mf_free(item);
    mf_free(start);
    return ok;
}

/* Σ y² of the matrix's entries that are in the part or set aside; part NULL: of all. */
static double sum_squares(const mf_spectral_input *in, const uint8_t *part)
{
    uint64_t sum = 0; /* of codes: exact */
    for (uint32_t u = 0; u < in->n_users; u++) {
        const bool windows = mf_part_windows(in, u) > 0;
        for (uint64_t k = in->user_start[u]; k < in->user_start[u + 1]; k++) {
            const uint64_t grade = in->grade[k];
            const uint64_t window = windows ? mf_part_window_grade(in->grade[k]) : 0;
            if (part == NULL || part[k] != MF_PART_NONE)
                sum += grade * grade + window * window;
        }
    }
    return (double)sum / (MF_GRADE_MAX * MF_GRADE_MAX);
}

/* --- life ------------------------------------------------------------------------- */

double mf_spectral_weighing(const mf_spectral *s)
{
    if (s->at.phase >= MF_SPECTRAL_LEARNING)
        return s->at.regularization;
    return s->options.regularization >= 0 ? s->options.regularization
                                          : mf_default_regularization(s->squares_of_draw);
}

/* What is learned without a choice. */
static void take_given(mf_spectral *s)
{
    s->at.phase = MF_SPECTRAL_LEARNING;
    s->at.n_factors = s->options.n_factors > 0 ? s->options.n_factors : FACTORS_MOST;
    s->at.regularization = s->options.regularization >= 0 ? s->options.regularization
                                                          : mf_default_regularization(s->squares);
    s->at.recency = s->options.recency >= 0 ? s->options.recency
                                            : mf_default_recency(s->input.time_rank != NULL);
}

static bool mark_part(mf_spectral *s, mf_error *err)
{
    const uint64_t n = s->input.user_start[s->input.n_users];
    s->part = mf_allocate(n, sizeof *s->part, "set-aside ratings", err);
    return s->part != NULL && mf_part_mark(&s->input, PART_RATINGS_MOST, s->options.seed,
                                           s->options.n_threads, s->part, err);
}

bool mf_spectral_prepare(mf_spectral *s, const mf_spectral_position *at, mf_error *err)
{
    const bool whole = at->phase == MF_SPECTRAL_DONE ||
                       (at->phase == MF_SPECTRAL_LEARNING && (at->begun || !s->choosing));
    mf_part_rows_free(&s->rows);
    if (whole) {
        mf_free(s->part);
        s->part = NULL;
        return (s->by_items && !s->has_windows) ||
               mf_part_rows(&s->input, NULL, 0, !s->by_items, s->options.n_threads, &s->rows, err);
    }
    if (s->part == NULL && !mark_part(s, err))
        return false;
    return mf_part_rows(&s->input, s->part, MF_PART_KEPT, !s->by_items, s->options.n_threads,
                        &s->rows, err);
}

mf_sparse_rows mf_spectral_rows(const mf_spectral *s)
{
    if (s->rows.start != NULL)
        return s->rows;
    return (mf_sparse_rows){.n_rows = s->input.n_users,
                            .start = s->input.user_start,
                            .column = s->input.item,
                            .grade = s->input.grade};
}

static void note_position(mf_spectral *s)
{
    s->at.subspace = s->subspace->at;
    s->at.width = (uint32_t)s->subspace->width;
    s->at.n_wanted = (uint32_t)s->subspace->n_wanted;
}

mf_spectral *mf_spectral_create(const mf_spectral_options *options, const mf_spectral_input *input,
                                mf_error *err)
{
    uint64_t n_graded;
    if (!check_options(options, err) || !check_input(input, &n_graded, err))
        return NULL;
    /* For data without ratings: else the rating model's trainer has started OpenMP's threads. */
    if (options->n_threads > 1 && !mf_thread_check(options->n_threads - 1, err))
        return NULL;
    mf_spectral *s = mf_allocate(1, sizeof *s, "the ranking model's trainer", err);
    if (s == NULL)
        return NULL;
    bool ok = false;
    s->options = *options;
    s->options.n_threads = options->n_threads > 0 ? options->n_threads : 1;
    s->kernel = mf_spectral_kernel_choose();
    s->input = *input;
    if (n_graded < input->user_start[input->n_users]) {
        if (!copy_graded(input, n_graded, &s->own, err))
            goto done;
        s->input = s->own;
    }
    const uint64_t n_rows = mf_part_n_rows(&s->input);
    s->has_windows = n_rows > s->input.n_users;
    s->by_items = input->n_items <= n_rows;
    s->squares = s->squares_of_draw = sum_squares(&s->input, NULL);
    const size_t n = s->by_items ? input->n_items : (size_t)n_rows;
    const size_t wanted = options->n_factors > 0 ? options->n_factors : FACTORS_MOST;
    const size_t most = wanted < n ? wanted : n;
    const size_t stride = mf_model_stride((uint32_t)most);
    size_t cells;
    if (!mf_mul(stride, input->n_items, &cells)) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the ranking model");
        goto done;
    }
    s->variances = mf_allocate(most, sizeof *s->variances, "the ranking model", err);
    s->spectrum = mf_allocate(most, sizeof *s->spectrum, "the ranking model", err);
    s->mean_profile = mf_allocate(stride, sizeof *s->mean_profile, "the ranking model", err);
    s->item_vectors = mf_allocate(cells, sizeof *s->item_vectors, "the ranking model", err);
    s->subspace = mf_subspace_create(s->kernel, n, wanted, s->options.n_threads, err);
    if (s->variances == NULL || s->spectrum == NULL || s->mean_profile == NULL ||
        s->item_vectors == NULL || s->subspace == NULL)
        goto done;
    s->subspace->group = options->group;

    s->at.fingerprint = options->fingerprint;
    s->choosing = options->regularization < 0 || options->n_factors == 0;
    if (s->choosing) {
        if (!mark_part(s, err))
            goto done;
        s->choosing = memchr(s->part, MF_PART_ASIDE, n_graded) != NULL;
        s->squares_of_draw = sum_squares(&s->input, s->part);
    }
    if (!s->choosing)
        take_given(s);
    if (!mf_spectral_prepare(s, &s->at, err))
        goto done;
    const mf_sparse_rows rows = mf_spectral_rows(s);
    mf_subspace_start(s->subspace, &rows, options->seed);
    note_position(s);
    ok = true;
done:
    if (!ok) {
        mf_spectral_destroy(s);
        s = NULL;
    }
    return s;
}

void mf_spectral_destroy(mf_spectral *s)
{
    if (s == NULL)
        return;
    mf_choose_destroy(s->choose);
    mf_subspace_destroy(s->subspace);
    mf_part_rows_free(&s->rows);
    mf_free(s->part);
    mf_free(s->variances);
    mf_free(s->spectrum);
    mf_free(s->mean_profile);
    mf_free(s->item_vectors);
    free_input(&s->own);
    mf_free(s);
}

/* --- steps ------------------------------------------------------------------------ */

bool mf_spectral_done(const mf_spectral *s)
{
    return s->at.phase == MF_SPECTRAL_DONE;
}

static bool iterate(mf_spectral *s, double tolerance, bool *ended, mf_error *err)
{
    s->subspace->regularization = mf_spectral_weighing(s);
    s->subspace->tolerance = tolerance;
    if (!mf_subspace_step(s->subspace, err))
        return false;
    *ended = s->subspace->at.converged || s->subspace->at.steps >= s->options.max_steps;
    return true;
}

static bool find_directions(mf_spectral *s, mf_error *err)
{
    s->n_directions = (uint32_t)mf_subspace_directions(s->subspace, s->by_items, s->variances,
                                                       s->item_vectors, err);
    return s->n_directions > 0;
}

static bool grades_differ(const mf_spectral_input *input)
{
    for (uint64_t k = 1; k < input->user_start[input->n_users]; k++)
        if (input->grade[k] != input->grade[0])
            return true;
    return false;
}

/* The first step of the grid, and after a resumption the next one. */
static bool begin_grid(mf_spectral *s, mf_error *err)
{
    if (!find_directions(s, err))
        return false;
    s->at.grid = mf_choose_grid_for(&s->options, s->input.time_rank != NULL,
                                    grades_differ(&s->input), s->variances, s->n_directions);
    s->choose =
        mf_choose_create(s->kernel, &s->at.grid, &s->input, s->part, s->item_vectors,
                         s->n_directions, s->variances, s->options.seed, s->options.n_threads, err);
    return s->choose != NULL;
}

static void take_best(mf_spectral *s)
{
    const mf_choose_grid *grid = &s->at.grid;
    const uint32_t best = mf_choose_best(grid, &s->at.sums);
    take_given(s);
    const uint32_t recency = mf_choose_best_recency(grid, &s->at.sums);
    if (recency != UINT32_MAX)
        s->at.recency = mf_choose_recencies[recency];
    if (best == UINT32_MAX)
        return;
    s->at.chosen = best;
    s->at.n_factors = grid->size[best % grid->n_sizes];
    if (s->options.regularization < 0)
        s->at.regularization = mf_taken_regularization(
            mf_scaled_regularization(grid->regularization[best / grid->n_sizes], s->squares_of_draw,
                                     s->squares),
            s->squares, grid->graded != 0, s->at.sums.n_users);
}

static bool grid_step(mf_spectral *s, mf_error *err)
{
    if (s->choose == NULL && !begin_grid(s, err))
        return false;
    s->at.begun = 1;
    mf_choose_stretch(s->choose, &s->at.sums);
    if (s->at.sums.n_users >= mf_choose_n_users(s->choose)) {
        mf_choose_destroy(s->choose);
        s->choose = NULL;
        take_best(s);
        s->at.begun = 0;
    }
    return true;
}

/* The block of the part's directions is a good start for the whole's. */
static bool begin_learning(mf_spectral *s, mf_error *err)
{
    mf_spectral_position next = s->at;
    next.begun = 1;
    if (s->choosing) {
        if (!mf_subspace_restart(s->subspace, s->at.n_factors, err) ||
            !mf_spectral_prepare(s, &next, err))
            return false;
        s->subspace->y = mf_spectral_rows(s);
    }
    s->at.begun = 1;
    return true;
}

/* item_vectors and the rest of the result. */
static bool make_result(mf_spectral *s, mf_error *err)
{
    if (s->result_steps == s->subspace->at.steps)
        return true;
    s->result_steps = 0;
    if (!find_directions(s, err))
        return false;
    const uint32_t k = s->n_directions;
    const size_t stride = mf_model_stride(k);
    const float *const weights = s->mean_profile;
    memset(s->mean_profile, 0, stride * sizeof *s->mean_profile);
    for (uint32_t f = 0; f < k; f++) {
        s->spectrum[f] = (float)s->variances[f];
        s->mean_profile[f] = (float)mf_direction_weight(s->variances[f], s->at.regularization);
    }
    for (size_t i = 0; i < s->input.n_items; i++)
        for (size_t f = 0; f < stride; f++)
            s->item_vectors[i * stride + f] *= weights[f];
    double mean_age;
    if (!mf_mean_profile(&s->input, s->at.recency, s->item_vectors, stride, s->options.n_threads,
                         s->mean_profile, &mean_age, err))
        return false;
    s->prior = s->options.prior;
    if (s->prior < 0) {
        uint32_t n_users = 0;
        for (uint32_t u = 0; u < s->input.n_users; u++)
            n_users += s->input.user_start[u + 1] > s->input.user_start[u] ? 1 : 0;
        const double n = (double)s->input.user_start[s->input.n_users];
        s->prior = mf_default_prior(n / n_users, mean_age);
    }
    s->result_steps = s->subspace->at.steps;
    return true;
}

static bool learning_step(mf_spectral *s, mf_error *err)
{
    bool ended;
    if (!s->at.begun && !begin_learning(s, err))
        return false;
    if (!iterate(s, s->options.tolerance, &ended, err))
        return false;
    if (!ended)
        return true;
    s->at.phase = MF_SPECTRAL_DONE;
    return make_result(s, err);
}

static bool choosing_step(mf_spectral *s, mf_error *err)
{
    bool ended;
    s->at.begun = 1;
    if (!iterate(s, s->options.tolerance * ROUGHER, &ended, err))
        return false;
    if (ended) {
        s->at.phase = MF_SPECTRAL_GRID;
        s->at.begun = 0;
    }
    return true;
}

bool mf_spectral_step(mf_spectral *s, mf_error *err)
{
    const double begin = mf_clock_seconds();
    const bool is_grid = s->at.phase == MF_SPECTRAL_GRID;
    bool ok = true;
    switch (s->at.phase) {
    case MF_SPECTRAL_CHOOSING:
        ok = choosing_step(s, err);
        break;
    case MF_SPECTRAL_GRID:
        ok = grid_step(s, err);
        break;
    case MF_SPECTRAL_LEARNING:
        ok = learning_step(s, err);
        break;
    default:
        break;
    }
    note_position(s);
    s->seconds = mf_clock_seconds() - begin;
    s->change = is_grid ? 0 : s->subspace->at.change;
    return ok;
}

mf_spectral_progress mf_spectral_progress_get(const mf_spectral *s)
{
    mf_spectral_progress progress = {
        .phase = s->at.phase,
        .step = s->at.begun ? s->subspace->at.steps : 0,
        .max_step = s->options.max_steps,
        .change = s->change,
        .seconds = s->seconds,
    };
    if (s->at.phase == MF_SPECTRAL_GRID) {
        const uint32_t n = s->choose == NULL ? 0 : mf_choose_n_users(s->choose);
        progress.step =
            (uint32_t)((s->at.sums.n_users + MF_CHOOSE_STRETCH - 1) / MF_CHOOSE_STRETCH);
        progress.max_step = n == 0 ? 1 : (n + MF_CHOOSE_STRETCH - 1) / MF_CHOOSE_STRETCH;
    }
    return progress;
}

/* --- result ------------------------------------------------------------------------- */

static uint32_t list_choices(mf_spectral *s)
{
    const mf_choose_grid *grid = &s->at.grid;
    const uint32_t n = grid->n_regularizations * grid->n_sizes;
    for (uint32_t c = 0; c < n; c++)
        s->choices[c] = (mf_spectral_choice){
            .regularization = grid->regularization[c / grid->n_sizes],
            .n_factors = grid->size[c % grid->n_sizes],
            .recency = grid->recency,
            .prior = s->prior,
            .ndcg = s->at.sums.n_users > 0 ? s->at.sums.ndcg[c] / (double)s->at.sums.n_users : 0,
        };
    return s->at.sums.n_users > 0 ? n : 0;
}

static uint32_t list_recencies(mf_spectral *s)
{
    const mf_choose_sums *sums = &s->at.sums;
    for (uint32_t r = 0; r < s->at.grid.n_recencies && sums->n_recency_users > 0; r++)
        s->recencies[r] = (mf_spectral_recency){
            .recency = mf_choose_recencies[r],
            .ndcg = sums->recency_ndcg[r] / (double)sums->n_recency_users,
        };
    return sums->n_recency_users > 0 ? s->at.grid.n_recencies : 0;
}

bool mf_spectral_result_get(mf_spectral *s, mf_spectral_result *result, mf_error *err)
{
    if (s->at.phase < MF_SPECTRAL_LEARNING || !s->at.begun || s->subspace->at.steps == 0)
        return fail_argument(err, "it is too early for a ranking model");
    if (!make_result(s, err))
        return false;
    const uint32_t n_choices = list_choices(s);
    const uint32_t n_recencies = list_recencies(s);
    *result = (mf_spectral_result){
        .n_factors = s->n_directions,
        .regularization = (float)s->at.regularization,
        .recency = (float)s->at.recency,
        .prior = (float)s->prior,
        .item_vectors = s->item_vectors,
        .mean_profile = s->mean_profile,
        .spectrum = s->spectrum,
        .converged = s->subspace->at.converged != 0,
        .steps = s->subspace->at.steps,
        .choices = n_choices > 0 ? s->choices : NULL,
        .n_choices = n_choices,
        .chosen = s->at.chosen,
        .recencies = n_recencies > 0 ? s->recencies : NULL,
        .n_recencies = n_recencies,
    };
    return true;
}
