/* kpl_testing.h: aggregated records, written as a producer writes them. */
#ifndef MF_TESTS_KPL_TESTING_H
#define MF_TESTS_KPL_TESTING_H

#include "base/text.h"
#include "lambda/streams/kpl.h"

#include <openssl/evp.h>

static inline void kpl_varint(mf_text *text, uint64_t value)
{
    do {
        const char byte = (char)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        mf_text_append(text, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void kpl_number(mf_text *text, unsigned field, uint64_t value)
{
    kpl_varint(text, field << 3);
    kpl_varint(text, value);
}

static inline void kpl_bytes(mf_text *text, unsigned field, const char *bytes, size_t n)
{
    kpl_varint(text, field << 3 | 2);
    kpl_varint(text, n);
    mf_text_append(text, bytes, n);
}

/* One Record as field 3 of the message; hash_key < 0: none. */
static inline void kpl_record(mf_text *message, uint64_t partition_key, int64_t hash_key,
                              const char *data, size_t n_data)
{
    mf_text record = MF_TEXT_EMPTY;
    kpl_number(&record, 1, partition_key);
    if (hash_key >= 0)
        kpl_number(&record, 2, (uint64_t)hash_key);
    kpl_bytes(&record, 3, data, n_data);
    kpl_bytes(message, 3, record.bytes, record.n_bytes);
    mf_text_free(&record);
}

/* The message between magic bytes and digest. */
static inline void kpl_seal(mf_text *out, const char *message, size_t n)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n_digest = 0;
    mf_text_literal(out, "\xF3\x89\x9A\xC2");
    mf_text_append(out, message, n);
    EVP_Digest(message, n, digest, &n_digest, EVP_md5(), NULL);
    mf_text_append(out, (const char *)digest, n_digest);
}

/* The records, each with keys of its own in the tables, as an aggregate. */
static inline void kpl_write(mf_text *out, const mf_stream_kpl_record *records, size_t n)
{
    mf_text message = MF_TEXT_EMPTY;
    int64_t n_hash_keys = 0;
    for (size_t i = 0; i < n; i++)
        kpl_bytes(&message, 1, records[i].partition_key.bytes, records[i].partition_key.n_bytes);
    for (size_t i = 0; i < n; i++)
        if (records[i].has_explicit_hash_key)
            kpl_bytes(&message, 2, records[i].explicit_hash_key.bytes,
                      records[i].explicit_hash_key.n_bytes);
    for (size_t i = 0; i < n; i++)
        kpl_record(&message, i, records[i].has_explicit_hash_key ? n_hash_keys++ : -1,
                   records[i].data.bytes, records[i].data.n_bytes);
    kpl_seal(out, message.n_bytes > 0 ? message.bytes : "", message.n_bytes);
    mf_text_free(&message);
}

#endif
