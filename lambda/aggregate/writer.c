/* writer.c: each worker writes one key after the other until none is left; then the caller writes the
 * trend from the totals that the items have now. */
#include "lambda/aggregate/writer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/random.h"
#include "base/thread.h"
#include "lambda/aws/dynamodb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYS_FOR_A_THREAD = 4, SHARD_BYTES = 200 };

/* A thread with its connection. The first worker is the caller's thread. */
typedef struct worker {
    mf_aws_client *client;
    mf_aws_dynamodb_update update;
    mf_text number;
    mf_aggregate_writer *writer;
    pthread_t thread;
} worker;

struct mf_aggregate_writer {
    const mf_aggregate_settings *settings;
    worker workers[MF_AGGREGATE_WRITERS_MOST];
    mf_aws_dynamodb_puts puts;

    /* Of the present run. */
    const mf_aggregate_write *write;
    char order[MF_STREAM_SEQUENCE_ORDER_BYTES]; /* of the last record */
    char sequence_attribute[SHARD_BYTES];
    atomic_size_t next;
    atomic_size_t n_written, n_done_before, n_failed;
    atomic_bool is_permanent;
    pthread_mutex_t lock;
    mf_error first; /* under the lock */
};

mf_aggregate_writer *mf_aggregate_writer_create(const mf_aggregate_settings *settings,
                                                mf_error *err)
{
    mf_aggregate_writer *writer = mf_allocate(1, sizeof *writer, "a writer", err);
    if (writer == NULL)
        return NULL;
    const uint64_t seed = (uint64_t)mf_clock_wall_ms() ^ ((uint64_t)getpid() << 32);
    writer->settings = settings;
    pthread_mutex_init(&writer->lock, NULL);
    for (uint32_t i = 0; i < settings->writers; i++) {
        writer->workers[i].writer = writer;
        /* Seeds of their own, or all would wait as long and come back together. */
        writer->workers[i].client =
            mf_aws_client_create(&(mf_aws_client_settings){.service = MF_AWS_DYNAMODB,
                                                           .seed = mf_random_bits(seed, i) | 1},
                                 err);
        if (writer->workers[i].client == NULL) {
            mf_aggregate_writer_destroy(writer);
            return NULL;
        }
    }
    return writer;
}

void mf_aggregate_writer_destroy(mf_aggregate_writer *writer)
{
    if (writer == NULL)
        return;
    for (size_t i = 0; i < MF_AGGREGATE_WRITERS_MOST; i++) {
        mf_aws_client_destroy(writer->workers[i].client);
        mf_aws_dynamodb_update_free(&writer->workers[i].update);
        mf_text_free(&writer->workers[i].number);
    }
    mf_aws_dynamodb_puts_free(&writer->puts);
    pthread_mutex_destroy(&writer->lock);
    mf_free(writer);
}

/* --- one item ---------------------------------------------------------------------- */

static mf_id text_of(const char *text)
{
    return (mf_id){text, strlen(text)};
}

static mf_aws_dynamodb_type key_type(const mf_aggregate_settings *s)
{
    return s->key_is_number ? MF_AWS_DYNAMODB_NUMBER : MF_AWS_DYNAMODB_TEXT;
}

/* A decimal as text, until the next one. */
static mf_id decimal_text(worker *w, const mf_aggregate_decimal *value)
{
    mf_text_clear(&w->number, 256);
    mf_aggregate_decimal_write(&w->number, value);
    return (mf_id){w->number.bytes, w->number.n_bytes};
}

static mf_id count_text(worker *w, uint64_t count)
{
    mf_text_clear(&w->number, 256);
    mf_text_count(&w->number, count);
    return (mf_id){w->number.bytes, w->number.n_bytes};
}

static void start_update(worker *w, const mf_aggregate_window_entry *entry)
{
    const mf_aggregate_settings *s = w->writer->settings;
    const mf_aggregate_write *write = w->writer->write;
    const mf_id key = mf_aggregate_window_view(write->window, entry->key);
    mf_aws_dynamodb_update_start(&w->update, s->table);
    mf_aws_dynamodb_update_key(&w->update, s->key_attribute, key_type(s), key);
    mf_aws_dynamodb_update_key(&w->update, s->start_attribute, MF_AWS_DYNAMODB_TEXT,
                               text_of(write->start));
}

static void set_means(worker *w, const mf_aggregate_decimal *sums, uint64_t count)
{
    const mf_aggregate_settings *s = w->writer->settings;
    for (size_t i = 0; i < s->mean_attributes.n; i++) {
        if (s->mean_attributes.names[i][0] == '\0')
            continue;
        const mf_aggregate_decimal mean = mf_aggregate_decimal_mean(&sums[i], count);
        const mf_id text = decimal_text(w, &mean);
        mf_aws_dynamodb_update_set(&w->update, s->mean_attributes.names[i], MF_AWS_DYNAMODB_NUMBER,
                                   text);
    }
}

