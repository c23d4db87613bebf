/* scan.c: reads one object with two known keys from left to right. Every step accepts bytes or
 * returns 0. That is always correct, because jansson then reads the instance from its start. */
#include "inference/scan.h"

#include <stdbool.h>
#include <string.h>

enum { INTEGER_DIGITS_MAX = 18 }; /* fewer than any 64-bit overflow */

typedef struct scanner {
    const char *at;
    const char *end;
} scanner;

static void skip_blanks(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

/* The next byte after blanks is c: passes it. */
static bool take(scanner *s, char c)
{
    if (s->at < s->end && *s->at == c) {
        s->at++;
        return true;
    }
    skip_blanks(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_literal(scanner *s, const char *literal, size_t n)
{
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, literal, n) != 0)
        return false;
    s->at += n;
    return true;
}

static bool take_string(scanner *s, mf_id *id)
{
    const char *start = s->at;
    const char *at = start;
    while (at < s->end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\')
        at++;
    if (at == start || at == s->end || *at != '"')
        return false;
    *id = (mf_id){start, (size_t)(at - start)};
    s->at = at + 1;
    return true;
}

static bool take_integer(scanner *s, mf_id *id)
{
    const char *start = s->at;
    const char *at = start;
    while (at < s->end && *at >= '0' && *at <= '9')
        at++;
    const size_t n = (size_t)(at - start);
    if (n == 0 || n > INTEGER_DIGITS_MAX || (*start == '0' && n > 1) || at == s->end)
        return false;
    /* A point or an exponent makes it another number: the caller finds no , or }. */
    *id = (mf_id){start, n};
    s->at = at;
    return true;
}

static bool take_value(scanner *s, mf_id *id)
{
    if (!take(s, ':'))
        return false;
    skip_blanks(s);
    if (take_literal(s, "\"", 1))
        return take_string(s, id);
    return take_integer(s, id);
}

size_t mf_scan_pair(const char *bytes, size_t n_bytes, mf_id *user, mf_id *item)
{
    scanner s = {bytes, bytes + n_bytes};
    *user = (mf_id){NULL, 0};
    *item = (mf_id){NULL, 0};
    if (!take(&s, '{'))
        return 0;
    for (int field = 0; field < 2; field++) {
        if (field > 0 && !take(&s, ','))
            return 0;
        if (!take(&s, '"'))
            return 0;
        mf_id *id;
        if (take_literal(&s, "userId\"", 7))
            id = user;
        else if (take_literal(&s, "movieId\"", 8))
            id = item;
        else
            return 0;
        if (id->bytes != NULL || !take_value(&s, id))
            return 0;
    }
    return take(&s, '}') ? (size_t)(s.at - bytes) : 0;
}
