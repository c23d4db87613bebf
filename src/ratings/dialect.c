/* dialect.c: promises in dialect.h. Each delimiter is tried on the first row. */
#include "ratings/dialect.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/utf8.h"
#include "csv/rows.h"
#include "ratings/cutter.h"
#include "ratings/header.h"

#include <stdarg.h>
#include <stdio.h>

enum { SAMPLE_ROWS = 2, REASON_NAMES = 8 };

/* The most particular one first: it wins where several explain a text as well. */
static const struct {
    char delimiter;
    bool is_double;
} candidates[] = {{':', true}, {',', false}, {'\t', false}, {';', false}, {'|', false}};
enum { N_CANDIDATES = sizeof candidates / sizeof candidates[0] };

/* The first rows under one delimiter. */
typedef struct sample {
    uint32_t n_rows;
    uint32_t n_fields[SAMPLE_ROWS];
    size_t n_first; /* bytes of the first row and its line end */
    bool is_double;
    mf_cell_copy cells[SAMPLE_ROWS][MF_COLUMNS_MAX];
} sample;

static void sample_field(void *bytes, size_t n_bytes, void *context)
{
    sample *s = context;
    if (s->n_rows >= SAMPLE_ROWS)
        return;
    const uint32_t field = s->n_fields[s->n_rows]++;
    if (field < MF_COLUMNS_MAX)
        mf_cell_keep(&s->cells[s->n_rows][field], bytes, n_bytes);
}

static void sample_row(int end, void *context)
{
    sample *s = context;
    (void)end;
    s->n_rows++;
}

static bool sample_take(sample *s, const char *head, size_t n_head, bool is_all, char delimiter,
                        bool is_double, mf_error *err)
{
    s->n_rows = s->n_fields[0] = s->n_fields[1] = 0;
    s->n_first = n_head;
    s->is_double = is_double;
    mf_rows *rows = mf_rows_create(delimiter, err);
    if (rows == NULL)
        return false;
    bool ok = true;
    for (size_t at = 0; ok && at < n_head && s->n_rows < SAMPLE_ROWS; at++) {
        const uint32_t before = s->n_rows;
        ok = mf_rows_feed(rows, head + at, 1, sample_field, sample_row, s, err);
        if (before == 0 && s->n_rows == 1)
            s->n_first = at + 1 + (head[at] == '\r' && at + 1 < n_head && head[at + 1] == '\n');
    }
    if (ok && is_all)
        mf_rows_end(rows, sample_field, sample_row, s);
    mf_rows_destroy(rows);
    return ok;
}

static uint32_t n_cells(const sample *s, uint32_t row)
{
    return s->n_fields[row] < MF_COLUMNS_MAX ? s->n_fields[row] : MF_COLUMNS_MAX;
}

static uint32_t n_columns(const sample *s)
{
    return s->is_double ? (s->n_fields[0] + 1) / 2 : s->n_fields[0];
}

/* Under "::" every second field lies between two colons. */
static bool gaps_are_empty(const sample *s)
{
    if (!s->is_double)
        return true;
    for (uint32_t c = 1; c < n_cells(s, 0); c += 2)
        if (s->cells[0][c].n_bytes != 0)
            return false;
    return s->n_fields[0] % 2 == 1;
}

static bool is_number(const mf_cell_copy *cell)
{
    double value;
    return cell->n_bytes <= MF_COPY_BYTES && mf_parse_double(cell->bytes, cell->n_bytes, &value);
}

static bool is_id(const mf_cell_copy *cell)
{
    return cell->n_bytes <= MF_ID_BYTES_MAX && mf_id_valid(cell->bytes, cell->n_bytes);
}

static void describe(mf_dialect *dialect, const sample *s, char delimiter,
                     const uint32_t column[MF_ROLES])
{
    memset(dialect, 0, sizeof *dialect);
    dialect->delimiter = delimiter;
    dialect->is_double = s->is_double;
    dialect->n_fields = s->n_fields[0];
    memset(dialect->role, MF_ROLE_NONE, sizeof dialect->role);
    for (int role = 0; role < MF_ROLES; role++) {
        dialect->column[role] = column[role];
        if (column[role] == MF_COLUMN_ABSENT)
            continue;
        dialect->role[column[role]] = (uint8_t)role;
        dialect->header[role] = s->cells[0][column[role]];
    }
    dialect->has_time = column[MF_ROLE_TIMESTAMP] != MF_COLUMN_ABSENT;
    dialect->has_value = column[MF_ROLE_VALUE] != MF_COLUMN_ABSENT;
    dialect->feedback = MF_FEEDBACK_EXPLICIT;
}

