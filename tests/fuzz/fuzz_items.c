/* fuzz_items.c: any bytes as a file of items.
 *
 * The properties: reading refuses with a reason, or all rows are counted and the attributes can stand
 * in a model, whose writing checks every promise of model/attributes.h. */
#include "items/items.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void require(bool holds, const char *what, const mf_error *err)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_items: %s: %s\n", what, err->text);
    abort();
}

/* In memory where there is such a folder. */
static char path[64], model_path[80];

static void remove_files(void)
{
    unlink(path);
    unlink(model_path);
}

static void name_files(void)
{
    struct stat status;
    if (path[0] != '\0')
        return;
    snprintf(path, sizeof path, "%s/fuzz_items.%ld",
             stat("/dev/shm", &status) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    snprintf(model_path, sizeof model_path, "%s.model", path);
    atexit(remove_files);
}

/* A model of two items; files that come near have their ids. */
static void write_model(const mf_attributes *attributes)
{
    static const _Alignas(64) float row[2][16];
    static const float spectrum[] = {1};
    static const uint64_t user_start[] = {0, 1}, item_start[] = {0, 1, 2}, none[] = {0, 0};
    static const uint32_t count[2];
    mf_error err = {0};
    const mf_model_parts parts = {
        .n_users = 1,
        .n_items = 2,
        .users = {1, user_start, "u"},
        .items = {2, item_start, "12"},
        .rated_start = none,
        .item_count = count,
        .ranking = {.n_factors = 1,
                    .item_vectors = row[0],
                    .mean_profile = row[0],
                    .spectrum = spectrum},
        .attributes = *attributes,
    };
    require(mf_model_write(model_path, &parts, &err), "no model", &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const uint64_t item_start[] = {0, 1, 2};
    const mf_id_list rated = {2, item_start, "12"};
    const mf_ratings_options options = {.max_row_bytes = 2000};
    mf_error err = {0};
    mf_attributes attributes;
    bool is_items;
    name_files();
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return 0;
    fwrite(bytes, 1, n_bytes, file);
    fclose(file);
    require(mf_items_recognize(path, &options, &is_items, &err) || err.code == MF_ERR_MEMORY,
            "recognizing", &err);
    mf_items *items = mf_items_create(&options, "", &err);
    require(items != NULL, "no memory", &err);
    if (mf_items_add(items, path, "items", &err) &&
        mf_items_finish(items, &rated, &attributes, &err)) {
        const mf_items_facts *facts = mf_items_facts_get(items);
        require(facts->n_rows ==
                    facts->n_bad_rows + facts->n_repeated + facts->n_matched + facts->n_unrated,
                "a row is lost", &err);
        write_model(&attributes);
    } else {
        require(err.code != MF_OK && err.text[0] != '\0', "no reason", &err);
    }
    mf_items_destroy(items);
    return 0;
}
