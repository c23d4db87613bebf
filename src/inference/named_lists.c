/* named_lists.c: reads lists/NAME.csv line by line, so that an error has its line. */
#include "inference/named_lists.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/settings.h"
#include "base/text.h"
#include "csv/split_row.h"
#include "inference/model_columns.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char FOLDER[] = "lists", SUFFIX[] = ".csv";

enum { PATH_BYTES = 2048, NAME_SHOWN = 64 };

/* A file while it is read. */
typedef struct reader {
    const char *path;
    const mf_model *model;
    mf_named_list *list;
    mf_csv_form form;
    mf_model_columns columns;
    uint32_t column;
    uint64_t line;
} reader;

/* The first line is a header when a field of it is a name of the item column and none is an item. */
static bool is_header(reader *r, const char *row, const mf_split *split)
{
    for (uint32_t i = 0; i < split->n_fields && i < MF_SPLIT_FIELDS; i++) {
        const mf_id field = {row + split->field[i].begin, split->field[i].n_bytes};
        if (mf_model_columns_find(&r->columns, field) != MF_MODEL_COLUMN_ITEM ||
            mf_model_find_item(r->model, field.bytes, field.n_bytes) != MF_INDEX_NONE)
            continue;
        r->column = i;
        return true;
    }
    return false;
}

static bool add_row(reader *r, const char *row, const mf_split *split, mf_error *err)
{
    char id[MF_ID_BYTES_MAX + 1];
    if (split->is_blank)
        return true;
    if (r->line == 1 && is_header(r, row, split))
        return true;
    size_t n = 0;
    if (r->column < split->n_fields && r->column < MF_SPLIT_FIELDS)
        n = mf_field_text(row, &split->field[r->column], split->has_escapes, id, sizeof id);
    if (n > sizeof id || !mf_id_valid(id, n))
        return mf_fail(err, MF_ERR_PARSE, (mf_where){r->path, r->line, 0},
                       "field %lu is no item: " MF_ID_EXPECTED, (unsigned long)r->column + 1);
    const uint32_t item = mf_model_find_item(r->model, id, n);
    if (item == MF_INDEX_NONE) {
        r->list->n_unknown++;
        return true;
    }
    uint64_t *word = &r->list->words[item / 64];
    const uint64_t bit = (uint64_t)1 << item % 64;
    r->list->n_items += (*word & bit) == 0;
    *word |= bit;
    return true;
}

static bool read_rows(reader *r, const char *bytes, size_t n_bytes, mf_error *err)
{
    static const char mark[] = "\xEF\xBB\xBF";
    mf_split split;
    size_t at = n_bytes >= 3 && memcmp(bytes, mark, 3) == 0 ? 3 : 0;
    while (at < n_bytes) {
        r->line++;
        if (mf_split_row(&r->form, bytes + at, n_bytes - at, true, &split) != MF_SPLIT_ROW)
            return mf_fail(err, MF_ERR_PARSE, (mf_where){r->path, r->line, 0},
                           "a row that does not end: a quote is not closed, or it has more than "
                           "%zu bytes",
                           r->form.max_row_bytes);
        if (!add_row(r, bytes + at, &split, err))
            return false;
        r->line += split.n_line_ends;
        at += split.n_bytes;
    }
    return true;
}

static bool read_bytes(const char *path, const char *bytes, size_t n_bytes, const mf_model *model,
                       mf_named_list *list, mf_error *err)
{
    const double start = mf_clock_seconds();
    const size_t n_words = (mf_model_get(model)->n_items + (size_t)63) / 64;
    reader r = {.path = path,
                .model = model,
                .list = list,
                .form = {.delimiter = ',', .max_row_bytes = 1 << 20}};
    mf_model_columns_read(&r.columns, model);
    list->words = mf_allocate(n_words, sizeof *list->words, "a list of items", err);
    if (list->words == NULL || !read_rows(&r, bytes, n_bytes, err))
        return false;
    mf_log_line line;
    mf_log_begin(&line, list->n_unknown > 0 ? MF_LOG_WARNING : MF_LOG_INFO, "list");
    mf_log_text(&line, "name", list->name);
    mf_log_count(&line, "items", list->n_items);
    mf_log_count(&line, "unknown", list->n_unknown);
    mf_log_number(&line, "seconds", mf_clock_seconds() - start, 3);
    mf_log_end(&line);
    return true;
}

static bool read_list(const char *path, const mf_model *model, mf_named_list *list, mf_error *err)
{
    char *bytes = NULL;
    size_t n_bytes = 0;
    const bool ok = mf_file_read(path, SIZE_MAX, &bytes, &n_bytes, err) &&
                    read_bytes(path, bytes, n_bytes, model, list, err);
    mf_free(bytes);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mf_named_list *)a)->name, ((const mf_named_list *)b)->name);
}

/* The name in NAME.csv; n_bytes 0: it is no list. */
static mf_id name_of(const char *file)
{
    const size_t n = strlen(file), n_suffix = sizeof SUFFIX - 1;
    const bool is_list = n > n_suffix && strcmp(file + n - n_suffix, SUFFIX) == 0 &&
                         file[0] != '.' && strchr(file, '/') == NULL;
    return (mf_id){file, is_list ? n - n_suffix : 0};
}

