/* made_models.h: what benchmarks make models of. Errors end the program. */
#ifndef MF_BENCH_MADE_MODELS_H
#define MF_BENCH_MADE_MODELS_H

#include "base/memory.h"
#include "model/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID_BYTES = 9 };

static mf_error err;

static void die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, err.text);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *block = mf_allocate(count, size, "a bench model", &err);
    if (block == NULL)
        die("memory");
    return block;
}

/* A letter and eight digits each. */
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

#endif
