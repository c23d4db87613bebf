/* dialect.c: the first rows are read under each delimiter, then looked at in three ways: ratings
 * with a header, ratings without one, implicit feedback. The first way that fits under any
 * delimiter wins. */
#include "ratings/dialect.h"

#include "base/memory.h"
#include "ratings/cutter.h"
#include "ratings/format.h"
#include "ratings/header.h"
#include "ratings/json_rows.h"
#include "ratings/matrix_market.h"
#include "ratings/reason.h"
#include "ratings/sample.h"

#include <ctype.h>
#include <strings.h>

enum { MOST_ABOVE_HEADER = 5, NAMES_BELOW = 32 };

/* The most particular one first: it wins where several explain a text as well. */
static const struct {
    char delimiter;
    bool is_double;
    bool is_run;
} candidates[] = {{':', true, false},  {',', false, false}, {'\t', false, false},
                  {';', false, false}, {'|', false, false}, {'\x01', false, false},
                  {' ', false, true}};
enum { N_CANDIDATES = sizeof candidates / sizeof candidates[0] };

/* What is looked at, and with what. */
typedef struct search {
    const char *head; /* behind the mark and what is skipped */
    size_t n_head;
    bool is_all;
    const mf_ratings_options *options;
    mf_sample samples[N_CANDIDATES];
    uint32_t n_samples;
    mf_cell_copy names[MF_COLUMNS_MAX];
} search;

static bool is_number(const search *f, mf_cell cell)
{
    float value;
    return mf_value_rating(cell, f->options->decimal_comma, &value);
}

static bool is_id(mf_cell cell)
{
    return cell.n_bytes <= MF_ID_BYTES_MAX && mf_id_valid(cell.bytes, cell.n_bytes);
}

/* Rows of data have a number in them, or nothing where one would be. Names of columns do not. */
static bool is_data_row(const search *f, const mf_sample *s, uint32_t row)
{
    mf_cell_copy copy;
    for (uint32_t c = 0; c < mf_sample_cells(s, row); c += mf_sample_step(s)) {
        const mf_cell cell = mf_sample_cell(s, row, c, &copy);
        if (is_number(f, cell) || (c > 0 && c + 1 < mf_sample_cells(s, row) && cell.n_bytes == 0) ||
            (cell.n_bytes > 0 && mf_value_is_missing(cell)))
            return true;
    }
    return false;
}

/* The row can be read with these columns. */
static bool row_fits(const search *f, const mf_sample *s, uint32_t row,
                     const uint32_t column[MF_ROLES])
{
    mf_cell_copy copy;
    return s->row[row].n_fields == s->row[0].n_fields && mf_sample_gaps_are_empty(s, row) &&
           is_id(mf_sample_cell(s, row, column[MF_ROLE_USER], &copy)) &&
           is_id(mf_sample_cell(s, row, column[MF_ROLE_ITEM], &copy)) &&
           (column[MF_ROLE_VALUE] == MF_COLUMN_ABSENT ||
            is_number(f, mf_sample_cell(s, row, column[MF_ROLE_VALUE], &copy)));
}

static void describe(const search *f, const mf_sample *s, const uint32_t column[MF_ROLES],
                     bool has_header, mf_feedback feedback, mf_dialect *dialect)
{
    const size_t n_before = dialect->head.n_bytes;
    *dialect = (mf_dialect){.text = MF_TEXT_CSV,
                            .form = s->form,
                            .n_fields = s->row[0].n_fields,
                            .has_header = has_header,
                            .decimal_comma = f->options->decimal_comma,
                            .feedback = feedback,
                            .head = {.n_bytes = n_before}};
    for (int role = 0; role < MF_ROLES; role++) {
        dialect->column[role] = column[role];
        if (column[role] != MF_COLUMN_ABSENT && has_header)
            mf_sample_cell(s, 0, column[role], &dialect->header[role]);
    }
    for (uint32_t row = 0; row < s->n_rows; row++)
        dialect->has_escapes |= s->row[row].has_escapes;
    dialect->has_time = column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT;
    dialect->has_value = column[MF_ROLE_VALUE] != MF_COLUMN_ABSENT;
    dialect->time_rate = 1;
    if (dialect->has_time)
        (void)mf_sample_has_times(s, has_header, column[MF_ROLE_TIMESTAMP], &dialect->time_unit);
    if (has_header) {
        dialect->head.n_bytes += s->at[0] + s->row[0].n_bytes;
        dialect->head.n_rows++;
        dialect->head.n_in_fields = s->row[0].n_line_ends;
    }
}

