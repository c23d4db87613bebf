/* test_model_ranking.c: the sections of a ranking model. Whatever is written comes back; no file
 * but a sound one is opened; each refusal says why. */
#include "model_sample.h"

#include <math.h>

/* --- sound files --------------------------------------------------------- */

static void a_ranking_model_comes_back_as_it_was_written(void **state)
{
    (void)state;
    mf_model_parts parts = sample_parts_with_ranking();
    round_trip(&parts);
    parts.ranking.time_ranks = NULL;
    round_trip(&parts);
    parts = sample_parts_without_ratings();
    round_trip(&parts);
    parts.ranking.time_ranks = NULL;
    round_trip(&parts);
}

static void each_part_of_the_ranking_model_is_in_the_bytes(void **state)
{
    (void)state;
    static const _Alignas(64) float other_vectors[4][16] = {{1}};
    static const _Alignas(64) float other_mean[16] = {1};
    static const float other_spectrum[] = {12.5f, 3.5f};
    static const uint8_t other_grades[] = {200, 0, 255, 1, 129};
    static const uint32_t other_times[] = {2, 0, 0, 0, 2};
    const mf_model_parts parts = sample_parts_with_ranking();
    size_t n_bytes, n_other;
    unsigned char *bytes = sample_file(&parts, &n_bytes);
    const mf_ranking_parts changed[] = {
#define CASE(field, value)                                                                         \
    ({                                                                                             \
        mf_ranking_parts ranking = parts.ranking;                                                  \
        ranking.field = (value);                                                                   \
        ranking;                                                                                   \
    })
        CASE(grading.kind, MF_GRADING_ONE),
        CASE(grading.center, 3),
        CASE(grading.scale, 3),
        CASE(recency, 1),
        CASE(prior, 1),
        CASE(regularization, 1),
        CASE(relevant_rating, 3),
        CASE(item_vectors, other_vectors[0]),
        CASE(mean_profile, other_mean),
        CASE(spectrum, other_spectrum),
        CASE(grades, other_grades),
        CASE(time_ranks, other_times),
#undef CASE
    };
    for (size_t c = 0; c < sizeof changed / sizeof changed[0]; c++) {
        mf_model_parts other = parts;
        other.ranking = changed[c];
        unsigned char *other_bytes = sample_file(&other, &n_other);
        assert_int_equal(n_bytes, n_other);
        if (memcmp(bytes, other_bytes, n_bytes) == 0)
            fail_msg("case %zu changes nothing", c);
        free(other_bytes);
    }
    free(bytes);
}

static void one_item_without_ratings_is_a_ranking_model(void **state)
{
    (void)state;
    static const _Alignas(64) float row[16] = {1};
    static const uint64_t start[] = {0, 1}, none[] = {0, 0};
    static const uint32_t count[1];
    static const float spectrum[] = {1e-30f};
    mf_model_parts parts = {
        .n_users = 1,
        .n_items = 1,
        .users = {1, start, "u"},
        .items = {1, start, "i"},
        .rated_start = none,
        .item_count = count,
        .ranking = {.n_factors = 1,
                    .item_vectors = row,
                    .mean_profile = row,
                    .spectrum = spectrum,
                    .grades = NULL},
    };
    round_trip(&parts);
    parts.ranking.time_ranks = count; /* of no ratings, but there */
    round_trip(&parts);
}

/* A user's time ranks come in several pieces; each rank is checked against the number of all the
 * user's grades. */
