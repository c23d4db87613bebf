/* endpoint.c: promises in endpoint.h. */
#include "lambda/aws/endpoint.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    const char *variable;
    const char *signing_name;
    const char *prefix;
} services[MF_AWS_SERVICES + 1] = {
    [MF_AWS_S3] = {"S3", "AWS_ENDPOINT_URL_S3", "s3", "s3"},
    [MF_AWS_SAGEMAKER_RUNTIME] = {"SageMaker Runtime", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
                                  "sagemaker", "runtime.sagemaker"},
    [MF_AWS_KINESIS] = {"Kinesis", "AWS_ENDPOINT_URL_KINESIS", "kinesis", "kinesis"},
    [MF_AWS_DYNAMODB] = {"DynamoDB", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb", "dynamodb"},
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

#define LETTERS_AND_DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Bytes of "host" or "[::1]" at the start of text; 0 when there is none. */
static size_t host_bytes(const char *text)
{
    if (text[0] != '[')
        return strspn(text, LETTERS_AND_DIGITS ".-_");
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
    return *rest == '\0' ||
           (*rest == '/' && strspn(rest, LETTERS_AND_DIGITS "-._~/") == strlen(rest));
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
    const char *ignore = mf_aws_variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *name = services[service].variable;
    const char *value = NULL;
    if (ignore == NULL || strcasecmp(ignore, "true") != 0) {
        value = mf_aws_variable(name);
        if (value == NULL) {
            name = "AWS_ENDPOINT_URL";
            value = mf_aws_variable(name);
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
