/* uri.c: promises in uri.h. */
#include "http/uri.h"

#include "http/head.h"
#include "http/hex.h"

#include <string.h>

void mf_uri_split(char *target, size_t n_bytes, mf_uri *uri)
{
    static char root[] = "/"; /* decoding leaves it as it is */
    enum { SCHEME_BYTES = 7 };
    if (n_bytes >= SCHEME_BYTES && mf_head_is(target, SCHEME_BYTES, "http://")) {
        size_t at = SCHEME_BYTES;
        while (at < n_bytes && target[at] != '/' && target[at] != '?')
            at++;
        target += at;
        n_bytes -= at;
    }
    char *mark = n_bytes > 0 ? memchr(target, '?', n_bytes) : NULL;
    uri->path = target;
    uri->path_bytes = mark != NULL ? (size_t)(mark - target) : n_bytes;
    uri->query = mark != NULL ? mark + 1 : NULL;
    uri->query_bytes = mark != NULL ? n_bytes - uri->path_bytes - 1 : 0;
    if (uri->path_bytes == 0) {
        uri->path = root;
        uri->path_bytes = 1;
    }
}

/* The byte that %XX at bytes stands for, or -1. */
static int escaped(const char *bytes, size_t n_bytes)
{
    if (n_bytes < 3)
        return -1;
    const int high = mf_hex_value(bytes[1]);
    const int low = mf_hex_value(bytes[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool mf_uri_decode(char *bytes, size_t n_bytes, bool plus_is_blank, size_t *n_decoded)
{
    size_t to = 0;
    for (size_t from = 0; from < n_bytes; to++) {
        if (bytes[from] == '%') {
            const int byte = escaped(bytes + from, n_bytes - from);
            if (byte <= 0)
                return false;
            bytes[to] = (char)byte;
            from += 3;
        } else {
            bytes[to] = plus_is_blank && bytes[from] == '+' ? ' ' : bytes[from];
            from++;
        }
    }
    *n_decoded = to;
    return true;
}

bool mf_uri_equals(const char *path, size_t n_bytes, const char *text, size_t n_text)
{
    size_t at = 0;
    size_t i = 0;
    for (; at < n_bytes && i < n_text; i++) {
        if (path[at] != '%') {
            if (path[at++] != text[i])
                return false;
            continue;
        }
        const int byte = escaped(path + at, n_bytes - at);
        if (byte <= 0 || byte == '/' || (char)byte != text[i])
            return false;
        at += 3;
    }
    return at == n_bytes && i == n_text;
}

int mf_uri_parameters(char *query, size_t n_bytes,
                      mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX])
{
    int n = 0;
    for (size_t at = 0; at < n_bytes;) {
        char *name = query + at;
        const char *end = memchr(name, '&', n_bytes - at);
        const size_t n_pair = end != NULL ? (size_t)(end - name) : n_bytes - at;
        at += n_pair + 1;
        if (n_pair == 0)
            continue;
        if (n == MF_URI_PARAMETERS_MAX)
            return -1;
        char *equals = memchr(name, '=', n_pair);
        const size_t n_name = equals != NULL ? (size_t)(equals - name) : n_pair;
        char *value = equals != NULL ? equals + 1 : name + n_pair;
        const size_t n_value = equals != NULL ? n_pair - n_name - 1 : 0;
        mf_uri_parameter *parameter = &parameters[n++];
        parameter->name.bytes = name;
        parameter->value.bytes = value;
        if (!mf_uri_decode(name, n_name, true, &parameter->name.n_bytes) ||
            !mf_uri_decode(value, n_value, true, &parameter->value.n_bytes))
            return -1;
    }
    return n;
}
