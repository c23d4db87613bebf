/* file.c: the beginning of a file says how it is written and which column has the ids; then its
 * rows, block by block. Rows of CSV are split one by one, objects of JSON end where their braces
 * do. */
#include "items/headerless.h"
#include "items/state.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "ratings/blocks.h"
#include "ratings/header.h"
#include "ratings/json_rows.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HEAD_BYTES = 64 * 1024, BLOCK_BYTES = 1024 * 1024, KEYS_OF_OBJECTS = 20 };

typedef struct reading {
    mf_items *items;
    const char *name;
    mf_ratings_options how;
    mf_look look;
    mf_blocks blocks;
    mf_buffer buffer;
    uint32_t n_names, step;
    uint32_t item; /* the field of the ids */
    mf_cell_copy names[MF_COLUMNS_MAX];
    uint32_t column[MF_COLUMNS_MAX]; /* of each field; MF_INDEX_NONE: not kept */
    const mf_headerless *form;       /* of a file without a header; NULL: it has one */
    uint32_t genres;                 /* the column of its flags; MF_INDEX_NONE: not kept */
    mf_split split;
    uint64_t line; /* of the next row, from 1 */
    mf_text text;  /* of one field */
} reading;

/* --- the header ---------------------------------------------------------- */

static bool is_json(const reading *r)
{
    return r->look.dialect.text != MF_TEXT_CSV;
}

static uint32_t find_name(const reading *r, const char *name)
{
    const size_t n = strlen(name);
    for (uint32_t c = 0; c < r->n_names; c += r->step)
        if (r->names[c].n_bytes == n && strncasecmp(r->names[c].bytes, name, n) == 0)
            return c;
    return MF_COLUMN_ABSENT;
}

/* The column of the ids: the one that the settings name, one of the usual names, or "id" beside a
 * title. *why: there is none, or a column of users. */
static void find_item(reading *r, char why[MF_RATINGS_REASON_BYTES])
{
    uint32_t column[MF_ROLES], position;
    mf_ratings_options named = {.item_column = r->items->options->item_column};
    if (mf_header_position(named.item_column, &position))
        named.item_column = NULL; /* of a file of ratings */
    mf_header_match(r->names, r->n_names, r->step, &named, MF_FEEDBACK_IMPLICIT, NULL, column);
    if (column[MF_ROLE_ITEM] == MF_COLUMN_ABSENT && named.item_column != NULL) {
        named.item_column = NULL;
        mf_header_match(r->names, r->n_names, r->step, &named, MF_FEEDBACK_IMPLICIT, NULL, column);
    }
    if (column[MF_ROLE_ITEM] == MF_COLUMN_ABSENT &&
        (find_name(r, "title") != MF_COLUMN_ABSENT || find_name(r, "name") != MF_COLUMN_ABSENT))
        column[MF_ROLE_ITEM] = find_name(r, "id");
    r->item = column[MF_ROLE_ITEM];
    if (column[MF_ROLE_USER] != MF_COLUMN_ABSENT)
        snprintf(why, MF_RATINGS_REASON_BYTES, "it has a column of users, %.100s",
                 mf_cell_view(&r->names[column[MF_ROLE_USER]]).bytes);
    else if (r->item == MF_COLUMN_ABSENT || r->n_names <= r->step)
        snprintf(why, MF_RATINGS_REASON_BYTES, "%.300s; %s",
                 r->look.reason[0] != '\0' ? r->look.reason : "no header",
                 r->item == MF_COLUMN_ABSENT ? "no column of item ids (item_column=… names it)"
                                             : "nothing but item ids");
}

static void read_csv_header(reading *r)
{
    mf_csv_form *form = &r->blocks.form;
    const char *head = r->blocks.pending.bytes + r->blocks.begin;
    const size_t n_head = r->blocks.end - r->blocks.begin;
    *form = r->look.dialect.form;
    form->n_fields = r->look.dialect.n_fields;
    r->step = form->is_double ? 2 : 1;
    while (n_head > 0 && r->blocks.begin < r->blocks.end) {
        head = r->blocks.pending.bytes + r->blocks.begin;
        if (mf_split_row(form, head, r->blocks.end - r->blocks.begin, r->blocks.source_ended,
                         &r->split) != MF_SPLIT_ROW)
            return;
        r->blocks.begin += r->split.n_bytes;
        r->line += 1 + r->split.n_line_ends;
        if (!r->split.is_blank)
            break;
    }
    r->n_names = r->split.n_fields < MF_COLUMNS_MAX ? r->split.n_fields : MF_COLUMNS_MAX;
    for (uint32_t c = 0; c < r->n_names; c++)
        r->names[c].n_bytes = mf_field_text(head, &r->split.field[c], r->split.has_escapes,
                                            r->names[c].bytes, MF_COPY_BYTES);
}

