/* retry.c: promises in retry.h. */
#include "lambda/aws/retry.h"

static int64_t first_wait_ms(mf_aws_kind kind, mf_aws_service service)
{
    if (service == MF_AWS_DYNAMODB)
        return 50;
    if (service == MF_AWS_PLAIN)
        return 20;
    return kind == MF_AWS_THROTTLED ? 500 : 100;
}

int64_t mf_aws_retry_wait_ms(const mf_aws_failure *failure, mf_aws_service service, bool once,
                             double u, int64_t left_ms)
{
    const uint32_t n_allowed = failure->kind == MF_AWS_MODEL ? MF_AWS_MODEL_TRIES
                               : service == MF_AWS_PLAIN     ? MF_AWS_PLAIN_TRIES
                                                             : MF_AWS_TRIES;
    if (!failure->is_retriable || failure->n_tries == 0 || failure->n_tries >= n_allowed ||
        (once && failure->may_have_acted))
        return -1;
    int64_t most_ms = first_wait_ms(failure->kind, service) << (failure->n_tries - 1);
    if (most_ms > MF_AWS_LONGEST_WAIT_MS)
        most_ms = MF_AWS_LONGEST_WAIT_MS;
    int64_t wait_ms = most_ms / 2 + (int64_t)((double)most_ms / 2 * u);
    const int64_t longest_ms = wait_ms + MF_AWS_LONGER_MS;
    if (failure->retry_after_ms > wait_ms)
        wait_ms = failure->retry_after_ms < longest_ms ? failure->retry_after_ms : longest_ms;
    return wait_ms + MF_AWS_MIN_TRY_MS <= left_ms ? wait_ms : -1;
}