static bool match_header(const sample *s, char delimiter, const mf_ratings_options *options,
                         mf_feedback feedback, mf_dialect *dialect)
{
    uint32_t column[MF_ROLES];
    bool weak_time;
    if (s->n_rows == 0 || !gaps_are_empty(s) ||
        !mf_header_match(s->cells[0], n_cells(s, 0), s->is_double ? 2 : 1, options, feedback,
                         column, &weak_time))
        return false;
    if (weak_time && !(s->n_rows > 1 && column[MF_ROLE_TIMESTAMP] < n_cells(s, 1) &&
                       is_number(&s->cells[1][column[MF_ROLE_TIMESTAMP]])))
        column[MF_ROLE_TIMESTAMP] = MF_COLUMN_ABSENT;
    describe(dialect, s, delimiter, column);
    dialect->has_header = true;
    dialect->feedback = feedback;
    dialect->n_head = s->n_first;
    return true;
}

static bool match_headerless(const sample *s, char delimiter, mf_dialect *dialect)
{
    const uint32_t step = s->is_double ? 2 : 1;
    const mf_cell_copy *cells = s->cells[0];
    if (s->n_rows == 0 || !gaps_are_empty(s) || n_columns(s) < 3 || n_columns(s) > 4 ||
        !is_id(&cells[0]) || !is_id(&cells[step]) || !is_number(&cells[2 * step]) ||
        (n_columns(s) == 4 && !is_number(&cells[3 * step])))
        return false;
    const uint32_t column[MF_ROLES] = {0, step, 2 * step,
                                       n_columns(s) == 4 ? 3 * step : MF_COLUMN_ABSENT};
    describe(dialect, s, delimiter, column);
    return true;
}

/* A growing sentence in a fixed place. */
__attribute__((format(printf, 2, 3))) static void say(char reason[MF_RATINGS_REASON_BYTES],
                                                      const char *format, ...)
{
    const size_t used = strlen(reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason + used, MF_RATINGS_REASON_BYTES - used, format, arguments);
    va_end(arguments);
}

static bool is_text(const mf_cell_copy *cell)
{
    const size_t n = cell->n_bytes < MF_COPY_BYTES ? cell->n_bytes : MF_COPY_BYTES;
    for (size_t i = 0; i < n;) {
        const size_t length = mf_utf8_length(cell->bytes + i, n - i);
        if (length == 0)
            return n - i < 4 && cell->n_bytes > MF_COPY_BYTES; /* cut inside a character */
        if (mf_utf8_is_control(cell->bytes + i, length) && !strchr("\t\r\n\f", cell->bytes[i]))
            return false;
        i += length;
    }
    return true;
}

/* "columns movieId, title, genres" */
static void say_columns(const sample *s, char reason[MF_RATINGS_REASON_BYTES])
{
    const uint32_t step = s->is_double ? 2 : 1;
    char text[40];
    for (uint32_t c = 0; c < n_cells(s, 0); c += step) {
        const mf_cell_copy *cell = &s->cells[0][c];
        if (c / step == REASON_NAMES) {
            say(reason, " and %lu more", (unsigned long)(n_columns(s) - REASON_NAMES));
            break;
        }
        mf_printable(text, 24, cell->bytes,
                     cell->n_bytes < MF_COPY_BYTES ? cell->n_bytes : MF_COPY_BYTES);
        say(reason, "%s%s", c == 0 ? "columns " : ", ", text);
    }
}

/* "; missing: user, rating" */
static void say_missing(const sample *s, const mf_ratings_options *options, mf_feedback feedback,
                        char reason[MF_RATINGS_REASON_BYTES])
{
    const char *const role_names[MF_ROLES] = {
        "user", "item", feedback == MF_FEEDBACK_IMPLICIT ? "weight" : "rating", "timestamp"};
    const char *given[MF_ROLES];
    uint32_t column[MF_ROLES];
    char text[40];
    bool weak_time;
    const char *between = "; missing: ";
    mf_header_given(options, feedback, given);
    mf_header_match(s->cells[0], n_cells(s, 0), s->is_double ? 2 : 1, options, feedback, column,
                    &weak_time);
    for (int role = 0; role < MF_ROLES; role++) {
        if (column[role] != MF_COLUMN_ABSENT ||
            (given[role] == NULL && !mf_header_needs(role, feedback)))
            continue;
        if (given[role] != NULL)
            say(reason, "%s%s (\"%s\")", between, role_names[role],
                mf_printable(text, 24, given[role], strlen(given[role])));
        else
            say(reason, "%s%s", between, role_names[role]);
        between = ", ";
    }
}

