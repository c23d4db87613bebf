/* web_reply.c: answers, and the end of a request. */
#include "web_state.h"

#include "base/memory.h"

#include "http/status.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { KEPT = 64 << 10 };

/* What AWS's services answer and src/http does not. */
static const char *reason_of(int status)
{
    switch (status) {
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 424:
        return "Failed Dependency";
    case 429:
        return "Too Many Requests";
    case 502:
        return "Bad Gateway";
    case 504:
        return "Gateway Timeout";
    default:
        return mf_status_reason(status);
    }
}

/* Bytes that the socket took; -1 when the connection is of no use any more. */
static ssize_t try_send(int fd, struct iovec *parts, size_t n_parts)
{
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = n_parts};
    for (;;) {
        const ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n >= 0 || errno == EAGAIN)
            return n >= 0 ? n : 0;
        if (errno != EINTR)
            return -1;
    }
}

void mf_web_flush(mf_web_request *r)
{
    struct iovec rest = {r->out.bytes + r->n_sent, r->out.n_bytes - r->n_sent};
    const ssize_t n = r->out.failed ? -1 : rest.iov_len > 0 ? try_send(r->fd, &rest, 1) : 0;
    if (n < 0) {
        r->broken = true;
        return;
    }
    r->n_sent += (size_t)n;
    if (r->n_sent < r->out.n_bytes) {
        event_add(r->writable, NULL);
        return;
    }
    r->n_sent = 0;
    mf_text_clear(&r->out, KEPT);
}

static void send_both(mf_web_request *r, const mf_text *head, const char *body, size_t n_body)
{
    struct iovec parts[2] = {{head->bytes, head->n_bytes}, {mf_without_const(body), n_body}};
    ssize_t n = 0;
    if (head->failed)
        n = -1;
    else if (r->out.n_bytes == 0)
        n = try_send(r->fd, parts, n_body > 0 ? 2 : 1);
    if (n < 0) {
        r->broken = true;
        return;
    }
    const size_t sent = (size_t)n;
    if (sent < head->n_bytes)
        mf_text_append(&r->out, head->bytes + sent, head->n_bytes - sent);
    const size_t of_body = sent > head->n_bytes ? sent - head->n_bytes : 0;
    if (of_body < n_body)
        mf_text_append(&r->out, body + of_body, n_body - of_body);
    if (r->out.n_bytes > 0)
        event_add(r->writable, NULL);
    r->broken = r->broken || r->out.failed;
}

/* Throws the request away; what stands behind it moves to the front. */
static void finish(mf_web_request *r)
{
    size_t used = r->n_head;
    if (!r->head.chunked && !r->overflowed)
        used += (size_t)r->head.content_length;
    if (used < r->in.n_bytes)
        memmove(r->in.bytes, r->in.bytes + used, r->in.n_bytes - used);
    r->in.n_bytes -= used;
    r->n_head = r->scanned = 0;
    r->n_body = 0;
    r->overflowed = false;
    r->user = NULL;
    r->chunks = MF_CHUNKS_START;
    mf_text_clear(&r->body, KEPT);
    r->stage = r->close ? MF_WEB_OVER : MF_WEB_HEAD;
}

void mf_web_reply(mf_web_request *r, int status, const mf_text *headers, const char *body,
                  size_t n_body)
{
    mf_text *head = &r->server->head;
    mf_text_clear(head, KEPT);
    head->failed = headers != NULL && headers->failed;
    const char *reason = reason_of(status);
    mf_text_literal(head, "HTTP/1.1 ");
    mf_text_count(head, (uint64_t)status);
    mf_text_literal(head, " ");
    mf_text_append(head, reason, strlen(reason));
    if (status != 204 && status != 304) {
        mf_text_literal(head, "\r\nContent-Length: ");
        mf_text_count(head, n_body);
    }
    if (r->close)
        mf_text_literal(head, "\r\nConnection: close");
    mf_text_literal(head, "\r\n");
    if (headers != NULL)
        mf_text_append(head, headers->bytes, headers->n_bytes);
    mf_text_literal(head, "\r\n");
    const bool has_body = !r->is_head_method && status != 204 && status != 304;
    send_both(r, head, body, has_body ? n_body : 0);
    finish(r);
    if (r->paused && event_add(r->readable, NULL) == 0)
        r->paused = false;
    /* Whoever walks the bytes goes on with them; else the loop shall. */
    if (!r->inside && (r->broken || r->stage == MF_WEB_OVER || r->in.n_bytes > 0))
        event_active(r->readable, EV_READ, 0);
}

void mf_web_refuse(mf_web_request *r, int status, const char *message)
{
    mf_text headers = MF_TEXT_EMPTY, body = MF_TEXT_EMPTY;
    mf_web_add_header(&headers, "Content-Type", "application/json", strlen("application/json"));
    mf_text_literal(&body, "{\"message\":");
    mf_text_json(&body, message, strlen(message));
    mf_text_literal(&body, "}");
    r->close = true;
    r->is_head_method = false;
    /* Nothing of what has come is a request: all of it goes. */
    memset(&r->head, 0, sizeof r->head);
    r->overflowed = false;
    r->n_head = r->in.n_bytes;
    mf_web_reply(r, status, &headers, body.bytes, body.n_bytes);
    mf_text_free(&headers);
    mf_text_free(&body);
}

bool mf_web_add_header(mf_text *headers, const char *name, const char *value, size_t n_value)
{
    for (size_t i = 0; i < n_value; i++)
        if (((unsigned char)value[i] < ' ' && value[i] != '\t') || value[i] == 0x7F)
            return false;
    for (const char *c = name; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"(),/:;<=>?@[\\]{}", *c) != NULL)
            return false;
    if (name[0] == '\0')
        return false;
    mf_text_append(headers, name, strlen(name));
    mf_text_literal(headers, ": ");
    mf_text_append(headers, value, n_value);
    mf_text_literal(headers, "\r\n");
    return true;
}
