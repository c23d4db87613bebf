/* part_format.h: the facts of a host as bytes, between part.c and join.c.
 *
 *   mf_part_header
 *   mf_part_piece_facts [n_pieces]
 *   mf_dialect [n_dialects]
 *   and without a failure:
 *   mf_span [n_spans] in the order of the pieces; span.file is the place among them
 *   uint64_t [n_users + 1], uint64_t [n_users], n_user_bytes bytes: mf_id_map.start, .first, .bytes
 *   the same of items
 *   mf_tombstone [n_tombstones]
 *
 * Each element of pieces, spans and tombstones, and each array, is padded to MF_PART_ALIGNMENT, as are
 * the codes of each span in a column's bytes. Pointers are NULL. */
#ifndef MF_RATINGS_PART_FORMAT_H
#define MF_RATINGS_PART_FORMAT_H

#include "base/error.h"
#include "ratings/part.h"
#include "ratings/ratings.h"
#include "ratings/reader_state.h"

#include <stdint.h>

enum { MF_PART_ALIGNMENT = 64 };

typedef struct mf_part_header {
    uint64_t n_pieces, n_dialects, n_spans, n_tombstones;
    uint64_t n_users, n_user_bytes;
    uint64_t n_items, n_item_bytes;
    mf_ratings_counts counts;
    mf_error first_bad; /* of counts.bad_rows, not cut short */
    mf_error failure;   /* of the last piece */
    mf_values values;
} mf_part_header;

typedef struct mf_part_piece_facts {
    mf_part_piece piece;
    mf_file_facts file;
    mf_file_flaws flaws;
} mf_part_piece_facts;

#endif
