/* test_id_list.c: the promises of base/id_list.h. */
#include "testing.h"

#include "base/id_list.h"
#include "base/memory.h"

/* n ids "0", "1", …, with every seventh written "é7". The caller's to free. */
typedef struct numbered {
    mf_id_list list;
    uint64_t *start;
    char *bytes;
    uint32_t *slots;
    uint64_t n_slots;
} numbered;

static numbered numbered_create(uint32_t n)
{
    numbered ids = {.n_slots = mf_id_table_slots(n)};
    ids.start = calloc((size_t)n + 1, sizeof *ids.start);
    ids.bytes = malloc((size_t)n * 16 + 1);
    ids.slots = malloc((size_t)ids.n_slots * sizeof *ids.slots);
    assert_true(ids.start != NULL && ids.bytes != NULL && ids.slots != NULL);
    for (uint32_t i = 0; i < n; i++)
        ids.start[i + 1] =
            ids.start[i] + (uint64_t)snprintf(ids.bytes + ids.start[i], 16,
                                              i % 7 == 3 ? "é%u" : "%u", (unsigned)i);
    ids.list = (mf_id_list){n, ids.start, ids.bytes};
    return ids;
}

static void numbered_destroy(numbered *ids)
{
    free(ids->start);
    free(ids->bytes);
    free(ids->slots);
}

static void each_id_is_found_at_its_index_and_others_are_not(void **state)
{
    (void)state;
    const uint32_t counts[] = {0, 1, 2, 3, 64, 1000, 100000};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        mf_error err = {0};
        numbered ids = numbered_create(counts[c]);
        assert_ok(mf_id_table_build(&ids.list, ids.slots, ids.n_slots, &err), err);
        assert_ok(mf_id_table_check(&ids.list, ids.slots, ids.n_slots, &err), err);
        for (uint32_t i = 0; i < counts[c]; i++) {
            const mf_id id = mf_id_list_get(&ids.list, i);
            assert_int_equal(
                mf_id_table_find(&ids.list, ids.slots, ids.n_slots, id.bytes, id.n_bytes), i);
        }
        const char *const unknown[] = {"", "-1", "00", "é", "1000000", "x"};
        for (size_t s = 0; s < sizeof unknown / sizeof unknown[0]; s++)
            assert_int_equal(
                mf_id_table_find(&ids.list, ids.slots, ids.n_slots, unknown[s], strlen(unknown[s])),
                MF_INDEX_NONE);
        numbered_destroy(&ids);
    }
}

static void ids_that_look_alike_are_different_ids(void **state)
{
    (void)state;
    mf_error err = {0};
    const uint64_t start[] = {0, 4, 6, 9};
    const mf_id_list list = {3, start, "00424242 "};
    uint32_t slots[8];
    assert_int_equal(mf_id_table_slots(3), 8);
    assert_ok(mf_id_table_build(&list, slots, 8, &err), err);
    assert_int_equal(mf_id_table_find(&list, slots, 8, "0042", 4), 0);
    assert_int_equal(mf_id_table_find(&list, slots, 8, "42", 2), 1);
    assert_int_equal(mf_id_table_find(&list, slots, 8, "42 ", 3), 2);
    assert_int_equal(mf_id_table_find(&list, slots, 8, "4", 1), MF_INDEX_NONE);
}

static void a_text_of_hexadecimal_digits_is_no_number(void **state)
{
    (void)state;
    static const char *const numbers[][2] = {
        {"2", "2"}, {"2.0", "2"}, {"-7", "-7"}, {"1e+05", "100000"}, {"2.5E1", "25"}};
    static const char *const others[] = {"1e5", "1E5", "20e1", "0e0", "", "e", "2.5", "x"};
    char integer[MF_INTEGER_ID_BYTES];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const char *text = numbers[i][0];
        const size_t n = mf_id_write_integer_of_text(text, strlen(text), integer);
        assert_int_equal(n, strlen(numbers[i][1]));
        assert_memory_equal(integer, numbers[i][1], n);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(mf_id_write_integer_of_text(others[i], strlen(others[i]), integer), 0);
}

