/* fuzz_hyperparameters.c: any bytes as hyperparameters.json.
 *
 * Whatever is accepted lies within the table's ranges, and every value, written
 * as text and set again, is the same value. What is refused has a reason. */
#include "sagemaker/job_config.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    uint32_t n_factors;
    int32_t offset;
    uint64_t seed;
    double learning_rate;
    double weight;
    float regularization;
    bool shuffle;
    uint32_t schedule;
    char user_column[64];
} options;

static const mf_setting table[] = {
    {.name = "n_factors",
     .aliases = "factors k",
     .type = MF_SETTING_INTEGER,
     .min = 1,
     .max = 4096,
     .initial = "64",
     MF_SETTING_FIELD(options, n_factors)},
    {.name = "offset",
     .type = MF_SETTING_INTEGER,
     .min = -5,
     .max = 5,
     .initial = "0",
     MF_SETTING_FIELD(options, offset)},
    {.name = "seed",
     .type = MF_SETTING_INTEGER,
     .min = 0,
     .max = 0x1p53,
     .initial = "0",
     MF_SETTING_FIELD(options, seed)},
    {.name = "learning_rate",
     .type = MF_SETTING_REAL,
     .min = 0,
     .above_min = true,
     .max = 1,
     .initial = "0.05",
     MF_SETTING_FIELD(options, learning_rate)},
    {.name = "weight",
     .type = MF_SETTING_REAL,
     .min = -INFINITY,
     .max = INFINITY,
     .initial = "1",
     MF_SETTING_FIELD(options, weight)},
    {.name = "regularization",
     .type = MF_SETTING_REAL,
     .min = 0,
     .max = 1,
     .below_max = true,
     .initial = "0.1",
     MF_SETTING_FIELD(options, regularization)},
    {.name = "shuffle",
     .type = MF_SETTING_BOOLEAN,
     .initial = "true",
     MF_SETTING_FIELD(options, shuffle)},
    {.name = "schedule",
     .type = MF_SETTING_CHOICE,
     .choices = "constant inverse cosine",
     .initial = "inverse",
     MF_SETTING_FIELD(options, schedule)},
    {.name = "user_column",
     .type = MF_SETTING_TEXT,
     .min = 1,
     .initial = "userId",
     MF_SETTING_FIELD(options, user_column)},
};
enum { N = sizeof table / sizeof table[0] };

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool in_range(const options *o)
{
    const size_t n_column = strlen(o->user_column);
    return o->n_factors >= 1 && o->n_factors <= 4096 && o->offset >= -5 && o->offset <= 5 &&
           o->seed <= UINT64_C(1) << 53 && o->learning_rate > 0 && o->learning_rate <= 1 &&
           isfinite(o->weight) && o->regularization >= 0 && o->regularization < 1 &&
           o->schedule <= 2 && n_column >= 1 && n_column < sizeof o->user_column;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    options first;
    options second;
    mf_settings settings;
    mf_settings again;
    mf_platform_hyperparameters platform;
    mf_error err = {0};
    require(mf_settings_start(&settings, table, N, "hyperparameter", &first, &err));
    const bool ok = mf_hyperparameter_file_parse((const char *)bytes, n_bytes, "fuzz.json",
                                                 &settings, &platform, &err);
    require(in_range(&first));
    require(ok == (err.code == MF_OK) && ok == (err.text[0] == '\0'));
    if (!ok)
        return 0;

    mf_error_clear(&err);
    require(mf_settings_start(&again, table, N, "hyperparameter", &second, &err));
    for (size_t i = 0; i < N; i++) {
        char text[MF_SETTING_TEXT_BYTES];
        mf_settings_text(&settings, i, text);
        require(mf_settings_set(&again, table[i].name, text, strlen(text), &err));
    }
    for (size_t i = 0; i < N; i++)
        require(memcmp((char *)&first + table[i].offset, (char *)&second + table[i].offset,
                       table[i].size) == 0);
    return 0;
}
