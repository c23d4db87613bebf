/* data_report.c: the warnings, each with the numbers that made it. */
#include "data_report.h"

#include "base/log.h"
#include "base/number.h"
#include "data_values.h"
#include "data_warning.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const double MANY_REPEATED = 0.1; /* of the rows */
static const double OTHER_SCALE = 0.4;   /* of the whole range */
enum { ROWS_OF_A_SCALE = 10, ROWS_OF_ONE_VALUE = 5, SHARED_NAMED = 5, MANY_ITEMS = 20 };

char *mf_data_time_text(double seconds, char text[32])
{
    struct tm parts;
    const time_t whole = (time_t)floor(seconds);
    if (!(fabs(seconds) < 1e12) || gmtime_r(&whole, &parts) == NULL ||
        strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(text, 32, "%.17g", seconds);
    return text;
}

static void copy_name(char to[MF_REPORT_NAME_BYTES], const char *name)
{
    mf_printable(to, MF_REPORT_NAME_BYTES, name, strlen(name));
}

static void add_file(mf_data_report *report, const mf_dialect *dialect, const char *name)
{
    char text[MF_DIALECT_TEXT_BYTES];
    char other[MF_DIALECT_TEXT_BYTES];
    uint32_t d = 0;
    mf_dialect_text(dialect, text);
    while (d < report->n_dialects &&
           strcmp(text, mf_dialect_text(&report->dialect[d].dialect, other)) != 0)
        d++;
    if (d == MF_REPORT_DIALECTS)
        return;
    if (d == report->n_dialects)
        report->dialect[report->n_dialects++].dialect = *dialect;
    mf_report_dialect *of = &report->dialect[d];
    if (of->n_files < MF_REPORT_FILES)
        copy_name(of->file[of->n_files], name);
    of->n_files++;
}

/* A word of the name, as in "test.csv", "u1.test", "ratings_validation.csv", "test/part-0.csv". */
static bool has_word(const char *name, const char *word)
{
    const char *at = name;
    const size_t n = strlen(word);
    for (; *at != '\0'; at++)
        if (strncasecmp(at, word, n) == 0 && (at == name || !isalpha((unsigned char)at[-1])) &&
            !isalpha((unsigned char)at[n]))
            return true;
    return false;
}

static bool is_held_out(const char *name)
{
    static const char *const words[] = {"test", "tests", "testing", "valid", "validation",
                                        "val",  "dev",   "holdout", "eval",  "heldout"};
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        if (has_word(name, words[w]))
            return true;
    return false;
}

static void warn_held_out(mf_data_report *report, const mf_data_plan *plan)
{
    const char *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < plan->n; i++)
        if (plan->file[i].is_read && is_held_out(plan->file[i].name)) {
            first = first != NULL ? first : plan->file[i].name;
            n++;
        }
    if (n > 0 && n < plan->n_read)
        mf_data_report_warn(report, "test_file_read",
                            "%.150s%s read as training data: files to measure with belong into the "
                            "channel validation",
                            first, n > 1 ? " and others like it are" : " is");
}

void mf_data_report_leave_out(mf_data_report *report, const char *name, const char *reason)
{
    if (report->n_left_out < MF_REPORT_LEFT_OUT) {
        mf_report_left_out *left = &report->left_out[report->n_left_out];
        copy_name(left->name, name);
        snprintf(left->reason, sizeof left->reason, "%s", reason);
    }
    report->n_left_out++;
}

bool mf_data_report_add_items_file(mf_data_report *report, const char *path, const char *name)
{
    if (report->n_items_files == MF_REPORT_ITEMS_FILES || strlen(path) >= MF_PATH_BYTES)
        return false;
    mf_report_items_file *file = &report->items_file[report->n_items_files++];
    copy_name(file->name, name);
    memcpy(file->path, path, strlen(path) + 1);
    return true;
}

char *mf_data_attribute_kind(const mf_data_report *report, uint32_t attribute,
                             char text[MF_ATTRIBUTE_KIND_BYTES])
{
    static const char *const names[] = {[MF_ATTRIBUTE_TEXT] = "text",
                                        [MF_ATTRIBUTE_NUMBER] = "number",
                                        [MF_ATTRIBUTE_CATEGORIES] = "categories"};
    snprintf(text, MF_ATTRIBUTE_KIND_BYTES, "%s",
             attribute == report->title ? "title" : names[report->attribute[attribute].kind]);
    return text;
}

