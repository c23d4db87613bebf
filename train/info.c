/* info.c: makes one JSON object of a model and prints it as it is or as lines, so that both forms
 * have the same content. */
#include "info.h"

#include "base/error.h"
#include "base/number.h"
#include "json_build.h"
#include "model/model.h"
#include "model/section_file.h"
#include "model_argument.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the object ---------------------------------------------------------- */

/* The double with the fewest digits that is this float: 0.02, not 0.019999999552965164. */
static json_t *number(float value)
{
    char text[MF_NUMBER_TEXT_BYTES];
    return json_real(strtod(mf_write_double((double)value, true, text), NULL));
}

static json_t *text_of(const char *text)
{
    char printable[2 * MF_PATH_BYTES];
    return json_string(mf_printable(printable, sizeof printable, text, strlen(text)));
}

/* NULL where it is not one JSON object. */
static json_t *metadata_of(const mf_model_parts *parts)
{
    json_t *metadata = parts->metadata_bytes > 0
                           ? json_loadb(parts->metadata, parts->metadata_bytes, 0, NULL)
                           : NULL;
    if (json_is_object(metadata))
        return metadata;
    json_decref(metadata);
    return NULL;
}

static json_t *rating_model(const mf_model_parts *parts)
{
    if (parts->n_factors == 0)
        return json_null();
    json_t *object = json_object();
    mf_train_json_set(&object, "n_factors", json_integer(parts->n_factors));
    mf_train_json_set(&object, "rating_min", number(parts->rating_min));
    mf_train_json_set(&object, "rating_max", number(parts->rating_max));
    mf_train_json_set(&object, "global_mean", number(parts->global_mean));
    mf_train_json_set(&object, "regularization", number(parts->regularization));
    mf_train_json_set(&object, "bias_regularization", number(parts->bias_regularization));
    return object;
}

static json_t *ranking_model(const mf_ranking_parts *ranking)
{
    if (ranking->n_factors == 0)
        return json_null();
    json_t *object = json_object();
    mf_train_json_set(&object, "n_factors", json_integer(ranking->n_factors));
    mf_train_json_set(&object, "regularization", number(ranking->regularization));
    mf_train_json_set(&object, "recency", number(ranking->recency));
    mf_train_json_set(&object, "prior", number(ranking->prior));
    mf_train_json_set(&object, "grading", json_string(mf_grading_name(&ranking->grading)));
    mf_train_json_set(&object, "grading_center", number(ranking->grading.center));
    mf_train_json_set(&object, "grading_scale", number(ranking->grading.scale));
    mf_train_json_set(&object, "relevant_rating", number(ranking->relevant_rating));
    mf_train_json_set(&object, "times", json_boolean(ranking->time_ranks != NULL));
    return object;
}

/* What is known about the items: name and kind of each attribute. */
static json_t *item_attributes(const mf_attributes *attributes)
{
    if (!mf_attributes_exist(attributes))
        return json_null();
    json_t *object = json_object();
    for (uint32_t a = 0; a < attributes->n; a++) {
        const mf_attribute *attribute = &attributes->attribute[a];
        char kind[64];
        if (attribute->kind == MF_ATTRIBUTE_CATEGORIES)
            snprintf(kind, sizeof kind, "categories, %" PRIu32 " values", attribute->n_values);
        else
            snprintf(kind, sizeof kind, "%s",
                     a == attributes->title                   ? "title"
                     : attribute->kind == MF_ATTRIBUTE_NUMBER ? "number"
                                                              : "text");
        mf_train_json_set(&object, attribute->name, json_string(kind));
    }
    return object;
}

/* Which requests the model can respond to. The first order is the default. */
static json_t *abilities(const mf_model_parts *parts)
{
    json_t *orders = json_array();
    if (parts->ranking.n_factors > 0)
        mf_train_json_append(&orders, json_string("ranking"));
    if (parts->n_factors > 0)
        mf_train_json_append(&orders, json_string("rating"));
    mf_train_json_append(&orders, json_string("popularity"));
    json_t *object = json_object();
    mf_train_json_set(&object, "predicted_ratings", json_boolean(parts->n_factors > 0));
    mf_train_json_set(&object, "list_orders", orders);
    mf_train_json_set(&object, "similar_items", json_true());
    mf_train_json_set(&object, "visitors", json_true());
    return object;
}

static json_t *sections(const mf_model *model)
{
    json_t *array = json_array();
    const char *name;
    uint64_t n_bytes;
    for (size_t row = 0; mf_section_file_row(mf_model_file(model), row, &name, &n_bytes); row++) {
        json_t *section = json_object();
        mf_train_json_set(&section, "name", json_string(name));
        mf_train_json_set(&section, "bytes", json_integer((json_int_t)n_bytes));
        mf_train_json_append(&array, section);
    }
    return array;
}

/* A file may have a ranking model that this program cannot use (model/format.h, the rule). */
static bool ranking_is_unknown(const mf_model *model)
{
    const char *name;
    uint64_t n_bytes;
    for (size_t row = 0; mf_section_file_row(mf_model_file(model), row, &name, &n_bytes); row++)
        if (strcmp(name, "optional.ranking") == 0)
            return mf_model_get(model)->ranking.n_factors == 0;
    return false;
}

