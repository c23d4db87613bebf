/* hosts.h: the hosts of the job, from resourceconfig.json.
 *
 * (1) Rank is the place of current_host in `hosts` sorted bytewise (algo-10 comes
 *     before algo-2), whatever order the file has and whatever the names are.
 * (2) The operating system's host name is never asked: on the platform it is
 *     another one (docs/sagemaker.md, 2.7.1).
 * (3) No file, or neither field in it, means one host of rank 0 called algo-1.
 * (4) Other fields, "topology": null among them, are ignored.
 *
 * Host names are 1 … 64 of [A-Za-z0-9.-_] and so safe in file names. */
#ifndef MF_SAGEMAKER_HOSTS_H
#define MF_SAGEMAKER_HOSTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { MF_HOSTS_MAX = 512, MF_HOST_NAME_BYTES = 65, MF_INTERFACE_BYTES = 32 };

typedef struct mf_hosts {
    size_t n;                                    /* ≥ 1 */
    size_t rank;                                 /* name[rank] is this host */
    char name[MF_HOSTS_MAX][MF_HOST_NAME_BYTES]; /* [n] ascending */
    char interface[MF_INTERFACE_BYTES]; /* network_interface_name; "" when absent. It may not
                                           exist (local mode). */
} mf_hosts;

/* Fails MF_ERR_CONFIG: not JSON, a field of another type, a host twice,
 * current_host not among hosts, more than MF_HOSTS_MAX. */
MF_MUST_CHECK bool mf_hosts_read(const char *path, mf_hosts *hosts, mf_error *err);

#endif