static uint32_t fill_names(search *f, const mf_sample *s)
{
    for (uint32_t c = 0; c < mf_sample_cells(s, 0); c++)
        mf_sample_cell(s, 0, c, &f->names[c]);
    return mf_sample_cells(s, 0);
}

/* Whether the options give names, and positions, to columns of this feedback. */
static void look_at_given(const mf_ratings_options *options, mf_feedback feedback, bool *names,
                          bool *positions)
{
    const char *given[MF_ROLES];
    uint32_t position;
    mf_header_given(options, feedback, given);
    *names = *positions = false;
    for (int role = 0; role < MF_ROLES; role++)
        if (mf_header_position(given[role], &position))
            *positions = true;
        else
            *names |= given[role] != NULL && !mf_header_is_off(given[role]);
}

/* Whether some column of these was found by a name, so that the row that has it is a header. */
static bool found_by_name(const mf_ratings_options *options, mf_feedback feedback,
                          const uint32_t column[MF_ROLES])
{
    const char *given[MF_ROLES];
    uint32_t position;
    mf_header_given(options, feedback, given);
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] != MF_COLUMN_ABSENT && !mf_header_position(given[role], &position))
            return true;
    return false;
}

/* Whether some row that is seen, not of the first ones alone, has a value in the column. */
static bool has_a_value(const search *f, const mf_sample *s, uint32_t column)
{
    mf_split row;
    for (size_t at = s->row[0].n_bytes + s->at[0]; at < f->n_head; at += row.n_bytes) {
        if (mf_split_row(&s->form, f->head + at, f->n_head - at, f->is_all, &row) != MF_SPLIT_ROW)
            break;
        if (column < row.n_fields && row.field[column].n_bytes > 0)
            return true;
    }
    return s->n_rows <= 1;
}

/* A column of times of day beside the one of days that is used. */
static void note_clock(const search *f, const mf_sample *s, uint32_t n_names, mf_dialect *dialect)
{
    mf_cell_copy copy;
    if (!dialect->has_time || !mf_sample_has_days(s, 1, dialect->column[MF_ROLE_TIMESTAMP]))
        return;
    for (uint32_t c = 0; c < n_names && dialect->unused_clock[0] == '\0'; c += mf_sample_step(s))
        if (s->n_rows > 1 && mf_value_is_clock(mf_sample_cell(s, 1, c, &copy)))
            mf_cell_text(dialect->unused_clock, sizeof dialect->unused_clock,
                         mf_cell_view(&f->names[c]));
}

/* EVENT_VALUE, if events without ratings were found and no setting requests them. */
static void note_empty_values(const search *f, uint32_t n_names, mf_dialect *dialect)
{
    if (dialect->has_value || mf_dialect_feedback(f->options) != MF_FEEDBACK_AUTO)
        return;
    for (uint32_t c = 0; c < n_names && !dialect->has_empty_values; c++) {
        dialect->has_empty_values = mf_header_may_be_empty(&f->names[c]);
        dialect->empty_values = c;
    }
}

