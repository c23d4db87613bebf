/* resource_name.c: promises in resource_name.h. */
#include "lambda/aws/resource_name.h"

#include <stdio.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

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
    if (n < kind->fewest || n > kind->longest || strspn(name, NAME_CHARACTERS) != n)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "\"%.160s\" is not the name of a %s (%zu to %zu letters, digits, '_', "
                       "'.' and '-')",
                       name, kind->what, kind->fewest, kind->longest);
    return true;
}
