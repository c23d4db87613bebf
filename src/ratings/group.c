/* group.c: columns are dealt out in passes over the spans, each of which counts the places of rows
 * anew.
 *
 * (1) Member m owns spans first_span[m] … first_span[m+1]-1. Its rows of a user go
 *     behind those of members before it: the sort is stable.
 * (2) place[m][u] is where member m's next row of user u goes. A pass forwards ends where one
 *     backwards begins, so passes take turns.
 * (3) Times are dealt out only when something needs them: ranks, times, or a user with a repeated
 *     pair, of which the newest row stays. */
#include "ratings/group.h"

#include "base/memory.h"
#include "ratings/parallel.h"
#include "ratings/sort.h"
#include "ratings/time_rank.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { ROWS_PER_MEMBER = 1 << 15, USERS_AT_ONCE = 64 };

typedef struct group {
    const mf_grouping *in;
    mf_ratings *out;
    uint64_t n_rows;
    uint32_t n_members;
    uint32_t n_longest; /* rows of the longest span */
    uint64_t first_span[MF_THREADS_OF_READING + 1];
    uint32_t *place; /* [n_members][n_users] first counts, then where the next row goes */
    uint32_t *rows;  /* [n_members][2 n_longest] a span's places and what goes there */
    bool has_time, is_wide;
    int64_t time_base;
    uint32_t *time_low, *time_high; /* dealt out; NULL when there are none */
    mf_column first_column;         /* of those that deal() deals out */
    uint32_t n_columns;
    void *to[MF_COLUMNS];
    bool is_backwards;
    uint32_t *n_kept; /* [n_users] 0: not yet done */
    bool defers;      /* finish_users leaves users with repeated items for later */
    uint8_t *file;    /* [n_rows] of each row in its place; NULL: one file */
    atomic_ullong next_user;
    atomic_bool failed, deferred;
    pthread_mutex_t lock;
    mf_error *err;
} group;

static uint32_t *member_place(const group *g, uint32_t member)
{
    return g->place + (size_t)member * g->in->n_users;
}

static uint32_t *member_rows(const group *g, uint32_t member)
{
    return g->rows + (size_t)member * 2 * g->n_longest;
}

static void unpack_users(const group *g, const mf_span *span, uint32_t *user)
{
    const uint32_t *index = g->in->user_index[span->reader];
    mf_unpack(&span->column[MF_COLUMN_USER], span->n, user);
    for (uint32_t r = 0; index != NULL && r < span->n; r++)
        user[r] = index[user[r]];
}

static void count(void *context, uint32_t member)
{
    group *g = context;
    uint32_t *counts = member_place(g, member);
    uint32_t *user = member_rows(g, member);
    for (uint64_t s = g->first_span[member]; s < g->first_span[member + 1]; s++) {
        const mf_span *span = &g->in->spans[s];
        unpack_users(g, span, user);
        for (uint32_t r = 0; r < span->n; r++)
            counts[user[r]]++;
    }
}

static void find_places(group *g, uint32_t member, const mf_span *span, uint32_t *place)
{
    uint32_t *next = member_place(g, member);
    unpack_users(g, span, place);
    if (g->is_backwards)
        for (uint32_t r = span->n; r-- > 0;)
            place[r] = --next[place[r]];
    else
        for (uint32_t r = 0; r < span->n; r++)
            place[r] = next[place[r]]++;
}

static void scatter(const uint32_t *bits, const uint32_t *place, uint32_t n, void *column)
{
    for (uint32_t r = 0; r < n; r++)
        memcpy((char *)column + sizeof *bits * place[r], &bits[r], sizeof *bits);
}

/* Times of a block as those of the whole reading. */
static void convert_times(const group *g, const mf_span *span, mf_column column, uint32_t *bits)
{
    const int64_t base = span->time_base;
    for (uint32_t r = 0; !g->is_wide && r < span->n; r++)
        bits[r] = (uint32_t)(base - g->time_base + 1 + (int32_t)bits[r]);
    for (uint32_t r = 0; g->is_wide && !span->wide_time && r < span->n; r++) {
        const uint64_t key = mf_time_key((double)(base + (int32_t)bits[r]));
        bits[r] = (uint32_t)(column == MF_COLUMN_TIME_HIGH ? key >> 32 : key);
    }
}