static void warn_left_out(mf_data_report *report)
{
    if (report->n_left_out > 0)
        mf_data_report_warn(report, "left_out", "%llu of %llu files %s left out: %.150s%s",
                            (unsigned long long)report->n_left_out,
                            (unsigned long long)report->n_files,
                            report->n_left_out == 1 ? "is" : "are", report->left_out[0].name,
                            report->n_left_out == 1 ? "" : " and others");
}

void mf_data_report_begin(mf_data_report *report, const mf_data_plan *plan)
{
    memset(report, 0, sizeof *report);
    report->n_files = 1;
    report->first = (double)INFINITY;
    report->last = -(double)INFINITY;
    if (plan == NULL)
        return;
    report->n_files = plan->n;
    report->n_folder = plan->n_folder;
    report->n_examples = plan->example.n_examples;
    memcpy(report->example, plan->example.example, sizeof report->example);
    for (size_t i = 0; i < plan->n; i++) {
        const mf_planned_file *file = &plan->file[i];
        if (file->is_read || file->reason == NULL ||
            (file->is_items && mf_data_report_add_items_file(report, file->path, file->name)))
            continue;
        mf_data_report_leave_out(report, file->name, file->reason);
    }
    if (plan->n_read > 0)
        warn_left_out(report);
    warn_held_out(report, plan);
    if (plan->mixed_times)
        mf_data_report_warn(report, "mixed_times",
                            "files count time in different units (seconds, milliseconds, …): all "
                            "are read as seconds");
    for (size_t i = 0; i < plan->n; i++)
        if (plan->file[i].is_read && plan->file[i].like != NULL)
            mf_data_report_warn(report, "read_like",
                                "%.150s has no header: its columns are those of %.150s%s",
                                plan->file[i].name, plan->file[i].like,
                                plan->file[i].is_like_other_channel ? " of channel train" : "");
}

static void warn_users(mf_data_report *report, const mf_ratings *ratings)
{
    uint32_t n_single = 0;
    for (uint32_t u = 0; u < ratings->n_users; u++)
        n_single += ratings->user_start[u + 1] - ratings->user_start[u] < 2;
    const uint64_t n_good = ratings->n_ratings + ratings->counts.n_repeated;
    if (ratings->n_users >= 3 && ratings->n_users == n_good)
        mf_data_report_warn(
            report, "a_user_a_row",
            "every row has a user of its own (%lu): user_column=… says which column "
            "has the users",
            (unsigned long)ratings->n_users);
    else if (ratings->n_users >= 3 && 2 * (uint64_t)n_single > ratings->n_users)
        mf_data_report_warn(report, "few_ratings",
                            "%lu of %lu users have fewer than two ratings: little can be learned "
                            "about them",
                            (unsigned long)n_single, (unsigned long)ratings->n_users);
    if (ratings->n_items >= MANY_ITEMS && ratings->n_items == n_good)
        mf_data_report_warn(
            report, "an_item_a_row",
            "every row has an item of its own (%lu): item_column=… says which column "
            "has the items",
            (unsigned long)ratings->n_items);
}

static bool is_float_like(mf_id id)
{
    return id.n_bytes > 2 && memcmp(id.bytes + id.n_bytes - 2, ".0", 2) == 0 &&
           strspn(id.bytes, "0123456789") >= id.n_bytes - 2;
}

static bool is_whole_id(mf_id id)
{
    for (size_t i = 0; i < id.n_bytes; i++)
        if (!isdigit((unsigned char)id.bytes[i]))
            return false;
    return true;
}

/* 1.23457E+11: what a spreadsheet makes of a long number. */
static bool is_rounded(mf_id id)
{
    return id.n_bytes > 4 && isdigit((unsigned char)id.bytes[0]) && id.bytes[1] == '.' &&
           memchr(id.bytes, '+', id.n_bytes) != NULL &&
           (memchr(id.bytes, 'E', id.n_bytes) != NULL || memchr(id.bytes, 'e', id.n_bytes) != NULL);
}

static bool has_mark(mf_id id)
{
    return id.n_bytes >= 3 && memcmp(id.bytes, "\xEF\xBB\xBF", 3) == 0;
}

static bool is_missing(mf_id id)
{
    return mf_value_is_missing((mf_cell){id.bytes, id.n_bytes});
}

