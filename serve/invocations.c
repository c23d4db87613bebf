/* invocations.c: handlers of requests for predictions. A request that takes longer than a slice
 * is continued between other requests of its loop and holds its model until then. */
#include "serve/invocations.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "http/parse/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CUSTOM_ATTRIBUTES[] = "X-Amzn-SageMaker-Custom-Attributes";

static void add(atomic_uint_fast64_t *count, uint64_t n)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void add_and_log(mf_http_request *request, atomic_uint_fast64_t *count, const char *name,
                        uint64_t n)
{
    add(count, n);
    if (n > 0)
        mf_http_log_count(request, name, n);
}

/* Counts the predictions of a request, in /metrics and in its line of the access log. */
static void count_predictions(mf_http_request *request, mf_service_loop *loop,
                              const mf_inference_counts *counts)
{
    add(&loop->n_predictions, counts->n_responses);
    add_and_log(request, &loop->n_unknown_users, "unknown_users", counts->n_unknown_users);
    add_and_log(request, &loop->n_unknown_items, "unknown_items", counts->n_unknown_items);
    add_and_log(request, &loop->n_clipped, "clipped_ratings", counts->n_clipped);
}

/* A batch without any known user is most likely one whose ids are written otherwise than those of the
 * training data. Its responses look like others. */
static void warn_unknown(mf_service *service, const mf_inference_counts *counts)
{
    enum { FEWEST = 10, INTERVAL_US = 60 * 1000 * 1000 };
    if (counts->n_users < FEWEST || counts->n_unknown_users < counts->n_users)
        return;
    const int64_t now = mf_clock_us();
    int_fast64_t before = atomic_load_explicit(&service->warned_us, memory_order_relaxed);
    if ((before != INT64_MIN && now - before < INTERVAL_US) ||
        !atomic_compare_exchange_strong(&service->warned_us, &before, now))
        return;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_WARNING, "unknown_users");
    mf_log_count(&line, "users", counts->n_users);
    mf_log_text(&line, "message",
                "none of the users of a batch is in the training data: compare the ids with those "
                "that the model was trained on");
    mf_log_end(&line);
}

mf_loaded *mf_serve_model(mf_http_request *request, const mf_service_loop *loop)
{
    if (loop->loaded == NULL)
        mf_http_refuse(request, 503, "no model is in service: %s", loop->reason);
    return loop->loaded;
}

void mf_serve_reject(mf_http_request *request, const mf_error *err)
{
    mf_http_refuse(request, mf_inference_status(err), "%s", err->text);
}

/* The format of the request, or false after a 415. */
static bool read_content_type(mf_http_request *request, mf_inference_format *format)
{
    const mf_http_view type = mf_http_get_header(request, "Content-Type");
    *format = MF_INFERENCE_JSON;
    if (type.n_bytes == 0)
        return true;
    for (int f = 0; f < MF_INFERENCE_FORMATS; f++)
        if (mf_media_is(type.bytes, type.n_bytes, mf_inference_media_types[f])) {
            *format = (mf_inference_format)f;
            return true;
        }
    mf_http_refuse(request, 415,
                   "Content-Type %.*s is not read here: send application/json, "
                   "application/jsonlines or text/csv",
                   (int)(type.n_bytes < 200 ? type.n_bytes : 200), type.bytes);
    return false;
}

/* The format of the response, or false after a 406. */
static bool choose_response_format(mf_http_request *request, const mf_service *service,
                                   mf_inference_format request_format,
                                   mf_inference_format *response_format)
{
    *response_format =
        service->settings.accept < MF_INFERENCE_FORMATS ? service->settings.accept : request_format;
    const mf_http_view accept = mf_http_get_header(request, "Accept");
    if (accept.n_bytes == 0)
        return true;
    /* The default is first, so that it wins among equal weights. */
    const char *types[MF_INFERENCE_FORMATS] = {mf_inference_media_types[*response_format]};
    mf_inference_format formats[MF_INFERENCE_FORMATS] = {*response_format};
    int n = 1;
    for (int f = 0; f < MF_INFERENCE_FORMATS; f++)
        if (f != (int)*response_format) {
            types[n] = mf_inference_media_types[f];
            formats[n++] = (mf_inference_format)f;
        }
    const int chosen = mf_media_choose(accept.bytes, accept.n_bytes, types, n);
    if (chosen < 0) {
        mf_http_refuse(request, 406,
                       "Accept %.*s names nothing that can be sent: request application/json, "
                       "application/jsonlines or text/csv",
                       (int)(accept.n_bytes < 200 ? accept.n_bytes : 200), accept.bytes);
        return false;
    }
    *response_format = formats[chosen];
    return true;
}

