/* data_report.h: what was understood of a channel, for the log, metrics.json and train --inspect.
 *
 * Warnings say what looks wrong although it can be read: ratings that are all the same, a user for
 * every row, 0 as a rating among 1 … 10, files with different scales, rows that two files share.
 * None of them is an error.
 *
 * Threads: one. Cost: one pass over the ratings, three where they have many values; 1 ns each. */
#ifndef MF_TRAIN_DATA_REPORT_H
#define MF_TRAIN_DATA_REPORT_H

#include "data_plan.h"
#include "items/items.h"
#include "ratings/ratings.h"
#include "sagemaker/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MF_REPORT_LEFT_OUT = 20, /* a folder may hold thousands of files of other things */
    MF_REPORT_DIALECTS = 16,
    MF_REPORT_FILES = 5, /* named of each dialect */
    MF_REPORT_WARNINGS = 40,
    MF_REPORT_VALUES = 64,
    MF_REPORT_NAME_BYTES = 200,
    MF_REPORT_ITEMS_FILES = MF_ITEMS_FILES_MOST,
    MF_ATTRIBUTE_KIND_BYTES = 32,
};

typedef struct mf_report_dialect {
    mf_dialect dialect;
    uint64_t n_files;
    char file[MF_REPORT_FILES][MF_REPORT_NAME_BYTES]; /* the first ones */
} mf_report_dialect;

typedef struct mf_report_left_out {
    char name[MF_REPORT_NAME_BYTES];
    char reason[MF_RATINGS_REASON_BYTES];
} mf_report_left_out;

typedef struct mf_report_items_file {
    char name[MF_REPORT_NAME_BYTES];
    char path[MF_PATH_BYTES];
} mf_report_items_file;

typedef struct mf_report_warning {
    char event[24];
    char text[520];
} mf_report_warning;

/* How often each value occurs, ascending; of more than MF_REPORT_VALUES different ones, how many are
 * in each of equal ranges. */
typedef struct mf_report_values {
    uint32_t n;
    bool is_binned;
    float low[MF_REPORT_VALUES], high[MF_REPORT_VALUES];
    uint64_t count[MF_REPORT_VALUES];
} mf_report_values;

typedef struct mf_data_report {
    uint64_t n_files; /* of the channel */
    size_t n_folder;  /* bytes of the paths before the names */
    uint64_t n_left_out;
    mf_report_left_out left_out[MF_REPORT_LEFT_OUT]; /* the first ones */
    uint32_t n_items_files;
    mf_report_items_file items_file[MF_REPORT_ITEMS_FILES];
    bool has_items; /* they were read (item_data.h): */
    mf_items_facts items;
    uint32_t n_attributes, title; /* as in mf_attributes */
    mf_attribute attribute[MF_ATTRIBUTES_MAX];
    uint32_t n_dialects;
    mf_report_dialect dialect[MF_REPORT_DIALECTS];
    uint32_t n_warnings;
    mf_report_warning warning[MF_REPORT_WARNINGS];
    mf_ratings_counts counts;
    uint32_t n_users, n_items;
    uint64_t n_ratings;
    mf_feedback feedback;
    /* Of the values: */
    float least, most;
    double mean;
    uint32_t n_distinct; /* 0: more than MF_VALUES_COUNTED */
    mf_report_values values;
    /* Of the times, in seconds since 1970; first > last: there are none. */
    double first, last;
    uint32_t n_examples;
    char example[MF_DIALECT_EXAMPLES][MF_ROLES][48];
} mf_data_report;

/* Files that are left out, and the dialects of those that are read. plan NULL: a stream. */
void mf_data_report_begin(mf_data_report *report, const mf_data_plan *plan);

/* What was read by the reader (which is finished) and its ratings, and the warnings. */
void mf_data_report_end(mf_data_report *report, const mf_ratings_reader *reader,
                        const mf_ratings *ratings);

/* Whether the ratings of two channels have different ranges. */
bool mf_data_report_scales_differ(const mf_data_report *a, const mf_data_report *b);

/* A file that is left out, with the reason. */
void mf_data_report_leave_out(mf_data_report *report, const char *name, const char *reason);

/* A file of items; false: there are too many. */
bool mf_data_report_add_items_file(mf_data_report *report, const char *path, const char *name);

/* "title", "text", "number" or "categories". Returns text. */
char *mf_data_attribute_kind(const mf_data_report *report, uint32_t attribute,
                             char text[MF_ATTRIBUTE_KIND_BYTES]);

/* The log's lines: not_ratings, columns, values and the warnings. */
void mf_data_report_log_files(const mf_data_report *report, const char *channel);
void mf_data_report_log(const mf_data_report *report, const char *channel);

/* "2005-04-02T23:53:47Z"; text has 32 bytes. Returns text. */
char *mf_data_time_text(double seconds, char text[32]);

#endif