static void the_time_ranks_of_a_user_with_many_ratings_are_checked_to_the_last(void **state)
{
    (void)state;
    enum { ITEMS = 20000 };
    mf_error err = {0};
    mf_model_parts parts = sample_parts_without_ratings();
    static _Alignas(64) float vectors[ITEMS][16];
    static uint64_t item_start[ITEMS + 1];
    static char item_bytes[ITEMS * 6 + 1];
    static uint32_t items[ITEMS + 5], count[ITEMS], ranks[ITEMS + 5];
    static uint8_t grades[ITEMS + 5];
    const uint64_t rated_start[] = {0, 3, 3 + ITEMS, 5 + ITEMS};
    for (uint32_t i = 0; i < ITEMS; i++) {
        item_start[i + 1] =
            item_start[i] + (uint64_t)sprintf(item_bytes + item_start[i], "%u", 100000 + i);
        items[3 + i] = i;
        count[i] = 1;
        grades[3 + i] = i % 2;
        ranks[3 + i] = i % 2 ? i - 1 : 0;
    }
    for (uint32_t k = 0; k < 3; k++)
        items[k] = k;
    for (uint32_t k = 0; k < 2; k++)
        items[3 + ITEMS + k] = k;
    grades[0] = grades[ITEMS + 3] = grades[ITEMS + 4] = 9;
    ranks[ITEMS + 3] = 2;
    count[0] += 2, count[1] += 2, count[2] += 1;
    parts.n_items = ITEMS;
    parts.n_rated = ITEMS + 5;
    parts.items = (mf_id_list){ITEMS, item_start, item_bytes};
    parts.rated_start = rated_start;
    parts.rated_items = items;
    parts.item_count = count;
    parts.ranking.item_vectors = vectors[0];
    parts.ranking.grades = grades;
    parts.ranking.time_ranks = ranks;
    round_trip(&parts);
    const struct {
        uint32_t k, rank;
        const char *words;
    } cases[] = {
        {0, 1, "of index 0 is 1, of user 0 it must be 0 to 0"},
        {2, 1, "of index 2 is 1, of user 0 it must be 0 to 0"},
        {4, ITEMS - 1, "of index 4 is 19999, of user 1 it must be 0 to 19998"},
        {ITEMS, ITEMS - 1, "of index 20000 is 19999, of user 1 it must be 0 to 19998"},
        {ITEMS + 1, 1, "of index 20001 is 1, of user 1 it must be 0 to 0"},
        {ITEMS + 2, ITEMS - 1, "of index 20002 is 19999, of user 1 it must be 0 to 19998"},
        {ITEMS + 3, 3, "of index 20003 is 3, of user 2 it must be 0 to 2"},
        {ITEMS + 4, UINT32_MAX, "of index 20004 is 4294967295, of user 2 it must be 0 to 2"},
    };
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const uint32_t kept = ranks[cases[c].k];
        ranks[cases[c].k] = cases[c].rank;
        mf_error_clear(&err);
        assert_false(mf_model_write(path, &parts, &err));
        assert_error(&err, MF_ERR_ARGUMENT, cases[c].words);
        ranks[cases[c].k] = kept;
    }
    free(path);
    testing_folder_remove(folder);
}

