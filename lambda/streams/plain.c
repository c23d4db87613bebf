/* plain.c: promises in plain.h. Every step either moves on or gives up; giving up is always
 * right. */
#include "lambda/streams/plain.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAIRWISE = 16 /* keys that are compared each with each */ };

void mf_stream_plain_start(mf_stream_plain *plain, const char *bytes, size_t n_bytes)
{
    plain->at = bytes;
    plain->end = bytes + n_bytes;
    plain->failed = false;
    plain->depth = 0;
    plain->n_keys = 0;
    plain->capacity = MF_STREAM_PLAIN_FEW_KEYS;
    plain->more_keys = NULL;
}

static void fail(mf_stream_plain *p)
{
    p->failed = true;
    p->at = p->end;
}

static void skip_blanks(mf_stream_plain *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
}

bool mf_stream_plain_begins(mf_stream_plain *plain, char c)
{
    skip_blanks(plain);
    return plain->at < plain->end && *plain->at == c;
}

/* The next byte after blanks is c: passes it. */
static bool take(mf_stream_plain *p, char c)
{
    if (!mf_stream_plain_begins(p, c))
        return false;
    p->at++;
    return true;
}

static mf_id *keys_of(mf_stream_plain *p)
{
    return p->more_keys != NULL ? p->more_keys : p->few_keys;
}

static void push_key(mf_stream_plain *p, mf_id key)
{
    if (p->n_keys == p->capacity) {
        void *keys = p->more_keys;
        if (!mf_reallocate(&keys, keys != NULL ? p->capacity : 0, p->capacity * 2, sizeof(mf_id),
                           "keys", NULL)) {
            fail(p);
            return;
        }
        if (p->more_keys == NULL)
            memcpy(keys, p->few_keys, sizeof p->few_keys);
        p->more_keys = keys;
        p->capacity *= 2;
    }
    keys_of(p)[p->n_keys++] = key;
}

