/* test_model_damage.c: promise (1) and (2) of model/model.h by brute force: no
 * file but a sound one is opened, and each refusal says why. */
#include "model_sample.h"

#include <sys/stat.h>

/* Opens a copy of exactly this size. */
static bool opens(const void *bytes, size_t n_bytes, mf_error *err)
{
    unsigned char *copy = aligned_copy(bytes, n_bytes);
    mf_error_clear(err);
    mf_model *model = mf_model_open_bytes(copy, n_bytes, "model.bin", err);
    const bool opened = model != NULL;
    mf_model_close(model);
    free(copy);
    if (!opened)
        assert_true(err->code == MF_ERR_FORMAT && strlen(err->text) > strlen("model.bin: "));
    return opened;
}

static unsigned char *valid_file(size_t *n_bytes)
{
    const mf_model_parts parts = sample_parts();
    return sample_file(&parts, n_bytes);
}

static void open_rejects_every_truncation_of_a_valid_file(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    assert_ok(opens(bytes, n_bytes, &err), err);
    for (size_t n = 0; n < n_bytes; n++) {
        assert_false(opens(bytes, n, &err));
        assert_error(&err, MF_ERR_FORMAT, n == 0 ? "an empty file, not a model" : "truncated");
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "truncated model: 1000 of %zu bytes are there", n_bytes);
    assert_false(opens(bytes, 1000, &err));
    assert_error(&err, MF_ERR_FORMAT, wanted);
    free(bytes);
}

static void open_rejects_every_single_bit_flipped(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (opens(bytes, n_bytes, &err))
            fail_msg("bit %zu of byte %zu is not missed", bit % 8, bit / 8);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_ok(opens(bytes, n_bytes, &err), err);
    bytes[200] ^= 1;
    assert_false(opens(bytes, n_bytes, &err));
    assert_error(&err, MF_ERR_FORMAT, "damaged model: its checksum is");
    free(bytes);
}

static void open_rejects_bytes_after_the_end(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    unsigned char *longer = calloc(1, n_bytes + 64);
    memcpy(longer, bytes, n_bytes);
    assert_false(opens(longer, n_bytes + 1, &err));
    assert_error(&err, MF_ERR_FORMAT, "damaged model: 1 bytes follow its end");
    assert_false(opens(longer, n_bytes + 64, &err));
    free(longer);
    free(bytes);
}

static void open_says_what_a_foreign_file_is(void **state)
{
    (void)state;
    mf_error err = {0};
    assert_false(opens("userId,movieId,rating\n1,2,3\n", 28, &err));
    assert_error(&err, MF_ERR_FORMAT,
                 "model.bin: not a model of this program: its first bytes are \"userId,m\"");
    assert_false(opens("\x1f\x8b\x08\0", 4, &err));
    assert_error(&err, MF_ERR_FORMAT, "a gzip archive, not a model: unpack it first");
    assert_false(opens("\x7f\x45LF", 4, &err));
    assert_error(&err, MF_ERR_FORMAT, "\"\\x7fELF\"");
    assert_false(opens("x", 1, &err));
    assert_error(&err, MF_ERR_FORMAT, "not a model");
}

static void open_says_when_a_file_is_from_a_newer_program(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    const uint32_t version = 3;
    memcpy(bytes + 8, &version, sizeof version);
    mend_checksum(bytes, n_bytes);
    assert_false(opens(bytes, n_bytes, &err));
    assert_error(&err, MF_ERR_FORMAT,
                 "a model of format version 3, this program reads up to version 2");
    free(bytes);
}

static void open_says_when_a_path_is_not_a_readable_file(void **state)
{
    (void)state;
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    assert_null(mf_model_open(folder, &err));
    assert_error(&err, MF_ERR_FORMAT, "a folder, not a model");
    mf_error_clear(&err);
    assert_null(mf_model_open(path, &err));
    assert_error(&err, MF_ERR_IO, "No such file");
    mf_error_clear(&err);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(mf_model_open(path, &err));
    assert_error(&err, MF_ERR_FORMAT, "a device or a pipe, not a model");
    unlink(path);
    mf_error_clear(&err);
    testing_write(path, "", 0);
    assert_null(mf_model_open(path, &err));
    assert_error(&err, MF_ERR_FORMAT, "an empty file, not a model");
    mf_error_clear(&err);
    char *below = testing_path(path, "model.bin");
    assert_null(mf_model_open(below, &err));
    assert_error(&err, MF_ERR_IO, "Not a directory");
    free(below);
    free(path);
    testing_folder_remove(folder);
}

