#include "testing.h"

#include "lambda/aws/failure.h"

static mf_aws_failure failed(mf_aws_kind kind, uint32_t n_tries)
{
    return (mf_aws_failure){.kind = kind, .is_retriable = true, .n_tries = n_tries};
}

static int64_t wait_of(mf_aws_failure failure, double u)
{
    return mf_aws_retry_wait_ms(&failure, MF_AWS_SAGEMAKER_RUNTIME, u, INT64_MAX);
}

static const double almost_one = 1.0 - 0x1p-24;

static void waits_grow_and_lie_between_half_and_whole(void **state)
{
    (void)state;
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 1), 0), 50);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 1), 0.5), 75);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 1), almost_one), 99);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 2), 0), 100);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 2), almost_one), 199);
    assert_int_equal(wait_of(failed(MF_AWS_THROTTLED, 1), 0), 250);
    assert_int_equal(wait_of(failed(MF_AWS_THROTTLED, 2), almost_one), 999);
    const mf_aws_failure throttled = failed(MF_AWS_THROTTLED, 1);
    assert_int_equal(mf_aws_retry_wait_ms(&throttled, MF_AWS_DYNAMODB, 0, INT64_MAX), 25);
}

static void there_are_three_tries_and_two_of_a_model(void **state)
{
    (void)state;
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 3), 0), -1);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 4), 0), -1);
    assert_int_equal(wait_of(failed(MF_AWS_SERVER, 0), 0), -1);
    assert_int_equal(wait_of(failed(MF_AWS_MODEL, 1), 0), 50);
    assert_int_equal(wait_of(failed(MF_AWS_MODEL, 2), 0), -1);
    mf_aws_failure final = failed(MF_AWS_REJECTED, 1);
    final.is_retriable = false;
    assert_int_equal(wait_of(final, 0), -1);
}

static void no_wait_passes_the_time_that_is_left(void **state)
{
    (void)state;
    const mf_aws_failure failure = failed(MF_AWS_SERVER, 1);
    const int64_t just = 50 + MF_AWS_MIN_TRY_MS;
    assert_int_equal(mf_aws_retry_wait_ms(&failure, MF_AWS_S3, 0, just), 50);
    const int64_t lefts[] = {just - 1, 50, 1, 0, -1, INT64_MIN};
    for (size_t i = 0; i < sizeof lefts / sizeof lefts[0]; i++)
        assert_int_equal(mf_aws_retry_wait_ms(&failure, MF_AWS_S3, 0, lefts[i]), -1);
}

static void a_peer_can_lengthen_a_wait_by_five_seconds(void **state)
{
    (void)state;
    mf_aws_failure failure = failed(MF_AWS_SERVER, 1);
    const uint32_t wanted[] = {0, 49, 51, 5050, 5051, UINT32_MAX};
    const int64_t expected[] = {50, 50, 51, 5050, 5050, 5050};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        failure.retry_after_ms = wanted[i];
        assert_int_equal(wait_of(failure, 0), expected[i]);
    }
}

static void a_backoff_doubles_up_to_its_limit(void **state)
{
    (void)state;
    const int64_t expected[] = {25, 50, 100, 200, 400, 800, 1600, 2500, 2500};
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(mf_aws_backoff_ms(50, 5000, i, 0), expected[i]);
        assert_true(mf_aws_backoff_ms(50, 5000, i, almost_one) < 2 * expected[i]);
    }
    assert_int_equal(mf_aws_backoff_ms(50, 5000, UINT32_MAX, 0), 2500);
    assert_int_equal(mf_aws_backoff_ms(200, 100, 0, 0), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_grow_and_lie_between_half_and_whole),
        cmocka_unit_test(there_are_three_tries_and_two_of_a_model),
        cmocka_unit_test(no_wait_passes_the_time_that_is_left),
        cmocka_unit_test(a_peer_can_lengthen_a_wait_by_five_seconds),
        cmocka_unit_test(a_backoff_doubles_up_to_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
