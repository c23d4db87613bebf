/* ring.c: laps over the hosts, and sums and results that are put together from all of them. */
#include "sgd/ring.h"

#include "base/memory.h"
#include "hosts/exchange.h"
#include "sgd/lap.h"

#include <math.h>
#include <string.h>

/* Above those of item-blocks (lap.h). */
enum { TAG_SUM = MF_HOSTS_TAGS - 1, TAG_WANTED = MF_HOSTS_TAGS - 2, TAG_ROWS = MF_HOSTS_TAGS - 3 };

/* Rows that go to the first host in one message. */
static const size_t ROWS_BYTES = (size_t)8 << 20;

bool mf_ring_sum_begin(mf_hosts_group *group, void *sum, size_t n_bytes, mf_error *err)
{
    const uint32_t rank = mf_hosts_rank(group);
    return rank == 0 || mf_hosts_receive(group, rank - 1, TAG_SUM, sum, n_bytes, err);
}

bool mf_ring_sum_end(mf_hosts_group *group, void *sum, size_t n_bytes, mf_error *err)
{
    const uint32_t next = mf_hosts_rank(group) + 1;
    const uint32_t size = mf_hosts_size(group);
    return (next == size || mf_hosts_send(group, next, TAG_SUM, sum, n_bytes, err)) &&
           mf_hosts_broadcast(group, size - 1, sum, n_bytes, err);
}

static size_t row_bytes(const mf_trainer *t)
{
    return t->parameters.stride * sizeof(float);
}

/* A lap of the trainer's grid, without rows and without a visit. */
static mf_lap lap_of(const mf_trainer *t)
{
    return (mf_lap){.group = t->group, .grid = &t->grid, .n_threads = t->h.n_threads};
}

static bool is_home(const mf_trainer *t, uint32_t item_block)
{
    return mf_lap_home(&t->grid, t->group, item_block) == mf_hosts_rank(t->group);
}

/* --- updates ------------------------------------------------------------------------ */

typedef struct updating {
    mf_trainer *t;
    const mf_sgd_rates *rates;
} updating;

static void update_block(void *context, uint32_t user_block, uint32_t item_block)
{
    const updating *u = context;
    const mf_grid *grid = &u->t->grid;
    const size_t c = mf_grid_cell(grid, user_block, item_block);
    u->t->block_loss[c] = u->t->kernel->block(u->rates, grid->segments + grid->segment_start[c],
                                              grid->segment_start[c + 1] - grid->segment_start[c],
                                              grid->ratings + grid->rating_start[c]);
}

bool mf_ring_update(mf_trainer *t, const mf_sgd_rates *rates, double *loss, mf_error *err)
{
    updating context = {t, rates};
    mf_lap lap = lap_of(t);
    lap.rows[0] = (mf_lap_rows){t->parameters.item_factors, row_bytes(t)};
    lap.rows[1] = (mf_lap_rows){t->parameters.item_bias, sizeof(float)};
    lap.rows[2] = (mf_lap_rows){t->implicit.item_priors, row_bytes(t)}; /* NULL without priors */
    lap.visit = update_block;
    lap.context = &context;
    *loss = 0;
    if (!mf_lap_run(&lap, err) || !mf_ring_sum_begin(t->group, loss, sizeof *loss, err))
        return false;
    const size_t n = mf_grid_cell(&t->grid, t->grid.end_block, 0);
    for (size_t c = 0; c < n; c++)
        *loss += t->block_loss[c];
    return mf_ring_sum_end(t->group, loss, sizeof *loss, err);
}

/* --- priors ------------------------------------------------------------------------- */

static void add_items(void *context, uint32_t user_block, uint32_t item_block)
{
    mf_trainer *t = context;
    mf_implicit_add_items(&t->implicit, &t->grid, t->kernel, t->parameters.item_factors,
                          t->parameters.stride, user_block, item_block);
}

static void add_users(void *context, uint32_t user_block, uint32_t item_block)
{
    mf_trainer *t = context;
    mf_implicit_add_users(&t->implicit, &t->grid, t->kernel, t->parameters.stride, user_block,
                          item_block);
}

