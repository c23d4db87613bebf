/* head.c: one pass over the bytes with a table of character classes. Fields that frame the message
 * are looked at as they come; what they say together is checked at the end (check_framing). */
#include "http/parse/head.h"

#include <string.h>

enum {
    TOKEN = 1,  /* RFC 9110, 5.6.2: names and methods */
    VALUE = 2,  /* field values: HTAB, visible, blank and 0x80 … 0xFF */
    TARGET = 4, /* visible ASCII but '#', which no client may send */
    HOST = 8,   /* names of hosts: RFC 3986, 3.2.2 */
};

static const unsigned char classes[256] = {
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['!'] = TOKEN | VALUE | TARGET | HOST,
    ['"'] = VALUE | TARGET,
    ['#'] = TOKEN | VALUE,
    ['$' ... '\''] = TOKEN | VALUE | TARGET | HOST,
    ['(' ... ')'] = VALUE | TARGET | HOST,
    ['*' ... '+'] = TOKEN | VALUE | TARGET | HOST,
    [','] = VALUE | TARGET | HOST,
    ['-' ... '.'] = TOKEN | VALUE | TARGET | HOST,
    ['/'] = VALUE | TARGET,
    ['0' ... '9'] = TOKEN | VALUE | TARGET | HOST,
    [':'] = VALUE | TARGET,
    [';'] = VALUE | TARGET | HOST,
    ['<'] = VALUE | TARGET,
    ['='] = VALUE | TARGET | HOST,
    ['>' ... '@'] = VALUE | TARGET,
    ['A' ... 'Z'] = TOKEN | VALUE | TARGET | HOST,
    ['[' ... ']'] = VALUE | TARGET,
    ['^'] = TOKEN | VALUE | TARGET,
    ['_'] = TOKEN | VALUE | TARGET | HOST,
    ['`'] = TOKEN | VALUE | TARGET,
    ['a' ... 'z'] = TOKEN | VALUE | TARGET | HOST,
    ['{'] = VALUE | TARGET,
    ['|'] = TOKEN | VALUE | TARGET,
    ['}'] = VALUE | TARGET,
    ['~'] = TOKEN | VALUE | TARGET | HOST,
    [128 ... 255] = VALUE,
};

