/* kpl.h: deaggregates a record of the Kinesis Producer Library (KPL), which packs many user
 * records into one (docs/lambda.md, 4.5).
 *
 *     bytes     F3 89 9A C2, a protobuf message, the message's MD5
 *
 *     message   1  text, repeated   partition keys, by their index
 *               2  text, repeated   explicit hash keys, by their index
 *               3  record, repeated
 *     record    1  varint           index of its partition key
 *               2  varint, optional index of its explicit hash key; absent is not 0
 *               3  bytes            data
 *               4  tags             passed over, as is every field that is not here
 *
 * (1) Bytes without this beginning, with another MD5 or without such a message are no aggregate
 *     (4.5.1).
 * (2) A record with an index outside of its table makes an aggregate malformed, and nothing
 *     of it may be used (4.5.4).
 * (3) Fields come in any order, tables after records too. Of a field that comes twice the
 *     last counts. Groups, varints of more than ten bytes and lengths beyond the end are not
 *     protobuf.
 *
 * MD5 is libcrypto's, which every program with libcurl has. It detects damage here and protects
 * nothing.
 *
 * Threads: one for each mf_stream_kpl. */
#ifndef MF_LAMBDA_STREAMS_KPL_H
#define MF_LAMBDA_STREAMS_KPL_H

#include "base/error.h"
#include "base/id_list.h"

#include <string.h>

enum { MF_STREAM_KPL_DIGEST_BYTES = 16 };

#define MF_STREAM_KPL_MAGIC "\xF3\x89\x9A\xC2"

/* True when bytes[0 .. n) begin as an aggregate. */
static inline bool mf_stream_kpl_begins(const char *bytes, size_t n)
{
    return n >= sizeof MF_STREAM_KPL_MAGIC - 1 &&
           memcmp(bytes, MF_STREAM_KPL_MAGIC, sizeof MF_STREAM_KPL_MAGIC - 1) == 0;
}

/* Views of the bytes that were read. */
typedef struct mf_stream_kpl_record {
    mf_id partition_key;
    mf_id explicit_hash_key;
    bool has_explicit_hash_key;
    mf_id data;
} mf_stream_kpl_record;

typedef enum mf_stream_kpl_kind {
    MF_STREAM_KPL_NO_AGGREGATE,
    MF_STREAM_KPL_AGGREGATE,
    MF_STREAM_KPL_MALFORMED,
} mf_stream_kpl_kind;

/* Zeroed at first; keeps its memory from aggregate to aggregate. */
typedef struct mf_stream_kpl {
    mf_stream_kpl_record *records; /* [n_records], in their order; of a MF_STREAM_KPL_AGGREGATE */
    size_t n_records;

    /* Internal. */
    mf_id *partition_keys, *hash_keys;
    size_t n_partition_keys, n_hash_keys;
    size_t records_capacity, partition_keys_capacity, hash_keys_capacity;
} mf_stream_kpl;

/* Reads bytes[0 .. n), which stay while the records are used. MF_STREAM_KPL_MALFORMED says why in
 * err: MF_ERR_FORMAT, or MF_ERR_MEMORY. */
MF_MUST_CHECK mf_stream_kpl_kind mf_stream_kpl_read(mf_stream_kpl *kpl, const char *bytes, size_t n,
                                                    mf_error *err);

void mf_stream_kpl_free(mf_stream_kpl *kpl);

#endif
