/* listing.c: promises in listing.h. */
#include "listing.h"

#include "invocations.h"

#include <stdlib.h>

/* A request between its slices. */
typedef struct wish {
    mf_listing listing;
    mf_service_loop *loop;
    mf_loaded *loaded; /* held: the loop may have switched to another model meanwhile */
    double since;
    mf_listed *listed;
} wish;

/* False while more is to do. */
static bool go_on(mf_http_request *request, const wish *w)
{
    mf_error err = {0};
    mf_inference_list list;
    mf_text items = MF_TEXT_EMPTY;
    const mf_inference_progress progress =
        mf_listing_step(&w->listing, MF_SLICE_MICROSECONDS, &items, &list, &err);
    if (progress == MF_INFERENCE_DONE)
        w->listed(request, w->loop, w->loaded, &items, &list, w->since);
    else if (progress == MF_INFERENCE_FAILED)
        mf_serve_refuse(request, &err);
    mf_text_free(&items);
    return progress != MF_INFERENCE_MORE;
}

static bool slice(mf_http_request *request, void *state)
{
    return go_on(request, state);
}

static void destroy(void *state)
{
    wish *w = state;
    mf_listing_end(&w->listing);
    mf_loaded_release(w->loaded);
    free(w);
}

/* Takes the listing. */
static void go_on_later(mf_http_request *request, const wish *begun)
{
    wish *w = malloc(sizeof *w);
    if (w == NULL) {
        mf_listing listing = begun->listing;
        mf_listing_end(&listing);
        mf_http_refuse(request, 503, "no memory for this request: try again later");
        return;
    }
    *w = *begun;
    mf_loaded_hold(w->loaded);
    mf_http_work(request, slice, w, destroy);
}

void mf_serve_list(mf_http_request *request, const mf_service *service, mf_service_loop *loop,
                   mf_loaded *loaded, uint32_t top_n, double since, mf_listed *listed)
{
    mf_error err = {0};
    wish w = {.loop = loop, .loaded = loaded, .since = since, .listed = listed};
    const mf_http_view user = mf_http_get_segment(request);
    if (!mf_listing_begin(&w.listing, loaded->recommender, &service->limits, loop->workspace,
                          user.bytes, user.n_bytes, top_n, &err))
        mf_serve_refuse(request, &err);
    else if (!go_on(request, &w)) {
        go_on_later(request, &w);
        return;
    }
    mf_listing_end(&w.listing);
}
