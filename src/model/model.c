/* model.c: a file becomes a model, whose arrays are views into the file's bytes; lookups in it.
 *
 * While section_file.c hashes the file, check.c checks the same piece. The id tables are walked
 * after the checksum has proved the bytes, because a walk jumps about in the file. */
#include "model/model.h"

#include "base/memory.h"
#include "model/check.h"
#include "model/dot.h"
#include "model/format.h"

#include <string.h>

struct mf_model {
    mf_model_parts parts; /* views into file */
    const uint32_t *user_slots;
    const uint32_t *item_slots;
    const uint32_t *unrated_slots; /* NULL: no catalogue */
    mf_section_file *file;
};

typedef struct opening {
    mf_model *model;
    mf_model_check check;
} opening;

static bool bind_shape(mf_model_parts *parts, const mf_section_file *file, mf_error *err)
{
    const mf_model_shape *shape =
        mf_section_file_require(file, MF_MODEL_SHAPE, 1, sizeof *shape, err);
    if (shape == NULL)
        return false;
    if (shape->zero != 0 || !mf_section_is_zero(shape->zeros, sizeof shape->zeros))
        return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(file),
                       "damaged model: its shape has bytes that should be zero");
    parts->n_users = parts->users.n = shape->n_users;
    parts->n_items = parts->items.n = shape->n_items;
    parts->n_factors = shape->n_factors;
    parts->n_rated = shape->n_rated;
    parts->global_mean = shape->global_mean;
    parts->rating_min = shape->rating_min;
    parts->rating_max = shape->rating_max;
    parts->regularization = shape->regularization;
    parts->bias_regularization = shape->bias_regularization;
    return true;
}

/* What the version promises about the rating model. */
static bool check_version(const mf_model_parts *parts, const mf_section_file *file, mf_error *err)
{
    const mf_where where = mf_section_file_where(file);
    size_t n_bytes;
    if (mf_section_file_header(file)->version == MF_MODEL_VERSION_RATING)
        return parts->n_factors > 0 ||
               mf_fail(err, MF_ERR_FORMAT, where,
                       "not a usable model: n_factors is 0, in a file of format version %d it must "
                       "be 1 to %d",
                       MF_MODEL_VERSION_RATING, MF_MODEL_FACTORS_MAX);
    if (parts->n_factors > 0)
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "not a usable model: n_factors is %lu, in a file of format version %d it "
                       "must be 0",
                       (unsigned long)parts->n_factors, MF_MODEL_VERSION_RANKING);
    for (size_t section = MF_MODEL_USER_BIAS; section <= MF_MODEL_ITEM_FACTORS; section++)
        if (mf_section_file_get(file, section, &n_bytes) != NULL)
            return mf_fail(err, MF_ERR_FORMAT, where,
                           "not a usable model: a file of format version %d has a section %s",
                           MF_MODEL_VERSION_RANKING, mf_model_kind.names[section]);
    return true;
}

/* Without the section `head` none of those up to `last` may be there either. */
static bool check_orphans(const mf_section_file *file, size_t head, size_t last, mf_error *err)
{
    size_t n_bytes;
    for (size_t section = head + 1; section <= last; section++)
        if (mf_section_file_get(file, section, &n_bytes) != NULL)
            return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(file),
                           "damaged model: it has a section %s, but no section %s",
                           mf_model_kind.names[section], mf_model_kind.names[head]);
    return true;
}

/* The counts and settings of the ranking model. A file with a rating model may lack the section
 * optional.ranking, or have one of an unknown rule: then the model has no ranking model. */
