/* tar.h: the members of a tar archive, packed with gzip or not, in one pass.
 *
 * Reads ustar, pax, GNU long names and v7. Written here because libarchive would
 * bring ICU into the image.
 *
 * (1) Every member is a regular file or a folder, and its name stays below the
 *     archive's folder. A link, a device, a FIFO, a sparse file, an unknown type,
 *     an absolute path or a ".." part makes the whole archive refused.
 * (2) Every header's checksum is right, and the archive ends with its end mark
 *     (gzip: and with its checksum); else it is damaged or truncated.
 * (3) Nothing is trusted before the end: mf_tar_next may fail after members were
 *     read, and then all of them count for nothing.
 * (4) At most limit_bytes of archive, MF_TAR_MEMBERS_MAX members and
 *     MF_TAR_EXTENDED_BYTES_MAX of one extended header are read.
 *
 * Errors name the archive and are MF_ERR_FORMAT (refused, damaged, truncated),
 * MF_ERR_LIMIT, MF_ERR_IO, MF_ERR_MEMORY. Threads: one archive, one thread. */
#ifndef MF_SAGEMAKER_TAR_H
#define MF_SAGEMAKER_TAR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_TAR_MEMBERS_MAX = 100000, MF_TAR_EXTENDED_BYTES_MAX = 1 << 20 };

typedef struct mf_tar mf_tar;

typedef struct mf_tar_member {
    const char *name; /* "model.bin", "a/b": no "./", no slash at the end; until the next call */
    uint64_t n_bytes;
    bool is_folder;
} mf_tar_member;

/* NULL on failure. */
MF_MUST_CHECK mf_tar *mf_tar_open(const char *path, uint64_t limit_bytes, mf_error *err);

/* From bytes[0..n_bytes), which outlive it; name stands for the path. */
MF_MUST_CHECK mf_tar *mf_tar_open_bytes(const void *bytes, size_t n_bytes, const char *name,
                                        uint64_t limit_bytes, mf_error *err);

/* The next member, whether or not the last one was read; member->name is NULL
 * after the last. */
MF_MUST_CHECK bool mf_tar_next(mf_tar *tar, mf_tar_member *member, mf_error *err);

/* The next bytes of the member; *n_read is less than n_bytes only at its end. */
MF_MUST_CHECK bool mf_tar_read(mf_tar *tar, void *bytes, size_t n_bytes, size_t *n_read,
                               mf_error *err);

/* NULL is fine. */
void mf_tar_close(mf_tar *tar);

#endif
