/* identifiers.h: names for things that happen once. None of them is a secret.
 *
 * Threads: one at a time. */
#ifndef MF_LOCAL_IDENTIFIERS_H
#define MF_LOCAL_IDENTIFIERS_H

enum {
    MF_UUID_BYTES = 37,
    MF_TRACE_BYTES = 80,
    MF_SHORT_ID_BYTES = 17,
};

/* A random UUID, version 4. Returns out. */
char *mf_uuid_make(char out[MF_UUID_BYTES]);

/* An X-Ray header: Root=1-<time>-<96 bits>;Parent=<64 bits>;Sampled=0. Not sampled,
 * because nobody here takes the segments. Returns out. */
char *mf_trace_make(char out[MF_TRACE_BYTES]);

/* 16 random hexadecimal digits. Returns out. */
char *mf_short_id_make(char out[MF_SHORT_ID_BYTES]);

#endif
