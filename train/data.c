/* data.c: promises in data.h. */
#include "data.h"

#include "base/clock.h"
#include "base/log.h"
#include "progress.h"
#include "ratings/dialect.h"
#include "sagemaker/channel_data.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void log_channel(const mf_channel *channel, const mf_ratings *ratings, uint64_t n_files,
                        double seconds)
{
    const mf_ratings_counts *counts = &ratings->counts;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "channel");
    mf_log_text(&line, "name", channel->name);
    mf_log_text(&line, "mode", mf_channel_mode_name(channel->mode));
    mf_log_count(&line, "files", n_files);
    mf_log_count(&line, "rating_files", counts->n_files);
    mf_log_count(&line, "bytes", counts->n_bytes);
    mf_log_count(&line, "rows", counts->n_rows);
    mf_log_count(&line, "bad_rows", counts->n_bad_rows);
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

/* A folder may hold thousands of files of other things. */
enum { FILES_LOGGED = 20, FILES_NAMED = 5 };

/* The files of a channel that were left alone, and why: the first few of them. */
typedef struct findings {
    size_t n;
    const char *name[FILES_LOGGED]; /* the channel's */
    char reason[FILES_LOGGED][MF_RATINGS_REASON_BYTES];
} findings;

static void log_findings(const mf_channel *channel, const findings *found)
{
    for (size_t i = 0; i < found->n && i < FILES_LOGGED; i++) {
        mf_log_line line;
        mf_log_begin(&line, MF_LOG_INFO, "not_ratings");
        mf_log_text(&line, "channel", channel->name);
        mf_log_text(&line, "file", found->name[i]);
        mf_log_text(&line, "reason", found->reason[i]);
        mf_log_end(&line);
    }
    if (found->n > FILES_LOGGED)
        mf_log_message(MF_LOG_INFO, "not_ratings", "and %zu more files of channel %s",
                       found->n - FILES_LOGGED, channel->name);
}

/* What a file would have needed to be read. */
static const char *needed(mf_feedback feedback)
{
    switch (feedback) {
    case MF_FEEDBACK_EXPLICIT:
        return "columns user, item and rating";
    case MF_FEEDBACK_IMPLICIT:
        return "columns user and item in a header";
    case MF_FEEDBACK_AUTO:
        break;
    }
    return "columns user, item and rating (or user and item, for implicit feedback)";
}

/* None of the files could be read. */
static bool fail_findings(const mf_channel *channel, const findings *found, mf_feedback feedback,
                          mf_error *err)
{
    char text[640] = "";
    size_t used = 0;
    for (size_t i = 0; i < found->n && i < FILES_NAMED; i++) {
        char entry[400];
        const int n = snprintf(entry, sizeof entry, "%s%.96s (%.200s)", used > 0 ? "; " : "",
                               found->name[i], found->reason[i]);
        if (n > 0 && used + (size_t)n < sizeof text) {
            memcpy(text + used, entry, (size_t)n + 1);
            used += (size_t)n;
        }
    }
    if (found->n == 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "channel %s: its only file has no %s: %s",
                       channel->name, needed(feedback), text);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s: none of its %zu files has the %s: %s%s", channel->name, found->n,
                   needed(feedback), text, found->n > FILES_NAMED ? "; …" : "");
}

/* Adds every file to the reader, or finds out why not. */
static bool add_files(const mf_channel_files *files, mf_ratings_reader *reader, findings *found,
                      mf_error *err)
{
    found->n = 0;
    for (size_t i = 0; i < files->n; i++) {
        const mf_channel_file *file = &files->file[i];
        mf_progress_phase("reading", file->name);
        mf_ratings_verdict verdict;
        char reason[MF_RATINGS_REASON_BYTES];
        if (!mf_ratings_reader_add(reader, file->path, &verdict, reason, err))
            return false;
        if (verdict != MF_RATINGS_NOT_RATINGS)
            continue;
        if (found->n < FILES_LOGGED) {
            found->name[found->n] = file->name;
            memcpy(found->reason[found->n], reason, sizeof reason);
        }
        found->n++;
    }
    return true;
}

static bool any_implicit(const mf_channel_files *files, const mf_ratings_options *options,
                         bool *is_any, mf_error *err)
{
    *is_any = false;
    for (size_t i = 0; i < files->n && !*is_any; i++) {
        mf_feedback found;
        if (!mf_ratings_look(files->file[i].path, options, &found, err))
            return false;
        *is_any = found == MF_FEEDBACK_IMPLICIT;
    }
    return true;
}

/* A reader with all files that can be read. Files with
 * ratings are read once and in order: a channel may be mounted lazily. Only when there
 * is none, the files are looked at again for implicit feedback. NULL on failure. */
static mf_ratings_reader *read_files(const mf_channel *channel, const mf_channel_files *files,
                                     const mf_ratings_options *options, mf_error *err)
{
    mf_ratings_options how = *options;
    findings found = {0};
    mf_ratings_reader *reader = mf_ratings_reader_create(&how, err);
    bool ok = reader != NULL && add_files(files, reader, &found, err);
    bool is_implicit = false;
    how.feedback = mf_dialect_feedback(options);
    if (ok && found.n == files->n && how.feedback == MF_FEEDBACK_AUTO)
        ok = any_implicit(files, &how, &is_implicit, err);
    if (is_implicit) {
        how.feedback = MF_FEEDBACK_IMPLICIT;
        mf_ratings_reader_destroy(reader);
        reader = mf_ratings_reader_create(&how, err);
        ok = reader != NULL && add_files(files, reader, &found, err);
    }
    log_findings(channel, &found);
    if (ok && found.n == files->n)
        ok = fail_findings(channel, &found, how.feedback, err);
    if (ok)
        return reader;
    mf_ratings_reader_destroy(reader);
    return NULL;
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

mf_ratings *mf_data_read_channel(const mf_channel *channel, const mf_ratings_options *options,
                                 mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_ratings *ratings = NULL;
    mf_ratings_reader *reader = NULL;
    mf_channel_files *files = NULL;
    if (channel->mode == MF_CHANNEL_PIPE) {
        reader = read_pipe(channel, options, err);
    } else {
        files = mf_channel_files_create(channel, err);
        if (files != NULL)
            reader = read_files(channel, files, options, err);
    }
    if (reader == NULL)
        goto done;
    ratings = mf_ratings_reader_finish(reader, err);
    if (ratings == NULL && err->code == MF_ERR_PARSE)
        name_channel(channel, err);
    if (ratings != NULL)
        log_channel(channel, ratings, files != NULL ? files->n : 1, mf_clock_seconds() - start);
done:
    mf_progress_clear();
    mf_channel_files_destroy(files);
    mf_ratings_reader_destroy(reader);
    return ratings;
}