static void write_rejects_a_ranking_model_that_breaks_a_promise(void **state)
{
    (void)state;
    static const _Alignas(64) float nan_vectors[4][16] = {{0}, {0, NAN}};
    static const _Alignas(64) float padded_mean[16] = {0, 0, 1};
    static const float rising[] = {3, 3.5f}, zero[] = {3, 0}, negative[] = {-1, -2};
    static const float infinite[] = {INFINITY, 1};
    static const uint32_t late[] = {0, 0, 3, 1, 1}, ungraded[] = {0, 1, 2, 1, 1};
    const struct {
        mf_model_parts parts;
        const char *words;
    } cases[] = {
#define CASE(sample, field, value, says)                                                           \
    {.words = says, .parts = ({                                                                    \
                        mf_model_parts p = sample();                                               \
                        p.field = (value);                                                         \
                        p;                                                                         \
                    })}
#define RANKING(field, value, says) CASE(sample_parts_with_ranking, ranking.field, value, says)
#define ALONE(field, value, says)   CASE(sample_parts_without_ratings, field, value, says)
        RANKING(n_factors, 4097, "n_factors of ranking is 4097, it must be 1 to 4096"),
        RANKING(grading.kind, 3, "the grading of ranking is 3, it must be 0 to 2"),
        RANKING(grading.center, NAN, "the grading's center of ranking is not finite"),
        RANKING(grading.scale, -1, "the grading's scale of ranking is not a finite number"),
        RANKING(recency, 1.5f, "recency of ranking is not a number from 0 to 1"),
        RANKING(prior, INFINITY, "prior of ranking is not a finite number"),
        RANKING(regularization, -1, "regularization of ranking is not a finite number"),
        RANKING(relevant_rating, NAN, "relevant_rating of ranking is not finite"),
        RANKING(item_vectors, NULL, "it has no optional.ranking_items"),
        RANKING(mean_profile, NULL, "it has no optional.ranking_mean"),
        RANKING(spectrum, NULL, "it has no optional.ranking_spectrum"),
        RANKING(grades, NULL, "it has no optional.ranking_grades"),
        RANKING(item_vectors, nan_vectors[0], "factor 1 of row 1 of optional.ranking_items is not"),
        RANKING(mean_profile, padded_mean, "the padding of row 0 of optional.ranking_mean is not"),
        RANKING(spectrum, rising, "optional.ranking_spectrum rises from index 0 to 1"),
        RANKING(spectrum, zero, "optional.ranking_spectrum of index 1 is not a finite number > 0"),
        RANKING(spectrum, negative, "optional.ranking_spectrum of index 0 is not"),
        RANKING(spectrum, infinite, "optional.ranking_spectrum of index 0 is not"),
        RANKING(time_ranks, late, "of index 2 is 3, of user 0 it must be 0 to 2"),
        RANKING(time_ranks, ungraded, "of index 1 is 1, of user 0 it must be 0 to 0"),
        ALONE(ranking.n_factors, 0, "n_factors is 0 and it has no ranking model"),
        ALONE(global_mean, 3, "n_factors is 0, but its mean, scale and regularization"),
        ALONE(rating_min, -1, "n_factors is 0, but its mean, scale and regularization"),
        ALONE(rating_max, 1, "n_factors is 0, but its mean, scale and regularization"),
        ALONE(regularization, 1, "n_factors is 0, but its mean, scale and regularization"),
        ALONE(bias_regularization, NAN, "n_factors is 0, but its mean, scale and regularization"),
        ALONE(user_bias, sample_user_bias, "n_factors is 0, but it has biases or factors"),
        ALONE(item_bias, sample_item_bias, "n_factors is 0, but it has biases or factors"),
        ALONE(user_factors, sample_user_factors[0], "but it has biases or factors"),
        ALONE(item_factors, sample_item_factors[0], "but it has biases or factors"),
#undef ALONE
#undef RANKING
#undef CASE
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        mf_error err = {0};
        assert_false(mf_model_write("/nonexistent/model.bin", &cases[c].parts, &err));
        assert_error(&err, MF_ERR_ARGUMENT, cases[c].words);
    }
}

static void writing_and_opening_are_clean_when_any_allocation_fails(void **state)
{
    (void)state;
    const mf_model_parts parts = sample_parts_without_ratings();
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    bool done = false;
    for (size_t n = 1; !done; n++) {
        mf_error err = {0};
        mf_memory_fail_nth(n);
        done = mf_model_write(path, &parts, &err);
        mf_memory_fail_nth(0);
        assert_true(done || err.code == MF_ERR_MEMORY);
        assert_true(done == mf_file_exists(path));
        assert_true(n < 100);
    }
    free(path);
    testing_folder_remove(folder);
}

/* --- damage -------------------------------------------------------------- */

static const struct {
    const char *name;
    mf_model_parts (*parts)(void);
} samples[] = {{"beside ratings", sample_parts_with_ranking},
               {"alone", sample_parts_without_ratings}};

enum { SAMPLES = sizeof samples / sizeof samples[0] };

static unsigned char *file_of(size_t sample, size_t *n_bytes)
{
    const mf_model_parts parts = samples[sample].parts();
    return sample_file(&parts, n_bytes);
}

static void open_rejects_every_prefix_and_every_bit_flipped(void **state)
{
    (void)state;
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        mf_error err = {0};
        size_t n_bytes;
        unsigned char *bytes = file_of(sample, &n_bytes);
        assert_ok(opens_bytes(bytes, n_bytes, &err), err);
        for (size_t n = 0; n < n_bytes; n++)
            assert_false(opens_bytes(bytes, n, &err));
        for (size_t bit = 0; bit < 8 * n_bytes; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
            if (opens_bytes(bytes, n_bytes, &err))
                fail_msg("%s: bit %zu of byte %zu is missed", samples[sample].name, bit % 8,
                         bit / 8);
            bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        free(bytes);
    }
}