static void open_says_when_a_file_may_not_be_read(void **state)
{
    (void)state;
    enum { OTHER_USER = 65534 };
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    testing_write(path, "MFMODEL", 8);
    assert_int_equal(chmod(folder, 0755) | chmod(path, 0), 0);
    /* Root may read everything, so be somebody else for a moment. */
    const uid_t user = geteuid();
    const bool restricted = user != 0 || seteuid(OTHER_USER) == 0;
    mf_model *model = mf_model_open(path, &err);
    if (user == 0 && restricted)
        assert_int_equal(seteuid(user), 0);
    free(path);
    testing_folder_remove(folder);
    mf_model_close(model);
    if (!restricted) {
        print_message("SKIPPED: root may read everything; run as another user\n");
        skip();
    }
    assert_null(model);
    assert_error(&err, MF_ERR_IO, "the model cannot be opened: Permission denied");
}

/* --- files whose checksum is right and whose content is not --------------- */

/* Overwrites n bytes at an offset of a section, mends the checksum and expects
 * to be refused with these words. */
static void expect(size_t section, size_t offset, const void *value, size_t n, const char *words)
{
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    memcpy((char *)section_of(bytes, section) + offset, value, n);
    mend_checksum(bytes, n_bytes);
    if (opens(bytes, n_bytes, &err))
        fail_msg("opened, expected \"%s\"", words);
    assert_error(&err, MF_ERR_FORMAT, words);
    free(bytes);
}

static void expect_u32(size_t section, size_t index, uint32_t value, const char *words)
{
    expect(section, index * sizeof value, &value, sizeof value, words);
}

static void expect_u64(size_t section, size_t index, uint64_t value, const char *words)
{
    expect(section, index * sizeof value, &value, sizeof value, words);
}

static void expect_float(size_t section, size_t index, float value, const char *words)
{
    expect(section, index * sizeof value, &value, sizeof value, words);
}

static void open_rejects_numbers_that_are_not_finite(void **state)
{
    (void)state;
    const float nan = __builtin_nanf(""), inf = __builtin_inff();
    expect_float(MF_MODEL_USER_BIAS, 2, nan, "user_bias of index 2 is not finite");
    expect_float(MF_MODEL_ITEM_BIAS, 0, -inf, "item_bias of index 0 is not finite");
    expect_float(MF_MODEL_USER_FACTORS, 17, nan, "factor 1 of row 1 of user_factors is not finite");
    expect_float(MF_MODEL_ITEM_FACTORS, 50, inf, "factor 2 of row 3 of item_factors is not finite");
}

static void open_rejects_padding_that_is_not_zero(void **state)
{
    (void)state;
    expect_float(MF_MODEL_USER_FACTORS, 3, 1, "the padding of row 0 of user_factors is not zero");
    expect_float(MF_MODEL_ITEM_FACTORS, 63, -0.0f, "the padding of row 3 of item_factors");
}

