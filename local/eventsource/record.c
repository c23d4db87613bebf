/* record.c: a record is one block of memory: the struct, its sequence number and its member of
 * `Records` as JSON. A queue is a singly linked list of them with its length and bytes. */
#include "local/eventsource/record.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: keys that look alike go to different sub_queues. */
static uint32_t hash(const char *key)
{
    uint32_t h = 2166136261u;
    for (; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return h;
}

static void put(mf_text *text, const char *name, const char *value)
{
    mf_text_literal(text, ",\"");
    mf_text_append(text, name, strlen(name));
    mf_text_literal(text, "\":");
    mf_text_json(text, value, strlen(value));
}

static void write_event(mf_text *text, const mf_local_stream_source *source,
                        const mf_local_record_fields *fields, int64_t arrived_ms)
{
    mf_text_literal(text, "{\"kinesis\":{\"kinesisSchemaVersion\":\"1.0\"");
    put(text, "partitionKey", fields->partition_key);
    put(text, "sequenceNumber", fields->sequence);
    put(text, "data", fields->data);
    mf_text_format(text, ",\"approximateArrivalTimestamp\":%lld.%03lld",
                   (long long)(arrived_ms / 1000), (long long)(arrived_ms % 1000));
    if (fields->encryption != NULL)
        put(text, "encryptionType", fields->encryption);
    mf_text_literal(text, "},\"eventSource\":\"aws:kinesis\",\"eventVersion\":\"1.0\"");
    mf_text_format(text, ",\"eventID\":\"%s:%s\"", source->shard_id, fields->sequence);
    mf_text_literal(text, ",\"eventName\":\"aws:kinesis:record\"");
    mf_text_format(text, ",\"invokeIdentityArn\":\"arn:aws:iam::%s:role/local-cloud\"",
                   source->account);
    put(text, "awsRegion", source->region);
    put(text, "eventSourceARN", source->stream_arn);
    mf_text_literal(text, "}");
}

mf_local_record *mf_local_record_create(const mf_local_stream_source *source,
                                        const mf_local_record_fields *fields, double now)
{
    const size_t n_sequence = strlen(fields->sequence);
    const int64_t arrived_ms = (int64_t)llround(fields->arrived * 1000);
    mf_text text = MF_TEXT_EMPTY;
    write_event(&text, source, fields, arrived_ms);
    mf_local_record *record =
        text.failed ? NULL : malloc(sizeof *record + n_sequence + 1 + text.n_bytes);
    if (record != NULL) {
        char *bytes = (char *)(record + 1);
        memcpy(bytes, fields->sequence, n_sequence + 1);
        memcpy(bytes + n_sequence + 1, text.bytes, text.n_bytes);
        *record = (mf_local_record){.arrived_ms = arrived_ms,
                                    .read_at = now,
                                    .key_hash = hash(fields->partition_key),
                                    .n_event = text.n_bytes,
                                    .event = bytes + n_sequence + 1,
                                    .sequence = bytes};
    }
    mf_text_free(&text);
    return record;
}

void mf_local_record_queue_put(mf_local_record_queue *queue, mf_local_record *record)
{
    record->next = NULL;
    if (queue->last != NULL)
        queue->last->next = record;
    else
        queue->first = record;
    queue->last = record;
    queue->n++;
    queue->n_bytes += record->n_event;
}

mf_local_record *mf_local_record_queue_take(mf_local_record_queue *queue)
{
    mf_local_record *record = queue->first;
    if (record == NULL)
        return NULL;
    queue->first = record->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->n--;
    queue->n_bytes -= record->n_event;
    return record;
}

void mf_local_record_queue_clear(mf_local_record_queue *queue)
{
    for (mf_local_record *record; (record = mf_local_record_queue_take(queue)) != NULL;)
        free(record);
}

void mf_local_stream_event_write(const mf_local_record *first, uint32_t n, mf_text *event)
{
    size_t n_bytes = 64;
    const mf_local_record *record = first;
    for (uint32_t i = 0; i < n; i++, record = record->next)
        n_bytes += record->n_event + 1;
    mf_text_reserve(event, n_bytes);
    mf_text_literal(event, "{\"Records\":[");
    record = first;
    for (uint32_t i = 0; i < n; i++, record = record->next) {
        if (i > 0)
            mf_text_literal(event, ",");
        mf_text_append(event, record->event, record->n_event);
    }
    mf_text_literal(event, "]");
}
