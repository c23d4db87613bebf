#include "testing.h"

#include "lambda/aws/s3.h"

static const char *encoded(const char *bytes, size_t n, bool keep_slashes)
{
    static char copy[1024];
    mf_text text = MF_TEXT_EMPTY;
    mf_aws_percent_encode(&text, bytes, n, keep_slashes);
    assert_false(text.failed);
    assert_true(text.n_bytes < sizeof copy);
    if (text.n_bytes > 0)
        memcpy(copy, text.bytes, text.n_bytes);
    copy[text.n_bytes] = '\0';
    mf_text_free(&text);
    return copy;
}

static void every_byte_has_one_canonical_form(void **state)
{
    (void)state;
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        char expected[4];
        snprintf(expected, sizeof expected, "%%%02X", (unsigned)byte);
        if (byte != 0 && strchr(kept, c) != NULL)
            snprintf(expected, sizeof expected, "%c", c);
        assert_string_equal(encoded(&c, 1, false), expected);
        assert_string_equal(encoded(&c, 1, true), c == '/' ? "/" : expected);
    }
    assert_string_equal(encoded("", 0, true), "");
    assert_string_equal(encoded("a b/c+(é%=", 11, true), "a%20b/c%2B%28%C3%A9%25%3D");
}

static void a_uri_is_a_bucket_and_a_key_as_it_is_written(void **state)
{
    (void)state;
    static const char *const uris[][3] = {
        {"s3://movies/movies.csv", "movies", "movies.csv"},
        {"s3://abc//a//b/", "abc", "/a//b/"},
        {"s3://a.b-c.d1/%20 +?#", "a.b-c.d1", "%20 +?#"},
        {"s3://1.2.3/k", "1.2.3", "k"},
        {"s3://1.2.3.4x/é", "1.2.3.4x", "é"},
        {"s3://a23456789012345678901234567890123456789012345678901234567890123/k",
         "a23456789012345678901234567890123456789012345678901234567890123", "k"},
    };
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        mf_aws_s3_location location;
        mf_error err = {.code = MF_OK};
        assert_ok(mf_aws_s3_uri_parse(uris[i][0], &location, &err), err);
        assert_string_equal(location.bucket, uris[i][1]);
        assert_string_equal(location.key, uris[i][2]);
    }
}

static void what_is_no_object_is_refused_with_the_part_that_is_wrong(void **state)
{
    (void)state;
    char long_key[MF_AWS_S3_KEY_BYTES + 16];
    memset(long_key, 'k', sizeof long_key);
    memcpy(long_key, "s3://abc/", 9);
    long_key[9 + 1025] = '\0';
    const char *const cases[][2] = {
        {"", "s3://bucket/key"},
        {"s3:/abc/k", "s3://bucket/key"},
        {"S3://abc/k", "s3://bucket/key"},
        {"https://abc.s3.amazonaws.com/k", "s3://bucket/key"},
        {"s3://", "name of a bucket"},
        {"s3:///k", "name of a bucket"},
        {"s3://ab/k", "name of a bucket"},
        {"s3://ABC/k", "name of a bucket"},
        {"s3://a_c/k", "name of a bucket"},
        {"s3://-bc/k", "name of a bucket"},
        {"s3://ab-/k", "name of a bucket"},
        {"s3://a..c/k", "name of a bucket"},
        {"s3://192.168.5.4/k", "name of a bucket"},
        {"s3://a%20b/k", "name of a bucket"},
        {"s3://a234567890123456789012345678901234567890123456789012345678901234/k",
         "name of a bucket"},
        {"s3://abc", "a key is missing"},
        {"s3://abc/", "a key is missing"},
        {"s3://abc/\xff", "not UTF-8"},
        {"s3://abc/a\xc3", "not UTF-8"},
        {long_key, "1025 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aws_s3_location location = {.bucket = "untouched"};
        mf_error err = {.code = MF_OK};
        assert_false(mf_aws_s3_uri_parse(cases[i][0], &location, &err));
        assert_error(&err, MF_ERR_CONFIG, cases[i][1]);
        assert_string_equal(location.bucket, "untouched");
    }
    long_key[9 + 1024] = '\0';
    mf_aws_s3_location location;
    mf_error err = {.code = MF_OK};
    assert_ok(mf_aws_s3_uri_parse(long_key, &location, &err), err);
}

static void path_style_is_for_overrides_and_for_dots(void **state)
{
    (void)state;
    static const struct {
        const char *uri;
        bool is_override;
        const char *prefix;
        const char *path;
    } cases[] = {
        {"s3://movies/a b.csv", false, "movies", "/a%20b.csv"},
        {"s3://movies/a b.csv", true, NULL, "/movies/a%20b.csv"},
        {"s3://my.movies/a/b", false, NULL, "/my.movies/a/b"},
        {"s3://movies//a", false, "movies", "//a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mf_aws_s3_location location;
        mf_error err = {.code = MF_OK};
        mf_text path = MF_TEXT_EMPTY;
        assert_ok(mf_aws_s3_uri_parse(cases[i].uri, &location, &err), err);
        const mf_aws_endpoint endpoint = {.is_override = cases[i].is_override};
        const char *prefix = mf_aws_s3_path(&endpoint, &location, &path);
        assert_int_equal(path.n_bytes, strlen(cases[i].path));
        assert_memory_equal(path.bytes, cases[i].path, path.n_bytes);
        assert_true((prefix == NULL) == (cases[i].prefix == NULL));
        if (prefix != NULL)
            assert_string_equal(prefix, cases[i].prefix);
        mf_text_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_one_canonical_form),
        cmocka_unit_test(a_uri_is_a_bucket_and_a_key_as_it_is_written),
        cmocka_unit_test(what_is_no_object_is_refused_with_the_part_that_is_wrong),
        cmocka_unit_test(path_style_is_for_overrides_and_for_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
