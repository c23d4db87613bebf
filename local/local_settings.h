/* local_settings.h: the settings of local-cloud: functions, routes, endpoints and event source
 * mappings.
 *
 * The settings of the program, of a function and of a mapping are three tables of
 * base/settings.h. main.c sets them from the command line, local_settings_file.c from a JSON
 * file; a later value replaces an earlier one.
 *
 * (1) An unknown name, a value outside its range and a route to a function that does not exist
 *     fail with a sentence that says what is allowed.
 * (2) The struct is static or lives on the heap: it is large, and it must not move.
 *
 * Threads: one. */
#ifndef MF_LOCAL_LOCAL_SETTINGS_H
#define MF_LOCAL_LOCAL_SETTINGS_H

#include "base/error.h"
#include "base/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MF_LOCAL_FUNCTIONS_MAX = 32,
    MF_LOCAL_FUNCTION_WORDS_MAX = 64,
    MF_LOCAL_FUNCTION_VARIABLES_MAX = 128,
    MF_LOCAL_FUNCTION_VARIABLES_BYTES = 4096, /* of all names and values, as in Lambda */
    MF_LOCAL_PROCESSES_MAX = 64,              /* of a function */
    MF_LOCAL_ROUTES_MAX = 64,
    MF_LOCAL_ENDPOINTS_MAX = 32,
    MF_LOCAL_MAPPINGS_MAX = 16,
    MF_LOCAL_TEXT_BYTES = MF_SETTING_TEXT_BYTES,
};

/* Choices of the settings `start`, StartingPosition, FunctionResponseTypes. */
typedef enum mf_local_start { MF_LOCAL_START_FIRST, MF_LOCAL_START_EARLY } mf_local_start;

typedef enum mf_local_starting_position {
    MF_LOCAL_TRIM_HORIZON,
    MF_LOCAL_LATEST,
    MF_LOCAL_AT_TIMESTAMP,
} mf_local_starting_position;

typedef struct mf_local_function_settings {
    mf_settings table; /* writes the fields from folder to start */
    char name[65];
    char *words[MF_LOCAL_FUNCTION_WORDS_MAX + 2]; /* program, arguments, NULL */
    char *variables[MF_LOCAL_FUNCTION_VARIABLES_MAX + 1];
    char folder[MF_LOCAL_TEXT_BYTES];  /* its working directory; "": that of local-cloud */
    char handler[MF_LOCAL_TEXT_BYTES]; /* _HANDLER; "": the function's name */
    uint32_t n_processes;
    uint32_t queue; /* invocations that may wait while every process works */
    double timeout_s;
    double init_timeout_s;
    uint32_t memory_mb;
    uint32_t start; /* mf_local_start */
} mf_local_function_settings;

typedef enum mf_local_payload {
    MF_LOCAL_PAYLOAD_REST, /* Lambda proxy, payload 1.0         */
    MF_LOCAL_PAYLOAD_HTTP, /* HTTP API, payload 2.0             */
    MF_LOCAL_PAYLOAD_NONE, /* non-proxy: the body is the event  */
} mf_local_payload;

typedef struct mf_local_route {
    char method[32];                /* "POST", or "ANY" */
    char path[MF_LOCAL_TEXT_BYTES]; /* "/predict", "/users/{id}", "/files/{path+}" */
    uint32_t function;
    mf_local_payload payload;
} mf_local_route;

/* http://host:port/base */
typedef struct mf_local_address {
    char host[MF_LOCAL_TEXT_BYTES];
    char base[MF_LOCAL_TEXT_BYTES]; /* without '/' at its end; "" mostly */
    uint16_t port;
} mf_local_address;

typedef struct mf_local_endpoint_settings {
    char name[64];
    mf_local_address at; /* of the container; its base precedes /invocations */
} mf_local_endpoint_settings;

/* An event source mapping; its settings have AWS's names (docs/lambda.md, 4.1). */
typedef struct mf_local_mapping_settings {
    mf_settings table; /* writes the fields from enabled on */
    char stream[129];  /* name */
    char arn[MF_LOCAL_TEXT_BYTES];
    uint32_t function;
    uint32_t enabled;
    uint32_t batch_size;
    double batching_s;
    uint32_t position;        /* mf_local_starting_position            */
    double timestamp;         /* of AT_TIMESTAMP, seconds since 1970   */
    uint32_t parallelization; /* concurrent batches of a shard         */
    int32_t max_retries;      /* -1: no limit, as for the age          */
    int32_t max_age_s;
    uint32_t bisect;
    uint32_t takes_partial;               /* ReportBatchItemFailures                 */
    uint32_t window_s;                    /* tumbling; 0: none                       */
    char on_failure[MF_LOCAL_TEXT_BYTES]; /* file that receives discarded records; "": none */
} mf_local_mapping_settings;

