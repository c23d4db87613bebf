/* model_sample.h: a small model that has one of everything (padding, an id that
 * is not ASCII, a user who rated nothing, a rating without a grade), its forms with and
 * without a rating model and a ranking model, and its file in memory. */
#ifndef MF_TESTS_MODEL_SAMPLE_H
#define MF_TESTS_MODEL_SAMPLE_H

#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/format.h"
#include "model/model.h"
#include "section_testing.h"

#include <math.h>

#define SAMPLE_METADATA "{\"n_factors\": 3,\n\t\"note\": \"für alle\"}"

static const uint64_t sample_user_start[] = {0, 1, 4, 9};
static const char sample_user_bytes[] = "7"
                                        "007"
                                        "z\xC3\xBC"
                                        "ri"; /* züri */
static const uint64_t sample_item_start[] = {0, 4, 8, 12, 16};
static const char sample_item_bytes[] = "1042"
                                        "2959"
                                        "a@b "
                                        "~~~~";
static const uint64_t sample_rated_start[] = {0, 3, 3, 5};
static const uint32_t sample_rated_items[] = {0, 1, 3, 1, 2};
static const uint32_t sample_item_count[] = {1, 2, 1, 1};
static const float sample_user_bias[] = {0.25f, -0.5f, 0.125f};
static const float sample_item_bias[] = {-0.25f, 0.5f, 0, 1};
static const _Alignas(64) float sample_user_factors[3][16] = {
    {0.5f, -1, 2}, {0, 0.25f, -0.5f}, {1, 1, 1}};
static const _Alignas(64) float sample_item_factors[4][16] = {
    {1, 0.5f, 0.25f}, {-1, 2, 0.125f}, {0.75f, 0, -2}, {3, 3, 3}};

static inline mf_model_parts sample_parts(void)
{
    return (mf_model_parts){
        .n_users = 3,
        .n_items = 4,
        .n_factors = 3,
        .n_rated = 5,
        .global_mean = 3.5f,
        .rating_min = 0.5f,
        .rating_max = 5,
        .regularization = 0.02f,
        .bias_regularization = 0.005f,
        .user_bias = sample_user_bias,
        .item_bias = sample_item_bias,
        .user_factors = sample_user_factors[0],
        .item_factors = sample_item_factors[0],
        .users = {3, sample_user_start, sample_user_bytes},
        .items = {4, sample_item_start, sample_item_bytes},
        .rated_start = sample_rated_start,
        .rated_items = sample_rated_items,
        .item_count = sample_item_count,
        .metadata = SAMPLE_METADATA,
        .metadata_bytes = sizeof SAMPLE_METADATA - 1,
    };
}

static const _Alignas(64) float sample_item_vectors[4][16] = {
    {0.5f, -0.25f}, {1, 0.125f}, {0, 0}, {-0.75f, 2}};
static const _Alignas(64) float sample_mean_profile[16] = {0.25f, -0.5f};
static const float sample_spectrum[] = {12.5f, 3};
static const uint8_t sample_grades[] = {200, 0, 255, 1, 128};
static const uint32_t sample_time_ranks[] = {2, 0, 0, 1, 1};

/* The rating model and a ranking model beside it: version 1 with optional sections. */
static inline mf_model_parts sample_parts_with_ranking(void)
{
    mf_model_parts parts = sample_parts();
    parts.ranking = (mf_ranking_parts){
        .n_factors = 2,
        .grading = {MF_GRADING_LOGISTIC, 3.5f, 1.25f},
        .recency = 0.75f,
        .prior = 0.5f,
        .regularization = 200,
        .relevant_rating = 4,
        .item_vectors = sample_item_vectors[0],
        .mean_profile = sample_mean_profile,
        .spectrum = sample_spectrum,
        .grades = sample_grades,
        .time_ranks = sample_time_ranks,
    };
    return parts;
}

