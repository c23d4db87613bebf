/* Aggregated records: what a producer packed comes out, and damage is seen. The numbers are
 * those of the checklist in docs/lambda.md. */
#include "testing.h"

#include "base/base64.h"
#include "base/memory.h"
#include "kpl_testing.h"

static mf_stream_kpl kpl;
static mf_text message, packed;
static mf_error why;

/* Reads a copy of exactly that size. */
static mf_stream_kpl_kind read_copy(const char *bytes, size_t n)
{
    static char *copy;
    free(copy);
    copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    mf_error_clear(&why);
    const mf_stream_kpl_kind kind = mf_stream_kpl_read(&kpl, copy, n, &why);
    assert_int_equal(kind == MF_STREAM_KPL_MALFORMED, why.code != MF_OK);
    return kind;
}

static mf_stream_kpl_kind read_sealed(void)
{
    packed.n_bytes = 0;
    kpl_seal(&packed, message.n_bytes > 0 ? message.bytes : "", message.n_bytes);
    assert_false(packed.failed || message.failed);
    return read_copy(packed.bytes, packed.n_bytes);
}

static void assert_view(mf_id view, const char *expected)
{
    if (view.n_bytes != strlen(expected) || memcmp(view.bytes, expected, view.n_bytes) != 0)
        fail_msg("expected \"%s\", got \"%.*s\"", expected, (int)view.n_bytes, view.bytes);
}

static int reset(void **state)
{
    (void)state;
    message.n_bytes = packed.n_bytes = 0;
    return 0;
}

/* Made with aws-kinesis-agg: key 7, key 8 with explicit hash key 0, key 7. */
#define VECTOR                                                                                     \
    "84mawgoBNwoBOBIBMBoQCAAaDHsidXNlcklkIjo3fRoSCAEQABoMeyJ1c2VySWQiOjh9GgUIABoBeDDcVAX4g5BiAUFK" \
    "4ekToUc="

static void decode_vector(void)
{
    packed.n_bytes = 0;
    assert_true(mf_base64_decode(&packed, VECTOR, strlen(VECTOR)));
    assert_int_equal(packed.n_bytes, 74);
}

/* [66] */
static void a_producers_aggregate_becomes_its_records(void **state)
{
    (void)state;
    decode_vector();
    assert_int_equal(read_copy(packed.bytes, packed.n_bytes), MF_STREAM_KPL_AGGREGATE);
    assert_int_equal(kpl.n_records, 3);
    static const char *const keys[] = {"7", "8", "7"};
    static const char *const data[] = {"{\"userId\":7}", "{\"userId\":8}", "x"};
    for (size_t i = 0; i < 3; i++) {
        assert_view(kpl.records[i].partition_key, keys[i]);
        assert_view(kpl.records[i].data, data[i]);
        assert_int_equal(kpl.records[i].has_explicit_hash_key, i == 1);
    }
    assert_view(kpl.records[1].explicit_hash_key, "0");
}

