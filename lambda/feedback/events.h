/* events.h: the events of one batch, by user; and the records that are none.
 *
 *     event ─▶ events.h ─▶ profiles.h ─▶ response
 *
 * Threads: one for each batch. */
#ifndef MF_LAMBDA_FEEDBACK_EVENTS_H
#define MF_LAMBDA_FEEDBACK_EVENTS_H

#include "lambda/feedback/decode.h"
#include "lambda/feedback/feedback_settings.h"
#include "lambda/runtime/invocation.h"
#include "lambda/streams/dead_letter.h"
#include "lambda/streams/payload.h"

typedef enum mf_feedback_user_state {
    MF_FEEDBACK_PENDING,
    MF_FEEDBACK_UNCHANGED, /* Redis has all of it */
    MF_FEEDBACK_STORED,
    MF_FEEDBACK_REFUSED, /* not for now: the user's records have to come again */
} mf_feedback_user_state;

typedef struct mf_feedback_user {
    mf_id id;
    size_t first, n;      /* events */
    int64_t forgotten_ms; /* or MF_FEEDBACK_NEVER */
    mf_feedback_user_state state;

    /* What Redis has, and the value in its place (profiles.c). */
    bool is_read;
    uint8_t n_head;
    char head[MF_FEEDBACK_HEAD];
    size_t value_at, n_value;
} mf_feedback_user;

/* Figures of a batch, for log and metrics. */
typedef struct mf_feedback_outcome {
    size_t n_records; /* of the event */
    size_t n_events;  /* in them, with those that forget */
    size_t n_users;
    size_t n_stored, n_unchanged; /* users */
    size_t n_forgetting;          /* events */
    size_t n_from_future;
    size_t n_foreign;   /* values of other programs that were replaced */
    size_t n_conflicts; /* another writer was faster, and the user was read again */
    size_t n_dead, n_dead_lost;
    size_t n_failed; /* records that have to come again */
    double cache_ms;
    double oldest_ms;      /* age of the oldest record; 0: not known */
    mf_error failure;      /* why records have to come again; else MF_OK */
    mf_error dead_failure; /* why dead letters are lost; else MF_OK      */
} mf_feedback_outcome;

typedef struct mf_feedback_dead {
    size_t record;
    uint32_t sub_sequence_number;
    bool is_aggregated, is_done;
    size_t data_at, n_data; /* of a record in an aggregate */
    size_t reason_at, n_reason;
} mf_feedback_dead;

struct mf_feedback_item;

/* Zeroed at first; keeps its memory from event to event. */
typedef struct mf_feedback_batch {
    mf_stream_batch event;
    mf_feedback_user *users;   /* [n_users] in the order of their first records */
    mf_feedback_event *events; /* [n_items] by user */
    uint32_t *record_users;    /* [n_items] the user of each item */
    size_t n_users, n_items;
    mf_feedback_dead *dead; /* [n_dead] */
    size_t n_dead;
    mf_text kept; /* ids, reasons, and data of dead letters */

    /* Internal. */
    struct mf_feedback_item *items; /* [n_items] in the order of the records */
    uint32_t *slots;                /* 1 + index of a user */
    mf_stream_payload payload;
    mf_feedback_decoder decoder;
    size_t items_capacity, users_capacity, events_capacity, dead_capacity, slots_capacity,
        record_users_capacity;
} mf_feedback_batch;

/* Reads the event. False: it is none (MF_ERR_PARSE), or MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_feedback_batch_read(mf_feedback_batch *batch,
                                          const mf_lambda_invocation *invocation,
                                          mf_feedback_outcome *outcome, mf_error *err);

mf_stream_dead_letter mf_feedback_dead_letter(const mf_feedback_batch *batch,
                                              const mf_feedback_dead *dead);

/* Notes in *response the records of users that are refused, and dead letters that are not done.
 * Returns how many records that are. */
size_t mf_feedback_batch_fail(const mf_feedback_batch *batch, mf_stream_response *response);

void mf_feedback_batch_free(mf_feedback_batch *batch);

#endif