static json_t *describe(const mf_model *model, const char *name, mf_error *err)
{
    const mf_model_parts *parts = mf_model_get(model);
    const mf_section_header *header = mf_section_file_header(mf_model_file(model));
    char checksum[17];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, header->checksum);
    json_t *metadata = metadata_of(parts);
    const json_t *version = json_object_get(metadata, "version");
    json_t *object = json_object();
    mf_train_json_set(&object, "file", text_of(name));
    mf_train_json_set(&object, "file_bytes", json_integer((json_int_t)header->file_bytes));
    mf_train_json_set(&object, "checksum", json_string(checksum));
    mf_train_json_set(&object, "format_version", json_integer(header->version));
    mf_train_json_set(&object, "program_version",
                      json_is_string(version) ? json_string(json_string_value(version))
                                              : json_null());
    mf_train_json_set(&object, "n_users", json_integer(parts->n_users));
    mf_train_json_set(&object, "n_items", json_integer(parts->n_items));
    mf_train_json_set(&object, "n_ratings", json_integer((json_int_t)parts->n_rated));
    mf_train_json_set(&object, "rating_model", rating_model(parts));
    mf_train_json_set(&object, "ranking_model", ranking_model(&parts->ranking));
    mf_train_json_set(&object, "ranking_model_unknown", json_boolean(ranking_is_unknown(model)));
    mf_train_json_set(&object, "unrated_items", json_integer(parts->attributes.unrated.n));
    mf_train_json_set(&object, "item_attributes", item_attributes(&parts->attributes));
    mf_train_json_set(&object, "answers", abilities(parts));
    mf_train_json_set(&object, "sections", sections(model));
    mf_train_json_set(&object, "metadata", metadata != NULL ? metadata : json_null());
    if (object == NULL)
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for the description of a model");
    return object;
}

/* --- printing ------------------------------------------------------------ */

/* 1,234,567 */
static void print_count(json_int_t n)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            putchar(',');
        putchar(digits[i]);
    }
}

static void print_value(const json_t *value)
{
    char text[2 * MF_PATH_BYTES];
    if (json_is_string(value))
        fputs(mf_printable(text, sizeof text, json_string_value(value), json_string_length(value)),
              stdout);
    else if (json_is_integer(value))
        print_count(json_integer_value(value));
    else if (json_is_real(value))
        printf("%.9g", json_real_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", stdout);
    else
        fputs("unknown", stdout);
}

/* A line of a name of the JSON object and its value; of an array the first element is the default.
 */
static void print_line(const char *indent, const char *name, const json_t *value)
{
    printf("%s%-*s ", indent, 28 - (int)strlen(indent), name);
    if (json_is_array(value))
        for (size_t i = 0; i < json_array_size(value); i++) {
            fputs(i > 0 ? ", " : "", stdout);
            print_value(json_array_get(value, i));
            fputs(i == 0 ? " (default)" : "", stdout);
        }
    else
        print_value(value);
    putchar('\n');
}

static void print_member(json_t *object, const char *name, const char *when_null)
{
    const char *key;
    json_t *value;
    json_t *member = json_object_get(object, name);
    printf("\n%s%s\n", name, json_is_null(member) ? when_null : "");
    json_object_foreach(member, key, value) print_line("  ", key, value);
}

static bool print_json(const json_t *object)
{
    const bool ok = json_dumpf(object, stdout, MF_TRAIN_JSON_FLAGS) == 0;
    putchar('\n');
    return ok;
}

static bool print_lines(json_t *object)
{
    static const char *const heads[] = {"file",           "file_bytes",      "checksum",
                                        "format_version", "program_version", "n_users",
                                        "n_items",        "n_ratings",       "unrated_items"};
    json_t *section;
    size_t i;
    for (i = 0; i < sizeof heads / sizeof heads[0]; i++)
        print_line("", heads[i], json_object_get(object, heads[i]));
    print_member(object, "rating_model", ": none");
    print_member(object, "ranking_model",
                 json_is_true(json_object_get(object, "ranking_model_unknown"))
                     ? ": of a rule that this program does not know"
                     : ": none");
    print_member(object, "item_attributes", ": none");
    print_member(object, "answers", "");
    puts("\nsections and their bytes");
    json_array_foreach(json_object_get(object, "sections"), i, section)
        print_line("  ", json_string_value(json_object_get(section, "name")),
                   json_object_get(section, "bytes"));
    const json_t *metadata = json_object_get(object, "metadata");
    if (json_is_null(metadata)) {
        puts("\nmetadata: not a JSON object");
        return true;
    }
    puts("\nmetadata");
    return print_json(metadata);
}

int mf_info_print(const char *path, bool as_json)
{
    int status = 1;
    mf_error err = {0};
    mf_mapped_model mapped = {0};
    json_t *object = NULL;
    mf_model *model = mf_model_argument_open(path, &mapped, &err);
    if (model == NULL)
        goto done;
    object = describe(model, mapped.name, &err);
    if (object == NULL)
        goto done;
    const bool printed = as_json ? print_json(object) : print_lines(object);
    if (fflush(stdout) != 0 || ferror(stdout) || !printed) {
        mf_fail(&err, MF_ERR_IO, MF_NOWHERE, "standard output cannot be written");
        goto done;
    }
    status = 0;
done:
    if (err.code != MF_OK)
        fprintf(stderr, "train: %s\n", err.text);
    json_decref(object);
    mf_model_close(model);
    mf_mapped_model_close(&mapped);
    return status;
}
