/* test_model_versions.c: the rule of model/format.h about versions, both ways: what this program
 * makes of stored files, and what an older program makes of new ones.
 *
 * tests/unit/data/model_version_1.bin was written by the program before there were ranking models;
 * the others are the samples of model_sample.h as this format was introduced. */
#include "model_sample.h"

/* The sections that the program before ranking models knew. */
static const char *const old_names[] = {
    "shape",         "user_bias",     "item_bias",     "user_factors",  "item_factors",
    "user_id_start", "user_id_bytes", "user_id_table", "item_id_start", "item_id_bytes",
    "item_id_table", "rated_start",   "rated_items",   "item_count",    "metadata"};
enum { OLD_NAMES = sizeof old_names / sizeof old_names[0] };
static const mf_section_kind old_kind = {"MFMODEL", 1, "model", old_names, OLD_NAMES};

static unsigned char *stored_file(const char *name, size_t *n_bytes)
{
    mf_error err = {0};
    char *bytes = NULL;
    char *folder = testing_path(getenv("MF_SOURCE_DIR") != NULL ? getenv("MF_SOURCE_DIR") : ".",
                                "tests/unit/data");
    char *path = testing_path(folder, name);
    assert_ok(mf_file_read(path, 1 << 20, &bytes, n_bytes, &err), err);
    unsigned char *copy = aligned_copy(bytes, *n_bytes);
    mf_free(bytes);
    free(path);
    free(folder);
    return copy;
}

static mf_model *open_sound(const unsigned char *bytes, size_t n_bytes)
{
    mf_error err = {0};
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "model.bin", &err);
    assert_ok(model != NULL, err);
    return model;
}

static void expect_refused(const unsigned char *bytes, size_t n_bytes, const char *words)
{
    mf_error err = {0};
    assert_null(mf_model_open_bytes(bytes, n_bytes, "model.bin", &err));
    assert_error(&err, MF_ERR_FORMAT, words);
}

static void set_version(unsigned char *bytes, size_t n_bytes, uint32_t version)
{
    memcpy(bytes + offsetof(mf_section_header, version), &version, sizeof version);
    mend_checksum(bytes, n_bytes);
}

static void expect_version(const mf_model *model, uint32_t version)
{
    assert_int_equal(mf_section_file_header(mf_model_file(model))->version, version);
}

/* --- older files --------------------------------------------------------- */

static void a_file_of_the_program_before_has_no_ranking_model_and_predicts_as_before(void **state)
{
    (void)state;
    size_t n_bytes, n_again;
    unsigned char *bytes = stored_file("model_version_1.bin", &n_bytes);
    mf_model *model = open_sound(bytes, n_bytes);
    const mf_model_parts *parts = mf_model_get(model);
    expect_version(model, 1);
    assert_int_equal(parts->ranking.n_factors, 0);
    assert_null(parts->ranking.item_vectors);
    assert_int_equal(parts->n_users, 3);
    assert_int_equal(parts->n_items, 4);
    assert_int_equal(parts->n_factors, 3);
    assert_int_equal(parts->n_rated, 8);
    assert_true(parts->rating_min == 1 && parts->rating_max == 5 && parts->global_mean == 3.375f);
    const uint32_t user = mf_model_find_user(model, "3", 1);
    const uint32_t item = mf_model_find_item(model, "40", 2);
    assert_int_equal(user, 2);
    assert_int_equal(item, 3);
    const float rating = mf_model_predict(model, user, item);
    assert_true(rating > 1 && rating < 5);
    /* What this program writes of it is what that program wrote. */
    unsigned char *again = sample_file(parts, &n_again);
    assert_int_equal(n_again, n_bytes);
    assert_memory_equal(again, bytes, n_bytes);
    free(again);
    mf_model_close(model);
    free(bytes);
}

static void the_stored_files_are_what_is_written_today(void **state)
{
    (void)state;
    mf_model_parts with_catalogue = sample_parts_with_ranking();
    with_catalogue.attributes = sample_parts_with_attributes().attributes;
    const struct {
        const char *name;
        mf_model_parts parts;
        uint32_t version;
    } stored[] = {
        {"model_version_1_ranking.bin", sample_parts_with_ranking(), 1},
        {"model_version_2.bin", sample_parts_without_ratings(), 2},
        {"model_version_1_catalogue.bin", with_catalogue, 1},
    };
    for (size_t s = 0; s < sizeof stored / sizeof stored[0]; s++) {
        size_t n_stored, n_written;
        unsigned char *written = sample_file(&stored[s].parts, &n_written);
        unsigned char *bytes = stored_file(stored[s].name, &n_stored);
        assert_int_equal(n_stored, n_written);
        assert_memory_equal(bytes, written, n_stored);
        mf_model *model = open_sound(bytes, n_stored);
        expect_version(model, stored[s].version);
        assert_parts_equal(&stored[s].parts, mf_model_get(model));
        mf_model_close(model);
        free(bytes);
        free(written);
    }
}

/* --- older programs ------------------------------------------------------ */

static void expect_rating_model_alone(const char *name)
{
    mf_error err = {0};
    size_t n_both, n_alone;
    const mf_model_parts alone = sample_parts();
    unsigned char *both = stored_file(name, &n_both);
    unsigned char *rating = sample_file(&alone, &n_alone);
    mf_section_file *file =
        mf_section_file_open_bytes(both, n_both, "model.bin", &old_kind, NULL, &err);
    assert_ok(file != NULL, err);
    mf_section_file *wanted =
        mf_section_file_open_bytes(rating, n_alone, "model.bin", &old_kind, NULL, &err);
    assert_ok(wanted != NULL, err);
    assert_int_equal(mf_section_file_header(file)->version, 1);
    for (size_t section = 0; section < OLD_NAMES; section++) {
        size_t n_found = 0, n_wanted = 0;
        const void *found = mf_section_file_get(file, section, &n_found);
        const void *same = mf_section_file_get(wanted, section, &n_wanted);
        assert_non_null(found);
        assert_int_equal(n_found, n_wanted);
        assert_memory_equal(found, same, n_wanted);
    }
    mf_section_file_close(file);
    mf_section_file_close(wanted);
    free(both);
    free(rating);
}

