/* content_type.c: two short lists. */
#include "sagemaker/content_type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* The type without blanks and parameters. */
static const char *essence(const char *content_type, size_t *n_bytes)
{
    const char *start = content_type + strspn(content_type, " \t");
    size_t n = strcspn(start, ";");
    while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
        n--;
    *n_bytes = n;
    return start;
}

static bool is_any(const char *content_type, const char *const *list, size_t n_list)
{
    if (content_type == NULL)
        return true;
    size_t n;
    const char *type = essence(content_type, &n);
    if (n == 0)
        return true;
    for (size_t i = 0; i < n_list; i++)
        if (strlen(list[i]) == n && strncasecmp(type, list[i], n) == 0)
            return true;
    return false;
}

bool mf_content_type_is_ratings(const char *content_type)
{
    static const char *const list[] = {
        "text/csv",
        "csv",
        "application/csv",
        "application/x-csv",
        "text/plain",
        "text/tab-separated-values",
        "application/gzip",
        "application/x-gzip",
        "application/octet-stream",
        "binary/octet-stream", /* S3's default */
    };
    return is_any(content_type, list, sizeof list / sizeof list[0]);
}

bool mf_content_type_is_model(const char *content_type)
{
    static const char *const list[] = {
        "application/x-sagemaker-model",
        "application/x-tar",
        "application/gzip",
        "application/x-gzip",
        "application/x-gtar",
        "application/octet-stream",
        "binary/octet-stream",
    };
    return is_any(content_type, list, sizeof list / sizeof list[0]);
}

static bool mentions(const char *type, size_t n, const char *word)
{
    const size_t n_word = strlen(word);
    for (size_t i = 0; i + n_word <= n; i++)
        if (strncasecmp(type + i, word, n_word) == 0)
            return true;
    return false;
}

const char *mf_content_type_advice(const char *content_type)
{
    size_t n;
    const char *type = essence(content_type, &n);
    if (mentions(type, n, "recordio"))
        return "RecordIO-protobuf is not read here: give the ratings as CSV with the columns "
               "user, item, rating and the content type text/csv";
    if (mentions(type, n, "sagemaker-model"))
        return "a packed model belongs in the channel model";
    if (mentions(type, n, "json") || mentions(type, n, "parquet"))
        return "convert the ratings to CSV with the columns user, item, rating and use text/csv";
    return "use text/csv, text/plain, text/tab-separated-values, application/gzip, "
           "application/octet-stream, or no content type at all";
}
