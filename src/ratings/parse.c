/* parse.c: promises in parse.h. */
#include "ratings/parse.h"

#include "base/memory.h"
#include "ratings/cutter.h"
#include "ratings/locate.h"
#include "ratings/row_error.h"

#include <endian.h>

#define UNLIKELY(condition) __builtin_expect((condition), 0)

static void on_plain_field(void *bytes, size_t n_bytes, void *context)
{
    mf_parser *p = context;
    const uint32_t field = p->n_fields++;
    (void)bytes;
    p->row_bytes += n_bytes + 1;
    if (field < MF_COLUMNS_MAX)
        p->length[field] = n_bytes;
}

static void on_field(void *bytes, size_t n_bytes, void *context)
{
    mf_parser *p = context;
    const uint32_t field = p->n_fields++;
    const uint8_t role = p->dialect->role[field < MF_COLUMNS_MAX ? field : MF_COLUMNS_MAX];
    if (p->dialect->is_double && field % 2 == 1 && n_bytes > 0 && p->full_gap == 0)
        p->full_gap = field;
    mf_cell_keep(&p->copy[role], bytes, n_bytes);
    p->cell[role] = mf_cell_view(&p->copy[role]);
}

/* Finds the cells of a complete row in the text. */
static void find_cells(mf_parser *p)
{
    const char *text = p->text;
    while (*text == '\n' || *text == '\r') /* empty lines, and the LF of a CRLF */
        text++;
    p->text = text + p->row_bytes;
    p->row_bytes = 0;
    const uint32_t n = p->n_fields < MF_COLUMNS_MAX ? p->n_fields : MF_COLUMNS_MAX;
    for (uint32_t field = 0; field < n; field++) {
        p->cell[p->dialect->role[field]] = (mf_cell){text, p->length[field]};
        text += p->length[field] + 1;
        /* Under "::" the fields between two colons have to be empty. */
        if (UNLIKELY(p->dialect->is_double && field % 2 == 1 && p->length[field] > 0) &&
            p->full_gap == 0)
            p->full_gap = field;
    }
}

/* People give few different ratings: after the first of each it is a look-up. */
static bool read_rating(mf_parser *p, float *rating)
{
    const mf_cell cell = p->cell[MF_ROLE_RATING];
    if (cell.n_bytes - 1 >= 7)
        return mf_row_rating(cell, rating);
    uint64_t text;
    memcpy(&text, cell.bytes, sizeof text);
    text = le64toh(text) << (64 - 8 * cell.n_bytes) >> 8 | (uint64_t)cell.n_bytes << 56;
    const size_t place = (text * UINT64_C(0x9E3779B97F4A7C15)) >> 56;
    if (UNLIKELY(p->cache[place].text != text)) {
        if (!mf_row_rating(cell, rating))
            return false;
        p->cache[place].text = text;
        p->cache[place].value = *rating;
    }
    *rating = p->cache[place].value;
    return true;
}

static bool fail(mf_parser *p)
{
    p->failed = true;
    return false;
}

/* The block's timestamps do not fit 32 bits: from here on it holds 64-bit keys. */
static bool widen(mf_parser *p)
{
    mf_span *span = &p->span;
    if (!mf_chunk_widen(span->chunk, p->err))
        return fail(p);
    for (uint32_t r = span->begin; r < span->begin + span->n; r++) {
        const int64_t whole = span->time_base + (int32_t)span->chunk->time_low[r];
        const uint64_t key = mf_time_key((double)whole);
        span->chunk->time_low[r] = (uint32_t)key;
        span->chunk->time_high[r] = (uint32_t)(key >> 32);
    }
    span->wide_time = true;
    return true;
}

/* Stores the timestamp of the row that is about to be appended. False when it is
 * no number, or there is no memory. */
static bool put_time(mf_parser *p)
{
    const mf_cell cell = p->cell[MF_ROLE_TIMESTAMP];
    mf_span *span = &p->span;
    const uint32_t at = span->begin + span->n;
    int64_t whole;
    double seconds = 0;
    bool is_whole = mf_cell_digits(cell, &whole);
    if (is_whole)
        seconds = (double)whole;
    else if (!mf_row_time(cell, &is_whole, &whole, &seconds))
        return false;
    if (is_whole && !span->wide_time) {
        if (span->n == 0)
            span->time_base = whole;
        int64_t offset;
        if (!__builtin_sub_overflow(whole, span->time_base, &offset) && offset == (int32_t)offset) {
            span->chunk->time_low[at] = (uint32_t)offset;
            return true;
        }
    }
    if (!span->wide_time && !widen(p))
        return false;
    const uint64_t key = mf_time_key(seconds);
    span->chunk->time_low[at] = (uint32_t)key;
    span->chunk->time_high[at] = (uint32_t)(key >> 32);
    return true;
}

static uint32_t add_id(mf_parser *p, mf_id_map *map, mf_cell cell, uint32_t limit, const char *what)
{
    if (map->n >= limit) {
        mf_id_map_fail_limit(p->err, limit, what);
        fail(p);
        return MF_INDEX_NONE;
    }
    const uint32_t index =
        mf_id_map_add(map, cell.bytes, cell.n_bytes, p->block << 32 | p->row, p->err);
    if (index == MF_INDEX_NONE)
        fail(p);
    return index;
}

