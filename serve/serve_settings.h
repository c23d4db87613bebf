/* serve_settings.h: the settings of serve, read from environment variables.
 *
 * Platform variables (SAGEMAKER_…) and our own (SERVE_…) stand in one table, which
 * `serve --help` prints. All are read once, at start.
 *
 * (1) A value that is not allowed, and a SERVE_… variable that does not exist, is
 *     an error that says what is allowed; other variables are ignored.
 * (2) Limits that are not given fit the memory of the machine or of the control group
 *     (base/memory_limit.h): 1/10 for all buffers, 1/32 for a body, 256 KiB for a connection.
 * (3) Derived figures fit each other: concurrent transforms × payload ≤ 100 MB, and
 *     a batch job accepts every body of the payload. Outside of one the limit of a
 *     body is the one that was set.
 *
 * Threads: none yet when these run. */
#ifndef MF_SERVE_SERVE_SETTINGS_H
#define MF_SERVE_SERVE_SETTINGS_H

#include "base/error.h"
#include "base/settings.h"
#include "http/server.h"
#include "inference/inference.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum mf_batch_strategy { MF_MULTI_RECORD, MF_SINGLE_RECORD } mf_batch_strategy;
typedef enum mf_access_choice { MF_ACCESS_ALL, MF_ACCESS_ERRORS, MF_ACCESS_OFF } mf_access_choice;

typedef struct mf_serve_settings {
    uint32_t port;
    char address[64];
    char port_range[32]; /* SAGEMAKER_SAFE_PORT_RANGE, checked and not used: no other port is opened
                          */
    char default_accept[256];
    mf_inference_format
        accept; /* what default_accept names; MF_INFERENCE_FORMATS: as the request */
    bool multi_model;

    bool batch;
    bool
        sdk_batch; /* of the SDK's local mode, which ends each response with a newline of its own */
    uint32_t max_payload_mb; /* 0: not given */
    uint32_t batch_strategy; /* mf_batch_strategy */
    bool has_batch_strategy; /* the job set it: only then it is reported */
    uint32_t max_concurrent; /* 0: not given */

    uint32_t n_threads; /* 0: the CPUs of the affinity mask */
    uint32_t response_seconds;
    uint32_t receive_seconds;
    uint32_t idle_seconds;
    uint32_t drain_seconds;
    uint64_t max_body_bytes;
    uint64_t max_buffered_bytes;
    uint32_t max_head_bytes;
    uint32_t max_connections;
    uint32_t max_working;
    int64_t max_index_bytes; /* -1: as the model needs */

    bool strict;
    uint32_t max_top_n;
    uint32_t max_fold_in;
    uint32_t access_log; /* mf_access_choice */
} mf_serve_settings;

/* Reads the environment. Fails MF_ERR_CONFIG. */
MF_MUST_CHECK bool mf_serve_settings_read(mf_settings *settings, mf_serve_settings *values,
                                          mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_serve_settings_start(mf_settings *settings, mf_serve_settings *values,
                                           mf_error *err);

/* The settings of the server and the limits of inference. *values must outlive them. */
mf_http_settings mf_serve_settings_http(const mf_serve_settings *values);
mf_inference_limits mf_serve_settings_limits(const mf_serve_settings *values);

/* The limit for mf_recommender_create. */
size_t mf_serve_settings_index_bytes(const mf_serve_settings *values);

#endif
