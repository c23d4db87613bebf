/* file.h: small files read whole, and files that appear complete or not at all.
 *
 * Writing: create a temporary file beside the target (its name ends in MF_FILE_TEMPORARY_SUFFIX,
 * which SageMaker's checkpoint upload leaves alone), write, commit. Commit syncs the data, closes,
 * renames, and syncs the folder. Until the rename the final name belongs to the previous file, or
 * does not exist; after it, to the complete new file.
 *
 * Threads: one mf_file_writer per thread. */
#ifndef MF_BASE_FILE_H
#define MF_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MF_FILE_TEMPORARY_SUFFIX ".sagemaker-ignore"

/* Reads a whole regular file of at most `limit` bytes into a block of the caller's (mf_free), with
 * a zero byte after the last. Fails MF_ERR_IO (missing, unreadable, a folder), MF_ERR_LIMIT. */
MF_MUST_CHECK bool mf_file_read(const char *path, size_t limit, char **bytes, size_t *n_bytes,
                                mf_error *err);

/* True when something exists at path. */
bool mf_file_exists(const char *path);

/* Creates a folder and its parents, mode 0777 less the umask; an existing folder is fine. */
MF_MUST_CHECK bool mf_folder_create(const char *path, mf_error *err);

typedef struct mf_file_writer mf_file_writer;

/* Starts writing `path`. NULL and MF_ERR_IO when the folder cannot be written. */
MF_MUST_CHECK mf_file_writer *mf_file_writer_create(const char *path, mf_error *err);

/* Appends; buffered by the kernel only, so write large pieces. MF_ERR_IO names the path and the
 * reason (disk full). */
MF_MUST_CHECK bool mf_file_writer_append(mf_file_writer *writer, const void *bytes, size_t n_bytes,
                                         mf_error *err);

/* Overwrites n_bytes at an offset already written (a header that is known last). */
MF_MUST_CHECK bool mf_file_writer_patch(mf_file_writer *writer, uint64_t offset, const void *bytes,
                                        size_t n_bytes, mf_error *err);

/* Gives the file its final name. The writer is destroyed in any case. On failure (MF_ERR_IO: the
 * sync, the close or the rename) only the temporary file is removed: a previous file of that name
 * stays as it was. A folder that cannot be synced is no failure. */
MF_MUST_CHECK bool mf_file_writer_commit(mf_file_writer *writer, mf_error *err);

/* Removes the temporary file. NULL is fine. */
void mf_file_writer_destroy(mf_file_writer *writer);

/* All of the above in one call. */
MF_MUST_CHECK bool mf_file_write(const char *path, const void *bytes, size_t n_bytes,
                                 mf_error *err);

#endif
