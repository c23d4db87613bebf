/* judge.c: promises in judge.h. */
#include "lambda/aws/judge.h"

#include "base/number.h"
#include "lambda/aws/error_body.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* Which failure a code or a status is, and whether the peer can have acted by then. */
typedef struct verdict {
    mf_aws_kind kind;
    bool is_retriable;
} verdict;

/* Codes that say more than their status. The throttles and the transient ones are those of
 * botocore/retries/standard.py; one more is DynamoDB's guide's. */
static const struct {
    const char *code;
    verdict verdict;
} codes[] = {
    {"Throttling", {MF_AWS_THROTTLED, true}},
    {"ThrottlingException", {MF_AWS_THROTTLED, true}},
    {"ThrottledException", {MF_AWS_THROTTLED, true}},
    {"RequestThrottledException", {MF_AWS_THROTTLED, true}},
    {"RequestThrottled", {MF_AWS_THROTTLED, true}},
    {"TooManyRequestsException", {MF_AWS_THROTTLED, true}},
    {"ProvisionedThroughputExceededException", {MF_AWS_THROTTLED, true}},
    {"TransactionInProgressException", {MF_AWS_THROTTLED, true}},
    {"RequestLimitExceeded", {MF_AWS_THROTTLED, true}},
    {"BandwidthLimitExceeded", {MF_AWS_THROTTLED, true}},
    {"LimitExceededException", {MF_AWS_THROTTLED, true}},
    {"SlowDown", {MF_AWS_THROTTLED, true}},
    {"EC2ThrottledException", {MF_AWS_THROTTLED, true}},
    {"PriorRequestNotComplete", {MF_AWS_THROTTLED, true}},
    {"ItemCollectionSizeLimitExceededException", {MF_AWS_THROTTLED, true}},
    {"RequestTimeout", {MF_AWS_SERVER, true}},
    {"RequestTimeoutException", {MF_AWS_SERVER, true}},
    {"ExpiredToken", {MF_AWS_EXPIRED, false}},
    {"ExpiredTokenException", {MF_AWS_EXPIRED, false}},
    {"TokenRefreshRequired", {MF_AWS_EXPIRED, false}},
    {"RequestTimeTooSkewed", {MF_AWS_SKEWED, false}},
    {"RequestExpired", {MF_AWS_SKEWED, false}},
    {"RequestInTheFuture", {MF_AWS_SKEWED, false}},
    {"AccessDenied", {MF_AWS_DENIED, false}},
    {"AccessDeniedException", {MF_AWS_DENIED, false}},
    {"UnrecognizedClientException", {MF_AWS_DENIED, false}},
    {"InvalidSignatureException", {MF_AWS_DENIED, false}},
    {"SignatureDoesNotMatch", {MF_AWS_DENIED, false}},
    {"IncompleteSignature", {MF_AWS_DENIED, false}},
    {"IncompleteSignatureException", {MF_AWS_DENIED, false}},
    {"InvalidClientTokenId", {MF_AWS_DENIED, false}},
    {"InvalidAccessKeyId", {MF_AWS_DENIED, false}},
    {"InvalidToken", {MF_AWS_DENIED, false}},
    {"MissingAuthenticationToken", {MF_AWS_DENIED, false}},
    {"MissingAuthenticationTokenException", {MF_AWS_DENIED, false}},
    {"ResourceNotFoundException", {MF_AWS_MISSING, false}},
    {"NoSuchKey", {MF_AWS_MISSING, false}},
    {"NoSuchBucket", {MF_AWS_MISSING, false}},
};

