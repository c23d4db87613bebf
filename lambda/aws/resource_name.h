/* resource_name.h: what names a stream or a table: its name, or its ARN.
 *
 *     predictions
 *     arn:aws:kinesis:eu-central-1:123456789012:stream/predictions
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_RESOURCE_NAME_H
#define MF_LAMBDA_AWS_RESOURCE_NAME_H

#include "base/error.h"

#include <stddef.h>

typedef struct mf_aws_resource_kind {
    const char *service;    /* of the ARN: "kinesis" */
    const char *what;       /* "stream", in the ARN and in sentences */
    size_t fewest, longest; /* characters of the name */
} mf_aws_resource_kind;

/* Letters, digits, '_', '.' and '-'. Fails MF_ERR_CONFIG with a sentence that quotes it. */
bool mf_aws_resource_name_check(const mf_aws_resource_kind *kind, const char *text, mf_error *err);

#endif
