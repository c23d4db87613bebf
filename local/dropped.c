/* dropped.c: promises in dropped.h. */
#include "dropped.h"

#include "base/clock.h"
#include "stream_event.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void write_time(mf_text *line, const char *name, int64_t ms)
{
    char text[MF_CLOCK_TEXT_BYTES];
    mf_text_format(line, ",\"%s\":\"%s\"", name, mf_clock_text(ms, text));
}

void mf_dropped_write(const mf_dropped *dropped, int64_t now_ms, mf_text *line)
{
    mf_text payload = MF_TEXT_EMPTY;
    const mf_stream_record *last = dropped->first;
    for (uint32_t i = 1; i < dropped->n; i++)
        last = last->next;
    mf_stream_event_write(dropped->first, dropped->n, &payload);
    mf_text_literal(&payload, "}");
    mf_text_format(line,
                   "{\"requestContext\":{\"requestId\":\"%s\",\"functionArn\":\"%s\","
                   "\"condition\":\"%s\",\"approximateInvokeCount\":%u}",
                   dropped->request_id, dropped->function_arn, dropped->condition,
                   (unsigned)dropped->n_calls);
    if (dropped->n_calls > 0)
        mf_text_format(line,
                       ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$LATEST\","
                       "\"functionError\":%s}",
                       dropped->has_function_error ? "\"Unhandled\"" : "null");
    mf_text_literal(line, ",\"version\":\"1.0\"");
    write_time(line, "timestamp", now_ms);
    mf_text_format(line,
                   ",\"KinesisBatchInfo\":{\"shardId\":\"%s\",\"startSequenceNumber\":\"%s\","
                   "\"endSequenceNumber\":\"%s\"",
                   dropped->source->shard_id, dropped->first->sequence, last->sequence);
    write_time(line, "approximateArrivalOfFirstRecord", dropped->first->arrived_ms);
    write_time(line, "approximateArrivalOfLastRecord", last->arrived_ms);
    mf_text_format(line,
                   ",\"batchSize\":%u,\"streamArn\":\"%s\"},\"payload\":", (unsigned)dropped->n,
                   dropped->source->stream_arn);
    mf_text_json(line, payload.bytes, payload.n_bytes);
    mf_text_literal(line, "}\n");
    line->failed = line->failed || payload.failed;
    mf_text_free(&payload);
}

bool mf_dropped_append(const char *path, const mf_text *line, mf_error *err)
{
    if (path[0] == '\0')
        return true;
    if (line->failed)
        return mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a line of %s", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return mf_fail_errno(err, errno, MF_NOWHERE, "cannot open %s", path);
    const ssize_t n = write(fd, line->bytes, line->n_bytes);
    const int reason = n < 0 ? errno : ENOSPC;
    close(fd);
    return n == (ssize_t)line->n_bytes ||
           mf_fail_errno(err, reason, MF_NOWHERE, "cannot write to %s", path);
}
