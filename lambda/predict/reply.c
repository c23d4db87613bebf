/* reply.c: promises in reply.h. */
#include "lambda/predict/reply.h"

#include "lambda/runtime/invocation.h"

#include <string.h>

static void append_json(mf_text *text, const char *string)
{
    mf_text_json(text, string, strlen(string));
}

static void begin(mf_text *response, int status, const char *origin)
{
    mf_text_format(response,
                   "{\"statusCode\":%d,\"headers\":{\"Content-Type\":\"application/json\","
                   "\"Access-Control-Allow-Origin\":",
                   status);
    append_json(response, origin);
}

static void end(mf_text *response, const char *body, size_t n_body)
{
    mf_text_literal(response, "},\"isBase64Encoded\":false,\"body\":");
    mf_text_json(response, body, n_body);
    mf_text_literal(response, "}");
}

bool mf_reply_answer(mf_text *response, mf_wiring wiring, const char *origin, const mf_text *body,
                     mf_problem *problem)
{
    if (wiring == MF_WIRING_BARE) {
        mf_text_append(response, body->bytes, body->n_bytes);
    } else {
        begin(response, mf_problem_status(MF_PROBLEM_NONE), origin);
        end(response, body->bytes, body->n_bytes);
    }
    if (response->n_bytes <= MF_LAMBDA_RESPONSE_BYTES)
        return true;
    mf_text_clear(response, 0);
    return mf_problem_say(problem, MF_PROBLEM_BAD_REQUEST,
                          "the answer has more than the 6 MB that can be sent: ask for fewer "
                          "movies");
}

void mf_reply_options(mf_text *response, const char *origin)
{
    begin(response, 204, origin);
    mf_text_literal(response,
                    ",\"Access-Control-Allow-Methods\":\"" MF_REPLY_METHODS "\","
                    "\"Access-Control-Allow-Headers\":\"Content-Type, Authorization, X-Api-Key, "
                    "X-Amz-Date, X-Amz-Security-Token\",\"Access-Control-Max-Age\":\"600\"");
    end(response, "", 0);
}

bool mf_reply_problem(mf_text *response, mf_wiring wiring, const char *origin,
                      const mf_problem *problem, mf_error *err)
{
    if (wiring == MF_WIRING_BARE)
        return mf_problem_to_error(problem, err);
    mf_text body = MF_TEXT_EMPTY;
    mf_text_literal(&body, "{\"error\": {\"code\": ");
    append_json(&body, mf_problem_code(problem->kind));
    mf_text_literal(&body, ", \"message\": ");
    append_json(&body, problem->said.text);
    mf_text_literal(&body, "}}");
    begin(response, mf_problem_status(problem->kind), origin);
    if (problem->kind == MF_PROBLEM_METHOD)
        mf_text_literal(response, ",\"Allow\":\"" MF_REPLY_METHODS "\"");
    if (problem->kind == MF_PROBLEM_THROTTLED)
        mf_text_literal(response, ",\"Retry-After\":\"1\"");
    end(response, body.bytes, body.n_bytes);
    response->failed = response->failed || body.failed;
    mf_text_free(&body);
    return true;
}
