/* state.h: the group, for the files of this folder and the loopback of the unit tests. */
#ifndef MF_HOSTS_STATE_H
#define MF_HOSTS_STATE_H

#include "hosts/exchange.h"
#include "hosts/group.h"
#include "hosts/transport.h"

#include <pthread.h>

enum { MF_HOSTS_NAME_BYTES = 96, MF_HOSTS_PART_BYTES = 16 << 20 };

/* A message on its way out. */
typedef struct mf_hosts_outgoing {
    mf_hosts_ticket ticket;
    void *copy; /* NULL: the bytes are borrowed */
    size_t n_bytes;
} mf_hosts_outgoing;

struct mf_hosts_group {
    uint32_t rank;
    uint32_t size;
    char (*name)[MF_HOSTS_NAME_BYTES]; /* [size] */
    bool exchanges;                    /* messages have gone round the ring */
    double deadline_seconds;           /* a wait without a message ends after it */
    size_t part_bytes;                 /* MF_HOSTS_PART_BYTES, or that of a test */
    mf_hosts_transport transport;

    mf_hosts_outgoing *outgoing; /* [n_outgoing], in the order of sending */
    size_t n_outgoing;
    size_t outgoing_capacity;
    size_t unsent;
    uint64_t sent_bytes;

    pthread_mutex_t lock; /* of failure */
    mf_error failure;
    /* Tells the other hosts; called once, without the lock. NULL: there is no other host. */
    void (*tell)(mf_hosts_group *group, const mf_error *failure);
    void *teller; /* tell's own */
    /* To be called when MPI ends the process. */
    void (*on_failure)(void *argument, const mf_error *failure);
    void *on_failure_argument;
};

/* A group whose transport and tell are to be set. Names are copied. */
MF_MUST_CHECK mf_hosts_group *mf_hosts_group_create(uint32_t rank, uint32_t size,
                                                    const char *const *names,
                                                    double deadline_seconds, mf_error *err);

/* NULL is fine. Does not close the transport. */
void mf_hosts_group_destroy(mf_hosts_group *group);

/* Sets the failure of the group as it is, if it is the first. True: it was. */
bool mf_hosts_group_set_failure(mf_hosts_group *group, const mf_error *failure);

/* Sets the failure in place of this host's own: another host's came first. */
void mf_hosts_group_replace_failure(mf_hosts_group *group, const mf_error *failure);

#endif
