/* failure.c: from a response to a failure in three steps: read what AWS says in header and body,
 * look its code up in a table (else its status), write one sentence without credentials. The
 * retry rules are at the end. */
#include "lambda/aws/failure.h"

#include "base/number.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const char *const names[MF_AWS_KINDS] = {
    [MF_AWS_FINE] = "fine",           [MF_AWS_THROTTLED] = "throttled",
    [MF_AWS_REJECTED] = "rejected",   [MF_AWS_MISSING] = "missing",
    [MF_AWS_MODEL] = "model",         [MF_AWS_SERVER] = "server",
    [MF_AWS_TIMED_OUT] = "timed_out", [MF_AWS_UNREACHABLE] = "unreachable",
    [MF_AWS_DENIED] = "denied",       [MF_AWS_EXPIRED] = "expired",
    [MF_AWS_SKEWED] = "skewed",       [MF_AWS_WRONG_REGION] = "wrong_region",
    [MF_AWS_UNTRUSTED] = "untrusted", [MF_AWS_TOO_LARGE] = "too_large",
    [MF_AWS_LOCAL] = "local",
};

const char *mf_aws_kind_name(mf_aws_kind kind)
{
    return names[kind];
}

bool mf_aws_fail(mf_aws_failure *failure, mf_error_code code, const char *format, ...)
{
    char text[MF_ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    failure->kind = MF_AWS_LOCAL;
    return mf_fail(&failure->error, code, MF_NOWHERE, "%s", text);
}

bool mf_aws_failure_is_permanent(const mf_aws_failure *failure)
{
    if (failure->is_retriable)
        return false;
    switch (failure->kind) {
    case MF_AWS_REJECTED:
    case MF_AWS_MISSING:
    case MF_AWS_DENIED:
    case MF_AWS_UNTRUSTED:
    case MF_AWS_WRONG_REGION:
    case MF_AWS_TOO_LARGE:
        return true;
    case MF_AWS_LOCAL:
        return failure->error.code != MF_ERR_MEMORY;
    default:
        return false;
    }
}

bool mf_aws_failure_to_error(const mf_aws_failure *failure, mf_error *err)
{
    return mf_fail(err, failure->error.code, MF_NOWHERE, "%s", failure->error.text);
}

/* ------------------------------------------------------------------ an error's body */

/* The code in a header x-amzn-ErrorType or in __type: "ns#Name:http://…" is "Name". */
static void read_code(char code[MF_AWS_CODE_BYTES], const char *text, size_t n)
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

static void quote(char *out, size_t size, const char *text, size_t n,
                  const mf_aws_credentials *credentials)
{
    if (credentials != NULL &&
        (holds(text, n, credentials->secret) || holds(text, n, credentials->token))) {
        text = "(its message quotes credentials)";
        n = strlen(text);
    }
    const char *line_end = memchr(text, '\n', n);
    mf_printable(out, size, text, line_end != NULL ? (size_t)(line_end - text) : n);
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
                      mf_aws_error_body *body)
{
    json_t *root = json_loadb(bytes, n, JSON_ALLOW_NUL, NULL);
    const json_t *code = either(root, "__type", "code");
    const json_t *message = either(root, "message", "Message");
    const json_t *original = either(root, "OriginalMessage", "originalMessage");
    const json_int_t status = json_integer_value(json_object_get(root, "OriginalStatusCode"));
    if (code != NULL)
        read_code(body->code, json_string_value(code), json_string_length(code));
    if (message != NULL)
        quote(body->message, sizeof body->message, json_string_value(message),
              json_string_length(message), credentials);
    if (original != NULL)
        quote(body->original_message, sizeof body->original_message, json_string_value(original),
              json_string_length(original), credentials);
    if (status >= 100 && status <= 599)
        body->original_status = (int)status;
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
                     mf_aws_error_body *body)
{
    size_t n_text;
    const char *text = element(bytes, n, "<Code>", "</Code>", &n_text);
    if (text != NULL)
        read_code(body->code, text, n_text);
    text = element(bytes, n, "<Message>", "</Message>", &n_text);
    if (text != NULL)
        quote(body->message, sizeof body->message, text, n_text, credentials);
    text = element(bytes, n, "<Region>", "</Region>", &n_text);
    if (text != NULL)
        quote(body->region, sizeof body->region, text, n_text, credentials);
}

void mf_aws_error_body_read(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                            mf_aws_error_body *body)
{
    *body = (mf_aws_error_body){.original_status = 0};
    size_t start = 0;
    while (start < n && strchr(" \t\r\n", bytes[start]) != NULL && bytes[start] != '\0')
        start++;
    if (start < n && bytes[start] == '{')
        read_json(bytes + start, n - start, credentials, body);
    else if (start < n && bytes[start] == '<')
        read_xml(bytes + start, n - start, credentials, body);
}

/* -------------------------------------------------------------------- classification */

typedef struct classification {
    mf_aws_kind kind;
    bool is_retriable;
} classification;

/* Codes that say more than their status. Those of throttling and the transient ones are from
 * botocore/retries/standard.py, ItemCollectionSizeLimitExceededException is from DynamoDB's
 * guide. */
static const struct {
    classification means;
    const char *codes[16]; /* NULL-terminated */
} groups[] = {
    {{MF_AWS_THROTTLED, true},
     {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
      "RequestThrottled", "TooManyRequestsException", "ProvisionedThroughputExceededException",
      "TransactionInProgressException", "RequestLimitExceeded", "BandwidthLimitExceeded",
      "LimitExceededException", "SlowDown", "EC2ThrottledException", "PriorRequestNotComplete",
      "ItemCollectionSizeLimitExceededException"}},
    {{MF_AWS_SERVER, true}, {"RequestTimeout", "RequestTimeoutException"}},
    {{MF_AWS_EXPIRED, false}, {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}},
    {{MF_AWS_SKEWED, false}, {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}},
    {{MF_AWS_DENIED, false},
     {"AccessDenied", "AccessDeniedException", "UnrecognizedClientException",
      "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature",
      "IncompleteSignatureException", "InvalidClientTokenId", "InvalidAccessKeyId", "InvalidToken",
      "MissingAuthenticationToken", "MissingAuthenticationTokenException"}},
    {{MF_AWS_MISSING, false}, {"ResourceNotFoundException", "NoSuchKey", "NoSuchBucket"}},
};

static classification classify_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return (classification){MF_AWS_DENIED, false};
    case 404:
        return (classification){MF_AWS_MISSING, false};
    case 413:
        return (classification){MF_AWS_TOO_LARGE, false};
    case 429:
        return (classification){MF_AWS_THROTTLED, true};
    case 500:
    case 502:
    case 503:
    case 504:
    case 530: /* InternalDependencyException */
        return (classification){MF_AWS_SERVER, true};
    default:
        return (classification){status >= 500 ? MF_AWS_SERVER : MF_AWS_REJECTED, false};
    }
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static classification classify(const mf_aws_response *response, const mf_aws_endpoint *endpoint,
                               const mf_aws_error_body *body, const mf_aws_failure *failure)
{
    const int status = response->status;
    if (status == 424)
        return (classification){MF_AWS_MODEL,
                                failure->original_status == 0 || failure->original_status >= 500};
    /* AuthorizationHeaderMalformed: "the region 'us-east-1' is wrong; expecting 'eu-west-1'". */
    if (endpoint->service == MF_AWS_S3 &&
        ((status >= 300 && status < 400) ||
         strcmp(failure->code, "AuthorizationHeaderMalformed") == 0))
        return (classification){MF_AWS_WRONG_REGION, false};
    if (strcmp(failure->code, "InvalidSignatureException") == 0 &&
        (begins(body->message, "Signature expired") ||
         begins(body->message, "Signature not yet current")))
        return (classification){MF_AWS_SKEWED, false};
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        for (const char *const *code = groups[i].codes; *code != NULL; code++)
            if (strcmp(failure->code, *code) == 0)
                return groups[i].means;
    return classify_status(status);
}

