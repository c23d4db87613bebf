/* fuzz_model.c: any bytes as a model file.
 *
 * Properties: (1) open refuses with a reason, or the parts, written again, are the
 * file that was opened, less its "optional." sections. (2) What opened answers
 * lookups and predictions for every index without leaving the file.
 *
 * Almost no mutation survives the checksum, so each input is tried twice: as it
 * is, and with its sizes and checksum made right. */
#include "base/file.h"
#include "base/memory.h"
#include "model/format.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* In memory where there is such a folder: writing syncs. */
static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void name_file(void)
{
    struct stat status;
    if (path[0] != '\0')
        return;
    snprintf(path, sizeof path, "%s/fuzz_model.%ld",
             stat("/dev/shm", &status) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    atexit(remove_file);
}

static bool has_optional_sections(const unsigned char *bytes)
{
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    const mf_section_entry *table = (const mf_section_entry *)(bytes + header.table_offset);
    for (uint32_t row = 0; row < header.n_sections; row++)
        if (strncmp(table[row].name, MF_SECTION_OPTIONAL_PREFIX,
                    sizeof MF_SECTION_OPTIONAL_PREFIX - 1) == 0)
            return true;
    return false;
}

static void use(const mf_model *model)
{
    const mf_model_parts *parts = mf_model_get(model);
    for (uint32_t user = 0; user < parts->n_users; user++) {
        const mf_id id = mf_id_list_get(&parts->users, user);
        REQUIRE(mf_model_find_user(model, id.bytes, id.n_bytes) == user, "user %u is lost\n", user);
        for (uint64_t k = parts->rated_start[user]; k < parts->rated_start[user + 1]; k++) {
            const float rating = mf_model_predict(model, user, parts->rated_items[k]);
            REQUIRE(rating >= parts->rating_min && rating <= parts->rating_max,
                    "a prediction of %g\n", (double)rating);
        }
    }
    for (uint32_t item = 0; item < parts->n_items; item++) {
        const mf_id id = mf_id_list_get(&parts->items, item);
        REQUIRE(mf_model_find_item(model, id.bytes, id.n_bytes) == item, "item %u is lost\n", item);
        REQUIRE(isfinite(mf_model_predict(model, MF_INDEX_NONE, item)), "not finite\n");
    }
}

static void write_again(const mf_model *model, const unsigned char *bytes, size_t n_bytes)
{
    mf_error err = {0};
    char *again = NULL;
    size_t n_again = 0;
    name_file();
    REQUIRE(mf_model_write(path, mf_model_get(model), &err), "write: %s\n", err.text);
    REQUIRE(mf_file_read(path, n_bytes, &again, &n_again, &err), "read: %s\n", err.text);
    if (has_optional_sections(bytes)) {
        REQUIRE(n_again < n_bytes, "an optional section was kept\n");
    } else {
        REQUIRE(n_again == n_bytes && memcmp(bytes, again, n_bytes) == 0, "written otherwise\n");
    }
    mf_free(again);
}

static void try_bytes(const unsigned char *bytes, size_t n_bytes)
{
    mf_error err = {0};
    mf_model *model = mf_model_open_bytes(bytes, n_bytes, "fuzz", &err);
    if (model == NULL) {
        REQUIRE(err.code == MF_ERR_FORMAT && strlen(err.text) > strlen("fuzz: "),
                "refused as %s: %s\n", mf_error_name(err.code), err.text);
        return;
    }
    use(model);
    write_again(model, bytes, n_bytes);
    mf_model_close(model);
}

/* What a fuzzer cannot guess: the magic, the sizes that follow from the length,
 * the checksum. */
static void mend(unsigned char *bytes, size_t n_bytes)
{
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    memcpy(header.magic, mf_model_kind.magic, sizeof header.magic);
    header.file_bytes = n_bytes;
    header.table_offset = n_bytes - (uint64_t)header.n_sections * sizeof(mf_section_entry);
    memcpy(bytes, &header, sizeof header);
    header.checksum = mf_section_checksum(bytes, n_bytes);
    memcpy(bytes, &header, sizeof header);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    void *copy = NULL;
    if (posix_memalign(&copy, 64, n_bytes > 0 ? n_bytes : 1) != 0)
        return 0;
    if (n_bytes > 0)
        memcpy(copy, bytes, n_bytes);
    try_bytes(copy, n_bytes);
    if (n_bytes >= sizeof(mf_section_header)) {
        mend(copy, n_bytes);
        try_bytes(copy, n_bytes);
    }
    free(copy);
    return 0;
}
