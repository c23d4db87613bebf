/* metrics.h: numbers for CloudWatch, in its Embedded Metric Format (docs/lambda.md, 5): one
 * JSON line on standard output, beside the log.
 *
 *     mf_lambda_metrics metrics;
 *     mf_lambda_metrics_begin(&metrics, "predict", invocation->request_id);
 *     mf_lambda_metrics_add(&metrics, "Latency", MF_LAMBDA_UNIT_MILLISECONDS, 12.5);
 *     mf_lambda_metrics_end(&metrics);
 *
 *     {"timestamp":"2026-01-31T09:30:00.120Z","level":"INFO","message":"metrics",
 *      "requestId":"989f…","_aws":{"Timestamp":1769851800120,"CloudWatchMetrics":[
 *      {"Namespace":"Recommender","Dimensions":[["Function"]],"Metrics":[
 *      {"Name":"Latency","Unit":"Milliseconds"}]}]},"Function":"predict","Latency":12.5}
 *
 * (1) The one dimension is the function's name. AWS bills every value of a dimension as its own
 *     metric, so no request may create new ones.
 * (2) Values that are not finite are left out, and those beyond MF_LAMBDA_METRICS_MOST.
 * (3) The line is written whatever AWS_LAMBDA_LOG_LEVEL says.
 *
 * Threads: one document, one thread. */
#ifndef MF_LAMBDA_RUNTIME_METRICS_H
#define MF_LAMBDA_RUNTIME_METRICS_H

#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum { MF_LAMBDA_METRICS_MOST = 32 };

typedef enum mf_lambda_unit {
    MF_LAMBDA_UNIT_COUNT,
    MF_LAMBDA_UNIT_MILLISECONDS,
    MF_LAMBDA_UNIT_SECONDS,
    MF_LAMBDA_UNIT_BYTES,
} mf_lambda_unit;

/* A document under construction. */
typedef struct mf_lambda_metrics {
    const char *function;
    const char *request_id;
    size_t n;
    struct {
        const char *name;
        mf_lambda_unit unit;
        double value;
    } metrics[MF_LAMBDA_METRICS_MOST];
} mf_lambda_metrics;

/* function is a literal; request_id ("" outside of a request) is borrowed until end. */
void mf_lambda_metrics_begin(mf_lambda_metrics *metrics, const char *function,
                             const char *request_id);

/* name is a literal of at most 250 bytes of printable ASCII without quotes and backslashes. Each
 * name comes once in a document and is not one of the members above. */
void mf_lambda_metrics_add(mf_lambda_metrics *metrics, const char *name, mf_lambda_unit unit,
                           double value);

/* Writes the line, unless it has no metric or there is no memory for it. */
void mf_lambda_metrics_end(const mf_lambda_metrics *metrics);

/* Appends the line as mf_lambda_metrics_end writes it, for the moment now_ms (ms since 1970). */
void mf_lambda_metrics_write(const mf_lambda_metrics *metrics, int64_t now_ms, mf_text *text);

#endif