static bool bind_ranking_shape(mf_model_parts *parts, const mf_section_file *file, mf_error *err)
{
    const mf_where where = mf_section_file_where(file);
    size_t n_bytes;
    const mf_model_ranking *shape = mf_section_file_get(file, MF_MODEL_RANKING, &n_bytes);
    if (shape == NULL && !check_orphans(file, MF_MODEL_RANKING, MF_MODEL_RANKING_TIMES, err))
        return false;
    if (shape == NULL && parts->n_factors > 0)
        return true;
    if (shape != NULL && n_bytes >= sizeof *shape && shape->rule != MF_MODEL_RANKING_RULE)
        return parts->n_factors > 0 ||
               mf_fail(err, MF_ERR_FORMAT, where,
                       "a ranking model of rule %lu and nothing else, this program knows rule %d: "
                       "it was written by another release",
                       (unsigned long)shape->rule, MF_MODEL_RANKING_RULE);
    shape = mf_section_file_require(file, MF_MODEL_RANKING, 1, sizeof *shape, err);
    if (shape == NULL)
        return false;
    if (!mf_section_is_zero(shape->zeros, sizeof shape->zeros))
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "damaged model: its section %s has bytes that should be zero",
                       mf_model_kind.names[MF_MODEL_RANKING]);
    if (shape->n_factors == 0)
        return mf_fail(err, MF_ERR_FORMAT, where,
                       "not a usable model: n_factors of ranking is 0, it must be 1 to %d",
                       MF_MODEL_RANKING_FACTORS_MAX);
    parts->ranking = (mf_ranking_parts){
        .n_factors = shape->n_factors,
        .grading = {shape->grading_kind, shape->grading_center, shape->grading_scale},
        .recency = shape->recency,
        .prior = shape->prior,
        .regularization = shape->regularization,
        .relevant_rating = shape->relevant_rating,
    };
    return true;
}

/* The counts of the attributes, and the attributes themselves: sizes of arrays follow from them. */
static bool bind_items_shape(mf_model_parts *parts, const mf_section_file *file, mf_error *err)
{
    size_t n_bytes;
    mf_attributes *attributes = &parts->attributes;
    if (mf_section_file_get(file, MF_MODEL_ITEMS, &n_bytes) == NULL)
        return check_orphans(file, MF_MODEL_ITEMS, MF_MODEL_ITEMS_BY_VALUE, err);
    const mf_model_items *shape =
        mf_section_file_require(file, MF_MODEL_ITEMS, 1, sizeof *shape, err);
    if (shape == NULL)
        return false;
    if (!mf_section_is_zero(shape->zeros, sizeof shape->zeros) ||
        (shape->n_attributes == 0 && shape->n_unrated == 0))
        return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(file),
                       "damaged model: its section %s is empty or has bytes that should be zero",
                       mf_model_kind.names[MF_MODEL_ITEMS]);
    attributes->n = shape->n_attributes;
    attributes->unrated.n = shape->n_unrated;
    attributes->n_items = parts->n_items + shape->n_unrated;
    attributes->title = shape->title;
    attributes->attribute = mf_section_file_require(
        file, MF_MODEL_ITEMS_ATTRIBUTES, shape->n_attributes, sizeof *attributes->attribute, err);
    return attributes->attribute != NULL;
}

/* Sets the pointers of the parts. Starts of ids come before their bytes, whose count they hold. */
static bool bind_arrays(mf_model *model, const mf_section_file *file, mf_error *err)
{
    mf_model_parts *parts = &model->parts;
    size_t n_bytes;
    mf_section_file_get(file, MF_MODEL_METADATA, &parts->metadata_bytes);
    for (size_t section = 0; section < MF_MODEL_SECTIONS; section++) {
        mf_model_array array;
        if (!mf_model_array_of(parts, section, &array))
            continue;
        if (section == MF_MODEL_RANKING_TIMES &&
            mf_section_file_get(file, section, &n_bytes) == NULL)
            continue;
        const void *bytes = mf_section_file_require(file, section, array.count, array.size, err);
        if (bytes == NULL)
            return false;
        memcpy((char *)parts + array.offset, &bytes, sizeof bytes);
    }
    model->user_slots =
        mf_section_file_require(file, MF_MODEL_USER_ID_TABLE, mf_id_table_slots(parts->n_users),
                                sizeof *model->user_slots, err);
    model->item_slots =
        mf_section_file_require(file, MF_MODEL_ITEM_ID_TABLE, mf_id_table_slots(parts->n_items),
                                sizeof *model->item_slots, err);
    if (mf_attributes_exist(&parts->attributes) && model->item_slots != NULL) {
        model->unrated_slots = mf_section_file_require(
            file, MF_MODEL_ITEMS_ID_TABLE, mf_id_table_slots(parts->attributes.unrated.n),
            sizeof *model->unrated_slots, err);
        return model->user_slots != NULL && model->unrated_slots != NULL;
    }
    return model->user_slots != NULL && model->item_slots != NULL;
}