static bool match_header(search *f, const mf_sample *s, mf_feedback feedback, mf_dialect *dialect)
{
    uint32_t column[MF_ROLES];
    bool times[MF_COLUMNS_MAX];
    mf_looks looks[MF_COLUMNS_MAX];
    mf_time_unit unit;
    if (s->n_rows == 0 || !mf_sample_gaps_are_empty(s, 0) || !mf_sample_is_table_of_runs(s) ||
        mf_sample_has_row_names(s))
        return false;
    const uint32_t n_names = fill_names(f, s);
    for (uint32_t c = 0; c < n_names; c++)
        times[c] = mf_sample_has_times(s, 1, c, &unit);
    if (!mf_header_match(f->names, n_names, mf_sample_step(s), f->options, feedback, times,
                         column) ||
        !found_by_name(f->options, feedback, column))
        return false;
    /* Amazon Personalize has a column EVENT_VALUE that may be empty: then there are no ratings. */
    if (feedback == MF_FEEDBACK_EXPLICIT && f->options->rating_column == NULL &&
        mf_header_may_be_empty(&f->names[column[MF_ROLE_VALUE]]) &&
        !has_a_value(f, s, column[MF_ROLE_VALUE]))
        return false;
    describe(f, s, column, true, feedback, dialect);
    const uint32_t again = mf_header_duplicate(f->names, n_names, mf_sample_step(s), column);
    if (again != MF_COLUMN_ABSENT)
        mf_printable(dialect->duplicate, sizeof dialect->duplicate, f->names[again].bytes,
                     f->names[again].n_bytes);
    for (uint32_t c = 0; c < n_names; c++)
        looks[c] = mf_sample_looks(s, 1, c);
    if (s->n_rows > 1)
        mf_header_note_unused(f->names, n_names, mf_sample_step(s), looks, f->options, dialect);
    note_clock(f, s, n_names, dialect);
    note_empty_values(f, n_names, dialect);
    return true;
}

/* A column for a role that no position is given for: the next free one. */
static uint32_t next_free(const bool is_taken[MF_COLUMNS_MAX], uint32_t n)
{
    uint32_t next = 0;
    while (next < n && is_taken[next])
        next++;
    return next < n ? next : MF_COLUMN_ABSENT;
}

/* Whether the free column `next` may have the role. Without positions the order is all there is to
 * go by. With positions a time has to look like one, and so has to be no weight. */
static bool may_have_role(const search *f, const mf_sample *s, int role, mf_feedback feedback,
                          uint32_t next, bool is_given)
{
    const bool is_implicit = feedback == MF_FEEDBACK_IMPLICIT;
    if (role == MF_ROLE_VALUE && is_implicit && f->options->timestamp_column == NULL)
        return mf_sample_looks(s, 0, next * mf_sample_step(s)) != MF_LOOKS_TIMES;
    if (role == MF_ROLE_TIMESTAMP && is_given)
        return mf_sample_looks(s, 0, next * mf_sample_step(s)) == MF_LOOKS_TIMES;
    return true;
}

/* The columns of rows without a header: those given by position, and the others in order. Rows of
 * more than four columns have no order, so positions say all there is. */
static bool place_columns(const search *f, const mf_sample *s, mf_feedback feedback, bool is_given,
                          uint32_t column[MF_ROLES])
{
    const char *given[MF_ROLES];
    bool is_taken[MF_COLUMNS_MAX] = {false};
    const uint32_t n =
        mf_sample_cells(s, 0) / mf_sample_step(s) + mf_sample_cells(s, 0) % mf_sample_step(s);
    mf_header_given(f->options, feedback, given);
    for (int role = 0; role < MF_ROLES; role++) {
        uint32_t position = MF_COLUMN_ABSENT;
        if (mf_header_position(given[role], &position)) {
            if (position >= n || is_taken[position])
                return false;
            is_taken[position] = true;
        }
        column[role] = position;
    }
    for (int role = 0; role < MF_ROLES && !(is_given && n > MF_ROLES); role++) {
        const uint32_t next = next_free(is_taken, n);
        if (column[role] != MF_COLUMN_ABSENT || mf_header_is_off(given[role]) || next >= MF_ROLES ||
            !may_have_role(f, s, role, feedback, next, is_given))
            continue;
        is_taken[next] = true;
        column[role] = next;
    }
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] != MF_COLUMN_ABSENT)
            column[role] *= mf_sample_step(s);
    return true;
}

