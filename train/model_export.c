/* model_export.c: each file is written in pieces of a mebibyte, row by row. */
#include "model_export.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "model_argument.h"
#include "recommend/kernels.h"
#include "recommend/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 };

/* A file under way; after a failure nothing more is written to it. */
typedef struct output {
    mf_file_writer *writer;
    mf_text text;
    bool ok;
    mf_error *err;
} output;

static bool begin(output *out, const char *folder, const char *name, mf_error *err)
{
    char path[2 * MF_PATH_BYTES];
    *out = (output){.text = MF_TEXT_EMPTY, .err = err};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    out->writer = mf_file_writer_create(path, err);
    out->ok = out->writer != NULL;
    return out->ok;
}

static void flush(output *out)
{
    if (out->text.failed)
        out->ok = mf_fail(out->err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for an export");
    out->ok =
        out->ok && mf_file_writer_append(out->writer, out->text.bytes, out->text.n_bytes, out->err);
    mf_text_clear(&out->text, SIZE_MAX);
}

static void piece(output *out)
{
    if (out->text.n_bytes >= PIECE || out->text.failed)
        flush(out);
}

static bool end(output *out)
{
    flush(out);
    if (out->ok)
        out->ok = mf_file_writer_commit(out->writer, out->err);
    else
        mf_file_writer_destroy(out->writer);
    mf_text_free(&out->text);
    return out->ok;
}

/* ---- .npy ------------------------------------------------------------------------------- */

/* The head of version 1.0: a Python dictionary, padded so that the numbers begin at a multiple of
 * 64. n_columns 0: one dimension. */
static void npy_head(output *out, const char *type, uint64_t n_rows, uint64_t n_columns)
{
    enum { START = 10, ALIGNMENT = 64 };
    char text[256];
    int n = snprintf(text, sizeof text,
                     n_columns > 0 ? "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64
                                     ", %" PRIu64 "), }"
                                   : "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64
                                     ",), }",
                     type, n_rows, n_columns);
    while ((START + n + 1) % ALIGNMENT != 0)
        text[n++] = ' ';
    text[n++] = '\n';
    const char start[START] = {'\x93',           'N',           'U', 'M', 'P', 'Y', 1, 0,
                               (char)(n & 0xFF), (char)(n >> 8)};
    mf_text_append(&out->text, start, START);
    mf_text_append(&out->text, text, (size_t)n);
}

static bool npy_numbers(const char *folder, const char *name, const char *type, const void *numbers,
                        size_t size, uint64_t n, mf_error *err)
{
    output out;
    if (!begin(&out, folder, name, err))
        return false;
    npy_head(&out, type, n, 0);
    flush(&out);
    out.ok = out.ok && mf_file_writer_append(out.writer, numbers, size * n, err);
    return end(&out);
}

/* ---- rows: of a matrix in memory, or users' vectors that are computed -------------------------- */

typedef struct matrix {
    const char *name; /* without suffix */
    const mf_id_list *ids;
    const float *rows; /* NULL: users' vectors */
    uint32_t n_columns;
    size_t stride;
    const mf_profiles *profiles;
    float *vector; /* [stride] scratch */
} matrix;

static const float *row_of(const matrix *m, uint32_t row)
{
    if (m->rows != NULL)
        return m->rows + (size_t)row * m->stride;
    const mf_history history = mf_history_of_user(m->profiles->parts, row);
    mf_profile_compute(m->profiles, &history, m->vector);
    return m->vector;
}

/* A field of CSV, in quotes where it needs them (RFC 4180). */
static void csv_field(mf_text *text, mf_id field)
{
    bool is_plain = true;
    for (size_t i = 0; i < field.n_bytes; i++)
        is_plain &= strchr(",\"\r\n", field.bytes[i]) == NULL;
    if (is_plain) {
        mf_text_append(text, field.bytes, field.n_bytes);
        return;
    }
    mf_text_literal(text, "\"");
    for (size_t i = 0; i < field.n_bytes; i++) {
        mf_text_append(text, field.bytes + i, 1);
        if (field.bytes[i] == '"')
            mf_text_literal(text, "\"");
    }
    mf_text_literal(text, "\"");
}

static void number(mf_text *text, float value)
{
    char digits[MF_NUMBER_TEXT_BYTES];
    mf_write_double((double)value, true, digits);
    mf_text_append(text, digits, strlen(digits));
}

static bool write_npy(const matrix *m, const char *folder, mf_error *err)
{
    char name[64];
    output out;
    snprintf(name, sizeof name, "%s.npy", m->name);
    if (!begin(&out, folder, name, err))
        return false;
    npy_head(&out, "<f4", m->ids->n, m->n_columns);
    for (uint32_t i = 0; out.ok && i < m->ids->n; i++) {
        mf_text_append(&out.text, (const char *)row_of(m, i), m->n_columns * sizeof(float));
        piece(&out);
    }
    return end(&out);
}

static bool write_csv(const matrix *m, const char *folder, mf_error *err)
{
    char name[64];
    output out;
    snprintf(name, sizeof name, "%s.csv", m->name);
    if (!begin(&out, folder, name, err))
        return false;
    mf_text_literal(&out.text, "id,vector\n");
    for (uint32_t i = 0; out.ok && i < m->ids->n; i++) {
        const float *row = row_of(m, i);
        csv_field(&out.text, mf_id_list_get(m->ids, i));
        mf_text_literal(&out.text, ",\"[");
        for (uint32_t f = 0; f < m->n_columns; f++) {
            if (f > 0)
                mf_text_literal(&out.text, ",");
            number(&out.text, row[f]);
        }
        mf_text_literal(&out.text, "]\"\n");
        piece(&out);
    }
    return end(&out);
}

static bool write_matrices(const mf_model_parts *parts, const mf_profiles *profiles, float *vector,
                           const char *folder, mf_error *err)
{
    const mf_ranking_parts *ranking = &parts->ranking;
    const size_t stride = mf_model_stride(parts->n_factors);
    const size_t ranking_stride = mf_model_stride(ranking->n_factors);
    const matrix matrices[] = {
        {"user_factors", &parts->users, parts->user_factors, parts->n_factors, stride, NULL, NULL},
        {"item_factors", &parts->items, parts->item_factors, parts->n_factors, stride, NULL, NULL},
        {"user_vectors", &parts->users, NULL, ranking->n_factors, ranking_stride, profiles, vector},
        {"item_vectors", &parts->items, ranking->item_vectors, ranking->n_factors, ranking_stride,
         NULL, NULL},
    };
    for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++)
        if (matrices[i].n_columns > 0 &&
            (!write_npy(&matrices[i], folder, err) || !write_csv(&matrices[i], folder, err)))
            return false;
    return true;
}