bool mf_ring_priors(mf_trainer *t, mf_error *err)
{
    const mf_grid *grid = &t->grid;
    const size_t stride = t->parameters.stride;
    const float rate = (float)t->h.implicit_rate;
    const float damping = (float)t->h.implicit_damping;
    const uint32_t n_own = mf_grid_n_rows(grid);
    float *v = t->parameters.item_factors;
    const int threads = (int)t->h.n_threads;
    mf_lap lap = lap_of(t);
    lap.context = t;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < grid->item_blocks; b++)
            if (is_home(t, b))
                mf_implicit_take_priors(&t->implicit, v, grid->item_block_row[b],
                                        grid->item_block_row[b + 1] - grid->item_block_row[b],
                                        stride);
#pragma omp for schedule(static)
        for (uint32_t row = 0; row < n_own; row++)
            mf_implicit_open_users(&t->implicit, row, 1, stride, rate);
    }
    lap.rows[0] = (mf_lap_rows){v, row_bytes(t)};
    lap.visit = add_items;
    if (!mf_lap_run(&lap, err))
        return false;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (uint32_t row = 0; row < n_own; row++)
            mf_implicit_close_users(&t->implicit, row, 1, stride, rate);
#pragma omp for schedule(dynamic, 1)
        for (uint32_t b = 0; b < grid->item_blocks; b++)
            if (is_home(t, b))
                mf_implicit_clear_priors(&t->implicit, grid->item_block_row[b],
                                         grid->item_block_row[b + 1] - grid->item_block_row[b],
                                         stride);
    }
    lap.rows[0] = (mf_lap_rows){t->implicit.item_priors, row_bytes(t)};
    lap.visit = add_users;
    if (!mf_lap_run(&lap, err))
        return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (uint32_t b = 0; b < grid->item_blocks; b++)
        if (is_home(t, b))
            mf_implicit_close_items(&t->implicit, v, grid->item_block_row[b],
                                    grid->item_block_row[b + 1] - grid->item_block_row[b], stride,
                                    damping);
    return true;
}

/* --- validation --------------------------------------------------------------------- */

typedef struct validating {
    const mf_trainer *t;
    mf_sgd_errors *groups; /* [n_groups] */
} validating;

/* Unknown users are with the last user-block, in a group of their own. */
static void check_block(void *context, uint32_t user_block, uint32_t item_block)
{
    const validating *v = context;
    const mf_trainer *t = v->t;
    const uint32_t turn = mf_grid_turn(&t->grid, user_block, item_block);
    mf_sgd_errors_add(&v->groups[user_block], &t->parameters, &t->held_out, user_block, turn,
                      turn + 1);
    if (user_block + 1 == t->grid.user_blocks)
        mf_sgd_errors_add(&v->groups[user_block + 1], &t->parameters, &t->held_out, user_block + 1,
                          turn, turn + 1);
}

bool mf_ring_validate(mf_trainer *t, mf_accuracy *accuracy, mf_error *err)
{
    const mf_sgd_held_out *held_out = &t->held_out;
    mf_sgd_errors total = {0};
    validating context = {t, NULL};
    mf_lap lap = lap_of(t);
    bool ok = false;
    context.groups =
        mf_allocate(held_out->n_groups, sizeof *context.groups, "validation errors", err);
    if (context.groups == NULL)
        return false;
    lap.rows[0] = (mf_lap_rows){t->parameters.item_factors, row_bytes(t)};
    lap.rows[1] = (mf_lap_rows){t->parameters.item_bias, sizeof(float)};
    lap.visit = check_block;
    lap.context = &context;
    if (!mf_lap_run(&lap, err) || !mf_ring_sum_begin(t->group, &total, sizeof total, err))
        goto done;
    for (uint32_t g = held_out->first_group; g < held_out->end_group; g++)
        mf_sgd_errors_add(&context.groups[g], &t->parameters, held_out, g, held_out->n_turns - 1,
                          held_out->n_turns);
    mf_sgd_errors_sum(&total, context.groups, held_out->first_group, held_out->end_group);
    if (!mf_ring_sum_end(t->group, &total, sizeof total, err))
        goto done;
    *accuracy = mf_sgd_errors_accuracy(&total, held_out);
    ok = true;
done:
    mf_free(context.groups);
    return ok;
}

