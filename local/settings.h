/* settings.h: what local-cloud is told: functions, routes to them, endpoints.
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

typedef struct mf_endpoint_settings {
    char *name;
    char *host; /* of the container */
    char *base; /* path in front of /invocations, "" mostly */
    uint16_t port;
} mf_endpoint_settings;

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

/* After everything was said: what makes no sense together. */
bool mf_local_settings_check(const mf_local_settings *settings, mf_error *err);

/* Names, defaults and meanings. */
void mf_local_settings_print_help(FILE *out);

#endif
