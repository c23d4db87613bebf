/* notes.c: which columns are wanted, and what is noted on the way: names, columns that become no attribute,
 * and rows that are left out. All readers of a file use it. */
#include "items/state.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *mf_items_next_chosen(const mf_items *items, size_t *at, size_t *n_bytes)
{
    for (const char *name = items->chosen + *at; *name != '\0'; name = items->chosen + *at) {
        const size_t n = strcspn(name, ",");
        *at += n + (name[n] == ',');
        const size_t n_blanks = strspn(name, " ");
        if (n_blanks >= n)
            continue;
        name += n_blanks;
        for (*n_bytes = n - n_blanks; name[*n_bytes - 1] == ' ';)
            --*n_bytes;
        return name;
    }
    return NULL;
}

bool mf_items_is_chosen(const mf_items *items, const char *name, size_t n_bytes)
{
    size_t at = 0, n;
    const char *chosen = mf_items_next_chosen(items, &at, &n);
    if (chosen == NULL)
        return true;
    for (; chosen != NULL; chosen = mf_items_next_chosen(items, &at, &n))
        if (n == n_bytes && strncasecmp(chosen, name, n) == 0)
            return true;
    return false;
}

void mf_items_note_name(mf_items *items, const char *name, size_t n_bytes)
{
    uint32_t c = 0;
    if (items->chosen[0] == '\0' || n_bytes >= sizeof items->seen[0])
        return;
    while (c < items->n_seen &&
           (strlen(items->seen[c]) != n_bytes || memcmp(items->seen[c], name, n_bytes) != 0))
        c++;
    if (c == items->n_seen && c < MF_COLUMNS_MAX)
        memcpy(items->seen[items->n_seen++], name, n_bytes);
}

void mf_items_omit(mf_items *items, const char *name, size_t n_bytes, const char *reason)
{
    mf_items_omitted omitted;
    mf_printable(omitted.name, sizeof omitted.name, name, n_bytes);
    snprintf(omitted.reason, sizeof omitted.reason, "%s", reason);
    for (uint32_t i = 0; i < items->facts.n_omitted && i < MF_ITEMS_OMITTED; i++)
        if (strcmp(items->facts.omitted[i].name, omitted.name) == 0)
            return;
    if (items->facts.n_omitted < MF_ITEMS_OMITTED)
        items->facts.omitted[items->facts.n_omitted] = omitted;
    items->facts.n_omitted++;
}

uint32_t mf_items_column(mf_items *items, const char *name, size_t n_bytes)
{
    const char *reason = "there are 256 columns before it";
    mf_items_note_name(items, name, n_bytes);
    if (items->ids_only || !mf_items_is_chosen(items, name, n_bytes))
        return MF_INDEX_NONE;
    if (n_bytes == 0)
        reason = "it has no name";
    else if (n_bytes >= MF_ATTRIBUTE_NAME_BYTES || !mf_id_valid(name, n_bytes))
        reason = "its name has more than 111 bytes or control characters";
    else {
        const uint32_t column = mf_item_columns_use(&items->columns, name, n_bytes);
        if (column != MF_INDEX_NONE)
            return column;
    }
    mf_items_omit(items, name, n_bytes, reason);
    return MF_INDEX_NONE;
}

void mf_items_bad_row(mf_items *items, const char *name, uint64_t line, uint64_t column,
                      const char *format, ...)
{
    char why[200];
    va_list arguments;
    items->facts.n_bad_rows++;
    if (items->facts.n_named == MF_RATINGS_BAD_ROWS_NAMED)
        return;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    mf_error err = {0};
    mf_fail(&err, MF_ERR_PARSE, (mf_where){name, line, column}, "%s", why);
    mf_printable(items->facts.bad_rows[items->facts.n_named++], sizeof items->facts.bad_rows[0],
                 err.text, strlen(err.text));
}