/* ---- ids and counts --------------------------------------------------------------------------- */

static bool write_ids(const mf_model_parts *parts, bool of_items, const char *folder, mf_error *err)
{
    output out;
    const mf_id_list *ids = of_items ? &parts->items : &parts->users;
    const float *bias = of_items ? parts->item_bias : parts->user_bias;
    const mf_attributes *attributes = &parts->attributes;
    const bool titles =
        of_items && mf_attributes_exist(attributes) && attributes->title != MF_INDEX_NONE;
    if (!begin(&out, folder, of_items ? "items.csv" : "users.csv", err))
        return false;
    mf_text_literal(&out.text, "id,n_ratings");
    if (parts->n_factors > 0)
        mf_text_literal(&out.text, ",bias");
    if (titles)
        mf_text_literal(&out.text, ",title");
    mf_text_literal(&out.text, "\n");
    for (uint32_t i = 0; out.ok && i < ids->n; i++) {
        csv_field(&out.text, mf_id_list_get(ids, i));
        mf_text_literal(&out.text, ",");
        mf_text_count(&out.text, of_items ? parts->item_count[i]
                                          : parts->rated_start[i + 1] - parts->rated_start[i]);
        if (parts->n_factors > 0) {
            mf_text_literal(&out.text, ",");
            number(&out.text, bias[i]);
        }
        if (titles) {
            mf_text_literal(&out.text, ",");
            csv_field(&out.text, mf_attribute_text(attributes, attributes->title, i));
        }
        mf_text_literal(&out.text, "\n");
        piece(&out);
    }
    return end(&out);
}

