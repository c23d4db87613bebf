/* tar.c: header blocks one at a time, then members in one pass over the input.
 *
 * A header block (POSIX.1-2017 pax, ustar; GNU differs where noted):
 *
 *   offset  size  field
 *        0   100  name
 *      124    12  size, octal; GNU: base 256 when the first bit is set
 *      148     8  checksum: sum of all bytes, these eight counted as blanks
 *      156     1  type
 *      157   100  target of a link
 *      257     8  "ustar\0" "00", or GNU "ustar  \0", or anything (v7)
 *      345   155  prefix of name (ustar only: GNU keeps other things there) */
#include "sagemaker/tar.h"

#include "base/memory.h"
#include "base/number.h"
#include "base/stop.h"
#include "sagemaker/packed.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 512, PATH_BYTES = 4097 };

typedef struct tar_header {
    char name[257]; /* prefix/name, as it stands there */
    uint64_t n_bytes;
    char type;
} tar_header;

typedef enum block_kind {
    BLOCK_HEADER,
    BLOCK_ZERO,   /* all zero: half of the end mark */
    BLOCK_DAMAGED /* wrong checksum or size */
} block_kind;

/* What an extended header ("LENGTH KEY=VALUE\n" …) tells about the next member. */
typedef struct tar_pax {
    bool has_name;
    bool has_size;
    bool is_sparse; /* GNU's sparse files: bytes alone do not make the file */
    uint64_t n_bytes;
    char name[PATH_BYTES];
} tar_pax;

/* ---- blocks, without any input ---- */

/* Offsets and sizes of the table in the header. */
enum {
    NAME_BYTES = 100,
    SIZE_AT = 124,
    SIZE_BYTES = 12,
    CHECKSUM_AT = 148,
    CHECKSUM_BYTES = 8,
    TYPE_AT = 156,
    MAGIC_AT = 257,
    PREFIX_AT = 345,
    PREFIX_BYTES = 155,
};

static bool read_octal(const unsigned char *field, size_t n, uint64_t *value)
{
    uint64_t parsed = 0;
    size_t i = 0;
    while (i < n && field[i] == ' ')
        i++;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        parsed = parsed * 8 + (uint64_t)(field[i] - '0');
    for (; i < n; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    *value = parsed; /* at most 12 digits: fits */
    return true;
}

static bool read_size(const unsigned char field[SIZE_BYTES], uint64_t *value)
{
    if ((field[0] & 0x80) == 0)
        return read_octal(field, SIZE_BYTES, value);
    /* GNU, base 256: 95 bits after the first; what does not fit into 63 (and so
     * every negative number) is no size. */
    for (size_t i = 0; i < SIZE_BYTES - 8; i++)
        if (field[i] != (i == 0 ? 0x80 : 0))
            return false;
    uint64_t parsed = 0;
    for (size_t i = SIZE_BYTES - 8; i < SIZE_BYTES; i++)
        parsed = parsed << 8 | field[i];
    *value = parsed;
    return parsed <= INT64_MAX;
}

static bool checksum_is_right(const unsigned char *block)
{
    uint64_t wanted;
    if (!read_octal(block + CHECKSUM_AT, CHECKSUM_BYTES, &wanted))
        return false;
    /* Some old archivers summed signed bytes. */
    uint64_t sum = 0;
    int64_t signed_sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        const bool own = i >= CHECKSUM_AT && i < CHECKSUM_AT + CHECKSUM_BYTES;
        const unsigned char byte = own ? ' ' : block[i];
        sum += byte;
        signed_sum += (signed char)byte;
    }
    return sum == wanted || signed_sum == (int64_t)wanted;
}

static block_kind read_block(const unsigned char block[BLOCK_BYTES], tar_header *header)
{
    static const unsigned char zero[BLOCK_BYTES];
    if (memcmp(block, zero, sizeof zero) == 0)
        return BLOCK_ZERO;
    if (!checksum_is_right(block) || !read_size(block + SIZE_AT, &header->n_bytes))
        return BLOCK_DAMAGED;
    header->type = (char)block[TYPE_AT];
    const char *name = (const char *)block;
    const char *prefix = (const char *)block + PREFIX_AT;
    if (memcmp(block + MAGIC_AT, "ustar", 6) == 0 && prefix[0] != '\0')
        snprintf(header->name, sizeof header->name, "%.*s/%.*s", PREFIX_BYTES, prefix, NAME_BYTES,
                 name);
    else
        snprintf(header->name, sizeof header->name, "%.*s", NAME_BYTES, name);
    return BLOCK_HEADER;
}