/* The ranking model alone: version 2. */
static inline mf_model_parts sample_parts_without_ratings(void)
{
    mf_model_parts parts = sample_parts_with_ranking();
    parts.n_factors = 0;
    parts.global_mean = parts.rating_min = parts.rating_max = 0;
    parts.regularization = parts.bias_regularization = 0;
    parts.user_bias = parts.item_bias = NULL;
    parts.user_factors = parts.item_factors = NULL;
    parts.ranking.grading = (mf_grading){MF_GRADING_LOG, 0, 2.5f};
    return parts;
}

/* The catalogue of the sample: two unrated items, each kind of attribute twice (categories once),
 * an item without any value. */
static const mf_attribute sample_attributes[] = {
    {.kind = MF_ATTRIBUTE_TEXT, .name = "title"},
    {.kind = MF_ATTRIBUTE_CATEGORIES, .n_values = 3, .n_links = 6, .name = "genres"},
    {.kind = MF_ATTRIBUTE_NUMBER, .name = "year"},
    {.kind = MF_ATTRIBUTE_TEXT, .name = "größe"},
    {.kind = MF_ATTRIBUTE_NUMBER, .name = "price"},
};
static const uint64_t sample_unrated_start[] = {0, 2, 6};
static const char sample_unrated_bytes[] = "31"
                                           "31st";
/* Of items 0, 1, 2, 3, "31" and "31st": titles, then sizes. */
static const uint64_t sample_text_start[] = {0, 3, 8, 8, 9, 10, 10, 10, 10, 11, 11, 12, 14};
static const char sample_text_bytes[] = "Ran"
                                        "Am\xC3\xA9l"
                                        "MZ"
                                        "ab"
                                        "cd";
static const double sample_numbers[] = {1985, 2001, NAN, 1931, 1985, NAN, //
                                        NAN,  NAN,  NAN, NAN,  NAN,  -0.5};
static const uint32_t sample_number_order[] = {3, 0, 4, 1, 2, 5, 5, 0, 1, 2, 3, 4};
static const uint64_t sample_value_start[] = {0, 5, 10, 13};
static const char sample_value_bytes[] = "Drama"
                                         "Drame"
                                         "War";
static const uint32_t sample_item_lists[] = {0, 2, 3, 3, 5, 5, 6};
static const uint32_t sample_item_values[] = {0, 2, 1, 0, 1, 0};
static const uint32_t sample_category_start[] = {0, 3, 5, 6};
static const uint32_t sample_category_items[] = {0, 3, 5, 1, 3, 0};

static inline mf_model_parts sample_parts_with_attributes(void)
{
    mf_model_parts parts = sample_parts();
    parts.attributes = (mf_attributes){
        .n = 5,
        .n_items = 6,
        .title = 0,
        .unrated = {2, sample_unrated_start, sample_unrated_bytes},
        .attribute = sample_attributes,
        .text_start = sample_text_start,
        .text_bytes = sample_text_bytes,
        .numbers = sample_numbers,
        .number_order = sample_number_order,
        .value_start = sample_value_start,
        .value_bytes = sample_value_bytes,
        .item_start = sample_item_lists,
        .item_values = sample_item_values,
        .category_start = sample_category_start,
        .category_items = sample_category_items,
    };
    return parts;
}

/* A copy on a cache line, exactly as large as n_bytes, so that the sanitizer sees
 * one byte over. The caller's to free. */
static inline unsigned char *aligned_copy(const void *bytes, size_t n_bytes)
{
    void *copy = NULL;
    if (posix_memalign(&copy, 64, n_bytes > 0 ? n_bytes : 1) != 0)
        fail_msg("no memory");
    if (n_bytes > 0)
        memcpy(copy, bytes, n_bytes);
    return copy;
}

