/* movies_reader.c: a row is a line, so that a quote which is not closed costs one row and has its
 * line. The first line chooses how lines are split. */
#include "lambda/predict/movies.h"

#include "base/id_list.h"
#include "base/text.h"
#include "base/utf8.h"
#include "csv/split_row.h"

#include <string.h>
#include <strings.h>

enum { TITLE_SHOWN = 40, COLUMNS_SHOWN = 8, HEADER_SHOWN = 200 };

typedef enum column { COLUMN_ID, COLUMN_TITLE, COLUMN_GENRES, COLUMNS } column;

static const char *const column_names[COLUMNS] = {"movieId", "title", "genres"};

typedef struct reader {
    const char *name;
    mf_predict_movies *movies;
    mf_error err;
    uint64_t line;
    mf_csv_form form;   /* is_double: "::" between fields, quotes are text, no header needed */
    uint32_t n_columns; /* of the header; 0 before it */
    uint32_t column[COLUMNS]; /* which of them */
    mf_split split;           /* of the line */
    mf_text text;             /* of its fields, or of a message */
} reader;

static mf_where here(const reader *r)
{
    return (mf_where){r->name, r->line, 0};
}

/* ------------------------------------------------------------------------ a line */

/* Fills in split. Without is_double: the row's grammar is that of src/csv. */
static bool split_line(reader *r, const char *line, size_t n)
{
    if (!r->form.is_double)
        return mf_split_row(&r->form, line, n, true, &r->split) == MF_SPLIT_ROW;
    r->split.n_fields = 0;
    for (size_t at = 0; at <= n;) {
        const char *end = memmem(line + at, n - at, "::", 2);
        const size_t n_bytes = end != NULL ? (size_t)(end - line) - at : n - at;
        if (r->split.n_fields < MF_SPLIT_FIELDS)
            r->split.field[r->split.n_fields] =
                (mf_field){.begin = (uint32_t)at, .n_bytes = (uint32_t)n_bytes};
        r->split.n_fields++;
        at += n_bytes + (end != NULL ? 2 : 1);
    }
    return true;
}

/* Appends the content of a field to text and returns its size; without memory 0, and text fails. */
static size_t append_field(reader *r, const char *line, uint32_t i)
{
    const mf_field *field = &r->split.field[i];
    if (field->n_bytes == 0 || !mf_text_reserve(&r->text, field->n_bytes))
        return 0;
    const size_t n =
        mf_field_text(line, field, false, r->text.bytes + r->text.n_bytes, field->n_bytes);
    r->text.n_bytes += n;
    return n;
}

/* ------------------------------------------------------------------------ header */

/* Finds the columns by the names in the line; returns how many. */
static size_t find_columns(reader *r, const char *line, size_t n)
{
    size_t n_found = 0;
    if (!split_line(r, line, n))
        return 0;
    for (size_t role = 0; role < COLUMNS; role++) {
        const size_t n_name = strlen(column_names[role]);
        r->column[role] = UINT32_MAX;
        for (uint32_t i = 0; i < r->split.n_fields && i < MF_SPLIT_FIELDS; i++)
            if (r->column[role] == UINT32_MAX && r->split.field[i].n_bytes == n_name &&
                strncasecmp(line + r->split.field[i].begin, column_names[role], n_name) == 0)
                r->column[role] = i;
        n_found += r->column[role] != UINT32_MAX;
    }
    return n_found;
}

static bool fail_header(reader *r, const char *line, size_t n_found)
{
    char shown[TITLE_SHOWN];
    size_t missing = 0;
    mf_text_clear(&r->text, MF_PREDICT_MOVIE_LINE_BYTES);
    for (uint32_t i = 0; i < r->split.n_fields && i < COLUMNS_SHOWN; i++)
        mf_text_format(&r->text, "%s%s", i > 0 ? ", " : "",
                       mf_printable(shown, sizeof shown, line + r->split.field[i].begin,
                                    r->split.field[i].n_bytes));
    const int n_shown = r->text.n_bytes < HEADER_SHOWN ? (int)r->text.n_bytes : HEADER_SHOWN;
    if (n_found == 0)
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "no header: expected movieId,title,genres in any order, found %.*s", n_shown,
                       r->text.bytes);
    while (missing + 1 < COLUMNS && r->column[missing] != UINT32_MAX)
        missing++;
    return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                   "no column %s: expected movieId, title and genres, the header has %.*s",
                   column_names[missing], n_shown, r->text.bytes);
}

static bool fail_quote(reader *r)
{
    return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                   "a quote is opened and not closed on this line: expected \"…\" around a text, "
                   "with \"\" for a quote inside");
}

static bool add_row(reader *r, const char *line);

