/* settings.h: what local-cloud is told: functions, routes to them, endpoints, mappings.
 *
 * Every setting is set by its name and a text, by settings_file.c and command_line.c alike.
 * --help prints the tables.
 *
 * (1) An unknown name, a value outside of what is allowed, a route to a function that does
 *     not exist are refused with a sentence that says what is allowed.
 * (2) All texts are copies, freed by mf_local_settings_free.
 *
 * Threads: one. */
#ifndef MF_LOCAL_SETTINGS_H
#define MF_LOCAL_SETTINGS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    MF_FUNCTIONS_MAX = 32,
    MF_FUNCTION_WORDS_MAX = 64,
    MF_FUNCTION_VARIABLES_MAX = 128,
    MF_FUNCTION_VARIABLES_BYTES = 4096, /* of all names and values, as in Lambda */
    MF_PROCESSES_MAX = 64,              /* of a function */
    MF_GATEWAY_ROUTES_MAX = 64,
    MF_ENDPOINTS_MAX = 32,
    MF_BINARY_TYPES_MAX = 32,
    MF_MAPPINGS_MAX = 16,
};

typedef struct mf_function_settings {
    char *name;
    char *words[MF_FUNCTION_WORDS_MAX + 2]; /* program, arguments, NULL */
    char *variables[MF_FUNCTION_VARIABLES_MAX + 1];
    char *folder;  /* where it runs; NULL: where we do */
    char *handler; /* _HANDLER; NULL: the function's name */
    uint32_t n_processes;
    uint32_t timeout_ms;
    uint32_t init_timeout_ms;
    uint32_t memory_mb;
    uint32_t queue; /* invocations that may wait while every process works */
    bool early;     /* processes start with us, not with the first invocation */
} mf_function_settings;

typedef enum mf_payload {
    MF_PAYLOAD_REST, /* Lambda proxy, payload 1.0         */
    MF_PAYLOAD_HTTP, /* HTTP API, payload 2.0             */
    MF_PAYLOAD_NONE, /* non-proxy: the body is the event  */
} mf_payload;

typedef struct mf_gateway_route {
    char *method; /* "POST", or "ANY" */
    char *path;   /* "/predict", "/users/{id}", "/files/{path+}" */
    uint32_t function;
    mf_payload payload;
} mf_gateway_route;

/* http://host:port/base */
typedef struct mf_address {
    char *host;
    char *base; /* without '/' at its end; "" mostly */
    uint16_t port;
} mf_address;

typedef struct mf_endpoint_settings {
    char *name;
    mf_address at; /* of the container; its base stands in front of /invocations */
} mf_endpoint_settings;

typedef enum mf_starting_position {
    MF_START_UNSET,
    MF_START_TRIM_HORIZON,
    MF_START_LATEST,
    MF_START_AT_TIMESTAMP,
} mf_starting_position;

/* An event source mapping; its settings have AWS's names (docs/lambda.md, 4.1). */
typedef struct mf_mapping_settings {
    char *stream; /* name */
    char *arn;    /* of the stream */
    uint32_t function;
    bool enabled;
    uint32_t batch_size;
    uint32_t batching_ms;
    uint32_t position;        /* mf_starting_position                  */
    double timestamp;         /* of AT_TIMESTAMP, seconds since 1970   */
    uint32_t parallelization; /* batches of a shard at once            */
    int32_t max_retries;      /* -1: no limit, as for the age          */
    int32_t max_age_s;
    bool bisect;
    bool takes_partial; /* ReportBatchItemFailures                     */
    uint32_t window_s;  /* tumbling; 0: none                           */
    char *on_failure;   /* file for what is given up; "": none         */
} mf_mapping_settings;

typedef struct mf_local_settings {
    char *address;
    uint16_t port; /* 0: any free one */
    char *port_file;
    char *region;
    char *account;
    bool platform_lines;   /* print START, END, REPORT */
    uint32_t stop_ms;      /* from SIGTERM to SIGKILL for processes */
    char *stage;           /* of the API */
    uint32_t gateway_ms;   /* until it answers 504 */
    double rate;           /* requests a second of the API, then 429; 0: no limit */
    double burst;          /* that may come at once */
    uint32_t container_ms; /* that an endpoint's container has for an answer */
    char *binary_types[MF_BINARY_TYPES_MAX];
    uint32_t n_binary_types;
    mf_function_settings functions[MF_FUNCTIONS_MAX];
    uint32_t n_functions;
    mf_gateway_route routes[MF_GATEWAY_ROUTES_MAX];
    uint32_t n_routes;
    mf_endpoint_settings endpoints[MF_ENDPOINTS_MAX];
    uint32_t n_endpoints;
    char *kinesis; /* the URL as it was given */
    mf_address kinesis_at;
    uint32_t poll_ms; /* between two looks at a shard that had nothing new */
    mf_mapping_settings mappings[MF_MAPPINGS_MAX];
    uint32_t n_mappings;
} mf_local_settings;

/* Defaults. False: MF_ERR_MEMORY; to be freed all the same, as after every failure here. */
bool mf_local_settings_start(mf_local_settings *settings, mf_error *err);
void mf_local_settings_free(mf_local_settings *settings);

/* "port" = "0". owner says where it was said, for errors. */
bool mf_local_settings_set(mf_local_settings *settings, const char *name, const char *value,
                           mf_error *err);

/* A new function, NULL when it cannot be. */
mf_function_settings *mf_local_settings_add_function(mf_local_settings *settings, const char *name,
                                                     mf_error *err);
bool mf_function_settings_set(mf_function_settings *function, const char *name, const char *value,
                              mf_error *err);
bool mf_function_settings_add_word(mf_function_settings *function, const char *word, mf_error *err);
bool mf_function_settings_add_variable(mf_function_settings *function, const char *name,
                                       const char *value, mf_error *err);

/* what: "POST /predict"; payload "1.0", "2.0" or "none". The function must be there. */
bool mf_local_settings_add_route(mf_local_settings *settings, const char *what,
                                 const char *function, const char *payload, mf_error *err);

/* url: http://host:port with an optional path. */
bool mf_local_settings_add_endpoint(mf_local_settings *settings, const char *name, const char *url,
                                    mf_error *err);

/* stream: a name or an ARN; function: a name or an ARN of one that is there. NULL when it
 * cannot be. */
mf_mapping_settings *mf_local_settings_add_mapping(mf_local_settings *settings, const char *stream,
                                                   const char *function, mf_error *err);
bool mf_mapping_settings_set(mf_mapping_settings *mapping, const char *name, const char *value,
                             mf_error *err);

/* After everything was said: what makes no sense together. The address of Kinesis is that
 * of the setting, else that of AWS_ENDPOINT_URL_KINESIS, else of AWS_ENDPOINT_URL. */
bool mf_local_settings_check(mf_local_settings *settings, mf_error *err);

/* Names, defaults and meanings. */
void mf_local_settings_print_help(FILE *out);

#endif
