/* inspect.c: one JSON object is made of what the job read; the table is printed from the same report. */
#include "inspect.h"

#include "base/log.h"
#include "base/stop.h"
#include "data_json.h"
#include "job.h"
#include "json_build.h"

#include <stdio.h>
#include <string.h>

enum {
    JSON_FLAGS = JSON_INDENT(2) | JSON_REAL_PRECISION(7),
    BAR_WIDTH = 40,
    NAMED_MOST = 20,
};

/* --- JSON ---------------------------------------------------------------- */

static double density(const mf_data_report *report)
{
    return (double)report->n_ratings / ((double)report->n_users * (double)report->n_items);
}

static json_t *examples_json(const mf_data_report *report)
{
    json_t *rows = json_array();
    for (uint32_t e = 0; e < report->n_examples; e++) {
        json_t *row = json_object();
        for (int role = 0; role < MF_ROLES && report->n_dialects > 0; role++)
            mf_train_json_set(&row, mf_dialect_role(&report->dialect[0].dialect, role),
                              json_string(report->example[e][role]));
        mf_train_json_append(&rows, row);
    }
    return rows;
}

static json_t *histogram_json(const mf_report_values *h)
{
    json_t *list = json_array();
    for (uint32_t v = 0; v < h->n; v++) {
        json_t *entry = json_object();
        mf_train_json_set(&entry, h->is_binned ? "from" : "value", json_real((double)h->low[v]));
        if (h->is_binned)
            mf_train_json_set(&entry, "to", json_real((double)h->high[v]));
        mf_train_json_set(&entry, "n", json_integer((json_int_t)h->count[v]));
        mf_train_json_append(&list, entry);
    }
    return list;
}

