/* steering.c: reads what steers a list, and finds it in a model.
 *
 * (1) Conditions that stand alone in an object are not wrapped into an AND, so that {"or":[…]} inside of
 *     {"or":[…]} counts as two of the levels that where.h allows. */
#include "inference/steering.h"

#include "base/grow.h"
#include "inference/named_lists.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------ reading */

static mf_id text_of(const json_t *value)
{
    return (mf_id){json_string_value(value), json_string_length(value)};
}

/* The field inside a field: "where.genres.any". */
static void name_inside(char to[MF_FIELD_BYTES], const char *field, const char *name)
{
    char shown[MF_SHOWN_BYTES];
    mf_printable(shown, sizeof shown, name, strlen(name));
    snprintf(to, MF_FIELD_BYTES, "%.40s.%.50s", field, shown);
}

/* A text or an array of texts. */
static bool read_values(mf_steering *steering, const mf_reading *r, const char *field,
                        const json_t *value, mf_condition_list *list)
{
    const bool is_array = json_is_array(value);
    const size_t n = is_array ? json_array_size(value) : 1;
    mf_id *values = mf_conditions_take_values(steering->conditions, n, r->err);
    if (values == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = is_array ? json_array_get(value, i) : value;
        char element[MF_FIELD_BYTES + 24];
        snprintf(element, sizeof element, is_array ? "%s[%zu]" : "%s", field, i);
        if (!json_is_string(one))
            return mf_reading_fail_kind(r, element, "a text", one);
        values[i] = text_of(one);
    }
    *list = (mf_condition_list){values, n};
    return n > 0 || MF_READING_FAIL(r, field, "expected at least one value, found an empty array");
}

static bool read_bound(const mf_reading *r, const char *field, const json_t *value, double *bound)
{
    if (!json_is_number(value))
        return mf_reading_fail_kind(r, field, "a number", value);
    *bound = json_number_value(value);
    return true;
}

/* {"any":[…],"none":[…]}, {"from":1990}, "Comedy", ["Comedy","Drama"] or 1990. */
static bool read_attribute(mf_steering *steering, const mf_reading *r, const char *field,
                           json_t *value, mf_condition *to)
{
    to->is_bare = !json_is_object(value);
    if (json_is_string(value) || json_is_array(value))
        return read_values(steering, r, field, value, &to->any);
    if (json_is_number(value)) {
        to->from = to->to = json_number_value(value);
        return true;
    }
    if (!json_is_object(value))
        return mf_reading_fail_kind(r, field, "a condition such as {\"any\":[…]} or {\"from\":…}",
                                    value);
    if (json_object_size(value) == 0)
        return MF_READING_FAIL(r, field, "expected any, all, none, from or to");
    const char *name;
    json_t *each;
    json_object_foreach(value, name, each)
    {
        char inside[MF_FIELD_BYTES];
        name_inside(inside, field, name);
        const bool ok =
            strcmp(name, "any") == 0    ? read_values(steering, r, inside, each, &to->any)
            : strcmp(name, "all") == 0  ? read_values(steering, r, inside, each, &to->all)
            : strcmp(name, "none") == 0 ? read_values(steering, r, inside, each, &to->none)
            : strcmp(name, "from") == 0 ? read_bound(r, inside, each, &to->from)
            : strcmp(name, "to") == 0
                ? read_bound(r, inside, each, &to->to)
                : MF_READING_FAIL(r, inside,
                                  "unknown condition: expected any, all, none, from "
                                  "or to");
        if (!ok)
            return false;
    }
    return true;
}

static bool read_object(mf_steering *steering, const mf_reading *r, const char *field,
                        json_t *value, mf_condition *to);

/* One member of an object: an attribute, or "and" or "or" with an array of objects. */
static bool read_member(mf_steering *steering, const mf_reading *r, const char *field,
                        const char *name, json_t *value, mf_condition *to)
{
    char inside[MF_FIELD_BYTES];
    const bool is_or = strcmp(name, "or") == 0;
    name_inside(inside, field, name);
    if (!is_or && strcmp(name, "and") != 0) {
        to->name = (mf_id){name, strlen(name)};
        return read_attribute(steering, r, inside, value, to);
    }
    if (!mf_reading_array(r, inside, value, MF_CONDITIONS_MAX, "conditions"))
        return false;
    const size_t n = json_array_size(value);
    mf_condition *parts = mf_conditions_take(steering->conditions, n, r->err);
    if (parts == NULL)
        return false;
    to->kind = is_or ? MF_CONDITION_OR : MF_CONDITION_AND;
    to->part = parts;
    to->n_parts = n;
    for (size_t i = 0; i < n; i++) {
        char element[MF_FIELD_BYTES + 24];
        snprintf(element, sizeof element, "%s[%zu]", inside, i);
        if (!read_object(steering, r, element, json_array_get(value, i), &parts[i]))
            return false;
    }
    return true;
}

