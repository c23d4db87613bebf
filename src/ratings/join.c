/* join.c: the facts of all hosts to one reader, piece after piece. */
#include "base/grow.h"
#include "ratings/parallel.h"
#include "ratings/part.h"
#include "ratings/part_format.h"
#include "ratings/reader_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The facts of one host, as views. */
typedef struct host {
    const uint8_t *at, *end; /* not yet taken */
    const mf_part_header *header;
    const uint8_t *pieces, *spans, *tombstones;
    const mf_dialect *dialects;
    const uint64_t *start[2], *first[2]; /* of users, of items */
    const uint8_t *ids[2];
    uint64_t next_span;
    uint32_t next_named;
    uint64_t *block; /* [header->n_spans] the number of each among all */
} host;

/* A piece of some host. */
typedef struct join_piece {
    uint64_t number;
    uint32_t host;
    const mf_part_piece_facts *facts;
} join_piece;

typedef struct joining {
    const mf_join_input *in;
    mf_ratings_reader *reader;
    host *hosts;
    join_piece *pieces; /* [n_pieces] by number */
    size_t n_pieces;
    mf_error id_error[2];
} joining;

static size_t padded(size_t n)
{
    return (n + MF_PART_ALIGNMENT - 1) / MF_PART_ALIGNMENT * MF_PART_ALIGNMENT;
}

/* The next n elements that are padded to `size` bytes each; NULL: there are not so many. */
static const void *take(host *h, uint64_t n, size_t size)
{
    const void *place = h->at;
    const size_t n_left = h->at != NULL ? (size_t)(h->end - h->at) : 0;
    if (h->at == NULL || n > n_left / size || padded((size_t)n * size) > n_left) {
        h->at = NULL;
        return NULL;
    }
    h->at += padded((size_t)n * size);
    return place;
}

static void take_ids(host *h, int kind, uint64_t n, uint64_t n_bytes)
{
    h->start[kind] = take(h, n + 1, sizeof(uint64_t));
    h->first[kind] = take(h, n, sizeof(uint64_t));
    h->ids[kind] = take(h, n_bytes, 1);
}

static bool decode(host *h)
{
    const mf_part_header *header = h->header = take(h, 1, sizeof *header);
    if (header == NULL)
        return false;
    h->pieces = take(h, header->n_pieces, padded(sizeof(mf_part_piece_facts)));
    h->dialects = take(h, header->n_dialects, sizeof *h->dialects);
    if (h->at != NULL && header->failure.code == MF_OK) {
        h->spans = take(h, header->n_spans, padded(sizeof(mf_span)));
        take_ids(h, 0, header->n_users, header->n_user_bytes);
        take_ids(h, 1, header->n_items, header->n_item_bytes);
        h->tombstones = take(h, header->n_tombstones, padded(sizeof(mf_tombstone)));
    }
    return h->at == h->end && header->n_users < MF_INDEX_NONE && header->n_items < MF_INDEX_NONE;
}

static const mf_part_piece_facts *piece_of(const host *h, uint64_t p)
{
    return (const void *)(h->pieces + p * padded(sizeof(mf_part_piece_facts)));
}

static const mf_span *span_of(const host *h, uint64_t s)
{
    return (const void *)(h->spans + s * padded(sizeof(mf_span)));
}

