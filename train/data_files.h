/* data_files.h: the files of a channel, over all hosts.
 *
 * FullyReplicated: every host has all files. ShardedByS3Key: every file is on one host, and the channel
 * is the files of all hosts, by name, as one host would have them. What a host learns from a file of
 * its own, it tells the others.
 *
 * Functions with "all" in their first line are to be called by all hosts in the same order. With group
 * NULL there is one host.
 *
 * Threads: the one that calls for the group. */
#ifndef MF_TRAIN_DATA_FILES_H
#define MF_TRAIN_DATA_FILES_H

#include "base/error.h"
#include "hosts/group.h"
#include "sagemaker/channels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mf_data_file {
    char *path; /* to open, on a host that has it */
    char *name; /* below the channel's folder */
    uint64_t n_bytes;
    uint32_t owner; /* of a sharded channel: the rank of the host that has it */
} mf_data_file;

typedef struct mf_data_files {
    size_t n;
    mf_data_file *file; /* [n] by name */
    uint64_t total_bytes;
    mf_hosts_group *group; /* NULL: one host */
    bool is_sharded;       /* and there are several hosts */
} mf_data_files;

/* All hosts: lists the files. Fails as mf_channel_files_create; MF_ERR_CONFIG also when two hosts
 * have a file of the same name in a sharded channel, or different files in one that is not. The files
 * are the caller's to clear, also after a failure. */
MF_MUST_CHECK bool mf_data_files_list(const mf_channel *channel, mf_hosts_group *group,
                                      mf_data_files *files, mf_error *err);

/* Whether this host has the file. */
bool mf_data_file_is_here(const mf_data_files *files, size_t i);

/* All hosts: what the host that has file i knows of it, bytes [n_bytes], becomes known to all. */
MF_MUST_CHECK bool mf_data_file_tell(const mf_data_files *files, size_t i, void *bytes,
                                     size_t n_bytes, mf_error *err);

/* All hosts: afterwards every host can open the file at its path. A copy is in memory, until the
 * process ends. Fails MF_ERR_IO, MF_ERR_LIMIT (1 GiB or more), MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_data_file_fetch(mf_data_files *files, size_t i, mf_error *err);

void mf_data_files_clear(mf_data_files *files);

#endif