/* (1) */
static bool read_object(mf_steering *steering, const mf_reading *r, const char *field,
                        json_t *value, mf_condition *to)
{
    if (!json_is_object(value))
        return mf_reading_fail_kind(r, field, "an object {\"attribute\":condition,…}", value);
    const size_t n = json_object_size(value);
    if (n == 0)
        return MF_READING_FAIL(r, field, "expected at least one condition, found an empty object");
    mf_condition *parts = n == 1 ? to : mf_conditions_take(steering->conditions, n, r->err);
    if (parts == NULL)
        return false;
    if (n > 1) {
        to->kind = MF_CONDITION_AND;
        to->is_object = true;
        to->part = parts;
        to->n_parts = n;
    }
    const char *name;
    json_t *each;
    json_object_foreach(
        value, name, each) if (!read_member(steering, r, field, name, each, parts++)) return false;
    return true;
}

static bool read_where(mf_steering *steering, const mf_reading *r, const char *field, json_t *value)
{
    if (steering->conditions == NULL)
        steering->conditions =
            mf_allocate(1, sizeof *steering->conditions, "the conditions of an instance", r->err);
    if (steering->conditions == NULL)
        return false;
    steering->conditions->n = steering->conditions->n_values = 0;
    mf_error limit = {0};
    const mf_reading inside = {
        .limits = r->limits, .place = r->place, .err = &limit, .rounded = r->rounded};
    mf_condition *root = mf_conditions_take(steering->conditions, 1, r->err);
    if (root == NULL)
        return false;
    if (!read_object(steering, &inside, field, value, root))
        return limit.code == MF_ERR_LIMIT
                   ? mf_place_fail(r->err, MF_ERR_PARSE, r->place, field, "%s", limit.text)
                   : mf_fail_again(r->err, &limit);
    steering->where =
        (mf_condition){.kind = MF_CONDITION_AND, .is_object = true, .part = root, .n_parts = 1};
    if (root->kind != MF_CONDITION_ATTRIBUTE)
        steering->where = *root;
    return true;
}

static bool read_diversity(mf_steering *steering, const mf_reading *r, const char *field,
                           const json_t *value)
{
    const double diversity = json_number_value(value); /* 0 for other types */
    if (!json_is_number(value) || !(diversity >= 0 && diversity <= 1))
        return MF_READING_FAIL(r, field, "expected a number from 0 to 1");
    steering->diversity = (float)diversity;
    return true;
}

/* {"genres":2} */
static bool read_quotas(mf_steering *steering, const mf_reading *r, const char *field,
                        json_t *value)
{
    if (!json_is_object(value))
        return mf_reading_fail_kind(r, field, "an object such as {\"genres\":2}", value);
    const size_t n = json_object_size(value);
    if (n < 1 || n > MF_ATTRIBUTES_MAX)
        return MF_READING_FAIL(r, field, "expected 1 to %d attributes, found %zu",
                               MF_ATTRIBUTES_MAX, n);
    const char *name;
    json_t *each;
    json_object_foreach(value, name, each)
    {
        char inside[MF_FIELD_BYTES];
        struct mf_steering_quota *quota = &steering->quotas[steering->n_quotas++];
        name_inside(inside, field, name);
        quota->attribute = (mf_id){name, strlen(name)};
        if (!mf_reading_count(r, inside, each, 1, r->limits->max_top_n, &quota->most))
            return false;
    }
    return true;
}

/* "title" or ["title","genres"] */
static bool read_with(mf_steering *steering, const mf_reading *r, const char *field,
                      const json_t *value)
{
    const bool is_array = !json_is_string(value);
    steering->with_is_array = is_array;
    if (is_array && !mf_reading_array(r, field, value, MF_ATTRIBUTES_MAX, "attributes"))
        return false;
    const size_t n = is_array ? json_array_size(value) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *one = is_array ? json_array_get(value, i) : value;
        char element[MF_FIELD_BYTES];
        snprintf(element, sizeof element, "%.64s[%zu]", field, i);
        if (!json_is_string(one))
            return mf_reading_fail_kind(r, element, "the name of an attribute", one);
        for (size_t k = 0; k < i; k++)
            if (mf_id_compare(steering->with[k], text_of(one)) == 0)
                return MF_READING_FAIL(r, element, "the attribute is there twice");
        steering->with[steering->n_with++] = text_of(one);
    }
    return true;
}