static uint32_t n_fitting(const search *f, const mf_sample *s, const uint32_t column[MF_ROLES])
{
    uint32_t n = 0;
    for (uint32_t row = 0; row < s->n_rows; row++)
        n += row_fits(f, s, row, column);
    return n;
}

/* The row that is a header of ratings or pairs, above data, although others stand before it; 0:
 * there is none. */
static uint32_t header_below(const search *f, const mf_sample *s)
{
    mf_cell_copy names[NAMES_BELOW];
    uint32_t column[MF_ROLES];
    const mf_feedback wanted = mf_dialect_feedback(f->options);
    for (uint32_t row = 1; !s->form.is_run && row + 1 < s->n_rows && row <= MOST_ABOVE_HEADER;
         row++) {
        const uint32_t n = s->row[row].n_fields;
        if (n > NAMES_BELOW || s->row[row + 1].n_fields != n || is_data_row(f, s, row) ||
            !is_data_row(f, s, row + 1) || !mf_sample_gaps_are_empty(s, row))
            continue;
        for (uint32_t c = 0; c < n; c++)
            mf_sample_cell(s, row, c, &names[c]);
        if ((wanted != MF_FEEDBACK_IMPLICIT &&
             mf_header_match(names, n, mf_sample_step(s), f->options, MF_FEEDBACK_EXPLICIT, NULL,
                             column) &&
             found_by_name(f->options, MF_FEEDBACK_EXPLICIT, column)) ||
            (wanted != MF_FEEDBACK_EXPLICIT &&
             mf_header_match(names, n, mf_sample_step(s), f->options, MF_FEEDBACK_IMPLICIT, NULL,
                             column) &&
             found_by_name(f->options, MF_FEEDBACK_IMPLICIT, column)))
            return row;
    }
    return 0;
}

/* Ids of Amazon: an item has ten characters, a user begins with A and has more. Netflix' rows
 * have the film first, then the user, and a date. */
static bool looks_item_first(const mf_sample *s, const mf_dialect *dialect)
{
    mf_cell_copy copy;
    bool is_amazon = true;
    for (uint32_t row = 0; row < s->n_rows; row++) {
        const mf_cell user = mf_sample_cell(s, row, dialect->column[MF_ROLE_USER], &copy);
        is_amazon &=
            user.n_bytes == 10 && (isdigit((unsigned char)user.bytes[0]) || user.bytes[0] == 'B');
        const mf_cell item = mf_sample_cell(s, row, dialect->column[MF_ROLE_ITEM], &copy);
        is_amazon &= item.n_bytes > 10 && item.bytes[0] == 'A';
    }
    return is_amazon || (dialect->has_time && dialect->time_unit == MF_TIME_DATES);
}