/* A column of a span in its places. */
static void deal_column(group *g, const mf_span *span, mf_column column, const uint32_t *place,
                        uint32_t *bits)
{
    const uint32_t *index = g->in->item_index[span->reader];
    const bool is_time = column >= MF_COLUMN_TIME_LOW;
    if (is_time && !span->has_time)
        return; /* older than any with a time: 0, as the memory is already */
    mf_unpack(&span->column[is_time && !span->wide_time ? MF_COLUMN_TIME_LOW : column], span->n,
              bits);
    for (uint32_t r = 0; column == MF_COLUMN_ITEM && index != NULL && r < span->n; r++)
        bits[r] = index[bits[r]];
    if (is_time)
        convert_times(g, span, column, bits);
    scatter(bits, place, span->n, g->to[column]);
    for (uint32_t r = 0; column == MF_COLUMN_ITEM && g->file != NULL && r < span->n; r++)
        g->file[place[r]] = (uint8_t)(span->file < UINT8_MAX ? span->file : UINT8_MAX);
}

static void deal(void *context, uint32_t member)
{
    group *g = context;
    uint32_t *place = member_rows(g, member);
    const uint64_t first = g->first_span[member];
    const uint64_t end = g->first_span[member + 1];
    const uint32_t end_column = g->first_column + g->n_columns;
    for (uint64_t s = first; s < end; s++) {
        mf_span *span = &g->in->spans[g->is_backwards ? end - 1 - (s - first) : s];
        find_places(g, member, span, place);
        for (uint32_t c = g->first_column; c < end_column; c++)
            deal_column(g, span, (mf_column)c, place, place + g->n_longest);
        for (uint32_t c = g->first_column; c < end_column; c++)
            mf_store_release(&span->column[c]);
    }
}

/* Stretches of about equally many rows. */
static void share_spans(group *g)
{
    uint64_t s = 0;
    uint64_t n_before = 0;
    for (uint32_t m = 0; m < g->n_members; m++) {
        g->first_span[m] = s;
        const uint64_t until = g->n_rows / g->n_members * (m + 1);
        while (s < g->in->n_spans && (n_before < until || m + 1 == g->n_members))
            n_before += g->in->spans[s++].n;
    }
    g->first_span[g->n_members] = g->in->n_spans;
}

/* Counts to places, user after user, and within a user member after member. */
static void add_up(group *g)
{
    uint64_t next = 0;
    for (uint32_t u = 0; u < g->in->n_users; u++) {
        g->out->user_start[u] = next;
        for (uint32_t m = 0; m < g->n_members; m++) {
            uint32_t *own = &member_place(g, m)[u];
            const uint32_t n = *own;
            *own = (uint32_t)next;
            next += n;
        }
    }
    g->out->user_start[g->in->n_users] = next;
}

/* Narrow timestamps stay so when all of the reading fits 31 bits: then each block
 * fitted 32 from its base wherever it was cut, and the result is the same. */
static void choose_time(group *g)
{
    int64_t earliest = INT64_MAX;
    int64_t latest = INT64_MIN;
    for (uint64_t s = 0; s < g->in->n_spans; s++) {
        const mf_span *span = &g->in->spans[s];
        if (span->n == 0 || !span->has_time)
            continue;
        g->is_wide |= span->wide_time;
        if (!span->wide_time && span->time_first < earliest)
            earliest = span->time_first;
        if (!span->wide_time && span->time_last > latest)
            latest = span->time_last;
    }
    int64_t range;
    if (earliest <= latest)
        g->is_wide |= __builtin_sub_overflow(latest, earliest, &range) || range >= INT32_MAX;
    g->time_base = earliest;
}

static bool reserve(group *g, mf_column column, void *to, mf_error *err)
{
    void **array = to;
    *array = g->to[column] = mf_allocate(g->n_rows, sizeof(uint32_t), "ratings", err);
    return *array != NULL;
}

/* Deals out columns for which memory is reserved. */
static void deal_out(group *g, mf_column first, uint32_t n_columns)
{
    g->first_column = first;
    g->n_columns = n_columns;
    mf_parallel_run(g->n_members, deal, g);
    g->is_backwards = !g->is_backwards;
}

/* What was dealt out for a time, as the timestamp that it stands for. */
static double seconds_of(const group *g, uint32_t low, uint32_t high)
{
    if (g->is_wide) {
        const uint64_t key = (uint64_t)high << 32 | low;
        return key == 0 ? -(double)INFINITY : mf_time_of_key(key);
    }
    return low == 0 ? -(double)INFINITY : (double)(g->time_base + ((int64_t)low - 1));
}

