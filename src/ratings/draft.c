/* draft.c: a draft grows to the largest block and is used again. Ranges are taken of whole numbers that
 * order as the floats do, which the compiler compares some at a time. */
#include "ratings/draft.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

void mf_draft_clear(mf_draft *draft)
{
    for (int column = 0; column < MF_COLUMNS; column++)
        mf_free(draft->column[column]);
    *draft = (mf_draft){0};
}

bool mf_draft_has_column(mf_draft *draft, mf_column column, mf_error *err)
{
    if (draft->column[column] == NULL)
        draft->column[column] =
            mf_allocate(draft->capacity, sizeof *draft->column[column], "rating rows", err);
    return draft->column[column] != NULL;
}

/* The bits of a float as a number that orders as the floats do, and back: whole numbers are compared
 * some at a time. */
static int32_t key_of(uint32_t bits)
{
    return (int32_t)(bits ^ (bits >> 31 ? UINT32_C(0x7FFFFFFF) : 0));
}

static float value_of(int32_t key)
{
    const uint32_t bits = (uint32_t)key_of((uint32_t)key);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Counts the block's rows after the moment that the options say; last: its greatest time. */
static void count_future(mf_parser *p, double last)
{
    const mf_draft *draft = &p->draft;
    const uint32_t *low = draft->column[MF_COLUMN_TIME_LOW];
    const uint32_t *high = draft->column[MF_COLUMN_TIME_HIGH];
    const mf_dialect *dialect = p->dialect;
    /* Where times are scaled they are seconds already. */
    const double after = p->options->future_after *
                         (dialect->time_rate != 1 ? 1 : mf_time_unit_rate(dialect->time_unit));
    const uint64_t key = mf_time_key(after);
    if (after == 0 || last <= after)
        return;
    for (uint32_t r = 0; r < draft->n; r++)
        p->counts.n_future += draft->wide_time
                                  ? ((uint64_t)high[r] << 32 | low[r]) > key
                                  : (double)(draft->time_base + (int32_t)low[r]) > after;
}

/* The least and the greatest value and time of a block, while it is in the cache. */
static void take_ranges(mf_parser *p, mf_span *span)
{
    const mf_draft *draft = &p->draft;
    const uint32_t *low = draft->column[MF_COLUMN_TIME_LOW];
    const uint32_t *high = draft->column[MF_COLUMN_TIME_HIGH];
    const uint32_t *values = draft->column[MF_COLUMN_VALUE];
    int32_t lowest = INT32_MAX;
    int32_t highest = INT32_MIN;
    for (uint32_t r = 0; r < draft->n; r++) {
        const int32_t key = key_of(values[r]);
        lowest = key < lowest ? key : lowest;
        highest = key > highest ? key : highest;
    }
    if (draft->n > 0) {
        p->low = fminf(p->low, value_of(lowest));
        p->high = fmaxf(p->high, value_of(highest));
    }
    if (!span->has_time || draft->n == 0)
        return;
    if (!draft->wide_time) {
        int32_t least = INT32_MAX;
        int32_t most = INT32_MIN;
        for (uint32_t r = 0; r < draft->n; r++) {
            least = (int32_t)low[r] < least ? (int32_t)low[r] : least;
            most = (int32_t)low[r] > most ? (int32_t)low[r] : most;
        }
        /* Offsets came from int64_t timestamps, so these sums are such. */
        span->time_first = draft->time_base + least;
        span->time_last = draft->time_base + most;
        p->first = fmin(p->first, (double)span->time_first);
        p->last = fmax(p->last, (double)span->time_last);
        count_future(p, (double)span->time_last);
        return;
    }
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    for (uint32_t r = 0; r < draft->n; r++) {
        const uint64_t key = (uint64_t)high[r] << 32 | low[r];
        first = key != 0 && key < first ? key : first;
        last = key > last ? key : last;
    }
    span->is_timeless = last == 0;
    if (last > 0) {
        p->first = fmin(p->first, mf_time_of_key(first));
        p->last = fmax(p->last, mf_time_of_key(last));
        count_future(p, mf_time_of_key(last));
    }
}

/* Columns up to this one hold something in every row of the block. */
static mf_column last_column(const mf_parser *p)
{
    return !p->dialect->has_time ? MF_COLUMN_VALUE
           : !p->draft.wide_time ? MF_COLUMN_TIME_LOW
                                 : MF_COLUMN_TIME_HIGH;
}

bool mf_draft_begin(mf_parser *p, size_t n_rows, mf_error *err)
{
    mf_draft *draft = &p->draft;
    if (draft->capacity < n_rows) {
        mf_draft_clear(draft);
        draft->capacity = n_rows + n_rows / 4; /* blocks are alike: mostly enough for all */
    }
    draft->n = 0;
    draft->wide_time = false;
    for (mf_column column = 0; column <= last_column(p); column++)
        if (!mf_draft_has_column(draft, column, err))
            return false;
    return true;
}

bool mf_draft_keep(mf_parser *p, mf_span *span, mf_error *err)
{
    const mf_draft *draft = &p->draft;
    take_ranges(p, span);
    for (mf_column column = 0; column <= last_column(p); column++)
        if (!mf_store_pack(&p->store, column, draft->column[column], draft->n,
                           &span->column[column], err))
            return false;
    span->n = draft->n;
    span->wide_time = draft->wide_time;
    span->time_base = draft->time_base;
    return true;
}
