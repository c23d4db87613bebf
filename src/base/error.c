/* error.c: the text is written once: place, message, reason of the system; then made printable. */
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

/* Of a longer path only the end is shown: it has the file's name. */
enum { PATH_BYTES = 400 };

/* Bytes of raw in use after snprintf or vsnprintf wrote `more` at `used`. */
static size_t used_after(size_t used, int more)
{
    const size_t end = more > 0 ? used + (size_t)more : used;
    return end < MF_ERROR_TEXT_BYTES ? end : MF_ERROR_TEXT_BYTES - 1;
}

__attribute__((format(printf, 5, 0))) static void write_text(mf_error *err, mf_error_code code,
                                                             mf_where where, int errnum,
                                                             const char *format, va_list arguments)
{
    char raw[MF_ERROR_TEXT_BYTES];
    size_t used = 0;
    if (where.path != NULL) {
        const size_t n = strlen(where.path);
        used = used_after(used, snprintf(raw, sizeof raw, "%s%s", n > PATH_BYTES ? "…" : "",
                                         where.path + (n > PATH_BYTES ? n - PATH_BYTES : 0)));
        const uint64_t numbers[] = {where.line, where.line > 0 ? where.column : 0};
        for (int i = 0; i < 2; i++)
            if (numbers[i] > 0)
                used = used_after(used, snprintf(raw + used, sizeof raw - used, ":%llu",
                                                 (unsigned long long)numbers[i]));
        used = used_after(used, snprintf(raw + used, sizeof raw - used, ": "));
    }
    used = used_after(used, vsnprintf(raw + used, sizeof raw - used, format, arguments));
    if (errnum != 0)
        used = used_after(used,
                          snprintf(raw + used, sizeof raw - used, ": %s", strerrordesc_np(errnum)));
    err->code = code;
    mf_printable(err->text, sizeof err->text, raw, used);
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

bool mf_fail_again(mf_error *err, const mf_error *cause)
{
    if (err != NULL && err->code == MF_OK)
        *err = *cause;
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
    [MF_ERR_STOPPED] = {"stopped", "Stopped"},
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