/* Continues a request that was not done in its first slice, as few are, with a copy of its state.
 * The copy holds the model, because the loop may switch to another; `destroy` frees it. False after
 * a 503: what the state owns is still the caller's. */
static bool resume_in_slices(mf_http_request *request, mf_http_slice *slice, const void *state,
                             size_t n_bytes, mf_loaded *loaded, void (*destroy)(void *state))
{
    void *copy = malloc(n_bytes);
    if (copy == NULL) {
        mf_http_refuse(request, 503, "no memory for this request: try again later");
        return false;
    }
    memcpy(copy, state, n_bytes);
    mf_loaded_hold(loaded);
    mf_http_work(request, slice, copy, destroy);
    return true;
}

/* ------------------------------------------------------------ /invocations */

/* A request to /invocations between its slices. */
typedef struct invocation {
    mf_service *service;
    mf_service_loop *loop;
    mf_loaded *loaded; /* see resume_in_slices */
    mf_inference *inference;
    const char *media_type; /* NULL: a list for the user in the path */
    double since;           /* of such a list, see mf_serve_respond_list */
    mf_text body;           /* of such a list */
} invocation;

/* The attributes are returned as they were sent. Only "model_version" is completed by the version
 * of the model, with which a client can cache the response. SageMaker passes no other header of
 * ours to the client. */
static void set_attributes(mf_http_request *request, const mf_loaded *loaded)
{
    static const char word[] = "model_version";
    char value[sizeof word + MF_MODEL_VERSION_BYTES + 1];
    const mf_http_view sent = mf_http_get_header(request, CUSTOM_ATTRIBUTES);
    if (sent.n_bytes == strlen(word) && memcmp(sent.bytes, word, sent.n_bytes) == 0) {
        const int n = snprintf(value, sizeof value, "%s=%s", word, loaded->version);
        mf_http_set_header(request, CUSTOM_ATTRIBUTES, value, (size_t)n);
    } else if (sent.n_bytes > 0) {
        mf_http_set_header(request, CUSTOM_ATTRIBUTES, sent.bytes, sent.n_bytes);
    }
}

/* The members that a list ends with, its last brace, and the response. since: see
 * mf_serve_respond_list. */
static void finish_list(mf_http_request *request, const mf_loaded *loaded, bool from_cache,
                        double since)
{
    enum { MILLI = 1000 };
    mf_text *out = mf_http_response(request);
    if (since > 0)
        mf_text_format(out, ",\"from_cache\":%s,\"latency_ms\":%.3f", from_cache ? "true" : "false",
                       (mf_clock_seconds() - since) * MILLI);
    mf_text_literal(out, "}");
    mf_http_set_header(request, "X-Model-Version", loaded->version, strlen(loaded->version));
    mf_http_respond(request, 200, mf_inference_media_types[MF_INFERENCE_JSON]);
}

/* Without the last newline: the SDK's local mode appends one (docs/serving.md, Batch transform). */
static void cut_newline(mf_text *response)
{
    if (response->n_bytes > 0 && response->bytes[response->n_bytes - 1] == '\n')
        response->n_bytes--;
}

