/* write.c: parts become a file: all of them are checked, then written section by section. */
#include "model/model.h"

#include "base/memory.h"
#include "model/check.h"
#include "model/format.h"

/* Promise (2), except that ids are distinct: building their table shows that. */
static bool check_parts(const mf_model_parts *parts, mf_error *err)
{
    mf_model_check check = {.parts = parts, .code = MF_ERR_ARGUMENT};
    mf_model_check_shape(&check);
    if (check.found.code == MF_OK &&
        (parts->users.n != parts->n_users || parts->items.n != parts->n_items))
        mf_fail(&check.found, MF_ERR_ARGUMENT, MF_NOWHERE,
                "not a usable model: %lu users have %lu ids, %lu items have %lu",
                (unsigned long)parts->n_users, (unsigned long)parts->users.n,
                (unsigned long)parts->n_items, (unsigned long)parts->items.n);
    for (size_t section = 0; section < MF_MODEL_SECTIONS && check.found.code == MF_OK; section++) {
        mf_model_array a;
        size_t n_bytes;
        if (!mf_model_has_section(parts, section) || !mf_model_array_of(parts, section, &a))
            continue;
        if (!mf_mul(a.count, a.size, &n_bytes) ||
            (mf_model_array_bytes(parts, &a) == NULL && n_bytes > 0))
            mf_fail(&check.found, MF_ERR_ARGUMENT, MF_NOWHERE, "not a usable model: it has no %s",
                    mf_model_kind.names[section]);
        else
            mf_model_check_section(&check, section, n_bytes);
    }
    if (check.found.code == MF_OK)
        mf_model_check_attributes(&check);
    return check.found.code == MF_OK || mf_fail_again(err, &check.found);
}

static bool write_shape(mf_section_writer *writer, const mf_model_parts *parts, mf_error *err)
{
    const mf_model_shape shape = {
        .n_users = parts->n_users,
        .n_items = parts->n_items,
        .n_factors = parts->n_factors,
        .n_rated = parts->n_rated,
        .global_mean = parts->global_mean,
        .rating_min = parts->rating_min,
        .rating_max = parts->rating_max,
        .regularization = parts->regularization,
        .bias_regularization = parts->bias_regularization,
    };
    return mf_section_writer_add(writer, MF_MODEL_SHAPE, &shape, sizeof shape, err);
}

static bool write_ranking(mf_section_writer *writer, const mf_ranking_parts *ranking, mf_error *err)
{
    const mf_model_ranking shape = {
        .n_factors = ranking->n_factors,
        .grading_kind = ranking->grading.kind,
        .grading_center = ranking->grading.center,
        .grading_scale = ranking->grading.scale,
        .recency = ranking->recency,
        .prior = ranking->prior,
        .regularization = ranking->regularization,
        .relevant_rating = ranking->relevant_rating,
        .rule = MF_MODEL_RANKING_RULE,
    };
    return mf_section_writer_add(writer, MF_MODEL_RANKING, &shape, sizeof shape, err);
}

static bool write_items(mf_section_writer *writer, const mf_attributes *attributes, mf_error *err)
{
    const mf_model_items shape = {attributes->n, attributes->unrated.n, attributes->title, {0}};
    return mf_section_writer_add(writer, MF_MODEL_ITEMS, &shape, sizeof shape, err);
}

/* `others` are ids that the list must not have; or NULL. */
static bool write_table(mf_section_writer *writer, size_t section, const char *what,
                        const mf_id_list *list, const mf_id_list *others, mf_error *err)
{
    const uint64_t n_slots = mf_id_table_slots(list->n);
    uint32_t *slots = mf_allocate(n_slots, sizeof *slots, "a table of ids", err);
    if (slots == NULL)
        return false;
    mf_error why = {0};
    bool ok = mf_id_table_build(list, slots, n_slots, &why);
    if (!ok)
        mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE, "not a usable model: its %s ids: %s", what,
                why.text);
    for (uint32_t k = 0; ok && others != NULL && k < others->n; k++) {
        const mf_id id = mf_id_list_get(others, k);
        ok = mf_id_table_find(list, slots, n_slots, id.bytes, id.n_bytes) == MF_INDEX_NONE ||
             mf_fail(err, MF_ERR_ARGUMENT, MF_NOWHERE,
                     "not a usable model: item %lu of the model is an unrated item too",
                     (unsigned long)k);
    }
    ok = ok && mf_section_writer_add(writer, section, slots, n_slots * sizeof *slots, err);
    mf_free(slots);
    return ok;
}

static bool write_section(mf_section_writer *writer, size_t section, const mf_model_parts *parts,
                          mf_error *err)
{
    mf_model_array a;
    switch (section) {
    case MF_MODEL_SHAPE:
        return write_shape(writer, parts, err);
    case MF_MODEL_RANKING:
        return write_ranking(writer, &parts->ranking, err);
    case MF_MODEL_USER_ID_TABLE:
        return write_table(writer, section, "user", &parts->users, NULL, err);
    case MF_MODEL_ITEM_ID_TABLE:
        return write_table(writer, section, "item", &parts->items, NULL, err);
    case MF_MODEL_ITEMS:
        return write_items(writer, &parts->attributes, err);
    case MF_MODEL_ITEMS_ID_TABLE:
        return write_table(writer, section, "unrated item", &parts->attributes.unrated,
                           &parts->items, err);
    default:
        return !mf_model_array_of(parts, section, &a) ||
               mf_section_writer_add(writer, section, mf_model_array_bytes(parts, &a),
                                     a.count * a.size, err);
    }
}

bool mf_model_write(const char *path, const mf_model_parts *parts, mf_error *err)
{
    if (!check_parts(parts, err))
        return false;
    mf_section_writer *writer = mf_section_writer_create(path, &mf_model_kind, err);
    if (writer == NULL)
        return false;
    bool ok = mf_section_writer_set_version(writer, mf_model_version(parts), err);
    for (size_t section = 0; ok && section < MF_MODEL_SECTIONS; section++)
        ok = !mf_model_has_section(parts, section) || write_section(writer, section, parts, err);
    if (ok)
        return mf_section_writer_commit(writer, err);
    mf_section_writer_destroy(writer);
    return false;
}
