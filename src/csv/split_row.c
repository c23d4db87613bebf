/* split_row.c: a row is scanned once in the common case.
 *
 * scan() reads a row in one of two ways: quoted fields stay on their line, or they cross line
 * ends. mf_split_row begins with the first. Only a quote that does not close on its line, or a
 * backslash before a quote, leads to further scans of the same row. */
#include "csv/split_row.h"

#include <string.h>

enum { LINES_AHEAD = 16 };

typedef struct scanner {
    const mf_csv_form *form;
    const char *text;
    size_t n_bytes;
    bool is_last;
    bool crosses; /* a quoted field may hold line ends */
    bool escapes; /* \" is a quote */
    bool saw_escape;
    bool saw_open; /* a quote that does not close on its line was read as text */
    size_t quote;  /* the first such, or the one that is open at the end */
} scanner;

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_delimiter(const mf_csv_form *form, char c)
{
    return form->is_run ? is_blank(c) : c == form->delimiter;
}

static bool is_comma_like(const mf_csv_form *form)
{
    return !form->is_run && (form->delimiter == ',' || form->delimiter == ';');
}

/* Where the quoted field that opens at `at` closes. */
typedef struct closing {
    mf_split_end end; /* MF_SPLIT_ROW: it closes at `at` */
    size_t at;
    bool has_inner; /* quotes inside that stand for others */
    uint32_t n_line_ends;
} closing;

static closing find_closing(scanner *s, size_t at)
{
    closing c = {MF_SPLIT_OPEN, at + 1, false, 0};
    for (; c.at < s->n_bytes; c.at++) {
        const char byte = s->text[c.at];
        const char next = c.at + 1 < s->n_bytes ? s->text[c.at + 1] : '\0';
        s->saw_escape |= byte == '\\' && next == '"';
        if ((byte == '"' && next == '"' && c.at + 1 < s->n_bytes) ||
            (s->escapes && byte == '\\' && (next == '"' || next == '\\'))) {
            c.has_inner = true;
            c.at++;
        } else if (byte == '"') {
            if (c.at + 1 == s->n_bytes && !s->is_last)
                break;
            c.end = MF_SPLIT_ROW;
            return c;
        } else if (is_end(byte)) {
            if (!s->crosses)
                return c;
            c.n_line_ends += !(byte == '\r' && next == '\n');
        }
    }
    if (!s->is_last)
        c.end = MF_SPLIT_MORE;
    return c;
}

/* The end of an unquoted field from `at` on: a delimiter, a line end or the text's end. */
static size_t find_field_end(const scanner *s, size_t at)
{
    while (at < s->n_bytes && !is_end(s->text[at]) && !is_delimiter(s->form, s->text[at]))
        at++;
    return at;
}

static size_t skip_blanks(const scanner *s, size_t at)
{
    while (at < s->n_bytes && is_blank(s->text[at]) &&
           (s->form->is_run || s->text[at] != s->form->delimiter))
        at++;
    return at;
}

static void add_field(mf_split *split, size_t begin, size_t end, bool is_quoted, bool is_raw)
{
    if (split->n_fields < MF_SPLIT_FIELDS)
        split->field[split->n_fields] =
            (mf_field){(uint32_t)begin, (uint32_t)(end - begin), is_quoted, is_raw};
    split->n_fields++;
    split->is_blank &= end == begin;
}

/* Reads the field at *at and moves behind it. */
static mf_split_end scan_field(scanner *s, size_t *at, mf_split *split)
{
    const size_t begin = *at;
    bool is_quoted =
        begin < s->n_bytes && s->text[begin] == '"' && s->form->quoting != MF_QUOTING_NONE;
    size_t rest = begin; /* where unquoted text begins */
    bool has_inner = false;
    if (is_quoted) {
        const closing c = find_closing(s, begin);
        if (c.end == MF_SPLIT_MORE || (c.end == MF_SPLIT_OPEN && s->crosses)) {
            s->quote = begin;
            return c.end;
        }
        if (c.end == MF_SPLIT_ROW) {
            const size_t after = skip_blanks(s, c.at + 1);
            if (after == s->n_bytes && !s->is_last)
                return MF_SPLIT_MORE;
            split->n_line_ends += c.n_line_ends;
            if (after == s->n_bytes || is_end(s->text[after]) ||
                is_delimiter(s->form, s->text[after]) || (s->form->is_run && after > c.at + 1)) {
                *at = s->form->is_run ? c.at + 1 : after;
                if (c.has_inner)
                    add_field(split, begin, c.at + 1, true, true);
                else
                    add_field(split, begin + 1, c.at, true, false);
                return MF_SPLIT_ROW;
            }
            rest = c.at + 1;
            has_inner = true;
        } else {
            if (!s->saw_open)
                s->quote = begin;
            s->saw_open = true;
            is_quoted = false;
        }
    }
    size_t end = find_field_end(s, rest);
    if (end == s->n_bytes && !s->is_last)
        return MF_SPLIT_MORE;
    *at = end;
    while (end > begin && is_blank(s->text[end - 1]))
        end--;
    add_field(split, begin, end, is_quoted, has_inner);
    return MF_SPLIT_ROW;
}