static void open_rejects_a_shape_that_makes_no_sense(void **state)
{
    (void)state;
    const float nan = __builtin_nanf("");
    expect_u32(MF_MODEL_SHAPE, 0, 0, "n_users is 0, it must be 1 to 4294967294");
    expect_u32(MF_MODEL_SHAPE, 1, UINT32_MAX, "n_items is 4294967295");
    expect_u32(MF_MODEL_SHAPE, 2, 0, "n_factors is 0, in a file of format version 1 it must be 1");
    expect_u32(MF_MODEL_SHAPE, 2, 65537, "n_factors is 65537, it must be 1 to 65536");
    expect_u32(MF_MODEL_SHAPE, 3, 1, "its shape has bytes that should be zero");
    expect_u32(MF_MODEL_SHAPE, 15, 1, "its shape has bytes that should be zero");
    expect_u32(MF_MODEL_SHAPE, 0, 2, "section user_bias has 12 bytes where 2 × 4 belong");
    expect_u32(MF_MODEL_SHAPE, 0, UINT32_MAX - 1, "section user_bias has 12 bytes");
    expect_u32(MF_MODEL_SHAPE, 2, 17, "section user_factors has 192 bytes where 3 × 128 belong");
    expect_u64(MF_MODEL_SHAPE, 2, 6, "section rated_items has 20 bytes");
    expect_u64(MF_MODEL_SHAPE, 2, UINT64_MAX, "section rated_items has 20 bytes");
    expect_float(MF_MODEL_SHAPE, 6, nan, "global_mean is not finite");
    expect_float(MF_MODEL_SHAPE, 7, 6, "rating_min 6 is above rating_max 5");
    expect_float(MF_MODEL_SHAPE, 8, nan, "the rating scale is not finite");
    expect_float(MF_MODEL_SHAPE, 9, -1, "regularization is not a finite number");
    expect_float(MF_MODEL_SHAPE, 10, nan, "bias_regularization is not a finite number");
}

static void open_rejects_lists_that_do_not_ascend(void **state)
{
    (void)state;
    expect_u64(MF_MODEL_RATED_START, 0, 1, "rated_start begins with 1");
    expect_u64(MF_MODEL_RATED_START, 1, 6, "rated_start of index 0 goes from 0 to 6");
    expect_u64(MF_MODEL_RATED_START, 2, 2, "rated_start of index 1 goes from 3 to 2");
    expect_u64(MF_MODEL_RATED_START, 3, 4, "rated_start ends with 4, n_rated is 5");
    expect_u64(MF_MODEL_RATED_START, 3, UINT64_MAX, "rated_start of index 2");
    expect_u32(MF_MODEL_RATED_ITEMS, 1, 0, "rated_items of a user before user 3 do not ascend");
    expect_u32(MF_MODEL_RATED_ITEMS, 0, 2, "do not ascend");
    expect_u32(MF_MODEL_RATED_ITEMS, 4, 1, "do not ascend");
    expect_u32(MF_MODEL_RATED_ITEMS, 4, 4, "an item that is not below n_items 4");
    expect_u32(MF_MODEL_ITEM_COUNT, 2, 2, "item_count adds up to 6, n_rated is 5");
}

static void open_rejects_ids_that_are_none(void **state)
{
    (void)state;
    expect_u64(MF_MODEL_USER_ID_START, 0, 1, "user_id_start begins with 1");
    expect_u64(MF_MODEL_USER_ID_START, 1, 0, "user_id_start of index 0 goes from 0 to 0");
    expect_u64(MF_MODEL_USER_ID_START, 2, 0, "user_id_start of index 1 goes from 1 to 0");
    expect_u64(MF_MODEL_USER_ID_START, 2, 1u << 20, "user_id_start of index 1");
    expect_u64(MF_MODEL_USER_ID_START, 3, 8, "section user_id_bytes has 9 bytes");
    expect_u64(MF_MODEL_ITEM_ID_START, 4, UINT64_MAX, "section item_id_bytes has 16 bytes");
    expect(MF_MODEL_USER_ID_BYTES, 1, "\n", 1, "the id \"\\x0a07\" in user_id_bytes");
    expect(MF_MODEL_USER_ID_BYTES, 6, "x", 1, "in user_id_bytes is not UTF-8");
    expect(MF_MODEL_ITEM_ID_BYTES, 15, "\xC3", 1, "in item_id_bytes is not UTF-8");
    /* A character cut by the border between two ids. */
    expect(MF_MODEL_ITEM_ID_BYTES, 3, "\xC3\xA9", 2, "in item_id_bytes is not UTF-8");
}

static void open_rejects_tables_that_do_not_fit_their_ids(void **state)
{
    (void)state;
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    const uint32_t *slots = section_of(bytes, MF_MODEL_ITEM_ID_TABLE);
    const size_t n_slots = (size_t)mf_id_table_slots(4);
    for (size_t slot = 0; slot < n_slots; slot++)
        for (uint32_t index = 0; index < 6; index++) {
            const uint32_t value = index < 5 ? index : MF_INDEX_NONE;
            if (value != slots[slot])
                expect_u32(MF_MODEL_ITEM_ID_TABLE, slot, value, "the table of its item ids: ");
        }
    free(bytes);
    expect(MF_MODEL_ITEM_ID_BYTES, 4, "1042", 4, "the table of its item ids: ");
    expect(MF_MODEL_USER_ID_BYTES, 0, "9", 1, "the table of its user ids: ");
}

