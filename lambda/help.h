/* help.h: --help of the Lambda functions: what the function does, and each environment variable
 * with its range and its default, from the tables that read them.
 *
 * Every other argument is ignored: Lambda may start a container with any. */
#ifndef MF_LAMBDA_HELP_H
#define MF_LAMBDA_HELP_H

#include "base/settings.h"

#include <string.h>

static inline bool mf_lambda_asks_help(int argc, char **argv)
{
    return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

/* Prints to standard output. tables [n]: started, so that each holds its defaults. Returns the
 * exit status of the process: 0. */
static inline int mf_lambda_print_help(const char *summary, const mf_settings *tables, size_t n)
{
    printf(
        "%s\n\n"
        "The AWS Lambda runtime starts this program and names its API in AWS_LAMBDA_RUNTIME_API.\n"
        "Region, credentials and endpoints come from AWS's own variables (AWS_REGION, …).\n\n"
        "Environment variables:\n",
        summary);
    for (size_t i = 0; i < n; i++)
        mf_settings_print_help(&tables[i], stdout);
    return 0;
}

#endif
