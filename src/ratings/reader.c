/* reader.c: files to rows, in parallel; promises in ratings.h.
 *
 * Threads take the next block from the source, one at a time under a lock, and
 * parse it outside. Blocks are numbered in file order:
 *
 * (1) When a block is taken, all blocks before it have been taken, and they are
 *     parsed to their end whatever happens elsewhere. So what is wrong in the file
 *     is known up to some block without a gap, and the first of it is reported.
 * (2) A thread's blocks ascend, so its ids are in order of first appearance. */
#include "ratings/ratings.h"

#include "base/memory.h"
#include "base/stop.h"
#include "ratings/blocks.h"
#include "ratings/dialect.h"
#include "ratings/group.h"
#include "ratings/header.h"
#include "ratings/parse.h"
#include "ratings/team.h"

#include <pthread.h>
#include <stdio.h>
#include <strings.h>

enum {
    HEAD_BYTES = 64 * 1024, /* the first line has to end within them */
    ROW_BYTES_DEFAULT = 1024 * 1024,
    ROW_BYTES_MOST = 1024 * 1024 * 1024, /* offsets in a row have 32 bits */
    BLOCK_BYTES_DEFAULT = 1024 * 1024,
    FIRST_SPANS = 64,
};

struct mf_ratings_reader {
    mf_ratings_options options;
    mf_parser *parsers; /* [n_threads] */
    mf_buffer *buffers; /* [n_threads] */
    mf_span *spans;     /* [n_spans] by block number */
    uint64_t n_spans, span_capacity;
    mf_ratings_counts counts;
    mf_error first_bad; /* the first bad row of all files */
};

/* One file on its way. Everything from `lock` on is under it. */
typedef struct reading {
    mf_ratings_reader *reader;
    const char *name;
    mf_dialect dialect;
    mf_blocks blocks;
    uint64_t first_block;
    pthread_mutex_t lock;
    bool halt; /* no more blocks are taken */
    uint64_t n_bad_rows;
    mf_flaw flaw;
    uint64_t flaw_line, flaw_column;
    mf_error fatal;
    uint64_t fatal_block;
} reading;

static bool same_name(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

/* Ratings and weights may be one column: no reading uses both. */
static bool check_names(const mf_ratings_options *options, mf_error *err)
{
    const mf_feedback kinds[] = {MF_FEEDBACK_EXPLICIT, MF_FEEDBACK_IMPLICIT};
    for (size_t kind = 0; kind < 2; kind++) {
        const char *names[MF_ROLES];
        mf_header_given(options, kinds[kind], names);
        for (int a = 0; a < MF_ROLES; a++)
            for (int b = 0; b < a; b++)
                if (same_name(names[a], names[b]))
                    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "two columns are called \"%s\"",
                                   names[a]);
    }
    return true;
}

mf_ratings_reader *mf_ratings_reader_create(const mf_ratings_options *options, mf_error *err)
{
    if (!check_names(options, err))
        return NULL;
    mf_ratings_reader *reader = mf_allocate(1, sizeof *reader, "a reader", err);
    if (reader == NULL)
        return NULL;
    reader->options = *options;
    mf_ratings_options *o = &reader->options;
    o->feedback = mf_dialect_feedback(options);
    o->n_threads = o->n_threads == 0 ? 1 : o->n_threads < MF_TEAM_MAX ? o->n_threads : MF_TEAM_MAX;
    if (o->max_users == 0 || o->max_users > MF_INDEX_NONE - 1)
        o->max_users = MF_INDEX_NONE - 1;
    if (o->max_items == 0 || o->max_items > MF_INDEX_NONE - 1)
        o->max_items = MF_INDEX_NONE - 1;
    if (o->max_row_bytes == 0)
        o->max_row_bytes = ROW_BYTES_DEFAULT;
    if (o->max_row_bytes > ROW_BYTES_MOST)
        o->max_row_bytes = ROW_BYTES_MOST;
    if (o->block_bytes == 0)
        o->block_bytes = BLOCK_BYTES_DEFAULT;
    reader->parsers = mf_allocate(o->n_threads, sizeof *reader->parsers, "parsers", err);
    reader->buffers = mf_allocate(o->n_threads, sizeof *reader->buffers, "parsers", err);
    if (reader->parsers == NULL || reader->buffers == NULL) {
        mf_ratings_reader_destroy(reader);
        return NULL;
    }
    for (uint32_t t = 0; t < o->n_threads; t++) {
        reader->parsers[t].reader = t;
        reader->parsers[t].max_users = o->max_users;
        reader->parsers[t].max_items = o->max_items;
    }
    return reader;
}