static verdict by_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return (verdict){MF_AWS_DENIED, false};
    case 404:
        return (verdict){MF_AWS_MISSING, false};
    case 413:
        return (verdict){MF_AWS_TOO_LARGE, false};
    case 429:
        return (verdict){MF_AWS_THROTTLED, true};
    case 500:
    case 502:
    case 503:
    case 504:
    case 530: /* InternalDependencyException */
        return (verdict){MF_AWS_SERVER, true};
    default:
        return (verdict){status >= 500 ? MF_AWS_SERVER : MF_AWS_REJECTED, false};
    }
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static verdict judge_status(const mf_aws_answer *answer, const mf_aws_endpoint *endpoint,
                            const mf_aws_error_body *said, const mf_aws_failure *failure)
{
    const int status = answer->status;
    if (status == 424)
        return (verdict){MF_AWS_MODEL,
                         failure->original_status == 0 || failure->original_status >= 500};
    /* AuthorizationHeaderMalformed: "the region 'us-east-1' is wrong; expecting 'eu-west-1'". */
    if (endpoint->service == MF_AWS_S3 &&
        ((status >= 300 && status < 400) ||
         strcmp(failure->code, "AuthorizationHeaderMalformed") == 0))
        return (verdict){MF_AWS_WRONG_REGION, false};
    if (strcmp(failure->code, "InvalidSignatureException") == 0 &&
        (begins(said->message, "Signature expired") ||
         begins(said->message, "Signature not yet current")))
        return (verdict){MF_AWS_SKEWED, false};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(failure->code, codes[i].code) == 0)
            return codes[i].verdict;
    return by_status(status);
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

static void read_retry_after(const mf_aws_answer *answer, mf_aws_failure *failure)
{
    const char *value = mf_aws_answer_header(answer, "x-amz-retry-after");
    uint64_t wait_ms;
    if (mf_parse_uint64(value, strlen(value), &wait_ms))
        failure->retry_after_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
}

static void copy_header(const mf_aws_answer *answer, const char *name, char *out, size_t room)
{
    const char *value = mf_aws_answer_header(answer, name);
    if (out[0] == '\0')
        mf_printable(out, room, value, strlen(value));
}

static void say_status(const mf_aws_endpoint *endpoint, const char *subject,
                       const mf_aws_error_body *said, mf_aws_failure *failure)
{
    char hint[192] = "";
    if (failure->kind == MF_AWS_WRONG_REGION)
        snprintf(hint, sizeof hint, "; the bucket is in region %s, this function asks in %s",
                 failure->other_region[0] != '\0' ? failure->other_region : "(not told)",
                 endpoint->region);
    else if (failure->kind == MF_AWS_SKEWED)
        snprintf(hint, sizeof hint, "; this machine's clock is wrong");
    else if (failure->kind == MF_AWS_MODEL && failure->original_status > 0)
        snprintf(hint, sizeof hint, "; the container answered %d", failure->original_status);
    /* A model's message quotes what the container said, which may quote the user. */
    const bool has_message = said->message[0] != '\0' && failure->kind != MF_AWS_MODEL;
    mf_fail(&failure->error, error_code_of(failure->kind), (mf_where){subject, 0, 0},
            "%s answered %d%s%s%s%s%s%s%s%s", mf_aws_service_name(endpoint->service),
            failure->status, failure->code[0] != '\0' ? " " : "", failure->code, hint,
            has_message ? ": " : "", has_message ? said->message : "",
            failure->request_id[0] != '\0' ? " (request " : "", failure->request_id,
            failure->request_id[0] != '\0' ? ")" : "");
}

static void explain_status(const mf_aws_answer *answer, const mf_aws_endpoint *endpoint,
                           const char *subject, const mf_aws_credentials *credentials,
                           mf_aws_failure *failure)
{
    mf_aws_error_body said;
    mf_aws_error_body_read(answer->body.bytes, answer->body.n_bytes, credentials, &said);
    const char *type = mf_aws_answer_header(answer, "x-amzn-ErrorType");
    if (type[0] != '\0')
        mf_aws_error_code(failure->code, type, strlen(type));
    else
        memcpy(failure->code, said.code, sizeof failure->code);
    copy_header(answer, "x-amz-bucket-region", failure->other_region, sizeof failure->other_region);
    if (failure->other_region[0] == '\0')
        memcpy(failure->other_region, said.region, sizeof failure->other_region);
    failure->original_status = said.original_status;
    memcpy(failure->original_message, said.original_message, sizeof failure->original_message);
    const verdict judged = judge_status(answer, endpoint, &said, failure);
    failure->kind = judged.kind;
    failure->is_retriable = judged.is_retriable;
    failure->may_have_acted = judged.kind == MF_AWS_SERVER || judged.kind == MF_AWS_MODEL;
    say_status(endpoint, subject, &said, failure);
}

