/* cutter.c: promises in cutter.h. */
#include "ratings/cutter.h"

#include <string.h>

/* libcsv's states, with its ROW_NOT_BEGUN and FIELD_NOT_BEGUN in one: they differ
 * in what is reported only. */
typedef enum state { BEFORE, PLAIN, QUOTED, AFTER_QUOTE } state;

typedef struct scan {
    const char *bytes;
    size_t n_bytes;
    char delimiter;
    state state;
    bool blank; /* AFTER_QUOTE: blanks since the quote */
    size_t quote;
} scan;

static bool is_end(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One byte; true when it ends the row. */
static inline bool step(scan *s, size_t at)
{
    const char c = s->bytes[at];
    switch (s->state) {
    case BEFORE:
        if (is_blank(c) && c != s->delimiter)
            return false;
        if (is_end(c))
            return true;
        if (c == s->delimiter)
            return false;
        s->state = c == '"' ? QUOTED : PLAIN;
        s->quote = at;
        return false;
    case PLAIN:
        if (c == s->delimiter) {
            s->state = BEFORE;
        } else if (is_end(c)) {
            s->state = BEFORE;
            return true;
        }
        return false;
    case QUOTED:
        if (c == '"') {
            s->state = AFTER_QUOTE;
            s->blank = false;
        }
        return false;
    case AFTER_QUOTE:
        if (c == s->delimiter) {
            s->state = BEFORE;
        } else if (is_end(c)) {
            s->state = BEFORE;
            return true;
        } else if (is_blank(c)) {
            s->blank = true;
        } else if (c == '"' && s->blank) {
            s->blank = false; /* this one may be the closing quote */
        } else {
            s->state = QUOTED;
        }
        return false;
    }
    return false;
}

/* The row that begins at `row` is longer than the limit: is a quote to blame? */
static mf_cut long_row(scan s, size_t row, size_t max_row_bytes)
{
    s.state = BEFORE;
    for (size_t at = row; at <= row + max_row_bytes; at++)
        step(&s, at);
    return (mf_cut){row, s.state == QUOTED ? MF_FLAW_LONG_QUOTE : MF_FLAW_LONG_ROW, s.quote};
}

static mf_cut cut_slowly(const char *bytes, size_t n_bytes, bool is_last, char delimiter,
                         size_t max_row_bytes)
{
    scan s = {bytes, n_bytes, delimiter, BEFORE, false, 0};
    size_t row = 0;  /* where the row that is being scanned begins */
    size_t held = 0; /* its line end, when that is still in doubt */
    for (size_t at = 0; at < n_bytes; at++) {
        if (!step(&s, at))
            continue;
        if (at - row > max_row_bytes)
            return long_row(s, row, max_row_bytes);
        /* After a CR that comes last we cannot know whether an LF follows; the two
         * stay in one block so that they count as one line. */
        if (bytes[at] == '\r' && at + 1 == n_bytes && !is_last) {
            held = 1;
            break;
        }
        if (bytes[at] == '\r' && at + 1 < n_bytes && bytes[at + 1] == '\n')
            at++;
        row = at + 1;
    }
    if (n_bytes - row - held > max_row_bytes)
        return long_row(s, row, max_row_bytes);
    if (!is_last)
        return (mf_cut){row, MF_FLAW_NONE, 0};
    if (s.state == QUOTED)
        return (mf_cut){row, MF_FLAW_OPEN_QUOTE, s.quote};
    return (mf_cut){n_bytes, MF_FLAW_NONE, 0};
}

mf_cut mf_cut_rows(const char *bytes, size_t n_bytes, bool is_last, char delimiter,
                   size_t max_row_bytes)
{
    const char *last = memrchr(bytes, '\n', n_bytes);
    if (last == NULL || memchr(bytes, '"', n_bytes) != NULL)
        return cut_slowly(bytes, n_bytes, is_last, delimiter, max_row_bytes);
    /* Hops of at most the limit that each end behind a line feed prove that no row
     * is too long; where there is none, CRs may still have cut the row. */
    const size_t whole = (size_t)(last - bytes) + 1;
    for (size_t row = 0; n_bytes - row > max_row_bytes;) {
        const char *end =
            memrchr(bytes + row, '\n',
                    max_row_bytes + 1 < n_bytes - row ? max_row_bytes + 1 : n_bytes - row);
        if (end == NULL)
            return cut_slowly(bytes, n_bytes, is_last, delimiter, max_row_bytes);
        row = (size_t)(end - bytes) + 1;
    }
    return (mf_cut){is_last ? n_bytes : whole, MF_FLAW_NONE, 0};
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
