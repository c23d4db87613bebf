/* page.c: from a path to a file, to the catalogue, or to the relay. */
#include "local/page/page.h"

#include "base/id_list.h"
#include "http/parse/target.h"
#include "local/page/catalogue.h"
#include "local/page/files.h"
#include "local/page/relay.h"
#include "local/service.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct mf_local_page {
    const mf_local_settings *settings;
    mf_local_catalogue *catalogue;
    mf_local_relay *relay; /* NULL without page-stream */
};

mf_local_page *mf_local_page_create(struct event_base *base, const mf_local_settings *settings,
                                    mf_error *err)
{
    mf_local_page *page = calloc(1, sizeof *page);
    if (page == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the page");
        return NULL;
    }
    page->settings = settings;
    page->catalogue = mf_local_catalogue_open(settings->page_model, settings->page_ratings, err);
    if (page->catalogue != NULL && settings->page_stream[0] != '\0') {
        page->relay = mf_local_relay_create(base, settings);
        if (page->relay == NULL)
            mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the page");
    }
    if (page->catalogue != NULL && (page->relay != NULL || settings->page_stream[0] == '\0'))
        return page;
    mf_local_page_destroy(page);
    return NULL;
}

void mf_local_page_destroy(mf_local_page *page)
{
    if (page == NULL)
        return;
    mf_local_relay_destroy(page->relay);
    mf_local_catalogue_close(page->catalogue);
    free(page);
}

/* ----------------------------------------------------------------- who is let in */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "::ffff:127.", 11) == 0 ||
           strcmp(address, "::1") == 0;
}

/* Host is localhost or a loopback address, with a port or without. */
static bool names_this_machine(mf_http_view host)
{
    char name[64];
    if (host.bytes == NULL || host.n_bytes >= sizeof name)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)host.n_bytes, host.bytes);
    if (strncmp(name, "[::1]", 5) == 0)
        return name[5] == '\0' || name[5] == ':';
    name[strcspn(name, ":")] = '\0';
    return strcasecmp(name, "localhost") == 0 ||
           (strncmp(name, "127.", 4) == 0 && strspn(name, "0123456789.") == strlen(name));
}

static bool is_let_in(const mf_http_request *request)
{
    char peer[MF_HTTP_PEER_BYTES];
    mf_http_get_peer(request, peer);
    return is_loopback(peer) && names_this_machine(mf_http_get_header(request, "host"));
}

/* -------------------------------------------------------------------------- files */

typedef struct file {
    const char *path, *type, *bytes;
    const size_t *n_bytes;
} file;

static const file files[] = {
    {"/", "text/html; charset=utf-8", mf_local_page_html, &mf_local_page_html_bytes},
    {"/page/page.js", "text/javascript; charset=utf-8", mf_local_page_js, &mf_local_page_js_bytes},
};

static const file *find_file(mf_http_view path)
{
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (mf_local_equals(path, files[i].path))
            return &files[i];
    return NULL;
}

