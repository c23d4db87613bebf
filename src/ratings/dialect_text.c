/* dialect_text.c: a dialect in words, for the log and for comparing. */
#include "ratings/dialect.h"
#include "ratings/header.h"

#include <stdio.h>

const char *mf_dialect_role(const mf_dialect *dialect, int role)
{
    static const char *const names[] = {"user", "item", "rating", "timestamp"};
    return role == MF_ROLE_VALUE && dialect->feedback == MF_FEEDBACK_IMPLICIT ? "weight"
                                                                              : names[role];
}

char *mf_dialect_column(const mf_dialect *dialect, int role, char text[64])
{
    const uint32_t step = dialect->form.is_double ? 2 : 1;
    const mf_cell_copy *name = &dialect->header[role];
    if (dialect->column[role] == MF_COLUMN_ABSENT)
        return memcpy(text, "none", sizeof "none");
    if (dialect->has_header && name->n_bytes > 0)
        return mf_cell_text(text, 64, mf_cell_view(name));
    snprintf(text, 64, "#%lu", (unsigned long)(dialect->column[role] / step + 1));
    return text;
}

const char *mf_dialect_delimiter(const mf_dialect *dialect, char text[16])
{
    static const struct {
        char delimiter;
        const char *name;
    } names[] = {{',', "comma"}, {'\t', "tab"}, {';', "semicolon"}, {'|', "pipe"}};
    if (dialect->text != MF_TEXT_CSV)
        return dialect->text == MF_TEXT_JSON_LINES ? "JSON lines" : "JSON";
    if (dialect->form.is_double)
        return "::";
    if (dialect->form.is_run)
        return "blanks";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].delimiter == dialect->form.delimiter)
            return names[i].name;
    return mf_printable(text, 16, &dialect->form.delimiter, 1);
}

const char *mf_dialect_quoting(const mf_dialect *dialect)
{
    if (dialect->form.quoting == MF_QUOTING_NONE)
        return "none";
    return dialect->has_escapes ? "backslash" : "minimal";
}

char *mf_dialect_text(const mf_dialect *dialect, char text[MF_DIALECT_TEXT_BYTES])
{
    char column[64];
    char delimiter[16];
    size_t n = (size_t)snprintf(text, MF_DIALECT_TEXT_BYTES, "columns");
    for (int role = 0; role < MF_ROLES; role++)
        n += (size_t)snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " %s=%s",
                              mf_dialect_role(dialect, role),
                              mf_dialect_column(dialect, role, column));
    n += (size_t)snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " delimiter=%s header=%s",
                          mf_dialect_delimiter(dialect, delimiter),
                          dialect->has_header ? "yes" : "no");
    if (dialect->text == MF_TEXT_CSV)
        n += (size_t)snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " quoting=%s",
                              mf_dialect_quoting(dialect));
    if (dialect->has_time)
        n += (size_t)snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " times=%s",
                              mf_time_unit_name(dialect->time_unit));
    if (dialect->decimal_comma)
        n += (size_t)snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " decimal_comma=true");
    snprintf(text + n, MF_DIALECT_TEXT_BYTES - n, " encoding=%s",
             mf_encoding_name(dialect->encoding));
    return text;
}