static void explain_ending(const mf_aws_answer *answer, const mf_aws_endpoint *endpoint,
                           const char *subject, mf_aws_failure *failure)
{
    static const verdict endings[] = {
        [MF_AWS_ENDED_UNCONNECTED] = {MF_AWS_UNREACHABLE, true},
        [MF_AWS_ENDED_LOST] = {MF_AWS_UNREACHABLE, true},
        [MF_AWS_ENDED_TIMED_OUT] = {MF_AWS_TIMED_OUT, true},
        [MF_AWS_ENDED_UNTRUSTED] = {MF_AWS_UNTRUSTED, false},
        [MF_AWS_ENDED_TOO_LARGE] = {MF_AWS_TOO_LARGE, false},
        [MF_AWS_ENDED_BY_SINK] = {MF_AWS_LOCAL, false},
        [MF_AWS_ENDED_LOCALLY] = {MF_AWS_LOCAL, false},
    };
    failure->kind = endings[answer->ending].kind;
    failure->is_retriable = endings[answer->ending].is_retriable;
    failure->may_have_acted = answer->was_sent;
    if (answer->ending == MF_AWS_ENDED_BY_SINK)
        mf_fail(&failure->error, answer->why.code, (mf_where){subject, 0, 0}, "%s",
                answer->why.text);
    else
        mf_fail(&failure->error,
                failure->kind == MF_AWS_LOCAL ? answer->why.code : error_code_of(failure->kind),
                (mf_where){subject, 0, 0}, "%s gave no usable answer: %s",
                mf_aws_service_name(endpoint->service), answer->why.text);
}

static bool quotes(const char *text, const mf_aws_credentials *credentials)
{
    if (credentials == NULL)
        return false;
    return strstr(text, credentials->secret) != NULL ||
           (credentials->token != NULL && strstr(text, credentials->token) != NULL);
}

/* error_body.c leaves out a message with the token in it; this is for every other place
 * where a peer could put one. */
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
                "answered %d (what it says quotes credentials)", failure->status);
    }
}

/* DynamoDB sends the CRC-32 of its body; true without one. */
static bool is_intact(const mf_aws_answer *answer)
{
    const char *value = mf_aws_answer_header(answer, "x-amz-crc32");
    uint64_t crc;
    if (answer->sink != NULL || !mf_parse_uint64(value, strlen(value), &crc))
        return true;
    return crc == crc32_z(0, (const Bytef *)answer->body.bytes, answer->body.n_bytes);
}

bool mf_aws_judge(const mf_aws_answer *answer, const mf_aws_endpoint *endpoint, const char *subject,
                  const mf_aws_credentials *credentials, mf_aws_failure *failure)
{
    const bool is_success = (answer->status >= 200 && answer->status < 300) ||
                            (answer->status == 304 && endpoint->service == MF_AWS_S3);
    const bool is_whole = answer->ending == MF_AWS_ENDED_WHOLE;
    const bool is_damaged = is_whole && is_success && !is_intact(answer);
    *failure = (mf_aws_failure){.n_tries = failure->n_tries, .status = answer->status};
    if (is_whole && is_success && !is_damaged)
        return true;
    copy_header(answer, "x-amzn-RequestId", failure->request_id, sizeof failure->request_id);
    copy_header(answer, "x-amz-request-id", failure->request_id, sizeof failure->request_id);
    read_retry_after(answer, failure);
    if (is_damaged) {
        failure->kind = MF_AWS_UNREACHABLE;
        failure->is_retriable = failure->may_have_acted = true;
        mf_fail(&failure->error, MF_ERR_IO, (mf_where){subject, 0, 0},
                "%s sent %zu bytes whose CRC-32 is not that of x-amz-crc32",
                mf_aws_service_name(endpoint->service), answer->body.n_bytes);
    } else if (is_whole) {
        explain_status(answer, endpoint, subject, credentials, failure);
    } else {
        explain_ending(answer, endpoint, subject, failure);
    }
    hide_credentials(subject, credentials, failure);
    return false;
}
