/* lines.h: several requests to one peer under way at once, on connections that are kept.
 *
 *     for (line = 0; line < n; line++)
 *         mf_aws_lines_start(lines, line, &request[line], &answer[line]);
 *     while ((line = mf_aws_lines_wait(lines, 1000)) != MF_AWS_NO_LINE)
 *         …                                     answer[line] is complete
 *
 * (1) Everything that exchange.h promises holds for each request.
 * (2) At most as many connections are open as there are lines. One that has ended its
 *     request is used by whichever line is next.
 * (3) When all lines were idle for MF_AWS_IDLE_MS by the wall clock, all connections are
 *     closed before the next request.
 *
 * Threads: one for all lines. */
#ifndef MF_LAMBDA_AWS_LINES_H
#define MF_LAMBDA_AWS_LINES_H

#include "lambda/aws/exchange.h"

enum { MF_AWS_LINES_MOST = 64 };

#define MF_AWS_NO_LINE SIZE_MAX

typedef struct mf_aws_lines mf_aws_lines;

/* 1 … MF_AWS_LINES_MOST lines. NULL and MF_ERR_MEMORY without memory. Connects to nobody. */
mf_aws_lines *mf_aws_lines_create(size_t n_lines, mf_error *err);

/* NULL is fine. Requests under way are given up. */
void mf_aws_lines_destroy(mf_aws_lines *lines);

/* Begins a request on a line that has none. Request, credentials and all that it points to
 * but the struct itself stay as they are until the line is done. */
void mf_aws_lines_start(mf_aws_lines *lines, size_t line, const mf_aws_request *request,
                        mf_aws_answer *answer);

/* Works until a line is done, and says which: its answer->ending says how. MF_AWS_NO_LINE
 * after timeout_ms, or when no line has a request. */
size_t mf_aws_lines_wait(mf_aws_lines *lines, int64_t timeout_ms);

#endif
