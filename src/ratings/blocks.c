/* blocks.c: a block is read, cut at its last whole row, and read longer when there is none.
 *
 * What was read beyond a cut waits in `pending` for the next block. */
#include "ratings/blocks.h"

#include "base/memory.h"

#include <string.h>

static bool reserve(mf_buffer *buffer, size_t n_bytes, mf_error *err)
{
    if (buffer->capacity >= n_bytes)
        return true;
    if (!mf_reallocate((void **)&buffer->bytes, buffer->capacity, n_bytes, 1, "a block of CSV",
                       err))
        return false;
    buffer->capacity = n_bytes;
    return true;
}

void mf_buffer_free(mf_buffer *buffer)
{
    mf_free(buffer->bytes);
    *buffer = (mf_buffer){0};
}

bool mf_blocks_peek(mf_blocks *blocks, size_t n_bytes, mf_error *err)
{
    if (!reserve(&blocks->pending, n_bytes, err) ||
        !mf_source_read(blocks->source, blocks->pending.bytes, n_bytes, &blocks->end, err))
        return false;
    blocks->begin = 0;
    blocks->source_ended = blocks->end < n_bytes;
    return true;
}

/* Appends to bytes[*n_bytes .. wanted) from what is pending, then from the source. */
static bool fill(mf_blocks *blocks, char *bytes, size_t *n_bytes, size_t wanted, mf_error *err)
{
    const size_t n_pending = blocks->end - blocks->begin;
    const size_t n = n_pending < wanted - *n_bytes ? n_pending : wanted - *n_bytes;
    if (n > 0)
        memcpy(bytes + *n_bytes, blocks->pending.bytes + blocks->begin, n);
    blocks->begin += n;
    *n_bytes += n;
    if (*n_bytes == wanted || blocks->source_ended)
        return true;
    size_t n_read;
    if (!mf_source_read(blocks->source, bytes + *n_bytes, wanted - *n_bytes, &n_read, err))
        return false;
    *n_bytes += n_read;
    blocks->source_ended = *n_bytes < wanted;
    return true;
}

/* Puts back what follows the cut. */
static bool put_back(mf_blocks *blocks, const char *bytes, size_t n_bytes, mf_error *err)
{
    if (blocks->begin < blocks->end) {
        /* The whole block came out of pending, where these bytes still are. */
        blocks->begin -= n_bytes;
        return true;
    }
    if (!reserve(&blocks->pending, n_bytes, err))
        return false;
    if (n_bytes > 0)
        memcpy(blocks->pending.bytes, bytes, n_bytes);
    blocks->begin = 0;
    blocks->end = n_bytes;
    return true;
}

static void place_flaw(const char *bytes, const mf_cut *cut, mf_block *block)
{
    size_t line = cut->place;
    while (line > cut->n_bytes && bytes[line - 1] != '\n' && bytes[line - 1] != '\r')
        line--;
    block->flaw = cut->flaw;
    block->flaw_line = mf_count_lines(bytes + cut->n_bytes, cut->place - cut->n_bytes);
    block->flaw_column = cut->place - line + 1;
}

bool mf_blocks_next(mf_blocks *blocks, mf_buffer *buffer, mf_block *block, mf_error *err)
{
    size_t wanted = blocks->block_bytes;
    size_t n = 0;
    *block = (mf_block){0};
    if (blocks->ended)
        return true;
    for (;;) {
        if (!reserve(buffer, wanted + MF_BLOCK_READABLE, err) ||
            !fill(blocks, buffer->bytes, &n, wanted, err))
            return false;
        const bool is_last = blocks->source_ended && blocks->begin == blocks->end;
        const mf_cut cut =
            blocks->cuts_objects
                ? mf_cut_objects(buffer->bytes, n, is_last, blocks->form.max_row_bytes)
                : mf_cut_rows(&blocks->form, buffer->bytes, n, is_last);
        block->n_bytes = cut.n_bytes;
        block->n_seen = n;
        block->is_last = is_last;
        if (cut.flaw != MF_FLAW_NONE) {
            place_flaw(buffer->bytes, &cut, block);
            blocks->ended = true;
            return true;
        }
        if (cut.n_bytes > 0 || is_last) {
            blocks->ended = is_last;
            return put_back(blocks, buffer->bytes + cut.n_bytes, n - cut.n_bytes, err);
        }
        wanted *= 2; /* bounded: a row beyond max_row_bytes is a flaw */
    }
}

void mf_blocks_clear(mf_blocks *blocks)
{
    mf_buffer_free(&blocks->pending);
    blocks->begin = blocks->end = 0;
}