static bool take_record(const char *key, size_t n_key, const char *value, size_t n_value,
                        tar_pax *pax)
{
    if (n_key == 4 && memcmp(key, "path", 4) == 0) {
        if (n_value >= sizeof pax->name || memchr(value, '\0', n_value) != NULL)
            return false;
        memcpy(pax->name, value, n_value);
        pax->name[n_value] = '\0';
        pax->has_name = true;
    } else if (n_key == 4 && memcmp(key, "size", 4) == 0) {
        if (!mf_parse_uint64(value, n_value, &pax->n_bytes) || pax->n_bytes > INT64_MAX)
            return false;
        pax->has_size = true;
    } else if (n_key >= 11 && memcmp(key, "GNU.sparse.", 11) == 0) {
        pax->is_sparse = true;
    }
    return true;
}

/* Adds records[0..n_bytes) to *pax. False when they are not well-formed or the name is too long
 * or holds a zero byte. */
static bool read_pax(const char *records, size_t n_bytes, tar_pax *pax)
{
    while (n_bytes > 0) {
        const char *blank = memchr(records, ' ', n_bytes < 20 ? n_bytes : 20);
        uint64_t length;
        if (blank == NULL || !mf_parse_uint64(records, (size_t)(blank - records), &length) ||
            length > n_bytes || length < (uint64_t)(blank - records) + 3 ||
            records[length - 1] != '\n')
            return false;
        const char *key = blank + 1;
        const char *end = records + length - 1;
        const char *equals = memchr(key, '=', (size_t)(end - key));
        if (equals == NULL || equals == key)
            return false;
        if (!take_record(key, (size_t)(equals - key), equals + 1, (size_t)(end - equals - 1), pax))
            return false;
        records += length;
        n_bytes -= length;
    }
    return true;
}

/* Brings a member's name into its plainest form, in place: no "." parts, no double slashes, none
 * at the end; "./" becomes "". False when the name could lead out of a folder: absolute or with
 * a ".." part. */
static bool clean_name(char *name)
{
    if (name[0] == '/')
        return false;
    char *to = name;
    for (const char *from = name; *from != '\0';) {
        const size_t n = strcspn(from, "/");
        if (n == 2 && from[0] == '.' && from[1] == '.')
            return false;
        if (n > 0 && !(n == 1 && from[0] == '.')) {
            if (to != name)
                *to++ = '/';
            memmove(to, from, n);
            to += n;
        }
        from += n;
        from += strspn(from, "/");
    }
    *to = '\0';
    return true;
}

/* ---- the archive ---- */

struct mf_tar {
    mf_packed *packed;
    uint64_t left;    /* bytes of the member not yet read */
    uint64_t padding; /* after them, up to the next block */
    uint64_t n_members;
    bool ended;
    char name[PATH_BYTES];
    char long_name[PATH_BYTES]; /* GNU 'L', for the next member */
    tar_pax pax;                /* pax 'x', for the next member */
};

static mf_where where_of(const mf_tar *tar)
{
    return (mf_where){mf_packed_path(tar->packed), 0, 0};
}

/* Takes packed over, also on failure. */
static mf_tar *create(mf_packed *packed, mf_error *err)
{
    mf_tar *tar = packed != NULL ? mf_allocate(1, sizeof *tar, "an archive reader", err) : NULL;
    if (tar != NULL)
        tar->packed = packed;
    else
        mf_packed_close(packed);
    return tar;
}

mf_tar *mf_tar_open(const char *path, uint64_t limit_bytes, mf_error *err)
{
    return create(mf_packed_open(path, limit_bytes, err), err);
}

mf_tar *mf_tar_open_bytes(const void *bytes, size_t n_bytes, const char *name, uint64_t limit_bytes,
                          mf_error *err)
{
    return create(mf_packed_open_bytes(bytes, n_bytes, name, limit_bytes, err), err);
}

void mf_tar_close(mf_tar *tar)
{
    if (tar == NULL)
        return;
    mf_packed_close(tar->packed);
    mf_free(tar);
}

