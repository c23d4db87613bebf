/* transport.h: what exchange.h needs of MPI, as functions. The unit tests have another one, for threads
 * of one process. All are called from one thread.
 *
 * Sending and receiving go on in the background: send and receive return a ticket, and the bytes
 * belong to the transport until is_done says true for it once. Messages between two hosts with the
 * same tag on the same channel keep their order. */
#ifndef MF_HOSTS_TRANSPORT_H
#define MF_HOSTS_TRANSPORT_H

#include "hosts/exchange.h"

typedef enum mf_hosts_channel {
    MF_HOSTS_TO_ONE, /* messages of mf_hosts_send */
    MF_HOSTS_TO_ALL, /* messages of the functions for all hosts */
    MF_HOSTS_CHANNELS
} mf_hosts_channel;

typedef void *mf_hosts_ticket;

typedef struct mf_hosts_transport {
    void *state; /* first argument of all */

    bool (*send)(void *state, mf_hosts_channel channel, uint32_t to, uint32_t tag,
                 const void *bytes, size_t n_bytes, mf_hosts_ticket *ticket, mf_error *err);

    /* Returns at once. from and tag may be MF_HOSTS_ANY. */
    bool (*probe)(void *state, mf_hosts_channel channel, uint32_t from, uint32_t tag,
                  mf_hosts_message *message, bool *found, mf_error *err);

    /* Takes a message that probe has found. */
    bool (*receive)(void *state, mf_hosts_channel channel, const mf_hosts_message *message,
                    void *bytes, mf_hosts_ticket *ticket, mf_error *err);

    /* After true or a failure the ticket is gone. */
    bool (*is_done)(void *state, mf_hosts_ticket ticket, bool *done, mf_error *err);

    /* All hosts, after the last message: ends the transport. */
    void (*close)(void *state);
} mf_hosts_transport;

#endif
