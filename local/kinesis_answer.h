/* kinesis_answer.h: what Kinesis says, out of its JSON.
 *
 * (1) An answer of another shape than documented is refused whole; nothing is read beyond it.
 *
 * Threads: any. */
#ifndef MF_LOCAL_KINESIS_ANSWER_H
#define MF_LOCAL_KINESIS_ANSWER_H

#include "base/text.h"
#include "kinesis.h"
#include "stream_record.h"

/* The code of {"__type":"prefix#ExpiredIteratorException", …}; "" when there is none. */
void mf_kinesis_read_code(const char *body, size_t n, char code[MF_KINESIS_CODE_BYTES]);

/* The iterator of GetShardIterator, zero-terminated. */
bool mf_kinesis_read_iterator(const char *body, size_t n, mf_text *iterator);

typedef struct mf_kinesis_records {
    uint32_t n;
    bool has_next;  /* else the shard is at its end */
    bool is_behind; /* there are more now           */
} mf_kinesis_records;

/* Of GetRecords: calls put for each record, in order; iterator becomes the next one, which
 * is empty at a shard's end. False also when put says so; what it had stays its own. */
bool mf_kinesis_read_records(const char *body, size_t n, mf_text *iterator,
                             mf_kinesis_records *records,
                             bool (*put)(void *context, const mf_stream_fields *fields),
                             void *context);

enum { MF_SHARD_ID_BYTES = 129 };

typedef struct mf_kinesis_shard {
    const char *id;
    const char *parents[2]; /* NULL: none */
} mf_kinesis_shard;

/* Of ListShards: calls put for each shard; next is the NextToken, empty at the end. */
bool mf_kinesis_read_shards(const char *body, size_t n, mf_text *next,
                            bool (*put)(void *context, const mf_kinesis_shard *shard),
                            void *context);

#endif
