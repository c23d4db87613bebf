/* settings_file.h: settings from a JSON file.
 *
 *     {
 *       "port": 3000,
 *       "functions": {
 *         "predict": {
 *           "program": "build/release/bin/predict",
 *           "arguments": [],
 *           "environment": {"SAGEMAKER_ENDPOINT_NAME": "movies"},
 *           "processes": 4, "timeout": 3, "memory": 256, "start": "early"
 *         }
 *       },
 *       "routes": {
 *         "POST /predict": "predict",
 *         "POST /v2/predict": {"function": "predict", "payload": "2.0"}
 *       },
 *       "endpoints": {"movies": "http://127.0.0.1:8080"},
 *       "kinesis": "http://127.0.0.1:4567",
 *       "mappings": [
 *         {
 *           "EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/requests",
 *           "FunctionName": "recommend",
 *           "StartingPosition": "TRIM_HORIZON",
 *           "MaximumBatchingWindowInSeconds": 1,
 *           "MaximumRetryAttempts": 3,
 *           "FunctionResponseTypes": ["ReportBatchItemFailures"],
 *           "DestinationConfig": {"OnFailure": {"Destination": "given-up.jsonl"}}
 *         }
 *       ]
 *     }
 *
 * Members are the settings of settings.c (with - or _ in their names) and these. Paths of
 * programs are as a shell would take them: from where local-cloud was started. A mapping's
 * members are those of AWS's CreateEventSourceMapping and of a template's
 * AWS::Lambda::EventSourceMapping, but that EventSourceArn and FunctionName may be bare
 * names and a destination is a file.
 *
 * Threads: one. */
#ifndef MF_LOCAL_SETTINGS_FILE_H
#define MF_LOCAL_SETTINGS_FILE_H

#include "settings.h"

/* Fails MF_ERR_CONFIG, MF_ERR_IO; the text names the file and the member. */
bool mf_local_settings_read(mf_local_settings *settings, const char *path, mf_error *err);

#endif
