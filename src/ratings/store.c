/* store.c: a column is a list of chunks, each four times the one before up to 16 MiB; a span's part
 * of it lies in one chunk. */
#include "ratings/store.h"

#include "base/memory.h"

/* Small inputs get small chunks. 16 MiB are huge pages, which the kernel clears
 * three times as fast. */
static const size_t FIRST_BYTES = (size_t)1 << 14;
static const size_t MOST_BYTES = (size_t)1 << 24;
static const size_t ALIGNMENT = 64;

/* Runs where they are this long on average: then they are half the size at most,
 * and finding their ends is no guess per row. */
enum { ROWS_PER_RUN = 4 };

typedef struct mf_chunk {
    struct mf_chunk *next;
    size_t n_bytes;
    size_t capacity;
    _Alignas(64) char bytes[];
} mf_chunk;

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint32_t mf_values_code(mf_values *values, float value)
{
    const uint32_t n_slots = 2 * MF_VALUE_CODES;
    const uint32_t bits = bits_of(value);
    for (uint32_t slot = bits * UINT32_C(0x9E3779B9) / (UINT32_MAX / n_slots + 1);;
         slot = (slot + 1) % n_slots) {
        const uint32_t code = values->slot[slot];
        if (code > 0 && bits_of(values->value[code - 1]) == bits)
            return code - 1;
        if (code > 0)
            continue;
        if (values->n == MF_VALUE_CODES)
            return MF_VALUE_CODES;
        values->value[values->n++] = value;
        values->slot[slot] = (uint16_t)values->n;
        return values->n - 1;
    }
}

bool mf_draft_begin(mf_draft *draft, uint32_t n_rows, bool has_time, mf_error *err)
{
    if (draft->capacity < n_rows) {
        mf_draft_clear(draft);
        /* Blocks are alike, so this is mostly enough for all. */
        const uint32_t capacity =
            n_rows < UINT32_MAX - n_rows / 4 ? n_rows + n_rows / 4 : UINT32_MAX;
        draft->user = mf_allocate(capacity, sizeof *draft->user, "rating rows", err);
        draft->item = mf_allocate(capacity, sizeof *draft->item, "rating rows", err);
        draft->code = mf_allocate(capacity, sizeof *draft->code, "rating rows", err);
        if (draft->user == NULL || draft->item == NULL || draft->code == NULL)
            return false;
        draft->capacity = capacity;
    }
    draft->n = 0;
    draft->has_values = false;
    draft->wide_time = false;
    draft->time_base = 0;
    if (has_time && draft->time_low == NULL)
        draft->time_low = mf_allocate(draft->capacity, sizeof *draft->time_low, "rating rows", err);
    return !has_time || draft->time_low != NULL;
}

bool mf_draft_write_out(mf_draft *draft, const mf_values *values, mf_error *err)
{
    if (draft->value == NULL)
        draft->value = mf_allocate(draft->capacity, sizeof *draft->value, "rating rows", err);
    if (draft->value == NULL)
        return false;
    for (uint32_t r = 0; r < draft->n; r++)
        draft->value[r] = values->value[draft->code[r]];
    draft->has_values = true;
    return true;
}

bool mf_draft_widen(mf_draft *draft, mf_error *err)
{
    if (draft->time_high == NULL)
        draft->time_high =
            mf_allocate(draft->capacity, sizeof *draft->time_high, "rating rows", err);
    return draft->time_high != NULL;
}

void mf_draft_clear(mf_draft *draft)
{
    mf_free(draft->user);
    mf_free(draft->item);
    mf_free(draft->code);
    mf_free(draft->value);
    mf_free(draft->time_low);
    mf_free(draft->time_high);
    *draft = (mf_draft){0};
}

