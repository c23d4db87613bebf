/* feedback.c: one user's events as bytes, and the merge of two lists that are each ordered.
 * (1) The merge walks both lists from their newest event on; the first event of an item is its
 *     newest, so that it ends as soon as enough items were met.
 * (2) What was read is written again byte for byte: there is one form of each number. */
#include "cache/feedback.h"

#include "base/grow.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    MAGIC_AT = MF_FEEDBACK_HEAD,
    FORGOTTEN_AT = MAGIC_AT + 4,
    EVENTS_AT = FORGOTTEN_AT + 8,
    EVENT_BYTES = 8 + 8 + 4 + 1, /* without the id */
    NO_RATING = 0x7fc00000,
};

static const char magic[] = "fb1\n";

/* ------------------------------------------------------------------- the key */

bool mf_feedback_key_make(mf_feedback_key *key, const char *user_id, size_t n_bytes)
{
    static const char prefix[] = "fb:user:";
    enum { PREFIX = sizeof prefix - 1 };
    char id[MF_FEEDBACK_KEY_MAX - PREFIX + 1];
    char integer[MF_INTEGER_ID_BYTES];
    if (n_bytes == 0 || n_bytes > MF_ID_BYTES_MAX)
        return false;
    const size_t n_integer = mf_id_write_integer_of_text(user_id, n_bytes, integer);
    const size_t n = n_integer > 0 ? mf_cache_id_escape(id, sizeof id - 1, integer, n_integer)
                                   : mf_cache_id_escape(id, sizeof id - 1, user_id, n_bytes);
    memcpy(key->bytes, prefix, PREFIX);
    memcpy(key->bytes + PREFIX, id, n + 1);
    key->n_bytes = (uint16_t)(PREFIX + n);
    return true;
}

/* ----------------------------------------------------------------- the order */

/* < 0, 0, > 0 as x comes before, is, or comes after y: newest first. */
static int compare(const mf_feedback_event *x, const mf_feedback_event *y)
{
    if (x->time_ms != y->time_ms)
        return x->time_ms > y->time_ms ? -1 : 1;
    if (x->arrival != y->arrival)
        return x->arrival > y->arrival ? -1 : 1;
    const size_t n = x->item.n_bytes < y->item.n_bytes ? x->item.n_bytes : y->item.n_bytes;
    const int ids = memcmp(x->item.bytes, y->item.bytes, n);
    if (ids != 0 || x->item.n_bytes != y->item.n_bytes)
        return ids != 0 ? ids : (x->item.n_bytes < y->item.n_bytes ? -1 : 1);
    if (isnan(x->rating) || isnan(y->rating))
        return isnan(x->rating) - isnan(y->rating);
    return (x->rating < y->rating) - (x->rating > y->rating);
}

static int compare_events(const void *x, const void *y)
{
    return compare(x, y);
}

/* ------------------------------------------------------------------- reading */

void mf_feedback_clear(mf_feedback *feedback)
{
    feedback->n = 0;
    feedback->forgotten_ms = MF_FEEDBACK_NEVER;
    feedback->generation = 0;
    feedback->is_foreign = false;
    feedback->n_head = 0;
}

static uint64_t load64(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return le64toh(value);
}

static uint64_t generation_of(const mf_feedback_key *key, const char *value, size_t n_bytes)
{
    const uint64_t hash = XXH3_64bits_withSeed(value + MAGIC_AT, n_bytes - MAGIC_AT,
                                               XXH3_64bits(key->bytes, key->n_bytes));
    return hash != 0 ? hash : 1;
}

static void write_generation(char text[MF_FEEDBACK_HEAD], uint64_t generation)
{
    for (size_t i = MF_FEEDBACK_HEAD; i > 0; generation >>= 4)
        text[--i] = "0123456789abcdef"[generation & 15];
}

