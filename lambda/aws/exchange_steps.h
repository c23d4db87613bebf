/* exchange_steps.h: an exchange in two halves, for whoever lets libcurl work in between:
 * exchange.c for one request, lines.c for several at once. Of this room only. */
#ifndef MF_LAMBDA_AWS_EXCHANGE_STEPS_H
#define MF_LAMBDA_AWS_EXCHANGE_STEPS_H

#include "lambda/aws/exchange.h"

#include <curl/curl.h>

struct mf_aws_exchange {
    CURL *easy;
    int64_t used_ms;            /* wall clock at the end of the last request; 0: there was none */
    struct curl_slist *headers; /* between begin and end, as the answer */
    mf_aws_answer *answer;
    char words[CURL_ERROR_SIZE];
};

/* Every option of the handle is that of the request. False without memory; end comes
 * either way. */
bool mf_aws_exchange_begin(mf_aws_exchange *exchange, const mf_aws_request *request,
                           mf_aws_answer *answer);

/* code is how libcurl's work ended (CURLE_OUT_OF_MEMORY when it never began). */
void mf_aws_exchange_end(mf_aws_exchange *exchange, CURLcode code);

#endif
