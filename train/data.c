/* data.c: a plan of the files, then their rows, then what was understood. */
#include "data.h"

#include "base/clock.h"
#include "base/log.h"
#include "data_files.h"
#include "data_plan.h"
#include "data_share.h"
#include "data_warning.h"
#include "progress.h"
#include "sagemaker/channel_data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void log_channel(const mf_channel *channel, const mf_ratings *ratings,
                        const mf_data_report *report, double seconds)
{
    const mf_ratings_counts *counts = &ratings->counts;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "channel");
    mf_log_text(&line, "name", channel->name);
    mf_log_text(&line, "mode", mf_channel_mode_name(channel->mode));
    mf_log_count(&line, "files", report->n_files);
    mf_log_count(&line, "rating_files", counts->n_files);
    mf_log_count(&line, "bytes", counts->n_bytes);
    mf_log_count(&line, "rows", counts->n_rows);
    mf_log_count(&line, "bad_rows", counts->n_bad_rows);
    mf_log_count(&line, "blank_rows", counts->n_blank_rows);
    mf_log_count(&line, "header_rows", counts->n_header_rows);
    mf_log_count(&line, "line_ends_in_fields", counts->n_in_fields);
    if (counts->n_timeless > 0)
        mf_log_count(&line, "timeless_rows", counts->n_timeless);
    if (counts->n_future > 0)
        mf_log_count(&line, "future_rows", counts->n_future);
    if (counts->n_not_rated > 0)
        mf_log_count(&line, "not_rated", counts->n_not_rated);
    if (counts->n_tombstones > 0) {
        mf_log_count(&line, "tombstones", counts->n_tombstones);
        mf_log_count(&line, "forgotten", counts->n_forgotten);
    }
    mf_log_count(&line, "repeated", counts->n_repeated);
    if (ratings->feedback == MF_FEEDBACK_IMPLICIT) {
        mf_log_text(&line, "feedback", "implicit");
        mf_log_count(&line, "zero_weights", counts->n_zero_weights);
    }
    mf_log_count(&line, "ratings", ratings->n_ratings);
    mf_log_count(&line, "users", ratings->n_users);
    mf_log_count(&line, "items", ratings->n_items);
    mf_log_number(&line, "seconds", seconds, 3);
    mf_log_end(&line);
    for (uint32_t i = 0; i < counts->n_named; i++)
        mf_log_message(MF_LOG_WARNING, "bad_row", "%s", counts->bad_rows[i]);
    if (counts->n_bad_rows > counts->n_named)
        mf_log_message(MF_LOG_WARNING, "bad_row", "and %llu more rows left out",
                       (unsigned long long)(counts->n_bad_rows - counts->n_named));
}

enum { FILES_NAMED = 5 };

/* What a file would have needed to be read. */
static const char *needed(mf_feedback feedback)
{
    switch (feedback) {
    case MF_FEEDBACK_EXPLICIT:
        return "columns user, item and rating";
    case MF_FEEDBACK_IMPLICIT:
        return "columns user and item";
    case MF_FEEDBACK_AUTO:
        break;
    }
    return "columns user, item and rating (or user and item, for implicit feedback)";
}

/* None of the files can be read. */
static bool fail_findings(const mf_channel *channel, const mf_data_plan *plan, mf_error *err)
{
    char text[700] = "";
    size_t used = 0;
    bool is_missing = false;
    bool is_given = false;
    for (size_t i = 0; i < plan->n && i < FILES_NAMED; i++) {
        char entry[500];
        const char *reason = plan->file[i].reason != NULL ? plan->file[i].reason : "";
        const int n = snprintf(entry, sizeof entry, "%s%.96s (%.*s)", used > 0 ? "; " : "",
                               plan->file[i].name, plan->n == 1 ? 380 : 200, reason);
        is_missing |= strstr(reason, "; missing: ") != NULL;
        is_given |= strstr(reason, "_column=") != NULL; /* a setting names what is missing */
        if (n > 0 && used + (size_t)n < sizeof text) {
            memcpy(text + used, entry, (size_t)n + 1);
            used += (size_t)n;
        }
    }
    const char *hint = is_missing && !is_given
                           ? "; user_column=…, item_column=… and rating_column=… name other columns"
                           : "";
    if (plan->n == 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "channel %s: its only file has no %s: %s%s",
                       channel->name, needed(plan->feedback), text, hint);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s: none of its %zu files has the %s: %s%s%s", channel->name, plan->n,
                   needed(plan->feedback), text, plan->n > FILES_NAMED ? "; …" : "", hint);
}

