/* environment.h: who we are to AWS and where, as the environment says it.
 *
 * Nothing is kept: a caller asks again for each request, so what a changed environment
 * says holds from the next request on.
 *
 * (1) What is missing or cannot be right is reported by the variable's name. The value of
 *     a key, a secret or a token is never part of a message.
 * (2) An empty variable is one that is not set.
 *
 * Threads: any, while nobody changes the environment. */
#ifndef MF_LAMBDA_AWS_ENVIRONMENT_H
#define MF_LAMBDA_AWS_ENVIRONMENT_H

#include "base/error.h"

#include <stdbool.h>

enum {
    MF_AWS_REGION_BYTES = 64,   /* libcurl signs with at most 64 bytes of region */
    MF_AWS_KEY_ID_BYTES = 129,  /* AWS's own limit is 128                        */
    MF_AWS_TOKEN_BYTES = 16384, /* no limit is documented; those of roles are about 1 KB */
};

/* The texts are the environment's own and live until it changes. */
typedef struct mf_aws_credentials {
    const char *key_id;
    const char *secret;
    const char *token; /* NULL for a user's keys, which have none */
} mf_aws_credentials;

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. False and MF_ERR_CONFIG
 * when one of the first two is not set, or one holds what a header cannot. */
bool mf_aws_credentials_read(mf_aws_credentials *credentials, mf_error *err);

/* AWS_REGION, else AWS_DEFAULT_REGION. False and MF_ERR_CONFIG when neither is set or it
 * is not a region's name (small letters, digits, '-'; it becomes part of a host name). */
bool mf_aws_region_read(char region[MF_AWS_REGION_BYTES], mf_error *err);

/* A file of certificates to trust: AWS_CA_BUNDLE, else the system's; NULL: libcurl's own. */
const char *mf_aws_ca_bundle(void);

/* The variable's value; NULL when it is not set or is empty. */
const char *mf_aws_variable(const char *name);

#endif
