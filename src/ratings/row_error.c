/* row_error.c: each sentence ends with the setting that would help, where there is one. */
#include "ratings/row_error.h"

#include "base/number.h"
#include "base/utf8.h"
#include "csv/column_names.h"
#include "ratings/header.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <strings.h>

enum { QUOTED_BYTES = 48 };

static const char *quoted(char text[QUOTED_BYTES], mf_cell cell)
{
    return mf_cell_text(text, QUOTED_BYTES, cell);
}

/* Why this number is not one. Only for the message: what is finite in base 10 but
 * no double, and what is no number at all. */
static bool is_too_large(mf_cell cell)
{
    double value;
    if (cell.n_bytes > MF_COPY_BYTES)
        return false;
    if (mf_parse_double(cell.bytes, cell.n_bytes, &value))
        return true;
    /* 1e400 is refused like a word, 1e4 with the same shape is not. */
    char shape[MF_COPY_BYTES + 1];
    const char *e = memchr(cell.bytes, 'e', cell.n_bytes);
    if (e == NULL)
        e = memchr(cell.bytes, 'E', cell.n_bytes);
    if (e == NULL)
        return cell.n_bytes > 0 &&
               strspn(memcpy(memset(shape, 0, sizeof shape), cell.bytes, cell.n_bytes),
                      "0123456789.") == cell.n_bytes;
    const size_t n_mantissa = (size_t)(e - cell.bytes);
    int64_t exponent;
    const char *digits = e + 1 + (n_mantissa + 1 < cell.n_bytes && e[1] == '+');
    return mf_parse_double(cell.bytes, n_mantissa, &value) &&
           mf_parse_int64(digits, (size_t)(cell.bytes + cell.n_bytes - digits), &exponent);
}

static bool is_not_finite(mf_cell cell)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    const size_t sign = cell.n_bytes > 0 && (cell.bytes[0] == '-' || cell.bytes[0] == '+');
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        if (cell.n_bytes - sign == strlen(words[w]) &&
            strncasecmp(cell.bytes + sign, words[w], strlen(words[w])) == 0)
            return true;
    return false;
}

/* "1,234" and "-12,345,678" */
static bool has_thousands(mf_cell cell)
{
    size_t at = cell.n_bytes > 0 && cell.bytes[0] == '-';
    size_t n_groups = 0;
    for (size_t end = at; at < cell.n_bytes; at = end + 1, n_groups++) {
        end = at;
        while (end < cell.n_bytes && isdigit((unsigned char)cell.bytes[end]))
            end++;
        if (end == at || (end < cell.n_bytes && cell.bytes[end] != ',') ||
            (n_groups > 0 ? end - at != 3 : end - at > 3 || cell.bytes[at] == '0'))
            return false;
    }
    return n_groups > 1;
}

static bool explain_number(const char *what, const char *kind, const char *if_empty, mf_cell cell,
                           mf_error *err)
{
    char text[QUOTED_BYTES];
    const char *why = "is not a number";
    float value;
    if (cell.n_bytes == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s is empty%s", what, if_empty);
    quoted(text, cell);
    if (is_not_finite(cell))
        why = "is not a finite number";
    else if (has_thousands(cell))
        why =
            "is not a number; remove the comma that separates thousands (decimal_comma=true reads "
            "it as a decimal comma)";
    else if (mf_value_rating(cell, true, &value))
        why = "is not a number; decimal_comma=true reads it";
    else if (cell.n_bytes > 1 && cell.bytes[0] == '"' && cell.bytes[cell.n_bytes - 1] == '"')
        why = "is not a number; without quoting=none its quotes are no part of it";
    else if (mf_header_is_usual(cell))
        why = "is not a number, but the name of a column: a header that comes again has the names "
              "of the first one";
    else if (cell.n_bytes > 1 && cell.bytes[0] == '\'' && cell.bytes[cell.n_bytes - 1] == '\'')
        why = "is not a number; single quotes do not quote here: write double quotes or none";
    else if (is_too_large(cell))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s \"%s\" does not fit a %s", what, text,
                       kind);
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s \"%s\" %s", what, text, why);
}

