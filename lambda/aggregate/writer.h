/* writer.h: adds the totals of a window to the items of a DynamoDB table.
 *
 * For each key one UpdateItem of the item (key, window's start):
 *
 *     ADD  count, sums                  so that shards, and several flushes of one window, add up
 *     SET  end, carried values, means, and "lastSequence:<shard>", its last record
 *     if   that attribute is missing or less
 *
 * (1) Totals that are written again up to the same record, after a failure in the middle or a
 *     second invocation, change nothing (docs/lambda.md, 4.4.5, 4.7).
 * (2) A mean is that of the whole item, not of these totals alone. Where other writers have added to
 *     the item, a second update sets it. That update fails when another writer adds meanwhile;
 *     the other writer then sets the mean.
 * (3) As many connections as WRITERS says write side by side. Writes are repeated until the
 *     deadline (dynamodb.h). A permanent failure ends the run at once.
 *
 * Threads: one for each writer; it has threads of its own while it runs. */
#ifndef MF_LAMBDA_AGGREGATE_WRITER_H
#define MF_LAMBDA_AGGREGATE_WRITER_H

#include "lambda/aggregate/window.h"

typedef struct mf_aggregate_writer mf_aggregate_writer;

/* settings stay while there is a writer. NULL: MF_ERR_CONFIG, as a client of AWS has it, or
 * MF_ERR_MEMORY. Opens no connection. */
MF_MUST_CHECK mf_aggregate_writer *mf_aggregate_writer_create(const mf_aggregate_settings *settings,
                                                              mf_error *err);

/* NULL is fine. */
void mf_aggregate_writer_destroy(mf_aggregate_writer *writer);

/* An item afterwards; count 0 when that was not wanted or is not known. */
typedef struct mf_aggregate_item_totals {
    uint64_t count;
    mf_aggregate_decimal sums[MF_AGGREGATE_SUMS_MOST];
} mf_aggregate_item_totals;

typedef struct mf_aggregate_write {
    mf_aggregate_window *window;
    const uint32_t *chosen; /* [n] indexes of entries; NULL: all of them, and n is window->n */
    size_t n;
    mf_id shard_id;
    const char *start, *end;          /* of the window */
    int64_t deadline_ms;              /* wall clock */
    mf_aggregate_item_totals *totals; /* [n], the caller's, zeroed; NULL: not wanted */
} mf_aggregate_write;

typedef struct mf_aggregate_write_result {
    size_t n_written;
    size_t n_done_before;
    size_t n_failed;
} mf_aggregate_write_result;

/* Writes, and sets is_written of each entry that is in the table. False: *err is the first
 * failure, MF_ERR_IO with the number of items that are not written. */
MF_MUST_CHECK bool mf_aggregate_writer_run(mf_aggregate_writer *writer,
                                           const mf_aggregate_write *write,
                                           mf_aggregate_write_result *result, mf_error *err);

/* The n keys with the most records, of those that write has totals of, best first, into
 * settings->trend_table: items of start and place ("<shard>#<last record>#001"), so that a
 * repetition puts the same. */
MF_MUST_CHECK bool mf_aggregate_writer_put_trend(mf_aggregate_writer *writer,
                                                 const mf_aggregate_write *write, size_t *n_put,
                                                 mf_error *err);

#endif
