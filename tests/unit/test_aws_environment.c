#include "environment_testing.h"
#include "testing.h"

#include "lambda/aws/environment.h"

static int clean(void **state)
{
    (void)state;
    testing_environment(PAIRS("AWS_REGION", "eu-central-1"));
    return 0;
}

static mf_aws_endpoint chosen(mf_aws_service service)
{
    mf_aws_endpoint endpoint;
    mf_error err = {.code = MF_OK};
    assert_ok(mf_aws_endpoint_choose(service, &endpoint, &err), err);
    return endpoint;
}

static void each_service_has_its_host_and_its_name_in_signatures(void **state)
{
    (void)state;
    static const struct {
        mf_aws_service service;
        const char *base;
        const char *signing_name;
    } expected[] = {
        {MF_AWS_S3, "https://s3.eu-central-1.amazonaws.com", "s3"},
        {MF_AWS_SAGEMAKER_RUNTIME, "https://runtime.sagemaker.eu-central-1.amazonaws.com",
         "sagemaker"},
        {MF_AWS_KINESIS, "https://kinesis.eu-central-1.amazonaws.com", "kinesis"},
        {MF_AWS_DYNAMODB, "https://dynamodb.eu-central-1.amazonaws.com", "dynamodb"},
        {MF_AWS_SECRETS_MANAGER, "https://secretsmanager.eu-central-1.amazonaws.com",
         "secretsmanager"},
    };
    for (size_t i = 0; i < MF_AWS_SERVICES; i++) {
        const mf_aws_endpoint endpoint = chosen(expected[i].service);
        assert_string_equal(endpoint.base, expected[i].base);
        assert_string_equal(endpoint.signing_name, expected[i].signing_name);
        assert_string_equal(endpoint.region, "eu-central-1");
        assert_false(endpoint.is_override);
    }
}

static void partitions_have_domains_of_their_own(void **state)
{
    (void)state;
    static const char *const expected[][2] = {
        {"cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"},
        {"us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"},
        {"us-iso-east-1", "https://s3.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "https://s3.us-isob-east-1.sc2s.sgov.gov"},
        {"us-isof-south-1", "https://s3.us-isof-south-1.csp.hci.ic.gov"},
        {"eu-isoe-west-1", "https://s3.eu-isoe-west-1.cloud.adc-e.uk"},
        {"eusc-de-east-1", "https://s3.eusc-de-east-1.amazonaws.eu"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        setenv("AWS_REGION", expected[i][0], 1);
        assert_string_equal(chosen(MF_AWS_S3).base, expected[i][1]);
    }
}

/* Checklist 52 (docs/lambda.md). */
static void variables_name_another_endpoint(void **state)
{
    (void)state;
    setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/", 1);
    setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "https://[::1]:2/a/b//", 1);
    assert_string_equal(chosen(MF_AWS_SAGEMAKER_RUNTIME).base, "https://[::1]:2/a/b");
    assert_true(chosen(MF_AWS_SAGEMAKER_RUNTIME).is_override);
    assert_string_equal(chosen(MF_AWS_S3).base, "http://127.0.0.1:1");
    assert_string_equal(chosen(MF_AWS_S3).region, "eu-central-1");
    setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "", 1);
    assert_string_equal(chosen(MF_AWS_SAGEMAKER_RUNTIME).base, "http://127.0.0.1:1");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True", 1);
    assert_string_equal(chosen(MF_AWS_S3).base, "https://s3.eu-central-1.amazonaws.com");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "no", 1);
    assert_string_equal(chosen(MF_AWS_S3).base, "http://127.0.0.1:1");
}

