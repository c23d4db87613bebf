/* part.c: what a host has read, as bytes. join.c reads them. */
#include "ratings/part.h"

#include "base/grow.h"
#include "ratings/parallel.h"
#include "ratings/part_format.h"
#include "ratings/reader_state.h"

#include <string.h>

static size_t padded(size_t n)
{
    return (n + MF_PART_ALIGNMENT - 1) / MF_PART_ALIGNMENT * MF_PART_ALIGNMENT;
}

/* Where n_bytes more are to be written, padded. */
static void *append(mf_part_bytes *to, size_t n_bytes, mf_error *err)
{
    if (!MF_GROW(to->bytes, to->capacity, to->n + padded(n_bytes) + MF_PART_ALIGNMENT,
                 "what this host has read", err))
        return NULL;
    void *place = to->bytes + to->n;
    memset(place, 0, padded(n_bytes));
    to->n += padded(n_bytes);
    return place;
}

static bool put(mf_part_bytes *to, const void *from, size_t n_bytes, mf_error *err)
{
    void *place = append(to, n_bytes, err);
    if (place != NULL && n_bytes > 0)
        memcpy(place, from, n_bytes);
    return place != NULL;
}

/* One kind of ids of all spans: the threads' indexes become those of the host. */
typedef struct renumbering {
    mf_ratings_reader *reader;
    mf_merged_ids *ids;
    mf_store *store; /* of the new codes */
    uint32_t n_longest;
    mf_error err[2];
} renumbering;

static bool renumber_column(renumbering *r, mf_column column, uint32_t **index, mf_error *err)
{
    uint32_t *values = mf_allocate(r->n_longest, sizeof *values, "rows", err);
    bool ok = values != NULL;
    for (uint64_t s = 0; ok && s < r->reader->n_spans; s++) {
        mf_span *span = &r->reader->spans[s];
        mf_packed packed;
        if (index[span->reader] == NULL || span->n == 0)
            continue;
        mf_unpack(&span->column[column], span->n, values);
        for (uint32_t row = 0; row < span->n; row++)
            values[row] = index[span->reader][values[row]];
        ok = mf_store_pack(r->store, column, values, span->n, &packed, err);
        if (ok) {
            mf_store_release(&span->column[column]);
            span->column[column] = packed;
        }
    }
    mf_free(values);
    return ok;
}

static void renumber(void *context, uint32_t member)
{
    renumbering *r = context;
    if (member == 0)
        renumber_column(r, MF_COLUMN_USER, r->ids->user_index, &r->err[0]);
    else
        renumber_column(r, MF_COLUMN_ITEM, r->ids->item_index, &r->err[1]);
}

/* The reader as one that one thread has filled: all ids are the first parser's. */
static bool merge_threads(mf_ratings_reader *reader, mf_error *err)
{
    mf_parser *first = &reader->parsers[0];
    mf_merged_ids ids = {0};
    renumbering r = {.reader = reader, .ids = &ids, .store = &first->store};
    for (uint64_t s = 0; s < reader->n_spans; s++)
        r.n_longest = reader->spans[s].n > r.n_longest ? reader->spans[s].n : r.n_longest;
    bool ok = mf_reader_merge_ids(reader, &ids, err);
    if (ok) {
        mf_parallel_run(2, renumber, &r);
        for (uint32_t k = 0; k < 2; k++)
            ok = ok && (r.err[k].code == MF_OK || mf_fail_again(err, &r.err[k]));
    }
    for (uint64_t s = 0; ok && s < reader->n_spans; s++)
        reader->spans[s].reader = 0;
    if (ok) {
        first->users = ids.users;
        first->items = ids.items;
        ids.users = ids.items = (mf_id_map){0};
    }
    mf_merged_ids_clear(&ids);
    return ok;
}

static bool put_ids(mf_part_bytes *to, const mf_id_map *ids, mf_error *err)
{
    static const uint64_t none = 0;
    const uint64_t *start = ids->n > 0 ? ids->start : &none;
    return put(to, start, ((size_t)ids->n + 1) * sizeof *start, err) &&
           put(to, ids->first, ids->n * sizeof *ids->first, err) &&
           put(to, ids->bytes, start[ids->n], err);
}

static uint32_t dialect_of(const mf_ratings_reader *reader, size_t piece)
{
    return piece < reader->counts.n_files ? reader->files[piece].dialect : 0;
}