static bool match_headerless(search *f, const mf_sample *s, mf_feedback feedback,
                             mf_dialect *dialect)
{
    uint32_t column[MF_ROLES];
    const uint32_t n = mf_sample_columns(s);
    bool is_given;
    bool has_names;
    mf_time_unit unit;
    const bool is_implicit = feedback == MF_FEEDBACK_IMPLICIT;
    look_at_given(f->options, feedback, &has_names, &is_given);
    if (s->n_rows == 0 || !mf_sample_gaps_are_empty(s, 0) || has_names ||
        mf_sample_begins_with_role(s) || !place_columns(f, s, feedback, is_given, column))
        return false;
    if (!is_given && (n < (is_implicit ? 2 : 3) || n > 4))
        return false;
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == MF_COLUMN_ABSENT && mf_header_needs(role, feedback))
            return false;
    const char *given[MF_ROLES];
    mf_header_given(f->options, feedback, given);
    if (column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT && given[MF_ROLE_TIMESTAMP] == NULL &&
        !mf_sample_has_times(s, 0, column[MF_ROLE_TIMESTAMP], &unit)) {
        if (!is_given)
            return false;
        column[MF_ROLE_TIMESTAMP] = MF_COLUMN_ABSENT;
    }
    /* Of all columns the order is assumed: the first rows have to agree with it. */
    const uint32_t n_fit = n_fitting(f, s, column);
    const bool first_fits = row_fits(f, s, 0, column);
    const bool most_fit = 2 * n_fit >= s->n_rows && n_fit > 0;
    if (is_implicit && (is_given || column[MF_ROLE_VALUE] == MF_COLUMN_ABSENT) &&
        mf_sample_begins_with_names(s)) {
        if (!is_given)
            return false;
        describe(f, s, column, true, feedback, dialect);
        return true;
    }
    if (!first_fits && header_below(f, s) > 0)
        return false;
    if (s->form.is_run ? !most_fit : !first_fits && !most_fit)
        return false;
    if (!first_fits && !is_data_row(f, s, 0)) {
        if (!is_given)
            return false;
        describe(f, s, column, true, feedback, dialect);
        return true;
    }
    describe(f, s, column, false, feedback, dialect);
    dialect->is_guess = !is_given;
    dialect->has_known_order = !is_given && looks_item_first(s, dialect);
    dialect->has_numbers_row = !is_given && s->n_rows > 1 && mf_sample_counts_columns(s);
    return true;
}

/* The ways to see a text, in the order in which they are tried. Pairs without a header are implicit
 * feedback only where an option requests it. */
static const struct {
    bool (*match)(search *f, const mf_sample *s, mf_feedback feedback, mf_dialect *dialect);
    mf_feedback feedback;
    bool needs_option;
} ways[] = {{match_header, MF_FEEDBACK_EXPLICIT, false},
            {match_headerless, MF_FEEDBACK_EXPLICIT, false},
            {match_header, MF_FEEDBACK_IMPLICIT, false},
            {match_headerless, MF_FEEDBACK_IMPLICIT, true}};
enum { N_WAYS = sizeof ways / sizeof ways[0] };

static bool is_open(int way, mf_feedback wanted)
{
    return wanted == ways[way].feedback || (wanted == MF_FEEDBACK_AUTO && !ways[way].needs_option);
}

/* The sample that explains a text best that is not ratings: the one with most columns. */
static const mf_sample *best_sample(const search *f)
{
    const mf_sample *best = NULL;
    for (uint32_t c = 0; c < f->n_samples; c++) {
        const mf_sample *s = &f->samples[c];
        if (s->n_rows == 0 || !mf_sample_gaps_are_empty(s, 0) ||
            (s->form.is_run && (!mf_sample_is_table_of_runs(s) || mf_sample_columns(s) < 3)))
            continue;
        if (best == NULL || (mf_sample_columns(s) > mf_sample_columns(best) &&
                             !(s->form.is_run && mf_sample_columns(best) > 1)))
            best = s;
    }
    return best;
}

/* The header stands below a title or the like. */
static bool explain_header_below(const search *f, const mf_reason *reason)
{
    mf_cell_copy copy;
    char first[40];
    char name[40];
    for (uint32_t c = 0; c < f->n_samples; c++) {
        const mf_sample *s = &f->samples[c];
        const uint32_t row = header_below(f, s);
        if (row == 0)
            continue;
        mf_reason_add(reason,
                      "row %lu, which begins with \"%s\", looks like the header: remove what "
                      "stands above it, from \"%s\" on",
                      (unsigned long)row + 1,
                      mf_cell_text(name, sizeof name, mf_sample_cell(s, row, 0, &copy)),
                      mf_cell_text(first, sizeof first, mf_sample_cell(s, 0, 0, &copy)));
        return true;
    }
    return false;
}

