/* window.c: a hash table of totals by key, and its state as JSON. */
#include "lambda/aggregate/window.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_KEPT = 8 << 20, FIRST_ENTRIES = 256 };

#define VERSION "1"

/* --- entries ----------------------------------------------------------------------- */

void mf_aggregate_window_clear(mf_aggregate_window *window)
{
    window->n = window->members_bytes = 0;
    window->first_changed = 0;
    window->last[0] = '\0';
    if (window->n_slots > 0)
        memset(window->slots, 0, window->n_slots * sizeof *window->slots);
    mf_text_clear(&window->bytes, BYTES_KEPT);
}

static bool out_of_memory(mf_error *err)
{
    return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the totals of a window");
}

/* Copies the bytes into *text, in its old place if they fit there. */
static bool keep(mf_aggregate_window *w, mf_aggregate_window_text *text, mf_id value)
{
    if (value.n_bytes > text->capacity || text->capacity == 0) {
        /* Capacity for the next text, which may be a little longer. The old bytes stay unused. */
        const size_t capacity = value.n_bytes + (text->capacity > 0 ? value.n_bytes / 2 : 0);
        if (w->bytes.n_bytes + capacity > UINT32_MAX || !mf_text_reserve(&w->bytes, capacity))
            return false;
        text->at = (uint32_t)w->bytes.n_bytes;
        text->capacity = (uint32_t)capacity;
        w->bytes.n_bytes += capacity;
    }
    if (value.n_bytes > 0)
        memcpy(w->bytes.bytes + text->at, value.bytes, value.n_bytes);
    text->n = (uint32_t)value.n_bytes;
    return true;
}

static uint32_t *slot_of(const mf_aggregate_window *w, uint64_t hash, mf_id key)
{
    size_t at = (size_t)hash & (w->n_slots - 1);
    for (; w->slots[at] != 0; at = (at + 1) & (w->n_slots - 1)) {
        const mf_aggregate_window_entry *entry = &w->entries[w->slots[at] - 1];
        if (entry->hash == hash && entry->key.n == key.n_bytes &&
            memcmp(w->bytes.bytes + entry->key.at, key.bytes, key.n_bytes) == 0)
            break;
    }
    return &w->slots[at];
}

/* Enters every entry into slots, which are empty. */
static void fill_slots(mf_aggregate_window *w)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t at = (size_t)w->entries[i].hash & (w->n_slots - 1);
        while (w->slots[at] != 0)
            at = (at + 1) & (w->n_slots - 1);
        w->slots[at] = (uint32_t)i + 1;
    }
}

static bool grow(mf_aggregate_window *w)
{
    const size_t capacity = w->capacity == 0 ? FIRST_ENTRIES : w->capacity * 2;
    if (capacity >= UINT32_MAX / 2)
        return false;
    uint32_t *slots = mf_allocate(capacity * 2, sizeof *slots, "a window", NULL);
    void *entries = w->entries;
    if (slots == NULL || !mf_reallocate(&entries, w->capacity, capacity,
                                        sizeof(mf_aggregate_window_entry), "a window", NULL)) {
        mf_free(slots);
        return false;
    }
    mf_free(w->slots);
    w->entries = entries;
    w->capacity = capacity;
    w->slots = slots;
    w->n_slots = capacity * 2;
    fill_slots(w);
    return true;
}

static void note_change(mf_aggregate_window *w, mf_aggregate_window_entry *entry)
{
    if (entry->is_changed)
        return;
    entry->is_changed = true;
    entry->next_changed = w->first_changed;
    w->first_changed = (uint32_t)(entry - w->entries) + 1;
}

/* The entry of the key, which may be new; NULL without memory. */
static mf_aggregate_window_entry *entry_of(mf_aggregate_window *w, mf_id key)
{
    if (w->n == w->capacity && !grow(w))
        return NULL;
    const uint64_t hash = mf_id_hash(key.bytes, key.n_bytes);
    uint32_t *slot = slot_of(w, hash, key);
    if (*slot != 0)
        return &w->entries[*slot - 1];
    mf_aggregate_window_entry *entry = &w->entries[w->n];
    *entry = (mf_aggregate_window_entry){.hash = hash};
    if (!keep(w, &entry->key, key))
        return NULL;
    *slot = (uint32_t)++w->n;
    note_change(w, entry);
    return entry;
}

