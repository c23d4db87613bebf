/* lap.c: threads visit blocks; the calling thread sends and receives item-blocks between two
 * visits. It never waits for a message while there is a block to visit: an item-block of which a
 * part has come continues to come in while others are visited.
 *
 * A stripe is an item-block. All of the ring's state is behind one lock: a visit takes a hundred
 * microseconds or more, the search for the next one less than one. */
#include "sgd/lap.h"

#include "base/memory.h"

#include <omp.h>
#include <pthread.h>
#include <time.h>

/* So many bytes wait at most as copies before another stripe is sent. */
static const size_t UNSENT_BYTES = (size_t)64 << 20;

/* While other threads work, messages are looked for this often. */
enum { LOOK_NS = 100000 };

/* State of a stripe. */
typedef enum where {
    ELSEWHERE, /* not here yet */
    HERE,
    BUSY,    /* a thread is at a block of it */
    LEAVING, /* to be sent */
    GONE,
} where;

typedef struct stripe {
    where where;
    uint32_t n_visits; /* in this lap, by all hosts */
    /* Of the calling thread: */
    bool is_awaited; /* it will arrive once */
    uint32_t n_come; /* of its arrays */
    bool has_come[MF_LAP_ROWS_MOST];
    mf_hosts_arrival arrival[MF_LAP_ROWS_MOST];
} stripe;

typedef struct ring {
    const mf_lap *lap;
    uint32_t rank;
    uint32_t size;
    stripe *stripes;       /* [item_blocks] */
    uint32_t *user_visits; /* [own user-blocks] visits in this lap */
    bool *user_busy;       /* the same */
    uint64_t left;         /* visits of own user-blocks to be made */
    uint32_t n_arrays;     /* that travel with a stripe */
    uint32_t n_awaited;
    uint32_t n_coming; /* arrays of which a part has come */
    uint32_t n_leaving;
    uint32_t n_busy;
    bool failed;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    mf_hosts_waiting waiting; /* since the last visit or arrival */
    mf_error *err;            /* of the calling thread */
} ring;

static bool out_of_turn;

void mf_lap_out_of_turn(bool on)
{
    out_of_turn = on;
}

uint32_t mf_lap_home(const mf_grid *grid, const mf_hosts_group *group, uint32_t item_block)
{
    return mf_grid_host(grid, mf_grid_user_block_at(grid, item_block, 0), mf_hosts_size(group));
}

/* The user-block that a stripe visits after n visits; after the last one, its first again. */
static uint32_t next_block(const ring *r, uint32_t b, uint32_t n_visits)
{
    const mf_grid *grid = r->lap->grid;
    return mf_grid_user_block_at(grid, b, n_visits % grid->user_blocks);
}

static uint32_t host_of(const ring *r, uint32_t user_block)
{
    return mf_grid_host(r->lap->grid, user_block, r->size);
}

/* Visits that a stripe has made when it comes here from the host before: the first number after
 * which it goes from another host to this one. */
static uint32_t visits_on_arrival(const ring *r, uint32_t b)
{
    const uint32_t n = r->lap->grid->user_blocks;
    for (uint32_t visits = 1; visits <= n; visits++)
        if (host_of(r, next_block(r, b, visits)) == r->rank &&
            host_of(r, next_block(r, b, visits - 1)) != r->rank)
            return visits;
    return 0;
}

static bool start(ring *r, mf_error *err)
{
    const mf_grid *grid = r->lap->grid;
    const uint32_t n_own = grid->end_block - grid->first_block;
    r->stripes = mf_allocate(grid->item_blocks, sizeof *r->stripes, "the ring of hosts", err);
    r->user_visits = mf_allocate(n_own, sizeof *r->user_visits, "the ring of hosts", err);
    r->user_busy = mf_allocate(n_own, sizeof *r->user_busy, "the ring of hosts", err);
    if (r->stripes == NULL || r->user_visits == NULL || r->user_busy == NULL)
        return false;
    r->left = (uint64_t)n_own * grid->item_blocks;
    for (size_t i = 0; i < MF_LAP_ROWS_MOST; i++)
        r->n_arrays += r->lap->rows[i].rows != NULL;
    for (uint32_t b = 0; b < grid->item_blocks; b++) {
        stripe *s = &r->stripes[b];
        s->where = mf_lap_home(grid, r->lap->group, b) == r->rank ? HERE : ELSEWHERE;
        s->is_awaited = n_own > 0 && n_own < grid->user_blocks;
        r->n_awaited += s->is_awaited;
    }
    return true;
}

/* --- visits ---------------------------------------------------------------------- */

