/* lookup.c: two hash tables with open addressing: lookups by what they look up, items by the key of their
 * request. */
#include "lambda/recommend/lookup.h"

#include "base/clock.h"
#include "base/grow.h"
#include "inference/inference.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES_KEPT = 4 << 20, REASON_BYTES = 256 };

static void free_events(mf_recommend_lookups *lookups)
{
    for (size_t i = 0; i < lookups->n; i++)
        mf_user_events_free(&lookups->lookups[i].events);
    lookups->n = 0;
}

bool mf_recommend_lookups_start(mf_recommend_lookups *lookups, size_t most, mf_error *err)
{
    const size_t n_slots = mf_id_table_slots((uint32_t)most);
    free_events(lookups);
    mf_text_clear(&lookups->text, TEXT_BYTES_KEPT);
    mf_error_clear(&lookups->failure);
    if (!MF_GROW(lookups->lookups, lookups->capacity, most, "lookups", err) ||
        !MF_GROW(lookups->slots, lookups->slots_capacity, n_slots, "lookups", err))
        return false;
    lookups->n_slots = n_slots;
    memset(lookups->slots, 0, n_slots * sizeof *lookups->slots);
    return true;
}

static bool is_same(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && (a.n_bytes == 0 || memcmp(a.bytes, b.bytes, a.n_bytes) == 0);
}

size_t mf_recommend_lookups_add(mf_recommend_lookups *lookups, const mf_recommend_request *request)
{
    const mf_id by = request->instance.n_bytes > 0 ? request->instance : request->user;
    size_t slot = (mf_id_hash(by.bytes, by.n_bytes) ^ request->top_n) & (lookups->n_slots - 1);
    while (lookups->slots[slot] != 0) {
        const size_t i = lookups->slots[slot] - 1;
        const mf_recommend_lookup *other = &lookups->lookups[i];
        if (other->top_n == request->top_n && is_same(other->user, request->user) &&
            is_same(other->instance, request->instance))
            return i;
        slot = (slot + 1) & (lookups->n_slots - 1);
    }
    lookups->lookups[lookups->n] =
        (mf_recommend_lookup){.user = request->user,
                              .top_n = request->top_n,
                              .instance = request->instance,
                              .has_entries = request->has_entries,
                              .wants_events = request->user.n_bytes > 0 && !request->has_ratings};
    lookups->slots[slot] = (uint32_t)++lookups->n;
    return lookups->n - 1;
}

/* Index of the first item with the key of item i, which is i unless it is a duplicate. */
static size_t first_of(mf_recommend_batch *b, size_t i)
{
    const mf_recommend_key key = b->items[i].key;
    size_t slot = key.low & (b->n_slots - 1);
    for (; b->slots[slot] != 0; slot = (slot + 1) & (b->n_slots - 1))
        if (mf_recommend_key_equals(b->items[b->slots[slot] - 1].key, key))
            return b->slots[slot] - 1;
    b->slots[slot] = (uint32_t)i + 1;
    return i;
}

static bool needs_lookup(mf_recommend_batch *b, size_t i, const mf_recommend_remembered *remembered)
{
    mf_recommend_item *item = &b->items[i];
    if (b->settings->test_run)
        return true;
    if (mf_recommend_remembered_has(remembered, item->key)) {
        item->state = MF_RECOMMEND_REMEMBERED;
        item->is_done = true;
        return false;
    }
    item->original = b->settings->remembered > 0 ? first_of(b, i) : i;
    if (item->original != i)
        item->state = MF_RECOMMEND_DUPLICATE;
    return item->original == i;
}

bool mf_recommend_look_up(mf_recommend_lookups *lookups, mf_recommend_batch *batch,
                          const mf_recommend_remembered *remembered, mf_error *err)
{
    if (!mf_recommend_lookups_start(lookups, batch->end - batch->first, err))
        return false;
    for (size_t i = batch->first; i < batch->end; i++) {
        mf_recommend_item *item = &batch->items[i];
        if (item->state != MF_RECOMMEND_PENDING)
            continue;
        batch->outcome->n_requests++;
        item->key = mf_recommend_remembered_key(remembered, &item->request);
        if (needs_lookup(batch, i, remembered))
            item->lookup = mf_recommend_lookups_add(lookups, &item->request);
        else
            batch->outcome->n_repeated++;
    }
    return true;
}

void mf_recommend_lookup_write(const mf_recommend_lookup *lookup, mf_text *instance)
{
    if (lookup->instance.n_bytes > 0) {
        mf_text_append(instance, lookup->instance.bytes, lookup->instance.n_bytes - 1);
    } else {
        mf_text_literal(instance, "{\"userId\":");
        mf_text_json(instance, lookup->user.bytes, lookup->user.n_bytes);
        mf_text_literal(instance, ",\"top_n\":");
        mf_text_count(instance, lookup->top_n);
    }
    mf_inference_add_events(instance, &lookup->events);
    mf_text_literal(instance, "}");
}

mf_id mf_recommend_lookup_text(const mf_recommend_lookups *lookups,
                               const mf_recommend_lookup *lookup)
{
    return (mf_id){lookups->text.bytes + lookup->text_at, lookup->n_text};
}

void mf_recommend_lookup_resolve(mf_recommend_lookup *lookup, size_t text_at, size_t n_text,
                                 uint32_t count, bool known_user, const char *version)
{
    lookup->state = MF_LOOKUP_RESOLVED;
    lookup->text_at = text_at;
    lookup->n_text = n_text;
    lookup->count = count;
    lookup->known_user = known_user;
    lookup->resolved_s = mf_clock_seconds();
    snprintf(lookup->version, sizeof lookup->version, "%s", version);
}

bool mf_recommend_lookup_drop_events(mf_recommend_lookup *lookup)
{
    const bool had_some = lookup->events.n > 0;
    mf_user_events_free(&lookup->events);
    lookup->generation = 0;
    return had_some;
}

void mf_recommend_lookup_reject(mf_recommend_lookups *lookups, mf_recommend_lookup *lookup,
                                const char *format, ...)
{
    char reason[REASON_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    lookup->state = MF_LOOKUP_REJECTED;
    lookup->text_at = lookups->text.n_bytes;
    mf_text_append(&lookups->text, reason, strlen(reason));
    lookup->n_text = lookups->text.n_bytes - lookup->text_at;
}

void mf_recommend_lookup_fail(mf_recommend_lookups *lookups, mf_recommend_lookup *lookup,
                              const mf_error *why)
{
    lookup->state = MF_LOOKUP_FAILED;
    if (lookups->failure.code == MF_OK)
        lookups->failure = *why;
}

void mf_recommend_lookups_free(mf_recommend_lookups *lookups)
{
    free_events(lookups);
    mf_free(lookups->lookups);
    mf_free(lookups->slots);
    mf_text_free(&lookups->text);
    *lookups = (mf_recommend_lookups){.n = 0};
}
