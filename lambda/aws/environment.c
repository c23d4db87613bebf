/* environment.c: promises in environment.h. */
#include "lambda/aws/environment.h"

#include "base/certificates.h"

#include <stdlib.h>
#include <string.h>

const char *mf_aws_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Visible ASCII without blanks: what follows a copied secret is often a line end, and
 * a line end in a header begins another header. */
static bool is_visible(const char *value)
{
    for (; *value != '\0'; value++)
        if (*value <= ' ' || *value > '~')
            return false;
    return true;
}

static bool read_key(const char *name, size_t room, const char **value, mf_error *err)
{
    *value = mf_aws_variable(name);
    if (*value == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is not set: calls of AWS cannot be signed", name);
    if (!is_visible(*value))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s has a blank, a line end or another character that keys never have",
                       name);
    if (strlen(*value) >= room)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "%s is too long to be one: %zu bytes", name,
                       strlen(*value));
    return true;
}

bool mf_aws_credentials_read(mf_aws_credentials *credentials, mf_error *err)
{
    mf_aws_credentials read = {NULL, NULL, NULL};
    if (!read_key("AWS_ACCESS_KEY_ID", MF_AWS_KEY_ID_BYTES, &read.key_id, err) ||
        !read_key("AWS_SECRET_ACCESS_KEY", MF_AWS_TOKEN_BYTES, &read.secret, err))
        return false;
    /* Both end a part of the Authorization header. */
    if (strpbrk(read.key_id, "/,") != NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "AWS_ACCESS_KEY_ID has a slash or comma: is it the secret?");
    if (mf_aws_variable("AWS_SESSION_TOKEN") != NULL &&
        !read_key("AWS_SESSION_TOKEN", MF_AWS_TOKEN_BYTES, &read.token, err))
        return false;
    *credentials = read;
    return true;
}

bool mf_aws_region_read(char region[MF_AWS_REGION_BYTES], mf_error *err)
{
    const char *name = "AWS_REGION";
    const char *value = mf_aws_variable(name);
    if (value == NULL) {
        name = "AWS_DEFAULT_REGION";
        value = mf_aws_variable(name);
    }
    if (value == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "AWS_REGION (or AWS_DEFAULT_REGION) is not set");
    const size_t n = strlen(value);
    if (n >= MF_AWS_REGION_BYTES || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != n ||
        value[0] == '-' || value[n - 1] == '-')
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is \"%.80s\": a region looks like eu-central-1", name, value);
    memcpy(region, value, n + 1);
    return true;
}

const char *mf_aws_ca_bundle(void)
{
    const char *file = mf_aws_variable("AWS_CA_BUNDLE");
    return file != NULL ? file : mf_certificates_file();
}
