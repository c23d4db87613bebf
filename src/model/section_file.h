/* section_file.h: arrays in one file, every byte of which counts.
 *
 * The container of model.bin and of the trainer's checkpoints. All numbers are
 * little-endian. The table stands at the end, so a writer needs to know nothing
 * in advance; every offset follows from the sizes, so two files with the same
 * sections are the same bytes.
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
 * (1) A file is opened only when every byte is as it was written. One bit
 *     flipped, one byte missing or one too many is refused, padding included.
 * (2) Order of checks: length, magic, version, counts, offsets, checksum.
 * (3) Sections of a kind come in the order of its names, each at most once. A
 *     section with another name is refused, unless the name begins with
 *     "optional.": a newer program may add those within a version.
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
    /* A check sees a section in pieces of at most this many bytes, still in the
     * nearest caches after hashing (16 … 256 KiB measured: no difference). */
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

/* What a file is. A section is meant everywhere by its place in names, so that a
 * program numbers its sections with an enum:
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

/* Begins a file that appears at path with commit, not before (base/file.h).
 * NULL: MF_ERR_IO, MF_ERR_MEMORY. */
MF_MUST_CHECK mf_section_writer *
mf_section_writer_create(const char *path, const mf_section_kind *kind, mf_error *err);

/* The format version of the file, 1 … kind->version, instead of the kind's: a file that older
 * programs can read keeps an older version. At any time before commit. MF_ERR_ARGUMENT: not one
 * of them. */
MF_MUST_CHECK bool mf_section_writer_set_version(mf_section_writer *writer, uint32_t version,
                                                 mf_error *err);

/* Begins the next section; what is appended until the next begin belongs to it.
 * MF_ERR_ARGUMENT when it is not after the one before it in the kind's names. */
MF_MUST_CHECK bool mf_section_writer_begin(mf_section_writer *writer, size_t section,
                                           mf_error *err);

/* Adds bytes to the section; each call is at least one write(). n_bytes 0 is fine. */
MF_MUST_CHECK bool mf_section_writer_append(mf_section_writer *writer, const void *bytes,
                                            size_t n_bytes, mf_error *err);

/* A whole section: begin and append. */
MF_MUST_CHECK bool mf_section_writer_add(mf_section_writer *writer, size_t section,
                                         const void *bytes, size_t n_bytes, mf_error *err);

/* Completes the file, syncs it and puts it in place. The writer is destroyed
 * whatever happens. */
MF_MUST_CHECK bool mf_section_writer_commit(mf_section_writer *writer, mf_error *err);

/* Gives up: nothing is left behind. NULL is fine. */
void mf_section_writer_destroy(mf_section_writer *writer);

/* --- reading ------------------------------------------------------------- */

typedef struct mf_section_file mf_section_file;

/* Looks at a file while it is opened, so that content is checked in the pass that
 * hashes it. Until open has returned a file its bytes may be damaged: both calls
 * may trust sizes and offsets, nothing else. */
typedef struct mf_section_check {
    /* Called once before the pass: finds the sections, checks their sizes. False
     * and an error refuses the file. */
    bool (*shapes)(void *context, const mf_section_file *file, mf_error *err);
    /* Called for each piece of each named section, in file order: bytes
     * [offset, offset + n_bytes) of the section, offset a multiple of
     * MF_SECTION_PIECE_BYTES. What is wrong it notes in its context: damage, if
     * that turns out to be the reason, is the better message. */
    void (*piece)(void *context, size_t section, size_t offset, size_t n_bytes);
    void *context;
} mf_section_check;

/* Maps and checks a file. check may be NULL. NULL on failure: MF_ERR_IO (missing,
 * unreadable), MF_ERR_FORMAT with the reason (a folder, empty, gzip, not of this
 * kind, truncated, newer version, damaged), MF_ERR_MEMORY.
 * Cost: one pass over the bytes at the speed of memory. */
MF_MUST_CHECK mf_section_file *mf_section_file_open(const char *path, const mf_section_kind *kind,
                                                    const mf_section_check *check, mf_error *err);

/* The same from a copy in memory, which nothing that happens to the file later can
 * change: a mapped file that is cut short under a reader kills it. */
MF_MUST_CHECK mf_section_file *mf_section_file_load(const char *path, const mf_section_kind *kind,
                                                    const mf_section_check *check, mf_error *err);

/* The same from bytes, which the caller keeps alive, 64-byte aligned
 * (MF_ERR_ARGUMENT). `name` stands in messages. */
MF_MUST_CHECK mf_section_file *mf_section_file_open_bytes(const void *bytes, size_t n_bytes,
                                                          const char *name,
                                                          const mf_section_kind *kind,
                                                          const mf_section_check *check,
                                                          mf_error *err);

/* NULL is fine. */
void mf_section_file_close(mf_section_file *file);

/* A section's first byte, 64-byte aligned, valid until close, and its size.
 * NULL when the file has no such section. */
const void *mf_section_file_get(const mf_section_file *file, size_t section, size_t *n_bytes);

/* The same for a section that must be there and hold exactly count elements of
 * `size` bytes: NULL and MF_ERR_FORMAT when not. Never NULL for count 0. */
MF_MUST_CHECK const void *mf_section_file_require(const mf_section_file *file, size_t section,
                                                  uint64_t count, size_t size, mf_error *err);

/* The checksum of its header; equal files, equal checksums. */
uint64_t mf_section_file_checksum(const mf_section_file *file);

/* The format version of its header: 1 … the kind's. */
uint32_t mf_section_file_version(const mf_section_file *file);

/* The size of the whole file. */
size_t mf_section_file_bytes(const mf_section_file *file);

/* The section at a place of the file's own table, for reports: also one that the kind does not
 * name. name is valid until close. False behind the last one. */
bool mf_section_file_row(const mf_section_file *file, size_t row, const char **name,
                         uint64_t *n_bytes);

/* For messages of those who check content: where.path is the file's name. */
mf_where mf_section_file_where(const mf_section_file *file);

/* True when all bytes are 0. */
bool mf_section_is_zero(const void *bytes, size_t n_bytes);

/* The checksum that n_bytes ≥ 64 bytes should carry at offset 56. For tests and
 * tools that mend a file on purpose. */
uint64_t mf_section_checksum(const void *bytes, size_t n_bytes);

#endif