static bool put_pieces(mf_part_bytes *to, const mf_ratings_reader *reader,
                       const mf_part_piece *piece, size_t n_pieces, mf_error *err)
{
    for (size_t p = 0; p < n_pieces; p++) {
        mf_part_piece_facts facts = {.piece = piece[p]};
        if (p < reader->counts.n_files)
            facts.file = reader->files[p];
        if (p < reader->flaws_capacity)
            facts.flaws = reader->flaws[p];
        facts.file.name = NULL;
        facts.file.dialect = dialect_of(reader, p);
        if (!put(to, &facts, sizeof facts, err))
            return false;
    }
    return true;
}

static bool put_spans(mf_part_bytes *to, const mf_ratings_reader *reader, mf_error *err)
{
    for (uint64_t s = 0; s < reader->n_spans; s++) {
        mf_span span = reader->spans[s];
        for (int column = 0; column < MF_COLUMNS; column++) {
            span.column[column].chunk = NULL;
            span.column[column].codes = NULL;
        }
        if (!put(to, &span, sizeof span, err))
            return false;
    }
    return true;
}

static bool put_tombstones(mf_part_bytes *to, const mf_ratings_reader *reader, uint64_t *n,
                           mf_error *err)
{
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        const mf_tombstones *list = &reader->parsers[t].tombstones;
        *n += list->n;
        for (size_t i = 0; i < list->n; i++)
            if (!put(to, &list->tombstone[i], sizeof list->tombstone[i], err))
                return false;
    }
    return true;
}

static void add_values(const mf_ratings_reader *reader, mf_values *all)
{
    for (uint32_t t = 0; t < reader->n_parsers; t++) {
        const mf_values *own = &reader->parsers[t].values;
        for (uint32_t i = 0; i < own->n && i < MF_VALUES_COUNTED; i++)
            mf_values_add(all, own->bits[i]);
        if (own->n > MF_VALUES_COUNTED)
            all->n = own->n;
    }
}

bool mf_part_facts(mf_ratings_reader *reader, const mf_part_piece *piece, size_t n_pieces,
                   const mf_error *failure, mf_part_bytes *to, mf_error *err)
{
    const mf_parser *first = &reader->parsers[0];
    mf_part_header *header = mf_allocate(1, sizeof *header, "what this host has read", err);
    if (header == NULL)
        return false;
    header->n_pieces = n_pieces;
    header->n_dialects = reader->n_dialects;
    header->counts = reader->counts;
    header->first_bad = reader->first_bad;
    if (failure != NULL)
        header->failure = *failure;
    bool ok = failure != NULL || merge_threads(reader, err);
    if (failure == NULL) {
        header->n_spans = reader->n_spans;
        header->n_users = first->users.n;
        header->n_items = first->items.n;
        header->n_user_bytes = first->users.n > 0 ? first->users.start[first->users.n] : 0;
        header->n_item_bytes = first->items.n > 0 ? first->items.start[first->items.n] : 0;
        add_values(reader, &header->values);
    }
    ok = ok && put(to, header, sizeof *header, err) &&
         put_pieces(to, reader, piece, n_pieces, err) &&
         put(to, reader->dialects, reader->n_dialects * sizeof *reader->dialects, err);
    if (ok && failure == NULL) {
        uint64_t n_tombstones = 0;
        ok = put_spans(to, reader, err) && put_ids(to, &first->users, err) &&
             put_ids(to, &first->items, err) && put_tombstones(to, reader, &n_tombstones, err);
        if (ok) {
            header->n_tombstones = n_tombstones;
            memcpy(to->bytes, header, sizeof *header);
        }
    }
    mf_free(header);
    return ok;
}

bool mf_part_column(mf_ratings_reader *reader, mf_column column, mf_part_bytes *to, mf_error *err)
{
    size_t n_bytes = 0;
    for (uint64_t s = 0; s < reader->n_spans; s++)
        n_bytes += padded(mf_packed_bytes(&reader->spans[s].column[column], reader->spans[s].n));
    *to = (mf_part_bytes){.bytes = mf_allocate(n_bytes, 1, "what this host has read", err),
                          .capacity = n_bytes};
    if (to->bytes == NULL)
        return false;
    for (uint64_t s = 0; s < reader->n_spans; s++) {
        mf_packed *packed = &reader->spans[s].column[column];
        const size_t n = mf_packed_bytes(packed, reader->spans[s].n);
        if (n > 0)
            memcpy(to->bytes + to->n, packed->codes, n);
        to->n += padded(n);
        mf_store_release(packed);
    }
    return true;
}