static mf_error_code error_code_of(mf_aws_kind kind)
{
    switch (kind) {
    case MF_AWS_DENIED:
    case MF_AWS_EXPIRED:
    case MF_AWS_MISSING:
    case MF_AWS_WRONG_REGION:
    case MF_AWS_UNTRUSTED:
        return MF_ERR_CONFIG;
    case MF_AWS_REJECTED:
        return MF_ERR_ARGUMENT;
    case MF_AWS_TOO_LARGE:
        return MF_ERR_LIMIT;
    default:
        return MF_ERR_IO;
    }
}

static void read_retry_after(const mf_aws_response *response, mf_aws_failure *failure)
{
    const char *value = mf_aws_response_header(response, "x-amz-retry-after");
    uint64_t wait_ms;
    if (mf_parse_uint64(value, strlen(value), &wait_ms))
        failure->retry_after_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
}

static void copy_header(const mf_aws_response *response, const char *name, char *out, size_t size)
{
    const char *value = mf_aws_response_header(response, name);
    if (out[0] == '\0')
        mf_printable(out, size, value, strlen(value));
}

static void write_sentence(const mf_aws_endpoint *endpoint, const char *subject,
                           const mf_aws_error_body *body, mf_aws_failure *failure)
{
    char hint[192] = "";
    if (failure->kind == MF_AWS_WRONG_REGION)
        snprintf(hint, sizeof hint, "; the bucket is in region %s, this function calls %s",
                 failure->other_region[0] != '\0' ? failure->other_region : "(not told)",
                 endpoint->region);
    else if (failure->kind == MF_AWS_SKEWED)
        snprintf(hint, sizeof hint, "; this machine's clock is wrong");
    else if (failure->kind == MF_AWS_MODEL && failure->original_status > 0)
        snprintf(hint, sizeof hint, "; the container returned %d", failure->original_status);
    /* With MF_AWS_MODEL the message quotes the container, which may quote the user. */
    const bool has_message = body->message[0] != '\0' && failure->kind != MF_AWS_MODEL;
    mf_fail(&failure->error, error_code_of(failure->kind), (mf_where){subject, 0, 0},
            "%s returned %d%s%s%s%s%s%s%s%s", mf_aws_service_name(endpoint->service),
            failure->status, failure->code[0] != '\0' ? " " : "", failure->code, hint,
            has_message ? ": " : "", has_message ? body->message : "",
            failure->request_id[0] != '\0' ? " (request " : "", failure->request_id,
            failure->request_id[0] != '\0' ? ")" : "");
}

