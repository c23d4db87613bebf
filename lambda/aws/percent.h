/* percent.h: the one spelling of bytes in a URL that signatures count on.
 *
 * SigV4's canonical form: A-Z a-z 0-9 - . _ ~ stay, every other byte is %XX with capital
 * digits. libcurl 7.88 signs a path as it is written, so it has to be written like this
 * (docs/lambda.md, 3.2.7).
 *
 * Threads: any. */
#ifndef MF_LAMBDA_AWS_PERCENT_H
#define MF_LAMBDA_AWS_PERCENT_H

#include "base/text.h"

/* Appends bytes[0..n) encoded once. With keep_slashes '/' stays too: the key of an object
 * as a path. */
void mf_aws_percent_encode(mf_text *url, const char *bytes, size_t n, bool keep_slashes);

#endif
