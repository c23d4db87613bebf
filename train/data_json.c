/* data_json.c: counts are whole numbers, times texts, warnings {"event", "message"}. */
#include "data_json.h"

#include "json_build.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *count(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *text_of(const char *text)
{
    char printable[1024];
    return json_string(mf_printable(printable, sizeof printable, text, strlen(text)));
}

/* With the digits that people wrote: 0.1, not 0.10000000149011612. */
static json_t *number(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.7g", value);
    return json_real(strtod(text, NULL));
}

static json_t *dialect_json(const mf_report_dialect *of)
{
    const mf_dialect *dialect = &of->dialect;
    char text[64];
    json_t *object = json_object();
    json_t *files = json_array();
    for (int role = 0; role < MF_ROLES; role++)
        mf_train_json_set(&object, mf_dialect_role(dialect, role),
                          text_of(mf_dialect_column(dialect, role, text)));
    mf_train_json_set(&object, "delimiter", text_of(mf_dialect_delimiter(dialect, text)));
    mf_train_json_set(&object, "header", json_boolean(dialect->has_header));
    mf_train_json_set(&object, "quoting", json_string(mf_dialect_quoting(dialect)));
    mf_train_json_set(&object, "encoding", json_string(mf_encoding_name(dialect->encoding)));
    mf_train_json_set(&object, "decimal_comma", json_boolean(dialect->decimal_comma));
    if (dialect->has_time)
        mf_train_json_set(&object, "times", json_string(mf_time_unit_name(dialect->time_unit)));
    mf_train_json_set(&object, "n_files", count(of->n_files));
    for (uint64_t i = 0; i < of->n_files && i < MF_REPORT_FILES; i++)
        mf_train_json_append(&files, text_of(of->file[i]));
    mf_train_json_set(&object, "files", files);
    return object;
}

static json_t *values_json(const mf_data_report *report)
{
    json_t *object = json_object();
    mf_train_json_set(&object, "least", number((double)report->least));
    mf_train_json_set(&object, "most", number((double)report->most));
    mf_train_json_set(&object, "mean", number(report->mean));
    mf_train_json_set(&object, "distinct",
                      report->n_distinct > 0 ? count(report->n_distinct)
                                             : json_string("more than 256"));
    return object;
}

static json_t *times_json(const mf_data_report *report)
{
    char text[32];
    json_t *object = json_object();
    mf_train_json_set(&object, "first", json_string(mf_data_time_text(report->first, text)));
    mf_train_json_set(&object, "last", json_string(mf_data_time_text(report->last, text)));
    return object;
}

/* What the files of items became; null: none were read. */
static json_t *items_json(const mf_data_report *report)
{
    const mf_items_facts *facts = &report->items;
    if (!report->has_items)
        return json_null();
    json_t *object = json_object();
    json_t *files = json_array();
    json_t *attributes = json_array();
    json_t *omitted = json_array();
    for (uint32_t i = 0; i < report->n_items_files; i++)
        mf_train_json_append(&files, text_of(report->items_file[i].name));
    for (uint32_t a = 0; a < report->n_attributes; a++) {
        const mf_attribute *attribute = &report->attribute[a];
        char kind[MF_ATTRIBUTE_KIND_BYTES];
        json_t *entry = json_object();
        mf_train_json_set(&entry, "name", text_of(attribute->name));
        mf_train_json_set(&entry, "kind", json_string(mf_data_attribute_kind(report, a, kind)));
        if (attribute->kind == MF_ATTRIBUTE_CATEGORIES)
            mf_train_json_set(&entry, "n_values", count(attribute->n_values));
        mf_train_json_append(&attributes, entry);
    }
    for (uint32_t i = 0; i < facts->n_omitted && i < MF_ITEMS_OMITTED; i++) {
        json_t *entry = json_object();
        mf_train_json_set(&entry, "column", text_of(facts->omitted[i].name));
        mf_train_json_set(&entry, "reason", text_of(facts->omitted[i].reason));
        mf_train_json_append(&omitted, entry);
    }
    mf_train_json_set(&object, "files", files);
    mf_train_json_set(&object, "n_rows", count(facts->n_rows));
    mf_train_json_set(&object, "n_bad_rows", count(facts->n_bad_rows));
    mf_train_json_set(&object, "n_repeated", count(facts->n_repeated));
    mf_train_json_set(&object, "n_matched", count(facts->n_matched));
    mf_train_json_set(&object, "n_without_ratings", count(facts->n_unrated));
    mf_train_json_set(&object, "n_cut_texts", count(facts->n_cut_texts));
    mf_train_json_set(&object, "n_long_categories", count(facts->n_long_words));
    mf_train_json_set(&object, "n_bytes", count(facts->n_bytes));
    mf_train_json_set(&object, "attributes", attributes);
    mf_train_json_set(&object, "left_out", omitted);
    return object;
}

bool mf_data_json_add(json_t *object, const mf_data_report *report)
{
    const mf_ratings_counts *counts = &report->counts;
    json_t *all = json_object();
    json_t *left_out = json_array();
    json_t *dialects = json_array();
    json_t *warnings = json_array();
    for (uint64_t i = 0; i < report->n_left_out && i < MF_REPORT_LEFT_OUT; i++) {
        json_t *entry = json_object();
        mf_train_json_set(&entry, "file", text_of(report->left_out[i].name));
        mf_train_json_set(&entry, "reason", text_of(report->left_out[i].reason));
        mf_train_json_append(&left_out, entry);
    }
    for (uint32_t d = 0; d < report->n_dialects; d++)
        mf_train_json_append(&dialects, dialect_json(&report->dialect[d]));
    for (uint32_t w = 0; w < report->n_warnings; w++) {
        json_t *entry = json_object();
        mf_train_json_set(&entry, "event", json_string(report->warning[w].event));
        mf_train_json_set(&entry, "message", text_of(report->warning[w].text));
        mf_train_json_append(&warnings, entry);
    }
    mf_train_json_set(&all, "n_files_found", count(report->n_files));
    mf_train_json_set(&all, "n_left_out", count(report->n_left_out));
    mf_train_json_set(&all, "left_out", left_out);
    mf_train_json_set(&all, "n_blank_rows", count(counts->n_blank_rows));
    mf_train_json_set(&all, "n_header_rows", count(counts->n_header_rows));
    mf_train_json_set(&all, "n_line_ends_in_fields", count(counts->n_in_fields));
    mf_train_json_set(&all, "n_timeless_rows", count(counts->n_timeless));
    mf_train_json_set(&all, "n_future_rows", count(counts->n_future));
    mf_train_json_set(&all, "n_not_rated", count(counts->n_not_rated));
    mf_train_json_set(&all, "n_tombstones", count(counts->n_tombstones));
    mf_train_json_set(&all, "n_forgotten", count(counts->n_forgotten));
    mf_train_json_set(&all, "dialects", dialects);
    if (report->n_ratings > 0)
        mf_train_json_set(&all, "values", values_json(report));
    if (report->first <= report->last)
        mf_train_json_set(&all, "times", times_json(report));
    mf_train_json_set(&all, "items", items_json(report));
    mf_train_json_set(&all, "warnings", warnings);
    const bool ok = all != NULL && json_object_update(object, all) == 0;
    json_decref(all);
    return ok;
}
