/* tar_header.h: the blocks of a tar archive, one at a time, without any input.
 *
 * A header block (POSIX.1-2017 pax, ustar; GNU differs where said):
 *
 *   offset  size  field
 *        0   100  name
 *      124    12  size, octal; GNU: base 256 when the first bit is set
 *      148     8  checksum: sum of all bytes, these eight counted as blanks
 *      156     1  type
 *      157   100  target of a link
 *      257     8  "ustar\0" "00", or GNU "ustar  \0", or anything (v7)
 *      345   155  prefix of name (ustar only: GNU keeps other things there) */
#ifndef MF_SAGEMAKER_TAR_HEADER_H
#define MF_SAGEMAKER_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_TAR_BLOCK_BYTES = 512, MF_TAR_NAME_BYTES = 4097 };

typedef struct mf_tar_header {
    char name[257]; /* prefix/name, as it stands there */
    uint64_t n_bytes;
    char type;
} mf_tar_header;

typedef enum mf_tar_block {
    MF_TAR_HEADER,
    MF_TAR_ZERO,   /* all zero: half of the end mark */
    MF_TAR_DAMAGED /* wrong checksum or size */
} mf_tar_block;

mf_tar_block mf_tar_header_read(const unsigned char block[MF_TAR_BLOCK_BYTES],
                                mf_tar_header *header);

/* What an extended header ("LENGTH KEY=VALUE\n" …) says about the next member. */
typedef struct mf_tar_pax {
    bool has_name;
    bool has_size;
    bool is_sparse; /* GNU's sparse files: bytes alone do not make the file */
    uint64_t n_bytes;
    char name[MF_TAR_NAME_BYTES];
} mf_tar_pax;

/* Adds records[0..n_bytes) to *pax. False when they are not well-formed or the
 * name is too long or holds a zero byte. */
bool mf_tar_pax_read(const char *records, size_t n_bytes, mf_tar_pax *pax);

/* Brings a member's name into its plainest form, in place: no "." parts, no
 * double slashes, none at the end; "./" becomes "". False when the name could
 * lead out of a folder: absolute or with a ".." part. */
bool mf_tar_name_clean(char *name);

#endif
