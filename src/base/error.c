/* error.c: promises in error.h. */
#include "base/error.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

char *mf_printable(char *out, size_t out_size, const void *bytes, size_t n_bytes)
{
    static const char hex[] = "0123456789abcdef";
    const char *in = bytes;
    size_t used = 0;
    for (size_t i = 0; i < n_bytes;) {
        const size_t length = mf_utf8_length(in + i, n_bytes - i);
        /* Escaped byte by byte: of a control character of two bytes the second is still to come. */
        const bool escaped = length == 0 || mf_utf8_is_control(in + i, length);
        const size_t need = escaped ? 4 : length;
        /* Three bytes stay free for "…" unless this is the end. */
        if (used + need + (i + (escaped ? 1 : length) < n_bytes ? 3 : 0) + 1 > out_size) {
            memcpy(out + used, "…", 3);
            used += 3;
            break;
        }
        if (escaped) {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = hex[(unsigned char)in[i] >> 4];
            out[used++] = hex[(unsigned char)in[i] & 15];
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

/* Room for the path, ":line:column" and "…". */
enum { PLACE_BYTES = 448 };

__attribute__((format(printf, 5, 0))) static void write_text(mf_error *err, mf_error_code code,
                                                             mf_where where, int errnum,
                                                             const char *format, va_list arguments)
{
    char raw[MF_ERROR_TEXT_BYTES];
    char place[PLACE_BYTES] = "";
    int used = 0;
    if (where.path != NULL) {
        /* Of a long path the end tells more: it has the file's name. */
        const size_t n = strlen(where.path);
        const bool whole = n <= PLACE_BYTES - 48;
        const char *shown = whole ? where.path : where.path + n - (PLACE_BYTES - 48);
        if (where.line > 0 && where.column > 0)
            snprintf(place, sizeof place, "%s%s:%llu:%llu", whole ? "" : "…", shown,
                     (unsigned long long)where.line, (unsigned long long)where.column);
        else if (where.line > 0)
            snprintf(place, sizeof place, "%s%s:%llu", whole ? "" : "…", shown,
                     (unsigned long long)where.line);
        else
            snprintf(place, sizeof place, "%s%s", whole ? "" : "…", shown);
        used = snprintf(raw, sizeof raw, "%s: ", place);
    }
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
    [MF_ERR_UNKNOWN] = {"not_found", "ClientError"},
    [MF_ERR_NOT_ACCEPTABLE] = {"not_acceptable", "ClientError"},
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
