/* web_request.c: what a handler may ask of a request. */
#include "local/web_state.h"

static mf_local_web_view view(const mf_local_web_request *r, mf_head_span span)
{
    return (mf_local_web_view){r->in.bytes + span.at, span.n_bytes};
}

mf_local_web_view mf_local_web_method(const mf_local_web_request *r)
{
    return view(r, r->head.method);
}

mf_local_web_view mf_local_web_path(const mf_local_web_request *r)
{
    const mf_local_web_view target = view(r, r->head.target);
    const char *start = target.bytes;
    size_t n = target.n_bytes;
    if (n > 7 && memcmp(start, "http://", 7) == 0) { /* a proxy's form */
        const char *slash = memchr(start + 7, '/', n - 7);
        if (slash == NULL)
            return (mf_local_web_view){"/", 1};
        n -= (size_t)(slash - start);
        start = slash;
    }
    const char *mark = memchr(start, '?', n);
    return (mf_local_web_view){start, mark != NULL ? (size_t)(mark - start) : n};
}

mf_local_web_view mf_local_web_query(const mf_local_web_request *r)
{
    const mf_local_web_view target = view(r, r->head.target);
    const char *mark = memchr(target.bytes, '?', target.n_bytes);
    if (mark == NULL)
        return (mf_local_web_view){NULL, 0};
    return (mf_local_web_view){mark + 1, target.n_bytes - (size_t)(mark + 1 - target.bytes)};
}

mf_local_web_view mf_local_web_header(const mf_local_web_request *r, const char *name)
{
    for (uint32_t i = 0; i < r->head.n_fields; i++) {
        const mf_local_web_view found = view(r, r->head.fields[i].name);
        if (mf_head_is(found.bytes, found.n_bytes, name))
            return view(r, r->head.fields[i].value);
    }
    return (mf_local_web_view){NULL, 0};
}

bool mf_local_web_header_at(const mf_local_web_request *r, size_t i, mf_local_web_view *name,
                            mf_local_web_view *value)
{
    if (i >= r->head.n_fields)
        return false;
    *name = view(r, r->head.fields[i].name);
    *value = view(r, r->head.fields[i].value);
    return true;
}

size_t mf_local_web_head_bytes(const mf_local_web_request *r)
{
    return r->n_head;
}

mf_local_web_view mf_local_web_body(const mf_local_web_request *r)
{
    if (r->overflowed)
        return (mf_local_web_view){"", 0};
    if (r->head.chunked)
        return (mf_local_web_view){r->body.n_bytes > 0 ? r->body.bytes : "", r->body.n_bytes};
    return (mf_local_web_view){r->in.bytes + r->n_head, (size_t)r->head.content_length};
}

bool mf_local_web_overflowed(const mf_local_web_request *r)
{
    return r->overflowed;
}

const char *mf_local_web_peer(const mf_local_web_request *r)
{
    return r->peer;
}

void mf_local_web_set_user(mf_local_web_request *r, void *user)
{
    r->user = user;
}

void *mf_local_web_user(const mf_local_web_request *r)
{
    return r->user;
}