/* Behind the line end at `at`, which CR and LF make together. */
static mf_split_end scan_line_end(const scanner *s, size_t at, mf_split *split)
{
    split->n_bytes = at;
    if (at == s->n_bytes)
        return at > s->form->max_row_bytes ? MF_SPLIT_LONG : MF_SPLIT_ROW;
    split->n_bytes++;
    if (s->text[at] == '\r' && at + 1 == s->n_bytes && !s->is_last)
        return MF_SPLIT_MORE;
    if (s->text[at] == '\r' && at + 1 < s->n_bytes && s->text[at + 1] == '\n')
        split->n_bytes++;
    return at > s->form->max_row_bytes ? MF_SPLIT_LONG : MF_SPLIT_ROW;
}

static mf_split_end scan(scanner *s, mf_split *split)
{
    size_t at = skip_blanks(s, 0);
    split->n_fields = split->n_line_ends = 0;
    split->is_blank = true;
    split->has_escapes = s->escapes;
    s->saw_escape = s->saw_open = false;
    s->quote = SIZE_MAX;
    if (at == s->n_bytes && !s->is_last)
        return MF_SPLIT_MORE;
    if (at == s->n_bytes || is_end(s->text[at]))
        return scan_line_end(s, at, split);
    for (;;) {
        const mf_split_end end = scan_field(s, &at, split);
        if (end != MF_SPLIT_ROW)
            return end;
        if (s->form->is_run)
            at = skip_blanks(s, at);
        if (at == s->n_bytes && !s->is_last)
            return MF_SPLIT_MORE;
        if (at == s->n_bytes || is_end(s->text[at]))
            return scan_line_end(s, at, split);
        if (!s->form->is_run)
            at = skip_blanks(s, at + 1);
    }
}

static bool has_right_width(const mf_csv_form *form, const mf_split *split)
{
    return form->n_fields == 0 || split->n_fields == form->n_fields;
}

/* Whether the lines after the one that ends at `at` are rows of their own, up to the line with
 * the next quote: then the quote before them is text. MF_SPLIT_OPEN: they are not. */
static mf_split_end look_ahead(const scanner *s, size_t at, mf_split *split)
{
    const bool needs_quote = is_comma_like(s->form);
    for (int line = 0; (line < LINES_AHEAD || needs_quote) && at < s->n_bytes; line++) {
        scanner ahead = *s;
        ahead.text = s->text + at;
        ahead.n_bytes = s->n_bytes - at;
        ahead.crosses = ahead.escapes = false;
        const mf_split_end end = scan(&ahead, split);
        if (end == MF_SPLIT_LONG || (end == MF_SPLIT_ROW && !has_right_width(s->form, split)))
            return MF_SPLIT_OPEN;
        if (end != MF_SPLIT_ROW)
            return end;
        if (memchr(s->text + at, '"', split->n_bytes) != NULL)
            return MF_SPLIT_ROW;
        at += split->n_bytes;
    }
    if (at == s->n_bytes && !s->is_last)
        return MF_SPLIT_MORE;
    return needs_quote ? MF_SPLIT_OPEN : MF_SPLIT_ROW;
}