static bool equals(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static bool are_distinct_few(const mf_id *keys, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (equals(keys[i], keys[j]))
                return false;
    return true;
}

static bool are_distinct_many(const mf_id *keys, size_t n)
{
    size_t n_slots = 64;
    while (n_slots < 2 * n)
        n_slots *= 2;
    uint32_t *slots = n < UINT32_MAX ? mf_allocate(n_slots, sizeof *slots, "keys", NULL) : NULL;
    bool are_distinct = slots != NULL;
    for (size_t i = 0; i < n && are_distinct; i++) {
        size_t at = (size_t)mf_id_hash(keys[i].bytes, keys[i].n_bytes) & (n_slots - 1);
        while (slots[at] != 0 && are_distinct) {
            are_distinct = !equals(keys[slots[at] - 1], keys[i]);
            at = (at + 1) & (n_slots - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    mf_free(slots);
    return are_distinct;
}

/* The object's keys are gone over and forgotten. */
static void close_keys(mf_stream_plain *p, size_t first_key)
{
    const mf_id *keys = keys_of(p) + first_key;
    const size_t n = p->n_keys - first_key;
    if (n <= PAIRWISE ? !are_distinct_few(keys, n) : !are_distinct_many(keys, n))
        fail(p);
    p->n_keys = first_key;
}

static void open_with(mf_stream_plain *p, mf_stream_plain_object *object, char bracket)
{
    object->first_key = p->n_keys;
    object->is_started = false;
    if (!take(p, bracket) || p->depth == MF_STREAM_PLAIN_DEPTH)
        fail(p);
    p->depth++;
}

void mf_stream_plain_open(mf_stream_plain *plain, mf_stream_plain_object *object)
{
    open_with(plain, object, '{');
}

void mf_stream_plain_open_list(mf_stream_plain *plain, mf_stream_plain_object *list)
{
    open_with(plain, list, '[');
}

/* True at one more member or element. */
static bool goes_on(mf_stream_plain *p, mf_stream_plain_object *object, char bracket)
{
    if (p->failed)
        return false;
    if (take(p, bracket)) {
        p->depth--;
        close_keys(p, object->first_key);
        return false;
    }
    if (object->is_started && !take(p, ',')) {
        fail(p);
        return false;
    }
    object->is_started = true;
    return true;
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Not 0 when one of eight bytes ends a stretch of plain text: a quote, a backslash, a control
 * character, a byte outside of ASCII. */
static uint64_t ends_stretch(uint64_t eight)
{
    const uint64_t high = EACH_BYTE(0x80);
    const uint64_t quote = eight ^ EACH_BYTE('"');
    const uint64_t backslash = eight ^ EACH_BYTE('\\');
    return ((quote - EACH_BYTE(1)) | (backslash - EACH_BYTE(1)) | (eight - EACH_BYTE(0x20)) |
            eight) &
           high;
}

/* Behind the opening quote. */
static void take_text(mf_stream_plain *p, mf_id *text)
{
    const char *start = p->at;
    const char *at = start;
    for (;;) {
        uint64_t eight;
        while (p->end - at >= (ptrdiff_t)sizeof eight) {
            memcpy(&eight, at, sizeof eight);
            if (ends_stretch(eight) != 0)
                break;
            at += sizeof eight;
        }
        while (at < p->end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 &&
               *at != '"' && *at != '\\')
            at++;
        if (at == p->end || (unsigned char)*at < 0x80)
            break;
        const size_t length = mf_utf8_length(at, (size_t)(p->end - at));
        if (length == 0)
            break;
        at += length;
    }
    if (at == p->end || *at != '"') {
        fail(p);
        return;
    }
    *text = (mf_id){start, (size_t)(at - start)};
    p->at = at + 1;
}

void mf_stream_plain_text(mf_stream_plain *plain, mf_id *text)
{
    if (take(plain, '"'))
        take_text(plain, text);
    else
        fail(plain);
}

bool mf_stream_plain_next(mf_stream_plain *plain, mf_stream_plain_object *object, mf_id *key)
{
    if (!goes_on(plain, object, '}'))
        return false;
    mf_stream_plain_text(plain, key);
    if (plain->failed || !take(plain, ':')) {
        fail(plain);
        return false;
    }
    push_key(plain, *key);
    return !plain->failed;
}

bool mf_stream_plain_next_element(mf_stream_plain *plain, mf_stream_plain_object *list)
{
    return goes_on(plain, list, ']');
}

static size_t digits_at(const char *at, const char *end)
{
    size_t n = 0;
    while (at + n < end && at[n] >= '0' && at[n] <= '9')
        n++;
    return n;
}

/* As JSON writes it; what it is worth is its reader's question. */
static void take_number(mf_stream_plain *p, mf_id *text)
{
    const char *start = p->at;
    const char *at = start + (*start == '-');
    const size_t n_whole = digits_at(at, p->end);
    bool ok = n_whole == 1 || (n_whole > 1 && *at != '0');
    at += n_whole;
    if (ok && at < p->end && *at == '.') {
        const size_t n_decimals = digits_at(at + 1, p->end);
        ok = n_decimals > 0;
        at += 1 + n_decimals;
    }
    if (ok && at < p->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < p->end && (*at == '-' || *at == '+');
        const size_t n_exponent = digits_at(at, p->end);
        ok = n_exponent > 0;
        at += n_exponent;
    }
    if (!ok || at == p->end) {
        fail(p);
        return;
    }
    *text = (mf_id){start, (size_t)(at - start)};
    p->at = at;
}

static void take_word(mf_stream_plain *p, const char *word, mf_id *text)
{
    const size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n) != 0) {
        fail(p);
        return;
    }
    *text = (mf_id){p->at, n};
    p->at += n;
}

static void skip_nested(mf_stream_plain *p, mf_id *text)
{
    const char *start = p->at;
    mf_stream_plain_object nested;
    mf_id key;
    if (*p->at == '{') {
        mf_stream_plain_open(p, &nested);
        while (mf_stream_plain_next(p, &nested, &key))
            mf_stream_plain_skip(p);
    } else {
        mf_stream_plain_open_list(p, &nested);
        while (mf_stream_plain_next_element(p, &nested))
            mf_stream_plain_skip(p);
    }
    *text = (mf_id){start, (size_t)(p->at - start)};
}

mf_stream_plain_kind mf_stream_plain_value(mf_stream_plain *plain, mf_id *text)
{
    *text = (mf_id){"", 0};
    skip_blanks(plain);
    switch (plain->at < plain->end ? *plain->at : '\0') {
    case '"':
        plain->at++;
        take_text(plain, text);
        return MF_STREAM_PLAIN_TEXT;
    case '{':
    case '[':
        skip_nested(plain, text);
        return MF_STREAM_PLAIN_NESTED;
    case 't':
        take_word(plain, "true", text);
        return MF_STREAM_PLAIN_TRUE;
    case 'f':
        take_word(plain, "false", text);
        return MF_STREAM_PLAIN_FALSE;
    case 'n':
        take_word(plain, "null", text);
        return MF_STREAM_PLAIN_NULL;
    case '\0':
        fail(plain);
        return MF_STREAM_PLAIN_NULL;
    default:
        take_number(plain, text);
        return MF_STREAM_PLAIN_NUMBER;
    }
}

bool mf_stream_plain_bool(mf_stream_plain *plain)
{
    mf_id text;
    const mf_stream_plain_kind kind = mf_stream_plain_value(plain, &text);
    if (kind != MF_STREAM_PLAIN_TRUE && kind != MF_STREAM_PLAIN_FALSE)
        fail(plain);
    return kind == MF_STREAM_PLAIN_TRUE;
}

void mf_stream_plain_skip(mf_stream_plain *plain)
{
    mf_id text;
    mf_stream_plain_value(plain, &text);
}

bool mf_stream_plain_end(mf_stream_plain *plain)
{
    skip_blanks(plain);
    const bool ok = !plain->failed && plain->at == plain->end && plain->depth == 0;
    mf_free(plain->more_keys);
    plain->more_keys = NULL;
    return ok;
}

void mf_stream_plain_write_real(mf_text *text, double value)
{
    enum { ALWAYS_KEPT = 15, ALWAYS_ENOUGH = 17 };
    char digits[64];
    int n = ALWAYS_KEPT;
    do {
        snprintf(digits, sizeof digits, "%.*g", n, value);
    } while (n++ < ALWAYS_ENOUGH && strtod(digits, NULL) != value);
    /* The locale's point may be another character, of several bytes even. */
    bool has_point = false;
    for (const char *c = digits; *c != '\0'; c++) {
        if (strchr("+-0123456789e", *c) != NULL) {
            mf_text_append(text, c, 1);
        } else if (!has_point) {
            mf_text_literal(text, ".");
            has_point = true;
        }
    }
}
