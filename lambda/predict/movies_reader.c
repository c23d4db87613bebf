/* movies_reader.c: libcsv tells the fields of a row but not its line. So it gets the file line by
 * line, and a line that does not end a row has a quote that it does not close.
 *
 * Splitting lines without quotes at their commas here, without libcsv, made it 14 ms instead of 21
 * for 87,000 movies: not worth a second reader, once at a start. */
#include "lambda/predict/movies.h"

#include "base/id_list.h"
#include "base/text.h"
#include "base/utf8.h"
#include "csv/rows.h"

#include <string.h>
#include <strings.h>

enum { TITLE_SHOWN = 40, COLUMNS_SHOWN = 8, HEADER_SHOWN = 200 };

typedef enum column { COLUMN_ID, COLUMN_TITLE, COLUMN_GENRES, COLUMNS } column;

static const char *const column_names[COLUMNS] = {"movieId", "title", "genres"};

typedef struct span {
    size_t at;
    size_t n;
} span;

typedef struct reader {
    const char *name;
    mf_predict_movies *movies;
    mf_error err;
    uint64_t line;
    bool has_header;
    size_t n_columns;            /* of the header */
    size_t role_column[COLUMNS]; /* which of them, from 1; 0: not found */

    /* The row so far. */
    bool is_read; /* it is complete and valid */
    size_t n_fields;
    mf_text row;          /* bytes of its fields; of the header: a list of its names */
    span fields[COLUMNS]; /* into row */
} reader;

static mf_where here(const reader *r)
{
    return (mf_where){r->name, r->line, 0};
}

/* ----------------------------------------------------------------------- header */

static void take_header_field(reader *r, const char *bytes, size_t n)
{
    char shown[TITLE_SHOWN];
    for (size_t role = 0; role < COLUMNS; role++)
        if (n == strlen(column_names[role]) && strncasecmp(bytes, column_names[role], n) == 0 &&
            r->role_column[role] == 0)
            r->role_column[role] = r->n_fields;
    if (r->n_fields <= COLUMNS_SHOWN)
        mf_text_format(&r->row, "%s%s", r->row.n_bytes > 0 ? ", " : "",
                       mf_printable(shown, sizeof shown, bytes, n));
}

static bool end_header(reader *r)
{
    size_t n_found = 0;
    const char *missing = NULL;
    for (size_t role = COLUMNS; role-- > 0;) {
        n_found += r->role_column[role] != 0;
        if (r->role_column[role] == 0)
            missing = column_names[role];
    }
    const int n_shown = r->row.n_bytes < HEADER_SHOWN ? (int)r->row.n_bytes : HEADER_SHOWN;
    const char *shown = n_shown > 0 ? r->row.bytes : "";
    if (n_found == 0)
        mf_fail(&r->err, MF_ERR_PARSE, here(r),
                "no header: expected movieId,title,genres in any order, found %.*s", n_shown,
                shown);
    else if (missing != NULL)
        mf_fail(&r->err, MF_ERR_PARSE, here(r),
                "no column %s: expected movieId, title and genres, the header has %.*s", missing,
                n_shown, shown);
    r->n_columns = r->n_fields;
    r->has_header = true;
    return missing == NULL;
}

/* ------------------------------------------------------------------------- rows */

static void take_field(void *bytes, size_t n, void *context)
{
    reader *r = context;
    r->n_fields++;
    if (!r->has_header) {
        take_header_field(r, bytes, n);
        return;
    }
    for (size_t role = 0; role < COLUMNS; role++)
        if (r->role_column[role] == r->n_fields)
            r->fields[role] = (span){r->row.n_bytes, n};
    mf_text_append(&r->row, bytes, n);
}

/* Bytes before the first that is not UTF-8; n when there is none. */
static size_t valid_bytes(const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        const size_t length = mf_utf8_length(bytes + at, n - at);
        if (length == 0)
            return at;
        at += length;
    }
    return n;
}

