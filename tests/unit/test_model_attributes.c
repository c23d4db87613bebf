/* test_model_attributes.c: titles, numbers and categories of items. What is written comes back and
 * is found; no file but a sound one is opened; each refusal says why. */
#include "model_sample.h"

#include <math.h>

static void assert_id(mf_id id, const char *text)
{
    assert_int_equal(id.n_bytes, strlen(text));
    assert_memory_equal(id.bytes, text, id.n_bytes);
}

static void attributes_come_back_as_they_were_written(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts_with_attributes();
    round_trip(&parts);
    parts.ranking = sample_parts_with_ranking().ranking;
    round_trip(&parts);
    parts.attributes.title = MF_INDEX_NONE;
    round_trip(&parts);
    /* Unrated items alone; and attributes of rated items alone. */
    static const uint64_t none[] = {0};
    mf_attributes attributes = parts.attributes;
    parts.attributes = (mf_attributes){.n_items = 6,
                                       .title = MF_INDEX_NONE,
                                       .unrated = attributes.unrated,
                                       .text_start = none,
                                       .value_start = none};
    round_trip(&parts);
    parts.attributes = (mf_attributes){.n = 1,
                                       .n_items = 4,
                                       .unrated = {0, none, NULL},
                                       .attribute = sample_attributes,
                                       .text_start = sample_text_start,
                                       .text_bytes = sample_text_bytes,
                                       .value_start = none};
    static const uint64_t four[] = {0, 3, 8, 8, 9};
    parts.attributes.text_start = four;
    round_trip(&parts);
}

static void values_are_found_by_name_and_item(void **state)
{
    (void)state;
    const mf_model_parts written = sample_parts_with_attributes();
    size_t n_bytes;
    unsigned char *copy, *bytes = sample_file(&written, &n_bytes);
    mf_error err = {0};
    mf_model *model = open_copy(bytes, n_bytes, &copy, &err);
    assert_ok(model != NULL, err);
    const mf_model_parts *parts = mf_model_get(model);
    const mf_attributes *a = &parts->attributes;

    assert_int_equal(mf_attribute_find(a, "title", 5), 0);
    assert_int_equal(mf_attribute_find(a, "genres", 6), 1);
    assert_int_equal(mf_attribute_find(a, "price", 5), 4);
    assert_int_equal(mf_attribute_find(a, "genre", 5), MF_INDEX_NONE);
    assert_int_equal(mf_attribute_find(a, "Title", 5), MF_INDEX_NONE);
    assert_int_equal(mf_attribute_find(a, "", 0), MF_INDEX_NONE);

    assert_id(mf_attribute_text(a, a->title, 1), "Am\xC3\xA9l");
    assert_id(mf_attribute_text(a, a->title, 2), "");
    assert_id(mf_attribute_text(a, a->title, 4), "Z");
    assert_id(mf_attribute_text(a, 3, 5), "cd");
    assert_id(mf_attribute_text(a, MF_INDEX_NONE, 1), "");

    const mf_numbers year = mf_attribute_numbers(a, 2), price = mf_attribute_numbers(a, 4);
    assert_int_equal(year.n_known, 4);
    assert_true(year.value[year.order[0]] == 1931 && year.value[year.order[3]] == 2001);
    assert_int_equal(price.n_known, 1);
    assert_true(price.order[0] == 5 && price.value[5] == -0.5 && isnan(price.value[0]));

    bool found;
    const mf_categories genres = mf_attribute_categories(a, 1);
    assert_int_equal(mf_category_find(&genres.names, "Drame", 5, &found), 1);
    assert_true(found);
    static const struct {
        const char *text;
        uint32_t place;
    } missing[] = {{"", 0}, {"A", 0}, {"Dram", 0}, {"Drama!", 1}, {"V", 2}, {"War ", 3}};
    for (size_t m = 0; m < sizeof missing / sizeof missing[0]; m++) {
        assert_int_equal(
            mf_category_find(&genres.names, missing[m].text, strlen(missing[m].text), &found),
            missing[m].place);
        assert_false(found);
    }
    assert_int_equal(genres.start[3], 3);
    assert_int_equal(genres.values[genres.start[3] + 1], 1);
    assert_int_equal(genres.items[genres.item_start[0] + 2], 5);

    assert_int_equal(mf_model_find_row(model, "2959", 4), 1);
    assert_int_equal(mf_model_find_row(model, "31", 2), 4);
    assert_int_equal(mf_model_find_row(model, "31st", 4), 5);
    assert_int_equal(mf_model_find_row(model, "31s", 3), MF_INDEX_NONE);
    assert_int_equal(mf_model_find_item(model, "31", 2), MF_INDEX_NONE);
    assert_id(mf_model_row_id(parts, 1), "2959");
    assert_id(mf_model_row_id(parts, 5), "31st");
    mf_model_close(model);
    free(copy);
    free(bytes);
}

