/* feedback.h: a user's newest events as they lie in Redis: key, value, and how events are merged.
 *
 *     fb:user:{user_id}          the id as entry.h writes it; any id of 1 to 255 bytes has a key
 *
 *     bytes   what                                               all numbers are little-endian
 *     16      generation, in hexadecimal digits
 *     4       "fb1\n"
 *     8       int64: events until this moment (ms since 1970) are forgotten; INT64_MIN: none
 *     …       events, the newest first, each item once:
 *             8 int64: time, ms since 1970       8 uint64: arrival     4 float: rating, NAN: none
 *             1 bytes of the item's id, 1 … 255  … the id
 *
 * (1) Of all events of an item the newest stays; then the newest `most` items, as far as the value
 *     fits MF_CACHE_VALUE_MAX; then those after the moment that is forgotten. "Newer" is one order
 *     of all events: by time, then by arrival, by id, by rating (none is the lowest). So any order
 *     of merges, merged parts and repetitions gives the same value, byte for byte.
 * (2) What makes a record that comes twice change nothing: its time and its arrival are those of the
 *     record, not of the moment when it is processed, and an event that is there is not newer.
 * (3) The generation is XXH3 of the bytes after it, seeded with that of the key; never 0. 0 stands
 *     for "no events known". Equal generations are equal values, also after Redis lost the key, so
 *     that a list made for another state of the profile is never taken for current.
 * (4) Other programs may write to the same Redis. A value is a profile only when the generation fits
 *     all bytes; anything else is foreign, and a writer replaces it.
 * (5) A writer replaces the value that it has read: a script compares the first 16 bytes and sets
 *     value and expiry in one step, so that of two writers one reads again (client.h).
 *
 * For lists:
 *
 * (6) One MGET looks up a list and the events of its user (mf_cache_wanted,
 *     client.h). A list has the generation it was made for (entry.h); one of another generation is a
 *     miss. A list that is computed is stored with the generation of the events that it was
 *     computed with, 0 when it was computed without them for whatever reason.
 * (7) Who computes gets a copy (mf_feedback_copy); mf_listing_begin and mf_inference_add_events
 *     (inference/inference.h) say what the events of a user mean. Nothing here is clipped to a scale,
 *     because a writer knows no model.
 *
 * Threads: any; an mf_feedback one at a time. */
#ifndef MF_CACHE_FEEDBACK_H
#define MF_CACHE_FEEDBACK_H

#include "base/error.h"
#include "base/id_list.h"
#include "base/text.h"
#include "base/user_events.h"
#include "cache/entry.h"

enum {
    MF_FEEDBACK_MOST = 1000, /* events of a user */
    MF_FEEDBACK_KEY_MAX = MF_ID_BYTES_MAX * 3 + 8,
    MF_FEEDBACK_HEAD = 16,      /* bytes of the generation */
    MF_FEEDBACK_PLACES = 65536, /* of events that arrived together */
};

#define MF_FEEDBACK_NEVER INT64_MIN

typedef struct mf_feedback_key {
    uint16_t n_bytes;
    char bytes[MF_FEEDBACK_KEY_MAX + 1];
} mf_feedback_key;

/* "2.0" has the key of "2", "1e5" one of its own (mf_id_write_integer_of_text). False, and *key
 * untouched: an id that is empty or has more than MF_ID_BYTES_MAX bytes. */
MF_MUST_CHECK bool mf_feedback_key_make(mf_feedback_key *key, const char *user_id, size_t n_bytes);

typedef struct mf_feedback_event {
    mf_id item; /* 1 … 255 bytes */
    int64_t time_ms;
    uint64_t arrival; /* mf_feedback_arrival */
    float rating;     /* finite, not -0; NAN: an event without a rating */
} mf_feedback_event;

/* When an event reached the stream, in ms since 1970, and its place among those of one record, from
 * 0; from MF_FEEDBACK_PLACES on all have the last. Decides which of two equally old events is newer. */
static inline uint64_t mf_feedback_arrival(int64_t arrival_ms, uint32_t place)
{
    const uint64_t ms = arrival_ms > 0 ? (uint64_t)arrival_ms : 0;
    return ms * MF_FEEDBACK_PLACES + (place < MF_FEEDBACK_PLACES ? place : MF_FEEDBACK_PLACES - 1U);
}

/* A user's events. Zeroed at first; keeps its memory from value to value. */
typedef struct mf_feedback {
    mf_feedback_event *events; /* [n] newest first; views of the value */
    size_t n, capacity;
    int64_t forgotten_ms; /* or MF_FEEDBACK_NEVER */
    uint64_t generation;  /* 0: nothing, or a foreign value */
    bool is_foreign;
    uint8_t n_head;
    char head[MF_FEEDBACK_HEAD]; /* the first n_head bytes of the value, whatever it is */
} mf_feedback;

/* There is no value. */
void mf_feedback_clear(mf_feedback *feedback);

/* Reads a value that was found under this key. False: MF_ERR_FORMAT, it is foreign; MF_ERR_MEMORY.
 * *feedback then has no events. */
MF_MUST_CHECK bool mf_feedback_read(mf_feedback *feedback, const mf_feedback_key *key,
                                    const char *value, size_t n_bytes, mf_error *err);

/* A copy of the items and ratings, which outlives the value; none of an empty or a foreign one. False:
 * there is no memory, *events is empty. */
MF_MUST_CHECK bool mf_feedback_copy(const mf_feedback *feedback, mf_user_events *events,
                                    mf_error *err);

/* Appends the value that `old` becomes with events[0 .. n), which are reordered, when everything
 * until forgotten_ms (or MF_FEEDBACK_NEVER) is forgotten. 0 < most ≤ MF_FEEDBACK_MOST. Returns its
 * generation: old->generation when nothing changes. 0: no memory. Cost: O(n log n + most). */
MF_MUST_CHECK uint64_t mf_feedback_merge(mf_text *value, const mf_feedback_key *key,
                                         const mf_feedback *old, mf_feedback_event *events,
                                         size_t n, int64_t forgotten_ms, uint32_t most);

void mf_feedback_free(mf_feedback *feedback);

/* ---- writing (mf_cache_session_update) ---- */

typedef enum mf_feedback_state {
    MF_FEEDBACK_UNSENT,   /* Redis was not given it */
    MF_FEEDBACK_FAILED,   /* it did not take it, or it is unknown whether it did */
    MF_FEEDBACK_CHANGED,  /* another value is there by now: read and merge again */
    MF_FEEDBACK_WRITTEN,  /* in place of what had been read */
    MF_FEEDBACK_REPLACED, /* in place of a foreign value that is no string, which none can read */
} mf_feedback_state;

/* A value in place of the one that begins with head. */
typedef struct mf_feedback_update {
    const mf_feedback_key *key;
    mf_id value, head;
    uint32_t ttl_seconds;
    mf_feedback_state state;
} mf_feedback_update;

#endif
