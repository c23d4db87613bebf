/* sweep.c: promises in sweep.h. */
#include "sgd/sweep.h"

#include "base/memory.h"

#include <sched.h>
#include <stdatomic.h>

/* On a cache line of its own, because other lanes look at it all the time. */
typedef struct lane {
    _Alignas(64) atomic_uint next_round; /* all rounds before it are done */
    atomic_flag busy;                    /* a thread is at it */
} lane;

typedef struct sweep {
    const mf_grid *grid;
    const mf_sgd_kernel *kernel;
    const mf_sgd_rates *rates;
    uint32_t last_round;
    lane *lanes; /* [grid->round_blocks] */
    double *block_loss;
} sweep;

/* True when the block that stripe w takes in `round` is free. The stripe ahead had it
 * before, as many rounds earlier as lie between the two starts; in the first rounds
 * nobody had it. */
static bool is_free(const sweep *s, uint32_t w, uint32_t round)
{
    const bool is_last = w + 1 == s->grid->round_blocks;
    const uint32_t ahead = is_last ? 0 : w + 1;
    const uint32_t end = is_last ? s->grid->n_rounds : mf_grid_start(s->grid, ahead);
    const uint32_t gap = end - mf_grid_start(s->grid, w);
    return round < gap ||
           atomic_load_explicit(&s->lanes[ahead].next_round, memory_order_acquire) > round - gap;
}

static void run_block(const sweep *s, uint32_t w, uint32_t round)
{
    const mf_grid *grid = s->grid;
    const size_t c = mf_grid_block(grid, round, w);
    s->block_loss[c] = s->kernel->block(s->rates, grid->segments + grid->segment_start[c],
                                        grid->segment_start[c + 1] - grid->segment_start[c],
                                        grid->ratings + grid->rating_start[c]);
}

/* Takes the free lane that is furthest behind, so that nobody soon waits for it.
 * Returns round_blocks when none is free; *finished when all are done. */
static uint32_t take_lane(const sweep *s, bool *finished)
{
    const uint32_t width = s->grid->round_blocks;
    uint32_t taken = width;
    uint32_t least = s->last_round;
    *finished = true;
    for (uint32_t w = 0; w < width; w++) {
        const uint32_t round = atomic_load_explicit(&s->lanes[w].next_round, memory_order_relaxed);
        *finished = *finished && round == s->last_round;
        if (round < least && is_free(s, w, round) &&
            !atomic_flag_test_and_set_explicit(&s->lanes[w].busy, memory_order_acquire)) {
            if (taken < width)
                atomic_flag_clear_explicit(&s->lanes[taken].busy, memory_order_release);
            taken = w;
            least = round;
        }
    }
    return taken;
}

static void work(const sweep *s)
{
    for (;;) {
        bool finished;
        const uint32_t w = take_lane(s, &finished);
        if (finished)
            return;
        if (w == s->grid->round_blocks) {
            sched_yield();
            continue;
        }
        /* Between the look and the taking another thread may have moved it on. */
        const uint32_t round = atomic_load_explicit(&s->lanes[w].next_round, memory_order_relaxed);
        if (round < s->last_round && is_free(s, w, round)) {
            run_block(s, w, round);
            atomic_store_explicit(&s->lanes[w].next_round, round + 1, memory_order_release);
        }
        atomic_flag_clear_explicit(&s->lanes[w].busy, memory_order_release);
    }
}

bool mf_sweep_run(const mf_grid *grid, const mf_sgd_kernel *kernel, const mf_sgd_rates *rates,
                  uint32_t first_round, uint32_t last_round, uint32_t n_threads, double *block_loss,
                  mf_error *err)
{
    sweep s = {grid, kernel, rates, last_round, NULL, block_loss};
    s.lanes = mf_allocate(grid->round_blocks, sizeof *s.lanes, "the sweep's lanes", err);
    if (s.lanes == NULL)
        return false;
    for (uint32_t w = 0; w < grid->round_blocks; w++) {
        atomic_init(&s.lanes[w].next_round, first_round);
        atomic_flag_clear(&s.lanes[w].busy);
    }
#pragma omp parallel num_threads((int)n_threads)
    work(&s);
    mf_free(s.lanes);
    return true;
}