/* The delimiter is the one with which the most columns are found. */
static bool read_first_line(reader *r, const char *line, size_t n)
{
    static const char delimiters[] = {',', ';', '\t', ':'};
    size_t n_found = 0, best = 0;
    for (size_t i = sizeof delimiters; i-- > 0;) {
        r->form.delimiter = delimiters[i];
        r->form.is_double = delimiters[i] == ':';
        const size_t n_here = find_columns(r, line, n);
        if (r->form.is_double && n_here == 0 && r->split.n_fields == COLUMNS) {
            for (uint32_t role = 0; role < COLUMNS; role++)
                r->column[role] = role;
            r->n_columns = COLUMNS;
            return add_row(r, line); /* MovieLens' movies.dat has no header */
        }
        if (n_here >= n_found) {
            n_found = n_here;
            best = i;
        }
    }
    r->form.delimiter = delimiters[best];
    r->form.is_double = delimiters[best] == ':';
    n_found = find_columns(r, line, n);
    r->n_columns = r->split.n_fields;
    if (n_found == COLUMNS)
        return true;
    return split_line(r, line, n) ? fail_header(r, line, n_found) : fail_quote(r);
}

/* -------------------------------------------------------------------------- rows */

static bool add_row(reader *r, const char *line)
{
    size_t n[COLUMNS];
    char shown[TITLE_SHOWN];
    if (r->split.n_fields != r->n_columns)
        return mf_fail(
            &r->err, MF_ERR_PARSE, here(r), "expected %u fields as in the header, found %u%s",
            r->n_columns, r->split.n_fields,
            r->split.n_fields > r->n_columns ? ": a title with a comma needs quotes" : "");
    mf_text_clear(&r->text, MF_PREDICT_MOVIE_LINE_BYTES);
    for (size_t role = 0; role < COLUMNS; role++) {
        const size_t at = r->text.n_bytes;
        n[role] = append_field(r, line, r->column[role]);
        if (r->text.failed)
            return mf_fail(&r->err, MF_ERR_MEMORY, here(r), "no memory for a row");
        const size_t n_valid = n[role] > 0 ? mf_utf8_valid_bytes(r->text.bytes + at, n[role]) : 0;
        if (n_valid < n[role])
            return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                           "%s has the byte 0x%02X, which is not UTF-8: expected the file in UTF-8",
                           column_names[role],
                           (unsigned)(unsigned char)r->text.bytes[at + n_valid]);
    }
    const char *id = r->text.n_bytes > 0 ? r->text.bytes : "";
    const mf_predict_movie movie = {
        .id = id,
        .n_id = n[COLUMN_ID],
        .title = id + n[COLUMN_ID],
        .n_title = n[COLUMN_TITLE],
        .genres = id + n[COLUMN_ID] + n[COLUMN_TITLE],
        .n_genres = n[COLUMN_GENRES],
    };
    if (!mf_id_valid(movie.id, movie.n_id))
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "movieId is \"%s\": expected 1 to 255 bytes without control characters",
                       mf_printable(shown, sizeof shown, movie.id, movie.n_id));
    return mf_predict_movies_add(r->movies, &movie, &r->err);
}

/* ------------------------------------------------------------------------- lines */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* A line without its end. */
static bool read_line(reader *r, const char *line, size_t n)
{
    size_t n_blanks = 0;
    while (n_blanks < n && (line[n_blanks] == ' ' || line[n_blanks] == '\t'))
        n_blanks++;
    if (n_blanks == n)
        return true;
    if (n >= MF_PREDICT_MOVIE_LINE_BYTES)
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "a line of over %d bytes: expected lines of movieId,title,genres",
                       MF_PREDICT_MOVIE_LINE_BYTES);
    if (r->n_columns == 0)
        return read_first_line(r, line, n);
    return split_line(r, line, n) ? add_row(r, line) : fail_quote(r);
}

static bool read_lines(reader *r, const char *at, const char *end)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (end - at >= 3 && memcmp(at, mark, 3) == 0)
        at += 3;
    for (r->line = 1; at < end; r->line++) {
        const char *stop = at;
        while (stop < end && !is_line_end(*stop))
            stop++;
        if (!read_line(r, at, (size_t)(stop - at)))
            return false;
        /* CR and LF are one end. */
        const bool is_crlf = end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n';
        at = stop + (stop < end) + is_crlf;
    }
    const mf_where where = {r->name, 0, 0};
    if (r->n_columns == 0)
        return mf_fail(&r->err, MF_ERR_PARSE, where,
                       "the file is empty: expected the header movieId,title,genres and a line for "
                       "each movie");
    if (mf_predict_movies_count(r->movies) == 0)
        return mf_fail(&r->err, MF_ERR_PARSE, where,
                       "no movies behind the header: expected a line for each movie");
    return mf_predict_movies_finish(r->movies, &r->err);
}

mf_predict_movies *mf_predict_movies_read(const char *name, const char *bytes, size_t n,
                                          mf_error *err)
{
    reader r = {
        .name = name,
        .form = {.quoting = MF_QUOTING_MINIMAL, .max_row_bytes = MF_PREDICT_MOVIE_LINE_BYTES}};
    r.movies = mf_predict_movies_create(&r.err);
    if (r.movies == NULL || !read_lines(&r, n > 0 ? bytes : "", (n > 0 ? bytes : "") + n)) {
        mf_fail(err, r.err.code, MF_NOWHERE, "%s", r.err.text);
        mf_predict_movies_destroy(r.movies);
        r.movies = NULL;
    }
    mf_text_free(&r.text);
    return r.movies;
}
