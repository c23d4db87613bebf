/* data_share.h: the files of a channel, read by several hosts together.
 *
 * Pieces of about equal bytes in all: of a sharded channel each host reads its own files. Else files
 * are dealt out in their order, and one in which a host's share ends is cut there behind a line end.
 * Not cut, but read whole by one host, are files that are packed, not UTF-8, JSON other than an object
 * a line, or CSV with quotes behind the header. To know that, each host goes through its part twice.
 *
 * What all have read goes to every host (ratings/part.h), which then has all ratings.
 *
 * While this host reads, it tells the others every 0.1 s or oftener that it still does, so that a host
 * with a small share does not give up a host with a large one. */
#ifndef MF_TRAIN_DATA_SHARE_H
#define MF_TRAIN_DATA_SHARE_H

#include "base/error.h"
#include "data_files.h"
#include "data_plan.h"
#include "ratings/ratings.h"

/* All hosts, of which there are several: a reader that holds what the plan says, for
 * mf_ratings_reader_finish. NULL: as mf_ratings_reader_add, on all hosts with the same sentence;
 * MF_ERR_IO, MF_ERR_MEMORY, MF_ERR_STOPPED. */
mf_ratings_reader *mf_data_share_read(const mf_channel *channel, const mf_data_files *files,
                                      const mf_data_plan *plan, const mf_ratings_options *options,
                                      mf_error *err);

#endif
