/* endpoint_answer.c: promises in endpoint_answer.h. */
#include "endpoint_answer.h"

#include "identifiers.h"
#include "json_text.h"
#include "service_reply.h"

#include <stdio.h>
#include <strings.h>

void mf_endpoint_take_header(mf_endpoint_answer *a, const char *name, const char *value)
{
    static const char *const handed_on[] = {"Content-Type", "X-Amzn-SageMaker-Custom-Attributes",
                                            "X-Amzn-SageMaker-New-Session-Id",
                                            "X-Amzn-SageMaker-Closed-Session-Id"};
    for (size_t i = 0; i < sizeof handed_on / sizeof handed_on[0]; i++)
        if (strcasecmp(name, handed_on[i]) == 0 &&
            mf_web_add_header(&a->headers, handed_on[i], value, strlen(value)))
            a->has_type = a->has_type || i == 0;
}

/* {"ErrorCode",…}: the container's answer inside of SageMaker's. */
static void model_error(const mf_endpoint_answer *a, mf_web_request *request, int status,
                        const char *said, size_t n_said)
{
    mf_text headers = MF_TEXT_EMPTY, body = MF_TEXT_EMPTY, message = MF_TEXT_EMPTY;
    char id[MF_UUID_BYTES];
    const bool client = status >= 400 && status < 500;
    mf_text_format(&message, "Received %s error (%d) from primary with message \"",
                   client ? "client" : "server", status);
    mf_text_append(&message, said, n_said);
    mf_text_format(&message,
                   "\". See https://%s.console.aws.amazon.com/cloudwatch/home?region=%s"
                   "#logEventViewer:group=/aws/sagemaker/Endpoints/%s in account %s for more "
                   "information.",
                   a->settings->region, a->settings->region, a->endpoint->name,
                   a->settings->account);
    mf_text_format(&body, "{\"ErrorCode\":\"%s_ERROR_FROM_MODEL\",\"LogStreamArn\":\"arn:aws:logs:",
                   client ? "CLIENT" : "SERVER");
    mf_text_format(&body, "%s:%s:log-group:/aws/sagemaker/Endpoints/%s\",\"Message\":",
                   a->settings->region, a->settings->account, a->endpoint->name);
    mf_json_text(&body, message.bytes, message.n_bytes);
    mf_text_literal(&body, ",\"OriginalMessage\":");
    mf_json_text(&body, said, n_said);
    mf_text_format(&body, ",\"OriginalStatusCode\":%d}", status);
    mf_service_add_headers(&headers, mf_uuid_make(id), "application/json");
    mf_text_literal(&headers, "x-amzn-ErrorType: ModelError\r\n");
    mf_web_reply(request, 424, &headers, body.bytes, body.n_bytes);
    mf_text_free(&headers);
    mf_text_free(&body);
    mf_text_free(&message);
}

static void throttled(mf_web_request *request)
{
    static const char NOTHING[] = "{\"message\":null}";
    mf_text headers = MF_TEXT_EMPTY;
    char id[MF_UUID_BYTES];
    mf_service_add_headers(&headers, mf_uuid_make(id), "application/json");
    mf_text_literal(&headers, "x-amzn-ErrorType: ThrottlingException\r\n");
    mf_web_reply(request, 400, &headers, NOTHING, strlen(NOTHING));
    mf_text_free(&headers);
}

static void answered(const mf_endpoint_answer *a, mf_web_request *request)
{
    mf_text headers = MF_TEXT_EMPTY;
    char id[MF_UUID_BYTES];
    mf_text_literal(&headers, "x-amzn-RequestId: ");
    mf_text_append(&headers, mf_uuid_make(id), MF_UUID_BYTES - 1);
    mf_text_literal(&headers, "\r\nx-Amzn-Invoked-Production-Variant: AllTraffic\r\n");
    mf_text_append(&headers, a->headers.bytes, a->headers.n_bytes);
    if (!a->has_type)
        mf_text_literal(&headers, "Content-Type: application/octet-stream\r\n");
    mf_web_reply(request, 200, &headers, a->body, a->n_body);
    mf_text_free(&headers);
}

void mf_endpoint_reply(const mf_endpoint_answer *a, mf_web_request *request)
{
    static const char LATE[] =
        "Your invocation timed out while waiting for a response from container primary. Review "
        "the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try "
        "again.";
    static const char LONG[] = "the container's answer is longer than 6291456 bytes";
    char message[512];
    switch (a->outcome) {
    case MF_ENDPOINT_ANSWERED:
        if (a->status >= 200 && a->status < 300)
            answered(a, request);
        else
            model_error(a, request, a->status, a->body, a->n_body);
        break;
    case MF_ENDPOINT_TIMED_OUT:
        model_error(a, request, 0, LATE, strlen(LATE));
        break;
    case MF_ENDPOINT_TOO_LONG:
        model_error(a, request, 0, LONG, strlen(LONG));
        break;
    case MF_ENDPOINT_UNREACHABLE:
        snprintf(message, sizeof message, "The container of endpoint %s does not answer at %s:%u",
                 a->endpoint->name, a->endpoint->at.host, (unsigned)a->endpoint->at.port);
        mf_service_refuse_with(request, 503, "ServiceUnavailable", "", "Message", message);
        break;
    case MF_ENDPOINT_THROTTLED:
        throttled(request);
        break;
    }
}