static bool is(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

bool mf_head_is(const char *bytes, size_t n_bytes, const char *word)
{
    for (size_t i = 0; i < n_bytes; i++) {
        const char c = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (char)(bytes[i] + 32) : bytes[i];
        if (c != word[i] || c == '\0')
            return false;
    }
    return word[n_bytes] == '\0';
}

static bool are(const char *bytes, size_t n_bytes, unsigned class)
{
    while (n_bytes > 0 && is(*bytes, class)) {
        bytes++;
        n_bytes--;
    }
    return n_bytes == 0;
}

bool mf_head_is_field(const char *name, size_t n_name, const char *value, size_t n_value)
{
    return n_name > 0 && are(name, n_name, TOKEN) && are(value, n_value, VALUE);
}

mf_head_end mf_head_find_end(const char *bytes, size_t n_bytes, size_t *scanned, size_t *n_head)
{
    /* Refuses TLS and other protocols at their first byte. */
    if (!is(bytes[0], TOKEN))
        return MF_HEAD_BAD;
    size_t at = *scanned;
    while (at < n_bytes) {
        const char *end = memchr(bytes + at, '\n', n_bytes - at);
        if (end == NULL)
            break;
        at = (size_t)(end - bytes);
        if (at == 0 || bytes[at - 1] != '\r')
            return MF_HEAD_BAD;
        at++;
        if (at >= 4 && bytes[at - 3] == '\n') {
            *n_head = at;
            return MF_HEAD_COMPLETE;
        }
        *scanned = at;
    }
    *scanned = n_bytes;
    return MF_HEAD_INCOMPLETE;
}

/* What is being read, and how far. */
typedef struct reader {
    const char *bytes;
    size_t n_bytes;
    size_t at;
    const char *message;
} reader;

static int refuse(reader *in, int status, const char *message)
{
    in->message = message;
    return status;
}

static mf_head_span take(reader *in, unsigned class)
{
    const size_t start = in->at;
    while (in->at < in->n_bytes && is(in->bytes[in->at], class))
        in->at++;
    return (mf_head_span){(uint32_t)start, (uint32_t)(in->at - start)};
}

static bool take_text(reader *in, const char *text)
{
    const size_t n = strlen(text);
    if (in->n_bytes - in->at < n || memcmp(in->bytes + in->at, text, n) != 0)
        return false;
    in->at += n;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A minor version above 1 is read as 1.1 (RFC 9110, 2.5). */
static int read_version(reader *in, mf_head *head)
{
    enum { N = sizeof "HTTP/1.1\r\n" - 1 };
    const char *v = in->bytes + in->at;
    if (in->n_bytes - in->at < N || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
        !is_digit(v[7]) || v[8] != '\r' || v[9] != '\n')
        return refuse(in, 400, "the request line must end in HTTP/1.1 and CR LF");
    if (v[5] != '1')
        return refuse(in, 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    in->at += N;
    head->http_1_0 = v[7] == '0';
    head->keep_alive = !head->http_1_0;
    return 0;
}

/* A host, also an empty one, and perhaps a port (RFC 9110, 7.2). */
static bool is_authority(const char *bytes, size_t n)
{
    const char *const end = bytes + n;
    const bool literal = n > 0 && *bytes == '['; /* an IPv6 address */
    bytes += literal;
    while (bytes < end && (is(*bytes, HOST) || (literal && *bytes == ':'))) {
        if (*bytes == '%' &&
            (end - bytes < 3 || mf_head_hex(bytes[1]) < 0 || mf_head_hex(bytes[2]) < 0))
            return false;
        bytes++;
    }
    if (literal && (bytes == end || *bytes++ != ']'))
        return false;
    if (bytes < end && *bytes == ':')
        do
            bytes++;
        while (bytes < end && is_digit(*bytes));
    return bytes == end;
}

size_t mf_head_scheme(const char *target, size_t n)
{
    return n >= 7 && mf_head_is(target, 7, "http://")    ? 7
           : n >= 8 && mf_head_is(target, 8, "https://") ? 8
                                                         : 0;
}

static bool target_is_known(const char *method, size_t n_method, const char *target, size_t n)
{
    if (n > 0 && target[0] == '/')
        return true;
    if (n == 1 && target[0] == '*')
        return n_method == 7 && memcmp(method, "OPTIONS", 7) == 0;
    const size_t start = mf_head_scheme(target, n);
    size_t end = start;
    while (end < n && target[end] != '/' && target[end] != '?')
        end++;
    return start > 0 && end > start && target[start] != ':' &&
           is_authority(target + start, end - start);
}

static int read_request_line(reader *in, mf_head *head)
{
    head->method = take(in, TOKEN);
    if (head->method.n_bytes == 0 || !take_text(in, " "))
        return refuse(in, 400, "the request line must begin with a method and one blank");
    head->target = take(in, TARGET);
    if (head->target.n_bytes == 0 || !take_text(in, " "))
        return refuse(in, 400,
                      "the request target must be visible ASCII without #, then one blank; "
                      "percent-encode everything else");
    const int status = read_version(in, head);
    if (status != 0)
        return status;
    if (!target_is_known(in->bytes + head->method.at, head->method.n_bytes,
                         in->bytes + head->target.at, head->target.n_bytes))
        return refuse(in, 400, "the request target must begin with / or be a URL of http or https");
    return 0;
}

static int read_length(reader *in, mf_head *head, const char *value, size_t n)
{
    if (head->has_length)
        return refuse(in, 400, "there must be one Content-Length at most");
    if (n == 0)
        return refuse(in, 400, "Content-Length must be a decimal number");
    uint64_t length = 0;
    bool fits = true;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(value[i]))
            return refuse(in, 400, "Content-Length must be a decimal number");
        fits = fits && !__builtin_mul_overflow(length, (uint64_t)10, &length) &&
               !__builtin_add_overflow(length, (uint64_t)(value[i] - '0'), &length);
    }
    head->has_length = true;
    head->content_length = fits ? length : UINT64_MAX;
    return 0;
}

static void read_connection(mf_head *head, const char *value, size_t n, bool *close)
{
    for (size_t at = 0; at < n;) {
        const char *comma = memchr(value + at, ',', n - at);
        size_t end = comma != NULL ? (size_t)(comma - value) : n;
        const size_t next = end + 1;
        while (at < end && (value[at] == ' ' || value[at] == '\t'))
            at++;
        while (end > at && (value[end - 1] == ' ' || value[end - 1] == '\t'))
            end--;
        if (mf_head_is(value + at, end - at, "close"))
            *close = true;
        else if (mf_head_is(value + at, end - at, "keep-alive"))
            head->keep_alive = true;
        at = next;
    }
}

static mf_head_coding read_coding(const mf_head *head, const char *value, size_t n)
{
    if (n == 0 || mf_head_is(value, n, "identity"))
        return head->coding;
    if (head->coding == MF_CODING_NONE &&
        (mf_head_is(value, n, "gzip") || mf_head_is(value, n, "x-gzip")))
        return MF_CODING_GZIP;
    return MF_CODING_UNKNOWN;
}

/* What the fields of a head say about the message, until all of them are known. */
typedef struct framing {
    bool close;
    bool transfer_coding;
    bool other_transfer_coding;
    bool other_expectation;
    bool host;
} framing;

/* Most names differ in their lengths. */
#define NAME_IS(word) (n_name == sizeof(word) - 1 && mf_head_is(name, n_name, word))

static int look_at_field(reader *in, mf_head *head, const mf_head_field *field, framing *seen)
{
    const char *name = in->bytes + field->name.at;
    const char *value = in->bytes + field->value.at;
    const size_t n = field->value.n_bytes;
    const size_t n_name = field->name.n_bytes;
    if (NAME_IS("expect")) {
        head->expects_continue = mf_head_is(value, n, "100-continue");
        seen->other_expectation = seen->other_expectation || !head->expects_continue;
    } else if (NAME_IS("host")) {
        if (seen->host || !is_authority(value, n))
            return refuse(in, 400,
                          "there must be one Host, a name or address with an optional port");
        seen->host = true;
    } else if (NAME_IS("connection")) {
        read_connection(head, value, n, &seen->close);
    } else if (NAME_IS("content-length")) {
        return read_length(in, head, value, n);
    } else if (NAME_IS("content-encoding")) {
        head->coding = read_coding(head, value, n);
    } else if (NAME_IS("transfer-encoding")) {
        if (seen->transfer_coding)
            return refuse(in, 400, "there must be one Transfer-Encoding at most");
        seen->transfer_coding = true;
        head->chunked = mf_head_is(value, n, "chunked");
        seen->other_transfer_coding = !head->chunked;
    }
    return 0;
}

static int read_field(reader *in, mf_head_field *field)
{
    field->name = take(in, TOKEN);
    if (field->name.n_bytes == 0 || !take_text(in, ":"))
        return refuse(in, 400,
                      "a header line must be a name, a colon without a blank before it, and a "
                      "value on the same line");
    while (in->at < in->n_bytes && (in->bytes[in->at] == ' ' || in->bytes[in->at] == '\t'))
        in->at++;
    field->value = take(in, VALUE);
    if (!take_text(in, "\r\n"))
        return refuse(in, 400, "a header value must not hold control characters");
    const char *value = in->bytes + field->value.at;
    while (field->value.n_bytes > 0 &&
           (value[field->value.n_bytes - 1] == ' ' || value[field->value.n_bytes - 1] == '\t'))
        field->value.n_bytes--;
    return 0;
}

static int check_framing(reader *in, mf_head *head, const framing *seen)
{
    if (!seen->host && !head->http_1_0)
        return refuse(in, 400, "a request of HTTP/1.1 must have a Host header");
    if (seen->transfer_coding && head->has_length)
        return refuse(in, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (seen->transfer_coding && head->http_1_0)
        return refuse(in, 400, "HTTP/1.0 knows no Transfer-Encoding");
    if (seen->other_transfer_coding)
        return refuse(in, 501, "the only Transfer-Encoding known here is chunked");
    if (head->http_1_0)
        head->expects_continue = false; /* RFC 9110, 10.1.1 */
    else if (seen->other_expectation)
        return refuse(in, 417, "the only expectation known here is 100-continue");
    if (seen->close)
        head->keep_alive = false;
    return 0;
}

static int parse(reader *in, mf_head *head)
{
    framing seen = {0};
    int status = read_request_line(in, head);
    while (status == 0 && !take_text(in, "\r\n")) {
        if (head->n_fields == MF_HEAD_FIELDS_MAX)
            return refuse(in, 431, "there must be 100 header lines at most");
        mf_head_field *field = &head->fields[head->n_fields];
        status = read_field(in, field);
        if (status == 0)
            status = look_at_field(in, head, field, &seen);
        head->n_fields++;
    }
    if (status == 0 && in->at != in->n_bytes)
        return refuse(in, 400, "the head ends before its empty line");
    return status != 0 ? status : check_framing(in, head, &seen);
}

int mf_head_parse(const char *bytes, size_t n_bytes, mf_head *head, const char **message)
{
    reader in = {bytes, n_bytes, 0, NULL};
    /* Not the fields: clearing 1.6 KB would cost more than reading a small head. */
    memset(head, 0, offsetof(mf_head, fields));
    const int status = parse(&in, head);
    *message = in.message;
    return status;
}

/* ----------------------------------------------------------- names of statuses */

static const struct {
    int status;
    const char *reason;
    const char *code;
} statuses[] = {
    {200, "OK", "ok"},
    {201, "Created", "created"},
    {202, "Accepted", "accepted"},
    {204, "No Content", "no_content"},
    {304, "Not Modified", "not_modified"},
    {400, "Bad Request", "bad_request"},
    {401, "Unauthorized", "unauthorized"},
    {403, "Forbidden", "forbidden"},
    {404, "Not Found", "not_found"},
    {405, "Method Not Allowed", "method_not_allowed"},
    {406, "Not Acceptable", "not_acceptable"},
    {408, "Request Timeout", "request_timeout"},
    {409, "Conflict", "conflict"},
    {411, "Length Required", "length_required"},
    {413, "Content Too Large", "content_too_large"},
    {414, "URI Too Long", "uri_too_long"},
    {415, "Unsupported Media Type", "unsupported_media_type"},
    {417, "Expectation Failed", "expectation_failed"},
    {422, "Unprocessable Content", "unprocessable_content"},
    {424, "Failed Dependency", "failed_dependency"},
    {429, "Too Many Requests", "too_many_requests"},
    {431, "Request Header Fields Too Large", "header_fields_too_large"},
    {500, "Internal Server Error", "internal_error"},
    {501, "Not Implemented", "not_implemented"},
    {502, "Bad Gateway", "bad_gateway"},
    {503, "Service Unavailable", "service_unavailable"},
    {504, "Gateway Timeout", "gateway_timeout"},
    {505, "HTTP Version Not Supported", "http_version_not_supported"},
    {507, "Insufficient Storage", "insufficient_storage"},
    {0, "Unknown", "error"},
};

/* The place of a status in the table; its last row is for all others. */
static size_t find_status(int status)
{
    size_t i = 0;
    while (statuses[i].status != status && statuses[i].status != 0)
        i++;
    return i;
}

const char *mf_status_reason(int status)
{
    return statuses[find_status(status)].reason;
}

const char *mf_status_code(int status)
{
    return statuses[find_status(status)].code;
}
