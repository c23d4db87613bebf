/* aggregate_settings.h: the environment variables of aggregate: which fields of a record are the
 * key, the sums and the carried values, and what the items in the table look like.
 *
 * PRESET chooses defaults for all of it:
 *
 *                       ratings (default)         passengers
 *     KEY_FIELD         movieId                   vendorId
 *     SUM_FIELDS        rating                    passengerCount
 *     TABLE_NAME        movieRatings              kinesisAggs
 *     SUM_ATTRIBUTES    ratingSum                 passenger
 *     COUNT_ATTRIBUTE   ratingCount               -
 *     MEAN_ATTRIBUTES   ratingMean                -
 *     TREND_TABLE_NAME  trendingMovies            -
 *
 * The table in aggregate_settings.c has every name, range, default and one line of
 * help; docs/functions.md has the same table. "-" means none, as a variable cannot be empty and set;
 * where there has to be a name it is an error.
 *
 * Threads: a value to read; any number. */
#ifndef MF_LAMBDA_AGGREGATE_SETTINGS_H
#define MF_LAMBDA_AGGREGATE_SETTINGS_H

#include "base/error.h"
#include "base/settings.h"

enum {
    MF_AGGREGATE_SUMS_MOST = 4,
    MF_AGGREGATE_CARRIED_MOST = 4,
    MF_AGGREGATE_WRITERS_MOST = 64,
    MF_AGGREGATE_NAME_BYTES = 256, /* of a field or an attribute */
};

/* The rank of an item of the trend; part of its key. */
#define MF_AGGREGATE_PLACE_ATTRIBUTE "place"

typedef struct mf_aggregate_names {
    size_t n;
    char names[MF_AGGREGATE_SUMS_MOST > MF_AGGREGATE_CARRIED_MOST
                   ? MF_AGGREGATE_SUMS_MOST
                   : MF_AGGREGATE_CARRIED_MOST][MF_AGGREGATE_NAME_BYTES];
} mf_aggregate_names;

typedef struct mf_aggregate_settings {
    enum { MF_AGGREGATE_PRESET_RATINGS, MF_AGGREGATE_PRESET_PASSENGERS } preset;
    char key_field[MF_AGGREGATE_NAME_BYTES];
    char key_attribute[MF_AGGREGATE_NAME_BYTES];
    bool key_is_number; /* in the table */
    mf_aggregate_names sum_fields, sum_attributes;
    mf_aggregate_names mean_attributes; /* one for each sum, "" for none, or an empty list */
    mf_aggregate_names carried_fields;  /* the last value of each; attributes of the same name */
    char count_attribute[MF_AGGREGATE_NAME_BYTES]; /* "": none */
    char start_attribute[MF_AGGREGATE_NAME_BYTES];
    char end_attribute[MF_AGGREGATE_NAME_BYTES];
    char table[MF_AGGREGATE_NAME_BYTES];
    char trend_table[MF_AGGREGATE_NAME_BYTES]; /* "": none */
    uint32_t trend_count;
    uint32_t state_bytes;
    uint32_t writers;
    uint32_t margin_ms;
    bool metrics;

    /* As they were given: lists with commas, "-" for none. */
    struct {
        char sum_fields[MF_SETTING_TEXT_BYTES], sum_attributes[MF_SETTING_TEXT_BYTES];
        char mean_attributes[MF_SETTING_TEXT_BYTES], carried_fields[MF_SETTING_TEXT_BYTES];
        uint32_t key_type;
    } given;
} mf_aggregate_settings;

/* Reads and checks the environment. Fails MF_ERR_CONFIG with a sentence that names the
 * variable. settings is for mf_settings_log. */
MF_MUST_CHECK bool mf_aggregate_settings_read(mf_settings *settings, mf_aggregate_settings *values,
                                              mf_error *err);

/* Every variable at its default, for --help. Fails MF_ERR_ARGUMENT (never, tested). */
MF_MUST_CHECK bool mf_aggregate_settings_start(mf_settings *settings, mf_aggregate_settings *values,
                                               mf_error *err);

#endif