static bool fail_truncated(const mf_tar *tar, mf_error *err)
{
    return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "truncated: the archive ends at byte %llu%s",
                   (unsigned long long)mf_packed_offset(tar->packed),
                   tar->n_members > 0 ? " without its end mark" : "");
}

static bool read_exactly(mf_tar *tar, void *bytes, size_t n_bytes, mf_error *err)
{
    size_t got;
    if (!mf_packed_read(tar->packed, bytes, n_bytes, &got, err))
        return false;
    return got == n_bytes || fail_truncated(tar, err);
}

static bool skip(mf_tar *tar, uint64_t n_bytes, mf_error *err)
{
    unsigned char block[16 * BLOCK_BYTES];
    while (n_bytes > 0) {
        const size_t piece = n_bytes < sizeof block ? (size_t)n_bytes : sizeof block;
        if (!mf_stop_check(err) || !read_exactly(tar, block, piece, err))
            return false;
        n_bytes -= piece;
    }
    return true;
}

static uint64_t padding_after(uint64_t n_bytes)
{
    return (BLOCK_BYTES - n_bytes % BLOCK_BYTES) % BLOCK_BYTES;
}

/* To the end of the input: only there gzip's own checksum is compared. */
static bool drain(mf_tar *tar, mf_error *err)
{
    unsigned char block[16 * BLOCK_BYTES];
    size_t got;
    do {
        if (!mf_stop_check(err) || !mf_packed_read(tar->packed, block, sizeof block, &got, err))
            return false;
    } while (got == sizeof block);
    tar->ended = true;
    return true;
}

/* The content of an extended header, with a zero byte after it. */
static char *read_extended(mf_tar *tar, uint64_t n_bytes, mf_error *err)
{
    if (n_bytes > MF_TAR_EXTENDED_BYTES_MAX) {
        mf_fail(err, MF_ERR_LIMIT, where_of(tar),
                "an extended header of %llu bytes: at most %d are read",
                (unsigned long long)n_bytes, MF_TAR_EXTENDED_BYTES_MAX);
        return NULL;
    }
    char *content = mf_allocate((size_t)n_bytes + 1, 1, "an extended header", err);
    if (content != NULL && (!read_exactly(tar, content, (size_t)n_bytes, err) ||
                            !skip(tar, padding_after(n_bytes), err))) {
        mf_free(content);
        content = NULL;
    }
    return content;
}

/* A header that only describes the member after it. */
static bool take_extended(mf_tar *tar, const tar_header *header, mf_error *err)
{
    char *content = read_extended(tar, header->n_bytes, err);
    if (content == NULL)
        return false;
    bool ok = true;
    tar_pax global = {0};
    switch (header->type) {
    case 'L':
        ok = strlen(content) < sizeof tar->long_name;
        if (ok)
            memcpy(tar->long_name, content, strlen(content) + 1);
        else
            mf_fail(err, MF_ERR_LIMIT, where_of(tar), "a member's name is longer than %d bytes",
                    PATH_BYTES - 1);
        break;
    case 'x':
        ok = read_pax(content, (size_t)header->n_bytes, &tar->pax);
        if (!ok)
            mf_fail(err, MF_ERR_FORMAT, where_of(tar), "damaged: an extended header is malformed");
        break;
    case 'g':
        ok = read_pax(content, (size_t)header->n_bytes, &global) && !global.has_name &&
             !global.has_size && !global.is_sparse;
        if (!ok)
            mf_fail(err, MF_ERR_FORMAT, where_of(tar),
                    "a global extended header is malformed or renames members");
        break;
    default: /* 'K': a long link target; the link itself is refused */
        break;
    }
    mf_free(content);
    return ok;
}

static const char *kind_of(char type)
{
    switch (type) {
    case '1':
        return "a hard link";
    case '2':
        return "a symbolic link";
    case '3':
    case '4':
        return "a device";
    case '6':
        return "a FIFO";
    case 'S':
        return "a sparse file";
    default:
        return "of an unknown type";
    }
}

static bool refuse(const mf_tar *tar, const char *name, const char *why, mf_error *err)
{
    return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "archive refused: member \"%.256s\" %s", name,
                   why);
}

