/* data_plan.h: which files of a channel are read, and how.
 *
 * Every file is looked at (its first 64 KiB) before any is read, since a file may say how another
 * is written: the parts that `split` makes of a file with a header have it in the first alone.
 *
 * (1) A file with a header of its own is read by that.
 * (2) A file without one whose rows have the width and the delimiter of a file with a header, in
 *     a file of the same kind (.csv, .txt, …), is read as that file's rows are.
 * (3) A file that is not ratings on its own, such as a part whose first row is bad, is read like
 *     a file that is, where its name is the same but for digits and its rows fit. Where they do
 *     not, although it is data without a header, a table with users and items or of the same width
 *     in the same folder, or in a form that is not read, the job fails: half of the data would be
 *     missing.
 * (4) Ratings are read where a file has some; else implicit feedback. JSON without ratings is read
 *     beside files with ratings all the same, as events without a rating (counted as not rated):
 *     a user who is to be forgotten (ratings/forget.h) may be anywhere in it.
 * (5) Where files count times in different units, all are read as seconds.
 * (6) A file without a header for which (2) finds none in its channel is read by the header of a file of
 *     another channel, which was read before: validation data by that of the training data.
 *
 * All hosts make the same plan. A file of a sharded channel is looked at by the host that has it,
 * which tells the others what it saw.
 *
 * Threads: one. Cost: a file is opened once more, some twice more. */
#ifndef MF_TRAIN_DATA_PLAN_H
#define MF_TRAIN_DATA_PLAN_H

#include "base/error.h"
#include "data_files.h"
#include "ratings/dialect.h"
#include "ratings/ratings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MF_ITEMS_FILES_MOST = 16 }; /* of items beside the ratings; more are left out */

typedef struct mf_planned_file {
    const char *path, *name; /* the channel's */
    size_t number;           /* among the channel's files */
    bool is_read;
    bool is_plain;    /* a regular file whose bytes are the text */
    const char *like; /* the name of the file that says how this one is written; or NULL */
    bool is_like_other_channel; /* (6) */
    uint32_t dialect; /* number among the plan's; of a file that is not read, what fits best */
    bool is_data;     /* rows without a header */
    bool is_binary;
    bool is_items; /* not read here, but a file of items (items/items.h) */
    char *reason;  /* of a file that is not read */
    mf_data_head head;
} mf_planned_file;

typedef struct mf_data_plan {
    size_t n;
    size_t n_read;
    size_t n_folder;       /* bytes of the files' paths before their names */
    mf_planned_file *file; /* [n] in the channel's order */
    mf_dialect *dialects;  /* [n_dialects] */
    size_t n_dialects;
    mf_feedback feedback; /* of what is read; of what was looked for, when nothing is */
    bool mixed_times;     /* (5) */
    mf_look example;      /* of the first file that is read */
} mf_data_plan;

/* All hosts. before: what was read of the other channel of (6), which stays as long as the plan; NULL:
 * none. Fails as mf_ratings_look; MF_ERR_CONFIG as (3) says, and where the headers of (6) differ. The
 * plan is the caller's to clear, also after a failure; the files stay until then. */
struct mf_data_report;
MF_MUST_CHECK bool mf_data_plan_make(const mf_data_files *files, const mf_ratings_options *options,
                                     const struct mf_data_report *before, mf_data_plan *plan,
                                     mf_error *err);

/* All hosts: recognizes the files of items among those that are not read, where any is, and fetches
 * them. Fails as mf_items_recognize and mf_data_file_fetch. */
MF_MUST_CHECK bool mf_data_plan_find_items(mf_data_plan *plan, mf_data_files *files,
                                           const mf_ratings_options *options, mf_error *err);

/* The dialect of a file that is read, with what is the file's own. */
mf_dialect mf_data_plan_dialect(const mf_data_plan *plan, const mf_planned_file *file);

void mf_data_plan_clear(mf_data_plan *plan);

/* Two names of files that differ in digits alone, or in the last two letters as those that
 * `split` makes do, whatever their folders. */
bool mf_data_names_are_alike(const char *a, const char *b);

#endif