static void open_rejects_metadata_that_is_not_text(void **state)
{
    (void)state;
    expect(MF_MODEL_METADATA, 5, "\0", 1, "byte 5 of its metadata is not text");
    expect(MF_MODEL_METADATA, 0, "\xFF", 1, "byte 0 of its metadata is not text");
}

/* Changes bytes at a place of the file and mends the checksum. */
static void expect_at(size_t offset, const void *value, size_t n, const char *words)
{
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    memcpy(bytes + offset, value, n);
    mend_checksum(bytes, n_bytes);
    if (opens(bytes, n_bytes, &err))
        fail_msg("opened, expected \"%s\"", words);
    assert_error(&err, MF_ERR_FORMAT, words);
    free(bytes);
}

static void open_rejects_a_section_table_that_does_not_fit_the_file(void **state)
{
    (void)state;
    size_t n_bytes;
    unsigned char *bytes = valid_file(&n_bytes);
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    const size_t table = (size_t)header.table_offset;
    const uint64_t huge = UINT64_MAX - 63, more = 128;
    expect_at(8, "\0", 1, "its header is of version 0");
    expect_at(12, "\x80", 1, "its header is of version 1 and has 128 bytes");
    expect_at(24, "\0", 1, "its section table is not at its end");
    expect_at(24, &huge, 8, "its section table is not at its end");
    expect_at(32, "\x02", 1, "its section table is not at its end");
    expect_at(32, "\xFF\xFF\xFF\xFF", 4, "its header counts 4294967295 sections");
    expect_at(36, "\x01", 1, "its header has bytes that should be zero");
    expect_at(table, "Z", 1, "the name of its section 1 is not a name");
    expect_at(table, "", 1, "the name of its section 1 is not a name");
    expect_at(table + 31, "a", 1, "the name of its section 1 is not a name");
    expect_at(table + 64, "shape\0\0\0\0", 9, "it has two sections shape");
    expect_at(table, "metadata", 8, "out of order");
    expect_at(table, "shapf", 5, "\"shapf\" is not one that this program knows");
    expect_at(table, "optional.shape", 14, "it has no section shape");
    expect_at(table + 32, &more, 8, "its section shape is not where it should be");
    expect_at(table + 40, &huge, 8, "its section shape is not where it should be");
    expect_at(table + 63, "\x01", 1, "its section shape is not where it should be");
    /* Padding: after the user biases (12 bytes at 128), before the table. */
    expect_at(128 + 12, "\x01", 1, "the bytes before its section item_bias are not zero");
    expect_at(table - 1, "\x01", 1, "the bytes before its section table are not zero");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_rejects_every_truncation_of_a_valid_file),
        cmocka_unit_test(open_rejects_every_single_bit_flipped),
        cmocka_unit_test(open_rejects_bytes_after_the_end),
        cmocka_unit_test(open_says_what_a_foreign_file_is),
        cmocka_unit_test(open_says_when_a_file_is_from_a_newer_program),
        cmocka_unit_test(open_says_when_a_path_is_not_a_readable_file),
        cmocka_unit_test(open_says_when_a_file_may_not_be_read),
        cmocka_unit_test(open_rejects_numbers_that_are_not_finite),
        cmocka_unit_test(open_rejects_padding_that_is_not_zero),
        cmocka_unit_test(open_rejects_a_shape_that_makes_no_sense),
        cmocka_unit_test(open_rejects_lists_that_do_not_ascend),
        cmocka_unit_test(open_rejects_ids_that_are_none),
        cmocka_unit_test(open_rejects_tables_that_do_not_fit_their_ids),
        cmocka_unit_test(open_rejects_metadata_that_is_not_text),
        cmocka_unit_test(open_rejects_a_section_table_that_does_not_fit_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