static void explain_status(const mf_aws_response *response, const mf_aws_endpoint *endpoint,
                           const char *subject, const mf_aws_credentials *credentials,
                           mf_aws_failure *failure)
{
    mf_aws_error_body body;
    mf_aws_error_body_read(response->body.bytes, response->body.n_bytes, credentials, &body);
    const char *type = mf_aws_response_header(response, "x-amzn-ErrorType");
    if (type[0] != '\0')
        read_code(failure->code, type, strlen(type));
    else
        memcpy(failure->code, body.code, sizeof failure->code);
    copy_header(response, "x-amz-bucket-region", failure->other_region,
                sizeof failure->other_region);
    if (failure->other_region[0] == '\0')
        memcpy(failure->other_region, body.region, sizeof failure->other_region);
    failure->original_status = body.original_status;
    memcpy(failure->original_message, body.original_message, sizeof failure->original_message);
    const classification found = classify(response, endpoint, &body, failure);
    failure->kind = found.kind;
    failure->is_retriable = found.is_retriable;
    failure->may_have_acted = found.kind == MF_AWS_SERVER || found.kind == MF_AWS_MODEL;
    write_sentence(endpoint, subject, &body, failure);
}

static void explain_transfer(const mf_aws_response *response, const mf_aws_endpoint *endpoint,
                             const char *subject, mf_aws_failure *failure)
{
    static const classification transfers[] = {
        [MF_AWS_TRANSFER_NOT_CONNECTED] = {MF_AWS_UNREACHABLE, true},
        [MF_AWS_TRANSFER_BROKEN] = {MF_AWS_UNREACHABLE, true},
        [MF_AWS_TRANSFER_TIMED_OUT] = {MF_AWS_TIMED_OUT, true},
        [MF_AWS_TRANSFER_UNTRUSTED] = {MF_AWS_UNTRUSTED, false},
        [MF_AWS_TRANSFER_TOO_LARGE] = {MF_AWS_TOO_LARGE, false},
        [MF_AWS_TRANSFER_SINK_FAILED] = {MF_AWS_LOCAL, false},
        [MF_AWS_TRANSFER_LOCAL] = {MF_AWS_LOCAL, false},
    };
    failure->kind = transfers[response->transfer].kind;
    failure->is_retriable = transfers[response->transfer].is_retriable;
    failure->may_have_acted = response->was_sent;
    if (response->transfer == MF_AWS_TRANSFER_SINK_FAILED)
        mf_fail(&failure->error, response->why.code, (mf_where){subject, 0, 0}, "%s",
                response->why.text);
    else
        mf_fail(&failure->error,
                failure->kind == MF_AWS_LOCAL ? response->why.code : error_code_of(failure->kind),
                (mf_where){subject, 0, 0}, "%s gave no usable response: %s",
                mf_aws_service_name(endpoint->service), response->why.text);
}

static bool quotes(const char *text, const mf_aws_credentials *credentials)
{
    if (credentials == NULL)
        return false;
    return strstr(text, credentials->secret) != NULL ||
           (credentials->token != NULL && strstr(text, credentials->token) != NULL);
}

