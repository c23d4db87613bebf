/* tar.c: promises in tar.h. */
#include "sagemaker/tar.h"

#include "base/memory.h"
#include "base/stop.h"
#include "sagemaker/packed.h"
#include "sagemaker/tar_header.h"

#include <stdio.h>
#include <string.h>

struct mf_tar {
    mf_packed *packed;
    char *path;
    uint64_t left;    /* bytes of the member not yet read */
    uint64_t padding; /* after them, up to the next block */
    uint64_t n_members;
    bool ended;
    char name[MF_TAR_NAME_BYTES];
    char long_name[MF_TAR_NAME_BYTES]; /* GNU 'L', for the next member */
    mf_tar_pax pax;                    /* pax 'x', for the next member */
};

static mf_where where_of(const mf_tar *tar)
{
    return (mf_where){tar->path, 0, 0};
}

static mf_tar *create(mf_packed *packed, const char *path, mf_error *err)
{
    if (packed == NULL)
        return NULL;
    mf_tar *tar = mf_allocate(1, sizeof *tar, "an archive reader", err);
    if (tar == NULL) {
        mf_packed_close(packed);
        return NULL;
    }
    tar->packed = packed;
    tar->path = mf_allocate(strlen(path) + 1, 1, "a path", err);
    if (tar->path == NULL) {
        mf_tar_close(tar);
        return NULL;
    }
    memcpy(tar->path, path, strlen(path) + 1);
    return tar;
}

mf_tar *mf_tar_open(const char *path, uint64_t limit_bytes, mf_error *err)
{
    return create(mf_packed_open(path, limit_bytes, err), path, err);
}

mf_tar *mf_tar_open_bytes(const void *bytes, size_t n_bytes, const char *name, uint64_t limit_bytes,
                          mf_error *err)
{
    return create(mf_packed_open_bytes(bytes, n_bytes, name, limit_bytes, err), name, err);
}

void mf_tar_close(mf_tar *tar)
{
    if (tar == NULL)
        return;
    mf_packed_close(tar->packed);
    mf_free(tar->path);
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
    unsigned char block[16 * MF_TAR_BLOCK_BYTES];
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
    return (MF_TAR_BLOCK_BYTES - n_bytes % MF_TAR_BLOCK_BYTES) % MF_TAR_BLOCK_BYTES;
}

/* To the end of the input: only there gzip's own checksum is compared. */
static bool drain(mf_tar *tar, mf_error *err)
{
    unsigned char block[16 * MF_TAR_BLOCK_BYTES];
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

/* A header that only says something about the member after it. */
static bool take_extended(mf_tar *tar, const mf_tar_header *header, mf_error *err)
{
    char *content = read_extended(tar, header->n_bytes, err);
    if (content == NULL)
        return false;
    bool ok = true;
    mf_tar_pax global = {0};
    switch (header->type) {
    case 'L':
        ok = strlen(content) < sizeof tar->long_name;
        if (ok)
            memcpy(tar->long_name, content, strlen(content) + 1);
        else
            mf_fail(err, MF_ERR_LIMIT, where_of(tar), "a member's name is longer than %d bytes",
                    MF_TAR_NAME_BYTES - 1);
        break;
    case 'x':
        ok = mf_tar_pax_read(content, (size_t)header->n_bytes, &tar->pax);
        if (!ok)
            mf_fail(err, MF_ERR_FORMAT, where_of(tar), "damaged: an extended header is malformed");
        break;
    case 'g':
        ok = mf_tar_pax_read(content, (size_t)header->n_bytes, &global) && !global.has_name &&
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
    char quoted[256];
    mf_printable(quoted, sizeof quoted, name, strlen(name));
    return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "archive refused: member \"%s\" %s", quoted,
                   why);
}

/* Everything that is known about a member is put together and judged. */
static bool take_member(mf_tar *tar, const mf_tar_header *header, mf_tar_member *member,
                        mf_error *err)
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
    if (!mf_tar_name_clean(tar->name))
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
static bool read_header(mf_tar *tar, mf_tar_header *header, bool *found, mf_error *err)
{
    unsigned char block[MF_TAR_BLOCK_BYTES];
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
        const mf_tar_block kind =
            got == sizeof block ? mf_tar_header_read(block, header) : MF_TAR_DAMAGED;
        if (kind == MF_TAR_ZERO && ++n_zero == 2)
            return drain(tar, err);
        if (kind == MF_TAR_ZERO)
            continue;
        if (kind == MF_TAR_DAMAGED && at == 0)
            return mf_fail(err, MF_ERR_FORMAT, where_of(tar), "is not a tar archive");
        if (kind == MF_TAR_DAMAGED || n_zero > 0)
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
        mf_tar_header header;
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
        if (member->name[0] != '\0') /* "./" itself says nothing */
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