/* With the lock. */
static bool is_free(const ring *r, uint32_t b)
{
    const stripe *s = &r->stripes[b];
    const mf_grid *grid = r->lap->grid;
    if (s->where != HERE || s->n_visits == grid->user_blocks)
        return false;
    const uint32_t a = next_block(r, b, s->n_visits);
    const uint32_t own = a - grid->first_block;
    return !r->user_busy[own] && (out_of_turn || mf_grid_turn(grid, a, b) == r->user_visits[own]);
}

/* The free stripe with the fewest visits, of equal ones the last, because the others wait for it;
 * item_blocks when none is free. */
static uint32_t find(const ring *r)
{
    const uint32_t n = r->lap->grid->item_blocks;
    uint32_t found = n;
    for (uint32_t b = n; b-- > 0;) {
        const uint32_t visits = r->stripes[b].n_visits;
        const bool better = found == n || (out_of_turn ? visits >= r->stripes[found].n_visits
                                                       : visits < r->stripes[found].n_visits);
        if (better && is_free(r, b))
            found = b;
    }
    return found;
}

/* Visits the next block of stripe b. Called with the lock, which is given back meanwhile. */
static void visit(ring *r, uint32_t b)
{
    stripe *s = &r->stripes[b];
    const uint32_t a = next_block(r, b, s->n_visits);
    const uint32_t own = a - r->lap->grid->first_block;
    s->where = BUSY;
    r->user_busy[own] = true;
    r->n_busy++;
    pthread_mutex_unlock(&r->lock);
    r->lap->visit(r->lap->context, a, b);
    pthread_mutex_lock(&r->lock);
    r->n_busy--;
    r->user_busy[own] = false;
    r->user_visits[own]++;
    s->n_visits++;
    r->left--;
    r->waiting = (mf_hosts_waiting){0};
    s->where = HERE;
    if (host_of(r, next_block(r, b, s->n_visits)) != r->rank) {
        s->where = LEAVING;
        r->n_leaving++;
    }
    pthread_cond_broadcast(&r->changed);
}

/* --- messages: the calling thread alone ------------------------------------------- */

/* Each array of a stripe has a tag of its own. */
static uint32_t tag_of(uint32_t b, uint32_t i)
{
    return b * MF_LAP_ROWS_MOST + i;
}

/* The rows of a stripe in array i. */
static void *rows_of(const ring *r, uint32_t b, uint32_t i, size_t *n_bytes)
{
    const uint32_t *first = &r->lap->grid->item_block_row[b];
    const mf_lap_rows *rows = &r->lap->rows[i];
    *n_bytes = (first[1] - first[0]) * rows->row_bytes;
    return (char *)rows->rows + first[0] * rows->row_bytes;
}

static bool send_stripe(const ring *r, uint32_t b, uint32_t to, mf_error *err)
{
    for (uint32_t i = 0; i < MF_LAP_ROWS_MOST; i++) {
        size_t n_bytes;
        if (r->lap->rows[i].rows == NULL)
            continue;
        const void *rows = rows_of(r, b, i, &n_bytes);
        if (!mf_hosts_send(r->lap->group, to, tag_of(b, i), rows, n_bytes, err))
            return false;
    }
    return true;
}

/* Called with the lock, which is given back while a stripe is copied. No thread touches the rows of a
 * stripe that leaves. */
static bool send_leaving(ring *r, mf_error *err)
{
    for (uint32_t b = 0; b < r->lap->grid->item_blocks && r->n_leaving > 0; b++) {
        stripe *s = &r->stripes[b];
        if (s->where != LEAVING)
            continue;
        if (mf_hosts_unsent(r->lap->group) > UNSENT_BYTES)
            return true;
        const uint32_t to = host_of(r, next_block(r, b, s->n_visits));
        pthread_mutex_unlock(&r->lock);
        const bool ok = send_stripe(r, b, to, err);
        pthread_mutex_lock(&r->lock);
        if (!ok)
            return false;
        s->where = GONE;
        r->n_leaving--;
    }
    return true;
}

/* Begins to take what has come. Two parts of an array come one after the other. */
static bool begin_arrivals(ring *r, mf_error *err)
{
    for (;;) {
        mf_hosts_message message;
        size_t n_bytes;
        bool found;
        if (!mf_hosts_probe(r->lap->group, MF_HOSTS_ANY, MF_HOSTS_ANY, &message, &found, err))
            return false;
        if (!found)
            return true;
        const uint32_t b = message.tag / MF_LAP_ROWS_MOST;
        const uint32_t i = message.tag % MF_LAP_ROWS_MOST;
        stripe *s = &r->stripes[b < r->lap->grid->item_blocks ? b : 0];
        if (b >= r->lap->grid->item_blocks || !s->is_awaited || s->has_come[i] ||
            r->lap->rows[i].rows == NULL)
            return mf_fail(err, MF_ERR_IO, MF_NOWHERE,
                           "%s sent item-block %u, which is not awaited",
                           mf_hosts_name(r->lap->group, message.from), b);
        if (s->arrival[i].is_under_way)
            return true;
        void *rows = rows_of(r, b, i, &n_bytes);
        if (!mf_hosts_arrival_begin(r->lap->group, &message, rows, n_bytes, &s->arrival[i], err))
            return false;
        r->n_coming++;
    }
}

