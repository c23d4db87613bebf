/* movies_reader.c: libcsv tells the fields but not their lines. So it gets the file line by line: a
 * line that does not end a row has a quote that it does not close, and its number is known.
 *
 * Three lines of four have no quote; those that come whole are split here at their commas,
 * by libcsv's rules: 2.9 ns a byte instead of 4.6, 14 ms instead of 21 for 87,000 movies. Pieces of
 * lines always go through libcsv, so that a test that cuts a file holds one reading to the
 * other. */
#include "lambda/predict/movies.h"

#include "base/id_list.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "csv/rows.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MARK_BYTES = 3, TITLE_SHOWN = 40 };

typedef enum column { COLUMN_ID, COLUMN_TITLE, COLUMN_GENRES, COLUMNS } column;

static const char *const column_names[COLUMNS] = {"movieId", "title", "genres"};
static const char byte_order_mark[MARK_BYTES] = {'\xEF', '\xBB', '\xBF'};

typedef struct span {
    size_t at;
    size_t n;
} span;

struct mf_predict_movies_reader {
    const char *name;
    mf_rows *rows;
    mf_predict_movies *movies;
    mf_error *err; /* of the call that is under way */
    uint64_t n_bytes;
    uint64_t line;
    size_t line_bytes;  /* of the line so far                           */
    size_t n_mark;      /* bytes of a byte order mark seen at the start */
    bool past_mark;     /* nothing of it can come any more              */
    bool line_has_text; /* something that is not a blank                */
    bool line_has_row;  /* a row ended on this line                     */
    bool after_cr;      /* a LF that comes now ends nothing more        */
    bool has_header;
    size_t n_columns;            /* of the header */
    size_t role_column[COLUMNS]; /* which of them */

    /* The row so far. */
    mf_text row; /* what libcsv gave; of the header: a list of its names */
    size_t n_fields;
    span fields[COLUMNS]; /* into row, or into the line */
};

mf_predict_movies_reader *mf_predict_movies_reader_create(const char *name, mf_error *err)
{
    mf_predict_movies_reader *reader = mf_allocate(1, sizeof *reader, "a reader of movies", err);
    if (reader == NULL)
        return NULL;
    reader->name = name;
    if (!mf_predict_movies_reader_start(reader, err)) {
        mf_predict_movies_reader_destroy(reader);
        return NULL;
    }
    return reader;
}

static void forget(mf_predict_movies_reader *reader)
{
    mf_rows_destroy(reader->rows);
    mf_predict_movies_destroy(reader->movies);
    mf_text_free(&reader->row);
    *reader = (mf_predict_movies_reader){.name = reader->name, .line = 1};
}

void mf_predict_movies_reader_destroy(mf_predict_movies_reader *reader)
{
    if (reader == NULL)
        return;
    forget(reader);
    mf_free(reader);
}

bool mf_predict_movies_reader_start(mf_predict_movies_reader *reader, mf_error *err)
{
    forget(reader);
    reader->rows = mf_rows_create(',', err);
    reader->movies = mf_predict_movies_create(err);
    return reader->rows != NULL && reader->movies != NULL;
}

static mf_where here(const mf_predict_movies_reader *reader)
{
    return (mf_where){reader->name, reader->line, 0};
}

/* ----------------------------------------------------------------------- header */

static void add_to_list(mf_text *list, const char *bytes, size_t n)
{
    char shown[TITLE_SHOWN];
    mf_printable(shown, sizeof shown, bytes, n);
    mf_text_format(list, "%s%s", list->n_bytes > 0 ? ", " : "", shown);
}

static void header_field(mf_predict_movies_reader *reader, const char *bytes, size_t n)
{
    for (size_t role = 0; role < COLUMNS; role++)
        if (n == strlen(column_names[role]) && strncasecmp(bytes, column_names[role], n) == 0 &&
            reader->role_column[role] == 0)
            reader->role_column[role] = reader->n_fields + 1; /* 0: not found */
    if (reader->n_fields < 8)
        add_to_list(&reader->row, bytes, n);
}

static void end_header(mf_predict_movies_reader *reader)
{
    size_t n_found = 0;
    const char *missing = NULL;
    for (size_t role = COLUMNS; role-- > 0;) {
        n_found += reader->role_column[role] != 0;
        if (reader->role_column[role] == 0)
            missing = column_names[role];
        reader->role_column[role]--;
    }
    const int n_shown = reader->row.n_bytes < 200 ? (int)reader->row.n_bytes : 200;
    const char *shown = n_shown > 0 ? reader->row.bytes : "";
    if (n_found == 0)
        mf_fail(reader->err, MF_ERR_PARSE, here(reader),
                "no header: expected movieId,title,genres in any order, found %.*s", n_shown,
                shown);
    else if (missing != NULL)
        mf_fail(reader->err, MF_ERR_PARSE, here(reader),
                "no column %s: expected movieId, title and genres, the header has %.*s", missing,
                n_shown, shown);
    reader->n_columns = reader->n_fields;
    reader->has_header = true;
}