static bool write_json(const mf_model *model, const char *folder, mf_error *err)
{
    output out;
    const mf_model_parts *parts = mf_model_get(model);
    if (!begin(&out, folder, "model.json", err))
        return false;
    mf_text_format(&out.text,
                   "{\n  \"checksum\": \"%016" PRIx64 "\",\n  \"program_version\": \"" MF_VERSION
                   "\",\n  \"n_users\": %" PRIu32 ",\n  \"n_items\": %" PRIu32
                   ",\n  \"n_factors\": %" PRIu32 ",\n  \"ranking_factors\": %" PRIu32,
                   mf_model_checksum(model), parts->n_users, parts->n_items, parts->n_factors,
                   parts->ranking.n_factors);
    if (parts->n_factors > 0) {
        mf_text_literal(&out.text, ",\n  \"global_mean\": ");
        number(&out.text, parts->global_mean);
        mf_text_literal(&out.text, ",\n  \"rating_min\": ");
        number(&out.text, parts->rating_min);
        mf_text_literal(&out.text, ",\n  \"rating_max\": ");
        number(&out.text, parts->rating_max);
    }
    mf_text_literal(&out.text, "\n}\n");
    return end(&out);
}

static bool export_parts(const mf_model *model, const char *folder, mf_error *err)
{
    bool ok = false;
    const mf_model_parts *parts = mf_model_get(model);
    const mf_ranking_parts *ranking = &parts->ranking;
    mf_profiles profiles = {0};
    float *vector = NULL;
    if (ranking->n_factors > 0) {
        profiles = mf_profiles_prepare(parts, mf_recommend_kernel_choose());
        vector = mf_allocate(mf_model_stride(ranking->n_factors), sizeof *vector, "a vector", err);
        if (vector == NULL)
            return false;
    }
    ok = mf_folder_create(folder, err) && write_json(model, folder, err) &&
         write_ids(parts, false, folder, err) && write_ids(parts, true, folder, err) &&
         write_matrices(parts, &profiles, vector, folder, err) &&
         npy_numbers(folder, "rated_start.npy", "<i8", parts->rated_start,
                     sizeof *parts->rated_start, (uint64_t)parts->n_users + 1, err) &&
         npy_numbers(folder, "rated_items.npy", "<i4", parts->rated_items,
                     sizeof *parts->rated_items, parts->n_rated, err);
    if (ok && parts->n_factors > 0)
        ok = npy_numbers(folder, "user_bias.npy", "<f4", parts->user_bias, sizeof(float),
                         parts->n_users, err) &&
             npy_numbers(folder, "item_bias.npy", "<f4", parts->item_bias, sizeof(float),
                         parts->n_items, err);
    if (ok && ranking->n_factors > 0)
        ok = npy_numbers(folder, "mean_profile.npy", "<f4", ranking->mean_profile, sizeof(float),
                         ranking->n_factors, err);
    mf_free(vector);
    return ok;
}

int mf_model_export(const char *path, const char *folder)
{
    mf_error err = {0};
    mf_mapped_model mapped = {0};
    mf_model *model = mf_model_argument_open(path, &mapped, &err);
    const bool ok = model != NULL && export_parts(model, folder, &err);
    if (!ok)
        fprintf(stderr, "train: %s\n", err.text);
    mf_model_close(model);
    mf_mapped_model_close(&mapped);
    return ok ? 0 : 1;
}