/* [67] */
static void each_flipped_bit_and_each_cut_is_no_aggregate(void **state)
{
    (void)state;
    decode_vector();
    for (size_t n = 0; n < packed.n_bytes; n++)
        assert_int_equal(read_copy(packed.bytes, n), MF_STREAM_KPL_NO_AGGREGATE);
    for (size_t bit = 0; bit < packed.n_bytes * 8; bit++) {
        packed.bytes[bit / 8] = (char)(packed.bytes[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(read_copy(packed.bytes, packed.n_bytes), MF_STREAM_KPL_NO_AGGREGATE);
        packed.bytes[bit / 8] = (char)(packed.bytes[bit / 8] ^ (1 << bit % 8));
    }
    assert_int_equal(read_copy(packed.bytes, packed.n_bytes), MF_STREAM_KPL_AGGREGATE);
}

/* [67] */
static void an_index_outside_its_table_makes_the_whole_malformed(void **state)
{
    (void)state;
    static const struct {
        uint64_t partition_key;
        int64_t hash_key;
        const char *reason;
    } cases[] = {
        {9, -1, "record 1 of the aggregate has partition key 9 of 2"},
        {2, -1, "record 1 of the aggregate has partition key 2 of 2"},
        {UINT64_MAX, -1, "partition key 18446744073709551615 of 2"},
        {0, 1, "record 1 of the aggregate has explicit hash key 1 of 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        message.n_bytes = 0;
        kpl_bytes(&message, 1, "a", 1);
        kpl_bytes(&message, 1, "b", 1);
        kpl_bytes(&message, 2, "0", 1);
        kpl_record(&message, 0, -1, "good", 4);
        kpl_record(&message, cases[i].partition_key, cases[i].hash_key, "bad", 3);
        assert_int_equal(read_sealed(), MF_STREAM_KPL_MALFORMED);
        assert_error(&why, MF_ERR_FORMAT, cases[i].reason);
    }
}

/* [68] */
static void unknown_fields_and_tags_are_passed_over_and_order_does_not_matter(void **state)
{
    (void)state;
    mf_text record = MF_TEXT_EMPTY;
    kpl_bytes(&record, 4, "\x0A\x01t", 3); /* a tag */
    kpl_bytes(&record, 3, "first", 5);     /* data that come twice: the last counts */
    kpl_number(&record, 77, 5);            /* unknown */
    mf_text_append(&record,
                   "\x79"
                   "12345678",
                   9); /* 15, 64 bits */
    mf_text_append(&record,
                   "\x7D"
                   "1234",
                   5); /* 15, 32 bits */
    kpl_bytes(&record, 3, "data", 4);
    kpl_bytes(&record, 1, "not a number", 12); /* another wire type: unknown too */
    kpl_number(&record, 1, 1);
    kpl_bytes(&message, 3, record.bytes, record.n_bytes); /* before its tables */
    kpl_bytes(&message, 9, "?", 1);
    kpl_number(&message, 1, 3);
    kpl_bytes(&message, 1, "a", 1);
    kpl_bytes(&message, 1, "b", 1);
    mf_text_free(&record);
    assert_int_equal(read_sealed(), MF_STREAM_KPL_AGGREGATE);
    assert_int_equal(kpl.n_records, 1);
    assert_view(kpl.records[0].partition_key, "b");
    assert_view(kpl.records[0].data, "data");
    assert_false(kpl.records[0].has_explicit_hash_key);
}

static void what_is_no_protobuf_is_no_aggregate(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } messages[] = {
        {"\x0B", 1},                                              /* a group */
        {"\x0E", 1},                                              /* wire type 6 */
        {"\x00\x00", 2},                                          /* field 0 */
        {"\x08", 1},                                              /* no value */
        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 12}, /* eleven bytes */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x01", 11},     /* a tag of 64 bits */
        {"\x0A\x02"
         "a",
         3}, /* longer than there is */
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"
         "a",
         12},                    /* by far */
        {"\x1A\x02\x08\x00", 4}, /* a record without data */
        {"\x1A\x03\x1A\x01"
         "x",
         5},                 /* without a key */
        {"\x1A\x01\x08", 3}, /* cut inside */
        {"\x09"
         "1234567",
         8}, /* 64 bits of 56 */
        {"\x0D"
         "123",
         4}, /* 32 bits of 24 */
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        message.n_bytes = 0;
        mf_text_append(&message, messages[i].bytes, messages[i].n);
        if (read_sealed() != MF_STREAM_KPL_NO_AGGREGATE)
            fail_msg("message %zu was taken", i);
    }
    static const char ten_bytes[] = "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01";
    message.n_bytes = 0;
    mf_text_append(&message, ten_bytes, sizeof ten_bytes - 1);
    assert_int_equal(read_sealed(), MF_STREAM_KPL_AGGREGATE);
    assert_int_equal(kpl.n_records, 0);
    message.n_bytes = 0;
    assert_int_equal(read_sealed(),
                     MF_STREAM_KPL_NO_AGGREGATE); /* nothing between magic and digest */
}

static void packed_and_unpacked_thousands_of_records_are_the_same(void **state)
{
    (void)state;
    enum { N = 3000 };
    static mf_stream_kpl_record records[N];
    static char texts[N][16];
    for (size_t i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i * 7919 % 10007);
        const mf_id text = {texts[i], strlen(texts[i])};
        records[i] = (mf_stream_kpl_record){text, text, i % 3 == 0, text};
    }
    kpl_write(&packed, records, N);
    assert_int_equal(read_copy(packed.bytes, packed.n_bytes), MF_STREAM_KPL_AGGREGATE);
    assert_int_equal(kpl.n_records, N);
    for (size_t i = 0; i < N; i++) {
        assert_view(kpl.records[i].partition_key, texts[i]);
        assert_view(kpl.records[i].data, texts[i]);
        assert_int_equal(kpl.records[i].has_explicit_hash_key, i % 3 == 0);
        assert_view(kpl.records[i].explicit_hash_key, i % 3 == 0 ? texts[i] : "");
    }
}

static void without_memory_an_aggregate_is_an_error_and_not_a_plain_record(void **state)
{
    (void)state;
    decode_vector();
    size_t n = 1;
    for (;; n++) {
        mf_stream_kpl fresh = {.n_records = 0};
        mf_error err = {.code = MF_OK};
        mf_memory_fail_nth(n);
        const mf_stream_kpl_kind kind =
            mf_stream_kpl_read(&fresh, packed.bytes, packed.n_bytes, &err);
        mf_memory_fail_nth(0);
        mf_stream_kpl_free(&fresh);
        if (kind == MF_STREAM_KPL_AGGREGATE)
            break;
        assert_int_equal(kind, MF_STREAM_KPL_MALFORMED);
        assert_int_equal(err.code, MF_ERR_MEMORY);
    }
    assert_true(n > 3);
}

static int end(void **state)
{
    (void)state;
    read_copy("", 0);
    mf_stream_kpl_free(&kpl);
    mf_text_free(&message);
    mf_text_free(&packed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_producers_aggregate_becomes_its_records, reset),
        cmocka_unit_test_setup(each_flipped_bit_and_each_cut_is_no_aggregate, reset),
        cmocka_unit_test_setup(an_index_outside_its_table_makes_the_whole_malformed, reset),
        cmocka_unit_test_setup(unknown_fields_and_tags_are_passed_over_and_order_does_not_matter,
                               reset),
        cmocka_unit_test_setup(what_is_no_protobuf_is_no_aggregate, reset),
        cmocka_unit_test_setup(packed_and_unpacked_thousands_of_records_are_the_same, reset),
        cmocka_unit_test_setup(without_memory_an_aggregate_is_an_error_and_not_a_plain_record,
                               reset),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
