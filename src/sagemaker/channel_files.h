/* channel_files.h: the files of a File or FastFile channel.
 *
 * (1) Regular files at any depth up to MF_CHANNEL_DEPTH_MAX folders; S3 keys keep
 *     their folders below the prefix (docs/sagemaker.md, 2.5.1).
 * (2) Names that begin with '.' or '_' are skipped, folders included.
 * (3) Sorted bytewise by path below the channel, which is S3's own order; the
 *     folder's order never shows.
 * (4) There is at least one file.
 *
 * A symbolic link to a file counts as the file, a dangling one is an error; links
 * to folders are not followed, so there are no cycles. FIFOs, sockets and devices
 * are left alone.
 *
 * Cost: one stat per name, 48 bytes and the path per file, O(n log n). */
#ifndef MF_SAGEMAKER_CHANNEL_FILES_H
#define MF_SAGEMAKER_CHANNEL_FILES_H

#include "base/error.h"
#include "sagemaker/channels.h"

#include <stddef.h>
#include <stdint.h>

enum { MF_CHANNEL_DEPTH_MAX = 16, MF_CHANNEL_FILES_MAX = 1000000 };

typedef struct mf_channel_file {
    const char *path; /* to open */
    const char *name; /* the part below the channel's folder, for logs */
    uint64_t n_bytes;
} mf_channel_file;

typedef struct mf_channel_files {
    size_t n;
    const mf_channel_file *file; /* [n] */
    uint64_t total_bytes;
} mf_channel_files;

/* Lists the channel. NULL on failure: MF_ERR_CONFIG when the folder is missing or
 * holds no files (the text says what to look at), MF_ERR_LIMIT too deep or too
 * many, MF_ERR_IO a folder that cannot be read, MF_ERR_STOPPED, MF_ERR_MEMORY. */
mf_channel_files *mf_channel_files_create(const mf_channel *channel, mf_error *err);

/* NULL is fine. */
void mf_channel_files_destroy(mf_channel_files *files);

#endif
