/* cached.c: promises in cached.h.
 *
 * A flight is a list on its way from Redis, and the requests that wait for it. When Redis
 * has answered all of them are woken; the first one computes what was not there, or all of
 * them in turn when that takes many steps. From then on the flight takes no one more. */
#include "cached.h"

#include "base/clock.h"
#include "base/memory.h"
#include "invocations.h"
#include "listing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { N_BUCKETS = 256 };

typedef struct flight flight;

/* A request that waits. */
typedef struct waiter {
    mf_http_request *request;
    flight *flight;
    double since; /* seconds of the steady clock */
    TAILQ_ENTRY(waiter) next;
} waiter;

struct flight {
    mf_service *service;
    mf_service_loop *loop;
    mf_loaded *loaded; /* held: the key has its version */
    mf_cache_key key;
    mf_cache_lookup *lookup; /* NULL when Redis has answered */
    mf_text items;           /* empty until there is a list */
    mf_inference_list list;
    bool from_cache;
    mf_listing listing;
    bool searching; /* the listing has begun */
    bool is_known;  /* in the table */
    TAILQ_HEAD(, waiter) waiters;
    LIST_ENTRY(flight) same_bucket;
};

struct mf_flights {
    LIST_HEAD(, flight) buckets[N_BUCKETS];
    const flight *searching; /* one at a time; NULL: none */
};

mf_flights *mf_flights_create(mf_error *err)
{
    return mf_allocate(1, sizeof(mf_flights), "lists on their way", err);
}

void mf_flights_destroy(mf_flights *flights)
{
    mf_free(flights);
}

/* -------------------------------------------------------------------- answers */

static void answer(mf_http_request *request, mf_service_loop *loop, const mf_loaded *loaded,
                   const mf_text *items, const mf_inference_list *list, bool from_cache,
                   double since)
{
    enum { MILLI = 1000 };
    mf_text *out = mf_http_response(request);
    const mf_http_view user = mf_http_get_segment(request);
    mf_inference_begin_list(out, user.bytes, user.n_bytes);
    mf_text_append(out, items->bytes, items->n_bytes);
    mf_inference_end_list(out, list);
    if (from_cache)
        mf_text_literal(out, ",\"from_cache\":true,\"latency_ms\":");
    else
        mf_text_literal(out, ",\"from_cache\":false,\"latency_ms\":");
    mf_text_format(out, "%.3f}", (mf_clock_seconds() - since) * MILLI);
    mf_serve_count(loop, 1);
    mf_serve_say_version(request, loaded);
    mf_http_reply(request, 200, mf_inference_media_types[MF_INFERENCE_JSON]);
}

static void answer_computed(mf_http_request *request, mf_service_loop *loop,
                            const mf_loaded *loaded, const mf_text *items,
                            const mf_inference_list *list, double since)
{
    answer(request, loop, loaded, items, list, false, since);
}

/* -------------------------------------------------------------------- flights */

static size_t bucket_of(const mf_cache_key *key)
{
    return XXH3_64bits(key->bytes, key->n_bytes) % N_BUCKETS;
}

static flight *find(const mf_flights *flights, const mf_cache_key *key)
{
    flight *f;
    LIST_FOREACH(f, &flights->buckets[bucket_of(key)], same_bucket)
    if (f->key.n_bytes == key->n_bytes && memcmp(f->key.bytes, key->bytes, key->n_bytes) == 0)
        return f;
    return NULL;
}

/* The next request for this list looks again. */
static void forget(flight *f)
{
    if (f->is_known)
        LIST_REMOVE(f, same_bucket);
    f->is_known = false;
}

static void end_search(flight *f)
{
    mf_listing_end(&f->listing);
    f->searching = false;
    if (f->loop->flights->searching == f)
        f->loop->flights->searching = NULL;
}

static void free_flight(flight *f)
{
    forget(f);
    end_search(f);
    if (f->lookup != NULL)
        mf_cache_client_cancel(f->loop->cache, f->lookup);
    mf_loaded_release(f->loaded);
    mf_text_free(&f->items);
    free(f);
}

static void take_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    flight *f = argument;
    (void)i;
    if (f->service->limits.strict && !entry->known_user)
        return;
    mf_text_append(&f->items, entry->list, entry->n_list);
    f->list = (mf_inference_list){.count = entry->count, .known_user = entry->known_user};
    f->from_cache = !f->items.failed;
}

static void take_done(void *argument, bool answered)
{
    flight *f = argument;
    const waiter *w;
    (void)answered;
    f->lookup = NULL;
    TAILQ_FOREACH(w, &f->waiters, next)
    mf_http_resume(w->request);
}

