/* fuzz_http_body.c: any bytes as the body of a request.
 *
 * The first byte says how it comes (bit 0: chunks, bit 1: gzip) and how it is cut;
 * the rest is the body. Fed in pieces it gives the same state, the same text and
 * the same rest as fed at once; the text never exceeds the limit and one call never
 * unpacks more than its share. */
#include "http/parse/body.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 1 << 20 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static mf_body_state feed(mf_body *body, const mf_head *head, const uint8_t *bytes, size_t n,
                          size_t step, size_t *used_in_all)
{
    *used_in_all = 0;
    mf_body_state state = mf_body_begin(body, head, LIMIT, false);
    while ((state == MF_BODY_MORE && *used_in_all < n) || state == MF_BODY_AGAIN) {
        const size_t left = n - *used_in_all;
        const size_t n_piece = left < step ? left : step;
        char *piece = malloc(n_piece > 0 ? n_piece : 1);
        require(piece != NULL);
        if (n_piece > 0)
            memcpy(piece, bytes + *used_in_all, n_piece);
        size_t used;
        const size_t before = body->text.n_bytes;
        state = mf_body_feed(body, piece, n_piece, &used);
        free(piece);
        require(used <= n_piece);
        require(state != MF_BODY_MORE || used == n_piece);
        require(body->text.n_bytes <= LIMIT);
        require(body->text.n_bytes - before <= 2 * MF_UNPACK_STEP_BYTES + 32768 ||
                head->coding == MF_CODING_NONE);
        *used_in_all += used;
    }
    if (state == MF_BODY_DONE && body->text.n_bytes > 0)
        require(body->text.bytes[body->text.n_bytes] == '\0');
    return state;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 2)
        return 0;
    const unsigned how = bytes[0];
    bytes++;
    n_bytes--;
    static mf_head head;
    head.chunked = (how & 1) != 0;
    head.has_length = !head.chunked;
    /* Some bytes behind the body, for the next request. */
    head.content_length = head.chunked ? 0 : n_bytes - n_bytes / 8;
    head.coding = (how & 2) != 0 ? MF_CODING_GZIP : MF_CODING_NONE;
    mf_body whole = {0};
    mf_body pieces = {0};
    size_t used_whole;
    size_t used_pieces;
    const mf_body_state at_once = feed(&whole, &head, bytes, n_bytes, n_bytes, &used_whole);
    const mf_body_state in_pieces =
        feed(&pieces, &head, bytes, n_bytes, (how >> 2) % 40 + 1, &used_pieces);
    require(at_once == in_pieces);
    if (at_once == MF_BODY_DONE || at_once == MF_BODY_MORE) {
        require(used_whole == used_pieces);
        require(whole.text.n_bytes == pieces.text.n_bytes);
        require(whole.text.n_bytes == 0 ||
                memcmp(whole.text.bytes, pieces.text.bytes, whole.text.n_bytes) == 0);
    }
    mf_body_end(&whole, 0);
    mf_body_end(&pieces, 0);
    return 0;
}