/* Why the text is not what was looked for. */
static void explain(const sample *s, const mf_ratings_options *options, mf_feedback feedback,
                    char reason[MF_RATINGS_REASON_BYTES])
{
    mf_dialect headerless;
    char text[40];
    for (uint32_t c = 0; c < n_cells(s, 0); c++)
        if (!is_text(&s->cells[0][c])) {
            say(reason, "binary data");
            return;
        }
    const size_t n_first =
        s->cells[0][0].n_bytes < MF_COPY_BYTES ? s->cells[0][0].n_bytes : (size_t)MF_COPY_BYTES;
    if (n_columns(s) < 2) {
        say(reason, "not a table; it begins with \"%s\"",
            mf_printable(text, sizeof text, s->cells[0][0].bytes, n_first));
        return;
    }
    say_columns(s, reason);
    say_missing(s, options, feedback, reason);
    if (feedback == MF_FEEDBACK_IMPLICIT && match_headerless(s, ',', &headerless))
        say(reason, "; implicit feedback needs a header");
}

/* How well a delimiter explains a text that is not ratings, for the reason. */
static uint32_t plausibility(const sample *s)
{
    return s->n_rows > 0 && gaps_are_empty(s) ? n_columns(s) : 0;
}

/* The ways to see a text, in the order in which they are tried. */
typedef enum way { WAY_RATINGS, WAY_HEADERLESS, WAY_IMPLICIT, N_WAYS } way;

static bool way_is_open(way w, const mf_ratings_options *options, mf_feedback feedback)
{
    if (w == WAY_IMPLICIT)
        return feedback != MF_FEEDBACK_EXPLICIT;
    return feedback != MF_FEEDBACK_IMPLICIT && (w == WAY_RATINGS || !mf_header_is_given(options));
}

static bool find_dialect(const char *head, size_t n_head, bool is_all,
                         const mf_ratings_options *options, sample *s, mf_dialect *dialect,
                         bool *found, char reason[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    uint32_t best = 0;
    int best_candidate = 0;
    const mf_feedback feedback = mf_dialect_feedback(options);
    for (int w = 0; w < N_WAYS && !*found; w++) {
        if (!way_is_open((way)w, options, feedback))
            continue;
        for (int c = 0; c < N_CANDIDATES && !*found; c++) {
            const char delimiter = candidates[c].delimiter;
            if (!sample_take(s, head, n_head, is_all, delimiter, candidates[c].is_double, err))
                return false;
            *found = w == WAY_HEADERLESS ? match_headerless(s, delimiter, dialect)
                                         : match_header(s, delimiter, options,
                                                        w == WAY_IMPLICIT ? MF_FEEDBACK_IMPLICIT
                                                                          : MF_FEEDBACK_EXPLICIT,
                                                        dialect);
            if (plausibility(s) > best) {
                best = plausibility(s);
                best_candidate = c;
            }
        }
    }
    if (*found && dialect->feedback == MF_FEEDBACK_IMPLICIT && feedback == MF_FEEDBACK_AUTO) {
        say_columns(s, reason);
        say_missing(s, options, MF_FEEDBACK_EXPLICIT, reason);
        say(reason, "; it would count as implicit feedback only when no file has ratings");
    }
    if (*found)
        return true;
    if (best == 0) {
        if (is_all)
            say(reason, "nothing but blank lines");
        else
            say(reason, "its first line is longer than %zu bytes", n_head);
        return true;
    }
    if (!sample_take(s, head, n_head, is_all, candidates[best_candidate].delimiter,
                     candidates[best_candidate].is_double, err))
        return false;
    explain(s, options, feedback, reason);
    return true;
}

mf_feedback mf_dialect_feedback(const mf_ratings_options *options)
{
    const bool has_rating = options->rating_column != NULL;
    const bool has_weight = options->weight_column != NULL;
    if (options->feedback != MF_FEEDBACK_AUTO || has_rating == has_weight)
        return options->feedback;
    return has_rating ? MF_FEEDBACK_EXPLICIT : MF_FEEDBACK_IMPLICIT;
}

bool mf_dialect_detect(const char *head, size_t n_head, bool is_all,
                       const mf_ratings_options *options, mf_dialect *dialect,
                       mf_ratings_verdict *verdict, char reason[MF_RATINGS_REASON_BYTES],
                       mf_error *err)
{
    *verdict = MF_RATINGS_NOT_RATINGS;
    reason[0] = '\0';
    const size_t n_mark = n_head >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (n_head == n_mark) {
        say(reason, "empty");
        return true;
    }
    if (n_head >= 2 && (memcmp(head, "\xFF\xFE", 2) == 0 || memcmp(head, "\xFE\xFF", 2) == 0)) {
        say(reason, "UTF-16 text; it has to be UTF-8");
        return true;
    }
    sample *s = mf_allocate(1, sizeof *s, "the first rows", err);
    if (s == NULL)
        return false;
    bool found = false;
    const bool ok = find_dialect(head + n_mark, n_head - n_mark, is_all, options, s, dialect,
                                 &found, reason, err);
    mf_free(s);
    if (ok && found) {
        dialect->n_head += n_mark;
        dialect->n_head_lines = mf_count_lines(head, dialect->n_head);
        *verdict = MF_RATINGS_READ;
    }
    return ok;
}
