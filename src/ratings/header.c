/* header.c: finds the columns of ratings by the names in a header (csv/column_names.h). In each list the
 * first name wins that a header has. */
#include "ratings/header.h"

#include "base/number.h"
#include "csv/column_names.h"

#include <strings.h>

static bool name_is(const mf_cell_copy *cell, const char *usual)
{
    return cell->n_bytes <= MF_COPY_BYTES && mf_column_name_is(cell->bytes, cell->n_bytes, usual);
}

bool mf_header_may_be_empty(const mf_cell_copy *name)
{
    return name_is(name, "eventvalue");
}

static bool is_taken(const uint32_t column[MF_ROLES], uint32_t c)
{
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == c)
            return true;
    return false;
}

static uint32_t find_usual(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const char *const *usual, const uint32_t column[MF_ROLES])
{
    for (; *usual != NULL; usual++)
        for (uint32_t c = 0; c < n_names; c += step)
            if (name_is(&names[c], *usual) && !is_taken(column, c))
                return c;
    return MF_COLUMN_ABSENT;
}

static bool is_name(const mf_cell_copy *cell, const char *given)
{
    const size_t n = strlen(given);
    return cell->n_bytes <= MF_COPY_BYTES &&
           (cell->n_bytes == n || mf_column_name_bytes(cell->bytes, cell->n_bytes) == n) &&
           strncasecmp(cell->bytes, given, n) == 0;
}

bool mf_header_position(const char *given, uint32_t *position)
{
    uint64_t value;
    if (given == NULL || given[0] != '#' ||
        !mf_parse_uint64(given + 1, strlen(given + 1), &value) || value < 1 ||
        value > MF_COLUMNS_MAX)
        return false;
    *position = (uint32_t)value - 1;
    return true;
}

static uint32_t find_given(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const char *given)
{
    uint32_t position;
    if (mf_header_position(given, &position))
        return position * step < n_names ? position * step : MF_COLUMN_ABSENT;
    for (uint32_t c = 0; c < n_names; c += step)
        if (is_name(&names[c], given))
            return c;
    return MF_COLUMN_ABSENT;
}

uint32_t mf_header_duplicate(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                             const uint32_t column[MF_ROLES])
{
    for (int role = 0; role < MF_ROLES; role++)
        for (uint32_t c = 0; column[role] != MF_COLUMN_ABSENT && c < n_names; c += step)
            if (c != column[role] && names[c].n_bytes == names[column[role]].n_bytes &&
                names[c].n_bytes > 0 && names[c].n_bytes <= MF_COPY_BYTES &&
                strncasecmp(names[c].bytes, names[column[role]].bytes, names[c].n_bytes) == 0)
                return c;
    return MF_COLUMN_ABSENT;
}

bool mf_header_is_off(const char *given)
{
    return given != NULL && strcasecmp(given, "none") == 0;
}

void mf_header_given(const mf_ratings_options *options, mf_feedback feedback,
                     const char *given[MF_ROLES])
{
    given[MF_ROLE_USER] = options->user_column;
    given[MF_ROLE_ITEM] = options->item_column;
    given[MF_ROLE_VALUE] =
        feedback == MF_FEEDBACK_IMPLICIT ? options->weight_column : options->rating_column;
    given[MF_ROLE_TIMESTAMP] = options->timestamp_column;
}

bool mf_header_needs(int role, mf_feedback feedback)
{
    return role == MF_ROLE_USER || role == MF_ROLE_ITEM ||
           (role == MF_ROLE_VALUE && feedback != MF_FEEDBACK_IMPLICIT);
}

bool mf_header_match(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                     const mf_ratings_options *options, mf_feedback feedback,
                     uint32_t column[MF_ROLES], bool *weak_time)
{
    const char *given[MF_ROLES];
    mf_header_given(options, feedback, given);
    const char *const *const usual[MF_ROLES] = {
        mf_column_user_names, mf_column_item_names,
        feedback == MF_FEEDBACK_IMPLICIT ? mf_column_weight_names : mf_column_rating_names,
        mf_column_time_names};
    bool is_off[MF_ROLES];
    for (int role = 0; role < MF_ROLES; role++) {
        is_off[role] = mf_header_is_off(given[role]);
        column[role] = given[role] != NULL && !is_off[role]
                           ? find_given(names, n_names, step, given[role])
                           : MF_COLUMN_ABSENT;
    }
    for (int role = 0; role < MF_ROLES; role++)
        if (given[role] == NULL)
            column[role] = find_usual(names, n_names, step, usual[role], column);
    *weak_time = false;
    if (column[MF_ROLE_TIMESTAMP] == MF_COLUMN_ABSENT && given[MF_ROLE_TIMESTAMP] == NULL) {
        column[MF_ROLE_TIMESTAMP] =
            find_usual(names, n_names, step, mf_column_weak_time_names, column);
        *weak_time = column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT;
    }
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == MF_COLUMN_ABSENT &&
            (mf_header_needs(role, feedback) || (given[role] != NULL && !is_off[role])))
            return false;
    return true;
}