static int by_number(const void *a, const void *b)
{
    const join_piece *left = a;
    const join_piece *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static bool fail_bytes(mf_error *err)
{
    return mf_fail(err, MF_ERR_IO, MF_NOWHERE, "what another host has read cannot be understood");
}

static bool decode_all(joining *j, mf_error *err)
{
    const mf_join_input *in = j->in;
    j->hosts = mf_allocate(in->n_hosts, sizeof *j->hosts, "what the hosts have read", err);
    if (j->hosts == NULL)
        return false;
    for (uint32_t h = 0; h < in->n_hosts; h++) {
        j->hosts[h].at = in->bytes + in->start[h];
        j->hosts[h].end = in->bytes + in->start[h + 1];
        if (!decode(&j->hosts[h]))
            return fail_bytes(err);
        j->n_pieces += j->hosts[h].header->n_pieces;
    }
    j->pieces = mf_allocate(j->n_pieces, sizeof *j->pieces, "pieces", err);
    if (j->pieces == NULL)
        return false;
    size_t n = 0;
    for (uint32_t h = 0; h < in->n_hosts; h++)
        for (uint64_t p = 0; p < j->hosts[h].header->n_pieces; p++) {
            const mf_part_piece_facts *facts = piece_of(&j->hosts[h], p);
            if (facts->piece.file >= in->n_files)
                return fail_bytes(err);
            j->pieces[n++] = (join_piece){facts->piece.number, h, facts};
        }
    if (n > 0)
        qsort(j->pieces, n, sizeof *j->pieces, by_number);
    return true;
}

/* The piece's bad rows that are named become those of the reading. */
static void name_bad_rows(joining *j, const join_piece *piece)
{
    mf_ratings_counts *counts = &j->reader->counts;
    host *h = &j->hosts[piece->host];
    const char *const *name = j->in->host_name;
    for (uint32_t i = 0; i < piece->facts->flaws.n_named; i++) {
        const uint32_t from = h->next_named++;
        if (from >= MF_RATINGS_BAD_ROWS_NAMED || counts->n_named == MF_RATINGS_BAD_ROWS_NAMED)
            return;
        char text[2 * sizeof counts->bad_rows[0]];
        const int n =
            snprintf(text, sizeof text, "%s%s%.255s", name != NULL ? name[piece->host] : "",
                     name != NULL ? ": " : "", h->header->counts.bad_rows[from]);
        mf_printable(counts->bad_rows[counts->n_named++], sizeof counts->bad_rows[0], text,
                     (size_t)n);
    }
}

/* (3) */
static bool check_pieces(joining *j, uint32_t *blamed, mf_error *err)
{
    mf_ratings_reader *reader = j->reader;
    uint64_t n_bad = 0;
    bool any_bad = false;
    for (size_t i = 0; j->pieces != NULL && i < j->n_pieces; i++) {
        const join_piece *piece = &j->pieces[i];
        const mf_part_header *header = j->hosts[piece->host].header;
        const bool is_last = piece->facts == piece_of(&j->hosts[piece->host], header->n_pieces - 1);
        if (!any_bad && piece->facts->flaws.n_named > 0) {
            any_bad = true;
            reader->first_bad = header->first_bad;
            *blamed = piece->host;
        }
        name_bad_rows(j, piece);
        n_bad += piece->facts->flaws.n_bad_rows;
        if (n_bad > reader->options.max_bad_rows)
            return mf_reader_fail_bad_rows(reader, err);
        if (is_last && header->failure.code != MF_OK) {
            *blamed = piece->host;
            return mf_fail_again(err, &header->failure);
        }
    }
    return true;
}

static void add_counts(mf_ratings_counts *to, const mf_ratings_counts *from)
{
    to->n_bytes += from->n_bytes;
    to->n_rows += from->n_rows;
    to->n_bad_rows += from->n_bad_rows;
    to->n_blank_rows += from->n_blank_rows;
    to->n_header_rows += from->n_header_rows;
    to->n_in_fields += from->n_in_fields;
    to->n_zero_weights += from->n_zero_weights;
    to->n_not_rated += from->n_not_rated;
    to->n_tombstones += from->n_tombstones;
    to->n_timeless += from->n_timeless;
    to->n_future += from->n_future;
}

/* A file, or what another piece of one adds to it. */
static bool add_piece(joining *j, const join_piece *piece, mf_error *err)
{
    mf_ratings_reader *reader = j->reader;
    const host *h = &j->hosts[piece->host];
    mf_file_facts facts = piece->facts->file;
    if (facts.dialect >= h->header->n_dialects)
        return fail_bytes(err);
    if (piece->facts->piece.is_more && reader->counts.n_files > 0) {
        mf_file_facts *file = &reader->files[reader->counts.n_files - 1];
        file->n_rows += facts.n_rows;
        file->n_good += facts.n_good;
        file->low = fminf(file->low, facts.low);
        file->high = fmaxf(file->high, facts.high);
        file->first = fmin(file->first, facts.first);
        file->last = fmax(file->last, facts.last);
        return true;
    }
    facts.name = j->in->file_name[piece->facts->piece.file];
    return mf_reader_add_dialect(reader, &h->dialects[facts.dialect], &facts.dialect, err) &&
           mf_reader_reserve_file(reader, err) && mf_reader_add_file(reader, &facts, err);
}

/* The piece's blocks, behind those of pieces before it. */
static bool add_spans(joining *j, const join_piece *piece, mf_error *err)
{
    mf_ratings_reader *reader = j->reader;
    host *h = &j->hosts[piece->host];
    const uint64_t n = h->header->n_spans;
    const uint64_t place =
        (uint64_t)((const uint8_t *)piece->facts - h->pieces) / padded(sizeof(mf_part_piece_facts));
    for (; h->next_span < n && span_of(h, h->next_span)->file == place; h->next_span++) {
        if (!MF_GROW(reader->spans, reader->span_capacity, reader->n_spans + 1, "blocks", err))
            return false;
        mf_span *span = &reader->spans[reader->n_spans];
        *span = *span_of(h, h->next_span);
        span->reader = piece->host;
        span->file = (uint32_t)(reader->counts.n_files - 1);
        h->block[h->next_span] = reader->n_spans++;
    }
    return true;
}

static bool add_pieces(joining *j, mf_error *err)
{
    for (uint32_t h = 0; h < j->in->n_hosts; h++) {
        host *from = &j->hosts[h];
        from->block = mf_allocate(from->header->n_spans, sizeof *from->block, "blocks", err);
        if (from->block == NULL)
            return false;
        add_counts(&j->reader->counts, &from->header->counts);
    }
    for (size_t i = 0; i < j->n_pieces; i++)
        if (!add_piece(j, &j->pieces[i], err) || !add_spans(j, &j->pieces[i], err))
            return false;
    for (uint32_t h = 0; h < j->in->n_hosts; h++)
        if (j->hosts[h].next_span != j->hosts[h].header->n_spans)
            return fail_bytes(err);
    return true;
}

/* The ids that a host has met, each at its place among all blocks. */
static bool add_ids(const host *h, int kind, uint64_t n, uint64_t n_bytes, mf_id_map *map,
                    mf_error *err)
{
    const uint64_t *start = h->start[kind];
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t block = h->first[kind][i] >> 32;
        if (start[i] > start[i + 1] || start[i + 1] > n_bytes || block >= h->header->n_spans)
            return fail_bytes(err);
        const uint64_t first = h->block[block] << 32 | (uint32_t)h->first[kind][i];
        if (mf_id_map_add(map, (const char *)h->ids[kind] + start[i], start[i + 1] - start[i],
                          first, err) == MF_INDEX_NONE)
            return false;
    }
    return true;
}