/* The file that the parts make. The caller's to free. */
static inline unsigned char *sample_file(const mf_model_parts *parts, size_t *n_bytes)
{
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    char *bytes = NULL;
    assert_ok(mf_model_write(path, parts, &err), err);
    assert_ok(mf_file_read(path, (size_t)1 << 30, &bytes, n_bytes, &err), err);
    unsigned char *copy = aligned_copy(bytes, *n_bytes);
    mf_free(bytes);
    free(path);
    testing_folder_remove(folder);
    return copy;
}

/* Makes the header agree with bytes that were changed on purpose. */
static inline void mend_checksum(unsigned char *bytes, size_t n_bytes)
{
    const uint64_t checksum = section_checksum(bytes, n_bytes);
    memcpy(bytes + offsetof(mf_section_header, checksum), &checksum, sizeof checksum);
}

/* A section of a sound file. */
static inline void *section_of(unsigned char *bytes, size_t section)
{
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    mf_section_entry *table = (mf_section_entry *)(bytes + header.table_offset);
    for (uint32_t row = 0; row < header.n_sections; row++)
        if (strcmp(table[row].name, mf_model_kind.names[section]) == 0)
            return bytes + table[row].offset;
    fail_msg("no section %s", mf_model_kind.names[section]);
    return NULL;
}

/* Opens a copy of exactly this size: NULL, or the caller's to close; *copy is the caller's to
 * free. */
static inline mf_model *open_copy(const void *bytes, size_t n_bytes, unsigned char **copy,
                                  mf_error *err)
{
    *copy = aligned_copy(bytes, n_bytes);
    mf_error_clear(err);
    mf_model *model = mf_model_open_bytes(*copy, n_bytes, "model.bin", err);
    if (model == NULL)
        assert_true(err->code == MF_ERR_FORMAT && strlen(err->text) > strlen("model.bin: "));
    return model;
}

static inline bool opens_bytes(const void *bytes, size_t n_bytes, mf_error *err)
{
    unsigned char *copy;
    mf_model *model = open_copy(bytes, n_bytes, &copy, err);
    const bool opened = model != NULL;
    mf_model_close(model);
    free(copy);
    return opened;
}

/* The file again, with `more` bytes more or less in one section, or without it (WITHOUT). */
enum { WITHOUT = 1 << 20 };

static inline unsigned char *with_section_changed(unsigned char *bytes, size_t n_bytes,
                                                  size_t changed, int more, size_t *n_changed)
{
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    char *read = NULL;
    mf_section_file *file =
        mf_section_file_open_bytes(bytes, n_bytes, "sample", &mf_model_kind, NULL, &err);
    assert_ok(file != NULL, err);
    mf_section_writer *writer = mf_section_writer_create(path, &mf_model_kind, &err);
    assert_ok(writer != NULL, err);
    assert_ok(mf_section_writer_set_version(writer, mf_section_file_header(file)->version, &err),
              err);
    for (size_t section = 0; section < MF_MODEL_SECTIONS; section++) {
        size_t n = 0;
        const char *content = mf_section_file_get(file, section, &n);
        const bool is_changed = section == changed;
        if ((content == NULL && !is_changed) || (is_changed && more == WITHOUT))
            continue;
        if (is_changed && more < 0)
            n = n >= (size_t)-more ? n - (size_t)-more : 0;
        const size_t n_zeros = is_changed && more > 0 ? (size_t)more : 0;
        char *longer = calloc(n + n_zeros + 1, 1);
        assert_non_null(longer);
        if (n > 0)
            memcpy(longer, content, n);
        assert_ok(mf_section_writer_add(writer, section, longer, n + n_zeros, &err), err);
        free(longer);
    }
    assert_ok(mf_section_writer_commit(writer, &err), err);
    assert_ok(mf_file_read(path, 1 << 20, &read, n_changed, &err), err);
    unsigned char *copy = aligned_copy(read, *n_changed);
    mf_free(read);
    mf_section_file_close(file);
    free(path);
    testing_folder_remove(folder);
    return copy;
}