static bool explain_row_names(search *f, const mf_reason *reason)
{
    uint32_t column[MF_ROLES];
    for (uint32_t c = 0; c < f->n_samples; c++) {
        const mf_sample *s = &f->samples[c];
        if (!mf_sample_has_row_names(s))
            continue;
        const uint32_t n_names = fill_names(f, s);
        if (!mf_header_match(f->names, n_names, mf_sample_step(s), f->options, MF_FEEDBACK_IMPLICIT,
                             NULL, column))
            continue;
        mf_reason_columns(reason, "columns ", f->names, n_names, mf_sample_step(s));
        mf_reason_add(reason, "; rows have one column more than the header has names: where R's "
                              "write.table wrote them, row.names = FALSE leaves out their names");
        return true;
    }
    return false;
}

static void explain(search *f, mf_look *look)
{
    const mf_feedback feedback = mf_dialect_feedback(f->options);
    const mf_sample *s = best_sample(f);
    mf_cell_copy copy;
    mf_reason reason = {look->reason, sizeof look->reason, f->options, feedback};
    if (s == NULL && f->is_all) {
        mf_reason_add(&reason, "nothing but blank lines");
        return;
    }
    if (s == NULL) {
        mf_reason_add(&reason, "its first line is longer than %zu bytes", f->n_head);
        return;
    }
    look->dialect.form = s->form;
    look->dialect.n_fields = s->row[0].n_fields;
    look->is_binary = mf_sample_is_binary(s);
    if (look->is_binary) {
        mf_reason_add(&reason, "binary data");
        return;
    }
    if (explain_header_below(f, &reason) || explain_row_names(f, &reason)) {
        look->is_data = true;
        return;
    }
    if (mf_sample_columns(s) < 2) {
        const char delimiter = mf_sample_other_delimiter(s);
        mf_reason_begins(&reason, mf_sample_cell(s, 0, 0, &copy));
        if (delimiter != '\0' && s->row[0].field[0].is_quoted)
            mf_reason_add(&reason,
                          "; its lines are quoted as a whole: sed 's/^\"\\(.*\\)\"$/\\1/' in > "
                          "ratings.csv takes these quotes away");
        else if (delimiter != '\0')
            mf_reason_add(&reason, "; delimiter=%c may separate its columns", delimiter);
        return;
    }
    look->is_data = is_data_row(f, s, 0) && !mf_sample_begins_with_role(s);
    const bool is_matrix = mf_sample_is_matrix(s, look->is_data);
    look->is_matrix = is_matrix && (look->is_data || !mf_sample_may_be_items(s));
    const uint32_t n_names = fill_names(f, s);
    if (look->is_data) {
        mf_reason_columns(&reason, "no header; columns ", f->names, n_names, mf_sample_step(s));
        if (!is_matrix)
            mf_reason_data(&reason, f->names, n_names, mf_sample_step(s));
    } else {
        mf_reason_columns(&reason, "columns ", f->names, n_names, mf_sample_step(s));
        mf_reason_missing(&reason, feedback, f->names, n_names, mf_sample_step(s));
    }
    if (is_matrix)
        mf_reason_add(&reason, "; it looks like a matrix, with a column for each item or user: "
                               "convert it to rows of user, item, rating (pandas: melt)");
}

static void keep_examples(const mf_sample *s, mf_look *look)
{
    mf_cell_copy copy;
    const mf_dialect *d = &look->dialect;
    look->n_examples = 0;
    for (uint32_t row = d->has_header; row < s->n_rows && look->n_examples < MF_DIALECT_EXAMPLES;
         row++) {
        for (int role = 0; role < MF_ROLES; role++) {
            const mf_cell cell = d->column[role] != MF_COLUMN_ABSENT
                                     ? mf_sample_cell(s, row, d->column[role], &copy)
                                     : (mf_cell){"", 0};
            mf_cell_text(look->example[look->n_examples][role], sizeof look->example[0][0], cell);
        }
        look->n_examples++;
    }
}

