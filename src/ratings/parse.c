/* parse.c: promises in parse.h. */
#include "ratings/parse.h"

#include "base/memory.h"
#include "ratings/cutter.h"
#include "ratings/locate.h"
#include "ratings/row_error.h"

#include <endian.h>

#define LIKELY(condition)   __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)

/* Rows mostly come user by user: the same text is the same user. */
static inline uint32_t find_user(mf_parser *p, mf_cell cell)
{
    uint64_t text = 0;
    if (cell.n_bytes - 1 < 8) {
        memcpy(&text, cell.bytes, sizeof text);
        text = le64toh(text) << (64 - 8 * cell.n_bytes);
        if (text == p->user_text && cell.n_bytes == p->user_bytes)
            return p->user;
    }
    const uint32_t user = mf_id_map_find(&p->users, cell);
    p->user_bytes = user != MF_INDEX_NONE && cell.n_bytes <= 8 ? cell.n_bytes : 0;
    p->user_text = text;
    p->user = user;
    return user;
}

/* People give few different ratings: after the first of each it is a look-up. */
static inline bool read_rating(mf_parser *p, mf_cell cell, float *rating)
{
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

/* As mf_cell_digits; neighbours' timestamps differ in their last eight digits. */
static inline bool read_digits(mf_parser *p, mf_cell cell, int64_t *value)
{
    const size_t n_high = cell.n_bytes - 8;
    if (n_high - 1 >= 8)
        return mf_cell_digits(cell, value);
    uint64_t text;
    memcpy(&text, cell.bytes, sizeof text);
    text = le64toh(text) << (64 - 8 * n_high);
    if (UNLIKELY(text != p->time_text || n_high != p->time_bytes)) {
        p->time_high = mf_digits(cell.bytes, n_high);
        p->time_text = text;
        p->time_bytes = p->time_high != UINT64_MAX ? n_high : 0;
        if (p->time_bytes == 0)
            return false;
    }
    const uint64_t low = mf_digits(cell.bytes + n_high, 8);
    *value = (int64_t)(p->time_high * 100000000 + low);
    return low != UINT64_MAX;
}

/* Stores the timestamp of the row that is about to be appended. False when it is
 * no number, or there is no memory. */
static inline bool put_time(mf_parser *p, mf_cell cell)
{
    mf_span *span = &p->span;
    const uint32_t at = span->begin + span->n;
    int64_t whole;
    double seconds = 0;
    bool is_whole = read_digits(p, cell, &whole);
    if (UNLIKELY(!is_whole) && !mf_row_time(cell, &is_whole, &whole, &seconds))
        return false;
    if (LIKELY(is_whole && !span->wide_time)) {
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
    const uint64_t key = mf_time_key(is_whole ? (double)whole : seconds);
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

/* A row with the right number of fields; false when it is bad. */
__attribute__((always_inline)) static inline bool
put_row(mf_parser *p, const mf_cell cells[MF_ROLES], bool has_time)
{
    mf_span *span = &p->span;
    float rating;
    uint32_t user = find_user(p, cells[MF_ROLE_USER]);
    uint32_t item = mf_id_map_find(&p->items, cells[MF_ROLE_ITEM]);
    if (UNLIKELY(user == MF_INDEX_NONE) && !may_be_new_id(cells[MF_ROLE_USER]))
        return false;
    if (UNLIKELY(item == MF_INDEX_NONE) && !may_be_new_id(cells[MF_ROLE_ITEM]))
        return false;
    if (UNLIKELY(!read_rating(p, cells[MF_ROLE_RATING], &rating)) ||
        (has_time && UNLIKELY(!put_time(p, cells[MF_ROLE_TIMESTAMP]))))
        return false;
    /* From here on the row is good; only memory or a limit can still stop it. */
    if (UNLIKELY(user == MF_INDEX_NONE))
        user = add_id(p, &p->users, cells[MF_ROLE_USER], p->max_users, "users");
    if (UNLIKELY(item == MF_INDEX_NONE))
        item = add_id(p, &p->items, cells[MF_ROLE_ITEM], p->max_items, "items");
    if (UNLIKELY(p->failed))
        return false;
    const uint32_t at = span->begin + span->n++;
    span->chunk->user[at] = user;
    span->chunk->item[at] = item;
    span->chunk->value[at] = rating;
    return true;
}

static inline mf_cell cell_at(const char *text, const uint32_t *begin, uint32_t field)
{
    return (mf_cell){text + begin[field], begin[field + 1] - begin[field] - 1};
}

static void put_bad_row(mf_parser *p, const mf_cell cells[MF_ROLES])
{
    memcpy(p->cell, cells, MF_ROLES * sizeof *cells);
    on_bad_row(p);
    p->full_gap = 0;
}

/* Reads the complete rows that were noted off the text. */
static void flush_batch(mf_parser *p)
{
    const mf_dialect *dialect = p->dialect;
    const uint32_t n_fields = dialect->n_fields;
    const uint32_t n_batched = p->n_batched;
    const bool is_double = dialect->is_double;
    const bool has_time = dialect->has_time;
    const uint32_t user = dialect->column[MF_ROLE_USER];
    const uint32_t item = dialect->column[MF_ROLE_ITEM];
    const uint32_t rating = dialect->column[MF_ROLE_RATING];
    const uint32_t time = has_time ? dialect->column[MF_ROLE_TIMESTAMP] : 0;
    const char *text = p->text;
    p->n_fields = n_fields;
    for (uint32_t f = 0; f < n_batched && !p->failed; f += n_fields) {
        const uint32_t *begin = p->begin + f;
        while (text[begin[0]] == '\n' || text[begin[0]] == '\r') /* empty lines, CRLF's LF */
            text++;
        const mf_cell cells[MF_ROLES] = {cell_at(text, begin, user), cell_at(text, begin, item),
                                         cell_at(text, begin, rating), cell_at(text, begin, time)};
        /* Under "::" the fields between two colons have to be empty. */
        if (UNLIKELY(is_double))
            for (uint32_t gap = 1; gap < n_fields && p->full_gap == 0; gap += 2)
                if (begin[gap + 1] - begin[gap] > 1)
                    p->full_gap = gap;
        if (UNLIKELY(p->full_gap != 0) || UNLIKELY(!put_row(p, cells, has_time)))
            put_bad_row(p, cells);
        p->row++;
    }
    p->n_rows += n_batched / n_fields;
    p->text = text + p->begin[n_batched];
    p->begin[0] = 0;
    p->n_noted = p->n_batched = p->batch_bytes = 0;
}

/* A row with too few or too many fields, after all rows before it. */
static void take_odd_row(mf_parser *p)
{
    const uint32_t n_fields = p->n_noted - p->n_batched;
    const uint32_t first = p->n_batched;
    const uint32_t n_bytes = p->batch_bytes - p->begin[first];
    uint32_t full_gap = 0;
    if (p->dialect->is_double)
        for (uint32_t gap = 1; gap < n_fields && gap < MF_COLUMNS_MAX && full_gap == 0; gap += 2)
            if (p->begin[first + gap + 1] - p->begin[first + gap] > 1)
                full_gap = gap;
    flush_batch(p);
    while (*p->text == '\n' || *p->text == '\r')
        p->text++;
    p->text += n_bytes;
    p->n_fields = n_fields;
    p->full_gap = full_gap;
    on_bad_row(p);
    p->full_gap = 0;
    p->row++;
    p->n_rows++;
}

static void on_plain_field(void *bytes, size_t n_bytes, void *context)
{
    mf_parser *p = context;
    const uint32_t next = p->n_noted + 1;
    (void)bytes;
    p->n_noted = next;
    p->batch_bytes += (uint32_t)n_bytes + 1;
    if (LIKELY(next <= MF_BATCH_FIELDS)) /* else the row is an odd one */
        p->begin[next] = p->batch_bytes;
}

static void on_plain_row(int end, void *context)
{
    mf_parser *p = context;
    (void)end;
    if (UNLIKELY(p->n_noted - p->n_batched != p->dialect->n_fields)) {
        take_odd_row(p);
        return;
    }
    p->n_batched = p->n_noted;
    if (UNLIKELY(p->n_batched > MF_BATCH_FIELDS - 2 * MF_COLUMNS_MAX))
        flush_batch(p);
}

static void on_field(void *bytes, size_t n_bytes, void *context)
{
    mf_parser *p = context;
    const uint32_t field = p->n_fields++;
    const uint8_t role = p->dialect->role[field < MF_COLUMNS_MAX ? field : MF_COLUMNS_MAX];
    if (p->dialect->is_double && field % 2 == 1 && field < MF_COLUMNS_MAX && n_bytes > 0 &&
        p->full_gap == 0)
        p->full_gap = field;
    mf_cell_keep(&p->copy[role], bytes, n_bytes);
    p->cell[role] = mf_cell_view(&p->copy[role]);
}

static void on_row(int end, void *context)
{
    mf_parser *p = context;
    (void)end;
    p->n_rows++;
    if (!p->failed && (p->n_fields != p->dialect->n_fields || p->full_gap != 0 ||
                       !put_row(p, p->cell, p->dialect->has_time)))
        on_bad_row(p);
    p->row++;
    p->n_fields = 0;
    p->full_gap = 0;
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
    const bool is_plain = parser->dialect->n_fields <= MF_COLUMNS_MAX &&
                          mf_is_plain(bytes, n_bytes, parser->dialect->delimiter);
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
    parser->n_noted = parser->n_batched = parser->batch_bytes = 0;
    parser->begin[0] = 0;
    parser->failed = false;
    parser->err = err;
    parser->span = (mf_span){.chunk = chunk,
                             .begin = chunk->n,
                             .reader = parser->reader,
                             .has_time = parser->dialect->has_time,
                             .n_lines = n_lines};
    bool ok = mf_rows_feed(parser->rows, bytes, n_bytes, field, row, parser, err);
    mf_rows_end(parser->rows, field, row, parser);
    flush_batch(parser);
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
