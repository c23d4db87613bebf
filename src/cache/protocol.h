/* protocol.h: Redis' protocol (RESP2) as far as a cache speaks it. hiredis enters through
 * protocol.c; it neither connects nor reads here, only writes commands and reads replies.
 *
 * (1) A reply is taken only when it is one that the command can have: a status, or a list
 *     of as many values as the command has keys, each a text or nothing, or an error. Anything
 *     else is BROKEN, and nothing that comes after it can be trusted.
 * (2) Values are handed on as they come and not kept. Memory is that of bytes not yet parsed: at
 *     most 64 KiB for each value that is due, and 64 KiB.
 *
 * Threads: one reader per thread. */
#ifndef MF_CACHE_PROTOCOL_H
#define MF_CACHE_PROTOCOL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MF_COMMAND_WORDS_MAX = 128,
    MF_REPLY_TEXT_BYTES = 160, /* of a status or an error that is kept */
};

typedef struct mf_word {
    const char *bytes;
    size_t n_bytes;
} mf_word;

/* A command as bytes to send; mf_command_free gives them back. NULL without memory.
 * 0 < n ≤ MF_COMMAND_WORDS_MAX. */
MF_MUST_CHECK char *mf_command_write(const mf_word *words, size_t n, size_t *n_bytes);
void mf_command_free(char *command);

typedef enum mf_reply {
    MF_REPLY_MORE,   /* bytes are missing */
    MF_REPLY_OK,     /* a status, or the last value was handed on */
    MF_REPLY_ERROR,  /* the server's, see mf_reply_text */
    MF_REPLY_BROKEN, /* not a reply to this command; the connection is of no more use */
} mf_reply;

typedef struct mf_reply_reader mf_reply_reader;

/* NULL without memory. */
MF_MUST_CHECK mf_reply_reader *mf_reply_reader_create(void);

/* Bytes as they came. False without memory: the connection is of no more use. */
MF_MUST_CHECK bool mf_reply_feed(mf_reply_reader *reader, const char *bytes, size_t n_bytes);

/* Value i of the list; a view for the time of the call. Not called for nothing (nil). */
typedef void mf_reply_found(void *argument, size_t i, const char *bytes, size_t n_bytes);

/* The next reply, as far as it has come. n_values: of the list that is due, 0 for a
 * status. After MORE call it again, with the same n_values, when bytes have come; found
 * may be NULL and may change. */
MF_MUST_CHECK mf_reply mf_reply_next(mf_reply_reader *reader, size_t n_values,
                                     mf_reply_found *found, void *argument);

/* After OK of a status and after ERROR: the server's text, printable and cut. After BROKEN: what is
 * wrong. */
const char *mf_reply_text(const mf_reply_reader *reader);

/* True while there are bytes that belong to no reply yet. */
bool mf_reply_has_more(const mf_reply_reader *reader);

/* Back to the start, for a new connection. False without memory. */
MF_MUST_CHECK bool mf_reply_reader_reset(mf_reply_reader *reader);

/* NULL is fine. */
void mf_reply_reader_destroy(mf_reply_reader *reader);

#endif