/* Reads the files of the plan, in order. */
static bool add_files(const mf_data_plan *plan, mf_ratings_reader *reader, mf_error *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        const mf_planned_file *file = &plan->file[i];
        if (!file->is_read)
            continue;
        mf_progress_phase("reading", file->name);
        const mf_dialect dialect = mf_data_plan_dialect(plan, file);
        if (!mf_ratings_reader_add_as(reader, file->path, &dialect, err))
            return false;
    }
    return true;
}

/* A reader with all files that can be read. NULL on failure. */
static mf_ratings_reader *read_plan(const mf_channel *channel, const mf_data_files *files,
                                    const mf_data_plan *plan, const mf_ratings_options *options,
                                    mf_error *err)
{
    if (files->group != NULL)
        return mf_data_share_read(channel, files, plan, options, err);
    mf_ratings_reader *reader = mf_ratings_reader_create(options, err);
    if (reader != NULL && add_files(plan, reader, err))
        return reader;
    mf_ratings_reader_destroy(reader);
    return NULL;
}

static mf_ratings_reader *read_files(const mf_channel *channel, mf_hosts_group *group,
                                     const mf_ratings_options *options,
                                     const mf_data_report *before, mf_data_report *report,
                                     mf_error *err)
{
    mf_data_files files;
    mf_data_plan plan = {0};
    mf_ratings_options how = *options;
    mf_ratings_reader *reader = NULL;
    const bool is_train = channel->rule != NULL && strcmp(channel->rule->name, "train") == 0;
    bool ok = mf_data_files_list(channel, group, &files, err);
    if (!ok)
        goto done;
    ok = mf_data_plan_make(&files, options, before, &plan, err) &&
         (!is_train || mf_data_plan_find_items(&plan, &files, options, err));
    mf_data_report_begin(report, &plan);
    mf_data_report_log_files(report, channel->name);
    if (ok && plan.n_read == 0)
        ok = fail_findings(channel, &plan, err);
    if (ok) {
        how.feedback = plan.feedback;
        reader = read_plan(channel, &files, &plan, &how, err);
    }
done:
    mf_data_plan_clear(&plan);
    mf_data_files_clear(&files);
    return reader;
}

/* The same error with the channel's name in front. */
static void name_channel(const mf_channel *channel, mf_error *err)
{
    const mf_error cause = *err;
    mf_error_clear(err);
    mf_fail(err, cause.code, MF_NOWHERE, "channel %s: %s", channel->name, cause.text);
}

static mf_ratings_reader *read_pipe(const mf_channel *channel, const mf_ratings_options *options,
                                    mf_error *err)
{
    int fd;
    mf_ratings_reader *reader = mf_ratings_reader_create(options, err);
    if (reader == NULL)
        return NULL;
    mf_progress_phase("waiting for", channel->path);
    bool ok = mf_pipe_open(channel, 0, MF_PIPE_DEADLINE_SECONDS, &fd, err);
    if (ok) {
        ok = mf_ratings_reader_add_stream(reader, fd, channel->path, err);
        close(fd);
    }
    if (ok)
        return reader;
    mf_ratings_reader_destroy(reader);
    return NULL;
}

static mf_ratings *finish(const mf_channel *channel, mf_ratings_reader *reader,
                          mf_data_report *report, double start, mf_error *err)
{
    mf_ratings *ratings = mf_ratings_reader_finish(reader, err);
    if (ratings == NULL && err->code == MF_ERR_PARSE)
        name_channel(channel, err);
    if (ratings == NULL)
        return NULL;
    log_channel(channel, ratings, report, mf_clock_seconds() - start);
    mf_data_report_end(report, reader, ratings);
    mf_data_report_log(report, channel->name);
    return ratings;
}