/* The samples to look at: the delimiter that is given, or all. */
static void take_samples(search *f, const mf_csv_form *given)
{
    mf_csv_form form = *given;
    f->n_samples = 0;
    for (uint32_t c = 0; c < N_CANDIDATES; c++) {
        if (given->delimiter == '\0') {
            form.delimiter = candidates[c].delimiter;
            form.is_double = candidates[c].is_double;
            form.is_run = candidates[c].is_run;
        } else if (c > 0) {
            break;
        }
        mf_sample_take(&f->samples[f->n_samples++], &form, f->head, f->n_head, f->is_all);
    }
}

static void find_dialect(search *f, mf_look *look)
{
    const mf_feedback wanted = mf_dialect_feedback(f->options);
    const mf_reason reason = {look->reason, sizeof look->reason, f->options, wanted};
    for (int way = 0; way < N_WAYS; way++)
        for (uint32_t c = 0; c < f->n_samples && is_open(way, wanted); c++) {
            const mf_sample *s = &f->samples[c];
            if (!ways[way].match(f, s, ways[way].feedback, &look->dialect))
                continue;
            look->content = MF_RATINGS_READ;
            keep_examples(s, look);
            if (ways[way].feedback == MF_FEEDBACK_IMPLICIT && wanted == MF_FEEDBACK_AUTO)
                mf_reason_implicit(&reason, "columns ", f->names, fill_names(f, s),
                                   mf_sample_step(s));
            return;
        }
    explain(f, look);
}

/* "sep=;" on the first line, as Excel writes and reads it. */
static size_t skip_sep(const char *head, size_t n_head, mf_csv_form *form)
{
    if (n_head < 6 || strncasecmp(head, "sep=", 4) != 0 || (head[5] != '\n' && head[5] != '\r') ||
        head[4] == '\n')
        return 0;
    if (form->delimiter == '\0')
        form->delimiter = head[4];
    return head[5] == '\r' && n_head > 6 && head[6] == '\n' ? 7 : 6;
}

/* Lines of nothing but delimiters are blank too. */
static uint64_t blank_lines(const mf_dialect *dialect, const char *text, size_t n_bytes)
{
    uint64_t n = 0;
    mf_split split;
    mf_csv_form form = dialect->form;
    form.max_row_bytes = n_bytes;
    if (!dialect->has_header)
        form.quoting = MF_QUOTING_NONE;
    for (size_t at = 0; at < n_bytes; at += split.n_bytes) {
        if (mf_split_row(&form, text + at, n_bytes - at, true, &split) != MF_SPLIT_ROW)
            break;
        n += split.is_blank;
    }
    return n;
}

/* The lines of the head, which a byte order mark of n_mark bytes begins. */
static void count_head(const char *head, size_t n_mark, mf_dialect *dialect)
{
    const size_t n = dialect->head.n_bytes - n_mark;
    const char *text = head + n_mark;
    dialect->head.n_lines = mf_count_lines(text, n);
    dialect->head.n_blank = blank_lines(dialect, text, n);
    dialect->head.n_rows = dialect->head.n_lines +
                           (n > 0 && text[n - 1] != '\n' && text[n - 1] != '\r') -
                           dialect->head.n_blank - dialect->head.n_in_fields;
}

