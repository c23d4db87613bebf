/* matrix_market.c: the banner, comments, and the line of three sizes. The entries below are a table of runs
 * of blanks, which dialect.c reads. */
#include "ratings/matrix_market.h"

#include "base/number.h"

#include <string.h>
#include <strings.h>

static const char banner[] = "%%MatrixMarket matrix coordinate ";
static const char pattern[] = "pattern";

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* The numbers of the line of sizes. */
static bool read_size(const char *at, const char *end, mf_matrix_size *size)
{
    uint64_t *const numbers[] = {&size->n_rows, &size->n_columns, &size->n_entries};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        at = skip_blanks(at, end);
        const char *begin = at;
        while (at < end && *at != ' ' && *at != '\t' && *at != '\r')
            at++;
        if (!mf_parse_uint64(begin, (size_t)(at - begin), numbers[i]))
            return false;
    }
    size->is_known = true;
    return skip_blanks(at, end) == end;
}

size_t mf_matrix_market_begins(const char *text, size_t n_bytes, mf_matrix_size *size,
                               bool *is_pattern, bool *is_damaged)
{
    *size = (mf_matrix_size){0};
    *is_pattern = *is_damaged = false;
    if (n_bytes < sizeof banner - 1 || strncasecmp(text, banner, sizeof banner - 1) != 0)
        return 0;
    *is_pattern = n_bytes >= sizeof banner - 1 + sizeof pattern - 1 &&
                  strncasecmp(text + sizeof banner - 1, pattern, sizeof pattern - 1) == 0;
    for (size_t at = 0; at < n_bytes;) {
        const char *line = text + at;
        const char *end = memchr(line, '\n', n_bytes - at);
        const char *last = end != NULL ? end : text + n_bytes;
        at = (size_t)(last - text) + (end != NULL);
        if (*line == '%' || skip_blanks(line, last) == last)
            continue;
        if (read_size(line, last, size))
            return at;
        break;
    }
    *is_damaged = true;
    return 0;
}