static void a_whole_number_has_one_id_however_it_is_written(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"2", "2"},
        {"2.0", "2"},
        {"2.000000000000000000e+00", "2"},
        {"2e0", "2"},
        {"2E+2", "200"},
        {"20e-1", "2"},
        {"0.25e2", "25"},
        {"2.959e3", "2959"},
        {"-7.0", "-7"},
        {"-0.0", "0"},
        {"0e99", "0"},
        {"9007199254740993.0", "9007199254740993"},
        {"1e18", "1000000000000000000"},
        {"-9223372036854775808.0", "-9223372036854775808"},
    };
    static const char *const others[] = {
        "",       "-",      "x",     "2.5", "2.",   ".0",   "+2",
        "007",    "00.0",   "2e",    "2e+", "2.0 ", " 2.0", "2e-1",
        "1e-999", "1e9999", "2.0.0", "0x2", "2.0f", "1e19", "12345678901234567890",
        "nan"};
    char integer[MF_INTEGER_ID_BYTES];
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const size_t n = mf_id_write_integer(same[i][0], strlen(same[i][0]), integer);
        assert_int_equal(n, strlen(same[i][1]));
        assert_memory_equal(integer, same[i][1], n);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(mf_id_write_integer(others[i], strlen(others[i]), integer), 0);
    char zeros[MF_ID_BYTES_MAX + 1];
    memset(zeros, '0', sizeof zeros);
    memcpy(zeros, "3.", 2);
    assert_int_equal(mf_id_write_integer(zeros, MF_ID_BYTES_MAX, integer), 1);
    assert_int_equal(mf_id_write_integer(zeros, MF_ID_BYTES_MAX + 1, integer), 0);
}

static void a_table_has_a_power_of_two_of_slots_at_least_twice_the_ids(void **state)
{
    (void)state;
    assert_int_equal(mf_id_table_slots(0), 2);
    assert_int_equal(mf_id_table_slots(1), 2);
    assert_int_equal(mf_id_table_slots(2), 4);
    assert_int_equal(mf_id_table_slots(5), 16);
    assert_true(mf_id_table_slots(UINT32_MAX) == UINT64_C(1) << 33);
    for (uint32_t n = 1; n < 3000; n++) {
        const uint64_t n_slots = mf_id_table_slots(n);
        assert_true(n_slots >= 2 * (uint64_t)n && (n_slots & (n_slots - 1)) == 0);
        assert_true(n_slots < 4 * (uint64_t)n);
    }
}

static void build_names_an_id_that_occurs_twice(void **state)
{
    (void)state;
    mf_error err = {0};
    const uint64_t start[] = {0, 2, 4, 6};
    const mf_id_list list = {3, start, "abcdab"};
    uint32_t slots[8];
    assert_false(mf_id_table_build(&list, slots, 8, &err));
    assert_error(&err, MF_ERR_FORMAT, "\"ab\" occurs twice, at index 0 and at index 2");
}

static void the_hash_never_changes(void **state)
{
    (void)state;
    /* XXH3, seed 0: part of the file format. */
    assert_true(mf_id_hash("", 0) == UINT64_C(0x2D06800538D394C2));
    assert_true(mf_id_hash("a", 1) == UINT64_C(0xE6C632B61E964E1F));
    assert_true(mf_id_hash("abc", 3) == UINT64_C(0x78AF5F94892F3950));
}

static void find_ends_and_stays_inside_for_any_slots(void **state)
{
    (void)state;
    numbered ids = numbered_create(100);
    const uint32_t fillings[] = {0, 5, 99, 100, 12345, MF_INDEX_NONE};
    for (size_t f = 0; f < sizeof fillings / sizeof fillings[0]; f++) {
        for (uint64_t slot = 0; slot < ids.n_slots; slot++)
            ids.slots[slot] = fillings[f];
        assert_int_equal(mf_id_table_find(&ids.list, ids.slots, ids.n_slots, "unknown!", 8),
                         MF_INDEX_NONE);
        const uint32_t index = mf_id_table_find(&ids.list, ids.slots, ids.n_slots, "5", 1);
        assert_int_equal(index, fillings[f] == 5 ? 5 : MF_INDEX_NONE);
    }
    numbered_destroy(&ids);
}

static void check_refuses_every_table_with_one_slot_changed(void **state)
{
    (void)state;
    numbered ids = numbered_create(40);
    mf_error err = {0};
    assert_ok(mf_id_table_build(&ids.list, ids.slots, ids.n_slots, &err), err);
    for (uint64_t slot = 0; slot < ids.n_slots; slot++) {
        const uint32_t kept = ids.slots[slot];
        for (uint32_t other = 0; other < 42; other++) {
            const uint32_t changed = other < 41 ? other : MF_INDEX_NONE;
            if (changed == kept)
                continue;
            ids.slots[slot] = changed;
            mf_error_clear(&err);
            assert_false(mf_id_table_check(&ids.list, ids.slots, ids.n_slots, &err));
            assert_error(&err, MF_ERR_FORMAT, "");
        }
        ids.slots[slot] = kept;
    }
    assert_false(mf_id_table_check(&ids.list, ids.slots, ids.n_slots / 2, &err));
    numbered_destroy(&ids);
}

