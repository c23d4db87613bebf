/* exchange.h: what the hosts of a group send each other.
 *
 * Messages between two hosts with the same tag arrive in the order in which they were sent. There
 * is no sum here: floats are added by the caller, in an order that does not depend on the number of
 * hosts.
 *
 * Functions with "all" in their first line are to be called by all hosts in the same order. Their
 * messages and those of mf_hosts_send never mix.
 *
 * (1) A wait ends: with the message, with the failure of the group (group.h), or after the group's
 *     deadline with "algo-3 sent nothing for 300 s" (MF_ERR_IO).
 * (2) A wait does not spin: it sleeps, at first for microseconds, later for a millisecond.
 * (3) With NULL or one host the functions for all hosts do nothing and succeed.
 *
 * Threads: one thread of a host calls, always the same. */
#ifndef MF_HOSTS_EXCHANGE_H
#define MF_HOSTS_EXCHANGE_H

#include "base/error.h"
#include "hosts/group.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_HOSTS_ANY UINT32_MAX
enum { MF_HOSTS_TAGS = 1 << 14 }; /* tags are 0 … MF_HOSTS_TAGS - 1 */

typedef struct mf_hosts_message {
    uint32_t from;
    uint32_t tag;
    size_t n_bytes; /* of a message of more than 16 MiB: of its first part */
} mf_hosts_message;

/* Sends a copy of the bytes to another host and returns at once. n_bytes may be 0, and is not
 * limited. Fails MF_ERR_MEMORY, MF_ERR_IO, MF_ERR_ARGUMENT (to itself, a wrong tag). */
MF_MUST_CHECK bool mf_hosts_send(mf_hosts_group *group, uint32_t to, uint32_t tag,
                                 const void *bytes, size_t n_bytes, mf_error *err);

/* Bytes of mf_hosts_send that still wait here as copies. A caller that can fall behind stops sending
 * above a limit of its own; sends go ahead during every call of this header. */
size_t mf_hosts_unsent(mf_hosts_group *group);

/* Looks for a message from a host (or MF_HOSTS_ANY) with a tag (or MF_HOSTS_ANY); returns at once.
 * Of messages that were found the next mf_hosts_receive with their `from` and `tag` takes the first.
 */
MF_MUST_CHECK bool mf_hosts_probe(mf_hosts_group *group, uint32_t from, uint32_t tag,
                                  mf_hosts_message *message, bool *found, mf_error *err);

/* The same, but waits until there is one. */
MF_MUST_CHECK bool mf_hosts_wait(mf_hosts_group *group, uint32_t from, uint32_t tag,
                                 mf_hosts_message *message, mf_error *err);

/* Waits for a message and takes it. It must have exactly n_bytes (MF_ERR_IO). `from` and `tag` may
 * be MF_HOSTS_ANY. Of a long message each part is waited for in turn. */
MF_MUST_CHECK bool mf_hosts_receive(mf_hosts_group *group, uint32_t from, uint32_t tag, void *bytes,
                                    size_t n_bytes, mf_error *err);

/* A message that comes in while the caller does something else. All zero: there is none. */
typedef struct mf_hosts_arrival {
    bool is_under_way;
    bool is_last; /* of the part that is under way */
    uint32_t from;
    uint32_t tag;
    uint8_t *at; /* where the next part goes */
    size_t n_bytes;
    size_t left;  /* of them not begun yet */
    void *ticket; /* of the part that is under way; NULL: none is here yet */
} mf_hosts_arrival;

/* Begins to take the message that mf_hosts_probe has found, which must have exactly n_bytes
 * (MF_ERR_IO, also later). `bytes` are not to be touched until it is there. */
MF_MUST_CHECK bool mf_hosts_arrival_begin(mf_hosts_group *group, const mf_hosts_message *found,
                                          void *bytes, size_t n_bytes, mf_hosts_arrival *arrival,
                                          mf_error *err);

/* Returns at once. *done: the message is there, and *arrival is all zero again. */
MF_MUST_CHECK bool mf_hosts_arrival_continue(mf_hosts_group *group, mf_hosts_arrival *arrival,
                                             bool *done, mf_error *err);

/* How long something has been waited for. All zero: it begins. */
typedef struct mf_hosts_waiting {
    double start;
    uint32_t looks;
    int64_t pause_us;
} mf_hosts_waiting;

/* The pause between two looks of a caller that waits for messages of its own accord: promises 1 and
 * 2. `from`, or MF_HOSTS_ANY, is who has sent nothing when the deadline is over. */
MF_MUST_CHECK bool mf_hosts_pause(mf_hosts_group *group, mf_hosts_waiting *waiting, uint32_t from,
                                  mf_error *err);

/* All hosts: returns when every host has called it. */
MF_MUST_CHECK bool mf_hosts_barrier(mf_hosts_group *group, mf_error *err);

/* All hosts: *any is true on all when `mine` is true on one or more. With one host *any = mine. */
MF_MUST_CHECK bool mf_hosts_any(mf_hosts_group *group, bool mine, bool *any, mf_error *err);

/* All hosts: bytes [n_bytes] of the host `from` become those of all. n_bytes is the same on all. */
MF_MUST_CHECK bool mf_hosts_broadcast(mf_hosts_group *group, uint32_t from, void *bytes,
                                      size_t n_bytes, mf_error *err);

/* All hosts: every host has filled bytes[start[rank] … start[rank + 1]) and gets the other ranges,
 * in place. start [size + 1] ascends and is the same on all; ranges may be empty. */
MF_MUST_CHECK bool mf_hosts_share(mf_hosts_group *group, void *bytes, const size_t *start,
                                  mf_error *err);

/* Pieces of all hosts in rank order: piece r is bytes[start[r] … start[r + 1]). */
typedef struct mf_hosts_pieces {
    uint8_t *bytes; /* 64-byte aligned */
    size_t *start;  /* [size + 1] */
} mf_hosts_pieces;

/* All hosts: every host gets every piece. Pieces may have any sizes, also 0. With one host *pieces
 * is a copy. On failure *pieces is empty. */
MF_MUST_CHECK bool mf_hosts_gather(mf_hosts_group *group, const void *mine, size_t n_bytes,
                                   mf_hosts_pieces *pieces, mf_error *err);

void mf_hosts_pieces_free(mf_hosts_pieces *pieces);

/* Bytes that this host has sent since the start, those of functions for all hosts included. */
uint64_t mf_hosts_sent_bytes(const mf_hosts_group *group);

#endif