/* How many ids are of a kind, and the first of them. */
static uint64_t count_ids(const mf_id_list *ids, bool (*is_kind)(mf_id id), char example[40])
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < ids->n; i++) {
        const mf_id id = mf_id_list_get(ids, i);
        if (is_kind(id) && n++ == 0)
            mf_printable(example, 40, id.bytes, id.n_bytes);
    }
    return n;
}

static void warn_ids(mf_data_report *report, const mf_id_list *ids, const char *what)
{
    char example[40] = "";
    const uint64_t n_whole = count_ids(ids, is_whole_id, example);
    uint64_t n = count_ids(ids, is_float_like, example);
    if (n > 0 && n_whole > 0)
        mf_data_report_warn(
            report, "float_ids",
            "%llu %s look like \"%s\" beside %llu whole numbers: \"1.0\" and \"1\" are "
            "two ids",
            (unsigned long long)n, what, example, (unsigned long long)n_whole);
    n = count_ids(ids, is_rounded, example);
    if (n > 0)
        mf_data_report_warn(report, "rounded_ids",
                            "%llu %s look like \"%s\": a spreadsheet has rounded long numbers, so "
                            "that different ids are one",
                            (unsigned long long)n, what, example);
    n = count_ids(ids, has_mark, example);
    if (n > 0)
        mf_data_report_warn(
            report, "marked_ids",
            "%llu %s begin with a byte order mark, as where files were joined: with "
            "the mark and without it they are two ids",
            (unsigned long long)n, what);
    n = count_ids(ids, is_missing, example);
    if (n > 0)
        mf_data_report_warn(report, "missing_ids",
                            "\"%s\" is read as an id like others (%s): where it means that there "
                            "is none, remove these rows",
                            example, what);
}

/* One of the first times that cannot be read; NULL: all can, or are missing. */
static const char *unreadable_time(const mf_data_report *report)
{
    mf_time_unit unit;
    for (uint32_t e = 0; e < report->n_examples; e++) {
        const char *text = report->example[e][MF_ROLE_TIMESTAMP];
        const mf_cell cell = {text, strlen(text)};
        if (!mf_value_is_missing(cell) && !mf_value_time_unit(cell, &unit))
            return text;
    }
    return NULL;
}

static void warn_timeless(mf_data_report *report)
{
    const char *example = unreadable_time(report);
    mf_data_report_warn(
        report, "timeless_rows",
        "%llu of %llu rows have no time that can be read%s%s%s: they count as older than all "
        "others; times are seconds, 2005-04-02 or 2005-04-02T23:53:47Z, and timestamp_column=none "
        "uses none",
        (unsigned long long)report->counts.n_timeless, (unsigned long long)report->counts.n_rows,
        example != NULL ? " (\"" : "", example != NULL ? example : "",
        example != NULL ? "\")" : "");
}

static void warn_rows(mf_data_report *report)
{
    const mf_ratings_counts *counts = &report->counts;
    const uint64_t n_good = report->n_ratings + counts->n_repeated;
    if (report->feedback == MF_FEEDBACK_EXPLICIT &&
        (double)counts->n_repeated > MANY_REPEATED * (double)n_good)
        mf_data_report_warn(report, "many_repeated",
                            "%llu of %llu rows repeat a pair of user and item, whose %s rating "
                            "stays: feedback=implicit counts events instead",
                            (unsigned long long)counts->n_repeated, (unsigned long long)n_good,
                            report->first <= report->last ? "newest" : "last");
    if (counts->n_timeless > 0)
        warn_timeless(report);
}

/* The newest of the files' times, as an example of those that are later than the job's clock. */
static void warn_future(mf_data_report *report)
{
    char text[32];
    if (report->counts.n_future > 0)
        mf_data_report_warn(report, "future_rows",
                            "%llu of %llu rows have times in the future, such as %s: they count as "
                            "newer than all others until then; correct or remove them",
                            (unsigned long long)report->counts.n_future,
                            (unsigned long long)report->counts.n_rows,
                            mf_data_time_text(report->last, text));
}

/* The name below the channel's folder. */
static const char *short_name(const mf_data_report *report, const char *path)
{
    return strlen(path) > report->n_folder ? path + report->n_folder : path;
}

/* The least and the greatest time of one file, as they are written, are of different units. */
static void warn_times(mf_data_report *report, const mf_file_facts *file, const mf_dialect *dialect)
{
    const double first = file->first * dialect->time_rate;
    const double last = file->last * dialect->time_rate;
    if (first > 0 && first < last && mf_time_unit_of(first) != mf_time_unit_of(last))
        mf_data_report_warn(report, "mixed_times",
                            "%.150s has times from %.17g to %.17g, which look like seconds beside "
                            "milliseconds or microseconds: the newest rating of a pair may be the "
                            "wrong one",
                            short_name(report, file->name), first, last);
}

