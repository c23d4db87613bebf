/* kpl.c: a protobuf reader for three messages, and the MD5 after them; libcrypto enters here. */
#include "lambda/streams/kpl.h"

#include "base/grow.h"

#include <openssl/evp.h>

enum { MAGIC_BYTES = sizeof MF_STREAM_KPL_MAGIC - 1 };
enum { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 }; /* wire types */

typedef struct cursor {
    const unsigned char *at;
    const unsigned char *end;
} cursor;

typedef struct field {
    uint64_t number;
    unsigned wire_type;
    uint64_t value; /* of a varint */
    mf_id bytes;    /* of a length-delimited one */
} field;

static bool take_varint(cursor *c, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (c->at == c->end)
            return false;
        const unsigned byte = *c->at++;
        /* One bit of a tenth byte fits; protobuf drops the others. */
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool skip(cursor *c, size_t n)
{
    if ((size_t)(c->end - c->at) < n)
        return false;
    c->at += n;
    return true;
}

static bool take_field(cursor *c, field *f)
{
    uint64_t tag;
    if (!take_varint(c, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
        return false;
    f->number = tag >> 3;
    f->wire_type = tag & 7;
    switch (f->wire_type) {
    case VARINT:
        return take_varint(c, &f->value);
    case FIXED_64:
        return skip(c, 8);
    case FIXED_32:
        return skip(c, 4);
    case BYTES: {
        uint64_t n;
        if (!take_varint(c, &n) || n > (uint64_t)(c->end - c->at))
            return false;
        f->bytes = (mf_id){(const char *)c->at, (size_t)n};
        c->at += n;
        return true;
    }
    default:
        return false;
    }
}

static cursor over(mf_id bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.bytes;
    return (cursor){at, at + bytes.n_bytes};
}

/* Reads a record. The keys have no bytes yet: n_bytes is the index in the table, which may follow. */
static bool read_record(mf_id bytes, mf_stream_kpl_record *record)
{
    cursor c = over(bytes);
    field f;
    bool has_partition_key = false, has_data = false;
    *record = (mf_stream_kpl_record){.explicit_hash_key = {"", 0}};
    while (c.at < c.end) {
        if (!take_field(&c, &f))
            return false;
        if (f.number == 1 && f.wire_type == VARINT) {
            record->partition_key = (mf_id){NULL, f.value};
            has_partition_key = true;
        } else if (f.number == 2 && f.wire_type == VARINT) {
            record->explicit_hash_key = (mf_id){NULL, f.value};
            record->has_explicit_hash_key = true;
        } else if (f.number == 3 && f.wire_type == BYTES) {
            record->data = f.bytes;
            has_data = true;
        }
    }
    return has_partition_key && has_data;
}

static const char what[] = "the records of an aggregate";

static bool push_text(mf_id **texts, size_t *n, size_t *capacity, mf_id text, mf_error *err)
{
    if (!MF_GROW(*texts, *capacity, *n + 1, what, err))
        return false;
    (*texts)[(*n)++] = text;
    return true;
}

static bool push_record(mf_stream_kpl *kpl, const mf_stream_kpl_record *record, mf_error *err)
{
    if (!MF_GROW(kpl->records, kpl->records_capacity, kpl->n_records + 1, what, err))
        return false;
    kpl->records[kpl->n_records++] = *record;
    return true;
}

/* False: the bytes are not the message, or err is set. */
static bool read_message(mf_stream_kpl *kpl, mf_id message, mf_error *err)
{
    cursor c = over(message);
    field f;
    mf_stream_kpl_record record;
    while (c.at < c.end) {
        if (!take_field(&c, &f))
            return false;
        if (f.wire_type != BYTES)
            continue;
        bool ok = true;
        if (f.number == 1)
            ok = push_text(&kpl->partition_keys, &kpl->n_partition_keys,
                           &kpl->partition_keys_capacity, f.bytes, err);
        else if (f.number == 2)
            ok = push_text(&kpl->hash_keys, &kpl->n_hash_keys, &kpl->hash_keys_capacity, f.bytes,
                           err);
        else if (f.number == 3)
            ok = read_record(f.bytes, &record) && push_record(kpl, &record, err);
        if (!ok)
            return false;
    }
    return true;
}

/* Replaces the index in *key by the text of the table. */
static bool resolve_key(mf_id *key, const char *name, size_t record, const mf_id *table, size_t n,
                        mf_error *err)
{
    const size_t index = key->n_bytes;
    if (index >= n)
        return mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE,
                       "record %zu of the aggregate has %s %zu of %zu", record, name, index, n);
    *key = table[index];
    return true;
}

static bool resolve(mf_stream_kpl *kpl, mf_error *err)
{
    for (size_t i = 0; i < kpl->n_records; i++) {
        mf_stream_kpl_record *r = &kpl->records[i];
        if (!resolve_key(&r->partition_key, "partition key", i, kpl->partition_keys,
                         kpl->n_partition_keys, err) ||
            (r->has_explicit_hash_key && !resolve_key(&r->explicit_hash_key, "explicit hash key", i,
                                                      kpl->hash_keys, kpl->n_hash_keys, err)))
            return false;
    }
    return true;
}

static bool has_digest(mf_id message)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    return EVP_Digest(message.bytes, message.n_bytes, digest, &n, EVP_md5(), NULL) == 1 &&
           n == MF_STREAM_KPL_DIGEST_BYTES &&
           memcmp(digest, message.bytes + message.n_bytes, MF_STREAM_KPL_DIGEST_BYTES) == 0;
}

mf_stream_kpl_kind mf_stream_kpl_read(mf_stream_kpl *kpl, const char *bytes, size_t n,
                                      mf_error *err)
{
    mf_error why = {.code = MF_OK};
    kpl->n_records = kpl->n_partition_keys = kpl->n_hash_keys = 0;
    if (n <= MAGIC_BYTES + MF_STREAM_KPL_DIGEST_BYTES || !mf_stream_kpl_begins(bytes, n))
        return MF_STREAM_KPL_NO_AGGREGATE;
    const mf_id message = {bytes + MAGIC_BYTES, n - MAGIC_BYTES - MF_STREAM_KPL_DIGEST_BYTES};
    if (!has_digest(message) || (!read_message(kpl, message, &why) && why.code == MF_OK))
        return MF_STREAM_KPL_NO_AGGREGATE;
    if (why.code == MF_OK && resolve(kpl, &why))
        return MF_STREAM_KPL_AGGREGATE;
    mf_fail(err, why.code, MF_NOWHERE, "%s", why.text);
    return MF_STREAM_KPL_MALFORMED;
}

void mf_stream_kpl_free(mf_stream_kpl *kpl)
{
    mf_free(kpl->records);
    mf_free(kpl->partition_keys);
    mf_free(kpl->hash_keys);
    *kpl = (mf_stream_kpl){.n_records = 0};
}
