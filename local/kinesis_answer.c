/* kinesis_answer.c: promises in kinesis_answer.h. */
#include "kinesis_answer.h"

#include <jansson.h>
#include <stdio.h>

static json_t *load(const char *body, size_t n)
{
    return json_loadb(body, n, 0, NULL);
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void copy(mf_text *to, const char *value)
{
    mf_text_clear(to, 4096);
    if (value != NULL)
        mf_text_append(to, value, strlen(value) + 1);
}

void mf_kinesis_read_code(const char *body, size_t n, char code[MF_KINESIS_CODE_BYTES])
{
    json_t *answer = load(body, n);
    const char *type = text_of(answer, "__type");
    const char *hash = type != NULL ? strrchr(type, '#') : NULL;
    if (hash != NULL)
        type = hash + 1;
    snprintf(code, MF_KINESIS_CODE_BYTES, "%s", type != NULL ? type : "");
    json_decref(answer);
}

bool mf_kinesis_read_iterator(const char *body, size_t n, mf_text *iterator)
{
    json_t *answer = load(body, n);
    copy(iterator, text_of(answer, "ShardIterator"));
    json_decref(answer);
    return iterator->n_bytes > 0;
}

static bool is_digits(const char *text)
{
    return text != NULL && text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool read_record(const json_t *one, mf_stream_fields *fields)
{
    *fields = (mf_stream_fields){
        .sequence = text_of(one, "SequenceNumber"),
        .partition_key = text_of(one, "PartitionKey"),
        .data = text_of(one, "Data"),
        .encryption = text_of(one, "EncryptionType"),
        .arrived = json_number_value(json_object_get(one, "ApproximateArrivalTimestamp")),
    };
    return is_digits(fields->sequence) && fields->partition_key != NULL && fields->data != NULL &&
           fields->arrived >= 0 && fields->arrived < 1e12;
}

bool mf_kinesis_read_records(const char *body, size_t n, mf_text *iterator,
                             mf_kinesis_records *records,
                             bool (*put)(void *context, const mf_stream_fields *fields),
                             void *context)
{
    json_t *answer = load(body, n);
    const json_t *list = json_object_get(answer, "Records");
    const char *next = text_of(answer, "NextShardIterator");
    bool ok = json_is_array(list);
    size_t i;
    json_t *one;
    *records = (mf_kinesis_records){.n = (uint32_t)json_array_size(list), .has_next = next != NULL};
    records->is_behind =
        json_number_value(json_object_get(answer, "MillisBehindLatest")) > 0 && next != NULL;
    mf_stream_fields fields;
    json_array_foreach(list, i, one) ok = ok && read_record(one, &fields);
    if (ok)
        json_array_foreach(list, i, one) ok =
            ok && read_record(one, &fields) && put(context, &fields);
    if (ok)
        copy(iterator, next);
    json_decref(answer);
    return ok && !iterator->failed;
}

bool mf_kinesis_read_shards(const char *body, size_t n, mf_text *next,
                            bool (*put)(void *context, const mf_kinesis_shard *shard),
                            void *context)
{
    json_t *answer = load(body, n);
    const json_t *list = json_object_get(answer, "Shards");
    bool ok = json_is_array(list);
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const mf_kinesis_shard shard = {
            .id = text_of(one, "ShardId"),
            .parents = {text_of(one, "ParentShardId"), text_of(one, "AdjacentParentShardId")}};
        ok = ok && shard.id != NULL && strlen(shard.id) < MF_SHARD_ID_BYTES && put(context, &shard);
    }
    if (ok)
        copy(next, text_of(answer, "NextToken"));
    json_decref(answer);
    return ok && !next->failed;
}