static void store(flight *f)
{
    const mf_cache_entry entry = {.list = f->items.bytes,
                                  .n_list = f->items.n_bytes,
                                  .count = f->list.count,
                                  .known_user = f->list.known_user};
    mf_cache_client_set(f->loop->cache, &f->key, &entry);
}

/* What Redis did not have. A list of a large catalogue is searched in steps, by whoever of
 * those who wait for it has his turn, and the others' lists come after it: each would need
 * memory of its own. */
static mf_inference_progress compute(mf_http_request *request, flight *f, mf_error *err)
{
    mf_flights *flights = f->loop->flights;
    const mf_http_view user = mf_http_get_segment(request);
    if (flights->searching != NULL && flights->searching != f)
        return MF_INFERENCE_MORE;
    if (!f->searching &&
        !mf_listing_begin(&f->listing, f->loaded->recommender, &f->service->limits,
                          f->loop->workspace, user.bytes, user.n_bytes, f->key.top_n, err)) {
        end_search(f);
        return MF_INFERENCE_FAILED;
    }
    const mf_inference_progress progress =
        mf_listing_step(&f->listing, MF_SLICE_MICROSECONDS, &f->items, &f->list, err);
    if (progress == MF_INFERENCE_MORE) {
        f->searching = true;
        flights->searching = f;
    } else {
        end_search(f);
    }
    return progress;
}

/* Redis has answered: everybody who waits is called with this. */
static bool go_on(mf_http_request *request, void *state)
{
    const waiter *w = state;
    flight *f = w->flight;
    mf_error err = {0};
    if (f->lookup != NULL)
        return false;
    forget(f);
    if (f->items.n_bytes == 0) {
        f->items.failed = false;
        switch (compute(request, f, &err)) {
        case MF_INFERENCE_MORE:
            mf_http_resume(request);
            return false;
        case MF_INFERENCE_FAILED:
            mf_text_clear(&f->items, 0);
            mf_serve_refuse(request, &err);
            return true;
        case MF_INFERENCE_DONE:
            store(f);
        }
    }
    answer(request, f->loop, f->loaded, &f->items, &f->list, f->from_cache, w->since);
    return true;
}

static void leave(void *state)
{
    waiter *w = state;
    flight *f = w->flight;
    TAILQ_REMOVE(&f->waiters, w, next);
    free(w);
    if (TAILQ_EMPTY(&f->waiters))
        free_flight(f);
}

/* NULL: Redis is not to be asked now, or there is no memory. */
static flight *start_flight(mf_service *service, mf_service_loop *loop, mf_loaded *loaded,
                            const mf_cache_key *key)
{
    static const mf_cache_lookup_events events = {take_found, take_done};
    flight *f = malloc(sizeof *f);
    if (f == NULL)
        return NULL;
    *f = (flight){.service = service, .loop = loop, .loaded = loaded, .key = *key};
    TAILQ_INIT(&f->waiters);
    f->lookup = mf_cache_client_get(loop->cache, &f->key, 1, &events, f);
    if (f->lookup == NULL) {
        free(f);
        return NULL;
    }
    mf_loaded_hold(loaded);
    LIST_INSERT_HEAD(&loop->flights->buckets[bucket_of(key)], f, same_bucket);
    f->is_known = true;
    return f;
}

/* True when the request waits now. */
static bool board(mf_http_request *request, mf_service *service, mf_service_loop *loop,
                  mf_loaded *loaded, uint32_t top_n, double since)
{
    mf_cache_key key;
    const mf_http_view user = mf_http_get_segment(request);
    if (loop->cache == NULL || !mf_id_valid(user.bytes, user.n_bytes) ||
        !mf_cache_key_make(&key, user.bytes, user.n_bytes, top_n, loaded->version))
        return false;
    waiter *w = malloc(sizeof *w);
    flight *f = w != NULL ? find(loop->flights, &key) : NULL;
    if (w != NULL && f == NULL)
        f = start_flight(service, loop, loaded, &key);
    if (f == NULL) {
        free(w);
        return false;
    }
    *w = (waiter){.request = request, .flight = f, .since = since};
    TAILQ_INSERT_TAIL(&f->waiters, w, next);
    mf_http_wait(request, go_on, w, leave);
    if (f->lookup == NULL)
        mf_http_resume(request);
    return true;
}

void mf_answer_cached(mf_http_request *request, void *context)
{
    const double since = mf_clock_seconds();
    mf_service *service = context;
    mf_service_loop *loop = &service->loops[mf_http_get_loop(request)];
    mf_loaded *loaded = mf_serve_model(request, loop);
    uint32_t top_n;
    if (loaded == NULL || !mf_serve_top_n(request, service->limits.max_top_n, &top_n))
        return;
    if (!board(request, service, loop, loaded, top_n, since))
        mf_serve_list(request, service, loop, loaded, top_n, since, answer_computed);
}
