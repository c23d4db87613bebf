/* What a record of the stream carries. The numbers are those of the checklist in
 * docs/lambda.md. */
#include "testing.h"

#include "base/base64.h"
#include "kpl_testing.h"
#include "lambda/streams/payload.h"

#include <locale.h>
#include <zlib.h>

static mf_stream_payload payload;
static mf_error why;
static mf_text base64;

/* Opens a record with these bytes as data, encoded n_times. */
static bool open_bytes(const char *bytes, size_t n, int n_times)
{
    mf_text encoded = MF_TEXT_EMPTY;
    mf_text_append(&encoded, bytes, n);
    for (int i = 0; i < n_times; i++) {
        mf_text next = MF_TEXT_EMPTY;
        mf_base64_encode(&next, encoded.n_bytes > 0 ? encoded.bytes : "", encoded.n_bytes);
        mf_text_free(&encoded);
        encoded = next;
    }
    mf_text_free(&base64);
    base64 = encoded;
    const mf_stream_record record = {
        .data = {base64.n_bytes > 0 ? base64.bytes : "", base64.n_bytes},
        .sequence_number = {"7", 1},
        .partition_key = {"outer", 5},
    };
    mf_error_clear(&why);
    return mf_stream_payload_open(&payload, &record, &why);
}

static void assert_next(const char *data, const char *key, uint32_t sub_sequence_number)
{
    mf_stream_user_record record;
    assert_true(mf_stream_payload_next(&payload, &record));
    if (record.data.n_bytes != strlen(data) || memcmp(record.data.bytes, data, strlen(data)) != 0)
        fail_msg("expected %s, got %.*s", data, (int)record.data.n_bytes, record.data.bytes);
    assert_int_equal(record.partition_key.n_bytes, strlen(key));
    assert_memory_equal(record.partition_key.bytes, key, strlen(key));
    assert_int_equal(record.sub_sequence_number, sub_sequence_number);
}

static void assert_last(void)
{
    mf_stream_user_record record;
    assert_false(mf_stream_payload_next(&payload, &record));
    assert_false(mf_stream_payload_next(&payload, &record));
}

static void data_encoded_once_or_twice_are_the_same(void **state)
{
    (void)state;
    static const char *const objects[] = {"{\"userId\":7}", "[1]",         "{}",
                                          "{\"a\":\"b\"} ", "  {\"a\":1}", "\r\n\t[1]"};
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        for (int n_times = 1; n_times <= 2; n_times++) {
            assert_ok(open_bytes(objects[i], strlen(objects[i]), n_times), why);
            assert_next(objects[i], "outer", 0);
            assert_last();
        }
}

static void line_ends_of_a_wrapped_inner_base64_do_not_matter(void **state)
{
    (void)state;
    assert_ok(open_bytes("eyJ1c2Vy\r\nSWQiOjd9\n", 19, 1), why); /* as `base64` wraps it */
    assert_next("{\"userId\":7}", "outer", 0);
    assert_ok(open_bytes("eyJ1c2VySWQiOjd9\n", 17, 1), why);
    assert_next("{\"userId\":7}", "outer", 0);
}

static void what_only_looks_like_base64_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",     "abcd", "1234", "SGVsbG8=", "eyJ1c2VySWQiOjd9x", "eyJ1c2VySWQiOjd", "eyJ1 c2Vy",
        "x\ny", "\n",   "ICAg", "ICB4"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_ok(open_bytes(texts[i], strlen(texts[i]), 1), why);
        assert_next(texts[i], "outer", 0);
        assert_last();
    }
}

/* [65] */
static void bad_base64_can_never_be_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"A",    "AAA",  "A===", "AA=A", "AAAB\n",
                                      "A-_A", "AB==", "AAB=", "====", "=AAA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const mf_stream_record record = {.data = {bad[i], strlen(bad[i])}};
        mf_error_clear(&why);
        assert_false(mf_stream_payload_open(&payload, &record, &why));
        assert_error(&why, MF_ERR_FORMAT, "its data are not base64");
        assert_last();
    }
}

