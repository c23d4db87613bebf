/* metrics.c: a document names its metrics and units first, in "_aws", and has their values as members
 * after it. */
#include "lambda/runtime/metrics.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

static const char *const unit_names[] = {
    [MF_LAMBDA_UNIT_COUNT] = "Count",
    [MF_LAMBDA_UNIT_MILLISECONDS] = "Milliseconds",
    [MF_LAMBDA_UNIT_SECONDS] = "Seconds",
    [MF_LAMBDA_UNIT_BYTES] = "Bytes",
};

void mf_lambda_metrics_begin(mf_lambda_metrics *metrics, const char *function,
                             const char *request_id)
{
    metrics->function = function;
    metrics->request_id = request_id;
    metrics->n = 0;
}

void mf_lambda_metrics_add(mf_lambda_metrics *metrics, const char *name, mf_lambda_unit unit,
                           double value)
{
    if (!isfinite(value) || metrics->n == MF_LAMBDA_METRICS_MOST)
        return;
    metrics->metrics[metrics->n].name = name;
    metrics->metrics[metrics->n].unit = unit;
    metrics->metrics[metrics->n++].value = value;
}

void mf_lambda_metrics_write(const mf_lambda_metrics *metrics, int64_t now_ms, mf_text *text)
{
    char now[MF_CLOCK_TEXT_BYTES];
    mf_text_format(text, "{\"timestamp\":\"%s\",\"level\":\"INFO\",\"message\":\"metrics\"",
                   mf_clock_text(now_ms, now));
    mf_text_literal(text, ",\"requestId\":");
    mf_text_json(text, metrics->request_id, strlen(metrics->request_id));
    mf_text_format(text,
                   ",\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[{\"Namespace\":"
                   "\"Recommender\",\"Dimensions\":[[\"Function\"]],\"Metrics\":[",
                   (long long)now_ms);
    for (size_t i = 0; i < metrics->n; i++)
        mf_text_format(text, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", i > 0 ? "," : "",
                       metrics->metrics[i].name, unit_names[metrics->metrics[i].unit]);
    mf_text_format(text, "]}]},\"Function\":\"%s\"", metrics->function);
    /* Twelve digits are enough for bytes and microseconds, and short for 12.5. */
    for (size_t i = 0; i < metrics->n; i++)
        mf_text_format(text, ",\"%s\":%.12g", metrics->metrics[i].name, metrics->metrics[i].value);
    mf_text_literal(text, "}\n");
}

void mf_lambda_metrics_end(const mf_lambda_metrics *metrics)
{
    if (metrics->n == 0)
        return;
    mf_text text = MF_TEXT_EMPTY;
    mf_lambda_metrics_write(metrics, mf_clock_wall_ms(), &text);
    if (!text.failed)
        mf_log_write(text.bytes, text.n_bytes);
    mf_text_free(&text);
}