static void a_file_without_one_of_its_sections_is_refused_with_its_name(void **state)
{
    (void)state;
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        const mf_model_parts parts = samples[sample].parts();
        for (size_t section = 0; section < MF_MODEL_SECTIONS; section++) {
            mf_error err = {0};
            size_t n_bytes, n_changed;
            char words[128];
            if (!mf_model_has_section(&parts, section))
                continue;
            unsigned char *bytes = sample_file(&parts, &n_bytes);
            unsigned char *changed =
                with_section_changed(bytes, n_bytes, section, WITHOUT, &n_changed);
            const bool opened = opens_bytes(changed, n_changed, &err);
            /* Times alone may be missing. */
            assert_true(opened == (section == MF_MODEL_RANKING_TIMES));
            snprintf(words, sizeof words, "no section %s", mf_model_kind.names[section]);
            if (!opened)
                assert_error(&err, MF_ERR_FORMAT, words);
            free(changed);
            free(bytes);
        }
    }
}

static void a_section_of_another_size_is_refused_with_its_name(void **state)
{
    (void)state;
    static const int sizes[] = {-64, -1, 1, 64};
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        size_t n_bytes, n_changed;
        unsigned char *bytes = file_of(sample, &n_bytes);
        for (size_t section = MF_MODEL_RANKING; section <= MF_MODEL_RANKING_TIMES; section++)
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                mf_error err = {0};
                char words[128];
                unsigned char *changed =
                    with_section_changed(bytes, n_bytes, section, sizes[s], &n_changed);
                snprintf(words, sizeof words, "damaged model: its section %s has ",
                         mf_model_kind.names[section]);
                assert_false(opens_bytes(changed, n_changed, &err));
                assert_error(&err, MF_ERR_FORMAT, words);
                free(changed);
            }
        free(bytes);
    }
}

/* Overwrites n bytes at an offset of a section and mends the checksum: refused with these words,
 * or opened when words is NULL. */
static void expect(size_t sample, size_t section, size_t offset, const void *value, size_t n,
                   const char *words)
{
    mf_error err = {0};
    size_t n_bytes;
    unsigned char *bytes = file_of(sample, &n_bytes);
    memcpy((char *)section_of(bytes, section) + offset, value, n);
    mend_checksum(bytes, n_bytes);
    const bool opened = opens_bytes(bytes, n_bytes, &err);
    if (words == NULL)
        assert_ok(opened, err);
    else if (opened)
        fail_msg("opened, expected \"%s\"", words);
    else
        assert_error(&err, MF_ERR_FORMAT, words);
    free(bytes);
}

static void expect_float(size_t section, size_t index, float value, const char *words)
{
    for (size_t sample = 0; sample < SAMPLES; sample++)
        expect(sample, section, index * sizeof value, &value, sizeof value, words);
}

static void expect_u32(size_t section, size_t index, uint32_t value, const char *words)
{
    for (size_t sample = 0; sample < SAMPLES; sample++)
        expect(sample, section, index * sizeof value, &value, sizeof value, words);
}