bool mf_aggregate_window_add(mf_aggregate_window *window, const mf_aggregate_fields *fields,
                             mf_error *why)
{
    const mf_aggregate_settings *s = window->settings;
    mf_aggregate_window_entry *entry = entry_of(window, fields->key);
    if (entry == NULL)
        return out_of_memory(why);
    note_change(window, entry);
    mf_aggregate_decimal sums[MF_AGGREGATE_SUMS_MOST];
    for (size_t i = 0; i < s->sum_fields.n; i++) {
        sums[i] = entry->sums[i];
        if (!mf_aggregate_decimal_add(&sums[i], &fields->sums[i]))
            return mf_fail(why, MF_ERR_FORMAT, MF_NOWHERE,
                           "the sum of field %s would need more than 38 digits",
                           s->sum_fields.names[i]);
    }
    memcpy(entry->sums, sums, s->sum_fields.n * sizeof *sums);
    entry->count++;
    for (size_t i = 0; i < s->carried_fields.n; i++) {
        if (fields->carried[i].type == MF_AGGREGATE_CARRIED_NONE)
            continue;
        if (!keep(window, &entry->carried[i], fields->carried[i].value))
            return out_of_memory(why);
        entry->types[i] = fields->carried[i].type;
    }
    return true;
}

static mf_id last_of(const mf_aggregate_window *window)
{
    return (mf_id){window->last, strlen(window->last)};
}

bool mf_aggregate_window_has(const mf_aggregate_window *window, mf_id sequence_number)
{
    return window->last[0] != '\0' &&
           mf_stream_sequence_compare(sequence_number, last_of(window)) <= 0;
}

void mf_aggregate_window_reached(mf_aggregate_window *window, mf_id sequence_number)
{
    memcpy(window->last, sequence_number.bytes, sequence_number.n_bytes);
    window->last[sequence_number.n_bytes] = '\0';
}

/* --- states ------------------------------------------------------------------------ */

static void append(mf_text *text, const char *piece)
{
    mf_text_append(text, piece, strlen(piece));
}

/* The names of the fields that totals are made of. */
static void write_fields(const mf_aggregate_settings *s, mf_text *text)
{
    append(text, s->key_field);
    for (size_t i = 0; i < s->sum_fields.n; i++) {
        append(text, i == 0 ? " " : ",");
        append(text, s->sum_fields.names[i]);
    }
    mf_text_literal(text, " -");
    for (size_t i = 0; i < s->carried_fields.n; i++) {
        mf_text_literal(text, ",");
        append(text, s->carried_fields.names[i]);
    }
}

static void write_carried(const mf_aggregate_window *w, const mf_aggregate_window_entry *entry,
                          mf_text *value)
{
    for (size_t i = 0; i < w->settings->carried_fields.n; i++) {
        if (entry->types[i] == MF_AGGREGATE_CARRIED_NONE) {
            mf_text_literal(value, " -");
            continue;
        }
        mf_text_literal(value, " ");
        mf_text_append(value, entry->types[i] == MF_AGGREGATE_CARRIED_TEXT ? "S" : "N", 1);
        mf_text_count(value, entry->carried[i].n);
        mf_text_literal(value, ":");
        mf_text_append(value, w->bytes.bytes + entry->carried[i].at, entry->carried[i].n);
    }
}

static void write_member(mf_aggregate_window *w, const mf_aggregate_window_entry *entry,
                         mf_text *text)
{
    mf_text *scratch = &w->scratch;
    mf_text_literal(text, ",");
    mf_text_clear(scratch, BYTES_KEPT);
    mf_text_literal(scratch, "=");
    mf_text_append(scratch, w->bytes.bytes + entry->key.at, entry->key.n);
    mf_text_json(text, scratch->bytes, scratch->n_bytes);
    mf_text_literal(text, ":");
    text->failed |= scratch->failed;
    mf_text_clear(scratch, BYTES_KEPT);
    mf_text_count(scratch, entry->count);
    for (size_t i = 0; i < w->settings->sum_fields.n; i++) {
        mf_text_literal(scratch, " ");
        mf_aggregate_decimal_write(scratch, &entry->sums[i]);
    }
    write_carried(w, entry, scratch);
    mf_text_json(text, scratch->bytes, scratch->n_bytes);
    text->failed |= scratch->failed;
}

/* All members before those of the keys. */
static void write_head(mf_aggregate_window *w, mf_text *text)
{
    mf_text_literal(text, "{\"version\":\"" VERSION "\",\"fields\":");
    mf_text_clear(&w->scratch, BYTES_KEPT);
    write_fields(w->settings, &w->scratch);
    mf_text_json(text, w->scratch.bytes, w->scratch.n_bytes);
    text->failed |= w->scratch.failed;
    mf_text_literal(text, ",\"last\":\"");
    append(text, w->last);
    mf_text_literal(text, "\"");
}

void mf_aggregate_window_write_state(mf_aggregate_window *window, mf_text *text)
{
    write_head(window, text);
    for (size_t i = 0; i < window->n; i++)
        write_member(window, &window->entries[i], text);
    mf_text_literal(text, "}");
}