/* False with the finding in *err, if there is one. */
static bool is_clean(const opening *o, mf_error *err)
{
    return o->check.found.code == MF_OK || mf_fail_again(err, &o->check.found);
}

static bool shapes(void *context, const mf_section_file *file, mf_error *err)
{
    opening *o = context;
    mf_model_parts *parts = &o->model->parts;
    o->check.where = mf_section_file_where(file);
    if (!bind_shape(parts, file, err) || !check_version(parts, file, err) ||
        !bind_ranking_shape(parts, file, err) || !bind_items_shape(parts, file, err))
        return false;
    mf_model_check_shape(&o->check);
    return is_clean(o, err) && bind_arrays(o->model, file, err);
}

static void piece(void *context, size_t section, size_t offset, size_t n_bytes)
{
    opening *o = context;
    mf_model_check_piece(&o->check, section, offset, n_bytes);
}

static bool check_table(const mf_model *model, const char *what, const mf_id_list *list,
                        const uint32_t *slots, mf_error *err)
{
    mf_error why = {0};
    return mf_id_table_check(list, slots, mf_id_table_slots(list->n), &why) ||
           mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(model->file),
                   "not a usable model: the table of its %s ids: %s", what, why.text);
}

/* The attributes, and that no id is both in the model and unrated. */
static bool check_catalogue(opening *o, mf_error *err)
{
    const mf_model *model = o->model;
    const mf_id_list *unrated = &model->parts.attributes.unrated;
    if (model->unrated_slots == NULL)
        return true;
    mf_model_check_attributes(&o->check);
    if (!is_clean(o, err) ||
        !check_table(model, "unrated item", unrated, model->unrated_slots, err))
        return false;
    for (uint32_t k = 0; k < unrated->n; k++) {
        const mf_id id = mf_id_list_get(unrated, k);
        if (mf_model_find_item(model, id.bytes, id.n_bytes) != MF_INDEX_NONE)
            return mf_fail(err, MF_ERR_FORMAT, mf_section_file_where(model->file),
                           "not a usable model: unrated item %lu is an item of the model",
                           (unsigned long)k);
    }
    return true;
}

typedef mf_section_file *open_file(const char *path, const mf_section_kind *kind,
                                   const mf_section_check *check, mf_error *err);

/* Opens the file at path, or with `open` NULL the bytes, which have path as their name. */
static mf_model *open_model(open_file *open, const char *path, const void *bytes, size_t n_bytes,
                            mf_error *err)
{
    mf_model *model = mf_allocate(1, sizeof *model, "a model", err);
    if (model == NULL)
        return NULL;
    opening o = {.model = model, .check = {.parts = &model->parts, .code = MF_ERR_FORMAT}};
    const mf_section_check check = {shapes, piece, &o};
    model->file = open != NULL ? open(path, &mf_model_kind, &check, err)
                               : mf_section_file_open_bytes(bytes, n_bytes, path, &mf_model_kind,
                                                            &check, err);
    if (model->file != NULL && is_clean(&o, err) &&
        check_table(model, "user", &model->parts.users, model->user_slots, err) &&
        check_table(model, "item", &model->parts.items, model->item_slots, err) &&
        check_catalogue(&o, err))
        return model;
    mf_model_close(model);
    return NULL;
}

mf_model *mf_model_open(const char *path, mf_error *err)
{
    return open_model(mf_section_file_open, path, NULL, 0, err);
}

mf_model *mf_model_load(const char *path, mf_error *err)
{
    return open_model(mf_section_file_load, path, NULL, 0, err);
}

mf_model *mf_model_open_bytes(const void *bytes, size_t n_bytes, const char *name, mf_error *err)
{
    return open_model(NULL, name, bytes, n_bytes, err);
}

