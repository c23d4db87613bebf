/* testing.h: cmocka with the headers that it needs, and what every test of ours
 * uses: a folder of its own, and checks on an mf_error. */
#ifndef MF_TESTS_TESTING_H
#define MF_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

/* The n-th mf_allocate or mf_reallocate from now on fails (n = 1 is the next one); 0 switches that
 * off. Returns the number of allocations since the last call (memory_fail.c). */
size_t mf_memory_fail_nth(size_t n);

/* Fails the test with the error's own words. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, (err).text);                                                 \
    } while (0)

/* The error has this code and its text holds this piece. */
static inline void assert_error(const mf_error *err, mf_error_code code, const char *piece)
{
    if (err->code != code || strstr(err->text, piece) == NULL)
        fail_msg("expected %s with \"%s\", got %s: %s", mf_error_name(code), piece,
                 mf_error_name(err->code), err->text);
}

/* A new empty folder; its path stays valid until the process ends. The folder
 * is removed by testing_folder_remove. */
static inline char *testing_folder(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/mf-test-XXXXXX", base != NULL ? base : "/tmp") < 0 ||
        mkdtemp(path) == NULL)
        fail_msg("no temporary folder");
    return path;
}

static inline void testing_folder_remove(char *path)
{
    char *command = NULL;
    if (asprintf(&command, "chmod -R u+rwX '%s' && rm -rf '%s'", path, path) > 0) {
        const int status = system(command);
        (void)status;
    }
    free(command);
    free(path);
}

/* folder/name on the heap, the caller's to free. */
static inline char *testing_path(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        fail_msg("no memory");
    return path;
}

static inline void testing_write(const char *path, const void *bytes, size_t n_bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, n_bytes, file) != n_bytes || fclose(file) != 0)
        fail_msg("cannot write %s", path);
}

#endif