static bool check_and_add(reader *r)
{
    const char *row = r->row.n_bytes > 0 ? r->row.bytes : "";
    const span *f = r->fields;
    size_t role = 0;
    size_t n_valid = 0;
    while (role < COLUMNS && (n_valid = valid_bytes(row + f[role].at, f[role].n)) == f[role].n)
        role++;
    if (r->row.failed)
        return mf_fail(&r->err, MF_ERR_MEMORY, here(r), "no memory for a row");
    if (r->n_fields != r->n_columns)
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "expected %zu fields as in the header, found %zu%s", r->n_columns,
                       r->n_fields,
                       r->n_fields > r->n_columns ? ": a title with a comma needs quotes" : "");
    if (role < COLUMNS)
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "%s has the byte 0x%02X, which is not UTF-8: expected the file in UTF-8",
                       column_names[role], (unsigned)(unsigned char)row[f[role].at + n_valid]);
    const mf_predict_movie movie = {
        .id = row + f[COLUMN_ID].at,
        .n_id = f[COLUMN_ID].n,
        .title = row + f[COLUMN_TITLE].at,
        .n_title = f[COLUMN_TITLE].n,
        .genres = row + f[COLUMN_GENRES].at,
        .n_genres = f[COLUMN_GENRES].n,
    };
    char shown[TITLE_SHOWN];
    if (!mf_id_valid(movie.id, movie.n_id))
        return mf_fail(&r->err, MF_ERR_PARSE, here(r),
                       "movieId is \"%s\": expected 1 to 255 bytes without control characters",
                       mf_printable(shown, sizeof shown, movie.id, movie.n_id));
    return mf_predict_movies_add(r->movies, &movie, &r->err);
}

static void end_row(int end, void *context)
{
    (void)end;
    reader *r = context;
    r->is_read = r->has_header ? check_and_add(r) : end_header(r);
    r->n_fields = 0;
    memset(r->fields, 0, sizeof r->fields);
    mf_text_clear(&r->row, MF_PREDICT_MOVIE_LINE_BYTES);
}

/* ------------------------------------------------------------------------ lines */

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* A line without its end. */
static bool read_line(reader *r, mf_rows *rows, const char *line, size_t n)
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
    r->is_read = false;
    if (!mf_rows_feed(rows, line, n, take_field, end_row, r, &r->err) ||
        !mf_rows_feed(rows, "\n", 1, take_field, end_row, r, &r->err))
        return false;
    if (!r->is_read && r->err.code == MF_OK)
        mf_fail(&r->err, MF_ERR_PARSE, here(r),
                "a quote is opened and not closed on this line: expected \"…\" around a text, "
                "with \"\" for a quote inside");
    return r->is_read;
}

static bool read_lines(reader *r, mf_rows *rows, const char *at, const char *end)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (end - at >= 3 && memcmp(at, mark, 3) == 0)
        at += 3;
    for (r->line = 1; at < end; r->line++) {
        const char *stop = at;
        while (stop < end && !is_line_end(*stop))
            stop++;
        if (!read_line(r, rows, at, (size_t)(stop - at)))
            return false;
        /* CR and LF are one end. */
        const bool is_crlf = end - stop >= 2 && stop[0] == '\r' && stop[1] == '\n';
        at = stop + (stop < end) + is_crlf;
    }
    const mf_where where = {r->name, 0, 0};
    if (!r->has_header)
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
    reader r = {.name = name};
    mf_rows *rows = mf_rows_create(',', &r.err);
    r.movies = mf_predict_movies_create(&r.err);
    if (rows == NULL || r.movies == NULL ||
        !read_lines(&r, rows, n > 0 ? bytes : "", (n > 0 ? bytes : "") + n)) {
        mf_fail(err, r.err.code, MF_NOWHERE, "%s", r.err.text);
        mf_predict_movies_destroy(r.movies);
        r.movies = NULL;
    }
    mf_rows_destroy(rows);
    mf_text_free(&r.row);
    return r.movies;
}