static void a_variable_that_is_no_endpoint_is_named(void **state)
{
    (void)state;
    char long_url[400];
    memset(long_url, 'a', sizeof long_url);
    memcpy(long_url, "http://", 7);
    long_url[sizeof long_url - 1] = '\0';
    const char *const values[] = {
        "127.0.0.1:1",   "ftp://a",     "http://",
        "http://:80",    "http://a:0",  "http://a:65536",
        "http://a:",     "http://a:b",  "http://user:password@a",
        "http://a/?x=y", "http://a/#f", "http://a/b c",
        "http://a/%20",  "http://[::1", "http://[]:1",
        "http://a\n",    "http:/a",     "https//a",
        long_url,        "http:////",   "http://a:99999999999999999999999",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        mf_aws_endpoint endpoint;
        mf_error err = {.code = MF_OK};
        setenv("AWS_ENDPOINT_URL_KINESIS", values[i], 1);
        assert_false(mf_aws_endpoint_choose(MF_AWS_KINESIS, &endpoint, &err));
        assert_error(&err, MF_ERR_CONFIG, "AWS_ENDPOINT_URL_KINESIS");
        assert_null(strstr(err.text, "password"));
    }
}

/* Checklist 55. */
static void a_region_is_needed_and_looks_like_one(void **state)
{
    (void)state;
    char region[MF_AWS_REGION_BYTES] = "untouched";
    const char *const values[] = {
        "EU",
        "eu central",
        "-eu",
        "eu-",
        "eu.evil",
        "é",
        "a234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        mf_error err = {.code = MF_OK};
        setenv("AWS_REGION", values[i], 1);
        assert_false(mf_aws_region_read(region, &err));
        assert_error(&err, MF_ERR_CONFIG, "AWS_REGION is");
    }
    mf_error err = {.code = MF_OK};
    setenv("AWS_REGION", "", 1);
    assert_false(mf_aws_region_read(region, &err));
    assert_error(&err, MF_ERR_CONFIG, "AWS_REGION (or AWS_DEFAULT_REGION) is not set");
    assert_string_equal(region, "untouched");
    mf_error_clear(&err);
    setenv("AWS_DEFAULT_REGION", "us-east-1", 1);
    assert_ok(mf_aws_region_read(region, &err), err);
    assert_string_equal(region, "us-east-1");
}

static void keys_are_read_anew_and_never_quoted(void **state)
{
    (void)state;
    mf_aws_credentials credentials;
    mf_error err = {.code = MF_OK};
    assert_false(mf_aws_credentials_read(&credentials, &err));
    assert_error(&err, MF_ERR_CONFIG, "AWS_ACCESS_KEY_ID is not set");
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    mf_error_clear(&err);
    assert_false(mf_aws_credentials_read(&credentials, &err));
    assert_error(&err, MF_ERR_CONFIG, "AWS_SECRET_ACCESS_KEY is not set");
    mf_error_clear(&err);
    setenv("AWS_SECRET_ACCESS_KEY", "a/b+c:d", 1);
    assert_ok(mf_aws_credentials_read(&credentials, &err), err);
    assert_string_equal(credentials.key_id, "AKID");
    assert_string_equal(credentials.secret, "a/b+c:d");
    assert_null(credentials.token);
    setenv("AWS_SESSION_TOKEN", "token==", 1);
    assert_ok(mf_aws_credentials_read(&credentials, &err), err);
    assert_string_equal(credentials.token, "token==");

    const char *const bad[] = {"hidden\n", "hid den", "\thidden", "hidden\x7f", "hidd\xc3\xa9n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        mf_error_clear(&err);
        setenv("AWS_SESSION_TOKEN", bad[i], 1);
        assert_false(mf_aws_credentials_read(&credentials, &err));
        assert_error(&err, MF_ERR_CONFIG, "AWS_SESSION_TOKEN has");
        assert_null(strstr(err.text, "hid"));
    }
    assert_string_equal(credentials.key_id, "AKID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_service_has_its_host_and_its_name_in_signatures, clean),
        cmocka_unit_test_setup(partitions_have_domains_of_their_own, clean),
        cmocka_unit_test_setup(variables_name_another_endpoint, clean),
        cmocka_unit_test_setup(a_variable_that_is_no_endpoint_is_named, clean),
        cmocka_unit_test_setup(a_region_is_needed_and_looks_like_one, clean),
        cmocka_unit_test_setup(keys_are_read_anew_and_never_quoted, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
