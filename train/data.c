/* data.c: promises in data.h. */
#include "data.h"

#include "base/clock.h"
#include "base/log.h"
#include "progress.h"
#include "ratings/dialect.h"
#include "sagemaker/channel_files.h"
#include "sagemaker/pipe.h"

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

/* What a channel without ratings held instead, for the error: the first few files
 * and why each was left alone. */
typedef struct findings {
    size_t n;
    size_t used;
    char text[640];
} findings;

static void note(findings *found, const mf_channel *channel, const char *name, const char *reason)
{
    found->n++;
    if (found->n <= FILES_LOGGED) {
        mf_log_line line;
        mf_log_begin(&line, MF_LOG_INFO, "not_ratings");
        mf_log_text(&line, "channel", channel->name);
        mf_log_text(&line, "file", name);
        mf_log_text(&line, "reason", reason);
        mf_log_end(&line);
    }
    if (found->n > FILES_NAMED)
        return;
    char entry[400];
    const int n = snprintf(entry, sizeof entry, "%s%.96s (%.200s)", found->used > 0 ? "; " : "",
                           name, reason);
    if (n > 0 && found->used + (size_t)n < sizeof found->text) {
        memcpy(found->text + found->used, entry, (size_t)n + 1);
        found->used += (size_t)n;
    }
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

/* MF_FEEDBACK_IMPLICIT where no file has ratings and one has implicit feedback. */
static bool choose_feedback(const mf_channel_files *files, mf_ratings_options *options,
                            mf_error *err)
{
    mf_feedback found = MF_FEEDBACK_AUTO;
    options->feedback = mf_dialect_feedback(options);
    if (options->feedback != MF_FEEDBACK_AUTO)
        return true;
    for (size_t i = 0; i < files->n && found != MF_FEEDBACK_EXPLICIT; i++) {
        mf_feedback one;
        if (!mf_ratings_look(files->file[i].path, options, &one, err))
            return false;
        if (one != MF_FEEDBACK_AUTO)
            found = one;
    }
    if (found == MF_FEEDBACK_IMPLICIT)
        options->feedback = MF_FEEDBACK_IMPLICIT;
    return true;
}

static bool read_files(const mf_channel *channel, const mf_channel_files *files,
                       mf_ratings_reader *reader, mf_feedback feedback, mf_error *err)
{
    findings found = {0};
    for (size_t i = 0; i < files->n; i++) {
        const mf_channel_file *file = &files->file[i];
        mf_progress_phase("reading", file->name);
        mf_ratings_verdict verdict;
        char reason[MF_RATINGS_REASON_BYTES];
        if (!mf_ratings_reader_add(reader, file->path, &verdict, reason, err))
            return false;
        if (verdict == MF_RATINGS_NOT_RATINGS)
            note(&found, channel, file->name, reason);
    }
    if (found.n > FILES_LOGGED)
        mf_log_message(MF_LOG_INFO, "not_ratings", "and %zu more files of channel %s",
                       found.n - FILES_LOGGED, channel->name);
    if (found.n < files->n)
        return true;
    if (files->n == 1)
        return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE, "channel %s: its only file has no %s: %s",
                       channel->name, needed(feedback), found.text);
    return mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                   "channel %s: none of its %zu files has the %s: %s%s", channel->name, files->n,
                   needed(feedback), found.text, found.n > FILES_NAMED ? "; …" : "");
}

/* The same error with the channel's name in front. */
static void name_channel(const mf_channel *channel, mf_error *err)
{
    const mf_error cause = *err;
    mf_error_clear(err);
    mf_fail(err, cause.code, MF_NOWHERE, "channel %s: %s", channel->name, cause.text);
}

static bool read_pipe(const mf_channel *channel, mf_ratings_reader *reader, mf_error *err)
{
    int fd;
    mf_progress_phase("waiting for", channel->path);
    if (!mf_pipe_open(channel, 0, MF_PIPE_DEADLINE_SECONDS, &fd, err))
        return false;
    const bool ok = mf_ratings_reader_add_stream(reader, fd, channel->path, err);
    close(fd);
    return ok;
}

mf_ratings *mf_data_read_channel(const mf_channel *channel, const mf_ratings_options *options,
                                 mf_error *err)
{
    const double start = mf_clock_seconds();
    mf_ratings_options how = *options;
    mf_ratings *ratings = NULL;
    mf_ratings_reader *reader = NULL;
    mf_channel_files *files = NULL;
    if (channel->mode != MF_CHANNEL_PIPE) {
        files = mf_channel_files_create(channel, err);
        if (files == NULL || !choose_feedback(files, &how, err))
            goto done;
    }
    reader = mf_ratings_reader_create(&how, err);
    if (reader == NULL)
        goto done;
    if (files == NULL ? !read_pipe(channel, reader, err)
                      : !read_files(channel, files, reader, how.feedback, err))
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
