/* handler.c: promises in handler.h. */
#include "lambda/recommend/handler.h"

#include "base/clock.h"
#include "lambda/recommend/grow.h"

#include <stdio.h>

enum { BYTES_KEPT = 8 << 20 };

typedef enum item_kind {
    DEAD,     /* no request, or refused by the model */
    WISHING,  /* waits for its wish                  */
    REPEATED, /* answered in an earlier batch        */
    TWIN,     /* the same as one before it           */
} item_kind;

/* A user record of the batch. */
struct mf_recommend_item {
    size_t record; /* of batch.records */
    uint32_t sub_sequence_number;
    item_kind kind;
    bool is_aggregated;
    bool is_done; /* nothing is left to do about it */
    mf_recommend_request request;
    mf_answered_key key;
    size_t wish;
    size_t twin; /* index of the first of those that are the same */
    mf_id data;  /* of a record in an aggregate, should it become a dead letter */
    size_t reason_at, n_reason;
};

/* One mf_recommend_handle. */
typedef struct work {
    mf_recommend_handler *h;
    const mf_invocation *invocation;
    mf_recommend_outcome *outcome;
    mf_error *err;
    double start_s;
    size_t first, end; /* the items at hand: [first, end) */
    size_t n_usable;   /* index behind those of them that stand before the first that failed */
    size_t n_outgoing; /* records in h->outgoing */
} work;

/* -------------------------------------------------------------- records to requests */

static mf_recommend_item *add_item(work *w, size_t record)
{
    mf_recommend_handler *h = w->h;
    if (!MF_GROW(h->items, h->items_room, h->n_items + 1, w->err))
        return NULL;
    mf_recommend_item *item = &h->items[h->n_items++];
    *item = (mf_recommend_item){.record = record};
    return item;
}

static void bury(mf_recommend_handler *h, mf_recommend_item *item, const char *reason, size_t n)
{
    item->kind = DEAD;
    item->reason_at = h->reasons.n_bytes;
    item->n_reason = n;
    mf_text_append(&h->reasons, reason, n);
}

/* False: no memory. */
static bool take_user_record(work *w, size_t record, const mf_user_record *user_record)
{
    mf_recommend_handler *h = w->h;
    const mf_recommend_limits limits = mf_recommend_settings_limits(h->settings);
    mf_recommend_item *item = add_item(w, record);
    mf_error why = {.code = MF_OK};
    if (item == NULL)
        return false;
    const mf_id data = user_record->data;
    item->is_aggregated = user_record->is_aggregated;
    item->sub_sequence_number = user_record->sub_sequence_number;
    if (item->is_aggregated && data.n_bytes > 0) {
        item->data = (mf_id){h->kept.bytes + h->kept.n_bytes, data.n_bytes};
        mf_text_append(&h->kept, data.bytes, data.n_bytes);
    }
    const size_t kept = h->kept.n_bytes;
    if (mf_recommend_request_read(&item->request, &limits, data.bytes, data.n_bytes, &h->kept,
                                  &why)) {
        item->kind = WISHING;
        return true;
    }
    if (why.code == MF_ERR_MEMORY)
        return mf_fail(w->err, why.code, MF_NOWHERE, "%s", why.text);
    h->kept.n_bytes = kept;
    bury(h, item, why.text, strlen(why.text));
    return true;
}

static bool take_record(work *w, size_t record)
{
    mf_recommend_handler *h = w->h;
    mf_error why = {.code = MF_OK};
    mf_user_record user_record;
    if (!mf_payload_open(&h->payload, &h->batch.records[record], &why)) {
        if (why.code == MF_ERR_MEMORY)
            return mf_fail(w->err, why.code, MF_NOWHERE, "%s", why.text);
        mf_recommend_item *item = add_item(w, record);
        if (item != NULL)
            bury(h, item, why.text, strlen(why.text));
        return item != NULL;
    }
    while (mf_payload_next(&h->payload, &user_record))
        if (!take_user_record(w, record, &user_record))
            return false;
    return true;
}

