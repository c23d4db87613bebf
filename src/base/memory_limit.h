/* memory_limit.h: how much memory this process may use.
 *
 * The least of the machine's memory and the limits of the process's control group and of the groups
 * above it, with version 2 of the interface (memory.max) and version 1
 * (memory.limit_in_bytes; Linux, Documentation/admin-guide/cgroup-v2.rst). In a container, which
 * sees its own group as the root, it is the container's limit.
 *
 * Threads: any. */
#ifndef MF_BASE_MEMORY_LIMIT_H
#define MF_BASE_MEMORY_LIMIT_H

#include <stdint.h>

/* Bytes. root: "", or a folder in place of / for tests. */
uint64_t mf_memory_limit(const char *root);

#endif
