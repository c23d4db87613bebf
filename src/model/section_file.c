/* section_file.c: reads section files.
 *
 * First the structure: header and table. Offsets follow from sizes, so each has one correct value.
 * The header is read before the rest of the file, so that a wrong file takes no memory. Then one pass in file order: each piece is hashed and, while it is in the cache, checked. The
 * header is hashed last because it is written last. */
#include "model/section_file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef enum origin { BORROWED, MAPPED, COPIED } origin;

struct mf_section_file {
    const unsigned char *bytes;
    size_t n_bytes;
    origin bytes_are;
    const mf_section_kind *kind;
    mf_section_header header;
    const mf_section_entry *table; /* in bytes */
    size_t named[MF_SECTIONS_MAX]; /* table row → the kind's section, or UNNAMED */
    size_t row[MF_SECTIONS_MAX];   /* the kind's section → table row, or UNNAMED */
    char name[];
};

static const size_t UNNAMED = SIZE_MAX;

static uint64_t align_up(uint64_t offset)
{
    return (offset + MF_SECTION_ALIGNMENT - 1) / MF_SECTION_ALIGNMENT * MF_SECTION_ALIGNMENT;
}

bool mf_section_is_zero(const void *bytes, size_t n_bytes)
{
    const unsigned char *next = bytes;
    unsigned char any = 0;
    for (size_t i = 0; i < n_bytes; i++)
        any |= next[i];
    return any == 0;
}

mf_where mf_section_file_where(const mf_section_file *file)
{
    return (mf_where){.path = file->name};
}

