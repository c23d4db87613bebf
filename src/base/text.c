/* text.c: one growing buffer; numbers are written without printf where JSON needs fixed forms. */
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { SMALLEST = 256, LONGEST_NUMBER = 32 };

bool mf_text_reserve(mf_text *text, size_t n)
{
    if (text->failed)
        return false;
    if (text->capacity - text->n_bytes >= n)
        return true;
    size_t capacity;
    text->failed = __builtin_add_overflow(text->n_bytes, n, &capacity) ||
                   __builtin_add_overflow(capacity, capacity / 2, &capacity);
    if (capacity < SMALLEST)
        capacity = SMALLEST;
    char *bytes = text->failed ? NULL : realloc(text->bytes, capacity);
    text->failed = bytes == NULL;
    if (text->failed)
        return false;
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void mf_text_format(mf_text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (n < 0 || !mf_text_reserve(text, (size_t)n + 1)) {
        text->failed = true;
        return;
    }
    va_start(list, format);
    vsnprintf(text->bytes + text->n_bytes, (size_t)n + 1, format, list);
    va_end(list);
    text->n_bytes += (size_t)n;
}

/* Writes the digits of value before `end` and returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    do {
        *--end = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return end;
}

void mf_text_count(mf_text *text, uint64_t value)
{
    char number[LONGEST_NUMBER];
    char *const end = number + sizeof number;
    const char *start = digits_before(end, value);
    mf_text_append(text, start, (size_t)(end - start));
}

/* Nine significant digits. A float has at most 112. printf writes all of them, so that it does not
 * round; the locale's decimal point is skipped. */
static void append_scientific(mf_text *text, float value)
{
    enum { ALL = 112, KEPT = 9 };
    char exact[ALL + LONGEST_NUMBER];
    snprintf(exact, sizeof exact, "%.*e", ALL - 1, fabs((double)value));
    unsigned digits[ALL] = {0};
    size_t n = 0;
    const char *at = exact;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && n < ALL)
            digits[n++] = (unsigned)(*at - '0');
    uint32_t kept = 0;
    for (size_t i = 0; i < KEPT; i++)
        kept = kept * 10 + digits[i];
    int exponent = (int)strtol(at + 1, NULL, 10);
    kept += digits[KEPT] >= 5;
    if (kept == 1000000000) {
        kept /= 10;
        exponent++;
    }
    size_t n_kept = KEPT;
    for (; kept % 10 == 0; kept /= 10)
        n_kept--;
    char number[LONGEST_NUMBER];
    char *const end = number + sizeof number;
    char *start = digits_before(end, kept);
    if (n_kept > 1) {
        start--;
        start[0] = start[1];
        start[1] = '.';
    }
    if (value < 0)
        *--start = '-';
    mf_text_append(text, start, (size_t)(end - start));
    mf_text_format(text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

void mf_text_float(mf_text *text, float value)
{
    enum { DECIMALS = 6, UNIT = 1000000 };
    if (!isfinite(value)) {
        mf_text_literal(text, "null");
        return;
    }
    const double size = fabs((double)value);
    if (size != 0 && (size < 1e-3 || size >= 1e9)) {
        append_scientific(text, value);
        return;
    }
    char number[LONGEST_NUMBER];
    char *const end = number + sizeof number;
    /* A float times a million fits a double exactly, and so does half a unit more. */
    const uint64_t scaled = (uint64_t)(size * UNIT + 0.5);
    uint64_t decimals = scaled % UNIT;
    int n_decimals = DECIMALS;
    while (n_decimals > 1 && decimals % 10 == 0) {
        decimals /= 10;
        n_decimals--;
    }
    char *start = end;
    for (int i = 0; i < n_decimals; i++) {
        *--start = (char)('0' + decimals % 10);
        decimals /= 10;
    }
    *--start = '.';
    start = digits_before(start, scaled / UNIT);
    if (value < 0)
        *--start = '-';
    mf_text_append(text, start, (size_t)(end - start));
}

void mf_text_double(mf_text *text, double value)
{
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    mf_text_append(text, digits, strlen(digits));
}

void mf_text_json(mf_text *text, const char *bytes, size_t n)
{
    mf_text_literal(text, "\"");
    size_t plain = 0; /* start of the stretch that needs no escape */
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        mf_text_append(text, bytes + plain, i - plain);
        plain = i + 1;
        const char escape[] = {'\\', c == '\n' ? 'n' : (char)c};
        if (c >= 0x20 || c == '\n')
            mf_text_append(text, escape, sizeof escape);
        else
            mf_text_format(text, "\\u%04x", c);
    }
    mf_text_append(text, bytes + plain, n - plain);
    mf_text_literal(text, "\"");
}

const char *mf_word_next(const char *words, size_t *position, size_t *n_bytes)
{
    if (words == NULL || words[*position] == '\0')
        return NULL;
    const char *word = words + *position + (words[*position] == ' ');
    *n_bytes = strcspn(word, " ");
    *position = (size_t)(word - words) + *n_bytes;
    return word;
}

size_t mf_word_find(const char *words, const char *text, size_t n)
{
    size_t position = 0, n_word = 0;
    const char *word;
    for (size_t i = 0; (word = mf_word_next(words, &position, &n_word)) != NULL; i++)
        if (n == n_word && strncasecmp(text, word, n) == 0)
            return i;
    return SIZE_MAX;
}

void mf_text_clear(mf_text *text, size_t keep)
{
    if (text->capacity > keep)
        mf_text_free(text);
    text->n_bytes = 0;
    text->failed = false;
}

void mf_text_free(mf_text *text)
{
    free(text->bytes);
    *text = MF_TEXT_EMPTY;
}