bool mf_model_check_start(const void *first, uint64_t n_bytes, const char *name, mf_error *err)
{
    return mf_section_file_check_start(first, n_bytes, name, &mf_model_kind, err);
}

mf_model *mf_model_view(const mf_model_parts *parts, mf_error *err)
{
    mf_model *model = mf_allocate(1, sizeof *model, "a model", err);
    if (model != NULL)
        model->parts = *parts;
    return model;
}

void mf_model_close(mf_model *model)
{
    if (model == NULL)
        return;
    mf_section_file_close(model->file);
    mf_free(model);
}

/* --- lookups and predictions --------------------------------------------- */

const mf_model_parts *mf_model_get(const mf_model *model)
{
    return &model->parts;
}

uint64_t mf_model_checksum(const mf_model *model)
{
    return model->file != NULL ? mf_section_file_header(model->file)->checksum : 0;
}

/* Looks a number up in other notations; a function of its own, so that ids that are found do not pay for
 * its stack. */
__attribute__((noinline)) static uint32_t find_number(const mf_id_list *ids, const uint32_t *slots,
                                                      const char *id, size_t n_bytes)
{
    const uint64_t n_slots = mf_id_table_slots(ids->n);
    char number[MF_INTEGER_ID_BYTES + 2];
    const size_t n = mf_id_write_integer(id, n_bytes, number);
    if (n == 0)
        return MF_INDEX_NONE;
    const uint32_t index = mf_id_table_find(ids, slots, n_slots, number, n);
    number[n] = '.';
    number[n + 1] = '0';
    return index != MF_INDEX_NONE ? index : mf_id_table_find(ids, slots, n_slots, number, n + 2);
}

static uint32_t find(const mf_id_list *ids, const uint32_t *slots, const char *id, size_t n_bytes)
{
    if (slots == NULL)
        return MF_INDEX_NONE;
    const uint32_t index = mf_id_table_find(ids, slots, mf_id_table_slots(ids->n), id, n_bytes);
    return index != MF_INDEX_NONE ? index : find_number(ids, slots, id, n_bytes);
}

uint32_t mf_model_find_user(const mf_model *model, const char *id, size_t n_bytes)
{
    return find(&model->parts.users, model->user_slots, id, n_bytes);
}

uint32_t mf_model_find_item(const mf_model *model, const char *id, size_t n_bytes)
{
    return find(&model->parts.items, model->item_slots, id, n_bytes);
}

uint32_t mf_model_find_row(const mf_model *model, const char *id, size_t n_bytes)
{
    const uint32_t item = mf_model_find_item(model, id, n_bytes);
    if (item != MF_INDEX_NONE || model->unrated_slots == NULL)
        return item;
    const uint32_t k = find(&model->parts.attributes.unrated, model->unrated_slots, id, n_bytes);
    return k != MF_INDEX_NONE ? model->parts.n_items + k : MF_INDEX_NONE;
}

mf_id mf_model_row_id(const mf_model_parts *parts, uint32_t row)
{
    return row < parts->n_items ? mf_id_list_get(&parts->items, row)
                                : mf_id_list_get(&parts->attributes.unrated, row - parts->n_items);
}

const mf_section_file *mf_model_file(const mf_model *model)
{
    return model->file;
}

float mf_model_predict(const mf_model *model, uint32_t user, uint32_t item)
{
    const mf_model_parts *parts = &model->parts;
    const size_t stride = mf_model_stride(parts->n_factors);
    float rating = parts->global_mean;
    if (user != MF_INDEX_NONE)
        rating += parts->user_bias[user];
    if (item != MF_INDEX_NONE)
        rating += parts->item_bias[item];
    if (user != MF_INDEX_NONE && item != MF_INDEX_NONE)
        rating += mf_dot(parts->user_factors + user * stride, parts->item_factors + item * stride,
                         stride);
    /* Finite factors may overflow to infinity, or to NaN (infinity less infinity), for which every
     * comparison is false. */
    if (!(rating > parts->rating_min))
        return parts->rating_min;
    return rating < parts->rating_max ? rating : parts->rating_max;
}