static bool needs_totals(const mf_aggregate_writer *writer)
{
    return writer->settings->mean_attributes.n > 0 || writer->write->totals != NULL;
}

static void want_totals(worker *w)
{
    const mf_aggregate_settings *s = w->writer->settings;
    if (!needs_totals(w->writer))
        return;
    mf_aws_dynamodb_update_want(&w->update, s->count_attribute);
    for (size_t i = 0; i < s->sum_attributes.n; i++)
        mf_aws_dynamodb_update_want(&w->update, s->sum_attributes.names[i]);
}

static bool read_totals(const mf_aggregate_settings *s, const mf_aws_dynamodb_result *outcome,
                        mf_aggregate_item_totals *totals)
{
    if (!mf_parse_uint64(outcome->numbers[0], strlen(outcome->numbers[0]), &totals->count) ||
        totals->count == 0)
        return false;
    for (size_t i = 0; i < s->sum_attributes.n; i++)
        if (!mf_aggregate_decimal_parse(outcome->numbers[1 + i], strlen(outcome->numbers[1 + i]),
                                        &totals->sums[i]))
            return false;
    return true;
}

static void build_addition(worker *w, const mf_aggregate_window_entry *entry)
{
    const mf_aggregate_writer *writer = w->writer;
    const mf_aggregate_settings *s = writer->settings;
    const mf_aggregate_write *write = writer->write;
    start_update(w, entry);
    if (s->count_attribute[0] != '\0')
        mf_aws_dynamodb_update_add(&w->update, s->count_attribute, count_text(w, entry->count));
    for (size_t i = 0; i < s->sum_attributes.n; i++)
        mf_aws_dynamodb_update_add(&w->update, s->sum_attributes.names[i],
                                   decimal_text(w, &entry->sums[i]));
    mf_aws_dynamodb_update_set(&w->update, s->end_attribute, MF_AWS_DYNAMODB_TEXT,
                               text_of(write->end));
    for (size_t i = 0; i < s->carried_fields.n; i++) {
        if (entry->types[i] == MF_AGGREGATE_CARRIED_NONE)
            continue;
        const mf_id value = mf_aggregate_window_view(write->window, entry->carried[i]);
        mf_aws_dynamodb_update_set(&w->update, s->carried_fields.names[i],
                                   entry->types[i] == MF_AGGREGATE_CARRIED_NUMBER
                                       ? MF_AWS_DYNAMODB_NUMBER
                                       : MF_AWS_DYNAMODB_TEXT,
                                   value);
    }
    set_means(w, entry->sums, entry->count);
    mf_aws_dynamodb_update_set(&w->update, writer->sequence_attribute, MF_AWS_DYNAMODB_TEXT,
                               text_of(writer->order));
    mf_aws_dynamodb_update_if_newer(&w->update, writer->sequence_attribute, MF_AWS_DYNAMODB_TEXT,
                                    text_of(writer->order));
    want_totals(w);
}

static bool run(worker *w, mf_aws_dynamodb_result *outcome, mf_aws_failure *failure)
{
    return mf_aws_dynamodb_update_run(w->client, &w->update, w->writer->write->deadline_ms, outcome,
                                      failure);
}

/* The totals of an item whose addition was done before. Changes nothing. */
static bool fetch_totals(worker *w, const mf_aggregate_window_entry *entry,
                         mf_aggregate_item_totals *totals, mf_aws_failure *failure)
{
    const mf_aggregate_settings *s = w->writer->settings;
    const char *end = w->writer->write->end;
    mf_aws_dynamodb_result outcome;
    start_update(w, entry);
    mf_aws_dynamodb_update_set(&w->update, s->end_attribute, MF_AWS_DYNAMODB_TEXT, text_of(end));
    mf_aws_dynamodb_update_if_equal(&w->update, s->end_attribute, MF_AWS_DYNAMODB_TEXT,
                                    text_of(end));
    want_totals(w);
    if (!run(w, &outcome, failure))
        return false;
    if (outcome.was_refused || !read_totals(s, &outcome, totals))
        totals->count = 0;
    return true;
}