static void open_names_each_bad_number(void **state)
{
    (void)state;
    const float nan = __builtin_nanf(""), inf = __builtin_inff();
    expect_u32(MF_MODEL_RANKING, 0, 0, "n_factors of ranking is 0, it must be 1 to 4096");
    expect_u32(MF_MODEL_RANKING, 0, 4097, "n_factors of ranking is 4097, it must be 1 to 4096");
    expect_u32(MF_MODEL_RANKING, 0, 3, "optional.ranking_spectrum has 8 bytes where 3 × 4 belong");
    expect_u32(MF_MODEL_RANKING, 0, 17, "optional.ranking_items has 256 bytes where 4 × 128");
    expect_u32(MF_MODEL_RANKING, 1, 3, "the grading of ranking is 3, it must be 0 to 2");
    expect_u32(MF_MODEL_RANKING, 1, UINT32_MAX, "the grading of ranking is 4294967295");
    expect_float(MF_MODEL_RANKING, 2, inf, "the grading's center of ranking is not finite");
    expect_float(MF_MODEL_RANKING, 3, -1, "the grading's scale of ranking is not a finite number");
    expect_float(MF_MODEL_RANKING, 3, nan, "the grading's scale of ranking is not a finite number");
    expect_float(MF_MODEL_RANKING, 4, 1.0001f, "recency of ranking is not a number from 0 to 1");
    expect_float(MF_MODEL_RANKING, 4, -0.1f, "recency of ranking is not a number from 0 to 1");
    expect_float(MF_MODEL_RANKING, 4, nan, "recency of ranking is not a number from 0 to 1");
    expect_float(MF_MODEL_RANKING, 5, -1, "prior of ranking is not a finite number ≥ 0");
    expect_float(MF_MODEL_RANKING, 5, inf, "prior of ranking is not a finite number ≥ 0");
    expect_float(MF_MODEL_RANKING, 6, nan, "regularization of ranking is not a finite number ≥ 0");
    expect_float(MF_MODEL_RANKING, 7, nan, "relevant_rating of ranking is not finite");
    for (size_t zero = 9; zero < 16; zero++)
        expect_u32(MF_MODEL_RANKING, zero, 1, "optional.ranking has bytes that should be zero");
    expect_float(MF_MODEL_RANKING_ITEMS, 0, nan, "factor 0 of row 0 of optional.ranking_items is");
    expect_float(MF_MODEL_RANKING_ITEMS, 49, -inf, "factor 1 of row 3 of optional.ranking_items");
    expect_float(MF_MODEL_RANKING_ITEMS, 2, 1, "the padding of row 0 of optional.ranking_items");
    expect_float(MF_MODEL_RANKING_ITEMS, 63, -0.0f, "the padding of row 3 of optional.ranking_it");
    expect_float(MF_MODEL_RANKING_MEAN, 1, nan, "factor 1 of row 0 of optional.ranking_mean is");
    expect_float(MF_MODEL_RANKING_MEAN, 15, 1, "the padding of row 0 of optional.ranking_mean is");
    expect_float(MF_MODEL_RANKING_SPECTRUM, 0, nan, "optional.ranking_spectrum of index 0 is not");
    expect_float(MF_MODEL_RANKING_SPECTRUM, 1, 0, "optional.ranking_spectrum of index 1 is not");
    expect_float(MF_MODEL_RANKING_SPECTRUM, 1, 13, "optional.ranking_spectrum rises from index 0");
    expect_u32(MF_MODEL_RANKING_TIMES, 0, 3, "of index 0 is 3, of user 0 it must be 0 to 2");
    expect_u32(MF_MODEL_RANKING_TIMES, 1, 1, "of index 1 is 1, of user 0 it must be 0 to 0");
    expect_u32(MF_MODEL_RANKING_TIMES, 4, 3, "of index 4 is 3, of user 2 it must be 0 to 2");
    for (size_t sample = 0; sample < SAMPLES; sample++) {
        expect(sample, MF_MODEL_RANKING_GRADES, 2, "", 1, "of index 0 is 2, of user 0 it must");
        expect(sample, MF_MODEL_RANKING_GRADES, 0, "\x01", 1, NULL); /* any grade is one */
    }
    expect(1, MF_MODEL_SHAPE, 24, &inf, 4, "but its mean, scale and regularization of ratings");
    expect(1, MF_MODEL_SHAPE, 40, &inf, 4, "but its mean, scale and regularization of ratings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ranking_model_comes_back_as_it_was_written),
        cmocka_unit_test(each_part_of_the_ranking_model_is_in_the_bytes),
        cmocka_unit_test(one_item_without_ratings_is_a_ranking_model),
        cmocka_unit_test(the_time_ranks_of_a_user_with_many_ratings_are_checked_to_the_last),
        cmocka_unit_test(write_rejects_a_ranking_model_that_breaks_a_promise),
        cmocka_unit_test(writing_and_opening_are_clean_when_any_allocation_fails),
        cmocka_unit_test(open_rejects_every_prefix_and_every_bit_flipped),
        cmocka_unit_test(a_file_without_one_of_its_sections_is_refused_with_its_name),
        cmocka_unit_test(a_section_of_another_size_is_refused_with_its_name),
        cmocka_unit_test(open_names_each_bad_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