static void a_model_without_a_catalogue_has_no_attributes(void **state)
{
    (void)state;
    const mf_model_parts written = sample_parts();
    size_t n_bytes;
    unsigned char *copy, *bytes = sample_file(&written, &n_bytes);
    mf_error err = {0};
    mf_model *model = open_copy(bytes, n_bytes, &copy, &err);
    assert_ok(model != NULL, err);
    assert_false(mf_attributes_exist(&mf_model_get(model)->attributes));
    assert_int_equal(mf_model_find_row(model, "2959", 4), 1);
    assert_int_equal(mf_model_find_row(model, "31", 2), MF_INDEX_NONE);
    mf_model_close(model);
    free(copy);
    free(bytes);
}

static void write_rejects_attributes_that_break_a_promise(void **state)
{
    (void)state;
    static const uint64_t taken_start[] = {0, 2, 6}, falling[] = {0, 5, 3, 13}, late[] = {1, 2, 6},
                          empty_value[] = {0, 5, 5, 13};
    static uint64_t long_text[13] = {0, 4097};
    static char many[5000];
    for (size_t k = 2; k < 13; k++)
        long_text[k] = long_text[k - 1];
    memset(many, 'x', sizeof many);
    static const double infinite[12] = {1, 2, INFINITY};
    static const uint32_t again[] = {3, 0, 0, 1, 2, 5, 5, 0, 1, 2, 3, 4},
                          unsorted[] = {0, 3, 4, 1, 2, 5, 5, 0, 1, 2, 3, 4},
                          nan_first[] = {3, 0, 4, 2, 1, 5, 5, 0, 1, 2, 3, 4},
                          beyond[] = {3, 0, 4, 1, 2, 6, 5, 0, 1, 2, 3, 4},
                          late_nan[] = {3, 0, 4, 1, 2, 5, 5, 1, 0, 2, 3, 4};
    static const uint32_t short_lists[] = {0, 2, 3, 3, 5, 5, 5}, falls[] = {0, 2, 3, 1, 5, 5, 6},
                          starts_late[] = {1, 2, 3, 3, 5, 5, 6};
    static const uint32_t twice[] = {0, 0, 1, 0, 1, 0}, large[] = {0, 3, 1, 0, 1, 0},
                          others[] = {0, 2, 2, 0, 1, 0};
    static const uint32_t items_fall[] = {3, 0, 5, 1, 3, 0}, items_beyond[] = {0, 3, 6, 1, 3, 0};
    mf_attribute kind[5], no_name[5], same_name[5], control[5], tail[5], values[5], links[5];
    mf_attribute *const lists[] = {kind, no_name, same_name, control, tail, values, links};
    for (size_t l = 0; l < sizeof lists / sizeof lists[0]; l++)
        memcpy(lists[l], sample_attributes, sizeof sample_attributes);
    kind[3].kind = 3;
    no_name[2].name[0] = '\0';
    memcpy(same_name[3].name, same_name[0].name, sizeof same_name[3].name);
    control[1].name[2] = '\n';
    tail[0].name[100] = 'x';
    values[2].n_values = 1;
    links[1].n_links = UINT64_C(1) << 32;
    const struct {
        mf_model_parts parts;
        const char *words;
    } cases[] = {
#define CASE(field, value, says)                                                                   \
    {.words = says, .parts = ({                                                                    \
                        mf_model_parts p = sample_parts_with_attributes();                         \
                        p.attributes.field = (value);                                              \
                        p;                                                                         \
                    })}
        CASE(n, 33, "it has 33 attributes, at most 32 are possible"),
        CASE(n_items, 5, "4 rated and 2 unrated items are not 5 rows"),
        CASE(unrated.n, UINT32_MAX - 2, "unrated items are not 6 rows"),
        CASE(attribute, NULL, "it has no optional.items_attributes"),
        CASE(title, 5, "the title is attribute 5, which is no text"),
        CASE(title, 1, "the title is attribute 1, which is no text"),
        CASE(attribute, kind, "attribute 3 has kind 3, it must be 0 to 2"),
        CASE(attribute, no_name, "the name of attribute 2 is no text"),
        CASE(attribute, control, "the name of attribute 1 is no text"),
        CASE(attribute, tail, "the name of attribute 0 is no text"),
        CASE(attribute, same_name, "two attributes are called title"),
        CASE(attribute, values, "attribute 2 has 1 values and 0 links"),
        CASE(attribute, links, "attribute 1 has 3 values and 4294967296 links"),
        CASE(unrated.start, NULL, "it has no optional.items_id_start"),
        CASE(text_bytes, NULL, "it has no optional.items_text_bytes"),
        CASE(numbers, NULL, "it has no optional.items_numbers"),
        CASE(number_order, NULL, "it has no optional.items_order"),
        CASE(value_start, NULL, "it has no optional.items_value_start"),
        CASE(value_bytes, NULL, "it has no optional.items_value_bytes"),
        CASE(item_start, NULL, "it has no optional.items_start"),
        CASE(item_values, NULL, "it has no optional.items_values"),
        CASE(category_start, NULL, "it has no optional.items_by_start"),
        CASE(category_items, NULL, "it has no optional.items_by_value"),
        CASE(unrated.start, late, "optional.items_id_start begins with 1"),
        CASE(unrated.bytes, "31\xFF\xFFst", "text 1 of optional.items_id_start is not UTF-8"),
        CASE(unrated.bytes, "4131st", "optional.items_id_bytes do not ascend at 1"),
        CASE(text_start, long_text, "must be 0 to 4096 long"),
        CASE(text_bytes, "Ran\nm\xC3\xA9lMZabcd", "text 1 of optional.items_text_start is not"),
        CASE(value_start, falling, "it must be 1 to 255 long"),
        CASE(value_start, empty_value, "of index 1 goes from 5 to 5, it must be 1 to 255 long"),
        CASE(value_bytes, "DrameDramaWar", "optional.items_value_bytes do not ascend at 1"),
        CASE(value_bytes, "DramaDramaWar", "optional.items_value_bytes do not ascend at 1"),
        CASE(numbers, infinite, "optional.items_numbers has a number that is not finite"),
        CASE(number_order, again, "optional.items_order does not ascend at 2"),
        CASE(number_order, unsorted, "optional.items_order does not ascend at 1"),
        CASE(number_order, nan_first, "optional.items_order does not ascend at 4"),
        CASE(number_order, beyond, "optional.items_order does not ascend at 5"),
        CASE(number_order, late_nan, "optional.items_order does not ascend at 2"),
        CASE(item_start, short_lists, "the starts of optional.items_values do not ascend"),
        CASE(item_start, falls, "the starts of optional.items_values do not ascend"),
        CASE(item_start, starts_late, "the starts of optional.items_values do not ascend"),
        CASE(item_values, twice, "optional.items_values of list 0 do not ascend below 3"),
        CASE(item_values, large, "optional.items_values of list 0 do not ascend below 3"),
        CASE(item_values, others, "differ at item 1 and value 1"),
        CASE(category_items, items_fall, "optional.items_by_value of list 0 do not ascend below 6"),
        CASE(category_items, items_beyond, "optional.items_by_value of list 0 do not ascend"),
#undef CASE
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        mf_model_parts parts = cases[c].parts;
        if (parts.attributes.text_start == long_text)
            parts.attributes.text_bytes = many;
        assert_false(mf_model_write("/nonexistent/model.bin", &parts, &err));
        assert_error(&err, MF_ERR_ARGUMENT, cases[c].words);
    }
    /* An item of the model among the unrated ones. */
    mf_error err = {0};
    char *folder = testing_folder(), *path = testing_path(folder, "model.bin");
    mf_model_parts parts = sample_parts_with_attributes();
    parts.attributes.unrated = (mf_id_list){2, taken_start, "31~~~~"};
    assert_false(mf_model_write(path, &parts, &err));
    assert_error(&err, MF_ERR_ARGUMENT, "item 3 of the model is an unrated item too");
    assert_false(mf_file_exists(path));
    free(path);
    testing_folder_remove(folder);
}

