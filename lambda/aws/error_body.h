/* error_body.h: what AWS says in the body of an answer that is not a success
 * (docs/lambda.md, 3.4 and 3.5.6).
 *
 *     {"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"…"}
 *     {"Message":"…","OriginalStatusCode":500,"OriginalMessage":"…"}
 *     <Error><Code>NoSuchKey</Code><Message>…</Message><Region>…</Region></Error>
 *
 * (1) Any bytes may come; what cannot be read says nothing.
 * (2) Texts are one line, printable, and end at the first line end: what follows there is
 *     the canonical request of a wrong signature.
 * (3) A text that holds the secret or the token of the credentials is left out.
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_ERROR_BODY_H
#define MF_LAMBDA_AWS_ERROR_BODY_H

#include "lambda/aws/environment.h"
#include "lambda/aws/failure.h"

typedef struct mf_aws_error_body {
    char code[MF_AWS_CODE_BYTES]; /* without what stands before '#' or behind ':' */
    char message[MF_AWS_MESSAGE_BYTES];
    char region[MF_AWS_OTHER_REGION_BYTES];
    int original_status; /* 100 … 599; 0 when not told */
    char original_message[MF_AWS_MESSAGE_BYTES];
} mf_aws_error_body;

/* credentials may be NULL. */
void mf_aws_error_body_read(const char *bytes, size_t n, const mf_aws_credentials *credentials,
                            mf_aws_error_body *said);

/* The code in a header x-amzn-ErrorType or in __type: "ns#Name:http://…" is "Name". */
void mf_aws_error_code(char code[MF_AWS_CODE_BYTES], const char *text, size_t n);

#endif
