/* metrics.h: numbers for CloudWatch, in its Embedded Metric Format (docs/lambda.md, 5): one
 * JSON line on standard output, beside the log.
 *
 *     static const char *const sources[] = {"cache", "service"};
 *     static const mf_lambda_dimension source = {"Source", sources, 2};
 *
 *     mf_lambda_metrics metrics;
 *     mf_lambda_metrics_begin(&metrics, "Recommender", invocation->request_id);
 *     mf_lambda_metrics_dimension(&metrics, &source, 0);
 *     mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, 12.5);
 *     mf_lambda_metrics_end(&metrics);
 *
 *     {"timestamp":"2026-01-31T09:30:00.120Z","level":"INFO","message":"metrics",
 *      "requestId":"989f…","_aws":{"Timestamp":1769851800120,"CloudWatchMetrics":[
 *      {"Namespace":"Recommender","Dimensions":[["Source"]],"Metrics":[
 *      {"Name":"Latency","Unit":"Milliseconds"}]}]},"Source":"cache","Latency":12.5}
 *
 * (1) A dimension's value comes from a table in the code, by its index: AWS bills every value
 *     as its own metric, so no request may create new ones.
 * (2) Values that are not finite are left out.
 * (3) A repeated name adds a value to its metric (an array of at most 100). A value beyond the
 *     limits is left out and counted in the member "dropped".
 * (4) The line is written whatever AWS_LAMBDA_LOG_LEVEL says.
 *
 * Threads: one document, one thread. */
#ifndef MF_LAMBDA_RUNTIME_METRICS_H
#define MF_LAMBDA_RUNTIME_METRICS_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum {
    MF_LAMBDA_METRICS_MOST = 32,         /* names in one document      */
    MF_LAMBDA_METRICS_VALUES_MOST = 512, /* values of all of them      */
    MF_LAMBDA_METRIC_VALUES_MOST = 100,  /* values of one, CloudWatch's limit */
    MF_LAMBDA_METRICS_DIMENSIONS_MOST = 4,
};

typedef enum mf_lambda_unit {
    MF_LAMBDA_UNIT_NONE,
    MF_LAMBDA_UNIT_COUNT,
    MF_LAMBDA_UNIT_PERCENT,
    MF_LAMBDA_UNIT_MICROSECONDS,
    MF_LAMBDA_UNIT_MILLISECONDS,
    MF_LAMBDA_UNIT_SECONDS,
    MF_LAMBDA_UNIT_BYTES,
} mf_lambda_unit;

/* Names and values are literals: printable ASCII without quotes or backslashes; names have at
 * most 250 bytes and differ from the members above. */
typedef struct mf_lambda_dimension {
    const char *name;
    const char *const *values; /* [n_values] */
    size_t n_values;
} mf_lambda_dimension;

/* A document under construction, 5 KiB, for the stack. */
typedef struct mf_lambda_metrics {
    const char *name_space;
    const char *request_id;
    size_t n_dimensions;
    struct {
        const mf_lambda_dimension *dimension;
        size_t value;
    } dimensions[MF_LAMBDA_METRICS_DIMENSIONS_MOST];
    size_t n_metrics;
    struct {
        const char *name;
        mf_lambda_unit unit;
        uint32_t n_values;
    } metrics[MF_LAMBDA_METRICS_MOST];
    size_t n_values;
    double values[MF_LAMBDA_METRICS_VALUES_MOST];
    uint8_t metric_of[MF_LAMBDA_METRICS_VALUES_MOST];
    uint64_t n_dropped;
} mf_lambda_metrics;

/* name_space is a literal; request_id ("" outside of a request) is borrowed until end. */
void mf_lambda_metrics_begin(mf_lambda_metrics *metrics, const char *name_space,
                             const char *request_id);

/* Sets dimension->values[value] for all metrics of the document. An index beyond the table, a
 * repeated dimension and a fifth dimension are ignored. */
void mf_lambda_metrics_dimension(mf_lambda_metrics *metrics, const mf_lambda_dimension *dimension,
                                 size_t value);

/* name is a literal, as a dimension's; a repeated name keeps its first unit. */
void mf_lambda_metrics_add(mf_lambda_metrics *metrics, const char *name, mf_lambda_unit unit,
                           double value);

/* Writes the line, unless it has no metric or there is no memory for it. */
void mf_lambda_metrics_end(const mf_lambda_metrics *metrics);

/* Appends the line as mf_lambda_metrics_end writes it, for the moment now_ms (ms since 1970). */
void mf_lambda_metrics_write(const mf_lambda_metrics *metrics, int64_t now_ms, mf_text *text);

#endif