/* Brings members_bytes up to date. */
static bool measure_members(mf_aggregate_window *w, mf_error *err)
{
    while (w->first_changed != 0) {
        mf_aggregate_window_entry *entry = &w->entries[w->first_changed - 1];
        mf_text_clear(&w->member, BYTES_KEPT);
        write_member(w, entry, &w->member);
        if (w->member.failed)
            return out_of_memory(err);
        w->members_bytes += w->member.n_bytes - entry->state_bytes;
        entry->state_bytes = (uint32_t)w->member.n_bytes;
        entry->is_changed = false;
        w->first_changed = entry->next_changed;
    }
    return true;
}

bool mf_aggregate_window_measure_state(mf_aggregate_window *window, size_t *n_bytes, mf_error *err)
{
    if (!measure_members(window, err))
        return false;
    mf_text_clear(&window->member, BYTES_KEPT);
    write_head(window, &window->member);
    *n_bytes = window->member.n_bytes + window->members_bytes + strlen("}");
    return !window->member.failed || out_of_memory(err);
}

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

/* The bytes before the next blank or the end. */
static mf_id take_word(cursor *c)
{
    const size_t left = (size_t)(c->end - c->at);
    const char *blank = memchr(c->at, ' ', left);
    const mf_id word = {c->at, blank != NULL ? (size_t)(blank - c->at) : left};
    c->at = blank != NULL ? blank + 1 : c->end;
    return word;
}

static bool take_carried(cursor *c, mf_aggregate_carried *carried)
{
    carried->type = MF_AGGREGATE_CARRIED_NONE;
    if (c->at < c->end && *c->at == '-') {
        const mf_id dash = take_word(c);
        return dash.n_bytes == 1;
    }
    const char *colon = memchr(c->at, ':', (size_t)(c->end - c->at));
    uint64_t n;
    if (colon == NULL || (*c->at != 'S' && *c->at != 'N') ||
        !mf_parse_uint64(c->at + 1, (size_t)(colon - c->at - 1), &n) ||
        n > (uint64_t)(c->end - colon - 1) || n > MF_AGGREGATE_CARRIED_BYTES)
        return false;
    carried->type = *c->at == 'S' ? MF_AGGREGATE_CARRIED_TEXT : MF_AGGREGATE_CARRIED_NUMBER;
    carried->value = (mf_id){colon + 1, (size_t)n};
    c->at = colon + 1 + n;
    if (c->at == c->end)
        return true;
    return *c->at++ == ' ';
}

/* Reads a value as write_member writes it into a new entry. */
static bool read_totals(mf_aggregate_window *w, mf_aggregate_window_entry *entry, mf_id value,
                        mf_error *err)
{
    const mf_aggregate_settings *s = w->settings;
    cursor c = {value.bytes, value.bytes + value.n_bytes};
    const mf_id count = take_word(&c);
    bool ok = mf_parse_uint64(count.bytes, count.n_bytes, &entry->count) && entry->count > 0;
    for (size_t i = 0; i < s->sum_fields.n && ok; i++) {
        const mf_id sum = take_word(&c);
        ok = mf_aggregate_decimal_parse(sum.bytes, sum.n_bytes, &entry->sums[i]);
    }
    for (size_t i = 0; i < s->carried_fields.n && ok; i++) {
        mf_aggregate_carried carried;
        ok = take_carried(&c, &carried);
        if (!ok || carried.type == MF_AGGREGATE_CARRIED_NONE)
            continue;
        if (!keep(w, &entry->carried[i], carried.value))
            return out_of_memory(err);
        entry->types[i] = carried.type;
    }
    if (ok && c.at == c.end)
        return true;
    return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                   "event: state: the totals of a key are not as this function writes them");
}

static bool check_fields(const mf_aggregate_window *w, mf_id value, mf_error *err)
{
    mf_text expected = MF_TEXT_EMPTY;
    write_fields(w->settings, &expected);
    const bool same = !expected.failed && expected.n_bytes == value.n_bytes &&
                      memcmp(expected.bytes, value.bytes, value.n_bytes) == 0;
    if (!same)
        mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                "event: state: made with the fields \"%.*s\", and this function has \"%.*s\": "
                "set KEY_FIELD, SUM_FIELDS and CARRIED_FIELDS back until the window is over",
                (int)(value.n_bytes < 200 ? value.n_bytes : 200), value.bytes,
                (int)expected.n_bytes, expected.n_bytes > 0 ? expected.bytes : "");
    mf_text_free(&expected);
    return same;
}

static bool is_name(mf_id name, const char *expected)
{
    return name.n_bytes == strlen(expected) && memcmp(name.bytes, expected, name.n_bytes) == 0;
}

