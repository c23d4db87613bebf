/* lookup.h: the second stage: requests to distinct lookups. A lookup is the best top_n for one
 * user, or the response to an instance, wanted by one or more requests of a batch and resolved once.
 *
 * (1) A request that is remembered (remembered.h) needs no lookup. Neither does a duplicate of
 *     an earlier request of the batch: it is done when that one is.
 * (2) Beside a lookup for a user are the user's newest events (cache/feedback.h), with which it is
 *     resolved. An instance with ratings of its own, or without a user, has none.
 * (3) A lookup is pending until it is resolved with a list, rejected with a reason, or failed for
 *     now. Lists are JSON: [969,3035,"tt0080684",899,1948]. A lookup of an instance is resolved with the
 *     members of a result: "recommendations":[969,3035],"count":2 or "predicted_rating":4.42.
 *
 * Threads: a value. */
#ifndef MF_LAMBDA_RECOMMEND_LOOKUP_H
#define MF_LAMBDA_RECOMMEND_LOOKUP_H

#include "base/user_events.h"
#include "lambda/recommend/batch.h"
#include "lambda/recommend/remembered.h"

enum { MF_RECOMMEND_VERSION_BYTES = 65 };

typedef enum mf_recommend_lookup_state {
    MF_LOOKUP_PENDING = 0,
    MF_LOOKUP_RESOLVED, /* the list is there                                      */
    MF_LOOKUP_REJECTED, /* it can never be resolved; the text says why            */
    MF_LOOKUP_FAILED,   /* not now: it may be resolved when the request comes again */
} mf_recommend_lookup_state;

typedef struct mf_recommend_lookup {
    mf_id user;
    uint32_t top_n;
    mf_id instance; /* n_bytes 0: none; else NUL-terminated, the terminator is not counted */
    bool has_entries;
    bool wants_events;
    mf_user_events events; /* its own memory */
    uint64_t generation;   /* of the events; 0: none are known */
    mf_recommend_lookup_state state;
    bool from_cache;
    bool known_user;
    uint32_t count;                           /* members of the list                          */
    size_t text_at, n_text;                   /* the list, or the reason; in the lookups' text */
    double resolved_s;                        /* mf_clock_seconds() then                      */
    char version[MF_RECOMMEND_VERSION_BYTES]; /* of the model; "": not known */
} mf_recommend_lookup;

/* The lookups of a part of a batch. */
typedef struct mf_recommend_lookups {
    mf_recommend_lookup *lookups; /* [n] */
    size_t n;
    mf_text text;
    mf_error failure; /* of the first that failed */

    uint32_t *slots; /* [n_slots], a power of two: 1 + index, by what they look up */
    size_t n_slots, capacity, slots_capacity;
} mf_recommend_lookups;

/* Empties it, with capacity for `most`. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_lookups_start(mf_recommend_lookups *lookups, size_t most,
                                              mf_error *err);

/* Index of the lookup of this user and top_n, or of this instance, a new one if need be. Bytes are borrowed. */
size_t mf_recommend_lookups_add(mf_recommend_lookups *lookups, const mf_recommend_request *request);

/* The stage: empties *lookups and adds those of the pending items of the part that is handled now;
 * items that are remembered and duplicates change their state. Neither exists in a test run, nor
 * duplicates without a memory (REMEMBERED_REQUESTS 0). False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_recommend_look_up(mf_recommend_lookups *lookups, mf_recommend_batch *batch,
                                        const mf_recommend_remembered *remembered, mf_error *err);

/* Appends the JSON instance that /invocations has the lookup in, with the events. */
void mf_recommend_lookup_write(const mf_recommend_lookup *lookup, mf_text *instance);

/* The list or the reason of a lookup that is resolved or rejected. */
mf_id mf_recommend_lookup_text(const mf_recommend_lookups *lookups,
                               const mf_recommend_lookup *lookup);

/* The list is n_text bytes at text_at of the lookups' text. */
void mf_recommend_lookup_resolve(mf_recommend_lookup *lookup, size_t text_at, size_t n_text,
                                 uint32_t count, bool known_user, const char *version);

/* The model does not take the events: the list is made without them. False: there are none. */
bool mf_recommend_lookup_drop_events(mf_recommend_lookup *lookup);

/* The printf-style reason may quote the model's message, but nothing else of the request. */
__attribute__((format(printf, 3, 4))) void mf_recommend_lookup_reject(mf_recommend_lookups *lookups,
                                                                      mf_recommend_lookup *lookup,
                                                                      const char *format, ...);

void mf_recommend_lookup_fail(mf_recommend_lookups *lookups, mf_recommend_lookup *lookup,
                              const mf_error *why);

void mf_recommend_lookups_free(mf_recommend_lookups *lookups);

#endif