/* Joins what is known about a member and checks it. */
static bool take_member(mf_tar *tar, const tar_header *header, mf_tar_member *member, mf_error *err)
{
    const char *name = header->name;
    if (tar->long_name[0] != '\0')
        name = tar->long_name;
    if (tar->pax.has_name)
        name = tar->pax.name;
    const size_t n_name = strlen(name); /* every source is shorter than tar->name */
    memcpy(tar->name, name, n_name + 1);

    const bool is_file = header->type == '0' || header->type == '\0' || header->type == '7';
    /* v7 has no type for folders: their names end in a slash. */
    const bool is_folder =
        header->type == '5' || (is_file && n_name > 0 && name[n_name - 1] == '/');
    char why[64];
    snprintf(why, sizeof why, "is %s", kind_of(header->type));
    if (!is_file && !is_folder)
        return refuse(tar, name, why, err);
    if (tar->pax.is_sparse)
        return refuse(tar, name, "is a sparse file", err);
    if (name[0] == '/')
        return refuse(tar, name, "has an absolute path", err);
    if (!clean_name(tar->name))
        return refuse(tar, name, "leads out of the archive with \"..\"", err);
    if (tar->name[0] == '\0' && !is_folder)
        return refuse(tar, name, "has no name", err);
    if (tar->n_members++ == MF_TAR_MEMBERS_MAX)
        return mf_fail(err, MF_ERR_LIMIT, where_of(tar), "more than %d members",
                       MF_TAR_MEMBERS_MAX);

    const uint64_t n_bytes = tar->pax.has_size ? tar->pax.n_bytes : header->n_bytes;
    /* A folder's size, where one is given, is not followed by bytes. */
    tar->left = is_folder ? 0 : n_bytes;
    tar->padding = padding_after(tar->left);
    tar->long_name[0] = '\0';
    tar->pax.has_name = tar->pax.has_size = tar->pax.is_sparse = false;
    *member = (mf_tar_member){tar->name, tar->left, is_folder};
    return true;
}

/* The next header or the end; *found is false at the end. */
static bool read_header(mf_tar *tar, tar_header *header, bool *found, mf_error *err)
{
    unsigned char block[BLOCK_BYTES];
    *found = false;
    for (int n_zero = 0;;) {
        const uint64_t at = mf_packed_offset(tar->packed);
        size_t got;
        if (!mf_packed_read(tar->packed, block, sizeof block, &got, err))
            return false;
        if (got == 0 && at == 0)
            return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "the archive is empty");
        if (got == 0 && n_zero > 0) { /* half an end mark is written by some */
            tar->ended = true;
            return true;
        }
        if (got < sizeof block && at > 0)
            return fail_truncated(tar, err);
        const block_kind kind = got == sizeof block ? read_block(block, header) : BLOCK_DAMAGED;
        if (kind == BLOCK_ZERO && ++n_zero == 2)
            return drain(tar, err);
        if (kind == BLOCK_ZERO)
            continue;
        if (kind == BLOCK_DAMAGED && at == 0)
            return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "is not a tar archive");
        if (kind == BLOCK_DAMAGED || n_zero > 0)
            return mf_fail(err, MF_ERR_FORMAT, where_of(tar),
                           "damaged: there is no valid header at byte %llu",
                           (unsigned long long)at);
        *found = true;
        return true;
    }
}

bool mf_tar_next(mf_tar *tar, mf_tar_member *member, mf_error *err)
{
    *member = (mf_tar_member){0};
    if (!skip(tar, tar->left, err) || !skip(tar, tar->padding, err))
        return false;
    tar->left = 0;
    tar->padding = 0;
    while (!tar->ended) {
        tar_header header;
        bool found;
        if (!read_header(tar, &header, &found, err))
            return false;
        if (!found)
            break;
        if (header.type == 'L' || header.type == 'K' || header.type == 'x' || header.type == 'g') {
            if (!mf_stop_check(err) || !take_extended(tar, &header, err))
                return false;
            continue;
        }
        if (!take_member(tar, &header, member, err))
            return false;
        if (member->name[0] != '\0') /* "./" is no member */
            return true;
        *member = (mf_tar_member){0};
    }
    return true;
}

bool mf_tar_read(mf_tar *tar, void *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    *n_read = 0;
    const size_t piece = tar->left < n_bytes ? (size_t)tar->left : n_bytes;
    if (!read_exactly(tar, bytes, piece, err))
        return false;
    tar->left -= piece;
    *n_read = piece;
    return true;
}
