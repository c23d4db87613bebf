/* hosts_loopback.h: several hosts as threads of one process, in place of MPI.
 *
 *     static bool sum(mf_hosts_group *group, void *argument, mf_error *err) {…}
 *     …
 *     assert_true(mf_hosts_loopback_run(3, sum, &argument, &err));
 *
 * Messages are copied when they are sent and arrive in a random-looking but repeatable order between
 * different hosts; between two hosts and with one tag in the order of sending. */
#ifndef MF_TESTS_HOSTS_LOOPBACK_H
#define MF_TESTS_HOSTS_LOOPBACK_H

#include "hosts/exchange.h"
#include "hosts/group.h"

/* Longer messages travel in parts of so many bytes. */
enum { MF_HOSTS_LOOPBACK_PART_BYTES = 10000 };

/* What a host does; `argument` is the same for all. */
typedef bool mf_hosts_loopback_work(mf_hosts_group *group, void *argument, mf_error *err);

/* Runs `work` on n_hosts hosts "algo-1" …, each a thread, and waits for all. One host gets a NULL
 * group. A host that returns false fails the group with its error (mf_hosts_fail). True when all
 * hosts returned true; else *err is the failure of the group. A wait ends after 20 s. */
bool mf_hosts_loopback_run(uint32_t n_hosts, mf_hosts_loopback_work *work, void *argument,
                           mf_error *err);

/* The same with another deadline of a wait. */
bool mf_hosts_loopback_run_within(uint32_t n_hosts, double deadline_seconds,
                                  mf_hosts_loopback_work *work, void *argument, mf_error *err);

#endif
