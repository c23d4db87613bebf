/* kpl.c: a protobuf reader for three messages, and the MD5 after them; libcrypto enters here. */
#include "lambda/streams/kpl.h"

#include "base/grow.h"

#include <openssl/evp.h>

enum { MAGIC_BYTES = sizeof MF_STREAM_KPL_MAGIC - 1 };
enum { VARINT = 0, FIXED_64 = 1, BYTES = 2, FIXED_32 = 5 }; /* wire types */

/* A record, whose indexes are resolved when the tables are complete. */
typedef struct mf_stream_kpl_entry {
    uint64_t partition_key;
    uint64_t hash_key;
    mf_id data;
    bool has_partition_key;
    bool has_hash_key;
    bool has_data;
} entry;

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

static bool read_entry(mf_id bytes, entry *e)
{
    cursor c = over(bytes);
    field f;
    *e = (entry){.has_data = false};
    while (c.at < c.end) {
        if (!take_field(&c, &f))
            return false;
        if (f.number == 1 && f.wire_type == VARINT) {
            e->partition_key = f.value;
            e->has_partition_key = true;
        } else if (f.number == 2 && f.wire_type == VARINT) {
            e->hash_key = f.value;
            e->has_hash_key = true;
        } else if (f.number == 3 && f.wire_type == BYTES) {
            e->data = f.bytes;
            e->has_data = true;
        }
    }
    return e->has_partition_key && e->has_data;
}

static const char what[] = "the records of an aggregate";

static bool push_text(mf_id **texts, size_t *n, size_t *capacity, mf_id text, mf_error *err)
{
    if (!MF_GROW(*texts, *capacity, *n + 1, what, err))
        return false;
    (*texts)[(*n)++] = text;
    return true;
}

static bool push_entry(mf_stream_kpl *kpl, const entry *e, mf_error *err)
{
    if (!MF_GROW(kpl->entries, kpl->entries_capacity, kpl->n_records + 1, what, err))
        return false;
    kpl->entries[kpl->n_records++] = *e;
    return true;
}

/* False: the bytes are not the message, or err is set. */
static bool read_message(mf_stream_kpl *kpl, mf_id message, mf_error *err)
{
    cursor c = over(message);
    field f;
    entry e;
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
            ok = read_entry(f.bytes, &e) && push_entry(kpl, &e, err);
        if (!ok)
            return false;
    }
    return true;
}

static bool check_index(const char *table, size_t record, uint64_t index, size_t n, mf_error *err)
{
    return index < n ||
           mf_fail(err, MF_ERR_FORMAT, MF_NOWHERE, "record %zu of the aggregate has %s %llu of %zu",
                   record, table, (unsigned long long)index, n);
}

static bool resolve(mf_stream_kpl *kpl, mf_error *err)
{
    if (!MF_GROW(kpl->records, kpl->records_capacity, kpl->n_records, what, err))
        return false;
    for (size_t i = 0; i < kpl->n_records; i++) {
        const entry *e = &kpl->entries[i];
        if (!check_index("partition key", i, e->partition_key, kpl->n_partition_keys, err) ||
            (e->has_hash_key &&
             !check_index("explicit hash key", i, e->hash_key, kpl->n_hash_keys, err)))
            return false;
        kpl->records[i] = (mf_stream_kpl_record){
            .partition_key = kpl->partition_keys[e->partition_key],
            .explicit_hash_key = e->has_hash_key ? kpl->hash_keys[e->hash_key] : (mf_id){"", 0},
            .has_explicit_hash_key = e->has_hash_key,
            .data = e->data,
        };
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
    mf_free(kpl->entries);
    mf_free(kpl->partition_keys);
    mf_free(kpl->hash_keys);
    *kpl = (mf_stream_kpl){.n_records = 0};
}