static inline void assert_lists_equal(const mf_id_list *a, const mf_id_list *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->start, b->start, ((size_t)a->n + 1) * sizeof *a->start);
    assert_memory_equal(a->bytes, b->bytes, (size_t)a->start[a->n]);
}

static inline void assert_ranking_equal(const mf_model_parts *parts_a,
                                        const mf_model_parts *parts_b)
{
    const mf_ranking_parts *a = &parts_a->ranking, *b = &parts_b->ranking;
    const size_t row = mf_model_stride(a->n_factors) * sizeof(float);
    assert_int_equal(a->n_factors, b->n_factors);
    if (a->n_factors == 0)
        return;
    assert_int_equal(a->grading.kind, b->grading.kind);
    assert_memory_equal(&a->grading.center, &b->grading.center, sizeof(float));
    assert_memory_equal(&a->grading.scale, &b->grading.scale, sizeof(float));
    assert_memory_equal(&a->recency, &b->recency, sizeof(float));
    assert_memory_equal(&a->prior, &b->prior, sizeof(float));
    assert_memory_equal(&a->regularization, &b->regularization, sizeof(float));
    assert_memory_equal(&a->relevant_rating, &b->relevant_rating, sizeof(float));
    assert_memory_equal(a->item_vectors, b->item_vectors, parts_a->n_items * row);
    assert_memory_equal(a->mean_profile, b->mean_profile, row);
    assert_memory_equal(a->spectrum, b->spectrum, a->n_factors * sizeof(float));
    assert_int_equal(a->time_ranks != NULL, b->time_ranks != NULL);
    if (parts_a->n_rated > 0) {
        assert_memory_equal(a->grades, b->grades, parts_a->n_rated);
        if (a->time_ranks != NULL)
            assert_memory_equal(a->time_ranks, b->time_ranks, parts_a->n_rated * sizeof(uint32_t));
    }
}

static inline void assert_attributes_equal(const mf_attributes *a, const mf_attributes *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->unrated.n, b->unrated.n);
    if (!mf_attributes_exist(a))
        return;
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->title, b->title);
    assert_lists_equal(&a->unrated, &b->unrated);
    for (uint32_t k = 0; k < a->n; k++) {
        assert_memory_equal(&a->attribute[k], &b->attribute[k], sizeof a->attribute[k]);
        if (a->attribute[k].kind == MF_ATTRIBUTE_TEXT) {
            for (uint32_t row = 0; row < a->n_items; row++)
                assert_int_equal(
                    mf_id_compare(mf_attribute_text(a, k, row), mf_attribute_text(b, k, row)), 0);
        } else if (a->attribute[k].kind == MF_ATTRIBUTE_NUMBER) {
            const mf_numbers x = mf_attribute_numbers(a, k), y = mf_attribute_numbers(b, k);
            assert_int_equal(x.n_known, y.n_known);
            assert_memory_equal(x.value, y.value, a->n_items * sizeof *x.value);
            assert_memory_equal(x.order, y.order, a->n_items * sizeof *x.order);
        } else {
            const mf_categories x = mf_attribute_categories(a, k),
                                y = mf_attribute_categories(b, k);
            const size_t n_links = (size_t)a->attribute[k].n_links;
            assert_int_equal(x.names.n, y.names.n);
            for (uint32_t v = 0; v < x.names.n; v++)
                assert_int_equal(
                    mf_id_compare(mf_id_list_get(&x.names, v), mf_id_list_get(&y.names, v)), 0);
            assert_memory_equal(x.start, y.start, ((size_t)a->n_items + 1) * 4);
            assert_memory_equal(x.item_start, y.item_start, ((size_t)x.names.n + 1) * 4);
            assert_memory_equal(x.values, y.values, n_links * 4);
            assert_memory_equal(x.items, y.items, n_links * 4);
        }
    }
}

