/* head.h: the request line and the header fields of one request (RFC 9112, 2-6), and the names
 * of statuses for the head of a response.
 *
 * (1) Strict where two readers could differ: a bare LF or CR, a folded line, a
 *     blank before a colon, control characters, two lengths, a length besides
 *     chunks and an unknown transfer coding are refused, never repaired.
 * (2) A request of HTTP/1.1 has one Host, any name or address (RFC 9112, 3.2). It decides nothing:
 *     the platform's differ.
 * (3) No byte beyond n_bytes is read; nothing is allocated; the bytes are not
 *     changed. Places are offsets, so the bytes may move afterwards.
 *
 * Threads: any. Cost: about one step per byte. */
#ifndef MF_HTTP_PARSE_HEAD_H
#define MF_HTTP_PARSE_HEAD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_HEAD_FIELDS_MAX = 100 };

typedef struct mf_head_span {
    uint32_t at;
    uint32_t n_bytes;
} mf_head_span;

typedef struct mf_head_field {
    mf_head_span name;
    mf_head_span value; /* blanks around it dropped */
} mf_head_field;

/* Content-Encoding */
typedef enum mf_head_coding {
    MF_CODING_NONE,
    MF_CODING_GZIP,
    MF_CODING_UNKNOWN,
} mf_head_coding;

typedef struct mf_head {
    mf_head_span method;
    mf_head_span target;     /* begins with '/', "http://" or "https://", or is "*" */
    uint64_t content_length; /* 0 without one; UINT64_MAX when it does not fit */
    mf_head_coding coding;
    bool http_1_0;
    bool has_length;
    bool chunked;
    bool keep_alive; /* by version and Connection */
    bool expects_continue;
    uint32_t n_fields;
    mf_head_field fields[MF_HEAD_FIELDS_MAX];
} mf_head;

typedef enum mf_head_end {
    MF_HEAD_INCOMPLETE,
    MF_HEAD_COMPLETE,
    MF_HEAD_BAD, /* can be no request, whatever follows: refuse with 400 */
} mf_head_end;

/* Looks for the empty line that ends a head. bytes starts at the request line
 * (no empty line before it), n_bytes > 0. *scanned is 0 at first and then handed
 * back unchanged with the same bytes and more after them, so that a head which
 * comes byte by byte is walked once. */
MF_MUST_CHECK mf_head_end mf_head_find_end(const char *bytes, size_t n_bytes, size_t *scanned,
                                           size_t *n_head);

/* Reads a whole head as mf_head_find_end delimits it, empty line included.
 * Returns 0, or the status to refuse with: 400, 417, 431, 501, 505. *message is
 * then a sentence, and what head holds is good for nothing. n_bytes < 4 GiB. */
MF_MUST_CHECK int mf_head_parse(const char *bytes, size_t n_bytes, mf_head *head,
                                const char **message);

/* True when the name is a token and the value a field value (RFC 9110, 5.1 and 5.5), which may be
 * empty or UTF-8: such a line adds no other line to a head. */
bool mf_head_is_field(const char *name, size_t n_name, const char *value, size_t n_value);

/* The bytes of "http://" or "https://" at the start of a target, in any case; 0: neither. */
size_t mf_head_scheme(const char *target, size_t n_bytes);

/* True when a name or token is `word`, in any case; word is in lower case. */
bool mf_head_is(const char *bytes, size_t n_bytes, const char *word);

/* The value of a hexadecimal digit, 0 … 15; -1 when c is none. */
static inline int mf_head_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The reason phrase of RFC 9110 ("Not Found"), or "Unknown". */
const char *mf_status_reason(int status);

/* The name in an error's JSON ("not_found"), or "error". Stable: clients compare it. */
const char *mf_status_code(int status);

#endif
