/* metrics.h: numbers for CloudWatch, in its Embedded Metric Format (docs/lambda.md, 5): one
 * JSON line on standard output, beside the log.
 *
 *     static const char *const sources[] = {"cache", "service"};
 *     static const mf_dimension source = {"Source", sources, 2};
 *
 *     mf_metrics metrics;
 *     mf_metrics_begin(&metrics, "Recommender", invocation->request_id);
 *     mf_metrics_dimension(&metrics, &source, 0);
 *     mf_metrics_add(&metrics, "Latency", MF_UNIT_MILLISECONDS, 12.5);
 *     mf_metrics_end(&metrics);
 *
 *     {"timestamp":"2026-01-31T09:30:00.120Z","level":"INFO","message":"metrics",
 *      "requestId":"989f…","_aws":{"Timestamp":1769851800120,"CloudWatchMetrics":[
 *      {"Namespace":"Recommender","Dimensions":[["Source"]],"Metrics":[
 *      {"Name":"Latency","Unit":"Milliseconds"}]}]},"Source":"cache","Latency":12.5}
 *
 * (1) A dimension's value is one of a table in the code, chosen by its index: every value
 *     is a metric of its own on the bill, and no user can make up new ones.
 * (2) Values are finite: what is not is left out.
 * (3) A name that comes again adds a value to its metric (an array of at most 100). What
 *     finds no room is left out and counted in the member "dropped".
 * (4) The line goes out whatever AWS_LAMBDA_LOG_LEVEL says.
 *
 * Threads: one document, one thread. */
#ifndef MF_LAMBDA_RUNTIME_METRICS_H
#define MF_LAMBDA_RUNTIME_METRICS_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MF_METRICS_MOST = 32,         /* names in one document      */
    MF_METRICS_VALUES_MOST = 512, /* values of all of them      */
    MF_METRIC_VALUES_MOST = 100,  /* values of one, CloudWatch's limit */
    MF_METRICS_DIMENSIONS_MOST = 4,
};

typedef enum mf_unit {
    MF_UNIT_NONE,
    MF_UNIT_COUNT,
    MF_UNIT_PERCENT,
    MF_UNIT_MICROSECONDS,
    MF_UNIT_MILLISECONDS,
    MF_UNIT_SECONDS,
    MF_UNIT_BYTES,
} mf_unit;

/* Names and values are literals: printable ASCII without quotes or backslashes, names
 * at most 250 long and none of the members above. */
typedef struct mf_dimension {
    const char *name;
    const char *const *values; /* [n_values] */
    size_t n_values;
} mf_dimension;

/* A document under construction (5 KiB); lives on the stack. */
typedef struct mf_metrics {
    const char *name_space;
    const char *request_id;
    size_t n_dimensions;
    struct {
        const mf_dimension *dimension;
        size_t value;
    } dimensions[MF_METRICS_DIMENSIONS_MOST];
    size_t n_metrics;
    struct {
        const char *name;
        mf_unit unit;
        uint32_t n_values;
    } metrics[MF_METRICS_MOST];
    size_t n_values;
    double values[MF_METRICS_VALUES_MOST];
    uint8_t metric_of[MF_METRICS_VALUES_MOST];
    uint64_t n_dropped;
} mf_metrics;

/* name_space is a literal; request_id ("" outside of a request) is borrowed until end. */
void mf_metrics_begin(mf_metrics *metrics, const char *name_space, const char *request_id);

/* All metrics of the document carry dimension->values[value]. One beyond the table, a
 * dimension named before and a fifth dimension change nothing. */
void mf_metrics_dimension(mf_metrics *metrics, const mf_dimension *dimension, size_t value);

/* name is a literal, as a dimension's; its first unit counts. */
void mf_metrics_add(mf_metrics *metrics, const char *name, mf_unit unit, double value);

/* Writes the line, unless there is nothing in it (or no memory for it). */
void mf_metrics_end(const mf_metrics *metrics);

/* Appends the line as mf_metrics_end writes it, for the moment now_ms (ms since 1970). */
void mf_metrics_write(const mf_metrics *metrics, int64_t now_ms, mf_text *text);

#endif
