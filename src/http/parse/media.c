/* media.c: quoted strings are skipped whole, so a comma or semicolon inside one cuts nothing. */
#include "http/parse/media.h"

#include <string.h>
#include <strings.h>

/* A stretch of text. */
typedef struct piece {
    const char *bytes;
    size_t n;
} piece;

static piece trim(piece text)
{
    while (text.n > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.n--;
    }
    while (text.n > 0 && (text.bytes[text.n - 1] == ' ' || text.bytes[text.n - 1] == '\t'))
        text.n--;
    return text;
}

/* Cuts the part before `mark` off the front, leaving quoted strings whole. False
 * when nothing is left. */
static bool next_part(piece *rest, char mark, piece *part)
{
    if (rest->bytes == NULL)
        return false;
    bool quoted = false;
    size_t i = 0;
    for (; i < rest->n && (quoted || rest->bytes[i] != mark); i++) {
        if (rest->bytes[i] == '"')
            quoted = !quoted;
        else if (quoted && rest->bytes[i] == '\\' && i + 1 < rest->n)
            i++;
    }
    *part = trim((piece){rest->bytes, i});
    *rest = i < rest->n ? (piece){rest->bytes + i + 1, rest->n - i - 1} : (piece){NULL, 0};
    return true;
}

static bool same(piece text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.bytes, word, text.n) == 0;
}

bool mf_media_is(const char *value, size_t n_bytes, const char *type)
{
    piece rest = {value, n_bytes};
    piece name;
    return next_part(&rest, ';', &name) && same(name, type);
}

/* q in thousandths (RFC 9110, 12.4.2: 0 … 1 with up to three decimals), or -1. */
static int read_q(piece text)
{
    if (text.n == 0 || text.n > 5 || (text.bytes[0] != '0' && text.bytes[0] != '1') ||
        (text.n > 1 && text.bytes[1] != '.'))
        return -1;
    int q = (text.bytes[0] - '0') * 1000;
    int unit = 100;
    for (size_t i = 2; i < text.n; i++, unit /= 10) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return -1;
        q += (text.bytes[i] - '0') * unit;
    }
    return q <= 1000 ? q : -1;
}

/* One element of Accept: a media range and its q. */
typedef struct range {
    piece name;
    int q;
} range;

static bool read_range(piece element, range *out)
{
    piece parameter;
    if (!next_part(&element, ';', &out->name))
        return false;
    const char *slash = out->name.n > 0 ? memchr(out->name.bytes, '/', out->name.n) : NULL;
    if (slash == NULL || slash == out->name.bytes || slash == out->name.bytes + out->name.n - 1)
        return false;
    out->q = 1000;
    while (next_part(&element, ';', &parameter))
        if (parameter.n >= 2 && (parameter.bytes[0] == 'q' || parameter.bytes[0] == 'Q') &&
            parameter.bytes[1] == '=')
            out->q = read_q((piece){parameter.bytes + 2, parameter.n - 2});
    return out->q >= 0;
}

/* 3: names the type; 2: type/∗; 1: ∗/∗; 0: something else. */
static int how_well(const range *r, const char *type)
{
    if (same(r->name, type))
        return 3;
    if (same(r->name, "*/*"))
        return 1;
    const size_t n_main = strcspn(type, "/") + 1;
    return r->name.n == n_main + 1 && r->name.bytes[n_main] == '*' &&
                   strncasecmp(r->name.bytes, type, n_main) == 0
               ? 2
               : 0;
}

/* The q of a type: that of the range that names it most closely; -1 when no range
 * could be read at all. */
static int q_of(piece accept, const char *type)
{
    int best = 0;
    int q = 0;
    bool any = false;
    piece element;
    while (next_part(&accept, ',', &element)) {
        range r;
        if (!read_range(element, &r))
            continue;
        any = true;
        const int fit = how_well(&r, type);
        if (fit > best) {
            best = fit;
            q = r.q;
        }
    }
    return any ? q : -1;
}

int mf_media_choose(const char *accept, size_t n_bytes, const char *const *types, int n_types)
{
    int choice = -1;
    int highest = 0;
    for (int i = 0; i < n_types; i++) {
        const int q = n_bytes > 0 ? q_of((piece){accept, n_bytes}, types[i]) : -1;
        if (q < 0)
            return 0; /* everything is accepted */
        if (q > highest) {
            highest = q;
            choice = i;
        }
    }
    return choice;
}
