/* watch.h: one connection from each host to the first one, on which all learn that all are there,
 * that all still live, and what has failed.
 *
 * MPI waits for a host that has died for ever, so the watch is ours. Every host sends a frame a
 * second; a host is lost when its connection ends or when nothing has come from it for
 * silence_seconds. The first host tells all others. Of two hosts that cannot reach each other each
 * tells its side. While MPI starts, its texts by key (keys.h) go the same way.
 *
 * (1) A connection counts when its hello names a host of this job that is not connected yet. Others
 *     are closed and logged; they do no harm.
 * (2) A host with another version, other hyperparameters or another number of hosts fails the group.
 * (3) A failure is passed on before on_failure is called, and the first host waits up to 2 s until
 *     the others are gone; up to 10 s for those that have not come yet.
 * (4) A stop request (base/stop.h) on one host becomes one on all.
 *
 * Threads: starts one. The functions are for one other thread, on_failure comes from the watch's. */
#ifndef MF_HOSTS_WATCH_H
#define MF_HOSTS_WATCH_H

#include "hosts/group.h"
#include "hosts/socket.h"

typedef struct mf_hosts_watch mf_hosts_watch;

typedef struct mf_hosts_watch_options {
    const char *job;   /* the name of the job; hosts of another one are refused */
    uint64_t settings; /* a hash that all hosts must have in common */
    int listener;      /* of rank 0; the watch's from then on */
    /* of the others: names or addresses of rank 0, and its port */
    const char *const *first;
    size_t n_first;
    uint16_t port;
    double wait_seconds;    /* in which all hosts must come */
    double silence_seconds; /* after which a host is lost */
    /* A failure that this host did not tell itself. */
    void (*on_failure)(void *argument, const mf_error *failure);
    void *argument;
} mf_hosts_watch_options;

/* Connects this host and returns when all hosts are there. From then on mf_hosts_fail tells the
 * others. NULL: MF_ERR_IO with the names of missing hosts, MF_ERR_CONFIG (promise 2), MF_ERR_STOPPED,
 * MF_ERR_MEMORY. */
MF_MUST_CHECK mf_hosts_watch *
mf_hosts_watch_start(mf_hosts_group *group, const mf_hosts_watch_options *options, mf_error *err);

/* The interface by which this host and another one reach each other; false: unknown. */
bool mf_hosts_watch_interface(mf_hosts_watch *watch, char name[MF_HOSTS_INTERFACE_BYTES]);

/* MPI's start: puts a text, waits until all hosts have called fence, gets a text that any host has
 * put before the fence (get: false when there is none; cut to fit). */
MF_MUST_CHECK bool mf_hosts_watch_put(mf_hosts_watch *watch, const char *key, const char *value,
                                      mf_error *err);
MF_MUST_CHECK bool mf_hosts_watch_fence(mf_hosts_watch *watch, mf_error *err);
bool mf_hosts_watch_get(mf_hosts_watch *watch, const char *key, char *value, size_t n_value);

/* All hosts: the first host says that everything is written; the others wait for that as long as the
 * first host lives. Afterwards no host is lost any more. */
MF_MUST_CHECK bool mf_hosts_watch_done(mf_hosts_watch *watch, mf_error *err);

/* All hosts, after done: the others say that they end. The first host waits until they have, at most
 * silence_seconds. */
void mf_hosts_watch_leave(mf_hosts_watch *watch);

/* Ends the thread and closes the connections, without a word. NULL is fine. */
void mf_hosts_watch_destroy(mf_hosts_watch *watch);

#endif