static void note_age(work *w)
{
    const mf_stream_batch *batch = &w->h->batch;
    for (size_t i = 0; i < batch->n_records; i++) {
        const int64_t arrival_ms = batch->records[i].arrival_ms;
        const double age_ms = (double)(w->invocation->received_ms - arrival_ms);
        if (arrival_ms > 0 && age_ms > w->outcome->oldest_ms)
            w->outcome->oldest_ms = age_ms;
    }
}

static bool take_apart(work *w)
{
    mf_recommend_handler *h = w->h;
    const mf_invocation *invocation = w->invocation;
    if (!mf_stream_batch_read(&h->batch, invocation->event, invocation->n_event, w->err))
        return false;
    w->outcome->n_records = h->batch.n_records;
    note_age(w);
    h->n_items = 0;
    mf_text_clear(&h->reasons, BYTES_KEPT);
    mf_text_clear(&h->kept, BYTES_KEPT);
    /* What is kept of a record is no longer than twice the record: itself, and its members. */
    if (!mf_text_reserve(&h->kept, 2 * invocation->n_event))
        return mf_fail(w->err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for requests");
    for (size_t i = 0; i < h->batch.n_records; i++)
        if (!take_record(w, i))
            return false;
    return true;
}

/* ------------------------------------------------------------------------- answers */

static bool start_slots(work *w)
{
    mf_recommend_handler *h = w->h;
    h->n_slots = 16;
    while (h->n_slots < 2 * h->n_items)
        h->n_slots *= 2;
    if (!MF_GROW(h->slots, h->slots_room, h->n_slots, w->err))
        return false;
    memset(h->slots, 0, h->n_slots * sizeof *h->slots);
    return true;
}

/* Index of the first item with its request: its own, mostly. */
static size_t find_first(mf_recommend_handler *h, size_t i)
{
    const mf_answered_key key = h->items[i].key;
    size_t slot = key.low & (h->n_slots - 1);
    for (; h->slots[slot] != 0; slot = (slot + 1) & (h->n_slots - 1))
        if (mf_answered_is_same(h->items[h->slots[slot] - 1].key, key))
            return h->slots[slot] - 1;
    h->slots[slot] = (uint32_t)i + 1;
    return i;
}

/* (4) */
static bool is_repeated(mf_recommend_handler *h, size_t i)
{
    mf_recommend_item *item = &h->items[i];
    if (h->settings->test_run)
        return false;
    if (mf_answered_has(h->answered, item->key)) {
        item->kind = REPEATED;
        item->is_done = true;
        return true;
    }
    item->twin = h->settings->remembered > 0 ? find_first(h, i) : i;
    if (item->twin != i)
        item->kind = TWIN;
    return item->twin != i;
}

/* (8) The next items, as many as have answers of bounded size together; one at least. */
static void take_items(work *w)
{
    const mf_recommend_handler *h = w->h;
    uint64_t n_listed = 0;
    w->first = w->end;
    while (w->end < h->n_items) {
        const mf_recommend_item *item = &h->items[w->end];
        n_listed += item->kind == WISHING ? item->request.top_n : 0;
        if (n_listed > MF_RECOMMEND_LISTED_MOST && w->end > w->first && !h->settings->test_run)
            break;
        w->end++;
    }
}

static bool make_wishes(work *w)
{
    mf_recommend_handler *h = w->h;
    if (!mf_wishes_start(&h->wishes, w->end - w->first, w->err))
        return false;
    for (size_t i = w->first; i < w->end; i++) {
        mf_recommend_item *item = &h->items[i];
        if (item->kind != WISHING)
            continue;
        w->outcome->n_requests++;
        item->key = mf_answered_key_of(h->answered, &item->request);
        if (is_repeated(h, i)) {
            w->outcome->n_repeated++;
            continue;
        }
        item->wish = mf_wishes_add(&h->wishes, item->request.user, item->request.top_n);
    }
    const size_t n = h->wishes.n;
    return MF_GROW(h->chosen, h->chosen_room, n, w->err) &&
           (h->cache == NULL || (MF_GROW(h->keys, h->keys_room, n, w->err) &&
                                 MF_GROW(h->entries, h->entries_room, n, w->err)));
}

/* When answers have to be there, so that there is time to put them. */
static int64_t score_deadline_ms(const work *w)
{
    const int64_t budget_ms = mf_invocation_budget_ms(w->invocation, w->h->settings->margin_ms);
    return mf_clock_wall_ms() + budget_ms - budget_ms / 4;
}

/* The first `most` wishes that are open. */
static void score(work *w, size_t most)
{
    mf_recommend_handler *h = w->h;
    size_t n = 0;
    for (size_t i = 0; i < h->wishes.n && n < most; i++)
        if (h->wishes.wishes[i].state == MF_WISH_OPEN)
            h->chosen[n++] = &h->wishes.wishes[i];
    if (n == 0)
        return;
    const double start_s = mf_clock_seconds();
    h->scorer->score(h->scorer->context, &h->wishes, h->chosen, n, score_deadline_ms(w));
    w->outcome->score_ms += (mf_clock_seconds() - start_s) * 1e3;
    w->outcome->asked_scorer = true;
}

/* What the cache may take at worst, or a share of what is left when that is less. */
static uint32_t cache_budget_ms(const work *w)
{
    const uint32_t worst_ms = mf_cache_session_worst_ms(w->h->cache);
    const int64_t share_ms = mf_invocation_budget_ms(w->invocation, w->h->settings->margin_ms) / 8;
    return share_ms < worst_ms ? (uint32_t)share_ms : worst_ms;
}

static void take_found(void *argument, size_t i, const mf_cache_entry *entry)
{
    work *w = argument;
    mf_wish *wish = w->h->chosen[i];
    mf_text *text = &w->h->wishes.text;
    const size_t text_at = text->n_bytes;
    const mf_cache_key *key = &w->h->keys[i];
    mf_text_append(text, entry->list, entry->n_list);
    if (text->failed)
        return;
    mf_wish_grant(wish, text_at, entry->n_list, entry->count, entry->known_user,
                  key->bytes + key->version_at);
    wish->from_cache = true;
}

static void look_in_cache(work *w, const char *version)
{
    mf_recommend_handler *h = w->h;
    size_t n = 0;
    const double start_s = mf_clock_seconds();
    for (size_t i = 0; i < h->wishes.n; i++) {
        mf_wish *wish = &h->wishes.wishes[i];
        if (wish->state == MF_WISH_OPEN &&
            mf_cache_key_make(&h->keys[n], wish->user.bytes, wish->user.n_bytes, wish->top_n,
                              version))
            h->chosen[n++] = wish;
    }
    mf_cache_session_get(h->cache, h->keys, n, cache_budget_ms(w), take_found, w);
    w->outcome->cache_ms += (mf_clock_seconds() - start_s) * 1e3;
}

static void store_in_cache(work *w)
{
    mf_recommend_handler *h = w->h;
    size_t n = 0;
    const double start_s = mf_clock_seconds();
    for (size_t i = 0; i < h->wishes.n; i++) {
        const mf_wish *wish = &h->wishes.wishes[i];
        if (wish->state != MF_WISH_GRANTED || wish->from_cache ||
            !mf_cache_key_make(&h->keys[n], wish->user.bytes, wish->user.n_bytes, wish->top_n,
                               wish->version))
            continue;
        const mf_id list = mf_wish_text(&h->wishes, wish);
        h->entries[n++] = (mf_cache_entry){.list = list.bytes,
                                           .n_list = list.n_bytes,
                                           .count = wish->count,
                                           .known_user = wish->known_user};
    }
    if (n > 0)
        mf_cache_session_set(h->cache, h->keys, h->entries, n, cache_budget_ms(w));
    w->outcome->cache_ms += (mf_clock_seconds() - start_s) * 1e3;
}

/* (6) */
static void grant_wishes(work *w)
{
    mf_recommend_handler *h = w->h;
    const mf_scorer *scorer = h->scorer;
    if (h->cache == NULL || h->wishes.n == 0) {
        score(w, SIZE_MAX);
        return;
    }
    char version[MF_WISH_VERSION_BYTES];
    const int64_t max_age_ms = (int64_t)h->settings->version_seconds * 1000;
    if (scorer->version(scorer->context, max_age_ms)[0] == '\0')
        score(w, 1);
    snprintf(version, sizeof version, "%s",
             scorer->version(scorer->context, max_age_ms > 0 ? max_age_ms : INT64_MAX));
    if (version[0] != '\0')
        look_in_cache(w, version);
    score(w, SIZE_MAX);
    store_in_cache(w);
}

/* The items before the first whose wish failed are as good as done; those whose wish was
 * refused are dead letters. */
static void judge_wishes(work *w)
{
    mf_recommend_handler *h = w->h;
    size_t i = w->first;
    for (; i < w->end; i++) {
        mf_recommend_item *item = &h->items[i];
        if (item->kind != WISHING)
            continue;
        const mf_wish *wish = &h->wishes.wishes[item->wish];
        if (wish->state == MF_WISH_REFUSED) {
            const mf_id why = mf_wish_text(&h->wishes, wish);
            w->outcome->n_requests--;
            bury(h, item, why.bytes, why.n_bytes);
        } else if (wish->state != MF_WISH_GRANTED) {
            break;
        }
    }
    w->n_usable = i;
    if (i < w->end)
        w->outcome->failure = h->wishes.failure;
    for (; i < w->end; i++)
        w->outcome->n_unanswered += h->items[i].kind == WISHING &&
                                    h->wishes.wishes[h->items[i].wish].state == MF_WISH_FAILED;
}

/* ---------------------------------------------------------------------- the streams */

/* A record whose data will be h->out[from .. now). */
static void add_outgoing(work *w, mf_id key, size_t from, size_t item)
{
    mf_recommend_handler *h = w->h;
    h->outgoing_item[w->n_outgoing] = item;
    h->outgoing[w->n_outgoing++] = (mf_kinesis_record){
        .key = key.bytes, .n_key = key.n_bytes, .n_data = h->out.n_bytes - from};
}

static bool begin_outgoing(work *w)
{
    mf_recommend_handler *h = w->h;
    w->n_outgoing = 0;
    mf_text_clear(&h->out, BYTES_KEPT);
    const size_t most = w->n_usable - w->first;
    return MF_GROW(h->outgoing, h->outgoing_room, most, w->err) &&
           MF_GROW(h->outgoing_item, h->outgoing_item_room, most, w->err);
}

/* Puts them and marks the items of those that were written. False, and why, when not all
 * were; a failure of memory is w->err's. */
static bool put_outgoing(work *w, const char *stream, mf_aws_failure *failure)
{
    mf_recommend_handler *h = w->h;
    mf_kinesis_tally tally;
    size_t at = 0;
    for (size_t i = 0; i < w->n_outgoing; i++) {
        h->outgoing[i].data = h->out.bytes + at;
        at += h->outgoing[i].n_data;
    }
    const mf_kinesis_put put = {
        .stream = stream,
        .records = h->outgoing,
        .n_records = w->n_outgoing,
        .deadline_ms =
            mf_clock_wall_ms() + mf_invocation_budget_ms(w->invocation, h->settings->margin_ms),
        .keep_order = h->settings->keep_order,
    };
    const double start_s = mf_clock_seconds();
    const bool ok = h->put(h->context, &put, &tally, failure);
    w->outcome->put_ms += (mf_clock_seconds() - start_s) * 1e3;
    w->outcome->tally.n_written += tally.n_written;
    w->outcome->tally.n_refused += tally.n_refused;
    w->outcome->tally.n_calls += tally.n_calls;
    for (size_t i = 0; i < w->n_outgoing; i++) {
        h->items[h->outgoing_item[i]].is_done = h->outgoing[i].is_written;
        w->outcome->n_unwritten += !h->outgoing[i].is_written;
    }
    return ok;
}

static bool has_memory(const work *w, const mf_text *text)
{
    return !text->failed || mf_fail(w->err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for answers");
}

/* An answer that no stream takes would fail for ever: its request is a dead letter. */
static void bury_answer(work *w, mf_recommend_item *item, size_t n_answer)
{
    char why[128];
    const int n = snprintf(why, sizeof why,
                           "top_n: its answer has %zu bytes, and a stream takes records of %d",
                           n_answer, MF_KINESIS_RECORD_BYTES);
    w->outcome->n_requests--;
    bury(w->h, item, why, (size_t)n);
}

static bool write_results(work *w)
{
    mf_recommend_handler *h = w->h;
    if (!begin_outgoing(w))
        return false;
    for (size_t i = w->first; i < w->n_usable; i++) {
        mf_recommend_item *item = &h->items[i];
        if (item->kind != WISHING)
            continue;
        const mf_wish *wish = &h->wishes.wishes[item->wish];
        const size_t from = h->out.n_bytes;
        mf_result_write(&h->out, &item->request, &h->wishes, wish,
                        (wish->granted_s - w->start_s) * 1e3);
        const size_t n_answer = h->out.n_bytes - from;
        if (n_answer + item->request.user.n_bytes > MF_KINESIS_RECORD_BYTES) {
            h->out.n_bytes = from;
            bury_answer(w, item, n_answer);
            continue;
        }
        add_outgoing(w, item->request.user, from, i);
        w->outcome->n_from_cache += wish->from_cache;
        w->outcome->n_computed += !wish->from_cache;
    }
    return has_memory(w, &h->out) && has_memory(w, &h->wishes.text);
}

static bool put_results(work *w)
{
    mf_recommend_handler *h = w->h;
    mf_aws_failure failure;
    if (w->n_outgoing == 0)
        return true;
    if (!put_outgoing(w, h->settings->predictions_stream, &failure) &&
        w->outcome->failure.code == MF_OK)
        w->outcome->failure = failure.error;
    for (size_t i = 0; i < w->n_outgoing; i++)
        if (h->outgoing[i].is_written) {
            mf_answered_add(h->answered, h->items[h->outgoing_item[i]].key);
            w->outcome->n_answered++;
        }
    return true;
}

static mf_dead_letter letter_of(const mf_recommend_handler *h, const mf_recommend_item *item)
{
    return (mf_dead_letter){
        .record = &h->batch.records[item->record],
        .is_aggregated = item->is_aggregated,
        .sub_sequence_number = item->sub_sequence_number,
        .data = item->data,
        .reason = {h->reasons.bytes + item->reason_at, item->n_reason},
    };
}

/* A key for a record that may have come without one. */
static mf_id dead_key(const mf_stream_record *record)
{
    return record->partition_key.n_bytes > 0 ? record->partition_key : record->sequence_number;
}

/* Whether the stream will not take them however often they come. */
static bool is_for_ever(const mf_aws_failure *failure)
{
    if (failure->is_retriable)
        return false;
    switch (failure->kind) {
    case MF_AWS_REJECTED:
    case MF_AWS_MISSING:
    case MF_AWS_DENIED:
    case MF_AWS_UNTRUSTED:
    case MF_AWS_WRONG_REGION:
    case MF_AWS_TOO_LARGE:
        return true;
    case MF_AWS_LOCAL:
        return failure->error.code != MF_ERR_MEMORY;
    default:
        return false;
    }
}

static bool put_dead_letters(work *w)
{
    mf_recommend_handler *h = w->h;
    const char *stream = h->settings->dead_letter_stream;
    const bool is_put = stream[0] != '\0' && !h->settings->test_run;
    mf_aws_failure failure;
    if (!begin_outgoing(w))
        return false;
    for (size_t i = w->first; i < w->n_usable; i++) {
        mf_recommend_item *item = &h->items[i];
        if (item->kind != DEAD)
            continue;
        const mf_dead_letter letter = letter_of(h, item);
        const size_t from = h->out.n_bytes;
        w->outcome->n_dead++;
        item->is_done = !is_put;
        if (h->said != NULL)
            h->said(h->context, &letter);
        if (!is_put)
            continue;
        mf_dead_letter_write(&h->out, &letter);
        add_outgoing(w, dead_key(letter.record), from, i);
    }
    if (!has_memory(w, &h->reasons) || !has_memory(w, &h->out))
        return false;
    if (w->n_outgoing == 0 || put_outgoing(w, stream, &failure))
        return true;
    if (!is_for_ever(&failure)) {
        if (w->outcome->failure.code == MF_OK)
            w->outcome->failure = failure.error;
        return true;
    }
    w->outcome->dead_failure = failure.error;
    for (size_t i = 0; i < w->n_outgoing; i++)
        if (!h->outgoing[i].is_written) {
            h->items[h->outgoing_item[i]].is_done = true;
            w->outcome->n_dead_lost++;
        }
    return true;
}

/* --------------------------------------------------------------------- the response */

static bool reply(work *w, mf_text *response)
{
    const mf_recommend_handler *h = w->h;
    mf_stream_reply answer = {.state = NULL};
    size_t n_done = 0;
    for (size_t i = 0; i < h->n_items; i++) {
        mf_recommend_item *item = &h->items[i];
        if (item->kind == TWIN)
            item->is_done = h->items[item->twin].is_done;
        n_done += item->is_done;
        if (item->is_done)
            continue;
        mf_stream_reply_fail(&answer, &h->batch.records[item->record]);
        w->outcome->n_failed++;
    }
    if (w->outcome->n_failed > 0 && n_done == 0)
        return mf_fail(w->err, w->outcome->failure.code, MF_NOWHERE, "%s",
                       w->outcome->failure.text);
    mf_stream_reply_write(&answer, response);
    return true;
}

static void write_rejected(mf_text *response, const mf_recommend_handler *h)
{
    bool is_first = true;
    mf_text_literal(response, "],\"rejected\":[");
    for (size_t i = 0; i < h->n_items; i++) {
        if (h->items[i].kind != DEAD)
            continue;
        const mf_dead_letter letter = letter_of(h, &h->items[i]);
        if (!is_first)
            mf_text_literal(response, ",");
        is_first = false;
        mf_dead_letter_write(response, &letter);
    }
    mf_text_literal(response, "],\"batchItemFailures\":[]}");
}

/* (7) */
static bool return_results(work *w, mf_text *response)
{
    const mf_recommend_handler *h = w->h;
    size_t at = 0;
    if (w->n_usable < h->n_items)
        return mf_fail(w->err, w->outcome->failure.code, MF_NOWHERE, "%s",
                       w->outcome->failure.text);
    mf_text_literal(response, "{\"predictions\":[");
    for (size_t i = 0; i < w->n_outgoing; i++) {
        if (i > 0)
            mf_text_literal(response, ",");
        mf_text_append(response, h->out.bytes + at, h->outgoing[i].n_data);
        at += h->outgoing[i].n_data;
    }
    w->outcome->n_answered = w->n_outgoing;
    write_rejected(response, h);
    return put_dead_letters(w); /* which counts them and says them, and puts none */
}

bool mf_recommend_handle(mf_recommend_handler *handler, const mf_invocation *invocation,
                         mf_text *response, mf_recommend_outcome *outcome, mf_error *err)
{
    work w = {.h = handler,
              .invocation = invocation,
              .outcome = outcome,
              .err = err,
              .start_s = mf_clock_seconds()};
    *outcome = (mf_recommend_outcome){.n_records = 0};
    if (!take_apart(&w) || !start_slots(&w))
        return false;
    do {
        take_items(&w);
        if (!make_wishes(&w))
            return false;
        grant_wishes(&w);
        judge_wishes(&w);
        if (!write_results(&w))
            return false;
        if (handler->settings->test_run)
            return return_results(&w, response);
        if (!put_results(&w) || !put_dead_letters(&w))
            return false;
    } while (w.end < handler->n_items && outcome->failure.code == MF_OK);
    return reply(&w, response);
}

void mf_recommend_handler_free(mf_recommend_handler *handler)
{
    mf_recommend_handler *h = handler;
    mf_stream_batch_free(&h->batch);
    mf_payload_free(&h->payload);
    mf_wishes_free(&h->wishes);
    mf_text_free(&h->kept);
    mf_text_free(&h->reasons);
    mf_text_free(&h->out);
    mf_free(h->items);
    mf_free(h->slots);
    mf_free(h->chosen);
    mf_free(h->keys);
    mf_free(h->entries);
    mf_free(h->outgoing);
    mf_free(h->outgoing_item);
}