/* JSON files of which most rows have no rating: they are left out as not rated. */
static void warn_unrated(mf_data_report *report, const mf_file_facts *files, size_t n,
                         const mf_dialect *dialects)
{
    const mf_file_facts *first = NULL;
    size_t n_files = 0;
    for (size_t f = 0; f < n && report->feedback == MF_FEEDBACK_EXPLICIT; f++) {
        const uint64_t n_left_out = files[f].n_rows - files[f].n_good;
        if (dialects[files[f].dialect].text == MF_TEXT_CSV || 2 * n_left_out <= files[f].n_rows ||
            report->counts.n_not_rated < n_left_out)
            continue;
        first = first != NULL ? first : &files[f];
        n_files++;
    }
    if (first != NULL)
        mf_data_report_warn(
            report, "not_rated_rows",
            "%llu of %llu JSON objects of %.150s%s have no rating and are left out: where another "
            "key has the ratings, rating_column=… names it",
            (unsigned long long)(first->n_rows - first->n_good), (unsigned long long)first->n_rows,
            short_name(report, first->name), n_files > 1 ? " and most of other files" : "");
}

/* Columns that may be what a job without ratings or times lacks. */
static void warn_unused(mf_data_report *report, const mf_report_dialect *of)
{
    const mf_dialect *dialect = &of->dialect;
    if (dialect->feedback == MF_FEEDBACK_IMPLICIT && dialect->unused_numbers[0] != '\0')
        mf_data_report_warn(
            report, "unused_numbers",
            "no column of %.150s is known as the rating, so its rows count as pairs "
            "without ratings; columns of numbers that are not used: %s: "
            "rating_column=… says which one is the rating, feedback=implicit that "
            "none is",
            of->file[0], dialect->unused_numbers);
    if (dialect->unused_time[0] != '\0')
        mf_data_report_warn(report, "unused_times",
                            "column %s of %.150s looks like times, but is not used: "
                            "timestamp_column=… names it, timestamp_column=none says that there "
                            "are no times",
                            dialect->unused_time, of->file[0]);
    else if (dialect->unread_time[0] != '\0')
        mf_data_report_warn(report, "unused_times",
                            "column %s of %.150s has no times that can be read, so its rows have "
                            "none: write seconds, 2005-04-02 or 2005-04-02T23:53:47Z",
                            dialect->unread_time, of->file[0]);
    if (dialect->unused_clock[0] != '\0')
        mf_data_report_warn(report, "unused_times",
                            "column %s of %.150s has times of day, which are not used: rows of one "
                            "day count as equally old; write day and time into one column, as "
                            "2005-04-02 23:53:47",
                            dialect->unused_clock, of->file[0]);
}

static void warn_dialects(mf_data_report *report)
{
    bool any_header = false;
    for (uint32_t d = 0; d < report->n_dialects; d++)
        any_header |= report->dialect[d].dialect.has_header;
    for (uint32_t d = 0; d < report->n_dialects; d++) {
        const mf_dialect *dialect = &report->dialect[d].dialect;
        const bool is_wide = report->n_items > 5 * (uint64_t)report->n_users && report->n_users > 2;
        warn_unused(report, &report->dialect[d]);
        if (dialect->has_numbers_row)
            mf_data_report_warn(report, "numbers_row",
                                "the first row of %.150s is 0, 1, 2, … and is read as a rating: "
                                "where these are numbers of columns, remove it",
                                report->dialect[d].file[0]);
        if (dialect->duplicate[0] != '\0')
            mf_data_report_warn(report, "duplicate_column",
                                "two columns are called \"%s\": the first one is used",
                                dialect->duplicate);
        if (dialect->is_guess && (dialect->has_known_order || is_wide || any_header))
            mf_data_report_warn(report, "order_guessed",
                                "%.150s has no header: column 1 is taken for the users (%lu) and "
                                "column 2 for the items (%lu); if it is the other way round, say "
                                "user_column=#2 and item_column=#1",
                                report->dialect[d].file[0], (unsigned long)report->n_users,
                                (unsigned long)report->n_items);
    }
}

