/* sweep.c: threads take free stripes one block at a time; a stripe is free when the stripe ahead of
 * it has done the block. */
#include "sgd/sweep.h"

#include "base/memory.h"

#include <sched.h>
#include <stdatomic.h>

/* With fewer stripes per thread, the fewest rounds go first (sweep.h). */
enum { STRIPES_PER_THREAD = 4 };

/* On a cache line of its own, because threads of other stripes read it all the time. */
typedef struct stripe {
    _Alignas(64) atomic_uint next_round; /* all rounds before it are done */
    atomic_flag busy;                    /* a thread has taken it */
} stripe;

typedef struct sweep {
    const mf_grid *grid;
    const mf_sgd_kernel *kernel;
    const mf_sgd_rates *rates;
    uint32_t last_round;
    bool by_place;   /* the stripe at the lowest block goes first, else the fewest rounds */
    stripe *stripes; /* [grid->round_blocks] */
    double *block_loss;
} sweep;

/* True when the block that stripe w takes in `round` is free. The stripe ahead takes it as many
 * rounds earlier as lie between the two starts. In the first rounds no other stripe had it. */
static bool is_free(const sweep *s, uint32_t w, uint32_t round)
{
    const bool is_last = w + 1 == s->grid->round_blocks;
    const uint32_t ahead = is_last ? 0 : w + 1;
    const uint32_t end = is_last ? s->grid->n_rounds : mf_grid_start(s->grid, ahead);
    const uint32_t gap = end - mf_grid_start(s->grid, w);
    return round < gap ||
           atomic_load_explicit(&s->stripes[ahead].next_round, memory_order_acquire) > round - gap;
}

static void run_block(const sweep *s, uint32_t w, uint32_t round)
{
    const mf_grid *grid = s->grid;
    const size_t c = mf_grid_block(grid, round, w);
    s->block_loss[c] = s->kernel->block(s->rates, grid->segments + grid->segment_start[c],
                                        grid->segment_start[c + 1] - grid->segment_start[c],
                                        grid->ratings + grid->rating_start[c]);
}

/* The free stripe with the lowest value is taken first (sweep.h). */
static uint64_t progress_of(const sweep *s, uint32_t w, uint32_t round)
{
    return s->by_place ? (uint64_t)mf_grid_start(s->grid, w) + round : round;
}

/* Takes the free stripe with the least progress; of equal ones the last, because the others wait
 * for it. Returns round_blocks when none is free; *finished when all are done. */
static uint32_t take_stripe(const sweep *s, bool *finished)
{
    const uint32_t width = s->grid->round_blocks;
    uint32_t taken = width;
    uint64_t least = UINT64_MAX;
    *finished = true;
    for (uint32_t w = width; w-- > 0;) {
        const uint32_t round =
            atomic_load_explicit(&s->stripes[w].next_round, memory_order_relaxed);
        if (round == s->last_round)
            continue;
        *finished = false;
        if (progress_of(s, w, round) < least && is_free(s, w, round) &&
            !atomic_flag_test_and_set_explicit(&s->stripes[w].busy, memory_order_acquire)) {
            if (taken < width)
                atomic_flag_clear_explicit(&s->stripes[taken].busy, memory_order_release);
            taken = w;
            least = progress_of(s, w, round);
        }
    }
    return taken;
}

static void work(const sweep *s)
{
    for (;;) {
        bool finished;
        const uint32_t w = take_stripe(s, &finished);
        if (finished)
            return;
        if (w == s->grid->round_blocks) {
            sched_yield();
            continue;
        }
        /* Another thread may have run a block of it before it was taken. */
        const uint32_t round =
            atomic_load_explicit(&s->stripes[w].next_round, memory_order_relaxed);
        if (round < s->last_round && is_free(s, w, round)) {
            run_block(s, w, round);
            atomic_store_explicit(&s->stripes[w].next_round, round + 1, memory_order_release);
        }
        atomic_flag_clear_explicit(&s->stripes[w].busy, memory_order_release);
    }
}

bool mf_sweep_run(const mf_grid *grid, const mf_sgd_kernel *kernel, const mf_sgd_rates *rates,
                  uint32_t first_round, uint32_t last_round, uint32_t n_threads, double *block_loss,
                  mf_error *err)
{
    const bool by_place = (uint64_t)STRIPES_PER_THREAD * n_threads <= grid->round_blocks;
    sweep s = {grid, kernel, rates, last_round, by_place, NULL, block_loss};
    s.stripes = mf_allocate(grid->round_blocks, sizeof *s.stripes, "stripes", err);
    if (s.stripes == NULL)
        return false;
    for (uint32_t w = 0; w < grid->round_blocks; w++) {
        atomic_init(&s.stripes[w].next_round, first_round);
        atomic_flag_clear(&s.stripes[w].busy);
    }
#pragma omp parallel num_threads((int)n_threads)
    work(&s);
    mf_free(s.stripes);
    return true;
}