/* Runs one slice and sends the response at the end. False: not done. */
static bool step_invocation(mf_http_request *request, void *state)
{
    const invocation *in = state;
    mf_error err = {0};
    mf_inference_counts counts;
    switch (mf_inference_step(in->inference, in->loop->workspace, MF_SLICE_MICROSECONDS, &err)) {
    case MF_INFERENCE_MORE:
        return false;
    case MF_INFERENCE_DONE:
        counts = mf_inference_counted(in->inference);
        count_predictions(request, in->loop, &counts);
        if (in->media_type == NULL) {
            finish_list(request, in->loaded, false, in->since);
            return true;
        }
        warn_unknown(in->service, &counts);
        set_attributes(request, in->loaded);
        if (in->service->settings.sdk_batch)
            cut_newline(mf_http_response(request));
        mf_http_respond(request, 200, in->media_type);
        return true;
    case MF_INFERENCE_FAILED:
        break;
    }
    mf_serve_reject(request, &err);
    return true;
}

static void destroy_invocation(void *state)
{
    invocation *in = state;
    mf_inference_destroy(in->inference);
    mf_text_free(&in->body);
    mf_loaded_release(in->loaded);
    free(in);
}

void mf_handle_invocations(mf_http_request *request, void *context)
{
    mf_service *service = context;
    mf_service_loop *loop = &service->loops[mf_http_get_loop(request)];
    mf_loaded *loaded = mf_serve_model(request, loop);
    mf_inference_format request_format, response_format;
    if (loaded == NULL || !read_content_type(request, &request_format) ||
        !choose_response_format(request, service, request_format, &response_format))
        return;

    mf_error err = {0};
    const mf_http_view body = mf_http_get_body(request);
    invocation in = {.service = service,
                     .loop = loop,
                     .loaded = loaded,
                     .media_type = mf_inference_media_types[response_format]};
    in.inference =
        mf_inference_create(loaded->recommender, &loaded->limits, request_format, response_format,
                            body.bytes, body.n_bytes, mf_http_response(request), &err);
    if (in.inference == NULL) {
        mf_serve_reject(request, &err);
    } else if (!step_invocation(request, &in) &&
               resume_in_slices(request, step_invocation, &in, sizeof in, loaded,
                                destroy_invocation)) {
        return;
    }
    mf_inference_destroy(in.inference);
}

/* ------------------------------------------------------ recommendations for one user */

