/* part.h: one reading that several hosts share.
 *
 * Each host reads some of the pieces (files, or ranges of files) into a reader of its own. From what
 * all of them have read, every host makes the reader that has read everything itself:
 *
 *   mf_part_facts    this host: ids, what each piece and each block is, counts, bad rows
 *   mf_join_create   from the facts of all hosts
 *   mf_part_column   this host: the codes (store.h) of a column of all blocks
 *   mf_join_column   from the codes of all hosts; for every column
 *   mf_ratings_reader_finish, as ever
 *
 * (1) The joined reader is that of one host that has read the pieces in the order of their numbers:
 *     the same indexes, repeated pairs, counts and errors, however the pieces were dealt out.
 * (2) Hosts are to it what threads are to a reader: an id's place is (block, row), and blocks are
 *     numbered anew over all pieces.
 * (3) The error is that of the first piece that has one, also when others have failed elsewhere.
 *
 * The bytes are for hosts of one program version, as the caller sees to.
 *
 * Memory: the ids of a host as many times as hosts have met them; of the codes, those of this host
 * twice for one column. Cost: two passes over this host's users and items where threads have numbered
 * them, then 0.1 us per id. */
#ifndef MF_RATINGS_PART_H
#define MF_RATINGS_PART_H

#include "base/error.h"
#include "ratings/ratings.h"
#include "ratings/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file of this host's reader is among all. */
typedef struct mf_part_piece {
    uint64_t number; /* among all pieces of all hosts, by which they are ordered */
    uint32_t file;   /* number among the files, in the same order */
    bool is_more;    /* of a file whose beginning is another piece */
} mf_part_piece;

/* Bytes of one host; all zero is none. */
typedef struct mf_part_bytes {
    uint8_t *bytes; /* mf_free */
    size_t n, capacity;
} mf_part_bytes;

/* piece [n_pieces]: what the reader has read, in ascending order, and last what it has failed on
 * when `failure` is not NULL. Fails MF_ERR_MEMORY, and as mf_ratings_reader_finish by too many ids. */
MF_MUST_CHECK bool mf_part_facts(mf_ratings_reader *reader, const mf_part_piece *piece,
                                 size_t n_pieces, const mf_error *failure, mf_part_bytes *bytes,
                                 mf_error *err);

/* After mf_part_facts, each column once: its codes are the reader's no more. Fails MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_part_column(mf_ratings_reader *reader, mf_column column, mf_part_bytes *bytes,
                                  mf_error *err);

/* What all hosts have sent, in rank order: that of host h is bytes[start[h] … start[h + 1]). */
typedef struct mf_join_input {
    uint32_t n_hosts; /* at most 512 */
    const uint8_t *bytes;
    const size_t *start;          /* [n_hosts + 1] */
    const char *const *file_name; /* by mf_part_piece.file */
    size_t n_files;
    const char *const *host_name; /* [n_hosts] to name before bad rows; NULL: not named */
} mf_join_input;

/* NULL and MF_ERR_PARSE, MF_ERR_LIMIT as mf_ratings_reader_add says: then *blamed is the host whose
 * row or file it is. MF_ERR_IO: bytes that no host of this version sends; MF_ERR_MEMORY. */
mf_ratings_reader *mf_join_create(const mf_ratings_options *options, const mf_join_input *input,
                                  uint32_t *blamed, mf_error *err);

/* bytes (of mf_allocate) are the reader's from then on, also after a failure. Fails MF_ERR_IO,
 * MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_join_column(mf_ratings_reader *reader, mf_column column, uint8_t *bytes,
                                  const size_t *start, mf_error *err);

#endif
