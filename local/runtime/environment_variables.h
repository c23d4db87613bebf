/* environment_variables.h: the environment variables of a function's process, as in Lambda.
 *
 * The process inherits PATH and, where they are set, AWS_REGION and the AWS credentials; else it
 * has fixed credentials, because clients require some. When there are endpoints,
 * AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME is the address of local-cloud; with the setting kinesis,
 * AWS_ENDPOINT_URL_KINESIS is that address. The function's own variables replace all others.
 *
 * Threads: one. */
#ifndef MF_LOCAL_RUNTIME_ENVIRONMENT_VARIABLES_H
#define MF_LOCAL_RUNTIME_ENVIRONMENT_VARIABLES_H

#include "base/error.h"
#include "local/local_settings.h"

/* "NAME=VALUE" texts and a NULL behind them, in one block: free() it. api_port is that of
 * the Runtime API, cloud_port our own. NULL without memory. */
MF_MUST_CHECK char **mf_local_environment_variables(const mf_local_settings *settings,
                                                    const mf_local_function_settings *function,
                                                    unsigned number, uint16_t api_port,
                                                    uint16_t cloud_port);

#endif