/* The means of these totals, if the item still has them. */
static bool write_means(worker *w, const mf_aggregate_window_entry *entry,
                        const mf_aggregate_item_totals *totals, mf_aws_failure *failure)
{
    const mf_aggregate_settings *s = w->writer->settings;
    mf_aws_dynamodb_result outcome;
    start_update(w, entry);
    set_means(w, totals->sums, totals->count);
    const mf_id count = count_text(w, totals->count);
    mf_aws_dynamodb_update_if_equal(&w->update, s->count_attribute, MF_AWS_DYNAMODB_NUMBER, count);
    for (size_t i = 0; i < s->sum_attributes.n; i++)
        mf_aws_dynamodb_update_if_equal(&w->update, s->sum_attributes.names[i],
                                        MF_AWS_DYNAMODB_NUMBER, decimal_text(w, &totals->sums[i]));
    return run(w, &outcome, failure);
}

static bool write_entry(worker *w, const mf_aggregate_window_entry *entry,
                        mf_aggregate_item_totals *totals, bool *done_before,
                        mf_aws_failure *failure)
{
    const mf_aggregate_settings *s = w->writer->settings;
    mf_aws_dynamodb_result outcome;
    build_addition(w, entry);
    if (!run(w, &outcome, failure))
        return false;
    *done_before = outcome.was_refused;
    if (!needs_totals(w->writer))
        return true;
    if (!outcome.was_refused && !read_totals(s, &outcome, totals))
        totals->count = 0;
    if ((outcome.was_refused || totals->count == 0) && !fetch_totals(w, entry, totals, failure))
        return false;
    if (s->mean_attributes.n == 0 || totals->count == 0 ||
        (totals->count == entry->count && !outcome.was_refused))
        return true;
    return write_means(w, entry, totals, failure);
}

/* --- all of them ------------------------------------------------------------------- */

static void note_failure(mf_aggregate_writer *writer, const mf_aws_failure *failure)
{
    atomic_fetch_add(&writer->n_failed, 1);
    if (!failure->is_retriable)
        atomic_store(&writer->is_permanent, true);
    pthread_mutex_lock(&writer->lock);
    if (writer->first.code == MF_OK)
        writer->first = failure->error;
    pthread_mutex_unlock(&writer->lock);
}

static void *work(void *argument)
{
    worker *w = argument;
    mf_aggregate_writer *writer = w->writer;
    const mf_aggregate_write *write = writer->write;
    for (;;) {
        const size_t i = atomic_fetch_add(&writer->next, 1);
        if (i >= write->n || atomic_load(&writer->is_permanent))
            return NULL;
        mf_aggregate_window_entry *entry =
            &write->window->entries[write->chosen != NULL ? write->chosen[i] : i];
        mf_aggregate_item_totals totals = {.count = 0};
        mf_aws_failure failure;
        bool done_before = false;
        if (!write_entry(w, entry, &totals, &done_before, &failure)) {
            note_failure(writer, &failure);
            continue;
        }
        entry->is_written = true;
        atomic_fetch_add(done_before ? &writer->n_done_before : &writer->n_written, 1);
        if (write->totals != NULL)
            write->totals[i] = totals;
    }
}

static void begin(mf_aggregate_writer *writer, const mf_aggregate_write *write)
{
    writer->write = write;
    mf_stream_sequence_order_text(text_of(write->window->last), writer->order);
    snprintf(writer->sequence_attribute, sizeof writer->sequence_attribute, "lastSequence:%.*s",
             (int)(write->shard_id.n_bytes < 128 ? write->shard_id.n_bytes : 128),
             write->shard_id.bytes);
    atomic_store(&writer->next, 0);
    atomic_store(&writer->n_written, 0);
    atomic_store(&writer->n_done_before, 0);
    atomic_store(&writer->n_failed, 0);
    atomic_store(&writer->is_permanent, false);
    mf_error_clear(&writer->first);
}

bool mf_aggregate_writer_run(mf_aggregate_writer *writer, const mf_aggregate_write *write,
                             mf_aggregate_write_result *result, mf_error *err)
{
    *result = (mf_aggregate_write_result){.n_written = 0};
    if (write->n == 0)
        return true;
    begin(writer, write);
    const size_t n_useful = (write->n + KEYS_FOR_A_THREAD - 1) / KEYS_FOR_A_THREAD;
    const size_t n_workers =
        n_useful < writer->settings->writers ? n_useful : writer->settings->writers;
    size_t n_threads = 0;
    /* When a thread cannot be started, the others do its work. */
    while (n_threads + 1 < n_workers && mf_thread_start(&writer->workers[n_threads + 1].thread,
                                                        work, &writer->workers[n_threads + 1]) == 0)
        n_threads++;
    work(&writer->workers[0]);
    for (size_t i = 1; i <= n_threads; i++)
        pthread_join(writer->workers[i].thread, NULL);
    *result = (mf_aggregate_write_result){
        .n_written = atomic_load(&writer->n_written),
        .n_done_before = atomic_load(&writer->n_done_before),
    };
    result->n_failed = write->n - result->n_written - result->n_done_before;
    if (result->n_failed == 0)
        return true;
    return mf_fail(err, writer->first.code, MF_NOWHERE, "%zu of %zu items are not written: %s",
                   result->n_failed, write->n, writer->first.text);
}

