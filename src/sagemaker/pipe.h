/* pipe.h: one epoch of a Pipe mode channel.
 *
 * The platform creates a FIFO <channel>_<epoch> for each pass, sometimes late,
 * and writes the objects' bytes one after another; its end is the end of the
 * epoch. Closing early ends the epoch too (docs/sagemaker.md, 2.6).
 *
 * (1) Never waits for ever: the deadline covers the FIFO's appearance and the
 *     first byte (or the end of an empty stream).
 * (2) A stop request is noticed within 0.1 s in each of these waits.
 * (3) A regular file in the FIFO's place is read like one. */
#ifndef MF_SAGEMAKER_PIPE_H
#define MF_SAGEMAKER_PIPE_H

#include "base/error.h"
#include "sagemaker/channels.h"

#include <stdbool.h>

/* Ample for a platform that has the data at hand, and still ends a job that
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
