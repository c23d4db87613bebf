/* cached.c: concurrent requests for one list share a lookup and a computation.
 *
 * A shared lookup is a lookup of a list in Redis and the requests that wait for it. The response of
 * Redis resumes all of them. After a miss the first request computes the list, or all of them in
 * turn when that takes many steps. From then on no request can join it. */
#include "serve/cached.h"

#include "base/clock.h"
#include "base/memory.h"
#include "serve/invocations.h"
#include "serve/with_events.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { N_BUCKETS = 256 };

typedef struct shared_lookup shared_lookup;

/* A request that waits for a lookup. */
typedef struct waiter {
    mf_http_request *request;
    shared_lookup *lookup;
    double since; /* mf_clock_seconds() of its arrival */
    TAILQ_ENTRY(waiter) next;
} waiter;

struct shared_lookup {
    mf_service_loop *loop;
    mf_loaded *loaded; /* held: the key has its version */
    mf_cache_key key;
    mf_feedback_key feedback_key;
    mf_user_events events;
    uint64_t generation;     /* of the events; 0: none, or no memory for them */
    mf_cache_lookup *lookup; /* NULL after the response of Redis */
    mf_text items;           /* empty until the list is known */
    mf_inference_list list;
    bool from_cache;
    mf_listing listing;
    bool searching; /* the listing has begun */
    bool is_known;  /* other requests can find and join it */
    TAILQ_HEAD(, waiter) waiters;
    LIST_ENTRY(shared_lookup) same_bucket;
};

struct mf_shared_lookups {
    LIST_HEAD(, shared_lookup) buckets[N_BUCKETS];
    const shared_lookup *searching; /* one at a time; NULL: none */
};

mf_shared_lookups *mf_shared_lookups_create(mf_error *err)
{
    return mf_allocate(1, sizeof(mf_shared_lookups), "lists on their way", err);
}

void mf_shared_lookups_destroy(mf_shared_lookups *shared)
{
    mf_free(shared);
}

/* ------------------------------------------------------------- shared lookups */

static size_t bucket_of(const mf_cache_key *key)
{
    return XXH3_64bits(key->bytes, key->n_bytes) % N_BUCKETS;
}

static shared_lookup *find(const mf_shared_lookups *shared, const mf_cache_key *key)
{
    shared_lookup *f;
    LIST_FOREACH(f, &shared->buckets[bucket_of(key)], same_bucket)
    if (f->key.n_bytes == key->n_bytes && memcmp(f->key.bytes, key->bytes, key->n_bytes) == 0)
        return f;
    return NULL;
}

/* The next request for this list starts a lookup of its own. */
static void unlist(shared_lookup *f)
{
    if (f->is_known)
        LIST_REMOVE(f, same_bucket);
    f->is_known = false;
}

static void end_search(shared_lookup *f)
{
    mf_listing_end(&f->listing);
    f->searching = false;
    if (f->loop->shared->searching == f)
        f->loop->shared->searching = NULL;
}

static void free_lookup(shared_lookup *f)
{
    unlist(f);
    end_search(f);
    if (f->lookup != NULL)
        mf_cache_client_cancel(f->loop->cache, f->lookup);
    mf_loaded_release(f->loaded);
    mf_text_free(&f->items);
    mf_user_events_free(&f->events);
    free(f);
}

static void take_events(void *argument, size_t i, const mf_feedback *feedback)
{
    shared_lookup *f = argument;
    (void)i;
    if (mf_feedback_copy(feedback, &f->events, NULL))
        f->generation = feedback->generation;
}

static void take_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    shared_lookup *f = argument;
    (void)i;
    if (f->loaded->limits.strict && !entry->known_user)
        return;
    mf_text_append(&f->items, entry->list, entry->n_list);
    f->list = (mf_inference_list){.count = entry->count, .known_user = entry->known_user};
    f->from_cache = !f->items.failed;
}

static void take_done(void *argument, bool complete)
{
    shared_lookup *f = argument;
    const waiter *w;
    (void)complete;
    f->lookup = NULL;
    TAILQ_FOREACH(w, &f->waiters, next)
    mf_http_resume(w->request);
}

static void store(shared_lookup *f)
{
    const mf_cache_entry entry = {.list = f->items.bytes,
                                  .n_list = f->items.n_bytes,
                                  .count = f->list.count,
                                  .known_user = f->list.known_user,
                                  .generation = f->generation};
    mf_cache_client_set(f->loop->cache, &f->key, &entry);
}

/* Computes a list after a miss. A long search takes several steps, each run by one of the waiting
 * requests. A loop runs one long search at a time, because each needs a workspace of its own. */