/* Of a file that has none the first row, which is read again with the others. */
static void name_columns(reading *r, size_t first)
{
    r->form = mf_headerless_find(r->names, (r->n_names + r->step - 1) / r->step, r->step);
    if (r->form == NULL)
        return;
    r->blocks.begin = first;
    r->line = 1;
    for (uint32_t c = 0; c < r->form->n_names; c++) {
        mf_cell_copy *name = &r->names[c * r->step];
        name->n_bytes = strlen(r->form->names[c]);
        memcpy(name->bytes, r->form->names[c], name->n_bytes);
    }
}

/* Blanks, line ends and what stands between objects; counts lines. */
static size_t skip_between(reading *r, const char *text, size_t n_bytes)
{
    size_t at = 0;
    for (; at < n_bytes && mf_is_between_objects(text[at]); at++)
        r->line += text[at] == '\n';
    return at;
}

static void read_json_keys(reading *r)
{
    const uint64_t line = r->line;
    const char *head = r->blocks.pending.bytes + r->blocks.begin;
    const size_t n_head = r->blocks.end - r->blocks.begin;
    r->blocks.form = r->look.dialect.form;
    r->blocks.cuts_objects = r->look.dialect.text == MF_TEXT_JSON;
    r->step = 1;
    size_t at = skip_between(r, head, n_head);
    for (uint32_t k = 0; k < KEYS_OF_OBJECTS && at < n_head; k++) {
        const size_t n = mf_object_bytes(head + at, n_head - at);
        if (n == 0 || !mf_items_json_keys(head + at, n, r->names, &r->n_names))
            break;
        at += n;
        at += skip_between(r, head + at, n_head - at);
    }
    r->line = line;
}

static void zero_terminate(reading *r)
{
    for (uint32_t c = 0; c < r->n_names; c++)
        if (r->names[c].n_bytes < MF_COPY_BYTES)
            r->names[c].bytes[r->names[c].n_bytes] = '\0';
        else
            r->names[c].bytes[MF_COPY_BYTES - 1] = '\0';
}

