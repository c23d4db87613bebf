/* frame.h: what goes over the connection between the first host and each other host: a kind and
 * some texts.
 *
 *   offset  size  meaning
 *   0       1     'm'
 *   1       1     kind
 *   2       2     n, bytes that follow, little-endian, ≤ MF_HOSTS_FRAME_BYTES
 *   4       n     texts, each ended by a zero byte; their number belongs to the kind
 *
 * (1) A reader never holds more than one frame. Whatever the bytes, it says MORE, FRAME or BROKEN;
 *     after BROKEN it says nothing else.
 * (2) The pieces in which bytes arrive change nothing. */
#ifndef MF_HOSTS_FRAME_H
#define MF_HOSTS_FRAME_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mf_hosts_frame_kind {
    MF_HOSTS_HELLO = 1, /* protocol, version, job, settings, name, number of hosts; the first one */
    MF_HOSTS_REFUSED,   /* why a connection is not accepted */
    MF_HOSTS_START,     /* all hosts are there */
    MF_HOSTS_PING,
    MF_HOSTS_PUT,    /* key, value: of MPI's start, to the first host */
    MF_HOSTS_FENCE,  /* this host has put everything */
    MF_HOSTS_ENTRY,  /* key, value: the same for all hosts */
    MF_HOSTS_FENCED, /* all hosts have put everything, and all entries are sent */
    MF_HOSTS_FAIL,   /* code, text: the group has failed */
    MF_HOSTS_STOP,   /* a host has got SIGTERM */
    MF_HOSTS_DONE,   /* the first host has written everything */
    MF_HOSTS_BYE,    /* this host ends */
    MF_HOSTS_FRAME_KINDS
} mf_hosts_frame_kind;

enum { MF_HOSTS_FRAME_BYTES = 2048, MF_HOSTS_FRAME_HEAD = 4, MF_HOSTS_FRAME_TEXTS = 6 };

typedef struct mf_hosts_frame {
    mf_hosts_frame_kind kind;
    const char *text[MF_HOSTS_FRAME_TEXTS]; /* views into the reader, until its next call */
} mf_hosts_frame;

typedef enum mf_hosts_frame_state {
    MF_HOSTS_FRAME_MORE,
    MF_HOSTS_FRAME_WHOLE,
    MF_HOSTS_FRAME_BROKEN,
} mf_hosts_frame_state;

typedef struct mf_hosts_frame_reader {
    size_t n;
    size_t taken; /* of bytes: the frame that was returned last */
    bool broken;
    uint8_t bytes[MF_HOSTS_FRAME_HEAD + MF_HOSTS_FRAME_BYTES];
} mf_hosts_frame_reader;

/* Where the next bytes are to be put: *capacity of them at most, at least one while next has returned
 * MORE. The caller adds to reader->n what it has put there. */
uint8_t *mf_hosts_frame_space(mf_hosts_frame_reader *reader, size_t *capacity);

mf_hosts_frame_state mf_hosts_frame_next(mf_hosts_frame_reader *reader, mf_hosts_frame *frame);

/* How many texts a frame of this kind has; -1: there is no such kind. */
int mf_hosts_frame_texts(unsigned kind);

/* Appends a frame. False, and nothing is appended: the texts are too long, or no memory
 * (out->failed). */
bool mf_hosts_frame_write(mf_text *out, mf_hosts_frame_kind kind, const char *const *texts);

#endif