/* Of few ratings only that they have none of the other's range. */
static bool scales_differ(const mf_file_facts *a, const mf_file_facts *b)
{
    const double low = fmin((double)a->low, (double)b->low);
    const double high = fmax((double)a->high, (double)b->high);
    const double least = OTHER_SCALE * (high - low);
    const uint64_t n = a->n_good < b->n_good ? a->n_good : b->n_good;
    if (n < ROWS_OF_A_SCALE && (n < 2 || (a->low <= b->high && b->low <= a->high)))
        return false;
    return fabs((double)a->high - (double)b->high) > least ||
           fabs((double)a->low - (double)b->low) > least;
}

/* A file of other rows, all with one value. */
static bool has_one_value(const mf_file_facts *first, const mf_file_facts *file)
{
    return file->n_good >= ROWS_OF_ONE_VALUE && file->low == file->high &&
           first->low < first->high && !mf_data_names_are_alike(first->name, file->name);
}

static void warn_scales(mf_data_report *report, const mf_file_facts *files, size_t n)
{
    const mf_file_facts *first = NULL;
    if (report->feedback == MF_FEEDBACK_IMPLICIT)
        return;
    for (size_t f = 0; f < n; f++)
        if (files[f].n_good > 0 && (first == NULL || files[f].n_good > first->n_good))
            first = &files[f];
    for (size_t f = 0; first != NULL && f < n; f++) {
        if (has_one_value(first, &files[f])) {
            mf_data_report_warn(report, "different_scales",
                                "every rating of %.150s is %g, those of %.150s are from %g to %g: "
                                "where it holds something else, such as trust between users, take "
                                "it out of the channel",
                                short_name(report, files[f].name), (double)files[f].low,
                                short_name(report, first->name), (double)first->low,
                                (double)first->high);
            return;
        }
        if (files[f].n_good == 0 || !scales_differ(first, &files[f]))
            continue;
        mf_data_report_warn(report, "different_scales",
                            "%.150s has ratings from %g to %g, %.150s from %g to %g: they are "
                            "learned as one scale",
                            short_name(report, first->name), (double)first->low,
                            (double)first->high, short_name(report, files[f].name),
                            (double)files[f].low, (double)files[f].high);
        return;
    }
}

bool mf_data_report_scales_differ(const mf_data_report *a, const mf_data_report *b)
{
    const mf_file_facts of_a = {.n_good = a->n_ratings, .low = a->least, .high = a->most};
    const mf_file_facts of_b = {.n_good = b->n_ratings, .low = b->least, .high = b->most};
    return a->feedback == MF_FEEDBACK_EXPLICIT && scales_differ(&of_a, &of_b);
}

static void warn_shared(mf_data_report *report, const mf_ratings_reader *reader,
                        const mf_file_facts *files, size_t n_files)
{
    mf_shared_rows shared[SHARED_NAMED];
    size_t n;
    mf_ratings_reader_shared(reader, shared, SHARED_NAMED, &n);
    for (size_t i = 0; i < n; i++) {
        const size_t a = shared[i].file[0];
        const size_t b = shared[i].file[1];
        if (a >= n_files || b >= n_files)
            continue;
        mf_data_report_warn(report, "shared_rows",
                            "%llu rows of %.150s are of pairs that %.150s has too",
                            (unsigned long long)shared[i].n, short_name(report, files[b].name),
                            short_name(report, files[a].name));
    }
}

void mf_data_report_end(mf_data_report *report, const mf_ratings_reader *reader,
                        const mf_ratings *ratings)
{
    size_t n_files;
    size_t n_dialects;
    const mf_file_facts *files = mf_ratings_reader_files(reader, &n_files);
    const mf_dialect *dialects = mf_ratings_reader_dialects(reader, &n_dialects);
    const mf_value_facts v = mf_data_values_look(ratings, &report->values);
    for (size_t f = 0; f < n_files; f++) {
        const mf_dialect *dialect = &dialects[files[f].dialect];
        /* Where times are scaled they are seconds already. */
        const double rate = dialect->time_rate != 1 ? 1 : mf_time_unit_rate(dialect->time_unit);
        mf_dialect shown = *dialect;
        if (shown.has_time && files[f].n_good > 0 && files[f].first > files[f].last)
            shown.time_unit = MF_TIME_NONE;
        add_file(report, &shown, short_name(report, files[f].name));
        report->first = fmin(report->first, files[f].first / rate);
        report->last = fmax(report->last, files[f].last / rate);
    }
    report->counts = ratings->counts;
    report->n_users = ratings->n_users;
    report->n_items = ratings->n_items;
    report->n_ratings = ratings->n_ratings;
    report->feedback = ratings->feedback;
    report->least = v.least;
    report->most = v.most;
    report->mean = v.sum / (double)ratings->n_ratings;
    report->n_distinct = mf_ratings_reader_distinct(reader);
    warn_dialects(report);
    mf_data_values_warn(report, &v);
    warn_users(report, ratings);
    warn_ids(report, &ratings->users, "user ids");
    warn_ids(report, &ratings->items, "item ids");
    warn_rows(report);
    warn_future(report);
    for (size_t f = 0; f < n_files; f++)
        warn_times(report, &files[f], &dialects[files[f].dialect]);
    warn_unrated(report, files, n_files, dialects);
    warn_scales(report, files, n_files);
    warn_shared(report, reader, files, n_files);
}

