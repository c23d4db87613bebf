/* fuzz_cache_reply.c: any bytes as what Redis says, in pieces: an input is a number of
 * values that are due, a length of pieces, and the bytes.
 *
 * Whatever comes: a value is handed on only when its place was due, once, in order; what is
 * read as an entry is what an entry would be written as; after BROKEN nothing is taken; and
 * the pieces change nothing. */
#include "cache/entry.h"
#include "cache/protocol.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* What was understood, as one text. */
typedef struct taken {
    mf_text text;
    size_t due;
    size_t next;
    const mf_cache_key *key;
} taken;

static void take(void *argument, size_t i, const char *bytes, size_t n_bytes)
{
    taken *t = argument;
    mf_cache_entry entry;
    require(i < t->due && i >= t->next);
    t->next = i + 1;
    mf_text_format(&t->text, "%zu:%zu:", i, n_bytes);
    mf_text_append(&t->text, bytes, n_bytes);
    char *exact = malloc(n_bytes > 0 ? n_bytes : 1);
    require(exact != NULL);
    memcpy(exact, bytes, n_bytes);
    if (mf_cache_entry_read(exact, n_bytes, t->key, &entry)) {
        mf_text again = MF_TEXT_EMPTY;
        require(mf_cache_entry_write(&again, t->key, &entry));
        require(again.n_bytes == n_bytes && memcmp(again.bytes, exact, n_bytes) == 0);
        mf_text_free(&again);
    }
    free(exact);
}

static void converse(const char *bytes, size_t n_bytes, size_t due, size_t piece, taken *t)
{
    mf_reply_reader *reader = mf_reply_reader_create();
    mf_reply reply = MF_REPLY_MORE;
    require(reader != NULL);
    t->due = due;
    for (size_t at = 0; at < n_bytes && reply != MF_REPLY_BROKEN; at += piece) {
        const size_t left = n_bytes - at;
        require(mf_reply_feed(reader, bytes + at, left < piece ? left : piece));
        while ((reply = mf_reply_next(reader, due, take, t)) != MF_REPLY_MORE &&
               reply != MF_REPLY_BROKEN) {
            mf_text_format(&t->text, "%d %s;", (int)reply, mf_reply_text(reader));
            t->next = 0;
        }
    }
    if (reply == MF_REPLY_BROKEN) {
        require(!mf_reply_feed(reader, "+OK\r\n", 5));
        require(mf_reply_next(reader, due, take, t) == MF_REPLY_BROKEN);
        mf_text_literal(&t->text, "broken");
    }
    mf_reply_reader_destroy(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    enum { HEAD = 2 };
    mf_cache_key key;
    require(mf_cache_key_make(&key, "7", 1, 5, "9c1f0a7b5d3e2468"));
    if (n_bytes < HEAD)
        return 0;
    const size_t due = bytes[0] % 8;
    taken whole = {.key = &key};
    taken pieces = {.key = &key};
    converse((const char *)bytes + HEAD, n_bytes - HEAD, due, n_bytes, &whole);
    converse((const char *)bytes + HEAD, n_bytes - HEAD, due, 1 + bytes[1] % 64, &pieces);
    require(whole.text.n_bytes == pieces.text.n_bytes &&
            (whole.text.n_bytes == 0 ||
             memcmp(whole.text.bytes, pieces.text.bytes, whole.text.n_bytes) == 0));
    mf_text_free(&whole.text);
    mf_text_free(&pieces.text);
    return 0;
}