static bool detect_csv(const char *head, size_t n_head, bool is_all, size_t n_mark,
                       const mf_ratings_options *options, mf_look *look, mf_error *err)
{
    bool is_pattern;
    bool is_damaged;
    mf_matrix_size matrix;
    search *f = mf_allocate(1, sizeof *f, "the first rows", err);
    if (f == NULL)
        return false;
    mf_csv_form form = mf_options_form(options);
    mf_ratings_options how = *options;
    size_t n_skipped = n_mark;
    n_skipped += skip_sep(head + n_skipped, n_head - n_skipped, &form);
    const size_t n_matrix = mf_matrix_market_begins(head + n_skipped, n_head - n_skipped, &matrix,
                                                    &is_pattern, &is_damaged);
    if (n_matrix > 0) {
        form.delimiter = ' ';
        form.is_run = true;
        how.user_column = how.user_column != NULL ? how.user_column : "#1";
        how.item_column = how.item_column != NULL ? how.item_column : "#2";
        if (is_pattern && how.feedback == MF_FEEDBACK_AUTO)
            how.feedback = MF_FEEDBACK_IMPLICIT;
        n_skipped += n_matrix;
    }
    f->head = head + n_skipped;
    f->n_head = n_head - n_skipped;
    f->is_all = is_all;
    f->options = &how;
    look->dialect.head.n_bytes = n_skipped;
    take_samples(f, &form);
    const mf_reason reason = {look->reason, sizeof look->reason, options, MF_FEEDBACK_AUTO};
    look->is_data = is_damaged;
    if (is_damaged)
        mf_reason_add(&reason, "MatrixMarket without a line of three numbers below its comments: "
                               "rows, columns, entries");
    else if (f->n_head == 0)
        mf_reason_add(&reason, "empty");
    else
        find_dialect(f, look);
    if (look->content == MF_RATINGS_READ) {
        look->dialect.form.n_fields = look->dialect.n_fields;
        count_head(head, n_mark, &look->dialect);
        look->dialect.head.matrix = matrix;
        if (n_matrix > 0)
            look->dialect.is_guess = look->dialect.has_known_order = false;
    }
    mf_free(f);
    return true;
}

bool mf_dialect_detect(const char *head, size_t n_head, bool is_all,
                       const mf_ratings_options *options, mf_look *look, mf_error *err)
{
    *look = (mf_look){.content = MF_RATINGS_NOT_RATINGS};
    const size_t n_mark = n_head >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    mf_reason reason = {look->reason, sizeof look->reason, options, MF_FEEDBACK_AUTO};
    if (n_head == n_mark) {
        mf_reason_add(&reason, "empty");
        return true;
    }
    const char *refused = mf_format_refused(head + n_mark, n_head - n_mark);
    if (refused != NULL) {
        look->is_binary = true;
        mf_reason_add(&reason, "%s", refused);
        return true;
    }
    if (mf_json_begins(head + n_mark, n_head - n_mark))
        return mf_json_detect(head, n_head, n_mark, is_all, options, look, err);
    return detect_csv(head, n_head, is_all, n_mark, options, look, err);
}

bool mf_dialect_fits(const char *head, size_t n_head, bool is_all, const mf_dialect *like,
                     mf_dialect *dialect)
{
    mf_split split;
    mf_cell_copy copy;
    const size_t n_mark = n_head >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t at = n_mark;
    *dialect = *like;
    dialect->head = (mf_data_head){.n_bytes = at};
    if (like->text != MF_TEXT_CSV)
        return false;
    /* One of the first rows is enough: the others may be bad. */
    for (uint32_t row = 0; row < MF_SAMPLE_ROWS && at < n_head; at += split.n_bytes) {
        if (mf_split_row(&like->form, head + at, n_head - at, is_all, &split) != MF_SPLIT_ROW)
            break;
        if (split.is_blank)
            continue;
        bool is_header = row++ == 0 && like->has_header && split.n_fields == like->n_fields;
        for (int role = 0; is_header && role < MF_ROLES; role++) {
            if (like->column[role] == MF_COLUMN_ABSENT)
                continue;
            copy.n_bytes = mf_field_text(head + at, &split.field[like->column[role]],
                                         split.has_escapes, copy.bytes, MF_COPY_BYTES);
            is_header = copy.n_bytes == like->header[role].n_bytes &&
                        copy.n_bytes <= MF_COPY_BYTES &&
                        memcmp(copy.bytes, like->header[role].bytes, copy.n_bytes) == 0;
        }
        if (is_header) {
            dialect->head.n_bytes = at + split.n_bytes;
            dialect->head.n_in_fields = split.n_line_ends;
            count_head(head, n_mark, dialect);
        }
        if (split.n_fields == like->n_fields)
            return true;
    }
    return false;
}
