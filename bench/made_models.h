/* made_models.h: models that benchmarks make. Errors end the program. */
#ifndef MF_BENCH_MADE_MODELS_H
#define MF_BENCH_MADE_MODELS_H

#include "base/memory.h"
#include "base/random.h"
#include "bench.h"
#include "model/model.h"

#include <string.h>
#include <unistd.h>

enum { ID_BYTES = 9 };

static mf_error err;

static void *allocate(size_t count, size_t size)
{
    void *block = mf_allocate(count, size, "a bench model", &err);
    if (block == NULL)
        die("memory", err.text);
    return block;
}

/* Ids of a letter and eight digits each. */
static mf_id_list numbered_ids(uint32_t n, char letter)
{
    uint64_t *start = allocate((size_t)n + 1, sizeof *start);
    char *bytes = allocate((size_t)n, ID_BYTES + 1);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(bytes + (size_t)i * ID_BYTES, ID_BYTES + 1, "%c%08lu", letter,
                 (unsigned long)i % 100000000);
        start[i + 1] = start[i] + ID_BYTES;
    }
    return (mf_id_list){n, start, bytes};
}

/* [n_rows × stride] normal numbers in the first n_columns of each row, zeros behind them. */
static float *normal_rows(size_t n_rows, size_t n_columns, size_t stride, float deviation,
                          uint64_t key)
{
    float *rows = allocate(n_rows, stride * sizeof(float));
    for (size_t row = 0; row < n_rows; row++)
        for (size_t f = 0; f < n_columns; f++)
            rows[row * stride + f] = deviation * mf_random_normal(key, row * stride + f);
    return rows;
}

/* Writes a model in which every user has rated n_rated items, rated[u × n_rated …]; frees its
 * arrays and rated. */
static void write_model(const char *path, mf_model_parts *p, uint32_t *rated, uint32_t n_rated)
{
    uint64_t *start = allocate((size_t)p->n_users + 1, sizeof *start);
    uint32_t *count = allocate(p->n_items, sizeof *count);
    for (uint32_t user = 0; user < p->n_users; user++)
        start[user + 1] = start[user] + n_rated;
    p->n_rated = start[p->n_users];
    for (uint64_t k = 0; k < p->n_rated; k++)
        count[rated[k]]++;
    p->rated_start = start;
    p->rated_items = rated;
    p->item_count = count;
    p->metadata = "{}";
    p->metadata_bytes = 2;
    if (!mf_model_write(path, p, &err))
        die("write", err.text);
    mf_free(p->user_bias);
    mf_free(p->item_bias);
    mf_free(p->user_factors);
    mf_free(p->item_factors);
    mf_free(p->users.start);
    mf_free(p->users.bytes);
    mf_free(p->items.start);
    mf_free(p->items.bytes);
    mf_free(start);
    mf_free(rated);
    mf_free(count);
}

static mf_model *open_model(const char *path)
{
    mf_model *model = mf_model_open(path, &err);
    if (model == NULL)
        die("open", err.text);
    return model;
}

/* A name below TMPDIR (or /tmp) for a model of this process. */
static void temporary_path(char path[512])
{
    snprintf(path, 512, "%s/%s.%ld.bin", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp",
             program_invocation_short_name, (long)getpid());
}

#endif