/* The event at bytes[0 .. n_bytes); returns its length, 0 when it is none. */
static size_t read_event(mf_feedback_event *event, const char *bytes, size_t n_bytes)
{
    uint32_t bits;
    if (n_bytes <= EVENT_BYTES)
        return 0;
    const size_t n_id = (unsigned char)bytes[EVENT_BYTES - 1];
    if (n_id == 0 || n_id > n_bytes - EVENT_BYTES)
        return 0;
    memcpy(&bits, bytes + 16, sizeof bits);
    bits = le32toh(bits);
    *event = (mf_feedback_event){.item = {bytes + EVENT_BYTES, n_id},
                                 .time_ms = (int64_t)load64(bytes),
                                 .arrival = load64(bytes + 8)};
    memcpy(&event->rating, &bits, sizeof bits);
    const bool is_rating = isfinite(event->rating) && !(event->rating == 0 && bits != 0);
    return is_rating || bits == NO_RATING ? EVENT_BYTES + n_id : 0;
}

static bool read_events(mf_feedback *f, const char *bytes, size_t n_bytes, mf_error *err)
{
    size_t at = 0;
    if (!MF_GROW(f->events, f->capacity, n_bytes / (EVENT_BYTES + 1) + 1, "a user's events", err))
        return false;
    while (at < n_bytes) {
        mf_feedback_event *event = &f->events[f->n];
        const size_t n = read_event(event, bytes + at, n_bytes - at);
        if (n == 0 || event->time_ms <= f->forgotten_ms ||
            (f->n > 0 && compare(event - 1, event) >= 0) || ++f->n > MF_FEEDBACK_MOST)
            return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "not events, the newest first");
        at += n;
    }
    return true;
}

static bool read_value(mf_feedback *f, const mf_feedback_key *key, const char *value,
                       size_t n_bytes, mf_error *err)
{
    char head[MF_FEEDBACK_HEAD];
    if (n_bytes < EVENTS_AT || n_bytes > MF_CACHE_VALUE_MAX ||
        memcmp(value + MAGIC_AT, magic, FORGOTTEN_AT - MAGIC_AT) != 0)
        return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "not a value of this program");
    const uint64_t generation = generation_of(key, value, n_bytes);
    write_generation(head, generation);
    if (memcmp(value, head, MF_FEEDBACK_HEAD) != 0)
        return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "changed, or of another key");
    f->forgotten_ms = (int64_t)load64(value + FORGOTTEN_AT);
    if (!read_events(f, value + EVENTS_AT, n_bytes - EVENTS_AT, err))
        return false;
    f->generation = generation;
    return true;
}

bool mf_feedback_read(mf_feedback *feedback, const mf_feedback_key *key, const char *value,
                      size_t n_bytes, mf_error *err)
{
    mf_feedback_clear(feedback);
    const bool ok = read_value(feedback, key, value, n_bytes, err);
    if (!ok)
        mf_feedback_clear(feedback);
    feedback->is_foreign = !ok;
    feedback->n_head = (uint8_t)(n_bytes < MF_FEEDBACK_HEAD ? n_bytes : MF_FEEDBACK_HEAD);
    memcpy(feedback->head, value, feedback->n_head);
    return ok;
}

bool mf_feedback_copy(const mf_feedback *feedback, mf_user_events *events, mf_error *err)
{
    size_t n_ids = 0;
    *events = (mf_user_events){.n = 0};
    if (feedback->n == 0)
        return true;
    for (size_t i = 0; i < feedback->n; i++)
        n_ids += feedback->events[i].item.n_bytes;
    mf_user_event *copies =
        mf_allocate(1, feedback->n * sizeof *copies + n_ids, "a user's events", err);
    if (copies == NULL)
        return false;
    char *at = (char *)(copies + feedback->n);
    for (size_t i = 0; i < feedback->n; i++) {
        const mf_feedback_event *event = &feedback->events[i];
        copies[i] = (mf_user_event){{at, event->item.n_bytes}, event->rating};
        memcpy(at, event->item.bytes, event->item.n_bytes);
        at += event->item.n_bytes;
    }
    *events = (mf_user_events){copies, feedback->n};
    return true;
}

/* ------------------------------------------------------------------- merging */

/* The items that were met. */
typedef struct met {
    const mf_feedback_event *events[MF_FEEDBACK_MOST];
    uint16_t slots[2048]; /* 1 + index in events; 0: empty; at most half full */
    size_t n;
} met;

