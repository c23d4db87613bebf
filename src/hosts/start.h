/* start.h: from the names of the hosts to a group that can exchange messages, and its end.
 *
 *   mf_hosts_start      the watch (watch.h), then MPI, then one message round the ring
 *   … exchange.h …
 *   mf_hosts_finish     after the first host has written everything
 *
 * Under mpirun or srun, MPI starts first by the environment that they have set, and the hosts are
 * their processes.
 *
 * (1) One host: the group is NULL, and nothing of MPI is loaded.
 * (2) Every wait has a deadline, or ends with the failure of the group.
 * (3) Variables OMPI_*, PMI_* and PMIX_* of the environment are removed unless a launcher set them. */
#ifndef MF_HOSTS_START_H
#define MF_HOSTS_START_H

#include "hosts/exchange.h"
#include "hosts/group.h"

typedef struct mf_hosts_options {
    const char *const *names; /* [size], those of resourceconfig.json, sorted */
    uint32_t rank;
    uint32_t size;
    const char *interface;  /* network_interface_name; "" or one that does not exist: found here */
    const char *job;        /* the name of the job, or "" */
    uint64_t settings;      /* a hash of all settings that shape the model */
    uint16_t port;          /* of the first host; not used under a launcher */
    double wait_seconds;    /* in which all hosts must come */
    double silence_seconds; /* after which a host is lost */
    double timeout_seconds; /* for a message of a host that lives */
    /* The group has failed by another host: to be reported, and the process ended. It comes from
     * another thread, and the caller's may wait in MPI. */
    void (*on_failure)(void *argument, const mf_error *failure);
    void *argument;
} mf_hosts_options;

/* How many processes mpirun or srun has started, this one included; 1 without them. */
uint32_t mf_hosts_launched(void);

/* All hosts: *group is NULL for one host. Fails MF_ERR_IO (hosts that do not come, cannot be reached
 * or exchange no message; MPI does not start), MF_ERR_CONFIG (hosts that differ; no MPI here),
 * MF_ERR_STOPPED, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_hosts_start(const mf_hosts_options *options, mf_hosts_group **group,
                                  mf_error *err);

/* All hosts, at the very end: the first host returns last, when the others have ended or after
 * silence_seconds. The others wait until the first one is here, however long that takes. NULL is
 * fine. The process is to be ended afterwards. */
MF_MUST_CHECK bool mf_hosts_finish(mf_hosts_group *group, mf_error *err);

#endif
