/* environment.c: reads and checks AWS's variables. Hosts and headers are made of the values, so a
 * character that could end one and begin another is rejected here. */
#include "lambda/aws/environment.h"

#include "base/certificates.h"
#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* --------------------------------------------------------- credentials and region */

/* The variable's value; NULL when it is unset or empty. */
static const char *variable(const char *name)
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

static bool read_key(const char *name, size_t n_most, const char **value, mf_error *err)
{
    *value = variable(name);
    if (*value == NULL)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is not set: calls of AWS cannot be signed", name);
    if (!is_visible(*value))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s has a blank, a line end or another character that keys never have",
                       name);
    if (strlen(*value) >= n_most)
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
    if (variable("AWS_SESSION_TOKEN") != NULL &&
        !read_key("AWS_SESSION_TOKEN", MF_AWS_TOKEN_BYTES, &read.token, err))
        return false;
    *credentials = read;
    return true;
}

bool mf_aws_region_read(char region[MF_AWS_REGION_BYTES], mf_error *err)
{
    const char *name = "AWS_REGION";
    const char *value = variable(name);
    if (value == NULL) {
        name = "AWS_DEFAULT_REGION";
        value = variable(name);
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
    const char *file = variable("AWS_CA_BUNDLE");
    return file != NULL ? file : mf_certificates_file();
}

/* ----------------------------------------------------------------------- endpoints */

static const struct {
    const char *name;
    const char *override;
    const char *signing_name;
    const char *prefix;
} services[MF_AWS_SERVICES + 1] = {
    [MF_AWS_S3] = {"S3", "AWS_ENDPOINT_URL_S3", "s3", "s3"},
    [MF_AWS_SAGEMAKER_RUNTIME] = {"SageMaker Runtime", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
                                  "sagemaker", "runtime.sagemaker"},
    [MF_AWS_KINESIS] = {"Kinesis", "AWS_ENDPOINT_URL_KINESIS", "kinesis", "kinesis"},
    [MF_AWS_DYNAMODB] = {"DynamoDB", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", "dynamodb"},
    [MF_AWS_SECRETS_MANAGER] = {"Secrets Manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                                "secretsmanager", "secretsmanager"},
    [MF_AWS_PLAIN] = {"the service", NULL, "", NULL},
};

/* The partitions of botocore/data/partitions.json. */
static const struct {
    const char *region_prefix;
    const char *domain;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},      {"us-isob-", "sc2s.sgov.gov"},
    {"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
};

const char *mf_aws_service_name(mf_aws_service service)
{
    return services[service].name;
}

static const char *domain_of(const char *region)
{
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++)
        if (strncmp(region, partitions[i].region_prefix, strlen(partitions[i].region_prefix)) == 0)
            return partitions[i].domain;
    return "amazonaws.com";
}

/* Bytes of "host" or "[::1]" at the start of text; 0 when there is none. */
static size_t host_bytes(const char *text)
{
    if (text[0] != '[')
        return strspn(text, ALPHANUMERIC ".-_");
    const size_t n = strspn(text + 1, "0123456789abcdefABCDEF:.");
    return n > 0 && text[n + 1] == ']' ? n + 2 : 0;
}

static bool is_base(const char *value)
{
    const char *rest = strncasecmp(value, "https://", 8) == 0  ? value + 8
                       : strncasecmp(value, "http://", 7) == 0 ? value + 7
                                                               : NULL;
    if (rest == NULL || host_bytes(rest) == 0)
        return false;
    rest += host_bytes(rest);
    if (*rest == ':') {
        rest++;
        const size_t n = strspn(rest, "0123456789");
        uint64_t port;
        if (!mf_parse_uint64(rest, n, &port) || port == 0 || port > 65535)
            return false;
        rest += n;
    }
    /* A path that is signed as it is written, once encoded or twice. */
    return *rest == '\0' || (*rest == '/' && strspn(rest, ALPHANUMERIC "-._~/") == strlen(rest));
}

static bool use_override(const char *name, const char *value, mf_aws_endpoint *endpoint,
                         mf_error *err)
{
    size_t n = strlen(value);
    while (n > 0 && value[n - 1] == '/')
        n--;
    if (n >= sizeof endpoint->base || !is_base(value))
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "%s is not a URL like http://127.0.0.1:4567 (http or https, a host, a port "
                       "and a path of plain characters at most)",
                       name);
    memcpy(endpoint->base, value, n);
    endpoint->base[n] = '\0';
    endpoint->is_override = true;
    return true;
}

bool mf_aws_endpoint_choose(mf_aws_service service, mf_aws_endpoint *endpoint, mf_error *err)
{
    mf_aws_endpoint chosen = {.service = service, .signing_name = services[service].signing_name};
    if (!mf_aws_region_read(chosen.region, err))
        return false;
    const char *ignore = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *name = services[service].override;
    const char *value = NULL;
    if (ignore == NULL || strcasecmp(ignore, "true") != 0) {
        value = variable(name);
        if (value == NULL) {
            name = "AWS_ENDPOINT_URL";
            value = variable(name);
        }
    }
    if (value == NULL)
        snprintf(chosen.base, sizeof chosen.base, "https://%s.%s.%s", services[service].prefix,
                 chosen.region, domain_of(chosen.region));
    else if (!use_override(name, value, &chosen, err))
        return false;
    *endpoint = chosen;
    return true;
}

bool mf_aws_endpoint_plain(const char *name, const char *url, mf_aws_endpoint *endpoint,
                           mf_error *err)
{
    mf_aws_endpoint chosen = {.service = MF_AWS_PLAIN, .signing_name = ""};
    if (!use_override(name, url, &chosen, err))
        return false;
    *endpoint = chosen;
    return true;
}

/* ------------------------------------------------------------- names of resources */

#define NAME_CHARACTERS ALPHANUMERIC "_.-"

enum { ARN_BYTES_MOST = 2048 };

static bool is_arn(const mf_aws_resource_kind *kind, const char *text)
{
    char service[64], place[64];
    snprintf(service, sizeof service, ":%s:", kind->service);
    snprintf(place, sizeof place, ":%s/", kind->what);
    return strlen(text) <= ARN_BYTES_MOST && strstr(text, service) != NULL &&
           strstr(text, place) != NULL && strspn(text, NAME_CHARACTERS ":/") == strlen(text);
}

bool mf_aws_resource_name_check(const mf_aws_resource_kind *kind, const char *text, mf_error *err)
{
    const char *name = text;
    if (strncmp(text, "arn:", strlen("arn:")) == 0) {
        if (!is_arn(kind, text))
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "\"%.200s\" is not the ARN of a %s "
                           "(arn:aws:%s:REGION:ACCOUNT:%s/NAME)",
                           text, kind->what, kind->service, kind->what);
        name = strchr(text, '/') + 1;
    }
    const size_t n = strlen(name);
    if (n < kind->shortest || n > kind->longest || strspn(name, NAME_CHARACTERS) != n)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "\"%.160s\" is not the name of a %s (%zu to %zu letters, digits, '_', "
                       "'.' and '-')",
                       name, kind->what, kind->shortest, kind->longest);
    return true;
}