void mf_ring_keep_best(mf_trainer *t)
{
    const mf_parameters *p = &t->parameters;
    mf_parameters_export_rows(t->best.user_factors, t->best.user_bias, p->user_factors,
                              p->user_bias, p->n_rows, p->n_factors, p->scale);
    for (uint32_t b = 0; b < t->grid.item_blocks; b++) {
        const size_t first = t->grid.item_block_row[b];
        if (is_home(t, b))
            mf_parameters_export_rows(
                t->best.item_factors + first * p->stride, t->best.item_bias + first,
                p->item_factors + first * p->stride, p->item_bias + first,
                t->grid.item_block_row[b + 1] - first, p->n_factors, p->scale);
    }
}

/* --- result -------------------------------------------------------------------------- */

/* Rows of one side that a host has, on their way to the first host. */
typedef struct rows {
    const float *factors; /* row 0 of the array */
    const float *bias;
    float scale;    /* of rows in the units of training; 0: they are in rating units */
    uint32_t first; /* in the array */
    uint32_t n;
    uint32_t n_factors;
    uint32_t owner;
    /* On the first host: where row `first` + i goes. */
    float *factors_to;
    float *bias_to;
    const uint32_t *index; /* [n]; NULL on other hosts */
} rows;

static void copy_rows(const rows *r, uint32_t first, uint32_t n, float *factors, float *bias)
{
    const size_t stride = mf_model_stride(r->n_factors);
    const float *from = r->factors + (r->first + (size_t)first) * stride;
    const float *bias_from = r->bias + r->first + first;
    if (r->scale > 0) {
        mf_parameters_export_rows(factors, bias, from, bias_from, n, r->n_factors, r->scale);
        return;
    }
    memcpy(factors, from, n * stride * sizeof *factors);
    memcpy(bias, bias_from, n * sizeof *bias);
}

static bool are_finite(const float *values, size_t n)
{
    float sum = 0; /* a NaN or an infinity times zero is not zero */
    for (size_t i = 0; i < n; i++)
        sum += values[i] * 0;
    return sum == 0;
}

/* Rows go to the first host piece by piece, each when it is wanted. */
static bool bring(mf_hosts_group *group, const rows *r, bool *finite, mf_error *err)
{
    const uint32_t rank = mf_hosts_rank(group);
    const size_t stride = mf_model_stride(r->n_factors);
    const uint32_t most = (uint32_t)(ROWS_BYTES / ((stride + 1) * sizeof(float))) + 1;
    if (rank != 0 && rank != r->owner)
        return true;
    const uint32_t piece = most < r->n ? most : r->n;
    float *factors = mf_allocate(piece, (stride + 1) * sizeof *factors, "rows of a host", err);
    bool ok = factors != NULL;
    for (uint32_t at = 0; ok && at < r->n;) {
        const uint32_t n = r->n - at < piece ? r->n - at : piece;
        const size_t n_bytes = (size_t)n * (stride + 1) * sizeof *factors;
        float *bias = factors + (size_t)n * stride;
        if (rank == r->owner) {
            memset(factors, 0, n_bytes); /* padding */
            copy_rows(r, at, n, factors, bias);
            *finite = *finite && are_finite(factors, (size_t)n * (stride + 1));
        }
        if (r->owner != 0 && rank == 0)
            ok = mf_hosts_send(group, r->owner, TAG_WANTED, NULL, 0, err) &&
                 mf_hosts_receive(group, r->owner, TAG_ROWS, factors, n_bytes, err);
        else if (r->owner != 0)
            ok = mf_hosts_receive(group, 0, TAG_WANTED, NULL, 0, err) &&
                 mf_hosts_send(group, 0, TAG_ROWS, factors, n_bytes, err);
        for (uint32_t i = 0; ok && r->index != NULL && i < n; i++) {
            const size_t to = r->index[at + i];
            memcpy(r->factors_to + to * stride, factors + i * stride, stride * sizeof *factors);
            r->bias_to[to] = bias[i];
        }
        at += n;
    }
    mf_free(factors);
    return ok;
}

