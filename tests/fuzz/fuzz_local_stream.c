/* fuzz_local_stream.c: any bytes as what a mapping of local-cloud reads: a function's response to
 * a batch, and responses of Kinesis. The first byte selects which.
 *
 * A response never covers more records than were sent, says why it is a failure exactly
 * if it is one, and a state that was read means itself when it is read again. Records that
 * Kinesis gives become a JSON object each; what is refused leaves the iterator alone. */
#include "local/eventsource/batch.h"
#include "local/eventsource/kinesis.h"

#include <jansson.h>
#include <stdlib.h>

static const mf_local_stream_source SOURCE = {"arn:aws:kinesis:us-east-1:1:stream/s", "us-east-1",
                                              "1", "shardId-000000000000"};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void fill(mf_local_record_queue *queue)
{
    static const char *const numbers[] = {"1", "2", "10"};
    for (size_t i = 0; i < 3; i++) {
        const mf_local_record_fields fields = {numbers[i], "k", "e30=", NULL, 1e9};
        mf_local_record *record = mf_local_record_create(&SOURCE, &fields, 0);
        require(record != NULL);
        mf_local_record_queue_put(queue, record);
    }
}

static void read_outcome(const char *bytes, size_t n, bool takes_partial, bool in_window)
{
    mf_local_record_queue queue = {0};
    mf_local_batch_result outcome, again;
    fill(&queue);
    const mf_local_batch_request request = {queue.first, 3, takes_partial, in_window};
    mf_local_batch_result_read(&request, false, bytes, n, &outcome);
    /* A success may have a warning. */
    require(outcome.n_done <= 3 && outcome.ok == (outcome.n_done == 3) &&
            (outcome.ok || outcome.why[0] != '\0'));
    require((outcome.state.n_bytes > 0) == (in_window && outcome.n_done > 0));
    if (outcome.state.n_bytes > 0) {
        mf_text response = MF_TEXT_EMPTY;
        mf_text_literal(&response, "{\"state\":");
        mf_text_append(&response, outcome.state.bytes, outcome.state.n_bytes);
        mf_text_literal(&response, "}");
        mf_local_batch_result_read(&request, false, response.bytes, response.n_bytes, &again);
        require(again.ok && again.state.n_bytes == outcome.state.n_bytes &&
                memcmp(again.state.bytes, outcome.state.bytes, again.state.n_bytes) == 0);
        mf_text_free(&again.state);
        mf_text_free(&response);
    }
    mf_text_free(&outcome.state);
    mf_local_record_queue_clear(&queue);
}

static bool put_record(void *context, const mf_local_record_fields *fields)
{
    mf_local_record *record = mf_local_record_create(&SOURCE, fields, 0);
    require(record != NULL);
    mf_local_record_queue_put(context, record);
    return true;
}

static void read_records(const char *bytes, size_t n)
{
    mf_local_record_queue queue = {0};
    mf_local_kinesis_records records;
    mf_text iterator = MF_TEXT_EMPTY;
    mf_text_literal(&iterator, "before");
    const bool ok =
        mf_local_kinesis_read_records(bytes, n, &iterator, &records, put_record, &queue);
    if (ok)
        require(queue.n == records.n && records.has_next == (iterator.n_bytes > 0));
    else
        require(queue.n == 0 && iterator.n_bytes == 6);
    for (const mf_local_record *r = queue.first; r != NULL; r = r->next) {
        json_t *event = json_loadb(r->event, r->n_event, JSON_ALLOW_NUL, NULL);
        require(json_is_object(event));
        const json_t *kinesis = json_object_get(event, "kinesis");
        require(strcmp(json_string_value(json_object_get(kinesis, "sequenceNumber")),
                       r->sequence) == 0);
        json_decref(event);
    }
    mf_local_record_queue_clear(&queue);
    mf_text_free(&iterator);
}

static bool put_shard(void *context, const mf_local_kinesis_shard *shard)
{
    require(shard->id != NULL && strlen(shard->id) < MF_LOCAL_SHARD_ID_BYTES);
    ++*(unsigned *)context;
    return true;
}

static void read_others(const char *bytes, size_t n)
{
    mf_text text = MF_TEXT_EMPTY;
    char code[MF_LOCAL_KINESIS_CODE_BYTES];
    unsigned n_shards = 0;
    mf_local_kinesis_read_code(bytes, n, code);
    require(memchr(code, '\0', sizeof code) != NULL && strchr(code, '#') == NULL);
    require(mf_local_kinesis_read_iterator(bytes, n, &text) == (text.n_bytes > 0));
    require(!mf_local_kinesis_read_shards(bytes, n, &text, put_shard, &n_shards) || !text.failed);
    mf_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    json_object_seed(1);
    if (n_bytes == 0)
        return 0;
    const char *text = (const char *)bytes + 1;
    const size_t n = n_bytes - 1;
    switch (bytes[0] % 6) {
    case 0:
    case 1:
    case 2:
    case 3:
        read_outcome(text, n, (bytes[0] & 1) != 0, (bytes[0] & 2) != 0);
        break;
    case 4:
        read_records(text, n);
        break;
    default:
        read_others(text, n);
    }
    return 0;
}
