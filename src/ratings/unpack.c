/* unpack.c: zlib and zstd enter here. Each is one step of a loop that runs over any number of
 * members. */
#include "ratings/unpack.h"

#include "base/memory.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { INPUT_BYTES = 256 * 1024, GZIP_FORMAT = 16 + MAX_WBITS };

struct mf_unpack {
    bool is_zstd;
    bool in_member;
    bool input_ended;
    const char *name;
    mf_unpack_input *input;
    void *context;
    z_stream gzip;
    ZSTD_DStream *zstd;
    size_t n_input, input_used;
    char buffer[INPUT_BYTES];
};

mf_packing mf_packing_detect(const char *magic, size_t n_bytes)
{
    if (n_bytes >= 2 && memcmp(magic, "\x1F\x8B", 2) == 0)
        return MF_PACKING_GZIP;
    /* A frame, or one that is skipped, as pzstd(1) writes first. */
    if (n_bytes >= 4 && (memcmp(magic, "\x28\xB5\x2F\xFD", 4) == 0 ||
                         ((magic[0] & 0xF0) == 0x50 && memcmp(magic + 1, "\x2A\x4D\x18", 3) == 0)))
        return MF_PACKING_ZSTD;
    return MF_PACKING_NONE;
}

static void *zlib_allocate(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return mf_allocate(count, size, "gzip", NULL);
}

static void zlib_free(void *unused, void *block)
{
    (void)unused;
    mf_free(block);
}

mf_unpack *mf_unpack_create(mf_packing packing, const char *name, mf_unpack_input *input,
                            void *context, mf_error *err)
{
    mf_unpack *unpack = mf_allocate(1, sizeof *unpack, "a packed file", err);
    if (unpack == NULL)
        return NULL;
    unpack->is_zstd = packing == MF_PACKING_ZSTD;
    unpack->in_member = true;
    unpack->name = name;
    unpack->input = input;
    unpack->context = context;
    unpack->gzip.zalloc = zlib_allocate;
    unpack->gzip.zfree = zlib_free;
    if (unpack->is_zstd)
        unpack->zstd = ZSTD_createDStream();
    if (unpack->is_zstd ? unpack->zstd != NULL : inflateInit2(&unpack->gzip, GZIP_FORMAT) == Z_OK)
        return unpack;
    mf_fail(err, MF_ERR_MEMORY, (mf_where){name, 0, 0}, "no memory to unpack");
    mf_free(unpack);
    return NULL;
}

static bool fill(mf_unpack *unpack, mf_error *err)
{
    if (unpack->input_used < unpack->n_input || unpack->input_ended)
        return true;
    unpack->n_input = unpack->input_used = 0;
    if (!unpack->input(unpack->context, unpack->buffer, sizeof unpack->buffer, &unpack->n_input,
                       err))
        return false;
    unpack->input_ended = unpack->n_input == 0;
    return true;
}

static const char *format_of(const mf_unpack *unpack)
{
    return unpack->is_zstd ? "zstd" : "gzip";
}

/* Between members: the next one begins, or nothing but padding follows. */
static bool next_member(mf_unpack *unpack, mf_error *err)
{
    for (;; unpack->input_used++) {
        if (!fill(unpack, err))
            return false;
        if (unpack->input_ended)
            return true;
        if (unpack->is_zstd || unpack->buffer[unpack->input_used] != 0)
            break;
    }
    const bool is_member = unpack->is_zstd || unpack->buffer[unpack->input_used] == 0x1F;
    if (!is_member)
        return mf_fail(err, MF_ERR_PARSE, (mf_where){unpack->name, 0, 0},
                       "damaged gzip: foreign bytes after the compressed data");
    if (!unpack->is_zstd)
        inflateReset(&unpack->gzip);
    unpack->in_member = true;
    return true;
}

static bool fail_damaged(const mf_unpack *unpack, const char *why, mf_error *err)
{
    return mf_fail(err, MF_ERR_PARSE, (mf_where){unpack->name, 0, 0}, "damaged %s: %s",
                   format_of(unpack), why);
}

/* Unpacks what there is of one member. */
static bool step_gzip(mf_unpack *unpack, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    z_stream *stream = &unpack->gzip;
    const uInt n_most = n_bytes < INT_MAX ? (uInt)n_bytes : INT_MAX;
    stream->next_in = (Bytef *)unpack->buffer + unpack->input_used;
    stream->avail_in = (uInt)(unpack->n_input - unpack->input_used);
    stream->next_out = (Bytef *)bytes;
    stream->avail_out = n_most;
    const int result = inflate(stream, Z_NO_FLUSH);
    unpack->input_used = unpack->n_input - stream->avail_in;
    *n_read = n_most - stream->avail_out;
    if (result == Z_MEM_ERROR)
        return mf_fail(err, MF_ERR_MEMORY, (mf_where){unpack->name, 0, 0}, "no memory to unpack");
    unpack->in_member = result != Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR /* needs more input */
           || fail_damaged(unpack, stream->msg != NULL ? stream->msg : "not deflate data", err);
}

static bool step_zstd(mf_unpack *unpack, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    ZSTD_inBuffer in = {unpack->buffer, unpack->n_input, unpack->input_used};
    ZSTD_outBuffer out = {bytes, n_bytes, 0};
    const size_t n_left = ZSTD_decompressStream(unpack->zstd, &out, &in);
    const mf_where where = {unpack->name, 0, 0};
    unpack->input_used = in.pos;
    *n_read = out.pos;
    unpack->in_member = n_left != 0;
    if (!ZSTD_isError(n_left))
        return true;
    switch (ZSTD_getErrorCode(n_left)) {
    case ZSTD_error_memory_allocation:
        return mf_fail(err, MF_ERR_MEMORY, where, "no memory to unpack");
    case ZSTD_error_frameParameter_windowTooLarge:
        return mf_fail(err, MF_ERR_LIMIT, where,
                       "zstd with a window of more than 128 MiB; unpack it: zstd -d --long=31 "
                       "ratings.csv.zst");
    case ZSTD_error_prefix_unknown:
        return fail_damaged(unpack, "foreign bytes after the compressed data", err);
    default:
        return fail_damaged(unpack, ZSTD_getErrorName(n_left), err);
    }
}

bool mf_unpack_read(mf_unpack *unpack, char *bytes, size_t n_bytes, size_t *n_read, mf_error *err)
{
    *n_read = 0;
    while (*n_read == 0) {
        if ((!unpack->in_member && !next_member(unpack, err)) || !fill(unpack, err))
            return false;
        if (!unpack->in_member)
            break;
        if (!(unpack->is_zstd ? step_zstd : step_gzip)(unpack, bytes, n_bytes, n_read, err))
            return false;
        if (unpack->in_member && unpack->input_ended && *n_read == 0)
            return fail_damaged(unpack, "the compressed data ends too early", err);
    }
    return true;
}

void mf_unpack_destroy(mf_unpack *unpack)
{
    if (unpack == NULL)
        return;
    if (unpack->is_zstd)
        ZSTD_freeDStream(unpack->zstd);
    else
        inflateEnd(&unpack->gzip);
    mf_free(unpack);
}
