/* secrets.c: GetSecretValue, and the text inside of its response. */
#include "lambda/aws/secrets.h"

#include <jansson.h>
#include <string.h>

#define TARGET "secretsmanager.GetSecretValue"

static bool take_value(const mf_aws_response *response, const char *id, const char *member,
                       char *value, size_t size, mf_aws_failure *failure)
{
    json_t *root = json_loadb(response->body.bytes, response->body.n_bytes, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "SecretString"));
    json_t *inner = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (json_is_object(inner))
        text = json_string_value(json_object_get(inner, member));
    const size_t n = text != NULL ? strlen(text) : 0;
    if (n > 0 && n < size)
        memcpy(value, text, n + 1);
    json_decref(inner);
    json_decref(root);
    return (n > 0 && n < size) ||
           mf_aws_fail(failure, MF_ERR_CONFIG,
                       "secret %s: expected a text of 1 to %zu bytes, or a JSON object with it as "
                       "\"%s\"",
                       id, size - 1, member);
}

bool mf_aws_secret_get(mf_aws_client *client, const char *id, const char *member,
                       int64_t deadline_ms, char *value, size_t size, mf_aws_failure *failure)
{
    mf_text body = MF_TEXT_EMPTY;
    const mf_aws_response *response = NULL;
    *failure = (mf_aws_failure){.kind = MF_AWS_FINE};
    mf_text_literal(&body, "{\"SecretId\":");
    mf_text_json(&body, id, strlen(id));
    mf_text_literal(&body, "}");
    const bool ok =
        body.failed ? mf_aws_fail(failure, MF_ERR_MEMORY, TARGET ": no memory for a request")
                    : mf_aws_call_json(client, TARGET, &body, deadline_ms, &response, failure) &&
                          take_value(response, id, member, value, size, failure);
    mf_text_free(&body);
    return ok;
}
