/* endpoint.h: where a service of AWS listens (docs/lambda.md, 3.3).
 *
 *     AWS_ENDPOINT_URL_<SERVICE>       http://127.0.0.1:4567, first
 *     AWS_ENDPOINT_URL                 for all services, second
 *     https://<prefix>.<region>.<the partition's domain>
 *
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches both variables off. A value is
 * http or https, a host, perhaps a port and a path, nothing else: credentials, a query
 * or a character that needs encoding is refused by the variable's name.
 *
 * What is signed is the same either way: the region and the service's name.
 *
 * Not supported: FIPS and dual-stack hosts (give them as AWS_ENDPOINT_URL_<SERVICE>).
 *
 * Threads: any, while nobody changes the environment. */
#ifndef MF_LAMBDA_AWS_ENDPOINT_H
#define MF_LAMBDA_AWS_ENDPOINT_H

#include "lambda/aws/environment.h"

typedef enum mf_aws_service {
    MF_AWS_S3,
    MF_AWS_SAGEMAKER_RUNTIME,
    MF_AWS_KINESIS,
    MF_AWS_DYNAMODB,
    MF_AWS_SERVICES, /* how many AWS has, for us */
    MF_AWS_PLAIN =
        MF_AWS_SERVICES, /* a service of our own, at a URL of its own: nothing is signed */
} mf_aws_service;

enum { MF_AWS_BASE_BYTES = 256 };

typedef struct mf_aws_endpoint {
    mf_aws_service service;
    const char *signing_name; /* "s3", "sagemaker", "kinesis", "dynamodb"; "": not signed */
    char region[MF_AWS_REGION_BYTES];
    char base[MF_AWS_BASE_BYTES]; /* scheme, host, port and path, without '/' at its end */
    bool is_override;             /* base is what a variable says */
} mf_aws_endpoint;

/* False and MF_ERR_CONFIG naming the variable that is missing or wrong. */
bool mf_aws_endpoint_choose(mf_aws_service service, mf_aws_endpoint *endpoint, mf_error *err);

/* MF_AWS_PLAIN at `url`, in the same shape, without a region. False and MF_ERR_CONFIG, which says
 * that `name` is not a URL. */
bool mf_aws_endpoint_plain(const char *name, const char *url, mf_aws_endpoint *endpoint,
                           mf_error *err);

/* The service as a person knows it: "SageMaker Runtime". */
const char *mf_aws_service_name(mf_aws_service service);

#endif