/* Opens the file, looks at its first bytes and finds the column of the ids. */
static bool begin(reading *r, const char *path, char why[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    why[0] = '\0';
    mf_source_close(r->blocks.source);
    mf_blocks_clear(&r->blocks);
    r->blocks = (mf_blocks){.block_bytes = BLOCK_BYTES};
    r->n_names = 0;
    r->line = 1;
    r->blocks.source = mf_source_open(path, -1, r->name, r->how.encoding, err);
    if (r->blocks.source == NULL || !mf_blocks_peek(&r->blocks, HEAD_BYTES, err) ||
        !mf_dialect_detect(r->blocks.pending.bytes, r->blocks.end, r->blocks.source_ended, &r->how,
                           &r->look, err))
        return false;
    if (r->look.is_binary || r->look.is_matrix || r->blocks.end == 0) {
        snprintf(why, MF_RATINGS_REASON_BYTES, "%.400s", r->look.reason);
        return true;
    }
    if (r->look.content == MF_RATINGS_READ)
        r->look.dialect.head.n_bytes = 0;
    r->blocks.begin = r->look.dialect.head.n_bytes;
    r->form = NULL;
    if (is_json(r)) {
        read_json_keys(r);
    } else {
        read_csv_header(r);
        name_columns(r, r->look.dialect.head.n_bytes);
    }
    zero_terminate(r);
    find_item(r, why);
    return true;
}

/* --- rows ---------------------------------------------------------------- */

/* The content of a field, in r->text. */
static bool field_text(reading *r, const char *row, uint32_t field, mf_error *err)
{
    const mf_field *of = &r->split.field[field];
    mf_text_clear(&r->text, SIZE_MAX);
    if (!mf_text_reserve(&r->text, of->n_bytes + 1))
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a field");
    r->text.n_bytes = mf_field_text(row, of, r->split.has_escapes, r->text.bytes, of->n_bytes);
    return true;
}

/* Whether the row has the header's width and an id, which is left in r->text, and what is kept
 * of it is UTF-8. Otherwise it is counted as bad. */
static bool check_row(reading *r, const char *row, bool *good, mf_error *err)
{
    const uint32_t n_fields = r->look.dialect.n_fields;
    *good = false;
    if (r->split.n_fields != n_fields) {
        mf_items_bad_row(r->items, r->name, r->line, 1, "the row has %lu fields, the header %lu",
                         (unsigned long)(r->split.n_fields + r->step - 1) / r->step,
                         (unsigned long)(n_fields + r->step - 1) / r->step);
        return true;
    }
    for (uint32_t c = 0; c < r->n_names; c++)
        if ((c == r->item || r->column[c] != MF_INDEX_NONE) &&
            mf_utf8_valid_bytes(row + r->split.field[c].begin, r->split.field[c].n_bytes) <
                r->split.field[c].n_bytes) {
            mf_items_bad_row(r->items, r->name, r->line, r->split.field[c].begin + 1,
                             "%.60s is not UTF-8: encoding=latin1 or windows-1252 may read it",
                             r->names[c].bytes);
            return true;
        }
    if (!field_text(r, row, r->item, err))
        return false;
    *good = mf_id_valid(r->text.bytes, r->text.n_bytes);
    if (!*good)
        mf_items_bad_row(r->items, r->name, r->line, r->split.field[r->item].begin + 1,
                         "%.60s is no id: a text of 1 to %d bytes without control characters",
                         r->names[r->item].bytes, MF_ID_BYTES_MAX);
    return true;
}

/* The flags that are 1, as a list. */
static bool read_flags(reading *r, const char *row, mf_error *err)
{
    bool is_next = false;
    for (uint32_t f = 0; r->genres != MF_INDEX_NONE && f < r->form->n_flags; f++) {
        const mf_field *field = &r->split.field[(r->form->n_names + f) * r->step];
        const char *name = r->form->flags[f];
        if (field->n_bytes != 1 || row[field->begin] != '1')
            continue;
        if (!mf_item_columns_set(&r->items->columns, r->genres, name, strlen(name), is_next, err))
            return false;
        is_next = true;
    }
    return true;
}

static bool read_csv_row(reading *r, const char *row, mf_error *err)
{
    bool good, repeated;
    r->items->facts.n_rows++;
    if (!check_row(r, row, &good, err))
        return false;
    if (!good)
        return true;
    if (!mf_item_columns_row(&r->items->columns, r->text.bytes, r->text.n_bytes, &repeated, err))
        return false;
    r->items->facts.n_repeated += repeated;
    if (r->form != NULL && !read_flags(r, row, err))
        return false;
    for (uint32_t c = 0; c < r->n_names; c += r->step)
        if (r->column[c] != MF_INDEX_NONE &&
            (!field_text(r, row, c, err) ||
             !mf_item_columns_set(&r->items->columns, r->column[c], r->text.bytes, r->text.n_bytes,
                                  false, err)))
            return false;
    return true;
}

static bool read_csv(reading *r, const char *text, size_t n_bytes, mf_error *err)
{
    for (size_t at = 0; at < n_bytes; at += r->split.n_bytes) {
        if (mf_split_row(&r->blocks.form, text + at, n_bytes - at, true, &r->split) != MF_SPLIT_ROW)
            return mf_fail(err, MF_ERR_PARSE, (mf_where){r->name, r->line, 1},
                           "a quote opens and is never closed (quoting=none takes quotes as text)");
        if (!r->split.is_blank && !read_csv_row(r, text + at, err))
            return false;
        r->line += 1 + r->split.n_line_ends;
    }
    return true;
}

static size_t line_bytes(const char *text, size_t n_bytes)
{
    const char *end = memchr(text, '\n', n_bytes);
    return end != NULL ? (size_t)(end - text) : n_bytes;
}

static bool read_json(reading *r, const char *text, size_t n_bytes, mf_error *err)
{
    const bool lines = r->look.dialect.text == MF_TEXT_JSON_LINES;
    for (size_t at = skip_between(r, text, n_bytes); at < n_bytes;) {
        const size_t n_seen = lines ? line_bytes(text + at, n_bytes - at) : n_bytes - at;
        size_t n = text[at] == '{' ? mf_object_bytes(text + at, n_seen) : 0;
        if (n == 0) /* damage: to the line's end */
            n = line_bytes(text + at, n_bytes - at);
        if (!mf_items_json_row(r->items, r->name, r->line, text + at, n, &r->names[r->item], err))
            return false;
        for (size_t i = 0; i < n; i++)
            r->line += text[at + i] == '\n';
        at += n;
        at += skip_between(r, text + at, n_bytes - at);
    }
    return true;
}

static bool read_rows(reading *r, const char *text, size_t n_bytes, mf_error *err)
{
    return is_json(r) ? read_json(r, text, n_bytes, err) : read_csv(r, text, n_bytes, err);
}

static bool fail_flaw(const reading *r, const mf_block *block, mf_error *err)
{
    const mf_where where = {r->name, r->line + block->flaw_line, block->flaw_column};
    if (block->flaw == MF_FLAW_OPEN_QUOTE)
        return mf_fail(err, MF_ERR_PARSE, where,
                       "a quote opens and is never closed (quoting=none takes quotes as text)");
    if (block->flaw == MF_FLAW_OPEN_OBJECT)
        return mf_fail(err, MF_ERR_PARSE, where, "the file ends inside a JSON object");
    return mf_fail(err, MF_ERR_LIMIT, where, "a row is longer than %zu bytes",
                   r->blocks.form.max_row_bytes);
}

static bool read_all(reading *r, mf_error *err)
{
    for (;;) {
        mf_block block;
        if (!mf_blocks_next(&r->blocks, &r->buffer, &block, err) ||
            !read_rows(r, r->buffer.bytes, block.n_bytes, err))
            return false;
        if (block.flaw != MF_FLAW_NONE)
            return fail_flaw(r, &block, err);
        if (block.n_bytes == 0)
            return true;
    }
}

/* The rows that the file begins with. */
static bool read_head(reading *r, mf_error *err)
{
    const char *head = r->blocks.pending.bytes + r->blocks.begin;
    const size_t n_head = r->blocks.end - r->blocks.begin;
    const mf_cut cut =
        r->blocks.cuts_objects
            ? mf_cut_objects(head, n_head, r->blocks.source_ended, r->blocks.form.max_row_bytes)
            : mf_cut_rows(&r->blocks.form, head, n_head, r->blocks.source_ended);
    return read_rows(r, head, cut.n_bytes, err);
}

static void map_fields(reading *r)
{
    r->items->columns.has_keys |= is_json(r);
    mf_items_note_name(r->items, r->names[r->item].bytes, strlen(r->names[r->item].bytes));
    const uint32_t n_named =
        r->form != NULL ? r->form->n_names * r->step : r->n_names; /* behind them are flags */
    r->genres = MF_INDEX_NONE;
    if (r->form != NULL && r->form->n_flags > 0 && !r->items->ids_only)
        r->genres = mf_items_column(r->items, "genres", strlen("genres"));
    if (r->genres != MF_INDEX_NONE)
        r->items->columns.column[r->genres].has_lists = true;
    for (uint32_t c = 0; c < r->n_names; c++) {
        const size_t n = strlen(r->names[c].bytes);
        r->column[c] = MF_INDEX_NONE;
        if (is_json(r) || c == r->item || c % r->step != 0 || c >= n_named || r->items->ids_only)
            continue;
        uint32_t before = 0;
        while (before < c && (before == r->item || before % r->step != 0 ||
                              strcmp(r->names[before].bytes, r->names[c].bytes) != 0))
            before++;
        if (before < c)
            mf_items_omit(r->items, r->names[c].bytes, n, "an earlier column has the same name");
        else
            r->column[c] = mf_items_column(r->items, r->names[c].bytes, n);
    }
}

/* Whether what the file begins with, up to its last line end, is UTF-8. */
static bool begins_in_utf8(const reading *r)
{
    const char *head = r->blocks.pending.bytes + r->blocks.begin;
    size_t n = r->blocks.end - r->blocks.begin;
    while (n > 0 && head[n - 1] != '\n')
        n--;
    return mf_utf8_valid_bytes(head, n) == n;
}

/* MovieLens' files are in Windows-1252, or Latin-1, which is a part of it. */
static bool begin_otherwise(reading *r, const char *path, char why[MF_RATINGS_REASON_BYTES],
                            mf_error *err)
{
    char other[MF_RATINGS_REASON_BYTES];
    if (r->how.encoding != MF_ENCODING_AUTO ||
        !(r->look.is_binary || (r->form != NULL && !begins_in_utf8(r))))
        return true;
    r->how.encoding = MF_ENCODING_WINDOWS_1252;
    if (!begin(r, path, other, err))
        return false;
    if (other[0] == '\0' && r->form != NULL) {
        why[0] = '\0';
        return true;
    }
    r->how.encoding = MF_ENCODING_AUTO;
    return begin(r, path, why, err);
}

bool mf_items_read_file(mf_items *items, const char *path, const char *name,
                        char why[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    reading *r = mf_allocate(1, sizeof *r, "a file of items", err);
    if (r == NULL)
        return false;
    r->items = items;
    r->name = name;
    r->how = (mf_ratings_options){.delimiter = items->options->delimiter,
                                  .quoting = items->options->quoting,
                                  .encoding = items->options->encoding,
                                  .max_row_bytes = items->options->max_row_bytes};
    bool ok = begin(r, path, why, err);
    if (ok && why[0] != '\0' && r->how.delimiter != '\0') {
        r->how.delimiter = '\0'; /* it was that of the ratings */
        ok = begin(r, path, why, err);
    }
    ok = ok && begin_otherwise(r, path, why, err);
    if (ok && why[0] == '\0') {
        map_fields(r);
        ok = items->ids_only ? read_head(r, err) : read_all(r, err);
    }
    mf_source_close(r->blocks.source);
    mf_blocks_clear(&r->blocks);
    mf_buffer_free(&r->buffer);
    mf_text_free(&r->text);
    mf_free(r);
    return ok;
}