static mf_inference_progress compute(mf_http_request *request, shared_lookup *f, mf_error *err)
{
    mf_shared_lookups *shared = f->loop->shared;
    const mf_http_view user = mf_http_get_segment(request);
    if (shared->searching != NULL && shared->searching != f)
        return MF_INFERENCE_MORE;
    if (!f->searching && !mf_listing_begin(&f->listing, f->loaded->recommender, &f->loaded->limits,
                                           f->loop->workspace, user.bytes, user.n_bytes,
                                           f->key.top_n, &f->events, err)) {
        end_search(f);
        return MF_INFERENCE_FAILED;
    }
    const mf_inference_progress progress =
        mf_listing_step(&f->listing, MF_SLICE_MICROSECONDS, &f->items, &f->list, err);
    if (progress == MF_INFERENCE_MORE) {
        f->searching = true;
        shared->searching = f;
    } else {
        end_search(f);
    }
    return progress;
}

/* Called for each waiting request after the response of Redis. */
static bool resume(mf_http_request *request, void *state)
{
    const waiter *w = state;
    shared_lookup *f = w->lookup;
    mf_error err = {0};
    if (f->lookup != NULL)
        return false;
    unlist(f);
    if (f->items.n_bytes == 0) {
        f->items.failed = false;
        switch (compute(request, f, &err)) {
        case MF_INFERENCE_MORE:
            mf_http_resume(request);
            return false;
        case MF_INFERENCE_FAILED:
            mf_text_clear(&f->items, 0);
            mf_serve_reject(request, &err);
            return true;
        case MF_INFERENCE_DONE:
            store(f);
        }
    }
    mf_serve_respond_list(request, f->loop, f->loaded, &f->items, &f->list, f->from_cache,
                          w->since);
    return true;
}

static void detach(void *state)
{
    waiter *w = state;
    shared_lookup *f = w->lookup;
    TAILQ_REMOVE(&f->waiters, w, next);
    free(w);
    if (TAILQ_EMPTY(&f->waiters))
        free_lookup(f);
}

/* NULL: Redis is not available now, or there is no memory. */
static shared_lookup *start_lookup(mf_service_loop *loop, mf_loaded *loaded, mf_http_view user,
                                   const mf_cache_key *key)
{
    static const mf_cache_lookup_events events = {
        .found = take_found, .done = take_done, .feedback = take_events};
    shared_lookup *f = malloc(sizeof *f);
    if (f == NULL)
        return NULL;
    *f = (shared_lookup){.loop = loop, .loaded = loaded, .key = *key};
    TAILQ_INIT(&f->waiters);
    const mf_cache_wanted wanted = {.lists = &f->key, .feedback = &f->feedback_key, .n = 1};
    if (mf_feedback_key_make(&f->feedback_key, user.bytes, user.n_bytes))
        f->lookup = mf_cache_client_get(loop->cache, &wanted, &events, f);
    if (f->lookup == NULL) {
        free(f);
        return NULL;
    }
    mf_loaded_hold(loaded);
    LIST_INSERT_HEAD(&loop->shared->buckets[bucket_of(key)], f, same_bucket);
    f->is_known = true;
    return f;
}

/* True when the request waits for a lookup. */
static bool join(mf_http_request *request, mf_service_loop *loop, mf_loaded *loaded, uint32_t top_n,
                 double since)
{
    mf_cache_key key;
    const mf_http_view user = mf_http_get_segment(request);
    if (loop->cache == NULL || !mf_id_valid(user.bytes, user.n_bytes) ||
        !mf_cache_key_make(&key, user.bytes, user.n_bytes, top_n, loaded->version))
        return false;
    waiter *w = malloc(sizeof *w);
    shared_lookup *f = w != NULL ? find(loop->shared, &key) : NULL;
    if (w != NULL && f == NULL)
        f = start_lookup(loop, loaded, user, &key);
    if (f == NULL) {
        free(w);
        return false;
    }
    *w = (waiter){.request = request, .lookup = f, .since = since};
    TAILQ_INSERT_TAIL(&f->waiters, w, next);
    mf_http_wait(request, resume, w, detach);
    if (f->lookup == NULL)
        mf_http_resume(request);
    return true;
}

void mf_handle_cached(mf_http_request *request, void *context)
{
    const double since = mf_clock_seconds();
    mf_service *service = context;
    mf_service_loop *loop = &service->loops[mf_http_get_loop(request)];
    mf_loaded *loaded = mf_serve_model(request, loop);
    mf_text steering = MF_TEXT_EMPTY;
    uint32_t top_n;
    if (loaded != NULL &&
        mf_serve_parameters(request, service->settings.max_top_n, &top_n, &steering)) {
        if (steering.n_bytes > 0)
            mf_serve_with_events(request, service, loop, loaded, top_n, &steering, since);
        else if (!join(request, loop, loaded, top_n, since))
            mf_serve_list(request, loop, loaded, top_n, NULL, since);
    }
    mf_text_free(&steering);
}
