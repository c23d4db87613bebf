/* error_body.c: promises in error_body.h. */
#include "lambda/aws/error_body.h"

#include <jansson.h>
#include <string.h>

void mf_aws_error_code(char code[MF_AWS_CODE_BYTES], const char *text, size_t n)
{
    const char *colon = memchr(text, ':', n);
    if (colon != NULL)
        n = (size_t)(colon - text);
    const char *hash = memrchr(text, '#', n);
    if (hash != NULL) {
        n -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    mf_printable(code, MF_AWS_CODE_BYTES, text, n);
}

static bool holds(const char *text, size_t n, const char *piece)
{
    return piece != NULL && memmem(text, n, piece, strlen(piece)) != NULL;
}

static void quote(char *out, size_t room, const char *text, size_t n,
                  const mf_aws_credentials *credentials)
{
    if (credentials != NULL &&
        (holds(text, n, credentials->secret) || holds(text, n, credentials->token))) {
        text = "(its message quotes credentials)";
        n = strlen(text);
    }
    const char *line_end = memchr(text, '\n', n);
    mf_printable(out, room, text, line_end != NULL ? (size_t)(line_end - text) : n);
}

/* The first of two members that is a string; NULL without one. */
static const json_t *either(const json_t *root, const char *one, const char *other)
{
    const json_t *value = json_object_get(root, one);
    if (!json_is_string(value))
        value = json_object_get(root, other);
    return json_is_string(value) ? value : NULL;
}

static void read_json(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                      mf_aws_error_body *said)
{
    json_t *root = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
    const json_t *code = either(root, "__type", "code");
    const json_t *message = either(root, "message", "Message");
    const json_t *original = either(root, "OriginalMessage", "originalMessage");
    const json_int_t status = json_integer_value(json_object_get(root, "OriginalStatusCode"));
    if (code != NULL)
        mf_aws_error_code(said->code, json_string_value(code), json_string_length(code));
    if (message != NULL)
        quote(said->message, sizeof said->message, json_string_value(message),
              json_string_length(message), credentials);
    if (original != NULL)
        quote(said->original_message, sizeof said->original_message, json_string_value(original),
              json_string_length(original), credentials);
    if (status >= 100 && status <= 599)
        said->original_status = (int)status;
    json_decref(root);
}

/* The text of the first element with this name; NULL without one. */
static const char *element(const char *bytes, size_t n, const char *opening, const char *closing,
                           size_t *n_text)
{
    const char *start = memmem(bytes, n, opening, strlen(opening));
    if (start == NULL)
        return NULL;
    start += strlen(opening);
    const char *stop = memmem(start, n - (size_t)(start - bytes), closing, strlen(closing));
    *n_text = stop != NULL ? (size_t)(stop - start) : 0;
    return stop != NULL ? start : NULL;
}

/* S3's few elements; their texts have no markup inside, and entities are left as they are. */
static void read_xml(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                     mf_aws_error_body *said)
{
    size_t n_text;
    const char *text = element(bytes, n, "<Code>", "</Code>", &n_text);
    if (text != NULL)
        mf_aws_error_code(said->code, text, n_text);
    text = element(bytes, n, "<Message>", "</Message>", &n_text);
    if (text != NULL)
        quote(said->message, sizeof said->message, text, n_text, credentials);
    text = element(bytes, n, "<Region>", "</Region>", &n_text);
    if (text != NULL)
        quote(said->region, sizeof said->region, text, n_text, credentials);
}

void mf_aws_error_body_read(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                            mf_aws_error_body *said)
{
    *said = (mf_aws_error_body){.original_status = 0};
    size_t start = 0;
    while (start < n && strchr(" \t\r\n", bytes[start]) != NULL && bytes[start] != '\0')
        start++;
    if (start < n && bytes[start] == '{')
        read_json(bytes + start, n - start, credentials, said);
    else if (start < n && bytes[start] == '<')
        read_xml(bytes + start, n - start, credentials, said);
}