/* One user's ratings by item, each item once, and their times to ranks. */
static bool finish_user(group *g, mf_sorter *sorter, uint64_t user, mf_error *err)
{
    const uint64_t at = g->out->user_start[user];
    const uint32_t n = (uint32_t)(g->out->user_start[user + 1] - at);
    if (n == 0 || g->n_kept[user] > 0) /* forgotten, or done before */
        return true;
    const mf_sort_rows rows = {
        g->out->item + at, g->out->value + at, g->time_low != NULL ? g->time_low + at : NULL,
        g->time_high != NULL ? g->time_high + at : NULL, g->file != NULL ? g->file + at : NULL};
    if (!mf_sort_ratings(sorter, n, &rows, &g->n_kept[user], err))
        return false;
    const uint32_t n_kept = g->n_kept[user];
    if (n_kept == 0)
        atomic_store(&g->deferred, true);
    if (g->in->times == MF_TIMES_UNUSED || rows.time_low == NULL)
        return true;
    if (g->out->time != NULL)
        for (uint32_t k = 0; k < n_kept; k++)
            g->out->time[at + k] =
                seconds_of(g, rows.time_low[k], rows.time_high != NULL ? rows.time_high[k] : 0);
    if (n_kept > MF_TIME_RANK_MOST)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                       "a user has more than %lu ratings with timestamps",
                       (unsigned long)MF_TIME_RANK_MOST);
    uint64_t *keys = mf_sorter_keys(sorter, n_kept, err);
    if (keys == NULL)
        return false;
    mf_time_rank(n_kept, rows.time_low, rows.time_high, keys);
    return true;
}

static void finish_users(void *context, uint32_t member)
{
    group *g = context;
    mf_sorter sorter = {.adds = g->in->adds, .defers = g->defers, .shared = g->in->shared};
    mf_error err = {0};
    bool ok = true;
    (void)member;
    while (ok && !atomic_load(&g->failed)) {
        const uint64_t first = atomic_fetch_add(&g->next_user, USERS_AT_ONCE);
        if (first >= g->in->n_users)
            break;
        for (uint64_t u = first; ok && u < first + USERS_AT_ONCE && u < g->in->n_users; u++)
            ok = finish_user(g, &sorter, u, &err);
    }
    mf_sorter_clear(&sorter);
    if (ok)
        return;
    atomic_store(&g->failed, true);
    pthread_mutex_lock(&g->lock);
    mf_fail(g->err, err.code, MF_NOWHERE, "%s", err.text);
    pthread_mutex_unlock(&g->lock);
}

/* Moves n elements to the front of a gap; `column` may be NULL. */
static void close_gap(void *column, size_t size, uint64_t to, uint64_t from, uint32_t n)
{
    if (column != NULL)
        memmove((char *)column + to * size, (char *)column + from * size, n * size);
}

static bool shrink(void **column, uint64_t from, uint64_t to, size_t size, mf_error *err)
{
    return *column == NULL || mf_reallocate(column, from, to, size, "ratings", err);
}

/* Closes the gaps that repeated pairs left. */
static bool compact(group *g, mf_error *err)
{
    mf_ratings *out = g->out;
    uint64_t next = 0;
    for (uint32_t u = 0; u < g->in->n_users; u++) {
        const uint64_t at = out->user_start[u];
        if (at == next) { /* no gap yet */
            next += g->n_kept[u];
            continue;
        }
        close_gap(out->item, sizeof *out->item, next, at, g->n_kept[u]);
        close_gap(out->value, sizeof *out->value, next, at, g->n_kept[u]);
        close_gap(out->time_rank, sizeof *out->time_rank, next, at, g->n_kept[u]);
        close_gap(out->time, sizeof *out->time, next, at, g->n_kept[u]);
        out->user_start[u] = next;
        next += g->n_kept[u];
    }
    out->user_start[g->in->n_users] = next;
    out->n_ratings = next;
    out->counts.n_repeated = g->n_rows - next;
    return next == g->n_rows ||
           (shrink((void **)&out->item, g->n_rows, next, sizeof *out->item, err) &&
            shrink((void **)&out->value, g->n_rows, next, sizeof *out->value, err) &&
            shrink((void **)&out->time_rank, g->n_rows, next, sizeof *out->time_rank, err) &&
            shrink((void **)&out->time, g->n_rows, next, sizeof *out->time, err));
}