/* [66] [67] [69] */
static void aggregates_open_also_when_encoded_twice_and_malformed_ones_say_so(void **state)
{
    (void)state;
    const mf_stream_kpl_record records[] = {
        {{"a", 1}, {"", 0}, false, {"{\"n\":1}", 7}},
        {{"b", 1}, {"5", 1}, true, {"eyJuIjoyfQ==", 12}}, /* {"n":2}, encoded alone */
        {{"a", 1}, {"", 0}, false, {"", 0}},
    };
    mf_text packed = MF_TEXT_EMPTY;
    kpl_write(&packed, records, 3);
    for (int n_times = 1; n_times <= 2; n_times++) {
        assert_ok(open_bytes(packed.bytes, packed.n_bytes, n_times), why);
        assert_next("{\"n\":1}", "a", 0);
        assert_next("{\"n\":2}", "b", 1);
        assert_next("", "a", 2);
        assert_last();
    }
    packed.bytes[10] = (char)(packed.bytes[10] ^ 1);
    assert_false(open_bytes(packed.bytes, packed.n_bytes, 1));
    assert_error(&why, MF_ERR_FORMAT, "begins as an aggregate of the KPL, but its MD5");
    packed.n_bytes = 0;
    mf_text message = MF_TEXT_EMPTY;
    kpl_bytes(&message, 1, "a", 1);
    kpl_record(&message, 9, -1, "x", 1);
    kpl_seal(&packed, message.bytes, message.n_bytes);
    assert_false(open_bytes(packed.bytes, packed.n_bytes, 1));
    assert_error(&why, MF_ERR_FORMAT, "partition key 9 of 1");
    assert_last();
    mf_text_free(&message);
    mf_text_free(&packed);
}

static void gzip_is_unpacked_and_a_byte_order_mark_left_out(void **state)
{
    (void)state;
    static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x53\xb2\x32"
                                 "\xac\x05\x00\x7e\x3b\x4b\xd4\x07\x00\x00\x00"; /* {"n":1} */
    const size_t n = sizeof packed - 1;
    for (int n_times = 1; n_times <= 2; n_times++) {
        assert_ok(open_bytes(packed, n, n_times), why);
        assert_next("{\"n\":1}", "outer", 0);
        assert_last();
        assert_ok(open_bytes("\xEF\xBB\xBF{\"n\":1}", 10, n_times), why);
        assert_next("{\"n\":1}", "outer", 0);
        assert_last();
    }
    for (size_t cut = 2; cut < n; cut++) {
        assert_false(open_bytes(packed, cut, 1));
        assert_error(&why, MF_ERR_FORMAT, "gzip");
        assert_last();
    }
    assert_ok(open_bytes("\xEF\xBB\xBF", 3, 1), why);
    assert_next("", "outer", 0);
}

static void an_aggregate_may_be_gzip_as_a_whole(void **state)
{
    (void)state;
    mf_text aggregate = MF_TEXT_EMPTY;
    const mf_stream_kpl_record records[] = {{.partition_key = {"7", 1}, .data = {"{}", 2}},
                                            {.partition_key = {"8", 1}, .data = {"[1]", 3}}};
    kpl_write(&aggregate, records, 2);
    for (size_t damaged = 0; damaged < 2; damaged++) {
        char packed[200];
        aggregate.bytes[aggregate.n_bytes - 1] ^= (char)damaged;
        z_stream stream = {.next_in = (Bytef *)aggregate.bytes,
                           .avail_in = (uInt)aggregate.n_bytes,
                           .next_out = (Bytef *)packed,
                           .avail_out = sizeof packed};
        assert_int_equal(
            deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        assert_int_equal(open_bytes(packed, stream.total_out, 1), damaged == 0);
        deflateEnd(&stream);
        if (damaged == 0) {
            assert_next("{}", "7", 0);
            assert_next("[1]", "8", 1);
        } else {
            assert_error(&why, MF_ERR_FORMAT, "aggregate of the KPL");
        }
        assert_last();
    }
    mf_text_free(&aggregate);
}

static void gzip_that_unpacks_to_too_much_is_refused(void **state)
{
    (void)state;
    static char zeros[MF_STREAM_UNPACKED_BYTES + 1], packed[1 << 17];
    z_stream stream = {.next_in = (Bytef *)zeros,
                       .avail_in = sizeof zeros,
                       .next_out = (Bytef *)packed,
                       .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_false(open_bytes(packed, stream.total_out, 1));
    assert_error(&why, MF_ERR_FORMAT, "unpacks to more than 16777216 bytes");
    deflateEnd(&stream);
}

static int end(void **state)
{
    (void)state;
    mf_stream_payload_free(&payload);
    mf_text_free(&base64);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_encoded_once_or_twice_are_the_same),
        cmocka_unit_test(line_ends_of_a_wrapped_inner_base64_do_not_matter),
        cmocka_unit_test(what_only_looks_like_base64_stays_as_it_is),
        cmocka_unit_test(bad_base64_can_never_be_read),
        cmocka_unit_test(gzip_is_unpacked_and_a_byte_order_mark_left_out),
        cmocka_unit_test(an_aggregate_may_be_gzip_as_a_whole),
        cmocka_unit_test(gzip_that_unpacks_to_too_much_is_refused),
        cmocka_unit_test(aggregates_open_also_when_encoded_twice_and_malformed_ones_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