typedef struct mf_local_settings {
    mf_settings table; /* writes the fields from address to page_stream */
    char address[MF_LOCAL_TEXT_BYTES];
    uint32_t port; /* 0: any free one */
    char port_file[MF_LOCAL_TEXT_BYTES];
    uint32_t platform_lines; /* print START, END, REPORT */
    char region[33];
    char account[33];
    double stop_s; /* from SIGTERM to SIGKILL for processes */
    char stage[MF_LOCAL_TEXT_BYTES];
    double gateway_s; /* until the API responds with 504 */
    double rate;      /* requests a second of the API, then 429; 0: no limit */
    double burst;     /* requests that may arrive at once */
    char binary_types[MF_LOCAL_TEXT_BYTES]; /* separated by commas */
    double container_s;                     /* that an endpoint's container has for a response */
    char kinesis[MF_LOCAL_TEXT_BYTES];      /* the URL as it was given */
    double poll_s;                          /* between two reads of a shard without new records */
    char page_model[MF_LOCAL_TEXT_BYTES];   /* model.bin of the page; "": no page */
    char page_ratings[MF_LOCAL_TEXT_BYTES]; /* file that it was trained on; "": none are shown */
    char page_api[MF_LOCAL_TEXT_BYTES];     /* path of the API for the page's requests */
    char page_stream[MF_LOCAL_TEXT_BYTES];  /* that the page's ratings go to; "": none */
    mf_local_address kinesis_at;
    mf_local_function_settings functions[MF_LOCAL_FUNCTIONS_MAX];
    uint32_t n_functions;
    mf_local_route routes[MF_LOCAL_ROUTES_MAX];
    uint32_t n_routes;
    mf_local_endpoint_settings endpoints[MF_LOCAL_ENDPOINTS_MAX];
    uint32_t n_endpoints;
    mf_local_mapping_settings mappings[MF_LOCAL_MAPPINGS_MAX];
    uint32_t n_mappings;
} mf_local_settings;

/* Writes the defaults. */
MF_MUST_CHECK bool mf_local_settings_start(mf_local_settings *settings, mf_error *err);
void mf_local_settings_free(mf_local_settings *settings);

/* Sets a setting of the program, of a function or of a mapping: `table` is the first member of
 * each of the three structs. */
MF_MUST_CHECK bool mf_local_settings_set(mf_settings *table, const char *name, const char *value,
                                         mf_error *err);

/* Returns a new function, or NULL with an error. */
MF_MUST_CHECK mf_local_function_settings *
mf_local_settings_add_function(mf_local_settings *settings, const char *name, mf_error *err);

/* The first word is the path of the program, the next ones are its arguments. */
MF_MUST_CHECK bool mf_local_function_settings_add_word(mf_local_function_settings *function,
                                                       const char *word, mf_error *err);
MF_MUST_CHECK bool mf_local_function_settings_add_variable(mf_local_function_settings *function,
                                                           const char *name, const char *value,
                                                           mf_error *err);

/* what: "POST /predict"; payload "1.0", "2.0" or "none". The function must exist. */
MF_MUST_CHECK bool mf_local_settings_add_route(mf_local_settings *settings, const char *what,
                                               const char *function, const char *payload,
                                               mf_error *err);

/* url: http://host:port with an optional path. */
MF_MUST_CHECK bool mf_local_settings_add_endpoint(mf_local_settings *settings, const char *name,
                                                  const char *url, mf_error *err);

/* stream: a name or an ARN; function: a name or an ARN of one that exists. Returns NULL with an
 * error when they do not fit. */
MF_MUST_CHECK mf_local_mapping_settings *mf_local_settings_add_mapping(mf_local_settings *settings,
                                                                       const char *stream,
                                                                       const char *function,
                                                                       mf_error *err);

/* Reads a JSON file:
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
 * The other members are settings, with - or _ in their names. Paths of programs are relative to
 * the current folder, as in a shell. A mapping's members are those of AWS's
 * CreateEventSourceMapping and of a template's AWS::Lambda::EventSourceMapping, except that
 * EventSourceArn and FunctionName may be bare names and a destination is a file.
 *
 * Fails MF_ERR_CONFIG, MF_ERR_IO; the text names the file and the member. */
MF_MUST_CHECK bool mf_local_settings_read(mf_local_settings *settings, const char *path,
                                          mf_error *err);

/* Checks what does not fit together, after every setting is set. The address of Kinesis is the
 * setting kinesis, else AWS_ENDPOINT_URL_KINESIS, else AWS_ENDPOINT_URL. */
MF_MUST_CHECK bool mf_local_settings_check(mf_local_settings *settings, mf_error *err);

/* Prints names, allowed values, defaults and meanings. */
void mf_local_settings_print_help(FILE *out);

#endif
