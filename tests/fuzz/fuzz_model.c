/* fuzz_model.c: any bytes as a model file.
 *
 * Properties: (1) open refuses with a reason, or the parts, written again, are the
 * file that was opened, less the "optional." sections that this program does not
 * know. (2) An opened model finds ids, attributes, predicts and scores for every index
 * without leaving the file, and its numbers are in the ranges of model.h.
 *
 * Almost no mutation survives the checksum, so each input is tried twice: as it
 * is, and with its sizes and checksum made right. */
#include "../unit/section_testing.h"

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

/* Of another name, or of a ranking model with another rule. */
static bool has_unknown_sections(const mf_model *model, const unsigned char *bytes)
{
    mf_section_header header;
    memcpy(&header, bytes, sizeof header);
    const mf_section_entry *table = (const mf_section_entry *)(bytes + header.table_offset);
    for (uint32_t row = 0; row < header.n_sections; row++) {
        bool known = false;
        for (size_t section = 0; section < MF_MODEL_SECTIONS; section++)
            known = known || (mf_model_has_section(mf_model_get(model), section) &&
                              strcmp(table[row].name, mf_model_kind.names[section]) == 0);
        if (!known)
            return true;
    }
    return false;
}

static void use_ranking(const mf_model_parts *parts)
{
    const mf_ranking_parts *ranking = &parts->ranking;
    const size_t stride = mf_model_stride(ranking->n_factors);
    for (uint32_t f = 0; f < ranking->n_factors; f++)
        REQUIRE(ranking->spectrum[f] > 0 &&
                    (f == 0 || ranking->spectrum[f] <= ranking->spectrum[f - 1]),
                "a spectrum that rises or is not above 0\n");
    for (size_t f = 0; f < stride; f++)
        REQUIRE(isfinite(ranking->mean_profile[f]), "a mean profile that is not finite\n");
    for (uint32_t user = 0; user < parts->n_users; user++) {
        uint32_t n_grades = 0;
        for (uint64_t k = parts->rated_start[user]; k < parts->rated_start[user + 1]; k++)
            n_grades += ranking->grades[k] != 0;
        for (uint64_t k = parts->rated_start[user]; k < parts->rated_start[user + 1]; k++) {
            const float *vector = ranking->item_vectors + parts->rated_items[k] * stride;
            for (size_t f = 0; f < stride; f++)
                REQUIRE(isfinite(vector[f]) && (f < ranking->n_factors || vector[f] == 0),
                        "a vector that is not finite or padded\n");
            if (ranking->time_ranks == NULL || ranking->grades[k] == 0)
                continue;
            const float weight = mf_age_weight(ranking->recency, ranking->time_ranks[k], n_grades);
            REQUIRE(weight >= 0.2999f && weight <= 1, "an age weight of %g\n", (double)weight);
        }
    }
}

static void use_attributes(const mf_model *model)
{
    const mf_model_parts *parts = mf_model_get(model);
    const mf_attributes *attributes = &parts->attributes;
    for (uint32_t row = 0; row < attributes->n_items; row++) {
        const mf_id id = mf_model_row_id(parts, row);
        REQUIRE(mf_model_find_row(model, id.bytes, id.n_bytes) == row, "row %u is lost\n", row);
    }
    for (uint32_t a = 0; a < attributes->n; a++) {
        const mf_attribute *attribute = &attributes->attribute[a];
        REQUIRE(mf_attribute_find(attributes, attribute->name, strlen(attribute->name)) == a,
                "attribute %u is lost\n", a);
        for (uint32_t row = 0; row < attributes->n_items; row++)
            if (attribute->kind == MF_ATTRIBUTE_TEXT) {
                const mf_id text = mf_attribute_text(attributes, a, row);
                for (size_t b = 0; b < text.n_bytes; b++)
                    REQUIRE((unsigned char)text.bytes[b] >= ' ', "a control character\n");
            } else if (attribute->kind == MF_ATTRIBUTE_NUMBER) {
                const mf_numbers n = mf_attribute_numbers(attributes, a);
                REQUIRE(isnan(n.value[n.order[row]]) == (row >= n.n_known),
                        "numbers in disorder\n");
            } else {
                const mf_categories c = mf_attribute_categories(attributes, a);
                for (uint32_t k = c.start[row]; k < c.start[row + 1]; k++) {
                    const mf_id name = mf_id_list_get(&c.names, c.values[k]);
                    bool found;
                    REQUIRE(mf_category_find(&c.names, name.bytes, name.n_bytes, &found) ==
                                    c.values[k] &&
                                found,
                            "a value is lost\n");
                }
            }
    }
}

static void use(const mf_model *model)
{
    const mf_model_parts *parts = mf_model_get(model);
    for (uint32_t user = 0; user < parts->n_users; user++) {
        const mf_id id = mf_id_list_get(&parts->users, user);
        REQUIRE(mf_model_find_user(model, id.bytes, id.n_bytes) == user, "user %u is lost\n", user);
        if (parts->n_factors == 0)
            continue;
        for (uint64_t k = parts->rated_start[user]; k < parts->rated_start[user + 1]; k++) {
            const float rating = mf_model_predict(model, user, parts->rated_items[k]);
            REQUIRE(rating >= parts->rating_min && rating <= parts->rating_max,
                    "a prediction of %g\n", (double)rating);
        }
    }
    for (uint32_t item = 0; item < parts->n_items; item++) {
        const mf_id id = mf_id_list_get(&parts->items, item);
        REQUIRE(mf_model_find_item(model, id.bytes, id.n_bytes) == item, "item %u is lost\n", item);
        if (parts->n_factors > 0)
            REQUIRE(isfinite(mf_model_predict(model, MF_INDEX_NONE, item)), "not finite\n");
    }
    REQUIRE(parts->n_factors > 0 || parts->ranking.n_factors > 0, "a model of nothing\n");
    if (parts->ranking.n_factors > 0)
        use_ranking(parts);
    use_attributes(model);
}

static void write_again(const mf_model *model, const unsigned char *bytes, size_t n_bytes)
{
    mf_error err = {0};
    char *again = NULL;
    size_t n_again = 0;
    name_file();
    REQUIRE(mf_model_write(path, mf_model_get(model), &err), "write: %s\n", err.text);
    REQUIRE(mf_file_read(path, n_bytes, &again, &n_again, &err), "read: %s\n", err.text);
    if (has_unknown_sections(model, bytes)) {
        REQUIRE(n_again < n_bytes, "a section that is not known was kept\n");
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
    header.checksum = section_checksum(bytes, n_bytes);
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
