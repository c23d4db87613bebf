/* row_error.c: the slow, careful reading of one row. */
#include "ratings/row_error.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <strings.h>

enum { QUOTED_BYTES = 48 };

static const char *quoted(char text[QUOTED_BYTES], mf_cell cell)
{
    return mf_printable(text, QUOTED_BYTES, cell.bytes,
                        cell.n_bytes < MF_COPY_BYTES ? cell.n_bytes : MF_COPY_BYTES);
}

bool mf_row_rating(mf_cell cell, float *rating)
{
    double value;
    if (cell.n_bytes > MF_COPY_BYTES || !mf_parse_double(cell.bytes, cell.n_bytes, &value) ||
        fabs(value) > (double)FLT_MAX)
        return false;
    *rating = (float)value;
    return true;
}

bool mf_row_weight(mf_cell cell, float *weight)
{
    return mf_row_rating(cell, weight) && !(*weight < 0);
}

bool mf_row_time(mf_cell cell, bool *is_whole, int64_t *whole, double *seconds)
{
    if (cell.n_bytes > MF_COPY_BYTES)
        return false;
    *is_whole = mf_parse_int64(cell.bytes, cell.n_bytes, whole);
    if (*is_whole) {
        *seconds = (double)*whole;
        return true;
    }
    if (!mf_parse_double(cell.bytes, cell.n_bytes, seconds))
        return false;
    /* "1260759144.0" is what pandas makes of a column of integers with gaps. */
    if (fabs(*seconds) < 0x1p53) {
        *whole = (int64_t)*seconds;
        *is_whole = (double)*whole == *seconds;
    }
    return true;
}

/* Why this number is not one. Only for the message: what is finite in base 10 but
 * no double, and what spells no number at all. */
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

static bool explain_number(const char *what, const char *kind, mf_cell cell, mf_error *err)
{
    char text[QUOTED_BYTES];
    const char *why = "is not a number";
    if (cell.n_bytes == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s is empty", what);
    quoted(text, cell);
    if (is_not_finite(cell))
        why = "is not a finite number";
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
                       "%s \"%s\" is not UTF-8 text without control characters", what,
                       quoted(text, cell));
    return true;
}

static bool explain_value(mf_feedback feedback, mf_cell cell, mf_error *err)
{
    char text[QUOTED_BYTES];
    float value;
    const bool is_weight = feedback == MF_FEEDBACK_IMPLICIT;
    if (!mf_row_rating(cell, &value))
        return explain_number(is_weight ? "weight" : "rating", "float", cell, err);
    if (is_weight && !mf_row_weight(cell, &value))
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "weight \"%s\" is negative",
                       quoted(text, cell));
    return true;
}

void mf_row_explain(const mf_parser *parser, uint32_t *field, mf_error *err)
{
    const mf_dialect *dialect = parser->dialect;
    const uint32_t step = dialect->is_double ? 2 : 1;
    bool is_whole;
    int64_t whole;
    double seconds;
    *field = 0;
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
    *field = dialect->column[MF_ROLE_USER];
    if (!explain_id("user id", parser->cell[MF_ROLE_USER], err))
        return;
    *field = dialect->column[MF_ROLE_ITEM];
    if (!explain_id("item id", parser->cell[MF_ROLE_ITEM], err))
        return;
    *field = dialect->column[MF_ROLE_VALUE];
    if (dialect->has_value && !explain_value(dialect->feedback, parser->cell[MF_ROLE_VALUE], err))
        return;
    *field = dialect->column[MF_ROLE_TIMESTAMP];
    if (dialect->has_time &&
        !mf_row_time(parser->cell[MF_ROLE_TIMESTAMP], &is_whole, &whole, &seconds))
        explain_number("timestamp", "double", parser->cell[MF_ROLE_TIMESTAMP], err);
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