static bool explain_id(const char *what, mf_cell cell, mf_error *err)
{
    char text[QUOTED_BYTES];
    if (cell.n_bytes == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s is empty", what);
    if (cell.n_bytes > MF_ID_BYTES_MAX)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s \"%s\" has %lu bytes (the limit is %d)",
                       what, quoted(text, cell), (unsigned long)cell.n_bytes, MF_ID_BYTES_MAX);
    if (!mf_id_valid(cell.bytes, cell.n_bytes))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "%s \"%s\" is not UTF-8 text without control characters%s", what,
                       quoted(text, cell),
                       mf_utf8_valid_bytes(cell.bytes, cell.n_bytes) == cell.n_bytes
                           ? ""
                           : "; encoding=latin1 or windows-1252 reads other text");
    return true;
}

static bool explain_value(const mf_dialect *dialect, mf_cell cell, mf_error *err)
{
    char text[QUOTED_BYTES];
    float value;
    const bool is_weight = dialect->feedback == MF_FEEDBACK_IMPLICIT;
    if (!mf_value_rating(cell, dialect->decimal_comma, &value))
        return explain_number(is_weight ? "weight" : "rating", "float",
                              mf_header_may_be_empty(&dialect->header[MF_ROLE_VALUE])
                                  ? "; feedback=implicit reads all rows as events without ratings"
                                  : "",
                              cell, err);
    if (is_weight && !mf_value_weight(cell, dialect->decimal_comma, &value))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "weight \"%s\" is negative",
                       quoted(text, cell));
    return true;
}

void mf_row_explain(const mf_parser *parser, uint32_t *field, mf_error *err)
{
    const mf_dialect *dialect = parser->dialect;
    const uint32_t step = dialect->form.is_double ? 2 : 1;
    char name[64];
    *field = 0;
    if (dialect->text != MF_TEXT_CSV && parser->damage[0] != '\0') {
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s", parser->damage);
        return;
    }
    if (dialect->text != MF_TEXT_CSV && parser->missing_role != MF_ROLES) {
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                "the object has no text or number \"%s\", which is the %s",
                mf_dialect_column(dialect, parser->missing_role, name),
                mf_dialect_role(dialect, parser->missing_role));
        return;
    }
    if (parser->full_gap != 0) {
        *field = parser->full_gap;
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "one colon where two separate the fields");
        return;
    }
    if (parser->n_fields != dialect->n_fields) {
        if (parser->n_fields > dialect->n_fields)
            *field = dialect->n_fields + step - 1;
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%lu field%s where %lu are expected",
                (unsigned long)((parser->n_fields + step - 1) / step),
                (parser->n_fields + step - 1) / step == 1 ? "" : "s",
                (unsigned long)((dialect->n_fields + step - 1) / step));
        return;
    }
    int role;
    if (parser->is_outside && mf_row_is_outside(parser, &role)) {
        const bool is_row = dialect->column[role] == 0;
        char text[QUOTED_BYTES];
        *field = dialect->column[role];
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                "%s \"%s\" of a MatrixMarket file that says it has %llu %s, counted from 1",
                is_row ? "row" : "column", quoted(text, parser->cell[role]),
                (unsigned long long)(is_row ? dialect->head.matrix.n_rows
                                            : dialect->head.matrix.n_columns),
                is_row ? "rows" : "columns");
        return;
    }
    if (mf_row_is_other_header(parser)) {
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                "a second header, whose columns have another order than those of the first: put it "
                "and what follows into a file of its own");
        return;
    }
    if (parser->rating.n_bytes > 0) {
        char text[QUOTED_BYTES];
        *field = dialect->empty_values;
        quoted(text, parser->rating);
        if (dialect->text == MF_TEXT_CSV)
            mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                    "\"%s\" is a rating, but the first rows have none: rating_column=#%lu with "
                    "max_bad_rows=… reads the rows that have one, feedback=implicit reads all as "
                    "events without ratings",
                    text, (unsigned long)(dialect->empty_values / step) + 1);
        else
            mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                    "\"%s\" is a rating, but the first objects have none: put one with a rating "
                    "first, or feedback=implicit reads all as events without ratings",
                    text);
        return;
    }
    *field = dialect->column[MF_ROLE_USER];
    if (!explain_id("user id", parser->cell[MF_ROLE_USER], err))
        return;
    *field = dialect->column[MF_ROLE_ITEM];
    if (!explain_id("item id", parser->cell[MF_ROLE_ITEM], err))
        return;
    *field = dialect->column[MF_ROLE_VALUE];
    if (dialect->has_value)
        explain_value(dialect, parser->cell[MF_ROLE_VALUE], err);
}

