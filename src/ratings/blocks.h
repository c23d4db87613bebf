/* blocks.h: a source cut into blocks of whole rows.
 *
 * A block is about block_bytes long; a row that does not fit makes its block
 * longer, up to max_row_bytes. Where the cuts fall changes nothing that a reader
 * of the blocks can see in the ratings, the counts or the messages.
 *
 * Threads: one at a time; the buffers are the callers'. */
#ifndef MF_RATINGS_BLOCKS_H
#define MF_RATINGS_BLOCKS_H

#include "base/error.h"
#include "ratings/cutter.h"
#include "ratings/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that grows with what it has to hold. All zero bytes is empty. */
typedef struct mf_buffer {
    char *bytes;
    size_t capacity;
} mf_buffer;

void mf_buffer_free(mf_buffer *buffer);

typedef struct mf_blocks {
    mf_source *source; /* borrowed */
    mf_csv_form form;
    bool cuts_objects; /* the text is JSON objects that may cross line ends */
    size_t block_bytes;
    mf_buffer pending; /* read and not yet given out: [begin, end) */
    size_t begin, end;
    bool source_ended;
    bool ended;
} mf_blocks;

/* What the text begins with, at most n_bytes of it: pending.bytes[begin .. end).
 * The caller may move `begin` over what is not rows. */
MF_MUST_CHECK bool mf_blocks_peek(mf_blocks *blocks, size_t n_bytes, mf_error *err);

/* So many bytes behind a block may be read. */
enum { MF_BLOCK_READABLE = 16 };

/* A block, at the front of a buffer. */
typedef struct mf_block {
    size_t n_bytes;       /* whole rows */
    size_t n_seen;        /* bytes of the text in the buffer, the block's and what follows it */
    bool is_last;         /* the text ends behind n_seen */
    mf_flaw flaw;         /* of the row that follows the block; then this is the last block */
    uint64_t flaw_line;   /* line ends between the block's end and the place that the flaw names */
    uint64_t flaw_column; /* (from 1) of that place on its line */
} mf_block;

/* The next block, into the buffer. No bytes and no flaw: the end. Fails as mf_source_read. */
MF_MUST_CHECK bool mf_blocks_next(mf_blocks *blocks, mf_buffer *buffer, mf_block *block,
                                  mf_error *err);

void mf_blocks_clear(mf_blocks *blocks);

#endif