static void check_refuses_every_table_with_two_slots_swapped(void **state)
{
    (void)state;
    numbered ids = numbered_create(24);
    mf_error err = {0};
    assert_ok(mf_id_table_build(&ids.list, ids.slots, ids.n_slots, &err), err);
    for (uint64_t a = 0; a < ids.n_slots; a++)
        for (uint64_t b = a + 1; b < ids.n_slots; b++) {
            const uint32_t at_a = ids.slots[a], at_b = ids.slots[b];
            if (at_a == at_b)
                continue;
            ids.slots[a] = at_b;
            ids.slots[b] = at_a;
            assert_false(mf_id_table_check(&ids.list, ids.slots, ids.n_slots, &err));
            ids.slots[a] = at_a;
            ids.slots[b] = at_b;
        }
    numbered_destroy(&ids);
}

static void check_refuses_ids_that_became_equal(void **state)
{
    (void)state;
    mf_error err = {0};
    uint64_t start[] = {0, 1, 2, 3};
    char bytes[] = "abc";
    const mf_id_list list = {3, start, bytes};
    uint32_t slots[8];
    assert_ok(mf_id_table_build(&list, slots, 8, &err), err);
    bytes[2] = 'a';
    /* Put the third where a build that let it in would have put it. */
    uint64_t slot = mf_id_hash("a", 1) & 7;
    for (uint64_t s = 0; s < 8; s++)
        if (slots[s] == 2)
            slots[s] = MF_INDEX_NONE;
    while (slots[slot] != MF_INDEX_NONE)
        slot = (slot + 1) & 7;
    slots[slot] = 2;
    assert_false(mf_id_table_check(&list, slots, 8, &err));
    assert_error(&err, MF_ERR_FORMAT, "\"a\" occurs twice");
}

static void an_id_is_1_to_255_bytes_of_utf8_without_control_characters(void **state)
{
    (void)state;
    char longest[256];
    memset(longest, 'x', sizeof longest);
    assert_true(mf_id_valid(longest, 255));
    assert_false(mf_id_valid(longest, 256));
    assert_false(mf_id_valid("", 0));
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {{"42", true},
                 {" ", true},
                 {"c0ffee-1", true},
                 {"a@b.example", true},
                 {"\xC3\xA9", true},
                 {"\xE2\x82\xAC", true},
                 {"\xF0\x9F\x8E\xAC", true},
                 {"a\tb", false},
                 {"a\nb", false},
                 {"\x7F", false},
                 {"\xC2\x80", false},         /* a control character of two bytes */
                 {"\xC3", false},             /* cut */
                 {"\xC0\xAF", false},         /* overlong */
                 {"\xED\xA0\x80", false},     /* a surrogate */
                 {"\xF4\x90\x80\x80", false}, /* beyond U+10FFFF */
                 {"\xFF", false}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        assert_int_equal(mf_id_valid(cases[c].bytes, strlen(cases[c].bytes)), cases[c].valid);
    assert_false(mf_id_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_id_is_found_at_its_index_and_others_are_not),
        cmocka_unit_test(ids_that_look_alike_are_different_ids),
        cmocka_unit_test(a_text_of_hexadecimal_digits_is_no_number),
        cmocka_unit_test(a_whole_number_has_one_id_however_it_is_written),
        cmocka_unit_test(a_table_has_a_power_of_two_of_slots_at_least_twice_the_ids),
        cmocka_unit_test(build_names_an_id_that_occurs_twice),
        cmocka_unit_test(the_hash_never_changes),
        cmocka_unit_test(find_ends_and_stays_inside_for_any_slots),
        cmocka_unit_test(check_refuses_every_table_with_one_slot_changed),
        cmocka_unit_test(check_refuses_every_table_with_two_slots_swapped),
        cmocka_unit_test(check_refuses_ids_that_became_equal),
        cmocka_unit_test(an_id_is_1_to_255_bytes_of_utf8_without_control_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