/* --- the trend --------------------------------------------------------------------- */

/* More records first, then by key. */
static int compare_trend(const void *a, const void *b, void *context)
{
    const mf_aggregate_write *write = *(const mf_aggregate_write *const *)context;
    const uint32_t i = *(const uint32_t *)a;
    const uint32_t j = *(const uint32_t *)b;
    if (write->totals[i].count != write->totals[j].count)
        return write->totals[i].count > write->totals[j].count ? -1 : 1;
    const mf_aggregate_window_entry *entries = write->window->entries;
    const mf_id one = mf_aggregate_window_view(write->window, entries[i].key);
    const mf_id other = mf_aggregate_window_view(write->window, entries[j].key);
    const size_t n = one.n_bytes < other.n_bytes ? one.n_bytes : other.n_bytes;
    const int order = memcmp(one.bytes, other.bytes, n);
    return order != 0 ? order : (one.n_bytes > other.n_bytes) - (one.n_bytes < other.n_bytes);
}

static void put_text(mf_aws_dynamodb_puts *puts, const char *name, const char *text)
{
    mf_aws_dynamodb_puts_attribute(puts, name, MF_AWS_DYNAMODB_TEXT, text_of(text));
}

static void put_place(mf_aggregate_writer *writer, const mf_aggregate_write *write, uint32_t i,
                      size_t rank)
{
    const mf_aggregate_settings *s = writer->settings;
    mf_aws_dynamodb_puts *puts = &writer->puts;
    worker *w = &writer->workers[0];
    const mf_aggregate_item_totals *totals = &write->totals[i];
    const mf_id key = mf_aggregate_window_view(write->window, write->window->entries[i].key);
    char place[SHARD_BYTES + MF_STREAM_SEQUENCE_ORDER_BYTES];
    snprintf(place, sizeof place, "%s#%s#%03zu",
             writer->sequence_attribute + strlen("lastSequence:"), writer->order, rank);
    mf_aws_dynamodb_puts_begin(puts);
    put_text(puts, s->start_attribute, write->start);
    put_text(puts, MF_AGGREGATE_PLACE_ATTRIBUTE, place);
    put_text(puts, s->end_attribute, write->end);
    mf_aws_dynamodb_puts_attribute(puts, s->key_attribute, key_type(s), key);
    mf_aws_dynamodb_puts_attribute(puts, s->count_attribute, MF_AWS_DYNAMODB_NUMBER,
                                   count_text(w, totals->count));
    for (size_t m = 0; m < s->mean_attributes.n; m++) {
        if (s->mean_attributes.names[m][0] == '\0')
            continue;
        const mf_aggregate_decimal mean =
            mf_aggregate_decimal_mean(&totals->sums[m], totals->count);
        const mf_id text = decimal_text(w, &mean);
        mf_aws_dynamodb_puts_attribute(puts, s->mean_attributes.names[m], MF_AWS_DYNAMODB_NUMBER,
                                       text);
    }
    mf_aws_dynamodb_puts_end(puts);
}

bool mf_aggregate_writer_put_trend(mf_aggregate_writer *writer, const mf_aggregate_write *write,
                                   size_t *n_put, mf_error *err)
{
    uint32_t *order = mf_allocate(write->n, sizeof *order, "a trend", err);
    if (order == NULL)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < write->n; i++)
        if (write->totals[i].count > 0)
            order[n++] = (uint32_t)i;
    qsort_r(order, n, sizeof *order, compare_trend, &write);
    if (n > writer->settings->trend_count)
        n = writer->settings->trend_count;
    bool ok = true;
    mf_aws_failure failure;
    mf_aws_dynamodb_puts_start(&writer->puts, writer->settings->trend_table);
    for (size_t i = 0; i < n && ok; i++) {
        put_place(writer, write, order[i], i + 1);
        if (writer->puts.n == MF_AWS_DYNAMODB_BATCH_ITEMS || i + 1 == n)
            ok = mf_aws_dynamodb_puts_run(writer->workers[0].client, &writer->puts,
                                          write->deadline_ms, &failure);
    }
    mf_free(order);
    *n_put = ok ? n : 0;
    return ok || mf_aws_failure_to_error(&failure, err);
}