/* n_bytes at the end of a column. */
static void *column_extend(mf_store *store, mf_column column, size_t n_bytes, mf_error *err)
{
    mf_chunk *chunk = store->newest[column];
    n_bytes = (n_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (chunk == NULL || chunk->capacity - chunk->n_bytes < n_bytes) {
        size_t capacity = store->next_bytes[column];
        if (capacity == 0)
            capacity = FIRST_BYTES;
        if (capacity < n_bytes)
            capacity = n_bytes;
        chunk = mf_allocate(1, sizeof *chunk + capacity, "rating rows", err);
        if (chunk == NULL)
            return NULL;
        chunk->capacity = capacity;
        chunk->next = store->newest[column];
        store->newest[column] = chunk;
        store->next_bytes[column] = capacity < MOST_BYTES / 4 ? 4 * capacity : MOST_BYTES;
    }
    void *bytes = chunk->bytes + chunk->n_bytes;
    chunk->n_bytes += n_bytes;
    return bytes;
}

static bool pack_copy(mf_store *store, mf_column column, const void *from, size_t width,
                      mf_span *span, mf_error *err)
{
    const size_t n_bytes = span->n * width;
    span->column[column] = column_extend(store, column, n_bytes, err);
    if (span->column[column] == NULL)
        return false;
    memcpy(span->column[column], from, n_bytes);
    return true;
}

static bool pack_users(mf_store *store, const mf_draft *draft, mf_span *span, mf_error *err)
{
    const uint32_t *user = draft->user;
    const uint32_t n = draft->n;
    uint32_t n_runs = 1;
    for (uint32_t r = 1; r < n; r++)
        n_runs += user[r] != user[r - 1];
    if (n_runs > n / ROWS_PER_RUN)
        return pack_copy(store, MF_COLUMN_USER, user, sizeof *user, span, err);
    mf_run *run = column_extend(store, MF_COLUMN_USER, n_runs * sizeof *run, err);
    if (run == NULL)
        return false;
    span->column[MF_COLUMN_USER] = run;
    span->n_runs = n_runs;
    for (uint32_t r = 0; r < n; run++) {
        const uint32_t first = r;
        while (r < n && user[r] == user[first])
            r++;
        *run = (mf_run){user[first], r - first};
    }
    return true;
}

static bool pack_items(mf_store *store, const mf_draft *draft, mf_span *span, mf_error *err)
{
    const uint32_t n = draft->n;
    uint32_t all = 0;
    for (uint32_t r = 0; r < n; r++)
        all |= draft->item[r];
    if (all > UINT16_MAX)
        return pack_copy(store, MF_COLUMN_ITEM, draft->item, sizeof *draft->item, span, err);
    uint16_t *item = column_extend(store, MF_COLUMN_ITEM, n * sizeof *item, err);
    if (item == NULL)
        return false;
    span->column[MF_COLUMN_ITEM] = item;
    span->short_items = true;
    for (uint32_t r = 0; r < n; r++)
        item[r] = (uint16_t)draft->item[r];
    return true;
}

static bool pack_values(mf_store *store, const mf_draft *draft, mf_span *span, mf_error *err)
{
    return draft->has_values
               ? pack_copy(store, MF_COLUMN_VALUE, draft->value, sizeof *draft->value, span, err)
               : pack_copy(store, MF_COLUMN_VALUE, draft->code, sizeof *draft->code, span, err);
}

static bool pack_times(mf_store *store, const mf_draft *draft, mf_span *span, mf_error *err)
{
    return pack_copy(store, MF_COLUMN_TIME_LOW, draft->time_low, sizeof *draft->time_low, span,
                     err) &&
           (!draft->wide_time || pack_copy(store, MF_COLUMN_TIME_HIGH, draft->time_high,
                                           sizeof *draft->time_high, span, err));
}

bool mf_store_pack(mf_store *store, const mf_draft *draft, bool has_time, mf_span *span,
                   mf_error *err)
{
    *span = (mf_span){.n = draft->n,
                      .has_values = draft->has_values,
                      .has_time = has_time,
                      .wide_time = draft->wide_time,
                      .time_base = draft->time_base};
    return draft->n == 0 ||
           (pack_users(store, draft, span, err) && pack_items(store, draft, span, err) &&
            pack_values(store, draft, span, err) &&
            (!has_time || pack_times(store, draft, span, err)));
}

void mf_store_drop(mf_store *store, mf_column column)
{
    while (store->newest[column] != NULL) {
        mf_chunk *chunk = store->newest[column];
        store->newest[column] = chunk->next;
        mf_free(chunk);
    }
}

void mf_store_clear(mf_store *store)
{
    for (int column = 0; column < MF_COLUMNS; column++)
        mf_store_drop(store, (mf_column)column);
    *store = (mf_store){0};
}