static inline void assert_parts_equal(const mf_model_parts *a, const mf_model_parts *b)
{
    const size_t row = mf_model_stride(a->n_factors) * sizeof(float);
    assert_int_equal(a->n_users, b->n_users);
    assert_int_equal(a->n_items, b->n_items);
    assert_int_equal(a->n_factors, b->n_factors);
    assert_int_equal(a->n_rated, b->n_rated);
    assert_memory_equal(&a->global_mean, &b->global_mean, sizeof a->global_mean);
    assert_memory_equal(&a->rating_min, &b->rating_min, sizeof a->rating_min);
    assert_memory_equal(&a->rating_max, &b->rating_max, sizeof a->rating_max);
    assert_memory_equal(&a->regularization, &b->regularization, sizeof a->regularization);
    assert_memory_equal(&a->bias_regularization, &b->bias_regularization, sizeof(float));
    if (a->n_factors > 0) {
        assert_memory_equal(a->user_bias, b->user_bias, a->n_users * sizeof(float));
        assert_memory_equal(a->item_bias, b->item_bias, a->n_items * sizeof(float));
        assert_memory_equal(a->user_factors, b->user_factors, a->n_users * row);
        assert_memory_equal(a->item_factors, b->item_factors, a->n_items * row);
    } else {
        assert_true(b->user_bias == NULL && b->item_bias == NULL);
        assert_true(b->user_factors == NULL && b->item_factors == NULL);
    }
    assert_lists_equal(&a->users, &b->users);
    assert_lists_equal(&a->items, &b->items);
    assert_memory_equal(a->rated_start, b->rated_start, (a->n_users + 1) * sizeof(uint64_t));
    if (a->n_rated > 0)
        assert_memory_equal(a->rated_items, b->rated_items, a->n_rated * sizeof(uint32_t));
    assert_memory_equal(a->item_count, b->item_count, a->n_items * sizeof(uint32_t));
    assert_int_equal(a->metadata_bytes, b->metadata_bytes);
    if (a->metadata_bytes > 0)
        assert_memory_equal(a->metadata, b->metadata, a->metadata_bytes);
    assert_ranking_equal(a, b);
    assert_attributes_equal(&a->attributes, &b->attributes);
}

/* Written, opened and written again: the same parts, the same bytes. */
static inline void round_trip(const mf_model_parts *parts)
{
    mf_error err = {0};
    char *folder = testing_folder();
    char *path = testing_path(folder, "model.bin");
    char *link = testing_path(folder, "link.bin");
    char *again = testing_path(folder, "again.bin");
    char *bytes = NULL, *bytes_again = NULL;
    size_t n_bytes = 0, n_bytes_again = 0;
    assert_ok(mf_model_write(path, parts, &err), err);
    assert_int_equal(symlink("model.bin", link), 0);
    mf_model *model = mf_model_open(link, &err);
    assert_ok(model != NULL, err);
    const mf_model_parts *opened = mf_model_get(model);
    assert_parts_equal(parts, opened);
    assert_int_equal((uintptr_t)opened->user_factors % 64, 0);
    assert_int_equal((uintptr_t)opened->item_factors % 64, 0);
    assert_int_equal((uintptr_t)opened->ranking.item_vectors % 64, 0);
    assert_int_equal((uintptr_t)opened->ranking.mean_profile % 64, 0);
    /* Promise (3), both ways. */
    assert_ok(mf_model_write(again, opened, &err), err);
    assert_ok(mf_file_read(path, (size_t)1 << 30, &bytes, &n_bytes, &err), err);
    assert_ok(mf_file_read(again, (size_t)1 << 30, &bytes_again, &n_bytes_again, &err), err);
    assert_int_equal(n_bytes, n_bytes_again);
    assert_memory_equal(bytes, bytes_again, n_bytes);
    assert_true(mf_model_checksum(model) == section_checksum(bytes, n_bytes));
    mf_free(bytes);
    mf_free(bytes_again);
    mf_model_close(model);
    free(path);
    free(link);
    free(again);
    testing_folder_remove(folder);
}

#endif