static void respond_file(const file *of, mf_http_request *request)
{
    char tag[24], policy[320];
    const int n =
        snprintf(tag, sizeof tag, "\"%016" PRIx64 "\"", mf_id_hash(of->bytes, *of->n_bytes));
    mf_local_add_header_bytes(request, "ETag", tag, (size_t)n);
    mf_local_add_header(request, "Cache-Control", "no-cache");
    mf_local_add_header(request, "X-Content-Type-Options", "nosniff");
    mf_local_add_header(request, "Referrer-Policy", "no-referrer");
    snprintf(
        policy, sizeof policy,
        "default-src 'none'; script-src 'self'; style-src %s; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        mf_local_page_html_style);
    mf_local_add_header(request, "Content-Security-Policy", policy);
    const mf_http_view have = mf_http_get_header(request, "if-none-match");
    if (have.bytes != NULL && memmem(have.bytes, have.n_bytes, tag, (size_t)n) != NULL) {
        mf_http_respond(request, 304, NULL);
        return;
    }
    mf_local_add_header(request, "Content-Type", of->type);
    mf_local_respond(request, 200, of->bytes, *of->n_bytes);
}

/* --------------------------------------------------------------------------- JSON */

static void respond_json(mf_http_request *request)
{
    mf_local_add_header(request, "Content-Type", "application/json");
    mf_local_add_header(request, "Cache-Control", "no-store");
    mf_local_add_header(request, "X-Content-Type-Options", "nosniff");
    mf_http_respond(request, 200, NULL);
}

/* The parameter of this name, decoded into `query`, a copy of the request's. Empty when it is
 * missing. False when the query is malformed. */
static bool find_parameter(const mf_http_request *request, const char *name, mf_text *query,
                           mf_http_view *value)
{
    mf_uri_parameter parameters[MF_URI_PARAMETERS_MAX];
    const mf_http_view sent = mf_http_get_query(request);
    *value = (mf_http_view){"", 0};
    mf_text_append(query, sent.bytes, sent.n_bytes);
    if (query->n_bytes == 0)
        return !query->failed;
    const int n = mf_uri_parameters(query->bytes, query->n_bytes, parameters);
    for (int i = 0; i < n; i++)
        if (mf_local_equals(parameters[i].name, name))
            *value = parameters[i].value;
    return n >= 0;
}

static void respond_about(const mf_local_page *page, mf_http_request *request)
{
    const mf_local_settings *settings = page->settings;
    mf_text *out = mf_http_response(request);
    mf_text_literal(out, "{");
    mf_local_catalogue_about(page->catalogue, out);
    mf_text_literal(out, "\"api\":");
    mf_text_json(out, settings->page_api, strlen(settings->page_api));
    mf_text_literal(out, ",\"stream\":");
    if (page->relay != NULL)
        mf_text_json(out, settings->page_stream, strlen(settings->page_stream));
    else
        mf_text_literal(out, "null");
    mf_text_literal(out, "}");
    respond_json(request);
}

static void respond_ratings(const mf_local_page *page, mf_http_request *request, mf_http_view user)
{
    if (mf_local_catalogue_ratings(page->catalogue, user, mf_http_response(request)))
        respond_json(request);
    else
        mf_local_service_refuse(request, 404, "NotFound", "no ratings of this user are known");
}

/* The query without userId is sent as it came. */
static void relay_list(mf_local_page *page, mf_http_request *request)
{
    static const char USER[] = "userId=";
    mf_text target = MF_TEXT_EMPTY;
    mf_http_view query = mf_http_get_query(request);
    if (query.n_bytes <= strlen(USER) || memcmp(query.bytes, USER, strlen(USER)) != 0) {
        mf_local_service_refuse(request, 400, "BadRequest",
                                "expected userId as the first parameter");
        return;
    }
    query = (mf_http_view){query.bytes + strlen(USER), query.n_bytes - strlen(USER)};
    const char *end = memchr(query.bytes, '&', query.n_bytes);
    const size_t n_user = end != NULL ? (size_t)(end - query.bytes) : query.n_bytes;
    const char *base = page->settings->endpoints[0].at.base;
    mf_text_append(&target, base, strlen(base));
    mf_text_literal(&target, "/recommend/cached/");
    mf_text_append(&target, query.bytes, n_user);
    if (end != NULL) {
        mf_text_literal(&target, "?");
        mf_text_append(&target, end + 1, query.n_bytes - n_user - 1);
    }
    mf_text_append(&target, "", 1);
    if (target.failed)
        mf_local_service_refuse(request, 500, "InternalFailure", "no memory for a request");
    else
        mf_local_relay_get(page->relay, request, target.bytes);
    mf_text_free(&target);
}

/* A form of another site may post text; JSON it may not without being allowed to (CORS). */
static void put_rating(mf_local_page *page, mf_http_request *request)
{
    static const char JSON[] = "application/json";
    const mf_http_view type = mf_http_get_header(request, "content-type");
    if (type.n_bytes < strlen(JSON) || strncasecmp(type.bytes, JSON, strlen(JSON)) != 0)
        mf_local_service_refuse(request, 415, "UnsupportedMediaType", "expected application/json");
    else
        mf_local_relay_put(page->relay, request);
}

/* The path is below /page/. */
static void respond(mf_local_page *page, mf_http_request *request, mf_http_view path)
{
    const mf_http_view method = mf_http_get_method(request);
    const bool is_get = mf_local_equals(method, "GET") || mf_local_equals(method, "HEAD");
    mf_text query = MF_TEXT_EMPTY;
    mf_http_view value;
    const bool is_search = mf_local_equals(path, "users") || mf_local_equals(path, "items");
    if (mf_local_equals(path, "ratings") && mf_local_equals(method, "POST") && page->relay != NULL)
        put_rating(page, request);
    else if (!is_get)
        mf_local_service_refuse(request, 405, "MethodNotAllowed", "expected GET");
    else if (!find_parameter(request, is_search ? "q" : "userId", &query, &value))
        mf_local_service_refuse(request, 400, "BadRequest", "the query cannot be decoded");
    else if (mf_local_equals(path, "about"))
        respond_about(page, request);
    else if (mf_local_equals(path, "ratings"))
        respond_ratings(page, request, value);
    else if (mf_local_equals(path, "list") && page->relay != NULL)
        relay_list(page, request);
    else if (is_search) {
        (mf_local_equals(path, "users") ? mf_local_catalogue_users : mf_local_catalogue_items)(
            page->catalogue, value, mf_http_response(request));
        respond_json(request);
    } else {
        mf_local_service_refuse(request, 404, "NotFound", "no such path");
    }
    mf_text_free(&query);
}

bool mf_local_page_handle(mf_local_page *page, mf_http_request *request)
{
    mf_http_view path = mf_http_get_path(request);
    const file *of = find_file(path);
    if (page == NULL || (of == NULL && !mf_local_take_prefix(&path, "/page/")))
        return false;
    const mf_http_view method = mf_http_get_method(request);
    if (!is_let_in(request))
        mf_local_service_refuse(request, 403, "Forbidden",
                                "the page shows what users have rated, so it responds only to "
                                "http://localhost on its own machine");
    else if (of == NULL)
        respond(page, request, path);
    else if (mf_local_equals(method, "GET") || mf_local_equals(method, "HEAD"))
        respond_file(of, request);
    else
        return false;
    return true;
}
