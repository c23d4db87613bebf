/* secrets.h: a secret of AWS Secrets Manager.
 *
 * Threads: as client.h. */
#ifndef MF_LAMBDA_AWS_SECRETS_H
#define MF_LAMBDA_AWS_SECRETS_H

#include "lambda/aws/client.h"

/* Reads the current value of the secret `id`, its ARN or name, into value[0 .. size), NUL-terminated. A
 * value that is a JSON object, as those are that AWS rotates, is read as the text of its `member`.
 * False: *failure says why, and never has a part of the value; MF_ERR_CONFIG when there is no such
 * text, or it does not fit. The caller overwrites the value when it is done. */
MF_MUST_CHECK bool mf_aws_secret_get(mf_aws_client *client, const char *id, const char *member,
                                     int64_t deadline_ms, char *value, size_t size,
                                     mf_aws_failure *failure);

#endif