bool mf_steering_read(mf_steering *steering, const mf_reading *r, mf_field field, const char *name,
                      json_t *value)
{
    switch (field) {
    case MF_FIELD_WHERE:
        return read_where(steering, r, name, value);
    case MF_FIELD_EXCLUDE:
        return mf_reading_ids(r, name, value, SIZE_MAX, &steering->exclude);
    case MF_FIELD_IN:
        steering->in = text_of(value);
        if (!json_is_string(value))
            return mf_reading_fail_kind(r, name, "the name of a list", value);
        return steering->in.n_bytes > 0 ||
               MF_READING_FAIL(r, name, "expected the name of a list, found an empty text");
    case MF_FIELD_DIVERSITY:
        return read_diversity(steering, r, name, value);
    case MF_FIELD_MAX_PER:
        return read_quotas(steering, r, name, value);
    case MF_FIELD_OFFSET:
        return mf_reading_count(r, name, value, 0, UINT32_MAX / 2, &steering->offset);
    case MF_FIELD_EXPLAIN:
        return mf_reading_count(r, name, value, 1, MF_EXPLAIN_MAX, &steering->n_reasons);
    default:
        return read_with(steering, r, name, value);
    }
}

void mf_steering_clear(mf_steering *steering)
{
    *steering = (mf_steering){
        .exclude = {.id = steering->exclude.id, .capacity = steering->exclude.capacity},
        .conditions = steering->conditions};
}

void mf_steering_free(mf_steering *steering)
{
    mf_free(steering->exclude.id);
    mf_free(steering->conditions);
    *steering = (mf_steering){.n_with = 0};
}

/* ---------------------------------------------------------------------- resolving */

/* Adds the place and the field to an error of a name. */
static bool fail_at(mf_place place, const char *field, const mf_error *cause, mf_error *err)
{
    return mf_place_fail(err, cause->code, place, field, "%s", cause->text);
}

static bool resolve_allowed(const mf_steering *steering, const mf_model *model,
                            const mf_named_lists *lists, mf_place place, mf_steered *steered,
                            mf_error *err)
{
    const mf_model_parts *parts = mf_model_get(model);
    const size_t n_words = mf_where_words(parts->n_items);
    const mf_named_list *list = NULL;
    mf_error cause = {0};
    uint32_t n_allowed;
    char inside[MF_WHERE_FIELD_BYTES], field[MF_WHERE_FIELD_BYTES + 8];
    if (steering->in.n_bytes > 0) {
        list = mf_named_lists_find(lists, steering->in, &cause);
        if (list == NULL)
            return fail_at(place, "in", &cause, err);
        steered->allowed = list->words;
    }
    if (steering->where.n_parts == 0)
        return true;
    if (!MF_GROW(steered->words, steered->words_capacity, (1 + MF_WHERE_BITMAPS) * n_words,
                 "the items of an instance", err))
        return false;
    if (!mf_where_select(parts, &steering->where, steered->words, steered->words + n_words,
                         &n_allowed, inside, &cause)) {
        snprintf(field, sizeof field, "where%s%s", inside[0] != '\0' ? "." : "", inside);
        return fail_at(place, field, &cause, err);
    }
    for (size_t w = 0; list != NULL && w < n_words; w++)
        steered->words[w] &= list->words[w];
    steered->allowed = steered->words;
    return true;
}