/* --- damage -------------------------------------------------------------- */

static unsigned char *file_of(size_t *n_bytes)
{
    const mf_model_parts parts = sample_parts_with_attributes();
    return sample_file(&parts, n_bytes);
}

static void open_rejects_every_prefix_and_every_bit_flipped(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = file_of(&n_bytes);
    assert_ok(opens_bytes(bytes, n_bytes, &err), err);
    for (size_t n = 0; n < n_bytes; n++)
        assert_false(opens_bytes(bytes, n, &err));
    for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (opens_bytes(bytes, n_bytes, &err))
            fail_msg("bit %zu of byte %zu is missed", bit % 8, bit / 8);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}

/* With its checksum made right after any byte of these sections changed, a file is refused with a
 * sentence, or all that it holds can be read. */
static void any_changed_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes, n_refused = 0, n_opened = 0;
    unsigned char *bytes = file_of(&n_bytes);
    const size_t first = (size_t)((unsigned char *)section_of(bytes, MF_MODEL_ITEMS) - bytes);
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    for (size_t at = first; at < header.table_offset; at++)
        for (unsigned value = 0; value < 256; value += 51) {
            unsigned char *copy;
            const unsigned char kept = bytes[at];
            bytes[at] = (unsigned char)(kept ^ (value == 0 ? 1 : value));
            mend_checksum(bytes, n_bytes);
            mf_model *model = open_copy(bytes, n_bytes, &copy, &err);
            n_refused += model == NULL;
            n_opened += model != NULL;
            if (model != NULL)
                assert_attributes_equal(&mf_model_get(model)->attributes,
                                        &mf_model_get(model)->attributes);
            mf_model_close(model);
            free(copy);
            bytes[at] = kept;
        }
    assert_true(n_refused > 1000 && n_opened > 100);
    free(bytes);
}

