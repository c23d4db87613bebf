/* sample.c: what the first rows say without settings. Most functions stop at the first row that
 * differs. */
#include "ratings/sample.h"

#include "base/utf8.h"
#include "csv/column_names.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { HEADER_WIDTH_OF_RUNS = 8, LEAST_MATRIX = 5 };

/* The width of the first two rows when quotes are text; 0: they differ. A quote in a row is read by
 * the width that rows have (split_row.h), which the first row is read without otherwise. */
static uint32_t plain_width(const mf_csv_form *form, const char *head, size_t n_head, bool is_all)
{
    uint32_t width = 0;
    uint32_t n_rows = 0;
    mf_split split;
    mf_csv_form plain = *form;
    plain.quoting = MF_QUOTING_NONE;
    plain.n_fields = 0;
    for (size_t at = 0; at < n_head && n_rows < 2; at += split.n_bytes) {
        if (mf_split_row(&plain, head + at, n_head - at, is_all, &split) != MF_SPLIT_ROW)
            return 0;
        if (split.is_blank)
            continue;
        if (n_rows++ > 0 && split.n_fields != width)
            return 0;
        width = split.n_fields;
    }
    return width;
}

void mf_sample_take(mf_sample *s, const mf_csv_form *form, const char *head, size_t n_head,
                    bool is_all)
{
    size_t at = 0;
    s->form = *form;
    s->form.n_fields =
        form->quoting == MF_QUOTING_AUTO && form->delimiter != ',' && form->delimiter != ';'
            ? plain_width(form, head, n_head, is_all)
            : 0;
    s->head = head;
    s->n_rows = 0;
    while (at < n_head && s->n_rows < MF_SAMPLE_ROWS) {
        mf_split *row = &s->row[s->n_rows];
        if (mf_split_row(&s->form, head + at, n_head - at, is_all, row) != MF_SPLIT_ROW)
            return;
        s->at[s->n_rows] = at;
        at += row->n_bytes;
        if (row->is_blank)
            continue;
        if (s->n_rows == 0)
            s->form.n_fields = row->n_fields;
        s->n_rows++;
    }
}

uint32_t mf_sample_step(const mf_sample *s)
{
    return s->form.is_double ? 2 : 1;
}

uint32_t mf_sample_cells(const mf_sample *s, uint32_t row)
{
    return s->row[row].n_fields < MF_COLUMNS_MAX ? s->row[row].n_fields : MF_COLUMNS_MAX;
}

uint32_t mf_sample_columns(const mf_sample *s)
{
    return s->n_rows > 0 ? (s->row[0].n_fields + mf_sample_step(s) - 1) / mf_sample_step(s) : 0;
}

mf_cell mf_sample_cell(const mf_sample *s, uint32_t row, uint32_t column, mf_cell_copy *copy)
{
    copy->n_bytes = 0;
    if (row < s->n_rows && column < mf_sample_cells(s, row))
        copy->n_bytes = mf_field_text(s->head + s->at[row], &s->row[row].field[column],
                                      s->row[row].has_escapes, copy->bytes, MF_COPY_BYTES);
    return mf_cell_view(copy);
}

bool mf_sample_gaps_are_empty(const mf_sample *s, uint32_t row)
{
    if (!s->form.is_double)
        return true;
    for (uint32_t c = 1; c < mf_sample_cells(s, row); c += 2)
        if (s->row[row].field[c].n_bytes != 0)
            return false;
    return s->row[row].n_fields % 2 == 1;
}

bool mf_sample_has_times(const mf_sample *s, uint32_t first, uint32_t column, mf_time_unit *unit)
{
    mf_cell_copy copy;
    for (uint32_t row = first; row < s->n_rows; row++)
        if (mf_value_time_unit(mf_sample_cell(s, row, column, &copy), unit))
            return true;
    return false;
}

bool mf_sample_has_days(const mf_sample *s, uint32_t first, uint32_t column)
{
    mf_cell_copy copy;
    mf_time_unit unit;
    const mf_cell cell = mf_sample_cell(s, first, column, &copy);
    return cell.n_bytes == strlen("2005-04-02") && mf_value_time_unit(cell, &unit) &&
           unit == MF_TIME_DATES;
}

mf_looks mf_sample_looks(const mf_sample *s, uint32_t first, uint32_t column)
{
    mf_cell_copy copy;
    mf_looks looks = MF_LOOKS_OTHER;
    for (uint32_t row = first; row < s->n_rows; row++) {
        const mf_cell cell = mf_sample_cell(s, row, column, &copy);
        if (mf_value_is_missing(cell))
            continue;
        const mf_looks own = mf_header_looks(cell);
        if (own == MF_LOOKS_OTHER || (looks != MF_LOOKS_OTHER && own != looks))
            return MF_LOOKS_OTHER;
        looks = own;
    }
    return looks;
}

bool mf_sample_is_table_of_runs(const mf_sample *s)
{
    if (!s->form.is_run)
        return true;
    for (uint32_t row = 1; row < s->n_rows; row++)
        if (s->row[row].n_fields != s->row[0].n_fields)
            return false;
    return s->n_rows > 1 && s->row[0].n_fields <= HEADER_WIDTH_OF_RUNS;
}

bool mf_sample_has_row_names(const mf_sample *s)
{
    for (uint32_t row = 1; row < s->n_rows; row++)
        if (s->row[row].n_fields != s->row[0].n_fields + mf_sample_step(s))
            return false;
    return s->n_rows > 2;
}

