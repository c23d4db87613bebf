/* columns.c: texts are appended to their column and never moved; a cell that is set again leaves
 * its old text behind. */
#include "items/columns.h"

#include "base/grow.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

bool mf_item_columns_create(mf_item_columns *columns, mf_error *err)
{
    *columns = (mf_item_columns){0};
    columns->column = mf_allocate(MF_COLUMNS_MAX, sizeof *columns->column, "columns of items", err);
    return columns->column != NULL;
}

void mf_item_columns_clear(mf_item_columns *columns)
{
    for (uint32_t c = 0; c < columns->n; c++) {
        mf_text_free(&columns->column[c].text);
        mf_free(columns->column[c].cell);
    }
    mf_free(columns->column);
    mf_free(columns->file_of);
    mf_id_map_clear(&columns->ids);
    *columns = (mf_item_columns){0};
}

void mf_item_columns_begin_file(mf_item_columns *columns)
{
    columns->file++;
    memset(columns->used, 0, sizeof columns->used);
}

uint32_t mf_item_columns_use(mf_item_columns *columns, const char *name, size_t n_bytes)
{
    uint32_t c = 0;
    while (c < columns->n && (strlen(columns->column[c].name) != n_bytes ||
                              memcmp(columns->column[c].name, name, n_bytes) != 0))
        c++;
    if (c == MF_COLUMNS_MAX)
        return MF_INDEX_NONE;
    mf_item_column *column = &columns->column[c];
    if (c == columns->n) {
        columns->n++;
        memcpy(column->name, name, n_bytes);
        column->kind = MF_ATTRIBUTE_KINDS;
    }
    columns->used[c] = true;
    column->is_of_file |= columns->file > 0;
    return c;
}

/* The cells that this file has set in a row that it has again. */
static void forget_row(mf_item_columns *columns)
{
    for (uint32_t c = 0; c < columns->n; c++)
        if (columns->used[c] && columns->row < columns->column[c].capacity)
            columns->column[c].cell[columns->row].n_bytes = 0;
}

bool mf_item_columns_row(mf_item_columns *columns, const char *id, size_t n_bytes, bool *repeated,
                         mf_error *err)
{
    char copy[MF_ID_BYTES_MAX + MF_CELL_READABLE] = {0};
    memcpy(copy, id, n_bytes);
    columns->row = mf_id_map_find(&columns->ids, (mf_cell){copy, n_bytes});
    if (columns->row == MF_INDEX_NONE) {
        columns->row = mf_id_map_add(&columns->ids, copy, n_bytes, columns->ids.n, err);
        if (columns->row == MF_INDEX_NONE ||
            !MF_GROW(columns->file_of, columns->capacity, (size_t)columns->row + 1, "rows of items",
                     err))
            return false;
        *repeated = false;
    } else {
        *repeated = columns->file > 0 && columns->file_of[columns->row] == columns->file;
    }
    if (*repeated)
        forget_row(columns);
    columns->file_of[columns->row] = columns->file;
    return true;
}

static void append_clean(mf_text *text, const char *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes;) {
        const size_t length = mf_utf8_length(bytes + i, n_bytes - i);
        if (length == 0 || mf_utf8_is_control(bytes + i, length))
            mf_text_literal(text, " ");
        else
            mf_text_append(text, bytes + i, length);
        i += length > 0 ? length : 1;
    }
}

bool mf_item_columns_set(mf_item_columns *columns, uint32_t column, const char *text,
                         size_t n_bytes, bool is_next, mf_error *err)
{
    mf_item_column *of = &columns->column[column];
    if (!MF_GROW(of->cell, of->capacity, (size_t)columns->row + 1, "rows of items", err))
        return false;
    mf_item_cell *cell = &of->cell[columns->row];
    const size_t before = of->text.n_bytes;
    if (is_next && cell->n_bytes > 0)
        mf_text_append(&of->text, &(char){MF_ITEMS_SEPARATOR}, 1);
    else
        *cell = (mf_item_cell){before, 0};
    const size_t first = of->text.n_bytes;
    append_clean(&of->text, text, n_bytes);
    if (of->text.failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the values of items");
    while (of->text.n_bytes > first && of->text.bytes[of->text.n_bytes - 1] == ' ')
        of->text.n_bytes--;
    size_t n_blanks = 0;
    while (first + n_blanks < of->text.n_bytes && of->text.bytes[first + n_blanks] == ' ')
        n_blanks++;
    of->text.n_bytes -= n_blanks;
    if (n_blanks > 0)
        memmove(of->text.bytes + first, of->text.bytes + first + n_blanks,
                of->text.n_bytes - first);
    cell->n_bytes = of->text.n_bytes - cell->start;
    columns->n_bytes += of->text.n_bytes - before;
    return columns->n_bytes <= MF_ITEMS_READ_MAX ||
           mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE,
                   "the values of items are more than %d MiB: choose columns with "
                   "item_columns=title,…",
                   MF_ITEMS_READ_MAX / 1024 / 1024);
}

mf_id mf_item_columns_get(const mf_item_column *column, uint32_t row)
{
    if (row >= column->capacity || column->cell[row].n_bytes == 0)
        return (mf_id){"", 0};
    return (mf_id){column->text.bytes + column->cell[row].start, (size_t)column->cell[row].n_bytes};
}