bool mf_row_is_outside(const mf_parser *parser, int *role)
{
    const mf_dialect *dialect = parser->dialect;
    const uint64_t sizes[] = {dialect->head.matrix.n_rows, dialect->head.matrix.n_columns};
    for (*role = MF_ROLE_USER; *role <= MF_ROLE_ITEM; ++*role) {
        const uint32_t column = dialect->column[*role];
        const mf_cell cell = parser->cell[*role];
        uint64_t index;
        if (parser->n_fields == dialect->n_fields && column < 2 &&
            (!mf_parse_uint64(cell.bytes, cell.n_bytes, &index) || index < 1 ||
             index > sizes[column]))
            return true;
    }
    return false;
}

static bool cell_is(mf_cell cell, const mf_cell_copy *name)
{
    const char *bytes = cell.bytes;
    size_t n_bytes = cell.n_bytes;
    /* A file of the stream may begin with a byte order mark of its own. */
    if (n_bytes >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        n_bytes -= 3;
    }
    return n_bytes == name->n_bytes && n_bytes <= MF_COPY_BYTES - 3 &&
           memcmp(bytes, name->bytes, n_bytes) == 0;
}

bool mf_row_is_header(const mf_parser *parser)
{
    const mf_dialect *dialect = parser->dialect;
    return dialect->has_header && parser->n_fields == dialect->n_fields &&
           cell_is(parser->cell[MF_ROLE_USER], &dialect->header[MF_ROLE_USER]) &&
           cell_is(parser->cell[MF_ROLE_ITEM], &dialect->header[MF_ROLE_ITEM]) &&
           (!dialect->has_value ||
            cell_is(parser->cell[MF_ROLE_VALUE], &dialect->header[MF_ROLE_VALUE]));
}

static bool is_among(mf_cell cell, const mf_cell_copy *own, const char *const *usual)
{
    return cell_is(cell, own) ||
           (cell.n_bytes > 0 && mf_column_name_among(cell.bytes, cell.n_bytes, usual));
}

static bool is_a_name(const mf_dialect *dialect, mf_cell cell)
{
    for (int role = 0; role < MF_ROLES; role++)
        if (dialect->header[role].n_bytes > 0 && cell_is(cell, &dialect->header[role]))
            return true;
    return cell.n_bytes > 0 && mf_header_is_usual(cell);
}

bool mf_row_is_other_header(const mf_parser *parser)
{
    const mf_dialect *dialect = parser->dialect;
    const mf_cell user = parser->cell[MF_ROLE_USER];
    const mf_cell item = parser->cell[MF_ROLE_ITEM];
    const mf_cell value = parser->cell[MF_ROLE_VALUE];
    const mf_cell_copy *own = dialect->header;
    if (!dialect->has_header || dialect->text != MF_TEXT_CSV ||
        parser->n_fields != dialect->n_fields)
        return false;
    /* Ids may be such words: without a value that has to be a number both names have to be swapped. */
    if (!dialect->has_value)
        return cell_is(user, &own[MF_ROLE_ITEM]) && cell_is(item, &own[MF_ROLE_USER]);
    return is_a_name(dialect, user) && is_a_name(dialect, item) && is_a_name(dialect, value) &&
           !(is_among(user, &own[MF_ROLE_USER], mf_column_user_names) &&
             is_among(item, &own[MF_ROLE_ITEM], mf_column_item_names) &&
             is_among(value, &own[MF_ROLE_VALUE],
                      dialect->feedback == MF_FEEDBACK_IMPLICIT ? mf_column_weight_names
                                                                : mf_column_rating_names));
}