bool mf_sample_begins_with_role(const mf_sample *s)
{
    mf_cell_copy copy;
    const mf_cell cell = mf_sample_cell(s, 0, 0, &copy);
    return cell.n_bytes <= MF_COPY_BYTES &&
           (mf_column_name_among(cell.bytes, cell.n_bytes, mf_column_user_names) ||
            mf_column_name_among(cell.bytes, cell.n_bytes, mf_column_item_names));
}

bool mf_sample_counts_columns(const mf_sample *s)
{
    mf_cell_copy copy;
    for (uint32_t c = 0; c < mf_sample_columns(s); c++)
        if (mf_cell_small_integer(mf_sample_cell(s, 0, c * mf_sample_step(s), &copy)) != c)
            return false;
    return true;
}

static bool is_text(mf_cell cell)
{
    const size_t n = cell.n_bytes < MF_COPY_BYTES ? cell.n_bytes : MF_COPY_BYTES;
    for (size_t i = 0; i < n;) {
        const size_t length = mf_utf8_length(cell.bytes + i, n - i);
        if (length == 0)
            return n - i < 4 && cell.n_bytes > MF_COPY_BYTES; /* cut inside a character */
        if (mf_utf8_is_control(cell.bytes + i, length) && !strchr("\t\r\n\f", cell.bytes[i]))
            return false;
        i += length;
    }
    return true;
}

bool mf_sample_is_binary(const mf_sample *s)
{
    mf_cell_copy copy;
    for (uint32_t c = 0; c < mf_sample_cells(s, 0); c++)
        if (!is_text(mf_sample_cell(s, 0, c, &copy)))
            return true;
    return false;
}

bool mf_sample_is_matrix(const mf_sample *s, bool is_data)
{
    mf_cell_copy copy;
    uint32_t n_numbers = 0;
    const bool is_named =
        !is_data && (mf_sample_begins_with_role(s) || mf_sample_cell(s, 0, 0, &copy).n_bytes == 0);
    if (mf_sample_columns(s) < (is_named ? 3 : LEAST_MATRIX) || s->n_rows < 2)
        return false;
    for (uint32_t row = !is_data; row < s->n_rows; row++) {
        if (s->row[row].n_fields != s->row[0].n_fields)
            return false;
        for (uint32_t c = mf_sample_step(s); c < mf_sample_cells(s, row); c += mf_sample_step(s)) {
            const mf_cell cell = mf_sample_cell(s, row, c, &copy);
            float value;
            if (!mf_value_is_missing(cell) &&
                (!mf_value_rating(cell, true, &value) || fabsf(value) > 100))
                return false;
            n_numbers += !mf_value_is_missing(cell);
        }
    }
    if (n_numbers == 0)
        return false;
    /* Columns without a name, with one that ends in "id" or with a usual one are those of a table. */
    for (uint32_t c = mf_sample_step(s); !is_data && c < mf_sample_cells(s, 0);
         c += mf_sample_step(s)) {
        const mf_cell name = mf_sample_cell(s, 0, c, &copy);
        if (name.n_bytes == 0)
            return false;
        if (name.n_bytes >= 2 && name.n_bytes <= MF_COPY_BYTES &&
            (strncasecmp(name.bytes + name.n_bytes - 2, "id", 2) == 0 || mf_header_is_usual(name)))
            return false;
    }
    return true;
}

bool mf_sample_may_be_items(const mf_sample *s)
{
    mf_cell_copy copy;
    const mf_cell first = mf_sample_cell(s, 0, 0, &copy);
    if (s->n_rows == 0 || first.n_bytes > MF_COPY_BYTES ||
        !mf_column_name_among(first.bytes, first.n_bytes, mf_column_item_names))
        return false;
    for (size_t i = 0; i < s->row[0].n_bytes; i++)
        if (isdigit((unsigned char)s->head[s->at[0] + i]))
            return false;
    for (uint32_t row = 1; row < s->n_rows; row++)
        for (uint32_t c = 0; c < mf_sample_cells(s, row); c += mf_sample_step(s))
            if (mf_value_is_missing(mf_sample_cell(s, row, c, &copy)))
                return false;
    return true;
}

bool mf_sample_begins_with_names(const mf_sample *s)
{
    mf_cell_copy copy;
    for (uint32_t c = 0; c < mf_sample_cells(s, 0); c += mf_sample_step(s)) {
        const mf_cell cell = mf_sample_cell(s, 0, c, &copy);
        for (size_t i = 0; i < cell.n_bytes && i < MF_COPY_BYTES; i++)
            if (isdigit((unsigned char)cell.bytes[i]))
                return false;
    }
    for (uint32_t c = 0; s->n_rows > 1 && c < mf_sample_cells(s, 1); c += mf_sample_step(s)) {
        const mf_cell cell = mf_sample_cell(s, 1, c, &copy);
        for (size_t i = 0; i < cell.n_bytes && i < MF_COPY_BYTES; i++)
            if (isdigit((unsigned char)cell.bytes[i]))
                return true;
    }
    return false;
}

char mf_sample_other_delimiter(const mf_sample *s)
{
    for (const char *c = "^~:,;|!$%&*/="; s->n_rows > 1 && *c != '\0'; c++) {
        uint32_t most = 0;
        uint32_t least = UINT32_MAX;
        for (uint32_t row = 0; row < s->n_rows; row++) {
            uint32_t n = 0;
            for (size_t i = 0; i < s->row[row].n_bytes; i++)
                n += s->head[s->at[row] + i] == *c;
            most = n > most ? n : most;
            least = n < least ? n : least;
        }
        if (least == most && least >= 2)
            return *c;
    }
    return '\0';
}
