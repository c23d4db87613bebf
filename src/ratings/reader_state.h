/* reader_state.h: what a reader is, for reader.c, finish.c and part.c. */
#ifndef MF_RATINGS_READER_STATE_H
#define MF_RATINGS_READER_STATE_H

#include "base/error.h"
#include "ratings/blocks.h"
#include "ratings/dialect.h"
#include "ratings/id_map.h"
#include "ratings/parse.h"
#include "ratings/ratings.h"
#include "ratings/shared.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Whose local indexes there can be: threads of one host, or hosts. */
enum { MF_READERS_MOST = 512 };

/* The bad rows of one of the reading's files. */
typedef struct mf_file_flaws {
    uint64_t n_bad_rows;
    uint32_t n_named; /* how many of them are in counts.bad_rows */
} mf_file_flaws;

struct mf_ratings_reader {
    mf_ratings_options options;
    uint32_t n_parsers; /* the threads that read; of a joined reading (part.h) the hosts */
    mf_parser *parsers; /* [n_parsers] */
    mf_buffer *buffers; /* [n_parsers] */
    mf_span *spans;     /* [n_spans] by block number */
    uint64_t n_spans;
    size_t span_capacity;
    mf_ratings_counts counts;
    mf_error first_bad;   /* the first bad row of all files */
    mf_file_facts *files; /* [counts.n_files]; their names are ours */
    size_t file_capacity;
    mf_file_flaws *flaws; /* [counts.n_files], after a failure one more */
    size_t flaws_capacity;
    mf_dialect *dialects; /* [n_dialects] no two with the same text */
    size_t n_dialects, dialect_capacity;
    mf_shared *shared; /* NULL: a single file, or nothing is repeated */
};

/* The two kinds of ids of all parsers, merged side by side. All zero bytes at first. */
typedef struct mf_merged_ids {
    mf_ratings_reader *reader;
    uint32_t *user_index[MF_READERS_MOST]; /* NULL: local indexes are the final ones */
    uint32_t *item_index[MF_READERS_MOST];
    mf_id_map users, items;
    mf_error user_error, item_error;
} mf_merged_ids;

/* Merges the ids of reader->parsers, whose maps are empty afterwards. Fails as mf_id_map_merge. */
MF_MUST_CHECK bool mf_reader_merge_ids(mf_ratings_reader *reader, mf_merged_ids *merged,
                                       mf_error *err);
void mf_merged_ids_clear(mf_merged_ids *merged);

/* Adds a file, whose name is copied; its place is there already (mf_reader_reserve_file). */
MF_MUST_CHECK bool mf_reader_add_file(mf_ratings_reader *reader, const mf_file_facts *facts,
                                      mf_error *err);
MF_MUST_CHECK bool mf_reader_reserve_file(mf_ratings_reader *reader, mf_error *err);

/* Number of the dialect among the reader's, to which it is added if it is new. */
MF_MUST_CHECK bool mf_reader_add_dialect(mf_ratings_reader *reader, const mf_dialect *dialect,
                                         uint32_t *number, mf_error *err);

/* More bad rows than max_bad_rows: the error that first_bad makes. */
bool mf_reader_fail_bad_rows(const mf_ratings_reader *reader, mf_error *err);

#endif
