/* reason.c: a header is told what it lacks, a row of data what its columns hold. */
#include "ratings/reason.h"

#include "base/number.h"
#include "ratings/dialect.h"
#include "ratings/header.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { REASON_NAMES = 8, NAME_BYTES = 24 };

void mf_reason_add(const mf_reason *reason, const char *format, ...)
{
    const size_t used = strlen(reason->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text + used, reason->size - used, format, arguments);
    va_end(arguments);
}

void mf_reason_begins(const mf_reason *reason, mf_cell first)
{
    char text[40];
    mf_reason_add(reason, "not a table; it begins with \"%s\"",
                  mf_cell_text(text, sizeof text, first));
}

void mf_reason_columns(const mf_reason *reason, const char *what, const mf_cell_copy *names,
                       uint32_t n_names, uint32_t step)
{
    char text[40];
    for (uint32_t c = 0; c < n_names; c += step) {
        if (c / step == REASON_NAMES) {
            mf_reason_add(reason, " and %lu more",
                          (unsigned long)((n_names + step - 1) / step - REASON_NAMES));
            break;
        }
        mf_reason_add(reason, "%s%s", c == 0 ? what : ", ",
                      mf_cell_text(text, NAME_BYTES, mf_cell_view(&names[c])));
    }
}

void mf_reason_missing(const mf_reason *reason, mf_feedback feedback, const mf_cell_copy *names,
                       uint32_t n_names, uint32_t step)
{
    const char *const role_names[MF_ROLES] = {
        "user", "item", feedback == MF_FEEDBACK_IMPLICIT ? "weight" : "rating", "timestamp"};
    const char *given[MF_ROLES];
    uint32_t column[MF_ROLES];
    char text[40];
    const char *between = "; missing: ";
    mf_header_given(reason->options, feedback, given);
    mf_header_match(names, n_names, step, reason->options, feedback, NULL, column);
    for (int role = 0; role < MF_ROLES; role++) {
        if (column[role] != MF_COLUMN_ABSENT || mf_header_is_off(given[role]) ||
            (given[role] == NULL && !mf_header_needs(role, feedback)))
            continue;
        if (given[role] != NULL)
            mf_reason_add(reason, "%s%s (%s=%s)", between, role_names[role],
                          mf_header_setting(role, feedback),
                          mf_printable(text, NAME_BYTES, given[role], strlen(given[role])));
        else
            mf_reason_add(reason, "%s%s", between, role_names[role]);
        between = ", ";
    }
}

void mf_reason_implicit(const mf_reason *reason, const char *what, const mf_cell_copy *names,
                        uint32_t n_names, uint32_t step)
{
    mf_reason_columns(reason, what, names, n_names, step);
    mf_reason_missing(reason, MF_FEEDBACK_EXPLICIT, names, n_names, step);
    mf_reason_add(reason, "; it would count as implicit feedback only when no file has ratings");
}

/* Names that the options give are of no use without a header, nor are positions beyond the row. */
static bool explain_names(const mf_reason *reason, uint32_t n_columns)
{
    const char *given[MF_ROLES];
    uint64_t number;
    uint32_t position;
    char text[40];
    bool any = false;
    mf_header_given(reason->options, reason->feedback, given);
    uint32_t seen[MF_ROLES];
    for (int role = 0; role < MF_ROLES; role++) {
        seen[role] = MF_COLUMN_ABSENT;
        const char *setting = mf_header_setting(role, reason->feedback);
        if (given[role] == NULL || mf_header_is_off(given[role]))
            continue;
        mf_printable(text, NAME_BYTES, given[role], strlen(given[role]));
        const bool is_position = mf_header_position(given[role], &position);
        bool is_again = false;
        for (int other = 0; is_position && other < role; other++)
            is_again |= seen[other] == position;
        if (is_position)
            seen[role] = position;
        if (is_position && position < n_columns && !is_again)
            continue;
        if (is_again)
            mf_reason_add(reason, "; %s=%s, but another setting names that column too", setting,
                          text);
        else if (is_position)
            mf_reason_add(reason, "; %s=%s, but there are %lu columns", setting, text,
                          (unsigned long)n_columns);
        else if (mf_parse_uint64(given[role], strlen(given[role]), &number))
            mf_reason_add(reason, "; for the position write %s=#%s", setting, text);
        else
            mf_reason_add(reason, "; no column is called \"%s\": give its position, as %s=#%d",
                          text, setting, role + 1);
        any = true;
    }
    return any;
}

static void explain_value(const mf_reason *reason, mf_cell cell)
{
    char text[40];
    float value;
    if (cell.n_bytes == 0)
        mf_reason_add(reason, "; column 3 is empty, not a number");
    else if (!mf_value_rating(cell, reason->options->decimal_comma, &value))
        mf_reason_add(reason, "; column 3 \"%s\" is not a number%s",
                      mf_cell_text(text, NAME_BYTES, cell),
                      mf_value_rating(cell, true, &value) ? " (decimal_comma=true reads it)" : "");
}

void mf_reason_data(const mf_reason *reason, const mf_cell_copy *cells, uint32_t n_cells,
                    uint32_t step)
{
    const uint32_t n_columns = (n_cells + step - 1) / step;
    char text[40];
    mf_time_unit unit;
    if (explain_names(reason, n_columns))
        return;
    if (n_columns == 2) {
        mf_reason_add(reason, "; pairs of user and item are read with feedback=implicit");
        return;
    }
    /* The rating is in the last column of numbers that are no times. */
    uint32_t rating = 3;
    for (uint32_t c = 2; c < n_columns; c++) {
        float value;
        if (mf_value_rating(mf_cell_view(&cells[c * step]), true, &value) && fabsf(value) < 1e8F)
            rating = c + 1;
    }
    explain_value(reason, mf_cell_view(&cells[2 * step]));
    if (reason->feedback == MF_FEEDBACK_IMPLICIT) {
        mf_reason_add(reason, "; positions say which is which: user_column=#1, item_column=#2, "
                              "weight_column=#3 (or none, where there are no weights)");
        return;
    }
    if (n_columns == 4 && !mf_value_time_unit(mf_cell_view(&cells[3 * step]), &unit))
        mf_reason_add(reason, "; column 4 \"%s\" is not a time",
                      mf_cell_text(text, NAME_BYTES, mf_cell_view(&cells[3 * step])));
    mf_reason_add(reason,
                  "; positions say which is which: user_column=#1, item_column=#2, "
                  "rating_column=#%lu",
                  (unsigned long)rating);
}
