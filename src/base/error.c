/* error.c: promises in error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 character at s (1 … 4), or 0 when it is not valid UTF-8
 * (Unicode 15, table 3-7: no overlong forms, no surrogates). */
static size_t utf8_length(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80)
        return 1;
    size_t length;
    unsigned char low = 0x80, high = 0xBF;
    if (s[0] >= 0xC2 && s[0] <= 0xDF) {
        length = 2;
    } else if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        length = 3;
        if (s[0] == 0xE0)
            low = 0xA0;
        if (s[0] == 0xED)
            high = 0x9F;
    } else if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        length = 4;
        if (s[0] == 0xF0)
            low = 0x90;
        if (s[0] == 0xF4)
            high = 0x8F;
    } else {
        return 0;
    }
    if (n < length || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (s[i] < 0x80 || s[i] > 0xBF)
            return 0;
    return length;
}

char *mf_printable(char *out, size_t out_size, const void *bytes, size_t n_bytes)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    size_t used = 0;
    for (size_t i = 0; i < n_bytes;) {
        const size_t length = utf8_length(in + i, n_bytes - i);
        const bool control =
            in[i] < 0x20 || in[i] == 0x7F || (length == 2 && in[i] == 0xC2 && in[i + 1] < 0xA0);
        const size_t need = length == 0 || control ? 4 : length;
        /* Three bytes stay free for "…" unless this is the end. */
        if (used + need + (i + (length > 0 ? length : 1) < n_bytes ? 3 : 0) + 1 > out_size) {
            memcpy(out + used, "…", 3);
            used += 3;
            break;
        }
        if (length == 0 || control) {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = hex[in[i] >> 4];
            out[used++] = hex[in[i] & 15];
            i++;
        } else {
            memcpy(out + used, in + i, length);
            used += length;
            i += length;
        }
    }
    out[used] = '\0';
    return out;
}

static void write_text(mf_error *err, mf_error_code code, mf_where where, int errnum,
                       const char *format, va_list arguments)
{
    /* Room for what mf_printable may add to it. */
    char raw[MF_ERROR_TEXT_BYTES];
    int used = 0;
    if (where.path != NULL && where.line > 0 && where.column > 0)
        used = snprintf(raw, sizeof raw, "%.512s:%llu:%llu: ", where.path,
                        (unsigned long long)where.line, (unsigned long long)where.column);
    else if (where.path != NULL && where.line > 0)
        used =
            snprintf(raw, sizeof raw, "%.512s:%llu: ", where.path, (unsigned long long)where.line);
    else if (where.path != NULL)
        used = snprintf(raw, sizeof raw, "%.512s: ", where.path);
    size_t at = used > 0 ? (size_t)used : 0;
    used = vsnprintf(raw + at, sizeof raw - at, format, arguments);
    if (used > 0)
        at = at + (size_t)used < sizeof raw ? at + (size_t)used : sizeof raw - 1;
    if (errnum != 0) {
        used = snprintf(raw + at, sizeof raw - at, ": %s", strerrordesc_np(errnum));
        if (used > 0)
            at = at + (size_t)used < sizeof raw ? at + (size_t)used : sizeof raw - 1;
    }
    err->code = code;
    mf_printable(err->text, sizeof err->text, raw, at);
}

bool mf_fail(mf_error *err, mf_error_code code, mf_where where, const char *format, ...)
{
    if (err != NULL && err->code == MF_OK) {
        va_list arguments;
        va_start(arguments, format);
        write_text(err, code, where, 0, format, arguments);
        va_end(arguments);
    }
    return false;
}

bool mf_fail_errno(mf_error *err, int errnum, mf_where where, const char *format, ...)
{
    if (err != NULL && err->code == MF_OK) {
        va_list arguments;
        va_start(arguments, format);
        write_text(err, MF_ERR_IO, where, errnum, format, arguments);
        va_end(arguments);
    }
    return false;
}

static const struct {
    const char *name;
    const char *class;
} codes[] = {
    [MF_OK] = {"ok", ""},
    [MF_ERR_ARGUMENT] = {"argument", "AlgorithmError"},
    [MF_ERR_CONFIG] = {"config", "ClientError"},
    [MF_ERR_PARSE] = {"parse", "ClientError"},
    [MF_ERR_FORMAT] = {"format", "ClientError"},
    [MF_ERR_LIMIT] = {"limit", "ClientError"},
    [MF_ERR_IO] = {"io", "PlatformError"},
    [MF_ERR_MEMORY] = {"memory", "PlatformError"},
    [MF_ERR_DIVERGED] = {"diverged", "ClientError"},
    [MF_ERR_STOPPED] = {"stopped", "PlatformError"},
};

const char *mf_error_class(mf_error_code code)
{
    return (size_t)code < sizeof codes / sizeof codes[0] ? codes[code].class : "AlgorithmError";
}

const char *mf_error_name(mf_error_code code)
{
    return (size_t)code < sizeof codes / sizeof codes[0] ? codes[code].name : "unknown";
}

void mf_error_clear(mf_error *err)
{
    err->code = MF_OK;
    err->text[0] = '\0';
}
