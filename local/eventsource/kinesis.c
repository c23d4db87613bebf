/* kinesis.c: calls are POST requests with the operation in a header; jansson reads the responses.
 *
 * A reader checks all members first and calls put only for a response that is right as a whole. */
#include "local/eventsource/kinesis.h"

#include <jansson.h>
#include <stdio.h>

mf_local_client *mf_local_kinesis_connect(struct event_base *base,
                                          const mf_local_settings *settings)
{
    static const double TIMEOUT_S = 20;
    return mf_local_client_create(base, &settings->kinesis_at, TIMEOUT_S,
                                  MF_LOCAL_KINESIS_RESPONSE_BYTES);
}

static void add_header(mf_local_client *client, const char *name, const char *value)
{
    mf_local_client_add_header(client, name, strlen(name), value, strlen(value));
}

bool mf_local_kinesis_call(mf_local_client *client, const mf_local_settings *settings,
                           const char *operation, mf_text *body, mf_local_client_done *done,
                           void *context)
{
    const char *path = settings->kinesis_at.base[0] != '\0' ? settings->kinesis_at.base : "/";
    bool ok = !body->failed && !mf_local_client_is_busy(client);
    if (ok) {
        char target[96];
        snprintf(target, sizeof target, "Kinesis_20131202.%s", operation);
        mf_local_client_begin(client);
        add_header(client, "Content-Type", "application/x-amz-json-1.1");
        add_header(client, "X-Amz-Target", target);
        add_header(client, "X-Amz-Date", "20200101T000000Z");
        add_header(client, "Authorization",
                   "AWS4-HMAC-SHA256 "
                   "Credential=local/20200101/us-east-1/kinesis/aws4_request, "
                   "SignedHeaders=host, Signature=00");
        mf_local_client_add_body(client, body->bytes, body->n_bytes);
        ok = mf_local_client_post(client, path, done, context);
    }
    mf_text_free(body);
    return ok;
}

bool mf_local_kinesis_is_transient(const mf_local_client_response *response)
{
    static const char *const codes[] = {"ProvisionedThroughputExceededException",
                                        "LimitExceededException", "KMSThrottlingException",
                                        "ThrottlingException"};
    char code[MF_LOCAL_KINESIS_CODE_BYTES];
    if (response->status == 0 || response->status == 429 || response->status >= 500)
        return true;
    mf_local_kinesis_read_code(response->body, response->n_body, code);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

double mf_local_kinesis_wait_s(uint32_t n_failures)
{
    static const double FIRST_S = 0.1, LONGEST_S = 5;
    return n_failures <= 6 ? FIRST_S * (1 << (n_failures - 1)) : LONGEST_S;
}

char *mf_local_kinesis_reason(const mf_local_client_response *response,
                              char text[MF_LOCAL_KINESIS_CODE_BYTES])
{
    mf_local_kinesis_read_code(response->body, response->n_body, text);
    if (response->status == 0)
        snprintf(text, MF_LOCAL_KINESIS_CODE_BYTES, "no response");
    else if (text[0] == '\0')
        snprintf(text, MF_LOCAL_KINESIS_CODE_BYTES, "status %d", response->status);
    return text;
}

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

void mf_local_kinesis_read_code(const char *body, size_t n, char code[MF_LOCAL_KINESIS_CODE_BYTES])
{
    json_t *response = load(body, n);
    const char *type = text_of(response, "__type");
    const char *hash = type != NULL ? strrchr(type, '#') : NULL;
    if (hash != NULL)
        type = hash + 1;
    snprintf(code, MF_LOCAL_KINESIS_CODE_BYTES, "%s", type != NULL ? type : "");
    json_decref(response);
}

bool mf_local_kinesis_read_iterator(const char *body, size_t n, mf_text *iterator)
{
    json_t *response = load(body, n);
    copy(iterator, text_of(response, "ShardIterator"));
    json_decref(response);
    return iterator->n_bytes > 0;
}

static bool is_digits(const char *text)
{
    return text != NULL && text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

static bool read_record(const json_t *one, mf_local_record_fields *fields)
{
    *fields = (mf_local_record_fields){
        .sequence = text_of(one, "SequenceNumber"),
        .partition_key = text_of(one, "PartitionKey"),
        .data = text_of(one, "Data"),
        .encryption = text_of(one, "EncryptionType"),
        .arrived = json_number_value(json_object_get(one, "ApproximateArrivalTimestamp")),
    };
    return is_digits(fields->sequence) && fields->partition_key != NULL && fields->data != NULL &&
           fields->arrived >= 0 && fields->arrived < 1e12;
}

bool mf_local_kinesis_read_records(const char *body, size_t n, mf_text *iterator,
                                   mf_local_kinesis_records *records,
                                   bool (*put)(void *context, const mf_local_record_fields *fields),
                                   void *context)
{
    json_t *response = load(body, n);
    const json_t *list = json_object_get(response, "Records");
    const char *next = text_of(response, "NextShardIterator");
    bool ok = json_is_array(list);
    size_t i;
    json_t *one;
    *records =
        (mf_local_kinesis_records){.n = (uint32_t)json_array_size(list), .has_next = next != NULL};
    records->has_more =
        json_number_value(json_object_get(response, "MillisBehindLatest")) > 0 && next != NULL;
    mf_local_record_fields fields;
    json_array_foreach(list, i, one) ok = ok && read_record(one, &fields);
    if (ok)
        json_array_foreach(list, i, one) ok =
            ok && read_record(one, &fields) && put(context, &fields);
    if (ok)
        copy(iterator, next);
    json_decref(response);
    return ok && !iterator->failed;
}

bool mf_local_kinesis_read_shards(const char *body, size_t n, mf_text *next,
                                  bool (*put)(void *context, const mf_local_kinesis_shard *shard),
                                  void *context)
{
    json_t *response = load(body, n);
    const json_t *list = json_object_get(response, "Shards");
    bool ok = json_is_array(list);
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const mf_local_kinesis_shard shard = {
            .id = text_of(one, "ShardId"),
            .parents = {text_of(one, "ParentShardId"), text_of(one, "AdjacentParentShardId")}};
        ok = ok && shard.id != NULL && strlen(shard.id) < MF_LOCAL_SHARD_ID_BYTES &&
             put(context, &shard);
    }
    if (ok)
        copy(next, text_of(response, "NextToken"));
    json_decref(response);
    return ok && !next->failed;
}