/* Reads the row with quoted fields that cross line ends. */
static mf_split_end scan_across(scanner *s, mf_split *split)
{
    s->crosses = true;
    s->escapes = false;
    mf_split_end end = scan(s, split);
    if (s->saw_escape && s->form->quoting == MF_QUOTING_AUTO) {
        s->escapes = true;
        const mf_split_end escaped = scan(s, split);
        if (escaped == MF_SPLIT_MORE ||
            (escaped == MF_SPLIT_ROW && has_right_width(s->form, split)))
            return escaped;
        s->escapes = false;
        end = scan(s, split);
    }
    return end;
}

/* The row with every quote that does not close on its line as text. */
static mf_split_end scan_line(scanner *s, mf_split *split)
{
    s->crosses = s->escapes = false;
    return scan(s, split);
}

static mf_split_end split_auto(scanner *s, mf_split *split)
{
    mf_split_end end = scan_line(s, split);
    if (end == MF_SPLIT_MORE)
        return end;
    if (s->saw_escape) {
        s->escapes = true;
        end = scan(s, split);
        if (end == MF_SPLIT_MORE ||
            (end == MF_SPLIT_ROW && !s->saw_open && has_right_width(s->form, split)))
            return end;
        end = scan_line(s, split);
    }
    if (end != MF_SPLIT_ROW || !s->saw_open)
        return end;
    const bool is_whole = s->form->n_fields != 0 && has_right_width(s->form, split);
    if (is_whole) {
        end = look_ahead(s, split->n_bytes, split);
        if (end == MF_SPLIT_MORE)
            return end;
        if (end == MF_SPLIT_ROW)
            return scan_line(s, split);
    }
    end = scan_across(s, split);
    if (end == MF_SPLIT_MORE)
        return end;
    const bool is_strict = is_comma_like(s->form);
    if (end == MF_SPLIT_ROW ? has_right_width(s->form, split) || (!is_whole && is_strict)
                            : is_strict)
        return end;
    return scan_line(s, split);
}

/* The same when all bytes are seen that a row may have. */
static mf_split_end split_full(scanner *s, mf_split *split)
{
    s->is_last = true;
    mf_split_end end = MF_SPLIT_OPEN;
    if (s->form->quoting != MF_QUOTING_MINIMAL)
        end = scan_line(s, split);
    if (s->saw_open && is_comma_like(s->form))
        end = MF_SPLIT_OPEN;
    if (end == MF_SPLIT_OPEN)
        end = scan_across(s, split);
    return end == MF_SPLIT_ROW && split->n_bytes < s->n_bytes ? MF_SPLIT_ROW : MF_SPLIT_LONG;
}

mf_split_end mf_split_row(const mf_csv_form *form, const char *text, size_t n_bytes, bool is_last,
                          mf_split *split)
{
    /* One byte more than a row of the limit and its line end: what is longer is too long,
     * wherever the text was cut. */
    const bool is_long = n_bytes > form->max_row_bytes + 2;
    scanner s = {.form = form,
                 .text = text,
                 .n_bytes = is_long ? form->max_row_bytes + 2 : n_bytes,
                 .is_last = is_last && !is_long};
    mf_split_end end =
        form->quoting == MF_QUOTING_AUTO
            ? split_auto(&s, split)
            : (form->quoting == MF_QUOTING_NONE ? scan_line(&s, split) : scan_across(&s, split));
    /* No further byte can help: a line end within the limit ends the row after all. */
    if (end == MF_SPLIT_MORE && n_bytes > form->max_row_bytes + 1)
        end = split_full(&s, split);
    split->has_open_quote = end != MF_SPLIT_ROW && s.quote != SIZE_MAX;
    split->quote = s.quote;
    return end;
}

size_t mf_field_text(const char *row, const mf_field *field, bool has_escapes, char *text,
                     size_t n_most)
{
    const char *from = row + field->begin;
    if (!field->is_raw) {
        memcpy(text, from, field->n_bytes < n_most ? field->n_bytes : n_most);
        return field->n_bytes;
    }
    bool inside = true;
    size_t n = 0;
    for (size_t at = 1; at < field->n_bytes; at++) {
        const char next = at + 1 < field->n_bytes ? from[at + 1] : '\0';
        if (inside && ((from[at] == '"' && next == '"') ||
                       (has_escapes && from[at] == '\\' && (next == '"' || next == '\\')))) {
            at++; /* the second of the two is content */
        } else if (inside && from[at] == '"') {
            inside = false;
            continue;
        }
        if (n < n_most)
            text[n] = from[at];
        n++;
    }
    return n;
}
