/* fuzz_streams_kpl.c: any bytes as an aggregate, as the message inside of one, and as records
 * to pack.
 *
 * What is read and packed again reads the same; what was packed comes out as it went in;
 * every view lies inside of the bytes that were read. */
#include "../unit/kpl_testing.h"

#include <stdint.h>
#include <stdlib.h>

static mf_stream_kpl first, second;

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool equals(mf_id a, mf_id b)
{
    return a.n_bytes == b.n_bytes && memcmp(a.bytes, b.bytes, a.n_bytes) == 0;
}

static void require_same(const mf_stream_kpl_record *a, const mf_stream_kpl_record *b)
{
    require(equals(a->partition_key, b->partition_key) && equals(a->data, b->data));
    require(a->has_explicit_hash_key == b->has_explicit_hash_key);
    require(equals(a->explicit_hash_key, b->explicit_hash_key));
}

/* Packs records and holds what is read from that to them. */
static void pack(const mf_stream_kpl_record *records, size_t n)
{
    mf_text packed = MF_TEXT_EMPTY;
    mf_error err = {.code = MF_OK};
    kpl_write(&packed, records, n);
    const mf_stream_kpl_kind kind = mf_stream_kpl_read(&second, packed.bytes, packed.n_bytes, &err);
    require(kind == (n > 0 ? MF_STREAM_KPL_AGGREGATE : MF_STREAM_KPL_NO_AGGREGATE));
    require(second.n_records == n);
    for (size_t i = 0; i < n; i++)
        require_same(&records[i], &second.records[i]);
    mf_text_free(&packed);
}

static void read_bytes(const char *bytes, size_t n)
{
    mf_error err = {.code = MF_OK};
    const mf_stream_kpl_kind kind = mf_stream_kpl_read(&first, bytes, n, &err);
    require((kind == MF_STREAM_KPL_MALFORMED) == (err.code == MF_ERR_FORMAT));
    if (kind != MF_STREAM_KPL_AGGREGATE)
        return;
    for (size_t i = 0; i < first.n_records; i++) {
        const mf_id data = first.records[i].data;
        require(data.bytes >= bytes && data.bytes + data.n_bytes <= bytes + n);
    }
    pack(first.records, first.n_records);
}

/* Each piece of the bytes is a record: its first byte says how long it is and whether it has
 * an explicit hash key. */
static void pack_pieces(const uint8_t *bytes, size_t n)
{
    enum { MOST = 256 };
    mf_stream_kpl_record records[MOST];
    size_t n_records = 0;
    size_t at = 0;
    while (at < n && n_records < MOST) {
        const bool has_hash_key = (bytes[at] & 0x80) != 0;
        size_t length = bytes[at++] & 0x7F;
        length = length < n - at ? length : n - at;
        const mf_id piece = {(const char *)bytes + at, length};
        const mf_id key = {piece.bytes, length / 2};
        records[n_records++] =
            (mf_stream_kpl_record){key, has_hash_key ? piece : (mf_id){"", 0}, has_hash_key, piece};
        at += length;
    }
    pack(records, n_records);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    read_bytes((const char *)bytes, n_bytes);
    mf_text sealed = MF_TEXT_EMPTY;
    kpl_seal(&sealed, (const char *)bytes, n_bytes);
    require(mf_text_reserve(&sealed, 1));
    char *exact = malloc(sealed.n_bytes); /* so that the sanitizer sees one byte over */
    require(exact != NULL);
    memcpy(exact, sealed.bytes, sealed.n_bytes);
    read_bytes(exact, sealed.n_bytes);
    free(exact);
    mf_text_free(&sealed);
    pack_pieces(bytes, n_bytes);
    return 0;
}