static void add_all_ids(void *context, uint32_t kind)
{
    joining *j = context;
    bool ok = true;
    for (uint32_t h = 0; ok && h < j->in->n_hosts; h++) {
        const mf_part_header *header = j->hosts[h].header;
        mf_parser *parser = &j->reader->parsers[h];
        ok = kind == 0 ? add_ids(&j->hosts[h], 0, header->n_users, header->n_user_bytes,
                                 &parser->users, &j->id_error[0])
                       : add_ids(&j->hosts[h], 1, header->n_items, header->n_item_bytes,
                                 &parser->items, &j->id_error[1]);
    }
}

static bool add_rest(joining *j, mf_error *err)
{
    mf_parallel_run(2, add_all_ids, j);
    for (int kind = 0; kind < 2; kind++)
        if (j->id_error[kind].code != MF_OK)
            return mf_fail_again(err, &j->id_error[kind]);
    for (uint32_t h = 0; h < j->in->n_hosts; h++) {
        const host *from = &j->hosts[h];
        mf_parser *parser = &j->reader->parsers[h];
        parser->values = from->header->values;
        for (uint64_t i = 0; i < from->header->n_tombstones; i++) {
            const mf_tombstone *tombstone =
                (const void *)(from->tombstones + i * padded(sizeof *tombstone));
            if (!mf_tombstones_add(&parser->tombstones, mf_cell_view(&tombstone->user),
                                   tombstone->until, err))
                return false;
        }
    }
    return true;
}