/* Called with the lock, which is given back meanwhile. */
static bool arrive(ring *r, uint32_t b, mf_error *err)
{
    stripe *s = &r->stripes[b];
    bool ok = true;
    pthread_mutex_unlock(&r->lock);
    for (uint32_t i = 0; ok && i < MF_LAP_ROWS_MOST; i++) {
        bool done = false;
        if (!s->arrival[i].is_under_way)
            continue;
        ok = mf_hosts_arrival_continue(r->lap->group, &s->arrival[i], &done, err);
        if (!done)
            continue;
        s->has_come[i] = true;
        s->n_come++;
        r->n_coming--;
    }
    pthread_mutex_lock(&r->lock);
    if (!ok || s->n_come < r->n_arrays)
        return ok;
    s->is_awaited = false;
    s->n_visits = visits_on_arrival(r, b);
    s->where = HERE;
    r->n_awaited--;
    r->waiting = (mf_hosts_waiting){0};
    pthread_cond_broadcast(&r->changed);
    return true;
}

/* The same for stripes that arrive. */
static bool take_arrived(ring *r, mf_error *err)
{
    bool ok = true;
    pthread_mutex_unlock(&r->lock);
    if (r->n_awaited > 0)
        ok = begin_arrivals(r, err);
    else
        (void)mf_hosts_unsent(r->lap->group); /* sending continues */
    pthread_mutex_lock(&r->lock);
    for (uint32_t b = 0; ok && r->n_coming > 0 && b < r->lap->grid->item_blocks; b++)
        if (r->stripes[b].is_awaited)
            ok = arrive(r, b, err);
    return ok;
}

/* Nothing can be visited: until another thread is done, or a message comes. */
static bool wait_for_change(ring *r, mf_error *err)
{
    if (r->n_busy > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
        r->waiting = (mf_hosts_waiting){0};
        return true;
    }
    pthread_mutex_unlock(&r->lock);
    const bool ok = mf_hosts_pause(r->lap->group, &r->waiting, MF_HOSTS_ANY, err);
    pthread_mutex_lock(&r->lock);
    return ok;
}

/* --- threads ------------------------------------------------------------------------ */

static void work(ring *r, bool exchanges)
{
    const uint32_t none = r->lap->grid->item_blocks;
    pthread_mutex_lock(&r->lock);
    while (!r->failed) {
        bool ok = true;
        if (exchanges)
            ok = send_leaving(r, r->err) && take_arrived(r, r->err);
        const uint32_t b = ok ? find(r) : none;
        if (!ok)
            r->failed = true;
        else if (b != none)
            visit(r, b);
        else if (r->left == 0 && (!exchanges || (r->n_awaited == 0 && r->n_leaving == 0)))
            break;
        else if (exchanges)
            r->failed = !wait_for_change(r, r->err);
        else
            pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool mf_lap_run(const mf_lap *lap, mf_error *err)
{
    ring r = {
        .lap = lap,
        .rank = mf_hosts_rank(lap->group),
        .size = mf_hosts_size(lap->group),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .err = err,
    };
    bool ok = start(&r, err);
    if (ok) {
#pragma omp parallel num_threads((int)lap->n_threads)
        work(&r, omp_get_thread_num() == 0);
        ok = !r.failed;
    }
    mf_free(r.stripes);
    mf_free(r.user_visits);
    mf_free(r.user_busy);
    /* No item-block of the next lap may come while this one runs somewhere. */
    return ok && mf_hosts_barrier(lap->group, err);
}

/* --- between laps --------------------------------------------------------------------- */

bool mf_lap_share(const mf_grid *grid, mf_hosts_group *group, const mf_lap_rows *rows,
                  mf_error *err)
{
    for (uint32_t b = 0; b < grid->item_blocks; b++) {
        const size_t first = grid->item_block_row[b];
        const size_t n_rows = grid->item_block_row[b + 1] - first;
        if (!mf_hosts_broadcast(group, mf_lap_home(grid, group, b),
                                (char *)rows->rows + first * rows->row_bytes,
                                n_rows * rows->row_bytes, err))
            return false;
    }
    return true;
}
