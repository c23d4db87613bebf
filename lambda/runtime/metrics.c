/* metrics.c: values are kept in the order of the calls, each with the index of its metric;
 * writing collects them metric by metric. */
#include "lambda/runtime/metrics.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

_Static_assert(MF_LAMBDA_METRICS_MOST <= UINT8_MAX, "metric_of holds an index");

static const char *const unit_names[] = {
    [MF_LAMBDA_UNIT_NONE] = "None",
    [MF_LAMBDA_UNIT_COUNT] = "Count",
    [MF_LAMBDA_UNIT_PERCENT] = "Percent",
    [MF_LAMBDA_UNIT_MICROSECONDS] = "Microseconds",
    [MF_LAMBDA_UNIT_MILLISECONDS] = "Milliseconds",
    [MF_LAMBDA_UNIT_SECONDS] = "Seconds",
    [MF_LAMBDA_UNIT_BYTES] = "Bytes",
};

void mf_lambda_metrics_begin(mf_lambda_metrics *metrics, const char *name_space,
                             const char *request_id)
{
    metrics->name_space = name_space;
    metrics->request_id = request_id;
    metrics->n_dimensions = 0;
    metrics->n_metrics = 0;
    metrics->n_values = 0;
    metrics->n_dropped = 0;
}

void mf_lambda_metrics_dimension(mf_lambda_metrics *metrics, const mf_lambda_dimension *dimension,
                                 size_t value)
{
    if (value >= dimension->n_values || metrics->n_dimensions == MF_LAMBDA_METRICS_DIMENSIONS_MOST)
        return;
    for (size_t d = 0; d < metrics->n_dimensions; d++)
        if (strcmp(metrics->dimensions[d].dimension->name, dimension->name) == 0)
            return;
    metrics->dimensions[metrics->n_dimensions].dimension = dimension;
    metrics->dimensions[metrics->n_dimensions].value = value;
    metrics->n_dimensions++;
}

/* The index of the metric, which may be new; MF_LAMBDA_METRICS_MOST when the table is full. */
static size_t find(mf_lambda_metrics *metrics, const char *name, mf_lambda_unit unit)
{
    size_t m = 0;
    while (m < metrics->n_metrics && strcmp(metrics->metrics[m].name, name) != 0)
        m++;
    if (m == metrics->n_metrics && m < MF_LAMBDA_METRICS_MOST) {
        metrics->metrics[m].name = name;
        metrics->metrics[m].unit = unit;
        metrics->metrics[m].n_values = 0;
        metrics->n_metrics++;
    }
    return m;
}

void mf_lambda_metrics_add(mf_lambda_metrics *metrics, const char *name, mf_lambda_unit unit,
                           double value)
{
    if (!isfinite(value))
        return;
    if (metrics->n_values == MF_LAMBDA_METRICS_VALUES_MOST) {
        metrics->n_dropped++;
        return;
    }
    const size_t m = find(metrics, name, unit);
    if (m == MF_LAMBDA_METRICS_MOST ||
        metrics->metrics[m].n_values == MF_LAMBDA_METRIC_VALUES_MOST) {
        metrics->n_dropped++;
        return;
    }
    metrics->metrics[m].n_values++;
    metrics->values[metrics->n_values] = value;
    metrics->metric_of[metrics->n_values] = (uint8_t)m;
    metrics->n_values++;
}

/* Twelve digits are enough for bytes and microseconds, and short for 12.5. */
static void write_number(mf_text *text, double value)
{
    mf_text_format(text, "%.12g", value);
}

static void write_values(const mf_lambda_metrics *metrics, size_t m, mf_text *text)
{
    const bool array = metrics->metrics[m].n_values > 1;
    const char *comma = "";
    mf_text_format(text, ",\"%s\":%s", metrics->metrics[m].name, array ? "[" : "");
    for (size_t v = 0; v < metrics->n_values; v++) {
        if (metrics->metric_of[v] != m)
            continue;
        mf_text_append(text, comma, strlen(comma));
        write_number(text, metrics->values[v]);
        comma = ",";
    }
    if (array)
        mf_text_literal(text, "]");
}

static void write_directive(const mf_lambda_metrics *metrics, mf_text *text)
{
    mf_text_format(text, "{\"Namespace\":\"%s\",\"Dimensions\":[[", metrics->name_space);
    for (size_t d = 0; d < metrics->n_dimensions; d++)
        mf_text_format(text, "%s\"%s\"", d > 0 ? "," : "", metrics->dimensions[d].dimension->name);
    mf_text_literal(text, "]],\"Metrics\":[");
    for (size_t m = 0; m < metrics->n_metrics; m++)
        mf_text_format(text, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", m > 0 ? "," : "",
                       metrics->metrics[m].name, unit_names[metrics->metrics[m].unit]);
    mf_text_literal(text, "]}");
}

void mf_lambda_metrics_write(const mf_lambda_metrics *metrics, int64_t now_ms, mf_text *text)
{
    char now[MF_CLOCK_TEXT_BYTES];
    mf_text_format(text, "{\"timestamp\":\"%s\",\"level\":\"INFO\",\"message\":\"metrics\"",
                   mf_clock_text(now_ms, now));
    mf_text_literal(text, ",\"requestId\":");
    mf_text_json(text, metrics->request_id, strlen(metrics->request_id));
    mf_text_format(text, ",\"_aws\":{\"Timestamp\":%lld,\"CloudWatchMetrics\":[",
                   (long long)now_ms);
    write_directive(metrics, text);
    mf_text_literal(text, "]}");
    for (size_t d = 0; d < metrics->n_dimensions; d++)
        mf_text_format(text, ",\"%s\":\"%s\"", metrics->dimensions[d].dimension->name,
                       metrics->dimensions[d].dimension->values[metrics->dimensions[d].value]);
    for (size_t m = 0; m < metrics->n_metrics; m++)
        write_values(metrics, m, text);
    if (metrics->n_dropped > 0)
        mf_text_format(text, ",\"dropped\":%llu", (unsigned long long)metrics->n_dropped);
    mf_text_literal(text, "}\n");
}

void mf_lambda_metrics_end(const mf_lambda_metrics *metrics)
{
    if (metrics->n_metrics == 0)
        return;
    mf_text text = MF_TEXT_EMPTY;
    mf_lambda_metrics_write(metrics, mf_clock_wall_ms(), &text);
    if (!text.failed)
        mf_log_write(text.bytes, text.n_bytes);
    mf_text_free(&text);
}
