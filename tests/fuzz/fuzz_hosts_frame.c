/* fuzz_hosts_frame.c: any bytes as what comes over the connection of a host, in pieces: an input is
 * a length of pieces and the bytes.
 *
 * Whatever comes: the pieces change nothing; a frame that was read is written as the same bytes;
 * after BROKEN nothing is read. The texts also go into a table of keys, whose bounds must hold. */
#include "hosts/frame.h"
#include "hosts/keys.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Appends all frames, as they are written, and "broken". */
static void converse(const uint8_t *bytes, size_t n_bytes, size_t piece, mf_text *understood)
{
    mf_hosts_frame_reader *reader = calloc(1, sizeof *reader);
    mf_hosts_frame frame;
    mf_hosts_frame_state state = MF_HOSTS_FRAME_MORE;
    mf_hosts_keys keys = {.limit = 8};
    require(reader != NULL);
    for (size_t at = 0; at < n_bytes && state != MF_HOSTS_FRAME_BROKEN;) {
        size_t n;
        uint8_t *to = mf_hosts_frame_space(reader, &n);
        require(n > 0);
        n = n < piece ? n : piece;
        n = n < n_bytes - at ? n : n_bytes - at;
        memcpy(to, bytes + at, n);
        reader->n += n;
        at += n;
        while ((state = mf_hosts_frame_next(reader, &frame)) == MF_HOSTS_FRAME_WHOLE) {
            mf_error err = {0};
            require(mf_hosts_frame_write(understood, frame.kind, frame.text));
            if (mf_hosts_frame_texts(frame.kind) < 2)
                continue;
            const bool added = mf_hosts_keys_add(&keys, frame.text[0], frame.text[1], &err);
            require(added == (err.code == MF_OK) && keys.n <= keys.limit);
            require(!added || strcmp(mf_hosts_keys_find(&keys, frame.text[0]), frame.text[1]) == 0);
        }
    }
    if (state == MF_HOSTS_FRAME_BROKEN) {
        require(mf_hosts_frame_next(reader, &frame) == MF_HOSTS_FRAME_BROKEN);
        mf_text_literal(understood, "broken");
    } else {
        require(understood->n_bytes <= n_bytes &&
                (understood->n_bytes == 0 ||
                 memcmp(understood->bytes, bytes, understood->n_bytes) == 0));
    }
    mf_hosts_keys_free(&keys);
    free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes < 1)
        return 0;
    mf_text whole = MF_TEXT_EMPTY;
    mf_text pieces = MF_TEXT_EMPTY;
    converse(bytes + 1, n_bytes - 1, n_bytes, &whole);
    converse(bytes + 1, n_bytes - 1, 1 + bytes[0] % 64, &pieces);
    require(whole.n_bytes == pieces.n_bytes &&
            (whole.n_bytes == 0 || memcmp(whole.bytes, pieces.bytes, whole.n_bytes) == 0));
    mf_text_free(&whole);
    mf_text_free(&pieces);
    return 0;
}
