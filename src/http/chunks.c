/* chunks.c: one state per place in the grammar, one step per byte outside data. */
#include "http/chunks.h"

#include "http/hex.h"

#include <stdbool.h>

enum {
    SIZE,          /* hexadecimal digits */
    SIZE_BLANK,    /* blanks behind them: then ; or CR, no more digits */
    EXTENSION,     /* up to CR */
    SIZE_LF,       /* LF behind the size line */
    DATA,          /* left bytes of it */
    DATA_CR,       /* CR behind the data */
    DATA_LF,       /* LF behind that */
    TRAILER_START, /* a trailer line, or CR of the empty line */
    TRAILER,       /* inside a trailer line */
    TRAILER_LF,    /* its LF */
    LAST_LF,       /* LF of the empty line */
    DONE,
    BAD,
};

static bool is_text(char c)
{
    const unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7F) || u == '\t';
}

static uint8_t after_size(mf_chunks *chunks, char c)
{
    if (chunks->digits == 0)
        return BAD;
    if (c == '\r')
        return SIZE_LF;
    if (c == ' ' || c == '\t')
        return ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? SIZE_BLANK : BAD;
    return c == ';' ? EXTENSION : BAD;
}

static uint8_t step(mf_chunks *chunks, char c)
{
    switch (chunks->at) {
    case SIZE: {
        const int value = mf_hex_value(c);
        if (value < 0)
            return after_size(chunks, c);
        if (chunks->digits == 16)
            return BAD;
        chunks->digits++;
        chunks->left = chunks->left << 4 | (uint64_t)value;
        return SIZE;
    }
    case SIZE_BLANK:
        return after_size(chunks, c);
    case EXTENSION:
        if (c == '\r')
            return SIZE_LF;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? EXTENSION : BAD;
    case SIZE_LF:
        if (c != '\n')
            return BAD;
        return chunks->left > 0 ? DATA : TRAILER_START;
    case DATA_CR:
        return c == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        chunks->digits = 0;
        return c == '\n' ? SIZE : BAD;
    case TRAILER_START:
        if (c == '\r')
            return LAST_LF;
        /* A folded trailer, or one without a name. */
        if (c == ' ' || c == '\t' || c == ':')
            return BAD;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? TRAILER : BAD;
    case TRAILER:
        if (c == '\r')
            return TRAILER_LF;
        return is_text(c) && ++chunks->extra <= MF_CHUNKS_EXTRA_MAX ? TRAILER : BAD;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_START : BAD;
    case LAST_LF:
        return c == '\n' ? DONE : BAD;
    default:
        return BAD;
    }
}

mf_chunks_state mf_chunks_next(mf_chunks *chunks, const char *bytes, size_t n_bytes, size_t *used,
                               size_t *n_data)
{
    *used = 0;
    *n_data = 0;
    for (;;) {
        if (chunks->at == DONE)
            return MF_CHUNKS_DONE;
        if (chunks->at == BAD)
            return MF_CHUNKS_BAD;
        if (*used == n_bytes)
            return MF_CHUNKS_MORE;
        if (chunks->at == DATA) {
            const size_t there = n_bytes - *used;
            *n_data = chunks->left < there ? (size_t)chunks->left : there;
            return MF_CHUNKS_DATA;
        }
        chunks->at = step(chunks, bytes[*used]);
        if (chunks->at != BAD)
            ++*used;
    }
}

uint64_t mf_chunks_left(const mf_chunks *chunks)
{
    return chunks->at == DATA ? chunks->left : 0;
}

void mf_chunks_take(mf_chunks *chunks, size_t n)
{
    chunks->left -= n;
    if (chunks->left == 0)
        chunks->at = DATA_CR;
}