void mf_data_report_log_files(const mf_data_report *report, const char *channel)
{
    for (uint64_t i = 0; i < report->n_left_out && i < MF_REPORT_LEFT_OUT; i++) {
        mf_log_line line;
        mf_log_begin(&line, MF_LOG_INFO, "not_ratings");
        mf_log_text(&line, "channel", channel);
        mf_log_text(&line, "file", report->left_out[i].name);
        mf_log_text(&line, "reason", report->left_out[i].reason);
        mf_log_end(&line);
    }
    if (report->n_left_out > MF_REPORT_LEFT_OUT)
        mf_log_message(MF_LOG_INFO, "not_ratings", "and %llu more files of channel %s",
                       (unsigned long long)report->n_left_out - MF_REPORT_LEFT_OUT, channel);
}

static void log_dialect(const mf_report_dialect *of, const char *channel)
{
    const mf_dialect *dialect = &of->dialect;
    char text[64];
    char names[600] = "";
    size_t used = 0;
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "columns");
    mf_log_text(&line, "channel", channel);
    for (int role = 0; role < MF_ROLES; role++)
        mf_log_text(&line, mf_dialect_role(dialect, role), mf_dialect_column(dialect, role, text));
    mf_log_text(&line, "delimiter", mf_dialect_delimiter(dialect, text));
    mf_log_bool(&line, "header", dialect->has_header);
    if (dialect->text == MF_TEXT_CSV)
        mf_log_text(&line, "quoting", mf_dialect_quoting(dialect));
    mf_log_text(&line, "encoding", mf_encoding_name(dialect->encoding));
    if (dialect->has_time)
        mf_log_text(&line, "times", mf_time_unit_name(dialect->time_unit));
    if (dialect->decimal_comma)
        mf_log_bool(&line, "decimal_comma", true);
    for (uint64_t i = 0; i < of->n_files && i < MF_REPORT_FILES; i++) {
        const int n =
            snprintf(names + used, sizeof names - used, "%s%.100s", i > 0 ? ", " : "", of->file[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (of->n_files > MF_REPORT_FILES)
        snprintf(names + used, sizeof names - used, " and %llu more",
                 (unsigned long long)of->n_files - MF_REPORT_FILES);
    mf_log_text(&line, "files", names);
    mf_log_end(&line);
}

void mf_data_report_log(const mf_data_report *report, const char *channel)
{
    char text[32];
    mf_log_line line;
    for (uint32_t d = 0; d < report->n_dialects; d++)
        log_dialect(&report->dialect[d], channel);
    mf_log_begin(&line, MF_LOG_INFO, "values");
    mf_log_text(&line, "channel", channel);
    mf_log_number(&line, "least", (double)report->least, 4);
    mf_log_number(&line, "most", (double)report->most, 4);
    mf_log_number(&line, "mean", report->mean, 4);
    if (report->n_distinct > 0)
        mf_log_count(&line, "distinct", report->n_distinct);
    else
        mf_log_text(&line, "distinct", "more than 256");
    if (report->first <= report->last) {
        mf_log_text(&line, "first_time", mf_data_time_text(report->first, text));
        mf_log_text(&line, "last_time", mf_data_time_text(report->last, text));
    }
    mf_log_end(&line);
    for (uint32_t w = 0; w < report->n_warnings; w++)
        if (strcmp(report->warning[w].event, "one_rating") != 0) /* the job says what follows */
            mf_log_message(MF_LOG_WARNING, report->warning[w].event, "%s", report->warning[w].text);
}
