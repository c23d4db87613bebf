/* reader.c: files to rows, in parallel.
 *
 * Threads take the next block from the source, one at a time under a lock, and
 * parse it outside. Blocks are numbered in file order:
 *
 * (1) When a block is taken, all blocks before it have been taken, and they are
 *     parsed to their end whatever happens elsewhere. So what is wrong in the file
 *     is known up to some block without a gap, and the first of it is reported.
 * (2) A thread's blocks ascend, so its ids are in order of first appearance. */
#include "ratings/ratings.h"

#include "base/grow.h"
#include "base/stop.h"
#include "ratings/blocks.h"
#include "ratings/dialect.h"
#include "ratings/header.h"
#include "ratings/parallel.h"
#include "ratings/parse.h"
#include "ratings/reader_state.h"
#include "ratings/shared.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

enum {
    HEAD_BYTES = 64 * 1024, /* the first line has to end within them */
    BLOCK_BYTES_DEFAULT = 512 * 1024,
};

/* One file on its way. Everything from `lock` on is under it. */
typedef struct reading {
    mf_ratings_reader *reader;
    const char *name;
    const mf_dialect *dialect;
    mf_blocks blocks;
    uint64_t first_block;
    pthread_mutex_t lock;
    bool halt; /* no more blocks are taken */
    uint64_t n_bad_rows;
    mf_block flawed; /* the block before what cannot be read */
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
                if (same_name(names[a], names[b]) && !mf_header_is_off(names[a]))
                    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                                   "%s and %s both name the column \"%s\"",
                                   mf_header_setting(b, kinds[kind]),
                                   mf_header_setting(a, kinds[kind]), names[a]);
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
    o->n_threads = o->n_threads == 0                      ? 1
                   : o->n_threads < MF_THREADS_OF_READING ? o->n_threads
                                                          : MF_THREADS_OF_READING;
    if (o->max_users == 0 || o->max_users > MF_INDEX_NONE - 1)
        o->max_users = MF_INDEX_NONE - 1;
    if (o->max_items == 0 || o->max_items > MF_INDEX_NONE - 1)
        o->max_items = MF_INDEX_NONE - 1;
    o->max_row_bytes = mf_ratings_row_bytes(o);
    if (o->block_bytes == 0)
        o->block_bytes = BLOCK_BYTES_DEFAULT;
    reader->n_parsers = o->n_threads;
    reader->parsers = mf_allocate(o->n_threads, sizeof *reader->parsers, "parsers", err);
    reader->buffers = mf_allocate(o->n_threads, sizeof *reader->buffers, "parsers", err);
    if (reader->parsers == NULL || reader->buffers == NULL) {
        mf_ratings_reader_destroy(reader);
        return NULL;
    }
    for (uint32_t t = 0; t < o->n_threads; t++) {
        reader->parsers[t].reader = t;
        reader->parsers[t].options = &reader->options;
        reader->parsers[t].max_users = o->max_users;
        reader->parsers[t].max_items = o->max_items;
    }
    return reader;
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
static bool take_block(reading *r, mf_buffer *buffer, mf_block *block, uint64_t *number)
{
    mf_ratings_reader *reader = r->reader;
    mf_error err = {0};
    bool taken = false;
    pthread_mutex_lock(&r->lock);
    if (!r->halt) {
        if (!mf_stop_check(&err) ||
            !MF_GROW(reader->spans, reader->span_capacity, reader->n_spans + 1, "blocks", &err) ||
            !mf_blocks_next(&r->blocks, buffer, block, &err)) {
            set_fatal(r, reader->n_spans, &err);
        } else {
            r->halt = block->n_bytes == 0 || block->flaw != MF_FLAW_NONE;
            if (block->flaw != MF_FLAW_NONE)
                r->flawed = *block;
            taken = block->n_bytes > 0;
            if (taken)
                *number = reader->n_spans++;
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
    mf_block block;
    uint64_t number;
    while (take_block(r, buffer, &block, &number)) {
        mf_span span;
        mf_error err = {0};
        const uint64_t n_bad = parser->counts.n_bad_rows;
        const bool ok = mf_parser_block(parser, number, buffer->bytes, &block, &span, &err);
        span.file = (uint32_t)reader->counts.n_files;
        pthread_mutex_lock(&r->lock);
        reader->spans[number] = span;
        if (!ok)
            set_fatal(r, number, &err);
        r->n_bad_rows += parser->counts.n_bad_rows - n_bad;
        if (reader->counts.n_bad_rows + r->n_bad_rows > reader->options.max_bad_rows)
            r->halt = true;
        pthread_mutex_unlock(&r->lock);
    }
}

/* The file's line, from 1, on which a block begins. */
static uint64_t first_line(const reading *r, uint64_t block)
{
    uint64_t line = 1 + r->dialect->head.n_lines;
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

static mf_where place_of(const reading *r, const mf_bad_row *bad)
{
    return (mf_where){r->name, first_line(r, bad->block) + bad->line, bad->column};
}

/* A second header with other columns, if not too many rows before it are bad. */
static bool check_headers(const reading *r, mf_error *err)
{
    const mf_ratings_reader *reader = r->reader;
    const mf_bad_row *first = next_bad_row(reader, NULL);
    for (const mf_bad_row *bad = first; bad != NULL; bad = next_bad_row(reader, bad))
        if (bad->is_header &&
            (bad == first || reader->counts.n_bad_rows <= reader->options.max_bad_rows))
            return mf_fail(err, bad->error.code, place_of(r, bad), "%s", bad->error.text);
    return true;
}

static void name_bad_rows(const reading *r)
{
    mf_ratings_reader *reader = r->reader;
    mf_ratings_counts *counts = &reader->counts;
    for (const mf_bad_row *bad = next_bad_row(reader, NULL);
         bad != NULL && counts->n_named < MF_RATINGS_BAD_ROWS_NAMED;
         bad = next_bad_row(reader, bad)) {
        mf_error err = {0};
        mf_fail(&err, bad->error.code, place_of(r, bad), "%s", bad->error.text);
        if (counts->n_named == 0)
            reader->first_bad = err;
        char *text = counts->bad_rows[counts->n_named++];
        mf_printable(text, sizeof counts->bad_rows[0], err.text, strlen(err.text));
    }
}

bool mf_reader_fail_bad_rows(const mf_ratings_reader *reader, mf_error *err)
{
    if (reader->options.max_bad_rows == 0)
        return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "%s (max_bad_rows=… leaves such rows out)",
                       reader->first_bad.text);
    return mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                   "%s (the first of more bad rows than max_bad_rows=%llu allows)",
                   reader->first_bad.text, (unsigned long long)reader->options.max_bad_rows);
}

static bool fail_flaw(const reading *r, mf_error *err)
{
    const mf_where where = {r->name, first_line(r, r->reader->n_spans) + r->flawed.flaw_line,
                            r->blocks.cuts_objects ? 0 : r->flawed.flaw_column};
    const size_t limit = r->reader->options.max_row_bytes;
    switch (r->flawed.flaw) {
    case MF_FLAW_LONG_ROW:
        return mf_fail(err, MF_ERR_LIMIT, where, "the row is longer than %zu bytes", limit);
    case MF_FLAW_LONG_QUOTE:
        return mf_fail(err, MF_ERR_LIMIT, where,
                       "the row is longer than %zu bytes: the quote that opens here is not closed",
                       limit);
    case MF_FLAW_OPEN_QUOTE:
        return mf_fail(err, MF_ERR_PARSE, where,
                       "the quote that opens here is never closed (quoting=none reads quotes as "
                       "text)");
    case MF_FLAW_OPEN_OBJECT:
        return mf_fail(err, MF_ERR_PARSE, where, "the JSON object that begins here never ends");
    case MF_FLAW_NONE:
        break;
    }
    return true;
}

bool mf_reader_add_dialect(mf_ratings_reader *reader, const mf_dialect *dialect, uint32_t *number,
                           mf_error *err)
{
    char text[MF_DIALECT_TEXT_BYTES];
    char other[MF_DIALECT_TEXT_BYTES];
    mf_dialect_text(dialect, text);
    for (size_t d = 0; d < reader->n_dialects; d++)
        if (strcmp(text, mf_dialect_text(&reader->dialects[d], other)) == 0) {
            *number = (uint32_t)d;
            return true;
        }
    if (!MF_GROW(reader->dialects, reader->dialect_capacity, reader->n_dialects + 1, "dialects",
                 err))
        return false;
    reader->dialects[reader->n_dialects] = *dialect;
    *number = (uint32_t)reader->n_dialects++;
    return true;
}

bool mf_reader_reserve_file(mf_ratings_reader *reader, mf_error *err)
{
    const size_t n = reader->counts.n_files + 1;
    return MF_GROW(reader->files, reader->file_capacity, n, "files", err) &&
           MF_GROW(reader->flaws, reader->flaws_capacity, n, "files", err);
}

bool mf_reader_add_file(mf_ratings_reader *reader, const mf_file_facts *facts, mf_error *err)
{
    const size_t n_name = strlen(facts->name);
    char *name = mf_allocate(n_name + 1, 1, "a file's name", err);
    if (name == NULL)
        return false;
    memcpy(name, facts->name, n_name);
    mf_file_facts *own = &reader->files[reader->counts.n_files++];
    *own = *facts;
    own->name = name;
    return true;
}

/* The file is read: what its parsers met becomes the reading's. */
static bool add_file(const reading *r, uint32_t n_members, uint32_t dialect, mf_error *err)
{
    mf_ratings_reader *reader = r->reader;
    mf_file_facts facts = {.name = r->name,
                           .dialect = dialect,
                           .low = INFINITY,
                           .high = -INFINITY,
                           .first = (double)INFINITY,
                           .last = -(double)INFINITY};
    for (uint32_t t = 0; t < n_members; t++) {
        const mf_parser *p = &reader->parsers[t];
        facts.n_rows += p->counts.n_rows;
        facts.n_good += p->counts.n_rows - p->counts.n_bad_rows - p->counts.n_zero_weights -
                        p->counts.n_not_rated - p->counts.n_tombstones;
        facts.low = fminf(facts.low, p->low);
        facts.high = fmaxf(facts.high, p->high);
        facts.first = fmin(facts.first, p->first);
        facts.last = fmax(facts.last, p->last);
    }
    reader->counts.n_bytes += mf_source_bytes(r->blocks.source);
    return mf_reader_add_file(reader, &facts, err);
}

static void add_counts(mf_ratings_counts *counts, const mf_row_counts *more)
{
    counts->n_rows += more->n_rows;
    counts->n_bad_rows += more->n_bad_rows;
    counts->n_blank_rows += more->n_blank_rows;
    counts->n_header_rows += more->n_header_rows;
    counts->n_in_fields += more->n_in_fields;
    counts->n_zero_weights += more->n_zero_weights;
    counts->n_not_rated += more->n_not_rated;
    counts->n_timeless += more->n_timeless;
    counts->n_future += more->n_future;
    counts->n_tombstones += more->n_tombstones;
}

/* A MatrixMarket file has as many rows as it says. */
static bool check_matrix(const reading *r, uint64_t n_rows, mf_error *err)
{
    const mf_matrix_size *matrix = &r->dialect->head.matrix;
    return !matrix->is_known || n_rows == matrix->n_entries ||
           mf_fail(err, MF_ERR_PARSE, (mf_where){r->name, 0, 0},
                   "a MatrixMarket file that says it has %llu entries, but has %llu: give the "
                   "whole file, or correct its line of sizes",
                   (unsigned long long)matrix->n_entries, (unsigned long long)n_rows);
}

static bool read_rows(reading *r, mf_error *err)
{
    mf_ratings_reader *reader = r->reader;
    mf_ratings_counts *counts = &reader->counts;
    const uint64_t n_rows_before = counts->n_rows;
    uint32_t dialect = 0;
    const uint32_t n_named = counts->n_named;
    bool ok = mf_reader_reserve_file(reader, err) &&
              mf_reader_add_dialect(reader, r->dialect, &dialect, err);
    r->first_block = reader->n_spans;
    /* A file that is one block needs one thread. */
    const bool is_small =
        r->blocks.source_ended && r->blocks.end - r->blocks.begin <= reader->options.block_bytes;
    const uint32_t n_members = is_small ? 1 : reader->options.n_threads;
    for (uint32_t t = 0; ok && t < reader->options.n_threads; t++) {
        reader->parsers[t].counts = (mf_row_counts){0};
        reader->parsers[t].n_named = 0;
        if (t < n_members)
            ok = mf_parser_begin(&reader->parsers[t], r->dialect, err);
    }
    if (ok)
        mf_parallel_run(n_members, read_blocks, r);
    for (uint32_t t = 0; t < n_members; t++) {
        add_counts(counts, &reader->parsers[t].counts);
        mf_parser_end(&reader->parsers[t]);
    }
    if (!ok)
        return false;
    counts->n_header_rows += r->dialect->head.n_rows;
    counts->n_in_fields += r->dialect->head.n_in_fields;
    counts->n_blank_rows += r->dialect->head.n_blank;
    name_bad_rows(r);
    reader->flaws[counts->n_files] = (mf_file_flaws){r->n_bad_rows, counts->n_named - n_named};
    if (r->fatal.code == MF_ERR_MEMORY || r->fatal.code == MF_ERR_STOPPED)
        return mf_fail(err, r->fatal.code, MF_NOWHERE, "%s", r->fatal.text);
    if (!check_headers(r, err))
        return false;
    if (counts->n_bad_rows > reader->options.max_bad_rows)
        return mf_reader_fail_bad_rows(reader, err);
    if (r->fatal.code != MF_OK)
        return mf_fail(err, r->fatal.code, MF_NOWHERE, "%s", r->fatal.text);
    return fail_flaw(r, err) && check_matrix(r, counts->n_rows - n_rows_before, err) &&
           add_file(r, n_members, dialect, err);
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

/* A file, or with path NULL a descriptor, and what it begins with; to be closed also after a failure. */
static bool open_head(const char *path, int fd, const char *name, const mf_ratings_options *options,
                      mf_blocks *blocks, mf_error *err)
{
    *blocks = (mf_blocks){.source = mf_source_open(path, fd, name, options->encoding, err),
                          .block_bytes = options->block_bytes};
    return blocks->source != NULL && mf_blocks_peek(blocks, HEAD_BYTES, err);
}

static void close_blocks(mf_blocks *blocks)
{
    mf_blocks_clear(blocks);
    mf_source_close(blocks->source);
}

static bool read_by(mf_ratings_reader *reader, mf_blocks *blocks, const char *name,
                    const mf_dialect *dialect, mf_error *err)
{
    reading r = {.reader = reader,
                 .name = name,
                 .dialect = dialect,
                 .blocks = *blocks,
                 .lock = PTHREAD_MUTEX_INITIALIZER};
    r.blocks.begin = dialect->head.n_bytes;
    r.blocks.form = dialect->form;
    r.blocks.cuts_objects = dialect->text == MF_TEXT_JSON;
    const bool ok = read_rows(&r, err);
    *blocks = r.blocks;
    return ok;
}

static bool look_at(const mf_blocks *blocks, const mf_ratings_options *options, mf_look *look,
                    mf_error *err)
{
    if (!mf_dialect_detect(blocks->pending.bytes, blocks->end, blocks->source_ended, options, look,
                           err))
        return false;
    look->dialect.encoding = mf_source_encoding(blocks->source);
    /* The entries of a matrix are counted. */
    look->is_plain = mf_source_is_plain(blocks->source) && !look->dialect.head.matrix.is_known;
    return true;
}

bool mf_ratings_look(const char *path, const mf_ratings_options *options, mf_look *look,
                     mf_error *err)
{
    mf_blocks blocks;
    const bool ok =
        open_head(path, -1, path, options, &blocks, err) && look_at(&blocks, options, look, err);
    close_blocks(&blocks);
    return ok;
}

bool mf_ratings_look_like(const char *path, const mf_ratings_options *options,
                          const mf_dialect *like, mf_dialect *dialect, bool *fits, mf_error *err)
{
    mf_blocks blocks;
    const bool ok = open_head(path, -1, path, options, &blocks, err);
    if (ok) {
        *fits =
            mf_dialect_fits(blocks.pending.bytes, blocks.end, blocks.source_ended, like, dialect);
        dialect->encoding = mf_source_encoding(blocks.source);
    }
    close_blocks(&blocks);
    return ok;
}

static bool add(mf_ratings_reader *reader, const char *path, int fd, const char *name,
                mf_ratings_content *content, char reason[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    mf_blocks blocks;
    mf_look *look = mf_allocate(1, sizeof *look, "a file's look", err);
    bool ok = open_head(path, fd, name, &reader->options, &blocks, err) && look != NULL &&
              look_at(&blocks, &reader->options, look, err);
    if (ok) {
        *content = look->content;
        if (reason != NULL)
            memcpy(reason, look->reason, MF_RATINGS_REASON_BYTES);
        if (*content == MF_RATINGS_READ && !takes(reader, &look->dialect, path == NULL))
            *content = MF_RATINGS_NOT_RATINGS;
        if (*content == MF_RATINGS_READ)
            ok = read_by(reader, &blocks, name, &look->dialect, err);
    }
    close_blocks(&blocks);
    mf_free(look);
    return ok;
}

bool mf_ratings_reader_add(mf_ratings_reader *reader, const char *path, mf_ratings_content *content,
                           char reason[MF_RATINGS_REASON_BYTES], mf_error *err)
{
    return add(reader, path, -1, path, content, reason, err);
}

bool mf_ratings_reader_add_as(mf_ratings_reader *reader, const char *path,
                              const mf_dialect *dialect, mf_error *err)
{
    mf_blocks blocks;
    bool ok = open_head(path, -1, path, &reader->options, &blocks, err);
    if (ok && dialect->head.n_bytes > blocks.end)
        ok = mf_fail(err, MF_ERR_IO, (mf_where){path, 0, 0}, "the file was cut while it was read");
    ok = ok && read_by(reader, &blocks, path, dialect, err);
    close_blocks(&blocks);
    return ok;
}

bool mf_ratings_reader_add_range(mf_ratings_reader *reader, const char *path,
                                 const struct mf_dialect *dialect, uint64_t begin, uint64_t end,
                                 mf_error *err)
{
    mf_blocks blocks = {.source = mf_source_open(path, -1, path, MF_ENCODING_UTF8, err),
                        .block_bytes = reader->options.block_bytes};
    const bool ok = blocks.source != NULL && mf_source_limit(blocks.source, begin, end, err) &&
                    mf_blocks_peek(&blocks, HEAD_BYTES, err) &&
                    read_by(reader, &blocks, path, dialect, err);
    close_blocks(&blocks);
    return ok;
}

bool mf_ratings_reader_add_stream(mf_ratings_reader *reader, int fd, const char *name,
                                  mf_error *err)
{
    mf_ratings_content content;
    char reason[MF_RATINGS_REASON_BYTES];
    return add(reader, NULL, fd, name, &content, reason, err) &&
           (content == MF_RATINGS_READ ||
            mf_fail(err, MF_ERR_PARSE, (mf_where){name, 0, 0}, "these are no ratings: %s", reason));
}

const mf_file_facts *mf_ratings_reader_files(const mf_ratings_reader *reader, size_t *n)
{
    *n = reader->counts.n_files;
    return reader->files;
}

const mf_dialect *mf_ratings_reader_dialects(const mf_ratings_reader *reader, size_t *n)
{
    *n = reader->n_dialects;
    return reader->dialects;
}

uint32_t mf_ratings_reader_distinct(const mf_ratings_reader *reader)
{
    mf_values all = {0};
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        const mf_values *own = &reader->parsers[t].values;
        for (uint32_t i = 0; i < own->n && i < MF_VALUES_COUNTED; i++)
            mf_values_add(&all, own->bits[i]);
        if (own->n > MF_VALUES_COUNTED)
            return 0;
    }
    return all.n <= MF_VALUES_COUNTED ? all.n : 0;
}

void mf_ratings_reader_shared(const mf_ratings_reader *reader, mf_shared_rows *shared,
                              size_t n_most, size_t *n)
{
    *n = reader->shared != NULL ? mf_shared_top(reader->shared, shared, n_most) : 0;
}

void mf_ratings_reader_destroy(mf_ratings_reader *reader)
{
    if (reader == NULL)
        return;
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        if (reader->parsers != NULL)
            mf_parser_clear(&reader->parsers[t]);
        if (reader->buffers != NULL)
            mf_buffer_free(&reader->buffers[t]);
    }
    for (uint64_t f = 0; f < reader->counts.n_files; f++)
        mf_free(reader->files[f].name);
    mf_free(reader->files);
    mf_free(reader->flaws);
    mf_free(reader->dialects);
    mf_free(reader->shared);
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
