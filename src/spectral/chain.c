/* chain.c: threads work on the slices that are here. The calling thread receives and sends others
 * between two slices, and every few milliseconds inside of one: a long message needs both ends
 * several times. */
#include "spectral/chain.h"

#include "base/memory.h"

#include <omp.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Entries of Y between two looks at messages: with AVX-512 about a millisecond. */
enum { SLICE = MF_SPECTRAL_SLICE, LOOK_NS = 100000, LOOK_ENTRIES = 1 << 19 };

typedef enum state { AWAITED, READY, BUSY, DONE, SENT } state;

typedef struct run {
    const mf_chain *chain;
    mf_sparse_rows rows; /* of this host */
    const float *x;
    float *z;
    uint32_t rank;
    uint32_t size;
    uint32_t n_slices;
    state *slices;              /* [n_slices] */
    mf_hosts_arrival *arrivals; /* [n_slices] of the calling thread */
    mf_hosts_waiting waiting;   /* since the last slice that came or was worked on */
    uint32_t n_left;            /* to be worked on */
    uint32_t n_unsent;          /* to be sent, by the end */
    uint32_t n_done;            /* of them those that can be sent now */
    uint32_t n_busy;
    bool failed;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    mf_error *err; /* of the calling thread */
} run;

uint32_t mf_chain_first_row(const mf_sparse_rows *y, uint32_t rank, uint32_t size)
{
    const uint64_t n = y->start[y->n_rows];
    const uint64_t before = n / size * rank + n % size * rank / size;
    uint32_t low = 0;
    uint32_t high = y->n_rows;
    if (rank == size)
        return high;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (y->start[middle] < before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Rows first … end - 1; entries and windows keep their places. */
static mf_sparse_rows rows_between(const mf_sparse_rows *y, uint32_t first, uint32_t end)
{
    mf_sparse_rows rows = *y;
    rows.n_rows = end - first;
    rows.start += first;
    if (rows.row_window != NULL)
        rows.row_window += first;
    return rows;
}

static size_t width_of(const run *r, uint32_t k)
{
    const size_t left = r->chain->width - (size_t)k * SLICE;
    return left < SLICE ? left : SLICE;
}

static size_t place_of(const run *r, uint32_t k)
{
    return r->chain->n * (size_t)k * SLICE;
}

/* --- messages: the calling thread alone, with the lock --------------------------------- */

static bool send_slice(run *r, uint32_t k, mf_error *err)
{
    const float *slice = r->z + place_of(r, k);
    pthread_mutex_unlock(&r->lock);
    const bool ok = mf_hosts_send(r->chain->group, r->rank + 1, k, slice,
                                  r->chain->n * width_of(r, k) * sizeof *slice, err);
    pthread_mutex_lock(&r->lock);
    return ok;
}

static bool send_done(run *r, mf_error *err)
{
    pthread_mutex_unlock(&r->lock);
    (void)mf_hosts_unsent(r->chain->group); /* sending continues */
    pthread_mutex_lock(&r->lock);
    for (uint32_t k = 0; k < r->n_slices && r->n_done > 0 && r->n_unsent > 0; k++) {
        if (r->slices[k] != DONE)
            continue;
        if (!send_slice(r, k, err))
            return false;
        r->slices[k] = SENT;
        r->n_unsent--;
        r->n_done--;
    }
    return true;
}

/* *done: slice k has come. Without the lock. */
static bool take_slice(run *r, uint32_t k, bool *done, mf_error *err)
{
    mf_hosts_group *group = r->chain->group;
    mf_hosts_arrival *arrival = &r->arrivals[k];
    float *slice = r->z + place_of(r, k);
    mf_hosts_message message;
    bool found = false;
    *done = false;
    if (!arrival->is_under_way && !mf_hosts_probe(group, r->rank - 1, k, &message, &found, err))
        return false;
    if (found &&
        !mf_hosts_arrival_begin(group, &message, slice,
                                r->chain->n * width_of(r, k) * sizeof *slice, arrival, err))
        return false;
    return !arrival->is_under_way || mf_hosts_arrival_continue(group, arrival, done, err);
}

static bool take_arrived(run *r, mf_error *err)
{
    for (uint32_t k = 0; k < r->n_slices; k++) {
        bool done;
        if (r->slices[k] != AWAITED)
            continue;
        pthread_mutex_unlock(&r->lock);
        const bool ok = take_slice(r, k, &done, err);
        pthread_mutex_lock(&r->lock);
        if (!ok)
            return false;
        if (!done)
            continue;
        r->slices[k] = READY;
        r->waiting = (mf_hosts_waiting){0};
        pthread_cond_broadcast(&r->changed);
    }
    return true;
}

static void exchange(run *r)
{
    if (!send_done(r, r->err) || !take_arrived(r, r->err))
        r->failed = true;
}

/* Until another thread is done, or a slice comes. */
static bool wait_for_change(run *r, mf_error *err)
{
    /* Another thread may have done a slice since send_done() looked at it. */
    if (r->n_unsent > 0 && r->n_done > 0)
        return true;
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
    const bool ok = mf_hosts_pause(r->chain->group, &r->waiting, r->rank - 1, err);
    pthread_mutex_lock(&r->lock);
    return ok;
}

/* --- threads ------------------------------------------------------------------------- */

/* The row after `first` and some more, LOOK_ENTRIES entries or a little more in all. */
static uint32_t piece_end(const mf_sparse_rows *rows, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < rows->n_rows && rows->start[end] - rows->start[first] < LOOK_ENTRIES)
        end++;
    return end;
}

/* With the lock, which is given back meanwhile. The rows of a slice are added in turn, in whatever
 * pieces. */
static void multiply(run *r, uint32_t k, bool exchanges)
{
    const mf_chain *c = r->chain;
    const size_t width = width_of(r, k);
    r->slices[k] = BUSY;
    r->n_busy++;
    pthread_mutex_unlock(&r->lock);
    for (uint32_t first = 0, end; first < r->rows.n_rows; first = end) {
        end = piece_end(&r->rows, first);
        const mf_sparse_rows piece = rows_between(&r->rows, first, end);
        c->kernel->product(&piece, c->value, r->x + place_of(r, k), r->z + place_of(r, k), width,
                           width);
        if (exchanges && end < r->rows.n_rows) {
            pthread_mutex_lock(&r->lock);
            exchange(r);
            pthread_mutex_unlock(&r->lock);
        }
    }
    pthread_mutex_lock(&r->lock);
    r->n_busy--;
    r->n_left--;
    r->slices[k] = DONE;
    r->n_done++;
    r->waiting = (mf_hosts_waiting){0};
    pthread_cond_broadcast(&r->changed);
}

static void work(run *r, bool exchanges)
{
    pthread_mutex_lock(&r->lock);
    while (!r->failed) {
        if (exchanges)
            exchange(r);
        if (r->failed)
            break;
        uint32_t k = 0;
        while (k < r->n_slices && r->slices[k] != READY)
            k++;
        if (k < r->n_slices)
            multiply(r, k, exchanges);
        else if (r->n_left == 0 && (!exchanges || r->n_unsent == 0))
            break;
        else if (exchanges)
            r->failed = !wait_for_change(r, r->err);
        else
            pthread_cond_wait(&r->changed, &r->lock);
    }
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

bool mf_chain_multiply(const mf_chain *chain, const float *x, float *z, mf_error *err)
{
    run r = {
        .chain = chain,
        .x = x,
        .z = z,
        .rank = mf_hosts_rank(chain->group),
        .size = mf_hosts_size(chain->group),
        .n_slices = (uint32_t)((chain->width + SLICE - 1) / SLICE),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .err = err,
    };
    r.rows = rows_between(chain->y, mf_chain_first_row(chain->y, r.rank, r.size),
                          mf_chain_first_row(chain->y, r.rank + 1, r.size));
    r.n_left = r.n_slices;
    r.n_unsent = r.rank + 1 < r.size ? r.n_slices : 0;
    r.slices = mf_allocate(r.n_slices, sizeof *r.slices, "the chain of hosts", err);
    r.arrivals = mf_allocate(r.n_slices, sizeof *r.arrivals, "the chain of hosts", err);
    r.failed = r.slices == NULL || r.arrivals == NULL;
    if (r.failed)
        goto done;
    for (uint32_t k = 0; k < r.n_slices; k++)
        r.slices[k] = r.rank == 0 ? READY : AWAITED;
    if (r.rank == 0)
        memset(z, 0, chain->n * chain->width * sizeof *z);
#pragma omp parallel num_threads((int)chain->n_threads)
    work(&r, omp_get_thread_num() == 0);
done:
    mf_free(r.slices);
    mf_free(r.arrivals);
    return !r.failed && mf_hosts_broadcast(chain->group, r.size - 1, z,
                                           chain->n * chain->width * sizeof *z, err);
}