/* A reader whose parsers are hosts. */
static mf_ratings_reader *create(const mf_ratings_options *options, uint32_t n_hosts, mf_error *err)
{
    if (n_hosts > MF_READERS_MOST) {
        mf_fail(err, MF_ERR_LIMIT, MF_NOWHERE, "more than %d hosts", MF_READERS_MOST);
        return NULL;
    }
    mf_ratings_reader *reader = mf_ratings_reader_create(options, err);
    if (reader == NULL)
        return NULL;
    mf_free(reader->parsers);
    mf_free(reader->buffers);
    reader->n_parsers = n_hosts;
    reader->parsers = mf_allocate(n_hosts, sizeof *reader->parsers, "parsers", err);
    reader->buffers = mf_allocate(n_hosts, sizeof *reader->buffers, "parsers", err);
    if (reader->parsers != NULL && reader->buffers != NULL)
        return reader;
    mf_ratings_reader_destroy(reader);
    return NULL;
}

mf_ratings_reader *mf_join_create(const mf_ratings_options *options, const mf_join_input *input,
                                  uint32_t *blamed, mf_error *err)
{
    joining j = {.in = input, .reader = create(options, input->n_hosts, err)};
    *blamed = 0;
    const bool ok = j.reader != NULL && decode_all(&j, err) && check_pieces(&j, blamed, err) &&
                    add_pieces(&j, err) && add_rest(&j, err);
    for (uint32_t h = 0; j.hosts != NULL && h < input->n_hosts; h++)
        mf_free(j.hosts[h].block);
    mf_free(j.hosts);
    mf_free(j.pieces);
    if (ok)
        return j.reader;
    mf_ratings_reader_destroy(j.reader);
    return NULL;
}

bool mf_join_column(mf_ratings_reader *reader, mf_column column, uint8_t *bytes,
                    const size_t *start, mf_error *err)
{
    bool ok = false;
    uint32_t n_columns = 0;
    size_t *next = mf_allocate(reader->n_parsers, sizeof *next, "codes of hosts", err);
    for (uint64_t s = 0; s < reader->n_spans; s++)
        n_columns += mf_packed_bytes(&reader->spans[s].column[column], reader->spans[s].n) > 0;
    struct mf_chunk *chunk =
        mf_store_adopt(&reader->parsers[0].store, column, bytes, n_columns, err);
    if (next == NULL || chunk == NULL)
        goto done;
    for (uint32_t h = 0; h < reader->n_parsers; h++)
        next[h] = start[h];
    for (uint64_t s = 0; s < reader->n_spans; s++) {
        mf_span *span = &reader->spans[s];
        mf_packed *packed = &span->column[column];
        const size_t n = mf_packed_bytes(packed, span->n);
        if (n == 0)
            continue;
        if (start[span->reader + 1] - next[span->reader] < n) {
            fail_bytes(err);
            goto done;
        }
        packed->codes = bytes + next[span->reader];
        packed->chunk = chunk;
        next[span->reader] += padded(n);
    }
    ok = true;
done:
    mf_free(next);
    return ok;
}