static json_t *channel_json(const mf_data_report *report)
{
    json_t *object = json_object();
    const mf_ratings_counts *counts = &report->counts;
    mf_train_json_set(&object, "n_files", json_integer((json_int_t)counts->n_files));
    mf_train_json_set(&object, "n_rows", json_integer((json_int_t)counts->n_rows));
    mf_train_json_set(&object, "n_bad_rows", json_integer((json_int_t)counts->n_bad_rows));
    mf_train_json_set(&object, "n_repeated", json_integer((json_int_t)counts->n_repeated));
    mf_train_json_set(&object, "n_ratings", json_integer((json_int_t)report->n_ratings));
    mf_train_json_set(&object, "n_users", json_integer(report->n_users));
    mf_train_json_set(&object, "n_items", json_integer(report->n_items));
    if (report->n_ratings > 0) {
        mf_train_json_set(
            &object, "feedback",
            json_string(report->feedback == MF_FEEDBACK_IMPLICIT ? "implicit" : "explicit"));
        mf_train_json_set(&object, "density", json_real(density(report)));
    }
    mf_train_json_set(&object, "first_rows", examples_json(report));
    mf_train_json_set(&object, "histogram", histogram_json(&report->values));
    if (object == NULL || !mf_data_json_add(object, report)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool print_json(const mf_job_inspection *in, const mf_error *err)
{
    json_t *object = json_object();
    char text[MF_ERROR_TEXT_BYTES];
    mf_train_json_set(&object, "ok", json_boolean(err->code == MF_OK));
    if (err->code != MF_OK)
        mf_train_json_set(
            &object, "error",
            json_string(mf_printable(text, sizeof text, err->text, strlen(err->text))));
    mf_train_json_set(&object, "train", channel_json(in->train));
    if (in->validation != NULL) {
        json_t *validation = channel_json(in->validation);
        mf_train_json_set(&validation, "n_known", json_integer((json_int_t)in->n_validation_known));
        mf_train_json_set(&object, "validation", validation);
    }
    const bool printed = object != NULL && json_dumpf(object, stdout, JSON_FLAGS) == 0;
    json_decref(object);
    return printed && putchar('\n') != EOF && fflush(stdout) == 0;
}

/* --- the table ----------------------------------------------------------- */

static void print_files(const mf_data_report *report)
{
    char text[MF_DIALECT_TEXT_BYTES];
    for (uint32_t d = 0; d < report->n_dialects; d++) {
        const mf_report_dialect *of = &report->dialect[d];
        printf("  read      ");
        for (uint64_t i = 0; i < of->n_files && i < MF_REPORT_FILES; i++)
            printf("%s%s", i > 0 ? ", " : "", of->file[i]);
        if (of->n_files > MF_REPORT_FILES)
            printf(" and %llu more", (unsigned long long)of->n_files - MF_REPORT_FILES);
        printf("\n            %s\n", mf_dialect_text(&of->dialect, text));
    }
    for (uint64_t i = 0; i < report->n_left_out && i < NAMED_MOST; i++)
        printf("  left out  %s: %s\n", report->left_out[i].name, report->left_out[i].reason);
    if (report->n_left_out > NAMED_MOST)
        printf("  left out  and %llu more\n", (unsigned long long)report->n_left_out - NAMED_MOST);
}

static void print_items(const mf_data_report *report)
{
    const mf_items_facts *facts = &report->items;
    if (!report->has_items)
        return;
    printf(
        "\n  items     %llu rows, %llu bad, %llu of a repeated id; %lu of items with ratings, %lu "
        "of others; %llu bytes\n",
        (unsigned long long)facts->n_rows, (unsigned long long)facts->n_bad_rows,
        (unsigned long long)facts->n_repeated, (unsigned long)facts->n_matched,
        (unsigned long)facts->n_unrated, (unsigned long long)facts->n_bytes);
    for (uint32_t i = 0; i < report->n_items_files; i++)
        printf("  of        %s\n", report->items_file[i].name);
    for (uint32_t a = 0; a < report->n_attributes; a++) {
        char kind[MF_ATTRIBUTE_KIND_BYTES];
        printf("  attribute %-20s %s", report->attribute[a].name,
               mf_data_attribute_kind(report, a, kind));
        if (report->attribute[a].kind == MF_ATTRIBUTE_CATEGORIES)
            printf(", %lu different", (unsigned long)report->attribute[a].n_values);
        putchar('\n');
    }
    for (uint32_t i = 0; i < facts->n_omitted && i < MF_ITEMS_OMITTED; i++)
        printf("  no attribute %s: %s\n", facts->omitted[i].name, facts->omitted[i].reason);
    for (uint32_t i = 0; i < facts->n_named; i++)
        printf("  bad row   %s\n", facts->bad_rows[i]);
}

static void print_examples(const mf_data_report *report)
{
    if (report->n_examples == 0 || report->n_dialects == 0)
        return;
    printf("\n  first rows\n ");
    for (int role = 0; role < MF_ROLES; role++)
        printf("   %-16s", mf_dialect_role(&report->dialect[0].dialect, role));
    putchar('\n');
    for (uint32_t e = 0; e < report->n_examples; e++) {
        putchar(' ');
        for (int role = 0; role < MF_ROLES; role++)
            printf("   %-16s", report->example[e][role]);
        putchar('\n');
    }
}

static void print_histogram(const mf_report_values *h)
{
    uint64_t most = 1;
    for (uint32_t v = 0; v < h->n; v++)
        most = h->count[v] > most ? h->count[v] : most;
    printf("\n  values\n");
    for (uint32_t v = 0; v < h->n; v++) {
        const int width = (int)((h->count[v] * BAR_WIDTH + most - 1) / most);
        if (h->is_binned)
            printf("    %10g … %-10g %12llu  ", (double)h->low[v], (double)h->high[v],
                   (unsigned long long)h->count[v]);
        else
            printf("    %10g %12llu  ", (double)h->low[v], (unsigned long long)h->count[v]);
        for (int i = 0; i < width; i++)
            putchar('#');
        putchar('\n');
    }
}

static void print_facts(const mf_data_report *report)
{
    const mf_ratings_counts *counts = &report->counts;
    char first[32];
    char last[32];
    printf(
        "\n  rows      %llu read, %llu bad, %llu not rated, %llu of a repeated pair; %llu blank, "
        "%llu header, %llu line ends in fields\n",
        (unsigned long long)counts->n_rows, (unsigned long long)counts->n_bad_rows,
        (unsigned long long)counts->n_not_rated, (unsigned long long)counts->n_repeated,
        (unsigned long long)counts->n_blank_rows, (unsigned long long)counts->n_header_rows,
        (unsigned long long)counts->n_in_fields);
    if (counts->n_tombstones > 0)
        printf("  forget    %llu of users who are to be forgotten, by %llu events\n",
               (unsigned long long)counts->n_forgotten, (unsigned long long)counts->n_tombstones);
    printf("  ratings   %llu of %lu users and %lu items, %.3g %% of all pairs\n",
           (unsigned long long)report->n_ratings, (unsigned long)report->n_users,
           (unsigned long)report->n_items, 100 * density(report));
    printf("  scale     %g to %g, mean %.4g, ", (double)report->least, (double)report->most,
           report->mean);
    if (report->n_distinct > 0)
        printf("%lu different values\n", (unsigned long)report->n_distinct);
    else
        printf("more than %d different values\n", MF_VALUES_COUNTED);
    if (report->first <= report->last)
        printf("  times     %s to %s\n", mf_data_time_text(report->first, first),
               mf_data_time_text(report->last, last));
}

static void print_channel(const char *name, const mf_data_report *report)
{
    printf("channel %s: %llu files\n", name, (unsigned long long)report->n_files);
    print_files(report);
    print_examples(report);
    if (report->n_ratings > 0)
        print_facts(report);
    print_items(report);
    if (report->values.n > 0)
        print_histogram(&report->values);
    for (uint32_t i = 0; i < report->counts.n_named; i++)
        printf("  bad row   %s\n", report->counts.bad_rows[i]);
    for (uint32_t w = 0; w < report->n_warnings; w++)
        printf("%s  warning   %s\n", w == 0 ? "\n" : "", report->warning[w].text);
}

static bool print_table(const mf_job_inspection *in, const mf_error *err)
{
    print_channel("train", in->train);
    if (in->validation != NULL) {
        putchar('\n');
        print_channel("validation", in->validation);
        printf("  known     user and item of %llu rows\n",
               (unsigned long long)in->n_validation_known);
    }
    if (err->code != MF_OK)
        printf("\nthe job would fail: %s\n", err->text);
    return fflush(stdout) == 0;
}

int mf_inspect_print(const char *prefix, bool as_json)
{
    mf_job_inspection in;
    mf_error err = {0};
    mf_stop_install();
    mf_log_set_level(MF_LOG_ERROR);
    const bool ok = mf_job_inspect(prefix, &in, &err);
    const bool printed = as_json ? print_json(&in, &err) : print_table(&in, &err);
    if (!printed)
        fprintf(stderr, "train: standard output cannot be written\n");
    return ok && printed ? 0 : 1;
}