static bool reserve_span(mf_ratings_reader *reader, mf_error *err)
{
    if (reader->n_spans < reader->span_capacity)
        return true;
    const uint64_t capacity = reader->span_capacity == 0 ? FIRST_SPANS : 2 * reader->span_capacity;
    if (!mf_reallocate((void **)&reader->spans, reader->span_capacity, capacity,
                       sizeof *reader->spans, "blocks", err))
        return false;
    reader->span_capacity = capacity;
    return true;
}

static void set_fatal(reading *r, uint64_t block, const mf_error *err)
{
    r->halt = true;
    if (r->fatal.code == MF_OK || block < r->fatal_block) {
        r->fatal = *err;
        r->fatal_block = block;
    }
}

/* Takes the next block; false when there is none for this thread. */
static bool take_block(reading *r, mf_buffer *buffer, size_t *n_bytes, uint64_t *block)
{
    mf_ratings_reader *reader = r->reader;
    mf_error err = {0};
    bool taken = false;
    pthread_mutex_lock(&r->lock);
    if (!r->halt) {
        if (!mf_stop_check(&err) || !reserve_span(reader, &err) ||
            !mf_blocks_next(&r->blocks, buffer, n_bytes, &r->flaw, &r->flaw_line, &r->flaw_column,
                            &err)) {
            set_fatal(r, reader->n_spans, &err);
        } else {
            r->halt = *n_bytes == 0 || r->flaw != MF_FLAW_NONE;
            taken = *n_bytes > 0;
            if (taken)
                *block = reader->n_spans++;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}

static void read_blocks(void *context, uint32_t member)
{
    reading *r = context;
    mf_ratings_reader *reader = r->reader;
    mf_parser *parser = &reader->parsers[member];
    mf_buffer *buffer = &reader->buffers[member];
    size_t n_bytes;
    uint64_t block;
    while (take_block(r, buffer, &n_bytes, &block)) {
        mf_span span;
        mf_error err = {0};
        const uint64_t n_bad = parser->n_bad_rows;
        const bool ok = mf_parser_block(parser, block, buffer->bytes, n_bytes, &span, &err);
        pthread_mutex_lock(&r->lock);
        reader->spans[block] = span;
        if (!ok)
            set_fatal(r, block, &err);
        r->n_bad_rows += parser->n_bad_rows - n_bad;
        if (reader->counts.n_bad_rows + r->n_bad_rows > reader->options.max_bad_rows)
            r->halt = true;
        pthread_mutex_unlock(&r->lock);
    }
}

/* The file's line, from 1, on which a block begins. */
static uint64_t first_line(const reading *r, uint64_t block)
{
    uint64_t line = 1 + r->dialect.n_head_lines;
    for (uint64_t b = r->first_block; b < block; b++)
        line += r->reader->spans[b].n_lines;
    return line;
}

/* The earliest bad row of this file that comes after (block, row) `after`. */
static const mf_bad_row *next_bad_row(const mf_ratings_reader *reader, const mf_bad_row *after)
{
    const mf_bad_row *best = NULL;
    for (uint32_t t = 0; t < reader->options.n_threads; t++)
        for (uint32_t b = 0; b < reader->parsers[t].n_named; b++) {
            const mf_bad_row *bad = &reader->parsers[t].bad[b];
            if (after != NULL && (bad->block < after->block ||
                                  (bad->block == after->block && bad->row <= after->row)))
                continue;
            if (best == NULL || bad->block < best->block ||
                (bad->block == best->block && bad->row < best->row))
                best = bad;
        }
    return best;
}

static void name_bad_rows(const reading *r)
{
    mf_ratings_reader *reader = r->reader;
    mf_ratings_counts *counts = &reader->counts;
    for (const mf_bad_row *bad = next_bad_row(reader, NULL);
         bad != NULL && counts->n_named < MF_RATINGS_BAD_ROWS_NAMED;
         bad = next_bad_row(reader, bad)) {
        mf_error err = {0};
        const mf_where where = {r->name, first_line(r, bad->block) + bad->line, bad->column};
        mf_fail(&err, bad->error.code, where, "%s", bad->error.text);
        if (counts->n_named == 0)
            reader->first_bad = err;
        char *text = counts->bad_rows[counts->n_named++];
        mf_printable(text, sizeof counts->bad_rows[0], err.text, strlen(err.text));
    }
}

static bool fail_bad_rows(const mf_ratings_reader *reader, mf_error *err)
{
    if (reader->options.max_bad_rows == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s", reader->first_bad.text);
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "%s (the first of more bad rows than max_bad_rows allows, which is %llu)",
                   reader->first_bad.text, (unsigned long long)reader->options.max_bad_rows);
}

static bool fail_flaw(const reading *r, mf_error *err)
{
    const mf_where where = {r->name, first_line(r, r->reader->n_spans) + r->flaw_line,
                            r->flaw_column};
    const size_t limit = r->reader->options.max_row_bytes;
    switch (r->flaw) {
    case MF_FLAW_LONG_ROW:
        return mf_fail(err, MF_ERR_LIMIT, where, "the row is longer than %zu bytes", limit);
    case MF_FLAW_LONG_QUOTE:
        return mf_fail(err, MF_ERR_LIMIT, where,
                       "the row is longer than %zu bytes: the quote that opens here is not closed",
                       limit);
    case MF_FLAW_OPEN_QUOTE:
        return mf_fail(err, MF_ERR_PARSE, where, "the quote that opens here is never closed");
    case MF_FLAW_NONE:
        break;
    }
    return true;
}

static bool read_rows(reading *r, bool is_stream, mf_error *err)
{
    mf_ratings_reader *reader = r->reader;
    mf_ratings_counts *counts = &reader->counts;
    bool ok = true;
    r->first_block = reader->n_spans;
    /* A file that is one block needs one thread. */
    const bool is_small =
        r->blocks.source_ended && r->blocks.end - r->blocks.begin <= reader->options.block_bytes;
    const uint32_t n_members = is_small ? 1 : reader->options.n_threads;
    for (uint32_t t = 0; ok && t < reader->options.n_threads; t++) {
        reader->parsers[t].n_rows = reader->parsers[t].n_bad_rows = 0;
        reader->parsers[t].n_zero_weights = 0;
        reader->parsers[t].n_named = 0;
        if (t < n_members)
            ok = mf_parser_begin(&reader->parsers[t], &r->dialect, is_stream, err);
    }
    if (ok)
        mf_team_run(n_members, read_blocks, r);
    for (uint32_t t = 0; t < n_members; t++) {
        counts->n_rows += reader->parsers[t].n_rows;
        counts->n_bad_rows += reader->parsers[t].n_bad_rows;
        counts->n_zero_weights += reader->parsers[t].n_zero_weights;
        mf_parser_end(&reader->parsers[t]);
    }
    if (!ok)
        return false;
    name_bad_rows(r);
    if (r->fatal.code == MF_ERR_MEMORY || r->fatal.code == MF_ERR_STOPPED)
        return mf_fail(err, r->fatal.code, MF_NOWHERE, "%s", r->fatal.text);
    if (counts->n_bad_rows > reader->options.max_bad_rows)
        return fail_bad_rows(reader, err);
    if (r->fatal.code != MF_OK)
        return mf_fail(err, r->fatal.code, MF_NOWHERE, "%s", r->fatal.text);
    if (!fail_flaw(r, err))
        return false;
    counts->n_files++;
    counts->n_bytes += mf_source_bytes(r->blocks.source);
    return true;
}

/* Whether the reader takes what was found. MF_FEEDBACK_AUTO takes implicit feedback only
 * from a stream that comes first, since a stream cannot be looked at beforehand; then all
 * of the reading is implicit. */
static bool takes(mf_ratings_reader *reader, const mf_dialect *dialect, bool is_stream)
{
    if (dialect->feedback == MF_FEEDBACK_EXPLICIT ||
        reader->options.feedback == MF_FEEDBACK_IMPLICIT)
        return true;
    if (!is_stream || reader->counts.n_files > 0)
        return false;
    reader->options.feedback = MF_FEEDBACK_IMPLICIT;
    return true;
}

static bool read_source(mf_ratings_reader *reader, mf_source *source, const char *name,
                        bool is_stream, mf_ratings_verdict *verdict,
                        char reason[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    reading r = {.reader = reader,
                 .name = name,
                 .blocks = {.source = source,
                            .block_bytes = reader->options.block_bytes,
                            .max_row_bytes = reader->options.max_row_bytes},
                 .lock = PTHREAD_MUTEX_INITIALIZER};
    bool ok = mf_blocks_peek(&r.blocks, HEAD_BYTES, err) &&
              mf_dialect_detect(r.blocks.pending.bytes, r.blocks.end, r.blocks.source_ended,
                                &reader->options, &r.dialect, verdict, reason, err);
    if (ok && *verdict == MF_RATINGS_READ && !takes(reader, &r.dialect, is_stream))
        *verdict = MF_RATINGS_NOT_RATINGS;
    if (ok && *verdict == MF_RATINGS_READ) {
        r.blocks.begin = r.dialect.n_head;
        r.blocks.delimiter = r.dialect.delimiter;
        ok = read_rows(&r, is_stream, err);
    }
    mf_blocks_clear(&r.blocks);
    return ok;
}

bool mf_ratings_look(const char *path, const mf_ratings_options *options, mf_feedback *found,
                     mf_error *err)
{
    char reason[MF_RATINGS_REASON_BYTES];
    mf_ratings_verdict verdict;
    mf_dialect dialect;
    mf_source *source = mf_source_open(path, -1, path, err);
    mf_blocks blocks = {.source = source, .block_bytes = HEAD_BYTES, .max_row_bytes = HEAD_BYTES};
    const bool ok = source != NULL && mf_blocks_peek(&blocks, HEAD_BYTES, err) &&
                    mf_dialect_detect(blocks.pending.bytes, blocks.end, blocks.source_ended,
                                      options, &dialect, &verdict, reason, err);
    if (ok)
        *found = verdict == MF_RATINGS_READ ? dialect.feedback : MF_FEEDBACK_AUTO;
    mf_blocks_clear(&blocks);
    mf_source_close(source);
    return ok;
}

bool mf_ratings_reader_add(mf_ratings_reader *reader, const char *path, mf_ratings_verdict *verdict,
                           char reason[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    char unread[MF_RATINGS_REASON_BYTES];
    mf_source *source = mf_source_open(path, -1, path, err);
    const bool ok = source != NULL && read_source(reader, source, path, false, verdict,
                                                  reason != NULL ? reason : unread, err);
    mf_source_close(source);
    return ok;
}

bool mf_ratings_reader_add_stream(mf_ratings_reader *reader, int fd, const char *name,
                                  mf_error *err)
{
    mf_ratings_verdict verdict;
    char reason[MF_RATINGS_REASON_BYTES];
    mf_source *source = mf_source_open(NULL, fd, name, err);
    bool ok = source != NULL && read_source(reader, source, name, true, &verdict, reason, err);
    if (ok && verdict != MF_RATINGS_READ)
        ok = mf_fail(err, MF_ERR_PARSE, (mf_where){name, 0, 0}, "these are no ratings: %s", reason);
    mf_source_close(source);
    return ok;
}

/* The two kinds of ids, merged side by side. */
typedef struct merging {
    mf_ratings_reader *reader;
    uint32_t *user_index[MF_TEAM_MAX]; /* NULL: local indexes are the final ones */
    uint32_t *item_index[MF_TEAM_MAX];
    mf_id_map users, items;
    mf_error user_error, item_error;
} merging;

static bool merge_maps(const mf_ratings_reader *reader, bool is_users, mf_id_map *merged,
                       uint32_t **translation, mf_error *err)
{
    const uint32_t n_threads = reader->options.n_threads;
    mf_id_map maps[MF_TEAM_MAX];
    uint32_t n_filled = 0;
    for (uint32_t t = 0; t < n_threads; t++) {
        maps[t] = is_users ? reader->parsers[t].users : reader->parsers[t].items;
        n_filled += maps[t].n > 0;
    }
    if (n_filled == 1 && maps[0].n > 0) {
        mf_parser *only = &reader->parsers[0];
        *merged = maps[0];
        *(is_users ? &only->users : &only->items) = (mf_id_map){0};
        return true;
    }
    return mf_id_map_merge(maps, n_threads,
                           is_users ? reader->options.max_users : reader->options.max_items,
                           is_users ? "users" : "items", merged, translation, err);
}

static void merge(void *context, uint32_t member)
{
    merging *m = context;
    if (member == 0)
        merge_maps(m->reader, true, &m->users, m->user_index, &m->user_error);
    else
        merge_maps(m->reader, false, &m->items, m->item_index, &m->item_error);
}

static bool group_rows(mf_ratings_reader *reader, merging *m, mf_ratings *ratings, mf_error *err)
{
    mf_store *stores[MF_TEAM_MAX];
    const uint32_t n_threads = reader->options.n_threads;
    mf_team_run(n_threads > 1 ? 2 : 1, merge, m);
    if (n_threads == 1)
        merge(m, 1);
    const mf_error *failed = m->user_error.code != MF_OK ? &m->user_error : &m->item_error;
    if (failed->code != MF_OK)
        return mf_fail(err, failed->code, MF_NOWHERE, "%s", failed->text);
    for (uint32_t t = 0; t < n_threads; t++) {
        mf_id_map_clear(&reader->parsers[t].users);
        mf_id_map_clear(&reader->parsers[t].items);
        stores[t] = &reader->parsers[t].store;
    }
    ratings->n_users = m->users.n;
    ratings->n_items = m->items.n;
    const mf_grouping grouping = {.spans = reader->spans,
                                  .n_spans = reader->n_spans,
                                  .stores = stores,
                                  .n_stores = n_threads,
                                  .user_index = m->user_index,
                                  .item_index = m->item_index,
                                  .n_users = m->users.n,
                                  .n_items = m->items.n,
                                  .n_threads = n_threads,
                                  .adds = ratings->feedback == MF_FEEDBACK_IMPLICIT,
                                  .keep_times = reader->options.keep_times};
    return mf_id_map_take(&m->users, &ratings->users, err) &&
           mf_id_map_take(&m->items, &ratings->items, err) && mf_group(&grouping, ratings, err);
}

static bool check_rows(const mf_ratings_counts *counts, mf_error *err)
{
    const uint64_t n_good = counts->n_rows - counts->n_bad_rows;
    if (n_good > counts->n_zero_weights)
        return true;
    if (counts->n_files == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "there are no ratings: no file holds any");
    if (counts->n_rows == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "there are no ratings: %llu file%s with the right columns, but without rows",
                       (unsigned long long)counts->n_files, counts->n_files == 1 ? "" : "s");
    if (n_good > 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                       "there is no feedback: every weight that can be read is 0");
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "there are no ratings: of %llu row%s none can be read",
                   (unsigned long long)counts->n_rows, counts->n_rows == 1 ? "" : "s");
}

mf_ratings *mf_ratings_reader_finish(mf_ratings_reader *reader, mf_error *err)
{
    if (!check_rows(&reader->counts, err))
        return NULL;
    mf_ratings *ratings = mf_allocate(1, sizeof *ratings, "ratings", err);
    if (ratings == NULL)
        return NULL;
    ratings->counts = reader->counts;
    ratings->feedback = reader->options.feedback == MF_FEEDBACK_IMPLICIT ? MF_FEEDBACK_IMPLICIT
                                                                         : MF_FEEDBACK_EXPLICIT;
    for (uint32_t t = 0; t < reader->options.n_threads; t++)
        mf_buffer_free(&reader->buffers[t]);
    merging m = {.reader = reader};
    const bool ok = group_rows(reader, &m, ratings, err);
    mf_id_map_clear(&m.users);
    mf_id_map_clear(&m.items);
    for (uint32_t t = 0; t < reader->options.n_threads; t++) {
        mf_free(m.user_index[t]);
        mf_free(m.item_index[t]);
    }
    if (!ok) {
        mf_ratings_destroy(ratings);
        return NULL;
    }
    return ratings;
}

void mf_ratings_reader_destroy(mf_ratings_reader *reader)
{
    if (reader == NULL)
        return;
    for (uint32_t t = 0; t < reader->options.n_threads; t++) {
        if (reader->parsers != NULL)
            mf_parser_clear(&reader->parsers[t]);
        if (reader->buffers != NULL)
            mf_buffer_free(&reader->buffers[t]);
    }
    mf_free(reader->parsers);
    mf_free(reader->buffers);
    mf_free(reader->spans);
    mf_free(reader);
}

bool mf_ratings_one_value(const mf_ratings *ratings)
{
    if (ratings->feedback == MF_FEEDBACK_IMPLICIT || ratings->n_ratings == 0)
        return false;
    for (uint64_t k = 1; k < ratings->n_ratings; k++)
        if (ratings->value[k] != ratings->value[0])
            return false;
    return true;
}

void mf_ratings_destroy(mf_ratings *ratings)
{
    if (ratings == NULL)
        return;
    if (!ratings->borrows_ids) {
        mf_free(ratings->users.start);
        mf_free(ratings->users.bytes);
        mf_free(ratings->items.start);
        mf_free(ratings->items.bytes);
    }
    mf_free(ratings->user_start);
    mf_free(ratings->item);
    mf_free(ratings->value);
    mf_free(ratings->time_rank);
    mf_free(ratings->time);
    mf_free(ratings);
}