/* ------------------------------------------------------------------------- rows */

/* The field is n bytes at `at` of the row, or of the line. */
static void note_field(mf_predict_movies_reader *reader, size_t at, size_t n)
{
    for (size_t role = 0; role < COLUMNS; role++)
        if (reader->role_column[role] == reader->n_fields)
            reader->fields[role] = (span){at, n};
}

static void take_field(void *bytes, size_t n, void *context)
{
    mf_predict_movies_reader *reader = context;
    if (reader->err->code != MF_OK)
        return;
    if (reader->has_header) {
        note_field(reader, reader->row.n_bytes, n);
        mf_text_append(&reader->row, bytes, n);
    } else {
        header_field(reader, bytes, n);
    }
    reader->n_fields++;
}

/* Bytes before the first that is no UTF-8; n when there is none. */
static size_t valid_bytes(const char *bytes, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint64_t word;
        if (n - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof word;
                continue;
            }
        }
        const size_t length = mf_utf8_length(bytes + at, n - at);
        if (length == 0)
            return at;
        at += length;
    }
    return n;
}

/* The fields are spans of row. */
static void check_and_add(mf_predict_movies_reader *reader, const char *row)
{
    const span *f = reader->fields;
    size_t role = 0;
    size_t n_valid = 0;
    while (role < COLUMNS && (n_valid = valid_bytes(row + f[role].at, f[role].n)) == f[role].n)
        role++;
    if (reader->row.failed) {
        mf_fail(reader->err, MF_ERR_MEMORY, here(reader), "no memory for a row");
    } else if (reader->n_fields != reader->n_columns) {
        mf_fail(reader->err, MF_ERR_PARSE, here(reader),
                "expected %zu fields as in the header, found %zu%s", reader->n_columns,
                reader->n_fields,
                reader->n_fields > reader->n_columns ? ": a title with a comma needs quotes" : "");
    } else if (role < COLUMNS) {
        mf_fail(reader->err, MF_ERR_PARSE, here(reader),
                "%s has the byte 0x%02X, which is not UTF-8: expected the file in UTF-8",
                column_names[role], (unsigned)(unsigned char)row[f[role].at + n_valid]);
    } else if (!mf_id_valid(row + f[COLUMN_ID].at, f[COLUMN_ID].n)) {
        char shown[TITLE_SHOWN];
        mf_printable(shown, sizeof shown, row + f[COLUMN_ID].at, f[COLUMN_ID].n);
        mf_fail(reader->err, MF_ERR_PARSE, here(reader),
                "movieId is \"%s\": expected 1 to 255 bytes without control characters", shown);
    } else {
        const mf_predict_movie movie = {
            .id = row + f[COLUMN_ID].at,
            .n_id = f[COLUMN_ID].n,
            .title = row + f[COLUMN_TITLE].at,
            .n_title = f[COLUMN_TITLE].n,
            .genres = row + f[COLUMN_GENRES].at,
            .n_genres = f[COLUMN_GENRES].n,
        };
        mf_predict_movies_add(reader->movies, &movie, reader->err);
    }
}

static void end_row(mf_predict_movies_reader *reader, const char *row)
{
    reader->line_has_row = true;
    if (reader->err->code == MF_OK) {
        if (reader->has_header)
            check_and_add(reader, row);
        else
            end_header(reader);
    }
    reader->n_fields = 0;
    memset(reader->fields, 0, sizeof reader->fields);
    mf_text_clear(&reader->row, MF_PREDICT_MOVIE_LINE_BYTES);
}

static void take_row(int end, void *context)
{
    (void)end;
    mf_predict_movies_reader *reader = context;
    end_row(reader, reader->row.n_bytes > 0 ? reader->row.bytes : "");
}

/* ------------------------------------------------------------------------ lines */

