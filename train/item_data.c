/* item_data.c: one table of all files, and its line in the log. */
#include "item_data.h"

#include "base/clock.h"
#include "base/log.h"
#include "data_warning.h"
#include "progress.h"
#include "sagemaker/channel_data.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void leave_out_files(mf_data_report *report, const char *reason)
{
    for (uint32_t i = 0; i < report->n_items_files; i++)
        mf_data_report_leave_out(report, report->items_file[i].name, reason);
    report->n_items_files = 0;
}

static bool add_file(mf_item_data *data, const char *path, const char *name, mf_error *err)
{
    mf_progress_phase("reading", name);
    return mf_items_add(data->items, path, name, err);
}

/* The files of the channel items, whose names go to the report, or those of the report. */
static bool add_files(mf_item_data *data, const mf_channel *channel, mf_data_report *report,
                      mf_error *err)
{
    if (channel == NULL) {
        for (uint32_t i = 0; i < report->n_items_files; i++)
            if (!add_file(data, report->items_file[i].path, report->items_file[i].name, err))
                return false;
        return true;
    }
    mf_channel_files *files = mf_channel_files_create(channel, err);
    bool ok = files != NULL;
    for (uint32_t i = 0; i < report->n_items_files; i++)
        mf_log_message(MF_LOG_WARNING, "ignored", "%s is not used: there is a channel items",
                       report->items_file[i].name);
    leave_out_files(report, "a file of items; there is a channel items");
    for (size_t i = 0; ok && i < files->n; i++) {
        mf_data_report_add_items_file(report, files->file[i].path, files->file[i].name);
        ok = add_file(data, files->file[i].path, files->file[i].name, err);
    }
    mf_channel_files_destroy(files);
    return ok;
}

/* "movies.csv, links.csv"; "model" when a warm start has them. */
static void name_files(const mf_data_report *report, char *text, size_t size)
{
    snprintf(text, size, "%s", report->n_items_files > 0 ? "" : "model");
    for (uint32_t i = 0; i < report->n_items_files; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%.200s", used > 0 ? ", " : "",
                 report->items_file[i].name);
    }
}

static void log_items(const mf_data_report *report, double seconds)
{
    const mf_items_facts *facts = &report->items;
    char names[600] = "", files[1000];
    for (uint32_t a = 0; a < report->n_attributes; a++) {
        char kind[MF_ATTRIBUTE_KIND_BYTES];
        const size_t used = strlen(names);
        mf_data_attribute_kind(report, a, kind);
        snprintf(names + used, sizeof names - used, "%s%s:%s", used > 0 ? "," : "",
                 report->attribute[a].name, kind);
    }
    mf_log_line line;
    mf_log_begin(&line, MF_LOG_INFO, "items");
    name_files(report, files, sizeof files);
    mf_log_text(&line, "file", files);
    mf_log_count(&line, "files", facts->n_files);
    mf_log_count(&line, "rows", facts->n_rows);
    mf_log_count(&line, "bad_rows", facts->n_bad_rows);
    mf_log_count(&line, "repeated", facts->n_repeated);
    mf_log_count(&line, "matched", facts->n_matched);
    mf_log_count(&line, "without_ratings", facts->n_unrated);
    mf_log_count(&line, "attributes", report->n_attributes);
    mf_log_text(&line, "names", names);
    mf_log_count(&line, "bytes", facts->n_bytes);
    if (facts->n_cut_texts + facts->n_long_words > 0) {
        mf_log_count(&line, "cut_texts", facts->n_cut_texts);
        mf_log_count(&line, "long_categories", facts->n_long_words);
    }
    mf_log_number(&line, "seconds", seconds, 3);
    mf_log_end(&line);
    for (uint32_t i = 0; i < facts->n_omitted && i < MF_ITEMS_OMITTED; i++)
        mf_log_message(MF_LOG_INFO, "item_column_left_out", "%s: %s", facts->omitted[i].name,
                       facts->omitted[i].reason);
    for (uint32_t i = 0; i < facts->n_named; i++)
        mf_log_message(MF_LOG_WARNING, "bad_item_row", "%s", facts->bad_rows[i]);
    if (facts->n_bad_rows > facts->n_named)
        mf_log_message(MF_LOG_WARNING, "bad_item_row", "and %llu more rows left out",
                       (unsigned long long)(facts->n_bad_rows - facts->n_named));
}

static void take_facts(const mf_item_data *data, mf_data_report *report)
{
    report->items = *mf_items_facts_get(data->items);
    report->n_attributes = data->attributes.n;
    report->title = data->attributes.title;
    for (uint32_t a = 0; a < data->attributes.n; a++)
        report->attribute[a] = data->attributes.attribute[a];
    report->has_items = true;
}

/* Whether the job continues without attributes. */
static bool may_leave_out(const mf_channel *channel, const char *columns, const mf_error *err)
{
    return channel == NULL && columns[0] == '\0' &&
           (err->code == MF_ERR_PARSE || err->code == MF_ERR_LIMIT || err->code == MF_ERR_CONFIG);
}

bool mf_item_data_read(mf_item_data *data, const mf_channel *channel,
                       const mf_ratings_options *options, const char *columns,
                       const mf_model_parts *base, const mf_id_list *rated, mf_data_report *report,
                       mf_error *err)
{
    const double start = mf_clock_seconds();
    const bool has_base = base != NULL && mf_attributes_exist(&base->attributes);
    mf_error why = {0};
    *data = (mf_item_data){0};
    if (strcasecmp(columns, "none") == 0)
        leave_out_files(report, "a file of items; item_columns is none");
    if (strcasecmp(columns, "none") == 0 ||
        (channel == NULL && report->n_items_files == 0 && !has_base))
        return columns[0] == '\0' || strcasecmp(columns, "none") == 0 ||
               mf_fail(err, MF_ERR_CONFIG, MF_NOWHERE,
                       "hyperparameter item_columns is \"%.100s\", but there is no file of items: "
                       "neither in a channel items nor beside the ratings",
                       columns);
    data->items = mf_items_create(options, columns, err);
    if (data->items == NULL)
        return false;
    const bool ok = (!has_base || mf_items_add_model(data->items, base, &why)) &&
                    add_files(data, channel, report, &why) &&
                    mf_items_finish(data->items, rated, &data->attributes, &why);
    mf_progress_clear();
    if (ok) {
        take_facts(data, report);
        log_items(report, mf_clock_seconds() - start);
        return true;
    }
    char files[1000];
    mf_item_data_clear(data);
    name_files(report, files, sizeof files);
    if (!may_leave_out(channel, columns, &why))
        return mf_fail_again(err, &why);
    mf_data_report_warn(report, "items_left_out",
                        "%.200s: the model has no titles and attributes of items: %.380s", files,
                        why.text);
    leave_out_files(report, why.text);
    mf_log_message(MF_LOG_WARNING, "items_left_out", "%s",
                   report->warning[report->n_warnings - 1].text);
    return true;
}

void mf_item_data_clear(mf_item_data *data)
{
    mf_items_destroy(data->items);
    *data = (mf_item_data){0};
}
