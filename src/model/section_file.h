/* section_file.h: named arrays in one file, the container of model.bin and of checkpoints.
 *
 * All numbers are little-endian. The table is at the end, so a writer needs no sizes in advance.
 * Offsets follow from the sizes, so files with the same sections have the same bytes.
 *
 *   offset  size  header
 *        0     8  magic, e.g. "MFMODEL\0"
 *        8     4  format version
 *       12     4  header_bytes, 64
 *       16     8  file_bytes
 *       24     8  table_offset
 *       32     4  n_sections
 *       36    20  zero
 *       56     8  checksum: XXH3-64 (seed 0) of the bytes from 64 to the end and
 *                 then of these first 64 with the checksum as zero
 *
 *       64        the sections in turn, each at the next multiple of 64, zeros
 *                 between; then, at the next multiple of 64, one entry for each:
 *
 *        0    32  name, zeros to the end
 *       32     8  offset from the start of the file
 *       40     8  n_bytes
 *       48    16  zero
 *
 * (1) A file is opened only when every byte is as it was written, padding included: a flipped bit,
 *     a missing byte and an additional byte are errors.
 * (2) Order of checks: magic, version, length, counts, offsets, checksum. Before the length is
 *     found right, 64 bytes are read.
 * (3) Sections have the order of the kind's names, each at most once. Another name is an error,
 *     unless it begins with "optional.": a newer program may add those within a version.
 *
 * Threads: any number may read one mf_section_file; a writer belongs to one. */
#ifndef MF_MODEL_SECTION_FILE_H
#define MF_MODEL_SECTION_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_SECTION_ALIGNMENT = 64,
    MF_SECTION_NAME_BYTES = 32, /* at most 31 characters a-z 0-9 _ . and a zero */
    MF_SECTIONS_MAX = 64,
    /* A check gets a section in pieces of at most this many bytes, which are still in the nearest
     * caches after hashing (16 … 256 KiB: no difference). */
    MF_SECTION_PIECE_BYTES = 32 * 1024,
};

#define MF_SECTION_OPTIONAL_PREFIX "optional."

typedef struct mf_section_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    uint64_t table_offset;
    uint32_t n_sections;
    uint32_t zero[5];
    uint64_t checksum;
} mf_section_header;

typedef struct mf_section_entry {
    char name[MF_SECTION_NAME_BYTES];
    uint64_t offset;
    uint64_t n_bytes;
    uint64_t zero[2];
} mf_section_entry;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are mapped as they are");
/* Sizes add up to 64, so there are no gaps: offsets are those of the tables above. */
_Static_assert(sizeof(mf_section_header) == 64, "byte table");
_Static_assert(sizeof(mf_section_entry) == 64, "byte table");

/* A kind of file. A section is denoted by its index in names, so that a program numbers its
 * sections with an enum:
 *
 *   enum { STATE, USER_BIAS, N_SECTIONS };
 *   static const char *const names[] = {[STATE] = "state", [USER_BIAS] = "user_bias"};
 *   static const mf_section_kind checkpoint = {
 *       "MFCHECK", 1, "checkpoint", names, N_SECTIONS};
 *
 * Borrowed by writers and files; meant to be static. */
typedef struct mf_section_kind {
    char magic[8];
    uint32_t version; /* the newest one read; written unless a writer says otherwise */
    const char *noun; /* in messages: "truncated checkpoint: …" */
    const char *const *names;
    size_t n_names; /* ≤ MF_SECTIONS_MAX */
} mf_section_kind;

/* --- writing ------------------------------------------------------------- */

typedef struct mf_section_writer mf_section_writer;

/* Begins a file that appears at path on commit (base/file.h). NULL: MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK mf_section_writer *
mf_section_writer_create(const char *path, const mf_section_kind *kind, mf_error *err);

/* Sets the format version of the file, 1 … kind->version (else MF_ERR_ARGUMENT), at any time before
 * commit; by default the kind's. A file that older programs can read keeps an older version. */
MF_MUST_CHECK bool mf_section_writer_set_version(mf_section_writer *writer, uint32_t version,
                                                 mf_error *err);

/* Writes the next section. n_bytes 0 is fine. MF_ERR_ARGUMENT when it is not after the previous one
 * in the kind's names. */
MF_MUST_CHECK bool mf_section_writer_add(mf_section_writer *writer, size_t section,
                                         const void *bytes, size_t n_bytes, mf_error *err);