static bool is_name(mf_http_view a, mf_http_view b)
{
    return a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static bool read_top_n(mf_http_request *request, mf_http_view name, mf_http_view value,
                       uint32_t max_top_n, uint32_t *top_n)
{
    uint64_t n = 0;
    if (!mf_parse_uint64(value.bytes, value.n_bytes, &n) || n < 1 || n > max_top_n) {
        mf_http_refuse(request, 400, "%.*s is \"%.*s\": expected a whole number from 1 to %u",
                       (int)name.n_bytes, name.bytes,
                       (int)(value.n_bytes < 64 ? value.n_bytes : 64), value.bytes, max_top_n);
        return false;
    }
    *top_n = (uint32_t)n;
    return true;
}

bool mf_serve_parameters(mf_http_request *request, uint32_t max_top_n, uint32_t *top_n,
                         mf_text *steering)
{
    enum { USUAL = 20 };
    static const mf_http_view TOP_N = {"top_n", 5}, LIMIT = {"limit", 5};
    bool has_top_n = false;
    *top_n = USUAL < max_top_n ? USUAL : max_top_n;
    mf_http_view name, value, before, unused;
    mf_error err = {0};
    for (size_t i = 0; mf_http_get_parameter_at(request, i, &name, &value); i++) {
        for (size_t k = 0; k < i && mf_http_get_parameter_at(request, k, &before, &unused); k++)
            if (is_name(name, before)) {
                mf_http_refuse(request, 400, "%.*s is given twice: send it once", (int)name.n_bytes,
                               name.bytes);
                return false;
            }
        if (is_name(name, TOP_N) || is_name(name, LIMIT)) {
            if (has_top_n) {
                mf_http_refuse(request, 400, "limit is another name of top_n: send one of them");
                return false;
            }
            has_top_n = true;
            if (!read_top_n(request, name, value, max_top_n, top_n))
                return false;
        } else if (!mf_inference_add_parameter(steering, name.bytes, name.n_bytes, value.bytes,
                                               value.n_bytes, &err)) {
            mf_serve_reject(request, &err);
            return false;
        }
    }
    return true;
}

void mf_serve_respond_list(mf_http_request *request, mf_service_loop *loop, const mf_loaded *loaded,
                           const mf_text *items, const mf_inference_list *list, bool from_cache,
                           double since)
{
    mf_text *out = mf_http_response(request);
    const mf_http_view user = mf_http_get_segment(request);
    mf_inference_begin_list(out, user.bytes, user.n_bytes);
    mf_text_append(out, items->bytes, items->n_bytes);
    mf_inference_end_list(out, list);
    count_predictions(request, loop,
                      &(mf_inference_counts){.n_responses = 1,
                                             .n_users = 1,
                                             .n_unknown_users = !list->known_user,
                                             .n_unknown_items = list->n_unknown_items,
                                             .n_clipped = list->n_clipped});
    finish_list(request, loaded, from_cache, since);
}

/* A request for a list between its slices. */
typedef struct list_request {
    mf_listing listing;
    mf_service_loop *loop;
    mf_loaded *loaded; /* see resume_in_slices */
    double since;      /* see mf_serve_respond_list */
} list_request;

/* Runs one slice and sends the response at the end. False: not done. */
static bool step_list(mf_http_request *request, void *state)
{
    const list_request *r = state;
    mf_error err = {0};
    mf_inference_list list;
    mf_text items = MF_TEXT_EMPTY;
    const mf_inference_progress progress =
        mf_listing_step(&r->listing, MF_SLICE_MICROSECONDS, &items, &list, &err);
    if (progress == MF_INFERENCE_DONE)
        mf_serve_respond_list(request, r->loop, r->loaded, &items, &list, false, r->since);
    else if (progress == MF_INFERENCE_FAILED)
        mf_serve_reject(request, &err);
    mf_text_free(&items);
    return progress != MF_INFERENCE_MORE;
}

static void destroy_list(void *state)
{
    list_request *r = state;
    mf_listing_end(&r->listing);
    mf_loaded_release(r->loaded);
    free(r);
}

void mf_serve_list(mf_http_request *request, mf_service_loop *loop, mf_loaded *loaded,
                   uint32_t top_n, const mf_user_events *events, double since)
{
    mf_error err = {0};
    list_request r = {.loop = loop, .loaded = loaded, .since = since};
    const mf_http_view user = mf_http_get_segment(request);
    if (!mf_listing_begin(&r.listing, loaded->recommender, &loaded->limits, loop->workspace,
                          user.bytes, user.n_bytes, top_n, events, &err))
        mf_serve_reject(request, &err);
    else if (!step_list(request, &r) &&
             resume_in_slices(request, step_list, &r, sizeof r, loaded, destroy_list))
        return;
    mf_listing_end(&r.listing);
}

void mf_serve_steered(mf_http_request *request, mf_service *service, mf_service_loop *loop,
                      mf_loaded *loaded, uint32_t top_n, const mf_text *steering,
                      const mf_user_events *events, double since)
{
    mf_error err = {0};
    const mf_http_view user = mf_http_get_segment(request);
    invocation in = {.service = service, .loop = loop, .loaded = loaded, .since = since};
    mf_text_literal(&in.body, "{\"user_id\":");
    mf_text_json(&in.body, user.bytes, user.n_bytes);
    mf_text_format(&in.body, ",\"top_n\":%u", top_n);
    mf_text_append(&in.body, steering->bytes, steering->n_bytes);
    mf_inference_add_events(&in.body, events);
    mf_text_append(&in.body, "}", 2); /* with the zero byte behind */
    if (steering->failed || in.body.failed)
        mf_fail(&err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for this request: try again later");
    else
        in.inference = mf_inference_create(loaded->recommender, &loaded->limits, MF_INFERENCE_JSON,
                                           MF_INFERENCE_JSON, in.body.bytes, in.body.n_bytes - 1,
                                           mf_http_response(request), &err);
    if (in.inference != NULL)
        mf_inference_set_listing(in.inference);
    if (in.inference == NULL)
        mf_serve_reject(request, &err);
    else if (!step_invocation(request, &in) &&
             resume_in_slices(request, step_invocation, &in, sizeof in, loaded, destroy_invocation))
        return;
    mf_inference_destroy(in.inference);
    mf_text_free(&in.body);
}