/* index[row[i]] = i. */
static uint32_t *invert(const uint32_t *row, uint32_t n, mf_error *err)
{
    uint32_t *index = mf_allocate(n, sizeof *index, "rows", err);
    for (uint32_t i = 0; index != NULL && i < n; i++)
        index[row[i]] = i;
    return index;
}

static bool bring_users(mf_trainer *t, const uint32_t *user_of, bool *finite, mf_error *err)
{
    const bool is_best = t->held_out.n > 0;
    const mf_parameters *from = is_best ? &t->best : &t->parameters;
    const mf_grid *grid = &t->grid;
    const uint32_t size = mf_hosts_size(t->group);
    rows r = {
        .factors = from->user_factors,
        .bias = from->user_bias,
        .scale = is_best ? 0 : t->parameters.scale,
        .n_factors = t->h.n_factors,
        .factors_to = t->whole.user_factors,
        .bias_to = t->whole.user_bias,
    };
    /* A run of user-blocks of one host. */
    for (uint32_t first = 0, end; first < grid->user_blocks; first = end) {
        r.owner = mf_grid_host(grid, first, size);
        for (end = first; end < grid->user_blocks && mf_grid_host(grid, end, size) == r.owner;)
            end++;
        r.n = grid->user_block_row[end] - grid->user_block_row[first];
        r.index = user_of != NULL ? user_of + grid->user_block_row[first] : NULL;
        if (!bring(t->group, &r, finite, err))
            return false;
    }
    return true;
}

static bool bring_items(mf_trainer *t, const uint32_t *item_of, bool *finite, mf_error *err)
{
    const bool is_best = t->held_out.n > 0;
    const mf_parameters *from = is_best ? &t->best : &t->parameters;
    const mf_grid *grid = &t->grid;
    rows r = {
        .factors = from->item_factors,
        .bias = from->item_bias,
        .scale = is_best ? 0 : t->parameters.scale,
        .n_factors = t->h.n_factors,
        .factors_to = t->whole.item_factors,
        .bias_to = t->whole.item_bias,
    };
    for (uint32_t b = 0; b < grid->item_blocks; b++) {
        r.owner = mf_lap_home(grid, t->group, b);
        r.first = grid->item_block_row[b];
        r.n = grid->item_block_row[b + 1] - r.first;
        r.index = item_of != NULL ? item_of + r.first : NULL;
        if (!bring(t->group, &r, finite, err))
            return false;
    }
    return true;
}

bool mf_ring_result(mf_trainer *t, bool *finite, mf_error *err)
{
    const mf_parameters *p = &t->parameters;
    const bool first = mf_hosts_rank(t->group) == 0;
    uint32_t *user_of = NULL;
    uint32_t *item_of = NULL;
    bool ok = false;
    bool damaged;
    *finite = true;
    if (first) {
        mf_parameters_release(&t->whole);
        t->whole = (mf_parameters){
            .n_users = p->n_users, .n_items = p->n_items, .n_factors = p->n_factors};
        user_of = invert(t->grid.user_row, p->n_users, err);
        item_of = invert(t->grid.item_row, p->n_items, err);
        if (user_of == NULL || item_of == NULL || !mf_parameters_allocate(&t->whole, err))
            goto done;
    }
    if (!bring_users(t, user_of, finite, err) || !bring_items(t, item_of, finite, err) ||
        !mf_hosts_any(t->group, !*finite, &damaged, err))
        goto done;
    *finite = !damaged;
    ok = true;
done:
    mf_free(user_of);
    mf_free(item_of);
    return ok;
}
