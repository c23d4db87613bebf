/* parse.c: put_usual_row is what nearly every row goes through, put_row what the first row with a
 * new id, value or kind of time goes through. */
#include "ratings/parse.h"

#include "base/memory.h"
#include "ratings/cutter.h"
#include "ratings/draft.h"
#include "ratings/json_rows.h"
#include "ratings/row_error.h"

#include <endian.h>
#include <math.h>

#define LIKELY(condition)   __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)

/* Bytes of a cell of 1 to 8, as a number that no other text of that length has. */
static inline uint64_t cell_text(mf_cell cell)
{
    uint64_t text;
    memcpy(&text, cell.bytes, sizeof text);
    return le64toh(text) << (64 - 8 * cell.n_bytes);
}

/* 1 to 7 bytes and their number, and where in the cache they would be. */
static inline uint64_t rating_text(mf_cell cell, size_t *place)
{
    const uint64_t text = cell_text(cell) >> 8 | (uint64_t)cell.n_bytes << 56;
    *place = (text * UINT64_C(0x9E3779B97F4A7C15)) >> 56;
    return text;
}

/* What the value of a row is read from where there is no column of them. */
static const char one_text[MF_CELL_READABLE] = "1";
static const mf_cell one = {one_text, 1};

/* What counts the rows with this value, which are left out; NULL: they are not. */
static uint64_t *left_out(mf_parser *p, float rating)
{
    if (p->dialect->feedback == MF_FEEDBACK_IMPLICIT && !(rating > 0))
        return &p->counts.n_zero_weights;
    for (uint32_t i = 0; i < p->options->n_not_rated; i++)
        if (p->options->not_rated[i] == rating)
            return &p->counts.n_not_rated;
    return NULL;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

void mf_values_add(mf_values *values, uint32_t bits)
{
    if (values->n > MF_VALUES_COUNTED)
        return;
    for (uint32_t i = 0; i < values->n; i++)
        if (values->bits[i] == bits)
            return;
    if (values->n < MF_VALUES_COUNTED)
        values->bits[values->n] = bits;
    values->n++;
}

/* People give few different ratings: after the first of each it is a look-up. *bits are the float's.
 * A value of rows that are left out is not cached. */
static bool read_rating(mf_parser *p, mf_cell cell, uint32_t *bits, uint64_t **n_left_out)
{
    const bool decimal_comma = p->dialect->decimal_comma;
    const bool is_weight = p->dialect->feedback == MF_FEEDBACK_IMPLICIT;
    size_t place;
    float rating;
    uint64_t text = 0; /* too long for the cache */
    *n_left_out = NULL;
    if (cell.n_bytes - 1 < 7) {
        text = rating_text(cell, &place);
        *bits = p->cache[place].value;
        if (p->cache[place].text == text)
            return true;
    }
    if (!(is_weight ? mf_value_weight(cell, decimal_comma, &rating)
                    : mf_value_rating(cell, decimal_comma, &rating)))
        return false;
    *bits = bits_of(rating);
    *n_left_out = left_out(p, rating);
    if (*n_left_out != NULL)
        return true;
    mf_values_add(&p->values, *bits);
    if (text != 0) {
        p->cache[place].text = text;
        p->cache[place].value = *bits;
    }
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
    mf_draft *draft = &p->draft;
    if (!mf_draft_has_column(draft, MF_COLUMN_TIME_HIGH, p->err))
        return fail(p);
    for (uint32_t r = 0; r < draft->n; r++) {
        const int64_t whole = draft->time_base + (int32_t)draft->column[MF_COLUMN_TIME_LOW][r];
        const uint64_t key = mf_time_key((double)whole);
        draft->column[MF_COLUMN_TIME_LOW][r] = (uint32_t)key;
        draft->column[MF_COLUMN_TIME_HIGH][r] = (uint32_t)(key >> 32);
    }
    draft->wide_time = true;
    return true;
}

/* A time as its key; no key of a time is 0. */
static bool put_key(mf_parser *p, uint64_t key)
{
    if (!p->draft.wide_time && !widen(p))
        return false;
    p->draft.column[MF_COLUMN_TIME_LOW][p->draft.n] = (uint32_t)key;
    p->draft.column[MF_COLUMN_TIME_HIGH][p->draft.n] = (uint32_t)(key >> 32);
    return true;
}

/* Stores the timestamp of the row that is about to be appended, or that it has none. False when
 * there is no memory. */
static inline bool put_time(mf_parser *p, mf_cell cell)
{
    mf_draft *draft = &p->draft;
    const double rate = p->dialect->time_rate;
    int64_t whole;
    double seconds = 0;
    bool is_date = false;
    bool is_whole = mf_cell_digits(cell, &whole);
    if (UNLIKELY(!is_whole) && !mf_value_time(cell, &is_whole, &whole, &seconds, &is_date)) {
        p->counts.n_timeless++;
        return put_key(p, 0);
    }
    if (UNLIKELY(rate != 1) && !is_date) {
        seconds = (is_whole ? (double)whole : seconds) / rate;
        whole = fabs(seconds) < 0x1p53 ? (int64_t)seconds : 0;
        is_whole = (double)whole == seconds;
    }
    if (LIKELY(is_whole && !draft->wide_time)) {
        if (UNLIKELY(draft->n == 0))
            draft->time_base = whole;
        int64_t offset;
        if (!__builtin_sub_overflow(whole, draft->time_base, &offset) &&
            offset == (int32_t)offset) {
            draft->column[MF_COLUMN_TIME_LOW][draft->n] = (uint32_t)offset;
            return true;
        }
    }
    return put_key(p, mf_time_key(is_whole ? (double)whole : seconds));
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

/* Where a field of the row begins; an opening quote counts. What is not there begins where the
 * row ends. */
static const char *field_text(const mf_parser *p, uint32_t field)
{
    if (p->row_begin != NULL)
        return p->row_text + (p->row_begin[field] - p->row_begin[0]);
    if (p->dialect->text != MF_TEXT_CSV || field >= MF_SPLIT_FIELDS)
        return p->row_text;
    if (field < p->split.n_fields) {
        const mf_field *f = &p->split.field[field];
        return p->row_text + f->begin - (f->is_quoted && !f->is_raw);
    }
    const char *end = p->row_text + p->split.n_bytes;
    while (end > p->row_text && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    return end;
}

static void place_bad_row(const mf_parser *p, uint32_t field, mf_bad_row *bad)
{
    const char *line = p->row_text;
    while (line > p->block_text && line[-1] != '\n' && line[-1] != '\r')
        line--;
    bad->field = field;
    bad->line = mf_count_lines(p->block_text, (size_t)(line - p->block_text));
    /* A block of objects may begin anywhere on a line: then the column is not known. */
    bad->column =
        p->dialect->text == MF_TEXT_JSON ? 0 : (uint64_t)(field_text(p, field) - line) + 1;
}

static void on_bad_row(mf_parser *p)
{
    if (p->failed)
        return;
    if (p->full_gap == 0 && mf_row_is_header(p)) {
        p->counts.n_rows--;
        p->counts.n_header_rows++;
        return;
    }
    p->counts.n_bad_rows++;
    const bool is_header = p->full_gap == 0 && mf_row_is_other_header(p);
    if (p->n_named == MF_RATINGS_BAD_ROWS_NAMED && !is_header)
        return;
    p->n_named -= p->n_named == MF_RATINGS_BAD_ROWS_NAMED;
    mf_bad_row *bad = &p->bad[p->n_named++];
    *bad = (mf_bad_row){.block = p->block, .row = p->row, .is_header = is_header};
    uint32_t field;
    mf_row_explain(p, &field, &bad->error);
    place_bad_row(p, field, bad);
}

/* Nothing but delimiters. */
static void on_blank_row(mf_parser *p)
{
    p->counts.n_rows--;
    p->counts.n_blank_rows++;
}

/* A row as nearly all are: ids that are known small integers, a rating that was met
 * before, a timestamp near the others. False, and nothing is done, when it is not:
 * then put_row. Worth 16 % of reading. Changes only *draft, so that it can be the caller's own and
 * stay in registers. */
__attribute__((always_inline)) static inline bool
put_usual_row(const mf_parser *p, mf_draft *draft, const mf_cell cells[MF_ROLES], bool has_time)
{
    const mf_cell rating = cells[MF_ROLE_VALUE];
    const uint32_t at = draft->n;
    const uint32_t user = mf_id_map_find_direct(&p->users, cells[MF_ROLE_USER]);
    if (UNLIKELY(user == MF_INDEX_NONE))
        return false;
    const uint32_t item = mf_id_map_find_direct(&p->items, cells[MF_ROLE_ITEM]);
    if (UNLIKELY(item == MF_INDEX_NONE) || UNLIKELY(rating.n_bytes - 1 >= 7))
        return false;
    size_t place;
    const uint64_t text = rating_text(rating, &place);
    if (UNLIKELY(p->cache[place].text != text))
        return false;
    if (has_time) {
        int64_t whole;
        if (UNLIKELY(!mf_cell_digits(cells[MF_ROLE_TIMESTAMP], &whole)))
            return false;
        int64_t offset;
        if (UNLIKELY(at == 0 || draft->wide_time) ||
            UNLIKELY(__builtin_sub_overflow(whole, draft->time_base, &offset)) ||
            UNLIKELY(offset != (int32_t)offset))
            return false;
        draft->column[MF_COLUMN_TIME_LOW][at] = (uint32_t)offset;
    }
    draft->column[MF_COLUMN_USER][at] = user;
    draft->column[MF_COLUMN_ITEM][at] = item;
    draft->column[MF_COLUMN_VALUE][at] = p->cache[place].value;
    draft->n = at + 1;
    return true;
}

/* A row with the right number of fields, which are in p->cell too; false when it is
 * bad. */
static bool put_row(mf_parser *p, const mf_cell cells[MF_ROLES], bool has_time)
{
    mf_draft *draft = &p->draft;
    uint32_t value;
    uint64_t *n_left_out;
    if (p->header_is_good && mf_row_is_header(p)) {
        p->counts.n_rows--;
        p->counts.n_header_rows++;
        return true;
    }
    if (p->header_is_good && (p->rating.n_bytes > 0 || mf_row_is_other_header(p)))
        return false;
    uint32_t user = mf_id_map_find(&p->users, cells[MF_ROLE_USER]);
    uint32_t item = mf_id_map_find(&p->items, cells[MF_ROLE_ITEM]);
    if (UNLIKELY(user == MF_INDEX_NONE) && !may_be_new_id(cells[MF_ROLE_USER]))
        return false;
    if (UNLIKELY(item == MF_INDEX_NONE) && !may_be_new_id(cells[MF_ROLE_ITEM]))
        return false;
    if (UNLIKELY(!read_rating(p, cells[MF_ROLE_VALUE], &value, &n_left_out)))
        return false;
    if (UNLIKELY(n_left_out != NULL)) {
        ++*n_left_out;
        return true;
    }
    if (has_time && UNLIKELY(!put_time(p, cells[MF_ROLE_TIMESTAMP])))
        return false;
    /* From here on the row is good; only memory or a limit can still stop it. */
    if (UNLIKELY(user == MF_INDEX_NONE))
        user = add_id(p, &p->users, cells[MF_ROLE_USER], p->max_users, "users");
    if (UNLIKELY(item == MF_INDEX_NONE))
        item = add_id(p, &p->items, cells[MF_ROLE_ITEM], p->max_items, "items");
    if (UNLIKELY(p->failed))
        return false;
    draft->column[MF_COLUMN_USER][draft->n] = user;
    draft->column[MF_COLUMN_ITEM][draft->n] = item;
    draft->column[MF_COLUMN_VALUE][draft->n++] = value;
    return true;
}

static inline mf_cell cell_at(const char *text, const uint32_t *begin, uint32_t field)
{
    return (mf_cell){text + begin[field], begin[field + 1] - begin[field] - 1};
}

/* Where the fields of a batch's rows are, and what is in them. */
typedef struct layout {
    uint32_t n_fields;
    uint32_t column[MF_ROLES];
    bool has_time;
    bool has_value;
    bool is_double;
    bool is_careful; /* rows go the slow way, see header_is_good */
} layout;

static inline mf_cell value_at(const char *text, const uint32_t *begin, const layout *at)
{
    return at->has_value ? cell_at(text, begin, at->column[MF_ROLE_VALUE]) : one;
}

/* The cell, or nothing if it says that there is nothing. */
static mf_cell present(mf_cell cell)
{
    return (mf_cell){cell.bytes, mf_value_is_missing(cell) ? 0 : cell.n_bytes};
}

/* The row that begins at *begin, which the quick way left alone. */
static void put_unusual_row(mf_parser *p, const char *text, const uint32_t *begin, const layout *at)
{
    for (int role = 0; role < MF_ROLES; role++)
        p->cell[role] = cell_at(text, begin, at->column[role]);
    p->cell[MF_ROLE_VALUE] = value_at(text, begin, at);
    if (p->dialect->has_empty_values)
        p->rating = present(cell_at(text, begin, p->dialect->empty_values));
    p->row_text = text + begin[0];
    p->row_begin = begin;
    if (begin[at->n_fields] - begin[0] == at->n_fields) {
        on_blank_row(p);
        return;
    }
    /* Under "::" the fields between two colons have to be empty. */
    if (at->is_double)
        for (uint32_t gap = 1; gap < at->n_fields && p->full_gap == 0; gap += 2)
            if (begin[gap + 1] - begin[gap] > 1)
                p->full_gap = gap;
    if (p->full_gap != 0 || !put_row(p, p->cell, at->has_time))
        on_bad_row(p);
    p->full_gap = 0;
}

/* Reads the complete rows that were noted off the text. That some hundred rows are read at a time
 * is worth 10 % of reading, and 20 % of shuffled rows, whose ids are far apart: nothing stands
 * between the look-ups. Inlined with what is known of the layout (5 %). */
__attribute__((always_inline)) static inline void flush_rows(mf_parser *p, const layout at)
{
    const uint32_t n_batched = p->n_batched;
    const uint32_t first_row = p->row;
    const char *text = p->text;
    mf_draft draft = p->draft;
    uint32_t row = first_row;
    for (uint32_t f = 0; f < n_batched; f += at.n_fields, row++) {
        const uint32_t *begin = p->begin + f;
        while (UNLIKELY(text[begin[0]] == '\n' || text[begin[0]] == '\r'))
            text++; /* empty lines, CRLF's LF */
        const mf_cell cells[MF_ROLES] = {
            cell_at(text, begin, at.column[0]), cell_at(text, begin, at.column[1]),
            value_at(text, begin, &at), cell_at(text, begin, at.column[3])};
        bool is_usual = !at.is_careful;
        if (at.is_double)
            for (uint32_t gap = 1; gap < at.n_fields; gap += 2)
                is_usual &= begin[gap + 1] - begin[gap] == 1;
        if (LIKELY(is_usual && put_usual_row(p, &draft, cells, at.has_time)))
            continue;
        p->row = row;
        p->draft = draft;
        put_unusual_row(p, text, begin, &at);
        draft = p->draft;
        if (UNLIKELY(p->failed))
            break;
    }
    p->row = first_row + n_batched / at.n_fields;
    p->draft = draft;
    p->text = text;
}

__attribute__((noinline)) static void flush_batch(mf_parser *p)
{
    const mf_dialect *d = p->dialect;
    const bool has_time = d->has_time;
    const layout general = {d->n_fields,
                            {d->column[MF_ROLE_USER], d->column[MF_ROLE_ITEM],
                             d->has_value ? d->column[MF_ROLE_VALUE] : 0,
                             has_time ? d->column[MF_ROLE_TIMESTAMP] : 0},
                            has_time,
                            d->has_value,
                            d->form.is_double,
                            p->header_is_good || d->time_rate != 1};
    const layout usual = {4, {0, 1, 2, 3}, true, true, false, false};
    p->n_fields = d->n_fields;
    p->counts.n_rows += p->n_batched / d->n_fields;
    if (d->n_fields == usual.n_fields && has_time && d->has_value && !d->form.is_double &&
        !general.is_careful && memcmp(general.column, usual.column, sizeof usual.column) == 0)
        flush_rows(p, usual);
    else
        flush_rows(p, general);
    p->text += p->begin[p->n_batched];
    p->begin[0] = 0;
    p->n_noted = p->n_batched = p->batch_bytes = 0;
}

/* A row with too few or too many fields, after all rows before it. */
__attribute__((noinline)) static void take_odd_row(mf_parser *p)
{
    const uint32_t n_fields = p->n_noted - p->n_batched;
    const uint32_t first = p->n_batched;
    const uint32_t n_bytes = p->batch_bytes - p->begin[first];
    uint32_t full_gap = 0;
    if (p->dialect->form.is_double)
        for (uint32_t gap = 1; gap < n_fields && gap < MF_COLUMNS_MAX && full_gap == 0; gap += 2)
            if (p->begin[first + gap + 1] - p->begin[first + gap] > 1)
                full_gap = gap;
    flush_batch(p);
    while (*p->text == '\n' || *p->text == '\r')
        p->text++;
    p->row_text = p->text;
    p->row_begin = p->begin + first;
    p->text += n_bytes;
    p->n_fields = n_fields;
    p->full_gap = full_gap;
    p->counts.n_rows++;
    if (n_bytes == n_fields)
        on_blank_row(p);
    else
        on_bad_row(p);
    p->full_gap = 0;
    p->row++;
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

/* The row that was split, in its cells; false when it does not have its fields. */
static bool fill_cells(mf_parser *p)
{
    const mf_dialect *d = p->dialect;
    const mf_split *split = &p->split;
    for (int role = 0; role < MF_ROLES; role++) {
        const uint32_t column = d->column[role];
        if (column >= split->n_fields || column >= MF_SPLIT_FIELDS)
            continue;
        const mf_field *field = &split->field[column];
        p->cell[role] = (mf_cell){p->row_text + field->begin, field->n_bytes};
        if (!field->is_raw)
            continue;
        p->copy[role].n_bytes = mf_field_text(p->row_text, field, split->has_escapes,
                                              p->copy[role].bytes, MF_COPY_BYTES);
        p->cell[role] = mf_cell_view(&p->copy[role]);
    }
    if (!d->has_value)
        p->cell[MF_ROLE_VALUE] = one;
    if (d->has_empty_values) {
        const mf_field *field = &split->field[d->empty_values];
        p->rating = d->empty_values < split->n_fields
                        ? present((mf_cell){p->row_text + field->begin, field->n_bytes})
                        : (mf_cell){p->row_text, 0};
    }
    for (uint32_t gap = 1;
         d->form.is_double && gap < split->n_fields && gap < MF_SPLIT_FIELDS && p->full_gap == 0;
         gap += 2)
        if (split->field[gap].n_bytes > 0)
            p->full_gap = gap;
    p->n_fields = split->n_fields;
    p->is_outside = d->head.matrix.is_known && mf_row_is_outside(p, &(int){0});
    return split->n_fields == d->n_fields && p->full_gap == 0 && !p->is_outside;
}

static bool is_careful(const mf_parser *p)
{
    return p->header_is_good || p->dialect->time_rate != 1;
}

static void put_cells(mf_parser *p)
{
    const bool has_time = p->dialect->has_time;
    if ((is_careful(p) || !put_usual_row(p, &p->draft, p->cell, has_time)) &&
        !put_row(p, p->cell, has_time))
        on_bad_row(p);
}

/* A block of CSV row by row. It is split as it was cut, with the same text after it. */
static void read_rows(mf_parser *p, const char *bytes, const mf_block *block)
{
    p->row_begin = NULL;
    for (size_t at = 0; at < block->n_bytes && !p->failed; at += p->split.n_bytes) {
        if (mf_split_row(&p->dialect->form, bytes + at, block->n_seen - at, block->is_last,
                         &p->split) != MF_SPLIT_ROW) {
            mf_fail(p->err, MF_ERR_PARSE, MF_NOWHERE, "a block that was cut inside a row");
            fail(p);
            return;
        }
        p->counts.n_in_fields += p->split.n_line_ends;
        if (p->split.is_blank) {
            p->counts.n_blank_rows++;
            continue;
        }
        p->row_text = bytes + at;
        p->counts.n_rows++;
        if (fill_cells(p))
            put_cells(p);
        else
            on_bad_row(p);
        p->row++;
        p->full_gap = 0;
    }
}

/* False: the user can be none, or there is no memory. */
static bool put_tombstone(mf_parser *p)
{
    const mf_cell user = p->cell[MF_ROLE_USER];
    double until = (double)INFINITY;
    bool is_whole;
    bool is_date;
    int64_t whole;
    if (!may_be_new_id(user))
        return false;
    if (p->dialect->has_time && p->cell[MF_ROLE_TIMESTAMP].n_bytes > 0 &&
        mf_value_time(p->cell[MF_ROLE_TIMESTAMP], &is_whole, &whole, &until, &is_date) && !is_date)
        until /= p->dialect->time_rate;
    if (!mf_tombstones_add(&p->tombstones, user, until, p->err))
        return fail(p);
    p->counts.n_tombstones++;
    return true;
}

/* A block of JSON object by object. */
static void read_objects(mf_parser *p, const char *bytes, size_t n_bytes)
{
    size_t at = 0;
    size_t begin;
    bool line_has_row = false;
    p->row_begin = NULL;
    p->n_fields = p->dialect->n_fields;
    while (!p->failed) {
        const size_t before = at;
        p->missing_role = MF_ROLES;
        p->damage[0] = '\0';
        const mf_json_row row = mf_json_read(p->dialect, bytes, n_bytes, &at, &begin, p->copy,
                                             &p->missing_role, p->damage);
        if (p->dialect->text == MF_TEXT_JSON_LINES) {
            /* Line ends between two objects: the first of them ends the line of the first. */
            const size_t n_lines = mf_count_lines(bytes + before, begin - before);
            p->counts.n_blank_rows += n_lines - (line_has_row && n_lines > 0);
            line_has_row = at > begin && bytes[at - 1] != '\n';
        }
        if (row == MF_JSON_NONE)
            break;
        p->row_text = bytes + begin;
        p->counts.n_rows++;
        for (int role = 0; role < MF_ROLES; role++)
            p->cell[role] = mf_cell_view(&p->copy[role]);
        if (p->dialect->has_empty_values)
            p->rating = present(p->cell[MF_ROLE_VALUE]);
        if (!p->dialect->has_value)
            p->cell[MF_ROLE_VALUE] = one;
        if (row == MF_JSON_CELLS)
            put_cells(p);
        else if (row == MF_JSON_NOT_RATED)
            p->counts.n_not_rated++;
        else if (row != MF_JSON_FORGET || !put_tombstone(p))
            on_bad_row(p);
        p->row++;
    }
}

static void read_plain(mf_parser *p, const char *bytes, size_t n_bytes, size_t n_lines)
{
    const uint64_t n_before = p->counts.n_rows + p->counts.n_blank_rows + p->counts.n_header_rows;
    if (!mf_rows_feed(p->rows, bytes, n_bytes, on_plain_field, on_plain_row, p, p->err))
        fail(p);
    mf_rows_end(p->rows, on_plain_field, on_plain_row, p);
    flush_batch(p);
    /* libcsv reports no row for an empty line. */
    const uint64_t n_reported =
        p->counts.n_rows + p->counts.n_blank_rows + p->counts.n_header_rows - n_before;
    p->counts.n_blank_rows += n_lines - n_reported;
}

bool mf_parser_begin(mf_parser *parser, const mf_dialect *dialect, mf_error *err)
{
    parser->dialect = dialect;
    parser->header_is_good = dialect->has_header && !dialect->has_value;
    parser->cell[MF_ROLE_VALUE] = one;
    parser->counts = (mf_row_counts){0};
    parser->n_named = 0;
    parser->low = INFINITY;
    parser->high = -INFINITY;
    parser->first = (double)INFINITY;
    parser->last = -(double)INFINITY;
    parser->rows = mf_rows_create(dialect->form.delimiter, err);
    return parser->rows != NULL;
}

/* The shortest object that can be a row: {"a":1,"b":2} */
enum { LEAST_OBJECT_BYTES = 13 };

bool mf_parser_block(mf_parser *parser, uint64_t number, const char *bytes, const mf_block *block,
                     mf_span *span, mf_error *err)
{
    const mf_dialect *dialect = parser->dialect;
    const mf_survey survey = mf_survey_block(bytes, block->n_bytes, dialect->form.delimiter);
    const bool is_json = dialect->text != MF_TEXT_CSV;
    const bool is_plain =
        survey.is_plain && !is_json && !dialect->form.is_run && dialect->n_fields <= MF_COLUMNS_MAX;
    const size_t n_lines =
        survey.n_lines + (block->n_bytes > 0 && bytes[block->n_bytes - 1] != '\n' &&
                          bytes[block->n_bytes - 1] != '\r');
    const size_t n_most = is_json ? block->n_bytes / LEAST_OBJECT_BYTES + 1 : n_lines + 1;
    *span = (mf_span){0};
    if (n_most >= UINT32_MAX)
        return mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "a block of more than 2^32 rows");
    *span = (mf_span){
        .reader = parser->reader, .has_time = dialect->has_time, .n_lines = survey.n_lines};
    if (!mf_draft_begin(parser, n_most, err))
        return false;
    parser->block = number;
    parser->row = 0;
    parser->text = parser->block_text = bytes;
    parser->n_fields = 0;
    parser->full_gap = 0;
    parser->is_outside = false;
    parser->rating.n_bytes = 0;
    parser->n_noted = parser->n_batched = parser->batch_bytes = 0;
    parser->begin[0] = 0;
    parser->failed = false;
    parser->err = err;
    if (is_plain)
        read_plain(parser, bytes, block->n_bytes, n_lines);
    else if (is_json)
        read_objects(parser, bytes, block->n_bytes);
    else
        read_rows(parser, bytes, block);
    return mf_draft_keep(parser, span, err) && !parser->failed;
}

void mf_parser_end(mf_parser *parser)
{
    mf_rows_destroy(parser->rows);
    parser->rows = NULL;
}

void mf_parser_clear(mf_parser *parser)
{
    mf_draft_clear(&parser->draft);
    mf_parser_end(parser);
    mf_id_map_clear(&parser->users);
    mf_id_map_clear(&parser->items);
    mf_free(parser->tombstones.tombstone);
    mf_store_clear(&parser->store);
}
