/* events.c: records to items, items to users: a counting sort by user.
 * (1) Ids are offsets until all records are read, because the text that keeps them may move. */
#include "lambda/feedback/events.h"

#include "base/grow.h"

enum { BYTES_KEPT = 8 << 20 };

/* An event, in the order of the records. */
typedef struct mf_feedback_item {
    size_t user_at, item_at; /* in kept */
    uint8_t n_user, n_item;
    bool is_forgetting;
    uint32_t record;
    int64_t time_ms;
    uint64_t arrival;
    float rating;
} mf_feedback_item;

static size_t keep(mf_text *kept, const char *bytes, size_t n)
{
    const size_t at = kept->n_bytes;
    mf_text_append(kept, bytes, n);
    return at;
}

/* ------------------------------------------------------------------------ records */

/* False: the failure is not the record's. user_record: NULL, or the record in an aggregate. */
static bool reject(mf_feedback_batch *b, size_t record, const mf_stream_user_record *user_record,
                   const mf_error *why, mf_error *err)
{
    if (why->code == MF_ERR_MEMORY)
        return mf_fail(err, why->code, MF_NOWHERE, "%s", why->text);
    if (!MF_GROW(b->dead, b->dead_capacity, b->n_dead + 1, "a batch", err))
        return false;
    mf_feedback_dead *dead = &b->dead[b->n_dead++];
    *dead = (mf_feedback_dead){.record = record, .n_reason = strlen(why->text)};
    dead->reason_at = keep(&b->kept, why->text, dead->n_reason);
    if (user_record != NULL && user_record->is_aggregated) {
        dead->is_aggregated = true;
        dead->sub_sequence_number = user_record->sub_sequence_number;
        dead->n_data = user_record->data.n_bytes;
        dead->data_at = keep(&b->kept, user_record->data.bytes, dead->n_data);
    }
    return true;
}

static bool add_item(mf_feedback_batch *b, size_t record, const mf_feedback_record *r,
                     mf_error *err)
{
    if (!MF_GROW(b->items, b->items_capacity, b->n_items + 1, "a batch", err))
        return false;
    mf_feedback_item *item = &b->items[b->n_items++];
    *item =
        (mf_feedback_item){.user_at = keep(&b->kept, r->user.bytes, r->user.n_bytes),
                           .n_user = (uint8_t)r->user.n_bytes,
                           .item_at = keep(&b->kept, r->event.item.bytes, r->event.item.n_bytes),
                           .n_item = (uint8_t)r->event.item.n_bytes,
                           .is_forgetting = r->is_forgetting,
                           .record = (uint32_t)record,
                           .time_ms = r->event.time_ms,
                           .arrival = r->event.arrival,
                           .rating = r->event.rating};
    return true;
}

static bool read_record(mf_feedback_batch *b, size_t record, int64_t received_ms,
                        mf_feedback_outcome *outcome, mf_error *err)
{
    const mf_stream_record *stream_record = &b->event.records[record];
    const int64_t arrival_ms =
        stream_record->arrival_ms > 0 ? stream_record->arrival_ms : received_ms;
    mf_error why = {.code = MF_OK};
    mf_stream_user_record user_record;
    mf_feedback_record r;
    if (!mf_stream_payload_open(&b->payload, stream_record, &why))
        return reject(b, record, NULL, &why, err);
    while (mf_stream_payload_next(&b->payload, &user_record)) {
        if (mf_feedback_record_read(&r, &b->decoder, user_record.data, arrival_ms,
                                    user_record.sub_sequence_number, &why)) {
            outcome->n_forgetting += r.is_forgetting;
            outcome->n_from_future += r.is_from_future;
            if (!add_item(b, record, &r, err))
                return false;
            continue;
        }
        if (!reject(b, record, &user_record, &why, err))
            return false;
        mf_error_clear(&why);
    }
    return true;
}

/* -------------------------------------------------------------------------- users */

static bool find_user(mf_feedback_batch *b, const mf_feedback_item *item, size_t n_slots,
                      uint32_t *user, mf_error *err)
{
    const mf_id id = {b->kept.bytes + item->user_at, item->n_user};
    size_t slot = mf_id_hash(id.bytes, id.n_bytes) & (n_slots - 1);
    for (; b->slots[slot] != 0; slot = (slot + 1) & (n_slots - 1)) {
        const mf_id other = b->users[b->slots[slot] - 1].id;
        if (other.n_bytes == id.n_bytes && memcmp(other.bytes, id.bytes, id.n_bytes) == 0) {
            *user = b->slots[slot] - 1;
            return true;
        }
    }
    if (!MF_GROW(b->users, b->users_capacity, b->n_users + 1, "a batch", err))
        return false;
    *user = (uint32_t)b->n_users;
    b->users[b->n_users++] = (mf_feedback_user){.id = id, .forgotten_ms = MF_FEEDBACK_NEVER};
    b->slots[slot] = (uint32_t)b->n_users;
    return true;
}