static bool resolve_exclude(const mf_steering *steering, const mf_model *model, mf_steered *steered,
                            mf_error *err)
{
    const size_t n = steering->exclude.n;
    if (!MF_GROW(steered->indexes, steered->indexes_capacity, n, "the items of an instance", err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const mf_id id = steering->exclude.id[i].id;
        steered->indexes[i] = mf_model_find_item(model, id.bytes, id.n_bytes);
        steered->n_unknown += steered->indexes[i] == MF_INDEX_NONE;
    }
    steered->exclude = steered->indexes;
    steered->n_exclude = n;
    return true;
}

static bool resolve_quotas(const mf_steering *steering, const mf_attributes *attributes,
                           mf_place place, mf_steered *steered, mf_error *err)
{
    for (size_t i = 0; i < steering->n_quotas; i++) {
        uint32_t attribute;
        mf_error cause = {0};
        char field[MF_FIELD_BYTES], name[MF_SHOWN_BYTES];
        const mf_id wanted = steering->quotas[i].attribute;
        snprintf(field, sizeof field, "max_per.%s",
                 mf_printable(name, sizeof name, wanted.bytes, wanted.n_bytes));
        if (!mf_where_attribute(attributes, wanted, &attribute, &cause))
            return fail_at(place, field, &cause, err);
        if (attributes->attribute[attribute].kind != MF_ATTRIBUTE_CATEGORIES)
            return mf_place_fail(err, MF_ERR_PARSE, place, field,
                                 "%s has no categories: expected an attribute that has",
                                 attributes->attribute[attribute].name);
        const mf_categories of = mf_attribute_categories(attributes, attribute);
        steered->quotas[steered->n_quotas++] = (mf_quota){
            .start = of.start,
            .values = of.values,
            .n_values = of.names.n,
            .most = steering->quotas[i].most,
        };
    }
    return true;
}

/* Attributes whose names stand in entries anyway. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {"score",        "predicted_rating", "similarity",
                                           "known_item",   "known_user",       "because",
                                           "popular_share"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return mf_field_find(name, strlen(name)) == MF_FIELD_ITEM_ID;
}

static bool resolve_with(const mf_steering *steering, const mf_attributes *attributes,
                         mf_place place, mf_steered *steered, mf_error *err)
{
    for (size_t i = 0; i < steering->n_with; i++) {
        mf_error cause = {0};
        uint32_t *attribute = &steered->with[steered->n_with++];
        char field[MF_FIELD_BYTES] = "with";
        if (steering->with_is_array)
            snprintf(field, sizeof field, "with[%zu]", i);
        if (!mf_where_attribute(attributes, steering->with[i], attribute, &cause))
            return fail_at(place, field, &cause, err);
        if (is_reserved(attributes->attribute[*attribute].name))
            return mf_place_fail(err, MF_ERR_PARSE, place, field,
                                 "%s is a name of the response itself: rename the column in the "
                                 "file of items",
                                 attributes->attribute[*attribute].name);
    }
    return true;
}

bool mf_steering_resolve(const mf_steering *steering, const mf_model *model,
                         const mf_named_lists *lists, mf_place place, mf_steered *steered,
                         mf_error *err)
{
    const mf_attributes *attributes = &mf_model_get(model)->attributes;
    steered->allowed = NULL;
    steered->n_exclude = steered->n_unknown = steered->n_quotas = steered->n_with = 0;
    return resolve_allowed(steering, model, lists, place, steered, err) &&
           resolve_exclude(steering, model, steered, err) &&
           resolve_quotas(steering, attributes, place, steered, err) &&
           resolve_with(steering, attributes, place, steered, err);
}

void mf_steered_free(mf_steered *steered)
{
    mf_free(steered->words);
    mf_free(steered->indexes);
    *steered = (mf_steered){.n_with = 0};
}

/* ------------------------------------------------------------------------ writing */

static void write_categories(const mf_attributes *attributes, uint32_t attribute, uint32_t row,
                             mf_text *text)
{
    const mf_categories of = mf_attribute_categories(attributes, attribute);
    mf_text_literal(text, "[");
    for (uint32_t k = of.start[row]; k < of.start[row + 1]; k++) {
        const mf_id value = mf_id_list_get(&of.names, of.values[k]);
        if (k > of.start[row])
            mf_text_literal(text, ",");
        mf_text_json(text, value.bytes, value.n_bytes);
    }
    mf_text_literal(text, "]");
}

static void write_value(const mf_attributes *attributes, uint32_t attribute, uint32_t row,
                        mf_text *text)
{
    const mf_attribute_kind kind = (mf_attribute_kind)attributes->attribute[attribute].kind;
    if (row != MF_INDEX_NONE && kind == MF_ATTRIBUTE_CATEGORIES) {
        write_categories(attributes, attribute, row, text);
        return;
    }
    const mf_id written = row != MF_INDEX_NONE && kind == MF_ATTRIBUTE_TEXT
                              ? mf_attribute_text(attributes, attribute, row)
                              : (mf_id){NULL, 0};
    const double number = row != MF_INDEX_NONE && kind == MF_ATTRIBUTE_NUMBER
                              ? mf_attribute_numbers(attributes, attribute).value[row]
                              : (double)NAN;
    if (written.n_bytes > 0)
        mf_text_json(text, written.bytes, written.n_bytes);
    else if (isfinite(number))
        mf_text_double(text, number);
    else
        mf_text_literal(text, "null");
}

void mf_steered_write(const mf_steered *steered, const mf_model_parts *parts, uint32_t row,
                      mf_text *text)
{
    for (size_t i = 0; i < steered->n_with; i++) {
        const char *name = parts->attributes.attribute[steered->with[i]].name;
        mf_text_literal(text, ",");
        mf_text_json(text, name, strlen(name));
        mf_text_literal(text, ":");
        write_value(&parts->attributes, steered->with[i], row, text);
    }
}
