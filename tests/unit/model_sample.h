/* model_sample.h: a small model that has one of everything (padding, an id that
 * is not ASCII, a user who rated nothing), and its file in memory. */
#ifndef MF_TESTS_MODEL_SAMPLE_H
#define MF_TESTS_MODEL_SAMPLE_H

#include "testing.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/format.h"
#include "model/model.h"

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
    assert_ok(mf_file_read(path, 1 << 20, &bytes, n_bytes, &err), err);
    unsigned char *copy = aligned_copy(bytes, *n_bytes);
    mf_free(bytes);
    free(path);
    testing_folder_remove(folder);
    return copy;
}

/* Makes the header agree with bytes that were changed on purpose. */
static inline void mend_checksum(unsigned char *bytes, size_t n_bytes)
{
    const uint64_t checksum = mf_section_checksum(bytes, n_bytes);
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

#endif
