/* evaluate_export.c: splits and lists as text, one number or id per column, for other programs. */
#include "evaluate_export.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

typedef struct text_file {
    FILE *file;
    char path[4200];
} text_file;

__attribute__((format(printf, 4, 5))) static bool open_text(text_file *t, const char *folder,
                                                            mf_error *err, const char *format, ...)
{
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    snprintf(t->path, sizeof t->path, "%s/%s", folder, name);
    t->file = fopen(t->path, "w");
    if (t->file == NULL)
        return mf_fail_errno(err, errno, (mf_where){.path = t->path}, "cannot be created");
    return true;
}

static bool close_text(text_file *t, mf_error *err)
{
    const bool failed = ferror(t->file) != 0;
    if (fclose(t->file) != 0 || failed)
        return mf_fail_errno(err, errno, (mf_where){.path = t->path}, "cannot be written");
    return true;
}

static bool export_list(const char *folder, const char *name, const mf_id_list *ids, mf_error *err)
{
    text_file t;
    if (!open_text(&t, folder, err, "%s", name))
        return false;
    for (uint32_t i = 0; i < ids->n; i++)
        fprintf(t.file, "%.*s\n", (int)(ids->start[i + 1] - ids->start[i]),
                ids->bytes + ids->start[i]);
    return close_text(&t, err);
}

bool mf_export_ids(const char *folder, const mf_id_list *users, const mf_id_list *items,
                   mf_error *err)
{
    return export_list(folder, "users.txt", users, err) &&
           export_list(folder, "items.txt", items, err);
}

bool mf_export_train(const char *folder, uint64_t seed, const mf_ratings *train, mf_error *err)
{
    text_file t;
    if (!open_text(&t, folder, err, "seed-%llu-train.txt", (unsigned long long)seed))
        return false;
    for (uint32_t u = 0; u < train->n_users; u++)
        for (uint64_t k = train->user_start[u]; k < train->user_start[u + 1]; k++) {
            fprintf(t.file, "%u %u %.9g", u, train->item[k], (double)train->value[k]);
            if (train->time_rank != NULL)
                fprintf(t.file, " %u", train->time_rank[k]);
            fputc('\n', t.file);
        }
    return close_text(&t, err);
}

static long long index_of(uint32_t index)
{
    return index == MF_INDEX_NONE ? -1 : (long long)index;
}

bool mf_export_test(const char *folder, uint64_t seed, const mf_ratings_rows *held_out,
                    mf_error *err)
{
    text_file t;
    if (!open_text(&t, folder, err, "seed-%llu-test.txt", (unsigned long long)seed))
        return false;
    for (uint64_t k = 0; k < held_out->n; k++)
        fprintf(t.file, "%lld %lld %.9g\n", index_of(held_out->user[k]),
                index_of(held_out->item[k]), (double)held_out->value[k]);
    return close_text(&t, err);
}

bool mf_export_lists(const char *folder, uint64_t seed, const char *row, const mf_evaluation *e,
                     mf_error *err)
{
    text_file t;
    if (!open_text(&t, folder, err, "seed-%llu-list-%s.txt", (unsigned long long)seed, row))
        return false;
    for (uint32_t k = 0; k < e->n_users; k++) {
        const uint32_t *list = e->list + (size_t)k * e->length;
        fprintf(t.file, "%u", e->user[k]);
        for (uint32_t j = 0; j < e->length && list[j] != MF_INDEX_NONE; j++)
            fprintf(t.file, " %u", list[j]);
        fputc('\n', t.file);
    }
    return close_text(&t, err);
}