static void a_section_that_is_missing_or_of_another_size_is_refused_with_its_name(void **state)
{
    (void)state;
    static const int sizes[] = {WITHOUT, -64, -1, 1, 64};
    size_t n_bytes, n_changed;
    unsigned char *bytes = file_of(&n_bytes);
    for (size_t section = MF_MODEL_ITEMS; section < MF_MODEL_SECTIONS; section++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
            mf_error err = {0};
            unsigned char *changed =
                with_section_changed(bytes, n_bytes, section, sizes[s], &n_changed);
            assert_false(opens_bytes(changed, n_changed, &err));
            assert_error(&err, MF_ERR_FORMAT, mf_model_kind.names[section]);
            free(changed);
        }
    free(bytes);
}

static void expect(size_t section, size_t index, uint32_t value, const char *words)
{
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = file_of(&n_bytes);
    memcpy((char *)section_of(bytes, section) + index * sizeof value, &value, sizeof value);
    mend_checksum(bytes, n_bytes);
    assert_false(opens_bytes(bytes, n_bytes, &err));
    assert_error(&err, MF_ERR_FORMAT, words);
    free(bytes);
}

static void open_checks_what_write_cannot_get_wrong(void **state)
{
    (void)state;
    expect(MF_MODEL_ITEMS, 15, 1, "its section optional.items is empty or has bytes");
    expect(MF_MODEL_ITEMS, 0, 6, "damaged model: its section optional.items_attributes has");
    expect(MF_MODEL_ITEMS, 1, UINT32_MAX - 3, "4 rated and 4294967292 unrated items are not 0");
    expect(MF_MODEL_ITEMS_ID_TABLE, 0, 7, "the table of its unrated item ids:");
    /* The unrated id "31st" becomes that of item 3. */
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = file_of(&n_bytes);
    char *ids = section_of(bytes, MF_MODEL_ITEMS_ID_BYTES);
    memcpy(ids + 2, "~~~~", 4);
    const mf_id_list list = {2, sample_unrated_start, ids};
    assert_ok(mf_id_table_build(&list, section_of(bytes, MF_MODEL_ITEMS_ID_TABLE),
                                mf_id_table_slots(2), &err),
              err);
    mend_checksum(bytes, n_bytes);
    assert_false(opens_bytes(bytes, n_bytes, &err));
    assert_error(&err, MF_ERR_FORMAT, "unrated item 1 is an item of the model");
    free(bytes);
}

static void an_empty_catalogue_is_refused(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = file_of(&n_bytes);
    memset(section_of(bytes, MF_MODEL_ITEMS), 0, 8);
    mend_checksum(bytes, n_bytes);
    assert_false(opens_bytes(bytes, n_bytes, &err));
    assert_error(&err, MF_ERR_FORMAT, "its section optional.items is empty");
    free(bytes);
}

static void writing_and_opening_are_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_with_attributes();
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_model_write(path, &parts, &err);
        mf_memory_fail_nth(0);
        assert_true(done || err.code == MF_ERR_MEMORY);
        assert_true(n < 100);
    }
    free(path);
    testing_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_come_back_as_they_were_written),
        cmocka_unit_test(values_are_found_by_name_and_item),
        cmocka_unit_test(a_model_without_a_catalogue_has_no_attributes),
        cmocka_unit_test(write_rejects_attributes_that_break_a_promise),
        cmocka_unit_test(open_rejects_every_prefix_and_every_bit_flipped),
        cmocka_unit_test(any_changed_byte_is_refused_or_harmless),
        cmocka_unit_test(a_section_that_is_missing_or_of_another_size_is_refused_with_its_name),
        cmocka_unit_test(open_checks_what_write_cannot_get_wrong),
        cmocka_unit_test(an_empty_catalogue_is_refused),
        cmocka_unit_test(writing_and_opening_are_clean_when_any_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
