/* channel_data.h: the data of a channel: files (File, FastFile) or one FIFO an epoch (Pipe).
 *
 * Files:
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
 * Cost: one stat per name, 48 bytes and the path per file, O(n log n).
 *
 * Pipe: the platform creates a FIFO <channel>_<epoch> for each pass, sometimes late,
 * and writes the objects' bytes one after another; its end is the end of the
 * epoch. Closing early ends the epoch too (docs/sagemaker.md, 2.6).
 *
 * (5) Never waits for ever: the deadline covers the FIFO's appearance and the
 *     first byte (or the end of an empty stream).
 * (6) A stop request is noticed within 0.1 s in each of these waits.
 * (7) A regular file in the FIFO's place is read like one. */
#ifndef MF_SAGEMAKER_CHANNEL_DATA_H
#define MF_SAGEMAKER_CHANNEL_DATA_H

#include "base/error.h"
#include "sagemaker/channels.h"

#include <stdbool.h>
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
MF_MUST_CHECK mf_channel_files *mf_channel_files_create(const mf_channel *channel, mf_error *err);

/* The same, but a folder without files is no failure. */
MF_MUST_CHECK mf_channel_files *mf_channel_files_list(const mf_channel *channel, mf_error *err);

/* NULL is fine. */
void mf_channel_files_destroy(mf_channel_files *files);

/* Ample for a platform that has the data ready, and still ends a job that
 * would otherwise be billed until its run-time limit. */
#define MF_PIPE_DEADLINE_SECONDS 600.0

/* Opens epoch `epoch` of the channel. *fd is the caller's to close; it does not
 * block: wait with poll() before each read(), looking at mf_stop_requested in
 * between (a read that would block fails with EAGAIN; 0 is the end).
 * Fails MF_ERR_IO: nothing appeared or nothing came within the deadline;
 * MF_ERR_STOPPED; MF_ERR_CONFIG: the channel is not in Pipe mode or a folder is
 * in the FIFO's place. */
MF_MUST_CHECK bool mf_pipe_open(const mf_channel *channel, unsigned epoch, double deadline_seconds,
                                int *fd, mf_error *err);

#endif