static bool find_users(mf_feedback_batch *b, mf_error *err)
{
    const size_t n_slots = mf_id_table_slots((uint32_t)b->n_items);
    if (!MF_GROW(b->slots, b->slots_capacity, n_slots, "a batch", err) ||
        !MF_GROW(b->record_users, b->record_users_capacity, b->n_items, "a batch", err) ||
        !MF_GROW(b->events, b->events_capacity, b->n_items, "a batch", err))
        return false;
    memset(b->slots, 0, n_slots * sizeof *b->slots);
    for (size_t i = 0; i < b->n_items; i++) {
        const mf_feedback_item *item = &b->items[i];
        if (!find_user(b, item, n_slots, &b->record_users[i], err))
            return false;
        mf_feedback_user *user = &b->users[b->record_users[i]];
        if (!item->is_forgetting)
            user->n++;
        else if (item->time_ms > user->forgotten_ms)
            user->forgotten_ms = item->time_ms;
    }
    return true;
}

static void sort_by_user(mf_feedback_batch *b)
{
    size_t first = 0;
    for (size_t u = 0; u < b->n_users; u++) {
        b->users[u].first = first;
        first += b->users[u].n;
        b->users[u].n = 0;
    }
    for (size_t i = 0; i < b->n_items; i++) {
        const mf_feedback_item *item = &b->items[i];
        mf_feedback_user *user = &b->users[b->record_users[i]];
        if (!item->is_forgetting)
            b->events[user->first + user->n++] =
                (mf_feedback_event){.item = {b->kept.bytes + item->item_at, item->n_item},
                                    .time_ms = item->time_ms,
                                    .arrival = item->arrival,
                                    .rating = item->rating};
    }
}

static double oldest_ms(const mf_feedback_batch *b, int64_t received_ms)
{
    int64_t oldest = 0;
    for (size_t i = 0; i < b->event.n_records; i++) {
        const int64_t arrival_ms = b->event.records[i].arrival_ms;
        if (arrival_ms > 0 && received_ms - arrival_ms > oldest)
            oldest = received_ms - arrival_ms;
    }
    return (double)oldest;
}

bool mf_feedback_batch_read(mf_feedback_batch *batch, const mf_lambda_invocation *invocation,
                            mf_feedback_outcome *outcome, mf_error *err)
{
    batch->n_users = batch->n_items = batch->n_dead = 0;
    mf_text_clear(&batch->kept, BYTES_KEPT);
    if (!mf_stream_batch_read(&batch->event, invocation->event, invocation->n_event, err))
        return false;
    outcome->n_records = batch->event.n_records;
    outcome->oldest_ms = oldest_ms(batch, invocation->received_ms);
    for (size_t i = 0; i < batch->event.n_records; i++)
        if (!read_record(batch, i, invocation->received_ms, outcome, err))
            return false;
    if (batch->kept.failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for events");
    if (!find_users(batch, err))
        return false;
    sort_by_user(batch);
    outcome->n_events = batch->n_items;
    outcome->n_users = batch->n_users;
    outcome->n_dead = batch->n_dead;
    return true;
}

/* ------------------------------------------------------------------- what is left */

mf_stream_dead_letter mf_feedback_dead_letter(const mf_feedback_batch *batch,
                                              const mf_feedback_dead *dead)
{
    return (mf_stream_dead_letter){
        .record = &batch->event.records[dead->record],
        .is_aggregated = dead->is_aggregated,
        .sub_sequence_number = dead->sub_sequence_number,
        .data = {batch->kept.bytes + dead->data_at, dead->n_data},
        .reason = {batch->kept.bytes + dead->reason_at, dead->n_reason},
    };
}

size_t mf_feedback_batch_fail(const mf_feedback_batch *batch, mf_stream_response *response)
{
    size_t n = 0;
    for (size_t i = 0; i < batch->n_items; i++)
        if (batch->users[batch->record_users[i]].state == MF_FEEDBACK_REFUSED) {
            mf_stream_response_fail(response, &batch->event.records[batch->items[i].record]);
            n++;
        }
    for (size_t i = 0; i < batch->n_dead; i++)
        if (!batch->dead[i].is_done) {
            mf_stream_response_fail(response, &batch->event.records[batch->dead[i].record]);
            n++;
        }
    return n;
}

void mf_feedback_batch_free(mf_feedback_batch *batch)
{
    mf_stream_batch_free(&batch->event);
    mf_stream_payload_free(&batch->payload);
    mf_feedback_decoder_free(&batch->decoder);
    mf_text_free(&batch->kept);
    mf_free(batch->items);
    mf_free(batch->users);
    mf_free(batch->events);
    mf_free(batch->record_users);
    mf_free(batch->dead);
    mf_free(batch->slots);
    *batch = (mf_feedback_batch){.n_items = 0};
}