static bool may_be_new_id(mf_cell cell)
{
    return cell.n_bytes <= MF_ID_BYTES_MAX && mf_id_valid(cell.bytes, cell.n_bytes);
}

static void on_bad_row(mf_parser *p)
{
    if (p->failed)
        return;
    if (p->skips_headers && p->full_gap == 0 && mf_row_is_header(p)) {
        p->n_rows--;
        return;
    }
    p->n_bad_rows++;
    if (p->n_named == MF_RATINGS_BAD_ROWS_NAMED)
        return;
    mf_bad_row *bad = &p->bad[p->n_named++];
    *bad = (mf_bad_row){.block = p->block, .row = p->row};
    mf_row_explain(p, &bad->field, &bad->error);
}

static bool put_row(mf_parser *p)
{
    mf_span *span = &p->span;
    float rating;
    if (UNLIKELY(p->n_fields != p->dialect->n_fields || p->full_gap != 0 || p->failed))
        return false;
    uint32_t user = mf_id_map_find(&p->users, p->cell[MF_ROLE_USER]);
    uint32_t item = mf_id_map_find(&p->items, p->cell[MF_ROLE_ITEM]);
    if (UNLIKELY(user == MF_INDEX_NONE) && !may_be_new_id(p->cell[MF_ROLE_USER]))
        return false;
    if (UNLIKELY(item == MF_INDEX_NONE) && !may_be_new_id(p->cell[MF_ROLE_ITEM]))
        return false;
    if (UNLIKELY(!read_rating(p, &rating)) || (p->dialect->has_time && UNLIKELY(!put_time(p))))
        return false;
    /* From here on the row is good; only memory or a limit can still stop it. */
    if (UNLIKELY(user == MF_INDEX_NONE))
        user = add_id(p, &p->users, p->cell[MF_ROLE_USER], p->max_users, "users");
    if (UNLIKELY(item == MF_INDEX_NONE))
        item = add_id(p, &p->items, p->cell[MF_ROLE_ITEM], p->max_items, "items");
    if (UNLIKELY(p->failed))
        return false;
    const uint32_t at = span->begin + span->n++;
    span->chunk->user[at] = user;
    span->chunk->item[at] = item;
    span->chunk->value[at] = rating;
    return true;
}

static inline void take_row(mf_parser *p)
{
    p->n_rows++;
    if (UNLIKELY(!put_row(p)))
        on_bad_row(p);
    p->row++;
    p->n_fields = 0;
    p->full_gap = 0;
}

static void on_plain_row(int end, void *context)
{
    (void)end;
    find_cells(context);
    take_row(context);
}

static void on_row(int end, void *context)
{
    (void)end;
    take_row(context);
}

bool mf_parser_begin(mf_parser *parser, const mf_dialect *dialect, bool skips_headers,
                     mf_error *err)
{
    parser->dialect = dialect;
    parser->skips_headers = skips_headers;
    parser->n_rows = parser->n_bad_rows = parser->n_named = 0;
    parser->rows = mf_rows_create(dialect->delimiter, err);
    return parser->rows != NULL;
}

bool mf_parser_block(mf_parser *parser, uint64_t block, const char *bytes, size_t n_bytes,
                     mf_span *span, mf_error *err)
{
    const bool is_plain = mf_is_plain(bytes, n_bytes, parser->dialect->delimiter);
    mf_rows_on_field *field = is_plain ? on_plain_field : on_field;
    mf_rows_on_row *row = is_plain ? on_plain_row : on_row;
    const size_t n_lines = mf_count_lines(bytes, n_bytes);
    const uint32_t n_named = parser->n_named;
    *span = (mf_span){0};
    if (n_lines >= UINT32_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "a block of more than 2^32 rows");
    mf_chunk *chunk =
        mf_store_reserve(&parser->store, (uint32_t)n_lines + 1, parser->dialect->has_time, err);
    if (chunk == NULL)
        return false;
    parser->block = block;
    parser->row = 0;
    parser->text = bytes;
    parser->n_fields = 0;
    parser->full_gap = 0;
    parser->row_bytes = 0;
    parser->failed = false;
    parser->err = err;
    parser->span = (mf_span){.chunk = chunk,
                             .begin = chunk->n,
                             .reader = parser->reader,
                             .has_time = parser->dialect->has_time,
                             .n_lines = n_lines};
    bool ok = mf_rows_feed(parser->rows, bytes, n_bytes, field, row, parser, err);
    mf_rows_end(parser->rows, field, row, parser);
    ok = ok && !parser->failed &&
         (parser->n_named == n_named ||
          mf_locate(bytes, n_bytes, parser->dialect->delimiter, &parser->bad[n_named],
                    parser->n_named - n_named, err));
    chunk->n += parser->span.n;
    *span = parser->span;
    return ok;
}

void mf_parser_end(mf_parser *parser)
{
    mf_rows_destroy(parser->rows);
    parser->rows = NULL;
}

void mf_parser_clear(mf_parser *parser)
{
    mf_parser_end(parser);
    mf_id_map_clear(&parser->users);
    mf_id_map_clear(&parser->items);
    mf_store_clear(&parser->store);
}