/* The same in pieces: begins the next section, and appends to the one that was begun last. */
MF_MUST_CHECK bool mf_section_writer_begin(mf_section_writer *writer, size_t section,
                                           mf_error *err);
MF_MUST_CHECK bool mf_section_writer_append(mf_section_writer *writer, const void *bytes,
                                            size_t n_bytes, mf_error *err);

/* Completes the file, syncs it and renames it. The writer is destroyed in any case. */
MF_MUST_CHECK bool mf_section_writer_commit(mf_section_writer *writer, mf_error *err);

/* Removes the incomplete file. NULL is fine. */
void mf_section_writer_destroy(mf_section_writer *writer);

/* --- reading ------------------------------------------------------------- */

typedef struct mf_section_file mf_section_file;

/* Checks the content of a file in the pass that hashes it. Until open has returned, the bytes may
 * be damaged: both calls may rely on sizes and offsets, on nothing else. */
typedef struct mf_section_check {
    /* Called once before the pass: finds the sections, checks their sizes. False and an error: the
     * file is not opened. */
    bool (*shapes)(void *context, const mf_section_file *file, mf_error *err);
    /* Called for each piece of each named section, in file order: bytes [offset, offset + n_bytes)
     * of the section, offset a multiple of MF_SECTION_PIECE_BYTES. It records a finding in its
     * context: if the file turns out to be damaged, that is the better message. */
    void (*piece)(void *context, size_t section, size_t offset, size_t n_bytes);
    void *context;
} mf_section_check;

/* Maps and checks a file. check may be NULL. NULL on failure: MF_ERR_IO (missing,
 * unreadable), MF_ERR_FORMAT with the reason (a folder, empty, gzip, not of this
 * kind, truncated, newer version, damaged), MF_ERR_MEMORY.
 * Cost: one pass over the bytes at the speed of memory. */
MF_MUST_CHECK mf_section_file *mf_section_file_open(const char *path, const mf_section_kind *kind,
                                                    const mf_section_check *check, mf_error *err);

/* The same from a copy in memory. A mapped file that is truncated kills its reader; a copy does not
 * depend on the file. */
MF_MUST_CHECK mf_section_file *mf_section_file_load(const char *path, const mf_section_kind *kind,
                                                    const mf_section_check *check, mf_error *err);

/* The same from borrowed bytes, 64-byte aligned (else MF_ERR_ARGUMENT). `name` is used in messages. */
MF_MUST_CHECK mf_section_file *mf_section_file_open_bytes(const void *bytes, size_t n_bytes,
                                                          const char *name,
                                                          const mf_section_kind *kind,
                                                          const mf_section_check *check,
                                                          mf_error *err);

/* Checks the header of a file of n_bytes before the rest is there: magic, version, size. first: its
 * first min(n_bytes, 64) bytes. MF_ERR_FORMAT as above, MF_ERR_MEMORY. */
MF_MUST_CHECK bool mf_section_file_check_start(const void *first, uint64_t n_bytes,
                                               const char *name, const mf_section_kind *kind,
                                               mf_error *err);

/* NULL is fine. */
void mf_section_file_close(mf_section_file *file);

/* A section's first byte, 64-byte aligned, valid until close, and its size. NULL when the file has
 * no such section. */
const void *mf_section_file_get(const mf_section_file *file, size_t section, size_t *n_bytes);

/* The same for a section that must exist with exactly count elements of `size` bytes; else NULL and
 * MF_ERR_FORMAT. Never NULL for count 0. */
MF_MUST_CHECK const void *mf_section_file_require(const mf_section_file *file, size_t section,
                                                  uint64_t count, size_t size, mf_error *err);

/* The header: format version, size of the file, checksum (equal files, equal checksums). */
const mf_section_header *mf_section_file_header(const mf_section_file *file);

/* The section in row `row` of the file's table, for reports; also one that the kind does not name.
 * name is valid until close. False after the last row. */
bool mf_section_file_row(const mf_section_file *file, size_t row, const char **name,
                         uint64_t *n_bytes);

/* For messages about the content: where.path is the name of the file. */
mf_where mf_section_file_where(const mf_section_file *file);

/* True when all bytes are 0. */
bool mf_section_is_zero(const void *bytes, size_t n_bytes);

#endif