static bool read_member(mf_aggregate_window *w, const mf_stream_state_member *m, bool *has_version,
                        bool *has_fields, mf_error *err)
{
    if (m->name.n_bytes > 1 && m->name.bytes[0] == '=') {
        const mf_id key = {m->name.bytes + 1, m->name.n_bytes - 1};
        mf_aggregate_window_entry *entry = entry_of(w, key);
        return entry != NULL ? read_totals(w, entry, m->value, err) : out_of_memory(err);
    }
    if (is_name(m->name, "version") && is_name(m->value, VERSION)) {
        *has_version = true;
        return true;
    }
    if (is_name(m->name, "fields")) {
        *has_fields = true;
        return check_fields(w, m->value, err);
    }
    if (is_name(m->name, "last") && (m->value.n_bytes == 0 || mf_stream_sequence_valid(m->value))) {
        mf_aggregate_window_reached(w, m->value);
        return true;
    }
    return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                   "event: state: member \"%.*s\" is not one of this function's",
                   (int)(m->name.n_bytes < 80 ? m->name.n_bytes : 80), m->name.bytes);
}

bool mf_aggregate_window_read_state(mf_aggregate_window *window,
                                    const mf_stream_state_member *members, size_t n, mf_error *err)
{
    bool has_version = false;
    bool has_fields = false;
    for (size_t i = 0; i < n; i++)
        if (!read_member(window, &members[i], &has_version, &has_fields, err))
            return false;
    const bool has_last = window->n == 0 || window->last[0] != '\0';
    return n == 0 || (has_version && has_fields && has_last) ||
           mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                   "event: state: no member \"%s\": it is not one of this function's",
                   !has_version  ? "version"
                   : !has_fields ? "fields"
                                 : "last");
}

/* --- early writes ------------------------------------------------------------------ */

static int by_count(const void *a, const void *b, void *context)
{
    const mf_aggregate_window *w = *(const mf_aggregate_window *const *)context;
    const mf_aggregate_window_entry *one = &w->entries[*(const uint32_t *)a];
    const mf_aggregate_window_entry *other = &w->entries[*(const uint32_t *)b];
    if (one->count != other->count)
        return one->count < other->count ? -1 : 1;
    const size_t n = one->key.n < other->key.n ? one->key.n : other->key.n;
    const int order = memcmp(w->bytes.bytes + one->key.at, w->bytes.bytes + other->key.at, n);
    return order != 0 ? order : (one->key.n > other->key.n) - (one->key.n < other->key.n);
}

bool mf_aggregate_window_choose(mf_aggregate_window *window, size_t most, uint32_t **chosen,
                                size_t *n_chosen, mf_error *err)
{
    *n_chosen = 0;
    *chosen = NULL;
    if (!measure_members(window, err))
        return false;
    *chosen = mf_allocate(window->n, sizeof **chosen, "the totals of a window", err);
    if (*chosen == NULL)
        return false;
    for (size_t i = 0; i < window->n; i++)
        (*chosen)[i] = (uint32_t)i;
    size_t n_bytes = window->members_bytes;
    qsort_r(*chosen, window->n, sizeof **chosen, by_count, &window);
    while (*n_chosen < window->n && n_bytes > most)
        n_bytes -= window->entries[(*chosen)[(*n_chosen)++]].state_bytes;
    return true;
}

/* Copies the texts of the entries that stay, so that those of the others take no memory. */
bool mf_aggregate_window_drop_written(mf_aggregate_window *window, mf_error *err)
{
    if (!measure_members(window, err))
        return false;
    mf_text old = window->bytes;
    window->bytes = MF_TEXT_EMPTY;
    size_t n = 0;
    bool ok = true;
    for (size_t i = 0; i < window->n && ok; i++) {
        mf_aggregate_window_entry entry = window->entries[i];
        if (entry.is_written) {
            window->members_bytes -= entry.state_bytes;
            continue;
        }
        mf_aggregate_window_text *texts[1 + MF_AGGREGATE_CARRIED_MOST] = {&entry.key};
        for (size_t c = 0; c < MF_AGGREGATE_CARRIED_MOST; c++)
            texts[1 + c] = &entry.carried[c];
        for (size_t t = 0; t < 1 + MF_AGGREGATE_CARRIED_MOST && ok; t++) {
            const mf_id text = {old.bytes + texts[t]->at, texts[t]->n};
            texts[t]->capacity = 0;
            ok = keep(window, texts[t], text);
        }
        window->entries[n++] = entry;
    }
    window->n = n;
    mf_text_free(&old);
    memset(window->slots, 0, window->n_slots * sizeof *window->slots);
    fill_slots(window);
    return ok || out_of_memory(err);
}

void mf_aggregate_window_free(mf_aggregate_window *window)
{
    mf_free(window->entries);
    mf_free(window->slots);
    mf_text_free(&window->bytes);
    mf_text_free(&window->member);
    mf_text_free(&window->scratch);
    *window = (mf_aggregate_window){.settings = window->settings};
}