/* "damaged model: …": for everything that only damage can cause. */
#define FAIL_DAMAGED(file, err, format, ...)                                                       \
    FAIL(file, err, "damaged %s: " format, (file)->kind->noun, ##__VA_ARGS__)

#define FAIL(file, err, ...) mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(file), __VA_ARGS__)

/* --- structure ----------------------------------------------------------- */

static bool fail_foreign(const mf_section_file *file, const void *first, mf_error *err)
{
    static const unsigned char gzip[] = {0x1F, 0x8B};
    if (file->n_bytes >= sizeof gzip && memcmp(first, gzip, sizeof gzip) == 0)
        return FAIL(file, err, "a gzip archive, not a %s: unpack it first (tar -xzf model.tar.gz)",
                    file->kind->noun);
    char text[64];
    mf_printable(text, sizeof text, first, file->n_bytes < 8 ? file->n_bytes : 8);
    return FAIL(file, err, "not a %s of this program: its first bytes are \"%s\"", file->kind->noun,
                text);
}

/* first: the first bytes of the file, up to a header's. */
static bool check_header(mf_section_file *file, const void *first, mf_error *err)
{
    const char *noun = file->kind->noun;
    if (file->n_bytes == 0)
        return FAIL(file, err, "an empty file, not a %s", noun);
    const size_t n_magic =
        file->n_bytes < sizeof file->kind->magic ? file->n_bytes : sizeof file->kind->magic;
    if (memcmp(first, file->kind->magic, n_magic) != 0)
        return fail_foreign(file, first, err);
    if (file->n_bytes < sizeof(mf_section_header))
        return FAIL(file, err, "truncated %s: %zu bytes are there, its header alone has %zu", noun,
                    file->n_bytes, sizeof(mf_section_header));
    mf_section_header *header = &file->header;
    memcpy(header, first, sizeof *header);
    if (header->version > file->kind->version)
        return FAIL(file, err,
                    "a %s of format version %lu, this program reads up to version %lu: it was "
                    "written by a newer release",
                    noun, (unsigned long)header->version, (unsigned long)file->kind->version);
    if (header->version == 0 || header->header_bytes != sizeof *header)
        return FAIL_DAMAGED(file, err, "its header is of version %lu and has %lu bytes",
                            (unsigned long)header->version, (unsigned long)header->header_bytes);
    if (header->file_bytes > file->n_bytes)
        return FAIL(file, err, "truncated %s: %zu of %llu bytes are there", noun, file->n_bytes,
                    (unsigned long long)header->file_bytes);
    if (header->file_bytes < file->n_bytes)
        return FAIL_DAMAGED(file, err, "%llu bytes follow its end",
                            (unsigned long long)(file->n_bytes - header->file_bytes));
    if (header->n_sections > MF_SECTIONS_MAX)
        return FAIL_DAMAGED(file, err, "its header counts %lu sections, %d are the most",
                            (unsigned long)header->n_sections, MF_SECTIONS_MAX);
    const uint64_t table_bytes = (uint64_t)header->n_sections * sizeof(mf_section_entry);
    if (header->file_bytes < sizeof *header + table_bytes ||
        header->table_offset != header->file_bytes - table_bytes ||
        header->table_offset % MF_SECTION_ALIGNMENT != 0)
        return FAIL_DAMAGED(file, err, "its section table is not at its end");
    if (!mf_section_is_zero(header->zero, sizeof header->zero))
        return FAIL_DAMAGED(file, err, "its header has bytes that should be zero");
    return true;
}

static bool name_is_text(const char name[MF_SECTION_NAME_BYTES])
{
    const size_t n = strnlen(name, MF_SECTION_NAME_BYTES);
    return n > 0 && n < MF_SECTION_NAME_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == n &&
           mf_section_is_zero(name + n, MF_SECTION_NAME_BYTES - n);
}

/* Promise (3): finds the row's name among the kind's names from *next on. */
static bool check_name(mf_section_file *file, size_t row, size_t *next, mf_error *err)
{
    const char *name = file->table[row].name;
    for (size_t before = 0; before < row; before++)
        if (strcmp(file->table[before].name, name) == 0)
            return FAIL_DAMAGED(file, err, "it has two sections %s", name);
    file->named[row] = UNNAMED;
    for (size_t section = 0; section < file->kind->n_names; section++) {
        if (strcmp(file->kind->names[section], name) != 0)
            continue;
        if (section < *next)
            return FAIL_DAMAGED(file, err, "its section %s is out of order", name);
        file->named[row] = section;
        file->row[section] = row;
        *next = section + 1;
        return true;
    }
    const size_t n_prefix = sizeof MF_SECTION_OPTIONAL_PREFIX - 1;
    if (strncmp(name, MF_SECTION_OPTIONAL_PREFIX, n_prefix) == 0)
        return true;
    return FAIL_DAMAGED(file, err, "its section \"%s\" is not one that this program knows", name);
}

static bool check_table(mf_section_file *file, mf_error *err)
{
    for (size_t section = 0; section < MF_SECTIONS_MAX; section++)
        file->row[section] = UNNAMED;
    uint64_t end = sizeof(mf_section_header);
    size_t next_name = 0;
    for (size_t row = 0; row < file->header.n_sections; row++) {
        const mf_section_entry *entry = &file->table[row];
        if (!name_is_text(entry->name))
            return FAIL_DAMAGED(file, err, "the name of its section %zu is not a name", row + 1);
        if (entry->offset != align_up(end) || entry->offset > file->header.table_offset ||
            entry->n_bytes > file->header.table_offset - entry->offset ||
            !mf_section_is_zero(entry->zero, sizeof entry->zero))
            return FAIL_DAMAGED(file, err, "its section %s is not where it should be", entry->name);
        if (!mf_section_is_zero(file->bytes + end, (size_t)(entry->offset - end)))
            return FAIL_DAMAGED(file, err, "the bytes before its section %s are not zero",
                                entry->name);
        if (!check_name(file, row, &next_name, err))
            return false;
        end = entry->offset + entry->n_bytes;
    }
    if (file->header.table_offset != align_up(end) ||
        !mf_section_is_zero(file->bytes + end, (size_t)(file->header.table_offset - end)))
        return FAIL_DAMAGED(file, err, "the bytes before its section table are not zero");
    return true;
}

/* --- the pass over all bytes --------------------------------------------- */

static bool check_bytes(const mf_section_file *file, const mf_section_check *check, mf_error *err)
{
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    for (size_t row = 0; row < file->header.n_sections; row++) {
        const mf_section_entry *entry = &file->table[row];
        const unsigned char *section = file->bytes + entry->offset;
        const size_t n_bytes = (size_t)entry->n_bytes;
        for (size_t offset = 0; offset < n_bytes; offset += MF_SECTION_PIECE_BYTES) {
            const size_t left = n_bytes - offset;
            const size_t piece = left < MF_SECTION_PIECE_BYTES ? left : MF_SECTION_PIECE_BYTES;
            XXH3_64bits_update(&hash, section + offset, piece);
            if (check != NULL && file->named[row] != UNNAMED)
                check->piece(check->context, file->named[row], offset, piece);
        }
        XXH3_64bits_update(&hash, section + n_bytes,
                           (size_t)(align_up(entry->offset + n_bytes) - entry->offset) - n_bytes);
    }
    XXH3_64bits_update(&hash, file->table, file->header.n_sections * sizeof *file->table);
    mf_section_header header = file->header;
    header.checksum = 0;
    XXH3_64bits_update(&hash, &header, sizeof header);
    const uint64_t found = XXH3_64bits_digest(&hash);
    if (found != file->header.checksum)
        return FAIL_DAMAGED(file, err, "its checksum is %016llx, its header says %016llx",
                            (unsigned long long)found, (unsigned long long)file->header.checksum);
    return true;
}

/* --- opening and closing ------------------------------------------------- */

static void release(const void *bytes, size_t n_bytes, origin bytes_are)
{
    if (bytes_are == MAPPED)
        munmap(mf_without_const(bytes), n_bytes);
    else if (bytes_are == COPIED)
        mf_free(bytes);
}

/* A file of n_bytes whose header is right; its other bytes are still to come. */
static mf_section_file *begin(const void *first, size_t n_bytes, const char *name,
                              const mf_section_kind *kind, mf_error *err)
{
    const size_t n_name = strlen(name);
    mf_section_file *file =
        mf_allocate(sizeof(mf_section_file) + n_name + 1, 1, "an open file", err);
    if (file == NULL)
        return NULL;
    file->n_bytes = n_bytes;
    file->kind = kind;
    memcpy(file->name, name, n_name + 1);
    if (check_header(file, first, err))
        return file;
    mf_free(file);
    return NULL;
}

/* Checks the rest, which the file takes over. NULL: and closed. bytes NULL: *err is set already. */
static mf_section_file *finish(mf_section_file *file, const void *bytes, origin bytes_are,
                               const mf_section_check *check, mf_error *err)
{
    if (bytes != NULL) {
        file->bytes = bytes;
        file->bytes_are = bytes_are;
        file->table = (const mf_section_entry *)(file->bytes + file->header.table_offset);
        if (check_table(file, err) && (check == NULL || check->shapes(check->context, file, err)) &&
            check_bytes(file, check, err))
            return file;
    }
    mf_section_file_close(file);
    return NULL;
}

bool mf_section_file_check_start(const void *first, uint64_t n_bytes, const char *name,
                                 const mf_section_kind *kind, mf_error *err)
{
    mf_section_file *file = begin(first, n_bytes, name, kind, err);
    mf_free(file);
    return file != NULL;
}

mf_section_file *mf_section_file_open_bytes(const void *bytes, size_t n_bytes, const char *name,
                                            const mf_section_kind *kind,
                                            const mf_section_check *check, mf_error *err)
{
    if ((uintptr_t)bytes % MF_SECTION_ALIGNMENT != 0) {
        mf_fail(err, MF_ERR_ARGUMENT, (mf_where){.path = name},
                "the bytes of a %s start on a multiple of %d", kind->noun, MF_SECTION_ALIGNMENT);
        return NULL;
    }
    mf_section_file *file = begin(bytes, n_bytes, name, kind, err);
    return file != NULL ? finish(file, bytes, BORROWED, check, err) : NULL;
}

/* Measured with 400 MB, in the page cache and not: MAP_POPULATE, MADV_SEQUENTIAL, MADV_WILLNEED and
 * MADV_HUGEPAGE are no faster than nothing (86 and 260 ms). */
static void *map_bytes(int fd, size_t n_bytes, mf_where where, const char *noun, mf_error *err)
{
    void *map = mmap(NULL, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED)
        return map;
    mf_fail_errno(err, errno, where, "the %s cannot be mapped", noun);
    return NULL;
}

/* The first n_bytes of the file. */
static bool read_bytes(int fd, void *bytes, size_t n_bytes, mf_where where, const char *noun,
                       mf_error *err)
{
    for (size_t done = 0; done < n_bytes;) {
        const ssize_t n = pread(fd, (char *)bytes + done, n_bytes - done, (off_t)done);
        if (n == 0)
            return mf_fail(err, MF_ERR_FORMAT, where, "the %s became shorter while it was read",
                           noun);
        if (n < 0 && errno != EINTR)
            return mf_fail_errno(err, errno, where, "the %s cannot be read", noun);
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static void *copy_bytes(int fd, size_t n_bytes, mf_where where, const char *noun, mf_error *err)
{
    void *copy = mf_allocate(n_bytes, 1, noun, err);
    if (copy == NULL || read_bytes(fd, copy, n_bytes, where, noun, err))
        return copy;
    mf_free(copy);
    return NULL;
}

static mf_section_file *open_path(const char *path, origin bytes_are, const mf_section_kind *kind,
                                  const mf_section_check *check, mf_error *err)
{
    mf_section_file *file = NULL;
    const mf_where where = {.path = path};
    struct stat status;
    /* O_NONBLOCK: open() of a FIFO without a writer would wait. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        mf_fail_errno(err, errno, where, "the %s cannot be opened", kind->noun);
        return NULL;
    }
    if (fstat(fd, &status) != 0) {
        mf_fail_errno(err, errno, where, "the %s cannot be read", kind->noun);
    } else if (!S_ISREG(status.st_mode)) {
        mf_fail(err, MF_ERR_FORMAT, where, "%s, not a %s",
                S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe", kind->noun);
    } else {
        const size_t n_bytes = (size_t)status.st_size;
        mf_section_header first;
        if (read_bytes(fd, &first, n_bytes < sizeof first ? n_bytes : sizeof first, where,
                       kind->noun, err))
            file = begin(&first, n_bytes, path, kind, err);
        if (file != NULL) {
            void *bytes = bytes_are == MAPPED ? map_bytes(fd, n_bytes, where, kind->noun, err)
                                              : copy_bytes(fd, n_bytes, where, kind->noun, err);
            file = finish(file, bytes, bytes_are, check, err);
        }
    }
    close(fd);
    return file;
}

mf_section_file *mf_section_file_open(const char *path, const mf_section_kind *kind,
                                      const mf_section_check *check, mf_error *err)
{
    return open_path(path, MAPPED, kind, check, err);
}

mf_section_file *mf_section_file_load(const char *path, const mf_section_kind *kind,
                                      const mf_section_check *check, mf_error *err)
{
    return open_path(path, COPIED, kind, check, err);
}

void mf_section_file_close(mf_section_file *file)
{
    if (file == NULL)
        return;
    release(file->bytes, file->n_bytes, file->bytes_are);
    mf_free(file);
}

const void *mf_section_file_get(const mf_section_file *file, size_t section, size_t *n_bytes)
{
    const size_t row = section < MF_SECTIONS_MAX ? file->row[section] : UNNAMED;
    if (row == UNNAMED)
        return NULL;
    *n_bytes = (size_t)file->table[row].n_bytes;
    return file->bytes + file->table[row].offset;
}

const void *mf_section_file_require(const mf_section_file *file, size_t section, uint64_t count,
                                    size_t size, mf_error *err)
{
    size_t n_bytes, wanted;
    const void *bytes = mf_section_file_get(file, section, &n_bytes);
    if (bytes == NULL) {
        FAIL_DAMAGED(file, err, "it has no section %s", file->kind->names[section]);
        return NULL;
    }
    if (!mf_mul(count, size, &wanted) || wanted != n_bytes) {
        FAIL_DAMAGED(file, err, "its section %s has %zu bytes where %llu × %zu belong",
                     file->kind->names[section], n_bytes, (unsigned long long)count, size);
        return NULL;
    }
    return bytes;
}

const mf_section_header *mf_section_file_header(const mf_section_file *file)
{
    return &file->header;
}

bool mf_section_file_row(const mf_section_file *file, size_t row, const char **name,
                         uint64_t *n_bytes)
{
    if (row >= file->header.n_sections)
        return false;
    *name = file->table[row].name;
    *n_bytes = file->table[row].n_bytes;
    return true;
}