static bool has_text(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A whole line without quotes, and without its line end: fields between commas, without
 * the blanks around them. */
static void split_line(mf_predict_movies_reader *reader, const char *line, size_t n)
{
    const char *end = line + n;
    for (const char *field = line; field != NULL; reader->n_fields++) {
        const char *comma = memchr(field, ',', (size_t)(end - field));
        const char *stop = comma != NULL ? comma : end;
        while (field < stop && is_blank(*field))
            field++;
        while (stop > field && is_blank(stop[-1]))
            stop--;
        note_field(reader, (size_t)(field - line), (size_t)(stop - field));
        field = comma != NULL ? comma + 1 : NULL;
    }
    end_row(reader, line);
}

/* True when the line is one that split_line understands. */
static bool is_plain(const mf_predict_movies_reader *reader, const char *line, size_t n)
{
    return reader->has_header && reader->line_bytes == n && reader->line_has_text &&
           memchr(line, '"', n) == NULL;
}

static bool fail_quote(const mf_predict_movies_reader *reader, mf_error *err)
{
    return mf_fail(err, MF_ERR_PARSE, here(reader),
                   "a quote is opened and not closed on this line: expected \"…\" around a text, "
                   "with \"\" for a quote inside");
}

/* A line, or a piece of one; `ends` with its line end, LF or CR. */
static bool feed_line(mf_predict_movies_reader *reader, const char *bytes, size_t n, bool ends,
                      mf_error *err)
{
    const bool is_second = reader->after_cr && bytes[0] == '\n';
    reader->after_cr = false;
    if (is_second)
        return true;
    reader->line_bytes += n;
    if (reader->line_bytes > MF_PREDICT_MOVIE_LINE_BYTES)
        return mf_fail(err, MF_ERR_PARSE, here(reader),
                       "a line of over %d bytes: expected lines of movieId,title,genres",
                       MF_PREDICT_MOVIE_LINE_BYTES);
    reader->line_has_text = reader->line_has_text || has_text(bytes, n);
    if (ends && is_plain(reader, bytes, n))
        split_line(reader, bytes, n - 1);
    else if (!mf_rows_feed(reader->rows, bytes, n, take_field, take_row, reader, err))
        return false;
    if (err->code != MF_OK)
        return false;
    if (!ends)
        return true;
    if (reader->line_has_text && !reader->line_has_row)
        return fail_quote(reader, err);
    reader->line++;
    reader->line_bytes = 0;
    reader->line_has_text = false;
    reader->line_has_row = false;
    reader->after_cr = bytes[n - 1] == '\r';
    return true;
}

/* Passes over a byte order mark, which may come in pieces. False only without memory. */
static bool skip_mark(mf_predict_movies_reader *reader, const char **bytes, size_t *n,
                      mf_error *err)
{
    while (!reader->past_mark && *n > 0) {
        if (reader->n_mark < MARK_BYTES && **bytes == byte_order_mark[reader->n_mark]) {
            reader->n_mark++;
            (*bytes)++;
            (*n)--;
            continue;
        }
        reader->past_mark = true;
        /* The beginning of one and no more is text. */
        if (reader->n_mark > 0 && reader->n_mark < MARK_BYTES)
            return feed_line(reader, byte_order_mark, reader->n_mark, false, err);
    }
    return true;
}

bool mf_predict_movies_reader_feed(mf_predict_movies_reader *reader, const char *bytes, size_t n,
                                   mf_error *err)
{
    mf_error why = {0};
    reader->err = &why;
    reader->n_bytes += n;
    if (reader->n_bytes > MF_PREDICT_MOVIES_FILE_BYTES)
        return mf_fail(err, MF_ERR_LIMIT, (mf_where){reader->name, 0, 0}, "over %d bytes of movies",
                       MF_PREDICT_MOVIES_FILE_BYTES);
    bool ok = skip_mark(reader, &bytes, &n, &why);
    const char *lf = memchr(bytes, '\n', n);
    while (ok && n > 0) {
        if (lf != NULL && lf < bytes) /* looked for once, however many CR stand before it */
            lf = memchr(bytes, '\n', n);
        const char *cr = memchr(bytes, '\r', lf != NULL ? (size_t)(lf - bytes) : n);
        const char *end = cr != NULL ? cr : lf;
        const size_t n_line = end != NULL ? (size_t)(end - bytes) + 1 : n;
        ok = feed_line(reader, bytes, n_line, end != NULL, &why);
        bytes += n_line;
        n -= n_line;
    }
    reader->err = NULL;
    return ok || mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
}

static bool end_file(mf_predict_movies_reader *reader, mf_error *err)
{
    reader->err = err;
    /* A line end, so that an open quote shows; libcsv itself would close it. */
    const bool ok = reader->line_bytes == 0 || feed_line(reader, "\n", 1, true, err);
    reader->err = NULL;
    if (!ok)
        return false;
    const mf_where where = {reader->name, 0, 0};
    if (!reader->has_header)
        return mf_fail(err, MF_ERR_PARSE, where,
                       "the file is empty: expected the header movieId,title,genres and a line for "
                       "each movie");
    if (mf_predict_movies_count(reader->movies) == 0)
        return mf_fail(err, MF_ERR_PARSE, where,
                       "no movies behind the header: expected a line for each movie");
    return mf_predict_movies_finish(reader->movies, err);
}

mf_predict_movies *mf_predict_movies_reader_end(mf_predict_movies_reader *reader, mf_error *err)
{
    mf_error why = {0};
    mf_predict_movies *movies = NULL;
    if (end_file(reader, &why)) {
        movies = reader->movies;
        reader->movies = NULL;
    } else {
        mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
    }
    return movies;
}
