/* cutter.c: text with quotes is cut by reading every row of it, other text by looking for its last
 * line feed. */
#include "ratings/cutter.h"

#include <string.h>

static mf_cut cut_at(size_t row, mf_flaw flaw, size_t place)
{
    return (mf_cut){row, flaw, place};
}

static mf_cut cut_row_by_row(const mf_csv_form *form, const char *bytes, size_t n_bytes,
                             bool is_last)
{
    mf_split split;
    size_t row = 0;
    while (row < n_bytes) {
        const mf_split_end end = mf_split_row(form, bytes + row, n_bytes - row, is_last, &split);
        const size_t place = row + (split.has_open_quote ? split.quote : 0);
        if (end == MF_SPLIT_LONG)
            return cut_at(row, split.has_open_quote ? MF_FLAW_LONG_QUOTE : MF_FLAW_LONG_ROW, place);
        if (end == MF_SPLIT_OPEN)
            return cut_at(row, MF_FLAW_OPEN_QUOTE, place);
        if (end == MF_SPLIT_MORE)
            break;
        row += split.n_bytes;
    }
    return cut_at(row, MF_FLAW_NONE, row);
}

mf_cut mf_cut_rows(const mf_csv_form *form, const char *bytes, size_t n_bytes, bool is_last)
{
    const size_t max_row_bytes = form->max_row_bytes;
    const char *last = memrchr(bytes, '\n', n_bytes);
    if (last == NULL || (form->quoting != MF_QUOTING_NONE && memchr(bytes, '"', n_bytes) != NULL))
        return cut_row_by_row(form, bytes, n_bytes, is_last);
    /* Hops of at most the limit that each end behind a line feed prove that no row
     * is too long; where there is none, CRs may still have cut the row. */
    const size_t whole = (size_t)(last - bytes) + 1;
    for (size_t row = 0; n_bytes - row > max_row_bytes;) {
        const char *end =
            memrchr(bytes + row, '\n',
                    max_row_bytes + 1 < n_bytes - row ? max_row_bytes + 1 : n_bytes - row);
        if (end == NULL)
            return cut_row_by_row(form, bytes, n_bytes, is_last);
        row = (size_t)(end - bytes) + 1;
    }
    return cut_at(is_last ? n_bytes : whole, MF_FLAW_NONE, 0);
}

size_t mf_object_bytes(const char *bytes, size_t n_bytes)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t at = 0; at < n_bytes; at++) {
        const char c = bytes[at];
        if (in_string) {
            if (c == '\\')
                at++;
            else if (c == '"' || c == '\n')
                in_string = false; /* a string that holds a line end is damage */
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth <= 1)
                return at + 1;
            depth--;
        } else if (c == '\n' && depth == 0) {
            return at; /* not an object: damage ends with its line */
        }
    }
    return 0;
}

mf_cut mf_cut_objects(const char *bytes, size_t n_bytes, bool is_last, size_t max_row_bytes)
{
    size_t row = 0;
    for (;;) {
        while (row < n_bytes && mf_is_between_objects(bytes[row]))
            row++;
        if (row == n_bytes)
            return cut_at(row, MF_FLAW_NONE, row);
        const size_t n = mf_object_bytes(bytes + row, n_bytes - row);
        if (n > max_row_bytes || (n == 0 && n_bytes - row > max_row_bytes))
            return cut_at(row, MF_FLAW_LONG_ROW, row);
        if (n == 0 && is_last)
            return cut_at(row, MF_FLAW_OPEN_OBJECT, row);
        if (n == 0)
            return cut_at(row, MF_FLAW_NONE, row);
        row += n;
    }
}

/* What is looked for in a stretch of at most 255 bytes, so that sums of bytes cannot
 * overflow. */
typedef struct tally {
    unsigned char feeds;
    unsigned char returns;
    unsigned char odd; /* not 0: a quote or a blank */
} tally;

/* Inlined with a fixed n_bytes, the compiler makes this a few instructions for 16. */
__attribute__((always_inline)) static inline tally tally_bytes(const char *bytes, size_t n_bytes,
                                                               char blank)
{
    tally t = {0, 0, 0};
    for (size_t at = 0; at < n_bytes; at++) {
        t.feeds = (unsigned char)(t.feeds + (bytes[at] == '\n'));
        t.returns = (unsigned char)(t.returns + (bytes[at] == '\r'));
        t.odd |= (unsigned char)((bytes[at] == '"') | (bytes[at] == ' ') | (bytes[at] == blank));
    }
    return t;
}

mf_survey mf_survey_block(const char *bytes, size_t n_bytes, char delimiter)
{
    enum { STRETCH = 240 };
    const char blank = delimiter == '\t' ? ' ' : '\t';
    size_t n_feeds = 0;
    size_t n_returns = 0;
    unsigned odd = 0;
    for (size_t from = 0; from < n_bytes; from += STRETCH) {
        const tally t = n_bytes - from >= STRETCH
                            ? tally_bytes(bytes + from, STRETCH, blank)
                            : tally_bytes(bytes + from, n_bytes - from, blank);
        n_feeds += t.feeds;
        n_returns += t.returns;
        odd |= t.odd;
    }
    if (n_returns > 0)
        for (size_t at = 0; at + 1 < n_bytes; at++)
            n_returns -= bytes[at] == '\r' && bytes[at + 1] == '\n';
    return (mf_survey){n_feeds + n_returns, odd == 0};
}

size_t mf_count_lines(const char *bytes, size_t n_bytes)
{
    return mf_survey_block(bytes, n_bytes, ',').n_lines;
}