/* True when the item is new. */
static bool meet(met *m, const mf_feedback_event *event)
{
    enum { MASK = sizeof m->slots / sizeof m->slots[0] - 1 };
    _Static_assert(2 * MF_FEEDBACK_MOST <= MASK + 1, "half full");
    const mf_id item = event->item;
    size_t slot = XXH3_64bits(item.bytes, item.n_bytes) & MASK;
    for (; m->slots[slot] != 0; slot = (slot + 1) & MASK) {
        const mf_id other = m->events[m->slots[slot] - 1]->item;
        if (other.n_bytes == item.n_bytes && memcmp(other.bytes, item.bytes, item.n_bytes) == 0)
            return false;
    }
    m->events[m->n++] = event;
    m->slots[slot] = (uint16_t)m->n;
    return true;
}

/* The newest event of each of the newest items. */
static void gather(met *m, const mf_feedback *old, const mf_feedback_event *events, size_t n,
                   int64_t forgotten_ms, uint32_t most)
{
    size_t capacity = MF_CACHE_VALUE_MAX - EVENTS_AT;
    size_t i = 0;
    size_t j = 0;
    while (m->n < most && (i < old->n || j < n)) {
        const bool is_old = j == n || (i < old->n && compare(&old->events[i], &events[j]) <= 0);
        const mf_feedback_event *event = is_old ? &old->events[i++] : &events[j++];
        if (event->time_ms <= forgotten_ms)
            return; /* and all that follow are as old */
        if (!meet(m, event))
            continue;
        const size_t n_bytes = EVENT_BYTES + event->item.n_bytes;
        if (n_bytes > capacity) {
            m->n--;
            return;
        }
        capacity -= n_bytes;
    }
}

static void append64(mf_text *text, uint64_t value)
{
    const uint64_t bytes = htole64(value);
    mf_text_append(text, (const char *)&bytes, sizeof bytes);
}

static void append_event(mf_text *text, const mf_feedback_event *event)
{
    char bytes[EVENT_BYTES + MF_ID_BYTES_MAX];
    const uint64_t numbers[] = {htole64((uint64_t)event->time_ms), htole64(event->arrival)};
    uint32_t bits = NO_RATING;
    if (!isnan(event->rating))
        memcpy(&bits, &event->rating, sizeof bits);
    bits = htole32(bits);
    memcpy(bytes, numbers, sizeof numbers);
    memcpy(bytes + sizeof numbers, &bits, sizeof bits);
    bytes[EVENT_BYTES - 1] = (char)event->item.n_bytes;
    memcpy(bytes + EVENT_BYTES, event->item.bytes, event->item.n_bytes);
    mf_text_append(text, bytes, EVENT_BYTES + event->item.n_bytes);
}

uint64_t mf_feedback_merge(mf_text *value, const mf_feedback_key *key, const mf_feedback *old,
                           mf_feedback_event *events, size_t n, int64_t forgotten_ms, uint32_t most)
{
    static const char head[MF_FEEDBACK_HEAD] = {0};
    const size_t at = value->n_bytes;
    met m;
    memset(m.slots, 0, sizeof m.slots);
    m.n = 0;
    if (forgotten_ms < old->forgotten_ms)
        forgotten_ms = old->forgotten_ms;
    if (n > 1)
        qsort(events, n, sizeof *events, compare_events);
    gather(&m, old, events, n, forgotten_ms, most);
    mf_text_append(value, head, sizeof head);
    mf_text_literal(value, "fb1\n");
    append64(value, (uint64_t)forgotten_ms);
    for (size_t i = 0; i < m.n; i++)
        append_event(value, m.events[i]);
    if (value->failed)
        return 0;
    const uint64_t generation = generation_of(key, value->bytes + at, value->n_bytes - at);
    write_generation(value->bytes + at, generation);
    return generation;
}

void mf_feedback_free(mf_feedback *feedback)
{
    mf_free(feedback->events);
    *feedback = (mf_feedback){.n = 0};
}
