/* header.c: finds the columns of ratings by the names in a header (csv/column_names.h). In each list the
 * first name wins that a header has. */
#include "ratings/header.h"

#include "base/number.h"
#include "csv/column_names.h"

#include <stdio.h>
#include <strings.h>

/* A number from here on is a time or an id, no rating and no weight: 1973 in seconds. */
static const float LEAST_TIME = 1e8F;

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
                           const char *const *usual, const bool *may_be,
                           const uint32_t column[MF_ROLES])
{
    for (; *usual != NULL; usual++)
        for (uint32_t c = 0; c < n_names; c += step)
            if (name_is(&names[c], *usual) && !is_taken(column, c) && (may_be == NULL || may_be[c]))
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

mf_looks mf_header_looks(mf_cell value)
{
    float number;
    mf_time_unit unit;
    if (mf_value_rating(value, false, &number) && number < LEAST_TIME)
        return MF_LOOKS_NUMBERS;
    return mf_value_time_unit(value, &unit) ? MF_LOOKS_TIMES : MF_LOOKS_OTHER;
}

bool mf_header_is_usual(mf_cell name)
{
    static const char *const *const usual[] = {mf_column_user_names, mf_column_item_names,
                                               mf_column_rating_names, mf_column_time_names,
                                               mf_column_weak_time_names};
    for (size_t u = 0; u < sizeof usual / sizeof usual[0]; u++)
        if (mf_column_name_among(name.bytes, name.n_bytes, usual[u]))
            return true;
    return false;
}

static bool ends_in_id(const mf_cell_copy *name)
{
    const size_t n = mf_column_name_bytes(name->bytes, name->n_bytes);
    return n >= 2 && strncasecmp(name->bytes + n - 2, "id", 2) == 0;
}

/* A name that a setting may give: pandas calls its index "" or "Unnamed: 0". */
static bool is_nameable(const mf_cell_copy *name)
{
    return name->n_bytes > 0 && name->n_bytes <= MF_COPY_BYTES && !ends_in_id(name) &&
           !(name->n_bytes >= 7 && strncasecmp(name->bytes, "unnamed", 7) == 0) &&
           !name_is(name, "index");
}

static void add_name(char *list, size_t size, const mf_cell_copy *name)
{
    const size_t used = strlen(list);
    char text[40];
    if (used + sizeof text + 2 < size)
        snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "",
                 mf_cell_text(text, sizeof text, mf_cell_view(name)));
}

void mf_header_note_unused(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                           const mf_looks *looks, const mf_ratings_options *options,
                           mf_dialect *dialect)
{
    const bool has_no_time =
        dialect->column[MF_ROLE_TIMESTAMP] == MF_COLUMN_ABSENT && options->timestamp_column == NULL;
    const bool has_no_value = options->feedback == MF_FEEDBACK_AUTO &&
                              options->weight_column == NULL &&
                              dialect->column[MF_ROLE_VALUE] == MF_COLUMN_ABSENT;
    for (uint32_t c = 0; c < n_names; c += step) {
        const mf_cell_copy *name = &names[c];
        if (is_taken(dialect->column, c) || !is_nameable(name))
            continue;
        if (has_no_value && looks[c] == MF_LOOKS_NUMBERS)
            add_name(dialect->unused_numbers, sizeof dialect->unused_numbers, name);
        if (has_no_time && looks[c] == MF_LOOKS_TIMES && dialect->unused_time[0] == '\0')
            add_name(dialect->unused_time, sizeof dialect->unused_time, name);
        if (has_no_time && dialect->unread_time[0] == '\0' &&
            mf_column_name_among(name->bytes, name->n_bytes, mf_column_weak_time_names))
            add_name(dialect->unread_time, sizeof dialect->unread_time, name);
    }
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

const char *mf_header_setting(int role, mf_feedback feedback)
{
    static const char *const settings[MF_ROLES] = {"user_column", "item_column", "rating_column",
                                                   "timestamp_column"};
    return role == MF_ROLE_VALUE && feedback == MF_FEEDBACK_IMPLICIT ? "weight_column"
                                                                     : settings[role];
}

bool mf_header_needs(int role, mf_feedback feedback)
{
    return role == MF_ROLE_USER || role == MF_ROLE_ITEM ||
           (role == MF_ROLE_VALUE && feedback != MF_FEEDBACK_IMPLICIT);
}

bool mf_header_match(const mf_cell_copy *names, uint32_t n_names, uint32_t step,
                     const mf_ratings_options *options, mf_feedback feedback, const bool *has_times,
                     uint32_t column[MF_ROLES])
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
            column[role] = find_usual(names, n_names, step, usual[role], NULL, column);
    if (column[MF_ROLE_TIMESTAMP] == MF_COLUMN_ABSENT && given[MF_ROLE_TIMESTAMP] == NULL)
        column[MF_ROLE_TIMESTAMP] =
            find_usual(names, n_names, step, mf_column_weak_time_names, has_times, column);
    for (int role = 0; role < MF_ROLES; role++)
        if (column[role] == MF_COLUMN_ABSENT &&
            (mf_header_needs(role, feedback) || (given[role] != NULL && !is_off[role])))
            return false;
    return true;
}
