/* section_writer.c: writes section files.
 *
 * Bytes are hashed as they are written. The header is written last, over zeros, so an interrupted
 * file does not even have a magic. */
#include "model/section_file.h"

#include "base/file.h"
#include "base/memory.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Hashed and then written while still in cache. */
static const size_t WRITE_BYTES = (size_t)1 << 20;

struct mf_section_writer {
    XXH3_state_t hash;
    mf_file_writer *file;
    const mf_section_kind *kind;
    uint32_t version;
    uint64_t n_bytes; /* written so far */
    size_t next_section;
    size_t n_sections;
    mf_section_entry table[MF_SECTIONS_MAX];
};

static bool put(mf_section_writer *writer, const void *bytes, size_t n_bytes, mf_error *err)
{
    const char *next = bytes;
    while (n_bytes > 0) {
        const size_t piece = n_bytes < WRITE_BYTES ? n_bytes : WRITE_BYTES;
        XXH3_64bits_update(&writer->hash, next, piece);
        if (!mf_file_writer_append(writer->file, next, piece, err))
            return false;
        writer->n_bytes += piece;
        next += piece;
        n_bytes -= piece;
    }
    return true;
}

static bool put_padding(mf_section_writer *writer, mf_error *err)
{
    static const char zeros[MF_SECTION_ALIGNMENT];
    const size_t over = (size_t)(writer->n_bytes % MF_SECTION_ALIGNMENT);
    return over == 0 || put(writer, zeros, MF_SECTION_ALIGNMENT - over, err);
}

mf_section_writer *mf_section_writer_create(const char *path, const mf_section_kind *kind,
                                            mf_error *err)
{
    static const mf_section_header zeros;
    mf_section_writer *writer = mf_allocate(1, sizeof *writer, "a section writer", err);
    if (writer == NULL)
        return NULL;
    writer->kind = kind;
    writer->version = kind->version;
    XXH3_64bits_reset(&writer->hash);
    writer->file = mf_file_writer_create(path, err);
    if (writer->file == NULL || !mf_file_writer_append(writer->file, &zeros, sizeof zeros, err)) {
        mf_section_writer_destroy(writer);
        return NULL;
    }
    writer->n_bytes = sizeof zeros;
    return writer;
}

bool mf_section_writer_set_version(mf_section_writer *writer, uint32_t version, mf_error *err)
{
    if (version == 0 || version > writer->kind->version)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                       "format version %lu of a %s, it must be 1 to %lu", (unsigned long)version,
                       writer->kind->noun, (unsigned long)writer->kind->version);
    writer->version = version;
    return true;
}

bool mf_section_writer_begin(mf_section_writer *writer, size_t section, mf_error *err)
{
    if (section >= writer->kind->n_names || section < writer->next_section ||
        writer->n_sections == MF_SECTIONS_MAX)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "section %zu of a %s out of its order",
                       section, writer->kind->noun);
    const char *name = writer->kind->names[section];
    const size_t n_name = strlen(name);
    if (n_name == 0 || n_name >= MF_SECTION_NAME_BYTES)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "\"%s\" is no name for a section", name);
    if (!put_padding(writer, err))
        return false;
    mf_section_entry *entry = &writer->table[writer->n_sections++];
    memcpy(entry->name, name, n_name);
    entry->offset = writer->n_bytes;
    writer->next_section = section + 1;
    return true;
}

bool mf_section_writer_append(mf_section_writer *writer, const void *bytes, size_t n_bytes,
                              mf_error *err)
{
    if (writer->n_sections == 0)
        return mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "bytes of no section of a %s",
                       writer->kind->noun);
    writer->table[writer->n_sections - 1].n_bytes += n_bytes;
    return put(writer, bytes, n_bytes, err);
}

bool mf_section_writer_add(mf_section_writer *writer, size_t section, const void *bytes,
                           size_t n_bytes, mf_error *err)
{
    return mf_section_writer_begin(writer, section, err) &&
           mf_section_writer_append(writer, bytes, n_bytes, err);
}

bool mf_section_writer_commit(mf_section_writer *writer, mf_error *err)
{
    bool ok = false;
    mf_section_header header = {.version = writer->version, .header_bytes = sizeof header};
    memcpy(header.magic, writer->kind->magic, sizeof header.magic);
    if (!put_padding(writer, err))
        goto done;
    header.table_offset = writer->n_bytes;
    header.n_sections = (uint32_t)writer->n_sections;
    if (!put(writer, writer->table, writer->n_sections * sizeof writer->table[0], err))
        goto done;
    header.file_bytes = writer->n_bytes;
    XXH3_64bits_update(&writer->hash, &header, sizeof header);
    header.checksum = XXH3_64bits_digest(&writer->hash);
    if (!mf_file_writer_patch(writer->file, 0, &header, sizeof header, err))
        goto done;
    mf_file_writer *file = writer->file;
    writer->file = NULL; /* commit destroys it */
    ok = mf_file_writer_commit(file, err);
done:
    mf_section_writer_destroy(writer);
    return ok;
}

void mf_section_writer_destroy(mf_section_writer *writer)
{
    if (writer == NULL)
        return;
    mf_file_writer_destroy(writer->file);
    mf_free(writer);
}