static bool deal_out_times(group *g, mf_error *err)
{
    choose_time(g);
    if (!reserve(g, MF_COLUMN_TIME_LOW, &g->time_low, err) ||
        (g->is_wide && !reserve(g, MF_COLUMN_TIME_HIGH, &g->time_high, err)))
        return false;
    deal_out(g, MF_COLUMN_TIME_LOW, g->is_wide ? 2 : 1);
    return true;
}

/* Rows in their places, by user. */
static bool deal_rows(group *g, mf_error *err)
{
    mf_ratings *out = g->out;
    const uint32_t n_users = g->in->n_users;
    out->user_start = mf_allocate((size_t)n_users + 1, sizeof *out->user_start, "ratings", err);
    g->place = mf_allocate(g->n_members, (size_t)n_users * sizeof *g->place, "counters", err);
    g->rows = mf_allocate(g->n_members, 2 * (size_t)g->n_longest * sizeof *g->rows, "rows", err);
    g->n_kept = mf_allocate(n_users, sizeof *g->n_kept, "counters", err);
    if (g->in->shared != NULL)
        g->file = mf_allocate(g->n_rows, sizeof *g->file, "counters", err);
    if (out->user_start == NULL || g->place == NULL || g->rows == NULL || g->n_kept == NULL ||
        (g->in->shared != NULL && g->file == NULL))
        return false;
    mf_parallel_run(g->n_members, count, g);
    add_up(g);
    if (!reserve(g, MF_COLUMN_ITEM, &out->item, err) ||
        !reserve(g, MF_COLUMN_VALUE, &out->value, err))
        return false;
    deal_out(g, MF_COLUMN_ITEM, 2);
    return !g->has_time || g->in->times == MF_TIMES_UNUSED || deal_out_times(g, err);
}

static void clear_stores(const group *g)
{
    for (uint32_t s = 0; s < g->in->n_stores; s++)
        mf_store_clear(g->in->stores[s]);
}

static bool finish_all_users(group *g, bool defers)
{
    g->defers = defers;
    atomic_store(&g->next_user, 0);
    mf_parallel_run(g->in->n_threads, finish_users, g);
    return !atomic_load(&g->failed);
}

static bool group_rows(group *g, mf_error *err)
{
    mf_ratings *out = g->out;
    if (!deal_rows(g, err))
        return false;
    if (g->time_low != NULL)
        clear_stores(g);
    if (g->time_low != NULL && g->in->times == MF_TIMES_KEPT) {
        out->time = mf_allocate(g->n_rows, sizeof *out->time, "ratings", err);
        if (out->time == NULL)
            return false;
    }
    if (!finish_all_users(g, g->has_time && g->time_low == NULL && !g->in->adds))
        return false;
    if (atomic_load(&g->deferred) && (!deal_out_times(g, err) || !finish_all_users(g, false)))
        return false;
    clear_stores(g);
    mf_free(g->file);
    mf_free(g->time_high);
    g->file = NULL;
    g->time_high = NULL;
    if (g->in->times != MF_TIMES_UNUSED) {
        out->time_rank = g->time_low; /* times no more */
        g->time_low = NULL;
    }
    return compact(g, err);
}

bool mf_group(const mf_grouping *grouping, mf_ratings *ratings, mf_error *err)
{
    group g = {.in = grouping, .out = ratings, .err = err, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (uint64_t s = 0; s < grouping->n_spans; s++)
        if (grouping->spans[s].n > 0) {
            g.n_rows += grouping->spans[s].n;
            g.n_longest = grouping->spans[s].n > g.n_longest ? grouping->spans[s].n : g.n_longest;
            g.has_time |= grouping->spans[s].has_time && !grouping->spans[s].is_timeless;
        }
    if (g.n_rows >= UINT32_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %lu ratings",
                       (unsigned long)UINT32_MAX - 1);
    /* Each member has a counter per user; together not more than one per row. */
    g.n_members = grouping->n_threads;
    if (g.n_members > g.n_rows / grouping->n_users)
        g.n_members = (uint32_t)(g.n_rows / grouping->n_users);
    if (g.n_members == 0)
        g.n_members = 1;
    if (g.n_members > g.n_rows / ROWS_PER_MEMBER + 1)
        g.n_members = (uint32_t)(g.n_rows / ROWS_PER_MEMBER + 1);
    share_spans(&g);
    const bool ok = group_rows(&g, err);
    mf_free(g.place);
    mf_free(g.rows);
    mf_free(g.time_low);
    mf_free(g.time_high);
    mf_free(g.n_kept);
    mf_free(g.file);
    return ok;
}
