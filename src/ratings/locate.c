/* locate.c: promises in locate.h. Cost about 10 ns per byte, at bad rows only. */
#include "ratings/locate.h"

typedef struct walk {
    uint32_t row;   /* complete ones so far */
    uint32_t field; /* complete ones in this row */
    bool in_field;  /* a byte of the field, or its end, was seen */
    size_t line_begin;
    uint64_t line;
    size_t row_begin; /* the beginning of the line on which the row begins */
    uint64_t row_line;
    mf_bad_row *bad;
    uint32_t n_bad;
} walk;

static void walk_field(void *bytes, size_t n_bytes, void *context)
{
    walk *w = context;
    (void)bytes;
    (void)n_bytes;
    w->field++;
    w->in_field = false;
}

static void walk_row(int end, void *context)
{
    walk *w = context;
    (void)end;
    w->row++;
    w->field = 0;
    w->in_field = false;
}

/* The field begins at `at`. */
static void begin_field(walk *w, size_t at)
{
    w->in_field = true;
    if (w->field == 0) {
        w->row_begin = w->line_begin;
        w->row_line = w->line;
    }
    for (uint32_t b = 0; b < w->n_bad; b++) {
        /* Later fields overwrite, so a field beyond the row's last is the last. */
        if (w->bad[b].row == w->row && w->field <= w->bad[b].field) {
            w->bad[b].line = w->row_line;
            w->bad[b].column = at - w->row_begin + 1;
        }
    }
}

bool mf_locate(const char *bytes, size_t n_bytes, char delimiter, mf_bad_row *bad, uint32_t n_bad,
               mf_error *err)
{
    walk w = {.bad = bad, .n_bad = n_bad};
    mf_rows *rows = mf_rows_create(delimiter, err);
    bool ok = rows != NULL;
    for (size_t at = 0; ok && at < n_bytes; at++) {
        const char c = bytes[at];
        const bool is_blank = (c == ' ' || c == '\t') && c != delimiter;
        const bool is_end = c == '\n' || c == '\r';
        if (!w.in_field && !is_blank && !(is_end && w.field == 0))
            begin_field(&w, at);
        ok = mf_rows_feed(rows, &c, 1, walk_field, walk_row, &w, err);
        if (c == '\n' || (c == '\r' && (at + 1 == n_bytes || bytes[at + 1] != '\n'))) {
            w.line++;
            w.line_begin = at + 1;
        }
        if (n_bad > 0 && w.row > bad[n_bad - 1].row)
            break;
    }
    if (ok && !w.in_field && w.field > 0)
        begin_field(&w, n_bytes);
    mf_rows_destroy(rows);
    return ok;
}
