/* environment.h: the settings that AWS's SDKs read from the environment: credentials, region,
 * certificates and endpoints (docs/lambda.md, 3.3), and the names of resources.
 *
 * Nothing is cached: each call reads the environment, so a changed variable takes effect with
 * the next request.
 *
 * (1) An error names the variable that is missing or invalid. The value of a key, a secret or
 *     a token is never part of a message.
 * (2) An empty variable counts as unset.
 *
 * Threads: any, while no thread changes the environment. */
#ifndef MF_LAMBDA_AWS_ENVIRONMENT_H
#define MF_LAMBDA_AWS_ENVIRONMENT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    MF_AWS_REGION_BYTES = 64,   /* libcurl signs with at most 64 bytes of region         */
    MF_AWS_KEY_ID_BYTES = 129,  /* AWS's own limit is 128                                */
    MF_AWS_TOKEN_BYTES = 16384, /* no limit is documented; those of roles are about 1 KB */
    MF_AWS_BASE_BYTES = 256,
};

/* The texts point into the environment and live until it changes. */
typedef struct mf_aws_credentials {
    const char *key_id;
    const char *secret;
    const char *token; /* NULL for a user's keys, which have none */
} mf_aws_credentials;

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Fails MF_ERR_CONFIG when one
 * of the first two is unset, or one contains a character that a header cannot carry. */
MF_MUST_CHECK bool mf_aws_credentials_read(mf_aws_credentials *credentials, mf_error *err);

/* AWS_REGION, else AWS_DEFAULT_REGION. Fails MF_ERR_CONFIG when both are unset or the value is
 * not a region's name (lower-case letters, digits, '-'; it becomes part of a host name). */
MF_MUST_CHECK bool mf_aws_region_read(char region[MF_AWS_REGION_BYTES], mf_error *err);

/* The file of trusted certificates: AWS_CA_BUNDLE, else the system's; NULL: libcurl's default. */
const char *mf_aws_ca_bundle(void);

typedef enum mf_aws_service {
    MF_AWS_S3,
    MF_AWS_SAGEMAKER_RUNTIME,
    MF_AWS_KINESIS,
    MF_AWS_DYNAMODB,
    MF_AWS_SECRETS_MANAGER,
    MF_AWS_SERVICES,                /* number of AWS services                                */
    MF_AWS_PLAIN = MF_AWS_SERVICES, /* a service of the operator at its own URL; not signed  */
} mf_aws_service;

typedef struct mf_aws_endpoint {
    mf_aws_service service;
    const char *signing_name; /* "s3", "sagemaker", "kinesis", …; "": not signed */
    char region[MF_AWS_REGION_BYTES];
    char base[MF_AWS_BASE_BYTES]; /* scheme, host, port and path, without '/' at its end */
    bool is_override;             /* base comes from a variable */
} mf_aws_endpoint;

/* The URL of a service, the first of these that is set:
 *
 *     AWS_ENDPOINT_URL_<SERVICE>       http://127.0.0.1:4567
 *     AWS_ENDPOINT_URL                 for all services
 *     https://<prefix>.<region>.<the partition's domain>
 *
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true disables both variables. A value is http or https,
 * a host, an optional port and an optional path. A value with credentials, a query or a
 * character that needs encoding is rejected. Region and service name of the signature do not
 * depend on the URL. FIPS and dual-stack hosts are not derived: set AWS_ENDPOINT_URL_<SERVICE>.
 *
 * Fails MF_ERR_CONFIG naming the variable that is missing or invalid. */
MF_MUST_CHECK bool mf_aws_endpoint_choose(mf_aws_service service, mf_aws_endpoint *endpoint,
                                          mf_error *err);

/* The endpoint of MF_AWS_PLAIN at `url`, without a region. Fails MF_ERR_CONFIG with the
 * sentence that `name` is not a URL. */
MF_MUST_CHECK bool mf_aws_endpoint_plain(const char *name, const char *url,
                                         mf_aws_endpoint *endpoint, mf_error *err);

/* The service's product name: "SageMaker Runtime". */
const char *mf_aws_service_name(mf_aws_service service);

/* A stream or a table is named by its name or by its ARN:
 *
 *     predictions
 *     arn:aws:kinesis:eu-central-1:123456789012:stream/predictions */
typedef struct mf_aws_resource_kind {
    const char *service;      /* of the ARN: "kinesis" */
    const char *what;         /* "stream", in the ARN and in messages */
    size_t shortest, longest; /* characters of the name */
} mf_aws_resource_kind;

/* Letters, digits, '_', '.' and '-'. Fails MF_ERR_CONFIG with a sentence that quotes the text. */
MF_MUST_CHECK bool mf_aws_resource_name_check(const mf_aws_resource_kind *kind, const char *text,
                                              mf_error *err);

#endif
