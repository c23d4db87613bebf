/* with_events.c: one lookup, then the list. */
#include "serve/with_events.h"

#include "serve/invocations.h"

#include <stdlib.h>

/* A request that waits for the events of its user. */
typedef struct waiting {
    mf_http_request *request;
    mf_service *service;
    mf_service_loop *loop;
    mf_loaded *loaded; /* held */
    mf_feedback_key key;
    mf_cache_lookup *lookup; /* NULL after the response of Redis */
    mf_user_events events;
    uint32_t top_n;
    mf_text steering;
    double since;
} waiting;

static void respond(const waiting *w)
{
    if (w->steering.n_bytes > 0)
        mf_serve_steered(w->request, w->service, w->loop, w->loaded, w->top_n, &w->steering,
                         &w->events, w->since);
    else
        mf_serve_list(w->request, w->loop, w->loaded, w->top_n, &w->events, w->since);
}

static void take_events(void *argument, size_t i, const mf_feedback *feedback)
{
    waiting *w = argument;
    (void)i;
    if (!mf_feedback_copy(feedback, &w->events, NULL))
        w->events.n = 0; /* as without Redis */
}

static void take_done(void *argument, bool complete)
{
    waiting *w = argument;
    (void)complete;
    w->lookup = NULL;
    mf_http_resume(w->request);
}

/* After the response of Redis. A list that takes long continues as work, with a state of its own. */
static bool resume(mf_http_request *request, void *state)
{
    const waiting *w = state;
    (void)request;
    if (w->lookup == NULL)
        respond(w);
    return false;
}

static void destroy(void *state)
{
    waiting *w = state;
    if (w->lookup != NULL)
        mf_cache_client_cancel(w->loop->cache, w->lookup);
    mf_user_events_free(&w->events);
    mf_text_free(&w->steering);
    mf_loaded_release(w->loaded);
    free(w);
}

/* False: there is nothing to wait for, or no memory. */
static bool look_up(const waiting *wanted)
{
    static const mf_cache_lookup_events events = {.done = take_done, .feedback = take_events};
    const mf_http_view user = mf_http_get_segment(wanted->request);
    waiting *w = wanted->loop->cache != NULL ? malloc(sizeof *w) : NULL;
    if (w == NULL)
        return false;
    *w = *wanted;
    w->steering = MF_TEXT_EMPTY;
    mf_text_append(&w->steering, wanted->steering.bytes, wanted->steering.n_bytes);
    mf_loaded_hold(w->loaded);
    const mf_cache_wanted keys = {.feedback = &w->key, .n = 1};
    if (!w->steering.failed && mf_feedback_key_make(&w->key, user.bytes, user.n_bytes))
        w->lookup = mf_cache_client_get(w->loop->cache, &keys, &events, w);
    if (w->lookup == NULL) {
        destroy(w);
        return false;
    }
    mf_http_wait(w->request, resume, w, destroy);
    return true;
}

void mf_serve_with_events(mf_http_request *request, mf_service *service, mf_service_loop *loop,
                          mf_loaded *loaded, uint32_t top_n, const mf_text *steering, double since)
{
    const waiting w = {.request = request,
                       .service = service,
                       .loop = loop,
                       .loaded = loaded,
                       .top_n = top_n,
                       .steering = *steering,
                       .since = since};
    if (!look_up(&w))
        respond(&w);
}

void mf_handle_recommend(mf_http_request *request, void *context)
{
    mf_service *service = context;
    mf_service_loop *loop = &service->loops[mf_http_get_loop(request)];
    mf_loaded *loaded = mf_serve_model(request, loop);
    mf_text steering = MF_TEXT_EMPTY;
    uint32_t top_n;
    if (loaded != NULL &&
        mf_serve_parameters(request, service->settings.max_top_n, &top_n, &steering))
        mf_serve_with_events(request, service, loop, loaded, top_n, &steering, 0);
    mf_text_free(&steering);
}