static bool is_usual_order(const mf_dialect *dialect)
{
    return dialect->column[MF_ROLE_USER] < dialect->column[MF_ROLE_ITEM] &&
           (!dialect->has_value || dialect->column[MF_ROLE_ITEM] < dialect->column[MF_ROLE_VALUE]);
}

/* Rows without a header are taken for user, item, rating, and not so where headers of the training
 * data have another order. */
static bool check_order(const mf_channel *channel, const mf_data_report *report,
                        const mf_data_report *before, mf_error *err)
{
    const mf_report_dialect *guessed = NULL;
    for (uint32_t d = 0; d < report->n_dialects && guessed == NULL; d++)
        guessed = report->dialect[d].dialect.is_guess ? &report->dialect[d] : NULL;
    for (uint32_t d = 0; guessed != NULL && d < before->n_dialects; d++) {
        const mf_report_dialect *other = &before->dialect[d];
        if (other->dialect.has_header && other->dialect.text == MF_TEXT_CSV &&
            !is_usual_order(&other->dialect))
            return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                           "channel %s: %.150s has no header, and the header of %.150s of channel "
                           "train has the columns in another order than user, item, rating: give "
                           "the file a header",
                           channel->name, guessed->file[0], other->file[0]);
    }
    return true;
}

mf_ratings *mf_data_read_channel(const mf_channel *channel, mf_hosts_group *group,
                                 const mf_ratings_options *options, const mf_data_report *before,
                                 mf_data_report *report, mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_ratings *ratings = NULL;
    mf_ratings_reader *reader;
    if (channel->mode == MF_CHANNEL_PIPE) {
        mf_data_report_begin(report, NULL);
        reader = read_pipe(channel, options, err);
    } else {
        reader = read_files(channel, group, options, before, report, err);
    }
    if (reader != NULL)
        ratings = finish(channel, reader, report, start, err);
    if (ratings != NULL && before != NULL && !check_order(channel, report, before, err)) {
        mf_ratings_destroy(ratings);
        ratings = NULL;
    }
    mf_progress_clear();
    mf_ratings_reader_destroy(reader);
    return ratings;
}

bool mf_data_check_known(const mf_ratings *held_out, const mf_ratings_rows *aligned,
                         mf_data_report *report, mf_error *err)
{
    uint64_t n_users = 0;
    uint64_t n_known = 0;
    uint64_t n_item_rows = 0;
    for (uint32_t u = 0; u < held_out->n_users; u++)
        n_users += aligned->user[held_out->user_start[u]] != MF_INDEX_NONE;
    for (uint64_t k = 0; k < aligned->n; k++) {
        n_item_rows += aligned->item[k] != MF_INDEX_NONE;
        n_known += aligned->user[k] != MF_INDEX_NONE && aligned->item[k] != MF_INDEX_NONE;
    }
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "validation_known");
    mf_log_count(&line, "users", n_users);
    mf_log_count(&line, "of_users", held_out->n_users);
    mf_log_count(&line, "rows", n_known);
    mf_log_count(&line, "of_rows", aligned->n);
    mf_log_end(&line);
    if (n_known == 0)
        return mf_fail(
            err, MF_ERR_CONFIG, MF_NOWHERE,
            "channel validation: training knows none of its %llu rows (%llu of %lu users, "
            "the items of %llu rows): are user and item in the same columns, and the ids "
            "those of channel train?",
            (unsigned long long)aligned->n, (unsigned long long)n_users,
            (unsigned long)held_out->n_users, (unsigned long long)n_item_rows);
    if (2 * n_known < aligned->n) {
        mf_data_report_warn(report, "few_known",
                            "training knows user and item of %llu of %llu validation rows: the "
                            "others are predicted from what is known of one of them, or of neither",
                            (unsigned long long)n_known, (unsigned long long)aligned->n);
        mf_log_message(MF_LOG_WARNING, "few_known", "%s",
                       report->warning[report->n_warnings - 1].text);
    }
    return true;
}
