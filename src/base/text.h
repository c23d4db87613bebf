/* text.h: a text under construction, how values look in JSON, and lists of words.
 *
 *     mf_text text = MF_TEXT_EMPTY;
 *     mf_text_literal(&text, "{\"predicted_rating\":");
 *     mf_text_float(&text, rating);
 *     mf_text_literal(&text, "}");
 *     if (text.failed) …            no memory: to be checked once, at the end
 *     mf_text_free(&text);
 *
 * (1) Running out of memory sets `failed` and keeps the text. All later calls do nothing.
 * (2) The same value gives the same text everywhere: no locale, no rounding mode.
 *
 * Threads: one text per thread. */
#ifndef MF_BASE_TEXT_H
#define MF_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mf_text {
    char *bytes; /* [n_bytes] of [capacity]; not NUL-terminated; NULL while capacity is 0 */
    size_t n_bytes;
    size_t capacity;
    bool failed;
} mf_text;

#define MF_TEXT_EMPTY ((mf_text){NULL, 0, 0, false})

/* Reserves n more bytes. False (and failed) without memory. Grows by half again, so that appending
 * is O(1) on average. */
bool mf_text_reserve(mf_text *text, size_t n);

static inline void mf_text_append(mf_text *text, const char *bytes, size_t n)
{
    if (!mf_text_reserve(text, n))
        return;
    if (n > 0)
        memcpy(text->bytes + text->n_bytes, bytes, n);
    text->n_bytes += n;
}

/* A string literal, whose length the compiler knows. */
#define mf_text_literal(text, literal) mf_text_append((text), "" literal, sizeof(literal) - 1)

/* printf. For what is not on a hot path. */
__attribute__((format(printf, 2, 3))) void mf_text_format(mf_text *text, const char *format, ...);

/* Decimal digits. */
void mf_text_count(mf_text *text, uint64_t value);

/* A finite float as a JSON number that is exact to 5e-7 where 0.001 ≤ |value| < 1e9: up to six
 * decimals, no trailing zeros but at least one decimal (4.0, 3.528461, -0.25); outside that range
 * nine significant digits (1.5e-07). Not finite: null. */
void mf_text_float(mf_text *text, float value);

/* A finite double, with as many digits as it takes to read it back: 1995, 0.1, 0.30000000000000004. */
void mf_text_double(mf_text *text, double value);

/* A JSON string with its quotes. Bytes are valid UTF-8; quotes, backslashes and control characters
 * are escaped. */
void mf_text_json(mf_text *text, const char *bytes, size_t n);

/* The next of `words` (separated by one space) from *position on, which starts at 0 and is moved
 * past it. NULL after the last one, and when words is NULL. */
const char *mf_word_next(const char *words, size_t *position, size_t *n_bytes);

/* The place of text[0..n) among the words, in any letter case; SIZE_MAX: it is none of them. */
size_t mf_word_find(const char *words, const char *text, size_t n);

/* Empties the text and keeps its memory (at most `keep` bytes of it). */
void mf_text_clear(mf_text *text, size_t keep);

/* Frees the memory; the text is empty and may be used again. */
void mf_text_free(mf_text *text);

#endif
