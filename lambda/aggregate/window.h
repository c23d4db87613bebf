/* window.h: the totals of a window: for each key the number of records, the sums and the carried
 * values; and its state, the same as JSON between two invocations.
 *
 *     {"version":"1","fields":"movieId rating -","last":"4959…","=2959":"12 54.5"}
 *
 * (1) A state is a flat object of texts. The member of a key begins with '='. Its value is the
 *     count, the sums and the carried values: "-" for none, or S or N, the number of bytes, ':'
 *     and the bytes. Numbers are read as well as texts.
 * (2) A record whose sequence number is not above the state's `last` is in the state already.
 * (3) Sums are exact (decimal.h).
 * (4) The same records give the same state, byte for byte, the same size after each record and
 *     the same early writes, however the records are cut into events.
 *
 * Threads: one for each window. */
#ifndef MF_LAMBDA_AGGREGATE_WINDOW_H
#define MF_LAMBDA_AGGREGATE_WINDOW_H

#include "lambda/aggregate/fields.h"
#include "lambda/streams/batch.h"

/* A text in the window's block of bytes. */
typedef struct mf_aggregate_window_text {
    uint32_t at;
    uint32_t n;
    uint32_t capacity;
} mf_aggregate_window_text;

typedef struct mf_aggregate_window_entry {
    uint64_t hash;
    uint64_t count;
    mf_aggregate_window_text key;
    mf_aggregate_decimal sums[MF_AGGREGATE_SUMS_MOST];
    mf_aggregate_carried_type types[MF_AGGREGATE_CARRIED_MOST];
    mf_aggregate_window_text carried[MF_AGGREGATE_CARRIED_MOST];
    uint32_t state_bytes; /* of its member, unless it is changed */
    uint32_t next_changed;
    bool is_changed; /* since it was measured */
    bool is_written; /* to the table */
} mf_aggregate_window_entry;

/* Zeroed but for settings at first; keeps its memory. */
typedef struct mf_aggregate_window {
    const mf_aggregate_settings *settings;
    mf_aggregate_window_entry *entries; /* [n], in the order in which keys were met */
    size_t n;
    char last[MF_STREAM_SEQUENCE_DIGITS + 1]; /* sequence number; "": none */

    /* Internal. */
    size_t capacity;
    uint32_t *slots; /* [n_slots] index of an entry and 1, 0: none */
    size_t n_slots;
    uint32_t first_changed; /* index of an entry and 1, and so on by next_changed; 0: no more */
    size_t members_bytes;   /* sum of the entries' state_bytes */
    mf_text bytes, member, scratch;
} mf_aggregate_window;

/* Empties the window. */
void mf_aggregate_window_clear(mf_aggregate_window *window);

/* Reads a state into an empty window. False: MF_ERR_FORMAT, another function or other settings made
 * the state (the text says so), or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_window_read_state(mf_aggregate_window *window,
                                                  const mf_stream_state_member *members, size_t n,
                                                  mf_error *err);

/* True when the record is in the state already. */
bool mf_aggregate_window_has(const mf_aggregate_window *window, mf_id sequence_number);

/* Notes that all records up to this number are in the window. */
void mf_aggregate_window_reached(mf_aggregate_window *window, mf_id sequence_number);

/* Adds a record. False: MF_ERR_FORMAT when a sum has too many digits (nothing is changed), or
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_window_add(mf_aggregate_window *window,
                                           const mf_aggregate_fields *fields, mf_error *why);

/* Appends the state. */
void mf_aggregate_window_write_state(mf_aggregate_window *window, mf_text *text);

/* The number of bytes that mf_aggregate_window_write_state would append. Costs time for the entries
 * that changed since the last call only. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_window_measure_state(mf_aggregate_window *window, size_t *n_bytes,
                                                     mf_error *err);

/* Chooses entries to be written early, those with the fewest records first, so that the state
 * of the others has at most `most` bytes: their indexes in chosen[n_chosen], the caller's to
 * mf_free. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_window_choose(mf_aggregate_window *window, size_t most,
                                              uint32_t **chosen, size_t *n_chosen, mf_error *err);

/* Removes the entries whose is_written is set. False: MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_aggregate_window_drop_written(mf_aggregate_window *window, mf_error *err);

static inline mf_id mf_aggregate_window_view(const mf_aggregate_window *window,
                                             mf_aggregate_window_text text)
{
    return (mf_id){window->bytes.bytes + text.at, text.n};
}

void mf_aggregate_window_free(mf_aggregate_window *window);

#endif