static void an_older_program_sees_the_rating_model_alone_in_a_file_with_more(void **state)
{
    (void)state;
    expect_rating_model_alone("model_version_1_ranking.bin");
    expect_rating_model_alone("model_version_1_catalogue.bin");
}

static void an_older_program_refuses_a_file_without_a_rating_model(void **state)
{
    (void)state;
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = stored_file("model_version_2.bin", &n_bytes);
    assert_null(mf_section_file_open_bytes(bytes, n_bytes, "model.bin", &old_kind, NULL, &err));
    assert_error(&err, MF_ERR_FORMAT,
                 "model.bin: a model of format version 2, this program reads up to version 1: it "
                 "was written by a newer release");
    free(bytes);
}

/* --- files that no program writes ---------------------------------------- */

static void a_version_that_does_not_fit_the_content_is_refused(void **state)
{
    (void)state;
    size_t n_bytes;
    unsigned char *bytes = stored_file("model_version_2.bin", &n_bytes);
    set_version(bytes, n_bytes, 1);
    expect_refused(bytes, n_bytes, "n_factors is 0, in a file of format version 1 it must be 1 to");
    set_version(bytes, n_bytes, 3);
    expect_refused(bytes, n_bytes,
                   "a model of format version 3, this program reads up to version 2");
    free(bytes);
    bytes = stored_file("model_version_1_ranking.bin", &n_bytes);
    set_version(bytes, n_bytes, 2);
    expect_refused(bytes, n_bytes, "n_factors is 3, in a file of format version 2 it must be 0");
    /* n_factors of the shape as version 2 has it, but the sections of version 1. */
    memset((char *)section_of(bytes, MF_MODEL_SHAPE) + 8, 0, 4);
    mend_checksum(bytes, n_bytes);
    expect_refused(bytes, n_bytes, "a file of format version 2 has a section user_bias");
    free(bytes);
}

static void a_rule_of_another_release_is_no_ranking_model(void **state)
{
    (void)state;
    const uint32_t rule = 2;
    const float nan = __builtin_nanf("");
    size_t n_bytes, n_again, n_alone;
    unsigned char *bytes = stored_file("model_version_1_ranking.bin", &n_bytes);
    memcpy((char *)section_of(bytes, MF_MODEL_RANKING) + 32, &rule, sizeof rule);
    /* What its numbers mean is not known, so they are not looked at. */
    memcpy((char *)section_of(bytes, MF_MODEL_RANKING) + 8, &nan, sizeof nan);
    memcpy(section_of(bytes, MF_MODEL_RANKING_ITEMS), &nan, sizeof nan);
    memset(section_of(bytes, MF_MODEL_RANKING_TIMES), 0xFF, 4);
    mend_checksum(bytes, n_bytes);
    mf_model *model = open_sound(bytes, n_bytes);
    assert_int_equal(mf_model_get(model)->ranking.n_factors, 0);
    const mf_model_parts alone = sample_parts();
    unsigned char *again = sample_file(mf_model_get(model), &n_again);
    unsigned char *wanted = sample_file(&alone, &n_alone);
    assert_int_equal(n_again, n_alone);
    assert_memory_equal(again, wanted, n_alone);
    mf_model_close(model);
    free(again);
    free(wanted);
    free(bytes);
    bytes = stored_file("model_version_2.bin", &n_bytes);
    memcpy((char *)section_of(bytes, MF_MODEL_RANKING) + 32, &rule, sizeof rule);
    mend_checksum(bytes, n_bytes);
    expect_refused(bytes, n_bytes,
                   "a ranking model of rule 2 and nothing else, this program knows rule 1");
    free(bytes);
}

static void a_report_sees_version_size_and_every_section(void **state)
{
    (void)state;
    size_t n_bytes;
    unsigned char *bytes = stored_file("model_version_2.bin", &n_bytes);
    mf_model *model = open_sound(bytes, n_bytes);
    assert_int_equal(mf_section_file_header(mf_model_file(model))->file_bytes, n_bytes);
    const char *name;
    uint64_t n;
    size_t row = 0;
    for (size_t section = 0; section < MF_MODEL_SECTIONS; section++) {
        if (!mf_model_has_section(mf_model_get(model), section))
            continue;
        assert_true(mf_section_file_row(mf_model_file(model), row++, &name, &n));
        assert_string_equal(name, mf_model_kind.names[section]);
    }
    assert_int_equal(n, 5 * sizeof(uint32_t)); /* ranking_times */
    assert_false(mf_section_file_row(mf_model_file(model), row, &name, &n));
    mf_model_close(model);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_of_the_program_before_has_no_ranking_model_and_predicts_as_before),
        cmocka_unit_test(the_stored_files_are_what_is_written_today),
        cmocka_unit_test(an_older_program_sees_the_rating_model_alone_in_a_file_with_more),
        cmocka_unit_test(an_older_program_refuses_a_file_without_a_rating_model),
        cmocka_unit_test(a_version_that_does_not_fit_the_content_is_refused),
        cmocka_unit_test(a_rule_of_another_release_is_no_ranking_model),
        cmocka_unit_test(a_report_sees_version_size_and_every_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