/* mf_aws_error_body_read leaves out a message with the token in it; this covers every other
 * place where a peer could put one. */
static void hide_credentials(const char *subject, const mf_aws_credentials *credentials,
                             mf_aws_failure *failure)
{
    if (quotes(failure->code, credentials))
        failure->code[0] = '\0';
    if (quotes(failure->request_id, credentials))
        failure->request_id[0] = '\0';
    if (quotes(failure->other_region, credentials))
        failure->other_region[0] = '\0';
    if (quotes(failure->error.text, credentials)) {
        const mf_error_code code = failure->error.code;
        mf_error_clear(&failure->error);
        mf_fail(&failure->error, code, (mf_where){subject, 0, 0},
                "returned %d (its message quotes credentials)", failure->status);
    }
}

/* DynamoDB sends the CRC-32 of its body; true without one. */
static bool is_intact(const mf_aws_response *response)
{
    const char *value = mf_aws_response_header(response, "x-amz-crc32");
    uint64_t crc;
    if (response->sink != NULL || !mf_parse_uint64(value, strlen(value), &crc))
        return true;
    return crc == crc32_z(0, (const Bytef *)response->body.bytes, response->body.n_bytes);
}

bool mf_aws_classify_response(const mf_aws_response *response, const mf_aws_endpoint *endpoint,
                              const char *subject, const mf_aws_credentials *credentials,
                              mf_aws_failure *failure)
{
    const bool is_success = (response->status >= 200 && response->status < 300) ||
                            (response->status == 304 && endpoint->service == MF_AWS_S3);
    const bool is_whole = response->transfer == MF_AWS_TRANSFER_COMPLETE;
    const bool is_damaged = is_whole && is_success && !is_intact(response);
    *failure = (mf_aws_failure){.n_tries = failure->n_tries, .status = response->status};
    if (is_whole && is_success && !is_damaged)
        return true;
    copy_header(response, "x-amzn-RequestId", failure->request_id, sizeof failure->request_id);
    copy_header(response, "x-amz-request-id", failure->request_id, sizeof failure->request_id);
    read_retry_after(response, failure);
    if (is_damaged) {
        failure->kind = MF_AWS_UNREACHABLE;
        failure->is_retriable = failure->may_have_acted = true;
        mf_fail(&failure->error, MF_ERR_IO, (mf_where){subject, 0, 0},
                "%s sent %zu bytes whose CRC-32 is not that of x-amz-crc32",
                mf_aws_service_name(endpoint->service), response->body.n_bytes);
    } else if (is_whole) {
        explain_status(response, endpoint, subject, credentials, failure);
    } else {
        explain_transfer(response, endpoint, subject, failure);
    }
    hide_credentials(subject, credentials, failure);
    return false;
}

/* --------------------------------------------------------------------------- retries */

int64_t mf_aws_backoff_ms(int64_t first_ms, int64_t longest_ms, uint32_t i, double u)
{
    int64_t most_ms = longest_ms;
    if (i < 32 && first_ms << i < longest_ms)
        most_ms = first_ms << i;
    return most_ms / 2 + (int64_t)((double)most_ms / 2 * u);
}

static int64_t first_wait_ms(mf_aws_kind kind, mf_aws_service service)
{
    if (service == MF_AWS_DYNAMODB)
        return 50;
    if (service == MF_AWS_PLAIN)
        return 20;
    return kind == MF_AWS_THROTTLED ? 500 : 100;
}

int64_t mf_aws_retry_wait_ms(const mf_aws_failure *failure, mf_aws_service service, double u,
                             int64_t left_ms)
{
    const uint32_t n_allowed = failure->kind == MF_AWS_MODEL ? MF_AWS_MODEL_TRIES
                               : service == MF_AWS_PLAIN     ? MF_AWS_PLAIN_TRIES
                                                             : MF_AWS_TRIES;
    if (!failure->is_retriable || failure->n_tries == 0 || failure->n_tries >= n_allowed)
        return -1;
    int64_t wait_ms = mf_aws_backoff_ms(first_wait_ms(failure->kind, service),
                                        MF_AWS_LONGEST_WAIT_MS, failure->n_tries - 1, u);
    const int64_t longest_ms = wait_ms + MF_AWS_RETRY_AFTER_MOST_MS;
    if (failure->retry_after_ms > wait_ms)
        wait_ms = failure->retry_after_ms < longest_ms ? failure->retry_after_ms : longest_ms;
    return wait_ms + MF_AWS_MIN_TRY_MS <= left_ms ? wait_ms : -1;
}
