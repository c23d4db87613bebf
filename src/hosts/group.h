/* group.h: the hosts of one training job, as ranks 0 … size - 1.
 *
 * A rank is the place of a host among the sorted names of resourceconfig.json, or what mpirun or
 * srun gave. Rank 0 is "the first host". exchange.h has what hosts send each other.
 *
 * NULL is a group of one host everywhere: rank 0, size 1, every exchange with all is a success that
 * does nothing. So code for several hosts runs unchanged on one, and no MPI is loaded.
 *
 * (1) When a host fails, is lost, or falls silent, every host learns it with the name of that host
 *     and the reason, in the same sentence. The first failure wins.
 * (2) Afterwards every exchange fails with that sentence; none waits for ever.
 *
 * Threads: one thread calls, but mf_hosts_fail and mf_hosts_failed, which any thread may call. */
#ifndef MF_HOSTS_GROUP_H
#define MF_HOSTS_GROUP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct mf_hosts_group mf_hosts_group;

/* This host's rank, and the number of hosts. */
uint32_t mf_hosts_rank(const mf_hosts_group *group);
uint32_t mf_hosts_size(const mf_hosts_group *group);

/* The name of a host for messages, "algo-3"; "" for a rank that there is not. A view until the
 * group ends. */
const char *mf_hosts_name(const mf_hosts_group *group, uint32_t rank);

/* Tells all hosts that this one cannot continue, and why: they fail with "NAME: text". Without
 * effect when the group has failed already. */
void mf_hosts_fail(mf_hosts_group *group, const mf_error *reason);

/* False while all hosts are well. Else true, and *err is the failure of the group. */
bool mf_hosts_failed(mf_hosts_group *group, mf_error *err);

#endif