mf_id mf_named_lists_name(const char *file)
{
    const size_t n_folder = sizeof FOLDER - 1;
    if (strncmp(file, FOLDER, n_folder) != 0 || file[n_folder] != '/')
        return (mf_id){file, 0};
    return name_of(file + n_folder + 1);
}

/* A list with this name alone, behind the others. */
static mf_named_list *append(mf_named_lists *lists, const char *path, mf_id name, mf_error *err)
{
    if (lists->n == MF_NAMED_LISTS_MAX) {
        mf_fail(err, MF_ERR_LIMIT, (mf_where){.path = path}, "more than %d lists",
                MF_NAMED_LISTS_MAX);
        return NULL;
    }
    char *copy = strndup(name.bytes, name.n_bytes);
    if (copy == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for a list of items");
        return NULL;
    }
    lists->list[lists->n].name = copy;
    return &lists->list[lists->n++];
}

/* Appends the entries of the folder that are lists, with their names alone. */
static bool find_files(DIR *entries, const char *folder, mf_named_lists *lists, mf_error *err)
{
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        const mf_id name = name_of(entry->d_name);
        if (name.n_bytes > 0 && append(lists, folder, name, err) == NULL)
            return false;
    }
    qsort(lists->list, lists->n, sizeof *lists->list, by_name);
    return true;
}

mf_named_lists *mf_named_lists_create(mf_error *err)
{
    mf_named_lists *lists = mf_allocate(1, sizeof *lists, "the lists of items", err);
    if (lists != NULL)
        lists->list =
            mf_allocate(MF_NAMED_LISTS_MAX, sizeof *lists->list, "the lists of items", err);
    if (lists != NULL && lists->list != NULL)
        return lists;
    mf_named_lists_destroy(lists);
    return NULL;
}

bool mf_named_lists_add(mf_named_lists *lists, mf_id name, const char *path, const char *bytes,
                        size_t n_bytes, const mf_model *model, mf_error *err)
{
    for (size_t i = 0; i < lists->n; i++)
        if (strlen(lists->list[i].name) == name.n_bytes &&
            memcmp(lists->list[i].name, name.bytes, name.n_bytes) == 0)
            return mf_fail(err, MF_ERR_FORMAT, (mf_where){.path = path},
                           "the list \"%.80s\" is there twice", lists->list[i].name);
    mf_named_list *list = append(lists, path, name, err);
    if (list == NULL || !read_bytes(path, bytes, n_bytes, model, list, err))
        return false;
    qsort(lists->list, lists->n, sizeof *lists->list, by_name);
    return true;
}

mf_named_lists *mf_named_lists_load(const char *folder, const mf_model *model, mf_error *err)
{
    char path[PATH_BYTES];
    bool ok = true;
    mf_named_lists *lists = mf_named_lists_create(err);
    if (lists == NULL)
        return NULL;
    snprintf(path, sizeof path, "%.1500s/%s", folder, FOLDER);
    DIR *entries = opendir(path);
    if (entries != NULL) {
        ok = find_files(entries, path, lists, err);
        closedir(entries);
    } else if (errno != ENOENT) {
        ok = mf_fail_errno(err, errno, (mf_where){.path = path}, "the lists cannot be read");
    }
    for (size_t i = 0; ok && i < lists->n; i++) {
        snprintf(path, sizeof path, "%.1500s/%s/%.300s%s", folder, FOLDER, lists->list[i].name,
                 SUFFIX);
        ok = read_list(path, model, &lists->list[i], err);
    }
    if (ok)
        return lists;
    mf_named_lists_destroy(lists);
    return NULL;
}

void mf_named_lists_destroy(mf_named_lists *lists)
{
    if (lists == NULL)
        return;
    for (size_t i = 0; lists->list != NULL && i < lists->n; i++) {
        free(lists->list[i].name);
        mf_free(lists->list[i].words);
    }
    mf_free(lists->list);
    mf_free(lists);
}

const mf_named_list *mf_named_lists_find(const mf_named_lists *lists, mf_id name, mf_error *err)
{
    char shown[NAME_SHOWN];
    size_t distance = SIZE_MAX;
    mf_printable(shown, sizeof shown, name.bytes, name.n_bytes);
    if (lists == NULL || lists->n == 0) {
        mf_fail(err, MF_ERR_PARSE, MF_NOWHERE,
                "no list \"%s\": there are no lists beside the model (lists/*.csv)", shown);
        return NULL;
    }
    const mf_named_list *nearest = lists->list;
    for (size_t i = 0; i < lists->n; i++) {
        const mf_named_list *list = &lists->list[i];
        const size_t n = strlen(list->name);
        const size_t edits = mf_edit_distance(name.bytes, name.n_bytes, list->name, n);
        if (n == name.n_bytes && memcmp(name.bytes, list->name, n) == 0)
            return list;
        if (edits < distance) {
            distance = edits;
            nearest = list;
        }
    }
    mf_fail(err, MF_ERR_PARSE, MF_NOWHERE, "no list \"%s\": the nearest is \"%.80s\" of %zu", shown,
            nearest->name, lists->n);
    return NULL;
}
